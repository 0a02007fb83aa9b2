/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The record: what a WINS server knows of one name (protocol.md 2.1).
 *
 * A record is a plain value of less than 1 KB, copied freely; it has no
 * lifetime to manage. Times are seconds of the ageing clock (world.h).
 * Ownership is written as the owner's address; records and members that are
 * ours carry NB_SELF instead, so that a server can change its address without
 * touching a record. Codecs at the border translate.
 *
 * Read core/event.h next, then rules/client_table.c.
 */
#ifndef WINSD_CORE_RECORD_H
#define WINSD_CORE_RECORD_H

#include "core/addr.h"
#include "core/name.h"

#define NB_MEMBERS_MAX	25		/* the protocol's cap */
#define NB_SELF		0u		/* owner: this server */
#define NB_NEVER	INT64_MAX	/* expiry of a static record */

enum nb_type {			/* values of the replication protocol, 3.3 */
	NB_UNIQUE = 0,
	NB_GROUP = 1,		/* normal group: answers the broadcast */
	NB_SGROUP = 2,		/* internet ("special", domain) group */
	NB_MHOMED = 3,
};

enum nb_state {
	NB_ACTIVE = 0,
	NB_RELEASED = 1,
	NB_TOMBSTONE = 2,
};

enum nb_node {			/* of the host: B, P, M or H */
	NB_B_NODE = 0,
	NB_P_NODE = 1,
	NB_M_NODE = 2,
	NB_H_NODE = 3,
};

struct nb_member {
	uint32_t ip;
	uint32_t owner;		/* NB_SELF or another server's address */
	int64_t expires;	/* NB_NEVER in static records */
};

struct nb_record {
	struct nb_name name;
	uint8_t type;		/* enum nb_type */
	uint8_t state;		/* enum nb_state */
	uint8_t node;		/* enum nb_node */
	bool is_static;
	uint32_t owner;		/* NB_SELF or another server's address */
	uint64_t version;	/* given by the owner; 0 = none yet */
	int64_t expires;	/* next change of state; NB_NEVER = none */
	uint64_t revision;	/* local: raised by every put, never sent */
	uint8_t count;		/* 0..25 */
	struct nb_member member[NB_MEMBERS_MAX];	/* newest first */
};

const char *nb_type_name(enum nb_type type);	/* unique group sgroup mhomed */
const char *nb_state_name(enum nb_state state);	/* active released tombstone */
const char *nb_node_name(enum nb_node node);	/* B P M H */
bool nb_type_parse(const char *text, uint8_t *type);
bool nb_state_parse(const char *text, uint8_t *state);
bool nb_node_parse(const char *text, uint8_t *node);

/* Index of the member with this address, or -1. */
int nb_record_find(const struct nb_record *rec, uint32_t ip);

/*
 * Put a member into the record in the order of 2.1: newest expiry first, at
 * equal times ours before foreign ones. A member with the same address is
 * replaced. When 25 stand already and evict is true the oldest foreign member
 * makes room, or the oldest of ours if there is none; with evict false the
 * new one is left out. Returns false if it was left out.
 */
bool nb_record_insert(struct nb_record *rec, struct nb_member member,
		      bool evict);

void nb_record_remove(struct nb_record *rec, unsigned int index);

/*
 * The invariants every stored record obeys: active without a member is
 * released, unique with several members is multihomed, names and counts in
 * range, times of statics never. Returns the rule that is broken or NULL.
 */
const char *nb_record_broken(const struct nb_record *rec);

/* Bring a record into that form (2.1: "invariants enforced when storing"). */
void nb_record_settle(struct nb_record *rec);

/*
 * Expiry on read (2.1): the record as it stands at this moment. Members of
 * ours whose time has come are left out; with none left the record reads as
 * released. What is stored stays as it is; the scavenger writes later.
 */
struct nb_record nb_record_at(const struct nb_record *rec, int64_t now);

/* Does it then read other than it is stored? */
bool nb_record_aged(const struct nb_record *rec, int64_t now);

/* Is any, are all of the record's addresses in the list? */
bool nb_record_within(const struct nb_record *rec, const uint32_t *list,
		      unsigned int count);

#endif
