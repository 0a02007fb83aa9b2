/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal: its bytes against the layout in journal.h, its room against a
 * map of blocks, and what it finds in a file that was torn, rotten, somebody
 * else's, or in which a call has failed. The journal's calls to the C library
 * come here first.
 *
 * A batch in these tests tells by its content which one it is, so that none
 * can come back that was not written, or not at its turn.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/be.h"
#include "store/batch.h"
#include "store/journal.h"
#include "store_world.h"

#define ID	0x1122334455667788u
#define B	JOURNAL_BLOCK
#define ROOM(n)	((n) * B - JOURNAL_HEADER)	/* payload of n blocks */

/* ---- a disk that fails ---- */

#define SHIM __attribute__((visibility("default")))
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static bool watching;		/* calls are counted, and fail: */
static unsigned int fail_at;	/* the n-th from now; 0: none */
static int fail_error;		/* 0: half of what was asked for */
static bool fail_for_good;	/* and all after it */
static unsigned int calls;

static bool fails(void)
{
	if (!watching) {
		return false;
	}
	calls++;
	if (fail_at == 0 || calls < fail_at ||
	    (calls > fail_at && !fail_for_good)) {
		return false;
	}
	errno = fail_error;
	return true;
}

static bool fails_hard(void)
{
	return fails() && fail_error != 0;
}

SHIM ssize_t pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	if (fails()) {
		if (fail_error != 0) {
			return -1;
		}
		len = (len + 1) / 2;
	}
	return REAL(pwrite)(fd, buf, len, offset);
}

SHIM ssize_t pread(int fd, void *buf, size_t len, off_t offset)
{
	if (fails()) {
		if (fail_error != 0) {
			return -1;
		}
		len = (len + 1) / 2;
	}
	return REAL(pread)(fd, buf, len, offset);
}

SHIM int ftruncate(int fd, off_t len)
{
	return fails_hard() ? -1 : REAL(ftruncate)(fd, len);
}

SHIM int fdatasync(int fd)
{
	return fails_hard() ? -1 : REAL(fdatasync)(fd);
}

SHIM int fsync(int fd)
{
	return fails_hard() ? -1 : REAL(fsync)(fd);
}

SHIM int rename(const char *from, const char *to)
{
	return fails_hard() ? -1 : REAL(rename)(from, to);
}

static void disk_fails(unsigned int n, int error, bool for_good)
{
	calls = 0;
	fail_at = n;
	fail_error = error;
	fail_for_good = for_good;
	watching = true;
}

static void disk_works(void)
{
	watching = false;
}

/* ---- files ---- */

static char dir[] = "/tmp/winsd-journal-XXXXXX";
static char path[64], temp[64];

static int setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/wins.journal", dir);
	snprintf(temp, sizeof(temp), "%s/wins.journal.new", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static uint8_t *read_file(size_t *len)
{
	uint8_t *bytes = NULL;
	struct stat st;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	*len = (size_t)st.st_size;
	bytes = malloc(*len + 1);
	assert_int_equal(read(fd, bytes, *len), st.st_size);
	close(fd);
	return bytes;
}

static void write_file(const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static void write_at(size_t offset, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY);

	assert_int_equal(REAL(pwrite)(fd, bytes, len, (off_t)offset), len);
	close(fd);
}

static size_t file_size(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (size_t)st.st_size;
}

static int first_free_fd(void)
{
	int fd = open("/", O_RDONLY);

	close(fd);
	return fd;
}

/* ---- batches that can be told apart ---- */

/* len bytes, at least 16, that depend on the number alone. */
static void make_batch(struct store_batch *batch, uint64_t number, size_t len)
{
	bool with_delete = number % 3 == 0 && len >= 48;
	size_t value_len = len - 16 - (with_delete ? 16 : 0);
	uint8_t *value = malloc(value_len + 1);
	uint8_t key[8];

	assert_true(len >= 16);
	for (size_t i = 0; i < value_len; i++) {
		value[i] = (uint8_t)(number * 31 + i * 7 + i / 4096);
	}
	be64_put(key, number);
	batch->len = 0;
	batch->changes = 0;
	assert_true(batch_reserve(batch, len));
	batch_add(batch, key, 8, value, value_len);
	if (with_delete) {
		batch_add(batch, key, 8, NULL, 0);
	}
	assert_int_equal(batch->len, len);
	free(value);
}

static bool is_batch(const struct store_batch *batch, uint64_t number,
		     size_t len)
{
	struct store_batch want = { .len = 0 };
	bool same = false;

	make_batch(&want, number, len);
	same = batch->len == len && batch->changes == want.changes &&
	       memcmp(batch->data, want.data, len) == 0;
	batch_free(&want);
	return same;
}

/* What was appended: batch i of the journal is content[i], len[i] bytes. */
#define MODEL_MAX	20000

struct model {
	struct journal *journal;
	struct journal_config config;
	struct journal_pos tail;	/* released up to here */
	uint64_t next;			/* number of the next append */
	uint64_t contents;		/* made so far */
	uint64_t content[MODEL_MAX];
	size_t len[MODEL_MAX];
	uint64_t seen;			/* by replaying */
};

static struct model m;

static void say_failure(int err, char *message)
{
	if (err != 0) {
		fail_msg("%s: %s", strerror(err), message != NULL ? message : "");
	}
	assert_null(message);
}

static void start(unsigned int blocks, unsigned int blocks_max, bool durable)
{
	char *message = NULL;

	journal_close(m.journal);
	m = (struct model){
		.config = { path, durable, blocks * B, blocks_max * B },
		.tail = { 1, 0 },
		.next = 1,
	};
	say_failure(journal_create(&m.config, ID, &m.journal, &message),
		    message);
}

static void end(void)
{
	journal_close(m.journal);
	m.journal = NULL;
}

static int append(size_t len)
{
	struct store_batch batch = { .len = 0 };
	uint64_t content = ++m.contents;
	int err = 0;

	make_batch(&batch, content, len);
	err = journal_append(m.journal, &batch);
	batch_free(&batch);
	if (err == 0) {
		assert_true(m.next < MODEL_MAX);
		m.content[m.next] = content;
		m.len[m.next] = len;
		m.next++;
	}
	return err;
}

/* The batch at *pos is there, and what was appended. */
static void read_one(struct journal_pos *pos)
{
	struct store_batch batch = { .len = 0 };
	uint64_t number = pos->sequence;

	assert_true(number < m.next);
	assert_int_equal(journal_read(m.journal, pos, &batch), 0);
	assert_int_equal(pos->sequence, number + 1);
	assert_true(is_batch(&batch, m.content[number], m.len[number]));
	batch_free(&batch);
}

static void read_end(struct journal_pos pos)
{
	struct store_batch batch = { .len = 0 };

	assert_int_equal(pos.sequence, m.next);
	assert_int_equal(journal_read(m.journal, &pos, &batch), ENOENT);
	batch_free(&batch);
}

static void read_all(void)
{
	struct journal_pos pos = m.tail;

	while (pos.sequence < m.next) {
		read_one(&pos);
	}
	read_end(pos);
}

static void release(unsigned int batches)
{
	while (batches-- > 0) {
		read_one(&m.tail);
	}
	journal_release(m.journal, &m.tail);
}

static int see_batch(void *arg, const struct store_batch *batch)
{
	uint64_t number = m.seen++;

	(void)arg;
	if (number >= m.next) {
		fail_msg("batch %llu was never written",
			 (unsigned long long)number);
	}
	assert_true(is_batch(batch, m.content[number], m.len[number]));
	return 0;
}

/* Close it and see what the file says. */
static int reopen(char **message)
{
	end();
	m.seen = m.tail.sequence;
	return journal_open(&m.config, ID, m.tail, see_batch, NULL,
			    &m.journal, message);
}

/* All is there. */
static void reopen_all(void)
{
	char *message = NULL;

	say_failure(reopen(&message), message);
	assert_int_equal(m.seen, m.next);
	read_all();
}

/* All before this number is there, and nothing else. */
static void reopen_until(uint64_t number)
{
	char *message = NULL;

	say_failure(reopen(&message), message);
	assert_int_equal(m.seen, number);
	m.next = number;
	read_all();
}

static void refused(int want, const char *words, const char *more)
{
	char *message = NULL;

	assert_int_equal(reopen(&message), want);
	assert_null(m.journal);
	assert_non_null(message);
	if (strstr(message, path) == NULL || strstr(message, words) == NULL ||
	    strstr(message, more) == NULL || strchr(message, '\n') != NULL) {
		fail_msg("message: %s", message);
	}
	free(message);
}

static uint64_t used(void)
{
	struct journal_sight sight;

	journal_sight(m.journal, &sight);
	assert_int_equal(sight.used % B, 0);
	return sight.used / B;
}

static uint64_t size(void)
{
	struct journal_sight sight;

	journal_sight(m.journal, &sight);
	assert_int_equal(sight.size % B, 0);
	return sight.size / B;
}

/* ---- the bytes ---- */

/* CRC-32C as RFC 3720 defines it, bit by bit. */
static uint32_t crc32c(uint32_t crc, const uint8_t *bytes, size_t len)
{
	crc = ~crc;
	for (size_t i = 0; i < len * 8; i++) {
		crc ^= (uint32_t)(bytes[i / 8] >> (i % 8) & 1u);
		crc = crc >> 1 ^ (crc & 1u ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static void check_layout(bool durable)
{
	static const uint8_t zeros[2 * B];
	uint8_t want[JOURNAL_HEADER] = {
		'W', 'N', 'J', '1',	0, 0, 0, durable ? 0 : 1,
		0x11, 0x22, 0x33, 0x44,	0x55, 0x66, 0x77, 0x88,
		0, 0, 0, 0,		0, 0, 0, 3,
		0, 0, 0x10, 0x20,	0, 0, 0, 2,
	};
	struct store_batch batch = { .len = 0 };
	uint8_t *bytes = NULL;
	size_t len = 0;

	start(8, 8, durable);
	assert_int_equal(append(16), 0);
	assert_int_equal(append(5000), 0);
	assert_int_equal(append(0x1020), 0);
	make_batch(&batch, 3, 0x1020);
	be32_put(want + 32, crc32c(crc32c(0, want, 32), batch.data,
				   batch.len));
	bytes = read_file(&len);
	assert_int_equal(len, 8 * B);
	assert_memory_equal(bytes + 3 * B, want, sizeof(want));
	assert_memory_equal(bytes + 3 * B + 64, batch.data, 0x1020);
	assert_memory_equal(bytes + 3 * B + 64 + 0x1020, zeros,
			    2 * B - 64 - 0x1020);
	for (size_t i = 5 * B; i < len; i++) {
		assert_int_equal(bytes[i], 0);
	}
	free(bytes);
	batch_free(&batch);
	end();
}

static void test_layout(void **state)
{
	(void)state;
	check_layout(true);
	check_layout(false);
}

/* ---- creating ---- */

static void test_create(void **state)
{
	struct stat st;

	(void)state;
	write_file("something else", 14);
	assert_int_equal(symlink("/nonexistent", temp), 0);
	start(16, 16, true);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 16 * B);
	/* not a hole: the first round must not need room */
	assert_true(st.st_blocks * 512 >= st.st_size);
	assert_int_equal(access(temp, F_OK), -1);
	assert_int_equal(size(), 16);
	assert_int_equal(used(), 0);
	read_all();
	reopen_all();
	end();
}

static void create_refused(struct journal_config config, uint64_t id,
			   int want)
{
	struct journal *journal = NULL;
	char *message = NULL;

	assert_int_equal(journal_create(&config, id, &journal, &message),
			 want);
	assert_null(journal);
	assert_non_null(strstr(message, config.path));
	free(message);
}

static void test_create_refused(void **state)
{
	struct journal_config config = { path, true, 4 * B, 4 * B };

	(void)state;
	unlink(path);
	create_refused(config, 0, EINVAL);
	config.size = 4 * B + 1;
	create_refused(config, ID, EINVAL);
	config.size = 0;
	create_refused(config, ID, EINVAL);
	config.size = UINT64_C(8) << 30;
	create_refused(config, ID, EINVAL);
	config.size = B;
	config.path = "/nonexistent/dir/wins.journal";
	create_refused(config, ID, ENOENT);
	assert_int_equal(access(path, F_OK), -1);
}

/* Making it fails at each call: then there is nothing, and no handle open. */
static void create_fails(int error, int want)
{
	struct journal_config config = { path, true, 40 * B, 40 * B };
	unsigned int total = 0;
	int fd = first_free_fd();

	unlink(path);
	disk_fails(0, 0, false);
	start(40, 40, true);
	total = calls;
	disk_works();
	end();
	assert_true(total >= 6);	/* 3 writes, sync, rename, sync */
	for (unsigned int n = 1; n <= total; n++) {
		unlink(path);
		disk_fails(n, error, false);
		create_refused(config, ID, want);
		disk_works();
		assert_int_equal(access(path, F_OK), -1);
		assert_int_equal(access(temp, F_OK), -1);
		assert_int_equal(first_free_fd(), fd);
	}
}

static void test_create_fails(void **state)
{
	(void)state;
	create_fails(ENOSPC, ENOSPC);
	create_fails(EDQUOT, ENOSPC);
	create_fails(EIO, EIO);
}

/* ---- room ---- */

static void test_sizes(void **state)
{
	static const struct {
		size_t len;
		unsigned int blocks;	/* 0: EFBIG */
	} cases[] = {
		{ 16, 1 }, { 17, 1 }, { 400, 1 }, { 4031, 1 }, { 4032, 1 },
		{ 4033, 2 }, { 4096, 2 }, { ROOM(2), 2 }, { ROOM(2) + 1, 3 },
		{ 65536, 17 }, { ROOM(19), 19 }, { ROOM(20), 20 },
		{ ROOM(20) + 1, 0 }, { 1000000, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		start(20, 39, true);
		if (cases[i].blocks == 0) {
			assert_int_equal(append(cases[i].len), EFBIG);
			assert_int_equal(append(16), 0);
			assert_int_equal(used(), 1);
		} else {
			assert_int_equal(append(cases[i].len), 0);
			assert_int_equal(used(), cases[i].blocks);
		}
		reopen_all();
	}
	start(2, 8, true);
	assert_int_equal(append(ROOM(8) + 1), EFBIG);
	assert_int_equal(append(ROOM(8)), 0);
	assert_int_equal(size(), 8);
	reopen_all();
	end();
}

/* A batch without a change is one as well. */
static void test_empty_batch(void **state)
{
	struct store_batch batch = { .len = 0 };
	struct journal_pos pos = { 1, 0 };

	(void)state;
	start(2, 2, true);
	assert_int_equal(journal_append(m.journal, &batch), 0);
	assert_int_equal(journal_read(m.journal, &pos, &batch), 0);
	assert_int_equal(batch.len, 0);
	assert_int_equal(batch.changes, 0);
	batch_free(&batch);
	end();
}

/* Full, and on after a release; batches that fill it to the block. */
static void test_full(void **state)
{
	(void)state;
	start(4, 4, true);
	assert_int_equal(append(ROOM(4)), 0);
	assert_int_equal(used(), 4);
	assert_int_equal(append(16), ENOSPC);
	reopen_all();
	assert_int_equal(append(16), ENOSPC);
	release(1);
	assert_int_equal(used(), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(append(ROOM(4)), 0);
		reopen_all();
		release(1);
		reopen_all();
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(append(16), 0);
	}
	assert_int_equal(append(16), ENOSPC);
	release(1);
	assert_int_equal(append(ROOM(2)), ENOSPC);
	assert_int_equal(append(16), 0);
	assert_int_equal(used(), 4);
	reopen_all();
	assert_int_equal(append(16), ENOSPC);
	release(4);
	reopen_all();
	end();
}

/* The remainder before the end is no reason to grow if it can turn. */
static void test_turn(void **state)
{
	(void)state;
	start(8, 16, true);
	assert_int_equal(append(ROOM(3)), 0);
	assert_int_equal(append(ROOM(3)), 0);
	release(1);
	assert_int_equal(append(ROOM(3)), 0);	/* at block 0 */
	assert_int_equal(size(), 8);
	reopen_all();
	assert_int_equal(append(16), ENOSPC);
	release(1);
	assert_int_equal(used(), 3);
	assert_int_equal(append(ROOM(5)), 0);
	reopen_all();
	end();
}

/* Larger than what is before and behind, in a ring that is empty. */
static void test_turn_over_head(void **state)
{
	(void)state;
	start(4, 4, true);
	assert_int_equal(append(ROOM(3)), 0);
	release(1);
	assert_int_equal(append(ROOM(4)), 0);
	assert_int_equal(used(), 4);
	read_all();
	reopen_all();
	assert_int_equal(append(16), ENOSPC);
	release(1);
	assert_int_equal(append(ROOM(3)), 0);
	release(1);
	assert_int_equal(append(ROOM(3)), 0);	/* ends where it was empty */
	assert_int_equal(used(), 3);
	reopen_all();
	assert_int_equal(append(ROOM(2)), ENOSPC);
	end();
}

static void test_grow(void **state)
{
	(void)state;
	start(4, 16, true);
	assert_int_equal(append(ROOM(3)), 0);
	assert_int_equal(append(ROOM(2)), 0);	/* over the old end */
	assert_int_equal(size(), 8);
	assert_int_equal(file_size(), 8 * B);
	reopen_all();
	assert_int_equal(append(ROOM(3)), 0);
	assert_int_equal(size(), 8);
	assert_int_equal(append(16), 0);	/* behind the old end */
	assert_int_equal(size(), 16);
	reopen_all();
	assert_int_equal(append(ROOM(7)), 0);
	assert_int_equal(append(16), ENOSPC);
	assert_int_equal(size(), 16);
	release(2);
	assert_int_equal(append(ROOM(5)), 0);
	reopen_all();
	end();
}

/* Whoever was at the old end when it grew finds the way. */
static void test_read_over_old_end(void **state)
{
	struct journal_pos pos = { 1, 0 };

	(void)state;
	start(4, 8, true);
	assert_int_equal(append(ROOM(4)), 0);
	read_one(&pos);
	assert_int_equal(pos.block, 4);
	read_end(pos);
	assert_int_equal(append(ROOM(4)), 0);
	read_one(&pos);
	assert_int_equal(pos.block, 8);
	m.tail = pos;
	journal_release(m.journal, &pos);
	assert_int_equal(append(16), 0);
	read_one(&pos);
	assert_int_equal(pos.block, 1);
	reopen_all();
	end();
}

/* A disk without room for the second half: it goes on with the first. */
static void growth_fails(unsigned int n, int error)
{
	start(4, 8, true);
	assert_int_equal(append(ROOM(3)), 0);
	assert_int_equal(append(16), 0);
	disk_fails(n, error, false);
	assert_int_equal(append(16), ENOSPC);
	disk_works();
	assert_true(calls > n);
	assert_int_equal(size(), 4);
	assert_int_equal(file_size(), 4 * B);
	reopen_all();
	disk_fails(n, error, false);
	assert_int_equal(append(16), ENOSPC);
	disk_works();
	release(1);
	assert_int_equal(append(16), 0);	/* at block 0 */
	assert_int_equal(size(), 4);
	reopen_all();
	assert_int_equal(append(16), 0);
	assert_int_equal(append(16), 0);
	assert_int_equal(append(16), ENOSPC);
	release(1);
	assert_int_equal(append(16), 0);
	release(1);
	assert_int_equal(append(ROOM(2)), 0);	/* in the next round it grows */
	assert_int_equal(size(), 8);
	reopen_all();
	end();
}

static void test_growth_fails(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 2; n++) {	/* write, sync */
		growth_fails(n, ENOSPC);
		growth_fails(n, EDQUOT);
		growth_fails(n, EFBIG);
		start(4, 8, true);
		assert_int_equal(append(ROOM(4)), 0);
		disk_fails(n, EIO, false);
		assert_int_equal(append(16), EIO);
		assert_int_equal(append(16), EIO);
		disk_works();
		reopen_all();
		assert_int_equal(append(16), 0);
	}
	end();
}

/* As above, by the kernel; and room comes back while the ring is empty. */
static void test_growth_limited(void **state)
{
	struct rlimit was, limit;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	limit = was;
	limit.rlim_cur = 6 * B + 100;
	start(4, 8, true);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(append(ROOM(3)), 0);
	assert_int_equal(append(ROOM(2)), ENOSPC);
	assert_int_equal(file_size(), 4 * B);
	release(1);
	assert_int_equal(append(ROOM(5)), ENOSPC);
	assert_int_equal(file_size(), 4 * B);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(append(ROOM(5)), 0);
	assert_int_equal(file_size(), 8 * B);
	reopen_all();
	end();
}

/* Growing was cut short by a crash: the rest is no block, and no matter. */
static void test_half_grown(void **state)
{
	uint8_t byte = 0;

	(void)state;
	start(4, 8, true);
	assert_int_equal(append(ROOM(4)), 0);
	write_at(5 * B + 1234, &byte, 1);
	reopen_all();
	assert_int_equal(size(), 5);
	assert_int_equal(append(16), 0);
	reopen_all();
	end();
}

/* ---- any order of things, against a map of the blocks ---- */

#define MAP_MAX	64

static uint64_t map[MAP_MAX];	/* number of the batch in a block, or 0 */

static bool is_free(uint64_t from, uint64_t blocks)
{
	if (from + blocks > size()) {
		return false;
	}
	for (uint64_t i = from; i < from + blocks; i++) {
		if (map[i] != 0) {
			return false;
		}
	}
	return true;
}

static void model_append(struct journal_pos *head, size_t len)
{
	uint64_t need = (JOURNAL_HEADER + len + B - 1) / B, at = 0;
	uint64_t number = head->sequence;
	bool fit = is_free(head->block, need);
	int err = append(len);

	if (err != 0) {
		assert_int_equal(err, ENOSPC);
		assert_false(fit);
		assert_false(is_free(0, need));
		return;
	}
	at = head->block;
	read_one(head);
	assert_int_equal(head->sequence, number + 1);
	assert_true(head->block >= need);
	if (head->block - need != at) {
		assert_false(fit);
		at = 0;
		assert_int_equal(head->block, need);
	}
	assert_true(is_free(at, need));
	for (uint64_t i = at; i < at + need; i++) {
		map[i] = number;
	}
}

static void model_release(unsigned int batches)
{
	for (unsigned int i = 0; i < batches; i++) {
		for (uint64_t j = 0; j < MAP_MAX; j++) {
			if (map[j] == m.tail.sequence + i) {
				map[j] = 0;
			}
		}
	}
	release(batches);
}

static void model_reopen(void)
{
	/* each run is durable or not, and may know another size */
	m.config.durable = dice(2) == 0;
	m.config.size_max = (16 + dice(MAP_MAX - 15)) * B;
	reopen_all();
}

static void model_run(unsigned int steps)
{
	unsigned int blocks = 1 + dice(16), most = blocks < 6 ? blocks : 6;
	struct journal_pos head = { 1, 0 };

	start(blocks, blocks * (1 + dice(3)), dice(2) == 0);
	memset(map, 0, sizeof(map));
	for (unsigned int i = 0; i < steps; i++) {
		unsigned int live = (unsigned int)(m.next - m.tail.sequence);

		if (dice(3) != 0) {
			model_append(&head, 16 + dice(ROOM(1 + dice(most)) -
						      15));
		} else if (live > 0) {
			model_release(1 + dice(live));
		}
		if (dice(4) == 0) {
			model_reopen();
		}
		read_all();
	}
	end();
}

static void test_model(void **state)
{
	(void)state;
	dice_seed("model");
	for (unsigned int i = 0; i < 60; i++) {
		model_run(100);
	}
}

/* ---- what a crash leaves ---- */

/*
 * The last batch was being written: of its sectors only those before this one
 * came to the disk, or only those from it on. Before it stood what an earlier
 * round left.
 */
static void test_torn(void **state)
{
	static const size_t len = ROOM(2) + 700;
	size_t last = 0, after_len = 0, before_len = 0;
	uint64_t content = 0;
	uint8_t *before = NULL, *after = NULL;

	(void)state;
	for (unsigned int round = 0; round < 4; round++) {
		start(9, 9, true);
		for (unsigned int i = 0; i < 3 * round; i++) {
			assert_int_equal(append(ROOM(1 + round % 3)), 0);
			release(1);
		}
		assert_int_equal(append(100), 0);
		assert_int_equal(append(200), 0);
		before = read_file(&before_len);
		assert_int_equal(append(len), 0);
		after = read_file(&after_len);
		m.next--;
		content = m.content[m.next];
		for (unsigned int t = 0; t < 3 * B; t += 512) {
			struct journal_pos pos = m.tail;

			read_one(&pos);
			read_one(&pos);
			last = pos.block + 3 <= 9 ? pos.block * B : 0;
			write_file(before, before_len);
			write_at(last, after + last, t);
			if (t < 64 + len) {
				reopen_until(m.next);
			} else {
				m.content[m.next] = content;
				m.len[m.next++] = len;
				reopen_all();
				m.next--;
				continue;
			}
			write_at(last, before + last, 3 * B);
			write_at(last + t, after + last + t, 3 * B - t);
			if (t > 0) {
				reopen_until(m.next);
			}
			write_at(last, before + last, 3 * B);
			write_at(last, after + last, t);
			reopen_until(m.next);
			/* its number comes again, in another batch */
			assert_int_equal(append(300), 0);
			reopen_all();
			m.next--;
		}
		free(before);
		free(after);
	}
	end();
}

/* Rounds of batches of one size: each old one would fit where a new one is. */
static void test_older_rounds(void **state)
{
	(void)state;
	start(5, 5, true);
	for (unsigned int i = 0; i < 40; i++) {
		assert_int_equal(append(ROOM(1)), 0);
		reopen_all();
		if (i % 7 != 0) {
			release(1);
		}
		if (i % 14 == 13) {
			release((unsigned int)(m.next - m.tail.sequence));
		}
		reopen_all();
	}
	end();
}

/* A batch that is not there, but one behind it is. */
static void test_hole(void **state)
{
	static const uint8_t zeros[B];
	static const size_t lens[] = { 16, ROOM(1), ROOM(2) };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		start(16, 16, true);
		for (unsigned int k = 0; k < 3; k++) {
			assert_int_equal(append(100), 0);
		}
		release(1);
		write_at(B + 70, "damage", 6);
		assert_int_equal(append(lens[i]), 0);
		refused(EILSEQ, "batch 2 is missing", "winsrepair salvage");
		start(16, 16, true);
		assert_int_equal(append(100), 0);
		assert_int_equal(append(lens[i]), 0);
		assert_int_equal(append(lens[i]), 0);
		write_at(B, zeros, B);
		refused(EILSEQ, "batch 2 is missing", "winsrepair salvage");
		/* a position that is not of this journal */
		m.tail = (struct journal_pos){ 3, 1 };
		refused(EILSEQ, "batch 3 is missing", "winsrepair salvage");
		m.tail = (struct journal_pos){ 4, 17 };
		refused(EILSEQ, "batch 4", "winsrepair salvage");
	}
}

/* Unsynced ones may be lost in any order; none may follow a new one later. */
static void test_hole_unsynced(void **state)
{
	static const uint8_t zeros[B];

	(void)state;
	for (unsigned int lost = 1; lost <= 4; lost++) {
		start(8, 8, false);
		for (unsigned int i = 0; i < 5; i++) {
			assert_int_equal(append(100), 0);
		}
		write_at((lost - 1) * B, zeros, B);
		m.config.durable = lost % 2 == 0;
		reopen_until(lost);
		assert_int_equal(append(100), 0);
		reopen_all();
		assert_int_equal(m.next, lost + 1);
	}
	/* but synced ones behind unsynced ones were synced with them */
	m.config.durable = true;
	reopen_all();
	assert_int_equal(append(100), 0);
	write_at(3 * B, zeros, B);
	refused(EILSEQ, "batch 4 is missing", "winsrepair salvage");
}

/* One bit of the file is another: what comes out was written, or nothing. */
static void test_bit_flips(void **state)
{
	size_t len = 0;
	uint8_t *bytes = NULL;
	unsigned int errors = 0, ends = 0, alls = 0;

	(void)state;
	dice_seed("bits");
	start(6, 6, true);
	for (unsigned int i = 0; i < 6; i++) {
		assert_int_equal(append(i == 5 ? 900 : ROOM(1 + i % 2)), 0);
		if (i < 3) {
			release(1);
		}
	}
	assert_int_equal(m.next - m.tail.sequence, 3);
	bytes = read_file(&len);
	m.config.durable = false;	/* this run; 24000 syncs say nothing */
	for (size_t i = 0; i < len; i++) {
		uint8_t bad = (uint8_t)(bytes[i] ^ (1u << dice(8)));
		char *message = NULL;
		int err = 0;

		write_at(i, &bad, 1);
		err = reopen(&message);
		if (err != 0) {
			assert_int_equal(err, EILSEQ);
			assert_non_null(strstr(message, path));
			assert_non_null(strstr(message, "winsrepair salvage"));
			errors++;
		} else if (m.seen != m.next) {
			assert_int_equal(m.seen, m.next - 1);
			ends++;
		} else {
			read_all();
			alls++;
		}
		free(message);
		write_at(i, &bytes[i], 1);
	}
	free(bytes);
	/* the first two of them; the last; what nobody reads */
	assert_true(errors >= 2 * (36 + ROOM(1)));
	assert_true(ends >= 36 + 900 - 12);
	assert_true(alls >= B);
	reopen_all();
	end();
}

/* ---- other files ---- */

static void test_not_a_journal(void **state)
{
	static const uint8_t zeros[2 * B];
	char text[2 * B];

	(void)state;
	start(2, 2, true);
	end();
	memset(text, 'x', sizeof(text));
	write_file(text, sizeof(text));
	refused(EILSEQ, "not a journal", "winsrepair salvage");
	write_file(text, 0);
	refused(EILSEQ, "not a journal", "winsrepair salvage");
	write_file(zeros, B - 1);
	refused(EILSEQ, "not a journal", "winsrepair salvage");
	write_file(zeros, B);
	m.tail.block = 2;
	refused(EILSEQ, "too short", "winsrepair salvage");
	m.tail.block = 0;
	unlink(path);
	refused(ENOENT, "No such file", "");
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	refused(ELOOP, "", "");
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(EILSEQ, "not a journal", "winsrepair salvage");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	refused(EISDIR, "", "");
	rmdir(path);
}

static void test_other_id(void **state)
{
	struct journal *journal = NULL;
	char *message = NULL;

	(void)state;
	start(4, 4, true);
	for (unsigned int i = 0; i < 6; i++) {
		assert_int_equal(append(100), 0);
		release(1);
		end();
		m.seen = 0;
		assert_int_equal(journal_open(&m.config, ID + 1, m.tail,
					      see_batch, NULL, &journal,
					      &message), EILSEQ);
		assert_null(journal);
		assert_int_equal(m.seen, 0);
		assert_non_null(strstr(message, path));
		assert_non_null(strstr(message, "another database"));
		free(message);
		reopen_all();
	}
	end();
}

/* A payload with a header of its own, of a batch behind the end. */
static void test_header_in_payload(void **state)
{
	struct store_batch inner = { .len = 0 };
	uint8_t *bytes = NULL;
	size_t len = 0;

	(void)state;
	start(8, 8, true);
	assert_int_equal(append(16), 0);
	bytes = read_file(&len);
	/* batch 5 of another journal */
	memset(bytes + 8, 0x77, 8);
	bytes[23] = 5;
	be32_put(bytes + 32, crc32c(crc32c(0, bytes, 32), bytes + 64, 16));
	start(8, 8, true);
	assert_int_equal(append(16), 0);
	write_at(5 * B, bytes, B);
	reopen_all();
	free(bytes);
	batch_free(&inner);
	end();
}

/* Whole, and yet not a batch: a program error, not a torn write. */
static void test_senseless(void **state)
{
	struct store_batch batch = { .len = 0 };
	struct journal_pos pos = { 1, 0 };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		start(4, 4, true);
		make_batch(&batch, 1, 100);
		if (i == 0) {
			batch.changes++;
		} else if (i == 1) {
			batch.len--;
		} else {
			batch.data[0] = 1;
		}
		assert_int_equal(journal_append(m.journal, &batch), 0);
		m.next++;
		assert_int_equal(journal_read(m.journal, &pos, &batch),
				 EILSEQ);
		assert_int_equal(pos.sequence, 1);
		refused(EILSEQ, "batch 1", "winsrepair salvage");
	}
	batch_free(&batch);
}

static int stop_at_two(void *arg, const struct store_batch *batch)
{
	unsigned int *count = arg;

	(void)batch;
	return ++*count == 2 ? EOVERFLOW : 0;
}

static void test_fn_stops(void **state)
{
	char *message = NULL;
	unsigned int count = 0;

	(void)state;
	start(4, 4, true);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(append(16), 0);
	}
	end();
	assert_int_equal(journal_open(&m.config, ID, m.tail, stop_at_two,
				      &count, &m.journal, &message),
			 EOVERFLOW);
	assert_int_equal(count, 2);
	assert_null(m.journal);
	assert_null(message);
}

static void test_read_errors(void **state)
{
	struct store_batch batch = { .len = 0 };
	struct journal_pos pos = { 1, 0 };

	(void)state;
	start(4, 4, true);
	assert_int_equal(append(16), 0);
	assert_int_equal(append(100), 0);
	assert_int_equal(append(16), 0);
	release(1);
	assert_int_equal(journal_read(m.journal, &pos, &batch), EINVAL);
	pos = (struct journal_pos){ 5, 3 };
	assert_int_equal(journal_read(m.journal, &pos, &batch), EINVAL);
	pos = m.tail;
	write_at(B + 99, "rot", 3);
	assert_int_equal(journal_read(m.journal, &pos, &batch), EILSEQ);
	assert_int_equal(pos.sequence, 2);
	for (unsigned int n = 1; n <= 2; n++) {
		disk_fails(n, EIO, false);
		pos = (struct journal_pos){ 3, 2 };
		assert_int_equal(journal_read(m.journal, &pos, &batch), EIO);
		assert_int_equal(pos.sequence, 3);
		disk_fails(n, EINTR, false);
		assert_int_equal(journal_read(m.journal, &pos, &batch), 0);
		disk_fails(n, 0, false);
		pos = (struct journal_pos){ 3, 2 };
		assert_int_equal(journal_read(m.journal, &pos, &batch), 0);
	}
	disk_works();
	batch_free(&batch);
	end();
}

/* ---- calls that fail ---- */

/* An append with the n-th call failing; true if there was such a call. */
static bool failing_append(unsigned int n, int error, bool for_good)
{
	uint64_t before = m.next;
	bool reached = false;
	int err = 0;

	disk_fails(n, error, for_good);
	err = append(ROOM(3));
	disk_works();
	reached = calls >= n;
	if (err == 0) {
		assert_true(!reached || error == EINTR || error == 0);
		reopen_all();
		return reached;
	}
	assert_true(reached);
	if (err == ENOSPC) {
		/* it is not there, now and ever */
		read_all();
		reopen_until(before);
		assert_int_equal(append(100), 0);
		reopen_all();
		return true;
	}
	/* nobody knows, and nobody tries again */
	assert_int_equal(err, EIO);
	calls = 0;
	watching = true;
	assert_int_equal(append(100), EIO);
	assert_int_equal(calls, 0);
	disk_works();
	read_all();
	return true;
}

/* In the first round, over an older one, and where the file grows. */
static void failing_appends(int error, bool for_good)
{
	for (unsigned int kind = 0; kind < 3; kind++) {
		bool reached = true;

		for (unsigned int n = 1; reached; n++) {
			assert_true(n < 10);
			start(8, kind == 2 ? 16 : 8, true);
			assert_int_equal(append(ROOM(6)), 0);
			if (kind < 2) {
				release(1);
			}
			if (kind == 1) {
				assert_int_equal(append(ROOM(5)), 0);
				release(1);
			}
			reached = failing_append(n, error, for_good);
		}
	}
	end();
}

static void test_failing_appends(void **state)
{
	(void)state;
	failing_appends(EINTR, false);
	failing_appends(0, false);
	failing_appends(ENOSPC, false);
	failing_appends(ENOSPC, true);
	failing_appends(EDQUOT, false);
	failing_appends(EDQUOT, true);
	failing_appends(EIO, false);
	failing_appends(EIO, true);
}

/* Which error it is for each call, the pwrite cut short first. */
static void test_void(void **state)
{
	static const struct {
		unsigned int from;	/* this call fails, */
		bool for_good;		/* and all after it, */
		int error;		/* with this */
		int want;
	} cases[] = {
		{ 1, false, ENOSPC, ENOSPC },	/* nothing was written */
		{ 1, true, ENOSPC, ENOSPC },
		{ 1, true, ENOMEM, ENOMEM },
		{ 1, true, EFBIG, ENOSPC },
		{ 1, true, EIO, EIO },
		{ 2, false, ENOSPC, ENOSPC },	/* the sync: it is wiped */
		{ 2, true, ENOSPC, EIO },	/* and that fails as well */
		{ 2, false, ENOMEM, ENOMEM },
		{ 2, false, EIO, EIO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		start(8, 8, true);
		assert_int_equal(append(16), 0);
		disk_fails(cases[i].from, cases[i].error, cases[i].for_good);
		assert_int_equal(append(100), cases[i].want);
		disk_works();
		if (i == 7) {
			/* of a sync that is no promise */
			assert_int_equal(append(100), ENOMEM);
		} else if (cases[i].want != EIO) {
			reopen_until(2);
			assert_int_equal(append(100), 0);
			reopen_all();
		} else {
			assert_int_equal(append(100), EIO);
		}
	}
	end();
}

/* All of a batch but its padding came to the disk, and then no more would. */
static void test_cut_short(void **state)
{
	struct rlimit was, limit;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	for (unsigned int t = 0; t < 2 * B; t += 512) {
		start(8, 8, true);
		assert_int_equal(append(ROOM(5)), 0);
		limit = was;
		limit.rlim_cur = 5 * B + t;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		/* the wiping is cut short too, but in the second block */
		assert_int_equal(append(ROOM(1) + 100),
				 t > 0 && t < B ? EIO : ENOSPC);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
		reopen_until(2);
		assert_int_equal(append(ROOM(1)), 0);
		reopen_all();
	}
	end();
}

/* Opening fails at each call: an error with words, and nothing is changed. */
static void open_fails(int error)
{
	unsigned int total = 0, done = 0;
	char *message = NULL;
	int err = 0, fd = first_free_fd();

	for (unsigned int n = 1; n == 1 || n <= total; n++) {
		start(8, 8, false);
		for (unsigned int i = 0; i < 5; i++) {
			assert_int_equal(append(100), 0);
		}
		write_at(2 * B, "hole", 4);
		m.config.durable = true;
		disk_fails(n, error, false);
		err = reopen(&message);
		total = n == 1 ? 40 : total;
		disk_works();
		if (calls < n) {
			total = 0;
		}
		if (error == EINTR || error == 0 || total == 0) {
			assert_int_equal(err, 0);
		}
		if (err == 0) {
			assert_int_equal(m.seen, 3);
			done++;
		} else {
			assert_int_equal(err, error);
			assert_non_null(strstr(message, path));
			assert_int_equal(first_free_fd(), fd);
		}
		free(message);
		reopen_until(3);
	}
	assert_true(done > 0);
	end();
}

static void test_open_fails(void **state)
{
	(void)state;
	open_fails(EIO);
	open_fails(ENOSPC);
	open_fails(EINTR);
	open_fails(0);
}

/* Nothing is synced where nothing has to be. */
static void test_syncs(void **state)
{
	struct journal_sight sight;

	(void)state;
	start(2, 8, false);
	disk_fails(0, 0, false);
	assert_int_equal(append(ROOM(2)), 0);
	assert_int_equal(calls, 1);
	assert_int_equal(append(ROOM(2)), 0);	/* the file grows */
	assert_int_equal(calls, 3);
	start(2, 8, true);
	calls = 0;
	assert_int_equal(append(ROOM(2)), 0);
	assert_int_equal(calls, 2);
	assert_int_equal(append(ROOM(2)), 0);
	assert_int_equal(calls, 6);
	disk_works();
	journal_sight(m.journal, &sight);
	assert_int_equal(sight.batches, 2);
	assert_true(sight.sync_usec >= sight.sync_usec_max);
	assert_true(sight.sync_usec <= 2 * sight.sync_usec_max);
	end();
}

/* ---- two threads ---- */

#define RACE_BATCHES	3000u

static size_t race_len(uint64_t number)
{
	return 16 + (size_t)(number * 2654435761u >> 7) % (ROOM(3) - 15);
}

/* The appender cannot wait for room: there is no signal for it, as in disk.c */
struct race {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	uint64_t appended;
	uint64_t released;
	int error;
};

static void *race_append(void *arg)
{
	struct race *race = arg;
	struct store_batch batch = { .len = 0 };
	uint64_t released = 0;
	int err = 0;

	for (uint64_t n = 1; err == 0 && n <= RACE_BATCHES; n++) {
		make_batch(&batch, n, race_len(n));
		while ((err = journal_append(m.journal, &batch)) == ENOSPC) {
			pthread_mutex_lock(&race->lock);
			while (race->released == released) {
				pthread_cond_wait(&race->cond, &race->lock);
			}
			released = race->released;
			pthread_mutex_unlock(&race->lock);
		}
		pthread_mutex_lock(&race->lock);
		race->appended = err == 0 ? n : race->appended;
		race->error = err;
		pthread_cond_broadcast(&race->cond);
		pthread_mutex_unlock(&race->lock);
	}
	batch_free(&batch);
	return NULL;
}

/* Batches that are there, read and now and then released. */
static uint64_t race_read(struct race *race, struct journal_pos *pos)
{
	struct store_batch batch = { .len = 0 };
	uint64_t wrong = 0, number = pos->sequence;
	int err = 0;

	while ((err = journal_read(m.journal, pos, &batch)) == 0) {
		wrong += !is_batch(&batch, number, race_len(number));
		number++;
		if (number % 5 == 0) {
			break;
		}
	}
	wrong += err != 0 && err != ENOENT;
	batch_free(&batch);
	journal_release(m.journal, pos);
	pthread_mutex_lock(&race->lock);
	race->released = pos->sequence;
	pthread_cond_broadcast(&race->cond);
	while (race->appended < pos->sequence && race->error == 0 &&
	       pos->sequence <= RACE_BATCHES) {
		pthread_cond_wait(&race->cond, &race->lock);
	}
	pthread_mutex_unlock(&race->lock);
	return wrong;
}

static void test_race(void **state)
{
	struct race race = {
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.cond = PTHREAD_COND_INITIALIZER,
	};
	struct journal_sight sight;
	pthread_t thread;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct journal_pos pos = { 1, 0 };
		uint64_t wrong = 0;

		race.appended = race.released = 0;
		start(3, 3u << i, false);
		assert_int_equal(pthread_create(&thread, NULL, race_append,
						&race), 0);
		while (pos.sequence <= RACE_BATCHES && race.error == 0) {
			wrong += race_read(&race, &pos);
			journal_sight(m.journal, &sight);
			wrong += sight.used > sight.size;
		}
		pthread_join(thread, NULL);
		assert_int_equal(race.error, 0);
		assert_int_equal(wrong, 0);
		assert_int_equal(used(), 0);
		assert_true(size() == 3 || i > 0);
	}
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_create_refused),
		cmocka_unit_test(test_create_fails),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_empty_batch),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_turn),
		cmocka_unit_test(test_turn_over_head),
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_read_over_old_end),
		cmocka_unit_test(test_growth_fails),
		cmocka_unit_test(test_growth_limited),
		cmocka_unit_test(test_half_grown),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_older_rounds),
		cmocka_unit_test(test_hole),
		cmocka_unit_test(test_hole_unsynced),
		cmocka_unit_test(test_bit_flips),
		cmocka_unit_test(test_not_a_journal),
		cmocka_unit_test(test_other_id),
		cmocka_unit_test(test_header_in_payload),
		cmocka_unit_test(test_senseless),
		cmocka_unit_test(test_fn_stops),
		cmocka_unit_test(test_read_errors),
		cmocka_unit_test(test_failing_appends),
		cmocka_unit_test(test_void),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_open_fails),
		cmocka_unit_test(test_syncs),
		cmocka_unit_test(test_race),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
