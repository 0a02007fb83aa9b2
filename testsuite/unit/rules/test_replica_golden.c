/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The replica table against the specification.
 *
 * testsuite/golden/replica_rules.txt was typed from protocol.md section 5.
 * Here every cell that a real situation can have is built as two records, an
 * event and a policy, decided by rule_replica(), and what came out is measured
 * from the verdict (never from the table) and compared with the one golden
 * line that matches. Then the table itself: no row is dead, and no row's
 * action can be changed without a cell going wrong.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/replica.h"
#include "rules/replica_table.h"
#include "sim/golden.h"

#define NOW	1000000
#define VERIFY	9000
#define O1	0x0a090901u	/* owner of R1, when not ours */
#define O2	0x0a090902u	/* owner of R2, when not ours */
#define O3	0x0a090903u
#define IP1	0x0a000001u	/* addresses of R1: this and following */
#define IP2	0x0a000101u	/* of R2 */

/* ---- words ---- */

struct words {
	unsigned int count;
	const char *const *word;
};

#define WORDS(...)                                                       \
	{ sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *), \
	  (const char *const[]){ __VA_ARGS__ } }

#define RECORDS                                                             \
	"none", "UA", "UR", "UT", "GA", "GR", "GT", "SA", "SR", "ST", "MA", \
		"MR", "MT"

enum { EVENT, CLASS, OWNERS, R1, FIX1, R2, FIX2, RELATION, MODE, FIELDS };

/* In the order of the golden file's columns and of the enums. */
static const struct words words[FIELDS] = {
	WORDS("came", "lost", "held"),
	WORDS("plain", "blocked"),
	WORDS("new", "ours", "same", "other", "back-new", "back-ours",
	      "back-other"),
	WORDS(RECORDS),
	WORDS("dynamic", "static"),
	WORDS(RECORDS),
	WORDS("dynamic", "static"),
	WORDS("apart", "older", "inside", "stranger", "part", "all",
	      "identical", "empty-theirs", "empty", "superset",
	      "same-addresses"),
	WORDS("full", "no-demand", "observe"),
};

/* The sets of the enums are those of the words. */
static const uint8_t sizes[FIELDS] = { RE_COUNT, RC_COUNT, RO_COUNT,
				       RR_COUNT, 2,	   RR_COUNT,
				       2,	 RL_COUNT, RM_COUNT };

static uint8_t *field_of(struct replica_cell *c, int field)
{
	uint8_t *const at[FIELDS] = {
		&c->event,    &c->class,	  &c->owners,
		&c->record,   &c->fixed,	  &c->incoming,
		&c->incoming_fixed, &c->relation, &c->mode,
	};

	return at[field];
}

static const char *cell_text(const struct replica_cell *cell)
{
	static char text[200];
	struct replica_cell c = *cell;
	size_t len = 0;

	for (int f = 0; f < FIELDS; f++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s ",
					words[f].word[*field_of(&c, f)]);
	}
	return text;
}

/* ---- the golden file ---- */

struct golden {
	char ref[48];
	uint32_t mask[FIELDS];
	char effect[24];
	unsigned int hits;
};

static struct golden golden[200];
static unsigned int goldens;

static uint32_t mask_of(const char *list, const struct words *set)
{
	uint32_t mask = 0;

	for (unsigned int i = 0; i < set->count; i++) {
		if (golden_list_has(list, set->word[i])) {
			mask |= 1u << i;
		}
	}
	return mask;
}

static int golden_load(void **state)
{
	FILE *file = golden_open("replica_rules.txt");
	char field[FIELDS][80];
	char line[512];

	(void)state;
	while (fgets(line, sizeof(line), file) != NULL) {
		struct golden *g = &golden[goldens];

		if (line[0] == '#' || line[0] == '\n') {
			continue;
		}
		if (sscanf(line,
			   "%47s ; %79s ; %79s ; %79s ; %79s ; %79s ; %79s ; "
			   "%79s ; %79s ; %79s ; %23s",
			   g->ref, field[0], field[1], field[2], field[3],
			   field[4], field[5], field[6], field[7], field[8],
			   g->effect) != 11) {
			fprintf(stderr, "cannot read: %s", line);
			return -1;
		}
		for (int f = 0; f < FIELDS; f++) {
			g->mask[f] = mask_of(field[f], &words[f]);
		}
		goldens++;
	}
	fclose(file);
	return 0;
}

static bool golden_matches(const struct golden *g, const struct replica_cell *c)
{
	struct replica_cell cell = *c;

	for (int f = 0; f < FIELDS; f++) {
		if (!(g->mask[f] & 1u << *field_of(&cell, f))) {
			return false;
		}
	}
	return true;
}

static struct golden *golden_for(const struct replica_cell *c)
{
	struct golden *found = NULL;

	for (unsigned int i = 0; i < goldens; i++) {
		if (!golden_matches(&golden[i], c)) {
			continue;
		}
		if (found != NULL) {
			fail_msg("lines %s and %s overlap", found->ref,
				 golden[i].ref);
		}
		found = &golden[i];
	}
	if (found == NULL) {
		fail_msg("no golden line for %s", cell_text(c));
	}
	return found;
}

/* ---- situations ---- */

struct situation {
	struct nb_record old;
	struct nb_record in;
	bool exists;
	struct nb_event event;
	struct nb_policy policy;
};

static void give(struct nb_record *rec, uint32_t ip, uint32_t owner)
{
	rec->member[rec->count++] = (struct nb_member){
		.ip = ip,
		.owner = owner,
		.expires = NOW + 500 - rec->count,
	};
}

static bool is_host(const struct nb_record *rec)
{
	return rec->type == NB_UNIQUE || rec->type == NB_MHOMED;
}

static uint8_t members_for(const struct nb_record *rec)
{
	return rec->type == NB_UNIQUE || rec->type == NB_GROUP ? 1 : 2;
}

/*
 * A merge leaves out this member, a replacement does not. Without it they
 * are the same where R2 has all addresses of R1.
 */
static void leave_out_ours(struct situation *s)
{
	s->in.member[s->in.count - 1].owner = NB_SELF;
	s->policy.propagate_releases = true;
}

/* Two hosts: INSIDE shares addresses, all the others do not. */
static void build_hosts(struct situation *s, const struct replica_cell *c)
{
	uint8_t inside = c->relation == RL_INSIDE;
	uint8_t count = members_for(&s->old);

	if (inside && members_for(&s->in) < count) {
		count = 1;
	}
	for (uint8_t i = 0; i < count; i++) {
		give(&s->old, IP1 + i, s->old.owner);
	}
	for (uint8_t i = 0; i < members_for(&s->in); i++) {
		give(&s->in, (inside ? IP1 : IP2) + i, s->in.owner);
	}
	if ((inside && s->in.count > s->old.count) ||
	    (c->relation == RL_ALL && s->in.count > 1)) {
		leave_out_ours(s);
	}
}

/* Two active internet groups, so that R1 fits the relation. */
static void build_groups(struct situation *s, const struct replica_cell *c)
{
	bool theirs = c->relation == RL_EMPTY_THEIRS;
	bool shared = c->relation == RL_SUPERSET ||
		      c->relation == RL_IDENTICAL ||
		      c->relation == RL_SAME_ADDRESSES;
	bool same_owner = shared && c->relation != RL_SAME_ADDRESSES;

	give(&s->old, IP1, theirs ? s->in.owner : s->old.owner);
	give(&s->old, IP1 + 1, theirs ? s->in.owner : O3);
	if (theirs || c->relation == RL_EMPTY) {
		return;
	}
	for (uint8_t i = 0; i < s->old.count; i++) {
		give(&s->in, shared ? IP1 + i : IP2 + i,
		     same_owner ? s->old.member[i].owner : s->in.owner);
	}
	if (c->relation == RL_SUPERSET) {
		s->in.count = 1;
	}
	if (c->relation == RL_SAME_ADDRESSES) {
		leave_out_ours(s);
	}
}

static void build_members(struct situation *s, const struct replica_cell *c)
{
	if (s->exists && s->old.type == NB_SGROUP &&
	    s->in.type == NB_SGROUP) {
		build_groups(s, c);
	} else {
		build_hosts(s, c);
	}
}

/* The holder answers its addresses, R2's, or both. */
static void build_answers(struct situation *s, const struct replica_cell *c)
{
	bool new = c->relation == RL_PART || c->relation == RL_ALL;
	struct nb_event *ev = &s->event;

	if (c->event != RE_HELD) {
		return;
	}
	for (uint8_t i = 0; i < s->in.count && new; i++) {
		ev->answer[ev->answers++] = s->in.member[i].ip;
	}
	for (uint8_t i = 0; i < s->old.count && c->relation != RL_PART; i++) {
		ev->answer[ev->answers++] = s->old.member[i].ip;
	}
	if (ev->answers == 0) {
		ev->answer[ev->answers++] = IP1;
	}
}

static void build_head(struct nb_record *rec, uint8_t record, bool fixed)
{
	rec->name = nb_name_make("NAME", 4, 0x20);
	rec->type = (uint8_t)((record - RR_UA) / 3);
	rec->state = (uint8_t)((record - RR_UA) % 3);
	rec->is_static = fixed;
}

static void build_heads(struct situation *s, const struct replica_cell *c)
{
	bool back = c->owners >= RO_BACK_NEW;

	s->exists = c->record != RR_NONE;
	if (s->exists) {
		build_head(&s->old, c->record, c->fixed);
		s->old.node = NB_P_NODE;
		s->old.expires = NOW + 600;
		s->old.owner = c->owners == RO_OURS || c->owners == RO_BACK_OURS
				       ? NB_SELF
				       : O1;
		s->old.version = c->relation == RL_OLDER ? 40 : 77;
	}
	build_head(&s->in, c->incoming, c->incoming_fixed);
	s->in.node = NB_H_NODE;
	s->in.owner = back ? NB_SELF : c->owners == RO_SAME ? O1 : O2;
	s->in.version = 50;
	if (c->class == RC_BLOCKED) {
		s->in.name = nb_name_make("WPAD", 4, 0x20);
		s->old.name = s->in.name;
	}
}

/* Build the cell's situation; false if nothing real looks like that. */
static bool build(const struct replica_cell *c, struct situation *s)
{
	static const uint8_t kinds[] = { NB_EV_REPLICA, NB_EV_REPLICA_LOST,
					 NB_EV_REPLICA_HELD };
	struct replica_cell is;

	memset(s, 0, sizeof(*s));
	if (c->incoming == RR_NONE) {
		return false;
	}
	s->policy = nb_policy_default();
	s->policy.max_ttl = 1000;
	s->policy.tombstone_interval = 5000;
	s->policy.tombstone_timeout = 70000;
	s->policy.verify_interval = VERIFY;
	s->policy.observe = c->mode == RM_OBSERVE;
	build_heads(s, c);
	build_members(s, c);
	nb_record_settle(&s->old);
	build_answers(s, c);
	s->event.kind = kinds[c->event];
	s->event.name = s->in.name;
	s->event.record = &s->in;
	s->event.no_demand = c->mode == RM_NO_DEMAND;
	if (s->exists && nb_record_broken(&s->old) != NULL) {
		return false;
	}
	is = replica_cell_of(s->exists ? &s->old : NULL, &s->event,
			     &s->policy);
	return memcmp(&is, c, sizeof(is)) == 0;
}

/* ---- measuring ---- */

static const struct nb_member *member(const struct nb_record *rec, uint32_t ip)
{
	int at = nb_record_find(rec, ip);

	return at < 0 ? NULL : &rec->member[at];
}

/* Are these members there, with their owners, and expire then (0: as here)? */
static bool has_members(const struct nb_record *rec,
			const struct nb_record *of, int64_t when)
{
	for (int i = 0; i < of->count; i++) {
		const struct nb_member *m = member(rec, of->member[i].ip);

		if (m == NULL || m->owner != of->member[i].owner ||
		    m->expires != (when == 0 ? of->member[i].expires : when)) {
			return false;
		}
	}
	return true;
}

static bool same_head(const struct nb_record *a, const struct nb_record *b)
{
	return a->type == b->type && a->node == b->node &&
	       a->is_static == b->is_static &&
	       nb_name_equal(&a->name, &b->name);
}

static bool is_propagated(const struct situation *s,
			  const struct nb_record *rec)
{
	return same_head(rec, &s->old) && rec->state == s->old.state &&
	       rec->count == s->old.count && rec->owner == NB_SELF &&
	       rec->expires == s->old.expires && has_members(rec, &s->old, 0);
}

/* R2 and nothing else, whose times are these. */
static bool is_replica(const struct situation *s, const struct nb_record *rec,
		       int64_t members_until, int64_t until)
{
	bool never = s->in.is_static && s->in.state == NB_ACTIVE;

	return same_head(rec, &s->in) && rec->state == s->in.state &&
	       rec->count == s->in.count && rec->owner == s->in.owner &&
	       rec->expires == (never ? NB_NEVER : until) &&
	       has_members(rec, &s->in, never ? NB_NEVER : members_until);
}

static bool is_union(const struct situation *s, const struct nb_record *rec)
{
	return rec->state == NB_ACTIVE && rec->node == s->in.node &&
	       rec->count == s->old.count + s->in.count &&
	       has_members(rec, &s->old, 0) &&
	       has_members(rec, &s->in, NOW + VERIFY);
}

/* 5.4 step 5: when it is ours, the latest of ours; else a verify interval. */
static bool group_expires(const struct nb_record *rec, bool ours)
{
	int64_t latest = NOW + VERIFY;
	bool any = false;

	for (int i = 0; i < rec->count && ours; i++) {
		if (rec->member[i].owner == NB_SELF &&
		    (!any || rec->member[i].expires > latest)) {
			latest = rec->member[i].expires;
			any = true;
		}
	}
	return rec->expires == latest;
}

static bool demands_are(const struct nb_verdict *v, const uint32_t *ip,
			unsigned int count)
{
	return v->demands == count &&
	       memcmp(v->demand, ip, count * sizeof(*ip)) == 0;
}

static bool demands_all_old(const struct situation *s,
			    const struct nb_verdict *v)
{
	uint32_t ip[NB_MEMBERS_MAX];

	for (int i = 0; i < s->old.count; i++) {
		ip[i] = s->old.member[i].ip;
	}
	return demands_are(v, ip, s->old.count);
}

static const char *measure_merge(const struct situation *s,
				 const struct nb_verdict *v)
{
	const struct nb_record *rec = &v->record;
	bool ours = v->new_version && rec->owner == NB_SELF;

	if (rec->type != NB_SGROUP || s->in.type != NB_SGROUP ||
	    !group_expires(rec, ours)) {
		return "bad put";
	}
	if (s->in.count == 0 && rec->count == 0 && rec->state == NB_RELEASED) {
		return ours ? "merge-none+" : "merge-none";
	}
	if (s->in.count > 0 && is_union(s, rec)) {
		return ours ? "merge+" : "merge";
	}
	return "bad merge";
}

static const char *measure_put(const struct situation *s,
			       const struct nb_verdict *v)
{
	static const int64_t life[] = { 1000, 5000, 70000 };
	const struct nb_record *rec = &v->record;

	if (nb_record_broken(rec) != NULL) {
		return "broken";
	}
	if (v->new_version) {
		return v->demands != 0		? "demands"
		       : is_propagated(s, rec) ? "propagate+"
						: measure_merge(s, v);
	}
	if (rec->owner != s->in.owner || rec->version != s->in.version) {
		return "bad owner";
	}
	if (rec->owner == NB_SELF) {
		return v->demands == 0 && is_replica(s, rec, NOW + 1000,
						     NOW + life[rec->state])
			       ? "restore"
			       : "bad restore";
	}
	if (is_replica(s, rec, NOW + VERIFY, NOW + VERIFY)) {
		return v->demands == 0	      ? "replace"
		       : demands_all_old(s, v) ? "replace-demand"
					      : "bad demands";
	}
	if (v->demands != 0) {
		return "demands";
	}
	if (rec->type == NB_MHOMED && is_host(&s->in) && is_union(s, rec) &&
	    rec->expires == NOW + VERIFY) {
		return "mhomed-merge";
	}
	return measure_merge(s, v);
}

static const char *measure(const struct situation *s,
			   const struct nb_verdict *v)
{
	if (v->row == UINT16_MAX || v->reply.kind != NB_REPLY_NONE) {
		return "no row, or a reply";
	}
	if (v->challenge) {
		return v->store == NB_STORE_NOTHING && v->demands == 0 &&
				       is_propagated(s, &v->record)
			       ? "challenge"
			       : "bad challenge";
	}
	if (v->store == NB_STORE_PUT) {
		return measure_put(s, v);
	}
	if (v->store != NB_STORE_NOTHING || v->outcome != NB_UNCHANGED) {
		return "bad store";
	}
	if (v->demands == 0) {
		return "keep";
	}
	return demands_are(v, s->event.answer, s->event.answers)
		       ? "late-release"
		       : "bad demands";
}

/* ---- all cells ---- */

/* Those that are real, and which row decides. */
static struct real {
	struct replica_cell cell;
	int row;
} *real;
static unsigned int reals;

static bool next_cell(struct replica_cell *c)
{
	for (int f = FIELDS - 1; f >= 0; f--) {
		uint8_t *at = field_of(c, f);

		if (++*at < sizes[f]) {
			return true;
		}
		*at = 0;
	}
	return false;
}

static int setup(void **state)
{
	struct replica_cell cell = { 0 };
	struct situation s;
	unsigned int room = 0;

	do {
		if (!build(&cell, &s)) {
			continue;
		}
		if (reals == room) {
			room = room == 0 ? 1024 : 2 * room;
			real = realloc(real, room * sizeof(*real));
		}
		real[reals++] = (struct real){
			.cell = cell,
			.row = replica_table_find(replica_table,
						  replica_table_rows, &cell),
		};
	} while (next_cell(&cell));
	return golden_load(state);
}

static int teardown(void **state)
{
	(void)state;
	free(real);
	return 0;
}

static const char *effect_of(const struct replica_row *table,
			     const struct replica_cell *cell,
			     const char **ref)
{
	struct situation s;
	struct nb_verdict v;

	build(cell, &s);
	memset(&v, 0xa5, sizeof(v));
	rule_replica_with(table, replica_table_rows, s.exists ? &s.old : NULL,
			  &s.event, &s.policy, NOW, &v);
	*ref = v.ref;
	return measure(&s, &v);
}

static void every_cell_agrees(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < reals; i++) {
		struct golden *g = golden_for(&real[i].cell);
		const char *ref = NULL;
		const char *effect = effect_of(replica_table, &real[i].cell,
					       &ref);

		g->hits++;
		if (strcmp(effect, g->effect) != 0) {
			fail_msg("%s: %s wants %s, got %s by [%s]",
				 cell_text(&real[i].cell), g->ref, g->effect,
				 effect, ref);
		}
	}
	print_message("%u cells, %u golden lines, %u rows\n", reals, goldens,
		      replica_table_rows);
	for (unsigned int i = 0; i < goldens; i++) {
		if (golden[i].hits == 0) {
			fail_msg("golden line %s matches nothing",
				 golden[i].ref);
		}
	}
}

/* All that section 5 can ask about, but what the relation leaves open. */
static void every_situation_is_built(void **state)
{
	/* one and more events, classes, relations, modes of each pair */
	static bool seen[RO_COUNT][RR_COUNT][2][RR_COUNT][2][RM_COUNT];
	unsigned int pairs = 0;

	(void)state;
	for (unsigned int i = 0; i < reals; i++) {
		const struct replica_cell *c = &real[i].cell;
		bool *at = &seen[c->owners][c->record][c->fixed][c->incoming]
				[c->incoming_fixed][c->mode];

		pairs += !*at;
		*at = true;
	}
	/* 5 pairs of owners with an R1, 2 without */
	assert_int_equal(pairs, (5 * 12 * 2 + 2) * 12 * 2 * 3);
}

static void no_row_is_dead(void **state)
{
	bool *hit = calloc(replica_table_rows, sizeof(*hit));

	(void)state;
	for (unsigned int i = 0; i < reals; i++) {
		assert_true(real[i].row >= 0);
		hit[real[i].row] = true;
	}
	for (unsigned int i = 0; i < replica_table_rows; i++) {
		if (!hit[i]) {
			fail_msg("row %u [%s] decides nothing", i,
				 replica_table[i].ref);
		}
	}
	free(hit);
}

/* Actions that work on R1 are a crash without one: as red as can be. */
static bool needs_record(uint32_t action)
{
	return action != RA_KEEP && action != RA_REPLACE &&
	       action != RA_RESTORE && action != RA_LATE_RELEASE;
}

/*
 * One flip changes nothing by its nature: where R2 is a group with the same
 * addresses there is nobody left to be told (Q314696).
 */
static bool is_same_deed(const struct replica_row *row, uint32_t action)
{
	return row->relation == 1u << RL_SAME_ADDRESSES &&
	       row->action == RA_REPLACE && action == RA_DEMAND;
}

/* Does some cell go wrong with this table? */
static bool goes_red(const struct replica_row *table, unsigned int row)
{
	for (unsigned int i = 0; i < reals; i++) {
		const struct replica_cell *c = &real[i].cell;
		const char *ref = NULL;

		if (real[i].row != (int)row) {
			continue;
		}
		if ((c->record == RR_NONE && needs_record(table[row].action)) ||
		    strcmp(effect_of(table, c, &ref),
			   golden_for(c)->effect) != 0) {
			return true;
		}
	}
	return false;
}

static void every_flip_goes_red(void **state)
{
	struct replica_row *table =
		calloc(replica_table_rows, sizeof(struct replica_row));
	unsigned int flips = 0;

	(void)state;
	memcpy(table, replica_table, replica_table_rows * sizeof(*table));
	for (unsigned int row = 0; row < replica_table_rows; row++) {
		for (uint32_t action = 0; action < RA_COUNT; action++) {
			if (action == replica_table[row].action ||
			    is_same_deed(&replica_table[row], action)) {
				continue;
			}
			table[row].action = action;
			flips++;
			if (!goes_red(table, row)) {
				fail_msg("row %u [%s] as %s: nobody notices",
					 row, table[row].ref,
					 replica_action_name(action));
			}
		}
		table[row] = replica_table[row];
	}
	print_message("%u flips, all noticed\n", flips);
	free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell_agrees),
		cmocka_unit_test(every_situation_is_built),
		cmocka_unit_test(no_row_is_dead),
		cmocka_unit_test(every_flip_goes_red),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
