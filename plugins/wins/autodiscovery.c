/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Auto-discovery in a running server (wins:autodiscovery): which addresses it
 * speaks of, and when it may.
 *
 *	heard:  multicast -> discovery (log, table)
 *	said:   discovery -> discovery_ops -> multicast
 *
 * A server that is still loading says nothing: others would come and find it
 * deaf. One that observes never does: it is not there.
 */
#include "wire.h"

static int ops_send(void *priv, uint32_t local, const uint8_t *data,
		    size_t len)
{
	struct wins_server *server = priv;

	return multicast_send(server->multicast, local, data, len);
}

static bool ops_is_partner(void *priv, uint32_t address)
{
	struct wins_server *server = priv;
	const struct repl_config *repl = &server->config->repl;

	for (unsigned int i = 0; i < repl->partners; i++) {
		const struct repl_partner_config *partner = &repl->partner[i];

		if (partner->address == address) {
			return true;
		}
		for (unsigned int k = 0; k < partner->options.also_count;
		     k++) {
			if (partner->options.also[k] == address) {
				return true;
			}
		}
	}
	return false;
}

static void heard(void *priv, uint32_t from, const uint8_t *data, size_t len)
{
	struct wins_server *server = priv;

	discovery_heard(server->discovery, from, data, len);
}

int autodiscovery_open(struct wins_server *server)
{
	const struct nb_world *world = &server->world->ops;
	int ret;

	server->discovery_ops = (struct discovery_ops) {
		.priv = server,
		.send = ops_send,
		.is_partner = ops_is_partner,
	};
	ret = multicast_create(server, server->host.ev, world,
			       server->config->repl.port, heard, server,
			       &server->multicast);
	if (ret != 0) {
		return ret;
	}
	return discovery_create(server, world, &server->discovery_ops,
				&server->discovery);
}

void autodiscovery_follow(struct wins_server *server)
{
	struct serve_iface iface[SERVE_IFACES_MAX];
	unsigned int count = udp137_served(server->udp, iface);
	unsigned int mode = server->config->discovery;

	if (store_loading(server->store)) {
		mode = DISCOVERY_OFF;
	} else if (server->config->observe) {
		mode &= ~DISCOVERY_ANNOUNCE;
	}
	multicast_join(server->multicast, iface,
		       (mode & DISCOVERY_DETECT) != 0 ? count : 0);
	discovery_set_addresses(server->discovery, iface, count);
	discovery_set_mode(server->discovery, mode);
}

void autodiscovery_close(struct wins_server *server)
{
	if (server->discovery != NULL) {
		discovery_leave(server->discovery);
	}
	TALLOC_FREE(server->discovery);
	TALLOC_FREE(server->multicast);
}
