/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Multicast datagrams, see multicast.h and microsoft-wins.md 5.1.
 *
 * The socket that listens is bound to the group's address, so that it hears
 * nothing else, with SO_REUSEADDR, so that two servers of a machine both hear;
 * the kernel gives each of them its copy. Announcements are as rare as they
 * are few: each has a socket for itself, bound to the address it is from.
 *
 * A changed set of addresses makes a new socket. Rejected: keeping books of
 * joins and leaves, which go wrong when an interface takes its own with it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/discovery.h"
#include "core/addr.h"
#include "net/multicast.h"

#define READ_MAX	16	/* datagrams at a wake-up */
#define HOPS		6	/* McastTtl, microsoft-wins.md 2 */

struct multicast {
	struct tevent_context *ev;
	const struct nb_world *world;
	uint16_t port;
	void (*heard)(void *priv, uint32_t from, const uint8_t *data,
		      size_t len);
	void *priv;
	int fd;			/* -1: none */
	struct tevent_fd *fde;
	unsigned int count;	/* joined on the networks of these */
	uint32_t joined[SERVE_IFACES_MAX];
	int told_send;		/* errno that the log knows */
	uint8_t buf[DISCOVERY_SIZE_MAX + 1];
};

static struct sockaddr_in address_of(uint32_t ip, uint16_t port)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(ip),
	};

	return sa;
}

static void leave(struct multicast *m)
{
	TALLOC_FREE(m->fde);
	if (m->fd != -1) {
		close(m->fd);
		m->fd = -1;
	}
	m->count = 0;
}

/* ---- listening ---- */

/* False: no more for now. Longer than any of ours: the rest is cut off. */
static bool read_one(struct multicast *m)
{
	struct sockaddr_in sa = {0};
	socklen_t sa_len = sizeof(sa);
	ssize_t len = recvfrom(m->fd, m->buf, sizeof(m->buf), MSG_DONTWAIT,
			       (struct sockaddr *)&sa, &sa_len);

	if (len >= 0) {
		m->heard(m->priv, ntohl(sa.sin_addr.s_addr), m->buf,
			 (size_t)len);
		return true;
	}
	if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
		nb_log(m->world, NB_LOG_WARNING, "auto-discovery: receive: "
		       "%s: nobody is heard any more", strerror(errno));
		leave(m);
	}
	return false;
}

static void multicast_ready(struct tevent_context *ev, struct tevent_fd *fde,
			    uint16_t flags, void *arg)
{
	struct multicast *m = talloc_get_type_abort(arg, struct multicast);

	(void)ev;
	(void)fde;
	(void)flags;
	for (unsigned int i = 0; i < READ_MAX && read_one(m); i++) {
	}
}

static int open_socket(struct multicast *m)
{
	struct sockaddr_in sa = address_of(DISCOVERY_GROUP, m->port);
	int on = 1, off = 0;

	m->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (m->fd == -1) {
		return errno;
	}
	if (setsockopt(m->fd, SOL_SOCKET, SO_REUSEADDR, &on,
		       sizeof(on)) != 0 ||
	    setsockopt(m->fd, IPPROTO_IP, IP_MULTICAST_ALL, &off,
		       sizeof(off)) != 0 ||
	    bind(m->fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
		return errno;
	}
	m->fde = tevent_add_fd(m->ev, m, m->fd, TEVENT_FD_READ,
			       multicast_ready, m);
	return m->fde == NULL ? ENOMEM : 0;
}

/* Two addresses of one interface join it twice: EADDRINUSE, and well. */
static void join_one(struct multicast *m, uint32_t ip)
{
	char text[NB_ADDR_TEXT];
	struct ip_mreqn request = {
		.imr_multiaddr.s_addr = htonl(DISCOVERY_GROUP),
		.imr_address.s_addr = htonl(ip),
	};

	if (setsockopt(m->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request,
		       sizeof(request)) != 0 && errno != EADDRINUSE) {
		nb_log(m->world, NB_LOG_WARNING, "auto-discovery: nobody is "
		       "heard on the network of %s: %s",
		       nb_addr_print(ip, text), strerror(errno));
	}
}

static bool is_joined(const struct multicast *m,
		      const struct serve_iface *iface, unsigned int count)
{
	if (m->fd == -1 || count != m->count) {
		return false;
	}
	for (unsigned int i = 0; i < count; i++) {
		if (m->joined[i] != iface[i].ip) {
			return false;
		}
	}
	return true;
}

void multicast_join(struct multicast *m, const struct serve_iface *iface,
		    unsigned int count)
{
	int ret;

	if (count > 0 && is_joined(m, iface, count)) {
		return;
	}
	leave(m);
	if (count == 0) {
		return;
	}
	ret = open_socket(m);
	if (ret != 0) {
		nb_log(m->world, NB_LOG_WARNING, "auto-discovery: nobody is "
		       "heard: UDP port %u: %s", m->port, strerror(ret));
		leave(m);
		return;
	}
	for (unsigned int i = 0; i < count && i < SERVE_IFACES_MAX; i++) {
		join_one(m, iface[i].ip);
		m->joined[m->count++] = iface[i].ip;
	}
}

/* ---- sending ---- */

static int send_from(int fd, uint32_t local, uint16_t port,
		     const uint8_t *data, size_t len)
{
	struct sockaddr_in ours = address_of(local, 0);
	struct sockaddr_in group = address_of(DISCOVERY_GROUP, port);
	struct in_addr face = { .s_addr = htonl(local) };
	int hops = HOPS;

	if (bind(fd, (struct sockaddr *)&ours, sizeof(ours)) != 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &face,
		       sizeof(face)) != 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops,
		       sizeof(hops)) != 0 ||
	    sendto(fd, data, len, MSG_DONTWAIT, (struct sockaddr *)&group,
		   sizeof(group)) == -1) {
		return errno;
	}
	return 0;
}

int multicast_send(struct multicast *m, uint32_t local, const uint8_t *data,
		   size_t len)
{
	char text[NB_ADDR_TEXT];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret = fd == -1 ? errno : send_from(fd, local, m->port, data, len);

	if (fd != -1) {
		close(fd);
	}
	if (ret != 0 && ret != m->told_send) {
		m->told_send = ret;
		nb_log(m->world, NB_LOG_WARNING, "auto-discovery: nothing can "
		       "be announced on the network of %s: %s",
		       nb_addr_print(local, text), strerror(ret));
	}
	return ret;
}

/* ---- making ---- */

static int multicast_destroy(struct multicast *m)
{
	leave(m);
	return 0;
}

int multicast_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		     const struct nb_world *world, uint16_t port,
		     void (*heard)(void *priv, uint32_t from,
				   const uint8_t *data, size_t len),
		     void *priv, struct multicast **multicast)
{
	struct multicast *m = talloc_zero(mem_ctx, struct multicast);

	if (m == NULL) {
		return ENOMEM;
	}
	m->ev = ev;
	m->world = world;
	m->port = port;
	m->heard = heard;
	m->priv = priv;
	m->fd = -1;
	talloc_set_destructor(m, multicast_destroy);
	*multicast = m;
	return 0;
}
