/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LDIF of the AD server's databases (protocol.md 4.6, 7.5, 7.6): the examples
 * of their paragraphs, entries of every kind with what must come of them, and
 * what is written. What ldbadd and the server itself make of that is
 * testsuite/interop/test_migrate_samba.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "migrate/formats.h"
#include "unit/migrate/through.h"
#include "unit/same_record.h"

#define SELF	0x0a353a0b		/* 10.53.58.11 */
#define T2026	1797239773		/* 2026-12-14 09:16:13 */

static const struct format_options options = {
	.now = 1795000000,
	.owner_zero = SELF,
};

struct stage {
	TALLOC_CTX *mem;
	char *path;
	struct tally *tally;
	struct row *rows;
	size_t count;
	char *message;
};

static struct stage lines(const char *text)
{
	struct stage s = { .mem = talloc_new(NULL) };

	s.path = through_file(s.mem, text, strlen(text));
	s.tally = tally_create(s.mem, NULL);
	return s;
}

static enum format_step read_all(struct stage *s)
{
	return through_read(s->mem, &format_ldif, s->path, &options, s->tally,
			    &s->rows, &s->count, &s->message);
}

static void finish(struct stage *s)
{
	assert_int_equal(unlink(s->path), 0);
	talloc_free(s->mem);
}

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

/* ---- reading records ---- */

/* protocol.md 7.5, "Example". */
static void test_example(void **state)
{
	struct stage s = lines(
		"# record 1\n"
		"dn: name=_UA_MA_DI_N,type=0x00\n"
		"objectClass: winsRecord\n"
		"type: 0x00\n"
		"name: _UA_MA_DI_N\n"
		"recordType: 0\n"
		"recordState: 2\n"
		"nodeType: 0\n"
		"isStatic: 0\n"
		"expireTime: 20261214091613.0Z\n"
		"versionID: 285\n"
		"winsOwner: 127.66.66.1\n"
		"address: 127.0.66.1;winsOwner:127.66.66.1;"
		"expireTime:20261214091613.0Z;\n"
		"registeredBy: 10.53.57.21\n"
		"distinguishedName: name=_UA_MA_DI_N,type=0x00\n"
		"\n"
		"# returned 1 records\n# 1 entries\n# 0 referrals\n");
	const struct nb_record want = {
		.name = nb_name_make("_UA_MA_DI_N", 11, 0x00),
		.type = NB_UNIQUE,
		.state = NB_TOMBSTONE,
		.node = NB_B_NODE,
		.owner = 0x7f424201,
		.version = 285,
		.expires = T2026,
		.count = 1,
		.member = { { 0x7f004201, 0x7f424201, T2026 } },
	};

	(void)state;
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, 1);
	assert_same_record(&s.rows[0].rec, &want);
	assert_int_equal(s.rows[0].known, ROW_ALL);
	assert_int_equal(s.rows[0].place, 2);
	assert_null(s.rows[0].changed);
	finish(&s);
}

/*
 * A static group of the server itself with a scope, folded lines, a name in
 * base64; one member in the short form, one in the long one.
 */
static void test_static(void **state)
{
	struct stage s = lines(
		"dn: scope=foo.example.com,name=VEC\n S,type=0x1C\r\n"
		"objectClass: winsRecord\r\n"
		"type: 0x1C\r\n"
		"name:: VkVDUw==\r\n"
		"scope: foo.example.com\r\n"
		"recordType: 2\r\n"
		"recordState: 0\r\n"
		"nodeType: 3\r\n"
		"isStatic: 1\r\n"
		"versionID: 9223372036854775809\r\n"
		"address: 192.0.2.7\r\n"
		"address: 192.0.2.8;winsOwner:192.0.2.1;expireTime:2026121409\r\n"
		" 1613.0Z;\r\n");
	struct nb_record want = {
		.name = nb_name_make("VECS", 4, 0x1c),
		.type = NB_SGROUP,
		.state = NB_ACTIVE,
		.node = NB_H_NODE,
		.is_static = true,
		.owner = SELF,
		.version = 9223372036854775809u,
		.expires = NB_NEVER,
		.count = 2,
		.member = { { 0xc0000207, SELF, NB_NEVER },
			    { 0xc0000208, 0xc0000201, NB_NEVER } },
	};

	(void)state;
	assert_true(nb_name_set_scope(&want.name, "foo.example.com", 15));
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, 1);
	assert_same_record(&s.rows[0].rec, &want);
	finish(&s);
}

/* protocol.md 7.5, "Load rules: defaults when an attribute is missing". */
static void test_defaults(void **state)
{
	struct stage s = lines("dn: type=0x20\nobjectClass: winsRecord\n"
			       "type: 32\naddress: 192.0.2.7\n");
	const struct nb_record want = {
		.name = nb_name_make("", 0, 0x20),
		.type = NB_UNIQUE,
		.state = NB_RELEASED,
		.node = NB_B_NODE,
		.owner = SELF,
		.count = 1,
		.member = { { 0xc0000207, SELF, 0 } },
	};

	(void)state;
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, 1);
	assert_same_record(&s.rows[0].rec, &want);
	assert_int_equal(s.rows[0].known, ROW_ALL & ~ROW_EXPIRES);
	finish(&s);
}

/* An entry with these lines behind what makes it a record. */
static struct stage entry(const char *more)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct stage s = lines(talloc_asprintf(mem,
		"dn: name=A,type=0x20\nobjectClass: winsRecord\nname: A\n"
		"expireTime: 20261214091613.0Z\nrecordState: 0\n%s", more));

	talloc_free(mem);
	return s;
}

#define TYPE	"type: 0x20\n"
#define IP	"address: 192.0.2.7\n"
#define UNCLEAR	"an attribute is not understood"

static void test_refused(void **state)
{
	static const struct {
		const char *more, *reason;
	} cases[] = {
		{ IP, UNCLEAR },
		{ "type: 0x100\n" IP, UNCLEAR },
		{ "type: 0xFFFFFF7F\n" IP, UNCLEAR },
		{ "type: 0x1FFFFFF80\n" IP, UNCLEAR },
		{ "type: 0x\n" IP, UNCLEAR },
		{ "type: x\n" IP, UNCLEAR },
		{ "type: 32\ntype: 33\n" IP, UNCLEAR },
		{ TYPE IP "recordType: 4\n", UNCLEAR },
		{ TYPE IP "nodeType: 4\n", UNCLEAR },
		{ TYPE IP "isStatic: 2\n", UNCLEAR },
		{ TYPE IP "versionID: 18446744073709551616\n", UNCLEAR },
		{ TYPE IP "versionID: -1\n", UNCLEAR },
		{ TYPE IP "versionID: 1 \n", UNCLEAR },
		{ TYPE IP "winsOwner: 192.0.2\n", UNCLEAR },
		{ TYPE "address: \n", UNCLEAR },
		{ TYPE "address: 192.0.2.7;winsOwner:x;\n", UNCLEAR },
		{ TYPE "address: 192.0.2.7;expireTime:x;\n", UNCLEAR },
		{ TYPE "address: 192.0.2.7;color:red;\n", UNCLEAR },
		{ TYPE "address: 192.0.2.7;"
		  "expireTime:20261314091613.0Z;\n", UNCLEAR },
		{ TYPE "address: 192.0.2.7;"
		  "expireTime:20260231091613.0Z;\n", UNCLEAR },
		{ TYPE "address: 192.0.2.7;"
		  "expireTime:20261214241613.0Z;\n", UNCLEAR },
		{ TYPE "address: 192.0.2.7;"
		  "expireTime:20261214091613.0\n", UNCLEAR },
		{ TYPE "address: 192.0.2.7;"
		  "expireTime:19691231235959Z\n", UNCLEAR },
		{ TYPE "recordType: 1\n" IP "address: 192.0.2.8\n",
		  "a normal group with several members" },
		{ "type 0x20\n" TYPE IP, "not LDIF" },
		{ TYPE IP "scope:: ???\n", "not LDIF" },
		{ TYPE IP "comment\n", "not LDIF" },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stage s = entry(cases[i].more);

		assert_int_equal(read_all(&s), FORMAT_END);
		assert_int_equal(s.count, 0);
		only_reason(&s, true, cases[i].reason);
		finish(&s);
	}
}

static void test_names_refused(void **state)
{
	static const char *const texts[] = {
		"dn: type=0x20\nobjectClass: winsRecord\ntype: 0x20\n"
		"name: SIXTEEN_LETTERS_\n" IP,
		"dn: type=0x20\nobjectClass: winsRecord\ntype: 0x20\n"
		"name:: QQBC\n" IP,
	};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct stage s = lines(texts[i]);

		assert_int_equal(read_all(&s), FORMAT_END);
		only_reason(&s, true, UNCLEAR);
		finish(&s);
	}
}

/* Where the AD server refuses the record and we need not. */
static void test_changed(void **state)
{
	struct stage s = entry(TYPE IP "address: 192.0.2.8\n");

	(void)state;
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.rows[0].rec.type, NB_MHOMED);
	assert_string_equal(s.rows[0].changed,
			    "unique with several addresses, now multihomed");
	finish(&s);
	s = entry(TYPE IP IP);
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.rows[0].rec.count, 1);
	assert_string_equal(s.rows[0].changed, "an address stood twice");
	finish(&s);
	s = entry(TYPE);
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.rows[0].rec.state, NB_RELEASED);
	assert_string_equal(s.rows[0].changed,
			    "active without an address, now released");
	finish(&s);
}

static void test_many_addresses(void **state)
{
	char more[2000] = TYPE "recordType: 2\n";
	struct stage s;

	(void)state;
	for (unsigned int i = 1; i <= 26; i++) {
		size_t len = strlen(more);

		(void)snprintf(more + len, sizeof(more) - len,
			       "address: 192.0.2.%u\n", i);
	}
	s = entry(more);
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.rows[0].rec.count, 25);
	assert_int_equal(s.rows[0].rec.member[24].ip, 0xc0000219);
	assert_string_equal(s.rows[0].changed, "it had more than 25 addresses");
	finish(&s);
}

/* Owner 0.0.0.0, said or not, and nobody said who that is. */
static void test_owner_zero(void **state)
{
	static const struct format_options nobody = { .now = 1 };
	static const char *const cases[] = {
		TYPE IP, TYPE IP "winsOwner: 0.0.0.0\n",
		TYPE "winsOwner: 192.0.2.1\naddress: 192.0.2.7;"
		"winsOwner:0.0.0.0;expireTime:20261214091613.0Z;\n",
	};
	struct stage s;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		s = entry(cases[i]);
		assert_int_equal(through_read(s.mem, &format_ldif, s.path,
					      &nobody, s.tally, &s.rows,
					      &s.count, &s.message),
				 FORMAT_FAILED);
		assert_non_null(strstr(s.message, "A<20>"));
		assert_non_null(strstr(s.message, "--owner-zero ADDRESS"));
		finish(&s);
	}
	s = entry(TYPE IP "winsOwner: 192.0.2.1\n");
	assert_int_equal(through_read(s.mem, &format_ldif, s.path, &nobody,
				      s.tally, &s.rows, &s.count, &s.message),
			 FORMAT_END);
	assert_int_equal(s.rows[0].rec.owner, 0xc0000201);
	finish(&s);
}

/* ---- what is no record ---- */

static void test_other_entries(void **state)
{
	struct stage s = lines(
		"version: 1\n\n"
		"dn: @MODULES\n@LIST: wins_ldb\n\n"
		"dn: CN=PARTNERS\nobjectClass: top\n\n"
		"dn: CN=VERSION\nobjectClass: winsMaxVersion\n"
		"maxVersion: 789\n\n");
	struct tally_sums sums;

	(void)state;
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, 0);
	tally_sums(s.tally, &sums);
	assert_int_equal(sums.read, 0);
	assert_non_null(strstr(tally_line(s.tally, false, 0), "789"));
	finish(&s);
	s = lines("dn: CN=Users\nobjectClass: container\n\n");
	assert_int_equal(read_all(&s), FORMAT_END);
	only_reason(&s, true, "not an entry of a WINS server");
	finish(&s);
	s = lines("dn: type=0x20\nchangetype: delete\n\n");
	assert_int_equal(read_all(&s), FORMAT_END);
	only_reason(&s, true, "a change of an entry, not an entry");
	finish(&s);
}

static void test_long_entry(void **state)
{
	struct stage s = lines("");
	FILE *file = fopen(s.path, "w");

	(void)state;
	(void)fputs("dn: type=0x20\n", file);
	for (unsigned int i = 0; i < 100000; i++) {
		(void)fputs("address: 192.0.2.7\n", file);
	}
	(void)fputs("\ndn: type=0x21\nobjectClass: winsRecord\ntype: 0x21\n"
		    IP, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, 1);
	only_reason(&s, true, "the entry is too long");
	finish(&s);
}

/* ---- partners ---- */

static void option_is(const struct row *row, const char *option)
{
	assert_int_equal(row->kind, ROW_OPTION);
	if (option == NULL) {
		assert_null(row->option);
	} else {
		assert_non_null(row->option);
	}
}

/*
 * The rows one by one, for what they point to lasts until the next one. The
 * first is protocol.md 7.6, "Base"; defaults are those of 4.6.
 */
static void test_partners(void **state)
{
	static const char *const want[][2] = {
		{ "wins:partner 192.0.2.9", "pull interval=1800, retry=30, "
		  "push count=0, our address=192.0.2.1, name=OTHERWINS" },
		{ "wins:partner 192.0.2.10", "pull interval=never, retry=30, "
		  "push count=5" },
		{ "wins:partner 192.0.2.11", "pull interval=1800, retry=30, "
		  "push count=0" },
		{ NULL, "partner 192.0.2.12 is switched off" },
		{ NULL, "partner 192.0.2.9 is one too many" },
		{ "wins:partners",
		  "192.0.2.9 192.0.2.10(pull) 192.0.2.11(push)" },
	};
	struct stage s = lines(
		"dn: CN=192.0.2.9,CN=PARTNERS\nobjectClass: wreplPartner\n"
		"name: OTHERWINS\naddress: 192.0.2.9\nourAddress: 192.0.2.1\n"
		"type: 0x3\npullInterval: 1800\npullRetryInterval: 30\n"
		"pushChangeCount: 0\npushUseInform: 1\n\n"
		"dn: CN=B,CN=PARTNERS\nobjectClass: wreplPartner\n"
		"address: 192.0.2.10\nname: 192.0.2.10\ntype: 1\n"
		"pullInterval: 0\npushChangeCount: 5\n\n"
		"dn: CN=C,CN=PARTNERS\nobjectClass: wreplPartner\n"
		"address: 192.0.2.11\nname: a, b\ntype: 2\n\n"
		"dn: CN=D,CN=PARTNERS\nobjectClass: wreplPartner\n"
		"address: 192.0.2.12\ntype: 0\n\n"
		"dn: CN=E,CN=PARTNERS\nobjectClass: wreplPartner\n"
		"address: 192.0.2.9\n\n"
		"dn: CN=F,CN=PARTNERS\nobjectClass: wreplPartner\n"
		"address: 0.0.0.0\n\n");
	char *said = NULL;
	void *priv = NULL;
	FILE *file = NULL;
	struct row row;

	(void)state;
	assert_int_equal(through_open(s.mem, &format_ldif, s.path, &options,
				      s.tally, false, &file, &priv,
				      &s.message), 0);
	for (unsigned int i = 0; i < 6; i++) {
		enum format_step step = format_ldif.next(priv, &row, &said);

		if (step == FORMAT_SKIPPED) {	/* the sixth entry */
			step = format_ldif.next(priv, &row, &said);
		}
		assert_int_equal(step, FORMAT_ROW);
		option_is(&row, want[i][0]);
		if (row.option != NULL) {
			assert_string_equal(row.option, want[i][0]);
		}
		assert_string_equal(row.value, want[i][1]);
	}
	assert_int_equal(format_ldif.next(priv, &row, &said), FORMAT_END);
	assert_int_equal(format_ldif.close(priv, &said), 0);
	assert_int_equal(fclose(file), 0);
	only_reason(&s, true, UNCLEAR);
	finish(&s);
}

/* ---- writing ---- */

static struct row sample(void)
{
	struct row row = {
		.known = ROW_ALL,
		.rec = {
			.name = nb_name_make("FILES", 5, 0x20),
			.type = NB_MHOMED,
			.node = NB_M_NODE,
			.owner = 0xc0000201,
			.version = 4711,
			.expires = T2026,
			.count = 2,
			.member = { { 0xc000020a, 0xc0000201, T2026 },
				    { 0xc000020b, SELF, NB_NEVER } },
		},
	};

	return row;
}

static void written(struct stage *s, const struct format_options *with,
		    const struct row *rows, size_t count, char text[2000])
{
	FILE *file = NULL;
	size_t len = 0;

	assert_int_equal(through_write(s->mem, &format_ldif, s->path, with,
				       s->tally, rows, count, &s->message), 0);
	file = fopen(s->path, "r");
	assert_non_null(file);
	len = fread(text, 1, 1999, file);
	text[len] = '\0';
	assert_int_equal(fclose(file), 0);
}

#define MODULES	"dn: @MODULES\n@LIST: wins_ldb\n\n"
#define FILES \
	"dn: name=FILES,type=0x20\n" \
	"objectClass: winsRecord\n" \
	"type: 0x20\n" \
	"name: FILES\n" \
	"recordType: 3\n" \
	"recordState: 0\n" \
	"nodeType: 2\n" \
	"isStatic: 0\n" \
	"expireTime: 20261214091613.0Z\n" \
	"versionID: 4711\n" \
	"winsOwner: 192.0.2.1\n" \
	"address: 192.0.2.10;winsOwner:192.0.2.1;" \
	"expireTime:20261214091613.0Z;\n" \
	"address: 192.0.2.11;winsOwner:0.0.0.0;" \
	"expireTime:99991231235959.0Z;\n\n"

/* Whose counter it is: none of the records is the server's own. */
static void test_written(void **state)
{
	struct stage s = lines("");
	struct row row = sample();
	char text[2000];

	(void)state;
	written(&s, &options, &row, 1, text);
	assert_string_equal(text, MODULES FILES
			    "dn: CN=VERSION\nobjectClass: winsMaxVersion\n"
			    "maxVersion: 0\n\n");
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, 1);
	assert_same_record(&s.rows[0].rec, &row.rec);
	finish(&s);
}

/* That server takes a suffix for a signed char (tried). */
static void test_high_suffix(void **state)
{
	struct stage s = lines("");
	struct row row = sample();
	char text[2000];

	(void)state;
	row.rec.name.type = 0x80;
	written(&s, &options, &row, 1, text);
	assert_non_null(strstr(text, "\ndn: name=FILES,type=0xFFFFFF80\n"));
	assert_non_null(strstr(text, "\ntype: 0xFFFFFF80\n"));
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.rows[0].rec.name.type, 0x80);
	finish(&s);
	s = entry("type: 0x80\n" IP);
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.rows[0].rec.name.type, 0x80);
	finish(&s);
}

/* Nobody said whose server it is: it counts on from the highest of all. */
static void test_counter(void **state)
{
	static const struct format_options nobody = { .now = 1 };
	struct stage s = lines("");
	struct row row = sample();
	char text[2000];

	(void)state;
	row.rec.member[1].owner = 0xc0000201;
	written(&s, &nobody, &row, 1, text);
	assert_non_null(strstr(text, "\nmaxVersion: 4711\n"));
	assert_non_null(strstr(tally_line(s.tally, false, 0), "4711"));
	finish(&s);
}

/* Records that nobody owns or numbered are the server's own and get both. */
static void test_owned(void **state)
{
	struct stage s = lines("");
	struct row rows[] = { sample(), sample(), sample() };
	char text[2000];
	unsigned int i = 0;

	(void)state;
	rows[0].rec.owner = 0;
	rows[0].rec.version = 0;
	rows[0].known = ROW_TYPE;
	rows[0].rec.expires = 0;
	rows[1].rec.name.byte[0] = 'G';
	rows[1].rec.owner = SELF;
	rows[1].rec.version = 17;
	rows[2].rec.name.byte[0] = 'H';
	rows[2].rec.owner = SELF;
	rows[2].rec.version = 0;
	written(&s, &options, rows, 3, text);
	assert_non_null(strstr(text, "\nmaxVersion: 19\n"));
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_int_equal(s.count, 3);
	for (i = 0; i < 3; i++) {
		assert_int_equal(s.rows[i].rec.owner, SELF);
	}
	assert_int_equal(s.rows[0].rec.version, 17);
	assert_int_equal(s.rows[1].rec.version, 18);
	assert_int_equal(s.rows[1].rec.name.byte[0], 'F');
	assert_int_equal(s.rows[1].rec.expires, 1795000000 + 518400);
	assert_int_equal(s.rows[1].rec.member[0].owner, SELF);
	assert_int_equal(s.rows[2].rec.version, 19);
	finish(&s);
}

static void test_not_written(void **state)
{
	static const struct {
		const char *name, *scope;
		uint8_t type, state, count;
		const char *reason;
	} cases[] = {
#define NAME	"the AD server cannot look up such a name"
#define SCOPE	"the AD server cannot look up such a scope"
#define NONE	"the AD server has no unique name or normal group without " \
		"an address"
		{ "A\"B", "", NB_UNIQUE, NB_ACTIVE, 1, NAME },
		{ "A+B", "", NB_UNIQUE, NB_ACTIVE, 1, NAME },
		{ "A,B", "", NB_UNIQUE, NB_ACTIVE, 1, NAME },
		{ "A;B", "", NB_UNIQUE, NB_ACTIVE, 1, NAME },
		{ "A<B", "", NB_UNIQUE, NB_ACTIVE, 1, NAME },
		{ "A=B", "", NB_UNIQUE, NB_ACTIVE, 1, NAME },
		{ "A>B", "", NB_UNIQUE, NB_ACTIVE, 1, NAME },
		{ "A\\B", "", NB_UNIQUE, NB_ACTIVE, 1, NAME },
		{ " B", "", NB_UNIQUE, NB_ACTIVE, 1, NAME },
		{ "A", "b,c", NB_UNIQUE, NB_ACTIVE, 1, SCOPE },
		{ "A", "b ", NB_UNIQUE, NB_ACTIVE, 1, SCOPE },
		{ "A", "", NB_UNIQUE, NB_TOMBSTONE, 0, NONE },
		{ "A", "", NB_GROUP, NB_RELEASED, 0, NONE },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stage s = lines("");
		struct row row = sample();
		char text[2000];

		row.rec.name = nb_name_make(cases[i].name,
					    strlen(cases[i].name), 0x20);
		assert_true(nb_name_set_scope(&row.rec.name, cases[i].scope,
					      strlen(cases[i].scope)));
		row.rec.type = cases[i].type;
		row.rec.state = cases[i].state;
		row.rec.count = cases[i].count;
		written(&s, &options, &row, 1, text);
		assert_null(strstr(text, "winsRecord"));
		only_reason(&s, true, cases[i].reason);
		finish(&s);
	}
}

static void test_late_time(void **state)
{
	struct stage s = lines("");
	struct row row = sample();
	char text[2000];

	(void)state;
	row.rec.expires = INT64_C(253402300800);
	written(&s, &options, &row, 1, text);
	only_reason(&s, false, "time outside of the years 1970 to 9999");
	assert_int_equal(read_all(&s), FORMAT_END);
	assert_true(s.rows[0].rec.expires == INT64_C(253402300798));
	finish(&s);
}

static void test_full_disk(void **state)
{
	struct stage s = lines("");
	struct row row = sample();
	char *full = talloc_strdup(s.mem, "/dev/full");

	(void)state;
	assert_int_equal(through_write(s.mem, &format_ldif, full, &options,
				       s.tally, &row, 1, &s.message), ENOSPC);
	finish(&s);
}

static void test_probe(void **state)
{
	static const struct {
		const char *name, *text;
		int sure;
	} cases[] = {
		{ "x", "dn: a\nobjectClass: winsRecord\n", 95 },
		{ "x", "dn: a\nobjectClass: wreplPartner\n", 95 },
		{ "x.ldif", "dn: a\n", 60 },
		{ "x", "dn: a\n", 0 }, { "x.ldif", "", 0 },
		{ "x", "winsRecord", 0 },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct format_head head = {
			.name = cases[i].name,
			.data = (const uint8_t *)cases[i].text,
			.len = strlen(cases[i].text),
		};

		assert_int_equal(format_ldif.probe(&head), cases[i].sure);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_static),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_names_refused),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_many_addresses),
		cmocka_unit_test(test_owner_zero),
		cmocka_unit_test(test_other_entries),
		cmocka_unit_test(test_long_entry),
		cmocka_unit_test(test_partners),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_high_suffix),
		cmocka_unit_test(test_counter),
		cmocka_unit_test(test_owned),
		cmocka_unit_test(test_not_written),
		cmocka_unit_test(test_late_time),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
