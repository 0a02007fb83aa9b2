/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk for tests and the simulator: a store_backend in memory that knows
 * what is durable and what is only under way.
 *
 * A batch becomes durable at once, or, while the disk is held, when the test
 * says so. A crash gives a new disk with what was durable; the batch in flight
 * is lost or, as real disks may have it, kept whole. Never half of it: that is
 * the backend's contract, and what tests of the real file are for.
 *
 * fetch() and load() only read, so they may run in two threads at once, as
 * long as nobody writes; the store does not while it loads, and a test that
 * uses sim_disk_set() then has itself to blame. All else is for one thread.
 */
#ifndef WINSD_TEST_SIM_SIMDISK_H
#define WINSD_TEST_SIM_SIMDISK_H

#include <talloc.h>

#include "store/backend.h"

struct sim_disk;

/* An empty disk; it must outlive the stores on it. Never NULL. */
struct sim_disk *sim_disk_create(TALLOC_CTX *mem_ctx);

void sim_disk_backend(struct sim_disk *disk, struct store_backend *backend);

/* Held: commits wait for sim_disk_finish(). Letting go finishes none. */
void sim_disk_hold(struct sim_disk *disk, bool hold);

/* Is a commit in flight? */
bool sim_disk_pending(const struct sim_disk *disk);

/* End the commit in flight: durable with error 0, else gone. */
void sim_disk_finish(struct sim_disk *disk, int error);

/*
 * From now on, commits and backups end in ready() or wait() of the backend,
 * whose descriptor becomes readable. Call it before sim_disk_backend().
 */
void sim_disk_async(struct sim_disk *disk);

/* The n-th commit from now fails with error; 1 is the next, 0 is none. */
void sim_disk_fail(struct sim_disk *disk, unsigned int n, int error);

/* Every commit from now on fails with error, until this is called with 0. */
void sim_disk_break(struct sim_disk *disk, int error);

/* What sight() shows; all zero before. */
void sim_disk_show(struct sim_disk *disk, const struct store_disk *sight);

/*
 * Backups write nothing: the path is kept, NULL if there was none. A backup
 * waits for sim_disk_backup_finish() while the disk is held.
 */
const char *sim_disk_backup_path(const struct sim_disk *disk);
void sim_disk_backup_finish(struct sim_disk *disk, int error, uint64_t records,
			    const char *message);

/* What is found after a crash. The old disk stays as it is. */
struct sim_disk *sim_disk_crash(TALLOC_CTX *mem_ctx,
				const struct sim_disk *disk, bool keep_flight);

/* Commits handed to this disk, keys that are durable on it. */
unsigned int sim_disk_commits(const struct sim_disk *disk);
unsigned int sim_disk_keys(const struct sim_disk *disk);

/* Look at a durable value, NULL if there is none; write behind the store. */
const uint8_t *sim_disk_get(const struct sim_disk *disk, const void *key,
			    size_t key_len, size_t *value_len);
void sim_disk_set(struct sim_disk *disk, const void *key, size_t key_len,
		  const void *value, size_t value_len);

#endif
