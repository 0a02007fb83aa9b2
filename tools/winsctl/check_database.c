/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check database: the server goes through its own memory; here are the
 * findings for people, one after the other with what helps.
 */
#include "common/json_out.h"
#include "winsctl/winsctl.h"

static void print_finding(const struct row *row)
{
	char subject[2048], rule[256], remedy[256];

	(void)printf("%s: %s\n    %s\n",
		     row_text(row, "finding", subject, sizeof(subject)),
		     row_text(row, "rule", rule, sizeof(rule)),
		     row_text(row, "remedy", remedy, sizeof(remedy)));
}

/* A finding ends with its remedy: the sums behind the last are no part. */
static void cut(struct row *row)
{
	if (row->count > 3) {
		row->count = 3;
	}
}

int check_database(struct winsctl *ctl)
{
	struct control_reader reply;
	struct control_field at = { .data = NULL };
	struct row row = { .first = "finding" };
	struct row sums = { .first = "records" };
	uint64_t findings = 0, told = 0;
	int status = ask_simple(ctl, "check database", true, &reply);

	if (status != TOOL_OK) {
		return status;
	}
	while (row_next(&reply, &at, &row)) {
		cut(&row);
		told++;
		if (options.json) {
			row_print_json(&row);
		} else {
			print_finding(&row);
		}
	}
	at = (struct control_field) { .data = NULL };
	if (row_next(&reply, &at, &sums)) {
		static const struct row_word none[] = { { NULL, NULL } };

		findings = row_number(&sums, "findings", 0);
		if (options.json) {
			row_print_json(&sums);
		} else {
			row_print(&sums, none);
		}
	}
	if (findings > told) {
		tool_say("%llu more findings are not shown",
			 (unsigned long long)(findings - told));
	}
	return findings > 0 ? TOOL_PROBLEMS : TOOL_OK;
}
