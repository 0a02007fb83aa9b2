/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Version numbers over commits, failures and crashes (design.md section 2):
 * never twice, never back; the settled mark never above what is durable.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/dbrec.h"
#include "store_world.h"

/* What the disk says is reserved. */
static uint64_t reserved_on(const struct sim_disk *disk)
{
	uint8_t key[DBREC_KEY_MAX];
	size_t key_len = dbrec_key_meta(key, "versions-reserved");
	size_t len = 0;
	const uint8_t *value = sim_disk_get(disk, key, key_len, &len);
	uint64_t number = 0;

	if (value != NULL) {
		assert_null(dbrec_decode_number(key, key_len, value, len,
						&number));
	}
	return number;
}

static uint64_t put_new(struct store *store, unsigned int n)
{
	struct nb_record rec = record_n(n, 1000);

	put_one(store, &rec, true);
	return rec.version;
}

/* Each durable version lies within what the disk has reserved by then. */
static void test_blocks(void **state)
{
	struct sim_disk *disk = sim_disk_create(NULL);
	struct store *store = store_on(disk);
	unsigned int writes = 0;
	uint64_t before = 0;

	(void)state;
	assert_int_equal(store_mark(store, NB_SELF), 0);
	for (uint64_t v = 1; v <= 10000; v++) {
		assert_int_equal(put_new(store, (unsigned int)(v % 50)), v);
		assert_true(reserved_on(disk) >= v);
		assert_true(reserved_on(disk) <= v + 4096);
		assert_int_equal(store_mark(store, NB_SELF), v);
		writes += reserved_on(disk) != before ? 1 : 0;
		before = reserved_on(disk);
	}
	assert_true(writes <= 10000 / 2048 + 1);
	talloc_free(store);

	/* a start begins at the reserved end, and says so to partners */
	store = store_on(disk);
	assert_int_equal(store_counter(store), before);
	assert_int_equal(store_mark(store, NB_SELF), before);
	assert_int_equal(put_new(store, 1), before + 1);
	talloc_free(store);
	talloc_free(disk);
}

static void test_mark_waits(void **state)
{
	struct sim_disk *disk = sim_disk_create(NULL);
	struct store *store = store_on(disk);

	(void)state;
	put_new(store, 1);
	sim_disk_hold(disk, true);
	assert_int_equal(put_new(store, 2), 2);
	assert_int_equal(put_new(store, 3), 3);
	assert_int_equal(store_counter(store), 3);
	assert_int_equal(store_mark(store, NB_SELF), 1);
	sim_disk_finish(disk, 0);
	assert_int_equal(store_mark(store, NB_SELF), 2);
	assert_int_equal(put_new(store, 4), 4);
	sim_disk_finish(disk, ENOMEM);	/* 3 and 4 are dead */
	assert_int_equal(store_mark(store, NB_SELF), 4);
	assert_int_equal(put_new(store, 5), 5);
	assert_int_equal(store_mark(store, NB_SELF), 4);
	sim_disk_finish(disk, 0);
	assert_int_equal(store_mark(store, NB_SELF), 5);
	talloc_free(store);
	talloc_free(disk);
}

/*
 * The first turn ever fails: its versions are dead in this run, but nothing
 * is reserved on disk, and after a crash they are handed out again. A mark
 * that had risen would make partners skip them.
 */
static void test_dead_and_unreserved(void **state)
{
	struct sim_disk *disk = sim_disk_create(NULL);
	struct sim_disk *after = NULL;
	struct store *store = store_on(disk);

	(void)state;
	sim_disk_fail(disk, 1, ENOMEM);
	assert_int_equal(put_new(store, 1), 1);
	assert_int_equal(store_mark(store, NB_SELF), 0);
	sim_disk_hold(disk, true);
	assert_int_equal(put_new(store, 1), 2);	/* never 1 again */
	assert_int_equal(store_mark(store, NB_SELF), 0);
	after = sim_disk_crash(NULL, disk, false);
	talloc_free(store);
	talloc_free(disk);
	store = store_on(after);
	assert_int_equal(store_mark(store, NB_SELF), 0);
	put_new(store, 1);
	assert_int_equal(store_mark(store, NB_SELF), store_counter(store));
	talloc_free(store);
	talloc_free(after);
}

static void test_raise(void **state)
{
	struct sim_disk *disk = sim_disk_create(NULL);
	struct store *store = store_on(disk);
	struct nb_record rec = record_n(3, 1000);

	(void)state;
	assert_int_equal(store_raise_counter(store, 1000000), 0);
	assert_true(reserved_on(disk) >= 1000000);
	assert_int_equal(put_new(store, 1), 1000001);
	assert_int_equal(store_raise_counter(store, 5), 0);
	assert_int_equal(put_new(store, 1), 1000002);

	/* on the open turn, and lost with it: raised here all the same */
	sim_disk_fail(disk, 1, ENOMEM);
	store_begin(store);
	assert_int_equal(store_raise_counter(store, 2000000), 0);
	store_commit(store, NULL, NULL);
	assert_true(reserved_on(disk) < 2000000);
	assert_true(store_mark(store, NB_SELF) <= reserved_on(disk));
	/* asked again, it is made durable after all */
	assert_int_equal(store_raise_counter(store, 2000000), 0);
	assert_true(reserved_on(disk) >= 2000000);
	assert_int_equal(put_new(store, 1), 2000001);

	/* a record of ours that brings its version raises the counter */
	rec.version = 3000000;
	put_one(store, &rec, false);
	assert_true(reserved_on(disk) >= 3000000);
	assert_int_equal(put_new(store, 1), 3000001);
	/* a foreign one does not */
	rec.owner = 0xc0000201;
	rec.version = 4000000;
	put_one(store, &rec, false);
	assert_int_equal(put_new(store, 1), 3000002);
	talloc_free(store);
	talloc_free(disk);
}

static void test_end_of_numbers(void **state)
{
	struct sim_disk *disk = sim_disk_create(NULL);
	struct store *store = store_on(disk);
	struct nb_record rec = record_n(1, 1000);
	uint64_t last = 0;
	int err = 0;

	(void)state;
	assert_int_equal(store_raise_counter(store, UINT64_MAX), EOVERFLOW);
	assert_int_equal(store_raise_counter(store, UINT64_MAX - 1),
			 EOVERFLOW);
	assert_int_equal(store_counter(store), 0);
	assert_int_equal(store_raise_counter(store, UINT64_MAX - 5), 0);
	for (int i = 0; i < 10; i++) {
		store_begin(store);
		err = store_put(store, &rec, true);
		store_commit(store, done_ok, NULL);
		if (err != 0) {
			break;
		}
		assert_true(rec.version > last);
		assert_true(rec.version < UINT64_MAX);
		last = rec.version;
	}
	assert_int_equal(err, EOVERFLOW);
	assert_string_equal(store_error_text(err),
			    "no version number is left");
	assert_true(last > UINT64_MAX - 5);
	/* without a version there still is room */
	rec.expires = 7;
	rec.version = last;
	put_one(store, &rec, false);
	talloc_free(store);
	store = store_on(disk);
	store_begin(store);
	assert_int_equal(store_put(store, &rec, true), EOVERFLOW);
	store_commit(store, done_ok, NULL);
	talloc_free(store);
	talloc_free(disk);
}

/* Revisions go on behind what was durable, deletions included. */
static void test_revisions(void **state)
{
	struct sim_disk *disk = sim_disk_create(NULL);
	struct store *store = store_on(disk);
	struct nb_record rec;
	struct nb_name name = name_n(3);

	(void)state;
	for (unsigned int i = 1; i <= 3; i++) {
		rec = record_n(i, 1000);
		put_one(store, &rec, true);
		assert_int_equal(rec.revision, i);
	}
	put_one(store, &rec, false);
	assert_int_equal(rec.revision, 4);
	store_begin(store);
	assert_int_equal(store_delete(store, &name), 0);
	store_commit(store, done_ok, NULL);
	talloc_free(store);
	store = store_on(disk);		/* the highest was of a deletion */
	rec = record_n(5, 1000);
	put_one(store, &rec, true);
	assert_int_equal(rec.revision, 6);
	talloc_free(store);
	store = store_on(disk);		/* now of a record */
	put_one(store, &rec, true);
	assert_int_equal(rec.revision, 7);
	talloc_free(store);
	talloc_free(disk);
}

static unsigned int deleted_slots(const struct sim_disk *disk,
				  uint32_t first, uint32_t count)
{
	unsigned int found = 0;

	for (uint32_t i = first; i < first + count; i++) {
		uint8_t key[DBREC_KEY_MAX];
		size_t key_len = dbrec_key_deleted(key, i), len = 0;
		const uint8_t *value = sim_disk_get(disk, key, key_len, &len);
		struct dbrec_deleted del;

		if (value != NULL) {
			assert_null(dbrec_decode_deleted(key, key_len, value,
							 len, &del));
			assert_int_equal(del.when, 1700000000);
			found++;
		}
	}
	return found;
}

static void delete_one(struct store *store, unsigned int n)
{
	struct nb_record rec = record_n(n, 1000);

	store_begin(store);
	assert_int_equal(store_put(store, &rec, true), 0);
	assert_int_equal(store_delete(store, &rec.name), 0);
	store_commit(store, NULL, NULL);
}

/* The ring: no slot twice before it is full, over failures and restarts. */
static void test_delete_log(void **state)
{
	struct sim_disk *disk = sim_disk_create(NULL);
	struct store *store = store_on(disk);

	(void)state;
	for (unsigned int i = 0; i < 10; i++) {
		sim_disk_fail(disk, i % 3 == 2 ? 1 : 0, ENOMEM);
		delete_one(store, i);
	}
	assert_int_equal(deleted_slots(disk, 0, 10), 7);
	assert_int_equal(deleted_slots(disk, 0, 7), 7);
	talloc_free(store);
	store = store_on(disk);
	sim_disk_fail(disk, 0, 0);
	delete_one(store, 1);
	assert_int_equal(deleted_slots(disk, 0, 8), 8);
	for (unsigned int i = 8; i < 65536 + 5; i++) {
		delete_one(store, 1);
	}
	assert_int_equal(deleted_slots(disk, 0, 65536), 65536);
	assert_int_equal(deleted_slots(disk, 65536, 16), 0);
	talloc_free(store);
	store = store_on(disk);		/* the newest stands in the middle */
	delete_one(store, 2);
	{
		uint8_t key[DBREC_KEY_MAX];
		size_t key_len = dbrec_key_deleted(key, 5), len = 0;
		const uint8_t *value = sim_disk_get(disk, key, key_len, &len);
		struct dbrec_deleted del;
		struct nb_name name = name_n(2);

		assert_null(dbrec_decode_deleted(key, key_len, value, len,
						 &del));
		assert_true(nb_name_equal(&del.name, &name));
	}
	talloc_free(store);
	talloc_free(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_mark_waits),
		cmocka_unit_test(test_dead_and_unreserved),
		cmocka_unit_test(test_raise),
		cmocka_unit_test(test_end_of_numbers),
		cmocka_unit_test(test_revisions),
		cmocka_unit_test(test_delete_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
