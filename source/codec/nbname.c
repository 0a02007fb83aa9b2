/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names on the wire, protocol.md 1.2: the first-level encoding of sixteen
 * bytes as thirty-two letters, scope labels, compression pointers.
 *
 * A name is read in pieces: a piece ends at the root or at a pointer, and a
 * pointer must lead to before the start of the piece it stands in. So the
 * pieces' starts only fall, no loop can be built, and the cost is bounded by
 * the scope limit and the five pointers together. Counting jumps alone was
 * rejected: it lets one piece be read five times.
 *
 * Nothing is kept of case or padding here: what the bytes mean is core's
 * business (nb_name_make), what they were is told by the raw label.
 */

#include <string.h>

#include "codec/nbname.h"

#define HEADER_LEN	12	/* a pointer into the header names nothing */
#define POINTERS_MAX	5
#define LABEL_MAX	63
#define LETTERS_MAX	32	/* in the first label */
#define LABEL_POINTER	0xc0u	/* top bits of a pointer's first byte */

/* Where reading stands. */
struct reading {
	const uint8_t *data;
	size_t len;
	size_t pos;
	size_t piece;		/* where the piece being read started */
	size_t end;		/* behind the first pointer; 0 = none yet */
	unsigned int pointers;
	uint8_t label_len;	/* 0 = the first label is still to come */
	uint8_t label[16];
	struct nb_name *name;	/* made by the first label, scope appended */
};

/* Two letters A..P to a byte; what is not a letter sets a high bit. */
static bool read_letters(struct reading *r, const uint8_t *text, size_t count)
{
	uint8_t wrong = 0;

	if (count > LETTERS_MAX || count % 2 != 0) {
		return false;
	}
	for (size_t i = 0; i < count / 2; i++) {
		uint8_t high = (uint8_t)(text[2 * i] - 'A');
		uint8_t low = (uint8_t)(text[2 * i + 1] - 'A');

		wrong |= high | low;
		r->label[i] = (uint8_t)(high << 4 | low);
	}
	r->label_len = (uint8_t)(count / 2);
	if (r->label_len == 16) {
		nb_name_init(r->name, r->label, NB_NAME_MAX, r->label[15]);
	} else {
		nb_name_init(r->name, r->label, r->label_len, 0x00);
	}
	return (wrong & 0xf0u) == 0;
}

static bool read_scope(struct nb_name *name, const uint8_t *text, size_t count)
{
	size_t dot = name->scope_len > 0 ? 1 : 0;

	if (name->scope_len + dot + count > NB_SCOPE_MAX ||
	    memchr(text, '.', count) != NULL ||
	    memchr(text, '\0', count) != NULL) {
		return false;
	}
	if (dot != 0) {
		name->scope[name->scope_len++] = '.';
	}
	memcpy(name->scope + name->scope_len, text, count);
	name->scope_len += (uint8_t)count;
	return true;
}

static bool read_label(struct reading *r, size_t count)
{
	const uint8_t *text = r->data + r->pos + 1;

	if (count > r->len - r->pos - 1) {
		return false;
	}
	r->pos += 1 + count;
	if (r->label_len == 0) {
		return read_letters(r, text, count);
	}
	return read_scope(r->name, text, count);
}

static bool follow_pointer(struct reading *r)
{
	size_t target = 0;

	if (r->len - r->pos < 2 || ++r->pointers > POINTERS_MAX) {
		return false;
	}
	target = (size_t)(r->data[r->pos] & 0x3fu) << 8 | r->data[r->pos + 1];
	if (target < HEADER_LEN || target >= r->piece) {
		return false;
	}
	if (r->end == 0) {
		r->end = r->pos + 2;
	}
	r->pos = target;
	r->piece = target;
	return true;
}

/* One label or pointer after the other, up to and with the root. */
static bool read_name(struct reading *r)
{
	while (r->pos < r->len) {
		uint8_t count = r->data[r->pos];
		bool ok = false;

		if (count == 0) {
			r->pos++;
			return r->label_len > 0;
		}
		if (count <= LABEL_MAX) {
			ok = read_label(r, count);
		} else if ((count & LABEL_POINTER) == LABEL_POINTER) {
			ok = follow_pointer(r);
		}
		if (!ok) {
			return false;
		}
	}
	return false;
}

bool nbname_decode(const uint8_t *data, size_t len, size_t *pos,
		   struct nb_name *name, uint8_t label[16], uint8_t *label_len)
{
	struct reading r = {
		.data = data, .len = len, .pos = *pos, .piece = *pos,
		.name = name,
	};

	if (!read_name(&r)) {
		return false;
	}
	if (label != NULL) {
		memcpy(label, r.label, r.label_len);
		*label_len = r.label_len;
	}
	*pos = r.end > 0 ? r.end : r.pos;
	return true;
}

/* The scope as labels and the root. Returns the length, 0 = cannot be said. */
static size_t write_scope(uint8_t *buf, const struct nb_name *name)
{
	const uint8_t *scope = name->scope;
	size_t start = 0;

	if (name->scope_len == 0) {
		buf[0] = 0;
		return 1;
	}
	for (size_t i = 0; i <= name->scope_len; i++) {
		if (i < name->scope_len && scope[i] != '.') {
			buf[1 + i] = scope[i];
			continue;
		}
		/* The dot's place takes the length of the label before it. */
		if (i == start || i - start > LABEL_MAX) {
			return 0;
		}
		buf[start] = (uint8_t)(i - start);
		start = i + 1;
	}
	buf[start] = 0;
	return start + 1;
}

size_t nbname_encode_raw(uint8_t *buf, size_t size, const uint8_t *label,
			 uint8_t label_len, const struct nb_name *scope_of)
{
	size_t first = 1 + 2 * (size_t)label_len;
	size_t scope = 0;

	if (label_len == 0 || label_len > 16 ||
	    size < first + 1 + scope_of->scope_len +
		   (scope_of->scope_len > 0 ? 1 : 0)) {
		return 0;
	}
	buf[0] = (uint8_t)(2 * label_len);
	for (size_t i = 0; i < label_len; i++) {
		buf[1 + 2 * i] = (uint8_t)('A' + (label[i] >> 4));
		buf[2 + 2 * i] = (uint8_t)('A' + (label[i] & 15u));
	}
	scope = write_scope(buf + first, scope_of);
	return scope > 0 ? first + scope : 0;
}

size_t nbname_encode(uint8_t *buf, size_t size, const struct nb_name *name)
{
	uint8_t label[16];
	bool star = name->len == 1 && name->byte[0] == '*';

	memset(label, star ? '\0' : ' ', NB_NAME_MAX);
	memcpy(label, name->byte, name->len);
	label[15] = name->type;
	return nbname_encode_raw(buf, size, label, sizeof(label), name);
}
