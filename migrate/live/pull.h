/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One association with a server that is pulled from (protocol.md 3.5, 3.6):
 * START, the map of owners, then ranges of an owner's records, each record
 * handed out as its bytes arrive. What is asked for, and what its absence
 * means, is walk.h's business.
 */
#ifndef WINSMIGRATE_LIVE_PULL_H
#define WINSMIGRATE_LIVE_PULL_H

#include <talloc.h>

#include "codec/wrepl.h"
#include "migrate/live/wire.h"

enum pull_result {
	PULL_OK,
	PULL_ENDED,	/* no record of this range is left */
	PULL_CLOSED,	/* the server ended the connection */
	PULL_REFUSED,	/* it said STOP, or something that is no answer */
	PULL_BROKEN,	/* bytes that are no message, or no record */
	PULL_FAILED,	/* the network, or memory */
};

struct pull;

/* context: ours, random and not 0. The wire is copied. NULL: no memory. */
struct pull *pull_create(TALLOC_CTX *mem_ctx, const struct wire *wire,
			 uint32_t context);

enum pull_result pull_start(struct pull *pull);

/*
 * The map, in the order of addresses, each owner once with the highest of its
 * versions. It is on the pull.
 */
enum pull_result pull_map(struct pull *pull, struct wrepl_owner **owners,
			  uint32_t *count);

/* Ask for a range; pull_record() until it is not PULL_OK any more. */
enum pull_result pull_ask(struct pull *pull, const struct wrepl_owner *range);

/* As codec/wrepl.h decodes it, not settled. */
enum pull_result pull_record(struct pull *pull, struct nb_record *rec);

/* Say goodbye. Only after PULL_OK or PULL_ENDED. */
void pull_stop(struct pull *pull);

/* What was wrong, for people: "the server closed the connection". */
const char *pull_complaint(const struct pull *pull);

/* The second version that the server named; 1: NT 4.0 and older. */
uint16_t pull_minor(const struct pull *pull);

#endif
