/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows become lines of wins.dat (protocol.md 7.2).
 *
 * What nmbd would drop, or make something else of that answers otherwise, is
 * not written; what it answers for all the same is, and the tally says how it
 * differs. nmbd knows capitals only: names that are the same in capitals would
 * be one there, so the names that were written are kept in mind.
 *
 * A normal group gets the broadcast address, which every version understands:
 * some answer 0.0.0.0 of it, but all of them answer the address of a host if
 * there is one, and its clients would take the group for that host.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/types.h>
#include <tdb.h>

#include "migrate/format/winsdat.h"

#define LIFE	518400		/* s, where nobody said: `max wins ttl` */
#define SEEN_HASH	65537
#define NAME_UTF8	(4 * NB_NAME_MAX + 1)

struct winsdat_writer {
	FILE *file;
	struct tally *tally;
	int64_t now;
	uint64_t lives;		/* records that got a life */
	iconv_t from_oem;
	struct tdb_context *seen;
};

/* ---- what cannot be written, what differs ---- */

static bool can_be_read(const struct nb_name *name)
{
	for (unsigned int i = 0; i < name->len; i++) {
		if (strchr("\"#\r\n", name->byte[i]) != NULL) {
			return false;
		}
	}
	return name->len > 0;
}

static bool lives(const struct winsdat_writer *writer, const struct row *row)
{
	return row->rec.is_static || (row->known & ROW_EXPIRES) == 0 ||
	       row->rec.expires - WINSDAT_MARGIN > writer->now;
}

/* nmbd answers any, but winsdat.c would refuse to read it back. */
static bool hosts_only(const struct nb_record *rec)
{
	for (unsigned int i = 0; i < rec->count && rec->type != NB_GROUP; i++) {
		if (!nb_addr_is_host(rec->member[i].ip)) {
			return false;
		}
	}
	return true;
}

static const char *cannot(const struct winsdat_writer *writer,
			  const struct row *row)
{
	const struct nb_record *rec = &row->rec;

	if (rec->state != NB_ACTIVE) {
		return "released, or a tombstone";
	}
	if (rec->name.scope_len > 0) {
		return "scope cannot be written";
	}
	if (!can_be_read(&rec->name)) {
		return "nmbd cannot read such a name";
	}
	if (rec->name.len == 1 && rec->name.byte[0] == '*') {
		return "nmbd answers for * itself";
	}
	if (!hosts_only(rec)) {
		return "an address that no host has";
	}
	return lives(writer, row) ? NULL : "expired";
}

/* Of CP850, 0x80 to 0xff: the capital; 0: it is one, or has none there. */
static const uint8_t capital[128] = {
	[0x01] = 0x9a, [0x02] = 0x90, [0x03] = 0xb6, [0x04] = 0x8e,
	[0x05] = 0xb7, [0x06] = 0x8f, [0x07] = 0x80, [0x08] = 0xd2,
	[0x09] = 0xd3, [0x0a] = 0xd4, [0x0b] = 0xd8, [0x0c] = 0xd7,
	[0x0d] = 0xde, [0x11] = 0x92, [0x13] = 0xe2, [0x14] = 0x99,
	[0x15] = 0xe3, [0x16] = 0xea, [0x17] = 0xeb, [0x1b] = 0x9d,
	[0x20] = 0xb5, [0x21] = 0xd6, [0x22] = 0xe0, [0x23] = 0xe9,
	[0x24] = 0xa5, [0x46] = 0xc7, [0x50] = 0xd1, [0x64] = 0xe5,
	[0x67] = 0xe8, [0x6c] = 0xed,
};

static bool make_capitals(struct nb_name *name)
{
	bool changed = false;

	for (unsigned int i = 0; i < name->len; i++) {
		uint8_t byte = name->byte[i];
		uint8_t big = byte >= 0x80 ? capital[byte - 0x80] :
			      byte >= 'a' && byte <= 'z' ? byte - 32 : 0;

		if (big != 0) {
			name->byte[i] = big;
			changed = true;
		}
	}
	return changed;
}

/* What nmbd makes of it, and the tally should say; NULL: nothing. */
static const char *differs(const struct nb_record *rec)
{
	if (rec->type == NB_GROUP && rec->member[0].ip != NB_BROADCAST) {
		return "the address of a normal group is not kept";
	}
	if (rec->type == NB_SGROUP && rec->count == 1 &&
	    rec->name.type != 0x1c) {
		return "an internet group of one, other than <1C>, is a normal "
		       "group there";
	}
	if (rec->type == NB_MHOMED && rec->count == 1) {
		return "multihomed with one address is unique there";
	}
	if (!rec->is_static && rec->expires == NB_NEVER) {
		return "what never expires is static there";
	}
	return NULL;
}

/* ---- a line ---- */

static bool print_name(struct winsdat_writer *writer,
		       const struct nb_name *name)
{
	char utf8[NAME_UTF8];
	size_t len = 0;

	if (!winsdat_convert(writer->from_oem, (const char *)name->byte,
			     name->len, utf8, sizeof(utf8), &len)) {
		return false;
	}
	(void)fprintf(writer->file, "\"%.*s#%02x\"", (int)len, utf8,
		      name->type);
	return true;
}

static int64_t death(struct winsdat_writer *writer, const struct row *row)
{
	if (row->rec.is_static || row->rec.expires == NB_NEVER) {
		return 0;
	}
	if ((row->known & ROW_EXPIRES) == 0) {
		writer->lives++;
		return writer->now + LIFE;
	}
	return row->rec.expires;
}

static void print_addresses(struct winsdat_writer *writer,
			    const struct nb_record *rec)
{
	char text[NB_ADDR_TEXT];

	if (rec->type == NB_GROUP) {
		(void)fprintf(writer->file, " %s",
			      nb_addr_print(NB_BROADCAST, text));
		return;
	}
	for (unsigned int i = rec->count; i > 0; i--) {	/* the oldest first */
		(void)fprintf(writer->file, " %s",
			      nb_addr_print(rec->member[i - 1].ip, text));
	}
}

static unsigned int flags_of(const struct nb_record *rec)
{
	bool group = rec->type == NB_GROUP || rec->type == NB_SGROUP;

	return (group ? WINSDAT_GROUP : 0) | WINSDAT_ACTIVE |
	       (unsigned int)rec->node << WINSDAT_NODE_SHIFT;
}

static bool print_line(struct winsdat_writer *writer, const struct row *row,
		       const struct nb_name *name)
{
	if (!print_name(writer, name)) {
		return false;
	}
	(void)fprintf(writer->file, " %" PRId64, death(writer, row));
	print_addresses(writer, &row->rec);
	(void)fprintf(writer->file, " %2xR\n", flags_of(&row->rec));
	return true;
}

/* 0, EEXIST: there was one of this name, or another errno. */
static int remember(struct winsdat_writer *writer, const struct nb_name *name)
{
	uint8_t bytes[NB_NAME_MAX + 1];
	TDB_DATA key = { .dptr = bytes, .dsize = sizeof(bytes) };
	TDB_DATA none = { .dptr = bytes, .dsize = 0 };

	memcpy(bytes, name->byte, NB_NAME_MAX);
	bytes[NB_NAME_MAX] = name->type;
	if (tdb_store(writer->seen, key, none, TDB_INSERT) == 0) {
		return 0;
	}
	return tdb_error(writer->seen) == TDB_ERR_EXISTS ? EEXIST : ENOMEM;
}

static void told(struct winsdat_writer *writer, const struct row *row,
		 bool capitals)
{
	const char *reason = capitals ? "small letters are capitals there" :
					differs(&row->rec);

	if (reason != NULL) {
		tally_changed(writer->tally, row, reason);
	} else {
		tally_written(writer->tally, row);
	}
}

int winsdat_writer_put(struct winsdat_writer *writer, const struct row *row)
{
	struct nb_name name = row->rec.name;
	bool capitals = make_capitals(&name);
	const char *why = row->kind == ROW_OPTION ? "" : cannot(writer, row);
	int ret = 0;

	if (why == NULL) {
		ret = remember(writer, &name);
		why = ret == EEXIST ? "the name stands twice" : NULL;
	}
	if (why != NULL) {
		tally_skipped(writer->tally, row, why);
		return 0;
	}
	if (ret == 0 && !print_line(writer, row, &name)) {
		ret = EILSEQ;
	}
	if (ret == 0 && ferror(writer->file)) {
		ret = errno != 0 ? errno : EIO;
	}
	if (ret == 0) {
		told(writer, row, capitals);
	}
	return ret;
}

/* ---- begin and end ---- */

static int writer_destructor(struct winsdat_writer *writer)
{
	if (writer->from_oem != (iconv_t)-1) {
		(void)iconv_close(writer->from_oem);
		writer->from_oem = (iconv_t)-1;
	}
	if (writer->seen != NULL) {
		(void)tdb_close(writer->seen);
		writer->seen = NULL;
	}
	return 0;
}

int winsdat_writer_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
			struct winsdat_writer **writer)
{
	struct winsdat_writer *w = talloc_zero(mem_ctx, struct winsdat_writer);

	if (w == NULL) {
		return ENOMEM;
	}
	w->file = end->file;
	w->tally = end->tally;
	w->now = end->options->now;
	w->from_oem = iconv_open("UTF-8", WINSDAT_OEM);
	talloc_set_destructor(w, writer_destructor);
	if (w->from_oem == (iconv_t)-1) {
		return errno;
	}
	w->seen = tdb_open(NULL, SEEN_HASH, TDB_INTERNAL,
			   O_RDWR | O_CREAT, 0600);
	if (w->seen == NULL) {
		return ENOMEM;
	}
	(void)fputs(WINSDAT_HEAD, w->file);
	*writer = w;
	return 0;
}

int winsdat_writer_close(struct winsdat_writer *writer)
{
	if (writer->lives > 0) {
		tally_remark(writer->tally, "%" PRIu64 " records had no "
			     "expiry: they live for 6 days from now",
			     writer->lives);
	}
	return fflush(writer->file) != 0 || ferror(writer->file) ?
		       (errno != 0 ? errno : EIO) : 0;
}
