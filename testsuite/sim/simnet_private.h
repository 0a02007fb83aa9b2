/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between simnet.c (machines, cuts, calls) and simlink.c (streams). */
#ifndef WINSD_SIM_SIMNET_PRIVATE_H
#define WINSD_SIM_SIMNET_PRIVATE_H

#include "sim/simnet.h"

#define SIM_PLACES	1024

struct sim_place {
	struct sim_place *next;
	uint32_t address;
	struct sim_port *port;
};

struct sim_cut_pair {
	uint32_t a, b;
	enum sim_cut kind;
};

struct sim_net {
	struct sim_time *time;
	struct sim_clock clock;		/* timers of the wire */
	struct sim_net_config config;
	struct sim_place *place[SIM_PLACES];
	struct sim_cut_pair *cut;
	unsigned int cuts;
	struct sim_net_sight sight;
	uint32_t acting;
	void (*watch)(void *arg, uint32_t from, uint32_t to,
		      const uint8_t *data, size_t len);
	void *watch_arg;
};

struct sim_port {
	struct sim_net *net;
	uint32_t address;
	bool on;
	const struct sim_port_events *events;
	void *arg;
	struct link_ops ops;
	struct link *links;		/* ends that are its own */
	struct link *ghosts;
	uint64_t calls;			/* streams made, for their luck */
};

enum link_state {
	LINK_CALLING,
	LINK_UP,
	LINK_GONE,			/* its owner does not want it */
	LINK_GHOST,			/* its machine crashed; it is kept
					   until its owner lets go of it */
};

enum link_timer {
	LINK_TIMER_FLIGHT,		/* the next piece arrives */
	LINK_TIMER_UP,
	LINK_TIMER_SHOW,		/* bytes that arrived, or the end */
	LINK_TIMER_DRAINED,
	LINK_TIMER_END,			/* it failed, or lingered enough */
	LINK_TIMERS
};

/* One end of a stream; out is what goes to the other. */
struct link {
	struct sim_net *net;
	struct sim_port *port;
	struct link *prev, *next;	/* of the port */
	struct link *peer;		/* NULL: nobody is there */
	uint32_t local, remote;
	enum link_state state;
	const struct link_events *events;
	void *arg;
	uint64_t chance;
	bool crumbs;			/* arrives in small pieces */
	uint32_t way;			/* usec */
	uint32_t window;		/* bytes that the wire holds */
	unsigned int patience;		/* s until the next try to call */
	struct nb_timer *timer[LINK_TIMERS];

	uint8_t *in;			/* arrived and not taken */
	size_t in_len, in_size;
	size_t shown;			/* of them, to data() */
	bool paused;
	bool resumed;			/* show it again */
	bool ended;			/* the peer's last byte has arrived */
	int error;			/* with which it ends */

	uint8_t *out;
	size_t out_at, out_len, out_size;
	size_t wire;			/* of out_len, on the way */
	bool busy;			/* something was sent since drained() */
	bool choked;			/* the peer has no room */
	bool stalled;			/* by a cut */
};

struct sim_port *sim_net_port(const struct sim_net *net, uint32_t address);
bool sim_net_cut_kind(const struct sim_net *net, uint32_t a, uint32_t b,
		      enum sim_cut *cut);
int sim_net_call(void *priv, uint32_t from, uint32_t to, uint16_t tcp_port,
		 const struct link_events *events, void *arg,
		 struct link **link);

void sim_link_fill(struct sim_port *port);
struct link *sim_link_create(struct sim_port *port, uint32_t local,
			     uint32_t remote);
void sim_link_free(struct link *link);
uint64_t sim_link_way(struct link *link);	/* usec to the peer */
void sim_link_later(struct link *link, enum link_timer which, uint64_t usec,
		    void (*fn)(void *arg));
void sim_link_up(void *arg);
/* It is to end by down(error), after so long. */
void sim_link_fail(struct link *link, int error, uint64_t usec);
void sim_link_abandon(struct link *link);	/* as if it were closed */
void sim_link_vanish(struct link *link);	/* its machine crashed */
void sim_link_forget_ghosts(struct sim_port *port);
void sim_link_break(struct link *link);		/* reset by the network */
void sim_link_go_on(struct link *link);		/* after a cut */

#endif
