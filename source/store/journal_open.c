/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making a journal and finding out what an earlier run left in one.
 *
 * The end of the batches looks the same as a damaged batch. What tells them
 * apart are batches behind it: a synced one says that all before it were
 * synced as well. One that was written unsynced says nothing, and is wiped
 * before its number comes again and makes it the next.
 *
 * A file is read after its pages were synced and dropped from the cache. What
 * a process that was killed had written is made durable before anybody builds
 * on it; and what a failed sync left in the cache, marked clean, is not on the
 * disk and must not be seen.
 *
 * The id is a secret of the two files: what clients send lies in payloads, and
 * must not be able to look like the header of a batch. Only block 0 is asked
 * whose it is.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/be.h"
#include "store/batch.h"
#include "store/journal_private.h"
#include "store/tdbfile.h"

#define BLOCKS_MAX	(UINT64_C(1) << 20)

static int say(char **message, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int say(char **message, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(message, format, args) < 0) {
		*message = NULL;
	}
	va_end(args);
	return err;
}

/* ---- creating ---- */

static struct journal *new_journal(const struct journal_config *config,
				   uint64_t id)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	if (journal == NULL) {
		return NULL;
	}
	journal->fd = -1;
	journal->durable = config->durable;
	journal->id = id;
	journal->head.sequence = 1;
	journal->tail.sequence = 1;
	pthread_mutex_init(&journal->lock, NULL);
	return journal;
}

static void set_size(struct journal *journal, uint64_t blocks,
		     uint64_t size_max)
{
	journal->blocks = blocks;
	journal->reach = blocks;
	while (journal->reach * 2 <= size_max / JOURNAL_BLOCK &&
	       journal->reach * 2 <= BLOCKS_MAX) {
		journal->reach *= 2;
	}
}

void journal_close(struct journal *journal)
{
	if (journal == NULL) {
		return;
	}
	if (journal->fd >= 0) {
		close(journal->fd);
	}
	pthread_mutex_destroy(&journal->lock);
	free(journal->buf);
	free(journal);
}

/* At this path, whole or with an error. */
static int write_new(struct journal *journal, const char *path, uint64_t size)
{
	int err = 0;

	unlink(path);
	journal->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW |
				 O_CLOEXEC, 0600);
	if (journal->fd < 0) {
		return errno;
	}
	err = journal_zero(journal->fd, 0, size);
	return err != 0 ? err : journal_sync_all(journal);
}

/* Nothing is left behind by an error. */
static int put_in_place(struct journal *journal,
			const struct journal_config *config)
{
	char *temp = NULL;
	int err = 0;

	if (asprintf(&temp, "%s.new", config->path) < 0) {
		return ENOMEM;
	}
	err = write_new(journal, temp, config->size);
	if (err == 0 && rename(temp, config->path) != 0) {
		err = errno;
	}
	if (err != 0) {
		if (journal->fd >= 0) {
			unlink(temp);
		}
		free(temp);
		return err;
	}
	free(temp);
	err = config->durable ? tdbfile_sync_folder(config->path) : 0;
	if (err != 0) {
		unlink(config->path);
	}
	return err;
}

int journal_create(const struct journal_config *config, uint64_t id,
		   struct journal **journal, char **message)
{
	struct journal *made = NULL;
	uint64_t blocks = config->size / JOURNAL_BLOCK;
	int err = EINVAL;

	*journal = NULL;
	*message = NULL;
	if (id != 0 && blocks > 0 && blocks <= BLOCKS_MAX &&
	    config->size % JOURNAL_BLOCK == 0) {
		made = new_journal(config, id);
		err = made != NULL ? put_in_place(made, config) : ENOMEM;
	}
	if (err != 0) {
		journal_close(made);
		return say(message, journal_is_full(err) ? ENOSPC : err,
			   "%s cannot be created: %s", config->path,
			   strerror(err));
	}
	set_size(made, blocks, config->size_max);
	*journal = made;
	return 0;
}

/* ---- opening ---- */

static int unreadable(const char *path, int err, char **message)
{
	return say(message, err, "%s cannot be read: %s; if it stays so, "
		   "'winsrepair salvage' saves what is left", path,
		   strerror(err));
}

/* A batch always began in block 0, or nothing was ever written to it. */
static int check_owner(const struct journal *journal, const char *path,
		       char **message)
{
	static const uint8_t zeros[JOURNAL_HEADER];
	uint8_t bytes[JOURNAL_HEADER];
	int err = journal_get(journal->fd, bytes, sizeof(bytes), 0);

	if (err != 0) {
		return unreadable(path, err, message);
	}
	if (memcmp(bytes, zeros, sizeof(bytes)) == 0) {
		return 0;
	}
	if (be32_get(bytes) != JOURNAL_MAGIC) {
		return say(message, EILSEQ, "%s is not a journal or is "
			   "damaged at its beginning; 'winsrepair salvage' "
			   "saves what is left", path);
	}
	if (be64_get(bytes + 8) != journal->id) {
		return say(message, EILSEQ, "%s belongs to another database "
			   "than the one beside it; put the right one there, "
			   "or let 'winsrepair salvage' save what is left",
			   path);
	}
	return 0;
}

/*
 * Open and see how long it is. A last block that is not whole is where growing
 * was cut short, and nothing was ever in it.
 */
static int open_file(struct journal *journal,
		     const struct journal_config *config, char **message)
{
	const char *path = config->path;
	struct stat st;
	uint64_t blocks = 0;
	int err = 0;

	journal->fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (journal->fd < 0 || fstat(journal->fd, &st) != 0) {
		return say(message, errno, "%s: %s", path, strerror(errno));
	}
	blocks = (uint64_t)st.st_size / JOURNAL_BLOCK;
	if (blocks == 0 || blocks > BLOCKS_MAX) {
		return say(message, EILSEQ, "%s is not a journal or is "
			   "damaged: it has %jd bytes; 'winsrepair salvage' "
			   "saves what is left", path, (intmax_t)st.st_size);
	}
	set_size(journal, blocks, config->size_max);
	err = journal_sync(journal);
	if (err != 0) {
		return unreadable(path, err, message);
	}
	if (journal->durable) {
		/* advice only: if it is not taken we are where everybody is */
		(void)posix_fadvise(journal->fd, 0, 0, POSIX_FADV_DONTNEED);
	}
	return check_owner(journal, path, message);
}

/* Batch after batch from head on; ENOENT at the end is a success here. */
static int replay(struct journal *journal, const char *path,
		  int (*fn)(void *arg, const struct store_batch *batch),
		  void *arg, struct store_batch *batch, char **message)
{
	struct journal_pos *head = &journal->head, *tail = &journal->tail;
	bool turned = false;
	uint64_t at = 0, end = 0;
	int err = 0;

	while ((err = journal_find(journal, journal->blocks, *head, batch,
				   &at)) == 0) {
		end = at + journal_blocks(batch->len);
		if (head->sequence == tail->sequence) {
			tail->block = at;
		} else if (at < head->block) {
			turned = true;
		}
		if (turned && end > tail->block) {
			err = EILSEQ;	/* one lies upon another */
			break;
		}
		err = fn(arg, batch);
		if (err != 0) {
			return err;
		}
		if (at == 0) {
			journal->turned = head->sequence;
		}
		*head = (struct journal_pos){ head->sequence + 1, end };
	}
	if (err == EILSEQ) {
		return say(message, err, "%s is damaged: batch %" PRIu64 " is "
			   "not what was written; 'winsrepair salvage' saves "
			   "what is left", path, head->sequence);
	}
	return err == ENOENT ? 0 : unreadable(path, err, message);
}

/* Does a batch that was handed out lie here? */
static bool is_taken(const struct journal *journal, uint64_t block)
{
	uint64_t head = journal->head.block, tail = journal->tail.block;

	if (journal->head.sequence == journal->tail.sequence) {
		return false;
	}
	if (tail < head) {
		return block >= tail && block < head;
	}
	return block >= tail || block < head;
}

/* Is there a batch in this block that should not be there? */
static int check_block(const struct journal *journal, const char *path,
		       uint64_t block, struct store_batch *batch,
		       bool *wiped, char **message)
{
	uint8_t bytes[JOURNAL_HEADER];
	struct journal_header header = { 0 };
	int err = journal_header(journal, block, bytes, &header);

	if (err == 0 && header.sequence < journal->head.sequence) {
		return 0;
	}
	if (err == 0) {
		err = journal_payload(journal, block, journal->blocks, bytes,
				      &header, batch);
	}
	if (err == ENOENT) {
		return 0;
	}
	if (err != 0 && err != EILSEQ) {
		return unreadable(path, err, message);
	}
	if ((header.flags & JOURNAL_UNSYNCED) == 0) {
		return say(message, EILSEQ, "%s is damaged: batch %" PRIu64
			   " is missing, but there is batch %" PRIu64 "; "
			   "'winsrepair salvage' saves what is left", path,
			   journal->head.sequence, header.sequence);
	}
	*wiped = true;
	err = journal_wipe(journal, block);
	return err == 0 ? 0 : say(message, err, "%s: %s", path, strerror(err));
}

static int check_rest(const struct journal *journal, const char *path,
		      struct store_batch *batch, char **message)
{
	bool wiped = false;
	int err = 0;

	for (uint64_t i = 0; err == 0 && i < journal->blocks; i++) {
		if (!is_taken(journal, i)) {
			err = check_block(journal, path, i, batch, &wiped,
					  message);
		}
	}
	if (err != 0 || !wiped) {
		return err;
	}
	err = journal_sync(journal);
	return err == 0 ? 0 : say(message, err, "%s: %s", path, strerror(err));
}

int journal_open(const struct journal_config *config, uint64_t id,
		 struct journal_pos pos,
		 int (*fn)(void *arg, const struct store_batch *batch),
		 void *arg, struct journal **journal, char **message)
{
	struct journal *found = new_journal(config, id);
	struct store_batch batch = { .len = 0 };
	int err = 0;

	*journal = NULL;
	*message = NULL;
	if (found == NULL) {
		return ENOMEM;
	}
	err = open_file(found, config, message);
	if (err == 0 && pos.block > found->blocks) {
		err = say(message, EILSEQ, "%s is damaged: it is too short "
			  "for batch %" PRIu64 "; 'winsrepair salvage' saves "
			  "what is left", config->path, pos.sequence);
	}
	if (err == 0) {
		found->head = pos;
		found->tail = pos;
		err = replay(found, config->path, fn, arg, &batch, message);
	}
	if (err == 0) {
		err = check_rest(found, config->path, &batch, message);
	}
	batch_free(&batch);
	if (err != 0) {
		journal_close(found);
		return err;
	}
	*journal = found;
	return 0;
}
