/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table by itself: no row is dead or hidden, each says where it comes
 * from, and the rows of one opcode agree on what the decoder reads before a
 * type is known. Which datagrams the rows accept is test_nbns_matrix.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/nbns_table.h"

static uint16_t type_of(uint8_t bits)
{
	static const uint16_t types[] = { 0x0001, 0x0002, 0x000a, 0x0020,
					  0x0021, 0x00ff };

	for (unsigned int i = 0; i < 6; i++) {
		if ((bits >> i & 1u) != 0) {
			return types[i];
		}
	}
	return 0;
}

static uint16_t opcode_of(const struct nbns_row *row)
{
	uint16_t opcode = 0;

	while ((row->opcodes >> opcode & 1u) == 0) {
		opcode++;
	}
	return opcode;
}

/* The least that fits the row. */
static struct nbns_facts facts_of(const struct nbns_row *row)
{
	struct nbns_facts facts = {
		.operation = (uint16_t)((row->response ? 0x8000u : 0u) |
					opcode_of(row) << 11 |
					row->rcode.min),
		.question_type = type_of(row->question),
		.question_class = 1,
		.type = type_of(row->type),
		.class = 1,
		.rdlength = row->rdlength.min,
	};

	for (int i = 0; i < NBNS_SECTIONS; i++) {
		facts.count[i] = row->count[i].min;
	}
	return facts;
}

static const struct nbns_row *match(const struct nbns_facts *facts,
				    enum nbns_error *error)
{
	const struct nbns_row *row = nbns_row_counts(facts, error);

	return row == NULL ? NULL : nbns_row_match(row, facts, error);
}

static void test_no_dead_row(void **state)
{
	const struct nbns_row *row = NULL;
	bool kinds[NBNS_KINDS] = { false };

	(void)state;
	for (unsigned int i = 0; (row = nbns_row_at(i)) != NULL; i++) {
		struct nbns_facts facts = facts_of(row);
		enum nbns_error error = NBNS_OK;

		assert_ptr_equal(match(&facts, &error), row);
		assert_true(strlen(row->ref) > 2);
		kinds[row->kind] = true;
	}
	for (int i = 0; i < NBNS_KINDS; i++) {
		assert_true(kinds[i]);
	}
}

/* What the decoder takes from the first row with fitting counts. */
static void test_rows_agree(void **state)
{
	const struct nbns_row *a = NULL;
	const struct nbns_row *b = NULL;

	(void)state;
	for (unsigned int i = 0; (a = nbns_row_at(i)) != NULL; i++) {
		assert_int_equal(a->response, a->question == 0);
		assert_int_equal(a->first == NBNS_QUESTION, a->type == 0);
		for (unsigned int j = 0; (b = nbns_row_at(j)) != NULL; j++) {
			if (a->response == b->response &&
			    (a->opcodes & b->opcodes) != 0) {
				assert_int_equal(a->first, b->first);
				assert_memory_equal(a->count, b->count,
						    sizeof(a->count));
			}
		}
	}
}

/* One step outside of each cell is refused, for the reason of the column. */
static void test_columns(void **state)
{
	const struct nbns_row *row = NULL;

	(void)state;
	for (unsigned int i = 0; (row = nbns_row_at(i)) != NULL; i++) {
		struct nbns_facts facts = facts_of(row);
		enum nbns_error error = NBNS_OK;

		facts.class = 2;
		assert_int_equal(match(&facts, &error) == row, row->type == 0);
		facts = facts_of(row);
		facts.question_class = 255;
		assert_int_equal(match(&facts, &error) == row,
				 row->question == 0);
		facts = facts_of(row);
		facts.rdlength--;
		if (row->rdlength.min > 0) {
			assert_null(match(&facts, &error));
			assert_int_equal(error, NBNS_BAD_LENGTH);
		}
		for (int c = 0; c < NBNS_SECTIONS; c++) {
			facts = facts_of(row);
			facts.count[c]--;
			if (row->count[c].min > 0) {
				assert_null(match(&facts, &error));
				assert_int_equal(error, NBNS_COUNTS);
			}
		}
	}
}

/*
 * Why a datagram is refused, typed from protocol.md 1.1 and 1.6: first the
 * opcode, then the counts, then types, then the length.
 */
static void test_reasons(void **state)
{
	static const struct {
		uint16_t operation;
		uint16_t count[NBNS_SECTIONS];
		uint16_t question_type;
		uint16_t type;
		uint16_t rdlength;
		enum nbns_error error;
	} rows[] = {
		{ 0x0800, { 1, 0, 0, 0 }, 0x20, 0, 0, NBNS_OPCODE_UNKNOWN },
		{ 0x3800, { 1, 0, 0, 1 }, 0x20, 0x20, 6, NBNS_OPCODE_UNKNOWN },
		{ 0x8800, { 0, 1, 0, 0 }, 0, 0x20, 6, NBNS_OPCODE_UNKNOWN },
		{ 0x0100, { 0, 0, 0, 0 }, 0x20, 0, 0, NBNS_COUNTS },
		{ 0x0100, { 2, 0, 0, 0 }, 0x20, 0, 0, NBNS_COUNTS },
		{ 0x2900, { 0, 0, 0, 1 }, 0x20, 0x20, 6, NBNS_COUNTS },
		{ 0x2900, { 2, 0, 0, 1 }, 0x20, 0x20, 6, NBNS_COUNTS },
		{ 0x4000, { 1, 0, 0, 0 }, 0x20, 0x20, 6, NBNS_COUNTS },
		{ 0x4800, { 1, 0, 0, 2 }, 0x20, 0x20, 6, NBNS_COUNTS },
		{ 0x7900, { 0, 0, 0, 1 }, 0x20, 0x20, 6, NBNS_COUNTS },
		{ 0x7900, { 1, 0, 0, 0 }, 0x20, 0x20, 6, NBNS_COUNTS },
		{ 0x3000, { 0, 0, 0, 1 }, 0x20, 0x20, 6, NBNS_COUNTS },
		{ 0x3000, { 1, 0, 0, 0 }, 0x20, 0x20, 6, NBNS_COUNTS },
		{ 0x8580, { 0, 0, 0, 0 }, 0, 0x20, 6, NBNS_COUNTS },
		{ 0xbc00, { 0, 2, 0, 0 }, 0, 0x20, 2, NBNS_COUNTS },
		{ 0x0100, { 1, 0, 0, 0 }, 0x01, 0, 0, NBNS_BAD_TYPE },
		{ 0x2900, { 1, 0, 0, 1 }, 0x21, 0x20, 6, NBNS_BAD_TYPE },
		{ 0x2900, { 1, 0, 0, 1 }, 0x20, 0x0a, 6, NBNS_BAD_TYPE },
		{ 0x8580, { 0, 1, 0, 0 }, 0, 0x01, 6, NBNS_BAD_TYPE },
		{ 0x2900, { 1, 0, 0, 1 }, 0x20, 0x20, 12, NBNS_BAD_LENGTH },
		{ 0x7900, { 1, 0, 0, 1 }, 0x20, 0x20, 5, NBNS_BAD_LENGTH },
		{ 0x8580, { 0, 1, 0, 0 }, 0, 0x20, 5, NBNS_BAD_LENGTH },
		{ 0xbc00, { 0, 1, 0, 0 }, 0, 0x0a, 1, NBNS_BAD_LENGTH },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nbns_facts facts = {
			.operation = rows[i].operation,
			.question_type = rows[i].question_type,
			.question_class = 1,
			.type = rows[i].type,
			.class = 1,
			.rdlength = rows[i].rdlength,
		};
		enum nbns_error error = NBNS_OK;

		memcpy(facts.count, rows[i].count, sizeof(facts.count));
		assert_null(match(&facts, &error));
		assert_string_equal(nbns_error_name(error),
				    nbns_error_name(rows[i].error));
	}
}

static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < NBNS_KINDS; i++) {
		assert_string_not_equal(nbns_kind_name(i), "unknown");
	}
	for (int i = 0; i < NBNS_ERRORS; i++) {
		assert_string_not_equal(nbns_error_name(i), "unknown");
	}
	assert_string_equal(nbns_kind_name(NBNS_KINDS), "unknown");
	assert_string_equal(nbns_error_name(NBNS_ERRORS), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_dead_row),
		cmocka_unit_test(test_rows_agree),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
