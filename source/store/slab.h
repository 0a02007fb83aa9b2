/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blocks for entries: a million small objects that live long, in few sizes.
 *
 * Sizes are rounded up to 16 bytes. Blocks of one size share chunks of 2 MB
 * (pages.h), which hold nothing else but a header of one cache line: no block
 * has a header of its own, neighbours in memory are of equal size, and what
 * is given back fits the next of its size. An empty chunk goes back to the
 * kernel, but for one that is kept, so that a size which comes and goes at the
 * edge of a chunk maps nothing.
 *
 * Under AddressSanitizer every block is malloc'ed instead: a pool would hide
 * use after free and leaks from it.
 *
 * Rejected: malloc. Its 8 bytes a block are little, but its heap lies in
 * pages of 4 KB, mixed with everything else a server allocates.
 */
#ifndef WINSD_STORE_SLAB_H
#define WINSD_STORE_SLAB_H

#include <stddef.h>

#define SLAB_STEP	16u
#define SLAB_MAX	1024u		/* bytes of the largest block */
#define SLAB_SIZES	(SLAB_MAX / SLAB_STEP)

struct slab_chunk;

/* All zero is a slab without blocks. */
struct slab {
	struct slab_chunk *roomy[SLAB_SIZES];	/* chunks with free blocks */
	unsigned int chunks[SLAB_SIZES];	/* full ones, too */
	struct slab_chunk *spare;		/* empty, of no size */
	size_t taken;				/* blocks */
};

/* What a block of this size takes. 0 < size <= SLAB_MAX. */
size_t slab_round(size_t size);

/* A block, aligned to 16 bytes, its bytes undefined; NULL: out of memory. */
void *slab_get(struct slab *slab, size_t size);

/* Give it back, with the size it was asked for. NULL is fine. */
void slab_put(struct slab *slab, void *block, size_t size);

/* The end; all blocks must have been given back. */
void slab_end(struct slab *slab);

#endif
