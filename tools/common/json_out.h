/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing JSON, value by value, straight into a stream: a million records
 * need no tree of a million objects.
 *
 * Bytes of names and scopes (design.md 4.3): a valid UTF-8 sequence of a
 * character above U+00FF is written as that character, every other byte from
 * 0x80 on as \u00HH of the byte. Read back with json_to_bytes() both are the
 * same bytes again.
 */
#ifndef WINSD_TOOLS_JSON_OUT_H
#define WINSD_TOOLS_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json_out {
	FILE *file;
	bool comma;		/* before the next value or key */
};

void json_begin(struct json_out *j, char bracket);	/* '{' or '[' */
void json_end(struct json_out *j, char bracket);	/* '}' or ']' */
void json_newline(struct json_out *j);			/* a line is complete */

void json_key(struct json_out *j, const char *key);
void json_bytes(struct json_out *j, const uint8_t *bytes, size_t len);
void json_text(struct json_out *j, const char *text);
void json_count(struct json_out *j, uint64_t number);
void json_flag(struct json_out *j, bool flag);
void json_nothing(struct json_out *j);
void json_address(struct json_out *j, uint32_t addr);

/* RFC 3339 in UTC, or null for NB_NEVER. */
void json_time(struct json_out *j, int64_t when);

/*
 * From the characters of a JSON string (valid UTF-8) back to bytes. Returns
 * their number, or -1 if there are more than max.
 */
int json_to_bytes(const char *text, size_t len, uint8_t *bytes, size_t max);

#endif
