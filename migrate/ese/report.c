/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words about an ESE database. No sample of a real WINS database has been seen
 * in public: the report on an unknown one is how the next release learns, so
 * it must be possible to send it to strangers. It has names of tables and
 * columns, types, counts and lengths, and nothing of what a row holds.
 */
#include "migrate/ese/report.h"

#include <inttypes.h>
#include <string.h>

/* ---- an unknown schema ---- */

static char *add_column(char *text, const struct ese_column *column,
			const struct ese_sight *sight)
{
	return talloc_asprintf_append_buffer(
		text, "\n    %-24s %-12s %" PRIu64 " values, %u-%u bytes, "
		"%" PRIu64 " unreadable", column->name,
		ese_type_name(column->type), sight->values, sight->shortest,
		sight->longest, sight->unreadable);
}

static char *add_table(char *text, const struct ese_table *table,
		       const struct ese_table_sight *sight)
{
	text = talloc_asprintf_append_buffer(
		text, "\n  table %s: %" PRIu64 " rows, %" PRIu64 " unreadable",
		table->name, sight->rows, sight->bad);
	for (uint32_t i = 0; i < table->count; i++) {
		text = add_column(text, &table->column[i], &sight->column[i]);
	}
	return text;
}

char *ese_report_unknown(TALLOC_CTX *mem_ctx, const struct ese_guess *guess,
			 const struct ese_catalog *catalog,
			 const struct ese_head *head)
{
	char *text = talloc_asprintf(mem_ctx, "its columns were not "
				     "recognised: %s", guess->problem);

	for (unsigned int i = 0; i < 3; i++) {
		if (guess->problem_columns[i] != NULL) {
			text = talloc_asprintf_append_buffer(
				text, "%s %s", i == 0 ? ":" : ",",
				guess->problem_columns[i]);
		}
	}
	text = talloc_asprintf_append_buffer(
		text, "; please send us these lines, which say nothing of "
		"what the rows hold:\n  ESE 0x%x,0x%x, pages of %u bytes, "
		"%u tables", head->version, head->revision, head->page_size,
		catalog->count);
	for (uint32_t i = 0; i < catalog->count; i++) {
		text = add_table(text, &catalog->table[i], &guess->table[i]);
	}
	return text;
}

/* ---- a known one ---- */

static char *add_role(char *text, const struct ese_table *table, int column,
		      const char *what)
{
	return column == ESE_NONE ? text :
		talloc_asprintf_append_buffer(text, ", %s=%s", what,
					      table->column[column].name);
}

char *ese_report_plan(TALLOC_CTX *mem_ctx, const struct ese_plan *plan,
		      const struct ese_catalog *catalog)
{
	static const char *const roles[] = {
		[ESE_OWNER] = "owner", [ESE_FLAGS] = "flags",
		[ESE_TYPE] = "type", [ESE_STATIC] = "static",
		[ESE_STATE] = "state", [ESE_NODE] = "node",
	};
	const struct ese_table *names = &catalog->table[plan->names];
	const struct ese_table *owners = &catalog->table[plan->owners];
	char *text = talloc_asprintf(
		mem_ctx, "columns as recognised: %s: name=%s, version=%s, "
		"time=%s, addresses=%s", names->name,
		names->column[plan->name].name,
		names->column[plan->version].name,
		names->column[plan->time].name,
		names->column[plan->list].name);

	for (unsigned int i = 0; i < ESE_ROLES; i++) {
		text = add_role(text, names, plan->role[i], roles[i]);
	}
	return talloc_asprintf_append_buffer(
		text, "; %s: id=%s, address=%s; addresses %s, %s, %s in %s "
		"order", owners->name, owners->column[plan->owner_id].name,
		owners->column[plan->owner_address].name,
		ese_layout_words(plan->layout[0]),
		ese_layout_words(plan->layout[1]),
		ese_layout_words(plan->layout[2]),
		plan->order == ESE_BIG ? "network" : "little-endian");
}

/* ---- a row ---- */

char *ese_report_row(TALLOC_CTX *mem_ctx, const struct ese_table *table,
		     const struct ese_frame *frame)
{
	static const char digits[] = "0123456789abcdef";
	char *text = talloc_strdup(mem_ctx, "");
	char hex[2 * ESE_VALUE_MAX + 1];

	for (unsigned int i = 0; i < frame->count && i < table->count; i++) {
		const struct ese_value *value = &frame->value[i];
		uint32_t len = value->data == NULL ? 0 : value->len;

		for (uint32_t k = 0; k < len; k++) {
			hex[2 * k] = digits[value->data[k] >> 4];
			hex[2 * k + 1] = digits[value->data[k] & 15];
		}
		hex[2 * len] = '\0';
		text = talloc_asprintf_append_buffer(
			text, "%s%s=%s", i == 0 ? "" : " ",
			table->column[i].name, hex);
	}
	return talloc_strdup_append_buffer(text, "\n");
}
