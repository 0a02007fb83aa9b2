/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is large: a thousand partners, a thousand owners, versions at both ends
 * of their 64 bits. It works, or is refused with a line that says why.
 *
 * Two servers are enough for a thousand partners: each has a thousand
 * addresses, and each pair of them is a partnership of its own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "estate/hooks.h"

#define MANY		1000u
#define ADDRESS(side, k) (0x0a400000u + 0x10000u * (side) + (k))
#define INTERVAL	600u
#define HALF		(UINT64_C(1) << 63)
#define VERSION_LAST	(UINT64_MAX - 1)	/* store/versions.c */

static const char text[] =
	"estate seed=7 chaos=1000 ttl=7200 loss=0 choppy=0 far=5000 "
	"ageing=slow\n"
	"node 0 skew=0\n"
	"node 1 skew=0\n"
	"edge 0 1 pull=600,600 push=0,0 persistent=yes\n"
	"host 0 unique HOST0 home=0 away=0\n"
	"host 1 unique HOST1 home=0 away=0\n"
	"host 2 unique HOST2 home=0 away=0\n"
	"host 3 unique HOST3 home=0 away=0\n"
	"host 4 unique HOST4 home=0 away=0\n"
	"host 5 unique HOST5 home=0 away=0\n"
	"host 6 unique HOST6 home=1 away=1\n";

struct said {
	const char *words;
	unsigned int times;
	char line[400];
};

static struct plan plan;
static TALLOC_CTX *ctx;
static struct estate *estate;
static struct said said[2];

static void listen_to(void *arg, int level, const char *line)
{
	struct said *heard = arg;

	(void)level;
	if (heard->words != NULL && strstr(line, heard->words) != NULL) {
		heard->times++;
		snprintf(heard->line, sizeof(heard->line), "%s", line);
	}
}

static int setup(void **state)
{
	char error[PLAN_LINE];
	FILE *in = fmemopen((void *)text, sizeof(text) - 1, "r");

	(void)state;
	assert_true(plan_read(&plan, in, error));
	fclose(in);
	ctx = talloc_new(NULL);
	estate = estate_create(ctx, &plan, false);
	memset(said, 0, sizeof(said));
	for (unsigned int i = 0; i < 2; i++) {
		estate->node[i].clock.said = listen_to;
		estate->node[i].clock.said_arg = &said[i];
		estate->node[i].clock.world.log_level = NB_LOG_INFO;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	estate_free(estate);
	talloc_free(ctx);
	return 0;
}

static void pass(uint64_t seconds)
{
	sim_time_run(estate->time, sim_time_usec(estate->time) +
				   seconds * ESTATE_SECOND);
	assert_string_equal(estate->judge->wrong, "");
}

static uint64_t stat_of(const struct repl *repl, const char *which)
{
	const char *name = NULL;
	uint64_t value = 0;

	for (unsigned int i = 0; repl_stat_at(repl, i, &name, &value); i++) {
		if (strcmp(name, which) == 0) {
			return value;
		}
	}
	fail_msg("no counter %s", which);
	return 0;
}

static bool has(unsigned int node, unsigned int host)
{
	struct nb_record rec;

	return store_get(estate->node[node].store, &estate->host[host].name,
			 &rec) && rec.state == NB_ACTIVE;
}

/* ---- partners ---- */

static void partners_everywhere(unsigned int side)
{
	struct estate_node *node = &estate->node[side];
	struct repl_partner_config *many =
		talloc_zero_array(ctx, struct repl_partner_config, MANY);

	for (unsigned int k = 0; k < MANY; k++) {
		many[k] = node->partner[0];
		many[k].address = ADDRESS(1 - side, k);
		many[k].options.our_address = ADDRESS(side, k);
		many[k].options.push_count = 1;
		sim_port_also(node->port, ADDRESS(side, k));
	}
	node_stop(node);
	node->repl_config.partner = many;
	node->repl_config.partners = MANY;
}

static void expect_all_pulled(unsigned int side)
{
	struct repl *repl = estate->node[side].repl;
	struct repl_partner_sight sight;
	unsigned int count = 0;

	for (; repl_partner_at(repl, count, &sight); count++) {
		if (sight.pull_ok == 0 || sight.failure != NULL) {
			fail_msg("partner %u: %s", count,
				 sight.failure != NULL ? sight.failure :
				 "was never pulled from");
		}
	}
	assert_int_equal(count, MANY);
	assert_int_equal(stat_of(repl, "pulls-failed"), 0);
}

static void a_thousand_partners(void **state)
{
	(void)state;
	partners_everywhere(0);
	partners_everywhere(1);
	node_start(&estate->node[0]);
	node_start(&estate->node[1]);
	pass(INTERVAL);
	expect_all_pulled(0);
	expect_all_pulled(1);
	/* all are told of one registration, and it comes once */
	host_up(&estate->host[0]);
	host_up(&estate->host[6]);
	pass(120);
	assert_true(has(0, 0) && has(1, 0) && has(0, 6) && has(1, 6));
	assert_true(estate->judge->deeds[0].pushes >= MANY);
	assert_true(estate->judge->deeds[1].pushes >= MANY);
	assert_int_equal(stat_of(estate->node[1].repl, "replicas-received"),
			 1);
	pass(2 * INTERVAL);
	expect_all_pulled(0);
	expect_all_pulled(1);
}

/* ---- owners ---- */

#define OWNER(i)	(0x0b000001u + (i))
#define OF_EACH		3u

static void fill(struct store *store)
{
	for (unsigned int i = 0; i < MANY; i++) {
		store_begin(store);
		for (unsigned int v = 1; v <= OF_EACH; v++) {
			struct nb_record rec = {
				.type = NB_UNIQUE, .node = NB_H_NODE,
				.owner = OWNER(i), .version = v * 1000,
				.expires = SIM_TIME_START + 86400 * 20,
				.count = 1,
				.member = { { ADDRESS(2, i), OWNER(i),
					      SIM_TIME_START + 86400 * 20 } },
			};
			char name[NB_NAME_TEXT];

			snprintf(name, sizeof(name), "O%uN%u<20>", i, v);
			assert_true(nb_name_parse(name, &rec.name));
			assert_int_equal(store_put(store, &rec, false), 0);
		}
		assert_int_equal(store_set_mark(store, OWNER(i),
						OF_EACH * 1000 + i), 0);
		store_commit(store, NULL, NULL);
	}
}

static unsigned int owners_known(struct store *store)
{
	struct store_owner line;
	unsigned int known = 0;

	for (unsigned int i = 0; store_owner_at(store, i, &line); i++) {
		if (line.owner >= OWNER(0) && line.owner < OWNER(MANY)) {
			assert_int_equal(line.mark, OF_EACH * 1000 +
					 (line.owner - OWNER(0)));
			assert_int_equal(line.records[NB_ACTIVE], OF_EACH);
			known++;
		}
	}
	return known;
}

static void a_thousand_owners(void **state)
{
	struct estate_node *other = &estate->node[1];

	(void)state;
	judge_hold(NULL);	/* nobody made these versions */
	node_stop(other);
	fill(estate->node[0].store);
	pass(60);
	node_stop(&estate->node[0]);
	node_start(&estate->node[0]);
	node_start(other);
	pass(INTERVAL);
	assert_int_equal(owners_known(other->store), MANY);
	assert_int_equal(stat_of(other->repl, "replicas-received"),
			 OF_EACH * MANY);
	/* and not again, neither now nor after a start */
	pass(3 * INTERVAL);
	assert_int_equal(stat_of(other->repl, "replicas-received"),
			 OF_EACH * MANY);
	node_stop(other);
	node_start(other);
	pass(3 * INTERVAL);
	assert_int_equal(stat_of(other->repl, "replicas-received"), 0);
	assert_int_equal(owners_known(other->store), MANY);
}

/* ---- versions ---- */

static void raise_to(unsigned int node, uint64_t version)
{
	struct serve *serve = estate->node[node].serve;

	serve_turn_begin(serve);
	assert_int_equal(serve_raise_counter(serve, version), 0);
	serve_turn_end(serve);
}

static void come(unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i <= to; i++) {
		host_up(&estate->host[i]);
	}
	pass(10);
}

/* The first contact is learned, however high; 2^63 is a number like others. */
static void versions_pass_half(void **state)
{
	(void)state;
	raise_to(0, HALF - 3);
	come(0, 5);
	assert_true(store_mark(estate->node[0].store, NB_SELF) == HALF + 3);
	pass(2 * INTERVAL);
	for (unsigned int i = 0; i <= 5; i++) {
		assert_true(has(1, i));
	}
	assert_true(store_mark(estate->node[1].store, ESTATE_NODE(0)) ==
		    HALF + 3);
	node_stop(&estate->node[1]);
	node_start(&estate->node[1]);
	host_readdress(&estate->host[0]);
	pass(2 * INTERVAL);
	assert_true(store_mark(estate->node[1].store, ESTATE_NODE(0)) ==
		    HALF + 4);
}

/* A leap is kept out until an operator has looked; then it is taken. */
static void a_leap_is_quarantined(void **state)
{
	struct repl_owner_sight sight;
	struct repl *repl = estate->node[1].repl;

	(void)state;
	said[1].words = "quarantine";
	come(0, 1);
	pass(2 * INTERVAL);
	raise_to(0, VERSION_LAST - 3);
	come(2, 4);
	pass(2 * INTERVAL);
	assert_true(has(1, 1));
	assert_false(has(1, 2));
	assert_int_equal(said[1].times, 1);
	assert_non_null(strstr(said[1].line, "winsctl owner accept"));
	assert_true(repl_owner_sight(repl, ESTATE_NODE(0), &sight));
	assert_true(sight.quarantine == VERSION_LAST);
	assert_int_equal(repl_owner_accept(repl, ESTATE_NODE(0)), 0);
	pass(60);
	assert_true(has(1, 2) && has(1, 3) && has(1, 4));
	assert_true(store_mark(estate->node[1].store, ESTATE_NODE(0)) ==
		    VERSION_LAST);
}

/* When none is left registrations fail, and the log says why. */
static void the_last_version(void **state)
{
	(void)state;
	said[0].words = "register not stored: no version number is left";
	raise_to(0, VERSION_LAST - 2);
	come(0, 1);
	assert_true(host_lives(&estate->host[0]));
	assert_true(host_lives(&estate->host[1]));
	come(2, 3);
	assert_int_equal(estate->host[2].state, HOST_REFUSED);
	assert_int_equal(estate->host[3].state, HOST_REFUSED);
	assert_true(said[0].times >= 2);
	pass(2 * INTERVAL);
	assert_true(has(1, 0) && has(1, 1) && !has(1, 2));
	/* who is there already stays */
	host_refresh(&estate->host[0]);
	pass(10);
	assert_true(host_lives(&estate->host[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_thousand_partners, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_thousand_owners, setup,
						teardown),
		cmocka_unit_test_setup_teardown(versions_pass_half, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_leap_is_quarantined, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_last_version, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
