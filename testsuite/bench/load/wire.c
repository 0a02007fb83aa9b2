/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wire: one UDP socket. Datagrams leave and arrive by the batch, so that the
 * generator is no slower than what it measures; each may leave from another
 * address, set by IP_PKTINFO.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "load.h"

#define BATCH		64
#define BUFFER		(8 << 20)

struct batch {
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	uint8_t data[BATCH][PACKET_MAX];
	struct sockaddr_in peer[BATCH];
	union {
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control[BATCH];
	unsigned int count;
};
static struct batch out, in;
static int sock = -1;

int wire_open(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int size = BUFFER;

	sock = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (sock < 0) {
		return errno;
	}
	if (setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size))) {
		setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	}
	if (bind(sock, (struct sockaddr *)&any, sizeof(any)) != 0) {
		return errno;
	}
	return 0;
}

void wire_flush(void)
{
	unsigned int done = 0;

	while (done < out.count) {
		int n = sendmmsg(sock, out.msg + done, out.count - done, 0);

		if (n > 0) {
			done += (unsigned int)n;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			struct pollfd pfd = { .fd = sock, .events = POLLOUT };

			poll(&pfd, 1, 1);
		} else if (errno != ECONNREFUSED && errno != EINTR) {
			perror("load: send");
			exit(2);
		}
	}
	out.count = 0;
}

static void send_from(struct msghdr *hdr, char *room, uint32_t source)
{
	struct in_pktinfo info = { .ipi_spec_dst.s_addr = source };
	struct cmsghdr *cmsg = NULL;

	hdr->msg_control = room;
	hdr->msg_controllen = CMSG_SPACE(sizeof(info));
	cmsg = CMSG_FIRSTHDR(hdr);
	cmsg->cmsg_level = IPPROTO_IP;
	cmsg->cmsg_type = IP_PKTINFO;
	cmsg->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
}

void wire_send(const struct request *req, uint16_t id)
{
	unsigned int i = out.count++;
	struct msghdr *hdr = &out.msg[i].msg_hdr;

	out.iov[i].iov_base = out.data[i];
	out.iov[i].iov_len = packet_make(out.data[i], req, id);
	*hdr = (struct msghdr){
		.msg_name = &opt.server, .msg_namelen = sizeof(opt.server),
		.msg_iov = &out.iov[i], .msg_iovlen = 1,
	};
	if (opt.own_address) {
		send_from(hdr, out.control[i].room,
			  packet_address(req));
	}
	if (out.count == BATCH) {
		wire_flush();
	}
}
bool wire_receive(int wait_ms, void (*take)(const uint8_t *p, size_t len,
					    const struct sockaddr_in *from,
					    uint64_t now))
{
	struct pollfd pfd = { .fd = sock, .events = POLLIN };
	uint64_t now = 0;
	int n = 0;

	for (unsigned int i = 0; i < BATCH; i++) {
		in.iov[i] = (struct iovec){ in.data[i], PACKET_MAX };
		in.msg[i].msg_hdr = (struct msghdr){
			.msg_name = &in.peer[i],
			.msg_namelen = sizeof(in.peer[i]),
			.msg_iov = &in.iov[i], .msg_iovlen = 1,
		};
	}
	n = recvmmsg(sock, in.msg, BATCH, MSG_DONTWAIT, NULL);
	if (n <= 0 && wait_ms > 0) {
		poll(&pfd, 1, wait_ms);
		n = recvmmsg(sock, in.msg, BATCH, MSG_DONTWAIT, NULL);
	}
	now = now_ns();
	for (int i = 0; i < n; i++) {
		take(in.data[i], in.msg[i].msg_len, &in.peer[i], now);
	}
	return n > 0;
}
