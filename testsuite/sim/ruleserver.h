/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server of which only the rules are there: one name, one record, a version
 * counter and a clock that the test turns. What serve and the store do with a
 * verdict is done here in a few lines, so that sequences and chains of servers
 * can be played on the rules alone.
 */
#ifndef WINSD_SIM_RULESERVER_H
#define WINSD_SIM_RULESERVER_H

#include "core/event.h"
#include "core/policy.h"
#include "core/verdict.h"
#include "rules/replica_table.h"

struct ruleserver {
	uint32_t address;	/* as owner, for others */
	struct nb_policy policy;
	int64_t now;
	uint64_t counter;	/* the last version given */
	bool exists;
	struct nb_record record;
	struct nb_verdict verdict;	/* the latest */
	const struct replica_row *table;	/* NULL: the real one */
};

void ruleserver_init(struct ruleserver *server, uint32_t address);

/* Decide and carry out. A challenge or a demand is only in the verdict. */
void ruleserver_event(struct ruleserver *server, const struct nb_event *event);

/*
 * A partner's record, with addresses as owners; kind is REPLICA, or how the
 * challenge ended that it caused. event (may be NULL) has the answers and the
 * switches.
 */
void ruleserver_replica(struct ruleserver *server, uint8_t kind,
			const struct nb_record *record,
			const struct nb_event *event);

/*
 * The record as partners are told it, owners as addresses; false if it is not
 * told at all: released, or expired (protocol.md 4.2).
 */
bool ruleserver_tell(const struct ruleserver *server, struct nb_record *told);

#endif
