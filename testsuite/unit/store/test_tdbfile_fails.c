/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wins.tdb on disks that fail: each call of a transaction once, twice, for
 * good; a disk that is really full; files that a crash left in the middle of a
 * transaction. libtdb's calls to the C library come here first, as a program's
 * own functions stand before those of its libraries.
 */
#include "tdbfile_world.h"

#include <dlfcn.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

/* ---- a disk that fails ---- */

static unsigned int fail_from, fail_to;	/* the n-th call from now; 0 = none */
static int fail_error;
static bool fail_syncs_only, a_sync_failed;
static unsigned int calls, syncs;

static bool fails(bool is_sync)
{
	syncs += is_sync;
	if (fail_syncs_only && !is_sync) {
		return false;
	}
	calls++;
	if (fail_from == 0 || calls < fail_from || calls > fail_to) {
		return false;
	}
	errno = fail_error;
	a_sync_failed = a_sync_failed || is_sync;
	return true;
}

#define SHIM __attribute__((visibility("default")))
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FOR_GOOD	0xffffffffu

SHIM ssize_t pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	return fails(false) ? -1 : REAL(pwrite)(fd, buf, len, offset);
}

SHIM ssize_t write(int fd, const void *buf, size_t len)
{
	return fd > 2 && fails(false) ? -1 : REAL(write)(fd, buf, len);
}

SHIM int ftruncate(int fd, off_t len)
{
	return fails(false) ? -1 : REAL(ftruncate)(fd, len);
}

SHIM int posix_fallocate(int fd, off_t offset, off_t len)
{
	int saved = errno;

	if (fails(false)) {
		errno = saved;		/* it does not set it */
		return fail_error;
	}
	return REAL(posix_fallocate)(fd, offset, len);
}

SHIM int rename(const char *from, const char *to)
{
	return fails(false) ? -1 : REAL(rename)(from, to);
}

SHIM int link(const char *from, const char *to)
{
	return fails(false) ? -1 : REAL(link)(from, to);
}

SHIM int renameat2(int from_fd, const char *from, int to_fd, const char *to,
		   unsigned int flags)
{
	return fails(false) ? -1 : REAL(renameat2)(from_fd, from, to_fd, to,
						   flags);
}

SHIM int fdatasync(int fd)
{
	return fails(true) ? -1 : REAL(fdatasync)(fd);
}

SHIM int fsync(int fd)
{
	return fails(true) ? -1 : REAL(fsync)(fd);
}

static void disk_fails(unsigned int from, unsigned int to, int error)
{
	calls = 0;
	a_sync_failed = false;
	fail_from = from;
	fail_to = to;
	fail_error = error;
}

static void disk_works(void)
{
	disk_fails(0, 0, 0);
	fail_syncs_only = false;
}

/* ---- disks in memory: each test is a thousand commits ---- */

static void mount_in(const char *where, const char *options)
{
	if (mount("none", where, "tmpfs", 0, options) != 0) {
		fail_msg("a file system in memory: %s", strerror(errno));
	}
}

static int setup_mounted(void **state)
{
	int flags = geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS;

	if (setup(state) != 0 || unshare(flags) != 0) {
		return -1;
	}
	/* EINVAL: / is no mount of its own, as after chroot(8) */
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 &&
	    errno != EINVAL) {
		return -1;
	}
	mount_in(dir, "size=64m");
	return 0;
}

static int teardown_mounted(void **state)
{
	(void)state;
	return umount2(dir, MNT_DETACH) != 0 || rmdir(dir) != 0 ? -1 : 0;
}

/* ---- transactions ---- */

/* Big enough that the file must grow; all values change. */
#define FIRST	200u
#define SECOND	400u

static int big_commit(struct tdbfile *file, int64_t when)
{
	return try_commit(file, 0, SECOND, when);
}

#define FEW_CHAINS	101

static struct tdbfile *small_file(void)
{
	return new_file_of(FIRST, FEW_CHAINS);
}

static bool is_at(const char *name, int64_t when)
{
	return state_is(name, when == 1000 ? FIRST : SECOND, when);
}

/* One state or the other, all of it. */
static int64_t state_of(const char *name)
{
	struct tdbfile *file = open_good(name);
	unsigned int count = count_records(file);

	tdbfile_close(file);
	assert_true(is_at(name, count == FIRST ? 1000 : 2000));
	return count == FIRST ? 1000 : 2000;
}

static bool is_space(int err)
{
	return err == ENOSPC || err == EDQUOT || err == EFBIG;
}

static void nothing_to_take_back(const char *name)
{
	struct tdbfile *file = NULL;
	char *message = NULL;

	assert_int_equal(tdbfile_open_read(name, &file, &message), 0);
	tdbfile_close(file);
}

/*
 * Some calls of a commit fail. What a crash would leave must be the new state
 * after a success, the old one after a want of space, and after anything else
 * either, but all of it. The next commit works after a want of space and fails
 * with the same error after anything else. Returns whether the first of the
 * calls was reached.
 */
static bool failing_commit(unsigned int from, unsigned int to, int error)
{
	struct tdbfile *file = small_file();
	int64_t found = 0;
	bool reached = false, may_be_grave = true;
	int first = 0, second = 0;

	disk_fails(from, to, error);
	first = big_commit(file, 2000);
	reached = calls >= from;
	may_be_grave = !is_space(error) || a_sync_failed || to > from;
	disk_works();
	if (first != 0 && !(first == ENOSPC && is_space(error)) &&
	    !(first == EIO && may_be_grave)) {
		fail_msg("call %u: %s", from, strerror(first));
	}
	copy_file(path, copy);		/* what another process would find */
	if (first == ENOSPC) {
		nothing_to_take_back(copy);
	}
	found = state_of(copy);
	if ((first == 0 && found != 2000) ||
	    (first == ENOSPC && found != 1000)) {
		fail_msg("call %u: %s, but not so in the file", from,
			 strerror(first));
	}
	second = big_commit(file, 3000);
	tdbfile_close(file);
	if (first == 0 || first == ENOSPC) {
		assert_int_equal(second, 0);
		assert_true(is_at(path, 3000));
		assert_whole(path, SECOND);
	} else {
		assert_int_equal(second, first);
		assert_int_equal(state_of(path), found);
	}
	return reached;
}

static void failing_commits(unsigned int times, int error)
{
	unsigned int n = 1;

	while (failing_commit(n, times == FOR_GOOD ? FOR_GOOD : n + times - 1,
			      error)) {
		n++;
	}
	print_message("%s, %d times: %u calls failed\n", strerror(error),
		      (int)times, n - 1);
	assert_true(n > 10);
}

static void test_each_call(void **state)
{
	(void)state;
	failing_commits(1, EIO);
	failing_commits(1, ENOSPC);
	failing_commits(1, EDQUOT);
}

/*
 * Twice: the write, and the first one of putting the old state back. Then the
 * disk works again, and tdb would strike out the recovery area.
 */
static void test_two_calls(void **state)
{
	(void)state;
	failing_commits(2, EIO);
	failing_commits(2, ENOSPC);
}

static void test_for_good(void **state)
{
	(void)state;
	failing_commits(FOR_GOOD, EIO);
	failing_commits(FOR_GOOD, ENOSPC);
}

/* A sync that wants space is a sync that failed: nobody may go on. */
static void test_sync_fails(void **state)
{
	static const int errors[] = { EIO, ENOSPC, EDQUOT };

	(void)state;
	for (int i = 0; i < 3; i++) {
		unsigned int n = 0;
		bool reached = true;

		while (reached) {
			struct tdbfile *file = small_file();
			int err = 0;

			fail_syncs_only = true;
			n++;
			disk_fails(n, n, errors[i]);
			err = big_commit(file, 2000);
			reached = calls >= n;
			disk_works();
			if (reached) {
				assert_int_equal(err, EIO);
				assert_int_equal(big_commit(file, 3000), EIO);
				assert_int_equal(tdbfile_begin(file), EIO);
			}
			tdbfile_close(file);
			assert_true(state_of(path) == 2000 || reached);
		}
		assert_true(n > 3);
	}
}

/* It is our setting that counts, not somebody's environment. */
static void test_syncs(void **state)
{
	struct tdbfile *file = NULL;
	char *message = NULL;
	unsigned int usual = 0;

	(void)state;
	unlink(path);
	syncs = 0;
	file = open_good(path);
	assert_true(syncs >= 2);	/* the file and its folder */
	commit_records(file, 0, 10, 1000);
	syncs = 0;
	commit_records(file, 0, 10, 2000);
	usual = syncs;
	assert_true(usual >= 3);
	tdbfile_close(file);

	assert_int_equal(setenv("TDB_NO_FSYNC", "1", 1), 0);
	file = open_good(path);
	syncs = 0;
	commit_records(file, 0, 10, 3000);
	assert_int_equal(syncs, usual);
	tdbfile_close(file);
	assert_int_equal(unsetenv("TDB_NO_FSYNC"), 0);

	unlink(path);
	syncs = 0;
	assert_int_equal(open_any(path, false, &file, &message), 0);
	commit_records(file, 0, 10, 1000);
	tdbfile_close(file);
	assert_int_equal(syncs, 0);
	assert_true(state_is(path, 10, 1000));
}

/* ---- files that a crash left ---- */

/* An interrupted transaction: its last sync failed, all was written. */
static struct tdbfile *interrupted(void)
{
	struct tdbfile *file = small_file();
	unsigned int n = 1;

	fail_syncs_only = true;
	disk_fails(0, 0, 0);
	assert_int_equal(big_commit(file, 2000), 0);
	n = calls - 1;			/* the one after it strikes out */
	tdbfile_close(file);
	file = small_file();
	disk_fails(n, n, EIO);
	assert_int_equal(big_commit(file, 2000), EIO);
	disk_works();
	return file;
}

static void test_interrupted(void **state)
{
	struct tdbfile *file = NULL, *other = NULL;
	uint64_t records = 0, reserved = 0;
	char *message = NULL;
	size_t before_len = 0, after_len = 0;
	uint8_t *before = NULL, *after = NULL;

	(void)state;
	unlink(copy);
	file = interrupted();
	/* a copy of it is as the next start would find it */
	assert_int_equal(tdbfile_copy(file, copy, &records, &message), 0);
	assert_int_equal(records, FIRST);
	assert_whole(copy, FIRST);
	assert_true(is_at(copy, 1000));
	tdbfile_close(file);

	before = read_file(path, &before_len);
	assert_int_equal(tdbfile_open_read(path, &other, &message), EUCLEAN);
	assert_non_null(strstr(message, path));
	assert_non_null(strstr(message, "winsd"));
	free(message);
	assert_int_equal(tdbfile_verify(path, &records, &reserved, &message),
			 EUCLEAN);
	free(message);
	after = read_file(path, &after_len);
	assert_int_equal(before_len, after_len);
	assert_memory_equal(before, after, after_len);
	free(before);
	free(after);

	assert_true(is_at(path, 1000));
	assert_whole(path, FIRST);
}

/* What would be put back must lie in the file, and where it says it does. */
static void test_lying_recovery(void **state)
{
	size_t len = 0;
	uint8_t *bytes = NULL;
	uint32_t area = 0, all = 0, first = 0;

	(void)state;
	tdbfile_close(interrupted());
	bytes = read_file(path, &len);
	memcpy(&area, bytes + 44, 4);
	memcpy(&all, bytes + area + 12, 4);
	memcpy(&first, bytes + area + 28, 4);
	assert_true(first > 0 && first < all);
	{
		const struct {
			size_t at;
			uint32_t is;
		} lies[] = {
			{ 28, all - 7 },	/* one byte too long */
			{ 28, 0x7fffffff },
			{ 28, 0xfffffff8 },	/* would run in a circle */
			{ 12, 0x7fffffff },	/* all of it too long */
			/* the second piece: beyond the end */
			{ 24 + 8 + first, (uint32_t)len },
			{ 24 + 8 + first, 0xfffffff0 },
		};

		for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
			size_t at = area + lies[i].at;

			poke(path, at, (const uint8_t *)&lies[i].is, 4);
			refused(path, EILSEQ, "damaged", "winsrepair salvage");
			poke(path, at, bytes + at, 4);
		}
	}
	free(bytes);
	assert_true(is_at(path, 1000));
}

/* ---- tdb's repacking, after a commit that needed room in pieces ---- */

#define LOOSE	4000u
#define LARGE	300u

/* Every second record away: room, but none for more than one record. */
static void make_loose_file(void)
{
	struct tdbfile *file = new_file_of(LOOSE, FEW_CHAINS);

	assert_int_equal(tdbfile_begin(file), 0);
	for (unsigned int n = 0; n < LOOSE; n += 2) {
		assert_int_equal(change(file, n, n + 1, -1), 0);
	}
	assert_int_equal(tdbfile_set_number(file, "records", LOOSE / 2), 0);
	assert_int_equal(tdbfile_end(file), 0);
	tdbfile_close(file);
}

/* The next ones do not fit there. */
static int commit_large(struct tdbfile *file)
{
	struct store_batch batch = { 0 };
	int err = tdbfile_begin(file);

	for (unsigned int n = 0; err == 0 && n < LARGE; n++) {
		struct nb_record rec = record_n(LOOSE + n, 2000);
		uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
		size_t key_len = dbrec_key_record(key, &rec.name);

		rec.type = NB_SGROUP;
		rec.version = LOOSE + n;
		rec.count = NB_MEMBERS_MAX;
		for (int i = 0; i < rec.count; i++) {
			rec.member[i].ip = 0x0a000001u + (uint32_t)i;
			rec.member[i].expires = 2000;
		}
		assert_true(batch_reserve(&batch, BATCH_CHANGE_MAX));
		batch_add(&batch, key, key_len, value,
			  dbrec_encode(value, key, key_len, &rec));
	}
	if (err == 0) {
		err = tdbfile_changes(file, &batch);
	}
	batch_free(&batch);
	if (err == 0) {
		err = tdbfile_set_number(file, "records", LOOSE / 2 + LARGE);
	}
	return err == 0 ? tdbfile_end(file) : err;
}

static void test_repack(void **state)
{
	unsigned int total = 0, after = 0;
	struct tdbfile *file = NULL;
	uint8_t *loose = NULL;
	size_t len = 0;

	(void)state;
	make_loose_file();
	loose = read_file(path, &len);
	file = open_good(path);
	disk_works();
	syncs = 0;
	assert_int_equal(commit_large(file), 0);
	total = calls;
	assert_true(syncs >= 8);	/* it has repacked */
	tdbfile_close(file);
	assert_whole(path, LOOSE / 2 + LARGE);
	for (unsigned int n = 1; n <= total; n += n < 100 ? 1 : 7) {
		int err = 0;

		write_file(path, loose, len);
		file = open_good(path);
		disk_fails(n, n, ENOSPC);
		err = commit_large(file);
		disk_works();
		assert_true(err == 0 || err == ENOSPC || err == EIO);
		after = err == 0 ? after + 1 : 0;
		if (err != EIO) {
			copy_file(path, copy);
			assert_whole(copy, LOOSE / 2 + (err == 0 ? LARGE : 0));
			assert_int_equal(tdbfile_begin(file), 0);
		}
		tdbfile_close(file);
	}
	free(loose);
	assert_true(after > 3);		/* the last that failed did not hurt */
}

/* ---- files made ---- */

/* Making the file fails at each call: then there is no file. */
static void test_create_fails(void **state)
{
	unsigned int total = 0;

	(void)state;
	unlink(path);
	disk_works();
	tdbfile_close(open_good(path));
	total = calls;
	assert_true(total >= 5);
	for (unsigned int n = 1; n <= total; n++) {
		struct tdbfile *file = NULL;
		char *message = NULL;
		int err = 0;

		unlink(path);
		disk_fails(n, n, ENOSPC);
		err = open_any(path, true, &file, &message);
		disk_works();
		if (err != 0) {
			assert_non_null(strstr(message, n == total ?
				"cannot be synced" : "cannot be created"));
			/* only the folder's sync, and that of a file which
			   was opened, came too late */
			assert_true(access(path, F_OK) != 0 || n >= total - 1);
			assert_int_equal(access(temp, F_OK), -1);
		}
		free(message);
		tdbfile_close(file);
		tdbfile_close(open_good(path));
	}
}

#define FEW	20u

static void old_format(void)
{
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_meta(key, "format");

	tdbfile_close(new_file_of(FEW, FEW_CHAINS));
	set_raw(path, "format", value,
		dbrec_encode_number(value, key, key_len, 1));
}

/* A conversion fails at each call: the old file or the new one is there. */
static void test_convert_fails(void **state)
{
	char kept[96];
	bool reached = true;
	unsigned int n = 0;

	(void)state;
	snprintf(kept, sizeof(kept), "%s.format1", path);
	while (reached) {
		struct tdbfile *file = NULL;
		char *message = NULL;

		old_format();
		copy_file(path, copy);
		n++;
		syncs = 0;
		disk_fails(n, n, EIO);
		if (open_any(path, true, &file, &message) != 0) {
			assert_non_null(strstr(message, path));
			free(message);
			assert_int_equal(access(temp, F_OK), -1);
		}
		reached = calls >= n;
		disk_works();
		/* the old file as it was found, the new one, its folder before
		   and after they change places, the new one as it was found */
		assert_true(reached || syncs == 5);
		tdbfile_close(file);
		assert_whole(path, FEW);
		assert_true(state_is(path, FEW, 1000));
		/* and the old one has its second name, whatever happened */
		assert_whole(kept, FEW);
		assert_int_equal(unlink(kept), 0);
	}
	print_message("%u calls of a conversion failed\n", n - 1);
	assert_true(n > 8);
}

/* A copy fails at each call: it is not there, or (synced too late) whole. */
static void test_copy_fails(void **state)
{
	char part[80];
	struct tdbfile *file = NULL;
	bool reached = true;
	unsigned int n = 0, total = 0;

	(void)state;
	snprintf(part, sizeof(part), "%s.part", copy);
	file = small_file();
	while (reached) {
		uint64_t records = 0;
		char *message = NULL;
		int err = 0;

		unlink(copy);
		n++;
		syncs = 0;
		disk_fails(n, n, EIO);
		err = tdbfile_copy(file, copy, &records, &message);
		reached = calls >= n;
		total = calls;
		disk_works();
		assert_int_equal(access(part, F_OK), -1);
		if (!reached) {
			assert_int_equal(err, 0);
			assert_int_equal(syncs, 2);	/* and its folder */
			assert_whole(copy, FIRST);
			continue;
		}
		assert_int_equal(err, EIO);
		assert_non_null(strstr(message, "Input/output error"));
		assert_non_null(strstr(message, copy));
		free(message);
		assert_true(access(copy, F_OK) != 0 || n == total);
	}
	assert_true(n > 4);
	tdbfile_close(file);
}

/* ---- a disk that is really full ---- */

static char small[48], filler[64];

/* All but this many bytes are taken. */
static void leave_room(off_t left)
{
	struct statvfs vfs;
	off_t room = 0;
	int fd = open(filler, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(statvfs(small, &vfs), 0);
	room = (off_t)(vfs.f_bfree * vfs.f_bsize);
	assert_true(fd >= 0 && room > left);
	assert_int_equal(posix_fallocate(fd, 0, room - left), 0);
	close(fd);
}

/* On an almost full disk a commit is whole, or ENOSPC and nothing of it. */
static unsigned int almost_full(off_t left)
{
	struct tdbfile *file = small_file();
	int err = 0;

	leave_room(left);
	err = big_commit(file, 2000);
	if (err != 0 && err != ENOSPC) {
		fail_msg("%jd bytes left: %s: %s", (intmax_t)left,
			 strerror(err), tdbfile_complaint(file));
	}
	assert_true(has_record(file, 5, err == 0 ? 2000 : 1000));
	assert_int_equal(unlink(filler), 0);
	assert_int_equal(big_commit(file, 3000), 0);
	tdbfile_close(file);
	assert_true(is_at(path, 3000));
	return err == 0 ? 1 : 0;
}

/* A file is made there and written to first, or not, and that is why. */
static void made_on_full(off_t left)
{
	struct tdbfile_config config = {
		.path = path,
		.durable = true,
		.chains = FEW_CHAINS,
	};
	struct tdbfile *file = NULL;
	char *message = NULL;
	int err = 0;

	unlink(path);
	leave_room(left);
	if (tdbfile_open(&config, &file, &message) != 0) {
		assert_non_null(strstr(message, strerror(ENOSPC)));
		assert_int_equal(access(path, F_OK), -1);
		assert_int_equal(access(temp, F_OK), -1);
	} else {
		err = try_commit(file, 0, 10, 1000);
		assert_true(err == 0 || err == ENOSPC);
	}
	free(message);
	tdbfile_close(file);
	assert_int_equal(unlink(filler), 0);
}

static void test_full_disk(void **state)
{
	char was[2][80];
	unsigned int fits = 0, full = 0;

	(void)state;
	memcpy(was[0], path, sizeof(path));
	memcpy(was[1], temp, sizeof(temp));
	snprintf(small, sizeof(small), "%s/small", dir);
	snprintf(filler, sizeof(filler), "%s/filler", small);
	snprintf(path, sizeof(path), "%s/wins.tdb", small);
	snprintf(temp, sizeof(temp), "%s.new", path);
	assert_int_equal(mkdir(small, 0700), 0);
	mount_in(small, "size=3m");
	for (off_t left = 0; fits < 10; left += 8192) {
		fits += almost_full(left);
		full++;
		made_on_full(left);
	}
	print_message("%u times full\n", full - fits);
	assert_true(full - fits > 3);
	memcpy(path, was[0], sizeof(path));
	memcpy(temp, was[1], sizeof(temp));
	assert_int_equal(umount(small), 0);
	assert_int_equal(rmdir(small), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_call),
		cmocka_unit_test(test_two_calls),
		cmocka_unit_test(test_for_good),
		cmocka_unit_test(test_sync_fails),
		cmocka_unit_test(test_syncs),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_lying_recovery),
		cmocka_unit_test(test_repack),
		cmocka_unit_test(test_create_fails),
		cmocka_unit_test(test_convert_fails),
		cmocka_unit_test(test_copy_fails),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, setup_mounted, teardown_mounted);
}
