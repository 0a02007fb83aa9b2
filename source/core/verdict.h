/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verdict: everything that shall be done about an event, as a value.
 * rules makes it, serve carries it out.
 */
#ifndef WINSD_CORE_VERDICT_H
#define WINSD_CORE_VERDICT_H

#include "core/record.h"

/* RCODEs of the name service, protocol.md 1.1 */
enum nb_rcode {
	NB_RCODE_OK = 0,
	NB_RCODE_FMT = 1,
	NB_RCODE_SRV = 2,
	NB_RCODE_NAM = 3,
	NB_RCODE_IMP = 4,
	NB_RCODE_RFS = 5,
	NB_RCODE_ACT = 6,
	NB_RCODE_CFT = 7,
};

/* "RFS_ERR"; "OK" for 0, "unknown code" for what has no name. */
const char *nb_rcode_name(uint8_t rcode);

/* NB_FLAGS, protocol.md 1.3 */
#define NB_FLAG_GROUP		0x8000u
#define NB_FLAG_NODE_MASK	0x6000u
#define NB_FLAG_NODE_SHIFT	13
#define NB_FLAG_DRG		0x1000u
#define NB_FLAG_CNF		0x0800u
#define NB_FLAG_ACT		0x0400u
#define NB_FLAG_PRM		0x0200u

enum nb_reply_kind {
	NB_REPLY_NONE,		/* silence */
	NB_REPLY_REGISTER,	/* opcode 5 with rcode; refresh and 15 too */
	NB_REPLY_RELEASE,	/* opcode 6 with rcode */
	NB_REPLY_WACK,		/* ttl: how long to wait */
	NB_REPLY_ADDRESSES,	/* positive query */
	NB_REPLY_NEGATIVE,	/* negative query */
	NB_REPLY_STATUS,	/* node status: names[] */
};

#define NB_STATUS_MAX	25	/* own names in one node status reply */

struct nb_status_name {
	struct nb_name name;
	uint16_t nb_flags;
};

struct nb_reply {
	uint8_t kind;		/* enum nb_reply_kind */
	uint8_t rcode;		/* enum nb_rcode */
	uint32_t ttl;
	uint16_t nb_flags;	/* the same word in every address entry */
	uint8_t count;		/* addresses, or names of a node status */
	uint32_t addr[NB_MEMBERS_MAX];
	const struct nb_status_name *names;	/* NB_REPLY_STATUS: borrowed */
};

enum nb_store_op {
	NB_STORE_NOTHING,
	NB_STORE_PUT,
	NB_STORE_DELETE,
};

/* What an operator's command came to. */
enum nb_outcome {
	NB_DONE,		/* carried out, or nothing was to do */
	NB_UNCHANGED,		/* it stands so already */
	NB_NOT_FOUND,
	NB_CONFLICT,		/* would hurt a living record: force lifts it */
	NB_REFUSED,		/* not by any means */
};

struct nb_verdict {
	uint16_t row;		/* of the table that decided; UINT16_MAX: none */
	const char *ref;	/* paragraph that the row implements */
	uint8_t store;		/* enum nb_store_op */
	bool new_version;	/* PUT: store gives record.version */
	bool challenge;		/* ask the holders in order, WACK meanwhile */
	uint8_t demands;	/* then send these hosts a release demand,
				   protocol.md 5.5 */
	uint32_t demand[NB_MEMBERS_MAX];
	uint8_t outcome;	/* enum nb_outcome */
	struct nb_record record;	/* PUT: what shall stand;
					   challenge: whom to ask */
	struct nb_reply reply;
};

#endif
