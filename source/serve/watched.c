/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What of the requests is counted for `wins:usage`, see usage.h.
 *
 * Counted is what a client asks of a WINS server: unicast requests for the
 * records, repeats as well, whether they are answered or are silence for now.
 * Not counted: our own names, broadcasts, node status, releases, and queries
 * that want no recursion, which are challenges of other servers.
 *
 * The time is that of the turn: one look at the clock for 256 datagrams.
 */
#include "core/age.h"
#include "serve/serve_private.h"

/* The wall clock, as far as the last tick knew how it stands to our own. */
static int64_t wall(const struct serve *serve)
{
	const struct nb_world *world = serve->world;

	return age_shift(world->now(world->priv), serve->alive.offset);
}

int watched_configure(struct serve *serve)
{
	const struct nb_world *world = serve->world;
	enum usage_mode mode = serve->config.usage;
	uint64_t key[2] = { 0, 0 };
	int ret = 0;

	if (mode == USAGE_OFF) {
		TALLOC_FREE(serve->usage);
		return 0;
	}
	if (serve->usage == NULL) {
		world->random(world->priv, key, sizeof(key));
		ret = usage_create(serve, mode, key, wall(serve),
				   &serve->usage);
	} else {
		ret = usage_set_mode(serve->usage, mode);
	}
	if (ret != 0) {
		nb_log(world, NB_LOG_ERROR, "no memory to count who asks for "
		       "what: wins:usage is as before until the next reload");
	}
	return ret;
}

struct usage *serve_usage(struct serve *serve)
{
	if (serve->usage != NULL) {
		usage_set_now(serve->usage, wall(serve));
	}
	return serve->usage;
}

void watched_turn(struct serve *serve)
{
	(void)serve_usage(serve);
}

void watched_ask(const struct serve *serve, const struct nb_event *event,
		 const struct nb_origin *origin, struct usage_ask *ask)
{
	if (serve->usage != NULL) {
		usage_ask(serve->usage, &event->name, origin->source,
			  origin->local, ask);
	}
}

void watched_asked(struct serve *serve, const struct usage_ask *ask,
		   bool stored, bool found)
{
	if (serve->usage != NULL) {
		usage_asked(serve->usage, ask, stored, found);
	}
}

void watched_request(struct serve *serve, const struct nb_event *event,
		     const struct nb_origin *origin)
{
	if (serve->usage != NULL && event->kind != NB_EV_RELEASE) {
		usage_registered(serve->usage, origin->source, origin->local,
				 event->kind == NB_EV_REFRESH);
	}
}
