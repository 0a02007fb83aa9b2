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
 * command that helps (NULL after 0, and where memory is out). One thread at a
 * time uses a tdbfile, but for tdbfile_fetch() and tdbfile_number() beside
 * tdbfile_walk(), and tdbfile_size() at any time. No talloc.
 *
 * libtdb keeps a list of the files that a process has open, without a lock.
 * Tdbfiles of different threads wait for each other where it is used, and who
 * opens or closes another tdb file takes part (tdbfile_list_lock()).
 */
#ifndef WINSD_STORE_TDBFILE_H
#define WINSD_STORE_TDBFILE_H

#include "store/backend.h"

struct tdbfile;

/*
 * The number in the file. 2: there may be a journal beside it (1 had none).
 * The bytes of the values have a format of their own, DBREC_FORMAT.
 */
#define TDBFILE_FORMAT	2

/* Numbers of the journal: all absent or 0 if none belongs to the file. */
#define TDBFILE_JOURNAL_ID		"journal-id"
#define TDBFILE_JOURNAL_SEQUENCE	"journal-next-sequence"
#define TDBFILE_JOURNAL_BLOCK		"journal-next-block"

struct tdbfile_config {
	const char *path;
	bool durable;		/* false: nothing is synced */
	unsigned int chains;	/* of a new file; 0: the usual number */
};

/*
 * Open; a file that is not there is made; one of an older format is converted
 * into a new file, and the old one stays as PATH.formatN (.1 to .9 behind it
 * if another file has that name). Newer, foreign, empty and damaged files are
 * refused: EPROTONOSUPPORT, EINVAL, EILSEQ. A transaction that a crash
 * interrupted is taken back.
 */
int tdbfile_open(const struct tdbfile_config *config, struct tdbfile **file,
		 char **message);

/*
 * Only if it is there, in whatever format up to today's, and without changing
 * anything in it. EUCLEAN: a transaction was interrupted in it, and somebody
 * who may write must open it first.
 */
int tdbfile_open_read(const char *path, struct tdbfile **file, char **message);

/*
 * Read all of a file as a start would, without changing it, and tell how many
 * records it has and up to which version numbers may have been used. EILSEQ:
 * a start would refuse it; other errors as with tdbfile_open_read().
 */
int tdbfile_verify(const char *path, uint64_t *records, uint64_t *reserved,
		   char **message);

/* As store_backend.fetch and .load; fn of a walk must not use the file. */
int tdbfile_fetch(struct tdbfile *file, const uint8_t *key, size_t key_len,
		  void (*fn)(void *arg, const uint8_t *value,
			     size_t value_len),
		  void *arg);
int tdbfile_walk(struct tdbfile *file,
		 int (*fn)(void *arg, const uint8_t *key, size_t key_len,
			   const uint8_t *value, size_t value_len),
		 void *arg);

/* A meta number: 0, ENOENT, EILSEQ or an errno; *number is 0 then. */
int tdbfile_number(struct tdbfile *file, const char *name, uint64_t *number);

/*
 * One synced transaction: begin, changes and numbers, end. An error of any of
 * these ends it. After ENOSPC (also for EDQUOT, EFBIG and tdb's 4 GiB), ENOMEM
 * and EINVAL (a batch that is not one) nothing of it is or will be in the file,
 * and the next may succeed. After any other error nobody knows, and every
 * later begin fails with the same error until the file is opened again.
 */
int tdbfile_begin(struct tdbfile *file);
int tdbfile_changes(struct tdbfile *file, const struct store_batch *batch);
int tdbfile_set_number(struct tdbfile *file, const char *name,
		       uint64_t number);
int tdbfile_end(struct tdbfile *file);
void tdbfile_cancel(struct tdbfile *file);	/* without one: nothing */

/*
 * Copy the file, between transactions, into one that stands for itself (no
 * journal belongs to it): written as PATH.part, opened and verified as above,
 * synced, then renamed to path, and its folder synced. Neither path nor
 * PATH.part may exist: EEXIST. After an error there is none of the two (but
 * for a folder that could not be synced). *records: in it. Also after an
 * unknown outcome: the copy is as the next start would find the file.
 */
int tdbfile_copy(struct tdbfile *file, const char *path, uint64_t *records,
		 char **message);

/*
 * The same key by key: slower, and as small as it can be, since nothing is
 * left of what was deleted. An older format stays one. path must not exist:
 * EEXIST. For tools, not for a server at work.
 */
int tdbfile_rewrite(struct tdbfile *file, const char *path, uint64_t *records,
		    char **message);

/*
 * A file that a tool fills beside the database, at two microseconds a record:
 * it is mapped into memory, nothing is synced, and there are no transactions.
 * Until tdbfile_finish() it is no database: what is at path is replaced, and
 * after an error, or a crash, it has to be removed.
 *
 * put() stores or replaces. get() gives the value to fn: 0, ENOENT or an
 * errno. finish() reads all of it as a start would, and syncs it.
 */
int tdbfile_open_fresh(const char *path, struct tdbfile **file,
		       char **message);
int tdbfile_put(struct tdbfile *file, const uint8_t *key, size_t key_len,
		const uint8_t *value, size_t value_len);
int tdbfile_get(struct tdbfile *file, const uint8_t *key, size_t key_len,
		void (*fn)(void *arg, const uint8_t *value, size_t value_len),
		void *arg);
int tdbfile_finish(struct tdbfile *file, uint64_t *records, char **message);

uint64_t tdbfile_size(const struct tdbfile *file);	/* bytes */

/*
 * What tdb complained of in the latest call, "" if of nothing; valid until
 * the next one.
 */
const char *tdbfile_complaint(const struct tdbfile *file);

void tdbfile_close(struct tdbfile *file);	/* NULL is fine */

/* fsync of the folder that holds path: 0 or errno. */
int tdbfile_sync_folder(const char *path);

/*
 * For what uses libtdb's list: opening, closing, and committing (it may repack
 * through a temporary file).
 */
void tdbfile_list_lock(void);
void tdbfile_list_unlock(void);

#endif
