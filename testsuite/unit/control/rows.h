/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking into a reply that is a list of objects, each beginning with the
 * same key. A server with replication for the tests that need one. Include it
 * last, after cmocka.
 */
#ifndef WINSD_TEST_CONTROL_ROWS_H
#define WINSD_TEST_CONTROL_ROWS_H

#include "bench.h"

static inline unsigned int count_rows(const struct bench *b, const char *first)
{
	struct control_field field = { .data = NULL };
	unsigned int count = 0;
	char key[64];

	while (control_next(&b->reply, &field)) {
		count += field.tag == CONTROL_KEY &&
			 strcmp(control_text(&field, key, sizeof(key)),
				first) == 0;
	}
	return count;
}

/* What stands behind this key of that row; false: nothing. */
static inline bool in_row(const struct bench *b, const char *first,
			  unsigned int row, const char *wanted,
			  struct control_field *field)
{
	unsigned int at = 0;
	char key[64];

	*field = (struct control_field) { .data = NULL };
	while (control_next(&b->reply, field)) {
		if (field->tag != CONTROL_KEY) {
			continue;
		}
		control_text(field, key, sizeof(key));
		at += strcmp(key, first) == 0;
		if (at == row + 1 && strcmp(key, wanted) == 0) {
			return control_next(&b->reply, field) &&
			       field->tag != CONTROL_KEY &&
			       field->tag >= CONTROL_NUMBER;
		}
	}
	fail_msg("row %u has no %s", row, wanted);
	return false;
}

static inline uint64_t number_in(const struct bench *b, const char *first,
				 unsigned int row, const char *key)
{
	struct control_field field;

	assert_true(in_row(b, first, row, key, &field));
	return control_number(&field);
}

static inline bool nothing_in(const struct bench *b, const char *first,
			      unsigned int row, const char *key)
{
	struct control_field field;

	return !in_row(b, first, row, key, &field);
}

static inline void text_is(const struct bench *b, const char *first,
			   unsigned int row, const char *key,
			   const char *expected)
{
	struct control_field field;
	char text[256];

	assert_true(in_row(b, first, row, key, &field));
	assert_string_equal(control_text(&field, text, sizeof(text)),
			    expected);
}

static inline int setup_repl(void **state)
{
	struct bench *b = NULL;

	(void)setup(state);
	b = *state;
	b->context.repl = talloc_zero(b, struct repl);
	b->context.repl->reason = "empty";
	return 0;
}

#define TEST_REPL(name) \
	cmocka_unit_test_setup_teardown(name, setup_repl, teardown)

#endif
