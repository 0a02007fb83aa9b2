/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wins:observe for a simulated week: a server that only looks on, between two
 * that are alive, has what they have and does nothing at all: not one push,
 * challenge, release demand, version or tombstone; not one datagram that is
 * not a reply. Hosts that ask it to register get no answer. That it is seen at
 * all is shown by letting it take part afterwards.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>

#include "estate/hooks.h"

#define WATCHER		2u
#define DAY		(86400u * ESTATE_SECOND)

static const char text[] =
	"estate seed=42 chaos=604800 ttl=7200 loss=20 choppy=200 far=30000 "
	"ageing=brisk\n"
	"node 0 skew=0\n"
	"node 1 skew=0\n"
	"node 2 skew=0\n"
	"edge 0 1 pull=600,600 push=1,1 persistent=yes\n"
	"edge 0 2 pull=600,600 push=1,1 persistent=yes\n"
	"edge 1 2 pull=600,600 push=1,1 persistent=no\n"
	"host 0 unique HOST0 home=0 away=1\n"
	"host 1 unique HOST1 home=1 away=0\n"
	"host 2 mhomed HOST2 home=0 away=1\n"
	"host 3 domain HOST3 home=0 away=1\n"
	"host 4 domain HOST3 home=1 away=0\n"
	"host 5 group HOST5 home=1 away=0\n"
	"host 6 unique HOST6 home=2 away=0\n"	/* asks the watcher first */
	"host 7 unique HOST7 home=2 away=2\n"	/* and this one only it */
	"host 8 unique HOST0 home=1 away=0\n"	/* a name that is taken */
	"host 9 group HOST1 home=0 away=1\n";	/* and another */

static struct plan plan;

static struct estate *begin(TALLOC_CTX *mem_ctx, bool observe)
{
	char error[PLAN_LINE];
	FILE *in = fmemopen((void *)text, sizeof(text) - 1, "r");
	struct estate *estate = NULL;
	struct estate_node *watcher = NULL;

	assert_true(plan_read(&plan, in, error));
	fclose(in);
	estate = estate_create(mem_ctx, &plan, false);
	watcher = &estate->node[WATCHER];
	node_stop(watcher);
	watcher->serve_config.policy.observe = observe;
	watcher->repl_config.observe = observe;
	/* replicas are to be verified within the week, and tombstones go */
	for (unsigned int i = 0; i < estate->nodes; i++) {
		struct serve_config *config = &estate->node[i].serve_config;

		node_stop(&estate->node[i]);
		config->policy.verify_interval = 2 * 86400;
		config->tombstone_extra = 86400;
	}
	for (unsigned int i = 0; i < estate->nodes; i++) {
		node_start(&estate->node[i]);
	}
	return estate;
}

static void pass(struct estate *estate, uint64_t usec)
{
	sim_time_run(estate->time, sim_time_usec(estate->time) + usec);
	assert_string_equal(estate->judge->wrong, "");
}

/* Hosts come and go, day by day, in all the ways there are. */
static void one_day(struct estate *estate, unsigned int day)
{
	for (unsigned int i = 0; i < estate->hosts; i++) {
		struct estate_host *host = &estate->host[i];

		pass(estate, 1800 * ESTATE_SECOND);
		if (host->state == HOST_DEAD) {
			host_up(host);
		} else if ((i + day) % 5 == 1) {
			host_off(host);
		} else if ((i + day) % 5 == 2) {
			host_down(host);
		} else if ((i + day) % 5 == 3 && host->home != WATCHER) {
			host_move(host);
		} else if ((i + day) % 5 == 4) {
			host_readdress(host);
		}
	}
	pass(estate, DAY - estate->hosts * 1800 * ESTATE_SECOND);
}

static bool is_not_ours(void *arg, const struct nb_record *rec)
{
	unsigned int *count = arg;

	assert_int_not_equal(rec->owner, NB_SELF);
	for (unsigned int i = 0; i < rec->count; i++) {
		assert_int_not_equal(rec->member[i].owner, NB_SELF);
		assert_int_not_equal(rec->member[i].owner,
				     ESTATE_NODE(WATCHER));
	}
	(*count)++;
	return true;
}

/* What it has is what one of the others has, as it was told. */
static void has_what_there_is(struct estate *estate)
{
	unsigned int alike = 0;

	for (unsigned int i = 0; i < estate->judge->names; i++) {
		struct nb_record here, there;
		const struct nb_name *name = &estate->judge->name[i];

		if (!store_get(estate->node[0].store, name, &there) ||
		    there.state != NB_ACTIVE || there.owner != NB_SELF) {
			continue;
		}
		assert_true(store_get(estate->node[WATCHER].store, name,
				      &here));
		alike += here.owner == ESTATE_NODE(0) &&
			 here.version == there.version;
	}
	assert_true(alike >= 1);
}

static void nothing_was_done(struct estate *estate)
{
	const struct judge_deeds *deeds = &estate->judge->deeds[WATCHER];
	struct estate_node *node = &estate->node[WATCHER];
	uint64_t cursor = 0;
	unsigned int count = 0;

	assert_int_equal(deeds->pushes, 0);
	assert_int_equal(deeds->versions, 0);
	assert_int_equal(deeds->challenges, 0);
	assert_int_equal(deeds->demands, 0);
	assert_int_equal(node->requests, 0);
	assert_int_equal(store_counter(node->store), 0);
	while (store_walk_all(node->store, &cursor, 1000, is_not_ours,
			      &count)) {
	}
	assert_true(count > 0);
	assert_true(estate->host[7].granted == 0);
}

static void a_week_of_looking_on(void **state)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct estate *estate = begin(ctx, true);
	const struct judge_deeds *deeds = estate->judge->deeds;

	(void)state;
	for (unsigned int day = 0; day < 7; day++) {
		one_day(estate, day);
		nothing_was_done(estate);
	}
	has_what_there_is(estate);
	/* and there was something to be seen */
	printf("# it met %u replicas; the others made %u versions, %u pushes, "
	       "%u challenges\n", deeds[WATCHER].meetings,
	       deeds[0].versions + deeds[1].versions,
	       deeds[0].pushes + deeds[1].pushes,
	       deeds[0].challenges + deeds[1].challenges);
	assert_true(deeds[WATCHER].meetings > 50);
	assert_true(deeds[0].pushes > 10);
	estate_free(estate);
	talloc_free(ctx);
}

static unsigned int row_of_conflicts(struct estate *estate)
{
	unsigned int conflicts = 0;

	for (unsigned int i = 0; i < estate->judge->meetings; i++) {
		const struct judge_meeting *m = &estate->judge->meeting[i];

		conflicts += m->node == WATCHER &&
			     m->old_owner == ESTATE_NODE(WATCHER);
	}
	return conflicts;
}

/*
 * One that took part and has records of its own: they are left alone while
 * others claim their names, and while their time comes.
 */
static void a_member_that_looks_on(void **state)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct estate *estate = begin(ctx, false);
	struct estate_node *watcher = &estate->node[WATCHER];
	struct judge_deeds *deeds = &estate->judge->deeds[WATCHER];
	uint64_t counter = 0;
	unsigned int conflicts = 0;

	(void)state;
	for (unsigned int i = 0; i < estate->hosts; i++) {
		host_go_to(&estate->host[i], WATCHER);
		host_up(&estate->host[i]);
	}
	pass(estate, 60 * ESTATE_SECOND);
	sim_net_cut(estate->net, ESTATE_NODE(WATCHER), ESTATE_NODE(0),
		    SIM_CUT_RESET);
	sim_net_cut(estate->net, ESTATE_NODE(WATCHER), ESTATE_NODE(1),
		    SIM_CUT_RESET);
	for (unsigned int i = 0; i < estate->hosts; i++) {
		host_readdress(&estate->host[i]);
		host_go_to(&estate->host[i], i % 2);
	}
	pass(estate, 60 * ESTATE_SECOND);
	node_stop(watcher);
	watcher->serve_config.policy.observe = true;
	watcher->repl_config.observe = true;
	node_start(watcher);
	*deeds = (struct judge_deeds){ 0 };
	watcher->requests = 0;
	counter = store_counter(watcher->store);
	conflicts = row_of_conflicts(estate);
	sim_net_heal_all(estate->net);
	for (unsigned int day = 0; day < 7; day++) {
		one_day(estate, day);
	}
	printf("# its own records met %u replicas\n",
	       row_of_conflicts(estate) - conflicts);
	assert_true(row_of_conflicts(estate) > conflicts);
	assert_int_equal(deeds->pushes, 0);
	assert_int_equal(deeds->versions, 0);
	assert_int_equal(deeds->challenges, 0);
	assert_int_equal(deeds->demands, 0);
	assert_int_equal(watcher->requests, 0);
	assert_int_equal(store_counter(watcher->store), counter);
	estate_free(estate);
	talloc_free(ctx);
}

/* The same week taking part: all of it happens. */
static void a_week_of_taking_part(void **state)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct estate *estate = begin(ctx, false);
	const struct judge_deeds *deeds = &estate->judge->deeds[WATCHER];

	(void)state;
	for (unsigned int day = 0; day < 7; day++) {
		one_day(estate, day);
	}
	assert_true(deeds->pushes > 0);
	assert_true(deeds->versions > 0);
	assert_true(estate->node[WATCHER].requests > 0);
	assert_true(estate->host[7].granted != 0 ||
		    estate->host[7].state == HOST_DEAD);
	estate_free(estate);
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_week_of_looking_on),
		cmocka_unit_test(a_member_that_looks_on),
		cmocka_unit_test(a_week_of_taking_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
