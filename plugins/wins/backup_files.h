/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The folder of backups: what a copy is called, which name is free, which
 * copies go. Nothing here knows a server; everything may run in any thread.
 *
 * A copy is wins-YYYYMMDD-HHMMSS.tdb, in UTC, with -1, -2 ... before the dot
 * for more of the same second. Only files of exactly this form are ever
 * deleted: what people put beside them is theirs.
 */
#ifndef WINS_BACKUP_FILES_H
#define WINS_BACKUP_FILES_H

#include <stdbool.h>
#include <stdint.h>

#define BACKUP_NAME	32	/* bytes, with the NUL */

/*
 * The name of a copy made at this time of the wall clock (the years 1970 to
 * 9999), the serial-th of its second. Returns name.
 */
char *backup_name(int64_t wall, unsigned int serial, char name[BACKUP_NAME]);

/* Has it that form? */
bool backup_is_name(const char *name);

/* Of two such names: below, at or above 0 as a is older, the same, newer. */
int backup_compare(const char *a, const char *b);

/*
 * Make the folder if it is not there (its parent must be), for its owner
 * alone; remove copies that were never finished; see that so many bytes and a
 * reserve are free on its disk; find a name that is free. 0 or an errno:
 * ENOSPC if there is not enough room, EEXIST if no name is free.
 */
int backup_prepare(const char *folder, int64_t wall, uint64_t bytes,
		   char name[BACKUP_NAME]);

/*
 * Delete the oldest until keep copies are left, never the one called fresh.
 * 0 or the first errno; the others are deleted all the same.
 */
int backup_prune(const char *folder, unsigned int keep, const char *fresh);

#endif
