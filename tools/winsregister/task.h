/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one call of winsregister is asked to do, as plain values: read from
 * the command line once, checked there, and only looked at afterwards.
 */
#ifndef WINSREGISTER_TASK_H
#define WINSREGISTER_TASK_H

#include <talloc.h>

#include "client/nbns.h"
#include "common/tool.h"

#define SERVERS_MAX	12	/* as Windows (microsoft-wins.md 8) */
#define TARGETS_MAX	1000	/* names of one call */

/* One bit each, so that two of them in one call are seen. */
enum action {
	ACTION_REGISTER = 0,	/* without an option: register, then query */
	ACTION_QUERY = 1,
	ACTION_RELEASE = 2,
	ACTION_REFRESH = 4,
	ACTION_STATUS = 8,
};

struct server {
	uint32_t addr;
	uint16_t port;
};

struct target {
	struct nb_name name;
	bool group;
};

struct task {
	enum action action;
	unsigned int servers;
	struct server server[SERVERS_MAX];
	uint16_t port;		/* of a server without one */
	unsigned int targets;
	struct target *target;
	/* none: the one that routes to the server */
	unsigned int addresses;
	uint32_t address[NB_MEMBERS_MAX];
	bool multihomed;
	bool json;
	uint16_t node_flags;	/* in place in NB_FLAGS */
	uint32_t ttl;
	struct nbns_patience patience;
};

/*
 * Read the command line. True: go on. False: there is nothing to do, end with
 * *status: help was printed, or what is wrong was said on stderr.
 */
bool task_read(TALLOC_CTX *mem_ctx, int argc, const char **argv,
	       struct task *task, int *status);

#endif
