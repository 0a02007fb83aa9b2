/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loading from the real files while they are asked: a database and a journal
 * that a server left behind when it was killed. Every acknowledged name is
 * found as it was acknowledged last, before, while and after it is loaded.
 *
 * RECORDS=n makes it longer; built with -fsanitize=thread it shows that two
 * threads may read these files at once.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/disk.h"
#include "store_world.h"

static char dir[] = "/tmp/winsd-loader-XXXXXX";
static char database[64], journal[64], reserve[64];
static unsigned int records = 5000;

static int setup(void **state)
{
	const char *text = getenv("RECORDS");

	(void)state;
	if (text != NULL) {
		records = (unsigned int)atoi(text);
	}
	if (mkdtemp(dir) == NULL) {
		return -1;
	}
	snprintf(database, sizeof(database), "%s/wins.tdb", dir);
	snprintf(journal, sizeof(journal), "%s/wins.journal", dir);
	snprintf(reserve, sizeof(reserve), "%s/wins.reserve", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(database);
	unlink(journal);
	unlink(reserve);
	return rmdir(dir);
}

static void open_disk(TALLOC_CTX *ctx, struct store_backend *backend)
{
	struct store_disk_config config = {
		.database = database,
		.journal = journal,
		.reserve = reserve,
		.journal_size = 32u << 20,
		/* what is in the journal stays there */
		.carry_msec = 3600 * 1000,
		.carry_changes = 1u << 30,
	};
	char *message = NULL;
	int err = store_disk_open(ctx, &config, backend, &message);

	if (err != 0) {
		fail_msg("store_disk_open: %d %s", err, message);
	}
}

/* What is acknowledged of a name in the end: its due time, or -1. */
static int64_t acknowledged(unsigned int i)
{
	if (i % 7 == 0 || i >= records + 100) {
		return -1;
	}
	return i % 3 == 0 || i >= records ? 2000 : 1000;
}

/* Put [from, to) in turns of 256 where it differs from what stands. */
static void put_all(struct store *store, unsigned int from, unsigned int to,
		    int64_t expires, unsigned int step)
{
	for (unsigned int i = from; i < to;) {
		store_begin(store);
		for (unsigned int k = 0; k < 256 && i < to; k++, i += step) {
			struct nb_record rec = record_n(i, expires);

			assert_int_equal(store_put(store, &rec, true), 0);
		}
		store_commit(store, done_ok, NULL);
		store_wait(store);
	}
}

static void delete_some(struct store *store)
{
	store_begin(store);
	for (unsigned int i = 0; i < records + 100; i += 7) {
		struct nb_name name = name_n(i);

		assert_int_equal(store_delete(store, &name), 0);
	}
	store_commit(store, done_ok, NULL);
	store_wait(store);
}

/* Two servers: one stopped well, one killed. */
static void serve_in_child(bool first)
{
	struct store_backend backend;
	struct store *store = NULL;
	char *message = NULL;
	int status = 0;
	pid_t pid = fork();

	if (pid != 0) {
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		return;
	}
	open_disk(NULL, &backend);
	if (store_create(NULL, &world, &backend, &store, &message) != 0) {
		_exit(1);
	}
	if (first) {
		put_all(store, 0, records, 1000, 1);
		talloc_free(store);
	} else {
		put_all(store, 0, records, 2000, 3);
		put_all(store, records, records + 100, 2000, 1);
		delete_some(store);
	}
	_exit(0);
}

struct news {
	unsigned int calls;
	int error;
	char message[512];
};

static void on_loaded(void *arg, int error, const char *message)
{
	struct news *news = arg;

	news->calls++;
	news->error = error;
	snprintf(news->message, sizeof(news->message), "%s",
		 message != NULL ? message : "none");
}

static void expect_found(struct store *store, unsigned int i)
{
	struct nb_name name = name_n(i);
	struct nb_record rec = { .expires = -1 };

	if (!store_get(store, &name, &rec)) {
		rec.expires = -1;
	}
	assert_int_equal(rec.expires, acknowledged(i));
}

static void test_asked_while_loading(void **state)
{
	void *ctx = talloc_new(NULL);
	struct store_backend backend;
	struct store *store = NULL;
	struct news news = { .calls = 0 };
	struct pollfd p = { .events = POLLIN };
	char *message = NULL;
	int fd[STORE_FDS];
	unsigned int asked = 0;

	(void)state;
	serve_in_child(true);
	assert_int_equal(access(journal, F_OK), -1);
	serve_in_child(false);
	assert_int_equal(access(journal, F_OK), 0);

	open_disk(ctx, &backend);
	assert_int_equal(store_open(ctx, &world, &backend, on_loaded, &news,
				    &store, &message), 0);
	assert_int_equal(store_fds(store, fd), 1);
	p.fd = fd[0];
	do {
		expect_found(store, asked++ % (records + 200));
	} while (poll(&p, 1, 0) == 0);
	store_ready(store);
	if (news.error != 0) {
		fail_msg("loading: %d %s", news.error, news.message);
	}
	assert_int_equal(news.calls, 1);
	for (unsigned int i = 0; i < records + 200; i++) {
		expect_found(store, i);
	}
	print_message("%u records, %u queries while loading\n", records,
		      asked);
	talloc_free(store);
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked_while_loading),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
