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
 * overwritten by anything older. store_load() takes the highest of both.
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
	if (store->backend.close != NULL) {
		store->backend.close(store->backend.priv);
	}
	turn_free_all(store);
	table_free(&store->table);
	while (store->metas != NULL) {
		struct meta *meta = store->metas;

		store->metas = meta->next;
		free(meta);
	}
	return 0;
}

static int store_init(struct store *store)
{
	uint64_t key[2];
	struct meta *reserved = NULL, *records = NULL;
	int err = 0;

	store->world->random(store->world->priv, key, sizeof(key));
	err = table_init(&store->table, key);
	if (err != 0) {
		return err;
	}
	reserved = store_meta_add(store, META_RESERVED);
	records = store_meta_add(store, META_RECORDS);
	if (reserved == NULL || records == NULL ||
	    table_owner_add(&store->table, NB_SELF) == NULL) {
		return ENOMEM;
	}
	store->reserved = &reserved->number;
	store->records = &records->number;
	return 0;
}

int store_create(TALLOC_CTX *mem_ctx, const struct nb_world *world,
		 const struct store_backend *backend, struct store **store,
		 char **message)
{
	struct store *fresh = talloc_zero(mem_ctx, struct store);
	int err = ENOMEM;

	*store = NULL;
	*message = NULL;
	if (fresh != NULL) {
		fresh->world = world;
		turn_init(fresh);
		talloc_set_destructor(fresh, store_destroy);
		err = store_init(fresh);
	}
	if (err == 0) {
		fresh->backend = *backend;
		err = store_load(mem_ctx, fresh, message);
	}
	if (err != 0) {
		if (*message == NULL) {
			*message = talloc_strdup(mem_ctx, strerror(err));
		}
		talloc_free(fresh);
		return err;
	}
	health_look(fresh);
	*store = fresh;
	return 0;
}

/* ---- the backend's news ---- */

unsigned int store_fds(const struct store *store, int fd[STORE_FDS])
{
	if (store->backend.fd < 0) {
		return 0;
	}
	fd[0] = store->backend.fd;
	return 1;
}

void store_ready(struct store *store)
{
	if (store->backend.fd >= 0) {
		store->backend.ready(store->backend.priv);
	}
}

void store_wait(struct store *store)
{
	assert(!store->is_open && !store->delivering);
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

struct meta *store_meta(const struct store *store, const char *key)
{
	struct meta *meta = store->metas;

	while (meta != NULL && strcmp(meta->key, key) != 0) {
		meta = meta->next;
	}
	return meta;
}

struct meta *store_meta_add(struct store *store, const char *key)
{
	struct meta *meta = store_meta(store, key);

	if (meta != NULL) {
		return meta;
	}
	meta = calloc(1, sizeof(*meta));
	if (meta == NULL) {
		return NULL;
	}
	memcpy(meta->key, key, strnlen(key, STORE_META_MAX));
	meta->next = store->metas;
	store->metas = meta;
	return meta;
}

int store_set_meta(struct store *store, const char *name, uint64_t number)
{
	size_t len = strlen(name);
	uint8_t key[DBREC_KEY_MAX];
	struct meta *meta = NULL;
	int err = 0;

	if (len == 0 || len > STORE_META_MAX ||
	    strcmp(name, META_FORMAT) == 0 ||
	    strcmp(name, META_RECORDS) == 0 ||
	    strcmp(name, META_RESERVED) == 0 ||
	    strcmp(name, META_PROBE) == 0) {
		return EINVAL;
	}
	err = health_refuses(store);
	if (err == 0) {
		err = turn_room(store, 1);
	}
	if (err != 0) {
		return err;
	}
	meta = store_meta_add(store, name);
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
	const struct meta *meta = store_meta(store, key);

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
	const struct entry *entry = table_find(&store->table, name);

	if (entry == NULL || entry->owner == NULL) {
		return false;
	}
	entry_unpack(entry, entry->owner->address, rec);
	return true;
}

uint64_t store_records(const struct store *store)
{
	const uint64_t *by_state = store->table.by_state;

	return by_state[0] + by_state[1] + by_state[2];
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

	*stats = (struct store_stats){
		.records = store_records(store),
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
