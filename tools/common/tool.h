/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What all tools have in common (design.md 4.3): exit codes, the options that
 * each of them takes, messages, reading of names, addresses and numbers.
 *
 * stdout is data, stderr is messages. Nothing here ends the program.
 */
#ifndef WINSD_TOOLS_TOOL_H
#define WINSD_TOOLS_TOOL_H

#include <popt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/name.h"

enum tool_exit {
	TOOL_OK = 0,
	TOOL_FAILED = 1,
	TOOL_USAGE = 2,
	TOOL_NOT_FOUND = 3,
	TOOL_SOME = 4,		/* some items failed or were skipped */
	TOOL_UNREACHABLE = 5,	/* the server */
	TOOL_REFUSED = 6,	/* or conflict; the message names what lifts it */
	TOOL_PROBLEMS = 7,	/* a check found some */
};

/* Filled by popt through tool_common_options. */
struct tool_options {
	char *config_file;	/* -s; NULL: the default */
	int debug_level;	/* -d */
	char **overrides;	/* --option=NAME=VALUE, NULL at the end */
	char *socket;		/* --socket; NULL: LOCK/winsd.sock */
	int version;		/* -V */
	int help;		/* -? */
};

extern struct tool_options tool_options;
extern const struct poptOption tool_common_options[];
extern const struct poptOption tool_socket_options[];

/* The rows that bring them into a program's own table, one or both. */
#define TOOL_COMMON_OPTIONS \
	{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, \
	  (void *)(uintptr_t)tool_common_options, 0, "Common options:", NULL }
#define TOOL_SOCKET_OPTIONS \
	{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, \
	  (void *)(uintptr_t)tool_socket_options, 0, \
	  "Which server:", NULL }

/* Read all options; false after a message. */
bool tool_read_options(poptContext popt);

/* The name that stands before each message. */
void tool_set_name(const char *name);

/* "winsctl 0.1", for -V. */
void tool_print_version(void);

/* A line on stderr: "winsctl: ..." */
void tool_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Only with -d LEVEL or above. */
void tool_debug(int level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * End of stdout: whether all that was printed really went out. Returns status,
 * or TOOL_FAILED with a message.
 */
int tool_finish(int status);

/* These say on stderr what is wrong and how it should be; false then. */
bool tool_parse_name(const char *text, struct nb_name *name);
bool tool_parse_address(const char *text, uint32_t *addr);
bool tool_parse_host(const char *text, uint32_t *addr);	/* that one can have */
bool tool_parse_number(const char *what, const char *text, uint64_t min,
		       uint64_t max, uint64_t *number);
/* "2026-08-01", the beginning of that day in UTC, or RFC 3339 */
bool tool_parse_date(const char *what, const char *text, int64_t *when);

/*
 * The word of the list (NULL at its end) that is nearest to text, or NULL if
 * none is near: "did you mean".
 */
const char *tool_nearest(const char *text, const char *const *words);

#endif
