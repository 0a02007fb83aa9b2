/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a situation to its cell, and from an action to a verdict.
 *
 * Everything that has to be decided is decided by client_table[]; what stands
 * here only measures (client_cell_of) and builds records (one small function
 * for each action). protocol.md 2.7 says when a version is raised: an action
 * raises it or it does not, never both, so the table shows it.
 */

#include <string.h>

#include "rules/client.h"
#include "rules/client_table.h"

/* One decision while it is made. */
struct work {
	const struct nb_record *raw;	/* as stored; NULL if none */
	const struct nb_record *view;	/* after expiry on read; NULL if none */
	const struct nb_event *event;
	const struct nb_policy *policy;
	int64_t now;
	struct nb_verdict *verdict;
};

/* ---- measuring ---- */

static bool is_claim(uint8_t kind)
{
	return kind == NB_EV_REGISTER || kind == NB_EV_MREGISTER ||
	       kind == NB_EV_REFRESH;
}

static bool is_challenge_end(uint8_t kind)
{
	return kind == NB_EV_CHALLENGE_LOST || kind == NB_EV_CHALLENGE_HELD;
}

/* 2.3: G is looked at before opcode 15, the type before both. */
static uint8_t type_asked(const struct nb_event *event)
{
	if (event->group) {
		return event->name.type == 0x1c ? NB_SGROUP : NB_GROUP;
	}
	return event->kind == NB_EV_MREGISTER || event->multihomed ? NB_MHOMED
								   : NB_UNIQUE;
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
	uint8_t type = type_asked(event);
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

static uint8_t relation_of(const struct nb_record *view,
			   const struct nb_event *event, int64_t now)
{
	if (view == NULL) {
		return REL_STRANGER;
	}
	switch (event->kind) {
	case NB_EV_REGISTER:
	case NB_EV_MREGISTER:
	case NB_EV_REFRESH:
		return member_relation(view, event->addr);
	case NB_EV_RELEASE:
		return member_relation(view, event->source);
	case NB_EV_CHALLENGE_LOST:
	case NB_EV_CHALLENGE_HELD:
		return answer_relation(event);
	case NB_EV_DUE:
		return nb_record_at(view, now).state == NB_ACTIVE
			       ? REL_LISTED
			       : REL_STRANGER;
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

static bool switch_of(const struct nb_record *view,
		      const struct nb_event *event,
		      const struct nb_policy *policy)
{
	if (is_claim(event->kind) || is_challenge_end(event->kind)) {
		return policy->migrate_on && event->name.type != 0x1c;
	}
	switch (event->kind) {
	case NB_EV_RELEASE:
		return policy->propagate_releases;
	case NB_EV_DUE:
		return view != NULL && view->state == NB_TOMBSTONE
			       ? policy->may_delete
			       : policy->propagate_releases;
	}
	return event->force;
}

struct client_cell client_cell_of(const struct nb_record *view,
				  const struct nb_event *event,
				  const struct nb_policy *policy, int64_t now)
{
	return (struct client_cell){
		.event = event->kind,
		.class = class_of(view, event, policy),
		.record = record_of(view),
		.fixed = view != NULL && view->is_static,
		.foreign = view != NULL && view->owner != NB_SELF,
		.relation = relation_of(view, event, now),
		.sw = switch_of(view, event, policy),
	};
}

/* ---- building ---- */

uint32_t rule_granted_ttl(const struct nb_policy *policy, uint32_t wanted)
{
	if (wanted > policy->max_ttl) {
		wanted = policy->max_ttl;
	}
	return wanted < policy->min_ttl ? policy->min_ttl : wanted;
}

static int64_t life(const struct work *w)
{
	return w->now + rule_granted_ttl(w->policy, w->event->ttl);
}

static void reply_register(struct work *w, uint8_t rcode)
{
	uint32_t granted = rule_granted_ttl(w->policy, w->event->ttl);
	struct nb_reply *reply = &w->verdict->reply;

	reply->kind = NB_REPLY_REGISTER;
	reply->rcode = rcode;
	reply->ttl = granted;
	if (w->event->ttl != 0 && w->event->ttl < granted) {
		/* 1.4: never promise a longer life than was asked for */
		reply->ttl = w->event->ttl;
	}
}

static void reply_release(struct work *w, uint8_t rcode)
{
	w->verdict->reply.kind = NB_REPLY_RELEASE;
	w->verdict->reply.rcode = rcode;
}

/* The record to change: what is stored, as it reads now, ready to be put. */
static struct nb_record *edit(struct work *w)
{
	w->verdict->store = NB_STORE_PUT;
	w->verdict->record = *w->view;
	return &w->verdict->record;
}

static void own(struct work *w)
{
	w->verdict->record.owner = NB_SELF;
	w->verdict->new_version = true;
}

static struct nb_member registrant(const struct work *w)
{
	return (struct nb_member){
		.ip = w->event->addr,
		.owner = NB_SELF,
		.expires = life(w),
	};
}

static void act_store_new(struct work *w)
{
	struct nb_record *rec = &w->verdict->record;

	*rec = (struct nb_record){
		.name = w->event->name,
		.type = type_asked(w->event),
		.state = NB_ACTIVE,
		.node = w->event->node,
		.expires = life(w),
		.count = 1,
		.member = { registrant(w) },
	};
	w->verdict->store = NB_STORE_PUT;
	own(w);
	reply_register(w, NB_RCODE_OK);
}

/* Rules 13, 17, 20: a longer life for the record and the one who asks. */
static void act_refresh(struct work *w)
{
	struct nb_record *rec = edit(w);
	struct nb_member member = registrant(w);

	if (rec->is_static) {
		/* MigrateOn: from now on it ages like any other */
		for (int i = 0; i < rec->count; i++) {
			rec->member[i].expires = life(w);
		}
		rec->is_static = false;
	}
	rec->expires = life(w);
	if (rec->type == NB_GROUP && rec->count == 1) {
		/* one address stands for all members; keep it alive (2.3) */
		member.ip = rec->member[0].ip;
	}
	nb_record_insert(rec, member, true);
	reply_register(w, NB_RCODE_OK);
}

static void act_take_over(struct work *w)
{
	act_refresh(w);
	own(w);
}

/* 2.5: what the holder confirmed stays, the newcomer is added. */
static void act_merge(struct work *w)
{
	struct nb_record *rec = edit(w);

	for (unsigned int i = rec->count; i > 0; i--) {
		struct nb_member *member = &rec->member[i - 1];
		bool confirmed = false;

		for (int k = 0; k < w->event->answers; k++) {
			confirmed |= w->event->answer[k] == member->ip;
		}
		if (!confirmed) {
			nb_record_remove(rec, i - 1);
			continue;
		}
		member->owner = NB_SELF;
		member->expires = life(w);
	}
	nb_record_insert(rec, registrant(w), true);
	rec->state = NB_ACTIVE;
	rec->is_static = false;
	rec->expires = life(w);
	if (rec->count > 1) {
		rec->type = NB_MHOMED;
	}
	own(w);
	reply_register(w, NB_RCODE_OK);
}

static void act_challenge(struct work *w)
{
	w->verdict->challenge = true;
	w->verdict->record = *w->view;
	w->verdict->reply.kind = NB_REPLY_WACK;
}

static void release_whole(struct work *w, uint8_t state, int64_t expires)
{
	struct nb_record *rec = edit(w);

	rec->state = state;
	rec->expires = expires;
	rec->is_static = false;
	reply_release(w, NB_RCODE_OK);
}

static void act_release_all(struct work *w)
{
	release_whole(w, NB_RELEASED, w->now + w->policy->tombstone_interval);
}

static void act_release_replica(struct work *w)
{
	release_whole(w, NB_TOMBSTONE,
		      w->now + w->policy->tombstone_interval +
			      w->policy->tombstone_timeout);
	own(w);
}

static void act_release_member(struct work *w)
{
	struct nb_record *rec = edit(w);
	uint32_t ip = w->event->kind == NB_EV_RELEASE ? w->event->source
						      : w->event->addr;
	int at = nb_record_find(rec, ip);

	nb_record_remove(rec, (unsigned int)at);
	if (!rec->is_static) {
		rec->expires = w->now + w->policy->max_ttl;
	}
	reply_release(w, NB_RCODE_OK);
}

static void act_release_member_new(struct work *w)
{
	act_release_member(w);
	own(w);
}

static void act_answer_negative(struct work *w)
{
	w->verdict->reply.kind = NB_REPLY_NEGATIVE;
	w->verdict->reply.rcode = NB_RCODE_NAM;
}

static void act_answer_group(struct work *w)
{
	struct nb_reply *reply = &w->verdict->reply;

	reply->kind = NB_REPLY_ADDRESSES;
	reply->nb_flags = NB_FLAG_GROUP;
	reply->count = 1;
	reply->addr[0] = NB_BROADCAST;
}

static void act_answer_addresses(struct work *w)
{
	struct nb_reply *reply = &w->verdict->reply;
	const struct nb_record *view = w->view;

	reply->kind = NB_REPLY_ADDRESSES;
	reply->nb_flags = view->type == NB_SGROUP
				  ? NB_FLAG_GROUP
				  : (uint16_t)(view->node << NB_FLAG_NODE_SHIFT);
	reply->count = view->count;
	for (int i = 0; i < view->count; i++) {
		reply->addr[i] = view->member[i].ip;
	}
}

static void act_due_release(struct work *w)
{
	struct nb_record *rec = edit(w);

	rec->state = NB_RELEASED;
	rec->expires = w->now + w->policy->tombstone_interval;
}

/*
 * Members of ours whose time has come go, the rest lives on. Without members
 * of ours left the next look is a whole life away: the others are looked
 * after by their owners.
 */
static void act_due_prune(struct work *w)
{
	struct nb_record *rec = edit(w);
	int64_t latest = w->now + w->policy->max_ttl;
	bool ours = false;

	*rec = nb_record_at(w->raw, w->now);
	for (int i = 0; i < rec->count; i++) {
		if (rec->member[i].owner != NB_SELF) {
			continue;
		}
		if (!ours || rec->member[i].expires > latest) {
			latest = rec->member[i].expires;
		}
		ours = true;
	}
	rec->expires = latest;
}

static void act_due_prune_new(struct work *w)
{
	act_due_prune(w);
	own(w);
}

static void make_tombstone(struct work *w, int64_t life_left)
{
	struct nb_record *rec = edit(w);

	rec->state = NB_TOMBSTONE;
	rec->is_static = false;
	rec->expires = w->now + life_left;
}

static void act_tombstone(struct work *w)
{
	make_tombstone(w, w->policy->tombstone_timeout);
	own(w);
}

static void act_due_tombstone_long(struct work *w)
{
	make_tombstone(w, (int64_t)w->policy->tombstone_interval +
				  w->policy->tombstone_timeout);
	own(w);
}

static void act_due_tombstone_replica(struct work *w)
{
	make_tombstone(w, w->policy->tombstone_timeout);
}

/*
 * What the operator wrote shall stand: ours, with a version of ours. Times of
 * statics become "never" when the record is settled.
 */
static void act_op_store(struct work *w)
{
	struct nb_record *rec = &w->verdict->record;

	*rec = *w->event->record;
	w->verdict->store = NB_STORE_PUT;
	rec->state = NB_ACTIVE;
	for (int i = 0; i < rec->count; i++) {
		rec->member[i].owner = NB_SELF;
		rec->member[i].expires = life(w);
	}
	rec->expires = life(w);
	nb_record_settle(rec);
	own(w);
}

static void act_op_touch(struct work *w)
{
	edit(w);
	w->verdict->record = *w->raw;
	own(w);
}

static void act_delete(struct work *w)
{
	w->verdict->store = NB_STORE_DELETE;
}

static void act_accept(struct work *w)
{
	reply_register(w, NB_RCODE_OK);
}

static void act_refuse_rfs(struct work *w)
{
	reply_register(w, NB_RCODE_RFS);
}

static void act_refuse_act(struct work *w)
{
	reply_register(w, NB_RCODE_ACT);
}

static void act_refuse_srv(struct work *w)
{
	reply_register(w, NB_RCODE_SRV);
}

static void act_release_ignore(struct work *w)
{
	reply_release(w, NB_RCODE_OK);
}

static void act_release_refuse(struct work *w)
{
	reply_release(w, NB_RCODE_ACT);
}

static void act_nothing(struct work *w)
{
	w->verdict->outcome = NB_UNCHANGED;
}

static void act_not_found(struct work *w)
{
	w->verdict->outcome = NB_NOT_FOUND;
}

static void act_conflict(struct work *w)
{
	w->verdict->outcome = NB_CONFLICT;
}

static void act_op_refuse(struct work *w)
{
	w->verdict->outcome = NB_REFUSED;
}

static void (*const act[ACT_COUNT])(struct work *w) = {
	[ACT_ACCEPT] = act_accept,
	[ACT_REFUSE_RFS] = act_refuse_rfs,
	[ACT_REFUSE_ACT] = act_refuse_act,
	[ACT_REFUSE_SRV] = act_refuse_srv,
	[ACT_STORE_NEW] = act_store_new,
	[ACT_REFRESH] = act_refresh,
	[ACT_TAKE_OVER] = act_take_over,
	[ACT_MERGE] = act_merge,
	[ACT_CHALLENGE] = act_challenge,
	[ACT_RELEASE_IGNORE] = act_release_ignore,
	[ACT_RELEASE_REFUSE] = act_release_refuse,
	[ACT_RELEASE_ALL] = act_release_all,
	[ACT_RELEASE_REPLICA] = act_release_replica,
	[ACT_RELEASE_MEMBER] = act_release_member,
	[ACT_RELEASE_MEMBER_NEW] = act_release_member_new,
	[ACT_ANSWER_NEGATIVE] = act_answer_negative,
	[ACT_ANSWER_GROUP] = act_answer_group,
	[ACT_ANSWER_ADDRESSES] = act_answer_addresses,
	[ACT_NOTHING] = act_nothing,
	[ACT_DUE_RELEASE] = act_due_release,
	[ACT_DUE_PRUNE] = act_due_prune,
	[ACT_DUE_PRUNE_NEW] = act_due_prune_new,
	[ACT_DELETE] = act_delete,
	[ACT_TOMBSTONE] = act_tombstone,
	[ACT_DUE_TOMBSTONE_LONG] = act_due_tombstone_long,
	[ACT_DUE_TOMBSTONE_REPLICA] = act_due_tombstone_replica,
	[ACT_OP_STORE] = act_op_store,
	[ACT_OP_TOUCH] = act_op_touch,
	[ACT_OP_NOT_FOUND] = act_not_found,
	[ACT_OP_CONFLICT] = act_conflict,
	[ACT_OP_REFUSE] = act_op_refuse,
};

static void decide(const struct client_row *table, unsigned int rows,
		   const struct nb_record *existing,
		   const struct nb_record *view, const struct nb_event *event,
		   const struct nb_policy *policy, int64_t now,
		   struct nb_verdict *verdict)
{
	struct work w = {
		.raw = existing,
		.view = view,
		.event = event,
		.policy = policy,
		.now = now,
		.verdict = verdict,
	};
	struct client_cell cell;
	int row = 0;

	cell = client_cell_of(w.view, event, policy, now);
	row = client_table_find(table, rows, &cell);
	verdict->row = (uint16_t)row;
	verdict->ref = row < 0 ? "no row" : table[row].ref;
	verdict->store = NB_STORE_NOTHING;
	verdict->new_version = false;
	verdict->challenge = false;
	verdict->outcome = NB_DONE;
	verdict->reply.kind = NB_REPLY_NONE;
	verdict->reply.rcode = NB_RCODE_OK;
	verdict->reply.ttl = 0;
	verdict->reply.nb_flags = 0;
	verdict->reply.count = 0;
	verdict->reply.names = NULL;
	if (row >= 0) {
		act[table[row].action](&w);
	}
}

void rule_client_with(const struct client_row *table, unsigned int rows,
		      const struct nb_record *existing,
		      const struct nb_event *event,
		      const struct nb_policy *policy, int64_t now,
		      struct nb_verdict *verdict)
{
	/* the timer writes what the others only read; few need a copy */
	if (existing != NULL && event->kind != NB_EV_DUE &&
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
