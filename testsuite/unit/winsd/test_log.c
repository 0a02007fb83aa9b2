/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log of winsd in a file: what a line looks like, what repeats, what a
 * hostile name cannot do. Expectations: tools/winsd/log.h. The file under
 * test belongs to a program, so it is included.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "winsd/log.c"

static char path[] = "/tmp/winsd-log-XXXXXX";

/* The file's text with each time stamp cut off. */
static const char *lines(const char *name)
{
	static char text[8192];
	char line[2048];
	FILE *f = fopen(name, "r");

	assert_non_null(f);
	text[0] = '\0';
	while (fgets(line, sizeof(line), f) != NULL) {
		int year, month, day, hour, minute, second, msec, end = 0;

		assert_int_equal(sscanf(line, "%4d-%2d-%2d %2d:%2d:%2d.%3d %n",
					&year, &month, &day, &hour, &minute,
					&second, &msec, &end), 7);
		assert_int_equal(end, strlen("2026-03-01 10:11:12.345 "));
		strcat(text, line + end);
	}
	fclose(f);
	return text;
}

static int setup(void **state)
{
	int fd = -1;

	(void)state;
	strcpy(path, "/tmp/winsd-log-XXXXXX");
	fd = mkstemp(path);
	assert_int_not_equal(fd, -1);
	close(fd);
	assert_int_equal(log_to_file(path), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_close();
	unlink(path);
	return 0;
}

static void test_levels(void **state)
{
	(void)state;
	log_line(NB_LOG_ERROR, "e");
	log_line(NB_LOG_WARNING, "w");
	log_line(NB_LOG_NOTICE, "n");
	log_printf(NB_LOG_INFO, "i %d", 7);
	log_line(NB_LOG_PACKET, "d");
	assert_string_equal(lines(path), "error: e\nwarning: w\nnotice: n\n"
			    "info: i 7\ndebug: d\n");
}

static void test_repeats_are_counted(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		log_line(NB_LOG_WARNING, "again");
	}
	assert_string_equal(lines(path), "warning: again\n");
	log_line(NB_LOG_INFO, "other");
	assert_string_equal(lines(path), "warning: again\n"
			    "warning: (the line above came 999 times more)\n"
			    "info: other\n");
}

static void test_a_count_is_not_lost_at_the_end(void **state)
{
	(void)state;
	log_line(NB_LOG_WARNING, "last");
	log_line(NB_LOG_WARNING, "last");
	log_close();
	assert_string_equal(lines(path), "warning: last\n"
			    "warning: (the line above came 1 times more)\n");
}

static void test_control_characters(void **state)
{
	(void)state;
	log_line(NB_LOG_INFO, "a\nerror: forged\r\x1b[2J\x7f \xc3\xa9");
	assert_string_equal(lines(path),
			    "info: a?error: forged??[2J? \xc3\xa9\n");
}

static void test_long_line_is_cut(void **state)
{
	static char text[5000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	log_line(NB_LOG_INFO, text);
	assert_int_equal(strlen(lines(path)), strlen("info: \n") + 1023);
}

static void test_reopen_after_a_move(void **state)
{
	char moved[64];

	(void)state;
	snprintf(moved, sizeof(moved), "%s.1", path);
	log_line(NB_LOG_INFO, "before");
	assert_int_equal(rename(path, moved), 0);
	log_line(NB_LOG_INFO, "between");
	log_reopen();
	log_line(NB_LOG_INFO, "after");
	assert_string_equal(lines(moved), "info: before\ninfo: between\n");
	unlink(moved);
	assert_string_equal(lines(path), "info: after\n");
}

static void test_file_that_cannot_be(void **state)
{
	(void)state;
	assert_int_equal(log_to_file("/nonexistent/log"), ENOENT);
	log_line(NB_LOG_INFO, "still here");
	assert_string_equal(lines(path), "info: still here\n");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_levels),
		TEST(test_repeats_are_counted),
		TEST(test_a_count_is_not_lost_at_the_end),
		TEST(test_control_characters),
		TEST(test_long_line_is_cut),
		TEST(test_reopen_after_a_move),
		TEST(test_file_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
