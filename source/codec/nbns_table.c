/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may come in on UDP 137: one row for each kind of datagram, first match
 * wins, no match is a refusal (protocol.md 1.1, 1.4, 1.6).
 *
 * Requests are judged as 1.6 says and not more strictly: counts that it does
 * not name may be anything, so long as every record that is counted is there.
 * Responses come from hosts and servers of all ages and are judged by what
 * 1.4 says that a client looks at: nmbd's WACK has the type NULL, a refresh
 * may be answered with opcode 5, 8 or 9, an error needs no address.
 *
 * The class is 1 wherever a row looks at a type; no row asks for another.
 * TC, RD, RA and the reserved bits never decide, nor does the RCODE of a
 * request. The B flag is data for whoever reads the message.
 */

#include "codec/nbns_table.h"

#define CLASS_IN	1

#define OP(n)		(1u << NBNS_OPCODE_##n)
#define OP_REFRESHES	(OP(REFRESH) | OP(REFRESH_ALT))
#define OP_REGISTERS	(OP(REGISTER) | OP(MREGISTER) | OP_REFRESHES)

#define ANY		{ 0, 0xffff }
#define ONE		{ 1, 1 }
#define SOME		{ 1, 0xffff }
#define FROM(n)		{ n, 0xffff }
#define SIX		{ 6, 6 }	/* one address */
#define GOOD		{ 0, 0 }	/* rcode */
#define BAD		{ 1, 15 }

static const struct nbns_row rows[] = {
/* requests: the question first, then the additional record */
{ NBNS_QUERY, false, OP(QUERY), ANY, { ONE, ANY, ANY, ANY },
  NBNS_QUESTION, NBNS_BIT_NB, 0, ANY, "1.6 query routing" },
{ NBNS_STATUS, false, OP(QUERY), ANY, { ONE, ANY, ANY, ANY },
  NBNS_QUESTION, NBNS_BIT_NBSTAT, 0, ANY, "1.4 node status" },
{ NBNS_REGISTER, false, OP(REGISTER), ANY, { ONE, ANY, ANY, ONE },
  NBNS_ADDITIONAL, NBNS_BIT_NB, NBNS_BIT_NB, SIX, "1.6 5/8/9" },
{ NBNS_REFRESH, false, OP_REFRESHES, ANY, { ONE, ANY, ANY, ONE },
  NBNS_ADDITIONAL, NBNS_BIT_NB, NBNS_BIT_NB, SIX, "1.6 5/8/9" },
{ NBNS_MREGISTER, false, OP(MREGISTER), ANY, { SOME, ANY, ANY, SOME },
  NBNS_ADDITIONAL, NBNS_BIT_NB, NBNS_BIT_NB, FROM(6), "1.6 15" },
{ NBNS_RELEASE, false, OP(RELEASE), ANY, { SOME, ANY, ANY, SOME },
  NBNS_ADDITIONAL, NBNS_BIT_NB, NBNS_BIT_NB, ANY, "1.6 6" },

/* responses: one answer */
{ NBNS_QUERY_REPLY, true, OP(QUERY), GOOD, { ANY, ONE, ANY, ANY },
  NBNS_ANSWER, 0, NBNS_BIT_NB, FROM(6), "1.4 positive query" },
{ NBNS_STATUS_REPLY, true, OP(QUERY), GOOD, { ANY, ONE, ANY, ANY },
  NBNS_ANSWER, 0, NBNS_BIT_NBSTAT, FROM(1), "1.5" },
{ NBNS_NEGATIVE_REPLY, true, OP(QUERY), GOOD, { ANY, ONE, ANY, ANY },
  NBNS_ANSWER, 0, NBNS_BIT_NULL, ANY, "1.4 negative query" },
{ NBNS_NEGATIVE_REPLY, true, OP(QUERY), BAD, { ANY, ONE, ANY, ANY },
  NBNS_ANSWER, 0, NBNS_BIT_ALL, ANY, "1.1 every RCODE != 0" },
{ NBNS_REGISTER_REPLY, true, OP_REGISTERS, GOOD, { ANY, ONE, ANY, ANY },
  NBNS_ANSWER, 0, NBNS_BIT_NB, FROM(6), "1.4 RDLENGTH >= 6" },
{ NBNS_REGISTER_REPLY, true, OP_REGISTERS, BAD, { ANY, ONE, ANY, ANY },
  NBNS_ANSWER, 0, NBNS_BIT_ALL, ANY, "1.4 rcode first" },
{ NBNS_RELEASE_REPLY, true, OP(RELEASE), GOOD, { ANY, ONE, ANY, ANY },
  NBNS_ANSWER, 0, NBNS_BIT_NB, ANY, "1.4 release" },
{ NBNS_RELEASE_REPLY, true, OP(RELEASE), BAD, { ANY, ONE, ANY, ANY },
  NBNS_ANSWER, 0, NBNS_BIT_ALL, ANY, "1.4 rcode first" },
{ NBNS_WACK, true, OP(WACK), ANY, { ANY, ONE, ANY, ANY },
  NBNS_ANSWER, 0, NBNS_BIT_NB | NBNS_BIT_NULL, FROM(2), "1.4, 10.2 WACK" },
};

#define ROWS	(sizeof(rows) / sizeof(rows[0]))

const struct nbns_row *nbns_row_at(unsigned int index)
{
	return index < ROWS ? &rows[index] : NULL;
}

static bool within(const struct nbns_range *range, uint16_t value)
{
	return value >= range->min && value <= range->max;
}

static uint8_t type_bit(uint16_t type)
{
	switch (type) {
	case NBNS_TYPE_A:
		return NBNS_BIT_A;
	case NBNS_TYPE_NS:
		return NBNS_BIT_NS;
	case NBNS_TYPE_NULL:
		return NBNS_BIT_NULL;
	case NBNS_TYPE_NB:
		return NBNS_BIT_NB;
	case NBNS_TYPE_NBSTAT:
		return NBNS_BIT_NBSTAT;
	default:
		return NBNS_BIT_OTHER;
	}
}

static bool row_opcode(const struct nbns_row *row, uint16_t operation)
{
	bool response = (operation & NBNS_OP_RESPONSE) != 0;

	return row->response == response &&
	       (row->opcodes >> NBNS_OPCODE(operation) & 1u) != 0;
}

static bool row_counts(const struct nbns_row *row,
		       const struct nbns_facts *facts)
{
	for (int i = 0; i < NBNS_SECTIONS; i++) {
		if (!within(&row->count[i], facts->count[i])) {
			return false;
		}
	}
	return true;
}

/* A type of 0 bits is not looked at. */
static bool row_type(uint8_t bits, uint16_t type, uint16_t class)
{
	return bits == 0 ||
	       (class == CLASS_IN && (bits & type_bit(type)) != 0);
}

static bool row_types(const struct nbns_row *row,
		      const struct nbns_facts *facts)
{
	return within(&row->rcode, facts->operation & NBNS_OP_RCODE) &&
	       row_type(row->question, facts->question_type,
			facts->question_class) &&
	       row_type(row->type, facts->type, facts->class);
}

const struct nbns_row *nbns_row_counts(const struct nbns_facts *facts,
				       enum nbns_error *error)
{
	*error = NBNS_OPCODE_UNKNOWN;
	for (const struct nbns_row *row = rows; row < rows + ROWS; row++) {
		if (!row_opcode(row, facts->operation)) {
			continue;
		}
		if (row_counts(row, facts)) {
			return row;
		}
		*error = NBNS_COUNTS;
	}
	return NULL;
}

const struct nbns_row *nbns_row_match(const struct nbns_row *row,
				      const struct nbns_facts *facts,
				      enum nbns_error *error)
{
	*error = NBNS_BAD_TYPE;
	for (; row < rows + ROWS; row++) {
		if (!row_opcode(row, facts->operation) ||
		    !row_counts(row, facts) || !row_types(row, facts)) {
			continue;
		}
		if (within(&row->rdlength, facts->rdlength)) {
			return row;
		}
		*error = NBNS_BAD_LENGTH;
	}
	return NULL;
}

const char *nbns_kind_name(enum nbns_kind kind)
{
	static const char *const names[NBNS_KINDS] = {
		[NBNS_QUERY] = "query",
		[NBNS_STATUS] = "status",
		[NBNS_REGISTER] = "register",
		[NBNS_MREGISTER] = "mregister",
		[NBNS_REFRESH] = "refresh",
		[NBNS_RELEASE] = "release",
		[NBNS_QUERY_REPLY] = "query reply",
		[NBNS_NEGATIVE_REPLY] = "negative reply",
		[NBNS_STATUS_REPLY] = "status reply",
		[NBNS_REGISTER_REPLY] = "register reply",
		[NBNS_RELEASE_REPLY] = "release reply",
		[NBNS_WACK] = "wack",
	};

	return (unsigned int)kind < NBNS_KINDS ? names[kind] : "unknown";
}

const char *nbns_error_name(enum nbns_error error)
{
	static const char *const names[NBNS_ERRORS] = {
		[NBNS_OK] = "ok",
		[NBNS_SHORT] = "short",
		[NBNS_OPCODE_UNKNOWN] = "opcode",
		[NBNS_COUNTS] = "counts",
		[NBNS_BAD_NAME] = "name",
		[NBNS_BAD_TYPE] = "type",
		[NBNS_BAD_LENGTH] = "length",
	};

	return (unsigned int)error < NBNS_ERRORS ? names[error] : "unknown";
}
