/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replication messages (TCP 42): bytes <-> values, protocol.md section 3.
 *
 *   frame  u32 size of what follows, body
 *   body   u32 opcode, u32 context of the receiver, u32 type, then by type
 *
 * All big endian, but for two words of a record that are little endian (3.3).
 * A frame is decoded whole, into a checked struct, with one exception: the
 * records of a SEND_REPLY, whose frame may be gigabytes long, are read one by
 * one as their bytes arrive. Every count is held against the bytes that are
 * really there before anything is believed of it; nothing is allocated.
 *
 * Names: 1B swap, padding and the cut of long scopes as in 3.4.
 */
#ifndef WINSD_CODEC_WREPL_H
#define WINSD_CODEC_WREPL_H

#include "core/record.h"

#define WREPL_PORT		42
#define WREPL_HEAD		4u		/* bytes of the size */
#define WREPL_FRAME_MAX		(1u << 20)	/* longest body but of a
						   SEND_REPLY: 43,000 owners */
#define WREPL_OPCODE		0x00007800u	/* what we send */
#define WREPL_BAD_CONTEXT	0x0000000au	/* of a peer without the bits */
#define WREPL_MAJOR		2u		/* first version of START */
#define WREPL_MINOR		5u		/* 1: NT 4.0 and older */

enum wrepl_type {
	WREPL_START = 0,
	WREPL_START_REPLY = 1,
	WREPL_STOP = 2,
	WREPL_REPLICATION = 3,
};

enum wrepl_command {
	WREPL_TABLE_QUERY = 0,
	WREPL_TABLE_REPLY = 1,
	WREPL_SEND_REQUEST = 2,
	WREPL_SEND_REPLY = 3,
	WREPL_UPDATE = 4,	/* roles swap on this connection */
	WREPL_UPDATE2 = 5,	/* the same, to be propagated */
	WREPL_INFORM = 8,	/* pull on a connection of your own */
	WREPL_INFORM2 = 9,
};

#define WREPL_STOP_NORMAL	0u
#define WREPL_STOP_ERROR	4u

/* "start", "table query", ... for logs; command only for REPLICATION. */
const char *wrepl_message_name(uint32_t type, uint32_t command);

enum wrepl_error {
	WREPL_OK = 0,
	WREPL_MORE,		/* not all bytes are there yet */
	WREPL_SHORT,		/* the frame ends inside a field */
	WREPL_UNKNOWN,		/* no such type or command */
	WREPL_COUNT,		/* a count that its frame has no room for */
	WREPL_BAD_NAME,		/* a name of 0 or more than 255 bytes */
	WREPL_BAD_RECORD,	/* a state or an address count there is not */
	WREPL_TOO_LONG,		/* a frame over WREPL_FRAME_MAX */
	WREPL_ERRORS
};

const char *wrepl_error_name(enum wrepl_error error);

/* One line of an owner-version map, or what a SEND_REQUEST asks for. */
struct wrepl_owner {
	uint32_t address;
	uint64_t max;
	uint64_t min;
};

/* A decoded frame. Fields that its kind does not have are 0. */
struct wrepl_msg {
	uint32_t opcode;
	uint32_t context;	/* as the receiver handed it out */
	uint32_t type;		/* enum wrepl_type */
	uint32_t command;	/* REPLICATION: enum wrepl_command */
	uint32_t sender;	/* START, START_REPLY: the sender's context */
	uint16_t major, minor;	/* of them */
	uint32_t reason;	/* STOP */
	struct wrepl_owner request;	/* SEND_REQUEST */
	uint32_t owners;	/* tables: entries in the frame */
	const uint8_t *owner_data;	/* in the frame: wrepl_table_owner() */
	uint32_t initiator;	/* tables; 0 where it is missing */
	uint32_t names;		/* SEND_REPLY: records that follow */
};

/*
 * Length of the first frame's body in these bytes; 0 if the four bytes are
 * not there. May be anything up to 2^32 - 1.
 */
uint32_t wrepl_frame_size(const uint8_t *data, size_t len);

/*
 * Is it the beginning of a SEND_REPLY? WREPL_OK: yes, names records follow
 * within *body bytes (all that is left of the frame) after *used bytes.
 * WREPL_MORE: cannot be told yet. WREPL_UNKNOWN: another frame, decode it
 * whole. WREPL_TOO_LONG: another frame, over WREPL_FRAME_MAX. Others: a
 * SEND_REPLY that cannot be (WREPL_COUNT: too many records for its size).
 * data begins at the size field.
 */
enum wrepl_error wrepl_open_reply(const uint8_t *data, size_t len,
				  struct wrepl_msg *msg, size_t *used,
				  uint64_t *body);

/* Decode one body, whole, of any kind but SEND_REPLY. */
enum wrepl_error wrepl_decode(const uint8_t *body, size_t len,
			      struct wrepl_msg *msg);

/* Entry of a table; index below msg->owners. */
void wrepl_table_owner(const struct wrepl_msg *msg, uint32_t index,
		       struct wrepl_owner *owner);

/*
 * One record from the front of these bytes; left: what the frame still has,
 * in bytes. WREPL_MORE: more are needed than len, and the frame has them.
 * The record is of this owner; members carry the owners of the wire (owner in
 * the single form). Times are 0, the revision is 0. At most 25 members are
 * kept of up to WREPL_ADDRESSES_MAX; more is WREPL_BAD_RECORD. Nothing of
 * nb_record_settle() has been applied: ACTIVE may have no member. Once it has,
 * the record is not nb_record_broken(): an address that stands twice is taken
 * once, 0.0.0.0 is no member but of an active normal group, and a member whose
 * owner is 0.0.0.0, which is NB_SELF here, is taken for the record owner's.
 */
#define WREPL_ADDRESSES_MAX	255u
#define WREPL_RECORD_MAX	(4u + 256u + 4u + 4u + 8u + 4u + \
				 8u * WREPL_ADDRESSES_MAX + 4u)
enum wrepl_error wrepl_decode_record(const uint8_t *data, size_t len,
				     uint64_t left, uint32_t owner,
				     struct nb_record *rec, size_t *used);

/*
 * Encoders write a whole frame, its size included, and return its length.
 * buf must have the room that is named; context: as the peer handed it out.
 */
#define WREPL_SMALL_MAX		64u	/* each of these fits */
size_t wrepl_encode_start(uint8_t *buf, uint32_t type, uint32_t context,
			  uint32_t sender);	/* START or START_REPLY */
size_t wrepl_encode_stop(uint8_t *buf, uint32_t context, uint32_t reason);
size_t wrepl_encode_bad_context(uint8_t *buf);	/* protocol.md 3.5 */
size_t wrepl_encode_table_query(uint8_t *buf, uint32_t context);
size_t wrepl_encode_request(uint8_t *buf, uint32_t context,
			    const struct wrepl_owner *request);

/* TABLE_REPLY, UPDATE(2) or INFORM(2). */
size_t wrepl_table_size(uint32_t owners);
size_t wrepl_encode_table(uint8_t *buf, uint32_t context, uint32_t command,
			  const struct wrepl_owner *owner, uint32_t owners,
			  uint32_t initiator);

/*
 * The beginning of a SEND_REPLY whose records are that many bytes long; 0 if
 * no frame can be as long as that.
 */
#define WREPL_REPLY_HEAD	24u
size_t wrepl_encode_reply_head(uint8_t *buf, uint32_t context, uint32_t names,
			       uint64_t bytes);

/*
 * One record, as it stands; self is what NB_SELF is called on the wire. buf
 * has WREPL_RECORD_MAX bytes. 0: the protocol has no word for it, leave the
 * record out of the reply and of its count. Such are scopes over 238 bytes
 * and, which any client may register, names that begin with the byte 1B and
 * are not of type 1B: receivers would swap them, and "\x1bOMAIN"<44> would
 * come out as DOMAIN<1b>.
 */
size_t wrepl_encode_record(uint8_t *buf, const struct nb_record *rec,
			   uint32_t self);

#endif
