/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Auto-discovery (wins:autodiscovery): when to say that we are here, and what
 * is remembered of others that say so. Nobody becomes a partner by it. No
 * socket here: net/multicast.h has it, a test or a simulator another one.
 *
 * What a stranger can send at any rate costs bounded work, memory and log.
 */
#ifndef WINSD_NET_DISCOVERY_H
#define WINSD_NET_DISCOVERY_H

#include <talloc.h>

#include "core/world.h"
#include "serve/serve.h"

#define DISCOVERY_INTERVAL	2400	/* s between two announcements */
#define DISCOVERY_SERVERS_MAX	1024	/* heard of, remembered */
#define DISCOVERY_LINES_MAX	100	/* of log in an hour */
#define DISCOVERY_HEARD_MAX	50	/* datagrams looked at in a second */

/* What is done; bits. */
#define DISCOVERY_OFF		0u
#define DISCOVERY_DETECT	1u
#define DISCOVERY_ANNOUNCE	2u

struct discovery;

struct discovery_ops {
	void *priv;
	/* To the group, from our address local. Lost if it fails. */
	int (*send)(void *priv, uint32_t local, const uint8_t *data,
		    size_t len);
	/* Is it known already, and nothing to tell of? */
	bool (*is_partner)(void *priv, uint32_t address);
};

/* Off, without addresses. world and ops outlive it. */
int discovery_create(TALLOC_CTX *mem_ctx, const struct nb_world *world,
		     const struct discovery_ops *ops,
		     struct discovery **discovery);

/*
 * May be called at any time and as often as one likes: two announcements are
 * DISCOVERY_INTERVAL apart all the same. When announcing ends others are told,
 * once for each announcement.
 */
void discovery_set_mode(struct discovery *discovery, unsigned int mode);
void discovery_set_addresses(struct discovery *discovery,
			     const struct serve_iface *iface,
			     unsigned int count);

/* An orderly end: say good-bye if we had said hello. Off from now on. */
void discovery_leave(struct discovery *discovery);

/* A datagram that came to the group. */
void discovery_heard(struct discovery *discovery, uint32_t from,
		     const uint8_t *data, size_t len);

/* ---- sight ---- */

struct discovery_sight {
	uint32_t address;
	uint32_t from;		/* who said so, last */
	bool up;
	int64_t first;		/* wall clock */
	int64_t last;
	uint64_t announcements;
};
/* Servers heard of, by index; false after the last. */
bool discovery_at(const struct discovery *discovery, unsigned int index,
		  struct discovery_sight *sight);

struct discovery_stats {
	uint64_t announced;	/* times, not datagrams */
	uint64_t sent;		/* datagrams */
	uint64_t send_errors;
	uint64_t heard;		/* datagrams */
	uint64_t bad;		/* of them: none of the protocol */
	uint64_t flooded;	/* of them: too many at once, not looked at */
	uint64_t forgotten;	/* addresses for which there was no room */
};
const struct discovery_stats *
discovery_stats(const struct discovery *discovery);

#endif
