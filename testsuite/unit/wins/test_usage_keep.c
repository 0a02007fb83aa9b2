/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * usage.tdb: written every five minutes beside the loop, read again at the
 * next start, and thrown aside when it cannot be what was written. The server
 * and its time are virtual, the file and the thread are real.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/simserver.h"
#include "wins/usage_file.h"
#include "wins/usage_keep.h"

#define A SIM_HOST(1)

struct fixture {
	struct tevent_context *ev;
	struct sim_world sim;
	struct sim_server *server;
	struct usage_keep *keep;
	char top[32];
	char path[64];
	char aside[80];
};

static void configure(struct fixture *f, enum usage_mode mode)
{
	f->server->config.usage = mode;
	serve_set_config(f->server->serve, &f->server->config);
}

static void begin(struct fixture *f)
{
	assert_int_equal(usage_keep_create(f->ev, f->ev, &f->sim.world,
					   f->server->serve, f->path,
					   &f->keep), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct serve_config config = sim_config();

	config.usage = USAGE_OF_CLIENTS;
	f->ev = tevent_context_init(NULL);
	sim_world_init(&f->sim, 1);
	f->server = sim_server_start(NULL, &f->sim, &config);
	strcpy(f->top, "/tmp/winsd-test-XXXXXX");
	assert_non_null(mkdtemp(f->top));
	snprintf(f->path, sizeof(f->path), "%s/usage.tdb", f->top);
	snprintf(f->aside, sizeof(f->aside), "%s.damaged", f->path);
	begin(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[64];

	TALLOC_FREE(f->keep);
	sim_server_stop(f->server);
	assert_int_equal(f->sim.timer_count, 0);
	sim_world_end(&f->sim);
	talloc_free(f->ev);
	snprintf(command, sizeof(command), "rm -r '%s'", f->top);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

static void query(struct fixture *f, const char *name, uint32_t from)
{
	struct sim_request request = {
		.kind = NBNS_QUERY, .trn_id = 1, .name = name, .from = from,
	};

	sim_request(f->server, &request);
	sim_forget(f->server);
}

/* Time passes; what runs aside is awaited. */
static void pass(struct fixture *f, int64_t seconds)
{
	sim_advance_seconds(&f->sim, seconds);
	assert_int_equal(tevent_loop_wait(f->ev), 0);
}

/* serve forgets all; after so long the next start reads what there is. */
static void start_again(struct fixture *f, int64_t off)
{
	TALLOC_FREE(f->keep);
	configure(f, USAGE_OFF);
	sim_advance_seconds(&f->sim, off);
	configure(f, USAGE_OF_CLIENTS);
	begin(f);
}

/* ---- looking ---- */

static struct usage_client client;

static bool see_client(void *arg, const struct usage_client *c)
{
	client = *c;
	(*(unsigned int *)arg)++;
	return true;
}

static bool see_missing(void *arg, const struct usage_missing *m)
{
	(void)m;
	(*(unsigned int *)arg)++;
	return true;
}

static unsigned int clients(const struct fixture *f)
{
	struct usage *usage = serve_usage(f->server->serve);
	unsigned int count = 0;
	uint64_t cursor = 0;

	(void)usage_walk_clients(usage, &cursor, USAGE_CLIENTS + 1,
				 see_client, &count);
	return count;
}

static unsigned int missing(const struct fixture *f)
{
	struct usage *usage = serve_usage(f->server->serve);
	unsigned int count = 0;
	uint64_t cursor = 0;

	(void)usage_walk_missing(usage, &cursor, USAGE_MISSING + 1,
				 see_missing, &count);
	return count;
}

static size_t length_of(const struct fixture *f, enum usage_part part)
{
	struct usage_image image = { .head.format = 0 };
	size_t len = 0;

	assert_int_equal(usage_file_read(f->path, &image), 0);
	len = image.part[part].len;
	usage_image_empty(&image);
	return len;
}

static bool said(const struct fixture *f, const char *part)
{
	return strstr(f->sim.last_log, part) != NULL;
}

/* ---- when it is written ---- */

static void every_five_minutes(void **state)
{
	struct fixture *f = *state;
	struct stat st, later;

	query(f, "NOPE<20>", A);
	pass(f, 299);
	assert_false(is_there(f->path));
	pass(f, 1);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(length_of(f, USAGE_PART_CLIENTS), USAGE_ENTRY_LEN);
	pass(f, 300);			/* nothing has happened */
	assert_int_equal(stat(f->path, &later), 0);
	assert_int_equal(later.st_ino, st.st_ino);
	query(f, "NOPE<20>", A + 1);
	pass(f, 300);
	assert_int_equal(length_of(f, USAGE_PART_CLIENTS),
			 2 * USAGE_ENTRY_LEN);
}

/* It says until when somebody watched, also where nobody asks. */
static void also_when_nothing_happens(void **state)
{
	struct fixture *f = *state;
	uint32_t since = usage_since(serve_usage(f->server->serve));
	char copy[80];

	for (unsigned int i = 0; i < 24; i++) {
		pass(f, 300);
	}
	/* a crash: what the end writes does not count */
	snprintf(copy, sizeof(copy), "%s.copy", f->path);
	assert_int_equal(link(f->path, copy), 0);
	TALLOC_FREE(f->keep);
	assert_int_equal(rename(copy, f->path), 0);
	configure(f, USAGE_OFF);
	configure(f, USAGE_OF_CLIENTS);
	begin(f);
	assert_int_equal(usage_since(serve_usage(f->server->serve)), since);
}

/* ---- the next start ---- */

static void all_is_there_again(void **state)
{
	struct fixture *f = *state;
	uint32_t since = usage_since(serve_usage(f->server->serve));
	struct usage_client before;

	query(f, "NOPE<20>", A);
	query(f, "NOPE<00>.lab", A);
	assert_int_equal(clients(f), 1);
	before = client;
	start_again(f, 3000);
	assert_int_equal(clients(f), 1);
	assert_memory_equal(&client, &before, sizeof(client));
	assert_int_equal(missing(f), 2);
	assert_int_equal(usage_since(serve_usage(f->server->serve)), since);
	query(f, "NOPE<20>", A);	/* and it goes on */
	assert_int_equal(clients(f), 1);
	assert_int_equal(client.negative, 3);
	assert_int_equal(usage_client_names(&client), 2);
	start_again(f, 90 * 86400 + 1);
	assert_int_equal(clients(f), 0);
	assert_int_equal(missing(f), 0);
}

static void thousands(void **state)
{
	struct fixture *f = *state;
	char name[24];

	for (uint32_t i = 0; i < 30000; i++) {
		snprintf(name, sizeof(name), "N-%u<20>", i % 7000);
		query(f, name, A + i);
	}
	assert_int_equal(clients(f) + usage_clients_forgotten(
		serve_usage(f->server->serve)), 30000);
	pass(f, 300);
	assert_true(length_of(f, USAGE_PART_CLIENTS) <=
		    30000 * USAGE_ENTRY_LEN);
	start_again(f, 60);
	assert_true(clients(f) > 29000);
	assert_true(missing(f) > 5000);
}

/* ---- wins:usage ---- */

static void off_keeps_nothing(void **state)
{
	struct fixture *f = *state;

	query(f, "NOPE<20>", A);
	pass(f, 300);
	assert_true(is_there(f->path));
	configure(f, USAGE_OFF);
	usage_keep_follow(f->keep);
	assert_false(is_there(f->path));
	query(f, "NOPE<20>", A);
	pass(f, 1000);
	TALLOC_FREE(f->keep);
	assert_false(is_there(f->path));
	/* a file of earlier goes at the start */
	close(open(f->path, O_WRONLY | O_CREAT, 0600));
	begin(f);
	assert_false(is_there(f->path));
	configure(f, USAGE_OF_CLIENTS);
	usage_keep_follow(f->keep);
	query(f, "NOPE<20>", A);
	pass(f, 300);
	assert_true(is_there(f->path));
}

static void names_drops_clients_at_once(void **state)
{
	struct fixture *f = *state;

	query(f, "NOPE<20>", A);
	pass(f, 300);
	assert_int_equal(length_of(f, USAGE_PART_CLIENTS), USAGE_ENTRY_LEN);
	configure(f, USAGE_OF_NAMES);
	usage_keep_follow(f->keep);
	pass(f, 1);
	assert_int_equal(length_of(f, USAGE_PART_CLIENTS), 0);
	assert_int_equal(length_of(f, USAGE_PART_MISSING), USAGE_ENTRY_LEN);
}

static void a_reload_while_it_is_written(void **state)
{
	struct fixture *f = *state;

	query(f, "NOPE<20>", A);
	sim_advance_seconds(&f->sim, 300);	/* the thread is at work */
	configure(f, USAGE_OFF);
	usage_keep_follow(f->keep);
	pass(f, 1);
	assert_false(is_there(f->path));
	configure(f, USAGE_OF_CLIENTS);
	usage_keep_follow(f->keep);
	query(f, "NOPE<20>", A);
	sim_advance_seconds(&f->sim, 300);
	configure(f, USAGE_OF_NAMES);
	usage_keep_follow(f->keep);
	pass(f, 1);
	pass(f, 1);
	assert_int_equal(length_of(f, USAGE_PART_CLIENTS), 0);
}

/* ---- what can go wrong ---- */

static void a_folder_that_is_away(void **state)
{
	struct fixture *f = *state;
	char away[48];

	snprintf(away, sizeof(away), "%s.away", f->top);
	assert_int_equal(rename(f->top, away), 0);
	query(f, "NOPE<20>", A);
	pass(f, 300);
	assert_true(said(f, "is not written down: No such file"));
	f->sim.last_log[0] = '\0';
	pass(f, 300);
	assert_string_equal(f->sim.last_log, "");	/* told once */
	assert_int_equal(rename(away, f->top), 0);
	pass(f, 300);
	assert_true(is_there(f->path));
	assert_int_equal(clients(f), 1);
}

static uint8_t *read_file(const char *path, size_t *len)
{
	static uint8_t bytes[65536];
	int fd = open(path, O_RDONLY);
	ssize_t got = read(fd, bytes, sizeof(bytes));

	close(fd);
	assert_true(got > 0);
	*len = (size_t)got;
	return bytes;
}

static void write_file(const char *path, const uint8_t *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static void start_with_file(struct fixture *f, const uint8_t *bytes,
			    size_t len)
{
	configure(f, USAGE_OFF);	/* so that the end writes nothing */
	TALLOC_FREE(f->keep);
	configure(f, USAGE_OF_CLIENTS);
	unlink(f->aside);
	write_file(f->path, bytes, len);
	begin(f);
}

/* Believed as it was, or set aside, whatever happened to it. */
static unsigned int judge(struct fixture *f, const struct usage_client *before)
{
	unsigned int count = clients(f);

	if (count == 1) {
		assert_memory_equal(&client, before, sizeof(client));
		assert_false(is_there(f->aside));
		return 0;
	}
	assert_int_equal(count, 0);
	assert_int_equal(missing(f), 0);
	assert_true(is_there(f->aside));
	assert_false(is_there(f->path));
	assert_true(said(f, "is damaged") || said(f, "another release"));
	return 1;
}

static void damage_is_set_aside(void **state)
{
	struct fixture *f = *state;
	struct usage_client before;
	static uint8_t good[65536];
	unsigned int aside = 0;
	size_t len = 0;
	uint8_t *bytes = NULL;

	query(f, "NOPE<20>", A);
	assert_int_equal(clients(f), 1);
	before = client;
	pass(f, 300);
	bytes = read_file(f->path, &len);
	memcpy(good, bytes, len);
	for (unsigned int i = 0; i < 600; i++) {
		/* what libtdb was given last is at the end */
		size_t at = i % 2 != 0 ? sim_random(&f->sim, (uint32_t)len) :
			    len - 1 - sim_random(&f->sim, 512);

		memcpy(bytes, good, len);
		bytes[at] ^= (uint8_t)(1u << sim_random(&f->sim, 8));
		start_with_file(f, bytes, len);
		aside += judge(f, &before);
	}
	print_message("# %u of 600 set aside\n", aside);
	assert_true(aside > 100);
	for (size_t cut = 0; cut < len; cut += 1 + cut / 16) {
		start_with_file(f, good, cut);
		(void)judge(f, &before);
	}
}

/* The sums are right, and yet nobody can have written that. */
static void what_cannot_be_is_set_aside(void **state)
{
	static const uint8_t zeros[USAGE_ENTRY_LEN];
	struct fixture *f = *state;

	for (unsigned int part = 0; part < USAGE_PARTS; part++) {
		struct usage_image image = { .head.since = 1 };

		TALLOC_FREE(f->keep);
		unlink(f->aside);
		assert_int_equal(usage_image_add(&image, part, zeros, 8), 0);
		if (part != USAGE_PART_SETS) {
			assert_int_equal(usage_image_add(&image, part, zeros,
							 sizeof(zeros)), 0);
		}
		assert_int_equal(usage_file_write(f->path, &image), 0);
		usage_image_empty(&image);
		begin(f);
		assert_true(is_there(f->aside));
		assert_false(is_there(f->path));
	}
}

static void what_is_no_file(void **state)
{
	struct fixture *f = *state;

	TALLOC_FREE(f->keep);
	unlink(f->path);
	assert_int_equal(mkdir(f->path, 0700), 0);
	begin(f);
	assert_true(said(f, "is damaged"));
	TALLOC_FREE(f->keep);
	assert_int_equal(rmdir(f->aside), 0);
	unlink(f->path);
	assert_int_equal(symlink("/dev/zero", f->path), 0);
	begin(f);
	assert_true(said(f, "is damaged"));
}

static void a_file_that_is_too_large(void **state)
{
	struct fixture *f = *state;

	TALLOC_FREE(f->keep);
	assert_int_equal(truncate(f->path, USAGE_FILE_MAX + 1), 0);
	begin(f);
	assert_true(is_there(f->aside));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_five_minutes),
		TEST(also_when_nothing_happens),
		TEST(all_is_there_again),
		TEST(thousands),
		TEST(off_keeps_nothing),
		TEST(names_drops_clients_at_once),
		TEST(a_reload_while_it_is_written),
		TEST(a_folder_that_is_away),
		TEST(damage_is_set_aside),
		TEST(what_cannot_be_is_set_aside),
		TEST(what_is_no_file),
		TEST(a_file_that_is_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
