/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: the file of a journal. The input is flags, blocks of the file,
 * block and number of the position, then pieces: block, u16 length, bytes for
 * the beginning of that block. All else is zeros, so that inputs stay small.
 *
 * Nothing gets past the id and the sum by chance: if a flag says so each block
 * that begins with a W is given the magic, the id and the right sum.
 *
 * What must hold: each batch that is handed out lies in the file, whole, with
 * the number that was next. Reading gives the same ones as opening. An append
 * comes out behind them, now and after the next opening.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/be.h"
#include "codec/dbrec.h"
#include "fuzz/fuzz.h"
#include "store/batch.h"
#include "store/journal.h"

#define ID		0x1122334455667788u
#define BLOCKS_MAX	16u
#define B		JOURNAL_BLOCK

#define DURABLE		1u
#define RIGHT_SUMS	2u

static char dir[32], path[64];

static uint8_t image[BLOCKS_MAX * B];
static uint32_t blocks;

static const uint8_t added_key[] = "added";

struct seen {
	uint64_t next;
	uint64_t count;
	bool added;		/* the last one is ours */
};

static void remove_dir(void)
{
	unlink(path);
	rmdir(dir);
}

static void make_dir(void)
{
	if (path[0] != '\0') {
		return;
	}
	/* in memory, if possible: a thousand syncs a second say nothing */
	strcpy(dir, "/dev/shm/winsd-fuzz-XXXXXX");
	if (mkdtemp(dir) == NULL) {
		strcpy(dir, "/tmp/winsd-fuzz-XXXXXX");
		MUST(mkdtemp(dir) != NULL);
	}
	snprintf(path, sizeof(path), "%s/wins.journal", dir);
	atexit(remove_dir);
}

static void write_image(size_t more)
{
	FILE *f = fopen(path, "wb");

	MUST(f != NULL && fwrite(image, 1, blocks * B, f) == blocks * B);
	while (more-- > 0) {
		putc('W', f);
	}
	MUST(fclose(f) == 0);
}

/* ---- the input ---- */

static void place_pieces(const uint8_t *data, size_t size)
{
	memset(image, 0, sizeof(image));
	while (size >= 3) {
		uint8_t *at = image + data[0] % blocks * B;
		size_t len = be16_get(data + 1);
		size_t room = (size_t)(image + blocks * B - at);

		data += 3;
		size -= 3;
		len = len < size ? len : size;
		memcpy(at, data, len < room ? len : room);
		data += len;
		size -= len;
	}
}

/* What the sum of a batch must be; false if it leads out of the file. */
static bool sum_of(uint32_t block, uint32_t *sum)
{
	const uint8_t *at = image + block * B;
	uint64_t len = be32_get(at + 24);

	if (len > (uint64_t)(blocks - block) * B - JOURNAL_HEADER) {
		return false;
	}
	*sum = dbrec_crc32c(0, at, 32);
	*sum = dbrec_crc32c(*sum, at + JOURNAL_HEADER, (size_t)len);
	return true;
}

static void make_right(void)
{
	/* from the end on: the payload of one may be the header of another */
	for (uint32_t i = blocks; i-- > 0; ) {
		uint8_t *at = image + i * B;
		uint32_t sum = 0;

		if (at[0] != 'W') {
			continue;
		}
		memcpy(at, "WNJ1", 4);
		be64_put(at + 8, ID);
		if (sum_of(i, &sum)) {
			be32_put(at + 32, sum);
		}
	}
}

/* ---- what comes out ---- */

static bool lies_in(uint32_t block, uint64_t number,
		    const struct store_batch *batch)
{
	const uint8_t *at = image + block * B;
	uint32_t sum = 0;

	return memcmp(at, "WNJ1", 4) == 0 && be32_get(at + 4) <= 1 &&
	       be64_get(at + 8) == ID && be64_get(at + 16) == number &&
	       be32_get(at + 24) == batch->len &&
	       be32_get(at + 28) == batch->changes && sum_of(block, &sum) &&
	       sum == be32_get(at + 32) &&
	       (batch->len == 0 || memcmp(at + JOURNAL_HEADER, batch->data,
					  batch->len) == 0);
}

static int see(void *arg, const struct store_batch *batch)
{
	struct seen *seen = arg;
	const uint8_t *key = NULL, *value = NULL;
	size_t pos = 0, key_len = 0, value_len = 0;
	unsigned int changes = 0;
	uint32_t block = 0;

	while (store_batch_next(batch, &pos, &key, &key_len, &value,
				&value_len)) {
		changes++;
	}
	MUST(pos == batch->len && changes == batch->changes);
	seen->added = changes == 1 && key_len == sizeof(added_key) &&
		      memcmp(key, added_key, key_len) == 0;
	while (block < blocks && !lies_in(block, seen->next, batch)) {
		block++;
	}
	MUST(block < blocks || seen->added);
	seen->next++;
	seen->count++;
	return 0;
}

/* NULL if it is refused, which may be only for what is in it. */
static struct journal *open_image(const struct journal_config *config,
				  struct journal_pos pos, struct seen *seen)
{
	struct journal *journal = NULL;
	char *message = NULL;
	int err = 0;

	*seen = (struct seen){ .next = pos.sequence };
	err = journal_open(config, ID, pos, see, seen, &journal, &message);
	MUST((err == 0) == (journal != NULL));
	MUST(err == 0 ? message == NULL :
	     err == EILSEQ && strstr(message, path) != NULL);
	free(message);
	return journal;
}

static void read_all(struct journal *journal, struct journal_pos pos,
		     uint64_t count)
{
	struct seen seen = { .next = pos.sequence };
	struct store_batch batch = { .len = 0 };
	int err = 0;

	while ((err = journal_read(journal, &pos, &batch)) == 0) {
		see(&seen, &batch);
	}
	MUST(err == ENOENT && seen.count == count);
	journal_release(journal, &pos);
	batch_free(&batch);
}

static bool append_one(struct journal *journal)
{
	struct store_batch batch = { .len = 0 };
	int err = 0;

	MUST(batch_reserve(&batch, 200));
	batch_add(&batch, added_key, sizeof(added_key), added_key,
		  sizeof(added_key));
	err = journal_append(journal, &batch);
	batch_free(&batch);
	MUST(err == 0 || err == ENOSPC);
	return err == 0;
}

static void try_image(const struct journal_config *config,
		      struct journal_pos pos)
{
	struct seen first, second;
	struct journal *journal = open_image(config, pos, &first);
	bool added = false;

	if (journal == NULL) {
		return;
	}
	added = append_one(journal);
	read_all(journal, pos, first.count + added);
	journal_close(journal);
	journal = open_image(config, pos, &second);
	MUST(journal != NULL);
	MUST(second.count == first.count + added);
	MUST(!added || second.added);
	journal_close(journal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct journal_config config = { .path = path };
	struct journal_pos pos = { 0 };

	if (size < 4) {
		return 0;
	}
	make_dir();
	blocks = 1 + data[1] % BLOCKS_MAX;
	pos.block = data[2] % (BLOCKS_MAX + 2);
	pos.sequence = data[3];
	config.durable = (data[0] & DURABLE) != 0;
	config.size_max = 2 * blocks * B;
	place_pieces(data + 4, size - 4);
	if ((data[0] & RIGHT_SUMS) != 0) {
		make_right();
	}
	write_image(data[0] >> 2);
	try_image(&config, pos);
	return 0;
}
