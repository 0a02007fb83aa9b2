/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check database, versions and names, against a store that lies and a survey
 * that the test makes up. What is a finding is from protocol.md 2.1 and issue
 * replication 10; the invariants themselves are tested in core/test_record.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "bench.h"

static struct repl *estate;
static uint64_t extra_active;		/* what the store counts too much */

static int start(void **state)
{
	struct bench *b = NULL;

	memset(&fake_lies, 0, sizeof(fake_lies));
	(void)setup(state);
	b = *state;
	estate = talloc_zero(b, struct repl);
	b->context.repl = estate;
	extra_active = 0;
	return 0;
}

static int stop_it(void **state)
{
	memset(&fake_lies, 0, sizeof(fake_lies));
	return teardown(state);
}

#define CHECK(name) cmocka_unit_test_setup_teardown(name, start, stop_it)

/* As fake_store_walk_due() wants it: times are places. */
static struct nb_record *put(struct bench *b, const char *text, uint32_t owner,
			     uint64_t version)
{
	struct nb_record rec = {
		.type = NB_UNIQUE, .state = NB_ACTIVE, .node = NB_H_NODE,
		.owner = owner, .version = version, .count = 1,
		.expires = b->store->count + 1,
		.member = { { HOST, owner, b->store->count + 1 } },
	};

	assert_true(nb_name_parse(text, &rec.name));
	fake_put(b->store, &rec);
	if (owner == NB_SELF && b->store->version < version) {
		b->store->version = version;
	}
	return fake_find(b->store, &rec.name);
}

static void fill(struct bench *b)
{
	(void)put(b, "ONE<20>", NB_SELF, 1);
	(void)put(b, "TWO<20>", NB_SELF, 2);
	(void)put(b, "FAR<20>", OTHER, 1);
	(void)put(b, "AWAY<20>", OTHER, 2);
}

static bool finding(struct bench *b, const char *subject, const char *rule)
{
	struct control_field field = { .data = NULL };
	char key[32] = "", text[512], now[512] = "";

	while (control_next(&b->reply, &field)) {
		if (field.tag == CONTROL_KEY) {
			control_text(&field, key, sizeof(key));
		} else if (field.tag == CONTROL_TEXT) {
			control_text(&field, text, sizeof(text));
			if (strcmp(key, "finding") == 0) {
				strcpy(now, text);
			} else if (strcmp(key, "rule") == 0 &&
				   strcmp(now, subject) == 0 &&
				   strstr(text, rule) != NULL) {
				return true;
			}
		}
	}
	return false;
}

/* The store's own sums, by owner. */
static void count_owners(struct store *store)
{
	store->owners = 0;
	memset(store->owner, 0, sizeof(store->owner));
	for (unsigned int i = 0; i < store->count; i++) {
		const struct nb_record *rec = &store->rec[i];
		unsigned int at = 0;

		while (at < store->owners &&
		       store->owner[at].owner != rec->owner) {
			at++;
		}
		if (at == store->owners) {
			store->owner[store->owners++] = (struct store_owner) {
				.owner = rec->owner,
				.records = { extra_active },
			};
		}
		store->owner[at].records[rec->state]++;
	}
}

static uint64_t check(struct bench *b)
{
	unsigned int before = b->replies;
	TALLOC_CTX *client = talloc_new(b);

	count_owners(b->store);
	(void)request(b, "check database");
	send_as(b, client, CONTROL_READ);
	fake_timers();
	assert_int_equal(b->replies, before + 1);
	talloc_free(client);
	return value_of(b, "findings");
}

static void test_sound(void **state)
{
	struct bench *b = *state;

	assert_int_equal(check(b), 0);
	fill(b);
	assert_int_equal(check(b), 0);
	assert_int_equal(value_of(b, "records"), 4);
	assert_int_equal(value_of(b, "owners"), 2);
	assert_null(text_of(b, "not_checked"));
}

static void test_broken_record(void **state)
{
	struct bench *b = *state;

	fill(b);
	fake_find(b->store, &b->store->rec[1].name)->count = 0;
	assert_int_equal(check(b), 1);
	assert_true(finding(b, "TWO<20>", nb_record_broken(&b->store->rec[1])));
}

static void test_versions_of_records(void **state)
{
	struct bench *b = *state;

	fill(b);
	b->store->version = 1;		/* the counter: 2 was never given */
	assert_int_equal(check(b), 1);
	assert_true(finding(b, "TWO<20>", "never handed out"));
	b->store->version = 2;
	estate->owners = 1;		/* nobody tells of 2 */
	estate->owner[0] = (struct repl_owner_sight) {
		.owner = OTHER, .mark = 1, .map_max = 1,
	};
	assert_int_equal(check(b), 1);
	assert_true(finding(b, "AWAY<20>", "above all that partners tell"));
	estate->owner[0].map_max = REPL_UNKNOWN;
	assert_int_equal(check(b), 0);
	b->store->rec[3].version = 1;	/* as FAR<20> */
	assert_int_equal(check(b), 1);
	assert_true(finding(b, "AWAY<20>", "names another record, too") ||
		    finding(b, "FAR<20>", "names another record, too"));
}

static void test_lists(void **state)
{
	struct bench *b = *state;

	fill(b);
	fake_lies.unlisted = b->store->rec[0].name;
	assert_true(check(b) >= 1);
	assert_true(finding(b, "ONE<20>", "by its owner and version"));
	assert_true(finding(b, "number of active of 192.0.2.1",
			    "2 are counted, 1 are there"));
	memset(&fake_lies.unlisted, 0, sizeof(fake_lies.unlisted));
	fake_lies.unfound = b->store->rec[0].name;
	assert_true(check(b) >= 1);
	assert_true(finding(b, "ONE<20>", "by its name"));
	assert_true(finding(b, "ONE<20>", "in the list by time only"));
	memset(&fake_lies.unfound, 0, sizeof(fake_lies.unfound));
	fake_lies.undue = b->store->rec[2].name;
	assert_int_equal(check(b), 1);
	assert_true(finding(b, "number of entries of the list by time",
			    "4 are counted, 3 are there"));
}

static void test_sums(void **state)
{
	struct bench *b = *state;

	fill(b);
	fake_lies.extra_records = 3;
	assert_int_equal(check(b), 1);
	assert_true(finding(b, "number of records",
			    "7 are counted, 4 are there"));
	fake_lies.extra_records = 0;
	extra_active = 1;
	assert_int_equal(check(b), 2);
	assert_true(finding(b, "number of active of 192.0.2.2",
			    "3 are counted, 2 are there"));
}

static void fake_step(void)
{
	void (*fn)(void *arg) = fake_timer;

	assert_non_null(fn);
	fake_timer = NULL;
	fn(fake_timer_arg);
}

/* Of what changes meanwhile no more is excused than there were changes. */
static void test_sums_while_serving(void **state)
{
	struct bench *b = *state;

	for (uint64_t changes = 2; changes <= 3; changes++) {
		b->store->count = 0;
		fill(b);
		count_owners(b->store);
		fake_lies.changes = 10;
		(void)request(b, "check database");
		send_as(b, b, CONTROL_READ);	/* has seen all four */
		fake_lies.changes += changes;
		fake_lies.extra_records = 3;
		fake_timers();
		assert_int_equal(value_of(b, "findings"), changes < 3);
		fake_lies.extra_records = 0;
	}
}

/* Changes count when they are durable: the end waits for that. */
static void test_sums_wait(void **state)
{
	struct bench *b = *state;
	unsigned int before = b->replies;

	fill(b);
	count_owners(b->store);
	fake_lies.waiting = true;
	fake_lies.extra_records = 1;
	(void)request(b, "check database");
	send_as(b, b, CONTROL_READ);
	for (unsigned int i = 0; i < 20; i++) {
		fake_step();
	}
	assert_int_equal(b->replies, before);
	fake_lies.waiting = false;
	fake_lies.changes = 1;
	fake_timers();
	assert_int_equal(b->replies, before + 1);
	assert_int_equal(value_of(b, "findings"), 0);
	/* never durable, or undone: not judged, and that is said */
	fake_lies.waiting = true;
	assert_int_equal(check(b), 0);
	assert_non_null(text_of(b, "not_checked"));
	fake_lies.waiting = false;
	(void)request(b, "check database");
	send_as(b, b, CONTROL_READ);
	fake_lies.failures++;
	fake_timers();
	assert_int_equal(value_of(b, "findings"), 0);
	assert_non_null(text_of(b, "not_checked"));
}

/* More than fits is counted. */
static void test_many_findings(void **state)
{
	struct bench *b = *state;
	char name[32];

	for (unsigned int i = 1; i <= 5000; i++) {
		(void)snprintf(name, sizeof(name), "N%u<20>", i);
		put(b, name, NB_SELF, i)->count = 0;
	}
	assert_int_equal(check(b), 5000);
	assert_true(finding(b, "N1<20>", ""));
	assert_int_equal(value_of(b, "records"), 5000);
}

static void test_client_gone(void **state)
{
	struct bench *b = *state;
	TALLOC_CTX *client = talloc_new(b);

	fill(b);
	(void)request(b, "check database");
	send_as(b, client, CONTROL_READ);
	talloc_free(client);
	fake_timers();
	assert_int_equal(b->replies, 0);
	(void)request(b, "check database");
	send_as(b, b, CONTROL_READ);
	TALLOC_FREE(b->serve);		/* stops the timer */
	assert_null(fake_timer);
	b->serve = talloc_zero(b, struct serve);
}

/* ---- check versions ---- */

#define A SELF
#define B OTHER
#define C 0xc0000203u
#define D 0xc0000204u		/* an owner that is no server any more */

static void tell(uint32_t server, uint32_t owner, uint64_t max, int error)
{
	struct repl_map_entry entry = {
		.server = server, .owner = owner, .max = max, .error = error,
	};

	estate->entry(estate->survey_arg, &entry);
}

static void survey(struct bench *b)
{
	(void)request(b, "check versions");
	send_as(b, b, CONTROL_READ);
}

/* "key value" of each pair, behind each other. */
static const char *pairs(struct bench *b)
{
	static char all[8192];
	struct control_field field = { .data = NULL };
	char text[256];
	size_t len = 0;

	all[0] = '\0';
	while (control_next(&b->reply, &field)) {
		switch (field.tag) {
		case CONTROL_KEY:
		case CONTROL_TEXT:
			control_text(&field, text, sizeof(text));
			break;
		case CONTROL_HOST:
			nb_addr_print((uint32_t)control_number(&field), text);
			break;
		case CONTROL_NUMBER:
			(void)snprintf(text, sizeof(text), "%llu",
				       (unsigned long long)
				       control_number(&field));
			break;
		default:
			continue;
		}
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s",
					text, field.tag == CONTROL_KEY ? " " :
									 "; ");
		assert_true(len < sizeof(all));
	}
	return all;
}

static void test_agreement(void **state)
{
	struct bench *b = *state;

	survey(b);
	assert_int_equal(b->replies, 0);
	for (uint32_t server = A; server <= C; server++) {
		tell(server, C, 30, 0);
		tell(server, A, 10, 0);
		tell(server, B, 20, 0);
	}
	estate->surveyed(estate->survey_arg);
	assert_int_equal(b->replies, 1);
	assert_int_equal(estate->surveys, 1);
	assert_string_equal(pairs(b),
		"server 192.0.2.1; server 192.0.2.2; server 192.0.2.3; "
		"owner 192.0.2.1; own_word 10; owner 192.0.2.2; own_word 20; "
		"owner 192.0.2.3; own_word 30; servers 3; lines_behind 0; "
		"lines_above 0; lines_left_out 0; ");
}

/* B has less of A, C nothing; D is told by B and C only; C does not answer. */
static void test_behind_and_silent(void **state)
{
	struct bench *b = *state;

	survey(b);
	tell(A, A, 10, 0);
	tell(B, A, 7, 0);
	tell(B, D, 4, 0);
	tell(C, 0, 0, ETIMEDOUT);
	estate->surveyed(estate->survey_arg);
	assert_string_equal(pairs(b),
		"server 192.0.2.1; server 192.0.2.2; server 192.0.2.3; "
		"unreachable Connection timed out; "
		"owner 192.0.2.1; own_word 10; "
		"difference behind; of 192.0.2.1; at 192.0.2.2; tells 7; "
		"owner 192.0.2.4; highest 4; "
		"difference behind; of 192.0.2.4; at 192.0.2.1; "
		"servers 3; lines_behind 2; lines_above 0; "
		"lines_left_out 0; ");
}

/* A server that knows of nobody is a server all the same. */
static void test_empty_map(void **state)
{
	struct bench *b = *state;

	survey(b);
	tell(A, A, 10, 0);
	tell(B, 0, 0, 0);
	tell(C, A, 10, 0);
	tell(C, C, 0, 0);	/* and nobody is behind of nothing */
	estate->surveyed(estate->survey_arg);
	assert_non_null(strstr(pairs(b), "server 192.0.2.2; server "));
	assert_non_null(strstr(pairs(b), "at 192.0.2.2; "
				       "owner 192.0.2.3; own_word 0; servers 3"));
}

/* Nobody can know anything of a server that has given no version yet. */
static void test_no_version_yet(void **state)
{
	struct bench *b = *state;

	survey(b);
	tell(A, A, 10, 0);
	tell(B, A, 10, 0);
	tell(B, B, 0, 0);
	estate->surveyed(estate->survey_arg);
	assert_int_equal(value_of(b, "lines_behind"), 0);
}

static void test_above(void **state)
{
	struct bench *b = *state;

	/* B has 12 of A, which said 10 - and says 10 still when asked again */
	survey(b);
	tell(A, A, 10, 0);
	tell(B, A, 12, 0);
	tell(B, B, 20, 0);
	estate->surveyed(estate->survey_arg);
	assert_int_equal(b->replies, 0);
	assert_int_equal(estate->surveys, 2);
	tell(A, A, 10, 0);
	tell(B, A, 12, 0);
	estate->surveyed(estate->survey_arg);
	assert_int_equal(b->replies, 1);
	assert_int_equal(value_of(b, "lines_above"), 1);
	assert_non_null(strstr(pairs(b), "above; of 192.0.2.1; "
				       "at 192.0.2.2; tells 12; "));
	/* or says 15 by then: B had just pulled */
	survey(b);
	tell(A, A, 10, 0);
	tell(B, A, 12, 0);
	estate->surveyed(estate->survey_arg);
	tell(A, A, 15, 0);
	tell(B, A, 17, 0);
	estate->surveyed(estate->survey_arg);
	assert_int_equal(estate->surveys, 4);
	assert_int_equal(value_of(b, "lines_above"), 0);
}

static void test_survey_too_large(void **state)
{
	struct bench *b = *state;

	survey(b);
	for (uint32_t owner = 1; owner <= 5000; owner++) {
		tell(A, 0x0a000000u + owner, 5, 0);
	}
	tell(B, 0x0a000001u, 4, 0);
	estate->surveyed(estate->survey_arg);
	assert_int_equal(value_of(b, "lines_behind"), 5000);
	assert_in_range(value_of(b, "lines_left_out"), 3000, 4999);
}

static void test_survey_client_gone(void **state)
{
	struct bench *b = *state;
	TALLOC_CTX *client = talloc_new(b);

	(void)request(b, "check versions");
	send_as(b, client, CONTROL_READ);
	talloc_free(client);
	tell(A, A, 10, 0);
	estate->surveyed(estate->survey_arg);
	assert_int_equal(b->replies, 0);
	b->context.repl = NULL;
	(void)request(b, "check versions");
	assert_int_equal(answer(b), CONTROL_REFUSED);
}

/* ---- check names ---- */

static void test_whom_to_ask(void **state)
{
	struct bench *b = *state;

	estate->partners = 2;
	estate->partner[0].address = B + 7;
	estate->partner[1].address = C + 7;
	(void)request(b, "check names");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_string_equal(pairs(b), "ours 192.0.2.1; ours 192.0.2.2; "
			    "partner 192.0.2.9; partner 192.0.2.10; ");
	b->context.repl = NULL;
	(void)request(b, "check names");
	assert_int_equal(answer(b), CONTROL_OK);
	assert_string_equal(pairs(b), "ours 192.0.2.1; ours 192.0.2.2; ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHECK(test_sound),
		CHECK(test_broken_record),
		CHECK(test_versions_of_records),
		CHECK(test_lists),
		CHECK(test_sums),
		CHECK(test_sums_while_serving),
		CHECK(test_sums_wait),
		CHECK(test_many_findings),
		CHECK(test_client_gone),
		CHECK(test_agreement),
		CHECK(test_behind_and_silent),
		CHECK(test_empty_map),
		CHECK(test_no_version_yet),
		CHECK(test_above),
		CHECK(test_survey_too_large),
		CHECK(test_survey_client_gone),
		CHECK(test_whom_to_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
