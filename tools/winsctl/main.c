/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * winsctl: from words to a row of the table, from there to the socket.
 *
 * Options may stand before the object or behind the verb. Two passes read
 * them: the first stops at the first word, the second knows the options of
 * the command. What is wrong with the words is said before anything is asked
 * of the server.
 */
#include <errno.h>
#include <string.h>

#include "winsctl/winsctl.h"

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
	TOOL_SOCKET_OPTIONS,
	TOOL_COMMON_OPTIONS,
	POPT_TABLEEND
};

static const struct command *find_command(const char *object,
					  const char *verb)
{
	for (const struct command *c = commands; c->object != NULL; c++) {
		if (strcmp(c->object, object) == 0 &&
		    strcmp(c->verb, verb) == 0) {
			return c;
		}
	}
	return NULL;
}

static bool is_object(const char *word)
{
	for (const struct command *c = commands; c->object != NULL; c++) {
		if (strcmp(c->object, word) == 0) {
			return true;
		}
	}
	return false;
}

static int unknown(const char *object, const char *verb)
{
	const char *near = NULL;

	if (!is_object(object)) {
		near = help_nearest_object(object);
		tool_say("there is no object '%s'%s%s%s", object,
			 near != NULL ? ", did you mean '" : "",
			 near != NULL ? near : "", near != NULL ? "'?" : "");
		return TOOL_USAGE;
	}
	near = help_nearest_verb(object, verb);
	tool_say("'%s' cannot '%s'%s%s%s", object, verb,
		 near != NULL ? ", did you mean '" : "",
		 near != NULL ? near : "", near != NULL ? "'?" : "");
	return TOOL_USAGE;
}

static int configure_and_run(struct winsctl *ctl)
{
	int ret = tool_places_load(ctl->mem_ctx, &ctl->places);

	if (ret != 0) {
		return ret == EINVAL ? TOOL_USAGE : TOOL_FAILED;
	}
	ctl->socket = ctl->places.control_socket;
	ctl->client = control_client_create(ctl->mem_ctx, ctl->socket);
	if (ctl->client == NULL) {
		tool_say("out of memory");
		return TOOL_FAILED;
	}
	return ctl->command->run(ctl);
}

static int run_words(struct winsctl *ctl, poptContext popt)
{
	const char **args = poptGetArgs(popt);

	ctl->args = args;
	while (args != NULL && args[ctl->count] != NULL) {
		ctl->count++;
	}
	if (ctl->count < ctl->command->least) {
		tool_say("%s %s needs %s", ctl->command->object,
			 ctl->command->verb, ctl->command->args);
		return TOOL_USAGE;
	}
	if (ctl->count > ctl->command->most) {
		tool_say("%s %s takes %s, '%s' is too much",
			 ctl->command->object, ctl->command->verb,
			 ctl->command->args[0] != '\0' ? ctl->command->args :
							 "no argument",
			 args[ctl->command->most]);
		return TOOL_USAGE;
	}
	return configure_and_run(ctl);
}

/* What the second pass reads: the title it shows, and the rest. */
static const char **words_behind(struct winsctl *ctl, const char **words)
{
	const char **argv = NULL;
	unsigned int count = 2;

	while (words[count] != NULL) {
		count++;
	}
	argv = talloc_zero_array(ctl->mem_ctx, const char *, count);
	if (argv == NULL) {
		return NULL;
	}
	argv[0] = talloc_asprintf(argv, "winsctl %s %s", words[0], words[1]);
	memcpy(argv + 1, words + 2, (count - 2) * sizeof(argv[0]));
	return argv[0] == NULL ? NULL : argv;
}

/* The second pass: words[0] and [1] are object and verb. */
static int run_command(struct winsctl *ctl, const char **words)
{
	static const struct poptOption none[] = { POPT_TABLEEND };
	const struct poptOption *own = ctl->command->options;
	struct poptOption table[] = {
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE,
		  (void *)(uintptr_t)(own != NULL ? own : none), 0,
		  "Options:", NULL },
		JSON_OPTIONS,
		TOOL_SOCKET_OPTIONS,
		TOOL_COMMON_OPTIONS,
		POPT_TABLEEND
	};
	const char **argv = words_behind(ctl, words);
	poptContext popt = NULL;
	int count = 0;
	int status = TOOL_USAGE;

	if (argv == NULL) {
		return TOOL_FAILED;
	}
	while (argv[count] != NULL) {
		count++;
	}
	popt = poptGetContext(NULL, count, argv, table, 0);
	if (popt != NULL && tool_read_options(popt)) {
		if (tool_options.help) {
			help_command(stdout, ctl->command, popt);
			status = TOOL_OK;
		} else {
			status = run_words(ctl, popt);
		}
	}
	poptFreeContext(popt);
	return status;
}

static int dispatch(struct winsctl *ctl, const char **words)
{
	if (tool_options.version) {
		tool_print_version();
		return TOOL_OK;
	}
	if (words == NULL || words[0] == NULL) {
		help_program(tool_options.help ? stdout : stderr);
		return tool_options.help ? TOOL_OK : TOOL_USAGE;
	}
	if (words[1] == NULL || words[1][0] == '-') {
		if (!is_object(words[0])) {
			return unknown(words[0], "");
		}
		help_object(tool_options.help || words[1] != NULL ? stdout :
			    stderr, words[0]);
		return tool_options.help || words[1] != NULL ? TOOL_OK :
							       TOOL_USAGE;
	}
	ctl->command = find_command(words[0], words[1]);
	if (ctl->command == NULL) {
		return unknown(words[0], words[1]);
	}
	return run_command(ctl, words);
}

int main(int argc, const char *argv[])
{
	struct winsctl ctl = { .mem_ctx = talloc_new(NULL) };
	poptContext popt = poptGetContext("winsctl", argc, argv,
					  program_options,
					  POPT_CONTEXT_POSIXMEHARDER);
	int status = TOOL_USAGE;

	tool_set_name("winsctl");
	if (ctl.mem_ctx == NULL || popt == NULL) {
		return TOOL_FAILED;
	}
	if (tool_read_options(popt)) {
		status = dispatch(&ctl, poptGetArgs(popt));
	}
	poptFreeContext(popt);
	talloc_free(ctl.mem_ctx);
	return tool_finish(status);
}
