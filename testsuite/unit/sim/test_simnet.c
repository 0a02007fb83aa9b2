/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The virtual network keeps what repl/link.h promises: order, and all of it;
 * events from timers only; a pause that holds; one end, and nothing after it.
 * And it does what networks do: it cuts, loses, refuses and forgets.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "sim/simnet.h"

#define A	0x0a000001u
#define B	0x0a000002u
#define C	0x0a000003u
#define SECOND	1000000u
#define LONG	300000u			/* bytes, several windows */

/* What happened at one end of a stream. */
struct end {
	const struct link_ops *ops;
	struct link *link;
	uint8_t *got;
	size_t got_len;
	size_t take;			/* of what is shown; 0: all */
	size_t least;			/* shown so far and not taken */
	unsigned int ups, downs, drains, shows;
	int error;
	bool close_at_data;
	bool *inside;			/* a call of ours: no event now */
};

struct scene {
	struct sim_time *time;
	struct sim_net *net;
	struct sim_port *a, *b;
	struct end caller, called;
	bool refuse;
	bool inside;
	unsigned int datagrams;
	uint8_t datagram[64];
};

static struct scene s;

static void no_call_inside(const struct end *end)
{
	assert_false(*end->inside);
	assert_int_equal(end->downs, 0);
}

static void on_up(void *arg)
{
	struct end *end = arg;

	no_call_inside(end);
	assert_int_equal(end->ups, 0);
	end->ups++;
}

static size_t on_data(void *arg, const uint8_t *data, size_t len)
{
	struct end *end = arg;
	size_t taken = end->take != 0 && end->take < len ? end->take : len;

	no_call_inside(end);
	assert_true(len > end->least || end->shows == 0 || end->take == 0);
	end->shows++;
	memcpy(end->got + end->got_len, data, taken);
	end->got_len += taken;
	end->least = len - taken;
	if (end->close_at_data) {
		end->ops->close(end->link);
		end->link = NULL;
	}
	return taken;
}

static void on_drained(void *arg)
{
	struct end *end = arg;

	no_call_inside(end);
	assert_int_equal(end->ops->unsent(end->link), 0);
	end->drains++;
}

static void on_down(void *arg, int error)
{
	struct end *end = arg;

	no_call_inside(end);
	end->downs++;
	end->error = error;
	end->link = NULL;
}

static const struct link_events events = {
	.up = on_up, .data = on_data, .drained = on_drained, .down = on_down,
};

static bool on_called(void *arg, struct link *link, uint32_t from)
{
	(void)arg;
	assert_int_equal(from, A);
	if (s.refuse) {
		return false;
	}
	s.called.link = link;
	s.inside = true;
	s.called.ops->accept(link, &events, &s.called);
	s.inside = false;
	return true;
}

static void on_datagram(void *arg, uint32_t local, uint32_t from,
			uint16_t port, uint16_t to_port, const uint8_t *data,
			size_t len)
{
	(void)arg;
	assert_int_equal(local, B);
	assert_int_equal(from, A);
	assert_int_equal(port, 1137);
	assert_int_equal(to_port, 137);
	memcpy(s.datagram, data, len);
	s.datagrams++;
}

static const struct sim_port_events listens = {
	.called = on_called, .datagram = on_datagram,
};

static void begin_end(struct end *end, struct sim_port *port)
{
	*end = (struct end){
		.ops = sim_port_ops(port),
		.inside = &s.inside,
		.got = talloc_zero_size(s.time, 4 * LONG),
	};
}

static void begin(uint64_t seed, bool plain)
{
	struct sim_net_config config = {
		.seed = seed, .near_usec = 500, .far_usec = 40000,
		.choppy = 300, .plain = plain,
	};

	memset(&s, 0, sizeof(s));
	s.time = sim_time_create(NULL);
	s.net = sim_net_create(s.time, s.time, &config);
	s.a = sim_net_join(s.net, A, NULL, NULL);
	s.b = sim_net_join(s.net, B, &listens, NULL);
	begin_end(&s.caller, s.a);
	begin_end(&s.called, s.b);
}

static void run(uint64_t usec)
{
	sim_time_run(s.time, sim_time_usec(s.time) + usec);
}

static void call(void)
{
	s.inside = true;
	assert_int_equal(s.caller.ops->connect(s.caller.ops->priv, 0, B, 42,
					       &events, &s.caller,
					       &s.caller.link), 0);
	s.inside = false;
}

static void connected(uint64_t seed, bool plain)
{
	begin(seed, plain);
	call();
	run(SECOND);
	assert_int_equal(s.caller.ups, 1);
	assert_int_equal(s.called.ups, 0);
	assert_int_equal(s.called.ops->local(s.called.link), B);
	assert_int_equal(s.caller.ops->local(s.caller.link), A);
}

static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7);
}

/* Send len bytes in writes of odd sizes. */
static void send_bytes(struct end *end, size_t len)
{
	static uint8_t buf[LONG];
	size_t at = 0, step = 1;

	for (size_t i = 0; i < len; i++) {
		buf[i] = byte_at(i);
	}
	s.inside = true;
	while (at < len) {
		size_t n = step < len - at ? step : len - at;

		assert_int_equal(end->ops->send(end->link, buf + at, n), 0);
		at += n;
		step = step * 3 + 1;
	}
	s.inside = false;
}

static void expect_bytes(const struct end *end, size_t len)
{
	assert_int_equal(end->got_len, len);
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(end->got[i], byte_at(i));
	}
}

static void close_end(struct end *end)
{
	s.inside = true;
	end->ops->close(end->link);
	s.inside = false;
	end->link = NULL;
}

static void finish(void)
{
	struct sim_net_sight sight;

	run(2000ull * SECOND);
	sim_net_sight(s.net, &sight);
	assert_int_equal(sight.links,
			 (s.caller.link != NULL) + (s.called.link != NULL));
	assert_int_equal(sim_time_waiting(s.time), 0);
	talloc_free(s.time);
}

static void every_byte_arrives_in_order(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		connected(seed, seed % 10 == 0);
		send_bytes(&s.caller, 40000);
		send_bytes(&s.called, 70001);
		run(600ull * SECOND);
		expect_bytes(&s.called, 40000);
		expect_bytes(&s.caller, 70001);
		assert_true(s.caller.drains >= 1);
		assert_true(s.called.drains >= 1);
		close_end(&s.caller);
		run(10 * SECOND);
		assert_int_equal(s.called.downs, 1);
		assert_int_equal(s.called.error, 0);
		finish();
	}
}

/* Streams come in crumbs and whole, and the same seed gives the same. */
static void luck_comes_from_the_seed(void **state)
{
	unsigned int shows[3] = { 0 }, crumbs = 0, whole = 0;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		connected(7, false);
		send_bytes(&s.caller, 30000);
		run(60 * SECOND);
		shows[i] = s.called.shows;
		finish();
	}
	assert_int_equal(shows[0], shows[1]);
	assert_int_equal(shows[0], shows[2]);
	for (uint64_t seed = 0; seed < 50; seed++) {
		connected(seed, false);
		send_bytes(&s.caller, 1000);
		run(60 * SECOND);
		crumbs += s.called.shows > 3;
		whole += s.called.shows == 1;
		finish();
	}
	assert_in_range(crumbs, 5, 30);
	assert_in_range(whole, 10, 45);
}

static void what_is_not_taken_is_shown_again(void **state)
{
	(void)state;
	connected(1, true);
	s.called.take = 100;
	send_bytes(&s.caller, 1000);
	run(SECOND);
	assert_int_equal(s.called.shows, 1);
	assert_int_equal(s.called.got_len, 100);
	/* not again by itself; with more, it is */
	s.caller.ops->send(s.caller.link, (const uint8_t *)"x", 1);
	run(SECOND);
	assert_int_equal(s.called.shows, 2);
	assert_int_equal(s.called.got_len, 200);
	s.called.ops->pause(s.called.link, true);
	s.called.ops->pause(s.called.link, false);
	s.called.take = 0;
	run(SECOND);
	assert_int_equal(s.called.shows, 3);
	assert_int_equal(s.called.got_len, 1001);
	finish();
}

static void a_pause_holds(void **state)
{
	(void)state;
	connected(2, true);
	s.called.ops->pause(s.called.link, true);
	send_bytes(&s.caller, 5000);
	run(60 * SECOND);
	assert_int_equal(s.called.shows, 0);
	close_end(&s.caller);
	run(60 * SECOND);
	assert_int_equal(s.called.downs, 0);
	s.called.ops->pause(s.called.link, false);
	run(SECOND);
	expect_bytes(&s.called, 5000);
	assert_int_equal(s.called.downs, 1);
	finish();
}

static void who_does_not_read_holds_the_sender(void **state)
{
	(void)state;
	connected(3, false);
	s.called.ops->pause(s.called.link, true);
	for (unsigned int i = 0; i < 8; i++) {
		send_bytes(&s.caller, LONG);
	}
	run(600ull * SECOND);
	assert_true(s.caller.ops->unsent(s.caller.link) > 0);
	assert_int_equal(s.caller.drains, 0);
	s.called.got = talloc_zero_size(s.time, 9 * LONG);
	s.called.ops->pause(s.called.link, false);
	run(600ull * SECOND);
	assert_int_equal(s.called.got_len, 8 * LONG);
	assert_int_equal(s.caller.drains, 1);
	assert_int_equal(s.caller.ops->unsent(s.caller.link), 0);
	finish();
}

/* As much is read at once as a turn takes, at most. */
static void it_is_read_in_turns(void **state)
{
	(void)state;
	connected(4, true);
	send_bytes(&s.caller, LONG);
	run(SECOND);
	expect_bytes(&s.called, LONG);
	assert_true(s.called.shows >= LONG / LINK_READ_MAX);
	finish();
}

static void callers_meet_what_is_there(void **state)
{
	(void)state;
	/* nobody listens */
	begin(1, false);
	sim_port_listen(s.b, NULL, NULL);
	call();
	run(SECOND);
	assert_int_equal(s.caller.downs, 1);
	assert_int_equal(s.caller.error, ECONNREFUSED);
	finish();
	/* it is off */
	begin(2, false);
	sim_port_crash(s.b);
	call();
	run(60ull * SECOND);
	assert_int_equal(s.caller.downs, 0);
	run(90ull * SECOND);
	assert_int_equal(s.caller.error, ETIMEDOUT);
	assert_int_equal(s.caller.ups, 0);
	finish();
	/* it hangs up */
	begin(3, false);
	s.refuse = true;
	call();
	run(SECOND);
	assert_int_equal(s.caller.ups, 1);
	assert_int_equal(s.caller.downs, 1);
	finish();
	/* an address that is not ours */
	begin(4, false);
	assert_int_equal(s.caller.ops->connect(s.caller.ops->priv, C, B, 42,
					       &events, &s.caller,
					       &s.caller.link), EADDRNOTAVAIL);
	finish();
}

/* The caller gives up before anybody answered. */
static void a_call_can_be_given_up(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 60; seed++) {
		begin(seed, false);
		call();
		run(seed * 2000);
		if (s.caller.link != NULL) {
			close_end(&s.caller);
		}
		run(10 * SECOND);
		assert_int_equal(s.caller.downs, 0);
		assert_null(s.called.link);
		finish();
	}
}

static void a_cut_stalls_and_heals(void **state)
{
	(void)state;
	connected(5, false);
	sim_net_cut(s.net, B, A, SIM_CUT_STALL);
	assert_true(sim_net_is_cut(s.net, A, B));
	send_bytes(&s.caller, 20000);
	run(200ull * SECOND);
	assert_int_equal(s.called.shows, 0);
	sim_net_heal(s.net, A, B);
	run(60ull * SECOND);
	expect_bytes(&s.called, 20000);
	/* idle, it lasts */
	sim_net_cut(s.net, A, B, SIM_CUT_STALL);
	run(86400ull * SECOND);
	sim_net_heal(s.net, A, B);
	send_bytes(&s.called, 10);
	run(SECOND);
	expect_bytes(&s.caller, 10);
	/* who waits for an answer gives up, and the other does not know */
	sim_net_cut(s.net, A, B, SIM_CUT_STALL);
	send_bytes(&s.caller, 10);
	run(1500ull * SECOND);
	assert_int_equal(s.caller.downs, 1);
	assert_int_equal(s.caller.error, ETIMEDOUT);
	assert_int_equal(s.called.downs, 0);
	sim_net_heal(s.net, A, B);
	run(60ull * SECOND);
	assert_int_equal(s.called.downs, 0);
	send_bytes(&s.called, 10);
	run(SECOND);
	assert_int_equal(s.called.error, ECONNRESET);
	finish();
}

static void a_call_waits_for_the_heal(void **state)
{
	(void)state;
	begin(6, false);
	sim_net_cut(s.net, A, B, SIM_CUT_STALL);
	call();
	run(50ull * SECOND);
	assert_int_equal(s.caller.ups + s.caller.downs, 0);
	sim_net_heal(s.net, A, B);
	run(64ull * SECOND);
	assert_int_equal(s.caller.ups, 1);
	finish();
}

static void a_cut_may_reset(void **state)
{
	(void)state;
	connected(7, false);
	sim_net_cut(s.net, A, B, SIM_CUT_RESET);
	run(SECOND);
	assert_int_equal(s.caller.error, ECONNRESET);
	assert_int_equal(s.called.error, ECONNRESET);
	begin_end(&s.caller, s.a);
	call();
	run(SECOND);
	assert_int_equal(s.caller.error, EHOSTUNREACH);
	finish();
}

/* Nothing happens at the end that is no more; the other learns it in time. */
static void a_crash_is_noticed(void **state)
{
	unsigned int at_once = 0, never = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		connected(seed, false);
		send_bytes(&s.called, 5000);
		sim_port_crash(s.b);
		s.called.link = NULL;
		s.inside = true;	/* whatever comes there is wrong */
		s.caller.inside = &s.refuse;
		run(3600ull * SECOND);
		at_once += s.caller.downs;
		never += s.caller.downs == 0;
		if (s.caller.link != NULL) {
			s.caller.ops->send(s.caller.link,
					   (const uint8_t *)"x", 1);
			run(SECOND);
		}
		assert_int_equal(s.caller.error, ECONNRESET);
		assert_int_equal(s.called.downs + s.called.shows, 0);
		sim_port_on(s.b);
		finish();
	}
	assert_in_range(at_once, 20, 38);
	assert_in_range(never, 2, 20);
}

static void what_was_sent_still_goes_out(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		connected(seed, false);
		send_bytes(&s.caller, 3000);
		close_end(&s.caller);
		run(10 * SECOND);
		expect_bytes(&s.called, 3000);
		assert_int_equal(s.called.downs, 1);
		assert_int_equal(s.called.error, 0);
		finish();
	}
}

static void who_sends_to_the_closed_is_reset(void **state)
{
	(void)state;
	connected(9, false);
	s.caller.close_at_data = true;
	send_bytes(&s.called, 60000);
	run(60 * SECOND);
	assert_int_equal(s.caller.shows, 1);
	assert_int_equal(s.called.downs, 1);
	assert_int_equal(s.called.error, ECONNRESET);
	finish();
}

static void a_program_that_ends_closes(void **state)
{
	(void)state;
	connected(10, false);
	send_bytes(&s.caller, 100);
	sim_port_end(s.a);
	s.caller.link = NULL;
	run(10 * SECOND);
	expect_bytes(&s.called, 100);
	assert_int_equal(s.called.downs, 1);
	finish();
}

static void datagrams_arrive_or_are_lost(void **state)
{
	struct sim_net_config config = {
		.seed = 1, .near_usec = 1, .far_usec = 2000, .loss = 100,
	};

	(void)state;
	begin(1, false);
	s.net = sim_net_create(s.time, s.time, &config);
	s.b = sim_net_join(s.net, B, &listens, NULL);
	for (unsigned int i = 0; i < 1000; i++) {
		sim_net_send(s.net, A, 1137, B, 137, (const uint8_t *)"name",
			     5);
		run(5000);
	}
	assert_in_range(s.datagrams, 850, 950);
	assert_string_equal(s.datagram, "name");
	s.datagrams = 0;
	sim_net_cut(s.net, A, B, SIM_CUT_STALL);
	sim_net_send(s.net, A, 1137, B, 137, (const uint8_t *)"name", 5);
	run(5000);
	sim_net_heal_all(s.net);
	assert_int_equal(s.datagrams, 0);
	for (unsigned int i = 0; i < 100; i++) {
		sim_net_send(s.net, A, 1137, B, 137, (const uint8_t *)"n", 2);
		sim_net_send(s.net, A, 1137, C, 137, (const uint8_t *)"n", 2);
		run(5000);
	}
	assert_int_equal(s.datagrams, 100);
	talloc_free(s.time);
}

/* ---- time ---- */

struct ring {
	unsigned int order[8], count;
};
static struct ring ring;

static void note(void *arg)
{
	ring.order[ring.count++] = (unsigned int)(uintptr_t)arg;
}

static void timers_run_in_order_and_die(void **state)
{
	struct sim_time *time = sim_time_create(NULL);
	struct sim_clock x, y;
	struct nb_timer *stopped = NULL;

	(void)state;
	ring.count = 0;
	sim_clock_init(&x, time, 1);
	sim_clock_init(&y, time, 2);
	x.world.timer_start(x.world.priv, 30, note, (void *)3);
	y.world.timer_start(y.world.priv, 10, note, (void *)1);
	x.world.timer_start(x.world.priv, 10, note, (void *)2);
	stopped = x.world.timer_start(x.world.priv, 20, note, (void *)9);
	y.world.timer_start(y.world.priv, 25, note, (void *)9);
	x.world.timer_stop(x.world.priv, stopped);
	x.world.timer_stop(x.world.priv, NULL);
	sim_time_run(time, 10);
	assert_int_equal(ring.count, 2);
	assert_int_equal(sim_clock_stop(&y), 1);
	sim_time_run(time, 1000);
	assert_int_equal(ring.count, 3);
	assert_int_equal(ring.order[0], 1);
	assert_int_equal(ring.order[1], 2);
	assert_int_equal(ring.order[2], 3);
	assert_int_equal(sim_time_usec(time), 1000);
	talloc_free(time);
}

/* A timer that knows when it is to run. */
struct due {
	struct sim_time *time;
	uint64_t when;
};

static void is_due(void *arg)
{
	struct due *due = arg;

	assert_true(sim_time_usec(due->time) == due->when);
	due->when = 0;
}

/* Each at its moment, whatever was stopped between. */
static void many_timers_run_sorted(void **state)
{
	struct sim_time *time = sim_time_create(NULL);
	struct sim_clock x;
	struct due due[500];
	struct nb_timer *timer[500];
	uint64_t luck = 1;

	(void)state;
	sim_clock_init(&x, time, 1);
	for (unsigned int i = 0; i < 500; i++) {
		due[i].time = time;
		due[i].when = 1 + sim_draw_below(&luck, 900);
		timer[i] = x.world.timer_start(x.world.priv, due[i].when,
					       is_due, &due[i]);
	}
	for (unsigned int i = 0; i < 500; i += 2) {
		x.world.timer_stop(x.world.priv, timer[i]);
	}
	assert_int_equal(sim_time_waiting(time), 250);
	sim_time_run(time, 1000);
	assert_int_equal(sim_time_fired(time), 250);
	for (unsigned int i = 0; i < 500; i++) {
		assert_true((due[i].when == 0) == (i % 2 == 1));
	}
	talloc_free(time);
}

static void each_clock_tells_its_own(void **state)
{
	struct sim_time *time = sim_time_create(NULL);
	struct sim_clock x, y;
	uint64_t a = 0, b = 0;

	(void)state;
	sim_clock_init(&x, time, 1);
	sim_clock_init(&y, time, 2);
	sim_time_run(time, 5000000);
	x.wall_step = 3600;
	sim_clock_set_age(&y, SIM_TIME_START - 100);
	assert_int_equal(x.world.wall(x.world.priv), SIM_TIME_START + 3605);
	assert_int_equal(y.world.wall(y.world.priv), SIM_TIME_START + 5);
	assert_int_equal(x.world.now(x.world.priv), SIM_TIME_START + 5);
	assert_int_equal(y.world.now(y.world.priv), SIM_TIME_START - 100);
	sim_time_run(time, 7000000);
	assert_int_equal(y.world.now(y.world.priv), SIM_TIME_START - 98);
	assert_int_equal(y.world.mono(y.world.priv), 7000000);
	x.world.random(x.world.priv, &a, sizeof(a));
	y.world.random(y.world.priv, &b, sizeof(b));
	assert_int_not_equal(a, b);
	talloc_free(time);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_arrives_in_order),
		cmocka_unit_test(luck_comes_from_the_seed),
		cmocka_unit_test(what_is_not_taken_is_shown_again),
		cmocka_unit_test(a_pause_holds),
		cmocka_unit_test(who_does_not_read_holds_the_sender),
		cmocka_unit_test(it_is_read_in_turns),
		cmocka_unit_test(callers_meet_what_is_there),
		cmocka_unit_test(a_call_can_be_given_up),
		cmocka_unit_test(a_cut_stalls_and_heals),
		cmocka_unit_test(a_call_waits_for_the_heal),
		cmocka_unit_test(a_cut_may_reset),
		cmocka_unit_test(a_crash_is_noticed),
		cmocka_unit_test(what_was_sent_still_goes_out),
		cmocka_unit_test(who_sends_to_the_closed_is_reset),
		cmocka_unit_test(a_program_that_ends_closes),
		cmocka_unit_test(datagrams_arrive_or_are_lost),
		cmocka_unit_test(timers_run_in_order_and_die),
		cmocka_unit_test(many_timers_run_sorted),
		cmocka_unit_test(each_clock_tells_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
