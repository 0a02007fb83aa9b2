/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answers to SEND_REQUEST: protocol.md 4.2 row by row, what changes while an
 * answer is prepared, and that readers who are slow cost bounded memory and
 * nobody else's time.
 */

#include "stage.h"

#include "codec/be.h"

#define A OWNER(1)

static void put(const struct nb_record *rec)
{
	struct nb_record copy = *rec;

	store_begin(st.server->store);
	assert_int_equal(0, store_put(st.server->store, &copy,
				      copy.owner == NB_SELF &&
				      copy.version == 0));
	store_commit(st.server->store, NULL, NULL);
}

/* Start anew on what stands in the store, so that its owners are known. */
static void again(void)
{
	TALLOC_FREE(st.repl);
	stage_repl(&st);
	repl_loaded(st.repl);
	settle();
}

static void know(uint32_t owner, uint64_t mark)
{
	store_begin(st.server->store);
	assert_int_equal(0, store_set_mark(st.server->store, owner, mark));
	store_commit(st.server->store, NULL, NULL);
	again();
}

/* The versions of the answer, one digit each: "1234". */
static void answers(struct caller *c, uint32_t owner, uint64_t min,
		    uint64_t max, const char *versions)
{
	uint8_t *frame = fake_memory(NULL, FAKE_FRAME);
	char got[64] = "";
	struct wrepl_msg msg;
	struct nb_record rec;
	size_t used = 0, len = 0, taken = 0;
	uint64_t body = 0;

	say_request(c, owner, min, max);
	settle();
	len = fake_take(c->link, frame);
	assert_int_equal(wrepl_open_reply(frame, len, &msg, &used, &body),
			 WREPL_OK);
	for (uint32_t i = 0; i < msg.names; i++, used += taken, body -= taken) {
		assert_int_equal(wrepl_decode_record(frame + used, len - used,
						     body, owner, &rec,
						     &taken), WREPL_OK);
		got[i] = (char)('0' + rec.version % 10);
	}
	assert_int_equal(body, 0);
	assert_string_equal(got, versions);
	free(frame);
}

static void rows_of_4_2(void **state)
{
	struct nb_record *rec = replicas(A, 1, 9);
	struct caller c;

	(void)state;
	rec[2].state = NB_TOMBSTONE;
	rec[3].state = NB_RELEASED;
	rec[3].count = 0;
	for (unsigned int i = 9; i > 0; i--) {
		put(&rec[i - 1]);
	}
	know(A, 8);
	c = call_us(P(1));
	/* owner not in our table */
	answers(&c, OWNER(2), 1, 0, "");
	answers(&c, 0, 1, 0, "");
	answers(&c, 0xffffffff, 1, 0, "");
	/* max == 0: no limit but what is settled; RELEASED is never sent */
	answers(&c, A, 1, 0, "1235678");
	answers(&c, A, 0, 0, "1235678");
	answers(&c, A, 1, UINT64_MAX, "1235678");
	/* min > max, min > what we know */
	answers(&c, A, 5, 4, "");
	answers(&c, A, 9, 0, "");
	answers(&c, A, UINT64_MAX, UINT64_MAX, "");
	/* from min to max, one or none */
	answers(&c, A, 2, 6, "2356");
	answers(&c, A, 3, 3, "3");
	answers(&c, A, 4, 4, "");
	free(rec);
}

/* A record of ours whose time has come reads as released (2.1): not sent. */
static void expired(void **state)
{
	struct caller c;

	(void)state;
	client_registers(&st, "PC1<20>", SIM_HOST(1));
	client_registers(&st, "PC2<20>", SIM_HOST(2));
	c = call_us(P(1));
	answers(&c, SIM_SELF, 1, 0, "12");
	/* the lower clamp of a TTL is six hours, this asked for 3.5 days */
	sim_advance_seconds(&sim, 3 * 86400);
	client_registers(&st, "PC2<20>", SIM_HOST(2));
	sim_advance_seconds(&sim, 86400);
	c = call_us(P(1));
	answers(&c, SIM_SELF, 1, 0, "2");
}

/* Only dynamic records, only domains: the row of the partner says so. */
static void by_the_row(void **state)
{
	struct nb_record rec[] = {
		replica("PC<20>", NB_UNIQUE, A, 1, SIM_HOST(1)),
		replica("DOM<1c>", NB_SGROUP, A, 2, SIM_HOST(1)),
		replica("DOM<1b>", NB_UNIQUE, A, 3, SIM_HOST(1)),
	};
	struct caller c;

	stage_setup(state);
	stage_partner(&st, P(1))->options.domains_only = true;
	stage_partner(&st, P(2))->options.statics = false;
	stage_start();
	rec[2].is_static = true;
	rec[2].expires = rec[2].member[0].expires = NB_NEVER;
	for (unsigned int i = 0; i < 3; i++) {
		put(&rec[i]);
	}
	know(A, 3);
	c = call_us(P(1));
	answers(&c, A, 1, 0, "23");
	c = call_us(P(2));
	answers(&c, A, 1, 0, "12");
}

/* ---- long ones ---- */

#define SCOPED 30000u

/* As long as names get: about 300 bytes a record. */
static void have_long_ones(uint32_t count)
{
	struct nb_record rec = replica("X<20>", NB_UNIQUE, A, 1, SIM_HOST(1));

	rec.name.scope_len = 230;
	memset(rec.name.scope, 's', 230);
	for (uint32_t i = 0; i < count; i++) {
		char number[16];
		int len = snprintf(number, sizeof(number), "X%u", i);

		memcpy(rec.name.byte, number, (size_t)len);
		rec.name.len = (uint8_t)len;
		rec.version = i + 1;
		put(&rec);
	}
	know(A, count);
}

/* All of it has come: how many records; 0: not yet. */
static uint32_t whole_answer(const struct caller *c)
{
	const struct link *link = c->link;
	size_t len = WREPL_HEAD + (size_t)wrepl_frame_size(link->out,
							   link->out_len);

	if (link->out_len < WREPL_REPLY_HEAD || link->out_len != len) {
		return 0;
	}
	return be32_get(link->out + 20);
}

/* Sixteen ask at once and do not read: together they cost what one may cost
 * beside ANSWER_BYTES, and each gets all of it in the end. */
static void many_at_once(void **state)
{
	struct caller c[ANSWERS_MAX];
	uint64_t most = 0, one = SCOPED * 300ull;

	stage_setup(state);
	for (uint32_t i = 0; i < ANSWERS_MAX; i++) {
		stage_partner(&st, P(i));
	}
	stage_start();
	have_long_ones(SCOPED);
	for (uint32_t i = 0; i < ANSWERS_MAX; i++) {
		c[i] = call_us(P(i));
		fake_stall(c[i].link, true);
		say_request(&c[i], A, 1, 0);
	}
	for (unsigned int i = 0; i < 300; i++) {
		uint64_t now = stat_of(&st, "replication-answer-bytes");

		most = now > most ? now : most;
		sim_advance(&sim, 10000);
	}
	assert_true(one * ANSWERS_MAX > ANSWER_BYTES + 2 * one);
	assert_true(most > one);
	assert_true(most < ANSWER_BYTES + one + ANSWERS_MAX * 200000u);
	for (uint32_t i = 0; i < ANSWERS_MAX; i++) {
		fake_stall(c[i].link, false);
		settle();
	}
	pass(10);
	for (uint32_t i = 0; i < ANSWERS_MAX; i++) {
		assert_int_equal(whole_answer(&c[i]), SCOPED);
	}
	assert_true(stat_of(&st, "replication-answer-bytes") == 0);
}

/* A little now and then keeps no answer alive for ever. */
static void a_slow_reader(void **state)
{
	struct caller c;
	int64_t began = 0;

	(void)state;
	have_long_ones(SCOPED);
	c = call_us(P(1));
	fake_stall(c.link, true);
	say_request(&c, A, 1, 0);
	settle();
	began = sim.world.now(&sim);
	for (unsigned int i = 0; i < 100 && !c.link->ended; i++) {
		/* 256 KiB in 100 s */
		sim_advance_seconds(&sim, 100);
		fake_drain(c.link);
	}
	assert_true(c.link->closed);
	assert_true(sim.world.now(&sim) - began <= REPLY_SECONDS +
		    (int64_t)(SCOPED * 300ull / 65536) + 100);
	assert_true(stat_of(&st, "replication-answer-bytes") == 0);
}

/* What changes while it is prepared: a record that got another version has
 * left the range, and no record is told twice or torn. */
static void changes_meanwhile(void **state)
{
	struct nb_record *rec = replicas(A, 1, 3000);
	struct caller c;

	(void)state;
	for (unsigned int i = 0; i < 3000; i++) {
		put(&rec[i]);
	}
	know(A, 3000);
	c = call_us(P(1));
	say_request(&c, A, 1, 0);
	/* nothing is encoded before the loop has turned */
	rec[2500].version = 3001;
	put(&rec[2500]);
	store_begin(st.server->store);
	assert_int_equal(0, store_delete(st.server->store, &rec[2600].name));
	store_commit(st.server->store, NULL, NULL);
	settle();
	assert_int_equal(whole_answer(&c), 2998);
	free(rec);
}

static void they_leave(void **state)
{
	struct caller c, d;

	(void)state;
	have_long_ones(3000);
	c = call_us(P(1));
	say_request(&c, A, 1, 0);
	fake_down(c.link, ECONNRESET);
	c = call_us(P(1));
	fake_stall(c.link, true);
	say_request(&c, A, 1, 0);
	settle();
	d = call_us(P(1));
	say_request(&d, A, 1, 0);
	fake_down(c.link, 0);
	st.config.partners = 0;
	assert_int_equal(0, repl_set_config(st.repl, &st.config));
	assert_true(d.link->closed);
	settle();
	assert_true(stat_of(&st, "replication-answer-bytes") == 0);
	assert_int_equal(fake_open(&net), 0);
}

/* ---- what questions tell ---- */

/* The asker has what lies below; but numbers that were never ours are none of
 * ours (a tombstone would be forgotten before anybody has seen it). */
static void questions_tell(void **state)
{
	struct caller c;

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		char name[32];

		snprintf(name, sizeof(name), "PC%u<20>", i);
		client_registers(&st, name, SIM_HOST(1));
	}
	assert_true(partner_of(&st, P(1)).our_max_there == REPL_UNKNOWN);
	assert_true(partner_of(&st, P(1)).lag_out == REPL_UNKNOWN);
	assert_int_equal(partner_of(&st, P(1)).lag_out_seconds, -1);
	c = call_us(P(1));
	answers(&c, SIM_SELF, 3, 0, "345");
	assert_true(partner_of(&st, P(1)).our_max_there == 2);
	assert_true(partner_of(&st, P(1)).lag_out == 3);
	assert_true(partner_of(&st, P(1)).pulled_from_us ==
		    sim.world.wall(&sim));
	answers(&c, SIM_SELF, 1000, 0, "");
	assert_true(partner_of(&st, P(1)).our_max_there == 2);
	answers(&c, SIM_SELF, 6, 0, "");
	assert_true(partner_of(&st, P(1)).our_max_there == 5);
	assert_true(partner_of(&st, P(1)).lag_out == 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_setup_one, \
						   stage_teardown)
#define OWN(name) cmocka_unit_test_teardown(name, stage_teardown)
	const struct CMUnitTest tests[] = {
		TEST(rows_of_4_2),
		TEST(expired),
		OWN(by_the_row),
		OWN(many_at_once),
		TEST(a_slow_reader),
		TEST(changes_meanwhile),
		TEST(they_leave),
		TEST(questions_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
