/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A virtual world: struct nb_world without a clock, a loop or a socket.
 *
 * Time stands still until sim_advance() moves it; timers then run in order of
 * their time, so a test of six days takes microseconds and is the same every
 * time. Randomness comes from a seed. Datagrams go to a function of the test.
 */
#ifndef WINSD_SIM_SIMWORLD_H
#define WINSD_SIM_SIMWORLD_H

#include <stdbool.h>

#include "core/world.h"

struct sim_world {
	struct nb_world world;		/* hand this out */
	int64_t start;			/* wall and ageing clock at time 0 */
	int64_t wall_step;		/* s the wall clock was stepped by */
	int64_t age_step;		/* s the ageing clock is beside it */
	uint64_t usec;			/* since the start */
	struct nb_timer *timers;	/* sorted by time */
	unsigned int timer_count;
	uint64_t fired;			/* timers that ran */
	uint64_t random;
	bool timers_fail;		/* timer_start returns NULL */

	/* Where datagrams go; NULL: nowhere. Returns 0 or errno. */
	int (*deliver)(void *arg, uint32_t local, uint32_t to, uint16_t port,
		       const uint8_t *data, size_t len);
	void *deliver_arg;

	bool verbose;			/* log to stderr */
	char last_log[1024];		/* the newest line at NOTICE or worse */
};

void sim_world_init(struct sim_world *sim, uint64_t seed);
/* The ageing clock begins here, as at a start of the server. */
void sim_world_set_age(struct sim_world *sim, int64_t start);

void sim_world_end(struct sim_world *sim);	/* drop timers that remain */

/* Let time pass, running what comes due on the way, itself included. */
void sim_advance(struct sim_world *sim, uint64_t usec);
void sim_advance_seconds(struct sim_world *sim, int64_t seconds);

uint32_t sim_random(struct sim_world *sim, uint32_t below);

#endif
