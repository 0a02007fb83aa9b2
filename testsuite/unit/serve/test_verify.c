/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verification, protocol.md 6 pass 3: replicas that have lived here for a
 * verify interval are held against their owner's word. On the whole server,
 * with an owner that answers what a test wants.
 */

#include "scene.h"

#define DAY 86400
#define VERIFY (24 * DAY)
#define OWNER(n) (0x0a090a00u + (n))	/* 10.9.10.n */

/* A replica whose time comes in 100 s. */
static void replica_of(const char *name, uint8_t type, uint32_t owner,
		       unsigned int count)
{
	static uint64_t version;
	struct nb_record rec = {
		.type = type,
		.owner = owner,
		.version = ++version,
		.expires = sim.world.now(&sim) + 100,
		.count = (uint8_t)count,
	};

	assert_true(nb_name_parse(name, &rec.name));
	for (unsigned int i = 0; i < count; i++) {
		rec.member[i] = (struct nb_member){ SIM_HOST(1 + i), owner,
						    rec.expires };
	}
	sim_put(server, &rec);
}

static struct nb_record get(const char *name)
{
	struct nb_record rec;

	if (!sim_record(server, name, &rec)) {
		fail_msg("%s is gone", name);
	}
	return rec;
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

/* All that is there is due; wait for the pass as long as it takes. */
static struct serve_scavenge_result pass(enum serve_scavenge_mode mode)
{
	struct outcome outcome = { .calls = 0 };

	serve_scavenge(server->serve, mode, finished, &outcome);
	for (unsigned int i = 0; i < 1000 && outcome.calls == 0; i++) {
		sim_advance(&sim, 100000);
	}
	assert_int_equal(outcome.calls, 1);
	assert_int_equal(outcome.result.error, 0);
	assert_int_equal(serve_pending(server->serve), 0);
	return outcome.result;
}

static struct serve_scavenge_result pass_when_due(void)
{
	sim_advance_seconds(&sim, 101);
	return pass(SERVE_SCAVENGE_NOW);
}

/* ---- what an owner may answer ---- */

static void the_owner_denies_it(void **state)
{
	struct serve_scavenge_result result;
	struct nb_record rec;

	(void)state;
	sim_host(server, OWNER(1), SIM_DENIES);
	replica_of("PC<20>", NB_UNIQUE, OWNER(1), 1);
	result = pass_when_due();
	assert_false(sim_record(server, "PC<20>", &rec));
	assert_int_equal(result.verify_asked, 1);
	assert_int_equal(result.verify_deleted, 1);
	assert_int_equal(result.changed, 0);
	assert_int_equal(sim_stat(server, "verify-asked"), 1);
	assert_int_equal(sim_stat(server, "verify-lost"), 1);
}

static void the_owner_has_it(void **state)
{
	struct serve_scavenge_result result;
	struct nb_record before;
	struct nb_record rec;
	struct sim_host *owner = NULL;

	(void)state;
	owner = sim_host(server, OWNER(1), SIM_ANSWERS);
	owner->addr[0] = SIM_HOST(2);
	replica_of("PC<20>", NB_MHOMED, OWNER(1), 3);
	before = get("PC<20>");
	result = pass_when_due();
	rec = get("PC<20>");
	assert_int_equal(result.verified, 1);
	assert_int_equal(rec.state, NB_ACTIVE);
	assert_int_equal(rec.owner, OWNER(1));
	assert_int_equal(rec.version, before.version);
	assert_int_equal(rec.count, 3);
	/* to the second: the pass began with the answer a millisecond away */
	assert_in_range(rec.expires, sim.world.now(&sim) + VERIFY - 1,
			sim.world.now(&sim) + VERIFY);
	assert_int_equal(rec.member[0].expires, rec.expires);
	/* asked once, as it was answered; not due any more */
	assert_int_equal(owner->asked, 1);
	assert_int_equal(pass(SERVE_SCAVENGE_NOW).verify_asked, 0);
}

/* "provokes the true owner to re-propagate" */
static void the_owner_has_other_addresses(void **state)
{
	struct serve_scavenge_result result;
	struct nb_record rec;
	struct sim_host *owner = NULL;

	(void)state;
	owner = sim_host(server, OWNER(1), SIM_ANSWERS);
	owner->count = 2;
	owner->addr[0] = SIM_HOST(1);
	owner->addr[1] = SIM_HOST(9);
	replica_of("PC<20>", NB_UNIQUE, OWNER(1), 1);
	result = pass_when_due();
	rec = get("PC<20>");
	assert_int_equal(result.verify_tombstoned, 1);
	assert_int_equal(rec.state, NB_TOMBSTONE);
	assert_int_equal(rec.owner, NB_SELF);
	assert_int_equal(rec.version, store_mark(server->store, NB_SELF));
}

static void groups_answer_the_broadcast(void **state)
{
	struct sim_host *owner = NULL;

	(void)state;
	owner = sim_host(server, OWNER(1), SIM_ANSWERS);
	owner->addr[0] = NB_BROADCAST;
	replica_of("G<00>", NB_GROUP, OWNER(1), 1);
	assert_int_equal(pass_when_due().verified, 1);
	assert_int_equal(get("G<00>").state, NB_ACTIVE);
	owner->addr[0] = SIM_HOST(1);
	replica_of("G<00>", NB_GROUP, OWNER(1), 1);
	assert_int_equal(pass_when_due().verify_tombstoned, 1);
}

/* Three times, a second apart; then it stays, and is due again. */
static void a_silent_owner_changes_nothing(void **state)
{
	struct outcome outcome = { .calls = 0 };
	struct sim_host *owner = NULL;
	struct nb_record before;

	(void)state;
	owner = sim_host(server, OWNER(1), SIM_SILENT);
	replica_of("PC<20>", NB_UNIQUE, OWNER(1), 1);
	before = get("PC<20>");
	sim_advance_seconds(&sim, 101);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, finished, &outcome);
	sim_advance(&sim, 900000);
	assert_int_equal(owner->asked, 1);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(owner->asked, 2);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(owner->asked, 3);
	assert_int_equal(outcome.calls, 0);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(outcome.calls, 1);
	assert_int_equal(outcome.result.verify_silent, 1);
	assert_int_equal(owner->asked, 3);
	assert_int_equal(get("PC<20>").expires, before.expires);
	assert_int_equal(get("PC<20>").revision, before.revision);
	sim_host(server, OWNER(1), SIM_DENIES);
	assert_int_equal(pass(SERVE_SCAVENGE_NOW).verify_deleted, 1);
}

/* "timeout or other error: nothing" */
static void an_owner_that_fails_changes_nothing(void **state)
{
	struct serve_scavenge_result result;
	struct nb_record before;

	(void)state;
	sim_host(server, OWNER(1), SIM_FAILS);
	replica_of("PC<20>", NB_UNIQUE, OWNER(1), 1);
	before = get("PC<20>");
	result = pass_when_due();
	assert_int_equal(result.verify_silent, 1);
	assert_int_equal(get("PC<20>").revision, before.revision);
}

/* ---- who is asked for what ---- */

static void only_active_dynamic_replicas(void **state)
{
	struct nb_record rec;

	(void)state;
	sim_host(server, OWNER(1), SIM_DENIES);
	replica_of("STATIC<20>", NB_UNIQUE, OWNER(1), 1);
	rec = get("STATIC<20>");
	rec.is_static = true;
	sim_put(server, &rec);
	replica_of("GONE<20>", NB_UNIQUE, OWNER(1), 1);
	rec = get("GONE<20>");
	rec.state = NB_TOMBSTONE;
	sim_put(server, &rec);
	registered(1, "OURS<20>", SIM_HOST(1));
	replica_of("YOUNG<20>", NB_UNIQUE, OWNER(1), 1);
	rec = get("YOUNG<20>");
	rec.expires += 100000;
	sim_put(server, &rec);
	/* an address that has become one of ours: we would ask ourselves */
	replica_of("OLDSELF<20>", NB_UNIQUE, SIM_SELF, 1);
	assert_int_equal(pass_when_due().verify_asked, 0);
	assert_int_equal(server->queries, 0);
	assert_int_equal(get("STATIC<20>").state, NB_ACTIVE);
}

/* Of a group of many owners only the record's own is asked. */
static void members_are_not_asked_for(void **state)
{
	struct sim_host *owner = NULL;
	struct nb_record rec;

	(void)state;
	owner = sim_host(server, OWNER(1), SIM_ANSWERS);
	owner->count = 2;
	owner->addr[0] = SIM_HOST(1);
	owner->addr[1] = SIM_HOST(2);
	sim_host(server, OWNER(2), SIM_DENIES);
	replica_of("D<1c>", NB_SGROUP, OWNER(1), 2);
	rec = get("D<1c>");
	rec.member[1].owner = OWNER(2);
	sim_put(server, &rec);
	assert_int_equal(pass_when_due().verified, 1);
	assert_int_equal(server->queries, 1);
	assert_int_equal(owner->asked, 1);
}

/* What changed meanwhile is not what the owner was asked for. */
static void a_record_that_changes_is_left_alone(void **state)
{
	struct outcome outcome = { .calls = 0 };

	(void)state;
	sim_host(server, OWNER(1), SIM_DENIES)->late = true;
	replica_of("PC<20>", NB_UNIQUE, OWNER(1), 1);
	sim_advance_seconds(&sim, 101);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, finished, &outcome);
	sim_advance(&sim, 10000);
	/* its host comes by: the record is ours now */
	registered(1, "PC<20>", SIM_HOST(1));
	sim_hosts_answer(server);
	assert_int_equal(sim_stat(server, "verify-void"), 1);
	assert_int_equal(get("PC<20>").owner, NB_SELF);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(outcome.calls, 1);
	assert_int_equal(outcome.result.verify_deleted, 0);
}

/* A client's challenge of the same name: both hear what is meant for them. */
static void beside_a_challenge(void **state)
{
	struct outcome outcome = { .calls = 0 };

	(void)state;
	sim_host(server, OWNER(1), SIM_DENIES)->late = true;
	sim_host(server, SIM_HOST(1), SIM_HOLDS)->late = true;
	replica_of("PC<20>", NB_UNIQUE, OWNER(1), 1);
	sim_advance_seconds(&sim, 101);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, finished, &outcome);
	sim_advance(&sim, 10000);
	send_kind(NBNS_REGISTER, 2, "PC<20>", SIM_HOST(2), false);
	expect(2, NBNS_WACK, 0);
	/* the owner's answer deletes the record; the client may have it then */
	sim_hosts_answer(server);
	assert_int_equal(sim_stat(server, "verify-lost") +
			 sim_stat(server, "verify-held"), 1);
	assert_int_equal(sim_stat(server, "challenges-held") +
			 sim_stat(server, "challenges-void"), 1);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(outcome.calls, 1);
	assert_non_null(sim_take(server, 2));
}

static void strangers_are_not_believed(void **state)
{
	struct outcome outcome = { .calls = 0 };
	struct nb_name name;

	(void)state;
	sim_host(server, OWNER(1), SIM_SILENT);
	replica_of("PC<20>", NB_UNIQUE, OWNER(1), 1);
	nb_name_parse("PC<20>", &name);
	sim_advance_seconds(&sim, 101);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, finished, &outcome);
	sim_advance(&sim, 10000);
	serve_turn_begin(server->serve);
	for (uint32_t id = 0; id < 65536; id++) {
		serve_answer(server->serve, OWNER(2), (uint16_t)id, &name,
			     NB_RCODE_NAM, NULL, 0);
	}
	serve_turn_end(server->serve);
	assert_int_equal(sim_stat(server, "stray-answers"), 65536);
	assert_int_equal(get("PC<20>").state, NB_ACTIVE);
	sim_advance_seconds(&sim, 4);
	assert_int_equal(outcome.calls, 1);
}

/* ---- how many at once ---- */

static void many(unsigned int first, unsigned int count, uint32_t owner)
{
	for (unsigned int i = first; i < first + count; i++) {
		char name[NB_NAME_TEXT];

		(void)snprintf(name, sizeof(name), "V%05u<20>", i);
		replica_of(name, NB_UNIQUE, owner, 1);
	}
}

static void thirty_two_at_once(void **state)
{
	struct outcome outcome = { .calls = 0 };

	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		sim_host(server, OWNER(1), SIM_DENIES)->late = true;
	}
	many(0, 100, OWNER(1));
	sim_advance_seconds(&sim, 101);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, finished, &outcome);
	sim_advance(&sim, 10000);
	assert_int_equal(server->queries, 32);
	assert_int_equal(sim_stat(server, "pending-verifications"), 32);
	/* each answer makes room for the next */
	sim_hosts_answer(server);
	sim_advance(&sim, 10000);
	assert_int_equal(outcome.calls, 1);
	assert_int_equal(outcome.result.verify_deleted, 100);
}

/* 5000 that are verified, in the time of the wire. */
static void many_stand(void **state)
{
	struct serve_scavenge_result result;

	(void)state;
	sim_host(server, OWNER(1), SIM_ANSWERS)->addr[0] = SIM_HOST(1);
	many(0, 5000, OWNER(1));
	result = pass_when_due();
	assert_int_equal(result.verify_asked, 5000);
	assert_int_equal(result.verified, 5000);
	assert_int_equal(pass(SERVE_SCAVENGE_NOW).verify_asked, 0);
}

/* A dead owner is asked for some names and not for all; others are served. */
static void a_dead_owner_is_given_up(void **state)
{
	struct serve_scavenge_result result;

	(void)state;
	sim_host(server, OWNER(1), SIM_SILENT);
	sim_host(server, OWNER(2), SIM_DENIES);
	many(0, 2000, OWNER(1));
	many(5000, 100, OWNER(2));
	result = pass_when_due();
	assert_int_equal(result.verify_deleted, 100);
	/* 32 were under way when the first was known to be silent, and each
	 * of the first two made room for one more */
	assert_true(result.verify_silent >= 3);
	assert_true(result.verify_silent <= 34);
	assert_int_equal(result.verify_asked, 100 + result.verify_silent);
	/* the next pass begins anew */
	sim_host(server, OWNER(1), SIM_DENIES);
	assert_int_equal(pass(SERVE_SCAVENGE_NOW).verify_deleted, 2000);
}

/* The rest of the pass, and other passes, do not wait for silent owners. */
static void a_pass_does_not_wait(void **state)
{
	struct nb_record ours = {
		.name = nb_name_make("OURS", 4, 0x20),
		.expires = sim.world.now(&sim) + 100,
		.count = 1,
		.member = { { SIM_HOST(1), NB_SELF,
			      sim.world.now(&sim) + 100 } },
	};
	struct outcome first = { .calls = 0 };
	struct outcome dry = { .calls = 0 };
	struct outcome second = { .calls = 0 };

	(void)state;
	sim_put(server, &ours);
	many(0, 10, OWNER(1));
	sim_advance_seconds(&sim, 101);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, finished, &first);
	sim_advance(&sim, 100000);
	assert_int_equal(get("OURS<20>").state, NB_RELEASED);
	assert_false(serve_scavenge_running(server->serve));
	serve_scavenge(server->serve, SERVE_SCAVENGE_DRY_RUN, finished, &dry);
	serve_scavenge(server->serve, SERVE_SCAVENGE_FORCE, finished, &second);
	sim_advance(&sim, 100000);
	assert_int_equal(dry.calls, 1);
	assert_int_equal(dry.result.verify_asked, 10);
	/* the later pass joins the run under way and reports its numbers */
	assert_int_equal(first.calls + second.calls, 0);
	sim_advance_seconds(&sim, 10);
	assert_int_equal(first.calls, 1);
	assert_int_equal(second.calls, 1);
	assert_int_equal(first.result.released, 1);
	assert_int_equal(second.result.released, 0);
	assert_int_equal(first.result.verify_silent, 10);
	assert_int_equal(second.result.verify_silent, 10);
	assert_int_equal(server->queries, 30);
}

/* ---- what fails ---- */

static void the_disk_fails(void **state)
{
	struct nb_record rec;

	(void)state;
	sim_host(server, OWNER(1), SIM_DENIES)->late = true;
	replica_of("PC<20>", NB_UNIQUE, OWNER(1), 1);
	sim_advance_seconds(&sim, 101);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, NULL, NULL);
	sim_advance(&sim, 10000);
	sim_disk_break(server->disk, ENOMEM);
	sim_hosts_answer(server);
	assert_int_equal(sim_stat(server, "verify-lost"), 1);
	sim_disk_break(server->disk, 0);
	assert_int_equal(get("PC<20>").state, NB_ACTIVE);
	assert_int_equal(serve_pending(server->serve), 0);
	sim_host(server, OWNER(1), SIM_DENIES);
	assert_int_equal(pass(SERVE_SCAVENGE_NOW).verify_deleted, 1);
	assert_false(sim_record(server, "PC<20>", &rec));
}

static void no_timers(void **state)
{
	struct outcome outcome = { .calls = 0 };

	(void)state;
	many(0, 100, OWNER(1));
	sim_advance_seconds(&sim, 101);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, finished, &outcome);
	sim_advance(&sim, 500000);
	assert_int_equal(server->queries, 32);
	sim.timers_fail = true;
	sim_advance_seconds(&sim, 1);
	sim.timers_fail = false;
	/* those under way end, and the run with them */
	sim_advance_seconds(&sim, 10);
	assert_int_equal(outcome.calls, 1);
	assert_int_equal(serve_pending(server->serve), 0);
	sim_host(server, OWNER(1), SIM_DENIES);
	/* the alarm clock of the server has to come back first */
	sim_advance_seconds(&sim, 120);
	assert_int_equal(pass(SERVE_SCAVENGE_NOW).verify_deleted, 100);
}

/* Whoever begins to look on asks nobody any more, and tells those who wait. */
static void an_observer_asks_nobody(void **state)
{
	struct serve_config config = sim_config();
	struct outcome outcome = { .calls = 0 };

	(void)state;
	many(0, 100, OWNER(1));
	sim_advance_seconds(&sim, 101);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, finished, &outcome);
	sim_advance(&sim, 500000);
	config.policy.observe = true;
	serve_set_config(server->serve, &config);
	assert_int_equal(outcome.calls, 1);
	assert_int_equal(server->queries, 32);
	assert_int_equal(pass(SERVE_SCAVENGE_NOW).verify_asked, 0);
	sim_advance_seconds(&sim, 10);
	assert_int_equal(server->queries, 32);
}

static void the_server_ends_first(void **state)
{
	(void)state;
	many(0, 100, OWNER(1));
	sim_advance_seconds(&sim, 101);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, NULL, NULL);
	sim_advance(&sim, 500000);
	assert_int_equal(server->queries, 32);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_start, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(the_owner_denies_it),
		SCENE(the_owner_has_it),
		SCENE(the_owner_has_other_addresses),
		SCENE(groups_answer_the_broadcast),
		SCENE(a_silent_owner_changes_nothing),
		SCENE(an_owner_that_fails_changes_nothing),
		SCENE(only_active_dynamic_replicas),
		SCENE(members_are_not_asked_for),
		SCENE(a_record_that_changes_is_left_alone),
		SCENE(beside_a_challenge),
		SCENE(strangers_are_not_believed),
		SCENE(thirty_two_at_once),
		SCENE(many_stand),
		SCENE(a_dead_owner_is_given_up),
		SCENE(a_pass_does_not_wait),
		SCENE(the_disk_fails),
		SCENE(no_timers),
		SCENE(an_observer_asks_nobody),
		SCENE(the_server_ends_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
