/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Filling a side: from a file, a database, a server that replicates, or one
 * that can only be asked.
 */
#ifndef WINSMIGRATE_LIVE_GATHER_H
#define WINSMIGRATE_LIVE_GATHER_H

#include "common/tool.h"
#include "migrate/format.h"
#include "migrate/live/address.h"
#include "migrate/live/sides.h"

struct gather {
	TALLOC_CTX *mem_ctx;
	struct sides *sides;
	const char *format;	/* of files; NULL: probed */
	struct format_options format_options;
	unsigned int rate;	/* questions a second */
};

/* What is known of a side besides its rows. */
struct gather_side {
	const char *path;
	struct live_address live;	/* scheme NONE: a file */
	uint64_t statics;
};

/* False after a message: a scheme with something that is no address. */
bool gather_parse(const char *path, struct gather_side *side);

/* All rows of a side that can list. TOOL_OK, or a status after a message. */
int gather_list(const struct gather *gather, struct gather_side *side,
		enum sides_which which);

/* A file of names, one a line, into SIDES_NAMES. */
int gather_names(const struct gather *gather, const char *path);

/* Ask a server for all names that another side has. */
int gather_ask(const struct gather *gather, struct gather_side *side,
	       enum sides_which which, enum sides_which names);

#endif
