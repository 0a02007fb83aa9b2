/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The calendar of pulls: Q196209 (drift), Q171997 (start times ignored).
 * Times are typed as minutes of a day, so that a reader can check them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/calendar.h"

#define DAY 86400
#define MIDNIGHT (INT64_C(20000) * DAY)		/* 2024-10-04 00:00 UTC */
#define AT(hour, minute) (MIDNIGHT + (hour) * 3600 + (minute) * 60)

static void next_is_after_now(void **state)
{
	(void)state;
	/* every half hour on the hour */
	assert_int_equal(calendar_next(AT(0, 0), 1800, AT(2, 29)), AT(2, 30));
	assert_int_equal(calendar_next(AT(0, 0), 1800, AT(2, 30)), AT(3, 0));
	assert_int_equal(calendar_next(AT(0, 0), 1800, AT(2, 31)), AT(3, 0));
	/* the anchor lies ahead: the grid reaches back as well */
	assert_int_equal(calendar_next(AT(22, 15), 3600, AT(3, 0)), AT(3, 15));
	assert_int_equal(calendar_next(AT(22, 15), DAY, AT(3, 0)),
			 AT(22, 15));
	assert_int_equal(calendar_next(AT(2, 0), DAY, AT(3, 0)),
			 AT(2, 0) + DAY);
	assert_int_equal(calendar_next(0, 1, 5), 6);
	assert_int_equal(calendar_next(-7, 10, -100), -97);
}

/* However late each one is served, the next stands where it always stood. */
static void no_drift(void **state)
{
	int64_t planned = AT(1, 0);

	(void)state;
	for (int i = 1; i <= 1000; i++) {
		int64_t served = planned + i % 400;

		planned = calendar_next(AT(1, 0), 1800, served);
		assert_int_equal(planned, AT(1, 0) + i * INT64_C(1800));
	}
}

static void anchor_is_local(void **state)
{
	(void)state;
	assert_int_equal(calendar_anchor(AT(13, 0), 150, 0), AT(2, 30));
	/* 02:30 in a country that is two hours ahead is 00:30 UTC */
	assert_int_equal(calendar_anchor(AT(13, 0), 150, 7200), AT(0, 30));
	/* at 23:00 UTC that country has the next day already */
	assert_int_equal(calendar_anchor(AT(23, 0), 150, 7200),
			 AT(0, 30) + DAY);
	/* five hours behind: at 03:00 UTC it still has the day before */
	assert_int_equal(calendar_anchor(AT(3, 0), 150, -18000),
			 AT(7, 30) - DAY);
	assert_int_equal(calendar_anchor(-10, 0, 0), -DAY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_is_after_now),
		cmocka_unit_test(no_drift),
		cmocka_unit_test(anchor_is_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
