/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Push: telling a partner that there is something new (protocol.md 4.5).
 *
 * On a persistent association INFORM is all: the partner pulls on a connection
 * of its own. Otherwise, and to partners too old for INFORM, UPDATE on a new
 * connection: when it is sent we are the server there, until the partner says
 * STOP.
 *
 * Pushed is after so many new versions of ours (push count), when a record of
 * ours got other addresses, when an operator says so, and onwards what a
 * partner wants propagated. Versions that were counted are remembered when a
 * push was sent, so that slow changes add up (the reference forgets them).
 *
 * Loops (Q129816): a notification keeps its initiator. Our own is not taken
 * on again, and none goes on unless it brought at least one record, nor back
 * to where it came from or began.
 *
 * A partner that failed more than twice in five minutes is not pushed to
 * (microsoft-wins.md 5); its own pulls still find everything.
 */

#include <string.h>

#include "repl/private.h"

#define WATCH_USEC 50000u	/* turns that come together are looked at once */

struct push {
	struct partner *partner;
	struct assoc *assoc;
	bool propagate;
	uint32_t initiator;		/* 0: all owners are told */
	bool again;			/* the one retry was made */
	struct waiter *waiters;
};

static void push_try(struct partner *partner);

/* ---- the end ---- */

static void push_close(struct push *push)
{
	push->partner->push = NULL;
	if (push->assoc != NULL) {
		push->assoc->push = NULL;
	}
}

void push_free(struct push *push)
{
	struct assoc *a = push->assoc;

	push_close(push);
	waiters_tell(&push->waiters, push->partner->config.address, ECANCELED,
		     0, "no partner any more");
	talloc_free(push);
	if (a != NULL) {
		assoc_close(a);
	}
}

void push_forget(struct push *push, const void *arg)
{
	for (struct waiter *w = push != NULL ? push->waiters : NULL; w != NULL;
	     w = w->next) {
		if (w->arg == arg) {
			w->done = NULL;
		}
	}
}

static void push_finish(struct push *push, int error, const char *message)
{
	struct partner *partner = push->partner;
	struct waiter *waiters = push->waiters;

	push_close(push);
	talloc_free(push);
	if (error != 0) {
		repl_count(partner->repl, STAT_PUSHES_FAILED);
		partner_failed(partner, "push: %s", message);
	}
	waiters_tell(&waiters, partner->config.address, error, 0, message);
	push_try(partner);
}

/* ---- sending ---- */

static uint32_t command_of(const struct push *push, bool inform)
{
	if (inform) {
		return push->propagate ? WREPL_INFORM2 : WREPL_INFORM;
	}
	return push->propagate ? WREPL_UPDATE2 : WREPL_UPDATE;
}

static void push_send(struct push *push)
{
	struct partner *partner = push->partner;
	struct repl *repl = partner->repl;
	struct assoc *a = push->assoc;
	bool inform = partner->config.options.persistent &&
		      a->peer_minor >= WREPL_MINOR;

	partner->push_mark = store_mark(repl->store, NB_SELF);
	partner->addresses = serve_address_changes(repl->serve);
	partner->pushed = repl_mono(repl) + 1;
	repl_count(repl, STAT_PUSHES);
	assoc_send_table(a, command_of(push, inform), push->initiator,
			 push->initiator != 0 ? push->initiator :
						repl->config.self);
	a->push = NULL;
	push->assoc = NULL;
	if (inform) {
		partner->push_assoc = a;
	} else {
		a->role = ROLE_SERVER;
	}
	assoc_wait(a, IDLE_SECONDS, "what the partner asks");
	push_finish(push, 0, NULL);
}

void push_up(struct push *push)
{
	push_send(push);
}

static int push_call(struct push *push)
{
	push->assoc = assoc_call(push->partner, ROLE_PUSH);
	if (push->assoc == NULL) {
		return errno;
	}
	push->assoc->push = push;
	return 0;
}

void push_lost(struct push *push, int error)
{
	push->assoc = NULL;
	if (!push->again) {
		push->again = true;
		if (push_call(push) == 0) {
			return;
		}
	}
	push_finish(push, error, strerror(error));
}

static void push_start(struct partner *partner)
{
	struct push *push = talloc_zero(partner->repl, struct push);
	int ret = ENOMEM;

	if (push == NULL) {
		waiters_tell(&partner->push_wish.waiters,
			     partner->config.address, ENOMEM, 0,
			     "out of memory");
		partner->push_wish.wanted = false;
		return;
	}
	push->partner = partner;
	push->propagate = partner->push_wish.propagate;
	push->initiator = partner->push_wish.initiator;
	push->waiters = partner->push_wish.waiters;
	partner->push_wish = (struct push_wish){ .wanted = false };
	partner->push = push;
	if (partner->push_assoc != NULL) {
		push->assoc = partner->push_assoc;
		push->assoc->push = push;
		push_send(push);
		return;
	}
	ret = push_call(push);
	if (ret != 0) {
		push_finish(push, ret, strerror(ret));
	}
}

/* ---- wishes ---- */

static void push_timer(void *arg)
{
	struct partner *partner = arg;

	partner->push_timer = NULL;
	push_try(partner);
}

static bool push_held(struct partner *partner)
{
	struct push_wish *wish = &partner->push_wish;
	struct waiter *waiters = wish->waiters;

	if (partner_failures(partner, 300) <= PUSH_FAILURES) {
		return false;
	}
	repl_count(partner->repl, STAT_PUSHES_HELD);
	*wish = (struct push_wish){ .wanted = false };
	waiters_tell(&waiters, partner->config.address, EAGAIN, 0,
		     "it failed more than twice in the last five minutes");
	return true;
}

static void push_try(struct partner *partner)
{
	struct repl *repl = partner->repl;
	uint64_t since = repl_mono(repl) + 1 - partner->pushed;

	if (!partner->push_wish.wanted || partner->push != NULL ||
	    partner->push_timer != NULL || !repl->loaded ||
	    push_held(partner)) {
		return;
	}
	if (partner->pushed != 0 && since < PUSH_PAUSE_USEC) {
		partner->push_timer = repl_timer(repl, PUSH_PAUSE_USEC - since,
						 push_timer, partner);
		if (partner->push_timer != NULL) {
			return;
		}
	}
	push_start(partner);
}

void push_want(struct partner *partner, bool propagate, uint32_t initiator,
	       struct waiter *waiter)
{
	struct push_wish *wish = &partner->push_wish;

	if (partner->repl->config.observe) {
		waiters_tell(&waiter, partner->config.address, EPERM, 0,
			     "this server only observes");
		return;
	}
	if (wish->wanted && wish->initiator != initiator) {
		initiator = 0;
	}
	if (waiter != NULL) {
		waiter->next = wish->waiters;
		wish->waiters = waiter;
	}
	wish->propagate |= propagate;
	wish->initiator = initiator;
	wish->wanted = true;
	push_try(partner);
}

void push_forward(struct repl *repl, const struct partner *source,
		  uint32_t initiator)
{
	const struct partner *first = partner_find(repl, initiator);
	struct partner *partner = NULL;

	if (initiator == repl->config.self) {
		return;
	}
	TAILQ_FOREACH(partner, &repl->partners, list) {
		if (partner->config.push && partner != source &&
		    partner != first) {
			repl_count(repl, STAT_FORWARDED);
			push_want(partner, true, initiator, NULL);
		}
	}
}

/* ---- our own news ---- */

static void look(void *arg)
{
	struct repl *repl = arg;
	uint64_t mark = store_mark(repl->store, NB_SELF);
	uint64_t addresses = serve_address_changes(repl->serve);
	struct partner *partner = NULL;

	repl->watch = NULL;
	TAILQ_FOREACH(partner, &repl->partners, list) {
		uint32_t count = partner->config.options.push_count;

		if (!partner->config.push || count == 0) {
			continue;
		}
		if (partner->addresses != addresses) {
			partner->addresses = addresses;
			push_want(partner, true, repl->config.self, NULL);
		} else if (mark - partner->push_mark >= count) {
			partner->push_mark = mark;
			push_want(partner, false, 0, NULL);
		}
	}
}

void push_watch(void *arg)
{
	struct repl *repl = arg;

	tick_revive(repl);
	if (repl->watch == NULL) {
		repl->watch = repl_timer(repl, WATCH_USEC, look, repl);
	}
}
