/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fixed times; see calendar.h. */

#include "core/calendar.h"

#define DAY 86400

/* Division that rounds down also below zero: times before 1970 are times. */
static int64_t floor_div(int64_t a, int64_t b)
{
	int64_t q = a / b;

	return a % b < 0 ? q - 1 : q;
}

int64_t calendar_next(int64_t anchor, uint32_t interval, int64_t now)
{
	int64_t steps = floor_div(now - anchor, interval) + 1;

	return anchor + steps * (int64_t)interval;
}

int64_t calendar_anchor(int64_t now, int minute, int64_t offset)
{
	int64_t midnight = floor_div(now + offset, DAY) * DAY;

	return midnight - offset + (int64_t)minute * 60;
}
