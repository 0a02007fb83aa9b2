/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a line to cells, by libcsv, and from cells to a record, by one table of
 * columns in the order in which they are read: what belongs to addresses comes
 * behind them.
 */
#include "migrate/format/csv_cells.h"

#include <csv.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/rfc3339.h"

/* ---- cells ---- */

/* libcsv calls it with NULL for a cell that is empty and has no quotes. */
static void take_cell(void *data, size_t len, void *arg)
{
	struct csv_cells *cells = arg;

	if (cells->count == CSV_CELLS_MAX ||
	    cells->used + len + 1 > sizeof(cells->text)) {
		cells->too_many = true;
		return;
	}
	cells->at[cells->count++] = data == NULL ? CSV_NOTHING : cells->used;
	if (data != NULL) {
		memcpy(cells->text + cells->used, data, len);
		cells->used += len;
		cells->text[cells->used++] = '\0';
		/* a NUL among the letters would hide those behind it */
		cells->too_many |= memchr(data, '\0', len) != NULL;
	}
}

static void take_end(int sign, void *arg)
{
	(void)sign;
	(void)arg;
}

const char *csv_cells_split(struct csv_cells *cells, const char *line,
			    size_t len)
{
	struct csv_parser parser;
	bool good = false;

	cells->count = 0;
	cells->used = 0;
	cells->too_many = false;
	if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI |
		     CSV_EMPTY_IS_NULL) != 0) {
		return "out of memory";
	}
	csv_set_delim(&parser, (unsigned char)cells->delimiter);
	good = csv_parse(&parser, line, len, take_cell, take_end, cells) ==
		       len &&
	       csv_fini(&parser, take_cell, take_end, cells) == 0;
	csv_free(&parser);
	if (!good) {
		return "a quote is not closed, or stands within a cell";
	}
	return cells->too_many ? "more cells than any record has" : NULL;
}

const char *csv_cell(const struct csv_cells *cells, int index)
{
	if (index < 0 || (unsigned int)index >= cells->count ||
	    cells->at[index] == CSV_NOTHING) {
		return NULL;
	}
	return cells->text + cells->at[index];
}

/* ---- values: false if the text is not one ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Text with \xHH to bytes: their number, or -1. */
static int to_bytes(const char *text, uint8_t *bytes, size_t max)
{
	size_t count = 0;

	for (; *text != '\0'; text++) {
		uint8_t byte = (uint8_t)*text;

		if (count == max) {
			return -1;
		}
		if (byte == '\\') {
			if (text[1] != 'x' || hex_digit(text[2]) < 0 ||
			    hex_digit(text[3]) < 0) {
				return -1;
			}
			byte = (uint8_t)(hex_digit(text[2]) << 4 |
					 hex_digit(text[3]));
			text += 3;
		}
		bytes[count++] = byte;
	}
	return (int)count;
}

static bool read_name(struct row *row, const char *text)
{
	uint8_t bytes[NB_NAME_MAX];
	int len = to_bytes(text, bytes, sizeof(bytes));

	if (len < 0) {
		return false;
	}
	row->rec.name = nb_name_make(bytes, (size_t)len, row->rec.name.type);
	return row->rec.name.len == len;
}

static bool read_scope(struct row *row, const char *text)
{
	uint8_t bytes[NB_SCOPE_MAX];
	int len = to_bytes(text, bytes, sizeof(bytes));

	return len >= 0 &&
	       nb_name_set_scope(&row->rec.name, bytes, (size_t)len);
}

static bool to_number(const char *text, uint64_t max, uint64_t *number)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	char *end = NULL;

	if (!isxdigit((unsigned char)text[hex ? 2 : 0])) {
		return false;
	}
	errno = 0;
	*number = strtoull(text, &end, hex ? 16 : 10);
	return *end == '\0' && errno == 0 && *number <= max;
}

static bool read_suffix(struct row *row, const char *text)
{
	uint64_t number = 0;
	bool good = to_number(text, 255, &number);

	row->rec.name.type = (uint8_t)number;
	return good;
}

static bool read_type(struct row *row, const char *text)
{
	return nb_type_parse(text, &row->rec.type);
}

static bool read_state(struct row *row, const char *text)
{
	return nb_state_parse(text, &row->rec.state);
}

static bool read_node(struct row *row, const char *text)
{
	return nb_node_parse(text, &row->rec.node);
}

static bool read_static(struct row *row, const char *text)
{
	row->rec.is_static = strcmp(text, "yes") == 0;
	return row->rec.is_static || strcmp(text, "no") == 0;
}

static bool read_owner(struct row *row, const char *text)
{
	return nb_addr_parse(text, &row->rec.owner) && row->rec.owner != 0;
}

static bool read_version(struct row *row, const char *text)
{
	return to_number(text, UINT64_MAX, &row->rec.version);
}

static bool to_time(const char *text, int64_t *when)
{
	if (strcmp(text, "never") == 0) {
		*when = NB_NEVER;
		return true;
	}
	return rfc3339_parse(text, when);
}

static bool read_expires(struct row *row, const char *text)
{
	return to_time(text, &row->rec.expires);
}

static bool read_queried(struct row *row, const char *text)
{
	bool good = to_time(text, &row->queried);

	if (row->queried == NB_NEVER) {
		row->queried = -1;
	}
	return good;
}

/* ---- lists of addresses ---- */

/*
 * The next word of a list: false if it is too long to be one; "" at the end.
 */
static bool next_word(const char **text, char word[32])
{
	size_t len = 0;

	*text += strspn(*text, " ");
	len = strcspn(*text, " ");
	if (len >= 32) {
		return false;
	}
	memcpy(word, *text, len);
	word[len] = '\0';
	*text += len;
	return true;
}

static bool read_addresses(struct row *row, const char *text)
{
	struct nb_record *rec = &row->rec;
	char word[32];

	while (next_word(&text, word) && word[0] != '\0') {
		if (rec->count == NB_MEMBERS_MAX ||
		    !nb_addr_parse(word, &rec->member[rec->count].ip)) {
			return false;
		}
		rec->member[rec->count].owner = rec->owner;
		rec->member[rec->count++].expires = rec->expires;
	}
	return text[strspn(text, " ")] == '\0';
}

static bool read_owners(struct row *row, const char *text)
{
	char word[32];

	for (unsigned int i = 0; i < row->rec.count; i++) {
		if (!next_word(&text, word) ||
		    !nb_addr_parse(word, &row->rec.member[i].owner)) {
			return false;
		}
	}
	return text[strspn(text, " ")] == '\0';
}

static bool read_member_expires(struct row *row, const char *text)
{
	char word[32];

	for (unsigned int i = 0; i < row->rec.count; i++) {
		if (!next_word(&text, word) ||
		    !to_time(word, &row->rec.member[i].expires)) {
			return false;
		}
	}
	return text[strspn(text, " ")] == '\0';
}

/* ---- the table ---- */

static const struct {
	const char *title;
	bool needed;
	unsigned int says;		/* enum row_field */
	bool (*read)(struct row *row, const char *text);
	const char *wanted;
} columns[CSV_COLUMNS] = {
	{ "name", true, 0, read_name,
	  "up to 15 bytes, \\xHH for any, no blanks at the end" },
	{ "suffix", true, 0, read_suffix, "0x00 to 0xff, or 0 to 255" },
	{ "scope", false, ROW_SCOPE, read_scope,
	  "up to 238 bytes, \\xHH for any" },
	{ "type", true, ROW_TYPE | ROW_RAW_NAMES, read_type,
	  "unique, group, sgroup or mhomed" },
	{ "state", false, ROW_STATE, read_state,
	  "active, released or tombstone" },
	{ "node", false, ROW_NODE, read_node, "B, P, M or H" },
	{ "static", false, ROW_STATIC, read_static, "yes or no" },
	{ "owner", false, ROW_OWNER, read_owner, "an IPv4 address" },
	{ "version", false, ROW_VERSION, read_version, "a number" },
	{ "expires", false, ROW_EXPIRES, read_expires,
	  "never, or a time like 2026-08-01T12:00:00Z" },
	{ "addresses", true, 0, read_addresses,
	  "up to 25 IPv4 addresses with blanks between" },
	{ "address owners", false, ROW_MEMBER_OWNERS, read_owners,
	  "as many as there are addresses" },
	{ "address expires", false, ROW_MEMBER_EXPIRES, read_member_expires,
	  "as many as there are addresses" },
	{ "queried", false, ROW_QUERIED, read_queried,
	  "never, or a time like 2026-08-01T12:00:00Z" },
};
#define ADDRESSES 10		/* may be empty: it has none */

const char *csv_column_title(int column)
{
	return columns[column].title;
}

bool csv_column_needed(int column)
{
	return columns[column].needed;
}

/* What nobody said, see row.h. */
static void fill(struct row *row)
{
	struct nb_record *rec = &row->rec;

	if ((row->known & ROW_EXPIRES) == 0 && rec->is_static &&
	    rec->state == NB_ACTIVE) {
		rec->expires = NB_NEVER;
		for (unsigned int i = 0; i < rec->count; i++) {
			if ((row->known & ROW_MEMBER_EXPIRES) == 0) {
				rec->member[i].expires = NB_NEVER;
			}
		}
	}
	if (rec->count == 0) {		/* as its record, which says it all */
		row->known |= (row->known & ROW_OWNER) != 0 ?
			ROW_MEMBER_OWNERS : 0;
		row->known |= (row->known & ROW_EXPIRES) != 0 ?
			ROW_MEMBER_EXPIRES : 0;
	}
}

bool csv_cells_row(const struct csv_cells *cells,
		   const int column[CSV_COLUMNS], struct row *row,
		   char *detail, size_t size)
{
	const char *broken = NULL;

	row->rec.node = NB_H_NODE;
	for (int i = 0; i < CSV_COLUMNS; i++) {
		const char *text = csv_cell(cells, column[i]);

		if (text == NULL && columns[i].needed && i != ADDRESSES) {
			(void)snprintf(detail, size, "'%s' is empty",
				       columns[i].title);
			return false;
		}
		if (text != NULL && !columns[i].read(row, text)) {
			(void)snprintf(detail, size, "'%s': not %s",
				       columns[i].title, columns[i].wanted);
			return false;
		}
		row->known |= text != NULL ? columns[i].says : 0;
	}
	fill(row);
	broken = nb_record_broken(&row->rec);
	if (broken != NULL) {
		(void)snprintf(detail, size, "%s", broken);
	}
	return broken == NULL;
}
