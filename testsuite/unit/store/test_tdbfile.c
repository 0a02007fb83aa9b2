/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wins.tdb as a file: made, reopened, refused, damaged, read in two threads.
 * Its transactions and what fails in them: test_tdbfile_fails.c; conversion and
 * copies: test_tdbfile_copy.c.
 */
#include "tdbfile_world.h"

#include <pthread.h>

#define FEW_CHAINS	3

static void test_reopen(void **state)
{
	struct tdbfile *file = new_file(300);
	struct stat st;
	uint64_t number = 1;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(tdbfile_size(file), st.st_size);
	assert_int_equal(tdbfile_number(file, "none", &number), ENOENT);
	assert_int_equal(number, 0);
	assert_int_equal(tdbfile_begin(file), 0);
	assert_int_equal(tdbfile_set_number(file, "alive", 7), 0);
	assert_int_equal(change(file, 0, 1, -1), 0);	/* gone */
	assert_int_equal(tdbfile_set_number(file, "records", 299), 0);
	assert_int_equal(tdbfile_end(file), 0);
	tdbfile_close(file);

	file = open_good(path);
	assert_int_equal(tdbfile_number(file, "alive", &number), 0);
	assert_int_equal(number, 7);
	assert_int_equal(tdbfile_number(file, "format", &number), 0);
	assert_int_equal(number, TDBFILE_FORMAT);
	assert_int_equal(tdbfile_number(file, "journal-id", &number), ENOENT);
	assert_false(has_record(file, 0, 1000));
	assert_true(has_record(file, 1, 1000));
	assert_false(has_record(file, 300, 1000));
	assert_int_equal(count_records(file), 299);
	tdbfile_close(file);
	assert_whole(path, 299);
}

/* A transaction that is not ended leaves nothing behind. */
static void test_cancel(void **state)
{
	struct tdbfile *file = new_file(10);

	(void)state;
	tdbfile_cancel(file);		/* without one */
	assert_int_equal(tdbfile_begin(file), 0);
	assert_int_equal(change(file, 0, 10, 2000), 0);
	tdbfile_cancel(file);
	assert_true(has_record(file, 3, 1000));
	assert_int_equal(tdbfile_begin(file), 0);
	assert_int_equal(change(file, 0, 10, 3000), 0);
	tdbfile_close(file);
	assert_true(state_is(path, 10, 1000));
	tdbfile_close(NULL);
}

/* A batch that ends in the middle of a change is refused whole. */
static void test_bad_batch(void **state)
{
	struct tdbfile *file = new_file(10);
	struct store_batch batch = { 0 };

	(void)state;
	add_change(&batch, 1, 2000);
	add_change(&batch, 2, 2000);
	batch.len--;
	assert_int_equal(tdbfile_begin(file), 0);
	assert_int_equal(tdbfile_changes(file, &batch), EINVAL);
	batch.len++;
	assert_true(has_record(file, 1, 1000));
	assert_int_equal(tdbfile_begin(file), 0);
	assert_int_equal(tdbfile_changes(file, &batch), 0);
	assert_int_equal(tdbfile_end(file), 0);
	assert_true(has_record(file, 1, 2000));
	batch_free(&batch);
	tdbfile_close(file);
}

static void test_read_only(void **state)
{
	struct tdbfile *file = NULL;
	char *message = NULL;
	size_t before_len = 0, after_len = 0;
	uint8_t *before = NULL, *after = NULL;

	(void)state;
	assert_int_equal(tdbfile_open_read("/nonexistent/wins.tdb", &file,
					   &message), ENOENT);
	assert_null(file);
	assert_non_null(strstr(message, "/nonexistent/wins.tdb"));
	free(message);
	tdbfile_close(new_file(10));
	before = read_file(path, &before_len);
	assert_int_equal(tdbfile_open_read(path, &file, &message), 0);
	assert_null(message);
	assert_int_equal(count_records(file), 10);
	assert_int_equal(tdbfile_begin(file), EROFS);
	tdbfile_close(file);
	after = read_file(path, &after_len);
	assert_int_equal(before_len, after_len);
	assert_memory_equal(before, after, after_len);
	free(before);
	free(after);
}

/* ---- refused ---- */

static void test_newer(void **state)
{
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_meta(key, "format");

	(void)state;
	tdbfile_close(new_file(3));
	set_raw(path, "format", value,
		dbrec_encode_number(value, key, key_len, TDBFILE_FORMAT + 1));
	refused(path, EPROTONOSUPPORT, "newer", "winsmigrate export");
	/* so new that even this number is written in another way */
	set_raw(path, "format", (const uint8_t *)"\x02garbage", 8);
	refused(path, EPROTONOSUPPORT, "newer", "winsmigrate export");
}

static void test_damaged_format(void **state)
{
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_meta(key, "format");

	(void)state;
	tdbfile_close(new_file(3));
	set_raw(path, "format", (const uint8_t *)"\x01garbage", 8);
	refused(path, EILSEQ, "checksum", "winsrepair check");
	set_raw(path, "format", (const uint8_t *)"", 0);
	refused(path, EILSEQ, "too short", "winsrepair salvage");
	set_raw(path, "format", value,
		dbrec_encode_number(value, key, key_len, 0));
	refused(path, EILSEQ, "format 0", "winsrepair check");
	set_raw(path, "format", NULL, 0);
	refused(path, EINVAL, "not a winsd database", "winsrepair check");
}

static void test_foreign(void **state)
{
	struct tdb_context *tdb = NULL;
	struct tdbfile *file = NULL;
	char *message = NULL;
	char text[] = "# VERSION 1 0\n\"ALPHA#20\" 1700000000 10.0.0.1 64R\n";

	(void)state;
	unlink(path);
	tdb = tdb_open(path, 131, 0, O_RDWR | O_CREAT, 0600);
	assert_non_null(tdb);
	tdb_close(tdb);
	refused(path, EINVAL, "not a winsd database", "winsrepair check");
	write_file(path, text, sizeof(text) - 1);
	refused(path, EILSEQ, "not a tdb file", "winsrepair check");
	write_file(path, "", 0);
	refused(path, EILSEQ, "not a tdb file", "winsrepair salvage");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(open_any(path, true, &file, &message), EINVAL);
	assert_non_null(strstr(message, path));
	free(message);
	rmdir(path);
	assert_int_equal(symlink("nowhere", path), 0);
	assert_int_equal(open_any(path, true, &file, &message), ENOENT);
	free(message);
	unlink(path);
	assert_int_equal(open_any("/nonexistent/dir/wins.tdb", true, &file,
				  &message), ENOENT);
	assert_non_null(strstr(message, "/nonexistent/dir/wins.tdb"));
	free(message);
}

/* What a crash left of making a new file is in nobody's way. */
static void test_leftover(void **state)
{
	struct tdbfile *file = NULL;

	(void)state;
	unlink(path);
	write_file(temp, "half of a file", 14);
	file = open_good(path);
	assert_int_equal(count_records(file), 0);
	tdbfile_close(file);
	assert_int_equal(access(temp, F_OK), -1);
	unlink(path);
	/* nor is what it points to */
	assert_int_equal(symlink(copy, temp), 0);
	tdbfile_close(open_good(path));
	assert_int_equal(access(copy, F_OK), -1);
}

/* ---- damage ---- */

/*
 * One byte of the file changed: verifying tells so, or (the byte lies in free
 * space or in the slack of a record) all records are there as they were.
 */
static void test_damaged_bytes(void **state)
{
	size_t len = 0;
	uint8_t *bytes = NULL;
	unsigned int refusals = 0;

	(void)state;
	dice_seed("bytes");
	tdbfile_close(new_file(2000));
	bytes = read_file(path, &len);
	for (unsigned int i = 0; i < 400; i++) {
		/* half of them among the records, which lie at the end */
		size_t at = i % 2 == 0 ? dice((uint32_t)len) :
			    len - 1 - dice((uint32_t)len / 4);
		uint8_t was = bytes[at], is = (uint8_t)(was ^ (1 + dice(255)));
		uint64_t records = 0, reserved = 0;
		char *message = NULL;

		poke(path, at, &is, 1);
		if (tdbfile_verify(path, &records, &reserved, &message) != 0) {
			assert_non_null(strstr(message, path));
			assert_null(strchr(message, '\n'));
			free(message);
			assert_int_equal(records, 0);
			refusals++;
		} else if (!state_is(path, 2000, 1000)) {
			fail_msg("byte %zu from %u to %u goes unseen", at, was,
				 is);
		}
		poke(path, at, &was, 1);
	}
	free(bytes);
	assert_true(refusals > 20);
}

/* Where in the file record number n begins. */
static size_t record_at(const uint8_t *bytes, size_t len, unsigned int n)
{
	char text[NB_NAME_MAX + 1];

	snprintf(text, sizeof(text), "NAME-%u", n);
	return record_of(text, 0x20, bytes, len);
}

/* Records of one chain, from the number on: not that of the format. */
static unsigned int same_chain(unsigned int from)
{
	uint8_t key[DBREC_KEY_MAX];
	struct nb_name name;
	TDB_DATA k = { key, dbrec_key_meta(key, "format") };
	unsigned int format = tdb_jenkins_hash(&k) % FEW_CHAINS, chain = 0;

	do {
		name = name_n(from++);
		k.dsize = dbrec_key_record(key, &name);
		chain = tdb_jenkins_hash(&k) % FEW_CHAINS;
	} while (chain != (format + 1) % FEW_CHAINS);
	return from - 1;
}

/* Chains that run in circles end in an error, for whoever walks on them. */
static void test_circle(void **state)
{
	struct tdbfile *file = NULL;
	size_t len = 0;
	uint8_t *bytes = NULL;
	unsigned int found = 0, n = 0;
	uint32_t last = 0;

	(void)state;
	tdbfile_close(new_file_of(200, FEW_CHAINS));
	bytes = read_file(path, &len);
	for (int i = 0; i < 5; i++) {
		n = same_chain(n + 1);
		last = (uint32_t)record_at(bytes, len, n);
	}
	/* newer ones come first in a chain: the oldest leads back to the 5th */
	poke(path, record_at(bytes, len, same_chain(0)), (uint8_t *)&last, 4);
	free(bytes);
	file = open_good(path);
	assert_int_equal(tdbfile_walk(file, count_one, &found), EILSEQ);
	assert_int_equal(fetch_error(file, same_chain(200)), EILSEQ);
	tdbfile_close(file);
	not_whole(path, "a chain runs in a circle");
}

/* A chain that leads into another gives nothing twice. */
static void test_crossed_chains(void **state)
{
	struct tdbfile *file = NULL;
	size_t len = 0;
	uint8_t *bytes = NULL;
	unsigned int found = 0, n = same_chain(0), other = n + 1;
	uint32_t to = 0;

	(void)state;
	while (same_chain(other) == other) {
		other++;
	}
	tdbfile_close(new_file_of(200, FEW_CHAINS));
	bytes = read_file(path, &len);
	to = (uint32_t)record_at(bytes, len, other);
	poke(path, record_at(bytes, len, n), (uint8_t *)&to, 4);
	free(bytes);
	file = open_good(path);
	assert_int_equal(tdbfile_walk(file, count_one, &found), EILSEQ);
	assert_true(found <= 200);
	tdbfile_close(file);
	not_whole(path, "wrong chain");
}

/*
 * A record of which tdb does not say why it cannot be read is not one that is
 * not there, even just after one that was not.
 */
static void test_silent_damage(void **state)
{
	struct tdbfile *file = NULL;
	size_t len = 0;
	uint8_t *bytes = NULL;
	unsigned int n = same_chain(0), newer = same_chain(n + 1);
	uint32_t much = 600;

	(void)state;
	tdbfile_close(new_file_of(200, FEW_CHAINS));
	bytes = read_file(path, &len);
	/* longer than the room for it: tdb sets no error code */
	poke(path, record_at(bytes, len, n) + 8, (uint8_t *)&much, 4);
	free(bytes);
	file = open_good(path);
	assert_int_equal(fetch_error(file, newer), 0);
	assert_int_equal(fetch_error(file, 200 + (n == 0)), ENOENT);
	assert_int_equal(fetch_error(file, same_chain(300)), EILSEQ);
	tdbfile_close(file);
	not_whole(path, "wrong length");
}

/* A record that nobody can find by its name is as bad as one that is lost. */
static void test_wrong_hash(void **state)
{
	size_t len = 0;
	uint8_t *bytes = NULL;
	uint32_t hash = 0;

	(void)state;
	tdbfile_close(new_file_of(200, FEW_CHAINS));
	bytes = read_file(path, &len);
	memcpy(&hash, bytes + record_at(bytes, len, 50) + 16, 4);
	hash += hash < 0x80000000u ? FEW_CHAINS : -(uint32_t)FEW_CHAINS;
	poke(path, record_at(bytes, len, 50) + 16, (uint8_t *)&hash, 4);
	free(bytes);
	not_whole(path, "wrong hash");
}

static void test_verify(void **state)
{
	struct tdbfile *file = new_file(20);

	(void)state;
	assert_int_equal(tdbfile_begin(file), 0);
	assert_int_equal(tdbfile_set_number(file, "records", 21), 0);
	assert_int_equal(tdbfile_end(file), 0);
	tdbfile_close(file);
	not_whole(path, "records: 20 were found, not 21");
	file = new_file(20);
	assert_int_equal(tdbfile_begin(file), 0);
	assert_int_equal(tdbfile_set_number(file, "versions-reserved", 19), 0);
	assert_int_equal(tdbfile_end(file), 0);
	tdbfile_close(file);
	not_whole(path, "versions: 20 was never reserved");
	tdbfile_close(new_file(20));
	set_raw(path, "versions-reserved", (const uint8_t *)"\x01torn", 5);
	not_whole(path, "a number: the checksum");
	tdbfile_close(new_file(20));
	set_raw(path, "a\x01", (const uint8_t *)"\x01torn", 5);
	not_whole(path, "a number: the checksum");
	tdbfile_close(new_file(20));
	swap_values(path, 3, 4);
	not_whole(path, "<20>: the checksum");
}

/* Free space of which the list runs in a circle. */
static void test_damaged_free_list(void **state)
{
	struct tdbfile *file = new_file(200);
	uint32_t head = 0;
	size_t len = 0;
	uint8_t *bytes = NULL;

	(void)state;
	assert_int_equal(tdbfile_begin(file), 0);
	assert_int_equal(change(file, 50, 51, -1), 0);
	assert_int_equal(tdbfile_set_number(file, "records", 199), 0);
	assert_int_equal(tdbfile_end(file), 0);
	tdbfile_close(file);
	assert_whole(path, 199);
	bytes = read_file(path, &len);
	memcpy(&head, bytes + TDB_FREE_LIST, 4);
	assert_true(head > 0 && head < len);
	poke(path, head, (uint8_t *)&head, 4);
	free(bytes);
	not_whole(path, "free space");
}

/*
 * A crash while the file grew: zeros at its end that no record tells of. tdb
 * writes behind them, and the file is as good as any.
 */
static void test_dead_space(void **state)
{
	struct tdbfile *file = new_file(200);
	struct stat st;

	(void)state;
	tdbfile_close(file);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size + 8192), 0);
	file = open_good(path);
	commit_records(file, 0, 20000, 1000);
	tdbfile_close(file);
	assert_whole(path, 20000);
	assert_true(state_is(path, 20000, 1000));
}

/* A recovery area that the header tells of, but the file had not grown yet. */
static void test_area_cut_off(void **state)
{
	struct tdbfile *file = new_file(200);
	struct stat st;
	uint32_t end = 0;

	(void)state;
	tdbfile_close(file);
	for (uint32_t less = 0; less <= TDB_RECORD; less += TDB_RECORD / 2) {
		assert_int_equal(stat(path, &st), 0);
		end = (uint32_t)st.st_size + TDB_RECORD / 2 - less;
		poke(path, TDB_RECOVERY, (uint8_t *)&end, 4);
		file = open_good(path);
		commit_records(file, 0, 200, less);
		tdbfile_close(file);
		assert_whole(path, 200);
		assert_true(state_is(path, 200, less));
	}
}

/*
 * A file that was growing and ends inside a page. It shows when it grows again
 * while the recovery area is large enough already.
 */
static void test_growth_cut_off(void **state)
{
	struct tdbfile *file = new_file(20000);
	struct stat st;

	(void)state;
	commit_records(file, 0, 20000, 1001);
	tdbfile_close(file);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size + 512), 0);
	file = open_good(path);
	for (unsigned int n = 20000; n < 60000; n += 1000) {
		commit_records(file, n, n + 1000, 1001);
	}
	tdbfile_close(file);
	assert_whole(path, 60000);
}

/* An end that looks like a free record, and is in no list of such. */
static void test_false_end(void **state)
{
	/* from a crash image; a reader of libtdb would join what it grows by */
	static const uint32_t end[] = {
		0xfd6e4, 0x98, 0x11, 0x33, 0x34bc9a5f, 0xd9fee666,
	};
	uint32_t page[1024] = { 0 };
	struct tdbfile *file = new_file(100);
	struct stat st;

	(void)state;
	tdbfile_close(file);
	assert_int_equal(stat(path, &st), 0);
	memcpy(&page[1024 - 44], end, sizeof(end));
	page[1023] = 176;
	poke(path, (size_t)st.st_size, (uint8_t *)page, sizeof(page));
	file = open_good(path);
	commit_records(file, 100, 20100, 1001);	/* it grows by records first */
	tdbfile_close(file);
	assert_whole(path, 20100);
}

static int copy_one(struct tdb_context *tdb, TDB_DATA key, TDB_DATA value,
		    void *arg)
{
	(void)tdb;
	return tdb_store(arg, key, value, TDB_INSERT);
}

/* What tdbbackup makes of a file: another hash function, or byte order. */
static void remade(int flags)
{
	struct tdb_context *from = NULL, *to = NULL;
	struct tdbfile *file = NULL;

	tdbfile_close(new_file(200));
	from = tdb_open(path, 0, 0, O_RDONLY, 0);
	unlink(copy);
	to = tdb_open(copy, 1009, flags, O_RDWR | O_CREAT, 0600);
	assert_true(from != NULL && to != NULL);
	assert_true(tdb_traverse_read(from, copy_one, to) > 200);
	tdb_close(from);
	tdb_close(to);
	assert_whole(copy, 200);
	file = open_good(copy);
	commit_records(file, 200, 300, 1000);
	tdbfile_close(file);
	assert_true(state_is(copy, 300, 1000));
	assert_whole(copy, 300);
}

static void test_remade(void **state)
{
	(void)state;
	remade(TDB_DEFAULT);
	remade(TDB_INCOMPATIBLE_HASH | TDB_CONVERT);
}

/* ---- two threads ---- */

struct walker {
	struct tdbfile *file;
	unsigned int count;
	int err;
	_Atomic bool done;
};

static void *walk(void *arg)
{
	struct walker *walker = arg;

	walker->err = tdbfile_walk(walker->file, count_one, &walker->count);
	walker->done = true;
	return NULL;
}

static void test_fetch_beside_walk(void **state)
{
	struct walker walker = { .file = new_file(20000) };
	pthread_t thread;
	unsigned int fetched = 0;
	uint64_t number = 0;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, walk, &walker), 0);
	do {
		assert_true(has_record(walker.file, fetched % 20000, 1000));
		assert_false(has_record(walker.file, 20000 + fetched, 1000));
		assert_int_equal(tdbfile_number(walker.file, "records",
						&number), 0);
		assert_int_equal(number, 20000);
		fetched++;
	} while (!walker.done);
	pthread_join(thread, NULL);
	print_message("%u fetches during a walk\n", fetched);
	assert_int_equal(walker.err, 0);
	assert_int_equal(walker.count, 20000);
	tdbfile_close(walker.file);
}

static int stop_at_five(void *arg, const uint8_t *key, size_t key_len,
			const uint8_t *value, size_t value_len)
{
	unsigned int *count = arg;

	(void)key, (void)key_len, (void)value, (void)value_len;
	return ++*count == 5 ? ECANCELED : 0;
}

static void test_walk_stops(void **state)
{
	struct tdbfile *file = new_file(300);
	unsigned int count = 0;

	(void)state;
	assert_int_equal(tdbfile_walk(file, stop_at_five, &count), ECANCELED);
	assert_int_equal(count, 5);
	assert_int_equal(count_records(file), 300);
	tdbfile_close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reopen),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_bad_batch),
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_newer),
		cmocka_unit_test(test_damaged_format),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_leftover),
		cmocka_unit_test(test_damaged_bytes),
		cmocka_unit_test(test_circle),
		cmocka_unit_test(test_crossed_chains),
		cmocka_unit_test(test_silent_damage),
		cmocka_unit_test(test_wrong_hash),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_damaged_free_list),
		cmocka_unit_test(test_dead_space),
		cmocka_unit_test(test_area_cut_off),
		cmocka_unit_test(test_growth_cut_off),
		cmocka_unit_test(test_false_end),
		cmocka_unit_test(test_remade),
		cmocka_unit_test(test_fetch_beside_walk),
		cmocka_unit_test(test_walk_stops),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
