/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two views of a name become a set of differences, and each set is held
 * against a table of excuses: the first one that explains all of it makes it
 * expected. What none explains is real, and is called by the first of its
 * differences.
 *
 * A field is compared where both sides say it. Replicas have no times, nmbd's
 * file has no owners, an answer has neither type nor version: that a side
 * cannot say something is no difference.
 *
 * An answer is compared with what the record would answer (protocol.md 2.9):
 * normal groups the broadcast address in any state, <1d> never, the others
 * their addresses while they are active. Their order means something in a
 * <1c> answer only, and each server has its own: the domain's <1b> address
 * may stand before the others, and where there are more than fit into an
 * answer the last ones are missing.
 */
#include "migrate/live/compare_class.h"

#include <stddef.h>

#include "migrate/row.h"

enum difference {
	SILENT = 1 << 0,
	PRESENCE = 1 << 1,	/* it is, or resolves, on one side only */
	TYPE = 1 << 2,
	STATE = 1 << 3,
	STATIC = 1 << 4,
	ADDRESSES = 1 << 5,
	OWNER = 1 << 6,
	VERSION = 1 << 7,
	REMNANT = 1 << 8,	/* both do not resolve, but not alike */
	ORDER = 1 << 9,
};

/* The word for a real one: the first bit that is set. */
static const struct {
	unsigned int bit;
	const char *reason;
} real_reasons[] = {
	{ SILENT, "no answer" },
	{ PRESENCE, "on one side only" },
	{ TYPE, "type" },
	{ STATE, "state" },
	{ STATIC, "static or dynamic" },
	{ ADDRESSES, "addresses" },
	{ OWNER, "owner" },
	{ VERSION, "version" },
	{ REMNANT, "state" },
	{ ORDER, "order" },
};

struct situation {
	unsigned int differs;		/* enum difference, or-ed */
	const struct compare_view *has;	/* PRESENCE, STATE: the active side */
	const struct compare_view *lacks;
	const struct compare_view *ahead;	/* VERSION: the newer one */
	const struct compare_view *behind;
	const struct compare_view *old, *new;
	const struct compare_world *world;
};

const char *compare_class_name(enum compare_class class)
{
	static const char *const names[COMPARE_CLASSES] = {
		[COMPARE_EQUAL] = "equal",
		[COMPARE_EXPECTED] = "expected",
		[COMPARE_REAL] = "real",
	};

	return class < COMPARE_CLASSES ? names[class] : "?";
}

/* ---- views ---- */

static bool is_record(const struct compare_view *view)
{
	return view->kind == COMPARE_RECORD;
}

static bool both_say(const struct situation *s, unsigned int field)
{
	return is_record(s->old) && is_record(s->new) &&
	       (s->old->known & s->new->known & field) != 0;
}

static bool active(const struct compare_view *view)
{
	return view->kind == COMPARE_RECORD && view->rec.state == NB_ACTIVE;
}

/* A query for it would be answered with yes (2.9); of a list, it is there. */
static bool resolves(const struct compare_view *view, bool is_query)
{
	if (view->kind != COMPARE_RECORD) {
		return view->kind == COMPARE_ANSWER;
	}
	if (!is_query) {
		return active(view);
	}
	if (view->rec.name.type == 0x1d) {
		return false;
	}
	return view->rec.type == NB_GROUP || active(view);
}

static bool is_1c(const struct compare_view *view)
{
	return view->rec.name.type == 0x1c;
}

static bool has_address(const struct nb_record *rec, uint32_t ip)
{
	return nb_record_find(rec, ip) >= 0;
}

static bool within(const struct nb_record *inner,
		   const struct nb_record *outer, uint32_t but)
{
	for (unsigned int i = 0; i < inner->count; i++) {
		if (inner->member[i].ip != but &&
		    !has_address(outer, inner->member[i].ip)) {
			return false;
		}
	}
	return true;
}

/* ---- what differs ---- */

static bool same_set(const struct nb_record *a, const struct nb_record *b)
{
	return within(a, b, 0) && within(b, a, 0);
}

static bool same_order(const struct nb_record *a, const struct nb_record *b)
{
	bool same = a->count == b->count;

	for (unsigned int i = 0; same && i < a->count; i++) {
		same = a->member[i].ip == b->member[i].ip;
	}
	return same;
}

/* The address of a normal group is nobody's concern: it answers broadcast. */
static bool group_address_tells(const struct nb_record *rec)
{
	return rec->count > 0 && rec->member[0].ip != NB_BROADCAST &&
	       rec->member[0].ip != 0;
}

static bool addresses_differ(const struct situation *s)
{
	const struct nb_record *a = &s->old->rec, *b = &s->new->rec;

	if ((a->type == NB_GROUP || b->type == NB_GROUP) &&
	    (!group_address_tells(a) || !group_address_tells(b) ||
	     !both_say(s, ROW_TYPE))) {
		return false;
	}
	return !same_set(a, b);
}

/* An answer against a record, or two answers: both resolve. */
static unsigned int compare_answers(const struct situation *s)
{
	const struct nb_record *a = &s->old->rec, *b = &s->new->rec;
	bool group_a = a->type == NB_GROUP, group_b = b->type == NB_GROUP;

	if (group_a != group_b) {
		return TYPE;
	}
	if (group_a) {
		return 0;
	}
	if (!same_set(a, b)) {
		return ADDRESSES;
	}
	return is_1c(s->old) && !same_order(a, b) &&
	       !is_record(s->old) && !is_record(s->new) ? ORDER : 0;
}

static void note_sides(struct situation *s, bool old_has)
{
	s->has = old_has ? s->old : s->new;
	s->lacks = old_has ? s->new : s->old;
}

static void note_versions(struct situation *s)
{
	bool old_ahead = s->old->rec.version > s->new->rec.version;

	s->ahead = old_ahead ? s->old : s->new;
	s->behind = old_ahead ? s->new : s->old;
}

static bool said_differs(const struct situation *s, unsigned int field,
			 uint64_t a, uint64_t b)
{
	return both_say(s, field) && a != b;
}

static unsigned int compare_states(struct situation *s)
{
	const struct nb_record *a = &s->old->rec, *b = &s->new->rec;

	if (a->state == b->state || !both_say(s, ROW_STATE)) {
		return 0;
	}
	if (a->state != NB_ACTIVE && b->state != NB_ACTIVE) {
		return REMNANT;
	}
	note_sides(s, a->state == NB_ACTIVE);
	return STATE;
}

static bool is_host(const struct nb_record *rec)
{
	return rec->type == NB_UNIQUE || rec->type == NB_MHOMED;
}

/*
 * A file that has no versions, such as nmbd's, has no word for a multihomed
 * host of one address either; servers have.
 */
static bool types_differ(const struct situation *s)
{
	const struct nb_record *a = &s->old->rec, *b = &s->new->rec;

	return said_differs(s, ROW_TYPE, a->type, b->type) &&
	       !(is_host(a) && is_host(b) && !both_say(s, ROW_VERSION));
}

static unsigned int compare_records(struct situation *s)
{
	const struct nb_record *a = &s->old->rec, *b = &s->new->rec;
	unsigned int differs = compare_states(s);

	if (said_differs(s, ROW_OWNER, a->owner, b->owner)) {
		differs |= OWNER;
	} else if (said_differs(s, ROW_VERSION, a->version, b->version)) {
		differs |= VERSION;
		note_versions(s);
	}
	if (a->state != NB_ACTIVE || b->state != NB_ACTIVE) {
		return differs;
	}
	if (types_differ(s)) {
		differs |= TYPE;
	}
	if (said_differs(s, ROW_STATIC, a->is_static, b->is_static)) {
		differs |= STATIC;
	}
	return addresses_differ(s) ? differs | ADDRESSES : differs;
}

static unsigned int measure(struct situation *s)
{
	bool is_query = s->old->kind > COMPARE_RECORD ||
			s->new->kind > COMPARE_RECORD;
	bool old_has = resolves(s->old, is_query);
	bool new_has = resolves(s->new, is_query);

	if (s->old->kind == COMPARE_SILENT || s->new->kind == COMPARE_SILENT) {
		return s->old->kind == s->new->kind ? 0 : SILENT;
	}
	if (is_record(s->old) && is_record(s->new)) {
		return compare_records(s);
	}
	if (old_has != new_has) {
		note_sides(s, old_has);
		return PRESENCE;
	}
	if (!old_has) {
		return is_query || s->old->kind == s->new->kind ? 0 : REMNANT;
	}
	return compare_answers(s);
}

/* ---- excuses ---- */

static bool blocked_name(const struct situation *s)
{
	const struct compare_world *world = s->world;

	return s->has != NULL && world->blocked != NULL &&
	       nb_name_listed(world->blocked, &s->has->rec.name) &&
	       (world->allowed == NULL ||
		!nb_name_listed(world->allowed, &s->has->rec.name));
}

static bool is_blocked(const struct compare_world *world, uint32_t owner)
{
	for (unsigned int i = 0; i < world->block_owners; i++) {
		if (world->block_owner[i] == owner) {
			return true;
		}
	}
	return false;
}

/* All addresses that b lacks came from a server that is kept out. */
static bool blocked_rest(const struct situation *s,
			 const struct compare_view *a,
			 const struct compare_view *b)
{
	bool any = false;

	for (unsigned int i = 0; i < a->rec.count; i++) {
		const struct nb_member *member = &a->rec.member[i];

		if (has_address(&b->rec, member->ip)) {
			continue;
		}
		if (!is_record(a) || !is_blocked(s->world, member->owner)) {
			return false;
		}
		any = true;
	}
	return any && within(&b->rec, &a->rec, 0);
}

static bool blocked_owner(const struct situation *s)
{
	if ((s->differs & ADDRESSES) != 0) {
		return blocked_rest(s, s->old, s->new) ||
		       blocked_rest(s, s->new, s->old);
	}
	return s->has != NULL && is_record(s->has) &&
	       is_blocked(s->world, s->has->rec.owner);
}

/* Releases are not replicated: the owner knows, a replica does not. */
static bool released_at_owner(const struct situation *s)
{
	const struct compare_view *has = s->has, *lacks = s->lacks;

	if (has == NULL || !is_record(has) || has->rec.is_static) {
		return false;
	}
	if (is_record(lacks)) {
		return lacks->rec.state == NB_RELEASED;
	}
	if (lacks->server == 0 || has->rec.owner != lacks->server) {
		return false;
	}
	return lacks->kind == COMPARE_NEGATIVE ||
	       (lacks->hides_released && lacks->has_mark &&
		lacks->mark >= has->rec.version);
}

/* Its time has come, on one side a little earlier than on the other. */
static bool expired(const struct situation *s)
{
	const struct compare_view *has = s->has;

	if (s->differs == REMNANT) {
		return true;
	}
	if (has != NULL && is_record(has) && !active(has)) {
		return true;	/* a group that answers until it is deleted */
	}
	return has != NULL && is_record(has) && !has->rec.is_static &&
	       (has->known & ROW_EXPIRES) != 0 && has->rec.expires != 0 &&
	       has->rec.expires <= s->world->now;
}

static bool not_pulled_yet(const struct situation *s)
{
	if (s->ahead != NULL) {
		return !s->behind->has_mark ||
		       s->behind->mark < s->ahead->rec.version;
	}
	return s->has != NULL && is_record(s->has) &&
	       (s->has->known & ROW_VERSION) != 0 && s->lacks->has_mark &&
	       s->lacks->mark < s->has->rec.version;
}

/* Replication needs two intervals for two steps; then nobody waits any more. */
static bool young(const struct situation *s)
{
	const struct compare_world *world = s->world;

	return world->now - world->first_seen <
		       2 * (int64_t)world->pull_interval &&
	       (world->appeared || not_pulled_yet(s));
}

/* a is b with the domain's 1B address before the rest, or cut to what fits. */
static bool ordered_1c(const struct compare_view *a,
		       const struct compare_view *b)
{
	uint32_t first = a->first_1b != 0 ? a->first_1b : b->first_1b;
	bool all = within(&b->rec, &a->rec, first);

	return within(&a->rec, &b->rec, first) &&
	       (all || a->rec.count == NB_MEMBERS_MAX);
}

static bool order_of_1c(const struct situation *s)
{
	if (!is_1c(s->old) || (is_record(s->old) && is_record(s->new))) {
		return false;
	}
	return s->differs == ORDER || ordered_1c(s->old, s->new) ||
	       ordered_1c(s->new, s->old);
}

/* In this order; an excuse counts if it covers all that differs. */
static const struct excuse {
	unsigned int covers;
	bool (*is)(const struct situation *s);
	const char *reason;
	bool young;
} excuses[] = {
	{ PRESENCE | STATE, blocked_name, "blocked name", false },
	{ PRESENCE | STATE | ADDRESSES | VERSION, blocked_owner,
	  "blocked owner", false },
	{ PRESENCE | STATE, released_at_owner,
	  "released at the owner", false },
	{ PRESENCE | STATE | REMNANT | VERSION, expired, "expiry", false },
	{ ORDER | ADDRESSES, order_of_1c, "order of domain controllers",
	  false },
	{ PRESENCE | TYPE | STATE | STATIC | ADDRESSES | OWNER | VERSION |
	  REMNANT, young, "younger than two pull intervals", true },
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const char *real_reason(unsigned int differs)
{
	for (unsigned int i = 0; i < LENGTH(real_reasons); i++) {
		if ((differs & real_reasons[i].bit) != 0) {
			return real_reasons[i].reason;
		}
	}
	return NULL;
}

void compare_classify(const struct compare_view *old,
		      const struct compare_view *new,
		      const struct compare_world *world,
		      struct compare_finding *finding)
{
	struct situation s = { .old = old, .new = new, .world = world };

	*finding = (struct compare_finding) { .class = COMPARE_EQUAL };
	s.differs = measure(&s);
	if (s.differs == 0) {
		return;
	}
	for (unsigned int i = 0; i < LENGTH(excuses); i++) {
		const struct excuse *excuse = &excuses[i];

		if ((s.differs & ~excuse->covers) == 0 && excuse->is(&s)) {
			finding->class = COMPARE_EXPECTED;
			finding->reason = excuse->reason;
			finding->young = excuse->young;
			return;
		}
	}
	finding->class = COMPARE_REAL;
	finding->reason = real_reason(s.differs);
}
