/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client table against the specification.
 *
 * testsuite/golden/client_rules.txt was typed from protocol.md. Here every
 * cell that a real situation can have is built as a real record, event and
 * policy, decided by rule_client(), and what came out is measured from the
 * verdict (never from the table) and compared with the one golden line that
 * matches. Then the table itself: no row is dead, and no row's action can be
 * changed without a cell going wrong.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/client.h"
#include "rules/client_table.h"
#include "rules/replica.h"
#include "sim/golden.h"

#define NOW 1000000
#define FOREIGN_OWNER 0x0a090909u
#define LISTED_IP 0x0a000001u
#define STRANGER_IP 0x0a000063u
#define TTL 400u

static const char *const event_words[NB_EV_COUNT] = {
	"register", "mregister", "refresh", "release", "query", "lost", "held",
	"due", "add", "delete", "tombstone", "admin-release", "touch", "adopt",
	"replica", "replica-lost", "replica-held", "verify-lost", "verify-held",
	"import",
};
static const char *const class_words[CLASS_COUNT] = {
	"u", "m", "g", "s", "blocked", "1d", "1b-group", "1c-unique",
	"1e-unique", "scope", "bad-address", "spoofed", "plain", "protected",
	"observed",
};
static const char *const relation_words[REL_COUNT] = {
	"stranger", "listed", "only", "survivor",
};
static const char *const record_words[REC_COUNT] = {
	"none", "UA", "UR", "UT", "GA", "GR", "GT",
	"SA", "SR", "ST", "MA", "MR", "MT",
};

/* ---- the golden file ---- */

struct golden {
	char ref[48];
	char field[7][80];	/* events class record fixed owner relation switch */
	char effect[24];
	unsigned int hits;
};

static struct golden golden[200];
static unsigned int goldens;

static int golden_load(void **state)
{
	char line[512];
	FILE *file = golden_open("client_rules.txt");

	(void)state;
	while (fgets(line, sizeof(line), file) != NULL) {
		struct golden *g = &golden[goldens];

		if (line[0] == '#' || line[0] == '\n') {
			continue;
		}
		if (sscanf(line,
			   "%47s ; %79s ; %79s ; %79s ; %79s ; %79s ; %79s ; "
			   "%79s ; %23s",
			   g->ref, g->field[0], g->field[1], g->field[2],
			   g->field[3], g->field[4], g->field[5], g->field[6],
			   g->effect) != 9) {
			fprintf(stderr, "cannot read: %s", line);
			return -1;
		}
		goldens++;
	}
	fclose(file);
	return 0;
}

static bool golden_matches(const struct golden *g, const struct client_cell *c)
{
	const char *event = event_words[c->event];
	bool claim = c->event <= NB_EV_REFRESH &&
		     golden_list_has(g->field[0], "claim");

	return (claim || golden_list_has(g->field[0], event)) &&
	       golden_list_has(g->field[1], class_words[c->class]) &&
	       golden_list_has(g->field[2], record_words[c->record]) &&
	       golden_list_has(g->field[3], c->fixed ? "static" : "dynamic") &&
	       golden_list_has(g->field[4], c->foreign ? "replica" : "ours") &&
	       golden_list_has(g->field[5], relation_words[c->relation]) &&
	       golden_list_has(g->field[6], c->sw ? "on" : "off");
}

static struct golden *golden_for(const struct client_cell *c)
{
	struct golden *found = NULL;

	for (unsigned int i = 0; i < goldens; i++) {
		if (golden_matches(&golden[i], c)) {
			if (found != NULL) {
				fail_msg("lines %s and %s overlap", found->ref,
					 golden[i].ref);
			}
			found = &golden[i];
		}
	}
	return found;
}

/* ---- situations ---- */

struct situation {
	struct nb_record record;
	struct nb_record view;		/* as a claim meets it */
	struct nb_record wanted;	/* ADD */
	bool exists;
	struct nb_event event;
	struct nb_policy policy;
};

static void build_policy(struct situation *s, const struct client_cell *c)
{
	s->policy = nb_policy_default();
	s->policy.min_ttl = 100;
	s->policy.max_ttl = 1000;
	s->policy.tombstone_interval = 5000;
	s->policy.tombstone_timeout = 70000;
	s->policy.source_match =
		c->class == CLASS_SPOOFED ? NB_SOURCE_ENFORCE : NB_SOURCE_OFF;
	s->policy.migrate_on = c->sw;
	s->policy.propagate_releases = c->sw;
	s->policy.may_delete = c->sw;
	s->policy.observe = c->class == CLASS_OBSERVED;
	s->policy.verify_interval = 9000;
	s->event.force = c->sw;
}

static uint8_t suffix_for(const struct client_cell *c)
{
	switch (c->class) {
	case CLASS_SGROUP:
	case CLASS_1C_UNIQUE:
		return 0x1c;
	case CLASS_1D:
		return 0x1d;
	case CLASS_1B_GROUP:
		return 0x1b;
	case CLASS_1E_UNIQUE:
		return 0x1e;
	case CLASS_PROTECTED:
		return c->fixed ? 0x20 : 0x1b;
	}
	return 0x20;
}

static void build_event(struct situation *s, const struct client_cell *c)
{
	struct nb_event *ev = &s->event;
	char scope[NB_SCOPE_MAX];

	memset(scope, 'a', sizeof(scope));
	ev->kind = c->event;
	ev->name = nb_name_make(c->class == CLASS_BLOCKED ? "wpad" : "NAME", 4,
				suffix_for(c));
	if (c->class == CLASS_SCOPE) {
		nb_name_set_scope(&ev->name, scope, sizeof(scope));
	}
	ev->group = c->class == CLASS_GROUP || c->class == CLASS_SGROUP ||
		    c->class == CLASS_1B_GROUP;
	ev->multihomed = c->class == CLASS_MHOMED &&
			 (c->event == NB_EV_CHALLENGE_LOST ||
			  c->event == NB_EV_CHALLENGE_HELD);
	ev->node = NB_H_NODE;
	ev->ttl = TTL;
	ev->addr = c->relation == REL_STRANGER ? STRANGER_IP : LISTED_IP;
	if (c->class == CLASS_BAD_ADDRESS) {
		ev->addr = 0xe0000001u;
	}
	ev->source = c->class == CLASS_SPOOFED ? 0x0a000077u : ev->addr;
	if (c->event == NB_EV_ADMIN_RELEASE && c->relation == REL_ONLY) {
		ev->addr = 0;
	}
}

static bool is_verify(uint8_t event)
{
	return event == NB_EV_VERIFY_LOST || event == NB_EV_VERIFY_HELD;
}

static void build_members(struct situation *s, const struct client_cell *c)
{
	struct nb_record *rec = &s->record;
	bool several = rec->type == NB_SGROUP || rec->type == NB_MHOMED;
	uint32_t owner = c->foreign ? FOREIGN_OWNER : NB_SELF;
	bool due = c->event == NB_EV_DUE;

	rec->count = several && c->relation != REL_ONLY ? 3 : 1;
	for (int i = 0; i < rec->count; i++) {
		rec->member[i].ip = LISTED_IP + (uint32_t)i;
		rec->member[i].owner = owner;
		rec->member[i].expires = NOW + 500 - i;
	}
	if (c->class == CLASS_BAD_ADDRESS && c->relation != REL_STRANGER) {
		rec->member[0].ip = s->event.addr;
	}
	if (c->relation == REL_SURVIVOR) {
		/* one of ours is over, whose ever the record is */
		rec->member[rec->count - 1].owner = NB_SELF;
		rec->member[rec->count - 1].expires = NOW;
	}
	if (due && !c->foreign && !c->fixed) {
		/* the first stays alive when one shall; of a group of ours it
		 * is another owner's */
		for (int i = c->relation == REL_LISTED ? 1 : 0; i < rec->count;
		     i++) {
			rec->member[i].expires = NOW - 1;
		}
		if (rec->type == NB_SGROUP && c->relation == REL_LISTED) {
			rec->member[0].owner = FOREIGN_OWNER;
		}
	}
}

static void build_record(struct situation *s, const struct client_cell *c)
{
	struct nb_record *rec = &s->record;

	s->exists = c->record != REC_NONE;
	if (!s->exists) {
		return;
	}
	rec->name = s->event.name;
	rec->type = (uint8_t)((c->record - REC_UA) / 3);
	rec->state = (uint8_t)((c->record - REC_UA) % 3);
	rec->node = NB_P_NODE;
	rec->is_static = c->fixed;
	rec->owner = c->foreign ? FOREIGN_OWNER : NB_SELF;
	rec->version = 77;
	rec->revision = 5;
	rec->expires = c->event == NB_EV_DUE || is_verify(c->event)
			       ? NOW - 1
			       : NOW + 600;
	build_members(s, c);
	nb_record_settle(rec);
}

/* What an operator adds: the same again (ONLY), or something else. */
static void build_wanted(struct situation *s, const struct client_cell *c)
{
	static const uint8_t type_of_class[CLASS_COUNT] = {
		[CLASS_MHOMED] = NB_MHOMED,   [CLASS_GROUP] = NB_GROUP,
		[CLASS_SGROUP] = NB_SGROUP,   [CLASS_1B_GROUP] = NB_GROUP,
	};
	struct nb_record *want = &s->wanted;

	want->name = s->event.name;
	want->type = type_of_class[c->class];
	want->node = NB_P_NODE;
	want->is_static = true;
	want->count = 1;
	want->member[0].ip = STRANGER_IP;
	if (c->class == CLASS_BAD_ADDRESS) {
		want->member[0].ip = 0;
	}
	if (c->relation == REL_ONLY) {
		want->count = s->record.count;
		memcpy(want->member, s->record.member, sizeof(want->member));
	}
	s->event.record = want;
}

static void build_answers(struct situation *s, const struct client_cell *c)
{
	struct nb_event *ev = &s->event;

	if (c->event == NB_EV_VERIFY_HELD) {
		ev->answers = c->relation == REL_ONLY ? 0 : 1;
		ev->answer[0] = ev->addr;
		if (c->record >= REC_GA && c->record <= REC_GT &&
		    c->relation == REL_LISTED) {
			ev->answer[0] = NB_BROADCAST;
		}
	}
	if (c->event != NB_EV_CHALLENGE_HELD) {
		return;
	}
	ev->addr = c->class == CLASS_BAD_ADDRESS ? ev->addr : STRANGER_IP;
	ev->source = c->class == CLASS_SPOOFED ? 0x0a000077u : ev->addr;
	ev->answers = 1;
	ev->answer[0] = LISTED_IP;
	if (c->relation != REL_STRANGER) {
		ev->answers = 2;
		ev->answer[1] = ev->addr;
	}
}

/* Build the cell's situation; false if nothing real looks like that. */
static bool build(const struct client_cell *c, struct situation *s)
{
	struct client_cell is;

	memset(s, 0, sizeof(*s));
	if (rule_is_replica_event(c->event) || c->event == NB_EV_IMPORT) {
		return false;	/* other tables' */
	}
	build_policy(s, c);
	build_event(s, c);
	build_record(s, c);
	build_answers(s, c);
	build_wanted(s, c);
	if (s->exists && nb_record_broken(&s->record) != NULL) {
		return false;
	}
	s->view = c->event == NB_EV_DUE || is_verify(c->event)
			  ? s->record
			  : nb_record_at(&s->record, NOW);
	is = client_cell_of(s->exists ? &s->record : NULL,
			    s->exists ? &s->view : NULL, &s->event,
			    &s->policy, NOW);
	return memcmp(&is, c, sizeof(is)) == 0;
}

/* ---- measuring ---- */

static bool same_members(const struct nb_record *a, const struct nb_record *b)
{
	for (int i = 0; i < b->count; i++) {
		if (nb_record_find(a, b->member[i].ip) < 0) {
			return false;
		}
	}
	return a->count == b->count;
}

static bool all_expire(const struct nb_record *rec, int64_t when)
{
	for (int i = 0; i < rec->count; i++) {
		if (rec->member[i].expires != when) {
			return false;
		}
	}
	return true;
}

static bool member_is(const struct nb_record *rec, uint32_t ip, int64_t when)
{
	int at = nb_record_find(rec, ip);

	return at >= 0 && rec->member[at].owner == NB_SELF &&
	       rec->member[at].expires == when;
}

static bool is_merge(const struct situation *s, const struct nb_record *rec)
{
	for (int i = 0; i < rec->count; i++) {
		bool known = rec->member[i].ip == s->event.addr;

		for (int k = 0; k < s->event.answers; k++) {
			known |= rec->member[i].ip == s->event.answer[k];
		}
		if (!known) {
			return false;
		}
	}
	return rec->count == 2 && rec->type == NB_MHOMED &&
	       all_expire(rec, NOW + TTL);
}

static const char *measure_put_claim(const struct situation *s,
				     const struct nb_verdict *v)
{
	const struct nb_record *rec = &v->record;
	bool own = v->new_version && rec->owner == NB_SELF;
	const struct nb_record *old = &s->view;
	uint32_t ip = old->type == NB_GROUP && s->exists ? old->member[0].ip
							 : s->event.addr;

	if (rec->state != NB_ACTIVE || rec->is_static ||
	    rec->expires != NOW + TTL || v->reply.ttl != TTL) {
		return "bad record";
	}
	if (rec->node == s->event.node && rec->count == 1 && own &&
	    member_is(rec, s->event.addr, NOW + TTL)) {
		return "new";
	}
	if (!s->exists || rec->node != old->node) {
		return "bad record";
	}
	if (s->event.kind == NB_EV_CHALLENGE_HELD) {
		return own && is_merge(s, rec) ? "merge" : "bad merge";
	}
	if (!member_is(rec, ip, NOW + TTL)) {
		return "registrant missing";
	}
	if (rec->count == old->count + 1) {
		return own ? "join" : "bad join";
	}
	if (!same_members(rec, old) || rec->type != old->type) {
		return "bad members";
	}
	if (own) {
		return "takeover";
	}
	return rec->version == old->version && rec->owner == old->owner
		       ? "refresh"
		       : "bad refresh";
}

static const char *measure_register(const struct situation *s,
				    const struct nb_verdict *v)
{
	if (v->reply.rcode != NB_RCODE_OK) {
		if (v->store != NB_STORE_NOTHING) {
			return "refused and stored";
		}
		switch (v->reply.rcode) {
		case NB_RCODE_RFS:
			return "rfs";
		case NB_RCODE_ACT:
			return "act";
		case NB_RCODE_SRV:
			return "srv";
		}
		return "bad rcode";
	}
	if (v->store == NB_STORE_NOTHING) {
		return "ok";
	}
	return v->store == NB_STORE_PUT ? measure_put_claim(s, v) : "deleted";
}

static const char *measure_release(const struct situation *s,
				   const struct nb_verdict *v)
{
	const struct nb_record *rec = &v->record;
	uint32_t ip = s->event.kind == NB_EV_RELEASE ? s->event.source
						     : s->event.addr;

	if (v->store == NB_STORE_NOTHING) {
		return v->reply.rcode == NB_RCODE_OK	? "rel-ok"
		       : v->reply.rcode == NB_RCODE_ACT ? "rel-act"
							: "bad rcode";
	}
	if (v->store != NB_STORE_PUT || v->reply.rcode != NB_RCODE_OK) {
		return "bad release";
	}
	if (rec->state == NB_RELEASED && rec->expires == NOW + 5000 &&
	    !v->new_version && same_members(rec, &s->record)) {
		return "rel-all";
	}
	if (rec->state == NB_TOMBSTONE && rec->expires == NOW + 75000 &&
	    v->new_version && rec->owner == NB_SELF) {
		return "rel-tomb";
	}
	if (rec->state == NB_ACTIVE && rec->count + 1 == s->record.count &&
	    nb_record_find(rec, ip) < 0 &&
	    (rec->is_static || rec->expires == NOW + 1000)) {
		return v->new_version ? "rel-one+" : "rel-one";
	}
	return "bad release";
}

static const char *measure_addresses(const struct situation *s,
				     const struct nb_verdict *v)
{
	const struct nb_reply *reply = &v->reply;

	if (reply->count == 1 && reply->addr[0] == NB_BROADCAST &&
	    reply->nb_flags == NB_FLAG_GROUP) {
		return "group";
	}
	for (int i = 0; i < s->record.count; i++) {
		if (reply->addr[i] != s->record.member[i].ip) {
			return "bad addresses";
		}
	}
	if (reply->nb_flags != (s->record.type == NB_SGROUP
					? NB_FLAG_GROUP
					: NB_P_NODE << NB_FLAG_NODE_SHIFT)) {
		return "bad flags";
	}
	return reply->count == s->record.count ? "addresses" : "bad count";
}

/* Ours, by a clock of ours; static and state as they were. */
static bool is_adopted(const struct situation *s, const struct nb_record *rec)
{
	static const int64_t life[] = { 1000, 5000, 70000 };
	bool never = rec->is_static && rec->state == NB_ACTIVE;
	int64_t until = never ? NB_NEVER : NOW + life[rec->state];

	for (int i = 0; i < rec->count; i++) {
		if (!member_is(rec, rec->member[i].ip,
			       never ? NB_NEVER : NOW + 1000)) {
			return false;
		}
	}
	return rec->is_static == s->record.is_static &&
	       rec->state == s->record.state && rec->expires == until &&
	       same_members(rec, &s->record);
}

static const char *measure_put(const struct situation *s,
			       const struct nb_verdict *v)
{
	const struct nb_record *rec = &v->record;
	bool own = v->new_version && rec->owner == NB_SELF;

	if (s->event.kind == NB_EV_ADD) {
		return own && rec->state == NB_ACTIVE &&
				       same_members(rec, &s->wanted) &&
				       rec->is_static
			       ? "stored+"
			       : "bad add";
	}
	if (s->event.kind == NB_EV_ADOPT) {
		return own && is_adopted(s, rec) ? "adopted+" : "bad adoption";
	}
	if (rec->state == NB_ACTIVE && rec->expires == NOW + 9000) {
		return !v->new_version && same_members(rec, &s->record) &&
				       rec->version == s->record.version &&
				       rec->owner == s->record.owner &&
				       all_expire(rec, NOW + 9000)
			       ? "verified"
			       : "bad verification";
	}
	if (rec->state == s->record.state && own &&
	    same_members(rec, &s->record) && s->record.state == rec->state &&
	    rec->expires == s->record.expires) {
		return "touched+";
	}
	if (rec->state == NB_RELEASED && rec->expires == NOW + 5000 &&
	    !v->new_version) {
		return "due-released";
	}
	if (rec->state == NB_TOMBSTONE && rec->expires == NOW + 70000) {
		return own ? "tombstone+"
		       : rec->owner == s->record.owner && !v->new_version
			       ? "tombstone"
			       : "bad tombstone";
	}
	if (rec->state == NB_TOMBSTONE && rec->expires == NOW + 75000 && own) {
		return "tombstone-long+";
	}
	if (rec->state == NB_ACTIVE && rec->count == 1 &&
	    rec->member[0].ip == LISTED_IP &&
	    rec->expires == (rec->member[0].owner == NB_SELF
				     ? rec->member[0].expires
				     : NOW + 1000)) {
		return own ? "prune+" : "prune";
	}
	return "bad put";
}

static const char *measure(const struct situation *s,
			   const struct nb_verdict *v)
{
	if (v->row == UINT16_MAX) {
		return "impossible";
	}
	if (v->challenge) {
		return v->reply.kind == NB_REPLY_WACK &&
				       v->store == NB_STORE_NOTHING &&
				       same_members(&v->record, &s->record)
			       ? "challenge"
			       : "bad challenge";
	}
	switch (v->reply.kind) {
	case NB_REPLY_REGISTER:
		return measure_register(s, v);
	case NB_REPLY_RELEASE:
		return measure_release(s, v);
	case NB_REPLY_NEGATIVE:
		return "negative";
	case NB_REPLY_ADDRESSES:
		return measure_addresses(s, v);
	}
	if (v->store == NB_STORE_PUT) {
		return measure_put(s, v);
	}
	if (v->store == NB_STORE_DELETE) {
		return "delete";
	}
	switch (v->outcome) {
	case NB_NOT_FOUND:
		return "not-found";
	case NB_CONFLICT:
		return "conflict";
	case NB_REFUSED:
		return "refused";
	case NB_UNCHANGED:
		return s->event.kind == NB_EV_DUE || is_verify(s->event.kind)
			       ? "nothing"
			       : "unchanged";
	}
	return "done without a deed";
}

/* ---- walking all cells ---- */

static bool next_cell(struct client_cell *c)
{
	if (++c->sw < 2) {
		return true;
	}
	c->sw = 0;
	if (++c->relation < REL_COUNT) {
		return true;
	}
	c->relation = 0;
	if (++c->foreign < 2) {
		return true;
	}
	c->foreign = 0;
	if (++c->fixed < 2) {
		return true;
	}
	c->fixed = 0;
	if (++c->record < REC_COUNT) {
		return true;
	}
	c->record = 0;
	if (++c->class < CLASS_COUNT) {
		return true;
	}
	c->class = 0;
	return ++c->event < NB_EV_COUNT;
}

static void cell_text(const struct client_cell *c, char *text, size_t size)
{
	snprintf(text, size, "%s %s %s %s %s %s %s", event_words[c->event],
		 class_words[c->class], record_words[c->record],
		 c->fixed ? "static" : "dynamic",
		 c->foreign ? "replica" : "ours",
		 relation_words[c->relation],
		 c->sw ? "on" : "off");
}

static void every_cell_agrees(void **state)
{
	struct client_cell cell = { 0 };
	struct situation s;
	struct nb_verdict v;
	char text[160];
	unsigned int cells = 0;

	(void)state;
	do {
		const struct golden *g = NULL;

		if (!build(&cell, &s)) {
			continue;
		}
		cells++;
		cell_text(&cell, text, sizeof(text));
		rule_client(s.exists ? &s.record : NULL, &s.event, &s.policy,
			    NOW, &v);
		g = golden_for(&cell);
		if (g == NULL) {
			fail_msg("no golden line for %s (does %s)", text,
				 measure(&s, &v));
		}
		((struct golden *)g)->hits++;
		if (strcmp(measure(&s, &v), g->effect) != 0) {
			fail_msg("%s: %s wants %s, got %s by [%s]", text,
				 g->ref, g->effect, measure(&s, &v), v.ref);
		}
	} while (next_cell(&cell));
	print_message("%u cells, %u golden lines, %u rows\n", cells, goldens,
		      client_table_rows);
	for (unsigned int i = 0; i < goldens; i++) {
		if (golden[i].hits == 0) {
			fail_msg("golden line %s matches nothing",
				 golden[i].ref);
		}
	}
}

static void no_row_is_dead(void **state)
{
	bool *hit = calloc(client_table_rows, sizeof(*hit));
	struct client_cell cell = { 0 };
	struct situation s;

	(void)state;
	do {
		int row = client_table_find(client_table, client_table_rows,
					    &cell);

		if (build(&cell, &s) && row >= 0) {
			hit[row] = true;
		}
	} while (next_cell(&cell));
	for (unsigned int i = 0; i < client_table_rows; i++) {
		if (!hit[i]) {
			fail_msg("row %u [%s] decides nothing", i,
				 client_table[i].ref);
		}
	}
	free(hit);
}

/* Actions that work on a record are a crash without one: as red as can be. */
static bool needs_record(uint8_t action)
{
	switch (action) {
	case ACT_REFRESH:
	case ACT_TAKE_OVER:
	case ACT_MERGE:
	case ACT_CHALLENGE:
	case ACT_RELEASE_ALL:
	case ACT_RELEASE_REPLICA:
	case ACT_RELEASE_MEMBER:
	case ACT_RELEASE_MEMBER_NEW:
	case ACT_ANSWER_ADDRESSES:
	case ACT_DUE_RELEASE:
	case ACT_DUE_PRUNE:
	case ACT_DUE_PRUNE_NEW:
	case ACT_TOMBSTONE:
	case ACT_DUE_TOMBSTONE_LONG:
	case ACT_DUE_TOMBSTONE_REPLICA:
	case ACT_VERIFIED:
	case ACT_OP_TOUCH:
	case ACT_OP_ADOPT:
		return true;
	}
	return false;
}

static bool removes_member(uint8_t action)
{
	return action == ACT_RELEASE_MEMBER || action == ACT_RELEASE_MEMBER_NEW;
}

/* Does some cell go wrong with this table? */
static bool goes_red(const struct client_row *table, unsigned int row)
{
	struct client_cell cell = { 0 };
	struct situation s;
	struct nb_verdict v;

	do {
		uint8_t action = (uint8_t)table[row].action;

		if (!(table[row].events & (1u << cell.event)) ||
		    !build(&cell, &s) ||
		    client_table_find(table, client_table_rows, &cell) !=
			    (int)row) {
			continue;
		}
		if ((needs_record(action) && !s.exists) ||
		    (removes_member(action) &&
		     cell.relation == REL_STRANGER) ||
		    (removes_member(action) && s.event.addr == 0) ||
		    (removes_member(action) &&
		     nb_record_find(&s.record,
				    cell.event == NB_EV_RELEASE
					    ? s.event.source
					    : s.event.addr) < 0) ||
		    (action == ACT_OP_STORE && cell.event != NB_EV_ADD)) {
			return true;
		}
		memset(&v, 0, sizeof(v));
		rule_client_with(table, client_table_rows,
				 s.exists ? &s.record : NULL, &s.event,
				 &s.policy, NOW, &v);
		if (strcmp(measure(&s, &v), golden_for(&cell)->effect) != 0) {
			return true;
		}
	} while (next_cell(&cell));
	return false;
}

static void every_flip_goes_red(void **state)
{
	struct client_row *table =
		calloc(client_table_rows, sizeof(struct client_row));
	unsigned int flips = 0;

	(void)state;
	memcpy(table, client_table, client_table_rows * sizeof(*table));
	for (unsigned int row = 0; row < client_table_rows; row++) {
		uint32_t right = table[row].action;

		for (uint32_t action = 0; action < ACT_COUNT; action++) {
			if (action == right) {
				continue;
			}
			table[row].action = action;
			flips++;
			if (!goes_red(table, row)) {
				fail_msg("row %u [%s] as %s: nobody notices",
					 row, table[row].ref,
					 client_action_name(action));
			}
		}
		table[row].action = right;
	}
	print_message("%u flips, all noticed\n", flips);
	free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell_agrees),
		cmocka_unit_test(no_row_is_dead),
		cmocka_unit_test(every_flip_goes_red),
	};

	return cmocka_run_group_tests(tests, golden_load, NULL);
}
