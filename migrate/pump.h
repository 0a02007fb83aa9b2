/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one loop: from the next() of a source to somebody's put().
 */
#ifndef WINSMIGRATE_PUMP_H
#define WINSMIGRATE_PUMP_H

#include <signal.h>

#include "migrate/source.h"

struct pump {
	struct source *source;
	struct tally *tally;
	/*
	 * Take a row and tell the tally what becomes of it, now or later: 0 or
	 * an errno that ends the loop, with a message or NULL.
	 */
	int (*put)(void *priv, const struct row *row, char **message);
	void *priv;
	const char *where;	/* the target, for messages */
};

/*
 * Let Ctrl-C, or another signal that asks us to end, end the loop behind a
 * whole row; a second one ends us.
 */
void pump_catch_interrupt(void);
bool pump_interrupted(void);

/* Keep it away for now; before: what sigprocmask() brings back. */
void pump_hold_interrupt(sigset_t *before);

/* Let the signal do what it always does, if it has come. */
void pump_raise_interrupt(void);

/*
 * Carry all rows over, with progress on stderr. TOOL_OK, or TOOL_FAILED after
 * a message; an interruption is one, too.
 */
int pump_run(const struct pump *pump);

#endif
