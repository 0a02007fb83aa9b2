/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sockets of a run: one for each local address that requests leave from,
 * made when first needed. WINS takes a release for the address that it comes
 * from (protocol.md 2.6), so each card speaks for itself.
 *
 * While names are registered the sockets try to be at the name service's own
 * port, because that is where a server challenges their holder (2.5); a name
 * that is held here is answered for.
 */
#ifndef WINSREGISTER_LINKS_H
#define WINSREGISTER_LINKS_H

#include "client/nbns.h"

struct links;

/* responding: try for the server's port, and answer for what is held. */
struct links *links_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
			   bool responding);

struct link_info {
	struct nbns_client *client;
	/* not our address: requests leave from wherever the kernel says */
	bool foreign;
	/* why challenges cannot be answered here; 0: they can, or need not */
	int deaf;
};

/* The socket on address local (0: any) for a server at port, or an errno. */
int links_get(struct links *links, uint32_t local, uint16_t port,
	      const struct link_info **info);

/*
 * From now on this name is ours at these addresses, or no more. Holding a
 * name again replaces its addresses. At most NB_MEMBERS_MAX of them.
 */
int links_hold(struct links *links, const struct nb_name *name,
	       uint16_t nb_flags, const uint32_t *addr, unsigned int count);
void links_drop(struct links *links, const struct nb_name *name);

/* The local address that the kernel would use to reach a server. */
int links_route(uint32_t server, uint32_t *local);

#endif
