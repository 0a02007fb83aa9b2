/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An imported record meets what stands.
 *
 * One of another server is decided as its replica would be, by the conflict
 * matrix (rule_replica), for nothing else keeps servers in agreement. But
 * nobody has sent it: a file is a word of the past. So
 *
 *   - of the same owner an older or equal version never comes in. A partner
 *     tells its versions in order, a file lies about for weeks, and what it
 *     would bring back no pull ever mended: the owner's mark is beyond it.
 *   - no holder is asked and no host is told. Where the matrix wants a
 *     challenge ours stays; the owner's next replica causes it.
 *   - ours gets no new version only because the file says something else
 *     (PROPAGATE): no partner has the file. A second import would go on so.
 *
 * One of our own, by our address in the database or because nobody owns it
 * (adopt), has a small table of its own. A version is kept if none as high can
 * have been told; else it gets a fresh one, for no version names two records.
 *
 * Times that the database says are kept as long as they are within what
 * a record lives here. What lies beyond (the old server's clock was wrong)
 * would never age, and has a life as if it had just come.
 *
 * Rejected: to import through the events of an operator (ADD). They know
 * neither owners nor versions, and every row would replicate.
 */
#include "rules/import.h"

#include "rules/replica.h"

struct work {
	const struct nb_record *raw;	/* what is stored; NULL: nothing */
	const struct nb_record *view;	/* as it reads; NULL: nothing */
	const struct nb_record *in;
	const struct nb_event *event;
	const struct nb_policy *policy;
	int64_t now;
	struct nb_verdict *verdict;
};

/* ---- comparing ---- */

/* Has rec every pair of address and owner of part? */
static bool has_all(const struct nb_record *rec, const struct nb_record *part)
{
	for (int i = 0; i < part->count; i++) {
		int at = nb_record_find(rec, part->member[i].ip);

		if (at < 0 || rec->member[at].owner != part->member[i].owner) {
			return false;
		}
	}
	return true;
}

static bool same_kind(const struct nb_record *a, const struct nb_record *b)
{
	return a->type == b->type && a->state == b->state &&
	       a->is_static == b->is_static;
}

bool import_is_same(const struct nb_record *a, const struct nb_record *b)
{
	return same_kind(a, b) && a->owner == b->owner &&
	       a->count == b->count && has_all(a, b);
}

static bool is_group_list(const struct nb_record *rec)
{
	return rec->type == NB_SGROUP && rec->state == NB_ACTIVE;
}

/* ---- times ---- */

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* No record lives longer than this after an event. */
static int64_t longest_life(const struct nb_policy *policy)
{
	return larger(larger(policy->verify_interval, policy->max_ttl),
		      larger(policy->tombstone_interval,
			     policy->tombstone_timeout));
}

/* Was a time said that can be kept? */
static bool is_usable(const struct work *w, int64_t when)
{
	return when > w->now && when <= w->now + longest_life(w->policy);
}

static bool is_for_ever(const struct nb_record *rec)
{
	return rec->is_static && rec->state == NB_ACTIVE;
}

static int64_t or_usual(const struct work *w, int64_t said, uint32_t usual)
{
	if (is_for_ever(w->in)) {
		return NB_NEVER;
	}
	return is_usable(w, said) ? said : w->now + usual;
}

/* Its time has come, or that of all its members. */
static bool is_expired(const struct work *w)
{
	return !is_for_ever(w->in) &&
	       (w->in->expires <= w->now ||
		w->in->state != w->event->record->state);
}

/* ---- what comes of it ---- */

static void begin(struct nb_verdict *verdict, enum nb_outcome outcome,
		  const char *ref)
{
	verdict->row = 0;
	verdict->ref = ref;
	verdict->store = NB_STORE_NOTHING;
	verdict->new_version = false;
	verdict->challenge = false;
	verdict->demands = 0;
	verdict->outcome = (uint8_t)outcome;
	verdict->reply = (struct nb_reply){ .kind = NB_REPLY_NONE };
}

static void keep(struct work *w, const char *ref)
{
	begin(w->verdict, NB_REFUSED, ref);
}

/* It is ours from now on; which version? */
static void number_it(struct work *w, struct nb_record *rec)
{
	rec->owner = NB_SELF;
	w->verdict->new_version = w->event->adopt || w->event->undo ||
				  rec->version <= w->event->handed_out;
}

static struct nb_member member_of(const struct work *w, int at)
{
	struct nb_member member = w->in->member[at];

	member.expires = or_usual(w, member.expires,
				  member.owner == NB_SELF ?
					  w->policy->max_ttl :
					  w->policy->verify_interval);
	return member;
}

static uint32_t usual_life(const struct work *w)
{
	const struct nb_policy *policy = w->policy;

	if (w->in->owner != NB_SELF) {
		return policy->verify_interval;
	}
	switch (w->in->state) {
	case NB_ACTIVE:
		return policy->max_ttl;
	case NB_RELEASED:
		return policy->tombstone_interval;
	default:
		return policy->tombstone_timeout;
	}
}

/* As it came: from the last to the first, so that the order stays. */
static void store_it(struct work *w, const char *ref)
{
	struct nb_record *rec = &w->verdict->record;

	begin(w->verdict, NB_DONE, ref);
	w->verdict->store = NB_STORE_PUT;
	*rec = *w->in;
	rec->revision = 0;
	rec->count = 0;
	rec->expires = or_usual(w, w->in->expires, usual_life(w));
	for (int i = w->in->count; i > 0; i--) {
		nb_record_insert(rec, member_of(w, i - 1), false);
	}
	nb_record_settle(rec);
	if (rec->owner == NB_SELF) {
		number_it(w, rec);
	}
}

/* 2.3 #21: who is in neither list's way joins ours. */
static void join_it(struct work *w, const char *ref)
{
	struct nb_record *rec = &w->verdict->record;
	bool joined = false;

	begin(w->verdict, NB_DONE, ref);
	*rec = *w->view;
	for (int i = 0; i < w->in->count; i++) {
		struct nb_member member = member_of(w, i);

		if (nb_record_find(rec, member.ip) < 0 &&
		    nb_record_insert(rec, member, false)) {
			joined = true;
			rec->expires = member.expires > rec->expires ?
					       member.expires : rec->expires;
		}
	}
	if (!joined) {
		begin(w->verdict, NB_UNCHANGED, ref);
		return;
	}
	w->verdict->store = NB_STORE_PUT;
	number_it(w, rec);
}

/* ---- ours ---- */

enum have {			/* what stands */
	HAVE_NONE = 1,
	HAVE_OURS = 2,		/* active */
	HAVE_OURS_GONE = 4,
	HAVE_OTHER = 8,
	HAVE_OTHER_GONE = 16,
	HAVE_ANY = 31,
};

enum comes {			/* what comes */
	COMES_NEWER = 1,	/* a version above that of ours, or against
				   another owner's */
	COMES_OLDER = 2,
	COMES_LIST = 4,		/* adopted, and a list meets a list */
	COMES_ADOPTED = 8,	/* any other active one */
	COMES_GONE = 16,	/* adopted, not active */
	COMES_ANY = 31,
};

#define DYN 1u
#define FIX 2u
#define ALL 3u

static const struct own_row {
	unsigned int have;
	unsigned int fixed;		/* is it static? */
	unsigned int comes;
	unsigned int comes_fixed;
	void (*act)(struct work *w, const char *ref);
	const char *ref;
} own_table[] = {
	{ HAVE_NONE, ALL, COMES_ANY, ALL, store_it,
	  "issue migration 3: not here yet" },
	{ HAVE_OTHER, ALL, COMES_ANY, ALL, keep,
	  "issue replication 6: another's, active" },
	{ HAVE_ANY, ALL, COMES_GONE, ALL, keep,
	  "issue migration 3: gone there, known here" },
	{ HAVE_OTHER_GONE, ALL, COMES_ANY, ALL, store_it,
	  "issue replication 6: another's, gone" },
	{ HAVE_ANY, ALL, COMES_NEWER, ALL, store_it,
	  "issue replication 6: older here" },
	{ HAVE_ANY, ALL, COMES_OLDER, ALL, keep,
	  "issue replication 6: not older here" },
	{ HAVE_OURS_GONE, ALL, COMES_ANY, ALL, store_it,
	  "issue migration 3: gone here" },
	{ HAVE_OURS, FIX, COMES_ANY, ALL, keep,
	  "protocol 5.2 #3" },
	{ HAVE_OURS, DYN, COMES_ANY, FIX, store_it,
	  "protocol 5.2 #4" },
	{ HAVE_OURS, DYN, COMES_LIST, ALL, join_it,
	  "protocol 2.3 #21" },
	{ HAVE_ANY, ALL, COMES_ANY, ALL, keep,
	  "issue migration 3: a living record of ours" },
};

static unsigned int have_of(const struct nb_record *view)
{
	if (view == NULL) {
		return HAVE_NONE;
	}
	if (view->owner == NB_SELF) {
		return view->state == NB_ACTIVE ? HAVE_OURS : HAVE_OURS_GONE;
	}
	return view->state == NB_ACTIVE ? HAVE_OTHER : HAVE_OTHER_GONE;
}

static unsigned int comes_of(const struct work *w)
{
	const struct nb_record *view = w->view;

	if (!w->event->adopt) {
		return view == NULL || view->owner != NB_SELF ||
		       w->in->version > view->version ? COMES_NEWER :
							COMES_OLDER;
	}
	if (w->in->state != NB_ACTIVE) {
		return COMES_GONE;
	}
	return is_group_list(w->in) && view != NULL && is_group_list(view) ?
		       COMES_LIST : COMES_ADOPTED;
}

static void decide_ours(struct work *w)
{
	unsigned int have = have_of(w->view), comes = comes_of(w);
	unsigned int fixed = w->view != NULL && w->view->is_static ? FIX : DYN;
	unsigned int comes_fixed = w->in->is_static ? FIX : DYN;
	const struct own_row *row = own_table;

	while ((row->have & have) == 0 || (row->fixed & fixed) == 0 ||
	       (row->comes & comes) == 0 ||
	       (row->comes_fixed & comes_fixed) == 0) {
		row++;		/* the last one covers everything */
	}
	row->act(w, row->ref);
	w->verdict->row = (uint16_t)(row - own_table);
}

/* ---- of others ---- */

/* The rule gave it the times of a replica; what the database said is kept. */
static void keep_times(const struct work *w, struct nb_record *rec)
{
	struct nb_record ordered = *rec;

	ordered.count = 0;
	for (int i = rec->count; i > 0; i--) {
		struct nb_member member = rec->member[i - 1];
		int at = nb_record_find(w->in, member.ip);

		if (at >= 0 && (member.owner != NB_SELF || w->raw == NULL ||
				nb_record_find(w->raw, member.ip) < 0)) {
			member.expires = or_usual(
				w, w->in->member[at].expires,
				w->policy->verify_interval);
		}
		nb_record_insert(&ordered, member, false);
	}
	if (!is_for_ever(rec)) {
		ordered.expires = or_usual(w, w->in->expires,
					   w->policy->verify_interval);
	}
	*rec = ordered;
}

static void decide_others(struct work *w)
{
	struct nb_event came = *w->event;
	struct nb_verdict *verdict = w->verdict;

	if (w->view != NULL && w->view->owner == w->in->owner &&
	    w->in->version <= w->view->version) {
		keep(w, "issue migration 3: not older here");
		return;
	}
	came.kind = NB_EV_REPLICA;
	came.record = w->in;
	came.no_demand = true;
	rule_replica(w->raw, &came, w->policy, w->now, verdict);
	verdict->demands = 0;
	if (verdict->challenge || verdict->store != NB_STORE_PUT) {
		keep(w, verdict->ref);
	} else if (w->view != NULL && verdict->new_version &&
		   import_is_same(&verdict->record, w->view)) {
		keep(w, verdict->ref);	/* PROPAGATE, or a merge of nothing */
	} else if (!verdict->new_version) {
		keep_times(w, &verdict->record);
	}
}

/* ---- the decision ---- */

/* What is not changed by a slip of the hand (design.md 4.3). */
static bool is_protected(const struct work *w)
{
	uint8_t suffix = w->in->name.type;

	return w->event->own_name ||
	       (w->view != NULL &&
		(w->view->is_static || suffix == 0x1b || suffix == 0x1c ||
		 suffix == 0x1e));
}

/* Does what it says stand here, whoever has it by now? */
static bool is_here(const struct work *w)
{
	const struct nb_record *view = w->view;

	if (view == NULL) {
		return false;
	}
	return import_is_same(view, w->in) ||
	       (is_group_list(view) && is_group_list(w->in) &&
		same_kind(view, w->in) && has_all(view, w->in));
}

static void refuse_here(struct work *w)
{
	if (w->verdict->outcome == NB_REFUSED && is_here(w)) {
		w->verdict->outcome = NB_UNCHANGED;
	}
	if (w->verdict->outcome == NB_DONE && is_protected(w) &&
	    !w->event->force) {
		begin(w->verdict, NB_CONFLICT,
		      "design 4.3: protected without --yes");
	}
}

/* What stood here before the import goes back to its place. */
static void decide_undo(struct work *w)
{
	if (w->view != NULL && import_is_same(w->view, w->in) &&
	    (w->in->owner == NB_SELF || w->in->version == w->view->version)) {
		keep(w, "design 4.3: undone already");
		return;
	}
	store_it(w, "design 4.3: undo");
}

static void decide(struct work *w)
{
	if (w->event->undo) {
		decide_undo(w);
	} else if (is_expired(w)) {
		keep(w, "issue migration 3: expired");
	} else if (w->in->owner != NB_SELF && w->in->version == 0) {
		keep(w, "issue migration 3: its owner's version is not said");
	} else if (w->in->owner != NB_SELF) {
		decide_others(w);
	} else if (w->in->state == NB_ACTIVE && !w->in->is_static &&
		   nb_policy_blocks(w->policy, &w->in->name)) {
		keep(w, "quality C.2 MS09-008: blocked names");
	} else if (w->view != NULL && import_is_same(w->view, w->in)) {
		keep(w, "issue migration 3: it stands so already");
	} else {
		decide_ours(w);
	}
	refuse_here(w);
}

/* All of it ours, and without a number. */
static struct nb_record adopted(const struct nb_record *rec)
{
	struct nb_record ours = *rec;

	ours.owner = NB_SELF;
	ours.version = 0;
	for (int i = 0; i < ours.count; i++) {
		ours.member[i].owner = NB_SELF;
	}
	return ours;
}

void rule_import(const struct nb_record *existing,
		 const struct nb_event *event, const struct nb_policy *policy,
		 int64_t now, struct nb_verdict *verdict)
{
	struct nb_record all = event->adopt ? adopted(event->record) :
					      *event->record;
	/* members of ours have aged in the file as they would have here */
	struct nb_record in = event->undo ? all : nb_record_at(&all, now);
	struct nb_record view;
	struct work w = {
		.raw = existing,
		.view = existing,
		.in = &in,
		.event = event,
		.policy = policy,
		.now = now,
		.verdict = verdict,
	};

	if (existing != NULL && !policy->expiry_held &&
	    nb_record_aged(existing, now)) {
		view = nb_record_at(existing, now);
		w.view = &view;
	}
	decide(&w);
}
