/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared virtual time; see simtime.h. A binary heap holds the timers of all,
 * ordered by moment and then by the order of their setting, so that a run is
 * the same every time; each timer knows its place in the heap and its
 * neighbours of the same server, so that stopping one or all is cheap.
 * Timers come from a free list: an estate sets millions.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/simtime.h"

struct nb_timer {
	uint64_t when;
	uint64_t order;
	void (*fn)(void *arg);
	void *arg;
	struct sim_clock *clock;
	unsigned int place;		/* in the heap */
	struct nb_timer *prev, *next;	/* of this clock; next: free list */
};

struct sim_time {
	uint64_t usec;
	uint64_t orders;
	uint64_t fired;
	struct nb_timer **heap;
	unsigned int count, size;
	struct nb_timer *spare;
	const struct sim_clock *acting;
};

/* ---- chance ---- */

uint64_t sim_draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t sim_draw_below(uint64_t *state, uint32_t below)
{
	return below == 0 ? 0 : (uint32_t)(sim_draw(state) % below);
}

uint64_t sim_seed_of(uint64_t seed, uint64_t who)
{
	uint64_t state = seed ^ who * 0xd1342543de82ef95u;

	return sim_draw(&state);
}

/* ---- the heap ---- */

static bool is_before(const struct nb_timer *a, const struct nb_timer *b)
{
	return a->when != b->when ? a->when < b->when : a->order < b->order;
}

static void put_at(struct sim_time *time, unsigned int place,
		   struct nb_timer *timer)
{
	time->heap[place] = timer;
	timer->place = place;
}

static void rise(struct sim_time *time, unsigned int at, struct nb_timer *timer)
{
	while (at > 0 && is_before(timer, time->heap[(at - 1) / 2])) {
		put_at(time, at, time->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put_at(time, at, timer);
}

static void sink(struct sim_time *time, unsigned int at, struct nb_timer *timer)
{
	while (2 * at + 1 < time->count) {
		unsigned int child = 2 * at + 1;

		if (child + 1 < time->count &&
		    is_before(time->heap[child + 1], time->heap[child])) {
			child++;
		}
		if (!is_before(time->heap[child], timer)) {
			break;
		}
		put_at(time, at, time->heap[child]);
		at = child;
	}
	put_at(time, at, timer);
}

static void take_out(struct sim_time *time, struct nb_timer *timer)
{
	unsigned int at = timer->place;
	struct nb_timer *last = time->heap[--time->count];

	if (last == timer) {
		return;
	}
	if (at > 0 && is_before(last, time->heap[(at - 1) / 2])) {
		rise(time, at, last);
	} else {
		sink(time, at, last);
	}
}

/* ---- one timer ---- */

static struct nb_timer *new_timer(struct sim_time *time)
{
	struct nb_timer *timer = time->spare;

	if (timer != NULL) {
		time->spare = timer->next;
		return timer;
	}
	return talloc(time, struct nb_timer);
}

/* Out of the heap and of its clock's list; its memory may be used again. */
static void forget_timer(struct nb_timer *timer)
{
	struct sim_clock *clock = timer->clock;

	take_out(clock->time, timer);
	if (timer->prev != NULL) {
		timer->prev->next = timer->next;
	} else {
		clock->timers = timer->next;
	}
	if (timer->next != NULL) {
		timer->next->prev = timer->prev;
	}
	timer->clock = NULL;
	timer->next = clock->time->spare;
	clock->time->spare = timer;
}

static struct nb_timer *clock_timer_start(void *priv, uint64_t usec,
					  void (*fn)(void *arg), void *arg)
{
	struct sim_clock *clock = priv;
	struct sim_time *time = clock->time;
	struct nb_timer *timer = new_timer(time);

	*timer = (struct nb_timer){
		.when = usec < UINT64_MAX - time->usec ? time->usec + usec :
							 UINT64_MAX,
		.order = time->orders++,
		.fn = fn,
		.arg = arg,
		.clock = clock,
		.next = clock->timers,
	};
	if (clock->timers != NULL) {
		clock->timers->prev = timer;
	}
	clock->timers = timer;
	if (time->count == time->size) {
		time->size = time->size != 0 ? 2 * time->size : 256;
		time->heap = talloc_realloc(time, time->heap,
					    struct nb_timer *, time->size);
	}
	rise(time, time->count++, timer);
	return timer;
}

static void clock_timer_stop(void *priv, struct nb_timer *timer)
{
	if (timer == NULL) {
		return;
	}
	/* one that ran or was stopped must not be stopped */
	if (timer->clock != priv) {
		abort();
	}
	forget_timer(timer);
}

/* ---- time ---- */

struct sim_time *sim_time_create(TALLOC_CTX *mem_ctx)
{
	return talloc_zero(mem_ctx, struct sim_time);
}

uint64_t sim_time_usec(const struct sim_time *time)
{
	return time->usec;
}

uint64_t sim_time_fired(const struct sim_time *time)
{
	return time->fired;
}

unsigned int sim_time_waiting(const struct sim_time *time)
{
	return time->count;
}

const struct sim_clock *sim_time_acting(const struct sim_time *time)
{
	return time->acting;
}

void sim_time_run(struct sim_time *time, uint64_t until_usec)
{
	while (time->count > 0 && time->heap[0]->when <= until_usec) {
		struct nb_timer *timer = time->heap[0];
		void (*fn)(void *arg) = timer->fn;
		void *arg = timer->arg;

		if (timer->when > time->usec) {
			time->usec = timer->when;
		}
		time->acting = timer->clock;
		forget_timer(timer);
		time->fired++;
		fn(arg);
		time->acting = NULL;
	}
	if (until_usec > time->usec) {
		time->usec = until_usec;
	}
}

/* ---- a server's world ---- */

static int64_t seconds(const struct sim_clock *clock)
{
	return SIM_TIME_START + (int64_t)(clock->time->usec / 1000000u);
}

static int64_t clock_now(void *priv)
{
	const struct sim_clock *clock = priv;

	return seconds(clock) + clock->age_step;
}

static int64_t clock_wall(void *priv)
{
	const struct sim_clock *clock = priv;

	return seconds(clock) + clock->wall_step;
}

static uint64_t clock_mono(void *priv)
{
	const struct sim_clock *clock = priv;

	return clock->time->usec;
}

static void clock_random(void *priv, void *buf, size_t len)
{
	struct sim_clock *clock = priv;
	uint8_t *byte = buf;
	uint64_t word = 0;

	for (size_t i = 0; i < len; i++) {
		word = i % 8 == 0 ? sim_draw(&clock->chance) : word >> 8;
		byte[i] = (uint8_t)word;
	}
}

static int clock_send(void *priv, uint32_t local, uint32_t to, uint16_t port,
		      const uint8_t *data, size_t len)
{
	struct sim_clock *clock = priv;

	if (clock->deliver == NULL) {
		return 0;
	}
	return clock->deliver(clock->deliver_arg, local, to, port, data, len);
}

static void clock_log(void *priv, int level, const char *line)
{
	struct sim_clock *clock = priv;

	if (clock->verbose) {
		fprintf(stderr, "[%llu.%06llu] %s: %s\n",
			(unsigned long long)(clock->time->usec / 1000000u),
			(unsigned long long)(clock->time->usec % 1000000u),
			clock->name != NULL ? clock->name : "", line);
	}
	if (clock->said != NULL) {
		clock->said(clock->said_arg, level, line);
	}
}

void sim_clock_init(struct sim_clock *clock, struct sim_time *time,
		    uint64_t chance)
{
	memset(clock, 0, sizeof(*clock));
	clock->time = time;
	clock->chance = chance;
	clock->world = (struct nb_world){
		.priv = clock,
		.now = clock_now,
		.wall = clock_wall,
		.mono = clock_mono,
		.timer_start = clock_timer_start,
		.timer_stop = clock_timer_stop,
		.random = clock_random,
		.send = clock_send,
		.log_level = NB_LOG_ERROR,
		.log = clock_log,
	};
}

void sim_clock_set_age(struct sim_clock *clock, int64_t start)
{
	clock->age_step = start - seconds(clock);
}

unsigned int sim_clock_stop(struct sim_clock *clock)
{
	unsigned int count = 0;

	while (clock->timers != NULL) {
		forget_timer(clock->timers);
		count++;
	}
	return count;
}
