/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk that is full, that failed, that ends: what is refused at once, what
 * is tried again and when, what the log says and how often. Time is virtual.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>

#include "sim/simworld.h"
#include "store_world.h"

#define OTHER	0xc0000201u

static struct sim_world sim;
static unsigned int errors, warnings, notices;
static char last_line[1024];

static void count_log(void *priv, int level, const char *line)
{
	(void)priv;
	errors += level == NB_LOG_ERROR ? 1 : 0;
	warnings += level == NB_LOG_WARNING ? 1 : 0;
	notices += level == NB_LOG_NOTICE ? 1 : 0;
	snprintf(last_line, sizeof(last_line), "%s", line);
}

struct fixture {
	struct sim_disk *disk;
	struct store *store;
	struct done_log log;
	struct done_call call[16];
};

static struct store *open_on(struct sim_disk *disk)
{
	struct store_backend backend;
	struct store *store = NULL;
	char *message = NULL;

	sim_disk_backend(disk, &backend);
	assert_int_equal(store_create(NULL, &sim.world, &backend, &store,
				      &message), 0);
	return store;
}

static void setup(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	sim_world_init(&sim, 1);
	sim.world.log = count_log;
	errors = warnings = notices = 0;
	f->disk = sim_disk_create(NULL);
	f->store = open_on(f->disk);
	for (int i = 0; i < 16; i++) {
		f->call[i] = (struct done_call){ &f->log, i };
	}
}

/* With commits that end in store_ready(). */
static void setup_async(struct fixture *f)
{
	setup(f);
	talloc_free(f->store);
	sim_disk_async(f->disk);
	f->store = open_on(f->disk);
}

static void teardown(struct fixture *f)
{
	talloc_free(f->store);
	talloc_free(f->disk);
	assert_int_equal(sim.timer_count, 0);
	sim_world_end(&sim);
}

static int try_put(struct fixture *f, unsigned int n, int64_t expires)
{
	struct nb_record rec = record_n(n, expires);

	return store_put(f->store, &rec, true);
}

/* One put in a turn of its own, the error of which goes into the log. */
static int turn(struct fixture *f, unsigned int n, int64_t expires, int which)
{
	int err = 0;

	store_begin(f->store);
	err = try_put(f, n, expires);
	store_commit(f->store, done_note, &f->call[which]);
	return err;
}

static void empty_turn(struct fixture *f, int which)
{
	store_begin(f->store);
	store_commit(f->store, done_note, &f->call[which]);
}

static int64_t seen(struct fixture *f, unsigned int n)
{
	struct nb_name name = name_n(n);
	struct nb_record rec;

	return store_get(f->store, &name, &rec) ? rec.expires : -1;
}

static void expect_done(struct fixture *f, unsigned int at, int which,
			int error)
{
	assert_true(f->log.count > at);
	assert_int_equal(f->log.which[at], which);
	assert_int_equal(f->log.error[at], error);
}

/* Every way to change something, within a turn and without. */
static void expect_refused(struct fixture *f, int error)
{
	struct nb_name known = name_n(1), absent = name_n(77);

	store_begin(f->store);
	assert_int_equal(try_put(f, 1, 150), error);
	assert_int_equal(try_put(f, 50, 150), error);
	assert_int_equal(store_delete(f->store, &known), error);
	assert_int_equal(store_delete(f->store, &absent), ENOENT);
	assert_int_equal(store_set_mark(f->store, OTHER, 9), error);
	assert_int_equal(store_set_mark(f->store, NB_SELF, 9), EINVAL);
	assert_int_equal(store_set_meta(f->store, "alive", 9), error);
	assert_int_equal(store_raise_counter(f->store, 100000), error);
	store_commit(f->store, done_ok, NULL);
	assert_int_equal(store_raise_counter(f->store, 100000), error);
	assert_int_equal(store_raise_counter(f->store, 1), 0);
	assert_int_equal(seen(f, 1), 100);
	assert_int_equal(seen(f, 50), -1);
	assert_int_equal(store_mark(f->store, OTHER), 0);
}

static void test_full(void **state)
{
	struct fixture f;
	unsigned int commits = 0;

	(void)state;
	setup(&f);
	assert_int_equal(turn(&f, 1, 100, 0), 0);
	assert_int_equal(store_health(f.store), STORE_OK);
	sim_disk_break(f.disk, ENOSPC);
	assert_int_equal(turn(&f, 1, 200, 1), 0);
	expect_done(&f, 1, 1, ENOSPC);
	assert_int_equal(store_health(f.store), STORE_FULL);
	assert_int_equal(errors, 1);
	assert_non_null(strstr(last_line, "simdisk: the disk is full"));

	/* refused, without asking the disk */
	commits = sim_disk_commits(f.disk);
	for (int i = 0; i < 100; i++) {
		expect_refused(&f, ENOSPC);
	}
	assert_int_equal(sim_disk_commits(f.disk), commits);

	/* one commit in five seconds, not one more */
	sim_advance(&sim, 4999999);
	assert_int_equal(sim_disk_commits(f.disk), commits);
	sim_advance(&sim, 1);
	assert_int_equal(sim_disk_commits(f.disk), commits + 1);
	for (int i = 0; i < 60; i++) {
		expect_refused(&f, ENOSPC);
		sim_advance_seconds(&sim, 1);
	}
	assert_int_equal(sim_disk_commits(f.disk), commits + 13);
	assert_int_equal(errors, 1);
	assert_int_equal(notices, 0);

	/* space: known at the next probe */
	sim_disk_break(f.disk, 0);
	sim_advance(&sim, 4999999);
	assert_int_equal(store_health(f.store), STORE_FULL);
	sim_advance(&sim, 1);
	assert_int_equal(store_health(f.store), STORE_OK);
	assert_int_equal(notices, 1);
	assert_non_null(strstr(last_line, "space on the disk again"));
	assert_int_equal(turn(&f, 1, 300, 2), 0);
	expect_done(&f, 2, 2, 0);
	assert_int_equal(seen(&f, 1), 300);
	commits = sim_disk_commits(f.disk);
	sim_advance_seconds(&sim, 60);
	assert_int_equal(sim_disk_commits(f.disk), commits);
	assert_int_equal(errors, 1);
	teardown(&f);
}

/* What is on the disk after all that is what was acknowledged. */
static void test_after_full(void **state)
{
	struct fixture f;
	struct store_stats stats;
	uint64_t number = 0;

	(void)state;
	setup(&f);
	assert_int_equal(turn(&f, 1, 100, 0), 0);
	sim_disk_break(f.disk, ENOSPC);
	assert_int_equal(turn(&f, 2, 200, 1), 0);
	assert_int_equal(store_mark(f.store, NB_SELF), 2);	/* 2 is dead */
	sim_advance_seconds(&sim, 5);
	sim_disk_break(f.disk, 0);
	sim_advance_seconds(&sim, 5);
	assert_int_equal(turn(&f, 3, 300, 2), 0);
	store_stats(f.store, &stats);
	assert_int_equal(stats.failures, 1);	/* probes are not turns */
	assert_int_equal(stats.turns, 2);
	store_begin(f.store);
	assert_int_equal(store_set_meta(f.store, "probe", 1), EINVAL);
	store_commit(f.store, NULL, NULL);
	talloc_free(f.store);
	f.store = open_on(f.disk);
	assert_int_equal(seen(&f, 1), 100);
	assert_int_equal(seen(&f, 2), -1);
	assert_int_equal(seen(&f, 3), 300);
	assert_true(store_get_meta(f.store, "probe", &number));
	assert_int_equal(number, 1700000010);
	teardown(&f);
}

/*
 * Turns without changes go on, also those that are open or wait while a probe
 * fails: nothing that they have read was taken back.
 */
static void test_empty_turns(void **state)
{
	struct fixture f;

	(void)state;
	setup_async(&f);
	assert_int_equal(turn(&f, 1, 100, 0), 0);
	store_wait(f.store);
	sim_disk_break(f.disk, ENOSPC);
	assert_int_equal(turn(&f, 2, 100, 1), 0);
	empty_turn(&f, 2);		/* this one came after a lost change */
	store_wait(f.store);
	expect_done(&f, 1, 1, ENOSPC);
	expect_done(&f, 2, 2, ENOSPC);
	empty_turn(&f, 3);
	expect_done(&f, 3, 3, 0);
	sim_advance_seconds(&sim, 5);	/* the probe is in flight */
	assert_true(sim_disk_pending(f.disk));
	empty_turn(&f, 4);
	store_begin(f.store);
	assert_int_equal(f.log.count, 4);
	store_ready(f.store);
	expect_done(&f, 4, 4, 0);
	store_commit(f.store, done_note, &f.call[5]);
	expect_done(&f, 5, 5, 0);
	assert_int_equal(store_health(f.store), STORE_FULL);

	/* an empty turn's good end is no sign of space */
	empty_turn(&f, 6);
	assert_int_equal(store_health(f.store), STORE_FULL);
	teardown(&f);
}

/* No memory for the timer, or for the probe: the next refusal tries again. */
static void test_no_timer(void **state)
{
	struct fixture f;
	unsigned int commits = 0;

	(void)state;
	setup(&f);
	sim.timers_fail = true;
	sim_disk_break(f.disk, ENOSPC);
	assert_int_equal(turn(&f, 1, 100, 0), 0);
	assert_int_equal(store_health(f.store), STORE_FULL);
	assert_int_equal(sim.timer_count, 0);
	assert_int_equal(turn(&f, 1, 100, 1), ENOSPC);
	assert_int_equal(sim.timer_count, 0);
	sim.timers_fail = false;
	assert_int_equal(turn(&f, 1, 100, 2), ENOSPC);
	assert_int_equal(turn(&f, 1, 100, 3), ENOSPC);
	assert_int_equal(sim.timer_count, 1);

	/* a probe that finds no memory in the backend is not the last */
	sim_disk_break(f.disk, ENOMEM);
	commits = sim_disk_commits(f.disk);
	sim_advance_seconds(&sim, 15);
	assert_int_equal(sim_disk_commits(f.disk), commits + 3);
	assert_int_equal(store_health(f.store), STORE_FULL);
	assert_int_equal(errors, 1);
	teardown(&f);
}

/* Out of memory is a matter of one commit. */
static void test_no_memory(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	sim_disk_fail(f.disk, 1, ENOMEM);
	assert_int_equal(turn(&f, 1, 100, 0), 0);
	expect_done(&f, 0, 0, ENOMEM);
	assert_int_equal(store_health(f.store), STORE_OK);
	assert_int_equal(turn(&f, 1, 200, 1), 0);
	expect_done(&f, 1, 1, 0);
	assert_int_equal(errors, 0);
	teardown(&f);
}

static void test_readonly(void **state)
{
	struct fixture f;
	unsigned int commits = 0;

	(void)state;
	setup(&f);
	assert_int_equal(turn(&f, 1, 100, 0), 0);
	assert_int_equal(store_mark(f.store, NB_SELF), 1);
	sim_disk_fail(f.disk, 1, EIO);	/* the disk would be good again */
	assert_int_equal(turn(&f, 1, 200, 1), 0);
	expect_done(&f, 1, 1, EIO);
	assert_int_equal(store_health(f.store), STORE_READONLY);
	assert_int_equal(errors, 1);
	assert_non_null(strstr(last_line, "Input/output error"));
	assert_non_null(strstr(last_line, "winsrepair restore"));
	commits = sim_disk_commits(f.disk);
	for (int i = 0; i < 100; i++) {
		expect_refused(&f, EROFS);
		sim_advance_seconds(&sim, 1);
	}
	assert_int_equal(sim_disk_commits(f.disk), commits);
	assert_int_equal(store_health(f.store), STORE_READONLY);
	assert_int_equal(errors, 1);
	assert_int_equal(notices, 0);
	/* version 2 is neither durable nor dead */
	assert_int_equal(store_mark(f.store, NB_SELF), 1);
	teardown(&f);
}

/* In flight, waiting, open: all undone, and none of it moves the mark. */
static void test_readonly_pipeline(void **state)
{
	struct fixture f;
	struct nb_name gone = name_n(2);

	(void)state;
	setup_async(&f);
	assert_int_equal(turn(&f, 1, 100, 0), 0);
	assert_int_equal(turn(&f, 2, 100, 1), 0);
	store_wait(f.store);
	assert_int_equal(store_mark(f.store, NB_SELF), 2);
	sim_disk_break(f.disk, EIO);
	assert_int_equal(turn(&f, 1, 101, 2), 0);
	store_begin(f.store);
	assert_int_equal(store_delete(f.store, &gone), 0);
	assert_int_equal(try_put(&f, 3, 100), 0);
	assert_int_equal(store_set_mark(f.store, OTHER, 5), 0);
	store_commit(f.store, done_note, &f.call[3]);
	empty_turn(&f, 4);
	store_begin(f.store);
	assert_int_equal(try_put(&f, 4, 100), 0);
	assert_int_equal(seen(&f, 1), 101);
	store_ready(f.store);
	assert_int_equal(seen(&f, 1), 100);
	assert_int_equal(seen(&f, 2), 100);
	assert_int_equal(seen(&f, 3), -1);
	assert_int_equal(seen(&f, 4), -1);
	assert_int_equal(store_mark(f.store, OTHER), 0);
	assert_int_equal(try_put(&f, 4, 100), EROFS);
	store_commit(f.store, done_note, &f.call[5]);
	for (unsigned int i = 2; i <= 5; i++) {
		expect_done(&f, i, (int)i, EIO);
	}
	empty_turn(&f, 6);
	expect_done(&f, 6, 6, 0);
	assert_int_equal(store_counter(f.store), 5);
	assert_int_equal(store_mark(f.store, NB_SELF), 2);
	assert_false(store_busy(f.store));
	teardown(&f);
}

/* The probe of a full disk finds out that it is broken. */
static void test_full_then_readonly(void **state)
{
	struct fixture f;
	unsigned int commits = 0;

	(void)state;
	setup(&f);
	assert_int_equal(turn(&f, 1, 100, 0), 0);
	sim_disk_break(f.disk, ENOSPC);
	assert_int_equal(turn(&f, 1, 200, 1), 0);
	sim_disk_break(f.disk, EIO);
	sim_advance_seconds(&sim, 5);
	assert_int_equal(store_health(f.store), STORE_READONLY);
	assert_int_equal(errors, 2);
	commits = sim_disk_commits(f.disk);
	sim_disk_break(f.disk, 0);
	sim_advance_seconds(&sim, 60);
	assert_int_equal(sim_disk_commits(f.disk), commits);
	assert_int_equal(sim.timer_count, 0);
	expect_refused(&f, EROFS);
	teardown(&f);
}

/* ---- the size of the file ---- */

static void show(struct fixture *f, uint64_t size)
{
	struct store_disk sight = {
		.file_size = size,
		.file_warn = 3u << 30,
		.file_limit = 3900ull << 20,
	};

	sim_disk_show(f->disk, &sight);
}

static void test_warning(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	show(&f, (3u << 30) - 1);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(turn(&f, 1, 100, 0), 0);
	assert_int_equal(warnings, 0);
	show(&f, 3u << 30);
	assert_int_equal(turn(&f, 1, 101, 1), 0);
	assert_int_equal(warnings, 0);		/* not looked at yet */
	sim_advance(&sim, 1000000);
	assert_int_equal(turn(&f, 1, 102, 2), 0);
	assert_int_equal(warnings, 1);
	assert_non_null(strstr(last_line, "simdisk has grown to 3.0 GiB"));
	for (int i = 0; i < 5; i++) {
		sim_advance_seconds(&sim, 2);
		show(&f, i % 2 == 0 ? 1 : 3u << 30);
		assert_int_equal(turn(&f, 1, 103, 3), 0);
	}
	assert_int_equal(warnings, 1);
	talloc_free(f.store);
	show(&f, 3u << 30);
	f.store = open_on(f.disk);		/* said again at a start */
	assert_int_equal(warnings, 2);
	assert_int_equal(errors, 0);
	teardown(&f);
}

static void test_limit(void **state)
{
	struct fixture f;
	struct nb_name two = name_n(2);

	(void)state;
	setup(&f);
	assert_int_equal(turn(&f, 1, 100, 0), 0);
	assert_int_equal(turn(&f, 2, 100, 1), 0);
	show(&f, 3900ull << 20);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(turn(&f, 1, 101, 2), 0);
	assert_int_equal(errors, 1);
	assert_non_null(strstr(last_line, "new names are refused"));
	assert_int_equal(store_health(f.store), STORE_OK);
	assert_int_equal(turn(&f, 3, 100, 3), EFBIG);
	assert_int_equal(seen(&f, 3), -1);
	assert_int_equal(turn(&f, 1, 102, 4), 0);
	assert_int_equal(seen(&f, 1), 102);

	/* what was deleted is a new name, even before that is durable */
	store_begin(f.store);
	assert_int_equal(store_delete(f.store, &two), 0);
	assert_int_equal(try_put(&f, 2, 103), EFBIG);
	assert_int_equal(store_set_mark(f.store, OTHER, 4), 0);
	store_commit(f.store, done_ok, NULL);
	assert_int_equal(seen(&f, 2), -1);
	for (int i = 0; i < 3; i++) {
		sim_advance_seconds(&sim, 1);
		assert_int_equal(turn(&f, 1, 104, 5), 0);
	}
	assert_int_equal(errors, 1);

	/* no version was spent on those that were refused */
	assert_int_equal(store_counter(f.store), 7);
	show(&f, (3900ull << 20) - 1);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(turn(&f, 1, 105, 6), 0);
	assert_int_equal(turn(&f, 3, 105, 7), 0);
	assert_int_equal(notices, 1);
	teardown(&f);
}

/* A burst within one second does not outrun the look. */
static void test_limit_in_a_burst(void **state)
{
	struct fixture f;
	int err = 0;
	unsigned int n = 0;

	(void)state;
	setup(&f);
	show(&f, 4095ull << 20);
	for (n = 0; n < 1000 && err == 0; n++) {
		struct nb_record rec = record_n(n, 100);

		store_begin(f.store);
		err = store_put(f.store, &rec, true);
		store_commit(f.store, NULL, NULL);
	}
	assert_int_equal(err, EFBIG);
	assert_in_range(n, 2, 257);
	teardown(&f);
}

/* ---- commits that end later ---- */

static bool readable(struct fixture *f)
{
	struct pollfd p = { .events = POLLIN };
	int fd[STORE_FDS];

	assert_int_equal(store_fds(f->store, fd), 1);
	p.fd = fd[0];
	return poll(&p, 1, 0) == 1;
}

static void test_later(void **state)
{
	struct fixture f;
	int fd[STORE_FDS];

	(void)state;
	setup(&f);
	assert_int_equal(store_fds(f.store, fd), 0);
	store_ready(f.store);		/* nothing to do, no harm */
	store_wait(f.store);
	teardown(&f);

	setup_async(&f);
	assert_false(readable(&f));
	sim_disk_hold(f.disk, true);
	assert_int_equal(turn(&f, 1, 100, 0), 0);
	store_ready(f.store);
	assert_false(readable(&f));
	assert_int_equal(f.log.count, 0);
	sim_disk_finish(f.disk, 0);
	assert_int_equal(f.log.count, 0);
	assert_true(readable(&f));
	store_ready(f.store);
	expect_done(&f, 0, 0, 0);
	assert_false(readable(&f));

	/* six turns in two commits, waited for */
	sim_disk_hold(f.disk, false);
	for (int i = 1; i < 7; i++) {
		assert_int_equal(turn(&f, 1, 100 + i, i), 0);
	}
	assert_int_equal(f.log.count, 1);
	store_wait(f.store);
	assert_int_equal(f.log.count, 7);
	assert_false(store_busy(f.store));
	assert_int_equal(sim_disk_commits(f.disk), 3);

	/* freed with one in flight: nobody is told any more */
	assert_int_equal(turn(&f, 1, 200, 7), 0);
	teardown(&f);
	assert_int_equal(f.log.count, 7);
}

/* A batch that leaves has a bound, however much waits. */
static void test_flight_is_bounded(void **state)
{
	struct fixture f;
	unsigned int turns = 0;

	(void)state;
	setup(&f);
	sim_disk_hold(f.disk, true);
	assert_int_equal(turn(&f, 1, 100, 0), 0);
	for (turns = 0; turns < 100; turns++) {
		store_begin(f.store);
		for (unsigned int i = 0; i < 256; i++) {
			assert_int_equal(try_put(&f, 1000 * turns + i, 7), 0);
		}
		store_commit(f.store, NULL, NULL);
	}
	sim_disk_hold(f.disk, false);
	sim_disk_finish(f.disk, 0);
	assert_false(store_busy(f.store));
	/* 25600 records of about 100 bytes in batches of 512 KiB at most */
	assert_in_range(sim_disk_commits(f.disk), 5, 15);
	teardown(&f);
}

/* ---- backups ---- */

struct backup {
	unsigned int calls;
	int error;
	uint64_t records;
	char message[64];
};

static void on_backup(void *arg, int error, uint64_t records,
		      const char *message)
{
	struct backup *backup = arg;

	backup->calls++;
	backup->error = error;
	backup->records = records;
	snprintf(backup->message, sizeof(backup->message), "%s",
		 message != NULL ? message : "none");
}

static void test_backup(void **state)
{
	struct backup one = { 0 }, two = { 0 };
	struct fixture f;

	(void)state;
	setup_async(&f);
	sim_disk_break(f.disk, EIO);
	assert_int_equal(turn(&f, 1, 100, 0), 0);
	store_wait(f.store);		/* read-only: copied all the same */
	sim_disk_hold(f.disk, true);
	store_backup(f.store, "one.tdb", on_backup, &one);
	assert_string_equal(sim_disk_backup_path(f.disk), "one.tdb");
	assert_int_equal(one.calls, 0);
	store_backup(f.store, "two.tdb", on_backup, &two);
	assert_int_equal(two.calls, 1);
	assert_int_equal(two.error, EBUSY);
	assert_string_not_equal(two.message, "none");
	assert_string_equal(sim_disk_backup_path(f.disk), "one.tdb");
	sim_disk_backup_finish(f.disk, 0, 17, NULL);
	assert_int_equal(one.calls, 0);
	store_wait(f.store);
	assert_int_equal(one.calls, 1);
	assert_int_equal(one.error, 0);
	assert_int_equal(one.records, 17);
	assert_string_equal(one.message, "none");

	store_backup(f.store, "two.tdb", on_backup, &two);
	sim_disk_backup_finish(f.disk, EEXIST, 0, "two.tdb is there");
	store_ready(f.store);
	assert_int_equal(two.calls, 2);
	assert_int_equal(two.error, EEXIST);
	assert_string_equal(two.message, "two.tdb is there");
	teardown(&f);
}

static void test_no_backup(void **state)
{
	struct backup one = { 0 };
	struct store_backend backend;
	struct fixture f;
	char *message = NULL;

	(void)state;
	setup(&f);
	talloc_free(f.store);
	sim_disk_backend(f.disk, &backend);
	backend.backup = NULL;
	assert_int_equal(store_create(NULL, &sim.world, &backend, &f.store,
				      &message), 0);
	store_backup(f.store, "one.tdb", on_backup, &one);
	assert_int_equal(one.calls, 1);
	assert_int_equal(one.error, EOPNOTSUPP);
	assert_null(sim_disk_backup_path(f.disk));
	teardown(&f);
}

static void test_names(void **state)
{
	struct fixture f;
	struct store_disk sight;

	(void)state;
	assert_string_equal(store_health_name(STORE_OK), "ok");
	assert_string_equal(store_health_name(STORE_LOADING), "loading");
	assert_string_equal(store_health_name(STORE_FULL), "full");
	assert_string_equal(store_health_name(STORE_READONLY), "read-only");
	setup(&f);
	show(&f, 12345);
	store_disk_sight(f.store, &sight);
	assert_int_equal(sight.file_size, 12345);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_after_full),
		cmocka_unit_test(test_empty_turns),
		cmocka_unit_test(test_no_timer),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_readonly),
		cmocka_unit_test(test_readonly_pipeline),
		cmocka_unit_test(test_full_then_readonly),
		cmocka_unit_test(test_warning),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_limit_in_a_burst),
		cmocka_unit_test(test_later),
		cmocka_unit_test(test_flight_is_bounded),
		cmocka_unit_test(test_backup),
		cmocka_unit_test(test_no_backup),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
