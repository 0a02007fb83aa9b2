/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The form of the replica table: the sets a cell is made of, the actions, and
 * the look-up. Only replica.c and the tests of the table need this.
 *
 * R1 is the record that stands, R2 the replica, as in protocol.md 5.1; R2 is
 * taken as it came, R1 as it reads now.
 */
#ifndef WINSD_RULES_REPLICA_TABLE_H
#define WINSD_RULES_REPLICA_TABLE_H

#include "core/event.h"
#include "core/policy.h"

enum replica_event {
	RE_CAME,		/* REPLICA */
	RE_LOST,		/* REPLICA_LOST */
	RE_HELD,		/* REPLICA_HELD */
	RE_COUNT
};

enum replica_class {
	RC_PLAIN,
	RC_BLOCKED,		/* wins:blocked names, R2 active and dynamic */
	RC_COUNT
};

/* Whose R1 and R2 are. */
enum replica_owners {
	RO_NEW,			/* there is no R1 */
	RO_OURS,		/* R1 is ours, R2 is not */
	RO_SAME,		/* one foreign owner */
	RO_OTHER,		/* two foreign owners */
	RO_BACK_NEW,		/* R2 is ours and comes back: no R1 */
	RO_BACK_OURS,
	RO_BACK_OTHER,
	RO_COUNT
};

/* R1 and R2: none, or type x state. */
enum replica_record {
	RR_NONE,
	RR_UA, RR_UR, RR_UT,
	RR_GA, RR_GR, RR_GT,
	RR_SA, RR_SR, RR_ST,
	RR_MA, RR_MR, RR_MT,
	RR_COUNT
};

/*
 * How the addresses of R1 and R2 stand to each other, where a rule asks for
 * it; RL_APART everywhere else.
 */
enum replica_relation {
	RL_APART,		/* none of the following */
	RL_OLDER,		/* ours and ours: R1's version is the lower */
	RL_INSIDE,		/* U/M of ours: all R1 addresses are in R2 */
	RL_STRANGER,		/* held: some R2 address was not answered */
	RL_PART,		/* held: all of R2 answered, not all of R1 */
	RL_ALL,			/* held: all of R2 and of R1 answered */
	RL_IDENTICAL,		/* SA of ours: the same pairs of ip and owner */
	RL_EMPTY_THEIRS,	/* SA: R2 is empty, R1 has members of o2 */
	RL_EMPTY,		/* SA: R2 is empty, R1 has none of them */
	RL_SUPERSET,		/* SA: R1 has all pairs of R2 */
	RL_SAME_ADDRESSES,	/* SA: the same addresses, other owners */
	RL_COUNT
};

/* What we may do about it. */
enum replica_mode {
	RM_FULL,
	RM_NO_DEMAND,		/* no release demands: the partner is new */
	RM_OBSERVE,		/* wins:observe: no version, no challenge, no
				   demand either */
	RM_COUNT
};

struct replica_cell {
	uint8_t event;
	uint8_t class;
	uint8_t owners;
	uint8_t record;		/* R1 */
	uint8_t fixed;		/* R1: 0 dynamic, 1 static */
	uint8_t incoming;	/* R2, never RR_NONE */
	uint8_t incoming_fixed;
	uint8_t relation;
	uint8_t mode;
};

enum replica_action {
	RA_KEEP,		/* nothing changes */
	RA_REPLACE,		/* R2 stands, as its owner's */
	RA_RESTORE,		/* R2 stands, as ours again */
	RA_PROPAGATE,		/* R1 stands, with a new version */
	RA_DEMAND,		/* REPLACE, and R1's hosts are told */
	RA_CHALLENGE,
	RA_LATE_RELEASE,	/* R1 stands, and who answered is told */
	RA_MHOMED_MERGE,
	RA_MERGE,		/* SG-MERGE */
	RA_MERGE_THEIRS,	/* the same, and never ours */
	RA_COUNT
};

const char *replica_action_name(enum replica_action action);

/* A row covers a cell when every set contains the cell's member. */
struct replica_row {
	uint32_t events;	/* bit masks of the enums above */
	uint32_t classes;
	uint32_t owners;
	uint32_t records;
	uint32_t fixed;		/* DYN, FIX */
	uint32_t incoming;
	uint32_t incoming_fixed;
	uint32_t relation;
	uint32_t modes;
	uint32_t action;	/* enum replica_action */
	const char *ref;
};

extern const struct replica_row replica_table[];
extern const unsigned int replica_table_rows;

/* Index of the first row that covers the cell, or -1. */
int replica_table_find(const struct replica_row *table, unsigned int rows,
		       const struct replica_cell *cell);

struct nb_verdict;

/* rule_replica() with another table: the tests flip its rows. */
void rule_replica_with(const struct replica_row *table, unsigned int rows,
		       const struct nb_record *existing,
		       const struct nb_event *event,
		       const struct nb_policy *policy, int64_t now,
		       struct nb_verdict *verdict);

/* Reduce a situation to its cell; view is R1 after expiry on read. */
struct replica_cell replica_cell_of(const struct nb_record *view,
				    const struct nb_event *event,
				    const struct nb_policy *policy);

#endif
