/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replacing a database: the list of steps, and what stands on the disk when
 * it ends after any of them. What a start makes of which files is said in
 * store/disk.c: a pair as it was, or a file that names no journal, whatever
 * lies beside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A file system that gives each file one name. */
static int link_error;

static int may_link(const char *from, const char *to)
{
	if (link_error != 0) {
		errno = link_error;
		return -1;
	}
	return link(from, to);
}

#define link may_link
#include "common/steps.c"
#undef link

#define STAMP	"20261120-141500"

struct fixture {
	char folder[32];
	struct steps *steps;
};

static char *path_of(const struct fixture *f, const char *name)
{
	static char at[8][128];
	static unsigned int next;
	char *path = at[next++ % 8];

	snprintf(path, sizeof(at[0]), "%s/%s", f->folder, name);
	return path;
}

static void put(const struct fixture *f, const char *name,
		const char *text)
{
	FILE *file = fopen(path_of(f, name), "wb");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

/* What the file says, or "" if there is none. */
static const char *text_of(const struct fixture *f, const char *name)
{
	static char text[8][32];
	static unsigned int next;
	char *at = text[next++ % 8];
	FILE *file = fopen(path_of(f, name), "rb");
	size_t len = 0;

	if (file != NULL) {
		len = fread(at, 1, sizeof(text[0]) - 1, file);
		fclose(file);
	}
	at[len] = '\0';
	return at;
}

static void make(struct fixture *f)
{
	strcpy(f->folder, "/tmp/winsd-test-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	put(f, "wins.tdb", "old");
	put(f, "wins.journal", "journal");
	put(f, "wins.tdb.restore", "fresh");
}

static void drop(struct fixture *f)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r '%s'", f->folder);
	assert_int_equal(system(command), 0);
	TALLOC_FREE(f->steps);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	link_error = 0;
	make(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	drop(*state);
	free(*state);
	return 0;
}

static void list(struct fixture *f)
{
	assert_int_equal(steps_replace(NULL, path_of(f, "wins.tdb.restore"),
				       path_of(f, "wins.tdb"),
				       path_of(f, "wins.journal"),
				       "restore-" STAMP,
				       &f->steps), 0);
}

static void run(struct fixture *f, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(step_run(&f->steps->step[i]), 0);
	}
}

/* The list in words: "keep A as B|put ...", without the folder. */
static const char *words(const struct fixture *f)
{
	static char text[1024];
	size_t skip = strlen(f->folder) + 1, len = 0;

	for (unsigned int i = 0; i < f->steps->count; i++) {
		const struct step *step = &f->steps->step[i];

		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s %s", step_kind_name(step->kind),
					step->from + skip);
		if (step->to != NULL) {
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						" as %s", step->to + skip);
		}
		len += (size_t)snprintf(text + len, sizeof(text) - len, "|");
	}
	return text;
}

#define KEPT	"wins.tdb.before-restore-" STAMP
#define KEPT_J	"wins.journal.before-restore-" STAMP

static void the_order(void **state)
{
	struct fixture *f = *state;

	list(f);
	assert_string_equal(words(f),
		"keep wins.tdb as " KEPT "|"
		"keep wins.journal as " KEPT_J "|"
		"sync wins.tdb|"
		"put wins.tdb.restore as wins.tdb|"
		"sync wins.tdb|"
		"remove wins.journal|"
		"sync wins.tdb|");
}

/* However far it gets: the old pair, or the fresh file and the pair kept. */
static void it_may_end_after_any_step(void **state)
{
	struct fixture *f = *state;
	unsigned int fresh = 0;

	list(f);
	for (unsigned int done = 0; done <= f->steps->count; done++) {
		drop(f);
		make(f);
		list(f);
		run(f, done);
		if (strcmp(text_of(f, "wins.tdb"), "old") == 0) {
			assert_string_equal(text_of(f, "wins.journal"),
					    "journal");
			continue;
		}
		fresh++;
		assert_string_equal(text_of(f, "wins.tdb"), "fresh");
		assert_string_equal(text_of(f, KEPT), "old");
		assert_string_equal(text_of(f, KEPT_J), "journal");
	}
	assert_int_equal(fresh, 4);
	assert_string_equal(text_of(f, "wins.journal"), "");
	assert_string_equal(text_of(f, "wins.tdb.restore"), "");
}

static void a_file_that_stands_for_itself(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unlink(path_of(f, "wins.journal")), 0);
	list(f);
	assert_string_equal(words(f),
		"keep wins.tdb as " KEPT "|"
		"sync wins.tdb|"
		"put wins.tdb.restore as wins.tdb|"
		"sync wins.tdb|");
	run(f, f->steps->count);
	assert_string_equal(text_of(f, "wins.tdb"), "fresh");
	assert_string_equal(text_of(f, KEPT), "old");
}

static void nothing_there(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unlink(path_of(f, "wins.tdb")), 0);
	assert_int_equal(unlink(path_of(f, "wins.journal")), 0);
	list(f);
	run(f, f->steps->count);
	assert_string_equal(text_of(f, "wins.tdb"), "fresh");
	assert_string_equal(text_of(f, KEPT), "");
}

static void a_journal_alone(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unlink(path_of(f, "wins.tdb")), 0);
	list(f);
	run(f, f->steps->count);
	assert_string_equal(text_of(f, "wins.tdb"), "fresh");
	assert_string_equal(text_of(f, KEPT_J), "journal");
	assert_string_equal(text_of(f, "wins.journal"), "");
}

/* What was kept once is kept: the pair shares a number that is free. */
static void names_are_not_taken_twice(void **state)
{
	struct fixture *f = *state;

	put(f, KEPT, "first");
	put(f, KEPT_J "-1", "second");
	list(f);
	run(f, f->steps->count);
	assert_string_equal(text_of(f, KEPT), "first");
	assert_string_equal(text_of(f, KEPT_J "-1"), "second");
	assert_string_equal(text_of(f, KEPT "-2"), "old");
	assert_string_equal(text_of(f, KEPT_J "-2"), "journal");
}

static void without_links_it_is_copied(void **state)
{
	static const int errors[] = { EPERM, EOPNOTSUPP, EMLINK };
	struct fixture *f = *state;

	for (size_t i = 0; i < 3; i++) {
		struct stat old, kept;

		drop(f);
		make(f);
		list(f);
		link_error = errors[i];
		run(f, f->steps->count - 4);
		assert_int_equal(stat(path_of(f, "wins.tdb"), &old), 0);
		assert_int_equal(stat(path_of(f, KEPT), &kept), 0);
		assert_true(old.st_ino != kept.st_ino);
		assert_int_equal(kept.st_mode & 0777, 0600);
		assert_string_equal(text_of(f, KEPT), "old");
		assert_string_equal(text_of(f, KEPT_J), "journal");
	}
}

static void a_step_that_fails_says_so(void **state)
{
	struct fixture *f = *state;

	list(f);
	link_error = ENOSPC;
	assert_int_equal(step_run(&f->steps->step[0]), ENOSPC);
	link_error = EPERM;
	put(f, KEPT, "somebody's");
	assert_int_equal(step_run(&f->steps->step[0]), EEXIST);
	assert_string_equal(text_of(f, KEPT), "somebody's");
	assert_int_equal(unlink(path_of(f, "wins.tdb.restore")), 0);
	assert_int_equal(step_run(&f->steps->step[3]), ENOENT);
	assert_int_equal(unlink(path_of(f, "wins.journal")), 0);
	assert_int_equal(step_run(&f->steps->step[5]), ENOENT);
	assert_string_equal(text_of(f, "wins.tdb"), "old");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(the_order),
		TEST(it_may_end_after_any_step),
		TEST(a_file_that_stands_for_itself),
		TEST(nothing_there),
		TEST(a_journal_alone),
		TEST(names_are_not_taken_twice),
		TEST(without_links_it_is_copied),
		TEST(a_step_that_fails_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
