/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wire: TCP connections with whole frames in growing buffers, and the clock.
 *
 * What goes wrong here ends the program: a figure of a broken run is none.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "repload.h"

#define ROOM	(256u << 10)	/* for one read */

double now_s(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* errno 0: the server broke the protocol. */
void give_up(const char *what)
{
	fprintf(stderr, "repload: %s: %s: %s\n", opt.label, what,
		errno != 0 ? strerror(errno) : "not as it should be");
	exit(2);
}

struct sockaddr_in wire_address(uint32_t address, uint16_t port)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(address),
	};

	return sa;
}

static void set_options(int fd)
{
	struct timeval patience = { .tv_sec = opt.timeout };
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

int wire_listen(void)
{
	struct sockaddr_in here = wire_address(opt.source, WREPL_PORT);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&here, sizeof(here)) != 0 ||
	    listen(fd, 8) != 0) {
		give_up("listen");
	}
	return fd;
}

void wire_adopt(struct conn *conn, int fd)
{
	*conn = (struct conn){ .fd = fd };
	set_options(fd);
}

void wire_call(struct conn *conn)
{
	struct sockaddr_in here = wire_address(opt.source, 0);
	struct sockaddr_in there = wire_address(opt.server, WREPL_PORT);

	wire_adopt(conn, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	if (bind(conn->fd, (struct sockaddr *)&here, sizeof(here)) != 0 ||
	    connect(conn->fd, (struct sockaddr *)&there, sizeof(there)) != 0) {
		give_up("connect");
	}
}

void wire_close(struct conn *conn)
{
	close(conn->fd);
	free(conn->in);
	free(conn->out);
	*conn = (struct conn){ .fd = -1 };
}

void wire_send(struct conn *conn, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(conn->fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR) {
			give_up("send");
		}
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

/*
 * Room for the next read, or at once for the whole of the frame that has
 * begun: to copy 50 MB again and again is no part of what is measured.
 */
static void make_room(struct conn *conn)
{
	size_t need = conn->have + ROOM;
	size_t frame = WREPL_HEAD + wrepl_frame_size(conn->in, conn->have);

	need = frame > need ? frame : need;
	if (need <= conn->size) {
		return;
	}
	conn->in = realloc(conn->in, need);
	if (conn->in == NULL) {
		give_up("memory");
	}
	conn->size = need;
}

bool wire_fill(struct conn *conn)
{
	ssize_t n = 0;

	make_room(conn);
	n = recv(conn->fd, conn->in + conn->have, conn->size - conn->have, 0);
	if (n < 0 && errno != EINTR) {
		give_up("receive");
	}
	conn->have += n > 0 ? (size_t)n : 0;
	return n != 0;
}

size_t wire_frame(const struct conn *conn)
{
	size_t len = WREPL_HEAD;

	if (conn->have < WREPL_HEAD) {
		return 0;
	}
	len += wrepl_frame_size(conn->in, conn->have);
	return conn->have >= len ? len : 0;
}

size_t wire_wait(struct conn *conn)
{
	size_t len = 0;

	while ((len = wire_frame(conn)) == 0) {
		if (!wire_fill(conn)) {
			errno = 0;
			give_up("the server closed the connection");
		}
	}
	return len;
}

void wire_take(struct conn *conn, size_t len)
{
	conn->have -= len;
	memmove(conn->in, conn->in + len, conn->have);
}

void wire_associate(struct conn *conn)
{
	uint8_t frame[WREPL_SMALL_MAX];
	struct wrepl_msg msg;
	size_t len = wrepl_encode_start(frame, WREPL_START, 0, CONTEXT);

	wire_send(conn, frame, len);
	len = wire_wait(conn);
	if (wrepl_decode(conn->in + WREPL_HEAD, len - WREPL_HEAD,
			 &msg) != WREPL_OK ||
	    msg.type != WREPL_START_REPLY || msg.context != CONTEXT) {
		errno = 0;
		give_up("no association");
	}
	conn->context = msg.sender;
	wire_take(conn, len);
}

void wire_stop(struct conn *conn)
{
	uint8_t frame[WREPL_SMALL_MAX];

	wire_send(conn, frame, wrepl_encode_stop(frame, conn->context,
						 WREPL_STOP_NORMAL));
}
