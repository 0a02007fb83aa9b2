/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record import on a whole server. What it has to do is from issue migration
 * 3: owners and versions kept, nobody's adopted only when that is said, a dry
 * run that says what the real one says, a batch that is one turn; protected
 * names need a word (design.md 4.3). What the rules decide has tests of its
 * own (rules/test_import.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "real.h"

#define OLD SIM_OTHER

static struct {
	unsigned int count;
	uint64_t result[1500];
	char rule[1500][80];
	bool before[1500];
} got;

static int64_t wall(int64_t ahead)
{
	return sim.world.wall(sim.world.priv) + ahead;
}

static struct nb_record record(const char *text, uint32_t owner,
			       uint64_t version)
{
	struct nb_record rec = {
		.node = NB_H_NODE,
		.owner = owner,
		.version = version,
		.expires = wall(86400),
		.count = 1,
	};

	assert_true(nb_name_parse(text, &rec.name));
	rec.member[0] = (struct nb_member) {
		.ip = SIM_HOST(7),
		.owner = owner,
		.expires = rec.expires,
	};
	return rec;
}

static struct nb_record fixed(const char *text, uint32_t owner,
			      uint64_t version)
{
	struct nb_record rec = record(text, owner, version);

	rec.is_static = true;
	nb_record_settle(&rec);
	return rec;
}

static void look(void)
{
	struct control_field field = { .data = NULL };

	memset(&got, 0, sizeof(got));
	while (control_next(&reply, &field)) {
		if (field.tag == CONTROL_NUMBER) {
			got.result[got.count++] = control_number(&field);
		} else if (field.tag == CONTROL_RULE) {
			(void)control_text(&field, got.rule[got.count - 1],
					   sizeof(got.rule[0]));
		} else if (field.tag == CONTROL_BEFORE) {
			got.before[got.count - 1] = true;
		}
	}
}

/* The records that were put into request(); the number that was answered. */
static unsigned int run(uint64_t flags)
{
	if (flags != 0) {
		control_put_number(&writer, CONTROL_FLAGS, flags);
	}
	send_request();
	sim_advance(&sim, 0);
	assert_int_equal(replies, 1);
	assert_int_equal(status_of(), CONTROL_OK);
	look();
	return got.count;
}

static void add(struct nb_record rec)
{
	control_put_record(&writer, CONTROL_RECORD, &rec);
}

/* One record alone. */
static uint64_t import(struct nb_record rec, uint64_t flags)
{
	(void)request("record import");
	add(rec);
	assert_int_equal(run(flags), 1);
	return got.result[0];
}

static void test_owner_is_kept(void **state)
{
	struct nb_record rec, one = record("FILES<20>", OLD, 41);

	(void)state;
	assert_int_equal(import(one, 0), NB_DONE);
	assert_string_equal(got.rule[0], "protocol 5.2 #1");
	assert_true(fetch("FILES<20>", &rec));
	assert_int_equal(rec.owner, OLD);
	assert_int_equal(rec.version, 41);
	assert_int_equal(rec.expires - sim.world.now(sim.world.priv), 86400);
	/* no marks are set: the next pull compares */
	assert_int_equal(store_mark(server->store, OLD), 0);
	assert_int_equal(import(one, 0), NB_UNCHANGED);
	one.version = 40;
	one.member[0].ip++;
	assert_int_equal(import(one, 0), NB_REFUSED);
}

static void test_our_own(void **state)
{
	uint64_t counter = store_counter(server->store);
	struct nb_record rec;

	(void)state;
	assert_int_equal(import(record("OURS<20>", SIM_SELF, counter + 5), 0),
			 NB_DONE | CONTROL_IMPORT_OURS);
	assert_true(fetch("OURS<20>", &rec));
	assert_int_equal(rec.owner, NB_SELF);
	assert_int_equal(rec.member[0].owner, NB_SELF);
	assert_int_equal(rec.version, counter + 5);
	assert_int_equal(store_counter(server->store), counter + 5);
	/* never one version for two records */
	assert_int_equal(import(record("TWO<20>", SIM_SELF, counter + 5), 0),
			 NB_DONE | CONTROL_IMPORT_OURS |
				 CONTROL_IMPORT_NUMBERED);
	assert_true(fetch("TWO<20>", &rec));
	assert_int_equal(rec.version, counter + 6);
}

static void test_versions_in_one_batch(void **state)
{
	uint64_t counter = store_counter(server->store);
	struct nb_record rec;

	(void)state;
	(void)request("record import");
	add(record("A<20>", SIM_SELF, counter + 7));
	add(record("B<20>", SIM_SELF, counter + 7));
	add(record("C<20>", SIM_SELF, counter + 8));
	assert_int_equal(run(0), 3);
	assert_int_equal(got.result[0], NB_DONE | CONTROL_IMPORT_OURS);
	for (int i = 1; i < 3; i++) {
		assert_int_equal(got.result[i], NB_DONE |
				 CONTROL_IMPORT_OURS | CONTROL_IMPORT_NUMBERED);
	}
	assert_true(fetch("C<20>", &rec));
	assert_int_equal(rec.version, counter + 9);
}

static void test_adopt(void **state)
{
	struct nb_record rec, one = fixed("PRINT<20>", 0, 0);

	(void)state;
	assert_int_equal(import(one, 0), NB_REFUSED);
	assert_string_equal(got.rule[0], "nobody owns it");
	assert_false(fetch("PRINT<20>", &rec));
	assert_int_equal(import(one, CONTROL_ADOPT),
			 NB_DONE | CONTROL_IMPORT_OURS |
				 CONTROL_IMPORT_NUMBERED);
	assert_true(fetch("PRINT<20>", &rec));
	assert_int_equal(rec.owner, NB_SELF);
	assert_true(rec.is_static);
	assert_int_equal(rec.version, store_counter(server->store));
	assert_int_equal(import(one, CONTROL_ADOPT), NB_UNCHANGED);
	/* whose owner is known stays its */
	assert_int_equal(import(record("B<20>", OLD, 3), CONTROL_ADOPT),
			 NB_DONE);
}

static void test_dry_run(void **state)
{
	struct nb_record one = record("FILES<20>", OLD, 42);
	struct nb_record before, after;

	(void)state;
	replica("FILES<20>", OLD, 41, false, NB_ACTIVE);
	assert_true(fetch("FILES<20>", &before));
	assert_int_equal(import(one, CONTROL_DRY_RUN), NB_DONE);
	assert_true(got.before[0]);
	assert_true(fetch("FILES<20>", &after));
	assert_int_equal(after.version, 41);
	assert_int_equal(after.revision, before.revision);
	assert_int_equal(import(one, 0), NB_DONE);
	assert_false(got.before[0]);
	assert_int_equal(import(one, CONTROL_DRY_RUN), NB_UNCHANGED);
	assert_false(got.before[0]);
	assert_int_equal(import(record("NEW<20>", OLD, 43), CONTROL_DRY_RUN),
			 NB_DONE);
	assert_false(got.before[0]);
}

static void test_protected(void **state)
{
	struct nb_record one = fixed("FIXED<20>", OLD, 12);

	(void)state;
	replica("FIXED<20>", OLD, 11, true, NB_ACTIVE);
	one.member[0].ip = SIM_HOST(99);
	assert_int_equal(import(one, 0), NB_CONFLICT);
	assert_non_null(strstr(got.rule[0], "--yes"));
	assert_int_equal(import(one, CONTROL_YES), NB_DONE);
}

static void test_own_name(void **state)
{
	struct serve_config config = sim_config();
	struct nb_record one = record("WINS1<20>", OLD, 12);

	(void)state;
	config.own_names = 1;
	config.own_name[0] = (struct serve_own_name) { .name = one.name };
	serve_set_config(server->serve, &config);
	assert_int_equal(import(one, 0), NB_CONFLICT);
	assert_int_equal(import(one, CONTROL_YES), NB_DONE);
}

/* What found no room in a reply is not done, and comes again. */
static void test_long_batch(void **state)
{
	struct store_stats stats;
	unsigned int sent = 0, done = 0;
	char name[16];

	(void)state;
	(void)request("record import");
	while (writer.len + 80 < CONTROL_REQUEST_MAX) {
		(void)snprintf(name, sizeof(name), "H%u<20>", sent);
		add(record(name, OLD, 100 + sent));
		sent++;
	}
	done = run(0);
	store_stats(server->store, &stats);
	assert_in_range(done, 100, sent);
	assert_int_equal(stats.records, done);
	for (unsigned int i = 0; i < done; i++) {
		assert_int_equal(got.result[i], NB_DONE);
	}
}

/* One turn: it is all there, or the client hears that it is not. */
static void test_disk(void **state)
{
	struct nb_record rec;

	(void)state;
	sim_disk_hold(server->disk, true);
	(void)request("record import");
	add(record("A<20>", OLD, 5));
	add(record("B<20>", OLD, 6));
	send_request();
	sim_advance(&sim, 0);
	assert_int_equal(replies, 0);
	sim_disk_hold(server->disk, false);
	sim_disk_finish(server->disk, ENOMEM);
	assert_int_equal(replies, 1);
	assert_int_equal(status_of(), CONTROL_FAILED);
	assert_false(fetch("A<20>", &rec));
	assert_false(fetch("B<20>", &rec));
}

static void test_gate(void **state)
{
	struct nb_record rec;

	(void)state;
	serve_close_gate(server->serve, true);
	assert_int_equal(import(record("OURS<20>", 0, 0), CONTROL_ADOPT),
			 CONTROL_IMPORT_FAILED);
	assert_false(fetch("OURS<20>", &rec));
	/* what needs no version of ours comes in */
	assert_int_equal(import(record("FILES<20>", OLD, 41), 0), NB_DONE);
}

static void test_broken(void **state)
{
	struct nb_record one = record("TWICE<00>", OLD, 9);

	(void)state;
	one.type = NB_MHOMED;
	one.count = 2;
	one.member[1] = one.member[0];
	assert_int_equal(import(one, CONTROL_YES), NB_REFUSED);
	assert_string_equal(got.rule[0], "an address stands twice");
}

static void test_undo(void **state)
{
	struct nb_record rec, before = record("FILES<20>", OLD, 41);

	(void)state;
	replica("FILES<20>", OLD, 42, false, NB_ACTIVE);
	assert_int_equal(import(before, 0), NB_REFUSED);
	assert_int_equal(import(before, CONTROL_UNDO), NB_DONE);
	assert_true(fetch("FILES<20>", &rec));
	assert_int_equal(rec.version, 41);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_owner_is_kept),
		TEST(test_our_own),
		TEST(test_versions_in_one_batch),
		TEST(test_adopt),
		TEST(test_dry_run),
		TEST(test_protected),
		TEST(test_own_name),
		TEST(test_long_batch),
		TEST(test_disk),
		TEST(test_gate),
		TEST(test_broken),
		TEST(test_undo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
