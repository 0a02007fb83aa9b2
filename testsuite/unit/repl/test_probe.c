/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The probe before `owner adopt`: who counts as living. A peer that is four
 * functions says, or does not say, what a server would: START_REPLY as in
 * protocol.md 3.5, a connection taken and closed as for a stranger (4.1),
 * silence, no machine at all.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repl/repl.h"
#include "sim/simserver.h"

#define OLD 0x0a000009u

struct link {
	const struct link_events *events;
	void *arg;
	uint32_t from, to;
	uint16_t port;
	uint8_t sent[256];
	size_t len;
	bool closed;
};

static struct sim_world sim;
static struct sim_server *server;
static struct repl *repl;
static struct link peer;
static int connect_error;
static unsigned int told;
static bool answers;
static char what[128];

static int fake_connect(void *priv, uint32_t from, uint32_t to, uint16_t port,
			const struct link_events *events, void *arg,
			struct link **link)
{
	(void)priv;
	peer = (struct link) { .events = events, .arg = arg, .from = from,
			       .to = to, .port = port };
	*link = connect_error == 0 ? &peer : NULL;
	return connect_error;
}

static int fake_send(struct link *link, const uint8_t *data, size_t len)
{
	assert_false(link->closed);
	assert_true(link->len + len <= sizeof(link->sent));
	memcpy(link->sent + link->len, data, len);
	link->len += len;
	return 0;
}

static void fake_close(struct link *link)
{
	assert_false(link->closed);
	link->closed = true;
}

static void done(void *arg, bool yes, const char *text)
{
	assert_ptr_equal(arg, &told);
	told++;
	answers = yes;
	(void)snprintf(what, sizeof(what), "%s", text);
}

static int setup(void **state)
{
	static const struct link_ops ops = {
		.connect = fake_connect,
		.send = fake_send,
		.close = fake_close,
	};
	struct serve_config config = sim_config();
	struct repl_config rc = { .self = SIM_SELF, .port = 4242 };

	(void)state;
	sim_world_init(&sim, 1);
	server = sim_server_start(NULL, &sim, &config);
	assert_int_equal(repl_create(NULL, &sim.world, server->store,
				     server->serve, &ops, &rc, &repl), 0);
	repl_loaded(repl);
	told = 0;
	connect_error = 0;
	assert_int_equal(repl_probe(repl, OLD, done, &told), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	talloc_free(repl);
	sim_server_stop(server);
	assert_int_equal(sim.timer_count, 0);
	sim_world_end(&sim);
	return 0;
}

static void test_answers(void **state)
{
	uint8_t frame[WREPL_SMALL_MAX];
	size_t len = 0;

	(void)state;
	assert_int_equal(peer.to, OLD);
	assert_int_equal(peer.port, 4242);
	assert_int_equal(peer.len, 0);
	peer.events->up(peer.arg);
	/* protocol.md 3.1, 3.5: size 41, opcode 0x7800, context 0, START */
	assert_int_equal(peer.len, 45);
	assert_memory_equal(peer.sent, "\0\0\0\x29\0\0\x78\0\0\0\0\0\0\0\0\0",
			    16);
	assert_int_equal(told, 0);
	len = wrepl_encode_start(frame, WREPL_START_REPLY, 1, 2);
	assert_int_equal(peer.events->data(peer.arg, frame, len), len);
	assert_true(peer.closed);
	assert_int_equal(told, 0);	/* not from inside an event */
	sim_advance(&sim, 0);
	assert_int_equal(told, 1);
	assert_true(answers);
	sim_advance_seconds(&sim, 10);
	assert_int_equal(told, 1);
}

/* Whoever knows its partners by address hangs up on us: it lives. */
static void test_hangs_up(void **state)
{
	(void)state;
	peer.events->up(peer.arg);
	peer.events->down(peer.arg, ECONNRESET);
	sim_advance(&sim, 0);
	assert_int_equal(told, 1);
	assert_true(answers);
	assert_false(peer.closed);	/* it was gone: not touched any more */
}

static void test_refused(void **state)
{
	(void)state;
	peer.events->down(peer.arg, ECONNREFUSED);
	sim_advance(&sim, 0);
	assert_int_equal(told, 1);
	assert_false(answers);
	assert_string_equal(what, strerror(ECONNREFUSED));
}

static void test_nobody(void **state)
{
	(void)state;
	sim_advance(&sim, 2999999);
	assert_int_equal(told, 0);
	sim_advance(&sim, 1);
	assert_int_equal(told, 1);
	assert_false(answers);
	assert_string_equal(what, "nobody takes the call");
	assert_true(peer.closed);
}

static void test_silence(void **state)
{
	(void)state;
	sim_advance(&sim, 1000000);
	peer.events->up(peer.arg);
	sim_advance(&sim, 1999999);
	assert_int_equal(told, 0);
	sim_advance(&sim, 1);
	assert_int_equal(told, 1);
	assert_false(answers);
	assert_string_equal(what, "it takes calls and says nothing");
}

/* No route is an answer; no descriptor is none. */
static void test_no_call(void **state)
{
	(void)state;
	sim_advance_seconds(&sim, 4);
	told = 0;
	connect_error = EHOSTUNREACH;
	assert_int_equal(repl_probe(repl, OLD, done, &told), 0);
	assert_int_equal(told, 0);
	sim_advance(&sim, 0);
	assert_int_equal(told, 1);
	assert_false(answers);
	connect_error = EMFILE;
	assert_int_equal(repl_probe(repl, OLD, done, &told), EMFILE);
	sim_advance_seconds(&sim, 10);
	assert_int_equal(told, 1);
}

/* Its address was taken over: whoever answers there is this server. */
static void test_taken_over(void **state)
{
	const struct serve_iface iface[] = {
		{ .ip = SIM_SELF }, { .ip = OLD },
	};

	(void)state;
	sim_advance_seconds(&sim, 4);
	told = 0;
	memset(&peer, 0, sizeof(peer));
	serve_set_ifaces(server->serve, iface, 2);
	assert_int_equal(repl_probe(repl, OLD, done, &told), 0);
	assert_int_equal(peer.to, 0);	/* nobody is called */
	sim_advance(&sim, 0);
	assert_int_equal(told, 1);
	assert_false(answers);
}

/* teardown: repl goes first, and takes the link and the timer with it. */
static void test_goes_with_repl(void **state)
{
	(void)state;
	peer.events->up(peer.arg);
	TALLOC_FREE(repl);
	assert_true(peer.closed);
	assert_int_equal(told, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers),
		TEST(test_hangs_up),
		TEST(test_refused),
		TEST(test_nobody),
		TEST(test_silence),
		TEST(test_no_call),
		TEST(test_taken_over),
		TEST(test_goes_with_repl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
