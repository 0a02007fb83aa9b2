/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wins.tdb: the file that holds everything up to some batch of the journal,
 * and is valid and consistent by itself at every moment.
 *
 * Opened without tdb's own locks (LOCK/winsd.lock keeps others away) and
 * without mapping it into memory: a bad block or a full thin volume is then an
 * error of a call and not a signal that ends the server.
 *
 * Errors leave one malloc'ed line in *message that names the file and the
 * command that helps. One thread at a time uses a tdbfile, but for
 * tdbfile_fetch() beside tdbfile_walk(). No talloc.
 */
#ifndef WINSD_STORE_TDBFILE_H
#define WINSD_STORE_TDBFILE_H

#include "store/backend.h"

struct tdbfile;

/* Format 2: there may be a journal beside the file (format 1 had none). */
#define TDBFILE_FORMAT	2

struct tdbfile_config {
	const char *path;
	bool durable;		/* false: nothing is synced */
	unsigned int chains;	/* of a new file; 0: the usual number */
};

/*
 * Open; a file that is not there is made; one of an older format is converted
 * into a new file, and the old one stays as PATH.format1. Newer, foreign, empty
 * and damaged files are refused: EPROTONOSUPPORT, EINVAL, EILSEQ.
 */
int tdbfile_open(const struct tdbfile_config *config, struct tdbfile **file,
		 char **message);

/* Only if it is there, and without changing anything in it. */
int tdbfile_open_read(const char *path, struct tdbfile **file, char **message);

/* As store_backend.fetch and .load. */
int tdbfile_fetch(struct tdbfile *file, const uint8_t *key, size_t key_len,
		  void (*fn)(void *arg, const uint8_t *value,
			     size_t value_len),
		  void *arg);
int tdbfile_walk(struct tdbfile *file,
		 int (*fn)(void *arg, const uint8_t *key, size_t key_len,
			   const uint8_t *value, size_t value_len),
		 void *arg);

/* A meta number: 0, ENOENT, EILSEQ or an errno. */
int tdbfile_number(struct tdbfile *file, const char *name, uint64_t *number);

/*
 * One synced transaction: begin, changes, end. An error of begin or of a
 * change has cancelled it and is ENOSPC, ENOMEM, or something worse; then,
 * as after an error of end that is neither of the two, the file must not be
 * written to any more until it is opened again.
 */
int tdbfile_begin(struct tdbfile *file);
int tdbfile_changes(struct tdbfile *file, const struct store_batch *batch);
int tdbfile_set_number(struct tdbfile *file, const char *name,
		       uint64_t number);
int tdbfile_end(struct tdbfile *file);
void tdbfile_cancel(struct tdbfile *file);	/* without one: nothing */

/*
 * Copy the file, between transactions, into one that stands for itself (no
 * journal belongs to it): written beside, synced, opened again and verified
 * (tdb's own check, every checksum, the number of records), then renamed to
 * path, which must not exist, and its folder synced. *records: in it.
 */
int tdbfile_copy(struct tdbfile *file, const char *path, uint64_t *records,
		 char **message);

uint64_t tdbfile_size(const struct tdbfile *file);	/* bytes */

/* tdb's latest complaint, "" if none; valid until the next call. */
const char *tdbfile_complaint(const struct tdbfile *file);

void tdbfile_close(struct tdbfile *file);	/* NULL is fine */

/* fsync of the folder that holds path: 0 or errno. */
int tdbfile_sync_folder(const char *path);

#endif
