/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is what a crash left behind good? One judge for images of the log and for
 * images of a recovery that crashed itself.
 */
#ifndef WINSD_FAULTS_JUDGE_H
#define WINSD_FAULTS_JUDGE_H

#include "faults/life.h"

/*
 * Open the store in this folder after a crash at this position of the history:
 * it must open, hold what it may hold, give out new versions, take turns, end
 * cleanly, open again with all of it, and be a valid tdb file. NULL or what is
 * wrong. *after, if not NULL, gets the history as it goes on from the crash,
 * for positions of the log if one is being recorded.
 */
const char *judge_image(const char *folder, const struct history *history,
			size_t at, uint64_t seed, struct history **after);

/* How many of them had a journal with batches to read. */
extern unsigned int judge_journals;

/* Each backup in the folder is whole; those that were finished are there. */
const char *judge_backups(const char *folder, const struct history *history,
			  size_t at);

/*
 * Is this a good tdb file? Read as bytes, not by libtdb: every chain and the
 * list of free space end, their records and the recovery area lie within the
 * file and nowhere over each other, lengths agree with what stands at the end.
 *
 * Not tdb_check(): it wants the records to lie side by side, and loses its way
 * where a crash left something between two of them that belongs to neither
 * (bytes of a file that just grew, a recovery area that its successor
 * replaced). libtdb goes by chains and never looks there.
 */
const char *judge_tdb(const char *path);

#endif
