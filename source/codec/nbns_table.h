/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table that accepts or refuses datagrams of UDP 137, as decode and its
 * tests see it. Within the codec room only: other rooms see struct nbns_msg.
 */
#ifndef WINSD_CODEC_NBNS_TABLE_H
#define WINSD_CODEC_NBNS_TABLE_H

#include "codec/nbns.h"

/* Types as bits, so that a cell can name several. */
enum nbns_type_bit {
	NBNS_BIT_A = 0x01,
	NBNS_BIT_NS = 0x02,
	NBNS_BIT_NULL = 0x04,
	NBNS_BIT_NB = 0x08,
	NBNS_BIT_NBSTAT = 0x10,
	NBNS_BIT_OTHER = 0x20,
	NBNS_BIT_ALL = 0x3f,
};

enum nbns_section {
	NBNS_QUESTION,
	NBNS_ANSWER,
	NBNS_AUTHORITY,
	NBNS_ADDITIONAL,
	NBNS_SECTIONS
};

struct nbns_range {
	uint16_t min;
	uint16_t max;
};

struct nbns_row {
	uint8_t kind;			/* enum nbns_kind: what it is */
	bool response;			/* R */
	uint16_t opcodes;		/* bit n: opcode n */
	struct nbns_range rcode;
	struct nbns_range count[NBNS_SECTIONS];
	uint8_t first;			/* section of the record looked at;
					   NBNS_QUESTION = none */
	uint8_t question;		/* type bits; 0 = not looked at */
	uint8_t type;			/* type bits; 0 = not looked at */
	struct nbns_range rdlength;
	const char *ref;		/* paragraph of protocol.md */
};

/* What the table is asked about: the numbers of a datagram. */
struct nbns_facts {
	uint16_t operation;
	uint16_t count[NBNS_SECTIONS];
	uint16_t question_type;		/* of the first question */
	uint16_t question_class;
	uint16_t type;			/* of the first record of the section */
	uint16_t class;
	uint16_t rdlength;
};

/*
 * The first row that fits operation and counts, or NULL with *error set. All
 * rows that fit look at a record of the same section, so this one tells where
 * to read on.
 */
const struct nbns_row *nbns_row_counts(const struct nbns_facts *facts,
				       enum nbns_error *error);

/* The first row from there on that fits all facts, or NULL with *error set. */
const struct nbns_row *nbns_row_match(const struct nbns_row *row,
				      const struct nbns_facts *facts,
				      enum nbns_error *error);

/* The row by index; NULL behind the last. For tests. */
const struct nbns_row *nbns_row_at(unsigned int index);

#endif
