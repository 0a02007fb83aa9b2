/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which servers are asked: those of --server, else the one that a server's or
 * a client's configuration names (design.md 4.3). A configuration is read
 * only if -s or --option asks for it: the file of a server on this host says
 * nothing about another one.
 */
#ifndef WINSREGISTER_SERVER_H
#define WINSREGISTER_SERVER_H

#include "common/toolconfig.h"
#include "winsregister/task.h"

struct server_source {
	bool configured;		/* config was read */
	struct tool_config config;
	/* the option that named the server; NULL: --server */
	const char *option;
	unsigned int line;		/* of the file; 0: --option */
};

/* Read the configuration, for task->port as well. Returns an exit code. */
int server_configure(TALLOC_CTX *mem_ctx, struct task *task,
		     struct server_source *source);

/* One word of --server, which may be written to; false after a message. */
bool server_read(struct task *task, char *text);

/* From the configuration; false after a message. */
bool server_find(struct task *task, struct server_source *source);

/* Say which was taken, if nobody typed it. */
void server_announce(const struct task *task,
		     const struct server_source *source);

/* "192.0.2.1" or, at another port than 137, "192.0.2.1:1137". */
#define SERVER_TEXT	(NB_ADDR_TEXT + 6)
const char *server_print(const struct server *server, char text[SERVER_TEXT]);

#endif
