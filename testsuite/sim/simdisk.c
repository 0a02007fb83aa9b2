/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk of simdisk.h: a tree of keys and values, and a pointer to the
 * batch that is under way. It checks its user too: a second commit while one
 * is in flight, a batch that does not end where it should, a commit after
 * close or a wait that would never end is a bug in the store and aborts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <bsd/sys/tree.h>

#include "sim/simdisk.h"

struct item {
	RB_ENTRY(item) tree;
	size_t key_len;
	size_t value_len;
	uint8_t *key;
	uint8_t *value;
};

RB_HEAD(item_tree, item);

struct copy {
	char path[256];			/* "": there was none */
	void (*done)(void *arg, int error, uint64_t records,
		     const char *message);
	void *arg;
	bool is_decided;
	int error;
	uint64_t records;
	char message[256];
};

struct sim_disk {
	struct item_tree items;
	unsigned int keys;
	unsigned int commits;
	unsigned int fail_in;
	int fail_error;
	int broken;
	int fd;				/* -1: not asynchronous */
	bool held;
	bool closed;
	struct store_disk sight;
	const struct store_batch *flight;
	bool is_decided;		/* the flight is, with error */
	int error;
	void (*done)(void *arg, int error);
	void *arg;
	struct copy copy;
};

static int compare(const struct item *a, const struct item *b)
{
	size_t len = a->key_len < b->key_len ? a->key_len : b->key_len;
	int order = memcmp(a->key, b->key, len);

	return order != 0 ? order :
			    (a->key_len > b->key_len) -
			    (a->key_len < b->key_len);
}

RB_GENERATE_INTERNAL(item_tree, item, tree, compare,
		     __attribute__((unused)) static)

static void must(bool truth)
{
	if (!truth) {
		abort();
	}
}

static struct item *find(const struct sim_disk *disk, const void *key,
			 size_t key_len)
{
	struct item look = { .key = (uint8_t *)key, .key_len = key_len };

	return RB_FIND(item_tree, (struct item_tree *)&disk->items, &look);
}

void sim_disk_set(struct sim_disk *disk, const void *key, size_t key_len,
		  const void *value, size_t value_len)
{
	struct item *item = find(disk, key, key_len);

	if (item != NULL) {
		RB_REMOVE(item_tree, &disk->items, item);
		disk->keys--;
		talloc_free(item);
	}
	if (value == NULL) {
		return;
	}
	item = talloc_zero(disk, struct item);
	must(item != NULL);
	item->key = talloc_memdup(item, key, key_len);
	item->value = talloc_memdup(item, value, value_len);
	must(item->key != NULL && item->value != NULL);
	item->key_len = key_len;
	item->value_len = value_len;
	RB_INSERT(item_tree, &disk->items, item);
	disk->keys++;
}

const uint8_t *sim_disk_get(const struct sim_disk *disk, const void *key,
			    size_t key_len, size_t *value_len)
{
	const struct item *item = find(disk, key, key_len);

	*value_len = item != NULL ? item->value_len : 0;
	return item != NULL ? item->value : NULL;
}

static void apply(struct sim_disk *disk, const struct store_batch *batch)
{
	const uint8_t *key = NULL, *value = NULL;
	size_t pos = 0, key_len = 0, value_len = 0;
	unsigned int changes = 0;

	while (store_batch_next(batch, &pos, &key, &key_len, &value,
				&value_len)) {
		sim_disk_set(disk, key, key_len, value, value_len);
		changes++;
	}
	must(pos == batch->len && changes == batch->changes);
}

static int disk_load(void *priv,
		     int (*fn)(void *arg, const uint8_t *key, size_t key_len,
			       const uint8_t *value, size_t value_len),
		     void *arg)
{
	struct sim_disk *disk = talloc_get_type_abort(priv, struct sim_disk);
	struct item *item = NULL;

	RB_FOREACH(item, item_tree, &disk->items) {
		int err = fn(arg, item->key, item->key_len, item->value,
			     item->value_len);

		if (err != 0) {
			return err;
		}
	}
	return 0;
}

static int disk_fetch(void *priv, const uint8_t *key, size_t key_len,
		      void (*fn)(void *arg, const uint8_t *value,
				 size_t value_len),
		      void *arg)
{
	struct sim_disk *disk = talloc_get_type_abort(priv, struct sim_disk);
	const struct item *item = find(disk, key, key_len);

	if (item == NULL) {
		return ENOENT;
	}
	fn(arg, item->value, item->value_len);
	return 0;
}

/* ---- what ends: at once, or in ready() ---- */

static void tell_commit(struct sim_disk *disk)
{
	void (*done)(void *arg, int error) = disk->done;

	disk->flight = NULL;
	disk->done = NULL;
	disk->is_decided = false;
	done(disk->arg, disk->error);
}

static void tell_backup(struct sim_disk *disk)
{
	struct copy copy = disk->copy;

	disk->copy.done = NULL;
	disk->copy.is_decided = false;
	copy.done(copy.arg, copy.error, copy.records,
		  copy.error != 0 ? copy.message : NULL);
}

static void wake(struct sim_disk *disk)
{
	must(eventfd_write(disk->fd, 1) == 0);
}

static void disk_ready(void *priv)
{
	struct sim_disk *disk = talloc_get_type_abort(priv, struct sim_disk);
	eventfd_t count = 0;

	if (disk->fd < 0 || eventfd_read(disk->fd, &count) != 0) {
		return;
	}
	if (disk->copy.is_decided) {
		tell_backup(disk);
	}
	if (disk->is_decided) {
		tell_commit(disk);
	}
}

static void disk_wait(void *priv)
{
	struct sim_disk *disk = talloc_get_type_abort(priv, struct sim_disk);

	if (disk->flight != NULL || disk->copy.done != NULL) {
		must(disk->is_decided || disk->copy.is_decided);
		disk_ready(disk);
	}
}

void sim_disk_finish(struct sim_disk *disk, int error)
{
	must(disk->flight != NULL && !disk->is_decided);
	if (error == 0) {
		apply(disk, disk->flight);
	}
	disk->is_decided = true;
	disk->error = error;
	if (disk->fd >= 0) {
		wake(disk);
	} else {
		tell_commit(disk);
	}
}

static void disk_commit(void *priv, const struct store_batch *batch,
			void (*done)(void *arg, int error), void *arg)
{
	struct sim_disk *disk = talloc_get_type_abort(priv, struct sim_disk);
	int error = disk->broken;

	must(disk->flight == NULL && !disk->closed && batch->changes > 0);
	disk->flight = batch;
	disk->done = done;
	disk->arg = arg;
	disk->commits++;
	if (disk->fail_in > 0 && --disk->fail_in == 0) {
		error = disk->fail_error;
	}
	if (!disk->held || error != 0) {
		sim_disk_finish(disk, error);
	}
}

void sim_disk_backup_finish(struct sim_disk *disk, int error, uint64_t records,
			    const char *message)
{
	must(disk->copy.done != NULL && !disk->copy.is_decided);
	disk->copy.is_decided = true;
	disk->copy.error = error;
	disk->copy.records = records;
	disk->copy.message[0] = '\0';
	if (message != NULL) {
		strncat(disk->copy.message, message,
			sizeof(disk->copy.message) - 1);
	}
	if (disk->fd >= 0) {
		wake(disk);
	} else {
		tell_backup(disk);
	}
}

static void disk_backup(void *priv, const char *path,
			void (*done)(void *arg, int error, uint64_t records,
				     const char *message),
			void *arg)
{
	struct sim_disk *disk = talloc_get_type_abort(priv, struct sim_disk);

	must(disk->copy.done == NULL && !disk->closed);
	must(strlen(path) < sizeof(disk->copy.path));
	strcpy(disk->copy.path, path);
	disk->copy.done = done;
	disk->copy.arg = arg;
	if (!disk->held) {
		sim_disk_backup_finish(disk, 0, disk->keys, NULL);
	}
}

static void disk_sight(void *priv, struct store_disk *sight)
{
	struct sim_disk *disk = talloc_get_type_abort(priv, struct sim_disk);

	*sight = disk->sight;
}

static void disk_close(void *priv)
{
	struct sim_disk *disk = talloc_get_type_abort(priv, struct sim_disk);

	disk->closed = true;
	disk->flight = NULL;
	disk->done = NULL;
	disk->is_decided = false;
	disk->copy.done = NULL;
	disk->copy.is_decided = false;
}

static int disk_destroy(struct sim_disk *disk)
{
	if (disk->fd >= 0) {
		close(disk->fd);
	}
	return 0;
}

struct sim_disk *sim_disk_create(TALLOC_CTX *mem_ctx)
{
	struct sim_disk *disk = talloc_zero(mem_ctx, struct sim_disk);

	must(disk != NULL);
	RB_INIT(&disk->items);
	disk->fd = -1;
	talloc_set_destructor(disk, disk_destroy);
	return disk;
}

void sim_disk_backend(struct sim_disk *disk, struct store_backend *backend)
{
	disk->closed = false;
	*backend = (struct store_backend){
		.priv = disk,
		.name = "simdisk",
		.fetch = disk_fetch,
		.load = disk_load,
		.commit = disk_commit,
		.fd = disk->fd,
		.ready = disk_ready,
		.wait = disk_wait,
		.backup = disk_backup,
		.sight = disk_sight,
		.close = disk_close,
	};
}

void sim_disk_async(struct sim_disk *disk)
{
	must(disk->fd < 0 && disk->flight == NULL);
	disk->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	must(disk->fd >= 0);
}

void sim_disk_hold(struct sim_disk *disk, bool hold)
{
	disk->held = hold;
}

bool sim_disk_pending(const struct sim_disk *disk)
{
	return disk->flight != NULL;
}

void sim_disk_fail(struct sim_disk *disk, unsigned int n, int error)
{
	disk->fail_in = n;
	disk->fail_error = error;
}

void sim_disk_break(struct sim_disk *disk, int error)
{
	disk->broken = error;
}

void sim_disk_show(struct sim_disk *disk, const struct store_disk *sight)
{
	disk->sight = *sight;
}

const char *sim_disk_backup_path(const struct sim_disk *disk)
{
	return disk->copy.path[0] != '\0' ? disk->copy.path : NULL;
}

struct sim_disk *sim_disk_crash(TALLOC_CTX *mem_ctx,
				const struct sim_disk *disk, bool keep_flight)
{
	struct sim_disk *fresh = sim_disk_create(mem_ctx);
	struct item *item = NULL;

	RB_FOREACH(item, item_tree, (struct item_tree *)&disk->items) {
		sim_disk_set(fresh, item->key, item->key_len, item->value,
			     item->value_len);
	}
	if (keep_flight && disk->flight != NULL) {
		apply(fresh, disk->flight);
	}
	return fresh;
}

unsigned int sim_disk_commits(const struct sim_disk *disk)
{
	return disk->commits;
}

unsigned int sim_disk_keys(const struct sim_disk *disk)
{
	return disk->keys;
}
