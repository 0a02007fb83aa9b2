/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All the datagrams of the opcode matrix, and 2,000 shapes cut off at every
 * byte, through the door of a living server: what the codec refuses changes
 * nothing in the store, and nothing is left pending when the dust has
 * settled. Overreads are for the sanitizers of the build: each datagram
 * stands at the very end of a buffer of its size.
 */

#include "scene.h"
#include "sim/nbns_shapes.h"

static uint64_t refused(void)
{
	uint64_t sum = 0;

	for (int e = NBNS_SHORT; e < NBNS_ERRORS; e++) {
		sum += door_refused(server->door, (enum nbns_error)e);
	}
	return sum;
}

static uint64_t changes(void)
{
	struct store_stats stats;

	store_stats(server->store, &stats);
	return stats.changes + stats.waiting;
}

/* Copies so that one byte too many is a byte that is nobody's. */
static void through_the_door(const uint8_t *data, size_t len)
{
	static uint8_t *exact[NBNS_SHAPE_MAX + 1];
	uint64_t was_refused = refused();
	uint64_t was_changed = changes();

	if (exact[len] == NULL) {
		exact[len] = malloc(len == 0 ? 1 : len);
	}
	memcpy(exact[len], data, len);
	sim_datagram(server, SIM_HOST(1), 1000, exact[len], len);
	if (refused() != was_refused && changes() != was_changed) {
		fail_msg("a refused datagram changed the store");
	}
}

static void settle(void)
{
	sim_advance_seconds(&sim, 600);
	assert_int_equal(serve_pending(server->serve), 0);
}

/* So much from one address would meet its limit and get no further. */
static int start_without_limit(void **state)
{
	struct serve_config config = sim_config();

	(void)state;
	config.source_rate = 0;
	return scene_start_with(&config);
}

static void the_opcode_matrix(void **state)
{
	uint8_t buf[NBNS_SHAPE_MAX];
	uint64_t accepted = 0;

	(void)state;
	server->discard = true;
	for (uint32_t n = 0; n < NBNS_MATRIX_COUNT; n++) {
		through_the_door(buf, nbns_matrix_at(n, buf));
	}
	accepted = NBNS_MATRIX_COUNT - refused();
	print_message("%u datagrams, %llu accepted\n", NBNS_MATRIX_COUNT,
		      (unsigned long long)accepted);
	assert_true(accepted > 100);
	settle();
}

static void truncation_at_every_byte(void **state)
{
	uint8_t buf[NBNS_SHAPE_MAX];
	uint32_t count = 0;

	(void)state;
	server->discard = true;
	for (uint32_t n = 0; n < NBNS_PATH_COUNT; n++) {
		size_t len = nbns_path_at(n, buf);

		for (size_t cut = 0; cut <= len; cut++) {
			through_the_door(buf, cut);
			count++;
		}
	}
	print_message("%u datagrams\n", count);
	settle();
}

/* Up to 512 bytes of anything, 300,000 times, with a few bits of sense. */
static void noise(void **state)
{
	uint8_t buf[512];

	(void)state;
	server->discard = true;
	for (int i = 0; i < 300000; i++) {
		size_t len = sim_random(&sim, sizeof(buf));

		sim.world.random(&sim, buf, len);
		if (len > 46 && i % 2 == 0) {
			static const uint8_t counts[8] = { 0, 1, 0, 0,
							   0, 0, 0, 1 };

			memcpy(buf + 4, counts, sizeof(counts));
			buf[12] = 0x20;
			for (int k = 13; k < 45; k++) {
				buf[k] = 'A' + buf[k] % 16;
			}
			buf[45] = 0;
		}
		through_the_door(buf, len);
	}
	settle();
}

#define SCENE(test) \
	cmocka_unit_test_setup_teardown(test, start_without_limit, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(the_opcode_matrix),
		SCENE(truncation_at_every_byte),
		SCENE(noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
