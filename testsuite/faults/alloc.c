/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The allocator's names, in front of the C library's; see alloc.h.
 *
 * glibc lets a program replace malloc and calls the replacement from within
 * (so strdup, asprintf and the linker come here too), and keeps its own under
 * other names. A thread is one allocation: what pthread_create makes inside is
 * kept by libc for the next thread and is not counted.
 *
 * What is remembered stands in a table of its own, as this must not allocate.
 * Rejected: --wrap of the linker (it does not see libtalloc), a preloaded
 * library (a test that passes when it is forgotten).
 */
#undef _FORTIFY_SOURCE

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "faults/alloc.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ALLOC_IS_FOREIGN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ALLOC_IS_FOREIGN 1
#endif
#endif

#define FRAMES	24
#define SLOTS	(1u << 17)		/* a power of two */
#define FULL	(SLOTS / 2)

struct slot {
	void *at;
	size_t size;
	void *frame[FRAMES];
	int frames;
};

static struct slot table[SLOTS];
static size_t used;
static atomic_flag lock = ATOMIC_FLAG_INIT;
static atomic_bool counting, watching;
static bool tracing;
static atomic_uint calls, chosen;
static atomic_bool hit;
static _Thread_local unsigned int paused;
static void *failed_frame[FRAMES];
static int failed_frames;
static unsigned int total;

/* ---- failing ---- */

bool alloc_fails(void)
{
	if (!counting || paused > 0) {
		return false;
	}
	if (atomic_fetch_add(&calls, 1) + 1 != chosen) {
		return false;
	}
	hit = true;
	paused++;
	failed_frames = backtrace(failed_frame, FRAMES);
	paused--;
	return true;
}

bool alloc_fails_map(int flags)
{
	return (flags & MAP_ANONYMOUS) != 0 && alloc_fails();
}

void alloc_begin(unsigned int nth)
{
	calls = 0;
	chosen = nth;
	hit = false;
	paused = 0;			/* a test that failed left it */
	counting = true;
}

bool alloc_end(void)
{
	counting = false;
	return hit;
}

unsigned int alloc_calls(void)
{
	return calls;
}

void alloc_tell(void)
{
	fflush(stdout);
	backtrace_symbols_fd(failed_frame, failed_frames, STDOUT_FILENO);
}

void alloc_pause(void)
{
	paused++;
}

void alloc_resume(void)
{
	paused--;
}

/* ---- remembering ---- */

static void take_lock(void)
{
	while (atomic_flag_test_and_set_explicit(&lock,
						 memory_order_acquire)) {
	}
}

static void give_lock(void)
{
	atomic_flag_clear_explicit(&lock, memory_order_release);
}

static size_t slot_of(const void *at)
{
	return (size_t)(((uintptr_t)at >> 4) * UINT64_C(0x9e3779b97f4a7c15) >>
			47) & (SLOTS - 1);
}

static __attribute__((unused)) void remember(void *at, size_t size)
{
	struct slot slot = { .at = at, .size = size };
	size_t i = slot_of(at);

	if (at == NULL || !watching || paused > 0) {
		return;
	}
	if (tracing) {
		paused++;
		slot.frames = backtrace(slot.frame, FRAMES);
		paused--;
	}
	take_lock();
	if (used == FULL) {
		abort();	/* more than a test may have */
	}
	while (table[i].at != NULL) {
		i = (i + 1) & (SLOTS - 1);
	}
	table[i] = slot;
	used++;
	give_lock();
}

/* Take it out, and move up what stands behind it out of place. */
static __attribute__((unused)) void forget(const void *at)
{
	size_t hole = slot_of(at);

	if (at == NULL || !watching) {
		return;
	}
	take_lock();
	while (table[hole].at != NULL && table[hole].at != at) {
		hole = (hole + 1) & (SLOTS - 1);
	}
	used -= table[hole].at != NULL;
	for (size_t i = hole; table[hole].at != NULL;) {
		i = (i + 1) & (SLOTS - 1);
		if (table[i].at == NULL) {
			table[hole].at = NULL;
		} else if (((i - slot_of(table[i].at)) & (SLOTS - 1)) >=
			   ((i - hole) & (SLOTS - 1))) {
			table[hole] = table[i];
			hole = i;
		}
	}
	give_lock();
}

void alloc_watch(void)
{
	tracing = getenv("WINSD_ALLOC_TRACE") != NULL;
	if (used > 0) {		/* it is large, and empty unless something leaked */
		memset(table, 0, sizeof(table));
		used = 0;
	}
	watching = true;
}

size_t alloc_left(void)
{
	size_t left = used;

	watching = false;
	for (size_t i = 0; left > 0 && i < SLOTS; i++) {
		if (table[i].at != NULL) {
			print_message("# not given back: %zu bytes\n",
				      table[i].size);
			fflush(stdout);
			backtrace_symbols_fd(table[i].frame, table[i].frames,
					     STDOUT_FILENO);
		}
	}
	return left;
}

/* ---- one scenario ---- */

unsigned int alloc_total(void)
{
	return total;
}

static unsigned int open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned int count = 0;

	assert_non_null(folder);
	while (readdir(folder) != NULL) {
		count++;
	}
	closedir(folder);
	return count;
}

unsigned int alloc_each(const char *name,
			void (*once)(void *arg, unsigned int n), void *arg)
{
	unsigned int failures = 0, files = 0;
	size_t left = 0;

	once(arg, 0);
	files = open_files();
	once(arg, 0);
	for (unsigned int n = 1;; n++) {
		alloc_watch();
		once(arg, n);
		left = alloc_left();
		if (left > 0) {
			alloc_tell();
			fail_msg("%s: %zu left when number %u failed", name,
				 left, n);
		}
		if (open_files() != files) {
			alloc_tell();
			fail_msg("%s: a file is open when number %u failed",
				 name, n);
		}
		if (!hit) {
			break;
		}
		failures++;
	}
	print_message("# %s: %u allocations failed\n", name, failures);
	assert_true(failures > 0);
	total += failures;
	return failures;
}

/* ---- libc's names ---- */

#ifdef ALLOC_IS_FOREIGN

bool alloc_works(void)
{
	return false;
}

#else

#define SHIM __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *at);

bool alloc_works(void)
{
	return true;
}

static void *fail_here(void)
{
	errno = ENOMEM;
	return NULL;
}

SHIM void *malloc(size_t size)
{
	void *at = alloc_fails() ? fail_here() : __libc_malloc(size);

	remember(at, size);
	return at;
}

SHIM void *calloc(size_t count, size_t size)
{
	void *at = alloc_fails() ? fail_here() : __libc_calloc(count, size);

	remember(at, count * size);
	return at;
}

SHIM void free(void *at)
{
	forget(at);
	__libc_free(at);
}

SHIM void *realloc(void *old, size_t size)
{
	void *at = NULL;

	if (size == 0) {
		free(old);
		return NULL;
	}
	if (alloc_fails()) {
		return fail_here();
	}
	/* before it: another thread may get the old place at once */
	forget(old);
	at = __libc_realloc(old, size);
	remember(at != NULL ? at : old, size);
	return at;
}

static void *aligned(size_t align, size_t size)
{
	void *at = alloc_fails() ? fail_here() : __libc_memalign(align, size);

	remember(at, size);
	return at;
}

SHIM void *memalign(size_t align, size_t size);
SHIM void *memalign(size_t align, size_t size)
{
	return aligned(align, size);
}

SHIM void *aligned_alloc(size_t align, size_t size)
{
	return aligned(align, size);
}

SHIM int posix_memalign(void **at, size_t align, size_t size)
{
	void *fresh = aligned(align, size);

	if (fresh == NULL) {
		return ENOMEM;
	}
	*at = fresh;
	return 0;
}

SHIM int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			void *(*fn)(void *arg), void *arg)
{
	static __typeof__(&pthread_create) real;
	int err = 0;

	if (alloc_fails()) {
		return EAGAIN;
	}
	if (real == NULL) {
		real = (__typeof__(&pthread_create))dlsym(RTLD_NEXT,
							  "pthread_create");
	}
	paused++;
	err = real(thread, attr, fn, arg);
	paused--;
	return err;
}

#endif
