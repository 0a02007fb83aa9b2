/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the store is: what a failed commit means for the changes after it, and
 * what the size of the file means for new names.
 *
 *   OK --ENOSPC--> FULL --a probe succeeds--> OK
 *   OK, FULL --any other error but ENOMEM--> READONLY, until the next start
 *
 * FULL. Nothing is lost and a later commit may succeed, but to let every turn
 * find that out by itself would undo and log thousands a second. So changes
 * fail at once, and every STORE_PROBE_SECONDS one number that nobody reads is
 * committed. Rejected: to probe with the clients' own turns (the one that is
 * unlucky waits for a disk and is dropped, and the client hears nothing); to
 * look at statvfs(3) (it knows no quota and no journal).
 *
 * READONLY. A sync that failed may have left anything on the disk, and the
 * kernel may say of the next one that all is well. Versions in such a turn
 * are neither durable nor dead, so the settled mark stands still (versions.c),
 * and nothing is written before a start has read what is really there.
 *
 * Size. A tdb file has 32-bit offsets. Before it ends, new names are refused
 * while refreshes, releases and deletions of known ones go on: they take the
 * room of what they replace.
 */

#include <errno.h>
#include <string.h>

#include "store/internal.h"

#define LOOK_USEC	1000000u	/* this far apart, or */
#define LOOK_COMMITS	256u		/* this many commits */
#define GIB		(1024.0 * 1024 * 1024)

const char *store_file(const struct store_backend *backend)
{
	return backend->name != NULL ? backend->name : "the database";
}

/* ---- full ---- */

static void probe(void *arg)
{
	struct store *store = arg;

	store->probe = NULL;
	turn_probe(store);
}

/* Without memory for a timer the next change that is refused tries again. */
static void probe_later(struct store *store)
{
	const struct nb_world *world = store->world;

	if (store->probe == NULL && !store->in_backend) {
		store->probe = world->timer_start(
			world->priv, STORE_PROBE_SECONDS * 1000000ull, probe,
			store);
	}
}

static void become_full(struct store *store)
{
	if (store->health != STORE_FULL) {
		store->health = STORE_FULL;
		nb_log(store->world, NB_LOG_ERROR,
		       "%s: the disk is full; queries are answered, but "
		       "nothing can be registered until there is space. It is "
		       "tried again every %d seconds",
		       store_file(&store->backend), STORE_PROBE_SECONDS);
	}
	probe_later(store);
}

static void become_ok(struct store *store)
{
	if (store->health == STORE_FULL) {
		store->health = STORE_OK;
		nb_log(store->world, NB_LOG_NOTICE,
		       "%s: there is space on the disk again, registrations "
		       "are taken", store_file(&store->backend));
	}
}

static void become_readonly(struct store *store, int error)
{
	const char *file = store_file(&store->backend);

	store->health = STORE_READONLY;
	nb_log(store->world, NB_LOG_ERROR,
	       "%s: writing failed: %s. Nobody can say what is on the disk "
	       "now, so nothing is written any more; queries are answered. "
	       "Look for what the kernel says of this disk, then start the "
	       "server again, which verifies the database; 'winsrepair "
	       "restore' brings a backup back", file, strerror(error));
}

int health_refuses(struct store *store)
{
	switch (store->health) {
	case STORE_FULL:
		probe_later(store);
		return ENOSPC;
	case STORE_READONLY:
		return EROFS;
	default:
		return 0;
	}
}

void health_commit_failed(struct store *store, int error)
{
	switch (error) {
	case ENOSPC:
		become_full(store);
		break;
	case ENOMEM:
		if (store->health == STORE_FULL) {
			probe_later(store);
		}
		break;
	default:
		become_readonly(store, error);
	}
}

void health_commit_done(struct store *store)
{
	const struct nb_world *world = store->world;

	become_ok(store);
	if (store->backend.sight != NULL &&
	    (++store->unseen >= LOOK_COMMITS ||
	     world->mono(world->priv) - store->looked >= LOOK_USEC)) {
		health_look(store);
	}
}

/* ---- the size of the file ---- */

static void warn(struct store *store, const struct store_disk *disk)
{
	store->warned = true;
	nb_log(store->world, NB_LOG_WARNING,
	       "%s has grown to %.1f GiB; before it reaches the 4 GiB that it "
	       "can have, new names are refused. Delete what is not needed, "
	       "then 'winsctl server backup' and, with the server stopped, "
	       "'winsrepair restore': that leaves no gaps",
	       store_file(&store->backend), (double)disk->file_size / GIB);
}

static void become_large(struct store *store, const struct store_disk *disk)
{
	store->is_large = true;
	nb_log(store->world, NB_LOG_ERROR,
	       "%s has grown to %.1f GiB: new names are refused, known ones "
	       "go on. Delete what is not needed, then 'winsctl server "
	       "backup' and, with the server stopped, 'winsrepair restore'",
	       store_file(&store->backend), (double)disk->file_size / GIB);
}

static void become_small(struct store *store)
{
	store->is_large = false;
	nb_log(store->world, NB_LOG_NOTICE,
	       "%s is small enough for new names again",
	       store_file(&store->backend));
}

void health_look(struct store *store)
{
	const struct nb_world *world = store->world;
	struct store_disk disk;
	bool is_large = false;

	if (store->backend.sight == NULL) {
		return;
	}
	store->unseen = 0;
	store->looked = world->mono(world->priv);
	store_disk_sight(store, &disk);
	if (!store->warned && disk.file_warn > 0 &&
	    disk.file_size >= disk.file_warn) {
		warn(store, &disk);
	}
	is_large = disk.file_limit > 0 && disk.file_size >= disk.file_limit;
	if (is_large && !store->is_large) {
		become_large(store, &disk);
	} else if (!is_large && store->is_large) {
		become_small(store);
	}
}

/* ---- the interface ---- */

enum store_health store_health(const struct store *store)
{
	return store->health;
}

const char *store_health_name(enum store_health health)
{
	switch (health) {
	case STORE_OK:
		return "ok";
	case STORE_LOADING:
		return "loading";
	case STORE_FULL:
		return "full";
	case STORE_READONLY:
		return "read-only";
	}
	return "unknown";
}

void store_disk_sight(const struct store *store, struct store_disk *disk)
{
	memset(disk, 0, sizeof(*disk));
	if (store->backend.sight != NULL) {
		store->backend.sight(store->backend.priv, disk);
	}
}
