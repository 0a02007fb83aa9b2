/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the store costs: store_speed RECORDS FILE [load|sync|nosync [TURN]]
 *
 * Puts, refreshes, reads, walks and loads that many unique names in turns of
 * TURN (256) and prints nanoseconds per record, bytes per record in memory and
 * in the file. The time to make up a name is taken off. No target is checked
 * here; machines differ.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/disk.h"
#include "store/store.h"

static uint32_t turn = 256;
static uint64_t naming;		/* ns to make up a name */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Bytes of this process in memory. */
static size_t resident(void)
{
	unsigned long size = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL || fscanf(f, "%lu %lu", &size, &pages) != 2) {
		abort();
	}
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static int64_t wall(void *priv)
{
	(void)priv;
	return time(NULL);
}

static void fill_random(void *priv, void *buf, size_t len)
{
	(void)priv;
	if (getentropy(buf, len) != 0) {
		abort();
	}
}

static void check(int err, const char *message)
{
	if (err != 0) {
		fprintf(stderr, "%s: %s\n", strerror(err),
			message != NULL ? message : "");
		exit(1);
	}
}

static struct nb_name name_of(uint32_t i)
{
	char text[32];
	/* one to one on 32 bits, so that names do not come in order */
	uint32_t mixed = i * 2654435761u;

	snprintf(text, sizeof(text), "HOST-%08X", mixed);
	return nb_name_make(text, strlen(text), 0x20);
}

static struct nb_record record_of(uint32_t i, int64_t expires)
{
	struct nb_record rec = {
		.name = name_of(i),
		.node = NB_H_NODE,
		.expires = expires,
		.count = 1,
		.member = { { 0x0a000000 + i, NB_SELF, expires } },
	};

	return rec;
}

static void done(void *arg, int error)
{
	(void)arg;
	check(error, "commit");
}

static void put_all(struct store *store, uint32_t n, int64_t expires,
		    bool new_version)
{
	for (uint32_t i = 0; i < n;) {
		store_begin(store);
		for (uint32_t k = 0; k < turn && i < n; k++, i++) {
			struct nb_record rec;

			if (new_version) {
				rec = record_of(i, expires + i / 1000);
			} else {
				struct nb_name name = name_of(i);

				store_get(store, &name, &rec);
				rec.expires = expires + i / 1000;
				rec.member[0].expires = rec.expires;
			}
			check(store_put(store, &rec, new_version), "put");
		}
		store_commit(store, done, NULL);
		store_wait(store);
	}
}

static bool count_one(void *arg, const struct nb_record *rec)
{
	*(uint64_t *)arg += rec->count;
	return true;
}

static void report(const char *what, uint64_t start, uint32_t n)
{
	uint64_t took = now_ns() - start;

	printf("%-28s %8.3f s  %8.0f ns each\n", what, (double)took / 1e9,
	       (double)took / n);
}

static void read_all(struct store *store, uint32_t n)
{
	struct nb_record rec;
	struct store_due_pos pos = { .started = false };
	struct nb_name names[64];
	uint64_t start = now_ns(), seen = 0, cursor = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct nb_name name = name_of(i * 7919u % n);

		seen += store_get(store, &name, &rec) ? 1 : 0;
	}
	report("get", start + naming * n, n);
	start = now_ns();
	for (uint32_t i = 0; i < n; i++) {
		struct nb_name name = name_of(n + i);

		seen += store_get(store, &name, &rec) ? 1 : 0;
	}
	report("get, not there", start + naming * n, n);
	start = now_ns();
	while (store_walk_all(store, &cursor, 256, count_one, &seen)) {
	}
	report("walk all, slices of 256", start, n);
	start = now_ns();
	store_walk_version(store, NB_SELF, 0, UINT64_MAX, count_one, &seen);
	report("walk by version", start, n);
	start = now_ns();
	while (store_walk_due(store, INT64_MAX - 1, &pos, names, 64) > 0) {
		seen++;
	}
	report("walk by due time", start, n);
	if (seen < 2ull * n) {
		check(ENOENT, "records are missing");
	}
}

static uint64_t mono(void *priv)
{
	(void)priv;
	return now_ns() / 1000;
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
	(void)timer;
}

static void say(void *priv, int level, const char *line)
{
	(void)priv;
	fprintf(stderr, "%d %s\n", level, line);
}

static const struct nb_world world = {
	.wall = wall,
	.mono = mono,
	.timer_start = no_timer,
	.timer_stop = no_stop,
	.random = fill_random,
	.log = say,
};

static void open_disk(void *ctx, const char *path, bool durable,
		      struct store_backend *backend)
{
	struct store_disk_config config = {
		.database = path,
		.journal = talloc_asprintf(ctx, "%s.journal", path),
		.reserve = talloc_asprintf(ctx, "%s.reserve", path),
		.durable = durable,
	};
	char *message = NULL;

	check(store_disk_open(ctx, &config, backend, &message), message);
}

static void load(const char *path, uint32_t n)
{
	void *ctx = talloc_new(NULL);
	struct store_backend backend;
	struct store *store = NULL;
	char *message = NULL;
	uint64_t start = now_ns();

	open_disk(ctx, path, false, &backend);
	check(store_create(ctx, &world, &backend, &store, &message), message);
	report("load", start, n);
	talloc_free(store);
	talloc_free(ctx);
}

int main(int argc, char **argv)
{
	uint32_t n = argc > 2 ? (uint32_t)atol(argv[1]) : 0;
	bool durable = argc < 4 || strcmp(argv[3], "nosync") != 0;
	void *ctx = talloc_new(NULL);
	struct store_backend backend;
	struct store_stats stats;
	struct store *store = NULL;
	struct stat st;
	char *message = NULL;
	uint64_t start = 0;
	size_t before = 0;

	if (n == 0) {
		fprintf(stderr, "usage: store_speed RECORDS FILE "
			"[load|sync|nosync [TURN]]\n");
		return 2;
	}
	if (argc > 3 && strcmp(argv[3], "load") == 0) {
		load(argv[2], n);
		return 0;
	}
	if (argc > 4) {
		turn = (uint32_t)atol(argv[4]);
	}
	start = now_ns();
	for (uint32_t i = 0; i < 100000; i++) {
		volatile struct nb_name name = name_of(i);

		(void)name.len;
	}
	naming = (now_ns() - start) / 100000;
	unlink(argv[2]);
	before = resident();
	open_disk(ctx, argv[2], durable, &backend);
	check(store_create(ctx, &world, &backend, &store, &message), message);
	start = now_ns();
	put_all(store, n, 1700000000, true);
	report("put, new", start, n);
	start = now_ns();
	put_all(store, n, 1700600000, false);
	report("put, refresh", start, n);
	read_all(store, n);
	store_stats(store, &stats);
	stat(argv[2], &st);
	printf("%-28s %8.1f resident, %.1f of its own count\n",
	       "memory, bytes a record",
	       (double)(resident() - before) / n,
	       (double)stats.memory / n);
	printf("%-28s %8.1f\n", "file, bytes a record",
	       (double)st.st_size / n);
	talloc_free(store);
	talloc_free(ctx);
	load(argv[2], n);
	return 0;
}
