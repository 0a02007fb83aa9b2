/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The session of a pull. Everything it knows of the outside are the two
 * functions of a struct wire, so that a fuzzer is a server, too.
 *
 * The buffer holds what has come and is not read yet. It grows only when it is
 * full of bytes that really came, and never above a whole frame and a record:
 * the size that a frame claims is not believed before. Records of a SEND_REPLY
 * are taken from its front one by one, so a frame of gigabytes needs no more.
 *
 * The context in the header of what the server sends is not looked at. It
 * tells associations apart, and this connection has one.
 *
 * A message of another type than REPLICATION means that we are no partner
 * (3.6); STOP is what servers say then. Some close without a word.
 */
#include "migrate/live/pull.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_FIRST	65536u
#define BUFFER_MAX	(WREPL_HEAD + WREPL_FRAME_MAX + WREPL_RECORD_MAX)
#define OPCODE_BITS	0x7800u

struct pull {
	struct wire wire;
	uint32_t context;	/* ours */
	uint32_t peer;		/* theirs */
	uint16_t minor;
	uint8_t *data;
	size_t size, from, to;	/* what is not read: data[from] to data[to] */
	uint32_t owner;		/* of the records that are coming */
	uint32_t names;		/* records still to come */
	uint64_t left;		/* bytes of their frame */
	char *complaint;
};

struct pull *pull_create(TALLOC_CTX *mem_ctx, const struct wire *wire,
			 uint32_t context)
{
	struct pull *pull = talloc_zero(mem_ctx, struct pull);

	if (pull == NULL) {
		return NULL;
	}
	pull->wire = *wire;
	pull->context = context;
	pull->data = talloc_array(pull, uint8_t, BUFFER_FIRST);
	pull->size = BUFFER_FIRST;
	if (pull->data == NULL) {
		TALLOC_FREE(pull);
	}
	return pull;
}

static enum pull_result complain(struct pull *pull, enum pull_result result,
				 const char *what, const char *detail)
{
	TALLOC_FREE(pull->complaint);
	pull->complaint = talloc_asprintf(pull, "%s%s%s", what,
					  detail[0] != '\0' ? ": " : "",
					  detail);
	return result;
}

static enum pull_result broken(struct pull *pull, enum wrepl_error error)
{
	return complain(pull, PULL_BROKEN, "the server sent what cannot be "
			"read", wrepl_error_name(error));
}

static enum pull_result failed(struct pull *pull, int error)
{
	if (error == ECONNRESET || error == EPIPE) {
		return complain(pull, PULL_CLOSED,
				"the server closed the connection", "");
	}
	return complain(pull, PULL_FAILED, error == ETIMEDOUT ?
			"the server is silent" : strerror(error), "");
}

const char *pull_complaint(const struct pull *pull)
{
	return pull->complaint != NULL ? pull->complaint : "out of memory";
}

uint16_t pull_minor(const struct pull *pull)
{
	return pull->minor;
}

/* ---- bytes ---- */

/* Room behind what is there: move it to the front, or grow. */
static enum pull_result make_room(struct pull *pull)
{
	uint8_t *more = NULL;

	if (pull->from > 0) {
		memmove(pull->data, pull->data + pull->from,
			pull->to - pull->from);
		pull->to -= pull->from;
		pull->from = 0;
	}
	if (pull->to < pull->size) {
		return PULL_OK;
	}
	if (pull->size >= BUFFER_MAX) {
		return broken(pull, WREPL_TOO_LONG);
	}
	pull->size *= 2;
	if (pull->size > BUFFER_MAX) {
		pull->size = BUFFER_MAX;
	}
	more = talloc_realloc(pull, pull->data, uint8_t, pull->size);
	if (more == NULL) {
		pull->size = pull->to;
		return failed(pull, ENOMEM);
	}
	pull->data = more;
	return PULL_OK;
}

static enum pull_result more_bytes(struct pull *pull)
{
	size_t got = 0;
	enum pull_result result = make_room(pull);
	int ret = 0;

	if (result != PULL_OK) {
		return result;
	}
	ret = pull->wire.receive(pull->wire.priv, pull->data + pull->to,
				 pull->size - pull->to, &got);
	if (ret != 0) {
		return failed(pull, ret);
	}
	if (got == 0) {
		return failed(pull, ECONNRESET);
	}
	pull->to += got;
	return PULL_OK;
}

static enum pull_result say(struct pull *pull, const uint8_t *frame,
			    size_t len)
{
	int ret = pull->wire.send(pull->wire.priv, frame, len);

	return ret == 0 ? PULL_OK : failed(pull, ret);
}

/* ---- frames ---- */

static enum pull_result skip(struct pull *pull, uint64_t bytes)
{
	while (bytes > 0) {
		size_t here = pull->to - pull->from;

		if (here == 0) {
			enum pull_result result = more_bytes(pull);

			if (result != PULL_OK) {
				return result;
			}
			continue;
		}
		if (here > bytes) {
			here = (size_t)bytes;
		}
		pull->from += here;
		bytes -= here;
	}
	return PULL_OK;
}

/* A whole frame that is no SEND_REPLY. msg points into the buffer. */
static enum pull_result read_whole(struct pull *pull, struct wrepl_msg *msg)
{
	enum wrepl_error error = WREPL_OK;
	size_t size = wrepl_frame_size(pull->data + pull->from,
				       pull->to - pull->from);

	while (pull->to - pull->from - WREPL_HEAD < size) {
		enum pull_result result = more_bytes(pull);

		if (result != PULL_OK) {
			return result;
		}
	}
	error = wrepl_decode(pull->data + pull->from + WREPL_HEAD, size, msg);
	pull->from += WREPL_HEAD + size;
	return error == WREPL_OK ? PULL_OK : broken(pull, error);
}

/* The next frame, or the beginning of a SEND_REPLY. */
static enum pull_result read_frame(struct pull *pull, struct wrepl_msg *msg)
{
	while (true) {
		size_t used = 0;
		enum pull_result result = PULL_OK;
		enum wrepl_error error = wrepl_open_reply(
			pull->data + pull->from, pull->to - pull->from, msg,
			&used, &pull->left);

		switch (error) {
		case WREPL_OK:
			pull->from += used;
			pull->names = msg->names;
			return PULL_OK;
		case WREPL_UNKNOWN:
			return read_whole(pull, msg);
		case WREPL_MORE:
			result = more_bytes(pull);
			if (result != PULL_OK) {
				return result;
			}
			break;
		default:
			return broken(pull, error);
		}
	}
}

/* What the server says, which must be this. */
static enum pull_result expect(struct pull *pull, uint32_t type,
			       uint32_t command, struct wrepl_msg *msg)
{
	enum pull_result result = read_frame(pull, msg);

	if (result != PULL_OK) {
		return result;
	}
	if (msg->type == type && (msg->opcode & OPCODE_BITS) != 0 &&
	    msg->command == command) {
		return PULL_OK;
	}
	if (msg->type == WREPL_STOP) {
		return complain(pull, PULL_REFUSED,
				"the server stopped the association",
				msg->reason == WREPL_STOP_ERROR ?
					"error" : "normally");
	}
	return complain(pull, msg->type != WREPL_REPLICATION ?
				PULL_REFUSED : PULL_BROKEN,
			"no answer to what was asked for",
			wrepl_message_name(msg->type, msg->command));
}

/* ---- the conversation ---- */

enum pull_result pull_start(struct pull *pull)
{
	uint8_t frame[WREPL_SMALL_MAX];
	struct wrepl_msg msg;
	enum pull_result result = say(pull, frame, wrepl_encode_start(
		frame, WREPL_START, 0, pull->context));

	if (result == PULL_OK) {
		result = expect(pull, WREPL_START_REPLY, 0, &msg);
	}
	if (result == PULL_OK) {
		pull->peer = msg.sender;
		pull->minor = msg.minor;
	}
	return result;
}

static int compare_owners(const void *left, const void *right)
{
	const struct wrepl_owner *a = left, *b = right;

	if (a->address != b->address) {
		return a->address < b->address ? -1 : 1;
	}
	return a->max < b->max ? 1 : a->max > b->max ? -1 : 0;
}

/* Of each owner the first, which has the highest version. */
static uint32_t drop_twins(struct wrepl_owner *owner, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (i == 0 || owner[i].address != owner[kept - 1].address) {
			owner[kept++] = owner[i];
		}
	}
	return kept;
}

enum pull_result pull_map(struct pull *pull, struct wrepl_owner **owners,
			  uint32_t *count)
{
	uint8_t frame[WREPL_SMALL_MAX];
	struct wrepl_owner *map = NULL;
	struct wrepl_msg msg;
	enum pull_result result = say(
		pull, frame, wrepl_encode_table_query(frame, pull->peer));

	if (result == PULL_OK) {
		result = expect(pull, WREPL_REPLICATION, WREPL_TABLE_REPLY,
				&msg);
	}
	if (result != PULL_OK) {
		return result;
	}
	map = talloc_array(pull, struct wrepl_owner, msg.owners + 1);
	if (map == NULL) {
		return failed(pull, ENOMEM);
	}
	for (uint32_t i = 0; i < msg.owners; i++) {
		wrepl_table_owner(&msg, i, &map[i]);
	}
	qsort(map, msg.owners, sizeof(map[0]), compare_owners);
	*owners = map;
	*count = drop_twins(map, msg.owners);
	return PULL_OK;
}

enum pull_result pull_ask(struct pull *pull, const struct wrepl_owner *range)
{
	uint8_t frame[WREPL_SMALL_MAX];
	struct wrepl_msg msg;
	enum pull_result result = say(
		pull, frame, wrepl_encode_request(frame, pull->peer, range));

	if (result != PULL_OK) {
		return result;
	}
	pull->owner = range->address;
	return expect(pull, WREPL_REPLICATION, WREPL_SEND_REPLY, &msg);
}

enum pull_result pull_record(struct pull *pull, struct nb_record *rec)
{
	enum pull_result result = PULL_OK;

	if (pull->names == 0) {
		result = skip(pull, pull->left);
		pull->left = 0;
		return result == PULL_OK ? PULL_ENDED : result;
	}
	while (true) {
		size_t used = 0;
		enum wrepl_error error = wrepl_decode_record(
			pull->data + pull->from, pull->to - pull->from,
			pull->left, pull->owner, rec, &used);

		if (error == WREPL_OK) {
			pull->from += used;
			pull->left -= used;
			pull->names--;
			return PULL_OK;
		}
		if (error != WREPL_MORE) {
			return broken(pull, error);
		}
		result = more_bytes(pull);
		if (result != PULL_OK) {
			return result;
		}
	}
}

void pull_stop(struct pull *pull)
{
	uint8_t frame[WREPL_SMALL_MAX];

	(void)say(pull, frame, wrepl_encode_stop(frame, pull->peer,
						 WREPL_STOP_NORMAL));
}
