/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A name server for tests that says what its script tells it, truths and lies,
 * from a socket in the same process and loop. Its replies are put together
 * here byte by byte from protocol.md 1.4, not by our encoder.
 */
#ifndef WINSD_TEST_FAKE_SERVER_H
#define WINSD_TEST_FAKE_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <talloc.h>
#include <tevent.h>

#define FAKE_TTL	518400u
#define FAKE_ADDR	0x0a353917u	/* 10.53.57.23 */
#define FAKE_UNIT_ID	"\x02\x00\x5e\x10\x20\x30"
#define FAKE_MAX	8192

/* what to say to a request; arg is described behind each */
enum fake_say {
	FAKE_END,		/* of the script */
	FAKE_OK,		/* the right answer; arg: rcode */
	FAKE_WACK,		/* arg: TTL */
	FAKE_WACK_NULL,		/* as nmbd: type NULL; arg: TTL */
	FAKE_WRONG_ID,		/* lies, from here on */
	FAKE_WRONG_NAME,
	FAKE_WRONG_CASE,
	FAKE_WRONG_SCOPE,
	FAKE_WRONG_PORT,
	FAKE_WRONG_ADDRESS,
	FAKE_WRONG_KIND,
	FAKE_REQUEST,		/* the R bit is missing */
	FAKE_TRUNCATED,		/* every proper prefix of the answer */
	FAKE_SAYS
};

struct fake_step {
	unsigned int on;	/* said to the n-th request; 0: to all */
	enum fake_say say;
	uint32_t arg;
	unsigned int delay_msec;
};

struct fake_server {
	struct tevent_context *ev;
	int fd, fd_port, fd_addr;	/* the true one and two liars */
	uint16_t port;
	const struct fake_step *script;
	unsigned int status_names;	/* in a node status reply */
	unsigned int requests;		/* that came in */
	struct sockaddr_in peer;	/* who sent the last */
	size_t len;			/* the last one */
	uint8_t packet[1024];
};

struct fake_later {
	struct fake_server *fake;
	struct sockaddr_in peer;
	enum fake_say say;
	uint32_t arg;
	size_t len;
	uint8_t packet[1024];
};

static inline uint8_t *fake_put16(uint8_t *p, unsigned int value)
{
	*p++ = (uint8_t)(value >> 8);
	*p++ = (uint8_t)value;
	return p;
}

static inline uint8_t *fake_put32(uint8_t *p, uint32_t value)
{
	return fake_put16(fake_put16(p, value >> 16), value & 0xffff);
}

/* Length of the question's name: labels up to the root. */
static inline size_t fake_name_len(const uint8_t *name)
{
	size_t len = 0;

	while (name[len] != 0) {
		len += 1 + (size_t)name[len];
	}
	return len + 1;
}

static inline uint8_t *fake_put_status(uint8_t *p, unsigned int names)
{
	unsigned int i = 0;

	*p++ = (uint8_t)names;
	for (i = 0; i < names; i++) {
		memset(p, ' ', 15);
		p[0] = 'N';
		p[1] = (uint8_t)('0' + i / 100);
		p[2] = (uint8_t)('0' + i / 10 % 10);
		p[3] = (uint8_t)('0' + i % 10);
		p[15] = (uint8_t)i;
		p = fake_put16(p + 16, i % 2 != 0 ? 0xc400 : 0x4400);
	}
	memcpy(p, FAKE_UNIT_ID, 6);
	memset(p + 6, 0, 40);
	return p + 46;
}

/* The answer to a request, 1.4 and 1.5. */
static inline size_t fake_answer(uint8_t *buf, const uint8_t *request,
				 unsigned int rcode, unsigned int names)
{
	unsigned int opcode = (request[2] >> 3) & 15;
	size_t name_len = fake_name_len(request + 12);
	const uint8_t *type = request + 12 + name_len;
	const uint8_t *rr = type + 4 + 2;	/* behind the pointer */
	static const uint16_t op[16] = {
		[0] = 0x8580, [5] = 0xad80, [6] = 0xb400, [8] = 0xad80,
		[15] = 0xad80,
	};
	uint8_t *p = buf + 12, *length = NULL;

	memcpy(buf, request, 2);
	fake_put16(buf + 2, op[opcode] | rcode);
	memcpy(buf + 4, "\0\0\0\1\0\0\0\0", 8);
	memcpy(p, request + 12, name_len);
	p += name_len;
	if (opcode != 0) {		/* type, class, TTL, RDATA copied */
		memcpy(p, rr, 16);
		return (size_t)(p + 16 - buf);
	}
	p = fake_put16(p, rcode != 0 ? 0x0a : type[1]);
	p = fake_put32(fake_put16(p, 1), 0);
	length = p;
	p += 2;
	if (rcode == 0 && type[1] == 0x21) {
		p = fake_put_status(p, names);
	} else if (rcode == 0) {
		p = fake_put32(fake_put16(p, 0x6000), FAKE_ADDR);
		p = fake_put32(fake_put16(p, 0x2000), FAKE_ADDR + 1);
	}
	fake_put16(length, (unsigned int)(p - length - 2));
	return (size_t)(p - buf);
}

static inline size_t fake_wack(uint8_t *buf, const uint8_t *request,
			       unsigned int type, uint32_t ttl)
{
	size_t name_len = fake_name_len(request + 12);
	uint8_t *p = buf;

	memcpy(p, request, 2);
	p = fake_put16(p + 2, 0xbc00);
	memcpy(p, "\0\0\0\1\0\0\0\0", 8);
	memcpy(p + 8, request + 12, name_len);
	p = fake_put16(fake_put16(p + 8 + name_len, type), 1);
	p = fake_put16(fake_put32(p, ttl), 2);
	memcpy(p, request + 2, 2);
	return (size_t)(p + 2 - buf);
}

/* A name of the same form that is another one. Returns the new length. */
static inline size_t fake_wrong_name(uint8_t *buf, size_t len,
				     enum fake_say say)
{
	size_t name_len = fake_name_len(buf + 12);

	if (say == FAKE_WRONG_NAME) {
		buf[14] ^= 1;
	} else if (say == FAKE_WRONG_CASE) {
		buf[13] += 2;			/* the byte plus 0x20 */
	} else if (name_len > 34) {		/* a scope: its last byte */
		buf[12 + name_len - 2] ^= 1;
	} else {				/* none: add ".x" */
		memmove(buf + 12 + name_len + 1, buf + 12 + name_len - 1,
			len - 12 - name_len + 1);
		memcpy(buf + 12 + name_len - 1, "\1x", 2);
		len += 2;
	}
	return len;
}

static inline void fake_send(int fd, const struct sockaddr_in *peer,
			     const uint8_t *buf, size_t len)
{
	ssize_t sent = sendto(fd, buf, len, 0, (const struct sockaddr *)peer,
			      sizeof(*peer));

	(void)sent;		/* a lost datagram shows in the test */
}

static inline void fake_say(struct fake_server *fake, enum fake_say say,
			    uint32_t arg, const struct sockaddr_in *peer,
			    const uint8_t *request)
{
	uint8_t buf[FAKE_MAX];
	unsigned int rcode = say == FAKE_OK ? arg : 0;
	size_t len = fake_answer(buf, request, rcode, fake->status_names);
	size_t cut = 0;
	int fd = fake->fd;

	switch (say) {
	case FAKE_WACK:
		len = fake_wack(buf, request, 0x20, arg);
		break;
	case FAKE_WACK_NULL:
		len = fake_wack(buf, request, 0x0a, arg);
		break;
	case FAKE_WRONG_ID:		/* in one byte, then in the other */
		buf[1] ^= 1;
		fake_send(fd, peer, buf, len);
		buf[0] ^= 1;
		buf[1] ^= 1;
		break;
	case FAKE_WRONG_NAME:
	case FAKE_WRONG_CASE:
	case FAKE_WRONG_SCOPE:
		len = fake_wrong_name(buf, len, say);
		break;
	case FAKE_WRONG_PORT:
		fd = fake->fd_port;
		break;
	case FAKE_WRONG_ADDRESS:
		fd = fake->fd_addr;
		break;
	case FAKE_WRONG_KIND:		/* release <-> registration */
		buf[2] = buf[2] == 0xb4 ? 0xad : 0xb4;
		break;
	case FAKE_REQUEST:
		buf[2] &= 0x7f;
		break;
	case FAKE_TRUNCATED:
		for (cut = 0; cut < len; cut++) {
			fake_send(fd, peer, buf, cut);
		}
		return;
	default:
		break;
	}
	fake_send(fd, peer, buf, len);
}

static inline void fake_later(struct tevent_context *ev,
			      struct tevent_timer *timer, struct timeval now,
			      void *private_data)
{
	struct fake_later *later =
		talloc_get_type_abort(private_data, struct fake_later);

	(void)ev;
	(void)timer;
	(void)now;
	fake_say(later->fake, later->say, later->arg, &later->peer,
		 later->packet);
	talloc_free(later);
}

static inline void fake_delay(struct fake_server *fake,
			      const struct fake_step *step)
{
	struct fake_later *later = talloc_zero(fake, struct fake_later);

	later->fake = fake;
	later->say = step->say;
	later->arg = step->arg;
	later->peer = fake->peer;
	memcpy(later->packet, fake->packet, sizeof(later->packet));
	tevent_add_timer(fake->ev, later,
			 tevent_timeval_current_ofs(
				step->delay_msec / 1000,
				step->delay_msec % 1000 * 1000),
			 fake_later, later);
}

static inline void fake_readable(struct tevent_context *ev,
				 struct tevent_fd *fde, uint16_t flags,
				 void *private_data)
{
	struct fake_server *fake =
		talloc_get_type_abort(private_data, struct fake_server);
	socklen_t peer_len = sizeof(fake->peer);
	const struct fake_step *step = fake->script;
	ssize_t len = 0;

	(void)ev;
	(void)fde;
	(void)flags;
	memset(fake->packet, 0, sizeof(fake->packet));
	len = recvfrom(fake->fd, fake->packet, sizeof(fake->packet),
		       MSG_DONTWAIT, (struct sockaddr *)&fake->peer,
		       &peer_len);
	if (len < 12) {
		return;
	}
	fake->len = (size_t)len;
	fake->requests++;
	for (; step != NULL && step->say != FAKE_END; step++) {
		if (step->on != 0 && step->on != fake->requests) {
			continue;
		}
		if (step->delay_msec != 0) {
			fake_delay(fake, step);
			continue;
		}
		fake_say(fake, step->say, step->arg, &fake->peer,
			 fake->packet);
	}
}

static inline int fake_socket(uint32_t addr, uint16_t *port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(*port),
		.sin_addr.s_addr = htonl(addr),
	};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int size = 4 << 20;

	if (fd == -1 || bind(fd, (struct sockaddr *)&sin, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) != 0) {
		abort();
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	*port = ntohs(sin.sin_port);
	return fd;
}

static inline int fake_destroy(struct fake_server *fake)
{
	close(fake->fd);
	close(fake->fd_port);
	close(fake->fd_addr);
	return 0;
}

/* On addr; the liars are another port there and another address. */
static inline struct fake_server *fake_start(TALLOC_CTX *mem_ctx,
					     struct tevent_context *ev,
					     uint32_t addr)
{
	struct fake_server *fake = talloc_zero(mem_ctx, struct fake_server);
	struct tevent_fd *fde = NULL;
	uint16_t other = 0;

	fake->ev = ev;
	fake->status_names = 2;
	fake->fd = fake_socket(addr, &fake->port);
	fake->fd_port = fake_socket(addr, &other);
	fake->fd_addr = fake_socket(0x7f000002, &fake->port);
	fde = tevent_add_fd(ev, fake, fake->fd, TEVENT_FD_READ, fake_readable,
			    fake);
	if (fde == NULL) {
		abort();
	}
	talloc_set_destructor(fake, fake_destroy);
	return fake;
}

#endif
