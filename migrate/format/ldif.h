/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What wins.ldb borrows of its LDIF. */
#ifndef WINSMIGRATE_FORMAT_LDIF_H
#define WINSMIGRATE_FORMAT_LDIF_H

#include "migrate/format.h"

/*
 * Reads end->file as ops->open() does; it ends when priv is freed. by_entry:
 * places are numbers of entries, for nobody will see the lines.
 */
int ldif_reader_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		     bool by_entry, void **priv, char **message);
enum format_step ldif_reader_next(void *priv, struct row *row,
				  char **message);

#endif
