/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must be true when it has been quiet for long enough: for each name with
 * one live holder all servers hold the same type, state, static, owner,
 * version and addresses, the holder's among them; every active record is held
 * as owned by the owner it names; of a name that two live hosts claim each
 * server holds one of the two.
 *
 * The limits of the pinned matrix. It looks at no version: who hears of the
 * newer record first and of the older one last keeps the older, or one that
 * stands is kept against a newer one, and nothing makes a new version
 * afterwards (protocol.md 5.3, 5.4). And some changes make no version at all
 * (2.7). A server stands apart by such a limit only if, after the latest
 * version of the name was made,
 *
 *	- it met an older replica while it held a newer record, and the matrix
 *	  took the older; or it met the latest, and the matrix kept what stood;
 *	  or
 *	- it never met the latest version (that it remembers), and a partner of
 *	  it stands or stood apart for one of these reasons: who asks it is
 *	  given what it has, and passes the version (4.3); so it does for a
 *	  partner that stood apart in an earlier life; or
 *	- it has the latest version with members that were in it when it was
 *	  made, and its owner has lost since without making another (a partial
 *	  release, or time); or
 *	- the latest came, and the matrix merged it into what stood, as 5.4 and
 *	  5.6 say, under the same version; or a partner had done so before it
 *	  passed it on.
 *
 * Anything else that stands apart is wrong.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "estate/judge.h"

/* A record as it is told to others; count 0 and state 255: none. */
struct view {
	bool there;
	struct nb_record rec;
};

struct look {
	struct judge *judge;
	struct estate *estate;
	struct quiet *quiet;
	unsigned int name;
	const struct judge_version *latest;	/* NULL: never any */
	struct view view[PLAN_NODES];
	const char *reason[PLAN_NODES];		/* the limit that explains */
	const char *past[PLAN_NODES];		/* one before it forgot */
	bool met[PLAN_NODES];			/* the latest, and knows it */
	bool forgot[PLAN_NODES];		/* that it met the latest */
	const struct estate_host *holder;	/* the last of them */
	unsigned int hosts[PLAN_KINDS];		/* live claims by kind */
	bool fixed;		/* an acknowledged static that must stand */
	bool once_fixed;	/* some server has a static still */
	bool young;		/* the latest cannot be everywhere yet */
};

#define LOST_SILENTLY	"protocol 2.7: members lost, no version made"
#define CAME_BACK	"protocol 4.2: not told while released, came back"
#define FORGOTTEN	"two disks lost: the owner's, and who had it"
#define NOBODY_KNEW	"a disk lost, and nobody in reach knew its last version"
#define BACKUP_LATE	"two disks lost: the owner's, a backup came later"
#define GONE		"protocol 4.3: passed while replaced by what a disk lost"
#define RELEASED	"protocol 2.7: released, no version made"

/* ---- what stands ---- */

static int by_address(const void *a, const void *b)
{
	const struct nb_member *x = a, *y = b;

	return x->ip < y->ip ? -1 : x->ip > y->ip;
}

static void take_view(const struct estate_node *node,
		      const struct nb_name *name, struct view *view)
{
	struct nb_record raw;

	memset(view, 0, sizeof(*view));
	view->there = store_get(node->store, name, &raw);
	if (!view->there) {
		return;
	}
	view->rec = nb_record_at(&raw, node->clock.world.now(
					       node->clock.world.priv));
	view->rec.owner = raw.owner == NB_SELF ? node->ip : raw.owner;
	for (unsigned int i = 0; i < view->rec.count; i++) {
		struct nb_member *m = &view->rec.member[i];

		m->owner = m->owner == NB_SELF ? node->ip : m->owner;
	}
	qsort(view->rec.member, view->rec.count, sizeof(struct nb_member),
	      by_address);
}

static bool same_members(const struct nb_record *a, const struct nb_record *b)
{
	for (unsigned int i = 0; i < a->count; i++) {
		if (a->member[i].ip != b->member[i].ip ||
		    a->member[i].owner != b->member[i].owner) {
			return false;
		}
	}
	return a->count == b->count;
}

static bool same_view(const struct view *a, const struct view *b)
{
	return a->there == b->there &&
	       (!a->there ||
		(a->rec.type == b->rec.type && a->rec.state == b->rec.state &&
		 a->rec.is_static == b->rec.is_static &&
		 a->rec.owner == b->rec.owner &&
		 a->rec.version == b->rec.version &&
		 same_members(&a->rec, &b->rec)));
}

static bool all_same(const struct look *look)
{
	const struct view *first = NULL;

	for (unsigned int i = 0; i < look->estate->nodes; i++) {
		if (!estate_has_node(look->estate, i)) {
			continue;
		}
		if (first == NULL) {
			first = &look->view[i];
		} else if (!same_view(first, &look->view[i])) {
			return false;
		}
	}
	return true;
}

static bool is_held(const struct look *look, const struct judge_version *v)
{
	for (unsigned int i = 0; i < look->estate->nodes; i++) {
		const struct view *view = &look->view[i];

		if (view->there && view->rec.owner == v->owner &&
		    view->rec.version == v->version) {
			return true;
		}
	}
	return false;
}

/* The latest version that did not go with its owner's memory or disk. */
static const struct judge_version *latest_of(const struct look *look)
{
	for (unsigned int i = look->judge->versions; i > 0; i--) {
		const struct judge_version *v = &look->judge->version[i - 1];
		unsigned int owner = v->owner - ESTATE_NODE(0);

		/* no owner: a version that was used again */
		if (v->owner != 0 && v->name == look->name &&
		    (look->estate->node[owner].crashed < v->usec ||
		     is_held(look, v))) {
			return v;
		}
	}
	return NULL;
}

static void take_look(struct look *look)
{
	struct estate *estate = look->estate;
	const struct nb_name *name = &look->judge->name[look->name];

	for (unsigned int i = 0; i < estate->nodes; i++) {
		if (estate_has_node(estate, i)) {
			take_view(&estate->node[i], name, &look->view[i]);
			look->once_fixed |= look->view[i].there &&
					    look->view[i].rec.is_static;
		}
	}
	for (unsigned int i = 0; i < estate->hosts; i++) {
		const struct estate_host *host = &estate->host[i];

		if (estate_has_host(estate, i) && host_lives(host) &&
		    nb_name_equal(&host->name, name)) {
			look->hosts[host->kind]++;
			look->holder = host;
		}
	}
	for (unsigned int i = 0; i < look->judge->fixeds; i++) {
		const struct judge_static *fixed = &look->judge->fixed[i];

		look->fixed |= fixed->name == look->name && !fixed->given_up;
	}
	look->latest = latest_of(look);
	look->young = look->latest != NULL &&
		      look->latest->usec > look->judge->settled;
}

/* ---- the limits of the matrix ---- */

static bool is_latest_version(const struct look *look, unsigned int node)
{
	const struct view *view = &look->view[node];

	return view->there && view->rec.owner == look->latest->owner &&
	       view->rec.version == look->latest->version;
}

static bool is_apart(const struct look *look, unsigned int node)
{
	const struct view *owners =
		&look->view[look->latest->owner - ESTATE_NODE(0)];

	return !is_latest_version(look, node) ||
	       !same_view(&look->view[node], owners);
}

/* The members here were all in the version when it was made. */
static bool as_it_was_made(const struct look *look, unsigned int node)
{
	const struct nb_record *rec = &look->view[node].rec;

	for (unsigned int i = 0; i < rec->count; i++) {
		unsigned int at = 0;

		while (at < look->latest->count &&
		       look->latest->ip[at] != rec->member[i].ip) {
			at++;
		}
		if (at == look->latest->count) {
			return false;
		}
	}
	return true;
}

static bool is_latest(const struct look *look, const struct judge_meeting *m)
{
	return m->in_owner == look->latest->owner &&
	       m->in_version == look->latest->version;
}

/* Did the matrix choose the older of two foreign records here? */
static bool chose_older(const struct look *look, const struct judge_meeting *m)
{
	const struct judge_version *in =
		judge_find(look->judge, m->in_owner, m->in_version);
	const struct judge_version *old =
		judge_find(look->judge, m->old_owner, m->old_version);

	if (in == NULL || old == NULL || m->in_owner == m->old_owner ||
	    m->asks) {
		return false;
	}
	return m->stored ? in->order < old->order :
			   is_latest(look, m) && old->order < in->order;
}

/* What the matrix decided here. */
static void own_reasons(struct look *look, unsigned int node)
{
	for (unsigned int i = 0; i < look->judge->meetings; i++) {
		const struct judge_meeting *m = &look->judge->meeting[i];
		bool forgot = node_forgot(&look->estate->node[node], m->usec);

		if (m->name != look->name || m->node != node ||
		    m->order <= look->latest->order) {
			continue;
		}
		look->met[node] |= is_latest(look, m) && !forgot;
		look->forgot[node] |= is_latest(look, m) && forgot;
		if (!chose_older(look, m) &&
		    !(is_latest(look, m) && m->stored && m->altered)) {
			continue;
		}
		*(forgot ? &look->past[node] : &look->reason[node]) = m->ref;
	}
}

static const char *partners_reason(const struct look *look, unsigned int node)
{
	const struct plan *plan = look->estate->plan;

	for (unsigned int i = 0; i < plan->edges; i++) {
		const struct plan_edge *e = &plan->edge[i];

		for (unsigned int side = 0; side < 2 && !e->gone; side++) {
			unsigned int other = e->node[1 - side];

			if (e->node[side] != node) {
				continue;
			}
			if (look->reason[other] != NULL) {
				return look->reason[other];
			}
			if (look->past[other] != NULL) {
				return look->past[other];
			}
		}
	}
	return NULL;
}

/* Its own and newer version stood here, until the disk was lost: who asked
 * meanwhile has passed the latest of those that are left. */
static void lost_versions(struct look *look)
{
	for (unsigned int i = 0; i < look->judge->versions; i++) {
		const struct judge_version *v = &look->judge->version[i];
		unsigned int owner = v->owner - ESTATE_NODE(0);

		if (v->owner != 0 && v->name == look->name &&
		    v->order > look->latest->order &&
		    look->past[owner] == NULL) {
			look->past[owner] = GONE;
		}
	}
}

/* Who lost its memory since then may have stood apart before, as its partners
 * did, and have been asked by others. */
static void earlier_lives(struct look *look)
{
	for (unsigned int i = 0; i < look->estate->nodes; i++) {
		const struct estate_node *node = &look->estate->node[i];

		if (look->past[i] == NULL && node->losses > 0 &&
		    node->lost[node->losses - 1].to > look->latest->usec) {
			look->past[i] = partners_reason(look, i);
		}
	}
}

/*
 * It was not told before the owner lost its disk. The owner went on without it
 * and above it, partners have passed its version, and then it came back with a
 * backup.
 */
static bool came_with_a_backup(const struct look *look)
{
	const struct estate_node *owner =
		&look->estate->node[look->latest->owner - ESTATE_NODE(0)];

	for (unsigned int i = 1; i < owner->losses; i++) {
		if (owner->lost[i].from > look->latest->usec &&
		    owner->lost[i - 1].to > owner->lost[i].from) {
			return true;
		}
	}
	return false;
}

/* A change at the owner that made no version, and so is told to nobody. */
static const char *silent_reason(const struct look *look, unsigned int node)
{
	unsigned int owner = look->latest->owner - ESTATE_NODE(0);
	const struct view *owners = &look->view[owner];
	bool owner_forgot = look->estate->node[owner].losses > 0;

	if (is_latest_version(look, node) && as_it_was_made(look, node)) {
		return LOST_SILENTLY;
	}
	if (look->latest->released && !look->met[node] && owner_forgot) {
		return CAME_BACK;
	}
	if (!look->met[node] && look->forgot[node] && owner_forgot) {
		return FORGOTTEN;
	}
	if (look->judge->forgotten) {
		return NOBODY_KNEW;
	}
	if (!look->met[node] && came_with_a_backup(look)) {
		return BACKUP_LATE;
	}
	/* until it becomes a tombstone */
	return owners->there && owners->rec.state == NB_RELEASED &&
	       owners->rec.version == look->latest->version ? RELEASED : NULL;
}

/* True if every server that stands apart does so by a limit. */
static bool explain(struct look *look)
{
	bool all = look->latest != NULL &&
		   estate_has_node(look->estate,
				   look->latest->owner - ESTATE_NODE(0));

	for (unsigned int i = 0; all && i < look->estate->nodes; i++) {
		if (estate_has_node(look->estate, i)) {
			own_reasons(look, i);
			if (look->reason[i] == NULL && is_apart(look, i)) {
				look->reason[i] = silent_reason(look, i);
			}
		}
	}
	for (unsigned int round = 0; all && round < look->estate->nodes;
	     round++) {
		lost_versions(look);
		earlier_lives(look);
		for (unsigned int i = 0; i < look->estate->nodes; i++) {
			if (estate_has_node(look->estate, i) &&
			    (!look->met[i] || is_latest_version(look, i)) &&
			    look->reason[i] == NULL && is_apart(look, i)) {
				look->reason[i] = partners_reason(look, i);
			}
		}
	}
	for (unsigned int i = 0; all && i < look->estate->nodes; i++) {
		all = !estate_has_node(look->estate, i) ||
		      !is_apart(look, i) || look->reason[i] != NULL;
	}
	return all;
}

void quiet_count_limit(struct quiet *quiet, const char *reason)
{
	unsigned int i = 0;

	while (i < QUIET_LIMITS - 1 && quiet->limit[i] != NULL &&
	       strcmp(quiet->limit[i], reason) != 0) {
		i++;
	}
	quiet->limit[i] = reason;
	quiet->limit_count[i]++;
}

/* ---- what is said of it ---- */

static void print_view(const struct view *view, char *text, size_t size)
{
	char addr[NB_ADDR_TEXT];
	int len = 0;

	if (!view->there) {
		snprintf(text, size, "none");
		return;
	}
	len = snprintf(text, size, "%s %s%s of %u version %" PRIu64,
		       nb_type_name(view->rec.type),
		       nb_state_name(view->rec.state),
		       view->rec.is_static ? " static" : "",
		       view->rec.owner - ESTATE_NODE(0), view->rec.version);
	for (unsigned int i = 0; i < view->rec.count &&
	     (size_t)len < size; i++) {
		const struct nb_member *m = &view->rec.member[i];

		len += snprintf(text + len, size - (size_t)len, " %s(%u)",
				nb_addr_print(m->ip, addr),
				m->owner - ESTATE_NODE(0));
	}
}

static void apart(struct look *look, const char *what)
{
	char text[JUDGE_TEXT] = "", name[NB_NAME_TEXT], line[300];
	size_t len = 0;

	for (unsigned int i = 0; i < look->estate->nodes; i++) {
		if (!estate_has_node(look->estate, i)) {
			continue;
		}
		print_view(&look->view[i], line, sizeof(line));
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"\n  server %u: %s", i, line);
		if (len >= sizeof(text)) {
			break;
		}
	}
	judge_wrong(look->judge, "%s: %s%s",
		    nb_name_print(&look->judge->name[look->name], name), what,
		    text);
}

static bool answers_alike(const struct nb_record *a, const struct nb_record *b)
{
	bool is_active = a->state == NB_ACTIVE && a->count > 0;

	if (is_active != (b->state == NB_ACTIVE && b->count > 0) ||
	    (is_active && (a->type == NB_GROUP) != (b->type == NB_GROUP))) {
		return false;
	}
	if (!is_active || a->type == NB_GROUP) {
		return true;
	}
	for (unsigned int i = 0; i < a->count; i++) {
		if (nb_record_find(b, a->member[i].ip) < 0) {
			return false;
		}
	}
	return a->count == b->count;
}

/* Does who asks for it get the same from all, whoever owns it? */
static bool all_answer_alike(const struct look *look)
{
	const struct view *first = NULL;

	for (unsigned int i = 0; i < look->estate->nodes; i++) {
		const struct view *view = &look->view[i];

		if (!estate_has_node(look->estate, i)) {
			continue;
		}
		first = first != NULL ? first : view;
		if (!answers_alike(&first->rec, &view->rec)) {
			return false;
		}
	}
	return true;
}

/* It does not agree: by a limit, or it is wrong. */
static void does_not_agree(struct look *look, const char *what)
{
	const char *reason = NULL;

	if (look->young) {
		return;
	}
	if (look->latest == NULL && look->judge->forgotten) {
		look->quiet->limits++;
		quiet_count_limit(look->quiet, NOBODY_KNEW);
		return;
	}
	if (!explain(look)) {
		apart(look, what);
		return;
	}
	for (unsigned int i = 0; i < look->estate->nodes; i++) {
		reason = look->reason[i] != NULL ? look->reason[i] : reason;
	}
	if (reason == NULL) {
		apart(look, what);
		return;
	}
	look->quiet->limits++;
	look->quiet->limits_felt += !all_answer_alike(look);
	quiet_count_limit(look->quiet, reason);
}

/* ---- the claims ---- */

/*
 * Nothing is held as another's that the other does not hold as its own. What
 * the other has released meanwhile it tells when it makes a tombstone of it.
 */
static bool owners_know(const struct look *look)
{
	for (unsigned int i = 0; i < look->estate->nodes; i++) {
		const struct view *view = &look->view[i];
		unsigned int owner = view->rec.owner - ESTATE_NODE(0);
		const struct view *theirs = &look->view[owner % PLAN_NODES];

		if (!estate_has_node(look->estate, i) || !view->there ||
		    view->rec.state != NB_ACTIVE || owner == i) {
			continue;
		}
		if (owner >= look->estate->nodes || !theirs->there ||
		    theirs->rec.owner != view->rec.owner ||
		    theirs->rec.version < view->rec.version ||
		    (theirs->rec.version != view->rec.version &&
		     theirs->rec.state != NB_RELEASED)) {
			return false;
		}
	}
	return true;
}

static bool holds_address(const struct nb_record *rec,
			  const struct estate_host *host)
{
	return rec->state == NB_ACTIVE &&
	       (rec->type == NB_GROUP ||
		nb_record_find(rec, host->addr[0]) >= 0);
}

/* The holder that there is can be found everywhere. */
static bool all_have_holder(const struct look *look)
{
	for (unsigned int i = 0; i < look->estate->nodes; i++) {
		if (estate_has_node(look->estate, i) &&
		    (!look->view[i].there ||
		     !holds_address(&look->view[i].rec, look->holder))) {
			return false;
		}
	}
	return true;
}

static bool all_static(const struct look *look)
{
	for (unsigned int i = 0; i < look->estate->nodes; i++) {
		if (estate_has_node(look->estate, i) &&
		    (!look->view[i].there || !look->view[i].rec.is_static)) {
			return false;
		}
	}
	return true;
}

static bool is_of_a_claimant(const struct look *look,
			     const struct nb_record *rec)
{
	const struct estate *estate = look->estate;
	const struct nb_name *name = &look->judge->name[look->name];

	for (unsigned int h = 0; h < estate->hosts; h++) {
		const struct estate_host *host = &estate->host[h];

		if (estate_has_host(estate, h) && host_lives(host) &&
		    nb_name_equal(&host->name, name) &&
		    holds_address(rec, host)) {
			return true;
		}
	}
	return false;
}

/* Each server holds one of those who claim it, or the group. */
static bool each_has_a_claimant(const struct look *look)
{
	for (unsigned int i = 0; i < look->estate->nodes; i++) {
		const struct view *view = &look->view[i];

		if (estate_has_node(look->estate, i) &&
		    (!view->there || !is_of_a_claimant(look, &view->rec))) {
			return false;
		}
	}
	return true;
}

/* Did operators of two servers make the name static? */
static bool has_two_owners(const struct look *look)
{
	unsigned int first = PLAN_NODES;

	for (unsigned int i = 0; i < look->judge->fixeds; i++) {
		const struct judge_static *fixed = &look->judge->fixed[i];

		if (fixed->name != look->name) {
			continue;
		}
		if (first != PLAN_NODES && first != fixed->node) {
			return true;
		}
		first = fixed->node;
	}
	return false;
}

/* Of two owners each server keeps what it had first (5.2 #3). */
static void judge_static_name(struct look *look)
{
	look->quiet->fixed++;
	if (has_two_owners(look)) {
		look->quiet->fixed_twice++;
		if (!all_static(look)) {
			does_not_agree(look, "a static is not everywhere");
		}
	} else if (!all_static(look) || !all_same(look)) {
		apart(look, "an acknowledged static is not everywhere");
	}
}

static void judge_contested(struct look *look)
{
	look->quiet->contested++;
	look->quiet->contested_apart += !all_same(look);
	if (!each_has_a_claimant(look)) {
		does_not_agree(look, "claimed by several, held by none here");
	}
}

static void judge_one(struct look *look)
{
	unsigned int unique = 0, groups = 0;

	take_look(look);
	unique = look->hosts[PLAN_UNIQUE] + look->hosts[PLAN_MHOMED];
	groups = look->hosts[PLAN_GROUP] + look->hosts[PLAN_DOMAIN];
	if (look->fixed) {
		judge_static_name(look);
	} else if (look->once_fixed) {
		look->quiet->fixed_once++;
		if (!owners_know(look)) {
			does_not_agree(look, "static, and its owner knows "
				       "nothing");
		}
	} else if (unique > 1 || (unique == 1 && groups > 0)) {
		judge_contested(look);
	} else if (groups > 1) {
		look->quiet->shared++;
		look->quiet->shared_apart += !all_same(look);
	} else if (unique + groups == 1) {
		look->quiet->alone++;
		if (!all_same(look)) {
			does_not_agree(look, "one live holder, and servers "
				       "differ");
		} else if (!all_have_holder(look)) {
			does_not_agree(look, "its one live holder is lost");
		}
	} else if (!owners_know(look)) {
		does_not_agree(look, "active, and its owner knows nothing");
	}
}

void judge_quiet(struct judge *judge, struct quiet *quiet)
{
	memset(quiet, 0, sizeof(*quiet));
	for (unsigned int i = 0; i < judge->names; i++) {
		struct look look = {
			.judge = judge, .estate = judge->estate,
			.quiet = quiet, .name = i,
		};

		judge_one(&look);
	}
}

void judge_show(const struct judge *judge, FILE *out)
{
	char name[NB_NAME_TEXT], line[300];

	for (unsigned int n = 0; n < judge->names; n++) {
		fprintf(out, "%s\n", nb_name_print(&judge->name[n], name));
		for (unsigned int i = 0; i < judge->estate->nodes; i++) {
			struct view view;

			if (!estate_has_node(judge->estate, i) ||
			    judge->estate->node[i].store == NULL) {
				continue;
			}
			take_view(&judge->estate->node[i], &judge->name[n],
				  &view);
			print_view(&view, line, sizeof(line));
			fprintf(out, "  server %u: %s\n", i, line);
		}
	}
	for (unsigned int i = 0; i < judge->meetings; i++) {
		const struct judge_meeting *m = &judge->meeting[i];

		fprintf(out, "%" PRIu64 " server %u: %s of %u version %" PRIu64
			" meets %u/%" PRIu64 ": %s%s (%s)\n",
			m->usec / ESTATE_SECOND, m->node,
			nb_name_print(&judge->name[m->name], name),
			m->in_owner - ESTATE_NODE(0), m->in_version,
			m->old_owner != 0 ? m->old_owner - ESTATE_NODE(0) : 99,
			m->old_version, m->stored ? "stored" : "not stored",
			m->asks ? ", asks" : "", m->ref != NULL ? m->ref : "");
	}
}
