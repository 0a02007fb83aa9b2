/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The virtual network of simnet.h: machines, cuts, calls and datagrams. What
 * happens on a stream that stands is in simlink.c.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/simnet_private.h"

/* ---- machines ---- */

struct sim_net *sim_net_create(TALLOC_CTX *mem_ctx, struct sim_time *time,
			       const struct sim_net_config *config)
{
	struct sim_net *net = talloc_zero(mem_ctx, struct sim_net);

	net->time = time;
	net->config = *config;
	sim_clock_init(&net->clock, time, config->seed);
	return net;
}

static struct sim_place **bucket(const struct sim_net *net, uint32_t address)
{
	return (struct sim_place **)&net->place[(address * 2654435761u) >> 22 &
						(SIM_PLACES - 1)];
}

struct sim_port *sim_net_port(const struct sim_net *net, uint32_t address)
{
	const struct sim_place *place = *bucket(net, address);

	while (place != NULL && place->address != address) {
		place = place->next;
	}
	return place != NULL ? place->port : NULL;
}

void sim_port_also(struct sim_port *port, uint32_t address)
{
	struct sim_place *place = talloc_zero(port, struct sim_place);
	struct sim_place **head = bucket(port->net, address);

	if (sim_net_port(port->net, address) != NULL) {
		abort();
	}
	place->address = address;
	place->port = port;
	place->next = *head;
	*head = place;
}

struct sim_port *sim_net_join(struct sim_net *net, uint32_t address,
			      const struct sim_port_events *events, void *arg)
{
	struct sim_port *port = talloc_zero(net, struct sim_port);

	port->net = net;
	port->address = address;
	port->events = events;
	port->arg = arg;
	port->on = true;
	sim_link_fill(port);
	sim_port_also(port, address);
	return port;
}

const struct link_ops *sim_port_ops(struct sim_port *port)
{
	return &port->ops;
}

void sim_port_listen(struct sim_port *port,
		     const struct sim_port_events *events, void *arg)
{
	port->events = events;
	port->arg = arg;
}

void sim_port_crash(struct sim_port *port)
{
	port->on = false;
	port->events = NULL;
	while (port->links != NULL) {
		sim_link_vanish(port->links);
	}
}

void sim_port_on(struct sim_port *port)
{
	sim_link_forget_ghosts(port);
	port->on = true;
}

void sim_port_end(struct sim_port *port)
{
	struct link *next = NULL;

	port->events = NULL;
	for (struct link *link = port->links; link != NULL; link = next) {
		next = link->next;
		sim_link_abandon(link);
	}
}

/* ---- cuts ---- */

static unsigned int find_cut(const struct sim_net *net, uint32_t a, uint32_t b)
{
	unsigned int i = 0;

	while (i < net->cuts && !((net->cut[i].a == a && net->cut[i].b == b) ||
				  (net->cut[i].a == b && net->cut[i].b == a))) {
		i++;
	}
	return i;
}

bool sim_net_is_cut(const struct sim_net *net, uint32_t a, uint32_t b)
{
	return net->cuts > 0 && find_cut(net, a, b) < net->cuts;
}

bool sim_net_cut_kind(const struct sim_net *net, uint32_t a, uint32_t b,
		      enum sim_cut *cut)
{
	unsigned int at = net->cuts > 0 ? find_cut(net, a, b) : 0;

	if (at >= net->cuts) {
		return false;
	}
	*cut = net->cut[at].kind;
	return true;
}

/* Each end of every stream between the two. */
static void each_between(struct sim_net *net, uint32_t a, uint32_t b,
			 void (*fn)(struct link *link))
{
	const uint32_t side[2] = { a, b };

	for (unsigned int i = 0; i < 2; i++) {
		struct sim_port *port = sim_net_port(net, side[i]);
		struct link *next = NULL;

		for (struct link *link = port != NULL ? port->links : NULL;
		     link != NULL; link = next) {
			next = link->next;
			if (link->local == side[i] &&
			    link->remote == side[1 - i]) {
				fn(link);
			}
		}
	}
}

void sim_net_cut(struct sim_net *net, uint32_t a, uint32_t b,
		 enum sim_cut kind)
{
	unsigned int at = find_cut(net, a, b);

	if (at == net->cuts) {
		net->cut = talloc_realloc(net, net->cut, struct sim_cut_pair,
					  net->cuts + 1);
		net->cuts++;
	}
	net->cut[at] = (struct sim_cut_pair){ a, b, kind };
	if (kind == SIM_CUT_RESET) {
		each_between(net, a, b, sim_link_break);
	}
}

void sim_net_heal(struct sim_net *net, uint32_t a, uint32_t b)
{
	unsigned int at = find_cut(net, a, b);

	if (at == net->cuts) {
		return;
	}
	net->cut[at] = net->cut[--net->cuts];
	each_between(net, a, b, sim_link_go_on);
}

void sim_net_heal_all(struct sim_net *net)
{
	while (net->cuts > 0) {
		sim_net_heal(net, net->cut[0].a, net->cut[0].b);
	}
	net->config.loss = 0;
}

/* ---- calls ---- */

static void call_arrives(void *arg);

static void call_again(struct link *link)
{
	/* as a TCP: after 1, 2, 4 ... s, for about two minutes */
	link->patience = link->patience == 0 ? 1 : 2 * link->patience;
	if (link->patience > 64) {
		link->net->sight.timed_out++;
		sim_link_fail(link, ETIMEDOUT, 1);
		return;
	}
	sim_link_later(link, LINK_TIMER_FLIGHT,
		       (uint64_t)link->patience * 1000000u, call_arrives);
}

/* Somebody listens there: does he want it? */
static void call_listener(struct link *link, struct sim_port *port)
{
	struct link *there = sim_link_create(port, link->remote, link->local);
	uint64_t way = sim_link_way(link);

	there->peer = link;
	link->peer = there;
	there->state = LINK_UP;
	link->net->acting = port->address;
	if (!port->events->called(port->arg, there, link->local)) {
		sim_link_abandon(there);
	} else if (there->events == NULL) {
		abort();	/* taken, but not by ops->accept */
	}
	link->net->acting = 0;
	sim_link_later(link, LINK_TIMER_UP, way, sim_link_up);
}

static void call_arrives(void *arg)
{
	struct link *link = arg;
	struct sim_net *net = link->net;
	struct sim_port *port = sim_net_port(net, link->remote);
	enum sim_cut cut = SIM_CUT_STALL;
	bool is_cut = sim_net_cut_kind(net, link->local, link->remote, &cut);

	link->timer[LINK_TIMER_FLIGHT] = NULL;
	if (link->state == LINK_GONE) {
		sim_link_free(link);
	} else if (is_cut && cut == SIM_CUT_RESET) {
		net->sight.refused++;
		sim_link_fail(link, EHOSTUNREACH, sim_link_way(link));
	} else if (is_cut || port == NULL || !port->on) {
		call_again(link);
	} else if (port->events == NULL || port->events->called == NULL) {
		net->sight.refused++;
		sim_link_fail(link, ECONNREFUSED, sim_link_way(link));
	} else {
		call_listener(link, port);
	}
}

int sim_net_call(void *priv, uint32_t from, uint32_t to, uint16_t tcp_port,
		 const struct link_events *events, void *arg,
		 struct link **link)
{
	struct sim_port *port = talloc_get_type_abort(priv, struct sim_port);
	uint32_t local = from != 0 ? from : port->address;
	struct link *fresh = NULL;

	(void)tcp_port;
	if (sim_net_port(port->net, local) != port) {
		return EADDRNOTAVAIL;
	}
	fresh = sim_link_create(port, local, to);
	fresh->events = events;
	fresh->arg = arg;
	port->net->sight.calls++;
	sim_link_later(fresh, LINK_TIMER_FLIGHT, sim_link_way(fresh),
		       call_arrives);
	*link = fresh;
	return 0;
}

/* ---- datagrams ---- */

struct datagram {
	struct sim_net *net;
	uint32_t from, to;
	uint16_t from_port, to_port;
	size_t len;
	uint8_t data[];
};

static void datagram_arrives(void *arg)
{
	struct datagram *d = arg;
	struct sim_port *port = sim_net_port(d->net, d->to);

	if (port != NULL && port->on && port->events != NULL &&
	    port->events->datagram != NULL &&
	    !sim_net_is_cut(d->net, d->from, d->to)) {
		d->net->acting = port->address;
		port->events->datagram(port->arg, d->to, d->from, d->from_port,
				       d->to_port, d->data, d->len);
		d->net->acting = 0;
	} else {
		d->net->sight.lost++;
	}
	talloc_free(d);
}

void sim_net_send(struct sim_net *net, uint32_t from, uint16_t from_port,
		  uint32_t to, uint16_t to_port, const uint8_t *data,
		  size_t len)
{
	/* its luck depends on the pair and the moment, not on others */
	uint64_t luck = sim_seed_of(net->config.seed ^ sim_time_usec(net->time),
				    (uint64_t)from << 32 | to);
	uint32_t spread = net->config.far_usec - net->config.near_usec;
	struct datagram *d = NULL;

	net->sight.datagrams++;
	if (sim_draw_below(&luck, 1000) < net->config.loss ||
	    sim_net_is_cut(net, from, to)) {
		net->sight.lost++;
		return;
	}
	d = talloc_size(net, sizeof(*d) + len);
	*d = (struct datagram){
		.net = net, .from = from, .to = to, .from_port = from_port,
		.to_port = to_port, .len = len,
	};
	memcpy(d->data, data, len);
	net->clock.world.timer_start(
		net->clock.world.priv,
		net->config.near_usec + sim_draw_below(&luck, spread),
		datagram_arrives, d);
}

/* ---- sight ---- */

void sim_net_watch(struct sim_net *net,
		   void (*watch)(void *arg, uint32_t from, uint32_t to,
				 const uint8_t *data, size_t len),
		   void *arg)
{
	net->watch = watch;
	net->watch_arg = arg;
}

uint32_t sim_net_acting(const struct sim_net *net)
{
	return net->acting;
}

void sim_net_sight(const struct sim_net *net, struct sim_net_sight *sight)
{
	*sight = net->sight;
}
