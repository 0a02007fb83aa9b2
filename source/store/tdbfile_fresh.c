/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A new wins.tdb, filled by a tool beside the one that stands.
 *
 * What makes the server's file slow makes it safe: each access is a call of
 * the kernel, so that a bad block is an error, and each change part of a
 * transaction, so that a crash leaves all of it or nothing. A file that nobody
 * opens before it is whole needs neither. Mapped into memory and without
 * transactions a million records of 70 bytes are looked for and stored in 2.2 s;
 * through calls of the kernel they had not been after a minute.
 *
 * A mapped file can end the tool by a signal (SIGBUS) where a block cannot be
 * had. tdb asks for the blocks when it lets the file grow, so a full disk is
 * still an error of a call; what is left are disks that break. Then the old
 * database stands.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "store/tdbfile_private.h"

int tdbfile_open_fresh(const char *path, struct tdbfile **file, char **message)
{
	struct tdbfile *fresh = tdbfile_new(path, false);
	int err = fresh != NULL ? 0 : ENOMEM;

	*file = NULL;
	*message = NULL;
	if (err == 0) {
		fresh->mapped = true;
		err = tdbfile_create_under(fresh, path);
	}
	if (err != 0) {
		tdbfile_say(message, err, "%s cannot be created: %s", path,
			    strerror(err));
		tdbfile_close(fresh);
		return err;
	}
	*file = fresh;
	return 0;
}

int tdbfile_put(struct tdbfile *file, const uint8_t *key, size_t key_len,
		const uint8_t *value, size_t value_len)
{
	TDB_DATA k = { .dptr = (uint8_t *)key, .dsize = key_len };
	TDB_DATA v = { .dptr = (uint8_t *)value, .dsize = value_len };

	int err = 0;

	tdbfile_listen(file);
	if (tdb_store(file->tdb, k, v, TDB_REPLACE) == 0 &&
	    *file->complaint == '\0') {
		return 0;
	}
	err = tdbfile_failure(file, errno);
	/*
	 * Where a file cannot grow, tdb says nothing, and posix_fallocate(),
	 * which it asked, sets no errno.
	 */
	return err == EIO && *file->complaint == '\0' ? ENOSPC : err;
}

struct get {
	void (*fn)(void *arg, const uint8_t *value, size_t value_len);
	void *arg;
};

static int give(TDB_DATA key, TDB_DATA data, void *private_data)
{
	struct get *get = private_data;

	(void)key;
	get->fn(get->arg, data.dptr, data.dsize);
	return 0;
}

int tdbfile_get(struct tdbfile *file, const uint8_t *key, size_t key_len,
		void (*fn)(void *arg, const uint8_t *value, size_t value_len),
		void *arg)
{
	TDB_DATA k = { .dptr = (uint8_t *)key, .dsize = key_len };
	struct get get = { .fn = fn, .arg = arg };

	tdbfile_listen(file);
	if (tdb_parse_record(file->tdb, k, give, &get) == 0) {
		return 0;
	}
	return *file->complaint == '\0' ? ENOENT :
					  tdbfile_failure(file, errno);
}

int tdbfile_finish(struct tdbfile *file, uint64_t *records, char **message)
{
	struct tdbfile_content content = { 0 };
	int err = tdbfile_measure(file);

	*records = 0;
	*message = NULL;
	if (err == 0) {
		err = tdbfile_inspect(file, &content);
	}
	if (err == EILSEQ) {
		return tdbfile_say(message, err, "%s is not whole: %s",
				   file->path, content.fault);
	}
	if (err == 0) {
		err = tdbfile_sync_fd(tdb_fd(file->tdb));
	}
	if (err == 0) {
		err = tdbfile_sync_folder(file->path);
	}
	if (err != 0) {
		return tdbfile_say(message, err, "%s: %s", file->path,
				   strerror(err));
	}
	*records = content.records;
	return 0;
}
