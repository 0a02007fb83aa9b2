/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration as a tool reads it: where the server's files are. The
 * server's other settings are the server's business, and an error among them
 * must not keep an operator from asking it.
 */
#ifndef WINSD_TOOLS_TOOLCONFIG_H
#define WINSD_TOOLS_TOOLCONFIG_H

#include <talloc.h>

struct tool_config {
	const char *config_file;	/* that was read, or would be */
	const char *state_directory;
	const char *lock_directory;
	const char *control_socket;
};

/*
 * By tool_options: -s, --option, --socket. A default file that is not there
 * is empty; one that was named must be there. 0, or an errno after a message
 * on stderr.
 */
int tool_config_load(TALLOC_CTX *mem_ctx, struct tool_config *config);

#endif
