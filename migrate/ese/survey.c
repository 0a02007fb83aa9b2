/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first look at an ESE database (survey), and the table of owners.
 *
 * The table of names is the one with a column of NetBIOS names; it must be the
 * only one. There, the version is the column of 8 bytes (the second index of
 * WINS is by owner and version), the time stamp the column of 4 bytes whose
 * values all are times of the last decades or "never", and the addresses a
 * column of any length that holds whole words. The table of owners is another
 * one with small numbers that are all different and words that may be
 * addresses (Q219315).
 */
#include <string.h>

#include "migrate/ese/guess.h"

/* ---- a row ---- */

static bool looks_like_name(const struct ese_value *value)
{
	struct nb_name name;

	if (value->len < 16 || value->len > 16 + 2 + NB_SCOPE_MAX ||
	    !ese_name(value, &name) || name.len == 0) {
		return false;
	}
	for (unsigned int i = 0; i < name.len; i++) {
		/* 01 and 02 are part of what browsers register */
		if (name.byte[i] < ' ' && name.byte[i] != 1 &&
		    name.byte[i] != 2) {
			return false;
		}
	}
	/* what fills it up is blanks or zeros, which the name drops */
	return name.len == NB_NAME_MAX ||
	       value->data[NB_NAME_MAX - 1] == ' ' ||
	       value->data[NB_NAME_MAX - 1] == '\0';
}

static bool is_number_type(uint32_t type)
{
	return type == ESE_BIT || type == ESE_U8 || type == ESE_I16 ||
	       type == ESE_I32 || type == ESE_CURRENCY || type == ESE_U32 ||
	       type == ESE_I64 || type == ESE_U16;
}

static void see(struct ese_sight *sight, const struct ese_column *column,
		const struct ese_value *value)
{
	uint64_t number = 0;
	bool is_number = false;

	if (value->data == NULL) {
		sight->unreadable += value->cut ? 1 : 0;
		return;
	}
	is_number = ese_number(column, value, &number);
	if (!is_number && is_number_type(column->type)) {
		sight->unreadable++;
		return;
	}
	if (sight->values == 0) {
		sight->shortest = value->len;
		sight->lowest = UINT64_MAX;
	}
	sight->values++;
	sight->shortest = value->len < sight->shortest ? value->len :
							 sight->shortest;
	sight->longest = value->len > sight->longest ? value->len :
						       sight->longest;
	sight->names += looks_like_name(value) ? 1 : 0;
	sight->words += value->len % 4 == 0 ? 1 : 0;
	if (is_number) {
		sight->lowest = number < sight->lowest ? number :
							 sight->lowest;
		sight->highest = number > sight->highest ? number :
							   sight->highest;
		sight->times += number <= ESE_NEVER &&
				(number >= ESE_OLDEST || number == 0) ? 1 : 0;
	}
}

void ese_survey_row(struct ese_table_sight *sight,
		    const struct ese_table *table,
		    const struct ese_frame *frame)
{
	if (frame->kind != ESE_ROW) {
		sight->bad++;
		return;
	}
	sight->rows++;
	for (unsigned int i = 0; i < table->count; i++) {
		see(&sight->column[i], &table->column[i], &frame->value[i]);
	}
}

/* ---- what a column can be ---- */

enum kind { NAME, VERSION, TIME, LIST, ID, ADDRESS, HIGHEST };

static bool is_small(uint32_t type)
{
	return is_number_type(type) && type != ESE_BIT &&
	       type != ESE_CURRENCY && type != ESE_I64;
}

static bool can_be(enum kind kind, const struct ese_column *column,
		   const struct ese_sight *sight, uint64_t rows)
{
	bool full = sight->values == rows && rows > 0;
	bool all = sight->values > 0 && sight->shortest == sight->longest;
	bool word = all && sight->longest == 4;
	bool fluid = column->type == ESE_BINARY ||
		     column->type == ESE_LONG_BINARY;

	switch (kind) {
	case NAME:
		return full && ese_few(rows - sight->names, rows) &&
		       !is_number_type(column->type);
	case VERSION:
		return full && all && sight->longest == 8;
	case TIME:
		return full && word && is_number_type(column->type) &&
		       ese_few(rows - sight->times, rows) &&
		       sight->highest >= ESE_OLDEST;
	case LIST:
		return sight->values > 0 && 2 * sight->names < rows &&
		       sight->words == sight->values && sight->longest >= 4 &&
		       (fluid || word);
	case ID:
		return full && is_small(column->type) &&
		       sight->highest < 65536;
	case ADDRESS:
		return full && word && sight->highest >= 65536;
	case HIGHEST:
		return full && all && sight->longest == 8;
	}
	return false;
}

static int choose(struct ese_guess *guess, const struct ese_table *columns,
		  uint32_t table, enum kind kind, int but, const char *words,
		  const char *problem)
{
	const struct ese_table_sight *sight = &guess->table[table];
	bool fits[ESE_COLUMNS] = { false };

	for (unsigned int i = 0; i < columns->count; i++) {
		fits[i] = (int)i != but &&
			  can_be(kind, &columns->column[i], &sight->column[i],
				 sight->rows);
	}
	return ese_choose(guess, table, columns, fits, words, problem);
}

/* ---- the tables ---- */

/* Columns that a list of addresses is not taken from while others fit. */
static int choose_list(struct ese_guess *guess, const struct ese_table *columns,
		       uint32_t table)
{
	const struct ese_table_sight *sight = &guess->table[table];
	bool fits[ESE_COLUMNS] = { false };
	bool any = false;

	for (unsigned int pass = 0; pass < 2 && !any; pass++) {
		for (unsigned int i = 0; i < columns->count; i++) {
			const struct ese_column *column = &columns->column[i];

			fits[i] = (int)i != guess->plan.time &&
				  (int)i != guess->plan.version &&
				  is_number_type(column->type) == (pass == 1) &&
				  can_be(LIST, column, &sight->column[i],
					 sight->rows);
			any = any || fits[i];
		}
	}
	return ese_choose(guess, table, columns, fits, "addr ip",
			  "several columns may be the addresses");
}

static bool find_names(struct ese_guess *guess,
		       const struct ese_catalog *catalog)
{
	struct ese_plan *plan = &guess->plan;
	unsigned int found = 0;

	for (uint32_t i = 0; i < catalog->count; i++) {
		int name = choose(guess, &catalog->table[i], i, NAME, ESE_NONE,
				  "name", "several columns may be the name");

		if (guess->problem != NULL) {
			return false;
		}
		if (name != ESE_NONE) {
			plan->names = i;
			plan->name = name;
			found++;
		}
	}
	if (found != 1) {
		return ese_problem(guess, found == 0 ?
				   "no table has a column of NetBIOS names" :
				   "several tables have NetBIOS names");
	}
	return true;
}

static bool need(struct ese_guess *guess, int column, const char *problem)
{
	if (column == ESE_NONE && guess->problem == NULL) {
		guess->problem = problem;
	}
	return column != ESE_NONE;
}

static bool find_columns(struct ese_guess *guess,
			 const struct ese_table *columns)
{
	struct ese_plan *plan = &guess->plan;

	plan->version = choose(guess, columns, plan->names, VERSION,
			       plan->name, "vers",
			       "several columns may be the version");
	if (!need(guess, plan->version, "no column may be the version")) {
		return false;
	}
	plan->time = choose(guess, columns, plan->names, TIME, plan->name,
			    "time stamp", "several columns may be the time");
	if (!need(guess, plan->time, "no column may be the time stamp")) {
		return false;
	}
	plan->list = choose_list(guess, columns, plan->names);
	return need(guess, plan->list, "no column may be the addresses");
}

/* 0: no table of owners, 1: it is; -1: it is, but which columns? */
static int try_owners(struct ese_guess *guess, const struct ese_table *columns,
		      uint32_t table)
{
	struct ese_plan *plan = &guess->plan;
	int id = ESE_NONE, address = ESE_NONE;

	if (guess->table[table].rows > ESE_OWNERS) {
		return 0;
	}
	address = choose(guess, columns, table, ADDRESS, ESE_NONE, "addr ip",
			 "several columns may be the owner's address");
	id = choose(guess, columns, table, ID, address, "own id",
		    "several columns may be the owner's id");
	if (guess->problem != NULL) {
		return -1;
	}
	if (id == ESE_NONE || address == ESE_NONE) {
		return 0;
	}
	plan->owners = table;
	plan->owner_id = id;
	plan->owner_address = address;
	plan->owner_highest = choose(guess, columns, table, HIGHEST, ESE_NONE,
				     "vers high max uid", NULL);
	return 1;
}

static bool find_owners(struct ese_guess *guess,
			const struct ese_catalog *catalog)
{
	unsigned int found = 0;

	for (uint32_t i = 0; i < catalog->count; i++) {
		int is = i == guess->plan.names ? 0 :
			 try_owners(guess, &catalog->table[i], i);

		if (is < 0) {
			return false;
		}
		found += (unsigned int)is;
	}
	if (found != 1) {
		return ese_problem(guess, found == 0 ?
				   "no table gives owner ids an address" :
				   "several tables may be that of owners");
	}
	return true;
}

bool ese_survey_end(struct ese_guess *guess, const struct ese_catalog *catalog)
{
	return find_names(guess, catalog) &&
	       find_columns(guess, &catalog->table[guess->plan.names]) &&
	       find_owners(guess, catalog);
}

/* ---- the owners ---- */

const struct ese_owner *ese_find_owner(const struct ese_guess *guess,
				       uint64_t id)
{
	for (uint32_t i = 0; i < guess->owners; i++) {
		if (guess->owner[i].id == id) {
			return &guess->owner[i];
		}
	}
	return NULL;
}

void ese_owner_row(struct ese_guess *guess, const struct ese_table *table,
		   const struct ese_frame *frame)
{
	const struct ese_plan *plan = &guess->plan;
	uint64_t id = 0, raw = 0, highest = 0;
	int told = plan->owner_highest;

	if (guess->owners == ESE_OWNERS ||
	    !ese_number(&table->column[plan->owner_id],
			&frame->value[plan->owner_id], &id) ||
	    !ese_number(&table->column[plan->owner_address],
			&frame->value[plan->owner_address], &raw)) {
		return;
	}
	if (told != ESE_NONE) {
		(void)ese_number(&table->column[told], &frame->value[told],
				 &highest);
	}
	if (ese_find_owner(guess, id) != NULL) {
		(void)ese_problem(guess, "an owner id stands twice in the "
				  "table of owners");
		return;
	}
	guess->owner[guess->owners++] = (struct ese_owner){
		.id = (uint32_t)id, .raw = (uint32_t)raw, .highest = highest,
	};
}

bool ese_owner_end(struct ese_guess *guess)
{
	if (guess->problem == NULL && guess->owners == 0) {
		(void)ese_problem(guess, "the table of owners is empty");
	}
	return guess->problem == NULL;
}
