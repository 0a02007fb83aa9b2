/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One server of an estate: the program, its disk, and how both end.
 *
 * The disk is a simdisk that is held, so that each commit is in flight for a
 * while: a crash finds it there, and whatever may not leave before it is
 * durable has something to wait for. What is done at a restore is what
 * tools/winsrepair/restore.c does to a real file.
 */

#include <stdlib.h>
#include <string.h>

#include "codec/dbrec.h"
#include "estate/estate.h"
#include "estate/hooks.h"
#include "estate/judge.h"

#define COMMIT_USEC_MAX	20000u
#define RESTORE_BLOCK	4096u		/* above what the lost disk knew */

/* ---- the disk ---- */

static void commit_ends(void *arg)
{
	struct estate_node *node = arg;

	node->commit = NULL;
	sim_disk_finish(node->disk, 0);
}

static void slow_commit(void *priv, const struct store_batch *batch,
			void (*done)(void *arg, int error), void *arg)
{
	struct estate_node *node = priv;
	const struct nb_world *world = &node->clock.world;

	node->real.commit(node->real.priv, batch, done, arg);
	node->commit = world->timer_start(
		world->priv, 1 + sim_draw_below(&node->luck, COMMIT_USEC_MAX),
		commit_ends, node);
}

static int slow_load(void *priv,
		     int (*fn)(void *arg, const uint8_t *key, size_t key_len,
			       const uint8_t *value, size_t value_len),
		     void *arg)
{
	struct estate_node *node = priv;

	return node->real.load(node->real.priv, fn, arg);
}

static int slow_fetch(void *priv, const uint8_t *key, size_t key_len,
		      void (*fn)(void *arg, const uint8_t *value,
				 size_t value_len),
		      void *arg)
{
	struct estate_node *node = priv;

	return node->real.fetch(node->real.priv, key, key_len, fn, arg);
}

static void slow_close(void *priv)
{
	struct estate_node *node = priv;

	node->real.close(node->real.priv);
}

static void slow_nothing(void *priv)
{
	(void)priv;
}

static void set_backend(struct estate_node *node)
{
	sim_disk_hold(node->disk, true);
	sim_disk_backend(node->disk, &node->real);
	node->backend = (struct store_backend){
		.priv = node,
		.name = node->real.name,
		.fetch = slow_fetch,
		.load = slow_load,
		.commit = slow_commit,
		.fd = -1,
		.ready = slow_nothing,
		.wait = slow_nothing,
		.close = slow_close,
	};
}

static uint64_t disk_number(const struct sim_disk *disk, const uint8_t *key,
			    size_t key_len)
{
	size_t len = 0;
	const uint8_t *value = sim_disk_get(disk, key, key_len, &len);
	uint64_t number = 0;

	if (value != NULL && dbrec_decode_number(key, key_len, value, len,
						 &number) != NULL) {
		abort();
	}
	return number;
}

uint64_t node_disk_mark(const struct estate_node *node, uint32_t owner)
{
	uint8_t key[DBREC_KEY_MAX];

	return disk_number(node->disk, key, dbrec_key_owner(key, owner));
}

static uint64_t disk_meta(const struct sim_disk *disk, const char *name)
{
	uint8_t key[DBREC_KEY_MAX];

	return disk_number(disk, key, dbrec_key_meta(key, name));
}

static void set_disk_meta(struct sim_disk *disk, const char *name,
			  uint64_t number)
{
	uint8_t key[DBREC_KEY_MAX];
	uint8_t value[DBREC_VALUE_MAX];
	size_t len = dbrec_key_meta(key, name);

	sim_disk_set(disk, key, len, value,
		     dbrec_encode_number(value, key, len, number));
}

/* ---- the network ---- */

static int send_datagram(void *arg, uint32_t local, uint32_t to, uint16_t port,
			 const uint8_t *data, size_t len)
{
	struct estate_node *node = arg;
	struct nbns_msg msg;

	if (nbns_decode(data, len, &msg) == NBNS_OK &&
	    !(msg.operation & NBNS_OP_RESPONSE)) {
		node->requests++;
	}
	sim_net_send(node->estate->net, local, NBNS_PORT, to, port, data, len);
	return 0;
}

static void datagram(void *arg, uint32_t local, uint32_t from, uint16_t port,
		     uint16_t to_port, const uint8_t *data, size_t len)
{
	struct estate_node *node = arg;

	(void)to_port;
	serve_turn_begin(node->serve);
	door_datagram(node->door, local, from, port, data, len);
	serve_turn_end(node->serve);
}

static bool called(void *arg, struct link *link, uint32_t from)
{
	struct estate_node *node = arg;

	return repl_accept(node->repl, link, from);
}

static const struct sim_port_events on_the_net = {
	.called = called,
	.datagram = datagram,
};

/* ---- the program ---- */

static void give_up(const char *what)
{
	fprintf(stderr, "estate: %s\n", what);
	abort();
}

static void run_program(struct estate_node *node)
{
	struct serve_iface iface = {
		.ip = node->ip, .mask = 0xff000000u, .broadcast = 0x0affffffu,
	};
	const struct nb_world *world = &node->clock.world;
	char *message = NULL;

	node->ctx = talloc_named_const(node->estate, 0, "server");
	set_backend(node);
	if (store_create(node->ctx, world, &node->backend, &node->store,
			 &message) != 0) {
		give_up(message);
	}
	sim_clock_set_age(&node->clock,
			  serve_age_start(world, node->store,
					  node->serve_config.policy.max_ttl));
	if (door_create(node->ctx, world, node->store, &node->serve_config,
			NBNS_PORT, &node->door) != 0) {
		give_up("no door");
	}
	node->serve = door_serve(node->door);
	if (repl_create(node->ctx, world, node->store, node->serve,
			sim_port_ops(node->port), &node->repl_config,
			&node->repl) != 0) {
		give_up("no replication");
	}
	serve_set_ifaces(node->serve, &iface, 1);
	serve_loaded(node->serve);
	repl_loaded(node->repl);
}

void node_start(struct estate_node *node)
{
	if (node->power == ESTATE_ON) {
		return;
	}
	sim_port_on(node->port);
	run_program(node);
	node->power = ESTATE_ON;
	node->starts++;
	sim_port_listen(node->port, &on_the_net, node);
	judge_started(node);
}

static void free_program(struct estate_node *node)
{
	TALLOC_FREE(node->repl);
	TALLOC_FREE(node->door);
	node->serve = NULL;
	TALLOC_FREE(node->store);
	TALLOC_FREE(node->ctx);
	node->power = ESTATE_OFF;
}

void node_stop(struct estate_node *node)
{
	const struct nb_world *world = &node->clock.world;

	if (node->power == ESTATE_OFF) {
		return;
	}
	judge_stopping(node);
	TALLOC_FREE(node->repl);
	serve_leave(node->serve);
	while (sim_disk_pending(node->disk)) {
		world->timer_stop(world->priv, node->commit);
		commit_ends(node);
	}
	free_program(node);
	sim_port_end(node->port);
	if (sim_clock_stop(&node->clock) != 0) {
		give_up("a timer has outlived its server");
	}
}

void node_crash(struct estate_node *node, bool keep_flight)
{
	struct sim_disk *found = NULL;

	if (node->power == ESTATE_OFF) {
		return;
	}
	judge_stopping(node);
	node->crashed = sim_time_usec(node->estate->time);
	found = sim_disk_crash(node->estate, node->disk, keep_flight);
	sim_port_crash(node->port);
	free_program(node);
	sim_clock_stop(&node->clock);
	node->commit = NULL;
	talloc_free(node->disk);
	node->disk = found;
}

/* ---- what can happen to a disk ---- */

static void forget(struct estate_node *node, uint64_t from)
{
	node->lost[node->losses].from = from;
	node->lost[node->losses].to = sim_time_usec(node->estate->time);
	node->losses++;
	judge_lost_memory(node);
}

/* A backup that comes back brings along what it is from: losses between its
 * making and its return are none of it. */
bool node_forgot(const struct estate_node *node, uint64_t usec)
{
	uint64_t made = UINT64_MAX;

	for (unsigned int i = node->losses; i > 0; i--) {
		uint64_t from = node->lost[i - 1].from;
		uint64_t to = node->lost[i - 1].to;

		if (to > made) {
			continue;
		}
		if (usec >= from && usec <= to) {
			return true;
		}
		made = from;
	}
	return false;
}

void node_wipe(struct estate_node *node)
{
	node_crash(node, false);
	talloc_free(node->disk);
	node->disk = sim_disk_create(node->estate);
	forget(node, 0);
	node_start(node);
}

void node_take_image(struct estate_node *node)
{
	talloc_free(node->image);
	node->image = sim_disk_crash(node->estate, node->disk, false);
	node->image_usec = sim_time_usec(node->estate->time);
}

void node_restore(struct estate_node *node)
{
	uint64_t present = 0, backup = 0;

	if (node->image == NULL) {
		return;
	}
	node_crash(node, false);
	present = disk_meta(node->disk, "versions-reserved");
	backup = disk_meta(node->image, "versions-reserved");
	talloc_free(node->disk);
	node->disk = sim_disk_crash(node->estate, node->image, false);
	set_disk_meta(node->disk, "versions-reserved",
		      (present > backup ? present : backup) + RESTORE_BLOCK);
	set_disk_meta(node->disk, "restored",
		      (uint64_t)node->clock.world.wall(&node->clock));
	forget(node, node->image_usec);
	node_start(node);
}

/* ---- how it is set up ---- */

static void configure_serve(const struct plan *plan, struct estate_node *node)
{
	struct nb_policy policy = nb_policy_default();

	policy.min_ttl = 1800;
	policy.max_ttl = plan->ttl;
	if (!plan->slow_ageing) {
		/* released and tombstones within hours; gone after a day */
		policy.tombstone_interval = 1800;
		policy.tombstone_timeout = 86400;
	}
	node->serve_config = (struct serve_config){
		.policy = policy,
		.self = node->ip,
		.challenge_msec = 1000,
		.challenge_tries = 3,
		.source_rate = 2000,
		.source_burst = 20000,
		.burst_threshold = 500,
		.scavenging_interval = plan->slow_ageing ? 6 * 3600 : 900,
		.tombstone_extra = 3 * 86400,
		.own_ttl = 300000,
		.own_refresh = 7200,
	};
}

static void add_partner(struct estate_node *node,
			const struct plan_edge *edge, unsigned int side)
{
	struct repl_partner_config *partner =
		&node->partner[node->repl_config.partners++];

	*partner = (struct repl_partner_config){
		.address = ESTATE_NODE(edge->node[1 - side]),
		.pull = true,
		.push = true,
		.options = partner_options_default(),
	};
	partner->options.pull_interval = edge->pull[side];
	partner->options.push_count = edge->push[side];
	partner->options.persistent = edge->persistent;
}

static void configure_repl(const struct plan *plan, struct estate_node *node)
{
	node->repl_config = (struct repl_config){
		.self = node->ip,
		.port = WREPL_PORT,
		.only_partners = true,
		.version_jump = 1000000,
		.start_wait = hooks_planted(FAULT_NO_GATE) ? 0 : 120,
		.demand_delay = 0,
		.periodic = 15,
		.partner = node->partner,
	};
	for (unsigned int i = 0; i < plan->edges; i++) {
		for (unsigned int side = 0; side < 2; side++) {
			if (!plan->edge[i].gone &&
			    plan->edge[i].node[side] == node->index) {
				add_partner(node, &plan->edge[i], side);
			}
		}
	}
}

void node_add(struct estate *estate, unsigned int index)
{
	struct estate_node *node = &estate->node[index];
	uint64_t seed = sim_seed_of(estate->plan->seed, 1000 + index);

	node->estate = estate;
	node->index = index;
	node->ip = ESTATE_NODE(index);
	node->luck = sim_seed_of(seed, 1);
	sim_clock_init(&node->clock, estate->time, sim_seed_of(seed, 2));
	node->clock.wall_step = estate->plan->skew[index];
	node->clock.verbose = estate->verbose;
	node->clock.name = talloc_asprintf(estate, "server %u", index);
	node->clock.deliver = send_datagram;
	node->clock.deliver_arg = node;
	if (estate->verbose) {
		node->clock.world.log_level = NB_LOG_DEBUG;
	}
	node->port = sim_net_join(estate->net, node->ip, NULL, NULL);
	node->disk = sim_disk_create(estate);
	configure_serve(estate->plan, node);
	configure_repl(estate->plan, node);
}
