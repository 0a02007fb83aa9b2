/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An estate begins and ends; see estate.h. */

#include <stdlib.h>

#include "estate/judge.h"

bool estate_has_node(const struct estate *estate, unsigned int index)
{
	return index < estate->nodes && !estate->plan->node_gone[index];
}

bool estate_has_host(const struct estate *estate, unsigned int index)
{
	return index < estate->hosts && !estate->plan->host[index].gone;
}

struct estate *estate_create(TALLOC_CTX *mem_ctx, const struct plan *plan,
			     bool verbose)
{
	struct estate *estate = talloc_zero(mem_ctx, struct estate);
	struct sim_net_config net = {
		.seed = sim_seed_of(plan->seed, 3),
		.near_usec = 300,
		.far_usec = plan->far,
		.loss = plan->loss,
		.choppy = plan->choppy,
	};

	estate->plan = plan;
	estate->verbose = verbose;
	estate->nodes = plan->nodes;
	estate->hosts = plan->hosts;
	estate->time = sim_time_create(estate);
	estate->net = sim_net_create(estate, estate->time, &net);
	estate->judge = judge_create(estate);
	judge_hold(estate->judge);
	for (unsigned int i = 0; i < plan->nodes; i++) {
		if (!plan->node_gone[i]) {
			node_add(estate, i);
		}
	}
	for (unsigned int i = 0; i < plan->nodes; i++) {
		if (!plan->node_gone[i]) {
			node_start(&estate->node[i]);
		}
	}
	for (unsigned int i = 0; i < plan->hosts; i++) {
		if (!plan->host[i].gone) {
			host_add(estate, i);
		}
	}
	return estate;
}

void estate_free(struct estate *estate)
{
	for (unsigned int i = 0; i < estate->nodes; i++) {
		if (estate_has_node(estate, i)) {
			node_crash(&estate->node[i], false);
		}
	}
	judge_hold(NULL);
	talloc_free(estate);
}
