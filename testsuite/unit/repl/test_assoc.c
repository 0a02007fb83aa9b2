/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Associations: each row of the table of protocol.md 3.5, in its order, the
 * two tests assoc_ctx1 and assoc_ctx2 as 9.4 describes them, and the bytes of
 * annex A. What is expected is typed from there.
 */

#include "stage.h"

#include "codec/be.h"

#define INVALID_CONTEXT							\
	"00000018 00008583 00000000 00000000 0000000a 0001 0000 00000000"
#define START_NO_BITS							\
	"00000029 00000000 00000000 00000000 00000007 0002 0005 "	\
	"000000000000000000000000000000000000000000"

/* START is 41 bytes, but those without the 21 zeros are taken (3.2). */
static void feed_frame(struct link *link, uint32_t opcode, uint32_t context,
		       uint32_t type, const char *rest)
{
	uint8_t buf[256];
	size_t len = unhex(rest, buf + 16);

	be32_put(buf, (uint32_t)(12 + len));
	be32_put(buf + 4, opcode);
	be32_put(buf + 8, context);
	be32_put(buf + 12, type);
	fake_feed(link, buf, 16 + len);
}

/* ---- annex A ---- */

static void annex_random(void *priv, void *buf, size_t len)
{
	const uint32_t context = 0x12345678;

	(void)priv;
	memset(buf, 0x5a, len);
	if (len == sizeof(context)) {
		memcpy(buf, &context, len);
	}
}

#define ANNEX_START "00000029 00007800 00000000 00000000 00000000 0002 0005" \
	"000000000000000000000000000000000000000000"
#define ANNEX_START_REPLY \
	"00000029 00007800 00000000 00000001 12345678 0002 0005" \
	"000000000000000000000000000000000000000000"
#define ANNEX_UPDATE "00000030 00007800 12345678 00000003 00000004 00000001" \
	"7f414101 0000000000000001 0000000000000000 00000001 00000000"
#define ANNEX_REQUEST "00000028 00007800 00000000 00000003 00000002" \
	"7f414101 0000000000000001 0000000000000001 00000001"
#define ANNEX_REPLY "00000044 00007800 12345678 00000003 00000003 00000001" \
	"00000011 5f53414d455f4f574e45525f412020 00 00 000000" \
	"00000001 01000000 0000000000000001 7f004101 ffffffff"
#define ANNEX_STOP "00000010 00007800 00000000 00000002 00000000"

static void check_annex_record(void)
{
	struct nb_record rec;

	assert_true(sim_record(st.server, "_SAME_OWNER_A<00>", &rec));
	assert_int_equal(rec.type, NB_GROUP);
	assert_int_equal(rec.state, NB_ACTIVE);
	assert_int_equal(rec.owner, 0x7f414101);
	assert_true(rec.version == 1);
	assert_int_equal(rec.count, 1);
	assert_int_equal(rec.member[0].ip, 0x7f004101);
}

static void annex_a(void **state)
{
	struct link *link = NULL;

	(void)state;
	sim.world.random = annex_random;
	link = fake_call(&st.end, P(1));
	feed_hex(link, ANNEX_START);
	expect_hex(link, ANNEX_START_REPLY);
	feed_hex(link, ANNEX_UPDATE);
	expect_hex(link, ANNEX_REQUEST);
	expect_nothing(link);
	feed_hex(link, ANNEX_REPLY);
	/* it is durable by the time STOP is sent (4.3) */
	expect_hex(link, ANNEX_STOP);
	expect_nothing(link);
	assert_true(link->closed);
	check_annex_record();
}

/* The same, a byte at a time. */
static void annex_a_in_bytes(void **state)
{
	const char *const text[] = { ANNEX_START, ANNEX_UPDATE, ANNEX_REPLY };
	struct link *link = NULL;
	uint8_t buf[256];

	(void)state;
	sim.world.random = annex_random;
	link = fake_call(&st.end, P(1));
	for (unsigned int i = 0; i < 3; i++) {
		fake_feed_pieces(link, buf, unhex(text[i], buf), 1);
	}
	expect_hex(link, ANNEX_START_REPLY);
	expect_hex(link, ANNEX_REQUEST);
	expect_hex(link, ANNEX_STOP);
	assert_true(link->closed);
	check_annex_record();
}

/* And all at once, though nobody would: each frame has its turn. */
static void annex_a_at_once(void **state)
{
	struct link *link = NULL;

	(void)state;
	sim.world.random = annex_random;
	link = fake_call(&st.end, P(1));
	feed_hex(link, ANNEX_START ANNEX_UPDATE ANNEX_REPLY);
	settle();
	expect_hex(link, ANNEX_START_REPLY);
	expect_hex(link, ANNEX_REQUEST);
	expect_hex(link, ANNEX_STOP);
	check_annex_record();
}

static void annex_stranger(void **state)
{
	struct caller c = { .link = NULL };

	(void)state;
	c.link = fake_call(&st.end, STRANGER(1));
	feed_hex(c.link, ANNEX_START);
	c.context = expect_frame(c.link, WREPL_START_REPLY, 0).sender;
	say_query(&c);
	expect_hex(c.link, "00000010 00007800 00000000 00000002 00000004");
	expect_ignored(c.link);
}

/* ---- 3.5, row by row ---- */

/* Any PDU with no opcode bits, once a START came without them. */
static void row_no_bits(void **state)
{
	struct link *link = fake_call(&st.end, P(1));

	(void)state;
	feed_hex(link, START_NO_BITS);
	expect_hex(link, INVALID_CONTEXT);
	feed_frame(link, 0, 0x0a, 3, "00000000");
	expect_hex(link, INVALID_CONTEXT);
	feed_frame(link, 0x00000700, 0x0a, 2, "00000000");
	expect_hex(link, INVALID_CONTEXT);
	expect_ignored(link);
	/* "a later START with bits set recovers" */
	say_start(link, 0);
	expect_frame(link, WREPL_START_REPLY, 0);
	feed_frame(link, 0, 0x0a, 3, "00000000");
	expect_ignored(link);
	feed_frame(link, 0, 0x0a, 2, "00000000");
	expect_stop(link, 4);
	assert_true(link->closed);
}

static void row_start_other_context(void **state)
{
	struct caller c = call_us(P(1));
	struct link *link = fake_call(&st.end, P(1));

	(void)state;
	say_start(c.link, c.context + 1);
	expect_ignored(c.link);
	say_start(link, 77);
	expect_ignored(link);
	say_start(link, 0);
	expect_frame(link, WREPL_START_REPLY, 0);
}

/* assoc_ctx2: three times START, three times the same context. */
static void row_start_again(void **state)
{
	struct caller c = call_us(P(1));

	(void)state;
	say_start(c.link, 0);
	assert_int_equal(expect_frame(c.link, WREPL_START_REPLY, 0).sender,
			 c.context);
	say_start(c.link, c.context);
	assert_int_equal(expect_frame(c.link, WREPL_START_REPLY, 0).sender,
			 c.context);
	assert_int_not_equal(c.context, 0);
	assert_int_not_equal(c.context, WREPL_BAD_CONTEXT);
	assert_true(ask_map(&c, 1, NULL) == 0);
}

/* peer_ctx is the one of the latest START: replies carry it. */
static void row_start_new_peer_context(void **state)
{
	struct caller c = call_us(P(1));
	uint8_t frame[WREPL_SMALL_MAX];

	(void)state;
	fake_feed(c.link, frame, wrepl_encode_start(frame, WREPL_START, 0, 99));
	assert_int_equal(expect_frame(c.link, WREPL_START_REPLY, 0).context,
			 99);
	say_query(&c);
	assert_int_equal(expect_frame(c.link, WREPL_REPLICATION,
				      WREPL_TABLE_REPLY).context, 99);
}

static void row_start_versions(void **state)
{
	struct link *link = fake_call(&st.end, P(1));

	(void)state;
	/* first version 3: no reply (3.2) */
	feed_frame(link, 0x7800, 0, 0, "00000001 0003 0005");
	expect_ignored(link);
	/* second 1, as NT 4.0, and 9; without the 21 zeros */
	feed_frame(link, 0x7800, 0, 0, "00000001 0002 0001");
	expect_frame(link, WREPL_START_REPLY, 0);
	feed_frame(link, 0x7800, 0, 0, "00000001 0002 0009");
	expect_frame(link, WREPL_START_REPLY, 0);
	/* any one of the bits will do */
	feed_frame(link, 0x0800, 0, 0, "00000001 0002 0005");
	expect_frame(link, WREPL_START_REPLY, 0);
}

static void row_start_reply(void **state)
{
	struct caller c = call_us(P(1));
	uint8_t frame[WREPL_SMALL_MAX];

	(void)state;
	fake_feed(c.link, frame, wrepl_encode_start(frame, WREPL_START_REPLY,
						    c.context, 5));
	expect_ignored(c.link);
	say_query(&c);
	assert_int_equal(expect_frame(c.link, WREPL_REPLICATION,
				      WREPL_TABLE_REPLY).context, OUR_CONTEXT);
}

static void row_stop(void **state)
{
	struct caller c = call_us(P(1));

	(void)state;
	feed_frame(c.link, 0x7800, c.context + 1, 2, "00000000");
	expect_ignored(c.link);
	feed_frame(c.link, 0x7800, c.context, 2, "00000000");
	expect_nothing(c.link);
	assert_true(c.link->closed);
	/* Microsoft's is 40 bytes long, and an error closes as well */
	c = call_us(P(1));
	feed_frame(c.link, 0x7800, c.context, 2,
		   "00000004 000000000000000000000000 000000000000000000000000");
	expect_nothing(c.link);
	assert_true(c.link->closed);
}

static void row_stop_no_bits(void **state)
{
	struct caller c = call_us(P(1));

	(void)state;
	feed_frame(c.link, 0, c.context, 2, "00000000");
	expect_stop(c.link, 4);
	expect_nothing(c.link);
	assert_true(c.link->closed);
	/* we have said STOP before */
	c = call_us(STRANGER(1));
	say_query(&c);
	expect_stop(c.link, 4);
	feed_frame(c.link, 0, c.context, 2, "00000000");
	expect_nothing(c.link);
	assert_true(c.link->closed);
}

static void row_wrong_context(void **state)
{
	struct caller c = call_us(P(1)), wrong = c;

	(void)state;
	wrong.context++;
	say_query(&wrong);
	say_request(&wrong, SIM_SELF, 1, 0);
	say_news(&wrong, WREPL_UPDATE, OWNER(1), 5);
	say_news(&wrong, WREPL_INFORM, OWNER(1), 5);
	settle();
	expect_ignored(c.link);
	assert_int_equal(net.calls, 0);
	assert_true(stat_of(&st, "replication-wrong-context") == 4);
	assert_true(ask_map(&c, 1, NULL) == 0);
}

static void refused(struct caller *c)
{
	settle();
	expect_stop(c->link, 4);
	expect_ignored(c->link);
	assert_int_equal(net.calls, 0);
}

static void row_no_partner(void **state)
{
	struct caller c = call_us(STRANGER(1));

	(void)state;
	say_query(&c);
	refused(&c);
	say_request(&c, SIM_SELF, 1, 0);
	refused(&c);
	say_news(&c, WREPL_UPDATE, OWNER(1), 5);
	refused(&c);
	say_news(&c, WREPL_UPDATE2, OWNER(1), 5);
	refused(&c);
	say_news(&c, WREPL_INFORM, OWNER(1), 5);
	refused(&c);
	say_news(&c, WREPL_INFORM2, OWNER(1), 5);
	refused(&c);
}

static void row_no_push(void **state)
{
	struct caller c;

	stage_setup(state);
	stage_partner(&st, P(1))->push = false;
	stage_start();
	c = call_us(P(1));
	say_query(&c);
	refused(&c);
	say_request(&c, SIM_SELF, 1, 0);
	refused(&c);
	say_news(&c, WREPL_UPDATE, OWNER(1), 5);
	expect_request(&c, OWNER(1), 1, 5);
}

static void row_no_pull(void **state)
{
	struct caller c;

	stage_setup(state);
	stage_partner(&st, P(1))->pull = false;
	stage_start();
	c = call_us(P(1));
	say_news(&c, WREPL_UPDATE, OWNER(1), 5);
	refused(&c);
	say_news(&c, WREPL_UPDATE2, OWNER(1), 5);
	refused(&c);
	say_news(&c, WREPL_INFORM, OWNER(1), 5);
	refused(&c);
	say_news(&c, WREPL_INFORM2, OWNER(1), 5);
	refused(&c);
	assert_true(ask_map(&c, 1, NULL) == 0);
}

static void row_replies_as_requests(void **state)
{
	struct nb_record rec = replica("EVIL<20>", NB_UNIQUE, OWNER(1), 1,
				       SIM_HOST(1));
	struct caller c = call_us(P(1));

	(void)state;
	say_news(&c, WREPL_TABLE_REPLY, OWNER(1), 5);
	expect_ignored(c.link);
	say_record(&c, &rec);
	expect_ignored(c.link);
	assert_false(has("EVIL<20>"));
	/* it is still in step */
	assert_true(ask_map(&c, OWNER(1), NULL) == 0);
}

static void row_inform(void **state)
{
	struct caller c = call_us(P(1));
	uint32_t command = WREPL_INFORM;

	(void)state;
	for (; command <= WREPL_INFORM2; command++) {
		say_news(&c, command, OWNER(1), 5);
		settle();
		expect_ignored(c.link);
		assert_non_null(fake_called(&net, P(1)));
		fake_down(fake_called(&net, P(1)), ECONNREFUSED);
		pass(2);
	}
}

static void row_update(void **state)
{
	uint32_t command = WREPL_UPDATE;

	(void)state;
	for (; command <= WREPL_UPDATE2; command++) {
		struct caller c = call_us(P(1));

		say_news(&c, command, OWNER(command), 5);
		expect_request(&c, OWNER(command), 1, 5);
		say_records(&c, NULL, 0, 100);
		settle();
		expect_stop(c.link, 0);
		assert_true(c.link->closed);
		/* nothing new: STOP at once */
		c = call_us(P(1));
		say_news(&c, command, OWNER(command), 5);
		expect_stop(c.link, 0);
		assert_true(c.link->closed);
	}
	assert_int_equal(net.calls, 0);
}

static void row_unknown(void **state)
{
	static const uint32_t commands[] = { 6, 7, 10, 11, 0xffffffff };
	struct caller c = call_us(P(1));

	(void)state;
	feed_frame(c.link, 0x7800, c.context, 4, "00000000");
	expect_nothing(c.link);
	assert_true(c.link->closed);
	for (unsigned int i = 0; i < 5; i++) {
		char text[16];

		c = call_us(P(1));
		snprintf(text, sizeof(text), "%08x", commands[i]);
		feed_frame(c.link, 0x7800, c.context, 3, text);
		expect_nothing(c.link);
		assert_true(c.link->closed);
	}
	assert_true(stat_of(&st, "replication-bad-frames") == 6);
}

/* 9.4: START on both; the other's context; 0; STOP for an error. */
static void assoc_ctx1(void **state)
{
	struct caller one = call_us(P(1)), two = call_us(P(1)), mixed = two;

	(void)state;
	assert_int_not_equal(one.context, two.context);
	mixed.context = one.context;
	say_query(&mixed);
	expect_ignored(two.link);
	expect_ignored(one.link);
	say_start(two.link, 0);
	assert_int_equal(expect_frame(two.link, WREPL_START_REPLY, 0).sender,
			 two.context);
	mixed = one;
	mixed.context = 0;
	say_query(&mixed);
	expect_frame(one.link, WREPL_REPLICATION, WREPL_TABLE_REPLY);
	say_start(one.link, 0);
	assert_int_equal(expect_frame(one.link, WREPL_START_REPLY, 0).sender,
			 one.context);
	say_stop(&one, 4);
	assert_true(one.link->closed);
	expect_nothing(one.link);
	expect_ignored(two.link);
	say_stop(&two, 0);
	assert_true(two.link->closed);
	expect_nothing(two.link);
}

/* 0 stands for a connection only after its START. */
static void nothing_before_start(void **state)
{
	struct caller c = { .link = fake_call(&st.end, P(1)) };

	(void)state;
	say_query(&c);
	say_news(&c, WREPL_UPDATE, OWNER(1), 5);
	say_stop(&c, 0);
	expect_ignored(c.link);
}

/* CVE-2004-1080: a handle that was guessed moves nothing. */
static void a_million_handles(void **state)
{
	struct caller c = call_us(P(1)), guess = c;

	(void)state;
	for (unsigned int i = 0; i < 1000000; i++) {
		guess.context = nb_random32(&sim.world);
		if (guess.context == 0 || guess.context == c.context) {
			continue;
		}
		switch (i % 4) {
		case 0:
			say_query(&guess);
			break;
		case 1:
			say_request(&guess, SIM_SELF, 1, 0);
			break;
		case 2:
			say_news(&guess, WREPL_UPDATE, OWNER(1), i);
			break;
		default:
			say_stop(&guess, i % 8);
		}
	}
	expect_ignored(c.link);
	assert_true(stat_of(&st, "replication-wrong-context") > 999000);
	assert_true(stat_of(&st, "notifications-received") == 0);
	assert_true(ask_map(&c, OWNER(1), NULL) == 0);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, stage_setup_one, \
						  stage_teardown)
#define OWN(name) cmocka_unit_test_teardown(name, stage_teardown)
	const struct CMUnitTest tests[] = {
		ROW(annex_a),
		ROW(annex_a_in_bytes),
		ROW(annex_a_at_once),
		ROW(annex_stranger),
		ROW(row_no_bits),
		ROW(row_start_other_context),
		ROW(row_start_again),
		ROW(row_start_new_peer_context),
		ROW(row_start_versions),
		ROW(row_start_reply),
		ROW(row_stop),
		ROW(row_stop_no_bits),
		ROW(row_wrong_context),
		ROW(row_no_partner),
		OWN(row_no_push),
		OWN(row_no_pull),
		ROW(row_replies_as_requests),
		ROW(row_inform),
		ROW(row_update),
		ROW(row_unknown),
		ROW(assoc_ctx1),
		ROW(nothing_before_start),
		ROW(a_million_handles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
