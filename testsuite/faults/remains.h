/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the log of the shim to what a disk may hold after the power went.
 *
 * What was synced stays: a file's writes and length up to its last completed
 * fsync or fdatasync, names up to the last fsync of the folder. Everything
 * later is at the mercy of the disk, each write and each change of a length or
 * a name for itself: kept, lost, torn at sectors of 512 or pages of 4096
 * bytes, in any order. A kept name of a file says nothing about its content.
 * One thing is not doubted: a rename is one change, as on every file system
 * with a journal. A disk that loses what was synced, or writes garbage where
 * nothing was written, is not ours to survive.
 */
#ifndef WINSD_FAULTS_REMAINS_H
#define WINSD_FAULTS_REMAINS_H

#include "faults/shim.h"

/* splitmix64; any seed is as good as another. */
struct dice {
	uint64_t state;
};
uint64_t dice_next(struct dice *dice);
uint32_t dice_below(struct dice *dice, uint32_t sides);	/* 0 gives 0 */

/* How the disk treats what was not synced. */
enum remains_mode {
	REMAINS_KEPT,		/* nothing is lost: the process was killed */
	REMAINS_LOST,		/* all of it */
	REMAINS_PREFIX,		/* what came after some moment */
	REMAINS_SOME,		/* each change for itself */
	REMAINS_TORN,		/* so, in pieces, in any order */
	REMAINS_MODES,
};
const char *remains_mode_name(enum remains_mode mode);

/* One of them, the cruel ones more often. */
enum remains_mode remains_draw_mode(struct dice *dice);

/* The disk as it was at some moment of the log, which must outlive it. */
struct remains;
struct remains *remains_create(const struct shim_log *log);
void remains_free(struct remains *image);

/* The moment: before event[at]. Only forward. */
void remains_advance(struct remains *image, size_t at);

/* Changes that the disk may lose at this moment. */
unsigned int remains_pending(const struct remains *image);

/*
 * The log of a run that found its folder as the first log, all kept, left it
 * at some moment: what was not synced then is still not. Events [0, at) of
 * the one, then those of the other from its begin on. Both must outlive it.
 */
struct shim_log *remains_join(const struct shim_log *first, size_t at,
			      const struct shim_log *then);
void remains_unjoin(struct shim_log *joined);

/* Write one possible outcome into the folder, which must be empty. */
void remains_write(const struct remains *image, enum remains_mode mode,
		 struct dice *dice, const char *folder);

/* NULL if the log, all kept, says what is in the folder; else what differs. */
const char *remains_compare(const struct shim_log *log, const char *folder);

/* Make a folder, or make it empty. Aborts if that is not possible. */
void remains_clean(const char *folder);

#endif
