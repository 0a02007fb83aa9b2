/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the journal makes of a file that was torn, is rotten, or somebody
 * else's, and of calls that fail: the batches before, or an error with words,
 * and never one that was not written.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>

#include "journal_world.h"

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
	unsigned int errors = 0, ends = 0, entire = 0;

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
			entire++;
		}
		free(message);
		write_at(i, &bytes[i], 1);
	}
	free(bytes);
	/* the first two of them; the last; what nobody reads */
	assert_true(errors >= 2 * (36 + ROOM(1)));
	assert_true(ends >= 36 + 900 - 12);
	assert_true(entire >= B);
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

/* A batch of one change whose value has this length. */
static void forge(uint8_t *at, uint32_t flags, uint64_t number,
		  uint32_t value_len)
{
	uint8_t *p = be32_put(at, 0x574e4a31);

	p = be64_put(be32_put(p, flags), ID);
	p = be64_put(p, number);
	p = be32_put(be32_put(p, 8 + value_len), 1);
	be32_put(be32_put(at + JOURNAL_HEADER, 0), value_len);
	be32_put(p, crc32c(crc32c(0, at, 32), at + JOURNAL_HEADER,
			   8 + value_len));
}

/* Another journal's batch means nothing, but in block 0. */
static void test_foreign_batch(void **state)
{
	static uint8_t bytes[B];

	(void)state;
	start(8, 8, true);
	assert_int_equal(append(16), 0);
	forge(bytes, 0, 5, 16);
	memset(bytes + 8, 0x77, 8);
	be32_put(bytes + 32, crc32c(crc32c(0, bytes, 32), bytes + 64, 24));
	write_at(5 * B, bytes, B);
	reopen_all();
	end();
}

static int stop_at_three(void *arg, const struct store_batch *batch)
{
	unsigned int *count = arg;

	(void)batch;
	return ++*count == 3 ? EOVERFLOW : 0;
}

/* Even who knows the id gets nothing wiped by a header in a payload. */
static void test_header_in_payload(void **state)
{
	static uint8_t bytes[4 * B];
	char *message = NULL;
	unsigned int count = 0;

	(void)state;
	start(4, 4, true);
	forge(bytes + B, 1, 7, 16);
	forge(bytes, 0, 1, 2 * B);
	write_file(bytes, sizeof(bytes));
	for (unsigned int i = 1; i <= 2; i++) {
		end();
		say_failure(journal_open(&m.config, ID, m.tail, stop_at_three,
					 &count, &m.journal, &message),
			    message);
		assert_int_equal(count, i);
	}
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

/* A flag that nobody knows yet: the batch is there, and not for us. */
static void test_unknown_flag(void **state)
{
	struct store_batch batch = { .len = 0 };
	struct journal_pos pos = { 1, 0 };
	uint8_t *bytes = NULL;
	size_t len = 0;

	(void)state;
	start(4, 4, true);
	assert_int_equal(append(100), 0);
	bytes = read_file(&len);
	bytes[7] = 2;
	be32_put(bytes + 32, crc32c(crc32c(0, bytes, 32), bytes + 64, 100));
	write_at(0, bytes, B);
	free(bytes);
	assert_int_equal(journal_read(m.journal, &pos, &batch), EILSEQ);
	refused(EILSEQ, "batch 1", "winsrepair salvage");
	batch_free(&batch);
}

static void test_fn_stops(void **state)
{
	char *message = NULL;
	unsigned int count = 0;

	(void)state;
	start(4, 4, true);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(append(16), 0);
	}
	end();
	assert_int_equal(journal_open(&m.config, ID, m.tail, stop_at_three,
				      &count, &m.journal, &message),
			 EOVERFLOW);
	assert_int_equal(count, 3);
	assert_null(m.journal);
	assert_null(message);
}

/* Once around, and over the batch that was the first. */
static void test_upon_another(void **state)
{
	static uint8_t bytes[4 * B];
	char *message = NULL;
	unsigned int count = 0;

	(void)state;
	start(4, 4, true);
	end();
	m.tail = (struct journal_pos){ 3, 2 };
	forge(bytes + 2 * B, 0, 3, 16);
	forge(bytes + 3 * B, 0, 4, 16);
	forge(bytes, 0, 5, 2 * B);
	write_file(bytes, sizeof(bytes));
	assert_int_equal(journal_open(&m.config, ID, m.tail, stop_at_three,
				      &count, &m.journal, &message), EILSEQ);
	assert_int_equal(count, 2);
	assert_non_null(strstr(message, "batch 5"));
	free(message);
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
		{ 2, false, ENOMEM, EIO },	/* of a sync it says nothing */
		{ 2, false, EIO, EIO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		start(8, 8, true);
		assert_int_equal(append(16), 0);
		disk_fails(cases[i].from, cases[i].error, cases[i].for_good);
		assert_int_equal(append(100), cases[i].want);
		disk_works();
		if (cases[i].want != EIO) {
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
	/* half of it, an error, the wiping, and then its sync */
	start(8, 8, true);
	assert_int_equal(append(ROOM(5)), 0);
	limit.rlim_cur = 6 * B;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	disk_fails(4, ENOSPC, false);
	assert_int_equal(append(ROOM(2)), EIO);
	disk_works();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(append(16), EIO);
	end();
}

/*
 * Opening fails at each call: an error with words and no handle open, and the
 * next one finds what there was. Two batches behind a hole are to be wiped.
 */
static void open_fails(int error)
{
	bool reached = true;
	int fd = first_free_fd();

	for (unsigned int n = 1; reached; n++) {
		char *message = NULL;
		int err = 0;

		start(8, 8, false);
		for (unsigned int i = 0; i < 5; i++) {
			assert_int_equal(append(100), 0);
		}
		write_at(2 * B, "hole", 4);
		m.config.durable = true;
		disk_fails(n, error, false);
		err = reopen(&message);
		disk_works();
		reached = calls >= n;
		if (reached && error != EINTR && error != 0) {
			assert_int_equal(err, error);
			assert_non_null(strstr(message, path));
			assert_int_equal(first_free_fd(), fd);
			free(message);
		} else {
			say_failure(err, message);
			assert_int_equal(m.seen, 3);
		}
		reopen_until(3);
		assert_true(reached || n > 10);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_older_rounds),
		cmocka_unit_test(test_hole),
		cmocka_unit_test(test_hole_unsynced),
		cmocka_unit_test(test_bit_flips),
		cmocka_unit_test(test_not_a_journal),
		cmocka_unit_test(test_other_id),
		cmocka_unit_test(test_foreign_batch),
		cmocka_unit_test(test_header_in_payload),
		cmocka_unit_test(test_senseless),
		cmocka_unit_test(test_unknown_flag),
		cmocka_unit_test(test_fn_stops),
		cmocka_unit_test(test_upon_another),
		cmocka_unit_test(test_read_errors),
		cmocka_unit_test(test_failing_appends),
		cmocka_unit_test(test_void),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_open_fails),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
