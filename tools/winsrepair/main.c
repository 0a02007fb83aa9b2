/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * winsrepair: its table of commands. The configuration file says whose files
 * are meant; nothing is touched before the words are found right.
 */
#include <errno.h>

#include "common/toolhelp.h"
#include "winsrepair/winsrepair.h"

static void help_options(FILE *file)
{
	(void)fprintf(file, "\nOptions of commands that change something:\n");
	tool_help_options(file, change_options);
	(void)fprintf(file, "\nOf undo, if the server runs:\n");
	tool_help_options(file, tool_socket_options);
}

int repair_begin(const struct tool_call *call, struct winsrepair *repair)
{
	int ret = 0;

	*repair = (struct winsrepair) {
		.mem_ctx = call->mem_ctx,
		.args = call->args,
	};
	ret = tool_places_load(repair->mem_ctx, &repair->places);
	return ret == 0 ? TOOL_OK : ret == EINVAL ? TOOL_USAGE : TOOL_FAILED;
}

int main(int argc, const char *argv[])
{
	static const struct tool_program program = {
		.name = "winsrepair",
		.purpose = "Look after the files of a WINS server, and take "
			   "changes back.",
		.examples = "winsrepair restore FILE --dry-run\n"
			    "winsrepair restore --help\n",
		.commands = commands,
		.json = &options.json,
		.help_options = help_options,
	};

	return tool_verbs_run(&program, argc, argv);
}
