/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration of the server that a tool means, read as the server reads
 * it. An error in an option that the tool has no use for is the server's
 * business: it must not keep an operator from asking the server.
 */
#ifndef WINSD_TOOLS_TOOLCONFIG_H
#define WINSD_TOOLS_TOOLCONFIG_H

#include <talloc.h>

#include "core/settings.h"

struct tool_config {
	const char *file;		/* that was read, or would be */
	struct settings *settings;
	struct setting wins_server;	/* an option of the suite's clients */
};

/*
 * By tool_options: -s, --option. A default file that is not there is empty;
 * one that was named must be there. A bad value of an option in needed, which
 * OPTION_COUNT ends, is an error. 0, or an errno after a message on stderr:
 * EINVAL says that what somebody wrote is wrong.
 */
int tool_config_load(TALLOC_CTX *mem_ctx, const enum option_id *needed,
		     struct tool_config *config);

/* Where the server's files are. */
struct tool_places {
	const char *state_directory;
	const char *lock_directory;
	const char *control_socket;	/* --socket, or in lock_directory */
};

/* Returns as tool_config_load() does. */
int tool_places_load(TALLOC_CTX *mem_ctx, struct tool_places *places);

/* The whole file, writable, with a NUL behind len bytes. 0 or an errno. */
int tool_read_file(TALLOC_CTX *mem_ctx, const char *path, char **text,
		   size_t *len);

#endif
