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
 * for a batch the file grows, or the batch begins at block 0. A reader expects
 * sequence number n at block b, where n - 1 ended; if it is not there and not
 * at block 0, the journal ends here. What earlier rounds left behind has a
 * lower number, and no other journal was ever in this file.
 *
 * One thread appends, one reads and releases; both at once is fine, and so is
 * journal_sight() anywhere. No talloc.
 */
#ifndef WINSD_STORE_JOURNAL_H
#define WINSD_STORE_JOURNAL_H

#include "store/backend.h"

#define JOURNAL_BLOCK	4096u
#define JOURNAL_HEADER	64u

struct journal;

/*
 * The batch with this number is the next one, expected at this block or at
 * block 0. The block may be the one behind the end of the file.
 */
struct journal_pos {
	uint64_t sequence;	/* of the first batch ever: 1 */
	uint64_t block;
};

struct journal_config {
	const char *path;
	bool durable;		/* false: nothing is synced */
	uint64_t size;		/* bytes of a new one; whole blocks */
	uint64_t size_max;	/* it doubles up to here, 4 GiB at most */
};

/*
 * Make a new, empty journal in place of what is at the path: written out,
 * synced and renamed, with its folder. The next batch is number 1 at block 0.
 * id: random, not 0, and nobody else's to know. 0 or an errno with *message,
 * one malloc'ed line or NULL. After an error there is no new file, but what
 * was at the path may be gone.
 */
int journal_create(const struct journal_config *config, uint64_t id,
		   struct journal **journal, char **message);

/*
 * Open an existing one and hand every batch from pos on to fn, in order; fn
 * returns 0 or an errno that ends it all, without a message. Errors: ENOENT if
 * there is no file, EILSEQ if it is not a journal, has another id, or batches
 * stand behind the end which only damage explains (a hole between synced
 * batches). That is found out last, so an error voids what fn was given.
 *
 * If config says durable, what fn is given is so, whatever ended the run that
 * wrote it. Nothing in the file is changed but unsynced batches behind the
 * end: they are wiped.
 */
int journal_open(const struct journal_config *config, uint64_t id,
		 struct journal_pos pos,
		 int (*fn)(void *arg, const struct store_batch *batch),
		 void *arg, struct journal **journal, char **message);

/*
 * Append a batch and sync it. 0; ENOSPC if the ring has no room until some
 * is released, or the disk has none: nothing of the batch is left, and another
 * append takes its number; ENOMEM likewise; EFBIG if it would never fit; any
 * other errno: nobody knows, and every later append fails with the same one.
 * Takes longer when the file grows.
 */
int journal_append(struct journal *journal, const struct store_batch *batch);

/*
 * Read the batch at *pos into *batch (its buffer grows as needed) and move
 * *pos behind it: 0, ENOENT at the end of what is durable, ENOMEM, EIO,
 * EILSEQ if the batch is not what was written, EINVAL if it was released.
 */
int journal_read(struct journal *journal, struct journal_pos *pos,
		 struct store_batch *batch);

/*
 * All batches before pos, a position from journal_read() or journal_open(),
 * are elsewhere and durable: their room is free.
 */
void journal_release(struct journal *journal, const struct journal_pos *pos);

struct journal_sight {
	uint64_t size;		/* bytes of the ring */
	uint64_t used;		/* from the first unreleased batch on */
	uint64_t batches;	/* appended since it was opened */
	uint64_t sync_usec;	/* of their syncs, all told */
	uint64_t sync_usec_max;	/* the slowest */
};
void journal_sight(struct journal *journal, struct journal_sight *sight);

void journal_close(struct journal *journal);	/* NULL is fine */

#endif
