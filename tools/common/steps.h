/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is done to files, as a list: it is made first, printed by a dry run as
 * by a real one, and carried out step by step. Between any two steps, and
 * after a crash between them, there is a database that a server starts on.
 */
#ifndef WINSD_TOOLS_STEPS_H
#define WINSD_TOOLS_STEPS_H

#include <stdbool.h>
#include <talloc.h>

enum step_kind {
	STEP_KEEP,		/* from gets the name to as well */
	STEP_PUT,		/* from takes the place of to */
	STEP_REMOVE,		/* from */
	STEP_SYNC,		/* the folder of from */
};

struct step {
	enum step_kind kind;
	char *from;
	char *to;		/* NULL: none */
};

struct steps {
	struct step *step;
	unsigned int count;
};

const char *step_kind_name(enum step_kind kind);	/* "keep" ... */

/*
 * The steps that put the file fresh, which stands for itself, in the place of
 * a database. What is there, with its journal, is kept under its names with
 * ".before-" and ending behind; a number follows if those are taken. 0 or
 * ENOMEM.
 */
int steps_replace(TALLOC_CTX *mem_ctx, const char *fresh, const char *database,
		  const char *journal, const char *ending,
		  struct steps **steps);

/* Such an ending, by what is done now: "restore-20261120-141500" or NULL. */
char *steps_ending(TALLOC_CTX *mem_ctx, const char *what);

/* 0 or an errno; the ones after it were not begun. */
int step_run(const struct step *step);

/*
 * All of them, to the first that fails; then a message. TOOL_OK or
 * TOOL_FAILED.
 */
int steps_run(const struct steps *steps, const char *database);

/* Under which name the database is kept; NULL: none was there. */
const char *steps_kept(const struct steps *steps);

#endif
