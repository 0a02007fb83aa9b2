/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verbs about the server as a whole: what status and stats tell, what is
 * refused while the store is loading, backup, reload, scavenging, stop.
 * Expected outcomes are those of design.md 4.3; what may be asked of a store
 * in which state is said in store/store.h.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "bench.h"

static void put(struct bench *b, const char *text, enum nb_type type,
		enum nb_state state, bool is_static)
{
	struct nb_record rec = {
		.type = type, .state = state, .is_static = is_static,
	};

	assert_true(nb_name_parse(text, &rec.name));
	fake_put(b->store, &rec);
}

static void test_status_and_stats(void **state)
{
	struct bench *b = *state;

	put(b, "ALPHA<20>", NB_UNIQUE, NB_ACTIVE, false);
	put(b, "BETA<00>", NB_UNIQUE, NB_ACTIVE, true);
	put(b, "BETA<20>", NB_UNIQUE, NB_TOMBSTONE, false);
	put(b, "GAMMA<1c>", NB_SGROUP, NB_ACTIVE, false);
	(void)request(b, "server status");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_int_equal(value_of(b, "owner"), SELF);
	assert_int_equal(value_of(b, "records"), 4);
	assert_int_equal(value_of(b, "active"), 3);
	assert_int_equal(value_of(b, "tombstones"), 1);
	assert_int_equal(value_of(b, "statics"), 1);
	assert_int_equal(value_of(b, "uptime"), 90);
	assert_int_equal(value_of(b, "started"), FAKE_NOW - 90);
	assert_int_equal(value_of(b, "next_scavenging"), FAKE_NOW + 60);
	(void)request(b, "server stats");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_int_equal(value_of(b, "records_sgroup"), 1);
	assert_int_equal(value_of(b, "store_turns"), 7);
	assert_int_equal(value_of(b, "commands"), 0);
	assert_int_equal(value_of(b, "datagrams"), 12);
	b->context.stat_at = NULL;
	(void)request(b, "server stats");
	assert_int_equal(answer(b), CONTROL_OK);
}

/* A store that is not well goes before what the server is there for. */
static void test_status_of_the_store(void **state)
{
	static const char *const names[] = { "running", "fake loading",
					     "fake full", "fake read-only" };
	struct bench *b = *state;

	for (int health = STORE_OK; health <= STORE_READONLY; health++) {
		fake_health = (enum store_health)health;
		(void)request(b, "server status");
		assert_int_equal(answer(b), CONTROL_OK);
		assert_string_equal(text_of(b, "state"), names[health]);
		if (health == STORE_LOADING) {
			continue;	/* the store must not be asked */
		}
		assert_string_equal(text_of(b, "store"),
				    store_health_name(fake_health));
		assert_int_equal(value_of(b, "database_bytes"), 101);
		assert_int_equal(value_of(b, "journal_bytes"), 103);
	}
	(void)request(b, "server stats");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_int_equal(value_of(b, "disk_batches"), 104);
	assert_int_equal(value_of(b, "disk_carried"), 107);
	assert_int_equal(value_of(b, "disk_sync_usec"), 105);
	assert_int_equal(value_of(b, "disk_sync_usec_max"), 106);
	assert_int_equal(value_of(b, "disk_database_bytes"), 101);
	assert_int_equal(value_of(b, "disk_journal_bytes"), 102);
	assert_int_equal(value_of(b, "disk_journal_used"), 103);
}

/* store.h: while it is loading hardly anything may be asked of the store. */
static void test_loading(void **state)
{
	struct bench *b = *state;

	fake_health = STORE_LOADING;
	(void)request(b, "record list");
	assert_int_equal(answer(b), CONTROL_BUSY);
	assert_true(message_has(b, "loading"));
	(void)request(b, "server backup");
	assert_int_equal(answer(b), CONTROL_BUSY);
	assert_null(b->backed_up);
	(void)request(b, "server status");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_null(text_of(b, "records"));
	(void)request(b, "server stop");
	assert_int_equal(answer(b), CONTROL_OK);
}

static void test_status_of_backups(void **state)
{
	struct bench *b = *state;

	(void)request(b, "server status");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_null(text_of(b, "last_backup"));
	assert_null(text_of(b, "backup_complaint"));
	assert_int_equal(value_of(b, "backup_failures"), 0);
	fake_wall = FAKE_NOW + 3600;	/* the last one's is a wall clock */
	fake_backups = (struct control_backups) {
		.last = FAKE_NOW + 3000, .next = FAKE_NOW + 500, .made = 3,
		.failed = 2, .complaint = "no room",
	};
	(void)request(b, "server status");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_int_equal(value_of(b, "last_backup"), FAKE_NOW + 3000);
	assert_int_equal(value_of(b, "last_backup_age"), 600);
	assert_int_equal(value_of(b, "next_backup"), FAKE_NOW + 4100);
	assert_int_equal(value_of(b, "backup_failures"), 2);
	assert_string_equal(text_of(b, "backup_complaint"), "no room");
	fake_backups.last = FAKE_NOW + 4000;	/* the clock went back */
	(void)request(b, "server status");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_int_equal(value_of(b, "last_backup_age"), 0);
	(void)request(b, "server stats");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_int_equal(value_of(b, "backups_made"), 3);
	assert_int_equal(value_of(b, "backups_failed"), 2);
}

static enum control_status backed_up(struct bench *b, int error,
				     uint64_t records, const char *text)
{
	TALLOC_CTX *client = talloc_new(b);
	unsigned int before = b->replies;

	(void)request(b, "server backup");
	send_as(b, client, CONTROL_ADMIN);
	assert_int_equal(b->replies, before);
	b->backed_up(b->backup_arg, error, records, text);
	assert_int_equal(b->replies, before + 1);
	talloc_free(client);
	return (enum control_status)control_number_or(&b->reply,
						      CONTROL_STATUS, 999);
}

static void test_backup(void **state)
{
	struct bench *b = *state;
	TALLOC_CTX *client = talloc_new(b);

	assert_int_equal(backed_up(b, 0, 42, "/copy"), CONTROL_OK);
	assert_string_equal(text_of(b, "path"), "/copy");
	assert_int_equal(value_of(b, "records"), 42);
	assert_int_equal(backed_up(b, EBUSY, 0, "one is"), CONTROL_REFUSED);
	assert_true(message_has(b, "one is"));
	assert_int_equal(backed_up(b, ENOSPC, 0, "full"), CONTROL_FAILED);
	assert_true(message_has(b, "full"));
	(void)request(b, "server backup");
	send_as(b, client, CONTROL_ADMIN);
	talloc_free(client);			/* it goes on without him */
	b->backed_up(b->backup_arg, 0, 42, "/copy");
	assert_int_equal(b->replies, 3);
	assert_int_equal(talloc_total_blocks(b->serve), 1);
}

static void test_reload(void **state)
{
	struct bench *b = *state;

	(void)request(b, "server reload");
	assert_int_equal(answer(b), CONTROL_OK);
	b->reload_fails = true;
	(void)request(b, "server reload");
	assert_int_equal(answer(b), CONTROL_FAILED);
	assert_true(message_has(b, "winsd.conf:3: no such option"));
}

static void test_stop_comes_after_its_answer(void **state)
{
	struct bench *b = *state;

	(void)request(b, "server stop");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_false(b->stopped);
	fake_timer(fake_timer_arg);
	assert_true(b->stopped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_status_and_stats),
		TEST(test_status_of_the_store),
		TEST(test_loading),
		TEST(test_status_of_backups),
		TEST(test_backup),
		TEST(test_reload),
		TEST(test_stop_comes_after_its_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
