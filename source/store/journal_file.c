/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal's file: batches as journal.h lays them out, and every call that
 * can be cut short or interrupted. Which block is whose is not known here.
 *
 * A batch is read in two calls, its header first: a header of an older round
 * ends the matter, and a length is believed only as far as the file goes. The
 * checksum speaks last.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/be.h"
#include "codec/dbrec.h"
#include "store/batch.h"
#include "store/journal_private.h"

#define SUMMED	32u	/* bytes of the header */

static const uint8_t zeros[16 * JOURNAL_BLOCK];

uint64_t journal_blocks(uint64_t len)
{
	return (JOURNAL_HEADER + len + JOURNAL_BLOCK - 1) / JOURNAL_BLOCK;
}

bool journal_is_full(int err)
{
	return err == ENOSPC || err == EDQUOT || err == EFBIG;
}

/* ---- calls ---- */

int journal_write(int fd, const uint8_t *bytes, size_t len, uint64_t offset,
		  size_t *done)
{
	*done = 0;
	while (*done < len) {
		ssize_t n = pwrite(fd, bytes + *done, len - *done,
				   (off_t)(offset + *done));

		if (n > 0) {
			*done += (size_t)n;
		} else if (n == 0) {
			return ENOSPC;
		} else if (errno != EINTR) {
			return errno;
		}
	}
	return 0;
}

int journal_zero(int fd, uint64_t from, uint64_t to)
{
	size_t done = 0;
	int err = 0;

	while (err == 0 && from < to) {
		size_t len = to - from < sizeof(zeros) ? (size_t)(to - from) :
							 sizeof(zeros);

		err = journal_write(fd, zeros, len, from, &done);
		from += len;
	}
	return err;
}

int journal_get(int fd, uint8_t *bytes, size_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t n = pread(fd, bytes, len, (off_t)offset);

		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
			offset += (uint64_t)n;
		} else if (n == 0) {
			return EIO;
		} else if (errno != EINTR) {
			return errno;
		}
	}
	return 0;
}

/* An EINTR has waited for nothing and forgotten no error. */
int journal_sync(const struct journal *journal)
{
	while (journal->durable && fdatasync(journal->fd) != 0) {
		if (errno != EINTR) {
			return errno;
		}
	}
	return 0;
}

int journal_sync_all(const struct journal *journal)
{
	while (journal->durable && fsync(journal->fd) != 0) {
		if (errno != EINTR) {
			return errno;
		}
	}
	return 0;
}

/* ---- one batch ---- */

static void put_header(uint8_t *bytes, const struct journal *journal,
		       const struct store_batch *batch)
{
	uint8_t *p = be32_put(bytes, JOURNAL_MAGIC);
	uint32_t sum = 0;

	p = be32_put(p, journal->durable ? 0 : JOURNAL_UNSYNCED);
	p = be64_put(p, journal->id);
	p = be64_put(p, journal->head.sequence);
	p = be32_put(p, (uint32_t)batch->len);
	p = be32_put(p, batch->changes);
	sum = dbrec_crc32c(0, bytes, SUMMED);
	be32_put(p, dbrec_crc32c(sum, batch->data, batch->len));
}

int journal_assemble(struct journal *journal, const struct store_batch *batch)
{
	size_t len = (size_t)journal_blocks(batch->len) * JOURNAL_BLOCK;
	size_t used = JOURNAL_HEADER + batch->len;

	if (journal->buf_size < len) {
		uint8_t *buf = realloc(journal->buf, len);

		if (buf == NULL) {
			return ENOMEM;
		}
		journal->buf = buf;
		journal->buf_size = len;
	}
	memset(journal->buf, 0, JOURNAL_HEADER);
	put_header(journal->buf, journal, batch);
	if (batch->len > 0) {
		memcpy(journal->buf + JOURNAL_HEADER, batch->data, batch->len);
	}
	memset(journal->buf + used, 0, len - used);
	return 0;
}

int journal_header(const struct journal *journal, uint64_t block,
		   uint8_t bytes[JOURNAL_HEADER],
		   struct journal_header *header)
{
	int err = journal_get(journal->fd, bytes, JOURNAL_HEADER,
			      block * JOURNAL_BLOCK);

	if (err != 0) {
		return err;
	}
	if (be32_get(bytes) != JOURNAL_MAGIC ||
	    be64_get(bytes + 8) != journal->id) {
		return ENOENT;
	}
	header->flags = be32_get(bytes + 4);
	header->sequence = be64_get(bytes + 16);
	header->len = be32_get(bytes + 24);
	header->changes = be32_get(bytes + 28);
	header->sum = be32_get(bytes + SUMMED);
	return 0;
}

static bool is_walkable(const struct store_batch *batch)
{
	const uint8_t *key = NULL, *value = NULL;
	size_t pos = 0, key_len = 0, value_len = 0;
	unsigned int changes = 0;

	while (store_batch_next(batch, &pos, &key, &key_len, &value,
				&value_len)) {
		changes++;
	}
	return pos == batch->len && changes == batch->changes;
}

int journal_payload(const struct journal *journal, uint64_t block,
		    uint64_t blocks, const uint8_t bytes[JOURNAL_HEADER],
		    const struct journal_header *header,
		    struct store_batch *batch)
{
	uint32_t sum = 0;
	int err = 0;

	if (journal_blocks(header->len) > blocks - block) {
		return ENOENT;
	}
	batch->len = 0;
	if (!batch_reserve(batch, header->len)) {
		return ENOMEM;
	}
	err = journal_get(journal->fd, batch->data, header->len,
			  block * JOURNAL_BLOCK + JOURNAL_HEADER);
	if (err != 0) {
		return err;
	}
	sum = dbrec_crc32c(0, bytes, SUMMED);
	if (dbrec_crc32c(sum, batch->data, header->len) != header->sum) {
		return ENOENT;
	}
	batch->len = header->len;
	batch->changes = header->changes;
	if ((header->flags & ~JOURNAL_UNSYNCED) != 0 || !is_walkable(batch)) {
		return EILSEQ;
	}
	return 0;
}

static int read_at(const struct journal *journal, uint64_t block,
		   uint64_t blocks, uint64_t sequence,
		   struct store_batch *batch)
{
	uint8_t bytes[JOURNAL_HEADER];
	struct journal_header header = { 0 };
	int err = ENOENT;

	if (block < blocks) {
		err = journal_header(journal, block, bytes, &header);
	}
	if (err != 0 || header.sequence != sequence) {
		return err != 0 ? err : ENOENT;
	}
	return journal_payload(journal, block, blocks, bytes, &header, batch);
}

int journal_find(const struct journal *journal, uint64_t blocks,
		 struct journal_pos pos, struct store_batch *batch,
		 uint64_t *at)
{
	int err = read_at(journal, pos.block, blocks, pos.sequence, batch);

	*at = pos.block;
	if (err == ENOENT && pos.block != 0) {
		err = read_at(journal, 0, blocks, pos.sequence, batch);
		*at = 0;
	}
	return err;
}

int journal_wipe(const struct journal *journal, uint64_t block)
{
	uint64_t offset = block * JOURNAL_BLOCK;

	return journal_zero(journal->fd, offset, offset + JOURNAL_BLOCK);
}
