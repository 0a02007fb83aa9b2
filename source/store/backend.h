/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk as the store sees it: something that gives all keys once, answers
 * for single ones meanwhile, and makes batches of changes durable, one at a
 * time, in order.
 *
 * A batch is one plain malloc'ed buffer, so that it can cross to another
 * thread and lie in a journal as it is: for each change u32 key length, u32
 * value length (0xffffffff = delete), both big endian, key, value. disk.c is
 * the real one; testsuite/sim fills this struct with a disk in memory that
 * loses what was not synced.
 */
#ifndef WINSD_STORE_BACKEND_H
#define WINSD_STORE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store_batch {
	uint8_t *data;		/* malloc'ed; the store owns it */
	size_t len;
	size_t size;
	unsigned int changes;
};

#define STORE_BATCH_DELETE	0xffffffffu

/* Walk a batch: false at its end. Start with *pos = 0. value NULL: delete. */
bool store_batch_next(const struct store_batch *batch, size_t *pos,
		      const uint8_t **key, size_t *key_len,
		      const uint8_t **value, size_t *value_len);

/* What there is to see of the disk; all zero where it does not apply. */
struct store_disk {
	uint64_t file_size;		/* bytes of the database file */
	uint64_t file_warn;		/* from here on somebody should know */
	uint64_t file_limit;		/* from here on no new names; 0: none */
	uint64_t journal_size;		/* bytes of the ring */
	uint64_t journal_used;		/* of them not yet in the file */
	uint64_t batches;		/* made durable since the start */
	uint64_t sync_usec;		/* spent in syncing them, all told */
	uint64_t sync_usec_max;		/* the slowest */
	uint64_t carried;		/* batches brought into the file */
	bool full;			/* the reserve is used up */
	int broken;			/* errno: no commit is possible */
};

struct store_backend {
	void *priv;
	const char *name;	/* for messages: the file; NULL is fine */

	/*
	 * Give one value to fn: 0, ENOENT if there is none, or an
	 * errno. Only before the first commit; also while load() runs in
	 * another thread. NULL: not possible here, then store_open() is not.
	 */
	int (*fetch)(void *priv, const uint8_t *key, size_t key_len,
		     void (*fn)(void *arg, const uint8_t *value,
				size_t value_len),
		     void *arg);

	/*
	 * Hand every key and value to fn, each key once, whatever file it is
	 * in. fn returns 0 to go on or an errno that ends the walk and comes
	 * back (ECANCELED: the store is being freed). Before the first commit;
	 * may be called in a thread of its own, once. EILSEQ: what is there
	 * is damaged. No talloc on memory of others.
	 */
	int (*load)(void *priv,
		    int (*fn)(void *arg, const uint8_t *key, size_t key_len,
			      const uint8_t *value, size_t value_len),
		    void *arg);

	/*
	 * Make the batch durable, all of it or nothing, and call done(arg,
	 * error) when it is: before commit returns or later from ready() or
	 * wait(). Never called while another commit is in flight. The batch
	 * stays valid until done.
	 *
	 * After ENOSPC and ENOMEM nothing of the batch is or will be on the
	 * disk, and a later commit may succeed. After any other error nobody
	 * can say what a later load will find, and every later commit fails
	 * with the same error until the backend is opened again.
	 */
	void (*commit)(void *priv, const struct store_batch *batch,
		       void (*done)(void *arg, int error), void *arg);

	/*
	 * Readable when ready() has something to do; -1 if everything ends
	 * before the call that began it: then ready and wait may be NULL.
	 * wait() blocks until then and does what ready() does; it returns at
	 * once when nothing is under way. ready() without need does nothing.
	 */
	int fd;
	void (*ready)(void *priv);
	void (*wait)(void *priv);

	/*
	 * Copy what is durable now into a file of its own at this path, which
	 * must not exist, and verify it by opening it again; done as with
	 * commit(), with the number of records and, on error, one line about
	 * it (else NULL). One at a time: EBUSY. NULL: not possible here.
	 */
	void (*backup)(void *priv, const char *path,
		       void (*done)(void *arg, int error, uint64_t records,
				    const char *message),
		       void *arg);

	/* At any time, also while load() runs. Cheap. May be NULL. */
	void (*sight)(void *priv, struct store_disk *disk);

	/*
	 * The end. A commit in flight is finished or given up first; no
	 * done() is called any more.
	 */
	void (*close)(void *priv);
};

#endif
