/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the journal's tests share: a journal, what was appended to it, and a
 * disk whose calls can fail. The journal's calls to the C library come here
 * first, as a program's own functions stand before those of its libraries.
 *
 * A batch in these tests tells by its content which one it is, so that none
 * can come back that was not written, or not at its turn.
 */
#ifndef WINSD_TEST_UNIT_STORE_JOURNAL_WORLD_H
#define WINSD_TEST_UNIT_STORE_JOURNAL_WORLD_H

#include <dlfcn.h>
#include <fcntl.h>
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
static unsigned int syncs;	/* of them */

UNUSED bool fails(void)
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

UNUSED bool fails_hard(void)
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
	syncs += watching;
	return fails_hard() ? -1 : REAL(fdatasync)(fd);
}

SHIM int fsync(int fd)
{
	syncs += watching;
	return fails_hard() ? -1 : REAL(fsync)(fd);
}

SHIM int rename(const char *from, const char *to)
{
	return fails_hard() ? -1 : REAL(rename)(from, to);
}

UNUSED void disk_fails(unsigned int n, int error, bool for_good)
{
	calls = syncs = 0;
	fail_at = n;
	fail_error = error;
	fail_for_good = for_good;
	watching = true;
}

UNUSED void disk_works(void)
{
	watching = false;
}

/* ---- files ---- */

static char dir[] = "/tmp/winsd-journal-XXXXXX";
static char path[64], temp[64];

UNUSED int setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/wins.journal", dir);
	snprintf(temp, sizeof(temp), "%s/wins.journal.new", dir);
	return 0;
}

UNUSED int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

UNUSED uint8_t *read_file(size_t *len)
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

UNUSED void write_file(const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

UNUSED void write_at(size_t offset, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY);

	assert_int_equal(REAL(pwrite)(fd, bytes, len, (off_t)offset), len);
	close(fd);
}

UNUSED size_t file_size(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (size_t)st.st_size;
}

UNUSED int first_free_fd(void)
{
	int fd = open("/", O_RDONLY);

	close(fd);
	return fd;
}

/* CRC-32C as RFC 3720 defines it, bit by bit. */
UNUSED uint32_t crc32c(uint32_t crc, const uint8_t *bytes, size_t len)
{
	crc = ~crc;
	for (size_t i = 0; i < len * 8; i++) {
		crc ^= (uint32_t)(bytes[i / 8] >> (i % 8) & 1u);
		crc = crc >> 1 ^ (crc & 1u ? 0x82f63b78u : 0);
	}
	return ~crc;
}

/* ---- batches that can be told apart ---- */

/* len bytes, at least 16, that depend on the number alone. */
UNUSED void make_batch(struct store_batch *batch, uint64_t number, size_t len)
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

UNUSED bool is_batch(const struct store_batch *batch, uint64_t number,
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

UNUSED void say_failure(int err, char *message)
{
	if (err != 0) {
		fail_msg("%s: %s", strerror(err),
			 message != NULL ? message : "no message");
	}
	assert_null(message);
}

UNUSED void start(unsigned int blocks, unsigned int blocks_max, bool durable)
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

UNUSED void end(void)
{
	journal_close(m.journal);
	m.journal = NULL;
}

UNUSED int append(size_t len)
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
UNUSED void read_one(struct journal_pos *pos)
{
	struct store_batch batch = { .len = 0 };
	uint64_t number = pos->sequence;

	assert_true(number < m.next);
	assert_int_equal(journal_read(m.journal, pos, &batch), 0);
	assert_int_equal(pos->sequence, number + 1);
	assert_true(is_batch(&batch, m.content[number], m.len[number]));
	batch_free(&batch);
}

UNUSED void read_end(struct journal_pos pos)
{
	struct store_batch batch = { .len = 0 };

	assert_int_equal(pos.sequence, m.next);
	assert_int_equal(journal_read(m.journal, &pos, &batch), ENOENT);
	batch_free(&batch);
}

UNUSED void read_all(void)
{
	struct journal_pos pos = m.tail;

	while (pos.sequence < m.next) {
		read_one(&pos);
	}
	read_end(pos);
}

UNUSED void release(unsigned int batches)
{
	while (batches-- > 0) {
		read_one(&m.tail);
	}
	journal_release(m.journal, &m.tail);
}

UNUSED int see_batch(void *arg, const struct store_batch *batch)
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
UNUSED int reopen(char **message)
{
	end();
	m.seen = m.tail.sequence;
	return journal_open(&m.config, ID, m.tail, see_batch, NULL,
			    &m.journal, message);
}

/* All is there. */
UNUSED void reopen_all(void)
{
	char *message = NULL;

	say_failure(reopen(&message), message);
	assert_int_equal(m.seen, m.next);
	read_all();
}

/* All before this number is there, and nothing else. */
UNUSED void reopen_until(uint64_t number)
{
	char *message = NULL;

	say_failure(reopen(&message), message);
	assert_int_equal(m.seen, number);
	m.next = number;
	read_all();
}

UNUSED void refused(int want, const char *words, const char *more)
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

UNUSED uint64_t used(void)
{
	struct journal_sight sight;

	journal_sight(m.journal, &sight);
	assert_int_equal(sight.used % B, 0);
	return sight.used / B;
}

UNUSED uint64_t size(void)
{
	struct journal_sight sight;

	journal_sight(m.journal, &sight);
	assert_int_equal(sight.size % B, 0);
	return sight.size / B;
}

#endif
