/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the loop's side of the disk (disk.c) and its two threads (committer.c,
 * carrier.c) share. Who may touch what:
 *
 *   the loop	opens, fetches, loads, before the first commit or backup;
 *		later only the fields under "lock"
 *   committer	appends to the journal, once the carrier has attached it;
 *		carries some of it ("carrying" held) when it is full
 *   carrier	everything that concerns wins.tdb, reads the journal
 *
 * No talloc in the threads.
 */
#ifndef WINSD_STORE_DISK_PRIVATE_H
#define WINSD_STORE_DISK_PRIVATE_H

#include <pthread.h>

#include "store/disk.h"
#include "store/journal.h"
#include "store/overlay.h"
#include "store/tdbfile.h"

struct disk_backup {
	char *path;			/* malloc'ed; NULL: none under way */
	bool finished;
	int error;
	uint64_t records;
	char *message;			/* malloc'ed */
};

struct disk {
	struct store_disk_config config;
	struct tdbfile *file;
	struct overlay *overlay;	/* until the first commit */
	int wake;			/* eventfd: ready() has to do */

	/* of the loop alone */
	bool threads;			/* they run */
	void (*done)(void *arg, int error);
	void *done_arg;
	void (*backup_done)(void *arg, int error, uint64_t records,
			    const char *message);
	void *backup_arg;

	pthread_t committer;
	pthread_t carrier;
	pthread_mutex_t carrying;	/* of wins.tdb; taken before lock */
	pthread_mutex_t lock;		/* of all that follows */
	pthread_cond_t to_committer;
	pthread_cond_t to_carrier;
	pthread_cond_t to_demander;	/* and the carrier that gives way */

	const struct store_batch *batch;	/* to be made durable */
	bool finished;			/* it is, or failed: */
	int error;
	bool stop_committer;

	struct journal *journal;	/* set once by open or the carrier */
	uint64_t id;			/* its */
	bool attached;			/* wins.tdb knows it, reserve is there */
	uint64_t appended;		/* number of the last durable batch */
	struct journal_pos next;	/* first that is not in wins.tdb */
	uint64_t waiting_since;		/* it is, monotonic ms; 0: nothing */
	uint64_t demanded;		/* times all was to be carried */
	uint64_t met;			/* of them done, */
	int met_error;			/* the last with this result */
	bool stop_carrier;
	struct disk_backup backup;
	bool failed;			/* carrying, the last time */
	bool room_wanted;		/* the committer wants to carry */
	uint64_t carried;		/* batches, since the start */
	uint64_t file_size;
	bool full;
	int broken;
};

/* Nobody knows what is on the disk any more. The lock is held. */
void disk_break(struct disk *disk, int error);

void disk_wake_loop(struct disk *disk);

void *committer_main(void *arg);	/* arg: struct disk */
void *carrier_main(void *arg);

/*
 * Carry one transaction's worth: 0, ENOENT if all is carried, ENOSPC, ENOMEM,
 * or what broke the disk. From either thread.
 */
int carrier_step(struct disk *disk);

/*
 * From the committer: let the carrier attach the journal if it is not yet,
 * carry all that is durable and take the reserve back; wait for it. 0, ENOSPC,
 * ENOMEM, or what broke the disk.
 */
int carrier_demand(struct disk *disk);

/* ---- reserve.c: the file that keeps room for what was acknowledged ---- */

/* Have it, of this size: 0 (also if it is there) or an errno. */
int reserve_take(const char *path, uint64_t size);

/* Give its room away; true if there was any. */
bool reserve_drop(const char *path);

#endif
