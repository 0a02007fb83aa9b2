/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cycle of protocol.md 4.3, on a connection of our own and on one that was
 * donated, how it ends at each state, who is told, and that a partner has one
 * under way whatever it sends (quality.md C.2, "update donates the socket").
 */

#include "stage.h"

#define A OWNER(1)
#define B OWNER(2)

/* ---- those who ask ---- */

struct told {
	unsigned int calls;
	uint32_t partner;
	int error;
	uint64_t records;
	char message[200];
};

static void tell(void *arg, uint32_t partner, int error, uint64_t records,
		 const char *message)
{
	struct told *told = arg;

	told->calls++;
	told->partner = partner;
	told->error = error;
	told->records = records;
	snprintf(told->message, sizeof(told->message), "%s",
		 message != NULL ? message : "");
}

static void pull_now(struct told *told, uint32_t partner)
{
	*told = (struct told){ .calls = 0 };
	assert_int_equal(repl_pull(st.repl, partner, tell, told), 1);
	settle();
}

static void well(const struct told *told, uint64_t records)
{
	assert_int_equal(told->calls, 1);
	assert_int_equal(told->error, 0);
	assert_true(told->records == records);
	assert_string_equal(told->message, "");
}

static void badly(const struct told *told, int error, const char *message)
{
	assert_int_equal(told->calls, 1);
	assert_int_equal(told->error, error);
	if (strstr(told->message, message) == NULL) {
		fail_msg("\"%s\" is not in \"%s\"", message, told->message);
	}
	assert_string_equal(partner_of(&st, P(1)).failure, told->message);
	assert_string_equal(partner_of(&st, P(1)).state, "failing");
}

/* ---- by hand, on our own connection ---- */

static struct caller answer(uint32_t to)
{
	struct caller c = { .link = fake_called(&net, to) };
	uint8_t frame[WREPL_SMALL_MAX];
	struct wrepl_msg msg;

	assert_non_null(c.link);
	fake_answer(c.link);
	msg = expect_frame(c.link, WREPL_START, 0);
	assert_int_equal(msg.context, 0);
	assert_int_equal(msg.major, 2);
	assert_int_equal(msg.minor, 5);
	assert_int_not_equal(msg.sender, 0);
	c.context = msg.sender;
	fake_feed(c.link, frame,
		  wrepl_encode_start(frame, WREPL_START_REPLY, c.context,
				     OUR_CONTEXT));
	return c;
}

static void expect_query(const struct caller *c)
{
	assert_int_equal(expect_frame(c->link, WREPL_REPLICATION,
				      WREPL_TABLE_QUERY).context, OUR_CONTEXT);
}

/* Ours, then each owner in the order of the map; who knows nothing of it is
 * not asked. */
static void the_cycle(void **state)
{
	struct nb_record *a = replicas(A, 1, 2), *b = replicas(B, 7, 1);
	const struct nb_record *list[] = { &a[0], &a[1] };
	const struct wrepl_owner map[] = {
		{ P(1), 0, 0 }, { A, 2, 0 }, { SIM_SELF, 9, 0 }, { B, 7, 0 },
	};
	static struct told told;
	struct caller c;

	(void)state;
	pull_now(&told, P(1));
	assert_int_equal(fake_called(&net, P(1))->port, WREPL_PORT);
	assert_int_equal(fake_called(&net, P(1))->ours, SIM_SELF);
	c = answer(P(1));
	expect_query(&c);
	say_table(&c, WREPL_TABLE_REPLY, map, 4, P(1));
	/* "our own entry is treated the same" (4.3), and comes first */
	expect_request(&c, SIM_SELF, 1, 9);
	expect_nothing(c.link);
	say_records(&c, NULL, 0, 100);
	settle();
	expect_request(&c, A, 1, 2);
	say_records(&c, list, 2, 100);
	settle();
	expect_request(&c, B, 1, 7);
	say_record(&c, b);
	settle();
	/* persistent: it stays for the next one */
	expect_ignored(c.link);
	well(&told, 3);
	pull_now(&told, P(1));
	expect_query(&c);
	say_table(&c, WREPL_TABLE_REPLY, map, 4, P(1));
	settle();
	well(&told, 0);
	assert_int_equal(net.calls, 1);
	assert_true(partner_of(&st, P(1)).pull_ok == sim.world.wall(&sim));
	assert_true(partner_of(&st, P(1)).records == 3);
	free(a);
	free(b);
}

static void not_persistent(void **state)
{
	static struct told told;
	struct caller c;

	stage_setup(state);
	stage_partner(&st, P(1))->options.persistent = false;
	stage_start();
	pull_now(&told, P(1));
	c = answer(P(1));
	expect_query(&c);
	say_table(&c, WREPL_TABLE_REPLY, NULL, 0, P(1));
	settle();
	expect_stop(c.link, 0);
	assert_true(c.link->closed);
	well(&told, 0);
}

/* The idle connection died unseen: a new one, and no failure. */
static void the_idle_one_is_dead(void **state)
{
	static struct told told;
	struct caller c, d;

	(void)state;
	pull_now(&told, P(1));
	c = answer(P(1));
	expect_query(&c);
	say_table(&c, WREPL_TABLE_REPLY, NULL, 0, P(1));
	settle();
	pull_now(&told, P(1));
	expect_query(&c);
	fake_down(c.link, EPIPE);
	settle();
	assert_int_equal(told.calls, 0);
	d = answer(P(1));
	expect_query(&d);
	say_table(&d, WREPL_TABLE_REPLY, NULL, 0, P(1));
	settle();
	well(&told, 0);
	/* or says so itself while it waits */
	say_stop(&d, 0);
	assert_true(d.link->closed);
	pull_now(&told, P(1));
	assert_int_equal(net.calls, 3);
}

/* INFORM has told the map; we call and ask at once (4.5). */
static void informed(void **state)
{
	struct nb_record rec = replica("NEW<20>", NB_UNIQUE, A, 4, SIM_HOST(1));
	struct caller in = call_us(P(1)), out;

	(void)state;
	say_news(&in, WREPL_INFORM, A, 4);
	settle();
	out = answer(P(1));
	expect_request(&out, A, 1, 4);
	say_record(&out, &rec);
	settle();
	expect_ignored(out.link);
	expect_ignored(in.link);
	assert_true(has("NEW<20>"));
}

/* ---- it breaks at each state ---- */

static void reset(struct caller *c)
{
	fake_down(c->link, ECONNRESET);
	settle();
}

static void it_breaks(void **state)
{
	struct nb_record *rec = replicas(A, 1, 3);
	const struct nb_record *list[] = { &rec[0], &rec[1], &rec[2] };
	const struct wrepl_owner map[] = { { A, 3, 0 } };
	static struct told told;
	struct caller c;
	uint8_t *frame = NULL;
	size_t len = 0;

	(void)state;
	/* called */
	pull_now(&told, P(1));
	fake_down(fake_called(&net, P(1)), ECONNREFUSED);
	settle();
	badly(&told, ECONNREFUSED, "Connection refused while connecting");
	/* START is sent */
	pull_now(&told, P(1));
	c.link = fake_called(&net, P(1));
	fake_answer(c.link);
	reset(&c);
	badly(&told, ECONNRESET, "while connecting");
	/* the map is asked for */
	pull_now(&told, P(1));
	c = answer(P(1));
	reset(&c);
	badly(&told, ECONNRESET, "while asking for the map");
	/* records are */
	pull_now(&told, P(1));
	c = answer(P(1));
	expect_query(&c);
	say_table(&c, WREPL_TABLE_REPLY, map, 1, P(1));
	reset(&c);
	badly(&told, ECONNRESET, "while asking for records");
	/* and come; at each byte of them */
	frame = fake_reply(list, 3, 0, &len);
	for (size_t at = 1; at < len; at++) {
		pull_now(&told, P(1));
		c = answer(P(1));
		expect_query(&c);
		say_table(&c, WREPL_TABLE_REPLY, map, 1, P(1));
		settle();
		fake_feed(c.link, frame, at);
		reset(&c);
		badly(&told, ECONNRESET, at < WREPL_REPLY_HEAD ?
		      "asking for records" : "receiving records");
		if (mark_of(A) == 3) {
			break;
		}
	}
	assert_int_equal(fake_open(&net), 0);
	assert_true(stat_of(&st, "replication-pulls-running") == 0);
	free(frame);
	free(rec);
}

/* It is silent at each state: each has its deadline, and says of what. */
static void it_is_silent(void **state)
{
	const struct wrepl_owner map[] = { { A, 3, 0 } };
	static struct told told;
	struct caller c;

	(void)state;
	pull_now(&told, P(1));
	pass(CONNECT_SECONDS);
	badly(&told, ETIMEDOUT, "while connecting");
	pull_now(&told, P(1));
	fake_answer(fake_called(&net, P(1)));
	pass(START_SECONDS);
	badly(&told, ETIMEDOUT, "while connecting");
	pull_now(&told, P(1));
	c = answer(P(1));
	pass(REPLY_SECONDS);
	badly(&told, ETIMEDOUT, "while asking for the map");
	pull_now(&told, P(1));
	c = answer(P(1));
	say_table(&c, WREPL_TABLE_REPLY, map, 1, P(1));
	pass(REPLY_SECONDS);
	badly(&told, ETIMEDOUT, "while asking for records");
	pull_now(&told, P(1));
	c = answer(P(1));
	say_table(&c, WREPL_TABLE_REPLY, map, 1, P(1));
	feed_hex(c.link, "00000044 00007800 00000000 00000003 00000003 "
		 "00000001");
	pass(REPLY_SECONDS);
	badly(&told, ETIMEDOUT, "while receiving records");
	assert_int_equal(fake_open(&net), 0);
}

/* "Access denied" (3.6), and answers that are none. */
static void it_refuses(void **state)
{
	const struct wrepl_owner map[] = { { A, 3, 0 } };
	static struct told told;
	struct caller c;

	(void)state;
	pull_now(&told, P(1));
	c = answer(P(1));
	say_stop(&c, 4);
	settle();
	badly(&told, EACCES, "one of its partners");
	assert_true(c.link->closed);
	pull_now(&told, P(1));
	c = answer(P(1));
	say_table(&c, WREPL_TABLE_REPLY, map, 1, P(1));
	say_stop(&c, 4);
	settle();
	badly(&told, EACCES, "one of its partners");
	pull_now(&told, P(1));
	c = answer(P(1));
	say_stop(&c, 0);
	settle();
	badly(&told, ECONNRESET, "closed the connection");
	/* replies that nobody asked for change nothing */
	pull_now(&told, P(1));
	c = answer(P(1));
	say_record(&c, &(struct nb_record){ .name = { .len = 1 } });
	say_query(&c);
	say_request(&c, SIM_SELF, 1, 0);
	say_news(&c, WREPL_UPDATE, A, 3);
	settle();
	expect_query(&c);
	expect_ignored(c.link);
	say_table(&c, WREPL_TABLE_REPLY, map, 1, P(1));
	say_table(&c, WREPL_TABLE_REPLY, map, 1, P(1));
	expect_request(&c, A, 1, 3);
	expect_ignored(c.link);
	say_records(&c, NULL, 0, 10);
	settle();
	well(&told, 0);
}

static void it_cannot_be_called(void **state)
{
	static struct told told;

	(void)state;
	net.refuse = ENETUNREACH;
	pull_now(&told, P(1));
	badly(&told, ENETUNREACH, "cannot call it");
	assert_true(stat_of(&st, "pulls-failed") == 1);
	net.refuse = 0;
	pull_now(&told, P(1));
	assert_non_null(fake_called(&net, P(1)));
}

/* Our own address is not on this machine now: from any other, unless the row
 * says which. */
static void from_another_address(void **state)
{
	static struct told told;

	(void)state;
	net.refuse = EADDRNOTAVAIL;
	pull_now(&told, P(1));
	assert_int_equal(net.calls, 2);
	st.partner[0].options.our_address = SIM_HOST(77);
	assert_int_equal(0, repl_set_config(st.repl, &st.config));
	net.refuse = 0;
	pull_now(&told, P(1));
	assert_int_equal(fake_called(&net, P(1))->ours, SIM_HOST(77));
}

/* ---- one at a time ---- */

/* What is wished meanwhile becomes one more. */
static void a_flood_of_news(void **state)
{
	struct caller in = call_us(P(1)), out;
	struct nb_record rec = replica("NEW<20>", NB_UNIQUE, A, 1, SIM_HOST(1));

	(void)state;
	for (uint64_t i = 1; i <= 1000; i++) {
		say_news(&in, WREPL_INFORM, A, i);
	}
	settle();
	assert_int_equal(net.calls, 1);
	out = answer(P(1));
	expect_request(&out, A, 1, 1);
	say_record(&out, &rec);
	settle();
	expect_ignored(out.link);
	/* the next comes a second later, and knows the latest news */
	pass(1);
	assert_true(out.link->out_len > 0);
	assert_int_equal(net.calls, 1);
	for (uint64_t i = 1; i <= 1000; i++) {
		say_news(&in, WREPL_INFORM, A, i);
	}
	assert_true(stat_of(&st, "pulls") == 2);
	expect_ignored(in.link);
}

/* Many connections are donated: one is used, one waits, the rest go home. */
static void a_flood_of_gifts(void **state)
{
	struct caller c[20];

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		c[i] = call_us(P(1));
		say_news(&c[i], WREPL_UPDATE, A, i + 1);
		settle();
		assert_true(fake_open(&net) <= LINKS_OF_PARTNER);
	}
	expect_request(&c[0], A, 1, 1);
	for (unsigned int i = 1; i < 19; i++) {
		expect_stop(c[i].link, 0);
	}
	expect_ignored(c[19].link);
	assert_true(stat_of(&st, "pulls") == 1);
	say_records(&c[0], NULL, 0, 10);
	settle();
	expect_stop(c[0].link, 0);
	expect_request(&c[19], A, 2, 20);
	/* none of it made us call anybody */
	assert_int_equal(net.calls, 0);
}

/* News of two owners, one after the other while we are busy: both count. */
static void news_of_two_owners(void **state)
{
	struct caller in = call_us(P(1)), out;
	static struct told told;

	(void)state;
	pull_now(&told, P(1));
	out = answer(P(1));
	expect_query(&out);
	say_news(&in, WREPL_INFORM2, A, 5);
	say_news(&in, WREPL_INFORM2, B, 6);
	say_table(&out, WREPL_TABLE_REPLY, NULL, 0, P(1));
	well(&told, 0);
	pass(2);
	expect_request(&out, A, 1, 5);
	say_records(&out, NULL, 0, 10);
	settle();
	expect_request(&out, B, 1, 6);
}

/* The same by UPDATE2, as partners without persistent connections have it. */
static void gifts_of_two_owners(void **state)
{
	struct caller one = call_us(P(1)), two = call_us(P(1)), three;

	(void)state;
	say_news(&one, WREPL_UPDATE2, OWNER(3), 1);
	expect_request(&one, OWNER(3), 1, 1);
	say_news(&two, WREPL_UPDATE2, A, 5);
	three = call_us(P(1));
	say_news(&three, WREPL_UPDATE2, B, 6);
	expect_stop(two.link, 0);
	say_records(&one, NULL, 0, 10);
	settle();
	expect_stop(one.link, 0);
	expect_request(&three, A, 1, 5);
	say_records(&three, NULL, 0, 10);
	settle();
	expect_request(&three, B, 1, 6);
	say_records(&three, NULL, 0, 10);
	settle();
	expect_stop(three.link, 0);
}

/* A donated connection goes while it waits for its turn. */
static void a_gift_is_taken_back(void **state)
{
	struct caller one = call_us(P(1)), two = call_us(P(1));

	(void)state;
	say_news(&one, WREPL_UPDATE, A, 1);
	say_news(&two, WREPL_UPDATE, A, 2);
	expect_request(&one, A, 1, 1);
	fake_down(two.link, 0);
	say_records(&one, NULL, 0, 10);
	settle();
	expect_stop(one.link, 0);
	assert_int_equal(fake_open(&net), 0);
	assert_true(stat_of(&st, "replication-pulls-running") == 0);
}

/* Operators: each is told, of a pull that began after they asked. */
static void operators_wait(void **state)
{
	static struct told one, two, three;
	struct caller c;

	(void)state;
	pull_now(&one, P(1));
	pull_now(&two, P(1));
	assert_int_equal(repl_pull(st.repl, 0, tell, &three), 1);
	assert_int_equal(repl_pull(st.repl, P(2), tell, &three), 0);
	repl_forget(st.repl, &three);
	c = answer(P(1));
	expect_query(&c);
	say_table(&c, WREPL_TABLE_REPLY, NULL, 0, P(1));
	settle();
	well(&one, 0);
	assert_int_equal(two.calls, 0);
	expect_query(&c);
	say_table(&c, WREPL_TABLE_REPLY, NULL, 0, P(1));
	settle();
	well(&two, 0);
	assert_int_equal(three.calls, 0);
	assert_true(stat_of(&st, "pulls") == 2);
}

/* ---- maps ---- */

/* No host has these addresses: they are nobody's records, and not ours. */
static void owners_that_cannot_be(void **state)
{
	const struct wrepl_owner map[] = {
		{ 0, 5, 0 }, { 0xffffffff, 5, 0 }, { 0xe0000118, 5, 0 },
		{ A, 0, 0 }, { B, 2, 0 }, { B, 3, 0 },
	};
	struct repl_owner_sight sight;
	static struct told told;
	struct caller c;
	uint32_t count = 0;

	(void)state;
	pull_now(&told, P(1));
	c = answer(P(1));
	expect_query(&c);
	say_table(&c, WREPL_TABLE_REPLY, map, 6, P(1));
	expect_request(&c, B, 1, 2);
	say_records(&c, NULL, 0, 10);
	settle();
	expect_request(&c, B, 3, 3);
	say_records(&c, NULL, 0, 10);
	settle();
	well(&told, 0);
	assert_false(repl_owner_sight(st.repl, 0, &sight));
	assert_false(repl_owner_sight(st.repl, 0xffffffff, &sight));
	c = call_us(P(1));
	assert_true(ask_map(&c, B, &count) == 3);
	assert_int_equal(count, 2);
	assert_true(ask_map(&c, SIM_SELF, NULL) == 0);
}

#define OWNERS 43000u

/* The largest map there can be, in the worst order: no time, no end. */
static void a_map_of_many(void **state)
{
	struct wrepl_owner *map = calloc(OWNERS, sizeof(*map));
	static struct told told;
	struct caller c;

	(void)state;
	for (uint32_t i = 0; i < OWNERS; i++) {
		map[i].address = 0x0b000000u + (OWNERS - i) * 3;
	}
	map[0].max = 1;
	for (int i = 0; i < 3; i++) {
		pull_now(&told, P(1));
		c = i == 0 ? answer(P(1)) : c;
		expect_query(&c);
		say_table(&c, WREPL_TABLE_REPLY, map, OWNERS, P(1));
		if (i == 0) {
			expect_request(&c, map[0].address, 1, 1);
			say_records(&c, NULL, 0, 10);
		}
		settle();
		well(&told, 0);
	}
	free(map);
}

/* And ever more of them: some time it is enough. */
static void maps_without_end(void **state)
{
	struct wrepl_owner *map = calloc(OWNERS, sizeof(*map));
	static struct told told;
	struct repl_owner_sight sight;
	struct caller c;

	(void)state;
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < OWNERS; i++) {
			map[i].address = 0x0b000000u + round * OWNERS + i;
		}
		pull_now(&told, P(1));
		c = round == 0 ? answer(P(1)) : c;
		expect_query(&c);
		say_table(&c, WREPL_TABLE_REPLY, map, OWNERS, P(1));
		settle();
		well(&told, 0);
	}
	assert_true(talloc_total_size(st.repl) < OWNERS_MAX * 400u);
	assert_true(repl_owner_at(st.repl, OWNERS_MAX - 1, &sight));
	assert_false(repl_owner_at(st.repl, OWNERS_MAX, &sight));
	/* those that are known go on */
	map[0] = (struct wrepl_owner){ 0x0b000001u, 7, 0 };
	pull_now(&told, P(1));
	expect_query(&c);
	say_table(&c, WREPL_TABLE_REPLY, map, 1, P(1));
	expect_request(&c, 0x0b000001u, 1, 7);
	free(map);
}

/* ---- many partners ---- */

/* One that hangs, one that is away, and the rest never notice. */
static void side_by_side(void **state)
{
	struct nb_record *rec = replicas(A, 1, 5);
	static struct told told;

	stage_setup(state);
	for (uint32_t i = 0; i < 4; i++) {
		stage_partner(&st, P(i));
		stage_peer(P(i))->mood = FAKE_WELL;
	}
	stage_start();
	peer[0].mood = FAKE_SILENT;
	peer[1].mood = FAKE_AWAY;
	peer[2].mood = FAKE_STRANGER;
	fake_peer_knows(&peer[3], A, 5);
	peer[3].record = rec;
	peer[3].records = 5;
	assert_int_equal(repl_pull(st.repl, 0, tell, &told), 4);
	settle();
	assert_int_equal(told.calls, 3);
	assert_true(mark_of(A) == 5);
	assert_true(has("N00000005<20>"));
	pass(CONNECT_SECONDS);
	assert_int_equal(told.calls, 4);
	assert_int_equal(told.error, ETIMEDOUT);
	free(rec);
}

/* A thousand: so many at once as there may be, then the others. */
static void a_thousand(void **state)
{
	static struct told told;
	unsigned int open = 0;

	stage_setup(state);
	for (uint32_t i = 0; i < 1000; i++) {
		stage_partner(&st, P(i));
	}
	stage_start();
	assert_int_equal(repl_pull(st.repl, 0, tell, &told), 1000);
	settle();
	assert_int_equal(net.calls, PULLS_MAX);
	for (uint32_t i = 0; i < 1000; i++) {
		struct caller c = answer(P(i));

		expect_query(&c);
		say_news(&c, WREPL_TABLE_REPLY, OWNER(i), i + 1);
		expect_request(&c, OWNER(i), 1, i + 1);
		say_records(&c, NULL, 0, 10);
		settle();
		open = fake_open(&net) > open ? fake_open(&net) : open;
	}
	assert_int_equal(told.calls, 1000);
	assert_int_equal(net.calls, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		assert_true(mark_of(OWNER(i)) == i + 1);
	}
	assert_true(partner_of(&st, P(999)).pull_ok != 0);
}

/* ---- surveys ---- */

struct survey_told {
	unsigned int entries, errors, done;
	uint64_t sum;
};

static void survey_entry(void *arg, const struct repl_map_entry *entry)
{
	struct survey_told *told = arg;

	told->entries++;
	told->errors += entry->error != 0;
	told->sum += entry->max;
}

static void survey_done(void *arg)
{
	struct survey_told *told = arg;

	told->done++;
}

static void a_survey(void **state)
{
	static struct survey_told told;

	stage_setup(state);
	stage_partner(&st, P(0));
	stage_partner(&st, P(1));
	stage_start();
	fake_peer_knows(stage_peer(P(0)), A, 40);
	fake_peer_knows(&peer[0], P(0), 2);
	stage_peer(P(1))->mood = FAKE_AWAY;
	assert_int_equal(0, repl_survey(st.repl, survey_entry, survey_done,
					&told));
	settle();
	assert_int_equal(told.done, 1);
	assert_int_equal(told.entries, 4);
	assert_int_equal(told.errors, 1);
	assert_true(told.sum == 42);
}

/* A partner that is asked is one no more, or is asked in vain: it ends. */
static void a_survey_and_a_reload(void **state)
{
	static struct survey_told told, gone;

	stage_setup(state);
	stage_partner(&st, P(0));
	stage_partner(&st, P(1));
	stage_start();
	fake_peer_knows(stage_peer(P(0)), A, 40);
	assert_int_equal(0, repl_survey(st.repl, survey_entry, survey_done,
					&told));
	assert_int_equal(0, repl_survey(st.repl, survey_entry, survey_done,
					&gone));
	repl_forget(st.repl, &gone);
	settle();
	assert_int_equal(told.done, 0);
	st.config.partners = 1;
	assert_int_equal(0, repl_set_config(st.repl, &st.config));
	settle();
	assert_int_equal(told.done, 1);
	assert_int_equal(told.errors, 1);
	assert_int_equal(gone.done, 0);
	/* and with no partner at all */
	st.config.partners = 0;
	assert_int_equal(0, repl_set_config(st.repl, &st.config));
	assert_int_equal(0, repl_survey(st.repl, survey_entry, survey_done,
					&told));
	assert_int_equal(told.done, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_setup_one, \
						   stage_teardown)
#define OWN(name) cmocka_unit_test_teardown(name, stage_teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_cycle),
		OWN(not_persistent),
		TEST(the_idle_one_is_dead),
		TEST(informed),
		TEST(it_breaks),
		TEST(it_is_silent),
		TEST(it_refuses),
		TEST(it_cannot_be_called),
		TEST(from_another_address),
		TEST(a_flood_of_news),
		TEST(a_flood_of_gifts),
		TEST(news_of_two_owners),
		TEST(gifts_of_two_owners),
		TEST(a_gift_is_taken_back),
		TEST(operators_wait),
		TEST(owners_that_cannot_be),
		TEST(a_map_of_many),
		TEST(maps_without_end),
		OWN(side_by_side),
		OWN(a_thousand),
		OWN(a_survey),
		OWN(a_survey_and_a_reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
