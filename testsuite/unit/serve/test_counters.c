/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every counter after a story in which the right value is known, and the
 * corners that the other tests pass by: no version numbers left, a timer that
 * cannot be had, a reload in the middle of things.
 */

#include "scene.h"

#define DAY 86400

static int start_with_name(void **state)
{
	struct serve_config config = sim_config();

	(void)state;
	config.own_name[0].name = nb_name_make("SIMWINS", 7, 0x20);
	config.own_names = 1;
	scene_start_with(&config);
	sim_advance_seconds(&sim, 5);
	sim_forget(server);
	return 0;
}

static void request(enum nbns_kind kind, uint16_t trn_id, const char *name,
		    uint32_t from, uint32_t addr, uint16_t operation)
{
	struct sim_request r = {
		.kind = kind,
		.trn_id = trn_id,
		.name = name,
		.from = from,
		.addr = addr,
		.nb_flags = 0x6000,
		.operation = operation,
	};

	sim_request(server, &r);
}

static void everything_is_counted(void **state)
{
	static const struct {
		const char *name;
		uint64_t value;
	} want[] = {
		{ "registrations", 6 },	   { "refreshes", 1 },
		{ "releases", 1 },	   { "queries", 3 },
		{ "node-status", 1 },	   { "replies-positive", 4 },
		{ "replies-refused", 2 },  { "replies-server-failure", 0 },
		{ "queries-found", 1 },	   { "queries-negative", 1 },
		{ "wacks", 1 },		   { "repeated-while-waiting", 1 },
		{ "ignored-broadcast", 2 }, { "own-names-defended", 1 },
		{ "source-mismatch", 1 },  { "challenges", 1 },
		{ "challenges-held", 0 },  { "challenges-lost", 1 },
		{ "challenges-void", 0 },  { "stray-answers", 0 },
		{ "turns-failed", 0 },	   { "replies-dropped", 0 },
		{ "source-rate-dropped", 0 },
		{ "challenges-source-limit", 0 },
		{ "come-back-answers", 0 }, { "dropped-store-behind", 0 },
		{ "pending-challenges", 0 }, { "pending-replies", 0 },
	};

	(void)state;
	request(NBNS_REGISTER, 1, "PC<20>", SIM_HOST(1), 0, 0);
	request(NBNS_REGISTER, 2, "PC<20>", SIM_HOST(2), 0, 0);
	request(NBNS_REGISTER, 2, "PC<20>", SIM_HOST(2), 0, 0);
	sim_advance_seconds(&sim, 3);
	request(NBNS_REGISTER, 3, "NAT<20>", SIM_HOST(3), SIM_HOST(4), 0);
	request(NBNS_REGISTER, 4, "WPAD<20>", SIM_HOST(3), 0, 0);
	request(NBNS_REGISTER, 5, "SIMWINS<20>", SIM_HOST(3), 0, 0x2910);
	request(NBNS_REFRESH, 6, "NAT<20>", SIM_HOST(4), 0, 0);
	request(NBNS_RELEASE, 7, "NAT<20>", SIM_HOST(3), 0, 0x3010);
	request(NBNS_QUERY, 8, "PC<20>", SIM_HOST(3), 0, 0);
	request(NBNS_QUERY, 9, "NONE<20>", SIM_HOST(3), 0, 0);
	request(NBNS_QUERY, 10, "NONE<20>", SIM_HOST(3), 0, 0x0110);
	request(NBNS_STATUS, 11, "NONE<20>", SIM_HOST(3), 0, 0);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		if (sim_stat(server, want[i].name) != want[i].value) {
			fail_msg("%s is %llu, not %llu", want[i].name,
				 (unsigned long long)sim_stat(server,
							      want[i].name),
				 (unsigned long long)want[i].value);
		}
	}
	assert_int_equal(door_received(server->door, NBNS_REGISTER), 6);
	assert_int_equal(door_received(server->door, NBNS_QUERY), 3);
	assert_true(sim_stat(server, "turns") >= 4);
}

static void failed_turns_are_counted(void **state)
{
	uint64_t turns = sim_stat(server, "turns");

	(void)state;
	sim_disk_fail(server->disk, 1, ENOMEM);
	request(NBNS_REGISTER, 1, "PC<20>", SIM_HOST(1), 0, 0);
	assert_int_equal(sim_stat(server, "turns"), turns + 1);
	assert_int_equal(sim_stat(server, "turns-failed"), 1);
	assert_int_equal(sim_stat(server, "replies-dropped"), 1);
	assert_non_null(strstr(sim.last_log, "could not be made durable"));
}

/* One trouble is one line of the log, and it names the file. */
static void of_the_disk_the_store_tells(void **state)
{
	(void)state;
	sim_disk_fail(server->disk, 1, ENOSPC);
	request(NBNS_REGISTER, 1, "PC<20>", SIM_HOST(1), 0, 0);
	assert_int_equal(sim_stat(server, "turns-failed"), 1);
	assert_non_null(strstr(sim.last_log, "the disk is full"));
	sim_disk_fail(server->disk, 1, EIO);
	sim_advance_seconds(&sim, STORE_PROBE_SECONDS);
	assert_non_null(strstr(sim.last_log, "writing failed"));
}

/* When the last version number is given, what needs one fails by name. */
static void no_version_is_left(void **state)
{
	struct nb_record replica = {
		.name = nb_name_make("R", 1, 0x20),
		.owner = SIM_OTHER,
		.version = 1,
		.expires = sim.world.now(&sim) + 1000,
		.count = 1,
		.member = { { SIM_HOST(1), SIM_OTHER,
			      sim.world.now(&sim) + 1000 } },
	};

	(void)state;
	sim_put(server, &replica);
	/* UINT64_MAX itself is no version: one is left, then none */
	assert_int_equal(store_raise_counter(server->store, UINT64_MAX - 2),
			 0);
	registered(3, "LAST<20>", SIM_HOST(1));
	request(NBNS_REGISTER, 1, "PC<20>", SIM_HOST(1), 0, 0);
	expect(1, NBNS_REGISTER_REPLY, NB_RCODE_SRV);
	request(NBNS_RELEASE, 2, "R<20>", SIM_HOST(1), 0, 0);
	expect(2, NBNS_RELEASE_REPLY, NB_RCODE_SRV);
	assert_int_equal(sim_stat(server, "replies-server-failure"), 2);
	assert_int_equal(serve_pending(server->serve), 0);
}

/* The second try finds no timer: that says nothing of the name, and it is
 * said at once. */
static void a_later_timer_fails(void **state)
{
	(void)state;
	registered(1, "PC<20>", SIM_HOST(1));
	request(NBNS_REGISTER, 2, "PC<20>", SIM_HOST(2), 0, 0);
	expect(2, NBNS_WACK, 0);
	sim.timers_fail = true;
	sim_advance_seconds(&sim, 1);
	sim.timers_fail = false;
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_SRV);
	registered(3, "AFTER<20>", SIM_HOST(3));
	assert_int_equal(serve_pending(server->serve), 0);
}

/* Ageing under a challenge: the name is free, whoever waits gets it. */
static void a_pass_voids_a_challenge(void **state)
{
	struct nb_record rec = {
		.name = nb_name_make("PC", 2, 0x20),
		.version = 1,
		.expires = sim.world.now(&sim) + 2,
		.count = 1,
		.member = { { SIM_HOST(1), NB_SELF,
			      sim.world.now(&sim) + 2 } },
	};

	(void)state;
	sim_put(server, &rec);
	request(NBNS_REGISTER, 1, "PC<20>", SIM_HOST(2), 0, 0);
	expect(1, NBNS_WACK, 0);
	sim_advance_seconds(&sim, 2);
	expect_silence(1);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, NULL, NULL);
	sim_advance(&sim, 2000);
	expect(1, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	assert_int_equal(sim_stat(server, "scavenged"), 1);
}

/* The time of the next pass is kept by the pass before it. */
static void a_pass_writes_the_next_time(void **state)
{
	int64_t next = 0;

	(void)state;
	sim_advance_seconds(&sim, 3 * DAY + 10);
	next = serve_next_scavenge(server->serve);
	sim_server_crash(server, false);
	assert_int_equal(serve_next_scavenge(server->serve), next);
	assert_true(next > sim.world.now(&sim) + 2 * DAY);
}

static void finished(void *arg, const struct serve_scavenge_result *result)
{
	(void)result;
	*(bool *)arg = true;
}

static void a_reload_does_not_stop_a_pass(void **state)
{
	bool first = false;
	bool second = false;

	(void)state;
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, finished, &first);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, finished, &second);
	serve_set_config(server->serve, &server->config);
	assert_false(first || second);
	sim_advance_seconds(&sim, 1);
	assert_true(first && second);
}

static void loopback_hosts(void **state)
{
	const struct serve_iface lo = { 0x7f00000bu, 0xff000000u, 0 };
	const struct serve_iface lan = { SIM_SELF, 0xffff0000u, 0 };

	(void)state;
	request(NBNS_REGISTER, 1, "LO<20>", 0x7f000015u, 0, 0);
	expect(1, NBNS_REGISTER_REPLY, NB_RCODE_RFS);
	serve_set_ifaces(server->serve, &lo, 1);
	request(NBNS_REGISTER, 2, "LO<20>", 0x7f000015u, 0, 0);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	/* a reload forgets neither */
	serve_set_config(server->serve, &server->config);
	request(NBNS_REGISTER, 3, "LO2<20>", 0x7f000015u, 0, 0);
	expect(3, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	serve_set_ifaces(server->serve, &lan, 1);
	request(NBNS_REGISTER, 4, "LO3<20>", 0x7f000015u, 0, 0);
	expect(4, NBNS_REGISTER_REPLY, NB_RCODE_RFS);
}

static void own_names_are_shown(void **state)
{
	struct nb_status_name name;

	(void)state;
	assert_true(serve_own_name_at(server->serve, 0, &name));
	assert_int_equal(name.nb_flags, 0x4400);
	assert_false(serve_own_name_at(server->serve, 1, &name));
	/* the same names again keep their state, others are claimed */
	serve_set_config(server->serve, &server->config);
	assert_true(serve_own_name_at(server->serve, 0, &name));
	assert_int_equal(name.nb_flags, 0x4400);
	server->config.own_name[0].name = nb_name_make("OTHER", 5, 0x20);
	serve_set_config(server->serve, &server->config);
	assert_true(serve_own_name_at(server->serve, 0, &name));
	assert_int_equal(name.nb_flags, 0x4000);
	sim_advance_seconds(&sim, 5);
	assert_true(serve_own_name_at(server->serve, 0, &name));
	assert_int_equal(name.nb_flags, 0x4400);
}

#define SCENE(test) \
	cmocka_unit_test_setup_teardown(test, start_with_name, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(everything_is_counted),
		SCENE(failed_turns_are_counted),
		SCENE(of_the_disk_the_store_tells),
		SCENE(no_version_is_left),
		SCENE(a_later_timer_fails),
		SCENE(a_pass_voids_a_challenge),
		SCENE(a_pass_writes_the_next_time),
		SCENE(a_reload_does_not_stop_a_pass),
		SCENE(loopback_hosts),
		SCENE(own_names_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
