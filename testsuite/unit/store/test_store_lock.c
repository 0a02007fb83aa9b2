/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lock of a state directory, held by another process.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_world.h"

static char dir[] = "/tmp/winsd-lock-XXXXXX";
static char path[64];

static int setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/winsd.lock", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void test_free_and_taken(void **state)
{
	void *one = talloc_new(NULL), *two = talloc_new(NULL);
	char *message = NULL, want[32];

	(void)state;
	assert_int_equal(store_lock(one, path, &message), 0);
	assert_null(message);
	assert_int_equal(store_lock(two, path, &message), EWOULDBLOCK);
	snprintf(want, sizeof(want), "process %ld:", (long)getpid());
	assert_non_null(strstr(message, path));
	assert_non_null(strstr(message, want));
	talloc_free(one);
	assert_int_equal(store_lock(two, path, &message), 0);
	talloc_free(two);
}

/* Another process holds it; however that one dies, the lock is free. */
static void test_other_process(void **state)
{
	void *ctx = talloc_new(NULL);
	int ready[2], status = 0;
	char *message = NULL, want[32], byte = 0;
	pid_t pid = 0;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		byte = store_lock(talloc_new(NULL), path, &message) == 0;
		if (write(ready[1], &byte, 1) == 1) {
			pause();
		}
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 1);
	assert_int_equal(store_lock(ctx, path, &message), EWOULDBLOCK);
	snprintf(want, sizeof(want), "process %ld:", (long)pid);
	assert_non_null(strstr(message, want));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(store_lock(ctx, path, &message), 0);
	talloc_free(ctx);
	close(ready[0]);
	close(ready[1]);
}

static void test_odd_files(void **state)
{
	void *ctx = talloc_new(NULL), *two = talloc_new(NULL);
	char *message = NULL, other[80];
	FILE *f = NULL;

	(void)state;
	snprintf(other, sizeof(other), "%s/missing/winsd.lock", dir);
	assert_int_equal(store_lock(ctx, other, &message), ENOENT);
	assert_non_null(strstr(message, other));
	/* a link is not followed to somebody else's file */
	snprintf(other, sizeof(other), "%s/link", dir);
	assert_int_equal(symlink(path, other), 0);
	assert_int_equal(store_lock(ctx, other, &message), ELOOP);
	assert_int_equal(unlink(other), 0);
	/* what stands in the file is not believed, nor printed if no pid */
	assert_int_equal(store_lock(ctx, path, &message), 0);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("\033[2Jevil 77", f);
	fclose(f);
	assert_int_equal(store_lock(two, path, &message), EWOULDBLOCK);
	assert_non_null(strstr(message, "process ?:"));
	assert_null(strstr(message, "evil"));
	talloc_free(two);
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_free_and_taken),
		cmocka_unit_test(test_other_process),
		cmocka_unit_test(test_odd_files),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
