/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A plan that fails is cut down while it still fails: steps in halves,
 * quarters and so on down to single ones (delta debugging), then servers,
 * hosts, partnerships and whatever makes the network unkind, round after
 * round until nothing more can go.
 */

#include <string.h>

#include "estate/plan.h"

struct shrink {
	struct plan *plan;
	bool (*fails)(void *arg, const struct plan *plan);
	void *arg;
	unsigned int tried;
	bool progress;
};

#define TRIES_MAX 3000u

static bool try(struct shrink *s, const struct plan *smaller)
{
	if (s->tried >= TRIES_MAX || plan_diameter(smaller) == 0) {
		return false;
	}
	s->tried++;
	if (!s->fails(s->arg, smaller)) {
		return false;
	}
	*s->plan = *smaller;
	s->progress = true;
	return true;
}

/* ---- steps ---- */

static void pack_steps(struct plan *plan)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < plan->steps; i++) {
		if (!plan->step[i].gone) {
			plan->step[kept++] = plan->step[i];
		}
	}
	plan->steps = kept;
}

static void drop_steps(struct shrink *s)
{
	for (unsigned int size = s->plan->steps; size > 0; size /= 2) {
		unsigned int at = 0;

		while (at < s->plan->steps) {
			struct plan smaller = *s->plan;

			for (unsigned int i = at;
			     i < at + size && i < smaller.steps; i++) {
				smaller.step[i].gone = true;
			}
			pack_steps(&smaller);
			if (!try(s, &smaller)) {
				at += size;
			}
		}
	}
}

/* ---- who is there ---- */

static bool is_of_host(uint8_t verb)
{
	return verb <= PLAN_HEAR;
}

static bool speaks_of_host(const struct plan_step *step, unsigned int host)
{
	if (step->verb == PLAN_STATIC || step->verb == PLAN_UNSTATIC) {
		return step->b == host;
	}
	return is_of_host(step->verb) && step->a == host;
}

static bool speaks_of_node(const struct plan_step *step, unsigned int node)
{
	switch (step->verb) {
	case PLAN_SEND:
	case PLAN_DEAF:
	case PLAN_HEAR:
		return step->b == node;
	case PLAN_CUT:
	case PLAN_HEAL:
		return step->a == node || step->b == node;
	default:
		return !is_of_host(step->verb) && step->a == node;
	}
}

static void drop_hosts(struct shrink *s)
{
	for (unsigned int h = 0; h < s->plan->hosts; h++) {
		struct plan smaller = *s->plan;

		if (smaller.host[h].gone) {
			continue;
		}
		smaller.host[h].gone = true;
		for (unsigned int i = 0; i < smaller.steps; i++) {
			smaller.step[i].gone =
				speaks_of_host(&smaller.step[i], h);
		}
		pack_steps(&smaller);
		try(s, &smaller);
	}
}

static void take_node_out(struct plan *plan, unsigned int node,
			  unsigned int instead)
{
	plan->node_gone[node] = true;
	for (unsigned int i = 0; i < plan->edges; i++) {
		struct plan_edge *e = &plan->edge[i];

		e->gone = e->gone || e->node[0] == node || e->node[1] == node;
	}
	for (unsigned int i = 0; i < plan->hosts; i++) {
		struct plan_host *h = &plan->host[i];

		h->home = h->home == node ? (uint8_t)instead : h->home;
		h->away = h->away == node ? (uint8_t)instead : h->away;
	}
	for (unsigned int i = 0; i < plan->steps; i++) {
		plan->step[i].gone = speaks_of_node(&plan->step[i], node);
	}
	pack_steps(plan);
}

static void drop_nodes(struct shrink *s)
{
	for (unsigned int n = 0; n < s->plan->nodes; n++) {
		struct plan smaller = *s->plan;
		unsigned int instead = 0;

		while (instead < smaller.nodes &&
		       (instead == n || smaller.node_gone[instead])) {
			instead++;
		}
		if (smaller.node_gone[n] || instead == smaller.nodes) {
			continue;
		}
		take_node_out(&smaller, n, instead);
		try(s, &smaller);
	}
}

static void drop_edges(struct shrink *s)
{
	for (unsigned int i = 0; i < s->plan->edges; i++) {
		struct plan smaller = *s->plan;

		if (!smaller.edge[i].gone) {
			smaller.edge[i].gone = true;
			try(s, &smaller);
		}
	}
}

/* ---- what makes it unkind ---- */

static void be_kind(struct shrink *s)
{
	struct plan smaller = *s->plan;
	uint32_t *odd[] = { &smaller.loss, &smaller.choppy };

	for (unsigned int i = 0; i < 2; i++) {
		if (*odd[i] != 0) {
			*odd[i] = 0;
			try(s, &smaller);
			smaller = *s->plan;
		}
	}
	if (smaller.far > 1000) {
		smaller.far = 1000;
		try(s, &smaller);
	}
	for (unsigned int i = 0; i < s->plan->nodes; i++) {
		smaller = *s->plan;
		if (smaller.skew[i] != 0) {
			smaller.skew[i] = 0;
			try(s, &smaller);
		}
	}
	for (unsigned int i = 0; i < 2 * s->plan->edges; i++) {
		uint32_t *push = NULL;

		smaller = *s->plan;
		push = &smaller.edge[i / 2].push[i % 2];
		if (!smaller.edge[i / 2].gone && *push != 0) {
			*push = 0;
			try(s, &smaller);
		}
	}
}

unsigned int plan_shrink(struct plan *plan,
			 bool (*fails)(void *arg, const struct plan *plan),
			 void *arg)
{
	struct shrink s = { .plan = plan, .fails = fails, .arg = arg };

	do {
		s.progress = false;
		drop_steps(&s);
		drop_nodes(&s);
		drop_hosts(&s);
		drop_edges(&s);
		be_kind(&s);
	} while (s.progress && s.tried < TRIES_MAX);
	return s.tried;
}
