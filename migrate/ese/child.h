/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An ESE database read by a child of ours that can do nothing else: the
 * parent's end.
 *
 * The child has the file, a pipe and memory; it opens nothing, starts nothing,
 * and its time and memory are limited (sandbox.c). It reads the file by
 * libesedb (library.c) and tells it in frames (wire.h). However it ends, here
 * that is a message.
 */
#ifndef WINSMIGRATE_ESE_CHILD_H
#define WINSMIGRATE_ESE_CHILD_H

#include <talloc.h>

#include "migrate/ese/wire.h"

/*
 * Under ASan the child's memory is not limited (its shadow is terabytes), and
 * the sanitizer may say its last words.
 */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define ESE_WATCHED 1
#else
#define ESE_WATCHED 0
#endif

#define ESE_ALL_TABLES UINT32_MAX

/* The child's descriptors; all above are closed, those below lead nowhere. */
#define ESE_CHILD_FILE 3
#define ESE_CHILD_PIPE 4

struct ese_limits {
	unsigned int seconds;	/* of the CPU */
	int patience;		/* ms in which it may say nothing */
	size_t memory;		/* address space besides what it inherits */
};

struct ese_child;

/*
 * Begin to read the rows of one table of the catalog, or of all. The file is
 * not moved nor closed. 0 or an errno, and a message.
 */
int ese_child_start(TALLOC_CTX *mem_ctx, int file, uint32_t table,
		    const struct ese_limits *limits, struct ese_child **child,
		    char **message);

/*
 * The same with any work; it is done behind the walls, writes frames to
 * ESE_CHILD_PIPE and returns.
 */
int ese_child_run(TALLOC_CTX *mem_ctx, int file, void (*work)(uint32_t table),
		  uint32_t table, const struct ese_limits *limits,
		  struct ese_child **child, char **message);

enum ese_next {
	ESE_NEXT_ROW,		/* frame: ESE_ROW or ESE_BAD_ROW */
	ESE_NEXT_END,		/* all was told */
	ESE_NEXT_FAILED,	/* message */
};

/* The frame's values are valid until the next call. */
enum ese_next ese_child_next(struct ese_child *child,
			     const struct ese_frame **frame, char **message);

/* As far as it was told; complete with the first row. */
const struct ese_catalog *ese_child_catalog(const struct ese_child *child);

/* Whose rows come now. */
uint32_t ese_child_table(const struct ese_child *child);

/* ---- sandbox.c: false, and nothing may be parsed, if it cannot be had ---- */

bool ese_sandbox_enter(const struct ese_limits *limits, int file, int pipe,
		       const char **why);

/* ---- library.c: in the child ---- */

/* Before the walls are up. False: the library is not what it should be. */
bool ese_library_ready(int file, uint64_t size, int pipe);

/* Behind them: tells all there is, and how it ended. */
void ese_library_read(uint32_t table);

/* Only says why nothing is told. */
void ese_library_refuse(const char *why);

#endif
