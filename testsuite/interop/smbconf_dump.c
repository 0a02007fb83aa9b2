/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What our parser makes of a file, as JSON lines for smbconf_testparm.py:
 * {"line": 3, "section": null, "name": "wins:a", "value": "1", "option": null,
 * "result": 2, "note": "..."} for each parameter: the option of the table that
 * it sets, and what settings_put() says of it (0 fine, 1 warning, 2 error);
 * {"line": 3, "error": "..."} and exit status 1 for a syntax error.
 *
 * --options prints the option table instead, and the keys of a partner's row:
 * build-support/manconf makes the man page of that.
 */

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/smbconf.h"
#include "core/options.h"
#include "core/partner_option.h"
#include "core/settings.h"

/* Latin-1 is a string that JSON can carry whatever the bytes are. */
static json_t *latin1(const char *text)
{
	char *out = NULL, *pen = NULL;
	json_t *value = NULL;

	if (text == NULL) {
		return json_null();
	}
	out = pen = malloc(strlen(text) * 2 + 1);
	if (out == NULL) {
		abort();
	}
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte >= 0x80) {
			*pen++ = (char)(0xc0 | byte >> 6);
			byte = 0x80 | (byte & 0x3f);
		}
		*pen++ = (char)byte;
	}
	*pen = '\0';
	value = json_string(out);
	free(out);
	return value;
}

static void print(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);

	puts(text != NULL ? text : "null");
	free(text);
	json_decref(object);
}

static bool show(void *arg, const struct smbconf_line *line)
{
	bool global = smbconf_is_global(line->section);
	char note[SETTINGS_NOTE] = "";
	enum option_id id = OPTION_COUNT;
	bool known = global && option_find(line->name, &id);
	json_t *value = latin1(line->value);
	enum settings_result result = settings_put(arg, global, line->name,
						   line->value, line->number,
						   note);

	print(json_pack("{s:i, s:o, s:o, s:o, s:s?, s:i, s:s}", "line",
			(int)line->number, "section", latin1(line->section),
			"name", latin1(line->name), "value", value, "option",
			known ? option_row(id)->name : NULL, "result",
			(int)result, "note", note));
	return true;
}

static int dump_file(const char *path)
{
	struct smbconf_error error = { .line = 0 };
	static char text[1 << 20];
	static struct settings settings;
	FILE *f = fopen(path, "rb");
	size_t len = f == NULL ? 0 : fread(text, 1, sizeof(text) - 1, f);

	if (f == NULL) {
		perror(path);
		return 2;
	}
	fclose(f);
	if (smbconf_parse(text, len, show, &settings, &error)) {
		return 0;
	}
	print(json_pack("{s:i, s:s}", "line", (int)error.line, "error",
			error.reason));
	return 1;
}

static void dump_option(const struct option *o)
{
	print(json_pack("{s:s, s:s?, s:i, s:s, s:I, s:I, s:I, s:I, s:s?, s:s?,"
			" s:s?, s:s?, s:s?, s:b, s:s?, s:s, s:s}",
			"name", o->name, "alias", o->alias, "type",
			(int)o->type, "group", option_group_name(o->group),
			"min", (json_int_t)o->min, "max", (json_int_t)o->max,
			"min2", (json_int_t)o->min2, "max2",
			(json_int_t)o->max2, "unit", o->unit, "words",
			o->words, "default", o->standard, "computed",
			o->computed, "windows", o->windows, "reload",
			(int)o->reload, "later", o->later, "summary",
			o->summary, "doc", o->doc));
}

static int dump_options(void)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		dump_option(option_row(id));
	}
	for (unsigned int i = 0; partner_key(i) != NULL; i++) {
		const struct partner_key *key = partner_key(i);

		print(json_pack("{s:s, s:s, s:s}", "key", key->key, "value",
				key->value, "doc", key->doc));
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--options") == 0) {
		return dump_options();
	}
	if (argc != 2) {
		fprintf(stderr, "usage: %s FILE | --options\n", argv[0]);
		return 2;
	}
	return dump_file(argv[1]);
}
