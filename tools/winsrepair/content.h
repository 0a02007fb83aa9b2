/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is in a database, read offline: by the store's own loading, so what is
 * found good here is what a server starts on.
 */
#ifndef WINSREPAIR_CONTENT_H
#define WINSREPAIR_CONTENT_H

#include <talloc.h>

#include "common/toolconfig.h"
#include "store/store.h"

struct content {
	const char *path;
	struct store_stats stats;
	struct store_owner *owner;	/* ours is NB_SELF */
	unsigned int owners;
	uint64_t reserved;		/* versions of ours up to here may
					   have been handed out */
	uint32_t self;			/* our owner address; 0: never told */
	int64_t alive;			/* wall clock, the last time that the
					   server was seen alive; 0: never */
	uint64_t journal;		/* id of the journal that belongs to
					   it; 0: it stands for itself */
};

/* The files of a database. */
struct content_files {
	char *database;
	char *journal;
	char *reserve;
};

int content_files(TALLOC_CTX *mem_ctx, const struct tool_places *places,
		  struct content_files *files);

/*
 * Of one file that stands for itself, such as a backup; nothing in it is
 * changed. 0 or an errno (EILSEQ: it is damaged) and *message on mem_ctx.
 */
int content_of_file(TALLOC_CTX *mem_ctx, const char *path,
		    struct content **content, char **message);

/*
 * Of a database with its journal, which must be there. What a crash left half
 * done in it is taken back, as at a start; nothing else is changed.
 */
int content_of_database(TALLOC_CTX *mem_ctx,
			const struct content_files *files,
			struct content **content, char **message);

/*
 * The highest reserved version that can be read in a file of which not more
 * can be: 0 if even that cannot.
 */
uint64_t content_reserved(const char *path);

#endif
