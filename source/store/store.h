/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The store: all records in memory, found by name, by owner and version, by
 * due time; made durable turn by turn; the source of version numbers.
 *
 * A turn is begin, any number of puts and deletes, commit. Inside a turn and
 * after it every reader sees the new state at once; done() tells when it is
 * durable. Turns become durable in order. If one fails, it and all later ones
 * are undone in memory and their done() gets the error: nothing of them was
 * ever acknowledged.
 *
 * Only serve writes. Everything here runs on the loop's thread.
 */
#ifndef WINSD_STORE_STORE_H
#define WINSD_STORE_STORE_H

#include <talloc.h>

#include "core/record.h"
#include "core/world.h"
#include "store/backend.h"

struct store;

/*
 * Load everything from the backend, whose struct is copied. The world and what
 * the backend points to must outlive the store. talloc_free(store), not from
 * inside done(), ends it and closes the backend: no done() is called any more,
 * turns that are not durable yet may be so or not, open ones are lost.
 * store_wait() first, and there are none. Returns 0 or an errno; *message then
 * says what and where, in one line allocated on mem_ctx, and the backend is
 * closed.
 *
 * Records that cannot be decoded are an error, EILSEQ: a server must not
 * start on a damaged database as if it were whole.
 */
int store_create(TALLOC_CTX *mem_ctx, const struct nb_world *world,
		 const struct store_backend *backend, struct store **store,
		 char **message);

/*
 * The same, but back as soon as single records and numbers can be read: the
 * rest is loaded in a thread of its own. While store_loading(): store_get and
 * store_get_meta work, by asking the backend, and nothing is pending or busy;
 * store_health, store_disk_sight, store_fds, store_ready, store_wait and
 * talloc_free (which ends the loading) may be called, all else stops the
 * program. A value that is damaged is not found.
 *
 * loaded(arg, error, message) is called once, from store_ready() or
 * store_wait(), with what store_create() would have returned; the message is
 * NULL without an error and gone afterwards. It must not free the store. After
 * an error the store stays as it is, loading, until it is freed.
 */
int store_open(TALLOC_CTX *mem_ctx, const struct nb_world *world,
	       const struct store_backend *backend,
	       void (*loaded)(void *arg, int error, const char *message),
	       void *arg, struct store **store, char **message);
bool store_loading(const struct store *store);

/*
 * What to watch for reading, at most STORE_FDS; when one is readable call
 * store_ready(), from which done() functions are called then. Valid until
 * loaded() was called, then ask again. None: nothing ever ends later.
 */
#define STORE_FDS	2
unsigned int store_fds(const struct store *store, int fd[STORE_FDS]);
void store_ready(struct store *store);

/*
 * For tools without a loop, and before the end: block until nothing is under
 * way any more, calling every done(). Not inside a turn, nor inside done().
 */
void store_wait(struct store *store);

/*
 * How the store is. FULL: a commit found no space; puts, deletes and numbers
 * fail with ENOSPC at once, one commit is tried every STORE_PROBE_SECONDS, and
 * the first that succeeds ends it. READONLY: a sync failed and nobody knows
 * what is on the disk; all writing fails with EROFS until the server is
 * started again, and our mark stands still. In both, turns without changes
 * are durable as ever. Entering and leaving is logged.
 *
 * In OK, a put of a new name fails with EFBIG when the file has come close to
 * the 4 GiB that tdb can address; known names go on. It is looked at once a
 * second, so a put can be refused a little late.
 */
#define STORE_PROBE_SECONDS	5
enum store_health {
	STORE_OK,
	STORE_LOADING,
	STORE_FULL,
	STORE_READONLY,
};
enum store_health store_health(const struct store *store);
const char *store_health_name(enum store_health health);	/* "read-only" */

/* What the backend tells of its disk (backend.h). */
void store_disk_sight(const struct store *store, struct store_disk *disk);

/*
 * Copy what is durable into a new file at path, see store_backend.backup. done
 * is called once, maybe before this returns; message is one line about an
 * error, else NULL, and gone afterwards. One at a time: EBUSY. EOPNOTSUPP if
 * the backend cannot. While FULL or READONLY as well.
 */
void store_backup(struct store *store, const char *path,
		  void (*done)(void *arg, int error, uint64_t records,
			       const char *message),
		  void *arg);

/* ---- the turn ---- */

/* For people: what an error of these functions means. */
const char *store_error_text(int error);

void store_begin(struct store *store);

/*
 * Put the record as it shall stand (nb_record_settle is applied). With
 * new_version it becomes ours and gets the next version number. rec receives
 * version and revision. A record of ours that brings a version above our
 * counter raises the counter. Returns 0, ENOMEM, EOVERFLOW when no version
 * number is left, EINVAL for a record that breaks nb_record_broken() or whose
 * name is not in its normal form, or what store_health() says of writing
 * (ENOSPC, EROFS, EFBIG); after an error the turn goes on without this change.
 */
int store_put(struct store *store, struct nb_record *rec, bool new_version);

/* Delete; 0, ENOENT, ENOMEM, ENOSPC or EROFS. Remembered in the delete log. */
int store_delete(struct store *store, const struct nb_name *name);

/*
 * An owner's mark (NB_SELF has none) and named numbers ride on the turn. A
 * mark of 0 forgets the mark. Returns 0, ENOMEM, ENOSPC, EROFS, or EINVAL for
 * NB_SELF, for a key that is empty, longer than STORE_META_MAX or the store's
 * own.
 */
#define STORE_META_MAX	64
int store_set_mark(struct store *store, uint32_t owner, uint64_t version);
int store_set_meta(struct store *store, const char *key, uint64_t number);

/*
 * End the turn. done(arg, 0) is called when it and all earlier ones are
 * durable, done(arg, errno) when it was undone; from store_ready() or
 * store_wait(), maybe before store_commit returns. An empty turn is durable as soon as the ones before it are. Only
 * one commit is in flight: turns that end meanwhile wait and go out as one.
 */
void store_commit(struct store *store, void (*done)(void *arg, int error),
		  void *arg);

/* Is any turn in flight or waiting? */
bool store_busy(const struct store *store);

/*
 * The turn that last changed this name and is not durable yet, or 0: a reply
 * that was decided by reading it waits for that turn. A name whose deletion
 * is not durable counts. Numbers grow; compare with store_durable_turn().
 */
uint64_t store_pending_turn(const struct store *store,
			    const struct nb_name *name);
uint64_t store_current_turn(const struct store *store);
uint64_t store_durable_turn(const struct store *store);

/* ---- reading ---- */

bool store_get(const struct store *store, const struct nb_name *name,
	       struct nb_record *rec);

/*
 * Records of an owner with version >= from and <= to, in ascending order,
 * until fn returns false. fn must not write.
 */
void store_walk_version(const struct store *store, uint32_t owner,
			uint64_t from, uint64_t to,
			bool (*fn)(void *arg, const struct nb_record *rec),
			void *arg);

/*
 * Up to max names whose record's time (expires) is <= until, oldest first,
 * beginning after the given position (all zero = start); the position is
 * moved. Returns how many. Names, not records: the caller reads each afresh.
 */
struct store_due_pos {
	int64_t expires;
	struct nb_name name;
	bool started;
};
unsigned int store_walk_due(const struct store *store, int64_t until,
			    struct store_due_pos *pos, struct nb_name *names,
			    unsigned int max);

/*
 * Every record, in slices. *cursor starts at 0 and is all the state there is;
 * fn gets records until it returns false (the record it refused comes again)
 * or max_visit records were looked at. Returns false when the walk is
 * complete. A record that is there from the first slice to the last is seen
 * at least once, whatever happens between the slices; exactly once unless
 * fn refused it.
 */
bool store_walk_all(const struct store *store, uint64_t *cursor,
		    unsigned int max_visit,
		    bool (*fn)(void *arg, const struct nb_record *rec),
		    void *arg);

/* ---- owners, versions, numbers ---- */

/*
 * The settled mark: for NB_SELF the highest version whose turn and all earlier
 * turns are durable or dead (READONLY: were, when it began); for others what store_set_mark said. 0 = none.
 */
uint64_t store_mark(const struct store *store, uint32_t owner);

/* The version most lately handed out; only for display. */
uint64_t store_counter(const struct store *store);

/*
 * Raise our counter so that the next version is above this one; never lowers
 * it. Rides on the open turn, else makes its own. Returns 0, ENOMEM, ENOSPC,
 * EROFS, or EOVERFLOW if no version would be left.
 */
int store_raise_counter(struct store *store, uint64_t version);

bool store_get_meta(const struct store *store, const char *key,
		    uint64_t *number);

/* Owners with a record or a mark, by index from 0 in the order of their
 * addresses; false after the last. */
struct store_owner {
	uint32_t owner;
	uint64_t mark;
	uint64_t records[3];	/* by state */
	uint64_t statics;
	uint64_t highest;	/* version among the records that are there */
};
bool store_owner_at(const struct store *store, unsigned int index,
		    struct store_owner *owner);

struct store_stats {
	uint64_t records;
	uint64_t by_state[3];
	uint64_t by_type[4];
	uint64_t statics;
	uint64_t memory;	/* bytes of the table: records and hash */
	uint64_t turns;		/* committed */
	uint64_t changes;	/* in them */
	uint64_t failures;	/* turns undone */
	unsigned int waiting;	/* turns not durable yet */
};
void store_stats(const struct store *store, struct store_stats *stats);

/* The lock of design.md 4.4: flock; EWOULDBLOCK if somebody holds it. */
int store_lock(TALLOC_CTX *mem_ctx, const char *path, char **message);

#endif
