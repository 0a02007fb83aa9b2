/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Help, all of it made from the table of commands and the option tables.
 */
#include <string.h>

#include "common/toolhelp.h"
#include "winsctl/winsctl.h"

#define WORDS_MAX 64

static void print_usage_line(FILE *file, const struct command *command)
{
	char typed[64];

	(void)snprintf(typed, sizeof(typed), "  %s %s %s", command->object,
		       command->verb, command->args);
	tool_help_row(file, typed, command->summary);
}

/* All commands that share the options of this one, the first that does. */
static void print_options_title(FILE *file, const struct command *first)
{
	const char *object = first->object;

	(void)fprintf(file, "\n%s %s", object, first->verb);
	for (const struct command *c = first + 1; c->object != NULL; c++) {
		if (c->options != first->options) {
			continue;
		}
		(void)fputs(", ", file);
		if (strcmp(c->object, object) != 0) {
			(void)fprintf(file, "%s ", c->object);
		}
		(void)fputs(c->verb, file);
		object = c->object;
	}
	(void)fputs(":\n", file);
}

/* Options of the commands, each table once. */
static void print_command_options(FILE *file)
{
	const struct poptOption *done[WORDS_MAX] = { NULL };
	unsigned int count = 0;

	for (const struct command *c = commands; c->object != NULL; c++) {
		unsigned int i = 0;

		while (i < count && done[i] != c->options) {
			i++;
		}
		if (c->options == NULL || i < count || count == WORDS_MAX) {
			continue;
		}
		done[count++] = c->options;
		print_options_title(file, c);
		tool_help_options(file, c->options);
	}
}

void help_program(FILE *file)
{
	(void)fprintf(file, "Usage: winsctl [OPTION...] OBJECT VERB "
		      "[ARGUMENT...]\n"
		      "Ask and command a running WINS server.\n\n");
	for (const struct command *c = commands; c->object != NULL; c++) {
		print_usage_line(file, c);
	}
	(void)fprintf(file, "\nNames are written 'NAME<20>', 'NAME#20' or "
		      "'NAME<20>.scope', any byte as \\xHH.\n\nOptions:\n");
	tool_help_row(file, "      --json", "Print JSON, one object per line");
	tool_help_options(file, tool_socket_options);
	tool_help_options(file, tool_common_options);
	print_command_options(file);
	(void)fprintf(file, "\nExamples:\n"
		      "  winsctl server status\n"
		      "  winsctl record list 'FILE*<20>'\n"
		      "  winsctl record add --help\n");
}

void help_object(FILE *file, const char *object)
{
	(void)fprintf(file, "Usage: winsctl [OPTION...] %s VERB "
		      "[ARGUMENT...]\n\n", object);
	for (const struct command *c = commands; c->object != NULL; c++) {
		if (strcmp(c->object, object) == 0) {
			print_usage_line(file, c);
		}
	}
}

void help_command(FILE *file, const struct command *command, poptContext popt)
{
	(void)fprintf(file, "%s.\n\n", command->summary);
	poptSetOtherOptionHelp(popt, command->args);
	poptPrintHelp(popt, file, 0);
	tool_help_examples(file, command->examples);
}

static void add_word(const char **words, const char *word)
{
	unsigned int i = 0;

	while (words[i] != NULL && strcmp(words[i], word) != 0) {
		i++;
	}
	if (i < WORDS_MAX) {
		words[i] = word;
	}
}

const char *help_nearest_object(const char *text)
{
	const char *words[WORDS_MAX + 1] = { NULL };

	for (const struct command *c = commands; c->object != NULL; c++) {
		add_word(words, c->object);
	}
	return tool_nearest(text, words);
}

const char *help_nearest_verb(const char *object, const char *text)
{
	const char *words[WORDS_MAX + 1] = { NULL };

	for (const struct command *c = commands; c->object != NULL; c++) {
		if (strcmp(c->object, object) == 0) {
			add_word(words, c->verb);
		}
	}
	return tool_nearest(text, words);
}
