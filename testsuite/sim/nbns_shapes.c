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
	{ 0x3800, ADDITIONAL, 0x0020, 0x0020 },		/* no such request */
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

static const struct path_name {
	const char *letters;
	uint8_t length;
	uint8_t scope[8];	/* lengths of its labels */
} path_names[10] = {
	{ "FHEPFCEL", 32, { 0 } },
	{ "EB", 2, { 0 } },				/* one byte */
	{ "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 32, { 0 } },	/* "*" */
	{ "EB", 32, { 7 } },
	{ "ECAAEC", 32, { 3, 7, 3 } },
	{ "EDED", 32, { 63, 63, 63, 45 } },		/* 237: the limit */
	{ "EEEE", 32, { 63, 63, 63, 46 } },		/* 238: still parsed */
	{ "EFEF", 32, { 63, 63, 63, 47 } },		/* too long */
	{ "EGeg", 32, { 0 } },				/* not letters */
	{ "EH", 34, { 0 } },				/* label too long */
};

enum path_form {
	FORM_POINTER,		/* to the question */
	FORM_SPELLED,
	FORM_HALF,		/* label spelled, scope by a pointer */
	FORM_CHAIN,		/* a pointer to a pointer */
	FORM_OTHER,		/* another name */
	FORM_SELF,		/* a pointer to itself */
	FORM_TWICE,		/* two records */
	FORM_EVERYTHING,	/* all sections filled */
	FORM_EMPTY,		/* RDLENGTH 0 */
	FORM_26,		/* one address more than may be kept */
};

static void path_name(struct out *o, unsigned int index)
{
	const struct path_name *name = &path_names[index];

	out_letters(o, name->letters, name->length);
	for (int i = 0; name->scope[i] != 0; i++) {
		out8(o, name->scope[i]);
		out_fill(o, 'a' + i, name->scope[i]);
	}
	out8(o, 0);
}

static void path_question(struct out *o, const struct path_op *op,
			  unsigned int name, unsigned int form)
{
	path_name(o, name);
	out16(o, op->question);
	out16(o, 1);
	if (form == FORM_CHAIN) {
		out16(o, POINTER);
		out16(o, op->question);
		out16(o, 1);
	}
}

/* The question's first label once more, its scope by a pointer. */
static void path_half(struct out *o)
{
	size_t label = 1u + o->buf[12];

	memcpy(o->buf + o->len, o->buf + 12, label);
	o->len += label;
	out16(o, POINTER + (unsigned int)label);
}

static void path_record_name(struct out *o, unsigned int name,
			     unsigned int form)
{
	unsigned int here = 0xc000u + (unsigned int)o->len;

	switch (form) {
	case FORM_SPELLED:
		path_name(o, name);
		break;
	case FORM_HALF:
		path_half(o);
		break;
	case FORM_CHAIN:
		out16(o, here - 6);	/* the second question */
		break;
	case FORM_OTHER:
		path_name(o, (name + 1) % 7);
		break;
	case FORM_SELF:
		out16(o, here);
		break;
	default:
		out16(o, POINTER);
	}
}

static void path_record(struct out *o, const struct path_op *op,
			unsigned int name, unsigned int form)
{
	unsigned int rdlength = form == FORM_EMPTY ? 0 :
				form == FORM_26 ? 156 : 6;

	path_record_name(o, name, form);
	out_record_tail(o, op->type, rdlength, rdlength);
}

static void path_counts(unsigned int count[4], const struct path_op *op,
			unsigned int form)
{
	count[QUESTION] = form == FORM_CHAIN ? 2 : 1;
	if (op->section == ANSWER && form == FORM_SPELLED) {
		count[QUESTION] = 0;
	}
	if (op->section != QUESTION) {
		count[op->section] = form == FORM_TWICE ? 2 : 1;
	} else if (form != FORM_POINTER) {
		count[ADDITIONAL] = 1;
	}
	if (form == FORM_EVERYTHING) {
		count[ANSWER] = 1;
		count[AUTHORITY] = 1;
		count[ADDITIONAL] = 1;
	}
}

size_t nbns_path_at(uint32_t n, uint8_t buf[NBNS_SHAPE_MAX])
{
	struct out o = { .buf = buf };
	unsigned int trn_id = n & 0xffffu;
	unsigned int form = digit(&n, 10);
	unsigned int name = digit(&n, 10);
	const struct path_op *op = &path_ops[digit(&n, 20)];
	unsigned int count[4] = { 0 };

	path_counts(count, op, form);
	out_header(&o, trn_id, op->operation, count);
	if (count[QUESTION] > 0) {
		path_question(&o, op, name, form);
	}
	for (unsigned int i = count[ANSWER] + count[AUTHORITY] +
			      count[ADDITIONAL]; i > 0; i--) {
		path_record(&o, op, name, form);
	}
	return o.len;
}
