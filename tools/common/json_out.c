/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON by hand. A library would build every object in memory first, and it
 * writes U+0080 to U+00FF as UTF-8 or everything as \uHHHH, where the format
 * of ours says which bytes are written how. Reading is left to the library.
 */
#include <inttypes.h>
#include <string.h>

#include "common/json_out.h"
#include "common/rfc3339.h"
#include "core/record.h"

static void separate(struct json_out *j)
{
	if (j->comma) {
		(void)fputc(',', j->file);
	}
	j->comma = true;
}

void json_begin(struct json_out *j, char bracket)
{
	separate(j);
	(void)fputc(bracket, j->file);
	j->comma = false;
}

void json_end(struct json_out *j, char bracket)
{
	(void)fputc(bracket, j->file);
	j->comma = true;
}

void json_newline(struct json_out *j)
{
	(void)fputc('\n', j->file);
	j->comma = false;
}

void json_key(struct json_out *j, const char *key)
{
	json_text(j, key);
	(void)fputc(':', j->file);
	j->comma = false;
}

/*
 * Length of the UTF-8 sequence at p if it is valid and its character above
 * U+00FF, else 0. Valid is what RFC 3629 says: shortest form, no surrogates,
 * nothing above U+10FFFF.
 */
static size_t wide_sequence(const uint8_t *p, size_t len)
{
	static const uint32_t smallest[] = { 0, 0, 0x100, 0x800, 0x10000 };
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint32_t c = 0;

	if (p[0] < 0xc2 || p[0] > 0xf4 || len < n) {
		return 0;
	}
	c = p[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 0;
		}
		c = c << 6 | (p[i] & 0x3fu);
	}
	return c >= smallest[n] && (c < 0xd800 || c > 0xdfff) &&
	       c <= 0x10ffff ? n : 0;
}

static void put_byte(struct json_out *j, uint8_t byte)
{
	if (byte == '"' || byte == '\\') {
		(void)fputc('\\', j->file);
		(void)fputc(byte, j->file);
	} else if (byte < 0x20 || byte >= 0x7f) {
		(void)fprintf(j->file, "\\u%04x", byte);
	} else {
		(void)fputc(byte, j->file);
	}
}

void json_bytes(struct json_out *j, const uint8_t *bytes, size_t len)
{
	separate(j);
	(void)fputc('"', j->file);
	for (size_t i = 0; i < len;) {
		size_t wide = wide_sequence(bytes + i, len - i);

		if (wide > 0) {
			(void)fwrite(bytes + i, 1, wide, j->file);
			i += wide;
		} else {
			put_byte(j, bytes[i++]);
		}
	}
	(void)fputc('"', j->file);
}

void json_text(struct json_out *j, const char *text)
{
	json_bytes(j, (const uint8_t *)text, strlen(text));
}

void json_count(struct json_out *j, uint64_t number)
{
	separate(j);
	(void)fprintf(j->file, "%" PRIu64, number);
}

void json_flag(struct json_out *j, bool flag)
{
	separate(j);
	(void)fputs(flag ? "true" : "false", j->file);
}

void json_nothing(struct json_out *j)
{
	separate(j);
	(void)fputs("null", j->file);
}

void json_address(struct json_out *j, uint32_t addr)
{
	char text[NB_ADDR_TEXT];

	json_text(j, nb_addr_print(addr, text));
}

void json_time(struct json_out *j, int64_t when)
{
	char text[RFC3339_TEXT];

	if (when == NB_NEVER) {
		json_nothing(j);
	} else {
		json_text(j, rfc3339_print(when, text));
	}
}

/* ---- back ---- */

int json_to_bytes(const char *text, size_t len, uint8_t *bytes, size_t max)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t count = 0;

	while (len > 0) {
		size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 :
			   p[0] < 0xf0 ? 3 : 4;
		bool narrow = p[0] >= 0x80 && p[0] < 0xc4;

		if (n > len || count + (narrow ? 1 : n) > max) {
			return -1;
		}
		if (narrow) {		/* U+0080 to U+00FF: one byte */
			bytes[count++] = (uint8_t)(p[0] << 6 | (p[1] & 0x3f));
		} else {
			memcpy(bytes + count, p, n);
			count += n;
		}
		p += n;
		len -= n;
	}
	return (int)count;
}
