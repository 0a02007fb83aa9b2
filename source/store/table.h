/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table: every entry that stands now, in three indexes.
 *
 *   by name	  a keyed hash, for get
 *   by version	  one tree per owner, for replication
 *   by due time  one tree of what expires at all, for ageing
 *
 * Places. SipHash-1-3 gives each name a position of 64 bits. Its upper half
 * is the entry's place; the bucket is chosen by the place's bits read
 * backwards: bucket = reversed place modulo a power of two. So each bucket
 * holds one contiguous range of positions, and when a bucket is split, its
 * range falls into two halves. A walk that goes through the positions upwards
 * (walk.c) therefore needs nothing but the position it has reached, whatever
 * was split or joined since.
 *
 * Entries of equal version or due time are ordered by place, then by name:
 * many records fall due in one second, and comparing places touches no name.
 *
 * Linear hashing: each insert splits at most two buckets and each removal joins
 * at most four, so that no put ever waits for a table to be rehashed. Buckets
 * live in segments of one huge page; there are two per entry, or up to four
 * after removals: a wrong entry in the chain costs a look-up a cache miss, a
 * bucket costs eight bytes.
 */
#ifndef WINSD_STORE_TABLE_H
#define WINSD_STORE_TABLE_H

#include "store/entry.h"

RB_HEAD(version_tree, entry);
RB_HEAD(due_tree, entry);
RB_HEAD(owner_tree, owner);

/* A number that is on disk or on its way there. */
struct number {
	uint64_t value;
	bool is_set;
};

struct owner {
	RB_ENTRY(owner) by_address;
	uint32_t address;
	struct number mark;
	struct version_tree versions;
	uint64_t records[3];		/* by state */
	uint64_t statics;
};

struct table {
	struct slab slab;		/* of entries */
	uint64_t key[2];		/* of the hash */
	struct entry ***segment;
	size_t segments;		/* that exist */
	size_t segments_max;		/* that *segment has room for */
	uint32_t buckets;		/* 2^level <= buckets < 2^(level+1) */
	unsigned int level;
	uint32_t chained;		/* entries in buckets, ghosts too */
	struct due_tree due;
	struct owner_tree owners;
	uint64_t by_state[3];
	uint64_t by_type[4];
	uint64_t statics;
	uint64_t memory;		/* of linked entries and buckets */
};

/* 0 or ENOMEM; the key must be random. */
int table_init(struct table *table, const uint64_t key[2]);

/* Frees all linked entries, too. */
void table_free(struct table *table);

/* Position of a name; never UINT64_MAX. */
uint64_t table_position(const struct table *table, const struct nb_name *name);

/* The entry of this name, a ghost too, or NULL. */
struct entry *table_find(const struct table *table, const struct nb_name *name);

/* Does this very entry stand in the table? */
bool table_holds(const struct table *table, const struct entry *entry);

/* Into and out of all indexes. No entry of the same name may stand there. */
void table_link(struct table *table, struct entry *entry);
void table_unlink(struct table *table, struct entry *entry);

/*
 * For bulk.c. So many entries will come into this empty table: 0 ..
 * TABLE_EXPECT_MAX, a hint. Into the hash only, unless this name, which is the
 * entry's, stands there; then false.
 */
#define TABLE_EXPECT_MAX	(8u << 20)
void table_expect(struct table *table, uint32_t entries);
bool table_link_new(struct table *table, struct entry *entry,
		    const struct nb_name *name);

/* The owner's node; table_owner_add() makes it, NULL is out of memory. */
struct owner *table_owner(const struct table *table, uint32_t address);
struct owner *table_owner_add(struct table *table, uint32_t address);

uint64_t table_records(const struct table *table);
uint64_t owner_records(const struct owner *owner);
uint64_t owner_highest(struct owner *owner);
struct owner *table_owner_next(struct table *table, struct owner *owner);

/* Which bucket a position falls into, and where the bucket's range ends. */
const struct entry *table_bucket_at(const struct table *table,
				    uint64_t position, uint64_t *last);

/* First in order of (version, place, name) from this version on; the next. */
const struct entry *owner_from(const struct owner *owner, uint64_t from);
const struct entry *owner_after(const struct entry *entry);

/* First in order of (expires, place, name) behind this; name NULL: all. */
const struct entry *table_due_from(const struct table *table, int64_t expires,
				   const struct nb_name *name);
const struct entry *table_due_after(const struct entry *entry);

#endif
