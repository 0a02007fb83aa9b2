/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is done to files, as a list: it is made first, printed by a dry run as
 * by a real one, and carried out step by step. Between any two steps, and
 * after a crash between them, there is a database that a server starts on.
 */
#ifndef WINSREPAIR_STEPS_H
#define WINSREPAIR_STEPS_H

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
 * ".before-restore-" and stamp behind; a number follows if those are taken.
 * 0 or ENOMEM.
 */
int steps_replace(TALLOC_CTX *mem_ctx, const char *fresh, const char *database,
		  const char *journal, const char *stamp,
		  struct steps **steps);

/* 0 or an errno; the ones after it were not begun. */
int step_run(const struct step *step);

#endif
