/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The store by itself while memory runs out once: loading, in one thread and
 * in two, turns of every kind, turns that are joined or undone, a full disk,
 * and a table that grows.
 *
 * Each change that was refused is not there, each that was not is there when
 * its turn was durable, and memory is what a start from the disk finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "faults/alloc.h"
#include "faults/alloc_server.h"
#include "unit/store/store_world.h"

#define NAMES		40u
#define OWNER		0x0a090909u

static struct sim_disk *disk;
static struct store *store;

static void must(bool truth, const char *what)
{
	if (!truth) {
		alloc_tell();
		fail_msg("%s", what);
	}
}

static struct store *store_calm(void)
{
	struct store_backend backend;
	struct store *fresh = NULL;
	char *message = NULL;

	sim_disk_backend(disk, &backend);
	alloc_calm_disk(&backend);
	assert_int_equal(store_create(NULL, &world, &backend, &fresh,
				      &message), 0);
	return fresh;
}

/* Every even name, one that was deleted, a mark and a number. */
static void have(unsigned int names)
{
	struct nb_name gone = name_n(1);

	disk = sim_disk_create(NULL);
	store = store_calm();
	store_begin(store);
	for (unsigned int i = 0; i < names; i += 2) {
		struct nb_record rec = record_n(i, 1000);

		assert_int_equal(store_put(store, &rec, true), 0);
	}
	store_commit(store, done_ok, NULL);
	put_one(store, &(struct nb_record){ .name = gone, .count = 1,
		.expires = 5, .member = { { 0x0a000001, NB_SELF, 5 } } },
		true);
	store_begin(store);
	assert_int_equal(store_delete(store, &gone), 0);
	assert_int_equal(store_set_mark(store, OWNER, 7), 0);
	assert_int_equal(store_set_meta(store, "number", 8), 0);
	store_commit(store, done_ok, NULL);
}

static void have_no_more(void)
{
	talloc_free(store);
	talloc_free(disk);
	world_timer.fn = NULL;
}

/* What a start finds is what memory has. */
static void check_same(unsigned int names)
{
	struct sim_disk *was = disk;
	struct store *found = NULL;

	disk = sim_disk_crash(NULL, was, false);
	found = store_on(disk);
	for (unsigned int i = 0; i < names; i++) {
		struct nb_name name = name_n(i);
		struct nb_record a, b;
		bool in_a = store_get(store, &name, &a);
		bool in_b = store_get(found, &name, &b);

		must(in_a == in_b && (!in_a || same_record(&a, &b)),
		     "memory and disk differ");
	}
	must(store_mark(store, OWNER) == store_mark(found, OWNER),
	     "the mark differs");
	must(store_mark(store, NB_SELF) <= store_counter(found),
	     "a version that was told of may come twice");
	talloc_free(found);
	talloc_free(disk);
	disk = was;
}

static bool stands(unsigned int n, int64_t expires)
{
	struct nb_name name = name_n(n);
	struct nb_record rec;

	return store_get(store, &name, &rec) && rec.expires == expires;
}

/* ---- loading ---- */

static void create_once(void *arg, unsigned int n)
{
	struct store_backend backend;
	char *message = NULL;
	int err = 0;

	(void)arg;
	have(3000);
	talloc_free(store);
	sim_disk_backend(disk, &backend);
	alloc_begin(n);
	err = store_create(NULL, &world, &backend, &store, &message);
	must(alloc_end() ? err == ENOMEM || err == 0 : err == 0, "create");
	must((err == 0) == (store != NULL), "half a store");
	talloc_free(message);
	talloc_free(store);
	store = store_calm();
	must(stands(2998, 1000), "a record is missing");
	check_same(NAMES);
	have_no_more();
}

static int loaded_error;
static unsigned int loaded_calls;

static void loaded(void *arg, int error, const char *message)
{
	(void)arg;
	(void)message;
	loaded_error = error;
	loaded_calls++;
}

static int open_and_load(void)
{
	struct store_backend backend;
	char *message = NULL;
	int err = 0;

	sim_disk_backend(disk, &backend);
	loaded_calls = 0;
	err = store_open(NULL, &world, &backend, loaded, NULL, &store,
			 &message);
	if (err == 0) {
		(void)stands(0, 1000);
		store_wait(store);
	}
	talloc_free(message);
	return err;
}

static void open_once(void *arg, unsigned int n)
{
	bool hit = false;
	int err = 0;

	(void)arg;
	have(NAMES);
	talloc_free(store);
	alloc_begin(n);
	err = open_and_load();
	hit = alloc_end();
	must(err == 0 || (hit && store == NULL &&
			  (err == ENOMEM || err == EAGAIN)), "open");
	must(err != 0 || loaded_calls == 1, "loaded() once");
	must(err != 0 || loaded_error == 0 || (hit && loaded_error == ENOMEM),
	     "another error");
	talloc_free(store);
	assert_int_equal(open_and_load(), 0);
	assert_int_equal(loaded_error, 0);
	check_same(NAMES);
	have_no_more();
}

/* ---- turns ---- */

static void noted(void *arg, int error)
{
	*(int *)arg = error;
}

enum change { NEW, KNOWN, DELETE, MARK, META, RAISE, CHANGES };

static int change(enum change what)
{
	struct nb_record rec;
	struct nb_name name;

	switch (what) {
	case NEW:
		rec = record_n(3, 2000);
		return store_put(store, &rec, true);
	case KNOWN:
		rec = record_n(4, 2000);
		return store_put(store, &rec, true);
	case DELETE:
		name = name_n(6);
		return store_delete(store, &name);
	case MARK:
		return store_set_mark(store, OWNER + 1, 9);
	case META:
		return store_set_meta(store, "another", 10);
	default:
		return store_raise_counter(store, 100000);
	}
}

static bool changed(enum change what)
{
	struct nb_name name = name_n(6);
	struct nb_record rec;
	uint64_t number = 0;

	switch (what) {
	case NEW:
		return stands(3, 2000);
	case KNOWN:
		return stands(4, 2000);
	case DELETE:
		return !store_get(store, &name, &rec);
	case MARK:
		return store_mark(store, OWNER + 1) == 9;
	case META:
		return store_get_meta(store, "another", &number) &&
		       number == 10;
	default:
		return store_counter(store) >= 100000;
	}
}

static int make_changes(const enum change *which, unsigned int count,
			int errors[CHANGES])
{
	int error = -1;

	store_begin(store);
	for (unsigned int i = 0; i < count; i++) {
		errors[which[i]] = change(which[i]);
	}
	store_commit(store, noted, &error);
	return error;
}

static void changes_once(void *arg, unsigned int n)
{
	static const enum change all[] = { NEW, KNOWN, DELETE, MARK, META,
					   RAISE };
	const enum change *one = arg != NULL ? arg : all;
	unsigned int count = arg != NULL ? 1 : CHANGES;
	int errors[CHANGES] = { 0 };
	int error = 0;
	bool hit = false;

	have(NAMES);
	alloc_begin(n);
	error = make_changes(one, count, errors);
	hit = alloc_end();
	must(error == 0 || (hit && error == ENOMEM), "the turn");
	for (unsigned int i = 0; i < count; i++) {
		bool is_done = error == 0 && errors[one[i]] == 0;

		must(errors[one[i]] == 0 || errors[one[i]] == ENOMEM,
		     "a change");
		/* the counter never goes back, whatever is lost */
		must(changed(one[i]) == is_done || one[i] == RAISE,
		     "half a change");
	}
	check_same(NAMES);
	assert_int_equal(make_changes(one, count, errors), 0);
	for (unsigned int i = 0; i < count; i++) {
		must(changed(one[i]), "the second time");
	}
	check_same(NAMES);
	have_no_more();
}

#define TURNS 6u

/* Three names in each turn, the first of them known to all. */
static void make_turns(int error[TURNS], unsigned int puts[TURNS])
{
	for (unsigned int t = 0; t < TURNS; t++) {
		error[t] = -1;
		puts[t] = 0;
		store_begin(store);
		for (unsigned int i = 0; i < 3; i++) {
			struct nb_record rec =
				record_n(i == 0 ? 0 : 10 * t + 2 * i + 1,
					 2000 + t);

			puts[t] |= (store_put(store, &rec, true) == 0) << i;
		}
		store_commit(store, noted, &error[t]);
	}
}

static void finish(int with)
{
	sim_disk_hold(disk, false);
	if (sim_disk_pending(disk)) {
		alloc_pause();
		sim_disk_finish(disk, with);
		alloc_resume();
	}
}

static void check_turns(const int error[TURNS], const unsigned int puts[TURNS])
{
	int64_t last = 1000;

	for (unsigned int t = 0; t < TURNS; t++) {
		must(error[t] == 0 || error[t] == ENOMEM, "a turn");
		for (unsigned int i = 0; i < 3; i++) {
			bool is_done = error[t] == 0 && (puts[t] >> i & 1);

			if (i == 0) {
				last = is_done ? 2000 + t : last;
				continue;
			}
			must(stands(10 * t + 2 * i + 1, 2000 + t) == is_done,
			     "half a turn");
		}
	}
	must(stands(0, last), "the name that all turns put");
	check_same(100);
}

static void turns_once(void *arg, unsigned int n)
{
	int with = *(const int *)arg;
	int error[TURNS];
	unsigned int puts[TURNS];

	have(NAMES);
	alloc_begin(n);
	sim_disk_hold(disk, true);
	make_turns(error, puts);
	finish(with);
	(void)alloc_end();
	check_turns(error, puts);
	make_turns(error, puts);
	for (unsigned int t = 0; t < TURNS; t++) {
		must(error[t] == 0 && puts[t] == 7, "the second time");
	}
	check_turns(error, puts);
	have_no_more();
}

/* ---- a full disk ---- */

static void try_put(void)
{
	struct nb_record rec = record_n(5, 2000);

	store_begin(store);
	(void)store_put(store, &rec, true);
	store_commit(store, NULL, NULL);
}

static void full_once(void *arg, unsigned int n)
{
	(void)arg;
	have(NAMES);
	sim_disk_break(disk, ENOSPC);
	alloc_begin(n);
	try_put();
	try_put();
	world_timer_run();
	try_put();
	sim_disk_break(disk, 0);
	world_timer_run();
	try_put();
	(void)alloc_end();
	for (unsigned int i = 0; i < 2; i++) {
		try_put();
		world_timer_run();
	}
	must(store_health(store) == STORE_OK, "it stays full");
	try_put();
	must(stands(5, 2000), "the next is not served");
	check_same(NAMES);
	have_no_more();
}

/* ---- growing ---- */

#define MANY 3000u

static void grow_once(void *arg, unsigned int n)
{
	unsigned int refused = 0;

	(void)arg;
	have(2);
	alloc_begin(n);
	for (unsigned int i = 100; i < MANY; i += 50) {
		store_begin(store);
		for (unsigned int k = i; k < i + 50; k++) {
			struct nb_record rec = record_n(k, 1000);

			refused += store_put(store, &rec, true) != 0;
		}
		store_commit(store, NULL, NULL);
	}
	(void)alloc_end();
	must(refused <= 50, "one failure costs more than a turn");
	check_same(MANY);
	for (unsigned int i = 100; i < MANY; i++) {
		struct nb_record rec = record_n(i, 2000);

		put_one(store, &rec, true);
	}
	must(stands(MANY - 1, 2000), "the next is not served");
	have_no_more();
}

/* ---- the list ---- */

static void create(void **state)
{
	(void)state;
	alloc_each("loading", create_once, NULL);
}

static void create_in_a_thread(void **state)
{
	(void)state;
	alloc_each("loading in a thread", open_once, NULL);
}

static void one_change(void **state)
{
	enum change what = (enum change)(uintptr_t)*state;

	alloc_each("one change", changes_once, &what);
}

static void all_changes(void **state)
{
	(void)state;
	alloc_each("a turn of every kind", changes_once, NULL);
}

static void turns(void **state)
{
	int with = (int)(uintptr_t)*state;

	alloc_each("turns", turns_once, &with);
}

static void full(void **state)
{
	(void)state;
	alloc_each("a full disk", full_once, NULL);
}

static void grow(void **state)
{
	(void)state;
	alloc_each("a table that grows", grow_once, NULL);
}

#define ROW(name, fn, n) { name, fn, NULL, NULL, (void *)(uintptr_t)(n) }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW("loading", create, 0),
		ROW("loading in a thread", create_in_a_thread, 0),
		ROW("put of a new name", one_change, NEW),
		ROW("put of a known name", one_change, KNOWN),
		ROW("delete", one_change, DELETE),
		ROW("an owner's mark", one_change, MARK),
		ROW("a named number", one_change, META),
		ROW("raising the counter", one_change, RAISE),
		ROW("a turn of every kind", all_changes, 0),
		ROW("turns that are joined", turns, 0),
		ROW("turns that are undone", turns, ENOMEM),
		ROW("a full disk", full, 0),
		ROW("a table that grows", grow, 0),
	};
	int failed = 0;

	if (!alloc_works()) {
		fprintf(stderr, "not in this build\n");
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	printf("# %u allocations failed\n", alloc_total());
	return failed;
}
