/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state directory as a tool that changes it needs it: nobody else works
 * there meanwhile, and what is made belongs to who owns the rest.
 */
#ifndef WINSD_TOOLS_PLACE_H
#define WINSD_TOOLS_PLACE_H

#include <sys/types.h>
#include <talloc.h>

#include "common/toolconfig.h"

struct place {
	uid_t uid;		/* who the files belong to: the directory's */
	gid_t gid;
};

/*
 * Take the server's lock; it is held until mem_ctx goes. TOOL_OK, or an exit
 * code after a message: TOOL_REFUSED when a server or a tool holds it.
 */
int place_take(TALLOC_CTX *mem_ctx, const struct tool_places *places,
	       struct place *place);

/* Give a file to them, for them alone: 0 or an errno. */
int place_give(const struct place *place, const char *path);

#endif
