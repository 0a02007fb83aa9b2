/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Histories: replicas of several owners and what clients, the clock and
 * operators do between them, at random, on one name; after each replica the
 * record and the verdict are those of the model (sim/replica_model.h).
 *
 * SEED and HISTORIES in the environment do what they say. A history that goes
 * wrong is made as short as it can be without going right, and printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "rules/replica.h"
#include "rules/replica_table.h"
#include "sim/replica_model.h"
#include "sim/ruleserver.h"

#define STEPS_MAX 60

/* ---- chance ---- */

static uint64_t dice;

static uint32_t chance(uint32_t below)
{
	uint64_t x = (dice += UINT64_C(0x9e3779b97f4a7c15));

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((x ^ (x >> 31)) % below);
}

static bool once_in(uint32_t n)
{
	return chance(n) == 0;
}

static uint32_t an_owner(void)
{
	static const uint32_t owners[] = { NB_SELF, 0x0a090901u, 0x0a090902u,
					   0x0a090903u };

	return owners[chance(4)];
}

static uint32_t an_address(unsigned int of)
{
	return 0x0a000001u + chance(of);
}

/* ---- a history ---- */

/* Nothing in a step depends on the steps before, so any may be left out. */
struct step {
	int64_t pause;
	struct nb_event event;
	struct nb_record record;
	uint8_t end;		/* of a challenge: void, lost, held */
};

struct history {
	struct nb_policy policy;
	unsigned int steps;
	struct step step[STEPS_MAX];
};

static struct nb_record a_record(const struct nb_name *name)
{
	static const uint8_t states[] = { NB_ACTIVE, NB_ACTIVE, NB_ACTIVE,
					  NB_ACTIVE, NB_RELEASED,
					  NB_TOMBSTONE };
	bool big = once_in(12);
	uint8_t count = (uint8_t)(big ? 15 + chance(11) : chance(5));
	struct nb_record rec = {
		.name = *name,
		.type = (uint8_t)(once_in(2) ? NB_SGROUP : chance(4)),
		.state = states[chance(6)],
		.node = (uint8_t)chance(4),
		.is_static = once_in(12),
		.owner = once_in(8) ? NB_SELF : 0x0a090901u + chance(3),
		.version = 95 + chance(30),
	};

	if (rec.type == NB_UNIQUE || rec.type == NB_GROUP) {
		count = 1;	/* the single-address form */
	}
	while (rec.count < count) {
		struct nb_member member = {
			.ip = an_address(big ? 60 : 5),
			.owner = once_in(2) ? rec.owner : an_owner(),
		};

		if (nb_record_find(&rec, member.ip) < 0) {
			rec.member[rec.count++] = member;
		}
	}
	return rec;
}

static uint8_t a_kind(void)
{
	static const uint8_t kinds[] = {
		NB_EV_REGISTER, NB_EV_REGISTER,	   NB_EV_MREGISTER,
		NB_EV_REFRESH,	NB_EV_RELEASE,	   NB_EV_DUE,
		NB_EV_ADD,	NB_EV_DELETE,	   NB_EV_TOMBSTONE,
		NB_EV_ADOPT,	NB_EV_VERIFY_HELD, NB_EV_VERIFY_LOST,
	};

	return once_in(3) ? kinds[chance(12)] : NB_EV_REPLICA;
}

static void make_step(struct step *step, const struct nb_name *name)
{
	struct nb_event *ev = &step->event;

	memset(step, 0, sizeof(*step));
	step->pause = once_in(4) ? chance(700000) : chance(100);
	step->record = a_record(name);
	step->end = (uint8_t)chance(4);
	ev->kind = a_kind();
	ev->name = *name;
	ev->group = name->type == 0x1c || once_in(4);
	ev->node = (uint8_t)chance(4);
	ev->force = once_in(2);
	ev->addr = an_address(5);
	ev->source = ev->addr;
	ev->ttl = chance(600000);
	ev->answers = (uint8_t)chance(7);
	for (int i = 0; i < ev->answers; i++) {
		ev->answer[i] = once_in(20) ? NB_BROADCAST : an_address(5);
	}
	ev->no_demand = once_in(4);
	ev->high_precedence = once_in(4);
	if (ev->kind == NB_EV_ADD) {
		/* what an operator adds is sound */
		step->record.state = NB_ACTIVE;
		step->record.is_static = true;
	}
}

static void make_history(struct history *history)
{
	static const uint8_t suffixes[] = { 0x00, 0x1b, 0x1c, 0x1c, 0x20 };
	bool blocked = once_in(20);
	struct nb_name name = nb_name_make(blocked ? "WPAD" : "NAME", 4,
					   suffixes[chance(5)]);

	history->policy = nb_policy_default();
	history->policy.observe = once_in(8);
	history->policy.propagate_releases = once_in(4);
	history->policy.expiry_held = once_in(8);
	history->policy.migrate_on = once_in(4);
	history->policy.may_delete = once_in(2);
	history->steps = 1 + chance(STEPS_MAX);
	for (unsigned int i = 0; i < history->steps; i++) {
		make_step(&history->step[i], &name);
	}
}

/* ---- comparing ---- */

static const char *record_differs(const struct nb_record *is,
				  const struct nb_record *want)
{
	if (is->type != want->type || is->state != want->state ||
	    is->node != want->node || is->is_static != want->is_static) {
		return "type, state, node or static";
	}
	if (is->owner != want->owner) {
		return "owner";
	}
	if (is->expires != want->expires) {
		return "expiry";
	}
	for (int i = 0; i < want->count; i++) {
		int at = nb_record_find(is, want->member[i].ip);

		if (at < 0 || is->member[at].owner != want->member[i].owner) {
			return "members";
		}
		if (is->member[at].expires != want->member[i].expires) {
			return "expiry of a member";
		}
	}
	return is->count != want->count ? "number of members" : NULL;
}

/* 2.1: newest first, of equal times ours before those of others */
static bool in_order(const struct nb_record *rec)
{
	for (int i = 1; i < rec->count; i++) {
		const struct nb_member *a = &rec->member[i - 1];
		const struct nb_member *b = &rec->member[i];

		if (a->expires < b->expires ||
		    (a->expires == b->expires && a->owner != NB_SELF &&
		     b->owner == NB_SELF)) {
			return false;
		}
	}
	return true;
}

static const char *verdict_differs(const struct nb_verdict *v,
				   const struct replica_model *model)
{
	bool put = v->store == NB_STORE_PUT;

	if (v->challenge != (model->deed == MODEL_CHALLENGE) ||
	    put != (model->deed == MODEL_STORE) ||
	    v->store == NB_STORE_DELETE) {
		return "deed";
	}
	if (v->demands != model->demands ||
	    memcmp(v->demand, model->demand,
		   v->demands * sizeof(v->demand[0])) != 0) {
		return "demands";
	}
	if (!put) {
		return NULL;
	}
	if (v->new_version != model->new_version ||
	    (!v->new_version && v->record.version != model->record.version)) {
		return "version";
	}
	return record_differs(&v->record, &model->record);
}

/* ---- playing ---- */

static struct ruleserver server;
static unsigned int rows_hit[200];
static const char *difference;

static bool agree(const struct nb_event *event)
{
	struct replica_model model;

	replica_model(server.exists ? &server.record : NULL, event,
		      &server.policy, server.now, &model);
	ruleserver_event(&server, event);
	difference = verdict_differs(&server.verdict, &model);
	if (server.verdict.row < 200) {
		rows_hit[server.verdict.row]++;
	}
	if (difference == NULL && server.exists && !in_order(&server.record)) {
		difference = "order of members";
	}
	return difference == NULL;
}

static bool play_replica(const struct step *step)
{
	struct nb_event event = step->event;

	event.record = &step->record;
	if (!agree(&event)) {
		return false;
	}
	if (!server.verdict.challenge || step->end == 0) {
		return true;
	}
	server.now += step->end;
	event.kind = step->end == 1 ? NB_EV_REPLICA_LOST : NB_EV_REPLICA_HELD;
	return agree(&event);
}

static void play_other(const struct step *step)
{
	struct nb_event event = step->event;

	event.record = &step->record;
	ruleserver_event(&server, &event);
	if (!server.verdict.challenge || step->end == 0) {
		return;
	}
	event.multihomed = event.kind == NB_EV_MREGISTER;
	event.kind = step->end == 1 ? NB_EV_CHALLENGE_LOST
				    : NB_EV_CHALLENGE_HELD;
	ruleserver_event(&server, &event);
}

/* What serve never asks, as it would be no question. */
static bool is_askable(const struct step *step)
{
	switch (step->event.kind) {
	case NB_EV_DUE:
		return server.exists && server.record.expires <= server.now;
	case NB_EV_ADD:
		return nb_record_broken(&step->record) == NULL ||
		       step->record.is_static;
	case NB_EV_VERIFY_HELD:
	case NB_EV_VERIFY_LOST:
		return server.exists;
	}
	return true;
}

/* The step at which it goes wrong, or -1. */
static int play(const struct history *history, const struct replica_row *table)
{
	ruleserver_init(&server, 0x0a090900u);
	server.policy = history->policy;
	server.table = table;
	for (unsigned int i = 0; i < history->steps; i++) {
		const struct step *step = &history->step[i];

		server.now += step->pause;
		if (step->event.kind != NB_EV_REPLICA) {
			if (is_askable(step)) {
				play_other(step);
			}
		} else if (!play_replica(step)) {
			return (int)i;
		}
	}
	return -1;
}

/* ---- a short one ---- */

static void leave_out(struct history *history, unsigned int at)
{
	history->steps--;
	for (unsigned int i = at; i < history->steps; i++) {
		history->step[i] = history->step[i + 1];
	}
}

static void shrink(struct history *history, const struct replica_row *table)
{
	struct history shorter = *history;
	unsigned int at = 0;

	history->steps = (unsigned int)play(history, table) + 1;
	while (at < history->steps) {
		shorter = *history;
		leave_out(&shorter, at);
		if (play(&shorter, table) < 0) {
			at++;
			continue;
		}
		*history = shorter;
		at = 0;
	}
	play(history, table);
}

static void print_record(const char *what, const struct nb_record *rec)
{
	char ip[NB_ADDR_TEXT];
	char owner[NB_ADDR_TEXT];

	print_message("  %s %s %s%s owner %s version %llu", what,
		      nb_type_name(rec->type), nb_state_name(rec->state),
		      rec->is_static ? " static" : "",
		      nb_addr_print(rec->owner, owner),
		      (unsigned long long)rec->version);
	for (int i = 0; i < rec->count; i++) {
		print_message(" %s/%s", nb_addr_print(rec->member[i].ip, ip),
			      nb_addr_print(rec->member[i].owner, owner));
	}
	print_message("\n");
}

static void print_history(const struct history *history, uint64_t seed)
{
	print_message("seed %llu, %u steps, wrong: %s, by [%s]\n",
		      (unsigned long long)seed, history->steps, difference,
		      server.verdict.ref);
	for (unsigned int i = 0; i < history->steps; i++) {
		const struct step *step = &history->step[i];

		print_message("%u: after %lld s %s end %u\n", i,
			      (long long)step->pause,
			      nb_event_name(step->event.kind), step->end);
		print_record("says", &step->record);
	}
	print_record("stands", &server.record);
}

/* ---- the tests ---- */

static uint64_t from_env(const char *name, uint64_t usual)
{
	const char *text = getenv(name);

	return text == NULL ? usual : strtoull(text, NULL, 10);
}

static void random_histories(void **state)
{
	uint64_t seed = from_env("SEED", (uint64_t)time(NULL));
	uint64_t histories = from_env("HISTORIES", 10000);
	static struct history history;
	uint64_t steps = 0;

	(void)state;
	print_message("SEED=%llu\n", (unsigned long long)seed);
	for (uint64_t i = 0; i < histories; i++) {
		dice = (seed + i) << 20;
		make_history(&history);
		steps += history.steps;
		if (play(&history, NULL) >= 0) {
			shrink(&history, NULL);
			print_history(&history, seed + i);
			fail_msg("SEED=%llu HISTORIES=1 shows it",
				 (unsigned long long)(seed + i));
		}
	}
	print_message("%llu histories, %llu steps\n",
		      (unsigned long long)histories,
		      (unsigned long long)steps);
	for (unsigned int row = 0; row < replica_table_rows; row++) {
		if (rows_hit[row] == 0 && histories >= 10000) {
			fail_msg("row %u [%s] was never reached", row,
				 replica_table[row].ref);
		}
	}
}

/* Would a fault be found, and the history short? One row after the other. */
static void a_fault_is_found_and_short(void **state)
{
	struct replica_row table[200];
	static struct history history;

	(void)state;
	memcpy(table, replica_table, replica_table_rows * sizeof(table[0]));
	for (unsigned int row = 0; row < replica_table_rows; row++) {
		uint32_t right = table[row].action;
		uint64_t seed = 1;
		bool found = false;

		table[row].action = right == RA_KEEP ? RA_REPLACE : RA_KEEP;
		for (; seed < 3000 && !found; seed++) {
			dice = seed << 20;
			make_history(&history);
			found = play(&history, table) >= 0;
		}
		if (!found) {
			fail_msg("row %u [%s]: nobody notices", row,
				 table[row].ref);
		}
		shrink(&history, table);
		if (history.steps > 4) {
			print_history(&history, seed);
			fail_msg("row %u [%s]: not short", row, table[row].ref);
		}
		table[row].action = right;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_histories),
		cmocka_unit_test(a_fault_is_found_and_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
