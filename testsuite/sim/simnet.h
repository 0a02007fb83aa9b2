/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A virtual network: streams and datagrams between machines, with distance,
 * cuts and crashes. It fills repl/link.h for servers and carries the datagrams
 * of servers and of virtual hosts.
 *
 *   streams	arrive late, in pieces of any size, in order, or not at all
 *   callers	meet a machine that is off (silence), one without a listener
 *		(refused), or one that hangs up at once
 *   cuts	between two addresses: STALL, nothing passes and who waits too
 *		long gives up; RESET, what stood breaks and callers hear no
 *   crashes	a machine's ends vanish without a word; the others notice when
 *		they send, or after a while, or never
 *
 * What a TCP may do and is nasty is done often: one byte at a time, a write
 * that is taken slowly, an end together with the last bytes, a reset behind a
 * close. Everything comes from one seed, and each stream draws its own luck.
 */
#ifndef WINSD_SIM_SIMNET_H
#define WINSD_SIM_SIMNET_H

#include "repl/link.h"
#include "sim/simtime.h"

struct sim_net;
struct sim_port;

struct sim_net_config {
	uint64_t seed;
	uint32_t near_usec, far_usec;	/* latency: between the two */
	uint32_t loss;			/* datagrams lost, of 1000 */
	uint32_t choppy;		/* of 1000 streams come in crumbs */
	bool plain;			/* no nastiness: whole, prompt */
};

struct sim_net *sim_net_create(TALLOC_CTX *mem_ctx, struct sim_time *time,
			       const struct sim_net_config *config);

/* A machine joins; what it does with callers and datagrams. */
struct sim_port_events {
	/* True: taken, by ops->accept. NULL: nobody listens. */
	bool (*called)(void *arg, struct link *link, uint32_t from);
	void (*datagram)(void *arg, uint32_t local, uint32_t from,
			 uint16_t port, uint16_t to_port, const uint8_t *data,
			 size_t len);
};
struct sim_port *sim_net_join(struct sim_net *net, uint32_t address,
			      const struct sim_port_events *events, void *arg);
/* One more address of it. */
void sim_port_also(struct sim_port *port, uint32_t address);

const struct link_ops *sim_port_ops(struct sim_port *port);
/* Swap what it does; events NULL: the machine is up, nobody listens. */
void sim_port_listen(struct sim_port *port,
		     const struct sim_port_events *events, void *arg);
/* The power goes: off, or back on with nobody listening. */
void sim_port_crash(struct sim_port *port);
void sim_port_on(struct sim_port *port);
/* The program ended, and so did its streams that still stand. */
void sim_port_end(struct sim_port *port);

void sim_net_send(struct sim_net *net, uint32_t from, uint16_t from_port,
		  uint32_t to, uint16_t to_port, const uint8_t *data,
		  size_t len);

/* Which of a pair's addresses is first does not matter; twice is once. */
enum sim_cut {
	SIM_CUT_STALL,
	SIM_CUT_RESET,
};
void sim_net_cut(struct sim_net *net, uint32_t a, uint32_t b,
		 enum sim_cut cut);
void sim_net_heal(struct sim_net *net, uint32_t a, uint32_t b);
bool sim_net_is_cut(const struct sim_net *net, uint32_t a, uint32_t b);
/* All of them; and from now on nothing is nasty any more. */
void sim_net_heal_all(struct sim_net *net);

/* See every piece of every stream as it arrives; NULL: nobody does. */
void sim_net_watch(struct sim_net *net,
		   void (*watch)(void *arg, uint32_t from, uint32_t to,
				 const uint8_t *data, size_t len),
		   void *arg);

/* Whom an event of the network is being told now; 0: nobody. */
uint32_t sim_net_acting(const struct sim_net *net);

struct sim_net_sight {
	unsigned int links;		/* ends that somebody holds */
	uint64_t calls, refused, timed_out, resets;
	uint64_t bytes, pieces;		/* that arrived */
	uint64_t datagrams, lost;
};
void sim_net_sight(const struct sim_net *net, struct sim_net_sight *sight);

#endif
