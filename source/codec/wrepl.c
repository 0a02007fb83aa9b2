/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames of TCP 42: protocol.md 3.1 to 3.3, all but the records, which are
 * wrepl_record.c's.
 *
 * A body is read from its front; what lies behind the known fields is padding
 * and never looked at. So a START is read with or without the 21 zero bytes
 * that NT 4.0 wants, and a STOP with or without Microsoft's 24. Which message
 * may come from whom, with what context, is not known here: a START of major
 * version 7 is decoded and the caller ignores it (3.2).
 *
 * Counts: the sum that a count leads to is made in 64 bits from 32 bit
 * factors, and compared with bytes that the frame has. The rejected way, to
 * multiply in size_t and compare afterwards, is MS09-039.
 *
 * Encoders claim no room but write what wrepl.h says; each kind has one
 * length, or one that its caller has asked for beforehand.
 */

#include <string.h>

#include "codec/be.h"
#include "codec/wrepl.h"

#define HEADER		12u	/* opcode, context, type */
#define COMMAND_END	16u	/* of REPLICATION; of the reason of a STOP */
#define START_END	20u	/* sender, two versions */
#define START_TAIL	21u	/* zero bytes behind them */
#define OWNER_LEN	24u
#define OWNER_TYPE	1u
#define RECORD_MIN	32u	/* name of one byte, one address or none */

_Static_assert(WREPL_HEAD + START_END + START_TAIL <= WREPL_SMALL_MAX &&
	       WREPL_HEAD + COMMAND_END + OWNER_LEN <= WREPL_SMALL_MAX,
	       "what is called small is");

static const char *const type_names[] = {
	[WREPL_START] = "start",
	[WREPL_START_REPLY] = "start reply",
	[WREPL_STOP] = "stop",
	[WREPL_REPLICATION] = "replication",
};

static const char *const command_names[] = {
	[WREPL_TABLE_QUERY] = "table query",
	[WREPL_TABLE_REPLY] = "table reply",
	[WREPL_SEND_REQUEST] = "send request",
	[WREPL_SEND_REPLY] = "send reply",
	[WREPL_UPDATE] = "update",
	[WREPL_UPDATE2] = "update2",
	[WREPL_INFORM] = "inform",
	[WREPL_INFORM2] = "inform2",
};

static const char *const error_names[WREPL_ERRORS] = {
	[WREPL_OK] = "ok",
	[WREPL_MORE] = "not all bytes are there yet",
	[WREPL_SHORT] = "the frame ends inside a field",
	[WREPL_UNKNOWN] = "no such message",
	[WREPL_COUNT] = "a count that the frame has no room for",
	[WREPL_BAD_NAME] = "a name of 0 or more than 255 bytes",
	[WREPL_BAD_RECORD] = "a state or an address count there is not",
	[WREPL_TOO_LONG] = "the frame is too long",
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* NULL in the table: commands 6 and 7 do not exist. */
static const char *name_of(const char *const *names, size_t count,
			   uint32_t value)
{
	return value < count && names[value] != NULL ? names[value] : "?";
}

const char *wrepl_message_name(uint32_t type, uint32_t command)
{
	if (type == WREPL_REPLICATION) {
		return name_of(command_names, LENGTH(command_names), command);
	}
	return name_of(type_names, LENGTH(type_names), type);
}

const char *wrepl_error_name(enum wrepl_error error)
{
	return name_of(error_names, LENGTH(error_names), error);
}

uint32_t wrepl_frame_size(const uint8_t *data, size_t len)
{
	return len < WREPL_HEAD ? 0 : be32_get(data);
}

static void read_header(const uint8_t *body, struct wrepl_msg *msg)
{
	msg->opcode = be32_get(body);
	msg->context = be32_get(body + 4);
	msg->type = be32_get(body + 8);
}

static void read_owner(const uint8_t *at, struct wrepl_owner *owner)
{
	owner->address = be32_get(at);
	owner->max = be64_get(at + 4);
	owner->min = be64_get(at + 12);
}

static enum wrepl_error read_start(const uint8_t *body, size_t len,
				   struct wrepl_msg *msg)
{
	if (len < START_END) {
		return WREPL_SHORT;
	}
	msg->sender = be32_get(body + HEADER);
	msg->major = be16_get(body + HEADER + 4);
	msg->minor = be16_get(body + HEADER + 6);
	return WREPL_OK;
}

static enum wrepl_error read_table(const uint8_t *at, size_t len,
				   struct wrepl_msg *msg)
{
	uint64_t need = 0;

	if (len < 4) {
		return WREPL_SHORT;
	}
	need = (uint64_t)be32_get(at) * OWNER_LEN;
	len -= 4;
	if (need > len) {
		return WREPL_COUNT;
	}
	if (len - need >= 4) {
		msg->initiator = be32_get(at + 4 + need);
	} else if (len != need) {
		return WREPL_SHORT;
	}
	msg->owners = be32_get(at);
	msg->owner_data = at + 4;
	return WREPL_OK;
}

static enum wrepl_error read_replication(const uint8_t *body, size_t len,
					 struct wrepl_msg *msg)
{
	if (len < COMMAND_END) {
		return WREPL_SHORT;
	}
	msg->command = be32_get(body + HEADER);
	body += COMMAND_END;
	len -= COMMAND_END;

	switch (msg->command) {
	case WREPL_TABLE_QUERY:
		return WREPL_OK;
	case WREPL_SEND_REQUEST:
		if (len < OWNER_LEN) {
			return WREPL_SHORT;
		}
		read_owner(body, &msg->request);
		return WREPL_OK;
	case WREPL_TABLE_REPLY:
	case WREPL_UPDATE:
	case WREPL_UPDATE2:
	case WREPL_INFORM:
	case WREPL_INFORM2:
		return read_table(body, len, msg);
	default:
		return WREPL_UNKNOWN;
	}
}

enum wrepl_error wrepl_decode(const uint8_t *body, size_t len,
			      struct wrepl_msg *msg)
{
	memset(msg, 0, sizeof(*msg));
	if (len > WREPL_FRAME_MAX) {
		return WREPL_TOO_LONG;
	}
	if (len < HEADER) {
		return WREPL_SHORT;
	}
	read_header(body, msg);

	switch (msg->type) {
	case WREPL_START:
	case WREPL_START_REPLY:
		return read_start(body, len, msg);
	case WREPL_STOP:
		if (len < COMMAND_END) {
			return WREPL_SHORT;
		}
		msg->reason = be32_get(body + HEADER);
		return WREPL_OK;
	case WREPL_REPLICATION:
		return read_replication(body, len, msg);
	default:
		return WREPL_UNKNOWN;
	}
}

/* Can the frame be a SEND_REPLY, as far as it can be seen? */
static bool maybe_reply(const uint8_t *data, size_t len, uint32_t size)
{
	if (size < COMMAND_END) {
		return false;
	}
	if (len >= WREPL_HEAD + HEADER &&
	    be32_get(data + WREPL_HEAD + 8) != WREPL_REPLICATION) {
		return false;
	}
	return len < WREPL_HEAD + COMMAND_END ||
	       be32_get(data + WREPL_HEAD + HEADER) == WREPL_SEND_REPLY;
}

enum wrepl_error wrepl_open_reply(const uint8_t *data, size_t len,
				  struct wrepl_msg *msg, size_t *used,
				  uint64_t *body)
{
	uint32_t size = wrepl_frame_size(data, len);

	memset(msg, 0, sizeof(*msg));
	*used = 0;
	*body = 0;
	if (len < WREPL_HEAD) {
		return WREPL_MORE;
	}
	if (!maybe_reply(data, len, size)) {
		return size > WREPL_FRAME_MAX ? WREPL_TOO_LONG : WREPL_UNKNOWN;
	}
	if (len >= WREPL_HEAD + COMMAND_END &&
	    size < WREPL_REPLY_HEAD - WREPL_HEAD) {
		return WREPL_SHORT;
	}
	if (len < WREPL_REPLY_HEAD) {
		return WREPL_MORE;
	}
	read_header(data + WREPL_HEAD, msg);
	msg->command = WREPL_SEND_REPLY;
	msg->names = be32_get(data + WREPL_HEAD + COMMAND_END);
	*used = WREPL_REPLY_HEAD;
	*body = size - (WREPL_REPLY_HEAD - WREPL_HEAD);
	return msg->names > *body / RECORD_MIN ? WREPL_COUNT : WREPL_OK;
}

void wrepl_table_owner(const struct wrepl_msg *msg, uint32_t index,
		       struct wrepl_owner *owner)
{
	read_owner(msg->owner_data + (size_t)index * OWNER_LEN, owner);
}

/* The size and the header of a frame whose body is that long. */
static uint8_t *put_header(uint8_t *buf, uint32_t size, uint32_t context,
			   uint32_t type)
{
	buf = be32_put(buf, size);
	buf = be32_put(buf, WREPL_OPCODE);
	buf = be32_put(buf, context);
	return be32_put(buf, type);
}

static uint8_t *put_command(uint8_t *buf, uint32_t size, uint32_t context,
			    uint32_t command)
{
	buf = put_header(buf, size, context, WREPL_REPLICATION);
	return be32_put(buf, command);
}

static uint8_t *put_owner(uint8_t *buf, const struct wrepl_owner *owner)
{
	buf = be32_put(buf, owner->address);
	buf = be64_put(buf, owner->max);
	buf = be64_put(buf, owner->min);
	return be32_put(buf, OWNER_TYPE);
}

size_t wrepl_encode_start(uint8_t *buf, uint32_t type, uint32_t context,
			  uint32_t sender)
{
	uint8_t *p = put_header(buf, START_END + START_TAIL, context, type);

	p = be32_put(p, sender);
	p = be16_put(p, WREPL_MAJOR);
	p = be16_put(p, WREPL_MINOR);
	memset(p, 0, START_TAIL);
	return WREPL_HEAD + START_END + START_TAIL;
}

size_t wrepl_encode_stop(uint8_t *buf, uint32_t context, uint32_t reason)
{
	be32_put(put_header(buf, COMMAND_END, context, WREPL_STOP), reason);
	return WREPL_HEAD + COMMAND_END;
}

/* A START of another opcode; the words are 3.5's, not all have a meaning. */
size_t wrepl_encode_bad_context(uint8_t *buf)
{
	uint8_t *p = be32_put(buf, 24);

	p = be32_put(p, 0x00008583u);
	p = be32_put(p, 0);
	p = be32_put(p, WREPL_START);
	p = be32_put(p, WREPL_BAD_CONTEXT);
	p = be16_put(p, 1);
	p = be16_put(p, 0);
	be32_put(p, 0);
	return WREPL_HEAD + 24;
}

size_t wrepl_encode_table_query(uint8_t *buf, uint32_t context)
{
	put_command(buf, COMMAND_END, context, WREPL_TABLE_QUERY);
	return WREPL_HEAD + COMMAND_END;
}

size_t wrepl_encode_request(uint8_t *buf, uint32_t context,
			    const struct wrepl_owner *request)
{
	put_owner(put_command(buf, COMMAND_END + OWNER_LEN, context,
			      WREPL_SEND_REQUEST), request);
	return WREPL_HEAD + COMMAND_END + OWNER_LEN;
}

size_t wrepl_table_size(uint32_t owners)
{
	return WREPL_HEAD + COMMAND_END + 4 + (size_t)owners * OWNER_LEN + 4;
}

size_t wrepl_encode_table(uint8_t *buf, uint32_t context, uint32_t command,
			  const struct wrepl_owner *owner, uint32_t owners,
			  uint32_t initiator)
{
	size_t len = wrepl_table_size(owners);
	uint8_t *p = put_command(buf, (uint32_t)(len - WREPL_HEAD), context,
				 command);

	p = be32_put(p, owners);
	for (uint32_t i = 0; i < owners; i++) {
		p = put_owner(p, &owner[i]);
	}
	be32_put(p, initiator);
	return len;
}

size_t wrepl_encode_reply_head(uint8_t *buf, uint32_t context, uint32_t names,
			       uint64_t bytes)
{
	uint64_t size = WREPL_REPLY_HEAD - WREPL_HEAD + bytes;

	if (size < bytes || size > UINT32_MAX) {
		return 0;
	}
	be32_put(put_command(buf, (uint32_t)size, context, WREPL_SEND_REPLY),
		 names);
	return WREPL_REPLY_HEAD;
}
