/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The world as a parameter: clocks, timers, randomness, datagrams and the log
 * reach serve, repl and store only through this struct. plugins/wins fills it
 * with tevent and sockets, testsuite/sim with virtual ones; the code between
 * cannot tell. The disk comes through store/backend.h in the same way.
 */
#ifndef WINSD_CORE_WORLD_H
#define WINSD_CORE_WORLD_H

#include <stddef.h>
#include <stdint.h>

/* Log levels, as the suite numbers them. */
enum nb_log_level {
	NB_LOG_ERROR = 0,
	NB_LOG_WARNING = 1,
	NB_LOG_NOTICE = 2,
	NB_LOG_INFO = 3,
	NB_LOG_DEBUG = 5,
	NB_LOG_PACKET = 10,
};

struct nb_timer;		/* defined by whoever fills the world */

struct nb_world {
	void *priv;

	/*
	 * The ageing clock in seconds: wall time at start, advanced by
	 * CLOCK_BOOTTIME. Steps of the wall clock do not move it.
	 */
	int64_t (*now)(void *priv);

	/* Seconds since the epoch as the wall clock says; may step. */
	int64_t (*wall)(void *priv);

	/*
	 * Seconds that the local time of people is ahead of UTC at that moment
	 * of the wall clock. NULL: they are the same.
	 */
	int64_t (*utc_offset)(void *priv, int64_t wall);

	/* Microseconds that only grow; zero point unknown. */
	uint64_t (*mono)(void *priv);

	/*
	 * Call fn(arg) once, after usec microseconds. The timer is gone when
	 * fn runs. NULL when memory is out.
	 */
	struct nb_timer *(*timer_start)(void *priv, uint64_t usec,
					void (*fn)(void *arg), void *arg);
	void (*timer_stop)(void *priv, struct nb_timer *timer);	/* NULL is fine */

	void (*random)(void *priv, void *buf, size_t len);

	/*
	 * Send a datagram from our socket on address local. Returns 0 or an
	 * errno; nobody waits for it to arrive.
	 */
	int (*send)(void *priv, uint32_t local, uint32_t to, uint16_t port,
		    const uint8_t *data, size_t len);

	/* One line of log, without a newline. Cheap when the level is off. */
	int log_level;
	void (*log)(void *priv, int level, const char *line);
};

/* Format and log, if the level is on. Defined in core/world.c. */
void nb_log(const struct nb_world *world, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

uint32_t nb_random32(const struct nb_world *world);

#endif
