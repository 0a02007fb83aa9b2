/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * import: what its files share. import.c reads the source and tells the
 * outcome, import_live.c carries rows into a running server, import_files.c
 * into the database of a stopped one.
 */
#ifndef WINSMIGRATE_IMPORT_H
#define WINSMIGRATE_IMPORT_H

#include "common/control_client.h"
#include "common/place.h"
#include "common/toolconfig.h"
#include "core/event.h"
#include "core/verdict.h"
#include "core/policy.h"
#include "migrate/import_spool.h"
#include "migrate/tally.h"

struct import {
	TALLOC_CTX *mem_ctx;
	struct tool_places places;
	const struct settings *settings;
	struct nb_policy policy;
	struct control_client *client;	/* of a running server; NULL */
	struct place place;		/* of a stopped one, locked */
	uint32_t self;			/* the server's owner address */
	unsigned int push_partners;
	uint64_t handed_out;		/* versions up to here have been */
	struct tally *tally;
	struct spool *spool;
	const char *undo;		/* --undo FILE; NULL: by the time */
	bool replicate;			/* --replicate */
	bool adopt;			/* --adopt */

	/* what came of it */
	uint64_t stored;
	uint64_t ours;			/* of them, partners will be told */
	uint64_t numbered;		/* with a new version number */
	uint64_t highest;		/* version of ours that was kept */
	uint64_t protected_ones;	/* skipped for want of --yes */
	const char *kept;		/* the old database is here; NULL */
	const char *undo_path;		/* or there; NULL */
};

/*
 * What became of a row: result is as "record import" says it
 * (CONTROL_IMPORT_*), rule may be gone afterwards.
 */
void import_account(struct import *import, const struct row *row,
		    uint64_t result, const char *rule);

/* The part of it that import_may_replicate() asks for. */
void import_count(struct import *import, const struct row *row,
		  uint64_t result);

/*
 * Is what is to come allowed to reach partners? TOOL_OK, or TOOL_REFUSED
 * after a message. A dry run is told, and goes on.
 */
int import_may_replicate(const struct import *import);

/* A server runs: TOOL_OK with import->client set; TOOL_UNREACHABLE: none. */
int import_live_find(struct import *import);
int import_live(struct import *import);

/*
 * Lock the files of a stopped server, and learn who it is: import->self is a
 * guess before, 0: none. TOOL_OK, or an exit code after a message.
 */
int import_files_find(struct import *import);
int import_files(struct import *import);

#endif
