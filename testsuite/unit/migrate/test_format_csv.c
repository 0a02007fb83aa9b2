/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * csv: the lines that are written (RFC 4180), what spreadsheets do to them,
 * lines that are refused with the column that is wrong. Typed by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "migrate/formats.h"
#include "unit/migrate/through.h"
#include "unit/same_record.h"

#define TITLES \
	"name,suffix,scope,type,state,node,static,owner,version,expires," \
	"addresses,address owners,address expires,queried\r\n"
#define SHORT "name,suffix,type,addresses\n"

struct stage {
	TALLOC_CTX *mem;
	char *path;
	struct tally *tally;
	struct row *rows;
	size_t count;
	char *message;
};

static const struct format_options none;

static struct stage lines(const char *text, size_t len)
{
	struct stage s = { .mem = talloc_new(NULL) };

	s.path = through_file(s.mem, text, len);
	s.tally = tally_create(s.mem, NULL);
	return s;
}

static struct stage read_lines(const char *text, size_t len)
{
	struct stage s = lines(text, len);

	assert_int_equal(through_read(s.mem, &format_csv, s.path, &none,
				      s.tally, &s.rows, &s.count, &s.message),
			 FORMAT_END);
	return s;
}
#define READ(text) read_lines(text, sizeof(text) - 1)

static void finish(struct stage *s)
{
	assert_int_equal(unlink(s->path), 0);
	talloc_free(s->mem);
}

static struct row full(void)
{
	struct row row = {
		.known = ROW_ALL | ROW_QUERIED,
		.queried = -1,
		.rec = {
			.name = nb_name_make("=A,\"\\\xff", 6, 0x1c),
			.type = NB_SGROUP,
			.state = NB_TOMBSTONE,
			.node = NB_M_NODE,
			.owner = 0xc0000201,
			.version = UINT64_MAX,
			.expires = 1785585600,	/* 2026-08-01T12:00:00Z */
			.count = 2,
			.member = {
				{ 0xc000020a, 0xc0000202, NB_NEVER },
				{ 0xc000020b, 0, 0 },
			},
		},
	};

	assert_true(nb_name_set_scope(&row.rec.name, " b ", 3));
	return row;
}

static const char full_text[] = TITLES
	"\"\\x3dA,\"\"\\x5c\\xff\",0x1c,\"\\x20b\\x20\",sgroup,tombstone,M,no,"
	"192.0.2.1,0xffffffffffffffff,2026-08-01T12:00:00Z,"
	"192.0.2.10 192.0.2.11,192.0.2.2 0.0.0.0,never 1970-01-01T00:00:00Z,"
	"never\r\n";

static void test_written(void **state)
{
	struct stage s = lines("", 0);
	struct row row = full();
	char text[1000] = "";
	FILE *file = NULL;

	(void)state;
	assert_int_equal(through_write(s.mem, &format_csv, s.path, &none,
				       s.tally, &row, 1, &s.message), 0);
	file = fopen(s.path, "r");
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	assert_int_equal(fclose(file), 0);
	assert_string_equal(text, full_text);
	finish(&s);
}

static void test_read(void **state)
{
	struct stage s = READ(full_text);
	struct row row = full();

	(void)state;
	assert_int_equal(s.count, 1);
	assert_int_equal(s.rows[0].known, row.known);
	assert_int_equal(s.rows[0].queried, -1);
	assert_same_record(&s.rows[0].rec, &row.rec);
	finish(&s);
}

/* What nobody says; columns in another order; a decimal suffix. */
static void test_little(void **state)
{
	struct stage s = READ("addresses,type,static,suffix,name\n"
			      "192.0.2.7,unique,yes,32,A\n"
			      "\n192.0.2.8,unique,,0,\"\"\n");

	(void)state;
	assert_int_equal(s.count, 2);
	assert_int_equal(s.rows[0].known,
			 ROW_TYPE | ROW_RAW_NAMES | ROW_STATIC);
	assert_true(s.rows[0].rec.member[0].expires == NB_NEVER);
	assert_int_equal(s.rows[0].rec.name.type, 0x20);
	assert_int_equal(s.rows[1].known, ROW_TYPE | ROW_RAW_NAMES);
	assert_int_equal(s.rows[1].rec.expires, 0);
	assert_int_equal(s.rows[1].rec.name.len, 0);
	assert_int_equal(s.rows[1].place, 4);
	finish(&s);
}

/* As a German Excel saves it, and as "Unicode text". */
static void test_spreadsheets(void **state)
{
	static const char utf16[] = "\xff\xfen\0a\0m\0e\0\t\0s\0u\0f\0f\0i\0x\0"
		"\t\0t\0y\0p\0e\0\t\0a\0d\0d\0r\0e\0s\0s\0e\0s\0\r\0\n\0"
		"B\0\t\0" "3\0\t\0u\0n\0i\0q\0u\0e\0\t\0" "1\0.\0" "2\0.\0"
		"3\0.\0" "4\0\r\0\n\0";
	struct stage s = READ("\xef\xbb\xbfname;suffix;type;addresses\r\n"
			      "A;0x20;unique;192.0.2.7\r\n");

	(void)state;
	assert_int_equal(s.count, 1);
	assert_int_equal(s.rows[0].rec.member[0].ip, 0xc0000207);
	finish(&s);
	s = READ(utf16);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.rows[0].rec.name.byte[0], 'B');
	finish(&s);
}

static void test_refused(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{ "\"A,0x20,unique,192.0.2.7", "quote" },
		{ "A\"B,0x20,unique,192.0.2.7", "quote" },
		{ ",0x20,unique,192.0.2.7", "'name' is empty" },
		{ "A,,unique,192.0.2.7", "'suffix' is empty" },
		{ "A,0x100,unique,192.0.2.7", "'suffix'" },
		{ "A,-1,unique,192.0.2.7", "'suffix'" },
		{ "ABCDEFGHIJKLMNOP,0,unique,192.0.2.7", "'name'" },
		{ "\"A \",0,unique,192.0.2.7", "'name'" },
		{ "A\\x00B,0,unique,192.0.2.7", "'name'" },
		{ "A\\x,0,unique,192.0.2.7", "'name'" },
		{ "A,0,single,192.0.2.7", "'type'" },
		{ "A,0,unique,192.0.2.777", "'addresses'" },
		{ "A,0,unique,", "active without a member" },
		{ "A,0,unique,192.0.2.7 192.0.2.8", "several" },
		{ "A,0,sgroup,1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5 "
		  "1.1.1.6 1.1.1.7 1.1.1.8 1.1.1.9 1.1.1.10 1.1.1.11 1.1.1.12 "
		  "1.1.1.13 1.1.1.14 1.1.1.15 1.1.1.16 1.1.1.17 1.1.1.18 "
		  "1.1.1.19 1.1.1.20 1.1.1.21 1.1.1.22 1.1.1.23 1.1.1.24 "
		  "1.1.1.25 1.1.1.26", "'addresses'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[1000];
		const char *sample = NULL;
		struct stage s;
		int len = snprintf(text, sizeof(text), SHORT "%s\n"
				   "OK,0,unique,192.0.2.1\n", cases[i].line);

		s = read_lines(text, (size_t)len);
		assert_int_equal(s.count, 1);
		assert_true(tally_sample(s.tally, 0, 0, &sample));
		if (strstr(sample, cases[i].says) == NULL) {
			fail_msg("%s: %s", cases[i].line, sample);
		}
		finish(&s);
	}
}

static void test_wrong_titles(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "no title 'name'" },
		{ "name,suffix,type\n", "no title 'addresses'" },
		{ "name,name,suffix,type,addresses\n", "stands twice" },
		{ "name,sufix,type,addresses\n", "did you mean 'suffix'" },
		{ "name,,suffix,type,addresses\n", "unknown title ''" },
		{ "\"name\n", "quote" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stage s = lines(cases[i].text, strlen(cases[i].text));
		void *priv = NULL;
		FILE *file = NULL;

		assert_int_equal(through_open(s.mem, &format_csv, s.path,
					      &none, s.tally, false, &file,
					      &priv, &s.message), EINVAL);
		if (strstr(s.message, cases[i].says) == NULL) {
			fail_msg("%s: %s", cases[i].text, s.message);
		}
		assert_int_equal(fclose(file), 0);
		finish(&s);
	}
}

static void test_owners_of_another_number(void **state)
{
	struct stage s = READ("name,suffix,type,addresses,address owners,"
			      "address expires\n"
			      "A,0,sgroup,1.1.1.1 1.1.1.2,1.1.1.3,\n"
			      "A,0,sgroup,1.1.1.1,1.1.1.3 1.1.1.4,\n"
			      "A,0,sgroup,1.1.1.1 1.1.1.2,,never\n"
			      "A,0,sgroup, 1.1.1.1  1.1.1.2 ,1.1.1.3 1.1.1.4,"
			      "never never\n");

	(void)state;
	assert_int_equal(s.count, 1);
	assert_int_equal(s.rows[0].place, 5);
	finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_little),
		cmocka_unit_test(test_spreadsheets),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_wrong_titles),
		cmocka_unit_test(test_owners_of_another_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
