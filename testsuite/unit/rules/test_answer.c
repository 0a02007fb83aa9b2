/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order of internet groups (protocol.md 2.9) and the clamp of 2.2.
 * Expected lists are worked out by hand from the text.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/client.h"

#define IP(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))
#define OTHER IP(10, 9, 9, 9)

static struct nb_record group(void)
{
	struct nb_record rec = {
		.name = nb_name_make("DOM", 3, 0x1c),
		.type = NB_SGROUP,
		.expires = 1000,
		.count = 4,
		.member = {
			{ IP(10, 1, 1, 1), OTHER, 900 },
			{ IP(10, 1, 2, 2), NB_SELF, 800 },
			{ IP(10, 2, 3, 3), OTHER, 700 },
			{ IP(192, 0, 2, 4), NB_SELF, 600 },
		},
	};

	return rec;
}

static struct nb_record primary(uint32_t ip, int64_t expires)
{
	struct nb_record rec = {
		.name = nb_name_make("DOM", 3, 0x1b),
		.type = NB_UNIQUE,
		.expires = expires,
		.count = 1,
		.member = { { ip, NB_SELF, expires } },
	};

	return rec;
}

static void expect(const struct nb_reply *reply, unsigned int count,
		   const uint32_t *want)
{
	assert_int_equal(reply->count, count);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(reply->addr[i], want[i]);
	}
}

static void recent_is_stored_order(void **state)
{
	struct nb_record rec = group();
	struct nb_policy policy = nb_policy_default();
	struct nb_reply reply = { 0 };
	static const uint32_t want[] = { IP(10, 1, 1, 1), IP(10, 1, 2, 2),
					 IP(10, 2, 3, 3), IP(192, 0, 2, 4) };

	(void)state;
	rule_1c_answer(&rec, NULL, &policy, 0, 0, 0, &reply);
	expect(&reply, 4, want);
}

static void expired_members_are_left_out(void **state)
{
	struct nb_record rec = group();
	struct nb_policy policy = nb_policy_default();
	struct nb_reply reply = { 0 };
	static const uint32_t want[] = { IP(10, 1, 1, 1), IP(10, 1, 2, 2),
					 IP(10, 2, 3, 3) };

	(void)state;
	rule_1c_answer(&rec, NULL, &policy, 650, 0, 0, &reply);
	expect(&reply, 3, want);
}

/* A guard holds expiry (design.md "Ageing"): members and holder stay. */
static void held_members_stay(void **state)
{
	struct nb_record rec = group();
	struct nb_record pdc = primary(IP(10, 2, 3, 3), 600);
	struct nb_policy policy = nb_policy_default();
	struct nb_reply reply = { 0 };
	static const uint32_t want[] = { IP(10, 2, 3, 3), IP(10, 1, 1, 1),
					 IP(10, 1, 2, 2), IP(192, 0, 2, 4) };

	(void)state;
	policy.expiry_held = true;
	policy.prepend_1b = true;
	rule_1c_answer(&rec, &pdc, &policy, 5000, 0, 0, &reply);
	expect(&reply, 4, want);
}

/* Q167365: our own members first, in their order; then the others. */
static void windows_puts_ours_first(void **state)
{
	struct nb_record rec = group();
	struct nb_record pdc = primary(IP(10, 2, 3, 3), 1000);
	struct nb_policy policy = nb_policy_default();
	struct nb_reply reply = { 0 };
	static const uint32_t plain[] = { IP(10, 1, 2, 2), IP(192, 0, 2, 4),
					  IP(10, 1, 1, 1), IP(10, 2, 3, 3) };
	static const uint32_t with_pdc[] = { IP(10, 2, 3, 3), IP(10, 1, 2, 2),
					     IP(192, 0, 2, 4),
					     IP(10, 1, 1, 1) };

	(void)state;
	policy.order_1c = NB_1C_WINDOWS;
	policy.prepend_1b = false;
	rule_1c_answer(&rec, NULL, &policy, 0, 0, 0, &reply);
	expect(&reply, 4, plain);
	/* the member that is the PDC stands very first */
	rule_1c_answer(&rec, &pdc, &policy, 0, 0, 0, &reply);
	expect(&reply, 4, with_pdc);
	/* a PDC that is no member is not added without the prepend option */
	pdc = primary(IP(10, 7, 7, 7), 1000);
	rule_1c_answer(&rec, &pdc, &policy, 0, 0, 0, &reply);
	expect(&reply, 4, plain);
}

static void the_1b_holder_is_prepended(void **state)
{
	struct nb_record rec = group();
	struct nb_record pdc = primary(IP(10, 7, 7, 7), 1000);
	struct nb_policy policy = nb_policy_default();
	struct nb_reply reply = { 0 };
	static const uint32_t added[] = { IP(10, 7, 7, 7), IP(10, 1, 1, 1),
					  IP(10, 1, 2, 2), IP(10, 2, 3, 3),
					  IP(192, 0, 2, 4) };
	static const uint32_t moved[] = { IP(10, 2, 3, 3), IP(10, 1, 1, 1),
					  IP(10, 1, 2, 2), IP(192, 0, 2, 4) };

	(void)state;
	rule_1c_answer(&rec, &pdc, &policy, 0, 0, 0, &reply);
	expect(&reply, 5, added);
	pdc = primary(IP(10, 2, 3, 3), 1000);
	rule_1c_answer(&rec, &pdc, &policy, 0, 0, 0, &reply);
	expect(&reply, 4, moved);
	/* 2.9 REC: only an active one */
	pdc = primary(IP(10, 7, 7, 7), 10);
	rule_1c_answer(&rec, &pdc, &policy, 20, 0, 0, &reply);
	expect(&reply, 4, &added[1]);
	policy.prepend_1b = false;
	pdc = primary(IP(10, 7, 7, 7), 1000);
	rule_1c_answer(&rec, &pdc, &policy, 0, 0, 0, &reply);
	expect(&reply, 4, &added[1]);
}

static void twenty_five_with_the_1b_holder(void **state)
{
	struct nb_record rec = group();
	struct nb_record pdc = primary(IP(10, 7, 7, 7), 1000);
	struct nb_policy policy = nb_policy_default();
	struct nb_reply reply = { 0 };

	(void)state;
	rec.count = 25;
	for (unsigned int i = 0; i < 25; i++) {
		rec.member[i] = (struct nb_member){ IP(10, 3, 0, 1) + i, OTHER,
						    900 };
	}
	rule_1c_answer(&rec, &pdc, &policy, 0, 0, 0, &reply);
	assert_int_equal(reply.count, 25);
	assert_int_equal(reply.addr[0], IP(10, 7, 7, 7));
	assert_int_equal(reply.addr[1], IP(10, 3, 0, 1));
	assert_int_equal(reply.addr[24], IP(10, 3, 0, 24));
}

/*
 * Client 10.1.1.200: equal leading bits with 10.1.1.1 24, 10.1.2.2 22,
 * 10.2.3.3 14, 192.0.2.4 0, so that is the sorted order; only 10.1.1.1 is in
 * the client's /24.
 */
static void the_draw_of_randomize(void **state)
{
	struct nb_record rec = group();
	struct nb_policy policy = nb_policy_default();
	uint32_t client = IP(10, 1, 1, 200);
	struct nb_reply reply = { 0 };
	static const uint32_t near_first[] = { IP(10, 1, 1, 1),
					       IP(10, 1, 2, 2),
					       IP(10, 2, 3, 3),
					       IP(192, 0, 2, 4) };
	static const uint32_t second[] = { IP(10, 1, 2, 2), IP(10, 1, 1, 1),
					   IP(10, 2, 3, 3), IP(192, 0, 2, 4) };

	(void)state;
	policy.randomize_1c = true;
	/* r=7: 7 mod 4 = 3, not local; 7 mod 3 = 1, no; 7 mod 1 = 0: hit */
	rule_1c_answer(&rec, NULL, &policy, 0, client, 7, &reply);
	expect(&reply, 4, near_first);
	/* a client of no member's network: r=5, 5 mod 4 = 1, 5 mod 1 = 0,
	 * no hit: the first index drawn, 1, goes to the front. From 10.1.3.1
	 * 10.1.2.2 has 23 equal bits, 10.1.1.1 has 22. */
	rule_1c_answer(&rec, NULL, &policy, 0, IP(10, 1, 3, 1), 5, &reply);
	expect(&reply, 4, near_first);
	/* r=4: index 0 at once, no hit, stays */
	rule_1c_answer(&rec, NULL, &policy, 0, IP(10, 1, 3, 1), 4, &reply);
	expect(&reply, 4, second);
}

static void granted_ttl(void **state)
{
	struct nb_policy policy = nb_policy_default();

	(void)state;
	assert_int_equal(rule_granted_ttl(&policy, 300000), 300000);
	assert_int_equal(rule_granted_ttl(&policy, 518401), 518400);
	assert_int_equal(rule_granted_ttl(&policy, 21599), 21600);
	assert_int_equal(rule_granted_ttl(&policy, 0), 21600);
	assert_int_equal(rule_granted_ttl(&policy, UINT32_MAX), 518400);
}

/* 1.4: told is the smaller of requested and granted; requested 0: granted. */
static void told_ttl(void **state)
{
	static const struct {
		uint32_t wanted, told;
		int64_t stored;
	} rows[] = {
		{ 300000, 300000, 300000 },
		{ 600000, 518400, 518400 },
		{ 1234, 1234, 21600 },
		{ 0, 21600, 21600 },
	};
	struct nb_policy policy = nb_policy_default();
	struct nb_event event = {
		.kind = NB_EV_REGISTER,
		.name = nb_name_make("T", 1, 0x20),
		.addr = IP(10, 0, 0, 1),
	};
	struct nb_verdict verdict;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		event.ttl = rows[i].wanted;
		rule_client(NULL, &event, &policy, 1000, &verdict);
		assert_int_equal(verdict.reply.ttl, rows[i].told);
		assert_int_equal(verdict.record.expires, 1000 + rows[i].stored);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recent_is_stored_order),
		cmocka_unit_test(expired_members_are_left_out),
		cmocka_unit_test(held_members_stay),
		cmocka_unit_test(windows_puts_ours_first),
		cmocka_unit_test(the_1b_holder_is_prepended),
		cmocka_unit_test(twenty_five_with_the_1b_holder),
		cmocka_unit_test(the_draw_of_randomize),
		cmocka_unit_test(granted_ttl),
		cmocka_unit_test(told_ttl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
