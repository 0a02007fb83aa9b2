/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nothing accumulates: 10,000 each of registrations, challenges answered,
 * timed out and cancelled, and of malformed datagrams leave the talloc total,
 * the timers and the pending tables as they were.
 */

#include "scene.h"
#include "sim/nbns_shapes.h"

#define ROUNDS 10000

struct level {
	size_t memory;
	unsigned int timers;
};

static struct level level(void)
{
	struct level now = {
		.memory = talloc_total_size(server->ctx),
		.timers = sim.timer_count,
	};

	assert_int_equal(serve_pending(server->serve), 0);
	return now;
}

static void flat(struct level before)
{
	struct level after = level();

	print_message("talloc %zu -> %zu, timers %u -> %u\n", before.memory,
		      after.memory, before.timers, after.timers);
	assert_int_equal(after.memory, before.memory);
	assert_int_equal(after.timers, before.timers);
}

/* One round, so that tables that grow once have grown. */
static void warm(void)
{
	registered(1, "PC<20>", SIM_HOST(1));
	send_kind(NBNS_RELEASE, 2, "PC<20>", SIM_HOST(1), false);
	expect(2, NBNS_RELEASE_REPLY, NB_RCODE_OK);
	registered(1, "PC<20>", SIM_HOST(1));
	server->discard = true;
}

static void registrations(void **state)
{
	struct level before;

	(void)state;
	warm();
	before = level();
	for (unsigned int i = 0; i < ROUNDS; i++) {
		send_kind(i % 3 == 2 ? NBNS_RELEASE : NBNS_REGISTER,
			  (uint16_t)i, "PC<20>", SIM_HOST(1), false);
	}
	assert_int_equal(sim_stat(server, "registrations") +
				 sim_stat(server, "releases"),
			 ROUNDS + 3);
	flat(before);
}

static void challenges_answered(void **state)
{
	struct level before;

	(void)state;
	warm();
	sim_host(server, SIM_HOST(1), SIM_HOLDS);
	before = level();
	for (unsigned int i = 0; i < ROUNDS; i++) {
		send_kind(NBNS_REGISTER, (uint16_t)i, "PC<20>", SIM_HOST(2),
			  false);
		sim_advance(&sim, 2000);
	}
	assert_int_equal(sim_stat(server, "challenges-held"), ROUNDS);
	flat(before);
}

static void challenges_timed_out(void **state)
{
	struct level before;

	(void)state;
	warm();
	before = level();
	for (unsigned int i = 0; i < ROUNDS; i++) {
		send_kind(NBNS_REGISTER, (uint16_t)i, "PC<20>",
			  SIM_HOST(i % 2 ? 1 : 2), false);
		sim_advance_seconds(&sim, 3);
	}
	assert_int_equal(sim_stat(server, "challenges-lost"), ROUNDS);
	flat(before);
}

static void challenges_cancelled(void **state)
{
	struct level before;

	(void)state;
	warm();
	before = level();
	for (unsigned int i = 0; i < ROUNDS; i++) {
		send_kind(NBNS_REGISTER, (uint16_t)i, "PC<20>",
			  SIM_HOST(i % 2 ? 1 : 2), false);
		send_kind(NBNS_RELEASE, (uint16_t)i, "PC<20>",
			  SIM_HOST(i % 2 ? 2 : 1), false);
	}
	assert_int_equal(sim_stat(server, "challenges-void"), ROUNDS);
	flat(before);
}

/* A thousand challenges at once, with four in line behind each; no address
 * has more of them than it may. */
static void challenges_side_by_side(void **state)
{
	struct level before;
	char name[16];

	(void)state;
	warm();
	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "N%u<20>", i);
		send_kind(NBNS_REGISTER, 1, name, SIM_HOST(1), false);
	}
	before = level();
	for (unsigned int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "N%u<20>", i % 1000);
		send_kind(NBNS_REGISTER, (uint16_t)i, name,
			  SIM_HOST(2 + i / 1000 + 8 * (i % 4)), false);
	}
	assert_int_equal(sim_stat(server, "pending-challenges"), 1000);
	sim_advance_seconds(&sim, 60);
	flat(before);
}

static void malformed_datagrams(void **state)
{
	uint8_t buf[NBNS_SHAPE_MAX];
	struct level before;
	uint64_t refused = 0;

	(void)state;
	warm();
	before = level();
	for (uint32_t n = 0; refused < ROUNDS; n += 37) {
		size_t len = nbns_matrix_at(n % NBNS_MATRIX_COUNT, buf);

		sim_datagram(server, SIM_HOST(1), 1000, buf, len);
		refused = 0;
		for (int e = NBNS_SHORT; e < NBNS_ERRORS; e++) {
			refused += door_refused(server->door,
						(enum nbns_error)e);
		}
	}
	sim_advance_seconds(&sim, 60);
	flat(before);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_start, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(registrations),
		SCENE(challenges_answered),
		SCENE(challenges_timed_out),
		SCENE(challenges_cancelled),
		SCENE(challenges_side_by_side),
		SCENE(malformed_datagrams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
