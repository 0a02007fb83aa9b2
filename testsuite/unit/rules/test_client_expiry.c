/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Expiry on read reaches the rules (protocol.md 2.1): an event meets the
 * record as it stands at that second, whatever the scavenger has written yet;
 * only the clock itself meets what is stored. While expiry is held (a guard
 * stopped the ageing of too many, design.md "Ageing") records of ours read as
 * alive for everybody.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "rules/client.h"

#define T	1000	/* when the first address expires */
#define A	0x0a000001u
#define B	0x0a000002u
#define C	0x0a000003u

static struct nb_record record(uint8_t type)
{
	struct nb_record rec = {
		.name = nb_name_make("HOST", 4, 0x20),
		.type = type,
		.state = NB_ACTIVE,
		.expires = T,
		.count = type == NB_MHOMED ? 2 : 1,
		.member = { { A, NB_SELF, T } },
	};

	if (type == NB_MHOMED) {
		rec.member[0] = (struct nb_member){ B, NB_SELF, T + 100 };
		rec.member[1] = (struct nb_member){ A, NB_SELF, T };
	}
	return rec;
}

static bool held;

static struct nb_verdict meet(const struct nb_record *rec, uint8_t kind,
			      uint32_t addr, int64_t now)
{
	struct nb_policy policy = nb_policy_default();
	struct nb_event event = {
		.kind = kind,
		.name = rec->name,
		.addr = addr,
		.source = addr,
		.ttl = 300000,
	};
	struct nb_verdict verdict;

	policy.expiry_held = held;
	rule_client(rec, &event, &policy, now, &verdict);
	return verdict;
}

static void a_query(void **state)
{
	struct nb_record rec = record(NB_UNIQUE);
	struct nb_verdict verdict = meet(&rec, NB_EV_QUERY, C, T - 1);

	(void)state;
	assert_int_equal(verdict.reply.kind, NB_REPLY_ADDRESSES);
	assert_int_equal(verdict.reply.addr[0], A);
	verdict = meet(&rec, NB_EV_QUERY, C, T);
	assert_int_equal(verdict.reply.kind, NB_REPLY_NEGATIVE);

	rec = record(NB_MHOMED);
	verdict = meet(&rec, NB_EV_QUERY, C, T - 1);
	assert_int_equal(verdict.reply.count, 2);
	verdict = meet(&rec, NB_EV_QUERY, C, T);
	assert_int_equal(verdict.reply.kind, NB_REPLY_ADDRESSES);
	assert_int_equal(verdict.reply.count, 1);
	assert_int_equal(verdict.reply.addr[0], B);
}

static void a_claim(void **state)
{
	struct nb_record rec = record(NB_UNIQUE);

	(void)state;
	assert_true(meet(&rec, NB_EV_REGISTER, C, T - 1).challenge);
	assert_false(meet(&rec, NB_EV_REGISTER, C, T).challenge);
	assert_int_equal(meet(&rec, NB_EV_REGISTER, C, T).store, NB_STORE_PUT);
}

/* The clock must see who expired, or nobody would ever be released. */
static void the_clock(void **state)
{
	struct nb_record rec = record(NB_UNIQUE);
	struct nb_verdict verdict = meet(&rec, NB_EV_DUE, 0, T);

	(void)state;
	assert_int_equal(verdict.store, NB_STORE_PUT);
	assert_int_equal(verdict.record.state, NB_RELEASED);
}

static int let_go(void **state)
{
	(void)state;
	held = false;
	return 0;
}

/* Whoever asks or claims meets the holder; nothing is lost by waiting. */
static void held_records_are_alive(void **state)
{
	struct nb_record rec = record(NB_UNIQUE);
	struct nb_verdict verdict;

	(void)state;
	held = true;
	verdict = meet(&rec, NB_EV_QUERY, C, T + 1000000);
	assert_int_equal(verdict.reply.kind, NB_REPLY_ADDRESSES);
	assert_int_equal(verdict.reply.addr[0], A);
	assert_true(meet(&rec, NB_EV_REGISTER, C, T + 1000000).challenge);
	verdict = meet(&rec, NB_EV_REFRESH, A, T + 1000000);
	assert_int_equal(verdict.store, NB_STORE_PUT);
	assert_false(verdict.new_version);
	assert_true(verdict.record.expires > T + 1000000);
	verdict = meet(&rec, NB_EV_RELEASE, A, T + 1000000);
	assert_int_equal(verdict.record.state, NB_RELEASED);

	rec = record(NB_MHOMED);
	verdict = meet(&rec, NB_EV_QUERY, C, T + 1000000);
	assert_int_equal(verdict.reply.count, 2);
}

/* The pass itself is stopped elsewhere; a forced one must see all. */
static void the_clock_is_not_held(void **state)
{
	struct nb_record rec = record(NB_UNIQUE);

	(void)state;
	held = true;
	assert_int_equal(meet(&rec, NB_EV_DUE, 0, T).record.state,
			 NB_RELEASED);
}

/* What is released already stays so. */
static void held_is_not_revived(void **state)
{
	struct nb_record rec = record(NB_UNIQUE);

	(void)state;
	held = true;
	rec.state = NB_RELEASED;
	assert_int_equal(meet(&rec, NB_EV_QUERY, C, T).reply.kind,
			 NB_REPLY_NEGATIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query),
		cmocka_unit_test(a_claim),
		cmocka_unit_test(the_clock),
		cmocka_unit_test_teardown(held_records_are_alive, let_go),
		cmocka_unit_test_teardown(the_clock_is_not_held, let_go),
		cmocka_unit_test_teardown(held_is_not_revived, let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
