/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk: wins.tdb, one synced tdb transaction per batch.
 *
 * A new file is made under another name, given its format number, synced and
 * then renamed, so a wins.tdb is whole or is not there. An existing file is
 * opened without O_CREAT, as tdb would format over what it does not know. An
 * empty file is refused too: a server that quietly starts empty gives away
 * every name of its site.
 *
 * No locks of tdb's own: whoever opens the file holds LOCK/winsd.lock
 * (lock.c), and tdb's cost two system calls per chain. The chains number
 * 131071. Every transaction copies the heads of all chains, every lookup walks
 * one, and tdb never rehashes. Measured with 16381, 65521, 131071 and 262139
 * chains: a transaction of one change without syncing takes 45, 55, 75 and
 * 130 us (with syncing 0.8 ms, so it hardly matters), a refresh among a
 * million names 15, 11, 9 and 7 us. The table of heads is half a megabyte of
 * any file, a million names take 126 bytes each, all told.
 *
 * A transaction fails in one of two ways. Before it is prepared nothing of it
 * is on the disk and it is cancelled: this is where a full disk shows. After
 * that the recovery area in the file holds what was there before, and tdb
 * puts it back at once or at the next open. If even that cannot be said
 * (the last sync failed) the handle is given up as it is: closing it would
 * throw the recovery area away. Every later commit fails with the same error
 * until the process starts again. tdb may also repack the file after a commit
 * that is already durable, and fail in that; the sequence number in the
 * header tells.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <tdb.h>
#include <unistd.h>

#include "codec/dbrec.h"
#include "store/internal.h"

#define CHAINS	131071

struct tdb_disk {
	struct tdb_context *tdb;
	char *path;
	char complaint[160];	/* tdb's last, for messages */
	int broken;		/* errno: no commit is possible any more */
};

/* ---- opening ---- */

static void note(struct tdb_context *tdb, enum tdb_debug_level level,
		 const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void note(struct tdb_context *tdb, enum tdb_debug_level level,
		 const char *format, ...)
{
	struct tdb_disk *disk = tdb_get_logging_private(tdb);
	int saved = errno;
	va_list args;

	if (level > TDB_DEBUG_ERROR) {
		return;
	}
	va_start(args, format);
	vsnprintf(disk->complaint, sizeof(disk->complaint), format, args);
	va_end(args);
	disk->complaint[strcspn(disk->complaint, "\r\n")] = '\0';
	errno = saved;
}

static int open_file(struct tdb_disk *disk, const char *path, bool durable,
		     int open_flags)
{
	struct tdb_logging_context log = { note, disk };
	int flags = TDB_NOLOCK | TDB_INCOMPATIBLE_HASH | TDB_SEQNUM |
		    TDB_DISALLOW_NESTING | (durable ? 0 : TDB_NOSYNC);

	errno = 0;
	disk->tdb = tdb_open_ex(path, CHAINS, flags,
				open_flags | O_CLOEXEC, 0600,
				&log, NULL);
	if (disk->tdb != NULL) {
		return 0;
	}
	return errno != 0 ? errno : EIO;
}

static void close_file(struct tdb_disk *disk)
{
	struct tdb_context *tdb = disk->tdb;

	disk->tdb = NULL;
	if (tdb != NULL && !tdb_transaction_active(tdb)) {
		tdb_close(tdb);
	}
}

static int disk_destroy(struct tdb_disk *disk)
{
	close_file(disk);
	return 0;
}

static int sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL ? talloc_strdup(NULL, ".") :
		       talloc_strndup(NULL, path, (size_t)(slash - path) + 1);
	int fd = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY) : -1;
	int err = fd < 0 || fsync(fd) != 0 ? errno : 0;

	if (fd >= 0) {
		close(fd);
	}
	talloc_free(folder);
	return err;
}

static int write_format(struct tdb_disk *disk)
{
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_meta(key, META_FORMAT);
	size_t len = dbrec_encode_number(value, key, key_len, DBREC_FORMAT);
	TDB_DATA k = { .dptr = key, .dsize = key_len };
	TDB_DATA v = { .dptr = value, .dsize = len };

	errno = 0;
	if (tdb_store(disk->tdb, k, v, TDB_INSERT) != 0 ||
	    fsync(tdb_fd(disk->tdb)) != 0) {
		return errno != 0 ? errno : EIO;
	}
	return 0;
}

static int create_file(struct tdb_disk *disk, bool durable)
{
	char *temp = talloc_asprintf(disk, "%s.new", disk->path);
	int err = temp != NULL ? 0 : ENOMEM;

	if (err == 0) {
		err = open_file(disk, temp, durable,
				O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW);
	}
	if (err == 0) {
		err = write_format(disk);
	}
	close_file(disk);
	if (err == 0 && rename(temp, disk->path) != 0) {
		err = errno;
	}
	if (err == 0) {
		err = sync_folder(disk->path);
	} else if (temp != NULL) {
		unlink(temp);
	}
	talloc_free(temp);
	return err;
}

/* ---- what is in the file ---- */

struct format {
	const char *wrong;
	bool is_newer;
};

static int parse_format(TDB_DATA key, TDB_DATA value, void *arg)
{
	struct format *format = arg;
	uint64_t number = 0;

	format->wrong = dbrec_decode_number(key.dptr, key.dsize, value.dptr,
					    value.dsize, &number);
	if (value.dsize > 0 && value.dptr[0] > DBREC_FORMAT) {
		format->is_newer = true;	/* than these very bytes */
	} else if (format->wrong == NULL) {
		format->is_newer = number > DBREC_FORMAT;
		format->wrong = number == 0 ? "format 0" : NULL;
	}
	return 0;
}

/* Is it ours, and of our time? */
static int check_format(struct tdb_disk *disk, TALLOC_CTX *mem_ctx,
			char **message)
{
	struct format format = { .wrong = "no format number" };
	const char *path = disk->path;
	uint8_t bytes[DBREC_KEY_MAX];
	TDB_DATA key = {
		.dptr = bytes,
		.dsize = dbrec_key_meta(bytes, META_FORMAT),
	};

	if (tdb_parse_record(disk->tdb, key, parse_format, &format) != 0) {
		*message = talloc_asprintf(
			mem_ctx, "%s: a tdb file, but not a winsd database or "
			"a badly damaged one (%s); 'winsrepair check %s' tells "
			"more", path, format.wrong, path);
		return EINVAL;
	}
	if (format.is_newer) {
		*message = talloc_asprintf(
			mem_ctx, "%s was written by a newer winsd; use that "
			"one, or bring the records over with 'winsmigrate "
			"export' there and 'winsmigrate import' here", path);
		return EPROTONOSUPPORT;
	}
	if (format.wrong != NULL) {
		*message = talloc_asprintf(
			mem_ctx, "%s is damaged: format number: %s; "
			"'winsrepair check %s' lists all that is damaged, "
			"'winsrepair salvage %s' saves the rest", path,
			format.wrong, path, path);
		return EILSEQ;
	}
	return 0;
}

/* An existing file that tdb does not open. */
static int refuse_file(struct tdb_disk *disk, int err, TALLOC_CTX *mem_ctx,
		       char **message)
{
	const char *path = disk->path;

	if (err != EIO && err != EINVAL) {
		*message = talloc_asprintf(mem_ctx, "%s: %s", path,
					   strerror(err));
		return err;
	}
	*message = talloc_asprintf(
		mem_ctx, "%s is not a tdb file or is damaged (%s); 'winsrepair "
		"check %s' tells more, 'winsrepair salvage %s' saves what is "
		"left", path, *disk->complaint != '\0' ? disk->complaint :
						    strerror(err), path, path);
	return EILSEQ;
}

static int open_disk(struct tdb_disk *disk, bool durable, TALLOC_CTX *mem_ctx,
		     char **message)
{
	struct stat st;
	int err = 0;

	if (stat(disk->path, &st) != 0 && errno == ENOENT) {
		err = create_file(disk, durable);
		if (err != 0) {
			*message = talloc_asprintf(
				mem_ctx, "%s cannot be created: %s",
				disk->path, strerror(err));
			return err;
		}
	}
	err = open_file(disk, disk->path, durable, O_RDWR);
	if (err != 0) {
		return refuse_file(disk, err, mem_ctx, message);
	}
	return check_format(disk, mem_ctx, message);
}

/* ---- loading ---- */

struct walk {
	int (*fn)(void *arg, const uint8_t *key, size_t key_len,
		  const uint8_t *value, size_t value_len);
	void *arg;
	size_t left;		/* records that the file can have at most */
	int err;
};

static int walk_one(struct tdb_context *tdb, TDB_DATA key, TDB_DATA value,
		    void *arg)
{
	struct walk *walk = arg;

	(void)tdb;
	if (walk->left-- == 0) {
		walk->err = EILSEQ;	/* chains that run in circles */
		return -1;
	}
	walk->err = walk->fn(walk->arg, key.dptr, key.dsize, value.dptr,
			     value.dsize);
	return walk->err == 0 ? 0 : -1;
}

static int disk_load(void *priv,
		     int (*fn)(void *arg, const uint8_t *key, size_t key_len,
			       const uint8_t *value, size_t value_len),
		     void *arg)
{
	struct tdb_disk *disk = talloc_get_type_abort(priv, struct tdb_disk);
	struct walk walk = {
		.fn = fn,
		.arg = arg,
		.left = tdb_map_size(disk->tdb) / 24,	/* tdb's own header */
	};

	errno = 0;
	if (tdb_traverse_read(disk->tdb, walk_one, &walk) < 0 &&
	    walk.err == 0) {
		/* without an errno it was not the disk but what is on it */
		walk.err = errno != 0 ? errno : EILSEQ;
	}
	return walk.err;
}

/* ---- committing ---- */

static int tdb_errno(struct tdb_disk *disk)
{
	int saved = errno;

	if (saved == ENOSPC || saved == EDQUOT || saved == EFBIG) {
		return ENOSPC;
	}
	switch (tdb_error(disk->tdb)) {
	case TDB_ERR_OOM:
		return ENOMEM;
	case TDB_ERR_CORRUPT:
		return EILSEQ;
	default:
		return saved != 0 ? saved : EIO;
	}
}

static int write_change(struct tdb_context *tdb, const uint8_t *key,
			size_t key_len, const uint8_t *value, size_t value_len)
{
	TDB_DATA k = { .dptr = (uint8_t *)key, .dsize = key_len };
	TDB_DATA v = { .dptr = (uint8_t *)value, .dsize = value_len };

	if (value != NULL) {
		return tdb_store(tdb, k, v, TDB_REPLACE);
	}
	if (tdb_delete(tdb, k) != 0 && tdb_error(tdb) != TDB_ERR_NOEXIST) {
		return -1;
	}
	return 0;
}

/* All changes, up to the point of no return: 0 or errno, then cancelled. */
static int prepare(struct tdb_disk *disk, const struct store_batch *batch)
{
	const uint8_t *key = NULL, *value = NULL;
	size_t pos = 0, key_len = 0, value_len = 0;
	int ret = 0, err = 0;

	errno = 0;
	if (tdb_transaction_start(disk->tdb) != 0) {
		return tdb_errno(disk);
	}
	while (ret == 0 && store_batch_next(batch, &pos, &key, &key_len,
					    &value, &value_len)) {
		ret = write_change(disk->tdb, key, key_len, value, value_len);
	}
	if (ret == 0 && pos == batch->len) {
		ret = tdb_transaction_prepare_commit(disk->tdb);
		if (ret == 0) {
			return 0;
		}
	}
	err = pos != batch->len && ret == 0 ? EINVAL : tdb_errno(disk);
	if (tdb_transaction_active(disk->tdb)) {
		tdb_transaction_cancel(disk->tdb);
	}
	return err;
}

static int commit_batch(struct tdb_disk *disk, const struct store_batch *batch)
{
	int before = 0, err = 0;

	if (disk->broken != 0 || disk->tdb == NULL) {
		return disk->broken != 0 ? disk->broken : EBADF;
	}
	before = tdb_get_seqnum(disk->tdb);
	err = prepare(disk, batch);
	if (err != 0) {
		return err;
	}
	errno = 0;
	if (tdb_transaction_commit(disk->tdb) == 0) {
		return 0;
	}
	err = tdb_errno(disk);
	if (tdb_transaction_active(disk->tdb)) {
		disk->broken = err;
		return err;
	}
	/* it stands, only the repacking after it failed */
	return tdb_get_seqnum(disk->tdb) != before ? 0 : err;
}

static void disk_commit(void *priv, const struct store_batch *batch,
			void (*done)(void *arg, int error), void *arg)
{
	struct tdb_disk *disk = talloc_get_type_abort(priv, struct tdb_disk);

	done(arg, commit_batch(disk, batch));
}

static void disk_close(void *priv)
{
	close_file(talloc_get_type_abort(priv, struct tdb_disk));
}

int store_tdb_backend(TALLOC_CTX *mem_ctx, const char *path, bool durable,
		      struct store_backend *backend, char **message)
{
	struct tdb_disk *disk = talloc_zero(mem_ctx, struct tdb_disk);
	int err = 0;

	*message = NULL;
	if (disk == NULL) {
		return ENOMEM;
	}
	talloc_set_destructor(disk, disk_destroy);
	disk->path = talloc_strdup(disk, path);
	err = disk->path != NULL ?
		      open_disk(disk, durable, mem_ctx, message) : ENOMEM;
	if (err != 0) {
		talloc_free(disk);
		return err;
	}
	*backend = (struct store_backend){
		.priv = disk,
		.name = disk->path,
		.load = disk_load,
		.commit = disk_commit,
		.close = disk_close,
		.fd = -1,
	};
	return 0;
}
