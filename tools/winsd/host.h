/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host of the server module: loads wins.so, gives it a struct wins_host,
 * and turns signals into its calls. main.c decides when.
 */
#ifndef WINSD_HOST_H
#define WINSD_HOST_H

#include <talloc.h>

#include "winsd/options.h"

struct host;

/* Load the module. 0, or an errno and *message on mem_ctx. */
int host_create(TALLOC_CTX *mem_ctx, const struct winsd_options *options,
		struct host **host, char **message);

/* Print the effective settings to stdout; as host_create. */
int host_check(struct host *host, TALLOC_CTX *mem_ctx, char **message);

/* Start the service; as host_create. */
int host_start(struct host *host, TALLOC_CTX *mem_ctx, char **message);

/*
 * Run until somebody ends it: an exit code. When the service is up, tell the
 * service manager and call on_ready, once.
 */
int host_run(struct host *host, void (*on_ready)(void));

#endif
