/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From words to a row of the table, see toolverbs.h.
 *
 * Two passes: the first stops at the first word and knows the options of every
 * program, the second begins there and knows those of the command as well.
 */
#include <string.h>

#include "common/toolhelp.h"
#include "common/toolverbs.h"

#define VERBS_MAX 32

#define JSON_ROW(flag) \
	{ "json", '\0', POPT_ARG_NONE, flag, 0, \
	  "Print JSON, one object per line", NULL }

/* ---- help ---- */

static void help_program(FILE *file, const struct tool_program *program)
{
	const struct poptOption json[] = {
		JSON_ROW(program->json), POPT_TABLEEND
	};

	(void)fprintf(file, "Usage: %s [OPTION...] VERB [ARGUMENT...]\n%s\n\n",
		      program->name, program->purpose);
	for (const struct command *c = program->commands; c->verb != NULL;
	     c++) {
		char typed[64];

		(void)snprintf(typed, sizeof(typed), "  %s %s", c->verb,
			       c->args);
		tool_help_row(file, typed, c->summary);
	}
	(void)fprintf(file, "\nOptions:\n");
	tool_help_options(file, json);
	tool_help_options(file, tool_common_options);
	program->help_options(file);
	tool_help_examples(file, program->examples);
}

static void help_command(const struct command *command, poptContext popt)
{
	(void)printf("%s.\n\n", command->summary);
	poptSetOtherOptionHelp(popt, command->args);
	poptPrintHelp(popt, stdout, 0);
	tool_help_examples(stdout, command->examples);
}

/* ---- words ---- */

static const struct command *find_command(const struct command *commands,
					  const char *verb)
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

static int run_words(struct tool_call *call, poptContext popt)
{
	const struct command *command = call->command;
	const char **args = poptGetArgs(popt);

	call->args = args;
	while (args != NULL && args[call->count] != NULL) {
		call->count++;
	}
	if (call->count < command->least) {
		tool_say("%s needs %s", command->verb, command->args);
		return TOOL_USAGE;
	}
	if (call->count > command->most) {
		tool_say("%s takes %s, '%s' is too much", command->verb,
			 command->args[0] != '\0' ? command->args :
						    "no argument",
			 args[command->most]);
		return TOOL_USAGE;
	}
	return command->run(call);
}

/* What the second pass reads: the title it shows, and the rest. */
static const char **words_behind(const struct tool_program *program,
				 struct tool_call *call, const char **words,
				 int *count)
{
	const char **argv = NULL;

	*count = 1;
	while (words[*count] != NULL) {
		(*count)++;
	}
	argv = talloc_zero_array(call->mem_ctx, const char *, *count + 1);
	if (argv == NULL) {
		return NULL;
	}
	memcpy(argv, words, (size_t)*count * sizeof(argv[0]));
	argv[0] = talloc_asprintf(argv, "%s %s", program->name, words[0]);
	return argv[0] == NULL ? NULL : argv;
}

/* The second pass: words[0] is the verb. */
static int run_command(const struct tool_program *program,
		       struct tool_call *call, const char **words)
{
	static const struct poptOption none[] = { POPT_TABLEEND };
	const struct poptOption *own = call->command->options;
	const struct poptOption json[] = {
		JSON_ROW(program->json), POPT_TABLEEND
	};
	const struct poptOption table[] = {
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE,
		  (void *)(uintptr_t)(own != NULL ? own : none), 0,
		  "Options:", NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, (void *)(uintptr_t)json,
		  0, "Output:", NULL },
		TOOL_COMMON_OPTIONS,
		POPT_TABLEEND
	};
	int count = 0;
	const char **argv = words_behind(program, call, words, &count);
	poptContext popt = NULL;
	int status = TOOL_USAGE;

	if (argv == NULL) {
		return TOOL_FAILED;
	}
	popt = poptGetContext(NULL, count, argv, table, 0);
	if (popt != NULL && tool_read_options(popt)) {
		if (tool_options.help) {
			help_command(call->command, popt);
			status = TOOL_OK;
		} else {
			status = run_words(call, popt);
		}
	}
	poptFreeContext(popt);
	return status;
}

static int dispatch(const struct tool_program *program,
		    struct tool_call *call, const char **words)
{
	if (tool_options.version) {
		tool_print_version();
		return TOOL_OK;
	}
	if (words == NULL || words[0] == NULL) {
		help_program(tool_options.help ? stdout : stderr, program);
		return tool_options.help ? TOOL_OK : TOOL_USAGE;
	}
	call->command = find_command(program->commands, words[0]);
	return call->command == NULL ? TOOL_USAGE :
				       run_command(program, call, words);
}

int tool_verbs_run(const struct tool_program *program, int argc,
		   const char *argv[])
{
	const struct poptOption table[] = {
		JSON_ROW(program->json), TOOL_COMMON_OPTIONS, POPT_TABLEEND
	};
	struct tool_call call = { .mem_ctx = talloc_new(NULL) };
	poptContext popt = poptGetContext(program->name, argc, argv, table,
					  POPT_CONTEXT_POSIXMEHARDER);
	int status = TOOL_USAGE;

	tool_set_name(program->name);
	if (call.mem_ctx == NULL || popt == NULL) {
		return TOOL_FAILED;
	}
	if (tool_read_options(popt)) {
		status = dispatch(program, &call, poptGetArgs(popt));
	}
	poptFreeContext(popt);
	talloc_free(call.mem_ctx);
	return tool_finish(status);
}
