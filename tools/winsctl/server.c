/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server: status, stats, reload, scavenge, backup, start-anyway, stop. What
 * the server tells about itself are keys and values, printed as they come.
 */
#include <errno.h>

#include "winsctl/winsctl.h"

#define STOP_SECONDS 60

static void show(const struct control_reader *reply)
{
	if (options.json) {
		print_pairs_json(reply);
	} else {
		print_pairs(reply);
	}
}

static int show_pairs(struct winsctl *ctl, const char *verb, bool again)
{
	struct control_reader reply;
	int status = ask_simple(ctl, verb, again, &reply);

	if (status == TOOL_OK) {
		show(&reply);
	}
	return status;
}

int server_status(struct winsctl *ctl)
{
	return show_pairs(ctl, "server status", true);
}

int server_stats(struct winsctl *ctl)
{
	return show_pairs(ctl, "server stats", true);
}

static int scavenge_now;
static int scavenge_force;

const struct poptOption server_scavenge_options[] = {
	{ "now", '\0', POPT_ARG_NONE, &scavenge_now, 0,
	  "Stop if too many records would go (default)", NULL },
	{ "force", '\0', POPT_ARG_NONE, &scavenge_force, 0,
	  "Release them, however many they are", NULL },
	{ "dry-run", 'n', POPT_ARG_NONE, &options.dry_run, 0,
	  "Only say what would be done", NULL },
	POPT_TABLEEND
};

int server_scavenge(struct winsctl *ctl)
{
	struct control_writer *w = NULL;
	struct control_reader reply;
	uint64_t flags = (options.dry_run ? CONTROL_DRY_RUN : 0u) |
			 (scavenge_force ? CONTROL_YES : 0u);
	int status = TOOL_OK;

	if (scavenge_now && scavenge_force) {
		tool_say("--now and --force exclude each other");
		return TOOL_USAGE;
	}
	w = ask_begin(ctl, "server scavenge");
	if (flags != 0) {
		control_put_number(w, CONTROL_FLAGS, flags);
	}
	status = ask_send(ctl, true, &reply);
	if (status != TOOL_OK) {
		return status == -1 ? TOOL_FAILED : status;
	}
	status = ask_status_or(&reply, "--force");
	if (status == TOOL_OK) {
		show(&reply);
	}
	return status;
}

int server_backup(struct winsctl *ctl)
{
	return show_pairs(ctl, "server backup", false);
}

/* Nothing to do is told as well: the message says why. */
int server_start_anyway(struct winsctl *ctl)
{
	struct control_writer *w = ask_begin(ctl, "server start-anyway");
	struct control_reader reply;
	struct control_field field;
	char message[256];
	int status = TOOL_OK;

	if (options.dry_run) {
		control_put_number(w, CONTROL_FLAGS, CONTROL_DRY_RUN);
	}
	status = ask_send(ctl, false, &reply);
	if (status != TOOL_OK) {
		return status == -1 ? TOOL_FAILED : status;
	}
	status = ask_status(&reply);
	if (status != TOOL_OK) {
		return status;
	}
	if (control_find(&reply, CONTROL_MESSAGE, &field)) {
		tool_say("%s", control_text(&field, message, sizeof(message)));
	} else {
		show(&reply);
	}
	return TOOL_OK;
}

int server_reload(struct winsctl *ctl)
{
	struct control_reader reply;
	int status = ask_simple(ctl, "server reload", false, &reply);

	if (status == TOOL_OK) {
		tool_say("the configuration was read anew");
	}
	return status;
}

int server_stop(struct winsctl *ctl)
{
	struct control_reader reply;
	int status = ask_simple(ctl, "server stop", false, &reply);

	if (status != TOOL_OK) {
		return status;
	}
	if (control_client_wait_end(ctl->client, STOP_SECONDS) != 0) {
		tool_say("the server at %s has not ended after %d s",
			 ctl->socket, STOP_SECONDS);
		return TOOL_FAILED;
	}
	return TOOL_OK;
}
