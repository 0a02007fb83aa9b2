/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The real disk while memory runs out once, in whichever of its threads:
 * opening what is new, what is there, what a crash left and what is of an
 * older format, committing, growing, carrying, copying, closing.
 *
 * Every turn that was acknowledged is there at the next start, every other one
 * is not; no descriptor stays open; and memory that was short for a moment
 * makes no disk full or broken: the next turn is durable.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults/alloc.h"
#include "sim/golden.h"
#include "store/disk.h"
#include "unit/store/store_world.h"

#define OLD	120u		/* names that are there before */
#define TURNS	8u
#define EACH	12u		/* names in a turn of ours */

/* Memory that is a file system: what a sync costs is no matter here. */
static char dir[] = "/dev/shm/winsd-alloc-XXXXXX";
static char database[64], journal[64], reserve[64], copy[64];

enum from { NOTHING, CLEAN, LEFT_BEHIND, FORMAT1, STARTS };

struct row {
	const char *name;
	enum from from;
	bool (*operate)(void);		/* true: the store is open after it */
	bool is_open;			/* the store is, before it */
	unsigned int turns;		/* made and acknowledged before it */
};

static struct opened {
	void *ctx;
	struct store_backend backend;
	struct store *store;
	char *message;
} o;
static const struct row *row;
static int acked[TURNS];		/* errors of turns; -1: not made */

static void must(bool truth, const char *what)
{
	if (!truth) {
		alloc_tell();
		fail_msg("%s: %s", row->name, what);
	}
}

/* ---- files ---- */

static void set_paths(const char *folder)
{
	snprintf(database, sizeof(database), "%s/%s/wins.tdb", dir, folder);
	snprintf(journal, sizeof(journal), "%s/%s/wins.journal", dir, folder);
	snprintf(reserve, sizeof(reserve), "%s/%s/wins.reserve", dir, folder);
	snprintf(copy, sizeof(copy), "%s/%s/copy.tdb", dir, folder);
}

static void copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = -1;
	struct stat st;

	if (in < 0) {
		return;
	}
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(out >= 0);
	assert_int_equal(fstat(in, &st), 0);
	assert_int_equal(sendfile(out, in, NULL, (size_t)st.st_size),
			 st.st_size);
	close(in);
	close(out);
}

static const char *const folders[STARTS] = {
	"nothing", "clean", "left", "format1",
};

/* Whatever is in this folder. */
static void empty(const char *folder)
{
	char name[64];
	DIR *d = NULL;
	const struct dirent *entry = NULL;

	snprintf(name, sizeof(name), "%s/%s", dir, folder);
	d = opendir(name);
	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		unlinkat(dirfd(d), entry->d_name, 0);
	}
	closedir(d);
}

/* The folder "now" is what the row begins with. */
static void lay_out(enum from from)
{
	char file[64];

	empty("now");
	set_paths("now");
	snprintf(file, sizeof(file), "%s/%s/wins.tdb", dir, folders[from]);
	copy_file(file, database);
	snprintf(file, sizeof(file), "%s/%s/wins.journal", dir, folders[from]);
	copy_file(file, journal);
}

/* ---- stores ---- */

static struct store_disk_config config_small(void)
{
	return (struct store_disk_config){
		.database = database,
		.journal = journal,
		.reserve = reserve,
		.durable = true,
		.chains = 127,
		.journal_size = 64 << 10,
		.journal_max = 256 << 10,
		.reserve_size = 64 << 10,
		.carry_msec = 1000000,
		.carry_changes = 20,
	};
}

static void loaded(void *arg, int error, const char *message)
{
	(void)message;
	*(int *)arg = error;
}

static int open_any(bool in_thread)
{
	struct store_disk_config config = config_small();
	int error = 0;
	int err = 0;

	o.store = NULL;
	o.message = NULL;
	o.ctx = talloc_new(NULL);
	if (o.ctx == NULL) {
		return ENOMEM;
	}
	err = store_disk_open(o.ctx, &config, &o.backend, &o.message);
	if (err == 0 && in_thread) {
		err = store_open(o.ctx, &world, &o.backend, loaded, &error,
				 &o.store, &o.message);
		if (err == 0) {
			store_wait(o.store);
		}
		err = err != 0 ? err : error;
	} else if (err == 0) {
		err = store_create(o.ctx, &world, &o.backend, &o.store,
				   &o.message);
	}
	return err;
}

static void close_all(void)
{
	talloc_free(o.store);
	talloc_free(o.ctx);
	o = (struct opened){ .store = NULL };
}

static void open_good(void)
{
	int err = open_any(false);

	if (err != 0) {
		alloc_tell();
		fail_msg("%s: %s", row->name, o.message);
	}
}

static void noted(void *arg, int error)
{
	*(int *)arg = error;
}

static void make_turn(unsigned int t)
{
	bool all = true;

	store_begin(o.store);
	for (unsigned int i = 0; i < EACH; i++) {
		struct nb_record rec = record_n(1000 + t * EACH + i, 2000);

		all = store_put(o.store, &rec, true) == 0 && all;
	}
	store_commit(o.store, noted, &acked[t]);
	store_wait(o.store);
	if (!all && acked[t] == 0) {
		acked[t] = -2;		/* nobody was told anything */
	}
}

/* All that was acknowledged is there, all else is not. */
static void check_content(void)
{
	struct nb_record rec;
	struct nb_name name;

	for (unsigned int i = 0; i < OLD && (row->from == CLEAN ||
					     row->from == LEFT_BEHIND); i++) {
		name = name_n(i);
		must(store_get(o.store, &name, &rec), "an old name is gone");
	}
	name = nb_name_make("ALPHA", 5, 0x20);
	must(store_get(o.store, &name, &rec) == (row->from == FORMAT1),
	     "a name of the old format is gone");
	for (unsigned int i = 0; i < TURNS * EACH; i++) {
		int error = acked[i / EACH];

		name = name_n(1000 + i);
		must(error == -2 ||
		     store_get(o.store, &name, &rec) == (error == 0),
		     "not what was acknowledged");
	}
}

static void check_next(unsigned int t)
{
	must(store_health(o.store) == STORE_OK, "the disk is ill");
	make_turn(t);
	if (acked[t] != 0) {
		alloc_tell();
		fail_msg("%s: the next turn: %s", row->name,
			 strerror(acked[t]));
	}
}

static void disk_once(void *arg, unsigned int n)
{
	bool is_open = false;

	row = arg;
	for (unsigned int t = 0; t < TURNS; t++) {
		acked[t] = -1;
	}
	lay_out(row->from);
	if (row->is_open) {
		open_good();
	}
	for (unsigned int t = 0; t < row->turns; t++) {
		make_turn(t);
	}
	alloc_begin(n);
	is_open = row->operate();
	(void)alloc_end();
	if (!is_open) {
		open_good();
	}
	check_content();
	check_next(TURNS - 1);
	check_content();
	close_all();
	must(access(journal, F_OK) != 0, "it was no clean end");
	open_good();
	check_content();
	close_all();
}

/* ---- operations ---- */

static bool just_open(void)
{
	(void)open_any(false);
	close_all();
	return false;
}

static bool open_in_a_thread(void)
{
	(void)open_any(true);
	close_all();
	return false;
}

static bool commit(void)
{
	for (unsigned int t = 1; t < 4; t++) {
		make_turn(t);
	}
	return true;
}

/* Turns so large that the ring is too small for them. */
static bool grow(void)
{
	int error = 0;

	for (unsigned int i = 0; i < 3; i++) {
		store_begin(o.store);
		for (unsigned int k = 0; k < 250; k++) {
			struct nb_record rec = record_n(5000 + k, 2000 + i);

			(void)store_put(o.store, &rec, true);
		}
		store_commit(o.store, noted, &error);
		store_wait(o.store);
	}
	return true;
}

static bool just_close(void)
{
	close_all();
	return false;
}

static void copied(void *arg, int error, uint64_t records, const char *message)
{
	(void)records;
	(void)message;
	*(int *)arg = error;
}

static bool backup(void)
{
	int error = -1;

	store_backup(o.store, copy, copied, &error);
	store_wait(o.store);
	alloc_pause();
	must(error >= 0, "nobody heard of the backup");
	must((access(copy, F_OK) == 0) == (error == 0), "half a backup");
	alloc_resume();
	return true;
}

static const struct row rows[] = {
	{ "open a new one", NOTHING, just_open, false, 0 },
	{ "open an existing one", CLEAN, just_open, false, 0 },
	{ "open one left behind", LEFT_BEHIND, just_open, false, 0 },
	{ "convert one of format 1", FORMAT1, just_open, false, 0 },
	{ "load one left behind in a thread", LEFT_BEHIND, open_in_a_thread,
	  false, 0 },
	{ "the first turns of a new one", NOTHING, commit, true, 0 },
	{ "the first turns of an existing one", CLEAN, commit, true, 0 },
	{ "the first turns of one left behind", LEFT_BEHIND, commit, true, 0 },
	{ "a journal that grows", CLEAN, grow, true, 1 },
	{ "backup", CLEAN, backup, true, 2 },
	{ "carry all and close", CLEAN, just_close, true, 4 },
	{ "close one left behind", LEFT_BEHIND, just_close, true, 1 },
};

/* ---- templates ---- */

static void put_old(unsigned int from, unsigned int to)
{
	store_begin(o.store);
	for (unsigned int i = from; i < to; i++) {
		struct nb_record rec = record_n(i, 1000);

		assert_int_equal(store_put(o.store, &rec, true), 0);
	}
	store_commit(o.store, done_ok, NULL);
	store_wait(o.store);
}

/* In a process of its own, which does not end it, to leave a journal. */
static void make_template(enum from from)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		set_paths(folders[from]);
		row = &rows[0];
		open_good();
		put_old(0, OLD / 2);
		if (from == LEFT_BEHIND) {
			close_all();
			open_good();
		}
		put_old(OLD / 2, OLD);
		if (from == CLEAN) {
			close_all();
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* See test_tdbfile_convert.c for what is in it. */
static void unpack_format1(void)
{
	FILE *golden = golden_open("format1.tdb.gz");
	int out = -1, status = 1;
	pid_t pid = 0;

	set_paths(folders[FORMAT1]);
	out = open(database, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	pid = fork();
	if (pid == 0) {
		dup2(fileno(golden), 0);
		dup2(out, 1);
		execlp("zcat", "zcat", NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fclose(golden);
	close(out);
}

static int setup(void **state)
{
	char folder[64];

	(void)state;
	if (access("/dev/shm", W_OK) != 0) {
		strcpy(dir, "/tmp/winsd-alloc-XXXXXX");
	}
	if (mkdtemp(dir) == NULL) {
		return -1;
	}
	snprintf(folder, sizeof(folder), "%s/now", dir);
	mkdir(folder, 0700);
	for (enum from from = NOTHING; from < STARTS; from++) {
		snprintf(folder, sizeof(folder), "%s/%s", dir, folders[from]);
		mkdir(folder, 0700);
		if (from == FORMAT1) {
			unpack_format1();
		} else if (from != NOTHING) {
			make_template(from);
		}
	}
	return 0;
}

static int teardown(void **state)
{
	char folder[64];

	(void)state;
	lay_out(NOTHING);
	snprintf(folder, sizeof(folder), "%s/now", dir);
	rmdir(folder);
	for (enum from from = NOTHING; from < STARTS; from++) {
		empty(folders[from]);
		snprintf(folder, sizeof(folder), "%s/%s", dir, folders[from]);
		rmdir(folder);
	}
	return rmdir(dir);
}

static void run(void **state)
{
	struct row *it = *state;

	alloc_each(it->name, disk_once, it);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0])];
	int failed = 0;

	if (!alloc_works()) {
		fprintf(stderr, "not in this build\n");
		return 1;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tests[i] = (struct CMUnitTest){
			.name = rows[i].name,
			.test_func = run,
			.initial_state = (void *)(uintptr_t)&rows[i],
		};
	}
	failed = cmocka_run_group_tests(tests, setup, teardown);
	printf("# %u allocations failed\n", alloc_total());
	return failed;
}
