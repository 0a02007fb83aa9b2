/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of tdbfile share: a folder, files of records in it, ways to
 * damage them, and what must be in them. Include it first.
 */
#ifndef WINSD_TEST_UNIT_TDBFILE_WORLD_H
#define WINSD_TEST_UNIT_TDBFILE_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <tdb.h>
#include <unistd.h>

#include "codec/dbrec.h"
#include "store/batch.h"
#include "store/tdbfile.h"
#include "store_world.h"

/* libtdb's layout: where it says where the recovery area is and where the list
 * of free space begins, a record's header */
#define TDB_RECOVERY	44
#define TDB_FREE_LIST	168
#define TDB_RECORD	24

static char dir[] = "/tmp/winsd-tdbfile-XXXXXX";
static char path[64], copy[64], temp[80];

UNUSED int setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/wins.tdb", dir);
	snprintf(copy, sizeof(copy), "%s/copy.tdb", dir);
	snprintf(temp, sizeof(temp), "%s.new", path);
	return 0;
}

UNUSED int teardown(void **state)
{
	(void)state;
	unlink(path);
	unlink(copy);
	unlink(temp);
	return rmdir(dir);
}

/* ---- files as bytes ---- */

UNUSED uint8_t *read_file(const char *name, size_t *len)
{
	uint8_t *bytes = NULL;
	struct stat st;
	int fd = open(name, O_RDONLY);

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	*len = (size_t)st.st_size;
	bytes = malloc(*len + 1);
	assert_int_equal(read(fd, bytes, *len), st.st_size);
	close(fd);
	return bytes;
}

UNUSED void write_file(const char *name, const void *bytes, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

UNUSED void copy_file(const char *from, const char *to)
{
	size_t len = 0;
	uint8_t *bytes = read_file(from, &len);

	unlink(to);
	write_file(to, bytes, len);
	free(bytes);
}

UNUSED void poke(const char *name, size_t at, const uint8_t *bytes, size_t len)
{
	int fd = open(name, O_WRONLY);

	assert_int_equal(lseek(fd, (off_t)at, SEEK_SET), at);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

/* ---- files as databases ---- */

UNUSED int open_any(const char *name, bool durable, struct tdbfile **file,
		    char **message)
{
	struct tdbfile_config config = { .path = name, .durable = durable };
	int err = tdbfile_open(&config, file, message);

	assert_true((err == 0) == (*file != NULL));
	assert_true((err == 0) == (*message == NULL));
	return err;
}

UNUSED struct tdbfile *open_good(const char *name)
{
	struct tdbfile *file = NULL;
	char *message = NULL;

	if (open_any(name, true, &file, &message) != 0) {
		fail_msg("%s", message);
	}
	return file;
}

/* The record of number n as a change; a time below 0 deletes it. */
UNUSED void add_change(struct store_batch *batch, unsigned int n, int64_t when)
{
	struct nb_record rec = record_n(n, when);
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_record(key, &rec.name);

	rec.version = rec.revision = n + 1;
	assert_true(batch_reserve(batch, BATCH_CHANGE_MAX));
	batch_add(batch, key, key_len, when < 0 ? NULL : value,
		  dbrec_encode(value, key, key_len, &rec));
}

UNUSED int change(struct tdbfile *file, unsigned int from, unsigned int to,
		  int64_t when)
{
	struct store_batch batch = { 0 };
	int err = 0;

	for (unsigned int n = from; n < to; n++) {
		add_change(&batch, n, when);
	}
	err = tdbfile_changes(file, &batch);
	batch_free(&batch);
	return err;
}

/* Records up to `to` in all. */
UNUSED int try_commit(struct tdbfile *file, unsigned int from, unsigned int to,
		      int64_t when)
{
	int err = tdbfile_begin(file);

	if (err == 0) {
		err = change(file, from, to, when);
	}
	if (err == 0) {
		err = tdbfile_set_number(file, "records", to);
	}
	if (err == 0) {
		err = tdbfile_set_number(file, "versions-reserved", to + 1000);
	}
	return err == 0 ? tdbfile_end(file) : err;
}

UNUSED void commit_records(struct tdbfile *file, unsigned int from,
			   unsigned int to, int64_t when)
{
	assert_int_equal(try_commit(file, from, to, when), 0);
}

UNUSED struct tdbfile *new_file_of(unsigned int records, unsigned int chains)
{
	struct tdbfile_config config = {
		.path = path,
		.durable = true,
		.chains = chains,
	};
	struct tdbfile *file = NULL;
	char *message = NULL;

	unlink(path);
	if (tdbfile_open(&config, &file, &message) != 0) {
		fail_msg("%s", message);
	}
	commit_records(file, 0, records, 1000);
	return file;
}

UNUSED struct tdbfile *new_file(unsigned int records)
{
	return new_file_of(records, 0);
}

/* A number written as these bytes, or deleted. */
UNUSED void set_raw(const char *name, const char *meta, const uint8_t *value,
		    size_t len)
{
	struct tdb_context *tdb = tdb_open(name, 0, 0, O_RDWR, 0);
	uint8_t key[DBREC_KEY_MAX];
	TDB_DATA k = { key, dbrec_key_meta(key, meta) };
	TDB_DATA v = { (uint8_t *)value, len };

	assert_non_null(tdb);
	assert_int_equal(value == NULL ? tdb_delete(tdb, k) :
			 tdb_store(tdb, k, v, TDB_REPLACE), 0);
	tdb_close(tdb);
}

/* Each record under the other's key. */
UNUSED void swap_values(const char *name, unsigned int one, unsigned int two)
{
	struct tdb_context *tdb = tdb_open(name, 0, 0, O_RDWR, 0);
	uint8_t key[2][DBREC_KEY_MAX];
	struct nb_name names[2] = { name_n(one), name_n(two) };
	TDB_DATA k[2], v[2];

	assert_non_null(tdb);
	for (int i = 0; i < 2; i++) {
		k[i].dptr = key[i];
		k[i].dsize = dbrec_key_record(key[i], &names[i]);
		v[i] = tdb_fetch(tdb, k[i]);
		assert_non_null(v[i].dptr);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tdb_store(tdb, k[i], v[1 - i], TDB_MODIFY), 0);
		free(v[1 - i].dptr);
	}
	tdb_close(tdb);
}

/* Where in the file the record of this name begins. */
UNUSED size_t record_of(const char *text, uint8_t suffix, const uint8_t *bytes,
			size_t len)
{
	uint8_t key[DBREC_KEY_MAX];
	struct nb_name name = nb_name_make((const uint8_t *)text, strlen(text),
					   suffix);
	size_t key_len = dbrec_key_record(key, &name);
	const uint8_t *at = bytes, *end = bytes + len;

	while ((at = memmem(at, (size_t)(end - at), key, key_len)) != NULL) {
		uint32_t magic = 0;

		/* not what is in the recovery area */
		memcpy(&magic, at - 4, 4);
		if (magic == 0x26011999u && (at - bytes) % 4 == 0) {
			return (size_t)(at - bytes) - TDB_RECORD;
		}
		at++;
	}
	fail_msg("%s is not in the file", text);
	return 0;
}

/* ---- what must be so ---- */

struct fetched {
	const uint8_t *key;
	size_t key_len;
	const char *wrong;
	struct nb_record rec;
};

UNUSED void on_value(void *arg, const uint8_t *value, size_t value_len)
{
	struct fetched *got = arg;

	got->wrong = dbrec_decode(got->key, got->key_len, value, value_len,
				  &got->rec);
}

UNUSED int fetch_error(struct tdbfile *file, unsigned int n)
{
	uint8_t key[DBREC_KEY_MAX];
	struct nb_name name = name_n(n);
	struct fetched got = { .key = key };

	got.key_len = dbrec_key_record(key, &name);
	return tdbfile_fetch(file, key, got.key_len, on_value, &got);
}

/* Is number n there, with this time? Another time fails the test. */
UNUSED bool has_record(struct tdbfile *file, unsigned int n, int64_t when)
{
	uint8_t key[DBREC_KEY_MAX];
	struct nb_record want = record_n(n, when);
	struct fetched got = { .key = key };
	int err = 0;

	got.key_len = dbrec_key_record(key, &want.name);
	err = tdbfile_fetch(file, key, got.key_len, on_value, &got);
	if (err == ENOENT) {
		return false;
	}
	assert_int_equal(err, 0);
	assert_null(got.wrong);
	want.version = want.revision = n + 1;
	assert_true(same_record(&got.rec, &want));
	return true;
}

UNUSED int count_one(void *arg, const uint8_t *key, size_t key_len,
		     const uint8_t *value, size_t value_len)
{
	(void)value, (void)value_len;
	*(unsigned int *)arg += key_len > 0 && key[0] == DBREC_RECORD;
	return 0;
}

UNUSED unsigned int count_records(struct tdbfile *file)
{
	unsigned int count = 0;

	assert_int_equal(tdbfile_walk(file, count_one, &count), 0);
	return count;
}

UNUSED void assert_whole(const char *name, uint64_t records)
{
	uint64_t found = 0, reserved = 0;
	char *message = NULL;

	if (tdbfile_verify(name, &found, &reserved, &message) != 0) {
		fail_msg("%s", message);
	}
	assert_int_equal(found, records);
	assert_true(reserved >= records);
}

UNUSED void not_whole(const char *name, const char *words)
{
	uint64_t found = 0, reserved = 0;
	char *message = NULL;

	assert_int_equal(tdbfile_verify(name, &found, &reserved, &message),
			 EILSEQ);
	if (strstr(message, words) == NULL || strstr(message, name) == NULL ||
	    strstr(message, "winsrepair check") == NULL) {
		fail_msg("message: %s", message);
	}
	free(message);
}

/* Are all of them there, of that time, and nothing else? */
UNUSED bool state_is(const char *name, unsigned int records, int64_t when)
{
	struct tdbfile *file = open_good(name);
	bool same = count_records(file) == records;

	for (unsigned int n = 0; same && n < records; n++) {
		same = has_record(file, n, when);
	}
	tdbfile_close(file);
	return same;
}

/* Refused with this errno and these words; the file is left as it is. */
UNUSED void refused(const char *name, int want, const char *words,
		    const char *command)
{
	struct tdbfile *file = NULL;
	char *message = NULL;
	size_t before_len = 0, after_len = 0;
	uint8_t *before = read_file(name, &before_len), *after = NULL;

	assert_int_equal(open_any(name, true, &file, &message), want);
	if (strstr(message, name) == NULL || strstr(message, words) == NULL ||
	    strstr(message, command) == NULL ||
	    strchr(message, '\n') != NULL) {
		fail_msg("message: %s", message);
	}
	free(message);
	after = read_file(name, &after_len);
	assert_int_equal(before_len, after_len);
	assert_memory_equal(before, after, after_len);
	free(before);
	free(after);
}

#endif
