/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Areas of 2 MB, see pages.h. The kernel is asked for so much that one aligned
 * area lies in it wherever it begins, and what lies before and behind goes
 * back. Linux aligns some large mappings by itself since 6.7, but not this
 * size of ours, so that the way which old kernels need is the way always gone.
 */

#include <stdint.h>
#include <sys/mman.h>

#include "store/pages.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25	/* Linux 6.1; older ones answer EINVAL */
#endif

/* Any mapping of this size holds an aligned area: it begins at a page. */
#define ENOUGH	(2 * (size_t)PAGES_SIZE - 4096)

static void unmap(uint8_t *from, size_t len)
{
	if (len > 0) {
		munmap(from, len);
	}
}

void *pages_map(bool huge)
{
	uint8_t *raw = mmap(NULL, ENOUGH, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before = 0;

	if (raw == MAP_FAILED) {
		return NULL;
	}
	before = -(uintptr_t)raw & (PAGES_SIZE - 1);
	unmap(raw, before);
	unmap(raw + before + PAGES_SIZE, ENOUGH - PAGES_SIZE - before);
	if (huge) {
		madvise(raw + before, PAGES_SIZE, MADV_HUGEPAGE);
	}
	return raw + before;
}

void pages_unmap(void *area)
{
	munmap(area, PAGES_SIZE);
}

void pages_make_huge(void *area)
{
	/* the second makes it at once what the first makes it at leisure */
	if (madvise(area, PAGES_SIZE, MADV_HUGEPAGE) == 0) {
		madvise(area, PAGES_SIZE, MADV_COLLAPSE);
	}
}
