/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The interchange format (design.md 4.3): typed lines, what is known and what
 * is not, first lines of other formats, lines that are refused with a hint.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "migrate/formats.h"
#include "unit/migrate/through.h"
#include "unit/same_record.h"

#define FIRST "{\"format\":\"winsd-1\"}\n"
#define FULL \
	"{\"name\":\"FILES\",\"suffix\":32,\"scope\":\"lab\"," \
	"\"type\":\"mhomed\",\"state\":\"released\",\"node\":\"M\"," \
	"\"static\":false,\"owner\":\"192.0.2.1\"," \
	"\"version\":18446744073709551615," \
	"\"expires\":\"2026-08-01T12:00:00Z\",\"addresses\":[" \
	"{\"ip\":\"192.0.2.10\",\"owner\":\"192.0.2.2\",\"expires\":null}]}\n"
#define SHORT \
	"{\"name\":\"A\",\"suffix\":0,\"type\":\"unique\"," \
	"\"addresses\":[{\"ip\":\"192.0.2.10\"}]}\n"

struct stage {
	TALLOC_CTX *mem;
	char *path;
	struct tally *tally;
	struct row *rows;
	size_t count;
	char *message;
};

static struct stage lines(const char *text)
{
	struct stage s = { .mem = talloc_new(NULL) };

	s.path = through_file(s.mem, text, strlen(text));
	s.tally = tally_create(s.mem, NULL);
	return s;
}

static enum format_step read_all(struct stage *s)
{
	static const struct format_options none = { .now = 0 };

	return through_read(s->mem, &format_winsd, s->path, &none, s->tally,
			    &s->rows, &s->count, &s->message);
}

static void finish(struct stage *s)
{
	assert_int_equal(unlink(s->path), 0);
	talloc_free(s->mem);
}

static void written_as(const struct row *row, const char *line)
{
	static const struct format_options none = { .now = 0 };
	struct stage s = lines("");
	char text[1000] = "";
	FILE *file = NULL;

	assert_int_equal(through_write(s.mem, &format_winsd, s.path, &none,
				       s.tally, row, 1, &s.message), 0);
	file = fopen(s.path, "r");
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	assert_int_equal(fclose(file), 0);
	assert_memory_equal(text, FIRST, sizeof(FIRST) - 1);
	assert_string_equal(text + sizeof(FIRST) - 1, line);
	finish(&s);
}

static void test_full(void **state)
{
	struct stage s = lines(FIRST FULL);
	const struct nb_record want = {
		.name = { 5, "FILES", 0x20, 3, "lab" },
		.type = NB_MHOMED,
		.state = NB_RELEASED,
		.node = NB_M_NODE,
		.owner = 0xc0000201,
		.version = UINT64_MAX,
		.expires = 1785585600,
		.count = 1,
		.member = { { 0xc000020a, 0xc0000202, NB_NEVER } },
	};

	(void)state;
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.rows[0].known, ROW_ALL);
	assert_int_equal(s.rows[0].place, 2);
	assert_same_record(&s.rows[0].rec, &want);
	written_as(&s.rows[0], FULL);
	finish(&s);
}

static void test_what_nobody_knows(void **state)
{
	struct stage s = lines(FIRST SHORT);

	(void)state;
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.rows[0].known, ROW_TYPE | ROW_RAW_NAMES);
	assert_int_equal(s.rows[0].rec.expires, 0);
	assert_int_equal(s.rows[0].rec.owner, 0);
	written_as(&s.rows[0], SHORT);
	finish(&s);
}

/* Skipped files as they are, several behind each other, mended by an editor
 * of Windows. */
static void test_skipped_file_again(void **state)
{
	struct stage s = lines(
		FIRST "{\"skipped\":\"too long\",\"name\":\"A\",\"suffix\":0,"
		"\"type\":\"group\",\"addresses\":[{\"ip\":"
		"\"255.255.255.255\"}]}\r\n\r\n"
		FIRST " { \"format\" : \"winsd-1\" }\n" SHORT);

	(void)state;
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.rows[0].rec.type, NB_GROUP);
	assert_int_equal(tally_status(s.tally), 0);
	finish(&s);
}

static void test_other_formats(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "before the lines" },
		{ SHORT, "before the lines" },
		{ "{\"format\":\"winsd-2\"}\n" SHORT, "winsd-2" },
		{ "{\"format\":\"winsd-1\",\"x\":1}\n" SHORT, "before the" },
		{ "[1]\n", "before the lines" },
		{ "\x1f\x8b\x08\x00", "before the lines" },
	};
	static const struct format_options none = { .now = 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stage s = lines(cases[i].text);
		void *priv = NULL;
		FILE *file = NULL;

		assert_int_equal(through_open(s.mem, &format_winsd, s.path,
					      &none, s.tally, false, &file,
					      &priv, &s.message), EINVAL);
		assert_non_null(strstr(s.message, cases[i].says));
		assert_int_equal(fclose(file), 0);
		finish(&s);
	}
}

static void test_refused_lines(void **state)
{
	struct stage s = lines(FIRST SHORT "garbage\n{\"name\":\"A\"}\n" SHORT);
	const char *sample = NULL;
	const char *reason = NULL;
	uint64_t count = 0;
	bool is_skip = false;

	(void)state;
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.rows[1].place, 5);
	assert_true(tally_reason(s.tally, 0, &is_skip, &reason, &count));
	assert_true(is_skip && count == 2);
	assert_true(tally_sample(s.tally, 0, 1, &sample));
	assert_string_equal(sample, "at 4: \"suffix\": is missing");
	finish(&s);
}

static void test_long_line(void **state)
{
	struct stage s = lines(FIRST SHORT);
	FILE *file = fopen(s.path, "a");

	(void)state;
	for (unsigned int i = 0; i < 70000; i++) {
		(void)fputc(' ', file);
	}
	assert_int_equal(fclose(file), 0);
	assert_int_equal(read_all(&s), FORMAT_FAILED);
	assert_non_null(strstr(s.message, "line 3"));
	assert_int_equal(s.count, 1);
	finish(&s);
}

static void test_full_disk(void **state)
{
	static const struct format_options none = { .now = 0 };
	struct stage s = lines(FIRST FULL);
	char *full = talloc_strdup(s.mem, "/dev/full");

	(void)state;
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(through_write(s.mem, &format_winsd, full, &none,
				       s.tally, s.rows, 1, &s.message),
			 ENOSPC);
	finish(&s);
}

static void test_late_time(void **state)
{
	static const struct format_options none = { .now = 0 };
	struct stage s = lines(FIRST FULL);
	struct tally_sums sums;

	(void)state;
	assert_int_equal(read_all(&s), FORMAT_END);
	s.rows[0].rec.expires = INT64_C(253402300800);
	TALLOC_FREE(s.tally);
	s.tally = tally_create(s.mem, NULL);
	assert_int_equal(through_write(s.mem, &format_winsd, s.path, &none,
				       s.tally, s.rows, 1, &s.message), 0);
	tally_sums(s.tally, &sums);
	assert_int_equal(sums.changed, 1);
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_true(s.rows[0].rec.expires == INT64_C(253402300799));
	finish(&s);
}

static void test_probe(void **state)
{
	struct format_head head = {
		.data = (const uint8_t *)FIRST,
		.len = sizeof(FIRST) - 1,
	};

	(void)state;
	assert_int_equal(format_winsd.probe(&head), 100);
	head.len = 10;
	assert_int_equal(format_winsd.probe(&head), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_what_nobody_knows),
		cmocka_unit_test(test_skipped_file_again),
		cmocka_unit_test(test_other_formats),
		cmocka_unit_test(test_refused_lines),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_late_time),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
