/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The letters of option values: what is equal, how far apart names are, which
 * texts are numbers and truth values (as testparm reads them, but stricter
 * where it guesses), and the words of a list.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/optval.h"

static void names_ignore_case_and_blanks(void **state)
{
	(void)state;
	assert_true(optval_same_name("max wins ttl", "MaxWinsTTL"));
	assert_true(optval_same_name(" m a x\twins ttl ", "max wins ttl"));
	assert_true(optval_same_name("wins :own names", "wins:ownnames"));
	assert_true(optval_same_name("", "  "));
	assert_false(optval_same_name("max wins ttl", "max wins tt"));
	assert_false(optval_same_name("max wins tt", "max wins ttl"));
	assert_false(optval_same_name("wins_x", "wins x"));
	assert_string_equal(optval_after_prefix("WINS: partner 1", "wins:"),
			    "partner 1");
	assert_string_equal(optval_after_prefix("wins:", "wins:"), "");
	assert_null(optval_after_prefix("win", "wins:"));
	assert_null(optval_after_prefix("winsdb:x", "wins:"));
}

static void distances(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned int want;
	} rows[] = {
		{ "", "", 0 },
		{ "", "abc", 3 },
		{ "abc", "", 3 },
		{ "abc", "abc", 0 },
		{ "abc", "A B C", 0 },
		{ "abc", "abd", 1 },
		{ "abc", "ab", 1 },
		{ "abc", "xabc", 1 },
		{ "abc", "acb", 1 },
		{ "partners", "parnters", 1 },
		{ "kitten", "sitting", 3 },
		{ "ca", "abc", 3 },
		{ "abcd", "badc", 2 },
		{ "flaw", "lawn", 2 },
	};
	char a[200], b[200];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(optval_distance(rows[i].a, rows[i].b),
				 rows[i].want);
	}
	memset(a, 'a', sizeof(a));
	memset(b, 'b', sizeof(b));
	a[199] = b[199] = '\0';
	assert_int_equal(optval_distance(a, b), OPTVAL_NAME_MAX);
}

static void truth(void **state)
{
	static const char *const yes[] = { "yes", "YES", "true", "1", "On" };
	static const char *const no[] = { "no", "No", "FALSE", "0", "off" };
	static const char *const neither[] = {
		"", "y", "n", "2", "yes ", " yes", "enabled", "tru", "truee",
		"ye s", "10", "-1", "\"yes\"",
	};
	bool value = false;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		value = false;
		assert_true(optval_bool(yes[i], &value));
		assert_true(value);
		assert_true(optval_bool(no[i], &value));
		assert_false(value);
	}
	for (size_t i = 0; i < sizeof(neither) / sizeof(neither[0]); i++) {
		assert_false(optval_bool(neither[i], &value));
	}
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t want;
	} rows[] = {
		{ "0", 0 }, { "7", 7 }, { "518400", 518400 },
		{ "0x0", 0 }, { "0x10", 16 }, { "0XfF", 255 },
		{ "0x0010", 16 },
		{ "9223372036854775807", INT64_MAX },
		{ "0x7fffffffffffffff", INT64_MAX },
	};
	static const char *const none[] = {
		"", " ", "00", "01", "010", "-1", "+1", " 1", "1 ", "1.0",
		"1e3", "6d", "0x", "0xg", "x10", "1a", "1,000", "ten",
		"9223372036854775808", "0x8000000000000000",
		"18446744073709551616", "99999999999999999999999999",
	};
	uint64_t value = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(optval_number(rows[i].text, &value));
		assert_true(value == rows[i].want);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		value = 4711;
		assert_false(optval_number(none[i], &value));
		assert_true(value == 4711);
	}
}

static void words_of_a_list(void **state)
{
	static const struct {
		const char *text;
		const char *want;	/* words, each with | behind it */
		enum optval_next last;
	} rows[] = {
		{ "", "", OPTVAL_END },
		{ " , ;\t", "", OPTVAL_END },
		{ "a", "a|", OPTVAL_END },
		{ "a, b;c d\te", "a|b|c|d|e|", OPTVAL_END },
		{ ",,a,,b,,", "a|b|", OPTVAL_END },
		{ "\"a b\" c", "a b|c|", OPTVAL_END },
		{ "a\"b c\"d", "ab cd|", OPTVAL_END },
		{ "\"\"", "|", OPTVAL_END },
		{ "\"a;b,c\"", "a;b,c|", OPTVAL_END },
		{ "a \"b c", "a|", OPTVAL_WORD_OPEN },
		{ "\"", "", OPTVAL_WORD_OPEN },
		{ "WPAD ISATAP", "WPAD|ISATAP|", OPTVAL_END },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char word[OPTVAL_WORD] = "", got[256] = "";
		const char *pos = rows[i].text;
		enum optval_next next = OPTVAL_WORD_OK;

		while ((next = optval_next_word(&pos, word)) ==
		       OPTVAL_WORD_OK) {
			strcat(got, word);
			strcat(got, "|");
		}
		assert_string_equal(got, rows[i].want);
		assert_int_equal(next, rows[i].last);
	}
}

static void long_words_are_cut(void **state)
{
	char text[OPTVAL_WORD + 2], word[OPTVAL_WORD] = "";
	const char *pos = text;

	(void)state;
	memset(text, 'w', sizeof(text));
	text[OPTVAL_WORD - 1] = '\0';
	assert_int_equal(optval_next_word(&pos, word), OPTVAL_WORD_OK);
	assert_int_equal(strlen(word), OPTVAL_WORD - 1);
	text[OPTVAL_WORD - 1] = 'w';
	text[OPTVAL_WORD] = '\0';
	pos = text;
	assert_int_equal(optval_next_word(&pos, word), OPTVAL_WORD_LONG);
	assert_int_equal(strlen(word), OPTVAL_WORD - 1);
	assert_int_equal(optval_next_word(&pos, word), OPTVAL_END);
}

static void lists_compare_by_words(void **state)
{
	(void)state;
	assert_true(optval_same_words("a, b", "A  B"));
	assert_true(optval_same_words("", " "));
	assert_false(optval_same_words("a b", "b a"));
	assert_false(optval_same_words("a", "a b"));
	assert_false(optval_same_words("a b", "a"));
	assert_int_equal(optval_which("off log enforce", "LOG"), 1);
	assert_int_equal(optval_which("off log enforce", "enforce"), 2);
	assert_int_equal(optval_which("off log enforce", "lo"), -1);
	assert_int_equal(optval_which("off log enforce", ""), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_ignore_case_and_blanks),
		cmocka_unit_test(distances),
		cmocka_unit_test(truth),
		cmocka_unit_test(numbers),
		cmocka_unit_test(words_of_a_list),
		cmocka_unit_test(long_words_are_cut),
		cmocka_unit_test(lists_compare_by_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
