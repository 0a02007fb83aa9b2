/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Links when things go wrong: peers that reset, stall or vanish at every
 * state, calls of the kernel that fail, no descriptors. What must
 * come of it is in repl/link.h and net/tcp42.h; the cases are those of MS11-035
 * (a send fails after the peer's reset) and CVE-2014-0244 (a read that brings
 * nothing). Memory that runs out is in faults/test_alloc_tcp42.c.
 *
 * send() and recv() of the code under test go through the two below.
 */
#include "unit/net/tcp42_fixture.h"

#include <sys/syscall.h>

/* ---- the kernel's calls ---- */

struct fault {
	unsigned int after;	/* calls that still work */
	unsigned int times;	/* that fail then */
	int error;
	size_t at_most;		/* bytes of one call; 0: no bound */
	unsigned int calls;
};

static struct fault sending, receiving;
static int peer_fd = -1;	/* not ours: works */

/* True: this call fails, with errno set. */
static bool fails(struct fault *fault)
{
	fault->calls++;
	if (fault->after > 0) {
		fault->after--;
		return false;
	}
	if (fault->times == 0) {
		return false;
	}
	fault->times--;
	errno = fault->error;
	return true;
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
	bool ours = fd != peer_fd && (flags & MSG_DONTWAIT) != 0;

	if (ours && fails(&sending)) {
		return -1;
	}
	if (ours && sending.at_most > 0 && len > sending.at_most) {
		len = sending.at_most;
	}
	return syscall(SYS_sendto, fd, data, len, flags, NULL, 0);
}

static ssize_t any_recv(int fd, void *data, size_t len, int flags)
{
	if (fd != peer_fd && fails(&receiving)) {
		return -1;
	}
	if (fd != peer_fd && receiving.at_most > 0 &&
	    len > receiving.at_most) {
		len = receiving.at_most;
	}
	return syscall(SYS_recvfrom, fd, data, len, flags, NULL, NULL);
}

ssize_t recv(int fd, void *data, size_t len, int flags)
{
	return any_recv(fd, data, len, flags);
}

/* The C library's other name for it, where it knows the buffer's size. */
ssize_t __recv_chk(int fd, void *data, size_t len, size_t size, int flags);
ssize_t __recv_chk(int fd, void *data, size_t len, size_t size, int flags)
{
	assert_in_range(len, 0, size);
	return any_recv(fd, data, len, flags);
}

static int trouble_setup(void **state)
{
	sending = (struct fault) {0};
	receiving = (struct fault) {0};
	peer_fd = -1;
	return setup(state);
}

#define TROUBLE(fn) cmocka_unit_test_setup_teardown(fn, trouble_setup, teardown)

static struct owner *called(struct fixture *f, int *fd)
{
	struct owner *owner = incoming(f, fd);

	peer_fd = *fd;
	return owner;
}

/* It heard of its end once, as an error or not, and nothing is left of it. */
static void is_over(struct fixture *f, const struct owner *owner)
{
	RUN_UNTIL(f, owner->downs == 1);
	settle(f);
	assert_int_equal(owner->downs, 1);
	assert_int_equal(tcp42_stats(f->tcp)->open, 0);
	assert_int_equal(timers_running(f), 0);
}

/* ---- calls that come to nothing ---- */

static void nobody_listens(void **state)
{
	struct fixture *f = *state;
	struct owner *owner = NULL;
	uint16_t port = free_port();

	assert_int_equal(owner_connect(f, 0, CLIENT, port, &owner), 0);
	assert_int_equal(owner_send(owner, "abc", 3), 0);
	assert_int_equal(owner->downs, 0);	/* not from inside */
	is_over(f, owner);
	assert_int_equal(owner->error, ECONNREFUSED);
	assert_int_equal(owner->ups, 0);
	assert_int_equal(tcp42_stats(f->tcp)->connect_errors, 1);
}

static void an_address_that_is_not_ours(void **state)
{
	struct fixture *f = *state;
	struct owner *owner = NULL;

	assert_int_equal(owner_connect(f, IP(192, 0, 2, 77), HERE, f->port,
				       &owner), EADDRNOTAVAIL);
	settle(f);
	assert_int_equal(owner->ups + owner->downs, 0);
	assert_int_equal(tcp42_stats(f->tcp)->open, 0);
}

static void closed_before_it_was_refused(void **state)
{
	struct fixture *f = *state;
	struct owner *owner = NULL;

	assert_int_equal(owner_connect(f, 0, CLIENT, free_port(), &owner), 0);
	owner_close(owner);
	settle(f);
	assert_int_equal(owner->downs, 0);
	assert_int_equal(tcp42_stats(f->tcp)->open, 0);
}

/* ---- ends ---- */

/* It will say no more; link.h knows no half of a link. */
static void the_peer_shuts_its_half(void **state)
{
	struct fixture *f = *state;
	int fd = -1;
	struct owner *owner = called(f, &fd);

	peer_send(fd, "abc", 3);
	shutdown(fd, SHUT_WR);
	is_over(f, owner);
	assert_int_equal(owner->error, 0);
	assert_int_equal(owner->taken, 3);
	close(fd);
}

static void reset_at_rest(void **state)
{
	struct fixture *f = *state;
	int fd = -1;
	struct owner *owner = called(f, &fd);

	peer_reset(fd);
	is_over(f, owner);
	assert_int_equal(owner->error, ECONNRESET);
	assert_int_equal(tcp42_stats(f->tcp)->broken, 1);
}

static void reset_within_a_frame(void **state)
{
	struct fixture *f = *state;
	int fd = -1;
	struct owner *owner = called(f, &fd);

	owner->take = 0;
	peer_send(fd, "abc", 3);
	RUN_UNTIL(f, owner->shows == 1);
	peer_reset(fd);
	is_over(f, owner);
	assert_int_equal(owner->error, ECONNRESET);
}

static void reset_with_much_to_send(void **state)
{
	struct fixture *f = *state;
	uint8_t *much = talloc_zero_array(f, uint8_t, 16u << 20);
	int fd = -1;
	struct owner *owner = called(f, &fd);

	assert_int_equal(owner_send(owner, much, 16u << 20), 0);
	settle(f);
	assert_true(f->ops->unsent(owner->link) > 0);
	peer_reset(fd);
	is_over(f, owner);
	assert_true(owner->error == ECONNRESET || owner->error == EPIPE);
	assert_int_equal(owner->drains, 0);
}

static void reset_before_the_loop_sends(void **state)
{
	struct fixture *f = *state;
	int fd = -1;
	struct owner *owner = called(f, &fd);

	assert_int_equal(owner_send(owner, "abc", 3), 0);
	peer_reset(fd);
	assert_int_equal(owner_send(owner, "def", 3), 0);
	is_over(f, owner);
	assert_true(owner->error == ECONNRESET || owner->error == EPIPE);
	assert_int_equal(owner->drains, 0);
}

/* Nobody reads, so nobody hears of it before the link is resumed. */
static void reset_while_paused(void **state)
{
	struct fixture *f = *state;
	uint8_t *much = talloc_zero_array(f, uint8_t, 16u << 20);
	int fd = -1;
	struct owner *owner = called(f, &fd);

	owner_pause(owner, true);
	assert_int_equal(owner_send(owner, much, 16u << 20), 0);
	settle(f);
	peer_reset(fd);
	settle(f);
	if (owner->downs == 0) {
		owner_pause(owner, false);
	}
	is_over(f, owner);
	assert_int_not_equal(owner->error, 0);
}

static void reset_after_the_close(void **state)
{
	struct fixture *f = *state;
	uint8_t *much = talloc_zero_array(f, uint8_t, 16u << 20);
	int fd = -1;
	struct owner *owner = called(f, &fd);

	assert_int_equal(owner_send(owner, much, 16u << 20), 0);
	owner_close(owner);
	settle(f);
	peer_reset(fd);
	RUN_UNTIL(f, tcp42_stats(f->tcp)->open == 0);
	assert_int_equal(owner->downs, 0);
	assert_int_equal(timers_running(f), 0);
}

static void reset_before_the_close(void **state)
{
	struct fixture *f = *state;
	int fd = -1;
	struct owner *owner = called(f, &fd);

	assert_int_equal(owner_send(owner, "abc", 3), 0);
	peer_reset(fd);
	owner_close(owner);
	RUN_UNTIL(f, tcp42_stats(f->tcp)->open == 0);
	settle(f);
	assert_int_equal(owner->downs, 0);
}

static size_t answer(struct owner *owner, const uint8_t *data, size_t len)
{
	static const uint8_t text[300];

	(void)data;
	assert_int_equal(owner_send(owner, text, sizeof(text)), 0);
	return len;
}

/* MS11-035: a query, and a reset before its answer, again and again. */
static void queries_and_resets(void **state)
{
	struct fixture *f = *state;

	f->on_data = answer;
	for (unsigned int i = 0; i < 2000; i++) {
		int fd = -1;
		struct owner *owner = called(f, &fd);

		peer_send(fd, "?", 1);
		if (i % 2 == 0) {
			RUN_UNTIL(f, owner->shows == 1);
		}
		peer_reset(fd);
		RUN_UNTIL(f, owner->downs == 1);
		f->owners = 0;
	}
	settle(f);
	assert_int_equal(tcp42_stats(f->tcp)->open, 0);
	assert_int_equal(timers_running(f), 0);
}

/* ---- calls that fail ---- */

static const int deadly[] = {
	EPIPE, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETDOWN, EIO, ENOTCONN,
};

/* The n-th send of a long reply fails with each of the errors. */
static void a_send_fails_at_any_call(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 20 * 7; i++) {
		uint8_t text[100] = "";
		int fd = -1;
		struct owner *owner = called(f, &fd);

		sending = (struct fault) {
			.after = i / 7, .times = 1, .error = deadly[i % 7],
			.at_most = 5,
		};
		assert_int_equal(owner_send(owner, text, sizeof(text)), 0);
		RUN_UNTIL(f, owner->downs == 1);
		assert_int_equal(owner->error, deadly[i % 7]);
		assert_int_equal(owner->drains, 0);
		close(fd);
		f->owners = 0;
	}
	settle(f);
	assert_int_equal(tcp42_stats(f->tcp)->open, 0);
	assert_int_equal(tcp42_stats(f->tcp)->broken, 140);
}

static void a_send_does_less_or_nothing(void **state)
{
	static const int passing[] = { EAGAIN, EINTR, ENOBUFS };
	struct fixture *f = *state;
	uint8_t text[100];
	int fd = -1;
	struct owner *owner = called(f, &fd);

	for (unsigned int i = 0; i < sizeof(text); i++) {
		text[i] = (uint8_t)i;
	}
	for (unsigned int i = 0; i < 30; i++) {
		uint8_t got[sizeof(text)] = "";

		sending = (struct fault) {
			.after = i, .times = 3, .error = passing[i % 3],
			.at_most = 3,
		};
		assert_int_equal(owner_send(owner, text, sizeof(text)), 0);
		peer_recv(f, fd, got, sizeof(got));
		assert_memory_equal(got, text, sizeof(text));
		RUN_UNTIL(f, owner->drains == i + 1);
		assert_in_range(sending.calls, 34, 40);
	}
	close(fd);
}

static void a_read_fails(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 3 * 7; i++) {
		int fd = -1;
		struct owner *owner = called(f, &fd);

		receiving = (struct fault) {
			.after = i / 7, .times = 1, .error = deadly[i % 7],
			.at_most = 2,
		};
		peer_send(fd, "abcdefgh", 8);
		RUN_UNTIL(f, owner->downs == 1);
		assert_int_equal(owner->error, deadly[i % 7]);
		assert_int_equal(owner->taken, i / 7 * 2);
		close(fd);
		f->owners = 0;
	}
}

/* Woken for nothing: one call a wake-up, and the bytes when they are there. */
static void a_read_brings_nothing(void **state)
{
	static const int passing[] = { EAGAIN, EINTR };
	struct fixture *f = *state;
	int fd = -1;
	struct owner *owner = called(f, &fd);

	for (unsigned int i = 0; i < 10; i++) {
		receiving = (struct fault) {
			.times = 5, .error = passing[i % 2],
		};
		peer_send(fd, "x", 1);
		RUN_UNTIL(f, owner->taken == i + 1);
		assert_int_equal(receiving.calls, 6);
		settle(f);
		assert_int_equal(receiving.calls, 6);
	}
	close(fd);
}

/* ---- peers that do not read ---- */

static void a_peer_that_never_reads(void **state)
{
	struct fixture *f = *state;
	uint8_t *much = talloc_zero_array(f, uint8_t, 1u << 20);
	int fd = -1;
	struct owner *owner = called(f, &fd);
	int ret = 0;
	unsigned int i = 0;

	assert_int_equal(f->tcp->unsent_max, 256u << 20);
	f->tcp->unsent_max = 20u << 20;
	while (ret == 0) {
		assert_in_range(i++, 0, 100);
		ret = owner_send(owner, much, 1u << 20);
		assert_in_range(f->ops->unsent(owner->link), 0, 20u << 20);
		if (ret == 0) {
			settle(f);
		}
	}
	assert_int_equal(ret, ENOMEM);
	assert_in_range(i, 20, 40);
	is_over(f, owner);
	assert_int_equal(owner->error, ENOBUFS);
	assert_int_equal(f->logged, 1);
	assert_non_null(strstr(f->log, "127.0.0.21"));
	close(fd);
}

static void a_peer_that_stops_reading(void **state)
{
	struct fixture *f = *state;
	/* far more than the kernel takes, even when it saw how much is read */
	uint8_t *much = talloc_zero_array(f, uint8_t, 64u << 20);
	int fd = -1;
	struct owner *owner = called(f, &fd);

	assert_int_equal(owner_send(owner, much, 64u << 20), 0);
	settle(f);		/* what the kernel takes went */
	assert_int_equal(time_passes(f, TCP42_STALL_USEC), 1);
	assert_int_equal(owner->downs, 0);
	peer_recv(f, fd, much, 8u << 20);
	settle(f);
	assert_int_equal(time_passes(f, TCP42_STALL_USEC), 1);
	settle(f);
	assert_int_equal(owner->downs, 0);
	assert_int_equal(time_passes(f, TCP42_STALL_USEC), 1);
	is_over(f, owner);
	assert_int_equal(owner->error, ETIMEDOUT);
	assert_int_equal(tcp42_stats(f->tcp)->stalled, 1);
	assert_non_null(strstr(f->log, "127.0.0.21"));
	close(fd);
}

/* ---- nothing left ---- */

static void descriptors_run_out(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, tight;
	int fd[3] = { -1, -1, -1 };
	int next = -1;

	for (unsigned int i = 0; i < 3; i++) {
		fd[i] = peer_connect(f, HERE);	/* waits in the kernel */
	}
	next = dup(0);
	close(next);
	getrlimit(RLIMIT_NOFILE, &old);
	tight = old;
	tight.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	settle(f);
	assert_int_equal(f->owners, 0);
	assert_int_equal(tcp42_stats(f->tcp)->accept_errors, 1);
	assert_int_equal(time_passes(f, TCP42_REST_USEC), 1);
	settle(f);
	assert_int_equal(tcp42_stats(f->tcp)->accept_errors, 2);
	assert_int_equal(f->logged, 1);		/* now and then */
	f->clock += 600000000;
	assert_int_equal(time_passes(f, TCP42_REST_USEC), 1);
	settle(f);
	assert_int_equal(f->logged, 2);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	settle(f);
	assert_int_equal(f->owners, 0);
	assert_int_equal(time_passes(f, TCP42_REST_USEC), 1);
	RUN_UNTIL(f, f->owners == 3);
	for (unsigned int i = 0; i < 3; i++) {
		close(fd[i]);
	}
}

static void there_are_only_so_many_links(void **state)
{
	struct fixture *f = *state;
	struct owner *owner = NULL;
	int fd[4] = { -1, -1, -1, -1 };
	char byte = 0;

	f->tcp->links_max = 2;
	for (unsigned int i = 0; i < 4; i++) {
		fd[i] = peer_connect(f, HERE);
	}
	RUN_UNTIL(f, tcp42_stats(f->tcp)->too_many == 2);
	assert_int_equal(f->owners, 2);
	assert_int_equal(f->logged, 1);
	assert_int_equal(recv(fd[3], &byte, 1, 0), 0);
	assert_int_equal(owner_connect(f, 0, HERE, f->port, &owner), EMFILE);
	assert_int_equal(f->owners, 3);
	for (unsigned int i = 0; i < 4; i++) {
		close(fd[i]);
	}
	RUN_UNTIL(f, tcp42_stats(f->tcp)->open == 0);
	for (unsigned int i = 0; i < 3; i++) {
		fd[i] = peer_connect(f, HERE);
	}
	RUN_UNTIL(f, tcp42_stats(f->tcp)->too_many == 3);
	assert_int_equal(f->logged, 1);		/* not each time */
	for (unsigned int i = 0; i < 3; i++) {
		close(fd[i]);
	}
}

static void the_lingering_give_way(void **state)
{
	struct fixture *f = *state;
	int first = -1, second = -1, third = -1;
	struct owner *owner = NULL;

	f->tcp->links_max = 2;
	owner = called(f, &first);
	assert_int_equal(owner_send(owner, "x", 1), 0);
	owner_close(owner);
	owner = called(f, &second);
	settle(f);
	assert_int_equal(tcp42_stats(f->tcp)->open, 2);
	assert_int_equal(timers_running(f), 1);
	called(f, &third);
	assert_int_equal(tcp42_stats(f->tcp)->open, 2);
	assert_int_equal(timers_running(f), 0);
	assert_int_equal(owner->downs, 0);
	close(first);
	close(second);
	close(third);
}

static void no_timers(void **state)
{
	struct fixture *f = *state;
	uint8_t *much = talloc_zero_array(f, uint8_t, 16u << 20);
	int fd = -1;
	struct owner *owner = called(f, &fd);

	f->timers_fail = true;
	assert_int_equal(owner_send(owner, much, 16u << 20), 0);
	settle(f);
	assert_int_equal(owner->downs, 0);
	owner_close(owner);
	RUN_UNTIL(f, tcp42_stats(f->tcp)->open == 0);	/* no lingering */
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TROUBLE(nobody_listens),
		TROUBLE(an_address_that_is_not_ours),
		TROUBLE(closed_before_it_was_refused),
		TROUBLE(the_peer_shuts_its_half),
		TROUBLE(reset_at_rest),
		TROUBLE(reset_within_a_frame),
		TROUBLE(reset_with_much_to_send),
		TROUBLE(reset_before_the_loop_sends),
		TROUBLE(reset_while_paused),
		TROUBLE(reset_after_the_close),
		TROUBLE(reset_before_the_close),
		TROUBLE(queries_and_resets),
		TROUBLE(a_send_fails_at_any_call),
		TROUBLE(a_send_does_less_or_nothing),
		TROUBLE(a_read_fails),
		TROUBLE(a_read_brings_nothing),
		TROUBLE(a_peer_that_never_reads),
		TROUBLE(a_peer_that_stops_reading),
		TROUBLE(descriptors_run_out),
		TROUBLE(there_are_only_so_many_links),
		TROUBLE(the_lingering_give_way),
		TROUBLE(no_timers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
