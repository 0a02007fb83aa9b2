/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Filling struct nb_world, see world.h and core/world.h.
 *
 * The ageing clock is where it began plus what CLOCK_BOOTTIME advanced since:
 * a step of the wall clock ages nothing (design.md section 2). It begins at
 * the wall clock until world_set_age() says better. Random bytes come from the kernel 256 at a time,
 * because each challenge takes two; used ones are wiped, so that a look into
 * our memory tells nothing of the transaction ids that were given out.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "world.h"

static struct world *world_of(void *priv)
{
	return talloc_get_type_abort(priv, struct world);
}

static int64_t wall_usec(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/*
 * Of both clocks the seconds change at the same moment, so that their
 * difference is the same whenever it is taken.
 */
void world_set_age(struct world *world, int64_t start)
{
	int64_t wall = wall_usec();
	int64_t part = (wall % 1000000 + 1000000) % 1000000;

	world->age_offset = start * 1000000 + part - (int64_t)timers_mono();
}

static int64_t world_now(void *priv)
{
	const struct world *world = world_of(priv);

	return ((int64_t)timers_mono() + world->age_offset) / 1000000;
}

static int64_t world_wall(void *priv)
{
	(void)priv;
	return wall_usec() / 1000000;
}

static int64_t world_utc_offset(void *priv, int64_t wall)
{
	time_t when = (time_t)wall;
	struct tm local = { .tm_gmtoff = 0 };

	(void)priv;
	return localtime_r(&when, &local) != NULL ? local.tm_gmtoff : 0;
}

static uint64_t world_mono(void *priv)
{
	(void)priv;
	return timers_mono();
}

static struct nb_timer *world_timer_start(void *priv, uint64_t usec,
					  void (*fn)(void *arg), void *arg)
{
	return timers_start(world_of(priv)->timers, usec, fn, arg);
}

static void world_timer_stop(void *priv, struct nb_timer *timer)
{
	timers_stop(world_of(priv)->timers, timer);
}

/*
 * getrandom(2) of up to 256 bytes is never cut short by a signal and fails
 * only on kernels before 3.17. Guessable transaction ids would let anybody
 * answer our challenges, so such a machine gets no server.
 */
static void random_fill(struct world *world)
{
	ssize_t got;

	do {
		got = getrandom(world->random, sizeof(world->random), 0);
	} while (got == -1 && errno == EINTR);
	if (got != (ssize_t)sizeof(world->random)) {
		world->host->terminate(world->host->priv,
				       "the kernel gives no random numbers",
				       true);
	}
	world->random_left = sizeof(world->random);
}

static void world_random(void *priv, void *buf, size_t len)
{
	struct world *world = world_of(priv);
	uint8_t *out = buf;

	while (len > 0) {
		size_t n = len;
		uint8_t *from = NULL;

		if (world->random_left == 0) {
			random_fill(world);
		}
		if (n > world->random_left) {
			n = world->random_left;
		}
		from = world->random + sizeof(world->random) -
		       world->random_left;
		memcpy(out, from, n);
		explicit_bzero(from, n);
		world->random_left -= (unsigned int)n;
		out += n;
		len -= n;
	}
}

static int world_send(void *priv, uint32_t local, uint32_t to, uint16_t port,
		      const uint8_t *data, size_t len)
{
	struct world *world = world_of(priv);

	if (world->udp == NULL) {
		return ENOTCONN;
	}
	return udp137_send(world->udp, local, to, port, data, len);
}

static void world_log(void *priv, int level, const char *line)
{
	struct world *world = world_of(priv);

	world->host->log(world->host->priv, level, line);
}

void world_set_log_level(struct world *world, int log_level)
{
	int level = world->host->log_level(world->host->priv);

	world->ops.log_level = level < 0 ? log_level : level;
}

int world_create(TALLOC_CTX *mem_ctx, const struct wins_host *host,
		 int log_level, struct world **world)
{
	struct world *w = talloc_zero(mem_ctx, struct world);
	int ret;

	if (w == NULL) {
		return ENOMEM;
	}
	w->host = host;
	w->age_offset = wall_usec() - (int64_t)timers_mono();
	w->ops = (struct nb_world) {
		.priv = w,
		.now = world_now,
		.wall = world_wall,
		.utc_offset = world_utc_offset,
		.mono = world_mono,
		.timer_start = world_timer_start,
		.timer_stop = world_timer_stop,
		.random = world_random,
		.send = world_send,
		.log = world_log,
	};
	world_set_log_level(w, log_level);
	ret = timers_create(w, host->ev, &w->timers);
	if (ret != 0) {
		talloc_free(w);
		return ret;
	}
	*world = w;
	return 0;
}
