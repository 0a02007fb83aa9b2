/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sockets of net/udp137.c on loopback and a port of the kernel's choice,
 * with a sink that writes down what comes. Expectations: net/udp137.h; local
 * of a broadcast datagram is that of net/door.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/holder.h"
#include "net/udp137.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define HERE	IP(127, 0, 0, 11)
#define THERE	IP(127, 0, 0, 12)
#define CLIENT	IP(127, 0, 0, 21)
#define ALL	IP(127, 255, 255, 255)

struct fixture {
	struct tevent_context *ev;
	struct nb_world world;
	struct udp137_sink sink;
	struct udp137 *udp;
	uint16_t port;
	unsigned int turns;
	unsigned int in_turn;
	unsigned int largest;
	bool open;
	unsigned int count;
	struct {
		uint32_t local;
		uint32_t from;
		uint16_t port;
		size_t len;
		uint8_t first;
	} got[1000];
	uint64_t clock_step;
	uint64_t clock;
};

static uint64_t clock_mono(void *priv)
{
	struct fixture *f = priv;

	f->clock += f->clock_step;
	return f->clock;
}

static void no_log(void *priv, int level, const char *line)
{
	(void)priv;
	(void)level;
	(void)line;
}

static struct nb_timer *no_timer(void *priv, uint64_t usec,
				 void (*fn)(void *arg), void *arg)
{
	(void)priv;
	(void)usec;
	(void)fn;
	(void)arg;
	return NULL;
}

static void no_stop(void *priv, struct nb_timer *timer)
{
	(void)priv;
	assert_null(timer);
}

static void sink_begin(void *priv)
{
	struct fixture *f = priv;

	assert_false(f->open);
	f->open = true;
	f->turns++;
	f->in_turn = 0;
}

static void sink_end(void *priv)
{
	struct fixture *f = priv;

	assert_true(f->open);
	f->open = false;
	if (f->in_turn > f->largest) {
		f->largest = f->in_turn;
	}
}

static void sink_datagram(void *priv, uint32_t local, uint32_t from,
			  uint16_t port, const uint8_t *data, size_t len)
{
	struct fixture *f = priv;

	assert_true(f->open);
	f->in_turn++;
	if (f->count < 1000) {
		f->got[f->count].local = local;
		f->got[f->count].from = from;
		f->got[f->count].port = port;
		f->got[f->count].len = len;
		f->got[f->count].first = len > 0 ? data[0] : 0;
		f->count++;
	}
}

static struct sockaddr_in address(uint32_t ip, uint16_t port)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(ip),
	};

	return sa;
}

static int client_socket(uint32_t ip, uint16_t port)
{
	struct sockaddr_in sa = address(ip, port);
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int on = 1;

	assert_int_not_equal(fd, -1);
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static uint16_t free_port(void)
{
	int fd = client_socket(HERE, 0);
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	close(fd);
	return ntohs(sa.sin_port);
}

static int setup(void **state)
{
	struct fixture *f = talloc_zero(NULL, struct fixture);

	f->ev = tevent_context_init(f);
	f->world = (struct nb_world) {
		.priv = f,
		.mono = clock_mono,
		.timer_start = no_timer,
		.timer_stop = no_stop,
		.log = no_log,
	};
	f->sink = (struct udp137_sink) {
		.priv = f,
		.turn_begin = sink_begin,
		.datagram = sink_datagram,
		.turn_end = sink_end,
	};
	f->port = free_port();
	assert_int_equal(udp137_create(f, f->ev, &f->world, &f->sink, f->port,
				       &f->udp), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	talloc_free(*state);
	return 0;
}

static const struct serve_iface faces[] = {
	{ HERE, 0xff000000, ALL },
	{ THERE, 0xff000000, ALL },
};

static void serve(struct fixture *f, unsigned int count)
{
	char *message = NULL;

	assert_int_equal(udp137_serve(f->udp, faces, count, f, &message), 0);
	assert_null(message);
}

static void send_to(int fd, uint32_t ip, uint16_t port, const char *data,
		    size_t len)
{
	struct sockaddr_in sa = address(ip, port);

	assert_int_equal(sendto(fd, data, len, 0, (struct sockaddr *)&sa,
				sizeof(sa)), len);
}

static void wait_for(struct fixture *f, unsigned int count)
{
	while (f->count < count) {
		assert_int_equal(tevent_loop_once(f->ev), 0);
	}
}

static void test_unicast(void **state)
{
	struct fixture *f = *state;
	int fd = client_socket(CLIENT, 0);
	char big[2000] = "b";

	serve(f, 2);
	send_to(fd, HERE, f->port, "a", 1);
	send_to(fd, HERE, f->port, big, sizeof(big));
	wait_for(f, 2);
	send_to(fd, THERE, f->port, "c", 1);
	wait_for(f, 3);
	assert_int_equal(f->got[0].local, HERE);
	assert_int_equal(f->got[0].from, CLIENT);
	assert_int_equal(f->got[0].len, 1);
	assert_int_equal(f->got[1].len, sizeof(big));
	assert_int_equal(f->got[1].first, 'b');
	assert_int_equal(f->got[2].local, THERE);
	close(fd);
}

static void test_broadcast_is_ours_on_that_network(void **state)
{
	struct fixture *f = *state;
	int fd = client_socket(CLIENT, 0);

	serve(f, 2);
	send_to(fd, ALL, f->port, "a", 1);
	wait_for(f, 1);
	assert_int_equal(f->got[0].local, HERE);
	assert_int_equal(f->got[0].from, CLIENT);
	close(fd);
}

static void test_own_broadcast_is_not_heard(void **state)
{
	struct fixture *f = *state;
	int fd = client_socket(CLIENT, 0);

	serve(f, 2);
	assert_int_equal(udp137_send(f->udp, THERE, ALL, f->port,
				     (const uint8_t *)"o", 1), 0);
	send_to(fd, ALL, f->port, "c", 1);
	wait_for(f, 1);
	assert_int_equal(f->got[0].first, 'c');
	assert_int_equal(udp137_stats(f->udp)->own, 1);
	close(fd);
}

static void test_reply_leaves_from_the_address_asked(void **state)
{
	struct fixture *f = *state;
	int fd = client_socket(CLIENT, 0);
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);
	char byte = 0;

	serve(f, 2);
	send_to(fd, THERE, f->port, "q", 1);
	wait_for(f, 1);
	assert_int_equal(udp137_send(f->udp, f->got[0].local, f->got[0].from,
				     f->got[0].port, (const uint8_t *)"r", 1),
			 0);
	assert_int_equal(recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&sa,
				  &len), 1);
	assert_int_equal(ntohl(sa.sin_addr.s_addr), THERE);
	assert_int_equal(ntohs(sa.sin_port), f->port);
	close(fd);
}

static void test_send_from_where_we_are_not(void **state)
{
	struct fixture *f = *state;
	const uint8_t *data = (const uint8_t *)"x";

	serve(f, 1);
	assert_int_equal(udp137_send(f->udp, THERE, CLIENT, 137, data, 1),
			 EADDRNOTAVAIL);
	assert_int_equal(udp137_send(f->udp, ALL, CLIENT, 137, data, 1),
			 EADDRNOTAVAIL);
	assert_int_equal(udp137_stats(f->udp)->send_errors, 2);
}

static void test_a_turn_is_bounded(void **state)
{
	struct fixture *f = *state;
	int fd = client_socket(CLIENT, 0);

	serve(f, 1);
	for (int i = 0; i < 600; i++) {
		send_to(fd, HERE, f->port, "x", 1);
	}
	wait_for(f, 600);
	assert_int_equal(f->largest, UDP137_TURN);
	close(fd);
}

static void test_a_turn_ends_by_the_clock(void **state)
{
	struct fixture *f = *state;
	int fd = client_socket(CLIENT, 0);

	serve(f, 1);
	f->clock_step = UDP137_TURN_USEC / 2;
	for (int i = 0; i < 200; i++) {
		send_to(fd, HERE, f->port, "x", 1);
	}
	wait_for(f, 200);
	assert_in_range(f->largest, 1, 32);
	close(fd);
}

/* A flood on one address leaves the other its share of each turn. */
static void test_sockets_share_a_turn(void **state)
{
	struct fixture *f = *state;
	int fd = client_socket(CLIENT, 0);
	unsigned int seen = 0;

	serve(f, 2);
	for (int i = 0; i < 500; i++) {
		send_to(fd, HERE, f->port, "f", 1);
	}
	for (int i = 0; i < 16; i++) {
		send_to(fd, THERE, f->port, "q", 1);
	}
	assert_int_equal(tevent_loop_once(f->ev), 0);
	assert_int_equal(f->turns, 1);
	for (unsigned int i = 0; i < f->count; i++) {
		seen += f->got[i].local == THERE;
	}
	assert_int_equal(seen, 16);
	close(fd);
}

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void stop_loop(struct tevent_context *ev, struct tevent_timer *timer,
		      struct timeval now, void *arg)
{
	bool *over = arg;

	(void)ev;
	(void)timer;
	(void)now;
	*over = true;
}

/* CVE-2020-14303 was a busy loop after one empty datagram. */
static void test_empty_datagrams_do_not_spin(void **state)
{
	struct fixture *f = *state;
	int fd = client_socket(CLIENT, 0);
	bool over = false;
	double before;

	serve(f, 1);
	for (int i = 0; i < 100; i++) {
		send_to(fd, HERE, f->port, "", 0);
	}
	wait_for(f, 100);
	assert_int_equal(f->got[99].len, 0);
	before = cpu_seconds();
	tevent_add_timer(f->ev, f, tevent_timeval_current_ofs(0, 200000),
			 stop_loop, &over);
	while (!over) {
		assert_int_equal(tevent_loop_once(f->ev), 0);
	}
	assert_true(cpu_seconds() - before < 0.1);
	close(fd);
}

static void test_addresses_come_and_go(void **state)
{
	struct fixture *f = *state;
	struct serve_iface served[SERVE_IFACES_MAX];
	int fd = -1;

	serve(f, 2);
	assert_int_equal(udp137_served(f->udp, served), 2);
	serve(f, 1);
	assert_int_equal(udp137_served(f->udp, served), 1);
	assert_int_equal(served[0].ip, HERE);
	assert_int_equal(served[0].broadcast, ALL);
	fd = client_socket(THERE, f->port);	/* it is free again */
	close(fd);
	serve(f, 0);
	assert_int_equal(udp137_served(f->udp, served), 0);
	fd = client_socket(ALL, f->port);
	close(fd);
	serve(f, 2);
	assert_int_equal(udp137_served(f->udp, served), 2);
}

static void test_port_in_use_names_us(void **state)
{
	struct fixture *f = *state;
	int fd = client_socket(THERE, f->port);
	struct serve_iface served[SERVE_IFACES_MAX];
	char expected[100];
	char *message = NULL;

	assert_int_equal(udp137_serve(f->udp, faces, 2, f, &message),
			 EADDRINUSE);
	snprintf(expected, sizeof(expected), "127.0.0.12:%u is in use by ",
		 f->port);
	assert_non_null(strstr(message, expected));
	snprintf(expected, sizeof(expected), "(process %d)", (int)getpid());
	assert_non_null(strstr(message, expected));
	assert_non_null(strstr(message, "wins:interfaces"));
	assert_int_equal(udp137_served(f->udp, served), 1);
	close(fd);
}

/* A wildcard socket holds every address. */
static void test_port_in_use_on_any(void **state)
{
	struct fixture *f = *state;
	int fd = client_socket(0, f->port);
	struct holder holder;
	char *message = NULL;

	assert_int_equal(udp137_serve(f->udp, faces, 1, f, &message),
			 EADDRINUSE);
	assert_true(holder_find(HOLDER_UDP, HERE, f->port, &holder));
	assert_int_equal(holder.pid, getpid());
	close(fd);
	assert_false(holder_find(HOLDER_UDP, HERE, f->port, &holder));
}

/* A mask that is not the kernel's: no broadcast there, but the rest works. */
static void test_unknown_broadcast_is_done_without(void **state)
{
	struct fixture *f = *state;
	const struct serve_iface odd = {
		HERE, 0xffffff00, IP(10, 99, 99, 255),
	};
	struct serve_iface served[SERVE_IFACES_MAX];
	char *message = NULL;

	assert_int_equal(udp137_serve(f->udp, &odd, 1, f, &message), 0);
	assert_int_equal(udp137_served(f->udp, served), 1);
}

static void test_closing_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	int before = dup(0);
	int after = -1;

	close(before);
	for (int i = 0; i < 1000; i++) {
		serve(f, 2);
		serve(f, 0);
	}
	after = dup(0);
	assert_int_equal(after, before);
	close(after);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_unicast),
		TEST(test_broadcast_is_ours_on_that_network),
		TEST(test_own_broadcast_is_not_heard),
		TEST(test_reply_leaves_from_the_address_asked),
		TEST(test_send_from_where_we_are_not),
		TEST(test_a_turn_is_bounded),
		TEST(test_a_turn_ends_by_the_clock),
		TEST(test_sockets_share_a_turn),
		TEST(test_empty_datagrams_do_not_spin),
		TEST(test_addresses_come_and_go),
		TEST(test_port_in_use_names_us),
		TEST(test_port_in_use_on_any),
		TEST(test_unknown_broadcast_is_done_without),
		TEST(test_closing_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
