/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A target: a file that is there in whole or not at all, or standard output.
 */
#ifndef WINSMIGRATE_TARGET_H
#define WINSMIGRATE_TARGET_H

#include "migrate/format.h"

struct target {
	const struct format_ops *ops;
	const char *path;		/* NULL: standard output */
	char *part;			/* what is written; NULL */
	char *folder;			/* of a dry run; NULL */
	FILE *file;			/* NULL: the format has its own way */
	void *priv;			/* of the format; NULL after its end */
};

/*
 * Begin a target. path: NULL or "-": standard output. yes: what is there may
 * be replaced. dry_run: written nowhere. TOOL_OK, or an exit code after a
 * message. What was not finished when mem_ctx goes leaves nothing behind.
 */
int target_open(TALLOC_CTX *mem_ctx, const char *path,
		const struct format_ops *ops,
		const struct format_options *format_options,
		struct tally *tally, bool yes, bool dry_run,
		struct target **target);

/*
 * The last row is out: written to the disk, and in its place. TOOL_OK, or an
 * exit code after a message; what was there before stands then.
 */
int target_finish(struct target *target);

/* Is this path free, or may it be replaced? As target_open() says it. */
int target_free(const char *path, bool yes);

#endif
