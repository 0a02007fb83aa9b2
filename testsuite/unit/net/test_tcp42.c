/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of links as repl/link.h promises it, and the listeners of
 * net/tcp42.h. What goes wrong is in test_tcp42_trouble.c.
 */
#include "unit/net/tcp42_fixture.h"

#include <netinet/tcp.h>

#include "net/holder.h"

static size_t echo(struct owner *owner, const uint8_t *data, size_t len)
{
	assert_int_equal(owner_send(owner, data, len), 0);
	return len;
}

static void somebody_calls(void **state)
{
	struct fixture *f = *state;
	uint8_t answer[5] = "";
	int fd = -1;
	struct owner *owner = NULL;

	f->on_data = echo;
	owner = incoming(f, &fd);
	assert_int_equal(f->ops->local(owner->link), HERE);
	peer_send(fd, "hello", 5);
	peer_recv(f, fd, answer, 5);
	assert_memory_equal(answer, "hello", 5);
	RUN_UNTIL(f, owner->drains == 1);
	assert_int_equal(timers_running(f), 0);
	assert_int_equal(owner->ups, 0);
	close(fd);
	RUN_UNTIL(f, owner->downs == 1);
	assert_int_equal(owner->error, 0);
	settle(f);
	assert_int_equal(tcp42_stats(f->tcp)->open, 0);
	assert_int_equal(tcp42_stats(f->tcp)->broken, 0);
}

static void we_call(void **state)
{
	struct fixture *f = *state;
	struct owner *owner = NULL;
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);
	uint16_t port = 0;
	uint8_t got[3] = "";
	int listener = peer_listen(CLIENT, &port);
	int fd = -1;

	assert_int_equal(owner_connect(f, THERE, CLIENT, port, &owner), 0);
	/* before it is up; it goes out when it is */
	assert_int_equal(owner_send(owner, "abc", 3), 0);
	assert_int_equal(f->ops->unsent(owner->link), 3);
	assert_int_equal(owner->ups, 0);
	RUN_UNTIL(f, owner->ups == 1);
	assert_int_equal(f->ops->local(owner->link), THERE);
	fd = accept(listener, (struct sockaddr *)&sa, &len);
	assert_int_equal(ntohl(sa.sin_addr.s_addr), THERE);
	peer_recv(f, fd, got, 3);
	assert_memory_equal(got, "abc", 3);
	RUN_UNTIL(f, owner->drains == 1);
	peer_send(fd, "xyz", 3);
	RUN_UNTIL(f, owner->taken == 3);
	assert_memory_equal(owner->kept, "xyz", 3);
	close(fd);
	close(listener);
	RUN_UNTIL(f, owner->downs == 1);
	assert_int_equal(owner->ups, 1);
	assert_int_equal(tcp42_stats(f->tcp)->connected, 1);
}

static void we_call_from_any(void **state)
{
	struct fixture *f = *state;
	struct owner *owner = NULL;

	assert_int_equal(owner_connect(f, 0, HERE, f->port, &owner), 0);
	RUN_UNTIL(f, owner->ups == 1);
	assert_int_not_equal(f->ops->local(owner->link), 0);
}

/* ---- bytes come as they like ---- */

/* Whole frames of four bytes only. */
static size_t fours(struct owner *owner, const uint8_t *data, size_t len)
{
	(void)owner;
	(void)data;
	return len - len % 4;
}

static void bytes_one_by_one(void **state)
{
	struct fixture *f = *state;
	const char *text = "the quick brown fox jumps over the ...";
	int fd = -1;
	struct owner *owner = NULL;

	f->on_data = fours;
	owner = incoming(f, &fd);
	for (unsigned int i = 0; i < 38; i++) {
		peer_send(fd, text + i, 1);
		RUN_UNTIL(f, owner->shows == i + 1);
		/* what was not taken stands in front of what came */
		assert_int_equal(owner->last_len, i % 4 + 1);
	}
	assert_int_equal(owner->taken, 36);
	assert_memory_equal(owner->kept, text, 36);
	close(fd);
	RUN_UNTIL(f, owner->downs == 1);	/* the odd two are lost */
	assert_int_equal(owner->error, 0);
}

/* Takes one of what it is shown, which must be what follows. */
static size_t one_in_order(struct owner *owner, const uint8_t *data,
			   size_t len)
{
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(data[i], (uint8_t)(owner->taken + i));
	}
	return 1;
}

static void bytes_that_pile_up(void **state)
{
	struct fixture *f = *state;
	uint8_t next[3];
	uint8_t at = 0;
	int fd = -1;
	struct owner *owner = NULL;

	f->on_data = one_in_order;
	owner = incoming(f, &fd);
	for (unsigned int i = 0; i < 2000; i++) {
		for (unsigned int k = 0; k < sizeof(next); k++) {
			next[k] = at++;
		}
		peer_send(fd, next, sizeof(next));
		RUN_UNTIL(f, owner->shows == i + 1);
		assert_int_equal(owner->last_len, 2 * i + 3);
	}
	close(fd);
}

/* One read is one turn of replication; what is more waits for the next. */
static void a_read_is_bounded(void **state)
{
	static const uint8_t much[4 * LINK_READ_MAX];
	struct fixture *f = *state;
	int fd = -1;
	struct owner *owner = incoming(f, &fd);

	peer_send(fd, much, sizeof(much));
	RUN_UNTIL(f, owner->taken == sizeof(much));
	assert_in_range(owner->largest_len, 1, LINK_READ_MAX);
	assert_in_range(owner->shows, 4, 4 * LINK_READ_MAX);
	close(fd);
}

static void a_pause_holds_everything(void **state)
{
	struct fixture *f = *state;
	int fd = -1;
	struct owner *owner = incoming(f, &fd);

	owner_pause(owner, true);
	peer_send(fd, "abcdef", 6);
	settle(f);
	assert_int_equal(owner->shows, 0);
	assert_int_equal(f->idle_turns, SETTLE_TURNS);	/* nobody spins */
	owner_pause(owner, false);
	RUN_UNTIL(f, owner->taken == 6);
	close(fd);
	RUN_UNTIL(f, owner->downs == 1);
}

/* Takes two and has enough for now. */
static size_t two_and_pause(struct owner *owner, const uint8_t *data,
			    size_t len)
{
	(void)data;
	owner_pause(owner, true);
	return len < 2 ? len : 2;
}

static void the_rest_is_shown_again(void **state)
{
	struct fixture *f = *state;
	int fd = -1;
	struct owner *owner = NULL;

	f->on_data = two_and_pause;
	owner = incoming(f, &fd);
	peer_send(fd, "abcdef", 6);
	RUN_UNTIL(f, owner->shows == 1);
	assert_int_equal(owner->last_len, 6);
	close(fd);
	settle(f);
	assert_int_equal(owner->shows, 1);
	assert_int_equal(owner->downs, 0);
	owner_pause(owner, false);
	assert_int_equal(owner->shows, 1);	/* not from inside */
	RUN_UNTIL(f, owner->shows == 2);
	assert_int_equal(owner->last_len, 4);
	owner_pause(owner, false);
	RUN_UNTIL(f, owner->shows == 3);
	assert_int_equal(owner->taken, 6);
	assert_memory_equal(owner->kept, "abcdef", 6);
	owner_pause(owner, false);
	RUN_UNTIL(f, owner->downs == 1);
	assert_int_equal(owner->shows, 3);
}

static void paused_and_resumed_before_the_loop(void **state)
{
	struct fixture *f = *state;
	int fd = -1;
	struct owner *owner = NULL;

	f->on_data = two_and_pause;
	owner = incoming(f, &fd);
	peer_send(fd, "abc", 3);
	RUN_UNTIL(f, owner->shows == 1);
	owner_pause(owner, false);
	owner_pause(owner, true);
	settle(f);
	assert_int_equal(owner->shows, 1);
	close(fd);
}

/* The largest frame there may be arrives whole, and costs memory only then. */
static void a_frame_of_the_largest_size(void **state)
{
	static uint8_t frame[LINK_BUFFER_MAX];
	struct fixture *f = *state;
	size_t before = talloc_total_size(f->tcp);
	int fd = -1;
	struct owner *owner = incoming(f, &fd);
	size_t idle = talloc_total_size(f->tcp) - before;
	size_t sent = 0;

	assert_in_range(idle, 1, 1500);
	owner->take = 0;
	while (sent < sizeof(frame)) {
		ssize_t n = send(fd, frame + sent, sizeof(frame) - sent,
				 MSG_DONTWAIT);

		sent += n > 0 ? (size_t)n : 0;
		if (sent == sizeof(frame)) {
			owner->take = SIZE_MAX;	/* it is whole now */
		}
		settle(f);
	}
	RUN_UNTIL(f, owner->taken == sizeof(frame));
	assert_int_equal(talloc_total_size(f->tcp) - before, idle);
	close(fd);
	RUN_UNTIL(f, owner->downs == 1);
	assert_int_equal(owner->error, 0);
}

static void an_owner_that_takes_nothing_is_stopped(void **state)
{
	static const uint8_t much[65536];
	struct fixture *f = *state;
	int fd = -1;
	struct owner *owner = incoming(f, &fd);

	owner->take = 0;
	while (owner->downs == 0) {
		(void)send(fd, much, sizeof(much),
			   MSG_DONTWAIT | MSG_NOSIGNAL);
		assert_int_equal(tevent_loop_once(f->ev), 0);
	}
	assert_int_equal(owner->error, EMSGSIZE);
	assert_int_equal(owner->largest_len, LINK_BUFFER_MAX);
	close(fd);
}

/* ---- much, both ways ---- */

#define MUCH	(24u << 20)

static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 2654435761u >> 13);
}

static size_t check_stream(struct owner *owner, const uint8_t *data,
			   size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] != byte_at(owner->taken + i)) {
			fail_msg("byte %zu", owner->taken + i);
		}
	}
	return len;
}

static void much_goes_both_ways(void **state)
{
	struct fixture *f = *state;
	struct owner *a = NULL, *b = NULL;
	uint8_t *stream = talloc_array(f, uint8_t, MUCH);
	size_t at = 0;

	for (size_t i = 0; i < MUCH; i++) {
		stream[i] = byte_at(i);
	}
	f->on_data = check_stream;
	assert_int_equal(owner_connect(f, HERE, THERE, f->port, &a), 0);
	a->on_data = check_stream;
	RUN_UNTIL(f, a->ups == 1 && f->owners == 2);
	b = &f->owner[1];
	for (size_t step = 1; at < MUCH; at += step, step = step * 3 + 1) {
		step = step < MUCH - at ? step : MUCH - at;
		assert_int_equal(owner_send(a, stream + at, step), 0);
		assert_int_equal(owner_send(b, stream + at, step), 0);
	}
	RUN_UNTIL(f, a->taken == MUCH && b->taken == MUCH);
	RUN_UNTIL(f, a->drains > 0 && b->drains > 0);
	assert_int_equal(f->ops->unsent(a->link), 0);
	assert_int_equal(tcp42_stats(f->tcp)->sent, 2ull * MUCH);
	assert_int_equal(tcp42_stats(f->tcp)->received, 2ull * MUCH);
}

/* ---- closing ---- */

/* All that was sent arrives, then the end; only then is the link gone. */
static void a_close_lets_everything_out(void **state)
{
	struct fixture *f = *state;
	uint8_t *stream = talloc_zero_array(f, uint8_t, MUCH);
	uint8_t *got = talloc_array(f, uint8_t, MUCH);
	int fd = -1;
	struct owner *owner = incoming(f, &fd);

	memset(stream, 'x', MUCH);
	assert_int_equal(owner_send(owner, stream, MUCH), 0);
	owner_close(owner);
	peer_send(fd, "late", 4);		/* nobody hears it */
	peer_recv(f, fd, got, MUCH);
	assert_memory_equal(got, stream, MUCH);
	settle(f);
	assert_int_equal(recv(fd, got, 1, 0), 0);	/* FIN, no reset */
	assert_int_equal(tcp42_stats(f->tcp)->open, 1);
	close(fd);
	RUN_UNTIL(f, tcp42_stats(f->tcp)->open == 0);
	assert_int_equal(owner->drains, 0);
	assert_int_equal(timers_running(f), 0);
}

/*
 * The reply has left, and more came that nobody will read: a plain close(2)
 * would answer it with a reset.
 */
static void a_close_is_no_reset(void **state)
{
	struct fixture *f = *state;
	uint8_t byte = 0;
	int fd = -1;
	struct owner *owner = incoming(f, &fd);

	owner_pause(owner, true);
	assert_int_equal(owner_send(owner, "x", 1), 0);
	RUN_UNTIL(f, owner->drains == 1);
	peer_send(fd, "late", 4);
	owner_close(owner);
	settle(f);
	assert_int_equal(recv(fd, &byte, 1, 0), 1);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	assert_int_equal(tcp42_stats(f->tcp)->open, 1);
	close(fd);
	RUN_UNTIL(f, tcp42_stats(f->tcp)->open == 0);
}

static void a_close_does_not_wait_for_ever(void **state)
{
	struct fixture *f = *state;
	uint8_t *stream = talloc_zero_array(f, uint8_t, MUCH);
	int fd = -1;
	struct owner *owner = incoming(f, &fd);

	assert_int_equal(owner_send(owner, stream, MUCH), 0);
	owner_close(owner);
	settle(f);
	assert_int_equal(tcp42_stats(f->tcp)->open, 1);
	assert_int_equal(time_passes(f, TCP42_LINGER_USEC), 1);
	assert_int_equal(tcp42_stats(f->tcp)->open, 0);
	assert_int_equal(timers_running(f), 0);
	close(fd);
}

/* Nothing was said: nobody waits for anything. */
static void a_close_of_a_silent_link_is_at_once(void **state)
{
	struct fixture *f = *state;
	int fd = -1;
	struct owner *owner = incoming(f, &fd);
	char byte = 0;

	owner_close(owner);
	RUN_UNTIL(f, tcp42_stats(f->tcp)->open == 0);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);
}

static size_t answer_and_close(struct owner *owner, const uint8_t *data,
			       size_t len)
{
	(void)data;
	assert_int_equal(owner_send(owner, "bye", 3), 0);
	owner_close(owner);
	return len + 77;	/* means nothing now */
}

static void a_close_inside_an_event(void **state)
{
	struct fixture *f = *state;
	uint8_t got[3] = "";
	int fd = -1;
	struct owner *owner = NULL;

	f->on_data = answer_and_close;
	owner = incoming(f, &fd);
	peer_send(fd, "x", 1);
	peer_recv(f, fd, got, 3);
	assert_memory_equal(got, "bye", 3);
	close(fd);
	RUN_UNTIL(f, tcp42_stats(f->tcp)->open == 0);
	assert_int_equal(owner->shows, 1);
}

static void a_close_inside_accept(void **state)
{
	struct fixture *f = *state;
	char byte = 0;
	int fd = -1;

	f->close_at_once = true;
	incoming(f, &fd);
	RUN_UNTIL(f, tcp42_stats(f->tcp)->open == 0);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);
}

/* Two at once: each of them hears only what is its own. */
static void close_other(struct owner *owner)
{
	struct owner *other = &owner->f->owner[owner == owner->f->owner];

	if (!other->over) {
		owner_close(other);
	}
}

static void one_closes_the_other(void **state)
{
	struct fixture *f = *state;
	uint16_t port = 0;
	int listener = peer_listen(CLIENT, &port);
	struct owner *a = NULL, *b = NULL;

	assert_int_equal(owner_connect(f, 0, CLIENT, port, &a), 0);
	assert_int_equal(owner_connect(f, 0, CLIENT, port, &b), 0);
	a->on_up = close_other;
	b->on_up = close_other;
	RUN_UNTIL(f, a->ups + b->ups == 1);
	settle(f);
	assert_int_equal(a->ups + b->ups, 1);
	assert_int_equal(tcp42_stats(f->tcp)->open, 1);
	close(listener);
}

static void a_call_given_up(void **state)
{
	struct fixture *f = *state;
	struct owner *owner = NULL;

	assert_int_equal(owner_connect(f, 0, HERE, f->port, &owner), 0);
	assert_int_equal(owner_send(owner, "abc", 3), 0);
	owner_close(owner);
	settle(f);
	assert_int_equal(owner->ups + owner->downs, 0);
}

/* ---- listeners ---- */

static void addresses_come_and_go(void **state)
{
	struct fixture *f = *state;
	uint32_t served[SERVE_IFACES_MAX];
	unsigned int before = 0;
	struct owner *stays = NULL, *goes = NULL;
	int fd = -1, other = -1, again = -1;

	goes = incoming(f, &fd);
	other = peer_connect(f, THERE);
	RUN_UNTIL(f, f->owners == 2);
	stays = &f->owner[1];
	assert_int_equal(tcp42_served(f->tcp, served), 2);
	before = descriptors();
	{
		char *message = NULL;

		assert_int_equal(tcp42_serve(f->tcp, &faces[1], 1, f,
					     &message), 0);
	}
	assert_int_equal(tcp42_served(f->tcp, served), 1);
	assert_int_equal(served[0], THERE);
	RUN_UNTIL(f, goes->downs == 1);
	assert_int_equal(goes->error, EADDRNOTAVAIL);
	settle(f);
	assert_int_equal(descriptors(), before - 2);
	assert_int_equal(stays->downs, 0);
	serve(f, 2);
	again = peer_connect(f, HERE);
	RUN_UNTIL(f, f->owners == 3);
	close(fd);
	close(other);
	close(again);
}

/* A call of ours is not ended when another address goes. */
static void our_calls_stay(void **state)
{
	struct fixture *f = *state;
	uint16_t port = 0;
	int listener = peer_listen(CLIENT, &port);
	struct owner *owner = NULL;

	assert_int_equal(owner_connect(f, HERE, CLIENT, port, &owner), 0);
	RUN_UNTIL(f, owner->ups == 1);
	serve(f, 0);
	settle(f);
	assert_int_equal(owner->downs, 0);
	close(listener);
}

/* The connections of a server that was ended do not keep the next one out. */
static void a_restart_gets_the_port(void **state)
{
	struct fixture *f = *state;
	char byte = 0;
	int fd = -1;
	struct owner *owner = incoming(f, &fd);

	assert_int_equal(owner_send(owner, "x", 1), 0);
	owner_close(owner);
	peer_recv(f, fd, (uint8_t *)&byte, 1);
	serve(f, 0);
	close(fd);		/* after us: TIME_WAIT is on our side */
	settle(f);
	serve(f, 2);
}

static void the_port_is_taken(void **state)
{
	struct fixture *f = *state;
	uint32_t served[SERVE_IFACES_MAX];
	char expected[100];
	char *message = NULL;
	int fd = -1;

	serve(f, 0);
	fd = peer_socket(THERE, f->port);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(tcp42_serve(f->tcp, faces, 2, f, &message),
			 EADDRINUSE);
	snprintf(expected, sizeof(expected), "127.0.0.12:%u (TCP) is in use by ",
		 f->port);
	assert_non_null(strstr(message, expected));
	snprintf(expected, sizeof(expected), "(process %d)", (int)getpid());
	assert_non_null(strstr(message, expected));
	assert_non_null(strstr(message, "wins:interfaces"));
	assert_int_equal(tcp42_served(f->tcp, served), 1);
	close(fd);
}

/* A connection of that port is no holder of it. */
static void only_listeners_hold_a_port(void **state)
{
	struct fixture *f = *state;
	struct holder holder;
	int fd = -1;

	incoming(f, &fd);
	assert_true(holder_find(HOLDER_TCP, HERE, f->port, &holder));
	assert_int_equal(holder.pid, getpid());
	assert_false(holder_find(HOLDER_UDP, HERE, f->port, &holder));
	serve(f, 0);
	assert_false(holder_find(HOLDER_TCP, HERE, f->port, &holder));
	settle(f);
	close(fd);
}

static int option_of(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void the_socket_is_as_promised(void **state)
{
	struct fixture *f = *state;
	unsigned int seen = 0;
	int fd = -1;

	incoming(f, &fd);
	for (int i = 3; i < 256; i++) {
		struct sockaddr_in sa = { .sin_family = AF_UNSPEC };
		socklen_t len = sizeof(sa);

		if (getpeername(i, (struct sockaddr *)&sa, &len) != 0 ||
		    ntohl(sa.sin_addr.s_addr) != CLIENT) {
			continue;
		}
		seen++;
		assert_int_not_equal(option_of(i, IPPROTO_TCP, TCP_NODELAY),
				     0);
		assert_int_not_equal(option_of(i, SOL_SOCKET, SO_KEEPALIVE),
				     0);
		assert_int_equal(option_of(i, IPPROTO_TCP, TCP_KEEPIDLE), 60);
	}
	assert_int_equal(seen, 1);
	close(fd);
}

static void nothing_is_left_to_programs(void **state)
{
	struct fixture *f = *state;
	struct owner *owner = NULL;
	int fd = -1;

	incoming(f, &fd);
	assert_int_equal(owner_connect(f, 0, HERE, f->port, &owner), 0);
	for (int i = 3; i < 256; i++) {
		int flags = fcntl(i, F_GETFD);
		struct sockaddr_in sa;
		socklen_t len = sizeof(sa);

		if (flags != -1 && getsockname(i, (struct sockaddr *)&sa,
					       &len) == 0) {
			assert_true(flags & FD_CLOEXEC);
		}
	}
	close(fd);
}

static void who_is_not_wanted_hears_it_at_once(void **state)
{
	struct fixture *f = *state;
	char byte = 0;
	int fd = -1;

	f->refuse = true;
	fd = peer_connect(f, HERE);
	RUN_UNTIL(f, tcp42_stats(f->tcp)->unwanted == 1);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	assert_int_equal(tcp42_stats(f->tcp)->open, 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(somebody_calls),
		TEST(we_call),
		TEST(we_call_from_any),
		TEST(bytes_one_by_one),
		TEST(bytes_that_pile_up),
		TEST(a_read_is_bounded),
		TEST(a_pause_holds_everything),
		TEST(the_rest_is_shown_again),
		TEST(paused_and_resumed_before_the_loop),
		TEST(a_frame_of_the_largest_size),
		TEST(an_owner_that_takes_nothing_is_stopped),
		TEST(much_goes_both_ways),
		TEST(a_close_lets_everything_out),
		TEST(a_close_is_no_reset),
		TEST(a_close_does_not_wait_for_ever),
		TEST(a_close_of_a_silent_link_is_at_once),
		TEST(a_close_inside_an_event),
		TEST(a_close_inside_accept),
		TEST(one_closes_the_other),
		TEST(a_call_given_up),
		TEST(addresses_come_and_go),
		TEST(our_calls_stay),
		TEST(a_restart_gets_the_port),
		TEST(the_port_is_taken),
		TEST(only_listeners_hold_a_port),
		TEST(the_socket_is_as_promised),
		TEST(nothing_is_left_to_programs),
		TEST(who_is_not_wanted_hears_it_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
