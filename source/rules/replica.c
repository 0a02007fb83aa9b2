/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a replica and what stands to a cell, and from an action to a verdict
 * (protocol.md section 5). As in client.c all is decided by the table; here it
 * is measured (replica_cell_of) and built (one small function an action).
 *
 * Times. What a replica says comes without them, so a record of others lives
 * for a verify interval from now, whatever its state: also a tombstone, as
 * protocol.md 6 has it. (Q162766 calls that a bug of Windows, which wanted the
 * extinction timeout; but a tombstone that goes before its brothers have been
 * replaced everywhere lets a slow partner bring the name to life again, and 24
 * days are the time that every server has to come by.)
 *
 * Members of ours that a partner tells us of are ours to age: somebody
 * refreshes them here or nobody does. One that lives here keeps its time. One
 * that does not (we have lost it, or let it go) has a verify interval, as the
 * specification says. Tried and rejected: to let those that have expired here
 * stay expired, as a partner's echo is no sign of life. In a chain the two
 * ends then disagree for ever, the one that owns the member and the one that
 * holds it at second hand, and each answers the other with a new version.
 *
 * Rejected as well: to tell nothing where a merge with a list of ours changes
 * nothing (5.3b has that only for identical lists). It saves versions, and
 * leaves a dead member at one server and not at the next.
 */

#include "rules/replica.h"
#include "rules/replica_table.h"

/* One decision while it is made. */
struct work {
	const struct nb_record *raw;	/* R1 as stored; NULL if none */
	const struct nb_record *view;	/* R1 as it reads; NULL if none */
	const struct nb_record *in;	/* R2 */
	const struct nb_event *event;
	const struct nb_policy *policy;
	int64_t now;
	struct nb_verdict *verdict;
};

/* ---- measuring ---- */

static uint8_t event_of(const struct nb_event *event)
{
	switch (event->kind) {
	case NB_EV_REPLICA_LOST:
		return RE_LOST;
	case NB_EV_REPLICA_HELD:
		return RE_HELD;
	}
	return RE_CAME;
}

static uint8_t class_of(const struct nb_record *in,
			const struct nb_policy *policy)
{
	if (in->state == NB_ACTIVE && !in->is_static &&
	    nb_policy_blocks(policy, &in->name)) {
		return RC_BLOCKED;
	}
	return RC_PLAIN;
}

static uint8_t owners_of(const struct nb_record *view,
			 const struct nb_record *in)
{
	if (in->owner == NB_SELF) {
		return view == NULL ? RO_BACK_NEW :
		       view->owner == NB_SELF ? RO_BACK_OURS : RO_BACK_OTHER;
	}
	if (view == NULL) {
		return RO_NEW;
	}
	if (view->owner == NB_SELF) {
		return RO_OURS;
	}
	return view->owner == in->owner ? RO_SAME : RO_OTHER;
}

static uint8_t record_of(const struct nb_record *rec)
{
	if (rec == NULL) {
		return RR_NONE;
	}
	return (uint8_t)(RR_UA + 3 * rec->type + rec->state);
}

static uint8_t mode_of(const struct nb_event *event,
		       const struct nb_policy *policy)
{
	if (policy->observe) {
		return RM_OBSERVE;
	}
	return event->no_demand ? RM_NO_DEMAND : RM_FULL;
}

static bool is_host(uint8_t type)
{
	return type == NB_UNIQUE || type == NB_MHOMED;
}

static bool has_member_of(const struct nb_record *rec, uint32_t owner)
{
	for (int i = 0; i < rec->count; i++) {
		if (rec->member[i].owner == owner) {
			return true;
		}
	}
	return false;
}

/* 5.4 "superset with owners": has rec every pair of ip and owner of in? */
static bool has_all_pairs(const struct nb_record *rec,
			  const struct nb_record *in)
{
	for (int i = 0; i < in->count; i++) {
		int at = nb_record_find(rec, in->member[i].ip);

		if (at < 0 || rec->member[at].owner != in->member[i].owner) {
			return false;
		}
	}
	return true;
}

/* Are all addresses of rec among those of other? */
static bool is_inside(const struct nb_record *rec,
		      const struct nb_record *other)
{
	for (int i = 0; i < rec->count; i++) {
		if (nb_record_find(other, rec->member[i].ip) < 0) {
			return false;
		}
	}
	return true;
}

static uint8_t host_relation(const struct nb_record *view,
			     const struct nb_event *event)
{
	const struct nb_record *in = event->record;

	if (is_inside(view, in)) {
		return RL_INSIDE;
	}
	if (event->kind != NB_EV_REPLICA_HELD) {
		return RL_APART;
	}
	if (in->count == 0 ||
	    !nb_record_within(in, event->answer, event->answers)) {
		return RL_STRANGER;
	}
	return nb_record_within(view, event->answer, event->answers) ? RL_ALL
								     : RL_PART;
}

static uint8_t group_relation(const struct nb_record *view,
			      const struct nb_record *in)
{
	bool same_count = view->count == in->count;

	if (view->owner == NB_SELF) {
		return same_count && has_all_pairs(view, in) ? RL_IDENTICAL
							     : RL_APART;
	}
	if (in->count == 0) {
		return has_member_of(view, in->owner) ? RL_EMPTY_THEIRS
						      : RL_EMPTY;
	}
	if (has_all_pairs(view, in)) {
		return RL_SUPERSET;
	}
	return same_count && is_inside(in, view) ? RL_SAME_ADDRESSES : RL_APART;
}

static uint8_t relation_of(const struct nb_record *view,
			   const struct nb_event *event, uint8_t owners)
{
	const struct nb_record *in = event->record;

	if (owners == RO_BACK_OURS) {
		return view->version < in->version ? RL_OLDER : RL_APART;
	}
	if ((owners != RO_OURS && owners != RO_OTHER) ||
	    view->is_static || in->is_static ||
	    view->state != NB_ACTIVE || in->state != NB_ACTIVE) {
		return RL_APART;
	}
	if (view->type == NB_SGROUP && in->type == NB_SGROUP) {
		return group_relation(view, in);
	}
	if (owners == RO_OURS && is_host(view->type) && is_host(in->type)) {
		return host_relation(view, event);
	}
	return RL_APART;
}

struct replica_cell replica_cell_of(const struct nb_record *view,
				    const struct nb_event *event,
				    const struct nb_policy *policy)
{
	const struct nb_record *in = event->record;
	uint8_t owners = owners_of(view, in);

	return (struct replica_cell){
		.event = event_of(event),
		.class = class_of(in, policy),
		.owners = owners,
		.record = record_of(view),
		.fixed = view != NULL && view->is_static,
		.incoming = record_of(in),
		.incoming_fixed = in->is_static,
		.relation = relation_of(view, event, owners),
		.mode = mode_of(event, policy),
	};
}

/* ---- building ---- */

/* Until when a member of ours lives that a partner tells us of. */
static int64_t time_of_ours(const struct work *w, uint32_t ip, int64_t other)
{
	int at = w->raw == NULL ? -1 : nb_record_find(w->raw, ip);

	if (at < 0 || w->raw->member[at].owner != NB_SELF ||
	    w->raw->member[at].expires == NB_NEVER ||
	    (w->raw->member[at].expires <= w->now && !w->policy->expiry_held)) {
		return other;
	}
	return w->raw->member[at].expires;
}

/* What never expires: said before the members are put in order. */
static bool is_for_ever(const struct nb_record *in)
{
	return in->is_static && in->state == NB_ACTIVE;
}

static struct nb_member replica_member(const struct work *w, int at)
{
	struct nb_member member = w->in->member[at];

	member.expires = w->now + w->policy->verify_interval;
	if (is_for_ever(w->in)) {
		member.expires = NB_NEVER;
	} else if (member.owner == NB_SELF) {
		member.expires = time_of_ours(w, member.ip, member.expires);
	}
	return member;
}

/* The same of a record of ours that comes back. */
static struct nb_member restored_member(const struct work *w, int at)
{
	struct nb_member member = w->in->member[at];

	if (is_for_ever(w->in)) {
		member.expires = NB_NEVER;
	} else if (member.owner == NB_SELF) {
		member.expires = w->now + w->policy->max_ttl;
	} else {
		member.expires = w->now + w->policy->verify_interval;
	}
	return member;
}

/* R2 without its members, as a record to put. */
static struct nb_record *head_of_replica(struct work *w)
{
	struct nb_record *rec = &w->verdict->record;

	*rec = (struct nb_record){
		.name = w->in->name,
		.type = w->in->type,
		.state = w->in->state,
		.node = w->in->node,
		.is_static = w->in->is_static,
		.owner = w->in->owner,
		.version = w->in->version,
		.expires = w->now + w->policy->verify_interval,
	};
	w->verdict->store = NB_STORE_PUT;
	return rec;
}

/* One address stands for all members of a normal group. */
static int members_of(const struct nb_record *in)
{
	return in->type == NB_GROUP && in->count > 1 ? 1 : in->count;
}

static void own(struct work *w)
{
	w->verdict->record.owner = NB_SELF;
	w->verdict->new_version = true;
}

static void act_keep(struct work *w)
{
	w->verdict->outcome = NB_UNCHANGED;
}

/* From the last to the first: of equal times the newcomer stands first. */
static void act_replace(struct work *w)
{
	struct nb_record *rec = head_of_replica(w);

	for (int i = members_of(w->in); i > 0; i--) {
		nb_record_insert(rec, replica_member(w, i - 1), false);
	}
	nb_record_settle(rec);
}

/*
 * Ours again: it ages as if it had been registered or buried just now, so
 * that a living host has the time to come by.
 */
static void act_restore(struct work *w)
{
	struct nb_record *rec = head_of_replica(w);
	const uint32_t life_of[] = {
		[NB_ACTIVE] = w->policy->max_ttl,
		[NB_RELEASED] = w->policy->tombstone_interval,
		[NB_TOMBSTONE] = w->policy->tombstone_timeout,
	};

	for (int i = members_of(w->in); i > 0; i--) {
		nb_record_insert(rec, restored_member(w, i - 1), false);
	}
	nb_record_settle(rec);
	if (rec->expires != NB_NEVER) {
		rec->expires = w->now + life_of[rec->state];
	}
}

/* As stored, not as it reads: what has expired is the scavenger's. */
static void act_propagate(struct work *w)
{
	w->verdict->store = NB_STORE_PUT;
	w->verdict->record = *w->raw;
	own(w);
}

static void demand_of(struct work *w, uint32_t ip)
{
	struct nb_verdict *verdict = w->verdict;

	for (int i = 0; i < verdict->demands; i++) {
		if (verdict->demand[i] == ip) {
			return;
		}
	}
	if (nb_addr_is_host(ip) && verdict->demands < NB_MEMBERS_MAX) {
		verdict->demand[verdict->demands++] = ip;
	}
}

/* 5.5; a host that is in the group itself has nothing to give up (Q314696) */
static void act_demand(struct work *w)
{
	act_replace(w);
	for (int i = 0; i < w->view->count; i++) {
		uint32_t ip = w->view->member[i].ip;

		if (is_host(w->in->type) || nb_record_find(w->in, ip) < 0) {
			demand_of(w, ip);
		}
	}
}

static void act_challenge(struct work *w)
{
	w->verdict->challenge = true;
	w->verdict->record = *w->view;
}

static void act_late_release(struct work *w)
{
	for (int i = 0; i < w->event->answers; i++) {
		demand_of(w, w->event->answer[i]);
	}
	w->verdict->outcome = NB_UNCHANGED;
}

/* 5.6: one host at two servers; the members of each stay its own. */
static void act_mhomed_merge(struct work *w)
{
	struct nb_record *rec = NULL;

	act_replace(w);
	rec = &w->verdict->record;
	rec->type = NB_MHOMED;
	for (int i = 0; i < w->view->count; i++) {
		if (nb_record_find(rec, w->view->member[i].ip) < 0) {
			nb_record_insert(rec, w->view->member[i], false);
		}
	}
}

/* ---- SG-MERGE, 5.4 ---- */

/* Step 2: what of R1 stays. True if anything is not as it was. */
static bool keep_members(const struct work *w, struct nb_record *rec)
{
	bool changed = false;

	for (int i = 0; i < w->view->count; i++) {
		const struct nb_member *old = &w->view->member[i];
		int at = nb_record_find(w->in, old->ip);

		if (at >= 0 && w->in->member[at].owner != old->owner) {
			changed = true;
		}
		if (at < 0 && old->owner == w->in->owner) {
			changed = true;	/* its owner has let it go */
			continue;
		}
		rec->member[rec->count++] = *old;
	}
	return changed;
}

/* A member of others that R2 does not name may give way to precedence. */
static bool may_give_way(const struct work *w, const struct nb_member *member)
{
	return member->owner != NB_SELF &&
	       nb_record_find(w->in, member->ip) < 0;
}

/* How many new addresses find room beside those who stand? */
static int room_in(const struct work *w, const struct nb_record *rec)
{
	int room = NB_MEMBERS_MAX - rec->count;

	for (int i = 0; i < rec->count && w->event->high_precedence; i++) {
		room += may_give_way(w, &rec->member[i]);
	}
	return room;
}

/* The oldest goes first; it stands last. */
static void make_room(const struct work *w, struct nb_record *rec)
{
	for (unsigned int i = rec->count; i > 0; i--) {
		if (may_give_way(w, &rec->member[i - 1])) {
			nb_record_remove(rec, i - 1);
			return;
		}
	}
}

static void merge_member(const struct work *w, struct nb_record *rec, int at)
{
	struct nb_member member = replica_member(w, at);

	if (rec->count == NB_MEMBERS_MAX && w->event->high_precedence &&
	    nb_record_find(rec, member.ip) < 0) {
		make_room(w, rec);
	}
	nb_record_insert(rec, member, false);
}

/*
 * Step 3. Which of R2 are merged: the surplus over 25 is left out, and those
 * of ours where releases propagate. True if one of ours is left out that does
 * not stand.
 */
static bool choose_members(const struct work *w, const struct nb_record *rec,
			   bool chosen[NB_MEMBERS_MAX])
{
	int room = room_in(w, rec);
	bool skipped_ours = false;

	for (int i = 0; i < w->in->count; i++) {
		bool stands = nb_record_find(rec, w->in->member[i].ip) >= 0;

		chosen[i] = stands || room > 0;
		if (w->policy->propagate_releases &&
		    w->in->member[i].owner == NB_SELF) {
			skipped_ours |= !stands;
			chosen[i] = false;
		}
		room -= chosen[i] && !stands;
	}
	return skipped_ours;
}

/* From the last to the first, as in a replacement. */
static bool merge_members(const struct work *w, struct nb_record *rec)
{
	bool chosen[NB_MEMBERS_MAX] = { false };
	bool skipped_ours = choose_members(w, rec, chosen);

	for (int i = w->in->count; i > 0; i--) {
		if (chosen[i - 1]) {
			merge_member(w, rec, i - 1);
		}
	}
	return skipped_ours;
}

/* Step 5: ours, and due when the last member of ours is. */
static void merge_is_ours(struct work *w)
{
	struct nb_record *rec = &w->verdict->record;
	int64_t latest = INT64_MIN;

	own(w);
	for (int i = 0; i < rec->count; i++) {
		if (rec->member[i].owner == NB_SELF &&
		    rec->member[i].expires > latest) {
			latest = rec->member[i].expires;
		}
	}
	if (latest != INT64_MIN) {
		rec->expires = latest;
	}
}

/* Steps 1 to 4 and 6; true if the merge becomes ours. */
static bool merge(struct work *w)
{
	struct nb_record *rec = head_of_replica(w);
	bool changed = keep_members(w, rec);
	bool skipped_ours = merge_members(w, rec);

	nb_record_settle(rec);
	return !changed || skipped_ours || w->view->owner == NB_SELF ||
	       rec->count == 0;
}

static void act_merge(struct work *w)
{
	if (merge(w)) {
		merge_is_ours(w);
	}
}

static void act_merge_theirs(struct work *w)
{
	merge(w);
}

static void (*const act[RA_COUNT])(struct work *w) = {
	[RA_KEEP] = act_keep,
	[RA_REPLACE] = act_replace,
	[RA_RESTORE] = act_restore,
	[RA_PROPAGATE] = act_propagate,
	[RA_DEMAND] = act_demand,
	[RA_CHALLENGE] = act_challenge,
	[RA_LATE_RELEASE] = act_late_release,
	[RA_MHOMED_MERGE] = act_mhomed_merge,
	[RA_MERGE] = act_merge,
	[RA_MERGE_THEIRS] = act_merge_theirs,
};

static void decide(const struct replica_row *table, unsigned int rows,
		   struct work *w)
{
	struct replica_cell cell = replica_cell_of(w->view, w->event,
						   w->policy);
	int row = replica_table_find(table, rows, &cell);
	struct nb_verdict *verdict = w->verdict;

	verdict->row = (uint16_t)row;
	verdict->ref = row < 0 ? "no row" : table[row].ref;
	verdict->store = NB_STORE_NOTHING;
	verdict->new_version = false;
	verdict->challenge = false;
	verdict->demands = 0;
	verdict->outcome = row < 0 ? NB_UNCHANGED : NB_DONE;
	verdict->reply.kind = NB_REPLY_NONE;
	verdict->reply.rcode = NB_RCODE_OK;
	verdict->reply.ttl = 0;
	verdict->reply.nb_flags = 0;
	verdict->reply.count = 0;
	verdict->reply.names = NULL;
	if (row >= 0) {
		act[table[row].action](w);
	}
}

void rule_replica_with(const struct replica_row *table, unsigned int rows,
		       const struct nb_record *existing,
		       const struct nb_event *event,
		       const struct nb_policy *policy, int64_t now,
		       struct nb_verdict *verdict)
{
	struct work w = {
		.raw = existing,
		.view = existing,
		.in = event->record,
		.event = event,
		.policy = policy,
		.now = now,
		.verdict = verdict,
	};

	if (existing != NULL && !policy->expiry_held &&
	    nb_record_aged(existing, now)) {
		struct nb_record view = nb_record_at(existing, now);

		w.view = &view;
		decide(table, rows, &w);
		return;
	}
	decide(table, rows, &w);
}

void rule_replica(const struct nb_record *existing,
		  const struct nb_event *event, const struct nb_policy *policy,
		  int64_t now, struct nb_verdict *verdict)
{
	rule_replica_with(replica_table, replica_table_rows, existing, event,
			  policy, now, verdict);
}

bool rule_is_replica_event(uint8_t kind)
{
	return kind == NB_EV_REPLICA || kind == NB_EV_REPLICA_LOST ||
	       kind == NB_EV_REPLICA_HELD;
}
