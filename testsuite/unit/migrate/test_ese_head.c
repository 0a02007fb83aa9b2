/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header of an ESE database: places and values are typed from formats.md
 * 1.1, not taken from head.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "migrate/ese/head.h"

#define SIZE (64 * 4096u)

static uint8_t header[4096];
static struct ese_head head;
static char why[ESE_HEAD_TEXT];

static void put(uint8_t *data, size_t at, uint32_t number)
{
	for (unsigned int i = 0; i < 4; i++) {
		data[at + i] = (uint8_t)(number >> (8 * i));
	}
}

/* Of Windows XP: 0x620, revision 9, pages of 4096 bytes, clean. */
static int make_header(void **state)
{
	(void)state;
	memset(header, 0, sizeof(header));
	memcpy(header + 4, "\xef\xcd\xab\x89", 4);
	put(header, 8, 0x620);
	put(header, 52, 3);
	put(header, 232, 9);
	put(header, 236, 4096);
	why[0] = '\0';
	return 0;
}

static bool check(void)
{
	return ese_head_check(header, sizeof(header), SIZE, &head, why);
}

static void says(const char *word)
{
	assert_false(check());
	if (strstr(why, word) == NULL) {
		fail_msg("\"%s\" is not in \"%s\"", word, why);
	}
}

static void clean(void **state)
{
	(void)state;
	assert_true(ese_head_is(header, sizeof(header)));
	assert_true(check());
	assert_int_equal(head.version, 0x620);
	assert_int_equal(head.revision, 9);
	assert_int_equal(head.page_size, 4096);
}

static void states(void **state)
{
	(void)state;
	put(header, 52, 2);
	says("esentutl /r j50");
	assert_non_null(strstr(why, "net stop wins"));
	assert_non_null(strstr(why, "esentutl /p wins.mdb"));
	put(header, 52, 1);
	says("never used");
	put(header, 52, 4);
	says("conversion");
	put(header, 52, 5);
	says("state 5");
	put(header, 52, 77);
	says("state 77");
}

static void other_files(void **state)
{
	(void)state;
	header[4] = 0;
	assert_false(ese_head_is(header, sizeof(header)));
	says("NT 4.0");
	make_header(NULL);
	put(header, 8, 0x400);
	says("older than Windows 2000");
	make_header(NULL);
	put(header, 12, 1);
	says("streaming");
	make_header(NULL);
	put(header, 236, 4095);
	says("page size");
	put(header, 236, 0);
	says("page size");
	put(header, 236, 0x80000000u);
	says("page size");
}

static void short_ones(void **state)
{
	(void)state;
	for (size_t len = 0; len < 668; len++) {
		assert_false(ese_head_is(header, len));
		assert_false(ese_head_check(header, len, len, &head, why));
		assert_non_null(strstr(why, "too short"));
	}
	assert_false(ese_head_check(header, 668, 12287, &head, why));
	assert_non_null(strstr(why, "before its first page"));
	assert_true(ese_head_check(header, 668, 12288, &head, why));
}

/* ---- sums ---- */

static uint8_t page[4096];

/* XOR of the dwords from an offset on, as formats.md says it. */
static uint32_t xor_from(size_t from, uint32_t seed)
{
	uint8_t sum[4] = { (uint8_t)seed, (uint8_t)(seed >> 8),
			   (uint8_t)(seed >> 16), (uint8_t)(seed >> 24) };

	for (size_t i = from; i < sizeof(page); i++) {
		sum[i % 4] ^= page[i];
	}
	return (uint32_t)sum[0] | (uint32_t)sum[1] << 8 |
	       (uint32_t)sum[2] << 16 | (uint32_t)sum[3] << 24;
}

static void fill_page(void)
{
	for (size_t i = 0; i < sizeof(page); i++) {
		page[i] = (uint8_t)(i * 7 + i / 256);
	}
}

static void every_bit(uint32_t number, size_t from)
{
	assert_true(ese_page_right(&head, page, number));
	assert_false(ese_page_right(&head, page, number + 1));
	for (size_t i = from; i < sizeof(page); i += 13) {
		page[i] ^= 0x10;
		assert_false(ese_page_right(&head, page, number));
		page[i] ^= 0x10;
	}
}

static void old_sum(void **state)
{
	(void)state;
	assert_true(check());
	fill_page();
	put(page, 4, 321);
	put(page, 0, xor_from(4, 0x89abcdef));
	every_bit(321, 0);
}

static void new_sum(void **state)
{
	(void)state;
	put(header, 232, 0x0c);
	assert_true(check());
	fill_page();
	put(page, 36, 0x2002);
	put(page, 0, xor_from(8, 321));
	every_bit(321, 8);
	/* a page that an older release wrote and nobody changed since */
	put(page, 36, 0x0002);
	put(page, 4, 321);
	put(page, 0, xor_from(4, 0x89abcdef));
	every_bit(321, 0);
}

static void not_looked_at(void **state)
{
	(void)state;
	assert_true(check());
	memset(page, 0, sizeof(page));
	assert_true(ese_page_right(&head, page, 5));
	page[4095] = 1;
	assert_false(ese_page_right(&head, page, 5));
}

static void sum_of_the_header(void **state)
{
	(void)state;
	memcpy(page, header, sizeof(page));
	put(header, 0, xor_from(4, 0x89abcdef));
	assert_true(check());
	assert_true(ese_head_right(&head, header));
	header[500] ^= 1;
	assert_false(ese_head_right(&head, header));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(clean, make_header),
		cmocka_unit_test_setup(states, make_header),
		cmocka_unit_test_setup(other_files, make_header),
		cmocka_unit_test_setup(short_ones, make_header),
		cmocka_unit_test_setup(old_sum, make_header),
		cmocka_unit_test_setup(new_sum, make_header),
		cmocka_unit_test_setup(not_looked_at, make_header),
		cmocka_unit_test_setup(sum_of_the_header, make_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
