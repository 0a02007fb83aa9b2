/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The undo file (design.md 4.3): what a command is going to change, as it is,
 * before it does: STATE/undo/TIME-COMMAND.jsonl, in the interchange format.
 * `winsrepair undo` reads it.
 *
 * A line is a record as it stood. Commands that know what they are going to
 * put there add it under the key "came"; where nothing stood the line has
 * "absent" and "came" alone.
 */
#ifndef WINSD_TOOLS_UNDO_FILE_H
#define WINSD_TOOLS_UNDO_FILE_H

#include <stdio.h>
#include <talloc.h>

#include "core/record.h"

struct undo_file;

/*
 * Begin one. file: another place for it, must not exist; NULL: by the time.
 * TOOL_OK, or an exit code after a message; then nothing is to be changed.
 */
int undo_file_begin(TALLOC_CTX *mem_ctx, const char *state_directory,
		    const char *command, const char *file,
		    struct undo_file **undo);

/* before NULL: nothing stood there; came NULL: not known. */
void undo_file_put(struct undo_file *undo, const struct nb_record *before,
		   const struct nb_record *came);

const char *undo_file_path(const struct undo_file *undo);
uint64_t undo_file_count(const struct undo_file *undo);

/* All of it on disk, its name too: TOOL_OK, or as above. */
int undo_file_end(struct undo_file *undo);

/* There shall be none: nothing was changed. Instead of the end, or after. */
void undo_file_drop(struct undo_file *undo);

#endif
