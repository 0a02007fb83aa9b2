/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The database of a server that does not run, for the commands that have to
 * work then, too: under the server's lock, as the user that owns the files.
 */
#ifndef WINSD_TOOLS_OFFLINE_H
#define WINSD_TOOLS_OFFLINE_H

#include "store/store.h"
#include "common/toolconfig.h"

/*
 * Open it; talloc_free(*store) writes everything out and closes it. TOOL_OK,
 * or an exit code after a message.
 */
int offline_open(TALLOC_CTX *mem_ctx, const struct tool_places *places,
		 struct store **store);

/* End the turn that is open, and wait until it is on disk: 0 or an errno. */
int offline_commit(struct store *store);

#endif
