/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fields of rows and keys of the interchange format are the same, one by one:
 * for what is written in it (format/winsd.c) and for what is kept of skipped
 * rows (tally.c), which must not learn defaults on that way.
 */
#include "migrate/row_json.h"

static const struct {
	unsigned int field, key;
} pairs[] = {
	{ ROW_STATE, JSON_STATE },
	{ ROW_STATIC, JSON_STATIC },
	{ ROW_NODE, JSON_NODE },
	{ ROW_OWNER, JSON_OWNER },
	{ ROW_VERSION, JSON_VERSION },
	{ ROW_EXPIRES, JSON_EXPIRES },
	{ ROW_SCOPE, JSON_SCOPE },
	{ ROW_MEMBER_OWNERS, JSON_MEMBER_OWNER },
	{ ROW_MEMBER_EXPIRES, JSON_MEMBER_EXPIRES },
};

void row_json_members(struct json_out *j, const struct row *row)
{
	unsigned int keys = 0;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		keys |= (row->known & pairs[i].field) != 0 ? pairs[i].key : 0;
	}
	json_record_some(j, &row->rec, keys);
	json_record_queried(j, (row->known & ROW_QUERIED) != 0 ?
			       row->queried : JSON_QUERIED_UNKNOWN);
}

unsigned int row_json_known(unsigned int keys)
{
	unsigned int known = ROW_TYPE | ROW_RAW_NAMES;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		known |= (keys & pairs[i].key) != 0 ? pairs[i].field : 0;
	}
	return known;
}
