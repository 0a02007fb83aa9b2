/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The codec of TCP 42. The first byte says how the others, a stream of
 * frames, come in pieces. Read in these pieces and read in one they must be
 * the same messages, records and errors; each piece stands in memory of its
 * own size, and in the second reading so does all that belongs to a frame.
 * What was accepted is written again and must read back as the
 * same, and every record, once settled, is one that the store may hold.
 */

#include <stdbool.h>
#include <string.h>

#include "codec/wrepl.h"
#include "fuzz/fuzz.h"

#define OWNER	0xc0000201u	/* of all records */
#define SELF	0xc0000263u
#define EVENTS	512		/* more than 4 KB of input can make */

/* One thing that was read. */
struct event {
	enum wrepl_error error;
	struct wrepl_msg msg;		/* without a pointer */
	struct nb_record rec;
};

/* As a connection reads: where it is, and what came out. */
struct reading {
	bool fenced;		/* no byte of the next frame is in reach */
	bool reply;		/* in a SEND_REPLY: */
	uint32_t names;		/* that are still to come */
	uint64_t left;		/* bytes of the frame */
	bool stopped;		/* an error, which ends a connection */
	size_t taken;		/* bytes of the stream */
	unsigned int count;
	struct event event[EVENTS];
};

static struct reading whole, pieces;

static struct event *add_event(struct reading *r, enum wrepl_error error)
{
	struct event *event = &r->event[r->count++];

	MUST(r->count < EVENTS);
	memset(event, 0, sizeof(*event));
	event->error = error;
	r->stopped = error != WREPL_OK;
	return event;
}

static void check_record(const struct nb_record *rec)
{
	uint8_t wire[WREPL_RECORD_MAX];
	struct nb_record again, settled = *rec;
	size_t used = 0, len = wrepl_encode_record(wire, rec, SELF);

	MUST(rec->owner == OWNER && rec->count <= NB_MEMBERS_MAX);
	MUST(rec->name.scope_len <= NB_SCOPE_LIMIT);
	nb_record_settle(&settled);
	MUST(nb_record_broken(&settled) == NULL);
	if (len == 0) {
		MUST(rec->name.byte[0] == 0x1b && rec->name.type != 0x1b);
		return;
	}
	MUST(len <= sizeof(wire));
	MUST(wrepl_decode_record(wire, len, len, OWNER, &again, &used) ==
	     WREPL_OK);
	MUST(used == len && memcmp(&again, rec, sizeof(again)) == 0);
}

static size_t encode_table(const struct wrepl_msg *msg, uint8_t **wire)
{
	struct wrepl_owner *owner = calloc(msg->owners + 1u, sizeof(*owner));
	size_t len = 0;

	for (uint32_t i = 0; i < msg->owners; i++) {
		wrepl_table_owner(msg, i, &owner[i]);
	}
	*wire = malloc(wrepl_table_size(msg->owners));
	len = wrepl_encode_table(*wire, msg->context, msg->command, owner,
				 msg->owners, msg->initiator);
	MUST(len == wrepl_table_size(msg->owners));
	free(owner);
	return len;
}

static size_t encode(const struct wrepl_msg *msg, uint8_t **wire)
{
	if (msg->type == WREPL_REPLICATION &&
	    msg->command != WREPL_TABLE_QUERY &&
	    msg->command != WREPL_SEND_REQUEST) {
		return encode_table(msg, wire);
	}
	*wire = malloc(WREPL_SMALL_MAX);
	if (msg->type == WREPL_STOP) {
		return wrepl_encode_stop(*wire, msg->context, msg->reason);
	}
	if (msg->type != WREPL_REPLICATION) {
		return wrepl_encode_start(*wire, msg->type, msg->context,
					  msg->sender);
	}
	if (msg->command == WREPL_TABLE_QUERY) {
		return wrepl_encode_table_query(*wire, msg->context);
	}
	return wrepl_encode_request(*wire, msg->context, &msg->request);
}

/* The same again, but for what is always ours: opcode and versions. */
static void check_message(const struct wrepl_msg *msg)
{
	uint8_t *wire = NULL;
	size_t len = encode(msg, &wire);
	struct wrepl_msg again;

	MUST(wrepl_frame_size(wire, len) == len - WREPL_HEAD);
	MUST(wrepl_decode(wire + WREPL_HEAD, len - WREPL_HEAD, &again) ==
	     WREPL_OK);
	for (uint32_t i = 0; i < msg->owners; i++) {
		struct wrepl_owner a, b;

		wrepl_table_owner(msg, i, &a);
		wrepl_table_owner(&again, i, &b);
		MUST(a.address == b.address && a.max == b.max &&
		     a.min == b.min);
	}
	again.owner_data = msg->owner_data;
	again.opcode = msg->opcode;
	again.major = msg->major;
	again.minor = msg->minor;
	MUST(memcmp(&again, msg, sizeof(again)) == 0);
	free(wire);
}

/* These bytes and none behind them. */
static uint8_t *copy_of(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	memcpy(copy, data, len);
	return copy;
}

static enum wrepl_error read_record(const struct reading *r,
				    const uint8_t *data, size_t len,
				    struct nb_record *rec, size_t *used)
{
	enum wrepl_error error = WREPL_OK;
	uint8_t *copy = NULL;

	if (!r->fenced) {
		return wrepl_decode_record(data, len, r->left, OWNER, rec,
					   used);
	}
	if (len > r->left) {
		len = (size_t)r->left;
	}
	copy = copy_of(data, len);
	error = wrepl_decode_record(copy, len, r->left, OWNER, rec, used);
	free(copy);
	return error;
}

/* The rest of a SEND_REPLY. Returns bytes taken; 0: more are needed. */
static size_t read_reply(struct reading *r, const uint8_t *data, size_t len)
{
	struct nb_record rec;
	enum wrepl_error error = WREPL_OK;
	size_t used = 0;

	if (r->names == 0) {
		used = r->left < len ? (size_t)r->left : len;
		r->left -= used;
		r->reply = r->left > 0;
		return used;
	}
	error = read_record(r, data, len, &rec, &used);
	if (error == WREPL_MORE) {
		MUST(r->left > len && len < WREPL_RECORD_MAX);
		return 0;
	}
	if (error != WREPL_OK) {
		add_event(r, error);
		return 0;
	}
	MUST(used > 0 && used <= len && used <= r->left);
	check_record(&rec);
	add_event(r, WREPL_OK)->rec = rec;
	r->left -= used;
	r->names--;
	r->reply = r->left > 0 || r->names > 0;
	return used;
}

static size_t read_whole(struct reading *r, const uint8_t *data, size_t len)
{
	uint32_t size = wrepl_frame_size(data, len);
	struct wrepl_msg msg;
	enum wrepl_error error = WREPL_OK;
	uint8_t *body = NULL;

	MUST(len >= WREPL_HEAD && size <= WREPL_FRAME_MAX);
	if (len - WREPL_HEAD < size) {
		return 0;
	}
	body = copy_of(data + WREPL_HEAD, size);
	error = wrepl_decode(body, size, &msg);
	MUST(error != WREPL_MORE && error != WREPL_TOO_LONG);
	if (error == WREPL_OK) {
		check_message(&msg);
	}
	free(body);
	msg.owner_data = NULL;
	add_event(r, error)->msg = msg;
	return WREPL_HEAD + size;
}

static size_t read_frame(struct reading *r, const uint8_t *data, size_t len)
{
	struct wrepl_msg msg;
	size_t used = 0;
	uint64_t body = 0;
	enum wrepl_error error = wrepl_open_reply(data, len, &msg, &used,
						  &body);

	switch (error) {
	case WREPL_OK:
		MUST(used <= len && msg.names <= body / 32);
		add_event(r, WREPL_OK)->msg = msg;
		r->reply = body > 0;
		r->names = msg.names;
		r->left = body;
		return used;
	case WREPL_MORE:
		MUST(len < WREPL_REPLY_HEAD);
		return 0;
	case WREPL_UNKNOWN:
		return read_whole(r, data, len);
	default:
		add_event(r, error);
		return 0;
	}
}

/* All that can be read of these bytes, which are a copy. */
static void read_on(struct reading *r, const uint8_t *data, size_t len)
{
	size_t start = r->taken;

	while (!r->stopped) {
		size_t at = r->taken - start;
		size_t used = r->reply ?
			      read_reply(r, data + at, len - at) :
			      read_frame(r, data + at, len - at);

		r->taken += used;
		if (used == 0) {
			return;
		}
	}
}

static void read_copy(struct reading *r, const uint8_t *data, size_t size)
{
	size_t len = size - r->taken;
	uint8_t *copy = copy_of(data + r->taken, len);

	read_on(r, copy, len);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t dice = 0;

	if (size == 0 || size > 4096) {
		return 0;
	}
	dice = *data++;
	size--;
	memset(&whole, 0, offsetof(struct reading, event));
	memset(&pieces, 0, offsetof(struct reading, event));
	pieces.fenced = true;
	read_copy(&whole, data, size);
	for (size_t shown = 0; shown < size && !pieces.stopped;) {
		dice = dice * 1103515245u + 12345u;
		shown += 1 + (dice >> 16) % (1u + dice % 64u);
		read_copy(&pieces, data, shown < size ? shown : size);
	}
	MUST(whole.count == pieces.count && whole.taken == pieces.taken);
	MUST(whole.stopped == pieces.stopped && whole.left == pieces.left);
	MUST(memcmp(whole.event, pieces.event,
		    whole.count * sizeof(whole.event[0])) == 0);
	return 0;
}
