/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The alarm about domains (issue replication 10): the log tells when a 1B or a
 * 1C shrinks, whoever made it shrink, and not too often.
 */

#include "scene.h"

#define HOUR 3600
#define DAY 86400
#define DC(n) SIM_HOST(n)
#define THEIRS 0x0a094201u	/* 10.9.66.1 */

static unsigned int lines;
static char line_of[1024];

static void catch_warning(void *priv, int level, const char *line)
{
	(void)priv;
	if (level == NB_LOG_WARNING && strstr(line, "domain") != NULL) {
		lines++;
		(void)snprintf(line_of, sizeof(line_of), "%s", line);
	}
}

static int start_listening(void **state)
{
	scene_start(state);
	sim.world.log = catch_warning;
	lines = 0;
	line_of[0] = '\0';
	return 0;
}

static void expect_line(const char *name, const char *before,
			const char *after)
{
	assert_int_equal(lines, 1);
	if (strstr(line_of, name) == NULL || strstr(line_of, before) == NULL ||
	    strstr(line_of, after) == NULL) {
		fail_msg("the line is: %s", line_of);
	}
	lines = 0;
}

static void members(const char *name, unsigned int count)
{
	for (unsigned int i = 1; i <= count; i++) {
		send_kind(NBNS_REGISTER, (uint16_t)i, name, DC(i), true);
		expect((uint16_t)i, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	}
	assert_int_equal(lines, 0);
}

static void a_member_that_leaves(void **state)
{
	(void)state;
	members("CORP<1c>", 3);
	send_kind(NBNS_RELEASE, 9, "CORP<1c>", DC(2), false);
	expect_line("CORP<1c>", "10.0.1.3 10.0.1.2 10.0.1.1 (3)",
		    "10.0.1.3 10.0.1.1 (2)");
	assert_int_equal(sim_stat(server, "domain-shrunk"), 1);
}

static void the_last_that_leaves(void **state)
{
	(void)state;
	members("CORP<1c>", 1);
	send_kind(NBNS_RELEASE, 9, "CORP<1c>", DC(1), false);
	expect_line("CORP<1c>", "10.0.1.1 (1)", "nothing (0)");
}

static void a_primary_that_is_released(void **state)
{
	(void)state;
	registered(1, "CORP<1b>", DC(1));
	send_kind(NBNS_RELEASE, 9, "CORP<1b>", DC(1), false);
	expect_line("CORP<1b>", "10.0.1.1 (1)", "nothing (0)");
}

/* It moves to another host: the domain has one as before. */
static void a_primary_that_moves(void **state)
{
	(void)state;
	registered(1, "CORP<1b>", DC(1));
	sim_host(server, DC(1), SIM_DENIES);
	send_kind(NBNS_REGISTER, 2, "CORP<1b>", DC(2), false);
	sim_advance_seconds(&sim, 1);
	expect(2, NBNS_WACK, 0);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	assert_int_equal(lines, 0);
	assert_int_equal(sim_stat(server, "domain-shrunk"), 0);
}

static void by_a_replica(void **state)
{
	struct sim_replica replica = {
		.name = "CORP<1c>",
		.type = NB_SGROUP,
		.count = 2,
		.addr = { THEIRS, THEIRS + 1 },
	};
	struct sim_settled settled;

	(void)state;
	sim_replica(server, &replica, &settled);
	assert_int_equal(lines, 0);
	/* 5.2 #5: its owner says so */
	replica.count = 1;
	sim_replica(server, &replica, &settled);
	expect_line("CORP<1c>", "10.9.66.1 10.9.66.2 (2)", "10.9.66.1 (1)");
}

/* As many as before, but not the same: one has left. */
static void by_an_exchange(void **state)
{
	struct sim_replica replica = {
		.name = "CORP<1c>",
		.type = NB_SGROUP,
		.count = 1,
		.addr = { THEIRS },
	};
	struct sim_settled settled;

	(void)state;
	sim_replica(server, &replica, &settled);
	replica.addr[0] = THEIRS + 1;
	sim_replica(server, &replica, &settled);
	expect_line("CORP<1c>", "10.9.66.1 (1)", "10.9.66.2 (1)");
}

static void by_time(void **state)
{
	(void)state;
	members("CORP<1c>", 1);
	sim_advance_seconds(&sim, 10 * DAY);
	expect_line("CORP<1c>", "10.0.1.1 (1)", "nothing (0)");
}

static void deleted(void *arg, int error, const struct nb_verdict *verdict)
{
	(void)arg;
	assert_int_equal(error, 0);
	assert_int_equal(verdict->outcome, NB_DONE);
}

static void by_an_operator(void **state)
{
	struct nb_event event = { .kind = NB_EV_DELETE, .force = true };

	(void)state;
	members("CORP<1c>", 2);
	nb_name_parse("CORP<1c>", &event.name);
	serve_command(server->serve, &event, deleted, NULL);
	expect_line("CORP<1c>", "(2)", "nothing (0)");
}

static void growing_is_no_alarm(void **state)
{
	(void)state;
	members("CORP<1c>", 25);
	members("CORP<1c>", 25);
	registered(30, "PC<20>", DC(1));
	send_kind(NBNS_RELEASE, 31, "PC<20>", DC(1), false);
	/* a tombstone of what was released has lost nothing more */
	assert_int_equal(lines, 0);
	assert_int_equal(sim_stat(server, "domain-shrunk"), 0);
}

/* All 25 fit into a line in the end: a number stands for most of them. */
static void long_lists_are_cut(void **state)
{
	(void)state;
	members("CORP<1c>", 25);
	send_kind(NBNS_RELEASE, 40, "CORP<1c>", DC(25), false);
	expect_line("CORP<1c>", "and 17 more (25)", "and 16 more (24)");
}

/* Once an hour for each name; all of it is counted. */
static void not_too_often(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 50; i++) {
		send_kind(NBNS_REGISTER, 1, "CORP<1c>", DC(1), true);
		send_kind(NBNS_RELEASE, 2, "CORP<1c>", DC(1), false);
		sim_advance_seconds(&sim, 60);
	}
	assert_int_equal(lines, 1);
	assert_int_equal(sim_stat(server, "domain-shrunk"), 50);
	/* another domain is another matter */
	send_kind(NBNS_REGISTER, 1, "LAB<1c>", DC(1), true);
	send_kind(NBNS_RELEASE, 2, "LAB<1c>", DC(1), false);
	assert_int_equal(lines, 2);
	/* and does not make the first one forgotten */
	send_kind(NBNS_REGISTER, 1, "CORP<1c>", DC(1), true);
	send_kind(NBNS_RELEASE, 2, "CORP<1c>", DC(1), false);
	assert_int_equal(lines, 2);
	sim_advance_seconds(&sim, HOUR);
	send_kind(NBNS_REGISTER, 1, "CORP<1c>", DC(1), true);
	send_kind(NBNS_RELEASE, 2, "CORP<1c>", DC(1), false);
	assert_int_equal(lines, 3);
}

/* More domains than are remembered: none goes without its line. */
static void many_domains(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 200; i++) {
		char name[NB_NAME_TEXT];

		(void)snprintf(name, sizeof(name), "D%03u<1c>", i);
		send_kind(NBNS_REGISTER, 1, name, DC(1), true);
		send_kind(NBNS_RELEASE, 2, name, DC(1), false);
	}
	assert_int_equal(lines, 200);
}

#define SCENE(test) \
	cmocka_unit_test_setup_teardown(test, start_listening, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(a_member_that_leaves),
		SCENE(the_last_that_leaves),
		SCENE(a_primary_that_is_released),
		SCENE(a_primary_that_moves),
		SCENE(by_a_replica),
		SCENE(by_an_exchange),
		SCENE(by_time),
		SCENE(by_an_operator),
		SCENE(growing_is_no_alarm),
		SCENE(long_lists_are_cut),
		SCENE(not_too_often),
		SCENE(many_domains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
