/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which differences between two servers are expected, and which are real.
 *
 * Each line is typed from what a migration must tell apart: a release that
 * only the owner knows, expiry, what is blocked, what was not pulled yet, the
 * order of domain controllers; and from protocol.md 2.9, what a record answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "migrate/live/compare_class.h"
#include "migrate/row.h"

#define NOW	1800000000
#define OLD	0xc0000201u	/* 192.0.2.1: address of the old server */
#define NEW	0xc0000202u
#define THIRD	0xc0000203u
#define IP	0x0a000001u
#define INTERVAL 1800
#define LISTED (ROW_TYPE | ROW_STATE | ROW_STATIC | ROW_NODE | ROW_OWNER | \
		ROW_VERSION | ROW_SCOPE | ROW_MEMBER_OWNERS)

/* A view in a few letters. Not said: of OLD, version 7, one address. */
struct view {
	uint8_t kind;		/* enum compare_kind */
	uint8_t type, state;
	bool is_static;
	uint32_t owner;
	uint64_t version;
	int64_t expires;	/* 0: the side does not say */
	uint64_t mark;		/* of this side; 0: not known */
	uint32_t server;	/* this side; 0: a file */
	unsigned int first, count;	/* addresses: IP + first, ... */
	unsigned int not_known;	/* fields that the side cannot say */
};

struct line {
	const char *what;
	const char *name;
	struct view old, new;
	enum compare_class class;
	const char *reason;
	int64_t age;		/* of the difference, s */
	bool appeared;
};

#define ABSENT .kind = COMPARE_ABSENT
#define RECORD .kind = COMPARE_RECORD
#define ANSWER .kind = COMPARE_ANSWER
#define NO .kind = COMPARE_NEGATIVE
#define SILENT .kind = COMPARE_SILENT

static const struct line table[] = {
	{ "the same", "A<20>", { RECORD }, { RECORD },
	  .class = COMPARE_EQUAL, .reason = NULL },
	{ "not there", "A<20>", { RECORD }, { ABSENT }, .class = COMPARE_REAL,
	  .reason = "on one side only" },
	{ "nowhere before", "A<20>", { ABSENT }, { RECORD },
	  .class = COMPARE_REAL,
	  .reason = "on one side only" },
	{ "another address", "A<20>", { RECORD }, { RECORD, .first = 1 },
	  .class = COMPARE_REAL, .reason = "addresses" },
	{ "one address less", "A<20>", { RECORD,
	  .type = NB_MHOMED, .count = 3 },
	  { RECORD, .type = NB_MHOMED, .count = 2 }, .class = COMPARE_REAL,
	  .reason = "addresses" },
	{ "another type", "A<20>", { RECORD }, { RECORD, .type = NB_GROUP },
	  .class = COMPARE_REAL, .reason = "type" },
	{ "static only there", "A<20>", { RECORD, .is_static = true },
	  { RECORD }, .class = COMPARE_REAL, .reason = "static or dynamic" },
	{ "another owner", "A<20>", { RECORD }, { RECORD, .owner = THIRD },
	  .class = COMPARE_REAL, .reason = "owner" },
	{ "old version", "A<20>", { RECORD, .version = 9 },
	  { RECORD, .mark = 20 }, .class = COMPARE_REAL, .reason = "version" },

	/* a file without owners and versions says nothing against a server */
	{ "no owner in the file", "A<20>", { RECORD },
	  { RECORD,
	    .not_known = ROW_OWNER | ROW_VERSION },
	  .class = COMPARE_EQUAL, .reason = NULL },
	{ "nor that of a host of one address", "A<20>",
	  { RECORD, .type = NB_MHOMED },
	  { RECORD, .not_known = ROW_OWNER | ROW_VERSION },
	  .class = COMPARE_EQUAL, .reason = NULL },
	{ "which servers know", "A<20>", { RECORD, .type = NB_MHOMED },
	  { RECORD }, .class = COMPARE_REAL, .reason = "type" },
	{ "a group is one in files, too", "A<20>",
	  { RECORD, .type = NB_GROUP },
	  { RECORD, .not_known = ROW_OWNER | ROW_VERSION },
	  .class = COMPARE_REAL, .reason = "type" },
	{ "nor whether static", "A<20>", { RECORD, .is_static = true },
	  { RECORD, .not_known = ROW_STATIC },
	  .class = COMPARE_EQUAL, .reason = NULL },

	/* released at the owner but active in a replica */
	{ "released at the owner", "A<20>", { RECORD, .state = NB_RELEASED },
	  { RECORD }, .class = COMPARE_EXPECTED,
	  .reason = "released at the owner" },
	{ "the other way round", "A<20>", { RECORD, .owner = NEW },
	  { RECORD, .owner = NEW, .state = NB_RELEASED },
	  .class = COMPARE_EXPECTED,
	  .reason = "released at the owner" },
	{ "of another registration", "A<20>",
	  { RECORD, .state = NB_RELEASED, .owner = THIRD }, { RECORD },
	  .class = COMPARE_REAL, .reason = "state" },
	{ "its owner does not send it", "A<20>",
	  { ABSENT, .server = OLD, .mark = 12 }, { RECORD },

	  .class = COMPARE_EXPECTED,
	  .reason = "released at the owner" },
	{ "one that is not its owner", "A<20>",
	  { ABSENT, .server = THIRD, .mark = 12 }, { RECORD },
	  .class = COMPARE_REAL, .reason = "on one side only" },
	{ "its owner says no", "A<20>", { NO, .server = OLD }, { RECORD },

	  .class = COMPARE_EXPECTED,
	  .reason = "released at the owner" },
	{ "another says no", "A<20>", { RECORD }, { NO, .server = NEW },
	  .class = COMPARE_REAL, .reason = "on one side only" },
	{ "static is never released", "A<20>", { NO, .server = OLD },
	  { RECORD, .is_static = true },
	  .class = COMPARE_REAL, .reason = "on one side only" },

	/* expiry */
	{ "its time has come", "A<20>", { RECORD, .expires = NOW - 1 },
	  { ABSENT }, .class = COMPARE_EXPECTED, .reason = "expiry" },
	{ "it has not", "A<20>", { RECORD, .expires = NOW + 1 }, { ABSENT },
	  .class = COMPARE_REAL, .reason = "on one side only" },
	{ "its time has come, a query", "A<20>",
	  { RECORD, .expires = NOW - 1 }, { NO, .server = NEW },
	  .class = COMPARE_EXPECTED, .reason = "expiry" },
	{ "a tombstone that is gone", "A<20>",
	  { RECORD, .state = NB_TOMBSTONE }, { ABSENT },
	  .class = COMPARE_EXPECTED,
	  .reason = "expiry" },
	{ "a tombstone already", "A<20>", { RECORD, .state = NB_TOMBSTONE },
	  { RECORD, .state = NB_RELEASED },
	  .class = COMPARE_EXPECTED, .reason = "expiry" },
	{ "a tombstone here, alive there", "A<20>",
	  { RECORD, .state = NB_TOMBSTONE }, { RECORD }, .class = COMPARE_REAL,
	  .reason = "state" },

	/* blocked */
	{ "a blocked name", "WPAD<20>", { RECORD }, { NO, .server = NEW },
	  .class = COMPARE_EXPECTED, .reason = "blocked name" },
	{ "by its letters", "isatap<00>", { RECORD }, { ABSENT },
	  .class = COMPARE_EXPECTED, .reason = "blocked name" },
	{ "an allowed one", "ISATAP-OK<00>", { RECORD }, { ABSENT },
	  .class = COMPARE_REAL, .reason = "on one side only" },
	{ "a blocked owner", "A<20>", { RECORD, .owner = 0x0a630001u },
	  { ABSENT }, .class = COMPARE_EXPECTED, .reason = "blocked owner" },
	{ "a member of a blocked owner", "DOM<1c>",
	  { RECORD, .type = NB_SGROUP, .owner = 0x0a630001u, .count = 2 },
	  { RECORD, .type = NB_SGROUP, .owner = 0x0a630001u },
	  .class = COMPARE_EXPECTED, .reason = "blocked owner" },

	/* younger than two pull intervals */
	{ "not pulled yet", "A<20>", { RECORD, .version = 30 },
	  { ABSENT, .mark = 29 }, .class = COMPARE_EXPECTED,
	  .reason = "younger than two pull intervals" },
	{ "pulled, and not there", "A<20>", { RECORD, .version = 29 },
	  { ABSENT, .mark = 29 },
	  .class = COMPARE_REAL, .reason = "on one side only" },
	{ "not pulled for too long", "A<20>", { RECORD, .version = 30 },
	  { ABSENT, .mark = 29 },
	  .class = COMPARE_REAL, .reason = "on one side only",
	  .age = 2 * INTERVAL },
	{ "not quite", "A<20>", { RECORD, .version = 30 },
	  { ABSENT, .mark = 29 }, .class = COMPARE_EXPECTED,
	  .reason = "younger than two pull intervals",
	  .age = 2 * INTERVAL - 1 },
	{ "changed, and not pulled yet", "A<20>",
	  { RECORD, .version = 30, .first = 1 }, { RECORD, .mark = 29 },

	  .class = COMPARE_EXPECTED,
	  .reason = "younger than two pull intervals" },
	{ "it came while we looked", "A<20>", { ANSWER }, { NO },

	  .class = COMPARE_EXPECTED,
	  .reason = "younger than two pull intervals",
	  .appeared = true, .age = 5 },
	{ "and stayed", "A<20>", { ANSWER }, { NO }, .class = COMPARE_REAL,
	  .reason = "on one side only", .appeared = true, .age = 2 * INTERVAL },

	/* answers, protocol.md 2.9 */
	{ "it answers so", "A<20>", { RECORD }, { ANSWER },
	  .class = COMPARE_EQUAL,
	  .reason = NULL },
	{ "another address", "A<20>", { RECORD }, { ANSWER, .first = 1 },
	  .class = COMPARE_REAL, .reason = "addresses" },
	{ "released: no", "A<20>", { RECORD, .state = NB_RELEASED },
	  { NO, .server = NEW }, .class = COMPARE_EQUAL, .reason = NULL },
	{ "released: yes", "A<20>", { RECORD, .state = NB_RELEASED },
	  { ANSWER, .server = NEW },
	  .class = COMPARE_REAL, .reason = "on one side only" },
	{ "a group answers broadcast", "GRP<00>",
	  { RECORD, .type = NB_GROUP }, { ANSWER, .type = NB_GROUP },
	  .class = COMPARE_EQUAL, .reason = NULL },
	{ "even released", "GRP<00>",
	  { RECORD, .type = NB_GROUP, .state = NB_RELEASED },
	  { ANSWER, .type = NB_GROUP },
	  .class = COMPARE_EQUAL, .reason = NULL },
	{ "unique, answered as a group", "GRP<00>", { RECORD },
	  { ANSWER, .type = NB_GROUP },
	  .class = COMPARE_REAL, .reason = "type" },
	{ "1D is never answered", "GRP<1d>", { RECORD, .type = NB_GROUP },
	  { NO, .server = NEW }, .class = COMPARE_EQUAL, .reason = NULL },
	{ "both say no", "A<20>", { NO }, { NO },
	  .class = COMPARE_EQUAL, .reason = NULL },
	{ "both say the same", "A<20>", { ANSWER }, { ANSWER },
	  .class = COMPARE_EQUAL, .reason = NULL },
	{ "one is silent", "A<20>", { RECORD }, { SILENT },
	  .class = COMPARE_REAL,
	  .reason = "no answer" },

	/* 1C: the order is each server's own */
	{ "two orders", "DOM<1c>",
	  { ANSWER, .type = NB_SGROUP, .count = 3 },
	  { ANSWER, .type = NB_SGROUP, .first = 99, .count = 3 },
	  .class = COMPARE_EXPECTED, .reason = "order of domain controllers" },
	{ "1B before the rest", "DOM<1c>",
	  { RECORD, .type = NB_SGROUP, .first = 1, .count = 2 },
	  { ANSWER, .type = NB_SGROUP, .count = 3 },
	  .class = COMPARE_EXPECTED, .reason = "order of domain controllers" },
	{ "somebody else before the rest", "DOM<1c>",
	  { RECORD, .type = NB_SGROUP, .first = 2, .count = 2 },
	  { ANSWER, .type = NB_SGROUP, .first = 1, .count = 3 },
	  .class = COMPARE_REAL, .reason = "addresses" },
	{ "one more than fit", "DOM<1c>",
	  { RECORD, .type = NB_SGROUP, .first = 1, .count = 25 },
	  { ANSWER, .type = NB_SGROUP, .count = 25 },
	  .class = COMPARE_EXPECTED, .reason = "order of domain controllers" },
	{ "no order of records", "DOM<1c>",
	  { RECORD, .type = NB_SGROUP, .count = 3 },
	  { RECORD, .type = NB_SGROUP, .first = 99, .count = 3 },
	  .class = COMPARE_EQUAL, .reason = NULL },
	{ "a member is missing", "DOM<1c>",
	  { RECORD, .type = NB_SGROUP, .count = 3 },
	  { ANSWER, .type = NB_SGROUP, .count = 2 }, .class = COMPARE_REAL,
	  .reason = "addresses" },
};

/* first 99: the same addresses from the last to the first. */
static void set_members(struct nb_record *rec, const struct view *v)
{
	bool has = v->kind == COMPARE_RECORD || v->kind == COMPARE_ANSWER;

	rec->count = (uint8_t)(v->count == 0 && has ? 1 : v->count);
	for (unsigned int i = 0; i < rec->count; i++) {
		rec->member[i].ip = v->first == 99 ? IP + v->count - 1 - i :
						     IP + v->first + i;
		rec->member[i].owner = rec->owner;
	}
	/* the first of two came from another server than the record */
	if (v->count == 2 && v->kind == COMPARE_RECORD) {
		rec->member[0].owner = OLD;
	}
}

static struct compare_view make(const struct view *v, const char *name)
{
	struct compare_view view = {
		.kind = v->kind,
		.known = LISTED & ~v->not_known,
		.server = v->server,
		.hides_released = v->server != 0,
		.has_mark = v->mark != 0,
		.mark = v->mark,
		.first_1b = IP,
	};

	assert_true(nb_name_parse(name, &view.rec.name));
	view.rec.type = v->type;
	view.rec.state = v->state;
	view.rec.is_static = v->is_static;
	view.rec.owner = v->owner != 0 ? v->owner : OLD;
	view.rec.version = v->version != 0 ? v->version : 7;
	view.rec.expires = v->expires;
	view.known |= v->expires != 0 ? ROW_EXPIRES : 0;
	set_members(&view.rec, v);
	return view;
}

static void check(const struct line *line)
{
	static const uint32_t block_owner[] = { 0x0a630001u };
	struct nb_name_list blocked = { .count = 0 }, allowed = { .count = 0 };
	struct compare_view old = make(&line->old, line->name);
	struct compare_view new = make(&line->new, line->name);
	struct compare_world world = {
		.now = NOW,
		.pull_interval = INTERVAL,
		.first_seen = NOW - line->age,
		.appeared = line->appeared,
		.blocked = &blocked,
		.allowed = &allowed,
		.block_owner = block_owner,
		.block_owners = 1,
	};
	struct compare_finding finding;

	assert_true(nb_name_list_add(&blocked, "WPAD", 4));
	assert_true(nb_name_list_add(&blocked, "ISATAP", 6));
	assert_true(nb_name_list_add(&blocked, "ISATAP-OK", 9));
	assert_true(nb_name_list_add(&allowed, "ISATAP-OK", 9));
	compare_classify(&old, &new, &world, &finding);
	if (finding.class != line->class) {
		fail_msg("%s: %s (%s), not %s", line->what,
			 compare_class_name(finding.class),
			 finding.reason != NULL ? finding.reason : "-",
			 compare_class_name(line->class));
	}
	if (line->reason == NULL) {
		assert_null(finding.reason);
	} else {
		assert_string_equal(finding.reason, line->reason);
	}
}

static void test_table(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		check(&table[i]);
	}
}

/* Who is old and who is new changes the columns, never the class. */
static void test_both_ways(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct line line = table[i];

		line.old = table[i].new;
		line.new = table[i].old;
		check(&line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_both_ways),
	};

	return cmocka_run_group_tests_name("compare class", tests, NULL, NULL);
}
