/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Turns: changes that become durable together, in order, or never were.
 *
 *   open --commit--> waiting --launch--> flight --done--> finished --> done()
 *
 * One backend commit is in flight. Turns that end meanwhile wait and leave as
 * one batch, so batches grow with the load by themselves. Readers see changes
 * from the moment they are made.
 *
 * Only a probe of health.c goes alone and fails alone, as it changes nothing
 * that a decision could have read.
 *
 * When a commit fails, everything from it on is taken back in memory, newest
 * first: entries that were replaced are relinked, numbers get their old
 * values. That includes what the open turn did so far; that turn can be used
 * to its end, is undone again at its commit and reports the error too: its
 * decisions have read what is no more. Version and revision counters are
 * never taken back.
 *
 * done() is called from one loop that nobody enters twice: done() may begin
 * and commit the next turn, and the backend may finish commits before
 * commit() returns, yet callbacks come in the order of turns and the stack
 * stays flat. done() must not free the store.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

#define SPARE_BYTES_MAX	(1u << 20)	/* buffers worth keeping */
/* As much leaves at once: the smallest journal has room for several. */
#define FLIGHT_BYTES_MAX	(1u << 19)

/* ---- one turn ---- */

static struct turn *turn_get(struct store *store)
{
	struct turn *turn = store->spare;

	store->spare = NULL;
	return turn != NULL ? turn : calloc(1, sizeof(*turn));
}

static void turn_free(struct turn *turn)
{
	if (turn != NULL) {
		batch_free(&turn->batch);
		free(turn->undo);
		free(turn);
	}
}

/* One is kept: in need of memory a turn can still begin. */
static void turn_put(struct store *store, struct turn *turn)
{
	struct turn clean = { 0 };

	if (store->spare != NULL || turn->batch.size > SPARE_BYTES_MAX) {
		turn_free(turn);
		return;
	}
	clean.batch.data = turn->batch.data;
	clean.batch.size = turn->batch.size;
	clean.undo = turn->undo;
	clean.undo_max = turn->undo_max;
	*turn = clean;
	store->spare = turn;
}

int turn_room(struct store *store, unsigned int n)
{
	struct turn *turn = store->open;
	struct undo *undo = NULL;
	unsigned int max = 0;

	assert(store->is_open);
	n++;
	if (turn == NULL ||
	    !batch_reserve(&turn->batch, n * (size_t)BATCH_CHANGE_MAX)) {
		return ENOMEM;
	}
	if (turn->undo_max - turn->changes >= n) {
		return 0;
	}
	max = 2 * turn->undo_max + n + 6;
	undo = realloc(turn->undo, max * sizeof(*undo));
	if (undo == NULL) {
		return ENOMEM;
	}
	turn->undo = undo;
	turn->undo_max = max;
	return 0;
}

void turn_replace(struct store *store, struct entry *old, struct entry *fresh)
{
	struct turn *turn = store->open;

	fresh->turn = turn->number;
	if (old != NULL) {
		table_unlink(&store->table, old);
	}
	table_link(&store->table, fresh);
	turn->undo[turn->changes++] = (struct undo){
		.old = old,
		.fresh = fresh,
	};
}

void turn_set_number(struct store *store, struct number *number,
		     struct number now, const uint8_t *key, size_t key_len)
{
	struct turn *turn = store->open;
	uint8_t value[DBREC_VALUE_MAX];
	size_t len = 0;

	turn->undo[turn->changes++] = (struct undo){
		.number = number,
		.was = *number,
	};
	*number = now;
	if (now.is_set) {
		len = dbrec_encode_number(value, key, key_len, now.value);
	}
	batch_add(&turn->batch, key, key_len, now.is_set ? value : NULL, len);
}

static void undo_entry(struct store *store, const struct undo *undo)
{
	table_unlink(&store->table, undo->fresh);
	entry_free(&store->table.slab, undo->fresh);
	if (undo->old == NULL) {
		return;
	}
	if (undo->old->owner == NULL && undo->old->turn <= store->durable) {
		/* a ghost that is durable now */
		entry_free(&store->table.slab, undo->old);
		return;
	}
	table_link(&store->table, undo->old);
}

static void turn_undo(struct store *store, struct turn *turn)
{
	while (turn->changes > 0) {
		const struct undo *undo = &turn->undo[--turn->changes];

		if (undo->number != NULL) {
			*undo->number = undo->was;
		} else {
			undo_entry(store, undo);
		}
	}
	turn->batch.len = 0;
	turn->batch.changes = 0;
	store->slot = turn->slot;
}

/* The way back is no longer needed, and ghosts have done their work. */
static void turn_forget(struct store *store, struct turn *turn)
{
	for (unsigned int i = 0; i < turn->changes; i++) {
		struct entry *fresh = turn->undo[i].fresh;

		entry_free(&store->table.slab, turn->undo[i].old);
		if (fresh != NULL && fresh->owner == NULL &&
		    table_holds(&store->table, fresh)) {
			table_unlink(&store->table, fresh);
			entry_free(&store->table.slab, fresh);
		}
	}
	turn->changes = 0;
}

/* ---- the pipeline ---- */

static void finish(struct store *store, struct turn_list *from, int error)
{
	struct turn *turn = NULL;

	while ((turn = TAILQ_FIRST(from)) != NULL) {
		TAILQ_REMOVE(from, turn, list);
		turn->error = error;
		if (turn->is_probe) {
			turn_put(store, turn);
			continue;
		}
		if (error == 0) {
			store->turns++;
			store->changes += turn->changes;
			store->durable = turn->number;
			version_turn_durable(store, turn);
			turn_forget(store, turn);
		} else {
			store->failures++;
			version_turn_dead(store, turn);
		}
		TAILQ_INSERT_TAIL(&store->finished, turn, list);
	}
}

static void undo_list(struct store *store, struct turn_list *list)
{
	struct turn *turn = NULL;

	TAILQ_FOREACH_REVERSE(turn, list, turn_list, list) {
		turn_undo(store, turn);
	}
}

static void fail_all(struct store *store, int error)
{
	if (store->open != NULL) {
		turn_undo(store, store->open);
		store->open->error = error;
	}
	undo_list(store, &store->waiting);
	undo_list(store, &store->flight);
	if (store->open != NULL) {
		store->open->slot = store->slot;
	}
	finish(store, &store->flight, error);
	finish(store, &store->waiting, error);
}

static void deliver(struct store *store)
{
	struct turn *turn = NULL;

	if (store->delivering) {
		return;
	}
	store->delivering = true;
	while ((turn = TAILQ_FIRST(&store->finished)) != NULL) {
		TAILQ_REMOVE(&store->finished, turn, list);
		if (turn->done != NULL) {
			turn->done(turn->arg, turn->error);
		}
		turn_put(store, turn);
	}
	store->delivering = false;
}

static void pump(struct store *store);

static void commit_done(void *arg, int error)
{
	struct store *store = arg;
	bool was_probe = false;

	if (store->closing) {
		return;
	}
	was_probe = TAILQ_FIRST(&store->flight)->is_probe;
	store->in_backend = false;
	if (error == 0) {
		health_commit_done(store);
	} else {
		health_commit_failed(store, error);
	}
	if (error == 0 || was_probe) {
		finish(store, &store->flight, error);
	} else {
		fail_all(store, error);
	}
	pump(store);
}

/* What waits leaves in the batch of the first. */
static void launch(struct store *store)
{
	struct turn *first = TAILQ_FIRST(&store->waiting);
	struct turn *turn = first;

	do {
		TAILQ_REMOVE(&store->waiting, turn, list);
		TAILQ_INSERT_TAIL(&store->flight, turn, list);
		turn = TAILQ_FIRST(&store->waiting);
	} while (turn != NULL && first->batch.len + turn->batch.len <=
				 FLIGHT_BYTES_MAX &&
		 batch_append(&first->batch, &turn->batch));
	if (first->batch.changes == 0) {
		finish(store, &store->flight, 0);
		return;
	}
	store->in_backend = true;
	store->backend.commit(store->backend.priv, &first->batch, commit_done,
			      store);
}

static void pump(struct store *store)
{
	if (store->pumping) {
		return;
	}
	store->pumping = true;
	while (!store->in_backend && !TAILQ_EMPTY(&store->waiting)) {
		launch(store);
	}
	store->pumping = false;
	deliver(store);
}

/* ---- the interface ---- */

/* The number of records goes with them; turn_room() has kept the room. */
static void write_count(struct store *store)
{
	struct number now = {
		.value = table_records(&store->table),
		.is_set = true,
	};
	uint8_t key[DBREC_KEY_MAX];

	if (store->open->changes > 0 && store->records->value != now.value) {
		turn_set_number(store, store->records, now, key,
				dbrec_key_meta(key, META_RECORDS));
	}
}

void store_begin(struct store *store)
{
	assert(store->loader == NULL && !store->is_open);
	store->is_open = true;
	store->turn++;
	store->open = turn_get(store);
	if (store->open != NULL) {
		store->open->number = store->turn;
		store->open->slot = store->slot;
	}
}

void store_commit(struct store *store, void (*done)(void *arg, int error),
		  void *arg)
{
	struct turn *turn = store->open;

	assert(store->is_open);
	if (turn != NULL) {
		write_count(store);
	}
	store->is_open = false;
	store->open = NULL;
	if (turn == NULL) {
		/* nothing was done in it: puts had no room */
		if (done != NULL) {
			done(arg, ENOMEM);
		}
		return;
	}
	turn->done = done;
	turn->arg = arg;
	turn->counter = store->counter;
	turn->reserved = store->reserved->value;
	if (turn->error != 0) {
		turn_undo(store, turn);
		store->failures++;
		version_turn_dead(store, turn);
		TAILQ_INSERT_TAIL(&store->finished, turn, list);
	} else {
		TAILQ_INSERT_TAIL(&store->waiting, turn, list);
	}
	pump(store);
}

void turn_probe(struct store *store)
{
	struct turn *turn = turn_get(store);
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_meta(key, META_PROBE);
	uint64_t when = (uint64_t)store->world->wall(store->world->priv);

	/* when it is time for one, no turn has had a change since the last */
	assert(!store->in_backend && TAILQ_EMPTY(&store->waiting));
	if (turn == NULL) {
		return;
	}
	if (!batch_reserve(&turn->batch, BATCH_CHANGE_MAX)) {
		turn_put(store, turn);
		return;
	}
	turn->is_probe = true;
	batch_add(&turn->batch, key, key_len, value,
		  dbrec_encode_number(value, key, key_len, when));
	TAILQ_INSERT_TAIL(&store->waiting, turn, list);
	pump(store);
}

bool store_busy(const struct store *store)
{
	return !TAILQ_EMPTY(&store->waiting) || !TAILQ_EMPTY(&store->flight) ||
	       !TAILQ_EMPTY(&store->finished);
}

uint64_t store_pending_turn(const struct store *store,
			    const struct nb_name *name)
{
	const struct entry *entry = NULL;

	if (store->loader != NULL) {
		return 0;
	}
	entry = table_find(&store->table, name);
	return entry != NULL && entry->turn > store->durable ? entry->turn : 0;
}

uint64_t store_current_turn(const struct store *store)
{
	return store->turn;
}

uint64_t store_durable_turn(const struct store *store)
{
	return store->durable;
}

void turn_init(struct store *store)
{
	TAILQ_INIT(&store->waiting);
	TAILQ_INIT(&store->flight);
	TAILQ_INIT(&store->finished);
}

static void free_list(struct store *store, struct turn_list *list)
{
	struct turn *turn = NULL;

	while ((turn = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, turn, list);
		for (unsigned int i = 0; i < turn->changes; i++) {
			entry_free(&store->table.slab, turn->undo[i].old);
		}
		turn_free(turn);
	}
}

void turn_free_all(struct store *store)
{
	if (store->open != NULL) {
		TAILQ_INSERT_TAIL(&store->waiting, store->open, list);
	}
	free_list(store, &store->flight);
	free_list(store, &store->waiting);
	free_list(store, &store->finished);
	turn_free(store->spare);
}
