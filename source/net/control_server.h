/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control socket: a unix stream socket, frames in, frames out.
 *
 * The file is mode 0600, or 0660 with the group that may read or administrate
 * (with two groups the second gets in by an access list). Who a peer is says
 * the kernel, at connect: root and our own user may do everything, members of
 * the admin group too, members of the read group may look.
 *
 * One request at a time per client and one reply frame per request: a client
 * that does not read costs one frame of memory, and no time. One that sends
 * before it has its reply, or closes its sending side, is taken for gone.
 */
#ifndef WINSD_NET_CONTROL_SERVER_H
#define WINSD_NET_CONTROL_SERVER_H

#include <tevent.h>

#include "control/control.h"

#define CONTROL_CLIENTS_MAX	64	/* at the same time */
#define CONTROL_READERS_MAX	48	/* of them without the admin right */
#define CONTROL_IDLE_SECONDS	300	/* without a whole request, or with a
					   reply that nobody reads */

struct control_server;

/*
 * Listen at path. A socket file that is there already is removed: the caller
 * holds the server's lock, so it is a dead server's. read_group, admin_group:
 * names of unix groups, or NULL. context is read at each command and outlives
 * the server.
 *
 * 0, or an errno and *message on mem_ctx: one line that names path or group.
 * talloc_free() closes everything and removes the file; answers that are
 * still pending are forgotten.
 */
int control_server_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
			  const struct control_context *context,
			  const char *path, const char *read_group,
			  const char *admin_group,
			  struct control_server **server, char **message);

/*
 * Swap the groups at a reload. On error (ENOENT: no such group, or the errno
 * of the file change) a message, and the old groups stay.
 */
int control_server_set_groups(struct control_server *server,
			      TALLOC_CTX *mem_ctx, const char *read_group,
			      const char *admin_group, char **message);

/* How long a client may be idle, for those that come or speak from now on. */
void control_server_set_idle(struct control_server *server,
			     unsigned int seconds);

/* Clients connected now. */
unsigned int control_server_clients(const struct control_server *server);

#endif
