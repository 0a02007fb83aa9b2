/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scavenging: letting records age that nobody refreshes (protocol.md 6).
 *
 * A pass walks the records whose time has come, oldest first, in slices of
 * SLICE: each slice is a turn of its own, and the loop serves clients between
 * two. Each record is read afresh and meets the rules as the event DUE, so a
 * refresh that came meanwhile is simply seen.
 *
 * The time of the next pass is kept in the store: a server that is restarted
 * every night still scavenges (Q138272). Names stop resolving at their time,
 * not at the next pass (expiry on read), so nothing hurries.
 */

#include "rules/client.h"
#include "serve/serve_private.h"

#define SLICE		64u
#define META_NEXT	"scavenge-next"
#define PAUSE_USEC	1000u		/* between slices */
#define LONGEST_WAIT	86400		/* s; a timer is set at most this far */

static void scavenge_wait(struct serve *serve);
static void scavenge_slice(void *arg);

static int64_t now_of(const struct serve *serve)
{
	return serve->world->now(serve->world->priv);
}

static void scavenge_timer(struct serve *serve, uint64_t usec,
			   void (*fn)(void *arg))
{
	serve->world->timer_stop(serve->world->priv, serve->scavenge.timer);
	serve->scavenge.timer = serve->world->timer_start(serve->world->priv,
							  usec, fn, serve);
}

static void pass_begin(struct serve *serve)
{
	uint64_t up = serve->world->mono(serve->world->priv) - serve->started;

	serve->scavenge.running = true;
	serve->scavenge.until = now_of(serve);
	serve->scavenge.pos = (struct store_due_pos){ 0 };
	serve->scavenge.changed = 0;
	serve->config.policy.may_delete =
		up / 1000000u > serve->config.tombstone_extra;
	scavenge_timer(serve, 0, scavenge_slice);
}

static void scavenge_due(void *arg)
{
	struct serve *serve = arg;

	serve->scavenge.timer = NULL;
	if (now_of(serve) < serve->scavenge.next) {
		scavenge_wait(serve);
		return;
	}
	pass_begin(serve);
}

static void scavenge_wait(struct serve *serve)
{
	int64_t wait = serve->scavenge.next - now_of(serve);

	if (wait < 1) {
		wait = 1;
	}
	if (wait > LONGEST_WAIT) {
		wait = LONGEST_WAIT;
	}
	scavenge_timer(serve, (uint64_t)wait * 1000000u, scavenge_due);
}

static void pass_durable(void *arg, int error, const struct nb_verdict *verdict)
{
	struct serve *serve = arg;
	struct scavenge_waiter *waiter = serve->scavenge.waiters;

	(void)verdict;
	serve->scavenge.waiters = NULL;
	if (error == 0) {
		nb_log(serve->world, NB_LOG_NOTICE,
		       "scavenging: %llu records changed",
		       (unsigned long long)serve->scavenge.changed);
	}
	while (waiter != NULL) {
		struct scavenge_waiter *next = waiter->next;

		waiter->done(waiter->arg, serve->scavenge.changed);
		talloc_free(waiter);
		waiter = next;
	}
}

static void pass_end(struct serve *serve)
{
	static const struct nb_verdict nothing = { .ref = "protocol 6" };

	serve->scavenge.running = false;
	serve->scavenge.next =
		now_of(serve) + serve->config.scavenging_interval;
	if (serve_turn_open(serve)) {
		store_set_meta(serve->store, META_NEXT,
			       (uint64_t)serve->scavenge.next);
	}
	if (!serve_hold_done(serve, &nothing, pass_durable, serve)) {
		pass_durable(serve, ENOMEM, &nothing);
	}
	scavenge_wait(serve);
}

static void due(struct serve *serve, const struct nb_name *name)
{
	struct nb_event event = { .kind = NB_EV_DUE, .name = *name };
	struct nb_record existing;
	struct nb_verdict verdict;

	if (!serve_decide(serve, &event, &existing, &verdict) ||
	    existing.expires > serve->scavenge.until ||
	    verdict.store == NB_STORE_NOTHING ||
	    serve_store(serve, &event, &verdict) != 0) {
		return;
	}
	serve->scavenge.changed++;
	serve_count(serve, STAT_SCAVENGED);
	challenge_void(serve, name);
}

static void scavenge_slice(void *arg)
{
	struct serve *serve = arg;
	struct nb_name names[SLICE];
	unsigned int count = 0;

	serve->scavenge.timer = NULL;
	serve_turn_begin(serve);
	count = store_walk_due(serve->store, serve->scavenge.until,
			       &serve->scavenge.pos, names, SLICE);
	for (unsigned int i = 0; i < count; i++) {
		due(serve, &names[i]);
	}
	if (count < SLICE) {
		pass_end(serve);
	} else {
		scavenge_timer(serve, PAUSE_USEC, scavenge_slice);
	}
	serve_turn_end(serve);
}

void scavenge_start(struct serve *serve)
{
	uint64_t next = 0;
	int64_t latest = now_of(serve) + serve->config.scavenging_interval;

	if (store_get_meta(serve->store, META_NEXT, &next) &&
	    (int64_t)next < latest) {
		latest = (int64_t)next;
	} else {
		serve_turn_begin(serve);
		if (serve_turn_open(serve)) {
			store_set_meta(serve->store, META_NEXT,
				       (uint64_t)latest);
		}
		serve_turn_end(serve);
	}
	serve->scavenge.next = latest;
	scavenge_wait(serve);
}

void scavenge_stop(struct serve *serve)
{
	serve->world->timer_stop(serve->world->priv, serve->scavenge.timer);
	serve->scavenge.timer = NULL;
	serve->scavenge.running = false;
}

void serve_scavenge(struct serve *serve,
		    void (*done)(void *arg, uint64_t changed), void *arg)
{
	struct scavenge_waiter *waiter = NULL;

	if (done != NULL) {
		waiter = talloc(serve, struct scavenge_waiter);
		if (waiter == NULL) {
			done(arg, 0);
			return;
		}
		waiter->done = done;
		waiter->arg = arg;
		waiter->next = serve->scavenge.waiters;
		serve->scavenge.waiters = waiter;
	}
	if (!serve->scavenge.running) {
		pass_begin(serve);
	}
}

int64_t serve_next_scavenge(const struct serve *serve)
{
	return serve->scavenge.next;
}
