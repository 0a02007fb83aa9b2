/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server said, told to a person or to a program. Results go to stdout,
 * one line (or JSON object) each; refusals go to stderr, in words that say
 * what they mean for the user and what to do.
 */
#ifndef WINSREGISTER_REPORT_H
#define WINSREGISTER_REPORT_H

#include "winsregister/attempt.h"

/* One question and how it ended. */
struct report {
	const struct task *task;
	const struct target *target;
	enum nbns_kind kind;	/* what was asked */
	const struct attempt_result *result;
	int err;		/* errno of an attempt that failed, or 0 */
};

/* Tell it; returns the exit code that this result alone would give. */
int report_tell(const struct report *report);

#endif
