/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What two servers, databases or files say of one name: are they the same, do
 * they differ as servers may, or is something wrong? Pure: no I/O, no clock.
 */
#ifndef WINSMIGRATE_COMPARE_CLASS_H
#define WINSMIGRATE_COMPARE_CLASS_H

#include "core/name.h"
#include "core/record.h"

enum compare_kind {
	COMPARE_ABSENT,		/* a list without the name */
	COMPARE_RECORD,
	COMPARE_ANSWER,		/* of a query: addresses, in rec.member */
	COMPARE_NEGATIVE,	/* of a query: there is none */
	COMPARE_SILENT,		/* of a query: no answer came */
};

/* What one side says, and what is known of that side. */
struct compare_view {
	uint8_t kind;		/* enum compare_kind */
	unsigned int known;	/* RECORD: enum row_field that it says */
	struct nb_record rec;	/* ANSWER: NB_GROUP if it was a group's */
	uint32_t server;	/* the side's address; 0: it is no server */
	bool hides_released;	/* its lists have no released records */
	bool has_mark;		/* mark: highest version that it has of the */
	uint64_t mark;		/* owner of the other side's record */
	uint32_t first_1b;	/* 1C: first address of the domain's 1B; 0 */
};

/* Whom and what the configuration keeps out, and the time. */
struct compare_world {
	int64_t now;
	uint32_t pull_interval;
	int64_t first_seen;	/* when this difference was */
	bool appeared;		/* it came while we watched */
	const struct nb_name_list *blocked, *allowed;	/* may be NULL */
	const uint32_t *block_owner;
	unsigned int block_owners;
};

enum compare_class {
	COMPARE_EQUAL,
	COMPARE_EXPECTED,
	COMPARE_REAL,
	COMPARE_CLASSES
};

struct compare_finding {
	enum compare_class class;
	const char *reason;	/* a literal; NULL: EQUAL */
	bool young;		/* EXPECTED only for now */
};

const char *compare_class_name(enum compare_class class);

void compare_classify(const struct compare_view *old,
		      const struct compare_view *new,
		      const struct compare_world *world,
		      struct compare_finding *finding);

#endif
