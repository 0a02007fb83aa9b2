/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines of text, see text.h.
 *
 * Bytes are taken from a block of the file and gathered, without their end,
 * in a buffer of the longest line; then the line is made UTF-8. UTF-16 is
 * split by its own line feed, for a byte 0x0a may be half of another letter.
 *
 * Without a charset each line is judged by itself: what is UTF-8 is UTF-8,
 * another line is CP1252, where the five bytes that mean nothing there come
 * through as U+0081 and so on. So a line in a wrong guess is still a line, and
 * only a charset that somebody named can be held against it. To judge the
 * whole file would need all of it before its first line.
 *
 * After a line that is too long or not of its charset the next one can be
 * asked for; a read error comes once and is the end.
 */
#include "migrate/text.h"

#include <errno.h>
#include <iconv.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define BLOCK 65536u
#define OUT_MAX (4u * TEXT_LINE_MAX)
#define DOS_END 0x1a		/* ^Z, alone behind the last line */

enum coding {
	CODING_BYTES,		/* as they are */
	CODING_GUESS,		/* UTF-8, else CP1252 */
	CODING_UTF8,
	CODING_ICONV,
	CODING_UTF16LE,
	CODING_UTF16BE,
};

struct text {
	FILE *file;
	enum coding coding;
	const char *charset;	/* as given, for messages */
	iconv_t convert;
	uint64_t number;
	bool ended;
	char *message;		/* the last one: a line each would add up */
	size_t at, len;		/* in block */
	size_t raw_len;
	uint8_t block[BLOCK];
	uint8_t raw[2 * TEXT_LINE_MAX + 8];
	char out[OUT_MAX + 1];
};

static int text_destructor(struct text *text)
{
	if (text->convert != (iconv_t)-1) {
		(void)iconv_close(text->convert);
		text->convert = (iconv_t)-1;
	}
	return 0;
}

static bool is_utf16(const struct text *text)
{
	return text->coding >= CODING_UTF16LE;
}

/* ---- which coding ---- */

static bool fill(struct text *text)
{
	text->at = 0;
	text->len = fread(text->block, 1, BLOCK, text->file);
	return text->len > 0;
}

static bool begins(const struct text *text, const char *mark, size_t len)
{
	return text->len >= len && memcmp(text->block, mark, len) == 0;
}

static bool ascii_letter(uint8_t byte)
{
	return (byte >= 0x20 && byte < 0x7f) || byte == '\t' ||
	       byte == '\r' || byte == '\n';
}

/* Do zeros stand in every other place, between ASCII? high: their place. */
static bool zeros_between(const struct text *text, unsigned int high)
{
	size_t units = text->len / 2 < 128 ? text->len / 2 : 128;
	size_t letters = 0;

	for (size_t i = 0; i < units; i++) {
		letters += text->block[2 * i + high] == 0 &&
			   ascii_letter(text->block[2 * i + 1 - high]);
	}
	return units > 1 && letters * 10 >= units * 9;
}

static enum coding by_look(struct text *text, enum text_kind kind)
{
	if (begins(text, "\xff\xfe", 2) || begins(text, "\xfe\xff", 2)) {
		text->at = 2;
		return text->block[0] == 0xff ? CODING_UTF16LE :
						CODING_UTF16BE;
	}
	if (begins(text, "\xef\xbb\xbf", 3)) {
		text->at = 3;
		return kind == TEXT_BYTES ? CODING_BYTES : CODING_UTF8;
	}
	if (zeros_between(text, 1)) {
		return CODING_UTF16LE;
	}
	if (zeros_between(text, 0)) {
		return CODING_UTF16BE;
	}
	return kind == TEXT_BYTES ? CODING_BYTES : CODING_GUESS;
}

static bool named(const char *charset, const char *a, const char *b)
{
	return strcasecmp(charset, a) == 0 || strcasecmp(charset, b) == 0;
}

/* A charset that was named; its own mark at the beginning is no letter. */
static int by_name(struct text *text, enum text_kind kind)
{
	enum coding look = by_look(text, kind);

	if (named(text->charset, "UTF-16", "UTF16") && look >= CODING_UTF16LE) {
		text->coding = look;
	} else if (named(text->charset, "UTF-16LE", "UTF16LE") ||
		   named(text->charset, "UTF-16", "UTF16")) {
		text->coding = CODING_UTF16LE;
	} else if (named(text->charset, "UTF-16BE", "UTF16BE")) {
		text->coding = CODING_UTF16BE;
	} else if (kind == TEXT_BYTES ||
		   named(text->charset, "UTF-8", "UTF8")) {
		text->coding = kind == TEXT_BYTES ? CODING_BYTES : CODING_UTF8;
		text->at = text->at == 3 ? 3 : 0;
	} else {
		text->coding = CODING_ICONV;
		text->at = 0;
		text->convert = iconv_open("UTF-8", text->charset);
		return text->convert == (iconv_t)-1 ? EINVAL : 0;
	}
	return 0;
}

int text_open(TALLOC_CTX *mem_ctx, FILE *file, enum text_kind kind,
	      const char *charset, struct text **text, char **message)
{
	struct text *t = talloc(mem_ctx, struct text);
	int ret = 0;

	if (t == NULL) {
		return ENOMEM;
	}
	memset(t, 0, offsetof(struct text, block));	/* the rest is large */
	t->file = file;
	t->charset = charset;
	t->convert = (iconv_t)-1;
	talloc_set_destructor(t, text_destructor);
	(void)fill(t);
	if (charset == NULL) {
		t->coding = by_look(t, kind);
	} else {
		ret = by_name(t, kind);
	}
	if (ret != 0) {
		*message = talloc_asprintf(mem_ctx, "there is no charset "
					   "'%s'; CP850, CP1252, UTF-8 and "
					   "UTF-16 are some, 'iconv -l' lists "
					   "them", charset);
		talloc_free(t);
		return ret;
	}
	*text = t;
	return 0;
}

/* ---- gathering a line ---- */

enum got { GOT_LINE, GOT_END, GOT_LONG };

/* Bytes that may be gathered; two ends of a line may hang on it. */
static size_t room(const struct text *text)
{
	return is_utf16(text) ? 2 * TEXT_LINE_MAX + 4 : TEXT_LINE_MAX + 2;
}

/* The next line feed from at on; NULL: not in this block. */
static const uint8_t *line_feed(const struct text *text)
{
	return memchr(text->block + text->at, '\n', text->len - text->at);
}

/* Add len bytes of the block; false: they have no room, and are dropped. */
static bool gather(struct text *text, size_t len)
{
	bool fits = text->raw_len + len <= room(text);

	if (fits) {
		memcpy(text->raw + text->raw_len, text->block + text->at,
		       len);
		text->raw_len += len;
	}
	text->at += len;
	return fits;
}

static enum got gather_bytes(struct text *text)
{
	bool any = false;
	bool fits = true;

	while (text->at < text->len || fill(text)) {
		const uint8_t *end = line_feed(text);
		size_t len = end != NULL ?
			(size_t)(end - text->block) - text->at :
			text->len - text->at;

		any = true;
		fits &= gather(text, len);
		if (end != NULL) {
			text->at++;
			break;
		}
	}
	return !any ? GOT_END : fits ? GOT_LINE : GOT_LONG;
}

static uint16_t unit_of(const struct text *text, const uint8_t *bytes)
{
	unsigned int high = text->coding == CODING_UTF16LE;

	return (uint16_t)(bytes[high] << 8 | bytes[1 - high]);
}

/* Two bytes of the file, one if it ends there, none at its end. */
static unsigned int take_unit(struct text *text, uint8_t pair[2])
{
	unsigned int count = 0;

	while (count < 2 && (text->at < text->len || fill(text))) {
		pair[count++] = text->block[text->at++];
	}
	return count;
}

static enum got gather_units(struct text *text)
{
	bool fits = true;
	uint8_t pair[2];
	unsigned int count = take_unit(text, pair);

	if (count == 0) {
		return GOT_END;
	}
	while (count > 0 && (count == 1 || unit_of(text, pair) != '\n')) {
		if (text->raw_len + count <= room(text)) {
			memcpy(text->raw + text->raw_len, pair, count);
			text->raw_len += count;
		} else {
			fits = false;
		}
		count = take_unit(text, pair);
	}
	return fits ? GOT_LINE : GOT_LONG;
}

/* ---- the end of a line ---- */

static bool ends_with(const struct text *text, uint8_t byte)
{
	if (!is_utf16(text)) {
		return text->raw_len > 0 &&
		       text->raw[text->raw_len - 1] == byte;
	}
	return text->raw_len > 1 && text->raw_len % 2 == 0 &&
	       unit_of(text, text->raw + text->raw_len - 2) == byte;
}

/* CR, or two of them as some editors make of a CRLF. */
static void cut_end(struct text *text)
{
	size_t unit = is_utf16(text) ? 2 : 1;

	for (unsigned int i = 0; i < 2 && ends_with(text, '\r'); i++) {
		text->raw_len -= unit;
	}
}

static bool is_dos_end(struct text *text)
{
	return text->raw_len == (is_utf16(text) ? 2u : 1u) &&
	       ends_with(text, DOS_END) && text->at == text->len &&
	       !fill(text);
}

/* ---- to UTF-8 ---- */

static size_t put_character(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Of the units at raw + *at, moved on; false: half of a pair, or of a unit. */
static bool next_character(const struct text *text, size_t *at, uint32_t *c)
{
	uint32_t low = 0;

	if (*at + 2 > text->raw_len) {
		return false;
	}
	*c = unit_of(text, text->raw + *at);
	*at += 2;
	if (*c < 0xd800 || *c > 0xdfff) {
		return true;
	}
	if (*c > 0xdbff || *at + 2 > text->raw_len) {
		return false;
	}
	low = unit_of(text, text->raw + *at);
	*at += 2;
	*c = 0x10000 + ((*c & 0x3ff) << 10) + (low & 0x3ff);
	return low >= 0xdc00 && low <= 0xdfff;
}

static bool from_utf16(struct text *text, size_t *len)
{
	size_t at = 0;

	*len = 0;
	while (at < text->raw_len) {
		uint32_t c = 0;

		if (!next_character(text, &at, &c)) {
			return false;
		}
		*len += put_character(text->out + *len, c);
	}
	return true;
}

/* Length of the UTF-8 sequence (RFC 3629) at p, 0 if there is none. */
static size_t sequence(const uint8_t *p, size_t len)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint32_t c = 0;

	if (p[0] < 0x80) {
		return 1;
	}
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

static bool is_utf8(const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		size_t n = sequence(bytes, len);

		if (n == 0) {
			return false;
		}
		bytes += n;
		len -= n;
	}
	return true;
}

/* 0x80 to 0x9f of CP1252; the rest is as in Unicode. */
static const uint16_t cp1252[32] = {
	0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
	0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008d, 0x017d, 0x008f,
	0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

static size_t from_cp1252(struct text *text)
{
	size_t len = 0;

	for (size_t i = 0; i < text->raw_len; i++) {
		uint8_t byte = text->raw[i];
		bool special = byte >= 0x80 && byte < 0xa0;

		len += put_character(text->out + len,
				     special ? cp1252[byte - 0x80] : byte);
	}
	return len;
}

static bool by_iconv(struct text *text, size_t *len)
{
	char *from = (char *)text->raw;
	char *to = text->out;
	size_t left = text->raw_len;
	size_t space = OUT_MAX;

	(void)iconv(text->convert, NULL, NULL, NULL, NULL);
	if (iconv(text->convert, &from, &left, &to, &space) == (size_t)-1 ||
	    iconv(text->convert, NULL, NULL, &to, &space) == (size_t)-1) {
		return false;
	}
	*len = OUT_MAX - space;
	return true;
}

/* The gathered bytes as they are, with a NUL behind. */
static char *as_they_are(struct text *text, size_t *len)
{
	*len = text->raw_len;
	text->raw[*len] = '\0';
	return (char *)text->raw;
}

/* NULL: not of the charset. */
static char *converted(struct text *text, size_t *len)
{
	bool good = true;

	switch (text->coding) {
	case CODING_BYTES:
		return as_they_are(text, len);
	case CODING_UTF8:
		return is_utf8(text->raw, text->raw_len) ?
			       as_they_are(text, len) : NULL;
	case CODING_GUESS:
		if (is_utf8(text->raw, text->raw_len)) {
			return as_they_are(text, len);
		}
		*len = from_cp1252(text);
		break;
	case CODING_ICONV:
		good = by_iconv(text, len);
		break;
	case CODING_UTF16LE:
	case CODING_UTF16BE:
		good = from_utf16(text, len);
		break;
	}
	text->out[good ? *len : 0] = '\0';
	return good ? text->out : NULL;
}

/* ---- the interface ---- */

static const char *charset_name(const struct text *text)
{
	return is_utf16(text) ? "UTF-16" : text->charset != NULL ?
		text->charset : "UTF-8";
}

/* Say what is wrong with a line. */
static int wrong(struct text *text, char **message, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int wrong(struct text *text, char **message, const char *format, ...)
{
	va_list ap;

	TALLOC_FREE(text->message);
	va_start(ap, format);
	text->message = talloc_vasprintf(text, format, ap);
	va_end(ap);
	*message = text->message;
	return -1;
}

static int read_failed(struct text *text, char **message)
{
	text->ended = true;
	if (!ferror(text->file)) {
		return 0;
	}
	return wrong(text, message, "behind line %" PRIu64 ": it cannot be "
		     "read: %s", text->number,
		     strerror(errno != 0 ? errno : EIO));
}

int text_line(struct text *text, char **line, size_t *len, char **message)
{
	enum got got = GOT_END;

	text->raw_len = 0;
	if (!text->ended) {
		got = is_utf16(text) ? gather_units(text) :
				       gather_bytes(text);
	}
	if (got == GOT_END) {
		return text->ended ? 0 : read_failed(text, message);
	}
	cut_end(text);
	if (is_dos_end(text)) {
		return read_failed(text, message);
	}
	text->number++;
	if (got == GOT_LONG ||
	    text->raw_len > TEXT_LINE_MAX * (is_utf16(text) ? 2 : 1)) {
		return wrong(text, message, "line %" PRIu64 " is longer than "
			     "%u characters", text->number, TEXT_LINE_MAX);
	}
	*line = converted(text, len);
	if (*line == NULL) {
		return wrong(text, message, "line %" PRIu64 " has bytes that "
			     "are no %s; --charset NAME says what the text is "
			     "written in", text->number, charset_name(text));
	}
	return 1;
}

uint64_t text_number(const struct text *text)
{
	return text->number;
}
