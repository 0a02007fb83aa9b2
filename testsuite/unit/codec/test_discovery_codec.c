/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Auto-discovery datagrams, byte by byte from microsoft-wins.md 5.1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "codec/discovery.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static const uint8_t up[] = {
	0xcd, 0xab, 0, 0,  0, 0, 0, 0,
	192, 0, 2, 1,  192, 0, 2, 2,  0, 0, 0, 0,
};

static void two_addresses(void **state)
{
	struct discovery_message m;

	(void)state;
	assert_true(discovery_decode(up, sizeof(up), &m));
	assert_true(m.up);
	assert_int_equal(m.count, 2);
	assert_int_equal(m.address[0], IP(192, 0, 2, 1));
	assert_int_equal(m.address[1], IP(192, 0, 2, 2));
}

static void said_again(void **state)
{
	struct discovery_message m = {
		.up = true, .count = 2,
		.address = { IP(192, 0, 2, 1), IP(192, 0, 2, 2) },
	};
	uint8_t data[DISCOVERY_SIZE_MAX];
	uint8_t down[sizeof(up)];

	(void)state;
	assert_int_equal(discovery_encode(&m, data), sizeof(up));
	assert_memory_equal(data, up, sizeof(up));
	m.up = false;
	memcpy(down, up, sizeof(up));
	down[4] = 1;
	assert_int_equal(discovery_encode(&m, data), sizeof(up));
	assert_memory_equal(data, down, sizeof(up));
}

/* Magic ABCD to ABCF; opcode 0 is up, 1 and all others are down. */
static void first_words(void **state)
{
	static const struct {
		uint8_t head[8];
		bool good, up;
	} rows[] = {
		{ { 0xcd, 0xab, 0, 0, 0, 0, 0, 0 }, true, true },
		{ { 0xce, 0xab, 0, 0, 0, 0, 0, 0 }, true, true },
		{ { 0xcf, 0xab, 0, 0, 0, 0, 0, 0 }, true, true },
		{ { 0xcc, 0xab, 0, 0, 0, 0, 0, 0 }, false, false },
		{ { 0xd0, 0xab, 0, 0, 0, 0, 0, 0 }, false, false },
		{ { 0xcd, 0xab, 1, 0, 0, 0, 0, 0 }, false, false },
		{ { 0, 0, 0xab, 0xcd, 0, 0, 0, 0 }, false, false },
		{ { 0xcd, 0xab, 0, 0, 1, 0, 0, 0 }, true, false },
		{ { 0xcd, 0xab, 0, 0, 2, 0, 0, 0 }, true, false },
		{ { 0xcd, 0xab, 0, 0, 0, 0, 0, 1 }, true, false },
	};
	struct discovery_message m;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(discovery_decode(rows[i].head, 8, &m),
				 rows[i].good);
		assert_int_equal(m.up, rows[i].up);
		assert_int_equal(m.count, 0);
	}
}

/* No end marker (before NT 4.0), or an address that is cut: all the same. */
static void cut_anywhere(void **state)
{
	struct discovery_message m;

	(void)state;
	for (size_t len = 0; len <= sizeof(up); len++) {
		assert_int_equal(discovery_decode(up, len, &m), len >= 8);
		assert_int_equal(m.count, len < 12 ? 0 : len < 16 ? 1 : 2);
	}
}

static void nothing_behind_the_end(void **state)
{
	static const uint8_t data[] = {
		0xcd, 0xab, 0, 0,  0, 0, 0, 0,
		10, 0, 0, 1,  0, 0, 0, 0,  10, 0, 0, 2,
	};
	struct discovery_message m;

	(void)state;
	assert_true(discovery_decode(data, sizeof(data), &m));
	assert_int_equal(m.count, 1);
}

static void nobodys_addresses(void **state)
{
	static const uint8_t data[] = {
		0xcd, 0xab, 0, 0,  0, 0, 0, 0,
		224, 0, 1, 24,  255, 255, 255, 255,  0, 0, 0, 1,
		240, 0, 0, 1,  10, 0, 0, 2,  0, 0, 0, 0,
	};
	struct discovery_message m;

	(void)state;
	assert_true(discovery_decode(data, sizeof(data), &m));
	assert_int_equal(m.count, 1);
	assert_int_equal(m.address[0], IP(10, 0, 0, 2));
}

static void the_largest_datagram(void **state)
{
	static uint8_t data[65507];
	struct discovery_message m;
	uint8_t again[DISCOVERY_SIZE_MAX];

	(void)state;
	memset(data, 10, sizeof(data));
	memcpy(data, up, 8);
	assert_true(discovery_decode(data, sizeof(data), &m));
	assert_int_equal(m.count, DISCOVERY_ADDRESSES_MAX);
	assert_int_equal(discovery_encode(&m, again), DISCOVERY_SIZE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_addresses),
		cmocka_unit_test(said_again),
		cmocka_unit_test(first_words),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(nothing_behind_the_end),
		cmocka_unit_test(nobodys_addresses),
		cmocka_unit_test(the_largest_datagram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
