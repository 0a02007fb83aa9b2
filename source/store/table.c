/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The indexes of table.h: how an entry gets in, out and is found, and the
 * counters that hang on that. What may be in the table when (turns, undoing)
 * is not decided here but in turn.c.
 *
 * Red-black trees are libbsd's, a header without code of its own to link.
 * Rejected: a B-tree (half the memory of the links, but entries would no
 * longer be all there is to allocate, and a put could fail half way); a timing
 * wheel for due times (the walk must start anywhere and be in order).
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/pages.h"
#include "store/siphash.h"
#include "store/table.h"

#define SEGMENT_BITS	18
#define SEGMENT_SIZE	(1u << SEGMENT_BITS)	/* buckets: 2 MB */
#define LEVEL_MIN	10
#define BUCKETS_MIN	(1u << LEVEL_MIN)
#define BUCKET_SIZE	sizeof(struct entry *)
#define BUCKETS_MAX	(1u << 30)

_Static_assert(SEGMENT_SIZE * BUCKET_SIZE == PAGES_SIZE,
	       "a segment is one area of pages.h");

static int compare_places(const struct entry *a, const struct entry *b)
{
	if (a->place != b->place) {
		return a->place < b->place ? -1 : 1;
	}
	return entry_compare_names(a, b);
}

static int compare_version(const struct entry *a, const struct entry *b)
{
	if (a->version != b->version) {
		return a->version < b->version ? -1 : 1;
	}
	return compare_places(a, b);
}

static int compare_due(const struct entry *a, const struct entry *b)
{
	if (a->expires != b->expires) {
		return a->expires < b->expires ? -1 : 1;
	}
	return compare_places(a, b);
}

static int compare_owner(const struct owner *a, const struct owner *b)
{
	return (a->address > b->address) - (a->address < b->address);
}

/* RB_GENERATE_STATIC needs a BSD's own headers */
#define TREE(name, type, field, compare) \
	RB_GENERATE_INTERNAL(name, type, field, compare, \
			     __attribute__((unused)) static)
TREE(version_tree, entry, by_version, compare_version)
TREE(due_tree, entry, by_due, compare_due)
TREE(owner_tree, owner, by_address, compare_owner)

/* ---- buckets ---- */

static uint32_t reverse(uint32_t x)
{
	x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
	x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
	x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
	return __builtin_bswap32(x);
}

static uint32_t low_bits(uint32_t x, unsigned int bits)
{
	return x & ((1u << bits) - 1);
}

static uint32_t bucket_of(const struct table *table, uint32_t place)
{
	uint32_t number = reverse(place);
	uint32_t bucket = low_bits(number, table->level + 1);

	return bucket < table->buckets ? bucket :
					 low_bits(number, table->level);
}

static struct entry **head_of(const struct table *table, uint32_t bucket)
{
	return &table->segment[bucket >> SEGMENT_BITS]
			      [bucket & (SEGMENT_SIZE - 1)];
}

static bool add_segment(struct table *table)
{
	struct entry **segment = NULL;

	if (table->segments == table->segments_max) {
		size_t max = table->segments_max * 2 + 16;
		struct entry ***more = realloc(table->segment,
					       max * sizeof(*more));

		if (more == NULL) {
			return false;
		}
		table->segment = more;
		table->segments_max = max;
	}
	segment = pages_map(table->segments > 0);
	if (segment == NULL) {
		return false;
	}
	table->segment[table->segments++] = segment;
	return true;
}

/* One more bucket. Without memory the chains just get longer. */
static void split_bucket(struct table *table)
{
	uint32_t fresh = table->buckets;
	struct entry **from = head_of(table, fresh - (1u << table->level));
	struct entry **to = NULL;

	if (fresh == BUCKETS_MAX || (fresh >> SEGMENT_BITS == table->segments &&
				     !add_segment(table))) {
		return;
	}
	to = head_of(table, fresh);
	while (*from != NULL) {
		struct entry *entry = *from;

		if (low_bits(reverse(entry->place), table->level + 1) ==
		    fresh) {
			*from = entry->chain;
			entry->chain = *to;
			*to = entry;
		} else {
			from = &entry->chain;
		}
	}
	table->buckets++;
	table->memory += BUCKET_SIZE;
	if (table->buckets == 2u << table->level) {
		table->level++;
	}
	if (table->buckets * BUCKET_SIZE == PAGES_SMALL) {
		pages_make_huge(table->segment[0]);
	}
}

/* One bucket less: the last one goes back to where it was split from. */
static void join_bucket(struct table *table)
{
	uint32_t last = table->buckets - 1;
	struct entry **from = head_of(table, last);
	struct entry **to = NULL;

	if (last == (1u << table->level) - 1) {
		table->level--;
	}
	to = head_of(table, last - (1u << table->level));
	while (*to != NULL) {
		to = &(*to)->chain;
	}
	*to = *from;
	*from = NULL;
	table->buckets--;
	table->memory -= BUCKET_SIZE;
	if ((last & (SEGMENT_SIZE - 1)) == 0) {
		pages_unmap(table->segment[--table->segments]);
	}
}

void table_expect(struct table *table, uint32_t entries)
{
	uint32_t buckets = 2 * entries;

	if (table->chained > 0 || buckets <= table->buckets) {
		return;
	}
	while (table->segments * SEGMENT_SIZE < buckets &&
	       add_segment(table)) {
	}
	if (buckets > table->segments * SEGMENT_SIZE) {
		buckets = (uint32_t)table->segments * SEGMENT_SIZE;
	}
	if (table->buckets * BUCKET_SIZE < PAGES_SMALL &&
	    buckets * BUCKET_SIZE >= PAGES_SMALL) {
		pages_make_huge(table->segment[0]);
	}
	table->memory += (buckets - table->buckets) * BUCKET_SIZE;
	table->buckets = buckets;
	while (table->buckets >= 2u << table->level) {
		table->level++;
	}
}

static void chain_add(struct table *table, struct entry *entry)
{
	struct entry **head = head_of(table, bucket_of(table, entry->place));

	entry->chain = *head;
	*head = entry;
	table->chained++;
	for (int i = 0; i < 2 && table->buckets < 2 * table->chained; i++) {
		split_bucket(table);
	}
}

/* Where the pointer to this entry stands, or NULL. */
static struct entry **chain_find(const struct table *table,
				 const struct entry *entry)
{
	struct entry **at = head_of(table, bucket_of(table, entry->place));

	while (*at != NULL && *at != entry) {
		at = &(*at)->chain;
	}
	return *at != NULL ? at : NULL;
}

static void chain_remove(struct table *table, struct entry *entry)
{
	struct entry **at = chain_find(table, entry);

	*at = entry->chain;
	entry->chain = NULL;
	table->chained--;
	/* four, as there may be four times as many buckets as entries */
	for (int i = 0; i < 4 && table->buckets > BUCKETS_MIN &&
			table->chained < table->buckets / 4; i++) {
		join_bucket(table);
	}
}

const struct entry *table_bucket_at(const struct table *table,
				    uint64_t position, uint64_t *last)
{
	uint32_t bucket = bucket_of(table, (uint32_t)(position >> 32));
	bool is_split = bucket >= 1u << table->level ||
			bucket + (1u << table->level) < table->buckets;

	/* the range of a bucket of n bits: all positions with its top n bits */
	*last = position | UINT64_MAX >> (table->level + (is_split ? 1 : 0));
	return *head_of(table, bucket);
}

/* ---- names ---- */

uint64_t table_position(const struct table *table, const struct nb_name *name)
{
	uint8_t buf[NB_NAME_MAX + 1 + NB_SCOPE_MAX];
	size_t len = NB_NAME_MAX + 1 + (size_t)name->scope_len;
	uint64_t position = 0;

	memcpy(buf, name->byte, NB_NAME_MAX);
	buf[NB_NAME_MAX] = name->type;
	memcpy(buf + NB_NAME_MAX + 1, name->scope, name->scope_len);
	position = siphash(table->key, buf, len, 1, 3);
	return position == UINT64_MAX ? position - 1 : position;
}

static uint32_t place_of(const struct table *table, const struct nb_name *name)
{
	return (uint32_t)(table_position(table, name) >> 32);
}

static struct entry *find_at(const struct table *table, uint32_t place,
			     const struct nb_name *name)
{
	struct entry *entry = *head_of(table, bucket_of(table, place));

	while (entry != NULL && !(entry->place == place &&
				  entry_has_name(entry, name))) {
		entry = entry->chain;
	}
	return entry;
}

struct entry *table_find(const struct table *table, const struct nb_name *name)
{
	return find_at(table, place_of(table, name), name);
}

bool table_holds(const struct table *table, const struct entry *entry)
{
	return chain_find(table, entry) != NULL;
}

/* ---- into and out of everything ---- */

static void count(struct table *table, const struct entry *entry, bool add)
{
	uint64_t one = add ? 1 : (uint64_t)-1;

	table->memory += one * entry_size(entry);
	if (entry->owner == NULL) {
		return;
	}
	table->by_state[entry->state] += one;
	table->by_type[entry->type] += one;
	entry->owner->records[entry->state] += one;
	if (entry->is_static) {
		table->statics += one;
		entry->owner->statics += one;
	}
}

bool table_link_new(struct table *table, struct entry *entry,
		    const struct nb_name *name)
{
	entry->place = place_of(table, name);
	if (find_at(table, entry->place, name) != NULL) {
		return false;
	}
	chain_add(table, entry);
	count(table, entry, true);
	return true;
}

void table_link(struct table *table, struct entry *entry)
{
	struct nb_name name;

	entry_name(entry, &name);
	entry->place = place_of(table, &name);
	chain_add(table, entry);
	count(table, entry, true);
	if (entry->owner == NULL) {
		return;
	}
	RB_INSERT(version_tree, &entry->owner->versions, entry);
	if (entry->expires != NB_NEVER) {
		RB_INSERT(due_tree, &table->due, entry);
	}
}

void table_unlink(struct table *table, struct entry *entry)
{
	chain_remove(table, entry);
	count(table, entry, false);
	if (entry->owner == NULL) {
		return;
	}
	RB_REMOVE(version_tree, &entry->owner->versions, entry);
	if (entry->expires != NB_NEVER) {
		RB_REMOVE(due_tree, &table->due, entry);
	}
}

/* ---- owners ---- */

struct owner *table_owner(const struct table *table, uint32_t address)
{
	struct owner *at = RB_ROOT(&table->owners);

	while (at != NULL && at->address != address) {
		at = address < at->address ? RB_LEFT(at, by_address) :
					     RB_RIGHT(at, by_address);
	}
	return at;
}

struct owner *table_owner_add(struct table *table, uint32_t address)
{
	struct owner *owner = table_owner(table, address);

	if (owner != NULL) {
		return owner;
	}
	owner = calloc(1, sizeof(*owner));
	if (owner == NULL) {
		return NULL;
	}
	owner->address = address;
	RB_INIT(&owner->versions);
	RB_INSERT(owner_tree, &table->owners, owner);
	return owner;
}

struct owner *table_owner_next(struct table *table, struct owner *owner)
{
	return owner == NULL ? RB_MIN(owner_tree, &table->owners) :
			       RB_NEXT(owner_tree, &table->owners, owner);
}

uint64_t table_records(const struct table *table)
{
	return table->by_state[0] + table->by_state[1] + table->by_state[2];
}

uint64_t owner_records(const struct owner *owner)
{
	return owner->records[0] + owner->records[1] + owner->records[2];
}

uint64_t owner_highest(struct owner *owner)
{
	const struct entry *last = RB_MAX(version_tree, &owner->versions);

	return last != NULL ? last->version : 0;
}

const struct entry *owner_from(const struct owner *owner, uint64_t from)
{
	const struct entry *at = RB_ROOT(&owner->versions);
	const struct entry *best = NULL;

	while (at != NULL) {
		if (at->version >= from) {
			best = at;
			at = RB_LEFT(at, by_version);
		} else {
			at = RB_RIGHT(at, by_version);
		}
	}
	return best;
}

const struct entry *owner_after(const struct entry *entry)
{
	struct entry *at = (struct entry *)entry;

	return RB_NEXT(version_tree, NULL, at);
}

/* ---- due times ---- */

const struct entry *table_due_from(const struct table *table, int64_t expires,
				   const struct nb_name *name)
{
	const struct entry *at = RB_ROOT(&table->due);
	const struct entry *best = NULL;
	uint32_t place = 0;

	if (name != NULL) {
		place = place_of(table, name);
	}
	while (at != NULL) {
		bool is_behind = at->expires > expires;

		if (at->expires == expires) {
			is_behind = name == NULL || at->place > place ||
				    (at->place == place &&
				     entry_compare_name(at, name) > 0);
		}
		best = is_behind ? at : best;
		at = is_behind ? RB_LEFT(at, by_due) : RB_RIGHT(at, by_due);
	}
	return best;
}

const struct entry *table_due_after(const struct entry *entry)
{
	struct entry *at = (struct entry *)entry;

	return RB_NEXT(due_tree, NULL, at);
}

/* ---- beginning and end ---- */

int table_init(struct table *table, const uint64_t key[2])
{
	memset(table, 0, sizeof(*table));
	table->key[0] = key[0];
	table->key[1] = key[1];
	RB_INIT(&table->due);
	RB_INIT(&table->owners);
	table->buckets = BUCKETS_MIN;
	table->level = LEVEL_MIN;
	table->memory = BUCKETS_MIN * BUCKET_SIZE;
	if (!add_segment(table)) {
		table_free(table);	/* it may have half of one */
		return ENOMEM;
	}
	return 0;
}

void table_free(struct table *table)
{
	struct owner *owner = NULL;

	for (uint32_t i = 0; table->segments > 0 && i < table->buckets; i++) {
		struct entry *entry = *head_of(table, i);

		while (entry != NULL) {
			struct entry *next = entry->chain;

			entry_free(&table->slab, entry);
			entry = next;
		}
	}
	while ((owner = RB_ROOT(&table->owners)) != NULL) {
		RB_REMOVE(owner_tree, &table->owners, owner);
		free(owner);
	}
	for (size_t i = 0; i < table->segments; i++) {
		pages_unmap(table->segment[i]);
	}
	free(table->segment);
	slab_end(&table->slab);
	memset(table, 0, sizeof(*table));
}
