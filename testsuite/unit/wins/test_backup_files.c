/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of backups, their order, and which of a folder's files are deleted.
 * Dates typed from `date -u -d @N +%Y%m%d-%H%M%S`.
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

#include "wins/backup_files.h"

struct fixture {
	char top[32];
	char folder[48];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->top, "/tmp/winsd-test-XXXXXX");
	assert_non_null(mkdtemp(f->top));
	snprintf(f->folder, sizeof(f->folder), "%s/backup", f->top);
	*state = f;
	return 0;
}

static char *path_of(const struct fixture *f, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->folder, name);
	return path;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[64];

	snprintf(command, sizeof(command), "rm -r '%s'", f->top);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void put(const struct fixture *f, const char *name)
{
	int fd = open(path_of(f, name), O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd != -1);
	close(fd);
}

static bool has(const struct fixture *f, const char *name)
{
	struct stat st;

	return lstat(path_of(f, name), &st) == 0;
}

/* ---- names ---- */

static void names_are_utc(void **state)
{
	static const struct {
		int64_t wall;
		unsigned int serial;
		const char *want;
	} rows[] = {
		{ 0, 0, "wins-19700101-000000.tdb" },
		{ -5, 0, "wins-19700101-000000.tdb" },
		{ 1794000000, 0, "wins-20261106-212000.tdb" },
		{ 1794000000, 1, "wins-20261106-212000-1.tdb" },
		{ 1794000000, 999, "wins-20261106-212000-999.tdb" },
		{ 2147483648, 0, "wins-20380119-031408.tdb" },
		{ INT64_C(253402300799), 0, "wins-99991231-235959.tdb" },
		{ INT64_MAX, 12, "wins-99991231-235959-12.tdb" },
	};
	char name[BACKUP_NAME];

	(void)state;
	setenv("TZ", "Asia/Kolkata", 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(backup_name(rows[i].wall, rows[i].serial,
						name), rows[i].want);
		assert_true(backup_is_name(name));
	}
}

static void other_names_are_not_ours(void **state)
{
	static const char *const names[] = {
		"", ".", "wins", "wins.tdb", "wins-", "wins-20261106.tdb",
		"wins-20261106-212000", "wins-20261106-212000.tdb.part",
		"wins-20261106-212000.tdb ", "wins-20261106-212000.TDB",
		"Wins-20261106-212000.tdb", "wins-2026110-6212000.tdb",
		"wins-20261106-21200a.tdb", "wins-20261106-212000-.tdb",
		"wins-20261106-212000-0.tdb", "wins-20261106-212000-01.tdb",
		"wins-20261106-212000-1000.tdb", "wins-20261106-212000--1.tdb",
		"wins-20261106-212000-1-1.tdb", "wins-20261106-212000-a.tdb",
		"xwins-20261106-212000.tdb", "wins-20261106-212000_1.tdb",
		"wins-20261106-2120000.tdb", "wins_20261106-212000.tdb",
		"wins.tdb.before-restore-20261106-212000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (backup_is_name(names[i])) {
			fail_msg("taken: '%s'", names[i]);
		}
	}
}

static void order_is_by_time_then_serial(void **state)
{
	static const char *const sorted[] = {
		"wins-19991231-235959-9.tdb", "wins-20261106-212000.tdb",
		"wins-20261106-212000-1.tdb", "wins-20261106-212000-2.tdb",
		"wins-20261106-212000-10.tdb", "wins-20261106-212001.tdb",
		"wins-20261107-000000.tdb", "wins-20380119-031408.tdb",
	};

	(void)state;
	for (int i = 0; i < 8; i++) {
		for (int k = 0; k < 8; k++) {
			int got = backup_compare(sorted[i], sorted[k]);

			assert_int_equal((got > 0) - (got < 0),
					 (i > k) - (i < k));
		}
	}
}

/* ---- before ---- */

static void the_folder_is_its_owners(void **state)
{
	struct fixture *f = *state;
	char name[BACKUP_NAME];
	struct stat st;

	umask(0);
	assert_int_equal(backup_prepare(f->folder, 1794000000, 0, name), 0);
	assert_int_equal(stat(f->folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(chmod(f->folder, 0750), 0);	/* as people like it */
	assert_int_equal(backup_prepare(f->folder, 1794000000, 0, name), 0);
	assert_int_equal(stat(f->folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
}

static void a_taken_name_is_not_given(void **state)
{
	struct fixture *f = *state;
	char name[BACKUP_NAME];

	assert_int_equal(backup_prepare(f->folder, 1794000000, 0, name), 0);
	assert_string_equal(name, "wins-20261106-212000.tdb");
	assert_false(has(f, name));
	put(f, name);
	assert_int_equal(backup_prepare(f->folder, 1794000000, 0, name), 0);
	assert_string_equal(name, "wins-20261106-212000-1.tdb");
	/* a link to nowhere is a name that is taken */
	assert_int_equal(symlink("nowhere", path_of(f, name)), 0);
	assert_int_equal(backup_prepare(f->folder, 1794000000, 0, name), 0);
	assert_string_equal(name, "wins-20261106-212000-2.tdb");
	assert_int_equal(backup_prepare(f->folder, 1794000001, 0, name), 0);
	assert_string_equal(name, "wins-20261106-212001.tdb");
}

static void a_second_has_an_end(void **state)
{
	struct fixture *f = *state;
	char name[BACKUP_NAME];

	for (unsigned int i = 0; i < 1000; i++) {
		assert_int_equal(backup_prepare(f->folder, 0, 0, name), 0);
		put(f, name);
	}
	assert_int_equal(backup_prepare(f->folder, 0, 0, name), EEXIST);
	assert_int_equal(backup_prepare(f->folder, 1, 0, name), 0);
}

static void room_is_looked_for(void **state)
{
	struct fixture *f = *state;
	char name[BACKUP_NAME];

	assert_int_equal(backup_prepare(f->folder, 0, UINT64_C(1) << 60, name),
			 ENOSPC);
}

static void a_folder_that_cannot_be(void **state)
{
	struct fixture *f = *state;
	char name[BACKUP_NAME];
	char path[64];

	snprintf(path, sizeof(path), "%s/none/backup", f->top);
	assert_int_equal(backup_prepare(path, 0, 0, name), ENOENT);
	assert_int_equal(backup_prune(path, 1, "x"), ENOENT);
	snprintf(path, sizeof(path), "%s/file", f->top);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(backup_prepare(path, 0, 0, name), ENOTDIR);
}

static void what_a_crash_left_goes(void **state)
{
	static const char *const stay[] = {
		"wins-20261106-212000.tdb", "wins-20261106-212000.tdb.parts",
		"other.part", ".part", "wins-20261106-21200.tdb.part",
		"a-name-that-is-much-longer-than-any-name-of-ours-is.part",
	};
	struct fixture *f = *state;
	char name[BACKUP_NAME];

	assert_int_equal(mkdir(f->folder, 0700), 0);
	put(f, "wins-20261106-212000.tdb.part");
	put(f, "wins-20261106-212000-3.tdb.part");
	assert_int_equal(mkdir(path_of(f, "wins-20261106-212001.tdb.part"),
			       0700), 0);
	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++) {
		put(f, stay[i]);
	}
	assert_int_equal(backup_prepare(f->folder, 0, 0, name), 0);
	assert_false(has(f, "wins-20261106-212000.tdb.part"));
	assert_false(has(f, "wins-20261106-212000-3.tdb.part"));
	assert_true(has(f, "wins-20261106-212001.tdb.part"));
	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++) {
		assert_true(has(f, stay[i]));
	}
}

/* ---- after ---- */

static void the_oldest_go(void **state)
{
	struct fixture *f = *state;
	char name[BACKUP_NAME];

	assert_int_equal(mkdir(f->folder, 0700), 0);
	for (unsigned int i = 0; i < 40; i++) {	/* more than one readdir */
		put(f, backup_name(1794000000 + i % 20, i / 20, name));
	}
	assert_int_equal(backup_prune(f->folder, 5, name), 0);
	for (unsigned int i = 0; i < 40; i++) {
		/* seconds 18 and 19 have two each, 17 its later one */
		bool want = i % 20 >= 18 || i == 37;

		backup_name(1794000000 + i % 20, i / 20, name);
		assert_int_equal(has(f, name), want);
	}
}

static void nothing_else_goes(void **state)
{
	static const char *const stay[] = {
		"wins.tdb", "wins-19990101-000000.tdb.keep",
		"copy of wins-19990101-000000.tdb", "wins-1999.tdb",
	};
	struct fixture *f = *state;

	assert_int_equal(mkdir(f->folder, 0700), 0);
	for (size_t i = 0; i < 4; i++) {
		put(f, stay[i]);
	}
	assert_int_equal(mkdir(path_of(f, "wins-19990101-000001.tdb"), 0700),
			 0);
	assert_int_equal(symlink("wins.tdb",
				 path_of(f, "wins-19990101-000002.tdb")), 0);
	put(f, "wins-19990101-000003.tdb");
	put(f, "wins-20261106-212000.tdb");
	assert_int_equal(backup_prune(f->folder, 1,
				      "wins-20261106-212000.tdb"), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_true(has(f, stay[i]));
	}
	assert_true(has(f, "wins-19990101-000001.tdb"));
	assert_true(has(f, "wins-19990101-000002.tdb"));
	assert_false(has(f, "wins-19990101-000003.tdb"));
	assert_true(has(f, "wins-20261106-212000.tdb"));
}

/* A clock that was in the future once: the new copy has the oldest name. */
static void never_the_fresh_one(void **state)
{
	static const char *const fresh = "wins-20261106-212000.tdb";
	struct fixture *f = *state;

	assert_int_equal(mkdir(f->folder, 0700), 0);
	put(f, fresh);
	put(f, "wins-20380119-031408.tdb");
	put(f, "wins-20380120-031408.tdb");
	assert_int_equal(backup_prune(f->folder, 2, fresh), 0);
	assert_true(has(f, fresh));
	assert_false(has(f, "wins-20380119-031408.tdb"));
	assert_true(has(f, "wins-20380120-031408.tdb"));
	assert_int_equal(backup_prune(f->folder, 1, fresh), 0);
	assert_true(has(f, fresh));
	assert_false(has(f, "wins-20380120-031408.tdb"));
}

static void few_enough_stay(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir(f->folder, 0700), 0);
	put(f, "wins-20261106-212000.tdb");
	put(f, "wins-20261107-212000.tdb");
	assert_int_equal(backup_prune(f->folder, 2,
				      "wins-20261107-212000.tdb"), 0);
	assert_int_equal(backup_prune(f->folder, 1000,
				      "wins-20261107-212000.tdb"), 0);
	assert_true(has(f, "wins-20261106-212000.tdb"));
	assert_true(has(f, "wins-20261107-212000.tdb"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_utc),
		cmocka_unit_test(other_names_are_not_ours),
		cmocka_unit_test(order_is_by_time_then_serial),
		TEST(the_folder_is_its_owners),
		TEST(a_taken_name_is_not_given),
		TEST(a_second_has_an_end),
		TEST(room_is_looked_for),
		TEST(a_folder_that_cannot_be),
		TEST(what_a_crash_left_goes),
		TEST(the_oldest_go),
		TEST(nothing_else_goes),
		TEST(never_the_fresh_one),
		TEST(few_enough_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
