/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records of the SMB suite's AD server as libldb has them, both ways: what
 * wins.ldb and its LDIF have in common (protocol.md 4.6, 7.5 and 7.6).
 */
#ifndef WINSMIGRATE_FORMAT_LDBREC_H
#define WINSMIGRATE_FORMAT_LDBREC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "migrate/format.h"

struct ldb_context;
struct ldb_message;

/* A libldb that says nothing on stderr, with no database behind it. */
struct ldb_context *ldbrec_library(TALLOC_CTX *mem_ctx);

/* ---- reading ---- */

enum ldbrec_kind {
	LDBREC_ROW,		/* a record or an option */
	LDBREC_NOTHING,		/* of the database's own housekeeping */
	LDBREC_BAD,		/* reason, detail */
	LDBREC_WHOSE,		/* owner 0, and nobody said who that is */
};

#define LDBREC_DETAIL	160
#define LDBREC_PARTNERS	256	/* of one server; nobody has half of them */

struct ldbrec_reader {
	uint32_t owner_zero;		/* 0: not told */
	uint64_t counter;		/* CN=VERSION, 0: not seen */
	unsigned int partners;
	uint32_t partner[LDBREC_PARTNERS];
	unsigned int type[LDBREC_PARTNERS];	/* bits: 1 pull, 2 push */
	const char *reason;		/* a literal */
	char detail[LDBREC_DETAIL];
	char option[64];		/* what row->option and ... */
	char value[24 * LDBREC_PARTNERS];	/* ... row->value point to */
};

/* Read an entry; row->place is left alone. */
enum ldbrec_kind ldbrec_read(struct ldbrec_reader *reader,
			     const struct ldb_message *msg, struct row *row);

/* The row `wins:partners` of all that were read; false: there were none. */
bool ldbrec_read_partners(struct ldbrec_reader *reader, struct row *row);

/* ---- writing ---- */

struct ldbrec_writer;

/* Where an entry goes: 0 or an errno. */
typedef int (*ldbrec_emit)(void *arg, const struct ldb_message *msg);

/* ldb makes the names of the entries; emit gets each, @MODULES first. */
int ldbrec_writer_open(TALLOC_CTX *mem_ctx, struct ldb_context *ldb,
		       const struct format_end *end, ldbrec_emit emit,
		       void *arg, struct ldbrec_writer **writer);

/* Tells the tally what becomes of the row. 0 or what emit returned. */
int ldbrec_writer_put(struct ldbrec_writer *writer, const struct row *row);

/* What is left to be written: records without a version, the counter. */
int ldbrec_writer_close(struct ldbrec_writer *writer);

#endif
