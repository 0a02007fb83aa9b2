/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk that is full, broken, or a file at its end (issue 3 item 4): what
 * would change the store is a server failure at once, without a challenge and
 * without a line of log for each; queries, node status, our own names and
 * refusals go on; a disk with space again is found without a restart.
 */

#include "scene.h"

#define OWN "SIMWINS<20>"

static unsigned int lines;	/* at NOTICE or worse */

static void count_lines(void *priv, int level, const char *line)
{
	(void)priv;
	(void)line;
	lines += level <= NB_LOG_NOTICE;
}

static int start_with_names(void **state)
{
	struct serve_config config = sim_config();

	(void)state;
	config.own_name[0].name = nb_name_make("SIMWINS", 7, 0x20);
	config.own_names = 1;
	scene_start_with(&config);
	sim_advance_seconds(&sim, 5);
	registered(1, "PC<20>", SIM_HOST(1));
	send_kind(NBNS_REGISTER, 2, "GRP<00>", SIM_HOST(2), true);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	sim_forget(server);
	sim.world.log = count_lines;
	return 0;
}

/* The one that finds out is a lost packet; from then on it is known. */
static void fall(int error, enum store_health health)
{
	sim_disk_break(server->disk, error);
	send_kind(NBNS_REGISTER, 99, "FIRST<20>", SIM_HOST(99), false);
	expect_silence(99);
	assert_int_equal(store_health(server->store), health);
}

static void fails(enum nbns_kind kind, uint16_t trn_id, const char *name,
		  uint32_t from, bool group)
{
	send_kind(kind, trn_id, name, from, group);
	expect(trn_id, kind == NBNS_RELEASE ? NBNS_RELEASE_REPLY
					    : NBNS_REGISTER_REPLY,
	       NB_RCODE_SRV);
}

static void changes_fail_at_once(void)
{
	unsigned int commits = sim_disk_commits(server->disk);
	unsigned int said = lines;
	uint64_t failures = sim_stat(server, "replies-server-failure");
	struct nb_record rec;

	fails(NBNS_REGISTER, 1, "NEW<20>", SIM_HOST(3), false);
	fails(NBNS_MREGISTER, 2, "NEW<20>", SIM_HOST(3), false);
	fails(NBNS_REFRESH, 3, "NEW<20>", SIM_HOST(3), false);
	fails(NBNS_REFRESH, 4, "PC<20>", SIM_HOST(1), false);
	fails(NBNS_REGISTER, 5, "PC<20>", SIM_HOST(1), false);
	fails(NBNS_MREGISTER, 6, "PC<20>", SIM_HOST(1), false);
	fails(NBNS_RELEASE, 7, "PC<20>", SIM_HOST(1), false);
	fails(NBNS_REGISTER, 8, "GRP<00>", SIM_HOST(3), true);
	/* what would be a challenge: no WACK, nobody is asked */
	fails(NBNS_REGISTER, 9, "PC<20>", SIM_HOST(3), false);
	for (uint16_t i = 0; i < 1000; i++) {
		fails(NBNS_REGISTER, i, "NEW<20>", SIM_HOST(3), false);
	}
	assert_int_equal(sim_stat(server, "replies-server-failure"),
			 failures + 1009);
	assert_int_equal(sim_stat(server, "challenges"), 0);
	assert_int_equal(sim_stat(server, "wacks"), 0);
	assert_int_equal(serve_pending(server->serve), 0);
	assert_int_equal(sim_disk_commits(server->disk), commits);
	assert_int_equal(lines, said);
	assert_false(sim_record(server, "NEW<20>", &rec));
	assert_true(sim_record(server, "PC<20>", &rec));
	assert_int_equal(rec.state, NB_ACTIVE);
}

static void the_rest_goes_on(void)
{
	send_kind(NBNS_QUERY, 1, "PC<20>", SIM_HOST(9), false);
	assert_int_equal(expect(1, NBNS_QUERY_REPLY, 0)->msg.addrs[0],
			 SIM_HOST(1));
	send_kind(NBNS_QUERY, 2, "NONE<20>", SIM_HOST(9), false);
	expect(2, NBNS_NEGATIVE_REPLY, NB_RCODE_NAM);
	send_kind(NBNS_STATUS, 3, OWN, SIM_HOST(9), false);
	expect(3, NBNS_STATUS_REPLY, 0);
	send_kind(NBNS_REGISTER, 4, OWN, SIM_HOST(9), false);
	expect(4, NBNS_REGISTER_REPLY, NB_RCODE_ACT);
	/* refusals, and answers that write nothing */
	send_kind(NBNS_REGISTER, 5, "WPAD<20>", SIM_HOST(9), false);
	expect(5, NBNS_REGISTER_REPLY, NB_RCODE_RFS);
	send_kind(NBNS_REGISTER, 6, "GRP<00>", SIM_HOST(9), false);
	expect(6, NBNS_REGISTER_REPLY, NB_RCODE_ACT);
	send_kind(NBNS_REGISTER, 7, "MB<1d>", SIM_HOST(9), false);
	expect(7, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	send_kind(NBNS_RELEASE, 8, "NONE<20>", SIM_HOST(9), false);
	expect(8, NBNS_RELEASE_REPLY, NB_RCODE_OK);
	send_kind(NBNS_RELEASE, 9, "PC<20>", SIM_HOST(9), false);
	expect(9, NBNS_RELEASE_REPLY, NB_RCODE_OK);
}

static void a_full_disk(void **state)
{
	(void)state;
	fall(ENOSPC, STORE_FULL);
	changes_fail_at_once();
	the_rest_goes_on();
	sim_advance_seconds(&sim, 60);
	changes_fail_at_once();
	the_rest_goes_on();
	sim_disk_break(server->disk, 0);
	sim_advance_seconds(&sim, STORE_PROBE_SECONDS);
	registered(1, "NEW<20>", SIM_HOST(3));
	send_kind(NBNS_RELEASE, 2, "PC<20>", SIM_HOST(1), false);
	expect(2, NBNS_RELEASE_REPLY, NB_RCODE_OK);
}

static void a_broken_disk(void **state)
{
	(void)state;
	fall(EIO, STORE_READONLY);
	changes_fail_at_once();
	the_rest_goes_on();
	/* until the server is started again */
	sim_disk_break(server->disk, 0);
	sim_advance_seconds(&sim, 3600);
	changes_fail_at_once();
	the_rest_goes_on();
}

/* Those that waited when it happened are undone together: one line. */
static void a_pile_of_turns_is_one_line(void **state)
{
	unsigned int said = 0;

	(void)state;
	sim_disk_hold(server->disk, true);
	for (uint16_t i = 0; i < 200; i++) {
		char name[16];

		snprintf(name, sizeof(name), "N%u<20>", i);
		send_kind(NBNS_REGISTER, i, name, SIM_HOST(i), false);
	}
	said = lines;
	sim_disk_finish(server->disk, EIO);
	assert_int_equal(sim_stat(server, "turns-failed"), 200);
	assert_int_equal(sim_stat(server, "replies-dropped"), 200);
	assert_int_equal(lines, said + 1);	/* the store's */
}

/* Its outcome could not be written, whatever it is. */
static void a_challenge_under_way(void **state)
{
	(void)state;
	sim_host(server, SIM_HOST(1), SIM_SILENT);
	send_kind(NBNS_REGISTER, 1, "PC<20>", SIM_HOST(3), false);
	expect(1, NBNS_WACK, 0);
	/* one in the line behind it, who would challenge in his turn */
	send_kind(NBNS_REGISTER, 2, "PC<20>", SIM_HOST(4), false);
	expect(2, NBNS_WACK, 0);
	fall(ENOSPC, STORE_FULL);
	sim_advance_seconds(&sim, 4);
	expect(1, NBNS_REGISTER_REPLY, NB_RCODE_SRV);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_SRV);
	assert_int_equal(sim_stat(server, "challenges"), 1);
	assert_int_equal(serve_pending(server->serve), 0);
}

/* A holder that answers is a refusal, and needs no write. */
static void a_challenge_that_is_held(void **state)
{
	(void)state;
	sim_host(server, SIM_HOST(1), SIM_HOLDS)->late = true;
	send_kind(NBNS_REGISTER, 1, "PC<20>", SIM_HOST(3), false);
	expect(1, NBNS_WACK, 0);
	fall(ENOSPC, STORE_FULL);
	sim_hosts_answer(server);
	expect(1, NBNS_REGISTER_REPLY, NB_RCODE_ACT);
}

static void command_done(void *arg, int error, const struct nb_verdict *verdict)
{
	(void)verdict;
	*(int *)arg = error;
}

static int deletion(void)
{
	struct nb_event event = {
		.kind = NB_EV_DELETE,
		.name = nb_name_make("PC", 2, 0x20),
	};
	int error = -1;

	serve_command(server->serve, &event, command_done, &error);
	return error;
}

static void an_operator_is_told_why(void **state)
{
	(void)state;
	fall(ENOSPC, STORE_FULL);
	assert_int_equal(deletion(), ENOSPC);
	sim_disk_break(server->disk, EIO);
	sim_advance_seconds(&sim, STORE_PROBE_SECONDS);
	assert_int_equal(deletion(), EROFS);
}

/* The file is as large as a tdb can be: known names go on. */
static void a_file_at_its_end(void **state)
{
	const struct store_disk large = { .file_size = 1000,
					  .file_limit = 1000 };
	unsigned int said = 0;

	(void)state;
	sim_disk_show(server->disk, &large);
	sim_advance_seconds(&sim, 2);
	registered(1, "LAST<20>", SIM_HOST(4));
	said = lines;
	for (uint16_t i = 0; i < 1000; i++) {
		fails(NBNS_REGISTER, i, "NEW<20>", SIM_HOST(3), false);
	}
	assert_int_equal(lines, said);
	send_kind(NBNS_REFRESH, 2, "PC<20>", SIM_HOST(1), false);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	send_kind(NBNS_REGISTER, 3, "PC<20>", SIM_HOST(3), false);
	expect(3, NBNS_WACK, 0);
	sim_advance_seconds(&sim, 4);
	expect(3, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	send_kind(NBNS_RELEASE, 4, "PC<20>", SIM_HOST(3), false);
	expect(4, NBNS_RELEASE_REPLY, NB_RCODE_OK);
}

#define SCENE(test) \
	cmocka_unit_test_setup_teardown(test, start_with_names, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(a_full_disk),
		SCENE(a_broken_disk),
		SCENE(a_pile_of_turns_is_one_line),
		SCENE(a_challenge_under_way),
		SCENE(a_challenge_that_is_held),
		SCENE(an_operator_is_told_why),
		SCENE(a_file_at_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
