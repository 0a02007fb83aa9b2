/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Client rules: what a client, the clock or an operator may do to a record
 * (protocol.md section 2; section 6 for the clock).
 *
 *     existing record x event x policy x now -> verdict
 *
 * Pure: no I/O, no allocation, no clock, no log, no randomness. The decision
 * is a look-up: the situation is reduced to a cell of seven small sets, the
 * first row of client_table[] that covers the cell names the action and the
 * paragraph it implements. Replicas have a table of their own.
 */
#ifndef WINSD_RULES_CLIENT_H
#define WINSD_RULES_CLIENT_H

#include "core/event.h"
#include "core/policy.h"
#include "core/verdict.h"

/*
 * Decide. existing is the record as it is stored (expiry on read is applied
 * here unless policy holds it), NULL if there is none. Every field of *verdict
 * that the outcome uses is set; verdict->record only for PUT and challenge.
 */
void rule_client(const struct nb_record *existing, const struct nb_event *event,
		 const struct nb_policy *policy, int64_t now,
		 struct nb_verdict *verdict);

/* The life granted to a registration: 2.2. wanted 0 is not "for ever". */
uint32_t rule_granted_ttl(const struct nb_policy *policy, uint32_t wanted);

/*
 * Order the answer of an internet group (2.9): the 1B holder first where
 * policy says so (primary: the record of name<1b>, or NULL), the order of
 * `wins:1c order`, at most 25, and the draw of wins_randomize1Clist with the
 * given random number for the client's address. Writes reply->addr and count.
 */
void rule_1c_answer(const struct nb_record *group,
		    const struct nb_record *primary,
		    const struct nb_policy *policy, int64_t now,
		    uint32_t client, uint32_t random, struct nb_reply *reply);

#endif
