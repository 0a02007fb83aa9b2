/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records and values for people: aligned columns, names always NAME<20>, and
 * nothing that a terminal could take for an order (names are printed with
 * their odd bytes as \xHH). Columns have fixed widths: a list is printed while
 * it comes, nobody knows its longest name before its end.
 */
#include <inttypes.h>
#include <string.h>

#include "common/json_out.h"
#include "common/rfc3339.h"
#include "core/addr.h"
#include "winsctl/winsctl.h"

#define ROW "%-20s %-6s %-9s %-7s %-15s %12s  %-20s  %s"

char *print_time(int64_t when, char *text, size_t size)
{
	char stamp[RFC3339_TEXT];

	(void)snprintf(text, size, "%s", when == NB_NEVER ? "never" :
		       rfc3339_print(when, stamp));
	return text;
}

void print_list_head(void)
{
	(void)printf(ROW "\n", "NAME", "TYPE", "STATE", "KIND", "OWNER",
		     "VERSION", "EXPIRES", "ADDRESSES");
}

void print_list_record(const struct nb_record *rec)
{
	char name[NB_NAME_TEXT];
	char owner[NB_ADDR_TEXT];
	char version[24];
	char expires[32];
	char ip[NB_ADDR_TEXT];

	(void)snprintf(version, sizeof(version), "%" PRIu64, rec->version);
	(void)printf(ROW, nb_name_print(&rec->name, name),
		     nb_type_name(rec->type), nb_state_name(rec->state),
		     rec->is_static ? "static" : "dynamic",
		     nb_addr_print(rec->owner, owner), version,
		     print_time(rec->expires, expires, sizeof(expires)),
		     rec->count == 0 ? "-" :
		     nb_addr_print(rec->member[0].ip, ip));
	for (unsigned int i = 1; i < rec->count; i++) {
		(void)printf(",%s", nb_addr_print(rec->member[i].ip, ip));
	}
	(void)fputc('\n', stdout);
}

void print_record(const struct nb_record *rec)
{
	char name[NB_NAME_TEXT];
	char addr[NB_ADDR_TEXT];
	char owner[NB_ADDR_TEXT];
	char when[32];

	(void)printf("%-10s %s\n", "name", nb_name_print(&rec->name, name));
	(void)printf("%-10s %s\n", "type", nb_type_name(rec->type));
	(void)printf("%-10s %s\n", "state", nb_state_name(rec->state));
	(void)printf("%-10s %s\n", "kind",
		     rec->is_static ? "static" : "dynamic");
	(void)printf("%-10s %s\n", "node", nb_node_name(rec->node));
	(void)printf("%-10s %s\n", "owner", nb_addr_print(rec->owner, addr));
	(void)snprintf(when, sizeof(when), "%" PRIu64, rec->version);
	(void)printf("%-10s %s\n", "version",
		     rec->version != 0 ? when : "the next one");
	(void)printf("%-10s %s\n", "expires",
		     print_time(rec->expires, when, sizeof(when)));
	for (unsigned int i = 0; i < rec->count; i++) {
		const struct nb_member *m = &rec->member[i];

		(void)printf("%-10s %-15s  owner %-15s  expires %s\n",
			     "address", nb_addr_print(m->ip, addr),
			     nb_addr_print(m->owner, owner),
			     print_time(m->expires, when, sizeof(when)));
	}
}

/* ---- keys and values as they come ---- */

static void value_text(const struct control_field *field, char *text,
		       size_t size)
{
	char addr[NB_ADDR_TEXT];

	switch (field->tag) {
	case CONTROL_NUMBER:
		(void)snprintf(text, size, "%" PRIu64, control_number(field));
		break;
	case CONTROL_TIME:
		print_time((int64_t)control_number(field), text, size);
		break;
	case CONTROL_HOST:
		(void)snprintf(text, size, "%s",
			       nb_addr_print((uint32_t)control_number(field),
					     addr));
		break;
	case CONTROL_TEXT:
		control_text(field, text, size);
		break;
	default:
		text[0] = '\0';
		break;
	}
}

/* The next key and the value behind it; false after the last. */
static bool next_pair(const struct control_reader *reply,
		      struct control_field *field, char *key, size_t size)
{
	while (control_next(reply, field)) {
		if (field->tag == CONTROL_KEY) {
			control_text(field, key, size);
			return control_next(reply, field);
		}
	}
	return false;
}

void print_pairs(const struct control_reader *reply)
{
	struct control_field field = { .data = NULL };
	char key[64];
	char value[CONTROL_FILL / 16];

	while (next_pair(reply, &field, key, sizeof(key))) {
		for (char *p = key; *p != '\0'; p++) {
			*p = *p == '_' || *p == '-' ? ' ' : *p;
		}
		value_text(&field, value, sizeof(value));
		(void)printf("%-24s %s\n", key, value);
	}
}

/* Keys of counters come from many hands; for machines they are of one kind. */
static void key_json(struct json_out *j, const char *key)
{
	char plain[64];
	size_t i = 0;

	for (; key[i] != '\0' && i < sizeof(plain) - 1; i++) {
		plain[i] = key[i] == '-' || key[i] == ' ' ? '_' : key[i];
	}
	plain[i] = '\0';
	json_key(j, plain);
}

static void pair_value_json(struct json_out *j,
			    const struct control_field *field)
{
	switch (field->tag) {
	case CONTROL_NUMBER:
		json_count(j, control_number(field));
		break;
	case CONTROL_TIME:
		json_time(j, (int64_t)control_number(field));
		break;
	case CONTROL_HOST:
		json_address(j, (uint32_t)control_number(field));
		break;
	default:
		json_bytes(j, field->data, field->len);
		break;
	}
}

/* One object; a key that comes several times becomes one list. */
void print_pairs_json(const struct control_reader *reply)
{
	struct control_field field = { .data = NULL };
	struct json_out j = { .file = stdout };
	char key[64];
	char last[64] = "";
	bool list = false;

	json_begin(&j, '{');
	while (next_pair(reply, &field, key, sizeof(key))) {
		struct control_field ahead = field;
		char next[64] = "";
		bool same = strcmp(key, last) == 0;
		bool more = next_pair(reply, &ahead, next, sizeof(next)) &&
			    strcmp(key, next) == 0;

		if (!same) {
			key_json(&j, key);
			list = more;
		}
		if (!same && list) {
			json_begin(&j, '[');
		}
		pair_value_json(&j, &field);
		if (list && !more) {
			json_end(&j, ']');
		}
		memcpy(last, key, sizeof(last));
	}
	json_end(&j, '}');
	json_newline(&j);
}
