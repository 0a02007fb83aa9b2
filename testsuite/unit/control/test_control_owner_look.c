/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owner list, accept and reject, over a store and a replication that know
 * what the test says. What is listed is what the issue wants of `owner list`;
 * the list is whole whatever comes between two slices (design.md 4.3).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "rows.h"

#define FAR 0xc6336401u		/* 198.51.100.1 */

static void in_store(struct bench *b, uint32_t owner, uint64_t active,
		     uint64_t mark)
{
	b->store->owner[b->store->owners++] = (struct store_owner){
		.owner = owner,
		.mark = mark,
		.records = { active, 12, 13 },
		.statics = 14,
		.highest = 15,
	};
}

static struct repl_owner_sight *in_repl(struct bench *b, uint32_t owner)
{
	struct repl_owner_sight *s =
		&b->context.repl->owner[b->context.repl->owners++];

	*s = (struct repl_owner_sight){
		.owner = owner,
		.ours = owner == SELF,
		.mark = 100,
		.map_max = REPL_UNKNOWN,
	};
	return s;
}

static uint32_t owner_of(const struct bench *b, unsigned int row)
{
	return (uint32_t)number_in(b, "owner", row, "owner");
}

static void test_ours_first_and_every_number(void **state)
{
	struct bench *b = *state;
	struct repl_owner_sight *s = NULL;

	in_store(b, NB_SELF, 10, 500);
	in_store(b, OTHER, 11, 77);
	(void)in_repl(b, SELF);
	s = in_repl(b, OTHER);
	s->mark = 78;
	s->map_max = UINT64_C(1) << 63;
	s->last_new = 1001;
	s->reachable = true;
	s->blocked = true;
	s->quarantine = 1002;
	s->rejected = true;
	(void)request(b, "owner list");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_int_equal(count_rows(b, "owner"), 2);
	assert_int_equal(owner_of(b, 0), SELF);
	assert_int_equal(number_in(b, "owner", 0, "ours"), 1);
	assert_int_equal(number_in(b, "owner", 0, "active"), 10);
	assert_int_equal(number_in(b, "owner", 0, "max_version"), 100);
	assert_true(nothing_in(b, "owner", 0, "map_max"));
	assert_true(nothing_in(b, "owner", 0, "last_new_version"));
	assert_true(nothing_in(b, "owner", 0, "quarantine"));
	assert_int_equal(number_in(b, "owner", 0, "rejected"), 0);
	assert_int_equal(owner_of(b, 1), OTHER);
	assert_int_equal(number_in(b, "owner", 1, "ours"), 0);
	assert_int_equal(number_in(b, "owner", 1, "active"), 11);
	assert_int_equal(number_in(b, "owner", 1, "released"), 12);
	assert_int_equal(number_in(b, "owner", 1, "tombstones"), 13);
	assert_int_equal(number_in(b, "owner", 1, "statics"), 14);
	assert_int_equal(number_in(b, "owner", 1, "record_max"), 15);
	assert_int_equal(number_in(b, "owner", 1, "max_version"), 78);
	assert_true(number_in(b, "owner", 1, "map_max") == UINT64_C(1) << 63);
	assert_int_equal(number_in(b, "owner", 1, "last_new_version"), 1001);
	assert_int_equal(number_in(b, "owner", 1, "reachable"), 1);
	assert_int_equal(number_in(b, "owner", 1, "blocked"), 1);
	assert_int_equal(number_in(b, "owner", 1, "quarantine"), 1002);
	assert_int_equal(number_in(b, "owner", 1, "rejected"), 1);
}

/* Known to the store alone, to repl alone, to both: each once, in order. */
static void test_both_sides_merge(void **state)
{
	static const uint32_t expected[] = { SELF, 5, 6, OTHER, FAR, FAR + 1 };
	struct bench *b = *state;

	in_store(b, 5, 1, 51);
	in_store(b, OTHER, 2, 52);
	in_store(b, FAR, 3, 53);
	(void)in_repl(b, 6);
	(void)in_repl(b, SELF);
	(void)in_repl(b, OTHER);
	(void)in_repl(b, FAR + 1);
	(void)request(b, "owner list");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_int_equal(count_rows(b, "owner"), 6);
	for (unsigned int i = 0; i < 6; i++) {
		assert_int_equal(owner_of(b, i), expected[i]);
	}
	/* ours has no record: zeros are known */
	assert_int_equal(number_in(b, "owner", 0, "active"), 0);
	/* 5: nobody told of it; 6: no record of it is here */
	assert_int_equal(number_in(b, "owner", 1, "max_version"), 51);
	assert_true(nothing_in(b, "owner", 1, "reachable"));
	assert_true(nothing_in(b, "owner", 1, "blocked"));
	assert_int_equal(number_in(b, "owner", 2, "active"), 0);
	assert_int_equal(number_in(b, "owner", 2, "max_version"), 100);
}

static void test_without_replication(void **state)
{
	struct bench *b = *state;

	b->context.repl = NULL;
	in_store(b, NB_SELF, 10, 500);
	in_store(b, OTHER, 11, 77);
	(void)request(b, "owner list");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_int_equal(count_rows(b, "owner"), 2);
	assert_int_equal(number_in(b, "owner", 0, "max_version"), 500);
	assert_true(nothing_in(b, "owner", 0, "map_max"));
	assert_true(nothing_in(b, "owner", 1, "reachable"));
}

/* One slice; how many rows, and *cursor is moved. */
static unsigned int slice(struct bench *b, uint64_t *cursor)
{
	struct control_writer *w = request(b, "owner list");

	if (*cursor != 0) {
		control_put_number(w, CONTROL_CURSOR, *cursor);
		control_put_number(w, CONTROL_INSTANCE, 77);
	}
	assert_int_equal(answer(b), CONTROL_OK);
	assert_in_range(b->reply.len, 0, 65536);
	*cursor = control_number_or(&b->reply, CONTROL_CURSOR, 0);
	return count_rows(b, "owner");
}

static void test_thousands_of_owners(void **state)
{
	struct bench *b = *state;
	uint64_t cursor = 0;
	unsigned int slices = 0;
	uint32_t next = 1000;

	for (uint32_t i = 0; i < FAKE_OWNERS; i++) {
		if (i % 3 != 0) {
			in_store(b, 1000 + i, 1, 1);
		}
		if (i % 3 != 1) {
			(void)in_repl(b, 1000 + i);
		}
	}
	do {
		unsigned int rows = slice(b, &cursor);

		for (unsigned int i = slices == 0; i < rows; i++) {
			assert_int_equal(owner_of(b, i), next++);
		}
		slices++;
	} while (cursor != 0);
	assert_int_equal(next, 1000 + FAKE_OWNERS);
	assert_in_range(slices, 2, 100);
}

/* One comes and one goes between two slices: no other is missed or twice. */
static void test_owners_come_and_go_between_slices(void **state)
{
	struct bench *b = *state;
	uint64_t cursor = 0;
	uint32_t next = 2001;
	unsigned int rows = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		in_store(b, 2000 + i, 1, 1);
	}
	rows = slice(b, &cursor);
	assert_int_not_equal(cursor, 0);
	next = 2000 + rows - 1;
	/* the first one goes, and a new one has the lowest address */
	memmove(&b->store->owner[0], &b->store->owner[1],
		--b->store->owners * sizeof(b->store->owner[0]));
	(void)in_repl(b, 1);
	while (cursor != 0) {
		rows = slice(b, &cursor);
		for (unsigned int i = 0; i < rows; i++) {
			assert_int_equal(owner_of(b, i), next++);
		}
	}
	assert_int_equal(next, 3000);
}

static void test_strange_cursors(void **state)
{
	struct bench *b = *state;
	uint64_t cursor = UINT64_MAX;

	in_store(b, NB_SELF, 1, 1);
	in_store(b, OTHER, 1, 1);
	in_store(b, UINT32_MAX, 1, 1);
	assert_int_equal(slice(b, &cursor), 0);
	cursor = UINT32_MAX - 1;
	assert_int_equal(slice(b, &cursor), 1);
	control_put_number(request(b, "owner list"), CONTROL_INSTANCE, 78);
	assert_int_equal(answer(b), CONTROL_RESTARTED);
}

/* ---- quarantine ---- */

static enum control_status decide(struct bench *b, const char *verb,
				  uint32_t owner, uint64_t flags)
{
	struct control_writer *w = request(b, verb);

	control_put_number(w, CONTROL_OWNER, owner);
	if (flags != 0) {
		control_put_number(w, CONTROL_FLAGS, flags);
	}
	return answer(b);
}

static void test_accept_and_reject(void **state)
{
	static const char *const verb[] = { "owner accept", "owner reject" };
	struct bench *b = *state;
	struct repl *repl = b->context.repl;

	in_repl(b, OTHER)->quarantine = 9000;
	(void)in_repl(b, FAR);
	for (int i = 0; i < 2; i++) {
		repl->accepted = 0;
		repl->rejected = 0;
		assert_int_equal(decide(b, verb[i], FAR, 0),
				 CONTROL_NOT_FOUND);
		assert_true(message_has(b, "198.51.100.1"));
		assert_int_equal(decide(b, verb[i], 7, 0), CONTROL_NOT_FOUND);
		assert_int_equal(decide(b, verb[i], OTHER, CONTROL_DRY_RUN),
				 CONTROL_OK);
		assert_int_equal(value_of(b, "max_version"), 100);
		assert_int_equal(value_of(b, "quarantine"), 9000);
		assert_int_equal(repl->accepted + repl->rejected, 0);
		assert_int_equal(decide(b, verb[i], OTHER, 0), CONTROL_OK);
		assert_int_equal(value_of(b, "max_version"), 100);
		assert_int_equal(value_of(b, "quarantine"), 9000);
		assert_int_equal(i == 0 ? repl->accepted : repl->rejected,
				 OTHER);
		assert_int_equal(i == 0 ? repl->rejected : repl->accepted, 0);
	}
}

/* Who rejected may think again; rejecting twice is nothing. */
static void test_after_a_rejection(void **state)
{
	struct bench *b = *state;
	struct repl_owner_sight *s = in_repl(b, OTHER);

	s->quarantine = 9000;
	s->rejected = true;
	assert_int_equal(decide(b, "owner reject", OTHER, 0),
			 CONTROL_UNCHANGED);
	assert_true(message_has(b, "192.0.2.2 up to 9000"));
	assert_int_equal(b->context.repl->rejected, 0);
	assert_int_equal(decide(b, "owner accept", OTHER, 0), CONTROL_OK);
	assert_int_equal(b->context.repl->accepted, OTHER);
}

/* The answer waits for the disk, and an error is one. */
static void test_decision_is_durable(void **state)
{
	struct bench *b = *state;
	TALLOC_CTX *client = NULL;

	in_repl(b, OTHER)->quarantine = 9000;
	b->serve->hold = true;
	control_put_number(request(b, "owner accept"), CONTROL_OWNER, OTHER);
	send_as(b, b, CONTROL_ADMIN);
	assert_int_equal(b->replies, 0);
	b->serve->error = ENOSPC;
	fake_durable(b->serve);
	assert_int_equal(b->replies, 1);
	assert_int_equal(control_number_or(&b->reply, CONTROL_STATUS, 999),
			 CONTROL_FAILED);
	assert_true(message_has(b, "No space left"));

	client = talloc_new(b);
	control_put_number(request(b, "owner accept"), CONTROL_OWNER, OTHER);
	send_as(b, client, CONTROL_ADMIN);
	talloc_free(client);
	fake_durable(b->serve);
	assert_int_equal(b->replies, 1);

	b->serve->error = ENOMEM;
	assert_int_equal(decide(b, "owner accept", OTHER, 0), CONTROL_FAILED);
	b->serve->error = 0;
	b->serve->hold = false;
	b->context.repl->decision = EROFS;
	assert_int_equal(decide(b, "owner reject", OTHER, 0), CONTROL_FAILED);
	assert_true(message_has(b, "Read-only"));
	assert_int_equal(talloc_total_blocks(b->serve), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_REPL(test_ours_first_and_every_number),
		TEST_REPL(test_both_sides_merge),
		TEST_REPL(test_without_replication),
		TEST_REPL(test_thousands_of_owners),
		TEST_REPL(test_owners_come_and_go_between_slices),
		TEST_REPL(test_strange_cursors),
		TEST_REPL(test_accept_and_reject),
		TEST_REPL(test_after_a_rejection),
		TEST_REPL(test_decision_is_durable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
