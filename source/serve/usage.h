/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who asks for what (`wins:usage`): three tables of a fixed size, filled on
 * the way of each request and read by operators and by whoever writes them
 * down (plugins/wins/usage_keep.h). Nothing here allocates but
 * usage_create() and usage_set_mode(), and nothing reads a clock.
 *
 * What is older than 90 days is not there for anybody who looks.
 */
#ifndef WINSD_SERVE_USAGE_H
#define WINSD_SERVE_USAGE_H

#include <stdbool.h>
#include <talloc.h>

#include "core/usage.h"

#define USAGE_CLIENTS	65536u	/* places: 4 MiB */
#define USAGE_SETS	65536u	/* of USAGE_MARKS names: 4 MiB */
#define USAGE_MISSING	8192u	/* places: 512 KiB */
#define USAGE_SECONDS	(90u * 86400u)

enum usage_mode {
	USAGE_OFF,
	USAGE_OF_NAMES,		/* without the clients' addresses */
	USAGE_OF_CLIENTS,
};

const char *usage_mode_name(enum usage_mode mode);

struct usage;

/*
 * Empty tables, counting from now on; mode is not USAGE_OFF. key: random.
 * 0 or ENOMEM.
 */
int usage_create(TALLOC_CTX *mem_ctx, enum usage_mode mode,
		 const uint64_t key[2], int64_t now, struct usage **usage);

/* The other mode that is not USAGE_OFF: 0, or ENOMEM and as before. */
int usage_set_mode(struct usage *usage, enum usage_mode mode);
enum usage_mode usage_mode(const struct usage *usage);

/* What the wall clock says; all that follows happens at this moment. */
void usage_set_now(struct usage *usage, int64_t now);
uint32_t usage_now(const struct usage *usage);

/* ---- what happens ---- */

/*
 * A query: begun before it is decided, so that the memory it will touch is
 * there by then. stored: a record of this name is there, whatever its state.
 */
struct usage_ask {
	const struct nb_name *name;	/* borrowed */
	uint32_t client;
	uint32_t local;			/* address of ours */
	uint64_t name_hash, client_hash;
};
void usage_ask(const struct usage *usage, const struct nb_name *name,
	       uint32_t client, uint32_t local, struct usage_ask *ask);
void usage_asked(struct usage *usage, const struct usage_ask *ask, bool stored,
		 bool found);
void usage_registered(struct usage *usage, uint32_t client, uint32_t local,
		      bool refresh);

/* ---- what is known ---- */

/*
 * Since when is everything counted, without a gap that matters, and in memory:
 * not more than 90 days ago.
 */
uint32_t usage_since(const struct usage *usage);

/* When was it last asked for? 0: not after *watched, before nobody knows. */
uint32_t usage_name_asked(const struct usage *usage,
			  const struct nb_name *name, uint32_t *watched);

/*
 * Call take() for what is in so many places from *cursor on; it returns false
 * to have this one again next time. True: there is more, at *cursor (not 0).
 * What stays is met once, however long the walk takes.
 */
bool usage_walk_clients(const struct usage *usage, uint64_t *cursor,
			unsigned int places,
			bool (*take)(void *arg, const struct usage_client *c),
			void *arg);
bool usage_walk_missing(const struct usage *usage, uint64_t *cursor,
			unsigned int places,
			bool (*take)(void *arg, const struct usage_missing *m),
			void *arg);

/* What had to go for lack of room since the start. */
uint64_t usage_clients_forgotten(const struct usage *usage);
uint64_t usage_missing_forgotten(const struct usage *usage);

/* ---- to be written down, and read again ---- */

/* As above; sets without anything in them are left out. */
bool usage_walk_sets(const struct usage *usage, uint64_t *cursor,
		     unsigned int places,
		     bool (*take)(void *arg, uint32_t index,
				  const struct usage_set *set),
		     void *arg);
void usage_key(const struct usage *usage, uint64_t key[2]);
uint64_t usage_changes(const struct usage *usage);	/* only grows */

/*
 * Into tables that are empty: what was known when it was saved. If nobody
 * counted for longer than USAGE_GAP since then, what is counted begins now and
 * what was seen stays seen.
 */
#define USAGE_GAP	3600u
void usage_restore(struct usage *usage, const uint64_t key[2], uint32_t since,
		   uint32_t saved);
void usage_restore_client(struct usage *usage, const struct usage_client *c);
void usage_restore_missing(struct usage *usage, const struct usage_missing *m);
/* False: there is no such set. */
bool usage_restore_set(struct usage *usage, uint32_t index,
		       const struct usage_set *set);
/* Empty again, counting from now on. */
void usage_clear(struct usage *usage);

#endif
