/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal's ring. What keeps it honest:
 *
 * A batch is one write to blocks of its own, then one fdatasync. The file was
 * written out with zeros before, so that neither needs new room or metadata;
 * no write touches a block that a synced batch lies in, as a torn one would
 * take it along.
 *
 * Where batch n lies follows from where n - 1 ended: there, or at block 0. So
 * the ring may turn or grow at any batch, and nobody needs to be told. At the
 * end of the file it grows if more than half of it is not released: whoever
 * carries is behind. That is one slow append, up to 32 MiB of zeros.
 *
 * A batch that could not be written is wiped: its beginning could be all that
 * counts, with only the padding missing. If that fails as well nobody knows.
 *
 * An fdatasync that failed is not tried again: the kernel has marked the pages
 * clean, and the next one would be a success. Only where it says that there is
 * no room the batch is wiped, which makes its first page dirty again and the
 * next sync tell the truth about it.
 *
 * Rejected: a header of the file with its end in it (a second write to sync),
 * O_DIRECT (as fast here, and refused by some file systems), fallocate alone
 * (the first round then changes metadata in each sync).
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/journal_private.h"

/* ---- room ---- */

/* The ring as it is between two appends. */
struct room {
	bool empty;
	uint64_t used;
	uint64_t here;		/* blocks free from the head on */
	uint64_t at_start;	/* and from block 0 on, if it turned now */
	bool turned;		/* the head is before the tail */
};

static struct room see_room(const struct journal *journal)
{
	uint64_t head = journal->head.block, tail = journal->tail.block;
	uint64_t blocks = journal->blocks;
	struct room room = { .here = blocks - head };

	if (journal->head.sequence == journal->tail.sequence) {
		room.empty = true;
		room.at_start = blocks;
	} else if (tail < head) {
		room.used = head - tail;
		room.at_start = tail;
	} else {
		room.turned = true;
		room.used = blocks - tail + head;
		room.here = tail - head;
	}
	return room;
}

/* The size from which on a batch fits; 0: there is none. */
static uint64_t size_for(const struct journal *journal, bool empty,
			 uint64_t need)
{
	uint64_t blocks = journal->blocks;

	while (blocks * 2 <= journal->reach) {
		blocks *= 2;
		if (need <= blocks - journal->head.block ||
		    (empty && need <= blocks)) {
			return blocks;
		}
	}
	return 0;
}

/*
 * 0 also if there is no room for it and the ring stays as it is. Should the
 * file not become shorter again there is nothing to find in the rest of it.
 */
static int grow(struct journal *journal, uint64_t blocks)
{
	uint64_t size = journal->blocks * JOURNAL_BLOCK;
	int err = journal_zero(journal->fd, size, blocks * JOURNAL_BLOCK);

	if (err == 0) {
		err = journal_sync_all(journal);
	}
	if (err == 0) {
		pthread_mutex_lock(&journal->lock);
		journal->blocks = blocks;
		pthread_mutex_unlock(&journal->lock);
		return 0;
	}
	if (!journal_is_full(err) && err != ENOMEM) {
		journal->broken = err;
		return err;
	}
	journal->cannot_grow = true;
	while (ftruncate(journal->fd, (off_t)size) != 0 && errno == EINTR) {
	}
	return 0;
}

/* The block for a batch: 0, ENOSPC, or what broke the journal. */
static int place(struct journal *journal, uint64_t need, uint64_t *at)
{
	struct room room;
	uint64_t blocks = 0;
	int err = 0;

	pthread_mutex_lock(&journal->lock);
	room = see_room(journal);
	pthread_mutex_unlock(&journal->lock);
	*at = journal->head.block;
	if (need <= room.here) {
		return 0;
	}
	if (room.turned) {
		return ENOSPC;
	}
	if ((room.used > journal->blocks / 2 || need > room.at_start) &&
	    (room.empty || !journal->cannot_grow)) {
		blocks = size_for(journal, room.empty, need);
	}
	if (blocks != 0) {
		err = grow(journal, blocks);
		if (err != 0) {
			return err;
		}
		if (need <= journal->blocks - journal->head.block) {
			return 0;
		}
		room.at_start = room.empty ? journal->blocks : room.at_start;
	}
	if (need > room.at_start) {
		return ENOSPC;
	}
	journal->cannot_grow = false;
	*at = 0;
	return 0;
}

/* ---- appending ---- */

static uint64_t now_usec(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/*
 * Write and sync: 0; ENOSPC or ENOMEM if the batch is surely not there; else
 * the journal is broken.
 */
static int put_out(struct journal *journal, uint64_t at, uint64_t need,
		   uint64_t *usec)
{
	bool synced = false;
	size_t done = 0;
	int err = journal_write(journal->fd, journal->buf,
				(size_t)need * JOURNAL_BLOCK,
				at * JOURNAL_BLOCK, &done);

	if (err == 0) {
		uint64_t begun = now_usec();

		synced = true;
		err = journal_sync(journal);
		*usec = now_usec() - begun;
	}
	if (err == 0) {
		return 0;
	}
	if (err == ENOMEM && synced) {
		err = EIO;	/* of a sync it is no promise */
	}
	if (!journal_is_full(err) && err != ENOMEM) {
		journal->broken = err;
		return err;
	}
	if (done > 0 && (journal_wipe(journal, at) != 0 ||
			 journal_sync(journal) != 0)) {
		journal->broken = EIO;
		return EIO;
	}
	return err == ENOMEM ? ENOMEM : ENOSPC;
}

static void publish(struct journal *journal, uint64_t at, uint64_t need,
		    uint64_t usec)
{
	pthread_mutex_lock(&journal->lock);
	if (journal->tail.sequence == journal->head.sequence) {
		journal->tail.block = at;
	}
	if (at == 0) {
		journal->turned = journal->head.sequence;
	}
	journal->head.sequence++;
	journal->head.block = at + need;
	journal->batches++;
	journal->sync_usec += usec;
	if (journal->sync_usec_max < usec) {
		journal->sync_usec_max = usec;
	}
	pthread_mutex_unlock(&journal->lock);
}

int journal_append(struct journal *journal, const struct store_batch *batch)
{
	uint64_t need = journal_blocks(batch->len), at = 0, usec = 0;
	int err = 0;

	if (journal->broken != 0) {
		return journal->broken;
	}
	if (batch->len > UINT32_MAX || need > journal->reach) {
		return EFBIG;
	}
	err = journal_assemble(journal, batch);
	if (err == 0) {
		err = place(journal, need, &at);
	}
	if (err == 0) {
		err = put_out(journal, at, need, &usec);
	}
	if (err == 0) {
		publish(journal, at, need, usec);
	}
	return err;
}

/* ---- reading and releasing ---- */

int journal_read(struct journal *journal, struct journal_pos *pos,
		 struct store_batch *batch)
{
	uint64_t head = 0, tail = 0, blocks = 0, at = 0;
	int err = 0;

	pthread_mutex_lock(&journal->lock);
	head = journal->head.sequence;
	tail = journal->tail.sequence;
	blocks = journal->blocks;
	pthread_mutex_unlock(&journal->lock);
	if (pos->sequence == head) {
		return ENOENT;
	}
	if (pos->sequence < tail || pos->sequence > head) {
		return EINVAL;
	}
	err = journal_find(journal, blocks, *pos, batch, &at);
	if (err != 0) {
		return err == ENOENT ? EILSEQ : err;
	}
	pos->sequence++;
	pos->block = at + journal_blocks(batch->len);
	return 0;
}

void journal_release(struct journal *journal, const struct journal_pos *pos)
{
	pthread_mutex_lock(&journal->lock);
	if (pos->sequence > journal->tail.sequence &&
	    pos->sequence < journal->head.sequence &&
	    pos->block <= journal->blocks) {
		journal->tail = *pos;
		if (pos->sequence == journal->turned) {
			journal->tail.block = 0;
		}
	} else if (pos->sequence == journal->head.sequence) {
		journal->tail = journal->head;
	}
	pthread_mutex_unlock(&journal->lock);
}

void journal_sight(struct journal *journal, struct journal_sight *sight)
{
	pthread_mutex_lock(&journal->lock);
	*sight = (struct journal_sight){
		.size = journal->blocks * JOURNAL_BLOCK,
		.used = see_room(journal).used * JOURNAL_BLOCK,
		.batches = journal->batches,
		.sync_usec = journal->sync_usec,
		.sync_usec_max = journal->sync_usec_max,
	};
	pthread_mutex_unlock(&journal->lock);
}

