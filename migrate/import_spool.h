/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of a source in files that nobody else sees, so that they can be
 * gone through twice, in the order in which they can be imported: those of
 * other servers, then those of our own address by rising version, then those
 * that nobody owns.
 */
#ifndef WINSMIGRATE_IMPORT_SPOOL_H
#define WINSMIGRATE_IMPORT_SPOOL_H

#include <stdio.h>
#include <talloc.h>

#include "migrate/row.h"

enum spool_class {
	SPOOL_OTHERS,
	SPOOL_OURS,
	SPOOL_NOBODYS,
	SPOOL_CLASSES
};

struct spool;

/* A file without a name, where there is more room than memory. NULL: errno. */
FILE *spool_nameless(void);

/* 0 or an errno. */
int spool_create(TALLOC_CTX *mem_ctx, struct spool **spool);

/* row->changed, a literal, is kept as it is. */
int spool_put(struct spool *spool, enum spool_class class,
	      const struct row *row);

/* From the beginning, once more; no more rows are put. */
int spool_rewind(struct spool *spool);

/* True and the next row; false at the end, and *error. */
bool spool_next(struct spool *spool, struct row *row, int *error);

uint64_t spool_count(const struct spool *spool, enum spool_class class);

#endif
