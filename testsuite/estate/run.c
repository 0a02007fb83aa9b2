/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A plan is carried out (run.h).
 *
 * First chaos: the steps, each at its time. Then quiet: the network is whole,
 * every server runs, hosts that were refused give up. All hosts refresh once,
 * and after two diameters of pull intervals the judge looks. A last interval
 * shows that nothing goes round for ever: no version is made and nothing is
 * pushed any more for names that have one holder or none.
 */

#include <stdlib.h>
#include <string.h>

#include "estate/run.h"

#define SLACK	600u		/* s: retries of hosts and of pulls */
#define ROUNDS	4u	/* one of these intervals must pass in silence */
#define AGEING	2u * 3600u	/* s: until who died in chaos is a tombstone */

/* ---- the operator ---- */

struct order {
	struct estate_node *node;
	struct nb_name name;
	uint32_t addr;
};

static void static_stands(void *arg, int error,
			  const struct nb_verdict *verdict)
{
	struct order *order = arg;
	struct estate_node *node = order->node;
	struct nb_record rec;
	bool stands = error == 0 &&
		      store_get(node->store, &order->name, &rec) &&
		      rec.is_static && rec.state == NB_ACTIVE &&
		      rec.owner == NB_SELF;

	if (stands && (verdict->outcome == NB_DONE ||
		       verdict->outcome == NB_UNCHANGED)) {
		judge_static_stands(node, &order->name, order->addr);
	} else if (error == 0 && !stands && verdict->outcome == NB_DONE &&
		   verdict->store == NB_STORE_PUT) {
		/* it stood for a moment, and was told */
		judge_static_stands(node, &order->name, order->addr);
		judge_static_goes(node, &order->name);
	}
	talloc_free(order);
}

static void forget_order(void *arg, int error, const struct nb_verdict *verdict)
{
	(void)error;
	(void)verdict;
	talloc_free(arg);
}

static struct order *new_order(struct estate_node *node,
			       const struct estate_host *host)
{
	struct order *order = talloc_zero(node->ctx, struct order);

	order->node = node;
	order->name = host->name;
	order->addr = host->addr[0];
	return order;
}

static void add_static(struct estate_node *node, struct estate_host *host)
{
	struct order *order = NULL;
	struct nb_record rec = {
		.name = host->name,
		.type = host->kind == PLAN_DOMAIN ? NB_SGROUP :
			host->kind == PLAN_GROUP ? NB_GROUP : NB_UNIQUE,
		.node = NB_H_NODE,
		.is_static = true,
		.expires = NB_NEVER,
		.count = 1,
		.member = { { .ip = host->addr[0], .expires = NB_NEVER } },
	};
	struct nb_event event = {
		.kind = NB_EV_ADD, .name = host->name, .record = &rec,
		.force = true,
	};

	if (node->power == ESTATE_OFF) {
		return;
	}
	order = new_order(node, host);
	serve_command(node->serve, &event, static_stands, order);
}

static void remove_static(struct estate_node *node, struct estate_host *host)
{
	struct nb_event event = {
		.kind = NB_EV_TOMBSTONE, .name = host->name, .force = true,
	};

	struct nb_record rec;

	/* of another's static a tombstone changes nothing (5.2 #3) */
	if (node->power == ESTATE_OFF ||
	    !store_get(node->store, &host->name, &rec) || !rec.is_static ||
	    rec.owner != NB_SELF) {
		return;
	}
	judge_static_goes(node, &host->name);
	serve_command(node->serve, &event, forget_order,
		      new_order(node, host));
}

/* ---- steps ---- */

static void do_host_step(struct estate *estate, const struct plan_step *step)
{
	struct estate_host *host = &estate->host[step->a];

	switch (step->verb) {
	case PLAN_UP:
		host_up(host);
		break;
	case PLAN_DOWN:
		host_down(host);
		break;
	case PLAN_OFF:
		host_off(host);
		break;
	case PLAN_MOVE:
		host_move(host);
		break;
	case PLAN_SEND:
		host_go_to(host, step->b);
		break;
	case PLAN_ADDR:
		host_readdress(host);
		break;
	case PLAN_REFRESH:
		host_refresh(host);
		break;
	case PLAN_DROP:
		host_drop_second(host);
		break;
	}
}

static void hear(struct estate *estate, unsigned int host, unsigned int node,
		 bool hears)
{
	for (unsigned int i = 0; i < ESTATE_HOST_ADDRS; i++) {
		uint32_t ip = ESTATE_HOST(host, i);

		if (hears) {
			sim_net_heal(estate->net, ip, ESTATE_NODE(node));
		} else {
			sim_net_cut(estate->net, ip, ESTATE_NODE(node),
				    SIM_CUT_STALL);
		}
	}
}

static void do_net_step(struct estate *estate, const struct plan_step *step)
{
	uint32_t a = ESTATE_NODE(step->a), b = ESTATE_NODE(step->b);

	switch (step->verb) {
	case PLAN_DEAF:
	case PLAN_HEAR:
		hear(estate, step->a, step->b, step->verb == PLAN_HEAR);
		break;
	case PLAN_CUT:
		sim_net_cut(estate->net, a, b,
			    step->c ? SIM_CUT_RESET : SIM_CUT_STALL);
		break;
	case PLAN_HEAL:
		sim_net_heal(estate->net, a, b);
		break;
	}
}

static void do_node_step(struct estate *estate, const struct plan_step *step)
{
	struct estate_node *node = &estate->node[step->a];

	estate->acting = node;
	switch (step->verb) {
	case PLAN_CRASH:
		node_crash(node, step->c);
		break;
	case PLAN_STOP:
		node_stop(node);
		break;
	case PLAN_START:
		node_start(node);
		break;
	case PLAN_WIPE:
		node_wipe(node);
		break;
	case PLAN_IMAGE:
		node_take_image(node);
		break;
	case PLAN_RESTORE:
		node_restore(node);
		break;
	case PLAN_WALL:
		node->clock.wall_step += step->c;
		break;
	case PLAN_STATIC:
		add_static(node, &estate->host[step->b]);
		break;
	case PLAN_UNSTATIC:
		remove_static(node, &estate->host[step->b]);
		break;
	case PLAN_PULL:
		if (node->power == ESTATE_ON) {
			repl_pull(node->repl, 0, NULL, NULL);
		}
		break;
	case PLAN_PUSH:
		if (node->power == ESTATE_ON) {
			repl_push(node->repl, 0, true, NULL, NULL);
		}
		break;
	}
	estate->acting = NULL;
}

static void do_step(struct estate *estate, const struct plan_step *step)
{
	if (step->verb <= PLAN_DROP) {
		do_host_step(estate, step);
	} else if (step->verb <= PLAN_HEAL) {
		do_net_step(estate, step);
	} else {
		do_node_step(estate, step);
	}
}

/* ---- the phases ---- */

static void pass(struct estate *estate, uint64_t seconds)
{
	sim_time_run(estate->time, sim_time_usec(estate->time) +
				   seconds * ESTATE_SECOND);
}

static void chaos(struct estate *estate)
{
	const struct plan *plan = estate->plan;

	for (unsigned int i = 0; i < plan->steps; i++) {
		sim_time_run(estate->time,
			     plan->step[i].at * ESTATE_SECOND);
		if (estate->judge->wrong[0] != '\0') {
			return;
		}
		do_step(estate, &plan->step[i]);
	}
	sim_time_run(estate->time, plan->chaos * ESTATE_SECOND);
}

static void be_quiet(struct estate *estate)
{
	sim_net_heal_all(estate->net);
	for (unsigned int i = 0; i < estate->nodes; i++) {
		if (estate_has_node(estate, i)) {
			node_start(&estate->node[i]);
		}
	}
	estate->quiet = true;
	for (unsigned int i = 0; i < estate->hosts; i++) {
		if (estate_has_host(estate, i)) {
			host_is_quiet(&estate->host[i]);
		}
	}
}

static void all_are_settled(struct estate *estate)
{
	for (unsigned int i = 0; i < estate->hosts; i++) {
		const struct estate_host *host = &estate->host[i];

		if (estate_has_host(estate, i) &&
		    (host->state == HOST_ASKING ||
		     host->state == HOST_LEAVING)) {
			judge_wrong(estate->judge,
				    "host %u is still %s", i,
				    host_state_name(host->state));
		}
	}
}

/* Made by the clock (6, pass 1): what stands of an own group is others'. */
static bool kept_alive(const struct judge *judge,
		       const struct judge_version *v)
{
	for (unsigned int i = judge->meetings; v->of_others && i > 0; i--) {
		const struct judge_meeting *m = &judge->meeting[i - 1];

		if (m->name == v->name && m->usec == v->usec) {
			return false;
		}
	}
	return v->of_others;
}

/*
 * Were all versions since this one made because a replica met a record that
 * was told anew for it? Two such records of two servers go on for ever, where
 * each refuses the other (5.3b): the paragraph, else NULL. So does a group of
 * ours with members of others only, which its server tells at each interval to
 * keep them alive, and whose owner has the same as its own.
 */
static const char *told_anew(const struct judge *judge, unsigned int since)
{
	const char *ref = NULL;

	for (unsigned int i = since; i < judge->versions; i++) {
		const struct judge_version *v = &judge->version[i];
		unsigned int at = judge->meetings;

		while (at > 0 && !(judge->meeting[at - 1].anew &&
				   judge->meeting[at - 1].order == i &&
				   judge->meeting[at - 1].name == v->name)) {
			at--;
		}
		if (at == 0 && !kept_alive(judge, v)) {
			return NULL;
		}
		ref = at > 0 ? judge->meeting[at - 1].ref :
			       "protocol 6, pass 1: members of others";
	}
	return ref;
}

/*
 * Does anything go round? What is disputed may do so for ever, as its hosts
 * take turns; else an interval must come without a version and without a push,
 * though the first may have an echo.
 */
static void nothing_goes_round(struct estate *estate, uint32_t interval,
			       struct quiet *quiet)
{
	const struct judge *judge = estate->judge;
	unsigned int versions = 0, pushes = 0;
	const char *ref = NULL;
	char name[NB_NAME_TEXT];

	if (quiet->contested + quiet->shared + quiet->fixed_once +
		    quiet->fixed_twice + quiet->limits > 0) {
		return;
	}
	for (unsigned int i = 0; i < ROUNDS; i++) {
		versions = judge->versions;
		pushes = judge->pushes;
		pass(estate, interval + 60);
		if (judge->versions == versions && judge->pushes == pushes) {
			return;
		}
	}
	ref = told_anew(judge, versions);
	if (ref != NULL) {
		quiet->limits++;
		quiet_count_limit(quiet, ref);
	} else if (judge->versions > versions) {
		const struct judge_version *v = &judge->version[versions];

		judge_wrong(estate->judge, "all was quiet, and server %u makes "
			    "versions of %s", v->owner - ESTATE_NODE(0),
			    nb_name_print(&judge->name[v->name], name));
	} else {
		judge_wrong(estate->judge, "all was quiet, and %u pushes were "
			    "sent", judge->pushes - pushes);
	}
}

static void live(struct estate *estate, struct run *run)
{
	const struct plan *plan = estate->plan;
	uint32_t interval = plan_interval(plan);

	chaos(estate);
	be_quiet(estate);
	pass(estate, plan->ttl / 2 + AGEING + SLACK);
	estate->judge->settled = sim_time_usec(estate->time);
	pass(estate, 2u * plan_diameter(plan) * interval + SLACK);
	all_are_settled(estate);
	judge_quiet(estate->judge, &run->quiet);
	nothing_goes_round(estate, interval, &run->quiet);
}

void run_plan(const struct plan *plan, bool verbose, struct run *run)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct estate *estate = estate_create(ctx, plan, verbose);
	struct sim_net_sight sight;

	memset(run, 0, sizeof(*run));
	live(estate, run);
	sim_net_sight(estate->net, &sight);
	run->failed = estate->judge->wrong[0] != '\0';
	memcpy(run->wrong, estate->judge->wrong, sizeof(run->wrong));
	run->seconds = sim_time_usec(estate->time) / ESTATE_SECOND;
	run->timers = sim_time_fired(estate->time);
	run->bytes = sight.bytes;
	run->versions = estate->judge->versions;
	run->meetings = estate->judge->meetings;
	if (verbose) {
		judge_show(estate->judge, stderr);
	}
	estate_free(estate);
	talloc_free(ctx);
}
