/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * UDP sockets, drained in turns, see udp137.h. What the bytes mean is the
 * door's business (door.h); which addresses there are, ifaces.h's.
 *
 * All sockets live in an epoll set of our own whose descriptor is the one
 * thing that tevent watches. A wake-up so sees every socket that is readable
 * and shares its turn among them, a slice each, round and round, and a flood
 * on one address does not starve another. Level triggered: what is left makes
 * the next wake-up.
 *
 * A read never spins: every call uses up budget, whatever it returns; a
 * datagram of no bytes is a datagram; a pending socket error was cleared by
 * the call that told it; and a socket that answers with anything else rests
 * for a moment outside the set (CVE-2014-0244, CVE-2020-14303 were such
 * loops).
 *
 * Rejected: recvmmsg, as fast as recvfrom when measured; one tevent_fd per
 * socket, which wakes for one socket at a time; SO_REUSEADDR, which lets two
 * servers steal each other's datagrams in silence.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/holder.h"
#include "net/udp137.h"

#define SOCKETS_MAX	(2 * SERVE_IFACES_MAX)
#define SLICE		16	/* datagrams of one socket at a time */
#define REST_USEC	100000	/* of a socket that fails */
#define DATAGRAM_MAX	65536	/* no datagram is longer: nothing is cut */

struct socket {
	uint32_t ip;		/* bound to */
	uint32_t local;		/* our address there; ip but for broadcast */
	uint32_t mask;
	uint32_t broadcast;	/* of the network, for unicast sockets */
	int fd;			/* -1: free entry */
	bool resting;
	bool wanted;		/* mark for udp137_serve */
};

struct udp137 {
	const struct nb_world *world;
	const struct udp137_sink *sink;
	uint16_t port;
	int epoll;
	struct tevent_fd *fde;
	struct nb_timer *rest;
	bool told_rcvbuf;
	unsigned int used;	/* entries of socket[] that may be in use */
	struct socket socket[SOCKETS_MAX];
	struct udp137_stats stats;
	uint8_t buf[DATAGRAM_MAX];
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

static bool is_broadcast(const struct socket *s)
{
	return s->ip != s->local;
}

/* ---- epoll set ---- */

static int set_add(struct udp137 *udp, struct socket *s)
{
	struct epoll_event ev = {
		.events = EPOLLIN,
		.data.u32 = (uint32_t)(s - udp->socket),
	};

	if (epoll_ctl(udp->epoll, EPOLL_CTL_ADD, s->fd, &ev) != 0) {
		return errno;
	}
	return 0;
}

static void rest_start(struct udp137 *udp);

static void rest_over(void *arg)
{
	struct udp137 *udp = talloc_get_type_abort(arg, struct udp137);
	bool again = false;
	unsigned int i;

	udp->rest = NULL;
	for (i = 0; i < udp->used; i++) {
		struct socket *s = &udp->socket[i];

		if (s->fd != -1 && s->resting) {
			s->resting = set_add(udp, s) != 0;
			again = again || s->resting;
		}
	}
	if (again) {
		rest_start(udp);
	}
}

static void rest_start(struct udp137 *udp)
{
	const struct nb_world *world = udp->world;

	if (udp->rest == NULL) {
		udp->rest = world->timer_start(world->priv, REST_USEC,
					       rest_over, udp);
	}
}

static void socket_rest(struct udp137 *udp, struct socket *s, int error)
{
	char text[NB_ADDR_TEXT];

	nb_log(udp->world, NB_LOG_WARNING, "receive on %s: %s",
	       nb_addr_print(s->ip, text), strerror(error));
	rest_start(udp);
	if (udp->rest != NULL) {
		epoll_ctl(udp->epoll, EPOLL_CTL_DEL, s->fd, NULL);
		s->resting = true;
	}
}

/* ---- a turn ---- */

static bool is_our_own(const struct udp137 *udp, uint32_t from, uint16_t port)
{
	unsigned int i;

	if (port != udp->port) {
		return false;
	}
	for (i = 0; i < udp->used; i++) {
		if (udp->socket[i].fd != -1 && udp->socket[i].ip == from) {
			return true;
		}
	}
	return false;
}

/* May reading go on after this error? */
static bool error_is_passing(int error)
{
	switch (error) {
	case EINTR:
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENOBUFS:
	case ENOMEM:
		return true;
	default:
		return false;
	}
}

/* One datagram; false when the socket has no more. */
static bool read_one(struct udp137 *udp, struct socket *s)
{
	struct sockaddr_in sa = {0};
	socklen_t sa_len = sizeof(sa);
	uint32_t from = 0;
	uint16_t port = 0;
	ssize_t len;

	len = recvfrom(s->fd, udp->buf, sizeof(udp->buf), MSG_DONTWAIT,
		       (struct sockaddr *)&sa, &sa_len);
	if (len == -1) {
		if (errno == EAGAIN) {
			return false;
		}
		udp->stats.recv_errors++;
		if (!error_is_passing(errno)) {
			socket_rest(udp, s, errno);
			return false;
		}
		return true;
	}
	udp->stats.received++;
	from = ntohl(sa.sin_addr.s_addr);
	port = ntohs(sa.sin_port);
	if (is_broadcast(s) && is_our_own(udp, from, port)) {
		udp->stats.own++;
		return true;
	}
	udp->sink->datagram(udp->sink->priv, s->local, from, port, udp->buf,
			    (size_t)len);
	return true;
}

/* Up to a slice of one socket; false when it has no more. */
static bool read_slice(struct udp137 *udp, struct socket *s,
		       unsigned int *budget)
{
	unsigned int n;

	for (n = 0; n < SLICE && *budget > 0; n++) {
		(*budget)--;
		if (s->fd == -1 || !read_one(udp, s)) {
			return false;
		}
	}
	return true;
}

static void read_turn(struct udp137 *udp, struct epoll_event *ready,
		      unsigned int count)
{
	const struct nb_world *world = udp->world;
	uint64_t end = world->mono(world->priv) + UDP137_TURN_USEC;
	unsigned int budget = UDP137_TURN;
	unsigned int i = 0;

	while (count > 0 && budget > 0 && world->mono(world->priv) < end) {
		i = i % count;
		if (read_slice(udp, &udp->socket[ready[i].data.u32],
			       &budget)) {
			i++;
		} else {
			ready[i] = ready[--count];
		}
	}
}

static void udp137_ready(struct tevent_context *ev, struct tevent_fd *fde,
			 uint16_t flags, void *arg)
{
	struct udp137 *udp = talloc_get_type_abort(arg, struct udp137);
	struct epoll_event ready[SOCKETS_MAX];
	int count;

	(void)ev;
	(void)fde;
	(void)flags;
	count = epoll_wait(udp->epoll, ready, SOCKETS_MAX, 0);
	if (count <= 0) {
		return;
	}
	udp->stats.turns++;
	udp->sink->turn_begin(udp->sink->priv);
	read_turn(udp, ready, (unsigned int)count);
	udp->sink->turn_end(udp->sink->priv);
}

/* ---- sending ---- */

static struct socket *socket_on(struct udp137 *udp, uint32_t ip)
{
	unsigned int i;

	for (i = 0; i < udp->used; i++) {
		if (udp->socket[i].ip == ip && udp->socket[i].fd != -1) {
			return &udp->socket[i];
		}
	}
	return NULL;
}

int udp137_send(struct udp137 *udp, uint32_t local, uint32_t to,
		uint16_t port, const uint8_t *data, size_t len)
{
	struct sockaddr_in sa = address_of(to, port);
	const struct socket *s = socket_on(udp, local);

	if (s == NULL || is_broadcast(s)) {
		udp->stats.send_errors++;
		return EADDRNOTAVAIL;
	}
	if (sendto(s->fd, data, len, MSG_DONTWAIT, (struct sockaddr *)&sa,
		   sizeof(sa)) >= 0) {
		udp->stats.sent++;
		return 0;
	}
	if (errno == EAGAIN || errno == ENOBUFS) {
		udp->stats.send_dropped++;
	} else {
		udp->stats.send_errors++;
	}
	return errno;
}

/* ---- opening and closing ---- */

/*
 * The kernel doubles the value for its own needs and reports it so. FORCE
 * needs CAP_NET_ADMIN, which we have at most at the very start.
 */
static void want_rcvbuf(struct udp137 *udp, int fd)
{
	int size = UDP137_RCVBUF;
	int got = 0;
	socklen_t len = sizeof(got);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)) == 0) {
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &len) == 0 &&
	    got / 2 < size && !udp->told_rcvbuf) {
		udp->told_rcvbuf = true;
		nb_log(udp->world, NB_LOG_NOTICE,
		       "receive buffer is %d bytes, %d wanted: bursts may be "
		       "lost (sysctl net.core.rmem_max=%d)", got / 2, size,
		       size);
	}
}

static int open_fd(struct udp137 *udp, uint32_t ip, int *fd)
{
	struct sockaddr_in sa = address_of(ip, udp->port);
	int on = 1;
	int error = 0;

	*fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd == -1) {
		return errno;
	}
	want_rcvbuf(udp, *fd);
	if (setsockopt(*fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) == 0 &&
	    bind(*fd, (struct sockaddr *)&sa, sizeof(sa)) == 0) {
		return 0;
	}
	error = errno;
	close(*fd);
	*fd = -1;
	return error;
}

static struct socket *free_entry(struct udp137 *udp)
{
	unsigned int i;

	for (i = 0; i < udp->used; i++) {
		if (udp->socket[i].fd == -1) {
			return &udp->socket[i];
		}
	}
	return udp->used < SOCKETS_MAX ? &udp->socket[udp->used++] : NULL;
}

static void socket_close(struct socket *s)
{
	close(s->fd);		/* leaves the epoll set by itself */
	*s = (struct socket) { .fd = -1 };
}

static int socket_open(struct udp137 *udp, uint32_t ip,
		       const struct serve_iface *iface)
{
	struct socket *s = free_entry(udp);
	int ret;

	if (s == NULL) {
		return EMFILE;
	}
	*s = (struct socket) {
		.ip = ip,
		.local = iface->ip,
		.mask = iface->mask,
		.broadcast = iface->broadcast,
		.fd = -1,
		.wanted = true,
	};
	ret = open_fd(udp, ip, &s->fd);
	if (ret != 0) {
		return ret;
	}
	ret = set_add(udp, s);
	if (ret != 0) {
		socket_close(s);
	}
	return ret;
}

/* Is the address open already? Then it takes over what is new about it. */
static bool socket_keep(struct udp137 *udp, uint32_t ip,
			const struct serve_iface *iface)
{
	struct socket *s = ip == 0 ? NULL : socket_on(udp, ip);

	if (s == NULL) {
		return false;
	}
	if (!s->wanted) {	/* the first network of a broadcast has it */
		s->local = iface->ip;
		s->mask = iface->mask;
		s->broadcast = iface->broadcast;
		s->wanted = true;
	}
	return true;
}

static void say_why(const struct udp137 *udp, uint32_t ip, int error,
		    TALLOC_CTX *mem_ctx, char **message)
{
	char text[NB_ADDR_TEXT];

	nb_addr_print(ip, text);
	if (error == EADDRINUSE) {
		*message = holder_message(mem_ctx, HOLDER_UDP, ip,
					  udp->port);
	} else if (error == EACCES) {
		*message = talloc_asprintf(mem_ctx, "%s:%u: no permission for "
					   "a port below 1024: start as root, "
					   "with CAP_NET_BIND_SERVICE, or "
					   "with another `nbt port`", text,
					   udp->port);
	} else {
		*message = talloc_asprintf(mem_ctx, "%s:%u: %s", text,
					   udp->port, strerror(error));
	}
}

static int serve_one(struct udp137 *udp, uint32_t ip,
		     const struct serve_iface *iface)
{
	char text[NB_ADDR_TEXT];
	int ret;

	if (ip == 0 || socket_keep(udp, ip, iface)) {
		return 0;
	}
	ret = socket_open(udp, ip, iface);
	if (ret == EADDRNOTAVAIL && ip != iface->ip) {
		nb_log(udp->world, NB_LOG_WARNING, "%s is no broadcast address"
		       " here: broadcasts of that network are not heard",
		       nb_addr_print(ip, text));
		return 0;
	}
	if (ret == 0) {
		nb_log(udp->world, NB_LOG_INFO, "serving %s:%u",
		       nb_addr_print(ip, text), udp->port);
	}
	return ret;
}

static void close_unwanted(struct udp137 *udp)
{
	char text[NB_ADDR_TEXT];
	unsigned int i;

	for (i = 0; i < udp->used; i++) {
		struct socket *s = &udp->socket[i];

		if (s->fd != -1 && !s->wanted) {
			nb_addr_print(s->ip, text);
			socket_close(s);
			nb_log(udp->world, NB_LOG_INFO,
			       "no longer serving %s:%u", text, udp->port);
		}
	}
}

/* Mark what shall stay, so that all else can close before anything opens. */
static void mark_wanted(struct udp137 *udp, const struct serve_iface *iface,
			unsigned int count)
{
	unsigned int i;

	for (i = 0; i < udp->used; i++) {
		udp->socket[i].wanted = false;
	}
	for (i = 0; i < count; i++) {
		socket_keep(udp, iface[i].ip, &iface[i]);
		socket_keep(udp, iface[i].broadcast, &iface[i]);
	}
}

int udp137_serve(struct udp137 *udp, const struct serve_iface *iface,
		 unsigned int count, TALLOC_CTX *mem_ctx, char **message)
{
	unsigned int i;
	int first = 0;

	mark_wanted(udp, iface, count);
	close_unwanted(udp);
	for (i = 0; i < 2 * count; i++) {
		const struct serve_iface *face = &iface[i / 2];
		uint32_t ip = i % 2 == 0 ? face->ip : face->broadcast;
		int ret = serve_one(udp, ip, face);

		if (ret != 0 && first == 0) {
			first = ret;
			say_why(udp, ip, ret, mem_ctx, message);
		}
	}
	return first;
}

unsigned int udp137_served(const struct udp137 *udp,
			   struct serve_iface iface[SERVE_IFACES_MAX])
{
	unsigned int count = 0;
	unsigned int i;

	for (i = 0; i < udp->used && count < SERVE_IFACES_MAX; i++) {
		const struct socket *s = &udp->socket[i];

		if (s->fd != -1 && !is_broadcast(s)) {
			iface[count++] = (struct serve_iface) {
				.ip = s->ip,
				.mask = s->mask,
				.broadcast = s->broadcast,
			};
		}
	}
	return count;
}

const struct udp137_stats *udp137_stats(const struct udp137 *udp)
{
	return &udp->stats;
}

static int udp137_destroy(struct udp137 *udp)
{
	unsigned int i;

	udp->world->timer_stop(udp->world->priv, udp->rest);
	TALLOC_FREE(udp->fde);
	for (i = 0; i < udp->used; i++) {
		if (udp->socket[i].fd != -1) {
			socket_close(&udp->socket[i]);
		}
	}
	if (udp->epoll != -1) {
		close(udp->epoll);
	}
	return 0;
}

int udp137_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		  const struct nb_world *world, const struct udp137_sink *sink,
		  uint16_t port, struct udp137 **udp)
{
	struct udp137 *u = talloc_zero(mem_ctx, struct udp137);
	int ret = 0;

	if (u == NULL) {
		return ENOMEM;
	}
	u->world = world;
	u->sink = sink;
	u->port = port;
	u->epoll = epoll_create1(EPOLL_CLOEXEC);
	talloc_set_destructor(u, udp137_destroy);
	if (u->epoll == -1) {
		ret = errno;
		talloc_free(u);
		return ret;
	}
	u->fde = tevent_add_fd(ev, u, u->epoll, TEVENT_FD_READ, udp137_ready,
			       u);
	if (u->fde == NULL) {
		talloc_free(u);
		return ENOMEM;
	}
	*udp = u;
	return 0;
}
