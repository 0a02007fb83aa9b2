/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who owns a name on its way from one server to another, and on which day it
 * moved.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "migrate/live/progress_class.h"
#include "migrate/live/progress_state.h"

#define OLD	0xc0000201u
#define NEW	0xc0000202u
#define THIRD	0xc0000203u
#define NONE	0xffffffffu
#define DAY	86400

struct side {
	uint32_t owner;		/* NONE: the side has no record */
	uint8_t state;
	bool is_static;
	uint32_t member[2];	/* a domain group's, by owner */
	uint64_t mark;		/* of a server that is pulled from; 0: a file */
};

static const struct {
	struct side old, new;
	enum progress_state state;
} table[] = {
	{ { .owner = OLD }, { .owner = OLD }, PROGRESS_LEFT },
	{ { .owner = OLD }, { .owner = NONE }, PROGRESS_LEFT },
	{ { .owner = OLD }, { .owner = NEW }, PROGRESS_MOVED },
	{ { .owner = NEW }, { .owner = NEW }, PROGRESS_MOVED },
	{ { .owner = NONE }, { .owner = NEW }, PROGRESS_MOVED },
	{ { .owner = THIRD }, { .owner = THIRD }, PROGRESS_ELSEWHERE },
	{ { .owner = OLD, .is_static = true },
	  { .owner = OLD, .is_static = true },
	  PROGRESS_STATIC },
	{ { .owner = OLD, .state = NB_RELEASED },
	  { .owner = OLD }, PROGRESS_GONE },
	{ { .owner = OLD, .state = NB_TOMBSTONE },
	  { .owner = OLD, .state = NB_TOMBSTONE }, PROGRESS_GONE },
	{ { .owner = OLD },
	  { .owner = OLD, .state = NB_RELEASED }, PROGRESS_LEFT },
	/* the old server does not send it, though it knows the version */
	{ { .owner = NONE, .mark = 7 }, { .owner = OLD }, PROGRESS_GONE },
	/* it has not told of it yet, or is a file that may be older */
	{ { .owner = NONE, .mark = 6 }, { .owner = OLD }, PROGRESS_LEFT },
	{ { .owner = NONE }, { .owner = OLD }, PROGRESS_LEFT },
	/* groups: the last member decides */
	{ { .owner = OLD, .member = { OLD, NEW } },
	  { .owner = NEW, .member = { OLD, NEW } },
	  PROGRESS_LEFT },
	{ { .owner = OLD, .member = { OLD, OLD } },
	  { .owner = NEW, .member = { NEW, NEW } },
	  PROGRESS_MOVED },
	{ { .owner = OLD, .member = { NEW, THIRD } },
	  { .owner = OLD, .member = { NEW, THIRD } },
	  PROGRESS_MOVED },
};

static struct compare_view view_of(const struct side *side)
{
	bool group = side->member[0] != 0;
	struct compare_view view = {
		.kind = side->owner == NONE ? COMPARE_ABSENT : COMPARE_RECORD,
		.hides_released = side->mark != 0,
		.has_mark = side->mark != 0,
		.mark = side->mark,
		.rec = {
			.name = nb_name_make("A", 1, group ? 0x1c : 0x20),
			.type = group ? NB_SGROUP : NB_UNIQUE,
			.state = side->state,
			.is_static = side->is_static,
			.owner = side->owner,
			.version = 7,
			.count = group ? 2 : 1,
			.member = {
				{ 0x0a000001u, side->member[0], 0 },
				{ 0x0a000002u, side->member[1], 0 },
			},
		},
	};

	return view;
}

static void test_owner(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct compare_view old = view_of(&table[i].old);
		struct compare_view new = view_of(&table[i].new);

		assert_string_equal(
			progress_state_name(progress_classify(&old, &new, OLD,
							      NEW)),
			progress_state_name(table[i].state));
	}
}

/* ---- days ---- */

static char days[512];

static void write_day(void *priv, const char *day, uint64_t moved,
		      uint64_t all)
{
	char line[64];

	(void)priv;
	(void)snprintf(line, sizeof(line), "%s %u %u\n", day,
		       (unsigned int)moved, (unsigned int)all);
	(void)strcat(days, line);
}

static void run(const char *path, int64_t now, const char *moved,
		const char *left)
{
	struct progress_file *file = NULL;
	char *message = NULL;

	assert_int_equal(progress_open(NULL, path, &file, &message), 0);
	for (; *moved != '\0'; moved++) {
		struct nb_name name = nb_name_make(moved, 1, 0x20);

		assert_int_equal(progress_note(file, &name, PROGRESS_MOVED,
					       now), 0);
	}
	for (; *left != '\0'; left++) {
		struct nb_name name = nb_name_make(left, 1, 0x20);

		assert_int_equal(progress_note(file, &name, PROGRESS_LEFT,
					       now), 0);
	}
	days[0] = '\0';
	assert_int_equal(progress_days(file, write_day, NULL), 0);
	assert_int_equal(progress_save(file), 0);
	talloc_free(file);
}

static void test_days(void **state)
{
	char path[] = "/tmp/winsd-progress-XXXXXX";
	int64_t first = 1785542400;	/* 2026-08-01T00:00:00Z */

	(void)state;
	close(mkstemp(path));
	run(path, first, "", "ABCDE");
	assert_string_equal(days, "");
	run(path, first + DAY - 1, "AB", "CDE");
	assert_string_equal(days, "2026-08-01 2 2\n");
	run(path, first + 2 * DAY, "ABC", "DE");
	assert_string_equal(days, "2026-08-01 2 2\n2026-08-03 1 3\n");
	/* B came back, and moves again; A is not heard of any more */
	run(path, first + 3 * DAY, "C", "BDE");
	assert_string_equal(days, "2026-08-01 1 1\n2026-08-03 1 2\n");
	run(path, first + 4 * DAY, "BCDE", "");
	assert_string_equal(days, "2026-08-01 1 1\n2026-08-03 1 2\n"
			    "2026-08-05 3 5\n");
	(void)unlink(path);
}

/* Files of others stay as they are. */
static void test_foreign(void **state)
{
	static const char *const contents[] = {
		"not a database, and long enough not to be taken for one\n",
		"x",
	};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		char path[] = "/tmp/winsd-progress-XXXXXX", back[128] = "";
		struct progress_file *file = NULL;
		char *message = NULL;
		int fd = mkstemp(path);
		size_t len = strlen(contents[i]);

		assert_int_equal(write(fd, contents[i], len), len);
		assert_int_not_equal(progress_open(NULL, path, &file,
						   &message), 0);
		assert_non_null(message);
		assert_int_equal(pread(fd, back, sizeof(back), 0), len);
		assert_memory_equal(back, contents[i], len);
		talloc_free(message);
		close(fd);
		(void)unlink(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_foreign),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
