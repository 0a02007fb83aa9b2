/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The real world: struct nb_world filled with the kernel's clocks, our
 * timers, getrandom(2), the sockets of port 137 and the host's log.
 */
#ifndef WINS_WORLD_H
#define WINS_WORLD_H

#include <talloc.h>

#include "core/world.h"
#include "net/udp137.h"
#include "timers.h"
#include "wins_host.h"

struct world {
	struct nb_world ops;	/* what serve, store and net see */
	const struct wins_host *host;
	struct timers *timers;
	struct udp137 *udp;	/* NULL until the sockets are there */
	int64_t age_offset;	/* ageing clock minus timers_mono(), usec */
	unsigned int random_left;
	uint8_t random[256];
};

/*
 * host outlives it. The log level is the host's if it has one (not negative),
 * else as given. 0 or an errno.
 */
int world_create(TALLOC_CTX *mem_ctx, const struct wins_host *host,
		 int log_level, struct world **world);

/*
 * The ageing clock stands at start, s, and goes on from there. Before anybody
 * has looked at it.
 */
void world_set_age(struct world *world, int64_t start);

/* A new log level from the configuration, after a reload. */
void world_set_log_level(struct world *world, int log_level);

#endif
