/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The socket of auto-discovery: member of 224.0.1.24 on the networks of the
 * addresses that we serve. What is said there, and when, is in discovery.h.
 */
#ifndef WINSD_NET_MULTICAST_H
#define WINSD_NET_MULTICAST_H

#include <talloc.h>
#include <tevent.h>

#include "core/world.h"
#include "serve/serve.h"

struct multicast;

/*
 * No socket yet. world outlives it, and only its log is used. port: that of
 * replication. heard: a datagram came to the group.
 */
int multicast_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		     const struct nb_world *world, uint16_t port,
		     void (*heard)(void *priv, uint32_t from,
				   const uint8_t *data, size_t len),
		     void *priv, struct multicast **multicast);

/*
 * Be a member on the networks of exactly these addresses; none: no socket. What
 * does not work is logged, and the rest goes on: nobody depends on it.
 */
void multicast_join(struct multicast *multicast,
		    const struct serve_iface *iface, unsigned int count);

/* To the group, from this address and on its network. 0 or an errno. */
int multicast_send(struct multicast *multicast, uint32_t local,
		   const uint8_t *data, size_t len);

#endif
