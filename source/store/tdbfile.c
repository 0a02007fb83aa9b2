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
 *
 * A walk goes chain by chain: tdb_traverse_chain() ends in an error where a
 * chain runs in a circle, tdb_traverse_read() runs in it for ever.
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

#define CHAINS		131071
#define RECORD_MIN	24	/* tdb's own header of a record */
#define SLICE		24	/* records and chains of a walk in one piece */

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

/*
 * Two mutexes make a turnstile: whoever waits for the file holds `next`, and
 * a walk that has just let go of it cannot come before him again.
 */
static void lock(struct tdbfile *file)
{
	pthread_mutex_lock(&file->next);
	pthread_mutex_lock(&file->use);
	pthread_mutex_unlock(&file->next);
}

static void unlock(struct tdbfile *file)
{
	pthread_mutex_unlock(&file->use);
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
	pthread_mutex_init(&file->next, NULL);
	pthread_mutex_init(&file->use, NULL);
	return file;
}

static int open_reader(struct tdbfile *file, const char *path)
{
	struct stat tdbs, ours;

	file->reader = open(path, O_RDONLY | O_CLOEXEC);
	if (file->reader < 0 || fstat(file->reader, &ours) != 0 ||
	    fstat(tdb_fd(file->tdb), &tdbs) != 0) {
		return errno;
	}
	if (ours.st_dev != tdbs.st_dev || ours.st_ino != tdbs.st_ino) {
		return ESTALE;		/* somebody is replacing it */
	}
	file->size = (uint64_t)ours.st_size;
	return 0;
}

int tdbfile_attach(struct tdbfile *file, const char *path, int open_flags)
{
	struct tdb_logging_context log = { tdbfile_note, file };
	int flags = TDB_NOLOCK | TDB_NOMMAP | TDB_INCOMPATIBLE_HASH |
		    TDB_SEQNUM | TDB_DISALLOW_NESTING |
		    (file->durable ? 0 : TDB_NOSYNC);
	int err = 0;

	tdbfile_detach(file);
	tdbfile_list_lock();
	tdbfile_listen(file);
	file->tdb = tdb_open_ex(path, (int)file->chains, flags,
				open_flags | O_CLOEXEC, 0600, &log, NULL);
	err = file->tdb == NULL ? errno : 0;
	tdbfile_list_unlock();
	if (file->tdb == NULL) {
		return err != 0 ? err : EIO;
	}
	file->sealed = false;
	err = open_reader(file, path);
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

int tdbfile_sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL ? strdup(".") :
		       strndup(path, (size_t)(slash - path) + 1);
	int fd = -1, err = 0;

	if (folder == NULL) {
		return ENOMEM;
	}
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = fd < 0 || fsync(fd) != 0 ? errno : 0;
	if (fd >= 0) {
		close(fd);
	}
	free(folder);
	return err;
}

/* An existing file that tdb does not open. */
int tdbfile_refuse(const struct tdbfile *file, int err, char **message)
{
	const char *path = file->path;
	const char *why = *file->complaint != '\0' ? file->complaint :
						     strerror(err);

	if (err != EIO && err != EINVAL) {
		return tdbfile_say(message, err, "%s: %s", path, strerror(err));
	}
	return tdbfile_say(message, EILSEQ,
			   "%s is not a tdb file or is damaged (%s); "
			   "'winsrepair check %s' tells more, 'winsrepair "
			   "salvage %s' saves what is left", path, why, path,
			   path);
}

static int create_under(struct tdbfile *file, const char *temp)
{
	int err = 0;

	if (unlink(temp) != 0 && errno != ENOENT) {
		return errno;
	}
	err = tdbfile_attach(file, temp,
			     O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW);
	if (err == 0) {
		err = tdbfile_write_format(file);
	}
	if (err == 0 && file->durable && fsync(tdb_fd(file->tdb)) != 0) {
		err = errno;
	}
	tdbfile_detach(file);
	if (err == 0 && rename(temp, file->path) != 0) {
		err = errno;
	}
	if (err != 0) {
		unlink(temp);
	}
	return err;
}

static int create(struct tdbfile *file)
{
	char *temp = NULL;
	int err = 0;

	if (asprintf(&temp, "%s.new", file->path) < 0) {
		return ENOMEM;
	}
	err = create_under(file, temp);
	if (err == 0 && file->durable) {
		err = tdbfile_sync_folder(file->path);
	}
	free(temp);
	return err;
}

static int open_there(struct tdbfile *file, int open_flags, char **message)
{
	uint64_t format = 0;
	int err = tdbfile_attach(file, file->path, open_flags);

	if (err != 0) {
		return tdbfile_refuse(file, err, message);
	}
	return tdbfile_read_format(file, &format, message);
}

int tdbfile_open(const struct tdbfile_config *config, struct tdbfile **file,
		 char **message)
{
	struct tdbfile *fresh = tdbfile_new(config->path, config->durable);
	struct stat st;
	int err = 0;

	*file = NULL;
	*message = NULL;
	if (fresh == NULL) {
		return ENOMEM;
	}
	if (config->chains != 0) {
		fresh->chains = config->chains;
	}
	if (lstat(config->path, &st) != 0 && errno == ENOENT) {
		err = create(fresh);
		if (err != 0) {
			tdbfile_say(message, err, "%s cannot be created: %s",
				    config->path, strerror(err));
		}
	}
	if (err == 0) {
		err = open_there(fresh, O_RDWR, message);
	}
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
	int err = 0;

	*file = NULL;
	*message = NULL;
	if (fresh == NULL) {
		return ENOMEM;
	}
	fresh->broken = EROFS;
	err = open_there(fresh, O_RDONLY, message);
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
	pthread_mutex_destroy(&file->use);
	pthread_mutex_destroy(&file->next);
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

/* ---- reading ---- */

void tdbfile_forget_code(struct tdb_context *tdb)
{
	tdb_traverse_chain(tdb, UINT_MAX, NULL, NULL);	/* no such chain */
}

/* A reading call failed; without an errno it was not the disk but what is
 * on it. */
static int read_error(struct tdbfile *file, int saved)
{
	switch (tdb_error(file->tdb)) {
	case TDB_ERR_NOEXIST:
		return ENOENT;
	case TDB_ERR_CORRUPT:
		return EILSEQ;
	default:
		return saved != 0 ? saved : EILSEQ;
	}
}

struct parse {
	void (*fn)(void *arg, const uint8_t *value, size_t value_len);
	void *arg;
};

static int parse_one(TDB_DATA key, TDB_DATA value, void *arg)
{
	struct parse *parse = arg;

	(void)key;
	parse->fn(parse->arg, value.dptr, value.dsize);
	return 0;
}

int tdbfile_fetch(struct tdbfile *file, const uint8_t *key, size_t key_len,
		  void (*fn)(void *arg, const uint8_t *value,
			     size_t value_len),
		  void *arg)
{
	struct parse parse = { fn, arg };
	TDB_DATA k = { .dptr = (uint8_t *)key, .dsize = key_len };
	int err = 0;

	if (file->tdb == NULL) {
		return EBADF;
	}
	lock(file);
	tdbfile_forget_code(file->tdb);
	tdbfile_listen(file);
	if (tdb_parse_record(file->tdb, k, parse_one, &parse) != 0) {
		err = read_error(file, errno);
	}
	unlock(file);
	return err;
}

struct wanted {
	const uint8_t *key;
	size_t key_len;
	const char *wrong;
	uint64_t value;
};

static void parse_number(void *arg, const uint8_t *value, size_t value_len)
{
	struct wanted *wanted = arg;

	wanted->wrong = dbrec_decode_number(wanted->key, wanted->key_len,
					    value, value_len, &wanted->value);
}

int tdbfile_number(struct tdbfile *file, const char *name, uint64_t *number)
{
	uint8_t key[DBREC_KEY_MAX];
	struct wanted found = {
		.key = key,
		.key_len = dbrec_key_meta(key, name),
	};
	int err = tdbfile_fetch(file, key, found.key_len, parse_number, &found);

	*number = 0;
	if (err == 0 && found.wrong != NULL) {
		return EILSEQ;
	}
	if (err == 0) {
		*number = found.value;
	}
	return err;
}

struct walk {
	int (*fn)(void *arg, const uint8_t *key, size_t key_len,
		  const uint8_t *value, size_t value_len);
	void *arg;
	uint64_t left;		/* records that the file can have at most */
	unsigned int work;	/* done in this slice */
	int err;
};

static int walk_one(struct tdb_context *tdb, TDB_DATA key, TDB_DATA value,
		    void *arg)
{
	struct walk *walk = arg;

	(void)tdb;
	walk->work++;
	if (walk->left-- == 0) {
		walk->err = EILSEQ;	/* chains that run into each other */
		return -1;
	}
	walk->err = walk->fn(walk->arg, key.dptr, key.dsize, value.dptr,
			     value.dsize);
	return walk->err == 0 ? 0 : -1;
}

/* Some chains from *chain on, while nobody else uses the file. */
static int walk_slice(struct tdbfile *file, struct walk *walk,
		      unsigned int *chain, unsigned int chains)
{
	walk->work = 0;
	while (*chain < chains && walk->work < SLICE) {
		tdbfile_listen(file);
		tdbfile_forget_code(file->tdb);
		if (tdb_traverse_chain(file->tdb, *chain, walk_one, walk) < 0 &&
		    walk->err == 0) {
			walk->err = read_error(file, errno);
		}
		if (walk->err != 0) {
			return walk->err;
		}
		walk->work++;
		(*chain)++;
	}
	return 0;
}

int tdbfile_walk(struct tdbfile *file,
		 int (*fn)(void *arg, const uint8_t *key, size_t key_len,
			   const uint8_t *value, size_t value_len),
		 void *arg)
{
	struct walk walk = {
		.fn = fn,
		.arg = arg,
		.left = file->size / RECORD_MIN,
	};
	unsigned int chain = 0, chains = 0;
	int err = file->tdb == NULL ? EBADF : 0;

	if (err == 0) {
		chains = (unsigned int)tdb_hash_size(file->tdb);
	}
	while (err == 0 && chain < chains) {
		lock(file);
		err = walk_slice(file, &walk, &chain, chains);
		unlock(file);
	}
	return err;
}
