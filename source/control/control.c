/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of verbs, and the one way in: check the request, find the row,
 * ask whether the peer may, call the handler.
 *
 * A row also says which fields its request may have and must have. A field
 * that a verb does not know is an error and never ignored: a filter that was
 * not understood would change more records than somebody meant.
 *
 * A new verb is a row here and a handler beside its relatives.
 */
#include <errno.h>
#include <string.h>

#include "control/call.h"

#define BIT(tag) (UINT64_C(1) << (tag))
#define FILTERS	(BIT(CONTROL_GLOB) | BIT(CONTROL_SCOPE) | BIT(CONTROL_SUFFIX) | \
		 BIT(CONTROL_TYPE) | BIT(CONTROL_STATE) | BIT(CONTROL_STATIC) | \
		 BIT(CONTROL_OWNER) | BIT(CONTROL_ADDRESS) | \
		 BIT(CONTROL_VERSION_FROM) | BIT(CONTROL_VERSION_TO))
#define SLICE	(BIT(CONTROL_CURSOR) | BIT(CONTROL_INSTANCE))

static const struct verb {
	const char *name;
	enum control_right right;
	void (*run)(struct call *call);
	uint64_t must;		/* fields the request has to have */
	uint64_t may;		/* and those it can have besides */
	uint64_t many;		/* of them, more than once */
} verbs[] = {
	{ "record list", CONTROL_READ, record_list, 0,
	  FILTERS | SLICE | BIT(CONTROL_QUERIED_SINCE) |
	  BIT(CONTROL_UNUSED_SINCE), 0 },
	{ "record show", CONTROL_READ, record_show, BIT(CONTROL_NAME), 0, 0 },
	{ "record explain", CONTROL_READ, record_explain,
	  BIT(CONTROL_NAME) | BIT(CONTROL_ADDRESS) | BIT(CONTROL_TYPE),
	  BIT(CONTROL_NODE) | BIT(CONTROL_TTL), 0 },
	{ "record add", CONTROL_ADMIN, record_add, BIT(CONTROL_RECORD),
	  BIT(CONTROL_TTL) | BIT(CONTROL_FLAGS), 0 },
	{ "record delete", CONTROL_ADMIN, record_delete, BIT(CONTROL_NAME),
	  BIT(CONTROL_FLAGS), 0 },
	{ "record tombstone", CONTROL_ADMIN, record_tombstone,
	  BIT(CONTROL_NAME), BIT(CONTROL_FLAGS), 0 },
	{ "record release", CONTROL_ADMIN, record_release, BIT(CONTROL_NAME),
	  BIT(CONTROL_ADDRESS) | BIT(CONTROL_FLAGS), 0 },
	{ "record touch", CONTROL_ADMIN, record_touch, BIT(CONTROL_NAME),
	  BIT(CONTROL_FLAGS), 0 },
	{ "record import", CONTROL_ADMIN, record_import, BIT(CONTROL_RECORD),
	  BIT(CONTROL_FLAGS), BIT(CONTROL_RECORD) },
	{ "partner list", CONTROL_READ, partner_list, 0,
	  BIT(CONTROL_ADDRESS) | SLICE, 0 },
	{ "partner pull", CONTROL_ADMIN, partner_pull, 0,
	  BIT(CONTROL_ADDRESS), 0 },
	{ "partner push", CONTROL_ADMIN, partner_push, 0,
	  BIT(CONTROL_ADDRESS) | BIT(CONTROL_FLAGS), 0 },
	{ "owner list", CONTROL_READ, owner_list, 0, SLICE, 0 },
	{ "owner accept", CONTROL_ADMIN, owner_accept, BIT(CONTROL_OWNER),
	  BIT(CONTROL_FLAGS), 0 },
	{ "owner reject", CONTROL_ADMIN, owner_reject, BIT(CONTROL_OWNER),
	  BIT(CONTROL_FLAGS), 0 },
	{ "owner adopt", CONTROL_ADMIN, owner_adopt, BIT(CONTROL_OWNER),
	  BIT(CONTROL_FLAGS) | BIT(CONTROL_VERSION_TO), 0 },
	{ "owner delete", CONTROL_ADMIN, owner_delete, BIT(CONTROL_OWNER),
	  BIT(CONTROL_FLAGS) | BIT(CONTROL_VERSION_TO), 0 },
	{ "owner rename", CONTROL_ADMIN, owner_rename, BIT(CONTROL_ADDRESS),
	  BIT(CONTROL_FLAGS), 0 },
	{ "client list", CONTROL_READ, client_list, 0,
	  BIT(CONTROL_FLAGS) | SLICE, 0 },
	{ "client missing", CONTROL_READ, client_missing, 0, SLICE, 0 },
	{ "check database", CONTROL_READ, check_database, 0, 0, 0 },
	{ "check versions", CONTROL_READ, check_versions, 0, 0, 0 },
	{ "check names", CONTROL_READ, check_names, 0, 0, 0 },
	{ "server status", CONTROL_READ, server_status, 0, 0, 0 },
	{ "server stats", CONTROL_READ, server_stats, 0, 0, 0 },
	{ "server reload", CONTROL_ADMIN, server_reload, 0, 0, 0 },
	{ "server scavenge", CONTROL_ADMIN, server_scavenge, 0,
	  BIT(CONTROL_FLAGS), 0 },
	{ "server backup", CONTROL_ADMIN, server_backup, 0, 0, 0 },
	{ "server start-anyway", CONTROL_ADMIN, server_start_anyway, 0,
	  BIT(CONTROL_FLAGS), 0 },
	{ "server stop", CONTROL_ADMIN, server_stop, 0, 0, 0 },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

bool control_verb_at(unsigned int index, const char **name,
		     enum control_right *right)
{
	if (index >= VERBS) {
		return false;
	}
	*name = verbs[index].name;
	*right = verbs[index].right;
	return true;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERBS; i++) {
		if (strcmp(verbs[i].name, name) == 0) {
			return &verbs[i];
		}
	}
	return NULL;
}

/*
 * Does the request have the fields that its verb needs, none twice and none
 * besides? Returns what is wrong or NULL.
 */
static const char *check_fields(const struct control_reader *request,
				const struct verb *verb)
{
	struct control_field field = { .data = NULL };
	uint64_t seen = 0;

	while (control_next(request, &field)) {
		if (field.tag >= CONTROL_STATUS) {
			return "a field of a reply";
		}
		if ((seen & ~verb->many & BIT(field.tag)) != 0) {
			return "a field twice";
		}
		seen |= BIT(field.tag);
	}
	if ((seen & ~(verb->must | verb->may | BIT(CONTROL_VERB))) != 0) {
		return "a field that this command does not know";
	}
	return (seen & verb->must) == verb->must ? NULL : "a field too few";
}

/* What needs nothing of a store that is still loading. */
static bool runs_early(const struct verb *verb)
{
	return verb->run == server_status || verb->run == server_stop;
}

static void run_verb(struct call *call, enum control_right right)
{
	struct control_field field;
	const struct verb *verb = NULL;
	const char *wrong = NULL;
	char name[64];

	if (!control_find(&call->request, CONTROL_VERB, &field)) {
		call_refuse(call, CONTROL_BAD_REQUEST, "no command");
		return;
	}
	verb = find_verb(control_text(&field, name, sizeof(name)));
	if (verb == NULL) {
		call_refuse(call, CONTROL_UNKNOWN,
			    "this server does not know the command '%s'", name);
		return;
	}
	if (right < verb->right) {
		call_refuse(call, CONTROL_DENIED, "'%s' is not allowed to you",
			    name);
		return;
	}
	wrong = check_fields(&call->request, verb);
	if (wrong != NULL) {
		call_refuse(call, CONTROL_BAD_REQUEST, "'%s' with %s", name,
			    wrong);
		return;
	}
	if (store_loading(call->context->store) && !runs_early(verb)) {
		call_refuse(call, CONTROL_BUSY,
			    "the server is still loading its database");
		return;
	}
	verb->run(call);
}

int control_call(TALLOC_CTX *mem_ctx, const struct control_context *context,
		 enum control_right right, const uint8_t *body, size_t len,
		 void (*reply)(void *arg, const uint8_t *frame, size_t len),
		 void *arg)
{
	struct call *call = talloc(mem_ctx, struct call);
	enum control_error error = CONTROL_GOOD;

	if (call == NULL) {
		return ENOMEM;
	}
	call->context = context;
	call->send = reply;
	call->arg = arg;
	call->pending = NULL;
	error = control_open(&call->request, body, len, CONTROL_REQUEST);
	if (error == CONTROL_RELEASE_OTHER) {
		call_refuse(call, CONTROL_OTHER_RELEASE,
			    "this server speaks release %d of the control "
			    "messages, not %d", CONTROL_RELEASE,
			    call->request.release);
		return 0;
	}
	if (error != CONTROL_GOOD) {
		call_refuse(call, CONTROL_BAD_REQUEST, "the request %s",
			    control_error_name(error));
		return 0;
	}
	run_verb(call, right);
	return 0;
}
