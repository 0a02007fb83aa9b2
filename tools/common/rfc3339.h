/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Times as text: RFC 3339, always UTC when written ("2026-08-01T12:00:00Z").
 */
#ifndef WINSD_TOOLS_RFC3339_H
#define WINSD_TOOLS_RFC3339_H

#include <stdbool.h>
#include <stdint.h>

#define RFC3339_TEXT 21		/* with its NUL */

/* Seconds since the epoch; cut to the years 1970 to 9999. Returns text. */
char *rfc3339_print(int64_t when, char text[RFC3339_TEXT]);

/* Any offset, fractions of a second cut off; true leap seconds are refused. */
bool rfc3339_parse(const char *text, int64_t *when);

#endif
