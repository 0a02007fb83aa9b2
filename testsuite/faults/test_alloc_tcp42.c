/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sockets of replication while memory runs out once: a link that cannot
 * be made is refused, one that cannot go on ends with an error that its owner
 * hears once, a reply that cannot be queued is ENOMEM. All other links, and
 * the next call, are as if nothing had been.
 */
#include "unit/net/tcp42_fixture.h"

#include "faults/alloc.h"

static void must(bool truth, const char *what)
{
	if (!truth) {
		alloc_tell();
		fail_msg("%s", what);
	}
}

static struct fixture *begin(unsigned int n)
{
	void *state = NULL;

	setup(&state);
	alloc_begin(n);
	return state;
}

/* A last caller, with memory, is served. */
static void end(struct fixture *f)
{
	unsigned int before = 0;
	uint8_t got = 0;
	int fd = -1;

	(void)alloc_end();
	settle(f);
	before = f->owners;
	fd = peer_connect(f, HERE);
	settle(f);
	must(f->owners == before + 1, "the next caller is not taken");
	must(owner_send(&f->owner[before], "x", 1) == 0, "nor heard");
	peer_recv(f, fd, &got, 1);
	close(fd);
	settle(f);
	must(f->owner[before].downs == 1, "its end is not told");
	(void)time_passes(f, TCP42_LINGER_USEC);
	settle(f);
	must(tcp42_stats(f->tcp)->open == 0, "a link is left");
	teardown((void *[]){ f });
}

/* Says more than one read is, and takes nothing at first. */
static void they_call(void *arg, unsigned int n)
{
	static const uint8_t much[LINK_READ_MAX + 1000];
	struct fixture *f = begin(n);
	struct owner *owner = &f->owner[0];
	int fd = peer_connect(f, HERE);

	(void)arg;
	settle(f);
	if (f->owners == 0) {
		must(n > 0 && tcp42_stats(f->tcp)->accept_errors == 1,
		     "a link that was not made is not counted");
		close(fd);
		end(f);
		return;
	}
	owner->take = 3;
	(void)send(fd, much, sizeof(much), MSG_NOSIGNAL);
	settle(f);
	if (!owner->over) {
		must(owner_send(owner, much, sizeof(much)) == 0 || n > 0,
		     "a reply is refused");
		settle(f);
	}
	if (owner->over) {
		must(n > 0 && owner->error == ENOMEM, "ended without need");
	} else {
		owner_close(owner);
	}
	close(fd);
	settle(f);
	end(f);
}

static void we_call(void *arg, unsigned int n)
{
	struct fixture *f = begin(n);
	struct owner *owner = NULL;
	int ret = owner_connect(f, 0, HERE, f->port, &owner);

	(void)arg;
	if (ret != 0) {
		must(n > 0 && ret == ENOMEM, "a call fails without need");
		end(f);
		return;
	}
	must(owner_send(owner, "abc", 3) == 0 || n > 0, "nothing can be sent");
	settle(f);
	must(owner->ups == 1 || n > 0, "it does not come up");
	if (!owner->over) {
		owner_close(owner);
	}
	settle(f);
	end(f);
}

static void we_listen(void *arg, unsigned int n)
{
	struct fixture *f = begin(n);
	struct tcp42 *tcp = NULL;
	char *message = NULL;
	uint16_t port = free_port();
	int ret;

	(void)arg;
	ret = tcp42_create(f, f->ev, &f->world, &f->receiver, port, &tcp);
	if (ret == 0) {
		ret = tcp42_serve(tcp, faces, 2, f, &message);
	}
	must(ret == 0 || (n > 0 && ret == ENOMEM), "it does not listen");
	talloc_free(tcp);
	talloc_free(message);
	end(f);
}

#define ROW(name, fn) static void fn##_row(void **state) \
	{ \
		(void)state; \
		alloc_each(name, fn, NULL); \
	}

ROW("a partner that calls", they_call)
ROW("a partner that is called", we_call)
ROW("the sockets of replication", we_listen)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_call_row),
		cmocka_unit_test(we_call_row),
		cmocka_unit_test(we_listen_row),
	};
	int failed = 0;

	if (!alloc_works()) {
		fprintf(stderr, "not in this build\n");
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	printf("# %u allocations failed\n", alloc_total());
	return failed;
}
