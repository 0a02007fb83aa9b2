/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The calendar of backups in virtual time, on a real store whose disk is in
 * memory and whose copies are made by the test. Only the folder is real; what
 * touches it runs in a thread, whose end is awaited.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

#include "sim/simdisk.h"
#include "sim/simworld.h"
#include "wins/backups.h"

#define DAY	86400
#define HOUR	3600

struct fixture {
	struct tevent_context *ev;
	struct sim_world sim;
	struct sim_disk *disk;
	struct store *store;
	struct backups *backups;
	char top[32];
	char folder[48];

	/* what backups_make() was told */
	unsigned int told;
	int error;
	uint64_t records;
	char text[256];
};

/* The copy under way, and how such a thing ends. */
static struct {
	void (*done)(void *arg, int error, uint64_t records,
		     const char *message);
	void *arg;
	char path[256];
	unsigned int begun;
	uint64_t file_size;
} copy;

static void fake_copy(void *priv, const char *path,
		      void (*done)(void *arg, int error, uint64_t records,
				   const char *message),
		      void *arg)
{
	(void)priv;
	copy.done = done;
	copy.arg = arg;
	copy.begun++;
	snprintf(copy.path, sizeof(copy.path), "%s", path);
}

static void fake_sight(void *priv, struct store_disk *disk)
{
	(void)priv;
	*disk = (struct store_disk) { .file_size = copy.file_size };
}

static void open_backups(struct fixture *f)
{
	struct store_backend backend;
	char *message = NULL;

	sim_disk_backend(f->disk, &backend);
	backend.backup = fake_copy;
	backend.sight = fake_sight;
	assert_int_equal(store_create(f->ev, &f->sim.world, &backend,
				      &f->store, &message), 0);
	assert_int_equal(backups_create(f->ev, f->ev, &f->sim.world, f->store,
					f->folder, &f->backups), 0);
}

static void close_backups(struct fixture *f)
{
	TALLOC_FREE(f->backups);
	TALLOC_FREE(f->store);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	memset(&copy, 0, sizeof(copy));
	f->ev = tevent_context_init(NULL);
	sim_world_init(&f->sim, 1);
	f->disk = sim_disk_create(f->ev);
	strcpy(f->top, "/tmp/winsd-test-XXXXXX");
	assert_non_null(mkdtemp(f->top));
	snprintf(f->folder, sizeof(f->folder), "%s/backup", f->top);
	open_backups(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[64];

	close_backups(f);
	assert_int_equal(f->sim.timer_count, 0);
	sim_world_end(&f->sim);
	talloc_free(f->ev);
	snprintf(command, sizeof(command), "rm -r '%s'", f->top);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void restart(struct fixture *f, int64_t seconds)
{
	close_backups(f);
	sim_advance_seconds(&f->sim, seconds);
	open_backups(f);
}

static struct backups_sight sight(const struct fixture *f)
{
	struct backups_sight s;

	backups_sight(f->backups, &s);
	return s;
}

static void run_until_copy(struct fixture *f, unsigned int begun)
{
	while (copy.begun < begun) {
		assert_int_equal(tevent_loop_once(f->ev), 0);
	}
	assert_int_equal(copy.begun, begun);
}

/* The copy under way ends; await the end of the backup. */
static void finish(struct fixture *f, int error, uint64_t records,
		   const char *message)
{
	uint64_t before = sight(f).made + sight(f).failed;

	if (error == 0) {
		close(open(copy.path, O_WRONLY | O_CREAT | O_EXCL, 0600));
	}
	copy.done(copy.arg, error, records, message);
	while (sight(f).made + sight(f).failed == before) {
		assert_int_equal(tevent_loop_once(f->ev), 0);
	}
}

/* Nothing happens for so long, then a backup begins; where it ends up. */
static const char *due_after(struct fixture *f, int64_t seconds)
{
	unsigned int before = copy.begun;

	sim_advance_seconds(&f->sim, seconds - 1);
	assert_int_equal(tevent_loop_wait(f->ev), 0);	/* nothing to do */
	assert_int_equal(copy.begun, before);
	sim_advance_seconds(&f->sim, 1);
	assert_true(sight(f).next == NB_NEVER);		/* it has begun */
	run_until_copy(f, before + 1);
	return copy.path;
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void told(void *arg, int error, uint64_t records, const char *text)
{
	struct fixture *f = arg;

	f->told++;
	f->error = error;
	f->records = records;
	snprintf(f->text, sizeof(f->text), "%s", text);
}

/* ---- the calendar ---- */

static void soon_after_the_first_start_then_daily(void **state)
{
	struct fixture *f = *state;
	char want[128];

	assert_int_equal(sight(f).last, 0);
	assert_true(sight(f).next == NB_NEVER);
	backups_set(f->backups, DAY, 7);
	assert_int_equal(sight(f).next, f->sim.start + 300);
	/* date -u -d @1700000300 */
	snprintf(want, sizeof(want), "%s/wins-20231114-221820.tdb", f->folder);
	assert_string_equal(due_after(f, 300), want);
	finish(f, 0, 42, NULL);
	assert_int_equal(sight(f).last, f->sim.start + 300);
	assert_int_equal(sight(f).next, f->sim.start + 300 + DAY);
	assert_int_equal(sight(f).made, 1);
	assert_null(sight(f).complaint);
	assert_non_null(strstr(f->sim.last_log, "42 records"));
	due_after(f, DAY);
	finish(f, 0, 42, NULL);
	assert_int_equal(sight(f).made, 2);
}

static void a_restart_keeps_the_calendar(void **state)
{
	struct fixture *f = *state;

	backups_set(f->backups, DAY, 7);
	due_after(f, 300);
	finish(f, 0, 0, NULL);
	for (int i = 0; i < 3; i++) {
		restart(f, 2 * HOUR);
		assert_int_equal(sight(f).last, f->sim.start + 300);
		backups_set(f->backups, DAY, 7);
	}
	due_after(f, DAY - 6 * HOUR);
	finish(f, 0, 0, NULL);
	/* as good as due: not before the server has settled */
	restart(f, DAY - 60);
	backups_set(f->backups, DAY, 7);
	due_after(f, 300);
	finish(f, 0, 0, NULL);
	restart(f, 30 * DAY);			/* missed */
	backups_set(f->backups, DAY, 7);
	due_after(f, 300);
}

static void short_intervals_start_at_once(void **state)
{
	struct fixture *f = *state;

	backups_set(f->backups, 2, 1);
	due_after(f, 2);
	finish(f, 0, 0, NULL);
	due_after(f, 2);
	finish(f, ENOSPC, 0, NULL);
	due_after(f, 2);
}

static void steps_of_the_wall_clock(void **state)
{
	struct fixture *f = *state;

	backups_set(f->backups, DAY, 7);
	due_after(f, 300);
	finish(f, 0, 0, NULL);
	f->sim.wall_step = 400 * DAY;
	due_after(f, DAY);
	finish(f, 0, 0, NULL);
	assert_int_equal(sight(f).last, f->sim.start + 300 + 401 * DAY);
	/* it was wrong, and right again: the last one is of the future */
	f->sim.wall_step = 0;
	due_after(f, DAY);
	finish(f, 0, 0, NULL);
	f->sim.wall_step = -100 * DAY;
	restart(f, 0);
	backups_set(f->backups, DAY, 7);
	due_after(f, DAY);
}

static void none_by_itself(void **state)
{
	struct fixture *f = *state;

	backups_set(f->backups, 0, 0);
	sim_advance_seconds(&f->sim, 10 * DAY);
	assert_int_equal(f->sim.timer_count, 0);
	for (unsigned int i = 1; i <= 9; i++) {
		backups_make(f->backups, told, f);
		run_until_copy(f, i);
		finish(f, 0, 5, NULL);
		assert_int_equal(f->told, i);
		assert_int_equal(f->error, 0);
		assert_int_equal(f->records, 5);
		assert_string_equal(f->text, copy.path);
		assert_true(exists(f->text));
	}
	/* none is deleted: who makes them by hand keeps his own calendar */
	snprintf(f->text, sizeof(f->text), "%s/wins-20231124-221320.tdb",
		 f->folder);
	assert_true(exists(f->text));
	assert_int_equal(f->sim.timer_count, 0);
}

static void a_reload_moves_what_it_changes(void **state)
{
	struct fixture *f = *state;

	backups_set(f->backups, DAY, 7);
	due_after(f, 300);
	finish(f, 0, 0, NULL);
	sim_advance_seconds(&f->sim, DAY - 10);
	backups_set(f->backups, DAY, 2);	/* as reloads come */
	due_after(f, 10);
	finish(f, 0, 0, NULL);
	sim_advance_seconds(&f->sim, HOUR);
	backups_set(f->backups, 3 * HOUR, 2);
	due_after(f, 2 * HOUR);
	finish(f, 0, 0, NULL);
	sim_advance_seconds(&f->sim, 2 * HOUR);
	backups_set(f->backups, HOUR, 2);
	due_after(f, 300);
	finish(f, 0, 0, NULL);
	backups_set(f->backups, 0, 0);
	assert_true(sight(f).next == NB_NEVER);
	assert_int_equal(f->sim.timer_count, 0);
}

/* ---- by hand ---- */

static void one_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct fixture second = { .told = 0 };

	backups_set(f->backups, DAY, 7);
	backups_make(f->backups, told, f);
	for (int i = 0; i < 2; i++) {
		backups_make(f->backups, told, &second);
		assert_int_equal(second.told, i + 1);
		assert_int_equal(second.error, EBUSY);
		run_until_copy(f, 1);
	}
	finish(f, 0, 7, NULL);
	assert_int_equal(f->told, 1);
	assert_int_equal(f->error, 0);
	assert_int_equal(second.told, 2);
	due_after(f, DAY);			/* it counts as all do */
	backups_make(f->backups, told, &second);
	assert_int_equal(second.error, EBUSY);
	finish(f, 0, 7, NULL);
	assert_int_equal(f->told, 1);
	assert_int_equal(sight(f).failed, 0);
}

static void by_hand_and_in_vain(void **state)
{
	struct fixture *f = *state;

	backups_set(f->backups, DAY, 7);
	due_after(f, 300);
	finish(f, 0, 0, NULL);
	backups_make(f->backups, told, f);
	run_until_copy(f, 2);
	finish(f, EIO, 0, "the copy is damaged");
	assert_int_equal(f->error, EIO);
	assert_non_null(strstr(f->text, "the copy is damaged"));
	due_after(f, DAY);		/* the calendar stands as it did */
}

/* ---- failures ---- */

static void a_failure_is_told_and_tried_again(void **state)
{
	struct fixture *f = *state;

	backups_set(f->backups, DAY, 7);
	due_after(f, 300);
	finish(f, EIO, 0, "a checksum is wrong");
	assert_int_equal(sight(f).failed, 1);
	assert_int_equal(sight(f).made, 0);
	assert_int_equal(sight(f).last, 0);
	assert_non_null(strstr(sight(f).complaint, "a checksum is wrong"));
	assert_non_null(strstr(f->sim.last_log, "a checksum is wrong"));
	due_after(f, HOUR);
	finish(f, ENOMEM, 0, NULL);
	assert_non_null(strstr(sight(f).complaint, strerror(ENOMEM)));
	assert_non_null(strstr(f->sim.last_log, f->folder));
	due_after(f, HOUR);
	finish(f, 0, 1, NULL);
	assert_int_equal(sight(f).failed, 2);
	assert_int_equal(sight(f).made, 1);
	assert_null(sight(f).complaint);
	due_after(f, DAY);
}

static void a_failure_deletes_nothing(void **state)
{
	struct fixture *f = *state;
	char first[256], second[256];

	backups_set(f->backups, DAY, 1);
	snprintf(first, sizeof(first), "%s", due_after(f, 300));
	finish(f, 0, 0, NULL);
	due_after(f, DAY);
	finish(f, EIO, 0, NULL);
	assert_true(exists(first));
	snprintf(second, sizeof(second), "%s", due_after(f, HOUR));
	finish(f, 0, 0, NULL);
	assert_false(exists(first));
	assert_true(exists(second));
}

static void failures_before_the_copy(void **state)
{
	struct fixture *f = *state;

	copy.file_size = UINT64_C(1) << 60;
	backups_make(f->backups, told, f);
	while (f->told == 0) {
		assert_int_equal(tevent_loop_once(f->ev), 0);
	}
	assert_int_equal(f->error, ENOSPC);
	assert_non_null(strstr(f->text, "not enough room"));
	copy.file_size = 0;
	assert_int_equal(rmdir(f->folder), 0);
	close(open(f->folder, O_WRONLY | O_CREAT, 0600));
	backups_make(f->backups, told, f);
	while (f->told == 1) {
		assert_int_equal(tevent_loop_once(f->ev), 0);
	}
	assert_int_equal(f->error, ENOTDIR);
	assert_int_equal(copy.begun, 0);
	assert_int_equal(sight(f).failed, 2);
}

static void loaded(void *arg, int error, const char *message)
{
	(void)message;
	assert_int_equal(error, 0);
	*(bool *)arg = true;
}

/* store.h: of a store that is loading no backup may be asked. */
static void not_while_it_is_loading(void **state)
{
	struct fixture *f = *state;
	struct store_backend backend;
	struct pollfd pfd = { .events = POLLIN };
	char *message = NULL;
	bool ready = false;
	int fd[STORE_FDS];

	backups_set(f->backups, DAY, 7);
	due_after(f, 300);
	finish(f, 0, 0, NULL);
	close_backups(f);
	sim_disk_backend(f->disk, &backend);
	backend.backup = fake_copy;
	assert_int_equal(store_open(f->ev, &f->sim.world, &backend, loaded,
				    &ready, &f->store, &message), 0);
	assert_int_equal(backups_create(f->ev, f->ev, &f->sim.world, f->store,
					f->folder, &f->backups), 0);
	assert_int_equal(sight(f).last, f->sim.start + 300);
	backups_make(f->backups, told, f);
	assert_int_equal(f->error, EBUSY);
	assert_non_null(strstr(f->text, "loaded"));
	backups_set(f->backups, 100, 7);
	sim_advance_seconds(&f->sim, 100);
	assert_int_equal(sight(f).next, f->sim.start + 300 + 200);
	assert_true(store_fds(f->store, fd) > 0);
	while (!ready) {
		pfd.fd = fd[0];
		assert_int_equal(poll(&pfd, 1, -1), 1);
		store_ready(f->store);
	}
	due_after(f, 100);
}

static void no_memory_for_the_timer(void **state)
{
	struct fixture *f = *state;

	f->sim.timers_fail = true;
	backups_set(f->backups, DAY, 7);
	assert_non_null(strstr(f->sim.last_log, "no backups until"));
	assert_true(sight(f).next == NB_NEVER);
	f->sim.timers_fail = false;
	backups_set(f->backups, DAY, 7);
	due_after(f, 300);
}

/* ---- the end, at any point of one ---- */

static void freed_on_the_way(void **state)
{
	struct fixture *f = *state;

	backups_set(f->backups, DAY, 7);
	backups_make(f->backups, told, f);	/* a thread prepares */
	restart(f, 0);
	backups_set(f->backups, DAY, 7);
	backups_make(f->backups, told, f);	/* the store copies */
	run_until_copy(f, copy.begun + 1);
	TALLOC_FREE(f->backups);
	copy.done(copy.arg, 0, 1, NULL);	/* of no interest any more */
	restart(f, 0);
	backups_set(f->backups, DAY, 7);
	backups_make(f->backups, told, f);
	run_until_copy(f, copy.begun + 1);
	copy.done(copy.arg, 0, 1, NULL);	/* a thread prunes */
	restart(f, 0);
	assert_int_equal(f->told, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(soon_after_the_first_start_then_daily),
		TEST(a_restart_keeps_the_calendar),
		TEST(short_intervals_start_at_once),
		TEST(steps_of_the_wall_clock),
		TEST(none_by_itself),
		TEST(a_reload_moves_what_it_changes),
		TEST(one_at_a_time),
		TEST(by_hand_and_in_vain),
		TEST(a_failure_is_told_and_tried_again),
		TEST(a_failure_deletes_nothing),
		TEST(failures_before_the_copy),
		TEST(not_while_it_is_loading),
		TEST(no_memory_for_the_timer),
		TEST(freed_on_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
