/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of this room share: the store, its turns, and who does what.
 *
 *   entry.c	one record, packed		table.c   the indexes
 *   bulk.c	many into the indexes
 *   turn.c	changes, undoing, committing	versions.c  our numbers
 *   store.c	create, put, delete, get	load.c    from the backend
 *   walk.c	the readers that go along	batch.c   turns as bytes
 *   loader.c	in a thread of its own		health.c  errors, sizes
 *   slab.c	memory of entries		pages.c   huge pages
 *   disk.c, committer.c, carrier.c		the disk, see disk_private.h
 *   journal*.c, tdbfile*.c, overlay.c	its two files
 *   reserve.c, lock.c
 *
 * Entries are blocks of the slab, owners and buffers are malloc'ed; the store
 * is one talloc object whose destructor frees them.
 */
#ifndef WINSD_STORE_INTERNAL_H
#define WINSD_STORE_INTERNAL_H

#include <stdatomic.h>
#include <sys/queue.h>

#include "codec/dbrec.h"
#include "store/batch.h"
#include "store/store.h"
#include "store/table.h"

#define META_FORMAT	"format"		/* of the file, see tdbfile.h */
#define META_RESERVED	"versions-reserved"	/* see versions.c */
#define META_RECORDS	"records"		/* that are there, see load.c */
#define META_PROBE	"probe"			/* nobody reads it: health.c */
#define META_JOURNAL	"journal-"		/* and more: disk.c's */

#define DELETE_LOG_SLOTS	65536u

struct meta {
	struct meta *next;
	struct number number;
	char key[STORE_META_MAX + 1];
};

/* What was made of a database: it becomes the store's when it is whole. */
struct image {
	struct table table;
	struct meta *metas;
	struct number *records;		/* among the metas */
	struct number *reserved;
	uint64_t revision;
	uint32_t slot;
	uint64_t expected;		/* records; a hint, 0: unknown */
};

/* One change of a turn, as needed to take it back. */
struct undo {
	struct entry *old;		/* that stood before, or NULL */
	struct entry *fresh;		/* that stands since, or NULL: */
	struct number *number;		/* a number was changed, not an entry */
	struct number was;
};

struct turn {
	TAILQ_ENTRY(turn) list;
	uint64_t number;
	struct store_batch batch;
	struct undo *undo;
	unsigned int changes;		/* in undo */
	unsigned int undo_max;
	uint64_t counter;		/* versions: state at its end */
	uint64_t reserved;
	uint32_t slot;			/* of the delete log, at its begin */
	int error;
	bool is_probe;			/* goes alone, see health.c */
	void (*done)(void *arg, int error);
	void *arg;
};

TAILQ_HEAD(turn_list, turn);

struct store {
	const struct nb_world *world;
	struct store_backend backend;
	struct loader *loader;		/* until all is loaded */
	struct table table;
	struct meta *metas;
	struct number *records;		/* as of the last turn that ended */

	/* versions.c */
	struct number *reserved;	/* versions up to here may be used */
	uint64_t reserved_durable;
	uint64_t counter;		/* handed out most lately */
	uint64_t settled;		/* durable or dead up to here */

	uint64_t revision;		/* given most lately */
	uint32_t slot;			/* next of the delete log */

	/* turn.c */
	uint64_t turn;			/* number begun most lately */
	uint64_t durable;		/* number durable most lately */
	bool is_open;			/* a turn has begun */
	struct turn *open;		/* it; NULL if memory was out */
	struct turn *spare;
	struct turn_list waiting;	/* ended, not handed to the backend */
	struct turn_list flight;	/* being made durable */
	struct turn_list finished;	/* decided, done() not called yet */
	bool in_backend;		/* a commit is in flight */
	bool pumping;
	bool delivering;
	bool closing;
	uint64_t turns;
	uint64_t changes;
	uint64_t failures;

	/* health.c */
	enum store_health health;	/* STORE_OK once all is loaded */
	struct nb_timer *probe;		/* until the next */
	bool warned;			/* that the file grows */
	bool is_large;			/* no new names */
	uint64_t looked;		/* at the file's size, mono */
	unsigned int unseen;		/* commits since then */

	/* the backup that runs; NULL: none */
	void (*backup_done)(void *arg, int error, uint64_t records,
			    const char *message);
	void *backup_arg;
};

/* ---- turn.c ---- */

/*
 * Room for n more changes in the open turn, and for the count of records at
 * its end: 0 or ENOMEM.
 */
int turn_room(struct store *store, unsigned int n);

/* There must be room. fresh takes old's place. */
void turn_replace(struct store *store, struct entry *old, struct entry *fresh);
void turn_set_number(struct store *store, struct number *number,
		     struct number now, const uint8_t *key, size_t key_len);

/* Commit the number that nobody reads, alone. Without memory: nothing. */
void turn_probe(struct store *store);

void turn_init(struct store *store);
void turn_free_all(struct store *store);

/* ---- versions.c ---- */

/* Make versions up to this one usable: 0, ENOMEM, EOVERFLOW. */
int version_prepare(struct store *store, uint64_t version);

/* A turn has become durable, or will never be. */
void version_turn_durable(struct store *store, const struct turn *turn);
void version_turn_dead(struct store *store, const struct turn *turn);

/* ---- health.c ---- */

/* What a change is refused with at this time, or 0. */
int health_refuses(struct store *store);

/* A commit ended; before its turns are undone or called durable. */
void health_commit_failed(struct store *store, int error);
void health_commit_done(struct store *store);

/* Look at the size of the file now. */
void health_look(struct store *store);

/* Its name for messages. */
const char *store_file(const struct store_backend *backend);

/* ---- store.c ---- */

/* An empty image for it, with the number of records; 0 or ENOMEM. */
int store_image(const struct store *store, struct image *image);

/* The image is the store's from now on: it is loaded. */
void store_take(struct store *store, const struct image *image);

/* ---- loader.c ---- */

int loader_start(struct store *store,
		 void (*loaded)(void *arg, int error, const char *message),
		 void *arg);
int loader_fd(const struct store *store);
void loader_ready(struct store *store);
void loader_wait(struct store *store);
void loader_end(struct store *store);	/* without one: nothing */

bool loader_get(const struct store *store, const struct nb_name *name,
		struct nb_record *rec);
bool loader_get_meta(const struct store *store, const char *key,
		     uint64_t *number);

/* ---- load.c ---- */

/* An empty one; the key of the hash must be random. 0 or ENOMEM. */
int image_init(struct image *image, const uint64_t key[2]);
void image_free(struct image *image);

/*
 * Fill it; when *stop becomes true that ends with ECANCELED (NULL: never). 0
 * or an errno and one malloc'ed line, NULL when there was no memory for it.
 */
int image_load(struct image *image, const struct store_backend *backend,
	       const atomic_bool *stop, char **message);

/* meta_add() finds it or makes it, NULL is out of memory. */
struct meta *meta_find(struct meta *metas, const char *key);
struct meta *meta_add(struct meta **metas, const char *key);
void meta_free(struct meta *metas);

#endif
