/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pieces of help, see toolhelp.h. popt prints the options of one command;
 * these are for pages that show several commands at once.
 */
#include "common/toolhelp.h"

#include <string.h>

#define COLUMN 34

void tool_help_row(FILE *file, const char *typed, const char *does)
{
	int n = (int)strlen(typed);

	(void)fprintf(file, "%s%*s%s\n", typed, n < COLUMN ? COLUMN - n : 1,
		      "", does);
}

void tool_help_options(FILE *file, const struct poptOption *option)
{
	for (; option->longName != NULL || option->shortName != '\0' ||
	       option->arg != NULL; option++) {
		const char *value = option->argDescrip;
		char letter[] = "    ";
		char text[64];

		if (option->longName == NULL) {
			continue;	/* an included table */
		}
		if (option->shortName != '\0') {
			memcpy(letter, (char []) { '-', option->shortName, ',' },
			       3);
		}
		(void)snprintf(text, sizeof(text), "  %s--%s%s%s", letter,
			       option->longName, value != NULL ? "=" : "",
			       value != NULL ? value : "");
		tool_help_row(file, text, option->descrip);
	}
}

void tool_help_examples(FILE *file, const char *lines)
{
	if (lines == NULL) {
		return;
	}
	(void)fprintf(file, "\nExamples:\n");
	while (*lines != '\0') {
		size_t len = strcspn(lines, "\n");

		(void)fprintf(file, "  %.*s\n", (int)len, lines);
		lines += len + (lines[len] == '\n');
	}
}
