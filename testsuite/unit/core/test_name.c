/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names as values and as text: cutting and trimming (protocol.md 1.2), text
 * that reads back for every byte, and the block list of design.md 4.2.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/addr.h"
#include "core/name.h"

static void names_are_cut_and_trimmed(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *want;
		size_t want_len;
	} rows[] = {
		{ "FOO            ", 15, "FOO", 3 },
		{ "FOO\0BAR        ", 15, "FOO", 3 },
		{ "A B C          ", 15, "A B C", 5 },
		{ "               ", 15, "", 0 },
		{ "", 0, "", 0 },
		{ " X", 2, " X", 2 },
		{ "ABCDEFGHIJKLMNO", 15, "ABCDEFGHIJKLMNO", 15 },
		{ "ABCDEFGHIJKLMNOP", 16, "ABCDEFGHIJKLMNO", 15 },
		{ "foo", 3, "foo", 3 },
		{ "\x01\x02__MSBROWSE__\x02", 15, "\x01\x02__MSBROWSE__\x02",
		  15 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nb_name name =
			nb_name_make(rows[i].bytes, rows[i].len, 0x20);

		assert_int_equal(name.len, rows[i].want_len);
		assert_memory_equal(name.byte, rows[i].want, rows[i].want_len);
		for (size_t k = name.len; k < NB_NAME_MAX; k++) {
			assert_int_equal(name.byte[k], 0);
		}
	}
}

static void case_type_and_scope_make_a_difference(void **state)
{
	struct nb_name a = nb_name_make("FOO", 3, 0x20);
	struct nb_name b = nb_name_make("foo", 3, 0x20);
	struct nb_name c = nb_name_make("FOO", 3, 0x00);
	struct nb_name d = a;

	(void)state;
	assert_true(nb_name_set_scope(&d, "x", 1));
	assert_false(nb_name_equal(&a, &b));
	assert_false(nb_name_equal(&a, &c));
	assert_false(nb_name_equal(&a, &d));
	assert_true(nb_name_set_scope(&d, "", 0));
	assert_true(nb_name_equal(&a, &d));
	assert_int_equal(nb_name_compare(&a, &d), 0);
	assert_true(nb_name_compare(&a, &b) < 0);
	assert_true(nb_name_compare(&c, &a) < 0);
}

static void scopes_up_to_238(void **state)
{
	struct nb_name name = nb_name_make("S", 1, 0);
	char scope[300];

	(void)state;
	memset(scope, 'z', sizeof(scope));
	assert_true(nb_name_set_scope(&name, scope, 238));
	assert_false(nb_name_set_scope(&name, scope, 239));
	assert_int_equal(name.scope_len, 238);
}

static void prints_like_design_4_3(void **state)
{
	struct nb_name name = nb_name_make("FILE SRV", 8, 0x20);
	char text[NB_NAME_TEXT];

	(void)state;
	assert_string_equal(nb_name_print(&name, text), "FILE SRV<20>");
	nb_name_set_scope(&name, "example.com", 11);
	assert_string_equal(nb_name_print(&name, text),
			    "FILE SRV<20>.example.com");
	name = nb_name_make("a<b#c\\\x01\xff", 8, 0x1b);
	assert_string_equal(nb_name_print(&name, text),
			    "a\\x3cb\\x23c\\x5c\\x01\\xff<1b>");
}

/* 65,536 random names of any bytes, with and without scope, read back. */
static void every_name_reads_back(void **state)
{
	char text[NB_NAME_TEXT];

	(void)state;
	srandom(1);
	for (int i = 0; i < 65536; i++) {
		uint8_t bytes[NB_NAME_MAX];
		uint8_t scope[NB_SCOPE_MAX];
		struct nb_name name;
		struct nb_name back;
		size_t scope_len = i % 3 == 0 ? (size_t)random() % 239 : 0;

		for (size_t k = 0; k < sizeof(bytes); k++) {
			bytes[k] = (uint8_t)random();
		}
		for (size_t k = 0; k < scope_len; k++) {
			scope[k] = (uint8_t)random();
		}
		name = nb_name_make(bytes, (size_t)random() % 16,
				    (uint8_t)i);
		assert_true(nb_name_set_scope(&name, scope, scope_len));
		nb_name_print(&name, text);
		if (!nb_name_parse(text, &back) ||
		    memcmp(&name, &back, sizeof(name)) != 0) {
			fail_msg("does not read back: %s", text);
		}
	}
}

static void parses_what_people_type(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		const char *name;
		uint8_t type;
	} rows[] = {
		{ "HELLO<20>", true, "HELLO", 0x20 },
		{ "HELLO#20", true, "HELLO", 0x20 },
		{ "HELLO#1c", true, "HELLO", 0x1c },
		{ "HELLO<1C>", true, "HELLO", 0x1c },
		{ "<00>", true, "", 0 },
		{ "A\\x41<00>", true, "AA", 0 },
		{ "HELLO", false, "", 0 },
		{ "", false, "", 0 },
		{ "HELLO<2>", false, "", 0 },
		{ "HELLO<20", false, "", 0 },
		{ "HELLO<20>x", false, "", 0 },
		{ "HELLO<20>.", false, "", 0 },
		{ "HELLO#200", false, "", 0 },
		{ "HELLO\\<20>", false, "", 0 },
		{ "HELLO\\x4<20>", false, "", 0 },
		{ "ABCDEFGHIJKLMNOP<20>", false, "", 0 },
		{ "HELLO<zz>", false, "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nb_name name;
		bool ok = nb_name_parse(rows[i].text, &name);

		if (ok != rows[i].ok) {
			fail_msg("%s: %d", rows[i].text, ok);
		}
		if (ok) {
			assert_int_equal(name.type, rows[i].type);
			assert_int_equal(name.len, strlen(rows[i].name));
			assert_memory_equal(name.byte, rows[i].name, name.len);
		}
	}
}

static void block_list_folds_case_only(void **state)
{
	struct nb_name_list list = { 0 };
	struct nb_name name;

	(void)state;
	assert_true(nb_name_list_add(&list, "WPAD", 4));
	assert_false(nb_name_list_add(&list, "", 0));
	assert_false(nb_name_list_add(&list, "ABCDEFGHIJKLMNOP", 16));
	name = nb_name_make("wPaD   ", 7, 0x03);
	assert_true(nb_name_set_scope(&name, "x", 1));
	assert_true(nb_name_listed(&list, &name));
	name = nb_name_make("WPAD1", 5, 0);
	assert_false(nb_name_listed(&list, &name));
	name = nb_name_make("WPA", 3, 0);
	assert_false(nb_name_listed(&list, &name));
	name = nb_name_make("", 0, 0);
	assert_false(nb_name_listed(&list, &name));
	while (list.count < NB_NAME_LIST_MAX) {
		assert_true(nb_name_list_add(&list, "X", 1));
	}
	assert_false(nb_name_list_add(&list, "X", 1));
}

static void addresses_as_text(void **state)
{
	static const char *const bad[] = {
		"",	   "1.2.3",	"1.2.3.4.5", "1.2.3.256", "1.2.3.",
		"1.2.3.4 ", " 1.2.3.4", "1.2.3.-4",  "01.2.3.4",  "1.2.3.0x4",
		"1..3.4",  "999.1.1.1", "1.2.3.4.",  "12345.1.1.1",
	};
	uint32_t addr = 0;
	char text[NB_ADDR_TEXT];

	(void)state;
	assert_true(nb_addr_parse("192.0.2.1", &addr));
	assert_int_equal(addr, 0xc0000201u);
	assert_string_equal(nb_addr_print(addr, text), "192.0.2.1");
	assert_true(nb_addr_parse("255.255.255.255", &addr));
	assert_int_equal(addr, NB_BROADCAST);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (nb_addr_parse(bad[i], &addr)) {
			fail_msg("taken for an address: '%s'", bad[i]);
		}
	}
	assert_false(nb_addr_is_host(0));
	assert_false(nb_addr_is_host(0x00ffffffu));
	assert_true(nb_addr_is_host(0x01000000u));
	assert_true(nb_addr_is_host(0xdfffffffu));
	assert_false(nb_addr_is_host(0xe0000000u));
	assert_true(nb_addr_is_loopback(0x7f4d0001u));
	assert_false(nb_addr_is_loopback(0x80000001u));
}

/* smb.conf(5), `interfaces`: ADDR, ADDR/BITS, ADDR/MASK. */
static void masks(void **state)
{
	static const struct {
		const char *text;
		uint32_t addr, mask;
		bool network;		/* all its addresses are meant */
	} good[] = {
		{ "192.0.2.1", 0xc0000201u, 0, false },
		{ "192.0.2.1/24", 0xc0000201u, 0xffffff00u, false },
		{ "192.0.2.1/255.255.255.0", 0xc0000201u, 0xffffff00u, false },
		{ "192.0.2.0/24", 0xc0000200u, 0xffffff00u, true },
		{ "192.0.2.255/24", 0xc00002ffu, 0xffffff00u, true },
		{ "192.0.2.3/30", 0xc0000203u, 0xfffffffcu, true },
		{ "192.0.2.0/31", 0xc0000200u, 0xfffffffeu, false },
		{ "192.0.2.0/32", 0xc0000200u, 0xffffffffu, false },
		{ "10.0.0.1/0", 0x0a000001u, 0, false },
		{ "128.0.0.1/1", 0x80000001u, 0x80000000u, false },
	};
	static const char *const bad[] = {
		"", "/24", "192.0.2/24", "192.0.2.1/", "192.0.2.1/33",
		"192.0.2.1/024", "192.0.2.1/24/24", "192.0.2.1/-1",
		"192.0.2.1/24 ", "192.0.2.1/255.0.255.0", "192.0.2.1/0x18",
		"192.0.2.1/255.255.255", "192.168.100.100x/24",
		"192.0.2.1/4294967320",
	};
	uint32_t addr = 0, mask = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(nb_addr_parse_masked(good[i].text, &addr, &mask));
		assert_int_equal(addr, good[i].addr);
		assert_int_equal(mask, good[i].mask);
		assert_int_equal(nb_addr_is_network(addr, mask),
				 good[i].network);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (nb_addr_parse_masked(bad[i], &addr, &mask)) {
			fail_msg("'%s' was read", bad[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_cut_and_trimmed),
		cmocka_unit_test(case_type_and_scope_make_a_difference),
		cmocka_unit_test(scopes_up_to_238),
		cmocka_unit_test(prints_like_design_4_3),
		cmocka_unit_test(every_name_reads_back),
		cmocka_unit_test(parses_what_people_type),
		cmocka_unit_test(block_list_folds_case_only),
		cmocka_unit_test(addresses_as_text),
		cmocka_unit_test(masks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
