/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must never be; see judge.h. */

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "estate/hooks.h"
#include "estate/judge.h"

#define NO_NAME JUDGE_NAMES

struct judge *judge_create(struct estate *estate)
{
	struct judge *judge = talloc_zero(estate, struct judge);

	judge->estate = estate;
	return judge;
}

void judge_wrong(struct judge *judge, const char *format, ...)
{
	uint64_t usec = sim_time_usec(judge->estate->time);
	va_list args;
	int len = 0;

	if (judge->wrong[0] != '\0') {
		return;
	}
	len = snprintf(judge->wrong, JUDGE_TEXT, "at %" PRIu64 ".%06" PRIu64
		       ": ", usec / ESTATE_SECOND, usec % ESTATE_SECOND);
	va_start(args, format);
	vsnprintf(judge->wrong + len, JUDGE_TEXT - (size_t)len, format, args);
	va_end(args);
}

/* ---- who and what ---- */

static struct estate_node *node_of_store(const struct judge *judge,
					 const struct store *store)
{
	struct estate *estate = judge->estate;

	for (unsigned int i = 0; i < estate->nodes; i++) {
		if (estate->node[i].store == store) {
			return &estate->node[i];
		}
	}
	abort();
}

static struct estate_node *node_of_serve(const struct judge *judge,
					 const struct serve *serve)
{
	struct estate *estate = judge->estate;

	for (unsigned int i = 0; i < estate->nodes; i++) {
		if (estate->node[i].serve == serve) {
			return &estate->node[i];
		}
	}
	abort();
}

/* Whose code runs now: by the step, the event of the network, or the timer. */
static struct estate_node *node_acting(const struct judge *judge)
{
	struct estate *estate = judge->estate;
	uint32_t ip = sim_net_acting(estate->net);

	if (estate->acting != NULL) {
		return estate->acting;
	}
	for (unsigned int i = 0; i < estate->nodes; i++) {
		struct estate_node *node = &estate->node[i];

		if (ip != 0 ? node->ip == ip :
			      sim_time_acting(estate->time) == &node->clock) {
			return node;
		}
	}
	return NULL;
}

unsigned int judge_name(struct judge *judge, const struct nb_name *name)
{
	unsigned int i = 0;

	while (i < judge->names && !nb_name_equal(&judge->name[i], name)) {
		i++;
	}
	if (i == judge->names) {
		if (i == JUDGE_NAMES) {
			abort();
		}
		judge->name[judge->names++] = *name;
	}
	return i;
}

static const char *name_text(const struct judge *judge, unsigned int name)
{
	static char text[NB_NAME_TEXT];

	return nb_name_print(&judge->name[name], text);
}

/* ---- versions ---- */

static uint32_t real_owner(const struct estate_node *node, uint32_t owner)
{
	return owner == NB_SELF ? node->ip : owner;
}

const struct judge_version *judge_find(const struct judge *judge,
				       uint32_t owner, uint64_t version)
{
	for (unsigned int i = judge->versions; i > 0; i--) {
		const struct judge_version *v = &judge->version[i - 1];

		if (v->owner == owner && v->version == version) {
			return v;
		}
	}
	return NULL;
}

/* Is it a partner that can be asked now, and has not forgotten since? */
static bool can_tell(const struct judge *judge, const struct estate_node *node,
		     unsigned int other, uint64_t since)
{
	const struct estate *estate = judge->estate;
	const struct plan *plan = estate->plan;
	bool is_partner = false;

	for (unsigned int i = 0; i < plan->edges; i++) {
		const struct plan_edge *e = &plan->edge[i];

		is_partner |= !e->gone &&
			      ((e->node[0] == node->index &&
				e->node[1] == other) ||
			       (e->node[1] == node->index &&
				e->node[0] == other));
	}
	return is_partner && estate->node[other].power == ESTATE_ON &&
	       !node_forgot(&estate->node[other], since) &&
	       !sim_net_is_cut(estate->net, node->ip, ESTATE_NODE(other));
}

/* Has any partner told it something since it started? */
static bool was_told(const struct estate_node *node)
{
	struct repl_partner_sight sight;

	for (unsigned int i = 0; node->repl != NULL &&
	     repl_partner_at(node->repl, i, &sight); i++) {
		if (sight.pull_ok != 0) {
			return true;
		}
	}
	return false;
}

/*
 * A server whose disk was lost may begin again where nobody has seen it: with
 * a version that no other server has, or believes to have. If one has that it
 * cannot ask, that is not its fault: it hears a partner that is in reach.
 */
static bool is_used_again(struct judge *judge, const struct estate_node *node,
			  const struct judge_version *before)
{
	const struct estate *estate = judge->estate;

	for (unsigned int i = 0; i < estate->nodes; i++) {
		if (!estate_has_node(estate, i) || i == node->index ||
		    node_disk_mark(&estate->node[i], node->ip) <
			    before->version) {
			continue;
		}
		if (can_tell(judge, node, i, before->usec) ||
		    !was_told(node)) {
			return true;
		}
		judge->forgotten = true;
	}
	return node->losses == 0;
}

static void made(struct judge *judge, struct estate_node *node,
		 unsigned int name, const struct nb_record *rec)
{
	uint64_t version = rec->version;
	struct judge_version *v = NULL;
	struct judge_version *before = (struct judge_version *)
		judge_find(judge, node->ip, version);

	if (before != NULL && is_used_again(judge, node, before)) {
		judge_wrong(judge, "server %u hands out version %" PRIu64
			    " for %s, which it did before for another record",
			    node->index, version, name_text(judge, name));
	}
	if (before != NULL) {
		/* a backup with the old ones must not come back after that */
		before->owner = 0;
		TALLOC_FREE(node->image);
	}
	if (node->repl != NULL && repl_gate(node->repl) != REPL_GATE_OPEN) {
		judge_wrong(judge, "server %u makes version %" PRIu64
			    " of %s while its gate is %s", node->index,
			    version, name_text(judge, name),
			    repl_gate_name(repl_gate(node->repl)));
	}
	if (judge->versions % 64 == 0) {
		judge->version = talloc_realloc(judge, judge->version,
						struct judge_version,
						judge->versions + 64);
	}
	judge->deeds[node->index].versions++;
	v = &judge->version[judge->versions];
	*v = (struct judge_version){
		.owner = node->ip, .version = version, .name = name,
		.order = judge->versions++,
		.usec = sim_time_usec(judge->estate->time),
		.count = rec->count,
		.of_others = rec->type == NB_SGROUP && rec->count > 0,
	};
	for (unsigned int i = 0; i < rec->count; i++) {
		v->ip[i] = rec->member[i].ip;
		v->of_others &= rec->member[i].owner != NB_SELF;
	}
}

/* A record is stored that bears a version which was made before. */
static void copied(struct judge *judge, const struct estate_node *node,
		   unsigned int name, const struct nb_record *rec)
{
	uint32_t owner = real_owner(node, rec->owner);
	uint64_t version = rec->version;
	struct judge_version *made_as = (struct judge_version *)
		judge_find(judge, owner, version);

	if (made_as == NULL) {
		judge_wrong(judge, "server %u stores %s as version %" PRIu64
			    " of %08x, which never made it", node->index,
			    name_text(judge, name), version, owner);
	} else if (owner == node->ip && rec->state == NB_RELEASED) {
		made_as->released = true;
	} else if (made_as->name != name && !judge->forgotten) {
		judge_wrong(judge, "server %u stores %s as version %" PRIu64
			    " of %08x, which made it for another name",
			    node->index, name_text(judge, name), version,
			    owner);
	}
}

/* ---- statics ---- */

static void static_is_hurt(struct judge *judge, const struct estate_node *node,
			   unsigned int name, const char *how)
{
	for (unsigned int i = 0; i < judge->fixeds; i++) {
		const struct judge_static *fixed = &judge->fixed[i];

		if (!fixed->given_up && fixed->node == node->index &&
		    fixed->name == name) {
			judge_wrong(judge, "server %u: its static %s is %s",
				    node->index, name_text(judge, name), how);
		}
	}
}

static bool is_own_static(const struct nb_record *rec)
{
	return rec->is_static && rec->owner == NB_SELF &&
	       rec->state == NB_ACTIVE;
}

void judge_static_stands(struct estate_node *node, const struct nb_name *name,
			 uint32_t addr)
{
	struct judge *judge = node->estate->judge;

	judge->fixed = talloc_realloc(judge, judge->fixed, struct judge_static,
				      judge->fixeds + 1);
	judge->fixed[judge->fixeds++] = (struct judge_static){
		.node = node->index, .name = judge_name(judge, name),
		.addr = addr,
	};
}

void judge_static_goes(struct estate_node *node, const struct nb_name *name)
{
	struct judge *judge = node->estate->judge;
	unsigned int index = judge_name(judge, name);

	for (unsigned int i = 0; i < judge->fixeds; i++) {
		if (judge->fixed[i].node == node->index &&
		    judge->fixed[i].name == index) {
			judge->fixed[i].given_up = true;
		}
	}
}

/* ---- the hooks ---- */

void judge_put(struct judge *judge, const struct store *store,
	       const struct nb_record *rec, bool new_version)
{
	struct estate_node *node = node_of_store(judge, store);
	unsigned int name = judge_name(judge, &rec->name);

	if (new_version) {
		made(judge, node, name, rec);
	} else {
		copied(judge, node, name, rec);
	}
	if (!is_own_static(rec)) {
		static_is_hurt(judge, node, name, "overwritten");
	}
}

void judge_delete(struct judge *judge, const struct store *store,
		  const struct nb_name *name)
{
	static_is_hurt(judge, node_of_store(judge, store),
		       judge_name(judge, name), "deleted");
}

void judge_set_mark(struct judge *judge, const struct store *store,
		    uint32_t owner, uint64_t before, uint64_t after)
{
	if (after < before) {
		judge_wrong(judge, "server %u: its mark of %08x goes back "
			    "from %" PRIu64 " to %" PRIu64,
			    node_of_store(judge, store)->index, owner, before,
			    after);
	}
}

void judge_replica(struct judge *judge, const struct serve *serve,
		   const struct nb_event *event)
{
	const struct nb_record *rec = event->record;
	struct estate_node *node = node_of_serve(judge, serve);
	uint64_t mark = rec->owner == NB_SELF ? 0 :
			hooks_mark(node->store, rec->owner);

	if (rec->version <= mark) {
		judge_wrong(judge, "server %u applies version %" PRIu64
			    " of %08x (%s), but its mark is %" PRIu64,
			    node->index, rec->version, rec->owner,
			    name_text(judge, judge_name(judge, &rec->name)),
			    mark);
	}
}

static bool is_altered(const struct nb_record *in, const struct nb_record *out)
{
	for (unsigned int i = 0; i < out->count; i++) {
		int at = nb_record_find(in, out->member[i].ip);

		if (at < 0 || in->member[at].owner != out->member[i].owner) {
			return true;
		}
	}
	return in->count != out->count;
}

static bool is_active_group(const struct nb_record *rec)
{
	return rec->type == NB_SGROUP && rec->state == NB_ACTIVE;
}

/*
 * A union of two groups that nobody owns: 5.4 step 4 lets the replica's owner
 * keep it only if a member that stood here was dropped or changed its owner.
 */
static bool is_union_of_nobody(const struct nb_record *existing,
			       const struct nb_record *in,
			       const struct nb_verdict *verdict)
{
	if (existing == NULL || existing->owner == in->owner ||
	    verdict->store != NB_STORE_PUT || verdict->new_version ||
	    !is_active_group(existing) || !is_active_group(in) ||
	    !is_altered(in, &verdict->record)) {
		return false;
	}
	for (unsigned int i = 0; i < existing->count; i++) {
		const struct nb_member *m = &existing->member[i];
		int at = nb_record_find(in, m->ip);

		if (at < 0 ? m->owner == in->owner :
			     m->owner != in->member[at].owner) {
			return false;
		}
	}
	return true;
}

void judge_meets(struct judge *judge, const struct nb_record *existing,
		 const struct nb_event *event, const struct nb_verdict *verdict)
{
	const struct nb_record *in = event->record;
	struct estate_node *node = node_acting(judge);
	struct judge_meeting *m = NULL;

	if (node == NULL) {
		judge_wrong(judge, "a replica meets a record at nobody's");
		return;
	}
	if (is_union_of_nobody(existing, in, verdict)) {
		judge_wrong(judge, "server %u merges %s and does not own it",
			    node->index,
			    name_text(judge, judge_name(judge, &in->name)));
	}
	if (judge->meetings % 64 == 0) {
		judge->meeting = talloc_realloc(judge, judge->meeting,
						struct judge_meeting,
						judge->meetings + 64);
	}
	m = &judge->meeting[judge->meetings++];
	*m = (struct judge_meeting){
		.name = judge_name(judge, &in->name),
		.node = node->index,
		.order = judge->versions,
		.usec = sim_time_usec(judge->estate->time),
		.in_owner = real_owner(node, in->owner),
		.in_version = in->version,
		.stored = verdict->store == NB_STORE_PUT &&
			  !verdict->new_version,
		.altered = verdict->store == NB_STORE_PUT &&
			   is_altered(in, &verdict->record),
		.asks = verdict->challenge,
		.anew = verdict->new_version,
		.ref = verdict->ref,
	};
	if (existing != NULL) {
		m->old_owner = real_owner(node, existing->owner);
		m->old_version = existing->version;
	}
	judge->deeds[node->index].meetings++;
	judge->deeds[node->index].challenges += verdict->challenge;
	judge->deeds[node->index].demands += verdict->demands;
}

static void told_ours(struct judge *judge, const struct estate_node *node,
		      uint64_t max)
{
	uint64_t mark = hooks_mark(node->store, NB_SELF);

	if (max > mark || (max < judge->told[node->index] && max != 0)) {
		judge_wrong(judge, "server %u tells its own mark as %" PRIu64
			    "; it is %" PRIu64 " and was told as %" PRIu64,
			    node->index, max, mark, judge->told[node->index]);
	}
	/* below it may lie what has not come back yet */
	if (max > 0 && node->repl != NULL &&
	    repl_gate(node->repl) != REPL_GATE_OPEN) {
		judge_wrong(judge, "server %u tells its own mark as %" PRIu64
			    " while its gate is %s", node->index, max,
			    repl_gate_name(repl_gate(node->repl)));
	}
	judge->told[node->index] = max;
}

/*
 * True if it is beyond what is durable here. Only an owner itself may hear
 * that, so that it uses no version again that anybody has seen: one line of a
 * table at most, of a version that was made.
 */
static bool told_theirs(struct judge *judge, const struct estate_node *node,
			const struct wrepl_owner *owner)
{
	uint64_t mark = node_disk_mark(node, owner->address);

	if (owner->max <= mark) {
		return false;
	}
	if (judge_find(judge, owner->address, owner->max) == NULL) {
		judge_wrong(judge, "server %u tells %08x up to %" PRIu64
			    ", but %" PRIu64 " is what is durable",
			    node->index, owner->address, owner->max, mark);
	}
	return true;
}

void judge_told(struct judge *judge, uint32_t command,
		const struct wrepl_owner *owner, uint32_t owners)
{
	struct estate_node *node = node_acting(judge);
	unsigned int beyond = 0;

	if (node == NULL || node->store == NULL) {
		judge_wrong(judge, "a table is told by nobody");
		return;
	}
	judge->pushes += command != WREPL_TABLE_REPLY;
	judge->deeds[node->index].pushes += command != WREPL_TABLE_REPLY;
	for (uint32_t i = 0; i < owners; i++) {
		if (owner[i].address == node->ip) {
			told_ours(judge, node, owner[i].max);
		} else {
			beyond += told_theirs(judge, node, &owner[i]);
		}
	}
	if (beyond > 1) {
		judge_wrong(judge, "server %u tells more than is durable of "
			    "more than one owner", node->index);
	}
}

/* ---- the life of a server ---- */

void judge_started(struct estate_node *node)
{
	struct judge *judge = node->estate->judge;
	struct nb_record rec;

	if (judge == NULL) {
		return;
	}
	for (unsigned int i = 0; i < judge->fixeds; i++) {
		const struct judge_static *fixed = &judge->fixed[i];

		if (fixed->node == node->index && !fixed->given_up &&
		    (!store_get(node->store, &judge->name[fixed->name],
				&rec) || !is_own_static(&rec))) {
			static_is_hurt(judge, node, fixed->name,
				       "not there after a start");
		}
	}
	if (hooks_mark(node->store, NB_SELF) < judge->told[node->index]) {
		judge_wrong(judge, "server %u starts with the mark %" PRIu64
			    ", but told %" PRIu64, node->index,
			    hooks_mark(node->store, NB_SELF),
			    judge->told[node->index]);
	}
}

void judge_stopping(struct estate_node *node)
{
	struct judge *judge = node->estate->judge;
	uint64_t mark = hooks_mark(node->store, NB_SELF);

	if (judge != NULL && mark < judge->told[node->index]) {
		judge_wrong(judge, "server %u has the mark %" PRIu64
			    ", but told %" PRIu64, node->index, mark,
			    judge->told[node->index]);
	}
}

void judge_lost_memory(struct estate_node *node)
{
	struct judge *judge = node->estate->judge;

	judge->told[node->index] = 0;
	for (unsigned int i = 0; i < judge->fixeds; i++) {
		if (judge->fixed[i].node == node->index) {
			judge->fixed[i].given_up = true;
		}
	}
}
