/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Events meet records here, and verdicts are carried out: the one place that
 * writes the store on behalf of anybody.
 *
 *     store_get -> rule_client, rule_replica, rule_import -> store_put ...
 *
 * and then a reply, a challenge or, for replicas, a release demand. Nothing is
 * decided in this file. Each decision leaves one line of log (at debug level)
 * with the name, what happened and the paragraph that says so.
 *
 * When nothing can be written (store_health()), what would change the store
 * is a server failure at once: a client that hears of it asks its next
 * server, one that waits for a challenge first has lost seconds for nothing.
 * What needs no write goes on, refusals too. The store tells the log of its
 * troubles; each client that meets them is a counter here.
 */

#include <inttypes.h>
#include <string.h>

#include "rules/client.h"
#include "rules/import.h"
#include "rules/replica.h"
#include "serve/serve_private.h"

static const char *const store_text[] = { "", " put", " delete" };

static void log_decision(struct serve *serve, const struct nb_event *event,
			 const struct nb_verdict *verdict)
{
	char name[NB_NAME_TEXT];
	char addr[NB_ADDR_TEXT];

	nb_log(serve->world, NB_LOG_DEBUG,
	       "%s %s from %s:%s%s rcode %u outcome %u [%s]",
	       nb_event_name(event->kind), nb_name_print(&event->name, name),
	       nb_addr_print(event->source ? event->source : event->addr, addr),
	       store_text[verdict->store],
	       verdict->challenge ? " challenge" : "", verdict->reply.rcode,
	       verdict->outcome, verdict->ref);
}

static void log_replica(struct serve *serve, const struct nb_event *event,
			const struct nb_verdict *verdict)
{
	const struct nb_record *rec = event->record;
	char name[NB_NAME_TEXT];
	char owner[NB_ADDR_TEXT];

	nb_log(serve->world, NB_LOG_DEBUG,
	       "%s %s of %s version %" PRIu64 " %s %s:%s%s%s demands %u "
	       "outcome %u [%s]", nb_event_name(event->kind),
	       nb_name_print(&event->name, name),
	       nb_addr_print(rec->owner, owner), rec->version,
	       nb_state_name(rec->state), nb_type_name(rec->type),
	       store_text[verdict->store],
	       verdict->new_version ? " anew" : "",
	       verdict->challenge ? " challenge" : "", verdict->demands,
	       verdict->outcome, verdict->ref);
}

void serve_rule(const struct serve *serve, const struct nb_event *event,
		const struct nb_record *existing, struct nb_verdict *verdict)
{
	int64_t now = serve->world->now(serve->world->priv);

	verdict->demands = 0;
	if (event->kind == NB_EV_IMPORT) {
		rule_import(existing, event, &serve->config.policy, now,
			    verdict);
	} else if (rule_is_replica_event(event->kind)) {
		rule_replica(existing, event, &serve->config.policy, now,
			     verdict);
	} else {
		rule_client(existing, event, &serve->config.policy, now,
			    verdict);
	}
}

bool serve_decide(struct serve *serve, const struct nb_event *event,
		  struct nb_record *existing, struct nb_verdict *verdict)
{
	bool found = store_get(serve->store, &event->name, existing);
	bool replica = rule_is_replica_event(event->kind) ||
		       event->kind == NB_EV_IMPORT;

	serve_rule(serve, event, found ? existing : NULL, verdict);
	if (verdict->ref == NULL || verdict->row == UINT16_MAX) {
		nb_log(serve->world, NB_LOG_ERROR,
		       "no rule for event %s: nothing done",
		       nb_event_name(event->kind));
	} else if (!replica) {
		serve->row_hits[verdict->row]++;
	}
	if (serve->world->log_level >= NB_LOG_DEBUG) {
		(replica ? log_replica : log_decision)(serve, event, verdict);
	}
	return found;
}

int serve_write_error(const struct serve *serve)
{
	switch (store_health(serve->store)) {
	case STORE_FULL:
		return ENOSPC;
	case STORE_READONLY:
		return EROFS;
	case STORE_OK:
	case STORE_LOADING:
		break;
	}
	return 0;
}

bool serve_can_write(const struct serve *serve)
{
	return serve_write_error(serve) == 0;
}

/* ---- storing ---- */

/* Were both ours and alive, and are the addresses other ones now? */
static bool addresses_changed(const struct nb_record *old,
			      const struct nb_record *now)
{
	if (old->owner != NB_SELF || now->owner != NB_SELF ||
	    old->state != NB_ACTIVE || now->state != NB_ACTIVE) {
		return false;
	}
	if (old->count != now->count) {
		return true;
	}
	for (int i = 0; i < now->count; i++) {
		if (nb_record_find(old, now->member[i].ip) < 0) {
			return true;
		}
	}
	return false;
}

/* Something has been stored: what follows from that. */
static void stored(struct serve *serve, const struct nb_record *old,
		   const struct nb_verdict *verdict)
{
	const struct nb_record *now = verdict->store == NB_STORE_DELETE ?
				      NULL : &verdict->record;

	serve->turn->changes++;
	if (old == NULL) {
		return;
	}
	if (now != NULL && addresses_changed(old, now)) {
		serve->turn->address_changes++;
	}
	domain_look(serve, old, now);
}

static int store_it(struct serve *serve, const struct nb_event *event,
		    struct nb_verdict *verdict)
{
	if (!serve_turn_open(serve)) {
		return ENOMEM;
	}
	if (verdict->store == NB_STORE_DELETE) {
		return store_delete(serve->store, &event->name);
	}
	return store_put(serve->store, &verdict->record, verdict->new_version);
}

int serve_store(struct serve *serve, const struct nb_event *event,
		const struct nb_record *old, struct nb_verdict *verdict)
{
	int ret = 0;

	if (verdict->store == NB_STORE_NOTHING) {
		return 0;
	}
	if (verdict->store == NB_STORE_PUT && verdict->new_version) {
		ret = gate_version(serve);
		if (ret != 0) {
			return ret;
		}
	}
	ret = store_it(serve, event, verdict);
	if (ret == 0) {
		stored(serve, old, verdict);
	} else if (ret != EFBIG) {	/* of that the store has told */
		nb_log(serve->world, NB_LOG_ERROR, "%s not stored: %s",
		       nb_event_name(event->kind), store_error_text(ret));
	}
	return ret;
}

/* ---- for clients ---- */

void serve_reply_failure(struct serve *serve, const struct nb_event *event,
			 const struct nb_origin *origin)
{
	struct nb_reply failed = {
		.kind = NB_REPLY_REGISTER,
		.rcode = NB_RCODE_SRV,
	};

	if (event->kind == NB_EV_RELEASE) {
		failed.kind = NB_REPLY_RELEASE;
	}
	/* it tells nothing of any record, so it waits for none */
	serve_reply_now(serve, origin, &event->name, &failed);
}

void serve_apply(struct serve *serve, const struct nb_event *event,
		 const struct nb_origin *origin, const struct nb_record *old,
		 struct nb_verdict *verdict)
{
	bool changes = verdict->challenge ||
		       verdict->store != NB_STORE_NOTHING;

	if (gate_silences(serve)) {
		/* it waited for a challenge, and the gate closed meanwhile */
		return;
	}
	if (changes && !serve_can_write(serve)) {
		serve_reply_failure(serve, event, origin);
		return;
	}
	if (verdict->challenge) {
		challenge_start(serve, event, origin, verdict);
		return;
	}
	if (serve_store(serve, event, old, verdict) != 0) {
		serve_reply_failure(serve, event, origin);
		return;
	}
	serve_reply(serve, origin, &event->name, &verdict->reply);
	if (verdict->store != NB_STORE_NOTHING) {
		challenge_void(serve, &event->name);
	}
}
