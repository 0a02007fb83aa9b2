/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between the store and the C library: what is done to the files of one
 * folder is written down in order, and calls fail when a test says so.
 *
 * The functions of shim_libc.c have the names of libc's own and stand before
 * them for the whole program, libtdb included. Only the watched folder is
 * looked at, and it is flat. A file in it keeps its number whatever it is
 * called; what a call changed is written down after it, and a sync with the
 * length of the log when it began, so that a write of another thread that came
 * meanwhile does not count as synced.
 *
 * Ways round the shim would make every proof that rests on it worthless, so
 * mapping a watched file, O_SYNC, O_DIRECT and the like abort; and a test can
 * compare what the log says with what is really there (remains.h).
 */
#ifndef WINSD_FAULTS_SHIM_H
#define WINSD_FAULTS_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- what was done ---- */

enum shim_what {
	SHIM_CREATED,		/* name, file */
	SHIM_WROTE,		/* file, offset, data, len */
	SHIM_SIZED,		/* file, offset: its new length */
	SHIM_SYNCED,		/* file, since */
	SHIM_RENAMED,		/* name, to */
	SHIM_LINKED,		/* name, to, file */
	SHIM_UNLINKED,		/* name */
	SHIM_FOLDER_SYNCED,	/* since */
};

struct shim_event {
	enum shim_what what;
	unsigned int file;	/* from 1 */
	uint64_t offset;
	uint8_t *data;
	size_t len;
	size_t since;		/* of what came before, all is durable */
	char *name;		/* without the folder */
	char *to;
};

struct shim_log {
	struct shim_event *event;
	size_t count;
	size_t max;
	size_t begin;		/* before it: what was there at the start */
};

/*
 * Watch this folder (absolute, without a slash at its end) and nothing else;
 * what is in it counts as durable. NULL: watch nothing. Nothing in either
 * folder may be open.
 */
void shim_watch(const char *folder);

/* From now on what is done is written down; take the log and stop. */
void shim_record(void);
struct shim_log *shim_recorded(void);
void shim_log_free(struct shim_log *log);

/* How long the log is now: what is done from here on has at least this index. */
size_t shim_position(void);

/* Syncs of files with this in their name ("/": of the folder; "": all) are
 * lost on the way and seem to work. NULL: none. */
void shim_lie(const char *name);

/*
 * A disk takes its time: each sync of a file with this in its name waits for
 * up to so many microseconds, so that the threads of a store meet in more ways.
 */
void shim_slow(const char *name, unsigned int usec);

/* ---- what shall fail ---- */

enum shim_kind {
	SHIM_OPEN = 1,
	SHIM_READ = 2,
	SHIM_WRITE = 4,
	SHIM_SIZE = 8,		/* ftruncate, fallocate */
	SHIM_SYNC = 16,
	SHIM_NAME = 32,		/* rename, link, unlink */
	SHIM_STAT = 64,
	SHIM_CLOSE = 128,	/* fails, but closes */
	SHIM_ALL = 255,
};

#define SHIM_SHORT	(-1)	/* no error: reads and writes do half */

struct shim_fault {
	unsigned int kinds;	/* enum shim_kind, or'ed */
	const char *name;	/* only of files with this in their name */
	unsigned int nth;	/* the first such call is 1; 0: none fails */
	bool for_good;		/* and all after it */
	int error;		/* errno or SHIM_SHORT */
};

/* Begin to count calls anew, and fail as told. */
void shim_fail(const struct shim_fault *fault);
unsigned int shim_calls(void);		/* that matched since */
unsigned int shim_failed(void);		/* of them failed */
const char *shim_failed_call(void);	/* the first: "pwrite wins.tdb" */

/*
 * The first was libtdb's, which does not go on after a call that was
 * interrupted or cut short, in a thread that takes no signals: then the system
 * does no such thing to it.
 */
bool shim_failed_uninterruptible(void);

/* Descriptors of watched files that are open. */
unsigned int shim_open_files(void);

#endif
