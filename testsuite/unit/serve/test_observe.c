/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Trial membership, design.md 4.2 `wins:observe`: "nothing is pushed,
 * challenged, re-versioned, release-demanded or tombstoned, registrations are
 * ignored". A month of everything that would make a member do so.
 */

#include "scene.h"

#define DAY 86400
#define PC SIM_HOST(1)
#define THEIRS 0x0a094201u	/* 10.9.66.1 */

static int start_observing(void **state)
{
	struct serve_config config = sim_config();

	(void)state;
	scene_start_with(&config);
	registered(1, "UNIQUE<20>", PC);
	send_kind(NBNS_REGISTER, 2, "GROUP<00>", PC, true);
	send_kind(NBNS_REGISTER, 3, "DOMAIN<1c>", PC, true);
	send_kind(NBNS_MREGISTER, 4, "CARDS<20>", PC, false);
	sim_forget(server);
	config.policy.observe = true;
	serve_set_config(server->serve, &config);
	server->sent = 0;
	return 0;
}

static void clients_are_ignored(void **state)
{
	static const enum nbns_kind kind[] = {
		NBNS_REGISTER, NBNS_MREGISTER, NBNS_REFRESH, NBNS_RELEASE,
	};
	struct nb_record before;
	struct nb_record rec;

	(void)state;
	assert_true(sim_record(server, "UNIQUE<20>", &before));
	for (uint16_t i = 0; i < 4; i++) {
		send_kind(kind[i], 10 + i, "UNIQUE<20>", PC, false);
		send_kind(kind[i], 20 + i, "UNIQUE<20>", SIM_HOST(2), false);
		send_kind(kind[i], 30 + i, "NEW<20>", PC, false);
	}
	sim_advance_seconds(&sim, 60);
	assert_int_equal(server->sent, 0);
	assert_int_equal(sim_stat(server, "requests-observing"), 12);
	assert_true(sim_record(server, "UNIQUE<20>", &rec));
	assert_int_equal(rec.revision, before.revision);
	assert_false(sim_record(server, "NEW<20>", &rec));
}

static void queries_are_answered(void **state)
{
	(void)state;
	send_kind(NBNS_QUERY, 2, "UNIQUE<20>", PC, false);
	expect(2, NBNS_QUERY_REPLY, 0);
	send_kind(NBNS_QUERY, 3, "NONE<20>", PC, false);
	expect(3, NBNS_NEGATIVE_REPLY, NB_RCODE_NAM);
}

/* Every type and state, with our hosts' addresses and with others. */
static void replicas_of_all_kinds(const char *name)
{
	for (uint8_t type = NB_UNIQUE; type <= NB_MHOMED; type++) {
		for (uint8_t to = NB_ACTIVE; to <= NB_TOMBSTONE; to++) {
			for (unsigned int i = 0; i < 4; i++) {
				struct sim_replica replica = {
					.name = name,
					.type = type,
					.state = to,
					.is_static = i == 3,
					.owner = SIM_OTHER + i % 2,
					.count = 1 + i % 2,
					.addr = { THEIRS, PC },
				};
				struct sim_settled settled;

				sim_replica(server, &replica, &settled);
				assert_int_equal(settled.error, 0);
				assert_false(settled.pending);
			}
		}
	}
}

static void a_month_of_replicas(void **state)
{
	static const char *const name[] = {
		"UNIQUE<20>", "GROUP<00>", "DOMAIN<1c>", "CARDS<20>", "X<20>",
	};
	uint64_t counter = store_counter(server->store);

	(void)state;
	for (unsigned int day = 0; day < 30; day++) {
		for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
			replicas_of_all_kinds(name[i]);
		}
		sim_advance_seconds(&sim, DAY);
	}
	assert_int_equal(store_counter(server->store), counter);
	assert_int_equal(server->queries, 0);
	assert_int_equal(server->demands, 0);
	assert_int_equal(sim_replies(server), 0);
	assert_int_equal(sim_stat(server, "replicas-versioned"), 0);
	assert_int_equal(sim_stat(server, "replicas-challenged"), 0);
}

/* Ours are left as they are, through every pass; others' are let go. */
static void a_month_of_ageing(void **state)
{
	struct nb_record replica = {
		.name = nb_name_make("DEAD", 4, 0x20),
		.state = NB_TOMBSTONE,
		.owner = SIM_OTHER,
		.version = 5,
		.expires = sim.world.now(&sim) + DAY,
		.count = 1,
		.member = { { THEIRS, SIM_OTHER, sim.world.now(&sim) + DAY } },
	};
	struct nb_record before;
	struct nb_record rec;

	(void)state;
	sim_put(server, &replica);
	assert_true(sim_record(server, "UNIQUE<20>", &before));
	sim_advance_seconds(&sim, 30 * DAY);
	assert_true(sim_record(server, "UNIQUE<20>", &rec));
	assert_int_equal(rec.revision, before.revision);
	assert_false(sim_record(server, "DEAD<20>", &rec));
	assert_int_equal(server->sent, 0);
}

/* No version, not even for an operator. */
static void refused(void *arg, int error, const struct nb_verdict *verdict)
{
	(void)verdict;
	*(int *)arg = error;
}

static void an_operator_gets_no_version(void **state)
{
	struct nb_event event = { .kind = NB_EV_TOUCH };
	uint64_t counter = store_counter(server->store);
	int error = 0;

	(void)state;
	nb_name_parse("UNIQUE<20>", &event.name);
	serve_command(server->serve, &event, refused, &error);
	assert_int_equal(error, EPERM);
	assert_int_equal(store_counter(server->store), counter);
}

/* What is under way when it begins ends without another word. */
static void a_challenge_under_way(void **state)
{
	struct serve_config config = sim_config();
	struct sim_replica replica = {
		.name = "R<20>",
		.count = 1,
		.addr = { THEIRS },
	};
	struct sim_settled settled;
	struct nb_record rec;
	unsigned int asked = 0;

	(void)state;
	serve_set_config(server->serve, &config);
	registered(5, "C<20>", PC);
	registered(6, "R<20>", PC);
	send_kind(NBNS_REGISTER, 7, "C<20>", SIM_HOST(2), false);
	expect(7, NBNS_WACK, 0);
	sim_replica(server, &replica, &settled);
	assert_true(settled.pending);
	asked = server->queries;
	config.policy.observe = true;
	serve_set_config(server->serve, &config);
	assert_int_equal(settled.calls, 1);
	assert_int_equal(settled.error, 0);
	assert_int_equal(settled.durable, 1);
	assert_int_equal(serve_pending(server->serve), 0);
	sim_advance_seconds(&sim, 60);
	expect_silence(7);
	assert_int_equal(server->queries, asked);
	assert_true(sim_record(server, "R<20>", &rec));
	assert_int_equal(rec.owner, NB_SELF);
	/* and a member again */
	config.policy.observe = false;
	serve_set_config(server->serve, &config);
	registered(8, "AGAIN<20>", PC);
}

#define SCENE(test) \
	cmocka_unit_test_setup_teardown(test, start_observing, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(clients_are_ignored),
		SCENE(queries_are_answered),
		SCENE(a_month_of_replicas),
		SCENE(a_month_of_ageing),
		SCENE(an_operator_gets_no_version),
		SCENE(a_challenge_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
