/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The smb.conf parser: what comes out of texts of every kind. Expected values
 * are what testparm 4.17 made of the same texts (smbconf_testparm.py compares
 * many more with the installed one), but for our three own rules.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/smbconf.h"

struct collected {
	char text[2048];
	unsigned int stop_after;	/* lines; 0: never */
	unsigned int count;
	const char *low, *high;		/* where pieces may lie */
};

static void assert_inside(const struct collected *c, const char *piece)
{
	if (piece != NULL) {
		assert_true(piece >= c->low && piece <= c->high);
		assert_true(piece + strlen(piece) <= c->high);
	}
}

/* "LINE[SECTION]NAME=VALUE|" for each. */
static bool collect(void *arg, const struct smbconf_line *line)
{
	struct collected *c = arg;
	size_t len = strlen(c->text);

	assert_inside(c, line->section);
	assert_inside(c, line->name);
	assert_inside(c, line->value);
	snprintf(c->text + len, sizeof(c->text) - len, "%u[%s]%s%s%s|",
		 line->number, line->section != NULL ? line->section : "",
		 line->name, line->value != NULL ? "=" : "",
		 line->value != NULL ? line->value : "");
	return ++c->count != c->stop_after;
}

/* Parse a copy that ends exactly where it may be written to. */
static bool parse(const char *text, size_t len, struct collected *c,
		  struct smbconf_error *error)
{
	char *copy = malloc(len + 1);
	bool ok = false;

	assert_non_null(copy);
	memcpy(copy, text, len);
	copy[len] = 'X';
	c->low = copy;
	c->high = copy + len;
	ok = smbconf_parse(copy, len, collect, c, error);
	free(copy);
	return ok;
}

struct row {
	const char *text;
	const char *want;
};

static void check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct collected c = { .count = 0 };
		struct smbconf_error error = { .line = 0 };

		if (!parse(rows[i].text, strlen(rows[i].text), &c, &error)) {
			fail_msg("refused: %s", rows[i].text);
		}
		assert_string_equal(c.text, rows[i].want);
	}
}

#define CHECK(rows)	check(rows, sizeof(rows) / sizeof(rows[0]))

static void lines(void **state)
{
	static const struct row rows[] = {
		{ "", "" },
		{ "\n\n", "" },
		{ "   \t", "" },
		{ "a=1", "1[]a=1|" },
		{ "a=1\n", "1[]a=1|" },
		{ "\n\na=1\nb=2\n", "3[]a=1|4[]b=2|" },
		{ "a=1\r\nb=2\r\n", "1[]a=1|2[]b=2|" },
		{ "  a  =  1  \n", "1[]a=1|" },
		{ "\ta =\t1\t\n", "1[]a=1|" },
		{ "\v\fa=\v1\f\n", "1[]a=1|" },
		{ "a=\n", "1[]a=|" },
		{ "a=   \nb=1", "1[]a=|2[]b=1|" },
		{ "a=", "1[]a=|" },
		{ "a", "1[]a|" },
		{ "a\nb=1", "1[]a|2[]b=1|" },
		{ "a = b = c\n", "1[]a=b = c|" },
		{ "a==b\n", "1[]a==b|" },
		{ "a b\t c=1\n", "1[]a b\tc=1|" },
		{ "a=x \t y\nb=x\t y\n", "1[]a=x y|2[]b=x\ty|" },
		{ "a=\"x  y\"\n", "1[]a=\"x y\"|" },
		{ "a=1\rb=2\n", "1[]a=1\rb=2|" },
		{ "  a=1\n    b=2\n", "1[]a=1|2[]b=2|" },
	};

	(void)state;
	CHECK(rows);
}

static void comments(void **state)
{
	static const struct row rows[] = {
		{ "# a=1\n; b=1\n", "" },
		{ "  # a=1\n\t;b=1\nc=1", "3[]c=1|" },
		{ "a=1 ; x\n", "1[]a=1 ; x|" },
		{ "a=1 # x\n", "1[]a=1 # x|" },
		{ "a=#x\n", "1[]a=#x|" },
		{ "a;b=1\n", "1[]a;b=1|" },
		{ ";\\\na=1\n", "2[]a=1|" },
		{ " # x \\\n  a=1\n", "2[]a=1|" },
		{ "#", "" },
		{ "#\\", "" },
		{ "a=1;\\\n2\n", "1[]a=1;2|" },
		{ "a=1\\\n#2\nb=1", "1[]a=1#2|3[]b=1|" },
		{ "\\\n;a=1\nb=1\n", "1[];a=1|3[]b=1|" },
		{ "   \\\n#a=1\n", "1[]#a=1|" },
	};

	(void)state;
	CHECK(rows);
}

static void joins(void **state)
{
	static const struct row rows[] = {
		{ "a=x\\\ny\n", "1[]a=xy|" },
		{ "a=x \\\n   y\n", "1[]a=x y|" },
		{ "a=x\\ \ny\n", "1[]a=xy|" },
		{ "a=x\\\r\ny\r\n", "1[]a=xy|" },
		{ "a=\\\n1\nb=2\n", "1[]a=1|3[]b=2|" },
		{ "a\\\n=1\n", "1[]a=1|" },
		{ "a\\\nb = 1\n", "1[]ab=1|" },
		{ "a=1\\\n   \\\n  \\\n2\nb=3", "1[]a=1 2|5[]b=3|" },
		{ "a=1\\\n\nb=2\n", "1[]a=1|3[]b=2|" },
		{ "a=1\\\\\n2\n", "1[]a=1\\2|" },
		{ "a=x\\y\n", "1[]a=x\\y|" },
		{ "a=x\\ y\n", "1[]a=x\\ y|" },
		{ "a=1\\", "1[]a=1\\|" },
		{ "a=1\\  ", "1[]a=1\\|" },
		{ "a=1\\\n", "1[]a=1|" },
		{ "\\\n", "" },
		{ "\\\n\\\n  \n", "" },
		{ "\\", "1[]\\|" },
		{ "\\\n\na=1\n", "3[]a=1|" },
		{ "a \\\n \\\n b=1", "1[]a b=1|" },
	};

	(void)state;
	CHECK(rows);
}

static void sections(void **state)
{
	static const struct row rows[] = {
		{ "[global]\na=1\n", "2[global]a=1|" },
		{ "a=1\n[x]\nb=2\n[y]\nc=3", "1[]a=1|3[x]b=2|5[y]c=3|" },
		{ "  [x]  \na=1", "2[x]a=1|" },
		{ "[ x  y ]\na=1", "2[x y]a=1|" },
		{ "[x] a=1\nb=2", "2[x]b=2|" },
		{ "[x];a\nb=2", "2[x]b=2|" },
		{ "[x]]\nb=2", "2[x]b=2|" },
		{ "[[x]\nb=2", "2[[x]b=2|" },
		{ "[x;#=y]\nb=2", "2[x;#=y]b=2|" },
		{ "[x\\\ny]\nb=2", "3[xy]b=2|" },
		{ "[x]\\\na=1\nb=2\n", "3[x]b=2|" },
		{ "\\\n[x]\na=1\n", "3[x]a=1|" },
		{ "\\\n [x]\na=1\n", "1[][x]|3[]a=1|" },
		{ "[x]", "" },
		{ "a=[x]\nb=1", "1[]a=[x]|2[]b=1|" },
	};

	(void)state;
	CHECK(rows);
}

static void byte_order_mark(void **state)
{
	static const struct row rows[] = {
		{ "\xef\xbb\xbf", "" },
		{ "\xef\xbb\xbf[x]\na=1", "2[x]a=1|" },
		{ "\xef\xbb\xbf# c\na=1", "2[]a=1|" },
		{ "\xef\xbb\xbf" "a=1", "1[]a=1|" },
		{ "\n\xef\xbb\xbf" "a=1", "2[]\xef\xbb\xbf" "a=1|" },
		{ "\xef\xbb" "a=1", "1[]\xef\xbb" "a=1|" },
	};

	(void)state;
	CHECK(rows);
}

static void errors(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		unsigned int line;
		const char *reason;
		const char *before;
	} rows[] = {
		{ "=1", 2, 1, "no name before the =", "" },
		{ "a=1\n  = 1\nb=2", 12, 2, "no name before the =", "1[]a=1|" },
		{ "\\\n=1", 4, 1, "no name before the =", "" },
		{ "[x", 2, 1, "section without a ]", "" },
		{ "a=1\n[x\n]", 8, 2, "section without a ]", "1[]a=1|" },
		{ "[", 1, 1, "section without a ]", "" },
		{ "[]", 2, 1, "section without a name", "" },
		{ "\n[ \t ]\n", 7, 2, "section without a name", "" },
		{ "a=1\nb=\0\n", 8, 2, "NUL byte: this is not a text file",
		  "" },
		{ "\0", 1, 1, "NUL byte: this is not a text file", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct collected c = { .count = 0 };
		struct smbconf_error error = { .line = 0 };

		assert_false(parse(rows[i].text, rows[i].len, &c, &error));
		assert_int_equal(error.line, rows[i].line);
		assert_string_equal(error.reason, rows[i].reason);
		assert_string_equal(c.text, rows[i].before);
	}
}

static void a_handler_can_stop(void **state)
{
	struct collected c = { .stop_after = 2 };
	struct smbconf_error error = { .reason = "x" };

	(void)state;
	assert_false(parse("a=1\n\nb=2\nc=3\n", 13, &c, &error));
	assert_string_equal(c.text, "1[]a=1|3[]b=2|");
	assert_int_equal(error.line, 3);
	assert_null(error.reason);
}

static bool count_long(void *arg, const struct smbconf_line *line)
{
	size_t *len = arg;

	*len = strlen(line->value);
	return true;
}

static void lines_have_no_limit(void **state)
{
	size_t size = 1 << 20, len = 0;
	struct smbconf_error error = { .line = 0 };
	char *text = malloc(size + 1);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', size);
	text[1] = '=';
	assert_true(smbconf_parse(text, size, count_long, &len, &error));
	assert_int_equal(len, size - 2);
	free(text);
}

/* Every prefix of a text with all the pieces, with nothing behind it. */
static void every_truncation(void **state)
{
	static const char text[] = "a = 1 \\\n 2\n ; c\\\n[s \\\n t] x\n"
				   "b\\ \n c = \"d  e\"\\\\\nf\\\r\n\n=";

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		struct collected c = { .count = 0 };
		struct smbconf_error error = { .line = 0 };

		if (!parse(text, len, &c, &error)) {
			assert_non_null(error.reason);
			assert_in_range(error.line, 1, 10);
		}
	}
}

static void global_has_two_names(void **state)
{
	(void)state;
	assert_true(smbconf_is_global(NULL));
	assert_true(smbconf_is_global("global"));
	assert_true(smbconf_is_global("GLOBAL"));
	assert_true(smbconf_is_global("Glo bals"));
	assert_false(smbconf_is_global("globa"));
	assert_false(smbconf_is_global("global2"));
	assert_false(smbconf_is_global("homes"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(comments),
		cmocka_unit_test(joins),
		cmocka_unit_test(sections),
		cmocka_unit_test(byte_order_mark),
		cmocka_unit_test(errors),
		cmocka_unit_test(a_handler_can_stop),
		cmocka_unit_test(lines_have_no_limit),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(global_has_two_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
