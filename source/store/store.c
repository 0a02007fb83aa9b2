/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The store: its beginning and end, put and delete, get, and what it counts.
 *
 * A change is made in two halves: everything that can fail comes first (room
 * in the turn, a version, memory for the entry), then everything is done. So a
 * change that fails leaves no trace but an unused version number.
 *
 * Revisions are a counter of this server alone. It needs no number on disk of
 * its own: the highest one that became durable stands in a record or, if that
 * record was deleted since, in the delete log, whose newest slot is never
 * overwritten by anything older. load.c takes the highest of both.
 *
 * The delete log is a ring of 65536 slots: whoever replays changes learns what
 * went away, and after a longer absence compares everything instead.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

/* ---- beginning and end ---- */

static int store_destroy(struct store *store)
{
	assert(!store->delivering);
	store->closing = true;
	store->world->timer_stop(store->world->priv, store->probe);
	loader_end(store);
	if (store->backend.close != NULL) {
		store->backend.close(store->backend.priv);
	}
	turn_free_all(store);
	table_free(&store->table);
	meta_free(store->metas);
	return 0;
}

static struct store *store_make(TALLOC_CTX *mem_ctx,
				const struct nb_world *world,
				const struct store_backend *backend)
{
	struct store *store = talloc_zero(mem_ctx, struct store);

	if (store == NULL) {
		if (backend->close != NULL) {
			backend->close(backend->priv);
		}
		return NULL;
	}
	store->world = world;
	store->backend = *backend;
	store->health = STORE_LOADING;
	turn_init(store);
	talloc_set_destructor(store, store_destroy);
	return store;
}

static void found_records(void *arg, const uint8_t *value, size_t value_len)
{
	uint8_t key[DBREC_KEY_MAX];
	size_t key_len = dbrec_key_meta(key, META_RECORDS);
	struct image *image = arg;
	uint64_t number = 0;

	if (dbrec_decode_number(key, key_len, value, value_len, &number) ==
	    NULL) {
		image->expected = number;
	}
}

int store_image(const struct store *store, struct image *image)
{
	const struct store_backend *backend = &store->backend;
	uint8_t key[DBREC_KEY_MAX];
	uint64_t hash_key[2];
	int err = 0;

	store->world->random(store->world->priv, hash_key, sizeof(hash_key));
	err = image_init(image, hash_key);
	if (err == 0 && backend->fetch != NULL) {
		/* an error is the loader's to find */
		backend->fetch(backend->priv, key,
			       dbrec_key_meta(key, META_RECORDS),
			       found_records, image);
	}
	return err;
}

void store_take(struct store *store, const struct image *image)
{
	store->table = image->table;
	store->metas = image->metas;
	store->records = image->records;
	store->reserved = image->reserved;
	store->reserved_durable = image->reserved->value;
	store->counter = image->reserved->value;
	store->settled = image->reserved->value;
	store->revision = image->revision;
	store->slot = image->slot;
	store->health = STORE_OK;
	health_look(store);
}

static int load_now(struct store *store, char **message)
{
	struct image image;
	int err = store_image(store, &image);

	if (err != 0) {
		return err;
	}
	err = image_load(&image, &store->backend, NULL, message);
	if (err != 0) {
		image_free(&image);
		return err;
	}
	store_take(store, &image);
	return 0;
}

/* The store is given back, or the error and its line. */
static int made(TALLOC_CTX *mem_ctx, int err, struct store *fresh, char *line,
		struct store **store, char **message)
{
	*message = NULL;
	if (err == 0) {
		*store = fresh;
		return 0;
	}
	*message = talloc_strdup(mem_ctx, line != NULL ? line : strerror(err));
	*store = NULL;
	free(line);
	talloc_free(fresh);
	return err;
}

int store_create(TALLOC_CTX *mem_ctx, const struct nb_world *world,
		 const struct store_backend *backend, struct store **store,
		 char **message)
{
	struct store *fresh = store_make(mem_ctx, world, backend);
	char *line = NULL;
	int err = fresh != NULL ? load_now(fresh, &line) : ENOMEM;

	return made(mem_ctx, err, fresh, line, store, message);
}

int store_open(TALLOC_CTX *mem_ctx, const struct nb_world *world,
	       const struct store_backend *backend,
	       void (*loaded)(void *arg, int error, const char *message),
	       void *arg, struct store **store, char **message)
{
	struct store *fresh = store_make(mem_ctx, world, backend);
	int err = fresh != NULL ? loader_start(fresh, loaded, arg) : ENOMEM;

	return made(mem_ctx, err, fresh, NULL, store, message);
}

bool store_loading(const struct store *store)
{
	return store->loader != NULL;
}

/* ---- what ends later ---- */

unsigned int store_fds(const struct store *store, int fd[STORE_FDS])
{
	fd[0] = store->loader != NULL ? loader_fd(store) : store->backend.fd;
	return fd[0] >= 0 ? 1 : 0;
}

void store_ready(struct store *store)
{
	if (store->loader != NULL) {
		loader_ready(store);
		return;
	}
	if (store->backend.fd >= 0) {
		store->backend.ready(store->backend.priv);
	}
}

void store_wait(struct store *store)
{
	assert(!store->is_open && !store->delivering);
	if (store->loader != NULL) {
		loader_wait(store);
	}
	while (store_busy(store) || store->backup_done != NULL) {
		store->backend.wait(store->backend.priv);
	}
}

static void backup_done(void *arg, int error, uint64_t records,
			const char *message)
{
	struct store *store = arg;
	void (*done)(void *arg, int error, uint64_t records,
		     const char *message) = store->backup_done;

	store->backup_done = NULL;
	if (!store->closing) {
		done(store->backup_arg, error, records, message);
	}
}

void store_backup(struct store *store, const char *path,
		  void (*done)(void *arg, int error, uint64_t records,
			       const char *message),
		  void *arg)
{
	assert(store->loader == NULL);
	if (store->backend.backup == NULL) {
		done(arg, EOPNOTSUPP, 0, "this database cannot be copied");
		return;
	}
	if (store->backup_done != NULL) {
		done(arg, EBUSY, 0, "a backup is being made already");
		return;
	}
	store->backup_done = done;
	store->backup_arg = arg;
	store->backend.backup(store->backend.priv, path, backup_done, store);
}

/* ---- changes ---- */

static bool name_is_normal(const struct nb_name *name)
{
	struct nb_name normal;

	if (name->len > NB_NAME_MAX || name->scope_len > NB_SCOPE_MAX) {
		return false;
	}
	normal = nb_name_make(name->byte, NB_NAME_MAX, name->type);
	return normal.len == name->len &&
	       memcmp(normal.byte, name->byte, NB_NAME_MAX) == 0;
}

/* May it be put, as it shall stand? */
static int check_put(struct store *store, struct nb_record *rec)
{
	const struct entry *old = NULL;
	int err = health_refuses(store);

	if (err != 0) {
		return err;
	}
	nb_record_settle(rec);
	if (!name_is_normal(&rec->name) || nb_record_broken(rec) != NULL) {
		return EINVAL;
	}
	if (!store->is_large) {
		return 0;
	}
	old = table_find(&store->table, &rec->name);
	return old == NULL || old->owner == NULL ? EFBIG : 0;
}

/* Give the record its version, and the room to write it. */
static int prepare_put(struct store *store, struct nb_record *rec,
		       bool new_version)
{
	int err = 0;

	if (new_version) {
		rec->owner = NB_SELF;
		rec->version = store->counter + 1;
	}
	err = check_put(store, rec);
	if (err == 0 && rec->owner == NB_SELF &&
	    rec->version > store->counter) {
		err = version_prepare(store, rec->version);
	}
	return err != 0 ? err : turn_room(store, 1);
}

static void write_record(struct store *store, const struct nb_record *rec)
{
	uint8_t key[DBREC_KEY_MAX];
	uint8_t value[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_record(key, &rec->name);
	size_t len = dbrec_encode(value, key, key_len, rec);

	batch_add(&store->open->batch, key, key_len, value, len);
}

int store_put(struct store *store, struct nb_record *rec, bool new_version)
{
	struct nb_record full = *rec;
	struct owner *owner = NULL;
	struct entry *fresh = NULL;
	int err = prepare_put(store, &full, new_version);

	if (err != 0) {
		return err;
	}
	full.revision = store->revision + 1;
	owner = table_owner_add(&store->table, full.owner);
	if (owner == NULL) {
		return ENOMEM;
	}
	fresh = entry_make(&store->table.slab, &full, owner);
	if (fresh == NULL) {
		return ENOMEM;
	}
	store->revision = full.revision;
	if (full.owner == NB_SELF && full.version > store->counter) {
		store->counter = full.version;
	}
	write_record(store, &full);
	turn_replace(store, table_find(&store->table, &full.name), fresh);
	*rec = full;
	return 0;
}

/* The record goes, a line in the delete log comes. */
static void write_delete(struct store *store, const struct nb_name *name)
{
	struct dbrec_deleted del = {
		.name = *name,
		.revision = store->revision,
		.when = store->world->wall(store->world->priv),
	};
	uint8_t key[DBREC_KEY_MAX];
	uint8_t value[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_record(key, name);
	size_t len = 0;

	batch_add(&store->open->batch, key, key_len, NULL, 0);
	key_len = dbrec_key_deleted(key, store->slot);
	len = dbrec_encode_deleted(value, key, key_len, &del);
	batch_add(&store->open->batch, key, key_len, value, len);
	store->slot = (store->slot + 1) % DELETE_LOG_SLOTS;
}

int store_delete(struct store *store, const struct nb_name *name)
{
	struct entry *old = table_find(&store->table, name);
	struct nb_record rec = { .name = *name };
	struct entry *ghost = NULL;
	int err = 0;

	if (old == NULL || old->owner == NULL) {
		return ENOENT;
	}
	err = health_refuses(store);
	if (err == 0) {
		err = turn_room(store, 2);
	}
	if (err != 0) {
		return err;
	}
	rec.revision = store->revision + 1;
	ghost = entry_make(&store->table.slab, &rec, NULL);
	if (ghost == NULL) {
		return ENOMEM;
	}
	store->revision = rec.revision;
	write_delete(store, name);
	turn_replace(store, old, ghost);
	return 0;
}

/* ---- named numbers ---- */

/* Numbers of the store itself, and those of its backend. */
static bool is_reserved(const char *key)
{
	return strcmp(key, META_FORMAT) == 0 ||
	       strcmp(key, META_RECORDS) == 0 ||
	       strcmp(key, META_RESERVED) == 0 ||
	       strcmp(key, META_PROBE) == 0 ||
	       strncmp(key, META_JOURNAL, strlen(META_JOURNAL)) == 0;
}

int store_set_meta(struct store *store, const char *name, uint64_t number)
{
	size_t len = strlen(name);
	uint8_t key[DBREC_KEY_MAX];
	struct meta *meta = NULL;
	int err = 0;

	if (len == 0 || len > STORE_META_MAX || is_reserved(name)) {
		return EINVAL;
	}
	err = health_refuses(store);
	if (err == 0) {
		err = turn_room(store, 1);
	}
	if (err != 0) {
		return err;
	}
	meta = meta_add(&store->metas, name);
	if (meta == NULL) {
		return ENOMEM;
	}
	turn_set_number(store, &meta->number,
			(struct number){ .value = number, .is_set = true },
			key, dbrec_key_meta(key, name));
	return 0;
}

bool store_get_meta(const struct store *store, const char *key,
		    uint64_t *number)
{
	const struct meta *meta = NULL;

	if (store->loader != NULL) {
		return loader_get_meta(store, key, number);
	}
	meta = meta_find(store->metas, key);
	if (meta == NULL || !meta->number.is_set) {
		return false;
	}
	*number = meta->number.value;
	return true;
}

/* ---- one record, all counts ---- */

bool store_get(const struct store *store, const struct nb_name *name,
	       struct nb_record *rec)
{
	const struct entry *entry = NULL;

	if (store->loader != NULL) {
		return loader_get(store, name, rec);
	}
	entry = table_find(&store->table, name);
	if (entry == NULL || entry->owner == NULL) {
		return false;
	}
	entry_unpack(entry, entry->owner->address, rec);
	return true;
}

static unsigned int list_length(const struct turn_list *list)
{
	const struct turn *turn = NULL;
	unsigned int length = 0;

	TAILQ_FOREACH(turn, list, list) {
		length++;
	}
	return length;
}

void store_stats(const struct store *store, struct store_stats *stats)
{
	const struct table *table = &store->table;

	assert(store->loader == NULL);
	*stats = (struct store_stats){
		.records = table_records(table),
		.statics = table->statics,
		.memory = table->memory,
		.turns = store->turns,
		.changes = store->changes,
		.failures = store->failures,
		.waiting = list_length(&store->flight) +
			   list_length(&store->waiting),
	};
	memcpy(stats->by_state, table->by_state, sizeof(stats->by_state));
	memcpy(stats->by_type, table->by_type, sizeof(stats->by_type));
}
