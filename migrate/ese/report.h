/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is said of a database whose columns were not recognised, and of one
 * whose were.
 */
#ifndef WINSMIGRATE_ESE_REPORT_H
#define WINSMIGRATE_ESE_REPORT_H

#include <talloc.h>

#include "migrate/ese/guess.h"
#include "migrate/ese/head.h"

/* Tables, columns, types, counts and lengths, no contents: to send in. */
char *ese_report_unknown(TALLOC_CTX *mem_ctx, const struct ese_guess *guess,
			 const struct ese_catalog *catalog,
			 const struct ese_head *head);

/* One line: which column was taken for what. */
char *ese_report_plan(TALLOC_CTX *mem_ctx, const struct ese_plan *plan,
		      const struct ese_catalog *catalog);

/* A row for the file of what was refused: COLUMN=HEX for each. */
char *ese_report_row(TALLOC_CTX *mem_ctx, const struct ese_table *table,
		     const struct ese_frame *frame);

#endif
