/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * While the store is being loaded (design.md 2, issue 3 item 3): queries are
 * answered from the first moment, our own names live, and what would have to
 * know or change more is silence, for clients know how to retry. Nothing is
 * written, and when it is loaded everything begins.
 */

#include "scene.h"

static int start_loading(void **state)
{
	struct serve_config config = sim_config();

	(void)state;
	config.own_name[0].name = nb_name_make("SIMWINS", 7, 0x20);
	config.own_names = 1;
	scene_start_with(&config);
	registered(1, "PC<20>", SIM_HOST(1));
	server->loading = true;
	sim_server_crash(server, false);
	sim_forget(server);
	return 0;
}

static void queries_are_answered(void **state)
{
	(void)state;
	send_kind(NBNS_QUERY, 1, "PC<20>", SIM_HOST(9), false);
	assert_int_equal(expect(1, NBNS_QUERY_REPLY, 0)->msg.addrs[0],
			 SIM_HOST(1));
	send_kind(NBNS_QUERY, 2, "NONE<20>", SIM_HOST(9), false);
	expect(2, NBNS_NEGATIVE_REPLY, NB_RCODE_NAM);
	assert_int_equal(sim_stat(server, "requests-while-loading"), 0);
}

static void own_names_live(void **state)
{
	(void)state;
	sim_advance_seconds(&sim, 5);
	sim_forget(server);
	send_kind(NBNS_STATUS, 1, "SIMWINS<20>", SIM_HOST(9), false);
	expect(1, NBNS_STATUS_REPLY, 0);
	send_kind(NBNS_REGISTER, 2, "SIMWINS<20>", SIM_HOST(9), false);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_ACT);
}

static void all_else_is_silence(void **state)
{
	static const enum nbns_kind kinds[] = {
		NBNS_REGISTER, NBNS_MREGISTER, NBNS_REFRESH, NBNS_RELEASE,
	};
	unsigned int commits = sim_disk_commits(server->disk);
	struct nb_record rec;

	(void)state;
	for (uint16_t i = 0; i < 4; i++) {
		send_kind(kinds[i], i, "NEW<20>", SIM_HOST(2), false);
		expect_silence(i);
		send_kind(kinds[i], i, "PC<20>", SIM_HOST(1), false);
		expect_silence(i);
		/* no challenge either */
		send_kind(kinds[i], i, "PC<20>", SIM_HOST(2), false);
		expect_silence(i);
	}
	assert_int_equal(sim_stat(server, "requests-while-loading"), 12);
	assert_int_equal(sim_stat(server, "pending-challenges"), 0);
	sim_advance_seconds(&sim, 30 * 86400);
	assert_int_equal(sim_disk_commits(server->disk), commits);
	assert_false(sim_record(server, "NEW<20>", &rec));
}

static void then_everything_begins(void **state)
{
	(void)state;
	send_kind(NBNS_REGISTER, 1, "NEW<20>", SIM_HOST(2), false);
	expect_silence(1);
	assert_int_equal(serve_next_scavenge(server->serve), 0);
	serve_loaded(server->serve);
	/* the same request again is its retry, and counts for nothing yet */
	send_kind(NBNS_REGISTER, 1, "NEW<20>", SIM_HOST(2), false);
	expect(1, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	send_kind(NBNS_REGISTER, 2, "PC<20>", SIM_HOST(2), false);
	expect(2, NBNS_WACK, 0);
	assert_true(serve_next_scavenge(server->serve) >
		    sim.world.now(&sim));
	assert_int_equal(sim_stat(server, "requests-while-loading"), 1);
	sim_advance_seconds(&sim, 4 * 86400);
	assert_true(serve_next_scavenge(server->serve) >
		    sim.world.now(&sim));
}

/* ---- operators, reloads ---- */

static void command_done(void *arg, int error, const struct nb_verdict *verdict)
{
	assert_non_null(verdict->ref);
	*(int *)arg = error;
}

static void scavenged(void *arg, const struct serve_scavenge_result *result)
{
	*(int *)arg = result->error;
}

static void operators_are_told(void **state)
{
	struct nb_event event = {
		.kind = NB_EV_DELETE,
		.name = nb_name_make("PC", 2, 0x20),
	};
	struct nb_verdict verdict;
	struct nb_record rec;
	int command = 0, pass = 0;

	(void)state;
	serve_command(server->serve, &event, command_done, &command);
	assert_int_equal(command, EAGAIN);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, scavenged, &pass);
	assert_int_equal(pass, EAGAIN);
	assert_true(sim_record(server, "PC<20>", &rec));
	/* to look is possible */
	serve_explain(server->serve, &event, &verdict);
	assert_int_equal(verdict.store, NB_STORE_DELETE);
}

static void a_reload_waits_for_nothing(void **state)
{
	unsigned int commits = sim_disk_commits(server->disk);

	(void)state;
	server->config.burst_threshold = 1;
	serve_set_config(server->serve, &server->config);
	assert_int_equal(sim_disk_commits(server->disk), commits);
	serve_loaded(server->serve);
	registered(1, "NEW<20>", SIM_HOST(2));
}

#define SCENE(test) \
	cmocka_unit_test_setup_teardown(test, start_loading, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(queries_are_answered),
		SCENE(own_names_live),
		SCENE(all_else_is_silence),
		SCENE(then_everything_begins),
		SCENE(operators_are_told),
		SCENE(a_reload_waits_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
