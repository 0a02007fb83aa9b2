/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What wins.ldb borrows of its LDIF. */
#ifndef WINSMIGRATE_FORMAT_LDIF_H
#define WINSMIGRATE_FORMAT_LDIF_H

#include "migrate/format.h"

/* Reads end->file as ops->open() does, and ends as ops->close() does. */
int ldif_reader_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		     void **priv, char **message);
enum format_step ldif_reader_next(void *priv, struct row *row,
				  char **message);

#endif
