/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One decision while it is made, between client.c, which measured it, and
 * client_act.c, which builds the verdict. Only these two need it.
 */
#ifndef WINSD_RULES_CLIENT_ACT_H
#define WINSD_RULES_CLIENT_ACT_H

#include "core/verdict.h"
#include "rules/client_table.h"

struct client_work {
	const struct nb_record *raw;	/* as stored; NULL if none */
	const struct nb_record *view;	/* as it reads now; NULL if none */
	const struct nb_event *event;
	const struct nb_policy *policy;
	int64_t now;
	struct nb_verdict *verdict;
};

/* The type that a registration asks for, 2.3. */
uint8_t client_type_asked(const struct nb_event *event);

/* Fill the verdict, which says "nothing" so far, as this action does. */
void client_act(enum client_action action, struct client_work *w);

#endif
