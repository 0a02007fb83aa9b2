/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the journal's files share:
 *
 *   journal.c		the ring: where a batch goes, append, read, release
 *   journal_file.c	batches in the file, and the calls that can fail
 *   journal_open.c	create, open, and what a crash left
 */
#ifndef WINSD_STORE_JOURNAL_PRIVATE_H
#define WINSD_STORE_JOURNAL_PRIVATE_H

#include <pthread.h>

#include "store/journal.h"

#define JOURNAL_MAGIC		0x574e4a31u	/* WNJ1 */
#define JOURNAL_UNSYNCED	1u		/* flag of a batch */

struct journal {
	int fd;
	bool durable;
	uint64_t id;
	uint64_t reach;			/* blocks it may grow to */

	/* of the appender alone */
	uint8_t *buf;
	size_t buf_size;
	int broken;			/* errno: nobody knows what is there */
	bool cannot_grow;		/* the disk is full, in this round */

	/* the appender changes all but tail, and needs no lock to read it */
	pthread_mutex_t lock;
	uint64_t blocks;
	struct journal_pos head;	/* all before it is durable */
	struct journal_pos tail;	/* first unreleased, where it is */
	uint64_t turned;		/* number of the last at block 0 */
	uint64_t batches;
	uint64_t sync_usec;
	uint64_t sync_usec_max;
};

struct journal_header {
	uint32_t flags;
	uint64_t sequence;
	uint32_t len;
	uint32_t changes;
	uint32_t sum;
};

/* ---- journal_file.c ---- */

/* Blocks that a batch of this length takes. */
uint64_t journal_blocks(uint64_t len);

/* No room, in one of the ways to say it. */
bool journal_is_full(int err);

/*
 * All of it, however often that takes. *done: bytes that are not as they were,
 * also after an error. Getting ends with EIO where the file does.
 */
int journal_write(int fd, const uint8_t *bytes, size_t len, uint64_t offset,
		  size_t *done);
int journal_get(int fd, uint8_t *bytes, size_t len, uint64_t offset);
int journal_zero(int fd, uint64_t from, uint64_t to);
int journal_sync(const struct journal *journal);	/* data only */
int journal_sync_all(const struct journal *journal);

/* The next batch, header to padding, in journal->buf: 0 or ENOMEM. */
int journal_assemble(struct journal *journal, const struct store_batch *batch);

/*
 * What begins in this block: 0, ENOENT if nothing of this journal does, or
 * what reading said. The bytes are for journal_payload().
 */
int journal_header(const struct journal *journal, uint64_t block,
		   uint8_t bytes[JOURNAL_HEADER],
		   struct journal_header *header);

/*
 * The rest of it: 0, ENOENT if it is not whole, EILSEQ if it is whole and
 * makes no sense, ENOMEM, or what reading said.
 */
int journal_payload(const struct journal *journal, uint64_t block,
		    uint64_t blocks, const uint8_t bytes[JOURNAL_HEADER],
		    const struct journal_header *header,
		    struct store_batch *batch);

/* The batch with this number and the block it is in; errors as above. */
int journal_find(const struct journal *journal, uint64_t blocks,
		 struct journal_pos pos, struct store_batch *batch,
		 uint64_t *at);

/* Whoever reads finds no batch in this block any more, once it is synced. */
int journal_wipe(const struct journal *journal, uint64_t block);

#endif
