/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order of the passes, and what they share: reading values, choosing
 * between columns, problems.
 */
#include "migrate/ese/guess.h"

#include <ctype.h>
#include <string.h>

/* ---- values ---- */

bool ese_number(const struct ese_column *column, const struct ese_value *value,
		uint64_t *number)
{
	uint64_t n = 0;

	if (value->data == NULL || value->len < 1 || value->len > 8) {
		return false;
	}
	for (unsigned int i = 0; i < value->len; i++) {
		n |= (uint64_t)value->data[i] << (8 * i);
	}
	/* true is stored as 0xff */
	*number = column->type == ESE_BIT ? n != 0 : n;
	return true;
}

/*
 * 1B names are stored with their first byte and their sixteenth swapped, so
 * that they stand together. What else begins with a byte 1B is no name that
 * anybody can have typed.
 */
bool ese_name(const struct ese_value *value, struct nb_name *name)
{
	uint8_t bytes[16];
	size_t rest = 0;
	const uint8_t *scope = NULL;

	if (value->data == NULL || value->len < sizeof(bytes)) {
		return false;
	}
	memcpy(bytes, value->data, sizeof(bytes));
	if (bytes[0] == 0x1b) {
		bytes[0] = bytes[15];
		bytes[15] = 0x1b;
	}
	nb_name_init(name, bytes, NB_NAME_MAX, bytes[15]);
	scope = value->data + sizeof(bytes);
	rest = value->len - sizeof(bytes);
	rest = memchr(scope, '\0', rest) == NULL ? rest :
	       (size_t)((const uint8_t *)memchr(scope, '\0', rest) - scope);
	if (rest > 0 && scope[0] == '.') {
		scope++;
		rest--;
	}
	return nb_name_set_scope(name, scope, rest);
}

uint32_t ese_turn(uint32_t raw, enum ese_order order)
{
	return order == ESE_LITTLE ? raw : __builtin_bswap32(raw);
}

/* ---- choosing ---- */

bool ese_few(uint64_t bad, uint64_t all)
{
	return bad <= all / 50;
}

bool ese_problem(struct ese_guess *guess, const char *problem)
{
	guess->problem = problem;
	memset(guess->problem_columns, 0, sizeof(guess->problem_columns));
	return false;
}

/* Has the name one of the words, which blanks separate? */
static bool has_word(const char *name, const char *words)
{
	char low[ESE_NAME], word[ESE_NAME];
	size_t len = 0;

	for (size_t i = 0; i < sizeof(low); i++) {
		low[i] = (char)tolower((unsigned char)name[i]);
	}
	low[sizeof(low) - 1] = '\0';
	for (; *words != '\0'; words += len + (words[len] == ' ')) {
		len = strcspn(words, " ");
		if (len == 0 || len >= sizeof(word)) {
			return false;
		}
		memcpy(word, words, len);
		word[len] = '\0';
		if (strstr(low, word) != NULL) {
			return true;
		}
	}
	return false;
}

/* Does it matter which one is taken? */
static bool all_the_same(const struct ese_table_sight *sight, const int *list,
			 unsigned int count)
{
	const struct ese_sight *first = &sight->column[list[0]];

	for (unsigned int i = 0; i < count; i++) {
		const struct ese_sight *is = &sight->column[list[i]];

		if (is->values != sight->rows || is->lowest != is->highest ||
		    is->lowest != first->lowest) {
			return false;
		}
	}
	return true;
}

static unsigned int keep_named(const struct ese_table *columns,
			       const char *words, int *list, unsigned int count)
{
	int named[ESE_COLUMNS];
	unsigned int kept = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (has_word(columns->column[list[i]].name, words)) {
			named[kept++] = list[i];
		}
	}
	if (kept == 0) {
		return count;
	}
	memcpy(list, named, kept * sizeof(named[0]));
	return kept;
}

int ese_choose(struct ese_guess *guess, uint32_t table,
	       const struct ese_table *columns, const bool fits[ESE_COLUMNS],
	       const char *words, const char *problem)
{
	int list[ESE_COLUMNS];
	unsigned int count = 0;

	for (unsigned int i = 0; i < columns->count; i++) {
		if (fits[i]) {
			list[count++] = (int)i;
		}
	}
	if (count > 1) {
		count = keep_named(columns, words, list, count);
	}
	if (count == 0) {
		return ESE_NONE;
	}
	if (count == 1 || all_the_same(&guess->table[table], list, count)) {
		return list[0];
	}
	(void)ese_problem(guess, problem);
	for (unsigned int i = 0; i < count && i < 3; i++) {
		guess->problem_columns[i] = columns->column[list[i]].name;
	}
	return ESE_NONE;
}

/* ---- the passes ---- */

void ese_guess_begin(struct ese_guess *guess, uint32_t owner_zero)
{
	memset(guess, 0, sizeof(*guess));
	guess->owner_zero = owner_zero;
	guess->pass = ESE_SURVEY;
	for (unsigned int r = 0; r < ESE_ROLES; r++) {
		guess->plan.role[r] = ESE_NONE;
	}
}

uint32_t ese_guess_wants(const struct ese_guess *guess)
{
	switch (guess->pass) {
	case ESE_SURVEY:
		return UINT32_MAX;
	case ESE_OWNER_TABLE:
		return guess->plan.owners;
	default:
		return guess->plan.names;
	}
}

void ese_guess_row(struct ese_guess *guess, const struct ese_catalog *catalog,
		   uint32_t table, const struct ese_frame *frame)
{
	const struct ese_table *columns = &catalog->table[table];

	if (guess->pass == ESE_SURVEY) {
		ese_survey_row(&guess->table[table], columns, frame);
		return;
	}
	if (frame->kind != ESE_ROW || table != ese_guess_wants(guess)) {
		return;
	}
	guess->rows++;
	switch (guess->pass) {
	case ESE_OWNER_TABLE:
		ese_owner_row(guess, columns, frame);
		break;
	case ESE_ROLE_ROWS:
		ese_role_row(guess, columns, frame);
		break;
	case ESE_LIST_ROWS:
		ese_list_row(guess, columns, frame);
		break;
	default:
		break;
	}
}

void ese_guess_end_pass(struct ese_guess *guess,
			const struct ese_catalog *catalog)
{
	bool good = false;

	switch (guess->pass) {
	case ESE_SURVEY:
		good = ese_survey_end(guess, catalog);
		break;
	case ESE_OWNER_TABLE:
		good = ese_owner_end(guess);
		break;
	case ESE_ROLE_ROWS:
		good = ese_role_end(guess, &catalog->table[guess->plan.names]);
		break;
	case ESE_LIST_ROWS:
		good = ese_list_end(guess);
		break;
	default:
		break;
	}
	guess->pass = good ? guess->pass + 1 : ESE_UNKNOWN;
	guess->rows = 0;
}
