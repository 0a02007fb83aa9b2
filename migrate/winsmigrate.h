/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * winsmigrate: a table of commands, as winsctl and winsrepair have it. A new
 * one is a row in commands.c and a file of its own.
 */
#ifndef WINSMIGRATE_WINSMIGRATE_H
#define WINSMIGRATE_WINSMIGRATE_H

#include <talloc.h>

#include "common/tool.h"
#include "common/toolconfig.h"
#include "common/toolverbs.h"
#include "migrate/format.h"

/* ---- commands.c ---- */

extern const struct command commands[];	/* verb NULL: the end */

/* Options of several commands, and of the program itself. */
struct winsmigrate_options {
	int json;
	int dry_run;
	int yes;
	char *format;			/* -f */
	char *target;			/* -t */
	char *skipped;			/* --skipped FILE */
};
extern struct winsmigrate_options options;

/* ---- options.c: rows for the tables of commands ---- */

extern const struct poptOption change_option_rows[];	/* -n, -y, --skipped */
extern const struct poptOption source_option_rows[];
extern const struct poptOption target_option_rows[];

#define OPTION_ROWS(rows) \
	{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, (void *)(uintptr_t)(rows), 0, \
	  NULL, NULL }

/* What the last two say; false after a message. */
bool format_options_read(struct format_options *read);

/* ---- the commands ---- */

extern const struct poptOption convert_options[];
extern const struct poptOption export_options[];
extern const struct poptOption import_options[];

int run_convert(struct tool_call *call);
int run_export(struct tool_call *call);
int run_formats(struct tool_call *call);
int run_import(struct tool_call *call);

#endif
