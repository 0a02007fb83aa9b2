/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records to and from JSON lines. One table of keys serves reading: what a key
 * fills and whether it must be there. Unknown keys are errors with the nearest
 * known one, for a mistyped "expire" would otherwise live for ever.
 */
#include <jansson.h>
#include <string.h>

#include "common/json_record.h"
#include "common/rfc3339.h"
#include "common/tool.h"

/* ---- writing ---- */

static void put_member(struct json_out *j, const struct nb_member *member)
{
	json_begin(j, '{');
	json_key(j, "ip");
	json_address(j, member->ip);
	json_key(j, "owner");
	json_address(j, member->owner);
	json_key(j, "expires");
	json_time(j, member->expires);
	json_end(j, '}');
}

void json_record_members(struct json_out *j, const struct nb_record *rec)
{
	json_key(j, "name");
	json_bytes(j, rec->name.byte, rec->name.len);
	json_key(j, "suffix");
	json_count(j, rec->name.type);
	json_key(j, "scope");
	json_bytes(j, rec->name.scope, rec->name.scope_len);
	json_key(j, "type");
	json_text(j, nb_type_name(rec->type));
	json_key(j, "state");
	json_text(j, nb_state_name(rec->state));
	json_key(j, "node");
	json_text(j, nb_node_name(rec->node));
	json_key(j, "static");
	json_flag(j, rec->is_static);
	json_key(j, "owner");
	json_address(j, rec->owner);
	json_key(j, "version");
	json_count(j, rec->version);
	json_key(j, "expires");
	json_time(j, rec->expires);
	json_key(j, "addresses");
	json_begin(j, '[');
	for (unsigned int i = 0; i < rec->count; i++) {
		put_member(j, &rec->member[i]);
	}
	json_end(j, ']');
}

void json_record_print(FILE *file, const struct nb_record *rec)
{
	struct json_out j = { .file = file };

	json_begin(&j, '{');
	json_record_members(&j, rec);
	json_end(&j, '}');
	json_newline(&j);
}

/* ---- reading ---- */

struct reader {
	struct nb_record *rec;
	struct nb_member *member;	/* NULL: the record itself */
	char *reason;
};

static bool wrong(struct reader *r, const char *key, const char *what)
{
	(void)snprintf(r->reason, JSON_REASON, "\"%s\": %s", key, what);
	return false;
}

static bool read_name(struct reader *r, const char *key, const json_t *value)
{
	uint8_t bytes[NB_NAME_MAX];
	int len = !json_is_string(value) ? -1 :
		  json_to_bytes(json_string_value(value),
				json_string_length(value), bytes,
				sizeof(bytes));

	if (len < 0) {
		return wrong(r, key, "not a string of up to 15 bytes");
	}
	r->rec->name = nb_name_make(bytes, (size_t)len, r->rec->name.type);
	if (r->rec->name.len != len) {
		return wrong(r, key, "a name has no NUL and does not end in "
			     "blanks");
	}
	return true;
}

static bool read_scope(struct reader *r, const char *key, const json_t *value)
{
	uint8_t bytes[NB_SCOPE_MAX];
	int len = !json_is_string(value) ? -1 :
		  json_to_bytes(json_string_value(value),
				json_string_length(value), bytes,
				sizeof(bytes));

	if (len < 0) {
		return wrong(r, key, "not a string of up to 238 bytes");
	}
	return nb_name_set_scope(&r->rec->name, bytes, (size_t)len);
}

static bool read_suffix(struct reader *r, const char *key, const json_t *value)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 0 || number > 255) {
		return wrong(r, key, "not a number from 0 to 255 (<20> is "
			     "32)");
	}
	r->rec->name.type = (uint8_t)number;
	return true;
}

static const char *word(const json_t *value)
{
	return json_is_string(value) ? json_string_value(value) : "";
}

static bool read_type(struct reader *r, const char *key, const json_t *value)
{
	return nb_type_parse(word(value), &r->rec->type) ||
	       wrong(r, key, "not unique, group, sgroup or mhomed");
}

static bool read_state(struct reader *r, const char *key, const json_t *value)
{
	return nb_state_parse(word(value), &r->rec->state) ||
	       wrong(r, key, "not active, released or tombstone");
}

static bool read_node(struct reader *r, const char *key, const json_t *value)
{
	return nb_node_parse(word(value), &r->rec->node) ||
	       wrong(r, key, "not B, P, M or H");
}

static bool read_static(struct reader *r, const char *key, const json_t *value)
{
	r->rec->is_static = json_is_true(value);
	return json_is_boolean(value) || wrong(r, key, "not true or false");
}

static bool read_owner(struct reader *r, const char *key, const json_t *value)
{
	uint32_t *owner = r->member == NULL ? &r->rec->owner :
					      &r->member->owner;

	return nb_addr_parse(word(value), owner) ||
	       wrong(r, key, "not an IPv4 address in quotes");
}

static bool read_ip(struct reader *r, const char *key, const json_t *value)
{
	return nb_addr_parse(word(value), &r->member->ip) ||
	       wrong(r, key, "not an IPv4 address in quotes");
}

static bool read_version(struct reader *r, const char *key,
			 const json_t *value)
{
	json_int_t number = json_integer_value(value);

	r->rec->version = (uint64_t)number;
	return (json_is_integer(value) && number >= 0) ||
	       wrong(r, key, "not a number from 0 to 2^63 - 1");
}

static bool read_expires(struct reader *r, const char *key,
			 const json_t *value)
{
	int64_t *expires = r->member == NULL ? &r->rec->expires :
					       &r->member->expires;

	if (json_is_null(value)) {
		*expires = NB_NEVER;
		return true;
	}
	return rfc3339_parse(word(value), expires) ||
	       wrong(r, key, "not null or a time like "
		     "\"2026-08-01T12:00:00Z\"");
}

static bool read_addresses(struct reader *r, const char *key,
			   const json_t *value);

struct key {
	const char *name;
	bool needed;
	bool (*read)(struct reader *r, const char *key, const json_t *value);
};

/* In the order in which they are read: addresses inherit from the record. */
static const struct key record_keys[] = {
	{ "name", true, read_name },
	{ "suffix", true, read_suffix },
	{ "scope", false, read_scope },
	{ "type", true, read_type },
	{ "state", false, read_state },
	{ "node", false, read_node },
	{ "static", false, read_static },
	{ "owner", false, read_owner },
	{ "version", false, read_version },
	{ "expires", false, read_expires },
	{ "addresses", true, read_addresses },
	{ NULL, false, NULL },
};

static const struct key member_keys[] = {
	{ "ip", true, read_ip },
	{ "owner", false, read_owner },
	{ "expires", false, read_expires },
	{ NULL, false, NULL },
};

static bool known_keys(struct reader *r, json_t *object,
		       const struct key *keys)
{
	const char *names[sizeof(record_keys) / sizeof(record_keys[0])];
	const char *near = NULL;
	const char *key = NULL;
	json_t *value = NULL;
	unsigned int count = 0;

	for (; keys[count].name != NULL; count++) {
		names[count] = keys[count].name;
	}
	names[count] = NULL;
	json_object_foreach(object, key, value) {
		unsigned int i = 0;

		while (i < count && strcmp(names[i], key) != 0) {
			i++;
		}
		if (i < count) {
			continue;
		}
		near = tool_nearest(key, names);
		(void)snprintf(r->reason, JSON_REASON,
			       "unknown key \"%.40s\"%s%s%s", key,
			       near != NULL ? ", did you mean \"" : "",
			       near != NULL ? near : "",
			       near != NULL ? "\"?" : "");
		return false;
	}
	return true;
}

static bool read_object(struct reader *r, json_t *object,
			const struct key *keys)
{
	if (!json_is_object(object)) {
		(void)snprintf(r->reason, JSON_REASON, "not an object {...}");
		return false;
	}
	if (!known_keys(r, object, keys)) {
		return false;
	}
	for (; keys->name != NULL; keys++) {
		const json_t *value = json_object_get(object, keys->name);

		if (value == NULL && keys->needed) {
			return wrong(r, keys->name, "is missing");
		}
		if (value != NULL && !keys->read(r, keys->name, value)) {
			return false;
		}
	}
	return true;
}

static bool read_addresses(struct reader *r, const char *key,
			   const json_t *value)
{
	size_t count = json_array_size(value);

	if (!json_is_array(value) || count > NB_MEMBERS_MAX) {
		return wrong(r, key, "not a list [...] of up to 25 addresses");
	}
	for (size_t i = 0; i < count; i++) {
		struct reader inner = *r;

		inner.member = &r->rec->member[i];
		*inner.member = (struct nb_member) {
			.owner = r->rec->owner,
			.expires = r->rec->expires,
		};
		if (!read_object(&inner, json_array_get(value, i),
				 member_keys)) {
			return false;
		}
	}
	r->rec->count = (uint8_t)count;
	return true;
}

bool json_record_read(const char *line, size_t len, struct nb_record *rec,
		      char reason[JSON_REASON])
{
	struct reader r = { .rec = rec, .reason = reason };
	json_error_t error;
	json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES |
				  JSON_ALLOW_NUL, &error);
	const char *broken = NULL;
	bool good = false;

	if (root == NULL) {
		(void)snprintf(reason, JSON_REASON, "column %d: %.120s",
			       error.column, error.text);
		return false;
	}
	*rec = (struct nb_record) {
		.node = NB_H_NODE,
		.expires = NB_NEVER,
	};
	good = read_object(&r, root, record_keys);
	json_decref(root);
	broken = good ? nb_record_broken(rec) : NULL;
	if (broken != NULL) {
		(void)snprintf(reason, JSON_REASON, "%s", broken);
	}
	return good && broken == NULL;
}
