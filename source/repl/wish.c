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

#define WISH_OWNERS	65536u	/* lines of news that are kept */

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

/* Later news of an owner that is in it already; not looked for in long ones. */
static void add_line(struct pull_wish *have, const struct wrepl_owner *line)
{
	for (uint32_t i = 0; i < have->owners && i < 64; i++) {
		if (have->table[i].address == line->address) {
			if (have->table[i].max < line->max) {
				have->table[i].max = line->max;
			}
			return;
		}
	}
	have->table[have->owners++] = *line;
}

/* Both tables in one. Which lines are news is seen when they are asked for. */
static void join_tables(struct pull_wish *have, struct pull_wish *more)
{
	uint32_t count = have->owners + more->owners;
	struct wrepl_owner *line = NULL;

	if (count <= WISH_OWNERS) {
		line = talloc_realloc(talloc_parent(have->table), have->table,
				      struct wrepl_owner, count + 1);
	}
	if (line == NULL) {
		/* what it said later counts */
		talloc_free(have->table);
		have->table = more->table;
		have->owners = more->owners;
		return;
	}
	have->table = line;
	for (uint32_t i = 0; i < more->owners; i++) {
		add_line(have, &more->table[i]);
	}
	talloc_free(more->table);
}

static void join_propagation(struct pull_wish *have,
			     const struct pull_wish *more)
{
	if (!more->propagate) {
		return;
	}
	have->initiator = !have->propagate ||
			  have->initiator == more->initiator ?
				  more->initiator : 0;
	have->propagate = true;
}

/* Two wishes become one that serves both. */
static void wish_join(struct pull_wish *have, struct pull_wish *more)
{
	struct waiter **end = &have->waiters;
	struct assoc *old = have->assoc;
	bool all = more->table == NULL ||
		   (have->wanted && have->table == NULL);

	while (*end != NULL) {
		end = &(*end)->next;
	}
	*end = more->waiters;
	if (all) {
		talloc_free(more->table);
		TALLOC_FREE(have->table);
	} else if (have->table != NULL) {
		join_tables(have, more);
	} else {
		have->table = more->table;
		have->owners = more->owners;
	}
	have->wanted = true;
	have->assoc = more->assoc;
	join_propagation(have, more);
	if (old != NULL) {
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
