/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * WINSDMP lines as formats.md 4 shows them, typed by hand, and what can be
 * wrong with them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "migrate/formats.h"
#include "unit/migrate/reading.h"

#define SAMPLE \
	"192.0.2.5,\"PRINTSRV1      \",32,17,3,0,0,502,0,1767225600,1," \
	"192.0.2.83\r\n"

static void test_the_documented_line(void **state)
{
	struct reading r = reading_of(&format_winsdmp, SAMPLE);

	(void)state;
	assert_int_equal(r.count, 1);
	/* formats.md 9 */
	assert_string_equal(reading_text(&r, 0),
			    "PRINTSRV1<20> mhomed active H owner 192.0.2.5 "
			    "version 1f6 192.0.2.83");
	assert_int_equal(r.rows[0].rec.expires, 1767225600);
	assert_int_equal(r.rows[0].rec.member[0].expires, 1767225600);
	assert_int_equal(r.rows[0].rec.member[0].owner, 0xc0000205);
	assert_int_equal(r.rows[0].place, 1);
	assert_int_equal(r.rows[0].known & (ROW_NODE | ROW_MEMBER_OWNERS), 0);
	assert_int_equal(r.rows[0].known & (ROW_TYPE | ROW_STATE | ROW_STATIC |
					    ROW_EXPIRES),
			 ROW_TYPE | ROW_STATE | ROW_STATIC | ROW_EXPIRES);
	talloc_free(r.mem_ctx);
}

static void test_states_and_statics(void **state)
{
	struct reading r = reading_of(&format_winsdmp,
		"192.0.2.5,\"GONE           \",0,17,0,2,1,2,0,1767225600,1,"
		"192.0.2.9\n"
		"192.0.2.5,\"LEFT           \",3,17,0,1,0,7,0,1767225600,1,"
		"192.0.2.9\n"
		"192.0.2.5,\"FIXED          \",32,17,0,0,0,8,1,2147483647,1,"
		"192.0.2.7\n"
		"192.0.2.5,\"WORK           \",30,17,1,0,0,9,0,1767225600,1,"
		"255.255.255.255\n"
		/* printed as signed numbers: 0xffffffff */
		"192.0.2.5,\"SIGN           \",32,17,0,0,0,-1,0,1767225600,1,"
		"192.0.2.8\n");

	(void)state;
	assert_int_equal(r.count, 5);
	assert_string_equal(reading_text(&r, 0), "GONE<00> unique tombstone H "
			    "owner 192.0.2.5 version 100000002 192.0.2.9");
	assert_string_equal(reading_text(&r, 1), "LEFT<03> unique released H "
			    "owner 192.0.2.5 version 7 192.0.2.9");
	assert_string_equal(reading_text(&r, 2), "FIXED<20> unique active H "
			    "static owner 192.0.2.5 version 8 192.0.2.7");
	assert_true(r.rows[2].rec.expires == NB_NEVER);
	assert_string_equal(reading_text(&r, 3), "WORK<1e> group active H "
			    "owner 192.0.2.5 version 9 255.255.255.255");
	assert_string_equal(reading_text(&r, 4), "SIGN<20> unique active H "
			    "owner 192.0.2.5 version ffffffff 192.0.2.8");
	talloc_free(r.mem_ctx);
}

/* Nothing is escaped: quotes, commas and line feeds stand in names as are. */
static void test_names_of_any_byte(void **state)
{
	static const char lines[] =
		"192.0.2.5,\"A\",32,17,0  \",32,17,0,0,0,1,0,1,1,192.0.2.1\n"
		"192.0.2.5,\"B\r\nC\x80\xff          \",32,17,0,0,0,2,0,1,1,"
		"192.0.2.2\n"
		"192.0.2.5,\"\x01\x02__MSBROWSE__\x02\",1,17,1,0,0,3,0,1,1,"
		"192.0.2.3\n";
	struct reading r = reading_of(&format_winsdmp, lines);

	(void)state;
	assert_int_equal(r.count, 3);
	assert_int_equal(r.rows[0].rec.name.len, 10);
	assert_memory_equal(r.rows[0].rec.name.byte, "A\",32,17,0", 10);
	assert_int_equal(r.rows[1].rec.name.len, 5);
	assert_memory_equal(r.rows[1].rec.name.byte, "B\nC\x80\xff", 5);
	assert_int_equal(r.rows[1].place, 2);
	assert_int_equal(r.rows[2].rec.name.type, 1);
	assert_int_equal(r.rows[2].rec.type, NB_GROUP);
	assert_int_equal(r.sums.skipped, 0);
	talloc_free(r.mem_ctx);
}

/* A line that was cut off does not take the next one with it. */
static void test_cut_line(void **state)
{
	struct reading r = reading_of(&format_winsdmp,
		"192.0.2.5,\"PRINT\n" SAMPLE
		"192.0.2.5,\"NOWHERE\n");

	(void)state;
	assert_int_equal(r.count, 1);
	assert_int_equal(r.rows[0].place, 2);
	assert_int_equal(r.sums.skipped, 2);
	assert_int_equal(reading_reason(&r, "the name has no end"), 2);
	talloc_free(r.mem_ctx);
}

static void test_scope(void **state)
{
	struct reading r = reading_of(&format_winsdmp,
		"192.0.2.5,\"HOST           .lab\",32,21,0,0,0,1,0,1,1,"
		"192.0.2.1\n"
		"192.0.2.5,\"HOST            .lab\",32,22,0,0,0,2,0,1,1,"
		"192.0.2.1\n"
		"192.0.2.5,\"SIXTEEN-LETTERS!\",32,17,0,0,0,3,0,1,1,"
		"192.0.2.1\n");

	(void)state;
	assert_int_equal(r.count, 2);
	assert_string_equal(reading_text(&r, 0), "HOST<20>.lab unique active "
			    "H owner 192.0.2.5 version 1 192.0.2.1");
	assert_int_equal(r.rows[0].known & ROW_SCOPE, ROW_SCOPE);
	/* with byte 16 (a blank) before the dot */
	assert_string_equal(reading_text(&r, 1), "HOST<20>.lab unique active "
			    "H owner 192.0.2.5 version 2 192.0.2.1");
	assert_int_equal(reading_reason(&r, "the name is longer than 15 "
					    "bytes"), 1);
	talloc_free(r.mem_ctx);
}

static void test_groups(void **state)
{
	struct reading r = reading_of(&format_winsdmp,
		/* members, none of them an owner */
		"192.0.2.5,\"CORP           \",28,17,2,0,0,1,0,1,2,"
		"192.0.2.50,192.0.2.51\n"
		/* pairs: the would-be owner stands twice */
		"192.0.2.5,\"CORP2          \",28,17,2,0,0,2,0,1,4,"
		"192.0.2.6,192.0.2.52,192.0.2.6,192.0.2.53\n"
		/* pairs: by the owner of the record */
		"192.0.2.5,\"CORP3          \",28,17,2,0,0,3,0,1,2,"
		"192.0.2.5,192.0.2.54\n");

	(void)state;
	assert_int_equal(r.count, 3);
	assert_string_equal(reading_text(&r, 0), "CORP<1c> sgroup active H "
			    "owner 192.0.2.5 version 1 192.0.2.50 192.0.2.51");
	assert_null(r.rows[0].changed);
	assert_string_equal(reading_text(&r, 1), "CORP2<1c> sgroup active H "
			    "owner 192.0.2.5 version 2 192.0.2.52 192.0.2.53");
	assert_int_equal(r.rows[1].rec.member[0].owner, 0xc0000206);
	assert_int_equal(r.rows[1].known & ROW_MEMBER_OWNERS,
			 ROW_MEMBER_OWNERS);
	assert_non_null(r.rows[1].changed);
	assert_int_equal(r.rows[2].rec.count, 1);
	assert_int_equal(r.rows[2].rec.member[0].ip, 0xc0000236);
	talloc_free(r.mem_ctx);
}

static void test_more_than_25(void **state)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	char *line = talloc_strdup(mem_ctx, "192.0.2.5,\"BIG            \","
					    "28,17,2,0,0,1,0,1,27");
	struct reading r;

	(void)state;
	for (unsigned int i = 0; i < 27; i++) {
		line = talloc_asprintf_append(line, ",198.51.100.%u", i);
	}
	r = reading_of(&format_winsdmp, line);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.rows[0].rec.count, 25);
	assert_int_equal(r.rows[0].rec.member[24].ip, 0xc6336418);
	assert_non_null(r.rows[0].changed);
	talloc_free(r.mem_ctx);
	talloc_free(mem_ctx);
}

static void test_owner_zero(void **state)
{
	static const char line[] = "0.0.0.0,\"A              \",0,17,0,0,0,1,"
				   "0,1,1,192.0.2.1\n";
	struct format_options options = { .owner_zero = 0xc0000205 };
	struct reading r = reading_of(&format_winsdmp, line);

	(void)state;
	assert_int_equal(r.rows[0].known & ROW_OWNER, 0);
	talloc_free(r.mem_ctx);
	r = reading_bytes(&format_winsdmp, line, strlen(line), &options);
	assert_string_equal(reading_text(&r, 0), "A<00> unique active H owner "
			    "192.0.2.5 version 1 192.0.2.1");
	talloc_free(r.mem_ctx);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *line;
		const char *reason;
	} cases[] = {
		{ "there is no such server", "not owner,\"name\",numbers" },
		{ "192.0.2.5,NAME,32", "not owner,\"name\",numbers" },
		{ "192.0.2.5,\"NAME\"", "no numbers behind the name" },
		{ "192.0.2.5,\"N\",32,17,0,0,0,1,0,1", "a number is none" },
		{ "192.0.2.5,\"N\",32,17,x,0,0,1,0,1,1,192.0.2.1",
		  "a number is none" },
		{ "192.0.2.5,\"N\",32,17,0,0,0,4294967296,0,1,1,192.0.2.1",
		  "a number is none" },
		{ "192.0.2.5,\"N\",256,17,0,0,0,1,0,1,1,192.0.2.1",
		  "byte 16 is above 255" },
		{ "192.0.2.5,\"N\",32,17,4,0,0,1,0,1,1,192.0.2.1",
		  "type or state is out of range" },
		{ "192.0.2.5,\"N\",32,17,0,3,0,1,0,1,1,192.0.2.1",
		  "type or state is out of range" },
		{ "192.0.2.5,\"N\",32,17,0,0,0,1,0,1,1,192.0.2",
		  "an address is none" },
		{ "192.0.2.5,\"N\",32,17,0,0,0,1,0,1,2,192.0.2.1",
		  "the number of addresses is another than the line says" },
		{ "192.0.2.5,\"N\",32,17,0,0,0,1,0,1,4294967295,192.0.2.1",
		  "the number of addresses is another than the line says" },
		{ "192.0.2.5,\"N\",32,17,0,0,0,1,0,1,1,192.0.2.1,192.0.2.2",
		  "the number of addresses is another than the line says" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reading r = reading_of(&format_winsdmp, cases[i].line);

		assert_int_equal(r.count, 0);
		assert_int_equal(reading_reason(&r, cases[i].reason), 1);
		assert_int_equal(r.sums.read, 1);
		talloc_free(r.mem_ctx);
	}
}

/* What gives way is said: no row is another one than the source has. */
static void test_changes(void **state)
{
	struct reading r = reading_of(&format_winsdmp,
		"192.0.2.5,\"N\",32,17,0,0,0,1,0,1,0\n"
		"192.0.2.5,\"N\",32,17,0,0,0,1,0,1,2,192.0.2.1,192.0.2.2\n"
		"192.0.2.5,\"N\",32,17,1,0,0,1,0,1,2,192.0.2.1,192.0.2.2\n"
		"192.0.2.5,\"N\",32,17,3,0,0,1,0,1,2,192.0.2.1,192.0.2.1\n");

	(void)state;
	assert_int_equal(r.count, 4);
	assert_string_equal(reading_text(&r, 0), "N<20> unique released H "
			    "owner 192.0.2.5 version 1");
	assert_string_equal(reading_text(&r, 1), "N<20> mhomed active H owner "
			    "192.0.2.5 version 1 192.0.2.1 192.0.2.2");
	assert_string_equal(reading_text(&r, 2), "N<20> group active H owner "
			    "192.0.2.5 version 1 192.0.2.1");
	assert_string_equal(reading_text(&r, 3), "N<20> mhomed active H owner "
			    "192.0.2.5 version 1 192.0.2.1");
	for (size_t i = 0; i < r.count; i++) {
		assert_non_null(r.rows[i].changed);
	}
	talloc_free(r.mem_ctx);
}

static void test_probe(void **state)
{
	(void)state;
	assert_int_equal(reading_probe(&format_winsdmp, SAMPLE,
				       strlen(SAMPLE), "dump.txt"), 95);
	assert_int_equal(reading_probe(&format_winsdmp, "192.0.2.5,x", 11,
				       "dump.txt"), 0);
	assert_int_equal(reading_probe(&format_winsdmp, "", 0, "x"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_documented_line),
		cmocka_unit_test(test_states_and_statics),
		cmocka_unit_test(test_names_of_any_byte),
		cmocka_unit_test(test_cut_line),
		cmocka_unit_test(test_scope),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_more_than_25),
		cmocka_unit_test(test_owner_zero),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
