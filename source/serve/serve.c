/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The door of serve: which of the three roles a request concerns.
 *
 * A WINS server is a node of its own network as well. So a request is first
 * held against our own names (protocol.md 1.6): a host that claims one is
 * refused, a query for one is answered from own.c. What is broadcast is never
 * WINS business. Everything else is an event for the records.
 */

#include "rules/client.h"
#include "rules/client_table.h"
#include "serve/serve_private.h"

#define OPERATION_RD 0x0100u

void serve_count(struct serve *serve, enum serve_stat stat)
{
	serve->stat[stat]++;
}

bool serve_is_own_address(const struct serve *serve, uint32_t ip)
{
	for (unsigned int i = 0; i < serve->ifaces; i++) {
		if (serve->iface[i].ip == ip) {
			return true;
		}
	}
	return false;
}

uint32_t serve_local_for(const struct serve *serve, uint32_t peer)
{
	const struct serve_iface *best = NULL;

	for (unsigned int i = 0; i < serve->ifaces; i++) {
		const struct serve_iface *iface = &serve->iface[i];

		if (((iface->ip ^ peer) & iface->mask) == 0 &&
		    (best == NULL || iface->ip == serve->config.self)) {
			best = iface;
		}
	}
	if (best != NULL) {
		return best->ip;
	}
	if (serve_is_own_address(serve, serve->config.self)) {
		return serve->config.self;
	}
	return serve->ifaces > 0 ? serve->iface[0].ip : 0;
}

uint32_t serve_hash_name(const struct nb_name *name)
{
	uint32_t hash = 2166136261u ^ name->type;

	for (unsigned int i = 0; i < name->len; i++) {
		hash = (hash ^ name->byte[i]) * 16777619u;
	}
	for (unsigned int i = 0; i < name->scope_len; i++) {
		hash = (hash ^ name->scope[i]) * 16777619u;
	}
	return hash;
}

/* 127/8 is a fit address for a host when clients reach us there. */
static void update_loopback(struct serve *serve)
{
	serve->config.policy.loopback_ok = false;
	for (unsigned int i = 0; i < serve->ifaces; i++) {
		if (nb_addr_is_loopback(serve->iface[i].ip)) {
			serve->config.policy.loopback_ok = true;
		}
	}
}

static int serve_destructor(struct serve *serve)
{
	challenge_free_all(serve);
	demand_stop(serve);
	verify_stop(serve);
	scavenge_stop(serve);
	burst_stop(serve);
	alive_stop(serve);
	own_stop(serve);
	return 0;
}

int serve_create(TALLOC_CTX *mem_ctx, const struct nb_world *world,
		 struct store *store, const struct serve_ops *ops,
		 const struct serve_config *config, struct serve **out)
{
	struct serve *serve = talloc_zero(mem_ctx, struct serve);

	if (serve == NULL) {
		return ENOMEM;
	}
	serve->row_hits =
		talloc_zero_array(serve, uint64_t, client_table_rows);
	serve->sources = source_table_create(serve, world);
	if (serve->row_hits == NULL || serve->sources == NULL) {
		talloc_free(serve);
		return ENOMEM;
	}
	serve->world = world;
	serve->store = store;
	serve->ops = *ops;
	serve->config = *config;
	serve->started = world->mono(world->priv);
	serve->passed = UINT64_MAX;
	talloc_set_destructor(serve, serve_destructor);
	own_configure(serve);
	scavenge_start(serve);
	alive_start(serve);
	if (watched_configure(serve) != 0) {
		talloc_free(serve);
		return ENOMEM;
	}
	*out = serve;
	return 0;
}

void serve_loaded(struct serve *serve)
{
	serve->loaded = true;
	serve_turn_begin(serve);
	scavenge_loaded(serve);
	alive_loaded(serve);
	serve_turn_end(serve);
}

void serve_set_config(struct serve *serve, const struct serve_config *config)
{
	bool observed = serve->config.policy.observe;

	serve->config = *config;
	update_loopback(serve);
	own_configure(serve);
	(void)watched_configure(serve);
	scavenge_reload(serve);
	if (config->policy.observe && !observed) {
		/* from now on nobody is asked or told anything */
		serve_turn_begin(serve);
		challenge_void_all(serve);
		demand_stop(serve);
		verify_stop(serve);
		verify_revive(serve);	/* tells those who wait for it */
		serve_turn_end(serve);
	}
}

void serve_set_ifaces(struct serve *serve, const struct serve_iface *iface,
		      unsigned int count)
{
	own_stop(serve);
	serve->ifaces = count < SERVE_IFACES_MAX ? count : SERVE_IFACES_MAX;
	for (unsigned int i = 0; i < serve->ifaces; i++) {
		serve->iface[i] = iface[i];
	}
	update_loopback(serve);
	own_ifaces_changed(serve);
}

void serve_record_view(const struct serve *serve, struct nb_record *rec)
{
	int64_t now = serve->world->now(serve->world->priv);

	if (!serve->config.policy.expiry_held && nb_record_aged(rec, now)) {
		*rec = nb_record_at(rec, now);
	}
}

/* ---- queries ---- */

static void answer_group_in_order(struct serve *serve,
				  const struct nb_record *group,
				  const struct nb_origin *origin,
				  struct nb_reply *reply)
{
	struct nb_name primary_name = group->name;
	struct nb_record primary;
	bool found = false;

	primary_name.type = 0x1b;
	found = store_get(serve->store, &primary_name, &primary);
	rule_1c_answer(group, found ? &primary : NULL, &serve->config.policy,
		       serve->world->now(serve->world->priv), origin->source,
		       nb_random32(serve->world), reply);
}

static void query_record(struct serve *serve, const struct nb_event *event,
			 const struct nb_origin *origin)
{
	struct nb_record existing;
	struct nb_verdict verdict;
	struct usage_ask ask;
	bool found = false;

	watched_ask(serve, event, origin, &ask);
	found = serve_decide(serve, event, &existing, &verdict);
	if (found && verdict.reply.kind == NB_REPLY_ADDRESSES &&
	    existing.type == NB_SGROUP && event->name.type == 0x1c) {
		answer_group_in_order(serve, &existing, origin,
				      &verdict.reply);
	}
	watched_asked(serve, &ask, found,
		      verdict.reply.kind == NB_REPLY_ADDRESSES);
	serve_reply_now(serve, origin, &event->name, &verdict.reply);
}

static void reply_negative(struct serve *serve, const struct nb_event *event,
			   const struct nb_origin *origin)
{
	struct nb_reply reply = {
		.kind = NB_REPLY_NEGATIVE,
		.rcode = NB_RCODE_NAM,
	};

	serve_reply_now(serve, origin, &event->name, &reply);
}

/* Query routing, the table of 1.6. */
static void request_query(struct serve *serve, const struct nb_event *event,
			  const struct nb_origin *origin, enum serve_path path)
{
	bool recursive = (origin->operation & OPERATION_RD) != 0;
	int own = own_find(serve, &event->name);

	serve_count(serve, STAT_QUERIES);
	if (challenge_outstanding(serve, &event->name, origin->trn_id) &&
	    serve_is_own_address(serve, origin->source)) {
		/* our own challenge: to confirm it ourselves would be a lie */
		serve_count(serve, STAT_SELF_QUERIES);
		return;
	}
	if (own < 0 || (serve->own[own].name.group && recursive &&
			path == SERVE_UNICAST)) {
		if (path == SERVE_BROADCAST) {
			serve_count(serve, STAT_IGNORED_BROADCAST);
		} else if (recursive) {
			query_record(serve, event, origin);
		} else {
			reply_negative(serve, event, origin);
		}
		return;
	}
	if (!own_active(serve, (unsigned int)own, origin->local) &&
	    path == SERVE_BROADCAST) {
		return;
	}
	own_answer(serve, (unsigned int)own, origin, &event->name);
}

/* ---- registrations and releases ---- */

static enum serve_stat stat_of_event(uint8_t kind)
{
	switch (kind) {
	case NB_EV_REFRESH:
		return STAT_REFRESHES;
	case NB_EV_RELEASE:
		return STAT_RELEASES;
	}
	return STAT_REGISTRATIONS;
}

static void note_source(struct serve *serve, const struct nb_event *event)
{
	char name[NB_NAME_TEXT];
	char addr[NB_ADDR_TEXT];
	char source[NB_ADDR_TEXT];

	if (event->kind == NB_EV_RELEASE || event->addr == event->source ||
	    serve->config.policy.source_match == NB_SOURCE_OFF) {
		return;
	}
	serve_count(serve, STAT_SOURCE_MISMATCH);
	nb_log(serve->world, NB_LOG_INFO,
	       "%s: registration of %s came from %s",
	       nb_name_print(&event->name, name),
	       nb_addr_print(event->addr, addr),
	       nb_addr_print(event->source, source));
}

static void request_record(struct serve *serve, const struct nb_event *event,
			   const struct nb_origin *origin)
{
	struct nb_record existing;
	struct nb_verdict verdict;
	bool found = false;

	if (!serve->loaded) {
		/* what stands there decides, and could not be changed */
		serve_count(serve, STAT_LOADING);
		return;
	}
	if (gate_silences(serve)) {
		return;
	}
	if (challenge_repeats(serve, event, origin)) {
		serve_count(serve, STAT_REPEATED);
		return;
	}
	note_source(serve, event);
	found = serve_decide(serve, event, &existing, &verdict);
	if (burst_answers(serve, event, origin, &verdict) ||
	    burst_drowns(serve)) {
		return;
	}
	serve_apply(serve, event, origin, found ? &existing : NULL, &verdict);
}

void serve_request(struct serve *serve, const struct nb_event *event,
		   const struct nb_origin *origin, enum serve_path path)
{
	struct nb_reply defence = {
		.kind = NB_REPLY_REGISTER,
		.rcode = NB_RCODE_ACT,
	};

	alive_revive(serve);
	if (event->kind == NB_EV_QUERY) {
		request_query(serve, event, origin, path);
		return;
	}
	serve_count(serve, stat_of_event(event->kind));
	if (!source_admits(serve, origin->source)) {
		return;
	}
	if (own_defends(serve, event, origin)) {
		/* also when the B flag is set: 1.6 */
		serve_count(serve, STAT_DEFENDED);
		serve_reply_now(serve, origin, &event->name, &defence);
		return;
	}
	if (path == SERVE_BROADCAST) {
		serve_count(serve, STAT_IGNORED_BROADCAST);
		return;
	}
	watched_request(serve, event, origin);
	request_record(serve, event, origin);
}
