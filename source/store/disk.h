/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk: wins.tdb with wins.journal before it, behind struct store_backend.
 * disk.c tells the design.
 */
#ifndef WINSD_STORE_DISK_H
#define WINSD_STORE_DISK_H

#include <talloc.h>

#include "store/backend.h"

/* Zero in a number: the usual value. */
struct store_disk_config {
	const char *database;		/* wins.tdb */
	const char *journal;		/* wins.journal */
	const char *reserve;		/* wins.reserve */
	bool durable;
	unsigned int chains;		/* of a new database */
	uint64_t journal_size;		/* bytes: 4 MiB, doubling up to */
	uint64_t journal_max;		/* bytes: 64 MiB */
	uint64_t reserve_size;		/* bytes kept free: 4 MiB */
	uint64_t file_warn;		/* bytes: 3 GiB */
	uint64_t file_limit;		/* bytes: see disk.c */
	unsigned int carry_msec;	/* longest wait in the journal: 5000 */
	unsigned int close_msec;	/* of carrying at the end: 10000 */
	unsigned int carry_changes;	/* in one transaction: 1000 */
};

/*
 * Open or make the database, replaying nothing yet: what the journal holds is
 * seen by fetch and load. Threads start with the first commit. 0 or an errno
 * and a message on mem_ctx that names the file and the command that helps.
 * Whoever calls this holds the lock (store_lock).
 */
int store_disk_open(TALLOC_CTX *mem_ctx, const struct store_disk_config *config,
		    struct store_backend *backend, char **message);

#endif
