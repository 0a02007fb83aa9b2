/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client list, client missing, and record list by use: over the real tables
 * of wins:usage, with a store and a serve of fakes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "bench.h"

#define NOW	INT64_C(1800000000)
#define DAY	86400

static void count(struct bench *b, enum usage_mode mode)
{
	static const uint64_t key[2] = { 1, 2 };

	assert_int_equal(usage_create(b->serve, mode, key, NOW,
				      &b->serve->usage), 0);
}

static struct nb_name named(const char *text)
{
	struct nb_name name;

	assert_true(nb_name_parse(text, &name));
	return name;
}

static void ask(struct bench *b, uint32_t client, const char *text,
		bool stored, bool found)
{
	struct nb_name name = named(text);
	struct usage_ask query;

	usage_ask(b->serve->usage, &name, client, SELF, &query);
	usage_asked(b->serve->usage, &query, stored, found);
}

/* ---- clients ---- */

static unsigned int rows_with(struct bench *b, const char *key)
{
	struct control_field field = { .data = NULL };
	char text[64];
	unsigned int rows = 0;

	while (control_next(&b->reply, &field)) {
		rows += field.tag == CONTROL_KEY &&
			strcmp(control_text(&field, text, sizeof(text)),
			       key) == 0;
	}
	return rows;
}

static void ask_slice(struct bench *b, const char *verb, uint64_t flags,
		      uint64_t cursor)
{
	struct control_writer *w = request(b, verb);

	if (flags != 0) {
		control_put_number(w, CONTROL_FLAGS, flags);
	}
	if (cursor != 0) {
		control_put_number(w, CONTROL_CURSOR, cursor);
		control_put_number(w, CONTROL_INSTANCE, 77);
	}
	assert_int_equal(answer(b), CONTROL_OK);
}

/* All slices; how many there were. */
static unsigned int walk(struct bench *b, const char *verb, uint64_t flags,
			 const char *key, unsigned int *rows)
{
	uint64_t cursor = 0;
	unsigned int slices = 0;

	*rows = 0;
	do {
		ask_slice(b, verb, flags, cursor);
		*rows += rows_with(b, key);
		cursor = control_number_or(&b->reply, CONTROL_CURSOR, 0);
		slices++;
	} while (cursor != 0);
	return slices;
}

/* The slice that has such a row: most places of a table are empty. */
static void find(struct bench *b, const char *verb, uint64_t flags,
		 const char *key)
{
	uint64_t cursor = 0;

	do {
		ask_slice(b, verb, flags, cursor);
		cursor = control_number_or(&b->reply, CONTROL_CURSOR, 0);
	} while (rows_with(b, key) == 0 && cursor != 0);
	assert_int_equal(rows_with(b, key), 1);
}

static void a_client(void **state)
{
	struct bench *b = *state;

	count(b, USAGE_OF_CLIENTS);
	usage_set_now(b->serve->usage, NOW + 5);
	usage_registered(b->serve->usage, HOST, SELF, false);
	usage_registered(b->serve->usage, HOST, SELF, true);
	usage_registered(b->serve->usage, HOST, SELF, true);
	usage_set_now(b->serve->usage, NOW + 9);
	ask(b, HOST, "A<20>", true, true);
	ask(b, HOST, "B<20>", false, false);
	find(b, "client list", 0, "client");
	assert_int_equal(value_of(b, "counted_since"), NOW);
	assert_int_equal(value_of(b, "forgotten"), 0);
	assert_int_equal(value_of(b, "client"), HOST);
	assert_int_equal(value_of(b, "asks"), SELF);
	assert_int_equal(value_of(b, "registered"), 1);
	assert_int_equal(value_of(b, "refreshed"), 2);
	assert_int_equal(value_of(b, "found"), 1);
	assert_int_equal(value_of(b, "negative"), 1);
	assert_int_equal(value_of(b, "names"), 2);
	assert_int_equal(value_of(b, "first_seen"), NOW + 5);
	assert_int_equal(value_of(b, "last_seen"), NOW + 9);
	assert_int_equal(value_of(b, "dns_server"), 0);
}

static void many_in_slices(void **state)
{
	struct bench *b = *state;
	unsigned int rows = 0;
	char name[24];

	count(b, USAGE_OF_CLIENTS);
	for (uint32_t i = 0; i < 3000; i++) {
		(void)snprintf(name, sizeof(name), "N-%u<20>", i);
		ask(b, HOST + i, name, false, i % 3 == 0);
	}
	assert_true(walk(b, "client list", 0, "client", &rows) > 10);
	assert_int_equal(rows + usage_clients_forgotten(b->serve->usage),
			 3000);
	(void)walk(b, "client list", CONTROL_NEGATIVE, "client", &rows);
	assert_int_equal(rows, 2000);
	(void)walk(b, "client list", CONTROL_DNS, "client", &rows);
	assert_int_equal(rows, 0);
	(void)walk(b, "client missing", 0, "name", &rows);
	assert_int_equal(rows + usage_missing_forgotten(b->serve->usage),
			 2000);
}

static void dns_servers(void **state)
{
	struct bench *b = *state;
	unsigned int rows = 0;
	char name[24];

	count(b, USAGE_OF_CLIENTS);
	for (uint32_t i = 0; i < 200; i++) {
		(void)snprintf(name, sizeof(name), "N-%u<00>", i);
		ask(b, HOST, name, false, i % 3 == 0);
		(void)snprintf(name, sizeof(name), "N-%u<20>", i);
		ask(b, HOST2, name, false, i % 3 == 0);
	}
	(void)walk(b, "client list", CONTROL_DNS, "client", &rows);
	assert_int_equal(rows, 1);
	find(b, "client list", CONTROL_DNS, "client");
	assert_int_equal(value_of(b, "client"), HOST);
	assert_int_equal(value_of(b, "dns_server"), 1);
}

static void a_missing_name(void **state)
{
	struct bench *b = *state;

	count(b, USAGE_OF_NAMES);
	ask(b, HOST, "NO\\x3cPE<20>.lab", false, false);
	(void)request(b, "client missing");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_string_equal(text_of(b, "name"), "NO\\x3cPE<20>.lab");
	assert_int_equal(value_of(b, "asked"), 1);
	assert_int_equal(value_of(b, "first_asked"), NOW);
	assert_int_equal(value_of(b, "last_asked"), NOW);
	assert_int_equal(rows_with(b, "last_client"), 1);	/* nobody */
	(void)request(b, "client list");
	assert_int_equal(answer(b), CONTROL_REFUSED);
	assert_true(message_has(b, "`wins:usage` is names"));
}

static void nobody_counts(void **state)
{
	static const char *const verbs[] = { "client list", "client missing" };
	struct bench *b = *state;
	struct control_writer *w = NULL;

	for (size_t i = 0; i < 2; i++) {
		(void)request(b, verbs[i]);
		assert_int_equal(answer(b), CONTROL_REFUSED);
		assert_true(message_has(b, "`wins:usage` is off"));
		w = request(b, verbs[i]);
		control_put_number(w, CONTROL_CURSOR, 5);
		control_put_number(w, CONTROL_INSTANCE, 76);
		assert_int_equal(answer(b), CONTROL_RESTARTED);
	}
	w = request(b, "record list");
	control_put_number(w, CONTROL_QUERIED_SINCE, NOW);
	assert_int_equal(answer(b), CONTROL_REFUSED);
	w = request(b, "record list");
	control_put_number(w, CONTROL_UNUSED_SINCE, NOW);
	assert_int_equal(answer(b), CONTROL_REFUSED);
	(void)request(b, "record list");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_int_equal(control_number_or(&b->reply, CONTROL_COUNTED, 0), 0);
}

/* ---- records ---- */

static void have(struct bench *b, const char *text)
{
	struct nb_record rec = {
		.name = named(text),
		.is_static = true,
		.expires = NB_NEVER,
		.count = 1,
		.member = { { HOST, NB_SELF, NB_NEVER } },
	};

	fake_put(b->store, &rec);
}

/* The names of a record list, each with what is said of its use. */
static const char *listed(struct bench *b)
{
	static char all[512];
	struct control_field field = { .data = NULL };
	char text[NB_NAME_TEXT + 32];
	struct nb_record rec;

	all[0] = '\0';
	while (control_next(&b->reply, &field)) {
		text[0] = '\0';
		if (field.tag == CONTROL_RECORD) {
			control_record(&field, &rec);
			(void)snprintf(text, sizeof(text), "%s%.*s",
				       all[0] != '\0' ? " " : "",
				       rec.name.len, rec.name.byte);
		} else if (field.tag == CONTROL_QUERIED) {
			(void)snprintf(text, sizeof(text), "=%d",
				       control_number(&field) == 0 ? -1 :
				       (int)((int64_t)control_number(&field) -
					     NOW));
		}
		strcat(all, text);
	}
	return all;
}

static const char *list_since(struct bench *b, enum control_tag tag,
			      int64_t since)
{
	struct control_writer *w = request(b, "record list");

	control_put_number(w, tag, (uint64_t)since);
	assert_int_equal(answer(b), CONTROL_OK);
	return listed(b);
}

static void records_by_use(void **state)
{
	struct bench *b = *state;
	struct control_writer *w = NULL;

	have(b, "OLD<20>");
	have(b, "NEW<20>");
	have(b, "NEVER<20>");
	count(b, USAGE_OF_NAMES);
	usage_set_now(b->serve->usage, NOW + 10);
	ask(b, HOST, "OLD<20>", true, true);
	usage_set_now(b->serve->usage, NOW + 20);
	ask(b, HOST, "NEW<20>", true, true);
	(void)request(b, "record list");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_string_equal(listed(b), "OLD=10 NEW=20 NEVER=-1");
	assert_int_equal(control_number_or(&b->reply, CONTROL_COUNTED, 0),
			 NOW);
	assert_string_equal(list_since(b, CONTROL_QUERIED_SINCE, NOW),
			    "OLD=10 NEW=20");
	assert_string_equal(list_since(b, CONTROL_QUERIED_SINCE, NOW + 11),
			    "NEW=20");
	assert_string_equal(list_since(b, CONTROL_UNUSED_SINCE, NOW + 20),
			    "OLD=10 NEVER=-1");
	assert_string_equal(list_since(b, CONTROL_UNUSED_SINCE, NOW + 10),
			    "NEVER=-1");
	assert_string_equal(list_since(b, CONTROL_UNUSED_SINCE, NOW),
			    "NEVER=-1");
	/* one second before, nobody watched */
	w = request(b, "record list");
	control_put_number(w, CONTROL_UNUSED_SINCE, NOW - 1);
	assert_int_equal(answer(b), CONTROL_REFUSED);
	assert_int_equal(control_number_or(&b->reply, CONTROL_COUNTED, 0),
			 NOW);
	/* asked for before it was counted: who knows */
	assert_string_equal(list_since(b, CONTROL_QUERIED_SINCE, 0),
			    "OLD=10 NEW=20");
}

static void ninety_days_are_remembered(void **state)
{
	struct bench *b = *state;
	struct control_writer *w = NULL;

	have(b, "OLD<20>");
	count(b, USAGE_OF_NAMES);
	ask(b, HOST, "OLD<20>", true, true);
	usage_set_now(b->serve->usage, NOW + 100 * DAY);
	assert_string_equal(list_since(b, CONTROL_UNUSED_SINCE,
				       NOW + 10 * DAY), "OLD=-1");
	w = request(b, "record list");
	control_put_number(w, CONTROL_UNUSED_SINCE, NOW + 10 * DAY - 1);
	assert_int_equal(answer(b), CONTROL_REFUSED);
}

/* A set that had to forget: its names are unknown, and that is counted. */
static void what_nobody_knows(void **state)
{
	struct bench *b = *state;
	struct nb_name name = named("LOST<20>");
	uint32_t watched = 0;
	char text[24];

	have(b, "LOST<20>");
	count(b, USAGE_OF_NAMES);
	usage_set_now(b->serve->usage, NOW + 10);
	for (unsigned int i = 0; watched < NOW + 10; i++) {
		(void)snprintf(text, sizeof(text), "N-%u<20>", i);
		ask(b, HOST, text, true, true);
		(void)usage_name_asked(b->serve->usage, &name, &watched);
	}
	(void)request(b, "record list");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_string_equal(listed(b), "LOST");
	assert_string_equal(list_since(b, CONTROL_UNUSED_SINCE, NOW + 9), "");
	assert_int_equal(value_of(b, "unknown"), 1);
	assert_string_equal(list_since(b, CONTROL_UNUSED_SINCE, NOW + 10),
			    "LOST");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_client),
		TEST(many_in_slices),
		TEST(dns_servers),
		TEST(a_missing_name),
		TEST(nobody_counts),
		TEST(records_by_use),
		TEST(ninety_days_are_remembered),
		TEST(what_nobody_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
