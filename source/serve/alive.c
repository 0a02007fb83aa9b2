/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Being alive: the ageing clock is written down at the start, every minute and
 * at a clean end, and the wall clock is watched (design.md section 2 "Ageing").
 *
 *	"alive"		the ageing clock, s
 *	"alive-wall"	what the wall clock said at that moment, s
 *
 * From these two the next start knows how long the server was off and where
 * its ageing clock goes on (core/age.h). Both are of one turn. After a crash
 * they are up to a minute old; the wall clock says what is missing.
 *
 * A step of the wall clock is told once and has no other consequence: timers
 * do not see it, records do not, and what people are shown is shifted from
 * then on. A tick that comes ten minutes late means that the machine slept
 * and the ageing clock with all records has leapt: scavenging counts before
 * anything expires. Rejected: to set the ageing clock back after a sleep as
 * after time off. It would stand before times already given to clients.
 */

#include "core/age.h"
#include "serve/serve_private.h"

#define META_ALIVE	"alive"
#define META_WALL	"alive-wall"
#define TICK_USEC	UINT64_C(60000000)
#define LATE_USEC	UINT64_C(600000000)	/* then it was a sleep */

static void tell_start(const struct nb_world *world,
		       const struct age_start *start)
{
	if (start->down < -AGE_ROUNDING) {
		nb_log(world, NB_LOG_WARNING,
		       "the wall clock is %lld s behind the moment at which "
		       "this server was last alive; records go on from there",
		       (long long)-start->down);
	} else if (start->down > start->aged) {
		nb_log(world, NB_LOG_NOTICE,
		       "last alive %lld s ago by the wall clock; records age "
		       "by %lld s, so that their hosts can come back",
		       (long long)start->down, (long long)start->aged);
	}
}

int64_t serve_age_start(const struct nb_world *world,
			const struct store *store, uint32_t life)
{
	struct age_saved saved = { .there = false };
	struct age_start start = { .now = 0 };

	saved.there = store_get_meta(store, META_ALIVE, &saved.alive) &&
		      store_get_meta(store, META_WALL, &saved.wall);
	start = age_begin(&saved, world->wall(world->priv), age_cap(life));
	if (saved.there && !start.known) {
		nb_log(world, NB_LOG_WARNING,
		       "when this server was last alive is not to be read; "
		       "records age by the wall clock");
	}
	tell_start(world, &start);
	return start.now;
}

int64_t serve_wall_offset(struct serve *serve)
{
	const struct nb_world *world = serve->world;
	int64_t known = serve->alive.offset;
	int64_t offset = age_offset(known, world->wall(world->priv),
				    world->now(world->priv));

	if (offset != known) {
		serve->alive.offset = offset;
		serve_count(serve, STAT_CLOCK_STEPS);
		nb_log(world, NB_LOG_NOTICE,
		       "the wall clock was set %s by %lld s; no record ages "
		       "by that", offset > known ? "ahead" : "back",
		       (long long)(offset > known ? offset - known :
						    known - offset));
	}
	return offset;
}

static void write_down(struct serve *serve)
{
	const struct nb_world *world = serve->world;
	int64_t now = world->now(world->priv);
	int64_t wall = world->wall(world->priv);

	if (!serve->loaded || store_health(serve->store) != STORE_OK) {
		return;
	}
	serve_turn_begin(serve);
	if (serve_turn_open(serve)) {
		/* one of them alone would only count as nothing saved */
		(void)store_set_meta(serve->store, META_ALIVE, (uint64_t)now);
		(void)store_set_meta(serve->store, META_WALL, (uint64_t)wall);
	}
	serve_turn_end(serve);
}

static void notice_sleep(struct serve *serve)
{
	uint64_t mono = serve->world->mono(serve->world->priv);
	uint64_t since = mono - serve->alive.last;

	serve->alive.last = mono;
	if (since <= TICK_USEC + LATE_USEC) {
		return;
	}
	nb_log(serve->world, NB_LOG_NOTICE,
	       "nothing ran for %llu s, as if the machine had slept",
	       (unsigned long long)((since - TICK_USEC) / 1000000u));
	scavenge_doubt(serve);
}

static void alive_tick(void *arg)
{
	struct serve *serve = arg;
	const struct nb_world *world = serve->world;

	serve->alive.timer = world->timer_start(world->priv, TICK_USEC,
						alive_tick, serve);
	notice_sleep(serve);
	(void)serve_wall_offset(serve);
	write_down(serve);
	scavenge_revive(serve);
	verify_revive(serve);
	demand_revive(serve);
	own_revive(serve);
}

/* Otherwise a tick without memory for the next would be the last for ever. */
void alive_revive(struct serve *serve)
{
	const struct nb_world *world = serve->world;

	if (serve->alive.timer == NULL) {
		serve->alive.last = world->mono(world->priv);
		serve->alive.timer = world->timer_start(
			world->priv, TICK_USEC, alive_tick, serve);
	}
}

void alive_start(struct serve *serve)
{
	const struct nb_world *world = serve->world;

	serve->alive.last = world->mono(world->priv);
	serve->alive.offset = age_offset(0, world->wall(world->priv),
					 world->now(world->priv));
	serve->alive.timer = world->timer_start(world->priv, TICK_USEC,
						alive_tick, serve);
}

void alive_loaded(struct serve *serve)
{
	write_down(serve);
}

void alive_stop(struct serve *serve)
{
	serve->world->timer_stop(serve->world->priv, serve->alive.timer);
	serve->alive.timer = NULL;
}

void serve_leave(struct serve *serve)
{
	alive_stop(serve);
	write_down(serve);
}
