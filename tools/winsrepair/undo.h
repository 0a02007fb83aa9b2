/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two ways in which an undo changes records: through the control socket
 * of a running server, or in the database of a stopped one.
 */
#ifndef WINSREPAIR_UNDO_H
#define WINSREPAIR_UNDO_H

#include "core/record.h"
#include "winsrepair/winsrepair.h"

enum undo_result {
	UNDO_DONE,
	UNDO_UNCHANGED,		/* it stands so already */
	UNDO_REFUSED,		/* after a message */
	UNDO_FAILED,		/* so is all that follows; a message */
	UNDO_RESULTS
};

/* Owners are addresses and times those of the wall clock. */
struct undo_way {
	void *priv;
	uint32_t self;		/* owner of what is the server's own */

	/* What stands under this name; UNDO_UNCHANGED: nothing. */
	enum undo_result (*look)(void *priv, const struct nb_name *name,
				 struct nb_record *rec);

	/* This shall stand again. */
	enum undo_result (*put)(void *priv, const struct nb_record *rec);

	/* Nothing shall; bury: partners may have it, so a tombstone does. */
	enum undo_result (*remove)(void *priv, const struct nb_name *name,
				   bool bury);

	/* The end: all of it is on disk. */
	enum undo_result (*end)(void *priv);
};

/* TOOL_OK, or an exit code after a message; TOOL_UNREACHABLE: none runs. */
int undo_live(struct winsrepair *repair, struct undo_way *way);
int undo_files(struct winsrepair *repair, struct undo_way *way);

#endif
