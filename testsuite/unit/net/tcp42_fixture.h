/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Links of net/tcp42.c on loopback, for test_tcp42*.c: an owner that writes
 * down what it hears, and a clock that stands until a test moves it.
 *
 * Each owner checks on the way what repl/link.h promises of every event: none
 * comes from inside a call, none inside another, none after down() or close(),
 * and data() never while paused.
 */
#ifndef WINSD_TESTSUITE_TCP42_FIXTURE_H
#define WINSD_TESTSUITE_TCP42_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/tcp42_private.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define HERE	IP(127, 0, 0, 11)
#define THERE	IP(127, 0, 0, 12)
#define CLIENT	IP(127, 0, 0, 21)

#define OWNERS	64
#define TIMERS	256

struct fixture;

struct owner {
	struct fixture *f;
	struct link *link;
	bool incoming;
	bool paused;
	bool over;		/* closed, or down was heard */
	unsigned int ups, downs, drains, shows;
	int error;		/* of down */
	size_t last_len;	/* shown last */
	size_t largest_len;
	size_t take;		/* data() takes so many, or what is there */
	size_t taken;
	uint8_t kept[4096];	/* the first that was taken */
	void (*on_up)(struct owner *owner);
	size_t (*on_data)(struct owner *owner, const uint8_t *data,
			  size_t len);
	void (*on_drained)(struct owner *owner);
};

struct nb_timer {
	uint64_t usec;
	void (*fn)(void *arg);
	void *arg;
};

struct fixture {
	struct tevent_context *ev;
	struct nb_world world;
	struct nb_timer timer[TIMERS];
	bool timers_fail;
	uint64_t clock;
	int idle_fd;
	struct tevent_fd *idle;
	unsigned int idle_turns;	/* of the loop, with nothing to do */
	unsigned int logged;
	char log[512];
	struct tcp42_receiver receiver;
	struct tcp42 *tcp;
	const struct link_ops *ops;
	uint16_t port;
	bool in_call;
	bool in_event;
	bool refuse;		/* incoming links are not wanted */
	bool close_at_once;	/* taken, and closed in accept() */
	unsigned int owners;
	struct owner owner[OWNERS];
	size_t (*on_data)(struct owner *owner, const uint8_t *data,
			  size_t len);	/* of incoming links */
};

/* ---- the world ---- */

static struct nb_timer *fake_start(void *priv, uint64_t usec,
				   void (*fn)(void *arg), void *arg)
{
	struct fixture *f = priv;

	for (unsigned int i = 0; !f->timers_fail && i < TIMERS; i++) {
		if (f->timer[i].fn == NULL) {
			f->timer[i] = (struct nb_timer) { usec, fn, arg };
			return &f->timer[i];
		}
	}
	return NULL;
}

static void fake_stop(void *priv, struct nb_timer *timer)
{
	(void)priv;
	if (timer != NULL) {
		timer->fn = NULL;
	}
}

static uint64_t fake_mono(void *priv)
{
	const struct fixture *f = priv;

	return f->clock;
}

static void fake_log(void *priv, int level, const char *line)
{
	struct fixture *f = priv;

	if (level <= NB_LOG_WARNING) {
		f->logged++;
		snprintf(f->log, sizeof(f->log), "%s", line);
	}
}

static inline unsigned int timers_running(const struct fixture *f)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < TIMERS; i++) {
		count += f->timer[i].fn != NULL;
	}
	return count;
}

/* So much time goes by at once; how many timers of that length fired? */
static inline unsigned int time_passes(struct fixture *f, uint64_t usec)
{
	unsigned int fired = 0;

	for (unsigned int i = 0; i < TIMERS; i++) {
		struct nb_timer due = f->timer[i];

		if (due.fn != NULL && due.usec == usec) {
			f->timer[i].fn = NULL;
			due.fn(due.arg);
			fired++;
		}
	}
	return fired;
}

/* ---- an owner ---- */

static void event_begin(struct owner *owner)
{
	assert_false(owner->f->in_call);
	assert_false(owner->f->in_event);
	assert_false(owner->over);
	owner->f->in_event = true;
}

static void event_end(struct owner *owner)
{
	owner->f->in_event = false;
}

static void owner_up(void *arg)
{
	struct owner *owner = arg;

	event_begin(owner);
	assert_false(owner->incoming);
	owner->ups++;
	if (owner->on_up != NULL) {
		owner->on_up(owner);
	}
	event_end(owner);
}

static size_t owner_data(void *arg, const uint8_t *data, size_t len)
{
	struct owner *owner = arg;
	size_t take = len < owner->take ? len : owner->take;

	event_begin(owner);
	assert_false(owner->paused);
	assert_in_range(len, 1, LINK_BUFFER_MAX);
	owner->shows++;
	owner->last_len = len;
	owner->largest_len = len > owner->largest_len ? len :
			     owner->largest_len;
	if (owner->on_data != NULL) {
		take = owner->on_data(owner, data, len);
	}
	for (size_t i = 0; i < take; i++, owner->taken++) {
		if (owner->taken < sizeof(owner->kept)) {
			owner->kept[owner->taken] = data[i];
		}
	}
	event_end(owner);
	return take;
}

static void owner_drained(void *arg)
{
	struct owner *owner = arg;

	event_begin(owner);
	assert_int_equal(owner->f->ops->unsent(owner->link), 0);
	owner->drains++;
	if (owner->on_drained != NULL) {
		owner->on_drained(owner);
	}
	event_end(owner);
}

static void owner_down(void *arg, int error)
{
	struct owner *owner = arg;

	event_begin(owner);
	owner->downs++;
	owner->error = error;
	owner->over = true;
	event_end(owner);
}

static const struct link_events events = {
	.up = owner_up,
	.data = owner_data,
	.drained = owner_drained,
	.down = owner_down,
};

static inline struct owner *owner_new(struct fixture *f)
{
	struct owner *owner = NULL;

	assert_in_range(f->owners, 0, OWNERS - 1);
	owner = &f->owner[f->owners++];
	*owner = (struct owner) { .f = f, .take = SIZE_MAX };
	return owner;
}

/* What an owner does to its link. */

static inline int owner_send(struct owner *owner, const void *data, size_t len)
{
	bool was = owner->f->in_call;
	int ret;

	owner->f->in_call = true;
	ret = owner->f->ops->send(owner->link, data, len);
	owner->f->in_call = was;
	return ret;
}

static inline void owner_pause(struct owner *owner, bool pause)
{
	bool was = owner->f->in_call;

	owner->paused = pause;
	owner->f->in_call = true;
	owner->f->ops->pause(owner->link, pause);
	owner->f->in_call = was;
}

static inline void owner_close(struct owner *owner)
{
	bool was = owner->f->in_call;

	owner->over = true;
	owner->f->in_call = true;
	owner->f->ops->close(owner->link);
	owner->f->in_call = was;
}

static inline int owner_connect(struct fixture *f, uint32_t from, uint32_t to,
				uint16_t port, struct owner **owner)
{
	bool was = f->in_call;
	int ret;

	*owner = owner_new(f);
	f->in_call = true;
	ret = f->ops->connect(f->ops->priv, from, to, port, &events, *owner,
			      &(*owner)->link);
	f->in_call = was;
	return ret;
}

/* ---- the receiver ---- */

static bool receive(void *priv, struct link *link, uint32_t from)
{
	struct fixture *f = priv;
	struct owner *owner = NULL;

	assert_in_range(from, IP(127, 0, 0, 1), IP(127, 0, 0, 255));
	if (f->refuse) {
		return false;
	}
	owner = owner_new(f);
	owner->link = link;
	owner->incoming = true;
	owner->on_data = f->on_data;
	f->in_call = true;
	f->ops->accept(link, &events, owner);
	f->in_call = false;
	if (f->close_at_once) {
		owner_close(owner);
	}
	return true;
}

/* ---- the other side: a plain socket ---- */

static inline struct sockaddr_in address(uint32_t ip, uint16_t port)
{
	return tcp42_address(ip, port);
}

static inline int peer_socket(uint32_t ip, uint16_t port)
{
	struct sockaddr_in sa = address(ip, port);
	struct timeval patience = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	assert_int_not_equal(fd, -1);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static inline int peer_connect(struct fixture *f, uint32_t to)
{
	struct sockaddr_in sa = address(to, f->port);
	int fd = peer_socket(CLIENT, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

/* A listener of the other side, and its port. */
static inline int peer_listen(uint32_t ip, uint16_t *port)
{
	int fd = peer_socket(ip, 0);
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);

	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	*port = ntohs(sa.sin_port);
	return fd;
}

static inline void peer_send(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

/* Close with a reset in place of a FIN. */
static inline void peer_reset(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger,
				    sizeof(linger)), 0);
	close(fd);
}

/* ---- the loop ---- */

#define RUN_UNTIL(f, condition) \
	do { \
		while (!(condition)) { \
			assert_int_equal(tevent_loop_once((f)->ev), 0); \
		} \
	} while (0)

static void idle_ready(struct tevent_context *ev, struct tevent_fd *fde,
		       uint16_t flags, void *arg)
{
	struct fixture *f = arg;

	(void)ev;
	(void)fde;
	(void)flags;
	f->idle_turns++;
}

/*
 * Run what can run, without waiting for anybody: a descriptor that is always
 * readable takes its turn among the others. Loopback delivers before a call
 * returns, so what is not there when the loop has gone round so often is not
 * coming.
 */
#define SETTLE_TURNS	300

static inline void settle(struct fixture *f)
{
	f->idle_turns = 0;
	tevent_fd_set_flags(f->idle, TEVENT_FD_READ);
	for (int i = 0; i < SETTLE_TURNS; i++) {
		assert_int_equal(tevent_loop_once(f->ev), 0);
	}
	tevent_fd_set_flags(f->idle, 0);
}

static const struct serve_iface faces[] = {
	{ HERE, 0xff000000, 0 },
	{ THERE, 0xff000000, 0 },
};

static inline void serve(struct fixture *f, unsigned int count)
{
	char *message = NULL;

	assert_int_equal(tcp42_serve(f->tcp, faces, count, f, &message), 0);
	assert_null(message);
}

/* An incoming link, with its other end. */
static inline struct owner *incoming(struct fixture *f, int *fd)
{
	unsigned int before = f->owners;

	*fd = peer_connect(f, HERE);
	RUN_UNTIL(f, f->owners > before);
	return &f->owner[before];
}

/* Receive exactly len bytes at the other end while the loop goes on. */
static inline void peer_recv(struct fixture *f, int fd, uint8_t *data,
			     size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = recv(fd, data + got, len - got, MSG_DONTWAIT);

		if (n == -1 && errno == EAGAIN) {
			assert_int_equal(tevent_loop_once(f->ev), 0);
			continue;
		}
		assert_true(n > 0);
		got += (size_t)n;
	}
}

/* ---- the fixture ---- */

static inline unsigned int descriptors(void)
{
	int fd = dup(0);
	unsigned int count = 0;

	close(fd);
	for (int i = 0; i < 8192; i++) {
		count += fcntl(i, F_GETFD) != -1;
	}
	return count;
}

static inline uint16_t free_port(void)
{
	uint16_t port = 0;
	int fd = peer_listen(HERE, &port);

	close(fd);
	return port;
}

static int setup(void **state)
{
	struct fixture *f = talloc_zero(NULL, struct fixture);

	f->clock = 1000000000;
	f->ev = tevent_context_init(f);
	f->idle_fd = eventfd(1, EFD_CLOEXEC);
	f->idle = tevent_add_fd(f->ev, f, f->idle_fd, 0, idle_ready, f);
	f->world = (struct nb_world) {
		.priv = f,
		.mono = fake_mono,
		.timer_start = fake_start,
		.timer_stop = fake_stop,
		.log_level = NB_LOG_INFO,
		.log = fake_log,
	};
	f->receiver = (struct tcp42_receiver) { f, receive };
	f->port = free_port();
	assert_int_equal(tcp42_create(f, f->ev, &f->world, &f->receiver,
				      f->port, &f->tcp), 0);
	f->ops = tcp42_ops(f->tcp);
	serve(f, 2);
	*state = f;
	return 0;
}

/* Whatever a test left: freed without an event, a timer or a descriptor. */
static int teardown(void **state)
{
	struct fixture *f = *state;

	f->in_call = true;
	TALLOC_FREE(f->tcp);
	assert_int_equal(timers_running(f), 0);
	close(f->idle_fd);
	talloc_free(f);
	return 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
