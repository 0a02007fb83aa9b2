/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NetBIOS name service datagrams (UDP 137): bytes <-> struct nbns_msg.
 *
 * One table (nbns_table.c), opcode x counts x types x lengths, accepts or
 * rejects the whole datagram before anything is believed (protocol.md 1.1 to
 * 1.6). Nothing is allocated and nothing points outside the datagram.
 *
 * What the specification leaves open, decided here:
 * - Every record that the header counts must be there, whole. Of those that
 *   no row looks at only the structure is read.
 * - The name of an additional record must be the question's, as a pointer or
 *   spelled out; a request that says two names is refused as NBNS_BAD_NAME.
 *   All captured hosts and libnbt send the pointer, impacket spells it out.
 * - Bytes behind the last record are ignored, as the suite's decoder does. No
 *   captured datagram has any, so nobody is known to depend on it.
 */
#ifndef WINSD_CODEC_NBNS_H
#define WINSD_CODEC_NBNS_H

#include "core/event.h"
#include "core/verdict.h"

#define NBNS_PORT	137
#define NBNS_MAX	1024	/* longest datagram that we build */

/* operation word, protocol.md 1.1 */
#define NBNS_OP_RESPONSE	0x8000u
#define NBNS_OP_OPCODE		0x7800u
#define NBNS_OP_AA		0x0400u
#define NBNS_OP_RD		0x0100u
#define NBNS_OP_RA		0x0080u
#define NBNS_OP_BROADCAST	0x0010u
#define NBNS_OP_RCODE		0x000fu
#define NBNS_OPCODE(op)		(((op) & NBNS_OP_OPCODE) >> 11)

/* question and record types, protocol.md 1.3 */
#define NBNS_TYPE_A		0x0001u
#define NBNS_TYPE_NS		0x0002u
#define NBNS_TYPE_NULL		0x000au
#define NBNS_TYPE_NB		0x0020u
#define NBNS_TYPE_NBSTAT	0x0021u

enum nbns_opcode {
	NBNS_OPCODE_QUERY = 0,
	NBNS_OPCODE_REGISTER = 5,
	NBNS_OPCODE_RELEASE = 6,
	NBNS_OPCODE_WACK = 7,
	NBNS_OPCODE_REFRESH = 8,
	NBNS_OPCODE_REFRESH_ALT = 9,
	NBNS_OPCODE_MREGISTER = 15,
};

/* What a datagram is. Requests first, then responses. */
enum nbns_kind {
	NBNS_QUERY,		/* name query, with or without RD */
	NBNS_STATUS,		/* node status request */
	NBNS_REGISTER,		/* opcode 5 */
	NBNS_MREGISTER,		/* opcode 15 */
	NBNS_REFRESH,		/* opcodes 8, 9 */
	NBNS_RELEASE,		/* opcode 6 */
	NBNS_QUERY_REPLY,	/* positive: rcode 0, addresses */
	NBNS_NEGATIVE_REPLY,	/* rcode != 0 or type NULL */
	NBNS_STATUS_REPLY,	/* list of names */
	NBNS_REGISTER_REPLY,	/* opcode 5 (8, 9, 15), rcode tells */
	NBNS_RELEASE_REPLY,	/* opcode 6, rcode tells */
	NBNS_WACK,		/* opcode 7 */
	NBNS_KINDS
};

const char *nbns_kind_name(enum nbns_kind kind);

/* Why a datagram was refused; counted apart in the statistics. */
enum nbns_error {
	NBNS_OK = 0,
	NBNS_SHORT,		/* ends inside a field */
	NBNS_OPCODE_UNKNOWN,
	NBNS_COUNTS,		/* section counts do not fit the opcode */
	NBNS_BAD_NAME,		/* a label, pointer or nibble is wrong */
	NBNS_BAD_TYPE,		/* type or class does not fit */
	NBNS_BAD_LENGTH,	/* RDLENGTH does not fit */
	NBNS_ERRORS
};

const char *nbns_error_name(enum nbns_error error);

/*
 * A decoded datagram. All fields are set but those that belong to one kind;
 * elements of the arrays behind their count are undefined.
 */
struct nbns_msg {
	uint8_t kind;		/* enum nbns_kind */
	uint16_t trn_id;
	uint16_t operation;	/* the whole word */
	struct nb_name name;	/* question name, or the answer's */
	uint8_t label_len;	/* raw bytes of the first label, <= 16 */
	uint8_t label[16];
	uint32_t ttl;		/* of the additional or answer record; or 0 */
	uint16_t rdlength;
	const uint8_t *rdata;	/* in the datagram; NULL without a record */
	uint16_t nb_flags;	/* first entry of an NB record; or 0 */
	uint32_t addr;		/* first entry of an NB record; or 0 */
	uint8_t count;		/* QUERY_REPLY: addresses, the first 25 */
	uint32_t addrs[NB_MEMBERS_MAX];
	uint16_t wait_op;	/* WACK: operation word it answers */
};

/* Decode a datagram. On error msg is undefined but for trn_id, which is 0 if
 * not even that is there. */
enum nbns_error nbns_decode(const uint8_t *data, size_t len,
			    struct nbns_msg *msg);

/*
 * Names of a node status reply, one by one: index from 0. False after the
 * last or where the RDATA ends early.
 */
bool nbns_status_entry(const struct nbns_msg *msg, unsigned int index,
		       struct nb_status_name *entry);

/*
 * The encoders return the length written, or 0 if the name cannot be said on
 * the wire (a scope with an empty or too long label) or size is too small.
 */

/* A request of ours: kind is one of the requests; operation as given. */
size_t nbns_encode_request(uint8_t *buf, size_t size, enum nbns_kind kind,
			   uint16_t trn_id, uint16_t operation,
			   const struct nb_name *name, uint32_t ttl,
			   uint16_t nb_flags, uint32_t addr);

/*
 * The reply to a request, by protocol.md 1.4: echoes id, name and RDATA as
 * origin remembers them. name gives the scope, and the first label too if
 * origin has none (label_len 0). NB_REPLY_NONE encodes to 0. The TTL is
 * reply->ttl in a positive registration reply, a WACK and a positive query
 * reply, origin->ttl in refusals and releases, else 0.
 */
size_t nbns_encode_reply(uint8_t *buf, size_t size,
			 const struct nb_origin *origin,
			 const struct nb_name *name,
			 const struct nb_reply *reply);

#endif
