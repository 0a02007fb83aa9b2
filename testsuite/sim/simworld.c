/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The virtual world's clocks, timers, chance and log; see simworld.h. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/simworld.h"

struct nb_timer {
	struct nb_timer *next;
	uint64_t when;
	void (*fn)(void *arg);
	void *arg;
};

static int64_t seconds(const struct sim_world *sim)
{
	return sim->start + (int64_t)(sim->usec / 1000000u);
}

static int64_t sim_now(void *priv)
{
	const struct sim_world *sim = priv;

	return seconds(sim) + sim->age_step;
}

static int64_t sim_wall(void *priv)
{
	const struct sim_world *sim = priv;

	return seconds(sim) + sim->wall_step;
}

void sim_world_set_age(struct sim_world *sim, int64_t start)
{
	sim->age_step = start - seconds(sim);
}

static uint64_t sim_mono(void *priv)
{
	struct sim_world *sim = priv;

	return sim->usec;
}

static struct nb_timer *sim_timer_start(void *priv, uint64_t usec,
					void (*fn)(void *arg), void *arg)
{
	struct sim_world *sim = priv;
	struct nb_timer **at = &sim->timers;
	struct nb_timer *timer = NULL;

	if (sim->timers_fail) {
		return NULL;
	}
	timer = calloc(1, sizeof(*timer));
	timer->when = sim->usec + usec;
	timer->fn = fn;
	timer->arg = arg;
	while (*at != NULL && (*at)->when <= timer->when) {
		at = &(*at)->next;
	}
	timer->next = *at;
	*at = timer;
	sim->timer_count++;
	return timer;
}

static void sim_timer_stop(void *priv, struct nb_timer *timer)
{
	struct sim_world *sim = priv;
	struct nb_timer **at = &sim->timers;

	if (timer == NULL) {
		return;
	}
	while (*at != timer) {
		/* a timer that ran or was stopped must not be stopped */
		if (*at == NULL) {
			abort();
		}
		at = &(*at)->next;
	}
	*at = timer->next;
	sim->timer_count--;
	free(timer);
}

/* splitmix64: any seed is as good as another */
static uint64_t next_random(struct sim_world *sim)
{
	uint64_t z = sim->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static void sim_fill_random(void *priv, void *buf, size_t len)
{
	uint8_t *byte = buf;

	for (size_t i = 0; i < len; i++) {
		byte[i] = (uint8_t)next_random(priv);
	}
}

uint32_t sim_random(struct sim_world *sim, uint32_t below)
{
	return below == 0 ? 0 : (uint32_t)(next_random(sim) % below);
}

static int sim_send(void *priv, uint32_t local, uint32_t to, uint16_t port,
		    const uint8_t *data, size_t len)
{
	struct sim_world *sim = priv;

	if (sim->deliver == NULL) {
		return 0;
	}
	return sim->deliver(sim->deliver_arg, local, to, port, data, len);
}

static void sim_log(void *priv, int level, const char *line)
{
	struct sim_world *sim = priv;

	if (sim->verbose) {
		fprintf(stderr, "[%llu.%06llu] %s\n",
			(unsigned long long)(sim->usec / 1000000u),
			(unsigned long long)(sim->usec % 1000000u), line);
	}
	if (level <= NB_LOG_NOTICE) {
		snprintf(sim->last_log, sizeof(sim->last_log), "%s", line);
	}
}

void sim_world_init(struct sim_world *sim, uint64_t seed)
{
	memset(sim, 0, sizeof(*sim));
	sim->start = 1700000000;
	sim->random = seed;
	sim->world = (struct nb_world){
		.priv = sim,
		.now = sim_now,
		.wall = sim_wall,
		.mono = sim_mono,
		.timer_start = sim_timer_start,
		.timer_stop = sim_timer_stop,
		.random = sim_fill_random,
		.send = sim_send,
		.log_level = NB_LOG_DEBUG,
		.log = sim_log,
	};
}

void sim_world_end(struct sim_world *sim)
{
	while (sim->timers != NULL) {
		sim_timer_stop(sim, sim->timers);
	}
}

void sim_advance(struct sim_world *sim, uint64_t usec)
{
	uint64_t until = sim->usec + usec;

	while (sim->timers != NULL && sim->timers->when <= until) {
		struct nb_timer *timer = sim->timers;

		sim->timers = timer->next;
		sim->timer_count--;
		if (timer->when > sim->usec) {
			sim->usec = timer->when;
		}
		sim->fired++;
		timer->fn(timer->arg);
		free(timer);
	}
	sim->usec = until;
}

void sim_advance_seconds(struct sim_world *sim, int64_t seconds)
{
	sim_advance(sim, (uint64_t)seconds * 1000000u);
}
