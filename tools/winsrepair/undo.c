/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * undo: what a command has changed goes back to what it was, by the undo file
 * that the command wrote before (common/undo_file.h).
 *
 * A record that stood is put back: another server's with its version, ours
 * with a fresh one, for partners may have heard of it since. Where nothing
 * stood nothing shall: another server's record is forgotten here, one of ours
 * becomes a tombstone, since only that takes it from partners.
 *
 * Time has gone on since. Where the file says what came, and something else
 * stands by now (a host has registered, an operator has changed it), it is
 * left alone and told; --yes does it all the same. Files of older commands say
 * only what stood.
 *
 * It goes line by line, each on disk before the next in a running server, and
 * can be given again: what stands so already is passed over.
 */
#include "winsrepair/undo.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_out.h"
#include "common/json_record.h"

const struct poptOption undo_options[] = {
	TOOL_SOCKET_OPTIONS,
	{ "dry-run", 'n', POPT_ARG_NONE, &options.dry_run, 0,
	  "Only say what would be done", NULL },
	{ "yes", 'y', POPT_ARG_NONE, &options.yes, 0,
	  "Also what has changed since, and protected names", NULL },
	POPT_TABLEEND
};

struct undo {
	struct undo_way way;
	const char *path;
	uint64_t line;
	uint64_t lines;
	uint64_t restored;
	uint64_t removed;
	uint64_t buried;
	uint64_t unchanged;
	uint64_t passed;	/* changed since, or refused */
};

struct entry {
	bool has_before;	/* else nothing stood */
	bool has_came;
	struct nb_record before;
	struct nb_record came;
};

/* ---- lines ---- */

static int bad_line(const struct undo *u, const char *reason)
{
	tool_say("%s:%" PRIu64 ": %s", u->path, u->line, reason);
	return TOOL_FAILED;
}

static bool read_part(const json_t *part, struct nb_record *rec,
		      char reason[JSON_REASON])
{
	char *text = json_dumps(part, JSON_COMPACT);
	bool good = text != NULL &&
		    json_record_read(text, strlen(text), rec, reason);

	if (text == NULL) {
		(void)snprintf(reason, JSON_REASON, "out of memory");
	}
	free(text);
	return good;
}

static int read_object(const struct undo *u, json_t *root, struct entry *e)
{
	json_t *came = json_object_get(root, "came");
	char reason[JSON_REASON] = "";

	*e = (struct entry) { .has_came = came != NULL };
	e->has_before = !json_is_true(json_object_get(root, "absent"));
	if (came != NULL && !read_part(came, &e->came, reason)) {
		return bad_line(u, reason);
	}
	if (!e->has_before && came == NULL) {
		return bad_line(u, "it does not say of which name");
	}
	(void)json_object_del(root, "came");
	if (e->has_before && !read_part(root, &e->before, reason)) {
		return bad_line(u, reason);
	}
	return TOOL_OK;
}

static int read_entry(const struct undo *u, const char *line, size_t len,
		      struct entry *e)
{
	json_error_t error;
	json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	int status = TOOL_OK;

	if (!json_is_object(root)) {
		json_decref(root);
		return bad_line(u, root == NULL ? error.text :
						  "not an object {...}");
	}
	status = read_object(u, root, e);
	json_decref(root);
	return status;
}

/* ---- one of them ---- */

static const struct nb_name *name_of(const struct entry *e)
{
	return e->has_before ? &e->before.name : &e->came.name;
}

/* The same kind of record with the same addresses, whoever owns it now? */
static bool is_as_it_came(const struct nb_record *now,
			  const struct nb_record *came)
{
	bool same = now->type == came->type && now->state == came->state &&
		    now->is_static == came->is_static;

	for (int i = 0; same && i < came->count; i++) {
		same = nb_record_find(now, came->member[i].ip) >= 0;
	}
	return same;
}

/* Has it been undone before? */
static bool is_undone(const struct undo *u, const struct entry *e, bool stands,
		      const struct nb_record *now)
{
	if (!e->has_before) {
		return !stands || (now->state == NB_TOMBSTONE &&
				   now->owner == u->way.self &&
				   e->came.state != NB_TOMBSTONE);
	}
	return stands && e->has_came && now->owner == e->before.owner &&
	       now->count == e->before.count &&
	       is_as_it_came(now, &e->before) &&
	       !is_as_it_came(now, &e->came);
}

static bool has_changed(const struct entry *e, bool stands,
			const struct nb_record *now)
{
	if (!e->has_came || options.yes) {
		return false;
	}
	if (!stands) {
		return e->has_before;
	}
	return !is_as_it_came(now, &e->came);
}

static enum undo_result undo_entry(struct undo *u, const struct entry *e,
				   uint64_t **counter)
{
	struct nb_record now;
	enum undo_result found = u->way.look(u->way.priv, name_of(e), &now);
	char text[NB_NAME_TEXT];

	if (found == UNDO_FAILED || found == UNDO_REFUSED) {
		return found;
	}
	if (is_undone(u, e, found == UNDO_DONE, &now)) {
		return UNDO_UNCHANGED;
	}
	if (has_changed(e, found == UNDO_DONE, &now)) {
		tool_say("%s has changed since: --yes undoes it all the same",
			 nb_name_print(name_of(e), text));
		return UNDO_REFUSED;
	}
	if (e->has_before) {
		*counter = &u->restored;
		return u->way.put(u->way.priv, &e->before);
	}
	*counter = now.owner == u->way.self ? &u->buried : &u->removed;
	return u->way.remove(u->way.priv, &now.name,
			     now.owner == u->way.self);
}

static int take_line(struct undo *u, const char *line, size_t len)
{
	uint64_t *counter = &u->restored;
	struct entry e;
	int status = read_entry(u, line, len, &e);

	if (status != TOOL_OK) {
		return status;
	}
	u->lines++;
	switch (undo_entry(u, &e, &counter)) {
	case UNDO_DONE:
		(*counter)++;
		return TOOL_OK;
	case UNDO_UNCHANGED:
		u->unchanged++;
		return TOOL_OK;
	case UNDO_REFUSED:
		u->passed++;
		return TOOL_OK;
	default:
		return TOOL_FAILED;
	}
}

/* ---- the file ---- */

static int read_lines(struct undo *u, FILE *file)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len = 0;
	int status = TOOL_OK;

	while (status == TOOL_OK && (len = getline(&line, &size, file)) > 0) {
		u->line++;
		if (u->line == 1 &&
		    strcmp(line, "{\"format\":\"winsd-1\"}\n") == 0) {
			continue;
		}
		status = u->line == 1 ? bad_line(u, "this is no undo file: "
						 "its first line is "
						 "{\"format\":\"winsd-1\"}") :
					take_line(u, line, (size_t)len);
	}
	free(line);
	if (status == TOOL_OK && ferror(file)) {
		status = bad_line(u, strerror(EIO));
	}
	return status;
}

static void report_json(const struct undo *u)
{
	const struct {
		const char *key;
		uint64_t count;
	} rows[] = {
		{ "lines", u->lines },
		{ "restored", u->restored },
		{ "deleted", u->removed },
		{ "tombstoned", u->buried },
		{ "unchanged", u->unchanged },
		{ "skipped", u->passed },
	};
	struct json_out j = { .file = stdout };

	json_begin(&j, '{');
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_key(&j, rows[i].key);
		json_count(&j, rows[i].count);
	}
	json_key(&j, "dry_run");
	json_flag(&j, options.dry_run != 0);
	json_end(&j, '}');
	json_newline(&j);
}

static int report(const struct undo *u)
{
	if (options.json) {
		report_json(u);
	} else {
		(void)printf("restored    %" PRIu64 "\n"
			     "deleted     %" PRIu64 "\n"
			     "tombstoned  %" PRIu64 "\n"
			     "unchanged   %" PRIu64 "\n"
			     "skipped     %" PRIu64 "\n", u->restored,
			     u->removed, u->buried, u->unchanged, u->passed);
	}
	if (options.dry_run) {
		tool_say("dry run: nothing was changed");
	}
	return u->passed > 0 ? TOOL_SOME : TOOL_OK;
}

static int find_way(struct winsrepair *repair, struct undo_way *way)
{
	int status = undo_live(repair, way);

	return status == TOOL_UNREACHABLE ? undo_files(repair, way) : status;
}

int undo(struct tool_call *call)
{
	struct undo u = { .path = call->args[0] };
	struct winsrepair repair;
	FILE *file = NULL;
	int status = repair_begin(call, &repair);

	if (status != TOOL_OK) {
		return status;
	}
	file = fopen(u.path, "re");
	if (file == NULL) {
		tool_say("%s: %s", u.path, strerror(errno));
		return errno == ENOENT ? TOOL_NOT_FOUND : TOOL_FAILED;
	}
	status = find_way(&repair, &u.way);
	if (status == TOOL_OK) {
		status = read_lines(&u, file);
	}
	if (u.way.end != NULL && u.way.end(u.way.priv) != UNDO_DONE &&
	    status == TOOL_OK) {
		status = TOOL_FAILED;
	}
	(void)fclose(file);
	if (u.lines > 0) {
		int reported = report(&u);

		status = status == TOOL_OK ? reported : status;
	}
	return status;
}
