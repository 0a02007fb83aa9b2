/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All that a server gives to a partner: owner by owner, range by range, and
 * at the end what of the map did not come.
 */
#ifndef WINSMIGRATE_LIVE_WALK_H
#define WINSMIGRATE_LIVE_WALK_H

#include "migrate/live/address.h"
#include "migrate/live/pull.h"

enum walk_stage {		/* what was under way when it ended */
	WALK_CALL,
	WALK_START,
	WALK_MAP,
	WALK_RECORDS,
	WALK_DONE,
};

struct walk_owner {
	uint32_t address;
	uint64_t max;		/* as the map has it */
	uint64_t highest;	/* that came */
	uint64_t records;
	uint64_t statics;
	bool done;		/* asked for up to max */
};

struct walk {
	uint32_t host;
	uint32_t ours;		/* the address that the server sees */
	enum walk_stage stage;
	enum pull_result result;
	const char *complaint;	/* "the server closed the connection" */
	uint16_t minor;		/* of the server's version */
	uint32_t owners;
	struct walk_owner *owner;	/* in the order of addresses */
	uint64_t records, statics;
	uint64_t stray;		/* versions that were not asked for */
	/* inside */
	struct pull *pull;
	uint32_t at;		/* owner */
	bool asked;
	struct wrepl_owner range;
	uint64_t width;		/* of ranges */
	uint64_t seen;		/* highest version of this range; 0: none */
};

/*
 * Call the server and get its map. walk is NULL only without memory; else
 * its result tells, and its stage where it ended: WALK_RECORDS is the good
 * one. ours: 0, or the address to call from.
 */
struct walk *walk_open(TALLOC_CTX *mem_ctx, const struct live_address *server,
		       uint32_t ours);

/* The same on a wire that is there. */
struct walk *walk_begin(TALLOC_CTX *mem_ctx, const struct wire *wire,
			uint32_t context);

/*
 * The next record, settled; *changed is a literal if that changed it. PULL_OK,
 * PULL_ENDED after the last one, else the walk is over, see its result.
 */
enum pull_result walk_next(struct walk *walk, struct nb_record *rec,
			   const char **changed);

/* Owners of which the highest version of the map did not come. */
bool walk_owner_short(const struct walk_owner *owner);
uint32_t walk_short(const struct walk *walk);

#endif
