/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a situation to its cell. Everything that has to be decided is decided
 * by client_table[]; what stands here only measures (client_cell_of), and
 * client_act.c builds what the row's action says.
 */

#include "rules/client.h"
#include "rules/client_act.h"

static bool is_claim(uint8_t kind)
{
	return kind == NB_EV_REGISTER || kind == NB_EV_MREGISTER ||
	       kind == NB_EV_REFRESH;
}

static bool is_challenge_end(uint8_t kind)
{
	return kind == NB_EV_CHALLENGE_LOST || kind == NB_EV_CHALLENGE_HELD;
}

/* What the timer brings, at once or when the owner was asked. */
static bool is_clockwork(uint8_t kind)
{
	return kind == NB_EV_DUE || kind == NB_EV_VERIFY_LOST ||
	       kind == NB_EV_VERIFY_HELD;
}

static uint8_t class_of_type(uint8_t type)
{
	static const uint8_t class[] = {
		[NB_UNIQUE] = CLASS_UNIQUE,
		[NB_GROUP] = CLASS_GROUP,
		[NB_SGROUP] = CLASS_SGROUP,
		[NB_MHOMED] = CLASS_MHOMED,
	};

	return class[type];
}

/* The special suffixes, 1.7; CLASS_COUNT if the form is fine. */
static uint8_t suffix_class(uint8_t suffix, uint8_t type)
{
	bool group = type == NB_GROUP || type == NB_SGROUP;

	switch (suffix) {
	case 0x1d:
		return group ? CLASS_COUNT : CLASS_1D;
	case 0x1b:
		return group ? CLASS_1B_GROUP : CLASS_COUNT;
	case 0x1c:
		return type == NB_SGROUP ? CLASS_COUNT : CLASS_1C_UNIQUE;
	case 0x1e:
		return type == NB_GROUP ? CLASS_COUNT : CLASS_1E_UNIQUE;
	}
	return CLASS_COUNT;
}

static bool bad_address(const struct nb_policy *policy, uint32_t ip)
{
	return !nb_addr_is_host(ip) ||
	       (nb_addr_is_loopback(ip) && !policy->loopback_ok);
}

static uint8_t claim_class(const struct nb_event *event,
			   const struct nb_policy *policy)
{
	uint8_t type = client_type_asked(event);
	uint8_t class = suffix_class(event->name.type, type);

	if (nb_policy_blocks(policy, &event->name)) {
		return CLASS_BLOCKED;
	}
	if (class != CLASS_COUNT) {
		return class;
	}
	if (event->name.scope_len > NB_SCOPE_LIMIT) {
		return CLASS_SCOPE;
	}
	/* a normal group's address is never told to anybody */
	if (type != NB_GROUP && bad_address(policy, event->addr)) {
		return CLASS_BAD_ADDRESS;
	}
	if (policy->source_match == NB_SOURCE_ENFORCE && event->source != 0 &&
	    event->source != event->addr) {
		return CLASS_SPOOFED;
	}
	return class_of_type(type);
}

static uint8_t add_class(const struct nb_event *event,
			 const struct nb_policy *policy)
{
	const struct nb_record *rec = event->record;
	uint8_t class = suffix_class(rec->name.type, rec->type);

	if (nb_policy_blocks(policy, &rec->name)) {
		return CLASS_BLOCKED;
	}
	if (class != CLASS_COUNT) {
		return class;
	}
	if (rec->name.scope_len > NB_SCOPE_LIMIT) {
		return CLASS_SCOPE;
	}
	for (int i = 0; i < rec->count; i++) {
		if (rec->type != NB_GROUP &&
		    bad_address(policy, rec->member[i].ip)) {
			return CLASS_BAD_ADDRESS;
		}
	}
	return class_of_type(rec->type);
}

static bool protected_name(const struct nb_record *view,
			   const struct nb_event *event)
{
	uint8_t suffix = event->name.type;

	return (view != NULL && view->is_static) || suffix == 0x1b ||
	       suffix == 0x1c || suffix == 0x1e;
}

static uint8_t class_of(const struct nb_record *view,
			const struct nb_event *event,
			const struct nb_policy *policy)
{
	if (is_claim(event->kind) || is_challenge_end(event->kind)) {
		return claim_class(event, policy);
	}
	if (is_clockwork(event->kind)) {
		return policy->observe ? CLASS_OBSERVED : CLASS_PLAIN;
	}
	switch (event->kind) {
	case NB_EV_ADD:
		return add_class(event, policy);
	case NB_EV_QUERY:
		if (nb_policy_blocks(policy, &event->name)) {
			return CLASS_BLOCKED;
		}
		return event->name.type == 0x1d ? CLASS_1D : CLASS_PLAIN;
	case NB_EV_RELEASE:
		if (event->name.type == 0x1d) {
			return CLASS_1D;
		}
		return event->name.scope_len > NB_SCOPE_LIMIT ? CLASS_SCOPE
							      : CLASS_PLAIN;
	case NB_EV_DELETE:
	case NB_EV_TOMBSTONE:
	case NB_EV_ADMIN_RELEASE:
		return protected_name(view, event) ? CLASS_PROTECTED
						   : CLASS_PLAIN;
	}
	return CLASS_PLAIN;
}

static uint8_t member_relation(const struct nb_record *view, uint32_t ip)
{
	if (nb_record_find(view, ip) < 0) {
		return REL_STRANGER;
	}
	return view->count == 1 ? REL_ONLY : REL_LISTED;
}

static uint8_t answer_relation(const struct nb_event *event)
{
	for (int i = 0; i < event->answers; i++) {
		if (event->answer[i] == event->addr) {
			return REL_LISTED;
		}
	}
	return REL_STRANGER;
}

/*
 * 6 pass 3: does the owner's answer fit what we hold? A group's has to be the
 * broadcast. An answer without an address is none.
 */
static uint8_t verify_relation(const struct nb_record *view,
			       const struct nb_event *event)
{
	if (event->answers == 0) {
		return REL_ONLY;
	}
	if (view->type == NB_GROUP) {
		return event->answers == 1 && event->answer[0] == NB_BROADCAST
			       ? REL_LISTED
			       : REL_STRANGER;
	}
	for (int i = 0; i < event->answers; i++) {
		if (nb_record_find(view, event->answer[i]) < 0) {
			return REL_STRANGER;
		}
	}
	return REL_LISTED;
}

/* Does the record already say exactly what the operator wants to stand? */
static bool says_the_same(const struct nb_record *have,
			  const struct nb_record *want)
{
	uint32_t list[NB_MEMBERS_MAX];

	for (int i = 0; i < want->count; i++) {
		list[i] = want->member[i].ip;
	}
	return have->type == want->type && have->node == want->node &&
	       have->is_static && want->is_static && have->owner == NB_SELF &&
	       have->count == want->count &&
	       nb_record_within(have, list, want->count);
}

static uint8_t claim_relation(const struct nb_record *raw,
			      const struct nb_record *view, uint32_t ip)
{
	uint8_t relation = member_relation(view, ip);

	if (relation != REL_STRANGER && view->type == NB_SGROUP &&
	    view->count < raw->count) {
		return REL_SURVIVOR;
	}
	return relation;
}

static uint8_t relation_of(const struct nb_record *raw,
			   const struct nb_record *view,
			   const struct nb_event *event, int64_t now)
{
	if (view == NULL) {
		return REL_STRANGER;
	}
	switch (event->kind) {
	case NB_EV_REGISTER:
	case NB_EV_MREGISTER:
	case NB_EV_REFRESH:
		return claim_relation(raw, view, event->addr);
	case NB_EV_RELEASE:
		return member_relation(view, event->source);
	case NB_EV_CHALLENGE_LOST:
	case NB_EV_CHALLENGE_HELD:
		return answer_relation(event);
	case NB_EV_DUE:
		return nb_record_at(view, now).state == NB_ACTIVE
			       ? REL_LISTED
			       : REL_STRANGER;
	case NB_EV_VERIFY_HELD:
		return verify_relation(view, event);
	case NB_EV_ADD:
		return says_the_same(view, event->record) ? REL_ONLY
							  : REL_STRANGER;
	case NB_EV_ADMIN_RELEASE:
		return event->addr == 0 ? REL_ONLY
					: member_relation(view, event->addr);
	}
	return REL_STRANGER;
}

static uint8_t record_of(const struct nb_record *view)
{
	if (view == NULL) {
		return REC_NONE;
	}
	return (uint8_t)(REC_UA + 3 * view->type + view->state);
}

/*
 * A tombstone of ours stays until every push partner has it, or has had 30
 * days to fetch it (issue replication 7): a partner that missed it would keep
 * the name alive.
 */
#define TOMBSTONE_LONGEST	(30 * INT64_C(86400))

static bool may_delete(const struct nb_record *tombstone,
		       const struct nb_policy *policy, int64_t now)
{
	int64_t latest = now - TOMBSTONE_LONGEST + policy->tombstone_timeout;

	return policy->may_delete &&
	       (tombstone->owner != NB_SELF ||
		tombstone->version <= policy->tombstones_passed ||
		tombstone->expires <= latest);
}

static bool switch_of(const struct nb_record *view,
		      const struct nb_event *event,
		      const struct nb_policy *policy, int64_t now)
{
	if (is_claim(event->kind) || is_challenge_end(event->kind)) {
		return policy->migrate_on && event->name.type != 0x1c;
	}
	switch (event->kind) {
	case NB_EV_RELEASE:
		return policy->propagate_releases;
	case NB_EV_DUE:
		return view != NULL && view->state == NB_TOMBSTONE
			       ? may_delete(view, policy, now)
			       : policy->propagate_releases;
	}
	return event->force;
}

struct client_cell client_cell_of(const struct nb_record *raw,
				  const struct nb_record *view,
				  const struct nb_event *event,
				  const struct nb_policy *policy, int64_t now)
{
	return (struct client_cell){
		.event = event->kind,
		.class = class_of(view, event, policy),
		.record = record_of(view),
		.fixed = view != NULL && view->is_static,
		.foreign = view != NULL && view->owner != NB_SELF,
		.relation = relation_of(raw, view, event, now),
		.sw = switch_of(view, event, policy, now),
	};
}

static void decide(const struct client_row *table, unsigned int rows,
		   const struct nb_record *existing,
		   const struct nb_record *view, const struct nb_event *event,
		   const struct nb_policy *policy, int64_t now,
		   struct nb_verdict *verdict)
{
	struct client_work w = {
		.raw = existing,
		.view = view,
		.event = event,
		.policy = policy,
		.now = now,
		.verdict = verdict,
	};
	struct client_cell cell;
	int row = 0;

	cell = client_cell_of(existing, view, event, policy, now);
	row = client_table_find(table, rows, &cell);
	verdict->row = (uint16_t)row;
	verdict->ref = row < 0 ? "no row" : table[row].ref;
	verdict->store = NB_STORE_NOTHING;
	verdict->new_version = false;
	verdict->challenge = false;
	verdict->demands = 0;
	verdict->outcome = NB_DONE;
	verdict->reply.kind = NB_REPLY_NONE;
	verdict->reply.rcode = NB_RCODE_OK;
	verdict->reply.ttl = 0;
	verdict->reply.nb_flags = 0;
	verdict->reply.count = 0;
	verdict->reply.names = NULL;
	if (row >= 0) {
		client_act(table[row].action, &w);
	}
}

void rule_client_with(const struct client_row *table, unsigned int rows,
		      const struct nb_record *existing,
		      const struct nb_event *event,
		      const struct nb_policy *policy, int64_t now,
		      struct nb_verdict *verdict)
{
	/* the timer writes what the others only read; few need a copy */
	if (existing != NULL && !is_clockwork(event->kind) &&
	    !policy->expiry_held && nb_record_aged(existing, now)) {
		struct nb_record view = nb_record_at(existing, now);

		decide(table, rows, existing, &view, event, policy, now,
		       verdict);
		return;
	}
	decide(table, rows, existing, existing, event, policy, now, verdict);
}

void rule_client(const struct nb_record *existing, const struct nb_event *event,
		 const struct nb_policy *policy, int64_t now,
		 struct nb_verdict *verdict)
{
	rule_client_with(client_table, client_table_rows, existing, event,
			 policy, now, verdict);
}
