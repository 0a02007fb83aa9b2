/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows that lie on the disk: what goes in comes out, twice, and in the order
 * in which versions of ours can be kept (migrate/import_spool.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "migrate/import_spool.h"
#include "unit/same_record.h"

#define MANY 5000u

static struct row row_of(unsigned int n, uint64_t version)
{
	struct row row = {
		.kind = ROW_RECORD,
		.known = n & ROW_ALL,
		.place = n + 1,
		.queried = (int64_t)n - 1,
		.changed = n % 7 == 0 ? "name cut to 15 bytes" : NULL,
		.rec = {
			.type = NB_SGROUP,
			.node = n % 4,
			.owner = 0xc0000201u + n % 3,
			.version = version,
			.expires = n % 5 == 0 ? NB_NEVER : (int64_t)n,
			.count = (uint8_t)(n % 26),
		},
	};
	char name[16];

	(void)snprintf(name, sizeof(name), "N%u", n);
	row.rec.name = nb_name_make(name, strlen(name), 0x1c);
	assert_true(nb_name_set_scope(&row.rec.name, "lab", n % 4));
	for (unsigned int i = 0; i < row.rec.count; i++) {
		row.rec.member[i] = (struct nb_member) {
			.ip = 0x0a000000u + i,
			.owner = n,
			.expires = (int64_t)i,
		};
	}
	return row;
}

/* A version for each, none in order, some of them twice. */
static uint64_t version_of(unsigned int n)
{
	return (n * 7919u % MANY) / 2 + (n % 3 == 0 ? UINT64_MAX / 2 : 0);
}

static void is_row(const struct row *row, unsigned int n)
{
	struct row expected = row_of(n, row->rec.version);

	assert_same_record(&row->rec, &expected.rec);
	assert_int_equal(row->known, expected.known);
	assert_int_equal(row->place, expected.place);
	assert_int_equal(row->queried, expected.queried);
	assert_ptr_equal(row->changed, expected.changed);
}

/* Others as they came, ours by version, then nobody's as they came. */
static void read_all(struct spool *spool)
{
	unsigned int next[SPOOL_CLASSES] = { 0 };
	unsigned int class = 0, rows = 0;
	uint64_t version = 0, place = 0;
	struct row row;
	int error = 1;

	assert_int_equal(spool_rewind(spool), 0);
	for (; spool_next(spool, &row, &error); rows++) {
		unsigned int n = (unsigned int)row.place - 1;

		assert_true(n % SPOOL_CLASSES >= class);
		class = n % SPOOL_CLASSES;
		assert_true(row.rec.version == version_of(n));
		is_row(&row, n);
		if (class == SPOOL_OURS) {
			assert_true(row.rec.version > version ||
				    (row.rec.version == version &&
				     row.place > place));
			version = row.rec.version;
			place = row.place;
		} else {
			assert_int_equal(n, next[class] * SPOOL_CLASSES +
						    class);
		}
		next[class]++;
	}
	assert_int_equal(error, 0);
	assert_int_equal(rows, MANY);
}

static void test_order(void **state)
{
	struct spool *spool = NULL;

	(void)state;
	assert_int_equal(spool_create(NULL, &spool), 0);
	for (unsigned int n = 0; n < MANY; n++) {
		struct row row = row_of(n, version_of(n));

		assert_int_equal(spool_put(spool, n % SPOOL_CLASSES, &row), 0);
	}
	assert_int_equal(spool_count(spool, SPOOL_OTHERS), 1667);
	assert_int_equal(spool_count(spool, SPOOL_NOBODYS), 1666);
	read_all(spool);
	read_all(spool);
	talloc_free(spool);
}

static void test_empty(void **state)
{
	struct spool *spool = NULL;
	struct row row;
	int error = 1;

	(void)state;
	assert_int_equal(spool_create(NULL, &spool), 0);
	assert_int_equal(spool_rewind(spool), 0);
	assert_false(spool_next(spool, &row, &error));
	assert_int_equal(error, 0);
	talloc_free(spool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
