/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What people see of partners. What nobody knows is REPL_UNKNOWN or a time of
 * 0, never a number that looks like one: a partner whose map was never seen
 * has no lag of 0.
 */

#include "repl/private.h"

static uint64_t lag_in(const struct partner *partner)
{
	const struct partner_map *map = &partner->map;
	uint64_t lag = 0;

	if (partner->pull_ok == 0 && map->count == 0) {
		return REPL_UNKNOWN;
	}
	for (unsigned int i = 0; i < map->count; i++) {
		uint64_t here = 0;

		if (map->line[i].owner == partner->repl->config.self ||
		    !owner_allowed(partner->repl, map->line[i].owner)) {
			continue;
		}
		here = owner_known(partner->repl, map->line[i].owner);
		if (map->line[i].version > here) {
			lag += map->line[i].version - here;
		}
	}
	return lag;
}

static uint64_t lag_out(const struct partner *partner, uint64_t ours)
{
	if (!partner->there_known) {
		return REPL_UNKNOWN;
	}
	return ours > partner->there ? ours - partner->there : 0;
}

/* Since when is there a lag? Looking is what keeps the time. */
static int64_t since(int64_t *began, uint64_t lag, int64_t wall)
{
	if (lag == REPL_UNKNOWN) {
		return -1;
	}
	if (lag == 0) {
		*began = 0;
		return 0;
	}
	if (*began == 0) {
		*began = wall;
	}
	return wall - *began;
}

static const char *state_of(const struct partner *partner)
{
	uint64_t progress = 0, expected = 0;
	const char *state = NULL;

	if (partner->pull != NULL) {
		pull_sight(partner->pull, &progress, &expected, &state);
		return state;
	}
	if (partner->push != NULL) {
		return "pushing";
	}
	if (partner->errors > 0) {
		return "failing";
	}
	return partner->pull_ok == 0 && partner->config.pull ?
		       "never pulled" : "idle";
}

void sight_look(struct partner *partner)
{
	struct repl *repl = partner->repl;
	uint64_t ours = store_mark(repl->store, NB_SELF);
	int64_t wall = repl_wall(repl);

	(void)since(&partner->lag_in_since, lag_in(partner), wall);
	(void)since(&partner->lag_out_since, lag_out(partner, ours), wall);
}

static void fill(struct partner *partner, struct repl_partner_sight *sight)
{
	struct repl *repl = partner->repl;
	uint64_t ours = store_mark(repl->store, NB_SELF);
	int64_t wall = repl_wall(repl);
	const char *state = NULL;

	*sight = (struct repl_partner_sight){
		.address = partner->config.address,
		.name = partner->config.options.name,
		.pull = partner->config.pull,
		.push = partner->config.push,
		.state = state_of(partner),
		.pull_ok = partner->pull_ok,
		.failed = partner->failed,
		.failure = partner->failure[0] != '\0' ? partner->failure :
							 NULL,
		.next_pull = pull_next_wall(partner),
		.pulled_from_us = partner->pulled_from_us,
		.our_max = ours,
		.our_max_there = partner->there_known ? partner->there :
							REPL_UNKNOWN,
		.lag_in = lag_in(partner),
		.lag_out = lag_out(partner, ours),
		.records = partner->records,
		.statics = partner->statics,
		.quarantined = partner->quarantined,
		.failures_5min = partner_failures(partner, 300),
		.failures_24h = partner_failures(partner, 86400),
	};
	sight->lag_in_seconds = since(&partner->lag_in_since, sight->lag_in,
				      wall);
	sight->lag_out_seconds = since(&partner->lag_out_since,
				       sight->lag_out, wall);
	if (partner->pull != NULL) {
		pull_sight(partner->pull, &sight->progress, &sight->expected,
			   &state);
	}
}

void repl_summary(struct repl *repl, struct repl_summary *summary)
{
	struct partner *partner = NULL;
	struct owner *owner = NULL;

	*summary = (struct repl_summary){
		.observing = repl->config.observe,
		.partners = repl->partner_count,
	};
	TAILQ_FOREACH(partner, &repl->partners, list) {
		summary->failing += partner->errors > 0 ||
				    partner_failures(partner, 300) > 0;
	}
	RB_FOREACH(owner, owner_tree, &repl->owners) {
		summary->quarantined += owner->quarantine != 0;
	}
}

bool repl_partner_at(struct repl *repl, unsigned int index,
		     struct repl_partner_sight *sight)
{
	struct partner *partner = NULL;

	TAILQ_FOREACH(partner, &repl->partners, list) {
		if (index-- == 0) {
			fill(partner, sight);
			return true;
		}
	}
	return false;
}
