/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Children of the server: programs started without a shell and awaited by
 * the loop through a pidfd.
 */
#ifndef WINSD_SPAWN_H
#define WINSD_SPAWN_H

#include <talloc.h>
#include <tevent.h>

/*
 * As wins_host.spawn. The child is a talloc child of mem_ctx: freeing that
 * forgets it (it runs on, done is not called).
 */
int spawn_start(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		const char *const argv[], const int fds[3],
		void (*done)(void *arg, int status), void *arg);

#endif
