/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The slab: blocks of any size that do not touch each other, memory that goes
 * back to the kernel, and no memory to be had. What the kernel holds is read
 * from its own table of mappings, not from the slab's counts.
 *
 * Under AddressSanitizer blocks are malloc'ed; then only what holds for every
 * allocator is tested.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <inttypes.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "store/pages.h"
#include "store/slab.h"
#include "store_world.h"

struct block {
	uint8_t *at;
	size_t size;
	uint8_t mark;
};

static void take(struct slab *slab, struct block *block)
{
	block->size = 1 + dice(SLAB_MAX);
	block->mark = (uint8_t)dice(256);
	block->at = slab_get(slab, block->size);
	assert_non_null(block->at);
	assert_int_equal((uintptr_t)block->at % 16, 0);
	memset(block->at, block->mark, block->size);
}

static void give_back(struct slab *slab, struct block *block)
{
	for (size_t i = 0; i < block->size; i++) {
		assert_int_equal(block->at[i], block->mark);
	}
	slab_put(slab, block->at, block->size);
	block->at = NULL;
}

/* Blocks of random sizes come and go; each keeps what was written to it. */
static void test_random_sizes(void **state)
{
	enum { N = 5000, STEPS = 100000 };
	struct block *block = calloc(N, sizeof(*block));
	struct slab slab = { .taken = 0 };
	size_t standing = 0;

	(void)state;
	dice_seed("random sizes");
	for (unsigned int i = 0; i < STEPS; i++) {
		struct block *one = &block[dice(N)];

		if (one->at == NULL) {
			take(&slab, one);
			standing++;
		} else {
			give_back(&slab, one);
			standing--;
		}
		assert_int_equal(slab.taken, standing);
	}
	for (unsigned int i = 0; i < N; i++) {
		if (block[i].at != NULL) {
			give_back(&slab, &block[i]);
		}
	}
	slab_end(&slab);
	free(block);
}

static void test_rounding(void **state)
{
	(void)state;
	assert_int_equal(slab_round(1), 16);
	assert_int_equal(slab_round(16), 16);
	assert_int_equal(slab_round(17), 32);
	assert_int_equal(slab_round(152), 160);
	assert_int_equal(slab_round(SLAB_MAX), SLAB_MAX);
}

/* 160 bytes a block: no more than that and a header a chunk is mapped. */
static void test_memory_goes_back(void **state)
{
	enum { N = 60000, SIZE = 150 };
	static void *block[N];
	struct slab slab = { .taken = 0 };
	size_t before = 0, full = 0;

	(void)state;
	before = mapped();
	for (unsigned int i = 0; i < N; i++) {
		block[i] = slab_get(&slab, SIZE);
		assert_non_null(block[i]);
	}
	full = mapped() - before;
	assert_true(full >= (size_t)N * SIZE);
	assert_true(full <= (size_t)N * 160 + (size_t)N * 160 / 1000 +
			    PAGES_SIZE);
	/* every other one: nothing can go; they are used again */
	for (unsigned int i = 0; i < N; i += 2) {
		slab_put(&slab, block[i], SIZE);
	}
	for (unsigned int i = 0; i < N; i += 2) {
		block[i] = slab_get(&slab, SIZE);
	}
	assert_int_equal(mapped() - before, full);
	/* empty but for one block: its chunk and one spare stay */
	for (unsigned int i = 1; i < N; i++) {
		slab_put(&slab, block[i], SIZE);
	}
	assert_int_equal(mapped() - before, 2 * PAGES_SIZE);
	slab_put(&slab, block[0], SIZE);
	slab_end(&slab);
	assert_int_equal(mapped(), before);
}

/* At the edge of a chunk one block comes and goes: nothing is mapped for it. */
static void test_edge(void **state)
{
	struct slab slab = { .taken = 0 };
	void *block[3000];
	unsigned int n = 0;
	size_t one = 0, two = 0;

	(void)state;
	block[n++] = slab_get(&slab, SLAB_MAX);
	one = mapped();
	while (mapped() == one) {
		assert_true(n < 3000);
		block[n++] = slab_get(&slab, SLAB_MAX);
	}
	two = mapped();
	for (unsigned int i = 0; i < 100; i++) {
		slab_put(&slab, block[n - 1], SLAB_MAX);
		assert_int_equal(mapped(), two);
		block[n - 1] = slab_get(&slab, SLAB_MAX);
		assert_int_equal(mapped(), two);
	}
	while (n > 0) {
		slab_put(&slab, block[--n], SLAB_MAX);
	}
	slab_end(&slab);
}

/* Without memory there is no block, what stands is whole; later there is. */
static void test_out_of_memory(void **state)
{
	struct rlimit was, tight;
	struct slab slab = { .taken = 0 };
	void *first = NULL, *none = NULL;

	(void)state;
	first = slab_get(&slab, 100);
	assert_non_null(first);
	memset(first, 7, 100);
	assert_int_equal(getrlimit(RLIMIT_AS, &was), 0);
	tight = was;
	tight.rlim_cur = mapped() + PAGES_SIZE;
	assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
	none = slab_get(&slab, 200);
	assert_int_equal(setrlimit(RLIMIT_AS, &was), 0);
	assert_null(none);
	assert_int_equal(slab.taken, 1);
	none = slab_get(&slab, 200);
	assert_non_null(none);
	slab_put(&slab, none, 200);
	slab_put(&slab, NULL, 200);
	assert_int_equal(((uint8_t *)first)[99], 7);
	slab_put(&slab, first, 100);
	slab_end(&slab);
}

static void test_pages(void **state)
{
	(void)state;
	for (int huge = 0; huge < 2; huge++) {
		size_t before = mapped();
		uint8_t *area = pages_map(huge != 0);

		assert_non_null(area);
		assert_int_equal((uintptr_t)area % PAGES_SIZE, 0);
		assert_int_equal(mapped() - before, PAGES_SIZE);
		area[0] = 1;
		area[PAGES_SMALL] = 2;
		pages_make_huge(area);
		assert_int_equal(area[0], 1);
		assert_int_equal(area[PAGES_SMALL], 2);
		assert_int_equal(area[PAGES_SIZE - 1], 0);
		pages_unmap(area);
		assert_int_equal(mapped(), before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_sizes),
		cmocka_unit_test(test_rounding),
		cmocka_unit_test(test_pages),
		/* what only slabs have: with malloc in their place these three
		 * have nothing to look at, and the plain build runs them */
		cmocka_unit_test(test_memory_goes_back),
		cmocka_unit_test(test_edge),
		cmocka_unit_test(test_out_of_memory),
	};

	const size_t count = sizeof(tests) / sizeof(tests[0]);

	return _cmocka_run_group_tests("tests", tests,
				       POOLED ? count : count - 3, NULL, NULL);
}
