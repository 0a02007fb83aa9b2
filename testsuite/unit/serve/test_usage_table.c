/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables of wins:usage alone: their bounds, who has to go, what is said of
 * a name that is not there, 90 days, and walks. Bounds are those that
 * winsd.conf(5) states.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "serve/usage.h"

#define START	INT64_C(1800000000)
#define DAY	86400
#define LOCAL	0x0a000001u

static const uint64_t key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

static int setup(void **state)
{
	struct usage *usage = NULL;

	assert_int_equal(usage_create(NULL, USAGE_OF_CLIENTS, key, START,
				      &usage), 0);
	*state = usage;
	return 0;
}

static int teardown(void **state)
{
	talloc_free(*state);
	return 0;
}

static struct nb_name numbered(uint32_t i)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "N-%u", i);
	return nb_name_make(text, strlen(text), 0x20);
}

static void ask(struct usage *usage, uint32_t client, const struct nb_name *name,
		bool stored, bool found)
{
	struct usage_ask query;

	usage_ask(usage, name, client, LOCAL, &query);
	usage_asked(usage, &query, stored, found);
}

/* ---- looking ---- */

struct seen {
	unsigned int clients, missing, sets;
	uint64_t sum;			/* of their addresses */
	struct usage_client client;	/* the last one */
	struct usage_missing name;
	unsigned int stop;		/* take so many at a time; 0: all */
	unsigned int taken;
};

static bool see_client(void *arg, const struct usage_client *client)
{
	struct seen *seen = arg;

	if (seen->stop != 0 && seen->taken == seen->stop) {
		return false;
	}
	seen->taken++;
	seen->clients++;
	seen->sum += client->ip;
	seen->client = *client;
	return true;
}

static bool see_missing(void *arg, const struct usage_missing *missing)
{
	struct seen *seen = arg;

	seen->missing++;
	seen->name = *missing;
	return true;
}

static bool see_set(void *arg, uint32_t index, const struct usage_set *set)
{
	struct seen *seen = arg;

	(void)index;
	(void)set;
	seen->sets++;
	return true;
}

static struct seen look(const struct usage *usage)
{
	struct seen seen = { .clients = 0 };
	uint64_t cursor[3] = { 0, 0, 0 };

	while (usage_walk_clients(usage, &cursor[0], 1000, see_client, &seen)) {
	}
	while (usage_walk_missing(usage, &cursor[1], 1000, see_missing,
				  &seen)) {
	}
	while (usage_walk_sets(usage, &cursor[2], 1000, see_set, &seen)) {
	}
	return seen;
}

static uint32_t last_asked(const struct usage *usage, uint32_t i,
			   uint32_t *watched)
{
	struct nb_name name = numbered(i);

	return usage_name_asked(usage, &name, watched);
}

/* ---- clients ---- */

static void clients_are_bounded(void **state)
{
	struct usage *usage = *state;
	struct nb_name name = numbered(1);
	struct seen seen;

	for (uint32_t i = 1; i <= 300000; i++) {
		usage_set_now(usage, START + i / 1000);
		ask(usage, i, &name, true, true);
	}
	seen = look(usage);
	assert_true(seen.clients <= 65536);
	assert_true(seen.clients > 60000);
	assert_int_equal(seen.clients + usage_clients_forgotten(usage),
			 300000);
}

/* Who asks all the time stays, however many others come by. */
static void who_is_seen_stays(void **state)
{
	struct usage *usage = *state;
	struct nb_name name = numbered(1);
	struct seen seen = { .clients = 0 };
	uint64_t cursor = 0;
	bool there = false;

	for (uint32_t i = 0; i < 200000; i++) {
		usage_set_now(usage, START + i / 100);
		if (i % 100 == 0) {
			ask(usage, 7, &name, true, true);
		}
		ask(usage, 1000 + i, &name, true, true);
	}
	seen.stop = 1;
	while (!there && usage_walk_clients(usage, &cursor, 65536, see_client,
					    &seen)) {
		there = seen.client.ip == 7;
		seen.taken = 0;
	}
	assert_true(there);
	assert_int_equal(seen.client.found, 2000);
	assert_int_equal(seen.client.first, START);
	assert_int_equal(seen.client.last, START + 1999);
}

static void addresses_of_ours_apart(void **state)
{
	struct usage *usage = *state;

	usage_registered(usage, 7, LOCAL, false);
	usage_registered(usage, 7, LOCAL + 1, true);
	usage_registered(usage, 7, LOCAL + 1, true);
	assert_int_equal(look(usage).clients, 2);
}

static void walks_meet_each_once(void **state)
{
	struct usage *usage = *state;
	struct seen seen = { .stop = 7 };
	uint64_t cursor = 0;
	bool more = true;

	for (uint32_t i = 1; i <= 1000; i++) {
		usage_registered(usage, i, LOCAL, false);
	}
	while (more) {
		more = usage_walk_clients(usage, &cursor, 100, see_client,
					  &seen);
		assert_true(!more || cursor > 0 || seen.taken == 0);
		seen.taken = 0;
	}
	assert_int_equal(seen.clients, 1000);
	assert_int_equal(seen.sum, 1000 * 1001 / 2);
}

/* ---- names ---- */

static void when_a_name_was_asked_for(void **state)
{
	struct usage *usage = *state;
	struct nb_name a = numbered(1), b = numbered(2);
	uint32_t watched = 0;

	usage_set_now(usage, START + 10);
	ask(usage, 7, &a, true, true);
	ask(usage, 7, &b, false, false);	/* not in the store */
	assert_int_equal(last_asked(usage, 1, &watched), START + 10);
	assert_int_equal(last_asked(usage, 2, &watched), 0);
	assert_int_equal(watched, START);
	usage_set_now(usage, START + 20);
	ask(usage, 7, &a, true, false);		/* released, asked all the same */
	assert_int_equal(last_asked(usage, 1, &watched), START + 20);
}

/*
 * More names than there are places: none of them is said to be unused from a
 * time at which it may have been asked for.
 */
static void what_was_forgotten_is_unknown(void **state)
{
	struct usage *usage = *state;
	uint32_t watched = 0;
	unsigned int known = 0, unknown = 0, spared = 0;

	for (uint32_t i = 0; i < 500000; i++) {
		struct nb_name name = numbered(i);

		usage_set_now(usage, START + 1 + i / 1000);
		ask(usage, 7, &name, true, true);
	}
	for (uint32_t i = 0; i < 500000; i++) {
		uint32_t asked = START + 1 + i / 1000;
		uint32_t last = last_asked(usage, i, &watched);

		assert_true(last == asked || (last == 0 && watched >= asked));
		known += last != 0;
		unknown += last == 0;
	}
	assert_true(known <= 327680 && known > 300000);
	assert_int_equal(known + unknown, 500000);
	/* names never asked for, in sets that had room, are known as such */
	for (uint32_t i = 500000; i < 510000; i++) {
		assert_int_equal(last_asked(usage, i, &watched), 0);
		spared += watched == START;
	}
	assert_true(spared > 0 && spared < 10000);
}

static void missing_names_are_bounded(void **state)
{
	struct usage *usage = *state;
	struct nb_name good = numbered(0), long_scope = numbered(1);
	uint8_t scope[USAGE_SCOPE + 1] = { 's' };
	uint32_t watched = 0;
	struct seen seen;

	ask(usage, 7, &good, true, true);
	for (uint32_t i = 1; i <= 50000; i++) {
		struct nb_name name = numbered(i);

		ask(usage, 7, &name, false, false);
	}
	seen = look(usage);
	assert_true(seen.missing <= 8192 && seen.missing > 8000);
	assert_int_equal(seen.missing + usage_missing_forgotten(usage), 50000);
	/* and they drive out nothing that is there */
	assert_int_equal(last_asked(usage, 0, &watched), START);
	assert_int_equal(seen.sets, 1);
	assert_true(nb_name_set_scope(&long_scope, scope, sizeof(scope)));
	ask(usage, 7, &long_scope, false, false);
	assert_int_equal(usage_missing_forgotten(usage),
			 50000 - seen.missing + 1);
	assert_int_equal(look(usage).client.negative, 50001);
}

static void a_missing_name_is_told(void **state)
{
	struct usage *usage = *state;
	struct nb_name name = numbered(3);
	struct seen seen;

	ask(usage, 7, &name, false, false);
	usage_set_now(usage, START + 5);
	ask(usage, 8, &name, false, false);
	seen = look(usage);
	assert_int_equal(seen.missing, 1);
	assert_true(usage_missing_is(&seen.name, &name));
	assert_int_equal(seen.name.count, 2);
	assert_int_equal(seen.name.client, 8);
	assert_int_equal(seen.name.first, START);
	assert_int_equal(seen.name.last, START + 5);
}

/* ---- 90 days ---- */

static void all_is_forgotten_in_the_end(void **state)
{
	struct usage *usage = *state;
	struct nb_name name = numbered(1), lost = numbered(2);
	uint32_t watched = 0;
	struct seen seen;

	ask(usage, 7, &name, true, true);
	ask(usage, 7, &lost, false, false);
	usage_set_now(usage, START + 90 * DAY);
	seen = look(usage);
	assert_int_equal(seen.clients + seen.missing + seen.sets, 3);
	assert_int_equal(last_asked(usage, 1, &watched), START);
	assert_int_equal(usage_since(usage), START);
	usage_set_now(usage, START + 90 * DAY + 1);
	seen = look(usage);
	assert_int_equal(seen.clients + seen.missing + seen.sets, 0);
	assert_int_equal(last_asked(usage, 1, &watched), 0);
	assert_int_equal(watched, START + 1);	/* before nobody knows */
	assert_int_equal(usage_since(usage), START + 1);
	/* who comes back is new */
	ask(usage, 7, &lost, false, false);
	seen = look(usage);
	assert_int_equal(seen.client.negative, 1);
	assert_int_equal(seen.client.first, START + 90 * DAY + 1);
	assert_int_equal(seen.name.count, 1);
	assert_int_equal(usage_clients_forgotten(usage), 0);
}

/* ---- modes ---- */

static void names_only(void **state)
{
	struct usage *usage = *state;
	struct nb_name name = numbered(1);
	uint32_t watched = 0;
	struct seen seen;

	ask(usage, 7, &name, true, false);
	assert_int_equal(usage_set_mode(usage, USAGE_OF_NAMES), 0);
	seen = look(usage);
	assert_int_equal(seen.clients, 0);
	assert_int_equal(seen.missing, 1);
	assert_int_equal(seen.name.client, 0);	/* nobody's address is left */
	ask(usage, 8, &name, true, false);
	usage_registered(usage, 8, LOCAL, false);
	seen = look(usage);
	assert_int_equal(seen.clients, 0);
	assert_int_equal(seen.name.client, 0);
	assert_int_equal(last_asked(usage, 1, &watched), START);
	assert_int_equal(usage_set_mode(usage, USAGE_OF_CLIENTS), 0);
	ask(usage, 8, &name, true, true);
	assert_int_equal(look(usage).clients, 1);
}

/* ---- again ---- */

struct copy {
	struct usage *to;
};

static bool copy_client(void *arg, const struct usage_client *client)
{
	usage_restore_client(((struct copy *)arg)->to, client);
	return true;
}

static bool copy_missing(void *arg, const struct usage_missing *missing)
{
	usage_restore_missing(((struct copy *)arg)->to, missing);
	return true;
}

static bool copy_set(void *arg, uint32_t index, const struct usage_set *set)
{
	assert_true(usage_restore_set(((struct copy *)arg)->to, index, set));
	return true;
}

/* What usage_keep.c does, without a file; the new one is off for some time. */
static struct usage *again(const struct usage *old, int64_t off)
{
	static const uint64_t other[2] = { 1, 2 };
	struct copy copy = { .to = NULL };
	uint64_t cursor[3] = { 0, 0, 0 }, old_key[2] = { 0, 0 };
	int64_t now = usage_now(old) + off;

	assert_int_equal(usage_create(NULL, USAGE_OF_CLIENTS, other, now,
				      &copy.to), 0);
	usage_key(old, old_key);
	usage_restore(copy.to, old_key, usage_since(old), usage_now(old));
	(void)usage_walk_clients(old, &cursor[0], USAGE_CLIENTS + 1,
				 copy_client, &copy);
	(void)usage_walk_missing(old, &cursor[1], USAGE_MISSING + 1,
				 copy_missing, &copy);
	(void)usage_walk_sets(old, &cursor[2], USAGE_SETS + 1, copy_set,
			      &copy);
	return copy.to;
}

static void what_was_known_is_known_again(void **state)
{
	struct usage *usage = *state, *next = NULL;
	uint32_t watched = 0, old_watched = 0;
	struct seen before, after;

	for (uint32_t i = 1; i <= 400000; i++) {
		struct nb_name name = numbered(i);

		usage_set_now(usage, START + i / 100);
		ask(usage, i % 70000 + 1, &name, i % 3 != 0, i % 2 == 0);
	}
	next = again(usage, 60);
	before = look(usage);
	after = look(next);
	assert_int_equal(after.clients, before.clients);
	assert_int_equal(after.sum, before.sum);
	assert_int_equal(after.missing, before.missing);
	assert_int_equal(after.sets, before.sets);
	assert_int_equal(usage_since(next), START);
	for (uint32_t i = 1; i <= 400000; i += 7) {
		assert_int_equal(last_asked(next, i, &watched),
				 last_asked(usage, i, &old_watched));
		assert_int_equal(watched, old_watched);
	}
	talloc_free(next);
}

static void nobody_watched_in_a_gap(void **state)
{
	struct usage *usage = *state, *next = NULL;
	struct nb_name name = numbered(1);
	uint32_t watched = 0;

	ask(usage, 7, &name, true, true);
	usage_set_now(usage, START + DAY);
	next = again(usage, 3600);
	assert_int_equal(usage_since(next), START);
	talloc_free(next);
	next = again(usage, 3601);
	assert_int_equal(usage_since(next), START + DAY + 3601);
	assert_int_equal(last_asked(next, 1, &watched), START);
	assert_int_equal(last_asked(next, 2, &watched), 0);
	assert_int_equal(watched, START + DAY + 3601);
	talloc_free(next);
	next = again(usage, -1);		/* the clock went back */
	assert_int_equal(usage_since(next), START + DAY - 1);
	talloc_free(next);
	next = again(usage, 91 * DAY);
	assert_int_equal(look(next).clients, 0);
	talloc_free(next);
}

static void no_such_set(void **state)
{
	struct usage_set set = { .forgotten = 1 };

	assert_true(usage_restore_set(*state, USAGE_SETS - 1, &set));
	assert_false(usage_restore_set(*state, USAGE_SETS, &set));
	usage_clear(*state);
	assert_int_equal(look(*state).sets, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(clients_are_bounded),
		TEST(who_is_seen_stays),
		TEST(addresses_of_ours_apart),
		TEST(walks_meet_each_once),
		TEST(when_a_name_was_asked_for),
		TEST(what_was_forgotten_is_unknown),
		TEST(missing_names_are_bounded),
		TEST(a_missing_name_is_told),
		TEST(all_is_forgotten_in_the_end),
		TEST(names_only),
		TEST(what_was_known_is_known_again),
		TEST(nobody_watched_in_a_gap),
		TEST(no_such_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
