/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing LMHOSTS. */
#ifndef WINSMIGRATE_FORMAT_LMHOSTS_OUT_H
#define WINSMIGRATE_FORMAT_LMHOSTS_OUT_H

#include "migrate/format.h"

struct lmhosts_out;

struct lmhosts_out *lmhosts_out_create(TALLOC_CTX *mem_ctx,
				       const struct format_end *end);

/* As put() of struct format_ops; nothing is written yet. */
int lmhosts_out_put(struct lmhosts_out *out, const struct row *row,
		    char **message);

/* Write it all: 0 or an errno. */
int lmhosts_out_end(struct lmhosts_out *out, char **message);

#endif
