/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sockets by local address, and the names held on them; see links.h.
 *
 * Only what is held is answered, and only a query for it: the program does
 * not know what other names its host may have, so "no" would be a guess that
 * costs somebody a name. Silence costs a challenger three seconds.
 */
#include "winsregister/links.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/tool.h"
#include "winsregister/trace.h"

struct link {
	struct link *next;
	uint32_t local;
	struct link_info info;
};

struct held {
	struct held *next;
	struct nb_name name;
	uint16_t nb_flags;
	unsigned int count;
	uint32_t addr[NB_MEMBERS_MAX];
};

struct links {
	struct tevent_context *ev;
	bool responding;
	struct link *list;
	struct held *held;
};

static int link_open(struct links *links, struct link *link, uint16_t port);
static bool links_respond(void *priv, const struct nbns_msg *msg,
			  uint32_t from, uint16_t port,
			  struct nb_reply *reply);

struct links *links_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
			   bool responding)
{
	struct links *links = talloc_zero(mem_ctx, struct links);

	if (links != NULL) {
		links->ev = ev;
		links->responding = responding;
	}
	return links;
}

int links_get(struct links *links, uint32_t local, uint16_t port,
	      const struct link_info **info)
{
	struct link *link = NULL;
	int ret = 0;

	for (link = links->list; link != NULL; link = link->next) {
		if (link->local == local) {
			*info = &link->info;
			return 0;
		}
	}
	link = talloc_zero(links, struct link);
	if (link == NULL) {
		return ENOMEM;
	}
	link->local = local;
	ret = link_open(links, link, port);
	if (ret != 0) {
		talloc_free(link);
		return ret;
	}
	nbns_client_set_responder(link->info.client, links_respond, links);
	if (tool_options.debug_level > 0) {
		nbns_client_set_observer(link->info.client, trace_datagram,
					 NULL);
	}
	link->next = links->list;
	links->list = link;
	*info = &link->info;
	return 0;
}

static int link_open(struct links *links, struct link *link, uint16_t port)
{
	struct nbns_client **client = &link->info.client;
	int ret = EADDRNOTAVAIL;

	if (links->responding && link->local != 0) {
		ret = nbns_client_create(link, links->ev, link->local, port,
					 client);
		if (ret == EACCES || ret == EADDRINUSE) {
			link->info.deaf = ret;
			ret = nbns_client_create(link, links->ev, link->local,
						 0, client);
		}
	} else {
		ret = nbns_client_create(link, links->ev, link->local, 0,
					 client);
	}
	if (ret == EADDRNOTAVAIL) {
		link->info.foreign = true;
		link->info.deaf = links->responding ? ret : 0;
		ret = nbns_client_create(link, links->ev, 0, 0, client);
	}
	return ret;
}

static struct held **links_find(struct links *links,
				const struct nb_name *name)
{
	struct held **held = &links->held;

	while (*held != NULL && !nb_name_equal(&(*held)->name, name)) {
		held = &(*held)->next;
	}
	return held;
}

int links_hold(struct links *links, const struct nb_name *name,
	       uint16_t nb_flags, const uint32_t *addr, unsigned int count)
{
	struct held **held = links_find(links, name);

	if (*held == NULL) {
		*held = talloc_zero(links, struct held);
		if (*held == NULL) {
			return ENOMEM;
		}
		(*held)->name = *name;
	}
	(*held)->nb_flags = nb_flags;
	(*held)->count = count < NB_MEMBERS_MAX ? count : NB_MEMBERS_MAX;
	memcpy((*held)->addr, addr, (*held)->count * sizeof(*addr));
	return 0;
}

void links_drop(struct links *links, const struct nb_name *name)
{
	struct held **held = links_find(links, name);
	struct held *gone = *held;

	if (gone != NULL) {
		*held = gone->next;
		talloc_free(gone);
	}
}

static bool links_respond(void *priv, const struct nbns_msg *msg,
			  uint32_t from, uint16_t port,
			  struct nb_reply *reply)
{
	struct links *links = talloc_get_type_abort(priv, struct links);
	struct held *held = NULL;

	(void)from;
	(void)port;
	if (msg->kind != NBNS_QUERY || (msg->operation & NBNS_OP_BROADCAST)) {
		return false;
	}
	held = *links_find(links, &msg->name);
	if (held == NULL) {
		return false;
	}
	reply->kind = NB_REPLY_ADDRESSES;
	reply->nb_flags = held->nb_flags;
	reply->count = (uint8_t)held->count;
	memcpy(reply->addr, held->addr, held->count * sizeof(held->addr[0]));
	return true;
}

int links_route(uint32_t server, uint32_t *local)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(NBNS_PORT),
		.sin_addr.s_addr = htonl(server),
	};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret = 0;

	if (fd == -1) {
		return errno;
	}
	/* connecting a datagram socket sends nothing, it asks the routes */
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) != 0) {
		ret = errno;
	} else {
		*local = ntohl(sin.sin_addr.s_addr);
	}
	close(fd);
	return ret;
}
