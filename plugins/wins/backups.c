/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The calendar of backups and the steps of one, see backups.h.
 *
 *	prepare (aside) -> copy (the store's threads) -> prune (aside) -> told
 *
 * What touches the folder runs beside the loop, since no query may wait for
 * the disk. A backup counts when the store has copied, opened again and
 * verified it; only then older ones go. One that fails deletes nothing: what
 * keeps a copy from being made must not eat those that are there.
 *
 * Within a run the calendar goes by the ageing clock, so a step of the wall
 * clock makes no backup and loses none. Between runs it goes by the wall
 * clock, of which only the age of the last backup is taken; one from the
 * future is as old as this moment.
 *
 * One made by hand is a backup like all others: it counts among those that
 * are kept, and the next one is due an interval later.
 */
#include "backups.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "aside.h"
#include "backup_files.h"

#define META_LAST	"backup-last"	/* wall clock, s */

/*
 * The thread from the store to us. It hangs off the store, which may call back
 * as long as it is there, even when we are gone.
 */
struct copying {
	struct backups *backups;
};

struct backups {
	struct tevent_context *ev;
	const struct nb_world *world;
	struct store *store;
	char *folder;

	uint32_t interval;
	unsigned int keep;
	struct nb_timer *timer;
	int64_t due;		/* ageing clock */
	int64_t last_now;	/* the last one, by the ageing clock */
	bool has_last;

	bool busy;
	struct aside *aside;
	struct {		/* while it is there this is its thread's */
		int error;
		int64_t begun;		/* wall clock */
		uint64_t room;		/* bytes that the copy may need */
		unsigned int keep;	/* 0: all */
		char name[BACKUP_NAME];
	} step;
	struct copying *copying;	/* while the store copies */
	char *path;
	uint64_t records;
	void (*done)(void *arg, int error, uint64_t records,
		     const char *text);
	void *arg;

	int64_t last;
	uint64_t made;
	uint64_t failed;
	char *complaint;
};

/* ---- the calendar ---- */

static int64_t now(const struct backups *b)
{
	return b->world->now(b->world->priv);
}

static int64_t wall(const struct backups *b)
{
	return b->world->wall(b->world->priv);
}

static int64_t at_most(uint32_t interval, int64_t seconds)
{
	return interval < seconds ? interval : seconds;
}

static void timer_due(void *arg);

static void arm(struct backups *b)
{
	int64_t left = b->due - now(b);

	b->world->timer_stop(b->world->priv, b->timer);
	b->timer = NULL;
	if (b->interval == 0) {
		return;
	}
	b->timer = b->world->timer_start(
		b->world->priv, left > 0 ? (uint64_t)left * 1000000 : 0,
		timer_due, b);
	if (b->timer == NULL) {
		nb_log(b->world, NB_LOG_ERROR, "no backups until the next "
		       "reload: out of memory");
		b->interval = 0;
	}
}

void backups_set(struct backups *b, uint32_t interval, unsigned int keep)
{
	int64_t soon = now(b) + at_most(interval, BACKUPS_START_SECONDS);

	b->keep = keep;
	if (interval == b->interval) {
		return;
	}
	b->interval = interval;
	b->due = b->has_last ? b->last_now + interval : soon;
	if (b->due < soon) {
		b->due = soon;
	}
	if (!b->busy) {
		arm(b);
	}
}

/* What the database remembers. */
static void recall(struct backups *b)
{
	uint64_t last = 0;
	int64_t age = 0;

	if (!store_get_meta(b->store, META_LAST, &last) || last > INT64_MAX) {
		return;
	}
	b->has_last = true;
	b->last = (int64_t)last;
	age = wall(b) - b->last;
	b->last_now = now(b) - (age > 0 ? age : 0);
}

/* It may be lost: then the next start makes one that nobody missed. */
static void remember(struct backups *b)
{
	b->has_last = true;
	b->last = b->step.begun;
	b->last_now = now(b);
	store_begin(b->store);
	(void)store_set_meta(b->store, META_LAST, (uint64_t)b->last);
	store_commit(b->store, NULL, NULL);
}

/* ---- the end of one ---- */

static void tell(struct backups *b, int error, const char *text)
{
	void (*done)(void *arg, int error_, uint64_t records,
		     const char *text_) = b->done;

	b->done = NULL;
	b->busy = false;
	arm(b);
	if (done != NULL) {
		done(b->arg, error, b->records, text);
	}
}

static void failed(struct backups *b, int error, const char *why)
{
	int64_t again = now(b) + at_most(b->interval, BACKUPS_RETRY_SECONDS);

	b->failed++;
	talloc_free(b->complaint);
	b->complaint = talloc_strdup(b, why);
	why = b->complaint != NULL ? b->complaint : why;
	nb_log(b->world, NB_LOG_ERROR, "no backup could be made: %s", why);
	if (b->due < again) {
		b->due = again;
	}
	tell(b, error, why);
}

static void failed_here(struct backups *b, int error)
{
	char *why = talloc_asprintf(b, "%s: %s", b->folder, error == ENOSPC ?
				    "not enough room for another copy" :
				    strerror(error));

	failed(b, error, why != NULL ? why : strerror(error));
	talloc_free(why);
}

static void pruned(void *arg)
{
	struct backups *b = talloc_get_type_abort(arg, struct backups);

	b->aside = NULL;
	if (b->step.error != 0) {
		nb_log(b->world, NB_LOG_WARNING, "%s: old backups could not "
		       "be deleted: %s", b->folder, strerror(b->step.error));
	}
	b->made++;
	TALLOC_FREE(b->complaint);
	nb_log(b->world, NB_LOG_NOTICE, "backup %s: %" PRIu64 " records",
	       b->path, b->records);
	remember(b);
	b->due = now(b) + b->interval;
	tell(b, 0, b->path);
}

/* ---- the steps ---- */

static void prune(void *arg)
{
	struct backups *b = arg;

	b->step.error = b->step.keep == 0 ? 0 :
			backup_prune(b->folder, b->step.keep, b->step.name);
}

static void copied(void *arg, int error, uint64_t records, const char *message)
{
	struct copying *copying = talloc_get_type_abort(arg, struct copying);
	struct backups *b = copying->backups;

	talloc_free(copying);
	if (b == NULL) {
		return;
	}
	b->copying = NULL;
	if (error != 0 && message != NULL) {
		failed(b, error, message);
		return;
	}
	if (error != 0) {
		failed_here(b, error);
		return;
	}
	b->records = records;
	b->step.keep = b->interval == 0 ? 0 : b->keep;
	error = aside_run(b, b->ev, prune, pruned, b, &b->aside);
	if (error != 0) {
		b->step.error = error;
		pruned(b);
	}
}

static void prepared(void *arg)
{
	struct backups *b = talloc_get_type_abort(arg, struct backups);

	b->aside = NULL;
	TALLOC_FREE(b->path);
	if (b->step.error != 0) {
		failed_here(b, b->step.error);
		return;
	}
	b->path = talloc_asprintf(b, "%s/%s", b->folder, b->step.name);
	b->copying = talloc(b->store, struct copying);
	if (b->path == NULL || b->copying == NULL) {
		TALLOC_FREE(b->copying);
		failed_here(b, ENOMEM);
		return;
	}
	b->copying->backups = b;
	store_backup(b->store, b->path, copied, b->copying);
}

static void prepare(void *arg)
{
	struct backups *b = arg;

	b->step.error = backup_prepare(b->folder, b->step.begun, b->step.room,
				       b->step.name);
}

static void begin(struct backups *b)
{
	struct store_disk disk = { .file_size = 0 };
	int error = 0;

	b->world->timer_stop(b->world->priv, b->timer);
	b->timer = NULL;
	b->busy = true;
	b->records = 0;
	b->step.begun = wall(b);
	store_disk_sight(b->store, &disk);
	b->step.room = disk.file_size;
	error = aside_run(b, b->ev, prepare, prepared, b, &b->aside);
	if (error != 0) {
		failed_here(b, error);
	}
}

static void timer_due(void *arg)
{
	struct backups *b = talloc_get_type_abort(arg, struct backups);

	b->timer = NULL;
	if (store_loading(b->store)) {
		b->due = now(b) + at_most(b->interval, BACKUPS_START_SECONDS);
		arm(b);
		return;
	}
	begin(b);
}

void backups_make(struct backups *b,
		  void (*done)(void *arg, int error, uint64_t records,
			       const char *text),
		  void *arg)
{
	if (store_loading(b->store)) {
		done(arg, EBUSY, 0, "the database is still being loaded");
		return;
	}
	if (b->busy) {
		done(arg, EBUSY, 0, "a backup is being made already");
		return;
	}
	b->done = done;
	b->arg = arg;
	begin(b);
}

/* ---- life ---- */

void backups_sight(const struct backups *b, struct backups_sight *sight)
{
	*sight = (struct backups_sight) {
		.last = b->last,
		.next = b->timer != NULL ? b->due : NB_NEVER,
		.made = b->made,
		.failed = b->failed,
		.complaint = b->complaint,
	};
}

/* Waits for what runs aside; the store may still be copying. */
static int backups_destroy(struct backups *b)
{
	TALLOC_FREE(b->aside);
	if (b->copying != NULL) {
		b->copying->backups = NULL;
	}
	b->world->timer_stop(b->world->priv, b->timer);
	return 0;
}

int backups_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		   const struct nb_world *world, struct store *store,
		   const char *folder, struct backups **backups)
{
	struct backups *b = talloc_zero(mem_ctx, struct backups);

	if (b == NULL) {
		return ENOMEM;
	}
	b->ev = ev;
	b->world = world;
	b->store = store;
	b->folder = talloc_strdup(b, folder);
	if (b->folder == NULL) {
		talloc_free(b);
		return ENOMEM;
	}
	talloc_set_destructor(b, backups_destroy);
	recall(b);
	*backups = b;
	return 0;
}
