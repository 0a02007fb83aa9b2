/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ageing in virtual time, protocol.md 6 and 2.8, with the defaults of
 * design.md 4.2: six days active, six released, six a tombstone, a pass every
 * three days, no deletion in the first three days of a life.
 */

#include "scene.h"

#define DAY 86400

static uint8_t state_of(const char *name)
{
	struct nb_record rec;

	return sim_record(server, name, &rec) ? rec.state : 99;
}

static void days(int count)
{
	sim_advance_seconds(&sim, (int64_t)count * DAY);
}

/* A host that falls silent after one registration of six days. */
static void the_life_of_a_silent_name(void **state)
{
	struct sim_request request = {
		.kind = NBNS_REGISTER,
		.trn_id = 1,
		.name = "PC<20>",
		.from = SIM_HOST(1),
		.ttl = 6 * DAY,
	};
	struct nb_record rec;
	uint64_t version = 0;

	(void)state;
	sim_request(server, &request);
	expect(1, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	assert_true(sim_record(server, "PC<20>", &rec));
	version = rec.version;
	days(6);
	/* it stops resolving at its time, not at the next pass */
	send_kind(NBNS_QUERY, 2, "PC<20>", SIM_HOST(9), false);
	expect(2, NBNS_NEGATIVE_REPLY, NB_RCODE_NAM);
	/* the pass of day 6 or at the latest of day 9 writes it */
	days(3);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(state_of("PC<20>"), NB_RELEASED);
	assert_true(sim_record(server, "PC<20>", &rec));
	assert_true(rec.version == version);
	days(6);
	assert_int_equal(state_of("PC<20>"), NB_TOMBSTONE);
	assert_true(sim_record(server, "PC<20>", &rec));
	assert_true(rec.version > version);
	days(12);
	assert_int_equal(state_of("PC<20>"), 99);
}

static void a_refreshed_name_lives(void **state)
{
	struct nb_record rec;
	uint64_t version = 0;

	(void)state;
	registered(1, "PC<20>", SIM_HOST(1));
	assert_true(sim_record(server, "PC<20>", &rec));
	version = rec.version;
	for (uint16_t i = 2; i < 40; i++) {
		days(3);
		send_kind(NBNS_REFRESH, i, "PC<20>", SIM_HOST(1), false);
		expect(i, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	}
	assert_true(sim_record(server, "PC<20>", &rec));
	assert_int_equal(rec.state, NB_ACTIVE);
	/* 2.7: a refresh never raises the version */
	assert_true(rec.version == version);
}

static void finished(void *arg, const struct serve_scavenge_result *result)
{
	assert_int_equal(result->error, 0);
	*(uint64_t *)arg = result->changed;
}

/* A restart every night must not postpone the pass for ever (Q138272). */
static void the_schedule_survives_restarts(void **state)
{
	struct nb_record rec = {
		.name = nb_name_make("OLD", 3, 0x20),
		.version = 1,
		.state = NB_RELEASED,
		.expires = sim.world.now(&sim) + DAY,
		.count = 1,
		.member = { { SIM_HOST(1), NB_SELF, 0 } },
	};

	(void)state;
	sim_put(server, &rec);
	for (int night = 0; night < 4; night++) {
		days(1);
		sim_server_crash(server, false);
	}
	sim_advance_seconds(&sim, 5);
	assert_int_equal(state_of("OLD<20>"), NB_TOMBSTONE);
}

static void no_deletion_before_three_days_up(void **state)
{
	struct nb_record rec = {
		.name = nb_name_make("T", 1, 0x20),
		.version = 1,
		.state = NB_TOMBSTONE,
		.expires = sim.world.now(&sim),
		.count = 1,
		.member = { { SIM_HOST(1), NB_SELF, 0 } },
	};
	uint64_t changed = 99;

	(void)state;
	sim_put(server, &rec);
	sim_advance_seconds(&sim, 10);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, finished, &changed);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(changed, 0);
	assert_int_equal(state_of("T<20>"), NB_TOMBSTONE);
	days(2);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, finished, &changed);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(changed, 0);
	assert_int_equal(state_of("T<20>"), NB_TOMBSTONE);
	days(1);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, finished, &changed);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(changed, 1);
	assert_int_equal(state_of("T<20>"), 99);
}

/* 1,000 due records go in slices, and clients are served between them. */
static void slices_leave_room_for_clients(void **state)
{
	struct nb_record rec = {
		.name = nb_name_make("N", 1, 0x20),
		.expires = sim.world.now(&sim) + 1,
		.count = 1,
	};
	uint64_t changed = 99;
	unsigned int commits = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		rec.name.byte[0] = (uint8_t)('A' + i % 26);
		rec.name.byte[1] = (uint8_t)('A' + i / 26);
		rec.name.len = 2;
		rec.version = (uint64_t)i + 1;
		rec.member[0] = (struct nb_member){ SIM_HOST(1), NB_SELF,
						    rec.expires };
		sim_put(server, &rec);
	}
	sim_advance_seconds(&sim, 2);
	commits = sim_disk_commits(server->disk);
	serve_scavenge(server->serve, SERVE_SCAVENGE_FORCE, finished, &changed);
	sim_advance(&sim, 3500);
	/* some slices are done, some are not */
	assert_true(sim_disk_commits(server->disk) > commits + 2);
	assert_true(sim_disk_commits(server->disk) < commits + 8);
	registered(1, "BETWEEN<20>", SIM_HOST(2));
	assert_int_equal(changed, 99);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(changed, 1000);
	assert_int_equal(state_of("AB<20>"), NB_RELEASED);
	assert_int_equal(state_of("BETWEEN<20>"), NB_ACTIVE);
}

/* The wall clock may step; ageing has its own (design.md "Ageing"). */
static void wall_steps_age_nothing(void **state)
{
	(void)state;
	registered(1, "PC<20>", SIM_HOST(1));
	sim.wall_step = 400 * DAY;
	sim_advance_seconds(&sim, 60);
	assert_int_equal(state_of("PC<20>"), NB_ACTIVE);
	send_kind(NBNS_QUERY, 2, "PC<20>", SIM_HOST(9), false);
	expect(2, NBNS_QUERY_REPLY, 0);
}

/* Q184832: releases and cards. */
static void cards_leave_one_by_one(void **state)
{
	struct sim_host *host = NULL;
	struct nb_record rec;

	(void)state;
	send_kind(NBNS_MREGISTER, 1, "MH<20>", SIM_HOST(1), false);
	expect(1, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	host = sim_host(server, SIM_HOST(1), SIM_ANSWERS);
	host->count = 2;
	host->addr[1] = SIM_HOST(2);
	send_kind(NBNS_MREGISTER, 2, "MH<20>", SIM_HOST(2), false);
	expect(2, NBNS_WACK, 0);
	sim_advance(&sim, 2000);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	send_kind(NBNS_RELEASE, 3, "MH<20>", SIM_HOST(1), false);
	expect(3, NBNS_RELEASE_REPLY, NB_RCODE_OK);
	assert_true(sim_record(server, "MH<20>", &rec));
	assert_int_equal(rec.state, NB_ACTIVE);
	assert_int_equal(rec.count, 1);
	assert_int_equal(rec.member[0].ip, SIM_HOST(2));
	send_kind(NBNS_QUERY, 4, "MH<20>", SIM_HOST(9), false);
	assert_int_equal(expect(4, NBNS_QUERY_REPLY, 0)->msg.addrs[0],
			 SIM_HOST(2));
	send_kind(NBNS_RELEASE, 5, "MH<20>", SIM_HOST(2), false);
	expect(5, NBNS_RELEASE_REPLY, NB_RCODE_OK);
	assert_int_equal(state_of("MH<20>"), NB_RELEASED);
	send_kind(NBNS_QUERY, 6, "MH<20>", SIM_HOST(9), false);
	expect(6, NBNS_NEGATIVE_REPLY, NB_RCODE_NAM);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_start, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(the_life_of_a_silent_name),
		SCENE(a_refreshed_name_lives),
		SCENE(the_schedule_survives_restarts),
		SCENE(no_deletion_before_three_days_up),
		SCENE(slices_leave_room_for_clients),
		SCENE(wall_steps_age_nothing),
		SCENE(cards_leave_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
