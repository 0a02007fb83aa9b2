/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Progress, see progress.h. A terminal gets a bar five times a second, a log
 * gets a line for each tenth of a source of at least a megabyte, or for each
 * 100,000 rows where nobody knows how many there are: a small file is done
 * before anybody could read ten lines about it.
 */
#include "migrate/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "migrate/winsmigrate.h"

#define TENTHS_FROM	(1u << 20)	/* bytes */
#define ROWS_A_LINE	100000u
#define DRAW_USEC	200000u
#define BAR 30

static uint64_t now_usec(void)
{
	struct timespec now = { .tv_sec = 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

void progress_begin(struct progress *progress, uint64_t size)
{
	*progress = (struct progress) {
		.size = size,
		.terminal = isatty(STDERR_FILENO),
		.quiet = options.json != 0,
		.began = now_usec(),
		.next = size > 0 ? 1 : ROWS_A_LINE,
	};
	progress->shown = progress->began;
}

static void draw(struct progress *progress, uint64_t rows, uint64_t bytes,
		 uint64_t now)
{
	double seconds = (double)(now - progress->began) / 1e6;
	double share = progress->size == 0 ? 0 :
		(double)bytes / (double)progress->size;
	char bar[BAR + 1];

	if (progress->size == 0 || share <= 0) {
		(void)fprintf(stderr, "\r%" PRIu64 " rows, %.0f/s\033[K", rows,
			      (double)rows / seconds);
		return;
	}
	share = share > 1 ? 1 : share;
	for (unsigned int i = 0; i < BAR; i++) {
		bar[i] = i < share * BAR ? '#' : '.';
	}
	bar[BAR] = '\0';
	(void)fprintf(stderr, "\r[%s] %3.0f %%  %" PRIu64 " rows, %.0f/s, "
		      "%.0f s left\033[K", bar, share * 100, rows,
		      (double)rows / seconds,
		      seconds / share * (1 - share));
}

static void line(struct progress *progress, uint64_t rows, uint64_t bytes)
{
	if (progress->size == 0) {
		if (rows >= progress->next) {
			(void)fprintf(stderr, "%" PRIu64 " rows\n", rows);
			progress->next += ROWS_A_LINE;
		}
		return;
	}
	if (progress->size < TENTHS_FROM ||
	    bytes / (progress->size / 10) < progress->next) {
		return;
	}
	progress->next = bytes / (progress->size / 10);
	(void)fprintf(stderr, "%3" PRIu64 " %%  %" PRIu64 " rows\n",
		      progress->next * 10, rows);
	progress->next++;
}

void progress_step(struct progress *progress, uint64_t rows, uint64_t bytes)
{
	uint64_t now = 0;

	if (progress->quiet) {
		return;
	}
	if (!progress->terminal) {
		line(progress, rows, bytes);
		return;
	}
	now = now_usec();
	if (now - progress->shown >= DRAW_USEC) {
		draw(progress, rows, bytes, now);
		progress->shown = now;
		progress->drawn = true;
	}
}

void progress_end(struct progress *progress)
{
	if (progress->drawn) {
		(void)fputs("\r\033[K", stderr);
		progress->drawn = false;
	}
}
