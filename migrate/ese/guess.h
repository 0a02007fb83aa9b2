/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which columns of an ESE database are the ones of a WINS database.
 *
 * Nobody has published what Microsoft's columns are called; what they hold is
 * known (formats.md 1). So the rows are looked at several times, each pass
 * believing what the one before has found:
 *
 *   survey   all tables: what kind of values each column has. The table with
 *            NetBIOS names, and the one that gives owner ids an address.
 *   owners   the latter, whole.
 *   roles    the names again: which column can be the owner, the type, ...
 *   lists    the names again: how addresses are laid out in their list, which
 *            way round, and the self-checks.
 *
 * A pass that finds nothing, or more than one thing, ends it: ese_guess_why().
 * Words in the columns' names decide only between columns whose values fit.
 *
 * Pure, but for memory that the caller gives: about 300 KB.
 */
#ifndef WINSMIGRATE_ESE_GUESS_H
#define WINSMIGRATE_ESE_GUESS_H

#include "core/record.h"
#include "migrate/ese/wire.h"

#define ESE_OWNERS	4096u
#define ESE_NEVER	0x7fffffffu	/* time stamp of a static record */
#define ESE_OLDEST	631152000u	/* 1990: before the first WINS server */
#define ESE_NONE	(-1)

/* A number of up to 8 bytes; false if the value is none. */
bool ese_number(const struct ese_column *column, const struct ese_value *value,
		uint64_t *number);

/* The 16 bytes of a name at the front, 1B turned back; false if none is. */
bool ese_name(const struct ese_value *value, struct nb_name *name);

/* ---- survey: what a column's values are like ---- */

struct ese_sight {
	uint64_t values;	/* that are there */
	uint64_t unreadable;	/* cut, or no number where one should be */
	uint32_t shortest, longest;
	uint64_t lowest, highest;	/* of numbers */
	uint64_t names, words, times;	/* values that could be such */
};

struct ese_table_sight {
	uint64_t rows, bad;
	struct ese_sight column[ESE_COLUMNS];
};

/* ---- roles ---- */

enum ese_role {
	ESE_OWNER,
	ESE_FLAGS,		/* as in replication: static, node, state, type */
	ESE_TYPE,
	ESE_STATIC,
	ESE_STATE,
	ESE_NODE,
	ESE_ROLES,
};

struct ese_role_sight {
	uint64_t good[ESE_COLUMNS];	/* rows that speak for it */
	uint64_t bad[ESE_COLUMNS];	/* rows that speak against */
};

/* ---- lists of addresses ---- */

#define ESE_CLASSES 3u		/* unique and group; sgroup; mhomed */
#define ESE_LAYOUTS 9u

enum ese_order { ESE_BIG, ESE_LITTLE };

/* Words of an entry: A address, O owner id, T time stamp. */
const char *ese_layout_words(unsigned int layout);

struct ese_list_sight {
	uint64_t rows[ESE_CLASSES];
	uint64_t bad[ESE_CLASSES][ESE_LAYOUTS];
	/* of uniques, by layout and order: addresses that are ... */
	uint64_t own[ESE_LAYOUTS][2];		/* --owner-zero's */
	uint64_t private[ESE_LAYOUTS][2];	/* of private networks */
	uint64_t owners[ESE_LAYOUTS][2][2];	/* an owner's, in its order */
	uint64_t above;		/* versions above their owner's highest */
	uint64_t statics;	/* static rows that do not last */
};

/* ---- what was found ---- */

struct ese_plan {
	uint32_t names;		/* table */
	int name, version, time, list;
	int role[ESE_ROLES];	/* ESE_NONE: not there */
	uint32_t owners;	/* table */
	int owner_id, owner_address, owner_highest;
	unsigned int layout[ESE_CLASSES];
	enum ese_order order, owner_order;
};

struct ese_owner {
	uint32_t id;
	uint32_t raw;		/* its address, as little endian */
	uint64_t highest;	/* 0: not told */
};

enum ese_pass {
	ESE_SURVEY,
	ESE_OWNER_TABLE,
	ESE_ROLE_ROWS,
	ESE_LIST_ROWS,
	ESE_KNOWN,
	ESE_UNKNOWN,
};

struct ese_guess {
	enum ese_pass pass;
	uint32_t owner_zero;		/* 0: not told */
	struct ese_plan plan;
	struct ese_table_sight table[ESE_TABLES];
	struct ese_role_sight role[ESE_ROLES];
	struct ese_list_sight list;
	uint32_t owners;
	struct ese_owner owner[ESE_OWNERS];
	uint64_t rows;			/* of names, in this pass */
	uint64_t own_rows;		/* of owner id 0 */
	bool unsure;			/* no name has --owner-zero's address */
	const char *problem;		/* a literal */
	const char *problem_columns[3];	/* or NULL */
};

void ese_guess_begin(struct ese_guess *guess, uint32_t owner_zero);

/* Which table the pass wants: a number, or UINT32_MAX for all. */
uint32_t ese_guess_wants(const struct ese_guess *guess);

/* A row (or a row that could not be read) of the pass. */
void ese_guess_row(struct ese_guess *guess, const struct ese_catalog *catalog,
		   uint32_t table, const struct ese_frame *frame);

/* The end of a pass; then guess->pass is the next one. */
void ese_guess_end_pass(struct ese_guess *guess,
			const struct ese_catalog *catalog);

/* ---- between the parts: survey.c, roles.c, lists.c ---- */

void ese_survey_row(struct ese_table_sight *sight,
		    const struct ese_table *table,
		    const struct ese_frame *frame);
bool ese_survey_end(struct ese_guess *guess,
		    const struct ese_catalog *catalog);
void ese_owner_row(struct ese_guess *guess, const struct ese_table *table,
		   const struct ese_frame *frame);
bool ese_owner_end(struct ese_guess *guess);
void ese_role_row(struct ese_guess *guess, const struct ese_table *table,
		  const struct ese_frame *frame);
bool ese_role_end(struct ese_guess *guess, const struct ese_table *table);
void ese_list_row(struct ese_guess *guess, const struct ese_table *table,
		  const struct ese_frame *frame);
bool ese_list_end(struct ese_guess *guess);

/* Few enough to be the exceptions that old databases have. */
bool ese_few(uint64_t bad, uint64_t all);

/*
 * The one column among those that fit; if several do, the one whose name has
 * one of the words; or any if all hold the same constant. ESE_NONE, and the
 * guess's problem if there are too many.
 */
int ese_choose(struct ese_guess *guess, uint32_t table,
	       const struct ese_table *columns, const bool fits[ESE_COLUMNS],
	       const char *words, const char *problem);

bool ese_problem(struct ese_guess *guess, const char *problem);	/* false */

const struct ese_owner *ese_find_owner(const struct ese_guess *guess,
				       uint64_t id);

/* ---- record.c: a row, by the plan ---- */

struct ese_facts {
	struct nb_name name;
	uint64_t version, time, owner;	/* raw */
	uint8_t type, state, node;
	bool is_static;
};

/* What all the rows say besides addresses; false: *why, a literal. */
bool ese_facts_read(const struct ese_plan *plan, const struct ese_table *table,
		    const struct ese_frame *frame, struct ese_facts *facts,
		    const char **why);

/* Fields (enum row_field) that rows of this plan say. */
unsigned int ese_plan_says(const struct ese_plan *plan);

/* False: *why, a literal. */
bool ese_record_read(const struct ese_guess *guess,
		     const struct ese_table *table,
		     const struct ese_frame *frame, struct nb_record *rec,
		     const char **why);

uint32_t ese_turn(uint32_t raw, enum ese_order order);	/* to host order */
unsigned int ese_class(unsigned int type);		/* of ESE_CLASSES */

#endif
