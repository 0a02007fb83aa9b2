/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A plan: an estate of servers and hosts, and what happens to it, as text.
 *
 *	estate seed=7 chaos=7200 ttl=3600 loss=10 choppy=200 far=40000
 *	node 0
 *	edge 0 1 pull=600,900 push=1,0 persistent=yes
 *	host 0 unique HOST0<20> home=0 away=1
 *	120 up 0
 *	300 crash 1 keep
 *
 * A plan is drawn from a seed, printed, read back and cut down while it still
 * fails; running it (run.h) is the same every time. Servers, hosts and steps
 * each have luck of their own, so that what is left of a plan behaves as it
 * did before something else was taken out.
 */
#ifndef WINSD_ESTATE_PLAN_H
#define WINSD_ESTATE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PLAN_NODES	20u
#define PLAN_HOSTS	24u
#define PLAN_EDGES	64u
#define PLAN_STEPS	160u
#define PLAN_LINE	200u

enum plan_kind {
	PLAN_UNIQUE,
	PLAN_MHOMED,		/* two addresses */
	PLAN_GROUP,
	PLAN_DOMAIN,		/* <1C> */
	PLAN_KINDS
};

enum plan_verb {
	PLAN_UP,		/* host: come alive and register */
	PLAN_DOWN,		/* host: die without a word */
	PLAN_OFF,		/* host: release and shut down */
	PLAN_MOVE,		/* host: home and away change places */
	PLAN_SEND,		/* host, node: this is home now */
	PLAN_ADDR,		/* host: other addresses */
	PLAN_REFRESH,		/* host: now, out of turn */
	PLAN_DROP,		/* host (two addresses): release the second */
	PLAN_DEAF,		/* host, node: cut off from each other */
	PLAN_HEAR,		/* host, node: not any more */
	PLAN_CUT,		/* node, node, "stall" or "reset" */
	PLAN_HEAL,		/* node, node */
	PLAN_CRASH,		/* node, "keep" or "lose" what is in flight */
	PLAN_STOP,		/* node: a clean end */
	PLAN_START,		/* node */
	PLAN_WIPE,		/* node: an empty disk, started */
	PLAN_IMAGE,		/* node: back up its disk */
	PLAN_RESTORE,		/* node: start on the backup */
	PLAN_WALL,		/* node, s: the wall clock is set */
	PLAN_STATIC,		/* node, host: its name as a static record */
	PLAN_UNSTATIC,		/* node, host: tombstone that */
	PLAN_PULL,		/* node: an operator pulls from all */
	PLAN_PUSH,		/* node: and pushes to all, to be passed on */
	PLAN_VERBS
};

struct plan_host {
	bool gone;		/* cut out of the plan */
	uint8_t kind;
	uint8_t name;		/* HOST%u: several may want one */
	uint8_t home, away;
};

struct plan_edge {
	bool gone;
	uint8_t node[2];
	uint32_t pull[2];	/* s: node[0] from node[1], and back */
	uint32_t push[2];	/* changes; 0: none */
	bool persistent;
};

struct plan_step {
	bool gone;
	uint32_t at;		/* s */
	uint8_t verb;
	uint8_t a, b;
	int32_t c;
};

struct plan {
	uint64_t seed;
	uint32_t chaos;		/* s: then it is quiet */
	uint32_t ttl;		/* s that hosts ask for */
	uint32_t loss;		/* datagrams of 1000 */
	uint32_t choppy;	/* streams of 1000 */
	uint32_t far;		/* usec, latency at most */
	bool slow_ageing;	/* days instead of hours */
	unsigned int nodes, hosts, edges, steps;
	bool node_gone[PLAN_NODES];
	int32_t skew[PLAN_NODES];	/* s, of the wall clock */
	struct plan_host host[PLAN_HOSTS];
	struct plan_edge edge[PLAN_EDGES];
	struct plan_step step[PLAN_STEPS];
};

/* Draw one. */
void plan_draw(struct plan *plan, uint64_t seed);

void plan_print(const struct plan *plan, FILE *out);
/* Read it; false and one line that says where it is wrong. */
bool plan_read(struct plan *plan, FILE *in, char error[PLAN_LINE]);

/* Most hops between two servers (1 or more); 0: they do not hang together. */
unsigned int plan_diameter(const struct plan *plan);
/* The longest pull interval, s. */
uint32_t plan_interval(const struct plan *plan);

/*
 * Cut it down to what still fails: fails(arg, plan) runs one. Leaves the
 * shortest plan that was found in *plan and returns how many were tried.
 */
unsigned int plan_shrink(struct plan *plan,
			 bool (*fails)(void *arg, const struct plan *plan),
			 void *arg);

#endif
