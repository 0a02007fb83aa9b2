/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * csv: a record a line, for spreadsheets and scripts; lossless (RFC 4180).
 *
 *   name            "HOST", any other than printable ASCII as \xHH
 *   suffix          0x20, or 32
 *   scope           "" for none; empty without quotes: not said
 *   type            unique, group, sgroup, mhomed
 *   state           active, released, tombstone
 *   node            B, P, M, H
 *   static          yes, no
 *   owner           an address
 *   version         12097, or 0x... from 10^15 on
 *   expires         2026-08-01T12:00:00Z, or never
 *   addresses       in order, with blanks between
 *   address owners  as many, with blanks between
 *   address expires as many, with blanks between
 *   queried         when it was last asked for, or never
 *
 * The first line has these titles, in any order; name, suffix, type and
 * addresses must be there. What stands empty nobody said.
 *
 * Spreadsheets are not to be trusted with cells, nor they with ours: they
 * round numbers of more than 15 digits, so those come in hex; they read a name
 * that begins with = + - or @ as a formula and would run it, so that letter
 * comes as \xHH. They write semicolons or tabs where a comma is the decimal
 * sign, and UTF-16; both is read.
 *
 * A line is a row: a quote that is not closed on its line is an error of that
 * line and does not swallow the rest of the file.
 */
#include <csv.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/rfc3339.h"
#include "common/tool.h"
#include "migrate/format/csv_cells.h"
#include "migrate/formats.h"
#include "migrate/text.h"

#define LONG_NUMBER UINT64_C(1000000000000000)	/* 10^15 */

/* ---- writing ---- */

struct csv {
	struct tally *tally;
	FILE *file;
	struct text *text;		/* of reading */
	struct csv_cells cells;
	char *head;			/* the first line, for refused ones */
	int column[CSV_COLUMNS];	/* where each title stands; -1 */
};

/* Would a spreadsheet take it for something else at this place? */
static bool must_escape(const uint8_t *bytes, size_t len, size_t at)
{
	uint8_t byte = bytes[at];

	return byte < 0x20 || byte > 0x7e || byte == '\\' ||
	       (at == 0 && strchr("=+-@ ", byte) != NULL) ||
	       (at + 1 == len && byte == ' ');
}

static void put_bytes(FILE *file, const uint8_t *bytes, size_t len)
{
	char text[4 * NB_SCOPE_MAX + 1];
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		if (must_escape(bytes, len, i)) {
			at += (size_t)snprintf(text + at, 5, "\\x%02x",
					       bytes[i]);
		} else {
			text[at++] = (char)bytes[i];
		}
	}
	(void)csv_fwrite(file, text, at);
}

static void put_time(FILE *file, int64_t when)
{
	char text[RFC3339_TEXT];

	(void)fputs(when == NB_NEVER ? "never" : rfc3339_print(when, text),
		    file);
}

static void put_address(FILE *file, uint32_t addr)
{
	char text[NB_ADDR_TEXT];

	(void)fputs(nb_addr_print(addr, text), file);
}

static void put_identity(FILE *file, const struct row *row)
{
	const struct nb_record *rec = &row->rec;

	put_bytes(file, rec->name.byte, rec->name.len);
	(void)fprintf(file, ",0x%02x,", rec->name.type);
	if ((row->known & ROW_SCOPE) != 0) {
		put_bytes(file, rec->name.scope, rec->name.scope_len);
	}
	(void)fprintf(file, ",%s,%s,%s,%s,", nb_type_name(rec->type),
		      (row->known & ROW_STATE) == 0 ? "" :
		      nb_state_name(rec->state),
		      (row->known & ROW_NODE) == 0 ? "" :
		      nb_node_name(rec->node),
		      (row->known & ROW_STATIC) == 0 ? "" :
		      rec->is_static ? "yes" : "no");
}

static void put_origin(FILE *file, const struct row *row)
{
	const struct nb_record *rec = &row->rec;

	if ((row->known & ROW_OWNER) != 0) {
		put_address(file, rec->owner);
	}
	(void)fputc(',', file);
	if ((row->known & ROW_VERSION) != 0) {
		(void)fprintf(file, rec->version < LONG_NUMBER ? "%" PRIu64 :
			      "0x%" PRIx64, rec->version);
	}
	(void)fputc(',', file);
	if ((row->known & ROW_EXPIRES) != 0) {
		put_time(file, rec->expires);
	}
	(void)fputc(',', file);
}

static void put_members(FILE *file, const struct row *row)
{
	const struct nb_record *rec = &row->rec;

	for (unsigned int i = 0; i < rec->count; i++) {
		(void)fputs(i > 0 ? " " : "", file);
		put_address(file, rec->member[i].ip);
	}
	(void)fputc(',', file);
	for (unsigned int i = 0; i < rec->count &&
	     (row->known & ROW_MEMBER_OWNERS) != 0; i++) {
		(void)fputs(i > 0 ? " " : "", file);
		put_address(file, rec->member[i].owner);
	}
	(void)fputc(',', file);
	for (unsigned int i = 0; i < rec->count &&
	     (row->known & ROW_MEMBER_EXPIRES) != 0; i++) {
		(void)fputs(i > 0 ? " " : "", file);
		put_time(file, rec->member[i].expires);
	}
	(void)fputc(',', file);
	if ((row->known & ROW_QUERIED) != 0) {
		put_time(file, row->queried == -1 ? NB_NEVER : row->queried);
	}
	(void)fputs("\r\n", file);
}

static int csv_put(void *priv, const struct row *row, char **message)
{
	struct csv *csv = talloc_get_type_abort(priv, struct csv);

	(void)message;
	if (row->kind != ROW_RECORD) {
		tally_skipped(csv->tally, row, "not a record");
		return 0;
	}
	put_identity(csv->file, row);
	put_origin(csv->file, row);
	put_members(csv->file, row);
	if (ferror(csv->file)) {
		return errno != 0 ? errno : EIO;
	}
	if (row_times_fit(row)) {
		tally_written(csv->tally, row);
	} else {
		tally_changed(csv->tally, row,
			      "time outside of the years 1970 to 9999");
	}
	return 0;
}

/* ---- reading: the titles ---- */

static int probe(const struct format_head *head)
{
	static const char begins[] = "name,suffix,scope,type,";

	return head->len >= sizeof(begins) - 1 &&
	       memcmp(head->data, begins, sizeof(begins) - 1) == 0 ? 90 : 0;
}

/* The sign between the titles: what stands behind the first one. */
static char delimiter(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (line[i] == ',' || line[i] == ';' || line[i] == '\t') {
			return line[i];
		}
	}
	return ',';
}

static int find_title(const char *text)
{
	for (int i = 0; i < CSV_COLUMNS; i++) {
		if (strcmp(csv_column_title(i), text) == 0) {
			return i;
		}
	}
	return -1;
}

static char *unknown_title(TALLOC_CTX *mem_ctx, const char *text)
{
	const char *titles[CSV_COLUMNS + 1] = { NULL };
	const char *near = NULL;

	for (int i = 0; i < CSV_COLUMNS; i++) {
		titles[i] = csv_column_title(i);
	}
	near = tool_nearest(text, titles);
	return talloc_asprintf(mem_ctx, "line 1: unknown title '%.40s'%s%s%s",
			       text, near != NULL ? ", did you mean '" : "",
			       near != NULL ? near : "",
			       near != NULL ? "'?" : "");
}

static char *map_titles(TALLOC_CTX *mem_ctx, struct csv *csv)
{
	for (unsigned int i = 0; i < csv->cells.count; i++) {
		const char *text = csv_cell(&csv->cells, (int)i);
		int column = text == NULL ? -1 : find_title(text);

		if (column < 0) {
			return unknown_title(mem_ctx,
					     text == NULL ? "" : text);
		}
		if (csv->column[column] != -1) {
			return talloc_asprintf(mem_ctx, "line 1: the title "
					       "'%s' stands twice", text);
		}
		csv->column[column] = (int)i;
	}
	for (int i = 0; i < CSV_COLUMNS; i++) {
		if (csv->column[i] == -1 && csv_column_needed(i)) {
			return talloc_asprintf(mem_ctx, "line 1: no title "
					       "'%s'; the first line names "
					       "the columns",
					       csv_column_title(i));
		}
	}
	return NULL;
}

static int read_head(TALLOC_CTX *mem_ctx, struct csv *csv, char **message)
{
	const char *wrong = NULL;
	char *line = NULL;
	size_t len = 0;
	int got = text_line(csv->text, &line, &len, message);

	if (got < 0) {
		*message = talloc_strdup(mem_ctx, *message);
		return EINVAL;
	}
	for (int i = 0; i < CSV_COLUMNS; i++) {
		csv->column[i] = -1;
	}
	csv->cells.delimiter = got == 0 ? ',' : delimiter(line, len);
	wrong = csv_cells_split(&csv->cells, got == 0 ? "" : line, len);
	if (wrong != NULL) {
		*message = talloc_asprintf(mem_ctx, "line 1: %s", wrong);
		return EINVAL;
	}
	*message = map_titles(mem_ctx, csv);
	csv->head = talloc_asprintf(csv, "%.*s\n", (int)len,
				    got == 0 ? "" : line);
	return *message != NULL ? EINVAL : csv->head == NULL ? ENOMEM : 0;
}

/* ---- reading: rows ---- */

static enum format_step take_line(struct csv *csv, struct row *row,
				  const char *line, size_t len)
{
	char detail[120] = "";
	const char *wrong = NULL;

	*row = (struct row) { .place = text_number(csv->text) };
	wrong = csv_cells_split(&csv->cells, line, len);
	if (wrong != NULL) {
		(void)snprintf(detail, sizeof(detail), "%s", wrong);
	} else if (csv_cells_row(&csv->cells, csv->column, row, detail,
				 sizeof(detail))) {
		return FORMAT_ROW;
	}
	tally_refused(csv->tally, csv->head, line, len, row->place,
		      "not a record", detail);
	return FORMAT_SKIPPED;
}

static enum format_step csv_next(void *priv, struct row *row, char **message)
{
	struct csv *csv = talloc_get_type_abort(priv, struct csv);
	char *line = NULL;
	size_t len = 0;
	int got = 0;

	do {
		got = text_line(csv->text, &line, &len, message);
	} while (got > 0 && len == 0);
	return got < 0 ? FORMAT_FAILED : got == 0 ? FORMAT_END :
	       take_line(csv, row, line, len);
}

static void put_titles(FILE *file)
{
	for (int i = 0; i < CSV_COLUMNS; i++) {
		(void)fprintf(file, "%s%s", i > 0 ? "," : "",
			      csv_column_title(i));
	}
	(void)fputs("\r\n", file);
}

static int csv_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		    bool writing, void **priv, char **message)
{
	struct csv *csv = talloc_zero(mem_ctx, struct csv);
	int ret = csv == NULL ? ENOMEM : 0;

	if (ret != 0) {
		return ret;
	}
	csv->tally = end->tally;
	csv->file = end->file;
	if (writing) {
		put_titles(csv->file);
	} else {
		ret = text_open(csv, end->file, TEXT_BYTES,
				end->options->charset, &csv->text, message);
		if (ret == 0) {
			ret = read_head(mem_ctx, csv, message);
		} else if (*message != NULL) {
			*message = talloc_strdup(mem_ctx, *message);
		}
	}
	if (ret != 0) {
		talloc_free(csv);
		return ret;
	}
	*priv = csv;
	return 0;
}

static int csv_close(void *priv, char **message)
{
	struct csv *csv = talloc_get_type_abort(priv, struct csv);
	int ret = csv->text == NULL && fflush(csv->file) != 0 ? errno : 0;

	(void)message;
	talloc_free(csv);
	return ret;
}

const struct format_ops format_csv = {
	.name = "csv",
	.title = "records as lines of a table, lossless, for spreadsheets",
	.flags = FORMAT_READS | FORMAT_WRITES,
	.carries = ROW_ALL | ROW_QUERIED,
	.probe = probe,
	.open = csv_open,
	.next = csv_next,
	.put = csv_put,
	.close = csv_close,
};
