/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * partner list, pull, push: what is known of each replication partner, and
 * what an operator wants of it now.
 *
 * What nobody knows is a key without a value, never a 0: a partner that was
 * not asked yet has no lag of 0. The list has the order of the configuration,
 * and its cursor is a place there: a reload between two slices may show a
 * partner twice or leave one out. An order of addresses would not, but each
 * slice had to look at all partners for it.
 *
 * A pull or a push is answered when it is over at all partners that it
 * concerns: one line for each, those that failed first. If they are so many
 * that they do not fit one reply, only their number is told of the rest.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "control/call.h"
#include "core/addr.h"

#define LOOKED_MAX	16	/* at in one slice: each costs a walk through
				   its map, and packets wait meanwhile */

static void put_times(struct call *call, const struct repl_partner_sight *s)
{
	call_put_seen(call, "last_pull_ok", s->pull_ok);
	call_put_seen(call, "last_failed", s->failed);
	if (s->failure != NULL) {
		call_put_text(call, "failure", s->failure);
	} else {
		call_put_nothing(call, "failure");
	}
	call_put_wall(call, "next_pull", s->next_pull);
	call_put_seen(call, "pulled_from_us", s->pulled_from_us);
}

static uint64_t seconds(int64_t number)
{
	return number < 0 ? REPL_UNKNOWN : (uint64_t)number;
}

static void put_versions(struct call *call, const struct repl_partner_sight *s)
{
	call_put_count(call, "our_max", s->our_max);
	call_put_known(call, "our_max_there", s->our_max_there);
	call_put_known(call, "lag_in_versions", s->lag_in);
	call_put_known(call, "lag_in_seconds", seconds(s->lag_in_seconds));
	call_put_known(call, "lag_out_versions", s->lag_out);
	call_put_known(call, "lag_out_seconds", seconds(s->lag_out_seconds));
}

static void put_counts(struct call *call, const struct repl_partner_sight *s)
{
	bool pulls = s->progress != 0 || s->expected != 0;

	call_put_count(call, "records_received", s->records);
	call_put_count(call, "statics_received", s->statics);
	call_put_count(call, "owners_quarantined", s->quarantined);
	call_put_count(call, "failures_5min", s->failures_5min);
	call_put_count(call, "failures_24h", s->failures_24h);
	call_put_known(call, "pull_progress",
		       pulls ? s->progress : REPL_UNKNOWN);
	call_put_known(call, "pull_expected",
		       s->expected != 0 ? s->expected : REPL_UNKNOWN);
}

static void put_partner(struct call *call, const struct repl_partner_sight *s)
{
	call_put_host(call, "partner", s->address);
	call_put_text(call, "name", s->name);
	call_put_truth(call, "pull", s->pull);
	call_put_truth(call, "push", s->push);
	call_put_text(call, "state", s->state);
	put_times(call, s);
	put_versions(call, s);
	put_counts(call, s);
}

static bool partner_at(const struct call *call, uint64_t index,
		       struct repl_partner_sight *sight)
{
	struct repl *repl = call->context->repl;

	return repl != NULL && index <= UINT_MAX &&
	       repl_partner_at(repl, (unsigned int)index, sight);
}

static uint32_t asked_for(const struct call *call)
{
	return (uint32_t)control_number_or(&call->request, CONTROL_ADDRESS, 0);
}

void partner_list(struct call *call)
{
	struct repl_partner_sight sight;
	uint32_t only = asked_for(call);
	unsigned int looked = 0;
	uint64_t cursor = 0;

	if (!call_resume(call, &cursor)) {
		return;
	}
	call_status(call, CONTROL_OK, NULL);
	for (; partner_at(call, cursor, &sight); cursor++) {
		if (looked++ == LOOKED_MAX || !call_row_fits(call)) {
			call_more(call, cursor);
			break;
		}
		if (only == 0 || only == sight.address) {
			put_partner(call, &sight);
		}
	}
	call_done(call);
}

/* ---- pull and push ---- */

#define REASON_MAX	128

struct outcome {
	uint32_t partner;
	int error;
	uint64_t records;
	char reason[REASON_MAX];
};

struct cycle {
	struct pending *pending;
	bool push;
	unsigned int told;		/* partners that are done */
	unsigned int failed;		/* of them */
	unsigned int waits;		/* for so many; 0: still asking */
	unsigned int kept;		/* outcomes; fewer if memory ran out */
	struct outcome *outcome;
};

/* Without memory it is only counted. */
static void cycle_keep(struct cycle *cycle, const struct outcome *outcome)
{
	unsigned int kept = cycle->kept;
	struct outcome *more = cycle->outcome;

	if ((kept & (kept - 1)) == 0) {		/* full at powers of two */
		more = talloc_realloc(cycle, more, struct outcome,
				      kept == 0 ? 1 : 2 * kept);
	}
	if (more != NULL) {
		cycle->outcome = more;
		more[cycle->kept++] = *outcome;
	}
}

static void put_outcome(struct call *call, const struct cycle *cycle,
			const struct outcome *outcome)
{
	call_put_host(call, "partner", outcome->partner);
	call_put_truth(call, "ok", outcome->error == 0);
	if (cycle->push) {
		call_put_nothing(call, "records");
	} else {
		call_put_count(call, "records", outcome->records);
	}
	if (outcome->error == 0) {
		call_put_nothing(call, "error");
	} else {
		call_put_text(call, "error", outcome->reason);
	}
}

/* Those that failed, or those that did not, as many as fit. */
static void put_outcomes(struct call *call, const struct cycle *cycle,
			 bool failed)
{
	for (unsigned int i = 0; i < cycle->kept; i++) {
		const struct outcome *outcome = &cycle->outcome[i];

		if ((outcome->error != 0) == failed && call_row_fits(call)) {
			put_outcome(call, cycle, outcome);
		}
	}
}

/* All are done: the answer, if anybody still waits for it. */
static void cycle_end(struct cycle *cycle)
{
	struct call *call = cycle->pending->call;

	if (call != NULL) {
		call_status(call, CONTROL_OK, NULL);
		call_put_count(call, "partners", cycle->told);
		call_put_count(call, "failed", cycle->failed);
		put_outcomes(call, cycle, true);
		put_outcomes(call, cycle, false);
	}
	talloc_free(cycle->pending);	/* and cycle with it */
	if (call != NULL) {
		call_done(call);
	}
}

static void cycle_told(void *arg, uint32_t partner, int error,
		       uint64_t records, const char *message)
{
	struct cycle *cycle = arg;
	struct outcome outcome = {
		.partner = partner,
		.error = error,
		.records = records,
	};

	if (error != 0) {
		(void)snprintf(outcome.reason, sizeof(outcome.reason), "%s",
			       message != NULL ? message : strerror(error));
	}
	cycle->told++;
	cycle->failed += error != 0;
	cycle_keep(cycle, &outcome);
	if (cycle->told == cycle->waits) {
		cycle_end(cycle);
	}
}

/* No partner was asked: why? */
static void asked_nobody(struct call *call, bool push)
{
	uint32_t only = asked_for(call);
	struct repl_partner_sight sight;
	char text[NB_ADDR_TEXT];
	uint64_t index = 0;

	if (only == 0) {
		call_refuse(call, CONTROL_NOT_FOUND, "this server has no "
			    "partner to %s: `wins:partners` lists them",
			    push ? "push to" : "pull from");
		return;
	}
	(void)nb_addr_print(only, text);
	while (partner_at(call, index, &sight) && sight.address != only) {
		index++;
	}
	if (!partner_at(call, index, &sight)) {
		call_refuse(call, CONTROL_NOT_FOUND, "%s is no partner of "
			    "this server: `wins:partners` lists them", text);
		return;
	}
	call_refuse(call, CONTROL_REFUSED, "%s is a partner for %s only: "
		    "`%s` in wins:partners lifts that", text,
		    push ? "pull" : "push", text);
}

static unsigned int cycle_ask(struct cycle *cycle, uint32_t only,
			      bool propagate)
{
	struct repl *repl = cycle->pending->call->context->repl;

	if (repl == NULL) {
		return 0;
	}
	return cycle->push ?
	       repl_push(repl, only, propagate, cycle_told, cycle) :
	       repl_pull(repl, only, cycle_told, cycle);
}

/* Some may be done, or have failed, before the last one was asked. */
static void cycle_begin(struct call *call, bool push)
{
	uint64_t flags = control_number_or(&call->request, CONTROL_FLAGS, 0);
	struct pending *pending = call_wait(call);
	struct cycle *cycle = NULL;

	if (pending != NULL) {
		cycle = talloc_zero(pending, struct cycle);
	}
	if (cycle == NULL) {
		talloc_free(pending);
		call_refuse(call, CONTROL_FAILED, "out of memory");
		return;
	}
	cycle->pending = pending;
	cycle->push = push;
	cycle->waits = cycle_ask(cycle, asked_for(call),
				 (flags & CONTROL_PROPAGATE) != 0);
	if (cycle->waits == 0) {
		talloc_free(pending);
		asked_nobody(call, push);
	} else if (cycle->told == cycle->waits) {
		cycle_end(cycle);
	}
}

void partner_pull(struct call *call)
{
	cycle_begin(call, false);
}

void partner_push(struct call *call)
{
	struct repl_summary summary = { .observing = false };
	char text[GATE_TEXT];

	if (call->context->repl != NULL) {
		repl_summary(call->context->repl, &summary);
	}
	if (summary.observing) {
		call_refuse(call, CONTROL_REFUSED, "nothing was pushed: %s",
			    gate_objection(call, text));
		return;
	}
	cycle_begin(call, true);
}
