/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is put off and for how long; see come_back.h.
 *
 * The client table has said already what the registration would come to: a
 * record for a name that is not active is ACT_STORE_NEW and nothing else is,
 * so the row is asked and no situation is measured a second time. A refresh
 * of a name that we do not have comes to the same record, but a refresh is
 * never put off: its client had the name, and believes that we know it.
 */

#include "rules/client_table.h"
#include "rules/come_back.h"

unsigned int rule_come_back_step(uint64_t before)
{
	return (unsigned int)(before / RULE_COME_BACK_EACH %
			      RULE_COME_BACK_STEPS);
}

uint32_t rule_come_back_ttl(uint64_t before)
{
	return RULE_COME_BACK_STEP * (rule_come_back_step(before) + 1);
}

bool rule_may_come_back(const struct nb_event *event,
			const struct nb_verdict *verdict)
{
	if (event->kind != NB_EV_REGISTER && event->kind != NB_EV_MREGISTER) {
		return false;
	}
	return verdict->row < client_table_rows &&
	       client_table[verdict->row].action == ACT_STORE_NEW;
}

void rule_come_back(const struct nb_event *event, uint64_t before,
		    struct nb_verdict *verdict)
{
	uint32_t ttl = rule_come_back_ttl(before);

	if (event->ttl != 0 && event->ttl < ttl) {
		ttl = event->ttl;
	}
	verdict->ref = "microsoft-wins 4: burst";
	verdict->store = NB_STORE_NOTHING;
	verdict->new_version = false;
	verdict->reply.ttl = ttl;
}
