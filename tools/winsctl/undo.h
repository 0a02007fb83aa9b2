/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The undo file (design.md 4.3): the records that a command is going to
 * change, as they are, before it does: STATE/undo/TIME-COMMAND.jsonl, in the
 * interchange format.
 */
#ifndef WINSCTL_UNDO_H
#define WINSCTL_UNDO_H

#include "winsctl/winsctl.h"

struct undo {
	const char *command;		/* "owner-adopt" */
	const char *file;		/* --undo FILE; NULL: by the time */
	uint32_t owner;			/* whose records */
	bool only_statics;		/* that are no tombstones */
	uint64_t count;			/* records written */
	uint64_t highest;		/* version among them */
};

/*
 * Write it, and say where it is. TOOL_OK, or an exit code after a message;
 * then there is no file, and nothing is to be changed.
 */
int undo_write(struct winsctl *ctl, struct undo *undo);

#endif
