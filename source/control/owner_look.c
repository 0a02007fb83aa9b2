/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owner list, accept, reject: whose records there are, how far each owner is
 * known, and what is to become of versions that jumped (Q165463).
 *
 * An owner is in the store, for its records and its mark, or known to repl
 * from a partner's map, or both. The list merges the two; both are in the
 * order of their addresses, so the cursor is an address: an owner that comes
 * or goes between two slices moves no other one. Ours comes first.
 *
 * Numbers are what is stored: an active record whose time has passed counts
 * as active until the scavenger has been there.
 */
#include <inttypes.h>
#include <string.h>

#include "control/call.h"
#include "core/addr.h"

/* One owner as both sides know it. */
struct line {
	bool here;		/* in the store */
	bool known;		/* to repl */
	struct store_owner store;
	struct repl_owner_sight sight;
};

struct merge {
	struct call *call;
	unsigned int store, repl;	/* where each side is */
};

typedef bool owner_at(const struct call *call, unsigned int index,
		      struct line *line, uint32_t *owner);

static bool store_at(const struct call *call, unsigned int index,
		     struct line *line, uint32_t *owner)
{
	if (!store_owner_at(call->context->store, index, &line->store)) {
		return false;
	}
	*owner = line->store.owner;
	return true;
}

static bool repl_at(const struct call *call, unsigned int index,
		    struct line *line, uint32_t *owner)
{
	struct repl *repl = call->context->repl;

	if (repl == NULL || !repl_owner_at(repl, index, &line->sight)) {
		return false;
	}
	*owner = line->sight.owner;
	return true;
}

/* The first index whose owner is above this one. */
static unsigned int first_above(const struct call *call, owner_at *at,
				uint32_t above)
{
	struct line line;
	uint32_t owner = 0;
	unsigned int low = 0, high = 1;

	while (at(call, high - 1, &line, &owner) && owner <= above) {
		low = high;
		high *= 2;
	}
	while (low + 1 < high) {
		unsigned int middle = low + (high - low) / 2;

		if (at(call, middle - 1, &line, &owner) && owner <= above) {
			low = middle;
		} else {
			high = middle;
		}
	}
	return low;
}

/* The next foreign owner of both sides; 0: that was the last. */
static uint32_t next_owner(struct merge *merge, struct line *line)
{
	uint32_t stored = 0, told = 0;

	line->here = store_at(merge->call, merge->store, line, &stored);
	line->known = repl_at(merge->call, merge->repl, line, &told);
	if (line->here && line->known && stored != told) {
		line->here = stored < told;
		line->known = told < stored;
	}
	merge->store += line->here;
	merge->repl += line->known;
	return line->here ? stored : told;
}

static void our_line(const struct call *call, struct line *line)
{
	struct repl *repl = call->context->repl;

	line->here = store_owner_at(call->context->store, 0, &line->store) &&
		     line->store.owner == NB_SELF;
	line->known = repl != NULL && repl_owner_sight(repl,
						       call->context->self,
						       &line->sight);
}

/* ---- what is told of one ---- */

static void put_records(struct call *call, const struct line *line)
{
	struct store_owner none = { .owner = 0 };
	const struct store_owner *s = line->here ? &line->store : &none;

	call_put_count(call, "active", s->records[NB_ACTIVE]);
	call_put_count(call, "released", s->records[NB_RELEASED]);
	call_put_count(call, "tombstones", s->records[NB_TOMBSTONE]);
	call_put_count(call, "statics", s->statics);
	call_put_count(call, "record_max", s->highest);
	call_put_count(call, "max_version",
		       line->known ? line->sight.mark : s->mark);
}

/* What only repl knows; without it nobody does. */
static void put_sight(struct call *call, const struct repl_owner_sight *s)
{
	call_put_known(call, "map_max", s->map_max);
	call_put_seen(call, "last_new_version", s->last_new);
	call_put_truth(call, "reachable", s->reachable);
	call_put_truth(call, "blocked", s->blocked);
	call_put_known(call, "quarantine", s->quarantine != 0 ?
					   s->quarantine : REPL_UNKNOWN);
	call_put_truth(call, "rejected", s->rejected);
}

static void put_no_sight(struct call *call)
{
	static const char *const keys[] = {
		"map_max", "last_new_version", "reachable", "blocked",
		"quarantine", "rejected",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		call_put_nothing(call, keys[i]);
	}
}

static void put_line(struct call *call, uint32_t owner,
		     const struct line *line)
{
	call_put_host(call, "owner", owner);
	call_put_truth(call, "ours", owner == call->context->self);
	put_records(call, line);
	if (line->known) {
		put_sight(call, &line->sight);
	} else {
		put_no_sight(call);
	}
}

void owner_list(struct call *call)
{
	struct merge merge = { .call = call };
	struct line line;
	uint64_t cursor = 0;
	uint32_t last = 0, owner = 0;

	if (!call_resume(call, &cursor)) {
		return;
	}
	last = (uint32_t)cursor;
	call_status(call, CONTROL_OK, NULL);
	if (cursor == 0) {
		our_line(call, &line);
		put_line(call, call->context->self, &line);
	}
	merge.store = first_above(call, store_at, last);
	merge.repl = first_above(call, repl_at, last);
	while ((owner = next_owner(&merge, &line)) != 0) {
		if (!call_row_fits(call)) {
			call_more(call, last);
			break;
		}
		if (owner != call->context->self) {
			put_line(call, owner, &line);
		}
		last = owner;
	}
	call_done(call);
}

/* ---- quarantine ---- */

static void decide(struct call *call,
		   int (*decision)(struct repl *repl, uint32_t owner))
{
	uint64_t flags = control_number_or(&call->request, CONTROL_FLAGS, 0);
	uint32_t owner = (uint32_t)control_number_or(&call->request,
						     CONTROL_OWNER, 0);
	struct repl *repl = call->context->repl;
	struct repl_owner_sight sight = { .quarantine = 0 };
	char text[NB_ADDR_TEXT];
	int ret = 0;

	(void)nb_addr_print(owner, text);
	if (repl == NULL || !repl_owner_sight(repl, owner, &sight) ||
	    sight.quarantine == 0) {
		call_refuse(call, CONTROL_NOT_FOUND, "nothing of owner %s is "
			    "in quarantine", text);
		return;
	}
	if (sight.rejected && decision == repl_owner_reject) {
		call_refuse(call, CONTROL_UNCHANGED, "the versions of %s up "
			    "to %" PRIu64 " were rejected before", text,
			    sight.quarantine);
		return;
	}
	call_status(call, CONTROL_OK, NULL);
	call_put_host(call, "owner", owner);
	call_put_count(call, "max_version", sight.mark);
	call_put_count(call, "quarantine", sight.quarantine);
	if ((flags & CONTROL_DRY_RUN) != 0) {
		call_done(call);
		return;
	}
	ret = decision(repl, owner);
	if (ret != 0) {
		call_refuse(call, CONTROL_FAILED, "nothing was decided: %s",
			    strerror(ret));
		return;
	}
	call_done_durable(call);
}

void owner_accept(struct call *call)
{
	decide(call, repl_owner_accept);
}

void owner_reject(struct call *call)
{
	decide(call, repl_owner_reject);
}
