/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Timers that no step of the wall clock moves: a set ordered by due time
 * behind one timerfd. They are what nb_world.timer_start gives out.
 */
#ifndef WINS_TIMERS_H
#define WINS_TIMERS_H

#include <talloc.h>
#include <tevent.h>

#include "core/world.h"

struct timers;

/* Microseconds since boot, suspended time included; only grows. */
uint64_t timers_mono(void);

/* 0 or an errno. Timers still running at talloc_free() never fire. */
int timers_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		  struct timers **timers);

/* See nb_world: fn(arg) once, after usec. NULL when memory is out. */
struct nb_timer *timers_start(struct timers *timers, uint64_t usec,
			      void (*fn)(void *arg), void *arg);
void timers_stop(struct timers *timers, struct nb_timer *timer);

/* How many are running; for leak checks. */
unsigned int timers_count(const struct timers *timers);

#endif
