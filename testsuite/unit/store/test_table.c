/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table's inside: the hash function against its paper, buckets that split
 * and join, trees built at once against trees grown one by one, a hash of
 * the expected size against one that grew.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/bulk.h"
#include "store/pages.h"
#include "store/siphash.h"
#include "store/table.h"
#include "store_world.h"

/* Aumasson and Bernstein, "SipHash: a fast short-input PRF", appendix A. */
static void test_siphash_paper(void **state)
{
	const uint64_t key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	uint8_t message[15];

	(void)state;
	for (uint8_t i = 0; i < sizeof(message); i++) {
		message[i] = i;
	}
	assert_true(siphash(key, message, sizeof(message), 2, 4) ==
		    0xa129ca6149be45e5u);
	/* first of the reference implementation's vectors: no input */
	assert_true(siphash(key, message, 0, 2, 4) == 0x726fdb47dd0e0e31u);
}

static struct entry *make(struct table *table, unsigned int n, uint32_t owner,
			  uint64_t version, int64_t expires)
{
	struct nb_record rec = record_n(n, expires);
	struct entry *entry = NULL;

	rec.version = version;
	entry = entry_make(&table->slab, &rec, table_owner_add(table, owner));
	assert_non_null(entry);
	return entry;
}

static void init(struct table *table)
{
	const uint64_t key[2] = { 11, dice(1u << 30) };

	assert_int_equal(table_init(table, key), 0);
}

/* Every position lies in one bucket; ranges follow each other to the end. */
static void check_ranges(const struct table *table, unsigned int entries)
{
	uint64_t from = 0, last = 0;
	unsigned int seen = 0, buckets = 0;

	do {
		const struct entry *at = table_bucket_at(table, from, &last);

		assert_true(last >= from);
		for (; at != NULL; at = at->chain) {
			assert_true(at->place >= from >> 32);
			assert_true(at->place <= last >> 32);
			seen++;
		}
		buckets++;
		from = last + 1;
	} while (last != UINT64_MAX);
	assert_int_equal(buckets, table->buckets);
	assert_int_equal(seen, entries);
}

static void test_grow_and_shrink(void **state)
{
	/* above what the first segment of buckets holds */
	enum { N = 135000, STEP = 9973 };
	struct entry **all = calloc(N, sizeof(*all));
	struct table table;
	uint64_t empty = 0;
	size_t before = mapped();

	(void)state;
	init(&table);
	empty = table.memory;
	for (unsigned int i = 0; i < N; i++) {
		all[i] = make(&table, i, NB_SELF, i, 1000 + i % 7);
		table_link(&table, all[i]);
		assert_true(table_holds(&table, all[i]));
		if (i % STEP == 0) {
			check_ranges(&table, i + 1);
		}
	}
	assert_int_equal(table.buckets, 2 * N);
	assert_int_equal(table.segments, 2);
	for (unsigned int i = 0; i < N; i++) {
		struct nb_name name = name_n(i);

		assert_ptr_equal(table_find(&table, &name), all[i]);
	}
	for (unsigned int i = 0; i < N; i++) {
		struct nb_name name = name_n(i);

		table_unlink(&table, all[i]);
		assert_false(table_holds(&table, all[i]));
		assert_null(table_find(&table, &name));
		entry_free(&table.slab, all[i]);
		if (i % STEP == 0) {
			check_ranges(&table, N - i - 1);
		}
	}
	assert_true(table.memory == empty);
	assert_int_equal(table.segments, 1);
	table_free(&table);
	/* all that is left is what malloc keeps for itself */
	assert_true(!POOLED || mapped() < before + PAGES_SIZE);
	free(all);
}

/*
 * Red-black law: red has black parents, all paths hold as many black ones.
 * Returns the black height.
 */
static int check_tree(const struct entry *at, const struct entry *parent,
		      bool due)
{
	const struct entry *left = NULL, *right = NULL;
	int color = 0, height = 0;

	if (at == NULL) {
		return 1;
	}
	left = due ? RB_LEFT(at, by_due) : RB_LEFT(at, by_version);
	right = due ? RB_RIGHT(at, by_due) : RB_RIGHT(at, by_version);
	color = due ? RB_COLOR(at, by_due) : RB_COLOR(at, by_version);
	assert_ptr_equal(due ? RB_PARENT(at, by_due) :
			 RB_PARENT(at, by_version), parent);
	if (color == RB_RED && parent != NULL) {
		assert_int_equal(due ? RB_COLOR(parent, by_due) :
				 RB_COLOR(parent, by_version), RB_BLACK);
	}
	height = check_tree(left, at, due);
	assert_int_equal(check_tree(right, at, due), height);
	return height + (color == RB_BLACK ? 1 : 0);
}

static void check_trees(struct table *table)
{
	struct owner *owner = NULL;

	check_tree(RB_ROOT(&table->due), NULL, true);
	while ((owner = table_owner_next(table, owner)) != NULL) {
		check_tree(RB_ROOT(&owner->versions), NULL, false);
	}
}

static void add(struct bulk *bulk, unsigned int n, uint32_t owner,
		uint64_t version, int64_t expires)
{
	struct nb_record rec = record_n(n, expires);

	rec.owner = owner;
	rec.version = version;
	assert_int_equal(bulk_add(bulk, &rec), 0);
	assert_int_equal(bulk_add(bulk, &rec), EEXIST);
}

/* Walks over both tables give the same names. */
static void check_same_order(struct table *one, struct table *all)
{
	const struct entry *x = NULL, *y = NULL;
	struct owner *a = NULL, *b = NULL;

	while ((a = table_owner_next(one, a)) != NULL) {
		b = table_owner_next(all, b);
		assert_int_equal(a->address, b->address);
		x = owner_from(a, 0);
		y = owner_from(b, 0);
		for (; x != NULL; x = owner_after(x), y = owner_after(y)) {
			assert_non_null(y);
			assert_int_equal(entry_compare_names(x, y), 0);
		}
		assert_null(y);
	}
	x = table_due_from(one, INT64_MIN, NULL);
	y = table_due_from(all, INT64_MIN, NULL);
	for (; x != NULL; x = table_due_after(x), y = table_due_after(y)) {
		assert_non_null(y);
		assert_int_equal(entry_compare_names(x, y), 0);
	}
	assert_null(y);
}

/* The same n entries, linked one by one and all at once: same order. */
static void test_trees_at_once(void **state)
{
	(void)state;
	dice_state = 5;
	for (unsigned int n = 0; n < 130; n = n < 40 ? n + 1 : n + 13) {
		const uint64_t key[2] = { 1, 2 };
		struct table one, all;
		struct bulk bulk = { .table = &all };
		const struct entry *x = NULL;

		assert_int_equal(table_init(&one, key), 0);
		assert_int_equal(table_init(&all, key), 0);
		for (unsigned int i = 0; i < n; i++) {
			uint32_t owner = dice(3);
			uint64_t version = dice(20);
			int64_t expires = dice(5) == 0 ? NB_NEVER :
					  (int64_t)dice(10) - 5;

			table_link(&one, make(&one, i, owner, version,
					      expires));
			add(&bulk, i, owner, version, expires);
		}
		assert_int_equal(bulk_link(&bulk), 0);
		bulk_free(&bulk);
		check_trees(&one);
		check_trees(&all);
		check_same_order(&one, &all);
		/* they must bear changes, too */
		while ((x = table_due_from(&all, INT64_MIN, NULL)) != NULL) {
			table_unlink(&all, (struct entry *)x);
			entry_free(&all.slab, (struct entry *)x);
			check_trees(&all);
		}
		table_free(&one);
		table_free(&all);
	}
}

static uint64_t dice_64(void)
{
	uint64_t bits = (uint64_t)dice(1u << 30) << 60;

	bits ^= (uint64_t)dice(1u << 30) << 30;
	return bits ^ dice(1u << 30);
}

/* Keys of all widths: every bit of them counts. */
static void test_wide_keys(void **state)
{
	static const uint32_t owners[] = {
		0, 1, 2048, 5u << 20, 1u << 31, 0xfffffffe,
	};
	const uint64_t key[2] = { 1, 2 };
	struct table one, all;
	struct bulk bulk = { .table = &all };

	(void)state;
	dice_seed("wide keys");
	assert_int_equal(table_init(&one, key), 0);
	assert_int_equal(table_init(&all, key), 0);
	for (unsigned int i = 0; i < 5000; i++) {
		uint32_t owner = owners[dice(6)];
		uint64_t version = dice_64() >> dice(64);
		int64_t expires = (int64_t)dice_64() >> dice(64);

		expires = dice(9) == 0 ? NB_NEVER : expires;
		table_link(&one, make(&one, i, owner, version, expires));
		add(&bulk, i, owner, version, expires);
	}
	assert_int_equal(bulk_link(&bulk), 0);
	bulk_free(&bulk);
	check_trees(&all);
	check_same_order(&one, &all);
	table_free(&one);
	table_free(&all);
}

static void equal_keys(bool same_version)
{
	enum { N = 200000 };
	const uint64_t key[2] = { 1, 2 };
	const struct entry *x = NULL, *before = NULL;
	struct table one, all;
	struct bulk bulk = { .table = &all };
	unsigned int same = 0;

	assert_int_equal(table_init(&one, key), 0);
	assert_int_equal(table_init(&all, key), 0);
	for (uint32_t i = 0; i < N; i++) {
		uint64_t version = same_version ? 5 : ~(i * 2654435761u);

		table_link(&one, make(&one, i, 7, version, 100));
		add(&bulk, i, 7, version, 100);
	}
	assert_int_equal(bulk_link(&bulk), 0);
	bulk_free(&bulk);
	check_trees(&all);
	check_same_order(&one, &all);
	for (x = table_due_from(&all, INT64_MIN, NULL); x != NULL;
	     before = x, x = table_due_after(x)) {
		same += before != NULL && before->place == x->place ? 1 : 0;
	}
	assert_in_range(same, 1, 20);	/* five are to be expected */
	table_free(&one);
	table_free(&all);
}

/* Nothing tells them apart but their places, and for some not even those. */
static void test_equal_keys(void **state)
{
	(void)state;
	equal_keys(true);
	equal_keys(false);
}

/* Whatever was expected, the hash is whole and ends up as large as ever. */
static void test_expected(void **state)
{
	static const uint64_t hints[] = { 0, 1, 1000, 32768, 50000, 50001,
					  UINT64_MAX };
	const uint64_t key[2] = { 1, 2 };
	struct table grown;

	(void)state;
	assert_int_equal(table_init(&grown, key), 0);
	for (unsigned int i = 0; i < 50000; i++) {
		table_link(&grown, make(&grown, i, 7, i, 100));
	}
	for (size_t h = 0; h < sizeof(hints) / sizeof(hints[0]); h++) {
		struct table table;
		struct bulk bulk = { .table = &table };
		const struct entry *x = NULL;

		assert_int_equal(table_init(&table, key), 0);
		bulk_expect(&bulk, hints[h]);
		for (unsigned int i = 0; i < 50000; i++) {
			add(&bulk, i, 7, i, 100);
		}
		assert_int_equal(bulk_link(&bulk), 0);
		bulk_free(&bulk);
		if (hints[h] <= 50000) {
			assert_int_equal(table.buckets, grown.buckets);
			assert_int_equal(table.level, grown.level);
			assert_int_equal(table.memory, grown.memory);
		}
		check_ranges(&table, 50000);
		check_same_order(&grown, &table);
		while ((x = table_due_from(&table, INT64_MIN, NULL)) != NULL) {
			table_unlink(&table, (struct entry *)x);
			entry_free(&table.slab, (struct entry *)x);
		}
		check_ranges(&table, 0);
		table_free(&table);
	}
	table_free(&grown);
}

/* As nb_name_compare() orders names, so do packed ones. */
static void test_packed_names(void **state)
{
	static const char *const texts[] = {
		"A<20>", "A<1c>", "AB<20>", "A<20>.x", "A<20>.x.y", "A<20>.xz",
		"\\xff<00>", "ABCDEFGHIJKLMNO<20>", "a<20>", " A<20>",
	};
	enum { N = sizeof(texts) / sizeof(texts[0]) };
	struct owner owner = { .address = 1 };
	struct slab slab = { .taken = 0 };

	(void)state;
	for (int i = 0; i < N; i++) {
		struct nb_record rec = { .count = 0 };
		struct nb_record back;
		struct entry *a = NULL;

		assert_true(nb_name_parse(texts[i], &rec.name));
		rec.count = 3;
		rec.member[2].ip = 77;
		a = entry_make(&slab, &rec, &owner);
		entry_unpack(a, 1, &back);
		assert_true(nb_name_equal(&back.name, &rec.name));
		assert_int_equal(back.count, 3);
		assert_int_equal(back.member[2].ip, 77);
		for (int j = 0; j < N; j++) {
			struct nb_record other = { .count = 1 };
			struct entry *b = NULL;
			int order = 0, want = 0;

			assert_true(nb_name_parse(texts[j], &other.name));
			b = entry_make(&slab, &other, &owner);
			want = nb_name_compare(&rec.name, &other.name);
			order = entry_compare_names(a, b);
			assert_true((order > 0) - (order < 0) ==
				    (want > 0) - (want < 0));
			order = entry_compare_name(a, &other.name);
			assert_true((order > 0) - (order < 0) ==
				    (want > 0) - (want < 0));
			assert_true(entry_has_name(a, &other.name) ==
				    (i == j));
			entry_free(&slab, b);
		}
		entry_free(&slab, a);
	}
	slab_end(&slab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash_paper),
		cmocka_unit_test(test_grow_and_shrink),
		cmocka_unit_test(test_trees_at_once),
		cmocka_unit_test(test_wide_keys),
		cmocka_unit_test(test_equal_keys),
		cmocka_unit_test(test_expected),
		cmocka_unit_test(test_packed_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
