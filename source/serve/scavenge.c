/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scavenging: letting records age that nobody refreshes (protocol.md 6).
 *
 * A pass walks the records whose time has come, oldest first, in slices: each
 * is a turn of its own, and the loop serves clients between two. Each record
 * is read afresh and meets the rules as the event DUE, so a refresh that came
 * meanwhile is simply seen.
 *
 * Replicas that live here for a verify interval are the third part of a pass:
 * their owners are asked, beside everything else (verify.c).
 *
 * The time of the next pass is kept in the store: a server that is restarted
 * every night still scavenges (Q138272). Names stop resolving at their time,
 * not at the next pass (expiry on read), so nothing hurries.
 *
 * The guard (design.md "Ageing"): a network that was cut off for a week is no
 * reason to forget everybody on it. So a pass has two halves. The first only
 * counts; when it finds that more of our own active records would go than
 * age_is_mass() lets pass, the second does not come, and an operator is asked.
 * A forced pass has no first half.
 *
 * While a guard stands, expiry on read is held, or the names would be gone
 * for everybody who asks. It is held as well while nobody knows yet: from the
 * start, and after the machine slept, until a count that changes nothing has
 * said that all is well. Clients that come back refresh their records, so a
 * guard that nobody lifts is lifted by a later pass. Rejected: to release the
 * first 20 % and the rest three days later, which is the same accident in
 * slow motion.
 */

#include "core/age.h"
#include "serve/serve_private.h"

#define SLICE		64u
#define COUNT_ROUNDS	16u		/* of SLICE records: reading is cheap */
#define META_NEXT	"scavenge-next"
#define PAUSE_USEC	1000u		/* between slices */
#define LONGEST_WAIT	86400		/* s; a timer is set at most this far */
#define RETRY		300		/* s, after a pass that failed */

/* Beside the modes that others can ask for. */
#define PASS_DOUBT	SERVE_SCAVENGE_MODES

static void scavenge_wait(struct serve *serve);
static void scavenge_slice(void *arg);
static void pass_begin(struct serve *serve, enum serve_scavenge_mode mode);

static int64_t now_of(const struct serve *serve)
{
	return serve->world->now(serve->world->priv);
}

static bool is_loading(const struct serve *serve)
{
	return !serve->loaded;
}

static void scavenge_timer(struct serve *serve, uint64_t usec,
			   void (*fn)(void *arg))
{
	serve->world->timer_stop(serve->world->priv, serve->scavenge.timer);
	serve->scavenge.timer = serve->world->timer_start(serve->world->priv,
							  usec, fn, serve);
}

/* ---- the guard ---- */

void scavenge_set_policy(struct serve *serve)
{
	uint64_t up = serve->world->mono(serve->world->priv) - serve->started;

	serve->config.policy.may_delete =
		up / 1000000u > serve->config.tombstone_extra;
	serve->config.policy.expiry_held = serve->scavenge.held;
	serve->config.policy.tombstones_passed = serve->passed;
}

static void hold_expiry(struct serve *serve, bool held)
{
	serve->scavenge.held = held;
	scavenge_set_policy(serve);
}

/* Our own active records that can age at all. */
static uint64_t active_of_ours(const struct serve *serve)
{
	struct store_owner owner;

	for (unsigned int i = 0; store_owner_at(serve->store, i, &owner);
	     i++) {
		if (owner.owner == NB_SELF) {
			return owner.records[NB_ACTIVE] > owner.statics ?
			       owner.records[NB_ACTIVE] - owner.statics : 0;
		}
	}
	return 0;
}

static void guard_falls(struct serve *serve)
{
	if (serve->scavenge.stopped) {
		nb_log(serve->world, NB_LOG_NOTICE,
		       "scavenging is not stopped any more");
	}
	serve->scavenge.stopped = false;
	hold_expiry(serve, false);
}

static void guard_rises(struct serve *serve,
			const struct serve_scavenge_result *count)
{
	serve->scavenge.stopped = true;
	serve->scavenge.leaving = count->leaving;
	serve->scavenge.active = count->active;
	hold_expiry(serve, true);
	serve_count(serve, STAT_SCAVENGING_STOPPED);
	nb_log(serve->world, NB_LOG_ERROR,
	       "scavenging stopped: it would release %llu of %llu active "
	       "records of this server; they are answered until `winsctl "
	       "server scavenge --force` releases them, or enough of their "
	       "hosts have come back",
	       (unsigned long long)count->leaving,
	       (unsigned long long)count->active);
}

void scavenge_doubt(struct serve *serve)
{
	if (is_loading(serve)) {
		return;		/* it begins in doubt, see scavenge_loaded() */
	}
	if (active_of_ours(serve) <= AGE_MASS_MIN) {
		guard_falls(serve);
		return;
	}
	hold_expiry(serve, true);
	if (serve->scavenge.pass != NULL) {
		serve->scavenge.doubt = true;
		return;
	}
	pass_begin(serve, PASS_DOUBT);
}

/* ---- the end of a pass ---- */

void scavenge_pass_free(struct scavenge_pass *pass)
{
	struct scavenge_waiter *waiter = pass->waiters;
	struct serve_scavenge_result result = pass->result;

	talloc_free(pass);
	while (waiter != NULL) {
		struct scavenge_waiter *next = waiter->next;

		if (waiter->done != NULL) {
			waiter->done(waiter->arg, &result);
		}
		talloc_free(waiter);
		waiter = next;
	}
}

/* A pass that had to wait for another; false if there is none. */
static bool begin_waiting(struct serve *serve)
{
	if (serve->scavenge.doubt) {
		serve->scavenge.doubt = false;
		pass_begin(serve, PASS_DOUBT);
		return true;
	}
	if (serve->scavenge.queue != NULL) {
		pass_begin(serve, serve->scavenge.queue->mode);
		return true;
	}
	return false;
}

/* What comes when no pass is under way any more. */
static void scavenge_next(struct serve *serve)
{
	serve->scavenge.pass = NULL;
	if (!begin_waiting(serve)) {
		scavenge_wait(serve);
	}
}

static void retry_soon(struct serve *serve)
{
	serve->scavenge.next = now_of(serve) + RETRY;
	if (serve->scavenge.pass == NULL) {
		scavenge_wait(serve);
	}
}

static void pass_durable(void *arg, int error, const struct nb_verdict *verdict)
{
	struct scavenge_pass *pass = arg;
	struct serve_scavenge_result *result = &pass->result;

	(void)verdict;
	if (result->error == 0) {
		result->error = error;
	}
	if (result->error != 0) {
		retry_soon(pass->serve);
	} else if (!result->stopped) {
		nb_log(pass->serve->world, NB_LOG_NOTICE,
		       "scavenging: %llu records changed",
		       (unsigned long long)result->changed);
		verify_pass(pass->serve, pass);
		return;
	}
	scavenge_pass_free(pass);
}

static void pass_end(struct serve *serve)
{
	static const struct nb_verdict nothing = { .ref = "protocol 6" };
	struct scavenge_pass *pass = serve->scavenge.pass;

	serve->scavenge.next =
		now_of(serve) + serve->config.scavenging_interval;
	if (serve_turn_open(serve)) {
		store_set_meta(serve->store, META_NEXT,
			       (uint64_t)serve->scavenge.next);
	}
	scavenge_next(serve);
	if (!serve_hold_done(serve, &nothing, pass_durable, pass)) {
		pass_durable(pass, ENOMEM, &nothing);
	}
}

/* The end of a pass that was only to look. */
static void look_end(struct serve *serve)
{
	struct scavenge_pass *pass = serve->scavenge.pass;

	scavenge_next(serve);
	scavenge_pass_free(pass);
}

/* ---- the two halves ---- */

static void tally(struct serve_scavenge_result *result,
		  const struct nb_record *was, const struct nb_verdict *verdict)
{
	bool stays = verdict->store == NB_STORE_PUT &&
		     verdict->record.state == NB_ACTIVE;

	result->changed++;
	if (verdict->store == NB_STORE_DELETE) {
		result->deleted++;
	} else if (stays) {
		result->pruned++;
	} else if (verdict->record.state == NB_RELEASED) {
		result->released++;
	} else {
		result->tombstoned++;
	}
	if (was->owner == NB_SELF && was->state == NB_ACTIVE &&
	    !was->is_static && !stays) {
		result->leaving++;
	}
}

static void count_one(struct serve *serve, const struct nb_name *name)
{
	struct nb_event event = { .kind = NB_EV_DUE, .name = *name };
	struct scavenge_pass *pass = serve->scavenge.pass;
	struct nb_record existing;
	struct nb_verdict verdict;

	if (!store_get(serve->store, name, &existing) ||
	    existing.expires > pass->until) {
		return;
	}
	serve_rule(serve, &event, &existing, &verdict);
	if (verdict.store != NB_STORE_NOTHING) {
		tally(&pass->result, &existing, &verdict);
	} else if (verify_concerns(serve, &existing)) {
		pass->result.verify_asked++;
	}
}

static void change_one(struct serve *serve, const struct nb_name *name)
{
	struct nb_event event = { .kind = NB_EV_DUE, .name = *name };
	struct scavenge_pass *pass = serve->scavenge.pass;
	struct nb_record existing;
	struct nb_verdict verdict;

	if (!serve_decide(serve, &event, &existing, &verdict) ||
	    existing.expires > pass->until ||
	    verdict.store == NB_STORE_NOTHING) {
		return;
	}
	pass->result.error = serve_store(serve, &event, &existing, &verdict);
	if (pass->result.error != 0) {
		return;
	}
	tally(&pass->result, &existing, &verdict);
	serve_count(serve, STAT_SCAVENGED);
	challenge_void(serve, name);
}

/* Up to SLICE records; true when there are more. */
static bool each_due(struct serve *serve,
		     void (*one)(struct serve *serve,
				 const struct nb_name *name))
{
	struct scavenge_pass *pass = serve->scavenge.pass;
	struct nb_name names[SLICE];
	unsigned int count = store_walk_due(serve->store, pass->until,
					    &pass->pos, names, SLICE);

	for (unsigned int i = 0; i < count && pass->result.error == 0; i++) {
		one(serve, &names[i]);
	}
	return count == SLICE && pass->result.error == 0;
}

/* All is counted: go on, or not. */
static void count_end(struct serve *serve)
{
	struct scavenge_pass *pass = serve->scavenge.pass;
	bool mass = false;

	pass->result.active = active_of_ours(serve);
	mass = age_is_mass(pass->result.leaving, pass->result.active);
	pass->result.stopped = mass;
	if (pass->mode == SERVE_SCAVENGE_DRY_RUN) {
		look_end(serve);
		return;
	}
	if (mass) {
		guard_rises(serve, &pass->result);
	} else {
		guard_falls(serve);
	}
	if (pass->mode == PASS_DOUBT) {
		look_end(serve);
	} else if (mass) {
		pass_end(serve);
	} else {
		pass->counting = false;
		pass->pos = (struct store_due_pos){ 0 };
		pass->result = (struct serve_scavenge_result){
			.active = pass->result.active,
		};
		scavenge_timer(serve, 0, scavenge_slice);
	}
}

static void count_slice(struct serve *serve)
{
	for (unsigned int i = 0; i < COUNT_ROUNDS; i++) {
		if (!each_due(serve, count_one)) {
			count_end(serve);
			return;
		}
	}
	scavenge_timer(serve, PAUSE_USEC, scavenge_slice);
}

static void change_slice(struct serve *serve)
{
	if (each_due(serve, change_one)) {
		scavenge_timer(serve, PAUSE_USEC, scavenge_slice);
	} else {
		pass_end(serve);
	}
}

static void scavenge_slice(void *arg)
{
	struct serve *serve = arg;

	serve->scavenge.timer = NULL;
	serve_turn_begin(serve);
	if (serve->scavenge.pass->counting) {
		count_slice(serve);
	} else {
		change_slice(serve);
	}
	serve_turn_end(serve);
}

/* Those who wait for a pass of this mode, taken out of the queue. */
static struct scavenge_waiter *queue_take(struct serve *serve,
					  enum serve_scavenge_mode mode)
{
	struct scavenge_waiter **at = &serve->scavenge.queue;
	struct scavenge_waiter *taken = NULL;

	while (*at != NULL) {
		struct scavenge_waiter *waiter = *at;

		if (waiter->mode != mode) {
			at = &waiter->next;
			continue;
		}
		*at = waiter->next;
		waiter->next = taken;
		taken = waiter;
	}
	return taken;
}

static void pass_begin(struct serve *serve, enum serve_scavenge_mode mode)
{
	struct scavenge_pass *pass = talloc_zero(serve, struct scavenge_pass);

	if (pass == NULL) {
		/* whoever waits is served by the next attempt */
		serve->scavenge.doubt |= mode == PASS_DOUBT;
		retry_soon(serve);
		return;
	}
	pass->serve = serve;
	pass->mode = mode;
	pass->counting = mode != SERVE_SCAVENGE_FORCE;
	pass->until = now_of(serve);
	pass->waiters = queue_take(serve, mode);
	serve->scavenge.pass = pass;
	if (mode == SERVE_SCAVENGE_FORCE) {
		guard_falls(serve);
	}
	scavenge_set_policy(serve);
	scavenge_timer(serve, 0, scavenge_slice);
}

/* ---- the schedule ---- */

static void scavenge_due(void *arg)
{
	struct serve *serve = arg;

	serve->scavenge.timer = NULL;
	if (begin_waiting(serve)) {
		return;
	}
	if (now_of(serve) < serve->scavenge.next) {
		scavenge_wait(serve);
	} else if (store_health(serve->store) != STORE_OK ||
		   serve->gate_closed) {
		retry_soon(serve);	/* nothing could be written */
	} else {
		pass_begin(serve, SERVE_SCAVENGE_NOW);
	}
}

static void scavenge_wait(struct serve *serve)
{
	int64_t wait = serve->scavenge.next - now_of(serve);

	if (wait < 1) {
		wait = 1;
	}
	if (wait > LONGEST_WAIT) {
		wait = LONGEST_WAIT;
	}
	scavenge_timer(serve, (uint64_t)wait * 1000000u, scavenge_due);
}

/* When the next pass is due: as written down, but within an interval. */
static void read_schedule(struct serve *serve)
{
	uint64_t next = 0;
	int64_t latest = now_of(serve) + serve->config.scavenging_interval;

	if (store_get_meta(serve->store, META_NEXT, &next) &&
	    (int64_t)next < latest) {
		latest = (int64_t)next;
	} else {
		serve_turn_begin(serve);
		if (serve_turn_open(serve)) {
			store_set_meta(serve->store, META_NEXT,
				       (uint64_t)latest);
		}
		serve_turn_end(serve);
	}
	serve->scavenge.next = latest;
}

void scavenge_start(struct serve *serve)
{
	hold_expiry(serve, true);
}

void scavenge_loaded(struct serve *serve)
{
	read_schedule(serve);
	scavenge_wait(serve);
	scavenge_doubt(serve);
}

void scavenge_reload(struct serve *serve)
{
	scavenge_set_policy(serve);
	if (is_loading(serve) || serve->scavenge.pass != NULL) {
		/* the pass under way ends by itself and arms the next */
		return;
	}
	read_schedule(serve);
	scavenge_wait(serve);
}

void scavenge_revive(struct serve *serve)
{
	if (is_loading(serve) || serve->scavenge.timer != NULL) {
		return;
	}
	if (serve->scavenge.pass != NULL) {
		scavenge_timer(serve, 0, scavenge_slice);
	} else {
		scavenge_loaded(serve);
	}
}

void scavenge_stop(struct serve *serve)
{
	serve->world->timer_stop(serve->world->priv, serve->scavenge.timer);
	serve->scavenge.timer = NULL;
}

/* ---- for others ---- */

void serve_scavenge(struct serve *serve, enum serve_scavenge_mode mode,
		    void (*done)(void *arg,
				 const struct serve_scavenge_result *result),
		    void *arg)
{
	struct serve_scavenge_result failed = { .error = EAGAIN };
	struct scavenge_pass *pass = serve->scavenge.pass;
	struct scavenge_waiter **list = &serve->scavenge.queue;
	struct scavenge_waiter *waiter = NULL;

	if (!is_loading(serve) &&
	    (!serve->gate_closed || mode == SERVE_SCAVENGE_DRY_RUN)) {
		waiter = talloc(serve, struct scavenge_waiter);
		failed.error = ENOMEM;
	}
	if (waiter == NULL) {
		if (done != NULL) {
			done(arg, &failed);
		}
		return;
	}
	if (pass != NULL && pass->mode == mode) {
		list = &pass->waiters;
	}
	*waiter = (struct scavenge_waiter){
		.next = *list,
		.mode = mode,
		.done = done,
		.arg = arg,
	};
	*list = waiter;
	if (pass == NULL) {
		pass_begin(serve, mode);
	}
}

int64_t serve_next_scavenge(const struct serve *serve)
{
	return serve->scavenge.next;
}

bool serve_scavenge_running(const struct serve *serve)
{
	return serve->scavenge.pass != NULL;
}

bool serve_scavenge_stopped(const struct serve *serve, uint64_t *leaving,
			    uint64_t *active)
{
	*leaving = serve->scavenge.leaving;
	*active = serve->scavenge.active;
	return serve->scavenge.stopped;
}
