/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wins.dat (protocol.md 7.2): the example of its paragraph, lines of every
 * kind with what must come of them, and what is written of each kind of
 * record. What nmbd makes of it is testsuite/interop/test_migrate_samba.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "migrate/formats.h"
#include "unit/migrate/through.h"
#include "unit/same_record.h"

#define NOW	1795000000
#define LATER	1795188077
#define FIRST	"VERSION 1 0\n"

static const struct format_options at_now = { .now = NOW };

struct stage {
	TALLOC_CTX *mem;
	char *path;
	struct tally *tally;
	struct row *rows;
	size_t count;
	char *message;
};

static struct stage file_of(const char *text, size_t len)
{
	struct stage s = { .mem = talloc_new(NULL) };

	s.path = through_file(s.mem, text, len);
	s.tally = tally_create(s.mem, NULL);
	return s;
}

static struct stage lines(const char *text)
{
	return file_of(text, strlen(text));
}

static enum format_step read_all(struct stage *s)
{
	return through_read(s->mem, &format_winsdat, s->path, &at_now,
			    s->tally, &s->rows, &s->count, &s->message);
}

static void finish(struct stage *s)
{
	assert_int_equal(unlink(s->path), 0);
	talloc_free(s->mem);
}

/* The one reason in the tally, that so many rows have. */
static void only_reason(const struct stage *s, bool is_skip, const char *want)
{
	const char *reason = NULL;
	uint64_t count = 0;
	bool skip = false;

	assert_true(tally_reason(s->tally, 0, &skip, &reason, &count));
	assert_string_equal(reason, want);
	assert_int_equal(skip, is_skip);
	assert_int_equal(count, 1);
	assert_false(tally_reason(s->tally, 1, &skip, &reason, &count));
}

static struct nb_record record(const char *name, uint8_t suffix, uint8_t type,
			       uint8_t node, int64_t expires)
{
	return (struct nb_record) {
		.name = nb_name_make(name, strlen(name), suffix),
		.type = type,
		.node = node,
		.is_static = expires == NB_NEVER,
		.expires = expires,
	};
}

static void member(struct nb_record *rec, uint32_t ip)
{
	rec->member[rec->count++] = (struct nb_member) {
		.ip = ip, .expires = rec->expires,
	};
}

/* ---- reading ---- */

/* protocol.md 7.2, "Example", and a name of several addresses. */
static void test_example(void **state)
{
	struct stage s = lines(FIRST
		"\"VEC1#20\" 1795188077 10.53.58.21 64R\n"
		"\"VECD#1b\" 1795466477 10.53.58.99 64R\n"
		"\"VECD#1c\" 1795466477 10.53.58.21 e4R\n"
		"\"VECG#00\" 1795466477 0.0.0.0 e4R\n"
		"\"SPECWINS#20\" 1795188085 10.53.58.21  4R\n"
		"\"SPECNMBD#00\" 1795425673 10.53.58.11 66R\n"
		"\"PRINTSRV#20\" 0 192.0.2.7 64R\n"
		"\"TWO ONE#03\" 1795188077 192.0.2.7 192.0.2.8 44R\n");
	struct nb_record want[] = {
		record("VEC1", 0x20, NB_UNIQUE, NB_H_NODE, 1795188077),
		record("VECD", 0x1b, NB_UNIQUE, NB_H_NODE, 1795466477),
		record("VECD", 0x1c, NB_SGROUP, NB_H_NODE, 1795466477),
		record("VECG", 0x00, NB_GROUP, NB_H_NODE, 1795466477),
		record("SPECWINS", 0x20, NB_UNIQUE, NB_B_NODE, 1795188085),
		record("SPECNMBD", 0x00, NB_UNIQUE, NB_H_NODE, 1795425673),
		record("PRINTSRV", 0x20, NB_UNIQUE, NB_H_NODE, NB_NEVER),
		record("TWO ONE", 0x03, NB_MHOMED, NB_M_NODE, 1795188077),
	};

	(void)state;
	member(&want[0], 0x0a353a15);
	member(&want[1], 0x0a353a63);
	member(&want[2], 0x0a353a15);
	member(&want[3], NB_BROADCAST);
	member(&want[4], 0x0a353a15);
	member(&want[5], 0x0a353a0b);
	member(&want[6], 0xc0000207);
	member(&want[7], 0xc0000208);		/* the newest stands last */
	member(&want[7], 0xc0000207);
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, 8);
	for (unsigned int i = 0; i < s.count; i++) {
		assert_same_record(&s.rows[i].rec, &want[i]);
		assert_int_equal(s.rows[i].place, i + 2);
		assert_int_equal(s.rows[i].known,
				 ROW_TYPE | ROW_STATIC | ROW_NODE |
				 ROW_EXPIRES | ROW_RAW_NAMES);
		assert_null(s.rows[i].changed);
	}
	finish(&s);
}

static void test_lines_that_say_nothing(void **state)
{
	struct stage s = lines("# a comment\n\n  \t \n  # another\r\n"
			       "  \"A#00\" 1795188077 \\\n192.0.2.7 64R  \r\n"
			       "B#0 1795188077 192.0.2.8 64");

	(void)state;
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.rows[0].place, 5);
	assert_int_equal(s.rows[0].rec.member[0].ip, 0xc0000207);
	assert_int_equal(s.rows[1].rec.name.byte[0], 'B');
	finish(&s);
}

static void test_refused(void **state)
{
	static const struct {
		const char *line, *reason;
	} cases[] = {
		{ "\"MINE#20\" 1795188077 192.0.2.7 66S",
		  "a name of nmbd itself" },
		{ "\"OLD#20\" 1795000060 192.0.2.7 64R", "expired" },
		{ "\"OLD#20\" 12 192.0.2.7 64R", "expired" },
		{ "\"SIXTEEN_LETTERS_#20\" 0 192.0.2.7 64R",
		  "the name is longer than 15 bytes" },
		{ "\"A#20\" 0 224.0.0.1 64R", "an address that no host has" },
		{ "\"A#20\" 0 0.0.0.0 64R", "an address that no host has" },
		{ "\"A#20\" 0 192.0.2.7 0.0.0.0 64R",
		  "an address that no host has" },
		{ "\"A#20\" 0 192.0.2.256 64R", "not an entry of wins.dat" },
		{ "\"A#20\" 0 64R", "not an entry of wins.dat" },
		{ "\"A#20\" 0 192.0.2.7", "not an entry of wins.dat" },
		{ "\"A#20\" 0 192.0.2.7 64X", "not an entry of wins.dat" },
		{ "\"A#20\" 0 192.0.2.7 R", "not an entry of wins.dat" },
		{ "\"A#20\" 0", "not an entry of wins.dat" },
		{ "\"A#20\" -1 192.0.2.7 64R", "not an entry of wins.dat" },
		{ "\"A#20\" 1x 192.0.2.7 64R", "not an entry of wins.dat" },
		{ "\"A#20\" 9999999999999999999 192.0.2.7 64R",
		  "not an entry of wins.dat" },
		{ "\"A#20", "not an entry of wins.dat" },
		{ "\"A\" 0 192.0.2.7 64R", "not an entry of wins.dat" },
		{ "\"A#\" 0 192.0.2.7 64R", "not an entry of wins.dat" },
		{ "\"A#123\" 0 192.0.2.7 64R", "not an entry of wins.dat" },
		{ "\"A#2g\" 0 192.0.2.7 64R", "not an entry of wins.dat" },
		{ "what else", "not an entry of wins.dat" },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stage s = lines(cases[i].line);

		assert_int_equal(read_all(&s), FORMAT_END);
		assert_int_equal(s.count, 0);
		only_reason(&s, true, cases[i].reason);
		finish(&s);
	}
}

/* Who it is that expired is what people ask first. */
static void test_refused_by_name(void **state)
{
	struct stage s = lines("\n\"OLD ONE#1b\" 12 192.0.2.7 64R");
	const char *sample = NULL;

	(void)state;
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_true(tally_sample(s.tally, 0, 0, &sample));
	assert_string_equal(sample, "at 2: OLD ONE<1b>");
	finish(&s);
}

static void test_a_nul(void **state)
{
	static const char text[] = "\"A\0B#20\" 0 192.0.2.7 64R\n";
	struct stage s = file_of(text, sizeof(text) - 1);

	(void)state;
	assert_int_equal(read_all(&s), FORMAT_END);
	only_reason(&s, true, "not an entry of wins.dat");
	finish(&s);
}

static void test_long_line(void **state)
{
	struct stage s = lines("");
	FILE *file = fopen(s.path, "w");

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		(void)fputs("192.0.2.7 \\\n", file);
	}
	(void)fputs("\n\"A#20\" 0 192.0.2.7 64R\n", file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, 1);
	only_reason(&s, true, "not an entry of wins.dat");
	finish(&s);
}

/* nmbd takes nothing behind a version that it does not know. */
static void test_other_version(void **state)
{
	static const char *const heads[] = {
		"VERSION 2 0\n", "VERSION 10 0\n", "VERSION 1\n",
		" VERSION x\n", "VERSION  0 1\n",
	};

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		struct stage s = { .mem = talloc_new(NULL) };
		char *text = talloc_asprintf(s.mem, "\"A#20\" 0 192.0.2.7 64R\n"
					     "%s\"B#20\" 0 192.0.2.7 64R\n",
					     heads[i]);

		s.path = through_file(s.mem, text, strlen(text));
		s.tally = tally_create(s.mem, NULL);
		assert_int_equal(read_all(&s), FORMAT_FAILED);
		assert_int_equal(s.count, 1);
		assert_non_null(strstr(s.message, "line 2: nmbd takes "));
		finish(&s);
	}
}

/* The first words of each line are the name, then what it must be. */
static void test_groups(void **state)
{
	static const struct {
		const char *rest;
		uint8_t suffix, type;
		unsigned int count;
	} cases[] = {
		{ "0.0.0.0 e4R", 0x1c, NB_GROUP, 1 },
		{ "255.255.255.255 e4R", 0x00, NB_GROUP, 1 },
		{ "192.0.2.7 e4R", 0x1e, NB_GROUP, 1 },
		{ "192.0.2.7 e4R", 0x1c, NB_SGROUP, 1 },
		{ "192.0.2.7 192.0.2.8 84R", 0x1c, NB_SGROUP, 2 },
		{ "192.0.2.7 192.0.2.8 84R", 0x20, NB_SGROUP, 2 },
		{ "0.0.0.0 192.0.2.8 e4R", 0x00, NB_GROUP, 1 },
		{ "192.0.2.7 64R", 0x1c, NB_UNIQUE, 1 },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stage s = { .mem = talloc_new(NULL) };
		char *text = talloc_asprintf(s.mem, "\"G#%02x\" 0 %s\n",
					     cases[i].suffix, cases[i].rest);

		s.path = through_file(s.mem, text, strlen(text));
		s.tally = tally_create(s.mem, NULL);
		assert_int_equal(read_all(&s), FORMAT_END);
		assert_int_equal(s.count, 1);
		assert_int_equal(s.rows[0].rec.name.type, cases[i].suffix);
		assert_int_equal(s.rows[0].rec.type, cases[i].type);
		assert_int_equal(s.rows[0].rec.count, cases[i].count);
		finish(&s);
	}
}

/* 30 addresses, the oldest first: the 25 newest are kept. */
static void test_many_addresses(void **state)
{
	struct stage s = lines("");
	FILE *file = fopen(s.path, "w");

	(void)state;
	(void)fputs("\"M#20\" 0", file);
	for (unsigned int i = 1; i <= 30; i++) {
		(void)fprintf(file, " 192.0.2.%u", i);
	}
	(void)fputs(" 64R\n\"T#20\" 0 192.0.2.1 192.0.2.2 192.0.2.1 64R\n",
		    file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, 2);
	assert_string_equal(s.rows[0].changed, "it had more than 25 addresses");
	assert_int_equal(s.rows[0].rec.count, 25);
	for (unsigned int i = 0; i < 25; i++) {
		assert_int_equal(s.rows[0].rec.member[i].ip, 0xc000021e - i);
	}
	assert_string_equal(s.rows[1].changed, "an address stood twice");
	assert_int_equal(s.rows[1].rec.count, 2);
	assert_int_equal(s.rows[1].rec.member[0].ip, 0xc0000201);
	finish(&s);
}

/* U+00C9 is 0x90 in CP850, U+0131 is 0xd5 (the code page's own table). */
static void test_charset(void **state)
{
	struct stage s = lines("\"CAF\xc3\x89\xc4\xb1#20\" 0 192.0.2.7 64R\n"
			       "\"CAF\x90#20\" 0 192.0.2.7 64R\n"
			       "\"\xe2\x82\xac#20\" 0 192.0.2.7 64R\n"
			       "\"\xc3\x89\xc3\x89\xc3\x89\xc3\x89\xc3\x89"
			       "\xc3\x89\xc3\x89\xc3\x89\xc3\x89\xc3\x89"
			       "\xc3\x89\xc3\x89\xc3\x89\xc3\x89\xc3\x89"
			       "#20\" 0 192.0.2.7 64R\n");

	(void)state;
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, 4);
	assert_memory_equal(s.rows[0].rec.name.byte, "CAF\x90\xd5", 6);
	assert_null(s.rows[0].changed);
	assert_memory_equal(s.rows[1].rec.name.byte, "CAF\x90", 5);
	assert_non_null(s.rows[1].changed);
	assert_memory_equal(s.rows[2].rec.name.byte, "\xe2\x82\xac", 4);
	assert_non_null(s.rows[2].changed);
	assert_int_equal(s.rows[3].rec.name.len, 15);
	assert_int_equal(s.rows[3].rec.name.byte[14], 0x90);
	finish(&s);
}

/* ---- writing ---- */

static void write_all(struct stage *s, const struct row *rows, size_t count,
		      char text[1000])
{
	FILE *file = NULL;
	size_t len = 0;

	assert_int_equal(through_write(s->mem, &format_winsdat, s->path,
				       &at_now, s->tally, rows, count,
				       &s->message), 0);
	file = fopen(s->path, "r");
	assert_non_null(file);
	len = fread(text, 1, 999, file);
	text[len] = '\0';
	assert_int_equal(fclose(file), 0);
	assert_memory_equal(text, FIRST, strlen(FIRST));
}

static struct row row_of(struct nb_record rec)
{
	return (struct row) { .known = ROW_ALL, .rec = rec };
}

/* Each kind of record, and its line by hand; changed: NULL or a reason. */
static void test_written(void **state)
{
	static const struct {
		const char *name;
		uint8_t suffix, type, node, count;
		int64_t expires;
		const char *line, *changed;
	} cases[] = {
		{ "FILES", 0x20, NB_UNIQUE, NB_H_NODE, 1, LATER,
		  "\"FILES#20\" 1795188077 192.0.2.1 64R\n", NULL },
		{ "B", 0x00, NB_UNIQUE, NB_B_NODE, 1, LATER,
		  "\"B#00\" 1795188077 192.0.2.1  4R\n", NULL },
		{ "S T", 0x03, NB_UNIQUE, NB_P_NODE, 1, NB_NEVER,
		  "\"S T#03\" 0 192.0.2.1 24R\n", NULL },
		{ "MANY", 0x20, NB_MHOMED, NB_M_NODE, 3, LATER,
		  "\"MANY#20\" 1795188077 192.0.2.3 192.0.2.2 192.0.2.1 44R\n",
		  NULL },
		{ "DOM", 0x1c, NB_SGROUP, NB_H_NODE, 2, LATER,
		  "\"DOM#1c\" 1795188077 192.0.2.2 192.0.2.1 e4R\n", NULL },
		{ "GRP", 0x1e, NB_GROUP, NB_H_NODE, 1, LATER,
		  "\"GRP#1e\" 1795188077 255.255.255.255 e4R\n",
		  "the address of a normal group is not kept" },
		{ "small", 0x20, NB_UNIQUE, NB_H_NODE, 1, LATER,
		  "\"SMALL#20\" 1795188077 192.0.2.1 64R\n",
		  "small letters are capitals there" },
		{ "\x82t\x82", 0x20, NB_UNIQUE, NB_H_NODE, 1, LATER,
		  "\"\xc3\x89T\xc3\x89#20\" 1795188077 192.0.2.1 64R\n",
		  "small letters are capitals there" },
		{ "LONE", 0x20, NB_MHOMED, NB_H_NODE, 1, LATER,
		  "\"LONE#20\" 1795188077 192.0.2.1 64R\n",
		  "multihomed with one address is unique there" },
		{ "INET", 0x20, NB_SGROUP, NB_H_NODE, 1, LATER,
		  "\"INET#20\" 1795188077 192.0.2.1 e4R\n",
		  "an internet group of one, other than <1C>, is a normal "
		  "group there" },
		{ "INET", 0x20, NB_SGROUP, NB_H_NODE, 2, LATER,
		  "\"INET#20\" 1795188077 192.0.2.2 192.0.2.1 e4R\n", NULL },
		{ "CAF\x90", 0x20, NB_UNIQUE, NB_H_NODE, 1, LATER,
		  "\"CAF\xc3\x89#20\" 1795188077 192.0.2.1 64R\n", NULL },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stage s = lines("");
		struct row row = row_of(record(cases[i].name, cases[i].suffix,
					       cases[i].type, cases[i].node,
					       cases[i].expires));
		struct tally_sums sums;
		char text[1000];

		for (unsigned int m = 0; m < cases[i].count; m++) {
			member(&row.rec, 0xc0000201 + m);
		}
		write_all(&s, &row, 1, text);
		assert_string_equal(text + strlen(FIRST), cases[i].line);
		tally_sums(s.tally, &sums);
		assert_int_equal(sums.written + sums.changed, 1);
		if (cases[i].changed != NULL) {
			only_reason(&s, false, cases[i].changed);
		} else {
			assert_int_equal(sums.written, 1);
		}
		finish(&s);
	}
}

/* A group of the broadcast address comes back as it was. */
static void test_broadcast(void **state)
{
	struct stage s = lines("");
	struct row row = row_of(record("G", 0x1c, NB_GROUP, NB_H_NODE, LATER));
	char text[1000];

	(void)state;
	member(&row.rec, NB_BROADCAST);
	write_all(&s, &row, 1, text);
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, 1);
	assert_same_record(&s.rows[0].rec, &row.rec);
	finish(&s);
}

static void test_not_written(void **state)
{
	static const struct {
		const char *name, *scope;
		uint8_t state;
		int64_t expires;
		const char *reason;
	} cases[] = {
		{ "A", "", NB_RELEASED, LATER, "released, or a tombstone" },
		{ "A", "", NB_TOMBSTONE, LATER, "released, or a tombstone" },
		{ "A", "lab", NB_ACTIVE, LATER, "scope cannot be written" },
		{ "A\"B", "", NB_ACTIVE, LATER, "nmbd cannot read such a name" },
		{ "A#B", "", NB_ACTIVE, LATER, "nmbd cannot read such a name" },
		{ "A\nB", "", NB_ACTIVE, LATER, "nmbd cannot read such a name" },
		{ "A\rB", "", NB_ACTIVE, LATER, "nmbd cannot read such a name" },
		{ "", "", NB_ACTIVE, LATER, "nmbd cannot read such a name" },
		{ "*", "", NB_ACTIVE, LATER, "nmbd answers for * itself" },
		{ "A", "", NB_ACTIVE, NOW + 60, "expired" },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stage s = lines("");
		struct row row = row_of(record(cases[i].name, 0x20, NB_UNIQUE,
					       NB_H_NODE, cases[i].expires));
		char text[1000];

		row.rec.state = cases[i].state;
		assert_true(nb_name_set_scope(&row.rec.name, cases[i].scope,
					      strlen(cases[i].scope)));
		member(&row.rec, 0xc0000201);
		write_all(&s, &row, 1, text);
		assert_string_equal(text, FIRST);
		only_reason(&s, true, cases[i].reason);
		finish(&s);
	}
}

static void test_twice(void **state)
{
	struct stage s = lines("");
	struct row rows[] = {
		row_of(record("FILES", 0x20, NB_UNIQUE, NB_H_NODE, LATER)),
		row_of(record("Files", 0x20, NB_UNIQUE, NB_H_NODE, LATER)),
	};
	char text[1000];

	(void)state;
	member(&rows[0].rec, 0xc0000201);
	member(&rows[1].rec, 0xc0000202);
	write_all(&s, rows, 2, text);
	assert_string_equal(text, FIRST
			    "\"FILES#20\" 1795188077 192.0.2.1 64R\n");
	only_reason(&s, true, "the name stands twice");
	finish(&s);
}

/* A source that does not say when: `max wins ttl`, 6 days, from now on. */
static void test_life(void **state)
{
	struct stage s = lines("");
	struct row row = row_of(record("A", 0x20, NB_UNIQUE, NB_H_NODE, 0));
	char text[1000];

	(void)state;
	row.known = ROW_TYPE;
	member(&row.rec, 0xc0000201);
	write_all(&s, &row, 1, text);
	assert_string_equal(text, FIRST
			    "\"A#20\" 1795518400 192.0.2.1 64R\n");
	assert_non_null(strstr(tally_line(s.tally, false, 0), "6 days"));
	finish(&s);
}

/* Small letters of CP850 that have a capital there (the code page's table). */
#define SMALL	"\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x91" \
		"\x93\x94\x95\x96\x97\x9b\xa0\xa1\xa2\xa3\xa4\xc6\xd0\xe4\xe7" \
		"\xec"

/* Each byte that nmbd can hold, in a name of fifteen. */
static void test_every_byte(void **state)
{
	struct stage s = lines("");
	struct row *rows = talloc_array(s.mem, struct row, 256);
	size_t count = 0;

	(void)state;
	for (unsigned int b = 1; b < 256; b++) {
		char name[16] = "FIFTEEN_BYTES_X";

		if (strchr("\"#\r\n", (int)b) != NULL ||
		    (b >= 'a' && b <= 'z') || strchr(SMALL, (int)b) != NULL) {
			continue;
		}
		name[7] = (char)b;
		name[14] = (char)(b == ' ' ? 'X' : b);
		rows[count] = row_of(record(name, (uint8_t)b, NB_UNIQUE,
					    NB_H_NODE, LATER));
		member(&rows[count++].rec, 0xc0000201);
	}
	assert_int_equal(count, 225 - 30);
	assert_int_equal(through_write(s.mem, &format_winsdat, s.path, &at_now,
				       s.tally, rows, count, &s.message), 0);
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, count);
	for (size_t i = 0; i < count; i++) {
		assert_same_record(&s.rows[i].rec, &rows[i].rec);
	}
	finish(&s);
}

static void test_full_disk(void **state)
{
	struct stage s = lines("");
	struct row row = row_of(record("A", 0x20, NB_UNIQUE, NB_H_NODE, LATER));
	char *full = talloc_strdup(s.mem, "/dev/full");

	(void)state;
	member(&row.rec, 0xc0000201);
	assert_int_equal(through_write(s.mem, &format_winsdat, full, &at_now,
				       s.tally, &row, 1, &s.message), ENOSPC);
	finish(&s);
}

static void test_probe(void **state)
{
	static const struct {
		const char *text;
		int sure;
	} cases[] = {
		{ "VERSION 1 0\n", 95 },
		{ "\"A#20\" 1795188077 192.0.2.1 64R\n", 70 },
		{ "\"A#20\" x", 0 }, { "\"A20\" 1795188077", 0 },
		{ "\"A#20\"", 0 }, { "\"A#20", 0 }, { "\"", 0 }, { "", 0 },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct format_head head = {
			.name = "wins.dat",
			.data = (const uint8_t *)cases[i].text,
			.len = strlen(cases[i].text),
		};

		assert_int_equal(format_winsdat.probe(&head), cases[i].sure);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_lines_that_say_nothing),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_by_name),
		cmocka_unit_test(test_a_nul),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_other_version),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_many_addresses),
		cmocka_unit_test(test_charset),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_broadcast),
		cmocka_unit_test(test_not_written),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
