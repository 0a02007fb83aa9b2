/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Push: protocol.md 4.5 and 4.4, propagation without loops (Q129816), and when
 * nothing is pushed. Last, servers that are wired to each other: whatever
 * happens, they fall silent.
 */

#include "stage.h"

#define A OWNER(1)

static struct repl_partner_config *pushed_to(uint32_t n, uint32_t count)
{
	struct repl_partner_config *partner = stage_partner(&st, P(n));

	partner->options.push_count = count;
	stage_peer(P(n));
	return partner;
}

static void registers(unsigned int number)
{
	char name[32];

	snprintf(name, sizeof(name), "PC%u<20>", number);
	client_registers(&st, name, SIM_HOST(1 + number % 200));
}

struct told {
	unsigned int calls;
	int error;
	char message[200];
};

static void tell(void *arg, uint32_t partner, int error, uint64_t records,
		 const char *message)
{
	struct told *told = arg;

	(void)partner;
	(void)records;
	told->calls++;
	told->error = error;
	snprintf(told->message, sizeof(told->message), "%s",
		 message != NULL ? message : "");
}

static void push_now(struct told *told, uint32_t partner, bool propagate)
{
	*told = (struct told){ .calls = 0 };
	assert_int_equal(repl_push(st.repl, partner, propagate, tell, told),
			 1);
	settle();
}

/* What came was this command, with so many lines, from this initiator. */
static void came(const struct fake_peer *p, uint32_t command,
		 unsigned int count, uint32_t initiator)
{
	assert_int_equal(p->command, command);
	assert_int_equal(p->lines, count);
	assert_int_equal(p->initiator, initiator);
}

/* We know of another owner, so that a whole table has two lines. */
static void know_another(void)
{
	struct caller c = call_us(P(0));

	say_news(&c, WREPL_UPDATE, A, 7);
	expect_request(&c, A, 1, 7);
	say_records(&c, NULL, 0, 10);
	settle();
	expect_stop(c.link, 0);
}

/* ---- what is sent ---- */

static void at_the_start(void **state)
{
	(void)state;
	pushed_to(0, 20);
	pushed_to(1, 0);
	pushed_to(2, 20)->push = false;
	stage_start();
	settle();
	assert_int_equal(peer[0].informs, 1);
	came(&peer[0], WREPL_INFORM, 1, SIM_SELF);
	assert_int_equal(peer[0].line[0].address, SIM_SELF);
	assert_int_equal(peer[1].calls + peer[2].calls, 0);
}

static void inform(void **state)
{
	static struct told told;

	(void)state;
	pushed_to(0, 0);
	stage_start();
	know_another();
	registers(1);
	registers(2);
	push_now(&told, P(0), false);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.error, 0);
	came(&peer[0], WREPL_INFORM, 2, SIM_SELF);
	assert_int_equal(peer[0].line[0].address, SIM_SELF);
	assert_true(peer[0].line[0].max == 2);
	assert_int_equal(peer[0].line[1].address, A);
	assert_true(peer[0].line[1].max == 7);
	/* it stays, and the next one takes it */
	assert_false(peer[0].link->ended);
	pass(2);
	push_now(&told, P(0), false);
	assert_int_equal(peer[0].informs, 2);
	assert_int_equal(peer[0].calls, 1);
	/* "2": only our own entry */
	pass(2);
	push_now(&told, P(0), true);
	came(&peer[0], WREPL_INFORM2, 1, SIM_SELF);
	assert_int_equal(peer[0].line[0].address, SIM_SELF);
	assert_int_equal(peer[0].calls, 1);
}

/* UPDATE: a new connection, and then we are the server on it. */
static void update(void **state)
{
	static struct told told;
	struct caller c;
	struct nb_record rec;

	(void)state;
	pushed_to(0, 0)->options.persistent = false;
	stage_start();
	know_another();
	registers(1);
	push_now(&told, P(0), false);
	came(&peer[0], WREPL_UPDATE, 2, SIM_SELF);
	c.link = peer[0].link;
	c.context = c.link->peer;
	peer[0].address = 0;		/* by hand from here */
	say_request(&c, SIM_SELF, 1, 1);
	settle();
	{
		uint8_t *frame = malloc(FAKE_FRAME);
		struct wrepl_msg msg;
		size_t used = 0, len = fake_take(c.link, frame);
		uint64_t body = 0;

		assert_int_equal(wrepl_open_reply(frame, len, &msg, &used,
						  &body), WREPL_OK);
		assert_int_equal(msg.context, FAKE_CONTEXT);
		assert_int_equal(msg.names, 1);
		assert_int_equal(wrepl_decode_record(frame + used, len - used,
						     body, SIM_SELF, &rec,
						     &used), WREPL_OK);
		assert_memory_equal(rec.name.byte, "PC1", 4);
		free(frame);
	}
	say_stop(&c, 0);
	expect_nothing(c.link);
	assert_true(c.link->closed);
	/* each time a new one, and with the partner's end it ends */
	peer[0].address = P(0);
	pass(2);
	push_now(&told, P(0), true);
	came(&peer[0], WREPL_UPDATE2, 1, SIM_SELF);
	assert_int_equal(peer[0].calls, 2);
	assert_ptr_not_equal(peer[0].link, c.link);
}

/* NT 4.0 knows no INFORM: UPDATE, and the connection is not kept (4.5). */
static void old_partners(void **state)
{
	static struct told told;

	(void)state;
	pushed_to(0, 0);
	stage_start();
	peer[0].minor = 1;
	push_now(&told, P(0), false);
	came(&peer[0], WREPL_UPDATE, 1, SIM_SELF);
	pass(2);
	push_now(&told, P(0), true);
	came(&peer[0], WREPL_UPDATE2, 1, SIM_SELF);
	assert_int_equal(peer[0].calls, 2);
	/* it was brought up to date */
	peer[0].minor = 5;
	pass(2);
	push_now(&told, P(0), false);
	came(&peer[0], WREPL_INFORM, 1, SIM_SELF);
	pass(2);
	push_now(&told, P(0), false);
	assert_int_equal(peer[0].calls, 3);
}

/* ---- when ---- */

/* One change an hour: the reference forgets them at each tick (4.4). */
static void slow_changes_add_up(void **state)
{
	(void)state;
	pushed_to(0, 5);
	stage_start();
	settle();
	assert_int_equal(peer[0].informs, 1);
	for (unsigned int i = 1; i <= 20; i++) {
		registers(i);
		pass(3600);
		assert_int_equal(peer[0].informs, 1 + i / 5);
	}
	assert_true(peer[0].line[0].max == 20);
}

/* Many at once: one push that tells of all. */
static void many_changes(void **state)
{
	(void)state;
	pushed_to(0, 20);
	stage_start();
	settle();
	for (unsigned int i = 1; i <= 1000; i++) {
		registers(i);
	}
	pass(3);
	assert_true(peer[0].informs <= 3);
	assert_true(peer[0].line[0].max == 1000);
	/* refreshes change nothing that partners see (2.7) */
	for (unsigned int i = 1; i <= 1000; i++) {
		registers(i);
	}
	pass(60);
	assert_true(peer[0].informs <= 3);
}

/* "address change": at once, whatever the count, and onwards. */
static void a_new_address(void **state)
{
	(void)state;
	pushed_to(0, 1000);
	pushed_to(1, 0);
	stage_start();
	registers(1);
	pass(5);
	assert_int_equal(peer[0].informs, 1);
	/* the host has moved; the old address does not answer */
	client_registers(&st, "PC1<20>", SIM_HOST(99));
	pass(5);
	assert_int_equal(peer[0].informs, 2);
	came(&peer[0], WREPL_INFORM2, 1, SIM_SELF);
	assert_int_equal(peer[1].calls, 0);
}

static void not_more_than_one_a_second(void **state)
{
	static struct told told;

	(void)state;
	pushed_to(0, 1);
	stage_start();
	for (unsigned int i = 0; i < 100; i++) {
		registers(i);
		push_now(&told, P(0), i % 2);
		pass_usec(100000);
	}
	assert_true(peer[0].informs <= 12);
	pass(2);
	assert_true(told.calls > 0 && told.error == 0);
	assert_true(peer[0].line[0].max == 100);
}

/* ---- when not ---- */

static void observing(void **state)
{
	static struct told told;
	struct caller c;
	struct nb_record *rec = replicas(A, 1, 3);

	(void)state;
	pushed_to(0, 1);
	pushed_to(1, 1);
	st.config.observe = true;
	stage_start();
	assert_int_equal(repl_push(st.repl, 0, true, tell, &told), 0);
	/* it pulls, but passes nothing on */
	fake_peer_knows(&peer[1], A, 3);
	peer[1].record = rec;
	peer[1].records = 3;
	c = call_us(P(1));
	say_news(&c, WREPL_INFORM2, A, 3);
	pass(3600);
	assert_true(has("N00000003<20>"));
	assert_int_equal(peer[0].calls, 0);
	assert_int_equal(peer[0].informs + peer[1].informs, 0);
	assert_int_equal(told.calls, 0);
	free(rec);
}

/* "One immediate retry, then give up until the next trigger." */
static void it_fails(void **state)
{
	static struct told told;

	(void)state;
	pushed_to(0, 0);
	stage_start();
	peer[0].mood = FAKE_AWAY;
	push_now(&told, P(0), false);
	assert_int_equal(net.calls, 2);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.error, ECONNREFUSED);
	pass(3600);
	assert_int_equal(net.calls, 2);
	assert_true(stat_of(&st, "pushes-failed") == 1);
	peer[0].mood = FAKE_WELL;
	push_now(&told, P(0), false);
	assert_int_equal(told.error, 0);
	assert_int_equal(peer[0].informs, 1);
}

/* The next trigger is a count of changes, not the next change. */
static void it_waits_for_the_next(void **state)
{
	(void)state;
	pushed_to(0, 5);
	stage_start();
	pass(400);
	fake_down(peer[0].link, 0);
	peer[0].mood = FAKE_AWAY;
	for (unsigned int i = 0; i < 5; i++) {
		registers(i);
	}
	pass(2);
	assert_int_equal(net.calls, 1 + 2);
	peer[0].mood = FAKE_WELL;
	for (unsigned int i = 5; i < 9; i++) {
		registers(i);
		pass(10);
	}
	assert_int_equal(net.calls, 1 + 2);
	registers(9);
	pass(2);
	assert_int_equal(peer[0].informs, 2);
}

/* More than two failures in five minutes (microsoft-wins.md 5). */
static void it_fails_too_often(void **state)
{
	static struct told told;

	(void)state;
	pushed_to(0, 1);
	pushed_to(1, 0);
	stage_start();
	pass(400);
	peer[0].mood = FAKE_AWAY;
	fake_down(peer[0].link, ECONNRESET);
	for (unsigned int i = 0; i < 3; i++) {
		push_now(&told, P(0), false);
		assert_true(told.error != 0 && told.error != EAGAIN);
		fake_sweep(&net);
		pass(2);
	}
	assert_int_equal(partner_of(&st, P(0)).failures_5min, 3);
	peer[0].mood = FAKE_WELL;
	push_now(&told, P(0), false);
	assert_int_equal(told.error, EAGAIN);
	assert_true(strstr(told.message, "more than twice") != NULL);
	registers(1);
	pass(60);
	assert_int_equal(peer[0].informs, 1);
	assert_true(stat_of(&st, "pushes-held-back") >= 2);
	/* others are not held */
	push_now(&told, P(1), false);
	assert_int_equal(told.error, 0);
	/* and five minutes later it is told everything */
	pass(240);
	registers(2);
	pass(2);
	assert_int_equal(peer[0].informs, 2);
	assert_true(peer[0].line[0].max == 2);
}

/* The connection of earlier INFORMs has gone: a new one. */
static void the_old_connection_is_gone(void **state)
{
	static struct told told;

	(void)state;
	pushed_to(0, 0);
	stage_start();
	push_now(&told, P(0), false);
	fake_down(peer[0].link, ECONNRESET);
	pass(2);
	push_now(&told, P(0), false);
	assert_int_equal(told.error, 0);
	assert_int_equal(peer[0].informs, 2);
	assert_int_equal(peer[0].calls, 2);
	/* and one that ended by itself after hours of silence */
	pass(IDLE_SECONDS + 1);
	assert_true(peer[0].link->closed);
	push_now(&told, P(0), false);
	assert_int_equal(peer[0].informs, 3);
}

/* Who is called does not begin, and is no server's client before it was told
 * what it was called for. */
static void they_speak_first(void **state)
{
	static struct told told;
	struct caller c;
	uint8_t frame[WREPL_SMALL_MAX];

	(void)state;
	pushed_to(0, 0);
	stage_start();
	peers = 0;			/* all by hand */
	push_now(&told, P(0), false);
	c.link = fake_called(&net, P(0));
	fake_answer(c.link);
	c.context = expect_frame(c.link, WREPL_START, 0).sender;
	say_start(c.link, 0);
	say_news(&c, WREPL_UPDATE, A, 5);
	say_request(&c, SIM_SELF, 1, 0);
	settle();
	expect_ignored(c.link);
	assert_int_equal(told.calls, 0);
	fake_feed(c.link, frame,
		  wrepl_encode_start(frame, WREPL_START_REPLY, c.context,
				     OUR_CONTEXT));
	settle();
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.error, 0);
	expect_frame(c.link, WREPL_REPLICATION, WREPL_INFORM);
	/* UPDATE on a connection of ours does not give it away: an INFORM */
	say_news(&c, WREPL_UPDATE, A, 5);
	settle();
	expect_ignored(c.link);
	assert_non_null(fake_called(&net, P(0)));
	st.config.partners = 0;
	assert_int_equal(0, repl_set_config(st.repl, &st.config));
	assert_int_equal(fake_open(&net), 0);
}

static void reloads(void **state)
{
	static struct told told;

	(void)state;
	pushed_to(0, 0);
	stage_start();
	peer[0].mood = FAKE_SILENT;
	push_now(&told, P(0), false);
	assert_int_equal(told.calls, 0);
	st.config.partners = 0;
	assert_int_equal(0, repl_set_config(st.repl, &st.config));
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.error, ECANCELED);
	assert_int_equal(fake_open(&net), 0);
	/* forgotten while it is under way */
	st.config.partners = 1;
	assert_int_equal(0, repl_set_config(st.repl, &st.config));
	push_now(&told, P(0), false);
	repl_forget(st.repl, &told);
	peer[0].mood = FAKE_WELL;
	settle();
	assert_int_equal(told.calls, 0);
	assert_int_equal(peer[0].informs, 1);
}

/* ---- onwards ---- */

static struct nb_record news[2];

/* P(0) tells of news by INFORM(2) of this initiator, and has it. */
static void tells(uint32_t command, uint32_t initiator, uint64_t version)
{
	struct wrepl_owner one = { A, version, 0 };
	struct caller c = call_us(P(0));

	news[0] = replica("NEWS<20>", NB_UNIQUE, A, version, SIM_HOST(7));
	peer[0].record = news;
	peer[0].records = 1;
	say_table(&c, command, &one, 1, initiator);
	pass(5);
}

static void propagation(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		pushed_to(i, 0);
	}
	st.partner[3].push = false;
	stage_start();
	registers(1);
	/* not asked for */
	tells(WREPL_INFORM, P(0), 1);
	assert_true(has("NEWS<20>"));
	assert_int_equal(peer[1].calls + peer[2].calls + peer[3].calls, 0);
	/* asked for: to all but whom it came from, and with its line only */
	tells(WREPL_INFORM2, 0, 2);
	assert_int_equal(peer[0].informs, 0);
	assert_int_equal(peer[1].informs, 1);
	assert_int_equal(peer[2].informs, 1);
	assert_int_equal(peer[3].calls, 0);
	/* who began it stands there, and is not told again */
	tells(WREPL_INFORM2, P(2), 3);
	assert_int_equal(peer[1].informs, 2);
	assert_int_equal(peer[2].informs, 1);
	assert_int_equal(peer[1].initiator, P(2));
	assert_int_equal(peer[1].command, WREPL_INFORM2);
	/* our own comes back: it ends here */
	tells(WREPL_INFORM2, SIM_SELF, 4);
	assert_int_equal(peer[1].informs, 2);
	/* nothing new came of it */
	tells(WREPL_INFORM2, 0, 4);
	assert_int_equal(peer[1].informs, 2);
	assert_int_equal(peer[2].informs, 1);
}

/* The line of the owner whose news it is. */
static void propagation_lines(void **state)
{
	(void)state;
	pushed_to(0, 0);
	pushed_to(1, 0);
	stage_start();
	know_another();
	tells(WREPL_INFORM2, A, 8);
	came(&peer[1], WREPL_INFORM2, 1, A);
	assert_int_equal(peer[1].line[0].address, A);
	assert_true(peer[1].line[0].max == 8);
}

/* News of two owners that became one pull: both go on. */
static void propagation_of_two(void **state)
{
	struct wrepl_owner one = { A, 1, 0 }, two = { OWNER(2), 1, 0 };
	struct caller c;

	(void)state;
	pushed_to(0, 0);
	pushed_to(1, 0);
	stage_start();
	news[0] = replica("NEWS1<20>", NB_UNIQUE, A, 1, SIM_HOST(7));
	news[1] = replica("NEWS2<20>", NB_UNIQUE, OWNER(2), 1, SIM_HOST(7));
	peer[0].record = news;
	peer[0].records = 2;
	peer[0].mood = FAKE_SILENT;
	c = call_us(P(0));
	assert_int_equal(repl_pull(st.repl, P(0), NULL, NULL), 1);
	say_table(&c, WREPL_INFORM2, &one, 1, A);
	say_table(&c, WREPL_INFORM2, &two, 1, OWNER(2));
	settle();
	peer[0].mood = FAKE_WELL;
	pass(5);
	assert_true(has("NEWS1<20>") && has("NEWS2<20>"));
	assert_int_equal(peer[1].command, WREPL_INFORM2);
	assert_int_equal(peer[1].lines, 3);
}

/* By UPDATE2 as well. */
static void propagation_of_updates(void **state)
{
	struct nb_record rec = replica("NEWS<20>", NB_UNIQUE, A, 1,
				       SIM_HOST(7));
	struct wrepl_owner one = { A, 1, 0 };
	struct caller c;

	(void)state;
	pushed_to(0, 0);
	pushed_to(1, 0)->options.persistent = false;
	stage_start();
	c = call_us(P(0));
	say_table(&c, WREPL_UPDATE2, &one, 1, A);
	expect_request(&c, A, 1, 1);
	say_record(&c, &rec);
	settle();
	expect_stop(c.link, 0);
	assert_int_equal(peer[0].updates, 0);
	came(&peer[1], WREPL_UPDATE2, 1, A);
}

/* ---- wired to each other ---- */

#define RING 3
static struct stage ring[RING];

static uint32_t ring_address(unsigned int i)
{
	return P(100 + i);
}

static void ring_start(unsigned int count, uint32_t push_count)
{
	memset(ring, 0, sizeof(ring));
	for (unsigned int i = 0; i < count; i++) {
		ring[i].config = stage_config(ring_address(i));
		for (unsigned int j = 0; j < count; j++) {
			if (j != i) {
				stage_partner(&ring[i], ring_address(j))
					->options.push_count = push_count;
			}
		}
		stage_server(&ring[i]);
		stage_repl(&ring[i]);
	}
	for (unsigned int i = 0; i < count; i++) {
		repl_loaded(ring[i].repl);
	}
	pass(10);
}

static void ring_end(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		TALLOC_FREE(ring[i].repl);
	}
	settle();
	for (unsigned int i = 0; i < count; i++) {
		stage_end(&ring[i]);
	}
}

static uint64_t noise(unsigned int count)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < count; i++) {
		sum += stat_of(&ring[i], "pushes") +
		       stat_of(&ring[i], "pulls") +
		       stat_of(&ring[i], "notifications-received");
	}
	return sum;
}

static bool ring_has(unsigned int i, const char *name)
{
	struct nb_record rec;

	return sim_record(ring[i].server, name, &rec);
}

static void they_fall_silent(unsigned int count)
{
	uint64_t before = 0, loud = 0;

	for (unsigned int i = 0; i < count; i++) {
		char name[32];

		before = noise(count);
		snprintf(name, sizeof(name), "PC%u<20>", i);
		client_registers(&ring[i], name, SIM_HOST(i + 1));
		repl_push(ring[i].repl, 0, true, NULL, NULL);
		pass(20);
		for (unsigned int j = 0; j < count; j++) {
			assert_true(ring_has(j, name));
		}
		loud = noise(count);
		/* each server tells each other once, at most twice */
		assert_true(loud - before <= 6 * count * count);
		pass(600);
		assert_true(noise(count) == loud);
	}
}

static void two_servers(void **state)
{
	(void)state;
	ring_start(2, 1);
	they_fall_silent(2);
	ring_end(2);
}

static void three_servers(void **state)
{
	(void)state;
	ring_start(3, 1);
	they_fall_silent(3);
	ring_end(3);
}

/* All at once, for a while, with propagation by each. */
static void all_at_once(void **state)
{
	uint64_t loud = 0;

	(void)state;
	ring_start(3, 2);
	for (unsigned int i = 0; i < 60; i++) {
		char name[32];

		snprintf(name, sizeof(name), "PC%u<20>", i);
		client_registers(&ring[i % 3], name, SIM_HOST(i + 1));
		repl_push(ring[i % 3].repl, 0, i % 2, NULL, NULL);
		pass_usec(300000);
	}
	pass(60);
	loud = noise(3);
	for (unsigned int i = 0; i < 60; i++) {
		char name[32];

		snprintf(name, sizeof(name), "PC%u<20>", i);
		for (unsigned int j = 0; j < 3; j++) {
			assert_true(ring_has(j, name));
		}
	}
	pass(3600);
	assert_true(noise(3) == loud);
	ring_end(3);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, stage_setup, stage_teardown)
	const struct CMUnitTest tests[] = {
		TEST(at_the_start),
		TEST(inform),
		TEST(update),
		TEST(old_partners),
		TEST(slow_changes_add_up),
		TEST(many_changes),
		TEST(a_new_address),
		TEST(not_more_than_one_a_second),
		TEST(observing),
		TEST(it_fails),
		TEST(it_waits_for_the_next),
		TEST(it_fails_too_often),
		TEST(the_old_connection_is_gone),
		TEST(they_speak_first),
		TEST(reloads),
		TEST(propagation),
		TEST(propagation_lines),
		TEST(propagation_of_two),
		TEST(propagation_of_updates),
		TEST(two_servers),
		TEST(three_servers),
		TEST(all_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
