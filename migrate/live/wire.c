/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A TCP connection that blocks, but never for ever.
 *
 * The socket itself does not block, poll() waits: so both the call and each
 * read have an end, which SO_RCVTIMEO does not give to a connect() everywhere.
 * An event loop was not wanted: a pull is one thing after another, and while
 * it waits there is nothing else to do.
 */
#include "migrate/live/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "migrate/pump.h"

struct connection {
	int fd;
};

static int connection_destroy(struct connection *connection)
{
	if (connection->fd != -1) {
		close(connection->fd);
	}
	return 0;
}

static int64_t milliseconds(void)
{
	struct timespec now = { .tv_sec = 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Ctrl-C ends the waiting for whoever catches it (pump.h), and is kept away
 * but while we wait: come between the look at the flag and the waiting, it
 * would be forgotten.
 */
static int poll_once(int fd, short events, int64_t left)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	struct timespec time_left = {
		.tv_sec = (time_t)(left / 1000),
		.tv_nsec = (long)(left % 1000) * 1000000,
	};
	sigset_t interrupt, before;
	int ready = -1, error = EINTR;

	(void)sigemptyset(&interrupt);
	(void)sigaddset(&interrupt, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &interrupt, &before);
	if (!pump_interrupted()) {
		ready = ppoll(&poll_fd, 1, &time_left, &before);
		error = errno;
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return ready > 0 ? 0 : ready == 0 ? ETIMEDOUT : error;
}

/* Until the socket can do this, or so many seconds have passed. */
static int wait_for(int fd, short events, int seconds)
{
	int64_t end = milliseconds() + (int64_t)seconds * 1000;
	int ret = EINTR;

	while (ret == EINTR && !pump_interrupted()) {
		int64_t left = end - milliseconds();

		ret = left <= 0 ? ETIMEDOUT : poll_once(fd, events, left);
	}
	return ret;
}

static int wire_send(void *priv, const uint8_t *data, size_t len)
{
	struct connection *c = talloc_get_type_abort(priv, struct connection);

	while (len > 0) {
		ssize_t sent = send(c->fd, data, len, MSG_NOSIGNAL);
		int ret = 0;

		if (sent > 0) {
			data += sent;
			len -= (size_t)sent;
			continue;
		}
		if (sent == 0 || (errno != EAGAIN && errno != EINTR)) {
			return sent == 0 ? EIO : errno;
		}
		ret = wait_for(c->fd, POLLOUT, WIRE_PATIENCE);
		if (ret != 0) {
			return ret;
		}
	}
	return 0;
}

static int wire_receive(void *priv, uint8_t *data, size_t size, size_t *got)
{
	struct connection *c = talloc_get_type_abort(priv, struct connection);

	while (true) {
		ssize_t len = recv(c->fd, data, size, 0);
		int ret = 0;

		if (len >= 0) {
			*got = (size_t)len;
			return 0;
		}
		if (errno != EAGAIN && errno != EINTR) {
			return errno;
		}
		ret = wait_for(c->fd, POLLIN, WIRE_PATIENCE);
		if (ret != 0) {
			return ret;
		}
	}
}

static int call(int fd, const struct sockaddr_in *to)
{
	int error = 0, ret = 0;
	socklen_t len = sizeof(error);

	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0) {
		return 0;
	}
	if (errno != EINPROGRESS) {
		return errno;
	}
	ret = wait_for(fd, POLLOUT, WIRE_CONNECT);
	if (ret != 0) {
		return ret;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
		return errno;
	}
	return error;
}

static struct sockaddr_in sockaddr_of(uint32_t host, uint16_t port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(host),
	};

	return sin;
}

static int open_and_call(struct connection *c, uint32_t host, uint16_t port,
			 uint32_t *ours)
{
	struct sockaddr_in from = sockaddr_of(*ours, 0);
	struct sockaddr_in to = sockaddr_of(host, port);
	socklen_t len = sizeof(from);
	int ret = 0;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd == -1) {
		return errno;
	}
	if (*ours != 0 &&
	    bind(c->fd, (struct sockaddr *)&from, sizeof(from)) != 0) {
		return errno;
	}
	ret = call(c->fd, &to);
	if (ret != 0) {
		return ret;
	}
	if (getsockname(c->fd, (struct sockaddr *)&from, &len) != 0) {
		return errno;
	}
	*ours = ntohl(from.sin_addr.s_addr);
	return 0;
}

int wire_call(TALLOC_CTX *mem_ctx, uint32_t host, uint16_t port,
	      uint32_t *ours, struct wire *wire)
{
	struct connection *c = talloc_zero(mem_ctx, struct connection);
	int ret = 0;

	if (c == NULL) {
		return ENOMEM;
	}
	c->fd = -1;
	talloc_set_destructor(c, connection_destroy);
	ret = open_and_call(c, host, port, ours);
	if (ret != 0) {
		talloc_free(c);
		return ret;
	}
	*wire = (struct wire) {
		.priv = c,
		.send = wire_send,
		.receive = wire_receive,
	};
	return 0;
}
