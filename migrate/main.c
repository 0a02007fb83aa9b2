/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * winsmigrate: its table of commands, and help about their options, each of
 * which is told once though many commands have it.
 */
#include <string.h>

#include "common/toolhelp.h"
#include "migrate/winsmigrate.h"

#define OPTIONS_MAX 96

/* Options of all commands, each once: tables share rows. */
struct shown {
	const char *name[OPTIONS_MAX];
	unsigned int count;
};

static bool show_once(struct shown *shown, const char *name)
{
	for (unsigned int i = 0; i < shown->count; i++) {
		if (strcmp(shown->name[i], name) == 0) {
			return false;
		}
	}
	if (shown->count < OPTIONS_MAX) {
		shown->name[shown->count++] = name;
	}
	return true;
}

static void help_rows(FILE *file, const struct poptOption *rows,
		      struct shown *shown)
{
	for (; rows->longName != NULL || rows->arg != NULL; rows++) {
		struct poptOption one[] = { *rows, POPT_TABLEEND };

		if (rows->longName == NULL) {
			help_rows(file, rows->arg, shown);
		} else if (show_once(shown, rows->longName)) {
			tool_help_options(file, one);
		}
	}
}

static void help_command_options(FILE *file)
{
	struct shown shown = { .count = 0 };

	(void)fprintf(file, "\nOptions of commands:\n");
	for (const struct command *c = commands; c->verb != NULL; c++) {
		if (c->options != NULL) {
			help_rows(file, c->options, &shown);
		}
	}
}

int main(int argc, const char *argv[])
{
	static const struct tool_program program = {
		.name = "winsmigrate",
		.purpose = "Take over any WINS database, prove it, and find "
			   "the way out to DNS.",
		.examples = "winsmigrate formats\n"
			    "winsmigrate convert --help\n",
		.commands = commands,
		.json = &options.json,
		.help_options = help_command_options,
	};

	return tool_verbs_run(&program, argc, argv);
}
