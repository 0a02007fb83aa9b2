/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What operators are told of a server that gives out no version numbers
 * (design.md 4.2, wins:start wait and wins:observe): status, start-anyway,
 * and the commands that would need a number.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "rows.h"

static void test_status(void **state)
{
	static const char *const names[] = { "running", "fake waiting",
					     "fake closed" };
	struct bench *b = *state;
	struct repl *repl = b->context.repl;

	repl->partners = 5;
	for (int gate = REPL_GATE_OPEN; gate <= REPL_GATE_CLOSED; gate++) {
		repl->gate = (enum repl_gate)gate;
		(void)request(b, "server status");
		assert_int_equal(answer(b), CONTROL_OK);
		assert_string_equal(text_of(b, "state"), names[gate]);
		assert_string_equal(text_of(b, "gate"),
				    repl_gate_name(repl->gate));
		assert_int_equal(text_of(b, "gate_reason") != NULL,
				 gate != REPL_GATE_OPEN);
		assert_int_equal(value_of(b, "observing"), 0);
		assert_int_equal(value_of(b, "partners"), 5);
		assert_int_equal(value_of(b, "partners_failing"), 3);
		assert_int_equal(value_of(b, "owners_in_quarantine"), 2);
	}
	assert_non_null(strstr(text_of(b, "gate_reason"), "empty"));
	assert_non_null(strstr(text_of(b, "gate_reason"), "start-anyway"));
}

/* Who looks on says so first, and what ails the store comes before that. */
static void test_status_of_an_observer(void **state)
{
	struct bench *b = *state;

	b->context.repl->observing = true;
	b->context.repl->gate = REPL_GATE_CLOSED;
	b->context.state = "observing";
	(void)request(b, "server status");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_string_equal(text_of(b, "state"), "observing");
	assert_int_equal(value_of(b, "observing"), 1);
	fake_health = STORE_FULL;
	(void)request(b, "server status");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_string_equal(text_of(b, "state"), "fake full");
}

/* A pass that would need version numbers waits; whoever asks hears why. */
static void test_scavenging(void **state)
{
	struct bench *b = *state;

	b->context.repl->gate = REPL_GATE_WAITING;
	(void)request(b, "server scavenge");
	send_as(b, b, CONTROL_ADMIN);
	fake_scavenged(b->serve, EAGAIN);
	assert_int_equal(control_number_or(&b->reply, CONTROL_STATUS, 999),
			 CONTROL_REFUSED);
	assert_true(message_has(b, "start-anyway"));
	/* any other failure is none of the gate */
	(void)request(b, "server scavenge");
	send_as(b, b, CONTROL_ADMIN);
	fake_scavenged(b->serve, ENOSPC);
	assert_int_equal(control_number_or(&b->reply, CONTROL_STATUS, 999),
			 CONTROL_FAILED);
}

static void test_stats(void **state)
{
	struct bench *b = *state;

	b->context.repl->partners = 44;
	(void)request(b, "server stats");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_int_equal(value_of(b, "pulls"), 44);
	assert_int_equal(value_of(b, "datagrams"), 12);
}

static enum control_status start_anyway(struct bench *b, uint64_t flags)
{
	struct control_writer *w = request(b, "server start-anyway");

	if (flags != 0) {
		control_put_number(w, CONTROL_FLAGS, flags);
	}
	return answer(b);
}

static void test_start_anyway(void **state)
{
	struct bench *b = *state;
	struct repl *repl = b->context.repl;

	assert_int_equal(start_anyway(b, 0), CONTROL_UNCHANGED);
	for (int gate = REPL_GATE_WAITING; gate <= REPL_GATE_CLOSED; gate++) {
		repl->gate = (enum repl_gate)gate;
		assert_int_equal(start_anyway(b, CONTROL_DRY_RUN), CONTROL_OK);
		assert_int_equal(repl->gate, gate);
		assert_string_equal(text_of(b, "was"),
				    repl_gate_name(repl->gate));
		assert_int_equal(start_anyway(b, 0), CONTROL_OK);
		assert_string_equal(text_of(b, "reason"), "empty");
		assert_int_equal(repl->gate, REPL_GATE_OPEN);
	}
	repl->gate = REPL_GATE_CLOSED;
	b->serve->hold = true;
	b->serve->error = ENOSPC;
	(void)request(b, "server start-anyway");
	send_as(b, b, CONTROL_ADMIN);
	fake_durable(b->serve);
	assert_int_equal(control_number_or(&b->reply, CONTROL_STATUS, 999),
			 CONTROL_FAILED);
	b->context.repl = NULL;
	assert_int_equal(start_anyway(b, 0), CONTROL_UNCHANGED);
}

/* ---- what needs a version number ---- */

static void begin_add(struct bench *b, uint64_t flags)
{
	struct nb_record rec = {
		.name = nb_name_make("PRINTER", 7, 0x20),
		.type = NB_UNIQUE,
		.is_static = true,
		.count = 1,
	};
	struct control_writer *w = request(b, "record add");

	rec.member[0].ip = HOST;
	control_put_record(w, CONTROL_RECORD, &rec);
	if (flags != 0) {
		control_put_number(w, CONTROL_FLAGS, flags);
	}
}

static enum control_status add(struct bench *b, uint64_t flags)
{
	begin_add(b, flags);
	return answer(b);
}

static void test_add_is_refused_and_told_why(void **state)
{
	static const uint64_t flags[] = { 0, CONTROL_DRY_RUN, CONTROL_YES };
	struct bench *b = *state;
	struct repl *repl = b->context.repl;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		repl->observing = false;
		repl->gate = REPL_GATE_CLOSED;
		assert_int_equal(add(b, flags[i]), CONTROL_REFUSED);
		assert_true(message_has(b, "PRINTER<20> was not changed"));
		assert_true(message_has(b, "server start-anyway"));
		repl->gate = REPL_GATE_OPEN;
		repl->observing = true;
		assert_int_equal(add(b, flags[i]), CONTROL_REFUSED);
		assert_true(message_has(b, "wins:observe = no"));
	}
	assert_int_equal(b->serve->commands, 0);
	assert_int_equal(b->store->count, 0);
	repl->observing = false;
	assert_int_equal(add(b, 0), CONTROL_OK);
	assert_int_equal(b->store->count, 1);
}

/* Forgetting a name takes no number: the gate has nothing to do with it. */
static void test_delete_goes_on(void **state)
{
	struct bench *b = *state;
	struct nb_name name = nb_name_make("PRINTER", 7, 0x20);
	struct control_writer *w = NULL;

	assert_int_equal(add(b, 0), CONTROL_OK);
	b->context.repl->gate = REPL_GATE_CLOSED;
	w = request(b, "record delete");
	control_put_name(w, CONTROL_NAME, &name);
	control_put_number(w, CONTROL_FLAGS, CONTROL_YES);
	assert_int_equal(answer(b), CONTROL_OK);
	assert_int_equal(b->store->count, 0);
}

/* The gate may close, or observing begin, while the command is under way. */
static void test_serve_says_no(void **state)
{
	static const int error[] = { EAGAIN, EPERM };
	struct bench *b = *state;

	for (int i = 0; i < 2; i++) {
		struct repl *repl = b->context.repl;

		repl->gate = REPL_GATE_OPEN;
		repl->observing = false;
		b->serve->hold = true;
		b->serve->error = error[i];
		begin_add(b, 0);
		send_as(b, b, CONTROL_ADMIN);
		repl->gate = REPL_GATE_CLOSED;
		repl->observing = error[i] == EPERM;
		fake_let_go(b->serve);
		assert_int_equal(control_number_or(&b->reply, CONTROL_STATUS,
						   999), CONTROL_REFUSED);
		assert_true(message_has(b, i == 0 ? "start-anyway" :
						    "wins:observe"));
	}
}

/* Releases take numbers, too. */
static void test_no_scavenging(void **state)
{
	static const uint64_t flags[] = { 0, CONTROL_YES };
	struct bench *b = *state;

	b->context.repl->gate = REPL_GATE_WAITING;
	for (int i = 0; i < 2; i++) {
		struct control_writer *w = request(b, "server scavenge");

		control_put_number(w, CONTROL_FLAGS, flags[i]);
		send_as(b, b, CONTROL_ADMIN);
		fake_scavenged(b->serve, EAGAIN);
		assert_int_equal(control_number_or(&b->reply, CONTROL_STATUS,
						   999), CONTROL_REFUSED);
		assert_true(message_has(b, "start-anyway"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_REPL(test_status),
		TEST_REPL(test_status_of_an_observer),
		TEST_REPL(test_scavenging),
		TEST_REPL(test_stats),
		TEST_REPL(test_start_anyway),
		TEST_REPL(test_add_is_refused_and_told_why),
		TEST_REPL(test_delete_goes_on),
		TEST_REPL(test_serve_says_no),
		TEST_REPL(test_no_scavenging),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
