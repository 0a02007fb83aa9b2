/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names as values and as text.
 *
 * The text form is for people and for command lines: NAME<20>.scope. It must
 * survive a shell history and a log, and read back to the same sixteen bytes
 * whatever they are, so every byte that could be mistaken (the delimiters,
 * the backslash, whatever is not printable ASCII) is written as \xHH. A name
 * that begins with a blank is legal and is printed as it is.
 */

#include <string.h>

#include "core/name.h"

void nb_name_init(struct nb_name *name, const void *bytes, size_t len,
		  uint8_t type)
{
	const uint8_t *byte = bytes;
	uint8_t end = 0;

	if (len > NB_NAME_MAX) {
		len = NB_NAME_MAX;
	}
	while (end < len && byte[end] != 0) {
		end++;
	}
	while (end > 0 && byte[end - 1] == ' ') {
		end--;
	}
	name->len = end;
	memcpy(name->byte, byte, end);
	memset(name->byte + end, 0, NB_NAME_MAX - end);
	memset(name->scope, 0, sizeof(name->scope));
	name->scope_len = 0;
	name->type = type;
}

struct nb_name nb_name_make(const void *bytes, size_t len, uint8_t type)
{
	struct nb_name name;

	nb_name_init(&name, bytes, len, type);
	return name;
}

bool nb_name_set_scope(struct nb_name *name, const void *scope, size_t len)
{
	if (len > NB_SCOPE_MAX) {
		return false;
	}
	memset(name->scope, 0, sizeof(name->scope));
	if (len > 0) {
		memcpy(name->scope, scope, len);
	}
	name->scope_len = (uint8_t)len;
	return true;
}

bool nb_name_equal(const struct nb_name *a, const struct nb_name *b)
{
	return a->len == b->len && a->type == b->type &&
	       a->scope_len == b->scope_len &&
	       memcmp(a->byte, b->byte, a->len) == 0 &&
	       memcmp(a->scope, b->scope, a->scope_len) == 0;
}

static int compare_bytes(const uint8_t *a, size_t a_len, const uint8_t *b,
			 size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	if (order != 0) {
		return order;
	}
	return (a_len > b_len) - (a_len < b_len);
}

int nb_name_compare(const struct nb_name *a, const struct nb_name *b)
{
	int order = compare_bytes(a->byte, a->len, b->byte, b->len);

	if (order == 0) {
		order = (a->type > b->type) - (a->type < b->type);
	}
	if (order == 0) {
		order = compare_bytes(a->scope, a->scope_len, b->scope,
				      b->scope_len);
	}
	return order;
}

static char *print_hex(char *out, uint8_t byte)
{
	static const char digit[] = "0123456789abcdef";

	*out++ = digit[byte >> 4];
	*out++ = digit[byte & 15];
	return out;
}

static char *print_byte(char *out, uint8_t byte)
{
	if (byte < ' ' || byte > '~' || byte == '\\' || byte == '<' ||
	    byte == '#') {
		*out++ = '\\';
		*out++ = 'x';
		return print_hex(out, byte);
	}
	*out++ = (char)byte;
	return out;
}

char *nb_name_print(const struct nb_name *name, char text[NB_NAME_TEXT])
{
	char *out = text;

	for (unsigned int i = 0; i < name->len; i++) {
		out = print_byte(out, name->byte[i]);
	}
	*out++ = '<';
	out = print_hex(out, name->type);
	*out++ = '>';
	if (name->scope_len > 0) {
		*out++ = '.';
	}
	for (unsigned int i = 0; i < name->scope_len; i++) {
		out = print_byte(out, name->scope[i]);
	}
	*out = '\0';
	return text;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_hex(const char **text, uint8_t *byte)
{
	int high = hex_digit((*text)[0]);
	int low = high < 0 ? -1 : hex_digit((*text)[1]);

	if (low < 0) {
		return false;
	}
	*byte = (uint8_t)(high << 4 | low);
	*text += 2;
	return true;
}

/* Bytes up to one of the two stops or the end; -1 if malformed or too long. */
static int parse_bytes(const char **text, const char *stops, uint8_t *out,
		       size_t max)
{
	const char *p = *text;
	size_t len = 0;

	while (*p != '\0' && strchr(stops, *p) == NULL) {
		uint8_t byte = (uint8_t)*p++;

		if (byte == '\\' &&
		    (*p++ != 'x' || !parse_hex(&p, &byte))) {
			return -1;
		}
		if (len == max) {
			return -1;
		}
		out[len++] = byte;
	}
	*text = p;
	return (int)len;
}

bool nb_name_parse(const char *text, struct nb_name *name)
{
	uint8_t byte[NB_NAME_MAX] = { 0 };
	uint8_t scope[NB_SCOPE_MAX];
	uint8_t type = 0;
	int len = parse_bytes(&text, "<#", byte, sizeof(byte));
	char open = *text;

	if (len < 0 || open == '\0') {
		return false;
	}
	text++;
	if (!parse_hex(&text, &type) || (open == '<' && *text++ != '>')) {
		return false;
	}
	*name = nb_name_make(byte, (size_t)len, type);
	if (*text == '\0') {
		return true;
	}
	if (*text++ != '.') {
		return false;
	}
	len = parse_bytes(&text, "", scope, sizeof(scope));
	return len > 0 && nb_name_set_scope(name, scope, (size_t)len);
}

static uint8_t upper(uint8_t byte)
{
	return byte >= 'a' && byte <= 'z' ? byte - 32 : byte;
}

bool nb_name_listed(const struct nb_name_list *list, const struct nb_name *name)
{
	for (unsigned int i = 0; i < list->count; i++) {
		unsigned int at = 0;

		if (list->entry[i].len != name->len) {
			continue;
		}
		while (at < name->len && upper(list->entry[i].byte[at]) ==
						 upper(name->byte[at])) {
			at++;
		}
		if (at == name->len) {
			return true;
		}
	}
	return false;
}

bool nb_name_list_add(struct nb_name_list *list, const char *text, size_t len)
{
	if (list->count == NB_NAME_LIST_MAX || len == 0 || len > NB_NAME_MAX) {
		return false;
	}
	list->entry[list->count].len = (uint8_t)len;
	memcpy(list->entry[list->count].byte, text, len);
	list->count++;
	return true;
}
