/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Children of winsd: what they get, what comes back. Expectations: wins_host.h
 * on spawn, and wait(2). The file under test belongs to a program, so it is
 * included.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <linux/close_range.h>

#include "winsd/spawn.c"

struct fixture {
	struct tevent_context *ev;
	unsigned int ended;
	int status;
	int out[2];
};

static int setup(void **state)
{
	struct fixture *f = talloc_zero(NULL, struct fixture);

	f->ev = tevent_context_init(f);
	assert_int_equal(pipe2(f->out, O_CLOEXEC), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->out[0]);
	close(f->out[1]);
	talloc_free(f);
	return 0;
}

static void note(void *arg, int status)
{
	struct fixture *f = arg;

	f->ended++;
	f->status = status;
}

/* Run it to its end with stdout into the pipe; its output. */
static const char *run_child(struct fixture *f, const char *const argv[])
{
	static char text[4096];
	const int fds[3] = { -1, f->out[1], -1 };
	ssize_t len;

	assert_int_equal(spawn_start(f, f->ev, argv, fds, note, f), 0);
	while (f->ended == 0) {
		assert_int_equal(tevent_loop_once(f->ev), 0);
	}
	fcntl(f->out[0], F_SETFL, O_NONBLOCK);
	len = read(f->out[0], text, sizeof(text) - 1);
	text[len > 0 ? len : 0] = '\0';
	return text;
}

static void test_words_come_as_they_are(void **state)
{
	const char *const argv[] = {
		"/usr/bin/printf", "<%s>", "$(id); `id` | \"x\" *", "", "\xff\n",
		NULL,
	};

	assert_string_equal(run_child(*state, argv),
			    "<$(id); `id` | \"x\" *><><\xff\n>");
}

static void test_status(void **state)
{
	struct fixture *f = *state;
	const char *const yes[] = { "/bin/true", NULL };
	const char *const no[] = { "/bin/false", NULL };

	run_child(f, no);
	assert_true(WIFEXITED(f->status));
	assert_int_equal(WEXITSTATUS(f->status), 1);
	f->ended = 0;
	run_child(f, yes);
	assert_int_equal(f->status, 0);
	assert_int_equal(f->ended, 1);
}

static void test_signals_are_default(void **state)
{
	struct fixture *f = *state;
	const char *const argv[] = { "/bin/cat", "/proc/self/status", NULL };
	const char *text = NULL;
	unsigned long ignored = 0;
	sigset_t some;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&some);
	sigaddset(&some, SIGUSR1);
	sigprocmask(SIG_BLOCK, &some, NULL);
	text = run_child(f, argv);
	assert_non_null(strstr(text, "\nSigBlk:\t0000000000000000\n"));
	/* but for the C library's own two, 32 and 33 */
	assert_int_equal(sscanf(strstr(text, "SigIgn:"), "SigIgn:\t%lx",
				&ignored), 1);
	assert_int_equal(ignored & ~0x180000000ul, 0);
}

/* 0, 1 and 2 and the folder that ls has open, and no socket of ours. */
static void test_no_other_descriptor(void **state)
{
	const char *const argv[] = { "/bin/ls", "/proc/self/fd", NULL };

	assert_string_equal(run_child(*state, argv), "0\n1\n2\n3\n");
}

/* Descriptors that lie where others must go. */
static void test_descriptors_crossed(void **state)
{
	struct fixture *f = *state;
	const char *const argv[] = {
		"/bin/ls", "-l", "/proc/self/fd/0", "/proc/self/fd/1",
		"/nonexistent", NULL,
	};
	const int fds[3] = { f->out[1], f->out[1], f->out[1] };
	char text[4096] = "";

	assert_int_equal(spawn_start(f, f->ev, argv, fds, note, f), 0);
	while (f->ended == 0) {
		assert_int_equal(tevent_loop_once(f->ev), 0);
	}
	assert_true(read(f->out[0], text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "/proc/self/fd/0 -> pipe:["));
	assert_non_null(strstr(text, "/proc/self/fd/1 -> pipe:["));
	assert_non_null(strstr(text, "/nonexistent"));
}

static void test_what_cannot_start(void **state)
{
	struct fixture *f = *state;
	const char *const nothing[] = { NULL };
	const char *const relative[] = { "true", NULL };
	const char *const missing[] = { "/nonexistent/program", NULL };
	const int fds[3] = { -1, -1, -1 };

	assert_int_equal(spawn_start(f, f->ev, nothing, fds, note, f), EINVAL);
	assert_int_equal(spawn_start(f, f->ev, relative, fds, note, f),
			 EINVAL);
	assert_int_equal(spawn_start(f, f->ev, missing, fds, note, f), ENOENT);
	assert_int_equal(f->ended, 0);
}

static void test_nothing_is_left(void **state)
{
	struct fixture *f = *state;
	const char *const argv[] = { "/bin/true", NULL };
	int before = dup(0);
	int after = -1;
	size_t blocks = talloc_total_blocks(f);

	close(before);
	for (int i = 0; i < 50; i++) {
		f->ended = 0;
		run_child(f, argv);
	}
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
	assert_int_equal(talloc_total_blocks(f), blocks);
}

static void test_forgotten_child(void **state)
{
	struct fixture *f = *state;
	TALLOC_CTX *owner = talloc_new(f);
	const char *const argv[] = { "/bin/true", NULL };
	const int fds[3] = { -1, -1, -1 };

	assert_int_equal(spawn_start(owner, f->ev, argv, fds, note, f), 0);
	talloc_free(owner);
	run_child(f, argv);
	assert_int_equal(f->ended, 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_words_come_as_they_are),
		TEST(test_status),
		TEST(test_signals_are_default),
		TEST(test_no_other_descriptor),
		TEST(test_descriptors_crossed),
		TEST(test_what_cannot_start),
		TEST(test_nothing_is_left),
		TEST(test_forgotten_child),
	};

	/* as main() of winsd does with what it was started with */
	syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
