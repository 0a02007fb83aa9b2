/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server: status, stats, reload, scavenge, stop. What the server tells about
 * itself are keys and values, printed as they come.
 */
#include <errno.h>

#include "winsctl/winsctl.h"

#define STOP_SECONDS 60

static int show_pairs(struct winsctl *ctl, const char *verb)
{
	struct control_reader reply;
	int status = ask_simple(ctl, verb, true, &reply);

	if (status != TOOL_OK) {
		return status;
	}
	if (options.json) {
		print_pairs_json(&reply);
	} else {
		print_pairs(&reply);
	}
	return TOOL_OK;
}

int server_status(struct winsctl *ctl)
{
	return show_pairs(ctl, "server status");
}

int server_stats(struct winsctl *ctl)
{
	return show_pairs(ctl, "server stats");
}

int server_scavenge(struct winsctl *ctl)
{
	return show_pairs(ctl, "server scavenge");
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
