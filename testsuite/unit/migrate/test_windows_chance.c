/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Databases by chance through the writers of text that Windows reads, and
 * back: a row comes back with all that its format has room for, or it was
 * skipped for one of the reasons that the manual gives for it. What may be
 * skipped is said here from formats.md 2.3 and 6, not asked of the writer.
 *
 * SEED picks one of the databases.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "migrate/formats.h"
#include "unit/migrate/through.h"

#define DATABASES 200
#define ROWS 60

static const struct format_options options = { .server = "192.0.2.5" };
static uint64_t state;

static uint32_t chance(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

/* Mostly names as hosts have them, some of any byte; each is another one. */
static struct nb_name any_name(unsigned int number)
{
	static const uint8_t suffixes[] = { 0x00, 0x03, 0x20, 0x1b, 0x1c,
					    0x1d, 0x1e, 0xff };
	char bytes[NB_NAME_MAX + 1];
	struct nb_name name;
	bool plain = chance(3) > 0;
	unsigned int len = 4 + chance(12);

	for (unsigned int i = 3; i < len; i++) {
		bytes[i] = plain ? (char)('A' + chance(26)) :
			   (char)(1 + chance(255));
	}
	bytes[0] = (char)('A' + number / 26);
	bytes[1] = (char)('A' + number % 26);
	bytes[2] = '-';
	name = nb_name_make(bytes, len, chance(2) == 0 ?
			    suffixes[chance(8)] : (uint8_t)chance(256));
	if (chance(8) == 0) {
		assert_true(nb_name_set_scope(&name, "lab.example",
					      1 + chance(11)));
	}
	return name;
}

static struct row any_row(unsigned int number)
{
	struct row row = { .kind = ROW_RECORD, .known = ROW_ALL };
	struct nb_record *rec = &row.rec;
	unsigned int count = 1;

	rec->name = any_name(number);
	rec->type = (uint8_t)chance(4);
	rec->state = chance(4) > 0 ? NB_ACTIVE : (uint8_t)chance(3);
	rec->node = (uint8_t)chance(4);
	rec->is_static = chance(2) == 0;
	rec->owner = 0xc0000205;
	rec->version = UINT64_C(1) << chance(64);
	rec->expires = 1767225600;
	if (rec->type == NB_SGROUP || rec->type == NB_MHOMED) {
		count = 1 + chance(NB_MEMBERS_MAX);
	}
	for (unsigned int i = 0; i < count; i++) {
		rec->member[rec->count++] = (struct nb_member) {
			.ip = 0x0a000000 + number * 256 + i,
			.owner = rec->owner,
			.expires = rec->expires,
		};
	}
	if (chance(20) == 0) {
		rec->member[0].ip = 0xe0000001;	/* no host's */
	}
	nb_record_settle(rec);
	return row;
}

static bool has_byte(const struct nb_name *name, const char *bytes)
{
	for (; *bytes != '\0'; bytes++) {
		if (memchr(name->byte, *bytes, name->len) != NULL) {
			return true;
		}
	}
	return false;
}

/* formats.md 6: no groups, no scope; a name stands between quotes. */
static bool no_lmhosts(const struct nb_record *rec)
{
	return rec->state != NB_ACTIVE || rec->type == NB_GROUP ||
	       rec->name.scope_len > 0 || has_byte(&rec->name, "\"\n") ||
	       rec->member[0].ip == 0xe0000001;
}

/* Letters, digits and -_.$@~ and blanks: all else may mean something. */
static bool no_netsh(const struct nb_record *rec)
{
	for (unsigned int i = 0; i < rec->name.len; i++) {
		char c = (char)rec->name.byte[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= 'a' && c <= 'z') &&
		    strchr("-_.$@~ ", c) == NULL) {
			return true;
		}
	}
	return rec->state != NB_ACTIVE;
}

static const struct row *find(const struct row *rows, size_t count,
			      const struct nb_name *name)
{
	for (size_t i = 0; i < count; i++) {
		if (nb_name_equal(&rows[i].rec.name, name)) {
			return &rows[i];
		}
	}
	return NULL;
}

static void same_addresses(const struct nb_record *a,
			   const struct nb_record *b)
{
	assert_int_equal(a->count, b->count);
	for (unsigned int i = 0; i < a->count; i++) {
		assert_true(nb_record_find(b, a->member[i].ip) >= 0);
	}
}

/* Reading LMHOSTS takes a unique name's type from its suffix. */
static bool is_group_by_suffix(const struct nb_record *rec)
{
	return rec->type == NB_UNIQUE &&
	       (rec->name.type == 0x1c || rec->name.type == 0x1e);
}

static void same_lmhosts(const struct nb_record *was,
			 const struct nb_record *is)
{
	same_addresses(was, is);
	assert_true(is->is_static);
	if (!is_group_by_suffix(was)) {
		assert_int_equal(is->type, was->type);
	}
}

static void same_netsh(const struct nb_record *was,
		       const struct nb_record *is)
{
	same_addresses(was, is);
	assert_int_equal(is->type, was->type);
	assert_int_equal(is->is_static, was->is_static);
	assert_int_equal(is->node, was->node == NB_M_NODE ? NB_H_NODE :
							   was->node);
}

struct way {
	const struct format_ops *out, *in;
	bool (*skips)(const struct nb_record *rec);
	void (*same)(const struct nb_record *was,
		     const struct nb_record *is);
};

static void go_there_and_back(const struct way *way, const struct row *rows)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct tally *out = tally_create(mem_ctx, NULL);
	struct tally *in = tally_create(mem_ctx, NULL);
	char *path = through_file(mem_ctx, "", 0), *message = NULL;
	struct tally_sums sums;
	struct row *back = NULL;
	size_t count = 0, skipped = 0;

	assert_int_equal(through_write(mem_ctx, way->out, path, &options, out,
				       rows, ROWS, &message), 0);
	assert_int_equal(through_read(mem_ctx, way->in, path, &options, in,
				      &back, &count, &message), FORMAT_END);
	for (unsigned int i = 0; i < ROWS; i++) {
		const struct row *is = find(back, count, &rows[i].rec.name);

		assert_int_equal(is == NULL, way->skips(&rows[i].rec));
		skipped += is == NULL;
		if (is != NULL) {
			way->same(&rows[i].rec, &is->rec);
		}
	}
	tally_sums(out, &sums);
	assert_int_equal(sums.skipped, skipped);
	assert_int_equal(sums.written + sums.changed, count);
	assert_int_equal(count + skipped, ROWS);
	tally_sums(in, &sums);
	assert_int_equal(sums.skipped, 0);
	unlink(path);
	talloc_free(mem_ctx);
}

static void test_way(const struct way *way)
{
	const char *seed = getenv("SEED");
	struct row rows[ROWS];

	for (uint64_t i = 1; i <= DATABASES; i++) {
		uint64_t chosen = seed != NULL ? strtoull(seed, NULL, 10) : i;

		state = chosen * UINT64_C(0x9e3779b97f4a7c15);
		print_message("# seed %llu\n", (unsigned long long)chosen);
		for (unsigned int j = 0; j < ROWS; j++) {
			rows[j] = any_row(j);
		}
		go_there_and_back(way, rows);
	}
}

static void test_lmhosts(void **unused)
{
	static const struct way way = { &format_lmhosts, &format_lmhosts,
					no_lmhosts, same_lmhosts };

	(void)unused;
	test_way(&way);
}

static void test_netsh(void **unused)
{
	static const struct way way = { &format_netsh_add, &format_netsh_dump,
					no_netsh, same_netsh };

	(void)unused;
	test_way(&way);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lmhosts),
		cmocka_unit_test(test_netsh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
