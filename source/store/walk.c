/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The readers that go along many records: by owner and version, by due time,
 * all of them, and owner by owner.
 *
 * The walk over everything holds nothing between its slices but a cursor: a
 * position of the hash (table.h). Buckets are ranges of positions, whatever
 * they were split into or joined from since the last slice, so "go on at the
 * first record whose position is not below the cursor" can neither miss nor
 * repeat one that stayed. Rejected: the number of a bucket and an index into
 * it (a split between two slices moves records behind the reader's back), a
 * snapshot (it holds memory for as long as a slow reader likes).
 *
 * Names of equal positions (one pair in 10^7 runs with a million names) are
 * given in one go.
 */

#include <assert.h>

#include "store/internal.h"

#define WALK_END	UINT64_MAX	/* no name has this position */

void store_walk_version(const struct store *store, uint32_t owner,
			uint64_t from, uint64_t to,
			bool (*fn)(void *arg, const struct nb_record *rec),
			void *arg)
{
	const struct owner *node = table_owner(&store->table, owner);
	const struct entry *at = node != NULL ? owner_from(node, from) : NULL;

	assert(store->loader == NULL);
	while (at != NULL && at->version <= to) {
		struct nb_record rec;

		entry_unpack(at, owner, &rec);
		if (!fn(arg, &rec)) {
			return;
		}
		at = owner_after(at);
	}
}

unsigned int store_walk_due(const struct store *store, int64_t until,
			    struct store_due_pos *pos, struct nb_name *names,
			    unsigned int max)
{
	const struct entry *at = NULL;
	unsigned int count = 0;

	assert(store->loader == NULL);
	at = table_due_from(&store->table,
			    pos->started ? pos->expires : INT64_MIN,
			    pos->started ? &pos->name : NULL);
	while (at != NULL && at->expires <= until && count < max) {
		entry_name(at, &names[count++]);
		pos->expires = at->expires;
		at = table_due_after(at);
	}
	if (count > 0) {
		pos->name = names[count - 1];
		pos->started = true;
	}
	return count;
}

/* ---- everything ---- */

static uint64_t position_of(const struct table *table,
			    const struct entry *entry)
{
	struct nb_name name;

	entry_name(entry, &name);
	return table_position(table, &name);
}

/* The lowest position in this bucket that is not below from. */
static uint64_t next_position(const struct table *table,
			      const struct entry *bucket, uint64_t from)
{
	uint64_t best = WALK_END;

	for (; bucket != NULL; bucket = bucket->chain) {
		uint64_t position = 0;

		if (bucket->owner == NULL || bucket->place < from >> 32 ||
		    bucket->place > best >> 32) {
			continue;
		}
		position = position_of(table, bucket);
		if (position >= from && position < best) {
			best = position;
		}
	}
	return best;
}

/* Give all records of one position; false if fn refused one. */
static bool visit(const struct table *table, const struct entry *bucket,
		  uint64_t position, unsigned int *visited,
		  bool (*fn)(void *arg, const struct nb_record *rec),
		  void *arg)
{
	for (; bucket != NULL; bucket = bucket->chain) {
		struct nb_record rec;

		if (bucket->owner == NULL ||
		    bucket->place != position >> 32 ||
		    position_of(table, bucket) != position) {
			continue;
		}
		(*visited)++;
		entry_unpack(bucket, bucket->owner->address, &rec);
		if (!fn(arg, &rec)) {
			return false;
		}
	}
	return true;
}

bool store_walk_all(const struct store *store, uint64_t *cursor,
		    unsigned int max_visit,
		    bool (*fn)(void *arg, const struct nb_record *rec),
		    void *arg)
{
	const struct table *table = &store->table;
	unsigned int visited = 0, buckets = 0;

	assert(store->loader == NULL);
	while (*cursor != WALK_END) {
		uint64_t last = 0;
		const struct entry *bucket = table_bucket_at(table, *cursor,
							     &last);
		uint64_t next = next_position(table, bucket, *cursor);

		if (next == WALK_END) {
			/* empty buckets are work, too */
			*cursor = last == WALK_END ? WALK_END : last + 1;
			if (++buckets / 8 > max_visit) {
				return *cursor != WALK_END;
			}
			continue;
		}
		*cursor = next;
		if (visited >= max_visit ||
		    !visit(table, bucket, next, &visited, fn, arg)) {
			return true;
		}
		*cursor = next + 1;
	}
	return false;
}

/* ---- owners ---- */

bool store_owner_at(const struct store *store, unsigned int index,
		    struct store_owner *owner)
{
	struct table *table = (struct table *)&store->table;
	struct owner *node = NULL;

	assert(store->loader == NULL);
	while ((node = table_owner_next(table, node)) != NULL) {
		uint64_t mark = store_mark(store, node->address);

		if ((mark == 0 && owner_records(node) == 0) || index-- > 0) {
			continue;
		}
		*owner = (struct store_owner){
			.owner = node->address,
			.mark = mark,
			.records = { node->records[0], node->records[1],
				     node->records[2] },
			.statics = node->statics,
			.highest = owner_highest(node),
		};
		return true;
	}
	return false;
}
