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

struct winsrepair {
	TALLOC_CTX *mem_ctx;
	const struct command *command;
	struct tool_places places;
	const char *const *args;	/* words behind the verb, NULL ends */
	unsigned int count;
};

struct command {
	const char *verb;
	const char *args;		/* "FILE" or "" */
	const char *summary;
	const char *examples;		/* lines, or NULL */
	const struct poptOption *options;	/* NULL: none of its own */
	unsigned int least;		/* number of words, and most */
	unsigned int most;
	int (*run)(struct winsrepair *repair);	/* returns enum tool_exit */
};

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

int restore(struct winsrepair *repair);

/* ---- undo.c ---- */

extern const struct poptOption undo_options[];
int undo(struct winsrepair *repair);

#endif
