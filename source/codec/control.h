/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Control messages: what the tools and a running server say to each other
 * over the control socket (design.md 4.3, 4.4).
 *
 *   frame  u32 length of the body, body
 *   body   u8 release, u8 kind (enum control_kind), fields
 *   field  u8 tag, u16 length, value
 *
 * Big endian. One table in control.c says what value each tag has, and
 * control_open() checks all fields of a body against it: getters cannot fail.
 * The first five bytes never change their meaning: tool and server of
 * different releases can always tell each other so.
 *
 * Values: a number is 8 bytes; text has no NUL; a name is its length and
 * bytes, its type, the scope's length and bytes; a record is its name, then
 * type, state, node, static (a byte each), u32 owner, u64 version, i64
 * expires, u8 count and count times u32 ip, u32 owner, i64 expires.
 *
 * Here owners are real addresses and times are seconds since the epoch of the
 * wall clock: who reads a record needs no knowledge of the server.
 */
#ifndef WINSD_CODEC_CONTROL_H
#define WINSD_CODEC_CONTROL_H

#include "core/record.h"

#define CONTROL_RELEASE		1	/* of this format */

#define CONTROL_HEAD		4	/* bytes of the length */
#define CONTROL_REQUEST_MAX	65536	/* longest body of a request */
#define CONTROL_FILL		65536	/* a list stops filling a reply here */
#define CONTROL_GLOB_MAX	128	/* bytes of a pattern */
#define CONTROL_RECORD_MAX	(3 + 3 + NB_NAME_MAX + NB_SCOPE_MAX + 25 + \
				 16 * NB_MEMBERS_MAX)
#define CONTROL_REPLY_MAX	(CONTROL_FILL + CONTROL_RECORD_MAX + 64)
#define CONTROL_FRAME_MAX	(CONTROL_HEAD + CONTROL_REPLY_MAX)

enum control_kind {
	CONTROL_REQUEST = 1,
	CONTROL_REPLY = 2,
};

/*
 * Fields of a request, then of a reply. New ones are appended; a change of
 * meaning needs a new CONTROL_RELEASE.
 */
enum control_tag {
	CONTROL_VERB = 1,	/* text: "record list" */
	CONTROL_NAME,		/* name: what it is about */
	CONTROL_FLAGS,		/* number: enum control_flag */
	CONTROL_ADDRESS,	/* number */
	CONTROL_TTL,		/* number: s */
	CONTROL_GLOB,		/* bytes: control_glob_match() */
	CONTROL_SCOPE,		/* bytes: exactly this scope */
	CONTROL_SUFFIX,		/* number: 0..255 */
	CONTROL_TYPE,		/* number: enum nb_type */
	CONTROL_STATE,		/* number: enum nb_state */
	CONTROL_NODE,		/* number: enum nb_node */
	CONTROL_STATIC,		/* number: 0 or 1 */
	CONTROL_OWNER,		/* number: address */
	CONTROL_VERSION_FROM,	/* number: inclusive */
	CONTROL_VERSION_TO,	/* number: inclusive */
	CONTROL_CURSOR,		/* number: of the next slice; in a reply: there
				   is more */
	CONTROL_INSTANCE,	/* number: whose cursor it is */
	CONTROL_RECORD,		/* record: what shall stand, or stands */
	CONTROL_QUERIED_SINCE,	/* number: i64, only names asked for since then */
	CONTROL_UNUSED_SINCE,	/* number: i64, only names not asked for */
	CONTROL_STATUS = 64,	/* number: enum control_status; always first */
	CONTROL_MESSAGE,	/* text: for people, one line */
	CONTROL_BEFORE,		/* record: as it stood before the change */
	CONTROL_KEY,		/* text: names the value that follows it; none
				   follows: there is none, or nobody knows */
	CONTROL_NUMBER,		/* number: a count */
	CONTROL_TIME,		/* number: i64, seconds since the epoch */
	CONTROL_TEXT,		/* text */
	CONTROL_HOST,		/* number: address */
	CONTROL_RULE,		/* text: paragraph of the rule that decided */
	CONTROL_TRUTH,		/* number: 0 or 1 */
	CONTROL_QUERIED,	/* number: i64, when the name of the record
				   before it was last asked for; 0: not as long
				   as that is counted; none: nobody knows */
	CONTROL_COUNTED,	/* number: i64, since when that is counted; none:
				   it is not */
	CONTROL_TAG_END
};

enum control_flag {
	CONTROL_DRY_RUN = 1,	/* say what would happen, do nothing */
	CONTROL_YES = 2,	/* change what is protected or in use, too */
	CONTROL_PROPAGATE = 4,	/* whoever is told tells others */
	CONTROL_ALL = 8,	/* not only statics */
	CONTROL_BURY = 16,	/* tombstones instead of nothing */
	CONTROL_ADOPT = 32,	/* what nobody owns becomes ours */
	CONTROL_UNDO = 64,	/* what stood before stands again */
	CONTROL_NEGATIVE = 128,	/* only clients that asked in vain */
	CONTROL_DNS = 256,	/* only those that look like DNS servers */
};

/*
 * "record import": what became of each record, as a CONTROL_NUMBER in the
 * order of the request, a CONTROL_RULE behind it, and in a dry run
 * CONTROL_BEFORE if something stands and would be changed.
 */
#define CONTROL_IMPORT_OUTCOME	7u	/* mask: enum nb_outcome, or */
#define CONTROL_IMPORT_FAILED	5u	/* the server could not */
#define CONTROL_IMPORT_OURS	8u	/* partners will be told of it as ours, */
#define CONTROL_IMPORT_NUMBERED	16u	/* with a new version number */

/* What became of a request. */
enum control_status {
	CONTROL_OK,
	CONTROL_UNCHANGED,	/* it stands so already */
	CONTROL_NOT_FOUND,
	CONTROL_CONFLICT,	/* CONTROL_YES lifts it */
	CONTROL_REFUSED,	/* not by any means */
	CONTROL_DENIED,		/* the peer may not */
	CONTROL_FAILED,		/* the server could not: message */
	CONTROL_BAD_REQUEST,	/* not understood: message */
	CONTROL_UNKNOWN,	/* no such verb here */
	CONTROL_RESTARTED,	/* the cursor is from an earlier life */
	CONTROL_BUSY,		/* too many clients */
	CONTROL_OTHER_RELEASE,	/* the server speaks its own release only */
	CONTROL_STATUSES
};

const char *control_status_name(enum control_status status);

/* ---- writing: into the caller's buffer ---- */

struct control_writer {
	uint8_t *buf;
	size_t size;
	size_t len;
	bool full;		/* something did not fit and was left out */
};

/* Begin a frame; a buffer of CONTROL_FRAME_MAX holds any. */
void control_begin(struct control_writer *w, void *buf, size_t size,
		   enum control_kind kind);

/* The tag decides which of these is right for it; others are a bug. */
void control_put_number(struct control_writer *w, enum control_tag tag,
			uint64_t number);
void control_put_text(struct control_writer *w, enum control_tag tag,
		      const char *text);	/* cut to 4096 bytes */
void control_put_bytes(struct control_writer *w, enum control_tag tag,
		       const void *data, size_t len);
void control_put_name(struct control_writer *w, enum control_tag tag,
		      const struct nb_name *name);
void control_put_record(struct control_writer *w, enum control_tag tag,
			const struct nb_record *rec);

/* Finish: the length of the whole frame, or 0 if something did not fit. */
size_t control_end(struct control_writer *w);

/* ---- reading ---- */

/*
 * Length of the body that a frame's first four bytes announce; 0 if there can
 * be none of that length (under 2 bytes or over max).
 */
size_t control_body_len(const uint8_t head[CONTROL_HEAD], size_t max);

enum control_error {
	CONTROL_GOOD = 0,
	CONTROL_SHORT,		/* ends inside a field */
	CONTROL_RELEASE_OTHER,	/* the other side is of another release */
	CONTROL_BAD_KIND,	/* not a request, not a reply */
	CONTROL_BAD_TAG,	/* no such field */
	CONTROL_BAD_VALUE,	/* a value that its tag cannot have */
	CONTROL_ERRORS
};

const char *control_error_name(enum control_error error);

struct control_field {
	enum control_tag tag;
	size_t len;
	const uint8_t *data;	/* in the body; NULL at the start */
};

struct control_reader {
	const uint8_t *body;
	size_t len;
	uint8_t release;	/* valid also on CONTROL_RELEASE_OTHER */
};

/* Check a whole body of this kind; the reader borrows it. */
enum control_error control_open(struct control_reader *r, const uint8_t *body,
				size_t len, enum control_kind kind);

/* Field after field: begin with a zeroed one. False after the last. */
bool control_next(const struct control_reader *r, struct control_field *field);

/* The first field with this tag. */
bool control_find(const struct control_reader *r, enum control_tag tag,
		  struct control_field *field);

/* The value; the field's tag must be one that has such a value. */
uint64_t control_number(const struct control_field *field);
void control_name(const struct control_field *field, struct nb_name *name);
void control_record(const struct control_field *field, struct nb_record *rec);

/* Copy text and close it with a NUL; cut to size - 1. Returns buf. */
char *control_text(const struct control_field *field, char *buf, size_t size);

/* First number with this tag, or the value given. */
uint64_t control_number_or(const struct control_reader *r,
			   enum control_tag tag, uint64_t otherwise);

/* ---- patterns ---- */

/*
 * Does the pattern match all of these bytes? '*' stands for any bytes, '?'
 * for one, backslash takes the next byte as it is. Linear in pattern times
 * bytes, whatever the pattern.
 */
bool control_glob_match(const uint8_t *glob, size_t glob_len,
			const uint8_t *bytes, size_t len);

#endif
