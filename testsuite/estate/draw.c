/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Plans drawn from a seed. Most estates are small and most lives short: what
 * goes wrong does so between two or three servers, and ten thousand of them
 * say more than a hundred large ones. Each seed draws first which troubles
 * there are at all, so that some estates know only conflicts, others only
 * crashes: a fault is not hidden behind another.
 */

#include <stdlib.h>
#include <string.h>

#include "estate/plan.h"
#include "sim/simtime.h"

enum trouble {
	TROUBLE_CUTS = 1,
	TROUBLE_CRASHES = 2,
	TROUBLE_DISKS = 4,		/* wiped, restored */
	TROUBLE_CLOCKS = 8,
	TROUBLE_CONFLICTS = 16,		/* names that several hosts want */
	TROUBLE_STATICS = 32,
	TROUBLE_MOVES = 64,
	TROUBLE_DEAF = 128,
	TROUBLE_ALL = 255
};

struct draw {
	struct plan *plan;
	uint64_t luck;
	unsigned int trouble;
};

static uint32_t below(struct draw *d, uint32_t limit)
{
	return sim_draw_below(&d->luck, limit);
}

static bool one_in(struct draw *d, uint32_t n)
{
	return below(d, n) == 0;
}

/* ---- servers ---- */

static void draw_nodes(struct draw *d)
{
	uint32_t size = below(d, 100);
	struct plan *plan = d->plan;

	plan->nodes = size < 25 ? 2 : size < 55 ? 3 : size < 75 ? 4 :
		      size < 95 ? 5 + below(d, 4) : 9 + below(d, 12);
	for (unsigned int i = 0; i < plan->nodes; i++) {
		if (d->trouble & TROUBLE_CLOCKS && one_in(d, 2)) {
			plan->skew[i] = (int32_t)below(d, 200000) - 100000;
		}
	}
}

static void add_edge(struct draw *d, unsigned int a, unsigned int b,
		     uint32_t base)
{
	static const uint32_t counts[] = { 0, 0, 1, 1, 2, 5 };
	struct plan *plan = d->plan;
	struct plan_edge *e = &plan->edge[plan->edges];

	for (unsigned int i = 0; i < plan->edges; i++) {
		const struct plan_edge *f = &plan->edge[i];

		if ((f->node[0] == a && f->node[1] == b) ||
		    (f->node[0] == b && f->node[1] == a)) {
			return;
		}
	}
	if (plan->edges == PLAN_EDGES || a == b) {
		return;
	}
	*e = (struct plan_edge){
		.node = { (uint8_t)a, (uint8_t)b },
		.persistent = !one_in(d, 3),
	};
	for (unsigned int i = 0; i < 2; i++) {
		e->pull[i] = one_in(d, 3) ? 60 * (2 + below(d, 29)) : base;
		e->push[i] = counts[below(d, 6)];
	}
	plan->edges++;
}

static void draw_edges(struct draw *d)
{
	static const uint32_t bases[] = { 300, 600, 900, 1800 };
	uint32_t base = bases[below(d, 4)];
	uint32_t shape = below(d, 6);
	unsigned int n = d->plan->nodes;

	/* mesh: every pair; chain, and a ring closes it; hub; else a tree */
	for (unsigned int i = 1; i < n; i++) {
		if (shape == 0 && n <= 8) {
			for (unsigned int j = 0; j < i; j++) {
				add_edge(d, j, i, base);
			}
		} else if (shape <= 2) {
			add_edge(d, i - 1, i, base);
		} else if (shape == 3) {
			add_edge(d, 0, i, base);
		} else {
			add_edge(d, below(d, i), i, base);
		}
	}
	if (shape == 2) {
		add_edge(d, n - 1, 0, base);
	}
	if (shape == 5) {
		for (unsigned int i = below(d, n); i > 0; i--) {
			add_edge(d, below(d, n), below(d, n), base);
		}
	}
}

/* ---- hosts ---- */

static void draw_hosts(struct draw *d)
{
	static const uint8_t kinds[] = { PLAN_UNIQUE, PLAN_UNIQUE, PLAN_UNIQUE,
					 PLAN_MHOMED, PLAN_DOMAIN,
					 PLAN_DOMAIN, PLAN_GROUP };
	struct plan *plan = d->plan;

	plan->hosts = 1 + below(d, one_in(d, 3) ? 16 : 6);
	for (unsigned int i = 0; i < plan->hosts; i++) {
		struct plan_host *h = &plan->host[i];

		h->name = (uint8_t)i;
		h->kind = kinds[below(d, 7)];
		h->home = (uint8_t)below(d, plan->nodes);
		h->away = (uint8_t)below(d, plan->nodes);
		if (i == 0) {
			continue;
		}
		if (h->kind == PLAN_DOMAIN || h->kind == PLAN_GROUP) {
			/* the same as an earlier one of this kind, if any */
			for (unsigned int j = 0; j < i && !one_in(d, 4); j++) {
				if (plan->host[j].kind == h->kind) {
					h->name = plan->host[j].name;
				}
			}
		} else if (d->trouble & TROUBLE_CONFLICTS && one_in(d, 2)) {
			h->name = plan->host[below(d, i)].name;
		}
	}
}

/* ---- steps ---- */

static struct plan_step *add_step(struct draw *d, uint32_t at,
				  enum plan_verb verb, unsigned int a,
				  unsigned int b)
{
	static struct plan_step none;
	struct plan *plan = d->plan;
	struct plan_step *step = &none;

	if (plan->steps < PLAN_STEPS) {
		step = &plan->step[plan->steps++];
	}
	*step = (struct plan_step){
		.at = at, .verb = (uint8_t)verb,
		.a = (uint8_t)a, .b = (uint8_t)b,
	};
	return step;
}

static uint32_t some_time(struct draw *d)
{
	return 1 + below(d, d->plan->chaos);
}

/* Later, mostly soon. */
static uint32_t after(struct draw *d, uint32_t at)
{
	uint32_t left = d->plan->chaos - at;

	return at + (one_in(d, 2) ? below(d, left < 900 ? left : 900) :
				    below(d, left));
}

static void host_lives(struct draw *d, unsigned int h)
{
	static const uint8_t deeds[] = { PLAN_MOVE, PLAN_MOVE, PLAN_SEND,
					 PLAN_SEND, PLAN_ADDR, PLAN_REFRESH,
					 PLAN_DROP };
	uint32_t at = 1 + below(d, d->plan->chaos / 2);

	add_step(d, at, PLAN_UP, h, 0);
	while (one_in(d, 3)) {
		at = after(d, at);
		add_step(d, at, one_in(d, 2) ? PLAN_DOWN : PLAN_OFF, h, 0);
		at = after(d, at);
		if (!one_in(d, 3)) {
			add_step(d, at, PLAN_UP, h, 0);
		}
	}
	if (!(d->trouble & TROUBLE_MOVES)) {
		return;
	}
	for (unsigned int i = below(d, 4); i > 0; i--) {
		add_step(d, some_time(d), deeds[below(d, 7)], h,
			 below(d, d->plan->nodes));
	}
}

static void cut_somewhere(struct draw *d)
{
	const struct plan_edge *e = &d->plan->edge[below(d, d->plan->edges)];
	uint32_t at = some_time(d);

	add_step(d, at, PLAN_CUT, e->node[0], e->node[1])->c = one_in(d, 2);
	if (!one_in(d, 4)) {
		add_step(d, after(d, at), PLAN_HEAL, e->node[0], e->node[1]);
	}
}

static void crash_somewhere(struct draw *d)
{
	unsigned int node = below(d, d->plan->nodes);
	uint32_t at = some_time(d);

	if (one_in(d, 3)) {
		add_step(d, at, PLAN_STOP, node, 0);
	} else {
		add_step(d, at, PLAN_CRASH, node, 0)->c = one_in(d, 2);
	}
	if (!one_in(d, 6)) {
		add_step(d, after(d, at), PLAN_START, node, 0);
	}
}

static void lose_a_disk(struct draw *d)
{
	unsigned int node = below(d, d->plan->nodes);
	uint32_t at = some_time(d);

	if (one_in(d, 2)) {
		add_step(d, at, PLAN_WIPE, node, 0);
	} else {
		add_step(d, at, PLAN_IMAGE, node, 0);
		add_step(d, after(d, at), PLAN_RESTORE, node, 0);
	}
}

static void be_static(struct draw *d)
{
	unsigned int node = below(d, d->plan->nodes);
	unsigned int host = below(d, d->plan->hosts);
	uint32_t at = some_time(d);

	add_step(d, at, PLAN_STATIC, node, host);
	if (one_in(d, 4)) {
		add_step(d, after(d, at), PLAN_UNSTATIC, node, host);
	}
}

static void go_deaf(struct draw *d)
{
	unsigned int host = below(d, d->plan->hosts);
	unsigned int node = one_in(d, 2) ? d->plan->host[host].home :
					   below(d, d->plan->nodes);
	uint32_t at = some_time(d);

	add_step(d, at, PLAN_DEAF, host, node);
	add_step(d, after(d, at), PLAN_HEAR, host, node);
}

static void step_a_clock(struct draw *d)
{
	add_step(d, some_time(d), PLAN_WALL, below(d, d->plan->nodes), 0)->c =
		(int32_t)below(d, 100000) - 50000;
}

static void operator_acts(struct draw *d)
{
	add_step(d, some_time(d), one_in(d, 2) ? PLAN_PULL : PLAN_PUSH,
		 below(d, d->plan->nodes), 0);
}

static void draw_steps(struct draw *d)
{
	static const struct {
		enum trouble trouble;
		uint32_t most;
		void (*deed)(struct draw *d);
	} deeds[] = {
		{ TROUBLE_CUTS, 4, cut_somewhere },
		{ TROUBLE_CRASHES, 4, crash_somewhere },
		{ TROUBLE_DISKS, 3, lose_a_disk },
		{ TROUBLE_STATICS, 3, be_static },
		{ TROUBLE_DEAF, 3, go_deaf },
		{ TROUBLE_CLOCKS, 3, step_a_clock },
		{ TROUBLE_ALL, 3, operator_acts },
	};

	for (unsigned int h = 0; h < d->plan->hosts; h++) {
		host_lives(d, h);
	}
	for (unsigned int i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		if (d->trouble & deeds[i].trouble) {
			for (uint32_t n = below(d, deeds[i].most + 1); n > 0;
			     n--) {
				deeds[i].deed(d);
			}
		}
	}
}

/* Sorted by time, those of one moment as they were drawn. */
static void sort_steps(struct plan *plan)
{
	for (unsigned int i = 1; i < plan->steps; i++) {
		struct plan_step step = plan->step[i];
		unsigned int at = i;

		while (at > 0 && plan->step[at - 1].at > step.at) {
			plan->step[at] = plan->step[at - 1];
			at--;
		}
		plan->step[at] = step;
	}
}

void plan_draw(struct plan *plan, uint64_t seed)
{
	struct draw d = { .plan = plan, .luck = sim_seed_of(seed, 1) };

	memset(plan, 0, sizeof(*plan));
	plan->seed = seed;
	for (unsigned int i = 0; i < 8; i++) {
		d.trouble |= one_in(&d, 3) ? 1u << i : 0;
	}
	plan->chaos = 1800 + below(&d, one_in(&d, 3) ? 30000 : 9000);
	plan->ttl = 1800 * (2 + below(&d, 5));
	plan->loss = one_in(&d, 2) ? 0 : below(&d, 100);
	plan->choppy = one_in(&d, 2) ? 0 : below(&d, 500);
	plan->far = one_in(&d, 3) ? 500000 : 1000 + below(&d, 40000);
	plan->slow_ageing = one_in(&d, 10);
	draw_nodes(&d);
	draw_edges(&d);
	draw_hosts(&d);
	draw_steps(&d);
	sort_steps(plan);
}
