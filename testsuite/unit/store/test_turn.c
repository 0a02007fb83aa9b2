/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Turns one by one: what readers see when, order of the callbacks, merging,
 * failing and taking back, callbacks that begin the next turn, ghosts.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_world.h"

struct fixture {
	struct sim_disk *disk;
	struct store *store;
	struct done_log log;
	struct done_call call[16];
};

static void setup(struct fixture *f, bool hold)
{
	memset(f, 0, sizeof(*f));
	f->disk = sim_disk_create(NULL);
	f->store = store_on(f->disk);
	sim_disk_hold(f->disk, hold);
	for (int i = 0; i < 16; i++) {
		f->call[i] = (struct done_call){ &f->log, i };
	}
}

static void teardown(struct fixture *f)
{
	talloc_free(f->store);
	talloc_free(f->disk);
}

static void put(struct fixture *f, unsigned int n, int64_t expires)
{
	struct nb_record rec = record_n(n, expires);

	assert_int_equal(store_put(f->store, &rec, true), 0);
}

static void turn(struct fixture *f, unsigned int n, int64_t expires, int which)
{
	store_begin(f->store);
	put(f, n, expires);
	store_commit(f->store, done_note, &f->call[which]);
}

/* What the store says of a name: its expiry, or -1. */
static int64_t seen(struct fixture *f, unsigned int n)
{
	struct nb_name name = name_n(n);
	struct nb_record rec;

	return store_get(f->store, &name, &rec) ? rec.expires : -1;
}

static uint64_t pending(struct fixture *f, unsigned int n)
{
	struct nb_name name = name_n(n);

	return store_pending_turn(f->store, &name);
}

static void assert_log(struct fixture *f, int which, int error)
{
	static unsigned int at;

	if (which < 0) {
		assert_int_equal(f->log.count, at);
		at = 0;
		return;
	}
	assert_true(f->log.count > at);
	assert_int_equal(f->log.which[at], which);
	assert_int_equal(f->log.error[at], error);
	at++;
}

static void test_seen_at_once(void **state)
{
	struct fixture f;
	struct nb_record rec = record_n(1, 100);
	struct nb_name name = name_n(1);

	(void)state;
	setup(&f, true);
	store_begin(f.store);
	assert_int_equal(store_put(f.store, &rec, true), 0);
	assert_int_equal(rec.version, 1);
	assert_int_equal(rec.revision, 1);
	assert_int_equal(seen(&f, 1), 100);
	assert_int_equal(pending(&f, 1), store_current_turn(f.store));
	assert_int_equal(pending(&f, 2), 0);
	assert_false(store_busy(f.store));
	store_commit(f.store, done_note, &f.call[0]);
	assert_true(store_busy(f.store));
	assert_int_equal(f.log.count, 0);
	assert_int_equal(pending(&f, 1), store_current_turn(f.store));
	sim_disk_finish(f.disk, 0);
	assert_log(&f, 0, 0);
	assert_log(&f, -1, 0);
	assert_false(store_busy(f.store));
	assert_int_equal(pending(&f, 1), 0);
	assert_int_equal(store_durable_turn(f.store),
			 store_current_turn(f.store));

	store_begin(f.store);
	assert_int_equal(store_delete(f.store, &name), 0);
	assert_int_equal(store_delete(f.store, &name), ENOENT);
	assert_int_equal(seen(&f, 1), -1);
	assert_int_equal(pending(&f, 1), store_current_turn(f.store));
	store_commit(f.store, done_note, &f.call[1]);
	assert_int_equal(pending(&f, 1), store_current_turn(f.store));
	sim_disk_finish(f.disk, 0);
	assert_int_equal(pending(&f, 1), 0);
	teardown(&f);
}

static void test_merging(void **state)
{
	struct fixture f;
	unsigned int before = 0;

	(void)state;
	setup(&f, true);
	before = sim_disk_commits(f.disk);
	for (int i = 0; i < 6; i++) {
		turn(&f, (unsigned int)i, 100 + i, i);
	}
	assert_int_equal(sim_disk_commits(f.disk) - before, 1);
	sim_disk_finish(f.disk, 0);
	assert_int_equal(f.log.count, 1);
	assert_int_equal(pending(&f, 0), 0);
	assert_int_not_equal(pending(&f, 1), 0);
	assert_int_equal(sim_disk_commits(f.disk) - before, 2);
	sim_disk_finish(f.disk, 0);
	for (int i = 0; i < 6; i++) {
		assert_log(&f, i, 0);
		assert_int_equal(pending(&f, (unsigned int)i), 0);
	}
	assert_log(&f, -1, 0);
	assert_int_equal(sim_disk_commits(f.disk) - before, 2);
	teardown(&f);
}

static void test_empty_turns(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, true);
	store_begin(f.store);
	store_commit(f.store, done_note, &f.call[0]);
	assert_log(&f, 0, 0);		/* nothing before it: at once */
	turn(&f, 1, 100, 1);
	store_begin(f.store);
	store_commit(f.store, done_note, &f.call[2]);
	assert_log(&f, -1, 0);		/* waits for the one before */
	sim_disk_finish(f.disk, 0);
	assert_log(&f, 0, 0);
	assert_log(&f, 1, 0);
	assert_log(&f, 2, 0);
	assert_log(&f, -1, 0);
	assert_false(sim_disk_pending(f.disk));
	teardown(&f);
}

static void test_failure_takes_back(void **state)
{
	struct fixture f;
	struct store_stats stats;
	struct nb_name gone = name_n(2);
	uint64_t number = 0, counter = 0;

	(void)state;
	setup(&f, true);
	turn(&f, 1, 100, 0);
	turn(&f, 2, 200, 1);
	sim_disk_finish(f.disk, 0);
	sim_disk_finish(f.disk, 0);

	turn(&f, 1, 101, 2);		/* this one will fail */
	store_begin(f.store);		/* waits, goes down with it */
	put(&f, 1, 102);
	put(&f, 1, 103);
	assert_int_equal(store_delete(f.store, &gone), 0);
	put(&f, 3, 300);
	assert_int_equal(store_set_mark(f.store, 0xc0000201, 77), 0);
	assert_int_equal(store_set_meta(f.store, "alive", 5), 0);
	store_commit(f.store, done_note, &f.call[3]);
	store_begin(f.store);		/* open while the news come */
	put(&f, 2, 201);
	counter = store_counter(f.store);
	sim_disk_finish(f.disk, ENOMEM);

	assert_int_equal(seen(&f, 1), 100);
	assert_int_equal(seen(&f, 2), 200);
	assert_int_equal(seen(&f, 3), -1);
	assert_int_equal(pending(&f, 1), 0);
	assert_int_equal(pending(&f, 2), 0);
	assert_int_equal(pending(&f, 3), 0);
	assert_int_equal(store_mark(f.store, 0xc0000201), 0);
	assert_false(store_get_meta(f.store, "alive", &number));
	assert_int_equal(store_counter(f.store), counter);

	/* the open turn goes on, and ends in the same way */
	put(&f, 4, 400);
	assert_int_equal(seen(&f, 4), 400);
	assert_int_not_equal(pending(&f, 4), 0);
	store_commit(f.store, done_note, &f.call[4]);
	assert_int_equal(seen(&f, 4), -1);
	assert_log(&f, 0, 0);
	assert_log(&f, 1, 0);
	assert_log(&f, 2, ENOMEM);
	assert_log(&f, 3, ENOMEM);
	assert_log(&f, 4, ENOMEM);
	assert_log(&f, -1, 0);
	assert_false(sim_disk_pending(f.disk));
	store_stats(f.store, &stats);
	assert_int_equal(stats.failures, 3);
	assert_int_equal(stats.turns, 2);
	assert_int_equal(stats.records, 2);
	assert_int_equal(stats.waiting, 0);

	/* and then all is well again */
	turn(&f, 5, 500, 5);
	sim_disk_finish(f.disk, 0);
	assert_int_equal(seen(&f, 5), 500);
	assert_int_equal(f.log.error[5], 0);
	teardown(&f);
}

/* A deletion that became durable is not brought back as a ghost. */
static void test_ghosts(void **state)
{
	struct fixture f;
	struct nb_name name = name_n(1);
	struct store_stats empty, stats;

	(void)state;
	setup(&f, true);
	store_stats(f.store, &empty);
	turn(&f, 1, 100, 0);
	sim_disk_finish(f.disk, 0);
	store_begin(f.store);
	assert_int_equal(store_delete(f.store, &name), 0);
	store_commit(f.store, done_note, &f.call[1]);
	turn(&f, 1, 101, 2);		/* over the ghost */
	assert_int_equal(seen(&f, 1), 101);
	sim_disk_finish(f.disk, 0);	/* the deletion is durable */
	assert_int_equal(seen(&f, 1), 101);
	sim_disk_finish(f.disk, ENOMEM);
	assert_int_equal(seen(&f, 1), -1);
	assert_int_equal(pending(&f, 1), 0);
	store_stats(f.store, &stats);
	assert_int_equal(stats.records, 0);
	assert_int_equal(stats.memory, empty.memory);

	/* put, delete, put, delete in one turn */
	store_begin(f.store);
	for (int i = 0; i < 2; i++) {
		put(&f, 1, 102);
		assert_int_equal(store_delete(f.store, &name), 0);
	}
	store_commit(f.store, done_note, &f.call[3]);
	sim_disk_finish(f.disk, 0);
	assert_int_equal(pending(&f, 1), 0);
	store_stats(f.store, &stats);
	assert_int_equal(stats.memory, empty.memory);
	teardown(&f);
}

/* ---- done() that goes on ---- */

struct chain {
	struct store *store;
	unsigned int left;
	unsigned int depth;
	unsigned int deepest;
	uint64_t last_turn;
};

static void chain_done(void *arg, int error)
{
	struct chain *chain = arg;

	assert_int_equal(error, 0);
	assert_true(store_durable_turn(chain->store) >= chain->last_turn);
	chain->depth++;
	if (chain->depth > chain->deepest) {
		chain->deepest = chain->depth;
	}
	if (chain->left-- > 0) {
		struct nb_record rec = record_n(chain->left % 7, 1);

		store_begin(chain->store);
		chain->last_turn = store_current_turn(chain->store);
		assert_int_equal(store_put(chain->store, &rec, true), 0);
		store_commit(chain->store, chain_done, chain);
	}
	chain->depth--;
}

/* Ten thousand turns, each begun in the done() before: the stack is flat. */
static void test_reentrant_sync(void **state)
{
	struct fixture f;
	struct chain chain = { .left = 10000 };

	(void)state;
	setup(&f, false);
	chain.store = f.store;
	store_begin(f.store);
	put(&f, 1, 1);
	store_commit(f.store, chain_done, &chain);
	assert_int_equal(chain.deepest, 1);
	assert_int_equal(chain.left, UINT32_MAX);
	assert_false(store_busy(f.store));
	teardown(&f);
}

struct after_error {
	struct fixture *f;
	bool again;
};

static void after_error(void *arg, int error)
{
	struct after_error *a = arg;

	done_note(&a->f->call[0], error);
	assert_int_equal(seen(a->f, 1), -1);
	assert_int_equal(seen(a->f, 2), -1);
	turn(a->f, 9, 900, 9);		/* a new turn, good at once */
	assert_int_equal(seen(a->f, 9), 900);
}

/* The first of three that fail starts a fourth: its done() comes last. */
static void test_reentrant_failure(void **state)
{
	struct fixture f;
	struct after_error a = { .f = &f };

	(void)state;
	setup(&f, true);
	store_begin(f.store);
	put(&f, 1, 100);
	store_commit(f.store, after_error, &a);
	turn(&f, 2, 200, 1);
	turn(&f, 1, 101, 2);
	sim_disk_hold(f.disk, false);
	sim_disk_finish(f.disk, ENOMEM);
	assert_log(&f, 0, ENOMEM);
	assert_log(&f, 1, ENOMEM);
	assert_log(&f, 2, ENOMEM);
	assert_log(&f, 9, 0);
	assert_log(&f, -1, 0);
	assert_int_equal(seen(&f, 9), 900);
	teardown(&f);
}

/* Commits that fail before commit() returns. */
static void test_failure_sync(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, false);
	turn(&f, 1, 100, 0);
	sim_disk_fail(f.disk, 2, ENOMEM);
	turn(&f, 1, 101, 1);
	turn(&f, 1, 102, 2);
	assert_int_equal(seen(&f, 1), 101);
	turn(&f, 1, 103, 3);
	assert_int_equal(seen(&f, 1), 103);
	assert_log(&f, 0, 0);
	assert_log(&f, 1, 0);
	assert_log(&f, 2, ENOMEM);
	assert_log(&f, 3, 0);
	assert_log(&f, -1, 0);
	teardown(&f);
}

static void test_refused_puts(void **state)
{
	struct fixture f;
	struct nb_record rec = record_n(1, 100);
	struct nb_name absent = name_n(99);

	(void)state;
	setup(&f, false);
	store_begin(f.store);
	rec.name.byte[14] = 'x';	/* behind the end of the name */
	assert_int_equal(store_put(f.store, &rec, true), EINVAL);
	rec = record_n(1, 100);
	rec.name.len = 16;
	assert_int_equal(store_put(f.store, &rec, true), EINVAL);
	rec = record_n(1, 100);
	rec.type = NB_GROUP;
	rec.count = 2;
	rec.member[1].ip = 5;
	assert_int_equal(store_put(f.store, &rec, true), EINVAL);
	assert_int_equal(store_counter(f.store), 0);
	rec.type = NB_UNIQUE;		/* two addresses: becomes multihomed */
	assert_int_equal(store_put(f.store, &rec, true), 0);
	assert_int_equal(rec.type, NB_MHOMED);
	assert_int_equal(store_delete(f.store, &absent), ENOENT);
	assert_int_equal(store_set_mark(f.store, NB_SELF, 5), EINVAL);
	assert_int_equal(store_set_meta(f.store, "", 5), EINVAL);
	assert_int_equal(store_set_meta(f.store, "versions-reserved", 5),
			 EINVAL);
	assert_int_equal(store_set_meta(f.store, "format", 5), EINVAL);
	assert_int_equal(store_set_meta(f.store, "01234567890123456789"
					"01234567890123456789012345678901234"
					"0123456789", 5), EINVAL);
	store_commit(f.store, done_ok, NULL);
	teardown(&f);
}

/* Numbers: seen at once, durable with the turn, forgotten with mark 0. */
static void test_numbers(void **state)
{
	struct fixture f;
	struct store *again = NULL;
	struct store_owner owner;
	uint64_t number = 0;

	(void)state;
	setup(&f, false);
	store_begin(f.store);
	assert_int_equal(store_set_meta(f.store, "alive", 17), 0);
	assert_int_equal(store_set_meta(f.store, "zero", 0), 0);
	assert_int_equal(store_set_mark(f.store, 0xc0000201, 5), 0);
	assert_int_equal(store_set_mark(f.store, 0xc0000202, 6), 0);
	store_commit(f.store, done_ok, NULL);
	store_begin(f.store);
	assert_int_equal(store_set_mark(f.store, 0xc0000201, 0), 0);
	store_commit(f.store, done_ok, NULL);
	assert_int_equal(store_mark(f.store, 0xc0000201), 0);
	talloc_free(f.store);
	again = store_on(f.disk);
	assert_true(store_get_meta(again, "alive", &number));
	assert_int_equal(number, 17);
	assert_true(store_get_meta(again, "zero", &number));
	assert_int_equal(number, 0);
	assert_false(store_get_meta(again, "aliv", &number));
	assert_int_equal(store_mark(again, 0xc0000202), 6);
	assert_true(store_owner_at(again, 0, &owner));
	assert_int_equal(owner.owner, 0xc0000202);
	assert_false(store_owner_at(again, 1, &owner));
	f.store = again;
	teardown(&f);
}

/* The store is freed with a turn in flight, one waiting and one open. */
static void test_freed_early(void **state)
{
	struct fixture f;
	struct nb_name name = name_n(1);

	(void)state;
	setup(&f, false);
	turn(&f, 1, 100, 0);
	sim_disk_hold(f.disk, true);
	turn(&f, 1, 101, 1);
	turn(&f, 1, 102, 2);
	store_begin(f.store);
	assert_int_equal(store_delete(f.store, &name), 0);
	put(&f, 2, 200);
	teardown(&f);
	assert_int_equal(f.log.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seen_at_once),
		cmocka_unit_test(test_merging),
		cmocka_unit_test(test_empty_turns),
		cmocka_unit_test(test_failure_takes_back),
		cmocka_unit_test(test_ghosts),
		cmocka_unit_test(test_reentrant_sync),
		cmocka_unit_test(test_reentrant_failure),
		cmocka_unit_test(test_failure_sync),
		cmocka_unit_test(test_refused_puts),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_freed_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
