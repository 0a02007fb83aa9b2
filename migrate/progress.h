/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Progress on stderr: a bar with rate and ETA on a terminal, now and then a
 * line otherwise; nothing with --json, for a machine reads the report there.
 */
#ifndef WINSMIGRATE_PROGRESS_H
#define WINSMIGRATE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	uint64_t size;		/* of the source in bytes; 0: not known */
	bool terminal;
	bool quiet;
	bool drawn;		/* a bar stands on the line */
	uint64_t began;		/* usec of the monotonic clock */
	uint64_t shown;
	uint64_t next;		/* the mark of the next line */
};

void progress_begin(struct progress *progress, uint64_t size);

/* So many rows, and bytes of the source, are done. */
void progress_step(struct progress *progress, uint64_t rows, uint64_t bytes);

/* Wipe the bar: something else is printed. */
void progress_end(struct progress *progress);

#endif
