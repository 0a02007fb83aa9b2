/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Batches as bytes: they lie in a journal that another machine may read, so
 * the layout of backend.h is checked byte by byte, and every length that a
 * damaged one can have is met.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "store/batch.h"

static const uint8_t layout[] = {
	0, 0, 0, 2,	0, 0, 1, 3,	'a', 'b',	/* 259 bytes follow */
};
static const uint8_t deletion[] = {
	0, 0, 0, 1,	0xff, 0xff, 0xff, 0xff,	'c',
};

static void test_layout(void **state)
{
	struct store_batch batch = { .len = 0 };
	uint8_t value[259];
	const uint8_t *at = NULL;

	(void)state;
	memset(value, 'v', sizeof(value));
	assert_true(batch_reserve(&batch, 1000));
	batch_add(&batch, (const uint8_t *)"ab", 2, value, sizeof(value));
	batch_add(&batch, (const uint8_t *)"c", 1, NULL, 0);
	assert_int_equal(batch.changes, 2);
	assert_int_equal(batch.len, sizeof(layout) + sizeof(value) +
				    sizeof(deletion));
	at = batch.data;
	assert_memory_equal(at, layout, sizeof(layout));
	at += sizeof(layout);
	assert_memory_equal(at, value, sizeof(value));
	assert_memory_equal(at + sizeof(value), deletion, sizeof(deletion));
	batch_free(&batch);
}

static void test_walk(void **state)
{
	uint8_t bytes[sizeof(layout) + 259 + sizeof(deletion)] = { 0 };
	struct store_batch batch = { .data = bytes, .len = sizeof(bytes) };
	const uint8_t *key = NULL, *value = NULL;
	size_t pos = 0, key_len = 0, value_len = 0;

	(void)state;
	memcpy(bytes, layout, sizeof(layout));
	memcpy(bytes + sizeof(layout) + 259, deletion, sizeof(deletion));
	assert_true(store_batch_next(&batch, &pos, &key, &key_len, &value,
				     &value_len));
	assert_int_equal(key_len, 2);
	assert_memory_equal(key, "ab", 2);
	assert_int_equal(value_len, 259);
	assert_ptr_equal(value, bytes + sizeof(layout));
	assert_true(store_batch_next(&batch, &pos, &key, &key_len, &value,
				     &value_len));
	assert_int_equal(key_len, 1);
	assert_int_equal(*key, 'c');
	assert_null(value);
	assert_false(store_batch_next(&batch, &pos, &key, &key_len, &value,
				      &value_len));
	assert_int_equal(pos, batch.len);
}

/* A length that leads out of the batch ends the walk before its end. */
static void test_hostile_lengths(void **state)
{
	static const uint8_t cases[][9] = {
		{ 0, 0, 0, 2,	0, 0, 0, 0,	'k' },
		{ 0, 0, 0, 1,	0, 0, 0, 1,	'k' },
		{ 0, 0, 0, 0,	0, 0, 0, 2,	'v' },
		{ 0xff, 0xff, 0xff, 0xff,	0, 0, 0, 2,	'k' },
		{ 0xff, 0xff, 0xff, 0xff,	0xff, 0xff, 0xff, 0xff,	'k' },
		{ 0, 0, 0, 1,	0xff, 0xff, 0xff, 0xfe,	'k' },
		{ 1, 0, 0, 0,	0, 0, 0, 0,	'k' },	/* of a small machine */
	};
	const uint8_t *key = NULL, *value = NULL;
	size_t key_len = 0, value_len = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t *exact = malloc(sizeof(cases[i]));
		struct store_batch batch = { exact, sizeof(cases[i]), 0, 1 };
		size_t pos = 0;

		memcpy(exact, cases[i], sizeof(cases[i]));
		assert_false(store_batch_next(&batch, &pos, &key, &key_len,
					      &value, &value_len));
		for (batch.len = 0; batch.len < 8; batch.len++) {
			assert_false(store_batch_next(&batch, &pos, &key,
						      &key_len, &value,
						      &value_len));
		}
		assert_int_equal(pos, 0);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_hostile_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
