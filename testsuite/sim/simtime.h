/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One virtual time for many servers, and a world for each of them.
 *
 * simworld.h is one server's world and its time at once. In an estate the time
 * is shared and everything else is each server's own: what its clocks say,
 * its chance, and its timers, which die with it. So a crashed server cannot
 * fire, and what one server draws does not change the luck of another: a
 * trace from which a server is taken out still is the same trace.
 *
 * Timers that come due at the same moment run in the order in which they were
 * set. Nothing here knows networks (simnet.h) or servers.
 */
#ifndef WINSD_SIM_SIMTIME_H
#define WINSD_SIM_SIMTIME_H

#include <stdbool.h>
#include <talloc.h>

#include "core/world.h"

struct sim_time;
struct sim_clock;

/* The wall clock of time 0. Never NULL. */
#define SIM_TIME_START	1700000000

struct sim_time *sim_time_create(TALLOC_CTX *mem_ctx);
uint64_t sim_time_usec(const struct sim_time *time);	/* since time 0 */

/* Let time pass to this moment, running what comes due, itself included. */
void sim_time_run(struct sim_time *time, uint64_t until_usec);
/* Timers that ran; timers that are set. */
uint64_t sim_time_fired(const struct sim_time *time);
unsigned int sim_time_waiting(const struct sim_time *time);
/* Whose timer runs now; NULL: nobody's. */
const struct sim_clock *sim_time_acting(const struct sim_time *time);

/* splitmix64 over a state of the caller's; below 0 is 0. */
uint64_t sim_draw(uint64_t *state);
uint32_t sim_draw_below(uint64_t *state, uint32_t below);
/* A state for somebody of his own, made from a seed and who he is. */
uint64_t sim_seed_of(uint64_t seed, uint64_t who);

/* What is different in each server's world. */
struct sim_clock {
	struct nb_world world;		/* hand this out */
	struct sim_time *time;
	int64_t wall_step;		/* s the wall clock is beside */
	int64_t age_step;		/* s the ageing clock is */
	uint64_t chance;
	struct nb_timer *timers;	/* its own, in no order */
	bool verbose;			/* log to stderr, after name */
	const char *name;
	void (*said)(void *arg, int level, const char *line);	/* or NULL */
	void *said_arg;

	/* Where datagrams go; NULL: nowhere. Returns 0 or errno. */
	int (*deliver)(void *arg, uint32_t local, uint32_t to, uint16_t port,
		       const uint8_t *data, size_t len);
	void *deliver_arg;
};

/* time must outlive it. Wall and ageing clock tell the right time. */
void sim_clock_init(struct sim_clock *clock, struct sim_time *time,
		    uint64_t chance);
/* The ageing clock begins here, as at a start of the server. */
void sim_clock_set_age(struct sim_clock *clock, int64_t start);
/* Drop all of its timers; returns how many there were. */
unsigned int sim_clock_stop(struct sim_clock *clock);

#endif
