/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A running server: all rooms and what connects them. wire.c puts it together
 * and takes it apart, ageing.c starts its clock, addresses.c keeps its sockets
 * in step with the machine, replication.c looks after that of partners,
 * autodiscovery.c after who else is there, counters.c shows its numbers.
 */
#ifndef WINS_WIRE_H
#define WINS_WIRE_H

#include <talloc.h>

#include "backups.h"
#include "config.h"
#include "net/control_server.h"
#include "net/discovery.h"
#include "net/door.h"
#include "net/ifaces.h"
#include "net/ifwatch.h"
#include "net/multicast.h"
#include "net/tcp42.h"
#include "net/udp137.h"
#include "repl/repl.h"
#include "store/disk.h"
#include "store/store.h"
#include "usage_keep.h"
#include "world.h"

struct wins_server {
	struct wins_host host;		/* our copy of the host's vtable */
	struct wins_config *config;
	struct world *world;
	struct store_backend backend;
	struct store *store;
	struct tevent_fd *store_fde[STORE_FDS];
	struct udp137_sink sink;
	struct udp137 *udp;
	struct door *door;
	struct tcp42_receiver receiver;
	struct tcp42 *tcp;
	struct repl *repl;
	struct multicast *multicast;
	struct discovery_ops discovery_ops;
	struct discovery *discovery;
	struct backups *backups;
	struct usage_keep *usage;
	struct ifwatch *watch;
	struct control_context context;
	struct control_server *control;

	uint32_t self;			/* owner address */
	bool first_start;		/* it is not in the database yet */

	bool idle[IFACES_WORDS_MAX];	/* words of `interfaces` told idle */
	struct nb_timer *retry;		/* an address could not be opened */
	char *no_port;			/* why nobody listens to partners */
	char counter[64];		/* name of the counter shown last */
};

/* ---- wire.c ---- */

/* As wins_module.start: *server hangs off host->mem_ctx. */
int wire_start(const struct wins_host *host, struct wins_server **server,
	       char **message);

/* As wins_module.reload, with the message on mem_ctx. */
int wire_reload(struct wins_server *server, TALLOC_CTX *mem_ctx,
		char **message);

/* Tell the host that the service is up, and how it is. */
void wire_tell(struct wins_server *server);

/* ---- ageing.c ---- */

/*
 * Let the ageing clock go on where it stopped: once, between the opening of
 * the store and everything that asks the clock.
 */
void ageing_start(struct wins_server *server);

/* ---- addresses.c ---- */

/*
 * Find our owner address: winsdb:local_owner, else what the database says,
 * else the first served address. Errors say which command helps.
 */
int addresses_owner(struct wins_server *server, TALLOC_CTX *mem_ctx,
		    char **message);

/*
 * Serve what `interfaces` of this configuration stands for at present. An
 * error if that is nothing (ENODEV) or a socket cannot be opened.
 */
int addresses_serve(struct wins_server *server,
		    const struct wins_config *config, TALLOC_CTX *mem_ctx,
		    char **message);

/* What serve shall go by: the configuration, and what follows from us. */
void addresses_apply(struct wins_server *server);

/* From now on follow the machine's addresses. */
int addresses_watch(struct wins_server *server);

/* ---- replication.c ---- */

/* The sockets of replication, none open, and repl behind them. */
int replication_open(struct wins_server *server);

/* For addresses.c: listen on these. */
int replication_serve(struct wins_server *server,
		      const struct wins_config *config,
		      const struct serve_iface *iface, unsigned int count,
		      TALLOC_CTX *mem_ctx, char **message);

/* No partner of this configuration may have an address that we serve now. */
int replication_check(const struct wins_server *server,
		      const struct wins_config *config, TALLOC_CTX *mem_ctx,
		      char **message);

/* Replicate by this configuration from now on, or ENOMEM as before. */
int replication_set(struct wins_server *server,
		    const struct wins_config *config);

/* ---- autodiscovery.c ---- */

/* No socket, off. */
int autodiscovery_open(struct wins_server *server);

/* Follow configuration and addresses, as soon as the store is loaded. */
void autodiscovery_follow(struct wins_server *server);

/* Say good-bye, and end. */
void autodiscovery_close(struct wins_server *server);

/* ---- counters.c ---- */

/* As control_context.stat_at. */
bool counters_at(void *priv, unsigned int index, const char **name,
		 uint64_t *value);

#endif
