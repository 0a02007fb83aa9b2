/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ageing clock, by table: where it begins whatever the wall clock did
 * meanwhile, how it is shown, and where a pass becomes an accident. The
 * numbers are typed from design.md section 2 "Ageing" and the issue.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/age.h"
#include "core/record.h"

#define HOUR	3600
#define DAY	86400
#define YEAR	(INT64_C(365) * DAY)
#define CAP	INT64_C(75000)		/* as of a life of 300000 s */
#define T	INT64_C(1700000000)	/* when it was last alive, by the wall */
#define A	INT64_C(1690000000)	/* the same moment on the ageing clock */
#define Y2038	INT64_C(2147483648)	/* 2038-01-19T03:14:08Z */
#define Y2106	INT64_C(4294967296)	/* 2106-02-07T06:28:16Z */

struct row {
	const char *what;
	bool there;
	uint64_t alive;
	uint64_t alive_wall;
	int64_t wall;
	/* what is expected */
	bool known;
	int64_t now;
	int64_t down;
	int64_t aged;
};

static const struct row rows[] = {
	/* nothing saved: the wall clock, whatever it says */
	{ "first start", false, 0, 0, T, false, T, 0, 0 },
	{ "first start, no RTC", false, 0, 0, 17, false, 17, 0, 0 },
	{ "first start after 2038", false, 0, 0, Y2038 + 5, false, Y2038 + 5,
	  0, 0 },
	{ "not there, though numbers are", false, A, T, T + 9, false, T + 9,
	  0, 0 },

	/* the wall clock is right: time off counts, up to the cap */
	{ "at once", true, A, T, T, true, A, 0, 0 },
	{ "a second", true, A, T, T + 1, true, A + 1, 1, 1 },
	{ "an hour", true, A, T, T + HOUR, true, A + HOUR, HOUR, HOUR },
	{ "just the cap", true, A, T, T + CAP, true, A + CAP, CAP, CAP },
	{ "a second more", true, A, T, T + CAP + 1, true, A + CAP, CAP + 1,
	  CAP },
	{ "10 days", true, A, T, T + 10 * DAY, true, A + CAP, 10 * DAY, CAP },
	{ "3 years", true, A, T, T + 3 * YEAR, true, A + CAP, 3 * YEAR, CAP },
	{ "the clocks are one", true, T, T, T + DAY / 2, true, T + DAY / 2,
	  DAY / 2, DAY / 2 },
	{ "ageing is ahead", true, T + YEAR, T, T + 10, true, T + YEAR + 10,
	  10, 10 },

	/* it is not: never backwards */
	{ "set back 1 s", true, A, T, T - 1, true, A, -1, 0 },
	{ "set back an hour", true, A, T, T - HOUR, true, A, -HOUR, 0 },
	{ "set back 30 days", true, A, T, T - 30 * DAY, true, A, -30 * DAY,
	  0 },
	{ "RTC lost: 1970", true, A, T, 0, true, A, -T, 0 },
	{ "RTC lost: before 1970", true, A, T, -5, true, A, -T - 5, 0 },
	{ "set ahead 30 days", true, A, T, T + 30 * DAY, true, A + CAP,
	  30 * DAY, CAP },
	{ "RTC was lost, is right now", true, 40, 40, T, true, 40 + CAP,
	  T - 40, CAP },

	/* over the edges of 32 bits */
	{ "over 2038", true, Y2038 - 10, Y2038 - 10, Y2038 + 20, true,
	  Y2038 + 20, 30, 30 },
	{ "over 2038, 10 days", true, Y2038 - 10, Y2038 - 10,
	  Y2038 + 10 * DAY, true, Y2038 - 10 + CAP, 10 * DAY + 10, CAP },
	{ "over 2106", true, Y2106 - 10, Y2106 - 10, Y2106 + 20, true,
	  Y2106 + 20, 30, 30 },
	{ "back over 2106", true, Y2106 + 10, Y2106 + 10, Y2106 - 20, true,
	  Y2106 + 10, -30, 0 },

	/* numbers that no server wrote */
	{ "alive is nonsense", true, UINT64_MAX, T, T, false, T, 0, 0 },
	{ "alive is large", true, (uint64_t)AGE_MAX + 1, T, T, false, T, 0,
	  0 },
	{ "wall is nonsense", true, A, UINT64_MAX, T, false, T, 0, 0 },
	{ "wall is large", true, A, (uint64_t)AGE_MAX + 1, T, false, T, 0, 0 },
	{ "as large as may be", true, (uint64_t)AGE_MAX, (uint64_t)AGE_MAX, T,
	  true, AGE_MAX, T - AGE_MAX, 0 },
	{ "zero", true, 0, 0, 100, true, 100, 100, 100 },
};

static void test_where_it_begins(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct age_saved saved = {
			.there = row->there,
			.alive = row->alive,
			.wall = row->alive_wall,
		};
		struct age_start start = age_begin(&saved, row->wall, CAP);

		if (start.known != row->known || start.now != row->now ||
		    start.down != row->down || start.aged != row->aged) {
			fail_msg("%s: known %d now %lld down %lld aged %lld",
				 row->what, start.known, (long long)start.now,
				 (long long)start.down, (long long)start.aged);
		}
	}
}

/* Restart after restart, each with an hour off: nothing is lost or doubled. */
static void test_many_nights(void **state)
{
	struct age_saved saved = { .there = true, .alive = A, .wall = T };
	int64_t wall = T;

	(void)state;
	for (int night = 1; night <= 1000; night++) {
		struct age_start start = { .now = 0 };

		wall += 8 * HOUR;	/* off */
		start = age_begin(&saved, wall, CAP);
		wall += 16 * HOUR;	/* on */
		saved.alive = (uint64_t)(start.now + 16 * HOUR);
		saved.wall = (uint64_t)wall;
		assert_int_equal(saved.alive, A + night * INT64_C(86400));
	}
}

/* A quarter of what the longest-lived client has between two refreshes. */
static void test_cap(void **state)
{
	(void)state;
	assert_int_equal(age_cap(300000), 75000);
	assert_int_equal(age_cap(518400), 75000);
	assert_int_equal(age_cap(UINT32_MAX), 75000);
	assert_int_equal(age_cap(299999), 74999);
	assert_int_equal(age_cap(86400), 21600);
	assert_int_equal(age_cap(3), 0);
	assert_int_equal(age_cap(0), 0);
}

static void test_offset(void **state)
{
	static const struct {
		int64_t known, wall, now, expected;
	} offsets[] = {
		{ 0, T, T, 0 },
		{ 0, T + 1, T, 0 },
		{ 0, T + 2, T, 0 },
		{ 0, T + 3, T, 3 },
		{ 0, T - 2, T, 0 },
		{ 0, T - 3, T, -3 },
		{ 3600, T + 3600, T, 3600 },
		{ 3600, T + 3601, T, 3600 },
		{ 3600, T + 3599, T, 3600 },
		{ 3600, T + 3598, T, 3600 },
		{ 3600, T + 3597, T, 3597 },
		{ 3600, T + 3603, T, 3603 },
		{ 3600, T, T, 0 },
		{ -3600, T, T, 0 },
		{ 0, T + 30 * DAY, T, 30 * DAY },
		{ 0, 5, T, 5 - T },
		{ 5 - T, T, T, 0 },
		{ 0, Y2106 + 7, Y2038, Y2106 + 7 - Y2038 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		assert_int_equal(age_offset(offsets[i].known, offsets[i].wall,
					    offsets[i].now),
				 offsets[i].expected);
	}
}

static void test_shift(void **state)
{
	(void)state;
	assert_int_equal(age_shift(T, 0), T);
	assert_int_equal(age_shift(T, 3600), T + 3600);
	assert_int_equal(age_shift(T + 3600, -3600), T);
	assert_int_equal(age_shift(Y2038 - 1, 2), Y2038 + 1);
	assert_int_equal(age_shift(NB_NEVER, -3600), NB_NEVER);
	assert_int_equal(age_shift(NB_NEVER, 3600), NB_NEVER);
	assert_int_equal(age_shift(NB_NEVER - 1, 2), NB_NEVER - 1);
	assert_int_equal(age_shift(INT64_MIN, -1), INT64_MIN);
}

/* "More than 20 % of them, and over 100." */
static void test_mass(void **state)
{
	static const struct {
		uint64_t released, of;
		bool mass;
	} pass[] = {
		{ 0, 0, false },	{ 0, 1000, false },
		{ 100, 100, false },	{ 100, 0, false },
		{ 101, 101, true },	{ 101, 500, true },
		{ 101, 504, true },	{ 101, 505, false },
		{ 101, 506, false },	{ 102, 506, true },
		{ 200, 1000, false },	{ 201, 1000, true },
		{ 200, 999, true },	{ 200, 1004, false },
		{ 2000000, 10000000, false },
		{ 2000001, 10000000, true },
		{ UINT64_MAX, UINT64_MAX, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pass) / sizeof(pass[0]); i++) {
		if (age_is_mass(pass[i].released, pass[i].of) !=
		    pass[i].mass) {
			fail_msg("%llu of %llu",
				 (unsigned long long)pass[i].released,
				 (unsigned long long)pass[i].of);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_where_it_begins),
		cmocka_unit_test(test_many_nights),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_offset),
		cmocka_unit_test(test_shift),
		cmocka_unit_test(test_mass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
