/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check names: the tool asks the servers itself, as a client would; all that
 * it wants to know here is whom.
 */
#include "control/call.h"

void check_names(struct call *call)
{
	const struct control_context *c = call->context;
	struct repl_partner_sight sight;
	uint32_t address = 0;

	call_status(call, CONTROL_OK, NULL);
	for (unsigned int i = 0; serve_address_at(c->serve, i, &address); i++) {
		call_put_host(call, "ours", address);
	}
	for (unsigned int i = 0;
	     c->repl != NULL && call->reply.len < CONTROL_FILL &&
	     repl_partner_at(c->repl, i, &sight); i++) {
		call_put_host(call, "partner", sight.address);
	}
	call_done(call);
}
