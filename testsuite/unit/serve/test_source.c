/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one source address may ask: `wins:source rate` of design.md 4.2, 2000
 * a second and 20000 at once, and 256 challenges; and that somebody who sends
 * from many addresses neither gets more, nor frees others, nor uses memory.
 */

#include "scene.h"

#define RATE	2000
#define BURST	20000
#define SHARE	256	/* challenges of one address */
#define TABLE	4096	/* addresses remembered */

/* Addresses of nobody, as many as one likes. */
#define SPOOFED(n)	(0x0b000000u + (n))

static void start_with_rate(uint32_t rate, uint32_t burst)
{
	struct serve_config config = sim_config();

	config.source_rate = rate;
	config.source_burst = burst;
	scene_start_with(&config);
	server->discard = true;
}

/* Of a name that nobody has: a positive answer and no trace. */
static void ask(enum nbns_kind kind, uint32_t from)
{
	send_kind(kind, 1, "NONE<20>", from, false);
}

/* So many releases from this address: how many were answered? */
static uint64_t admitted(uint32_t from, unsigned int count)
{
	uint64_t before = server->sent;

	for (unsigned int i = 0; i < count; i++) {
		ask(NBNS_RELEASE, from);
	}
	return server->sent - before;
}

static void the_burst_then_the_rate(void **state)
{
	(void)state;
	server->discard = true;
	assert_int_equal(admitted(SIM_HOST(1), BURST + 50), BURST);
	assert_int_equal(sim_stat(server, "source-rate-dropped"), 50);
	/* 2000 a second is one in half a millisecond */
	sim_advance(&sim, 499);
	assert_int_equal(admitted(SIM_HOST(1), 5), 0);
	sim_advance(&sim, 1);
	assert_int_equal(admitted(SIM_HOST(1), 5), 1);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(admitted(SIM_HOST(1), BURST), RATE);
	sim_advance_seconds(&sim, BURST / RATE);
	assert_int_equal(admitted(SIM_HOST(1), 2 * BURST), BURST);
	/* no more than the burst, however long it was quiet */
	sim_advance_seconds(&sim, 1000000);
	assert_int_equal(admitted(SIM_HOST(1), 2 * BURST), BURST);
}

static void others_are_not_touched(void **state)
{
	(void)state;
	server->discard = true;
	admitted(SIM_HOST(1), BURST + 1);
	for (unsigned int i = 2; i < 200; i++) {
		assert_int_equal(admitted(SIM_HOST(i), 1), 1);
	}
}

static void what_is_limited(void **state)
{
	static const enum nbns_kind limited[] = {
		NBNS_REGISTER, NBNS_MREGISTER, NBNS_REFRESH, NBNS_RELEASE,
	};

	(void)state;
	admitted(SIM_HOST(1), BURST);
	sim_forget(server);
	for (size_t i = 0; i < sizeof(limited) / sizeof(limited[0]); i++) {
		ask(limited[i], SIM_HOST(1));
		expect_silence(1);
	}
	assert_int_equal(sim_stat(server, "source-rate-dropped"), 4);
	/* they were requests all the same */
	assert_int_equal(sim_stat(server, "registrations"), 2);
	assert_int_equal(sim_stat(server, "refreshes"), 1);
	for (unsigned int i = 0; i < 2 * BURST; i++) {
		ask(NBNS_QUERY, SIM_HOST(1));
		expect(1, NBNS_NEGATIVE_REPLY, NB_RCODE_NAM);
	}
}

static void a_dropped_registration_stores_nothing(void **state)
{
	struct nb_record rec;

	(void)state;
	admitted(SIM_HOST(1), BURST);
	send_kind(NBNS_REGISTER, 2, "PC<20>", SIM_HOST(1), false);
	expect_silence(2);
	assert_false(sim_record(server, "PC<20>", &rec));
}

static void zero_is_no_limit(void **state)
{
	(void)state;
	start_with_rate(0, 0);
	assert_int_equal(admitted(SIM_HOST(1), 5 * BURST), 5 * BURST);
	assert_int_equal(sim_stat(server, "source-rate-dropped"), 0);
}

static void a_reload_applies(void **state)
{
	struct serve_config config = sim_config();

	(void)state;
	server->discard = true;
	assert_int_equal(admitted(SIM_HOST(1), BURST + 1), BURST);
	config.source_burst = BURST + 10;
	serve_set_config(server->serve, &config);
	assert_int_equal(admitted(SIM_HOST(1), 20), 10);
	config.source_rate = 0;
	serve_set_config(server->serve, &config);
	assert_int_equal(admitted(SIM_HOST(1), 1000), 1000);
	config.source_rate = 1;
	config.source_burst = 3;
	serve_set_config(server->serve, &config);
	assert_int_equal(admitted(SIM_HOST(2), 10), 3);
}

/* ---- the log ---- */

static unsigned int lines;
static char line_said[256];

static void count_lines(void *priv, int level, const char *line)
{
	(void)priv;
	if (strstr(line, "wins:source rate") != NULL) {
		assert_int_equal(level, NB_LOG_WARNING);
		snprintf(line_said, sizeof(line_said), "%s", line);
		lines++;
	}
}

static void one_line_a_minute(void **state)
{
	(void)state;
	server->discard = true;
	sim.world.log = count_lines;
	lines = 0;
	admitted(SIM_HOST(1), BURST);
	assert_int_equal(lines, 0);
	admitted(SIM_HOST(1), 1000);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line_said, "10.0.1.1 "));
	admitted(SIM_HOST(2), BURST + 1000);
	assert_int_equal(lines, 2);
	assert_non_null(strstr(line_said, "10.0.1.2 "));
	sim_advance_seconds(&sim, 59);
	admitted(SIM_HOST(1), 2 * BURST);
	assert_int_equal(lines, 2);
	sim_advance_seconds(&sim, 1);
	admitted(SIM_HOST(1), 2 * BURST);
	assert_int_equal(lines, 3);
}

/* Addresses cost nothing: lines are bounded by the table, not by them. */
static void spoofed_addresses_do_not_fill_the_log(void **state)
{
	(void)state;
	start_with_rate(1, 1);
	sim.world.log = count_lines;
	lines = 0;
	for (uint32_t i = 0; i < 100000; i++) {
		ask(NBNS_RELEASE, SPOOFED(i));
	}
	assert_true(lines <= TABLE);
}

/* ---- many addresses ---- */

static void a_flood_does_not_free_the_limited(void **state)
{
	(void)state;
	server->discard = true;
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(admitted(SIM_HOST(i), BURST + 1), BURST);
	}
	for (uint32_t i = 0; i < 300000; i++) {
		ask(NBNS_RELEASE, SPOOFED(i));
	}
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(admitted(SIM_HOST(i), 10), 0);
	}
}

/* At a clock that stands still: four of each entry, and not one more. */
static void forgetting_makes_no_tokens(void **state)
{
	size_t memory = 0;

	(void)state;
	start_with_rate(1, 4);
	memory = talloc_total_size(server->ctx);
	for (uint32_t i = 0; i < 200000; i++) {
		ask(NBNS_RELEASE, SPOOFED(i));
	}
	assert_int_equal(server->sent, TABLE * 4);
	/* and the same again, now that they are known or forgotten */
	for (uint32_t i = 0; i < 200000; i++) {
		ask(NBNS_RELEASE, SPOOFED(i));
	}
	assert_int_equal(server->sent, TABLE * 4);
	assert_int_equal(talloc_total_size(server->ctx), memory);
}

static void after_a_flood_a_newcomer_has_all(void **state)
{
	(void)state;
	server->discard = true;
	for (uint32_t i = 0; i < 200000; i++) {
		ask(NBNS_RELEASE, SPOOFED(i));
	}
	assert_int_equal(sim_stat(server, "source-rate-dropped"), 0);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(admitted(SIM_HOST(1), BURST + 1), BURST);
}

/* ---- challenges ---- */

static void claim(uint32_t number, uint32_t from)
{
	char name[16];

	snprintf(name, sizeof(name), "N%u<20>", number);
	send_kind(NBNS_REGISTER, (uint16_t)number, name, from, false);
}

/* Names of a host that is silent, so that each claim is a challenge. */
static void start_with_names(unsigned int count)
{
	start_with_rate(0, 0);
	for (uint32_t i = 0; i < count; i++) {
		claim(i, SIM_HOST(250));
	}
}

static uint64_t pending(void)
{
	return sim_stat(server, "pending-challenges");
}

static void a_share_of_challenges(void **state)
{
	(void)state;
	start_with_names(600);
	server->discard = false;
	sim_forget(server);
	for (uint32_t i = 0; i < 300; i++) {
		claim(i, SIM_HOST(1));
	}
	assert_int_equal(pending(), SHARE);
	expect(SHARE - 1, NBNS_WACK, 0);
	expect_silence(SHARE);
	assert_int_equal(sim_stat(server, "challenges-source-limit"),
			 300 - SHARE);
	assert_int_equal(sim_stat(server, "challenges-dropped"), 0);
	/* what needs no challenge goes on, and so do others */
	claim(1000, SIM_HOST(1));
	expect(1000, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	claim(SHARE, SIM_HOST(2));
	expect(SHARE, NBNS_WACK, 0);
	/* behind somebody else's challenge one waits like anybody */
	claim(SHARE, SIM_HOST(1));
	expect(SHARE, NBNS_WACK, 0);
}

static void the_share_comes_back(void **state)
{
	(void)state;
	start_with_names(3 * SHARE);
	for (uint32_t i = 0; i < 2 * SHARE; i++) {
		claim(i, SIM_HOST(1));
	}
	assert_int_equal(pending(), SHARE);
	/* held, cancelled or lost, each gives its place back */
	send_kind(NBNS_RELEASE, 1, "N0<20>", SIM_HOST(250), false);
	send_kind(NBNS_REFRESH, 1, "N1<20>", SIM_HOST(250), false);
	assert_int_equal(sim_stat(server, "challenges-void"), 2);
	assert_int_equal(pending(), SHARE - 1);
	claim(SHARE, SIM_HOST(1));
	claim(SHARE + 1, SIM_HOST(1));
	assert_int_equal(pending(), SHARE);
	sim_advance_seconds(&sim, 4);
	assert_int_equal(pending(), 0);
	for (uint32_t i = SHARE + 1; i < 3 * SHARE; i++) {
		claim(i, SIM_HOST(1));
	}
	assert_int_equal(pending(), SHARE);
}

static void set_rate(uint32_t rate, uint32_t burst)
{
	server->config.source_rate = rate;
	server->config.source_burst = burst;
	serve_set_config(server->serve, &server->config);
}

#define FEW	15	/* hosts that take their whole share */

static void whole_shares(uint32_t first_host, uint32_t *next)
{
	for (uint32_t i = 0; i < FEW * SHARE; i++) {
		claim((*next)++, first_host + i % FEW);
	}
}

/*
 * The count stands while its address is not heard of, whoever else is; and
 * strangers do not spend its tokens while others are free.
 */
static void a_flood_does_not_forget_challenges(void **state)
{
	uint32_t next = 0;

	(void)state;
	start_with_names(FEW * SHARE + FEW);
	whole_shares(SIM_HOST(1), &next);
	assert_int_equal(pending(), FEW * SHARE);
	set_rate(1, 1000);
	for (uint32_t i = 0; i < 100000; i++) {
		ask(NBNS_RELEASE, SPOOFED(i));
	}
	for (uint32_t i = 0; i < FEW; i++) {
		claim(next++, SIM_HOST(1 + i));
		assert_int_equal(admitted(SIM_HOST(1 + i), 1000), 999);
	}
	assert_int_equal(pending(), FEW * SHARE);
	assert_int_equal(sim_stat(server, "challenges-source-limit"), FEW);
}

/*
 * More addresses with a challenge than the table has entries: they share, and
 * nobody is shut out; yet who has an entry gets no second share. When all is
 * over every share is whole again.
 */
static void more_challengers_than_entries(void **state)
{
	uint32_t next = 0;

	(void)state;
	start_with_names(FEW * SHARE + 8000 + FEW);
	set_rate(RATE, BURST);
	whole_shares(SIM_HOST(1), &next);
	sim_advance_seconds(&sim, 1);
	for (uint32_t i = 0; i < 8000; i++) {
		claim(next++, SPOOFED(i));
	}
	assert_int_equal(pending(), FEW * SHARE + 8000);
	assert_int_equal(sim_stat(server, "challenges-source-limit"), 0);
	for (uint32_t i = 0; i < FEW; i++) {
		claim(next++, SIM_HOST(1 + i));
	}
	assert_int_equal(pending(), FEW * SHARE + 8000);
	assert_int_equal(admitted(SIM_HOST(200), 1000), 1000);
	sim_advance_seconds(&sim, 4);
	assert_int_equal(pending(), 0);
	next = 0;
	whole_shares(SIM_HOST(201), &next);
	assert_int_equal(pending(), FEW * SHARE);
	whole_shares(SIM_HOST(201), &next);
	assert_int_equal(pending(), FEW * SHARE);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_start, scene_stop)
#define OWN_SCENE(test) cmocka_unit_test_teardown(test, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(the_burst_then_the_rate),
		SCENE(others_are_not_touched),
		SCENE(what_is_limited),
		SCENE(a_dropped_registration_stores_nothing),
		OWN_SCENE(zero_is_no_limit),
		SCENE(a_reload_applies),
		SCENE(one_line_a_minute),
		OWN_SCENE(spoofed_addresses_do_not_fill_the_log),
		SCENE(a_flood_does_not_free_the_limited),
		OWN_SCENE(forgetting_makes_no_tokens),
		SCENE(after_a_flood_a_newcomer_has_all),
		OWN_SCENE(a_share_of_challenges),
		OWN_SCENE(the_share_comes_back),
		OWN_SCENE(a_flood_does_not_forget_challenges),
		OWN_SCENE(more_challengers_than_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
