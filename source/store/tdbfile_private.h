/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of tdbfile share.
 *
 *	tdbfile.c		open, read, close
 *	tdbfile_read.c		one key, or all that is in it
 *	tdbfile_change.c	transactions, and what their errors mean
 *	tdbfile_convert.c	formats: what the file says it is, older ones
 *	tdbfile_verify.c	is everything in it whole?
 *	tdbfile_copy.c		copies that are verified
 *	tdbfile_fresh.c		a file that a tool fills
 */
#ifndef WINSD_STORE_TDBFILE_PRIVATE_H
#define WINSD_STORE_TDBFILE_PRIVATE_H

#include <pthread.h>
#include <sys/types.h>
#include <tdb.h>

#include "store/internal.h"
#include "store/tdbfile.h"

struct tdbfile {
	struct tdb_context *tdb;	/* NULL: it could not be opened again */
	char *path;
	int reader;		/* the same file, opened for reading only */
	bool durable;
	bool mapped;		/* into memory: of a fresh file only */
	uint32_t chains;	/* of a new file; then of this one */
	bool swap;		/* made by a machine of the other byte order */
	bool old_hash;		/* see tdbfile_read.c */
	_Atomic uint64_t size;

	/* what tdb said since tdbfile_listen(), see tdbfile_change.c */
	char complaint[160];	/* the first, "" if none */
	int cause;		/* errno at that moment */
	bool no_room;		/* it was about growing the file */
	bool sync_failed;
	int pending;		/* errno of a write that failed since the
				   begin, maybe without anybody being told */
	bool committing;	/* past the point of no return */
	bool sealed;		/* nothing can be written any more */

	const char *walk_fault;	/* why the last walk said EILSEQ, or NULL */
	int before;		/* sequence number when it was begun */
	int broken;		/* errno: no transaction is possible */
};

/* A message, one malloc'ed line; NULL if memory is out. Returns err. */
int tdbfile_say(char **message, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- tdbfile.c ---- */

/* An empty struct on a path, and the end of one: what is open is closed. */
struct tdbfile *tdbfile_new(const char *path, bool durable);

/*
 * Make a new file with its format number, in place of what is at the path. It
 * is not synced yet, and after an error it may be there.
 */
int tdbfile_create_under(struct tdbfile *file, const char *temp);

/* Open what is at the path: 0 or errno. */
int tdbfile_attach(struct tdbfile *file, const char *path, int open_flags);
void tdbfile_detach(struct tdbfile *file);

int tdbfile_measure(struct tdbfile *file);	/* its size, anew */

int tdbfile_sync(struct tdbfile *file);	/* if it is to be durable */
int tdbfile_sync_fd(int fd);

/* Forget what tdb said before the next call of it, and errno. */
void tdbfile_listen(struct tdbfile *file);

/*
 * tdb's only way to say "not found" is an error code that it keeps from call
 * to call, and some of its failures set none. So: set another one first.
 */
void tdbfile_forget_code(struct tdb_context *tdb);

/* ---- tdbfile_change.c ---- */

void tdbfile_note(struct tdb_context *tdb, enum tdb_debug_level level,
		  const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Why the call of tdb that just failed did so, errno being this. */
int tdbfile_failure(struct tdbfile *file, int saved);

/* Inside a transaction or not: 0 also if it is not there. */
int tdbfile_delete(struct tdbfile *file, TDB_DATA key);

/* Nothing can be written through tdb any more, whatever it tries. */
void tdbfile_seal(struct tdbfile *file, struct tdb_context *tdb);

/* ---- tdbfile_read.c ---- */

/* What must be known of an open file before it can be read. */
int tdbfile_learn(struct tdbfile *file);

/* Read numbers of the file: 0, an errno, EILSEQ if it is too short. */
int tdbfile_words(struct tdbfile *file, uint64_t at, uint32_t *words,
		  size_t count, bool swap);

/* ---- tdbfile_tail.c ---- */

/*
 * Before the first transaction: is the end of the file one that tdb can let
 * grow? If not it is made so; not synced. 0 or an errno.
 */
int tdbfile_mend_tail(struct tdbfile *file);

/* ---- tdbfile_convert.c ---- */

/* Store the format number; outside of transactions. */
int tdbfile_write_format(struct tdbfile *file);

/*
 * Is it ours, and of our time? 0 with *format, or EINVAL (not ours),
 * EPROTONOSUPPORT (newer), EILSEQ, an errno, with *message.
 */
int tdbfile_read_format(struct tdbfile *file, uint64_t *format,
			char **message);

/* Put one of today's format in its place; the file is closed then. */
int tdbfile_convert(struct tdbfile *file, uint64_t format, char **message);

/* ---- tdbfile_verify.c ---- */

/*
 * Before tdb opens what file->reader reads: 0, EILSEQ if what it would put
 * back makes no sense, EUCLEAN if there is something and we may not write.
 */
int tdbfile_check_header(struct tdbfile *file, bool may_write);

struct tdbfile_content {
	uint64_t records;
	uint64_t reserved;	/* versions up to here may have been used */
	char fault[NB_NAME_TEXT + 160];	/* of EILSEQ: what is wrong where */
};

/* Read it all, as a start would, and the list of free space. */
int tdbfile_inspect(struct tdbfile *file, struct tdbfile_content *content);

/* What is wrong if a walk says EILSEQ and fn did not. */
const char *tdbfile_chain_fault(const struct tdbfile *file);

/* About an error of that, with the command that helps. Returns err. */
int tdbfile_say_damaged(char **message, int err, const char *path,
			const struct tdbfile_content *content);

/* ---- tdbfile_copy.c ---- */

/* Into a new file: 0, EEXIST, another errno, and then there is none. */
int tdbfile_copy_bytes(struct tdbfile *file, const char *path);

#endif
