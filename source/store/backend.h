/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk as the store sees it: something that loads all keys once and then
 * makes batches of changes durable, one at a time, in order.
 *
 * A batch is one plain malloc'ed buffer, so that it can cross to another
 * thread: for each change u32 key length, u32 value length (0xffffffff =
 * delete), key, value, in host order. tdb_backend.c is the real one;
 * testsuite/sim fills this struct with a disk that loses what was not synced.
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

struct store_backend {
	void *priv;
	const char *name;	/* for messages: the file; NULL is fine */

	/*
	 * Hand every key and value to fn, which returns 0 to go on or an
	 * errno that ends the walk and comes back.
	 */
	int (*load)(void *priv,
		    int (*fn)(void *arg, const uint8_t *key, size_t key_len,
			      const uint8_t *value, size_t value_len),
		    void *arg);

	/*
	 * Make the batch durable, all of it or nothing, and call done(arg,
	 * error) when it is: before commit returns or later from the loop.
	 * Never called while another commit is in flight. The batch stays
	 * valid until done. After an error nothing of the batch may ever
	 * come back at a later load.
	 */
	void (*commit)(void *priv, const struct store_batch *batch,
		       void (*done)(void *arg, int error), void *arg);

	/*
	 * The end. A commit in flight is finished or given up first; its
	 * done is not called any more, or is called before close returns.
	 */
	void (*close)(void *priv);
};

#endif
