/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * undo in a running server: the commands that operators have, and "record
 * import" with its flag UNDO for what has to stand again as it stood.
 */
#include <errno.h>
#include <string.h>

#include "common/control_client.h"
#include "core/verdict.h"
#include "winsrepair/undo.h"

struct live {
	struct control_client *client;
	const char *socket;
};

static enum undo_result lost(const struct live *live, int error)
{
	tool_say("the server at %s: %s", live->socket, strerror(error));
	return UNDO_FAILED;
}

static const char *message_of(const struct control_reader *reply,
			      char text[1024])
{
	struct control_field field;

	if (control_find(reply, CONTROL_MESSAGE, &field)) {
		return control_text(&field, text, 1024);
	}
	return control_status_name((enum control_status)control_number_or(
		reply, CONTROL_STATUS, CONTROL_FAILED));
}

static enum undo_result result_of(const struct control_reader *reply)
{
	char text[1024];

	switch (control_number_or(reply, CONTROL_STATUS, CONTROL_FAILED)) {
	case CONTROL_OK:
		return UNDO_DONE;
	case CONTROL_UNCHANGED:
	case CONTROL_NOT_FOUND:
		return UNDO_UNCHANGED;
	case CONTROL_CONFLICT:
		tool_say("%s: --yes does it all the same",
			 message_of(reply, text));
		return UNDO_REFUSED;
	case CONTROL_REFUSED:
		tool_say("%s", message_of(reply, text));
		return UNDO_REFUSED;
	default:
		tool_say("%s", message_of(reply, text));
		return UNDO_FAILED;
	}
}

static uint64_t flags(uint64_t more)
{
	return more | (options.yes ? CONTROL_YES : 0) |
	       (options.dry_run ? CONTROL_DRY_RUN : 0);
}

static enum undo_result live_look(void *priv, const struct nb_name *name,
				  struct nb_record *rec)
{
	struct live *live = priv;
	struct control_writer *w = control_client_request(live->client,
							  "record show");
	struct control_reader reply;
	struct control_field field;
	enum undo_result result = UNDO_DONE;
	int ret = 0;

	control_put_name(w, CONTROL_NAME, name);
	ret = control_client_call(live->client, true, &reply);
	if (ret != 0) {
		return lost(live, ret);
	}
	result = result_of(&reply);
	if (result == UNDO_DONE) {
		if (!control_find(&reply, CONTROL_RECORD, &field)) {
			return UNDO_UNCHANGED;
		}
		control_record(&field, rec);
	}
	return result;
}

/* The batch is of one record; so is the result. */
static enum undo_result put_result(const struct control_reader *reply,
				   const struct nb_record *rec)
{
	enum undo_result result = result_of(reply);
	struct control_field number, rule;
	char name[NB_NAME_TEXT], text[200];

	if (result != UNDO_DONE) {
		return result;
	}
	if (!control_find(reply, CONTROL_NUMBER, &number) ||
	    !control_find(reply, CONTROL_RULE, &rule)) {
		return UNDO_FAILED;
	}
	switch (control_number(&number) & CONTROL_IMPORT_OUTCOME) {
	case NB_DONE:
		return UNDO_DONE;
	case NB_UNCHANGED:
		return UNDO_UNCHANGED;
	default:
		tool_say("%s: %s", nb_name_print(&rec->name, name),
			 control_text(&rule, text, sizeof(text)));
		return UNDO_REFUSED;
	}
}

static enum undo_result live_put(void *priv, const struct nb_record *rec)
{
	struct live *live = priv;
	struct control_writer *w = control_client_request(live->client,
							  "record import");
	struct control_reader reply;
	int ret = 0;

	control_put_number(w, CONTROL_FLAGS, flags(CONTROL_UNDO));
	control_put_record(w, CONTROL_RECORD, rec);
	ret = control_client_call(live->client, false, &reply);
	return ret != 0 ? lost(live, ret) : put_result(&reply, rec);
}

/*
 * What the import put there may be active: that the server protects from a
 * slip of the hand, and the file is the word that it is none.
 */
static enum undo_result live_remove(void *priv, const struct nb_name *name,
				    bool bury)
{
	struct live *live = priv;
	struct control_writer *w = control_client_request(
		live->client, bury ? "record tombstone" : "record delete");
	struct control_reader reply;
	int ret = 0;

	control_put_name(w, CONTROL_NAME, name);
	control_put_number(w, CONTROL_FLAGS, flags(CONTROL_YES));
	ret = control_client_call(live->client, false, &reply);
	return ret != 0 ? lost(live, ret) : result_of(&reply);
}

static int find_owner(struct live *live, uint32_t *self)
{
	struct control_reader reply;
	struct control_field field = { .data = NULL };
	char key[64] = "";
	int ret = 0;

	(void)control_client_request(live->client, "server status");
	ret = control_client_call(live->client, true, &reply);
	if (ret == ENOENT || ret == ECONNREFUSED) {
		return TOOL_UNREACHABLE;
	}
	if (ret != 0) {
		(void)lost(live, ret);
		return TOOL_FAILED;
	}
	if (result_of(&reply) != UNDO_DONE) {
		return TOOL_REFUSED;
	}
	while (control_next(&reply, &field)) {
		if (field.tag == CONTROL_KEY) {
			(void)control_text(&field, key, sizeof(key));
		} else if (field.tag == CONTROL_HOST &&
			   strcmp(key, "owner") == 0) {
			*self = (uint32_t)control_number(&field);
		}
	}
	return TOOL_OK;
}

int undo_live(struct winsrepair *repair, struct undo_way *way)
{
	struct live *live = talloc_zero(repair->mem_ctx, struct live);

	if (live == NULL) {
		return TOOL_FAILED;
	}
	live->socket = repair->places.control_socket;
	live->client = control_client_create(live, live->socket);
	if (live->client == NULL) {
		return TOOL_FAILED;
	}
	*way = (struct undo_way) {
		.priv = live,
		.look = live_look,
		.put = live_put,
		.remove = live_remove,
	};
	return find_owner(live, &way->self);
}
