/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A program that is a table of verbs: from the words of the command line to a
 * row of the table, with --help, -V and "did you mean". winsctl, which has an
 * object before the verb, goes its own way.
 */
#ifndef WINSD_TOOLS_TOOLVERBS_H
#define WINSD_TOOLS_TOOLVERBS_H

#include <talloc.h>

#include "common/tool.h"

struct tool_call {
	TALLOC_CTX *mem_ctx;		/* freed behind the command */
	const struct command *command;
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
	int (*run)(struct tool_call *call);	/* returns enum tool_exit */
};

struct tool_program {
	const char *name;
	const char *purpose;		/* a sentence, with its full stop */
	const char *examples;		/* lines */
	const struct command *commands;	/* verb NULL: the end */
	int *json;			/* set by --json */
	void (*help_options)(FILE *file);	/* those of commands */
};

/*
 * The whole of main(). Options may stand before the verb or behind it. Returns
 * the exit status.
 */
int tool_verbs_run(const struct tool_program *program, int argc,
		   const char *argv[]);

#endif
