/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operators' commands: events like any other, in a turn of their own.
 *
 * serve_explain() makes the same decision and does nothing about it; it is
 * what every --dry-run and `record explain` print, so the two cannot differ.
 */

#include <string.h>

#include "serve/serve_private.h"

/*
 * Names that this server itself goes by are not records: hands off. Of claims
 * these are the ones that own_defends() defends against; opcode 15 is not.
 */
static bool refused_as_own(const struct serve *serve,
			   const struct nb_event *event,
			   struct nb_verdict *verdict)
{
	int own = own_find(serve, &event->name);

	if (own < 0 || serve->own[own].name.group ||
	    (event->kind != NB_EV_ADD && event->kind != NB_EV_REGISTER &&
	     event->kind != NB_EV_REFRESH)) {
		return false;
	}
	memset(verdict, 0, sizeof(*verdict));
	verdict->row = UINT16_MAX;
	verdict->ref = "protocol 1.6: a name of this server";
	verdict->outcome = NB_REFUSED;
	verdict->reply.kind = NB_REPLY_REGISTER;
	verdict->reply.rcode = NB_RCODE_ACT;
	return true;
}

void serve_explain(struct serve *serve, const struct nb_event *event,
		   struct nb_verdict *verdict)
{
	struct nb_record existing;
	bool found = false;

	if (refused_as_own(serve, event, verdict)) {
		return;
	}
	found = store_get(serve->store, &event->name, &existing);
	serve_rule(serve, event, found ? &existing : NULL, verdict);
}

void serve_command(struct serve *serve, const struct nb_event *event,
		   void (*done)(void *arg, int error,
				const struct nb_verdict *verdict),
		   void *arg)
{
	struct nb_record existing;
	struct nb_verdict verdict;
	bool found = false;
	int ret = 0;

	if (refused_as_own(serve, event, &verdict)) {
		done(arg, 0, &verdict);
		return;
	}
	if (!serve->loaded) {
		serve_explain(serve, event, &verdict);
		done(arg, EAGAIN, &verdict);
		return;
	}
	serve_turn_begin(serve);
	found = serve_decide(serve, event, &existing, &verdict);
	ret = serve_store(serve, event, found ? &existing : NULL, &verdict);
	if (ret == 0 && store_pending_turn(serve->store, &event->name) != 0) {
		/* durable first; a "nothing to do" may rest on such a turn */
		if (!serve_hold_done(serve, &verdict, done, arg)) {
			ret = ENOMEM;
		} else {
			done = NULL;
		}
	}
	if (verdict.store != NB_STORE_NOTHING) {
		challenge_void(serve, &event->name);
	}
	serve_turn_end(serve);
	if (done != NULL) {
		done(arg, ret, &verdict);
	}
}

int serve_import(struct serve *serve, const struct nb_event *event,
		 struct nb_verdict *verdict)
{
	struct nb_record existing;
	bool found = false;
	int ret = 0;

	if (!serve->loaded) {
		serve_explain(serve, event, verdict);
		return EAGAIN;
	}
	found = serve_decide(serve, event, &existing, verdict);
	ret = serve_store(serve, event, found ? &existing : NULL, verdict);
	if (ret == 0 && verdict->store != NB_STORE_NOTHING) {
		challenge_void(serve, &event->name);
	}
	return ret;
}
