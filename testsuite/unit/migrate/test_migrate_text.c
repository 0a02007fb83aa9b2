/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines of text: every line end, mark and coding, lines at and above the
 * limit, bytes of any value. What must come out is typed: RFC 3629 for UTF-8,
 * Unicode's mapping table of CP1252.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "migrate/text.h"

struct stage {
	TALLOC_CTX *mem;
	FILE *file;
	struct text *text;
};

static struct stage begin(const void *bytes, size_t len, enum text_kind kind,
			  const char *charset)
{
	struct stage s = { .mem = talloc_new(NULL), .file = tmpfile() };
	char *message = NULL;

	assert_non_null(s.file);
	assert_int_equal(fwrite(bytes, 1, len, s.file), len);
	rewind(s.file);
	assert_int_equal(text_open(s.mem, s.file, kind, charset, &s.text,
				   &message), 0);
	return s;
}

static void want(struct stage *s, const void *line, size_t len)
{
	char *message = NULL;
	char *got = NULL;
	size_t got_len = 0;

	assert_int_equal(text_line(s->text, &got, &got_len, &message), 1);
	assert_int_equal(got_len, len);
	assert_memory_equal(got, line, len);
	assert_int_equal(got[len], '\0');
}

static void want_text(struct stage *s, const char *line)
{
	want(s, line, strlen(line));
}

static void want_wrong(struct stage *s, const char *what)
{
	char *message = NULL;
	char *line = NULL;
	size_t len = 0;

	assert_int_equal(text_line(s->text, &line, &len, &message), -1);
	assert_non_null(strstr(message, what));
}

static void finish(struct stage *s)
{
	char *message = NULL;
	char *line = NULL;
	size_t len = 0;

	assert_int_equal(text_line(s->text, &line, &len, &message), 0);
	assert_int_equal(text_line(s->text, &line, &len, &message), 0);
	assert_int_equal(fclose(s->file), 0);
	talloc_free(s->mem);
}

#define BEGIN(bytes) begin(bytes, sizeof(bytes) - 1, TEXT_CHARACTERS, NULL)

static void test_line_ends(void **state)
{
	struct stage s = BEGIN("a\nb\r\nc\r\r\n\n\r\nd\re\nf");

	(void)state;
	want_text(&s, "a");
	assert_int_equal(text_number(s.text), 1);
	want_text(&s, "b");
	want_text(&s, "c");
	want_text(&s, "");
	want_text(&s, "");
	want_text(&s, "d\re");
	want_text(&s, "f");
	assert_int_equal(text_number(s.text), 7);
	finish(&s);
	s = BEGIN("a\r\n\x1a");
	want_text(&s, "a");
	finish(&s);
	s = BEGIN("\x1a\nb");
	want_text(&s, "\x1a");
	want_text(&s, "b");
	finish(&s);
	s = BEGIN("");
	finish(&s);
}

static void test_marks(void **state)
{
	static const char le[] = "\xff\xfe" "A\0\xe4\0\r\0\n\0\x3d\xd8\x00\xde";
	static const char be[] = "\xfe\xff" "\0A\0\xe4\0\r\0\n\xd8\x3d\xde\0";
	static const char bare[] = "H\0i\0\n\0\xac\x20";
	static const char bare_be[] = "\0H\0i\0\n\0o\0k";
	struct stage s = BEGIN("\xef\xbb\xbf" "A\xc3\xa4\n");

	(void)state;
	want_text(&s, "A\xc3\xa4");
	finish(&s);
	s = begin(le, sizeof(le) - 1, TEXT_CHARACTERS, NULL);
	want_text(&s, "A\xc3\xa4");
	want_text(&s, "\xf0\x9f\x98\x80");	/* U+1F600 */
	finish(&s);
	s = begin(be, sizeof(be) - 1, TEXT_BYTES, NULL);
	want_text(&s, "A\xc3\xa4");
	want_text(&s, "\xf0\x9f\x98\x80");
	finish(&s);
	/* three of four units say it: not nine of ten */
	s = begin(bare, sizeof(bare) - 1, TEXT_CHARACTERS, "utf-16");
	want_text(&s, "Hi");
	want_text(&s, "\xe2\x82\xac");
	finish(&s);
	s = begin(bare_be, sizeof(bare_be) - 1, TEXT_CHARACTERS, NULL);
	want_text(&s, "Hi");
	want_text(&s, "ok");
	finish(&s);
}

/* U+0A0D and U+0D0A have the bytes of line ends and are none. */
static void test_halves_of_letters(void **state)
{
	static const char le[] = "\xff\xfe\x0d\x0a\x0a\x0d\n\0x\0";
	struct stage s = begin(le, sizeof(le) - 1, TEXT_CHARACTERS, NULL);

	(void)state;
	want_text(&s, "\xe0\xa8\x8d\xe0\xb4\x8a");
	want_text(&s, "x");
	finish(&s);
}

static void test_broken_utf16(void **state)
{
	static const char lone[] = "\xff\xfe\x00\xdc\n\0\x00\xd8" "a\0\n\0o\0";
	static const char odd[] = "\xff\xfe" "a\0\n\0b";
	struct stage s = begin(lone, sizeof(lone) - 1, TEXT_BYTES, NULL);

	(void)state;
	want_wrong(&s, "line 1 has bytes that are no UTF-16");
	want_wrong(&s, "line 2");
	want_text(&s, "o");
	finish(&s);
	s = begin(odd, sizeof(odd) - 1, TEXT_CHARACTERS, NULL);
	want_text(&s, "a");
	want_wrong(&s, "line 2");
	finish(&s);
}

static void test_guess(void **state)
{
	struct stage s = BEGIN("\x80\x8a\x9f\xe4\n\xc3\xa4\n\x81\xff\n"
			       "\xc0\xaf\n\xed\xa0\x80\n");

	(void)state;
	want_text(&s, "\xe2\x82\xac\xc5\xa0\xc5\xb8\xc3\xa4");
	want_text(&s, "\xc3\xa4");
	want_text(&s, "\xc2\x81\xc3\xbf");
	/* longer than need be, and a surrogate: no UTF-8 */
	want_text(&s, "\xc3\x80\xc2\xaf");
	want_text(&s, "\xc3\xad\xc2\xa0\xe2\x82\xac");
	finish(&s);
}

static void test_named(void **state)
{
	static const char bytes[] = "\x84\xff\n";
	struct stage s = begin(bytes, 3, TEXT_CHARACTERS, "CP850");
	char *message = NULL;
	struct text *text = NULL;

	(void)state;
	want_text(&s, "\xc3\xa4\xc2\xa0");
	finish(&s);
	s = begin("a\n\xe4\nb\n", 6, TEXT_CHARACTERS, "UTF-8");
	want_text(&s, "a");
	want_wrong(&s, "line 2 has bytes that are no UTF-8; --charset");
	want_text(&s, "b");
	finish(&s);
	s = begin("\x81\nb", 3, TEXT_CHARACTERS, "CP1252");
	want_wrong(&s, "line 1");
	want_text(&s, "b");
	assert_int_equal(text_open(s.mem, s.file, TEXT_CHARACTERS, "EBCDUH",
				   &text, &message), EINVAL);
	assert_non_null(strstr(message, "EBCDUH"));
	finish(&s);
}

static void test_any_byte(void **state)
{
	uint8_t bytes[256];
	struct stage s;

	(void)state;
	for (unsigned int i = 0; i < 256; i++) {
		bytes[i] = (uint8_t)(i == '\n' ? 0xaa : i);
	}
	bytes[255] = '\n';
	s = begin(bytes, 256, TEXT_BYTES, NULL);
	want(&s, bytes, 255);
	finish(&s);
	s = begin("\0\0\n\0a", 5, TEXT_BYTES, NULL);
	want(&s, "\0\0", 2);
	want(&s, "\0a", 2);
	finish(&s);
}

/* Unit bytes a letter; the longest line, then one letter more. */
static void limit(unsigned int unit, const char *mark)
{
	size_t len = strlen(mark);
	size_t size = 2 * (TEXT_LINE_MAX + 4) * unit + 2;
	uint8_t *bytes = calloc(1, size);
	struct stage s;

	memcpy(bytes, mark, len);
	for (size_t i = 0; i < 2 * TEXT_LINE_MAX + 4; i++) {
		bytes[len] = i == TEXT_LINE_MAX || i == 2 * TEXT_LINE_MAX + 3 ?
			'\r' : i == TEXT_LINE_MAX + 1 ? '\n' : 'x';
		len += unit;
	}
	bytes[len - unit] = '\n';
	bytes[len] = 'y';
	s = begin(bytes, len + unit, TEXT_CHARACTERS, NULL);
	for (size_t i = 0; i < TEXT_LINE_MAX; i++) {
		bytes[i] = 'x';
	}
	want(&s, bytes, TEXT_LINE_MAX);
	want_wrong(&s, "line 2 is longer than 65536");
	want_text(&s, "y");
	finish(&s);
	free(bytes);
}

static void test_limit(void **state)
{
	(void)state;
	limit(1, "");
	limit(2, "\xff\xfe");
}

static void test_unreadable(void **state)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	FILE *file = fopen("/", "r");
	struct text *text = NULL;
	char *message = NULL;
	char *line = NULL;
	size_t len = 0;

	(void)state;
	assert_non_null(file);
	assert_int_equal(text_open(mem, file, TEXT_BYTES, NULL, &text,
				   &message), 0);
	assert_int_equal(text_line(text, &line, &len, &message), -1);
	assert_non_null(strstr(message, "directory"));
	assert_int_equal(text_line(text, &line, &len, &message), 0);
	(void)fclose(file);
	talloc_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_halves_of_letters),
		cmocka_unit_test(test_broken_utf16),
		cmocka_unit_test(test_guess),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_any_byte),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
