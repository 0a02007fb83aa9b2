/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every record that is stored must obey the laws of core/record.h: what breaks
 * them stops the test here, and not where it is found later.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/client.h"
#include "rules/replica.h"
#include "sim/ruleserver.h"

void ruleserver_init(struct ruleserver *server, uint32_t address)
{
	memset(server, 0, sizeof(*server));
	server->address = address;
	server->policy = nb_policy_default();
	server->now = 1000000;
	server->counter = 100;
}

static void put(struct ruleserver *server)
{
	const struct nb_verdict *verdict = &server->verdict;
	const char *broken = nb_record_broken(&verdict->record);

	if (broken != NULL) {
		fprintf(stderr, "[%s] stores a broken record: %s\n",
			verdict->ref, broken);
		abort();
	}
	server->record = verdict->record;
	server->exists = true;
	if (verdict->new_version) {
		server->record.version = ++server->counter;
	}
}

void ruleserver_event(struct ruleserver *server, const struct nb_event *event)
{
	const struct nb_record *existing =
		server->exists ? &server->record : NULL;
	struct nb_verdict *verdict = &server->verdict;

	memset(verdict, 0xa5, sizeof(*verdict));
	if (rule_is_replica_event(event->kind)) {
		rule_replica_with(server->table == NULL ? replica_table
							: server->table,
				  replica_table_rows, existing, event,
				  &server->policy, server->now, verdict);
	} else {
		rule_client(existing, event, &server->policy, server->now,
			    verdict);
	}
	if (verdict->store == NB_STORE_PUT) {
		put(server);
	} else if (verdict->store == NB_STORE_DELETE) {
		server->exists = false;
	}
}

static void turn_owner(uint32_t *owner, uint32_t from, uint32_t to)
{
	if (*owner == from) {
		*owner = to;
	}
}

static void turn_owners(struct nb_record *record, uint32_t from, uint32_t to)
{
	turn_owner(&record->owner, from, to);
	for (int i = 0; i < record->count; i++) {
		turn_owner(&record->member[i].owner, from, to);
	}
}

void ruleserver_replica(struct ruleserver *server, uint8_t kind,
			const struct nb_record *record,
			const struct nb_event *event)
{
	struct nb_event come = { 0 };
	struct nb_record in = *record;

	if (event != NULL) {
		come = *event;
	}
	turn_owners(&in, server->address, NB_SELF);
	come.kind = kind;
	come.name = in.name;
	come.record = &in;
	ruleserver_event(server, &come);
}

bool ruleserver_tell(const struct ruleserver *server, struct nb_record *told)
{
	if (!server->exists) {
		return false;
	}
	*told = nb_record_at(&server->record, server->now);
	turn_owners(told, NB_SELF, server->address);
	return told->state != NB_RELEASED;
}
