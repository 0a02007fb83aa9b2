/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory that runs out once, at a moment of the test's choice, and a count of
 * what was not given back.
 *
 * The functions of alloc.c have the names of libc's own and stand before them
 * for the whole program, libtalloc, libtevent, libtdb and libc itself (strdup,
 * asprintf, fopen) included. They do nothing of their own until a test begins.
 * Threads that cannot be started and mappings without a file count as memory.
 *
 * Under AddressSanitizer memory is its own: alloc_works() is false there, and
 * the tests are built but not run.
 */
#ifndef WINSD_FAULTS_ALLOC_H
#define WINSD_FAULTS_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

bool alloc_works(void);

/*
 * From now on allocations of all threads are counted, and the n-th fails, once.
 * 0: none. alloc_end() tells whether one did.
 */
void alloc_begin(unsigned int nth);
bool alloc_end(void);
unsigned int alloc_calls(void);		/* counted since the begin */

/* Print from where the one was asked for that failed. */
void alloc_tell(void);

/* What this thread does in between is the test's own, neither counted nor
 * remembered. These nest. */
void alloc_pause(void);
void alloc_resume(void);

/* For things that are made of memory elsewhere: one more. Does it fail? */
bool alloc_fails(void);

/* mmap(2) without a file: for shim_libc.c, which stands in for it. */
bool alloc_fails_map(int flags);

/*
 * What is allocated from here on is remembered; alloc_left() is how much of it
 * is still there, and forgets it. With WINSD_ALLOC_TRACE in the environment it
 * also prints where each came from.
 */
void alloc_watch(void);
size_t alloc_left(void);

/*
 * Run once(arg, n) with n = 0 twice, to see that it works and to have libc make
 * what it makes but once, then with 1, 2 ... until one time no allocation has
 * failed. Each time everything that it allocates and opens must be gone at its
 * end, and it must have called alloc_begin(n). The number of allocations that
 * failed, which is added up for alloc_total(), and printed.
 */
unsigned int alloc_each(const char *name, void (*once)(void *arg,
						       unsigned int n),
			void *arg);
unsigned int alloc_total(void);

#endif
