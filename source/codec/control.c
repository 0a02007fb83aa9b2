/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Control messages as bytes: see control.h for the format.
 *
 * The idea: a frame is checked once and completely, field by field against
 * one table of tags, before anybody looks at a value. After that reading is
 * plain copying, and neither server nor tool has error paths for values.
 *
 * What a verb needs and allows is not decided here (source/control), nor who
 * may send it (source/net). Rejected: JSON on the socket (a parser of nested
 * text in the server, for data that tools print anyway) and skipping unknown
 * tags (a filter that an older server ignores would list, or delete, more
 * than was asked for).
 */
#include "codec/control.h"

#include <string.h>

#define FIELD_HEAD	3
#define TEXT_MAX	4096
#define MEMBER_LEN	16
#define RECORD_FIXED	25	/* behind the name, without members */

enum value_kind {
	V_NONE = 0,
	V_NUMBER,
	V_TEXT,
	V_BYTES,
	V_NAME,
	V_RECORD,
};

/* What value a tag has; how large a number, how long bytes may be. */
static const struct tag_rule {
	uint8_t value;
	uint64_t max;
} tag_rule[CONTROL_TAG_END] = {
	[CONTROL_VERB] = { V_TEXT, 0 },
	[CONTROL_NAME] = { V_NAME, 0 },
	[CONTROL_FLAGS] = { V_NUMBER, CONTROL_DRY_RUN | CONTROL_YES |
				      CONTROL_PROPAGATE | CONTROL_ALL |
				      CONTROL_BURY | CONTROL_ADOPT |
				      CONTROL_UNDO | CONTROL_NEGATIVE |
				      CONTROL_DNS },
	[CONTROL_ADDRESS] = { V_NUMBER, UINT32_MAX },
	[CONTROL_TTL] = { V_NUMBER, UINT32_MAX },
	[CONTROL_GLOB] = { V_BYTES, CONTROL_GLOB_MAX },
	[CONTROL_SCOPE] = { V_BYTES, NB_SCOPE_MAX },
	[CONTROL_SUFFIX] = { V_NUMBER, UINT8_MAX },
	[CONTROL_TYPE] = { V_NUMBER, NB_MHOMED },
	[CONTROL_STATE] = { V_NUMBER, NB_TOMBSTONE },
	[CONTROL_NODE] = { V_NUMBER, NB_H_NODE },
	[CONTROL_STATIC] = { V_NUMBER, 1 },
	[CONTROL_OWNER] = { V_NUMBER, UINT32_MAX },
	[CONTROL_VERSION_FROM] = { V_NUMBER, UINT64_MAX },
	[CONTROL_VERSION_TO] = { V_NUMBER, UINT64_MAX },
	[CONTROL_CURSOR] = { V_NUMBER, UINT64_MAX },
	[CONTROL_INSTANCE] = { V_NUMBER, UINT64_MAX },
	[CONTROL_QUERIED_SINCE] = { V_NUMBER, UINT64_MAX },
	[CONTROL_UNUSED_SINCE] = { V_NUMBER, UINT64_MAX },
	[CONTROL_STATUS] = { V_NUMBER, CONTROL_STATUSES - 1 },
	[CONTROL_MESSAGE] = { V_TEXT, 0 },
	[CONTROL_RECORD] = { V_RECORD, 0 },
	[CONTROL_BEFORE] = { V_RECORD, 0 },
	[CONTROL_KEY] = { V_TEXT, 0 },
	[CONTROL_NUMBER] = { V_NUMBER, UINT64_MAX },
	[CONTROL_TIME] = { V_NUMBER, UINT64_MAX },
	[CONTROL_TEXT] = { V_TEXT, 0 },
	[CONTROL_HOST] = { V_NUMBER, UINT32_MAX },
	[CONTROL_RULE] = { V_TEXT, 0 },
	[CONTROL_TRUTH] = { V_NUMBER, 1 },
	[CONTROL_QUERIED] = { V_NUMBER, UINT64_MAX },
	[CONTROL_COUNTED] = { V_NUMBER, UINT64_MAX },
};

static const char *const status_name[CONTROL_STATUSES] = {
	[CONTROL_OK] = "ok",
	[CONTROL_UNCHANGED] = "unchanged",
	[CONTROL_NOT_FOUND] = "not found",
	[CONTROL_CONFLICT] = "conflict",
	[CONTROL_REFUSED] = "refused",
	[CONTROL_DENIED] = "denied",
	[CONTROL_FAILED] = "failed",
	[CONTROL_BAD_REQUEST] = "bad request",
	[CONTROL_UNKNOWN] = "unknown command",
	[CONTROL_RESTARTED] = "server restarted",
	[CONTROL_BUSY] = "busy",
	[CONTROL_OTHER_RELEASE] = "other release",
};

const char *control_status_name(enum control_status status)
{
	return (unsigned int)status < CONTROL_STATUSES ?
	       status_name[status] : "?";
}

static const char *const error_name[CONTROL_ERRORS] = {
	[CONTROL_GOOD] = "good",
	[CONTROL_SHORT] = "ends inside a field",
	[CONTROL_RELEASE_OTHER] = "is of another release",
	[CONTROL_BAD_KIND] = "is of the wrong kind",
	[CONTROL_BAD_TAG] = "has an unknown field",
	[CONTROL_BAD_VALUE] = "has a field with an impossible value",
};

const char *control_error_name(enum control_error error)
{
	return (unsigned int)error < CONTROL_ERRORS ? error_name[error] : "?";
}

/* ---- big endian ---- */

static uint8_t *push_number(uint8_t *p, uint64_t number, unsigned int bytes)
{
	while (bytes > 0) {
		bytes--;
		*p++ = (uint8_t)(number >> (8 * bytes));
	}
	return p;
}

static uint64_t pull_number(const uint8_t **p, unsigned int bytes)
{
	uint64_t number = 0;

	while (bytes > 0) {
		number = number << 8 | *(*p)++;
		bytes--;
	}
	return number;
}

/* ---- writing ---- */

void control_begin(struct control_writer *w, void *buf, size_t size,
		   enum control_kind kind)
{
	*w = (struct control_writer) { .buf = buf, .size = size };
	if (size < CONTROL_HEAD + 2) {
		w->full = true;
		return;
	}
	w->buf[CONTROL_HEAD] = CONTROL_RELEASE;
	w->buf[CONTROL_HEAD + 1] = (uint8_t)kind;
	w->len = CONTROL_HEAD + 2;
}

/* Room for a value with its head, or NULL; then the frame is void. */
static uint8_t *put_head(struct control_writer *w, enum control_tag tag,
			 size_t len)
{
	uint8_t *p = NULL;

	if (w->full || len > UINT16_MAX ||
	    w->size - w->len < FIELD_HEAD + len) {
		w->full = true;
		return NULL;
	}
	p = w->buf + w->len;
	w->len += FIELD_HEAD + len;
	*p++ = (uint8_t)tag;
	return push_number(p, len, 2);
}

void control_put_number(struct control_writer *w, enum control_tag tag,
			uint64_t number)
{
	uint8_t *p = put_head(w, tag, 8);

	if (p != NULL) {
		push_number(p, number, 8);
	}
}

void control_put_bytes(struct control_writer *w, enum control_tag tag,
		       const void *data, size_t len)
{
	uint8_t *p = put_head(w, tag, len);

	if (p != NULL && len > 0) {
		memcpy(p, data, len);
	}
}

void control_put_text(struct control_writer *w, enum control_tag tag,
		      const char *text)
{
	size_t len = strlen(text);

	control_put_bytes(w, tag, text, len < TEXT_MAX ? len : TEXT_MAX);
}

static size_t name_len(const struct nb_name *name)
{
	return 3 + (size_t)name->len + name->scope_len;
}

static uint8_t *push_name(uint8_t *p, const struct nb_name *name)
{
	*p++ = name->len;
	memcpy(p, name->byte, name->len);
	p += name->len;
	*p++ = name->type;
	*p++ = name->scope_len;
	memcpy(p, name->scope, name->scope_len);
	return p + name->scope_len;
}

void control_put_name(struct control_writer *w, enum control_tag tag,
		      const struct nb_name *name)
{
	uint8_t *p = put_head(w, tag, name_len(name));

	if (p != NULL) {
		push_name(p, name);
	}
}

void control_put_record(struct control_writer *w, enum control_tag tag,
			const struct nb_record *rec)
{
	uint8_t *p = put_head(w, tag, name_len(&rec->name) + RECORD_FIXED +
				      MEMBER_LEN * (size_t)rec->count);

	if (p == NULL) {
		return;
	}
	p = push_name(p, &rec->name);
	*p++ = rec->type;
	*p++ = rec->state;
	*p++ = rec->node;
	*p++ = rec->is_static;
	p = push_number(p, rec->owner, 4);
	p = push_number(p, rec->version, 8);
	p = push_number(p, (uint64_t)rec->expires, 8);
	*p++ = rec->count;
	for (unsigned int i = 0; i < rec->count; i++) {
		p = push_number(p, rec->member[i].ip, 4);
		p = push_number(p, rec->member[i].owner, 4);
		p = push_number(p, (uint64_t)rec->member[i].expires, 8);
	}
}

size_t control_end(struct control_writer *w)
{
	if (w->full) {
		return 0;
	}
	push_number(w->buf, w->len - CONTROL_HEAD, CONTROL_HEAD);
	return w->len;
}

/* ---- reading ---- */

size_t control_body_len(const uint8_t head[CONTROL_HEAD], size_t max)
{
	uint64_t len = pull_number(&head, CONTROL_HEAD);

	return len >= 2 && len <= max ? (size_t)len : 0;
}

/*
 * Length of the name at p, or 0 if it is not one. Its bytes must be in the
 * one form of core/name.h, so that equal names are equal bytes.
 */
static size_t check_name(const uint8_t *p, size_t len)
{
	struct nb_name name;
	size_t n = 0;

	if (len < 3 || p[0] > NB_NAME_MAX || len < 3u + p[0]) {
		return 0;
	}
	n = 3u + p[0] + p[2 + p[0]];
	if (p[2 + p[0]] > NB_SCOPE_MAX || len < n) {
		return 0;
	}
	name = nb_name_make(p + 1, p[0], 0);
	return name.len == p[0] ? n : 0;
}

static bool check_record(const uint8_t *p, size_t len)
{
	size_t n = check_name(p, len);

	if (n == 0 || len < n + RECORD_FIXED) {
		return false;
	}
	p += n;
	len -= n + RECORD_FIXED;
	return p[0] <= NB_MHOMED && p[1] <= NB_TOMBSTONE &&
	       p[2] <= NB_H_NODE && p[3] <= 1 && p[24] <= NB_MEMBERS_MAX &&
	       len == MEMBER_LEN * (size_t)p[24];
}

static bool check_value(const struct tag_rule *rule, const uint8_t *p,
			size_t len)
{
	switch (rule->value) {
	case V_NUMBER:
		return len == 8 && pull_number(&p, 8) <= rule->max;
	case V_TEXT:
		return len <= TEXT_MAX && memchr(p, 0, len) == NULL;
	case V_BYTES:
		return len <= rule->max;
	case V_NAME:
		return check_name(p, len) == len && len > 0;
	case V_RECORD:
		return check_record(p, len);
	default:
		return false;
	}
}

static enum control_error check_fields(const uint8_t *p, size_t len)
{
	while (len > 0) {
		size_t n = 0;

		if (len < FIELD_HEAD) {
			return CONTROL_SHORT;
		}
		n = (size_t)p[1] << 8 | p[2];
		if (p[0] >= CONTROL_TAG_END || tag_rule[p[0]].value == V_NONE) {
			return CONTROL_BAD_TAG;
		}
		if (len - FIELD_HEAD < n) {
			return CONTROL_SHORT;
		}
		if (!check_value(&tag_rule[p[0]], p + FIELD_HEAD, n)) {
			return CONTROL_BAD_VALUE;
		}
		p += FIELD_HEAD + n;
		len -= FIELD_HEAD + n;
	}
	return CONTROL_GOOD;
}

enum control_error control_open(struct control_reader *r, const uint8_t *body,
				size_t len, enum control_kind kind)
{
	*r = (struct control_reader) { .body = body, .len = len };
	if (len < 1) {
		return CONTROL_SHORT;
	}
	r->release = body[0];
	if (r->release != CONTROL_RELEASE) {
		return CONTROL_RELEASE_OTHER;
	}
	if (len < 2) {
		return CONTROL_SHORT;
	}
	if (body[1] != (uint8_t)kind) {
		return CONTROL_BAD_KIND;
	}
	return check_fields(body + 2, len - 2);
}

bool control_next(const struct control_reader *r, struct control_field *field)
{
	const uint8_t *p = field->data == NULL ? r->body + 2 :
						 field->data + field->len;

	if (p == r->body + r->len) {
		return false;
	}
	field->tag = (enum control_tag)p[0];
	field->len = (size_t)p[1] << 8 | p[2];
	field->data = p + FIELD_HEAD;
	return true;
}

bool control_find(const struct control_reader *r, enum control_tag tag,
		  struct control_field *field)
{
	*field = (struct control_field) { .data = NULL };
	while (control_next(r, field)) {
		if (field->tag == tag) {
			return true;
		}
	}
	return false;
}

uint64_t control_number(const struct control_field *field)
{
	const uint8_t *p = field->data;

	return pull_number(&p, 8);
}

static const uint8_t *pull_name(const uint8_t *p, struct nb_name *name)
{
	*name = nb_name_make(p + 1, p[0], p[1 + p[0]]);
	p += 2 + p[0];
	(void)nb_name_set_scope(name, p + 1, p[0]);
	return p + 1 + p[0];
}

void control_name(const struct control_field *field, struct nb_name *name)
{
	pull_name(field->data, name);
}

void control_record(const struct control_field *field, struct nb_record *rec)
{
	const uint8_t *p = NULL;

	*rec = (struct nb_record) { .count = 0 };
	p = pull_name(field->data, &rec->name);
	rec->type = *p++;
	rec->state = *p++;
	rec->node = *p++;
	rec->is_static = *p++ != 0;
	rec->owner = (uint32_t)pull_number(&p, 4);
	rec->version = pull_number(&p, 8);
	rec->expires = (int64_t)pull_number(&p, 8);
	rec->count = *p++;
	for (unsigned int i = 0; i < rec->count; i++) {
		rec->member[i].ip = (uint32_t)pull_number(&p, 4);
		rec->member[i].owner = (uint32_t)pull_number(&p, 4);
		rec->member[i].expires = (int64_t)pull_number(&p, 8);
	}
}

char *control_text(const struct control_field *field, char *buf, size_t size)
{
	size_t len = field->len < size - 1 ? field->len : size - 1;

	if (len > 0) {
		memcpy(buf, field->data, len);
	}
	buf[len] = '\0';
	return buf;
}

uint64_t control_number_or(const struct control_reader *r,
			   enum control_tag tag, uint64_t otherwise)
{
	struct control_field field;

	return control_find(r, tag, &field) ? control_number(&field) :
					      otherwise;
}

/* ---- patterns ---- */

/*
 * Match one byte of the pattern at *g; moves *g behind it. A backslash at the
 * very end stands for itself.
 */
static bool glob_one(const uint8_t *glob, size_t glob_len, size_t *g,
		     uint8_t byte)
{
	if (glob[*g] == '?') {
		(*g)++;
		return true;
	}
	if (glob[*g] == '\\' && *g + 1 < glob_len) {
		(*g)++;
	}
	return glob[(*g)++] == byte;
}

bool control_glob_match(const uint8_t *glob, size_t glob_len,
			const uint8_t *bytes, size_t len)
{
	size_t g = 0;
	size_t b = 0;
	size_t star = SIZE_MAX;		/* behind the last '*' met */
	size_t retry = 0;		/* where its match begins anew */

	while (b < len) {
		size_t next = g;

		if (g < glob_len && glob[g] == '*') {
			star = ++g;
			retry = b;
		} else if (g < glob_len &&
			   glob_one(glob, glob_len, &next, bytes[b])) {
			g = next;
			b++;
		} else if (star != SIZE_MAX) {
			g = star;
			b = ++retry;
		} else {
			return false;
		}
	}
	while (g < glob_len && glob[g] == '*') {
		g++;
	}
	return g == glob_len;
}
