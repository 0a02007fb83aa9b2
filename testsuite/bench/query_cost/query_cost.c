/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a query costs us, without the kernel: query_cost NAMES QUERIES [off]
 * With off nobody counts who asks for what (`wins:usage`).
 *
 * The real door, serve, rules and store in the virtual world, asked for names
 * in random order and by the bytes of a datagram; replies are encoded and
 * dropped. Prints nanoseconds per query, for names that are there and for
 * names that are not. Exact counts come from
 *
 *   valgrind --tool=callgrind --toggle-collect=door_datagram \
 *       build/bench/query_cost 1000 100000
 *
 * divided by twice QUERIES. Time at many names beside the time at few tells
 * what the caches do; a counted instruction does not.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/simserver.h"

#define TURN 256	/* as many datagrams make a turn of udp137.c */
#define CLIENTS 10000

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static struct nb_name name_of(uint32_t i, char kind)
{
	char text[32];

	/* one to one on 32 bits, so that names do not come in order */
	snprintf(text, sizeof(text), "%c-%08X", kind, i * 2654435761u);
	return nb_name_make(text, strlen(text), 0x20);
}

static void fill(struct sim_server *server, uint32_t names)
{
	for (uint32_t i = 0; i < names; i++) {
		int64_t expires = server->sim->start + 500000 + i;
		struct nb_record rec = {
			.name = name_of(i, 'H'),
			.node = NB_H_NODE,
			.expires = expires,
			.version = i + 1,
			.count = 1,
			.member = { { 0x0b000000 + i, NB_SELF, expires } },
		};

		sim_put(server, &rec);
	}
}

struct query {
	size_t len;
	uint8_t data[64];
};

static void make_queries(struct sim_server *server, uint32_t names, char kind,
			 struct query *query, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t n = sim_random(server->sim, names);
		struct nb_name name = name_of(n, kind);

		query[i].len = nbns_encode_request(
			query[i].data, sizeof(query[i].data), NBNS_QUERY,
			(uint16_t)i, NBNS_OP_RD, &name, 0, 0, 0);
	}
}

static void ask(struct sim_server *server, const struct query *query,
		uint32_t count)
{
	for (uint32_t i = 0; i < count;) {
		serve_turn_begin(server->serve);
		for (uint32_t k = 0; k < TURN && i < count; k++, i++) {
			door_datagram(server->door, SIM_SELF,
				      SIM_HOST(i % CLIENTS), 1024, query[i].data, query[i].len);
		}
		serve_turn_end(server->serve);
	}
}

static void measure(struct sim_server *server, uint32_t names, char kind,
		    uint32_t count, const char *what, const char *stat)
{
	struct query *query = calloc(count, sizeof(*query));
	uint64_t start = 0, took = 0;

	if (query == NULL) {
		abort();
	}
	make_queries(server, names, kind, query, count);
	start = now_ns();
	ask(server, query, count);
	took = now_ns() - start;
	printf("%-8s of %" PRIu32 " names %8.0f ns\n", what, names,
	       (double)took / count);
	if (sim_stat(server, stat) != count || server->sent % count != 0) {
		fprintf(stderr, "query_cost: wrong answers\n");
		exit(1);
	}
	free(query);
}

int main(int argc, char **argv)
{
	uint32_t names = argc >= 3 ? (uint32_t)atol(argv[1]) : 0;
	uint32_t count = argc >= 3 ? (uint32_t)atol(argv[2]) : 0;
	struct serve_config config = sim_config();
	struct sim_server *server = NULL;
	struct sim_world sim;

	if (names == 0 || count == 0) {
		fprintf(stderr, "usage: query_cost NAMES QUERIES [off]\n");
		return 2;
	}
	config.usage = argc == 3 ? USAGE_OF_CLIENTS : USAGE_OFF;
	sim_world_init(&sim, 1);
	sim.world.log_level = NB_LOG_NOTICE;
	server = sim_server_start(NULL, &sim, &config);
	server->discard = true;
	fill(server, names);
	server->sent = 0;
	measure(server, names, 'H', count, "found", "queries-found");
	measure(server, names, 'M', count, "miss", "queries-negative");
	sim_server_stop(server);
	sim_world_end(&sim);
	return 0;
}
