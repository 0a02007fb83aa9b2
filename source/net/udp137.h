/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The UDP sockets of the name service: one on each address that we serve and
 * one on each broadcast address of their networks. Never one on 0.0.0.0: who
 * answers from there answers broadcasts with the database (protocol.md 2.5)
 * and from an address that was not asked.
 *
 * Datagrams come out in turns: turn_begin, up to UDP137_TURN datagrams or
 * UDP137_TURN_USEC over all sockets that have some, turn_end.
 */
#ifndef WINSD_NET_UDP137_H
#define WINSD_NET_UDP137_H

#include <talloc.h>
#include <tevent.h>

#include "core/world.h"
#include "serve/serve.h"

#define UDP137_TURN		256	/* datagrams of a turn */
#define UDP137_TURN_USEC	2000
#define UDP137_RCVBUF		(4 << 20)	/* bytes wanted per socket */

struct udp137;

/* Where datagrams go; door.h has the meaning of local. */
struct udp137_sink {
	void *priv;
	void (*turn_begin)(void *priv);
	void (*datagram)(void *priv, uint32_t local, uint32_t from,
			 uint16_t port, const uint8_t *data, size_t len);
	void (*turn_end)(void *priv);
};

struct udp137_stats {
	uint64_t turns;
	uint64_t received;
	uint64_t own;		/* our own broadcasts, heard and dropped */
	uint64_t recv_errors;
	uint64_t sent;
	uint64_t send_dropped;	/* no room in the socket, lost */
	uint64_t send_errors;
};

/*
 * No socket yet. world and sink outlive it; of the world only mono, timers
 * and log are used. port in host order, 1..65535. 0 or an errno.
 */
int udp137_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		  const struct nb_world *world, const struct udp137_sink *sink,
		  uint16_t port, struct udp137 **udp);

/*
 * Serve exactly these addresses: sockets of others close, missing ones open.
 * Goes through all of them whatever fails, and returns the first errno, with
 * *message (on mem_ctx) naming address, port and, for EADDRINUSE, who has it
 * and what helps; or 0. A broadcast address that the kernel does not know as
 * one is logged and done without.
 */
int udp137_serve(struct udp137 *udp, const struct serve_iface *iface,
		 unsigned int count, TALLOC_CTX *mem_ctx, char **message);

/* The addresses that are open now, at most SERVE_IFACES_MAX. */
unsigned int udp137_served(const struct udp137 *udp,
			   struct serve_iface iface[SERVE_IFACES_MAX]);

/*
 * For nb_world.send: from the socket on local. EADDRNOTAVAIL if we do not
 * serve local; EAGAIN and ENOBUFS mean that the datagram is lost.
 */
int udp137_send(struct udp137 *udp, uint32_t local, uint32_t to,
		uint16_t port, const uint8_t *data, size_t len);

const struct udp137_stats *udp137_stats(const struct udp137 *udp);

#endif
