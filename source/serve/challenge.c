/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Challenges: before a name goes to another host, whoever holds it is asked
 * (protocol.md 2.5, design.md "Challenges").
 *
 * One challenge for each name. The registrant gets a WACK and becomes a
 * waiter; the holders' addresses are asked one after the other, each
 * config.challenge_tries times; the first that answers anything decides. The
 * outcome comes back through the door as an event, if the record is still the
 * one that was asked about (its local revision): otherwise it is void and
 * every waiter meets the record anew.
 *
 * Meanwhile, for the same name:
 * - the same request again                silence
 * - the same host and address again       joins, and gets the same outcome
 *   (at most 8 requests: more are a flood, and silence is their answer)
 * - another address                       a WACK, and a place in a line of 4
 * - whatever needs no challenge (refresh  decided at once; when it changes the
 *   or release by a listed holder ...)    record, the challenge is void
 *
 * A client takes a second WACK for an error (2.5), so a waiter gets one and
 * no more, however often it starts afresh; after CHALLENGE_ROUNDS it is told
 * that the name is active elsewhere.
 *
 * One address has at most CHALLENGES_OF_SOURCE of them under way (source.c);
 * what it wants beyond that is dropped, and its retry may find room.
 *
 * Answers count only from an address that was asked, with the random id and
 * the name (quality.md C.2, BadTunnel); the port is checked by the door.
 */

#include "rules/client.h"
#include "serve/serve_private.h"

struct waiter {
	struct waiter *next;
	struct nb_event event;		/* as it came */
	struct nb_origin origin;
	unsigned int rounds;
	bool joined;			/* shares the outcome, not the line */
};

struct challenge {
	struct challenge *next;		/* hash chain */
	struct serve *serve;
	struct source *source;		/* on whose behalf */
	struct nb_name name;
	uint64_t revision;		/* of the record in question */
	uint32_t holder[NB_MEMBERS_MAX];
	unsigned int holders;
	unsigned int asked;		/* index of the one being asked */
	unsigned int tries;		/* made at this one */
	uint16_t trn_id;
	uint32_t local;
	struct nb_timer *timer;
	struct waiter *first;		/* joined ones, then the line */
	unsigned int joined, line;	/* how many there are of each */
};

static uint32_t name_hash(const struct nb_name *name)
{
	uint32_t hash = 2166136261u ^ name->type;

	for (unsigned int i = 0; i < name->len; i++) {
		hash = (hash ^ name->byte[i]) * 16777619u;
	}
	for (unsigned int i = 0; i < name->scope_len; i++) {
		hash = (hash ^ name->scope[i]) * 16777619u;
	}
	return hash % CHALLENGE_BUCKETS;
}

static struct challenge *challenge_find(const struct serve *serve,
					const struct nb_name *name)
{
	struct challenge *c = NULL;

	if (serve->challenges == 0) {
		return NULL;
	}
	c = serve->bucket[name_hash(name)];
	while (c != NULL && !nb_name_equal(&c->name, name)) {
		c = c->next;
	}
	return c;
}

static void challenge_unlink(struct challenge *c)
{
	struct challenge **at = &c->serve->bucket[name_hash(&c->name)];

	while (*at != c) {
		at = &(*at)->next;
	}
	*at = c->next;
	c->serve->challenges--;
	source_challenge_ends(c->source);
	c->serve->world->timer_stop(c->serve->world->priv, c->timer);
	c->timer = NULL;
}

bool challenge_outstanding(const struct serve *serve,
			   const struct nb_name *name, uint16_t trn_id)
{
	const struct challenge *c = challenge_find(serve, name);

	return c != NULL && c->trn_id == trn_id;
}

bool challenge_repeats(const struct serve *serve, const struct nb_event *event,
		       const struct nb_origin *origin)
{
	const struct challenge *c = challenge_find(serve, &event->name);

	for (const struct waiter *w = c == NULL ? NULL : c->first; w != NULL;
	     w = w->next) {
		if (w->origin.trn_id == origin->trn_id &&
		    w->origin.operation == origin->operation &&
		    w->origin.source == origin->source &&
		    w->origin.port == origin->port &&
		    w->origin.local == origin->local) {
			return true;
		}
	}
	return false;
}

/* ---- waiting ---- */

/* 5 + 4 for each address and each place in the line, 2.5 step 2. */
static uint32_t wack_ttl(const struct challenge *c, unsigned int place)
{
	const struct serve_config *config = &c->serve->config;
	uint32_t one = config->challenge_msec * config->challenge_tries;
	uint32_t ttl = 5 + ((one + 999) / 1000 + 1) * c->holders * (place + 1);

	return ttl > 105 ? 105 : ttl;
}

static void waiter_wack(struct challenge *c, const struct waiter *w,
			unsigned int place)
{
	struct nb_reply wack = {
		.kind = NB_REPLY_WACK,
		.ttl = wack_ttl(c, place),
	};

	if (w->rounds == 0) {
		serve_reply_now(c->serve, &w->origin, &w->event.name, &wack);
	}
}

static void waiter_refuse(struct serve *serve, const struct waiter *w)
{
	struct nb_reply reply = {
		.kind = NB_REPLY_REGISTER,
		.rcode = NB_RCODE_ACT,
	};

	serve_reply(serve, &w->origin, &w->event.name, &reply);
}

/* Behind the joined ones (place 0) or at the end of the line. */
static void waiter_insert(struct challenge *c, struct waiter *w)
{
	struct waiter **at = &c->first;

	while (*at != NULL && (!w->joined || (*at)->joined)) {
		at = &(*at)->next;
	}
	w->next = *at;
	*at = w;
}

static void challenge_add(struct challenge *c, struct waiter *w)
{
	const struct waiter *head = c->first;

	w->joined = head == NULL ||
		    (head->event.source == w->event.source &&
		     head->event.addr == w->event.addr);
	if (w->joined ? c->joined == CHALLENGE_JOINED
		      : c->line == CHALLENGE_LINE) {
		serve_count(c->serve, STAT_CHALLENGES_DROPPED);
		talloc_free(w);
		return;
	}
	if (w->joined) {
		c->joined++;
	} else {
		c->line++;
	}
	talloc_steal(c, w);
	waiter_insert(c, w);
	waiter_wack(c, w, w->joined ? 0 : c->line);
}

/* ---- asking ---- */

static void challenge_end(struct challenge *c, struct nb_event *outcome);

static void challenge_timeout(void *arg);

/* Nothing would ever end it. Nobody knows who has the name; we have failed. */
static void challenge_give_up(struct challenge *c)
{
	struct serve *serve = c->serve;

	challenge_unlink(c);
	serve_count(serve, STAT_CHALLENGES_DROPPED);
	for (struct waiter *w = c->first; w != NULL; w = w->next) {
		serve_reply_failure(serve, &w->event, &w->origin);
	}
	talloc_free(c);			/* and them */
}

static void challenge_ask(struct challenge *c)
{
	struct serve *serve = c->serve;

	c->tries++;
	serve->ops.challenge(serve->ops.priv, c->local, c->holder[c->asked],
			     c->trn_id, &c->name);
	c->timer = serve->world->timer_start(
		serve->world->priv, serve->config.challenge_msec * 1000ull,
		challenge_timeout, c);
	if (c->timer == NULL) {
		challenge_give_up(c);
	}
}

static void challenge_timeout(void *arg)
{
	struct challenge *c = arg;
	struct serve *serve = c->serve;
	struct nb_event lost = { .kind = NB_EV_CHALLENGE_LOST };

	c->timer = NULL;
	if (c->tries < serve->config.challenge_tries) {
		challenge_ask(c);
		return;
	}
	if (c->asked + 1 < c->holders) {
		c->asked++;
		c->tries = 0;
		challenge_ask(c);
		return;
	}
	serve_turn_begin(serve);
	serve_count(serve, STAT_CHALLENGES_LOST);
	challenge_end(c, &lost);
	serve_turn_end(serve);
}

/* Room for one more, by all and by the address that wants it? */
static struct challenge *challenge_alloc(struct serve *serve, uint32_t source)
{
	struct challenge *c = NULL;

	if (serve->challenges == CHALLENGES_MAX) {
		serve_count(serve, STAT_CHALLENGES_DROPPED);
		return NULL;
	}
	c = talloc_zero(serve, struct challenge);
	if (c == NULL) {
		serve_count(serve, STAT_CHALLENGES_DROPPED);
		return NULL;
	}
	c->source = source_challenge_begins(serve, source);
	if (c->source == NULL) {
		serve_count(serve, STAT_CHALLENGES_OF_SOURCE);
		TALLOC_FREE(c);
	}
	return c;
}

static struct challenge *challenge_new(struct serve *serve,
				       const struct waiter *w,
				       const struct nb_verdict *verdict)
{
	const struct nb_name *name = &w->event.name;
	struct challenge *c = challenge_alloc(serve, w->origin.source);
	uint32_t bucket = name_hash(name);

	if (c == NULL) {
		return NULL;
	}
	c->serve = serve;
	c->name = *name;
	c->revision = verdict->record.revision;
	c->local = w->origin.local;
	c->trn_id = (uint16_t)nb_random32(serve->world);
	c->holders = verdict->record.count;
	for (unsigned int i = 0; i < c->holders; i++) {
		c->holder[i] = verdict->record.member[i].ip;
	}
	c->next = serve->bucket[bucket];
	serve->bucket[bucket] = c;
	serve->challenges++;
	serve_count(serve, STAT_CHALLENGES);
	return c;
}

/* A claim that cannot be decided without asking: start, join or line up. */
static void waiter_enter(struct serve *serve, struct waiter *w,
			 const struct nb_verdict *verdict)
{
	struct challenge *c = challenge_find(serve, &w->event.name);

	if (w->rounds > CHALLENGE_ROUNDS) {
		waiter_refuse(serve, w);
		talloc_free(w);
		return;
	}
	if (c != NULL) {
		challenge_add(c, w);
		return;
	}
	c = challenge_new(serve, w, verdict);
	if (c == NULL) {
		talloc_free(w);
		return;
	}
	challenge_add(c, w);
	challenge_ask(c);
}

void challenge_start(struct serve *serve, const struct nb_event *event,
		     const struct nb_origin *origin,
		     const struct nb_verdict *verdict)
{
	struct waiter *w = talloc_zero(serve, struct waiter);

	if (w == NULL) {
		serve_count(serve, STAT_CHALLENGES_DROPPED);
		return;
	}
	w->event = *event;
	w->origin = *origin;
	waiter_enter(serve, w, verdict);
}

/* ---- the end ---- */

/* Meet the record anew, as if the request had just come, but for the WACK. */
static void waiter_again(struct serve *serve, struct waiter *w)
{
	struct nb_record existing;
	struct nb_verdict verdict;

	w->rounds++;
	serve_decide(serve, &w->event, &existing, &verdict);
	if (verdict.challenge && serve_can_write(serve)) {
		waiter_enter(serve, w, &verdict);
		return;
	}
	serve_apply(serve, &w->event, &w->origin, &verdict);
	talloc_free(w);
}

static bool still_the_same(struct challenge *c)
{
	struct nb_record now;

	return store_get(c->serve->store, &c->name, &now) &&
	       now.revision == c->revision;
}

static void waiter_outcome(struct serve *serve, struct waiter *w,
			   struct nb_event *outcome)
{
	struct nb_record existing;
	struct nb_verdict verdict;
	struct nb_event event = w->event;

	event.multihomed = w->event.kind == NB_EV_MREGISTER;
	event.kind = outcome->kind;
	event.answers = outcome->answers;
	for (int i = 0; i < outcome->answers; i++) {
		event.answer[i] = outcome->answer[i];
	}
	serve_decide(serve, &event, &existing, &verdict);
	serve_apply(serve, &event, &w->origin, &verdict);
	talloc_free(w);
}

/* outcome NULL: void. The challenge is gone before anybody meets the record,
 * so that a waiter of its line can start the next one. */
static void challenge_end(struct challenge *c, struct nb_event *outcome)
{
	struct serve *serve = c->serve;
	struct waiter *w = c->first;

	challenge_unlink(c);
	while (w != NULL) {
		struct waiter *next = w->next;

		if (outcome != NULL && w->joined && still_the_same(c)) {
			waiter_outcome(serve, w, outcome);
		} else {
			talloc_steal(serve, w);
			waiter_again(serve, w);
		}
		w = next;
	}
	talloc_free(c);
}

void challenge_void(struct serve *serve, const struct nb_name *name)
{
	struct challenge *c = challenge_find(serve, name);

	if (c == NULL || still_the_same(c)) {
		return;
	}
	serve_count(serve, STAT_CHALLENGES_VOID);
	challenge_end(c, NULL);
}

static bool was_asked(const struct challenge *c, uint32_t from)
{
	for (unsigned int i = 0; i <= c->asked; i++) {
		if (c->holder[i] == from) {
			return true;
		}
	}
	return false;
}

void serve_answer(struct serve *serve, uint32_t from, uint16_t trn_id,
		  const struct nb_name *name, bool positive,
		  const uint32_t *addresses, unsigned int count)
{
	struct challenge *c = challenge_find(serve, name);
	struct nb_event outcome = {
		.kind = positive ? NB_EV_CHALLENGE_HELD : NB_EV_CHALLENGE_LOST,
	};

	if (c == NULL || c->trn_id != trn_id || !was_asked(c, from)) {
		serve_count(serve, STAT_STRAY_ANSWERS);
		return;
	}
	while (outcome.answers < count && outcome.answers < NB_MEMBERS_MAX) {
		outcome.answer[outcome.answers] = addresses[outcome.answers];
		outcome.answers++;
	}
	serve_count(serve, positive ? STAT_CHALLENGES_HELD
				    : STAT_CHALLENGES_LOST);
	challenge_end(c, &outcome);
}

void challenge_free_all(struct serve *serve)
{
	for (unsigned int i = 0; i < CHALLENGE_BUCKETS; i++) {
		while (serve->bucket[i] != NULL) {
			struct challenge *c = serve->bucket[i];

			challenge_unlink(c);
			talloc_free(c);
		}
	}
}
