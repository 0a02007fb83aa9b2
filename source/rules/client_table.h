/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The form of the client table: the sets a cell is made of, the actions, and
 * the look-up. Only client.c and the tests of the table need this.
 */
#ifndef WINSD_RULES_CLIENT_TABLE_H
#define WINSD_RULES_CLIENT_TABLE_H

#include "core/event.h"
#include "core/policy.h"

/* What is asked for, after everything that is refused by its form alone. */
enum client_class {
	CLASS_UNIQUE,
	CLASS_MHOMED,
	CLASS_GROUP,
	CLASS_SGROUP,
	CLASS_BLOCKED,		/* wins:blocked names */
	CLASS_1D,		/* master browser, without G where G counts */
	CLASS_1B_GROUP,
	CLASS_1C_UNIQUE,
	CLASS_1E_UNIQUE,
	CLASS_SCOPE,		/* scope longer than 237 */
	CLASS_BAD_ADDRESS,	/* no host can hold it */
	CLASS_SPOOFED,		/* not the sender's, and policy enforces it */
	CLASS_PLAIN,		/* release, query, timer, operator: nothing
				   special */
	CLASS_PROTECTED,	/* operator: static, 1B, 1C or 1E */
	CLASS_OBSERVED,		/* timer: we only look (wins:observe) */
	CLASS_COUNT
};

/* The existing record: none, or type x state. */
enum client_record {
	REC_NONE,
	REC_UA, REC_UR, REC_UT,
	REC_GA, REC_GR, REC_GT,
	REC_SA, REC_SR, REC_ST,
	REC_MA, REC_MR, REC_MT,
	REC_COUNT
};

/*
 * How the event's address stands to the record's. Registration: its address
 * and the members; SURVIVOR where it is listed in an internet group that has
 * lost members to their time since it was stored. Release: the sender and the
 * members. Challenge held: the registered address and the addresses answered.
 * Due: LISTED when a member is still alive, STRANGER when none is. Verify
 * held: LISTED when the record has all addresses answered, ONLY when there are
 * none. Add: ONLY when the record already says exactly this. Administrative
 * release of all addresses: ONLY.
 */
enum client_relation {
	REL_STRANGER,
	REL_LISTED,		/* one of several */
	REL_ONLY,
	REL_SURVIVOR,
	REL_COUNT
};

/*
 * One switch whose meaning the event gives. Registration and challenge:
 * MigrateOn, never for 1C. Release, due of an active record: releases
 * propagate. Due of a tombstone: deletions are allowed. Operator: force.
 */

struct client_cell {
	uint8_t event;		/* enum nb_event_kind */
	uint8_t class;
	uint8_t record;
	uint8_t fixed;		/* 0 dynamic, 1 static */
	uint8_t foreign;	/* 0 ours, 1 a replica */
	uint8_t relation;
	uint8_t sw;		/* 0 off, 1 on */
};

enum client_action {
	ACT_ACCEPT,		/* positive reply, nothing stored */
	ACT_REFUSE_RFS,
	ACT_REFUSE_ACT,
	ACT_REFUSE_SRV,
	ACT_STORE_NEW,
	ACT_REFRESH,		/* longer life, same version */
	ACT_TAKE_OVER,		/* longer life or one more member: ours now,
				   new version */
	ACT_MERGE,		/* multihomed: what the holder confirmed */
	ACT_CHALLENGE,
	ACT_RELEASE_IGNORE,	/* positive release reply, nothing done */
	ACT_RELEASE_REFUSE,
	ACT_RELEASE_ALL,
	ACT_RELEASE_REPLICA,	/* becomes our tombstone, so all learn it */
	ACT_RELEASE_MEMBER,
	ACT_RELEASE_MEMBER_NEW,	/* the same with a new version of ours */
	ACT_ANSWER_NEGATIVE,
	ACT_ANSWER_GROUP,
	ACT_ANSWER_ADDRESSES,
	ACT_NOTHING,		/* it stays as it is */
	ACT_DELETE,
	ACT_TOMBSTONE,		/* ours, so all learn it */
	ACT_DUE_RELEASE,
	ACT_DUE_PRUNE,		/* drop what expired, the rest lives */
	ACT_DUE_PRUNE_NEW,
	ACT_DUE_TOMBSTONE_LONG,	/* without a time as released before */
	ACT_DUE_TOMBSTONE_REPLICA,
	ACT_VERIFIED,		/* its owner says the same: it lives on */
	ACT_OP_STORE,
	ACT_OP_TOUCH,
	ACT_OP_ADOPT,		/* ours from now on */
	ACT_OP_NOT_FOUND,
	ACT_OP_CONFLICT,
	ACT_OP_REFUSE,
	ACT_COUNT
};

const char *client_action_name(enum client_action action);

/* A row covers a cell when every set contains the cell's member. */
struct client_row {
	uint32_t events;	/* bit masks of the enums above */
	uint32_t classes;
	uint32_t records;
	uint32_t fixed;		/* DYN, FIX */
	uint32_t foreign;	/* OURS, REPL */
	uint32_t relation;
	uint32_t sw;		/* OFF, ON */
	uint32_t action;		/* enum client_action */
	const char *ref;
};

extern const struct client_row client_table[];
extern const unsigned int client_table_rows;

/* Index of the first row that covers the cell, or -1. */
int client_table_find(const struct client_row *table, unsigned int rows,
		      const struct client_cell *cell);

struct nb_verdict;

/* rule_client() with another table: the tests flip its rows. */
void rule_client_with(const struct client_row *table, unsigned int rows,
		      const struct nb_record *existing,
		      const struct nb_event *event,
		      const struct nb_policy *policy, int64_t now,
		      struct nb_verdict *verdict);

/* Reduce a situation to its cell; raw is the record as it is stored, view as
 * the event meets it. */
struct client_cell client_cell_of(const struct nb_record *raw,
				  const struct nb_record *view,
				  const struct nb_event *event,
				  const struct nb_policy *policy, int64_t now);

#endif
