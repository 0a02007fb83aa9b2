/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The conflict matrix once more: protocol.md 5.2 to 5.6 as plain ifs, written
 * from its formulas and not from the table, to be compared with it. Nothing of
 * source/rules is used here, and of source/core only its structs and the list
 * of blocked names.
 */
#ifndef WINSD_SIM_REPLICA_MODEL_H
#define WINSD_SIM_REPLICA_MODEL_H

#include "core/event.h"
#include "core/policy.h"

enum replica_model_deed {
	MODEL_NOT,		/* R1 stays as it is */
	MODEL_STORE,		/* record stands from now on */
	MODEL_CHALLENGE,	/* ask R1's holders */
};

struct replica_model {
	enum replica_model_deed deed;
	bool new_version;	/* STORE: the version is ours to give */
	struct nb_record record;	/* STORE */
	uint8_t demands;
	uint32_t demand[NB_MEMBERS_MAX];
};

/*
 * r1: as stored, or NULL. event: REPLICA, REPLICA_LOST or REPLICA_HELD with R2
 * in event->record, no address twice in it.
 */
void replica_model(const struct nb_record *r1, const struct nb_event *event,
		   const struct nb_policy *policy, int64_t now,
		   struct replica_model *model);

#endif
