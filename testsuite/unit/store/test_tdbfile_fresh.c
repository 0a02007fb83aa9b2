/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file that a tool fills: what went in is what a start finds, and what no
 * start would take is told before anybody gives it the database's name.
 */
#include "tdbfile_world.h"

#define MANY 3000

static struct tdbfile *fresh(void)
{
	struct tdbfile *file = NULL;
	char *message = NULL;

	unlink(path);
	if (tdbfile_open_fresh(path, &file, &message) != 0) {
		fail_msg("%s", message);
	}
	return file;
}

static void put(struct tdbfile *file, unsigned int n, int64_t when)
{
	struct nb_record rec = record_n(n, when);
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_record(key, &rec.name);

	rec.version = rec.revision = n + 1;
	assert_int_equal(tdbfile_put(file, key, key_len, value,
				     dbrec_encode(value, key, key_len, &rec)),
			 0);
}

static void number(struct tdbfile *file, const char *name, uint64_t value)
{
	uint8_t key[DBREC_KEY_MAX], bytes[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_meta(key, name);

	assert_int_equal(tdbfile_put(file, key, key_len, bytes,
				     dbrec_encode_number(bytes, key, key_len,
							 value)), 0);
}

struct found {
	uint8_t value[DBREC_VALUE_MAX];
	size_t len;
};

static void found(void *arg, const uint8_t *value, size_t value_len)
{
	struct found *f = arg;

	memcpy(f->value, value, value_len);
	f->len = value_len;
}

static int64_t time_of(struct tdbfile *file, unsigned int n)
{
	struct nb_name name = name_n(n);
	uint8_t key[DBREC_KEY_MAX];
	size_t key_len = dbrec_key_record(key, &name);
	struct nb_record rec;
	struct found f = { .len = 0 };
	int ret = tdbfile_get(file, key, key_len, found, &f);

	if (ret != 0) {
		assert_int_equal(ret, ENOENT);
		assert_int_equal(f.len, 0);
		return -1;
	}
	assert_null(dbrec_decode(key, key_len, f.value, f.len, &rec));
	return rec.expires;
}

static void test_fill(void **state)
{
	struct tdbfile *file = fresh();
	char *message = NULL;
	uint64_t records = 0;

	(void)state;
	for (unsigned int n = 0; n < MANY; n++) {
		assert_int_equal(time_of(file, n), -1);
		put(file, n, 7);
		assert_int_equal(time_of(file, n), 7);
	}
	for (unsigned int n = 0; n < MANY; n++) {
		put(file, n, 1000);
	}
	assert_int_equal(time_of(file, 5), 1000);
	number(file, "records", MANY);
	number(file, "versions-reserved", MANY);
	assert_int_equal(tdbfile_finish(file, &records, &message), 0);
	assert_null(message);
	assert_int_equal(records, MANY);
	tdbfile_close(file);
	assert_whole(path, MANY);
	assert_true(state_is(path, MANY, 1000));
}

/* What stood there is gone, and nothing is left of it. */
static void test_replaces(void **state)
{
	struct tdbfile *file = new_file(40);
	uint64_t records = 1;
	char *message = NULL;

	(void)state;
	tdbfile_close(file);
	assert_int_equal(tdbfile_open_fresh(path, &file, &message), 0);
	assert_int_equal(time_of(file, 3), -1);
	assert_int_equal(tdbfile_finish(file, &records, &message), 0);
	assert_int_equal(records, 0);
	tdbfile_close(file);
	unlink(path);
	snprintf(copy, sizeof(copy), "%s/none/x.tdb", dir);
	assert_int_equal(tdbfile_open_fresh(copy, &file, &message), ENOENT);
	assert_null(file);
	assert_non_null(strstr(message, "x.tdb cannot be created"));
	free(message);
}

static void finish_fails(struct tdbfile *file, const char *words)
{
	uint64_t records = 1;
	char *message = NULL;

	assert_int_equal(tdbfile_finish(file, &records, &message), EILSEQ);
	assert_int_equal(records, 0);
	assert_non_null(message);
	if (strstr(message, words) == NULL) {
		fail_msg("%s", message);
	}
	free(message);
	tdbfile_close(file);
}

static void test_not_whole(void **state)
{
	struct tdbfile *file = fresh();
	uint8_t key[DBREC_KEY_MAX];
	struct nb_name name = name_n(7);

	(void)state;
	put(file, 1, 1000);
	number(file, "versions-reserved", 2);
	finish_fails(file, "1 were found, not 0");
	file = fresh();
	put(file, 1, 1000);
	number(file, "records", 1);
	finish_fails(file, "never reserved");
	file = fresh();
	assert_int_equal(tdbfile_put(file, key, dbrec_key_record(key, &name),
				     key, 9), 0);
	number(file, "records", 1);
	finish_fails(file, "checksum");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_replaces),
		cmocka_unit_test(test_not_whole),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
