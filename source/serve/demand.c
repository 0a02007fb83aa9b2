/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Release demands: hosts are told to give up a name that a replica has taken
 * from them (protocol.md 5.5, and the "late release" of 5.6).
 *
 * One procedure for each name and list of addresses. The hosts are told one
 * after the other: the next only when one is silent, and any answer ends it,
 * for the addresses are most often those of one host. A single address and
 * the last one get three datagrams a second apart, the others one and two
 * seconds. What is answered does not matter.
 *
 * A wrong replica must not silence a network. So all procedures together tell
 * ten hosts a second and no more, tries after the first not counted; who has
 * to wait stands in one queue, and more than DEMANDS_MAX procedures are not
 * kept: the host goes on defending its name, which hurts nobody at once.
 * Nothing leaves before the turn is durable that made it necessary, and before
 * each datagram the record is looked at: if it is not the one that the demand
 * was about and has the host as a living member, it has come back, and is
 * spared. (If it is the one, the host may well be listed: a late release goes
 * to some of the addresses of a record that stays as it is.)
 *
 * Rejected: one datagram to all addresses at once; a host with six cards would
 * get six demands for one name.
 */

#include "serve/serve_private.h"

#define SPACING_USEC	100000u		/* ten hosts a second */
#define LAST_USEC	1000000u	/* the only host, or the last */
#define LAST_TRIES	3u
#define OTHER_USEC	2000000u
#define SILENCE_USEC	60000000u	/* between two lines about too many */

enum demand_state {
	DEMAND_HELD,			/* the turn is not durable yet */
	DEMAND_QUEUED,			/* the next host is to be told */
	DEMAND_TOLD,			/* and may answer */
};

struct demand {
	struct demand *next;		/* hash chain */
	struct demand *later;		/* queue */
	struct serve *serve;
	struct nb_name name;
	uint64_t revision;		/* of the record that it is about */
	enum demand_state state;
	uint32_t host[NB_MEMBERS_MAX];
	unsigned int hosts;		/* 0: it is over, see demand_cancel() */
	unsigned int at;		/* the one being told */
	unsigned int tries;		/* made at this one */
	uint16_t trn_id;
	struct nb_timer *timer;		/* for its answer */
};

static struct demand **bucket_of(struct serve *serve,
				 const struct nb_name *name)
{
	return &serve->demands.bucket[serve_hash_name(name) % DEMAND_BUCKETS];
}

static void demand_end(struct demand *d)
{
	struct serve *serve = d->serve;
	struct demand **at = bucket_of(serve, &d->name);

	while (*at != d) {
		at = &(*at)->next;
	}
	*at = d->next;
	serve->demands.count--;
	serve->world->timer_stop(serve->world->priv, d->timer);
	talloc_free(d);
}

/* The turn or the queue still points to it: they find nobody left to tell. */
static void demand_cancel(struct demand *d)
{
	if (d->state == DEMAND_TOLD) {
		demand_end(d);
	} else {
		d->hosts = 0;
	}
}

static void demand_drop(struct demand *d)
{
	serve_count(d->serve, STAT_DEMANDS_DROPPED);
	demand_end(d);
}

/* ---- telling ---- */

static void queue_run(struct serve *serve);

/* Has the host the name again? Then it is none of our business any more. */
static bool is_spared(const struct demand *d)
{
	struct serve *serve = d->serve;
	struct nb_record rec;

	if (!store_get(serve->store, &d->name, &rec) ||
	    rec.revision == d->revision) {
		return false;
	}
	rec = nb_record_at(&rec, serve->world->now(serve->world->priv));
	return rec.state == NB_ACTIVE &&
	       nb_record_find(&rec, d->host[d->at]) >= 0;
}

/* Pass over those that are spared; false: nobody is left. */
static bool find_host(struct demand *d)
{
	while (d->at < d->hosts && is_spared(d)) {
		serve_count(d->serve, STAT_DEMANDS_SPARED);
		d->at++;
		d->tries = 0;
	}
	return d->at < d->hosts;
}

static bool is_last(const struct demand *d)
{
	return d->at + 1 == d->hosts;
}

static void demand_timeout(void *arg);

static void demand_tell(struct demand *d)
{
	struct serve *serve = d->serve;
	uint32_t host = d->host[d->at];

	d->state = DEMAND_TOLD;
	d->tries++;
	serve_count(serve, STAT_DEMANDS_SENT);
	serve->ops.demand(serve->ops.priv, serve_local_for(serve, host), host,
			  d->trn_id, &d->name);
	d->timer = serve->world->timer_start(
		serve->world->priv, is_last(d) ? LAST_USEC : OTHER_USEC,
		demand_timeout, d);
	if (d->timer == NULL) {
		demand_drop(d);
	}
}

static void queue_add(struct demand *d)
{
	struct demands *demands = &d->serve->demands;

	d->state = DEMAND_QUEUED;
	d->tries = 0;
	d->later = NULL;
	if (demands->last != NULL) {
		demands->last->later = d;
	} else {
		demands->first = d;
	}
	demands->last = d;
}

static void demand_timeout(void *arg)
{
	struct demand *d = arg;
	struct serve *serve = d->serve;
	unsigned int at = d->at;

	d->timer = NULL;
	if (d->tries >= (is_last(d) ? LAST_TRIES : 1)) {
		d->at++;
		d->tries = 0;
	}
	if (!find_host(d)) {
		demand_end(d);
	} else if (d->at == at) {
		demand_tell(d);
	} else {
		queue_add(d);
		queue_run(serve);
	}
}

/* ---- the queue ---- */

static void queue_turn(void *arg)
{
	struct serve *serve = arg;

	serve->demands.timer = NULL;
	queue_run(serve);
}

static struct demand *queue_take(struct demands *demands)
{
	struct demand *d = demands->first;

	demands->first = d->later;
	if (demands->first == NULL) {
		demands->last = NULL;
	}
	d->later = NULL;
	return d;
}

/* Without memory for the timer demand_revive() or the next one goes on. */
static void queue_run(struct serve *serve)
{
	const struct nb_world *world = serve->world;
	struct demands *demands = &serve->demands;

	while (demands->first != NULL && demands->timer == NULL) {
		uint64_t now = world->mono(world->priv);
		struct demand *d = NULL;

		if (now < demands->next) {
			demands->timer = world->timer_start(
				world->priv, demands->next - now, queue_turn,
				serve);
			return;
		}
		d = queue_take(demands);
		if (!find_host(d)) {
			demand_end(d);
			continue;
		}
		demands->next = now + SPACING_USEC;
		demand_tell(d);
	}
}

/* ---- the beginning ---- */

/* Hosts, not we, and no fruit of somebody's imagination: the addresses of a
 * late release come from an answer. */
static bool can_be_told(const struct serve *serve, uint32_t ip)
{
	if (nb_addr_is_loopback(ip) && !serve->config.policy.loopback_ok) {
		return false;
	}
	return nb_addr_is_host(ip) && !serve_is_own_address(serve, ip);
}

static bool same_hosts(const struct demand *a, const struct demand *b)
{
	for (unsigned int i = 0; i < a->hosts; i++) {
		if (a->host[i] != b->host[i]) {
			return false;
		}
	}
	return a->hosts == b->hosts;
}

/* One of the same name and list that has not come to an end. */
static struct demand *find_twin(struct serve *serve, const struct demand *want)
{
	struct demand *d = *bucket_of(serve, &want->name);

	while (d != NULL && (!nb_name_equal(&d->name, &want->name) ||
			     !same_hosts(d, want))) {
		d = d->next;
	}
	return d;
}

static void tell_of_too_many(struct serve *serve)
{
	uint64_t now = serve->world->mono(serve->world->priv);

	serve_count(serve, STAT_DEMANDS_DROPPED);
	if (now < serve->demands.quiet_until) {
		return;
	}
	serve->demands.quiet_until = now + SILENCE_USEC;
	nb_log(serve->world, NB_LOG_WARNING,
	       "more than %d release demands wait: the rest is dropped, and "
	       "hosts go on with names that replicas have taken from them",
	       DEMANDS_MAX);
}

static void demand_durable(void *arg, int error)
{
	struct demand *d = arg;
	struct serve *serve = d->serve;

	if (error != 0) {
		demand_drop(d);
		return;
	}
	queue_add(d);
	queue_run(serve);
}

static void demand_begin(struct serve *serve, const struct demand *want)
{
	struct demand **bucket = bucket_of(serve, &want->name);
	struct demand *d = NULL;

	if (serve->demands.count == DEMANDS_MAX) {
		tell_of_too_many(serve);
		return;
	}
	d = talloc_memdup(serve, want, sizeof(*want));
	if (d == NULL) {
		serve_count(serve, STAT_DEMANDS_DROPPED);
		return;
	}
	d->trn_id = (uint16_t)nb_random32(serve->world);
	d->next = *bucket;
	*bucket = d;
	serve->demands.count++;
	serve_count(serve, STAT_DEMANDS);
	if (!serve_when_durable(serve, demand_durable, d)) {
		demand_drop(d);
	}
}

void demand_hosts(struct serve *serve, const struct nb_name *name,
		  uint64_t revision, const struct nb_verdict *verdict)
{
	struct demand want = {
		.serve = serve,
		.name = *name,
		.revision = revision,
	};
	struct demand *twin = NULL;

	for (int i = 0; i < verdict->demands; i++) {
		if (can_be_told(serve, verdict->demand[i])) {
			want.host[want.hosts++] = verdict->demand[i];
		}
	}
	if (want.hosts == 0) {
		return;
	}
	twin = find_twin(serve, &want);
	if (twin == NULL) {
		demand_begin(serve, &want);
	} else {
		/* it is about this record from now on */
		twin->revision = revision;
	}
}

/* ---- the end ---- */

static bool was_told(const struct demand *d, uint32_t from)
{
	unsigned int told = d->at + (d->state == DEMAND_TOLD ? 1 : 0);

	for (unsigned int i = 0; i < told && i < d->hosts; i++) {
		if (d->host[i] == from) {
			return true;
		}
	}
	return false;
}

void serve_demand_answered(struct serve *serve, uint32_t from, uint16_t trn_id,
			   const struct nb_name *name)
{
	struct demand *d = *bucket_of(serve, name);

	while (d != NULL && (d->trn_id != trn_id ||
			     !nb_name_equal(&d->name, name))) {
		d = d->next;
	}
	if (d == NULL || !was_told(d, from)) {
		serve_count(serve, STAT_STRAY_ANSWERS);
		return;
	}
	serve_count(serve, STAT_DEMANDS_ANSWERED);
	demand_cancel(d);
}

void demand_revive(struct serve *serve)
{
	queue_run(serve);
}

void demand_stop(struct serve *serve)
{
	for (unsigned int i = 0; i < DEMAND_BUCKETS; i++) {
		struct demand *d = serve->demands.bucket[i];

		while (d != NULL) {
			struct demand *next = d->next;

			demand_cancel(d);
			d = next;
		}
	}
	serve->world->timer_stop(serve->world->priv, serve->demands.timer);
	serve->demands.timer = NULL;
	while (serve->demands.first != NULL) {
		demand_end(queue_take(&serve->demands));
	}
}
