/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One question to the server and what its answer means for the exit code
 * (design.md 4.3). Every refusal is told here, with what lifts it, so that no
 * command has words of its own for the same thing.
 */
#include <errno.h>
#include <string.h>

#include "winsctl/winsctl.h"

struct control_writer *ask_begin(struct winsctl *ctl, const char *verb)
{
	return control_client_request(ctl->client, verb);
}

int ask_send(struct winsctl *ctl, bool again, struct control_reader *reply)
{
	int ret = control_client_call(ctl->client, again, reply);

	switch (ret) {
	case 0:
		return TOOL_OK;
	case EINTR:
		return -1;
	case ENOENT:
	case ECONNREFUSED:
		tool_say("no server is running at %s (another one? -s FILE "
			 "names its configuration)", ctl->socket);
		return TOOL_UNREACHABLE;
	case EPROTONOSUPPORT:
		tool_say("the server at %s is of another release: use its "
			 "own winsctl", ctl->socket);
		return TOOL_FAILED;
	case EPROTO:
	case EMSGSIZE:
		tool_say("what is at %s does not speak as a server does",
			 ctl->socket);
		return TOOL_FAILED;
	default:
		tool_say("cannot reach the server at %s: %s", ctl->socket,
			 strerror(ret));
		return TOOL_UNREACHABLE;
	}
}

/* Exit code of each status, and what is said behind the message. */
static const struct {
	int status;
	const char *hint;
} meaning[CONTROL_STATUSES] = {
	[CONTROL_OK] = { TOOL_OK, NULL },
	[CONTROL_UNCHANGED] = { TOOL_OK, NULL },
	[CONTROL_NOT_FOUND] = { TOOL_NOT_FOUND, "" },
	[CONTROL_CONFLICT] = { TOOL_REFUSED, "" },
	[CONTROL_REFUSED] = { TOOL_REFUSED, "" },
	[CONTROL_DENIED] = { TOOL_REFUSED, ": ask as root, or as a member of "
			     "the group that 'wins:admin group' or "
			     "'wins:read group' names" },
	[CONTROL_FAILED] = { TOOL_FAILED, "" },
	[CONTROL_BAD_REQUEST] = { TOOL_USAGE, "" },
	[CONTROL_UNKNOWN] = { TOOL_FAILED, ": it is older than this winsctl" },
	[CONTROL_RESTARTED] = { TOOL_FAILED, "" },
	[CONTROL_BUSY] = { TOOL_UNREACHABLE, ": try again" },
	[CONTROL_OTHER_RELEASE] = { TOOL_FAILED, ": use the server's own "
				    "winsctl" },
};

int ask_status(const struct control_reader *reply)
{
	return ask_status_or(reply, "--yes");
}

int ask_status_or(const struct control_reader *reply, const char *option)
{
	uint64_t status = control_number_or(reply, CONTROL_STATUS,
					    CONTROL_FAILED);
	struct control_field field;
	char message[2048] = "";

	if (meaning[status].hint == NULL) {
		return meaning[status].status;
	}
	if (control_find(reply, CONTROL_MESSAGE, &field)) {
		control_text(&field, message, sizeof(message));
	} else {
		(void)snprintf(message, sizeof(message), "%s",
			       control_status_name(status));
	}
	if (status == CONTROL_CONFLICT) {
		tool_say("%s: %s does it all the same", message, option);
	} else {
		tool_say("%s%s", message, meaning[status].hint);
	}
	return meaning[status].status;
}

int ask_simple(struct winsctl *ctl, const char *verb, bool again,
	       struct control_reader *reply)
{
	int status = TOOL_OK;

	(void)ask_begin(ctl, verb);
	status = ask_send(ctl, again, reply);
	if (status != TOOL_OK) {
		return status == -1 ? TOOL_FAILED : status;
	}
	return ask_status(reply);
}

/* One slice of a list; TOOL_OK when there is one. */
static int ask_slice(struct winsctl *ctl, struct control_writer *w,
		     uint64_t cursor, uint64_t instance,
		     struct control_reader *reply)
{
	int status = TOOL_OK;

	if (cursor != 0) {
		control_put_number(w, CONTROL_CURSOR, cursor);
		control_put_number(w, CONTROL_INSTANCE, instance);
	}
	status = ask_send(ctl, true, reply);
	if (status != TOOL_OK) {
		return status == -1 ? TOOL_FAILED : status;
	}
	return ask_status(reply);
}

int ask_list(struct winsctl *ctl, const char *verb,
	     void (*put)(struct control_writer *w, const void *arg),
	     void (*slice)(void *arg, const struct control_reader *reply),
	     void *arg)
{
	struct control_reader reply;
	uint64_t instance = 0;
	uint64_t cursor = 0;

	do {
		struct control_writer *w = ask_begin(ctl, verb);
		int status = TOOL_OK;

		if (put != NULL) {
			put(w, arg);
		}
		status = ask_slice(ctl, w, cursor, instance, &reply);
		if (status != TOOL_OK) {
			return status;
		}
		slice(arg, &reply);
		cursor = control_number_or(&reply, CONTROL_CURSOR, 0);
		instance = control_number_or(&reply, CONTROL_INSTANCE, 0);
	} while (cursor != 0 && !ferror(stdout));
	return TOOL_OK;
}
