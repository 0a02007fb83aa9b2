/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the store's tests share: a seeded die, a world that has a wall clock,
 * randomness, a log, one timer and nothing else, short ways to make records and stores.
 * Include it last, after cmocka.
 */
#ifndef WINSD_TEST_UNIT_STORE_WORLD_H
#define WINSD_TEST_UNIT_STORE_WORLD_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/simdisk.h"
#include "store/store.h"

#define UNUSED __attribute__((unused)) static

/* Are entries in slabs, or malloc'ed one by one? */
#if defined(__SANITIZE_ADDRESS__)
#define POOLED false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOLED false
#endif
#endif
#ifndef POOLED
#define POOLED true
#endif

/* Bytes mapped by this process, as the kernel counts them. */
UNUSED size_t mapped(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu", &pages), 1);
	fclose(f);
	return pages * 4096;
}

static uint64_t dice_state = 1;

UNUSED uint32_t dice(uint32_t sides)
{
	dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((dice_state >> 33) % sides);
}

/* The seed comes from the environment or is new; it is always printed. */
UNUSED void dice_seed(const char *what)
{
	const char *text = getenv("SEED");
	uint64_t seed = 0;

	if (text != NULL) {
		seed = strtoull(text, NULL, 0);
	} else {
		FILE *f = fopen("/dev/urandom", "rb");

		assert_non_null(f);
		assert_int_equal(fread(&seed, 1, 4, f), 4);
		fclose(f);
	}
	print_message("%s: SEED=%llu\n", what, (unsigned long long)seed);
	dice_state = seed * 2 + 1;
}

static int64_t world_wall(void *priv)
{
	(void)priv;
	return 1700000000;
}

static void world_random(void *priv, void *buf, size_t len)
{
	uint8_t *byte = buf;

	(void)priv;
	while (len-- > 0) {
		*byte++ = (uint8_t)dice(256);
	}
}

static uint64_t world_mono(void *priv)
{
	(void)priv;
	return 0;
}

/* One timer, whose time comes when the test says so. */
struct nb_timer {
	void (*fn)(void *arg);
	void *arg;
};
static struct nb_timer world_timer;

static struct nb_timer *world_timer_start(void *priv, uint64_t usec,
					  void (*fn)(void *arg), void *arg)
{
	(void)priv;
	(void)usec;
	assert_null(world_timer.fn);
	world_timer = (struct nb_timer){ fn, arg };
	return &world_timer;
}

static void world_timer_stop(void *priv, struct nb_timer *timer)
{
	(void)priv;
	if (timer != NULL) {
		timer->fn = NULL;
	}
}

UNUSED void world_timer_run(void)
{
	struct nb_timer timer = world_timer;

	world_timer.fn = NULL;
	if (timer.fn != NULL) {
		timer.fn(timer.arg);
	}
}

static void world_log(void *priv, int level, const char *line)
{
	(void)priv;
	(void)level;
	print_message("%s\n", line);
}

static const struct nb_world world = {
	.wall = world_wall,
	.mono = world_mono,
	.timer_start = world_timer_start,
	.timer_stop = world_timer_stop,
	.random = world_random,
	.log = world_log,
};

UNUSED struct nb_name name_n(unsigned int n)
{
	char text[24];

	snprintf(text, sizeof(text), "NAME-%u", n);
	return nb_name_make(text, strlen(text), 0x20);
}

/* A unique record with one address, ours, active. */
UNUSED struct nb_record record_n(unsigned int n, int64_t expires)
{
	struct nb_record rec;

	memset(&rec, 0, sizeof(rec));
	rec.name = name_n(n);
	rec.node = NB_H_NODE;
	rec.expires = expires;
	rec.count = 1;
	rec.member[0].ip = 0x0a000001 + n;
	rec.member[0].expires = expires;
	return rec;
}

UNUSED struct store *store_on(struct sim_disk *disk)
{
	struct store_backend backend;
	struct store *store = NULL;
	char *message = NULL;
	int err = 0;

	sim_disk_backend(disk, &backend);
	err = store_create(NULL, &world, &backend, &store, &message);
	if (err != 0) {
		fail_msg("store_create: %d %s", err, message);
	}
	assert_non_null(store);
	return store;
}

/* Equal as values: padding bytes may differ. */
UNUSED bool same_record(const struct nb_record *a, const struct nb_record *b)
{
	bool same = nb_name_equal(&a->name, &b->name) && a->type == b->type &&
		    a->state == b->state && a->node == b->node &&
		    a->is_static == b->is_static && a->owner == b->owner &&
		    a->version == b->version && a->expires == b->expires &&
		    a->revision == b->revision && a->count == b->count;

	for (int i = 0; same && i < a->count; i++) {
		same = a->member[i].ip == b->member[i].ip &&
		       a->member[i].owner == b->member[i].owner &&
		       a->member[i].expires == b->member[i].expires;
	}
	return same;
}

/* A done() that remembers its calls in order. */
struct done_log {
	unsigned int count;
	int error[64];
	int which[64];
};

struct done_call {
	struct done_log *log;
	int which;
};

UNUSED void done_note(void *arg, int error)
{
	struct done_call *call = arg;
	struct done_log *log = call->log;

	assert_true(log->count < 64);
	log->error[log->count] = error;
	log->which[log->count++] = call->which;
}

UNUSED void done_ok(void *arg, int error)
{
	(void)arg;
	assert_int_equal(error, 0);
}

/* One record in a turn of its own; commits synchronously or not. */
UNUSED void put_one(struct store *store, struct nb_record *rec,
		    bool new_version)
{
	store_begin(store);
	assert_int_equal(store_put(store, rec, new_version), 0);
	store_commit(store, NULL, NULL);
}

#endif
