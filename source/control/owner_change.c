/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owner adopt and owner delete: what becomes of the records of another server.
 *
 *	adopt	they are ours from now on, with versions of ours; only while
 *		that server is gone, for two servers that give versions to one
 *		record displace each other's for ever
 *	delete	forgotten here, and how far we knew it as well; or (BURY) each
 *		becomes a tombstone of ours, which replicates
 *
 * Many records are changed by one command. It goes through them in the order
 * of their versions in slices of 64, each one turn; the next begins when that
 * is durable and the loop has seen to everybody else. Nobody has to wait: if
 * the client is gone, the slice under way is the last one, and what is done is
 * done. So the command can be given again; it goes on where it stopped.
 *
 * VERSION_TO bounds what is changed to what the client has seen before: it
 * writes the records down first, for an undo.
 *
 * A dry run goes the same way and asks the same questions, the probe included;
 * only the changing is left out.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "control/call.h"

#define SLICE		64	/* changed in one turn */
#define LOOK		1024	/* looked at for it */

struct change {
	struct pending *pending;
	const struct control_context *context;
	const char *verb;	/* "owner adopt" */
	const char *done_key;	/* "adopted" */
	enum nb_event_kind kind;
	uint32_t owner;
	bool only_statics;
	bool forget;		/* and its mark, at the end */
	bool dry_run;
	uint64_t next;		/* version to go on with */
	uint64_t to;
	uint64_t done;
	uint64_t statics;	/* of them */
	int error;
	bool inside;		/* a slice is being handed over */
	unsigned int waits;	/* for so many to be durable */
	struct nb_timer *timer;

	/* the slice under way */
	unsigned int looked;
	unsigned int count;
	bool more;
	struct nb_name name[SLICE];
	bool is_static[SLICE];
};

static int change_destructor(struct change *change)
{
	const struct nb_world *world = change->context->world;

	world->timer_stop(world->priv, change->timer);
	return 0;
}

/* ---- the end ---- */

static void log_end(const struct change *change, const char *how)
{
	char text[NB_ADDR_TEXT];

	if (!change->dry_run && change->done > 0) {
		nb_log(change->context->world, NB_LOG_NOTICE,
		       "%s %s: %" PRIu64 " records %s%s", change->verb,
		       nb_addr_print(change->owner, text), change->done,
		       change->done_key, how);
	}
}

static bool is_partner(const struct change *change)
{
	struct repl_partner_sight sight;

	for (unsigned int i = 0;
	     repl_partner_at(change->context->repl, i, &sight); i++) {
		if (sight.address == change->owner) {
			return true;
		}
	}
	return false;
}

static void put_counts(struct call *call, const struct change *change)
{
	struct store_owner line;
	uint64_t left = 0;

	(void)call_owner_line(call, change->owner, &line);
	left = line.records[0] + line.records[1] + line.records[2];
	left -= change->dry_run && left >= change->done ? change->done : 0;
	call_put_host(call, "owner", change->owner);
	call_put_count(call, change->done_key, change->done);
	call_put_count(call, "statics", change->statics);
	call_put_count(call, "left", left);
	call_put_truth(call, "still_a_partner", is_partner(change));
}

static void failed(struct change *change, int error)
{
	struct call *call = change->pending->call;
	const char *why = store_error_text(error);
	uint64_t done = change->done;

	if (error == EAGAIN || error == EPERM) {
		why = "the server gives no versions now";
	} else if (error == EBUSY) {
		why = "a partner just sends more of it";
	}
	log_end(change, ", then it failed");
	talloc_free(change->pending);	/* and change with it */
	if (call != NULL) {
		call_refuse(call, CONTROL_FAILED, "after %" PRIu64
			    " records: %s", done, why);
	}
}

static void finished(void *arg, int error)
{
	struct change *change = arg;
	struct call *call = change->pending->call;

	if (error != 0) {
		failed(change, error);
		return;
	}
	log_end(change, "");
	if (call != NULL) {
		call_status(call, CONTROL_OK, NULL);
		put_counts(call, change);
	}
	talloc_free(change->pending);
	if (call != NULL) {
		call_done(call);
	}
}

/* Nothing is left to be changed. */
static void finish(struct change *change)
{
	struct serve *serve = change->context->serve;
	int ret = 0;

	if (!change->forget || change->dry_run) {
		finished(change, 0);
		return;
	}
	serve_turn_begin(serve);
	ret = repl_owner_forget(change->context->repl, change->owner);
	if (ret == 0 && !serve_when_durable(serve, finished, change)) {
		ret = ENOMEM;
	}
	serve_turn_end(serve);
	if (ret != 0) {
		failed(change, ret);
	}
}

/* ---- slice by slice ---- */

static void run(void *arg);

static void next(struct change *change)
{
	const struct nb_world *world = change->context->world;

	change->timer = world->timer_start(world->priv, 0, run, change);
	if (change->timer == NULL) {
		failed(change, ENOMEM);
	}
}

/* A tombstone has no use for being static any more. */
static bool is_wanted(const struct change *change, const struct nb_record *rec)
{
	return !change->only_statics ||
	       (rec->is_static && rec->state != NB_TOMBSTONE);
}

static bool take(void *arg, const struct nb_record *rec)
{
	struct change *change = arg;

	if (change->count == SLICE || change->looked++ == LOOK) {
		change->more = true;
		if (!change->dry_run && rec->version < change->next) {
			/* an owner that gave one version twice */
			change->next = rec->version;
		}
		return false;
	}
	change->next = rec->version + 1;
	if (is_wanted(change, rec)) {
		change->is_static[change->count] = rec->is_static;
		change->name[change->count++] = rec->name;
	}
	return true;
}

static void one_done(void *arg, int error, const struct nb_verdict *verdict)
{
	struct change *change = arg;

	change->waits--;
	if (error != 0) {
		change->error = error;
	} else if (verdict->outcome != NB_DONE) {
		change->done--;
	}
	if (change->waits == 0 && !change->inside) {
		next(change);
	}
}

static void hand_over(struct change *change)
{
	struct serve *serve = change->context->serve;

	serve_turn_begin(serve);
	for (unsigned int i = 0; i < change->count && change->error == 0;
	     i++) {
		struct nb_event event = {
			.kind = (uint8_t)change->kind,
			.name = change->name[i],
			.force = true,
		};

		change->waits++;
		change->done++;
		change->statics += change->is_static[i];
		serve_command(serve, &event, one_done, change);
	}
	serve_turn_end(serve);
}

static void count_only(struct change *change)
{
	for (unsigned int i = 0; i < change->count; i++) {
		change->statics += change->is_static[i];
	}
	change->done += change->count;
}

static void run(void *arg)
{
	struct change *change = arg;
	const struct control_context *c = change->context;

	change->timer = NULL;
	if (change->error != 0) {
		failed(change, change->error);
		return;
	}
	if (change->pending->call == NULL) {
		log_end(change, ", then its client was gone");
		talloc_free(change->pending);
		return;
	}
	change->count = 0;
	change->looked = 0;
	change->more = false;
	store_walk_version(c->store, change->owner, change->next, change->to,
			   take, change);
	if (change->count == 0 && !change->more) {
		finish(change);
		return;
	}
	change->inside = true;
	if (change->dry_run) {
		count_only(change);
	} else {
		hand_over(change);
	}
	change->inside = false;
	if (change->waits == 0) {
		next(change);
	}
}

/* ---- the beginning ---- */

static struct change *begin(struct call *call, uint32_t owner)
{
	struct pending *pending = call_wait(call);
	struct change *change = NULL;

	if (pending != NULL) {
		change = talloc_zero(pending, struct change);
	}
	if (change == NULL) {
		talloc_free(pending);
		call_refuse(call, CONTROL_FAILED, "out of memory");
		return NULL;
	}
	change->pending = pending;
	change->context = call->context;
	change->owner = owner;
	change->dry_run = call_has_flag(call, CONTROL_DRY_RUN);
	change->to = control_number_or(&call->request, CONTROL_VERSION_TO,
				       UINT64_MAX);
	talloc_set_destructor(change, change_destructor);
	return change;
}

/* What both refuse; true: it is answered. */
static bool refused(struct call *call, uint32_t owner)
{
	if (call->context->repl == NULL) {
		call_refuse(call, CONTROL_REFUSED,
			    "this server does not replicate");
		return true;
	}
	if (owner == call->context->self || owner == NB_SELF) {
		call_refuse(call, CONTROL_REFUSED,
			    "that is this server's own owner address");
		return true;
	}
	return false;
}

/* New versions are needed; true: there are none, and it is answered. */
static bool no_versions(struct call *call)
{
	char text[GATE_TEXT];

	if (gate_objection(call, text) == NULL) {
		return false;
	}
	call_refuse(call, CONTROL_REFUSED, "%s", text);
	return true;
}

static void probed(void *arg, bool answers, const char *what)
{
	struct change *change = arg;
	struct call *call = change->pending->call;
	bool partner = is_partner(change);
	char text[NB_ADDR_TEXT];

	if (call == NULL || !answers) {
		run(change);
		return;
	}
	nb_addr_print(change->owner, text);
	talloc_free(change->pending);
	call_refuse(call, CONTROL_REFUSED, "%s lives (%s)%s: adopt what it "
		    "owns when its WINS service has ended", text, what,
		    partner ? " and is a partner of this server" : "");
}

void owner_adopt(struct call *call)
{
	uint32_t owner = (uint32_t)control_number_or(&call->request,
						     CONTROL_OWNER, 0);
	struct store_owner line;
	struct change *change = NULL;
	int ret = 0;

	if (refused(call, owner) || no_versions(call)) {
		return;
	}
	if (!call_owner_line(call, owner, &line) || line.highest == 0) {
		call_refuse(call, CONTROL_NOT_FOUND,
			    "no record here is of that owner");
		return;
	}
	change = begin(call, owner);
	if (change == NULL) {
		return;
	}
	change->verb = "owner adopt";
	change->done_key = "adopted";
	change->kind = NB_EV_ADOPT;
	change->only_statics = !call_has_flag(call, CONTROL_ALL);
	ret = repl_probe(call->context->repl, owner, probed, change);
	if (ret != 0) {
		failed(change, ret);
	}
}

/* Is there anything to forget? */
static bool is_known(struct call *call, uint32_t owner)
{
	struct repl_owner_sight sight;
	struct store_owner line;

	return call_owner_line(call, owner, &line) ||
	       repl_owner_sight(call->context->repl, owner, &sight);
}

static bool has_living(struct call *call, uint32_t owner)
{
	struct store_owner line;

	(void)call_owner_line(call, owner, &line);
	if (line.records[NB_ACTIVE] == 0 && line.statics == 0) {
		return false;
	}
	call_refuse(call, CONTROL_CONFLICT, "%" PRIu64 " records of it are "
		    "active, %" PRIu64 " are static", line.records[NB_ACTIVE],
		    line.statics);
	return true;
}

void owner_delete(struct call *call)
{
	uint32_t owner = (uint32_t)control_number_or(&call->request,
						     CONTROL_OWNER, 0);
	bool bury = call_has_flag(call, CONTROL_BURY);
	struct change *change = NULL;

	if (refused(call, owner) || (bury && no_versions(call))) {
		return;
	}
	if (!is_known(call, owner)) {
		call_refuse(call, CONTROL_NOT_FOUND,
			    "nothing is known here of that owner");
		return;
	}
	if (!call_has_flag(call, CONTROL_YES) && has_living(call, owner)) {
		return;
	}
	change = begin(call, owner);
	if (change == NULL) {
		return;
	}
	change->verb = bury ? "owner delete --tombstone" : "owner delete";
	change->done_key = bury ? "tombstoned" : "deleted";
	change->kind = bury ? NB_EV_TOMBSTONE : NB_EV_DELETE;
	change->forget = !bury;
	run(change);
}
