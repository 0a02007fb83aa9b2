/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Going to the background: the command returns when the service runs, with 0,
 * or when it could not start, with the exit code of the start.
 */
#ifndef WINSD_DAEMON_H
#define WINSD_DAEMON_H

/*
 * Fork. Returns 0 in the child, which is a session of its own and has its
 * standard error still; the parent waits in here and exits. Or an errno.
 */
int daemon_fork(void);

/* In the child: the service runs. Lets the parent go, leaves the terminal. */
void daemon_ready(void);

#endif
