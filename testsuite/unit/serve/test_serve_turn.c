/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Turns: no acknowledgement precedes its durable write, whatever the disk
 * does (design.md "A turn").
 */

#include "scene.h"

static void the_reply_waits_for_the_disk(void **state)
{
	(void)state;
	sim_disk_hold(server->disk, true);
	send_kind(NBNS_REGISTER, 1, "PC<20>", SIM_HOST(1), false);
	expect_silence(1);
	assert_true(sim_disk_pending(server->disk));
	/* a query waits for nothing, and sees the new state */
	send_kind(NBNS_QUERY, 2, "PC<20>", SIM_HOST(9), false);
	assert_int_equal(expect(2, NBNS_QUERY_REPLY, 0)->msg.addrs[0],
			 SIM_HOST(1));
	expect_silence(1);
	sim_disk_finish(server->disk, 0);
	expect(1, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	assert_int_equal(serve_pending(server->serve), 0);
}

/* A refusal that rests on an undurable record waits as well. */
static void a_refusal_waits_too(void **state)
{
	(void)state;
	send_kind(NBNS_REGISTER, 1, "GRP<00>", SIM_HOST(1), true);
	expect(1, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	sim_disk_hold(server->disk, true);
	send_kind(NBNS_REGISTER, 2, "NEW<00>", SIM_HOST(1), true);
	send_kind(NBNS_REGISTER, 3, "NEW<00>", SIM_HOST(2), false);
	send_kind(NBNS_REGISTER, 4, "GRP<00>", SIM_HOST(2), false);
	expect_silence(2);
	expect_silence(3);
	/* this one rests on what is on disk already */
	expect(4, NBNS_REGISTER_REPLY, NB_RCODE_ACT);
	sim_disk_finish(server->disk, 0);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	if (sim_disk_pending(server->disk)) {
		sim_disk_finish(server->disk, 0);
	}
	expect(3, NBNS_REGISTER_REPLY, NB_RCODE_ACT);
}

static void a_wack_does_not_wait(void **state)
{
	(void)state;
	sim_disk_hold(server->disk, true);
	send_kind(NBNS_REGISTER, 1, "PC<20>", SIM_HOST(1), false);
	send_kind(NBNS_REGISTER, 2, "PC<20>", SIM_HOST(2), false);
	expect_silence(1);
	expect(2, NBNS_WACK, 0);
	sim_disk_hold(server->disk, false);
	sim_disk_finish(server->disk, 0);
	sim_advance_seconds(&sim, 3);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
}

/* A deletion that is not durable holds replies about the name, too. */
static void a_release_waits(void **state)
{
	(void)state;
	registered(1, "PC<20>", SIM_HOST(1));
	sim_disk_hold(server->disk, true);
	send_kind(NBNS_RELEASE, 2, "PC<20>", SIM_HOST(1), false);
	expect_silence(2);
	send_kind(NBNS_RELEASE, 3, "PC<20>", SIM_HOST(1), false);
	expect_silence(3);
	sim_disk_hold(server->disk, false);
	sim_disk_finish(server->disk, 0);
	expect(2, NBNS_RELEASE_REPLY, NB_RCODE_OK);
	expect(3, NBNS_RELEASE_REPLY, NB_RCODE_OK);
}

/* A turn that fails: silence, and the state from before; retries work. */
static void a_failed_turn_is_a_lost_packet(void **state)
{
	struct nb_record rec;

	(void)state;
	registered(1, "OLD<20>", SIM_HOST(1));
	sim_disk_hold(server->disk, true);
	send_kind(NBNS_REGISTER, 2, "NEW<20>", SIM_HOST(1), false);
	send_kind(NBNS_RELEASE, 3, "OLD<20>", SIM_HOST(1), false);
	send_kind(NBNS_REGISTER, 4, "NEW<20>", SIM_HOST(1), false);
	sim_disk_hold(server->disk, false);
	sim_disk_finish(server->disk, ENOMEM);
	expect_silence(2);
	expect_silence(3);
	expect_silence(4);
	assert_false(sim_record(server, "NEW<20>", &rec));
	assert_true(sim_record(server, "OLD<20>", &rec));
	assert_int_equal(rec.state, NB_ACTIVE);
	assert_int_equal(serve_pending(server->serve), 0);
	assert_true(sim_stat(server, "turns-failed") >= 1);
	registered(5, "NEW<20>", SIM_HOST(1));
}

static void what_was_acknowledged_survives(void **state)
{
	struct nb_record rec;
	uint64_t version = 0;

	(void)state;
	registered(1, "PC<20>", SIM_HOST(1));
	assert_true(sim_record(server, "PC<20>", &rec));
	version = rec.version;
	sim_disk_hold(server->disk, true);
	send_kind(NBNS_REGISTER, 2, "LOST<20>", SIM_HOST(2), false);
	expect_silence(2);
	sim_server_crash(server, false);
	assert_true(sim_record(server, "PC<20>", &rec));
	assert_int_equal(rec.member[0].ip, SIM_HOST(1));
	assert_int_equal(rec.version, version);
	assert_false(sim_record(server, "LOST<20>", &rec));
	registered(3, "NEXT<20>", SIM_HOST(3));
	assert_true(sim_record(server, "NEXT<20>", &rec));
	/* 2 may have had version + 1; it is never given again */
	assert_true(rec.version > version + 1);
}

static void command_done(void *arg, int error, const struct nb_verdict *verdict)
{
	(void)verdict;
	*(int *)arg = error;
}

static void a_command_hears_of_the_failure(void **state)
{
	struct nb_record want = {
		.name = nb_name_make("FIX", 3, 0x20),
		.is_static = true,
		.count = 1,
		.member = { { .ip = SIM_HOST(1) } },
	};
	struct nb_event event = {
		.kind = NB_EV_ADD,
		.name = want.name,
		.record = &want,
	};
	struct nb_record rec;
	int result = -1;

	(void)state;
	sim_disk_hold(server->disk, true);
	serve_command(server->serve, &event, command_done, &result);
	assert_int_equal(result, -1);
	sim_disk_finish(server->disk, ENOMEM);
	assert_int_equal(result, ENOMEM);
	assert_false(sim_record(server, "FIX<20>", &rec));
	sim_disk_hold(server->disk, false);
	serve_command(server->serve, &event, command_done, &result);
	assert_int_equal(result, 0);
	assert_true(sim_record(server, "FIX<20>", &rec));
}

/* 256 datagrams in one turn are one commit. */
static void a_turn_is_one_commit(void **state)
{
	unsigned int before = sim_disk_commits(server->disk);
	uint8_t buf[NBNS_MAX];

	(void)state;
	serve_turn_begin(server->serve);
	for (uint16_t i = 0; i < 256; i++) {
		char text[4] = { 'N', 'A' + i % 16, 'A' + i / 16, 0 };
		struct nb_name name = nb_name_make(text, 3, 0x20);
		size_t len = nbns_encode_request(buf, sizeof(buf),
						 NBNS_REGISTER, i, 0x2900,
						 &name, 300000, 0x6000,
						 SIM_HOST(i));

		door_datagram(server->door, SIM_SELF, SIM_HOST(i), 1000, buf,
			      len);
		expect_silence(i);
	}
	serve_turn_end(server->serve);
	assert_int_equal(sim_disk_commits(server->disk), before + 1);
	for (uint16_t i = 0; i < 256; i++) {
		expect(i, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	}
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_start, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(the_reply_waits_for_the_disk),
		SCENE(a_refusal_waits_too),
		SCENE(a_wack_does_not_wait),
		SCENE(a_release_waits),
		SCENE(a_failed_turn_is_a_lost_packet),
		SCENE(what_was_acknowledged_survives),
		SCENE(a_command_hears_of_the_failure),
		SCENE(a_turn_is_one_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
