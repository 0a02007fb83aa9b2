/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * STATE/usage.tdb, see usage_file.h.
 *
 *	"head"		the format, the key of the hashes, since when is counted
 *	"clients", "missing", "sets"	the entries of a table, one behind another
 *
 * Each time the whole file is made anew under another name and renamed. A few
 * megabytes every five minutes are nothing to a disk, and a file that is never
 * changed is never half changed. Rejected: a record for each entry and one
 * transaction for those that changed; in a living network that is most of them.
 *
 * The sums find a disk's flipped bit: from a wrong "since" somebody would
 * learn that nobody asked for a name, and delete it.
 */
#include "usage_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <tdb.h>
#include <unistd.h>

#include "store/siphash.h"
#include "store/tdbfile.h"

#define HEAD		"head"
#define UNFINISHED	".new"
#define CHAINS		7
#define FLAGS		(TDB_NOLOCK | TDB_NOMMAP | TDB_INCOMPATIBLE_HASH | \
			 TDB_NOSYNC)
#define SPARE_BYTES	(8u << 20)	/* left free for the server itself */

static const char *const part_name[USAGE_PARTS] = {
	[USAGE_PART_CLIENTS] = "clients",
	[USAGE_PART_MISSING] = "missing",
	[USAGE_PART_SETS] = "sets",
};

/* ---- the image ---- */

int usage_image_add(struct usage_image *image, enum usage_part part,
		    const uint8_t *data, size_t len)
{
	struct usage_bytes *bytes = &image->part[part];

	if (bytes->size - bytes->len < len) {
		size_t size = 2 * bytes->size + len + 4096;
		uint8_t *more = realloc(bytes->data, size);

		if (more == NULL) {
			return ENOMEM;
		}
		bytes->data = more;
		bytes->size = size;
	}
	memcpy(bytes->data + bytes->len, data, len);
	bytes->len += len;
	return 0;
}

void usage_image_empty(struct usage_image *image)
{
	for (unsigned int i = 0; i < USAGE_PARTS; i++) {
		free(image->part[i].data);
	}
	*image = (struct usage_image) { .head.format = 0 };
}

static uint64_t sum_of(const struct usage_image *image, unsigned int part)
{
	const struct usage_bytes *bytes = &image->part[part];

	return siphash(image->head.key, bytes->data, bytes->len, 2, 4);
}

/* ---- libtdb ---- */

static struct tdb_context *open_tdb(const char *path, int flags)
{
	struct tdb_context *tdb = NULL;
	int saved = 0;

	tdbfile_list_lock();
	errno = 0;
	tdb = tdb_open_ex(path, CHAINS, FLAGS, flags | O_CLOEXEC | O_NOFOLLOW,
			  0600, NULL, NULL);
	saved = errno;
	tdbfile_list_unlock();
	errno = saved != 0 ? saved : EIO;
	return tdb;
}

static void close_tdb(struct tdb_context *tdb)
{
	tdbfile_list_lock();
	(void)tdb_close(tdb);
	tdbfile_list_unlock();
}

static TDB_DATA key_of(const char *name)
{
	return (TDB_DATA) {
		.dptr = (uint8_t *)(uintptr_t)name,
		.dsize = strlen(name),
	};
}

/* ---- writing ---- */

static int store(struct tdb_context *tdb, const char *name, uint8_t *data,
		 size_t len)
{
	TDB_DATA value = { .dptr = data, .dsize = len };

	errno = 0;
	if (tdb_store(tdb, key_of(name), value, TDB_INSERT) == 0) {
		return 0;
	}
	return errno != 0 ? errno : EIO;
}

static int store_all(struct tdb_context *tdb, struct usage_image *image)
{
	uint8_t head[USAGE_HEAD_LEN];
	int ret = 0;

	for (unsigned int i = 0; i < USAGE_PARTS && ret == 0; i++) {
		image->head.sum[i] = sum_of(image, i);
		ret = store(tdb, part_name[i], image->part[i].data,
			    image->part[i].len);
	}
	usage_head_encode(&image->head, head);
	return ret != 0 ? ret : store(tdb, HEAD, head, sizeof(head));
}

static int write_new(const char *path, struct usage_image *image)
{
	struct tdb_context *tdb = NULL;
	int ret = 0;

	if (unlink(path) != 0 && errno != ENOENT) {
		return errno;
	}
	tdb = open_tdb(path, O_RDWR | O_CREAT | O_EXCL);
	if (tdb == NULL) {
		return errno;
	}
	ret = store_all(tdb, image);
	if (ret == 0 && fsync(tdb_fd(tdb)) != 0) {
		ret = errno;
	}
	close_tdb(tdb);
	return ret;
}

/* Is there room for it, beside the old one? */
static int find_room(const char *path, const struct usage_image *image)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";
	struct statvfs vfs;
	uint64_t bytes = SPARE_BYTES;

	if (slash != NULL) {
		(void)snprintf(folder, sizeof(folder), "%.*s/",
			       (int)(slash - path), path);
	}
	for (unsigned int i = 0; i < USAGE_PARTS; i++) {
		bytes += image->part[i].len;
	}
	if (statvfs(folder, &vfs) != 0) {
		return errno;
	}
	return vfs.f_frsize * (uint64_t)vfs.f_bavail < bytes ? ENOSPC : 0;
}

int usage_file_write(const char *path, struct usage_image *image)
{
	char new[PATH_MAX];
	int ret = 0;

	if (snprintf(new, sizeof(new), "%s" UNFINISHED, path) >= PATH_MAX) {
		return ENAMETOOLONG;
	}
	image->head.format = USAGE_FORMAT;
	ret = find_room(path, image);
	if (ret == 0) {
		ret = write_new(new, image);
	}
	if (ret == 0 && rename(new, path) != 0) {
		ret = errno;
	}
	if (ret != 0) {
		(void)unlink(new);
		return ret;
	}
	return tdbfile_sync_folder(path);
}

/* ---- reading ---- */

/* A regular file of a size that can be; tdb maps and believes much else. */
static int look(const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0) {
		return errno;
	}
	return S_ISREG(st.st_mode) && st.st_size <= USAGE_FILE_MAX ? 0 :
								     EILSEQ;
}

static int fetch_head(struct tdb_context *tdb, struct usage_head *head)
{
	TDB_DATA value = tdb_fetch(tdb, key_of(HEAD));
	bool good = value.dptr != NULL &&
		    usage_head_decode(value.dptr, value.dsize, head);

	free(value.dptr);
	if (!good) {
		return EILSEQ;
	}
	return head->format == USAGE_FORMAT ? 0 : EPROTONOSUPPORT;
}

/* An empty value is nothing to be freed for some allocators, so NULL is. */
static int fetch_part(struct tdb_context *tdb, struct usage_image *image,
		      unsigned int part)
{
	TDB_DATA value = tdb_fetch(tdb, key_of(part_name[part]));

	image->part[part] = (struct usage_bytes) {
		.data = value.dptr,
		.len = value.dptr == NULL ? 0 : value.dsize,
		.size = value.dsize,
	};
	return sum_of(image, part) == image->head.sum[part] ? 0 : EILSEQ;
}

/* libtdb has many errors for what is no tdb file, and some are odd. */
static int open_error(int error)
{
	switch (error) {
	case EACCES:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EPERM:
		return error;
	}
	return EILSEQ;
}

int usage_file_read(const char *path, struct usage_image *image)
{
	struct tdb_context *tdb = NULL;
	int ret = look(path);

	if (ret != 0) {
		return ret;
	}
	tdb = open_tdb(path, O_RDONLY);
	if (tdb == NULL) {
		return open_error(errno);
	}
	ret = fetch_head(tdb, &image->head);
	for (unsigned int i = 0; i < USAGE_PARTS && ret == 0; i++) {
		ret = fetch_part(tdb, image, i);
	}
	close_tdb(tdb);
	if (ret != 0) {
		usage_image_empty(image);
	}
	return ret;
}
