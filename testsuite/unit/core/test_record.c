/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The record's own laws (protocol.md 2.1): order and eviction of members,
 * expiry on read, invariants.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/record.h"

#define OTHER 0x0a0a0a0au

static struct nb_record record(uint8_t type, uint8_t state)
{
	return (struct nb_record){
		.name = nb_name_make("R", 1, 0x20),
		.type = type,
		.state = state,
		.expires = 100,
	};
}

static void add(struct nb_record *rec, uint32_t ip, uint32_t owner,
		int64_t expires)
{
	struct nb_member member = { ip, owner, expires };

	assert_true(nb_record_insert(rec, member, true));
}

static void newest_first_ours_before_foreign(void **state)
{
	struct nb_record rec = record(NB_SGROUP, NB_ACTIVE);

	(void)state;
	add(&rec, 1, NB_SELF, 50);
	add(&rec, 2, OTHER, 70);
	add(&rec, 3, NB_SELF, 60);
	add(&rec, 4, OTHER, 60);
	add(&rec, 5, NB_SELF, 70);
	assert_int_equal(rec.count, 5);
	assert_int_equal(rec.member[0].ip, 5);
	assert_int_equal(rec.member[1].ip, 2);
	assert_int_equal(rec.member[2].ip, 3);
	assert_int_equal(rec.member[3].ip, 4);
	assert_int_equal(rec.member[4].ip, 1);
}

static void last_registrant_stands_first(void **state)
{
	struct nb_record rec = record(NB_SGROUP, NB_ACTIVE);

	(void)state;
	add(&rec, 1, NB_SELF, 60);
	add(&rec, 2, NB_SELF, 60);
	assert_int_equal(rec.member[0].ip, 2);
	add(&rec, 1, NB_SELF, 60);
	assert_int_equal(rec.member[0].ip, 1);
	assert_int_equal(rec.count, 2);
}

static void the_cap_of_25(void **state)
{
	struct nb_record rec = record(NB_SGROUP, NB_ACTIVE);
	struct nb_member late = { 99, OTHER, 1 };

	(void)state;
	for (uint32_t i = 0; i < 25; i++) {
		add(&rec, 100 + i, i % 5 == 0 ? OTHER : NB_SELF, 1000 + i);
	}
	/* replication does not push anybody out */
	assert_false(nb_record_insert(&rec, late, false));
	assert_int_equal(rec.count, 25);
	/* a registration evicts the oldest foreign member: 100 */
	add(&rec, 200, NB_SELF, 2000);
	assert_int_equal(rec.count, 25);
	assert_int_equal(nb_record_find(&rec, 100), -1);
	assert_true(nb_record_find(&rec, 101) >= 0);
	for (uint32_t i = 1; i < 5; i++) {
		add(&rec, 200 + i, NB_SELF, 2000);
	}
	/* no foreign one is left: now the oldest of ours goes */
	add(&rec, 300, NB_SELF, 2000);
	assert_int_equal(nb_record_find(&rec, 101), -1);
	assert_int_equal(rec.count, 25);
	assert_null(nb_record_broken(&rec));
}

static void expiry_on_read(void **state)
{
	struct nb_record rec = record(NB_MHOMED, NB_ACTIVE);
	struct nb_record view;

	(void)state;
	add(&rec, 1, NB_SELF, 50);
	add(&rec, 2, NB_SELF, 60);
	add(&rec, 3, OTHER, 40);
	view = nb_record_at(&rec, 49);
	assert_int_equal(view.count, 3);
	view = nb_record_at(&rec, 50);
	assert_int_equal(view.count, 2);
	assert_int_equal(nb_record_find(&view, 1), -1);
	/* members of others never go this way */
	view = nb_record_at(&rec, 1000);
	assert_int_equal(view.state, NB_ACTIVE);
	assert_int_equal(view.count, 1);
	assert_int_equal(view.member[0].ip, 3);

	rec = record(NB_UNIQUE, NB_ACTIVE);
	add(&rec, 1, NB_SELF, 50);
	assert_int_equal(nb_record_at(&rec, 49).state, NB_ACTIVE);
	assert_int_equal(nb_record_at(&rec, 50).state, NB_RELEASED);
	assert_int_equal(rec.state, NB_ACTIVE);

	rec.is_static = true;
	nb_record_settle(&rec);
	assert_int_equal(nb_record_at(&rec, INT64_MAX - 1).state, NB_ACTIVE);
}

/* Whether a record is read afresh at all: second by second round each expiry. */
static void only_what_aged_reads_otherwise(void **state)
{
	struct nb_record rec = record(NB_MHOMED, NB_ACTIVE);

	(void)state;
	add(&rec, 1, NB_SELF, 60);
	add(&rec, 2, OTHER, 40);
	add(&rec, 3, NB_SELF, 50);
	assert_false(nb_record_aged(&rec, 40));
	assert_false(nb_record_aged(&rec, 49));
	assert_true(nb_record_aged(&rec, 50));
	assert_true(nb_record_aged(&rec, 61));
	rec.state = NB_RELEASED;
	assert_false(nb_record_aged(&rec, 61));
	rec.state = NB_ACTIVE;
	rec.is_static = true;
	assert_false(nb_record_aged(&rec, 61));

	/* active without a member reads as released */
	rec = record(NB_SGROUP, NB_ACTIVE);
	assert_true(nb_record_aged(&rec, 0));
	assert_int_equal(nb_record_at(&rec, 0).state, NB_RELEASED);
}

static void settling(void **state)
{
	struct nb_record rec = record(NB_SGROUP, NB_ACTIVE);

	(void)state;
	nb_record_settle(&rec);
	assert_int_equal(rec.state, NB_RELEASED);

	rec = record(NB_UNIQUE, NB_ACTIVE);
	add(&rec, 1, NB_SELF, 5);
	add(&rec, 2, NB_SELF, 5);
	assert_non_null(nb_record_broken(&rec));
	nb_record_settle(&rec);
	assert_int_equal(rec.type, NB_MHOMED);
	assert_null(nb_record_broken(&rec));

	rec.is_static = true;
	assert_non_null(nb_record_broken(&rec));
	nb_record_settle(&rec);
	assert_null(nb_record_broken(&rec));
	assert_true(rec.expires == NB_NEVER);
	assert_true(rec.member[1].expires == NB_NEVER);
}

static void broken_records_are_named(void **state)
{
	struct nb_record good = record(NB_SGROUP, NB_ACTIVE);
	struct nb_record rec;

	(void)state;
	add(&good, 1, NB_SELF, 5);
	assert_null(nb_record_broken(&good));
	rec = good;
	rec.type = 4;
	assert_non_null(nb_record_broken(&rec));
	rec = good;
	rec.state = 3;
	assert_non_null(nb_record_broken(&rec));
	rec = good;
	rec.node = 4;
	assert_non_null(nb_record_broken(&rec));
	rec = good;
	rec.count = 26;
	assert_non_null(nb_record_broken(&rec));
	rec = good;
	rec.count = 0;
	assert_non_null(nb_record_broken(&rec));
	rec = good;
	rec.name.len = 16;
	assert_non_null(nb_record_broken(&rec));
	rec = good;
	rec.name.scope_len = 239;
	assert_non_null(nb_record_broken(&rec));
	rec = good;
	rec.member[1] = rec.member[0];
	rec.count = 2;
	assert_non_null(nb_record_broken(&rec));
	rec = good;
	rec.type = NB_GROUP;
	add(&rec, 2, NB_SELF, 5);
	assert_non_null(nb_record_broken(&rec));
}

static void within(void **state)
{
	struct nb_record rec = record(NB_MHOMED, NB_ACTIVE);
	uint32_t list[3] = { 3, 1, 2 };

	(void)state;
	add(&rec, 1, NB_SELF, 5);
	add(&rec, 2, NB_SELF, 5);
	assert_true(nb_record_within(&rec, list, 3));
	assert_false(nb_record_within(&rec, list, 2));
	assert_false(nb_record_within(&rec, list, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newest_first_ours_before_foreign),
		cmocka_unit_test(last_registrant_stands_first),
		cmocka_unit_test(the_cap_of_25),
		cmocka_unit_test(expiry_on_read),
		cmocka_unit_test(only_what_aged_reads_otherwise),
		cmocka_unit_test(settling),
		cmocka_unit_test(broken_records_are_named),
		cmocka_unit_test(within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
