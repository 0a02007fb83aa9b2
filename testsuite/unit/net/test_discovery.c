/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Auto-discovery in virtual time: microsoft-wins.md 5.1 (at start, every 40
 * minutes, at an orderly stop), KB969373 (never more often, whatever happens),
 * net/discovery.h for what a flood may cost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/discovery.h"
#include "net/discovery.h"
#include "sim/simworld.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define A	IP(10, 0, 0, 1)
#define B	IP(10, 0, 1, 1)
#define OTHER	IP(10, 0, 0, 77)
#define PARTNER	IP(10, 0, 0, 88)
#define INTERVAL 2400

static struct sim_world sim;
static struct discovery *discovery;
static struct discovery_ops ops;

static struct {
	unsigned int ups, downs;
	uint64_t last_up;	/* usec */
	uint64_t least_gap;	/* between two; UINT64_MAX: none yet */
	uint32_t local;		/* of the last */
	struct discovery_message message;
	int fail;
} sent;

static unsigned int lines;	/* of log */

static int catch(void *priv, uint32_t local, const uint8_t *data, size_t len)
{
	(void)priv;
	if (sent.fail != 0) {
		return sent.fail;
	}
	assert_true(discovery_decode(data, len, &sent.message));
	sent.local = local;
	if (!sent.message.up) {
		sent.downs++;
		return 0;
	}
	if (sent.ups++ > 0 && sim.usec - sent.last_up < sent.least_gap) {
		sent.least_gap = sim.usec - sent.last_up;
	}
	sent.last_up = sim.usec;
	return 0;
}

static bool is_partner(void *priv, uint32_t address)
{
	(void)priv;
	return address == PARTNER;
}

static void count_line(void *priv, int level, const char *line)
{
	(void)priv;
	if (level <= NB_LOG_NOTICE) {
		lines++;
		snprintf(sim.last_log, sizeof(sim.last_log), "%s", line);
	}
}

static int begin(void **state)
{
	(void)state;
	sim_world_init(&sim, 1);
	sim.world.log = count_line;
	sim_advance_seconds(&sim, 10000);
	memset(&sent, 0, sizeof(sent));
	sent.least_gap = UINT64_MAX;
	lines = 0;
	sim.last_log[0] = '\0';
	ops = (struct discovery_ops) { NULL, catch, is_partner };
	return discovery_create(NULL, &sim.world, &ops, &discovery);
}

static int end(void **state)
{
	(void)state;
	TALLOC_FREE(discovery);
	assert_int_equal(sim.timer_count, 0);
	sim_world_end(&sim);
	return 0;
}

static void serve(uint32_t a, uint32_t b)
{
	const struct serve_iface face[2] = {
		{ a, 0xffffff00, 0 }, { b, 0xffffff00, 0 },
	};

	discovery_set_addresses(discovery, face, b != 0 ? 2 : a != 0 ? 1 : 0);
}

static void hear(uint32_t from, bool up, uint32_t address)
{
	const struct discovery_message message = {
		.up = up, .count = 1, .address = { address },
	};
	uint8_t data[DISCOVERY_SIZE_MAX];

	discovery_heard(discovery, from, data,
			discovery_encode(&message, data));
}

/* ---- announcing ---- */

static void off_says_nothing(void **state)
{
	(void)state;
	serve(A, 0);
	discovery_set_mode(discovery, DISCOVERY_DETECT);
	sim_advance_seconds(&sim, 100000);
	discovery_leave(discovery);
	assert_int_equal(sent.ups + sent.downs, 0);
}

static void at_start_and_every_forty_minutes(void **state)
{
	(void)state;
	serve(A, 0);
	discovery_set_mode(discovery, DISCOVERY_ANNOUNCE);
	sim_advance_seconds(&sim, 0);
	assert_int_equal(sent.ups, 1);
	assert_int_equal(sent.local, A);
	assert_int_equal(sent.message.count, 1);
	assert_int_equal(sent.message.address[0], A);
	sim_advance_seconds(&sim, INTERVAL - 1);
	assert_int_equal(sent.ups, 1);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(sent.ups, 2);
	sim_advance_seconds(&sim, 10 * INTERVAL);
	assert_int_equal(sent.ups, 12);
	discovery_leave(discovery);
	assert_int_equal(sent.downs, 1);
	discovery_leave(discovery);
	assert_int_equal(sent.downs, 1);
	sim_advance_seconds(&sim, 10 * INTERVAL);
	assert_int_equal(sent.ups, 12);
}

/* Each network hears all addresses, once; loopback is a world of its own. */
static void each_network_once(void **state)
{
	const struct serve_iface face[] = {
		{ A, 0xffffff00, 0 }, { A + 1, 0xffffff00, 0 },
		{ B, 0xffffff00, 0 }, { IP(127, 0, 0, 5), 0xff000000, 0 },
	};

	(void)state;
	discovery_set_addresses(discovery, face, 4);
	discovery_set_mode(discovery, DISCOVERY_ANNOUNCE);
	sim_advance_seconds(&sim, 0);
	assert_int_equal(sent.ups, 3);
	assert_int_equal(sent.local, IP(127, 0, 0, 5));
	assert_int_equal(sent.message.count, 1);
	assert_int_equal(sent.message.address[0], IP(127, 0, 0, 5));
	assert_int_equal(discovery_stats(discovery)->announced, 1);
	serve(B, 0);
	discovery_set_addresses(discovery, face, 3);
	sim_advance_seconds(&sim, INTERVAL);
	assert_int_equal(sent.ups, 5);
	assert_int_equal(sent.local, B);
	assert_int_equal(sent.message.count, 3);
}

static void switched_on_and_off(void **state)
{
	(void)state;
	serve(A, 0);
	for (unsigned int i = 0; i < 1000; i++) {
		discovery_set_mode(discovery, DISCOVERY_ANNOUNCE);
		sim_advance_seconds(&sim, 1);
		discovery_set_mode(discovery, DISCOVERY_OFF);
		sim_advance_seconds(&sim, 1);
	}
	assert_int_equal(sent.ups, 1);
	assert_int_equal(sent.downs, 1);
	discovery_set_mode(discovery, DISCOVERY_ANNOUNCE);
	sim_advance_seconds(&sim, INTERVAL - 2000);
	assert_int_equal(sent.ups, 2);
}

/* KB969373: a storm of everything, and never more than one an interval. */
static void a_storm_of_changes(void **state)
{
	unsigned int ups = 0;

	(void)state;
	for (unsigned int i = 0; i < 200000; i++) {
		switch (sim_random(&sim, 6)) {
		case 0:
			discovery_set_mode(discovery, sim_random(&sim, 4));
			break;
		case 1:
			serve(sim_random(&sim, 2) ? A : 0, 0);
			break;
		case 2:
			sim.wall_step += (int64_t)sim_random(&sim, 8000000) -
					 4000000;
			break;
		case 3:
			sim.age_step += (int64_t)sim_random(&sim, 8000) - 4000;
			break;
		case 4:
			sent.fail = sim_random(&sim, 4) == 0 ? 101 : 0;
			break;
		default:
			sim_advance(&sim, sim_random(&sim, 400000000));
			break;
		}
	}
	ups = sent.ups;
	assert_in_range(ups, 100, UINT32_MAX);
	assert_true(sent.least_gap >= INTERVAL * 1000000ull);
	assert_in_range(sent.downs, 1, ups);
	assert_in_range(sim.timer_count, 0, 1);
	assert_in_range(discovery_stats(discovery)->send_errors, 1, ups);
}

static void no_timer(void **state)
{
	(void)state;
	sim.timers_fail = true;
	serve(A, 0);
	discovery_set_mode(discovery, DISCOVERY_ANNOUNCE);
	sim_advance_seconds(&sim, 10);
	assert_int_equal(sent.ups, 0);
	sim.timers_fail = false;
	serve(A, 0);
	sim_advance_seconds(&sim, 10);
	assert_int_equal(sent.ups, 1);
}

/* ---- listening ---- */

static void each_server_once_a_day(void **state)
{
	struct discovery_sight sight;

	(void)state;
	serve(A, 0);
	discovery_set_mode(discovery, DISCOVERY_DETECT);
	for (unsigned int i = 0; i < 36 * 3; i++) {	/* three days */
		hear(OTHER, true, OTHER);
		assert_int_equal(lines, 1 + i / 36);
		sim_advance_seconds(&sim, INTERVAL);
	}
	assert_non_null(strstr(sim.last_log, "10.0.0.77"));
	hear(OTHER, false, OTHER);
	assert_int_equal(lines, 4);
	assert_non_null(strstr(sim.last_log, "goes down"));
	assert_true(discovery_at(discovery, 0, &sight));
	assert_int_equal(sight.address, OTHER);
	assert_int_equal(sight.from, OTHER);
	assert_false(sight.up);
	assert_int_equal(sight.announcements, 108);
	assert_int_equal(sight.last - sight.first, 108 * INTERVAL);
	assert_false(discovery_at(discovery, 1, &sight));
	for (unsigned int i = 0; i < 20; i++) {		/* up and down */
		hear(OTHER, true, OTHER);
		hear(OTHER, false, OTHER);
		sim_advance_seconds(&sim, 1);
	}
	assert_in_range(lines, 4, 5);
}

static void who_is_not_told_of(void **state)
{
	struct discovery_sight sight;

	(void)state;
	serve(A, B);
	hear(OTHER, true, OTHER);			/* we do not listen */
	discovery_set_mode(discovery, DISCOVERY_ANNOUNCE);
	hear(OTHER, true, OTHER);
	assert_false(discovery_at(discovery, 0, &sight));
	discovery_set_mode(discovery, DISCOVERY_DETECT | DISCOVERY_ANNOUNCE);
	hear(A, true, OTHER);				/* our own voice */
	hear(OTHER, true, B);				/* our own address */
	hear(OTHER, false, OTHER);			/* was never up */
	assert_false(discovery_at(discovery, 0, &sight));
	assert_int_equal(lines, 0);
	hear(PARTNER, true, PARTNER);			/* known, no news */
	assert_true(discovery_at(discovery, 0, &sight));
	assert_int_equal(lines, 0);
	discovery_heard(discovery, OTHER, (const uint8_t *)"hello world", 11);
	discovery_heard(discovery, OTHER, (const uint8_t *)"", 0);
	assert_int_equal(discovery_stats(discovery)->bad, 2);
}

static void a_flood_of_servers(void **state)
{
	struct discovery_sight sight;

	(void)state;
	serve(A, 0);
	discovery_set_mode(discovery, DISCOVERY_DETECT);
	hear(OTHER, true, OTHER);
	for (unsigned int i = 0; i < 5000; i++) {
		hear(OTHER, true, IP(11, 0, i / 250, i % 250 + 1));
		sim_advance(&sim, 25000);
	}
	assert_true(discovery_at(discovery, DISCOVERY_SERVERS_MAX - 1,
				 &sight));
	assert_false(discovery_at(discovery, DISCOVERY_SERVERS_MAX, &sight));
	assert_true(discovery_at(discovery, 0, &sight));
	assert_int_equal(sight.address, OTHER);		/* not pushed out */
	assert_int_equal(discovery_stats(discovery)->forgotten, 5001 - 1024);
	/* 100 of them, and one line that there are more */
	assert_int_equal(lines, DISCOVERY_LINES_MAX + 1);
	/* a day later they make room */
	sim_advance_seconds(&sim, 86400);
	hear(PARTNER, true, PARTNER);
	assert_int_equal(discovery_stats(discovery)->forgotten, 5001 - 1024);
}

static void a_flood_at_once(void **state)
{
	struct discovery_sight sight;

	(void)state;
	discovery_set_mode(discovery, DISCOVERY_DETECT);
	for (unsigned int i = 0; i < 100000; i++) {
		hear(OTHER, true, IP(11, 0, 0, i % 250 + 1));
	}
	assert_int_equal(discovery_stats(discovery)->flooded,
			 100000 - DISCOVERY_HEARD_MAX);
	assert_false(discovery_at(discovery, DISCOVERY_HEARD_MAX, &sight));
	sim_advance_seconds(&sim, 1);
	hear(OTHER, true, OTHER);
	assert_true(discovery_at(discovery, DISCOVERY_HEARD_MAX, &sight));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(off_says_nothing),
		TEST(at_start_and_every_forty_minutes),
		TEST(each_network_once),
		TEST(switched_on_and_off),
		TEST(a_storm_of_changes),
		TEST(no_timer),
		TEST(each_server_once_a_day),
		TEST(who_is_not_told_of),
		TEST(a_flood_of_servers),
		TEST(a_flood_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
