/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Turns and the replies that wait for them.
 *
 * Whatever is decided between serve_turn_begin() and serve_turn_end() becomes
 * one commit. A reply leaves at once if everything its decision read is on
 * disk; otherwise it is held by the turn that is gathering, because that one
 * is durable no earlier than what it read. So a client is never told of a
 * state that a crash could take back, be it an acceptance or a refusal.
 *
 * Whoever else waits for a turn (operators, repl, release demands) is held in
 * the same way, and hears of a failure.
 *
 * A turn that fails takes its replies with it: the clients see a lost packet
 * and ask again. Turns nest (a timer inside a drained batch); the outermost
 * end commits. A turn without a change or a held reply costs nothing.
 */

#include <string.h>

#include "serve/serve_private.h"

void serve_turn_begin(struct serve *serve)
{
	if (serve->depth++ == 0) {
		watched_turn(serve);
	}
}

bool serve_turn_open(struct serve *serve)
{
	if (serve->turn != NULL) {
		return true;
	}
	serve->turn = talloc_zero(serve, struct turn);
	if (serve->turn == NULL) {
		return false;
	}
	serve->turn->serve = serve;
	store_begin(serve->store);
	return true;
}

static void turn_unlink(struct turn *turn)
{
	if (turn->prev != NULL) {
		turn->prev->next = turn->next;
	} else {
		turn->serve->turns = turn->next;
	}
	if (turn->next != NULL) {
		turn->next->prev = turn->prev;
	}
}

static void held_end(struct serve *serve, struct held *held, int error)
{
	if (held->durable != NULL) {
		serve->waits--;
		held->durable(held->arg, error);
		return;
	}
	serve->held--;
	burst_backlog_fell(serve);
	if (held->done != NULL) {
		held->done(held->arg, error, held->verdict);
		return;
	}
	if (error != 0) {
		serve_count(serve, STAT_REPLIES_DROPPED);
		return;
	}
	serve_reply_now(serve, &held->origin, &held->name, &held->reply);
}

static void turn_done(void *arg, int error)
{
	struct turn *turn = arg;
	struct serve *serve = turn->serve;
	bool changed = false;

	turn_unlink(turn);
	if (error != 0) {
		serve_count(serve, STAT_TURNS_FAILED);
	}
	if (error != 0 && !serve->undone && serve_can_write(serve)) {
		/*
		 * Those that waited behind it fail with it; of a disk that is
		 * full or fails the store has told.
		 */
		nb_log(serve->world, NB_LOG_ERROR,
		       "a turn could not be made durable and was undone: %s",
		       strerror(error));
	}
	serve->undone = error != 0;
	changed = error == 0 && turn->changes > 0;
	if (changed) {
		serve->address_changes += turn->address_changes;
	}
	for (struct held *held = turn->first, *next; held != NULL;
	     held = next) {
		next = held->next;
		held_end(serve, held, error);
	}
	talloc_free(turn);
	if (changed && serve->watch != NULL) {
		serve->watch(serve->watch_arg);
	}
}

void serve_turn_end(struct serve *serve)
{
	struct turn *turn = serve->turn;

	if (--serve->depth > 0 || turn == NULL) {
		return;
	}
	serve->turn = NULL;
	turn->next = serve->turns;
	if (turn->next != NULL) {
		turn->next->prev = turn;
	}
	serve->turns = turn;
	serve_count(serve, STAT_TURNS);
	store_commit(serve->store, turn_done, turn);
}

/* ---- replies ---- */

static enum serve_stat stat_of_reply(const struct nb_reply *reply)
{
	switch (reply->kind) {
	case NB_REPLY_REGISTER:
		if (reply->rcode == NB_RCODE_OK) {
			return STAT_POSITIVE;
		}
		return reply->rcode == NB_RCODE_SRV ? STAT_FAILED
						    : STAT_REFUSED;
	case NB_REPLY_RELEASE:
		return reply->rcode == NB_RCODE_SRV ? STAT_FAILED : STAT_COUNT;
	case NB_REPLY_ADDRESSES:
		return STAT_ANSWERED;
	case NB_REPLY_NEGATIVE:
		return STAT_NEGATIVE;
	case NB_REPLY_WACK:
		return STAT_WACKS;
	}
	return STAT_COUNT;
}

void serve_reply_now(struct serve *serve, const struct nb_origin *origin,
		     const struct nb_name *name, const struct nb_reply *reply)
{
	enum serve_stat stat = stat_of_reply(reply);

	if (stat != STAT_COUNT) {
		serve_count(serve, stat);
	}
	serve->ops.reply(serve->ops.priv, origin, name, reply);
}

static struct held *hold(struct serve *serve)
{
	struct held *held = NULL;

	if (!serve_turn_open(serve)) {
		return NULL;
	}
	held = talloc(serve->turn, struct held);
	if (held == NULL) {
		return NULL;
	}
	held->next = NULL;
	held->done = NULL;
	held->durable = NULL;
	if (serve->turn->last != NULL) {
		serve->turn->last->next = held;
	} else {
		serve->turn->first = held;
	}
	serve->turn->last = held;
	serve->held++;
	return held;
}

void serve_reply(struct serve *serve, const struct nb_origin *origin,
		 const struct nb_name *name, const struct nb_reply *reply)
{
	struct held *held = NULL;

	if (reply->kind == NB_REPLY_NONE) {
		return;
	}
	if (store_pending_turn(serve->store, name) == 0) {
		serve_reply_now(serve, origin, name, reply);
		return;
	}
	held = hold(serve);
	if (held == NULL) {
		serve_count(serve, STAT_REPLIES_DROPPED);
		return;
	}
	held->origin = *origin;
	held->name = *name;
	held->reply = *reply;
}

bool serve_hold_done(struct serve *serve, const struct nb_verdict *verdict,
		     void (*done)(void *arg, int error,
				  const struct nb_verdict *verdict),
		     void *arg)
{
	struct held *held = hold(serve);

	if (held == NULL) {
		return false;
	}
	held->verdict = talloc_memdup(held, verdict, sizeof(*verdict));
	if (held->verdict == NULL) {
		/* the slot stays as a reply to nobody */
		held->reply.kind = NB_REPLY_NONE;
		return false;
	}
	held->done = done;
	held->arg = arg;
	return true;
}

bool serve_when_durable(struct serve *serve, void (*done)(void *arg, int error),
			void *arg)
{
	struct held *held = hold(serve);

	if (held == NULL) {
		return false;
	}
	held->durable = done;
	held->arg = arg;
	/* nobody's answer: it says nothing of how far the store is behind */
	serve->held--;
	serve->waits++;
	return true;
}

/* ---- what rides on a turn, and who hears of it ---- */

int serve_set_mark(struct serve *serve, uint32_t owner, uint64_t version)
{
	int ret = 0;

	if (!serve_turn_open(serve)) {
		return ENOMEM;
	}
	ret = store_set_mark(serve->store, owner, version);
	if (ret == 0) {
		serve->turn->changes++;
	}
	return ret;
}

/* No change that anybody watches for: repl keeps its own notes there. */
int serve_set_meta(struct serve *serve, const char *key, uint64_t number)
{
	if (!serve_turn_open(serve)) {
		return ENOMEM;
	}
	return store_set_meta(serve->store, key, number);
}

int serve_raise_counter(struct serve *serve, uint64_t version)
{
	if (!serve_turn_open(serve)) {
		return ENOMEM;
	}
	return store_raise_counter(serve->store, version);
}

void serve_set_watch(struct serve *serve, void (*watch)(void *arg), void *arg)
{
	serve->watch = watch;
	serve->watch_arg = arg;
}

uint64_t serve_address_changes(const struct serve *serve)
{
	return serve->address_changes;
}
