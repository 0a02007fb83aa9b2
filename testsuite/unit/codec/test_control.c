/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Control messages: bytes typed by hand from the format in codec/control.h,
 * round trips of every value, and refusal of everything that is cut, too
 * long or out of range.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "codec/control.h"
#include "unit/same_record.h"

static uint8_t frame[CONTROL_FRAME_MAX];

/* Body of the frame in the writer. */
static size_t end(struct control_writer *w)
{
	size_t len = control_end(w);

	assert_true(len >= CONTROL_HEAD + 2);
	assert_int_equal(control_body_len(frame, CONTROL_REPLY_MAX),
			 len - CONTROL_HEAD);
	return len - CONTROL_HEAD;
}

static struct control_writer begin(enum control_kind kind)
{
	struct control_writer w;

	control_begin(&w, frame, sizeof(frame), kind);
	return w;
}

static enum control_error open_frame(struct control_reader *r, size_t len,
				     enum control_kind kind)
{
	return control_open(r, frame + CONTROL_HEAD, len, kind);
}

static struct nb_record sample_record(void)
{
	struct nb_record rec = {
		.name = nb_name_make("FILES", 5, 0x20),
		.type = NB_MHOMED,
		.state = NB_RELEASED,
		.node = NB_H_NODE,
		.is_static = false,
		.owner = 0xc0000201,
		.version = UINT64_C(0x0102030405060708),
		.expires = 1767225600,
		.count = 2,
		.member = {
			{ 0xc000020a, 0xc0000201, 1767225600 },
			{ 0xc000020b, 0xc0000202, -1 },
		},
	};

	assert_true(nb_name_set_scope(&rec.name, "lab", 3));
	return rec;
}

static void test_bytes_of_a_request(void **state)
{
	static const uint8_t expected[] = {
		0, 0, 0, 37,			/* length of the body */
		1, 1,				/* release, request */
		1, 0, 11, 'r', 'e', 'c', 'o', 'r', 'd', ' ',
		's', 'h', 'o', 'w',
		2, 0, 7, 4, 'H', 'O', 'S', 'T', 0x20, 0,
		3, 0, 8, 0, 0, 0, 0, 0, 0, 0, 3,
	};
	struct control_writer w = begin(CONTROL_REQUEST);
	struct nb_name name = nb_name_make("HOST", 4, 0x20);

	(void)state;
	control_put_text(&w, CONTROL_VERB, "record show");
	control_put_name(&w, CONTROL_NAME, &name);
	control_put_number(&w, CONTROL_FLAGS,
			   CONTROL_DRY_RUN | CONTROL_YES);
	assert_int_equal(end(&w) + CONTROL_HEAD, sizeof(expected));
	assert_memory_equal(frame, expected, sizeof(expected));
}

static void test_bytes_of_a_record(void **state)
{
	static const uint8_t expected[] = {
		18, 0, 68,
		5, 'F', 'I', 'L', 'E', 'S', 0x20, 3, 'l', 'a', 'b',
		3, 1, 3, 0, 192, 0, 2, 1, 1, 2, 3, 4, 5, 6, 7, 8,
		0, 0, 0, 0, 0x69, 0x55, 0xb9, 0x00, 2,
		192, 0, 2, 10, 192, 0, 2, 1,
		0, 0, 0, 0, 0x69, 0x55, 0xb9, 0x00,
		192, 0, 2, 11, 192, 0, 2, 2,
		255, 255, 255, 255, 255, 255, 255, 255,
	};
	struct control_writer w = begin(CONTROL_REPLY);
	struct nb_record rec = sample_record();

	(void)state;
	control_put_record(&w, CONTROL_RECORD, &rec);
	assert_int_equal(end(&w), 2 + sizeof(expected));
	assert_memory_equal(frame + CONTROL_HEAD + 2, expected,
			    sizeof(expected));
}

static void test_values_come_back(void **state)
{
	struct control_writer w = begin(CONTROL_REPLY);
	struct nb_record rec = sample_record();
	struct nb_record back;
	struct nb_name name;
	struct control_reader r;
	struct control_field field;
	char text[8];

	(void)state;
	control_put_number(&w, CONTROL_STATUS, CONTROL_CONFLICT);
	control_put_record(&w, CONTROL_BEFORE, &rec);
	control_put_name(&w, CONTROL_NAME, &rec.name);
	control_put_text(&w, CONTROL_MESSAGE, "too long for 8");
	control_put_number(&w, CONTROL_TIME, (uint64_t)INT64_MIN);
	assert_int_equal(open_frame(&r, end(&w), CONTROL_REPLY), CONTROL_GOOD);
	assert_int_equal(control_number_or(&r, CONTROL_STATUS, 99),
			 CONTROL_CONFLICT);
	assert_int_equal(control_number_or(&r, CONTROL_CURSOR, 99), 99);
	assert_true(control_find(&r, CONTROL_BEFORE, &field));
	control_record(&field, &back);
	assert_same_record(&back, &rec);
	assert_true(control_find(&r, CONTROL_NAME, &field));
	control_name(&field, &name);
	assert_memory_equal(&name, &rec.name, sizeof(name));
	assert_true(control_find(&r, CONTROL_MESSAGE, &field));
	assert_string_equal(control_text(&field, text, sizeof(text)),
			    "too lon");
	assert_true(control_find(&r, CONTROL_TIME, &field));
	assert_true((int64_t)control_number(&field) == INT64_MIN);
	assert_false(control_next(&r, &field));
}

static void test_every_byte_in_names(void **state)
{
	(void)state;
	for (unsigned int byte = 1; byte < 256; byte++) {
		struct control_writer w = begin(CONTROL_REQUEST);
		uint8_t text[3] = { 'A', (uint8_t)byte, 'B' };
		struct nb_name name = nb_name_make(text, 3, (uint8_t)byte);
		struct nb_name back;
		struct control_reader r;
		struct control_field field;

		assert_true(nb_name_set_scope(&name, text, 3));
		control_put_name(&w, CONTROL_NAME, &name);
		assert_int_equal(open_frame(&r, end(&w), CONTROL_REQUEST),
				 CONTROL_GOOD);
		assert_true(control_find(&r, CONTROL_NAME, &field));
		control_name(&field, &back);
		assert_memory_equal(&back, &name, sizeof(name));
	}
}

/* A largest record behind a full list still fits, with its cursor. */
static void test_largest_reply_fits(void **state)
{
	struct control_writer w = begin(CONTROL_REPLY);
	struct nb_record rec = { .count = NB_MEMBERS_MAX };
	char scope[NB_SCOPE_MAX];

	(void)state;
	memset(scope, 's', sizeof(scope));
	rec.name = nb_name_make("ABCDEFGHIJKLMNO", 15, 0);
	assert_true(nb_name_set_scope(&rec.name, scope, sizeof(scope)));
	while (w.len < CONTROL_FILL - 11) {
		control_put_number(&w, CONTROL_NUMBER, 0);
	}
	while (w.len < CONTROL_FILL - 1) {
		control_put_text(&w, CONTROL_TEXT, "");
	}
	control_put_record(&w, CONTROL_RECORD, &rec);
	control_put_number(&w, CONTROL_CURSOR, UINT64_MAX);
	control_put_number(&w, CONTROL_INSTANCE, UINT64_MAX);
	assert_true(end(&w) <= CONTROL_REPLY_MAX);
}

static void test_overflow_is_seen(void **state)
{
	struct control_writer w;
	uint8_t small[32];

	(void)state;
	control_begin(&w, small, sizeof(small), CONTROL_REPLY);
	control_put_number(&w, CONTROL_NUMBER, 1);
	control_put_number(&w, CONTROL_NUMBER, 2);
	assert_int_equal(control_end(&w), 4 + 2 + 2 * 11);
	control_put_text(&w, CONTROL_TEXT, "ab");
	assert_int_equal(control_end(&w), 0);
	for (size_t size = 0; size < CONTROL_HEAD + 2; size++) {
		control_begin(&w, small, size, CONTROL_REPLY);
		control_put_number(&w, CONTROL_NUMBER, 1);
		assert_int_equal(control_end(&w), 0);
	}
}

static void test_body_length(void **state)
{
	static const struct {
		uint8_t head[CONTROL_HEAD];
		size_t len;
	} cases[] = {
		{ { 0, 0, 0, 0 }, 0 },
		{ { 0, 0, 0, 1 }, 0 },
		{ { 0, 0, 0, 2 }, 2 },
		{ { 0, 1, 0, 0 }, 65536 },
		{ { 0, 1, 0, 1 }, 0 },
		{ { 255, 255, 255, 255 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(control_body_len(cases[i].head,
						  CONTROL_REQUEST_MAX),
				 cases[i].len);
	}
}

static void test_bad_bodies(void **state)
{
	static const struct {
		enum control_error error;
		size_t len;
		uint8_t body[40];
	} cases[] = {
		{ CONTROL_SHORT, 0, { 0 } },
		{ CONTROL_SHORT, 1, { 1 } },
		{ CONTROL_GOOD, 2, { 1, 1 } },
		{ CONTROL_RELEASE_OTHER, 1, { 2 } },
		{ CONTROL_RELEASE_OTHER, 3, { 0, 77, 77 } },
		{ CONTROL_BAD_KIND, 2, { 1, 2 } },
		{ CONTROL_BAD_KIND, 2, { 1, 0 } },
		{ CONTROL_SHORT, 4, { 1, 1, 1, 0 } },
		{ CONTROL_SHORT, 6, { 1, 1, 1, 0, 2, 'a' } },
		{ CONTROL_SHORT, 7, { 1, 1, 1, 255, 255, 'a', 'b' } },
		{ CONTROL_BAD_TAG, 5, { 1, 1, 0, 0, 0 } },
		{ CONTROL_BAD_TAG, 5, { 1, 1, 63, 0, 0 } },
		{ CONTROL_BAD_TAG, 5, { 1, 1, 255, 0, 0 } },
		{ CONTROL_BAD_VALUE, 6, { 1, 1, 1, 0, 1, 0 } },
		{ CONTROL_BAD_VALUE, 12,	/* number of 7 bytes */
		  { 1, 1, 4, 0, 7, 0, 0, 0, 0, 0, 0, 1 } },
		{ CONTROL_GOOD, 13,		/* largest address */
		  { 1, 1, 4, 0, 8, 0, 0, 0, 0, 255, 255, 255, 255 } },
		{ CONTROL_BAD_VALUE, 13,
		  { 1, 1, 4, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0 } },
		{ CONTROL_BAD_VALUE, 13,	/* type 4 */
		  { 1, 1, 9, 0, 8, 0, 0, 0, 0, 0, 0, 0, 4 } },
		{ CONTROL_BAD_VALUE, 13,	/* state 3 */
		  { 1, 1, 10, 0, 8, 0, 0, 0, 0, 0, 0, 0, 3 } },
		{ CONTROL_BAD_VALUE, 13,	/* flag 512 */
		  { 1, 1, 3, 0, 8, 0, 0, 0, 0, 0, 0, 2, 0 } },
		{ CONTROL_GOOD, 13,		/* a truth */
		  { 1, 1, 73, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1 } },
		{ CONTROL_BAD_VALUE, 13,	/* that is 2 */
		  { 1, 1, 73, 0, 8, 0, 0, 0, 0, 0, 0, 0, 2 } },
		{ CONTROL_BAD_VALUE, 5, { 1, 1, 2, 0, 0 } },
		{ CONTROL_BAD_VALUE, 7, { 1, 1, 2, 0, 2, 0, 0 } },
		{ CONTROL_GOOD, 8, { 1, 1, 2, 0, 3, 0, 0x20, 0 } },
		{ CONTROL_BAD_VALUE, 9,		/* a byte too many */
		  { 1, 1, 2, 0, 4, 0, 0x20, 0, 0 } },
		{ CONTROL_BAD_VALUE, 9,		/* the name is a blank */
		  { 1, 1, 2, 0, 4, 1, ' ', 0x20, 0 } },
		{ CONTROL_BAD_VALUE, 9,		/* or a NUL */
		  { 1, 1, 2, 0, 4, 1, 0, 0x20, 0 } },
		{ CONTROL_BAD_VALUE, 24,	/* sixteen bytes of name */
		  { 1, 1, 2, 0, 19, 16, 'A', 'A', 'A', 'A', 'A', 'A', 'A',
		    'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 0x20, 0 } },
		{ CONTROL_BAD_VALUE, 9,		/* scope longer than it says */
		  { 1, 1, 2, 0, 4, 0, 0x20, 2, 'a' } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct control_reader r;

		assert_int_equal(control_open(&r, cases[i].body, cases[i].len,
					      CONTROL_REQUEST),
				 cases[i].error);
	}
}

/* Offsets in the record's value, see test_bytes_of_a_record. */
static void test_bad_records(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		bool good;
	} cases[] = {
		{ 11, 0, true }, { 11, 4, false },	/* type */
		{ 12, 2, true }, { 12, 3, false },	/* state */
		{ 13, 0, true }, { 13, 4, false },	/* node */
		{ 14, 1, true }, { 14, 2, false },	/* static */
		{ 35, 1, false }, { 35, 3, false },	/* count */
		{ 35, 26, false },
		{ 0, 4, false }, { 7, 4, false },	/* name, scope */
	};
	struct nb_record rec = sample_record();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct control_writer w = begin(CONTROL_REPLY);
		struct control_reader r;
		size_t len = 0;

		control_put_record(&w, CONTROL_RECORD, &rec);
		len = end(&w);
		frame[CONTROL_HEAD + 2 + 3 + cases[i].at] = cases[i].value;
		assert_int_equal(open_frame(&r, len, CONTROL_REPLY),
				 cases[i].good ? CONTROL_GOOD :
						 CONTROL_BAD_VALUE);
	}
}

/* Cut anywhere but between two fields a body is refused. */
static void test_truncation(void **state)
{
	struct control_writer w = begin(CONTROL_REPLY);
	struct nb_record rec = sample_record();
	struct control_reader r;
	size_t len = 0;

	(void)state;
	control_put_record(&w, CONTROL_RECORD, &rec);
	len = end(&w);
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(open_frame(&r, cut, CONTROL_REPLY),
				 cut == 2 ? CONTROL_GOOD : CONTROL_SHORT);
	}
}

static bool matches(const char *glob, const char *text)
{
	return control_glob_match((const uint8_t *)glob, strlen(glob),
				  (const uint8_t *)text, strlen(text));
}

static void test_patterns(void **state)
{
	(void)state;
	assert_true(matches("", ""));
	assert_false(matches("", "A"));
	assert_true(matches("*", ""));
	assert_true(matches("*", "ANY"));
	assert_true(matches("FILE?", "FILES"));
	assert_false(matches("FILE?", "FILE"));
	assert_false(matches("FILES", "files"));
	assert_true(matches("*S*R*", "SERVER"));
	assert_false(matches("*S*R*X", "SERVER"));
	assert_true(matches("A*B*C", "AxBxBxC"));
	assert_true(matches("\\*", "*"));
	assert_false(matches("\\*", "A"));
	assert_true(matches("\\?X", "?X"));
	assert_true(matches("\\\\", "\\"));
	assert_true(matches("A\\", "A\\"));
	assert_true(matches("**A**", "A"));
	/* would take for ever if it tried every way */
	assert_false(matches("*A*A*A*A*A*A*A*A*A*A*A*A*A*B",
			     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
}

static void test_names_of_enums(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < CONTROL_STATUSES; i++) {
		assert_non_null(control_status_name(i));
		assert_string_not_equal(control_status_name(i), "?");
	}
	assert_string_equal(control_status_name(CONTROL_STATUSES), "?");
	for (unsigned int i = 0; i < CONTROL_ERRORS; i++) {
		assert_non_null(control_error_name(i));
	}
	assert_string_equal(control_error_name(CONTROL_ERRORS), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_of_a_request),
		cmocka_unit_test(test_bytes_of_a_record),
		cmocka_unit_test(test_values_come_back),
		cmocka_unit_test(test_every_byte_in_names),
		cmocka_unit_test(test_largest_reply_fits),
		cmocka_unit_test(test_overflow_is_seen),
		cmocka_unit_test(test_body_length),
		cmocka_unit_test(test_bad_bodies),
		cmocka_unit_test(test_bad_records),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_names_of_enums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
