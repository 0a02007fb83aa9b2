/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Streams of the virtual network: what repl/link.h promises, kept the hard
 * way. Each end is a struct link; what it sends stands in out until pieces of
 * it have arrived at the other's in. A window says how much of out is on the
 * wire: the rest is unsent.
 *
 * Every event comes from a timer, so none can come from inside a call. A link
 * that was closed lives on as GONE until its last byte has arrived or five
 * seconds are over; whoever sends to it is reset.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/simnet_private.h"

#define LINGER_USEC	5000000u
#define GIVE_UP_USEC	900000000u	/* a TCP that gets no answer */
#define NOTICE_USEC	60000000u	/* of a crashed peer, mostly */

static void flight(void *arg);
static void show(void *arg);

/* ---- ends ---- */

static uint32_t draw(struct link *link, uint32_t below)
{
	return sim_draw_below(&link->chance, below);
}

struct link *sim_link_create(struct sim_port *port, uint32_t local,
			     uint32_t remote)
{
	const struct sim_net_config *config = &port->net->config;
	struct link *link = talloc_zero(port->net, struct link);

	link->net = port->net;
	link->port = port;
	link->local = local;
	link->remote = remote;
	link->chance = sim_seed_of(sim_seed_of(config->seed, port->calls++),
				   (uint64_t)local << 32 | remote);
	link->way = config->near_usec +
		    draw(link, config->far_usec - config->near_usec);
	link->window = config->plain ? 1u << 20 : 1460u << draw(link, 9);
	link->crumbs = !config->plain && draw(link, 1000) < config->choppy;
	link->next = port->links;
	if (link->next != NULL) {
		link->next->prev = link;
	}
	port->links = link;
	port->net->sight.links++;
	return link;
}

static void stop_timer(struct link *link, enum link_timer which)
{
	const struct nb_world *world = &link->net->clock.world;

	world->timer_stop(world->priv, link->timer[which]);
	link->timer[which] = NULL;
}

void sim_link_later(struct link *link, enum link_timer which, uint64_t usec,
		    void (*fn)(void *arg))
{
	const struct nb_world *world = &link->net->clock.world;

	stop_timer(link, which);
	link->timer[which] = world->timer_start(world->priv, usec, fn, link);
}

/* down() is on its way, whatever happens. */
static bool is_failing(const struct link *link)
{
	return link->timer[LINK_TIMER_END] != NULL && !link->stalled;
}

static void part(struct link *link)
{
	if (link->peer != NULL) {
		link->peer->peer = NULL;
		link->peer = NULL;
	}
}

/* Out of everything; its memory stays. */
static void take_out(struct link *link)
{
	part(link);
	for (unsigned int i = 0; i < LINK_TIMERS; i++) {
		stop_timer(link, i);
	}
	if (link->prev != NULL) {
		link->prev->next = link->next;
	} else {
		link->port->links = link->next;
	}
	if (link->next != NULL) {
		link->next->prev = link->prev;
	}
	link->net->sight.links--;
}

void sim_link_free(struct link *link)
{
	take_out(link);
	talloc_free(link);
}

uint64_t sim_link_way(struct link *link)
{
	return link->net->config.plain ? link->way :
					 link->way + draw(link, link->way + 1);
}

/* ---- the end ---- */

static void end(void *arg)
{
	struct link *link = arg;
	struct sim_net *net = link->net;
	const struct link_events *events = link->events;
	void *owner = link->arg;
	int error = link->error;
	bool is_gone = link->state == LINK_GONE;

	link->timer[LINK_TIMER_END] = NULL;
	net->acting = link->port->address;
	sim_link_free(link);
	if (!is_gone) {
		events->down(owner, error);
	}
	net->acting = 0;
}

void sim_link_fail(struct link *link, int error, uint64_t usec)
{
	stop_timer(link, LINK_TIMER_FLIGHT);
	stop_timer(link, LINK_TIMER_UP);
	stop_timer(link, LINK_TIMER_SHOW);
	stop_timer(link, LINK_TIMER_DRAINED);
	link->stalled = false;
	link->error = error;
	link->out_len = 0;
	link->wire = 0;
	sim_link_later(link, LINK_TIMER_END, usec, end);
}

/* The other end is told that nobody is here. */
static void reset_peer(struct link *link)
{
	struct link *peer = link->peer;

	part(link);
	if (peer == NULL) {
		return;
	}
	link->net->sight.resets++;
	sim_link_fail(peer, ECONNRESET, sim_link_way(link));
}

void sim_link_break(struct link *link)
{
	if (link->state == LINK_CALLING && link->peer == NULL) {
		return;		/* its call finds out by itself */
	}
	part(link);
	link->net->sight.resets++;
	sim_link_fail(link, ECONNRESET, draw(link, 100000));
}

void sim_link_vanish(struct link *link)
{
	struct link *peer = link->peer;

	take_out(link);
	if (link->state == LINK_GONE) {
		talloc_free(link);
	} else {
		link->state = LINK_GHOST;
		link->prev = NULL;
		link->next = link->port->ghosts;
		link->port->ghosts = link;
	}
	if (peer == NULL) {
		return;
	}
	if (peer->state == LINK_GONE) {
		sim_link_free(peer);
	} else if (draw(peer, 4) != 0) {
		sim_link_fail(peer, ECONNRESET, draw(peer, NOTICE_USEC));
	}
}

void sim_link_forget_ghosts(struct sim_port *port)
{
	while (port->ghosts != NULL) {
		struct link *link = port->ghosts;

		port->ghosts = link->next;
		talloc_free(link);
	}
}

static void linger_over(void *arg)
{
	struct link *link = arg;

	link->timer[LINK_TIMER_END] = NULL;
	if (!link->stalled) {
		reset_peer(link);
	}
	sim_link_free(link);
}

void sim_link_abandon(struct link *link)
{
	if (link->state == LINK_GONE) {
		return;
	}
	/* a TCP that was not read to its end says so */
	link->error = link->in_len > 0 ? ECONNRESET : 0;
	link->in_len = 0;
	link->shown = 0;
	stop_timer(link, LINK_TIMER_SHOW);
	stop_timer(link, LINK_TIMER_DRAINED);
	if (link->state == LINK_CALLING) {
		reset_peer(link);
		stop_timer(link, LINK_TIMER_UP);
	}
	link->state = LINK_GONE;
	if (is_failing(link)) {
		return;		/* end() sees that it is GONE */
	}
	sim_link_later(link, LINK_TIMER_END, LINGER_USEC, linger_over);
	if (link->timer[LINK_TIMER_FLIGHT] == NULL && !link->stalled) {
		sim_link_later(link, LINK_TIMER_FLIGHT, sim_link_way(link),
			       flight);
	}
}

/* ---- bytes on their way ---- */

static void drained(void *arg)
{
	struct link *link = arg;

	link->timer[LINK_TIMER_DRAINED] = NULL;
	link->busy = false;
	link->net->acting = link->port->address;
	link->events->drained(link->arg);
	link->net->acting = 0;
}

/* Put on the wire what it can hold. */
static void fill_wire(struct link *link)
{
	link->wire = link->out_len < link->window ? link->out_len :
						    link->window;
	if (link->wire == link->out_len && link->busy &&
	    link->state == LINK_UP &&
	    link->timer[LINK_TIMER_DRAINED] == NULL) {
		sim_link_later(link, LINK_TIMER_DRAINED, 10, drained);
	}
}

static void make_room(struct link *link, size_t len)
{
	size_t all = link->out_len + len;
	uint8_t *fresh = NULL;

	if (link->out_at + all <= link->out_size) {
		return;
	}
	if (all <= link->out_size / 2) {
		memmove(link->out, link->out + link->out_at, link->out_len);
		link->out_at = 0;
		return;
	}
	fresh = talloc_size(link, 2 * all);
	if (link->out_len > 0) {
		memcpy(fresh, link->out + link->out_at, link->out_len);
	}
	talloc_free(link->out);
	link->out = fresh;
	link->out_size = 2 * all;
	link->out_at = 0;
}

static int link_send(struct link *link, const uint8_t *data, size_t len)
{
	if (link->state == LINK_GHOST || is_failing(link) || len == 0) {
		return 0;
	}
	if (link->state != LINK_UP) {
		abort();	/* not yet up(), or closed */
	}
	make_room(link, len);
	memcpy(link->out + link->out_at + link->out_len, data, len);
	link->out_len += len;
	link->busy = true;
	/* nothing is on the wire that was not sent before the last event */
	stop_timer(link, LINK_TIMER_DRAINED);
	fill_wire(link);
	if (link->timer[LINK_TIMER_FLIGHT] == NULL && !link->stalled &&
	    !link->choked) {
		sim_link_later(link, LINK_TIMER_FLIGHT, sim_link_way(link),
			       flight);
	}
	return 0;
}

/* How much of the wire arrives at once. */
static size_t draw_piece(struct link *link)
{
	size_t room = LINK_BUFFER_MAX - link->peer->in_len;
	size_t piece = link->wire;

	if (link->crumbs) {
		piece = 1 + draw(link, draw(link, 4) == 0 ? 1500 : 40);
	} else if (!link->net->config.plain && draw(link, 4) == 0) {
		piece = 1 + draw(link, (uint32_t)piece);
	}
	piece = piece < link->wire ? piece : link->wire;
	return piece < room ? piece : room;
}

static void arrive(struct link *link, size_t piece)
{
	struct link *peer = link->peer;
	const uint8_t *data = link->out + link->out_at;

	if (peer->in_len + piece > peer->in_size) {
		peer->in_size = 2 * (peer->in_len + piece);
		peer->in = talloc_realloc(peer, peer->in, uint8_t,
					  (unsigned int)peer->in_size);
	}
	memcpy(peer->in + peer->in_len, data, piece);
	peer->in_len += piece;
	link->net->sight.bytes += piece;
	link->net->sight.pieces++;
	if (link->net->watch != NULL) {
		link->net->watch(link->net->watch_arg, link->local,
				 link->remote, data, piece);
	}
	link->out_at += piece;
	link->out_len -= piece;
	if (link->out_len == 0) {
		link->out_at = 0;
	}
	fill_wire(link);
	if (!peer->paused && peer->timer[LINK_TIMER_SHOW] == NULL) {
		sim_link_later(peer, LINK_TIMER_SHOW, 0, show);
	}
}

static void stall(struct link *link)
{
	link->stalled = true;
	if (link->state != LINK_GONE &&
	    link->timer[LINK_TIMER_END] == NULL) {
		link->error = ETIMEDOUT;
		sim_link_later(link, LINK_TIMER_END,
			       GIVE_UP_USEC / 3 + draw(link, GIVE_UP_USEC),
			       end);
	}
}

void sim_link_go_on(struct link *link)
{
	if (!link->stalled) {
		return;
	}
	link->stalled = false;
	if (link->state != LINK_GONE) {
		stop_timer(link, LINK_TIMER_END);
		link->error = 0;
	}
	sim_link_later(link, LINK_TIMER_FLIGHT, sim_link_way(link), flight);
}

/* All has arrived and its sender is gone: so says the end. */
static void finish(struct link *link)
{
	struct link *peer = link->peer;

	if (peer != NULL && peer->state != LINK_GONE && !is_failing(peer)) {
		peer->ended = true;
		peer->error = link->error;
		if (!peer->paused && peer->timer[LINK_TIMER_SHOW] == NULL) {
			sim_link_later(peer, LINK_TIMER_SHOW,
				       sim_link_way(link), show);
		}
	}
	sim_link_free(link);
}

/* Somebody sends to where nobody is. */
static void no_one_there(struct link *link)
{
	if (link->state == LINK_GONE) {
		sim_link_free(link);
		return;
	}
	if (link->ended) {
		return;		/* down() comes anyway */
	}
	sim_link_fail(link, ECONNRESET, sim_link_way(link));
}

static void flight(void *arg)
{
	struct link *link = arg;
	struct link *peer = link->peer;
	size_t piece = 0;

	link->timer[LINK_TIMER_FLIGHT] = NULL;
	if (sim_net_is_cut(link->net, link->local, link->remote)) {
		stall(link);
		return;
	}
	if (link->out_len == 0) {
		if (link->state == LINK_GONE) {
			finish(link);
		}
		return;
	}
	if (peer == NULL || peer->state == LINK_GONE) {
		no_one_there(link);
		return;
	}
	if (peer->state == LINK_CALLING) {
		sim_link_later(link, LINK_TIMER_FLIGHT, 1000, flight);
		return;
	}
	piece = draw_piece(link);
	if (piece == 0) {
		link->choked = true;
		return;
	}
	arrive(link, piece);
	if (link->out_len > 0 || link->state == LINK_GONE) {
		sim_link_later(link, LINK_TIMER_FLIGHT,
			       link->net->config.plain ? 1 : draw(link, 500),
			       flight);
	}
}

/* ---- bytes that arrived ---- */

void sim_link_up(void *arg)
{
	struct link *link = arg;

	link->timer[LINK_TIMER_UP] = NULL;
	link->state = LINK_UP;
	link->net->acting = link->port->address;
	link->events->up(link->arg);
	link->net->acting = 0;
	/* what came at once is shown now */
	if (link->state == LINK_UP && !link->paused && !is_failing(link) &&
	    (link->in_len > link->shown || link->ended)) {
		sim_link_later(link, LINK_TIMER_SHOW, 0, show);
	}
}

static void take(struct link *link, size_t taken)
{
	if (taken > link->shown) {
		abort();	/* more than was shown */
	}
	link->in_len -= taken;
	memmove(link->in, link->in + taken, link->in_len);
	link->shown -= taken;
	if (taken > 0 && link->peer != NULL && link->peer->choked) {
		link->peer->choked = false;
		sim_link_later(link->peer, LINK_TIMER_FLIGHT, 100, flight);
	}
}

static void show_more(struct link *link)
{
	size_t fresh = link->in_len - link->shown;
	size_t taken = 0;

	link->shown += fresh < LINK_READ_MAX ? fresh : LINK_READ_MAX;
	link->resumed = false;
	link->net->acting = link->port->address;
	taken = link->events->data(link->arg, link->in, link->shown);
	link->net->acting = 0;
	if (link->state == LINK_UP) {
		take(link, taken);
	}
}

static void show(void *arg)
{
	struct link *link = arg;

	link->timer[LINK_TIMER_SHOW] = NULL;
	if (link->state != LINK_UP || link->paused) {
		return;
	}
	if (link->in_len > link->shown ||
	    (link->resumed && link->in_len > 0)) {
		show_more(link);
	}
	if (link->state != LINK_UP || link->paused) {
		return;
	}
	if (link->in_len > link->shown) {
		sim_link_later(link, LINK_TIMER_SHOW, 0, show);
	} else if (link->ended && !is_failing(link)) {
		sim_link_fail(link, link->error, 0);
	}
}

/* ---- what is asked of a link ---- */

static void link_accept(struct link *link, const struct link_events *events,
			void *arg)
{
	if (link->events != NULL || link->state != LINK_UP) {
		abort();
	}
	link->events = events;
	link->arg = arg;
}

static size_t link_unsent(const struct link *link)
{
	return link->out_len - link->wire;
}

static void link_pause(struct link *link, bool pause)
{
	if (link->state == LINK_GONE) {
		abort();
	}
	if (link->paused && !pause && link->state != LINK_GHOST) {
		link->resumed = true;
		if (link->timer[LINK_TIMER_SHOW] == NULL &&
		    !is_failing(link)) {
			sim_link_later(link, LINK_TIMER_SHOW, 0, show);
		}
	}
	link->paused = pause;
}

static void link_close(struct link *link)
{
	if (link->state == LINK_GONE) {
		abort();	/* closed twice */
	}
	if (link->state == LINK_GHOST) {
		return;		/* the port forgets it when it is on again */
	}
	sim_link_abandon(link);
}

static uint32_t link_local(const struct link *link)
{
	return link->local;
}

void sim_link_fill(struct sim_port *port)
{
	port->ops = (struct link_ops){
		.priv = port,
		.connect = sim_net_call,
		.accept = link_accept,
		.send = link_send,
		.unsent = link_unsent,
		.pause = link_pause,
		.close = link_close,
		.local = link_local,
	};
}
