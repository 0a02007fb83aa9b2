/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Formats of wins.tdb: the number in it, and older ones made new.
 *
 * The number tells how the file is to be used: which keys there are, what they
 * mean together, which other files belong to it. How the bytes of a value are
 * to be read its own first byte tells (codec/dbrec.h).
 *
 * A file of an older format is copied; the copy is converted, read to the end
 * and synced; then the old one gets a second name, and only then the new one
 * its place. A crash leaves the one or the other there, whole. Rejected:
 * changing the file where it is, in one transaction. It would be as safe, but
 * an older winsd could not be brought back. Storing key by key into a new
 * file: 28 s for a million names, at a start that somebody is waiting for.
 */

#include <errno.h>
#include <fcntl.h>
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

/*
 * What is to be done in a copy of the file to bring it one format further, as
 * seen by tdb, outside of transactions: 0 or an errno. NULL: nothing but the
 * number.
 */
static const struct {
	uint64_t from;
	int (*convert)(struct tdbfile *copy);
} steps[] = {
	{ 1, NULL },		/* 2: there may be a journal */
};

_Static_assert(sizeof(steps) / sizeof(steps[0]) == TDBFILE_FORMAT - 1,
	       "a step for each format before today's");

static int take_steps(struct tdbfile *copy, uint64_t format)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < sizeof(steps) / sizeof(steps[0]);
	     i++) {
		if (steps[i].from >= format && steps[i].convert != NULL) {
			err = steps[i].convert(copy);
		}
	}
	return err != 0 ? err : tdbfile_write_format(copy);
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

/* The new file, and it is as good as any. */
static int convert_to(struct tdbfile *file, uint64_t format, const char *temp,
		      struct tdbfile_content *content)
{
	struct tdbfile *copy = tdbfile_new(temp, file->durable);
	int err = copy == NULL ? ENOMEM : 0;

	if (err == 0 && unlink(temp) != 0 && errno != ENOENT) {
		err = errno;
	}
	if (err == 0) {
		err = tdbfile_copy_bytes(file, temp);
	}
	tdbfile_detach(file);
	if (err == 0) {
		err = tdbfile_attach(copy, temp, O_RDWR);
	}
	if (err == 0) {
		err = take_steps(copy, format);
	}
	if (err == 0) {
		err = tdbfile_inspect(copy, content);
	}
	if (err == 0) {
		err = tdbfile_sync(copy);
	}
	tdbfile_close(copy);
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
	err = convert_to(file, format, temp, &content);
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
