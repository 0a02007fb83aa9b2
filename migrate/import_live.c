/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Into a running server: in batches through the control socket.
 *
 *	dry pass	what would become of each row, and what stands there
 *	undo file	written from that, and on disk
 *	real pass	batch by batch, each one turn of the server
 *
 * The dry pass is also where it shows how many records partners would be told
 * of, before one of them is. Clients of the server get their turn between two
 * batches, so a row may become something else in the real pass than in the dry
 * one; what is reported is what it became. What stood and was changed only in
 * that moment is not in the undo file.
 *
 * Ctrl-C ends behind a batch: it waits while a reply is on its way, for
 * nobody would know what became of the rows.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "common/tool.h"
#include "common/undo_file.h"
#include "core/addr.h"
#include "migrate/import.h"
#include "migrate/pump.h"
#include "migrate/progress.h"
#include "migrate/winsmigrate.h"

#define BATCH 700		/* rows; most have room in a request */

struct live {
	struct import *import;
	bool dry;			/* this pass */
	bool tells;			/* it is the one that is reported */
	struct undo_file *undo;		/* to be filled; NULL: not now */
	struct progress progress;
	uint64_t rows;			/* that are through */
	unsigned int count;
	struct row row[BATCH];
};

/* ---- asking ---- */

static int unreachable(const struct import *import, int error)
{
	if (error == EPROTONOSUPPORT) {
		tool_say("the server at %s is of another release: use its own "
			 "winsmigrate", import->places.control_socket);
		return TOOL_FAILED;
	}
	tool_say("the server at %s: %s", import->places.control_socket,
		 strerror(error));
	return TOOL_UNREACHABLE;
}

static int call(const struct import *import, bool again,
		struct control_reader *reply)
{
	sigset_t interrupt, before;
	int ret = 0;

	(void)sigemptyset(&interrupt);
	(void)sigaddset(&interrupt, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &interrupt, &before);
	ret = control_client_call(import->client, again, reply);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return ret;
}

static int status_of(const struct control_reader *reply)
{
	uint64_t status = control_number_or(reply, CONTROL_STATUS,
					    CONTROL_FAILED);
	struct control_field field;
	char message[2048] = "";

	if (status == CONTROL_OK) {
		return TOOL_OK;
	}
	if (control_find(reply, CONTROL_MESSAGE, &field)) {
		control_text(&field, message, sizeof(message));
	}
	tool_say("%s", message[0] != '\0' ? message :
		 control_status_name((enum control_status)status));
	switch (status) {
	case CONTROL_DENIED:
	case CONTROL_REFUSED:
	case CONTROL_CONFLICT:
		return TOOL_REFUSED;
	case CONTROL_BUSY:
		return TOOL_UNREACHABLE;
	default:
		return TOOL_FAILED;
	}
}

/* ---- the server ---- */

static void take_partners(struct import *import,
			  const struct control_reader *reply)
{
	struct control_field field = { .data = NULL };
	char key[64] = "";

	while (control_next(reply, &field)) {
		if (field.tag == CONTROL_KEY) {
			(void)control_text(&field, key, sizeof(key));
		} else if (field.tag == CONTROL_TRUTH &&
			   strcmp(key, "push") == 0) {
			import->push_partners += control_number(&field) != 0;
		} else if (field.tag == CONTROL_NUMBER &&
			   strcmp(key, "our_max") == 0) {
			import->handed_out = control_number(&field);
		}
	}
}

/* Partners are told; a server without replication has none. */
static int count_partners(struct import *import)
{
	struct control_reader reply;
	uint64_t cursor = 0, instance = 0;

	do {
		struct control_writer *w =
			control_client_request(import->client, "partner list");
		int ret = 0;

		if (cursor != 0) {
			control_put_number(w, CONTROL_CURSOR, cursor);
			control_put_number(w, CONTROL_INSTANCE, instance);
		}
		ret = call(import, true, &reply);
		if (ret != 0) {
			return unreachable(import, ret);
		}
		if (control_number_or(&reply, CONTROL_STATUS, CONTROL_OK) ==
		    CONTROL_REFUSED) {
			return TOOL_OK;
		}
		ret = status_of(&reply);
		if (ret != TOOL_OK) {
			return ret;
		}
		take_partners(import, &reply);
		cursor = control_number_or(&reply, CONTROL_CURSOR, 0);
		instance = control_number_or(&reply, CONTROL_INSTANCE, 0);
	} while (cursor != 0);
	return TOOL_OK;
}

static int take_owner(struct import *import,
		      const struct control_reader *reply)
{
	struct control_field field = { .data = NULL };
	char key[64] = "";

	while (control_next(reply, &field)) {
		if (field.tag == CONTROL_KEY) {
			(void)control_text(&field, key, sizeof(key));
		} else if (field.tag == CONTROL_HOST &&
			   strcmp(key, "owner") == 0) {
			import->self = (uint32_t)control_number(&field);
			return TOOL_OK;
		}
	}
	return unreachable(import, EPROTO);
}

int import_live_find(struct import *import)
{
	struct control_reader reply;
	int ret = 0;

	import->client = control_client_create(import->mem_ctx,
					       import->places.control_socket);
	if (import->client == NULL) {
		tool_say("out of memory");
		return TOOL_FAILED;
	}
	(void)control_client_request(import->client, "server status");
	ret = call(import, true, &reply);
	if (ret == ENOENT || ret == ECONNREFUSED) {
		TALLOC_FREE(import->client);
		return TOOL_UNREACHABLE;
	}
	if (ret != 0) {
		(void)unreachable(import, ret);
		return TOOL_FAILED;
	}
	ret = status_of(&reply);
	if (ret == TOOL_OK) {
		ret = take_owner(import, &reply);
	}
	ret = ret == TOOL_OK ? count_partners(import) : ret;
	return ret == TOOL_UNREACHABLE ? TOOL_FAILED : ret;
}

/* ---- batches ---- */

static uint64_t flags_of(const struct live *live)
{
	return (live->dry ? CONTROL_DRY_RUN : 0) |
	       (options.yes ? CONTROL_YES : 0) |
	       (live->import->adopt ? CONTROL_ADOPT : 0);
}

static void one_result(struct live *live, const struct row *row,
		       uint64_t result, const char *rule,
		       const struct nb_record *before)
{
	struct import *import = live->import;

	if (live->undo != NULL &&
	    (result & CONTROL_IMPORT_OUTCOME) == NB_DONE) {
		undo_file_put(live->undo, before, &row->rec);
	}
	if (live->tells) {
		import_account(import, row, result, rule);
	} else {
		import_count(import, row, result);
	}
}

/* Results in the order of the rows; how many there are. */
static unsigned int take_results(struct live *live,
				 const struct control_reader *reply)
{
	struct control_field field = { .data = NULL };
	struct nb_record before;
	char rule[200] = "";
	uint64_t result = 0;
	unsigned int done = 0;
	bool more = control_next(reply, &field);

	while (more && done < live->count) {
		bool has_before = false;

		if (field.tag != CONTROL_NUMBER) {
			more = control_next(reply, &field);
			continue;
		}
		result = control_number(&field);
		more = control_next(reply, &field);
		if (more && field.tag == CONTROL_RULE) {
			(void)control_text(&field, rule, sizeof(rule));
			more = control_next(reply, &field);
		}
		if (more && field.tag == CONTROL_BEFORE) {
			control_record(&field, &before);
			has_before = true;
		}
		one_result(live, &live->row[done], result, rule,
			   has_before ? &before : NULL);
		done++;
	}
	return done;
}

/* As many of the rows as find room in a request, and in its reply. */
static int send_some(struct live *live)
{
	struct control_writer *w = control_client_request(
		live->import->client, "record import");
	struct control_reader reply;
	unsigned int done = 0;
	int ret = 0;

	control_put_number(w, CONTROL_FLAGS, flags_of(live));
	for (unsigned int i = 0; i < live->count &&
	     w->len + 3 + CONTROL_RECORD_MAX <= CONTROL_REQUEST_MAX; i++) {
		control_put_record(w, CONTROL_RECORD, &live->row[i].rec);
	}
	ret = call(live->import, live->dry, &reply);
	if (ret != 0) {
		return unreachable(live->import, ret);
	}
	ret = status_of(&reply);
	if (ret != TOOL_OK) {
		return ret;
	}
	done = take_results(live, &reply);
	if (done == 0) {
		return unreachable(live->import, EPROTO);
	}
	live->count -= done;
	live->rows += done;
	memmove(live->row, live->row + done,
		live->count * sizeof(live->row[0]));
	progress_step(&live->progress, live->rows, live->rows);
	return TOOL_OK;
}

static bool fill(struct live *live, int *error)
{
	while (live->count < BATCH &&
	       spool_next(live->import->spool, &live->row[live->count],
			  error)) {
		live->count++;
	}
	return live->count > 0 && *error == 0;
}

static int pass(struct live *live, bool dry, bool tells)
{
	struct import *import = live->import;
	uint64_t all = 0;
	int status = TOOL_OK, error = spool_rewind(import->spool);

	for (int i = 0; i < SPOOL_CLASSES; i++) {
		all += spool_count(import->spool, (enum spool_class)i);
	}
	live->dry = dry;
	live->tells = tells;
	live->rows = 0;
	live->count = 0;
	progress_begin(&live->progress, all);
	while (status == TOOL_OK && error == 0 && fill(live, &error) &&
	       !pump_interrupted()) {
		status = send_some(live);
	}
	progress_end(&live->progress);
	if (error != 0) {
		tool_say("the rows that were read: %s", strerror(error));
		return TOOL_FAILED;
	}
	if (pump_interrupted()) {
		tool_say("interrupted after %" PRIu64 " of %" PRIu64 " rows%s",
			 live->rows, all, dry ? ": nothing was changed" : "");
		return TOOL_FAILED;
	}
	return status;
}

/* ---- in order ---- */

/* Nothing is left to be said: the dry pass has said it. */
static int look_first(struct live *live)
{
	struct import *import = live->import;
	int status = undo_file_begin(import->mem_ctx,
				     import->places.state_directory,
				     "import", import->undo, &live->undo);

	if (status != TOOL_OK) {
		return status;
	}
	status = pass(live, true, false);
	if (status == TOOL_OK) {
		status = import_may_replicate(import);
	}
	if (status != TOOL_OK || undo_file_count(live->undo) == 0) {
		undo_file_drop(live->undo);
	} else {
		status = undo_file_end(live->undo);
		import->undo_path = talloc_strdup(import->mem_ctx,
						  undo_file_path(live->undo));
	}
	TALLOC_FREE(live->undo);
	import->ours = 0;
	import->numbered = 0;
	return status;
}

int import_live(struct import *import)
{
	struct live *live = talloc_zero(import->mem_ctx, struct live);
	int status = TOOL_OK;

	if (live == NULL) {
		tool_say("out of memory");
		return TOOL_FAILED;
	}
	live->import = import;
	if (options.dry_run) {
		status = pass(live, true, true);
		return status == TOOL_OK ? import_may_replicate(import) :
					   status;
	}
	status = look_first(live);
	if (status == TOOL_OK && import->undo_path != NULL) {
		tool_say("what stood there: %s", import->undo_path);
	}
	return status == TOOL_OK ? pass(live, false, true) : status;
}
