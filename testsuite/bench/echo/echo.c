/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * echo: what a server on tevent could do at most on this machine.
 *
 *   echo ADDR PORT drain        datagrams go back as they came, read until
 *                               the socket is empty: the limit for queries
 *   echo ADDR PORT durable DIR  a 200 byte record per datagram is appended to
 *                               a journal, one fdatasync for all that was
 *                               read, then the replies: the limit for changes
 *
 * It says READY=1 on NOTIFY_SOCKET, as the servers beside it do.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <talloc.h>
#include <tevent.h>

#define DRAIN_MAX	256
#define TURN_MAX	64
#define PACKET_MAX	600
#define RECORD_LEN	200

struct datagram {
	uint8_t data[PACKET_MAX];
	size_t len;
	struct sockaddr_in from;
};

static int sock = -1;
static int journal = -1;
static struct datagram turn[TURN_MAX];

static bool get(struct datagram *d)
{
	socklen_t from_len = sizeof(d->from);
	ssize_t n = recvfrom(sock, d->data, sizeof(d->data), MSG_DONTWAIT,
			     (struct sockaddr *)&d->from, &from_len);

	d->len = n > 0 ? (size_t)n : 0;
	return n >= 0;
}

static void put(const struct datagram *d)
{
	sendto(sock, d->data, d->len, 0, (const struct sockaddr *)&d->from,
	       sizeof(d->from));
}

static void on_drain(struct tevent_context *ev, struct tevent_fd *fde,
		     uint16_t flags, void *arg)
{
	(void)ev;
	(void)fde;
	(void)flags;
	(void)arg;

	for (int i = 0; i < DRAIN_MAX && get(&turn[0]); i++) {
		put(&turn[0]);
	}
}

static void on_durable(struct tevent_context *ev, struct tevent_fd *fde,
		       uint16_t flags, void *arg)
{
	static uint8_t records[TURN_MAX * RECORD_LEN];
	size_t n = 0;

	(void)ev;
	(void)fde;
	(void)flags;
	(void)arg;

	while (n < TURN_MAX && get(&turn[n])) {
		memcpy(records + n * RECORD_LEN, turn[n].data, 64);
		n++;
	}
	if (n == 0) {
		return;
	}
	if (write(journal, records, n * RECORD_LEN) !=
	    (ssize_t)(n * RECORD_LEN) || fdatasync(journal) != 0) {
		perror("journal");
		exit(1);
	}
	for (size_t i = 0; i < n; i++) {
		put(&turn[i]);
	}
}

static void say_ready(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = -1;

	if (path == NULL || strlen(path) >= sizeof(un.sun_path)) {
		return;
	}
	memcpy(un.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		sendto(fd, "READY=1", 7, 0, (struct sockaddr *)&un, sizeof(un));
		close(fd);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in self = { .sin_family = AF_INET };
	struct tevent_context *ev = tevent_context_init(NULL);
	bool durable = argc == 5 && strcmp(argv[3], "durable") == 0;
	int size = 8 << 20;
	char path[512];

	if (ev == NULL || argc < 4 || (!durable && strcmp(argv[3], "drain")) ||
	    inet_pton(AF_INET, argv[1], &self.sin_addr) != 1) {
		fprintf(stderr, "usage: echo ADDR PORT drain | durable DIR\n");
		return 2;
	}
	self.sin_port = htons((uint16_t)atoi(argv[2]));
	if (durable) {
		snprintf(path, sizeof(path), "%s/echo.journal", argv[4]);
		journal = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND |
			       O_CLOEXEC, 0600);
		if (journal < 0) {
			perror(path);
			return 1;
		}
	}
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(sock, (struct sockaddr *)&self, sizeof(self)) != 0) {
		perror("bind");
		return 1;
	}
	tevent_add_fd(ev, ev, sock, TEVENT_FD_READ,
		      durable ? on_durable : on_drain, NULL);
	say_ready();
	return tevent_loop_wait(ev) == 0 ? 0 : 1;
}
