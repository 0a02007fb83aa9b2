/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check database: does what is in memory hold together? While the server
 * serves, in slices, so with changes between them.
 *
 *	records	each obeys the rules of protocol.md 2.1, is found under its
 *		name and under its owner and version, is below our counter
 *	due	the list by time is in order, each entry is a record of that
 *		time, and there are as many as records with a time
 *	owners	so is the list of each owner by version; no version names two
 *		records
 *	numbers	what the server counts is what was met on the way
 *
 * Sums that took many slices to add up may differ by as many as there were
 * changes meanwhile, and by no more: with none they must agree. A change counts
 * when it is durable, so the end waits for what was under way when the last
 * record was seen. If turns were undone, or the disk takes none, sums are not
 * judged.
 *
 * Rejected: to hold a turn open for all of it (a million records are a second
 * of silence), and to walk a copy (memory).
 *
 * A finding is a name, a rule and a remedy. As many are told as a reply holds,
 * the others are counted.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/call.h"

#define LOOK		256u	/* records in a slice: 1 to 2 ms */
#define DUE		256u	/* entries of the list by time */
#define DOUBTS		64u	/* sums that differ */
#define WAIT_USEC	20000u
#define WAITS		250u	/* 5 s */

struct doubt {			/* two numbers that should be one */
	char what[48];
	uint64_t walked, counted;
};

enum phase { RECORDS, TIMES, OWNERS, NUMBERS, WAITING };

struct check {
	struct pending *pending;
	const struct control_context *context;
	struct nb_timer *timer;
	enum phase phase;
	uint64_t findings;
	struct store_stats before;	/* at the start */

	uint64_t cursor;		/* RECORDS */
	uint64_t records, statics, timed;
	uint64_t by_state[3], by_type[4];

	struct store_due_pos pos;	/* TIMES */
	uint64_t times;
	struct nb_name name[DUE];

	unsigned int owner_index;	/* OWNERS */
	struct store_owner line;
	bool in_owner;
	uint64_t next, last, of_owner[3];
	unsigned int looked;

	unsigned int doubts;
	struct doubt doubt[DOUBTS];
	uint64_t turn;			/* WAITING for it */
	unsigned int waits;
};

static int check_destructor(struct check *check)
{
	const struct nb_world *world = check->context->world;

	world->timer_stop(world->priv, check->timer);
	return 0;
}

/* ---- findings ---- */

/* One with the longest name, and the sums, still fit. */
static bool is_full(const struct call *call)
{
	return call->reply.len >= CONTROL_FILL - 2 * NB_NAME_TEXT;
}

static void found(struct check *check, const char *subject, const char *rule,
		  const char *remedy)
{
	struct call *call = check->pending->call;

	check->findings++;
	if (!is_full(call)) {
		call_put_text(call, "finding", subject);
		call_put_text(call, "rule", rule);
		call_put_text(call, "remedy", remedy);
	}
}

static void found_name(struct check *check, const struct nb_name *name,
		       const char *rule, const char *remedy)
{
	char text[NB_NAME_TEXT];

	found(check, nb_name_print(name, text), rule, remedy);
}

#define RESTART "restart the server: the lists are made anew from the records"
#define REWRITE "delete the record; its host registers it again"

/* ---- every record ---- */

static bool has_version(void *arg, const struct nb_record *rec)
{
	const struct nb_name **name = arg;

	if (nb_name_equal(&rec->name, *name)) {
		*name = NULL;
		return false;
	}
	return true;
}

static void check_places(struct check *check, const struct nb_record *rec)
{
	const struct store *store = check->context->store;
	const struct nb_name *name = &rec->name;
	struct nb_record other;

	if (!store_get(store, &rec->name, &other) ||
	    other.version != rec->version || other.owner != rec->owner) {
		found_name(check, &rec->name, "it is not found by its name",
			   RESTART);
	}
	store_walk_version(store, rec->owner, rec->version, rec->version,
			   has_version, &name);
	if (name != NULL) {
		found_name(check, &rec->name,
			   "it is not found by its owner and version", RESTART);
	}
}

/* The highest that a partner told of this owner; unknown: no limit. */
static uint64_t highest_told(const struct check *check, uint32_t owner)
{
	struct repl_owner_sight sight;
	struct repl *repl = check->context->repl;

	if (repl == NULL || !repl_owner_sight(repl, owner, &sight) ||
	    sight.map_max == REPL_UNKNOWN) {
		return UINT64_MAX;
	}
	return sight.map_max > sight.mark ? sight.map_max : sight.mark;
}

static void check_version(struct check *check, const struct nb_record *rec)
{
	const struct store *store = check->context->store;

	if (rec->version == 0) {
		found_name(check, &rec->name, "it has no version", REWRITE);
	} else if (rec->owner == NB_SELF) {
		if (rec->version > store_counter(store)) {
			found_name(check, &rec->name, "its version was never "
				   "handed out", "winsctl record touch");
		}
	} else if (rec->version > highest_told(check, rec->owner)) {
		found_name(check, &rec->name, "its version is above all that "
			   "partners tell of its owner",
			   "winsctl check versions, then winsctl record "
			   "delete");
	}
}

static bool look(void *arg, const struct nb_record *rec)
{
	struct check *check = arg;
	const char *broken = nb_record_broken(rec);

	if (broken != NULL) {
		found_name(check, &rec->name, broken, REWRITE);
	}
	check_version(check, rec);
	check_places(check, rec);
	check->records++;
	check->statics += rec->is_static;
	check->timed += rec->expires != NB_NEVER;
	if (rec->state <= NB_TOMBSTONE && rec->type <= NB_MHOMED) {
		check->by_state[rec->state]++;
		check->by_type[rec->type]++;
	}
	return true;
}

/* ---- the list by time ---- */

/* Of one slice: nothing changes inside it. False: at the end. */
static bool look_due(struct check *check)
{
	const struct store *store = check->context->store;
	int64_t last = check->pos.started ? check->pos.expires : INT64_MIN;
	unsigned int count = store_walk_due(store, NB_NEVER, &check->pos,
					    check->name, DUE);

	for (unsigned int i = 0; i < count; i++) {
		struct nb_record rec;

		if (!store_get(store, &check->name[i], &rec)) {
			found_name(check, &check->name[i], "it is in the list "
				   "by time only", RESTART);
			continue;
		}
		if (rec.expires < last || rec.expires > check->pos.expires) {
			found_name(check, &rec.name, "it is at a wrong place "
				   "in the list by time", RESTART);
		}
		last = rec.expires > last ? rec.expires : last;
	}
	check->times += count;
	return count == DUE;
}

/* ---- owner by owner ---- */

static void differs(struct check *check, const char *what, uint64_t walked,
		    uint64_t counted)
{
	struct doubt *doubt = &check->doubt[check->doubts];

	if (walked == counted || check->doubts == DOUBTS) {
		return;
	}
	(void)snprintf(doubt->what, sizeof(doubt->what), "%s", what);
	doubt->walked = walked;
	doubt->counted = counted;
	check->doubts++;
}

static bool look_version(void *arg, const struct nb_record *rec)
{
	struct check *check = arg;

	if (check->looked++ == LOOK) {
		return false;
	}
	if (rec->version == check->last && check->of_owner[0] +
	    check->of_owner[1] + check->of_owner[2] > 0) {
		found_name(check, &rec->name, "its version names another "
			   "record, too", "winsctl record touch, if the "
			   "record is ours");
	}
	check->last = rec->version;
	check->next = rec->version + 1;
	if (rec->state <= NB_TOMBSTONE) {
		check->of_owner[rec->state]++;
	}
	return true;
}

static void judge_owner(struct check *check, const struct store_owner *line)
{
	char what[48], text[NB_ADDR_TEXT];
	uint32_t self = check->context->self;

	for (unsigned int i = 0; i < 3; i++) {
		(void)snprintf(what, sizeof(what), "%s of %s",
			       nb_state_name((enum nb_state)i),
			       nb_addr_print(line->owner == NB_SELF ? self :
					     line->owner, text));
		differs(check, what, check->of_owner[i], line->records[i]);
	}
}

/* A slice of one owner, or the next owner. False: that was the last. */
static bool look_owner(struct check *check)
{
	const struct store *store = check->context->store;
	struct store_owner line;

	if (!check->in_owner) {
		if (!store_owner_at(store, check->owner_index, &check->line)) {
			return false;
		}
		check->in_owner = true;
		check->next = 0;
		check->last = 0;
		memset(check->of_owner, 0, sizeof(check->of_owner));
	}
	check->looked = 0;
	store_walk_version(store, check->line.owner, check->next, UINT64_MAX,
			   look_version, check);
	if (check->looked > LOOK) {
		return true;
	}
	if (store_owner_at(store, check->owner_index, &line) &&
	    line.owner == check->line.owner) {
		judge_owner(check, &line);
	}
	check->in_owner = false;
	check->owner_index++;
	return true;
}

/* ---- the numbers ---- */

static void compare_numbers(struct check *check)
{
	static const char *const state[] = { "active records",
					     "released records", "tombstones" };
	struct store_stats now = { .records = 0 };

	store_stats(check->context->store, &now);
	differs(check, "records", check->records, now.records);
	differs(check, "static records", check->statics, now.statics);
	differs(check, "entries of the list by time", check->times,
		check->timed);
	for (unsigned int i = 0; i < 3; i++) {
		differs(check, state[i], check->by_state[i], now.by_state[i]);
	}
	for (unsigned int i = 0; i < 4; i++) {
		differs(check, nb_type_name((enum nb_type)i),
			check->by_type[i], now.by_type[i]);
	}
}

/* Sums that differ by more than there were changes. */
static void judge_doubts(struct check *check, const struct store_stats *now)
{
	uint64_t changes = now->changes - check->before.changes;
	char subject[80], rule[96];

	for (unsigned int i = 0; i < check->doubts; i++) {
		const struct doubt *d = &check->doubt[i];
		uint64_t gap = d->walked > d->counted ?
			       d->walked - d->counted : d->counted - d->walked;

		if (gap <= changes) {
			continue;
		}
		(void)snprintf(subject, sizeof(subject), "number of %s",
			       d->what);
		(void)snprintf(rule, sizeof(rule), "%" PRIu64 " are counted, "
			       "%" PRIu64 " are there", d->counted, d->walked);
		found(check, subject, rule, RESTART);
	}
}

/* ---- the order of things ---- */

static void finish(struct check *check, bool judged)
{
	struct call *call = check->pending->call;

	call_put_count(call, "records", check->records);
	call_put_count(call, "owners", check->owner_index);
	call_put_count(call, "findings", check->findings);
	if (!judged) {
		call_put_text(call, "not_checked", "the sums: what was being "
			      "written was undone, or is not written yet");
	}
	talloc_free(check->pending);	/* and check with it */
	call_done(call);
}

/* True: go on; false: it is over. */
static bool wait_for_turns(struct check *check)
{
	const struct store *store = check->context->store;
	struct store_stats now = { .records = 0 };
	bool written = store_durable_turn(store) >= check->turn ||
		       !store_busy(store);

	store_stats(store, &now);
	if (now.failures != check->before.failures ||
	    (!written && check->waits == WAITS)) {
		finish(check, check->doubts == 0);
		return false;
	}
	if (!written) {
		check->waits++;
		return true;
	}
	judge_doubts(check, &now);
	finish(check, true);
	return false;
}

static bool step(struct check *check)
{
	switch (check->phase) {
	case RECORDS:
		if (!store_walk_all(check->context->store, &check->cursor, LOOK,
				    look, check)) {
			check->phase = TIMES;
		}
		return true;
	case TIMES:
		if (!look_due(check)) {
			check->phase = OWNERS;
		}
		return true;
	case OWNERS:
		if (!look_owner(check)) {
			check->phase = NUMBERS;
		}
		return true;
	case NUMBERS:
		compare_numbers(check);
		check->turn = store_current_turn(check->context->store);
		check->phase = WAITING;
		return true;
	default:
		return wait_for_turns(check);
	}
}

static void run(void *arg)
{
	struct check *check = arg;
	const struct nb_world *world = check->context->world;
	struct call *call = check->pending->call;
	bool waited = check->phase == WAITING;

	check->timer = NULL;
	if (call == NULL) {
		talloc_free(check->pending);
		return;
	}
	if (!step(check)) {
		return;
	}
	check->timer = world->timer_start(world->priv, waited ? WAIT_USEC : 0,
					  run, check);
	if (check->timer == NULL) {
		talloc_free(check->pending);
		call_refuse(call, CONTROL_FAILED, "out of memory");
	}
}

void check_database(struct call *call)
{
	struct pending *pending = call_wait(call);
	struct check *check = NULL;

	if (pending != NULL) {
		check = talloc_zero(pending, struct check);
	}
	if (check == NULL) {
		talloc_free(pending);
		call_refuse(call, CONTROL_FAILED, "out of memory");
		return;
	}
	check->pending = pending;
	check->context = call->context;
	talloc_set_destructor(check, check_destructor);
	store_stats(call->context->store, &check->before);
	call_status(call, CONTROL_OK, NULL);
	run(check);
}
