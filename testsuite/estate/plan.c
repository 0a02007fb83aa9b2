/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Plans as text, and their shape as a graph; see plan.h. Drawing them is in
 * draw.c, cutting them down in shrink.c.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "estate/plan.h"

static const char *const kind_word[PLAN_KINDS] = {
	[PLAN_UNIQUE] = "unique",
	[PLAN_MHOMED] = "mhomed",
	[PLAN_GROUP] = "group",
	[PLAN_DOMAIN] = "domain",
};

/* What the words behind a verb are: h a host, n a node, s seconds (signed),
 * and two that are said as words. */
static const struct {
	const char *word;
	const char *args;
	const char *choice[2];
} verbs[PLAN_VERBS] = {
	[PLAN_UP] = { "up", "h", { NULL } },
	[PLAN_DOWN] = { "down", "h", { NULL } },
	[PLAN_OFF] = { "off", "h", { NULL } },
	[PLAN_MOVE] = { "move", "h", { NULL } },
	[PLAN_SEND] = { "send", "hn", { NULL } },
	[PLAN_ADDR] = { "addr", "h", { NULL } },
	[PLAN_REFRESH] = { "refresh", "h", { NULL } },
	[PLAN_DROP] = { "drop", "h", { NULL } },
	[PLAN_DEAF] = { "deaf", "hn", { NULL } },
	[PLAN_HEAR] = { "hear", "hn", { NULL } },
	[PLAN_CUT] = { "cut", "nnc", { "stall", "reset" } },
	[PLAN_HEAL] = { "heal", "nn", { NULL } },
	[PLAN_CRASH] = { "crash", "nc", { "lose", "keep" } },
	[PLAN_STOP] = { "stop", "n", { NULL } },
	[PLAN_START] = { "start", "n", { NULL } },
	[PLAN_WIPE] = { "wipe", "n", { NULL } },
	[PLAN_IMAGE] = { "image", "n", { NULL } },
	[PLAN_RESTORE] = { "restore", "n", { NULL } },
	[PLAN_WALL] = { "wall", "ns", { NULL } },
	[PLAN_STATIC] = { "static", "nh", { NULL } },
	[PLAN_UNSTATIC] = { "unstatic", "nh", { NULL } },
	[PLAN_PULL] = { "pull", "n", { NULL } },
	[PLAN_PUSH] = { "push", "n", { NULL } },
};

/* ---- print ---- */

static void print_step(const struct plan_step *step, FILE *out)
{
	const char *args = verbs[step->verb].args;

	fprintf(out, "%u %s %u", step->at, verbs[step->verb].word, step->a);
	for (args++; *args != '\0'; args++) {
		if (*args == 'c') {
			fprintf(out, " %s",
				verbs[step->verb].choice[step->c != 0]);
		} else if (*args == 's') {
			fprintf(out, " %d", step->c);
		} else {
			fprintf(out, " %u", step->b);
		}
	}
	fprintf(out, "\n");
}

static void print_estate(const struct plan *plan, FILE *out)
{
	fprintf(out, "estate seed=%" PRIu64 " chaos=%u ttl=%u loss=%u "
		     "choppy=%u far=%u ageing=%s\n",
		plan->seed, plan->chaos, plan->ttl, plan->loss, plan->choppy,
		plan->far, plan->slow_ageing ? "slow" : "brisk");
	for (unsigned int i = 0; i < plan->nodes; i++) {
		if (!plan->node_gone[i]) {
			fprintf(out, "node %u skew=%d\n", i, plan->skew[i]);
		}
	}
}

void plan_print(const struct plan *plan, FILE *out)
{
	print_estate(plan, out);
	for (unsigned int i = 0; i < plan->edges; i++) {
		const struct plan_edge *e = &plan->edge[i];

		if (!e->gone) {
			fprintf(out, "edge %u %u pull=%u,%u push=%u,%u "
				     "persistent=%s\n",
				e->node[0], e->node[1], e->pull[0],
				e->pull[1], e->push[0], e->push[1],
				e->persistent ? "yes" : "no");
		}
	}
	for (unsigned int i = 0; i < plan->hosts; i++) {
		const struct plan_host *h = &plan->host[i];

		if (!h->gone) {
			fprintf(out, "host %u %s HOST%u home=%u away=%u\n", i,
				kind_word[h->kind], h->name, h->home,
				h->away);
		}
	}
	for (unsigned int i = 0; i < plan->steps; i++) {
		if (!plan->step[i].gone) {
			print_step(&plan->step[i], out);
		}
	}
}

/* ---- read ---- */

static bool read_estate(struct plan *plan, const char *line)
{
	char ageing[8] = "";

	if (sscanf(line, "estate seed=%" SCNu64 " chaos=%u ttl=%u loss=%u "
			 "choppy=%u far=%u ageing=%7s",
		   &plan->seed, &plan->chaos, &plan->ttl, &plan->loss,
		   &plan->choppy, &plan->far, ageing) != 7) {
		return false;
	}
	plan->slow_ageing = strcmp(ageing, "slow") == 0;
	return plan->ttl >= 60 && plan->far < 10000000;
}

static bool read_node(struct plan *plan, const char *line)
{
	unsigned int i = 0;
	int skew = 0;

	if (sscanf(line, "node %u skew=%d", &i, &skew) != 2 ||
	    i >= PLAN_NODES) {
		return false;
	}
	for (; plan->nodes <= i; plan->nodes++) {
		plan->node_gone[plan->nodes] = true;
	}
	plan->node_gone[i] = false;
	plan->skew[i] = skew;
	return true;
}

static bool is_node(const struct plan *plan, unsigned int i)
{
	return i < plan->nodes && !plan->node_gone[i];
}

static bool is_host(const struct plan *plan, unsigned int i)
{
	return i < plan->hosts && !plan->host[i].gone;
}

static bool read_edge(struct plan *plan, const char *line)
{
	struct plan_edge *e = &plan->edge[plan->edges];
	char persistent[4] = "";
	unsigned int a = 0, b = 0;

	if (plan->edges == PLAN_EDGES ||
	    sscanf(line, "edge %u %u pull=%u,%u push=%u,%u persistent=%3s", &a,
		   &b, &e->pull[0], &e->pull[1], &e->push[0], &e->push[1],
		   persistent) != 7 ||
	    !is_node(plan, a) || !is_node(plan, b) || a == b) {
		return false;
	}
	e->node[0] = (uint8_t)a;
	e->node[1] = (uint8_t)b;
	e->persistent = strcmp(persistent, "yes") == 0;
	plan->edges++;
	return true;
}

static bool read_host(struct plan *plan, const char *line)
{
	char kind[8] = "";
	unsigned int i = 0, name = 0, home = 0, away = 0;
	struct plan_host *h = NULL;

	if (sscanf(line, "host %u %7s HOST%u home=%u away=%u", &i, kind, &name,
		   &home, &away) != 5 ||
	    i >= PLAN_HOSTS || name >= PLAN_HOSTS || !is_node(plan, home) ||
	    !is_node(plan, away)) {
		return false;
	}
	for (; plan->hosts <= i; plan->hosts++) {
		plan->host[plan->hosts].gone = true;
	}
	h = &plan->host[i];
	*h = (struct plan_host){
		.name = (uint8_t)name, .home = (uint8_t)home,
		.away = (uint8_t)away,
	};
	while (h->kind < PLAN_KINDS && strcmp(kind_word[h->kind], kind) != 0) {
		h->kind++;
	}
	return h->kind < PLAN_KINDS;
}

static bool read_word(const struct plan *plan, char what,
		      struct plan_step *step, const char *word,
		      bool is_first)
{
	const char *const *choice = verbs[step->verb].choice;
	char *end = NULL;
	long value = strtol(word, &end, 10);

	if (what == 'c') {
		step->c = strcmp(word, choice[1]) == 0;
		return step->c || strcmp(word, choice[0]) == 0;
	}
	if (*end != '\0') {
		return false;
	}
	if (what == 's') {
		step->c = (int32_t)value;
		return true;
	}
	*(is_first ? &step->a : &step->b) = (uint8_t)value;
	return value >= 0 && (what == 'n' ? is_node(plan, (unsigned int)value) :
					    is_host(plan, (unsigned int)value));
}

static bool read_step(struct plan *plan, const char *line)
{
	struct plan_step *step = &plan->step[plan->steps];
	char verb[16] = "", word[3][16] = { "", "", "" };
	const char *args = NULL;
	int words = sscanf(line, "%u %15s %15s %15s %15s", &step->at, verb,
			   word[0], word[1], word[2]);

	if (plan->steps == PLAN_STEPS || words < 3) {
		return false;
	}
	while (step->verb < PLAN_VERBS &&
	       strcmp(verbs[step->verb].word, verb) != 0) {
		step->verb++;
	}
	if (step->verb == PLAN_VERBS) {
		return false;
	}
	args = verbs[step->verb].args;
	if (words != 2 + (int)strlen(args)) {
		return false;
	}
	for (unsigned int i = 0; args[i] != '\0'; i++) {
		if (!read_word(plan, args[i], step, word[i], i == 0)) {
			return false;
		}
	}
	plan->steps++;
	return true;
}

static bool read_line(struct plan *plan, const char *line)
{
	if (line[0] == '#' || line[strspn(line, " \t\r\n")] == '\0') {
		return true;
	}
	if (strncmp(line, "estate ", 7) == 0) {
		return read_estate(plan, line);
	}
	if (strncmp(line, "node ", 5) == 0) {
		return read_node(plan, line);
	}
	if (strncmp(line, "edge ", 5) == 0) {
		return read_edge(plan, line);
	}
	if (strncmp(line, "host ", 5) == 0) {
		return read_host(plan, line);
	}
	return read_step(plan, line);
}

bool plan_read(struct plan *plan, FILE *in, char error[PLAN_LINE])
{
	char line[PLAN_LINE];
	unsigned int number = 0;

	memset(plan, 0, sizeof(*plan));
	while (fgets(line, sizeof(line), in) != NULL) {
		number++;
		if (!read_line(plan, line)) {
			snprintf(error, PLAN_LINE, "line %u: %.150s", number,
				 line);
			return false;
		}
	}
	if (plan->ttl == 0 || plan->nodes == 0) {
		snprintf(error, PLAN_LINE, "no estate");
		return false;
	}
	return true;
}

/* ---- its shape ---- */

static void distances(const struct plan *plan, unsigned int from,
		      unsigned int hops[PLAN_NODES])
{
	for (unsigned int i = 0; i < PLAN_NODES; i++) {
		hops[i] = i == from ? 0 : PLAN_NODES;
	}
	for (unsigned int round = 0; round < plan->nodes; round++) {
		for (unsigned int i = 0; i < plan->edges; i++) {
			const struct plan_edge *e = &plan->edge[i];
			unsigned int *a = &hops[e->node[0]];
			unsigned int *b = &hops[e->node[1]];

			if (e->gone) {
				continue;
			}
			*a = *b + 1 < *a ? *b + 1 : *a;
			*b = *a + 1 < *b ? *a + 1 : *b;
		}
	}
}

unsigned int plan_diameter(const struct plan *plan)
{
	unsigned int hops[PLAN_NODES];
	unsigned int most = 1;

	for (unsigned int i = 0; i < plan->nodes; i++) {
		if (plan->node_gone[i]) {
			continue;
		}
		distances(plan, i, hops);
		for (unsigned int j = 0; j < plan->nodes; j++) {
			if (!plan->node_gone[j] && hops[j] > most) {
				most = hops[j];
			}
		}
	}
	return most < PLAN_NODES ? most : 0;
}

uint32_t plan_interval(const struct plan *plan)
{
	uint32_t longest = 0;

	for (unsigned int i = 0; i < plan->edges; i++) {
		const struct plan_edge *e = &plan->edge[i];
		uint32_t most = e->pull[0] > e->pull[1] ? e->pull[0] :
							  e->pull[1];

		if (!e->gone && most > longest) {
			longest = most;
		}
	}
	return longest;
}
