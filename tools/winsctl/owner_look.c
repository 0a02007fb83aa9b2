/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owner list, accept, reject: whose records there are, and what is to become
 * of versions that jumped.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "core/addr.h"
#include "winsctl/winsctl.h"

#define TABLE "%-15s %9s %9s %9s %8s %16s %16s %8s  %s\n"
#define NOTE 96

static bool is(const struct row *row, const char *key)
{
	return row_number(row, key, 0) != 0;
}

/* Ours, reachable or not; and what an operator has, or is, to decide. */
static const char *note(const struct row *row, char text[NOTE])
{
	const char *where = is(row, "ours") ? "ours" :
			    row_value(row, "reachable") == NULL ? "unknown" :
			    is(row, "reachable") ? "reachable" :
						   "not reachable";

	(void)snprintf(text, NOTE, "%s%s%s", where,
		       is(row, "blocked") ? ", blocked" : "",
		       is(row, "rejected") ? ", rejected" :
		       is(row, "quarantine") ? ", quarantine" : "");
	return text;
}

static char *age(const struct row *row, const char *key, int64_t now,
		 char text[PRINT_SPAN])
{
	const struct control_field *field = row_value(row, key);
	int64_t when = field != NULL ? (int64_t)control_number(field) : now;

	if (field == NULL) {
		(void)snprintf(text, PRINT_SPAN, "unknown");
		return text;
	}
	return print_span(when < now ? (uint64_t)(now - when) : 0, text);
}

static void print_table_row(const struct row *row, int64_t now)
{
	char owner[NB_ADDR_TEXT], active[24], released[24], tombs[24];
	char statics[24], max[24], map[24], seen[PRINT_SPAN], text[NOTE];

	(void)printf(TABLE, row_text(row, "owner", owner, sizeof(owner)),
		     row_text(row, "active", active, sizeof(active)),
		     row_text(row, "released", released, sizeof(released)),
		     row_text(row, "tombstones", tombs, sizeof(tombs)),
		     row_text(row, "statics", statics, sizeof(statics)),
		     row_text(row, "max_version", max, sizeof(max)),
		     row_text(row, "map_max", map, sizeof(map)),
		     age(row, "last_new_version", now, seen), note(row, text));
	if (is(row, "quarantine") && !is(row, "rejected")) {
		(void)printf("    versions up to %" PRIu64 " wait: winsctl "
			     "owner accept %s, or reject\n",
			     row_number(row, "quarantine", 0), owner);
	}
}

static void list_slice(void *arg, const struct control_reader *reply)
{
	struct control_field at = { .data = NULL };
	struct row row = { .first = "owner" };
	int64_t *now = arg;

	while (row_next(reply, &at, &row)) {
		if (options.json) {
			row_print_json(&row);
		} else {
			print_table_row(&row, *now);
		}
	}
}

int owner_list(struct winsctl *ctl)
{
	int64_t now = time(NULL);

	if (!options.json) {
		(void)printf(TABLE, "OWNER", "ACTIVE", "RELEASED", "TOMBSTONE",
			     "STATIC", "MAX VERSION", "MAP MAX", "NEW AGO",
			     "NOTE");
	}
	return ask_list(ctl, "owner list", NULL, list_slice, &now);
}

/* ---- quarantine ---- */

static int decide(struct winsctl *ctl, const char *verb)
{
	struct control_writer *w = NULL;
	struct control_reader reply;
	struct control_field field;
	char message[256];
	uint32_t owner = 0;
	int status = TOOL_OK;

	if (!tool_parse_host(ctl->args[0], &owner)) {
		return TOOL_USAGE;
	}
	w = ask_begin(ctl, verb);
	control_put_number(w, CONTROL_OWNER, owner);
	if (options.dry_run) {
		control_put_number(w, CONTROL_FLAGS, CONTROL_DRY_RUN);
	}
	status = ask_send(ctl, false, &reply);
	if (status != TOOL_OK) {
		return status == -1 ? TOOL_FAILED : status;
	}
	status = ask_status(&reply);
	if (status != TOOL_OK) {
		return status;
	}
	if (control_find(&reply, CONTROL_MESSAGE, &field)) {
		tool_say("%s", control_text(&field, message, sizeof(message)));
		return TOOL_OK;
	}
	if (options.json) {
		print_pairs_json(&reply);
	} else {
		print_pairs(&reply);
	}
	if (options.dry_run) {
		tool_say("nothing was done");
	}
	return TOOL_OK;
}

int owner_accept(struct winsctl *ctl)
{
	return decide(ctl, "owner accept");
}

int owner_reject(struct winsctl *ctl)
{
	return decide(ctl, "owner reject");
}
