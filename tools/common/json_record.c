/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records to and from JSON lines. One table of keys serves reading: what a key
 * fills and whether it must be there. Unknown keys are errors with the nearest
 * known one, for a mistyped "expire" would otherwise live for ever.
 *
 * Versions have 64 bits, numbers of jansson 63, and its reading of integers as
 * doubles would round them. So a line with a whole number of 19 digits or more
 * is copied first with quotes around it, and a version may be a string of
 * digits; that helps also who passes such lines through JavaScript.
 */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_line.h"
#include "common/json_record.h"
#include "common/rfc3339.h"
#include "common/tool.h"

/* ---- writing ---- */

static void put_member(struct json_out *j, const struct nb_member *member,
		       unsigned int keys)
{
	json_begin(j, '{');
	json_key(j, "ip");
	json_address(j, member->ip);
	if ((keys & JSON_MEMBER_OWNER) != 0) {
		json_key(j, "owner");
		json_address(j, member->owner);
	}
	if ((keys & JSON_MEMBER_EXPIRES) != 0) {
		json_key(j, "expires");
		json_time(j, member->expires);
	}
	json_end(j, '}');
}

/* The key of a value, if the value is known. */
static bool put_key(struct json_out *j, unsigned int keys,
		    enum json_record_key key, const char *name)
{
	if ((keys & key) == 0) {
		return false;
	}
	json_key(j, name);
	return true;
}

static void put_times(struct json_out *j, const struct nb_record *rec,
		      unsigned int keys)
{
	if (put_key(j, keys, JSON_OWNER, "owner")) {
		json_address(j, rec->owner);
	}
	if (put_key(j, keys, JSON_VERSION, "version")) {
		json_count(j, rec->version);
	}
	if (put_key(j, keys, JSON_EXPIRES, "expires")) {
		json_time(j, rec->expires);
	}
}

void json_record_some(struct json_out *j, const struct nb_record *rec,
		      unsigned int keys)
{
	json_key(j, "name");
	json_bytes(j, rec->name.byte, rec->name.len);
	json_key(j, "suffix");
	json_count(j, rec->name.type);
	if (put_key(j, keys, JSON_SCOPE, "scope")) {
		json_bytes(j, rec->name.scope, rec->name.scope_len);
	}
	json_key(j, "type");
	json_text(j, nb_type_name(rec->type));
	if (put_key(j, keys, JSON_STATE, "state")) {
		json_text(j, nb_state_name(rec->state));
	}
	if (put_key(j, keys, JSON_NODE, "node")) {
		json_text(j, nb_node_name(rec->node));
	}
	if (put_key(j, keys, JSON_STATIC, "static")) {
		json_flag(j, rec->is_static);
	}
	put_times(j, rec, keys);
	json_key(j, "addresses");
	json_begin(j, '[');
	for (unsigned int i = 0; i < rec->count; i++) {
		put_member(j, &rec->member[i], keys);
	}
	json_end(j, ']');
}

void json_record_members(struct json_out *j, const struct nb_record *rec)
{
	json_record_some(j, rec, JSON_RECORD_ALL);
}

void json_record_queried(struct json_out *j, int64_t queried)
{
	if (queried != JSON_QUERIED_UNKNOWN) {
		json_key(j, "queried");
		json_time(j, queried == JSON_QUERIED_NEVER ? NB_NEVER :
							     queried);
	}
}

void json_record_print_queried(FILE *file, const struct nb_record *rec,
			       int64_t queried)
{
	struct json_out j = { .file = file };

	json_begin(&j, '{');
	json_record_members(&j, rec);
	json_record_queried(&j, queried);
	json_end(&j, '}');
	json_newline(&j);
}

void json_record_print(FILE *file, const struct nb_record *rec)
{
	json_record_print_queried(file, rec, JSON_QUERIED_UNKNOWN);
}

/* ---- reading ---- */

struct reader {
	struct nb_record *rec;
	struct nb_member *member;	/* NULL: the record itself */
	int64_t queried;
	char *reason;
	unsigned int said;		/* enum json_record_key */
	bool is_scan;			/* "skipped" may be there */
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
	const char *digits = word(value);
	char *end = NULL;

	if (json_is_integer(value) && json_integer_value(value) >= 0) {
		r->rec->version = (uint64_t)json_integer_value(value);
		return true;
	}
	errno = 0;
	if (isdigit((unsigned char)digits[0])) {
		r->rec->version = strtoull(digits, &end, 10);
	}
	return (end != NULL && errno == 0 &&
		(size_t)(end - digits) == json_string_length(value)) ||
	       wrong(r, key, "not a number from 0 to 2^64 - 1");
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

static bool read_queried(struct reader *r, const char *key,
			 const json_t *value)
{
	if (json_is_null(value)) {
		r->queried = JSON_QUERIED_NEVER;
		return true;
	}
	return (rfc3339_parse(word(value), &r->queried) && r->queried > 0) ||
	       wrong(r, key, "not null or a time like "
		     "\"2026-08-01T12:00:00Z\"");
}

static bool read_skipped(struct reader *r, const char *key,
			 const json_t *value)
{
	if (!r->is_scan) {
		return wrong(r, key, "is not known here");
	}
	return json_is_string(value) || wrong(r, key, "not a text");
}

static bool read_addresses(struct reader *r, const char *key,
			   const json_t *value);

struct key {
	const char *name;
	bool needed;
	bool (*read)(struct reader *r, const char *key, const json_t *value);
	unsigned int says;
};

/* In the order in which they are read: addresses inherit from the record. */
static const struct key record_keys[] = {
	{ "name", true, read_name, 0 },
	{ "suffix", true, read_suffix, 0 },
	{ "scope", false, read_scope, JSON_SCOPE },
	{ "type", true, read_type, 0 },
	{ "state", false, read_state, JSON_STATE },
	{ "node", false, read_node, JSON_NODE },
	{ "static", false, read_static, JSON_STATIC },
	{ "owner", false, read_owner, JSON_OWNER },
	{ "version", false, read_version, JSON_VERSION },
	{ "expires", false, read_expires, JSON_EXPIRES },
	{ "addresses", true, read_addresses, 0 },
	{ "queried", false, read_queried, 0 },
	{ "skipped", false, read_skipped, 0 },
	{ NULL, false, NULL, 0 },
};

static const struct key member_keys[] = {
	{ "ip", true, read_ip, 0 },
	{ "owner", false, read_owner, JSON_MEMBER_OWNER },
	{ "expires", false, read_expires, JSON_MEMBER_EXPIRES },
	{ NULL, false, NULL, 0 },
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
		r->said |= value != NULL ? keys->says : 0;
	}
	return true;
}

static bool read_addresses(struct reader *r, const char *key,
			   const json_t *value)
{
	size_t count = json_array_size(value);
	unsigned int said = JSON_MEMBER_OWNER | JSON_MEMBER_EXPIRES;

	if (!json_is_array(value) || count > NB_MEMBERS_MAX) {
		return wrong(r, key, "not a list [...] of up to 25 addresses");
	}
	for (size_t i = 0; i < count; i++) {
		struct reader inner = *r;

		inner.said = 0;
		inner.member = &r->rec->member[i];
		*inner.member = (struct nb_member) {
			.owner = r->rec->owner,
			.expires = r->rec->expires,
		};
		if (!read_object(&inner, json_array_get(value, i),
				 member_keys)) {
			return false;
		}
		said &= inner.said;
	}
	if (count == 0) {	/* as its record, whose key says it all */
		said = ((r->said & JSON_OWNER) != 0 ? JSON_MEMBER_OWNER : 0) |
		       ((r->said & JSON_EXPIRES) != 0 ? JSON_MEMBER_EXPIRES :
							0);
	}
	r->said |= said;
	r->rec->count = (uint8_t)count;
	return true;
}

/* ---- numbers above 2^63 - 1 ---- */

#define LONG_NUMBER 19		/* digits of 2^63 */

/*
 * Where a whole number of so many digits begins from *at on, and where it
 * ends; false: there is none. Strings are passed over.
 */
static bool long_number(const char *line, size_t len, size_t *at, size_t *end)
{
	bool quoted = false;

	for (size_t i = *at; i < len; i++) {
		size_t n = 0;

		if (quoted && line[i] == '\\') {
			i++;
			continue;
		}
		quoted ^= line[i] == '"';
		if (quoted || strchr(":,[ \t", line[i]) == NULL) {
			continue;
		}
		while (i + 1 + n < len &&
		       isdigit((unsigned char)line[i + 1 + n])) {
			n++;
		}
		if (n >= LONG_NUMBER && (i + 1 + n == len ||
		    strchr(".eE", line[i + 1 + n]) == NULL)) {
			*at = i + 1;
			*end = i + 1 + n;
			return true;
		}
	}
	return false;
}

/* The line with quotes around such numbers; NULL: it has none. */
static char *quote_numbers(const char *line, size_t *len)
{
	size_t at = 0, end = 0, from = 0, to = 0;
	char *copy = NULL;

	while (long_number(line, *len, &at, &end)) {
		if (copy == NULL) {
			copy = malloc(2 * *len + 2);
		}
		if (copy == NULL) {
			return NULL;
		}
		memcpy(copy + to, line + from, at - from);
		to += at - from;
		copy[to++] = '"';
		memcpy(copy + to, line + at, end - at);
		to += end - at;
		copy[to++] = '"';
		from = end;
		at = end;
	}
	if (copy != NULL) {
		memcpy(copy + to, line + from, *len - from);
		*len = to + *len - from;
	}
	return copy;
}

/* ---- the interface of reading ---- */

static bool read_root(struct reader *r, const char *line, size_t len)
{
	char *quoted = quote_numbers(line, &len);
	json_error_t error;
	json_t *root = json_loadb(quoted != NULL ? quoted : line, len,
				  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
				  &error);
	bool good = false;

	free(quoted);
	if (root == NULL) {
		(void)snprintf(r->reason, JSON_REASON, "column %d: %.120s",
			       error.column, error.text);
		return false;
	}
	good = read_object(r, root, record_keys);
	json_decref(root);
	return good;
}

static bool storable(struct reader *r)
{
	const char *broken = nb_record_broken(r->rec);

	if (broken != NULL) {
		(void)snprintf(r->reason, JSON_REASON, "%s", broken);
	}
	return broken == NULL;
}

bool json_record_read_queried(const char *line, size_t len,
			      struct nb_record *rec, int64_t *queried,
			      char reason[JSON_REASON])
{
	struct reader r = { .rec = rec, .reason = reason };
	bool good = false;

	*rec = (struct nb_record) {
		.node = NB_H_NODE,
		.expires = NB_NEVER,
	};
	good = read_root(&r, line, len) && storable(&r);
	*queried = r.queried;
	return good;
}

bool json_record_read(const char *line, size_t len, struct nb_record *rec,
		      char reason[JSON_REASON])
{
	int64_t queried = JSON_QUERIED_UNKNOWN;

	return json_record_read_queried(line, len, rec, &queried, reason);
}

/* An active static never expires, whether a line says so or nothing. */
static void fill_never(struct nb_record *rec)
{
	rec->expires = NB_NEVER;
	for (unsigned int i = 0; i < rec->count; i++) {
		if (rec->member[i].expires == 0) {
			rec->member[i].expires = NB_NEVER;
		}
	}
}

bool json_record_scan(const char *line, size_t len, struct nb_record *rec,
		      unsigned int *keys, int64_t *queried,
		      char reason[JSON_REASON])
{
	struct reader r = { .rec = rec, .reason = reason, .is_scan = true };

	if (json_line_read(line, len, rec, keys, queried)) {
		return true;
	}
	*rec = (struct nb_record) { .node = NB_H_NODE };
	if (!read_root(&r, line, len)) {
		return false;
	}
	if ((r.said & JSON_EXPIRES) == 0 && rec->is_static &&
	    rec->state == NB_ACTIVE) {
		fill_never(rec);
	}
	*keys = r.said;
	*queried = r.queried;
	return storable(&r);
}
