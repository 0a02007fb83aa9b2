/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * show and explain: look at one name, change nothing.
 *
 * explain puts the very event that a registration would become before the
 * rules and tells what they say: the reply, the row's reference, the record
 * that would stand. Where the holder would be asked first there are two ends;
 * the record that stands if nobody answers is told as well, the other one
 * depends on what the holder says.
 */
#include <stdio.h>

#include "control/call.h"

static void refuse_unknown(struct call *call, const struct nb_name *name)
{
	char text[NB_NAME_TEXT];

	call_refuse(call, CONTROL_NOT_FOUND,
		    call_is_own_name(call, name) ?
		    "%s is a name of this server itself: answered, not stored" :
		    "%s is not in the database", nb_name_print(name, text));
}

void record_show(struct call *call)
{
	struct control_field field;
	struct nb_name name;
	struct nb_record rec;

	(void)control_find(&call->request, CONTROL_NAME, &field);
	control_name(&field, &name);
	if (!store_get(call->context->store, &name, &rec)) {
		refuse_unknown(call, &name);
		return;
	}
	call_status(call, CONTROL_OK, NULL);
	call_put_record(call, CONTROL_RECORD, &rec);
	call_done(call);
}

/* Why the rules refuse with such a code, in words. */
static const char *refusal_text(uint8_t rcode)
{
	switch (rcode) {
	case NB_RCODE_RFS:
		return "not allowed";
	case NB_RCODE_ACT:
		return "held by another";
	case NB_RCODE_SRV:
		return "the server cannot";
	default:
		return "no reason known";
	}
}

#define ANSWER_TEXT 80

/* What the client would hear. */
static const char *answer_text(const struct nb_verdict *verdict,
			       char text[ANSWER_TEXT])
{
	uint8_t rcode = verdict->reply.rcode;
	const char *why = refusal_text(rcode);

	if (verdict->challenge) {
		return "wait: the holder is asked first";
	}
	if (verdict->outcome == NB_REFUSED) {
		rcode = NB_RCODE_ACT;
		why = "a name of this server itself";
	}
	if (rcode == NB_RCODE_OK) {
		return verdict->store == NB_STORE_NOTHING ?
		       "accepted, nothing is stored" : "accepted";
	}
	(void)snprintf(text, ANSWER_TEXT, "refused: %s (%s)", why,
		       nb_rcode_name(rcode));
	return text;
}

static void read_registration(const struct call *call, struct nb_event *event)
{
	const struct control_reader *r = &call->request;
	uint64_t type = control_number_or(r, CONTROL_TYPE, NB_UNIQUE);
	struct control_field field;

	*event = (struct nb_event) {
		.kind = type == NB_MHOMED ? NB_EV_MREGISTER : NB_EV_REGISTER,
		.group = type == NB_GROUP || type == NB_SGROUP,
		.multihomed = type == NB_MHOMED,
		.node = (uint8_t)control_number_or(r, CONTROL_NODE, NB_H_NODE),
		.addr = (uint32_t)control_number_or(r, CONTROL_ADDRESS, 0),
		.ttl = (uint32_t)control_number_or(r, CONTROL_TTL, 0),
	};
	event->source = event->addr;
	(void)control_find(r, CONTROL_NAME, &field);
	control_name(&field, &event->name);
}

/* The holders are asked in order; then what stands if none answers. */
static void put_challenge(struct call *call, struct nb_event *event,
			  const struct nb_verdict *verdict)
{
	struct nb_verdict lost = { .row = 0 };

	for (unsigned int i = 0; i < verdict->record.count; i++) {
		call_put_host(call, "asked", verdict->record.member[i].ip);
	}
	event->kind = NB_EV_CHALLENGE_LOST;
	serve_explain(call->context->serve, event, &lost);
	if (lost.store == NB_STORE_PUT) {
		call_put_text(call, "rule_if_silent", lost.ref);
		call_put_record(call, CONTROL_RECORD, &lost.record);
	}
}

void record_explain(struct call *call)
{
	struct nb_verdict verdict = { .row = 0 };
	struct nb_event event;
	struct nb_record before;
	char text[ANSWER_TEXT];

	read_registration(call, &event);
	call_status(call, CONTROL_OK, NULL);
	serve_explain(call->context->serve, &event, &verdict);
	call_put_text(call, "answer", answer_text(&verdict, text));
	control_put_text(&call->reply, CONTROL_RULE, verdict.ref);
	call_put_count(call, "rcode", verdict.reply.rcode);
	call_put_text(call, "challenge", verdict.challenge ? "yes" : "no");
	if (store_get(call->context->store, &event.name, &before)) {
		call_put_record(call, CONTROL_BEFORE, &before);
	}
	if (verdict.challenge) {
		put_challenge(call, &event, &verdict);
	} else if (verdict.store == NB_STORE_PUT) {
		call_put_record(call, CONTROL_RECORD, &verdict.record);
	}
	call_done(call);
}
