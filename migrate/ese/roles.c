/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which of the small columns of the table of names is what.
 *
 * Each row is held against each column in each role: what the name says of its
 * type (1C is an internet group, 1E a normal one, 1B has one holder), what the
 * time stamp says of static (they last for ever), and whether an owner of that
 * id exists and has given out such a version. A role needs a column that no
 * row, but for a few, speaks against; where several are left, one that rows
 * speak for, then one whose name has a word of the role.
 *
 * Type, static, state and node may be one column, packed as in the flags of a
 * record in replication (protocol.md 3.3): bit 7 static, 6-5 node, 4 replica,
 * 3-2 state, 1-0 type. State and node may be missing; the others may not.
 */
#include "migrate/ese/guess.h"

#include <string.h>

#define STATES 3u

static const struct {
	const char *words;
	const char *none;
	const char *several;
} roles[] = {
	[ESE_OWNER] = { "own", "no column may be the owner",
			"several columns may be the owner" },
	[ESE_FLAGS] = { "flag", "no column may be the type",
			"several columns may be the flags" },
	[ESE_TYPE] = { "typ", "no column may be the type",
		       "several columns may be the type" },
	[ESE_STATIC] = { "static", "no column may be the static flag",
			 "several columns may be the static flag" },
	[ESE_STATE] = { "state", NULL, "several columns may be the state" },
	[ESE_NODE] = { "node", NULL, "several columns may be the node type" },
};

/* ---- what a row says of a number in a role: 1 for, -1 against, 0 ---- */

static int type_says(const struct nb_name *name, uint64_t number)
{
	if (number > NB_MHOMED) {
		return -1;
	}
	switch (name->type) {
	case 0x1c:
		return number == NB_SGROUP ? 1 : -1;
	case 0x1e:
		return number == NB_GROUP ? 1 : -1;
	case 0x1b:
		return number == NB_UNIQUE || number == NB_MHOMED ? 0 : -1;
	default:
		return 0;
	}
}

static int static_says(uint64_t time, uint64_t number)
{
	if (number > 1 || (number == 1) != (time == ESE_NEVER)) {
		return -1;
	}
	return number == 1 ? 1 : 0;
}

static int flags_say(const struct nb_name *name, uint64_t time, uint64_t number)
{
	int type = type_says(name, number & 3);

	if (number > 0xff || type < 0 || (number >> 2 & 3) >= STATES ||
	    static_says(time, number >> 7) < 0) {
		return -1;
	}
	return type;
}

static int owner_says(const struct ese_guess *guess, uint64_t version,
		      uint64_t number)
{
	const struct ese_owner *owner = ese_find_owner(guess, number);

	if (owner == NULL ||
	    (owner->highest != 0 && version > owner->highest)) {
		return -1;
	}
	return number != 0 ? 1 : 0;
}

static int says(const struct ese_guess *guess, enum ese_role role,
		const struct ese_facts *facts, uint64_t number)
{
	switch (role) {
	case ESE_OWNER:
		return owner_says(guess, facts->version, number);
	case ESE_FLAGS:
		return flags_say(&facts->name, facts->time, number);
	case ESE_TYPE:
		return type_says(&facts->name, number);
	case ESE_STATIC:
		return static_says(facts->time, number);
	case ESE_STATE:
		return number < STATES ? 0 : -1;
	case ESE_NODE:
		return number <= NB_H_NODE ? 0 : -1;
	case ESE_ROLES:
		break;
	}
	return -1;
}

static bool is_candidate(const struct ese_guess *guess,
			 const struct ese_table *table, unsigned int column)
{
	uint32_t type = table->column[column].type;
	int is = (int)column;

	return (type == ESE_BIT || type == ESE_U8 || type == ESE_I16 ||
		type == ESE_I32 || type == ESE_U32 || type == ESE_U16) &&
	       is != guess->plan.time && is != guess->plan.list;
}

void ese_role_row(struct ese_guess *guess, const struct ese_table *table,
		  const struct ese_frame *frame)
{
	struct ese_facts facts;
	const char *why = NULL;

	if (!ese_facts_read(&guess->plan, table, frame, &facts, &why)) {
		return;
	}
	for (unsigned int i = 0; i < table->count; i++) {
		uint64_t number = 0;
		bool is = is_candidate(guess, table, i) &&
			  ese_number(&table->column[i], &frame->value[i],
				     &number);

		for (unsigned int r = 0; r < ESE_ROLES; r++) {
			int said = is ? says(guess, r, &facts, number) : -1;

			guess->role[r].good[i] += said > 0 ? 1 : 0;
			guess->role[r].bad[i] += said < 0 ? 1 : 0;
		}
	}
}

/* ---- the end ---- */

static bool is_taken(const struct ese_plan *plan, int column)
{
	for (unsigned int r = 0; r < ESE_ROLES; r++) {
		if (plan->role[r] == column) {
			return true;
		}
	}
	return false;
}

/* Those that some row speaks for, if there are any; else all that can be. */
static int choose(struct ese_guess *guess, const struct ese_table *table,
		  enum ese_role role)
{
	const struct ese_role_sight *sight = &guess->role[role];
	bool fits[ESE_COLUMNS] = { false };
	bool spoken = false;

	for (unsigned int i = 0; i < table->count; i++) {
		fits[i] = is_candidate(guess, table, i) &&
			  !is_taken(&guess->plan, (int)i) &&
			  ese_few(sight->bad[i], guess->rows);
		spoken = spoken || (fits[i] && sight->good[i] > 0);
	}
	for (unsigned int i = 0; i < table->count && spoken; i++) {
		fits[i] = fits[i] && sight->good[i] > 0;
	}
	return ese_choose(guess, guess->plan.names, table, fits,
			  roles[role].words, roles[role].several);
}

static bool take(struct ese_guess *guess, const struct ese_table *table,
		 enum ese_role role)
{
	int column = choose(guess, table, role);

	guess->plan.role[role] = column;
	if (column == ESE_NONE && guess->problem == NULL &&
	    roles[role].none != NULL) {
		(void)ese_problem(guess, roles[role].none);
	}
	return guess->problem == NULL;
}

/*
 * A column of types is one of flags, too, when nothing is static, all are B
 * nodes and active; then both readings are the same but for the node, which
 * another column may have. So a column of its own is preferred.
 */
static bool has_type(struct ese_guess *guess, const struct ese_table *table)
{
	int column = choose(guess, table, ESE_TYPE);
	bool certain = column != ESE_NONE &&
		       (guess->role[ESE_TYPE].good[column] > 0 ||
			choose(guess, table, ESE_FLAGS) == ESE_NONE);

	(void)ese_problem(guess, NULL);
	return certain;
}

bool ese_role_end(struct ese_guess *guess, const struct ese_table *table)
{
	static const enum ese_role apart[] = { ESE_TYPE, ESE_STATIC, ESE_STATE,
					       ESE_NODE };

	if (!has_type(guess, table)) {
		return take(guess, table, ESE_FLAGS) &&
		       take(guess, table, ESE_OWNER);
	}
	for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
		if (!take(guess, table, apart[i])) {
			return false;
		}
	}
	return take(guess, table, ESE_OWNER);
}
