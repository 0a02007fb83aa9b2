/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guard against mass release (design.md "Ageing"): "a pass that would
 * release more than 20 % of [our own active records] (and over 100) stops and
 * asks an operator". In virtual time, on the whole server.
 */

#include "scene.h"

#define DAY 86400
#define LIFE 1000	/* s that the records of a test live */

static struct nb_record numbered(unsigned int number)
{
	struct nb_record rec = { .count = 1 };
	char text[NB_NAME_MAX + 1];
	int len = snprintf(text, sizeof(text), "N%05u", number);

	rec.name = nb_name_make(text, (size_t)len, 0x20);
	rec.version = number + 1;
	rec.expires = sim.world.now(&sim) + LIFE;
	rec.member[0] = (struct nb_member){ SIM_HOST(number % 200 + 1),
					    NB_SELF, rec.expires };
	return rec;
}

/* Own active names from..to-1; the living ones live ten times as long. */
static void have(unsigned int from, unsigned int to, bool living)
{
	for (unsigned int i = from; i < to; i++) {
		struct nb_record rec = numbered(i);

		if (living) {
			rec.expires += 9 * LIFE;
			rec.member[0].expires = rec.expires;
		}
		sim_put(server, &rec);
	}
}

/* None of these is ours, active and ageing; all that can is due. */
static void have_others(void)
{
	for (unsigned int i = 90000; i < 91000; i++) {
		struct nb_record rec = numbered(i);

		switch (i % 4) {
		case 0:
			rec.is_static = true;
			rec.expires = NB_NEVER;
			rec.member[0].expires = NB_NEVER;
			break;
		case 1:
			rec.owner = SIM_OTHER;
			rec.member[0].owner = SIM_OTHER;
			break;
		case 2:
			rec.state = NB_RELEASED;
			break;
		case 3:
			rec.state = NB_TOMBSTONE;
			break;
		}
		sim_put(server, &rec);
	}
}

static uint8_t state_of(unsigned int number)
{
	struct nb_record rec = numbered(number);
	bool found = store_get(server->store, &rec.name, &rec);

	return found ? rec.state : 99;
}

static bool answered(unsigned int number)
{
	static uint16_t trn_id = 1000;
	const struct sim_reply *reply = NULL;
	char text[20];

	(void)snprintf(text, sizeof(text), "N%05u<20>", number);
	send_kind(NBNS_QUERY, ++trn_id, text, SIM_HOST(250), false);
	reply = sim_take(server, trn_id);
	assert_non_null(reply);
	return reply->msg.kind == NBNS_QUERY_REPLY;
}

struct outcome {
	unsigned int calls;
	struct serve_scavenge_result result;
};

static void finished(void *arg, const struct serve_scavenge_result *result)
{
	struct outcome *outcome = arg;

	outcome->calls++;
	outcome->result = *result;
}

static struct serve_scavenge_result pass(enum serve_scavenge_mode mode)
{
	struct outcome outcome = { .calls = 0 };

	serve_scavenge(server->serve, mode, finished, &outcome);
	/* only a real pass asks the owners of replicas, here in vain */
	sim_advance_seconds(&sim, mode == SERVE_SCAVENGE_DRY_RUN ? 1 : 10);
	assert_int_equal(outcome.calls, 1);
	assert_int_equal(outcome.result.error, 0);
	return outcome.result;
}

static bool guard_stands(void)
{
	uint64_t leaving = 0;
	uint64_t active = 0;

	return serve_scavenge_stopped(server->serve, &leaving, &active);
}

static void more_than_a_fifth_and_a_hundred(void **state)
{
	static const struct {
		unsigned int due, of;
		bool stopped;
	} count[] = {
		{ 0, 1000, false },	{ 100, 100, false },
		{ 101, 101, true },	{ 101, 504, true },
		{ 101, 505, false },	{ 200, 1000, false },
		{ 201, 1000, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(count) / sizeof(count[0]); i++) {
		struct serve_scavenge_result result;

		scene_stop(NULL);
		scene_start(NULL);
		have(0, count[i].due, false);
		have(count[i].due, count[i].of, true);
		have_others();
		sim_advance_seconds(&sim, LIFE + 1);
		result = pass(SERVE_SCAVENGE_NOW);
		assert_int_equal(result.stopped, count[i].stopped);
		assert_int_equal(result.active, count[i].of);
		assert_int_equal(result.leaving, count[i].due);
		assert_int_equal(guard_stands(), count[i].stopped);
		if (count[i].due > 0) {
			assert_int_equal(state_of(0), count[i].stopped ?
					 NB_ACTIVE : NB_RELEASED);
		}
		/* released ones become tombstones, or nothing is done at all */
		assert_int_equal(state_of(90002), count[i].stopped ?
				 NB_RELEASED : NB_TOMBSTONE);
		assert_int_equal(sim_stat(server, "scavenging-stopped"),
				 count[i].stopped);
		assert_int_equal(sim_stat(server, "scavenged") == 0,
				 count[i].stopped);
	}
}

/* A week without clients: names go on being answered until somebody says. */
static void an_operator_decides(void **state)
{
	struct serve_scavenge_result result;
	unsigned int commits = 0;

	(void)state;
	have(0, 300, false);
	have(300, 400, true);
	sim_advance_seconds(&sim, LIFE + 1);
	assert_false(answered(0));	/* nobody has counted yet */
	commits = sim_disk_commits(server->disk);
	result = pass(SERVE_SCAVENGE_NOW);
	assert_true(result.stopped);
	assert_int_equal(result.changed, 300);	/* it would have */
	assert_non_null(strstr(sim.last_log, "300 of 400"));
	assert_non_null(strstr(sim.last_log,
			       "winsctl server scavenge --force"));
	assert_true(guard_stands());
	assert_true(answered(0));
	assert_true(answered(399));
	/* the time of the next pass, and nothing else */
	assert_int_equal(sim_disk_commits(server->disk), commits + 1);
	/* whoever claims such a name meets its holder */
	send_kind(NBNS_REGISTER, 1, "N00000<20>", SIM_HOST(240), false);
	expect(1, NBNS_WACK, 0);
	sim_advance_seconds(&sim, 5);
	expect(1, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	result = pass(SERVE_SCAVENGE_FORCE);
	assert_false(result.stopped);
	assert_int_equal(result.released, 299);
	assert_false(guard_stands());
	assert_false(answered(1));
	assert_true(answered(0));
	assert_true(answered(399));
	assert_int_equal(state_of(1), NB_RELEASED);
}

/* Nobody decides, but the hosts come back: the next pass goes through. */
static void clients_come_back(void **state)
{
	(void)state;
	have(0, 400, false);
	sim_advance_seconds(&sim, 3 * DAY + 5);	/* the scheduled pass */
	assert_true(guard_stands());
	assert_int_equal(state_of(0), NB_ACTIVE);
	for (unsigned int i = 0; i < 350; i++) {
		char text[20];

		(void)snprintf(text, sizeof(text), "N%05u<20>", i);
		send_kind(NBNS_REFRESH, (uint16_t)(i + 1), text,
			  SIM_HOST(i % 200 + 1), false);
		expect((uint16_t)(i + 1), NBNS_REGISTER_REPLY, NB_RCODE_OK);
	}
	assert_true(answered(399));
	sim_advance_seconds(&sim, 3 * DAY);
	assert_false(guard_stands());
	assert_int_equal(state_of(0), NB_ACTIVE);
	assert_int_equal(state_of(399), NB_RELEASED);
	assert_false(answered(399));
	assert_int_equal(sim_stat(server, "scavenging-stopped"), 1);
}

/* Whoever starts with many records that are overdue waits for the count. */
static void in_doubt_at_the_start(void **state)
{
	(void)state;
	have(0, 300, false);
	have(300, 400, true);
	sim_advance_seconds(&sim, LIFE + 1);
	assert_false(answered(0));
	sim_server_crash(server, false);
	assert_true(answered(0));
	assert_false(guard_stands());
	sim_advance_seconds(&sim, 1);
	assert_true(answered(0));
	assert_true(guard_stands());
	assert_int_equal(state_of(0), NB_ACTIVE);
}

/* All is well: dead names are dead again as soon as that is known. */
static void doubt_ends(void **state)
{
	(void)state;
	have(0, 80, false);
	have(80, 400, true);
	sim_advance_seconds(&sim, LIFE + 1);
	sim_server_crash(server, false);
	assert_true(answered(0));
	sim_advance_seconds(&sim, 1);
	assert_false(answered(0));
	assert_true(answered(399));
	assert_false(guard_stands());
	/* to count is not to release */
	assert_int_equal(state_of(0), NB_ACTIVE);
	assert_int_equal(sim_stat(server, "scavenging-stopped"), 0);
}

/* Too few to be an accident: no doubt at all. */
static void no_doubt_about_a_hundred(void **state)
{
	(void)state;
	have(0, 100, false);
	sim_advance_seconds(&sim, LIFE + 1);
	sim_server_crash(server, false);
	assert_false(answered(0));
}

static void a_reload_keeps_the_guard(void **state)
{
	(void)state;
	have(0, 300, false);
	sim_advance_seconds(&sim, LIFE + 1);
	pass(SERVE_SCAVENGE_NOW);
	serve_set_config(server->serve, &server->config);
	assert_true(guard_stands());
	assert_true(answered(0));
}

static bool same_counts(const struct serve_scavenge_result *a,
			const struct serve_scavenge_result *b)
{
	return a->changed == b->changed && a->released == b->released &&
	       a->tombstoned == b->tombstoned && a->deleted == b->deleted &&
	       a->pruned == b->pruned && a->leaving == b->leaving;
}

static void have_one_of_two_cards(void)
{
	struct nb_record rec = numbered(80000);

	rec.type = NB_MHOMED;
	rec.count = 2;
	rec.member[1] = rec.member[0];
	rec.member[1].ip++;
	rec.member[0].expires += 100 * DAY;
	sim_put(server, &rec);
}

/* What a dry run says is what the run does, and it does nothing itself. */
static void a_dry_run(void **state)
{
	struct serve_scavenge_result dry;
	struct serve_scavenge_result real;
	unsigned int commits = 0;

	(void)state;
	sim_advance_seconds(&sim, 3 * DAY + 10);	/* may delete */
	have(0, 300, false);
	have(300, 400, true);
	have_others();
	have_one_of_two_cards();
	sim_advance_seconds(&sim, LIFE + 1);
	commits = sim_disk_commits(server->disk);
	dry = pass(SERVE_SCAVENGE_DRY_RUN);
	assert_true(dry.stopped);
	assert_int_equal(dry.active, 401);
	assert_int_equal(dry.leaving, 300);
	assert_int_equal(dry.released, 300);
	assert_int_equal(dry.tombstoned, 250);
	assert_int_equal(dry.deleted, 250);
	assert_int_equal(dry.pruned, 1);
	assert_int_equal(dry.changed, 801);
	assert_int_equal(sim_disk_commits(server->disk), commits);
	assert_false(guard_stands());
	assert_false(answered(0));
	real = pass(SERVE_SCAVENGE_FORCE);
	assert_true(same_counts(&dry, &real));
	dry = pass(SERVE_SCAVENGE_DRY_RUN);
	assert_int_equal(dry.changed, 0);
	assert_false(dry.stopped);
}

/* Passes of different modes come one after another, each with its answer. */
static void everybody_is_answered(void **state)
{
	struct outcome outcome[5] = { { .calls = 0 } };
	static const enum serve_scavenge_mode mode[5] = {
		SERVE_SCAVENGE_NOW, SERVE_SCAVENGE_FORCE,
		SERVE_SCAVENGE_DRY_RUN, SERVE_SCAVENGE_NOW,
		SERVE_SCAVENGE_FORCE,
	};

	(void)state;
	have(0, 300, false);
	sim_advance_seconds(&sim, LIFE + 1);
	for (int i = 0; i < 5; i++) {
		serve_scavenge(server->serve, mode[i], finished, &outcome[i]);
	}
	assert_true(serve_scavenge_running(server->serve));
	sim_advance_seconds(&sim, 1);
	assert_false(serve_scavenge_running(server->serve));
	for (int i = 0; i < 5; i++) {
		assert_int_equal(outcome[i].calls, 1);
		assert_int_equal(outcome[i].result.error, 0);
	}
	assert_true(outcome[0].result.stopped);
	assert_true(outcome[3].result.stopped);
	assert_int_equal(outcome[1].result.released, 300);
	assert_int_equal(outcome[4].result.released, 300);
	assert_false(guard_stands());
	assert_int_equal(state_of(299), NB_RELEASED);
}

/* Counting leaves room for clients as well. */
static void counting_goes_in_slices(void **state)
{
	struct outcome outcome = { .calls = 0 };

	(void)state;
	have(0, 3000, false);
	sim_advance_seconds(&sim, LIFE + 1);
	serve_scavenge(server->serve, SERVE_SCAVENGE_DRY_RUN, finished,
		       &outcome);
	sim_advance(&sim, 500);
	assert_int_equal(outcome.calls, 0);
	registered(1, "BETWEEN<20>", SIM_HOST(2));
	sim_advance_seconds(&sim, 1);
	assert_int_equal(outcome.calls, 1);
	assert_int_equal(outcome.result.leaving, 3000);
}

/* The disk is full: told, and tried again soon. */
static void a_pass_that_fails(void **state)
{
	struct outcome outcome = { .calls = 0 };

	(void)state;
	have(0, 10, false);
	sim_advance_seconds(&sim, LIFE + 1);
	sim_disk_break(server->disk, ENOSPC);
	for (unsigned int i = 1; i <= 2; i++) {
		/* the first commit finds out, the next pass knows */
		serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, finished,
			       &outcome);
		sim_advance_seconds(&sim, 1);
		assert_int_equal(outcome.calls, i);
		assert_int_equal(outcome.result.error, ENOSPC);
		assert_int_equal(state_of(0), NB_ACTIVE);
	}
	sim_advance_seconds(&sim, 700);
	assert_int_equal(state_of(0), NB_ACTIVE);
	sim_disk_break(server->disk, 0);
	sim_advance_seconds(&sim, 310);
	assert_int_equal(state_of(0), NB_RELEASED);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_start, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(more_than_a_fifth_and_a_hundred),
		SCENE(an_operator_decides),
		SCENE(clients_come_back),
		SCENE(in_doubt_at_the_start),
		SCENE(doubt_ends),
		SCENE(no_doubt_about_a_hundred),
		SCENE(a_reload_keeps_the_guard),
		SCENE(a_dry_run),
		SCENE(everybody_is_answered),
		SCENE(counting_goes_in_slices),
		SCENE(a_pass_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
