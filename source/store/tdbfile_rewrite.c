/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wins.tdb written anew, key by key.
 *
 * tdb gives no room back to the file system: what was deleted leaves gaps that
 * only new records fill. A file that has come close to its 4 GiB gets small
 * again in no other way than this. It takes some 30 us a record, a copy of the
 * bytes (tdbfile_copy.c) one, so a running server does not do it.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/tdbfile_private.h"

struct rewrite {
	struct tdbfile *to;
	const char *wrong;
};

static bool is_number(const uint8_t *key, size_t key_len, const char *name)
{
	uint8_t own[DBREC_KEY_MAX];
	size_t own_len = dbrec_key_meta(own, name);

	return key_len == own_len && memcmp(key, own, own_len) == 0;
}

static int rewrite_one(void *arg, const uint8_t *key, size_t key_len,
		       const uint8_t *value, size_t value_len)
{
	struct rewrite *work = arg;
	TDB_DATA k = { .dptr = (uint8_t *)key, .dsize = key_len };
	TDB_DATA v = { .dptr = (uint8_t *)value, .dsize = value_len };
	/* an older format stays one: opening the file converts it */
	int flag = is_number(key, key_len, META_FORMAT) ? TDB_REPLACE :
							  TDB_INSERT;

	if (is_number(key, key_len, TDBFILE_JOURNAL_ID) ||
	    is_number(key, key_len, TDBFILE_JOURNAL_SEQUENCE) ||
	    is_number(key, key_len, TDBFILE_JOURNAL_BLOCK)) {
		return 0;
	}
	tdbfile_listen(work->to);
	if (tdb_store(work->to->tdb, k, v, flag) == 0) {
		return 0;
	}
	if (tdb_error(work->to->tdb) == TDB_ERR_EXISTS) {
		work->wrong = "a key stands twice";
		return EILSEQ;
	}
	return tdbfile_failure(work->to, errno);
}

/* All keys into the new file; then that must be as good as any. */
static int fill(struct tdbfile *file, struct rewrite *work,
		struct tdbfile_content *content)
{
	int err = tdbfile_walk(file, rewrite_one, work);

	if (err == EILSEQ) {
		snprintf(content->fault, sizeof(content->fault), "%s",
			 work->wrong != NULL ? work->wrong :
			 tdbfile_chain_fault(file));
	}
	if (err == 0) {
		err = tdbfile_inspect(work->to, content);
	}
	return err != 0 ? err : tdbfile_sync(work->to);
}

static int write_to(struct tdbfile *file, const char *path,
		    struct tdbfile_content *content)
{
	struct tdbfile *to = tdbfile_new(path, true);
	struct rewrite work = { .to = to };
	int err = to != NULL ? tdbfile_create_under(to, path) : ENOMEM;

	if (err == 0) {
		err = fill(file, &work, content);
	}
	tdbfile_close(to);
	return err != 0 ? err : tdbfile_sync_folder(path);
}

int tdbfile_rewrite(struct tdbfile *file, const char *path, uint64_t *records,
		    char **message)
{
	struct tdbfile_content content = { 0 };
	int err = 0;

	*records = 0;
	*message = NULL;
	if (access(path, F_OK) == 0) {
		return tdbfile_say(message, EEXIST, "%s: %s", path,
				   strerror(EEXIST));
	}
	err = write_to(file, path, &content);
	if (err == EILSEQ) {
		tdbfile_say_damaged(message, err, file->path, &content);
	} else if (err != 0) {
		tdbfile_say(message, err, "%s cannot be copied to %s: %s",
			    file->path, path, strerror(err));
	}
	if (err != 0) {
		unlink(path);
		return err;
	}
	*records = content.records;
	return 0;
}
