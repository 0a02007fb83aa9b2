/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows: the names of their fields, and which fields of one say anything.
 */
#include "migrate/row.h"

#include <stddef.h>

const char *row_field_name(enum row_field field)
{
	switch (field) {
	case ROW_TYPE:
		return "type";
	case ROW_STATE:
		return "state";
	case ROW_STATIC:
		return "static";
	case ROW_NODE:
		return "node";
	case ROW_OWNER:
		return "owner";
	case ROW_VERSION:
		return "version";
	case ROW_EXPIRES:
		return "expires";
	case ROW_SCOPE:
		return "scope";
	case ROW_MEMBER_OWNERS:
		return "owners of addresses";
	case ROW_MEMBER_EXPIRES:
		return "expiry of addresses";
	case ROW_RAW_NAMES:
		return "bytes of names";
	case ROW_QUERIED:
		return "last asked for";
	case ROW_ALL:
		break;
	}
	return "unknown";
}

static bool plain(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] < 0x20 || bytes[i] > 0x7e) {
			return false;
		}
	}
	return true;
}

static unsigned int members_say(const struct nb_record *rec)
{
	unsigned int says = 0;

	for (unsigned int i = 0; i < rec->count; i++) {
		if (rec->member[i].owner != rec->owner) {
			says |= ROW_MEMBER_OWNERS;
		}
		if (rec->member[i].expires != rec->expires) {
			says |= ROW_MEMBER_EXPIRES;
		}
	}
	return says;
}

static unsigned int says_if(bool does, enum row_field field)
{
	return does ? field : 0;
}

unsigned int row_says(const struct row *row)
{
	const struct nb_record *rec = &row->rec;

	return row->known & (ROW_TYPE |
		says_if(rec->state != NB_ACTIVE, ROW_STATE) |
		says_if(rec->is_static, ROW_STATIC) |
		says_if(rec->node != NB_H_NODE, ROW_NODE) |
		says_if(rec->owner != 0, ROW_OWNER) |
		says_if(rec->version != 0, ROW_VERSION) |
		says_if(!rec->is_static && rec->expires != 0, ROW_EXPIRES) |
		says_if(rec->name.scope_len > 0, ROW_SCOPE) |
		members_say(rec) |
		says_if(row->queried != 0, ROW_QUERIED) |
		says_if(!plain(rec->name.byte, rec->name.len) ||
			!plain(rec->name.scope, rec->name.scope_len),
			ROW_RAW_NAMES));
}

#define YEAR_10000 INT64_C(253402300800)

static bool time_fits(int64_t when)
{
	return when == NB_NEVER || (when >= 0 && when < YEAR_10000);
}

bool row_times_fit(const struct row *row)
{
	bool fit = time_fits(row->rec.expires);

	for (unsigned int i = 0; i < row->rec.count; i++) {
		fit &= time_fits(row->rec.member[i].expires);
	}
	return fit;
}
