/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The committer: one batch at a time from the loop into the journal. This is
 * the thread that clients wait for, so it does nothing else, unless the ring
 * is full: then it makes room itself (carrier.c says why).
 */

#include <errno.h>

#include "store/disk_private.h"

static bool needs_carrier(struct disk *disk)
{
	bool needs = false;

	pthread_mutex_lock(&disk->lock);
	needs = !disk->attached || disk->full;
	pthread_mutex_unlock(&disk->lock);
	return needs;
}

static int broken(struct disk *disk)
{
	int error = 0;

	pthread_mutex_lock(&disk->lock);
	error = disk->broken;
	pthread_mutex_unlock(&disk->lock);
	return error;
}

/* The carrier lets us go first: mutexes are not fair. */
static int make_room(struct disk *disk)
{
	int err = 0;

	pthread_mutex_lock(&disk->lock);
	disk->room_wanted = true;
	pthread_mutex_unlock(&disk->lock);
	err = carrier_step(disk);
	pthread_mutex_lock(&disk->lock);
	disk->room_wanted = false;
	pthread_cond_broadcast(&disk->to_demander);
	pthread_mutex_unlock(&disk->lock);
	return err;
}

static int write_batch(struct disk *disk, const struct store_batch *batch)
{
	int err = broken(disk);

	if (err == 0 && needs_carrier(disk)) {
		err = carrier_demand(disk);
	}
	if (err != 0) {
		return err;
	}
	err = journal_append(disk->journal, batch);
	while (err == ENOSPC) {
		/* the ring is full, most likely */
		int step = make_room(disk);

		if (step != 0 && step != ENOENT) {
			return step;
		}
		err = journal_append(disk->journal, batch);
		if (step == ENOENT) {
			break;		/* the carrier made room, or nobody can */
		}
	}
	/* larger than any journal: it is as if there were no memory for it */
	return err == EFBIG ? ENOMEM : err;
}

static bool half_full(struct disk *disk)
{
	struct journal_sight sight;

	journal_sight(disk->journal, &sight);
	return sight.used > sight.size / 2;
}

/* The lock is held. */
static void note_result(struct disk *disk, int err)
{
	if (err == 0) {
		disk->appended++;
		if (disk->waiting_since == 0 || half_full(disk)) {
			pthread_cond_signal(&disk->to_carrier);
		}
	} else if (err != ENOSPC && err != ENOMEM) {
		disk_break(disk, err);
	}
	disk->error = err;
	disk->finished = true;
	disk->batch = NULL;
	disk_wake_loop(disk);
}

void *committer_main(void *arg)
{
	struct disk *disk = arg;

	pthread_mutex_lock(&disk->lock);
	while (!disk->stop_committer || disk->batch != NULL) {
		const struct store_batch *batch = disk->batch;
		int err = 0;

		if (batch == NULL) {
			pthread_cond_wait(&disk->to_committer, &disk->lock);
			continue;
		}
		pthread_mutex_unlock(&disk->lock);
		err = write_batch(disk, batch);
		pthread_mutex_lock(&disk->lock);
		note_result(disk, err);
	}
	pthread_mutex_unlock(&disk->lock);
	return NULL;
}
