/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RFC 3339 with the C library's calendar. The fixed form is read character by
 * character, because strptime() takes much that is not RFC 3339.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/rfc3339.h"

#define YEAR_9999 INT64_C(253402300799)

char *rfc3339_print(int64_t when, char text[RFC3339_TEXT])
{
	time_t t = when < 0 ? 0 : when > YEAR_9999 ? YEAR_9999 : when;
	struct tm tm = { .tm_year = 0 };

	(void)gmtime_r(&t, &tm);
	(void)strftime(text, RFC3339_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}

/* The number of exactly so many digits, or -1. */
static int digits(const char **p, unsigned int count)
{
	int number = 0;

	while (count > 0) {
		if (!isdigit((unsigned char)**p)) {
			return -1;
		}
		number = 10 * number + (*(*p)++ - '0');
		count--;
	}
	return number;
}

static bool expect(const char **p, const char *set)
{
	if (**p == '\0' || strchr(set, **p) == NULL) {
		return false;
	}
	(*p)++;
	return true;
}

static bool parse_moment(const char **p, struct tm *tm)
{
	tm->tm_year = digits(p, 4) - 1900;
	if (!expect(p, "-")) {
		return false;
	}
	tm->tm_mon = digits(p, 2) - 1;
	if (!expect(p, "-")) {
		return false;
	}
	tm->tm_mday = digits(p, 2);
	if (!expect(p, "Tt ")) {
		return false;
	}
	tm->tm_hour = digits(p, 2);
	if (!expect(p, ":")) {
		return false;
	}
	tm->tm_min = digits(p, 2);
	if (!expect(p, ":")) {
		return false;
	}
	tm->tm_sec = digits(p, 2);
	return tm->tm_year >= 70 && tm->tm_mon >= 0 && tm->tm_mday > 0 &&
	       tm->tm_hour >= 0 && tm->tm_min >= 0 && tm->tm_sec >= 0;
}

static bool parse_offset(const char **p, int *seconds)
{
	int sign = **p == '-' ? -1 : 1;
	int hours = 0;
	int minutes = 0;

	*seconds = 0;
	if (expect(p, "Zz")) {
		return true;
	}
	if (!expect(p, "+-")) {
		return false;
	}
	hours = digits(p, 2);
	if (!expect(p, ":")) {
		return false;
	}
	minutes = digits(p, 2);
	*seconds = sign * (3600 * hours + 60 * minutes);
	return hours >= 0 && hours <= 23 && minutes >= 0 && minutes <= 59;
}

bool rfc3339_parse(const char *text, int64_t *when)
{
	struct tm tm = { .tm_year = 0 };
	struct tm given;
	int offset = 0;
	time_t t = 0;

	if (!parse_moment(&text, &tm)) {
		return false;
	}
	if (*text == '.') {
		text++;
		if (digits(&text, 1) < 0) {
			return false;
		}
		text += strspn(text, "0123456789");
	}
	if (!parse_offset(&text, &offset) || *text != '\0') {
		return false;
	}
	given = tm;
	t = timegm(&tm);
	/* what had to be carried over was no date: 31 February, hour 24 */
	if (tm.tm_mon != given.tm_mon || tm.tm_mday != given.tm_mday ||
	    tm.tm_hour != given.tm_hour || tm.tm_min != given.tm_min ||
	    tm.tm_sec != given.tm_sec) {
		return false;
	}
	*when = (int64_t)t - offset;
	return true;
}
