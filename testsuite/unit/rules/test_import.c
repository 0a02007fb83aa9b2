/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an imported record does. Expected is what issue migration 3 says, what
 * protocol.md 5 says of a replica, and design.md 4.3 of protected names; each
 * line of the tables below was typed from there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rules/import.h"

#define NOW 1700000000
#define HOUR 3600
#define DAY (24 * HOUR)
#define A 0x0a090901u		/* two other servers */
#define B 0x0a090902u
#define US NB_SELF
#define HOST(i) (0x0a000000u + (uint32_t)(i))

static struct nb_policy policy;
static struct nb_event event;
static struct nb_verdict v;

static int reset(void **state)
{
	(void)state;
	policy = nb_policy_default();
	memset(&event, 0, sizeof(event));
	event.kind = NB_EV_IMPORT;
	event.handed_out = 1000;
	return 0;
}

/*
 * "UA 1 2": type U G S M, state A R T, "!" behind: static; hosts. Members are
 * the owner's, "3@B" is B's.
 */
static struct nb_record record(const char *text, uint32_t owner,
			       uint64_t version)
{
	static const char types[] = "UGSM", states[] = "ART";
	struct nb_record rec = {
		.type = (uint8_t)(strchr(types, text[0]) - types),
		.state = (uint8_t)(strchr(states, text[1]) - states),
		.node = NB_H_NODE,
		.owner = owner,
		.version = version,
	};
	bool for_ever = text[2] == '!' && rec.state == NB_ACTIVE;
	const char *p = text + 2 + (text[2] == '!');

	rec.name = nb_name_make("NAME", 4, rec.type == NB_SGROUP ? 0x1c :
				0x20);
	rec.is_static = text[2] == '!';
	rec.expires = for_ever ? NB_NEVER : NOW + DAY;
	while (*p == ' ') {
		struct nb_member *member = &rec.member[rec.count++];

		member->ip = HOST(p[1] - '0');
		member->owner = p[2] == '@' ? (p[3] == 'A' ? A : p[3] == 'B' ?
					       B : US) : owner;
		member->expires = rec.expires;
		p += p[2] == '@' ? 4 : 2;
	}
	assert_null(nb_record_broken(&rec));
	return rec;
}

static void import(const struct nb_record *have, struct nb_record in)
{
	event.record = &in;
	event.name = in.name;
	memset(&v, 0x55, sizeof(v));
	rule_import(have, &event, &policy, NOW, &v);
	event.record = NULL;
	assert_false(v.challenge);
	assert_int_equal(v.demands, 0);
	if (v.outcome == NB_DONE) {
		assert_int_equal(v.store, NB_STORE_PUT);
		assert_null(nb_record_broken(&v.record));
	} else {
		assert_int_equal(v.store, NB_STORE_NOTHING);
	}
}

static bool rule_is(const char *part)
{
	if (strstr(v.ref, part) == NULL) {
		print_error("rule: %s, not %s\n", v.ref, part);
		return false;
	}
	return true;
}

/* ---- of others: the conflict matrix ---- */

static const struct pair {
	const char *have;
	uint32_t owner;
	const char *in;		/* of B, version 50 */
	uint8_t outcome;
	bool new_version;
	const char *rule;
} pairs[] = {
	/* 5.2 */
	{ "UA! 1", US, "UA 2", NB_REFUSED, false, "5.2 #2" },
	{ "UA! 1", A, "UA 2", NB_REFUSED, false, "5.2 #3" },
	{ "UA 1", A, "UA! 2", NB_DONE, false, "5.2 #4" },
	{ "UA 1", US, "UA! 2", NB_DONE, false, "5.2 #4" },
	/* 5.3a */
	{ "UA 1", A, "UA 2", NB_DONE, false, "5.3a" },
	{ "UA 1", A, "UT 2", NB_REFUSED, false, "5.3a" },
	{ "UR 1", A, "UT 2", NB_DONE, false, "5.3a" },
	{ "GA 1", A, "UA 2", NB_REFUSED, false, "5.3a" },
	{ "GT 1", A, "SA 2", NB_DONE, false, "5.3a" },
	{ "MA 1 2", A, "GA 3", NB_DONE, false, "5.3a" },
	/* 5.3b; where nobody can be asked ours stays */
	{ "UR 1", US, "UA 2", NB_DONE, false, "5.3b" },
	{ "GR 1", US, "UA 2", NB_REFUSED, false, "5.3b" },
	{ "UA 1", US, "UA 2", NB_REFUSED, false, "5.3b U, M: others" },
	{ "UA 1", US, "UA 1", NB_DONE, false, "contained" },
	{ "UA 1", US, "UT 2", NB_REFUSED, false, "5.3b otherwise" },
	{ "UA 1", US, "GA 2", NB_DONE, false, "demand delay" },
	{ "GA 1", US, "GA 2", NB_DONE, false, "5.3b G" },
	/* 5.4: 97, 98, 104, 107 with another owner's */
	{ "SA 3 4", A, "SA 3@A 4@A", NB_UNCHANGED, false, "superset" },
	{ "SA 3 4", A, "SA 1 2", NB_DONE, true, "5.4" },
	{ "SA 1@B 2@B", A, "SA 3@A 4@A", NB_DONE, false, "5.4" },
	/* ours and theirs in one list: ours, once */
	{ "SA 1", US, "SA 2", NB_DONE, true, "5.3b S" },
	{ "SA 1 2@B", US, "SA 2", NB_UNCHANGED, false, "5.3b S" },
};

static void test_pairs(void **state)
{
	(void)state;
	event.force = true;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct pair *p = &pairs[i];
		struct nb_record have = record(p->have, p->owner, 20);

		import(&have, record(p->in, B, 50));
		if (v.outcome != p->outcome || !rule_is(p->rule) ||
		    (v.outcome == NB_DONE &&
		     v.new_version != p->new_version)) {
			fail_msg("%s against %s: outcome %u, new %d, %s",
				 p->have, p->in, v.outcome, v.new_version,
				 v.ref);
		}
		if (v.outcome == NB_DONE && !v.new_version) {
			assert_int_equal(v.record.owner, B);
			assert_int_equal(v.record.version, 50);
		}
	}
}

static void test_new_one_of_others(void **state)
{
	struct nb_record in = record("MA 1 2@A", B, 50);

	(void)state;
	in.member[1].expires = NOW + 3 * HOUR;
	import(NULL, in);
	assert_int_equal(v.outcome, NB_DONE);
	assert_false(v.new_version);
	assert_true(rule_is("5.2 #1"));
	assert_true(import_is_same(&v.record, &in));
	assert_int_equal(v.record.version, 50);
	/* all that the database said */
	assert_int_equal(v.record.expires, in.expires);
	assert_int_equal(v.record.member[0].ip, HOST(1));
	assert_int_equal(v.record.member[0].expires, NOW + DAY);
	assert_int_equal(v.record.member[1].expires, NOW + 3 * HOUR);
}

static void test_same_owner(void **state)
{
	struct nb_record have = record("UA 1", B, 20);

	(void)state;
	import(&have, record("UA 2", B, 21));
	assert_int_equal(v.outcome, NB_DONE);
	assert_true(rule_is("5.2 #5"));
	import(&have, record("UA 2", B, 20));
	assert_int_equal(v.outcome, NB_REFUSED);
	import(&have, record("UA 2", B, 19));
	assert_int_equal(v.outcome, NB_REFUSED);
	import(&have, record("UA 1", B, 20));
	assert_int_equal(v.outcome, NB_UNCHANGED);
	/* a static of its owner is protected, as everybody's */
	have = record("UA! 1", B, 20);
	import(&have, record("UA! 2", B, 21));
	assert_int_equal(v.outcome, NB_CONFLICT);
	event.force = true;
	import(&have, record("UA! 2", B, 21));
	assert_int_equal(v.outcome, NB_DONE);
}

static void test_version_not_said(void **state)
{
	(void)state;
	import(NULL, record("UA 1", B, 0));
	assert_int_equal(v.outcome, NB_REFUSED);
	assert_true(rule_is("version is not said"));
}

/* ---- times ---- */

static void test_expired(void **state)
{
	static const char *const all[] = { "UA 1", "UR 1", "UT 1", "SA 1" };
	struct nb_record in;

	(void)state;
	for (int i = 0; i < 4; i++) {
		in = record(all[i], B, 5);
		in.expires = NOW;
		import(NULL, in);
		assert_int_equal(v.outcome, NB_REFUSED);
		assert_true(rule_is("expired"));
		in.expires = NOW + 1;
		import(NULL, in);
		assert_int_equal(v.outcome, NB_DONE);
	}
	in = record("UA! 1", B, 5);
	import(NULL, in);
	assert_int_equal(v.outcome, NB_DONE);
	assert_int_equal(v.record.expires, NB_NEVER);
}

/* Members of ours age (2.1), those of others do not. */
static void test_expired_members(void **state)
{
	struct nb_record in = record("SA 1 2 3@B", US, 2000);

	(void)state;
	in.member[0].expires = NOW - 1;
	in.member[2].expires = NOW - 1;
	import(NULL, in);
	assert_int_equal(v.outcome, NB_DONE);
	assert_int_equal(v.record.count, 2);
	assert_true(nb_record_find(&v.record, HOST(1)) < 0);
	in = record("SA 1 2", US, 2000);
	in.member[0].expires = NOW - 1;
	in.member[1].expires = NOW;
	import(NULL, in);
	assert_int_equal(v.outcome, NB_REFUSED);
	assert_true(rule_is("expired"));
}

static void life_is(struct nb_record in, int64_t when, uint32_t life)
{
	in.expires = when;
	in.member[0].expires = when;
	import(NULL, in);
	assert_int_equal(v.outcome, NB_DONE);
	assert_int_equal(v.record.expires, NOW + life);
}

/* Nobody said a time, or one that no record here lives to see. */
static void test_lives(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		int64_t when = i == 0 ? NB_NEVER : NOW + 10000 * (int64_t)DAY;

		life_is(record("UA 1", B, 5), when, policy.verify_interval);
		life_is(record("UT 1", B, 5), when, policy.verify_interval);
		life_is(record("UA 1", US, 2000), when, policy.max_ttl);
		life_is(record("UR 1", US, 2000), when,
			policy.tombstone_interval);
		life_is(record("UT 1", US, 2000), when,
			policy.tombstone_timeout);
	}
}

/* ---- ours ---- */

static void test_our_versions(void **state)
{
	(void)state;
	import(NULL, record("UA 1", US, 1001));
	assert_int_equal(v.outcome, NB_DONE);
	assert_false(v.new_version);
	assert_int_equal(v.record.version, 1001);
	assert_int_equal(v.record.owner, US);
	/* it may have been told for another record */
	import(NULL, record("UA 1", US, 1000));
	assert_int_equal(v.outcome, NB_DONE);
	assert_true(v.new_version);
	event.handed_out = 0;
	import(NULL, record("UA 1", US, 1));
	assert_false(v.new_version);
	import(NULL, record("UA 1", US, 0));
	assert_true(v.new_version);
}

static const struct pair ours[] = {	/* version 1500; what stands: 1200 */
	{ "UA 1", US, "UA 2", NB_DONE, false, "older here" },
	{ "UA 1", US, "UA 1", NB_UNCHANGED, false, "stands so" },
	{ "UA 1", A, "UA 2", NB_REFUSED, false, "another's, active" },
	{ "UT 1", A, "UA 2", NB_DONE, false, "another's, gone" },
}, older[] = {				/* version 1100 */
	{ "UA 1", US, "UA 2", NB_REFUSED, false, "not older here" },
	{ "UT 1", US, "UA 2", NB_REFUSED, false, "not older here" },
	{ "UA 1", US, "UA 1", NB_UNCHANGED, false, "stands so" },
}, nobodys[] = {			/* --adopt */
	{ "UA 1", US, "UA 1", NB_UNCHANGED, true, "stands so" },
	{ "UA 1", US, "UA 2", NB_REFUSED, true, "a living record" },
	{ "UR 1", US, "UA 2", NB_DONE, true, "gone here" },
	{ "UT 1", US, "UR 2", NB_REFUSED, true, "gone there" },
	{ "UA 1", US, "UA! 2", NB_DONE, true, "5.2 #4" },
	{ "UA! 1", US, "UA 2", NB_REFUSED, true, "5.2 #3" },
	{ "UA! 1", US, "UA! 2", NB_REFUSED, true, "5.2 #3" },
	{ "UA 1", A, "UA! 2", NB_REFUSED, true, "another's, active" },
	{ "UT 1", A, "UA 2", NB_DONE, true, "another's, gone" },
	{ "SA 1 2", US, "SA 2 3", NB_DONE, true, "2.3 #21" },
	{ "SA 1 2", US, "SA 2", NB_UNCHANGED, true, "2.3 #21" },
};

static void play(const struct pair *p, size_t count, uint64_t version)
{
	event.force = true;
	for (; count > 0; count--, p++) {
		struct nb_record have = record(p->have, p->owner, 1200);

		import(&have, record(p->in, US, version));
		if (v.outcome != p->outcome || !rule_is(p->rule) ||
		    (v.outcome == NB_DONE &&
		     v.new_version != p->new_version)) {
			fail_msg("%s against %s: outcome %u, new %d, %s",
				 p->have, p->in, v.outcome, v.new_version,
				 v.ref);
		}
	}
}

#define COUNT(table) (sizeof(table) / sizeof(table[0]))

static void test_our_pairs(void **state)
{
	(void)state;
	play(ours, COUNT(ours), 1500);
	play(older, COUNT(older), 1100);
}

static void test_adopted(void **state)
{
	struct nb_record in = record("SA 1 2@A", B, 77);

	(void)state;
	event.adopt = true;
	play(nobodys, COUNT(nobodys), 0);
	import(NULL, in);
	assert_int_equal(v.outcome, NB_DONE);
	assert_true(v.new_version);
	assert_int_equal(v.record.owner, US);
	assert_int_equal(v.record.member[0].owner, US);
	assert_int_equal(v.record.member[1].owner, US);
}

/* A list has room for 25 (2.1); who is over is left out. */
static void test_full_list(void **state)
{
	struct nb_record have = record("SA 1", US, 1200);
	struct nb_record in = record("SA 8 9", US, 0);

	(void)state;
	for (have.count = 0; have.count < 24; have.count++) {
		have.member[have.count] = (struct nb_member) {
			.ip = HOST(100 + have.count),
			.expires = NOW + DAY,
		};
	}
	event.adopt = true;
	event.force = true;
	import(&have, in);
	assert_int_equal(v.outcome, NB_DONE);
	assert_int_equal(v.record.count, 25);
}

/* ---- what is protected, what is blocked ---- */

static void test_protected(void **state)
{
	struct nb_record have = record("SA 1", US, 20);
	struct nb_record plain = record("UR 1", US, 20);

	(void)state;
	import(&have, record("SA 2", B, 50));
	assert_int_equal(v.outcome, NB_CONFLICT);
	assert_true(rule_is("--yes"));
	import(&plain, record("UA 2", B, 50));
	assert_int_equal(v.outcome, NB_DONE);
	event.own_name = true;
	import(NULL, record("UA 2", B, 50));
	assert_int_equal(v.outcome, NB_CONFLICT);
	event.force = true;
	import(NULL, record("UA 2", B, 50));
	assert_int_equal(v.outcome, NB_DONE);
	/* what changes nothing needs no leave */
	event.force = false;
	import(&have, have);
	assert_int_equal(v.outcome, NB_UNCHANGED);
}

static void test_blocked(void **state)
{
	struct nb_record in = record("UA 1", US, 2000);

	(void)state;
	in.name = nb_name_make("wpad", 4, 0x20);
	for (int i = 0; i < 2; i++) {
		in.owner = i == 0 ? B : US;
		import(NULL, in);
		assert_int_equal(v.outcome, NB_REFUSED);
		assert_true(rule_is("blocked names"));
	}
	in = record("UA! 1", US, 2000);
	in.name = nb_name_make("wpad", 4, 0x20);
	import(NULL, in);
	assert_int_equal(v.outcome, NB_DONE);
}

/* ---- again, and back ---- */

/* "A second run changes nothing": whatever the first one did. */
static void test_second_run(void **state)
{
	static const struct {
		const struct pair *pair;
		size_t count;
		uint32_t owner;
		uint64_t version;
		bool adopt;
	} runs[] = {
		{ pairs, COUNT(pairs), B, 50, false },
		{ ours, COUNT(ours), US, 1500, false },
		{ nobodys, COUNT(nobodys), US, 0, true },
	};

	(void)state;
	event.force = true;
	for (int r = 0; r < 3; r++) {
		for (size_t i = 0; i < runs[r].count; i++) {
			const struct pair *p = &runs[r].pair[i];
			struct nb_record have = record(p->have, p->owner, 20);
			struct nb_record in = record(p->in, runs[r].owner,
						     runs[r].version);

			event.adopt = runs[r].adopt;
			import(&have, in);
			if (v.outcome != NB_DONE) {
				continue;
			}
			have = v.record;
			have.version = v.new_version ? 3000 : have.version;
			import(&have, in);
			assert_int_equal(v.outcome, NB_UNCHANGED);
		}
	}
}

static void test_undo(void **state)
{
	struct nb_record ours_now = record("UA 2", US, 1500);
	struct nb_record theirs = record("UA 1", A, 30);
	struct nb_record before = record("UA 1", US, 900);

	(void)state;
	event.undo = true;
	import(&ours_now, theirs);
	assert_int_equal(v.outcome, NB_DONE);
	assert_false(v.new_version);
	assert_int_equal(v.record.owner, A);
	assert_int_equal(v.record.version, 30);
	/* ours has been told with a later version: once more, anew */
	import(&ours_now, before);
	assert_int_equal(v.outcome, NB_DONE);
	assert_true(v.new_version);
	import(&before, before);
	assert_int_equal(v.outcome, NB_UNCHANGED);
	import(NULL, theirs);
	assert_int_equal(v.outcome, NB_DONE);
	ours_now = record("UA! 2", US, 1500);
	import(&ours_now, theirs);
	assert_int_equal(v.outcome, NB_CONFLICT);
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pairs),
		TEST(test_new_one_of_others),
		TEST(test_same_owner),
		TEST(test_version_not_said),
		TEST(test_expired),
		TEST(test_expired_members),
		TEST(test_lives),
		TEST(test_our_versions),
		TEST(test_our_pairs),
		TEST(test_adopted),
		TEST(test_full_list),
		TEST(test_protected),
		TEST(test_blocked),
		TEST(test_second_run),
		TEST(test_undo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
