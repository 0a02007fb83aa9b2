/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk: a journal as the point of commit, wins.tdb behind it.
 *
 *   loop --batch--> committer --write, sync--> wins.journal
 *     ^                 |                          |
 *     +----eventfd------+          carrier <-------+
 *                                     +---synced transactions---> wins.tdb
 *
 * committer.c and carrier.c are the threads; here is the loop's side, and how
 * the two files together are read at a start.
 *
 * One database in two files. wins.tdb holds everything up to some batch and
 * knows, in three numbers written by the same transactions, which journal
 * belongs to it, which batch comes next and where that one stands. A journal
 * with another id, or beside a file that names none, is nobody's and is
 * written over. A file that names a journal which is not there is refused:
 * names that were acknowledged would be missing. After a clean stop the file
 * names none and there is none: wins.tdb alone is the database, to be copied
 * and looked at.
 *
 * At a start nothing is replayed: what the journal still holds lies over the
 * file (overlay.c) for whoever reads, and the carrier brings it in later.
 *
 * Errors. Of the journal: no room in the ring makes the carrier work, no room
 * on the disk fails the batch; a failed sync breaks the disk for good, since
 * the kernel may have dropped the pages and would call the next sync a
 * success. Of the file: no room gives up the reserve and makes the disk
 * "full"; anything else breaks it, as the file stands on what it cannot say.
 *
 * The file's end: tdb's offsets have 32 bits, and it grows in steps of a
 * tenth. file_limit is where the next step could be the last; what is free
 * inside the file then is for the names that are known.
 *
 * What it costs and brings, on a disk that syncs in 0.1 ms (disk_speed):
 * batches of 1, 16, 128 new names, changes a second
 *	journal			6,600	62,000	583,000
 *	a transaction each	1,100	14,000	 58,000
 * of which some 60,000 a second can be carried for ever. What is promised in a
 * storm is kept in the calm after it; a storm that outlasts 64 MiB runs at the
 * speed of carrying.
 *
 * Rejected: a synced tdb transaction per turn, in a thread (four syncs and
 * the whole table of chains each time), a journal of many files (names to be
 * synced as well), writing into the file between journal's syncs (a file that
 * is not valid by itself).
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "codec/dbrec.h"
#include "store/disk_private.h"

#define MIB	(UINT64_C(1) << 20)

/* ---- between the threads ---- */

void disk_break(struct disk *disk, int error)
{
	if (disk->broken == 0) {
		disk->broken = error;
	}
}

void disk_wake_loop(struct disk *disk)
{
	uint64_t one = 1;

	while (write(disk->wake, &one, sizeof(one)) < 0 && errno == EINTR) {
	}
}

static void block_signals(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

static int start_thread(pthread_t *thread, void *(*fn)(void *arg), void *arg)
{
	sigset_t before;
	int err = 0;

	/* signals are the host's, and meant for its own thread */
	block_signals(&before);
	err = pthread_create(thread, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

static void stop_committer(struct disk *disk)
{
	pthread_mutex_lock(&disk->lock);
	disk->stop_committer = true;
	pthread_cond_signal(&disk->to_committer);
	pthread_mutex_unlock(&disk->lock);
	pthread_join(disk->committer, NULL);
}

static void stop_carrier(struct disk *disk)
{
	pthread_mutex_lock(&disk->lock);
	disk->stop_carrier = true;
	pthread_cond_signal(&disk->to_carrier);
	pthread_mutex_unlock(&disk->lock);
	pthread_join(disk->carrier, NULL);
}

static int need_threads(struct disk *disk)
{
	int err = 0;

	if (disk->threads) {
		return 0;
	}
	err = start_thread(&disk->carrier, carrier_main, disk);
	if (err != 0) {
		return ENOMEM;
	}
	err = start_thread(&disk->committer, committer_main, disk);
	if (err != 0) {
		stop_carrier(disk);
		disk->stop_carrier = false;
		return ENOMEM;
	}
	disk->threads = true;
	overlay_free(disk->overlay);
	disk->overlay = NULL;
	return 0;
}

/* ---- reading ---- */

static struct disk *disk_of(void *priv)
{
	return talloc_get_type_abort(priv, struct disk);
}

static int disk_fetch(void *priv, const uint8_t *key, size_t key_len,
		      void (*fn)(void *arg, const uint8_t *value,
				 size_t value_len),
		      void *arg)
{
	struct disk *disk = disk_of(priv);
	const uint8_t *value = NULL;
	size_t value_len = 0;

	if (disk->overlay != NULL && overlay_find(disk->overlay, key, key_len,
						  &value, &value_len)) {
		if (value == NULL) {
			return ENOENT;
		}
		fn(arg, value, value_len);
		return 0;
	}
	return tdbfile_fetch(disk->file, key, key_len, fn, arg);
}

struct load {
	const struct overlay *overlay;
	int (*fn)(void *arg, const uint8_t *key, size_t key_len,
		  const uint8_t *value, size_t value_len);
	void *arg;
};

/* The numbers that connect the two files are nobody else's business. */
static bool is_position(const uint8_t *key, size_t key_len)
{
	static const char *const names[] = {
		TDBFILE_JOURNAL_ID,
		TDBFILE_JOURNAL_SEQUENCE,
		TDBFILE_JOURNAL_BLOCK,
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i]);

		if (key_len == 1 + len && key[0] == DBREC_META &&
		    memcmp(key + 1, names[i], len) == 0) {
			return true;
		}
	}
	return false;
}

/* What the file says where the journal says nothing. */
static int load_older(void *arg, const uint8_t *key, size_t key_len,
		      const uint8_t *value, size_t value_len)
{
	const struct load *load = arg;
	const uint8_t *newer = NULL;
	size_t newer_len = 0;

	if (is_position(key, key_len) ||
	    (load->overlay != NULL && overlay_find(load->overlay, key, key_len,
						   &newer, &newer_len))) {
		return 0;
	}
	return load->fn(load->arg, key, key_len, value, value_len);
}

static int disk_load(void *priv,
		     int (*fn)(void *arg, const uint8_t *key, size_t key_len,
			       const uint8_t *value, size_t value_len),
		     void *arg)
{
	struct disk *disk = priv;	/* no talloc: this may be a thread */
	struct load load = { disk->overlay, fn, arg };
	int err = tdbfile_walk(disk->file, load_older, &load);

	if (err == 0 && disk->overlay != NULL) {
		err = overlay_walk(disk->overlay, fn, arg);
	}
	return err;
}

/* ---- committing ---- */

static void disk_commit(void *priv, const struct store_batch *batch,
			void (*done)(void *arg, int error), void *arg)
{
	struct disk *disk = disk_of(priv);
	int err = need_threads(disk);

	if (err != 0) {
		done(arg, err);
		return;
	}
	disk->done = done;
	disk->done_arg = arg;
	pthread_mutex_lock(&disk->lock);
	disk->batch = batch;
	disk->finished = false;
	pthread_cond_signal(&disk->to_committer);
	pthread_mutex_unlock(&disk->lock);
}

static void finish_commit(struct disk *disk)
{
	void (*done)(void *arg, int error) = disk->done;
	bool finished = false;
	int error = 0;

	pthread_mutex_lock(&disk->lock);
	finished = disk->finished;
	error = disk->error;
	disk->finished = false;
	pthread_mutex_unlock(&disk->lock);
	if (finished && done != NULL) {
		disk->done = NULL;
		done(disk->done_arg, error);
	}
}

/* ---- backups ---- */

static void disk_backup(void *priv, const char *path,
			void (*done)(void *arg, int error, uint64_t records,
				     const char *message),
			void *arg)
{
	struct disk *disk = disk_of(priv);
	char *copy = NULL;
	int err = disk->backup_done != NULL ? EBUSY : need_threads(disk);

	if (err == 0) {
		copy = strdup(path);
		err = copy != NULL ? 0 : ENOMEM;
	}
	if (err != 0) {
		done(arg, err, 0, NULL);
		return;
	}
	disk->backup_done = done;
	disk->backup_arg = arg;
	pthread_mutex_lock(&disk->lock);
	disk->backup = (struct disk_backup){ .path = copy };
	pthread_cond_signal(&disk->to_carrier);
	pthread_mutex_unlock(&disk->lock);
}

static void finish_backup(struct disk *disk)
{
	void (*done)(void *arg, int error, uint64_t records,
		     const char *message) = disk->backup_done;
	struct disk_backup backup = { 0 };

	pthread_mutex_lock(&disk->lock);
	if (disk->backup.finished) {
		backup = disk->backup;
		disk->backup = (struct disk_backup){ 0 };
	}
	pthread_mutex_unlock(&disk->lock);
	if (backup.finished) {
		disk->backup_done = NULL;
		done(disk->backup_arg, backup.error, backup.records,
		     backup.message);
		free(backup.path);
		free(backup.message);
	}
}

/* ---- hearing of the end of either ---- */

static void disk_ready(void *priv)
{
	struct disk *disk = disk_of(priv);
	uint64_t count = 0;

	while (read(disk->wake, &count, sizeof(count)) < 0 && errno == EINTR) {
	}
	finish_commit(disk);
	finish_backup(disk);
}

static void disk_wait(void *priv)
{
	struct disk *disk = disk_of(priv);
	struct pollfd pfd = { .fd = disk->wake, .events = POLLIN };

	if (disk->done == NULL && disk->backup_done == NULL) {
		return;
	}
	while (poll(&pfd, 1, -1) < 0 && errno == EINTR) {
	}
	disk_ready(disk);
}

static void disk_sight(void *priv, struct store_disk *sight)
{
	struct disk *disk = disk_of(priv);
	struct journal_sight journal = { 0 };

	pthread_mutex_lock(&disk->lock);
	if (disk->journal != NULL) {
		journal_sight(disk->journal, &journal);
	}
	*sight = (struct store_disk){
		.file_size = disk->file_size,
		.file_warn = disk->config.file_warn,
		.file_limit = disk->config.file_limit,
		.journal_size = journal.size,
		.journal_used = journal.used,
		.batches = journal.batches,
		.sync_usec = journal.sync_usec,
		.sync_usec_max = journal.sync_usec_max,
		.carried = disk->carried,
		.full = disk->full,
		.broken = disk->broken,
	};
	pthread_mutex_unlock(&disk->lock);
}

/* ---- the end ---- */

static void disk_close(void *priv)
{
	struct disk *disk = disk_of(priv);

	if (disk->threads) {
		stop_committer(disk);
		stop_carrier(disk);
		disk->threads = false;
	}
	journal_close(disk->journal);
	disk->journal = NULL;
	tdbfile_close(disk->file);
	disk->file = NULL;
	overlay_free(disk->overlay);
	disk->overlay = NULL;
	free(disk->backup.path);
	free(disk->backup.message);
	disk->backup = (struct disk_backup){ 0 };
}

static int disk_destroy(struct disk *disk)
{
	disk_close(disk);
	if (disk->wake >= 0) {
		close(disk->wake);
	}
	pthread_cond_destroy(&disk->to_committer);
	pthread_cond_destroy(&disk->to_carrier);
	pthread_cond_destroy(&disk->to_demander);
	pthread_mutex_destroy(&disk->lock);
	pthread_mutex_destroy(&disk->carrying);
	return 0;
}

/* ---- opening ---- */

static uint64_t or_usual(uint64_t value, uint64_t usual)
{
	return value != 0 ? value : usual;
}

static int set_config(struct disk *disk, const struct store_disk_config *config)
{
	struct store_disk_config *c = &disk->config;

	*c = *config;
	c->database = talloc_strdup(disk, config->database);
	c->journal = talloc_strdup(disk, config->journal);
	c->reserve = talloc_strdup(disk, config->reserve);
	c->journal_size = or_usual(c->journal_size, 4 * MIB);
	c->journal_max = or_usual(c->journal_max, 64 * MIB);
	c->reserve_size = or_usual(c->reserve_size, 4 * MIB);
	c->file_warn = or_usual(c->file_warn, 3072 * MIB);
	c->file_limit = or_usual(c->file_limit, 3840 * MIB);
	c->carry_msec = (unsigned int)or_usual(c->carry_msec, 5000);
	c->close_msec = (unsigned int)or_usual(c->close_msec, 10000);
	c->carry_changes = (unsigned int)or_usual(c->carry_changes, 1000);
	if (c->database == NULL || c->journal == NULL || c->reserve == NULL) {
		return ENOMEM;
	}
	return 0;
}

static int init(struct disk *disk)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&disk->carrying, NULL);
	pthread_mutex_init(&disk->lock, NULL);
	pthread_cond_init(&disk->to_committer, NULL);
	pthread_cond_init(&disk->to_carrier, &attr);
	pthread_cond_init(&disk->to_demander, NULL);
	pthread_condattr_destroy(&attr);
	disk->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return disk->wake < 0 ? errno : 0;
}

/* 0 where there is none: a file that never had a journal. */
static int get_number(struct disk *disk, const char *name, uint64_t *number)
{
	int err = tdbfile_number(disk->file, name, number);

	if (err == ENOENT) {
		*number = 0;
		err = 0;
	}
	return err;
}

static int add_batch(void *arg, const struct store_batch *batch)
{
	struct disk *disk = arg;

	disk->appended++;
	return overlay_add(disk->overlay, batch);
}

static int open_left_behind(struct disk *disk, char **message)
{
	struct journal_config config = {
		.path = disk->config.journal,
		.durable = disk->config.durable,
		.size = disk->config.journal_size,
		.size_max = disk->config.journal_max,
	};
	int err = 0;

	disk->overlay = overlay_create();
	if (disk->overlay == NULL) {
		return ENOMEM;
	}
	disk->appended = disk->next.sequence - 1;
	err = journal_open(&config, disk->id, disk->next, add_batch, disk,
			   &disk->journal, message);
	if (err == ENOENT) {
		free(*message);
		if (asprintf(message, "%s is missing: changes that %s does "
			     "not have yet are in it. Put it back beside the "
			     "file; if it is lost, 'winsrepair salvage %s' "
			     "saves the rest", disk->config.journal,
			     disk->config.database,
			     disk->config.database) < 0) {
			*message = NULL;
		}
		return EILSEQ;
	}
	return err;
}

static int find_journal(struct disk *disk, char **message)
{
	int err = get_number(disk, TDBFILE_JOURNAL_ID, &disk->id);

	if (err == 0) {
		err = get_number(disk, TDBFILE_JOURNAL_SEQUENCE,
				 &disk->next.sequence);
	}
	if (err == 0) {
		err = get_number(disk, TDBFILE_JOURNAL_BLOCK,
				 &disk->next.block);
	}
	if (err == 0 && disk->id != 0 && disk->next.sequence == 0) {
		err = EILSEQ;
	}
	if (err == 0 && disk->id != 0) {
		return open_left_behind(disk, message);
	}
	if (err == EILSEQ &&
	    asprintf(message, "%s is damaged: which journal belongs to it "
		     "cannot be read; 'winsrepair check %s' lists all that is "
		     "damaged, 'winsrepair salvage %s' saves the rest",
		     disk->config.database, disk->config.database,
		     disk->config.database) < 0) {
		*message = NULL;
	}
	return err;
}

static int open_files(struct disk *disk, char **message)
{
	struct tdbfile_config config = {
		.path = disk->config.database,
		.durable = disk->config.durable,
		.chains = disk->config.chains,
	};
	int err = tdbfile_open(&config, &disk->file, message);

	if (err != 0) {
		return err;
	}
	disk->file_size = tdbfile_size(disk->file);
	return find_journal(disk, message);
}

int store_disk_open(TALLOC_CTX *mem_ctx, const struct store_disk_config *config,
		    struct store_backend *backend, char **message)
{
	struct disk *disk = talloc_zero(mem_ctx, struct disk);
	char *said = NULL;
	sigset_t before;
	int err = 0;

	*message = NULL;
	if (disk == NULL) {
		return ENOMEM;
	}
	err = init(disk);
	talloc_set_destructor(disk, disk_destroy);
	if (err == 0) {
		err = set_config(disk, config);
	}
	if (err == 0) {
		/* libtdb takes a call that was interrupted for a failure */
		block_signals(&before);
		err = open_files(disk, &said);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	if (err != 0) {
		*message = talloc_strdup(mem_ctx, said != NULL ? said :
						  strerror(err));
		free(said);
		talloc_free(disk);
		return err;
	}
	*backend = (struct store_backend){
		.priv = disk,
		.name = disk->config.database,
		.fetch = disk_fetch,
		.load = disk_load,
		.commit = disk_commit,
		.fd = disk->wake,
		.ready = disk_ready,
		.wait = disk_wait,
		.backup = disk_backup,
		.sight = disk_sight,
		.close = disk_close,
	};
	return 0;
}
