/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replication in a running server: its sockets, repl behind them, and how both
 * follow the configuration and the machine's addresses.
 *
 *	incoming:  tcp42 -> receiver -> repl_accept
 *	outgoing:  repl -> link_ops -> tcp42
 *
 * A server without partners listens too, so that the log can name a caller
 * and the line that would let it in. But it does not fail for want of the
 * port: whoever runs one server alone, perhaps as an ordinary user, needs no
 * TCP port.
 *
 * A partner that is this server itself would be believed about our own
 * records. What the file alone tells of that was looked at when it was read
 * (core/settings_partners.c); here are the addresses of named interfaces.
 */
#include <errno.h>
#include <string.h>

#include "wire.h"

static bool receiver_accept(void *priv, struct link *link, uint32_t from)
{
	struct wins_server *server = priv;

	return repl_accept(server->repl, link, from);
}

static struct repl_config config_of(const struct wins_server *server,
				    const struct wins_config *config)
{
	struct repl_config repl = config->repl;

	repl.self = server->self;
	return repl;
}

int replication_open(struct wins_server *server)
{
	const struct wins_config *config = server->config;
	const struct nb_world *world = &server->world->ops;
	const struct repl_config repl = config_of(server, config);
	int ret;

	server->receiver = (struct tcp42_receiver) {
		.priv = server,
		.accept = receiver_accept,
	};
	ret = tcp42_create(server, server->host.ev, world, &server->receiver,
			   config->repl.port, &server->tcp);
	if (ret != 0) {
		return ret;
	}
	return repl_create(server, world, server->store,
			   door_serve(server->door), tcp42_ops(server->tcp),
			   &repl, &server->repl);
}

/* ---- addresses ---- */

/* Nobody misses the port: say so once for each reason. */
static void do_without(struct wins_server *server, const char *reason)
{
	if (server->no_port != NULL && strcmp(server->no_port, reason) == 0) {
		return;
	}
	TALLOC_FREE(server->no_port);
	server->no_port = talloc_strdup(server, reason);
	nb_log(&server->world->ops, NB_LOG_WARNING, "replication: %s; it is "
	       "done without, as there are no partners", reason);
}

int replication_serve(struct wins_server *server,
		      const struct wins_config *config,
		      const struct serve_iface *iface, unsigned int count,
		      TALLOC_CTX *mem_ctx, char **message)
{
	char *reason = NULL;
	int ret = tcp42_serve(server->tcp, iface, count, mem_ctx, &reason);

	if (ret == 0) {
		TALLOC_FREE(server->no_port);
		return 0;
	}
	if (config->repl.partners == 0 && config->repl.only_partners) {
		do_without(server, reason != NULL ? reason : strerror(ret));
		talloc_free(reason);
		return 0;
	}
	*message = reason;
	return ret;
}

static bool is_ours(const struct wins_server *server, uint32_t address)
{
	struct serve_iface iface[SERVE_IFACES_MAX];
	unsigned int count = udp137_served(server->udp, iface);

	for (unsigned int i = 0; i < count; i++) {
		if (iface[i].ip == address) {
			return true;
		}
	}
	return address == server->self;
}

int replication_check(const struct wins_server *server,
		      const struct wins_config *config, TALLOC_CTX *mem_ctx,
		      char **message)
{
	char text[NB_ADDR_TEXT];

	for (unsigned int i = 0; i < config->repl.partners; i++) {
		uint32_t address = config->repl.partner[i].address;

		if (is_ours(server, address)) {
			*message = talloc_asprintf(
				mem_ctx, "wins:partners has %s, an address of "
				"this server: take it out",
				nb_addr_print(address, text));
			return EINVAL;
		}
	}
	return 0;
}

/* ---- changing ---- */

int replication_set(struct wins_server *server,
		    const struct wins_config *config)
{
	const struct repl_config repl = config_of(server, config);

	return repl_set_config(server->repl, &repl);
}
