/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables of usage.h.
 *
 * They stand on the way of every query, so they have one form: a keyed hash
 * says which few places beside each other an entry may have, the place seen
 * least recently goes for a newcomer. A query touches three or four lines of
 * memory and allocates nothing. Pages of a table that nobody needed are not
 * there yet; that is why it is calloc() and no talloc.
 *
 *	clients	places of 64 bytes in sets of four, by client and address of ours
 *	missing	names not found, the same
 *	sets	names of the database by hash and last time, five in a line
 *
 * Names by their hash of 64 bits: two of a million that are the same are a
 * chance of one in thirty million, and whoever wants to see a name has it from
 * the store. Names that are not in the store have their own, smaller table:
 * who asks for names that do not exist must not drive out those that do.
 *
 * What was never asked for may be deleted by somebody, so that nobody asked is
 * only said where somebody watched. A set that had to forget a name remembers
 * the time of it: what is missing there may have been asked for until then.
 * A server that was off for an hour counts from its start again. Rejected: one
 * such time for the whole table, which one full set would spoil for all.
 *
 * Who can send from any address can fill the table of clients with addresses.
 * Nothing helps against that, so what had to be forgotten is counted and told.
 */
#include "serve/usage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/siphash.h"

#define WAYS	4u

_Static_assert(sizeof(struct usage_client) == 64 &&
	       sizeof(struct usage_set) == 64 &&
	       sizeof(struct usage_missing) == 64, "a line of memory");

struct usage {
	enum usage_mode mode;
	uint64_t key[2];
	uint32_t now;
	uint32_t since;
	uint64_t changes;
	uint64_t clients_forgotten;
	uint64_t missing_forgotten;
	struct usage_client *client;	/* NULL: of names only */
	struct usage_missing *missing;
	struct usage_set *set;
};

const char *usage_mode_name(enum usage_mode mode)
{
	static const char *const name[] = { "off", "names", "clients" };

	return name[mode];
}

/* ---- life ---- */

static int usage_destroy(struct usage *usage)
{
	free(usage->client);
	free(usage->missing);
	free(usage->set);
	return 0;
}

int usage_set_mode(struct usage *usage, enum usage_mode mode)
{
	if (mode == USAGE_OF_CLIENTS && usage->client == NULL) {
		usage->client = calloc(USAGE_CLIENTS, sizeof(*usage->client));
		if (usage->client == NULL) {
			return ENOMEM;
		}
	}
	if (mode == USAGE_OF_NAMES) {
		free(usage->client);
		usage->client = NULL;
		for (uint32_t i = 0; i < USAGE_MISSING; i++) {
			if (usage->missing[i].client != 0) {
				usage->missing[i].client = 0;
			}
		}
	}
	usage->changes += mode != usage->mode;
	usage->mode = mode;
	return 0;
}

int usage_create(TALLOC_CTX *mem_ctx, enum usage_mode mode,
		 const uint64_t key[2], int64_t now, struct usage **usage)
{
	struct usage *u = talloc_zero(mem_ctx, struct usage);

	if (u == NULL) {
		return ENOMEM;
	}
	talloc_set_destructor(u, usage_destroy);
	u->missing = calloc(USAGE_MISSING, sizeof(*u->missing));
	u->set = calloc(USAGE_SETS, sizeof(*u->set));
	if (u->missing == NULL || u->set == NULL ||
	    usage_set_mode(u, mode) != 0) {
		talloc_free(u);
		return ENOMEM;
	}
	u->key[0] = key[0];
	u->key[1] = key[1];
	usage_set_now(u, now);
	u->since = u->now;
	*usage = u;
	return 0;
}

void usage_clear(struct usage *usage)
{
	if (usage->client != NULL) {
		memset(usage->client, 0,
		       USAGE_CLIENTS * sizeof(*usage->client));
	}
	memset(usage->missing, 0, USAGE_MISSING * sizeof(*usage->missing));
	memset(usage->set, 0, USAGE_SETS * sizeof(*usage->set));
	usage->since = usage->now;
}

enum usage_mode usage_mode(const struct usage *usage)
{
	return usage->mode;
}

/* ---- time ---- */

void usage_set_now(struct usage *usage, int64_t now)
{
	usage->now = now < 1 ? 1 : now > UINT32_MAX ? UINT32_MAX :
		     (uint32_t)now;
}

uint32_t usage_now(const struct usage *usage)
{
	return usage->now;
}

/* What was seen last before this is forgotten. */
static uint32_t horizon(const struct usage *usage)
{
	return usage->now > USAGE_SECONDS ? usage->now - USAGE_SECONDS : 1;
}

static uint32_t later(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

uint32_t usage_since(const struct usage *usage)
{
	return later(usage->since, horizon(usage));
}

/* ---- places ---- */

/* Equal names are equal memory (core/name.h), up to the end of the scope. */
static uint64_t hash_name(const struct usage *usage,
			  const struct nb_name *name)
{
	return siphash(usage->key, name,
		       offsetof(struct nb_name, scope) + name->scope_len, 1,
		       3);
}

static uint64_t hash_client(const struct usage *usage, uint32_t ip,
			    uint32_t local)
{
	uint64_t both = (uint64_t)ip << 32 | local;

	return siphash(usage->key, &both, sizeof(both), 1, 3);
}

static struct usage_client *places(const struct usage *usage, uint64_t hash)
{
	return &usage->client[hash % (USAGE_CLIENTS / WAYS) * WAYS];
}

/* The place of this client, or one that is empty now. */
static struct usage_client *place_client(struct usage *usage, uint64_t hash,
					 uint32_t ip, uint32_t local)
{
	struct usage_client *set = places(usage, hash);
	struct usage_client *oldest = set;

	for (unsigned int i = 0; i < WAYS; i++) {
		if (set[i].ip == ip && set[i].local == local &&
		    set[i].last >= horizon(usage)) {
			return &set[i];
		}
		if (set[i].last < oldest->last) {
			oldest = &set[i];
		}
	}
	usage->clients_forgotten += oldest->last >= horizon(usage);
	*oldest = (struct usage_client) {
		.ip = ip,
		.local = local,
		.first = usage->now,
	};
	return oldest;
}

/* The same for a name; NULL: its scope is too long. */
static struct usage_missing *place_missing(struct usage *usage, uint64_t hash,
					   const struct nb_name *name)
{
	struct usage_missing *set =
		&usage->missing[hash % (USAGE_MISSING / WAYS) * WAYS];
	struct usage_missing *oldest = set;
	struct usage_missing new = { .first = usage->now };

	if (!usage_missing_set(&new, name)) {
		return NULL;
	}
	for (unsigned int i = 0; i < WAYS; i++) {
		if (usage_missing_is(&set[i], name) &&
		    set[i].last >= horizon(usage)) {
			return &set[i];
		}
		if (set[i].last < oldest->last) {
			oldest = &set[i];
		}
	}
	usage->missing_forgotten += oldest->last >= horizon(usage);
	*oldest = new;
	return oldest;
}

static bool is_mark(const struct usage_mark *mark, uint64_t hash)
{
	return mark->low == (uint32_t)hash && mark->last != 0 &&
	       mark->high == (uint32_t)(hash >> 32);
}

static struct usage_set *set_of(const struct usage *usage, uint64_t hash)
{
	return &usage->set[hash % USAGE_SETS];
}

static void mark_name(struct usage *usage, uint64_t hash)
{
	struct usage_set *set = set_of(usage, hash);
	struct usage_mark *oldest = set->mark;

	for (unsigned int i = 0; i < USAGE_MARKS; i++) {
		struct usage_mark *mark = &set->mark[i];

		if (is_mark(mark, hash)) {
			mark->last = usage->now;
			return;
		}
		if (mark->last < oldest->last) {
			oldest = mark;
		}
	}
	set->forgotten = later(set->forgotten, oldest->last);
	*oldest = (struct usage_mark) {
		.high = (uint32_t)(hash >> 32),
		.low = (uint32_t)hash,
		.last = usage->now,
	};
}

/* ---- what happens ---- */

static void note_missing(struct usage *usage, const struct usage_ask *ask)
{
	struct usage_missing *missing = place_missing(usage, ask->name_hash,
						      ask->name);

	if (missing == NULL) {
		usage->missing_forgotten++;
		return;
	}
	missing->last = usage->now;
	missing->client = usage->client != NULL ? ask->client : 0;
	usage_count(&missing->count);
}

void usage_ask(const struct usage *usage, const struct nb_name *name,
	       uint32_t client, uint32_t local, struct usage_ask *ask)
{
	*ask = (struct usage_ask) {
		.name = name,
		.client = client,
		.local = local,
		.name_hash = hash_name(usage, name),
		.client_hash = hash_client(usage, client, local),
	};
	__builtin_prefetch(set_of(usage, ask->name_hash), 1);
	if (usage->client != NULL) {
		__builtin_prefetch(places(usage, ask->client_hash), 1);
	}
}

void usage_asked(struct usage *usage, const struct usage_ask *ask, bool stored,
		 bool found)
{
	struct usage_client *entry = NULL;

	usage->changes++;
	if (stored) {
		mark_name(usage, ask->name_hash);
	}
	if (!found) {
		note_missing(usage, ask);
	}
	if (usage->client == NULL) {
		return;
	}
	entry = place_client(usage, ask->client_hash, ask->client, ask->local);
	entry->last = usage->now;
	usage_count(found ? &entry->found : &entry->negative);
	if (ask->name->type == 0x00) {
		usage_count(&entry->plain);
	}
	usage_client_asks(entry, ask->name_hash);
}

void usage_registered(struct usage *usage, uint32_t client, uint32_t local,
		      bool refresh)
{
	struct usage_client *entry = NULL;

	if (usage->client == NULL) {
		return;
	}
	usage->changes++;
	entry = place_client(usage, hash_client(usage, client, local), client,
			     local);
	entry->last = usage->now;
	usage_count(refresh ? &entry->refreshed : &entry->registered);
}

/* ---- what is known ---- */

uint32_t usage_name_asked(const struct usage *usage,
			  const struct nb_name *name, uint32_t *watched)
{
	uint64_t hash = hash_name(usage, name);
	const struct usage_set *set = set_of(usage, hash);

	*watched = later(usage_since(usage), set->forgotten);
	for (unsigned int i = 0; i < USAGE_MARKS; i++) {
		if (is_mark(&set->mark[i], hash)) {
			return set->mark[i].last >= horizon(usage) ?
			       set->mark[i].last : 0;
		}
	}
	return 0;
}

bool usage_walk_clients(const struct usage *usage, uint64_t *cursor,
			unsigned int places,
			bool (*take)(void *arg, const struct usage_client *c),
			void *arg)
{
	while (usage->client != NULL && *cursor < USAGE_CLIENTS) {
		const struct usage_client *entry = &usage->client[*cursor];

		if (places-- == 0 || (entry->last >= horizon(usage) &&
				      !take(arg, entry))) {
			return true;
		}
		(*cursor)++;
	}
	return false;
}

bool usage_walk_missing(const struct usage *usage, uint64_t *cursor,
			unsigned int places,
			bool (*take)(void *arg, const struct usage_missing *m),
			void *arg)
{
	while (*cursor < USAGE_MISSING) {
		const struct usage_missing *entry = &usage->missing[*cursor];

		if (places-- == 0 || (entry->last >= horizon(usage) &&
				      !take(arg, entry))) {
			return true;
		}
		(*cursor)++;
	}
	return false;
}

uint64_t usage_clients_forgotten(const struct usage *usage)
{
	return usage->clients_forgotten;
}

uint64_t usage_missing_forgotten(const struct usage *usage)
{
	return usage->missing_forgotten;
}

/* ---- to be written down, and read again ---- */

/* The set as it counts now; false: there is nothing in it. */
static bool set_now(const struct usage *usage, uint64_t index,
		    struct usage_set *out)
{
	unsigned int count = 0;

	*out = usage->set[index];
	for (unsigned int i = 0; i < USAGE_MARKS; i++) {
		if (out->mark[i].last < horizon(usage)) {
			out->mark[i] = (struct usage_mark) { .last = 0 };
		}
		count += out->mark[i].last != 0;
	}
	return count > 0 || out->forgotten >= horizon(usage);
}

bool usage_walk_sets(const struct usage *usage, uint64_t *cursor,
		     unsigned int places,
		     bool (*take)(void *arg, uint32_t index,
				  const struct usage_set *set),
		     void *arg)
{
	struct usage_set set;

	while (*cursor < USAGE_SETS) {
		if (places-- == 0 || (set_now(usage, *cursor, &set) &&
				      !take(arg, (uint32_t)*cursor, &set))) {
			return true;
		}
		(*cursor)++;
	}
	return false;
}

void usage_key(const struct usage *usage, uint64_t key[2])
{
	key[0] = usage->key[0];
	key[1] = usage->key[1];
}

uint64_t usage_changes(const struct usage *usage)
{
	return usage->changes;
}

/* After a clock that went back nobody knows how long the gap was. */
void usage_restore(struct usage *usage, const uint64_t key[2], uint32_t since,
		   uint32_t saved)
{
	usage->key[0] = key[0];
	usage->key[1] = key[1];
	if (saved <= usage->now && usage->now - saved <= USAGE_GAP &&
	    since <= saved) {
		usage->since = since;
	}
}

void usage_restore_client(struct usage *usage, const struct usage_client *c)
{
	if (usage->client != NULL && c->last >= horizon(usage)) {
		uint64_t hash = hash_client(usage, c->ip, c->local);

		*place_client(usage, hash, c->ip, c->local) = *c;
	}
}

void usage_restore_missing(struct usage *usage, const struct usage_missing *m)
{
	struct usage_missing *place = NULL;
	struct nb_name name;

	usage_missing_name(m, &name);
	if (m->last < horizon(usage)) {
		return;
	}
	place = place_missing(usage, hash_name(usage, &name), &name);
	if (place != NULL) {
		*place = *m;
		place->client = usage->client != NULL ? m->client : 0;
	}
}

bool usage_restore_set(struct usage *usage, uint32_t index,
		       const struct usage_set *set)
{
	if (index >= USAGE_SETS) {
		return false;
	}
	usage->set[index] = *set;
	return true;
}
