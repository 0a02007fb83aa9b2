/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mark of an owner: how far it is known here, settled and durable
 * (design.md section 2), with versions that ascend and such that do not,
 * challenges under way, disks that fail and connections that break. Each test
 * donates its connection by UPDATE (protocol.md 4.5), so that what is asked
 * for is seen at once.
 */

#include "stage.h"

#define A OWNER(1)

static void ask_for_news(struct caller *c, uint64_t min, uint64_t max)
{
	*c = call_us(P(1));
	say_news(c, WREPL_UPDATE, A, max);
	expect_request(c, A, min, max);
}

/* The beginning of a SEND_REPLY, and its records after it in any pieces. */
static uint8_t *reply_of(const struct caller *c, const struct nb_record *rec,
			 uint32_t count, size_t *len)
{
	const struct nb_record **list = calloc(count + 1, sizeof(*list));
	uint8_t *frame = NULL;

	for (uint32_t i = 0; i < count; i++) {
		list[i] = &rec[i];
	}
	frame = fake_reply(list, count, c->context, len);
	free(list);
	return frame;
}

static void feed_records(const struct caller *c, const struct nb_record *rec,
			 uint32_t count, size_t piece)
{
	size_t len = 0;
	uint8_t *frame = reply_of(c, rec, count, &len);

	fake_feed_pieces(c->link, frame, len, piece);
	free(frame);
}

/* The pull is over and went well, or not. */
static void over(const struct caller *c, uint32_t reason)
{
	settle();
	expect_stop(c->link, reason);
	assert_true(c->link->closed);
}

static uint64_t version_of(const char *name)
{
	struct nb_record rec;

	return sim_record(st.server, name, &rec) ? rec.version : 0;
}

/* A record is 48 bytes long here: 4, 20, 4, 4, 8, 4, 4. */
#define HEAD WREPL_REPLY_HEAD
#define ONE 48

static void it_follows_the_records(void **state)
{
	struct nb_record *rec = replicas(A, 1, 5);
	struct caller c;
	uint8_t *frame = NULL;
	size_t len = 0;

	(void)state;
	ask_for_news(&c, 1, 9);
	frame = reply_of(&c, rec, 5, &len);
	assert_int_equal(len, HEAD + 5 * ONE);
	fake_feed(c.link, frame, HEAD + ONE - 1);
	assert_true(mark_of(A) == 0);
	fake_feed(c.link, frame + HEAD + ONE - 1, 1);
	assert_true(mark_of(A) == 1);
	fake_feed(c.link, frame + HEAD + ONE, 2 * ONE);
	assert_true(mark_of(A) == 3);
	expect_nothing(c.link);
	fake_feed(c.link, frame + HEAD + 3 * ONE, 2 * ONE);
	/* all have come: what the partner told (4.3) */
	assert_true(mark_of(A) == 9);
	over(&c, 0);
	assert_true(version_of("N00000005<20>") == 5);
	/* and it is told */
	c = call_us(P(1));
	assert_true(ask_map(&c, A, NULL) == 9);
	free(frame);
	free(rec);
}

static void it_survives(void **state)
{
	struct nb_record *rec = replicas(A, 1, 5);
	struct caller c;
	uint8_t *frame = NULL;
	size_t len = 0;

	(void)state;
	ask_for_news(&c, 1, 9);
	frame = reply_of(&c, rec, 5, &len);
	fake_feed(c.link, frame, HEAD + 3 * ONE);
	stage_crash(&st);
	repl_loaded(st.repl);
	assert_true(mark_of(A) == 3);
	ask_for_news(&c, 4, 9);
	feed_records(&c, rec + 3, 2, 1000);
	over(&c, 0);
	stage_crash(&st);
	repl_loaded(st.repl);
	assert_true(mark_of(A) == 9);
	assert_true(version_of("N00000005<20>") == 5);
	free(frame);
	free(rec);
}

/* Nothing says that they must ascend: none is lost, in whatever pieces. */
static void unsorted(void **state)
{
	static const uint64_t order[] = { 3, 1, 5, 2, 4 };
	static const size_t piece[] = { 1, ONE, 10000 };

	for (unsigned int i = 0; i < 3; i++) {
		struct nb_record *rec = replicas(A, 1, 5);
		struct caller c;

		stage_setup_one(state);
		for (unsigned int j = 0; j < 5; j++) {
			rec[j].version = order[j];
		}
		ask_for_news(&c, 1, 9);
		feed_records(&c, rec, 5, piece[i]);
		over(&c, 0);
		for (unsigned int j = 0; j < 5; j++) {
			char name[32];

			snprintf(name, sizeof(name), "N%08u<20>", j + 1);
			assert_true(version_of(name) == order[j]);
		}
		assert_true(mark_of(A) == 9);
		free(rec);
		assert_int_equal(stage_teardown(state), 0);
	}
	stage_setup_one(state);
}

/* And when it breaks, what came first is not taken for all that is below. */
static void unsorted_and_broken(void **state)
{
	struct nb_record *rec = replicas(A, 1, 3);
	uint8_t *frame = NULL;
	struct caller c;
	size_t len = 0;

	(void)state;
	rec[0].version = 5;
	ask_for_news(&c, 1, 9);
	frame = reply_of(&c, rec, 3, &len);
	fake_feed(c.link, frame, HEAD + 2 * ONE);
	fake_down(c.link, ECONNRESET);
	settle();
	assert_true(mark_of(A) == 0);
	ask_for_news(&c, 1, 9);
	free(frame);
	free(rec);
}

static void not_asked_for(void **state)
{
	static const uint64_t version[] = { 11, 4, 10, 12, 5, 21,
					    UINT64_MAX, 15 };
	struct nb_record *rec = replicas(A, 1, 8);
	struct nb_record *old = replicas(A, 10, 1);
	struct caller c;

	(void)state;
	ask_for_news(&c, 1, 10);
	feed_records(&c, old, 1, 1000);
	over(&c, 0);
	for (unsigned int i = 0; i < 8; i++) {
		rec[i].version = version[i];
	}
	rec[2] = old[0];		/* what is known, with another type */
	rec[2].type = NB_GROUP;
	ask_for_news(&c, 11, 20);
	feed_records(&c, rec, 8, 1000);
	over(&c, 0);
	assert_true(mark_of(A) == 20);
	assert_true(version_of("N00000001<20>") == 11);
	assert_true(version_of("N00000004<20>") == 12);
	assert_true(version_of("N00000008<20>") == 15);
	assert_false(has("N00000002<20>"));
	assert_false(has("N00000005<20>"));
	assert_false(has("N00000006<20>"));
	assert_false(has("N00000007<20>"));
	assert_true(sim_record(st.server, "N00000010<20>", rec));
	assert_int_equal(rec->type, NB_UNIQUE);
	assert_true(stat_of(&st, "replicas-bad") +
		    stat_of(&st, "replicas-known-already") == 5);
	free(rec);
	free(old);
}

static void nothing_in_it(void **state)
{
	struct caller c;

	(void)state;
	ask_for_news(&c, 1, 100);
	say_records(&c, NULL, 0, 1000);
	over(&c, 0);
	assert_true(mark_of(A) == 100);
	/* and known is known: no question */
	c = call_us(P(1));
	say_news(&c, WREPL_UPDATE, A, 100);
	over(&c, 0);
	stage_crash(&st);
	repl_loaded(st.repl);
	assert_true(mark_of(A) == 100);
}

/* Bytes behind the last record (3.1), as slowly as may be. */
static void padding_comes_late(void **state)
{
	struct nb_record *rec = replicas(A, 1, 1);
	uint8_t *frame = NULL;
	struct caller c;
	size_t len = 0;

	(void)state;
	ask_for_news(&c, 1, 1);
	frame = reply_of(&c, rec, 1, &len);
	frame[3] = (uint8_t)(frame[3] + 8);
	fake_feed(c.link, frame, len);
	assert_true(mark_of(A) == 1);
	expect_nothing(c.link);
	fake_feed(c.link, "\0\0\0\0\0", 5);
	pass(10);
	expect_nothing(c.link);
	fake_feed(c.link, "\0\0\0", 3);
	over(&c, 0);
	free(frame);
	free(rec);
}

/* ---- challenges ---- */

/* A name of ours whose host does not answer: a replica of another host's is
 * challenged (5.6), and lost by us after 3 s. */
static void have_ours(const char *name, uint32_t ip)
{
	client_registers(&st, name, ip);
	sim_host(st.server, ip, SIM_SILENT);
}

static void a_challenge_holds_it(void **state)
{
	struct nb_record *rec = replicas(A, 1, 4);
	struct caller c;

	(void)state;
	have_ours("N00000002<20>", SIM_HOST(500));
	ask_for_news(&c, 1, 9);
	feed_records(&c, rec, 4, 1);
	/* the cycle does not wait for it (4.3) */
	over(&c, 0);
	assert_true(mark_of(A) == 1);
	assert_true(version_of("N00000004<20>") == 4);
	pass(2);
	assert_true(mark_of(A) == 1);
	pass(2);
	assert_true(mark_of(A) == 9);
	assert_true(version_of("N00000002<20>") == 2);
	stage_crash(&st);
	repl_loaded(st.repl);
	assert_true(mark_of(A) == 9);
	free(rec);
}

/* Meanwhile the server goes down: it is asked for again. */
static void a_challenge_is_lost(void **state)
{
	struct nb_record *rec = replicas(A, 1, 4);
	struct caller c;

	(void)state;
	have_ours("N00000002<20>", SIM_HOST(500));
	ask_for_news(&c, 1, 9);
	feed_records(&c, rec, 4, 1000);
	over(&c, 0);
	stage_crash(&st);
	repl_loaded(st.repl);
	assert_true(mark_of(A) == 1);
	ask_for_news(&c, 2, 9);
	feed_records(&c, rec + 1, 3, 1000);
	over(&c, 0);
	pass(4);
	assert_true(mark_of(A) == 9);
	assert_true(version_of("N00000002<20>") == 2);
	free(rec);
}

/* Several at once, unsorted: only the end counts. */
static void challenges_out_of_order(void **state)
{
	struct nb_record *rec = replicas(A, 1, 5);
	struct caller c;

	(void)state;
	have_ours("N00000002<20>", SIM_HOST(500));
	have_ours("N00000004<20>", SIM_HOST(501));
	rec[0].version = 5;
	rec[4].version = 1;
	ask_for_news(&c, 1, 9);
	feed_records(&c, rec, 5, 10000);
	over(&c, 0);
	/* not below any that is open */
	assert_true(mark_of(A) < 2);
	pass(4);
	assert_true(mark_of(A) == 9);
	free(rec);
}

#define MANY 600

static void too_many_challenges(void **state)
{
	struct nb_record *rec = replicas(A, 1, MANY);
	unsigned int highest = 0;
	struct caller c;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		char name[32];

		snprintf(name, sizeof(name), "N%08u<20>", i + 1);
		client_registers(&st, name, SIM_HOST(2000 + i));
	}
	ask_for_news(&c, 1, MANY);
	feed_records(&c, rec, MANY, ONE);
	assert_true(c.link->paused);
	assert_int_equal(serve_replicas_pending(st.server->serve),
			 PENDING_HIGH);
	for (int i = 0; i < 60 && !c.link->closed; i++) {
		unsigned int now = serve_replicas_pending(st.server->serve);

		highest = now > highest ? now : highest;
		pass_usec(200000);
	}
	/* the link shows what piled up in one go: a little more */
	assert_true(highest >= PENDING_HIGH && highest <= MANY);
	over(&c, 0);
	pass(10);
	assert_int_equal(serve_replicas_pending(st.server->serve), 0);
	assert_true(mark_of(A) == MANY);
	assert_true(version_of("N00000600<20>") == 600);
	free(rec);
}

/* ---- disks ---- */

static void durable_before_stop(void **state)
{
	struct nb_record *rec = replicas(A, 1, 2);
	struct caller c;

	(void)state;
	sim_disk_hold(st.server->disk, true);
	ask_for_news(&c, 1, 2);
	feed_records(&c, rec, 2, 1000);
	pass(2 * REPLY_SECONDS);
	expect_ignored(c.link);
	/* nobody hears of what a crash could take back */
	assert_true(mark_of(A) == 0);
	sim_disk_finish(st.server->disk, 0);
	sim_disk_hold(st.server->disk, false);
	assert_true(mark_of(A) == 2);
	over(&c, 0);
	free(rec);
}

/* Two turns that are not durable stop the reading; and that is no fault of the
 * partner's, however long the disk takes. */
static void a_slow_disk(void **state)
{
	struct nb_record *rec = replicas(A, 1, 5);
	struct caller c;

	(void)state;
	sim_disk_hold(st.server->disk, true);
	ask_for_news(&c, 1, 5);
	feed_records(&c, rec, 5, ONE);
	assert_true(c.link->paused);
	pass(2 * REPLY_SECONDS);
	expect_ignored(c.link);
	sim_disk_hold(st.server->disk, false);
	sim_disk_finish(st.server->disk, 0);
	over(&c, 0);
	assert_true(mark_of(A) == 5);
	assert_true(version_of("N00000005<20>") == 5);
	free(rec);
}

static void the_disk_fails(void **state)
{
	struct nb_record *rec = replicas(A, 1, 5);
	struct caller c;

	(void)state;
	sim_disk_hold(st.server->disk, true);
	ask_for_news(&c, 1, 5);
	feed_records(&c, rec, 5, ONE);
	sim_disk_finish(st.server->disk, EIO);
	sim_disk_hold(st.server->disk, false);
	over(&c, 4);
	assert_int_equal(logged("could not be written"), 1);
	assert_true(mark_of(A) == 0);
	assert_false(has("N00000001<20>"));
	(void)state;
	free(rec);
}

static void the_disk_is_full(void **state)
{
	struct nb_record *rec = replicas(A, 1, 5);
	struct caller c;

	(void)state;
	sim_disk_fail(st.server->disk, 2, ENOSPC);
	ask_for_news(&c, 1, 5);
	feed_records(&c, rec, 5, ONE);
	over(&c, 4);
	assert_true(mark_of(A) == 1);
	pass(2 * STORE_PROBE_SECONDS);
	/* asked again from there, and nothing is lost */
	ask_for_news(&c, 2, 5);
	feed_records(&c, rec + 1, 4, ONE);
	over(&c, 0);
	assert_true(mark_of(A) == 5);
	for (unsigned int i = 1; i <= 5; i++) {
		char name[32];

		snprintf(name, sizeof(name), "N%08u<20>", i);
		assert_true(version_of(name) == i);
	}
	free(rec);
}

/* The turn fails while a challenge goes on; what it decides later is durable,
 * but the versions below it are not here. */
static void a_challenge_outlives_a_failed_turn(void **state)
{
	struct nb_record *rec = replicas(A, 1, 3);
	struct caller c;

	(void)state;
	have_ours("N00000002<20>", SIM_HOST(500));
	sim_disk_hold(st.server->disk, true);
	ask_for_news(&c, 1, 3);
	feed_records(&c, rec, 3, 1000);
	sim_disk_finish(st.server->disk, ENOMEM);
	sim_disk_hold(st.server->disk, false);
	over(&c, 4);
	assert_true(mark_of(A) == 0);
	pass(20);
	assert_true(mark_of(A) == 0);
	ask_for_news(&c, 1, 3);
	feed_records(&c, rec, 3, 1000);
	over(&c, 0);
	pass(20);
	assert_true(mark_of(A) == 3);
	assert_true(version_of("N00000001<20>") == 1);
	assert_true(version_of("N00000002<20>") == 2);
	free(rec);
}

/* The server ends while all of that is under way. */
static void the_end_comes_early(void **state)
{
	struct nb_record *rec = replicas(A, 1, 4);
	struct caller c;

	(void)state;
	have_ours("N00000002<20>", SIM_HOST(500));
	sim_disk_hold(st.server->disk, true);
	ask_for_news(&c, 1, 4);
	feed_records(&c, rec, 4, ONE);
	TALLOC_FREE(st.repl);
	sim_disk_finish(st.server->disk, 0);
	sim_disk_hold(st.server->disk, false);
	settle();
	pass(20);
	free(rec);
}

/* ---- connections ---- */

static void the_connection_breaks(void **state)
{
	struct nb_record *rec = replicas(A, 1, 4);
	uint8_t *frame = NULL;
	struct caller c;
	size_t len = 0;

	(void)state;
	ask_for_news(&c, 1, 9);
	frame = reply_of(&c, rec, 4, &len);
	fake_feed(c.link, frame, HEAD + 2 * ONE + 20);
	fake_down(c.link, ECONNRESET);
	settle();
	assert_true(mark_of(A) == 2);
	assert_false(has("N00000003<20>"));
	ask_for_news(&c, 3, 9);
	feed_records(&c, rec + 2, 2, 1000);
	over(&c, 0);
	assert_true(mark_of(A) == 9);
	free(frame);
	free(rec);
}

/* It breaks with a challenge under way: that is settled all the same. */
static void it_breaks_in_a_challenge(void **state)
{
	struct nb_record *rec = replicas(A, 1, 4);
	uint8_t *frame = NULL;
	struct caller c;
	size_t len = 0;

	(void)state;
	have_ours("N00000001<20>", SIM_HOST(500));
	ask_for_news(&c, 1, 9);
	frame = reply_of(&c, rec, 4, &len);
	fake_feed(c.link, frame, HEAD + 2 * ONE);
	fake_down(c.link, 0);
	settle();
	assert_true(mark_of(A) == 0);
	pass(4);
	assert_true(mark_of(A) == 2);
	assert_true(version_of("N00000001<20>") == 1);
	ask_for_news(&c, 3, 9);
	free(frame);
	free(rec);
}

/* Two partners with news of one owner: one after the other, not both. */
static void two_partners(void **state)
{
	struct nb_record *rec = replicas(A, 1, 3);
	struct caller one, two;

	stage_setup(state);
	stage_partner(&st, P(1));
	stage_partner(&st, P(2));
	stage_start();
	ask_for_news(&one, 1, 3);
	two = call_us(P(2));
	say_news(&two, WREPL_UPDATE, A, 3);
	settle();
	expect_ignored(two.link);
	feed_records(&one, rec, 3, ONE);
	over(&one, 0);
	over(&two, 0);
	/* once more, and the first one breaks */
	ask_for_news(&one, 4, 8);
	two = call_us(P(2));
	say_news(&two, WREPL_UPDATE, A, 9);
	settle();
	expect_ignored(two.link);
	fake_down(one.link, ECONNRESET);
	settle();
	expect_request(&two, A, 4, 9);
	say_records(&two, NULL, 0, 100);
	over(&two, 0);
	/* and the first one hangs: nobody waits for long */
	ask_for_news(&one, 10, 11);
	two = call_us(P(2));
	say_news(&two, WREPL_UPDATE, A, 12);
	pass(BUSY_SECONDS + 1);
	over(&two, 0);
	assert_false(one.link->ended);
	assert_true(mark_of(A) == 9);
	free(rec);
}

/* P(2) has refused the record of P(1) and passed its version (4.3), as it may.
 * Who knows nothing of P(1) hears P(1) first, however long that takes. */
static void scheduled_pair(enum fake_mood mood)
{
	static struct nb_record rec;

	st.config.start_wait = 0;
	for (unsigned int i = 0; i < 2; i++) {
		struct repl_partner_config *partner =
			stage_partner(&st, P(i + 1));

		partner->options.pull_interval = 1800;
		fake_peer_knows(stage_peer(P(i + 1)), P(1), 1);
	}
	rec = replica("OWNS<20>", NB_UNIQUE, P(1), 1, SIM_HOST(7));
	peer[0].record = &rec;
	peer[0].records = 1;
	peer[0].mood = mood;
	stage_start();
	pass(5);
}

static void itself_first(void **state)
{
	stage_setup(state);
	scheduled_pair(FAKE_SILENT);
	assert_int_equal(peer[1].queries, 1);
	assert_int_equal(peer[1].requests, 0);
	peer[0].mood = FAKE_WELL;
	pass(1);
	assert_true(has("OWNS<20>"));
	assert_int_equal(peer[1].requests, 0);
	assert_true(mark_of(P(1)) == 1);
}

/* It is not there: the other's word is taken at once. */
static void itself_is_away(void **state)
{
	stage_setup(state);
	scheduled_pair(FAKE_AWAY);
	assert_int_equal(peer[1].requests, 1);
	assert_true(mark_of(P(1)) == 1);
}

/* It does not answer the call, or is called and hangs: nobody waits for long,
 * and it is not counted on again. */
static void itself_hangs(void **state)
{
	stage_setup(state);
	scheduled_pair(FAKE_SILENT);
	pass(CONNECT_SECONDS);
	assert_int_equal(peer[1].requests, 1);
	stage_teardown(state);
	stage_setup(state);
	scheduled_pair(FAKE_DEAF);
	pass(BUSY_SECONDS);
	assert_int_equal(peer[1].requests, 0);
	pass(1801);
	assert_int_equal(peer[1].requests, 1);
}

/* ---- numbers ---- */

/* Healthy servers begin at 0x1d88100000000 (Q183699): the first contact is
 * learned, and then it goes on from there. */
static void large_versions(void **state)
{
	static const uint64_t base[] = { 0x1d88100000000, INT64_MAX,
					 UINT64_C(1) << 63, UINT64_MAX - 9 };

	for (unsigned int i = 0; i < 4; i++) {
		struct nb_record *rec = replicas(A, base[i], 3);
		struct caller c;

		stage_setup_one(state);
		ask_for_news(&c, 1, base[i] + 2);
		feed_records(&c, rec, 3, 1);
		over(&c, 0);
		assert_true(mark_of(A) == base[i] + 2);
		ask_for_news(&c, base[i] + 3, base[i] + 9);
		rec[0].version = base[i] + 9;
		feed_records(&c, rec, 1, 1000);
		over(&c, 0);
		c = call_us(P(1));
		assert_int_equal(ask_map(&c, A, NULL), base[i] + 9);
		say_request(&c, A, base[i] + 9, 0);
		settle();
		assert_int_equal(expect_reply(&c, A, rec), 1);
		assert_true(rec->version == base[i] + 9);
		free(rec);
		assert_int_equal(stage_teardown(state), 0);
	}
	stage_setup_one(state);
}

/* ---- what is skipped ---- */

/* Q190506: one record that cannot be stored stopped all replication. */
static void records_that_cannot_be(void **state)
{
	static const uint32_t bad[] = { 0, 0xffffffff, 0xe0000118,
					0xf0000001 };
	struct nb_record *rec = replicas(A, 1, 8);
	struct nb_record got;
	struct caller c;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		rec[2 * i].member[0].ip = bad[i];
	}
	rec[1].type = NB_MHOMED;	/* no address at all: is released */
	rec[1].count = 0;
	ask_for_news(&c, 1, 20);
	feed_records(&c, rec, 8, ONE);
	over(&c, 0);
	assert_true(mark_of(A) == 20);
	/* 0.0.0.0 is no address: nobody has the name (2.1) */
	assert_true(sim_record(st.server, "N00000001<20>", &got));
	assert_int_equal(got.state, NB_RELEASED);
	assert_true(sim_record(st.server, "N00000002<20>", &got));
	assert_int_equal(got.state, NB_RELEASED);
	assert_false(has("N00000003<20>"));
	assert_false(has("N00000005<20>"));
	assert_false(has("N00000007<20>"));
	assert_true(version_of("N00000004<20>") == 4);
	assert_true(version_of("N00000006<20>") == 6);
	assert_true(version_of("N00000008<20>") == 8);
	free(rec);
}

static void only_dynamic_records(void **state)
{
	struct nb_record *rec = replicas(A, 1, 3);
	struct caller c;

	stage_setup(state);
	stage_partner(&st, P(1))->options.statics = false;
	stage_start();
	rec[1].is_static = true;
	ask_for_news(&c, 1, 3);
	feed_records(&c, rec, 3, 1000);
	over(&c, 0);
	assert_true(has("N00000001<20>") && has("N00000003<20>"));
	assert_false(has("N00000002<20>"));
	assert_true(mark_of(A) == 3);
	assert_true(stat_of(&st, "replicas-filtered") == 1);
	free(rec);
}

static void only_domains(void **state)
{
	struct nb_record rec[] = {
		replica("PC<20>", NB_UNIQUE, A, 1, SIM_HOST(1)),
		replica("DOM<1b>", NB_UNIQUE, A, 2, SIM_HOST(1)),
		replica("DOM<1c>", NB_SGROUP, A, 3, SIM_HOST(1)),
		replica("DOM<1e>", NB_GROUP, A, 4, SIM_HOST(1)),
		replica("ODD<1c>", NB_GROUP, A, 5, SIM_HOST(1)),
	};
	struct caller c;

	stage_setup(state);
	stage_partner(&st, P(1))->options.domains_only = true;
	stage_start();
	ask_for_news(&c, 1, 5);
	feed_records(&c, rec, 5, 1000);
	over(&c, 0);
	assert_true(has("DOM<1b>") && has("DOM<1c>"));
	assert_false(has("PC<20>") || has("DOM<1e>") || has("ODD<1c>"));
	assert_true(mark_of(A) == 5);
}

/* Q281445, Q312141: a blocked owner came in through the members of groups. */
static void owners_in_groups(void **state)
{
	static const uint32_t block[] = { OWNER(7), OWNER(3), OWNER(9) };
	struct nb_record rec[] = {
		replica("MIXED<1c>", NB_SGROUP, A, 1, SIM_HOST(1)),
		replica("ALL<1c>", NB_SGROUP, A, 2, SIM_HOST(2)),
		replica("EMPTY<1c>", NB_SGROUP, A, 3, SIM_HOST(2)),
		replica("NEXT<20>", NB_UNIQUE, A, 4, SIM_HOST(4)),
	};
	struct nb_record got;
	struct caller c;

	stage_setup(state);
	stage_partner(&st, P(1));
	st.config.block = block;
	st.config.blocks = 3;
	stage_start();
	rec[0].count = 3;
	rec[0].member[1] = (struct nb_member){ SIM_HOST(2), OWNER(3), 0 };
	rec[0].member[2] = (struct nb_member){ SIM_HOST(3), OWNER(2), 0 };
	rec[1].member[0].owner = OWNER(9);
	rec[2].count = 0;
	ask_for_news(&c, 1, 4);
	feed_records(&c, rec, 4, 1000);
	over(&c, 0);
	assert_true(sim_record(st.server, "MIXED<1c>", &got));
	assert_int_equal(got.count, 2);
	assert_true(nb_record_find(&got, SIM_HOST(1)) >= 0);
	assert_true(nb_record_find(&got, SIM_HOST(3)) >= 0);
	assert_false(has("ALL<1c>"));
	assert_true(has("EMPTY<1c>") && has("NEXT<20>"));
	assert_true(mark_of(A) == 4);
	/* a blocked owner is not asked for, nor told of */
	c = call_us(P(1));
	say_news(&c, WREPL_UPDATE, OWNER(3), 5);
	over(&c, 0);
}

static void only_accepted_owners(void **state)
{
	static const uint32_t accept[] = { A, OWNER(2) };
	struct nb_record rec = replica("MIXED<1c>", NB_SGROUP, A, 1,
				       SIM_HOST(1));
	struct nb_record got;
	struct caller c;

	stage_setup(state);
	stage_partner(&st, P(1));
	st.config.accept = accept;
	st.config.accepts = 2;
	stage_start();
	rec.count = 3;
	rec.member[1] = (struct nb_member){ SIM_HOST(2), OWNER(3), 0 };
	rec.member[2] = (struct nb_member){ SIM_HOST(3), OWNER(2), 0 };
	ask_for_news(&c, 1, 1);
	feed_records(&c, &rec, 1, 1000);
	over(&c, 0);
	assert_true(sim_record(st.server, "MIXED<1c>", &got));
	assert_int_equal(got.count, 2);
	c = call_us(P(1));
	say_news(&c, WREPL_UPDATE, OWNER(3), 5);
	over(&c, 0);
	assert_true(ask_map((c = call_us(P(1)), &c), OWNER(3), NULL) == 0);
}

/* ---- memory ---- */

#define STREAM 1000000u
#define SLICE 20000u

/* A reply longer than memory needs to be: the records are looked at as they
 * come. All are skipped, so that what grows is nothing but repl itself. */
static void a_million_records(void **state)
{
	struct nb_record *rec = NULL;
	uint8_t *frame = NULL, head[WREPL_REPLY_HEAD];
	size_t len = 0, before = 0, most = 0, serving = 0;
	struct caller c;

	stage_setup(state);
	stage_partner(&st, P(1))->options.domains_only = true;
	stage_start();
	ask_for_news(&c, 1, STREAM);
	wrepl_encode_reply_head(head, c.context, STREAM,
				(uint64_t)STREAM * ONE);
	fake_feed(c.link, head, sizeof(head));
	before = talloc_total_size(st.repl);
	serving = talloc_total_size(st.server->serve);
	for (uint32_t i = 0; i < STREAM / SLICE; i++) {
		rec = replicas(A, 1 + i * SLICE, SLICE);
		frame = reply_of(&c, rec, SLICE, &len);
		fake_feed_pieces(c.link, frame + HEAD, len - HEAD,
				 LINK_READ_MAX);
		most = talloc_total_size(st.repl) > most ?
			       talloc_total_size(st.repl) : most;
		free(frame);
		free(rec);
	}
	over(&c, 0);
	assert_true(mark_of(A) == STREAM);
	assert_true(stat_of(&st, "replicas-filtered") == STREAM);
	assert_true(most < before + 4096);
	assert_int_equal(talloc_total_size(st.server->serve), serving);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_setup_one, \
						   stage_teardown)
#define OWN(name) cmocka_unit_test_teardown(name, stage_teardown)
	const struct CMUnitTest tests[] = {
		TEST(it_follows_the_records),
		TEST(it_survives),
		OWN(unsorted),
		TEST(unsorted_and_broken),
		TEST(not_asked_for),
		TEST(nothing_in_it),
		TEST(padding_comes_late),
		TEST(a_challenge_holds_it),
		TEST(a_challenge_is_lost),
		TEST(challenges_out_of_order),
		TEST(too_many_challenges),
		TEST(durable_before_stop),
		TEST(a_slow_disk),
		TEST(the_disk_fails),
		TEST(the_disk_is_full),
		TEST(a_challenge_outlives_a_failed_turn),
		TEST(the_end_comes_early),
		TEST(the_connection_breaks),
		TEST(it_breaks_in_a_challenge),
		OWN(two_partners),
		OWN(itself_first),
		OWN(itself_is_away),
		OWN(itself_hangs),
		OWN(large_versions),
		TEST(records_that_cannot_be),
		OWN(only_dynamic_records),
		OWN(only_domains),
		OWN(owners_in_groups),
		OWN(only_accepted_owners),
		OWN(a_million_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
