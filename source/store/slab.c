/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blocks of equal size in chunks, see slab.h.
 *
 * A block's chunk is found by its address, so a block knows nothing and the
 * slab has no index. Free blocks of a chunk are a list through themselves;
 * what was never given out lies behind `fresh` untouched, hence a new chunk
 * costs no more memory than is used of it.
 *
 * The first chunk of a size begins with small pages and becomes huge when it
 * holds enough (PAGES_SMALL): rare sizes, and servers of a few hundred names,
 * do not take 2 MB each. Where one was full, the next is huge at once.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "store/pages.h"
#include "store/slab.h"

#if defined(__SANITIZE_ADDRESS__)
#define SLAB_IS_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_IS_MALLOC 1
#endif
#endif

struct free_block {
	struct free_block *next;
};

struct slab_chunk {
	struct slab_chunk *next, *prev;	/* with room, of the same size */
	struct free_block *free;
	uint32_t fresh;			/* offset of what was never used */
	uint32_t used;			/* blocks */
	uint32_t size;			/* of a block */
	bool huge;
} __attribute__((aligned(64)));		/* blocks begin on a cache line */

size_t slab_round(size_t size)
{
	return (size + SLAB_STEP - 1) & ~(size_t)(SLAB_STEP - 1);
}

#ifdef SLAB_IS_MALLOC

static void *block_get(struct slab *slab, size_t size)
{
	(void)slab;
	return malloc(size);
}

static void block_put(struct slab *slab, void *block, size_t size)
{
	(void)slab;
	(void)size;
	free(block);
}

#else

static unsigned int index_of(size_t size)
{
	return (unsigned int)(slab_round(size) / SLAB_STEP) - 1;
}

static struct slab_chunk *chunk_of(void *block)
{
	return (struct slab_chunk *)((uintptr_t)block &
				     ~(uintptr_t)(PAGES_SIZE - 1));
}

static bool chunk_is_full(const struct slab_chunk *chunk)
{
	return chunk->free == NULL && chunk->fresh + chunk->size > PAGES_SIZE;
}

static void roomy_add(struct slab_chunk **roomy, struct slab_chunk *chunk)
{
	chunk->next = *roomy;
	chunk->prev = NULL;
	if (chunk->next != NULL) {
		chunk->next->prev = chunk;
	}
	*roomy = chunk;
}

static void roomy_remove(struct slab_chunk **roomy, struct slab_chunk *chunk)
{
	if (chunk->prev != NULL) {
		chunk->prev->next = chunk->next;
	} else {
		*roomy = chunk->next;
	}
	if (chunk->next != NULL) {
		chunk->next->prev = chunk->prev;
	}
}

static struct slab_chunk *chunk_add(struct slab *slab, unsigned int at)
{
	struct slab_chunk *chunk = slab->spare;
	bool huge = slab->chunks[at] > 0;

	if (chunk != NULL) {
		slab->spare = NULL;
		huge = chunk->huge;
	} else {
		chunk = pages_map(huge);
	}
	if (chunk == NULL) {
		return NULL;
	}
	*chunk = (struct slab_chunk){
		.fresh = sizeof(*chunk),
		.size = (at + 1) * SLAB_STEP,
		.huge = huge,
	};
	slab->chunks[at]++;
	roomy_add(&slab->roomy[at], chunk);
	return chunk;
}

static void chunk_drop(struct slab *slab, unsigned int at,
		       struct slab_chunk *chunk)
{
	roomy_remove(&slab->roomy[at], chunk);
	slab->chunks[at]--;
	if (slab->spare == NULL) {
		slab->spare = chunk;
	} else {
		pages_unmap(chunk);
	}
}

static void *chunk_take(struct slab_chunk *chunk)
{
	struct free_block *block = chunk->free;

	chunk->used++;
	if (block != NULL) {
		chunk->free = block->next;
		return block;
	}
	block = (struct free_block *)((uint8_t *)chunk + chunk->fresh);
	chunk->fresh += chunk->size;
	if (!chunk->huge && chunk->fresh > PAGES_SMALL) {
		chunk->huge = true;
		pages_make_huge(chunk);
	}
	return block;
}

static void *block_get(struct slab *slab, size_t size)
{
	unsigned int at = index_of(size);
	struct slab_chunk *chunk = slab->roomy[at];
	void *block = NULL;

	if (chunk == NULL) {
		chunk = chunk_add(slab, at);
	}
	if (chunk == NULL) {
		return NULL;
	}
	block = chunk_take(chunk);
	if (chunk_is_full(chunk)) {
		roomy_remove(&slab->roomy[at], chunk);
	}
	return block;
}

static void block_put(struct slab *slab, void *block, size_t size)
{
	unsigned int at = index_of(size);
	struct slab_chunk *chunk = chunk_of(block);
	struct free_block *freed = block;

	assert(chunk->size == slab_round(size));
	if (chunk_is_full(chunk)) {
		roomy_add(&slab->roomy[at], chunk);
	}
	freed->next = chunk->free;
	chunk->free = freed;
	if (--chunk->used == 0) {
		chunk_drop(slab, at, chunk);
	}
}

#endif

void *slab_get(struct slab *slab, size_t size)
{
	void *block = NULL;

	assert(size > 0 && size <= SLAB_MAX);
	block = block_get(slab, size);
	slab->taken += block != NULL ? 1 : 0;
	return block;
}

void slab_put(struct slab *slab, void *block, size_t size)
{
	if (block != NULL) {
		slab->taken--;
		block_put(slab, block, size);
	}
}

void slab_end(struct slab *slab)
{
	assert(slab->taken == 0);
	if (slab->spare != NULL) {
		pages_unmap(slab->spare);
		slab->spare = NULL;
	}
}
