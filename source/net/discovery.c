/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Announcing and listening, see discovery.h and microsoft-wins.md 5.1.
 *
 * Announcing: at once when it is switched on, then every 40 minutes, and a
 * good-bye when it is switched off or the server ends. The patch MS09-008 made
 * servers announce as fast as they could (KB969373). Here one number is the
 * guard, when the last announcement left by the monotonic clock; it outlives
 * every change of mode and addresses, and no wall clock is asked. A good-bye
 * needs an announcement before it, so there are no more of those either.
 *
 * Networks are told one by one, each of all our addresses: a server with two
 * addresses in one network speaks once there. Loopback is a network of its
 * own, whose addresses mean nothing elsewhere.
 *
 * Listening: a server is told of in the log once a day, and once a day that it
 * goes down. The table keeps its entries: a flood of invented addresses fills
 * it, but does not push out who was there before; entries not heard of for a
 * day make room.
 */
#include <errno.h>
#include <string.h>

#include "codec/discovery.h"
#include "core/addr.h"
#include "net/discovery.h"

#define USEC		1000000u
#define HOUR		(3600ull * USEC)
#define DAY		(24 * HOUR)
#define INTERVAL	((uint64_t)DISCOVERY_INTERVAL * USEC)

/* All times but those of sight are of the monotonic clock. */
struct heard {
	struct discovery_sight sight;
	uint64_t last;
	uint64_t told_up;	/* 0: never; else the time and 1 */
	uint64_t told_down;
};

/* So many in so long. */
struct allowance {
	uint64_t began;
	unsigned int used;
};

struct discovery {
	const struct nb_world *world;
	const struct discovery_ops *ops;
	unsigned int mode;
	unsigned int faces;
	struct serve_iface face[SERVE_IFACES_MAX];
	struct nb_timer *timer;
	bool announced;		/* ever */
	uint64_t last;		/* announcement, if ever */
	bool up;		/* and no good-bye since */
	struct allowance lines;
	struct allowance datagrams;
	unsigned int count;
	struct heard *table;	/* of DISCOVERY_SERVERS_MAX; NULL: not yet */
	struct discovery_stats stats;
};

static uint64_t now(const struct discovery *d)
{
	return d->world->mono(d->world->priv);
}

/* One more? Begins anew when the time is over. */
static bool allow(struct allowance *a, uint64_t when, uint64_t length,
		  unsigned int most)
{
	if (when - a->began >= length) {
		*a = (struct allowance) { .began = when };
	}
	return a->used++ < most;
}

/* ---- announcing ---- */

/* What can be told where this address is. */
static void say_from(struct discovery *d, const struct serve_iface *face,
		     bool up)
{
	struct discovery_message message = { .up = up };
	uint8_t data[DISCOVERY_SIZE_MAX];

	for (unsigned int i = 0; i < d->faces; i++) {
		if (nb_addr_is_loopback(d->face[i].ip) ==
		    nb_addr_is_loopback(face->ip)) {
			message.address[message.count++] = d->face[i].ip;
		}
	}
	if (d->ops->send(d->ops->priv, face->ip, data,
			 discovery_encode(&message, data)) == 0) {
		d->stats.sent++;
	} else {
		d->stats.send_errors++;
	}
}

/* Is an address before this one in the same network? */
static bool told_there(const struct discovery *d, unsigned int index)
{
	const struct serve_iface *face = &d->face[index];

	for (unsigned int i = 0; i < index; i++) {
		if (d->face[i].mask == face->mask &&
		    ((d->face[i].ip ^ face->ip) & face->mask) == 0) {
			return true;
		}
	}
	return false;
}

static void say(struct discovery *d, bool up)
{
	for (unsigned int i = 0; i < d->faces; i++) {
		if (!told_there(d, i)) {
			say_from(d, &d->face[i], up);
		}
	}
}

static void plan(struct discovery *d);

static void announce_due(void *arg)
{
	struct discovery *d = talloc_get_type_abort(arg, struct discovery);

	d->timer = NULL;
	d->announced = true;
	d->last = now(d);
	d->up = true;
	d->stats.announced++;
	say(d, true);
	plan(d);
}

/* Without memory for the timer: at the next change, or never. */
static void plan(struct discovery *d)
{
	uint64_t since = now(d) - d->last;
	uint64_t wait = d->announced && since < INTERVAL ? INTERVAL - since :
							   0;

	if ((d->mode & DISCOVERY_ANNOUNCE) == 0 || d->faces == 0) {
		d->world->timer_stop(d->world->priv, d->timer);
		d->timer = NULL;
	} else if (d->timer == NULL) {
		d->timer = d->world->timer_start(d->world->priv, wait,
						 announce_due, d);
	}
}

static void say_goodbye(struct discovery *d)
{
	if (d->up) {
		d->up = false;
		say(d, false);
	}
}

void discovery_set_mode(struct discovery *d, unsigned int mode)
{
	d->mode = mode;
	plan(d);
	if ((mode & DISCOVERY_ANNOUNCE) == 0) {
		say_goodbye(d);
	}
}

void discovery_set_addresses(struct discovery *d,
			     const struct serve_iface *iface,
			     unsigned int count)
{
	d->faces = count < SERVE_IFACES_MAX ? count : SERVE_IFACES_MAX;
	memcpy(d->face, iface, d->faces * sizeof(d->face[0]));
	plan(d);
}

void discovery_leave(struct discovery *d)
{
	discovery_set_mode(d, DISCOVERY_OFF);
}

/* ---- listening ---- */

static bool is_ours(const struct discovery *d, uint32_t address)
{
	for (unsigned int i = 0; i < d->faces; i++) {
		if (d->face[i].ip == address) {
			return true;
		}
	}
	return false;
}

static struct heard *find(const struct discovery *d, uint32_t address)
{
	for (unsigned int i = 0; i < d->count; i++) {
		if (d->table[i].sight.address == address) {
			return &d->table[i];
		}
	}
	return NULL;
}

/* An entry that was not heard of for a day, the longest; or NULL. */
static struct heard *stale(const struct discovery *d, uint64_t when)
{
	struct heard *oldest = &d->table[0];

	for (unsigned int i = 1; i < d->count; i++) {
		if (d->table[i].last < oldest->last) {
			oldest = &d->table[i];
		}
	}
	return when - oldest->last >= DAY ? oldest : NULL;
}

static struct heard *add(struct discovery *d, uint32_t address, uint64_t when)
{
	struct heard *heard = NULL;

	if (d->table == NULL) {
		d->table = talloc_zero_array(d, struct heard,
					     DISCOVERY_SERVERS_MAX);
	}
	if (d->table == NULL) {
		return NULL;
	}
	heard = d->count < DISCOVERY_SERVERS_MAX ? &d->table[d->count++] :
						   stale(d, when);
	if (heard != NULL) {
		*heard = (struct heard) {
			.sight.address = address,
			.sight.first = d->world->wall(d->world->priv),
		};
	}
	return heard;
}

/* Once a day for each server, and not without end for all of them. */
static bool may_tell(struct discovery *d, uint64_t *told, uint64_t when)
{
	if (*told != 0 && when - (*told - 1) < DAY) {
		return false;
	}
	*told = when + 1;
	if (allow(&d->lines, when, HOUR, DISCOVERY_LINES_MAX)) {
		return true;
	}
	if (d->lines.used == DISCOVERY_LINES_MAX + 1) {
		nb_log(d->world, NB_LOG_WARNING, "auto-discovery: more than %d "
		       "servers in an hour: no more of them is logged for "
		       "now. Does somebody invent them?", DISCOVERY_LINES_MAX);
	}
	return false;
}

static void tell(struct discovery *d, struct heard *heard, uint64_t when)
{
	char address[NB_ADDR_TEXT], from[NB_ADDR_TEXT];

	nb_addr_print(heard->sight.address, address);
	nb_addr_print(heard->sight.from, from);
	if (d->ops->is_partner(d->ops->priv, heard->sight.address)) {
		return;
	}
	if (heard->sight.up && may_tell(d, &heard->told_up, when)) {
		nb_log(d->world, NB_LOG_NOTICE, "auto-discovery: a WINS server "
		       "is at %s, says %s; it is no partner, and becomes none "
		       "by that", address, from);
	} else if (!heard->sight.up &&
		   may_tell(d, &heard->told_down, when)) {
		nb_log(d->world, NB_LOG_NOTICE, "auto-discovery: the WINS "
		       "server at %s goes down, says %s", address, from);
	}
}

static void see(struct discovery *d, uint32_t from, uint32_t address, bool up)
{
	uint64_t when = now(d);
	struct heard *heard = find(d, address);

	if (heard == NULL && !up) {
		return;		/* nobody knew that it was there */
	}
	if (heard == NULL) {
		heard = add(d, address, when);
	}
	if (heard == NULL) {
		d->stats.forgotten++;
		return;
	}
	heard->last = when;
	heard->sight.from = from;
	heard->sight.up = up;
	heard->sight.last = d->world->wall(d->world->priv);
	heard->sight.announcements += up;
	tell(d, heard, when);
}

void discovery_heard(struct discovery *d, uint32_t from, const uint8_t *data,
		     size_t len)
{
	struct discovery_message message;

	if ((d->mode & DISCOVERY_DETECT) == 0 || is_ours(d, from)) {
		return;
	}
	d->stats.heard++;
	if (!allow(&d->datagrams, now(d), USEC, DISCOVERY_HEARD_MAX)) {
		d->stats.flooded++;
		return;
	}
	if (!discovery_decode(data, len, &message)) {
		d->stats.bad++;
		return;
	}
	for (unsigned int i = 0; i < message.count; i++) {
		if (!is_ours(d, message.address[i])) {
			see(d, from, message.address[i], message.up);
		}
	}
}

/* ---- sight ---- */

bool discovery_at(const struct discovery *d, unsigned int index,
		  struct discovery_sight *sight)
{
	if (index >= d->count) {
		return false;
	}
	*sight = d->table[index].sight;
	return true;
}

const struct discovery_stats *discovery_stats(const struct discovery *d)
{
	return &d->stats;
}

/* ---- making ---- */

static int discovery_destroy(struct discovery *d)
{
	d->world->timer_stop(d->world->priv, d->timer);
	return 0;
}

int discovery_create(TALLOC_CTX *mem_ctx, const struct nb_world *world,
		     const struct discovery_ops *ops,
		     struct discovery **discovery)
{
	struct discovery *d = talloc_zero(mem_ctx, struct discovery);

	if (d == NULL) {
		return ENOMEM;
	}
	d->world = world;
	d->ops = ops;
	talloc_set_destructor(d, discovery_destroy);
	*discovery = d;
	return 0;
}
