/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copies of wins.tdb, byte by byte.
 *
 * A copy is made as PATH.part, which must not exist, and gets its name when it
 * has been opened and read to the end. What it had as a recovery area takes
 * effect in it, and what it had as a journal is struck out.
 *
 * Rejected: storing record by record into a new file, which would be smaller
 * and without what crashes leave between records, but takes four times as long
 * for a million names; copy_file_range(), which on some file systems makes two
 * names for the same blocks: one bad block would then damage both.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/tdbfile_private.h"

#define PIECE	(256u * 1024)

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static int write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t put = write(fd, bytes, len);

		if (put < 0 && errno != EINTR) {
			return errno;
		}
		if (put == 0) {
			return ENOSPC;
		}
		if (put > 0) {
			bytes += put;
			len -= (size_t)put;
		}
	}
	return 0;
}

static int copy_all(int from, int to)
{
	uint8_t *piece = malloc(PIECE);
	off_t pos = 0;
	int err = piece != NULL ? 0 : ENOMEM;

	while (err == 0) {
		ssize_t got = pread(from, piece, PIECE, pos);

		if (got == 0) {
			break;
		}
		if (got > 0) {
			err = write_all(to, piece, (size_t)got);
			pos += got;
		} else if (errno != EINTR) {
			err = errno;
		}
	}
	free(piece);
	return err;
}

int tdbfile_copy_bytes(struct tdbfile *file, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
		      O_CLOEXEC, 0600);
	int err = fd >= 0 ? 0 : errno;

	if (fd < 0) {
		return err;
	}
	err = copy_all(file->reader, fd);
	if (close(fd) != 0 && err == 0) {
		err = errno;
	}
	if (err != 0) {
		unlink(path);
	}
	return err;
}

/* Numbers of the journal, which stays with the original. */
static int forget_journal(struct tdbfile *copy)
{
	static const char *const names[] = {
		TDBFILE_JOURNAL_ID, TDBFILE_JOURNAL_SEQUENCE,
		TDBFILE_JOURNAL_BLOCK,
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint8_t key[DBREC_KEY_MAX];
		TDB_DATA k = { key, dbrec_key_meta(key, names[i]) };
		int err = tdbfile_delete(copy, k);

		if (err != 0) {
			return err;
		}
	}
	return 0;
}

/* Open what was written, make it stand for itself, and read all of it. */
static int finish(const char *part, struct tdbfile_content *content)
{
	struct tdbfile *copy = tdbfile_new(part, false);
	int err = copy != NULL ? tdbfile_attach(copy, part, O_RDWR) : ENOMEM;

	if (err == 0) {
		err = forget_journal(copy);
	}
	if (err == 0) {
		err = tdbfile_inspect(copy, content);
	}
	if (err == 0) {
		err = tdbfile_sync_fd(tdb_fd(copy->tdb));
	}
	tdbfile_close(copy);
	return err;
}

/* Give it its name, if nobody has it. */
static int publish(const char *part, const char *path)
{
	if (renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) == 0) {
		return tdbfile_sync_folder(path);
	}
	if (errno != EINVAL && errno != ENOSYS) {
		return errno;
	}
	if (link(part, path) != 0 || unlink(part) != 0) {
		return errno;
	}
	return tdbfile_sync_folder(path);
}

static int copy_through(struct tdbfile *file, const char *part,
			const char *path, struct tdbfile_content *content)
{
	int err = tdbfile_copy_bytes(file, part);

	if (err != 0) {
		return err;
	}
	err = finish(part, content);
	if (err == 0) {
		err = publish(part, path);
	}
	if (err != 0) {
		unlink(part);
	}
	return err;
}

static int say_failed(char **message, int err, const struct tdbfile *file,
		      const char *part, const char *path,
		      const struct tdbfile_content *content)
{
	if (*content->fault != '\0') {
		return tdbfile_say(message, err, "%s: its copy is not whole: "
				   "%s; 'winsrepair check %s' tells whether "
				   "the file itself is", file->path,
				   content->fault, file->path);
	}
	return tdbfile_say(message, err, "%s cannot be copied to %s: %s",
			   file->path, err == EEXIST && is_there(part) ? part :
			   path, strerror(err));
}

int tdbfile_copy(struct tdbfile *file, const char *path, uint64_t *records,
		 char **message)
{
	struct tdbfile_content content = { 0 };
	char *part = NULL;
	int err = 0;

	*records = 0;
	*message = NULL;
	if (asprintf(&part, "%s.part", path) < 0) {
		return ENOMEM;
	}
	if (file->reader < 0) {
		err = EBADF;
	} else if (is_there(path)) {
		err = EEXIST;
	} else {
		err = copy_through(file, part, path, &content);
	}
	if (err != 0) {
		say_failed(message, err, file, part, path, &content);
	}
	free(part);
	*records = err == 0 ? content.records : 0;
	return err;
}
