/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The actions of the client table: one small function for each, which builds
 * the record and the reply. protocol.md 2.7 says when a version is raised: an
 * action raises it or it does not, never both, so the table shows it.
 */

#include "rules/client.h"
#include "rules/client_act.h"

/* 2.3: G is looked at before opcode 15, the type before both. */
uint8_t client_type_asked(const struct nb_event *event)
{
	if (event->group) {
		return event->name.type == 0x1c ? NB_SGROUP : NB_GROUP;
	}
	return event->kind == NB_EV_MREGISTER || event->multihomed ? NB_MHOMED
								   : NB_UNIQUE;
}

uint32_t rule_granted_ttl(const struct nb_policy *policy, uint32_t wanted)
{
	if (wanted > policy->max_ttl) {
		wanted = policy->max_ttl;
	}
	return wanted < policy->min_ttl ? policy->min_ttl : wanted;
}

static int64_t life(const struct client_work *w)
{
	return w->now + rule_granted_ttl(w->policy, w->event->ttl);
}

static void reply_register(struct client_work *w, uint8_t rcode)
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

static void reply_release(struct client_work *w, uint8_t rcode)
{
	w->verdict->reply.kind = NB_REPLY_RELEASE;
	w->verdict->reply.rcode = rcode;
}

/* The record to change: what is stored, as it reads now, ready to be put. */
static struct nb_record *edit(struct client_work *w)
{
	w->verdict->store = NB_STORE_PUT;
	w->verdict->record = *w->view;
	return &w->verdict->record;
}

static void own(struct client_work *w)
{
	w->verdict->record.owner = NB_SELF;
	w->verdict->new_version = true;
}

static struct nb_member registrant(const struct client_work *w)
{
	return (struct nb_member){
		.ip = w->event->addr,
		.owner = NB_SELF,
		.expires = life(w),
	};
}

static void act_store_new(struct client_work *w)
{
	struct nb_record *rec = &w->verdict->record;

	*rec = (struct nb_record){
		.name = w->event->name,
		.type = client_type_asked(w->event),
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
static void act_refresh(struct client_work *w)
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

static void act_take_over(struct client_work *w)
{
	act_refresh(w);
	own(w);
}

/* 2.5: what the holder confirmed stays, the newcomer is added. */
static void act_merge(struct client_work *w)
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

static void act_challenge(struct client_work *w)
{
	w->verdict->challenge = true;
	w->verdict->record = *w->view;
	w->verdict->reply.kind = NB_REPLY_WACK;
}

static void release_whole(struct client_work *w, uint8_t state, int64_t expires)
{
	struct nb_record *rec = edit(w);

	rec->state = state;
	rec->expires = expires;
	rec->is_static = false;
	reply_release(w, NB_RCODE_OK);
}

static void act_release_all(struct client_work *w)
{
	release_whole(w, NB_RELEASED, w->now + w->policy->tombstone_interval);
}

static void act_release_replica(struct client_work *w)
{
	release_whole(w, NB_TOMBSTONE,
		      w->now + w->policy->tombstone_interval +
			      w->policy->tombstone_timeout);
	own(w);
}

/* From what is stored: who has expired beside it is still to be told. */
static void act_release_member(struct client_work *w)
{
	struct nb_record *rec = edit(w);
	uint32_t ip = w->event->kind == NB_EV_RELEASE ? w->event->source
						      : w->event->addr;
	int at = -1;

	*rec = *w->raw;
	at = nb_record_find(rec, ip);
	nb_record_remove(rec, (unsigned int)at);
	if (!rec->is_static) {
		rec->expires = w->now + w->policy->max_ttl;
	}
	reply_release(w, NB_RCODE_OK);
}

static void act_release_member_new(struct client_work *w)
{
	act_release_member(w);
	own(w);
}

static void act_answer_negative(struct client_work *w)
{
	w->verdict->reply.kind = NB_REPLY_NEGATIVE;
	w->verdict->reply.rcode = NB_RCODE_NAM;
}

static void act_answer_group(struct client_work *w)
{
	struct nb_reply *reply = &w->verdict->reply;

	reply->kind = NB_REPLY_ADDRESSES;
	reply->nb_flags = NB_FLAG_GROUP;
	reply->count = 1;
	reply->addr[0] = NB_BROADCAST;
}

static void act_answer_addresses(struct client_work *w)
{
	struct nb_reply *reply = &w->verdict->reply;
	const struct nb_record *view = w->view;

	reply->kind = NB_REPLY_ADDRESSES;
	reply->nb_flags = view->type == NB_SGROUP
				  ? NB_FLAG_GROUP
				  : (uint16_t)(view->node
					       << NB_FLAG_NODE_SHIFT);
	reply->count = view->count;
	for (int i = 0; i < view->count; i++) {
		reply->addr[i] = view->member[i].ip;
	}
}

static void act_due_release(struct client_work *w)
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
static void act_due_prune(struct client_work *w)
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

static void act_due_prune_new(struct client_work *w)
{
	act_due_prune(w);
	own(w);
}

static void make_tombstone(struct client_work *w, int64_t life_left)
{
	struct nb_record *rec = edit(w);

	rec->state = NB_TOMBSTONE;
	rec->is_static = false;
	rec->expires = w->now + life_left;
}

static void act_tombstone(struct client_work *w)
{
	make_tombstone(w, w->policy->tombstone_timeout);
	own(w);
}

static void act_due_tombstone_long(struct client_work *w)
{
	make_tombstone(w, (int64_t)w->policy->tombstone_interval +
				  w->policy->tombstone_timeout);
	own(w);
}

static void act_due_tombstone_replica(struct client_work *w)
{
	make_tombstone(w, w->policy->tombstone_timeout);
}

/*
 * What the operator wrote shall stand: ours, with a version of ours. Times of
 * statics become "never" when the record is settled.
 */
static void act_op_store(struct client_work *w)
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

static void act_op_touch(struct client_work *w)
{
	edit(w);
	w->verdict->record = *w->raw;
	own(w);
}

/*
 * The owner still says so (6 pass 3). Members of ours inside go on as they
 * are: whether they live is known here and not there.
 */
static void act_verified(struct client_work *w)
{
	struct nb_record *rec = edit(w);
	int64_t until = w->now + w->policy->verify_interval;
	const struct nb_record was = *rec;

	rec->expires = until;
	for (int i = was.count; i > 0; i--) {
		struct nb_member member = was.member[i - 1];

		if (member.owner != NB_SELF) {
			member.expires = until;
			nb_record_insert(rec, member, false);
		}
	}
}

/*
 * A replica of a server that is no more: it ages like a record that was
 * registered, released or buried here just now, and so do its members of that
 * server. Those of others are still for others to say.
 */
static void act_op_adopt(struct client_work *w)
{
	struct nb_record *rec = edit(w);
	const int64_t life_of[] = {
		[NB_ACTIVE] = w->policy->max_ttl,
		[NB_RELEASED] = w->policy->tombstone_interval,
		[NB_TOMBSTONE] = w->policy->tombstone_timeout,
	};

	*rec = *w->raw;
	for (int i = w->raw->count; i > 0; i--) {
		struct nb_member member = w->raw->member[i - 1];

		if (member.owner == w->raw->owner) {
			member.owner = NB_SELF;
			if (member.expires != NB_NEVER) {
				member.expires = w->now + w->policy->max_ttl;
			}
			nb_record_insert(rec, member, false);
		}
	}
	rec->expires = w->now + life_of[rec->state];
	nb_record_settle(rec);
	own(w);
}

static void act_delete(struct client_work *w)
{
	w->verdict->store = NB_STORE_DELETE;
}

static void act_accept(struct client_work *w)
{
	reply_register(w, NB_RCODE_OK);
}

static void act_refuse_rfs(struct client_work *w)
{
	reply_register(w, NB_RCODE_RFS);
}

static void act_refuse_act(struct client_work *w)
{
	reply_register(w, NB_RCODE_ACT);
}

static void act_refuse_srv(struct client_work *w)
{
	reply_register(w, NB_RCODE_SRV);
}

static void act_release_ignore(struct client_work *w)
{
	reply_release(w, NB_RCODE_OK);
}

static void act_release_refuse(struct client_work *w)
{
	reply_release(w, NB_RCODE_ACT);
}

static void act_nothing(struct client_work *w)
{
	w->verdict->outcome = NB_UNCHANGED;
}

static void act_not_found(struct client_work *w)
{
	w->verdict->outcome = NB_NOT_FOUND;
}

static void act_conflict(struct client_work *w)
{
	w->verdict->outcome = NB_CONFLICT;
}

static void act_op_refuse(struct client_work *w)
{
	w->verdict->outcome = NB_REFUSED;
}

static void (*const act[ACT_COUNT])(struct client_work *w) = {
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
	[ACT_VERIFIED] = act_verified,
	[ACT_OP_TOUCH] = act_op_touch,
	[ACT_OP_ADOPT] = act_op_adopt,
	[ACT_OP_NOT_FOUND] = act_not_found,
	[ACT_OP_CONFLICT] = act_conflict,
	[ACT_OP_REFUSE] = act_op_refuse,
};

void client_act(enum client_action action, struct client_work *w)
{
	act[action](w);
}
