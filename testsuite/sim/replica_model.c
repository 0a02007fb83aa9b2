/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Read it beside protocol.md section 5; the order is the same. Addresses are
 * lists without an order here: who compares sorts, or looks each one up.
 */

#include <string.h>

#include "sim/replica_model.h"

struct question {
	const struct nb_record *stored;	/* R1 */
	struct nb_record r1;		/* as it reads; count 0 if none */
	const struct nb_record *r2;
	const struct nb_event *event;
	const struct nb_policy *policy;
	int64_t now;
	struct replica_model *model;
};

/* ---- lists of addresses ---- */

static const struct nb_member *in_list(const struct nb_record *list,
				       uint32_t ip)
{
	const struct nb_member *found = NULL;

	for (int i = 0; i < list->count; i++) {
		if (list->member[i].ip == ip) {
			found = &list->member[i];
		}
	}
	return found;
}

/* How many addresses of a are in b, and with the same owner as well? */
static int common(const struct nb_record *a, const struct nb_record *b,
		  bool owners)
{
	int n = 0;

	for (int i = 0; i < a->count; i++) {
		const struct nb_member *m = in_list(b, a->member[i].ip);

		n += m != NULL && (!owners || m->owner == a->member[i].owner);
	}
	return n;
}

static int common_answers(const struct nb_record *a, const struct nb_event *ev)
{
	int n = 0;

	for (int i = 0; i < a->count; i++) {
		for (int k = 0; k < ev->answers; k++) {
			if (ev->answer[k] == a->member[i].ip) {
				n++;
				break;
			}
		}
	}
	return n;
}

static int owned_by(const struct nb_record *a, uint32_t owner)
{
	int n = 0;

	for (int i = 0; i < a->count; i++) {
		n += a->member[i].owner == owner;
	}
	return n;
}

static void append(struct nb_record *list, struct nb_member member)
{
	list->member[list->count++] = member;
}

/* ---- 2.1: what R1 is at this moment ---- */

static void read_now(struct question *q)
{
	struct nb_record *r1 = &q->r1;
	int alive = 0;

	*r1 = *q->stored;
	if (r1->state != NB_ACTIVE || r1->is_static || q->policy->expiry_held) {
		return;
	}
	for (int i = 0; i < r1->count; i++) {
		struct nb_member m = r1->member[i];

		if (m.owner != NB_SELF || m.expires > q->now) {
			r1->member[alive++] = m;
		}
	}
	if (alive == 0) {
		*r1 = *q->stored;
		r1->state = NB_RELEASED;
	} else {
		r1->count = (uint8_t)alive;
	}
}

/* ---- 5.1: the actions ---- */

/* The invariants of 2.1; a group has one address (2.1 "on load"). */
static void store(struct question *q, struct nb_record rec)
{
	if (rec.type == NB_GROUP && rec.count > 1) {
		rec.count = 1;
	}
	if (rec.count == 0 && rec.state == NB_ACTIVE) {
		rec.state = NB_RELEASED;
	}
	if (rec.count > 1 && rec.type == NB_UNIQUE) {
		rec.type = NB_MHOMED;
	}
	if (rec.is_static && rec.state == NB_ACTIVE) {
		rec.expires = NB_NEVER;
		for (int i = 0; i < rec.count; i++) {
			rec.member[i].expires = NB_NEVER;
		}
	}
	q->model->deed = MODEL_STORE;
	q->model->record = rec;
}

/* R2 with times: a verify interval, but a living member of ours keeps its. */
static struct nb_record with_times(const struct question *q)
{
	struct nb_record rec = *q->r2;

	rec.revision = 0;
	rec.expires = q->now + q->policy->verify_interval;
	for (int i = 0; i < rec.count; i++) {
		struct nb_member *m = &rec.member[i];
		const struct nb_member *had =
			q->stored == NULL ? NULL : in_list(q->stored, m->ip);

		m->expires = rec.expires;
		if (m->owner == NB_SELF && had != NULL &&
		    had->owner == NB_SELF && had->expires != NB_NEVER &&
		    (had->expires > q->now || q->policy->expiry_held)) {
			m->expires = had->expires;
		}
	}
	return rec;
}

static void replace(struct question *q)
{
	store(q, with_times(q));
}

static void propagate(struct question *q)
{
	if (q->policy->observe) {
		return;
	}
	q->model->deed = MODEL_STORE;
	q->model->new_version = true;
	q->model->record = *q->stored;
	q->model->record.owner = NB_SELF;
}

static void demand(struct question *q, uint32_t ip)
{
	struct replica_model *model = q->model;

	if (ip >> 24 == 0 || ip >> 28 >= 0xe || q->event->no_demand ||
	    q->policy->observe) {
		return;
	}
	for (int i = 0; i < model->demands; i++) {
		if (model->demand[i] == ip) {
			return;
		}
	}
	model->demand[model->demands++] = ip;
}

/* ---- ours comes back (replica.h) ---- */

static void restore(struct question *q)
{
	const struct nb_policy *policy = q->policy;
	struct nb_record rec = *q->r2;

	rec.revision = 0;
	rec.expires = q->now;
	for (int i = 0; i < rec.count; i++) {
		rec.member[i].expires = q->now + policy->verify_interval;
		if (rec.member[i].owner == NB_SELF) {
			rec.member[i].expires = q->now + policy->max_ttl;
		}
	}
	if (rec.state == NB_TOMBSTONE) {
		rec.expires += policy->tombstone_timeout;
	} else if (rec.state == NB_RELEASED || rec.count == 0) {
		rec.expires += policy->tombstone_interval;
	} else {
		rec.expires += policy->max_ttl;
	}
	store(q, rec);
}

static void comes_back(struct question *q)
{
	if (q->stored == NULL) {
		restore(q);
	} else if (q->r1.owner == NB_SELF) {
		if (q->r2->version > q->r1.version) {
			restore(q);
		}
	} else if (q->r1.state != NB_ACTIVE) {
		restore(q);
	}
}

/* ---- 5.4: special group against special group ---- */

struct merge {
	struct nb_record n;
	bool changed;
	bool skipped_ours;
};

/* Step 2. What is overwritten in step 3 is put down there. */
static void merge_old(const struct question *q, struct merge *m)
{
	for (int i = 0; i < q->r1.count; i++) {
		struct nb_member a = q->r1.member[i];
		const struct nb_member *b = in_list(q->r2, a.ip);

		if (b == NULL && a.owner == q->r2->owner) {
			m->changed = true;
		} else if (b == NULL) {
			append(&m->n, a);
		} else {
			m->changed |= a.owner != b->owner;
			if (q->policy->propagate_releases &&
			    b->owner == NB_SELF) {
				append(&m->n, a);
			}
		}
	}
}

/* The last `count` members of others that R2 does not name go. */
static void evict(const struct question *q, struct nb_record *n, int count)
{
	for (int i = n->count - 1; i >= 0 && count > 0; i--) {
		if (n->member[i].owner == NB_SELF ||
		    in_list(q->r2, n->member[i].ip) != NULL) {
			continue;
		}
		for (int k = i; k + 1 < n->count; k++) {
			n->member[k] = n->member[k + 1];
		}
		n->count--;
		count--;
	}
}

/* Step 3: first all that stood, then as many of the new as there is room. */
static void merge_new(const struct question *q, struct merge *m)
{
	struct nb_record r2 = with_times(q);
	struct nb_record fresh = { 0 };
	struct nb_record again = { 0 };
	int foreign = m->n.count - owned_by(&m->n, NB_SELF);
	int room = 0;

	for (int i = 0; i < r2.count; i++) {
		bool stood = in_list(&q->r1, r2.member[i].ip) != NULL;

		if (q->policy->propagate_releases &&
		    r2.member[i].owner == NB_SELF) {
			m->skipped_ours |= !stood;
			foreign -= stood && in_list(&q->r1, r2.member[i].ip)
						    ->owner != NB_SELF;
			continue;
		}
		append(stood ? &again : &fresh, r2.member[i]);
	}
	room = NB_MEMBERS_MAX - m->n.count - again.count;
	if (q->event->high_precedence && fresh.count > room) {
		int more = fresh.count - room;

		more = more < foreign ? more : foreign;
		evict(q, &m->n, more);
		room += more;
	}
	for (int i = 0; i < again.count; i++) {
		append(&m->n, again.member[i]);
	}
	for (int i = 0; i < fresh.count && i < room; i++) {
		append(&m->n, fresh.member[i]);
	}
}

/* Steps 4 and 5. */
static void merge_owner(const struct question *q, struct merge *m)
{
	bool ours = !m->changed || m->skipped_ours ||
		    q->r1.owner == NB_SELF || m->n.count == 0;
	bool any = false;

	if (!ours || q->policy->observe) {
		return;
	}
	q->model->new_version = true;
	m->n.owner = NB_SELF;
	for (int i = 0; i < m->n.count; i++) {
		if (m->n.member[i].owner == NB_SELF &&
		    (!any || m->n.member[i].expires > m->n.expires)) {
			m->n.expires = m->n.member[i].expires;
			any = true;
		}
	}
}

static void sg_merge(struct question *q)
{
	struct merge m = { .n = with_times(q) };

	m.n.count = 0;
	merge_old(q, &m);
	merge_new(q, &m);
	merge_owner(q, &m);
	store(q, m.n);
}

static void foreign_groups(struct question *q)
{
	const struct nb_record *r1 = &q->r1;
	const struct nb_record *r2 = q->r2;

	if (r2->count == 0 && owned_by(r1, r2->owner) > 0) {
		sg_merge(q);
	} else if (r2->count == 0) {
		return;
	} else if (common(r2, r1, true) == r2->count) {
		return;
	} else if (r1->count == r2->count &&
		   common(r2, r1, false) == r2->count) {
		replace(q);
	} else {
		sg_merge(q);
	}
}

/* ---- 5.3a, as formulas ---- */

static void foreign(struct question *q)
{
	uint8_t t1 = q->r1.type, s1 = q->r1.state;
	uint8_t t2 = q->r2->type, s2 = q->r2->state;

	if (t1 == NB_UNIQUE || t1 == NB_MHOMED) {
		if (s1 != NB_ACTIVE || (t2 != NB_SGROUP && s2 == NB_ACTIVE)) {
			replace(q);
		}
	} else if (t1 == NB_GROUP) {
		if ((s1 != NB_ACTIVE && t2 == NB_GROUP) ||
		    (s1 == NB_TOMBSTONE && t2 != NB_UNIQUE)) {
			replace(q);
		}
	} else if (s1 != NB_ACTIVE) {
		replace(q);
	} else if (t2 == NB_SGROUP && s2 == NB_ACTIVE) {
		foreign_groups(q);
	} else if (t2 == NB_SGROUP) {
		replace(q);
	}
}

/* ---- 5.6 ---- */

static void mhomed_merge(struct question *q)
{
	struct nb_record rec = with_times(q);

	for (int i = 0; i < q->r1.count; i++) {
		if (in_list(q->r2, q->r1.member[i].ip) == NULL &&
		    rec.count < NB_MEMBERS_MAX) {
			append(&rec, q->r1.member[i]);
		}
	}
	rec.type = NB_MHOMED;
	store(q, rec);
}

static void challenged(struct question *q)
{
	const struct nb_event *ev = q->event;

	if (q->policy->observe) {
		return;
	}
	if (ev->kind == NB_EV_REPLICA) {
		q->model->deed = MODEL_CHALLENGE;
	} else if (ev->kind == NB_EV_REPLICA_LOST) {
		replace(q);
	} else if (q->r2->count == 0 ||
		   common_answers(q->r2, ev) < q->r2->count) {
		return;
	} else if (common_answers(&q->r1, ev) == q->r1.count) {
		mhomed_merge(q);
	} else {
		for (int i = 0; i < ev->answers; i++) {
			demand(q, ev->answer[i]);
		}
	}
}

/* ---- 5.3b ---- */

static void host_of_ours(struct question *q)
{
	const struct nb_record *r2 = q->r2;

	if (r2->state != NB_ACTIVE) {
		propagate(q);
	} else if (r2->type == NB_UNIQUE || r2->type == NB_MHOMED) {
		if (common(&q->r1, r2, false) == q->r1.count) {
			replace(q);
		} else {
			challenged(q);
		}
	} else {
		replace(q);
		for (int i = 0; i < q->r1.count; i++) {
			/* Q314696 */
			if (in_list(r2, q->r1.member[i].ip) == NULL) {
				demand(q, q->r1.member[i].ip);
			}
		}
	}
}

static void groups_of_ours(struct question *q)
{
	if (q->r1.count != q->r2->count ||
	    common(q->r2, &q->r1, true) != q->r2->count) {
		sg_merge(q);
	}
}

static void local(struct question *q)
{
	bool active = q->r1.state == NB_ACTIVE;
	bool both = active && q->r2->state == NB_ACTIVE;

	switch (q->r1.type) {
	case NB_UNIQUE:
	case NB_MHOMED:
		if (active) {
			host_of_ours(q);
		} else {
			replace(q);
		}
		return;
	case NB_GROUP:
		if (q->r2->type == NB_GROUP && (!active || both)) {
			replace(q);
		} else {
			propagate(q);
		}
		return;
	case NB_SGROUP:
		if (!active) {
			replace(q);
		} else if (both && q->r2->type == NB_SGROUP) {
			groups_of_ours(q);
		} else {
			propagate(q);
		}
		return;
	}
}

/* ---- 5.2 ---- */

static void top_level(struct question *q)
{
	const struct nb_record *r2 = q->r2;
	bool other = q->stored != NULL && q->r1.owner != r2->owner;

	if (r2->owner == NB_SELF) {
		comes_back(q);
	} else if (q->stored == NULL) {
		replace(q);
	} else if (other && q->r1.is_static) {
		if (q->r1.owner == NB_SELF && !r2->is_static) {
			propagate(q);
		}
	} else if (other && r2->is_static) {
		replace(q);
	} else if (!other) {
		replace(q);
	} else if (q->r1.owner != NB_SELF) {
		foreign(q);
	} else {
		local(q);
	}
}

void replica_model(const struct nb_record *r1, const struct nb_event *event,
		   const struct nb_policy *policy, int64_t now,
		   struct replica_model *model)
{
	struct question q = {
		.stored = r1,
		.r2 = event->record,
		.event = event,
		.policy = policy,
		.now = now,
		.model = model,
	};

	memset(model, 0, sizeof(*model));
	if (r1 != NULL) {
		read_now(&q);
	}
	/* quality C.2 MS09-008 */
	if (q.r2->state == NB_ACTIVE && !q.r2->is_static &&
	    nb_policy_blocks(policy, &q.r2->name)) {
		return;
	}
	top_level(&q);
}
