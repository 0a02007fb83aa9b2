/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The real file: reopened, refused, damaged, and with every disk call of a
 * commit failing once. libtdb's calls to the C library come here first, as a
 * program's own functions stand before those of its libraries.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <tdb.h>
#include <unistd.h>

#include "codec/dbrec.h"
#include "store_world.h"

/* ---- a disk that fails ---- */

static unsigned int fail_at;	/* the n-th call from now; 0 = none */
static int fail_error;
static bool fail_for_good;	/* and all after it */
static unsigned int calls;

static bool fails(void)
{
	calls++;
	if (fail_at == 0 || calls < fail_at ||
	    (calls > fail_at && !fail_for_good)) {
		return false;
	}
	errno = fail_error;
	return true;
}

#define SHIM __attribute__((visibility("default")))
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* the ways of libtdb to give up a handle leave its memory (see the head of
 * tdb_backend.c) */
SHIM const char *__lsan_default_suppressions(void);
SHIM const char *__lsan_default_suppressions(void)
{
	return "leak:tdb_open_ex\nleak:tdb_transaction";
}

SHIM ssize_t pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	return fails() ? -1 : REAL(pwrite)(fd, buf, len, offset);
}

SHIM int ftruncate(int fd, off_t len)
{
	return fails() ? -1 : REAL(ftruncate)(fd, len);
}

SHIM int posix_fallocate(int fd, off_t offset, off_t len)
{
	return fails() ? fail_error : REAL(posix_fallocate)(fd, offset, len);
}

SHIM int fdatasync(int fd)
{
	return fails() ? -1 : REAL(fdatasync)(fd);
}

SHIM int fsync(int fd)
{
	return fails() ? -1 : REAL(fsync)(fd);
}

SHIM int msync(void *addr, size_t len, int flags)
{
	return fails() ? -1 : REAL(msync)(addr, len, flags);
}

static void disk_fails(unsigned int n, int error, bool for_good)
{
	calls = 0;
	fail_at = n;
	fail_error = error;
	fail_for_good = for_good;
}

/* ---- files ---- */

static char dir[] = "/tmp/winsd-tdb-XXXXXX";
static char path[64], copy[64];

static int setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/wins.tdb", dir);
	snprintf(copy, sizeof(copy), "%s/copy.tdb", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	unlink(copy);
	return rmdir(dir);
}

static uint8_t *read_file(const char *name, size_t *len)
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

static void write_file(const char *name, const void *bytes, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static void copy_file(const char *from, const char *to)
{
	size_t len = 0;
	uint8_t *bytes = read_file(from, &len);

	write_file(to, bytes, len);
	free(bytes);
}

/* ---- stores on them ---- */

struct opened {
	void *ctx;
	struct store_backend backend;
	struct store *store;
	char *message;
};

static int open_any(struct opened *o, const char *name, bool durable)
{
	int err = 0;

	memset(o, 0, sizeof(*o));
	o->ctx = talloc_new(NULL);
	err = store_tdb_backend(o->ctx, name, durable, &o->backend,
				&o->message);
	if (err == 0) {
		err = store_create(o->ctx, &world, &o->backend, &o->store,
				   &o->message);
	}
	return err;
}

static void open_good(struct opened *o, const char *name)
{
	int err = open_any(o, name, true);

	if (err != 0) {
		fail_msg("%s: %s", strerror(err), o->message);
	}
}

static void close_all(struct opened *o)
{
	talloc_free(o->store);
	talloc_free(o->ctx);
}

/* Refused with this errno and these words; the file is left as it is. */
static void refused(const char *name, int want, const char *words,
		    const char *command)
{
	struct opened o;
	size_t before_len = 0, after_len = 0;
	uint8_t *before = read_file(name, &before_len), *after = NULL;

	assert_int_equal(open_any(&o, name, true), want);
	assert_non_null(o.message);
	if (strstr(o.message, name) == NULL ||
	    strstr(o.message, words) == NULL ||
	    strstr(o.message, command) == NULL ||
	    strchr(o.message, '\n') != NULL) {
		fail_msg("message: %s", o.message);
	}
	close_all(&o);
	after = read_file(name, &after_len);
	assert_int_equal(before_len, after_len);
	assert_memory_equal(before, after, after_len);
	free(before);
	free(after);
}

static void fill(struct store *store, unsigned int from, unsigned int to,
		 int64_t expires)
{
	store_begin(store);
	for (unsigned int i = from; i < to; i++) {
		struct nb_record rec = record_n(i, expires);

		assert_int_equal(store_put(store, &rec, true), 0);
	}
	store_commit(store, done_ok, NULL);
}

static void new_file(unsigned int records)
{
	struct opened o;

	unlink(path);
	open_good(&o, path);
	fill(o.store, 0, records, 1000);
	close_all(&o);
}

static void test_reopen(void **state)
{
	struct opened o;
	struct stat st;
	struct nb_name name = name_n(5);
	struct nb_record rec, before;
	struct store_stats stats;
	uint64_t number = 0;

	(void)state;
	unlink(path);
	open_good(&o, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	fill(o.store, 0, 300, 1000);
	store_begin(o.store);
	assert_int_equal(store_delete(o.store, &name), 0);
	assert_int_equal(store_set_mark(o.store, 111, 99), 0);
	assert_int_equal(store_set_meta(o.store, "alive", 7), 0);
	store_commit(o.store, done_ok, NULL);
	name = name_n(6);
	assert_true(store_get(o.store, &name, &before));
	close_all(&o);

	open_good(&o, path);
	store_stats(o.store, &stats);
	assert_int_equal(stats.records, 299);
	assert_true(store_get(o.store, &name, &rec));
	assert_true(same_record(&rec, &before));
	assert_int_equal(store_mark(o.store, 111), 99);
	assert_true(store_get_meta(o.store, "alive", &number));
	assert_true(store_mark(o.store, NB_SELF) >= 300);
	fill(o.store, 5, 6, 1000);
	name = name_n(5);
	assert_true(store_get(o.store, &name, &rec));
	assert_true(rec.version > 300);
	assert_true(rec.revision > 301);
	close_all(&o);
	open_any(&o, path, false);	/* not durable, the same otherwise */
	fill(o.store, 5, 6, 1001);
	close_all(&o);
	open_good(&o, path);
	assert_true(store_get(o.store, &name, &rec));
	assert_int_equal(rec.expires, 1001);
	close_all(&o);
}

/* Whoever holds only the backend leaks nothing, and may close it twice. */
static void test_backend_alone(void **state)
{
	struct store_backend backend;
	void *ctx = talloc_new(NULL);
	char *message = NULL;

	(void)state;
	new_file(1);
	assert_int_equal(store_tdb_backend(ctx, path, true, &backend,
					   &message), 0);
	assert_string_equal(backend.name, path);
	backend.close(backend.priv);
	backend.close(backend.priv);
	talloc_free(ctx);
	assert_int_equal(store_tdb_backend(NULL, path, true, &backend,
					   &message), 0);
	talloc_free(backend.priv);
}

static void set_raw(const char *name, const char *meta, const uint8_t *value,
		    size_t len)
{
	struct tdb_context *tdb = tdb_open(name, 0, 0, O_RDWR, 0);
	uint8_t key[DBREC_KEY_MAX];
	TDB_DATA k = { key, dbrec_key_meta(key, meta) };
	TDB_DATA v = { (uint8_t *)value, len };

	assert_non_null(tdb);
	if (value == NULL) {
		assert_int_equal(tdb_delete(tdb, k), 0);
	} else {
		assert_int_equal(tdb_store(tdb, k, v, TDB_REPLACE), 0);
	}
	tdb_close(tdb);
}

static void test_newer(void **state)
{
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_meta(key, "format");

	(void)state;
	new_file(3);
	set_raw(path, "format", value,
		dbrec_encode_number(value, key, key_len, 2));
	refused(path, EPROTONOSUPPORT, "newer", "winsmigrate export");
	/* so new that even this number is written in another way */
	set_raw(path, "format", (const uint8_t *)"\x02garbage", 8);
	refused(path, EPROTONOSUPPORT, "newer", "winsmigrate export");
}

static void test_damaged_meta(void **state)
{
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_meta(key, "format");

	(void)state;
	new_file(3);
	set_raw(path, "format", (const uint8_t *)"\x01garbage", 8);
	refused(path, EILSEQ, "checksum", "winsrepair check");
	set_raw(path, "format", (const uint8_t *)"", 0);
	refused(path, EILSEQ, "too short", "winsrepair salvage");
	set_raw(path, "format", value,
		dbrec_encode_number(value, key, key_len, 0));
	refused(path, EILSEQ, "format 0", "winsrepair check");
	new_file(3);
	set_raw(path, "versions-reserved", (const uint8_t *)"\x01torn", 5);
	refused(path, EILSEQ, "number versions-reserved", "winsrepair salvage");
	new_file(3);
	set_raw(path, "versions-reserved", NULL, 0);
	refused(path, EILSEQ, "never reserved", "winsrepair check");
}

static void test_foreign(void **state)
{
	struct tdb_context *tdb = NULL;
	struct opened o;
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
	refused(path, EILSEQ, "not a tdb file", "winsrepair check");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_not_equal(open_any(&o, path, true), 0);
	assert_non_null(strstr(o.message, path));
	close_all(&o);
	rmdir(path);
	assert_int_equal(open_any(&o, "/nonexistent/dir/wins.tdb", true),
			 ENOENT);
	assert_non_null(strstr(o.message, "/nonexistent/dir/wins.tdb"));
	close_all(&o);
}

/* What a crash left of making a new file is in nobody's way. */
static void test_leftover(void **state)
{
	char temp[80];
	struct opened o;
	struct store_stats stats;

	(void)state;
	unlink(path);
	snprintf(temp, sizeof(temp), "%s.new", path);
	write_file(temp, "half of a file", 14);
	open_good(&o, path);
	store_stats(o.store, &stats);
	assert_int_equal(stats.records, 0);
	close_all(&o);
	assert_int_equal(access(temp, F_OK), -1);
}

/* Making the file fails at each call: then there is no file. */
static void test_create_fails(void **state)
{
	unsigned int total = 0;

	(void)state;
	unlink(path);
	disk_fails(0, 0, false);
	new_file(0);
	total = calls;
	assert_true(total >= 2);
	for (unsigned int n = 1; n <= total; n++) {
		struct opened o;
		int err = 0;

		unlink(path);
		disk_fails(n, ENOSPC, false);
		err = open_any(&o, path, true);
		disk_fails(0, 0, false);
		close_all(&o);
		if (err != 0 && access(path, F_OK) == 0) {
			/* only the folder's sync came too late */
			assert_int_equal(n, total);
		}
		open_good(&o, path);
		close_all(&o);
	}
}

/* ---- damage ---- */

static bool is_whole(struct store *store, unsigned int records)
{
	struct store_stats stats;

	store_stats(store, &stats);
	for (unsigned int i = 0; i < records; i++) {
		struct nb_name name = name_n(i);
		struct nb_record rec, want = record_n(i, 1000);

		if (!store_get(store, &name, &rec)) {
			return false;
		}
		want.version = want.revision = i + 1;
		if (!same_record(&rec, &want)) {
			return false;
		}
	}
	return stats.records == records;
}

/*
 * One byte of the file changed: the start is refused, or (the byte lies in
 * free space or in the slack of a record) all records are there as they were.
 */
static void test_damaged_bytes(void **state)
{
	size_t len = 0;
	uint8_t *bytes = NULL;
	unsigned int refusals = 0;

	(void)state;
	dice_seed("bytes");
	new_file(2000);
	bytes = read_file(path, &len);
	for (unsigned int i = 0; i < 400; i++) {
		/* half of them among the records, which lie at the end */
		size_t at = i % 2 == 0 ? dice((uint32_t)len) :
			    len - 1 - dice((uint32_t)len / 4);
		uint8_t was = bytes[at];
		struct opened o;
		int fd = open(path, O_WRONLY);

		bytes[at] = (uint8_t)(was ^ (1 + dice(255)));
		assert_int_equal(REAL(pwrite)(fd, &bytes[at], 1, (off_t)at),
				 1);
		if (open_any(&o, path, true) != 0) {
			assert_non_null(strstr(o.message, path));
			assert_non_null(strstr(o.message, "winsrepair check"));
			refusals++;
		} else if (!is_whole(o.store, 2000)) {
			fail_msg("byte %zu from %u to %u goes unseen", at, was,
				 bytes[at]);
		}
		close_all(&o);
		bytes[at] = was;
		assert_int_equal(REAL(pwrite)(fd, &was, 1, (off_t)at), 1);
		close(fd);
	}
	free(bytes);
	assert_true(refusals > 20);
}

/* ---- a commit with a call that fails ---- */

struct result {
	int error;
	bool called;
};

static void on_done(void *arg, int error)
{
	struct result *result = arg;

	assert_false(result->called);
	result->called = true;
	result->error = error;
}

/*
 * Big enough that the file must grow; all values change. The error is that of
 * the commit, or of the first put if the store takes none.
 */
static void big_turn(struct store *store, int64_t expires,
		     struct result *result)
{
	struct nb_name gone = name_n(3);
	bool refused = store_health(store) != STORE_OK;
	int err = 0;

	store_begin(store);
	for (unsigned int i = 0; i < 400; i++) {
		struct nb_record rec = record_n(i, expires);

		err = store_put(store, &rec, false);
		assert_int_equal(err != 0, refused);
	}
	assert_int_equal(store_delete(store, &gone), err);
	store_commit(store, on_done, result);
	assert_true(result->called);
	result->error = err != 0 ? err : result->error;
}

/* Are all records those of this turn? 1000: of the first. */
static void assert_state(struct store *store, int64_t expires)
{
	struct store_stats stats;

	store_stats(store, &stats);
	assert_int_equal(stats.records, expires == 1000 ? 200 : 399);
	for (unsigned int i = 0; i < 200; i++) {
		struct nb_name name = name_n(i);
		struct nb_record rec;

		if (i == 3 && expires != 1000) {
			assert_false(store_get(store, &name, &rec));
			continue;
		}
		assert_true(store_get(store, &name, &rec));
		assert_int_equal(rec.expires, expires);
	}
}

/*
 * The n-th disk call of a commit fails. Memory and what a crash would leave
 * must be the old state after an error and the new one after a success, and
 * the next commit works, unless nobody knows what is on the disk or the file
 * is given up; then it fails, too.
 */
static bool failing_commit(unsigned int n, int error, bool for_good)
{
	struct result first = { 0 }, second = { 0 };
	struct opened o, after;
	int64_t expect = 0;
	bool reached = false;

	copy_file(path, copy);
	open_good(&o, copy);
	disk_fails(n, error, for_good);
	big_turn(o.store, 2000, &first);
	reached = calls >= n;
	disk_fails(0, 0, false);
	expect = first.error == 0 ? 2000 : 1000;
	assert_state(o.store, expect);

	unlink(path);
	copy_file(copy, path);		/* what another process would find */
	open_good(&after, path);
	assert_state(after.store, expect);
	close_all(&after);

	world_timer_run();
	big_turn(o.store, 3000, &second);
	if (first.error == EIO) {
		assert_int_equal(second.error, EROFS);
	} else if (second.error != 0) {
		assert_int_equal(first.error, ENOSPC);
		assert_int_equal(second.error, first.error);
	} else {
		expect = 3000;
	}
	assert_state(o.store, expect);
	close_all(&o);
	unlink(path);
	copy_file(copy, path);
	open_good(&after, path);
	assert_state(after.store, expect);
	close_all(&after);
	unlink(copy);
	return reached;
}

static void failing_commits(int error, bool for_good)
{
	unsigned int n = 1;
	bool reached = true;

	for (n = 1; reached; n++) {
		new_file(200);
		reached = failing_commit(n, error, for_good);
	}
	print_message("%s%s: %u calls failed\n", strerror(error),
		      for_good ? " for good" : "", n - 2);
	assert_true(n > 6);
}

static void test_failing_calls(void **state)
{
	(void)state;
	failing_commits(ENOSPC, false);
	failing_commits(EIO, false);
	failing_commits(EIO, true);
}

/*
 * A file that was cut: refused, unless what was cut off was free space. Then
 * commits may fail, but the records stay what they were.
 */
static void test_truncated(void **state)
{
	size_t len = 0;
	uint8_t *bytes = NULL, *record = NULL;

	(void)state;
	new_file(200);
	bytes = read_file(path, &len);
	for (unsigned int i = 1; i < 16; i++) {
		struct result result = { 0 };
		struct opened o;

		write_file(path, bytes, len * i / 16);
		if (open_any(&o, path, true) != 0) {
			close_all(&o);
			refused(path, EILSEQ, path, "winsrepair");
			continue;
		}
		assert_true(is_whole(o.store, 200));
		big_turn(o.store, 2000, &result);
		assert_state(o.store, result.error == 0 ? 2000 : 1000);
		close_all(&o);
		open_good(&o, path);
		assert_state(o.store, result.error == 0 ? 2000 : 1000);
		close_all(&o);
	}
	/* zeros where records were */
	record = memmem(bytes, len, "RNAME-77", 9);
	assert_true(record != NULL && record + 1024 < bytes + len);
	memset(record, 0, 1024);
	write_file(path, bytes, len);
	refused(path, EILSEQ, path, "winsrepair");
	free(bytes);
}

/* A full disk says so, whatever libtdb and the kernel call it. */
static void test_full_disk(void **state)
{
	static const int errors[] = { ENOSPC, EDQUOT };
	struct opened o;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct result result = { 0 };

		new_file(200);
		open_good(&o, path);
		disk_fails(1, errors[i], true);
		big_turn(o.store, 2000, &result);
		disk_fails(0, 0, false);
		assert_int_equal(result.error, ENOSPC);
		assert_state(o.store, 1000);
		result.called = false;
		world_timer_run();
		big_turn(o.store, 2000, &result);
		assert_int_equal(result.error, 0);
		assert_state(o.store, 2000);
		close_all(&o);
	}
}

/* A batch that ends in the middle of a change is refused whole. */
static void test_bad_batch(void **state)
{
	struct {
		uint32_t key_len;
		uint32_t value_len;
		char bytes[6];
	} change[2] = { { 2, 4, "Xyzzzz" }, { 2, 5, "Xzzzzz" } };
	struct store_batch batch = {
		.len = 14 + 8 + 6,
		.changes = 2,
	};
	uint8_t bytes[28];
	struct result result = { 0 };
	struct opened o;

	(void)state;
	memcpy(bytes, &change[0], 14);
	memcpy(bytes + 14, &change[1], 14);
	batch.data = bytes;
	new_file(200);
	open_good(&o, path);
	o.backend.commit(o.backend.priv, &batch, on_done, &result);
	assert_true(result.called);
	assert_int_equal(result.error, EINVAL);
	result.called = false;
	big_turn(o.store, 2000, &result);
	assert_int_equal(result.error, 0);
	close_all(&o);
	open_good(&o, path);	/* a key "Xy" would be refused */
	assert_state(o.store, 2000);
	close_all(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reopen),
		cmocka_unit_test(test_backend_alone),
		cmocka_unit_test(test_newer),
		cmocka_unit_test(test_damaged_meta),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_leftover),
		cmocka_unit_test(test_create_fails),
		cmocka_unit_test(test_damaged_bytes),
		cmocka_unit_test(test_failing_calls),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_bad_batch),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
