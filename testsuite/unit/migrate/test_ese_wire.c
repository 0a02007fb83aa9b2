/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames of the child that reads ESE: what is one, what is none, and in which
 * order they may come. The bytes are typed from wire.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "migrate/ese/wire.h"

static struct ese_frame frame;
static struct ese_writer writer;

/* From memory of the exact size, where a sanitizer sees the byte behind. */
static int parse(const void *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	size_t used = 0;
	int got = 0;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	got = ese_frame_parse(copy, len, &frame, &used);
	if (got == 1) {
		assert_int_equal(used, len);
	}
	for (unsigned int i = 0; got == 1 && i < frame.count; i++) {
		if (frame.value[i].data != NULL) {
			assert_true(frame.value[i].data >= copy);
			assert_true(frame.value[i].data + frame.value[i].len <=
				    copy + len);
		}
	}
	free(copy);
	return got;
}

#define PARSE(bytes) parse(bytes, sizeof(bytes) - 1)

static void kinds(void **state)
{
	(void)state;
	assert_int_equal(PARSE("\6\0\0\0" "tNames"), 1);
	assert_int_equal(frame.kind, ESE_TABLE);
	assert_string_equal(frame.text, "Names");
	assert_int_equal(PARSE("\x0b\0\0\0" "c\1\2\0\0\5\0\0\0Id"), 1);
	assert_int_equal(frame.column.id, 0x201);
	assert_int_equal(frame.column.type, ESE_CURRENCY);
	assert_string_equal(frame.column.name, "Id");
	assert_int_equal(PARSE("\5\0\0\0o\7\0\0\0"), 1);
	assert_int_equal(frame.number, 7);
	assert_int_equal(PARSE("\1\0\0\0" "d"), 1);
	assert_int_equal(PARSE("\3\0\0\0" "f\x1b!"), 1);
	assert_string_equal(frame.text, "?!");
}

static void rows(void **state)
{
	(void)state;
	/* a value of two bytes, none, one of 5000 bytes that is not sent */
	assert_int_equal(PARSE("\x0f\0\0\0r\2\0\0\0ab\xff\xff\xff\xff"
			       "\x88\x13\0\x80"), 1);
	assert_int_equal(frame.count, 3);
	assert_int_equal(frame.value[0].len, 2);
	assert_false(frame.value[0].cut);
	assert_null(frame.value[1].data);
	assert_false(frame.value[1].cut);
	assert_null(frame.value[2].data);
	assert_true(frame.value[2].cut);
	assert_int_equal(frame.value[2].len, 5000);
	assert_int_equal(PARSE("\1\0\0\0r"), 1);
	assert_int_equal(frame.count, 0);
}

static void incomplete(void **state)
{
	static const char whole[] = "\x0b\0\0\0" "c\1\2\0\0\5\0\0\0Id";

	(void)state;
	for (size_t len = 0; len + 1 < sizeof(whole); len++) {
		assert_int_equal(parse(whole, len), 0);
	}
}

static void none(void **state)
{
	uint8_t many[5 + 4 * (ESE_COLUMNS + 1)] = { 0 };

	(void)state;
	assert_int_equal(PARSE("\0\0\0\0"), -1);
	assert_int_equal(PARSE("\xff\xff\xff\xff"), -1);
	assert_int_equal(PARSE("\1\0\0\0z"), -1);
	assert_int_equal(PARSE("\2\0\0\0dx"), -1);
	assert_int_equal(PARSE("\2\0\0\0ox"), -1);
	assert_int_equal(PARSE("\7\0\0\0c\1\2\0\0\5\0"), -1);
	/* a value that goes on behind its frame; half a length */
	assert_int_equal(PARSE("\7\0\0\0r\3\0\0\0ab"), -1);
	assert_int_equal(PARSE("\7\0\0\0r\xff\xff\xff\x7fxx"), -1);
	assert_int_equal(PARSE("\4\0\0\0r\0\0\0"), -1);
	/* a value for a column too many */
	many[0] = (uint8_t)(sizeof(many) - 4);
	many[4] = 'r';
	assert_int_equal(parse(many, sizeof(many)), -1);
	many[0] -= 4;
	assert_int_equal(parse(many, sizeof(many) - 4), 1);
	assert_int_equal(frame.count, ESE_COLUMNS);
}

static void names_are_cut(void **state)
{
	uint8_t bytes[600];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "\xff\1\0\0t", 5);
	assert_int_equal(parse(bytes, 4 + 0x1ff), 1);
	assert_int_equal(strlen(frame.text), ESE_NAME - 1);
	bytes[4] = 'b';
	assert_int_equal(parse(bytes, 4 + 0x1ff), 1);
	assert_int_equal(strlen(frame.text), ESE_TEXT - 1);
}

/* What the child writes is what the parent reads. */
static void written(void **state)
{
	static uint8_t big[ESE_VALUE_MAX + 1];

	(void)state;
	ese_frame_begin(&writer, ESE_ROW);
	ese_frame_value(&writer, "abc", 3);
	ese_frame_value(&writer, NULL, 0);
	ese_frame_value(&writer, big, sizeof(big));
	ese_frame_value(&writer, big, sizeof(big) - 1);
	ese_frame_value(&writer, NULL, SIZE_MAX);
	ese_frame_end(&writer);
	assert_int_equal(parse(writer.data, writer.len), 1);
	assert_int_equal(frame.count, 5);
	assert_int_equal(frame.value[0].len, 3);
	assert_null(frame.value[1].data);
	assert_true(frame.value[2].cut);
	assert_int_equal(frame.value[2].len, sizeof(big));
	assert_int_equal(frame.value[3].len, ESE_VALUE_MAX);
	assert_true(frame.value[4].cut);
}

static void the_longest_row_fits(void **state)
{
	static const uint8_t big[ESE_VALUE_MAX];

	(void)state;
	ese_frame_begin(&writer, ESE_ROW);
	for (unsigned int i = 0; i < ESE_COLUMNS; i++) {
		ese_frame_value(&writer, big, sizeof(big));
	}
	ese_frame_end(&writer);
	assert_int_equal(parse(writer.data, writer.len), 1);
	assert_int_equal(frame.count, ESE_COLUMNS);
}

/* ---- the order of frames ---- */

static struct ese_catalog catalog;
static struct ese_stream stream;

static bool take(enum ese_kind kind, unsigned int number)
{
	static struct ese_frame made;

	memset(&made, 0, sizeof(made));
	made.kind = kind;
	made.number = number;
	made.count = number;
	return ese_stream_take(&stream, &made);
}

static void begin(unsigned int tables, unsigned int columns)
{
	memset(&catalog, 0, sizeof(catalog));
	stream = (struct ese_stream){ .catalog = &catalog };
	for (unsigned int i = 0; i < tables; i++) {
		assert_true(take(ESE_TABLE, 0));
		for (unsigned int k = 0; k < columns; k++) {
			assert_true(take(ESE_COLUMN, 0));
		}
	}
}

static void order(void **state)
{
	(void)state;
	begin(0, 0);
	assert_false(take(ESE_COLUMN, 0));
	assert_false(take(ESE_OPEN, 0));
	assert_false(take(ESE_ROW, 0));
	begin(3, 2);
	assert_int_equal(catalog.count, 3);
	assert_int_equal(catalog.table[2].count, 2);
	assert_false(take(ESE_ROW, 2));
	assert_false(take(ESE_BAD_ROW, 0));
	assert_false(take(ESE_OPEN, 3));
	assert_true(take(ESE_OPEN, 1));
	assert_false(take(ESE_TABLE, 0));
	assert_false(take(ESE_COLUMN, 0));
	assert_true(take(ESE_ROW, 2));
	assert_false(take(ESE_ROW, 1));
	assert_false(take(ESE_ROW, 3));
	assert_true(take(ESE_BAD_ROW, 0));
	/* a table comes once, and not after a later one */
	assert_false(take(ESE_OPEN, 1));
	assert_false(take(ESE_OPEN, 0));
	assert_true(take(ESE_OPEN, 2));
	assert_true(take(ESE_DONE, 0));
	assert_false(take(ESE_DONE, 0));
	assert_false(take(ESE_ROW, 2));
}

static void too_many(void **state)
{
	(void)state;
	begin(ESE_TABLES, ESE_COLUMNS);
	assert_false(take(ESE_TABLE, 0));
	assert_false(take(ESE_COLUMN, 0));
	assert_int_equal(catalog.count, ESE_TABLES);
}

static void catalogs_differ(void **state)
{
	struct ese_catalog other;

	(void)state;
	begin(2, 2);
	other = catalog;
	assert_true(ese_catalog_same(&catalog, &other));
	other.table[1].column[1].type = ESE_U8;
	assert_false(ese_catalog_same(&catalog, &other));
	other = catalog;
	other.table[1].count = 1;
	assert_false(ese_catalog_same(&catalog, &other));
	other = catalog;
	other.table[0].name[0] = 'x';
	assert_false(ese_catalog_same(&catalog, &other));
	other = catalog;
	other.count = 1;
	assert_false(ese_catalog_same(&catalog, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(rows),
		cmocka_unit_test(incomplete),
		cmocka_unit_test(none),
		cmocka_unit_test(names_are_cut),
		cmocka_unit_test(written),
		cmocka_unit_test(the_longest_row_fits),
		cmocka_unit_test(order),
		cmocka_unit_test(too_many),
		cmocka_unit_test(catalogs_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
