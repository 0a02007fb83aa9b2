/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cells of a line of csv, and what they say of a record (csv.c).
 */
#ifndef WINSMIGRATE_CSV_CELLS_H
#define WINSMIGRATE_CSV_CELLS_H

#include "migrate/row.h"
#include "migrate/text.h"

#define CSV_COLUMNS	14
#define CSV_CELLS_MAX	64

struct csv_cells {
	char delimiter;
	unsigned int count;
	bool too_many;
	size_t at[CSV_CELLS_MAX];	/* in text; CSV_NOTHING */
	size_t used;
	char text[TEXT_LINE_MAX + CSV_CELLS_MAX + 1];
};
#define CSV_NOTHING SIZE_MAX

const char *csv_column_title(int column);
bool csv_column_needed(int column);

/* The cells of a line; NULL, or what is wrong with it. */
const char *csv_cells_split(struct csv_cells *cells, const char *line,
			    size_t len);

/* NULL: there is none, or it is empty and without quotes. */
const char *csv_cell(const struct csv_cells *cells, int index);

/*
 * Read a row; column says in which cell each column stands, -1: in none.
 * False, and a detail that names the column.
 */
bool csv_cells_row(const struct csv_cells *cells,
		   const int column[CSV_COLUMNS], struct row *row,
		   char *detail, size_t size);

#endif
