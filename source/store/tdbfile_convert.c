/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Formats of wins.tdb: the number in it, and older ones made new.
 */

#include <errno.h>
#include <string.h>
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
	if (tdb_store(file->tdb, k, v, TDB_REPLACE) != 0) {
		return errno != 0 ? errno : EIO;
	}
	return 0;
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
			path, *file->complaint != '\0' ? file->complaint :
			"no format number", path);
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
