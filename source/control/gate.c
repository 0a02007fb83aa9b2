/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gate, for people: whether this server gives out version numbers, why it
 * does not, and what lifts that (design.md 4.2, wins:start wait and
 * wins:observe).
 *
 * serve decides it and answers with an errno; the words are here, so that
 * status, a refused command and its dry run say the same. A closed gate is
 * the first line of status: "running" would be a lie about a server that no
 * host can register with.
 */
#include <stdio.h>

#include "control/call.h"

static enum repl_gate gate_of(const struct call *call)
{
	const struct repl *repl = call->context->repl;

	return repl != NULL ? repl_gate(repl) : REPL_GATE_OPEN;
}

static bool observing(const struct call *call)
{
	struct repl_summary summary = { .observing = false };

	if (call->context->repl != NULL) {
		repl_summary(call->context->repl, &summary);
	}
	return summary.observing;
}

const char *gate_state(const struct call *call)
{
	enum repl_gate gate = gate_of(call);

	if (observing(call) || gate == REPL_GATE_OPEN) {
		return NULL;
	}
	return repl_gate_name(gate);
}

const char *gate_objection(const struct call *call, char text[GATE_TEXT])
{
	enum repl_gate gate = gate_of(call);

	if (observing(call)) {
		(void)snprintf(text, GATE_TEXT, "this server only observes: "
			       "`wins:observe = no` and a reload end that");
		return text;
	}
	if (gate == REPL_GATE_OPEN) {
		return NULL;
	}
	(void)snprintf(text, GATE_TEXT, "the database is %s, and no partner "
		       "has told our highest version %s: `winsctl server "
		       "start-anyway` goes on without",
		       repl_gate_reason(call->context->repl),
		       gate == REPL_GATE_WAITING ? "yet" : "in time");
	return text;
}

void gate_put_status(struct call *call)
{
	struct repl_summary summary = { .partners = 0 };
	char text[GATE_TEXT];

	if (call->context->repl == NULL) {
		return;
	}
	repl_summary(call->context->repl, &summary);
	call_put_truth(call, "observing", summary.observing);
	call_put_text(call, "gate", repl_gate_name(gate_of(call)));
	if (gate_state(call) != NULL) {
		call_put_text(call, "gate_reason", gate_objection(call, text));
	}
	call_put_count(call, "partners", summary.partners);
	call_put_count(call, "partners_failing", summary.failing);
	call_put_count(call, "owners_in_quarantine", summary.quarantined);
}

void server_start_anyway(struct call *call)
{
	uint64_t flags = control_number_or(&call->request, CONTROL_FLAGS, 0);

	if (gate_of(call) == REPL_GATE_OPEN) {
		call_refuse(call, CONTROL_UNCHANGED,
			    "the server waits for no partner");
		return;
	}
	call_status(call, CONTROL_OK, NULL);
	call_put_text(call, "was", repl_gate_name(gate_of(call)));
	call_put_text(call, "reason", repl_gate_reason(call->context->repl));
	if ((flags & CONTROL_DRY_RUN) != 0) {
		call_done(call);
		return;
	}
	(void)repl_start_anyway(call->context->repl);
	/* what opens the gate is in a turn of its own, before ours */
	call_done_durable(call);
}
