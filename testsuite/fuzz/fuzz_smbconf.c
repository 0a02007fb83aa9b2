/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration parser and the checks of all options on any bytes.
 *
 * The text stands at the very end of an allocation, so that one byte read or
 * written too far is seen. What is demanded besides:
 *  - every piece that the parser hands out lies within the text and ends
 *    there, comes after the piece before it, and has no newline, no run of
 *    blanks and no blank at either end;
 *  - line numbers rise and are lines of the text;
 *  - the parameters written out again, one a line, parse to the same;
 *  - a value that an option took is taken again, means the same as itself,
 *    and a refusal comes with a reason of printable ASCII.
 */

#include <string.h>

#include "codec/smbconf.h"
#include "core/optval.h"
#include "core/settings.h"
#include "fuzz/fuzz.h"


struct run {
	const char *low, *high;		/* the text */
	const char *last;		/* end of the piece before */
	unsigned int line, lines;
	struct settings *settings;	/* NULL: second time round */
	char *out;			/* written out again */
	size_t out_len, out_size;
	unsigned int hash;		/* of all that was seen */
};

static void demand_piece(struct run *run, const char *piece)
{
	size_t len = strlen(piece);

	MUST(piece >= run->low && piece + len <= run->high);
	MUST(len == 0 || (!optval_is_blank(piece[0]) &&
			    !optval_is_blank(piece[len - 1])));
	for (size_t i = 0; i < len; i++) {
		MUST(piece[i] != '\n');
		MUST(!optval_is_blank(piece[i]) ||
		       !optval_is_blank(piece[i + 1]));
		run->hash = run->hash * 31 + (unsigned char)piece[i];
	}
	run->hash = run->hash * 31 + 1;
}

static void demand_order(struct run *run, const char *piece)
{
	MUST(run->last == NULL || piece > run->last);
	run->last = piece + strlen(piece);
}

static void write_out(struct run *run, const char *text)
{
	size_t len = strlen(text);

	MUST(run->out_len + len < run->out_size);
	memcpy(run->out + run->out_len, text, len);
	run->out_len += len;
}

/*
 * What cannot be written as one plain line: a name that would begin a comment
 * or a section (it stood behind a join), a value with a backslash at its end
 * (at the end of the file).
 */
static bool can_stand_alone(const struct smbconf_line *line)
{
	size_t len = line->value != NULL ? strlen(line->value) : 0;
	size_t name_len = strlen(line->name);

	return strchr(";#[", line->name[0]) == NULL &&
	       (len == 0 || line->value[len - 1] != '\\') &&
	       (line->value != NULL || line->name[name_len - 1] != '\\') &&
	       memcmp(line->name, "\xef\xbb\xbf", name_len < 3 ? 1 : 3) != 0;
}

static void try_settings(struct run *run, const struct smbconf_line *line)
{
	char note[SETTINGS_NOTE] = "";
	enum settings_result result = SETTINGS_OK;

	result = settings_put(run->settings,
			      smbconf_is_global(line->section), line->name,
			      line->value, line->number, note);
	MUST((result == SETTINGS_OK) == (note[0] == '\0'));
	for (const char *p = note; *p != '\0'; p++) {
		MUST(*p >= ' ' && *p <= '~');
	}
}

static bool take(void *arg, const struct smbconf_line *line)
{
	struct run *run = arg;

	MUST(line->number > run->line && line->number <= run->lines);
	run->line = line->number;
	MUST(line->name[0] != '\0');
	if (run->settings != NULL && !can_stand_alone(line)) {
		return true;
	}
	demand_piece(run, line->name);
	demand_order(run, line->name);
	if (line->value != NULL) {
		demand_piece(run, line->value);
		demand_order(run, line->value);
	}
	if (line->section != NULL && run->settings != NULL) {
		MUST(line->section >= run->low);
		MUST(line->section + strlen(line->section) <= run->high);
		MUST(line->section[0] != '\0');
	}
	if (run->settings == NULL) {
		return true;
	}
	write_out(run, line->name);
	write_out(run, line->value != NULL ? " = " : "");
	write_out(run, line->value != NULL ? line->value : "");
	write_out(run, "\n");
	try_settings(run, line);
	return true;
}

static unsigned int count_lines(const char *text, size_t len)
{
	unsigned int lines = 1;

	for (size_t i = 0; i < len; i++) {
		lines += text[i] == '\n';
	}
	return lines;
}

static bool parse(struct run *run, const void *data, size_t len)
{
	struct smbconf_error error = { .line = 0 };
	char *text = malloc(len + 1);
	bool ok = false;

	MUST(text != NULL);
	memcpy(text, data, len);
	text[len] = 'X';
	run->low = text;
	run->high = text + len;
	run->lines = count_lines(text, len);
	ok = smbconf_parse(text, len, take, run, &error);
	if (!ok) {
		MUST(error.reason != NULL);
		MUST(error.line >= 1 && error.line <= run->lines);
	}
	if (run->settings == NULL) {
		free(text);
	}
	return ok;
}

/* What was taken is taken again and is equal to itself. */
static void demand_values(const struct settings *settings)
{
	char reason[OPTION_REASON] = "", note[SETTINGS_NOTE] = "";
	unsigned int step = 0, line = 0, findings = 0;

	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		const struct option *row = option_row(id);
		char *copy = NULL;

		if (!settings_is_set(settings, id)) {
			continue;
		}
		copy = strdup(settings_text(settings, id));
		MUST(copy != NULL && option_check(row, copy, reason));
		MUST(strcmp(copy, settings_text(settings, id)) == 0);
		MUST(option_same_value(row, copy, copy));
		MUST(settings_same(settings, settings, id));
		settings_as_windows(settings, id);
		free(copy);
	}
	settings_level(settings, "wins");
	while (settings_review(settings, &step, &line, note) != SETTINGS_OK) {
		MUST(++findings <= OPTION_COUNT + settings->partners + 8);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run first = { .settings = calloc(1, sizeof(struct settings)) };
	struct run again = { .settings = NULL };

	first.out_size = size * 4 + 64;
	first.out = malloc(first.out_size);
	MUST(first.settings != NULL && first.out != NULL);
	parse(&first, data, size);
	MUST(parse(&again, first.out, first.out_len));
	MUST(first.hash == again.hash);
	demand_values(first.settings);
	free((char *)(uintptr_t)first.low);
	free(first.out);
	free(first.settings);
	return 0;
}
