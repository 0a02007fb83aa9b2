/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verification: the third part of a pass (protocol.md 6). A replica that has
 * lived here for a verify interval is held against its owner's own word.
 *
 * Only active dynamic records of others: what is static or dead is changed by
 * replication alone, and of a group the record is asked for, not its members.
 * The owner gets a query like any client's (the packet of a challenge, from
 * our port 137), three times a second apart. What it answers is an event for
 * the rules, if the record is still the one that was asked about. Silence and
 * errors are none: the record stays, and is due again in the next pass.
 *
 * The rest of a pass never waits for this. It has a walk of its own, which
 * stops while VERIFY_SLOTS names are being asked for, and an owner that left
 * VERIFY_PATIENCE of them unanswered is not asked again in this run: a dead
 * server with 100,000 records costs six seconds. A pass that is over while
 * others are being verified joins that run, whose numbers it reports.
 *
 * Whoever only looks on (`wins:observe`) asks nobody.
 */

#include "serve/serve_private.h"

#define VERIFY_PATIENCE	3u
#define TRIES		3u
#define TRY_USEC	1000000u
#define ROUNDS		16u		/* of SLICE names: reading is cheap */
#define PAUSE_USEC	1000u

struct verify_owner {
	uint32_t owner;
	unsigned int unanswered;
};

bool verify_concerns(const struct serve *serve, const struct nb_record *rec)
{
	return rec->owner != NB_SELF && rec->state == NB_ACTIVE &&
	       !rec->is_static && !serve->config.policy.observe &&
	       !serve_is_own_address(serve, rec->owner);
}

/* ---- owners that do not answer ---- */

static struct verify_owner *find_owner(const struct verify *verify,
				       uint32_t owner)
{
	for (unsigned int i = 0; i < verify->silents; i++) {
		if (verify->silent[i].owner == owner) {
			return &verify->silent[i];
		}
	}
	return NULL;
}

static bool is_given_up(const struct verify *verify, uint32_t owner)
{
	const struct verify_owner *known = find_owner(verify, owner);

	return known != NULL && known->unanswered >= VERIFY_PATIENCE;
}

static void owner_is_silent(struct serve *serve, uint32_t owner)
{
	struct verify *verify = &serve->verify;
	struct verify_owner *known = find_owner(verify, owner);
	struct verify_owner *all = NULL;

	if (known != NULL) {
		known->unanswered++;
		return;
	}
	all = talloc_realloc(serve, verify->silent, struct verify_owner,
			     verify->silents + 1);
	if (all == NULL) {
		verify->walked = true;	/* the rest waits for the next pass */
		return;
	}
	verify->silent = all;
	all[verify->silents++] = (struct verify_owner){ owner, 1 };
}

/* ---- the end of a run ---- */

static void pass_durable(void *arg, int error)
{
	struct scavenge_pass *pass = arg;

	if (pass->result.error == 0) {
		pass->result.error = error;
	}
	scavenge_pass_free(pass);
}

static void pass_over(struct serve *serve, struct scavenge_pass *pass)
{
	const struct serve_scavenge_result *of = &serve->verify.result;

	pass->result.verify_asked = of->verify_asked;
	pass->result.verified = of->verified;
	pass->result.verify_deleted = of->verify_deleted;
	pass->result.verify_tombstoned = of->verify_tombstoned;
	pass->result.verify_silent = of->verify_silent;
	if (!serve_when_durable(serve, pass_durable, pass)) {
		pass_durable(pass, ENOMEM);
	}
}

static void tell(struct serve *serve)
{
	const struct serve_scavenge_result *of = &serve->verify.result;

	if (of->verify_asked == 0) {
		return;
	}
	nb_log(serve->world, NB_LOG_NOTICE,
	       "verification: owners were asked for %llu replicas: %llu stand, "
	       "%llu deleted, %llu tombstoned, %llu unanswered",
	       (unsigned long long)of->verify_asked,
	       (unsigned long long)of->verified,
	       (unsigned long long)of->verify_deleted,
	       (unsigned long long)of->verify_tombstoned,
	       (unsigned long long)of->verify_silent);
}

/* All was looked at, and nobody is being asked: tell those who wait. */
static void end_if_over(struct serve *serve)
{
	struct verify *verify = &serve->verify;
	struct scavenge_pass *pass = verify->passes;

	if (pass == NULL || !verify->walked || verify->asking > 0) {
		return;
	}
	tell(serve);
	verify->passes = NULL;
	TALLOC_FREE(verify->silent);
	verify->silents = 0;
	serve_turn_begin(serve);
	while (pass != NULL) {
		struct scavenge_pass *next = pass->next;

		pass_over(serve, pass);
		pass = next;
	}
	serve_turn_end(serve);
}

/* ---- asking ---- */

static void slot_timeout(void *arg);
static void walk(void *arg);

/* Without memory for the timer it is as if nobody had been asked. */
static bool slot_ask(struct verify_slot *slot)
{
	struct serve *serve = slot->serve;

	slot->tries++;
	serve->ops.challenge(serve->ops.priv,
			     serve_local_for(serve, slot->owner), slot->owner,
			     slot->trn_id, &slot->name);
	slot->timer = serve->world->timer_start(serve->world->priv, TRY_USEC,
						slot_timeout, slot);
	return slot->timer != NULL;
}

static void slot_free(struct verify_slot *slot)
{
	struct serve *serve = slot->serve;

	serve->world->timer_stop(serve->world->priv, slot->timer);
	slot->timer = NULL;
	slot->used = false;
	serve->verify.asking--;
}

static void slot_silent(struct verify_slot *slot)
{
	struct serve *serve = slot->serve;

	serve_count(serve, STAT_VERIFY_SILENT);
	serve->verify.result.verify_silent++;
	slot_free(slot);
}

static void slot_timeout(void *arg)
{
	struct verify_slot *slot = arg;
	struct serve *serve = slot->serve;

	slot->timer = NULL;
	if (slot->tries < TRIES && slot_ask(slot)) {
		return;
	}
	if (slot->tries == TRIES) {
		owner_is_silent(serve, slot->owner);
	}
	slot_silent(slot);
	walk(serve);
}

static void ask_for(struct serve *serve, const struct nb_record *rec)
{
	struct verify *verify = &serve->verify;
	struct verify_slot *slot = verify->slot;

	while (slot->used) {
		slot++;
	}
	*slot = (struct verify_slot){
		.serve = serve,
		.used = true,
		.name = rec->name,
		.owner = rec->owner,
		.revision = rec->revision,
		.trn_id = (uint16_t)nb_random32(serve->world),
	};
	verify->asking++;
	verify->result.verify_asked++;
	serve_count(serve, STAT_VERIFY_ASKED);
	if (!slot_ask(slot)) {
		verify->walked = true;
		slot_silent(slot);
	}
}

/* ---- the walk ---- */

static bool is_wanted(const struct serve *serve, const struct nb_record *rec)
{
	return verify_concerns(serve, rec) &&
	       !is_given_up(&serve->verify, rec->owner);
}

/* Up to as many names as there are free slots. */
static void look_at_some(struct serve *serve)
{
	struct verify *verify = &serve->verify;
	struct nb_name names[VERIFY_SLOTS];
	unsigned int room = VERIFY_SLOTS - verify->asking;
	unsigned int count = store_walk_due(serve->store, verify->until,
					    &verify->pos, names, room);

	verify->walked |= count < room;
	for (unsigned int i = 0; i < count; i++) {
		struct nb_record rec;

		if (store_get(serve->store, &names[i], &rec) &&
		    is_wanted(serve, &rec)) {
			ask_for(serve, &rec);
		}
	}
}

static void walk_later(void *arg)
{
	struct serve *serve = arg;

	serve->verify.timer = NULL;
	walk(serve);
}

/* Ask for more while there are slots, not too much at once. */
static void walk(void *arg)
{
	struct serve *serve = arg;
	struct verify *verify = &serve->verify;

	for (unsigned int i = 0; i < ROUNDS && !verify->walked &&
				 verify->asking < VERIFY_SLOTS &&
				 verify->timer == NULL; i++) {
		look_at_some(serve);
	}
	if (!verify->walked && verify->asking < VERIFY_SLOTS &&
	    verify->timer == NULL) {
		verify->timer = serve->world->timer_start(
			serve->world->priv, PAUSE_USEC, walk_later, serve);
		verify->walked = verify->timer == NULL;
	}
	end_if_over(serve);
}

void verify_pass(struct serve *serve, struct scavenge_pass *pass)
{
	struct verify *verify = &serve->verify;

	pass->next = verify->passes;
	verify->passes = pass;
	if (pass->next != NULL) {
		return;
	}
	verify->until = pass->until;
	verify->pos = (struct store_due_pos){ 0 };
	verify->walked = false;
	verify->result = (struct serve_scavenge_result){ 0 };
	walk(serve);
}

/* ---- answers ---- */

static struct verify_slot *find_slot(struct serve *serve, uint32_t from,
				     uint16_t trn_id,
				     const struct nb_name *name)
{
	for (unsigned int i = 0; i < VERIFY_SLOTS; i++) {
		struct verify_slot *slot = &serve->verify.slot[i];

		if (slot->used && slot->trn_id == trn_id &&
		    slot->owner == from && nb_name_equal(&slot->name, name)) {
			return slot;
		}
	}
	return NULL;
}

static void tally(struct serve_scavenge_result *result,
		  const struct nb_verdict *verdict)
{
	if (verdict->store == NB_STORE_NOTHING) {
		result->verify_silent++;	/* as good as no answer */
	} else if (verdict->store == NB_STORE_DELETE) {
		result->verify_deleted++;
	} else if (verdict->record.state == NB_TOMBSTONE) {
		result->verify_tombstoned++;
	} else {
		result->verified++;
	}
}

static void carry_out(struct serve *serve, struct nb_event *event,
		      uint64_t revision)
{
	struct nb_record existing;
	struct nb_verdict verdict;

	if (!store_get(serve->store, &event->name, &existing) ||
	    existing.revision != revision) {
		serve_count(serve, STAT_VERIFY_VOID);
		return;
	}
	serve_decide(serve, event, &existing, &verdict);
	if (serve_store(serve, event, &existing, &verdict) != 0) {
		return;			/* it is due again next time */
	}
	tally(&serve->verify.result, &verdict);
	if (verdict.store != NB_STORE_NOTHING) {
		challenge_void(serve, &event->name);
	}
}

bool verify_answer(struct serve *serve, uint32_t from, uint16_t trn_id,
		   const struct nb_name *name, uint8_t rcode,
		   const uint32_t *addresses, unsigned int count)
{
	struct verify_slot *slot = find_slot(serve, from, trn_id, name);
	bool positive = rcode == NB_RCODE_OK;
	struct nb_event event = {
		.kind = positive ? NB_EV_VERIFY_HELD : NB_EV_VERIFY_LOST,
		.name = *name,
	};
	uint64_t revision = 0;

	if (slot == NULL) {
		return false;
	}
	if (!positive && rcode != NB_RCODE_NAM) {
		slot_silent(slot);	/* it has failed, and knows nothing */
		walk(serve);
		return true;
	}
	while (event.answers < count && event.answers < NB_MEMBERS_MAX) {
		event.answer[event.answers] = addresses[event.answers];
		event.answers++;
	}
	serve_count(serve, positive ? STAT_VERIFY_HELD : STAT_VERIFY_LOST);
	revision = slot->revision;
	slot_free(slot);
	carry_out(serve, &event, revision);
	walk(serve);
	return true;
}

/* ---- life ---- */

void verify_revive(struct serve *serve)
{
	end_if_over(serve);
}

void verify_stop(struct serve *serve)
{
	struct verify *verify = &serve->verify;

	for (unsigned int i = 0; i < VERIFY_SLOTS; i++) {
		if (verify->slot[i].used) {
			slot_free(&verify->slot[i]);
		}
	}
	serve->world->timer_stop(serve->world->priv, verify->timer);
	verify->timer = NULL;
	verify->walked = true;
}
