/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes are put together by hand here, from RFC 1002 and protocol.md section
 * 1: a generator that used the codec's own encoder could not say what the
 * codec would never say.
 */

#include <string.h>

#include "sim/nbns_shapes.h"

#define POINTER 0xc00cu	/* to the first name */

struct out {
	uint8_t *buf;
	size_t len;
};

static void out8(struct out *o, unsigned int value)
{
	o->buf[o->len++] = (uint8_t)value;
}

static void out16(struct out *o, unsigned int value)
{
	out8(o, value >> 8 & 255u);
	out8(o, value & 255u);
}

static void out_fill(struct out *o, int byte, size_t count)
{
	memset(o->buf + o->len, byte, count);
	o->len += count;
}

/* A label of that many letters, padded with the blank's two. */
static void out_letters(struct out *o, const char *text, size_t letters)
{
	size_t len = strlen(text);

	out8(o, (unsigned int)letters);
	for (size_t i = 0; i < letters; i++) {
		out8(o, (uint8_t)(i < len ? text[i] : "CA"[i % 2]));
	}
}

/* NB_FLAGS and an address, over and over, cut where it must end. */
static void out_rdata(struct out *o, size_t len)
{
	static const uint8_t entry[] = { 0x60, 0x00, 10, 1, 2, 3 };

	for (size_t i = 0; i < len; i++) {
		out8(o, entry[i % sizeof(entry)]);
	}
}

static void out_record_tail(struct out *o, unsigned int type,
			    unsigned int rdlength, size_t given)
{
	out16(o, type);
	out16(o, 1);
	out16(o, 0x0004);	/* TTL 300000 s */
	out16(o, 0x93e0);
	out16(o, rdlength);
	out_rdata(o, given);
}

/* Take one digit of the number in this base. */
static unsigned int digit(uint32_t *n, unsigned int base)
{
	unsigned int value = *n % base;

	*n /= base;
	return value;
}

static void out_header(struct out *o, unsigned int trn_id,
		       unsigned int operation, const unsigned int count[4])
{
	out16(o, trn_id);
	out16(o, operation);
	for (int i = 0; i < 4; i++) {
		out16(o, count[i]);
	}
}

/* ---- the matrix ---- */

#define WHOLE	-1	/* cut: not at all */
#define LAST	-2	/* cut: the last byte */
#define MORE	-3	/* four bytes behind the end */

static const struct length {
	uint16_t rdlength;	/* said by the first record of each section */
	uint16_t given;
	int cut;		/* bytes left of the datagram */
} lengths[20] = {
	{ 0, 0, WHOLE }, { 1, 1, WHOLE }, { 2, 2, WHOLE }, { 5, 5, WHOLE },
	{ 6, 6, WHOLE }, { 7, 7, WHOLE }, { 12, 12, WHOLE },
	{ 18, 18, WHOLE }, { 46, 46, WHOLE }, { 47, 47, WHOLE },
	{ 65, 65, WHOLE }, { 150, 150, WHOLE }, { 156, 156, WHOLE },
	{ 512, 512, WHOLE }, { 6, 0, WHOLE }, { 65535, 6, WHOLE },
	{ 6, 6, 11 }, { 6, 6, 45 }, { 6, 6, LAST }, { 6, 6, MORE },
};

#define LENGTH_USUAL (&lengths[4])

static const uint16_t types[7] = {
	0x0020, 0x0021, 0x000a, 0x0001, 0x0002, 0x0000, 0xffff,
};

static const uint16_t flags[9] = {
	0x0000, 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0060, 0x0010,
	0x87f0,
};

static const uint16_t counts[4] = { 0, 1, 2, 65535 };

static unsigned int present(unsigned int count)
{
	return count == 65535 ? 1 : count;
}

/* The first name is spelled out, all others point to it. */
static void matrix_name(struct out *o)
{
	if (o->len > 12) {
		out16(o, POINTER);
		return;
	}
	out_letters(o, "FHEPFCELFDFEEBFEEJEPEO", 32);
	out8(o, 0);
}

static void matrix_question(struct out *o, unsigned int type)
{
	matrix_name(o);
	out16(o, type);
	out16(o, 1);
}

static void matrix_record(struct out *o, unsigned int type,
			  const struct length *length)
{
	matrix_name(o);
	out_record_tail(o, type, length->rdlength, length->given);
}

static size_t matrix_length(const struct out *o, int cut)
{
	if (cut == LAST) {
		return o->len - 1;
	}
	return cut >= 0 && (size_t)cut < o->len ? (size_t)cut : o->len;
}

static void matrix_body(struct out *o, const unsigned int count[4],
			unsigned int type, const struct length *length)
{
	for (unsigned int i = 0; i < present(count[0]); i++) {
		matrix_question(o, i == 0 ? type : 0x0020);
	}
	for (int section = 1; section < 4; section++) {
		for (unsigned int i = 0; i < present(count[section]); i++) {
			matrix_record(o, i == 0 ? type : 0x0020,
				      i == 0 ? length : LENGTH_USUAL);
		}
	}
}

size_t nbns_matrix_at(uint32_t n, uint8_t buf[NBNS_SHAPE_MAX])
{
	struct out o = { .buf = buf };
	unsigned int trn_id = n & 0xffffu;
	const struct length *length = &lengths[digit(&n, 20)];
	unsigned int type = types[digit(&n, 7)];
	unsigned int count[4] = { 0 };
	unsigned int operation = 0;

	for (int i = 0; i < 4; i++) {
		count[i] = counts[digit(&n, 4)];
	}
	operation = flags[digit(&n, 9)];
	operation |= digit(&n, 16) << 11;

	out_header(&o, trn_id, operation, count);
	matrix_body(&o, count, type, length);
	if (length->cut == MORE) {
		out_fill(&o, 0xa5, 4);
	}
	return matrix_length(&o, length->cut);
}

/* ---- the paths ---- */

enum section { QUESTION, ANSWER, AUTHORITY, ADDITIONAL };

static const struct path_op {
	uint16_t operation;
	uint8_t section;	/* of its record; QUESTION = has none */
	uint16_t question;
	uint16_t type;
} path_ops[20] = {
	{ 0x0100, QUESTION, 0x0020, 0x0020 },		/* query */
	{ 0x0000, QUESTION, 0x0021, 0x0020 },		/* node status */
	{ 0x0110, QUESTION, 0x0001, 0x0020 },		/* asks for A */
	{ 0x2900, ADDITIONAL, 0x0020, 0x0020 },		/* registration */
	{ 0x2810, ADDITIONAL, 0x0020, 0x0020 },
	{ 0x4000, ADDITIONAL, 0x0020, 0x0020 },		/* refresh */
	{ 0x4800, ADDITIONAL, 0x0020, 0x0020 },
	{ 0x7900, ADDITIONAL, 0x0020, 0x0020 },		/* multihomed */
	{ 0x3000, ADDITIONAL, 0x0020, 0x0020 },		/* release */
	{ 0x3010, ADDITIONAL, 0x0020, 0x0020 },
	{ 0x8580, ANSWER, 0x0020, 0x0020 },		/* positive query */
	{ 0x8400, ANSWER, 0x0021, 0x0021 },		/* node status reply */
	{ 0x8403, ANSWER, 0x0020, 0x000a },		/* negative query */
	{ 0x8583, ANSWER, 0x0020, 0x0020 },		/* with another type */
	{ 0xad80, ANSWER, 0x0020, 0x0020 },		/* registered */
	{ 0xad86, ANSWER, 0x0020, 0x0020 },		/* refused */
	{ 0xc580, ANSWER, 0x0020, 0x0020 },		/* opcode 8 */
	{ 0xb400, ANSWER, 0x0020, 0x0020 },		/* released */
	{ 0xbc00, ANSWER, 0x0020, 0x0020 },		/* WACK */
	{ 0xbc00, ANSWER, 0x0020, 0x000a },		/* nmbd's WACK */
};

/*
 * Names: a first label, a scope of one-letter labels whose number is another
 * for each operation and form, and what comes behind those.
 */
static const struct path_name {
	const char *letters;
	uint8_t length;		/* of the first label */
	uint8_t scope;		/* characters in all; 0 = no more labels */
	char odd;		/* a last label with this in the middle */
} path_names[10] = {
	{ "FHEPFCEL", 32, 0, 0 },
	{ "EB", 2, 0, 0 },				/* one byte */
	{ "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 32, 0, 0 },	/* "*" */
	{ "EB", 32, 0, 'x' },
	{ "ECAAEC", 30, 0, 'x' },
	{ "EDED", 32, 237, 0 },				/* the limit */
	{ "EEEEEE", 32, 238, 0 },			/* still parsed */
	{ "EFEF", 32, 239, 0 },				/* too long */
	{ "EGEG", 32, 0, '.' },				/* a record has no */
	{ "EHEH", 32, 0, '\0' },			/* place for these */
};

enum path_form {
	FORM_POINTER,		/* to the question */
	FORM_SPELLED,
	FORM_HALF,		/* label spelled, scope by a pointer */
	FORM_CHAIN,		/* a pointer to the name of an answer */
	FORM_OTHER,		/* another name */
	FORM_SELF,		/* ends in a pointer to itself */
	FORM_AUTHORITY,		/* two records more that nobody reads */
	FORM_EVERYTHING,	/* all sections filled */
	FORM_EMPTY,		/* RDLENGTH 0 */
	FORM_26,		/* one address more than may be kept */
};

struct path {
	const struct path_op *op;
	unsigned int name;
	unsigned int form;
	unsigned int labels;
	unsigned int count[4];
};

static void path_label(struct out *o, size_t len)
{
	out8(o, (unsigned int)len);
	out_fill(o, 'y', len);
}

/* Labels of up to 63 until the scope has that many characters. */
static void path_rest(struct out *o, size_t used, size_t wanted)
{
	while (used < wanted) {
		size_t len = wanted - used - (used > 0 ? 1 : 0);

		len = len > 63 ? 63 : len;
		/* never leave a rest of one, which is no label's dot */
		len -= wanted - used - len == 2 ? 1 : 0;
		path_label(o, len);
		used += len + (used > 0 ? 1 : 0);
	}
}

static void path_name(struct out *o, const struct path *path,
		      unsigned int index)
{
	const struct path_name *name = &path_names[index];
	size_t used = path->labels > 0 ? 2 * path->labels - 1 : 0;

	out_letters(o, name->letters, name->length);
	for (unsigned int i = 0; i < path->labels; i++) {
		path_label(o, 1);
	}
	if (name->scope > 0) {
		path_rest(o, used, name->scope);
	}
	if (index == 3 || index == 4 || index > 7) {
		path_label(o, 3);
		o->buf[o->len - 2] = (uint8_t)name->odd;
	}
	out8(o, 0);
}

/* The question's first label once more, its scope by a pointer. */
static void path_half(struct out *o)
{
	size_t label = 1u + o->buf[12];

	memcpy(o->buf + o->len, o->buf + 12, label);
	o->len += label;
	out16(o, POINTER + (unsigned int)label);
}

static void path_record_name(struct out *o, const struct path *path)
{
	switch (path->form) {
	case FORM_SPELLED:
		path_name(o, path, path->name);
		break;
	case FORM_HALF:
		path_half(o);
		break;
	case FORM_OTHER:
		path_name(o, path, (path->name + 1) % 7);
		break;
	case FORM_SELF:
		path_name(o, path, path->name);
		o->len--;	/* the root */
		out16(o, 0xc000u + (unsigned int)o->len);
		break;
	default:
		out16(o, POINTER);
	}
}

static void path_record(struct out *o, const struct path *path)
{
	unsigned int rdlength = path->form == FORM_EMPTY ? 0 :
				path->form == FORM_26 ? 156 : 6;

	path_record_name(o, path);
	out_record_tail(o, path->op->type, rdlength, rdlength);
}

/*
 * A chain is the question and two records, the second of which points to the
 * name of the first. In a response the first is the one that is read.
 */
static void path_chain(struct out *o, const struct path *path)
{
	unsigned int first = 0xc000u + (unsigned int)o->len;

	path_record(o, path);
	out16(o, first);
	out_record_tail(o, path->op->type, 6, 6);
}

static void path_counts(struct path *path)
{
	unsigned int own = path->op->section;

	path->count[QUESTION] = 1;
	if (own == ANSWER && path->form == FORM_SPELLED) {
		path->count[QUESTION] = 0;
	}
	if (own != QUESTION) {
		path->count[own] = 1;
	} else if (path->form != FORM_POINTER) {
		path->count[ADDITIONAL] = 1;
	}
	if (path->form == FORM_CHAIN) {
		path->count[ANSWER] = 1;
		path->count[ADDITIONAL] = 1;
	}
	if (path->form == FORM_AUTHORITY) {
		path->count[AUTHORITY] = 2;
	}
	if (path->form == FORM_EVERYTHING) {
		path->count[ANSWER] = 1;
		path->count[AUTHORITY] = 1;
		path->count[ADDITIONAL] = 1;
	}
}

static void path_body(struct out *o, const struct path *path)
{
	unsigned int records = path->count[ANSWER] + path->count[AUTHORITY] +
			       path->count[ADDITIONAL];

	if (path->count[QUESTION] > 0) {
		path_name(o, path, path->name);
		out16(o, path->op->question);
		out16(o, 1);
	}
	if (path->form == FORM_CHAIN) {
		path_chain(o, path);
		return;
	}
	for (unsigned int i = 0; i < records; i++) {
		path_record(o, path);
	}
}

size_t nbns_path_at(uint32_t n, uint8_t buf[NBNS_SHAPE_MAX])
{
	struct out o = { .buf = buf };
	struct path path = { .labels = 0 };
	unsigned int trn_id = n & 0xffffu;
	unsigned int index = 0;

	path.form = digit(&n, 10);
	path.name = digit(&n, 10);
	index = digit(&n, 20);
	path.op = &path_ops[index];
	path.labels = (10 * index + path.form) % 100;
	path_counts(&path);
	out_header(&o, trn_id, path.op->operation, path.count);
	path_body(&o, &path);
	return o.len;
}
