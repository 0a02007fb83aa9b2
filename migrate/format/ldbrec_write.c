/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows become entries of wins.ldb (protocol.md 7.5).
 *
 * What the AD server cannot live with is not written, even where the file
 * could hold it. It makes the name of an entry of the name it looks for
 * without escaping anything, so that it never finds an entry whose name has
 * one of "+,;<=>\ or begins with a blank, and its scavenger stumbles over it
 * each time (tried with names of every byte). A unique name or a normal group
 * without an address is an error of its database to it, and then nobody can
 * register that name any more (tried).
 *
 * A record that nobody owns, or whose owner --owner-zero says is the server
 * itself, gets the owner 0.0.0.0. One of those that has no version gets one
 * above all others, which are known at the end only: until then such rows lie
 * in a temporary file. The counter, CN=VERSION, comes last. It stands at the
 * highest version of the server itself or, where nobody said who that is, at
 * the highest of all.
 */
#include <errno.h>
#include <inttypes.h>
#include <ldb.h>
#include <string.h>
#include <time.h>

#include "migrate/format/ldbrec.h"
#include "migrate/import_spool.h"

#define LAST_SECOND	253402300799	/* of the year 9999: never */
#define LIFE_OWN	518400		/* s, where nobody said: 6 days, ... */
#define LIFE_REPLICA	2073600		/* ... 24 days */
#define TIME_TEXT	24

struct ldbrec_writer {
	struct ldb_context *ldb;
	struct tally *tally;
	ldbrec_emit emit;
	void *arg;
	int64_t now;
	uint32_t owner_zero;
	uint64_t counter;	/* highest version of the server itself */
	uint64_t highest;	/* of all */
	uint64_t lives;		/* records that got a life */
	uint64_t waiting;	/* rows in the file */
	FILE *file;
};

/* ---- what cannot be written ---- */

static bool can_be_found(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\0' ||
		    strchr("\"+,;<=>\\", bytes[i]) != NULL) {
			return false;
		}
	}
	return len == 0 || (bytes[0] != ' ' && bytes[len - 1] != ' ');
}

static const char *cannot(const struct nb_record *rec)
{
	if (!can_be_found(rec->name.byte, rec->name.len)) {
		return "the AD server cannot look up such a name";
	}
	if (!can_be_found(rec->name.scope, rec->name.scope_len)) {
		return "the AD server cannot look up such a scope";
	}
	if (rec->count == 0 &&
	    (rec->type == NB_UNIQUE || rec->type == NB_GROUP)) {
		return "the AD server has no unique name or normal group "
		       "without an address";
	}
	return NULL;
}

/* ---- an entry ---- */

/*
 * The suffix as that server writes it, which takes it for a signed char: <80>
 * is 0xFFFFFF80, and an entry 0x80 it never finds (tried with all 256).
 */
static unsigned int type_number(const struct nb_name *name)
{
	return (unsigned int)(int)(int8_t)name->type;
}

/* The last second that can be written means never. */
static int64_t fitting(int64_t when)
{
	return when == NB_NEVER ? LAST_SECOND : when < 0 ? 0 :
	       when >= LAST_SECOND ? LAST_SECOND - 1 : when;
}

/* YYYYMMDDHHMMSS.0Z */
static const char *time_text(int64_t when, char text[TIME_TEXT])
{
	struct tm tm = { .tm_isdst = 0 };
	time_t t = fitting(when);

	(void)gmtime_r(&t, &tm);
	(void)strftime(text, TIME_TEXT, "%Y%m%d%H%M%S.0Z", &tm);
	return text;
}

static bool is_own(const struct ldbrec_writer *writer, uint32_t owner)
{
	return owner == 0 || owner == writer->owner_zero;
}

static const char *owner_text(const struct ldbrec_writer *writer,
			      uint32_t owner, char text[NB_ADDR_TEXT])
{
	return nb_addr_print(is_own(writer, owner) ? 0 : owner, text);
}

static int add_bytes(struct ldb_message *msg, const char *attribute,
		     const uint8_t *bytes, size_t len)
{
	struct ldb_val value = { .data = NULL };

	if (len == 0) {
		return LDB_SUCCESS;
	}
	value.data = talloc_memdup(msg, bytes, len + 1);
	value.length = len;
	if (value.data == NULL) {
		return LDB_ERR_OPERATIONS_ERROR;
	}
	value.data[len] = '\0';
	return ldb_msg_add_value(msg, attribute, &value, NULL);
}

static bool is_plain(uint8_t byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= 'a' && byte <= 'z') ||
	       (byte != '\0' && strchr("-_.$!()*@&'{}~^%", byte) != NULL);
}

/* ATTRIBUTE=VALUE, with \XX for what LDIF or libldb might stumble over. */
static char *put_component(char *to, const char *attribute,
			   const uint8_t *bytes, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";

	if (len == 0) {
		return to;
	}
	to = stpcpy(stpcpy(to, attribute), "=");
	for (size_t i = 0; i < len; i++) {
		if (is_plain(bytes[i])) {
			*to++ = (char)bytes[i];
		} else {
			*to++ = '\\';
			*to++ = hex[bytes[i] >> 4];
			*to++ = hex[bytes[i] & 15];
		}
	}
	*to++ = ',';
	return to;
}

static bool add_dn(struct ldb_context *ldb, struct ldb_message *msg,
		   const struct nb_name *name)
{
	char text[3 * (NB_NAME_MAX + NB_SCOPE_MAX) + 48];
	char *end = text;

	end = put_component(end, "scope", name->scope, name->scope_len);
	end = put_component(end, "name", name->byte, name->len);
	(void)snprintf(end, 16, "type=0x%02X", type_number(name));
	msg->dn = ldb_dn_new(msg, ldb, text);
	return msg->dn != NULL && ldb_dn_validate(msg->dn);
}

/*
 * The short form says: owner and time of the record. Only a static record has
 * it there, and its long form needs a time (tried).
 */
static int add_member(const struct ldbrec_writer *writer,
		      struct ldb_message *msg, const struct nb_record *rec,
		      const struct nb_member *member)
{
	char ip[NB_ADDR_TEXT], owner[NB_ADDR_TEXT], when[TIME_TEXT];

	(void)nb_addr_print(member->ip, ip);
	if (rec->is_static && member->owner == rec->owner &&
	    member->expires == rec->expires) {
		return ldb_msg_add_fmt(msg, "address", "%s", ip);
	}
	return ldb_msg_add_fmt(msg, "address", "%s;winsOwner:%s;expireTime:%s;",
			       ip, owner_text(writer, member->owner, owner),
			       time_text(member->expires, when));
}

static int add_fields(const struct ldbrec_writer *writer,
		      struct ldb_message *msg, const struct nb_record *rec)
{
	char owner[NB_ADDR_TEXT], when[TIME_TEXT];
	int ret = 0;

	ret |= ldb_msg_add_string(msg, "objectClass", "winsRecord");
	ret |= ldb_msg_add_fmt(msg, "type", "0x%02X",
			       type_number(&rec->name));
	ret |= add_bytes(msg, "name", rec->name.byte, rec->name.len);
	ret |= add_bytes(msg, "scope", rec->name.scope, rec->name.scope_len);
	ret |= ldb_msg_add_fmt(msg, "recordType", "%u", rec->type);
	ret |= ldb_msg_add_fmt(msg, "recordState", "%u", rec->state);
	ret |= ldb_msg_add_fmt(msg, "nodeType", "%u", rec->node);
	ret |= ldb_msg_add_fmt(msg, "isStatic", "%u", rec->is_static);
	if (!rec->is_static || rec->state != NB_ACTIVE) {
		ret |= ldb_msg_add_fmt(msg, "expireTime", "%s",
				       time_text(rec->expires, when));
	}
	ret |= ldb_msg_add_fmt(msg, "versionID", "%" PRIu64, rec->version);
	ret |= ldb_msg_add_fmt(msg, "winsOwner", "%s",
			       owner_text(writer, rec->owner, owner));
	for (unsigned int i = 0; i < rec->count; i++) {
		ret |= add_member(writer, msg, rec, &rec->member[i]);
	}
	return ret;
}

static int write_record(struct ldbrec_writer *writer,
			const struct nb_record *rec)
{
	struct ldb_message *msg = ldb_msg_new(writer);
	int ret = ENOMEM;

	if (msg != NULL && add_dn(writer->ldb, msg, &rec->name) &&
	    add_fields(writer, msg, rec) == LDB_SUCCESS) {
		ret = writer->emit(writer->arg, msg);
	}
	talloc_free(msg);
	return ret;
}

/* ---- rows ---- */

/* A life for a record that has none: it is not to die at its first look. */
static void give_life(struct ldbrec_writer *writer, const struct row *row,
		      struct nb_record *rec)
{
	if ((row->known & ROW_EXPIRES) != 0 || rec->expires == NB_NEVER) {
		return;
	}
	writer->lives++;
	rec->expires = writer->now + (is_own(writer, rec->owner) ?
					      LIFE_OWN : LIFE_REPLICA);
	for (unsigned int i = 0; i < rec->count; i++) {
		if ((row->known & ROW_MEMBER_EXPIRES) == 0) {
			rec->member[i].expires = rec->expires;
		}
	}
}

static void give_owners(const struct row *row, struct nb_record *rec)
{
	for (unsigned int i = 0; i < rec->count; i++) {
		if ((row->known & ROW_MEMBER_OWNERS) == 0) {
			rec->member[i].owner = rec->owner;
		}
	}
}

static bool times_fit(const struct nb_record *rec)
{
	bool fit = rec->expires == NB_NEVER ||
		   fitting(rec->expires) == rec->expires;

	for (unsigned int i = 0; i < rec->count; i++) {
		int64_t when = rec->member[i].expires;

		fit &= when == NB_NEVER || fitting(when) == when;
	}
	return fit;
}

static void told(struct ldbrec_writer *writer, const struct row *row,
		 const struct nb_record *rec)
{
	if (times_fit(rec)) {
		tally_written(writer->tally, row);
	} else {
		tally_changed(writer->tally, row,
			      "time outside of the years 1970 to 9999");
	}
}

static int write_row(struct ldbrec_writer *writer, const struct row *row)
{
	struct nb_record rec = row->rec;
	int ret = 0;

	give_life(writer, row, &rec);
	give_owners(row, &rec);
	ret = write_record(writer, &rec);
	if (ret == 0) {
		told(writer, row, &rec);
	} else if (ret == EEXIST) {
		tally_skipped(writer->tally, row, "the name stands twice");
		ret = 0;
	}
	return ret;
}

/*
 * Rows wait as they are in memory: this process reads them again, and what
 * they point to is literals.
 */
static int wait_for_version(struct ldbrec_writer *writer,
			    const struct row *row)
{
	if (writer->file == NULL) {
		writer->file = spool_nameless();
	}
	if (writer->file == NULL ||
	    fwrite(row, sizeof(*row), 1, writer->file) != 1) {
		return errno != 0 ? errno : EIO;
	}
	writer->waiting++;
	return 0;
}

int ldbrec_writer_put(struct ldbrec_writer *writer, const struct row *row)
{
	const struct nb_record *rec = &row->rec;
	const char *why = row->kind == ROW_OPTION ? "" : cannot(rec);

	if (why != NULL) {
		tally_skipped(writer->tally, row, why);
		return 0;
	}
	if (rec->version > writer->highest) {
		writer->highest = rec->version;
	}
	if (!is_own(writer, rec->owner)) {
		return write_row(writer, row);
	}
	if (rec->version == 0) {
		return wait_for_version(writer, row);
	}
	if (rec->version > writer->counter) {
		writer->counter = rec->version;
	}
	return write_row(writer, row);
}

/* ---- begin and end ---- */

static int write_modules(struct ldbrec_writer *writer)
{
	struct ldb_message *msg = ldb_msg_new(writer);
	int ret = ENOMEM;

	if (msg != NULL &&
	    (msg->dn = ldb_dn_new(msg, writer->ldb, "@MODULES")) != NULL &&
	    ldb_msg_add_string(msg, "@LIST", "wins_ldb") == LDB_SUCCESS) {
		ret = writer->emit(writer->arg, msg);
	}
	talloc_free(msg);
	return ret;
}

static int write_counter(struct ldbrec_writer *writer)
{
	struct ldb_message *msg = ldb_msg_new(writer);
	int ret = ENOMEM;

	if (msg != NULL &&
	    (msg->dn = ldb_dn_new(msg, writer->ldb, "CN=VERSION")) != NULL &&
	    ldb_msg_add_string(msg, "objectClass", "winsMaxVersion") ==
		    LDB_SUCCESS &&
	    ldb_msg_add_fmt(msg, "maxVersion", "%" PRIu64, writer->counter) ==
		    LDB_SUCCESS) {
		ret = writer->emit(writer->arg, msg);
	}
	talloc_free(msg);
	return ret;
}

static int writer_destructor(struct ldbrec_writer *writer)
{
	if (writer->file != NULL) {
		(void)fclose(writer->file);
		writer->file = NULL;
	}
	return 0;
}

int ldbrec_writer_open(TALLOC_CTX *mem_ctx, struct ldb_context *ldb,
		       const struct format_end *end, ldbrec_emit emit,
		       void *arg, struct ldbrec_writer **writer)
{
	struct ldbrec_writer *w = talloc_zero(mem_ctx, struct ldbrec_writer);
	int ret = ENOMEM;

	if (w == NULL) {
		return ENOMEM;
	}
	w->ldb = ldb;
	w->tally = end->tally;
	w->emit = emit;
	w->arg = arg;
	w->now = end->options->now;
	w->owner_zero = end->options->owner_zero;
	talloc_set_destructor(w, writer_destructor);
	ret = write_modules(w);
	if (ret != 0) {
		talloc_free(w);
		return ret;
	}
	*writer = w;
	return 0;
}

static int write_waiting(struct ldbrec_writer *writer)
{
	struct row row;

	if (writer->waiting == 0) {
		return 0;
	}
	rewind(writer->file);
	for (uint64_t i = 0; i < writer->waiting; i++) {
		int ret = 0;

		if (fread(&row, sizeof(row), 1, writer->file) != 1 ||
		    writer->counter == UINT64_MAX) {
			return EIO;
		}
		row.rec.version = ++writer->counter;
		ret = write_row(writer, &row);
		if (ret != 0) {
			return ret;
		}
	}
	return 0;
}

static void tell(const struct ldbrec_writer *writer)
{
	if (writer->waiting > 0) {
		tally_remark(writer->tally, "%" PRIu64 " records had no owner "
			     "or no version: they are the server's own, with "
			     "the versions %" PRIu64 " to %" PRIu64,
			     writer->waiting,
			     writer->counter - writer->waiting + 1,
			     writer->counter);
	}
	if (writer->lives > 0) {
		tally_remark(writer->tally, "%" PRIu64 " records had no "
			     "expiry: the server's own live for 6 days from "
			     "now, others for 24", writer->lives);
	}
}

int ldbrec_writer_close(struct ldbrec_writer *writer)
{
	int ret = 0;

	if (writer->owner_zero == 0 && writer->highest > writer->counter) {
		writer->counter = writer->highest;
		tally_remark(writer->tally, "nobody said whose server this is "
			     "(--owner-zero ADDRESS): it will count versions "
			     "on from %" PRIu64 ", the highest of all",
			     writer->counter);
	}
	ret = write_waiting(writer);
	if (ret == 0) {
		tell(writer);
		ret = write_counter(writer);
	}
	return ret;
}
