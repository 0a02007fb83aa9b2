/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The answer to a SEND_REQUEST: all records of an owner in a range of
 * versions (protocol.md 4.2).
 *
 * A reply begins with its length and its number of records, so it is
 * encoded before it is sent, in slices between which the loop serves clients:
 * a record that gets another version meanwhile has left the range, and the
 * partner hears of it next time. Encoded it takes about 50 bytes a record in
 * chunks that are freed as they leave. Rejected: to count first and encode
 * while sending. What changes between the two would have to be made up.
 *
 * Answers that are large together wait for each other; one alone may be as
 * large as the database.
 */

#include <inttypes.h>
#include <string.h>

#include "repl/private.h"

#define SLICE		512u			/* records of one turn */
#define CHUNK		(64u * 1024u)
#define UNSENT		(256u * 1024u)		/* as much waits in a link */
#define SLOWEST		(64u * 1024u)		/* bytes/s, after a while */
#define AGAIN_USEC	50000u			/* until bytes may be free */

struct chunk {
	TAILQ_ENTRY(chunk) list;
	size_t len;
	uint8_t data[CHUNK];
};

struct answer {
	TAILQ_ENTRY(answer) list;
	struct repl *repl;
	struct assoc *assoc;
	uint32_t owner;			/* as the store has it */
	uint64_t next, last;		/* versions */
	bool active;			/* not in the line any more */
	bool failed;
	unsigned int visited;		/* of this slice */
	uint32_t names;
	uint64_t bytes;
	uint64_t until;			/* mono: it must have left */
	TAILQ_HEAD(chunks, chunk) chunks;
	struct nb_timer *timer;
};

static void answer_line(struct repl *repl);

/* ---- the end ---- */

static void chunk_free(struct answer *answer, struct chunk *chunk)
{
	TAILQ_REMOVE(&answer->chunks, chunk, list);
	answer->repl->answer_bytes -= CHUNK;
	talloc_free(chunk);
}

static void answer_free(struct answer *answer)
{
	struct repl *repl = answer->repl;
	struct chunk *chunk = NULL;

	repl_timer_stop(repl, &answer->timer);
	while ((chunk = TAILQ_FIRST(&answer->chunks)) != NULL) {
		chunk_free(answer, chunk);
	}
	answer->assoc->answer = NULL;
	if (answer->active) {
		TAILQ_REMOVE(&repl->answers, answer, list);
		repl->answers_active--;
	} else {
		TAILQ_REMOVE(&repl->answers_waiting, answer, list);
	}
	talloc_free(answer);
}

void answer_drop(struct assoc *a)
{
	struct repl *repl = a->repl;

	if (a->answer != NULL) {
		answer_free(a->answer);
		answer_line(repl);
	}
}

static void answer_done(struct answer *answer)
{
	struct assoc *a = answer->assoc;
	struct repl *repl = answer->repl;

	answer_free(answer);
	assoc_answered(a);
	answer_line(repl);
}

/* ---- sending ---- */

/* Each piece has its time, and all together have theirs: what one partner
 * does not read, others wait for. */
static void wait_for_room(struct answer *answer)
{
	uint64_t now = repl_mono(answer->repl);
	uint64_t left = answer->until > now ?
				(answer->until - now) / 1000000u : 0;

	assoc_wait(answer->assoc, left < REPLY_SECONDS ? (unsigned int)left :
							 REPLY_SECONDS,
		   "room to send an answer");
}

static void answer_send(struct answer *answer)
{
	struct assoc *a = answer->assoc;
	struct chunk *chunk = NULL;

	while ((chunk = TAILQ_FIRST(&answer->chunks)) != NULL &&
	       answer->repl->ops.unsent(a->link) < UNSENT) {
		if (assoc_send(a, chunk->data, chunk->len) != 0) {
			/* what follows would be taken for what is missing */
			assoc_close(a);
			return;
		}
		chunk_free(answer, chunk);
	}
	if (chunk == NULL) {
		answer_done(answer);
		return;
	}
	wait_for_room(answer);
}

void answer_drained(struct assoc *a)
{
	if (a->answer->active && a->answer->timer == NULL) {
		answer_send(a->answer);
	}
}

static void answer_encoded(struct answer *answer)
{
	struct assoc *a = answer->assoc;
	uint8_t head[WREPL_SMALL_MAX];
	size_t len = wrepl_encode_reply_head(head, a->peer_context,
					     answer->names, answer->bytes);

	if (len == 0) {
		/* over 4 GiB: more than a frame can say */
		assoc_close(a);
		return;
	}
	answer->until = repl_mono(answer->repl) + UINT64_C(1000000) *
			(REPLY_SECONDS + answer->bytes / SLOWEST);
	answer->repl->stat[STAT_RECORDS_OUT] += answer->names;
	if (assoc_send(a, head, len) != 0) {
		assoc_close(a);
		return;
	}
	answer_send(answer);
}

/* ---- encoding ---- */

static struct chunk *room(struct answer *answer)
{
	struct chunk *chunk = TAILQ_LAST(&answer->chunks, chunks);

	if (chunk != NULL && CHUNK - chunk->len >= WREPL_RECORD_MAX) {
		return chunk;
	}
	chunk = talloc(answer, struct chunk);
	if (chunk == NULL) {
		return NULL;
	}
	chunk->len = 0;
	TAILQ_INSERT_TAIL(&answer->chunks, chunk, list);
	answer->repl->answer_bytes += CHUNK;
	return chunk;
}

static bool add_record(void *arg, const struct nb_record *stored)
{
	struct answer *answer = arg;
	struct repl *repl = answer->repl;
	struct nb_record rec = *stored;
	struct chunk *chunk = NULL;
	size_t len = 0;

	if (answer->visited == SLICE) {
		return false;
	}
	answer->visited++;
	answer->next = rec.version + 1;
	serve_record_view(repl->serve, &rec);
	if (!filter_out(answer->assoc->partner, &rec)) {
		return true;
	}
	chunk = room(answer);
	if (chunk == NULL) {
		answer->failed = true;
		return false;
	}
	len = wrepl_encode_record(chunk->data + chunk->len, &rec,
				  repl->config.self);
	chunk->len += len;
	answer->bytes += len;
	answer->names += len > 0;
	return true;
}

/* Of those that are prepared side by side the first goes on in any case. */
static bool must_wait(const struct answer *answer)
{
	const struct repl *repl = answer->repl;

	return repl->answer_bytes >= ANSWER_BYTES &&
	       answer != TAILQ_FIRST(&repl->answers);
}

static void answer_slice(void *arg)
{
	struct answer *answer = arg;
	struct assoc *a = answer->assoc;

	answer->timer = NULL;
	if (must_wait(answer)) {
		answer->timer = repl_timer(answer->repl, AGAIN_USEC,
					   answer_slice, answer);
		if (answer->timer != NULL) {
			return;
		}
	}
	answer->visited = 0;
	store_walk_version(answer->repl->store, answer->owner, answer->next,
			   answer->last, add_record, answer);
	if (!answer->failed && answer->visited == SLICE) {
		answer->timer = repl_timer(answer->repl, 0, answer_slice,
					   answer);
		answer->failed = answer->timer == NULL;
		if (!answer->failed) {
			return;
		}
	}
	if (answer->failed) {
		/* without memory: the partner comes again */
		assoc_close(a);
		return;
	}
	answer_encoded(answer);
}

/* ---- the line ---- */

static bool has_turn(const struct repl *repl)
{
	return repl->answers_active == 0 ||
	       (repl->answers_active < ANSWERS_MAX &&
		repl->answer_bytes < ANSWER_BYTES);
}

static void answer_begin(struct answer *answer)
{
	struct repl *repl = answer->repl;

	TAILQ_REMOVE(&repl->answers_waiting, answer, list);
	TAILQ_INSERT_TAIL(&repl->answers, answer, list);
	answer->active = true;
	repl->answers_active++;
	answer->timer = repl_timer(repl, 0, answer_slice, answer);
	if (answer->timer == NULL) {
		assoc_close(answer->assoc);
	}
}

static void answer_line(struct repl *repl)
{
	while (!TAILQ_EMPTY(&repl->answers_waiting) && has_turn(repl)) {
		answer_begin(TAILQ_FIRST(&repl->answers_waiting));
	}
}

static void answer_nothing(struct assoc *a)
{
	uint8_t head[WREPL_SMALL_MAX];

	assoc_send(a, head, wrepl_encode_reply_head(head, a->peer_context, 0,
						    0));
}

/* What a question tells: the asker has what lies below (4.2). */
static void note_question(struct assoc *a, const struct wrepl_owner *request)
{
	struct repl *repl = a->repl;

	if (a->partner == NULL) {
		return;
	}
	a->partner->pulled_from_us = repl_wall(repl);
	/* a number that was never ours tells nothing */
	if (request->address == repl->config.self && request->min > 0 &&
	    request->min - 1 <= store_mark(repl->store, NB_SELF)) {
		partner_knows_ours(a->partner, request->min - 1);
	}
}

/*
 * While the gate is closed nothing of ours is told. Who asks for it all the
 * same has a map of an earlier life of this server: if he got nothing now he
 * would pass versions, and not hear of what will bear them.
 */
static bool is_of_another_life(struct assoc *a,
			       const struct wrepl_owner *request)
{
	struct repl *repl = a->repl;
	char text[NB_ADDR_TEXT];

	if (repl->gate.state == REPL_GATE_OPEN || request->max == 0 ||
	    request->address != repl->config.self) {
		return false;
	}
	nb_log(repl->world, NB_LOG_NOTICE,
	       "%s asks for versions of ours up to %" PRIu64 ", which were "
	       "not told: it is to ask for the map first",
	       nb_addr_print(a->peer, text), request->max);
	return true;
}

void answer_request(struct assoc *a, const struct wrepl_owner *request)
{
	struct repl *repl = a->repl;
	struct owner *owner = owner_find(repl, request->address);
	struct answer *answer = NULL;
	uint64_t told = 0, last = request->max;

	if (is_of_another_life(a, request)) {
		assoc_close(a);
		return;
	}
	repl_count(repl, STAT_ANSWERS);
	note_question(a, request);
	if (owner != NULL && owner_allowed(repl, owner->address)) {
		told = owner_told(repl, owner, a->peer);
	}
	if (last == 0 || last > told) {
		last = told;
	}
	if (told == 0 || request->min > last) {
		answer_nothing(a);
		return;
	}
	answer = talloc_zero(repl, struct answer);
	if (answer == NULL) {
		assoc_close(a);
		return;
	}
	answer->repl = repl;
	answer->assoc = a;
	answer->owner = repl_inward(repl, owner->address);
	answer->next = request->min;
	answer->last = last;
	TAILQ_INIT(&answer->chunks);
	TAILQ_INSERT_TAIL(&repl->answers_waiting, answer, list);
	a->answer = answer;
	/* it is we who are slow: what it was waited for is done */
	assoc_wait(a, IDLE_SECONDS, "its turn to be answered");
	assoc_pause(a, true);
	answer_line(repl);
}
