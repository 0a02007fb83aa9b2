/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What progress remembers from one day to the next: a small SQLite file of
 * names, since when each is known and when it was first seen to have moved.
 */
#ifndef WINSMIGRATE_LIVE_PROGRESS_STATE_H
#define WINSMIGRATE_LIVE_PROGRESS_STATE_H

#include <talloc.h>

#include "migrate/live/progress_class.h"

struct progress_file;

/* path NULL: remembered until the end only. 0, or an errno and a message. */
int progress_open(TALLOC_CTX *mem_ctx, const char *path,
		  struct progress_file **file, char **message);

/* A name as it is now: 0 or an errno. */
int progress_note(struct progress_file *file, const struct nb_name *name,
		  enum progress_state state, int64_t now);

/*
 * The days on which names moved, in order: how many on that day and in all.
 * text is "2026-08-01". Ends when fn was called for the last. 0 or an errno.
 */
int progress_days(struct progress_file *file,
		  void (*fn)(void *priv, const char *day, uint64_t moved,
			     uint64_t all),
		  void *priv);

/* All is in the file: 0 or an errno. */
int progress_save(struct progress_file *file);

#endif
