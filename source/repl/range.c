/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A range: the versions of one owner that a partner was asked for, from the
 * first record to the last that is settled.
 *
 * The mark of the owner follows what is settled: it rides on the same turn as
 * the records (design.md section 2). With ascending versions - everybody sends
 * them so - it is the version before the lowest whose challenge is still under
 * way, else the last that came; when all have come, the end of the range. If
 * they do not ascend, only the end counts. A record that could not be taken
 * (no memory, no version to be had) stops the mark below it, so that it is
 * asked for again.
 *
 * One range of an owner at a time: of two partners' copies the older one
 * could otherwise arrive last and be kept, as records of the same owner
 * always replace each other (protocol.md 5.2 #5). What comes at or below the
 * mark is known and not looked at again.
 *
 * A range lives on when its connection has gone, until its challenges are
 * over: what they decide is settled as well.
 */

#include <string.h>

#include "repl/private.h"

struct pending {
	TAILQ_ENTRY(pending) list;
	struct range *range;
	uint64_t version;
};

struct range {
	struct repl *repl;
	struct owner *owner;
	struct pull *pull;		/* NULL: gone, or done with it */
	uint32_t partner;
	bool no_demand;
	bool high_precedence;
	bool ours;			/* our own records come back */
	bool whole;			/* max is the end, not a limit of ours */
	uint64_t min, max;
	uint64_t last, highest;		/* versions that came */
	uint64_t stuck;			/* the lowest that could not be taken,
					   0: none */
	bool broken;			/* a turn of it was undone */
	bool sorted;
	bool complete;			/* no more will come: all are in */
	bool abandoned;			/* no more will come: the pull ended */
	bool held;			/* the pull has not let go of it */
	unsigned int turns;		/* not durable yet */
	unsigned int calls;		/* of settled(), on the stack */
	TAILQ_HEAD(, pending) pending;
	TAILQ_HEAD(, note) notes;
};

struct note {				/* what a turn says when it is durable */
	TAILQ_ENTRY(note) list;
	struct range *range;		/* NULL: repl is gone */
	struct pull *pull;		/* that counts it; NULL: none any more */
	uint64_t mark;
};

struct range *range_begin(struct pull *pull, struct owner *owner, uint64_t min,
			  uint64_t max, bool whole)
{
	struct partner *partner = pull_partner(pull);
	struct repl *repl = partner->repl;
	struct range *range = talloc_zero(repl, struct range);

	if (range == NULL) {
		return NULL;
	}
	range->repl = repl;
	range->owner = owner;
	range->pull = pull;
	range->partner = partner->config.address;
	range->no_demand = !partner_demand_ok(partner);
	range->high_precedence = partner->config.options.high_precedence;
	range->ours = owner->address == repl->config.self;
	range->whole = whole;
	range->min = min;
	range->max = max;
	range->sorted = true;
	range->held = true;
	TAILQ_INIT(&range->pending);
	TAILQ_INIT(&range->notes);
	owner->range = range;
	return range;
}

unsigned int range_turns(const struct range *range)
{
	return range->turns;
}

bool range_is_complete(const struct range *range)
{
	return range->complete;
}

static void range_free(struct range *range)
{
	range->owner->range = NULL;
	talloc_free(range);
}

/* Is it over? Then whoever waits for the owner goes on. */
static void range_look(struct range *range)
{
	struct repl *repl = range->repl;

	if (range->held || (!range->complete && !range->abandoned) ||
	    range->turns > 0 || range->calls > 0 ||
	    !TAILQ_EMPTY(&range->pending)) {
		return;
	}
	range_free(range);
	pull_owner_free(repl);
}

/* ---- the mark ---- */

/* The lowest version that is not settled; 0: all are. */
static uint64_t lowest_open(const struct range *range)
{
	const struct pending *pending = NULL;
	uint64_t lowest = range->stuck;

	TAILQ_FOREACH(pending, &range->pending, list) {
		if (lowest == 0 || pending->version < lowest) {
			lowest = pending->version;
		}
	}
	return lowest;
}

static uint64_t settled_to(const struct range *range)
{
	uint64_t lowest = lowest_open(range);
	uint64_t to = range->last;

	if (range->broken) {
		return 0;
	}
	if (range->complete) {
		to = range->whole ? range->max : range->highest;
	} else if (!range->sorted) {
		return 0;
	}
	if (lowest != 0 && lowest <= to) {
		return range->sorted ? lowest - 1 : 0;
	}
	return to;
}

static void stick(struct range *range, uint64_t version)
{
	if (range->stuck == 0 || version < range->stuck) {
		range->stuck = version;
	}
}

static void note_done(void *arg, int error)
{
	struct note *note = arg;
	struct range *range = note->range;
	struct owner *owner = NULL;
	struct pull *pull = NULL;

	if (range == NULL) {
		talloc_free(note);
		return;
	}
	owner = range->owner;
	pull = note->pull;
	TAILQ_REMOVE(&range->notes, note, list);
	range->turns--;
	if (error == 0 && note->mark > owner->mark && !range->ours) {
		owner->mark = note->mark;
		owner->last_new = repl_wall(range->repl);
	}
	if (error != 0) {
		/* its records are gone; they are asked for another time */
		range->broken = true;
		range->abandoned = true;
	}
	talloc_free(note);
	range->calls++;
	if (pull != NULL) {
		pull_turn_done(pull, error);
	}
	range->calls--;
	range_look(range);
}

static int set_mark(struct range *range, struct note *note, uint64_t to)
{
	struct repl *repl = range->repl;
	uint32_t owner = repl_inward(repl, range->owner->address);
	int ret = 0;

	if (!range->ours && to > store_mark(repl->store, owner)) {
		ret = serve_set_mark(repl->serve, owner, to);
	}
	if (ret == 0) {
		note->mark = to;
	}
	return ret;
}

/* Who tells of the mark comes first: one that is set must be told of. */
int range_turn(struct range *range)
{
	struct note *note = talloc_zero(range->repl, struct note);

	if (note == NULL) {
		return ENOMEM;
	}
	note->range = range;
	if (!serve_when_durable(range->repl->serve, note_done, note)) {
		talloc_free(note);
		return ENOMEM;
	}
	TAILQ_INSERT_TAIL(&range->notes, note, list);
	range->turns++;
	if (range->pull != NULL) {
		note->pull = range->pull;
		pull_turn_begun(range->pull);
	}
	return set_mark(range, note, settled_to(range));
}

/* ---- records ---- */

/* A challenge has ended; a turn is open. */
static void settled(void *arg, int error)
{
	struct pending *pending = arg;
	struct range *range = pending->range;

	TAILQ_REMOVE(&range->pending, pending, list);
	if (error != 0) {
		stick(range, pending->version);
	}
	talloc_free(pending);
	range->calls++;
	if (error == 0) {
		repl_count(range->repl, STAT_RECORDS_CHANGED);
		/* without memory the next turn carries the mark */
		(void)range_turn(range);
	}
	pulls_flow(range->repl);
	range->calls--;
	range_look(range);
}

/*
 * Did we ask for it, and is it news? The range began right above the mark.
 * What follows the first turn is not held against the mark as it is now: a
 * version that comes late, behind higher ones, is as new as they are.
 */
static bool is_wanted(struct range *range, const struct nb_record *rec)
{
	if (rec->version < range->min && !range->ours) {
		repl_count(range->repl, STAT_RECORDS_OLD);
		return false;
	}
	if (rec->version < range->min || rec->version > range->max) {
		repl_count(range->repl, STAT_RECORDS_BAD);
		return false;
	}
	if (rec->version < range->last) {
		range->sorted = false;
	}
	range->last = rec->version;
	if (range->highest < rec->version) {
		range->highest = rec->version;
	}
	if (range->owner->seen < rec->version) {
		range->owner->seen = rec->version;
	}
	return true;
}

/* Hand it to serve; what cannot be a record stops nothing (Q190506). */
static int apply(struct range *range, const struct nb_record *rec)
{
	struct nb_event event = {
		.kind = NB_EV_REPLICA,
		.name = rec->name,
		.addr = rec->count > 0 ? rec->member[0].ip : 0,
		.source = range->partner,
		.record = rec,
		.no_demand = range->no_demand,
		.high_precedence = range->high_precedence,
	};
	struct pending *pending = talloc_zero(range->repl, struct pending);
	bool waits = false, changed = false;
	int ret = 0;

	if (pending == NULL) {
		return ENOMEM;
	}
	pending->range = range;
	pending->version = rec->version;
	ret = serve_replica(range->repl->serve, &event, settled, pending,
			    &waits, &changed);
	if (ret == 0 && waits) {
		TAILQ_INSERT_TAIL(&range->pending, pending, list);
		return 0;
	}
	talloc_free(pending);
	if (changed) {
		repl_count(range->repl, STAT_RECORDS_CHANGED);
	}
	if (ret == EINVAL) {
		repl_count(range->repl, STAT_RECORDS_BAD);
		return 0;
	}
	return ret;
}

int range_record(struct range *range, struct nb_record *rec)
{
	struct repl *repl = range->repl;
	uint64_t version = rec->version;
	int ret = 0;

	repl_count(repl, STAT_RECORDS_IN);
	if (!is_wanted(range, rec)) {
		return 0;
	}
	if (!filter_in(repl, pull_partner(range->pull), rec)) {
		repl_count(repl, STAT_RECORDS_FILTERED);
		return 0;
	}
	ret = apply(range, rec);
	if (ret != 0) {
		stick(range, version);
	}
	return ret;
}

/* ---- the end ---- */

void range_complete(struct range *range)
{
	range->complete = true;
	if (range->ours) {
		gate_own_back(range->repl, range->max);
	}
}

void range_abandon(struct range *range)
{
	range->pull = NULL;
	range->abandoned = true;
	range->held = false;
	range_look(range);
}

void range_leave(struct range *range)
{
	range->held = false;
	range_look(range);
}

/* This pull is gone; ranges whose records are all in go on without it. */
void ranges_forget(struct repl *repl, const struct pull *pull)
{
	struct owner *owner = NULL;

	RB_FOREACH(owner, owner_tree, &repl->owners) {
		struct note *note = NULL;

		if (owner->range == NULL) {
			continue;
		}
		if (owner->range->pull == pull) {
			owner->range->pull = NULL;
		}
		TAILQ_FOREACH(note, &owner->range->notes, list) {
			if (note->pull == pull) {
				note->pull = NULL;
			}
		}
	}
}

/* Serve goes on to hold what it will call; nobody is at home then. */
static void range_detach(struct range *range)
{
	struct repl *repl = range->repl;
	struct pending *pending = NULL;
	struct note *note = NULL;

	while ((pending = TAILQ_FIRST(&range->pending)) != NULL) {
		TAILQ_REMOVE(&range->pending, pending, list);
		serve_replica_forget(repl->serve, pending);
		talloc_free(pending);
	}
	while ((note = TAILQ_FIRST(&range->notes)) != NULL) {
		TAILQ_REMOVE(&range->notes, note, list);
		note->range = NULL;
		(void)talloc_steal(repl->serve, note);
	}
}

void ranges_free(struct repl *repl)
{
	struct owner *owner = NULL;

	RB_FOREACH(owner, owner_tree, &repl->owners) {
		if (owner->range != NULL) {
			range_detach(owner->range);
		}
	}
}
