/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copies of wins.tdb: whole, for themselves, and in nobody's way.
 */
#include "tdbfile_world.h"

static char part[80];

static int names(void **state)
{
	int ret = setup(state);

	snprintf(part, sizeof(part), "%s.part", copy);
	return ret;
}

static void remove_all(void)
{
	unlink(path);
	unlink(copy);
	unlink(part);
}

static void copy_fails(struct tdbfile *file, int want, const char *words)
{
	uint64_t records = 1;
	char *message = NULL;

	assert_int_equal(tdbfile_copy(file, copy, &records, &message), want);
	assert_int_equal(records, 0);
	if (message == NULL || strstr(message, words) == NULL ||
	    strchr(message, '\n') != NULL) {
		fail_msg("message: %s", message);
	}
	free(message);
}

static void test_copy(void **state)
{
	struct tdbfile *file = NULL, *other = NULL;
	uint64_t records = 0, number = 0;
	char *message = NULL;
	struct stat st;

	(void)state;
	remove_all();
	file = new_file(300);
	assert_int_equal(tdbfile_begin(file), 0);
	assert_int_equal(tdbfile_set_number(file, "journal-id", 99), 0);
	assert_int_equal(tdbfile_set_number(file, "journal-next-sequence", 5),
			 0);
	assert_int_equal(tdbfile_set_number(file, "journal-next-block", 7), 0);
	assert_int_equal(tdbfile_set_number(file, "alive", 11), 0);
	assert_int_equal(tdbfile_end(file), 0);
	assert_int_equal(tdbfile_copy(file, copy, &records, &message), 0);
	assert_null(message);
	assert_int_equal(records, 300);
	assert_int_equal(stat(copy, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(access(part, F_OK), -1);

	/* nothing has happened to the original */
	assert_int_equal(tdbfile_number(file, "journal-id", &number), 0);
	assert_int_equal(number, 99);
	commit_records(file, 0, 300, 2000);
	tdbfile_close(file);

	assert_whole(copy, 300);
	assert_true(state_is(copy, 300, 1000));
	other = open_good(copy);
	assert_int_equal(tdbfile_number(other, "journal-id", &number), ENOENT);
	assert_int_equal(tdbfile_number(other, "journal-next-sequence",
					&number), ENOENT);
	assert_int_equal(tdbfile_number(other, "journal-next-block", &number),
			 ENOENT);
	assert_int_equal(tdbfile_number(other, "alive", &number), 0);
	tdbfile_close(other);
}

/* Nobody's file is overwritten, and what cannot be a copy is none. */
static void test_copy_refused(void **state)
{
	struct tdbfile *file = NULL;

	(void)state;
	remove_all();
	file = new_file(300);
	write_file(copy, "mine", 4);
	copy_fails(file, EEXIST, "copy.tdb: File exists");
	assert_int_equal(unlink(copy), 0);
	assert_int_equal(symlink("nowhere", copy), 0);
	copy_fails(file, EEXIST, "copy.tdb: File exists");
	assert_int_equal(unlink(copy), 0);
	write_file(part, "mine", 4);
	copy_fails(file, EEXIST, "copy.tdb.part: File exists");
	assert_int_equal(unlink(part), 0);
	assert_int_equal(symlink("nowhere", part), 0);
	copy_fails(file, EEXIST, "copy.tdb.part: File exists");
	assert_int_equal(unlink(part), 0);

	assert_int_equal(tdbfile_begin(file), 0);
	assert_int_equal(tdbfile_set_number(file, "records", 299), 0);
	assert_int_equal(tdbfile_end(file), 0);
	copy_fails(file, EILSEQ, "300 were found, not 299");
	assert_int_equal(tdbfile_begin(file), 0);
	assert_int_equal(tdbfile_set_number(file, "records", 300), 0);
	assert_int_equal(tdbfile_end(file), 0);
	tdbfile_close(file);
	swap_values(path, 10, 11);
	file = open_good(path);
	copy_fails(file, EILSEQ, "<20>: the checksum");
	assert_int_equal(access(copy, F_OK), -1);
	assert_int_equal(access(part, F_OK), -1);
	tdbfile_close(file);
}

/* A transaction that has begun is not in it. */
static void test_copy_between(void **state)
{
	struct tdbfile *file = NULL;
	uint64_t records = 0;
	char *message = NULL;

	(void)state;
	remove_all();
	file = new_file(300);
	assert_int_equal(tdbfile_begin(file), 0);
	assert_int_equal(change(file, 0, 300, 2000), 0);
	assert_int_equal(tdbfile_copy(file, copy, &records, &message), 0);
	assert_int_equal(tdbfile_end(file), 0);
	tdbfile_close(file);
	assert_true(state_is(copy, 300, 1000));
	assert_true(state_is(path, 300, 2000));
}

/* As a copy, and without the gaps of what was deleted. */
static void test_rewrite(void **state)
{
	struct tdbfile *file = NULL, *other = NULL;
	uint64_t records = 0, number = 0;
	char *message = NULL;
	struct store_batch batch = { .len = 0 };
	struct stat st;
	uint64_t before = 0;

	(void)state;
	remove_all();
	file = new_file(20000);
	assert_int_equal(tdbfile_begin(file), 0);
	assert_int_equal(tdbfile_set_number(file, "journal-id", 99), 0);
	assert_int_equal(tdbfile_set_number(file, "alive", 11), 0);
	for (unsigned int i = 10; i < 20000; i++) {
		struct nb_name name = name_n(i);
		uint8_t key[DBREC_KEY_MAX];

		assert_true(batch_reserve(&batch, BATCH_CHANGE_MAX));
		batch_add(&batch, key, dbrec_key_record(key, &name), NULL, 0);
	}
	assert_int_equal(tdbfile_changes(file, &batch), 0);
	batch_free(&batch);
	assert_int_equal(tdbfile_set_number(file, "records", 10), 0);
	assert_int_equal(tdbfile_end(file), 0);
	before = tdbfile_size(file);
	assert_int_equal(tdbfile_rewrite(file, copy, &records, &message), 0);
	assert_null(message);
	assert_int_equal(records, 10);
	tdbfile_close(file);
	assert_int_equal(stat(copy, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true((uint64_t)st.st_size < before - 10000 * 100);
	assert_int_equal(tdbfile_open_read(copy, &other, &message), 0);
	assert_int_equal(tdbfile_number(other, "journal-id", &number), ENOENT);
	assert_int_equal(tdbfile_number(other, "alive", &number), 0);
	assert_int_equal(number, 11);
	assert_int_equal(tdbfile_rewrite(other, copy, &records, &message),
			 EEXIST);
	free(message);
	tdbfile_close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_rewrite),
		cmocka_unit_test(test_copy_refused),
		cmocka_unit_test(test_copy_between),
	};

	return cmocka_run_group_tests(tests, names, teardown);
}
