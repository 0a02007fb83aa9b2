/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client list, client missing: who still asks, and for what in vain.
 *
 * Printed as it comes, in no order: sort(1) is there for that. What such a list
 * is worth stands on stderr: since when is counted, and how many the server
 * had to forget.
 */
#include <inttypes.h>

#include "common/rfc3339.h"
#include "core/addr.h"
#include "winsctl/winsctl.h"

static int list_negative;
static int list_dns;

const struct poptOption client_list_options[] = {
	{ "asked-negative", '\0', POPT_ARG_NONE, &list_negative, 0,
	  "Only those that asked in vain", NULL },
	{ "dns", '\0', POPT_ARG_NONE, &list_dns, 0,
	  "Only those that look like DNS servers", NULL },
	POPT_TABLEEND
};

struct list {
	const char *first;		/* key of a row */
	void (*head)(void);
	void (*print)(const struct row *row);
	uint64_t count;
	uint64_t since;
	uint64_t forgotten;
};

/* ---- rows ---- */

#define CLIENT "%-15s %-15s %10s %10s %10s %10s %7s  %-20s %-20s %s\n"

static void client_head(void)
{
	(void)printf(CLIENT, "CLIENT", "ASKS", "REGISTERED", "REFRESHED",
		     "FOUND", "NEGATIVE", "NAMES", "FIRST SEEN", "LAST SEEN",
		     "DNS");
}

static void print_client(const struct row *row)
{
	char client[NB_ADDR_TEXT], asks[NB_ADDR_TEXT], registered[24];
	char refreshed[24], found[24], negative[24], names[24];
	char first[32], last[32];

	(void)printf(CLIENT, row_text(row, "client", client, sizeof(client)),
		     row_text(row, "asks", asks, sizeof(asks)),
		     row_text(row, "registered", registered,
			      sizeof(registered)),
		     row_text(row, "refreshed", refreshed, sizeof(refreshed)),
		     row_text(row, "found", found, sizeof(found)),
		     row_text(row, "negative", negative, sizeof(negative)),
		     row_text(row, "names", names, sizeof(names)),
		     row_text(row, "first_seen", first, sizeof(first)),
		     row_text(row, "last_seen", last, sizeof(last)),
		     row_number(row, "dns_server", 0) != 0 ? "yes" : "no");
}

#define MISSING "%-24s %10s  %-20s %-20s %s\n"

static void missing_head(void)
{
	(void)printf(MISSING, "NAME", "ASKED", "FIRST ASKED", "LAST ASKED",
		     "LAST CLIENT");
}

static void print_missing(const struct row *row)
{
	char name[NB_NAME_TEXT], asked[24], first[32], last[32];
	char client[NB_ADDR_TEXT];

	(void)printf(MISSING, row_text(row, "name", name, sizeof(name)),
		     row_text(row, "asked", asked, sizeof(asked)),
		     row_text(row, "first_asked", first, sizeof(first)),
		     row_text(row, "last_asked", last, sizeof(last)),
		     row_text(row, "last_client", client, sizeof(client)));
}

/* ---- lists ---- */

static void print_slice(void *arg, const struct control_reader *reply)
{
	struct list *list = arg;
	struct control_field at = { .data = NULL };
	struct row front = { .first = "counted_since" };
	struct row row = { .first = list->first };

	if (row_next(reply, &at, &front)) {
		list->since = row_number(&front, "counted_since", 0);
		list->forgotten = row_number(&front, "forgotten", 0);
	}
	at = (struct control_field) { .data = NULL };
	while (row_next(reply, &at, &row)) {
		list->count++;
		if (options.json) {
			row_print_json(&row);
		} else {
			list->print(&row);
		}
	}
}

static void put_flags(struct control_writer *w, const void *arg)
{
	uint64_t flags = (list_negative ? CONTROL_NEGATIVE : 0) |
			 (list_dns ? CONTROL_DNS : 0);

	(void)arg;
	if (flags != 0) {
		control_put_number(w, CONTROL_FLAGS, flags);
	}
}

static int print_list(struct winsctl *ctl, const char *verb,
		      void (*put)(struct control_writer *w, const void *arg),
		      struct list *list)
{
	char text[RFC3339_TEXT];
	int status = TOOL_OK;

	if (!options.json) {
		list->head();
	}
	status = ask_list(ctl, verb, put, print_slice, list);
	if (status != TOOL_OK) {
		return status;
	}
	tool_say("%" PRIu64 ", counted since %s", list->count,
		 rfc3339_print((int64_t)list->since, text));
	if (list->forgotten > 0) {
		tool_say("%" PRIu64 " others had to be forgotten for lack of "
			 "room since the server started", list->forgotten);
	}
	return TOOL_OK;
}

int client_list(struct winsctl *ctl)
{
	struct list list = {
		.first = "client",
		.head = client_head,
		.print = print_client,
	};

	return print_list(ctl, "client list", put_flags, &list);
}

int client_missing(struct winsctl *ctl)
{
	struct list list = {
		.first = "name",
		.head = missing_head,
		.print = print_missing,
	};

	return print_list(ctl, "client missing", NULL, &list);
}
