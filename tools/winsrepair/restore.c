/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * restore: a backup takes the place of the database.
 *
 * In this order: nobody else works on the files (the server's lock), the
 * backup is whole, what is there is read as far as it can be, both are shown
 * side by side, and what looks like a mistake is refused. Then the new file is
 * made beside the old one and loaded as a server would load it, and only then
 * do files change their names (steps.c).
 *
 * Version numbers. After the time of the backup the server has handed out
 * more of them, and partners may hold records with those; none may be handed
 * out again. The present database knows up to where that was, so the restored
 * one goes on a block above both. If there is none that can be read, nobody
 * here knows, and it goes on half a million above the backup: more than a
 * server of a large site hands out between two daily backups, and less than
 * the jump that partners put into quarantine (wins:version jump).
 *
 * Times in records stand on the ageing clock, whose last moment is in the
 * backup too: they go on from there. "restored" tells later starts that this
 * was done, and when.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/tdbfile.h"
#include "winsrepair/content.h"
#include "common/place.h"
#include "common/steps.h"
#include "winsrepair/report.h"
#include "winsrepair/winsrepair.h"

#define BLOCK		4096u		/* as store/versions.c reserves them */
#define MARGIN		500000u
#define VERSION_LAST	(UINT64_MAX - 1)

struct restore {
	TALLOC_CTX *mem_ctx;
	const char *file;
	struct content_files files;
	struct content *backup;
	struct content *present;	/* NULL: cannot be read, or not there */
	bool is_there;
	uint64_t reserved;		/* of the restored database */
	const char *fresh;		/* its file, until it is put */
	struct steps *steps;
};

/* ---- what is there ---- */

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static int read_backup(struct restore *r)
{
	char *message = NULL;
	int ret = 0;

	if (access(r->file, F_OK) != 0 && errno == ENOENT) {
		tool_say("%s: there is no such file", r->file);
		return TOOL_NOT_FOUND;
	}
	if (same_file(r->file, r->files.database)) {
		tool_say("%s is the present database itself", r->file);
		return TOOL_USAGE;
	}
	ret = content_of_file(r->mem_ctx, r->file, &r->backup, &message);
	if (ret == 0) {
		return TOOL_OK;
	}
	tool_say("%s", message);
	tool_say("nothing was changed: take another backup");
	/* EUCLEAN: whoever copied it did so while it was written to */
	return ret == EILSEQ || ret == EINVAL || ret == EUCLEAN ?
		       TOOL_PROBLEMS : TOOL_FAILED;
}

static void read_present(struct restore *r)
{
	struct stat st;
	char *message = NULL;

	r->is_there = lstat(r->files.database, &st) == 0;
	if (!r->is_there) {
		tool_say("%s is not there: nothing to compare with",
			 r->files.database);
		return;
	}
	if (content_of_database(r->mem_ctx, &r->files, &r->present,
				&message) != 0) {
		tool_say("the present database cannot be read: %s",
			 message != NULL ? message : "out of memory");
	}
}

/* From which version on the restored database hands out new ones. */
static int choose_version(struct restore *r)
{
	uint64_t other = r->present != NULL ? r->present->reserved :
			 r->is_there ? content_reserved(r->files.database) : 0;
	uint64_t highest = r->backup->reserved > other ? r->backup->reserved :
							 other;
	uint64_t above = r->present != NULL ? BLOCK : MARGIN;

	if (highest > VERSION_LAST - 2 * (uint64_t)MARGIN) {
		tool_say("no version number is left above %" PRIu64, highest);
		return TOOL_FAILED;
	}
	r->reserved = highest + above;
	if (r->present == NULL) {
		tool_say("which versions were handed out after the backup is "
			 "not known: the next ones go on %u above what is "
			 "known. If a partner shows a higher one of this "
			 "server, do not start it yet", MARGIN);
	}
	return TOOL_OK;
}

/* ---- what looks like a mistake ---- */

static bool is_smaller(const struct restore *r)
{
	uint64_t before = r->present->stats.records;
	uint64_t after = r->backup->stats.records;

	if (after >= before - before / 2) {
		return false;
	}
	tool_say("the backup has %" PRIu64 " records, less than half of the "
		 "%" PRIu64 " that are there", after, before);
	return true;
}

static bool is_anothers(const struct restore *r)
{
	char a[NB_ADDR_TEXT], b[NB_ADDR_TEXT];

	if (r->backup->self == 0 || r->present->self == 0 ||
	    r->backup->self == r->present->self) {
		return false;
	}
	tool_say("the backup is of the server %s, this one is %s",
		 nb_addr_print(r->backup->self, a),
		 nb_addr_print(r->present->self, b));
	return true;
}

static bool is_incomplete(const struct restore *r)
{
	if (r->backup->journal == 0) {
		return false;
	}
	tool_say("%s is no backup but a database whose newest changes are in "
		 "its journal: they would be missing", r->file);
	return true;
}

static int judge(const struct restore *r)
{
	bool doubt = is_incomplete(r);

	if (r->present != NULL) {
		doubt = is_smaller(r) || doubt;
		doubt = is_anothers(r) || doubt;
	}
	if (!doubt || options.yes) {
		return TOOL_OK;
	}
	tool_say("nothing was changed: --yes does it all the same");
	return TOOL_REFUSED;
}

/* ---- the new file ---- */

static int failed(const char *what, int error)
{
	tool_say("%s: %s", what, strerror(error));
	return TOOL_FAILED;
}

/* message: of the store's room, or NULL. */
static int failed_with(char *message, const char *what, int error)
{
	if (message == NULL) {
		return failed(what, error);
	}
	tool_say("%s", message);
	free(message);
	return TOOL_FAILED;
}

/* What an attempt that was cut short may have left; old: of a conversion. */
static void remove_fresh(const struct restore *r)
{
	static const char *const ends[] = { "", ".part", ".new", ".format1" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char *path = talloc_asprintf(NULL, "%s%s", r->fresh, ends[i]);

		if (path != NULL) {
			(void)unlink(path);
		}
		talloc_free(path);
	}
}

static int copy_backup(const struct restore *r)
{
	struct tdbfile *file = NULL;
	uint64_t records = 0;
	char *message = NULL;
	int ret = tdbfile_open_read(r->file, &file, &message);

	if (ret == 0) {
		/* not a copy of its bytes: what was deleted leaves no gaps */
		ret = tdbfile_rewrite(file, r->fresh, &records, &message);
	}
	tdbfile_close(file);
	return ret == 0 ? TOOL_OK : failed_with(message, r->fresh, ret);
}

static int set_numbers(const struct restore *r)
{
	struct tdbfile_config config = { .path = r->fresh, .durable = true };
	struct tdbfile *file = NULL;
	char *message = NULL;
	int ret = tdbfile_open(&config, &file, &message);

	if (ret == 0) {
		ret = tdbfile_begin(file);
	}
	if (ret == 0) {
		ret = tdbfile_set_number(file, "versions-reserved",
					 r->reserved);
	}
	if (ret == 0) {
		ret = tdbfile_set_number(file, "restored",
					 (uint64_t)time(NULL));
	}
	if (ret == 0) {
		ret = tdbfile_end(file);
	}
	tdbfile_close(file);
	return ret == 0 ? TOOL_OK : failed_with(message, r->fresh, ret);
}

/* Would a server start on it, and has it what it shall have? */
static int check_fresh(const struct restore *r)
{
	struct content *fresh = NULL;
	char *message = NULL;
	int ret = content_of_file(r->mem_ctx, r->fresh, &fresh, &message);

	if (ret != 0) {
		tool_say("%s", message);
		return TOOL_FAILED;
	}
	if (fresh->stats.records != r->backup->stats.records ||
	    fresh->reserved != r->reserved || fresh->journal != 0) {
		return failed(r->fresh, EILSEQ);
	}
	return TOOL_OK;
}

static int make_fresh(const struct restore *r, const struct place *place)
{
	int status = TOOL_OK;

	remove_fresh(r);
	status = copy_backup(r);
	if (status == TOOL_OK) {
		status = set_numbers(r);
	}
	if (status == TOOL_OK) {
		status = check_fresh(r);
	}
	if (status == TOOL_OK) {
		int ret = place_give(place, r->fresh);

		status = ret == 0 ? TOOL_OK : failed(r->fresh, ret);
	}
	return status;
}

/* ---- doing it ---- */

static int carry_out(const struct restore *r, const struct place *place)
{
	int status = make_fresh(r, place);

	if (status == TOOL_OK) {
		status = steps_run(r->steps, r->files.database);
	}
	remove_fresh(r);
	return status;
}

static int plan(struct restore *r)
{
	const char *ending = steps_ending(r->mem_ctx, "restore");

	r->fresh = talloc_asprintf(r->mem_ctx, "%s.restore",
				   r->files.database);
	if (r->fresh == NULL || ending == NULL) {
		return failed("restore", ENOMEM);
	}
	if (steps_replace(r->mem_ctx, r->fresh, r->files.database,
			  r->files.journal, ending, &r->steps) != 0) {
		return failed("restore", ENOMEM);
	}
	return choose_version(r);
}

static int restore_locked(struct restore *r, const struct place *place)
{
	int status = read_backup(r);

	if (status != TOOL_OK) {
		return status;
	}
	read_present(r);
	status = plan(r);
	if (status != TOOL_OK) {
		return status;
	}
	report_restore(r->backup, r->present, r->fresh, r->reserved, r->steps);
	status = judge(r);
	if (status != TOOL_OK) {
		return status;
	}
	if (options.dry_run) {
		tool_say("dry run: nothing was changed");
		return TOOL_OK;
	}
	status = carry_out(r, place);
	if (status == TOOL_OK) {
		tool_say("restored; the server can be started");
	}
	return status;
}

int restore(struct tool_call *call)
{
	struct restore r = {
		.mem_ctx = call->mem_ctx,
		.file = call->args[0],
	};
	struct winsrepair repair;
	struct place place;
	int status = repair_begin(call, &repair);

	if (status == TOOL_OK) {
		status = place_take(repair.mem_ctx, &repair.places, &place);
	}
	if (status != TOOL_OK) {
		return status;
	}
	if (content_files(repair.mem_ctx, &repair.places, &r.files) != 0) {
		return failed("restore", ENOMEM);
	}
	return restore_locked(&r, &place);
}
