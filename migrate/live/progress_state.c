/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file between two runs of progress.
 *
 * One run is one transaction: a run that fails leaves the file as it was. A
 * name that moved and comes back to the old owner loses its day, for it has to
 * move again. The file is a SQLite database with a number of its own, so that
 * somebody else's is refused before anything is written; SQLite does not
 * trust what its schema may call.
 */
#include "migrate/live/progress_state.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "codec/dbrec.h"

#define APPLICATION	"1464684627"	/* "WMPS" */

struct progress_file {
	sqlite3 *db;
	sqlite3_stmt *note, *days;
};

static int progress_destroy(struct progress_file *file)
{
	sqlite3_finalize(file->note);
	sqlite3_finalize(file->days);
	sqlite3_close(file->db);	/* an open transaction is undone */
	return 0;
}

static int first_number(struct progress_file *file, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int number = -1;

	if (sqlite3_prepare_v2(file->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW) {
		number = sqlite3_column_int(stmt, 0);
	}
	sqlite3_finalize(stmt);
	return number;
}

static bool run(struct progress_file *file, const char *sql)
{
	return sqlite3_exec(file->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* SQLite takes a file of a few bytes for an empty database of its own. */
static bool is_text(const char *path)
{
	static const char magic[] = "SQLite format 3";
	char head[sizeof(magic)] = "";
	FILE *file = path != NULL ? fopen(path, "re") : NULL;
	size_t len = 0;

	if (file == NULL) {
		return false;	/* new, or SQLite says what is wrong */
	}
	len = fread(head, 1, sizeof(head), file);
	(void)fclose(file);
	return len > 0 && memcmp(head, magic, sizeof(magic)) != 0;
}

/* New and empty, or ours. */
static bool is_ours(struct progress_file *file, const char *path)
{
	if (is_text(path)) {
		return false;
	}
	return first_number(file, "SELECT count(*) FROM sqlite_schema") == 0 ||
	       first_number(file, "PRAGMA application_id") ==
		       1464684627;
}

static bool prepare(struct progress_file *file)
{
	static const char note[] =
		"INSERT INTO name (key, first, moved) VALUES (?1, ?2, ?3) "
		"ON CONFLICT (key) DO UPDATE SET moved = CASE "
		"WHEN ?3 IS NULL THEN NULL ELSE coalesce(moved, ?3) END";
	static const char days[] =
		"SELECT date(moved, 'unixepoch') AS day, count(*) FROM name "
		"WHERE moved IS NOT NULL GROUP BY day ORDER BY day";

	return run(file, "PRAGMA trusted_schema = OFF; BEGIN IMMEDIATE;"
		   "PRAGMA application_id = " APPLICATION ";"
		   "CREATE TABLE IF NOT EXISTS name (key BLOB PRIMARY KEY, "
		   "first INTEGER NOT NULL, moved INTEGER) WITHOUT ROWID;") &&
	       sqlite3_prepare_v2(file->db, note, -1, &file->note, NULL) ==
		       SQLITE_OK &&
	       sqlite3_prepare_v2(file->db, days, -1, &file->days, NULL) ==
		       SQLITE_OK;
}

int progress_open(TALLOC_CTX *mem_ctx, const char *path,
		  struct progress_file **file, char **message)
{
	struct progress_file *f = talloc_zero(mem_ctx, struct progress_file);
	int ret = 0;

	if (f == NULL) {
		return ENOMEM;
	}
	talloc_set_destructor(f, progress_destroy);
	if (sqlite3_open(path != NULL ? path : "", &f->db) != SQLITE_OK) {
		ret = EIO;
	} else if (!is_ours(f, path)) {
		*message = talloc_strdup(mem_ctx, "not a file of `winsmigrate "
					 "progress`; give it a new name");
		ret = EINVAL;
	} else if (!prepare(f)) {
		ret = EIO;
	}
	if (ret == EIO) {
		*message = talloc_strdup(mem_ctx, sqlite3_errmsg(f->db));
	}
	if (ret != 0) {
		talloc_free(f);
		return ret;
	}
	*file = f;
	return 0;
}

int progress_note(struct progress_file *file, const struct nb_name *name,
		  enum progress_state state, int64_t now)
{
	uint8_t key[DBREC_KEY_MAX];
	int len = (int)dbrec_key_record(key, name);
	bool good = false;

	(void)sqlite3_bind_blob(file->note, 1, key, len, SQLITE_STATIC);
	(void)sqlite3_bind_int64(file->note, 2, now);
	if (state == PROGRESS_MOVED) {
		(void)sqlite3_bind_int64(file->note, 3, now);
	} else {
		(void)sqlite3_bind_null(file->note, 3);
	}
	good = sqlite3_step(file->note) == SQLITE_DONE;
	(void)sqlite3_reset(file->note);
	return good ? 0 : EIO;
}

int progress_days(struct progress_file *file,
		  void (*fn)(void *priv, const char *day, uint64_t moved,
			     uint64_t all),
		  void *priv)
{
	uint64_t all = 0;
	int step = SQLITE_ROW;

	while ((step = sqlite3_step(file->days)) == SQLITE_ROW) {
		const char *day = (const char *)sqlite3_column_text(
			file->days, 0);
		uint64_t moved = (uint64_t)sqlite3_column_int64(file->days, 1);

		all += moved;
		fn(priv, day != NULL ? day : "?", moved, all);
	}
	(void)sqlite3_reset(file->days);
	return step == SQLITE_DONE ? 0 : EIO;
}

int progress_save(struct progress_file *file)
{
	return run(file, "COMMIT") ? 0 : EIO;
}
