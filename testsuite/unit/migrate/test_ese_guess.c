/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guess which columns are those of a WINS database, on tables of a few
 * rows: what is believed, and above all what is not. Whole databases of many
 * shapes are in interop/test_ese.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "migrate/ese/guess.h"
#include "migrate/row.h"

#define NOW 1767225600u		/* 2026 */
#define ZERO 0xc0a80405u	/* 192.168.4.5 */

/* ---- a database: two tables, rows as bytes ---- */

struct entry {
	const char *name;	/* 15 bytes and the type, padded by us */
	uint8_t type;		/* the suffix */
	uint8_t flags;
	uint8_t owner;
	uint32_t time;
	uint64_t version;
	const char *list;
	uint32_t list_len;
};

enum { OWNER, TIME, VERSION, FLAGS, NAME, LIST, NAMES };
enum { ID, ADDRESS, HIGHEST, OWNERS };

static const struct entry plain[] = {
	{ "SERVER", 0x20, 0x60, 0, NOW, 7, "\xc0\xa8\4\5", 4 },
	{ "HOST", 0x00, 0x70, 1, NOW + 9, 20, "\xc0\xa8\4\6", 4 },
	{ "\x1b" "OM", 'D', 0x60, 0, NOW, 8, "\xc0\xa8\4\7", 4 },
	{ "DOM", 0x1c, 0x62, 0, NOW, 9, "\0\0\0\0\xc0\xa8\4\7\1\0\0\0"
	  "\xc0\xa8\4\x08", 16 },
	{ "DOM", 0x1e, 0x61, 0, NOW, 10, "\xff\xff\xff\xff", 4 },
	{ "FIXED", 0x20, 0xe0, 0, 0x7fffffff, 11, "\xc0\xa8\4\x09", 4 },
	{ "GONE", 0x20, 0x68, 0, NOW, 12, "\xc0\xa8\4\x0a", 4 },
};
#define PLAIN (sizeof(plain) / sizeof(plain[0]))

static struct ese_catalog catalog;
static struct entry entries[PLAIN];
static uint32_t owner_id[2], owner_address[2];
static uint64_t owner_highest[2];
static struct ese_guess guess;

static void column(uint32_t table, const char *name, uint32_t type)
{
	struct ese_table *to = &catalog.table[table];

	to->column[to->count] = (struct ese_column){ .type = type };
	strcpy(to->column[to->count++].name, name);
}

static int begin(void **state)
{
	(void)state;
	memset(&catalog, 0, sizeof(catalog));
	catalog.count = 2;
	column(0, "a", ESE_U8);
	column(0, "b", ESE_I32);
	column(0, "c", ESE_CURRENCY);
	column(0, "d", ESE_U8);
	column(0, "e", ESE_BINARY);
	column(0, "f", ESE_LONG_BINARY);
	column(1, "g", ESE_U8);
	column(1, "h", ESE_I32);
	column(1, "i", ESE_CURRENCY);
	memcpy(entries, plain, sizeof(entries));
	owner_id[0] = 0;
	owner_id[1] = 1;
	owner_address[0] = 0x0504a8c0;
	owner_address[1] = 0x0605a8c0;
	owner_highest[0] = 12;
	owner_highest[1] = 20;
	return 0;
}

static void number(struct ese_frame *frame, unsigned int at, uint8_t *to,
		   uint64_t value, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		to[i] = (uint8_t)(value >> (8 * i));
	}
	frame->value[at] = (struct ese_value){ .data = to, .len = len };
}

static uint8_t space[ESE_COLUMNS][32];

static void names_row(struct ese_frame *frame, const struct entry *entry)
{
	uint8_t *name = space[NAME];

	memset(frame, 0, sizeof(*frame));
	frame->kind = ESE_ROW;
	frame->count = catalog.table[0].count;
	number(frame, OWNER, space[OWNER], entry->owner, 1);
	number(frame, TIME, space[TIME], entry->time, 4);
	number(frame, VERSION, space[VERSION], entry->version, 8);
	number(frame, FLAGS, space[FLAGS], entry->flags, 1);
	memset(name, ' ', 15);
	memcpy(name, entry->name, strlen(entry->name));
	name[15] = entry->type;
	name[16] = 0;
	frame->value[NAME] = (struct ese_value){ .data = name, .len = 17 };
	frame->value[LIST] = (struct ese_value){
		.data = (const uint8_t *)entry->list, .len = entry->list_len,
	};
	/* further columns are copies of the flags */
	for (unsigned int i = NAMES; i < frame->count; i++) {
		frame->value[i] = frame->value[FLAGS];
	}
}

static void owners_row(struct ese_frame *frame, unsigned int which)
{
	memset(frame, 0, sizeof(*frame));
	frame->kind = ESE_ROW;
	frame->count = catalog.table[1].count;
	number(frame, ID, space[ID], owner_id[which], 1);
	number(frame, ADDRESS, space[ADDRESS], owner_address[which], 4);
	number(frame, HIGHEST, space[HIGHEST], owner_highest[which], 8);
}

static void pass(void)
{
	static struct ese_frame frame;
	uint32_t wants = ese_guess_wants(&guess);

	for (unsigned int i = 0; i < PLAIN && wants != 1; i++) {
		names_row(&frame, &entries[i]);
		ese_guess_row(&guess, &catalog, 0, &frame);
	}
	for (unsigned int i = 0; i < 2 && wants != 0; i++) {
		owners_row(&frame, i);
		ese_guess_row(&guess, &catalog, 1, &frame);
	}
	ese_guess_end_pass(&guess, &catalog);
}

static bool guess_all(uint32_t owner_zero)
{
	ese_guess_begin(&guess, owner_zero);
	while (guess.pass < ESE_KNOWN) {
		pass();
	}
	return guess.pass == ESE_KNOWN;
}

static void not_because(const char *word)
{
	assert_false(guess_all(ZERO));
	assert_non_null(guess.problem);
	if (strstr(guess.problem, word) == NULL) {
		fail_msg("\"%s\" is not in \"%s\"", word, guess.problem);
	}
}

/* ---- what is believed ---- */

static void found(void **state)
{
	const struct ese_plan *plan = &guess.plan;

	(void)state;
	if (!guess_all(ZERO)) {
		fail_msg("%s", guess.problem);
	}
	assert_int_equal(plan->names, 0);
	assert_int_equal(plan->owners, 1);
	assert_int_equal(plan->name, NAME);
	assert_int_equal(plan->version, VERSION);
	assert_int_equal(plan->time, TIME);
	assert_int_equal(plan->list, LIST);
	assert_int_equal(plan->role[ESE_OWNER], OWNER);
	assert_int_equal(plan->role[ESE_FLAGS], FLAGS);
	assert_int_equal(plan->owner_id, ID);
	assert_int_equal(plan->owner_address, ADDRESS);
	assert_int_equal(plan->owner_highest, HIGHEST);
	assert_int_equal(plan->order, ESE_BIG);
	assert_int_equal(plan->owner_order, ESE_BIG);
	assert_string_equal(ese_layout_words(plan->layout[0]), "A");
	assert_string_equal(ese_layout_words(plan->layout[1]), "OA");
	assert_int_equal(guess.own_rows, 6);
	assert_false(guess.unsure);
}

static bool record(unsigned int which, struct nb_record *rec, const char **why)
{
	static struct ese_frame frame;

	names_row(&frame, &entries[which]);
	return ese_record_read(&guess, &catalog.table[0], &frame, rec, why);
}

static void records(void **state)
{
	struct nb_record rec;
	const char *why = NULL;
	char text[NB_NAME_TEXT];

	(void)state;
	assert_true(guess_all(ZERO));
	assert_true(record(2, &rec, &why));
	assert_string_equal(nb_name_print(&rec.name, text), "DOM<1b>");
	assert_int_equal(rec.owner, ZERO);
	assert_int_equal(rec.expires, NOW);
	assert_int_equal(rec.node, NB_H_NODE);
	assert_true(record(3, &rec, &why));
	assert_int_equal(rec.type, NB_SGROUP);
	assert_int_equal(rec.count, 2);
	assert_int_equal(nb_record_find(&rec, 0xc0a80407) >= 0, true);
	assert_int_equal(rec.member[nb_record_find(&rec, 0xc0a80408)].owner,
			 0xc0a80506);
	assert_true(record(4, &rec, &why));
	assert_int_equal(rec.type, NB_GROUP);
	assert_int_equal(rec.member[0].ip, NB_BROADCAST);
	assert_true(record(5, &rec, &why));
	assert_true(rec.is_static);
	assert_int_equal(rec.expires, NB_NEVER);
	assert_true(record(6, &rec, &why));
	assert_int_equal(rec.state, NB_TOMBSTONE);
	assert_int_equal(ese_plan_says(&guess.plan), ROW_ALL &
			 ~(unsigned int)(ROW_MEMBER_EXPIRES | ROW_QUERIED));
}

static void rows_that_cannot_be(void **state)
{
	struct nb_record rec;
	const char *why = NULL;

	(void)state;
	assert_true(guess_all(ZERO));
	entries[0].flags = 0x6c;
	assert_false(record(0, &rec, &why));
	assert_non_null(strstr(why, "deleted"));
	entries[1].owner = 3;
	assert_false(record(1, &rec, &why));
	assert_non_null(strstr(why, "not listed"));
	entries[2].list_len = 3;
	assert_false(record(2, &rec, &why));
	entries[2].list = "\xe0\0\0\1";
	entries[2].list_len = 4;
	assert_false(record(2, &rec, &why));
	assert_non_null(strstr(why, "no host"));
	entries[3].list = "\3\0\0\0\xc0\xa8\4\7";
	entries[3].list_len = 8;
	assert_false(record(3, &rec, &why));
}

/* ---- what is not ---- */

static void no_names(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < PLAIN; i++) {
		entries[i].name = "\3\4\5";
	}
	not_because("no table has a column of NetBIOS names");
}

static void no_owners(void **state)
{
	(void)state;
	catalog.count = 1;
	catalog.table[1].count = 0;
	ese_guess_begin(&guess, ZERO);
	pass();
	assert_int_equal(guess.pass, ESE_UNKNOWN);
	assert_non_null(strstr(guess.problem, "no table gives owner ids"));
}

static void twice_the_same_id(void **state)
{
	(void)state;
	owner_id[1] = 0;
	not_because("stands twice");
}

static void versions_above_the_highest(void **state)
{
	(void)state;
	owner_highest[0] = 11;
	not_because("no column may be the owner");
}

static void statics_that_pass(void **state)
{
	(void)state;
	entries[5].time = NOW;
	not_because("no column may be the type");
}

static void domains_that_are_unique(void **state)
{
	(void)state;
	entries[3].flags = 0x60;
	not_because("no column may be the type");
}

static void lists_of_no_layout(void **state)
{
	(void)state;
	entries[3].list = "\xff\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0";
	not_because("no layout that is known");
}

static void which_way_round(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < PLAIN; i++) {
		if (entries[i].list_len == 4 && entries[i].type != 0x1e) {
			entries[i].list = "\x2d\3\4\x59";
		}
	}
	not_because("network order cannot be told");
	/* the server's own address tells it */
	assert_true(guess_all(0x2d030459));
	assert_int_equal(guess.plan.order, ESE_BIG);
	assert_true(guess_all(0x5904032d));
	assert_int_equal(guess.plan.order, ESE_LITTLE);
	/* 192.168.168.192 is the same both ways, others are not */
	entries[0].list = "\xc0\xa8\xa8\xc0";
	entries[1].list = entries[2].list = "\xc0\xa8\4\6";
	entries[5].list = entries[6].list = "\xc0\xa8\4\7";
	assert_true(guess_all(0xc0a8a8c0));
	assert_int_equal(guess.plan.order, ESE_BIG);
	assert_false(guess.unsure);
}

static void two_columns_for_one(void **state)
{
	(void)state;
	column(0, "j", ESE_U8);		/* a second column of flags */
	not_because("several columns may be the flags");
	assert_string_equal(guess.problem_columns[0], "d");
	assert_string_equal(guess.problem_columns[1], "j");
	/* its name decides, as both fit */
	strcpy(catalog.table[0].column[NAMES].name, "RecFlags");
	assert_true(guess_all(ZERO));
	assert_int_equal(guess.plan.role[ESE_FLAGS], NAMES);
	/* a name does not make a column fit */
	catalog.table[0].count--;
	strcpy(catalog.table[0].column[OWNER].name, "Flags");
	strcpy(catalog.table[0].column[FLAGS].name, "Owner");
	assert_true(guess_all(ZERO));
	assert_int_equal(guess.plan.role[ESE_FLAGS], FLAGS);
}

static void nobody_has_the_address(void **state)
{
	(void)state;
	assert_true(guess_all(0xc0a8c8c8));
	assert_true(guess.unsure);
	assert_int_equal(guess.plan.order, ESE_BIG);
}

static void an_empty_database(void **state)
{
	(void)state;
	ese_guess_begin(&guess, ZERO);
	ese_guess_end_pass(&guess, &catalog);
	assert_int_equal(guess.pass, ESE_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(found, begin),
		cmocka_unit_test_setup(records, begin),
		cmocka_unit_test_setup(rows_that_cannot_be, begin),
		cmocka_unit_test_setup(no_names, begin),
		cmocka_unit_test_setup(no_owners, begin),
		cmocka_unit_test_setup(twice_the_same_id, begin),
		cmocka_unit_test_setup(versions_above_the_highest, begin),
		cmocka_unit_test_setup(statics_that_pass, begin),
		cmocka_unit_test_setup(domains_that_are_unique, begin),
		cmocka_unit_test_setup(lists_of_no_layout, begin),
		cmocka_unit_test_setup(which_way_round, begin),
		cmocka_unit_test_setup(two_columns_for_one, begin),
		cmocka_unit_test_setup(nobody_has_the_address, begin),
		cmocka_unit_test_setup(an_empty_database, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
