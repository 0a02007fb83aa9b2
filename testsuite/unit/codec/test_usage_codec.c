/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Entries of usage.tdb as bytes, typed from the head of codec/usage.h, and
 * bytes that are no entries.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/usage.h"

static void the_head(void **state)
{
	static const uint8_t want[USAGE_HEAD_LEN] = {
		0, 0, 0, 1,
		1, 2, 3, 4, 5, 6, 7, 8,  9, 10, 11, 12, 13, 14, 15, 16,
		0x6b, 0, 0, 1,  0x6b, 0, 0, 2,
		0, 0, 0, 0, 0, 0, 0, 3,  0, 0, 0, 0, 0, 0, 0, 4,
		0xff, 0, 0, 0, 0, 0, 0, 5,
	};
	struct usage_head head = {
		.format = 1,
		.key = { 0x0102030405060708, 0x090a0b0c0d0e0f10 },
		.since = 0x6b000001,
		.saved = 0x6b000002,
		.sum = { 3, 4, 0xff00000000000005 },
	};
	struct usage_head back;
	uint8_t out[USAGE_HEAD_LEN];

	(void)state;
	usage_head_encode(&head, out);
	assert_memory_equal(out, want, sizeof(want));
	assert_true(usage_head_decode(want, sizeof(want), &back));
	assert_memory_equal(&back, &head, sizeof(head));
	for (size_t len = 0; len < sizeof(want); len++) {
		assert_false(usage_head_decode(want, len, &back));
	}
	out[3] = 2;			/* of another format, maybe shorter */
	assert_true(usage_head_decode(out, 4, &back));
	assert_int_equal(back.format, 2);
}

static void a_client(void **state)
{
	uint8_t want[USAGE_ENTRY_LEN] = {
		10, 0, 0, 7,  192, 0, 2, 1,
		0x6b, 0, 0, 1,  0x6b, 0, 0, 2,
		0, 0, 0, 3,  0, 0, 0, 4,  0, 0, 0, 5,  0, 0, 0, 6,
		0, 0, 0, 7,  0x1f,
	};
	struct usage_client client = {
		.ip = 0x0a000007,
		.local = 0xc0000201,
		.first = 0x6b000001,
		.last = 0x6b000002,
		.registered = 3,
		.refreshed = 4,
		.found = 5,
		.negative = 6,
		.plain = 7,
		.sketch = { 0x1f },
	};
	struct usage_client back;
	uint8_t out[USAGE_ENTRY_LEN];

	(void)state;
	client.sketch[USAGE_SKETCH - 1] = want[63] = 9;
	usage_client_encode(&client, out);
	assert_memory_equal(out, want, sizeof(want));
	assert_true(usage_client_decode(want, &back));
	assert_memory_equal(&back, &client, sizeof(client));
	memset(want + 12, 0, 4);	/* never seen */
	assert_false(usage_client_decode(want, &back));
}

static const uint8_t missing_bytes[USAGE_ENTRY_LEN] = {
	0x6b, 0, 0, 1,  0x6b, 0, 0, 2,  0, 0, 0, 3,  10, 0, 0, 7,
	4, 0x20, 3,
	'N', 'O', 'P', 'E', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	'l', 'a', 'b',
};

static void a_missing_name(void **state)
{
	struct usage_missing missing = {
		.first = 0x6b000001,
		.last = 0x6b000002,
		.count = 3,
		.client = 0x0a000007,
	};
	struct usage_missing back;
	struct nb_name name;
	uint8_t out[USAGE_ENTRY_LEN];

	(void)state;
	assert_true(nb_name_parse("NOPE<20>.lab", &name));
	assert_true(usage_missing_set(&missing, &name));
	usage_missing_encode(&missing, out);
	assert_memory_equal(out, missing_bytes, sizeof(out));
	assert_true(usage_missing_decode(missing_bytes, &back));
	assert_memory_equal(&back, &missing, sizeof(missing));
}

static void no_missing_name(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} spoilt[] = {
		{ 16, 16 }, { 16, 255 },	/* longer than a name */
		{ 16, 5 },			/* ends in NUL */
		{ 18, 31 }, { 18, 255 },	/* longer than is kept */
		{ 22, ' ' },			/* ends in a blank */
	};
	struct usage_missing back;
	uint8_t data[USAGE_ENTRY_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
		memcpy(data, missing_bytes, sizeof(data));
		data[spoilt[i].at] = spoilt[i].byte;
		assert_false(usage_missing_decode(data, &back));
	}
	/* what is behind the name counts for nothing */
	memcpy(data, missing_bytes, sizeof(data));
	data[33] = data[63] = 'X';
	assert_true(usage_missing_decode(data, &back));
	assert_int_equal(back.byte[14], 0);
	assert_int_equal(back.scope[29], 0);
}

static void a_set(void **state)
{
	static const uint8_t want[] = {
		0, 0, 0x12, 0x34,  0x6b, 0, 0, 9,  2,
		1, 2, 3, 4,  5, 6, 7, 8,  0x6b, 0, 0, 1,
		0, 0, 0, 0,  0, 0, 0, 1,  0x6b, 0, 0, 2,
	};
	struct usage_set set = {
		.forgotten = 0x6b000009,
		.mark = {
			[1] = { 0x01020304, 0x05060708, 0x6b000001 },
			[4] = { 0, 1, 0x6b000002 },
		},
	};
	struct usage_set back;
	uint8_t out[USAGE_SET_MAX + 1];
	uint32_t index = 0;

	(void)state;
	assert_int_equal(usage_set_encode(0x1234, &set, out), sizeof(want));
	assert_memory_equal(out, want, sizeof(want));
	assert_int_equal(usage_set_decode(want, sizeof(want), &index, &back),
			 sizeof(want));
	assert_int_equal(index, 0x1234);
	assert_int_equal(back.forgotten, set.forgotten);
	assert_memory_equal(&back.mark[0], &set.mark[1], 12);
	assert_memory_equal(&back.mark[1], &set.mark[4], 12);
	for (size_t len = 0; len < sizeof(want); len++) {
		assert_int_equal(usage_set_decode(want, len, &index, &back),
				 0);
	}
	memcpy(out, want, sizeof(want));
	memset(out + 17, 0, 4);		/* a name that was never asked for */
	assert_int_equal(usage_set_decode(out, sizeof(want), &index, &back),
			 0);
	memset(out, 1, sizeof(out));
	out[8] = USAGE_MARKS + 1;
	assert_int_equal(usage_set_decode(out, sizeof(out), &index, &back), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_head),
		cmocka_unit_test(a_client),
		cmocka_unit_test(a_missing_name),
		cmocka_unit_test(no_missing_name),
		cmocka_unit_test(a_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
