/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TCP sockets of replication: a listener on each address that we serve,
 * never one on 0.0.0.0, and the connections that come in and go out. They are
 * the links of repl/link.h; who may have one, and what is said on it, is
 * repl's business.
 *
 * A link at rest costs a descriptor and some hundred bytes: its receive buffer
 * is as large as what came and was not taken, its send buffer as what has not
 * left yet. A peer that does not read is given up after TCP42_STALL_USEC
 * without a byte, or with TCP42_UNSENT_MAX waiting for it.
 */
#ifndef WINSD_NET_TCP42_H
#define WINSD_NET_TCP42_H

#include <talloc.h>
#include <tevent.h>

#include "core/world.h"
#include "repl/link.h"
#include "serve/serve.h"

#define TCP42_LINKS_MAX		4096	/* and what descriptors allow */
#define TCP42_UNSENT_MAX	(256u << 20)	/* bytes of one link */
#define TCP42_STALL_USEC	300000000u
#define TCP42_LINGER_USEC	5000000u	/* of a link that was closed */
#define TCP42_REST_USEC		1000000u	/* no descriptors left */
#define TCP42_KEEPALIVE		60	/* s of silence before a probe */

struct tcp42;

/* Where incoming connections go. */
struct tcp42_receiver {
	void *priv;
	/*
	 * True: link_ops.accept() was called and the link is taken; false: it
	 * is closed at once.
	 */
	bool (*accept)(void *priv, struct link *link, uint32_t from);
};

struct tcp42_stats {
	uint64_t accepted;
	uint64_t unwanted;	/* the receiver said no */
	uint64_t too_many;	/* TCP42_LINKS_MAX */
	uint64_t accept_errors;
	uint64_t connected;
	uint64_t connect_errors;
	uint64_t broken;	/* links that ended by an error */
	uint64_t stalled;	/* of them: the peer did not read */
	uint64_t received;	/* bytes */
	uint64_t sent;		/* bytes */
	uint64_t open;		/* links there are now */
};

/*
 * No socket yet. world and receiver outlive it; of the world only mono, timers
 * and log are used. port in host order, 1..65535. 0 or an errno. When it is freed
 * all links end without an event: whoever uses them goes first.
 */
int tcp42_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		 const struct nb_world *world,
		 const struct tcp42_receiver *receiver, uint16_t port,
		 struct tcp42 **tcp);

/*
 * Listen on exactly these addresses: listeners of others close, and so do
 * links that came in there; missing ones open. Goes through all of them
 * whatever fails, and returns the first errno, with *message (on mem_ctx)
 * naming address, port and, for EADDRINUSE, who has it and what helps; or 0.
 */
int tcp42_serve(struct tcp42 *tcp, const struct serve_iface *iface,
		unsigned int count, TALLOC_CTX *mem_ctx, char **message);

/* The addresses that are open now, at most SERVE_IFACES_MAX. */
unsigned int tcp42_served(const struct tcp42 *tcp,
			  uint32_t address[SERVE_IFACES_MAX]);

/* For repl_create(). */
const struct link_ops *tcp42_ops(const struct tcp42 *tcp);

const struct tcp42_stats *tcp42_stats(const struct tcp42 *tcp);

#endif
