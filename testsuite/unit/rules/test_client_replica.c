/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the client table does to replicas, beyond what the golden table can
 * say: whose members live how long after a verification or an adoption, and
 * how long a tombstone of ours waits for partners (protocol.md 6; issue
 * replication 7 and 9).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rules/client.h"

#define NOW	(100 * INT64_C(86400))
#define DAY	86400
#define OLD	0x0a090909u
#define THIRD	0x0a080808u

/* A group of OLD's with a member of OLD, of a third server and of ours. */
static struct nb_record group(void)
{
	return (struct nb_record){
		.name = nb_name_make("DOMAIN", 6, 0x1c),
		.type = NB_SGROUP,
		.owner = OLD,
		.version = 7,
		.expires = NOW - 1,
		.count = 3,
		.member = { { 0x0a000001u, THIRD, NOW + 50 },
			    { 0x0a000002u, OLD, NOW - 1 },
			    { 0x0a000003u, NB_SELF, NOW - 2 } },
	};
}

static const struct nb_member *member(const struct nb_record *rec, uint32_t ip)
{
	int at = nb_record_find(rec, ip);

	assert_true(at >= 0);
	return &rec->member[at];
}

static void verified(void **state)
{
	struct nb_policy policy = nb_policy_default();
	struct nb_event event = { .kind = NB_EV_VERIFY_HELD,
				  .answers = 2,
				  .answer = { 0x0a000001u, 0x0a000002u } };
	struct nb_record rec = group();
	struct nb_verdict v;

	(void)state;
	event.name = rec.name;
	rule_client(&rec, &event, &policy, NOW, &v);
	assert_int_equal(v.store, NB_STORE_PUT);
	assert_false(v.new_version);
	assert_int_equal(v.record.owner, OLD);
	assert_int_equal(v.record.version, 7);
	assert_int_equal(v.record.count, 3);
	assert_int_equal(v.record.expires, NOW + 24 * DAY);
	assert_int_equal(member(&v.record, 0x0a000001u)->expires,
			 NOW + 24 * DAY);
	assert_int_equal(member(&v.record, 0x0a000002u)->expires,
			 NOW + 24 * DAY);
	/* nobody refreshes it here: another server's word is no life */
	assert_int_equal(member(&v.record, 0x0a000003u)->expires, NOW - 2);
	assert_int_equal(v.record.member[2].ip, 0x0a000003u);
}

/* A record whose own members are all over is still its owner's to answer. */
static void verified_when_it_reads_released(void **state)
{
	struct nb_policy policy = nb_policy_default();
	struct nb_event event = { .kind = NB_EV_VERIFY_LOST };
	struct nb_record rec = group();
	struct nb_verdict v;

	(void)state;
	rec.count = 1;
	rec.member[0] = (struct nb_member){ 0x0a000003u, NB_SELF, NOW - 2 };
	event.name = rec.name;
	rule_client(&rec, &event, &policy, NOW, &v);
	assert_int_equal(v.store, NB_STORE_DELETE);
}

static void adopted(void **state)
{
	struct nb_policy policy = nb_policy_default();
	struct nb_event event = { .kind = NB_EV_ADOPT };
	struct nb_record rec = group();
	struct nb_verdict v;

	(void)state;
	event.name = rec.name;
	rule_client(&rec, &event, &policy, NOW, &v);
	assert_int_equal(v.store, NB_STORE_PUT);
	assert_true(v.new_version);
	assert_int_equal(v.record.owner, NB_SELF);
	assert_int_equal(v.record.expires, NOW + 6 * DAY);
	assert_int_equal(v.record.count, 3);
	/* in the order of 2.1 */
	assert_int_equal(v.record.member[0].ip, 0x0a000002u);
	assert_int_equal(v.record.member[0].owner, NB_SELF);
	assert_int_equal(v.record.member[0].expires, NOW + 6 * DAY);
	assert_int_equal(v.record.member[1].owner, THIRD);
	assert_int_equal(v.record.member[1].expires, NOW + 50);
	assert_int_equal(v.record.member[2].owner, NB_SELF);
	assert_int_equal(v.record.member[2].expires, NOW - 2);
}

static uint8_t due(const struct nb_record *rec, const struct nb_policy *policy)
{
	struct nb_event event = { .kind = NB_EV_DUE, .name = rec->name };
	struct nb_verdict v;

	rule_client(rec, &event, policy, NOW, &v);
	return v.store;
}

static void a_tombstone_waits_for_partners(void **state)
{
	struct nb_policy policy = nb_policy_default();
	struct nb_record rec = group();

	(void)state;
	policy.may_delete = true;
	policy.tombstone_timeout = 2 * DAY;
	rec.state = NB_TOMBSTONE;
	rec.owner = NB_SELF;
	rec.version = 50;
	rec.expires = NOW;
	assert_int_equal(due(&rec, &policy), NB_STORE_DELETE);

	policy.tombstones_passed = 49;
	assert_int_equal(due(&rec, &policy), NB_STORE_NOTHING);
	policy.tombstones_passed = 50;
	assert_int_equal(due(&rec, &policy), NB_STORE_DELETE);

	/* it became one 30 days ago, two of which it had to live */
	policy.tombstones_passed = 49;
	rec.expires = NOW - 28 * DAY + 1;
	assert_int_equal(due(&rec, &policy), NB_STORE_NOTHING);
	rec.expires = NOW - 28 * DAY;
	assert_int_equal(due(&rec, &policy), NB_STORE_DELETE);

	policy.may_delete = false;
	assert_int_equal(due(&rec, &policy), NB_STORE_NOTHING);

	/* others' tombstones are not ours to keep for partners */
	policy.may_delete = true;
	rec.expires = NOW;
	rec.owner = OLD;
	assert_int_equal(due(&rec, &policy), NB_STORE_DELETE);
}

static void every_event_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < NB_EV_COUNT; i++) {
		assert_non_null(nb_event_name(i));
		assert_string_not_equal(nb_event_name(i), "?");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verified),
		cmocka_unit_test(verified_when_it_reads_released),
		cmocka_unit_test(adopted),
		cmocka_unit_test(a_tombstone_waits_for_partners),
		cmocka_unit_test(every_event_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
