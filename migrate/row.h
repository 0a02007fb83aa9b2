/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A row: what one entry of a source says, and what it does not say.
 *
 * Every format is translated to this and from this. Few formats say all of a
 * record: a row carries in `known` which of its fields the source really had,
 * so that the report can name what is missing, an import does not take a
 * default for a fact, and a writer does not print it.
 *
 * In rows times are seconds since the epoch of the wall clock, and owners are
 * real addresses; 0 means that nobody said (with ROW_OWNER unset), never "this
 * server". Configuration comes as rows, too: a source of Windows or Samba
 * brings its partners and timers along.
 */
#ifndef WINSMIGRATE_ROW_H
#define WINSMIGRATE_ROW_H

#include "core/record.h"

enum row_kind {
	ROW_RECORD,
	ROW_OPTION,		/* option, value: a line of our configuration */
};

/* Fields that a source says, and that a format has room for. */
enum row_field {
	ROW_TYPE = 1 << 0,	/* else by suffix, group bit, addresses */
	ROW_STATE = 1 << 1,	/* else NB_ACTIVE */
	ROW_STATIC = 1 << 2,	/* else dynamic */
	ROW_NODE = 1 << 3,	/* else NB_H_NODE */
	ROW_OWNER = 1 << 4,	/* else 0 */
	ROW_VERSION = 1 << 5,	/* else 0 */
	ROW_EXPIRES = 1 << 6,	/* else 0: to be given a life at import */
	ROW_SCOPE = 1 << 7,	/* else empty */
	ROW_MEMBER_OWNERS = 1 << 8,	/* else the record's */
	ROW_MEMBER_EXPIRES = 1 << 9,	/* else the record's */
	ROW_RAW_NAMES = 1 << 10,	/* any byte in a name */
	ROW_ALL = (1 << 11) - 1,	/* of a record */
	ROW_QUERIED = 1 << 11,	/* of its name; else 0 */
};

struct row {
	enum row_kind kind;
	unsigned int known;	/* enum row_field, or-ed */
	struct nb_record rec;	/* settled: nb_record_broken() is NULL */
	int64_t queried;	/* when it was last asked for; -1: never, as far
				   as anybody remembers; 0: not known */
	uint64_t place;		/* line, record or offset in the source; 0:
				   it has none */
	const char *changed;	/* a literal: reading had to change something
				   ("name cut to 15 bytes"); NULL */
	/* ROW_OPTION: borrowed until the next call of next() */
	const char *option;	/* "wins:partners"; NULL: no such option of
				   ours, value says what it was */
	const char *value;
	const char *remark;	/* where it came from; may be NULL */
};

/* "owner", "version", ...: for reports. */
const char *row_field_name(enum row_field field);

/*
 * The known fields of a record whose value is not what stands there for a
 * field that nobody says: what a format without room for them loses.
 */
unsigned int row_says(const struct row *row);

/* Are all times within what text has, the years 1970 to 9999? */
bool row_times_fit(const struct row *row);

#endif
