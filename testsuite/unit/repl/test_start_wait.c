/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gate (design.md 4.2, wins:start wait; Q135405): a server that lost its
 * memory hands out no version before a partner has told its highest, and no
 * version is ever handed out twice.
 */

#include "stage.h"

#define WAIT 120

/* Pulled from every half hour, and so asked at the start. */
static struct fake_peer *asked(uint32_t n)
{
	struct repl_partner_config *partner = stage_partner(&st, P(n));

	partner->options.pull_interval = 1800;
	return stage_peer(P(n));
}

static int setup(void **state)
{
	stage_setup(state);
	sweeping = true;
	st.config.start_wait = WAIT;
	return 0;
}

/* Ours as a partner has them, since we had another life. */
static struct nb_record *old_ones(uint64_t from, uint32_t count)
{
	return replicas(SIM_SELF, from, count);
}

static void knows_us(struct fake_peer *p, const struct nb_record *record,
		     unsigned int count, uint64_t max)
{
	fake_peer_knows(p, SIM_SELF, max);
	p->record = record;
	p->records = count;
}

static void is(enum repl_gate gate, const char *reason)
{
	assert_string_equal(repl_gate_name(repl_gate(st.repl)),
			    repl_gate_name(gate));
	if (reason != NULL) {
		assert_string_equal(repl_gate_reason(st.repl), reason);
	}
}

/* The version that a name gets which nobody has had; 0: nobody answers. */
static uint64_t next_version(void)
{
	static unsigned int number;
	struct nb_record rec;
	char name[32];

	snprintf(name, sizeof(name), "NEW%u<20>", number++);
	client_registers(&st, name, SIM_HOST(1));
	return sim_record(st.server, name, &rec) ? rec.version : 0;
}

/* ---- those that need not wait ---- */

static void nobody_to_ask(void **state)
{
	(void)state;
	asked(0);
	st.partner[0].options.pull_interval = 0;
	asked(1);
	st.partner[1].pull = false;
	stage_start();
	is(REPL_GATE_OPEN, NULL);
	assert_true(next_version() == 1);
}

static void no_wait(void **state)
{
	(void)state;
	st.config.start_wait = 0;
	asked(0)->mood = FAKE_SILENT;
	stage_start();
	is(REPL_GATE_OPEN, NULL);
	assert_true(next_version() == 1);
}

static void not_empty(void **state)
{
	(void)state;
	asked(0)->mood = FAKE_SILENT;
	stage_server(&st);
	client_registers(&st, "OLD<20>", SIM_HOST(1));
	stage_repl(&st);
	repl_loaded(st.repl);
	is(REPL_GATE_OPEN, NULL);
	assert_true(next_version() == 2);
}

/* ---- a partner tells ---- */

static void comes_back(void **state)
{
	struct nb_record *old = old_ones(990, 5), rec;
	struct caller c;

	(void)state;
	knows_us(asked(0), old, 5, 1000);
	peer[0].mood = FAKE_SILENT;
	stage_start();
	is(REPL_GATE_WAITING, "empty");
	assert_true(next_version() == 0);
	/* pulls from us work meanwhile, and tell the truth */
	c = call_us(P(0));
	assert_true(ask_map(&c, SIM_SELF, NULL) == 0);
	peer[0].mood = FAKE_WELL;
	settle();
	is(REPL_GATE_OPEN, "empty");
	/* asked from the first on, and what came is ours */
	assert_int_equal(peer[0].request.address, SIM_SELF);
	assert_true(peer[0].request.min == 1 && peer[0].request.max == 1000);
	assert_true(sim_record(st.server, "N00000994<20>", &rec));
	/* with a new version: partners may have passed 994 */
	assert_true(rec.version > 1000);
	assert_int_equal(rec.owner, NB_SELF);
	assert_int_equal(rec.member[0].owner, NB_SELF);
	assert_true(next_version() > 1000);
	free(old);
}

/* A partner's map is of our last life: it must not pass what it gets none of. */
static void an_old_map(void **state)
{
	struct nb_record rec;
	struct caller c;

	(void)state;
	asked(0)->mood = FAKE_SILENT;
	stage_start();
	is(REPL_GATE_WAITING, "empty");
	c = call_us(P(0));
	say_request(&c, OWNER(1), 1, 500);
	assert_int_equal(expect_reply(&c, OWNER(1), &rec), 0);
	say_request(&c, SIM_SELF, 1, 500);
	settle();
	assert_true(c.link->ended);
	assert_int_equal(logged("asks for versions of ours up to 500"), 1);
}

/* As empty as we are: a new estate begins at 1, at once. */
static void nobody_knows_us(void **state)
{
	(void)state;
	fake_peer_knows(asked(0), OWNER(1), 7);
	asked(1);
	fake_peer_knows(&peer[1], SIM_SELF, 0);
	stage_start();
	settle();
	is(REPL_GATE_OPEN, "empty");
	assert_true(next_version() == 1);
}

static void two_empty_ones(void **state)
{
	struct stage other;

	(void)state;
	memset(&other, 0, sizeof(other));
	other.config = stage_config(P(0));
	other.config.start_wait = WAIT;
	stage_partner(&other, SIM_SELF)->options.pull_interval = 1800;
	stage_partner(&st, P(0))->options.pull_interval = 1800;
	stage_server(&st);
	stage_server(&other);
	stage_repl(&st);
	stage_repl(&other);
	repl_loaded(st.repl);
	/* the other one is not up yet: it is asked again at once */
	pass_usec(200000);
	repl_loaded(other.repl);
	settle();
	pass(2);
	is(REPL_GATE_OPEN, NULL);
	assert_int_equal(repl_gate(other.repl), REPL_GATE_OPEN);
	assert_true(next_version() >= 1);
	TALLOC_FREE(other.repl);
	settle();
	stage_end(&other);
}

/* All are waited for: the second may know more than the first. */
static void the_higher_of_two(void **state)
{
	(void)state;
	knows_us(asked(0), NULL, 0, 500);
	knows_us(asked(1), NULL, 0, 900);
	peer[1].mood = FAKE_SILENT;
	stage_start();
	pass(5);
	is(REPL_GATE_WAITING, NULL);
	assert_true(next_version() == 0);
	peer[1].mood = FAKE_WELL;
	pass(1);
	is(REPL_GATE_OPEN, NULL);
	assert_true(next_version() > 900);
}

/* One has told and the other cannot: with a margin, for it may know more. */
static void one_of_two(void **state)
{
	(void)state;
	knows_us(asked(0), NULL, 0, 500);
	asked(1)->mood = FAKE_SILENT;
	stage_start();
	pass(CONNECT_SECONDS + 1);
	is(REPL_GATE_OPEN, NULL);
	assert_true(next_version() > 500 + 1000);
	assert_true(next_version() < st.config.version_jump);
}

/* It loses its disk again before anybody has pulled from it: what it is told
 * is the same, what it hands out is not. */
static void lost_twice(void **state)
{
	uint64_t first = 0, second = 0;

	for (unsigned int life = 1; life <= 2; life++) {
		if (life > 1) {
			stage_teardown(state);
			setup(state);
			sim.random = life;	/* the kernel's, not ours */
		}
		knows_us(asked(0), NULL, 0, 500);
		stage_start();
		pass(1);
		is(REPL_GATE_OPEN, NULL);
		*(life == 1 ? &first : &second) = next_version();
	}
	assert_true(first > 500 && second > 500);
	assert_true(first < st.config.version_jump &&
		    second < st.config.version_jump);
	/* nor near it: a life hands out more than one */
	assert_true((first > second ? first - second : second - first) > 16);
}

/* And the other way round: the partner heard how far the first of two such
 * lives went, and got nothing of it. What the second, lower one gave out is
 * below that partner's mark, and is told anew when that comes to light. */
static void lost_twice_and_lower(void **state)
{
	struct nb_record rec;
	uint64_t told = 0;

	(void)state;
	knows_us(asked(0), NULL, 0, 500);
	stage_start();
	pass(1);
	is(REPL_GATE_OPEN, NULL);
	client_registers(&st, "LATER<20>", SIM_HOST(1));
	assert_true(sim_record(st.server, "LATER<20>", &rec));
	told = rec.version + 30000;
	fake_peer_knows(&peer[0], SIM_SELF, told);
	pass(1801);
	assert_true(sim_record(st.server, "LATER<20>", &rec));
	assert_true(rec.version > told);
}

/* Each has other records of ours: all come back, whoever told more first. */
static void two_know_different_ones(void **state)
{
	struct nb_record *high = old_ones(990, 5), *low = old_ones(500, 5);

	(void)state;
	knows_us(asked(0), high, 5, 1000);
	knows_us(asked(1), low, 5, 600);
	peer[1].mood = FAKE_SILENT;
	stage_start();
	pass(5);
	assert_true(has("N00000990<20>"));
	is(REPL_GATE_WAITING, NULL);
	peer[1].mood = FAKE_WELL;
	pass(1);
	is(REPL_GATE_OPEN, NULL);
	assert_true(has("N00000500<20>"));
	free(high);
	free(low);
}

/* One could not answer until the gate was open. What it has comes back all
 * the same, and is told anew: others have passed these versions. */
static void one_is_late(void **state)
{
	struct nb_record *old = old_ones(500, 5), rec;

	(void)state;
	asked(0);
	knows_us(asked(1), old, 5, 600);
	peer[1].mood = FAKE_SILENT;
	stage_start();
	pass(CONNECT_SECONDS + 1);
	is(REPL_GATE_OPEN, NULL);
	assert_false(has("N00000500<20>"));
	peer[1].mood = FAKE_WELL;
	pass(1801);
	assert_true(sim_record(st.server, "N00000500<20>", &rec));
	assert_true(rec.version > 600);
	/* once */
	peer[1].requests = 0;
	pass(1801);
	assert_int_equal(peer[1].requests, 0);
	free(old);
}

/* The late one knows more than the margin was. */
static void late_and_far_ahead(void **state)
{
	(void)state;
	asked(0);
	knows_us(asked(1), NULL, 0, 500000);
	peer[1].mood = FAKE_SILENT;
	stage_start();
	pass(CONNECT_SECONDS + 1);
	is(REPL_GATE_OPEN, NULL);
	assert_true(next_version() < 500000);
	peer[1].mood = FAKE_WELL;
	pass(1801);
	assert_true(next_version() > 500000);
}

/* ---- nobody tells ---- */

static void nobody_is_there(void **state)
{
	struct sim_request query = {
		.kind = NBNS_QUERY,
		.trn_id = 9,
		.name = "N00000990<20>",
		.from = SIM_HOST(3),
	};
	struct nb_record *old = old_ones(990, 5);

	(void)state;
	asked(0)->mood = FAKE_AWAY;
	asked(1)->mood = FAKE_SILENT;
	stage_start();
	pass(WAIT - 1);
	is(REPL_GATE_WAITING, NULL);
	assert_int_equal(logged("start-anyway"), 0);
	pass(1);
	is(REPL_GATE_CLOSED, "empty");
	assert_int_equal(logged("0 the database is empty"), 1);
	assert_int_equal(logged("start-anyway"), 1);
	assert_true(next_version() == 0);
	/* queries are answered */
	sim_request(st.server, &query);
	assert_non_null(sim_take(st.server, 9));
	pass(3600);
	is(REPL_GATE_CLOSED, NULL);
	assert_int_equal(logged("start-anyway"), 1);
	/* the first that answers is enough now */
	knows_us(&peer[0], old, 5, 1000);
	peer[0].mood = FAKE_WELL;
	pass(1801);
	is(REPL_GATE_OPEN, NULL);
	assert_true(has("N00000992<20>"));
	assert_true(next_version() > 1000);
	free(old);
}

static void start_anyway(void **state)
{
	(void)state;
	asked(0)->mood = FAKE_AWAY;
	stage_start();
	is(REPL_GATE_WAITING, NULL);
	assert_true(repl_start_anyway(st.repl));
	settle();
	is(REPL_GATE_OPEN, NULL);
	assert_true(next_version() > 1000);
	assert_false(repl_start_anyway(st.repl));
	pass(2 * WAIT);
	is(REPL_GATE_OPEN, NULL);
	/* the partner is there again, and knows what we never gave out here */
	knows_us(&peer[0], NULL, 0, 500);
	peer[0].mood = FAKE_WELL;
	pass(1801);
	assert_true(next_version() > 1000);
}

/* ---- restored, moved, killed ---- */

static void set_number(const char *key, uint64_t number)
{
	serve_turn_begin(st.server->serve);
	assert_int_equal(0, serve_set_meta(st.server->serve, key, number));
	serve_turn_end(st.server->serve);
}

static void older_than_it_was(const char *key, const char *reason)
{
	struct nb_record *old = old_ones(1, 600);
	uint64_t version = 0;

	knows_us(asked(0), old, 600, 600);
	stage_server(&st);
	for (unsigned int i = 0; i < 5; i++) {
		char name[32];

		snprintf(name, sizeof(name), "N%08u<20>", i + 1);
		client_registers(&st, name, SIM_HOST(i));
	}
	set_number(key, 1);
	stage_repl(&st);
	repl_loaded(st.repl);
	is(REPL_GATE_WAITING, reason);
	assert_true(next_version() == 0);
	settle();
	is(REPL_GATE_OPEN, reason);
	/* what was lost came back, and no more was asked for */
	assert_true(peer[0].request.min == 6 && peer[0].request.max == 600);
	assert_true(has("N00000600<20>"));
	version = next_version();
	assert_true(version > 600);
	/* once */
	stage_crash(&st);
	peer[0].mood = FAKE_AWAY;
	repl_loaded(st.repl);
	is(REPL_GATE_OPEN, NULL);
	assert_true(next_version() > version);
	free(old);
}

static void restored(void **state)
{
	(void)state;
	older_than_it_was("restored", "restored");
}

static void moved(void **state)
{
	(void)state;
	older_than_it_was("owner-moved", "under another owner address");
	/* what is ours is told under the new address: as news */
	for (unsigned int i = 0; i < 600; i++) {
		struct nb_record rec;
		char name[32];

		snprintf(name, sizeof(name), "N%08u<20>", i + 1);
		assert_true(sim_record(st.server, name, &rec));
		assert_true(rec.version > 600);
	}
}

/* Killed when some of what was lost had come back, but not the last of it:
 * the next life must not take itself for whole. */
static void killed_half_way(void **state)
{
	struct nb_record *old = old_ones(3, 5);

	(void)state;
	knows_us(asked(0), old, 5, 4000000);
	asked(1)->mood = FAKE_SILENT;
	stage_start();
	settle();
	assert_true(has("N00000007<20>"));
	is(REPL_GATE_WAITING, NULL);
	stage_crash(&st);
	peer[0].mood = FAKE_SILENT;
	repl_loaded(st.repl);
	settle();
	is(REPL_GATE_WAITING, NULL);
	assert_true(next_version() == 0);
	peer[0].mood = FAKE_WELL;
	peer[1].mood = FAKE_WELL;
	pass(1);
	is(REPL_GATE_OPEN, NULL);
	assert_true(next_version() > 4000000);
	/* and the one after that is whole */
	stage_crash(&st);
	peer[0].mood = FAKE_SILENT;
	repl_loaded(st.repl);
	is(REPL_GATE_OPEN, NULL);
	free(old);
}

/* ---- disks and ends ---- */

static void opening_fails(void **state)
{
	(void)state;
	knows_us(asked(0), NULL, 0, 500);
	peer[0].mood = FAKE_SILENT;
	stage_start();
	sim_disk_break(st.server->disk, ENOSPC);
	peer[0].mood = FAKE_WELL;
	pass(30);
	assert_true(next_version() == 0);
	assert_int_not_equal(repl_gate(st.repl), REPL_GATE_OPEN);
	sim_disk_break(st.server->disk, 0);
	pass(30);
	is(REPL_GATE_OPEN, NULL);
	assert_true(next_version() > 500);
}

/* The server goes down in the very moment. */
static void an_end_while_it_opens(void **state)
{
	(void)state;
	asked(0)->mood = FAKE_AWAY;
	stage_start();
	sim_disk_hold(st.server->disk, true);
	assert_true(repl_start_anyway(st.repl));
	settle();
	is(REPL_GATE_WAITING, NULL);
	TALLOC_FREE(st.repl);
	sim_disk_finish(st.server->disk, 0);
	settle();
}

static void a_reload(void **state)
{
	(void)state;
	asked(0)->mood = FAKE_SILENT;
	knows_us(asked(1), NULL, 0, 700);
	stage_start();
	settle();
	is(REPL_GATE_WAITING, NULL);
	/* the one that does not answer is taken out */
	st.partner[0] = st.partner[1];
	st.config.partners = 1;
	assert_int_equal(0, repl_set_config(st.repl, &st.config));
	settle();
	is(REPL_GATE_OPEN, NULL);
	assert_true(next_version() > 700);
}

/* ---- surprises ---- */

/* Somebody knows versions of ours that we never gave out. */
static void a_surprise(void **state)
{
	struct nb_record *old = old_ones(101, 50);

	(void)state;
	asked(0);
	stage_start();
	settle();
	assert_true(next_version() == 1);
	knows_us(&peer[0], old, 50, 150);
	peer[0].mood = FAKE_BREAKS;
	pass(1801);
	assert_int_equal(logged("knows versions of ours up to 150"), 1);
	assert_true(next_version() > 150);
	/* it broke: what they name comes back all the same */
	peer[0].mood = FAKE_WELL;
	pass(1801);
	assert_true(has("N00000150<20>"));
	assert_int_equal(logged("knows versions of ours up to 150"), 1);
	assert_true(stat_of(&st, "pulls-failed") == 1 ||
		    stat_of(&st, "pulls-failed") == 2);
	free(old);
}

/* One damaged number is not believed (Q165463), and somebody is told. */
static void too_great_a_surprise(void **state)
{
	(void)state;
	asked(0);
	stage_start();
	settle();
	assert_true(next_version() == 1);
	knows_us(&peer[0], NULL, 0, UINT64_C(1) << 40);
	pass(6 * 1800 + 1);
	assert_true(next_version() == 2);
	assert_int_equal(logged("0 10.0.0.16 knows versions of ours"), 1);
	assert_true(partner_of(&st, P(0)).quarantined == 1);
}

/* The same for one that has lost its memory: no server counts that far. */
static void no_version_would_be_left(void **state)
{
	(void)state;
	knows_us(asked(0), NULL, 0, UINT64_MAX);
	knows_us(asked(1), NULL, 0, 300);
	stage_start();
	pass(WAIT + 1);
	is(REPL_GATE_OPEN, NULL);
	assert_true(next_version() > 300);
	assert_true(next_version() < UINT64_C(1) << 40);
	assert_int_equal(logged("18446744073709551615") > 0, 1);
}

/* ---- never twice ---- */

/* Lives that end in all ways, on one disk or on a new one. */
static void never_twice(void **state)
{
	uint64_t highest = 0;

	(void)state;
	asked(0);
	stage_start();
	settle();
	for (unsigned int life = 0; life < 30; life++) {
		for (unsigned int i = 0; i < 10; i++) {
			uint64_t version = next_version();

			assert_true(version > highest);
			highest = version;
		}
		/* the partner has pulled: it knows our mark */
		fake_peer_knows(&peer[0], SIM_SELF, highest);
		if (life % 3 == 2) {
			stage_end(&st);
			fake_sweep(&net);
			net.ends = NULL;
			stage_server(&st);
			stage_repl(&st);
		} else {
			stage_crash(&st);
		}
		repl_loaded(st.repl);
		pass(1);
		is(REPL_GATE_OPEN, NULL);
	}
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup, stage_teardown)
	const struct CMUnitTest tests[] = {
		TEST(nobody_to_ask),
		TEST(no_wait),
		TEST(not_empty),
		TEST(comes_back),
		TEST(an_old_map),
		TEST(nobody_knows_us),
		TEST(two_empty_ones),
		TEST(the_higher_of_two),
		TEST(one_of_two),
		TEST(lost_twice),
		TEST(lost_twice_and_lower),
		TEST(two_know_different_ones),
		TEST(one_is_late),
		TEST(late_and_far_ahead),
		TEST(nobody_is_there),
		TEST(start_anyway),
		TEST(restored),
		TEST(moved),
		TEST(killed_half_way),
		TEST(opening_fails),
		TEST(an_end_while_it_opens),
		TEST(a_reload),
		TEST(a_surprise),
		TEST(too_great_a_surprise),
		TEST(no_version_would_be_left),
		TEST(never_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
