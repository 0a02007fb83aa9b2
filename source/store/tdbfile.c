/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wins.tdb as a file: made, opened, read.
 *
 * A new file is made under another name, given its format number, synced and
 * then renamed, so a wins.tdb is whole or is not there. An existing file is
 * opened without O_CREAT, as tdb would format over what it does not know. An
 * empty file is refused too: a server that quietly starts empty gives away
 * every name of its site.
 *
 * No locks of tdb's own: whoever opens the file holds LOCK/winsd.lock
 * (lock.c), and tdb's cost two system calls per chain. No mmap: see tdbfile.h.
 * The chains number 131071. Every transaction copies the heads of all chains,
 * every lookup walks one, and tdb never rehashes. Measured with 16381, 65521,
 * 131071 and 262139 chains: a transaction of one change without syncing takes
 * 45, 55, 75 and 130 us (with syncing 0.8 ms, so it hardly matters), a refresh
 * among a million names 15, 11, 9 and 7 us. The table of heads is half a
 * megabyte of any file, a million names take 126 bytes each, all told.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/tdbfile_private.h"

#define CHAINS	131071

int tdbfile_say(char **message, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(message, format, args) < 0) {
		*message = NULL;
	}
	va_end(args);
	return err;
}

/* ---- one at a time ---- */

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;

void tdbfile_list_lock(void)
{
	pthread_mutex_lock(&list_lock);
}

void tdbfile_list_unlock(void)
{
	pthread_mutex_unlock(&list_lock);
}

/* ---- opening ---- */

struct tdbfile *tdbfile_new(const char *path, bool durable)
{
	struct tdbfile *file = calloc(1, sizeof(*file));

	if (file == NULL) {
		return NULL;
	}
	file->path = strdup(path);
	if (file->path == NULL) {
		free(file);
		return NULL;
	}
	file->durable = durable;
	file->chains = CHAINS;
	file->reader = -1;
	return file;
}

int tdbfile_measure(struct tdbfile *file)
{
	struct stat st;

	if (fstat(file->reader, &st) != 0) {
		return errno;
	}
	file->size = (uint64_t)st.st_size;
	return 0;
}

static int open_reader(struct tdbfile *file, const char *path)
{
	file->reader = open(path, O_RDONLY | O_CLOEXEC);
	return file->reader < 0 ? errno : tdbfile_measure(file);
}

static bool is_same_file(int one, int other)
{
	struct stat st[2];

	return fstat(one, &st[0]) == 0 && fstat(other, &st[1]) == 0 &&
	       st[0].st_dev == st[1].st_dev && st[0].st_ino == st[1].st_ino;
}

static int open_tdb(struct tdbfile *file, const char *path, int open_flags)
{
	struct tdb_logging_context log = { tdbfile_note, file };
	int flags = TDB_NOLOCK | TDB_INCOMPATIBLE_HASH | TDB_SEQNUM |
		    TDB_DISALLOW_NESTING | (file->mapped ? 0 : TDB_NOMMAP) |
		    (file->durable ? 0 : TDB_NOSYNC);
	int err = 0;

	tdbfile_list_lock();
	tdbfile_listen(file);
	file->tdb = tdb_open_ex(path, (int)file->chains, flags,
				open_flags | O_CLOEXEC, 0600, &log, NULL);
	err = errno;
	tdbfile_list_unlock();
	file->sealed = false;
	if (file->tdb == NULL) {
		return err != 0 ? err : EIO;
	}
	if (file->durable) {
		/* TDB_NO_FSYNC in the environment is not for us */
		tdb_remove_flags(file->tdb, TDB_NOSYNC);
	}
	return 0;
}

int tdbfile_attach(struct tdbfile *file, const char *path, int open_flags)
{
	bool is_new = (open_flags & O_CREAT) != 0;
	int err = 0;

	tdbfile_detach(file);
	if (!is_new) {
		err = open_reader(file, path);
	}
	if (err == 0 && !is_new) {
		err = tdbfile_check_header(file, open_flags == O_RDWR);
	}
	if (err == 0) {
		err = open_tdb(file, path, open_flags);
	}
	if (err == 0 && is_new) {
		err = open_reader(file, path);
	}
	if (err == 0 && !is_same_file(file->reader, tdb_fd(file->tdb))) {
		err = ESTALE;		/* somebody is replacing it */
	}
	if (err == 0) {
		err = tdbfile_learn(file);
	}
	if (err == 0 && !is_new && open_flags == O_RDWR) {
		err = tdbfile_mend_tail(file);
	}
	if (err != 0) {
		tdbfile_detach(file);
	}
	return err;
}

void tdbfile_detach(struct tdbfile *file)
{
	if (file->tdb != NULL) {
		tdbfile_list_lock();
		tdb_close(file->tdb);
		tdbfile_list_unlock();
		file->tdb = NULL;
	}
	if (file->reader >= 0) {
		close(file->reader);
		file->reader = -1;
	}
}

int tdbfile_sync_fd(int fd)
{
	while (fsync(fd) != 0) {
		if (errno != EINTR) {	/* that one has waited for nothing */
			return errno;
		}
	}
	return 0;
}

/* Without memory, as it comes when all is done and could only fail half. */
int tdbfile_sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";
	int fd = -1, err = 0;

	if (slash != NULL) {
		size_t len = (size_t)(slash - path) + 1;

		if (len >= sizeof(folder)) {
			return ENAMETOOLONG;
		}
		memcpy(folder, path, len);
		folder[len] = '\0';
	}
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = fd < 0 ? errno : tdbfile_sync_fd(fd);
	if (fd >= 0) {
		close(fd);
	}
	return err;
}

/* An existing file that tdb does not open. */
static int refuse(const struct tdbfile *file, int err, char **message)
{
	const char *path = file->path;

	switch (err) {
	case EUCLEAN:
		return tdbfile_say(message, err,
				   "%s was left in the middle of a "
				   "transaction; starting winsd on it takes "
				   "that back", path);
	case EIO:
	case EINVAL:
	case EILSEQ:
		return tdbfile_say(message, EILSEQ,
				   "%s is not a tdb file or is damaged (%s); "
				   "'winsrepair check %s' tells more, "
				   "'winsrepair salvage %s' saves what is left",
				   path, *file->complaint != '\0' ?
				   file->complaint : strerror(err), path, path);
	default:
		return tdbfile_say(message, err, "%s: %s", path, strerror(err));
	}
}

int tdbfile_create_under(struct tdbfile *file, const char *temp)
{
	int err = 0;

	if (unlink(temp) != 0 && errno != ENOENT) {
		return errno;
	}
	err = tdbfile_attach(file, temp,
			     O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW);
	return err != 0 ? err : tdbfile_write_format(file);
}

int tdbfile_sync(struct tdbfile *file)
{
	return file->durable ? tdbfile_sync_fd(tdb_fd(file->tdb)) : 0;
}

static int create_through(struct tdbfile *file, const char *temp)
{
	int err = tdbfile_create_under(file, temp);

	if (err == 0) {
		err = tdbfile_sync(file);
	}
	tdbfile_detach(file);
	if (err == 0 && rename(temp, file->path) != 0) {
		err = errno;
	}
	if (err != 0) {
		unlink(temp);
		return err;
	}
	return file->durable ? tdbfile_sync_folder(file->path) : 0;
}

static int create(struct tdbfile *file, char **message)
{
	char *temp = NULL;
	int err = 0;

	if (asprintf(&temp, "%s.new", file->path) < 0) {
		return ENOMEM;
	}
	err = create_through(file, temp);
	free(temp);
	if (err != 0) {
		tdbfile_say(message, err, "%s cannot be created: %s",
			    file->path, strerror(err));
	}
	return err;
}

/*
 * A process that was killed left in the kernel's cache what it had not synced,
 * and so we may see a transaction that is over where the disk still has what
 * takes it back. Nothing may rest on it before the disk knows too: a power cut
 * would take the announced journal from the file, and all that is in it.
 */
static int settle(struct tdbfile *file, char **message)
{
	int err = tdbfile_sync(file);

	return err == 0 ? 0 : tdbfile_say(message, err, "%s cannot be synced: "
					  "%s", file->path, strerror(err));
}

static int open_there(struct tdbfile *file, int open_flags, uint64_t *format,
		      char **message)
{
	struct stat st;
	int err = 0;

	if (stat(file->path, &st) == 0 && !S_ISREG(st.st_mode)) {
		return tdbfile_say(message, EINVAL, "%s is not a regular file",
				   file->path);
	}
	err = tdbfile_attach(file, file->path, open_flags);
	if (err != 0) {
		return refuse(file, err, message);
	}
	err = tdbfile_read_format(file, format, message);
	return err == 0 && open_flags == O_RDWR ? settle(file, message) : err;
}

static int open_or_create(struct tdbfile *file, char **message)
{
	uint64_t format = 0;
	struct stat st;
	int err = 0;

	if (lstat(file->path, &st) != 0 && errno == ENOENT) {
		err = create(file, message);
	}
	if (err == 0) {
		err = open_there(file, O_RDWR, &format, message);
	}
	if (err != 0 || format == TDBFILE_FORMAT) {
		return err;
	}
	err = tdbfile_convert(file, format, message);
	return err != 0 ? err : open_there(file, O_RDWR, &format, message);
}

int tdbfile_open(const struct tdbfile_config *config, struct tdbfile **file,
		 char **message)
{
	struct tdbfile *fresh = tdbfile_new(config->path, config->durable);
	int err = 0;

	*file = NULL;
	*message = NULL;
	if (fresh == NULL) {
		return ENOMEM;
	}
	if (config->chains != 0) {
		fresh->chains = config->chains;
	}
	err = open_or_create(fresh, message);
	if (err != 0) {
		tdbfile_close(fresh);
		return err;
	}
	*file = fresh;
	return 0;
}

int tdbfile_open_read(const char *path, struct tdbfile **file, char **message)
{
	struct tdbfile *fresh = tdbfile_new(path, true);
	uint64_t format = 0;
	int err = 0;

	*file = NULL;
	*message = NULL;
	if (fresh == NULL) {
		return ENOMEM;
	}
	fresh->broken = EROFS;
	err = open_there(fresh, O_RDONLY, &format, message);
	if (err != 0) {
		tdbfile_close(fresh);
		return err;
	}
	*file = fresh;
	return 0;
}

void tdbfile_close(struct tdbfile *file)
{
	if (file == NULL) {
		return;
	}
	tdbfile_detach(file);
	free(file->path);
	free(file);
}

uint64_t tdbfile_size(const struct tdbfile *file)
{
	return file->size;
}

const char *tdbfile_complaint(const struct tdbfile *file)
{
	return file->complaint;
}

void tdbfile_forget_code(struct tdb_context *tdb)
{
	tdb_traverse_chain(tdb, UINT_MAX, NULL, NULL);	/* no such chain */
}
