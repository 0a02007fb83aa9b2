/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sqlite: a database to ask questions of, lossless.
 *
 *   records    id, name, suffix, scope, type, state, node, static, owner,
 *              version, expires, queried
 *   addresses  record, position, ip, owner, expires
 *
 * NULL is what nobody said. Words and addresses are text, times are seconds
 * since 1970 with the largest integer for never, queried is -1 for never.
 * Names are text where they are printable ASCII, so that one can ask for them,
 * else blobs. Versions above 2^63 - 1 have no integer here and are text; that
 * column has no type, for SQLite would turn them into floating point.
 *
 * Writing is one transaction without a journal: the file is new, and nobody
 * sees it before it is whole (target.c). Reading takes tables and no views: a
 * database of somebody else must not run what it pleases.
 */
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/formats.h"

#define APPLICATION 0x57494e53	/* "WINS", in the head of the file */

static const char schema[] =
	"PRAGMA application_id = 0x57494e53;"
	"PRAGMA user_version = 1;"
	"PRAGMA journal_mode = OFF;"
	"PRAGMA synchronous = OFF;"
	"BEGIN;"
	"CREATE TABLE records (id INTEGER PRIMARY KEY, name NOT NULL,"
	" suffix INTEGER NOT NULL, scope, type TEXT NOT NULL, state TEXT,"
	" node TEXT, static INTEGER, owner TEXT, version, expires INTEGER,"
	" queried INTEGER);"
	"CREATE TABLE addresses (record INTEGER NOT NULL REFERENCES records,"
	" position INTEGER NOT NULL, ip TEXT NOT NULL, owner TEXT,"
	" expires INTEGER, PRIMARY KEY (record, position)) WITHOUT ROWID;";

static const char insert_record[] =
	"INSERT INTO records (name, suffix, scope, type, state, node, static,"
	" owner, version, expires, queried)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
static const char insert_address[] =
	"INSERT INTO addresses (record, position, ip, owner, expires)"
	" VALUES (?1, ?2, ?3, ?4, ?5)";
static const char select_records[] =
	"SELECT name, suffix, scope, type, state, node, static, owner,"
	" version, expires, queried, id FROM records ORDER BY id";
static const char select_addresses[] =
	"SELECT ip, owner, expires FROM addresses WHERE record = ?1"
	" ORDER BY position";

/* In the order of the two first ones; parameters count from 1. */
enum { NAME, SUFFIX, SCOPE, TYPE, STATE, NODE, STATIC, OWNER, VERSION,
       EXPIRES, QUERIED, ID };
enum { IP, IP_OWNER, IP_EXPIRES };

struct sqlite {
	struct tally *tally;
	sqlite3 *db;
	sqlite3_stmt *records;
	sqlite3_stmt *addresses;
	bool writing;
};

static int sqlite_destructor(struct sqlite *s)
{
	(void)sqlite3_finalize(s->records);
	(void)sqlite3_finalize(s->addresses);
	(void)sqlite3_close(s->db);
	return 0;
}

static int errno_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_NOTADB:
	case SQLITE_ERROR:	/* no such table or column */
		return EINVAL;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_CORRUPT:
		return EILSEQ;
	default:
		return EIO;
	}
}

static int failed(TALLOC_CTX *mem_ctx, struct sqlite *s, int code,
		  char **message)
{
	*message = talloc_asprintf(mem_ctx, "%s%s", sqlite3_errmsg(s->db),
				   code == SQLITE_NOTADB ?
				   "; one has the tables that `-t sqlite` of "
				   "this program makes" : "");
	return errno_of(code);
}

/* ---- writing ---- */

static bool plain(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] < 0x20 || bytes[i] > 0x7e) {
			return false;
		}
	}
	return true;
}

static void bind_bytes(sqlite3_stmt *stmt, int column, const uint8_t *bytes,
		       size_t len)
{
	if (plain(bytes, len)) {
		(void)sqlite3_bind_text(stmt, column + 1, (const char *)bytes,
					(int)len, SQLITE_TRANSIENT);
	} else {
		(void)sqlite3_bind_blob(stmt, column + 1, bytes, (int)len,
					SQLITE_TRANSIENT);
	}
}

static void bind_word(sqlite3_stmt *stmt, int column, const char *word)
{
	(void)sqlite3_bind_text(stmt, column + 1, word, -1, SQLITE_TRANSIENT);
}

static void bind_address(sqlite3_stmt *stmt, int column, uint32_t addr)
{
	char text[NB_ADDR_TEXT];

	bind_word(stmt, column, nb_addr_print(addr, text));
}

static void bind_version(sqlite3_stmt *stmt, uint64_t version)
{
	char text[24];

	if (version <= INT64_MAX) {
		(void)sqlite3_bind_int64(stmt, VERSION + 1, (int64_t)version);
		return;
	}
	(void)snprintf(text, sizeof(text), "%" PRIu64, version);
	bind_word(stmt, VERSION, text);
}

static void bind_known(sqlite3_stmt *stmt, const struct row *row)
{
	const struct nb_record *rec = &row->rec;
	unsigned int known = row->known;

	if ((known & ROW_SCOPE) != 0) {
		bind_bytes(stmt, SCOPE, rec->name.scope, rec->name.scope_len);
	}
	if ((known & ROW_STATE) != 0) {
		bind_word(stmt, STATE, nb_state_name(rec->state));
	}
	if ((known & ROW_NODE) != 0) {
		bind_word(stmt, NODE, nb_node_name(rec->node));
	}
	if ((known & ROW_STATIC) != 0) {
		(void)sqlite3_bind_int(stmt, STATIC + 1, rec->is_static);
	}
	if ((known & ROW_OWNER) != 0) {
		bind_address(stmt, OWNER, rec->owner);
	}
	if ((known & ROW_VERSION) != 0) {
		bind_version(stmt, rec->version);
	}
	if ((known & ROW_EXPIRES) != 0) {
		(void)sqlite3_bind_int64(stmt, EXPIRES + 1, rec->expires);
	}
	if ((known & ROW_QUERIED) != 0) {
		(void)sqlite3_bind_int64(stmt, QUERIED + 1, row->queried);
	}
}

/* Run a statement that gives nothing; ready for the next time. */
static int step(sqlite3_stmt *stmt)
{
	int code = sqlite3_step(stmt);

	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int put_address(struct sqlite *s, int64_t id, unsigned int position,
		       const struct row *row)
{
	const struct nb_member *member = &row->rec.member[position];

	(void)sqlite3_bind_int64(s->addresses, 1, id);
	(void)sqlite3_bind_int(s->addresses, 2, (int)position);
	bind_address(s->addresses, IP + 2, member->ip);
	if ((row->known & ROW_MEMBER_OWNERS) != 0) {
		bind_address(s->addresses, IP_OWNER + 2, member->owner);
	}
	if ((row->known & ROW_MEMBER_EXPIRES) != 0) {
		(void)sqlite3_bind_int64(s->addresses, IP_EXPIRES + 3,
					 member->expires);
	}
	return step(s->addresses);
}

static int sqlite_put(void *priv, const struct row *row, char **message)
{
	struct sqlite *s = talloc_get_type_abort(priv, struct sqlite);
	const struct nb_record *rec = &row->rec;
	int64_t id = 0;
	int code = SQLITE_OK;

	if (row->kind != ROW_RECORD) {
		tally_skipped(s->tally, row, "not a record");
		return 0;
	}
	bind_bytes(s->records, NAME, rec->name.byte, rec->name.len);
	(void)sqlite3_bind_int(s->records, SUFFIX + 1, rec->name.type);
	bind_word(s->records, TYPE, nb_type_name(rec->type));
	bind_known(s->records, row);
	code = step(s->records);
	id = sqlite3_last_insert_rowid(s->db);
	for (unsigned int i = 0; code == SQLITE_OK && i < rec->count; i++) {
		code = put_address(s, id, i, row);
	}
	if (code != SQLITE_OK) {
		return failed(s, s, code, message);
	}
	tally_written(s->tally, row);
	return 0;
}

/* ---- reading ---- */

static int probe(const struct format_head *head)
{
	static const char magic[] = "SQLite format 3";

	if (head->len < 100 ||
	    memcmp(head->data, magic, sizeof(magic)) != 0) {
		return 0;
	}
	/* application_id */
	return memcmp(head->data + 68, "WINS", 4) == 0 ? 100 : 40;
}

static bool is_null(sqlite3_stmt *stmt, int column)
{
	return sqlite3_column_type(stmt, column) == SQLITE_NULL;
}

/* Letters of a cell; "" where there are none. */
static const char *word(sqlite3_stmt *stmt, int column)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	return text != NULL ? (const char *)text : "";
}

static bool read_number(sqlite3_stmt *stmt, int column, int64_t *number)
{
	*number = sqlite3_column_int64(stmt, column);
	return sqlite3_column_type(stmt, column) == SQLITE_INTEGER;
}

static bool read_name(sqlite3_stmt *stmt, struct nb_record *rec)
{
	const void *bytes = sqlite3_column_blob(stmt, NAME);
	int len = sqlite3_column_bytes(stmt, NAME);
	int64_t suffix = 0;

	if (is_null(stmt, NAME) || len > NB_NAME_MAX ||
	    !read_number(stmt, SUFFIX, &suffix) || suffix < 0 ||
	    suffix > 255) {
		return false;
	}
	rec->name = nb_name_make(bytes != NULL ? bytes : "", (size_t)len,
				 (uint8_t)suffix);
	return rec->name.len == len;
}

static bool read_scope(sqlite3_stmt *stmt, int column, struct row *row)
{
	const void *bytes = sqlite3_column_blob(stmt, column);

	return nb_name_set_scope(&row->rec.name, bytes != NULL ? bytes : "",
				 (size_t)sqlite3_column_bytes(stmt, column));
}

static bool read_type(sqlite3_stmt *stmt, int column, struct row *row)
{
	return nb_type_parse(word(stmt, column), &row->rec.type);
}

static bool read_state(sqlite3_stmt *stmt, int column, struct row *row)
{
	return nb_state_parse(word(stmt, column), &row->rec.state);
}

static bool read_node(sqlite3_stmt *stmt, int column, struct row *row)
{
	return nb_node_parse(word(stmt, column), &row->rec.node);
}

static bool read_static(sqlite3_stmt *stmt, int column, struct row *row)
{
	int64_t number = 0;
	bool good = read_number(stmt, column, &number);

	row->rec.is_static = number == 1;
	return good && (number == 0 || number == 1);
}

static bool read_owner(sqlite3_stmt *stmt, int column, struct row *row)
{
	return nb_addr_parse(word(stmt, column), &row->rec.owner);
}

static bool read_version(sqlite3_stmt *stmt, int column, struct row *row)
{
	const char *text = word(stmt, column);
	char *end = NULL;

	if (text[0] < '0' || text[0] > '9') {
		return false;
	}
	errno = 0;
	row->rec.version = strtoull(text, &end, 10);
	return *end == '\0' && errno == 0;
}

static bool read_expires(sqlite3_stmt *stmt, int column, struct row *row)
{
	return read_number(stmt, column, &row->rec.expires);
}

static bool read_queried(sqlite3_stmt *stmt, int column, struct row *row)
{
	return read_number(stmt, column, &row->queried) && row->queried >= -1;
}

static const struct {
	int column;
	unsigned int says;		/* enum row_field */
	bool (*read)(sqlite3_stmt *stmt, int column, struct row *row);
	const char *wrong;
} columns[] = {
	{ SCOPE, ROW_SCOPE, read_scope, "scope" },
	{ TYPE, ROW_TYPE | ROW_RAW_NAMES, read_type, "type" },
	{ STATE, ROW_STATE, read_state, "state" },
	{ NODE, ROW_NODE, read_node, "node" },
	{ STATIC, ROW_STATIC, read_static, "static" },
	{ OWNER, ROW_OWNER, read_owner, "owner" },
	{ VERSION, ROW_VERSION, read_version, "version" },
	{ EXPIRES, ROW_EXPIRES, read_expires, "expires" },
	{ QUERIED, ROW_QUERIED, read_queried, "queried" },
};

/* One address, as its record where it says nothing; NULL or what is wrong. */
static const char *read_address(sqlite3_stmt *stmt, struct row *row,
				unsigned int *known)
{
	struct nb_record *rec = &row->rec;
	struct nb_member member = {
		.owner = rec->owner,
		.expires = rec->expires,
	};

	if (rec->count == NB_MEMBERS_MAX) {
		return "more than 25 addresses";
	}
	if (!nb_addr_parse(word(stmt, IP), &member.ip)) {
		return "ip";
	}
	if (is_null(stmt, IP_OWNER)) {
		*known &= ~(unsigned int)ROW_MEMBER_OWNERS;
	} else if (!nb_addr_parse(word(stmt, IP_OWNER), &member.owner)) {
		return "owner of an address";
	}
	if (is_null(stmt, IP_EXPIRES)) {
		*known &= ~(unsigned int)ROW_MEMBER_EXPIRES;
	} else if (!read_number(stmt, IP_EXPIRES, &member.expires)) {
		return "expires of an address";
	}
	rec->member[rec->count++] = member;
	return NULL;
}

/* What nobody said, see row.h. */
static void fill(struct row *row, unsigned int known)
{
	struct nb_record *rec = &row->rec;

	if (rec->count == 0) {
		known = ((row->known & ROW_OWNER) != 0 ? ROW_MEMBER_OWNERS :
							 0u) |
			((row->known & ROW_EXPIRES) != 0 ?
				 ROW_MEMBER_EXPIRES : 0u);
	}
	row->known |= known;
	if ((row->known & ROW_EXPIRES) != 0 || !rec->is_static ||
	    rec->state != NB_ACTIVE) {
		return;
	}
	rec->expires = NB_NEVER;
	for (unsigned int i = 0; i < rec->count; i++) {
		if ((known & ROW_MEMBER_EXPIRES) == 0) {
			rec->member[i].expires = NB_NEVER;
		}
	}
}

static const char *read_addresses(struct sqlite *s, struct row *row, int *code)
{
	unsigned int known = ROW_MEMBER_OWNERS | ROW_MEMBER_EXPIRES;
	const char *wrong = NULL;

	(void)sqlite3_bind_int64(s->addresses, 1,
				 sqlite3_column_int64(s->records, ID));
	while (wrong == NULL &&
	       (*code = sqlite3_step(s->addresses)) == SQLITE_ROW) {
		wrong = read_address(s->addresses, row, &known);
	}
	(void)sqlite3_reset(s->addresses);
	fill(row, known);
	return wrong;
}

/* NULL, or what is wrong with the row. */
static const char *read_row(struct sqlite *s, struct row *row, int *code)
{
	const char *wrong = NULL;

	if (!read_name(s->records, &row->rec)) {
		return "name or suffix";
	}
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		int column = columns[i].column;

		if (column != TYPE && is_null(s->records, column)) {
			continue;
		}
		if (!columns[i].read(s->records, column, row)) {
			return columns[i].wrong;
		}
		row->known |= columns[i].says;
	}
	if (row->rec.owner == 0) {		/* 0.0.0.0: nobody */
		row->known &= ~(unsigned int)ROW_OWNER;
	}
	wrong = read_addresses(s, row, code);
	return wrong != NULL ? wrong : nb_record_broken(&row->rec);
}

static enum format_step sqlite_next(void *priv, struct row *row,
				    char **message)
{
	struct sqlite *s = talloc_get_type_abort(priv, struct sqlite);
	int code = sqlite3_step(s->records);
	const char *wrong = NULL;
	char raw[64];

	*row = (struct row) { .rec = { .node = NB_H_NODE } };
	if (code == SQLITE_DONE) {
		return FORMAT_END;
	}
	if (code == SQLITE_ROW) {
		row->place = (uint64_t)sqlite3_column_int64(s->records, ID);
		wrong = read_row(s, row, &code);
	}
	if (code != SQLITE_ROW && code != SQLITE_DONE) {
		(void)failed(s, s, code, message);
		return FORMAT_FAILED;
	}
	if (wrong == NULL) {
		return FORMAT_ROW;
	}
	(void)snprintf(raw, sizeof(raw), "records.id = %" PRIu64, row->place);
	tally_refused(s->tally, NULL, raw, strlen(raw), row->place,
		      "not a record", wrong);
	return FORMAT_SKIPPED;
}

/* ---- beginning and end ---- */

static int prepare(struct sqlite *s, bool writing)
{
	int code = sqlite3_prepare_v2(s->db, writing ? insert_record :
				      select_records, -1, &s->records, NULL);

	return code != SQLITE_OK ? code :
		sqlite3_prepare_v2(s->db, writing ? insert_address :
				   select_addresses, -1, &s->addresses, NULL);
}

static int open_db(struct sqlite *s, const char *path, bool writing)
{
	int code = sqlite3_open_v2(path, &s->db, writing ?
				   SQLITE_OPEN_READWRITE |
				   SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW :
				   SQLITE_OPEN_READONLY, NULL);

	if (code != SQLITE_OK) {
		return code;
	}
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0,
				NULL);
	(void)sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, 1000000);
	if (writing) {
		code = sqlite3_exec(s->db, schema, NULL, NULL, NULL);
	}
	return code != SQLITE_OK ? code : prepare(s, writing);
}

static int sqlite_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		       bool writing, void **priv, char **message)
{
	struct sqlite *s = talloc_zero(mem_ctx, struct sqlite);
	int code = SQLITE_OK;
	int ret = 0;

	if (s == NULL) {
		return ENOMEM;
	}
	s->tally = end->tally;
	s->writing = writing;
	talloc_set_destructor(s, sqlite_destructor);
	code = open_db(s, end->path, writing);
	if (code != SQLITE_OK) {
		ret = failed(mem_ctx, s, code, message);
		talloc_free(s);
		return ret;
	}
	*priv = s;
	return 0;
}

static int sqlite_end(void *priv, char **message)
{
	struct sqlite *s = talloc_get_type_abort(priv, struct sqlite);
	TALLOC_CTX *parent = talloc_parent(s);
	int ret = 0;

	if (s->writing) {
		int code = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);

		ret = code == SQLITE_OK ? 0 : failed(parent, s, code, message);
	}
	talloc_free(s);
	return ret;
}

const struct format_ops format_sqlite = {
	.name = "sqlite",
	.title = "a database to ask questions of, lossless",
	.flags = FORMAT_READS | FORMAT_WRITES | FORMAT_PATH,
	.carries = ROW_ALL | ROW_QUERIED,
	.probe = probe,
	.open = sqlite_open,
	.next = sqlite_next,
	.put = sqlite_put,
	.close = sqlite_end,
};
