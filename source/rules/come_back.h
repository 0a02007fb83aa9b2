/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Come back later: the answer to a new name when the store is behind
 * (microsoft-wins.md 4, design.md 4.2 `wins:burst threshold`).
 *
 * Positive, with a short life, and nothing is stored: the client keeps its
 * name and returns after half of that life. The lives grow from answer to
 * answer, so that the crowd does not return as one. Pure, like all of rules;
 * when the store is behind is for serve to know.
 */
#ifndef WINSD_RULES_COME_BACK_H
#define WINSD_RULES_COME_BACK_H

#include "core/event.h"
#include "core/verdict.h"

#define RULE_COME_BACK_STEP	300u	/* s: the shortest life, and by what
					   it grows */
#define RULE_COME_BACK_STEPS	10u	/* lives there are: up to 3000 s */
#define RULE_COME_BACK_EACH	100u	/* answers with the same life */

/* Which life, 0 to RULE_COME_BACK_STEPS - 1, after so many such answers? */
unsigned int rule_come_back_step(uint64_t before);

/* Its length in seconds. */
uint32_t rule_come_back_ttl(uint64_t before);

/*
 * May this decision be put off? Only the registration of a name that nobody
 * has: what extends or ends a life, asks a holder, or refuses, may not.
 */
bool rule_may_come_back(const struct nb_event *event,
			const struct nb_verdict *verdict);

/* Put it off: the verdict then stores nothing and grants the short life, or
 * what was asked for if that is shorter (protocol.md 1.4). */
void rule_come_back(const struct nb_event *event, uint64_t before,
		    struct nb_verdict *verdict);

#endif
