/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a peer may not do: be nobody's partner, call too often, be slow, lie
 * about lengths. Limits and deadlines are those of private.h; protocol.md 3.5
 * recommends to have some. Names and counts that lie: quality.md C.2.
 */

#include "stage.h"

#include "codec/be.h"

/* ---- strangers ---- */

static void stranger_asks(uint32_t from)
{
	struct caller c = call_us(from);

	say_query(&c);
	expect_stop(c.link, 4);
	expect_ignored(c.link);
	say_stop(&c, 0);
	fake_sweep(&net);
}

static void strangers_are_named_once(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		stranger_asks(STRANGER(1));
	}
	assert_int_equal(logged("10.32.0.1"), 1);
	/* the line to add, with the address in it */
	assert_int_equal(logged("adding 10.32.0.1 to `wins:partners`"), 1);
	stranger_asks(STRANGER(2));
	assert_int_equal(logged("10.32.0.2"), 1);
	pass(3599);
	stranger_asks(STRANGER(1));
	assert_int_equal(logged("10.32.0.1"), 1);
	pass(2);
	stranger_asks(STRANGER(1));
	assert_int_equal(logged("10.32.0.1"), 2);
	assert_true(stat_of(&st, "replication-strangers-refused") == 13);
}

/* Many of them do not fill the log either: each once while it is known. */
static void a_crowd_of_strangers(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < STRANGERS_KNOWN; i++) {
			stranger_asks(STRANGER(i));
		}
	}
	assert_int_equal(lines, STRANGERS_KNOWN);
}

static void put_ours(const char *name, bool is_static)
{
	struct nb_record rec = replica(name, NB_UNIQUE, NB_SELF, 0,
				       SIM_HOST(1));

	rec.is_static = is_static;
	rec.expires = is_static ? NB_NEVER : sim.start + 500000;
	rec.member[0].expires = rec.expires;
	store_begin(st.server->store);
	assert_int_equal(0, store_put(st.server->store, &rec, true));
	store_commit(st.server->store, NULL, NULL);
}

/* Windows 2003 shows strangers dynamic records only (microsoft-wins.md 5). */
static void strangers_see_dynamic_records(void **state)
{
	struct nb_record rec;
	struct caller c;

	stage_setup(state);
	st.config.only_partners = false;
	stage_partner(&st, P(1));
	stage_start();
	put_ours("STATIC<20>", true);
	put_ours("DYNAMIC<20>", false);
	c = call_us(STRANGER(1));
	assert_true(ask_map(&c, SIM_SELF, NULL) == 2);
	say_request(&c, SIM_SELF, 1, 0);
	settle();
	assert_int_equal(expect_reply(&c, SIM_SELF, &rec), 1);
	assert_string_equal((const char *)rec.name.byte, "DYNAMIC");
	/* but it tells us nothing */
	say_news(&c, WREPL_UPDATE, OWNER(1), 5);
	expect_stop(c.link, 4);
	say_news(&c, WREPL_INFORM, OWNER(1), 5);
	expect_stop(c.link, 4);
	settle();
	assert_int_equal(net.calls, 0);
	c = call_us(P(1));
	say_request(&c, SIM_SELF, 1, 0);
	settle();
	assert_int_equal(expect_reply(&c, SIM_SELF, &rec), 2);
}

/* Q139380: a partner with two cards calls from the other one. */
static void other_addresses(void **state)
{
	struct repl_partner_config *partner = NULL;
	struct caller c;

	stage_setup(state);
	partner = stage_partner(&st, P(1));
	partner->options.also_count = 2;
	partner->options.also[0] = STRANGER(1);
	partner->options.also[1] = STRANGER(2);
	stage_start();
	c = call_us(STRANGER(2));
	ask_map(&c, SIM_SELF, NULL);
	say_news(&c, WREPL_UPDATE, OWNER(1), 5);
	expect_request(&c, OWNER(1), 1, 5);
	stranger_asks(STRANGER(3));
}

/* ---- limits ---- */

static void links_of_a_stranger(void **state)
{
	struct link *first = fake_call(&st.end, STRANGER(1));

	(void)state;
	assert_non_null(first);
	assert_non_null(fake_call(&st.end, STRANGER(1)));
	assert_null(fake_call(&st.end, STRANGER(1)));
	assert_false(first->ended);
	fake_down(first, ECONNRESET);
	assert_non_null(fake_call(&st.end, STRANGER(1)));
	assert_true(stat_of(&st, "replication-links-refused") == 1);
}

static void links_of_all_strangers(void **state)
{
	unsigned int taken = 0;

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		taken += fake_call(&st.end, STRANGER(i)) != NULL;
	}
	assert_int_equal(taken, STRANGER_LINKS);
	/* partners do not suffer */
	assert_non_null(fake_call(&st.end, P(1)));
	pass(STRANGER_SECONDS);
	assert_non_null(fake_call(&st.end, STRANGER(200)));
}

/* A partner that was restarted leaves dead links behind. */
static void links_of_a_partner(void **state)
{
	struct caller c[LINKS_OF_PARTNER];
	struct link *more = NULL;

	(void)state;
	for (unsigned int i = 0; i < LINKS_OF_PARTNER; i++) {
		c[i] = call_us(P(1));
	}
	more = fake_call(&st.end, P(1));
	assert_non_null(more);
	assert_true(c[0].link->closed);
	assert_false(c[1].link->ended);
	assert_int_equal(fake_open(&net), LINKS_OF_PARTNER);
}

/* Those that are at work stay. */
static void busy_links_of_a_partner(void **state)
{
	struct caller c[LINKS_OF_PARTNER];

	(void)state;
	put_ours("OURS<20>", false);
	for (unsigned int i = 0; i < LINKS_OF_PARTNER; i++) {
		c[i] = call_us(P(1));
		say_request(&c[i], SIM_SELF, 1, 0);
	}
	assert_null(fake_call(&st.end, P(1)));
	settle();
	for (unsigned int i = 0; i < LINKS_OF_PARTNER; i++) {
		assert_int_equal(expect_reply(&c[i], SIM_SELF, NULL), 1);
	}
	assert_non_null(fake_call(&st.end, P(1)));
}

static void nobody_before_it_is_loaded(void **state)
{
	stage_setup(state);
	stage_partner(&st, P(1));
	stage_server(&st);
	stage_repl(&st);
	assert_null(fake_call(&st.end, P(1)));
	assert_int_equal(repl_pull(st.repl, P(1), NULL, NULL), 1);
	settle();
	assert_int_equal(net.calls, 0);
	repl_loaded(st.repl);
	settle();
	assert_non_null(fake_call(&st.end, P(1)));
}

/* ---- deadlines ---- */

static void gone_after(struct link *link, int64_t seconds)
{
	pass(seconds - 1);
	assert_false(link->ended);
	sim_advance_seconds(&sim, 1);
	assert_true(link->closed);
}

static void start_does_not_come(void **state)
{
	(void)state;
	gone_after(fake_call(&st.end, P(1)), START_SECONDS);
	gone_after(fake_call(&st.end, STRANGER(1)), START_SECONDS);
	assert_true(stat_of(&st, "replication-timeouts") == 2);
}

/* A byte a second is not a frame. */
static void a_frame_that_does_not_end(void **state)
{
	struct caller c = call_us(P(1));
	uint8_t frame[WREPL_SMALL_MAX];
	int64_t began = 0;

	(void)state;
	wrepl_encode_start(frame, WREPL_START, 0, 1);
	began = sim.world.now(&sim);
	for (unsigned int i = 0; i < 44 && !c.link->ended; i++) {
		fake_feed(c.link, &frame[i], 1);
		sim_advance_seconds(&sim, 2);
	}
	assert_true(c.link->closed);
	assert_true(sim.world.now(&sim) - began <= FRAME_SECONDS + 2);
}

static void half_a_start(void **state)
{
	struct link *link = fake_call(&st.end, STRANGER(1));

	(void)state;
	for (int i = 0; i < 200 && !link->ended; i++) {
		fake_feed(link, "", 1);
		sim_advance_seconds(&sim, 1);
		if (i % 16 == 15) {
			/* frames that mean nothing do not win time */
			assert_true(i < START_SECONDS + FRAME_SECONDS);
		}
	}
	assert_true(link->closed);
}

static void idle(void **state)
{
	struct caller c = call_us(P(1)), s = call_us(STRANGER(1));

	(void)state;
	gone_after(s.link, STRANGER_SECONDS);
	pass(IDLE_SECONDS - STRANGER_SECONDS - 10);
	ask_map(&c, SIM_SELF, NULL);
	gone_after(c.link, IDLE_SECONDS);
}

/* As many of ours as do not fit into a link at once. */
static void put_many(void)
{
	for (unsigned int i = 0; i < 8000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "MANY%05u<20>", i);
		put_ours(name, false);
	}
}

/* START and a question at once, and the answer's turn comes late: the peer is
 * not to be blamed. */
static void an_answer_may_wait(void **state)
{
	struct wrepl_owner one = { SIM_SELF, 1, 1 };
	struct caller c[ANSWERS_MAX], late = { .context = 0 };
	uint8_t frame[2 * WREPL_SMALL_MAX];
	size_t len = 0;

	stage_setup(state);
	for (uint32_t i = 0; i < ANSWERS_MAX + 1; i++) {
		stage_partner(&st, P(i));
	}
	stage_start();
	put_many();
	for (uint32_t i = 0; i < ANSWERS_MAX; i++) {
		c[i] = call_us(P(i));
		fake_stall(c[i].link, true);
		say_request(&c[i], SIM_SELF, 1, 0);
		settle();
	}
	late.link = fake_call(&st.end, P(ANSWERS_MAX));
	len = wrepl_encode_start(frame, WREPL_START, 0, OUR_CONTEXT);
	len += wrepl_encode_request(frame + len, 0, &one);
	fake_feed(late.link, frame, len);
	pass(START_SECONDS + 5);
	assert_false(late.link->ended);
	expect_frame(late.link, WREPL_START_REPLY, 0);
	expect_nothing(late.link);
	fake_stall(c[3].link, false);
	settle();
	assert_int_equal(expect_reply(&late, SIM_SELF, NULL), 1);
	/* who does not read is not waited for */
	assert_false(c[0].link->ended);
	pass(REPLY_SECONDS);
	assert_true(c[0].link->closed);
	assert_true(stat_of(&st, "replication-answer-bytes") == 0);
}

static unsigned int until_it_fails;

static bool fails_then(void)
{
	return until_it_fails > 0 && --until_it_fails == 0;
}

/* CVE-2011-1248: a reset before the reply, and a send that fails, at each
 * state, very often. */
static void resets(void **state)
{
	size_t before = 0;

	(void)state;
	put_ours("OURS<20>", false);
	net.fails = fails_then;
	for (unsigned int i = 0; i < 100000; i++) {
		struct caller c = { .link = fake_call(&st.end, P(1)) };

		assert_non_null(c.link);
		until_it_fails = i % 7;
		if (i % 5 >= 1) {
			say_start(c.link, 0);
		}
		if (i % 5 >= 2) {
			say_query(&c);
		}
		if (i % 5 >= 3) {
			say_request(&c, SIM_SELF, 1, 0);
		}
		if (i % 5 >= 4) {
			sim_advance(&sim, 0);
		}
		fake_down(c.link, ECONNRESET);
		sim_advance(&sim, 0);
		fake_sweep(&net);
		before = i == 100 ? talloc_total_size(st.repl) : before;
	}
	until_it_fails = 0;
	assert_true(talloc_total_size(st.repl) == before);
	assert_int_equal(fake_open(&net), 0);
	assert_true(sim.timer_count < 10);
}

/* ---- frames that lie ---- */

/* It closes, nothing is stored, nothing is read past the end. */
static void lie(const char *text)
{
	struct caller c = call_us(P(1));
	uint8_t buf[256];
	size_t len = unhex(text, buf);

	if (len >= 12) {
		be32_put(buf + 8, c.context);
	}
	fake_feed(c.link, buf, len);
	settle();
	if (!c.link->closed) {
		fail_msg("it stays open: %s", text);
	}
	expect_nothing(c.link);
	fake_sweep(&net);
	assert_true(mark_of(OWNER(1)) == 0);
}

static void lying_lengths(void **state)
{
	(void)state;
	lie("00000000");
	lie("00000001 00");
	lie("0000000b 0000780000000000000000");
	lie("00100001 00007800 00000000 00000003 00000004 00000000 00000000");
	lie("ffffffff 00007800 00000000 00000000 00000000 00000000 00000000");
	lie("ffffffff 00007800 00000000 00000003 00000004 00000000 00000000");
	/* too short for what it says to be */
	lie("0000000c 00007800 00000000 00000003");
	lie("0000000c 00007800 00000000 00000002");
	lie("00000010 00007800 00000000 00000003 00000002");
	lie("00000010 00007800 00000000 00000000 00000000");
}

/* CVE-2009-1923: count times size, of a table and of a list of names. */
static void lying_counts(void **state)
{
	static const char *const counts[] = { "00000001", "00010000",
					      "0aaaaaab", "10000001",
					      "80000000", "ffffffff" };
	char text[200];

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		for (unsigned int command = 1; command < 10; command++) {
			if (command == 2 || command == 3 || command == 6 ||
			    command == 7) {
				continue;
			}
			snprintf(text, sizeof(text), "00000018 00007800 "
				 "00000000 00000003 %08x %s 00000000", command,
				 counts[i]);
			lie(text);
		}
		snprintf(text, sizeof(text), "00000018 00007800 00000000 "
			 "00000003 00000003 %s 00000000", counts[i]);
		lie(text);
	}
}

/* A lie within a SEND_REPLY that was asked for: the pull ends, why is told. */
static void lie_of_record(const char *record, bool is_lie)
{
	struct caller c = call_us(P(1));
	uint8_t buf[600];
	size_t len = unhex(record, buf + 24);

	say_news(&c, WREPL_UPDATE, OWNER(1), 7);
	expect_request(&c, OWNER(1), 1, 7);
	unhex("00000000 00007800 00000000 00000003 00000003 00000001", buf);
	be32_put(buf, (uint32_t)(20 + len));
	be32_put(buf + 8, c.context);
	fake_feed(c.link, buf, 24 + len);
	settle();
	if (is_lie) {
		expect_stop(c.link, 4);
		assert_true(mark_of(OWNER(1)) == 0);
	} else {
		expect_stop(c.link, 0);
		assert_true(mark_of(OWNER(1)) == 7);
	}
	assert_true(c.link->closed);
	fake_sweep(&net);
}

/* MS04-045 CVE-2004-0567. */
static void lying_names(void **state)
{
	static const char tail[] = "00000000 00000000 0000000000000007 "
				   "0a000105 ffffffff";
	static const struct {
		uint32_t len;
		bool is_lie;
	} row[] = {
		{ 0, true },	      { 256, true },	   { 257, true },
		{ 0x7fffffff, true }, { 0x80000000, true },
		{ 0xfffffffe, true }, { 0xffffffff, true },
		{ 17, false },	      { 1, false },	   { 16, false },
		{ 255, false },
	};

	for (unsigned int i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char text[1200];
		size_t there = row[i].is_lie ? 64 :
					       row[i].len / 4 * 4 + 4;
		int at = snprintf(text, sizeof(text), "%08x", row[i].len);

		stage_setup_one(state);
		for (size_t j = 0; j < there; j++) {
			at += snprintf(text + at, sizeof(text) - (size_t)at,
				       "%s", j < row[i].len ? "41" : "00");
		}
		snprintf(text + at, sizeof(text) - (size_t)at, "%s", tail);
		lie_of_record(text, row[i].is_lie);
		assert_int_equal(stage_teardown(state), 0);
	}
	stage_setup_one(state);
}

#define NAME \
	"00000011 4c494552 2020202020202020202020 20 00 000000"

static void lying_records(void **state)
{
	(void)state;
	/* more addresses than there are, or than any count can be */
	lie_of_record(NAME "00000002 01000000 0000000000000007 "
		      "02000000 7f414101 0a000105 ffffffff", true);
	lie_of_record(NAME "00000002 01000000 0000000000000007 "
		      "ffffffff 7f414101 0a000105 ffffffff", true);
	lie_of_record(NAME "00000003 00000000 0000000000000007 "
		      "01000020 7f414101 0a000105 ffffffff", true);
	/* a state that there is not */
	lie_of_record(NAME "0000000c 00000000 0000000000000007 "
		      "0a000105 ffffffff", true);
	/* the frame ends within it */
	lie_of_record(NAME "00000000 00000000 0000000000000007 0a000105",
		      true);
	/* and the honest one, with padding behind it (3.1) */
	lie_of_record(NAME "00000000 00000000 0000000000000007 "
		      "0a000105 ffffffff 0000000000000000", false);
	assert_int_equal(logged("its records") + logged("it sent records"), 5);
}

int main(void)
{
#define ONE(name) cmocka_unit_test_setup_teardown(name, stage_setup_one, \
						  stage_teardown)
#define OWN(name) cmocka_unit_test_teardown(name, stage_teardown)
	const struct CMUnitTest tests[] = {
		ONE(strangers_are_named_once),
		ONE(a_crowd_of_strangers),
		OWN(strangers_see_dynamic_records),
		OWN(other_addresses),
		ONE(links_of_a_stranger),
		ONE(links_of_all_strangers),
		ONE(links_of_a_partner),
		ONE(busy_links_of_a_partner),
		OWN(nobody_before_it_is_loaded),
		ONE(start_does_not_come),
		ONE(a_frame_that_does_not_end),
		ONE(half_a_start),
		ONE(idle),
		OWN(an_answer_may_wait),
		ONE(resets),
		ONE(lying_lengths),
		ONE(lying_counts),
		OWN(lying_names),
		ONE(lying_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
