/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A pull: one cycle with one partner (protocol.md 4.3).
 *
 *	connect, START -> its owner-version map -> for each owner of whom it
 *	knows more: SEND_REQUEST, records, next -> all durable -> the end
 *
 * A pull begins with a wish (wish.c). With UPDATE the connection and the map
 * are the partner's, with INFORM the map.
 *
 * The cycle goes on to the next owner when all records of one have come;
 * challenges do not hold it up (range.c looks after them). It ends when what
 * it stored is durable: only then does the partner of an UPDATE get its STOP.
 *
 * An owner that is just being fetched from another partner comes last, and is
 * waited for a little; so does one that we know nothing of, and that is a
 * partner whose map is just being asked for. A server passes the versions of
 * an owner on whether it kept the records or not (4.3): of two partners each
 * may have refused what the other owns, and who lost its disk would be given
 * neither. A pull that fails leaves what was settled, and says why; the others
 * never notice.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "repl/private.h"

#define PROGRESS 100000u	/* records between two lines of log */

enum pull_state {
	PULL_CONNECTING,
	PULL_TABLE,		/* the map was asked for */
	PULL_REPLY,		/* records were */
	PULL_RECORDS,		/* and come */
	PULL_BUSY,		/* another pull has the owners that are left */
	PULL_FLUSH,		/* all is here, not all durable */
};

static const char *const state_names[] = {
	"connecting", "asking for the map", "asking for records",
	"receiving records", "waiting for another pull", "writing",
};

struct pull {
	struct partner *partner;
	struct assoc *assoc;
	bool lent;			/* the partner's connection (UPDATE) */
	bool reused;			/* an idle one of ours: it may be dead */
	enum pull_state state;
	struct wrepl_owner *table;	/* max 0: done with */
	uint32_t owners;
	uint32_t at;
	bool propagate;
	uint32_t initiator;
	struct range *range;		/* in states REPLY and RECORDS */
	uint32_t range_owner;		/* its address */
	unsigned int turns;		/* not durable */
	unsigned int inside;		/* calls that must find it again */
	bool over;			/* freed when inside is 0 */
	int error;
	char message[128];
	uint64_t records, expected;
	bool asked_map;			/* its whole map, not some news */
	uint64_t told_us;		/* what it says of us */
	struct waiter *waiters;
	struct nb_timer *timer;
};

static void pull_next(struct pull *pull);

struct partner *pull_partner(const struct pull *pull)
{
	return pull->partner;
}

void pull_sight(const struct pull *pull, uint64_t *progress,
		uint64_t *expected, const char **state)
{
	*progress = pull->records;
	*expected = pull->expected;
	*state = state_names[pull->state];
}

void pull_forget(struct pull *pull, const void *arg)
{
	for (struct waiter *w = pull != NULL ? pull->waiters : NULL; w != NULL;
	     w = w->next) {
		if (w->arg == arg) {
			w->done = NULL;
		}
	}
}

/* ---- the end ---- */

static void pull_release(struct pull *pull)
{
	if (pull->over && pull->inside == 0) {
		talloc_free(pull);
	}
}

/* Take it apart; the partner has no pull any more. */
static void pull_close(struct pull *pull)
{
	struct repl *repl = pull->partner->repl;
	struct range *range = pull->range;

	pull->over = true;
	pull->partner->pull = NULL;
	repl->pulls--;
	repl_timer_stop(repl, &pull->timer);
	pull->range = NULL;
	if (range != NULL) {
		range_abandon(range);
	}
	ranges_forget(repl, pull);
}

/* What becomes of the connection. */
static void leave_assoc(struct pull *pull, int error)
{
	struct partner *partner = pull->partner;
	struct assoc *a = pull->assoc;

	pull->assoc = NULL;
	if (a == NULL) {
		return;
	}
	a->pull = NULL;
	if (error != 0) {
		assoc_stop(a, WREPL_STOP_ERROR);
	} else if (pull->lent || !partner->config.options.persistent ||
		   partner->idle != NULL) {
		assoc_stop(a, WREPL_STOP_NORMAL);
	} else {
		partner->idle = a;
		assoc_pause(a, false);
		assoc_wait(a, IDLE_SECONDS, "the next pull");
	}
}

static void log_success(const struct pull *pull)
{
	const struct repl *repl = pull->partner->repl;
	char name[PARTNER_TEXT];

	if (pull->records == 0) {
		return;
	}
	nb_log(repl->world, pull->records >= PROGRESS ? NB_LOG_NOTICE :
							NB_LOG_INFO,
	       "pulled %" PRIu64 " records from %s in %" PRIu64 " ms",
	       pull->records, partner_text(pull->partner, name),
	       (repl_mono(repl) + 1 - pull->partner->began) / 1000);
}

static void tell_success(struct pull *pull)
{
	struct partner *partner = pull->partner;
	struct repl *repl = partner->repl;

	log_success(pull);
	partner->pull_ok = repl_wall(repl);
	partner_joins(partner);
	pull_worked(partner);
	if (pull->propagate && pull->records > 0) {
		push_forward(repl, partner, pull->initiator);
	}
	if (pull->asked_map) {
		gate_answered(partner, pull->told_us);
	}
}

/*
 * Has it told what it knows of us, and has that come back? Then the gate need
 * not wait for the rest, which may well have to wait for the gate: a merge
 * takes a version.
 */
static bool has_ours(const struct pull *pull)
{
	return pull->asked_map && pull->table != NULL &&
	       (pull->told_us == 0 ||
		(pull->at > 1 && pull->table[0].max == 0));
}

static void tell_failure(struct pull *pull)
{
	struct partner *partner = pull->partner;
	struct repl *repl = partner->repl;

	repl_count(repl, STAT_PULLS_FAILED);
	partner_failed(partner, "%s", pull->message);
	survey_failed(repl, partner, pull->error);
	pull_failed(partner);
	if (has_ours(pull)) {
		gate_answered(partner, pull->told_us);
	} else {
		gate_failed(partner);
	}
}

static void pull_finish(struct pull *pull, int error)
{
	struct partner *partner = pull->partner;
	struct repl *repl = partner->repl;

	if (pull->over) {
		return;
	}
	pull->inside++;
	pull->error = error;
	pull_close(pull);
	leave_assoc(pull, error);
	if (error == 0) {
		tell_success(pull);
	} else {
		tell_failure(pull);
	}
	waiters_tell(&pull->waiters, partner->config.address, error,
		     pull->records, error != 0 ? pull->message : NULL);
	pull->inside--;
	pull_release(pull);
	pull_owner_free(repl);	/* its own word does not come any more */
	pulls_try(repl);
}

static void pull_fail(struct pull *pull, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void pull_fail(struct pull *pull, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(pull->message, sizeof(pull->message), format, ap);
	va_end(ap);
	pull_finish(pull, error);
}

void pull_refused(struct pull *pull, const char *why)
{
	pull_fail(pull, EACCES, "%s", why);
}

/* Repl or the partner goes: nobody is told. */
void pull_free(struct pull *pull)
{
	pull_close(pull);
	if (pull->assoc != NULL) {
		pull->assoc->pull = NULL;
		assoc_close(pull->assoc);
		pull->assoc = NULL;
	}
	waiters_tell(&pull->waiters, pull->partner->config.address, ECANCELED,
		     pull->records, "no partner any more");
	pull_release(pull);
}

/* ---- owner by owner ---- */

static void pull_flush(struct pull *pull)
{
	pull->state = PULL_FLUSH;
	if (pull->turns == 0) {
		pull_finish(pull, 0);
	} else {
		assoc_wait(pull->assoc, IDLE_SECONDS, "our own disk");
	}
}

static void busy_timeout(void *arg)
{
	struct pull *pull = arg;

	/* the next cycle asks again */
	pull->timer = NULL;
	pull_flush(pull);
}

static void pull_wait_busy(struct pull *pull)
{
	struct repl *repl = pull->partner->repl;

	pull->state = PULL_BUSY;
	if (pull->timer == NULL) {
		pull->timer = repl_timer(repl, BUSY_SECONDS *
					 UINT64_C(1000000), busy_timeout,
					 pull);
	}
	if (pull->timer == NULL) {
		pull_flush(pull);
	}
}

/* What to ask for of this owner: false, nothing. */
static bool wants(struct pull *pull, struct owner *owner, uint64_t max,
		  uint64_t *from, uint64_t *limit)
{
	struct repl *repl = pull->partner->repl;

	if (owner->address == repl->config.self) {
		return gate_wants_own(repl, pull->partner, max, from, limit);
	}
	return owner_wants(repl, pull->partner, owner, max, from, limit);
}

static void ask(struct pull *pull, struct owner *owner, uint64_t from,
		uint64_t limit, uint64_t max)
{
	struct wrepl_owner request = { owner->address, limit, from };
	uint8_t frame[WREPL_SMALL_MAX];

	pull->range = range_begin(pull, owner, from, limit, limit == max);
	if (pull->range == NULL) {
		pull_fail(pull, ENOMEM, "out of memory");
		return;
	}
	pull->range_owner = owner->address;
	pull->state = PULL_REPLY;
	assoc_wait(pull->assoc, REPLY_SECONDS, "the records asked for");
	assoc_send(pull->assoc, frame,
		   wrepl_encode_request(frame, pull->assoc->peer_context,
					&request));
}

/* We know nothing of this owner, and are about to hear it itself; one that
 * has failed lately is not counted on. */
static bool tells_itself(const struct pull *pull, const struct owner *owner)
{
	struct repl *repl = pull->partner->repl;
	const struct partner *partner = partner_find(repl, owner->address);
	const struct pull *other = partner != NULL ? partner->pull : NULL;

	return other != NULL && other != pull && other->state < PULL_REPLY &&
	       partner->errors == 0 && owner_known(repl, owner->address) == 0;
}

/* True: this line of the table is dealt with; *waits: it could not be yet. */
static bool take_line(struct pull *pull, struct wrepl_owner *line, bool *waits)
{
	struct repl *repl = pull->partner->repl;
	struct owner *owner = NULL;
	uint64_t from = 0, limit = 0, max = line->max;

	if (max == 0 || !nb_addr_is_host(line->address) ||
	    !owner_allowed(repl, line->address)) {
		line->max = 0;
		return true;
	}
	owner = owner_add(repl, line->address);
	if (owner != NULL &&
	    (owner->range != NULL || tells_itself(pull, owner))) {
		*waits = true;
		return true;
	}
	line->max = 0;
	if (owner == NULL || !wants(pull, owner, max, &from, &limit)) {
		return true;
	}
	ask(pull, owner, from, limit, max);
	return false;
}

/* The next line that is asked for; those that were passed over come last. */
static bool next_line(struct pull *pull, bool *waits)
{
	while (pull->at < pull->owners) {
		if (!take_line(pull, &pull->table[pull->at++], waits)) {
			return true;
		}
	}
	*waits = false;
	for (uint32_t i = 0; i < pull->owners; i++) {
		if (pull->table[i].max != 0 &&
		    !take_line(pull, &pull->table[i], waits)) {
			return true;
		}
	}
	return false;
}

static void pull_next(struct pull *pull)
{
	bool waits = false;

	pull->inside++;
	pull->range = NULL;
	repl_timer_stop(pull->partner->repl, &pull->timer);
	if (next_line(pull, &waits)) {
		;		/* asked, or out of memory */
	} else if (waits) {
		pull_wait_busy(pull);
	} else {
		pull_flush(pull);
	}
	pull->inside--;
	pull_release(pull);
}

void pull_owner_free(struct repl *repl)
{
	struct partner *partner = NULL, *next = NULL;

	for (partner = TAILQ_FIRST(&repl->partners); partner != NULL;
	     partner = next) {
		next = TAILQ_NEXT(partner, list);
		if (partner->pull != NULL &&
		    partner->pull->state == PULL_BUSY) {
			pull_next(partner->pull);
		}
	}
}

/*
 * A server that was set up anew and counts from 1 again is not heard by anyone
 * who knew it: its versions are below their marks.
 */
static void look_back(struct partner *partner, uint64_t max)
{
	struct repl *repl = partner->repl;
	uint64_t known = owner_known(repl, partner->config.address);
	char name[PARTNER_TEXT];

	if (max >= known) {
		partner->went_back = 0;
		return;
	}
	if (partner->went_back == 0) {
		nb_log(repl->world, NB_LOG_WARNING,
		       "%s tells %" PRIu64 " as its own highest version, but "
		       "%" PRIu64 " is known of it: its database went back, and "
		       "new records below that are not seen (`winsctl owner "
		       "delete` forgets what is known of it)",
		       partner_text(partner, name), max, known);
	}
	partner->went_back = max + 1;
}

/* Its own records come first but for ours, so that others need not wait. */
static void put_own_line_first(struct pull *pull)
{
	for (uint32_t i = 2; i < pull->owners; i++) {
		struct wrepl_owner line = pull->table[i];

		if (line.address == pull->partner->config.address) {
			pull->table[i] = pull->table[1];
			pull->table[1] = line;
			return;
		}
	}
}

/* Its map is here: remember what it says, then ask. */
static void pull_begin_owners(struct pull *pull)
{
	struct partner *partner = pull->partner;
	struct repl *repl = partner->repl;

	partner->quarantined = 0;
	partner_map_merge(partner, pull->table, pull->owners);
	partners_passed(repl);
	if (pull->asked_map) {
		survey_map(repl, partner, pull->table, pull->owners);
	}
	for (uint32_t i = 0; i < pull->owners; i++) {
		struct wrepl_owner line = pull->table[i];

		if (line.address == repl->config.self) {
			pull->told_us = line.max;
			/* ours comes first: the gate may wait for it */
			pull->table[i] = pull->table[0];
			pull->table[0] = line;
		}
		if (pull->table[i].address == partner->config.address &&
		    pull->table[i].max != 0) {
			look_back(partner, pull->table[i].max);
		}
	}
	put_own_line_first(pull);
	pull_next(pull);
}

void pull_table(struct pull *pull, const struct wrepl_msg *msg)
{
	pull->table = talloc_array(pull, struct wrepl_owner, msg->owners + 1);
	if (pull->table == NULL) {
		pull_fail(pull, ENOMEM, "out of memory");
		return;
	}
	for (uint32_t i = 0; i < msg->owners; i++) {
		wrepl_table_owner(msg, i, &pull->table[i]);
	}
	pull->owners = msg->owners;
	pull_begin_owners(pull);
}

/* ---- records ---- */

bool pull_expects_reply(const struct pull *pull)
{
	return pull->state == PULL_REPLY;
}

bool pull_expects_table(const struct pull *pull)
{
	return pull->state == PULL_TABLE;
}

void pull_reply_begins(struct pull *pull, uint32_t names)
{
	pull->state = PULL_RECORDS;
	pull->expected += names;
}

/* Reading stops while too much of it is under way. */
static void pull_flow(struct pull *pull)
{
	struct repl *repl = pull->partner->repl;
	unsigned int pending = serve_replicas_pending(repl->serve);
	bool stop = pull->range != NULL &&
		    range_turns(pull->range) >= TURNS_MAX;

	if (pull->assoc == NULL || pull->state != PULL_RECORDS) {
		return;
	}
	stop |= pending >= (pull->assoc->paused ? PENDING_LOW : PENDING_HIGH);
	assoc_pause(pull->assoc, stop);
}

void pulls_flow(struct repl *repl)
{
	struct partner *partner = NULL;

	TAILQ_FOREACH(partner, &repl->partners, list) {
		if (partner->pull != NULL) {
			pull_flow(partner->pull);
		}
	}
}

static void log_progress(const struct pull *pull)
{
	char name[PARTNER_TEXT];

	nb_log(pull->partner->repl->world, NB_LOG_NOTICE,
	       "%" PRIu64 " of %" PRIu64 " records have come from %s",
	       pull->records, pull->expected,
	       partner_text(pull->partner, name));
}

/* Decode and hand over as many as are whole: 0 or an errno. */
static int take_records(struct pull *pull, struct assoc *a,
			const uint8_t *data, size_t len, size_t *taken,
			enum wrepl_error *error)
{
	int ret = 0;

	*taken = 0;
	while (a->names_left > 0 && ret == 0) {
		struct nb_record rec;
		size_t used = 0;

		*error = wrepl_decode_record(data + *taken, len - *taken,
					     a->body_left, pull->range_owner,
					     &rec, &used);
		if (*error != WREPL_OK) {
			break;
		}
		*taken += used;
		a->body_left -= used;
		a->names_left--;
		if (++pull->records % PROGRESS == 0) {
			log_progress(pull);
		}
		pull->partner->records++;
		pull->partner->statics += rec.is_static;
		ret = range_record(pull->range, &rec);
	}
	return ret;
}

size_t pull_records(struct pull *pull, struct assoc *a, const uint8_t *data,
		    size_t len)
{
	struct repl *repl = pull->partner->repl;
	enum wrepl_error error = WREPL_OK;
	size_t taken = 0;
	int ret = 0, late = 0;

	pull->inside++;
	serve_turn_begin(repl->serve);
	ret = take_records(pull, a, data, len, &taken, &error);
	if (ret == 0 && a->names_left == 0) {
		range_complete(pull->range);
	}
	if (taken > 0) {
		late = range_turn(pull->range);
	}
	serve_turn_end(repl->serve);
	if (pull->over) {
		;		/* the turn has failed already */
	} else if (ret != 0 || late != 0) {
		ret = ret != 0 ? ret : late;
		pull_fail(pull, ret, "a record could not be stored: %s",
			  ret == EAGAIN ? "no version or challenge can be had "
			  "now" : strerror(ret));
	} else if (error != WREPL_OK && error != WREPL_MORE) {
		repl_count(repl, STAT_BAD_FRAMES);
		pull_fail(pull, EBADMSG, "it sent records that cannot be: %s",
			  wrepl_error_name(error));
	} else {
		pull_flow(pull);
	}
	pull->inside--;
	pull_release(pull);
	return taken;
}

/* A range without a single record: the mark needs a turn of its own. */
static int empty_range(struct pull *pull)
{
	struct serve *serve = pull->partner->repl->serve;
	int ret = 0;

	range_complete(pull->range);
	pull->inside++;
	serve_turn_begin(serve);
	ret = range_turn(pull->range);
	serve_turn_end(serve);
	pull->inside--;
	return ret;
}

void pull_reply_ends(struct pull *pull)
{
	struct range *range = pull->range;
	int ret = 0;

	if (pull->state != PULL_RECORDS) {
		return;
	}
	if (!range_is_complete(range)) {
		ret = empty_range(pull);
		if (pull->over) {
			pull_release(pull);
			return;
		}
	}
	if (ret != 0) {
		pull_fail(pull, ret, "its mark could not be stored: %s",
			  strerror(ret));
		return;
	}
	assoc_pause(pull->assoc, false);
	pull->range = NULL;
	pull->inside++;
	range_leave(range);
	if (!pull->over) {
		pull_next(pull);
	}
	pull->inside--;
	pull_release(pull);
}

void pull_turn_begun(struct pull *pull)
{
	pull->turns++;
}

void pull_turn_done(struct pull *pull, int error)
{
	pull->turns--;
	if (pull->over) {
		return;
	}
	if (error != 0) {
		pull_fail(pull, error, "its records could not be written: %s",
			  strerror(error));
	} else if (pull->state == PULL_FLUSH && pull->turns == 0) {
		pull_finish(pull, 0);
	} else {
		pull_flow(pull);
	}
}

/* ---- the beginning ---- */

void pull_up(struct pull *pull)
{
	uint8_t frame[WREPL_SMALL_MAX];
	struct assoc *a = pull->assoc;

	if (pull->table != NULL) {	/* INFORM has told it */
		pull_begin_owners(pull);
		return;
	}
	pull->state = PULL_TABLE;
	pull->asked_map = true;
	assoc_wait(a, REPLY_SECONDS, "its owner-version map");
	assoc_send(a, frame, wrepl_encode_table_query(frame, a->peer_context));
}

static bool pull_connect(struct pull *pull)
{
	pull->reused = false;
	pull->state = PULL_CONNECTING;
	pull->assoc = assoc_call(pull->partner, ROLE_PULL);
	if (pull->assoc == NULL) {
		return false;
	}
	pull->assoc->pull = pull;
	return true;
}

/* An idle association may have died unseen: that is no failure. */
void pull_lost(struct pull *pull, int error)
{
	bool early = pull->reused && pull->records == 0;

	pull->assoc = NULL;
	if (early && error != ETIMEDOUT && pull->range == NULL &&
	    pull_connect(pull)) {
		return;
	}
	pull_fail(pull, error, "%s while %s",
		  error == ECONNRESET ? "it closed the connection" :
		  strerror(error), state_names[pull->state]);
}

/* Everything that a wish brings goes to the pull. */
static void take_wish(struct pull *pull, struct pull_wish *wish)
{
	pull->propagate = wish->propagate;
	pull->initiator = wish->initiator;
	pull->table = talloc_steal(pull, wish->table);
	pull->owners = wish->table != NULL ? wish->owners : 0;
	pull->waiters = wish->waiters;
	pull->assoc = wish->assoc;
	pull->lent = wish->assoc != NULL;
	*wish = (struct pull_wish){ .wanted = false };
}

void pull_start(struct partner *partner, struct pull_wish *wish)
{
	struct repl *repl = partner->repl;
	struct pull *pull = talloc_zero(repl, struct pull);

	if (pull == NULL) {
		pull_wish_clear(wish, ENOMEM, "out of memory", partner);
		survey_failed(repl, partner, ENOMEM);
		pull_failed(partner);
		return;
	}
	repl_count(repl, STAT_PULLS);
	repl->pulls++;
	pull->partner = partner;
	partner->pull = pull;
	partner->began = repl_mono(repl) + 1;
	take_wish(pull, wish);
	if (pull->lent) {
		pull->assoc->pull = pull;
		pull_begin_owners(pull);
	} else if (partner->idle != NULL) {
		pull->assoc = partner->idle;
		partner->idle = NULL;
		pull->assoc->pull = pull;
		pull->reused = true;
		pull_up(pull);
	} else if (!pull_connect(pull)) {
		pull_fail(pull, errno, "cannot call it: %s", strerror(errno));
	}
}
