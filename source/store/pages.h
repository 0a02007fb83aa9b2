/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory from the kernel in areas of 2 MB that begin at a multiple of 2 MB,
 * so that each can be one huge page.
 *
 * A million records are looked up in random order: with pages of 4 KB almost
 * every look-up misses the TLB twice, and what a page walk costs (in a
 * virtual machine it is two-dimensional) is most of what a large table costs
 * more than a small one. Debian gives huge pages to those who ask (THP
 * "madvise"). A server with few names shall stay small, so an area may begin
 * with pages of 4 KB, as many as are touched, and become huge later.
 *
 * Where huge pages are off or memory is too fragmented for one, madvise(2)
 * fails or does nothing and all is as before.
 *
 * Rejected: MAP_HUGETLB, a pool that somebody has to reserve; glibc's tunable
 * hugetlb, which the host decides and not the module.
 */
#ifndef WINSD_STORE_PAGES_H
#define WINSD_STORE_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#define PAGES_SIZE	(2u << 20)

/*
 * So many bytes of an area may be in use before it should become huge: at
 * this size making it huge copies little, and an empty server stays below it.
 */
#define PAGES_SMALL	(128u << 10)

/* An area of zeros, huge from the start or not; NULL: out of memory. */
void *pages_map(bool huge);
void pages_unmap(void *area);

/* From now on one huge page, if the kernel can: with what is in it. */
void pages_make_huge(void *area);

#endif
