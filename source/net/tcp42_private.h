/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tcp42.c and tcp42_link.c share; nobody else includes this. */
#ifndef WINSD_NET_TCP42_PRIVATE_H
#define WINSD_NET_TCP42_PRIVATE_H

#include <netinet/in.h>
#include <sys/queue.h>

#include "net/tcp42.h"

struct listener {
	struct tcp42 *tcp;
	uint32_t ip;
	int fd;			/* -1: free entry */
	struct tevent_fd *fde;
	bool wanted;		/* mark for tcp42_serve */
};

TAILQ_HEAD(link_list, link);

struct tcp42 {
	struct tevent_context *ev;
	const struct nb_world *world;
	const struct tcp42_receiver *receiver;
	uint16_t port;
	struct link_ops ops;
	struct link_list links;		/* all but the lingering */
	struct link_list lingering;	/* oldest first */
	unsigned int links_max;
	size_t unsent_max;		/* TCP42_UNSENT_MAX; tests want less */
	struct nb_timer *rest;		/* no accept until it fires */
	uint64_t told_rest;		/* when the log heard of it; 0: never */
	uint64_t told_max;
	unsigned int used;		/* of listener[] that may be in use */
	struct listener listener[SERVE_IFACES_MAX];
	struct tcp42_stats stats;
	uint8_t scratch[LINK_READ_MAX];	/* what a read brings */
};

static inline struct sockaddr_in tcp42_address(uint32_t ip, uint16_t port)
{
	return (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(ip),
	};
}

/* ---- tcp42_link.c ---- */

/*
 * Make a link of a socket that is connected or (connecting) on its way. It
 * has the socket from now on, in failure as well: NULL, and it is closed.
 */
struct link *tcp42_link_create(struct tcp42 *tcp, int fd, bool connecting,
			       uint32_t peer);

/* Is there room for one more? A lingering link gives way. */
bool tcp42_link_room(struct tcp42 *tcp);

/* End all links that came in at this address, with EADDRNOTAVAIL. */
void tcp42_link_end_local(struct tcp42 *tcp, uint32_t local);

/* Free a link that nobody has taken. */
void tcp42_link_drop(struct link *link);

/* Has somebody taken it? */
bool tcp42_link_taken(const struct link *link);

/* The link_ops but for connect. */
void tcp42_link_accept(struct link *link, const struct link_events *events,
		       void *arg);
int tcp42_link_send(struct link *link, const uint8_t *data, size_t len);
size_t tcp42_link_unsent(const struct link *link);
void tcp42_link_pause(struct link *link, bool pause);
void tcp42_link_close(struct link *link);
uint32_t tcp42_link_local(const struct link *link);

#endif
