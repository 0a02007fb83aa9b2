/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Events meet records here, and verdicts are carried out: the one place that
 * writes the store on behalf of anybody.
 *
 *     store_get -> rule_client -> store_put/delete -> reply or challenge
 *
 * Nothing is decided in this file. Each decision leaves one line of log (at
 * debug level) with the name, what happened and the paragraph that says so.
 *
 * When nothing can be written (store_health()), what would change the store
 * is a server failure at once: a client that hears of it asks its next
 * server, one that waits for a challenge first has lost seconds for nothing.
 * What needs no write goes on, refusals too. The store tells the log of its
 * troubles; each client that meets them is a counter here.
 */

#include <string.h>

#include "rules/client.h"
#include "serve/serve_private.h"

static void log_decision(struct serve *serve, const struct nb_event *event,
			 const struct nb_verdict *verdict)
{
	static const char *const store_text[] = { "", " put", " delete" };
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

bool serve_decide(struct serve *serve, const struct nb_event *event,
		  struct nb_record *existing, struct nb_verdict *verdict)
{
	bool found = store_get(serve->store, &event->name, existing);

	rule_client(found ? existing : NULL, event, &serve->config.policy,
		    serve->world->now(serve->world->priv), verdict);
	if (verdict->ref != NULL && verdict->row != UINT16_MAX) {
		serve->row_hits[verdict->row]++;
	} else {
		nb_log(serve->world, NB_LOG_ERROR,
		       "no rule for event %s: nothing done",
		       nb_event_name(event->kind));
	}
	if (serve->world->log_level >= NB_LOG_DEBUG) {
		log_decision(serve, event, verdict);
	}
	return found;
}

bool serve_can_write(const struct serve *serve)
{
	enum store_health health = store_health(serve->store);

	return health != STORE_FULL && health != STORE_READONLY;
}

int serve_store(struct serve *serve, const struct nb_event *event,
		struct nb_verdict *verdict)
{
	int ret = 0;

	if (verdict->store == NB_STORE_NOTHING) {
		return 0;
	}
	if (!serve_turn_open(serve)) {
		return ENOMEM;
	}
	if (verdict->store == NB_STORE_DELETE) {
		ret = store_delete(serve->store, &event->name);
	} else {
		ret = store_put(serve->store, &verdict->record,
				verdict->new_version);
	}
	if (ret != 0 && ret != EFBIG) {	/* of that the store has told */
		nb_log(serve->world, NB_LOG_ERROR, "%s not stored: %s",
		       nb_event_name(event->kind), strerror(ret));
	}
	return ret;
}

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
		 const struct nb_origin *origin, struct nb_verdict *verdict)
{
	bool changes = verdict->challenge ||
		       verdict->store != NB_STORE_NOTHING;

	if (changes && !serve_can_write(serve)) {
		serve_reply_failure(serve, event, origin);
		return;
	}
	if (verdict->challenge) {
		challenge_start(serve, event, origin, verdict);
		return;
	}
	if (serve_store(serve, event, verdict) != 0) {
		serve_reply_failure(serve, event, origin);
		return;
	}
	serve_reply(serve, origin, &event->name, &verdict->reply);
	if (verdict->store != NB_STORE_NOTHING) {
		challenge_void(serve, &event->name);
	}
}
