/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Into the database of a stopped server: a new file is made beside the old
 * one, and takes its place when it is whole.
 *
 *	lock		nobody else works here
 *	copy		all that is there, file and journal, key by key
 *	import		each row meets what the new file has by now
 *	verify		it is read as a start would read it, and synced
 *	put in place	as restore does it (common/steps.h); the old one stays
 *
 * Until the last step nothing is changed, whatever happens, so a dry run is
 * the same without that step and says exactly what a real one does.
 *
 * Nothing is kept in memory but the page cache: rows come from the spool,
 * records are looked for in the file (store/tdbfile.h, "a file that a tool
 * fills"). A store in memory would hold a million records to change a few.
 *
 * Times. Records stand on the ageing clock, rows on the wall clock; where the
 * first would stand if the server started now, the database says (core/age.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "codec/dbrec.h"
#include "common/place.h"
#include "common/steps.h"
#include "common/tool.h"
#include "core/age.h"
#include "core/owner_move.h"
#include "migrate/import.h"
#include "migrate/progress.h"
#include "migrate/pump.h"
#include "migrate/winsmigrate.h"
#include "rules/import.h"
#include "store/disk.h"
#include "store/tdbfile.h"

#define NUMBER_FORMAT	"format"		/* store/internal.h */
#define NUMBER_RECORDS	"records"
#define NUMBER_RESERVED	"versions-reserved"
#define NUMBER_JOURNAL	"journal-"
#define NUMBER_ALIVE	"alive"			/* serve/alive.c */
#define NUMBER_WALL	"alive-wall"
#define VERSION_LAST	(UINT64_MAX - 1)
#define LOOK_EVERY	4096			/* rows, for Ctrl-C */

struct files {
	struct import *import;
	char *database, *journal, *reserve;
	char *fresh_path;
	struct tdbfile *fresh;
	const char *wrong;	/* of a record that is there */
	uint64_t records;
	uint64_t revision;
	uint64_t reserved;	/* as the database has it */
	uint64_t counter;	/* versions handed out up to here */
	uint32_t self;		/* as the database has it; 0: not yet */
	struct age_saved saved;
	bool has_alive, has_wall;
	int64_t now;		/* ageing clock */
	int64_t offset;		/* wall clock minus it */
	struct nb_name own;	/* the server's name, any suffix */
};

static int failed(const char *what, int error)
{
	tool_say("%s: %s", what, strerror(error));
	return TOOL_FAILED;
}

/* message: malloc'ed, or NULL. */
static int failed_with(char *message, const char *what, int error)
{
	if (message == NULL) {
		return failed(what, error);
	}
	tool_say("%s", message);
	free(message);
	return TOOL_FAILED;
}

/* ---- what is there ---- */

static bool key_is(const uint8_t *key, size_t key_len, const char *name)
{
	size_t len = strlen(name);

	return key_len == 1 + len && memcmp(key + 1, name, len) == 0;
}

/* A number of the database that is needed here; false: it is not copied. */
static bool take_number(struct files *f, const uint8_t *key, size_t key_len,
			uint64_t number)
{
	if (key_is(key, key_len, NUMBER_RESERVED)) {
		f->reserved = number;
	} else if (key_is(key, key_len, OWNER_ADDRESS)) {
		f->self = (uint32_t)number;
	} else if (key_is(key, key_len, NUMBER_ALIVE)) {
		f->saved.alive = number;
		f->has_alive = true;
	} else if (key_is(key, key_len, NUMBER_WALL)) {
		f->saved.wall = number;
		f->has_wall = true;
	}
	return !key_is(key, key_len, NUMBER_FORMAT) &&
	       !key_is(key, key_len, NUMBER_RECORDS) &&
	       (key_len <= strlen(NUMBER_JOURNAL) ||
		memcmp(key + 1, NUMBER_JOURNAL, strlen(NUMBER_JOURNAL)) != 0);
}

/* What a value says besides its bytes; returns what is wrong with it. */
static const char *learn(struct files *f, const uint8_t *key, size_t key_len,
			 const uint8_t *value, size_t value_len, bool *is_kept)
{
	struct dbrec_deleted deleted;
	struct nb_record rec;
	const char *wrong = NULL;
	uint64_t number = 0, revision = 0;

	*is_kept = true;
	switch (key_len > 0 ? key[0] : 0) {
	case DBREC_RECORD:
		wrong = dbrec_decode(key, key_len, value, value_len, &rec);
		revision = rec.revision;
		f->records += wrong == NULL;
		break;
	case DBREC_DELETED:
		wrong = dbrec_decode_deleted(key, key_len, value, value_len,
					     &deleted);
		revision = deleted.revision;
		break;
	case DBREC_META:
		wrong = dbrec_decode_number(key, key_len, value, value_len,
					    &number);
		*is_kept = wrong != NULL ||
			   take_number(f, key, key_len, number);
		break;
	default:
		break;
	}
	if (wrong == NULL && revision > f->revision) {
		f->revision = revision;
	}
	return wrong;
}

static int copy_one(void *arg, const uint8_t *key, size_t key_len,
		    const uint8_t *value, size_t value_len)
{
	struct files *f = arg;
	bool is_kept = true;

	f->wrong = learn(f, key, key_len, value, value_len, &is_kept);
	if (f->wrong != NULL) {
		return EILSEQ;
	}
	return is_kept ? tdbfile_put(f->fresh, key, key_len, value,
				     value_len) : 0;
}

static int copy_failed(const struct files *f, int error)
{
	if (error == EILSEQ) {
		tool_say("%s is damaged (%s): 'winsrepair check %s' tells "
			 "more; nothing was changed", f->database,
			 f->wrong != NULL ? f->wrong : "records cannot be "
			 "found", f->database);
		return TOOL_PROBLEMS;
	}
	return failed(f->fresh_path, error);
}

/* As a start finds them; nothing is carried. TOOL_NOT_FOUND: none is there. */
static int open_database(const struct files *f, struct store_backend *backend)
{
	struct store_disk_config config = {
		.database = f->database,
		.journal = f->journal,
		.reserve = f->reserve,
		.durable = true,
	};
	char *message = NULL;
	struct stat st;
	int ret = 0;

	if (lstat(f->database, &st) != 0 && errno == ENOENT) {
		return TOOL_NOT_FOUND;
	}
	ret = store_disk_open(f->import->mem_ctx, &config, backend, &message);
	if (ret != 0) {
		tool_say("%s", message != NULL ? message : strerror(ret));
		return TOOL_FAILED;
	}
	/* one of an older format has just been made anew, maybe by root */
	ret = place_give(&f->import->place, f->database);
	if (ret != 0) {
		backend->close(backend->priv);
		return failed(f->database, ret);
	}
	return TOOL_OK;
}

static int copy_database(struct files *f)
{
	struct store_backend backend;
	int ret = open_database(f, &backend);

	if (ret != TOOL_OK) {
		return ret == TOOL_NOT_FOUND ? TOOL_OK : ret;
	}
	ret = backend.load(backend.priv, copy_one, f);
	backend.close(backend.priv);
	return ret == 0 ? TOOL_OK : copy_failed(f, ret);
}

/* What time is it for its records? */
static void find_time(struct files *f)
{
	struct age_start start;
	int64_t wall = (int64_t)time(NULL);

	f->counter = f->reserved;
	f->import->handed_out = f->reserved;
	f->saved.there = f->has_alive && f->has_wall;
	start = age_begin(&f->saved, wall,
			  age_cap(f->import->policy.max_ttl));
	f->now = start.now;
	f->offset = wall - start.now;
}

/* ---- a row ---- */

static uint32_t inward_owner(const struct files *f, uint32_t owner)
{
	return owner == f->import->self ? NB_SELF : owner;
}

static struct nb_record inward(const struct files *f,
			       const struct nb_record *row)
{
	struct nb_record rec = *row;

	rec.owner = inward_owner(f, rec.owner);
	rec.expires = age_shift(rec.expires, -f->offset);
	for (int i = 0; i < rec.count; i++) {
		rec.member[i].owner = inward_owner(f, rec.member[i].owner);
		rec.member[i].expires = age_shift(rec.member[i].expires,
						  -f->offset);
	}
	return rec;
}

static bool is_own_name(const struct files *f, const struct nb_name *name)
{
	struct nb_name list = *name;

	list.type = f->own.type;
	return f->own.len > 0 && name->scope_len == 0 &&
	       nb_name_equal(&list, &f->own) &&
	       (name->type == 0x00 || name->type == 0x03 ||
		name->type == 0x20);
}

struct found {
	const uint8_t *key;
	size_t key_len;
	struct nb_record rec;
	const char *wrong;
};

static void found(void *arg, const uint8_t *value, size_t value_len)
{
	struct found *at = arg;

	at->wrong = dbrec_decode(at->key, at->key_len, value, value_len,
				 &at->rec);
}

/* Its number, and into the file: 0, EOVERFLOW, or what ends it all. */
static int store_record(struct files *f, struct nb_verdict *verdict,
			const uint8_t *key, size_t key_len)
{
	struct nb_record *rec = &verdict->record;
	uint8_t value[DBREC_VALUE_MAX];

	if (verdict->new_version) {
		rec->owner = NB_SELF;
		rec->version = f->counter < VERSION_LAST ? f->counter + 1 :
							   UINT64_MAX;
	}
	if (rec->owner == NB_SELF && rec->version > VERSION_LAST) {
		return EOVERFLOW;
	}
	if (rec->owner == NB_SELF && rec->version > f->counter) {
		f->counter = rec->version;
	}
	rec->revision = ++f->revision;
	return tdbfile_put(f->fresh, key, key_len, value,
			   dbrec_encode(value, key, key_len, rec));
}

static uint64_t result_of(const struct nb_verdict *verdict)
{
	if (verdict->outcome != NB_DONE) {
		return verdict->outcome;
	}
	return NB_DONE |
	       (verdict->new_version ? CONTROL_IMPORT_NUMBERED : 0) |
	       (verdict->record.owner == NB_SELF ? CONTROL_IMPORT_OURS : 0);
}

static int import_row(struct files *f, const struct row *row)
{
	struct nb_record in = inward(f, &row->rec);
	struct nb_event event = {
		.kind = NB_EV_IMPORT,
		.name = in.name,
		.record = &in,
		.adopt = row->rec.owner == 0,
		.force = options.yes != 0,
		.own_name = is_own_name(f, &in.name),
		.handed_out = f->counter,
	};
	uint8_t key[DBREC_KEY_MAX];
	struct found at = { .key_len = dbrec_key_record(key, &in.name) };
	struct nb_verdict verdict;
	int ret = 0;

	at.key = key;
	ret = tdbfile_get(f->fresh, key, at.key_len, found, &at);
	if ((ret != 0 && ret != ENOENT) || at.wrong != NULL) {
		return ret != 0 ? ret : EILSEQ;
	}
	rule_import(ret == 0 ? &at.rec : NULL, &event, &f->import->policy,
		    f->now, &verdict);
	if (verdict.store == NB_STORE_PUT) {
		f->records += ret == ENOENT;
		ret = store_record(f, &verdict, key, at.key_len);
	} else {
		ret = 0;
	}
	if (ret == EOVERFLOW) {
		import_account(f->import, row, CONTROL_IMPORT_FAILED,
			       "no version number is left");
		return 0;
	}
	if (ret == 0) {
		import_account(f->import, row, result_of(&verdict),
			       verdict.ref);
	}
	return ret;
}

static int import_rows(struct files *f)
{
	struct spool *spool = f->import->spool;
	struct progress progress;
	struct row row;
	uint64_t rows = 0, all = 0;
	int error = spool_rewind(spool);

	for (int i = 0; i < SPOOL_CLASSES; i++) {
		all += spool_count(spool, (enum spool_class)i);
	}
	progress_begin(&progress, all);
	while (error == 0 && spool_next(spool, &row, &error)) {
		error = import_row(f, &row);
		rows++;
		if (rows % LOOK_EVERY == 0) {
			progress_step(&progress, rows, rows);
		}
		if (rows % LOOK_EVERY == 0 && pump_interrupted()) {
			break;
		}
	}
	progress_end(&progress);
	if (pump_interrupted()) {
		tool_say("interrupted: nothing was changed");
		return TOOL_FAILED;
	}
	return error == 0 ? TOOL_OK : failed(f->fresh_path, error);
}

/* ---- the new file ---- */

static int put_number(struct files *f, const char *name, uint64_t number)
{
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_meta(key, name);

	return tdbfile_put(f->fresh, key, key_len, value,
			   dbrec_encode_number(value, key, key_len, number));
}

static int finish(struct files *f)
{
	uint64_t records = 0;
	char *message = NULL;
	int ret = put_number(f, NUMBER_RECORDS, f->records);

	if (ret == 0) {
		ret = put_number(f, NUMBER_RESERVED, f->counter);
	}
	if (ret == 0 && f->self == 0) {
		ret = put_number(f, OWNER_ADDRESS, f->import->self);
	}
	if (ret == 0 && !options.dry_run) {
		ret = tdbfile_finish(f->fresh, &records, &message);
	}
	return ret == 0 ? TOOL_OK : failed_with(message, f->fresh_path, ret);
}

static int put_in_place(struct files *f)
{
	struct import *import = f->import;
	const char *ending = steps_ending(import->mem_ctx, "import");
	struct steps *steps = NULL;
	int ret = place_give(&import->place, f->fresh_path);
	int status = TOOL_OK;

	if (ret == 0) {
		ret = ending == NULL ? ENOMEM :
		      steps_replace(import->mem_ctx, f->fresh_path,
				    f->database, f->journal, ending, &steps);
	}
	if (ret != 0) {
		return failed(f->fresh_path, ret);
	}
	status = steps_run(steps, f->database);
	import->kept = status == TOOL_OK ? steps_kept(steps) : NULL;
	return status;
}

static int build(struct files *f)
{
	char *message = NULL;
	int ret = tdbfile_open_fresh(f->fresh_path, &f->fresh, &message);
	int status = ret == 0 ? TOOL_OK :
				failed_with(message, f->fresh_path, ret);

	if (status == TOOL_OK) {
		status = copy_database(f);
	}
	if (status == TOOL_OK) {
		find_time(f);
		status = import_rows(f);
	}
	if (status == TOOL_OK) {
		status = import_may_replicate(f->import);
	}
	if (status == TOOL_OK) {
		status = finish(f);
	}
	tdbfile_close(f->fresh);
	return status;
}

/* Nothing came that is not there: the old file stays. */
static bool is_needless(const struct files *f)
{
	return f->import->stored == 0;
}

static int take_names(struct files *f)
{
	const char *state = f->import->places.state_directory;
	TALLOC_CTX *mem_ctx = f->import->mem_ctx;
	const char *name = settings_text(f->import->settings,
					 OPTION_NETBIOS_NAME);

	f->database = talloc_asprintf(mem_ctx, "%s/wins.tdb", state);
	f->journal = talloc_asprintf(mem_ctx, "%s/wins.journal", state);
	f->reserve = talloc_asprintf(mem_ctx, "%s/wins.reserve", state);
	f->fresh_path = talloc_asprintf(mem_ctx, "%s/wins.tdb.import", state);
	if (name != NULL) {
		f->own = nb_name_make(name, strlen(name), 0);
	}
	return f->database == NULL || f->journal == NULL ||
	       f->reserve == NULL || f->fresh_path == NULL ? ENOMEM : 0;
}

static void found_self(void *arg, const uint8_t *value, size_t value_len)
{
	uint8_t key[DBREC_KEY_MAX];
	size_t key_len = dbrec_key_meta(key, OWNER_ADDRESS);
	uint64_t number = 0;

	if (dbrec_decode_number(key, key_len, value, value_len, &number) ==
	    NULL) {
		*(uint32_t *)arg = (uint32_t)number;
	}
}

/* As the database has it; without one it stays a guess. */
static int find_self(struct files *f)
{
	uint8_t key[DBREC_KEY_MAX];
	size_t key_len = dbrec_key_meta(key, OWNER_ADDRESS);
	struct store_backend backend;
	int status = open_database(f, &backend);

	if (status == TOOL_OK) {
		(void)backend.fetch(backend.priv, key, key_len, found_self,
				    &f->import->self);
		backend.close(backend.priv);
	} else if (status != TOOL_NOT_FOUND) {
		return status;
	}
	if (f->import->self == 0) {
		tool_say("whose records are this server's own cannot be told: "
			 "start it once, or set winsdb:local_owner");
		return TOOL_FAILED;
	}
	return TOOL_OK;
}

int import_files_find(struct import *import)
{
	struct files f = { .import = import };
	int status = place_take(import->mem_ctx, &import->places,
				&import->place);

	if (status != TOOL_OK) {
		return status;
	}
	if (take_names(&f) != 0) {
		return failed("import", ENOMEM);
	}
	return find_self(&f);
}

int import_files(struct import *import)
{
	struct files f = { .import = import };
	int status = TOOL_OK;

	if (take_names(&f) != 0) {
		return failed("import", ENOMEM);
	}
	status = build(&f);
	if (status == TOOL_OK && !options.dry_run && !is_needless(&f)) {
		status = put_in_place(&f);
	}
	(void)unlink(f.fresh_path);
	return status;
}
