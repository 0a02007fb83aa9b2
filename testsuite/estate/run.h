/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plan is carried out: chaos, quiet, judgement. */
#ifndef WINSD_ESTATE_RUN_H
#define WINSD_ESTATE_RUN_H

#include "estate/judge.h"

struct run {
	bool failed;
	char wrong[JUDGE_TEXT];		/* what, if it did */
	struct quiet quiet;
	uint64_t seconds;		/* of virtual time */
	uint64_t timers;		/* that ran */
	uint64_t bytes;			/* of streams */
	unsigned int versions, meetings;
};

/* verbose: what servers log, and everything at the end, to stderr. */
void run_plan(const struct plan *plan, bool verbose, struct run *run);

#endif
