/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The carrier: from the journal into wins.tdb, in synced transactions of some
 * thousand changes that end where a batch ends and also say how far they came.
 * So wins.tdb is at every moment what the database was after some batch, and
 * carrying twice what a crash interrupted does no harm.
 *
 * It is lazy and low in priority: a transaction costs ten times what the
 * journal does, and many small ones cost more than a large one. It works when
 * the oldest batch has waited for carry_msec, when the journal is half full,
 * or when somebody demands it. A storm of registrations goes into the journal
 * and is carried in the calm after it.
 *
 * When the journal is full the committer does what it waits for itself, one
 * transaction at a time: clients wait for it then, and must not wait for a
 * thread that waits for everybody else. At the end of the server what is not
 * carried within close_msec stays in the journal for the next start.
 *
 * The other things that need the file standing still happen here too: attaching a journal (the file must
 * know of it, durably, before the first batch is acknowledged), the backup,
 * and the reserve (reserve.c), which is given up when a transaction finds no
 * space: then the disk is "full" until carrying has succeeded and the reserve
 * is there again.
 *
 * The clock here is the machine's: how long a batch waits in the journal is
 * seen by nobody and decided by no rule.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "store/batch.h"
#include "store/disk_private.h"

#define NICENESS	10

static uint64_t now_msec(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- one transaction ---- */

static int set_position(struct disk *disk, uint64_t id, struct journal_pos pos)
{
	int err = tdbfile_set_number(disk->file, TDBFILE_JOURNAL_ID, id);

	if (err == 0) {
		err = tdbfile_set_number(disk->file, TDBFILE_JOURNAL_SEQUENCE,
					 pos.sequence);
	}
	if (err == 0) {
		err = tdbfile_set_number(disk->file, TDBFILE_JOURNAL_BLOCK,
					 pos.block);
	}
	return err;
}

/* Batches from *pos on until there are enough or none are left. */
static int carry_batches(struct disk *disk, struct journal_pos *pos)
{
	struct store_batch batch = { 0 };
	unsigned int changes = 0;
	int err = 0;

	while (err == 0 && changes < disk->config.carry_changes) {
		err = journal_read(disk->journal, pos, &batch);
		if (err == 0) {
			changes += batch.changes;
			err = tdbfile_changes(disk->file, &batch);
		}
	}
	batch_free(&batch);
	return err == ENOENT ? 0 : err;
}

static int carry_some(struct disk *disk, struct journal_pos *pos)
{
	int err = tdbfile_begin(disk->file);

	if (err == 0) {
		err = carry_batches(disk, pos);
	}
	if (err == 0) {
		err = set_position(disk, disk->id, *pos);
	}
	if (err != 0) {
		tdbfile_cancel(disk->file);
		return err;
	}
	return tdbfile_end(disk->file);
}

/* Without space: once more, with the reserve's. */
static int carry_or_drop(struct disk *disk, struct journal_pos *pos)
{
	struct journal_pos start = *pos;
	int err = carry_some(disk, pos);

	if (err != ENOSPC) {
		return err;
	}
	pthread_mutex_lock(&disk->lock);
	disk->full = true;
	pthread_mutex_unlock(&disk->lock);
	*pos = start;
	return reserve_drop(disk->config.reserve) ? carry_some(disk, pos) :
						    ENOSPC;
}

static void note_carried(struct disk *disk, struct journal_pos pos)
{
	journal_release(disk->journal, &pos);
	pthread_mutex_lock(&disk->lock);
	disk->carried += pos.sequence - disk->next.sequence;
	disk->next = pos;
	disk->waiting_since = pos.sequence <= disk->appended ? now_msec() : 0;
	disk->file_size = tdbfile_size(disk->file);
	pthread_mutex_unlock(&disk->lock);
}

int carrier_step(struct disk *disk)
{
	struct journal_pos pos;
	bool is_more = false;
	int err = 0;

	pthread_mutex_lock(&disk->carrying);
	pthread_mutex_lock(&disk->lock);
	pos = disk->next;
	is_more = pos.sequence <= disk->appended;
	err = disk->broken;
	pthread_mutex_unlock(&disk->lock);
	if (err == 0) {
		err = is_more ? carry_or_drop(disk, &pos) : ENOENT;
	}
	if (err == 0) {
		note_carried(disk, pos);
	}
	pthread_mutex_unlock(&disk->carrying);
	return err;
}

/* Gives way to a committer that wants room. */
static bool is_carried(struct disk *disk, uint64_t last)
{
	bool is = false;

	pthread_mutex_lock(&disk->lock);
	while (disk->room_wanted) {
		pthread_cond_wait(&disk->to_demander, &disk->lock);
	}
	is = disk->next.sequence > last;
	pthread_mutex_unlock(&disk->lock);
	return is;
}

/* All that is durable now; not what comes meanwhile, or it would never end. */
static int carry_all(struct disk *disk)
{
	uint64_t last = 0;
	int err = 0;

	pthread_mutex_lock(&disk->lock);
	last = disk->appended;
	err = disk->broken;
	pthread_mutex_unlock(&disk->lock);
	while (err == 0 && !is_carried(disk, last)) {
		err = carrier_step(disk);
	}
	return err == ENOENT ? 0 : err;
}

/* The same at the end: all, or as much as somebody can be let wait for. */
static bool carry_last(struct disk *disk)
{
	uint64_t until = now_msec() + disk->config.close_msec;
	int err = 0;

	while (err == 0 && now_msec() < until) {
		err = carrier_step(disk);
	}
	return err == ENOENT;
}

/* ---- attaching ---- */

static int new_journal(struct disk *disk, uint64_t *id,
		       struct journal **journal)
{
	struct journal_config config = {
		.path = disk->config.journal,
		.durable = disk->config.durable,
		.size = disk->config.journal_size,
		.size_max = disk->config.journal_max,
	};
	char *message = NULL;
	int err = 0;

	*id = 0;
	while (*id == 0) {
		if (getrandom(id, sizeof(*id), 0) != sizeof(*id)) {
			return EIO;
		}
	}
	err = journal_create(&config, *id, journal, &message);
	free(message);
	return err;
}

/* wins.tdb learns of the journal before anything is promised by it. */
static int announce(struct disk *disk, uint64_t id)
{
	struct journal_pos first = { .sequence = 1 };
	int err = tdbfile_begin(disk->file);

	if (err == 0) {
		err = set_position(disk, id, first);
	}
	if (err != 0) {
		tdbfile_cancel(disk->file);
		return err;
	}
	return tdbfile_end(disk->file);
}

static int attach_new(struct disk *disk)
{
	struct journal *journal = NULL;
	uint64_t id = 0;
	int err = new_journal(disk, &id, &journal);

	if (err != 0) {
		return err;
	}
	err = announce(disk, id);
	if (err != 0) {
		journal_close(journal);
		return err;
	}
	pthread_mutex_lock(&disk->lock);
	disk->journal = journal;
	disk->id = id;
	disk->next = (struct journal_pos){ .sequence = 1 };
	disk->file_size = tdbfile_size(disk->file);
	pthread_mutex_unlock(&disk->lock);
	return 0;
}

/* A clean end: the file stands for itself, the journal is no longer needed. */
static void detach(struct disk *disk)
{
	struct journal_pos none = { 0 };
	int err = tdbfile_begin(disk->file);

	if (err == 0) {
		err = set_position(disk, 0, none);
	}
	if (err != 0) {
		tdbfile_cancel(disk->file);
		return;
	}
	if (tdbfile_end(disk->file) == 0) {
		unlink(disk->config.journal);
	}
}

/* ---- what is asked of it ---- */

/* Everything carried, and all there that promises rest on. */
static int put_in_order(struct disk *disk)
{
	int err = disk->journal == NULL ? attach_new(disk) : carry_all(disk);

	if (err == 0) {
		err = reserve_take(disk->config.reserve,
				   disk->config.reserve_size);
	}
	if (err == 0) {
		pthread_mutex_lock(&disk->lock);
		disk->attached = true;
		disk->full = false;
		pthread_mutex_unlock(&disk->lock);
	}
	return err;
}

static void make_backup(struct disk *disk)
{
	struct disk_backup *backup = &disk->backup;
	int err = disk->journal != NULL ? carry_all(disk) : 0;
	char *message = NULL;
	uint64_t records = 0;

	if (err == 0) {
		pthread_mutex_lock(&disk->carrying);
		err = tdbfile_copy(disk->file, backup->path, &records,
				   &message);
		pthread_mutex_unlock(&disk->carrying);
	}
	pthread_mutex_lock(&disk->lock);
	backup->error = err;
	backup->records = records;
	backup->message = message;
	backup->finished = true;
	disk_wake_loop(disk);
	pthread_mutex_unlock(&disk->lock);
}

int carrier_demand(struct disk *disk)
{
	uint64_t mine = 0;
	int err = 0;

	pthread_mutex_lock(&disk->lock);
	mine = ++disk->demanded;
	pthread_cond_signal(&disk->to_carrier);
	while (disk->met < mine) {
		pthread_cond_wait(&disk->to_demander, &disk->lock);
	}
	err = disk->met_error;
	pthread_mutex_unlock(&disk->lock);
	return err;
}

/* ---- the thread ---- */

static bool is_urgent(struct disk *disk)
{
	return disk->demanded > disk->met || disk->stop_carrier ||
	       (disk->backup.path != NULL && !disk->backup.finished);
}

/* Has something waited for long enough? *until: when it will have. */
static bool is_due(struct disk *disk, uint64_t *until)
{
	struct journal_sight sight;

	*until = 0;
	if (disk->broken != 0 || disk->full || !disk->attached ||
	    disk->next.sequence > disk->appended) {
		return false;
	}
	if (disk->waiting_since == 0) {
		disk->waiting_since = now_msec();
	}
	journal_sight(disk->journal, &sight);
	*until = disk->waiting_since + disk->config.carry_msec;
	return (sight.used > sight.size / 2 && !disk->failed) ||
	       now_msec() >= *until;
}

/* The lock is held, also when it returns. */
static void wait_for_work(struct disk *disk)
{
	uint64_t until = 0;

	while (!is_urgent(disk) && !is_due(disk, &until)) {
		struct timespec ts = {
			.tv_sec = (time_t)(until / 1000),
			.tv_nsec = (long)(until % 1000) * 1000000,
		};

		if (until == 0) {
			pthread_cond_wait(&disk->to_carrier, &disk->lock);
		} else {
			pthread_cond_timedwait(&disk->to_carrier, &disk->lock,
					       &ts);
		}
	}
}

static void work(struct disk *disk)
{
	uint64_t demanded = disk->demanded;
	bool is_demand = demanded > disk->met;
	bool is_backup = disk->backup.path != NULL && !disk->backup.finished;
	int err = 0;

	pthread_mutex_unlock(&disk->lock);
	if (is_backup) {
		make_backup(disk);
	}
	if (is_demand) {
		err = put_in_order(disk);
	} else if (!is_backup) {
		err = carry_all(disk);
	}
	pthread_mutex_lock(&disk->lock);
	disk->failed = err != 0;
	if (disk->failed) {
		disk->waiting_since = now_msec();
	}
	if (disk->failed && err != ENOSPC && err != ENOMEM) {
		disk_break(disk, err);
	}
	if (is_demand) {
		disk->met = demanded;
		disk->met_error = err;
		pthread_cond_broadcast(&disk->to_demander);
	}
}

static void lower_priority(void)
{
	/* may be forbidden, and then it is not that important */
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICENESS);
}

void *carrier_main(void *arg)
{
	struct disk *disk = arg;
	bool clean = false;

	lower_priority();
	pthread_mutex_lock(&disk->lock);
	for (;;) {
		wait_for_work(disk);
		if (disk->stop_carrier) {
			break;
		}
		work(disk);
	}
	pthread_mutex_unlock(&disk->lock);
	clean = disk->journal != NULL && carry_last(disk);
	if (clean) {
		detach(disk);
	}
	return NULL;
}
