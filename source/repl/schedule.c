/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a partner is pulled from: at the start, then on a fixed grid
 * (core/calendar.h), and again after a failure.
 *
 * With a start time the grid hangs on that time of the day, as people there
 * read the wall clock; without one on the first pull, on the ageing clock that
 * no step of the wall clock moves. A failure does not move the grid: the first
 * one is tried again at once, later ones after errors x retry seconds, at most
 * an interval (protocol.md 4.4).
 *
 * One tick looks who is due. It comes at the earliest planned time, but at
 * least every wreplsrv:periodic_interval, because start times go by the wall
 * clock and that may be set.
 */

#include "core/calendar.h"
#include "repl/private.h"

#define LOOK_AT 8u	/* partners, at each tick */
#define ALIVE_USEC 1000000u	/* after the last try, at least */

static bool is_planned(const struct partner *partner)
{
	return partner->config.pull &&
	       partner->config.options.pull_interval > 0;
}

/* The clock that this partner's plan is written on. */
static int64_t plan_clock(const struct partner *partner)
{
	return partner->config.options.start_minute >= 0 ?
		       repl_wall(partner->repl) : repl_now(partner->repl);
}

static int64_t local_offset(const struct repl *repl, int64_t wall)
{
	const struct nb_world *world = repl->world;

	return world->utc_offset != NULL ?
		       world->utc_offset(world->priv, wall) : 0;
}

static void plan_next(struct partner *partner)
{
	const struct partner_options *options = &partner->config.options;
	int64_t now = plan_clock(partner);
	int64_t anchor = partner->anchor;

	if (options->start_minute >= 0) {
		partner->offset = local_offset(partner->repl, now);
		anchor = calendar_anchor(now, options->start_minute,
					 partner->offset);
	}
	partner->planned = calendar_next(anchor, options->pull_interval, now);
}

/* The wall clock was set back, or summer began or ended: the plan was made by
 * a clock that nobody sees any more. */
static bool plan_is_void(const struct partner *partner)
{
	const struct partner_options *options = &partner->config.options;
	int64_t now = plan_clock(partner);

	return options->start_minute >= 0 &&
	       (partner->planned - now > options->pull_interval ||
		partner->offset != local_offset(partner->repl, now));
}

void pull_plan(struct partner *partner)
{
	partner_recall(partner);
	if (!is_planned(partner)) {
		partner->planned = NB_NEVER;
		partner->retry = 0;
		return;
	}
	if (partner->began == 0) {
		partner->anchor = repl_now(partner->repl);
		partner->retry = partner->anchor;	/* at once */
	}
	plan_next(partner);
}

void pull_due(struct partner *partner)
{
	struct pull_wish wish = { .wanted = true };
	bool planned = false;
	bool retry = partner->retry != 0 &&
		     partner->retry <= repl_now(partner->repl);

	if (!is_planned(partner)) {
		return;
	}
	if (plan_is_void(partner)) {
		plan_next(partner);
	}
	planned = partner->planned <= plan_clock(partner);
	if (!planned && !retry) {
		return;
	}
	if (planned) {
		plan_next(partner);
	}
	partner->retry = 0;
	if (partner->pull == NULL) {
		pull_want(partner, &wish);
	}
}

void pull_worked(struct partner *partner)
{
	char name[PARTNER_TEXT];

	if (partner->errors > 0) {
		nb_log(partner->repl->world, NB_LOG_NOTICE,
		       "replication with %s works again",
		       partner_text(partner, name));
	}
	partner->errors = 0;
	partner->retry = 0;
}

void pull_failed(struct partner *partner)
{
	const struct partner_options *options = &partner->config.options;
	uint64_t wait = 0;

	partner->errors++;
	if (!is_planned(partner)) {
		return;
	}
	if (partner->errors > 1) {
		wait = (uint64_t)options->retry * partner->errors;
	}
	if (wait > options->pull_interval) {
		wait = options->pull_interval;
	}
	partner->retry = repl_now(partner->repl) + (int64_t)wait + 1;
	tick_at(partner->repl);
}

/*
 * A partner that calls us is there: what failed is tried again now, not only
 * at its time - two servers that start together would wait for each other.
 * One that calls often and refuses us is not asked more often for it.
 */
void pull_alive(struct partner *partner)
{
	struct repl *repl = partner->repl;
	uint64_t since = repl_mono(repl) + 1 - partner->began;

	if (partner->errors > 0 && partner->retry != 0 &&
	    since >= ALIVE_USEC) {
		partner->retry = repl_now(repl);
		tick_first(repl);
	}
}

int64_t pull_next_wall(const struct partner *partner)
{
	const struct repl *repl = partner->repl;
	int64_t offset = repl_wall(repl) - repl_now(repl);
	int64_t next = partner->planned;

	if (next == NB_NEVER) {
		return NB_NEVER;
	}
	if (partner->config.options.start_minute < 0) {
		next += offset;
	}
	if (partner->retry != 0 && partner->retry + offset < next) {
		next = partner->retry + offset;
	}
	return next;
}

/* ---- the tick ---- */

/* Microseconds until somebody is due, or a whole period. */
static uint64_t next_tick(const struct repl *repl)
{
	const struct partner *partner = NULL;
	int64_t wait = repl->config.periodic > 0 ? repl->config.periodic : 1;

	TAILQ_FOREACH(partner, &repl->partners, list) {
		int64_t due = pull_next_wall(partner);

		if (due != NB_NEVER && due - repl_wall(repl) < wait) {
			wait = due - repl_wall(repl);
		}
	}
	return wait > 0 ? (uint64_t)wait * 1000000u : 1000000u;
}

/* Since when partners lag: a few at a time, each has a map of its own. */
static void look_at_some(struct repl *repl)
{
	struct partner *partner = NULL;
	unsigned int at = 0, from = repl->looked;

	TAILQ_FOREACH(partner, &repl->partners, list) {
		if (at >= from && at < from + LOOK_AT) {
			sight_look(partner);
		}
		at++;
	}
	repl->looked = from + LOOK_AT < at ? from + LOOK_AT : 0;
}

static void tick(void *arg)
{
	struct repl *repl = arg;
	struct partner *partner = NULL;

	repl->tick = NULL;
	TAILQ_FOREACH(partner, &repl->partners, list) {
		pull_due(partner);
	}
	look_at_some(repl);
	partners_passed(repl);
	if (repl->tick == NULL) {
		tick_at(repl);
	}
}

void tick_at(struct repl *repl)
{
	repl_timer_stop(repl, &repl->tick);
	repl->tick = repl_timer(repl, next_tick(repl), tick, repl);
}

void tick_first(struct repl *repl)
{
	repl_timer_stop(repl, &repl->tick);
	repl->tick = repl_timer(repl, 0, tick, repl);
}

/* Without memory for the tick nothing would ever be pulled again. */
void tick_revive(struct repl *repl)
{
	if (repl->loaded && repl->tick == NULL) {
		tick_at(repl);
	}
}
