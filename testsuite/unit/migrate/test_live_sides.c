/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The private database of a comparison: what is put in comes out again, names
 * of any bytes pair up, marks and rounds are remembered.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "migrate/live/sides.h"
#include "migrate/row.h"

#define NAMES	3000u
#define OWNER	0xc0000201u

static struct sides *sides;

static int setup(void **state)
{
	(void)state;
	return sides_create(NULL, &sides);
}

static int teardown(void **state)
{
	(void)state;
	TALLOC_FREE(sides);
	return 0;
}

/* Names of all lengths, bytes, types and some scopes; number is its own. */
static struct compare_view view_of(unsigned int number)
{
	uint8_t bytes[NB_NAME_MAX];
	struct compare_view view = { .kind = COMPARE_RECORD,
				     .known = ROW_ALL };

	for (unsigned int i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(1 + (number * 7919u + i * 31u) % 255u);
	}
	memcpy(bytes, &number, 2);
	bytes[0] |= 0x80;
	bytes[1] |= 0x80;
	view.rec.name = nb_name_make(bytes, 2 + number % 14,
				     (uint8_t)(number >> 4));
	if (number % 5 == 0) {
		assert_true(nb_name_set_scope(&view.rec.name, "dept.example",
					      number % 12));
	}
	view.rec.type = NB_MHOMED;
	view.rec.owner = OWNER + number % 3;
	view.rec.version = number;
	view.rec.expires = 1000 + number;
	view.rec.count = (uint8_t)(1 + number % NB_MEMBERS_MAX);
	for (unsigned int i = 0; i < view.rec.count; i++) {
		view.rec.member[i] = (struct nb_member) {
			0x0a000000u + i, OWNER, 1000 + number
		};
	}
	return view;
}

static void put(enum sides_which which, unsigned int from, unsigned int step)
{
	assert_int_equal(sides_begin(sides, which), 0);
	for (unsigned int i = from; i < NAMES; i += step) {
		struct compare_view view = view_of(i);

		assert_int_equal(sides_put(sides, which, &view), 0);
	}
	assert_int_equal(sides_end(sides), 0);
}

struct seen {
	unsigned int old, new, both;
	struct nb_name last;
};

static int look(void *priv, const struct compare_view *old,
		const struct compare_view *new)
{
	struct seen *seen = priv;

	assert_true(nb_name_equal(&old->rec.name, &new->rec.name));
	assert_false(nb_name_equal(&old->rec.name, &seen->last));
	seen->last = old->rec.name;
	seen->old += new->kind == COMPARE_ABSENT;
	seen->new += old->kind == COMPARE_ABSENT;
	if (old->kind == COMPARE_RECORD && new->kind == COMPARE_RECORD) {
		struct compare_view want = view_of(
			(unsigned int)old->rec.version);

		seen->both++;
		assert_memory_equal(&old->rec, &want.rec, sizeof(want.rec));
		assert_memory_equal(&new->rec, &want.rec, sizeof(want.rec));
		assert_int_equal(old->known, ROW_ALL);
	}
	return 0;
}

/* How many names there are: not all numbers make different ones. */
static unsigned int different(unsigned int a, unsigned int b, bool all)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < NAMES; i++) {
		bool in_a = i % a == 0, in_b = i % b == 0;

		count += all ? in_a && in_b : in_a && !in_b;
	}
	return count;
}

static void test_pairs(void **state)
{
	struct seen seen = { .old = 0 };

	(void)state;
	put(SIDES_OLD, 0, 2);
	put(SIDES_NEW, 0, 3);
	assert_int_equal(sides_number(sides, SIDES_OLD), NAMES / 2);
	assert_int_equal(sides_each(sides, look, &seen), 0);
	assert_int_equal(seen.both, different(2, 3, true));
	assert_int_equal(seen.old, different(2, 3, false));
	assert_int_equal(seen.new, different(3, 2, false));
	/* a side that is filled anew has nothing of before */
	put(SIDES_OLD, NAMES, 1);
	seen = (struct seen) { .old = 0 };
	assert_int_equal(sides_each(sides, look, &seen), 0);
	assert_int_equal(seen.both + seen.old, 0);
}

static int stop_at_once(void *priv, const struct compare_view *old,
			const struct compare_view *new)
{
	(void)old;
	(void)new;
	++*(unsigned int *)priv;
	return EINTR;
}

static void test_get(void **state)
{
	struct compare_view view, want = view_of(8);
	struct nb_name name = want.rec.name;
	unsigned int calls = 0;

	(void)state;
	put(SIDES_NEW, 8, NAMES);
	assert_int_equal(sides_get(sides, SIDES_NEW, &name, &view), 0);
	assert_int_equal(view.kind, COMPARE_RECORD);
	assert_memory_equal(&view.rec, &want.rec, sizeof(want.rec));
	assert_int_equal(sides_get(sides, SIDES_OLD, &name, &view), 0);
	assert_int_equal(view.kind, COMPARE_ABSENT);
	assert_int_equal(sides_first(sides, SIDES_NEW), 0);
	assert_int_equal(sides_next(sides, &view), 0);
	assert_true(nb_name_equal(&view.rec.name, &name));
	assert_int_equal(sides_next(sides, &view), ENOENT);
	assert_int_equal(sides_each(sides, stop_at_once, &calls), EINTR);
	assert_int_equal(calls, 1);
	assert_int_equal(sides_each(sides, stop_at_once, &calls), EINTR);
}

static void test_marks(void **state)
{
	uint64_t version = 0;

	(void)state;
	put(SIDES_OLD, 0, 1);
	assert_true(sides_mark(sides, SIDES_OLD, OWNER, &version));
	assert_int_equal(version, NAMES - 3);
	assert_true(sides_mark(sides, SIDES_OLD, OWNER + 2, &version));
	assert_int_equal(version, NAMES - 1);
	assert_false(sides_mark(sides, SIDES_OLD, OWNER + 3, &version));
	assert_false(sides_mark(sides, SIDES_NEW, OWNER, &version));
	for (uint32_t i = 5000; i > 0; i--) {
		assert_int_equal(sides_set_mark(sides, SIDES_NEW, i * 7919u,
						i), 0);
	}
	for (uint32_t i = 5000; i > 0; i--) {
		assert_true(sides_mark(sides, SIDES_NEW, i * 7919u, &version));
		assert_int_equal(version, i);
	}
	assert_int_equal(sides_set_mark(sides, SIDES_NEW, 7919u, 0), 0);
	assert_true(sides_mark(sides, SIDES_NEW, 7919u, &version));
	assert_int_equal(version, 1);
}

/* A difference that is away for a round begins anew. */
static void test_rounds(void **state)
{
	static const struct {
		unsigned int round;
		int64_t now, first;
		unsigned int rounds;
	} table[] = {
		{ 1, 100, 100, 1 }, { 2, 200, 100, 2 }, { 3, 300, 100, 3 },
		{ 5, 500, 500, 1 }, { 6, 600, 500, 2 },
	};
	struct nb_name name = view_of(4).rec.name;
	int64_t first = 0;
	unsigned int rounds = 0;

	(void)state;
	assert_int_equal(sides_since(sides, &name, &first, &rounds), ENOENT);
	for (unsigned int i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(sides_seen(sides, &name, table[i].now,
					    table[i].round, &first, &rounds),
				 0);
		assert_int_equal(first, table[i].first);
		assert_int_equal(rounds, table[i].rounds);
		assert_int_equal(sides_since(sides, &name, &first, &rounds),
				 0);
		assert_int_equal(first, table[i].first);
		assert_int_equal(rounds, table[i].rounds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pairs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_get, setup, teardown),
		cmocka_unit_test_setup_teardown(test_marks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rounds, setup, teardown),
	};

	return cmocka_run_group_tests_name("live sides", tests, NULL, NULL);
}
