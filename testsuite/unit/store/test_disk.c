/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk as a whole, with its threads and real files: what a process leaves
 * behind that just goes, what a clean end leaves, and how the two files are
 * held together. Power loss and failing calls have tests of their own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/disk.h"
#include "store_world.h"

static char dir[] = "/tmp/winsd-disk-XXXXXX";
static char database[64], journal[64], reserve[64], aside[64];

static int setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL) {
		return -1;
	}
	snprintf(database, sizeof(database), "%s/wins.tdb", dir);
	snprintf(journal, sizeof(journal), "%s/wins.journal", dir);
	snprintf(reserve, sizeof(reserve), "%s/wins.reserve", dir);
	snprintf(aside, sizeof(aside), "%s/aside", dir);
	return 0;
}

static int empty(void **state)
{
	DIR *d = opendir(dir);
	struct dirent *entry = NULL;

	(void)state;
	while (d != NULL && (entry = readdir(d)) != NULL) {
		unlinkat(dirfd(d), entry->d_name, 0);
	}
	closedir(d);
	return 0;
}

static int teardown(void **state)
{
	return empty(state) != 0 ? -1 : rmdir(dir);
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* ---- stores ---- */

struct opened {
	void *ctx;
	struct store_backend backend;
	struct store *store;
	char *message;
};

/* Small enough that everything there is to happen does. */
static struct store_disk_config config_small(void)
{
	return (struct store_disk_config){
		.database = database,
		.journal = journal,
		.reserve = reserve,
		.durable = true,
		.chains = 127,
		.journal_size = 64 << 10,
		.journal_max = 64 << 10,
		.reserve_size = 64 << 10,
		.carry_msec = 1000000,
		.carry_changes = 20,
	};
}

static int open_any(struct opened *o, const struct store_disk_config *config)
{
	int err = 0;

	memset(o, 0, sizeof(*o));
	o->ctx = talloc_new(NULL);
	err = store_disk_open(o->ctx, config, &o->backend, &o->message);
	if (err == 0) {
		err = store_create(o->ctx, &world, &o->backend, &o->store,
				   &o->message);
	}
	return err;
}

static void open_good(struct opened *o)
{
	struct store_disk_config config = config_small();
	int err = open_any(o, &config);

	if (err != 0) {
		fail_msg("%s: %s", strerror(err), o->message);
	}
}

static void close_all(struct opened *o)
{
	talloc_free(o->store);
	talloc_free(o->ctx);
}

static void put_range(struct opened *o, unsigned int from, unsigned int to,
		      int64_t expires)
{
	store_begin(o->store);
	for (unsigned int i = from; i < to; i++) {
		struct nb_record rec = record_n(i, expires);

		assert_int_equal(store_put(o->store, &rec, true), 0);
	}
	store_commit(o->store, done_ok, NULL);
	store_wait(o->store);
}

static void delete_one(struct opened *o, unsigned int n)
{
	struct nb_name name = name_n(n);

	store_begin(o->store);
	assert_int_equal(store_delete(o->store, &name), 0);
	store_commit(o->store, done_ok, NULL);
	store_wait(o->store);
}

static bool has(struct opened *o, unsigned int n, int64_t expires)
{
	struct nb_name name = name_n(n);
	struct nb_record rec;

	return store_get(o->store, &name, &rec) && rec.expires == expires &&
	       rec.member[0].ip == 0x0a000001 + n;
}

/* Run it in a process that then is no more, without any end. */
static void in_lost_process(void (*fn)(struct opened *o))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct opened o;

		open_good(&o);
		fn(&o);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- a clean end ---- */

static void test_clean_end(void **state)
{
	struct opened o;
	struct stat st;

	(void)state;
	open_good(&o);
	assert_false(is_there(journal));	/* who only looks changes nothing */
	put_range(&o, 0, 50, 1000);
	assert_int_equal(stat(journal, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 64 << 10);
	assert_int_equal(stat(reserve, &st), 0);
	assert_int_equal(st.st_size, 64 << 10);
	delete_one(&o, 7);
	close_all(&o);
	assert_false(is_there(journal));	/* the file says it all */

	unlink(reserve);
	open_good(&o);
	assert_int_equal(store_mark(o.store, NB_SELF) >= 50, true);
	for (unsigned int i = 0; i < 50; i++) {
		assert_int_equal(has(&o, i, 1000), i != 7);
	}
	assert_false(is_there(reserve));
	close_all(&o);
}

/* ---- a lost process ---- */

static void three_turns(struct opened *o)
{
	put_range(o, 0, 30, 1000);
	put_range(o, 10, 20, 2000);
	delete_one(o, 5);
}

static void check_three_turns(struct opened *o)
{
	struct store_stats stats;

	store_stats(o->store, &stats);
	assert_int_equal(stats.records, 29);
	for (unsigned int i = 0; i < 30; i++) {
		assert_int_equal(has(o, i, i >= 10 && i < 20 ? 2000 : 1000),
				 i != 5);
	}
}

static void lost_again(struct opened *o)
{
	check_three_turns(o);
	put_range(o, 30, 31, 3000);
}

/* What only the journal has is seen, deletions too, and carried later. */
static void test_lost(void **state)
{
	struct opened o;
	struct nb_name name = name_n(30);
	struct nb_record rec;
	uint64_t mark = 0;

	(void)state;
	in_lost_process(three_turns);
	assert_true(is_there(journal));
	open_good(&o);
	check_three_turns(&o);
	mark = store_mark(o.store, NB_SELF);
	close_all(&o);				/* without a commit: */
	assert_true(is_there(journal));		/* nothing has changed */

	in_lost_process(lost_again);
	open_good(&o);
	assert_true(store_get(o.store, &name, &rec));
	assert_true(rec.version > mark);
	put_range(&o, 31, 32, 3000);
	close_all(&o);
	assert_false(is_there(journal));
	open_good(&o);
	assert_true(has(&o, 30, 3000));
	assert_true(has(&o, 31, 3000));
	assert_false(has(&o, 5, 1000));
	close_all(&o);
}

/* Lost with more in the journal than one transaction carries, some carried. */
static void many_turns(struct opened *o)
{
	for (unsigned int i = 0; i < 200; i++) {
		put_range(o, i % 50, i % 50 + 1, 1000 + i);
	}
}

static void test_lost_half_carried(void **state)
{
	struct opened o;

	(void)state;
	in_lost_process(many_turns);	/* 200 blocks in a ring of 16 */
	open_good(&o);
	for (unsigned int i = 0; i < 50; i++) {
		assert_true(has(&o, i, 1150 + i));
	}
	close_all(&o);
}

/* A turn that has room for a dozen turns is none: carried, not refused. */
static void test_ring_is_small(void **state)
{
	struct store_disk disk;
	struct opened o;

	(void)state;
	open_good(&o);
	for (unsigned int i = 0; i < 40; i++) {
		put_range(&o, 0, 200, 1000 + i);
	}
	store_disk_sight(o.store, &disk);
	assert_int_equal(disk.batches, 40);
	assert_true(disk.carried >= 35);
	assert_true(disk.journal_used <= disk.journal_size);
	assert_int_equal(disk.broken, 0);
	assert_false(disk.full);
	close_all(&o);
	open_good(&o);
	for (unsigned int i = 0; i < 200; i++) {
		assert_true(has(&o, i, 1039));
	}
	close_all(&o);
}

/* ---- done() comes through the loop ---- */

static void note_done(void *arg, int error)
{
	int *result = arg;

	*result = error;
}

static void test_ready(void **state)
{
	struct nb_record rec = record_n(1, 1000);
	struct pollfd pfd = { .events = POLLIN };
	int fd[STORE_FDS];
	int result = -1;
	struct opened o;

	(void)state;
	open_good(&o);
	assert_int_equal(store_fds(o.store, fd), 1);
	pfd.fd = fd[0];
	store_begin(o.store);
	assert_int_equal(store_put(o.store, &rec, true), 0);
	store_commit(o.store, note_done, &result);
	assert_int_equal(result, -1);
	assert_true(store_pending_turn(o.store, &rec.name) != 0);
	assert_int_equal(poll(&pfd, 1, 10000), 1);
	assert_int_equal(result, -1);
	store_ready(o.store);
	assert_int_equal(result, 0);
	assert_int_equal(store_pending_turn(o.store, &rec.name), 0);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	close_all(&o);
}

/* Freed with a commit under way: it is finished, nobody is told. */
static void test_freed_in_flight(void **state)
{
	struct nb_record rec = record_n(1, 1000);
	struct opened o;
	int result = -1;

	(void)state;
	open_good(&o);
	store_begin(o.store);
	assert_int_equal(store_put(o.store, &rec, true), 0);
	store_commit(o.store, note_done, &result);
	close_all(&o);
	assert_int_equal(result, -1);
	open_good(&o);
	assert_true(has(&o, 1, 1000));
	close_all(&o);
}

/* ---- two files that do not belong together ---- */

static void refused(int want, const char *words, const char *command)
{
	struct store_disk_config config = config_small();
	struct opened o;

	assert_int_equal(open_any(&o, &config), want);
	if (o.message == NULL || strstr(o.message, words) == NULL ||
	    strstr(o.message, command) == NULL ||
	    strchr(o.message, '\n') != NULL) {
		fail_msg("message: %s", o.message);
	}
	close_all(&o);
}

static void test_journal_missing(void **state)
{
	struct opened o;

	(void)state;
	in_lost_process(three_turns);
	assert_int_equal(rename(journal, aside), 0);
	refused(EILSEQ, "wins.journal is missing", "winsrepair salvage");
	assert_false(is_there(journal));
	assert_int_equal(rename(aside, journal), 0);
	open_good(&o);
	check_three_turns(&o);
	close_all(&o);
}

static void test_journal_of_another(void **state)
{
	(void)state;
	in_lost_process(three_turns);
	assert_int_equal(rename(journal, aside), 0);
	unlink(database);
	in_lost_process(three_turns);
	assert_int_equal(rename(aside, journal), 0);
	refused(EILSEQ, journal, "winsrepair");
}

/* Beside a file that names no journal it is nobody's. */
static void test_journal_of_nobody(void **state)
{
	struct opened o;

	(void)state;
	in_lost_process(three_turns);
	unlink(database);
	open_good(&o);
	assert_false(has(&o, 1, 1000));
	put_range(&o, 40, 41, 1000);
	close_all(&o);
	open_good(&o);
	assert_false(has(&o, 1, 1000));
	assert_true(has(&o, 40, 1000));
	close_all(&o);
}

/* ---- backups ---- */

struct backup_result {
	int calls;
	int error;
	uint64_t records;
};

static void backup_done(void *arg, int error, uint64_t records,
			const char *message)
{
	struct backup_result *result = arg;

	result->calls++;
	result->error = error;
	result->records = records;
	if (error != 0 && message != NULL) {
		print_message("backup: %s\n", message);
	}
}

static void open_copy(struct opened *o)
{
	struct store_disk_config config = config_small();

	config.database = aside;
	assert_int_equal(open_any(o, &config), 0);
}

/* It stands for itself, and has what was durable when it was asked for. */
static void test_backup(void **state)
{
	struct backup_result first = { 0 }, second = { 0 };
	struct opened o, copy;

	(void)state;
	open_good(&o);
	put_range(&o, 0, 30, 1000);
	store_backup(o.store, aside, backup_done, &first);
	store_backup(o.store, aside, backup_done, &second);
	assert_int_equal(second.calls, 1);
	assert_int_equal(second.error, EBUSY);
	for (unsigned int i = 0; i < 40; i++) {
		put_range(&o, 0, 100, 2000 + i);
	}
	while (first.calls == 0) {
		store_wait(o.store);
	}
	assert_int_equal(first.error, 0);
	assert_true(first.records == 30 || first.records == 100);
	open_copy(&copy);
	for (unsigned int i = 0; i < 30 && first.records == 30; i++) {
		assert_true(has(&copy, i, 1000));
	}
	close_all(&copy);
	store_backup(o.store, aside, backup_done, &second);
	while (second.calls == 1) {
		store_wait(o.store);
	}
	assert_int_equal(second.error, EEXIST);
	close_all(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_clean_end, empty),
		cmocka_unit_test_teardown(test_lost, empty),
		cmocka_unit_test_teardown(test_lost_half_carried, empty),
		cmocka_unit_test_teardown(test_ring_is_small, empty),
		cmocka_unit_test_teardown(test_ready, empty),
		cmocka_unit_test_teardown(test_freed_in_flight, empty),
		cmocka_unit_test_teardown(test_journal_missing, empty),
		cmocka_unit_test_teardown(test_journal_of_another, empty),
		cmocka_unit_test_teardown(test_journal_of_nobody, empty),
		cmocka_unit_test_teardown(test_backup, empty),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
