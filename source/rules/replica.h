/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replica rules: what a partner's record does to ours (protocol.md section 5,
 * the conflict matrix; design.md "The conflict rules are tables").
 *
 *     existing record x replica x policy x now -> verdict
 *
 * Pure, like the client rules. The situation is reduced to a cell of small
 * sets; the first row of replica_table[] that covers it names the action and
 * the paragraph. event->record is the replica: its owner and its members'
 * owners are addresses of others or NB_SELF, its times mean nothing.
 *
 * Three kinds of events:
 *   REPLICA		it has come
 *   REPLICA_LOST	our holder was asked because of it: silent, or denies
 *   REPLICA_HELD	our holder answered: event->answer[]
 *
 * The verdict:
 *   store PUT, no new version	the replica, or what became of a merge, as its
 *				owner's; version and owner stand in the record
 *   store PUT, new_version	what stood is told anew, or a merge is ours now
 *   store NOTHING		the replica is refused; outcome NB_UNCHANGED
 *   challenge			ask the holders in verdict->record (it is the
 *				existing one), then come back with the outcome
 *   demands, demand[]		release demands that go out with it (5.5), also
 *				with NOTHING ("late release", 5.6)
 *
 * A record of ours that comes back from a partner (record->owner NB_SELF, when
 * our database was lost or is older) is stored with its version as it was:
 * where nothing stands, where a record of ours has a lower version, and over
 * another owner's that is not active; never over one that is.
 */
#ifndef WINSD_RULES_REPLICA_H
#define WINSD_RULES_REPLICA_H

#include "core/event.h"
#include "core/policy.h"
#include "core/verdict.h"

/*
 * Decide. existing is the record as it is stored (expiry on read is applied
 * here unless policy holds it), NULL if there is none. Sets the verdict as
 * rule_client() does; reply is NB_REPLY_NONE.
 */
void rule_replica(const struct nb_record *existing,
		  const struct nb_event *event, const struct nb_policy *policy,
		  int64_t now, struct nb_verdict *verdict);

/* Does this event belong to rule_replica(), not rule_client()? */
bool rule_is_replica_event(uint8_t kind);

#endif
