/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A netlink socket in the groups for IPv4 addresses and for links (an address
 * of a link that comes up is no address event). Its messages are thrown away
 * unread; that something came is the news.
 *
 * News settle for a moment before they are told: a machine that starts a
 * hundred containers sends hundreds of messages, and reading all addresses
 * for each of them would be a load of its own. ENOBUFS means that messages
 * were lost, which is news as well.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/ifwatch.h"

#define DRAIN_MAX	64	/* messages per wake-up */

struct ifwatch {
	const struct nb_world *world;
	int fd;
	struct tevent_fd *fde;
	struct nb_timer *timer;
	void (*changed)(void *arg);
	void *arg;
};

static int ifwatch_destroy(struct ifwatch *watch)
{
	watch->world->timer_stop(watch->world->priv, watch->timer);
	TALLOC_FREE(watch->fde);
	if (watch->fd != -1) {
		close(watch->fd);
	}
	return 0;
}

static void ifwatch_settled(void *arg)
{
	struct ifwatch *watch = talloc_get_type_abort(arg, struct ifwatch);

	watch->timer = NULL;
	watch->changed(watch->arg);
}

static void ifwatch_ready(struct tevent_context *ev, struct tevent_fd *fde,
			  uint16_t flags, void *arg)
{
	struct ifwatch *watch = talloc_get_type_abort(arg, struct ifwatch);
	const struct nb_world *world = watch->world;
	char scrap[8192];
	int i;

	(void)ev;
	(void)fde;
	(void)flags;
	for (i = 0; i < DRAIN_MAX; i++) {
		if (recv(watch->fd, scrap, sizeof(scrap), 0) <= 0 &&
		    errno != ENOBUFS) {
			break;
		}
	}
	if (watch->timer == NULL) {
		watch->timer = world->timer_start(world->priv,
						  IFWATCH_SETTLE_USEC,
						  ifwatch_settled, watch);
	}
	if (watch->timer == NULL) {
		watch->changed(watch->arg);	/* out of memory: now, then */
	}
}

static int ifwatch_open(struct ifwatch *watch)
{
	struct sockaddr_nl sa = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_LINK,
	};

	watch->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
			   NETLINK_ROUTE);
	if (watch->fd == -1) {
		return errno;
	}
	if (bind(watch->fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
		return errno;
	}
	return 0;
}

int ifwatch_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		   const struct nb_world *world, void (*changed)(void *arg),
		   void *arg, struct ifwatch **watch)
{
	struct ifwatch *w = talloc_zero(mem_ctx, struct ifwatch);
	int ret;

	if (w == NULL) {
		return ENOMEM;
	}
	w->world = world;
	w->fd = -1;
	w->changed = changed;
	w->arg = arg;
	talloc_set_destructor(w, ifwatch_destroy);
	ret = ifwatch_open(w);
	if (ret == 0) {
		w->fde = tevent_add_fd(ev, w, w->fd, TEVENT_FD_READ,
				       ifwatch_ready, w);
		ret = w->fde == NULL ? ENOMEM : 0;
	}
	if (ret != 0) {
		talloc_free(w);
		return ret;
	}
	*watch = w;
	return 0;
}
