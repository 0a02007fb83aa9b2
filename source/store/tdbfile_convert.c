/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Formats of wins.tdb: the number in it, and older ones made new.
 *
 * The number tells how the file is to be used: which keys there are, what they
 * mean together, which other files belong to it. How the bytes of a value are
 * to be read its own first byte tells (codec/dbrec.h).
 *
 * A file of an older format is copied key by key into a new one beside it,
 * which is checked and synced; then the old one gets a second name, and only
 * then the new one its place. A crash leaves the one or the other there, whole.
 * Rejected: changing the file where it is, in one transaction. It would be as
 * safe, but an older winsd could not be brought back.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/tdbfile_private.h"

int tdbfile_write_format(struct tdbfile *file)
{
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_meta(key, META_FORMAT);
	size_t len = dbrec_encode_number(value, key, key_len, TDBFILE_FORMAT);
	TDB_DATA k = { .dptr = key, .dsize = key_len };
	TDB_DATA v = { .dptr = value, .dsize = len };

	tdbfile_listen(file);
	return tdb_store(file->tdb, k, v, TDB_REPLACE) == 0 ? 0 :
	       tdbfile_failure(file, errno);
}

struct format {
	const uint8_t *key;
	size_t key_len;
	const char *wrong;
	uint64_t number;
	bool is_newer;		/* even its numbers are written anew */
};

static void parse_format(void *arg, const uint8_t *value, size_t value_len)
{
	struct format *format = arg;

	format->wrong = dbrec_decode_number(format->key, format->key_len,
					    value, value_len, &format->number);
	format->is_newer = value_len > 0 && value[0] > DBREC_FORMAT;
	if (format->wrong == NULL && format->number == 0) {
		format->wrong = "format 0";
	}
}

int tdbfile_read_format(struct tdbfile *file, uint64_t *number, char **message)
{
	uint8_t key[DBREC_KEY_MAX];
	struct format format = {
		.key = key,
		.key_len = dbrec_key_meta(key, META_FORMAT),
	};
	const char *path = file->path;
	int err = tdbfile_fetch(file, key, format.key_len, parse_format,
				&format);

	*number = format.number;
	if (err == ENOENT || err == EILSEQ) {
		return tdbfile_say(
			message, err == ENOENT ? EINVAL : EILSEQ,
			"%s: a tdb file, but not a winsd database or a badly "
			"damaged one (%s); 'winsrepair check %s' tells more",
			path, err == ENOENT ? "no format number" :
			"a chain is damaged", path);
	}
	if (err != 0) {
		return tdbfile_say(message, err, "%s cannot be read: %s", path,
				   strerror(err));
	}
	if (format.is_newer || format.number > TDBFILE_FORMAT) {
		return tdbfile_say(
			message, EPROTONOSUPPORT,
			"%s was written by a newer winsd; use that one, or "
			"bring the records over with 'winsmigrate export' "
			"there and 'winsmigrate import' here", path);
	}
	if (format.wrong != NULL) {
		return tdbfile_say(
			message, EILSEQ,
			"%s is damaged: format number: %s; 'winsrepair check "
			"%s' lists all that is damaged, 'winsrepair salvage "
			"%s' saves the rest", path, format.wrong, path, path);
	}
	return 0;
}

/* ---- older formats ---- */

struct item {
	uint8_t key[DBREC_KEY_MAX];
	uint8_t value[DBREC_VALUE_MAX];
	size_t key_len;
	size_t value_len;
};

/*
 * What becomes of each key and value, one format at a time. NULL: nothing,
 * only what stands beside them has changed.
 */
static const struct {
	uint64_t from;
	const char *(*change)(struct item *item);	/* what is wrong */
} steps[] = {
	{ 1, NULL },		/* 2: there may be a journal */
};

_Static_assert(sizeof(steps) / sizeof(steps[0]) == TDBFILE_FORMAT - 1,
	       "a step for each format before today's");

struct conversion {
	struct tdbfile *from;
	struct tdbfile *to;
	uint64_t format;
	bool is_alone;		/* no journal will belong to it */
	const char *wrong;
};

static bool is_of_journal(const uint8_t *key, size_t key_len)
{
	static const char *const names[] = {
		TDBFILE_JOURNAL_ID, TDBFILE_JOURNAL_SEQUENCE,
		TDBFILE_JOURNAL_BLOCK,
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint8_t own[DBREC_KEY_MAX];
		size_t own_len = dbrec_key_meta(own, names[i]);

		if (key_len == own_len && memcmp(key, own, own_len) == 0) {
			return true;
		}
	}
	return false;
}

static int store_item(struct conversion *work, struct item *item)
{
	TDB_DATA k = { .dptr = item->key, .dsize = item->key_len };
	TDB_DATA v = { .dptr = item->value, .dsize = item->value_len };

	tdbfile_listen(work->to);
	if (tdb_store(work->to->tdb, k, v, TDB_INSERT) == 0) {
		return 0;
	}
	if (tdb_error(work->to->tdb) == TDB_ERR_EXISTS) {
		work->wrong = "a key stands twice";
		return EILSEQ;
	}
	return tdbfile_failure(work->to, errno);
}

static int convert_one(void *arg, const uint8_t *key, size_t key_len,
		       const uint8_t *value, size_t value_len)
{
	struct conversion *work = arg;
	struct item item = { .key_len = key_len, .value_len = value_len };
	uint8_t format[DBREC_KEY_MAX];
	size_t format_len = dbrec_key_meta(format, META_FORMAT);

	if (key_len > sizeof(item.key) || value_len > sizeof(item.value)) {
		work->wrong = "a key or a value is too long";
		return EILSEQ;
	}
	if (key_len == format_len && memcmp(key, format, key_len) == 0) {
		return 0;		/* the new file has its own */
	}
	if (work->is_alone && is_of_journal(key, key_len)) {
		return 0;
	}
	memcpy(item.key, key, key_len);
	memcpy(item.value, value, value_len);
	for (uint64_t from = work->format; from < TDBFILE_FORMAT; from++) {
		if (steps[from - 1].change != NULL) {
			work->wrong = steps[from - 1].change(&item);
		}
		if (work->wrong != NULL) {
			return EILSEQ;
		}
	}
	return store_item(work, &item);
}

/* All keys into the new file; then that must be as good as any. */
static int fill(struct conversion *work, struct tdbfile_content *content)
{
	int err = tdbfile_walk(work->from, convert_one, work);

	if (err == EILSEQ) {
		snprintf(content->fault, sizeof(content->fault), "%s",
			 work->wrong != NULL ? work->wrong :
			 tdbfile_chain_fault(work->from));
	}
	if (err == 0) {
		err = tdbfile_inspect(work->to, content);
	}
	return err != 0 ? err : tdbfile_sync(work->to);
}

/*
 * A second name for the old file, as long as it has its first one: PATH.formatN
 * or, if another file has that, .1 to .9 behind. A crash may have left it with
 * both names; that will do.
 */
static int keep_old(const char *path, uint64_t format, char **kept)
{
	for (int n = 0; n < 10; n++) {
		struct stat ours, theirs;
		char more[8] = "";

		if (n > 0) {
			snprintf(more, sizeof(more), ".%d", n);
		}
		free(*kept);
		if (asprintf(kept, "%s.format%" PRIu64 "%s", path, format,
			     more) < 0) {
			*kept = NULL;
			return ENOMEM;
		}
		if (link(path, *kept) == 0) {
			return 0;
		}
		if (errno != EEXIST) {
			return errno;
		}
		if (stat(path, &ours) == 0 && lstat(*kept, &theirs) == 0 &&
		    ours.st_dev == theirs.st_dev &&
		    ours.st_ino == theirs.st_ino) {
			return 0;
		}
	}
	return EEXIST;
}

/* The old file gets its second name for good before it loses the first. */
static int replace(const char *temp, const char *path, uint64_t format,
		   bool durable, char **kept)
{
	int err = keep_old(path, format, kept);

	if (err == 0 && durable) {
		err = tdbfile_sync_folder(path);
	}
	if (err == 0 && rename(temp, path) != 0) {
		err = errno;
	}
	return err == 0 && durable ? tdbfile_sync_folder(path) : err;
}

static int convert_to(struct tdbfile *file, uint64_t format, bool is_alone,
		      const char *temp, struct tdbfile_content *content)
{
	struct tdbfile *to = tdbfile_new(temp, file->durable);
	struct conversion work = {
		.from = file,
		.to = to,
		.format = format,
		.is_alone = is_alone,
	};
	int err = ENOMEM;

	if (to != NULL) {
		to->chains = file->chains;
		err = tdbfile_create_under(to, temp);
	}
	if (err == 0) {
		err = fill(&work, content);
	}
	tdbfile_close(to);
	tdbfile_detach(file);
	return err;
}

static int convert_at(struct tdbfile *file, const char *path, uint64_t format,
		      char **message)
{
	struct tdbfile_content content = { 0 };
	char *temp = NULL, *kept = NULL;
	int err = asprintf(&temp, "%s.new", path) < 0 ? ENOMEM : 0;

	if (err == ENOMEM) {
		return err;
	}
	err = convert_to(file, format, false, temp, &content);
	if (err == 0) {
		err = replace(temp, path, format, file->durable, &kept);
	}
	if (err == EILSEQ) {
		tdbfile_say_damaged(message, err, path, &content);
	} else if (err != 0) {
		tdbfile_say(message, err, "%s has the older format %" PRIu64
			    " and cannot be brought to format %d in %s: %s",
			    path, format, TDBFILE_FORMAT,
			    kept != NULL ? kept : temp, strerror(err));
	}
	if (err != 0) {
		unlink(temp);
	}
	free(kept);
	free(temp);
	return err;
}

int tdbfile_convert(struct tdbfile *file, uint64_t format, char **message)
{
	/* the file itself, wherever a symbolic link may point from */
	char *path = realpath(file->path, NULL);
	int err = path == NULL ? errno :
		  convert_at(file, path, format, message);

	free(path);
	return err;
}

int tdbfile_rewrite(struct tdbfile *file, const char *path, uint64_t *records,
		    char **message)
{
	struct tdbfile_content content = { 0 };
	uint64_t format = 0;
	int err = 0;

	*records = 0;
	*message = NULL;
	if (access(path, F_OK) == 0) {
		return tdbfile_say(message, EEXIST, "%s: %s", path,
				   strerror(EEXIST));
	}
	err = tdbfile_read_format(file, &format, message);
	if (err != 0) {
		return err;
	}
	err = convert_to(file, format, true, path, &content);
	if (err == 0) {
		err = tdbfile_sync_folder(path);
	}
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
