/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Events: everything that can happen to a record comes as one of these.
 *
 * A datagram, the outcome of a challenge, a timer, an operator's command, a
 * replica, an imported record: one struct, one door (serve_event), one set of
 * tables (rules). struct nb_origin is the part of a client's request that no
 * rule looks at and that only its reply needs.
 */
#ifndef WINSD_CORE_EVENT_H
#define WINSD_CORE_EVENT_H

#include "core/record.h"

enum nb_event_kind {
	NB_EV_REGISTER,		/* opcode 5 */
	NB_EV_MREGISTER,	/* opcode 15, multihomed */
	NB_EV_REFRESH,		/* opcodes 8 and 9 */
	NB_EV_RELEASE,		/* opcode 6 */
	NB_EV_QUERY,		/* opcode 0, recursion desired */
	NB_EV_CHALLENGE_LOST,	/* no holder answered, or it denied the name */
	NB_EV_CHALLENGE_HELD,	/* a holder answered: answers[] are its addresses */
	NB_EV_DUE,		/* the record's time has come: scavenging */
	NB_EV_ADD,		/* operator: record[] is what shall stand */
	NB_EV_DELETE,		/* operator: forget it on this server */
	NB_EV_TOMBSTONE,	/* operator: delete it everywhere */
	NB_EV_ADMIN_RELEASE,	/* operator: release it, or only addr */
	NB_EV_TOUCH,		/* operator: a new version, nothing else */
	NB_EV_ADOPT,		/* operator: a replica of a retired server
				   becomes ours (owner adopt) */
	NB_EV_REPLICA,		/* record[] came from a partner */
	NB_EV_REPLICA_LOST,	/* the challenge that a replica caused: no */
	NB_EV_REPLICA_HELD,	/* holder answered, or one did: answers[] */
	NB_EV_VERIFY_LOST,	/* the owner of a replica denies the name */
	NB_EV_VERIFY_HELD,	/* it answered it: answers[] */
	NB_EV_IMPORT,		/* record[] stood in another database */
	NB_EV_COUNT
};

const char *nb_event_name(enum nb_event_kind kind);

struct nb_event {
	uint8_t kind;		/* enum nb_event_kind */
	bool group;		/* the G bit of a registration */
	uint8_t node;		/* enum nb_node, from NB_FLAGS */
	bool multihomed;	/* what started the challenge was opcode 15 */
	bool force;		/* operator: also what is protected */
	struct nb_name name;
	uint32_t addr;		/* registered address; ADMIN_RELEASE: 0 = all */
	uint32_t source;	/* sender's address; 0 = not from the network */
	uint32_t ttl;		/* wanted, in seconds; 0 = not said */
	uint8_t answers;	/* challenge: 0..25 addresses the holder gave */
	uint32_t answer[NB_MEMBERS_MAX];
	const struct nb_record *record;	/* ADD, REPLICA*, IMPORT: borrowed for
					   the call */
	bool no_demand;		/* REPLICA*: our hosts get no release demand */
	bool high_precedence;	/* REPLICA*: its members displace others */
	bool adopt;		/* IMPORT: nobody owns it: it becomes ours */
	bool undo;		/* IMPORT: it stood here before, and shall */
	bool own_name;		/* IMPORT: this server goes by that name */
	uint64_t handed_out;	/* IMPORT: versions of ours up to here may
				   have been told to others */
};

/* What a reply needs of the request and no rule reads. */
struct nb_origin {
	uint32_t source;	/* where the reply goes */
	uint16_t port;
	uint32_t local;		/* our address that was asked */
	uint16_t trn_id;
	uint16_t operation;	/* whole second word of the header */
	uint32_t ttl;		/* as asked for, not clamped */
	uint8_t label_len;	/* the 16 bytes of the first label, raw */
	uint8_t label[16];
	uint8_t rdata_len;	/* RDATA of the request, cut to 25 entries */
	uint8_t rdata[6 * NB_MEMBERS_MAX];
};

#endif
