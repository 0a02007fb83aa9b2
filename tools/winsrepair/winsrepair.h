/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * winsrepair: files and repairs, mostly of a server that does not run. A table of commands as
 * winsctl has it, with one word each; a new one is a row in commands.c and a
 * file of its own.
 */
#ifndef WINSREPAIR_WINSREPAIR_H
#define WINSREPAIR_WINSREPAIR_H

#include <talloc.h>

#include "common/tool.h"
#include "common/toolconfig.h"
#include "common/toolverbs.h"

/* What a command has to work with. */
struct winsrepair {
	TALLOC_CTX *mem_ctx;
	struct tool_places places;
	const char *const *args;	/* words behind the verb, NULL ends */
};

/* ---- main.c ---- */

/* The files that are meant: TOOL_OK, or an exit code after a message. */
int repair_begin(const struct tool_call *call, struct winsrepair *repair);

/* ---- commands.c ---- */

extern const struct command commands[];	/* verb NULL: the end */

/* Options of several commands, and of the program itself. */
struct winsrepair_options {
	int json;
	int dry_run;
	int yes;
};
extern struct winsrepair_options options;

extern const struct poptOption change_options[];	/* -n and -y */

/* ---- restore.c ---- */

int restore(struct tool_call *call);

/* ---- undo.c ---- */

extern const struct poptOption undo_options[];
int undo(struct tool_call *call);

#endif
