/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the two forms of a report, text and JSON: what a refusal means,
 * and how a result is judged.
 */
#ifndef WINSREGISTER_REPORT_PRIVATE_H
#define WINSREGISTER_REPORT_PRIVATE_H

#include <errno.h>

#include "winsregister/report.h"

struct refusal {
	int exit;		/* enum tool_exit */
	const char *meaning;
};

const struct refusal *refusal_of(uint8_t rcode);

bool report_answered(const struct report *report);
int report_exit(const struct report *report);
const char *report_verb(enum nbns_kind kind);

void report_json(const struct report *report);

#endif
