/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Backups of the running server: when, and what became of them.
 *
 * The calendar survives a restart: the time of the last backup is a number in
 * the database. One that was missed is made soon after the start, one that
 * failed is tried again after an hour.
 */
#ifndef WINS_BACKUPS_H
#define WINS_BACKUPS_H

#include <talloc.h>
#include <tevent.h>

#include "store/store.h"

#define BACKUPS_START_SECONDS	300	/* after a start nothing is due before */
#define BACKUPS_RETRY_SECONDS	3600

struct backups;

/*
 * Copies go into the folder, which is made with the first one. World, loop
 * and store outlive it; a copy that the store is making then is of no further
 * interest. Nothing is due before backups_set(). 0 or ENOMEM.
 */
int backups_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		   const struct nb_world *world, struct store *store,
		   const char *folder, struct backups **backups);

/*
 * interval in s; 0: none by itself, and none is deleted. keep: copies that
 * stay, at least 1. Only a changed interval moves the next one.
 */
void backups_set(struct backups *backups, uint32_t interval,
		 unsigned int keep);

/*
 * Make one now. done is called once, later or before this returns: error 0
 * and the path of the copy, or an errno and one line about it; EBUSY if one
 * is being made or the store is not loaded yet.
 */
void backups_make(struct backups *backups,
		  void (*done)(void *arg, int error, uint64_t records,
			       const char *text),
		  void *arg);

struct backups_sight {
	int64_t last;		/* wall clock of the last one; 0: none yet */
	int64_t next;		/* ageing clock; NB_NEVER: none */
	uint64_t made;		/* since the start */
	uint64_t failed;
	const char *complaint;	/* of the latest, NULL if it went well */
};

/* complaint is valid until the loop runs again. */
void backups_sight(const struct backups *backups, struct backups_sight *sight);

#endif
