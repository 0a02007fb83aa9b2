/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * winsrepair: from words to a row of the table.
 *
 * Options may stand before the verb or behind it: the first pass stops at the
 * first word, the second knows the options of the command. The configuration
 * file says whose files are meant; nothing is touched before its words are
 * found right.
 */
#include <errno.h>
#include <string.h>

#include "common/toolhelp.h"
#include "winsrepair/winsrepair.h"

#define VERBS_MAX 32

static const struct poptOption json_options[] = {
	{ "json", '\0', POPT_ARG_NONE, &options.json, 0,
	  "Print JSON, one object per line", NULL },
	POPT_TABLEEND
};

#define JSON_OPTIONS \
	{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, \
	  (void *)(uintptr_t)json_options, 0, "Output:", NULL }

static const struct poptOption program_options[] = {
	JSON_OPTIONS,
	TOOL_COMMON_OPTIONS,
	POPT_TABLEEND
};

/* ---- help ---- */

static void help_program(FILE *file)
{
	(void)fprintf(file, "Usage: winsrepair [OPTION...] VERB "
		      "[ARGUMENT...]\n"
		      "Look after the files of a WINS server, and take "
		      "changes back.\n\n");
	for (const struct command *c = commands; c->verb != NULL; c++) {
		char typed[64];

		(void)snprintf(typed, sizeof(typed), "  %s %s", c->verb,
			       c->args);
		tool_help_row(file, typed, c->summary);
	}
	(void)fprintf(file, "\nOptions:\n");
	tool_help_options(file, json_options);
	tool_help_options(file, tool_common_options);
	(void)fprintf(file, "\nOptions of commands that change something:\n");
	tool_help_options(file, change_options);
	(void)fprintf(file, "\nOf undo, if the server runs:\n");
	tool_help_options(file, tool_socket_options);
	tool_help_examples(file, "winsrepair restore FILE --dry-run\n"
			   "winsrepair restore --help\n");
}

static void help_command(const struct command *command, poptContext popt)
{
	(void)printf("%s.\n\n", command->summary);
	poptSetOtherOptionHelp(popt, command->args);
	poptPrintHelp(popt, stdout, 0);
	tool_help_examples(stdout, command->examples);
}

/* ---- words ---- */

static const struct command *find_command(const char *verb)
{
	const char *verbs[VERBS_MAX + 1] = { NULL };
	const char *near = NULL;
	unsigned int count = 0;

	for (const struct command *c = commands; c->verb != NULL; c++) {
		if (strcmp(c->verb, verb) == 0) {
			return c;
		}
		if (count < VERBS_MAX) {
			verbs[count++] = c->verb;
		}
	}
	near = tool_nearest(verb, verbs);
	tool_say("there is no command '%s'%s%s%s", verb,
		 near != NULL ? ", did you mean '" : "",
		 near != NULL ? near : "", near != NULL ? "'?" : "");
	return NULL;
}

static int run_words(struct winsrepair *repair, poptContext popt)
{
	const struct command *command = repair->command;
	const char **args = poptGetArgs(popt);
	int ret = 0;

	repair->args = args;
	while (args != NULL && args[repair->count] != NULL) {
		repair->count++;
	}
	if (repair->count < command->least) {
		tool_say("%s needs %s", command->verb, command->args);
		return TOOL_USAGE;
	}
	if (repair->count > command->most) {
		tool_say("%s takes %s, '%s' is too much", command->verb,
			 command->args[0] != '\0' ? command->args :
						    "no argument",
			 args[command->most]);
		return TOOL_USAGE;
	}
	ret = tool_places_load(repair->mem_ctx, &repair->places);
	if (ret != 0) {
		return ret == EINVAL ? TOOL_USAGE : TOOL_FAILED;
	}
	return command->run(repair);
}

/* What the second pass reads: the title it shows, and the rest. */
static const char **words_behind(struct winsrepair *repair, const char **words,
				 int *count)
{
	const char **argv = NULL;

	*count = 1;
	while (words[*count] != NULL) {
		(*count)++;
	}
	argv = talloc_zero_array(repair->mem_ctx, const char *, *count + 1);
	if (argv == NULL) {
		return NULL;
	}
	memcpy(argv, words, (size_t)*count * sizeof(argv[0]));
	argv[0] = talloc_asprintf(argv, "winsrepair %s", words[0]);
	return argv[0] == NULL ? NULL : argv;
}

/* The second pass: words[0] is the verb. */
static int run_command(struct winsrepair *repair, const char **words)
{
	static const struct poptOption none[] = { POPT_TABLEEND };
	const struct poptOption *own = repair->command->options;
	struct poptOption table[] = {
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE,
		  (void *)(uintptr_t)(own != NULL ? own : none), 0,
		  "Options:", NULL },
		JSON_OPTIONS,
		TOOL_COMMON_OPTIONS,
		POPT_TABLEEND
	};
	int count = 0;
	const char **argv = words_behind(repair, words, &count);
	poptContext popt = NULL;
	int status = TOOL_USAGE;

	if (argv == NULL) {
		return TOOL_FAILED;
	}
	popt = poptGetContext(NULL, count, argv, table, 0);
	if (popt != NULL && tool_read_options(popt)) {
		if (tool_options.help) {
			help_command(repair->command, popt);
			status = TOOL_OK;
		} else {
			status = run_words(repair, popt);
		}
	}
	poptFreeContext(popt);
	return status;
}

static int dispatch(struct winsrepair *repair, const char **words)
{
	if (tool_options.version) {
		tool_print_version();
		return TOOL_OK;
	}
	if (words == NULL || words[0] == NULL) {
		help_program(tool_options.help ? stdout : stderr);
		return tool_options.help ? TOOL_OK : TOOL_USAGE;
	}
	repair->command = find_command(words[0]);
	return repair->command == NULL ? TOOL_USAGE :
					 run_command(repair, words);
}

int main(int argc, const char *argv[])
{
	struct winsrepair repair = { .mem_ctx = talloc_new(NULL) };
	poptContext popt = poptGetContext("winsrepair", argc, argv,
					  program_options,
					  POPT_CONTEXT_POSIXMEHARDER);
	int status = TOOL_USAGE;

	tool_set_name("winsrepair");
	if (repair.mem_ctx == NULL || popt == NULL) {
		return TOOL_FAILED;
	}
	if (tool_read_options(popt)) {
		status = dispatch(&repair, poptGetArgs(popt));
	}
	poptFreeContext(popt);
	talloc_free(repair.mem_ctx);
	return tool_finish(status);
}
