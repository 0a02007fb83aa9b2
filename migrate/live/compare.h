/* SPDX-License-Identifier: GPL-3.0-or-later */
/* compare: what its two files share. */
#ifndef WINSMIGRATE_LIVE_COMPARE_H
#define WINSMIGRATE_LIVE_COMPARE_H

#include "migrate/live/compare_class.h"
#include "migrate/winsmigrate.h"

/* One difference, as it is printed. */
struct compare_row {
	const struct compare_view *old, *new;
	struct compare_finding finding;
	int64_t first_seen;
	unsigned int rounds;
};

void compare_print_head(void);
void compare_print_row(const struct compare_row *row);

extern const struct poptOption compare_options[];
int run_compare(struct tool_call *call);

#endif
