/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listeners and outgoing calls of replication, see tcp42.h; what happens on a
 * connection is in tcp42_link.c.
 *
 * Accepting never spins: a bounded number at a wake-up, and when descriptors
 * or memory are out all listeners rest for a second (their queue is the
 * kernel's) and the log hears of it now and then. Connections beyond the limit are
 * taken and closed at once, so that their callers know.
 *
 * The number of links is bounded by what descriptors the process may have,
 * less some for the database, the log and the control socket: a crowd on port
 * 42 must not keep the server from its disk.
 *
 * Chosen: SO_REUSEADDR, which lets a restarted server listen while old
 * connections of the port still wait out their time; other than for UDP it
 * does not let two servers share the port. Rejected: a listener on 0.0.0.0
 * that refuses by the local address, for it would hold the port on addresses
 * that belong to another server of the machine.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/holder.h"
#include "net/tcp42_private.h"

#define ACCEPT_MAX	16	/* in one wake-up */
#define BACKLOG		128
#define TELL_USEC	600000000u	/* between two lines of one kind */
#define DESCRIPTORS_LEFT 128	/* for everything but links */

/* ---- accepting ---- */

/* Whoever makes trouble on purpose shall not fill the log as well. */
static bool may_tell(const struct tcp42 *tcp, uint64_t *told)
{
	uint64_t now = tcp->world->mono(tcp->world->priv);

	if (*told != 0 && now - *told < TELL_USEC) {
		return false;
	}
	*told = now > 0 ? now : 1;
	return true;
}

static void listen_to(struct tcp42 *tcp, bool on)
{
	for (unsigned int i = 0; i < tcp->used; i++) {
		if (tcp->listener[i].fd != -1) {
			tevent_fd_set_flags(tcp->listener[i].fde,
					    on ? TEVENT_FD_READ : 0);
		}
	}
}

static void rest_over(void *arg)
{
	struct tcp42 *tcp = talloc_get_type_abort(arg, struct tcp42);

	tcp->rest = NULL;
	listen_to(tcp, true);
}

/* Without memory for a timer there is no rest, only the next wake-up. */
static void rest_start(struct tcp42 *tcp, int error)
{
	const struct nb_world *world = tcp->world;

	tcp->stats.accept_errors++;
	tcp->rest = world->timer_start(world->priv, TCP42_REST_USEC, rest_over,
				       tcp);
	if (tcp->rest != NULL) {
		listen_to(tcp, false);
	}
	if (may_tell(tcp, &tcp->told_rest)) {
		nb_log(world, NB_LOG_ERROR, "replication: no connection can be "
		       "taken (%s), though partners call: trying again every "
		       "second", strerror(error));
	}
}

static void refuse(struct tcp42 *tcp, int fd, uint32_t from)
{
	char text[NB_ADDR_TEXT];

	close(fd);
	tcp->stats.too_many++;
	if (may_tell(tcp, &tcp->told_max)) {
		nb_log(tcp->world, NB_LOG_WARNING, "replication: all %u "
		       "connections are taken: refused one from %s, and more "
		       "in silence", tcp->links_max,
		       nb_addr_print(from, text));
	}
}

static void admit(struct tcp42 *tcp, int fd, uint32_t from)
{
	struct link *link = NULL;

	if (!tcp42_link_room(tcp)) {
		refuse(tcp, fd, from);
		return;
	}
	link = tcp42_link_create(tcp, fd, false, from);
	if (link == NULL) {
		tcp->stats.accept_errors++;
		return;
	}
	tcp->stats.accepted++;
	if (!tcp->receiver->accept(tcp->receiver->priv, link, from)) {
		tcp->stats.unwanted++;
		tcp42_link_drop(link);
	} else if (!tcp42_link_taken(link)) {
		tcp42_link_drop(link);
	}
}

/* Errors of one connection that was gone before we took it; accept(2). */
static bool error_is_passing(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPERM:		/* by a firewall */
	case EPROTO:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENOPROTOOPT:
	case ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

/* False when there are no more. */
static bool accept_one(struct tcp42 *tcp, const struct listener *listener)
{
	struct sockaddr_in sa = {0};
	socklen_t len = sizeof(sa);
	int fd = accept4(listener->fd, (struct sockaddr *)&sa, &len,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd != -1) {
		admit(tcp, fd, ntohl(sa.sin_addr.s_addr));
		return true;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		return false;
	}
	if (error_is_passing(errno)) {
		tcp->stats.accept_errors++;
		return true;
	}
	rest_start(tcp, errno);
	return false;
}

static void listener_ready(struct tevent_context *ev, struct tevent_fd *fde,
			   uint16_t flags, void *arg)
{
	const struct listener *listener = arg;
	struct tcp42 *tcp = listener->tcp;

	(void)ev;
	(void)fde;
	(void)flags;
	for (unsigned int i = 0; i < ACCEPT_MAX && listener->fd != -1; i++) {
		if (!accept_one(tcp, listener)) {
			return;
		}
	}
}

/* ---- calling ---- */

static int open_call(uint32_t from, uint32_t to, uint16_t port, int *fd)
{
	struct sockaddr_in ours = tcp42_address(from, 0);
	struct sockaddr_in theirs = tcp42_address(to, port);
	int on = 1;
	int error = 0;

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd == -1) {
		return errno;
	}
	/* the port is chosen when the peer is known: there are more so */
	(void)setsockopt(*fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
			 sizeof(on));
	if (from != 0 &&
	    bind(*fd, (struct sockaddr *)&ours, sizeof(ours)) != 0) {
		error = errno;
	} else if (connect(*fd, (struct sockaddr *)&theirs,
			   sizeof(theirs)) != 0 && errno != EINPROGRESS) {
		error = errno;
	}
	if (error != 0) {
		close(*fd);
		*fd = -1;
	}
	return error;
}

static int call(struct tcp42 *tcp, uint32_t from, uint32_t to, uint16_t port,
		struct link **link)
{
	int fd = -1;
	int ret;

	if (!tcp42_link_room(tcp)) {
		return EMFILE;
	}
	ret = open_call(from, to, port, &fd);
	if (ret != 0) {
		return ret;
	}
	*link = tcp42_link_create(tcp, fd, true, to);
	return *link == NULL ? ENOMEM : 0;
}

static int ops_connect(void *priv, uint32_t from, uint32_t to, uint16_t port,
		       const struct link_events *events, void *arg,
		       struct link **link)
{
	struct tcp42 *tcp = talloc_get_type_abort(priv, struct tcp42);
	int ret = call(tcp, from, to, port, link);

	if (ret != 0) {
		tcp->stats.connect_errors++;
		return ret;
	}
	tcp42_link_accept(*link, events, arg);
	return 0;
}

/* ---- opening and closing ---- */

static int open_fd(struct tcp42 *tcp, uint32_t ip, int *fd)
{
	struct sockaddr_in sa = tcp42_address(ip, tcp->port);
	int on = 1;
	int error = 0;

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd == -1) {
		return errno;
	}
	if (setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(*fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 &&
	    listen(*fd, BACKLOG) == 0) {
		return 0;
	}
	error = errno;
	close(*fd);
	*fd = -1;
	return error;
}

static struct listener *free_entry(struct tcp42 *tcp)
{
	for (unsigned int i = 0; i < tcp->used; i++) {
		if (tcp->listener[i].fd == -1) {
			return &tcp->listener[i];
		}
	}
	return tcp->used < SERVE_IFACES_MAX ? &tcp->listener[tcp->used++] :
					      NULL;
}

static void listener_close(struct listener *listener)
{
	TALLOC_FREE(listener->fde);
	close(listener->fd);
	*listener = (struct listener) { .fd = -1 };
}

static int listener_open(struct tcp42 *tcp, uint32_t ip)
{
	struct listener *listener = free_entry(tcp);
	int ret;

	if (listener == NULL) {
		return EMFILE;
	}
	*listener = (struct listener) {
		.tcp = tcp, .ip = ip, .fd = -1, .wanted = true,
	};
	ret = open_fd(tcp, ip, &listener->fd);
	if (ret != 0) {
		return ret;
	}
	listener->fde = tevent_add_fd(tcp->ev, tcp, listener->fd,
				      tcp->rest == NULL ? TEVENT_FD_READ : 0,
				      listener_ready, listener);
	if (listener->fde == NULL) {
		listener_close(listener);
		return ENOMEM;
	}
	return 0;
}

static struct listener *listener_on(struct tcp42 *tcp, uint32_t ip)
{
	for (unsigned int i = 0; i < tcp->used; i++) {
		if (tcp->listener[i].fd != -1 && tcp->listener[i].ip == ip) {
			return &tcp->listener[i];
		}
	}
	return NULL;
}

static void say_why(const struct tcp42 *tcp, uint32_t ip, int error,
		    TALLOC_CTX *mem_ctx, char **message)
{
	char text[NB_ADDR_TEXT];

	nb_addr_print(ip, text);
	if (error == EADDRINUSE) {
		*message = holder_message(mem_ctx, HOLDER_TCP, ip, tcp->port);
	} else if (error == EACCES) {
		*message = talloc_asprintf(mem_ctx, "%s:%u (TCP): no permission "
					   "for a port below 1024: start as "
					   "root, with CAP_NET_BIND_SERVICE, "
					   "or with another `wins:replication "
					   "port`", text, tcp->port);
	} else {
		*message = talloc_asprintf(mem_ctx, "%s:%u (TCP): %s", text,
					   tcp->port, strerror(error));
	}
}

static void close_unwanted(struct tcp42 *tcp)
{
	char text[NB_ADDR_TEXT];

	for (unsigned int i = 0; i < tcp->used; i++) {
		struct listener *listener = &tcp->listener[i];
		uint32_t ip = listener->ip;

		if (listener->fd == -1 || listener->wanted) {
			continue;
		}
		listener_close(listener);
		tcp42_link_end_local(tcp, ip);
		nb_log(tcp->world, NB_LOG_INFO, "no longer listening on %s:%u "
		       "(TCP)", nb_addr_print(ip, text), tcp->port);
	}
}

/* Mark what shall stay, so that all else can close before anything opens. */
static void mark_wanted(struct tcp42 *tcp, const struct serve_iface *iface,
			unsigned int count)
{
	for (unsigned int i = 0; i < tcp->used; i++) {
		tcp->listener[i].wanted = false;
	}
	for (unsigned int i = 0; i < count; i++) {
		struct listener *listener = listener_on(tcp, iface[i].ip);

		if (listener != NULL) {
			listener->wanted = true;
		}
	}
}

static int serve_one(struct tcp42 *tcp, uint32_t ip)
{
	char text[NB_ADDR_TEXT];
	int ret = listener_open(tcp, ip);

	if (ret == 0) {
		nb_log(tcp->world, NB_LOG_INFO, "listening on %s:%u (TCP)",
		       nb_addr_print(ip, text), tcp->port);
	}
	return ret;
}

int tcp42_serve(struct tcp42 *tcp, const struct serve_iface *iface,
		unsigned int count, TALLOC_CTX *mem_ctx, char **message)
{
	int first = 0;

	mark_wanted(tcp, iface, count);
	close_unwanted(tcp);
	for (unsigned int i = 0; i < count; i++) {
		int ret = 0;

		if (listener_on(tcp, iface[i].ip) == NULL) {
			ret = serve_one(tcp, iface[i].ip);
		}
		if (ret != 0 && first == 0) {
			first = ret;
			say_why(tcp, iface[i].ip, ret, mem_ctx, message);
		}
	}
	return first;
}

unsigned int tcp42_served(const struct tcp42 *tcp,
			  uint32_t address[SERVE_IFACES_MAX])
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < tcp->used; i++) {
		if (tcp->listener[i].fd != -1) {
			address[count++] = tcp->listener[i].ip;
		}
	}
	return count;
}

const struct link_ops *tcp42_ops(const struct tcp42 *tcp)
{
	return &tcp->ops;
}

const struct tcp42_stats *tcp42_stats(const struct tcp42 *tcp)
{
	return &tcp->stats;
}

/* ---- making ---- */

/* Unknown (a sandbox may forbid to ask): then accept() has the last word. */
static unsigned int links_max(void)
{
	struct rlimit limit = { .rlim_cur = 0 };

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur >= TCP42_LINKS_MAX + DESCRIPTORS_LEFT) {
		return TCP42_LINKS_MAX;
	}
	if (limit.rlim_cur < 2 * DESCRIPTORS_LEFT) {
		return (unsigned int)limit.rlim_cur / 4;
	}
	return (unsigned int)limit.rlim_cur - DESCRIPTORS_LEFT;
}

static int tcp42_destroy(struct tcp42 *tcp)
{
	struct link *link = NULL;

	tcp->world->timer_stop(tcp->world->priv, tcp->rest);
	for (unsigned int i = 0; i < tcp->used; i++) {
		if (tcp->listener[i].fd != -1) {
			listener_close(&tcp->listener[i]);
		}
	}
	while ((link = TAILQ_FIRST(&tcp->links)) != NULL ||
	       (link = TAILQ_FIRST(&tcp->lingering)) != NULL) {
		tcp42_link_drop(link);
	}
	return 0;
}

int tcp42_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		 const struct nb_world *world,
		 const struct tcp42_receiver *receiver, uint16_t port,
		 struct tcp42 **tcp)
{
	struct tcp42 *t = talloc_zero(mem_ctx, struct tcp42);

	if (t == NULL) {
		return ENOMEM;
	}
	t->ev = ev;
	t->world = world;
	t->receiver = receiver;
	t->port = port;
	t->links_max = links_max();
	t->unsent_max = TCP42_UNSENT_MAX;
	TAILQ_INIT(&t->links);
	TAILQ_INIT(&t->lingering);
	t->ops = (struct link_ops) {
		.priv = t,
		.connect = ops_connect,
		.accept = tcp42_link_accept,
		.send = tcp42_link_send,
		.unsent = tcp42_link_unsent,
		.pause = tcp42_link_pause,
		.close = tcp42_link_close,
		.local = tcp42_link_local,
	};
	talloc_set_destructor(t, tcp42_destroy);
	*tcp = t;
	return 0;
}
