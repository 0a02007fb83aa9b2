/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When partners are pulled from: protocol.md 4.4, with a start time as people
 * read the clock, without the drift of Q196209, and through reloads at every
 * state of a pull.
 */

#include "stage.h"

#define HOUR 3600
#define DAY (24 * HOUR)
#define TIMES 4096

static int64_t called[TIMES];		/* wall clock of each connection */
static unsigned int calls;

static void note_call(void *arg, struct link *link)
{
	(void)arg;
	if (!link->incoming && !link->up && !link->ended && calls < TIMES) {
		called[calls++] = sim.world.wall(&sim);
	}
}

static int setup(void **state)
{
	stage_setup(state);
	sweeping = true;
	calls = 0;
	net.watch = note_call;
	return 0;
}

/* Pulled from every so many seconds, on a connection each time. */
static struct repl_partner_config *pulled_every(uint32_t n, uint32_t seconds)
{
	struct repl_partner_config *partner = stage_partner(&st, P(n));

	partner->options.pull_interval = seconds;
	partner->options.persistent = false;
	stage_peer(P(n));
	return partner;
}

/* A tick is at most a second late, and never early. */
static void at(unsigned int call, int64_t when)
{
	if (call >= calls) {
		fail_msg("call %u has not been made", call);
	}
	if (called[call] < when || called[call] > when + 1) {
		fail_msg("call %u came at %lld, not %lld", call,
			 (long long)(called[call] - sim.start),
			 (long long)(when - sim.start));
	}
}

static void reload(void)
{
	assert_int_equal(0, repl_set_config(st.repl, &st.config));
	settle();
}

/* ---- the grid ---- */

/* At the start, then for a month to the second. */
static void no_drift(void **state)
{
	(void)state;
	pulled_every(0, 1800);
	stage_start();
	pass(30 * DAY);
	assert_int_equal(calls, 30 * 48 + 1);
	for (unsigned int i = 0; i < calls; i++) {
		at(i, sim.start + (int64_t)i * 1800);
	}
}

/* Pulls that take long, or longer than the interval: it stays where it was. */
static void slow_partners(void **state)
{
	(void)state;
	pulled_every(0, 600);
	stage_start();
	peer[0].mood = FAKE_DEAF;
	pass(50);
	peer[0].mood = FAKE_WELL;
	pass(2 * HOUR);
	/* the deaf one cost REPLY_SECONDS and came again at once */
	at(0, sim.start);
	at(1, sim.start + REPLY_SECONDS);
	for (unsigned int i = 2; i < calls; i++) {
		at(i, sim.start + (int64_t)(i - 1) * 600);
	}
	assert_int_equal(calls, 2 + 12);
}

static void never(void **state)
{
	(void)state;
	pulled_every(0, 0);
	pulled_every(1, 600)->pull = false;
	stage_start();
	pass(DAY);
	assert_int_equal(calls, 0);
	assert_true(partner_of(&st, P(0)).next_pull == NB_NEVER);
	assert_true(partner_of(&st, P(1)).next_pull == NB_NEVER);
}

static void each_its_own(void **state)
{
	(void)state;
	pulled_every(0, 600);
	pulled_every(1, 1000);
	pulled_every(2, 86400);
	stage_start();
	pass(6000);
	assert_int_equal(peer[0].calls, 11);
	assert_int_equal(peer[1].calls, 7);
	assert_int_equal(peer[2].calls, 1);
	assert_true(partner_of(&st, P(2)).next_pull == sim.start + DAY);
}

/* ---- start times ---- */

static int64_t offset_of(void *priv, int64_t wall)
{
	/* summer ends half way through the test: 2023-11-16 04:00 UTC */
	(void)priv;
	return wall < 1700107200 ? 2 * HOUR : HOUR;
}

/* sim.start is 2023-11-14 22:13:20 UTC, 00:13:20 there. */
static void a_start_time(void **state)
{
	(void)state;
	sim.world.utc_offset = offset_of;
	pulled_every(0, 12 * HOUR)->options.start_minute = 2 * 60 + 30;
	stage_start();
	assert_true(partner_of(&st, P(0)).next_pull ==
		    1700000000 + 2 * HOUR + 1000);
	pass(4 * DAY);
	/* at once, then 02:30 and 14:30 there */
	at(0, 1700000000);
	at(1, 1700008200);		/* 15th, 00:30 UTC */
	at(2, 1700051400);		/* 12:30 UTC */
	at(3, 1700094600);		/* 16th, 00:30 UTC */
	/* and still 02:30, after the change */
	at(4, 1700137800 + HOUR);	/* 13:30 UTC is 14:30 there */
	at(5, 1700181000 + HOUR);
	at(6, 1700224200 + HOUR);
}

/* The wall clock is set, back and forth: people mean the clock they see. */
static void the_clock_is_set(void **state)
{
	(void)state;
	pulled_every(0, 6 * HOUR)->options.start_minute = 0;
	stage_start();
	at(0, sim.start);
	/* back by a day: not a day without a pull */
	sim.wall_step = -DAY;
	pass(6 * HOUR);
	assert_true(calls >= 2);
	at(1, 1700006400 - DAY);	/* midnight */
	/* forth by ten days: once, not forty times */
	calls = 0;
	sim.wall_step = 10 * DAY;
	pass(60);
	assert_int_equal(calls, 1);
	pass(6 * HOUR);
	assert_int_equal(calls, 2);
	assert_int_equal((called[1] - 1700006400) % (6 * HOUR), 0);
}

/* Without a start time no step of the wall clock moves anything. */
static void the_clock_does_not_matter(void **state)
{
	int64_t step = 0;

	(void)state;
	pulled_every(0, 1800);
	stage_start();
	for (unsigned int i = 1; i < 20; i++) {
		step = i % 2 == 0 ? -40 * DAY : 3 * HOUR;
		sim.wall_step += step;
		pass(1800);
		assert_int_equal(calls, i + 1);
	}
}

/* ---- failures ---- */

/* At once, then errors x retry, at most the interval; and then the grid. */
static void back_off(void **state)
{
	int64_t when = 0;

	(void)state;
	pulled_every(0, 600)->options.retry = 100;
	stage_start();
	peer[0].mood = FAKE_AWAY;
	pass(1);
	at(0, sim.start);
	at(1, sim.start);		/* the first error: at once */
	pass(HOUR);
	when = called[1];
	for (unsigned int i = 2; i < calls; i++) {
		int64_t wait = i * 100 < 600 ? i * 100 : 600;
		int64_t gap = called[i] - when;

		/* the grid may come first */
		assert_true(gap <= wait + 1);
		when = called[i];
	}
	at(2, called[1] + 200);
	at(3, called[2] + 300);
	assert_int_equal(partner_of(&st, P(0)).failures_24h, calls);
	peer[0].mood = FAKE_WELL;
	pass(600);
	calls = 0;
	pass(HOUR);
	assert_int_equal(calls, 6);
	assert_int_equal((called[0] - sim.start) % 600, 0);
}

static void one_failure(void **state)
{
	(void)state;
	pulled_every(0, 1800);
	stage_start();
	pass(1799);
	peer[0].mood = FAKE_AWAY;
	pass(1);
	settle();
	peer[0].mood = FAKE_WELL;
	assert_int_equal(partner_of(&st, P(0)).failures_5min, 1);
	assert_string_equal(partner_of(&st, P(0)).state, "failing");
	pass(3);
	at(1, sim.start + 1800);
	at(2, sim.start + 1800);
	assert_string_equal(partner_of(&st, P(0)).state, "idle");
	pass(300);
	assert_int_equal(partner_of(&st, P(0)).failures_5min, 0);
	assert_int_equal(partner_of(&st, P(0)).failures_24h, 1);
	pass(1500);
	at(3, sim.start + 3600);
	pass(DAY);
	assert_int_equal(partner_of(&st, P(0)).failures_24h, 0);
}

/* The log is not filled by it: one warning until it works again. */
static void one_warning(void **state)
{
	(void)state;
	pulled_every(0, 600);
	stage_start();
	peer[0].mood = FAKE_AWAY;
	pass(2000);
	assert_int_equal(logged("1 replication with"), 1);
}

/* ---- floods ---- */

static void floods(void **state)
{
	struct caller c[2];
	unsigned int highest = 0;

	(void)state;
	stage_partner(&st, P(0))->options.pull_interval = 600;
	stage_peer(P(0))->mood = FAKE_WELL;
	stage_start();
	c[0] = call_us(P(0));
	for (unsigned int i = 0; i < 10000; i++) {
		say_news(&c[0], WREPL_INFORM + i % 2, OWNER(1), i);
		if (i % 100 == 0) {
			c[1] = call_us(P(0));
			say_news(&c[1], WREPL_UPDATE, OWNER(1), i);
		}
		if (i % 10 == 0) {
			pass_usec(10000);
		}
		highest = st.repl->pulls > highest ? st.repl->pulls : highest;
	}
	assert_int_equal(highest, 1);
	/* 10 s went by: a pull a second for the INFORMs, one for each gift */
	assert_true(stat_of(&st, "pulls") <= 1 + 11 + 101);
	assert_true(peer[0].calls <= 2);
}

/* ---- reloads ---- */

static void more_and_fewer(void **state)
{
	(void)state;
	pulled_every(0, 1800);
	stage_start();
	pass(100);
	pulled_every(1, 600);
	reload();
	/* "the first tick after any change": but it is in no hurry to ask again */
	assert_int_equal(peer[1].calls, 1);
	assert_int_equal(peer[0].calls, 1);
	pass(600);
	assert_int_equal(peer[1].calls, 2);
	st.partner[0].options.pull_interval = 300;
	reload();
	pass(300);
	assert_int_equal(peer[0].calls, 2);
	st.partner[0] = st.partner[1];
	st.config.partners = 1;
	reload();
	pass(1800);
	assert_int_equal(peer[0].calls, 2);
	assert_int_equal(peer[1].calls, 5);
	assert_int_equal(fake_open(&net), 0);
}

static void from_never_to_some_time(void **state)
{
	(void)state;
	pulled_every(0, 0);
	stage_start();
	pass(100);
	assert_int_equal(calls, 0);
	st.partner[0].options.pull_interval = 600;
	reload();
	assert_int_equal(calls, 1);
	pass(1200);
	assert_int_equal(calls, 3);
	st.partner[0].options.pull_interval = 0;
	reload();
	pass(1200);
	assert_int_equal(calls, 3);
}

/* What a reload does to a pull at each of its states. */
enum what { GOES, STAYS, CHANGES, NO_PULL, WHATS };

static void reload_so(enum what what)
{
	struct repl_config config = st.config;

	switch (what) {
	case GOES:
		config.partners = 0;
		break;
	case CHANGES:
		st.partner[0].options.persistent ^= true;
		st.partner[0].options.pull_interval = 1000;
		break;
	case NO_PULL:
		st.partner[0].pull = false;
		break;
	default:
		break;
	}
	assert_int_equal(0, repl_set_config(st.repl, &config));
}

/* A pull that has got so far: each step is one more that the partner did. */
static void step(struct link *link, unsigned int steps)
{
	static struct nb_record rec;
	const struct nb_record *list[] = { &rec, &rec };
	const struct wrepl_owner map[] = { { OWNER(1), 9, 0 } };
	uint8_t frame[1024], *reply = NULL;
	size_t len = 0;

	if (steps >= 1) {
		fake_answer(link);
	}
	if (steps >= 2) {
		struct wrepl_msg msg = expect_frame(link, WREPL_START, 0);

		fake_feed(link, frame,
			  wrepl_encode_start(frame, WREPL_START_REPLY,
					     msg.sender, FAKE_CONTEXT));
		link->peer = msg.sender;
	}
	if (steps >= 3) {
		fake_feed(link, frame,
			  wrepl_encode_table(frame, link->peer,
					     WREPL_TABLE_REPLY, map, 1, P(0)));
	}
	rec = replica("A<20>", NB_UNIQUE, OWNER(1), 3, SIM_HOST(1));
	reply = fake_reply(list, 2, link->peer, &len);
	if (steps == 4) {
		fake_feed(link, reply, 30);
	} else if (steps == 5) {
		fake_feed(link, reply, len - 10);
	} else if (steps >= 6) {
		sim_disk_hold(st.server->disk, steps == 6);
		fake_feed(link, reply, len);
	}
	free(reply);
}

static void asked(void *arg, uint32_t partner, int error, uint64_t records,
		  const char *message)
{
	unsigned int *told = arg;

	(void)partner;
	(void)error;
	(void)records;
	(void)message;
	(*told)++;
}

static void at_every_state(void **state)
{
	static unsigned int told;

	for (unsigned int i = 0; i < 8 * WHATS; i++) {
		struct link *link = NULL;

		setup(state);
		told = 0;
		stage_partner(&st, P(0));
		stage_start();
		assert_int_equal(repl_pull(st.repl, P(0), asked, &told), 1);
		settle();
		link = fake_called(&net, P(0));
		step(link, i / WHATS);
		assert_int_equal(repl_pull(st.repl, P(0), asked, &told), 1);
		reload_so(i % WHATS);
		settle();
		if (i % WHATS == GOES) {
			assert_true(link->closed);
			assert_int_equal(told, 2);
			assert_int_equal(fake_open(&net), 0);
		} else {
			assert_false(link->closed);
			fake_down(link, ECONNRESET);
		}
		sim_disk_hold(st.server->disk, false);
		if (sim_disk_pending(st.server->disk)) {
			sim_disk_finish(st.server->disk, 0);
		}
		stage_peer(P(0));
		pass(5);
		assert_int_equal(told, 2);
		assert_int_equal(stat_of(&st, "replication-pulls-running"), 0);
		assert_int_equal(stage_teardown(state), 0);
	}
	setup(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, stage_teardown)
	const struct CMUnitTest tests[] = {
		TEST(no_drift),
		TEST(slow_partners),
		TEST(never),
		TEST(each_its_own),
		TEST(a_start_time),
		TEST(the_clock_is_set),
		TEST(the_clock_does_not_matter),
		TEST(back_off),
		TEST(one_failure),
		TEST(one_warning),
		TEST(floods),
		TEST(more_and_fewer),
		TEST(from_never_to_some_time),
		cmocka_unit_test_teardown(at_every_state, stage_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
