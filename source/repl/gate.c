/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gate: a server that has lost its memory hands out no version before a
 * partner has told which was its last (wins:start wait, design.md 4.2).
 *
 * Partners skip what they believe to have. A server that begins again at 1
 * would hand out versions that its partners' marks have passed long ago: its
 * new records were invisible to them, for years (Q135405). So an empty
 * database, a restored one and one that got another owner address wait.
 *
 * It opens when every pull partner with a schedule has told its map, and what
 * it has of ours was fetched back, or has failed, and at least one has told.
 * Partners that are as empty tell that they know nothing, at once, so two new
 * servers do not wait for each other. When start wait is over the first answer
 * is enough; without any it stays closed until an operator says start-anyway.
 *
 * A partner that had not answered by then is asked for what is ours with the
 * first pull that works. What comes back is told anew (move.c).
 *
 * What was told is where the counter goes on, with a margin: a partner may
 * have taken more than it calls settled, and one that did not answer may know
 * more. The margin is small beside wins:version jump. Only when all have
 * answered and none knows us - a new server - it begins at 1.
 *
 * A part of the margin is drawn. A server that loses its disk again before
 * anybody has pulled from it is told the same number in its next life: with a
 * fixed margin it would hand out the same versions again, for other records.
 */

#include <inttypes.h>

#include "core/owner_move.h"
#include "repl/private.h"

#define MARGIN		UINT64_C(65536)
#define SPREAD		UINT64_C(131072)	/* drawn and added to it */
#define META_RESTORED	"restored"		/* by winsrepair restore */
#define META_WAITING	"gate-closed"		/* an earlier life ended so */
#define RETRY_USEC	5000000u
/* No server has given out so many; a partner that says so is damaged. */
#define BELIEVED	((uint64_t)INT64_MAX)

static const char *const names[] = { "open", "waiting", "closed" };

const char *repl_gate_name(enum repl_gate gate)
{
	return names[gate];
}

enum repl_gate repl_gate(const struct repl *repl)
{
	return repl->gate.state;
}

const char *repl_gate_reason(const struct repl *repl)
{
	return repl->gate.reason != NULL ? repl->gate.reason : "";
}

static bool is_asked(const struct partner *partner)
{
	return partner->config.pull &&
	       partner->config.options.pull_interval > 0;
}

/* Where to go on when this was told. */
static uint64_t above(const struct repl *repl, uint64_t told)
{
	return told + MARGIN + nb_random32(repl->world) % SPREAD;
}

/* ---- opening ---- */

static void gate_look(struct repl *repl);

static void waited(void *arg);

static void look_again(void *arg)
{
	struct repl *repl = arg;
	struct gate *gate = &repl->gate;
	uint64_t now = repl_mono(repl);

	gate->timer = NULL;
	gate_look(repl);
	if (gate->state == REPL_GATE_WAITING && gate->timer == NULL &&
	    gate->opening == NULL) {
		gate->timer = repl_timer(repl, gate->until > now ?
					 gate->until - now : 0, waited, repl);
	}
}

/* The turn that opens it; repl may be gone before that is durable. */
struct opening {
	struct repl *repl;
	uint64_t told;			/* by partners, when it was written */
};

static void gate_open(struct repl *repl, uint64_t from);

static void opened(void *arg, int error)
{
	struct opening *opening = arg;
	struct repl *repl = opening->repl;
	struct gate *gate = NULL;
	uint64_t told = opening->told;

	talloc_free(opening);
	if (repl == NULL) {
		return;
	}
	gate = &repl->gate;
	gate->opening = NULL;
	if (error != 0) {
		nb_log(repl->world, NB_LOG_ERROR, "registrations cannot be "
		       "taken yet: %s", store_error_text(error));
		gate->timer = repl_timer(repl, RETRY_USEC, look_again, repl);
		return;
	}
	if (gate->told > told) {	/* somebody has answered meanwhile */
		gate_open(repl, above(repl, gate->told));
		return;
	}
	gate->state = REPL_GATE_OPEN;
	serve_close_gate(repl->serve, false);
	nb_log(repl->world, NB_LOG_NOTICE,
	       "registrations are taken from now on; versions go on above "
	       "%" PRIu64, store_counter(repl->store));
	move_look(repl);
}

static int write_opening(struct repl *repl, uint64_t from)
{
	struct serve *serve = repl->serve;
	int ret = move_note(repl, repl->gate.told > 0);

	if (ret == 0 && from > 0) {
		ret = serve_raise_counter(serve, from);
	}
	if (ret == 0) {
		ret = serve_set_meta(serve, META_RESTORED, 0);
	}
	if (ret == 0) {
		ret = serve_set_meta(serve, META_WAITING, 0);
	}
	return ret;
}

static void gate_open(struct repl *repl, uint64_t from)
{
	struct gate *gate = &repl->gate;
	struct opening *opening = NULL;
	int ret = 0;

	if (gate->opening != NULL) {
		return;
	}
	repl_timer_stop(repl, &gate->timer);
	opening = talloc_zero(repl, struct opening);
	if (opening == NULL) {
		gate->timer = repl_timer(repl, RETRY_USEC, look_again, repl);
		return;
	}
	opening->repl = repl;
	opening->told = gate->told;
	gate->opening = opening;
	serve_turn_begin(repl->serve);
	ret = write_opening(repl, from);
	if (ret == 0 && !serve_when_durable(repl->serve, opened, opening)) {
		ret = ENOMEM;
	}
	serve_turn_end(repl->serve);
	if (ret != 0) {
		opened(opening, ret);
	}
}

static void gate_look(struct repl *repl)
{
	struct gate *gate = &repl->gate;
	struct partner *partner = NULL;
	unsigned int asked = 0, answered = 0, failed = 0;

	if (gate->state == REPL_GATE_OPEN) {
		return;
	}
	TAILQ_FOREACH(partner, &repl->partners, list) {
		if (is_asked(partner)) {
			asked++;
			answered += partner->gate == GATE_ANSWERED;
			failed += partner->gate == GATE_FAILED;
		}
	}
	if (gate->anyway) {
		gate_open(repl, above(repl, gate->told));
	} else if (asked == 0 || repl->config.start_wait == 0) {
		gate_open(repl, gate->told > 0 ? above(repl, gate->told) : 0);
	} else if (answered > 0 && (answered + failed == asked ||
				    gate->state == REPL_GATE_CLOSED)) {
		gate_open(repl, gate->told == 0 && answered == asked ?
				0 : above(repl, gate->told));
	}
}

bool repl_start_anyway(struct repl *repl)
{
	if (repl->gate.state == REPL_GATE_OPEN) {
		return false;
	}
	nb_log(repl->world, NB_LOG_WARNING, "an operator opens the server "
	       "to registrations without a partner's word");
	repl->gate.anyway = true;
	gate_look(repl);
	return true;
}

/* ---- closing ---- */

static uint64_t highest_here(const struct repl *repl)
{
	struct store_owner line;

	for (unsigned int i = 0; store_owner_at(repl->store, i, &line); i++) {
		if (line.owner == NB_SELF) {
			return line.highest;
		}
	}
	return 0;
}

static void waited(void *arg)
{
	struct repl *repl = arg;
	struct gate *gate = &repl->gate;

	gate->timer = NULL;
	gate->state = REPL_GATE_CLOSED;
	tick_revive(repl);
	gate_look(repl);
	if (gate->state != REPL_GATE_OPEN && gate->opening == NULL) {
		nb_log(repl->world, NB_LOG_ERROR,
		       "the database is %s and no replication partner has "
		       "answered in %u s: no registration is taken until one "
		       "does, or until `winsctl server start-anyway`",
		       gate->reason, repl->config.start_wait);
	}
}

static bool number_is_set(const struct repl *repl, const char *key)
{
	uint64_t number = 0;

	return store_get_meta(repl->store, key, &number) && number != 0;
}

static const char *why_closed(const struct repl *repl)
{
	if (number_is_set(repl, META_RESTORED)) {
		return "restored";
	}
	if (number_is_set(repl, OWNER_MOVED)) {
		return "under another owner address";
	}
	return store_counter(repl->store) == 0 ||
	       number_is_set(repl, META_WAITING) ? "empty" : NULL;
}

/* What we had is what lies above this, whoever has it. */
static uint64_t base_of(const struct repl *repl)
{
	uint64_t waiting = 0;

	return store_get_meta(repl->store, META_WAITING, &waiting) &&
	       waiting != 0 ? waiting - 1 : highest_here(repl);
}

/* What comes back while it is closed must not look like a whole database to
 * the next life, if this one ends before that is so. */
static void remember_waiting(struct repl *repl, uint64_t waiting)
{
	serve_turn_begin(repl->serve);
	/* lost: with luck the first pull is a surprise, see below */
	(void)serve_set_meta(repl->serve, META_WAITING, waiting);
	serve_turn_end(repl->serve);
}

void gate_loaded(struct repl *repl)
{
	struct gate *gate = &repl->gate;
	struct partner *partner = NULL;
	bool any = false;

	gate->reason = why_closed(repl);
	gate->base = base_of(repl);
	TAILQ_FOREACH(partner, &repl->partners, list) {
		any |= is_asked(partner);
	}
	if (gate->reason == NULL || !any || repl->config.start_wait == 0) {
		if (number_is_set(repl, META_WAITING)) {
			remember_waiting(repl, 0);
		}
		return;
	}
	gate->state = REPL_GATE_WAITING;
	serve_close_gate(repl->serve, true);
	remember_waiting(repl, gate->base + 1);
	gate->until = repl_mono(repl) +
		      repl->config.start_wait * UINT64_C(1000000);
	gate->timer = repl_timer(repl, repl->config.start_wait *
				 UINT64_C(1000000), waited, repl);
	nb_log(repl->world, NB_LOG_NOTICE,
	       "the database is %s: no registration is taken before a "
	       "replication partner has told our highest version",
	       gate->reason);
}

void gate_stop(struct repl *repl)
{
	struct gate *gate = &repl->gate;

	repl_timer_stop(repl, &gate->timer);
	if (gate->opening != NULL) {
		/* serve holds it until its turn is over */
		gate->opening->repl = NULL;
		(void)talloc_steal(repl->serve, gate->opening);
		gate->opening = NULL;
	}
}

void gate_reload(struct repl *repl)
{
	gate_look(repl);
}

/* ---- what partners say ---- */

/* The gate opened without its word. */
static bool is_late(const struct partner *partner)
{
	return partner->repl->gate.reason != NULL &&
	       is_asked(partner) && partner->gate != GATE_ANSWERED;
}

/*
 * What it had of ours is back now, but others have passed these versions: they
 * are told anew. Without memory for that it is asked again.
 */
static void answered_late(struct partner *partner, uint64_t version)
{
	struct repl *repl = partner->repl;

	if (version <= repl->gate.base || move_again(repl, version) == 0) {
		partner->gate = GATE_ANSWERED;
	}
}

void gate_answered(struct partner *partner, uint64_t version)
{
	struct repl *repl = partner->repl;

	if (version > BELIEVED) {
		gate_failed(partner);
		return;
	}
	if (repl->gate.state == REPL_GATE_OPEN) {
		if (is_late(partner)) {
			answered_late(partner, version);
		}
		return;
	}
	if (repl->gate.told < version) {
		repl->gate.told = version;
	}
	partner->gate = GATE_ANSWERED;
	gate_look(repl);
}

void gate_failed(struct partner *partner)
{
	struct repl *repl = partner->repl;

	if (repl->gate.state == REPL_GATE_WAITING &&
	    partner->gate == GATE_ASKED) {
		partner->gate = GATE_FAILED;
		gate_look(repl);
	}
}

/* One line for each damaged number. */
static void disbelieve(struct repl *repl, struct partner *partner,
		       uint64_t max)
{
	char name[PARTNER_TEXT];

	partner->quarantined++;
	if (repl->gate.alarmed == max) {
		return;
	}
	repl->gate.alarmed = max;
	nb_log(repl->world, NB_LOG_ERROR,
	       "%s knows versions of ours up to %" PRIu64 ", far beyond %"
	       PRIu64 ": that is not believed, but it does not see what is "
	       "registered here before its number is mended",
	       partner_text(partner, name), max, store_counter(repl->store));
}

/* They are not handed out from now on. */
static bool is_raised(struct repl *repl, struct partner *partner, uint64_t max,
		      uint64_t counter)
{
	char name[PARTNER_TEXT];
	int ret = 0;

	nb_log(repl->world, NB_LOG_ERROR,
	       "%s knows versions of ours up to %" PRIu64 ", but %" PRIu64
	       " is the last that was handed out here: is there another server "
	       "of this owner address, or was this database replaced?",
	       partner_text(partner, name), max, counter);
	serve_turn_begin(repl->serve);
	ret = serve_raise_counter(repl->serve, above(repl, max));
	serve_turn_end(repl->serve);
	return ret == 0;
}

/*
 * With the gate open: somebody knows versions of ours that we never handed
 * out. What they name comes back, be it with a later pull.
 */
static bool surprised(struct repl *repl, struct partner *partner, uint64_t max,
		      uint64_t *from)
{
	struct gate *gate = &repl->gate;
	uint64_t counter = store_counter(repl->store);

	if (max > counter && max - counter > repl->config.version_jump) {
		disbelieve(repl, partner, max);
		return false;
	}
	if (max > counter && is_raised(repl, partner, max, counter)) {
		gate->lost_to = max;
		if (gate->lost_from == 0) {
			gate->lost_from = counter + 1;
		}
		/*
		 * Two lives without memory, the second below the first: who
		 * heard of the first has passed what this one gave out.
		 */
		if (gate->reason != NULL) {
			(void)move_again(repl, max);
		}
	}
	*from = gate->lost_from;
	return gate->lost_from != 0 && max >= gate->lost_from;
}

void gate_own_back(struct repl *repl, uint64_t max)
{
	if (max >= repl->gate.lost_to) {
		repl->gate.lost_from = 0;
	}
}

bool gate_wants_own(struct repl *repl, struct partner *partner, uint64_t max,
		    uint64_t *from, uint64_t *limit)
{
	*limit = max;
	if (repl->gate.state == REPL_GATE_OPEN || repl->gate.opening != NULL) {
		bool lost = surprised(repl, partner, max, from);

		*from = is_late(partner) ? repl->gate.base + 1 : *from;
		return lost || (is_late(partner) && max >= *from);
	}
	if (max > BELIEVED) {
		disbelieve(repl, partner, max);
		*limit = BELIEVED;
	}
	*from = repl->gate.base + 1;
	return *limit >= *from;
}
