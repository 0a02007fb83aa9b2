/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owner adopt and owner delete on a whole server. What they are to do is from
 * issue replication 9: fresh versions, the static flag kept, statics alone
 * unless all are asked for, refused while the old server answers; no deletion
 * of an owner with living records unless that is said; a dry run says what the
 * real one says (design.md 4.3).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "real.h"

#define OLD SIM_OTHER

static void ask(const char *verb, uint32_t owner, uint64_t flags)
{
	struct control_writer *w = request(verb);

	control_put_number(w, CONTROL_OWNER, owner);
	if (flags != 0) {
		control_put_number(w, CONTROL_FLAGS, flags);
	}
	send_request();
}

/* The old server is off: its answer to the probe, and then the loop runs. */
static enum control_status adopt(uint64_t flags)
{
	unsigned int before = calls;

	ask("owner adopt", OLD, flags);
	if (replies == 0) {
		assert_int_equal(calls, before + 1);
		assert_int_equal(peer.to, OLD);
		peer.events->down(peer.arg, ECONNREFUSED);
		sim_advance(&sim, 0);
	}
	assert_int_equal(replies, 1);
	return status_of();
}

static enum control_status forget(uint32_t owner, uint64_t flags)
{
	ask("owner delete", owner, flags);
	sim_advance(&sim, 0);
	assert_int_equal(replies, 1);
	return status_of();
}

static void fill(void)
{
	replica("FIXED<20>", OLD, 11, true, NB_ACTIVE);
	replica("ALIVE<20>", OLD, 12, false, NB_ACTIVE);
	replica("BURIED<20>", OLD, 13, false, NB_TOMBSTONE);
	replica("FIXED2<20>", OLD, 14, true, NB_ACTIVE);
}

static uint32_t owner_of(const char *name)
{
	struct nb_record rec;

	assert_true(fetch(name, &rec));
	return rec.owner;
}

/* ---- adopt ---- */

static void test_statics(void **state)
{
	uint64_t before = 0;
	struct nb_record rec;

	(void)state;
	fill();
	before = store_counter(server->store);
	assert_int_equal(adopt(0), CONTROL_OK);
	assert_int_equal(value_of("adopted"), 2);
	assert_int_equal(value_of("statics"), 2);
	assert_int_equal(value_of("left"), 2);
	assert_true(fetch("FIXED<20>", &rec));
	assert_int_equal(rec.owner, NB_SELF);
	assert_true(rec.is_static);
	assert_true(rec.version > before);
	assert_int_equal(rec.count, 1);
	assert_int_equal(rec.member[0].ip, SIM_HOST(11));
	assert_int_equal(rec.member[0].owner, NB_SELF);
	assert_int_equal(owner_of("FIXED2<20>"), NB_SELF);
	assert_int_equal(owner_of("ALIVE<20>"), OLD);
	assert_int_equal(owner_of("BURIED<20>"), OLD);
}

static void test_all(void **state)
{
	struct nb_record rec;

	(void)state;
	fill();
	assert_int_equal(adopt(CONTROL_ALL), CONTROL_OK);
	assert_int_equal(value_of("adopted"), 4);
	assert_int_equal(value_of("statics"), 2);
	assert_int_equal(value_of("left"), 0);
	assert_int_equal(value_of("still_a_partner"), 0);
	assert_true(fetch("ALIVE<20>", &rec));
	assert_int_equal(rec.owner, NB_SELF);
	assert_false(rec.is_static);
	assert_true(fetch("BURIED<20>", &rec));
	assert_int_equal(rec.owner, NB_SELF);
	assert_int_equal(rec.state, NB_TOMBSTONE);
	/* nothing of it is left: what is done cannot be done again */
	assert_int_equal(adopt(CONTROL_ALL), CONTROL_NOT_FOUND);
}

static void test_dry_run(void **state)
{
	uint64_t before = 0;

	(void)state;
	fill();
	before = store_counter(server->store);
	for (uint64_t all = 0; all <= CONTROL_ALL; all += CONTROL_ALL) {
		uint64_t adopted = 0, statics = 0, left = 0;

		assert_int_equal(adopt(CONTROL_DRY_RUN | all), CONTROL_OK);
		assert_int_equal(owner_of("FIXED<20>"), OLD);
		assert_int_equal(store_counter(server->store), before);
		adopted = value_of("adopted");
		statics = value_of("statics");
		left = value_of("left");
		assert_int_equal(adopted, all != 0 ? 4 : 2);
		if (all != 0) {
			assert_int_equal(adopt(all), CONTROL_OK);
			assert_int_equal(value_of("adopted"), adopted);
			assert_int_equal(value_of("statics"), statics);
			assert_int_equal(value_of("left"), left);
		}
	}
}

static void test_refused_while_it_lives(void **state)
{
	static const uint8_t word[] = { 0, 0, 0, 41 };

	(void)state;
	fill();
	for (uint64_t dry = 0; dry <= CONTROL_DRY_RUN; dry++) {
		ask("owner adopt", OLD, dry);
		assert_int_equal(replies, 0);
		peer.events->up(peer.arg);
		(void)peer.events->data(peer.arg, word, sizeof(word));
		sim_advance(&sim, 0);
		assert_int_equal(replies, 1);
		assert_int_equal(status_of(), CONTROL_REFUSED);
		assert_true(said("10.9.9.9 lives"));
		assert_int_equal(owner_of("FIXED<20>"), OLD);
	}
}

static void test_refused_at_once(void **state)
{
	(void)state;
	fill();
	ask("owner adopt", SIM_SELF, 0);
	assert_int_equal(status_of(), CONTROL_REFUSED);
	assert_true(said("own owner address"));
	ask("owner adopt", OLD + 1, 0);
	assert_int_equal(status_of(), CONTROL_NOT_FOUND);
	repl_config.observe = true;
	assert_int_equal(repl_set_config(repl, &repl_config), 0);
	ask("owner adopt", OLD, 0);
	assert_int_equal(status_of(), CONTROL_REFUSED);
	assert_true(said("only observes"));
	context.repl = NULL;
	ask("owner adopt", OLD, 0);
	assert_int_equal(status_of(), CONTROL_REFUSED);
	assert_int_equal(calls, 0);
}

/* More than one slice of 64, and a list that is mostly left. */
static void test_many(void **state)
{
	uint64_t turns = 0, turns_before = 0;
	struct store_stats stats;
	char name[32];

	(void)state;
	for (unsigned int i = 1; i <= 200; i++) {
		(void)snprintf(name, sizeof(name), "MANY%u<20>", i);
		replica(name, OLD, i, true, NB_ACTIVE);
	}
	for (unsigned int i = 201; i <= 1500; i++) {
		(void)snprintf(name, sizeof(name), "MANY%u<20>", i);
		replica(name, OLD, i, false, NB_ACTIVE);
	}
	replica("LAST<20>", OLD, 1501, true, NB_ACTIVE);
	store_stats(server->store, &stats);
	turns_before = stats.turns;
	assert_int_equal(adopt(0), CONTROL_OK);
	assert_int_equal(value_of("adopted"), 201);
	assert_int_equal(value_of("left"), 1300);
	assert_int_equal(owner_of("LAST<20>"), NB_SELF);
	store_stats(server->store, &stats);
	turns = stats.turns - turns_before;
	assert_in_range(turns, 4, 6);	/* 64 + 64 + 64 + 8, 1 */
	assert_int_equal(adopt(0), CONTROL_OK);
	assert_int_equal(value_of("adopted"), 0);
}

static void test_bound(void **state)
{
	(void)state;
	fill();
	control_put_number(request("owner adopt"), CONTROL_OWNER, OLD);
	control_put_number(&writer, CONTROL_VERSION_TO, 13);
	control_put_number(&writer, CONTROL_FLAGS, CONTROL_ALL);
	send_request();
	peer.events->down(peer.arg, ECONNREFUSED);
	sim_advance(&sim, 0);
	assert_int_equal(value_of("adopted"), 3);
	assert_int_equal(value_of("left"), 1);
	assert_int_equal(owner_of("FIXED2<20>"), OLD);
}

/* The client vanishes: what is under way is done, and no more. */
static void test_client_gone(void **state)
{
	char name[32];
	struct store_stats stats;

	(void)state;
	for (unsigned int i = 1; i <= 200; i++) {
		(void)snprintf(name, sizeof(name), "MANY%u<20>", i);
		replica(name, OLD, i, true, NB_ACTIVE);
	}
	ask("owner adopt", OLD, 0);
	peer.events->down(peer.arg, ECONNREFUSED);
	TALLOC_FREE(client);
	sim_advance(&sim, 0);
	assert_int_equal(replies, 0);
	store_stats(server->store, &stats);
	assert_int_equal(owner_of("MANY1<20>"), OLD);
	ask("owner delete", OLD, CONTROL_YES);	/* its first slice at once */
	TALLOC_FREE(client);
	sim_advance(&sim, 0);
	assert_int_equal(replies, 0);
	store_stats(server->store, &stats);
	assert_int_equal(stats.records, 200 - 64);
	assert_int_equal(store_mark(server->store, OLD), 200);
}

/* The reply waits for the disk, and tells when that fails. */
static void test_disk(void **state)
{
	(void)state;
	fill();
	sim_disk_hold(server->disk, true);
	ask("owner adopt", OLD, CONTROL_ALL);
	peer.events->down(peer.arg, ECONNREFUSED);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(replies, 0);
	sim_disk_hold(server->disk, false);
	sim_disk_finish(server->disk, ENOMEM);
	sim_advance(&sim, 0);
	assert_int_equal(replies, 1);
	assert_int_equal(status_of(), CONTROL_FAILED);
	assert_true(said(strerror(ENOMEM)));
	assert_int_equal(owner_of("FIXED<20>"), OLD);
	sim_disk_hold(server->disk, true);
	ask("owner delete", OLD, CONTROL_YES);
	sim_disk_hold(server->disk, false);
	sim_disk_finish(server->disk, 0);	/* the records */
	assert_int_equal(replies, 0);
	sim_disk_hold(server->disk, true);
	sim_advance(&sim, 0);			/* its mark */
	assert_int_equal(replies, 0);
	sim_disk_hold(server->disk, false);
	sim_disk_finish(server->disk, 0);
	sim_advance(&sim, 0);
	assert_int_equal(replies, 1);
	assert_int_equal(value_of("deleted"), 4);
}

/* ---- delete ---- */

static void test_delete_spares_the_living(void **state)
{
	(void)state;
	fill();
	for (uint64_t bury = 0; bury <= CONTROL_BURY; bury += CONTROL_BURY) {
		assert_int_equal(forget(OLD, bury), CONTROL_CONFLICT);
		assert_true(said("3 records of it are active, 2 are static"));
		assert_int_equal(forget(OLD, bury | CONTROL_DRY_RUN),
				 CONTROL_CONFLICT);
	}
	assert_int_equal(owner_of("BURIED<20>"), OLD);
	assert_int_equal(forget(SIM_SELF, CONTROL_YES), CONTROL_REFUSED);
	assert_int_equal(forget(OLD + 1, CONTROL_YES), CONTROL_NOT_FOUND);
}

static void test_delete_forgets(void **state)
{
	struct repl_owner_sight sight;
	struct nb_record rec;

	(void)state;
	fill();
	real_restart();		/* repl knows the owner from the store */
	assert_true(repl_owner_sight(repl, OLD, &sight));
	assert_int_equal(forget(OLD, CONTROL_YES | CONTROL_DRY_RUN),
			 CONTROL_OK);
	assert_int_equal(value_of("deleted"), 4);
	assert_int_equal(store_mark(server->store, OLD), 14);
	assert_int_equal(forget(OLD, CONTROL_YES), CONTROL_OK);
	assert_int_equal(value_of("deleted"), 4);
	assert_int_equal(value_of("statics"), 2);
	assert_false(fetch("FIXED<20>", &rec));
	assert_false(fetch("BURIED<20>", &rec));
	assert_int_equal(store_mark(server->store, OLD), 0);
	assert_false(repl_owner_sight(repl, OLD, &sight));
	assert_int_equal(forget(OLD, CONTROL_YES), CONTROL_NOT_FOUND);
}

/* Dead records alone need no word more. */
static void test_delete_the_dead(void **state)
{
	(void)state;
	replica("BURIED<20>", OLD, 13, false, NB_TOMBSTONE);
	replica("OTHER<20>", OLD + 1, 13, false, NB_ACTIVE);
	assert_int_equal(forget(OLD, 0), CONTROL_OK);
	assert_int_equal(value_of("deleted"), 1);
	assert_int_equal(owner_of("OTHER<20>"), OLD + 1);
	assert_int_equal(store_mark(server->store, OLD + 1), 13);
}

static void test_delete_buries(void **state)
{
	struct nb_record rec;
	uint64_t before = 0;

	(void)state;
	fill();
	before = store_counter(server->store);
	assert_int_equal(forget(OLD, CONTROL_BURY | CONTROL_YES), CONTROL_OK);
	assert_int_equal(value_of("tombstoned"), 4);
	assert_true(fetch("FIXED<20>", &rec));
	assert_int_equal(rec.owner, NB_SELF);
	assert_int_equal(rec.state, NB_TOMBSTONE);
	assert_true(rec.version > before);
	assert_int_equal(owner_of("BURIED<20>"), NB_SELF);
	/* what it had stays known, or partners would send it again */
	assert_int_equal(store_mark(server->store, OLD), 14);
}

/* An owner of whom nothing but a mark is left. */
static void test_delete_a_mark(void **state)
{
	(void)state;
	serve_turn_begin(server->serve);
	assert_int_equal(serve_set_mark(server->serve, OLD, 99), 0);
	serve_turn_end(server->serve);
	assert_int_equal(forget(OLD, 0), CONTROL_OK);
	assert_int_equal(value_of("deleted"), 0);
	assert_int_equal(store_mark(server->store, OLD), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_statics),
		TEST(test_all),
		TEST(test_dry_run),
		TEST(test_refused_while_it_lives),
		TEST(test_refused_at_once),
		TEST(test_many),
		TEST(test_bound),
		TEST(test_client_gone),
		TEST(test_disk),
		TEST(test_delete_spares_the_living),
		TEST(test_delete_forgets),
		TEST(test_delete_the_dead),
		TEST(test_delete_buries),
		TEST(test_delete_a_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
