/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * partner list, pull, push.
 *
 * The table is for a glance: who answers, how old is what we have, who lags
 * behind, and below a partner what wants a hand. It fits 80 columns, so it
 * shows ages instead of times. Everything else is in the long form, which is
 * also what a list of one partner shows, and in JSON. What nobody knows is
 * "unknown" everywhere.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "core/addr.h"
#include "core/record.h"
#include "winsctl/winsctl.h"

static int list_long;
static int push_propagate;

const struct poptOption partner_list_options[] = {
	{ "long", 'l', POPT_ARG_NONE, &list_long, 0,
	  "All that is known of each", NULL },
	POPT_TABLEEND
};

const struct poptOption partner_push_options[] = {
	{ "propagate", '\0', POPT_ARG_NONE, &push_propagate, 0,
	  "And it shall tell its partners", NULL },
	POPT_TABLEEND
};

#define UNKNOWN UINT64_MAX

#define TABLE "%-15s %-4s %-17.17s %7s %7s %8s %8s %7s"

struct list {
	uint32_t only;		/* 0: all */
	unsigned int count;
	int64_t now;
};

/* ---- the table ---- */

static const char *direction(const struct row *row)
{
	bool pull = row_number(row, "pull", 0) != 0;
	bool push = row_number(row, "push", 0) != 0;

	return pull && push ? "both" : pull ? "pull" : "push";
}

/* How long ago, or how long until then. */
static char *distance(const struct row *row, const char *key, int64_t now,
		      char text[PRINT_SPAN])
{
	const struct control_field *field = row_value(row, key);
	int64_t when = 0;

	if (field == NULL) {
		(void)snprintf(text, PRINT_SPAN, "unknown");
		return text;
	}
	when = (int64_t)control_number(field);
	if (when == NB_NEVER) {
		(void)snprintf(text, PRINT_SPAN, "never");
		return text;
	}
	return print_span((uint64_t)(when > now ? when - now : now - when),
			  text);
}

static char *failures(const struct row *row, char text[24])
{
	(void)snprintf(text, 24, "%" PRIu64 "/%" PRIu64,
		       row_number(row, "failures_5min", 0),
		       row_number(row, "failures_24h", 0));
	return text;
}

/* What a glance should not miss stands below its partner. */
static void print_notes(const struct list *list, const struct row *row)
{
	uint64_t got = row_number(row, "pull_progress", UNKNOWN);
	uint64_t of = row_number(row, "pull_expected", UNKNOWN);
	uint64_t failed = row_number(row, "last_failed", 0);
	char text[512], span[PRINT_SPAN];

	if (failed != 0 &&
	    (failed >= row_number(row, "last_pull_ok", 0) ||
	     row_number(row, "failures_5min", 0) > 0)) {
		(void)printf("    failed %s ago: %s\n",
			     distance(row, "last_failed", list->now, span),
			     row_text(row, "failure", text, sizeof(text)));
	}
	if (got != UNKNOWN && of != UNKNOWN) {
		(void)printf("    %" PRIu64 " of %" PRIu64 " records are "
			     "here\n", got, of);
	} else if (got != UNKNOWN) {
		(void)printf("    %" PRIu64 " records are here\n", got);
	}
	if (row_number(row, "owners_quarantined", 0) != 0) {
		(void)printf("    tells versions that jumped: winsctl owner "
			     "list\n");
	}
}

static void print_table_row(const struct list *list, const struct row *row)
{
	char address[NB_ADDR_TEXT], state[64], in[24], out[24], failed[24];
	char name[PAIR_KEY + 1], ok[PRINT_SPAN], next[PRINT_SPAN];

	if (list->count == 0) {
		(void)printf(TABLE "\n", "PARTNER", "DIR", "STATE", "OK AGO",
			     "NEXT IN", "LAG IN", "LAG OUT", "FAILED");
	}
	(void)row_text(row, "name", name, sizeof(name));
	(void)printf(TABLE "%s%s\n",
		     row_text(row, "partner", address, sizeof(address)),
		     direction(row),
		     row_text(row, "state", state, sizeof(state)),
		     distance(row, "last_pull_ok", list->now, ok),
		     distance(row, "next_pull", list->now, next),
		     row_text(row, "lag_in_versions", in, sizeof(in)),
		     row_text(row, "lag_out_versions", out, sizeof(out)),
		     failures(row, failed), name[0] != '\0' ? "  " : "",
		     name);
	print_notes(list, row);
}

/* ---- the list ---- */

static void print_partner(struct list *list, const struct row *row)
{
	static const struct row_word words[] = {
		{ "last_pull_ok", "none since the start" },
		{ "last_failed", "none since the start" },
		{ "failure", "none" },
		{ "pulled_from_us", "not since the start" },
		{ "pull_progress", "no pull is under way" },
		{ NULL, NULL },
	};

	if (options.json) {
		row_print_json(row);
	} else if (list_long || list->only != 0) {
		(void)fputs(list->count > 0 ? "\n" : "", stdout);
		row_print(row, words);
	} else {
		print_table_row(list, row);
	}
	list->count++;
}

static void list_slice(void *arg, const struct control_reader *reply)
{
	struct control_field at = { .data = NULL };
	struct row row = { .first = "partner" };

	while (row_next(reply, &at, &row)) {
		print_partner(arg, &row);
	}
}

static void put_only(struct control_writer *w, const void *arg)
{
	const struct list *list = arg;

	if (list->only != 0) {
		control_put_number(w, CONTROL_ADDRESS, list->only);
	}
}

int partner_list(struct winsctl *ctl)
{
	struct list list = { .now = time(NULL) };
	int status = TOOL_OK;

	if (ctl->count > 0 && !tool_parse_host(ctl->args[0], &list.only)) {
		return TOOL_USAGE;
	}
	status = ask_list(ctl, "partner list", put_only, list_slice, &list);
	if (status != TOOL_OK || list.count > 0) {
		return status;
	}
	if (list.only != 0) {
		tool_say("%s is no partner of this server", ctl->args[0]);
		return TOOL_NOT_FOUND;
	}
	tool_say("this server has no partners: `wins:partners` lists them");
	return TOOL_OK;
}

/* ---- pull and push ---- */

static void print_outcome(const struct row *row, bool first)
{
	char address[NB_ADDR_TEXT], records[24], error[512];
	bool ok = row_number(row, "ok", 0) != 0;

	if (options.json) {
		row_print_json(row);
		return;
	}
	if (first) {
		(void)printf("%-15s %10s  %s\n", "PARTNER", "RECORDS",
			     "RESULT");
	}
	(void)printf("%-15s %10s  %s%s\n",
		     row_text(row, "partner", address, sizeof(address)),
		     row_value(row, "records") == NULL ? "-" :
		     row_text(row, "records", records, sizeof(records)),
		     ok ? "ok" : "failed: ",
		     ok ? "" : row_text(row, "error", error, sizeof(error)));
}

/* The numbers in front of the list are an object of their own. */
static uint64_t number_in_front(const struct control_reader *reply,
				const char *key)
{
	struct control_field at = { .data = NULL };
	struct row row = { .first = "partners" };

	return row_next(reply, &at, &row) ? row_number(&row, key, 0) : 0;
}

static int print_outcomes(const struct control_reader *reply)
{
	struct control_field at = { .data = NULL };
	struct row row = { .first = "partner" };
	uint64_t partners = number_in_front(reply, "partners");
	uint64_t failed = number_in_front(reply, "failed");
	uint64_t shown = 0;

	while (row_next(reply, &at, &row)) {
		print_outcome(&row, shown++ == 0);
	}
	if (shown < partners) {
		tool_say("and %" PRIu64 " partners more, too many to list",
			 partners - shown);
	}
	if (failed == 0) {
		return TOOL_OK;
	}
	tool_say("%" PRIu64 " of %" PRIu64 " partners failed", failed,
		 partners);
	return failed < partners ? TOOL_SOME : TOOL_FAILED;
}

static int ask_cycle(struct winsctl *ctl, const char *verb, uint64_t flags)
{
	struct control_writer *w = NULL;
	struct control_reader reply;
	uint32_t address = 0;
	int status = TOOL_OK;

	if (ctl->count > 0 && !tool_parse_host(ctl->args[0], &address)) {
		return TOOL_USAGE;
	}
	w = ask_begin(ctl, verb);
	if (address != 0) {
		control_put_number(w, CONTROL_ADDRESS, address);
	}
	if (flags != 0) {
		control_put_number(w, CONTROL_FLAGS, flags);
	}
	status = ask_send(ctl, false, &reply);
	if (status != TOOL_OK) {
		return status == -1 ? TOOL_FAILED : status;
	}
	status = ask_status(&reply);
	return status == TOOL_OK ? print_outcomes(&reply) : status;
}

int partner_pull(struct winsctl *ctl)
{
	return ask_cycle(ctl, "partner pull", 0);
}

int partner_push(struct winsctl *ctl)
{
	return ask_cycle(ctl, "partner push",
			 push_propagate ? CONTROL_PROPAGATE : 0);
}
