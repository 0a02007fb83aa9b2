/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is a file whole? Every chain, every key and value, every sum, the number of
 * records, the version numbers and the list of free space: whatever would make
 * load.c refuse it is found here.
 *
 * Not tdb_check(): it reads the file from one end to the other, and takes the
 * rest of a good file for damaged once a crash has left something between two
 * records that belongs to neither. That happens when the machine stops while
 * the file grows: bytes that nobody wrote, or a recovery area that the header
 * does not know. tdb itself goes by chains and never looks there; so do we.
 *
 * What tdb does not check is what it finds in the recovery area when it opens
 * a file: it trusts the lengths there, and copies what lies behind its buffer
 * if they are wrong. So they are checked first. Files with features of newer
 * tdbs (locks inside the file) begin elsewhere; no winsd ever made one.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/tdbfile_private.h"

/* ---- the recovery area (tdbfile_read.c has the format) ---- */

#define FILE_VERSION	(0x26011967u + 6)
#define AT_VERSION	32
#define AT_FEATURES	40
#define AT_RECOVERY	44
#define HAS_FEATURES	0xbad1a52u

struct area {			/* a record's header: */
	uint32_t next;
	uint32_t room;
	uint32_t file_size;	/* before the transaction */
	uint32_t len;
	uint32_t hash;
	uint32_t magic;
};

#define AREA_VALID	0xf53bc0e7u

/* Pieces of the old file: where, how long, bytes; and a number at the end. */
static int check_pieces(struct tdbfile *file, uint64_t at, uint32_t len,
			bool swap)
{
	uint32_t piece[2] = { 0 };
	uint64_t end = at + len;
	int err = end > file->size ? EILSEQ : 0;

	while (err == 0 && at + sizeof(piece) < end) {
		err = tdbfile_words(file, at, piece, 2, swap);
		at += sizeof(piece);
		if (err == 0 && (piece[1] > end - at ||
				 (uint64_t)piece[0] + piece[1] > file->size)) {
			err = EILSEQ;
		}
		at += piece[1];
	}
	return err;
}

/*
 * The area lies beyond the end of the file: the header had been written, but
 * the machine stopped before the file had grown, so nothing was in the area
 * yet. tdb refuses such a file; without the pointer it is as good as any.
 */
static int forget_area(const struct tdbfile *file)
{
	const uint32_t none = 0;
	ssize_t put = 0;
	int fd = open(file->path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0) {
		return errno;
	}
	do {
		put = pwrite(fd, &none, sizeof(none), AT_RECOVERY);
	} while (put < 0 && errno == EINTR);
	if (put != sizeof(none)) {
		err = put < 0 ? errno : EIO;
	}
	close(fd);
	return err;
}

static int check_area(struct tdbfile *file, bool may_write, bool swap)
{
	struct area area = { 0 };
	uint32_t at = 0;
	int err = tdbfile_words(file, AT_RECOVERY, &at, 1, swap);

	if (err != 0 || at == 0) {
		return err;
	}
	err = tdbfile_words(file, at, &area.next, sizeof(area) / 4, swap);
	if (err == EILSEQ) {
		return may_write ? forget_area(file) : EUCLEAN;
	}
	if (err != 0 || area.magic != AREA_VALID) {
		return err;
	}
	err = check_pieces(file, (uint64_t)at + sizeof(area), area.len, swap);
	return err == 0 && !may_write ? EUCLEAN : err;
}

int tdbfile_check_header(struct tdbfile *file, bool may_write)
{
	uint32_t version = 0, features = 0;
	bool swap = false;
	int err = tdbfile_words(file, AT_VERSION, &version, 1, false);

	swap = version == __builtin_bswap32(FILE_VERSION);
	if (err == EILSEQ || (err == 0 && version != FILE_VERSION && !swap)) {
		return 0;		/* tdb says that better */
	}
	if (err == 0) {
		err = tdbfile_words(file, AT_FEATURES, &features, 1, swap);
	}
	if (err != 0 || features == HAS_FEATURES) {
		return err != 0 ? err : EILSEQ;		/* never ours */
	}
	return check_area(file, may_write, swap);
}

/* ---- what is in the file ---- */

struct inspection {
	struct tdbfile_content *content;
	uint64_t records;	/* as the file says */
	uint64_t version;	/* the highest that we gave */
};

static int fault(struct tdbfile_content *content, const char *what,
		 const char *wrong)
{
	snprintf(content->fault, sizeof(content->fault), "%s: %s", what, wrong);
	return EILSEQ;
}

/* What a key says, as far as it can be printed: NAME<20>, or its kind. */
static const char *key_text(char text[NB_NAME_TEXT + 8], const uint8_t *key,
			    size_t key_len)
{
	char printed[NB_NAME_TEXT];
	struct nb_name name;

	if (key_len <= NB_NAME_MAX + 1 || key[0] != DBREC_RECORD) {
		return key_len == 0 ? "an empty key" :
		       key[0] == DBREC_META ? "a number" :
		       key[0] == DBREC_OWNER ? "the mark of an owner" :
		       key[0] == DBREC_DELETED ? "a deletion" :
		       key[0] == DBREC_RECORD ? "a record" : "a key";
	}
	name = nb_name_make(key + 1, NB_NAME_MAX, key[1 + NB_NAME_MAX]);
	nb_name_set_scope(&name, key + 2 + NB_NAME_MAX,
			  key_len - 2 - NB_NAME_MAX);
	snprintf(text, NB_NAME_TEXT + 8, "record %s",
		 nb_name_print(&name, printed));
	return text;
}

static const char *look_at_record(struct inspection *look, const uint8_t *key,
				  size_t key_len, const uint8_t *value,
				  size_t value_len)
{
	struct nb_record rec;
	const char *wrong = dbrec_decode(key, key_len, value, value_len, &rec);

	look->content->records++;
	if (wrong == NULL && rec.owner == NB_SELF &&
	    rec.version > look->version) {
		look->version = rec.version;
	}
	return wrong;
}

static bool is_named(const uint8_t *key, size_t key_len, const char *name)
{
	return key_len == 1 + strlen(name) &&
	       memcmp(key + 1, name, key_len - 1) == 0;
}

static const char *look_at_number(struct inspection *look, const uint8_t *key,
				  size_t key_len, const uint8_t *value,
				  size_t value_len)
{
	uint64_t number = 0;
	const char *wrong = dbrec_decode_number(key, key_len, value, value_len,
						&number);

	if (wrong != NULL || key[0] == DBREC_OWNER) {
		return wrong;
	}
	if (key_len < 2 || key_len > STORE_META_MAX + 1 ||
	    memchr(key, '\0', key_len) != NULL) {
		return "no name of a number";
	}
	if (is_named(key, key_len, META_RECORDS)) {
		look->records = number;
	} else if (is_named(key, key_len, META_RESERVED)) {
		look->content->reserved = number;
	}
	return NULL;
}

static const char *look_at_deleted(const uint8_t *key, size_t key_len,
				   const uint8_t *value, size_t value_len)
{
	struct dbrec_deleted del;
	const char *wrong = dbrec_decode_deleted(key, key_len, value,
						 value_len, &del);

	if (wrong == NULL && ((uint32_t)key[1] << 8 | key[2]) >=
				     DELETE_LOG_SLOTS >> 16) {
		return "no such slot";
	}
	return wrong;
}

static int look_at(void *arg, const uint8_t *key, size_t key_len,
		   const uint8_t *value, size_t value_len)
{
	struct inspection *look = arg;
	const char *wrong = "an unknown kind of key";
	char text[NB_NAME_TEXT + 8];

	switch (key_len > 0 ? key[0] : 0) {
	case DBREC_RECORD:
		wrong = look_at_record(look, key, key_len, value, value_len);
		break;
	case DBREC_DELETED:
		wrong = look_at_deleted(key, key_len, value, value_len);
		break;
	case DBREC_OWNER:
	case DBREC_META:
		wrong = look_at_number(look, key, key_len, value, value_len);
		break;
	}
	return wrong == NULL ? 0 :
	       fault(look->content, key_text(text, key, key_len), wrong);
}

/* tdb writes new records where this list says that nothing is. */
static int check_free_list(struct tdbfile *file)
{
	int count = 0, ret = 0, err = 0;

	tdbfile_list_lock();
	tdbfile_listen(file);
	ret = tdb_validate_freelist(file->tdb, &count);
	err = ret == 0 ? 0 : errno != 0 ? errno : EILSEQ;
	tdbfile_list_unlock();
	return err;
}

const char *tdbfile_chain_fault(const struct tdbfile *file)
{
	return file->walk_fault != NULL ? file->walk_fault :
					  "the file is cut off";
}

int tdbfile_inspect(struct tdbfile *file, struct tdbfile_content *content)
{
	struct inspection look = { .content = content };
	char text[80];
	int err = 0;

	memset(content, 0, sizeof(*content));
	err = tdbfile_walk(file, look_at, &look);
	if (err == EILSEQ && *content->fault == '\0') {
		return fault(content, "damaged", tdbfile_chain_fault(file));
	}
	if (err != 0) {
		return err;
	}
	if (look.records != content->records) {
		snprintf(text, sizeof(text), "%" PRIu64 " were found, not %"
			 PRIu64, content->records, look.records);
		return fault(content, "records", text);
	}
	if (look.version > content->reserved) {
		snprintf(text, sizeof(text), "%" PRIu64 " was never reserved",
			 look.version);
		return fault(content, "versions", text);
	}
	err = check_free_list(file);
	return err == EILSEQ ? fault(content, "free space", "its list is "
				     "damaged") : err;
}

int tdbfile_say_damaged(char **message, int err, const char *path,
			const struct tdbfile_content *content)
{
	if (err != EILSEQ) {
		return tdbfile_say(message, err, "%s cannot be read: %s", path,
				   strerror(err));
	}
	return tdbfile_say(message, err, "%s: %s; 'winsrepair check %s' lists "
			   "all that is damaged, 'winsrepair salvage %s' saves "
			   "the rest", path, *content->fault != '\0' ?
			   content->fault : "damaged", path, path);
}

int tdbfile_verify(const char *path, uint64_t *records, uint64_t *reserved,
		   char **message)
{
	struct tdbfile_content content = { 0 };
	struct tdbfile *file = NULL;
	int err = tdbfile_open_read(path, &file, message);

	*records = 0;
	*reserved = 0;
	if (err != 0) {
		return err;
	}
	err = tdbfile_inspect(file, &content);
	tdbfile_close(file);
	if (err != 0) {
		return tdbfile_say_damaged(message, err, path, &content);
	}
	*records = content.records;
	*reserved = content.reserved;
	return 0;
}
