/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An LMHOSTS file and those that it includes, as one run of lines.
 */
#ifndef WINSMIGRATE_FORMAT_LMHOSTS_FILES_H
#define WINSMIGRATE_FORMAT_LMHOSTS_FILES_H

#include "migrate/format/lmhosts_line.h"

struct lmhosts_files;

int lmhosts_files_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		       struct lmhosts_files **files, char **message);

/*
 * The next line that is an entry or wrong, in *raw as it stood. 1: there is
 * one, 0: the end, -1 after a message.
 */
int lmhosts_files_next(struct lmhosts_files *files, struct lmhosts_line *line,
		       struct piece *raw, char **message);

/* Where that line is: its number, and its file or NULL for the first one. */
uint64_t lmhosts_files_place(const struct lmhosts_files *files,
			     const char **name);

#endif
