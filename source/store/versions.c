/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Version numbers: they never repeat and never go back, whatever crashes
 * (design.md section 2, "Version numbers").
 *
 * The meta number "versions-reserved" says on disk up to where versions may
 * have been used. It is raised in blocks of 4096, in the turn that first needs
 * it, so what is durable never holds a version above it; when less than half
 * a block is left the next is reserved, so that most turns need none. After a
 * start the counter begins there.
 *
 * Within a run the counter never goes down, even if the turn that used a
 * version is undone: the version is dead. Dead versions matter for the
 * settled mark, which is what partners hear: everything up to it is durable or
 * will never be. A dead version can lie above what is reserved on disk, as its
 * reservation died with it; after a crash it would be handed out again. So the
 * mark stops at the durable reservation. Both only grow, hence the mark does.
 *
 * When the store has become read-only, the versions of the turns that failed
 * are neither: a start may find them. The mark then stands where it is.
 */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "store/internal.h"

#define VERSION_BLOCK	4096u
/* The last one that is used: whoever adds one to a version does not wrap. */
#define VERSION_LAST	(UINT64_MAX - 1)

const char *store_error_text(int error)
{
	return error == EOVERFLOW ? "no version number is left" :
				    strerror(error);
}

int version_prepare(struct store *store, uint64_t version)
{
	uint64_t reserved = store->reserved->value;
	uint64_t end = VERSION_LAST;
	uint8_t key[DBREC_KEY_MAX];
	int err = 0;

	if (version > VERSION_LAST) {
		return EOVERFLOW;
	}
	if (version <= VERSION_LAST - (VERSION_BLOCK - 1)) {
		end = version + (VERSION_BLOCK - 1);
	}
	if (reserved >= end ||
	    (reserved >= version && end - reserved <= VERSION_BLOCK / 2)) {
		return 0;
	}
	err = turn_room(store, 1);
	if (err != 0) {
		return err;
	}
	turn_set_number(store, store->reserved,
			(struct number){ .value = end, .is_set = true }, key,
			dbrec_key_meta(key, META_RESERVED));
	return 0;
}

static void raise(uint64_t *number, uint64_t to)
{
	if (*number < to) {
		*number = to;
	}
}

void version_turn_durable(struct store *store, const struct turn *turn)
{
	if (store->health != STORE_READONLY) {
		raise(&store->settled, turn->counter);
		raise(&store->reserved_durable, turn->reserved);
	}
}

void version_turn_dead(struct store *store, const struct turn *turn)
{
	if (store->health != STORE_READONLY) {
		raise(&store->settled, turn->counter);
	}
}

uint64_t store_mark(const struct store *store, uint32_t owner)
{
	const struct owner *node = NULL;

	assert(store->loader == NULL);
	if (owner == NB_SELF) {
		return store->settled < store->reserved_durable ?
			       store->settled : store->reserved_durable;
	}
	node = table_owner(&store->table, owner);
	return node != NULL ? node->mark.value : 0;
}

int store_set_mark(struct store *store, uint32_t owner, uint64_t version)
{
	uint8_t key[DBREC_KEY_MAX];
	struct owner *node = NULL;
	int err = owner == NB_SELF ? EINVAL : health_refuses(store);

	if (err == 0) {
		err = turn_room(store, 1);
	}
	if (err != 0) {
		return err;
	}
	node = table_owner_add(&store->table, owner);
	if (node == NULL) {
		return ENOMEM;
	}
	turn_set_number(store, &node->mark,
			(struct number){ version, version != 0 }, key,
			dbrec_key_owner(key, owner));
	return 0;
}

uint64_t store_counter(const struct store *store)
{
	assert(store->loader == NULL);
	return store->counter;
}

int store_raise_counter(struct store *store, uint64_t version)
{
	bool own_turn = !store->is_open;
	int err = 0;

	assert(store->loader == NULL);
	if (version <= store->counter && version <= store->reserved->value) {
		return 0;
	}
	if (version >= VERSION_LAST) {
		return EOVERFLOW;
	}
	err = health_refuses(store);
	if (err != 0) {
		return err;
	}
	if (own_turn) {
		store_begin(store);
	}
	err = version_prepare(store, version);
	if (err == 0) {
		raise(&store->counter, version);
	}
	if (own_turn) {
		store_commit(store, NULL, NULL);
	}
	return err;
}
