/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A source: what somebody typed, its format found, opened for reading. A
 * file, a folder, "-", a pipe, or SCHEME://WHERE.
 */
#ifndef WINSMIGRATE_SOURCE_H
#define WINSMIGRATE_SOURCE_H

#include "migrate/format.h"

struct source {
	const char *path;		/* as typed */
	const char *shown;		/* in messages: without a last colon */
	const struct format_ops *ops;
	uint64_t size;			/* bytes; 0: nobody knows */
	FILE *file;			/* NULL: the format has its own way */
	void *priv;			/* of the format */
	TALLOC_CTX *mem_ctx;
	char *message;			/* of the latest failure; NULL */
};

/*
 * Open it: name is the format, NULL: find it out. TOOL_OK, or an exit code
 * after a message on stderr. Options and tally are borrowed. What is left
 * open when mem_ctx goes is closed.
 */
int source_open(TALLOC_CTX *mem_ctx, const char *path, const char *name,
		const struct format_options *format_options,
		struct tally *tally, struct source **source);

/* The format of this name that can do it; TOOL_OK or an exit code. */
int format_choose(const char *name, enum format_flag way,
		  const struct format_ops **ops);

/* The next row, told to the tally; source->message on FORMAT_FAILED. */
enum format_step source_next(struct source *source, struct tally *tally,
			     struct row *row);

/* Bytes that were taken of source->size. */
uint64_t source_position(const struct source *source);

#endif
