/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Wishes: the calendar's, an operator's, or a partner's that has news. Each
 * becomes a pull, but of one partner a single pull is under way at a time,
 * whatever it sends (quality.md C.3, amplification): what is wished meanwhile
 * is joined into one more. Wishes on a connection that the partner lends us
 * (UPDATE) and wishes on our own stay apart.
 *
 * Side by side no more than PULLS_MAX pulls are under way; the others begin
 * when one has ended.
 */

#include "repl/private.h"

static void pull_try(struct partner *partner);

static void wish_timer(void *arg)
{
	struct partner *partner = arg;

	partner->timer = NULL;
	pull_try(partner);
}

/* INFORM costs us a connection: not too often. True: later. */
static bool comes_too_soon(struct partner *partner)
{
	struct repl *repl = partner->repl;
	uint64_t since = repl_mono(repl) + 1 - partner->began;

	if (partner->wish.table == NULL || partner->began == 0 ||
	    since >= PULL_PAUSE_USEC) {
		return false;
	}
	partner->timer = repl_timer(repl, PULL_PAUSE_USEC - since, wish_timer,
				    partner);
	return partner->timer != NULL;
}

/* Begin what is wished, if it may begin now. */
static void pull_try(struct partner *partner)
{
	struct repl *repl = partner->repl;

	if (partner->pull != NULL || !repl->loaded ||
	    repl->pulls >= PULLS_MAX) {
		return;
	}
	if (partner->lent.wanted) {
		pull_start(partner, &partner->lent);
	} else if (partner->wish.wanted && partner->timer == NULL &&
		   !comes_too_soon(partner)) {
		pull_start(partner, &partner->wish);
	}
}

void pull_wish_clear(struct pull_wish *wish, int error, const char *message,
		     struct partner *partner)
{
	struct assoc *a = wish->assoc;
	struct waiter *waiters = wish->waiters;

	talloc_free(wish->table);
	*wish = (struct pull_wish){ .wanted = false };
	if (a != NULL) {
		assoc_stop(a, WREPL_STOP_ERROR);
	}
	waiters_tell(&waiters, partner->config.address, error, 0, message);
}

void pull_lent_gone(struct partner *partner, const struct assoc *a)
{
	if (partner->lent.assoc == a) {
		partner->lent.assoc = NULL;
		pull_wish_clear(&partner->lent, ECONNRESET, NULL, partner);
	}
}

/* Two wishes become one that serves both. */
static void wish_join(struct pull_wish *have, struct pull_wish *more)
{
	struct waiter **end = &have->waiters;
	struct assoc *old = have->assoc;
	bool all = more->assoc == NULL &&
		   ((have->wanted && have->table == NULL) ||
		    more->table == NULL);

	while (*end != NULL) {
		end = &(*end)->next;
	}
	*end = more->waiters;
	talloc_free(have->table);
	if (all) {
		TALLOC_FREE(more->table);
	}
	have->wanted = true;
	have->table = more->table;
	have->owners = more->owners;
	have->assoc = more->assoc;
	if (more->propagate) {
		have->initiator = more->initiator;
		have->propagate = true;
	}
	if (old != NULL) {
		/* what it said later counts */
		assoc_stop(old, WREPL_STOP_NORMAL);
	}
}

void pull_want(struct partner *partner, struct pull_wish *wish)
{
	wish_join(wish->assoc != NULL ? &partner->lent : &partner->wish, wish);
	pull_try(partner);
}

void pulls_try(struct repl *repl)
{
	struct partner *partner = NULL, *next = NULL;

	for (partner = TAILQ_FIRST(&repl->partners); partner != NULL;
	     partner = next) {
		next = TAILQ_NEXT(partner, list);
		pull_try(partner);
	}
}
