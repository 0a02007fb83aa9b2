/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The beginning and the end of replication, what operators ask of it, and its
 * counters. Everything between is in the files that private.h lists.
 */

#include "repl/private.h"

void repl_count(struct repl *repl, enum repl_stat stat)
{
	repl->stat[stat]++;
}

int64_t repl_now(const struct repl *repl)
{
	return repl->world->now(repl->world->priv);
}

int64_t repl_wall(const struct repl *repl)
{
	return repl->world->wall(repl->world->priv);
}

uint64_t repl_mono(const struct repl *repl)
{
	return repl->world->mono(repl->world->priv);
}

uint32_t repl_inward(const struct repl *repl, uint32_t owner)
{
	return owner == repl->config.self ? NB_SELF : owner;
}

uint32_t repl_outward(const struct repl *repl, uint32_t owner)
{
	return owner == NB_SELF ? repl->config.self : owner;
}

struct nb_timer *repl_timer(struct repl *repl, uint64_t usec,
			    void (*fn)(void *arg), void *arg)
{
	return repl->world->timer_start(repl->world->priv, usec, fn, arg);
}

void repl_timer_stop(struct repl *repl, struct nb_timer **timer)
{
	repl->world->timer_stop(repl->world->priv, *timer);
	*timer = NULL;
}

/* ---- life ---- */

static int repl_destroy(struct repl *repl)
{
	struct assoc *a = NULL;
	struct partner *partner = NULL;

	serve_set_watch(repl->serve, NULL, NULL);
	repl_timer_stop(repl, &repl->tick);
	repl_timer_stop(repl, &repl->watch);
	gate_stop(repl);
	move_stop(repl);
	while ((partner = TAILQ_FIRST(&repl->partners)) != NULL) {
		partner_free(partner);
	}
	while ((a = TAILQ_FIRST(&repl->assocs)) != NULL) {
		assoc_close(a);
	}
	ranges_free(repl);
	return 0;
}

int repl_create(TALLOC_CTX *mem_ctx, const struct nb_world *world,
		struct store *store, struct serve *serve,
		const struct link_ops *ops, const struct repl_config *config,
		struct repl **out)
{
	struct repl *repl = talloc_zero(mem_ctx, struct repl);
	int ret = 0;

	if (repl == NULL) {
		return ENOMEM;
	}
	repl->world = world;
	repl->store = store;
	repl->serve = serve;
	repl->ops = *ops;
	TAILQ_INIT(&repl->partners);
	TAILQ_INIT(&repl->assocs);
	TAILQ_INIT(&repl->surveys);
	TAILQ_INIT(&repl->answers);
	TAILQ_INIT(&repl->answers_waiting);
	RB_INIT(&repl->owners);
	ret = partners_set(repl, config);
	if (ret != 0) {
		talloc_free(repl);
		return ret;
	}
	talloc_set_destructor(repl, repl_destroy);
	*out = repl;
	return 0;
}

void repl_loaded(struct repl *repl)
{
	struct partner *partner = NULL;

	repl->loaded = true;
	owners_load(repl);
	partners_passed(repl);
	serve_set_watch(repl->serve, push_watch, repl);
	gate_loaded(repl);
	move_look(repl);
	TAILQ_FOREACH(partner, &repl->partners, list) {
		pull_plan(partner);
		if (partner->config.push &&
		    partner->config.options.push_count > 0) {
			push_want(partner, false, 0, NULL);
		}
	}
	tick_first(repl);
}

int repl_set_config(struct repl *repl, const struct repl_config *config)
{
	struct partner *partner = NULL;
	int ret = partners_set(repl, config);

	if (ret != 0) {
		return ret;
	}
	assoc_strangers_now(repl);
	if (repl->loaded) {
		TAILQ_FOREACH(partner, &repl->partners, list) {
			pull_plan(partner);
		}
		gate_reload(repl);
		move_look(repl);
		partners_passed(repl);
		tick_first(repl);
	}
	return 0;
}

bool repl_accept(struct repl *repl, struct link *link, uint32_t from)
{
	tick_revive(repl);
	if (!repl->loaded || !assoc_take(repl, link, from)) {
		repl_count(repl, STAT_REFUSED);
		return false;
	}
	repl_count(repl, STAT_ACCEPTED);
	return true;
}

/* ---- what an operator asks for ---- */

static struct waiter *waiter_make(struct repl *repl, repl_done *done, void *arg)
{
	struct waiter *waiter = talloc_zero(repl, struct waiter);

	if (waiter != NULL) {
		waiter->done = done;
		waiter->arg = arg;
	}
	return waiter;
}

unsigned int repl_pull(struct repl *repl, uint32_t address, repl_done *done,
		       void *arg)
{
	struct partner *partner = NULL;
	unsigned int count = 0;

	TAILQ_FOREACH(partner, &repl->partners, list) {
		struct pull_wish wish = { .wanted = true };

		if (!partner->config.pull ||
		    (address != 0 && partner != partner_find(repl, address))) {
			continue;
		}
		wish.waiters = waiter_make(repl, done, arg);
		if (wish.waiters != NULL) {
			count++;
			pull_want(partner, &wish);
		}
	}
	return count;
}

unsigned int repl_push(struct repl *repl, uint32_t address, bool propagate,
		       repl_done *done, void *arg)
{
	struct partner *partner = NULL;
	unsigned int count = 0;

	TAILQ_FOREACH(partner, &repl->partners, list) {
		struct waiter *waiter = NULL;

		if (!partner->config.push || repl->config.observe ||
		    (address != 0 && partner != partner_find(repl, address))) {
			continue;
		}
		waiter = waiter_make(repl, done, arg);
		if (waiter != NULL) {
			count++;
			push_want(partner, propagate,
				  propagate ? repl->config.self : 0, waiter);
		}
	}
	return count;
}

/* ---- counters ---- */

static const char *const stat_names[STAT_COUNT] = {
	[STAT_ACCEPTED] = "replication-associations",
	[STAT_REFUSED] = "replication-links-refused",
	[STAT_STRANGERS] = "replication-strangers-refused",
	[STAT_BAD_FRAMES] = "replication-bad-frames",
	[STAT_WRONG_CONTEXT] = "replication-wrong-context",
	[STAT_TIMEOUTS] = "replication-timeouts",
	[STAT_PULLS] = "pulls",
	[STAT_PULLS_FAILED] = "pulls-failed",
	[STAT_RECORDS_IN] = "replicas-received",
	[STAT_RECORDS_CHANGED] = "replicas-applied",
	[STAT_RECORDS_OLD] = "replicas-known-already",
	[STAT_RECORDS_FILTERED] = "replicas-filtered",
	[STAT_RECORDS_BAD] = "replicas-bad",
	[STAT_ANSWERS] = "pulled-from-us",
	[STAT_RECORDS_OUT] = "records-sent",
	[STAT_PUSHES] = "pushes",
	[STAT_PUSHES_FAILED] = "pushes-failed",
	[STAT_PUSHES_HELD] = "pushes-held-back",
	[STAT_NOTIFIED] = "notifications-received",
	[STAT_FORWARDED] = "notifications-forwarded",
	[STAT_QUARANTINED] = "version-jumps",
};

bool repl_stat_at(const struct repl *repl, unsigned int index,
		  const char **name, uint64_t *value)
{
	if (index < STAT_COUNT) {
		*name = stat_names[index];
		*value = repl->stat[index];
		return true;
	}
	switch (index - STAT_COUNT) {
	case 0:
		*name = "replication-pulls-running";
		*value = repl->pulls;
		return true;
	case 1:
		*name = "replication-answer-bytes";
		*value = repl->answer_bytes;
		return true;
	case 2:
		*name = "replica-challenges-pending";
		*value = serve_replicas_pending(repl->serve);
		return true;
	}
	return false;
}
