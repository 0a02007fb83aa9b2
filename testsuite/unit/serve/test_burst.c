/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When the disk does not keep up (microsoft-wins.md 4, design.md 4.2
 * `wins:burst threshold`): who is told to come back and who is not, what is
 * counted and said; and that of a million hosts each has its name in the end.
 */

#include "scene.h"

#define THRESHOLD	500
#define HELD_MAX	25000	/* Q154410 */

/* Bytes of a registration that nobody else sends. */
static void arrive(enum nbns_kind kind, uint32_t number)
{
	char name[16];

	snprintf(name, sizeof(name), "N%u<20>", number);
	send_kind(kind, (uint16_t)number, name, SIM_HOST(number), false);
}

static uint64_t held(void)
{
	return sim_stat(server, "pending-replies");
}

/* So many wait for the disk. */
static void fall_behind(uint32_t count)
{
	sim_disk_hold(server->disk, true);
	for (uint32_t i = 0; i < count; i++) {
		arrive(NBNS_REGISTER, i);
		expect_silence((uint16_t)i);
	}
	assert_int_equal(held(), count);
}

static void catch_up(void)
{
	sim_disk_hold(server->disk, false);
	sim_disk_finish(server->disk, 0);
	assert_int_equal(held(), 0);
}

static uint32_t come_back(enum nbns_kind kind, uint32_t number)
{
	arrive(kind, number);
	return expect((uint16_t)number, NBNS_REGISTER_REPLY, NB_RCODE_OK)
		->msg.ttl;
}

static bool stored(uint32_t number)
{
	struct nb_record rec;
	char name[16];

	snprintf(name, sizeof(name), "N%u<20>", number);
	return sim_record(server, name, &rec);
}

/* 500 may wait; when more do, who is new comes back in five minutes. */
static void above_the_threshold(void **state)
{
	(void)state;
	fall_behind(THRESHOLD);
	arrive(NBNS_REGISTER, THRESHOLD);
	expect_silence(THRESHOLD);
	assert_int_equal(come_back(NBNS_REGISTER, 1000), 300);
	assert_false(stored(1000));
	assert_int_equal(held(), THRESHOLD + 1);
	assert_int_equal(come_back(NBNS_MREGISTER, 1001), 300);
	assert_false(stored(1001));
	assert_int_equal(sim_stat(server, "come-back-answers"), 2);
	assert_int_equal(sim_stat(server, "replies-positive"), 0);
	/* nobody can resolve it until then */
	send_kind(NBNS_QUERY, 2000, "N1000<20>", SIM_HOST(1), false);
	expect(2000, NBNS_NEGATIVE_REPLY, NB_RCODE_NAM);
	catch_up();
	for (uint32_t i = 0; i <= THRESHOLD; i++) {
		expect((uint16_t)i, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	}
	/* and then it is a registration like any other */
	assert_int_equal(come_back(NBNS_REFRESH, 1000), 300000);
	assert_true(stored(1000));
}

static void lives_grow_with_each_hundred(void **state)
{
	char name[24];

	(void)state;
	fall_behind(THRESHOLD + 1);
	for (uint32_t i = 0; i < 2500; i++) {
		uint32_t want = 300 * (1 + i / 100 % 10);

		assert_int_equal(come_back(NBNS_REGISTER, 1000 + i), want);
	}
	assert_int_equal(sim_stat(server, "come-back-answers"), 2500);
	for (uint32_t ttl = 300; ttl <= 3000; ttl += 300) {
		snprintf(name, sizeof(name), "come-back-%u", ttl);
		assert_int_equal(sim_stat(server, name),
				 ttl <= 1500 ? 300 : 200);
	}
	catch_up();
}

/* The backlog is gone once: it begins with five minutes again. */
static void lives_begin_anew(void **state)
{
	(void)state;
	fall_behind(THRESHOLD + 1);
	for (uint32_t i = 0; i < 150; i++) {
		come_back(NBNS_REGISTER, 1000 + i);
	}
	assert_int_equal(come_back(NBNS_REGISTER, 1150), 600);
	catch_up();
	sim_forget(server);
	sim_disk_hold(server->disk, true);
	for (uint32_t i = 0; i <= THRESHOLD; i++) {
		arrive(NBNS_REGISTER, 2000 + i);
	}
	assert_int_equal(held(), THRESHOLD + 1);
	assert_int_equal(come_back(NBNS_REGISTER, 1150), 300);
	catch_up();
}

/* Decided as ever, and answered when the disk has it. */
static void waits(enum nbns_kind kind, uint16_t trn_id, const char *name,
		  uint32_t from, bool group)
{
	uint64_t before = held();

	send_kind(kind, trn_id, name, from, group);
	expect_silence(trn_id);
	assert_int_equal(held(), before + 1);
}

static void known_names_wait_for_the_disk(void **state)
{
	(void)state;
	registered(1, "A<20>", SIM_HOST(1));
	registered(2, "B<20>", SIM_HOST(2));
	registered(3, "C<20>", SIM_HOST(3));
	send_kind(NBNS_REGISTER, 4, "G<00>", SIM_HOST(4), true);
	expect(4, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	send_kind(NBNS_REGISTER, 5, "D<1c>", SIM_HOST(5), true);
	expect(5, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	fall_behind(THRESHOLD + 1);
	sim_forget(server);
	waits(NBNS_REFRESH, 1001, "A<20>", SIM_HOST(1), false);
	waits(NBNS_REGISTER, 1002, "B<20>", SIM_HOST(2), false);
	waits(NBNS_MREGISTER, 1003, "B<20>", SIM_HOST(2), false);
	waits(NBNS_RELEASE, 1004, "C<20>", SIM_HOST(3), false);
	waits(NBNS_REGISTER, 1005, "G<00>", SIM_HOST(6), true);
	waits(NBNS_REGISTER, 1006, "D<1c>", SIM_HOST(6), true);
	/* what has a name, or thinks so, is not new */
	waits(NBNS_REFRESH, 1007, "NEVER-SEEN<20>", SIM_HOST(7), false);
	/* one that waits already asks again: it is known */
	waits(NBNS_REGISTER, 1008, "N0<20>", SIM_HOST(0), false);
	assert_int_equal(sim_stat(server, "come-back-answers"), 0);
	/* the name that was given back is nobody's */
	send_kind(NBNS_REGISTER, 1009, "C<20>", SIM_HOST(8), false);
	assert_int_equal(expect(1009, NBNS_REGISTER_REPLY, 0)->msg.ttl, 300);
	/* a name that somebody has: its holder is asked as ever */
	send_kind(NBNS_REGISTER, 1010, "A<20>", SIM_HOST(9), false);
	expect(1010, NBNS_WACK, 0);
	catch_up();
	for (uint16_t i = 1001; i <= 1008; i++) {
		const struct sim_reply *reply = sim_take(server, i);

		assert_non_null(reply);
		assert_int_equal(reply->msg.operation & NBNS_OP_RCODE, 0);
		if (reply->msg.kind == NBNS_REGISTER_REPLY) {
			assert_int_equal(reply->msg.ttl, 300000);
		}
	}
}

static void what_is_refused_is_refused(void **state)
{
	(void)state;
	fall_behind(THRESHOLD + 1);
	send_kind(NBNS_REGISTER, 1001, "WPAD<20>", SIM_HOST(1), false);
	expect(1001, NBNS_REGISTER_REPLY, NB_RCODE_RFS);
	send_kind(NBNS_REGISTER, 1002, "MB<1d>", SIM_HOST(1), false);
	assert_int_equal(expect(1002, NBNS_REGISTER_REPLY, 0)->msg.ttl,
			 300000);
	assert_int_equal(sim_stat(server, "come-back-answers"), 0);
	catch_up();
}

static void zero_turns_it_off(void **state)
{
	struct serve_config config = sim_config();

	(void)state;
	fall_behind(THRESHOLD + 1);
	config.burst_threshold = 0;
	serve_set_config(server->serve, &config);
	arrive(NBNS_REGISTER, 1000);
	expect_silence(1000);
	assert_true(stored(1000));
	catch_up();
	assert_int_equal(sim_stat(server, "come-back-answers"), 0);
}

static void a_reload_moves_the_threshold(void **state)
{
	struct serve_config config = sim_config();

	(void)state;
	fall_behind(100);
	config.burst_threshold = 99;
	serve_set_config(server->serve, &config);
	assert_int_equal(come_back(NBNS_REGISTER, 1000), 300);
	config.burst_threshold = 100;
	serve_set_config(server->serve, &config);
	arrive(NBNS_REGISTER, 1001);
	expect_silence(1001);
	catch_up();
}

/* What may not be put off has an end too, or memory would have none. */
static void a_flood_of_refreshes_has_an_end(void **state)
{
	size_t memory = 0;

	(void)state;
	fall_behind(1);
	for (uint32_t i = 0; held() < HELD_MAX; i++) {
		arrive(NBNS_REFRESH, i);
		assert_true(i < HELD_MAX);
	}
	memory = talloc_total_size(server->ctx);
	for (uint32_t i = 0; i < 5000; i++) {
		arrive(NBNS_REFRESH, 30000 + i);
	}
	assert_int_equal(held(), HELD_MAX);
	assert_int_equal(sim_stat(server, "dropped-store-behind"), 5000);
	assert_int_equal(talloc_total_size(server->ctx), memory);
	/* who is new is still told when to come back, queries are answered */
	sim_forget(server);
	assert_int_equal(come_back(NBNS_REGISTER, 60000), 300);
	send_kind(NBNS_QUERY, 60001, "N0<20>", SIM_HOST(1), false);
	expect(60001, NBNS_QUERY_REPLY, 0);
	server->discard = true;
	catch_up();
	server->discard = false;
	registered(1, "AFTER<20>", SIM_HOST(1));
}

/* ---- the log ---- */

static unsigned int begins, ends;
static unsigned long long told;

static void hear(void *priv, int level, const char *line)
{
	(void)priv;
	if (strstr(line, "a burst begins") != NULL) {
		assert_int_equal(level, NB_LOG_NOTICE);
		assert_non_null(strstr(line, "more than 500 events"));
		begins++;
	}
	if (sscanf(line, "the burst is over: %llu new names", &told) == 1) {
		assert_int_equal(level, NB_LOG_NOTICE);
		ends++;
	}
}

static void heard(unsigned int want_begins, unsigned int want_ends)
{
	assert_int_equal(begins, want_begins);
	assert_int_equal(ends, want_ends);
}

/* However often the backlog comes and goes: two lines. */
static void a_burst_is_two_lines(void **state)
{
	(void)state;
	sim.world.log = hear;
	begins = ends = 0;
	fall_behind(THRESHOLD + 1);
	heard(0, 0);
	for (uint32_t round = 0; round < 10; round++) {
		for (uint32_t i = 0; i < 30; i++) {
			come_back(NBNS_REGISTER, 50000 + 30 * round + i);
		}
		catch_up();
		sim_advance_seconds(&sim, 1);
		sim_disk_hold(server->disk, true);
		for (uint32_t i = 0; i <= THRESHOLD; i++) {
			arrive(NBNS_REGISTER, 1000 * (round + 1) + i);
		}
		sim_forget(server);
	}
	catch_up();
	heard(1, 0);
	sim_advance_seconds(&sim, 60);
	heard(1, 1);
	assert_int_equal(told, 300);
	/* another one is told anew, with its own number */
	fall_behind(0);
	for (uint32_t i = 0; i <= THRESHOLD; i++) {
		arrive(NBNS_REGISTER, 20000 + i);
	}
	come_back(NBNS_REGISTER, 30000);
	heard(2, 1);
	catch_up();
	sim_advance_seconds(&sim, 60);
	heard(2, 2);
	assert_int_equal(told, 1);
}

static void the_end_is_told_without_a_timer_too(void **state)
{
	(void)state;
	sim.world.log = hear;
	begins = ends = 0;
	fall_behind(THRESHOLD + 1);
	sim.timers_fail = true;
	come_back(NBNS_REGISTER, 1000);
	come_back(NBNS_REGISTER, 1001);
	sim.timers_fail = false;
	come_back(NBNS_REGISTER, 1002);
	catch_up();
	sim_advance_seconds(&sim, 60);
	heard(1, 1);
	assert_int_equal(told, 3);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_start, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(above_the_threshold),
		SCENE(lives_grow_with_each_hundred),
		SCENE(lives_begin_anew),
		SCENE(known_names_wait_for_the_disk),
		SCENE(what_is_refused_is_refused),
		SCENE(zero_turns_it_off),
		SCENE(a_reload_moves_the_threshold),
		SCENE(a_flood_of_refreshes_has_an_end),
		SCENE(a_burst_is_two_lines),
		SCENE(the_end_is_told_without_a_timer_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
