/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The child that reads ESE, doing other work than it should: the walls hold,
 * and whatever it says or however it ends is a message here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "migrate/ese/child.h"

static const struct ese_limits limits = { .seconds = 5,
					  .patience = 600000,
					  .memory = (size_t)256 << 20 };
static TALLOC_CTX *mem_ctx;
static int file;
static struct ese_writer writer;

static int make_file(void **state)
{
	static const char bytes[] = "a file of more than a few bytes, of which "
				    "each row of a table takes some";

	(void)state;
	file = memfd_create("file", MFD_CLOEXEC);
	return write(file, bytes, sizeof(bytes)) < 0 ? -1 : 0;
}

static int begin(void **state)
{
	(void)state;
	mem_ctx = talloc_new(NULL);
	return mem_ctx == NULL ? -1 : 0;
}

static int end(void **state)
{
	(void)state;
	talloc_free(mem_ctx);
	/* no child, and no descriptor, is left */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return 0;
}

/* All of it: the number of rows, and the message or NULL. */
static unsigned int run(void (*work)(uint32_t), char **message)
{
	struct ese_child *child = NULL;
	const struct ese_frame *frame = NULL;
	enum ese_next next = ESE_NEXT_ROW;
	unsigned int rows = 0;

	*message = NULL;
	assert_int_equal(ese_child_run(mem_ctx, file, work, 7, &limits, &child,
				       message), 0);
	while (next == ESE_NEXT_ROW) {
		next = ese_child_next(child, &frame, message);
		rows += next == ESE_NEXT_ROW ? 1 : 0;
	}
	assert_int_equal(next == ESE_NEXT_FAILED, *message != NULL);
	return rows;
}

static void fails(void (*work)(uint32_t), const char *word)
{
	char *message = NULL;

	(void)run(work, &message);
	if (message == NULL || strstr(message, word) == NULL) {
		fail_msg("\"%s\" is not in \"%s\"", word, message);
	}
}

/* ---- what the child says ---- */

static void send_frame(void)
{
	ese_frame_end(&writer);
	if (write(ESE_CHILD_PIPE, writer.data, writer.len) < 0) {
		_exit(1);
	}
}

static void say(enum ese_kind kind, const char *text)
{
	ese_frame_begin(&writer, kind);
	ese_frame_bytes(&writer, text, strlen(text));
	send_frame();
}

static void say_table(void)
{
	say(ESE_TABLE, "Names");
	ese_frame_begin(&writer, ESE_OPEN);
	ese_frame_number(&writer, 0);
	send_frame();
}

static void talk(uint32_t table)
{
	if (table == 7) {
		say_table();
		say(ESE_ROW, "");
		say(ESE_BAD_ROW, "strange");
		say(ESE_DONE, "");
	}
}

static void good(void **state)
{
	char *message = NULL;

	(void)state;
	assert_int_equal(run(talk, &message), 2);
	assert_null(message);
}

static void complain(uint32_t table)
{
	(void)table;
	say(ESE_FAILED, "the page is odd");
}

static void babble(uint32_t table)
{
	(void)table;
	say_table();
	say(ESE_ROW, "\1");
}

static void out_of_order(uint32_t table)
{
	(void)table;
	say(ESE_ROW, "");
}

static void endless(uint32_t table)
{
	(void)table;
	for (say_table();;) {
		say(ESE_ROW, "");
	}
}

static void words(void **state)
{
	(void)state;
	fails(complain, "the page is odd");
	fails(complain, "the catalog");
	fails(babble, "made no sense");
	fails(babble, "table \"Names\", row 1");
	fails(out_of_order, "made no sense");
	fails(endless, "made no sense");
}

/* ---- how it ends ---- */

static void silent(uint32_t table)
{
	(void)table;
}

static void half(uint32_t table)
{
	(void)table;
	say_table();
	if (write(ESE_CHILD_PIPE, "\xff\0\0", 3) < 0) {
		_exit(1);
	}
}

/* A jump into nothing: no sanitizer sees it before it happens. */
static void die(uint32_t table)
{
	void (*volatile nowhere)(uint32_t) = NULL;

	say_table();
	nowhere(table);
}

static void ends(void **state)
{
	(void)state;
	fails(silent, "ended early (status 0)");
	fails(half, "ended early (status 0)");
	if (!ESE_WATCHED) {
		fails(die, "died of signal 11");
		fails(die, "table \"Names\", row 1");
	}
}

static void spin(uint32_t table)
{
	for (volatile uint32_t turn = table;; turn++) {
	}
}

static void fails_within(int patience, const char *word)
{
	const struct ese_limits few = { .seconds = 1,
					.patience = patience,
					.memory = (size_t)256 << 20 };
	struct ese_child *child = NULL;
	const struct ese_frame *frame = NULL;
	char *message = NULL;

	assert_int_equal(ese_child_run(mem_ctx, file, spin, 0, &few, &child,
				       &message), 0);
	assert_int_equal(ese_child_next(child, &frame, &message),
			 ESE_NEXT_FAILED);
	assert_non_null(strstr(message, word));
}

/* A second of the CPU is all it gets, and no patience at all is none. */
static void never_ends(void **state)
{
	(void)state;
	fails_within(0, "does not answer");
	if (!ESE_WATCHED) {
		fails_within(600000, "took longer");
	}
}

/* ---- the walls ---- */

static void try_open(uint32_t table)
{
	(void)table;
	(void)open("/dev/null", O_RDONLY);
	say(ESE_DONE, "");
}

static void try_socket(uint32_t table)
{
	(void)table;
	(void)socket(AF_INET, SOCK_STREAM, 0);
	say(ESE_DONE, "");
}

static void try_fork(uint32_t table)
{
	(void)table;
	(void)fork();
	say(ESE_DONE, "");
}

static void try_kill(uint32_t table)
{
	(void)table;
	(void)kill(getppid(), 0);
	say(ESE_DONE, "");
}

static void try_other_write(uint32_t table)
{
	(void)table;
	say(write(1, "x", 1) < 0 ? ESE_DONE : ESE_ROW, "");
}

static void try_write_file(uint32_t table)
{
	(void)table;
	say(pwrite(ESE_CHILD_FILE, "x", 1, 0) < 0 ? ESE_DONE : ESE_ROW, "");
}

static void try_other_read(uint32_t table)
{
	char byte = 0;

	(void)table;
	say(pread(0, &byte, 1, 0) < 0 ? ESE_DONE : ESE_ROW, "");
}

static void try_code(uint32_t table)
{
	(void)table;
	(void)mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	say(ESE_DONE, "");
}

static void walls(void **state)
{
	static void (*const tries[])(uint32_t) = {
		try_open, try_socket, try_fork, try_kill, try_other_write,
		try_write_file, try_other_read, try_code,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		fails(tries[i], "a system call that was not allowed");
	}
}

/* What is left works: the file, memory up to the limit. */
static void use_what_is_there(uint32_t table)
{
	char bytes[6] = "";
	void *some = malloc((size_t)8 << 20);
	void *much = malloc((size_t)300 << 20);

	(void)table;
	if (pread(ESE_CHILD_FILE, bytes, 6, 0) != 6 ||
	    memcmp(bytes, "a file", 6) != 0) {
		complain(0);
	} else if (some == NULL) {
		say(ESE_FAILED, "no memory");
	} else if (much != NULL && !ESE_WATCHED) {
		say(ESE_FAILED, "too much memory");
	} else {
		say(ESE_DONE, "");
	}
}

static void windows(void **state)
{
	char *message = NULL;

	(void)state;
	(void)run(use_what_is_there, &message);
	if (message != NULL) {
		fail_msg("%s", message);
	}
}

/* Given up in the midst of it: end() sees that nobody is left. */
static void given_up(void **state)
{
	struct ese_child *child = NULL;
	const struct ese_frame *frame = NULL;
	char *message = NULL;

	(void)state;
	assert_int_equal(ese_child_run(mem_ctx, file, endless, 0, &limits,
				       &child, &message), 0);
	assert_int_equal(ese_child_next(child, &frame, &message),
			 ESE_NEXT_ROW);
	talloc_free(child);
}

/* The library itself, on what is no database. */
static void no_database(void **state)
{
	struct ese_child *child = NULL;
	const struct ese_frame *frame = NULL;
	char *message = NULL;

	(void)state;
	assert_int_equal(ese_child_start(mem_ctx, file, ESE_ALL_TABLES,
					 &limits, &child, &message), 0);
	assert_int_equal(ese_child_next(child, &frame, &message),
			 ESE_NEXT_FAILED);
	assert_non_null(strstr(message, "cannot be opened"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(good), TEST(words), TEST(ends), TEST(never_ends), TEST(walls),
		TEST(windows), TEST(given_up), TEST(no_database),
	};

	return cmocka_run_group_tests(tests, make_file, NULL);
}
