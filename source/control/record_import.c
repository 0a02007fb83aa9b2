/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record import: a batch of records of another database (winsmigrate).
 *
 * Each becomes an event and meets our records in rules/import.c; all of a
 * batch are one turn, and the reply leaves when it is durable. What a batch
 * holds is bounded by the length of a request, what it says by that of a
 * reply: what found no room in it was not looked at, and comes again.
 *
 * An owner of 0 is nobody. Such records become ours with ADOPT, and are
 * refused without it. UNDO puts back what an undo file says, against all rules
 * of conflict but the protection of names.
 *
 * A dry run asks the same rules and changes nothing. It also says what stands
 * where something would be changed: that is what undo files are made of. Two
 * records of one name in a batch do not see each other then.
 */
#include <errno.h>
#include <string.h>

#include "control/call.h"

#define ROW_MAX	(CONTROL_RECORD_MAX + 256)	/* bytes said of a record */

struct import {
	struct call *call;
	bool dry_run;
	bool adopt;
	bool undo;
	bool force;
	unsigned int stored;
};

static void put_result(struct import *import, uint64_t number,
		       const char *rule)
{
	control_put_number(&import->call->reply, CONTROL_NUMBER, number);
	control_put_text(&import->call->reply, CONTROL_RULE, rule);
}

static const char *failure(const struct import *import, int error,
			   char why[GATE_TEXT])
{
	if ((error == EAGAIN || error == EPERM) &&
	    gate_objection(import->call, why) != NULL) {
		return why;
	}
	return store_error_text(error);
}

/* From the wire to an event. Returns what is wrong with it, or NULL. */
static const char *read_record(const struct import *import,
			       const struct control_field *field,
			       struct nb_event *event, struct nb_record *rec)
{
	struct nb_record raw;

	control_record(field, &raw);
	call_get_record(import->call, field, rec);
	if (raw.owner == 0 && !import->adopt) {
		return "nobody owns it";
	}
	for (unsigned int i = 0; i < rec->count; i++) {
		if (raw.member[i].owner == 0) {
			rec->member[i].owner = rec->owner;
		}
	}
	*event = (struct nb_event) {
		.kind = NB_EV_IMPORT,
		.name = rec->name,
		.record = rec,
		.adopt = raw.owner == 0,
		.undo = import->undo,
		.force = import->force,
		.own_name = call_is_own_name(import->call, &rec->name),
		.handed_out = store_counter(import->call->context->store),
	};
	return nb_record_broken(rec);
}

/* What a real run would fail with. */
static int would_fail(const struct import *import,
		      const struct nb_verdict *verdict)
{
	char why[GATE_TEXT];

	return verdict->store == NB_STORE_PUT && verdict->new_version &&
	       gate_objection(import->call, why) != NULL ? EAGAIN : 0;
}

static void put_verdict(struct import *import, const struct nb_event *event,
			const struct nb_verdict *verdict)
{
	bool is_ours = verdict->new_version ||
		       verdict->record.owner == NB_SELF;
	struct nb_record before;

	put_result(import, verdict->outcome |
		   (verdict->outcome == NB_DONE && is_ours ?
			    CONTROL_IMPORT_OURS : 0) |
		   (verdict->outcome == NB_DONE && verdict->new_version ?
			    CONTROL_IMPORT_NUMBERED : 0),
		   verdict->ref);
	if (import->dry_run && verdict->outcome == NB_DONE &&
	    store_get(import->call->context->store, &event->name, &before)) {
		call_put_record(import->call, CONTROL_BEFORE, &before);
	}
}

static void import_one(struct import *import,
		       const struct control_field *field)
{
	struct serve *serve = import->call->context->serve;
	struct nb_verdict verdict = { .row = 0 };
	struct nb_record rec;
	struct nb_event event;
	char why[GATE_TEXT];
	const char *wrong = read_record(import, field, &event, &rec);
	int ret = 0;

	if (wrong != NULL) {
		put_result(import, NB_REFUSED, wrong);
		return;
	}
	if (import->dry_run) {
		serve_explain(serve, &event, &verdict);
		ret = would_fail(import, &verdict);
	} else {
		ret = serve_import(serve, &event, &verdict);
	}
	if (ret != 0) {
		put_result(import, CONTROL_IMPORT_FAILED,
			   failure(import, ret, why));
		return;
	}
	import->stored += verdict.outcome == NB_DONE;
	put_verdict(import, &event, &verdict);
}

static bool has_room(const struct call *call)
{
	return call->reply.len + ROW_MAX <= CONTROL_FILL;
}

void record_import(struct call *call)
{
	const struct control_context *context = call->context;
	struct serve *serve = context->serve;
	struct import import = {
		.call = call,
		.dry_run = call_has_flag(call, CONTROL_DRY_RUN),
		.adopt = call_has_flag(call, CONTROL_ADOPT),
		.undo = call_has_flag(call, CONTROL_UNDO),
		.force = call_has_flag(call, CONTROL_YES),
	};
	struct control_field field = { .data = NULL };

	call_status(call, CONTROL_OK, NULL);
	serve_turn_begin(serve);
	while (has_room(call) && control_next(&call->request, &field)) {
		if (field.tag == CONTROL_RECORD) {
			import_one(&import, &field);
		}
	}
	if (!import.dry_run && import.stored > 0) {
		nb_log(context->world, NB_LOG_INFO, "record import: %u records "
		       "of another database were stored", import.stored);
	}
	if (import.dry_run) {
		call_done(call);
	} else {
		call_done_durable(call);
	}
	serve_turn_end(serve);
}
