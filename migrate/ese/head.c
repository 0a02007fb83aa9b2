/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header of an ESE database, and the sums of its pages (formats.md 1.1).
 *
 * These few fields at fixed places are all that the parent looks at itself. A
 * database that was not closed cleanly has its last changes in log files that
 * nobody but Windows replays: reading it would give rows that are old, or
 * half of two versions, so it is refused, with the commands that mend it.
 *
 * The sums are looked at because libesedb does not: a page that a bad disk or
 * a copy of a file in use has spoilt reads as rows, and wrong ones.
 */
#include "migrate/ese/head.h"

#include <stdio.h>
#include <string.h>

#define SIGNATURE 0x89abcdefu
#define VERSION 0x620u
#define STATE_CLEAN 3u
#define SUM_OF_NUMBER 0x2000u	/* page flag */

static uint32_t number_at(const uint8_t *data, size_t at)
{
	return (uint32_t)data[at] | (uint32_t)data[at + 1] << 8 |
	       (uint32_t)data[at + 2] << 16 | (uint32_t)data[at + 3] << 24;
}

bool ese_head_is(const uint8_t *data, size_t len)
{
	return len >= ESE_HEAD_BYTES && number_at(data, 4) == SIGNATURE;
}

static bool no(char why[ESE_HEAD_TEXT], const char *text)
{
	(void)snprintf(why, ESE_HEAD_TEXT, "%s", text);
	return false;
}

static bool is_clean(uint32_t state, char why[ESE_HEAD_TEXT])
{
	switch (state) {
	case STATE_CLEAN:
		return true;
	case 2:
		return no(why, "it was not closed cleanly (state 2), and its "
			  "last changes are in log files: stop the service "
			  "(net stop wins) and copy it again, or run "
			  "`esentutl /r j50` beside its logs; if those are "
			  "lost, `esentutl /p wins.mdb`");
	case 1:
		return no(why, "it was just created and never used (state 1)");
	case 4:
		return no(why, "its conversion to another release has not "
			  "ended (state 4): start the service once, stop it, "
			  "and copy it again");
	default:
		(void)snprintf(why, ESE_HEAD_TEXT, "it was not closed cleanly "
			       "(state %u): stop the service (net stop wins) "
			       "and copy it again", state);
		return false;
	}
}

static bool is_page_size(uint32_t size)
{
	return size >= 2048 && size <= 32768 && (size & (size - 1)) == 0;
}

bool ese_head_check(const uint8_t *data, size_t len, uint64_t size,
		    struct ese_head *head, char why[ESE_HEAD_TEXT])
{
	if (len < ESE_HEAD_BYTES) {
		return no(why, "it is too short to be an ESE database");
	}
	if (!ese_head_is(data, len)) {
		return no(why, "it is no ESE database; the files of NT 3.51 "
			  "and NT 4.0 are none either: read such a server "
			  "itself (wrepl://ADDRESS), or its WINSDMP list");
	}
	head->version = number_at(data, 8);
	head->revision = number_at(data, 232);
	head->page_size = number_at(data, 236);
	if (head->version != VERSION) {
		(void)snprintf(why, ESE_HEAD_TEXT, "its format version is "
			       "0x%x, which is older than Windows 2000 (0x%x): "
			       "read the server itself (wrepl://ADDRESS), or "
			       "let a newer Windows convert it", head->version,
			       VERSION);
		return false;
	}
	if (number_at(data, 12) != 0) {
		return no(why, "it is a streaming file that belongs to an ESE "
			  "database, not the database");
	}
	if (!is_page_size(head->page_size)) {
		return no(why, "its header has no page size that exists");
	}
	if (size < 3 * (uint64_t)head->page_size) {
		return no(why, "it ends before its first page");
	}
	return is_clean(number_at(data, 52), why);
}

/* ---- pages ---- */

static uint32_t sum(const uint8_t *data, size_t from, size_t to, uint32_t seed)
{
	for (size_t at = from; at < to; at += 4) {
		seed ^= number_at(data, at);
	}
	return seed;
}

bool ese_head_right(const struct ese_head *head, const uint8_t *page)
{
	return number_at(page, 0) == sum(page, 4, head->page_size, SIGNATURE);
}

static bool is_zero(const uint8_t *data, size_t len)
{
	return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

bool ese_page_right(const struct ese_head *head, const uint8_t *page,
		    uint32_t number)
{
	uint32_t size = head->page_size;

	/* pages of 16 and 32 KiB have sums of another kind since Windows 7 */
	if (is_zero(page, size) || (head->revision >= 0x11 && size > 8192)) {
		return true;
	}
	if (head->revision >= 0x0b &&
	    (number_at(page, 36) & SUM_OF_NUMBER) != 0) {
		return number_at(page, 0) == sum(page, 8, size, number);
	}
	return number_at(page, 0) == sum(page, 4, size, SIGNATURE) &&
	       number_at(page, 4) == number;
}
