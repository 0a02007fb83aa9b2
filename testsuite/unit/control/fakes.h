/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Store and serve as the commands see them, small enough to stop in the
 * middle: a commit is held until the test lets it go, so that the client can
 * vanish meanwhile. The rules are the real ones. For tests that include this
 * file instead of linking the rooms.
 */
#ifndef WINSD_TEST_FAKES_H
#define WINSD_TEST_FAKES_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/control.h"
#include "core/age.h"
#include "fake_repl.h"
#include "rules/client.h"

#define FAKE_RECORDS 20000

struct store {
	unsigned int count;
	unsigned int visited;		/* by the latest slice */
	unsigned int owners;		/* in the order of their addresses */
	struct store_owner owner[FAKE_OWNERS];
	uint64_t version;
	struct nb_record rec[FAKE_RECORDS];
};

struct serve {
	struct store *store;
	bool hold;			/* keep what is done for fake_let_go() */
	int error;			/* of the next commit */
	unsigned int commands;
	unsigned int explained;
	struct nb_verdict verdict;
	void (*done)(void *arg, int error, const struct nb_verdict *verdict);
	void *arg;
	bool scavenging;		/* a pass was asked for, of this mode */
	enum serve_scavenge_mode mode;
	void (*scavenged)(void *arg,
			  const struct serve_scavenge_result *result);
	void *scavenge_arg;
	bool guarded;			/* the guard stands: 300 of 1000 */
	bool in_turn;
	void (*durable)(void *arg, int error);	/* of the latest turn */
	void *durable_arg;
	struct usage *usage;		/* NULL: nobody counts */
};

#define FAKE_NOW INT64_C(1000000)

static int64_t fake_wall = FAKE_NOW;
static void (*fake_timer)(void *arg);
static void *fake_timer_arg;

static inline int64_t fake_world_now(void *priv)
{
	(void)priv;
	return FAKE_NOW;
}

static inline int64_t fake_world_wall(void *priv)
{
	(void)priv;
	return fake_wall;
}

static inline struct nb_timer *fake_timer_start(void *priv, uint64_t usec,
					 void (*fn)(void *arg), void *arg)
{
	(void)usec;
	fake_timer = fn;
	fake_timer_arg = arg;
	return priv;
}

static inline void fake_timer_stop(void *priv, struct nb_timer *timer)
{
	(void)priv;
	if (timer != NULL) {
		fake_timer = NULL;
	}
}

static inline void fake_log(void *priv, int level, const char *line)
{
	(void)priv;
	(void)level;
	(void)line;
}

/* Run what was started, until nothing is. */
static inline void fake_timers(void)
{
	while (fake_timer != NULL) {
		void (*fn)(void *arg) = fake_timer;

		fake_timer = NULL;
		fn(fake_timer_arg);
	}
}

static __attribute__((unused)) struct nb_world fake_world = {
	.priv = &fake_wall,
	.now = fake_world_now,
	.wall = fake_world_wall,
	.timer_start = fake_timer_start,
	.timer_stop = fake_timer_stop,
	.log = fake_log,
};

static inline struct nb_record *fake_find(struct store *store,
				   const struct nb_name *name)
{
	for (unsigned int i = 0; i < store->count; i++) {
		if (nb_name_equal(&store->rec[i].name, name)) {
			return &store->rec[i];
		}
	}
	return NULL;
}

static inline void fake_put(struct store *store, const struct nb_record *rec)
{
	struct nb_record *have = fake_find(store, &rec->name);

	if (have == NULL) {
		have = &store->rec[store->count++];
	}
	*have = *rec;
	have->version = have->version != 0 ? have->version : ++store->version;
}

/* What a store that is broken lies about, and what is under way in it. */
#define FAKE_METAS 16

static __attribute__((unused)) struct {
	struct nb_name unlisted;	/* not in its owner's list */
	struct nb_name unfound;		/* not under its name */
	struct nb_name undue;		/* not in the list by time */
	uint64_t extra_records;		/* that only store_stats() counts */
	uint64_t changes, failures;
	bool waiting;			/* a turn is not durable yet */
	unsigned int metas;
	char key[FAKE_METAS][STORE_META_MAX];
	uint64_t number[FAKE_METAS];
} fake_lies;

static inline bool fake_is(const struct nb_name *name,
			   const struct nb_name *other)
{
	return other->len > 0 && nb_name_equal(name, other);
}

/* ---- what control uses of the store ---- */

bool store_get(const struct store *store, const struct nb_name *name,
	       struct nb_record *rec)
{
	for (unsigned int i = 0; i < store->count; i++) {
		if (nb_name_equal(&store->rec[i].name, name) &&
		    !fake_is(name, &fake_lies.unfound)) {
			*rec = store->rec[i];
			return true;
		}
	}
	return false;
}

bool store_walk_all(const struct store *store, uint64_t *cursor,
		    unsigned int max_visit,
		    bool (*fn)(void *arg, const struct nb_record *rec),
		    void *arg)
{
	unsigned int visited = 0;

	while (*cursor < store->count && visited < max_visit) {
		if (!fn(arg, &store->rec[*cursor])) {
			break;
		}
		(*cursor)++;
		visited++;
	}
	((struct store *)(uintptr_t)store)->visited = visited;
	return *cursor < store->count;
}

void store_stats(const struct store *store, struct store_stats *stats)
{
	*stats = (struct store_stats) { .records = store->count, .turns = 7 };
	for (unsigned int i = 0; i < store->count; i++) {
		stats->by_state[store->rec[i].state]++;
		stats->by_type[store->rec[i].type]++;
		stats->statics += store->rec[i].is_static;
	}
	stats->records += fake_lies.extra_records;
	stats->changes = fake_lies.changes;
	stats->failures = fake_lies.failures;
}

bool store_owner_at(const struct store *store, unsigned int index,
		    struct store_owner *owner)
{
	if (index >= store->owners) {
		return false;
	}
	*owner = store->owner[index];
	return true;
}

static inline int fake_by_version(const void *left, const void *right)
{
	const struct nb_record *const *a = left;
	const struct nb_record *const *b = right;

	return (*a)->version < (*b)->version ? -1 :
	       (*a)->version > (*b)->version;
}

void store_walk_version(const struct store *store, uint32_t owner,
			uint64_t from, uint64_t to,
			bool (*fn)(void *arg, const struct nb_record *rec),
			void *arg)
{
	static const struct nb_record *list[FAKE_RECORDS];
	unsigned int count = 0;

	for (unsigned int i = 0; i < store->count; i++) {
		const struct nb_record *rec = &store->rec[i];

		if (rec->owner == owner && rec->version >= from &&
		    rec->version <= to &&
		    !fake_is(&rec->name, &fake_lies.unlisted)) {
			list[count++] = rec;
		}
	}
	qsort(list, count, sizeof(list[0]), fake_by_version);
	for (unsigned int i = 0; i < count && fn(arg, list[i]); i++) {
	}
}

unsigned int store_walk_due(const struct store *store, int64_t until,
			    struct store_due_pos *pos, struct nb_name *names,
			    unsigned int max)
{
	unsigned int count = 0;
	unsigned int at = pos->started ? (unsigned int)pos->expires : 0;

	/* all records of these tests have the time of their place + 1 */
	for (; at < store->count && count < max; at++) {
		const struct nb_record *rec = &store->rec[at];

		if (rec->expires <= until && rec->expires != NB_NEVER &&
		    !fake_is(&rec->name, &fake_lies.undue)) {
			names[count++] = rec->name;
			pos->expires = rec->expires;
			pos->started = true;
		}
	}
	return count;
}

bool store_busy(const struct store *store)
{
	(void)store;
	return fake_lies.waiting;
}

uint64_t store_current_turn(const struct store *store)
{
	(void)store;
	return 9;
}

uint64_t store_durable_turn(const struct store *store)
{
	(void)store;
	return fake_lies.waiting ? 8 : 9;
}

bool store_get_meta(const struct store *store, const char *key,
		    uint64_t *number)
{
	(void)store;
	for (unsigned int i = 0; i < fake_lies.metas; i++) {
		if (strcmp(fake_lies.key[i], key) == 0) {
			*number = fake_lies.number[i];
			return true;
		}
	}
	return false;
}

const char *store_error_text(int error)
{
	return strerror(error);
}

uint64_t store_counter(const struct store *store)
{
	return store->version;
}

uint64_t store_mark(const struct store *store, uint32_t owner)
{
	return owner == NB_SELF ? store->version : 0;
}

static enum store_health fake_health = STORE_OK;

enum store_health store_health(const struct store *store)
{
	(void)store;
	return fake_health;
}

const char *store_health_name(enum store_health health)
{
	static const char *const name[] = { "fake ok", "fake loading",
					    "fake full", "fake read-only" };

	return name[health];
}

bool store_loading(const struct store *store)
{
	return store_health(store) == STORE_LOADING;
}

void store_disk_sight(const struct store *store, struct store_disk *disk)
{
	(void)store;
	*disk = (struct store_disk) {
		.file_size = 101, .journal_size = 102, .journal_used = 103,
		.batches = 104, .sync_usec = 105, .sync_usec_max = 106,
		.carried = 107,
	};
}

/* ---- what control uses of backups ---- */

static struct control_backups fake_backups = { .next = NB_NEVER };

static inline void fake_backup_sight(void *priv, struct control_backups *sight)
{
	(void)priv;
	*sight = fake_backups;
}

/* ---- what control uses of serve ---- */

bool serve_own_name_at(const struct serve *serve, unsigned int index,
		       struct nb_status_name *name)
{
	(void)serve;
	*name = (struct nb_status_name) {
		.name = nb_name_make("SERVER", 6, 0x20),
		.nb_flags = NB_FLAG_ACT,
	};
	return index == 0;
}

/* protocol.md 1.6: an own name is nobody else's. */
static inline bool fake_own(struct serve *serve, const struct nb_event *event,
		     struct nb_verdict *verdict)
{
	struct nb_status_name own;

	(void)serve_own_name_at(serve, 0, &own);
	if ((event->kind != NB_EV_ADD && event->kind != NB_EV_REGISTER) ||
	    !nb_name_equal(&own.name, &event->name)) {
		return false;
	}
	*verdict = (struct nb_verdict) {
		.ref = "protocol 1.6",
		.outcome = NB_REFUSED,
		.reply = { .rcode = NB_RCODE_ACT },
	};
	return true;
}

void serve_explain(struct serve *serve, const struct nb_event *event,
		   struct nb_verdict *verdict)
{
	struct nb_policy policy = nb_policy_default();
	struct nb_record *rec = fake_find(serve->store, &event->name);

	serve->explained++;
	if (fake_own(serve, event, verdict)) {
		return;
	}
	rule_client(rec, event, &policy, FAKE_NOW, verdict);
}

/* Its tests are on a whole server (test_control_import.c). */
int serve_import(struct serve *serve, const struct nb_event *event,
		 struct nb_verdict *verdict)
{
	serve_explain(serve, event, verdict);
	return ENOSYS;
}

static inline void fake_let_go(struct serve *serve)
{
	void (*done)(void *arg, int error,
		     const struct nb_verdict *verdict) = serve->done;

	serve->done = NULL;
	if (serve->error == 0 && serve->verdict.store == NB_STORE_PUT) {
		serve->verdict.record.version = ++serve->store->version;
		fake_put(serve->store, &serve->verdict.record);
	}
	if (done != NULL) {
		done(serve->arg, serve->error, &serve->verdict);
	}
}

void serve_command(struct serve *serve, const struct nb_event *event,
		   void (*done)(void *arg, int error,
				const struct nb_verdict *verdict),
		   void *arg)
{
	struct nb_policy policy = nb_policy_default();
	struct nb_record *rec = fake_find(serve->store, &event->name);

	serve->commands++;
	serve->done = done;
	serve->arg = arg;
	rule_client(rec, event, &policy, FAKE_NOW, &serve->verdict);
	if (serve->error == 0 && serve->verdict.store == NB_STORE_DELETE) {
		*rec = serve->store->rec[--serve->store->count];
	}
	if (!serve->hold) {
		fake_let_go(serve);
	}
}

void serve_turn_begin(struct serve *serve)
{
	serve->in_turn = true;
}

bool serve_when_durable(struct serve *serve, void (*done)(void *arg, int error),
			void *arg)
{
	if (!serve->in_turn || serve->error == ENOMEM) {
		return false;
	}
	serve->durable = done;
	serve->durable_arg = arg;
	return true;
}

static inline void fake_durable(struct serve *serve)
{
	void (*durable)(void *arg, int error) = serve->durable;

	serve->durable = NULL;
	if (durable != NULL) {
		durable(serve->durable_arg, serve->error);
	}
}

void serve_turn_end(struct serve *serve)
{
	serve->in_turn = false;
	if (!serve->hold) {
		fake_durable(serve);
	}
}

int serve_set_meta(struct serve *serve, const char *key, uint64_t number)
{
	unsigned int i = 0;

	if (serve->error != 0) {
		return serve->error;
	}
	while (i < fake_lies.metas && strcmp(fake_lies.key[i], key) != 0) {
		i++;
	}
	if (i == fake_lies.metas) {
		strcpy(fake_lies.key[fake_lies.metas++], key);
	}
	fake_lies.number[i] = number;
	return 0;
}

bool serve_address_at(const struct serve *serve, unsigned int index,
		      uint32_t *address)
{
	(void)serve;
	*address = 0xc0000201u + index;
	return index < 2;
}

void serve_scavenge(struct serve *serve, enum serve_scavenge_mode mode,
		    void (*done)(void *arg,
				 const struct serve_scavenge_result *result),
		    void *arg)
{
	serve->scavenging = true;
	serve->mode = mode;
	serve->scavenged = done;
	serve->scavenge_arg = arg;
}

/* The pass that was asked for comes to its end. */
static inline void fake_scavenged(struct serve *serve, int error)
{
	struct serve_scavenge_result result = {
		.error = error,
		.stopped = serve->guarded &&
			   serve->mode != SERVE_SCAVENGE_FORCE,
		.leaving = 300,
		.active = 1000,
		.changed = 42,
		.released = 30,
		.tombstoned = 7,
		.deleted = 3,
		.pruned = 2,
	};

	serve->scavenging = false;
	serve->scavenged(serve->scavenge_arg, &result);
}

bool serve_scavenge_running(const struct serve *serve)
{
	return serve->scavenging;
}

bool serve_scavenge_stopped(const struct serve *serve, uint64_t *leaving,
			    uint64_t *active)
{
	*leaving = 300;
	*active = 1000;
	return serve->guarded;
}

struct usage *serve_usage(struct serve *serve)
{
	return serve->usage;
}

int64_t serve_wall_offset(struct serve *serve)
{
	(void)serve;
	return age_offset(0, fake_wall, FAKE_NOW);
}

int64_t serve_next_scavenge(const struct serve *serve)
{
	(void)serve;
	return FAKE_NOW + 60;
}

bool serve_stat_at(const struct serve *serve, unsigned int index,
		   const char **name, uint64_t *value)
{
	*name = "commands";
	*value = serve->commands;
	return index == 0;
}

unsigned int serve_pending(const struct serve *serve)
{
	return serve->done != NULL;
}

#endif
