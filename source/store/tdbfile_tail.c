/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The end of wins.tdb, as a crash may leave it.
 *
 * When a file grows its new end becomes a free record. Before, tdb looks at
 * the last four bytes, which tell where the record before them begins; if that
 * is free, too, both become one, and since the one before is in the list of
 * free records already, nothing is put into it.
 *
 * A machine that stops while the file grows can leave anything at its end, a
 * header of a free record from the page that was copied there among it. It is
 * in no list, so all that the file grows by is lost with it: tdb looks for room
 * again, finds none, lets the file grow, and so on to 4 GiB, where it gives up.
 * From then on no transaction that needs room succeeds.
 *
 * So before we write to a file, such an end loses the number that leads to it.
 * It stays unused; tdb goes by lists and never looks there.
 */

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/tdbfile_private.h"

#define AT_FREE_LIST	168u		/* its first record */
#define FREE_MAGIC	0xd9fee666u

struct free_record {
	uint32_t next;
	uint32_t room;
	uint32_t lengths[2];
	uint32_t hash;
	uint32_t magic;
};

/* 0 if the record is in the list, ENOENT if not, EILSEQ if that has no end. */
static int find_free(struct tdbfile *file, uint32_t wanted)
{
	uint64_t left = file->size / sizeof(struct free_record);
	uint32_t at = AT_FREE_LIST;
	int err = 0;

	while (err == 0) {
		err = tdbfile_words(file, at, &at, 1, file->swap);
		if (err == 0 && at == wanted) {
			return 0;
		}
		if (err == 0 && at == 0) {
			return ENOENT;
		}
		if (left-- == 0) {
			return EILSEQ;
		}
	}
	return err;
}

/* Where the free record begins that the end of the file leads to; 0: none. */
static int last_free(struct tdbfile *file, uint32_t *at)
{
	struct free_record rec = { 0 };
	uint32_t len = 0;
	int err = tdbfile_words(file, file->size - sizeof(len), &len, 1,
				file->swap);

	*at = 0;
	if (err != 0 || len <= sizeof(rec) ||
	    len > file->size - AT_FREE_LIST) {
		return err;
	}
	err = tdbfile_words(file, file->size - len, &rec.next,
			    sizeof(rec) / sizeof(uint32_t), file->swap);
	if (err == 0 && rec.magic == FREE_MAGIC) {
		*at = (uint32_t)(file->size - len);
	}
	return err;
}

static int forget_end(const struct tdbfile *file)
{
	const uint32_t none = 0;
	ssize_t put = 0;

	do {
		put = pwrite(tdb_fd(file->tdb), &none, sizeof(none),
			     (off_t)(file->size - sizeof(none)));
	} while (put < 0 && errno == EINTR);
	if (put != sizeof(none)) {
		return put < 0 ? errno : EIO;
	}
	return 0;
}

int tdbfile_mend_tail(struct tdbfile *file)
{
	struct stat st;
	uint32_t at = 0;
	int err = 0;

	/* what tdb took back at the opening may have made the file shorter */
	if (fstat(file->reader, &st) != 0) {
		return errno;
	}
	file->size = (uint64_t)st.st_size;
	err = last_free(file, &at);
	if (err != 0 || at == 0) {
		return err;
	}
	err = find_free(file, at);
	/* a damaged list is for others to tell */
	return err == ENOENT ? forget_end(file) : err == EILSEQ ? 0 : err;
}
