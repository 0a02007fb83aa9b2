/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The private database of a comparison: SQLite with an empty name, which makes
 * a file of its own where it likes, already deleted.
 *
 * A table for each side, from the bytes of a name to a view; both are in the
 * same order, so that comparing is one walk through both. Names and records
 * are the bytes of codec/dbrec.h: a format that must not be ours for ever can
 * be any, and this one refuses what is damaged.
 *
 * Rejected: two sorted arrays in memory, 700 bytes a record; one SQL join, in
 * which who compares would write SQL.
 */
#include "migrate/live/sides.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "codec/dbrec.h"

#define VALUE_HEAD	5u	/* kind, known */
#define VALUE_MAX	(VALUE_HEAD + DBREC_VALUE_MAX)

struct mark {
	uint32_t owner;
	uint64_t version;
};

struct side {
	sqlite3_stmt *put, *get, *list;
	uint64_t number;
	struct mark *mark;	/* in the order of owners */
	uint32_t marks, room;
	bool begun;
};

struct sides {
	sqlite3 *db;
	struct side side[SIDES_COUNT];
	sqlite3_stmt *reading;	/* one of the lists */
	sqlite3_stmt *seen_put, *seen_get;
};

static const char schema[] =
	"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
	"PRAGMA cache_size = -65536; PRAGMA temp_store = FILE;"
	"CREATE TABLE old (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID;"
	"CREATE TABLE new (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID;"
	"CREATE TABLE names (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID;"
	"CREATE TABLE seen (key BLOB PRIMARY KEY, first INTEGER,"
	" last INTEGER, rounds INTEGER) WITHOUT ROWID;";

static const char *const put_sql[SIDES_COUNT] = {
	"INSERT OR REPLACE INTO old VALUES (?, ?)",
	"INSERT OR REPLACE INTO new VALUES (?, ?)",
	"INSERT OR REPLACE INTO names VALUES (?, ?)",
};

static const char *const get_sql[SIDES_COUNT] = {
	"SELECT value FROM old WHERE key = ?",
	"SELECT value FROM new WHERE key = ?",
	"SELECT value FROM names WHERE key = ?",
};

static const char *const list_sql[SIDES_COUNT] = {
	"SELECT key, value FROM old ORDER BY key",
	"SELECT key, value FROM new ORDER BY key",
	"SELECT key, value FROM names ORDER BY key",
};

static const char *const empty_sql[SIDES_COUNT] = {
	"DELETE FROM old", "DELETE FROM new", "DELETE FROM names",
};

/* ---- opening ---- */

static int sides_destroy(struct sides *sides)
{
	for (unsigned int i = 0; i < SIDES_COUNT; i++) {
		sqlite3_finalize(sides->side[i].put);
		sqlite3_finalize(sides->side[i].get);
		sqlite3_finalize(sides->side[i].list);
	}
	sqlite3_finalize(sides->seen_put);
	sqlite3_finalize(sides->seen_get);
	sqlite3_close(sides->db);
	return 0;
}

static bool prepare(struct sides *sides, const char *sql, sqlite3_stmt **stmt)
{
	return sqlite3_prepare_v2(sides->db, sql, -1, stmt, NULL) == SQLITE_OK;
}

static bool prepare_all(struct sides *sides)
{
	bool good = prepare(sides, "INSERT OR REPLACE INTO seen "
			    "VALUES (?, ?, ?, ?)", &sides->seen_put) &&
		    prepare(sides, "SELECT first, last, rounds "
			    "FROM seen WHERE key = ?", &sides->seen_get);

	for (unsigned int i = 0; good && i < SIDES_COUNT; i++) {
		struct side *side = &sides->side[i];

		good = prepare(sides, put_sql[i], &side->put) &&
		       prepare(sides, get_sql[i], &side->get) &&
		       prepare(sides, list_sql[i], &side->list);
	}
	return good;
}

int sides_create(TALLOC_CTX *mem_ctx, struct sides **sides)
{
	struct sides *s = talloc_zero(mem_ctx, struct sides);

	if (s == NULL) {
		return ENOMEM;
	}
	talloc_set_destructor(s, sides_destroy);
	if (sqlite3_open("", &s->db) != SQLITE_OK ||
	    sqlite3_exec(s->db, schema, NULL, NULL, NULL) != SQLITE_OK ||
	    !prepare_all(s)) {
		talloc_free(s);
		return EIO;
	}
	*sides = s;
	return 0;
}

const char *sides_error(const struct sides *sides)
{
	return sqlite3_errmsg(sides->db);
}

/* ---- views as bytes ---- */

static size_t view_write(const struct compare_view *view, const uint8_t *key,
			 size_t key_len, uint8_t value[VALUE_MAX])
{
	value[0] = view->kind;
	for (unsigned int i = 0; i < 4; i++) {
		value[1 + i] = (uint8_t)(view->known >> (8 * i));
	}
	return VALUE_HEAD + dbrec_encode(value + VALUE_HEAD, key, key_len,
					 &view->rec);
}

static int view_read(const uint8_t *key, size_t key_len, const uint8_t *value,
		     size_t len, struct compare_view *view)
{
	*view = (struct compare_view) { .kind = COMPARE_ABSENT };
	if (value == NULL || len < VALUE_HEAD ||
	    dbrec_decode(key, key_len, value + VALUE_HEAD, len - VALUE_HEAD,
			 &view->rec) != NULL) {
		return EILSEQ;
	}
	view->kind = value[0];
	for (unsigned int i = 0; i < 4; i++) {
		view->known |= (unsigned int)value[1 + i] << (8 * i);
	}
	return 0;
}

/* ---- marks ---- */

/* Index of the owner, or of the place where it belongs. */
static uint32_t find_mark(const struct side *side, uint32_t owner)
{
	uint32_t low = 0, high = side->marks;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (side->mark[middle].owner < owner) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

static bool mark_is(const struct side *side, uint32_t at, uint32_t owner)
{
	return at < side->marks && side->mark[at].owner == owner;
}

int sides_set_mark(struct sides *sides, enum sides_which which,
		   uint32_t owner, uint64_t version)
{
	struct side *side = &sides->side[which];
	uint32_t at = find_mark(side, owner);

	if (mark_is(side, at, owner)) {
		if (version > side->mark[at].version) {
			side->mark[at].version = version;
		}
		return 0;
	}
	if (side->marks == side->room) {
		struct mark *more = talloc_realloc(sides, side->mark,
						   struct mark,
						   side->room * 2 + 64);

		if (more == NULL) {
			return ENOMEM;
		}
		side->mark = more;
		side->room = side->room * 2 + 64;
	}
	memmove(side->mark + at + 1, side->mark + at,
		(side->marks - at) * sizeof(side->mark[0]));
	side->mark[at] = (struct mark) { owner, version };
	side->marks++;
	return 0;
}

bool sides_mark(const struct sides *sides, enum sides_which which,
		uint32_t owner, uint64_t *version)
{
	const struct side *side = &sides->side[which];
	uint32_t at = find_mark(side, owner);

	if (!mark_is(side, at, owner)) {
		return false;
	}
	*version = side->mark[at].version;
	return true;
}

/* ---- filling ---- */

int sides_begin(struct sides *sides, enum sides_which which)
{
	sides->side[which].number = 0;
	sides->side[which].marks = 0;
	return sqlite3_exec(sides->db, empty_sql[which], NULL, NULL, NULL) ==
		       SQLITE_OK &&
	       sqlite3_exec(sides->db, "BEGIN", NULL, NULL, NULL) ==
		       SQLITE_OK ? 0 : EIO;
}

int sides_end(struct sides *sides)
{
	return sqlite3_exec(sides->db, "COMMIT", NULL, NULL, NULL) ==
	       SQLITE_OK ? 0 : EIO;
}

int sides_put(struct sides *sides, enum sides_which which,
	      const struct compare_view *view)
{
	struct side *side = &sides->side[which];
	uint8_t key[DBREC_KEY_MAX], value[VALUE_MAX];
	size_t key_len = dbrec_key_record(key, &view->rec.name);
	size_t len = view_write(view, key, key_len, value);
	bool good = false;

	(void)sqlite3_bind_blob(side->put, 1, key, (int)key_len,
				SQLITE_STATIC);
	(void)sqlite3_bind_blob(side->put, 2, value, (int)len, SQLITE_STATIC);
	good = sqlite3_step(side->put) == SQLITE_DONE;
	(void)sqlite3_reset(side->put);
	if (!good) {
		return EIO;
	}
	side->number++;
	return view->kind == COMPARE_RECORD && view->rec.owner != NB_SELF ?
	       sides_set_mark(sides, which, view->rec.owner,
			      view->rec.version) : 0;
}

uint64_t sides_number(const struct sides *sides, enum sides_which which)
{
	return sides->side[which].number;
}

/* ---- reading ---- */

static int column_view(sqlite3_stmt *stmt, int column, const uint8_t *key,
		       size_t key_len, struct compare_view *view)
{
	const uint8_t *value = sqlite3_column_blob(stmt, column);

	return view_read(key, key_len, value,
			 (size_t)sqlite3_column_bytes(stmt, column), view);
}

int sides_get(struct sides *sides, enum sides_which which,
	      const struct nb_name *name, struct compare_view *view)
{
	sqlite3_stmt *get = sides->side[which].get;
	uint8_t key[DBREC_KEY_MAX];
	size_t key_len = dbrec_key_record(key, name);
	int ret = 0;

	*view = (struct compare_view) { .kind = COMPARE_ABSENT };
	view->rec.name = *name;
	(void)sqlite3_bind_blob(get, 1, key, (int)key_len, SQLITE_STATIC);
	switch (sqlite3_step(get)) {
	case SQLITE_ROW:
		ret = column_view(get, 0, key, key_len, view);
		break;
	case SQLITE_DONE:
		break;
	default:
		ret = EIO;
	}
	(void)sqlite3_reset(get);
	return ret;
}

/* A list as it is walked along: where it stands. */
struct cursor {
	sqlite3_stmt *stmt;
	bool there;
	const uint8_t *key;
	size_t key_len;
};

static int cursor_next(struct cursor *cursor)
{
	int ret = sqlite3_step(cursor->stmt);

	cursor->there = ret == SQLITE_ROW;
	if (!cursor->there) {
		return ret == SQLITE_DONE ? 0 : EIO;
	}
	cursor->key = sqlite3_column_blob(cursor->stmt, 0);
	cursor->key_len = (size_t)sqlite3_column_bytes(cursor->stmt, 0);
	return cursor->key == NULL ? EIO : 0;
}

/* As SQLite orders blobs. A side that is through comes behind all. */
static int compare_keys(const struct cursor *a, const struct cursor *b)
{
	size_t len = a->key_len < b->key_len ? a->key_len : b->key_len;
	int order = 0;

	if (!a->there || !b->there) {
		return a->there ? -1 : 1;
	}
	order = memcmp(a->key, b->key, len);
	return order != 0 ? order : a->key_len < b->key_len ? -1 :
	       a->key_len > b->key_len;
}

/* The view under the cursor, or that there is none of this name. */
static int cursor_view(const struct cursor *cursor, bool takes_part,
		       struct compare_view *view)
{
	*view = (struct compare_view) { .kind = COMPARE_ABSENT };
	return takes_part ? column_view(cursor->stmt, 1, cursor->key,
					cursor->key_len, view) : 0;
}

static int each_pair(struct cursor *a, struct cursor *b,
		     int (*fn)(void *priv, const struct compare_view *old,
			       const struct compare_view *new),
		     void *priv)
{
	while (a->there || b->there) {
		struct compare_view old, new;
		int order = compare_keys(a, b);
		int ret = cursor_view(a, order <= 0, &old);

		ret = ret != 0 ? ret : cursor_view(b, order >= 0, &new);
		if (ret != 0) {
			return ret;
		}
		if (order < 0) {
			new.rec.name = old.rec.name;
		} else if (order > 0) {
			old.rec.name = new.rec.name;
		}
		ret = fn(priv, &old, &new);
		ret = ret == 0 && order <= 0 ? cursor_next(a) : ret;
		ret = ret == 0 && order >= 0 ? cursor_next(b) : ret;
		if (ret != 0) {
			return ret;
		}
	}
	return 0;
}

int sides_each(struct sides *sides,
	       int (*fn)(void *priv, const struct compare_view *old,
			 const struct compare_view *new),
	       void *priv)
{
	struct cursor a = { .stmt = sides->side[SIDES_OLD].list };
	struct cursor b = { .stmt = sides->side[SIDES_NEW].list };
	int ret = sqlite3_exec(sides->db, "BEGIN", NULL, NULL, NULL) ==
		  SQLITE_OK ? 0 : EIO;

	ret = ret != 0 ? ret : cursor_next(&a);
	ret = ret != 0 ? ret : cursor_next(&b);
	ret = ret != 0 ? ret : each_pair(&a, &b, fn, priv);
	(void)sqlite3_reset(a.stmt);
	(void)sqlite3_reset(b.stmt);
	return sides_end(sides) != 0 && ret == 0 ? EIO : ret;
}

int sides_first(struct sides *sides, enum sides_which which)
{
	sides->reading = sides->side[which].list;
	return sqlite3_reset(sides->reading) == SQLITE_OK ? 0 : EIO;
}

int sides_next(struct sides *sides, struct compare_view *view)
{
	struct cursor cursor = { .stmt = sides->reading };
	int ret = cursor_next(&cursor);

	if (ret == 0 && !cursor.there) {
		ret = ENOENT;
	}
	ret = ret != 0 ? ret : cursor_view(&cursor, true, view);
	if (ret != 0) {
		(void)sqlite3_reset(sides->reading);
	}
	return ret;
}

/* ---- since when ---- */

struct seen {
	int64_t first;
	unsigned int last, rounds;
};

/* All zero if it was never seen. */
static struct seen look_up(struct sides *sides, const uint8_t *key, int len)
{
	sqlite3_stmt *get = sides->seen_get;
	struct seen seen = { .rounds = 0 };

	(void)sqlite3_bind_blob(get, 1, key, len, SQLITE_STATIC);
	if (sqlite3_step(get) == SQLITE_ROW) {
		seen.first = sqlite3_column_int64(get, 0);
		seen.last = (unsigned int)sqlite3_column_int64(get, 1);
		seen.rounds = (unsigned int)sqlite3_column_int64(get, 2);
	}
	(void)sqlite3_reset(get);
	return seen;
}

/* A difference that was not there in the round before is a new one. */
int sides_seen(struct sides *sides, const struct nb_name *name, int64_t now,
	       unsigned int round, int64_t *first, unsigned int *rounds)
{
	sqlite3_stmt *put = sides->seen_put;
	uint8_t key[DBREC_KEY_MAX];
	int len = (int)dbrec_key_record(key, name);
	struct seen seen = look_up(sides, key, len);
	bool good = false, goes_on = seen.rounds > 0 && seen.last + 1 >= round;

	*first = goes_on ? seen.first : now;
	*rounds = goes_on ? seen.rounds + (seen.last != round) : 1;
	(void)sqlite3_bind_blob(put, 1, key, len, SQLITE_STATIC);
	(void)sqlite3_bind_int64(put, 2, *first);
	(void)sqlite3_bind_int64(put, 3, round);
	(void)sqlite3_bind_int64(put, 4, *rounds);
	good = sqlite3_step(put) == SQLITE_DONE;
	(void)sqlite3_reset(put);
	return good ? 0 : EIO;
}

int sides_since(struct sides *sides, const struct nb_name *name,
		int64_t *first, unsigned int *rounds)
{
	uint8_t key[DBREC_KEY_MAX];
	struct seen seen = look_up(sides, key,
				   (int)dbrec_key_record(key, name));

	*first = seen.first;
	*rounds = seen.rounds;
	return seen.rounds > 0 ? 0 : ENOENT;
}
