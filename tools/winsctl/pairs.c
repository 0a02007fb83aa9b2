/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys and values as they come from the server, for people and as JSON: one
 * object (server status), or a list of them, each beginning with the same key
 * (partner list). A new counter, or a new member of an object, needs no change
 * here.
 *
 * A key without a value is something that is not there or that nobody knows:
 * "unknown" for people, null for machines, never a 0.
 */
#include <inttypes.h>
#include <string.h>

#include "common/json_out.h"
#include "core/addr.h"
#include "winsctl/winsctl.h"

static bool is_value(enum control_tag tag)
{
	return tag == CONTROL_NUMBER || tag == CONTROL_TIME ||
	       tag == CONTROL_HOST || tag == CONTROL_TEXT ||
	       tag == CONTROL_TRUTH;
}

char *pair_text(const struct control_field *field, char *text, size_t size)
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
	case CONTROL_TRUTH:
		(void)snprintf(text, size, "%s",
			       control_number(field) != 0 ? "yes" : "no");
		break;
	default:
		(void)snprintf(text, size, "unknown");
		break;
	}
	return text;
}

/*
 * The next key and the value behind it, or the key itself if there is none;
 * false after the last.
 */
static bool next_pair(const struct control_reader *reply,
		      struct control_field *field, char *key, size_t size)
{
	struct control_field ahead;

	while (control_next(reply, field)) {
		if (field->tag != CONTROL_KEY) {
			continue;
		}
		control_text(field, key, size);
		ahead = *field;
		if (control_next(reply, &ahead) && is_value(ahead.tag)) {
			*field = ahead;
		}
		return true;
	}
	return false;
}

static void print_pair(const char *key, const char *value)
{
	char words[PAIR_KEY];
	size_t i = 0;

	for (; key[i] != '\0' && i < sizeof(words) - 1; i++) {
		words[i] = key[i] == '_' || key[i] == '-' ? ' ' : key[i];
	}
	words[i] = '\0';
	(void)printf("%-24s %s\n", words, value);
}

void print_pairs(const struct control_reader *reply)
{
	struct control_field field = { .data = NULL };
	char key[PAIR_KEY];
	char value[CONTROL_FILL / 16];

	while (next_pair(reply, &field, key, sizeof(key))) {
		print_pair(key, pair_text(&field, value, sizeof(value)));
	}
}

/* Keys of counters come from many hands; for machines they are of one kind. */
static void key_json(struct json_out *j, const char *key)
{
	char plain[PAIR_KEY];
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
	case CONTROL_TEXT:
		json_bytes(j, field->data, field->len);
		break;
	case CONTROL_TRUTH:
		json_flag(j, control_number(field) != 0);
		break;
	default:
		json_nothing(j);
		break;
	}
}

/* One object; a key that comes several times becomes one list. */
void print_pairs_json(const struct control_reader *reply)
{
	struct control_field field = { .data = NULL };
	struct json_out j = { .file = stdout };
	char key[PAIR_KEY];
	char last[PAIR_KEY] = "";
	bool list = false;

	json_begin(&j, '{');
	while (next_pair(reply, &field, key, sizeof(key))) {
		struct control_field ahead = field;
		char next[PAIR_KEY] = "";
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

/* ---- lists of objects ---- */

bool row_next(const struct control_reader *reply, struct control_field *at,
	      struct row *row)
{
	struct control_field field = *at;
	char key[PAIR_KEY];

	row->count = 0;
	while (next_pair(reply, &field, key, sizeof(key))) {
		struct row_value *value = &row->value[row->count];

		if (strcmp(key, row->first) == 0 && row->count > 0) {
			break;		/* that one is the next row's */
		}
		if (row->count < ROW_MAX &&
		    (row->count > 0 || strcmp(key, row->first) == 0)) {
			memcpy(value->key, key, sizeof(key));
			value->field = field;
			row->count++;
		}
		*at = field;
	}
	return row->count > 0;
}

const struct control_field *row_value(const struct row *row, const char *key)
{
	for (unsigned int i = 0; i < row->count; i++) {
		const struct row_value *value = &row->value[i];

		if (strcmp(value->key, key) == 0) {
			return is_value(value->field.tag) ? &value->field :
							    NULL;
		}
	}
	return NULL;
}

uint64_t row_number(const struct row *row, const char *key, uint64_t otherwise)
{
	const struct control_field *field = row_value(row, key);

	return field == NULL || field->tag == CONTROL_TEXT ?
	       otherwise : control_number(field);
}

char *row_text(const struct row *row, const char *key, char *text, size_t size)
{
	const struct control_field *field = row_value(row, key);

	if (field == NULL) {
		(void)snprintf(text, size, "unknown");
		return text;
	}
	return pair_text(field, text, size);
}

void row_print(const struct row *row, const struct row_word *words)
{
	char text[CONTROL_FILL / 16];

	for (unsigned int i = 0; i < row->count; i++) {
		const struct row_value *value = &row->value[i];
		const struct row_word *word = words;

		while (word->key != NULL && strcmp(word->key, value->key) != 0) {
			word++;
		}
		print_pair(value->key, word->key != NULL &&
				       !is_value(value->field.tag) ?
				       word->word :
				       pair_text(&value->field, text,
						 sizeof(text)));
	}
}

void row_print_json(const struct row *row)
{
	struct json_out j = { .file = stdout };

	json_begin(&j, '{');
	for (unsigned int i = 0; i < row->count; i++) {
		key_json(&j, row->value[i].key);
		pair_value_json(&j, &row->value[i].field);
	}
	json_end(&j, '}');
	json_newline(&j);
}
