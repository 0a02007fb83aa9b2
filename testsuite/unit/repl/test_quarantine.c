/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Quarantine (Q165463: one damaged record with an enormous version stopped
 * replication of an owner for years): what lies beyond wins:version jump waits
 * for an operator; the first contact is learned (Q183699).
 */

#include "stage.h"

#define A OWNER(1)
#define B OWNER(2)
#define JUMP UINT64_C(1000000)

static int setup(void **state)
{
	stage_setup(state);
	stage_partner(&st, P(0));
	stage_partner(&st, P(1));
	stage_peer(P(0));
	stage_peer(P(1));
	stage_start();
	return 0;
}

static void pull(uint32_t n)
{
	assert_int_equal(repl_pull(st.repl, P(n), NULL, NULL), 1);
	settle();
}

/* A is known up to 100 from here on. */
static void know(uint64_t max)
{
	fake_peer_knows(&peer[0], A, max);
	pull(0);
	assert_true(mark_of(A) == max);
}

static struct repl_owner_sight sight_of(uint32_t owner)
{
	struct repl_owner_sight sight;

	assert_true(repl_owner_sight(st.repl, owner, &sight));
	return sight;
}

static void first_contact(void **state)
{
	(void)state;
	know(UINT64_C(0x1d88100000000));
	assert_true(sight_of(A).quarantine == 0);
	assert_true(stat_of(&st, "version-jumps") == 0);
}

static void up_to_the_jump(void **state)
{
	(void)state;
	know(100);
	know(100 + JUMP);
	assert_true(stat_of(&st, "version-jumps") == 0);
}

/* What is plausible is taken, and the mark goes no further than what came. */
static void beyond_it(void **state)
{
	struct nb_record *rec = replicas(A, 101, 3);

	(void)state;
	know(100);
	rec[2].version = 101 + 2 * JUMP;
	peer[0].record = rec;
	peer[0].records = 3;
	fake_peer_knows(&peer[0], A, 101 + 2 * JUMP);
	fake_peer_knows(&peer[0], B, 5);
	pull(0);
	assert_true(peer[0].map[0].address == A);
	assert_true(mark_of(A) == 102);
	assert_true(has("N00000101<20>") && has("N00000102<20>"));
	assert_false(has("N00000103<20>"));
	/* one owner's trouble is not another's */
	assert_true(mark_of(B) == 5);
	assert_true(sight_of(A).quarantine == 101 + 2 * JUMP);
	assert_true(partner_of(&st, P(0)).quarantined == 1);
	assert_true(partner_of(&st, P(1)).quarantined == 0);
	assert_int_equal(logged("0 10.0.0.16 tells versions of owner "
				"127.65.65.1 up to 2000101"), 1);
	/* said once; and what comes below it is still taken */
	rec[2].version = 103;
	pull(0);
	assert_true(mark_of(A) == 103);
	assert_true(has("N00000103<20>"));
	assert_int_equal(logged("tells versions of owner"), 1);
	/* a partner that is healthy is believed as ever */
	fake_peer_knows(&peer[1], A, 110);
	pull(1);
	assert_true(mark_of(A) == 110);
	assert_true(partner_of(&st, P(1)).quarantined == 0);
	/* and what we tell is what we know */
	assert_true(sight_of(A).quarantine != 0);
	free(rec);
}

/* It comes by INFORM and UPDATE as well. */
static void by_update(void **state)
{
	struct caller c;

	(void)state;
	know(100);
	c = call_us(P(0));
	say_news(&c, WREPL_UPDATE, A, UINT64_MAX);
	expect_request(&c, A, 101, 100 + JUMP);
	say_records(&c, NULL, 0, 10);
	settle();
	expect_stop(c.link, 0);
	assert_true(mark_of(A) == 100);
	assert_true(sight_of(A).quarantine == UINT64_MAX);
}

/* A partner that lies in its reply, beyond what it told: not asked for. */
static void in_the_reply(void **state)
{
	struct nb_record *rec = replicas(A, 1, 2);
	struct caller c;

	(void)state;
	rec[1].version = UINT64_C(1) << 60;
	c = call_us(P(0));
	say_news(&c, WREPL_UPDATE, A, 5);
	expect_request(&c, A, 1, 5);
	say_records(&c, (const struct nb_record *[]){ &rec[0], &rec[1] }, 2,
		    100);
	settle();
	expect_stop(c.link, 0);
	assert_true(mark_of(A) == 5);
	assert_false(has("N00000002<20>"));
	free(rec);
}

static void accepted(void **state)
{
	struct nb_record *rec = replicas(A, 101 + 2 * JUMP, 1);

	(void)state;
	know(100);
	assert_int_equal(repl_owner_accept(st.repl, A), ENOENT);
	assert_int_equal(repl_owner_accept(st.repl, B), ENOENT);
	peer[0].record = rec;
	peer[0].records = 1;
	fake_peer_knows(&peer[0], A, 101 + 2 * JUMP);
	pull(0);
	assert_true(mark_of(A) == 100);
	assert_int_equal(repl_owner_accept(st.repl, A), 0);
	assert_true(sight_of(A).quarantine == 0);
	pass(2);
	pull(0);
	assert_true(mark_of(A) == 101 + 2 * JUMP);
	assert_true(has("N02000101<20>"));
	assert_true(partner_of(&st, P(0)).quarantined == 0);
	/* from there on it is a jump again */
	fake_peer_knows(&peer[0], A, 102 + 3 * JUMP);
	pull(0);
	assert_true(sight_of(A).quarantine == 102 + 3 * JUMP);
	free(rec);
}

static void rejected(void **state)
{
	(void)state;
	know(100);
	fake_peer_knows(&peer[0], A, 101 + 2 * JUMP);
	pull(0);
	assert_int_equal(repl_owner_reject(st.repl, A), 0);
	assert_int_equal(repl_owner_reject(st.repl, A), ENOENT);
	assert_true(sight_of(A).rejected);
	lines = 0;
	memset(line, 0, sizeof(line));
	for (int i = 0; i < 5; i++) {
		pull(0);
	}
	/* no more alarms, but still seen */
	assert_int_equal(logged("tells versions"), 0);
	assert_true(mark_of(A) == 100);
	assert_true(partner_of(&st, P(0)).quarantined == 1);
	/* a higher one is news */
	fake_peer_knows(&peer[0], A, 102 + 2 * JUMP);
	pull(0);
	assert_int_equal(logged("tells versions"), 1);
	/* and the operator may think again */
	assert_int_equal(repl_owner_accept(st.repl, A), 0);
	pass(2);
	pull(0);
	assert_true(mark_of(A) == 102 + 2 * JUMP);
}

/* Decisions are written down. */
static void the_next_life(void **state)
{
	(void)state;
	know(100);
	fake_peer_knows(&peer[0], A, 101 + 2 * JUMP);
	fake_peer_knows(&peer[0], B, 100);
	pull(0);
	fake_peer_knows(&peer[0], B, 101 + 2 * JUMP);
	pull(0);
	assert_int_equal(repl_owner_accept(st.repl, A), 0);
	assert_int_equal(repl_owner_reject(st.repl, B), 0);
	peer[0].mood = FAKE_AWAY;
	stage_crash(&st);
	peer[0].mood = FAKE_WELL;
	lines = 0;
	memset(line, 0, sizeof(line));
	repl_loaded(st.repl);
	pull(0);
	assert_true(mark_of(A) == 101 + 2 * JUMP);
	assert_true(mark_of(B) == 100);
	assert_int_equal(logged("tells versions"), 0);
	/* what nobody has decided on is in quarantine again */
	fake_peer_knows(&peer[0], B, 102 + 2 * JUMP);
	pull(0);
	stage_crash(&st);
	repl_loaded(st.repl);
	pull(0);
	assert_true(sight_of(B).quarantine == 102 + 2 * JUMP);
}

/* The disk does not take the decision: it stands as it was. */
static void not_written(void **state)
{
	(void)state;
	know(100);
	fake_peer_knows(&peer[0], A, 101 + 2 * JUMP);
	pull(0);
	sim_disk_fail(st.server->disk, 1, ENOSPC);
	client_registers(&st, "FULL<20>", SIM_HOST(1));
	assert_int_equal(repl_owner_accept(st.repl, A), ENOSPC);
	assert_true(sight_of(A).quarantine == 101 + 2 * JUMP);
	pass(10);
	assert_int_equal(repl_owner_accept(st.repl, A), 0);
	pass(2);
	assert_true(mark_of(A) == 101 + 2 * JUMP);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup, stage_teardown)
	const struct CMUnitTest tests[] = {
		TEST(first_contact),
		TEST(up_to_the_jump),
		TEST(beyond_it),
		TEST(by_update),
		TEST(in_the_reply),
		TEST(accepted),
		TEST(rejected),
		TEST(the_next_life),
		TEST(not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
