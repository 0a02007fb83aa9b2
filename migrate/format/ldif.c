/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LDIF of wins.ldb and wins_config.ldb: what ldbsearch prints and ldbadd takes
 * (protocol.md 7.5, 7.6).
 *
 * libldb's own parser reads an entry, and ours decides where one ends: it
 * would gather an entry of any length in memory, and tell neither its line
 * nor its bytes when it cannot read it. So lines are gathered up to an empty
 * one. Comments are dropped on the way, with "version: 1", which that parser
 * does not know. Where it does not understand a line it takes the entry to end
 * there, so its values are counted. An entry that changes something
 * (changetype) is no record.
 *
 * Written are whole entries. In an empty directory
 *
 *	ldbadd -o modules: -H tdb://wins.ldb < FILE
 *
 * makes the database of them.
 */
#include "migrate/format/ldif.h"

#include <errno.h>
#include <inttypes.h>
#include <ldb.h>
#include <string.h>
#include <strings.h>

#include "migrate/format/ldbrec.h"
#include "migrate/formats.h"
#include "migrate/text.h"

#define ENTRY_MAX	(256u * 1024)

struct ldif {
	struct tally *tally;
	struct ldb_context *ldb;
	char *message;
	/* reading */
	struct text *text;
	struct ldbrec_reader reader;
	bool ended;
	bool by_entry;
	uint64_t entries;
	uint64_t place;		/* first line of the entry, or its number */
	size_t len;
	bool too_long;
	char entry[ENTRY_MAX + 2];
	/* writing */
	FILE *file;
	struct ldbrec_writer *writer;
};

/* ---- gathering an entry ---- */

static void gather(struct ldif *ldif, const char *line, size_t len)
{
	if (ldif->len == 0) {
		ldif->entries++;
		ldif->place = ldif->by_entry ? ldif->entries :
					       text_number(ldif->text);
	}
	if (ldif->len + len + 2 > ENTRY_MAX) {
		ldif->too_long = true;
		return;
	}
	memcpy(ldif->entry + ldif->len, line, len);
	ldif->len += len;
	ldif->entry[ldif->len++] = '\n';
}

/* 1: there is one, 0: the end, -1: it cannot be read. */
static int next_entry(struct ldif *ldif, char **message)
{
	bool comment = false;
	char *line = NULL;
	size_t len = 0;
	int got = 0;

	ldif->len = 0;
	ldif->too_long = false;
	while ((got = text_line(ldif->text, &line, &len, message)) == 1) {
		if (len == 0 && ldif->len > 0) {
			break;
		}
		/* a comment goes on in lines that begin with a blank */
		comment = len > 0 && (line[0] == '#' ||
				      (comment && line[0] == ' '));
		if (len > 0 && !comment &&
		    (ldif->len > 0 || strncmp(line, "version:", 8) != 0)) {
			gather(ldif, line, len);
		}
	}
	ldif->entry[ldif->len] = '\n';
	ldif->entry[ldif->len + 1] = '\0';
	return got == -1 ? -1 : ldif->len > 0;
}

/* ---- reading ---- */

static enum format_step refuse(struct ldif *ldif, const char *reason,
			       const char *detail)
{
	/* with the empty line behind it */
	tally_refused(ldif->tally, NULL, ldif->entry, ldif->len + 1,
		      ldif->place, reason, detail);
	return FORMAT_SKIPPED;
}

static enum format_step fail(struct ldif *ldif, char **message,
			     const char *text)
{
	TALLOC_FREE(ldif->message);
	ldif->message = talloc_strdup(ldif, text);
	*message = ldif->message;
	return FORMAT_FAILED;
}

static enum format_step ask_whose(struct ldif *ldif, const struct row *row,
				  char **message)
{
	char name[NB_NAME_TEXT];

	TALLOC_FREE(ldif->message);
	ldif->message = talloc_asprintf(ldif, "%s belongs to the server "
		"itself (winsOwner 0.0.0.0): say with --owner-zero ADDRESS "
		"under which address its partners know that server",
		nb_name_print(&row->rec.name, name));
	*message = ldif->message;
	return FORMAT_FAILED;
}

/* With its name, which people know better than a place. */
static enum format_step refuse_message(struct ldif *ldif,
				       const struct ldb_message *msg)
{
	const char *dn = ldb_dn_get_linearized(msg->dn);
	char text[2 * LDBREC_DETAIL];

	(void)snprintf(text, sizeof(text), "%.120s%s%s", dn != NULL ? dn : "",
		       ldif->reader.detail[0] != '\0' ? ": " : "",
		       ldif->reader.detail);
	for (char *p = text; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~') {
			*p = '?';
		}
	}
	return refuse(ldif, ldif->reader.reason, text);
}

static enum format_step take_message(struct ldif *ldif,
				     const struct ldb_message *msg,
				     struct row *row, char **message)
{
	row->place = ldif->place;
	switch (ldbrec_read(&ldif->reader, msg, row)) {
	case LDBREC_ROW:
		return FORMAT_ROW;
	case LDBREC_NOTHING:
		return FORMAT_END;	/* of this entry: go on */
	case LDBREC_WHOSE:
		return ask_whose(ldif, row, message);
	case LDBREC_BAD:
		break;
	}
	return refuse_message(ldif, msg);
}

/* Did all lines become values? Lines that begin with a blank go on. */
static bool is_whole(const struct ldif *ldif, const struct ldb_ldif *entry)
{
	unsigned int lines = 0;
	unsigned int values = 1;	/* dn */

	for (size_t i = 0; i < ldif->len; i++) {
		lines += ldif->entry[i] != ' ' &&
			 (i == 0 || ldif->entry[i - 1] == '\n');
	}
	values += entry->changetype == LDB_CHANGETYPE_ADD;
	for (unsigned int i = 0; i < entry->msg->num_elements; i++) {
		values += entry->msg->elements[i].num_values;
	}
	return lines == values;
}

/* FORMAT_END: nothing came of this entry. */
static enum format_step take_entry(struct ldif *ldif, struct row *row,
				   char **message)
{
	const char *at = ldif->entry;
	struct ldb_ldif *entry = NULL;
	enum format_step step = FORMAT_SKIPPED;

	if (ldif->too_long) {
		return refuse(ldif, "the entry is too long", NULL);
	}
	if (memchr(ldif->entry, '\0', ldif->len) != NULL) {
		return refuse(ldif, "not LDIF", "a NUL");
	}
	entry = ldb_ldif_read_string(ldif->ldb, &at);
	if (entry == NULL) {
		return refuse(ldif, "not LDIF", NULL);
	}
	if (entry->changetype != LDB_CHANGETYPE_NONE &&
	    entry->changetype != LDB_CHANGETYPE_ADD) {
		step = refuse(ldif, "a change of an entry, not an entry", NULL);
	} else if (!is_whole(ldif, entry)) {
		step = refuse(ldif, "not LDIF", "not all lines make sense");
	} else {
		step = take_message(ldif, entry->msg, row, message);
	}
	ldb_ldif_read_free(ldif->ldb, entry);
	return step;
}

/* Behind the last entry. */
static enum format_step finish(struct ldif *ldif, struct row *row)
{
	if (ldif->ended) {
		return FORMAT_END;
	}
	ldif->ended = true;
	if (ldif->reader.counter > 0) {
		tally_remark(ldif->tally, "the source has given out versions "
			     "up to %" PRIu64 " (CN=VERSION)",
			     ldif->reader.counter);
	}
	return ldbrec_read_partners(&ldif->reader, row) ? FORMAT_ROW :
							  FORMAT_END;
}

enum format_step ldif_reader_next(void *priv, struct row *row, char **message)
{
	struct ldif *ldif = talloc_get_type_abort(priv, struct ldif);
	enum format_step step = FORMAT_END;
	char *why = NULL;

	while (step == FORMAT_END) {
		int got = ldif->ended ? 0 : next_entry(ldif, &why);

		if (got == -1) {
			return fail(ldif, message, why);
		}
		if (got == 0) {
			return finish(ldif, row);
		}
		step = take_entry(ldif, row, message);
	}
	return step;
}

int ldif_reader_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		     bool by_entry, void **priv, char **message)
{
	struct ldif *ldif = talloc_zero(mem_ctx, struct ldif);
	int ret = ENOMEM;

	if (ldif == NULL) {
		return ENOMEM;
	}
	ldif->tally = end->tally;
	ldif->by_entry = by_entry;
	ldif->reader.owner_zero = end->options->owner_zero;
	ldif->ldb = ldbrec_library(ldif);
	if (ldif->ldb != NULL) {
		ret = text_open(ldif, end->file, TEXT_BYTES, NULL,
				&ldif->text, message);
	}
	if (ret != 0) {
		talloc_free(ldif);
		return ret;
	}
	*priv = ldif;
	return 0;
}

/* ---- writing ---- */

static int emit(void *arg, const struct ldb_message *msg)
{
	struct ldif *ldif = talloc_get_type_abort(arg, struct ldif);
	const struct ldb_ldif entry = {
		.changetype = LDB_CHANGETYPE_NONE,
		.msg = (struct ldb_message *)(uintptr_t)msg,
	};

	errno = 0;
	if (ldb_ldif_write_file(ldif->ldb, ldif->file, &entry) < 0) {
		return errno != 0 ? errno : EIO;
	}
	return 0;
}

static int writer_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		       void **priv)
{
	struct ldif *ldif = talloc_zero(mem_ctx, struct ldif);
	int ret = ENOMEM;

	if (ldif == NULL) {
		return ENOMEM;
	}
	ldif->file = end->file;
	ldif->ldb = ldbrec_library(ldif);
	if (ldif->ldb != NULL) {
		ret = ldbrec_writer_open(ldif, ldif->ldb, end, emit, ldif,
					 &ldif->writer);
	}
	if (ret != 0) {
		talloc_free(ldif);
		return ret;
	}
	*priv = ldif;
	return 0;
}

/* ---- the interface ---- */

static bool holds(const struct format_head *head, const char *text)
{
	return memmem(head->data, head->len, text, strlen(text)) != NULL;
}

static int ldif_probe(const struct format_head *head)
{
	size_t len = strlen(head->name);
	bool ldif = len > 5 && strcmp(head->name + len - 5, ".ldif") == 0;

	if (!holds(head, "dn:")) {
		return 0;
	}
	if (holds(head, "winsRecord") || holds(head, "wreplPartner")) {
		return 95;
	}
	return ldif ? 60 : 0;
}

static int ldif_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		     bool writing, void **priv, char **message)
{
	return writing ? writer_open(mem_ctx, end, priv) :
			 ldif_reader_open(mem_ctx, end, false, priv, message);
}

static int ldif_put(void *priv, const struct row *row, char **message)
{
	struct ldif *ldif = talloc_get_type_abort(priv, struct ldif);
	int ret = ldbrec_writer_put(ldif->writer, row);

	if (ret != 0) {
		(void)fail(ldif, message, strerror(ret));
	}
	return ret;
}

static int ldif_close(void *priv, char **message)
{
	struct ldif *ldif = talloc_get_type_abort(priv, struct ldif);
	int ret = 0;

	if (ldif->writer != NULL) {
		ret = ldbrec_writer_close(ldif->writer);
		if (ret == 0 && fflush(ldif->file) != 0) {
			ret = errno;
		}
	}
	if (ret != 0) {
		(void)fail(ldif, message, strerror(ret));
		*message = talloc_steal(talloc_parent(ldif), *message);
	}
	talloc_free(ldif);
	return ret;
}

const struct format_ops format_ldif = {
	.name = "ldif",
	.title = "LDIF of wins.ldb, as ldbsearch prints it and ldbadd reads",
	.flags = FORMAT_READS | FORMAT_WRITES,
	.carries = ROW_ALL,
	.loss = "names that the AD server cannot look up",
	.probe = ldif_probe,
	.open = ldif_open,
	.next = ldif_reader_next,
	.put = ldif_put,
	.close = ldif_close,
};
