/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A short way for the lines that we write ourselves: keys in their order, no
 * blanks, no escapes. Millions of them come, a tree of objects for each takes
 * five times as long as all the rest of an import, and none of it is needed.
 *
 * It knows no errors. Whatever is not exactly so, one line of a hundred with
 * an escape or a file that somebody edited, goes the long way, which also has
 * the messages (json_record.c). The test holds both against each other.
 */
#include "common/json_line.h"

#include <string.h>

#include "common/json_record.h"
#include "common/rfc3339.h"

#define DIGITS 18		/* that no number of 64 bits is too short for */

struct cursor {
	const char *p;
	const char *end;
};

/* What stands here, if it is this. */
static bool take(struct cursor *c, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(c->end - c->p) < len || memcmp(c->p, word, len) != 0) {
		return false;
	}
	c->p += len;
	return true;
}

/* A string of plain characters, with a NUL behind; buf is of max + 1. */
static bool take_text(struct cursor *c, char *buf, size_t max, size_t *len)
{
	*len = 0;
	if (!take(c, "\"")) {
		return false;
	}
	for (; c->p < c->end && *c->p != '"'; c->p++) {
		if (*c->p < ' ' || *c->p > '~' || *c->p == '\\' ||
		    *len == max) {
			return false;
		}
		buf[(*len)++] = *c->p;
	}
	buf[*len] = '\0';
	return take(c, "\"");
}

static bool take_number(struct cursor *c, uint64_t *number)
{
	const char *from = c->p;

	*number = 0;
	for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++) {
		if (c->p - from == DIGITS) {
			return false;
		}
		*number = 10 * *number + (uint64_t)(*c->p - '0');
	}
	return c->p > from && (*from != '0' || c->p == from + 1);
}

static bool take_address(struct cursor *c, uint32_t *addr)
{
	char text[NB_ADDR_TEXT];
	size_t len = 0;

	return take_text(c, text, sizeof(text) - 1, &len) &&
	       nb_addr_parse(text, addr);
}

static bool take_time(struct cursor *c, int64_t *when)
{
	char text[40];
	size_t len = 0;

	if (take(c, "null")) {
		*when = NB_NEVER;
		return true;
	}
	return take_text(c, text, sizeof(text) - 1, &len) &&
	       rfc3339_parse(text, when);
}

static bool take_name(struct cursor *c, struct nb_name *name)
{
	char text[NB_NAME_MAX + 1];
	uint64_t suffix = 0;
	size_t len = 0;

	if (!take(c, "{\"name\":") ||
	    !take_text(c, text, NB_NAME_MAX, &len) ||
	    !take(c, ",\"suffix\":") || !take_number(c, &suffix) ||
	    suffix > UINT8_MAX) {
		return false;
	}
	*name = nb_name_make(text, len, (uint8_t)suffix);
	return name->len == len;
}

static bool take_scope(struct cursor *c, struct nb_record *rec)
{
	char text[NB_SCOPE_MAX + 1];
	size_t len = 0;

	return take_text(c, text, NB_SCOPE_MAX, &len) &&
	       nb_name_set_scope(&rec->name, text, len);
}

static bool take_type(struct cursor *c, struct nb_record *rec)
{
	char text[16];
	size_t len = 0;

	return take_text(c, text, sizeof(text) - 1, &len) &&
	       nb_type_parse(text, &rec->type);
}

static bool take_state(struct cursor *c, struct nb_record *rec)
{
	char text[16];
	size_t len = 0;

	return take_text(c, text, sizeof(text) - 1, &len) &&
	       nb_state_parse(text, &rec->state);
}

static bool take_node(struct cursor *c, struct nb_record *rec)
{
	char text[4];
	size_t len = 0;

	return take_text(c, text, sizeof(text) - 1, &len) &&
	       nb_node_parse(text, &rec->node);
}

static bool take_static(struct cursor *c, struct nb_record *rec)
{
	rec->is_static = take(c, "true");
	return rec->is_static || take(c, "false");
}

static bool take_owner(struct cursor *c, struct nb_record *rec)
{
	return take_address(c, &rec->owner);
}

static bool take_version(struct cursor *c, struct nb_record *rec)
{
	return take_number(c, &rec->version);
}

static bool take_expires(struct cursor *c, struct nb_record *rec)
{
	return take_time(c, &rec->expires);
}

/* What may be left out, in its order. */
static const struct {
	const char *word;
	bool (*take)(struct cursor *c, struct nb_record *rec);
	unsigned int says;
} values[] = {
	{ ",\"scope\":", take_scope, JSON_SCOPE },
	{ ",\"type\":", take_type, 0 },		/* but for this one */
	{ ",\"state\":", take_state, JSON_STATE },
	{ ",\"node\":", take_node, JSON_NODE },
	{ ",\"static\":", take_static, JSON_STATIC },
	{ ",\"owner\":", take_owner, JSON_OWNER },
	{ ",\"version\":", take_version, JSON_VERSION },
	{ ",\"expires\":", take_expires, JSON_EXPIRES },
};

static bool take_values(struct cursor *c, struct nb_record *rec,
			unsigned int *said)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (!take(c, values[i].word)) {
			if (values[i].says == 0) {
				return false;
			}
			continue;
		}
		if (!values[i].take(c, rec)) {
			return false;
		}
		*said |= values[i].says;
	}
	return true;
}

static bool take_member(struct cursor *c, struct nb_member *member,
			unsigned int *said)
{
	unsigned int says = 0;

	if (!take(c, "{\"ip\":") || !take_address(c, &member->ip)) {
		return false;
	}
	if (take(c, ",\"owner\":")) {
		says |= JSON_MEMBER_OWNER;
		if (!take_address(c, &member->owner)) {
			return false;
		}
	}
	if (take(c, ",\"expires\":")) {
		says |= JSON_MEMBER_EXPIRES;
		if (!take_time(c, &member->expires)) {
			return false;
		}
	}
	*said &= says;
	return take(c, "}");
}

/* At least one: what an empty list says is the long way's to know. */
static bool take_members(struct cursor *c, struct nb_record *rec,
			 unsigned int *said)
{
	unsigned int says = JSON_MEMBER_OWNER | JSON_MEMBER_EXPIRES;

	if (!take(c, ",\"addresses\":[")) {
		return false;
	}
	do {
		struct nb_member member = {
			.owner = rec->owner,
			.expires = rec->expires,
		};

		if (rec->count == NB_MEMBERS_MAX ||
		    !take_member(c, &member, &says)) {
			return false;
		}
		rec->member[rec->count++] = member;
	} while (take(c, ","));
	*said |= says;
	return take(c, "]");
}

static bool take_queried(struct cursor *c, int64_t *queried)
{
	*queried = JSON_QUERIED_UNKNOWN;
	if (!take(c, ",\"queried\":")) {
		return true;
	}
	if (!take_time(c, queried)) {
		return false;
	}
	if (*queried == NB_NEVER) {
		*queried = JSON_QUERIED_NEVER;
		return true;
	}
	return *queried > 0;
}

bool json_line_read(const char *line, size_t len, struct nb_record *rec,
		    unsigned int *keys, int64_t *queried)
{
	struct cursor c = { .p = line, .end = line + len };

	*rec = (struct nb_record) { .node = NB_H_NODE };
	*keys = 0;
	if (!take_name(&c, &rec->name) || !take_values(&c, rec, keys) ||
	    !take_members(&c, rec, keys) || !take_queried(&c, queried) ||
	    !take(&c, "}") || c.p != c.end) {
		return false;
	}
	/* a static without a time of its own: the long way fills it in */
	return ((*keys & JSON_EXPIRES) != 0 || !rec->is_static) &&
	       nb_record_broken(rec) == NULL;
}
