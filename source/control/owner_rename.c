/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owner rename: this server is going to be another address to its partners.
 *
 * Nothing changes before the next start but a few numbers in the database
 * (core/owner_move.h); that start finds the new address, asks partners what
 * they know of it and gives all records of ours new versions. So the command
 * is done at once however many they are, can be taken back by naming the
 * present address again, and needs no undo.
 *
 * Refused while records of that address are here as another server's: there
 * would be two kinds of ours.
 */
#include <inttypes.h>
#include <string.h>

#include "control/call.h"
#include "core/owner_move.h"

static int write_numbers(const struct control_context *c, uint32_t to)
{
	struct owner_number number[OWNER_MOVE_NUMBERS];
	int ret = 0;

	owner_move(c->self, to, (uint64_t)c->world->wall(c->world->priv),
		   number);
	serve_turn_begin(c->serve);
	for (unsigned int i = 0; ret == 0 && i < OWNER_MOVE_NUMBERS; i++) {
		ret = serve_set_meta(c->serve, number[i].key,
				     number[i].number);
	}
	serve_turn_end(c->serve);
	return ret;
}

/* Why it may not be that address; true: it is answered. */
static bool refused(struct call *call, uint32_t to)
{
	struct repl_partner_sight sight;
	struct store_owner line;
	struct repl *repl = call->context->repl;
	char text[NB_ADDR_TEXT];

	nb_addr_print(to, text);
	if (!nb_addr_is_host(to)) {
		call_refuse(call, CONTROL_BAD_REQUEST,
			    "no server can have the address %s", text);
		return true;
	}
	if (call_owner_line(call, to, &line)) {
		call_refuse(call, CONTROL_REFUSED, "%s is another server's "
			    "here, with %" PRIu64 " records: `winsctl owner "
			    "adopt %s` or `winsctl owner delete %s` first",
			    text, line.records[0] + line.records[1] +
			    line.records[2], text, text);
		return true;
	}
	for (unsigned int i = 0;
	     repl != NULL && repl_partner_at(repl, i, &sight); i++) {
		if (sight.address == to) {
			call_refuse(call, CONTROL_REFUSED, "%s is a partner of "
				    "this server", text);
			return true;
		}
	}
	return false;
}

void owner_rename(struct call *call)
{
	const struct control_context *c = call->context;
	uint32_t to = (uint32_t)control_number_or(&call->request,
						  CONTROL_ADDRESS, 0);
	struct store_owner line;
	uint64_t stored = c->self;
	int ret = 0;

	if (refused(call, to)) {
		return;
	}
	(void)store_get_meta(c->store, OWNER_ADDRESS, &stored);
	if (stored == to) {
		call_refuse(call, CONTROL_UNCHANGED,
			    "that is the owner address already");
		return;
	}
	(void)call_owner_line(call, NB_SELF, &line);
	call_status(call, CONTROL_OK, NULL);
	call_put_host(call, "owner", c->self);
	call_put_host(call, "from_next_start", to);
	call_put_count(call, "records", line.records[0] + line.records[1] +
					line.records[2]);
	if (call_has_flag(call, CONTROL_DRY_RUN)) {
		call_done(call);
		return;
	}
	ret = write_numbers(c, to);
	if (ret != 0) {
		call_refuse(call, CONTROL_FAILED, "nothing was changed: %s",
			    strerror(ret));
		return;
	}
	call_done_durable(call);
}
