/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Readers that go along: everything in slices while the table changes, by
 * owner and version, by due time, owner by owner.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_world.h"

#define MANY	6000u

struct seen {
	unsigned int times[MANY];
	unsigned int slice;
	unsigned int refuse_at;		/* refuse the n-th of a slice */
	unsigned int refused[MANY];
};

static bool see(void *arg, const struct nb_record *rec)
{
	struct seen *seen = arg;
	unsigned int n = rec->member[0].ip - 0x0a000001;

	assert_true(n < MANY);
	if (seen->refuse_at > 0 && ++seen->slice == seen->refuse_at) {
		seen->refused[n]++;
		return false;
	}
	seen->times[n]++;
	return true;
}

static void put_n(struct store *store, unsigned int n)
{
	struct nb_record rec = record_n(n, 1000);

	assert_int_equal(store_put(store, &rec, true), 0);
}

static void delete_n(struct store *store, unsigned int n)
{
	struct nb_name name = name_n(n);

	assert_int_equal(store_delete(store, &name), 0);
}

/*
 * Records [0, 500) stay throughout. Between the slices others come until the
 * table has grown eightfold, and go until it has shrunk again. Those that
 * stay are seen exactly once, whatever slices and refusals there are.
 */
static void walk_while_changing(struct store *store, unsigned int max_visit,
				unsigned int refuse_at, bool growing)
{
	struct seen seen = { .refuse_at = refuse_at };
	uint64_t cursor = 0;
	unsigned int next = growing ? 500 : MANY - 1, slices = 0;
	bool more = true;

	while (more) {
		seen.slice = 0;
		more = store_walk_all(store, &cursor, max_visit, see, &seen);
		slices++;
		store_begin(store);
		for (int i = 0; i < 20; i++) {
			if (growing && next < MANY) {
				put_n(store, next++);
			} else if (!growing && next >= 500) {
				delete_n(store, next--);
			}
		}
		/* those that stay are refreshed, too */
		put_n(store, dice(500));
		store_commit(store, done_ok, NULL);
	}
	assert_false(store_walk_all(store, &cursor, max_visit, see, &seen));
	for (unsigned int n = 0; n < 500; n++) {
		if (seen.times[n] != 1) {
			fail_msg("record %u was seen %u times in %u slices",
				 n, seen.times[n], slices);
		}
	}
	for (unsigned int n = 500; n < MANY; n++) {
		assert_true(seen.times[n] <= 1);
	}
	store_begin(store);
	while (growing && next < MANY) {
		put_n(store, next++);
	}
	while (!growing && next >= 500) {
		delete_n(store, next--);
	}
	store_commit(store, done_ok, NULL);
}

static void test_walk_all(void **state)
{
	struct sim_disk *disk = sim_disk_create(NULL);
	struct store *store = store_on(disk);

	(void)state;
	dice_seed("walk");
	store_begin(store);
	for (unsigned int n = 0; n < 500; n++) {
		put_n(store, n);
	}
	store_commit(store, done_ok, NULL);
	for (unsigned int max = 1; max <= 100; max = max * 2 + 1) {
		walk_while_changing(store, max, 0, true);
		walk_while_changing(store, max, 0, false);
	}
	walk_while_changing(store, 50, 7, true);
	walk_while_changing(store, 50, 3, false);
	talloc_free(store);
	talloc_free(disk);
}

/* A record that was refused comes first in the next slice. */
static void test_walk_all_refused(void **state)
{
	struct sim_disk *disk = sim_disk_create(NULL);
	struct store *store = store_on(disk);
	struct seen seen = { .refuse_at = 1 };
	uint64_t cursor = 0;
	unsigned int refusals = 0;

	(void)state;
	store_begin(store);
	for (unsigned int n = 0; n < 100; n++) {
		put_n(store, n);
	}
	store_commit(store, done_ok, NULL);
	for (int i = 0; i < 5; i++) {
		seen.slice = 0;
		assert_true(store_walk_all(store, &cursor, 1000, see, &seen));
	}
	for (unsigned int n = 0; n < 100; n++) {
		assert_int_equal(seen.times[n], 0);
		refusals += seen.refused[n] == 5 ? 1 : 0;
		assert_true(seen.refused[n] == 0 || seen.refused[n] == 5);
	}
	assert_int_equal(refusals, 1);
	seen.refuse_at = 0;
	assert_false(store_walk_all(store, &cursor, 1000, see, &seen));
	for (unsigned int n = 0; n < 100; n++) {
		assert_int_equal(seen.times[n], 1);
	}
	talloc_free(store);
	talloc_free(disk);
}

/* A slice of an emptied table is bounded as well. */
static void test_walk_all_empty(void **state)
{
	struct sim_disk *disk = sim_disk_create(NULL);
	struct store *store = store_on(disk);
	struct seen seen = { .refuse_at = 0 };
	uint64_t cursor = 0;
	unsigned int slices = 1;

	(void)state;
	while (store_walk_all(store, &cursor, 1, see, &seen)) {
		slices++;
	}
	assert_true(slices > 10);	/* 1024 buckets at least */
	assert_true(cursor == UINT64_MAX);
	talloc_free(store);
	talloc_free(disk);
}

struct list {
	unsigned int count;
	unsigned int stop;
	uint64_t version[64];
};

static bool list_one(void *arg, const struct nb_record *rec)
{
	struct list *list = arg;

	list->version[list->count++] = rec->version;
	return list->count != list->stop;
}

static void put_version(struct store *store, unsigned int n, uint32_t owner,
			uint64_t version)
{
	struct nb_record rec = record_n(n, 1000);

	rec.owner = owner;
	rec.version = version;
	assert_int_equal(store_put(store, &rec, false), 0);
}

static void test_walk_version(void **state)
{
	struct sim_disk *disk = sim_disk_create(NULL);
	struct store *store = store_on(disk);
	struct list list = { .count = 0 };
	static const uint64_t want[] = { 5, 7, 7, 9, UINT64_MAX };

	(void)state;
	store_begin(store);
	put_version(store, 1, 111, 9);
	put_version(store, 2, 111, 5);
	put_version(store, 3, 111, 7);
	put_version(store, 4, 111, 7);	/* two of one version: both come */
	put_version(store, 5, 111, 4);
	put_version(store, 6, 111, UINT64_MAX);
	put_version(store, 7, 222, 6);
	store_commit(store, done_ok, NULL);
	store_walk_version(store, 111, 5, UINT64_MAX, list_one, &list);
	assert_int_equal(list.count, 5);
	assert_memory_equal(list.version, want, sizeof(want));
	list = (struct list){ .stop = 2 };
	store_walk_version(store, 111, 5, UINT64_MAX, list_one, &list);
	assert_int_equal(list.count, 2);
	list = (struct list){ .count = 0 };
	store_walk_version(store, 111, 5, 8, list_one, &list);
	assert_int_equal(list.count, 3);
	list = (struct list){ .count = 0 };
	store_walk_version(store, 111, 10, 9, list_one, &list);
	store_walk_version(store, 333, 0, UINT64_MAX, list_one, &list);
	store_walk_version(store, NB_SELF, 0, UINT64_MAX, list_one, &list);
	assert_int_equal(list.count, 0);
	talloc_free(store);
	talloc_free(disk);
}

static void put_due(struct store *store, unsigned int n, int64_t expires,
		    bool is_static)
{
	struct nb_record rec = record_n(n, expires);

	rec.is_static = is_static;
	assert_int_equal(store_put(store, &rec, true), 0);
}

/* Which record is this the name of? */
static unsigned int number_of(struct store *store, const struct nb_name *name)
{
	struct nb_record rec;

	assert_true(store_get(store, name, &rec));
	return rec.member[0].ip - 0x0a000001;
}

static void test_walk_due(void **state)
{
	struct sim_disk *disk = sim_disk_create(NULL);
	struct store *store = store_on(disk);
	struct store_due_pos pos = { .started = false };
	struct nb_name names[8];
	unsigned int ties = 0;

	(void)state;
	store_begin(store);
	put_due(store, 1, 30, false);
	put_due(store, 2, -10, false);
	for (unsigned int n = 10; n < 16; n++) {
		put_due(store, n, 20, false);	/* all in one second */
	}
	put_due(store, 3, 5, true);		/* static: never */
	put_due(store, 4, 40, false);
	store_commit(store, done_ok, NULL);

	assert_int_equal(store_walk_due(store, -11, &pos, names, 8), 0);
	assert_int_equal(store_walk_due(store, 30, &pos, names, 3), 3);
	assert_int_equal(number_of(store, &names[0]), 2);
	ties |= 1u << number_of(store, &names[1]);
	ties |= 1u << number_of(store, &names[2]);
	/* what comes behind the position is seen, what comes before is not */
	store_begin(store);
	put_due(store, 5, 0, false);
	put_due(store, 6, 25, false);
	delete_n(store, number_of(store, &names[2]));
	store_commit(store, done_ok, NULL);
	assert_int_equal(store_walk_due(store, 30, &pos, names, 8), 6);
	for (int i = 0; i < 4; i++) {
		ties |= 1u << number_of(store, &names[i]);
	}
	assert_int_equal(ties, 0x3fu << 10);
	assert_int_equal(number_of(store, &names[4]), 6);
	assert_int_equal(number_of(store, &names[5]), 1);
	assert_int_equal(store_walk_due(store, 39, &pos, names, 8), 0);
	assert_int_equal(store_walk_due(store, INT64_MAX, &pos, names, 8), 1);
	assert_int_equal(number_of(store, &names[0]), 4);
	assert_int_equal(store_walk_due(store, INT64_MAX, &pos, names, 8), 0);
	assert_int_equal(store_walk_due(store, INT64_MAX, &pos, names, 0), 0);
	talloc_free(store);
	talloc_free(disk);
}

static void test_owners(void **state)
{
	struct sim_disk *disk = sim_disk_create(NULL);
	struct store *store = store_on(disk);
	struct store_owner owner;
	struct store_stats stats;
	struct nb_record rec;

	(void)state;
	assert_false(store_owner_at(store, 0, &owner));
	store_begin(store);
	put_version(store, 1, 222, 9);
	put_version(store, 2, 222, 5);
	put_version(store, 3, 111, 5);
	put_n(store, 4);
	rec = record_n(5, 1000);
	rec.owner = 222;
	rec.version = 8;
	rec.state = NB_TOMBSTONE;
	assert_int_equal(store_put(store, &rec, false), 0);
	rec = record_n(6, 1000);
	rec.is_static = true;
	rec.type = NB_SGROUP;
	rec.count = 0;			/* settles as released */
	assert_int_equal(store_put(store, &rec, true), 0);
	assert_int_equal(store_set_mark(store, 333, 3), 0);
	store_commit(store, done_ok, NULL);

	assert_true(store_owner_at(store, 0, &owner));
	assert_int_equal(owner.owner, NB_SELF);
	assert_int_equal(owner.mark, 2);
	assert_int_equal(owner.highest, 2);
	assert_int_equal(owner.statics, 1);
	assert_int_equal(owner.records[NB_ACTIVE], 1);
	assert_int_equal(owner.records[NB_RELEASED], 1);
	assert_true(store_owner_at(store, 1, &owner));
	assert_int_equal(owner.owner, 111);
	assert_true(store_owner_at(store, 2, &owner));
	assert_int_equal(owner.owner, 222);
	assert_int_equal(owner.highest, 9);
	assert_int_equal(owner.mark, 0);
	assert_int_equal(owner.records[NB_ACTIVE], 2);
	assert_int_equal(owner.records[NB_TOMBSTONE], 1);
	assert_true(store_owner_at(store, 3, &owner));
	assert_int_equal(owner.owner, 333);
	assert_int_equal(owner.mark, 3);
	assert_int_equal(owner.highest, 0);
	assert_false(store_owner_at(store, 4, &owner));

	store_begin(store);
	put_version(store, 1, 111, 9);	/* changes hands */
	delete_n(store, 2);
	delete_n(store, 5);
	store_commit(store, done_ok, NULL);
	assert_true(store_owner_at(store, 1, &owner));
	assert_int_equal(owner.records[NB_ACTIVE], 2);
	assert_int_equal(owner.highest, 9);
	assert_true(store_owner_at(store, 2, &owner));
	assert_int_equal(owner.owner, 333);
	store_stats(store, &stats);
	assert_int_equal(stats.records, 4);
	assert_int_equal(stats.statics, 1);
	assert_int_equal(stats.by_state[NB_ACTIVE], 3);
	assert_int_equal(stats.by_state[NB_RELEASED], 1);
	assert_int_equal(stats.by_state[NB_TOMBSTONE], 0);
	assert_int_equal(stats.by_type[NB_UNIQUE], 3);
	assert_int_equal(stats.by_type[NB_SGROUP], 1);
	talloc_free(store);
	talloc_free(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk_all),
		cmocka_unit_test(test_walk_all_refused),
		cmocka_unit_test(test_walk_all_empty),
		cmocka_unit_test(test_walk_version),
		cmocka_unit_test(test_walk_due),
		cmocka_unit_test(test_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
