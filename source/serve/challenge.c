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
 * Replicas wait here as well (protocol.md 5.6): same question, same line, and
 * the same freshness of what is decided. They get no WACK and no reply, but
 * settled(); they are their partner's and no host's, so neither the line of 4
 * nor the limit of an address is theirs. repl stops reading at 256 of them.
 * All replicas behind one challenge share its outcome, for what the holder
 * says of itself is true of each. One that starts afresh too often is refused:
 * a record of ours that keeps changing lives.
 *
 * One address has at most CHALLENGES_OF_SOURCE of them under way (source.c);
 * what it wants beyond that is dropped, and its retry may find room.
 *
 * Answers count only from an address that was asked, with the random id and
 * the name (quality.md C.2, BadTunnel); the port is checked by the door.
 */

#include "serve/serve_private.h"

struct waiter {
	struct waiter *next;
	struct serve *serve;
	struct nb_event event;		/* as it came */
	struct nb_origin origin;	/* of a client */
	unsigned int rounds;
	bool joined;			/* shares the outcome, not the line */

	/* a replica: event.record is its own copy, on this waiter */
	bool replica;
	struct waiter *before, *after;	/* in serve->replica_waiters */
	void (*settled)(void *arg, int error);	/* NULL: forgotten */
	void *arg;
};

/* What was heard of the holders. */
struct outcome {
	bool positive;
	bool error;			/* negative, but no denial */
	uint8_t count;
	uint32_t addr[NB_MEMBERS_MAX];
};

struct challenge {
	struct challenge *next;		/* hash chain */
	struct serve *serve;
	struct source *source;		/* on whose behalf; NULL: replica */
	struct nb_name name;
	uint64_t revision;		/* of the record in question */
	uint32_t holder[NB_MEMBERS_MAX];
	unsigned int holders;
	unsigned int asked;		/* index of the one being asked */
	unsigned int tries;		/* made at this one */
	uint16_t trn_id;
	uint32_t local;			/* 0: the one nearest to the holder */
	struct nb_timer *timer;
	struct waiter *first;		/* joined ones, then the line */
	unsigned int joined, line;	/* clients of each */
	unsigned int place;		/* all who wait in the line */
};

static uint32_t bucket_of(const struct nb_name *name)
{
	return serve_hash_name(name) % CHALLENGE_BUCKETS;
}

static struct challenge *challenge_find(const struct serve *serve,
					const struct nb_name *name)
{
	struct challenge *c = NULL;

	if (serve->challenges == 0) {
		return NULL;
	}
	c = serve->bucket[bucket_of(name)];
	while (c != NULL && !nb_name_equal(&c->name, name)) {
		c = c->next;
	}
	return c;
}

static void challenge_unlink(struct challenge *c)
{
	struct challenge **at = &c->serve->bucket[bucket_of(&c->name)];

	while (*at != c) {
		at = &(*at)->next;
	}
	*at = c->next;
	c->serve->challenges--;
	if (c->source != NULL) {
		source_challenge_ends(c->source);
	}
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
		if (!w->replica && w->origin.trn_id == origin->trn_id &&
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

/* The end of it, whatever it was; the waiter is gone. */
static void waiter_end(struct waiter *w, int error)
{
	void (*settled)(void *arg, int error) = w->settled;
	void *arg = w->arg;

	talloc_free(w);
	if (settled != NULL) {
		settled(arg, error);
	}
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

static bool waiter_joins(const struct waiter *head, const struct waiter *w)
{
	if (head == NULL || head->replica || w->replica) {
		return head == NULL || (head->replica && w->replica);
	}
	return head->event.source == w->event.source &&
	       head->event.addr == w->event.addr;
}

/* Of clients only so many may wait; takes the place. */
static bool challenge_has_room(struct challenge *c, const struct waiter *w)
{
	unsigned int *count = w->joined ? &c->joined : &c->line;
	unsigned int limit = w->joined ? CHALLENGE_JOINED : CHALLENGE_LINE;

	if (w->replica) {
		return true;
	}
	if (*count == limit) {
		return false;
	}
	(*count)++;
	return true;
}

static void challenge_add(struct challenge *c, struct waiter *w)
{
	w->joined = waiter_joins(c->first, w);
	if (!challenge_has_room(c, w)) {
		serve_count(c->serve, STAT_CHALLENGES_DROPPED);
		talloc_free(w);
		return;
	}
	if (!w->joined) {
		c->place++;
	}
	talloc_steal(c, w);
	waiter_insert(c, w);
	if (!w->replica) {
		waiter_wack(c, w, w->joined ? 0 : c->place);
	}
}

/* ---- asking ---- */

static void challenge_end(struct challenge *c, const struct outcome *outcome);

static void challenge_timeout(void *arg);

/* Nothing would ever end it. Nobody knows who has the name; we have failed. */
static void challenge_give_up(struct challenge *c)
{
	struct serve *serve = c->serve;
	struct waiter *w = c->first;

	challenge_unlink(c);
	serve_count(serve, STAT_CHALLENGES_DROPPED);
	serve_turn_begin(serve);
	while (w != NULL) {
		struct waiter *next = w->next;

		if (w->replica) {
			serve_count(serve, STAT_REPLICAS_FAILED);
		} else {
			serve_reply_failure(serve, &w->event, &w->origin);
		}
		waiter_end(w, ENOMEM);
		w = next;
	}
	serve_turn_end(serve);
	talloc_free(c);
}

/* False without memory for the timer. */
static bool challenge_ask(struct challenge *c)
{
	struct serve *serve = c->serve;
	uint32_t holder = c->holder[c->asked];
	uint32_t local = c->local != 0 ? c->local :
					 serve_local_for(serve, holder);

	c->tries++;
	serve->ops.challenge(serve->ops.priv, local, holder, c->trn_id,
			     &c->name);
	c->timer = serve->world->timer_start(
		serve->world->priv, serve->config.challenge_msec * 1000ull,
		challenge_timeout, c);
	return c->timer != NULL;
}

/* Somebody is left to be asked (again). */
static bool challenge_goes_on(struct challenge *c)
{
	if (c->tries < c->serve->config.challenge_tries) {
		return true;
	}
	if (c->asked + 1 < c->holders) {
		c->asked++;
		c->tries = 0;
		return true;
	}
	return false;
}

static void challenge_timeout(void *arg)
{
	struct challenge *c = arg;
	struct serve *serve = c->serve;
	struct outcome silence = { .positive = false };

	c->timer = NULL;
	if (challenge_goes_on(c)) {
		if (!challenge_ask(c)) {
			challenge_give_up(c);
		}
		return;
	}
	serve_turn_begin(serve);
	serve_count(serve, STAT_CHALLENGES_LOST);
	challenge_end(c, &silence);
	serve_turn_end(serve);
}

/* Room for one more, by all and by the address that wants it? 0 or errno. */
static int challenge_alloc(struct serve *serve, const struct waiter *w,
			   struct challenge **out)
{
	struct challenge *c = NULL;

	if (serve->challenges == CHALLENGES_MAX) {
		serve_count(serve, STAT_CHALLENGES_DROPPED);
		return EAGAIN;
	}
	c = talloc_zero(serve, struct challenge);
	if (c == NULL) {
		serve_count(serve, STAT_CHALLENGES_DROPPED);
		return ENOMEM;
	}
	if (!w->replica) {
		c->source = source_challenge_begins(serve, w->origin.source);
		if (c->source == NULL) {
			serve_count(serve, STAT_CHALLENGES_OF_SOURCE);
			talloc_free(c);
			return EAGAIN;
		}
	}
	*out = c;
	return 0;
}

static int challenge_new(struct serve *serve, const struct waiter *w,
			 const struct nb_verdict *verdict,
			 struct challenge **out)
{
	const struct nb_name *name = &w->event.name;
	uint32_t bucket = bucket_of(name);
	struct challenge *c = NULL;
	int ret = challenge_alloc(serve, w, &c);

	if (ret != 0) {
		return ret;
	}
	c->serve = serve;
	c->name = *name;
	c->revision = verdict->record.revision;
	c->local = w->replica ? 0 : w->origin.local;
	c->trn_id = (uint16_t)nb_random32(serve->world);
	c->holders = verdict->record.count;
	for (unsigned int i = 0; i < c->holders; i++) {
		c->holder[i] = verdict->record.member[i].ip;
	}
	c->next = serve->bucket[bucket];
	serve->bucket[bucket] = c;
	serve->challenges++;
	serve_count(serve, STAT_CHALLENGES);
	*out = c;
	return 0;
}

/*
 * A claim or a replica that cannot be decided without asking: start, join or
 * line up; the waiter is taken. An errno: the waiter is still the caller's.
 */
static int waiter_enter(struct serve *serve, struct waiter *w,
			const struct nb_verdict *verdict)
{
	struct challenge *c = challenge_find(serve, &w->event.name);
	int ret = 0;

	if (c != NULL) {
		challenge_add(c, w);
		return 0;
	}
	ret = challenge_new(serve, w, verdict, &c);
	if (ret != 0) {
		return ret;
	}
	challenge_add(c, w);
	if (challenge_ask(c)) {
		return 0;
	}
	if (!w->replica) {
		challenge_give_up(c);
		return 0;
	}
	/* nobody else can be waiting yet: as if it had never begun */
	serve_count(serve, STAT_CHALLENGES_DROPPED);
	challenge_unlink(c);
	talloc_steal(serve, w);
	w->next = NULL;
	talloc_free(c);
	return ENOMEM;
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
	w->serve = serve;
	w->event = *event;
	w->origin = *origin;
	if (waiter_enter(serve, w, verdict) != 0) {
		talloc_free(w);
	}
}

/* ---- replicas that wait ---- */

static int replica_waiter_unlink(struct waiter *w)
{
	struct serve *serve = w->serve;

	if (w->before != NULL) {
		w->before->after = w->after;
	} else {
		serve->replica_waiters = w->after;
	}
	if (w->after != NULL) {
		w->after->before = w->before;
	}
	serve->replicas--;
	return 0;
}

static struct waiter *replica_waiter(struct serve *serve,
				     const struct nb_event *event)
{
	struct waiter *w = talloc_zero(serve, struct waiter);

	if (w == NULL) {
		return NULL;
	}
	w->serve = serve;
	w->replica = true;
	w->event = *event;
	w->event.record = talloc_memdup(w, event->record,
					sizeof(*event->record));
	if (w->event.record == NULL) {
		talloc_free(w);
		return NULL;
	}
	w->after = serve->replica_waiters;
	if (w->after != NULL) {
		w->after->before = w;
	}
	serve->replica_waiters = w;
	serve->replicas++;
	talloc_set_destructor(w, replica_waiter_unlink);
	return w;
}

int challenge_replica(struct serve *serve, const struct nb_event *event,
		      const struct nb_verdict *verdict,
		      void (*settled)(void *arg, int error), void *arg)
{
	int ret = serve_write_error(serve);
	struct waiter *w = NULL;

	if (ret != 0) {
		return ret;	/* the outcome could not be stored */
	}
	w = replica_waiter(serve, event);
	if (w == NULL) {
		return ENOMEM;
	}
	w->settled = settled;
	w->arg = arg;
	ret = waiter_enter(serve, w, verdict);
	if (ret != 0) {
		talloc_free(w);
	}
	return ret;
}

void serve_replica_forget(struct serve *serve, void *arg)
{
	for (struct waiter *w = serve->replica_waiters; w != NULL;
	     w = w->after) {
		if (w->arg == arg) {
			w->settled = NULL;
		}
	}
}

/* ---- the end ---- */

static int waiter_carry_out(struct serve *serve, struct waiter *w,
			    const struct nb_event *event,
			    const struct nb_record *old,
			    struct nb_verdict *verdict)
{
	bool changed = false;

	if (w->replica) {
		return replica_apply(serve, event, old, verdict, &changed);
	}
	serve_apply(serve, event, &w->origin, old, verdict);
	return 0;
}

static bool waiter_is_tired(struct serve *serve, struct waiter *w)
{
	if (w->rounds <= CHALLENGE_ROUNDS) {
		return false;
	}
	if (w->replica) {
		replica_refused(serve, &w->event);
	} else {
		waiter_refuse(serve, w);
	}
	waiter_end(w, 0);
	return true;
}

/* Another challenge, if the outcome of it could be stored. */
static int waiter_challenges(struct serve *serve, struct waiter *w,
			     const struct nb_verdict *verdict)
{
	int ret = serve_write_error(serve);

	if (ret == 0) {
		ret = waiter_enter(serve, w, verdict);
	}
	if (ret != 0 && w->replica) {
		serve_count(serve, STAT_REPLICAS_FAILED);
	}
	return ret;
}

/* Meet the record anew, as if it had just come, but for the WACK. */
static void waiter_again(struct serve *serve, struct waiter *w)
{
	struct nb_record existing;
	struct nb_verdict verdict;
	bool found = false;
	int ret = 0;

	if (!w->replica && gate_silences(serve)) {
		waiter_end(w, 0);
		return;
	}
	w->rounds++;
	found = serve_decide(serve, &w->event, &existing, &verdict);
	if (verdict.challenge && waiter_is_tired(serve, w)) {
		return;
	}
	if (verdict.challenge && (w->replica || serve_can_write(serve))) {
		ret = waiter_challenges(serve, w, &verdict);
		if (ret == 0) {
			return;
		}
	} else {
		ret = waiter_carry_out(serve, w, &w->event,
				       found ? &existing : NULL, &verdict);
	}
	waiter_end(w, ret);
}

static bool still_the_same(struct challenge *c)
{
	struct nb_record now;

	return store_get(c->serve->store, &c->name, &now) &&
	       now.revision == c->revision;
}

/* An error that is no denial: to a client "lost" (2.5), to a replica "held,
 * without addresses" (5.6). */
static void waiter_event(const struct waiter *w, const struct outcome *outcome,
			 struct nb_event *event)
{
	*event = w->event;
	event->multihomed = w->event.kind == NB_EV_MREGISTER;
	event->answers = outcome->count;
	for (int i = 0; i < outcome->count; i++) {
		event->answer[i] = outcome->addr[i];
	}
	if (w->replica) {
		event->kind = outcome->positive || outcome->error ?
			      NB_EV_REPLICA_HELD : NB_EV_REPLICA_LOST;
	} else {
		event->kind = outcome->positive ? NB_EV_CHALLENGE_HELD :
						  NB_EV_CHALLENGE_LOST;
	}
}

static void waiter_outcome(struct serve *serve, struct waiter *w,
			   const struct outcome *outcome)
{
	struct nb_record existing;
	struct nb_verdict verdict;
	struct nb_event event;
	bool found = false;
	int ret = 0;

	waiter_event(w, outcome, &event);
	found = serve_decide(serve, &event, &existing, &verdict);
	ret = waiter_carry_out(serve, w, &event, found ? &existing : NULL,
			       &verdict);
	waiter_end(w, ret);
}

/* outcome NULL: void. The challenge is gone before anybody meets the record,
 * so that a waiter of its line can start the next one. */
static void challenge_end(struct challenge *c, const struct outcome *outcome)
{
	struct serve *serve = c->serve;
	struct waiter *w = c->first;

	challenge_unlink(c);
	while (w != NULL) {
		struct waiter *next = w->next;

		talloc_steal(serve, w);
		if (outcome != NULL && w->joined && still_the_same(c)) {
			waiter_outcome(serve, w, outcome);
		} else {
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

void challenge_void_all(struct serve *serve)
{
	for (unsigned int i = 0; i < CHALLENGE_BUCKETS; i++) {
		struct challenge *c = serve->bucket[i];

		while (c != NULL) {
			serve_count(serve, STAT_CHALLENGES_VOID);
			challenge_end(c, NULL);
			c = serve->bucket[i];
		}
	}
}

/* ---- answers ---- */

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
		  const struct nb_name *name, uint8_t rcode,
		  const uint32_t *addresses, unsigned int count)
{
	struct challenge *c = challenge_find(serve, name);
	struct outcome outcome = {
		.positive = rcode == NB_RCODE_OK,
		.error = rcode != NB_RCODE_OK && rcode != NB_RCODE_NAM,
	};

	if (c == NULL || c->trn_id != trn_id || !was_asked(c, from)) {
		if (!verify_answer(serve, from, trn_id, name, rcode,
				   addresses, count)) {
			serve_count(serve, STAT_STRAY_ANSWERS);
		}
		return;
	}
	while (outcome.count < count && outcome.count < NB_MEMBERS_MAX) {
		outcome.addr[outcome.count] = addresses[outcome.count];
		outcome.count++;
	}
	serve_count(serve, outcome.positive ? STAT_CHALLENGES_HELD
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
