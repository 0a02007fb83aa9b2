/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a start must refuse, and what its message must name.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/dbrec.h"
#include "store_world.h"

/* Twenty records of ours, one foreign, a mark, a number, one deletion. */
static struct sim_disk *filled_disk(void)
{
	struct sim_disk *disk = sim_disk_create(NULL);
	struct store *store = store_on(disk);
	struct nb_record rec;

	store_begin(store);
	for (unsigned int i = 0; i <= 20; i++) {
		rec = record_n(i, 1000);
		assert_int_equal(store_put(store, &rec, true), 0);
	}
	assert_int_equal(store_delete(store, &rec.name), 0);
	rec = record_n(50, 1000);
	rec.owner = 111;
	rec.version = 7;
	assert_int_equal(store_put(store, &rec, false), 0);
	assert_int_equal(store_set_mark(store, 111, 9), 0);
	assert_int_equal(store_set_meta(store, "alive", 12), 0);
	store_commit(store, done_ok, NULL);
	talloc_free(store);
	return disk;
}

static void refused(struct sim_disk *disk, const char *naming,
		    const char *naming_too)
{
	struct store_backend backend;
	struct store *store = (struct store *)disk;
	void *ctx = talloc_new(NULL);
	char *message = NULL;

	sim_disk_backend(disk, &backend);
	assert_int_equal(store_create(ctx, &world, &backend, &store,
				      &message), EILSEQ);
	assert_null(store);
	assert_non_null(message);
	if (strstr(message, naming) == NULL ||
	    strstr(message, naming_too) == NULL ||
	    strstr(message, "simdisk") == NULL ||
	    strstr(message, "winsrepair check simdisk") == NULL ||
	    strstr(message, "winsrepair salvage simdisk") == NULL ||
	    strchr(message, '\n') != NULL) {
		fail_msg("message: %s", message);
	}
	talloc_free(message);
	assert_int_equal(talloc_total_blocks(ctx), 1);
	talloc_free(ctx);
}

/* Change one bit of a value. */
static void flip(struct sim_disk *disk, const uint8_t *key, size_t key_len)
{
	size_t len = 0;
	const uint8_t *value = sim_disk_get(disk, key, key_len, &len);
	uint8_t copy[DBREC_VALUE_MAX];

	assert_non_null(value);
	memcpy(copy, value, len);
	copy[len / 2] ^= 4;
	sim_disk_set(disk, key, key_len, copy, len);
}

static void test_whole(void **state)
{
	struct sim_disk *disk = filled_disk();
	struct store *store = store_on(disk);
	struct store_stats stats;

	(void)state;
	store_stats(store, &stats);
	assert_int_equal(stats.records, 21);
	assert_int_equal(stats.turns, 0);
	talloc_free(store);
	talloc_free(disk);
}

static void test_torn(void **state)
{
	uint8_t key[DBREC_KEY_MAX];
	struct nb_name name = name_n(7);
	struct sim_disk *disk = filled_disk();

	(void)state;
	flip(disk, key, dbrec_key_record(key, &name));
	refused(disk, "record NAME-7<20>", "checksum");
	talloc_free(disk);

	disk = filled_disk();
	flip(disk, key, dbrec_key_meta(key, "versions-reserved"));
	refused(disk, "number versions-reserved", "checksum");
	talloc_free(disk);

	disk = filled_disk();
	flip(disk, key, dbrec_key_owner(key, 111));
	refused(disk, "key O\\x00\\x00\\x00o", "checksum");
	talloc_free(disk);

	disk = filled_disk();
	flip(disk, key, dbrec_key_deleted(key, 0));
	refused(disk, "key D\\x00\\x00\\x00\\x00", "checksum");
	talloc_free(disk);
}

static void test_missing(void **state)
{
	uint8_t key[DBREC_KEY_MAX];
	struct nb_name name = name_n(7);
	struct sim_disk *disk = filled_disk();

	(void)state;
	/* a record that nothing leads to any more */
	sim_disk_set(disk, key, dbrec_key_record(key, &name), NULL, 0);
	refused(disk, "20 records were found, not 21", "records");
	talloc_free(disk);

	disk = filled_disk();
	sim_disk_set(disk, key, dbrec_key_meta(key, "records"), NULL, 0);
	refused(disk, "21 records were found, not 0", "records");
	talloc_free(disk);

	/* versions would repeat */
	disk = filled_disk();
	sim_disk_set(disk, key, dbrec_key_meta(key, "versions-reserved"), NULL,
		     0);
	refused(disk, "record NAME-0<20>", "never reserved");
	talloc_free(disk);
}

static void test_swapped(void **state)
{
	uint8_t key[DBREC_KEY_MAX], other[DBREC_KEY_MAX];
	struct nb_name name = name_n(7), name2 = name_n(8);
	struct sim_disk *disk = filled_disk();
	size_t len = 0, key_len = dbrec_key_record(key, &name);
	const uint8_t *value = sim_disk_get(disk, key, key_len, &len);

	(void)state;
	sim_disk_set(disk, other, dbrec_key_record(other, &name2), value, len);
	refused(disk, "record NAME-8<20>", "checksum");
	talloc_free(disk);
}

static void test_odd_keys(void **state)
{
	static const struct {
		const char *key;
		size_t len;
	} odd[] = {
		{ "", 0 }, { "X", 1 }, { "R", 1 }, { "M", 1 }, { "O123", 4 },
		{ "D12345", 6 }, { "Ma\0b", 4 }, { "D\x00\x01\x00\x00", 5 },
		{ "M0123456789012345678901234567890123456789012345678901234"
		  "5678901234567890", 72 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct sim_disk *disk = filled_disk();
		const uint8_t *key = (const uint8_t *)odd[i].key;
		struct dbrec_deleted del = { .revision = 1 };
		uint8_t value[DBREC_VALUE_MAX];
		size_t len = 0;

		del.name = name_n(1);
		if (odd[i].len > 0 && key[0] == 'D') {
			len = dbrec_encode_deleted(value, key, odd[i].len,
						   &del);
		} else {
			len = dbrec_encode_number(value, key, odd[i].len, 5);
		}
		sim_disk_set(disk, key, odd[i].len, value, len);
		refused(disk, ":", "");
		talloc_free(disk);
	}
}

/* A backend that cannot be read at all, or gives a record twice. */
static int load_eio(void *priv,
		    int (*fn)(void *arg, const uint8_t *key, size_t key_len,
			      const uint8_t *value, size_t value_len),
		    void *arg)
{
	(void)priv;
	(void)fn;
	(void)arg;
	return EIO;
}

static int load_twice(void *priv,
		      int (*fn)(void *arg, const uint8_t *key, size_t key_len,
				const uint8_t *value, size_t value_len),
		      void *arg)
{
	struct nb_record rec = record_n(1, 5);
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_record(key, &rec.name);
	size_t len = dbrec_encode(value, key, key_len, &rec);
	int err = fn(arg, key, key_len, value, len);

	(void)priv;
	assert_int_equal(err, 0);
	return fn(arg, key, key_len, value, len);
}

static void test_bad_backend(void **state)
{
	struct store_backend backend = { .load = load_eio };
	struct store *store = NULL;
	char *message = NULL;

	(void)state;
	assert_int_equal(store_create(NULL, &world, &backend, &store,
				      &message), EIO);
	assert_non_null(strstr(message, "cannot be read"));
	talloc_free(message);
	backend.load = load_twice;
	assert_int_equal(store_create(NULL, &world, &backend, &store,
				      &message), EILSEQ);
	assert_non_null(strstr(message, "NAME-1<20>: it stands twice"));
	talloc_free(message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_swapped),
		cmocka_unit_test(test_odd_keys),
		cmocka_unit_test(test_bad_backend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
