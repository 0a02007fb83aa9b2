/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the lines of the log go: stderr, the journal (stderr with a priority
 * in front), a file, or syslog.
 */
#ifndef WINSD_LOG_H
#define WINSD_LOG_H

#include <stdbool.h>

#include "core/world.h"

/* Until one of these is called: stderr. */
void log_to_syslog(void);

/* Append to a file. 0 or an errno; on error nothing changes. */
int log_to_file(const char *path);

/* After a file was moved away; nothing to do for the others. */
void log_reopen(void);

/* Copy every line to stderr as well: while a daemon starts. */
void log_echo(bool on);

/*
 * One line. The same line again and again is counted, and the count told
 * when another one comes or after a while.
 */
void log_line(int level, const char *line);
void log_printf(int level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Tell what is still counted, close. */
void log_close(void);

#endif
