/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `server scavenge` and what `server status` says of it, without a socket and
 * without a pass: serve is the one of fakes.h. Outcomes are those of
 * design.md 4.3: a dry run says what the real run says, a refusal names what
 * it is about.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "fakes.h"

struct bench {
	struct store *store;
	struct serve *serve;
	struct control_context context;
	TALLOC_CTX *client;
	uint8_t in[CONTROL_FRAME_MAX];
	struct control_reader reply;
	unsigned int replies;
};

static int setup(void **state)
{
	struct bench *b = talloc_zero(NULL, struct bench);

	b->store = talloc_zero(b, struct store);
	b->serve = talloc_zero(b, struct serve);
	b->serve->store = b->store;
	b->context = (struct control_context) {
		.world = &fake_world,
		.store = b->store,
		.serve = b->serve,
		.version = "0.1",
		.state = "running",
		.started = FAKE_NOW,
		.backup_sight = fake_backup_sight,
	};
	fake_wall = FAKE_NOW;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	talloc_free(*state);
	return 0;
}

static void take_reply(void *arg, const uint8_t *frame, size_t len)
{
	struct bench *b = arg;

	memcpy(b->in, frame, len);
	assert_int_equal(control_open(&b->reply, b->in + CONTROL_HEAD,
				      len - CONTROL_HEAD, CONTROL_REPLY),
			 CONTROL_GOOD);
	b->replies++;
}

/* A client comes and asks; its answer may come later. */
static void ask(struct bench *b, const char *verb, uint64_t flags)
{
	uint8_t out[256];
	struct control_writer w;
	size_t len = 0;

	control_begin(&w, out, sizeof(out), CONTROL_REQUEST);
	control_put_text(&w, CONTROL_VERB, verb);
	if (flags != 0) {
		control_put_number(&w, CONTROL_FLAGS, flags);
	}
	len = control_end(&w);
	b->client = talloc_new(b);
	b->replies = 0;
	assert_int_equal(control_call(b->client, &b->context, CONTROL_ADMIN,
				      out + CONTROL_HEAD, len - CONTROL_HEAD,
				      take_reply, b), 0);
}

static uint64_t status_of(const struct bench *b)
{
	return control_number_or(&b->reply, CONTROL_STATUS, 999);
}

static bool message_has(const struct bench *b, const char *part)
{
	struct control_field field;
	char text[256];

	return control_find(&b->reply, CONTROL_MESSAGE, &field) &&
	       strstr(control_text(&field, text, sizeof(text)), part) != NULL;
}

/* The value of the reply behind this key. */
static struct control_field value_at(const struct bench *b, const char *key)
{
	struct control_field field = { .data = NULL };
	char text[64] = "";

	while (control_next(&b->reply, &field)) {
		if (field.tag == CONTROL_KEY) {
			control_text(&field, text, sizeof(text));
		} else if (strcmp(text, key) == 0) {
			return field;
		}
	}
	fail_msg("no value %s", key);
	return field;
}

static uint64_t value_of(const struct bench *b, const char *key)
{
	struct control_field field = value_at(b, key);

	return control_number(&field);
}

static void test_answer_comes_when_it_is_over(void **state)
{
	struct bench *b = *state;

	ask(b, "server scavenge", 0);
	assert_int_equal(b->replies, 0);
	fake_scavenged(b->serve, 0);
	assert_int_equal(b->replies, 1);
	assert_int_equal(status_of(b), CONTROL_OK);
	assert_int_equal(value_of(b, "changed"), 42);
	assert_int_equal(value_of(b, "released"), 30);
	assert_int_equal(value_of(b, "tombstoned"), 7);
	assert_int_equal(value_of(b, "deleted"), 3);
	assert_int_equal(value_of(b, "pruned"), 2);
}

static void test_client_goes_before_it_is_over(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 4; i++) {
		b->serve->guarded = (i & 1) != 0;
		ask(b, "server scavenge", i < 2 ? 0 : CONTROL_YES);
		talloc_free(b->client);
		fake_scavenged(b->serve, 0);
		assert_int_equal(b->replies, 0);
		assert_int_equal(talloc_total_blocks(b->serve), 1);
	}
}

static void test_every_mode_and_the_guard(void **state)
{
	static const struct {
		uint64_t flags;
		bool guarded;
		enum serve_scavenge_mode mode;
		enum control_status status;
	} run[] = {
		{ 0, false, SERVE_SCAVENGE_NOW, CONTROL_OK },
		{ 0, true, SERVE_SCAVENGE_NOW, CONTROL_CONFLICT },
		{ CONTROL_YES, false, SERVE_SCAVENGE_FORCE, CONTROL_OK },
		{ CONTROL_YES, true, SERVE_SCAVENGE_FORCE, CONTROL_OK },
		{ CONTROL_DRY_RUN, false, SERVE_SCAVENGE_DRY_RUN, CONTROL_OK },
		{ CONTROL_DRY_RUN, true, SERVE_SCAVENGE_DRY_RUN,
		  CONTROL_CONFLICT },
		{ CONTROL_DRY_RUN | CONTROL_YES, false, SERVE_SCAVENGE_DRY_RUN,
		  CONTROL_OK },
		{ CONTROL_DRY_RUN | CONTROL_YES, true, SERVE_SCAVENGE_DRY_RUN,
		  CONTROL_OK },
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(run) / sizeof(run[0]); i++) {
		b->serve->guarded = run[i].guarded;
		ask(b, "server scavenge", run[i].flags);
		assert_int_equal(b->serve->mode, run[i].mode);
		fake_scavenged(b->serve, 0);
		assert_int_equal(status_of(b), run[i].status);
		if (run[i].status == CONTROL_OK) {
			assert_int_equal(value_of(b, "changed"), 42);
		} else {
			assert_true(message_has(b, "300 of 1000"));
		}
	}
}

static void test_failures(void **state)
{
	struct bench *b = *state;

	ask(b, "server scavenge", 0);
	fake_scavenged(b->serve, ENOSPC);
	assert_int_equal(status_of(b), CONTROL_FAILED);
	assert_true(message_has(b, "No space left"));
	ask(b, "server scavenge", CONTROL_YES);
	fake_scavenged(b->serve, EAGAIN);
	assert_int_equal(status_of(b), CONTROL_FAILED);
	assert_true(message_has(b, "still being loaded"));
}

static void status_says(struct bench *b, const char *expected)
{
	struct control_field field;
	char text[160];

	ask(b, "server status", 0);
	assert_int_equal(b->replies, 1);
	field = value_at(b, "scavenging");
	assert_string_equal(control_text(&field, text, sizeof(text)),
			    expected);
}

static void test_status(void **state)
{
	struct bench *b = *state;

	status_says(b, "waiting");
	serve_scavenge(b->serve, SERVE_SCAVENGE_NOW, NULL, NULL);
	status_says(b, "running");
	b->serve->guarded = true;
	status_says(b, "stopped, would release 300 of 1000 (winsctl server "
		    "scavenge --force)");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answer_comes_when_it_is_over),
		TEST(test_client_goes_before_it_is_over),
		TEST(test_every_mode_and_the_guard),
		TEST(test_failures),
		TEST(test_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
