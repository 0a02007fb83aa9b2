/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * add, delete, tombstone, release, touch: an operator's command becomes an
 * event, goes through the door of serve, and its verdict becomes the reply.
 *
 * Every command first asks serve_explain() about its event; a dry run stops
 * there. Both make their reply with the same function from the same kind of
 * verdict: a dry run cannot say something else than the real one.
 *
 * The rules guard living and protected records. Guarded here besides: what
 * they let an operator do to static, <1B>, <1C> and <1E> records that stand
 * already (a static replaced, a touch), and the server's own names, which
 * they do not know. CONTROL_YES lifts all of it (design.md 4.3). What would
 * take a version number while none is given out is refused (gate.c); that is
 * asked before the event goes its way, so that a dry run says it as well.
 *
 * The commit may take its time and the client may not: what waits for it is
 * struct change, whose call may be gone when the answer comes.
 */
#include <errno.h>
#include <string.h>

#include "control/call.h"

struct change {
	struct pending *pending;
	struct nb_name name;
	bool existed;
	struct nb_record before;
};

/* Why this record is not changed by a slip of the hand; NULL: it may be. */
static const char *protection(const struct call *call,
			      const struct change *change)
{
	if (call_is_own_name(call, &change->name)) {
		return "is a name of this server itself";
	}
	if (!change->existed) {
		return NULL;
	}
	if (change->before.is_static) {
		return "is a static record";
	}
	switch (change->name.type) {
	case 0x1b:
		return "is held by a domain master browser";
	case 0x1c:
		return "is the group of a domain's controllers";
	case 0x1e:
		return "is a browser election group";
	default:
		return NULL;
	}
}

static const char *outcome_text(enum nb_outcome outcome)
{
	switch (outcome) {
	case NB_CONFLICT:
		return "is held by a living record";
	case NB_REFUSED:
		return "is refused by the rules";
	case NB_NOT_FOUND:
		return "is not in the database";
	case NB_UNCHANGED:
		return "stands so already";
	default:
		return NULL;
	}
}

static enum control_status outcome_status(enum nb_outcome outcome)
{
	switch (outcome) {
	case NB_DONE:
		return CONTROL_OK;
	case NB_UNCHANGED:
		return CONTROL_UNCHANGED;
	case NB_NOT_FOUND:
		return CONTROL_NOT_FOUND;
	case NB_CONFLICT:
		return CONTROL_CONFLICT;
	default:
		return CONTROL_REFUSED;
	}
}

/* The one reply of real and dry runs. */
static void answer(struct call *call, const struct change *change,
		   const struct nb_verdict *verdict)
{
	const char *why = outcome_text(verdict->outcome);
	char text[NB_NAME_TEXT];

	if (verdict->outcome == NB_CONFLICT &&
	    protection(call, change) != NULL) {
		why = protection(call, change);
	}
	if (why != NULL) {
		call_status(call, outcome_status(verdict->outcome), "%s %s",
			    nb_name_print(&change->name, text), why);
	} else {
		call_status(call, CONTROL_OK, NULL);
	}
	control_put_text(&call->reply, CONTROL_RULE, verdict->ref);
	if (change->existed) {
		call_put_record(call, CONTROL_BEFORE, &change->before);
	}
	if (why == NULL && verdict->store == NB_STORE_PUT) {
		call_put_record(call, CONTROL_RECORD, &verdict->record);
	}
	call_done(call);
}

/* It takes a version number, and none is given out: say so, and why. */
static bool objection(struct call *call, const struct change *change,
		      int error, const struct nb_verdict *verdict)
{
	char why[GATE_TEXT], text[NB_NAME_TEXT];

	if (error != 0 ? error != EAGAIN && error != EPERM :
	    verdict->store != NB_STORE_PUT || !verdict->new_version) {
		return false;
	}
	if (gate_objection(call, why) == NULL) {
		return false;
	}
	call_refuse(call, CONTROL_REFUSED, "%s was not changed: %s",
		    nb_name_print(&change->name, text), why);
	return true;
}

static void change_done(void *arg, int error, const struct nb_verdict *verdict)
{
	struct change *change = arg;
	struct call *call = change->pending->call;
	struct change kept = *change;
	char text[NB_NAME_TEXT];

	talloc_free(change->pending);	/* and change with it */
	if (call == NULL ||
	    (error != 0 && objection(call, &kept, error, verdict))) {
		return;
	}
	if (error != 0) {
		call_refuse(call, CONTROL_FAILED, "%s was not changed: %s",
			    nb_name_print(&kept.name, text),
			    store_error_text(error));
		return;
	}
	answer(call, &kept, verdict);
}

static void real_run(struct call *call, const struct change *now,
		     const struct nb_event *event)
{
	struct pending *pending = call_wait(call);
	struct change *change = NULL;

	if (pending != NULL) {
		change = talloc(pending, struct change);
	}
	if (change == NULL) {
		talloc_free(pending);
		call_refuse(call, CONTROL_FAILED, "out of memory");
		return;
	}
	*change = *now;
	change->pending = pending;
	serve_command(call->context->serve, event, change_done, change);
}

static void change_record(struct call *call, const struct nb_event *event)
{
	struct change change = { .name = event->name };
	struct nb_verdict verdict = { .row = 0 };

	change.existed = store_get(call->context->store, &event->name,
				   &change.before);
	serve_explain(call->context->serve, event, &verdict);
	if (verdict.outcome == NB_DONE && !event->force &&
	    protection(call, &change) != NULL) {
		verdict.outcome = NB_CONFLICT;
		verdict.ref = "design 4.3: protected without --yes";
	}
	if (verdict.outcome == NB_DONE &&
	    objection(call, &change, 0, &verdict)) {
		return;
	}
	if (verdict.outcome == NB_DONE &&
	    !call_has_flag(call, CONTROL_DRY_RUN)) {
		real_run(call, &change, event);
		return;
	}
	answer(call, &change, &verdict);
}

static void change_by_name(struct call *call, enum nb_event_kind kind)
{
	struct control_field field;
	struct nb_event event = {
		.kind = (uint8_t)kind,
		.force = call_has_flag(call, CONTROL_YES),
		.addr = (uint32_t)control_number_or(&call->request,
						    CONTROL_ADDRESS, 0),
	};

	(void)control_find(&call->request, CONTROL_NAME, &field);
	control_name(&field, &event.name);
	change_record(call, &event);
}

void record_delete(struct call *call)
{
	change_by_name(call, NB_EV_DELETE);
}

void record_tombstone(struct call *call)
{
	change_by_name(call, NB_EV_TOMBSTONE);
}

void record_release(struct call *call)
{
	change_by_name(call, NB_EV_ADMIN_RELEASE);
}

void record_touch(struct call *call)
{
	change_by_name(call, NB_EV_TOUCH);
}

static const char *check_record(const struct nb_record *rec, uint64_t ttl)
{
	if (rec->is_static != (ttl == 0)) {
		return "a static record has no time to live, a dynamic one has";
	}
	if (rec->count == 0) {
		return "a record has at least one address";
	}
	if (rec->name.scope_len > NB_SCOPE_LIMIT) {
		return "the scope is longer than 237 bytes";
	}
	for (unsigned int i = 0; i < rec->count; i++) {
		if (!nb_addr_is_host(rec->member[i].ip)) {
			return "no host can have such an address";
		}
	}
	return nb_record_broken(rec);
}

/* Owner, version and times are for the rules to give. */
static void reset_record(struct nb_record *rec)
{
	int64_t expires = rec->is_static ? NB_NEVER : 0;

	rec->state = NB_ACTIVE;
	rec->owner = NB_SELF;
	rec->version = 0;
	rec->expires = expires;
	for (unsigned int i = 0; i < rec->count; i++) {
		rec->member[i].owner = NB_SELF;
		rec->member[i].expires = expires;
	}
}

void record_add(struct call *call)
{
	struct control_field field;
	struct nb_record rec;
	struct nb_event event = {
		.kind = NB_EV_ADD,
		.force = call_has_flag(call, CONTROL_YES),
		.ttl = (uint32_t)control_number_or(&call->request, CONTROL_TTL,
						   0),
		.record = &rec,
	};
	const char *wrong = NULL;

	(void)control_find(&call->request, CONTROL_RECORD, &field);
	call_get_record(call, &field, &rec);
	reset_record(&rec);
	wrong = check_record(&rec, event.ttl);
	if (wrong != NULL) {
		call_refuse(call, CONTROL_BAD_REQUEST, "%s", wrong);
		return;
	}
	event.name = rec.name;
	event.addr = rec.member[0].ip;
	change_record(call, &event);
}
