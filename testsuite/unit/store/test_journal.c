/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal as long as all goes well: its bytes against the layout in
 * journal.h, where batches go against a map of the blocks, turning, growing,
 * being full, and one thread that appends while another reads. What can go
 * wrong is in test_journal_damage.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "journal_world.h"

/* ---- the bytes ---- */

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
	for (unsigned int i = 0; i < 2; i++) {
		start(8, 16, true);
		assert_int_equal(append(ROOM(3)), 0);
		assert_int_equal(append(ROOM(3)), 0);
		release(1);
		assert_int_equal(append(ROOM(3)), 0);	/* at block 0 */
		assert_int_equal(size(), 8);
		if (i == 1) {
			reopen_all();
		}
		assert_int_equal(append(16), ENOSPC);
		release(1);
		assert_int_equal(used(), 3);
		assert_int_equal(append(ROOM(5)), 0);
		reopen_all();
	}
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
	/* whoever carries is behind: it grows though it could turn */
	start(4, 8, true);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(append(16), 0);
	}
	release(1);
	assert_int_equal(append(16), 0);
	assert_int_equal(size(), 8);
	reopen_all();
	/* it grows and turns all the same */
	start(4, 8, true);
	assert_int_equal(append(ROOM(3)), 0);
	release(1);
	assert_int_equal(append(ROOM(7)), 0);
	assert_int_equal(size(), 8);
	assert_int_equal(used(), 7);
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
	/* in this round it is not tried again */
	disk_fails(0, 0, false);
	assert_int_equal(append(16), ENOSPC);
	assert_int_equal(calls, 0);
	reopen_all();
	disk_fails(n, error, false);
	assert_int_equal(append(16), ENOSPC);
	disk_works();
	release(1);
	assert_int_equal(append(16), 0);	/* at block 0 */
	assert_int_equal(size(), 4);
	read_all();
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

/* Nothing is synced where nothing has to be. */
static void test_syncs(void **state)
{
	struct journal_sight sight;

	(void)state;
	start(2, 8, false);
	assert_int_equal(append(16), 0);
	disk_fails(0, 0, false);
	reopen_all();
	assert_int_equal(syncs, 0);
	/* what a killed run wrote becomes durable before it is believed */
	m.config.durable = true;
	reopen_all();
	assert_int_equal(syncs, 1);
	start(2, 8, false);
	disk_fails(0, 0, false);
	assert_int_equal(append(ROOM(2)), 0);
	assert_int_equal(calls, 1);
	assert_int_equal(append(ROOM(2)), 0);	/* the file grows */
	assert_int_equal(calls, 3);
	assert_int_equal(syncs, 0);
	start(2, 8, true);
	disk_fails(0, 0, false);
	assert_int_equal(append(ROOM(2)), 0);
	assert_int_equal(calls, 2);
	assert_int_equal(syncs, 1);
	assert_int_equal(append(ROOM(2)), 0);
	assert_int_equal(calls, 6);
	assert_int_equal(syncs, 3);
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

struct race {
	pthread_mutex_t lock;	/* of all that follows */
	pthread_cond_t cond;
	uint64_t appended;	/* numbers */
	uint64_t released;
	int error;		/* of either thread: both end */

	uint64_t known;		/* of the appender: released, at least */
};

/* Both wait for the other one: for a number, or for an error. */
static bool race_wait(struct race *race, const uint64_t *number, uint64_t than)
{
	bool goes_on = false;

	pthread_mutex_lock(&race->lock);
	while (*number < than && race->error == 0) {
		pthread_cond_wait(&race->cond, &race->lock);
	}
	goes_on = race->error == 0;
	pthread_mutex_unlock(&race->lock);
	return goes_on;
}

static void race_tell(struct race *race, uint64_t *number, uint64_t now,
		      int error)
{
	pthread_mutex_lock(&race->lock);
	*number = now;
	race->error = race->error != 0 ? race->error : error;
	pthread_cond_broadcast(&race->cond);
	pthread_mutex_unlock(&race->lock);
}

/* The ring cannot be full when all before this batch is released. */
static int race_append_one(struct race *race, const struct store_batch *batch,
			   uint64_t number)
{
	int err = 0;

	while ((err = journal_append(m.journal, batch)) == ENOSPC) {
		if (race->known >= number ||
		    !race_wait(race, &race->released, race->known + 1)) {
			return err;
		}
		race->known++;
	}
	return err;
}

static void *race_append(void *arg)
{
	struct race *race = arg;
	struct store_batch batch = { .len = 0 };
	int err = 0;

	for (uint64_t n = 1; err == 0 && n <= RACE_BATCHES; n++) {
		make_batch(&batch, n, race_len(n));
		err = race_append_one(race, &batch, n);
		race_tell(race, &race->appended, n, err);
	}
	batch_free(&batch);
	return NULL;
}

/* Batches that are there, read and now and then released. */
static int race_read(struct race *race, struct journal_pos *pos)
{
	struct store_batch batch = { .len = 0 };
	uint64_t number = pos->sequence;
	int err = 0;

	while ((err = journal_read(m.journal, pos, &batch)) == 0) {
		if (!is_batch(&batch, number, race_len(number))) {
			err = EBADMSG;
			break;
		}
		if (++number % 5 == 0) {
			break;
		}
	}
	batch_free(&batch);
	journal_release(m.journal, pos);
	err = err == ENOENT ? 0 : err;
	race_tell(race, &race->released, pos->sequence, err);
	return err;
}

/* Turning all the time, growing first, and a reader that is never far. */
static void test_race(void **state)
{
	struct journal_sight sight;
	pthread_t thread;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct race race = {
			.lock = PTHREAD_MUTEX_INITIALIZER,
			.cond = PTHREAD_COND_INITIALIZER,
		};
		struct journal_pos pos = { 1, 0 };
		int err = 0;

		start(3, 3u << i, false);
		assert_int_equal(pthread_create(&thread, NULL, race_append,
						&race), 0);
		while (err == 0 && pos.sequence <= RACE_BATCHES &&
		       race_wait(&race, &race.appended, pos.sequence)) {
			err = race_read(&race, &pos);
			journal_sight(m.journal, &sight);
			err = sight.used > sight.size ? ERANGE : err;
		}
		race_tell(&race, &race.released, RACE_BATCHES + 1, err);
		pthread_join(thread, NULL);
		assert_int_equal(race.error, 0);
		assert_int_equal(pos.sequence, RACE_BATCHES + 1);
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
		cmocka_unit_test(test_syncs),
		cmocka_unit_test(test_race),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
