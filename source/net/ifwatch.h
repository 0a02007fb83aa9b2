/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells that the addresses of this machine changed. Not what changed: the
 * listener reads all facts again (ifaces.h), so a message that the kernel
 * had no room for costs nothing.
 */
#ifndef WINSD_NET_IFWATCH_H
#define WINSD_NET_IFWATCH_H

#include <talloc.h>
#include <tevent.h>

#include "core/world.h"

struct ifwatch;

/*
 * changed(arg) is called from the loop at the latest IFWATCH_SETTLE_USEC
 * after a change, once for all changes of that time. The world gives the
 * timer. Ends with talloc_free(). Returns 0 or an errno.
 */
#define IFWATCH_SETTLE_USEC	50000

int ifwatch_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		   const struct nb_world *world, void (*changed)(void *arg),
		   void *arg, struct ifwatch **watch);

#endif
