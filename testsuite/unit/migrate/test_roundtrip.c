/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The law of conservation, over the table of formats: whoever adds a format is
 * tested by it.
 *
 * 200 random databases with every type, state, byte value and edge go through
 * every format that reads and writes. Those that say they lose nothing give
 * back the same rows, what nobody said included. Of the others each record is
 * written by itself: if the tally says "written" it comes back the same in all
 * that the format says it carries, if it says "skipped" nothing comes, and if
 * "changed" something does. And every writer accounts for every row.
 *
 * SEED picks other databases.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "migrate/format.h"
#include "unit/migrate/through.h"
#include "unit/same_record.h"

#define DATABASES	200
#define RECORDS		24	/* of a database, at most */
#define ALONE		300	/* records that go alone through lossy ones */
#define ALONE_BY_PATH	60	/* ... through a file, and a child for it */
#define NOW		INT64_C(1785585600)	/* 2026-08-01T12:00:00Z */
#define LAST_SECOND	INT64_C(253402300799)	/* of the year 9999 */

/* ---- chance ---- */

static uint64_t seed = 20261129;
static uint64_t chance;

static uint64_t draw(void)
{
	chance += UINT64_C(0x9e3779b97f4a7c15);		/* splitmix64 */
	uint64_t z = chance;

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static unsigned int below(unsigned int limit)
{
	return (unsigned int)(draw() % limit);
}

static int64_t draw_time(void)
{
	static const int64_t edges[] = {
		1, NOW - 1, NOW, NOW + 1, INT32_MAX, INT64_C(1) << 32,
		LAST_SECOND, NB_NEVER,
	};

	return below(4) == 0 ? edges[below(8)] :
	       NOW + 3600 + (int64_t)below(100000000);
}

static uint64_t draw_version(void)
{
	static const uint64_t edges[] = {
		0, 1, UINT32_MAX, INT64_MAX, INT64_MAX + UINT64_C(1),
		UINT64_MAX, UINT64_C(1) << 53, UINT64_C(999999999999999),
	};

	return below(4) == 0 ? edges[below(8)] : draw() >> below(64);
}

/* Any bytes, or what hosts are called. */
static size_t draw_bytes(uint8_t *bytes, size_t max)
{
	static const char usual[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t len = below(6) == 0 ? max : below((unsigned int)max + 1);
	bool any = below(2) == 0;

	for (size_t i = 0; i < len; i++) {
		bytes[i] = any ? (uint8_t)below(256) :
				 (uint8_t)usual[below(sizeof(usual) - 1)];
	}
	return len;
}

static void draw_name(struct nb_name *name, unsigned int number)
{
	static const uint8_t suffixes[] = { 0, 3, 0x20, 0x1b, 0x1c, 0x1d,
					    0x1e };
	uint8_t bytes[NB_SCOPE_MAX];
	size_t len = draw_bytes(bytes, NB_NAME_MAX);

	/* each byte value comes first in some name */
	if (len > 0 && number < 256) {
		bytes[0] = (uint8_t)number;
	}
	*name = nb_name_make(bytes, len, below(2) == 0 ? suffixes[below(7)] :
			     (uint8_t)below(256));
	if (below(3) == 0) {
		len = draw_bytes(bytes, NB_SCOPE_MAX);
		assert_true(nb_name_set_scope(name, bytes, len));
	}
}

static void draw_members(struct nb_record *rec)
{
	static const uint32_t owners[] = { 0xc0000201, 0xc0000202, 0x01020304,
					   0xfffffffe };
	unsigned int most = rec->type == NB_SGROUP || rec->type == NB_MHOMED ?
		NB_MEMBERS_MAX : 1;
	unsigned int count = below(5) == 0 ? most : below(most + 1);

	rec->owner = owners[below(4)];
	rec->expires = draw_time();
	for (unsigned int i = 0; i < count; i++) {
		struct nb_member *member = &rec->member[rec->count];

		member->ip = (uint32_t)draw() | 1;
		if (nb_record_find(rec, member->ip) >= 0) {
			continue;
		}
		member->owner = below(2) == 0 ? rec->owner : owners[below(4)];
		member->expires = below(2) == 0 ? rec->expires : draw_time();
		rec->count++;
	}
	if (rec->type == NB_GROUP && rec->count == 1 && below(4) > 0) {
		rec->member[0].ip = NB_BROADCAST;
	}
}

static struct row draw_row(unsigned int number)
{
	struct row row = { .known = ROW_ALL };
	struct nb_record *rec = &row.rec;

	draw_name(&rec->name, number);
	rec->type = (uint8_t)below(4);
	rec->state = (uint8_t)(below(2) == 0 ? NB_ACTIVE : below(3));
	rec->node = (uint8_t)below(4);
	rec->is_static = below(4) == 0;
	rec->version = draw_version();
	draw_members(rec);
	nb_record_settle(rec);
	assert_null(nb_record_broken(rec));
	return row;
}

/* Forget some of what is known, as row.h says what stands there then. */
static void forget(struct row *row)
{
	struct nb_record *rec = &row->rec;
	unsigned int lost = (unsigned int)draw() &
		~(unsigned int)(ROW_TYPE | ROW_RAW_NAMES);

	if (rec->count == 0) {
		lost |= ROW_MEMBER_OWNERS | ROW_MEMBER_EXPIRES;
		lost &= ~(unsigned int)ROW_STATE;
		lost |= ROW_OWNER | ROW_EXPIRES;
	}
	row->known &= ~lost;
	rec->state = (lost & ROW_STATE) != 0 ? NB_ACTIVE : rec->state;
	rec->node = (lost & ROW_NODE) != 0 ? NB_H_NODE : rec->node;
	rec->is_static &= (lost & ROW_STATIC) == 0;
	rec->owner = (lost & ROW_OWNER) != 0 ? 0 : rec->owner;
	rec->version = (lost & ROW_VERSION) != 0 ? 0 : rec->version;
	rec->expires = (lost & ROW_EXPIRES) != 0 ? 0 : rec->expires;
	if ((lost & ROW_SCOPE) != 0) {
		assert_true(nb_name_set_scope(&rec->name, "", 0));
	}
	nb_record_settle(rec);
	for (unsigned int i = 0; i < rec->count; i++) {
		if ((lost & ROW_MEMBER_OWNERS) != 0) {
			rec->member[i].owner = rec->owner;
		}
		if ((lost & ROW_MEMBER_EXPIRES) != 0) {
			rec->member[i].expires = rec->expires;
		}
	}
	if ((row->known & ROW_SCOPE) != 0 && below(2) == 0) {
		row->known |= ROW_QUERIED;
		row->queried = below(2) == 0 ? -1 : NOW;
	}
}

/* ---- through a format ---- */

struct stage {
	TALLOC_CTX *mem;
	char *path;
	char *existing;
	struct format_options options;
	struct tally *tally;
	struct row *rows;	/* that were read */
	size_t count;
	char *message;
};

static struct stage begin(void)
{
	struct stage s = { .mem = talloc_new(NULL) };

	s.path = through_file(s.mem, "", 0);
	s.existing = through_file(s.mem, "", 0);
	s.options = (struct format_options) {
		.now = NOW,
		.owner_zero = 0xc0000263,
		.domain = "example.com",
		.server = "ns.example.com",
		.ttl = FORMAT_TTL,
		.all = true,
		.existing = s.existing,
	};
	return s;
}

static void finish(struct stage *s)
{
	(void)unlink(s->path);
	(void)unlink(s->existing);
	talloc_free(s->mem);
}

static void write_rows(struct stage *s, const struct format_ops *ops,
		       const struct row *rows, size_t count)
{
	int fd = -1;

	(void)unlink(s->path);		/* empty, as the pump makes it */
	fd = open(s->path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_int_not_equal(fd, -1);
	assert_int_equal(close(fd), 0);
	TALLOC_FREE(s->tally);
	s->tally = tally_create(s->mem, NULL);
	s->message = NULL;
	if (through_write(s->mem, ops, s->path, &s->options, s->tally, rows,
			  count, &s->message) != 0) {
		fail_msg("%s: %s", ops->name, s->message);
	}
}

static void read_rows(struct stage *s, const struct format_ops *ops)
{
	struct tally *tally = tally_create(s->mem, NULL);
	struct tally_sums sums;

	if (through_read(s->mem, ops, s->path, &s->options, tally, &s->rows,
			 &s->count, &s->message) != FORMAT_END) {
		fail_msg("%s: %s", ops->name, s->message);
	}
	tally_sums(tally, &sums);
	if (sums.skipped != 0) {	/* it reads what it wrote */
		const char *reason = NULL, *sample = NULL;
		uint64_t count = 0;
		bool is_skip = false;

		(void)tally_reason(tally, 0, &is_skip, &reason, &count);
		(void)tally_sample(tally, 0, 0, &sample);
		fail_msg("%s refuses what it wrote: %s, %s", ops->name,
			 reason, sample);
	}
	talloc_free(tally);
}

static bool is_lossless(const struct format_ops *ops)
{
	return (ops->carries & ROW_ALL) == ROW_ALL && ops->loss == NULL;
}

static bool both_ways(const struct format_ops *ops)
{
	unsigned int both = FORMAT_READS | FORMAT_WRITES;

	return (ops->flags & both) == both;
}

static void accounted(const struct format_ops *ops, const struct tally *tally,
		      size_t count)
{
	struct tally_sums sums;

	tally_sums(tally, &sums);
	if (sums.read != count ||
	    sums.written + sums.changed + sums.skipped != count) {
		fail_msg("%s: of %zu rows %zu were written, %zu changed, %zu "
			 "skipped", ops->name, count, (size_t)sums.written,
			 (size_t)sums.changed, (size_t)sums.skipped);
	}
}

/* ---- the tests ---- */

/* No name stands twice in a database. */
static size_t draw_database(struct row *rows, unsigned int number)
{
	size_t want = number == 0 ? 0 : 1 + below(RECORDS);
	size_t count = 0;

	while (count < want) {
		size_t i = 0;

		rows[count] = draw_row(number * RECORDS +
				       (unsigned int)count);
		if (below(4) == 0) {
			forget(&rows[count]);
		}
		while (!nb_name_equal(&rows[i].rec.name,
				      &rows[count].rec.name)) {
			i++;
		}
		count += i == count;
	}
	return count;
}

static void same_rows(const struct format_ops *ops, const struct stage *s,
		      const struct row *rows, size_t count)
{
	assert_int_equal(s->count, count);
	for (size_t i = 0; i < count; i++) {
		if (s->rows[i].known != rows[i].known ||
		    s->rows[i].queried != rows[i].queried) {
			fail_msg("%s: known %x, not %x", ops->name,
				 s->rows[i].known, rows[i].known);
		}
		assert_same_record(&s->rows[i].rec, &rows[i].rec);
	}
}

static void test_lossless(void **state)
{
	struct stage s = begin();
	struct row rows[RECORDS];
	unsigned int formats_seen = 0;

	(void)state;
	for (unsigned int n = 0; n < DATABASES; n++) {
		size_t count = draw_database(rows, n);

		formats_seen = 0;
		for (unsigned int i = 0; formats[i] != NULL; i++) {
			const struct format_ops *ops = formats[i];

			if (!both_ways(ops) || !is_lossless(ops)) {
				continue;
			}
			formats_seen++;
			write_rows(&s, ops, rows, count);
			accounted(ops, s.tally, count);
			assert_int_equal(tally_status(s.tally), 0);
			read_rows(&s, ops);
			same_rows(ops, &s, rows, count);
			TALLOC_FREE(s.rows);
		}
	}
	assert_true(formats_seen >= 3);		/* winsd, csv, sqlite */
	finish(&s);
}

static bool same_addresses(const struct nb_record *a,
			   const struct nb_record *b)
{
	for (unsigned int i = 0; i < a->count; i++) {
		if (nb_record_find(b, a->member[i].ip) < 0) {
			return false;
		}
	}
	return a->count == b->count;
}

/* What differs although it was "written" and is carried; NULL: nothing. */
static const char *differs(const struct format_ops *ops,
			   const struct row *before, const struct row *after)
{
	const struct nb_record *a = &before->rec, *b = &after->rec;
	unsigned int carries = ops->carries;

	if (!nb_name_equal(&a->name, &b->name)) {
		return "name or scope";
	}
	if (!same_addresses(a, b)) {
		return "addresses";
	}
	if (a->type != b->type) {
		return "type";
	}
	if ((carries & ROW_STATE) != 0 && a->state != b->state) {
		return "state";
	}
	if ((carries & ROW_STATIC) != 0 && a->is_static != b->is_static &&
	    (a->is_static || strstr(ops->loss, "static") == NULL)) {
		return "static";	/* in LMHOSTS everything is */
	}
	if ((carries & ROW_NODE) != 0 && a->node != b->node) {
		return "node";
	}
	if ((carries & ROW_OWNER) != 0 && a->owner != b->owner) {
		return "owner";
	}
	if ((carries & ROW_VERSION) != 0 && a->version != b->version) {
		return "version";
	}
	if ((carries & ROW_EXPIRES) != 0 && a->expires != b->expires) {
		return "expires";
	}
	return NULL;
}

static void judge_alone(const struct format_ops *ops, struct stage *s,
			const struct row *row)
{
	const char *reason = NULL, *wrong = NULL;
	struct tally_sums sums;
	uint64_t count = 0;
	bool is_skip = false;
	char name[NB_NAME_TEXT];

	tally_sums(s->tally, &sums);
	(void)tally_reason(s->tally, 0, &is_skip, &reason, &count);
	if (sums.skipped == 1 && s->count > 0) {
		wrong = "was skipped, and comes back";
	} else if (sums.skipped == 0 && s->count == 0) {
		wrong = "was not skipped, and does not come back";
	} else if (sums.written == 1 && s->count != 1) {
		wrong = "was written as it was, and comes back several times";
	} else if (sums.written == 1) {
		wrong = differs(ops, row, &s->rows[0]);
	}
	if (wrong != NULL) {
		fail_msg("%s: %s%s%s: %s", ops->name,
			 nb_name_print(&row->rec.name, name),
			 reason != NULL ? ", " : "",
			 reason != NULL ? reason : "", wrong);
	}
}

static void test_lossy_one_by_one(void **state)
{
	struct stage s = begin();

	(void)state;
	for (unsigned int i = 0; formats[i] != NULL; i++) {
		const struct format_ops *ops = formats[i];
		unsigned int alone = (ops->flags & FORMAT_PATH) != 0 ?
			ALONE_BY_PATH : ALONE;
		uint64_t went = 0;

		if (!both_ways(ops) || is_lossless(ops)) {
			continue;
		}
		chance = seed;
		for (unsigned int n = 0; n < alone; n++) {
			struct row row = draw_row(n);
			struct tally_sums sums;

			write_rows(&s, ops, &row, 1);
			accounted(ops, s.tally, 1);
			read_rows(&s, ops);
			judge_alone(ops, &s, &row);
			TALLOC_FREE(s.rows);
			tally_sums(s.tally, &sums);
			went += sums.written + sums.changed;
		}
		print_message("# %s: %u of %u records went through\n",
			      ops->name, (unsigned int)went, alone);
		assert_true(went > 0);
	}
	finish(&s);
}

static void test_every_writer_accounts_for_all(void **state)
{
	struct stage s = begin();
	struct row rows[RECORDS];

	(void)state;
	for (unsigned int n = 0; n < DATABASES / 4; n++) {
		size_t count = draw_database(rows, n);

		for (unsigned int i = 0; formats[i] != NULL; i++) {
			if ((formats[i]->flags & FORMAT_WRITES) == 0) {
				continue;
			}
			write_rows(&s, formats[i], rows, count);
			accounted(formats[i], s.tally, count);
		}
	}
	finish(&s);
}

static int begin_chance(void **state)
{
	(void)state;
	chance = seed;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_lossless, begin_chance),
		cmocka_unit_test_setup(test_lossy_one_by_one, begin_chance),
		cmocka_unit_test_setup(test_every_writer_accounts_for_all,
				       begin_chance),
	};

	if (getenv("SEED") != NULL) {
		seed = strtoull(getenv("SEED"), NULL, 0);
	}
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
