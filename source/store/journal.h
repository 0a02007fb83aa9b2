/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal: the point of commit. One file, preallocated, used as a ring of
 * blocks; each batch of changes begins a block, is written once, synced once
 * and never touched again until its room is released.
 *
 * A batch on disk, all numbers big endian:
 *
 *	 0  u32 magic "WNJ1"		 4  u32 flags (1: written unsynced)
 *	 8  u64 id of the journal	16  u64 sequence number
 *	24  u32 bytes of payload	28  u32 changes in it
 *	32  u32 CRC-32C of bytes 0..31 and the payload
 *	36  zeros			64  payload: struct store_batch's bytes
 *
 * padded with zeros to JOURNAL_BLOCK. Where the rest of the file is too short
 * for a batch it begins at block 0. A reader expects sequence number n at
 * block b; if it is not there and not at block 0, the journal ends here. What
 * earlier rounds left behind has a lower number or another id.
 *
 * One thread appends, one reads and releases; both at once is fine. No talloc.
 */
#ifndef WINSD_STORE_JOURNAL_H
#define WINSD_STORE_JOURNAL_H

#include "store/backend.h"

#define JOURNAL_BLOCK	4096u
#define JOURNAL_HEADER	64u

struct journal;

/* The batch with this number is the next one, expected at this block. */
struct journal_pos {
	uint64_t sequence;	/* of the first batch ever: 1 */
	uint64_t block;
};

struct journal_config {
	const char *path;
	bool durable;		/* false: nothing is synced */
	uint64_t size;		/* bytes of a new one; whole blocks */
	uint64_t size_max;	/* it doubles up to here when it is behind */
};

/*
 * Make a new, empty journal in place of what is at the path: written out,
 * synced and renamed, with its folder. The next batch is number 1 at block 0.
 * id: random, not 0. 0 or an errno with *message, one malloc'ed line.
 */
int journal_create(const struct journal_config *config, uint64_t id,
		   struct journal **journal, char **message);

/*
 * Open an existing one and hand every batch from pos on to fn, in order; fn
 * returns 0 or an errno that ends it all. Errors: ENOENT if there is no file,
 * EILSEQ if it is not a journal, has another id, or batches stand behind the
 * end which only damage explains (a hole between synced batches).
 */
int journal_open(const struct journal_config *config, uint64_t id,
		 struct journal_pos pos,
		 int (*fn)(void *arg, const struct store_batch *batch),
		 void *arg, struct journal **journal, char **message);

/*
 * Append a batch and sync it. 0; ENOSPC if the ring has no room until some
 * is released, or the disk has none: nothing of the batch is left; ENOMEM
 * likewise; EFBIG if it would never fit; any other errno: nobody knows, the
 * journal must not be used any more.
 */
int journal_append(struct journal *journal, const struct store_batch *batch);

/*
 * Read the batch at *pos into *batch (its buffer grows as needed) and move
 * *pos behind it: 0, ENOENT at the end of what is durable, ENOMEM, EIO, or
 * EILSEQ if the batch is not what was written.
 */
int journal_read(struct journal *journal, struct journal_pos *pos,
		 struct store_batch *batch);

/* All batches before pos are elsewhere and durable: their room is free. */
void journal_release(struct journal *journal, const struct journal_pos *pos);

struct journal_sight {
	uint64_t size;		/* bytes of the ring */
	uint64_t used;		/* from the first unreleased batch on */
	uint64_t batches;	/* appended since it was opened */
	uint64_t sync_usec;
	uint64_t sync_usec_max;
};
void journal_sight(struct journal *journal, struct journal_sight *sight);

void journal_close(struct journal *journal);	/* NULL is fine */

#endif
