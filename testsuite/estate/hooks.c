/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the rooms, and mistakes that may be planted there; see hooks.h. */

#include "estate/hooks.h"

int __real_store_put(struct store *store, struct nb_record *rec,
		     bool new_version);
int __real_store_delete(struct store *store, const struct nb_name *name);
int __real_store_set_mark(struct store *store, uint32_t owner,
			  uint64_t version);
int __real_serve_replica(struct serve *serve, const struct nb_event *event,
			 void (*settled)(void *arg, int error), void *arg,
			 bool *pending, bool *changed);
void __real_rule_replica(const struct nb_record *existing,
			 const struct nb_event *event,
			 const struct nb_policy *policy, int64_t now,
			 struct nb_verdict *verdict);
size_t __real_wrepl_encode_table(uint8_t *buf, uint32_t context,
				 uint32_t command,
				 const struct wrepl_owner *owner,
				 uint32_t owners, uint32_t initiator);

uint64_t __real_store_mark(const struct store *store, uint32_t owner);
uint64_t __real_owner_known(const struct repl *repl, uint32_t address);
bool __real_owner_wants(struct repl *repl, struct partner *partner,
			struct owner *owner, uint64_t max, uint64_t *from,
			uint64_t *limit);
uint64_t __real_owner_told(struct repl *repl, const struct owner *owner,
			   uint32_t to);
void __real_pull_worked(struct partner *partner);
int __real_serve_set_mark(struct serve *serve, uint32_t owner,
			  uint64_t version);

static struct judge *holder;
static enum hooks_fault planted;

const char *hooks_fault_name(enum hooks_fault fault)
{
	static const char *const names[FAULT_COUNT] = {
		[FAULT_NONE] = "none",
		[FAULT_MARK_IS_COUNTER] = "our mark is the counter",
		[FAULT_MARK_AHEAD] = "a mark is one ahead",
		[FAULT_MARK_IGNORED] = "marks are ignored",
		[FAULT_TOLD_EARLY] = "marks are told early",
		[FAULT_TOLD_CLOSED] = "our mark is told behind the gate",
		[FAULT_NO_GATE] = "no gate",
		[FAULT_CHALLENGE_LEFT] = "a challenge is not waited for",
		[FAULT_MERGE_NOT_OWNED] = "a merge is not owned",
		[FAULT_STATIC_LOST] = "a static gives way",
		[FAULT_TOMBSTONE_KEPT] = "a tombstone is refused",
		[FAULT_PUSH_ROUND] = "pushes go round",
	};

	return names[fault];
}

void hooks_plant(enum hooks_fault fault)
{
	planted = fault;
}

bool hooks_planted(enum hooks_fault fault)
{
	return planted == fault;
}

void judge_hold(struct judge *judge)
{
	holder = judge;
}

int __wrap_store_put(struct store *store, struct nb_record *rec,
		     bool new_version)
{
	int ret = __real_store_put(store, rec, new_version);

	if (ret == 0 && holder != NULL) {
		judge_put(holder, store, rec, new_version);
	}
	return ret;
}

int __wrap_store_delete(struct store *store, const struct nb_name *name)
{
	int ret = __real_store_delete(store, name);

	if (ret == 0 && holder != NULL) {
		judge_delete(holder, store, name);
	}
	return ret;
}

int __wrap_store_set_mark(struct store *store, uint32_t owner,
			  uint64_t version)
{
	uint64_t before = __real_store_mark(store, owner);
	int ret = __real_store_set_mark(store, owner, version);

	if (ret == 0 && holder != NULL) {
		judge_set_mark(holder, store, owner, before, version);
	}
	return ret;
}

/* ---- marks ---- */

uint64_t hooks_mark(const struct store *store, uint32_t owner)
{
	return __real_store_mark(store, owner);
}

uint64_t __wrap_store_mark(const struct store *store, uint32_t owner)
{
	if (planted == FAULT_MARK_IS_COUNTER && owner == NB_SELF) {
		return store_counter(store);
	}
	return __real_store_mark(store, owner);
}

int __wrap_serve_set_mark(struct serve *serve, uint32_t owner,
			  uint64_t version)
{
	return __real_serve_set_mark(serve, owner,
				     planted == FAULT_MARK_AHEAD ?
					     version + 1 : version);
}

uint64_t __wrap_owner_known(const struct repl *repl, uint32_t address)
{
	return planted == FAULT_MARK_IGNORED ? 0 :
					       __real_owner_known(repl,
								  address);
}

bool __wrap_owner_wants(struct repl *repl, struct partner *partner,
			struct owner *owner, uint64_t max, uint64_t *from,
			uint64_t *limit)
{
	if (planted == FAULT_MARK_IGNORED) {
		*from = 1;
		*limit = max;
		return true;
	}
	return __real_owner_wants(repl, partner, owner, max, from, limit);
}

uint64_t __wrap_owner_told(struct repl *repl, const struct owner *owner,
			   uint32_t to)
{
	bool is_ours = owner->address == repl->config.self;

	if (planted == FAULT_TOLD_EARLY && !is_ours) {
		return owner->seen;
	}
	if (planted == FAULT_TOLD_CLOSED && is_ours) {
		return __real_store_mark(repl->store, NB_SELF);
	}
	return __real_owner_told(repl, owner, to);
}

void __wrap_pull_worked(struct partner *partner)
{
	__real_pull_worked(partner);
	if (planted == FAULT_PUSH_ROUND) {
		repl_push(partner->repl, 0, true, NULL, NULL);
	}
}

/* ---- replicas ---- */

static void nobody(void *arg, int error)
{
	(void)arg;
	(void)error;
}

int __wrap_serve_replica(struct serve *serve, const struct nb_event *event,
			 void (*settled)(void *arg, int error), void *arg,
			 bool *pending, bool *changed)
{
	int ret = 0;

	if (holder != NULL) {
		judge_replica(holder, serve, event);
	}
	if (planted != FAULT_CHALLENGE_LEFT) {
		return __real_serve_replica(serve, event, settled, arg,
					    pending, changed);
	}
	ret = __real_serve_replica(serve, event, nobody, NULL, pending,
				   changed);
	*pending = false;
	return ret;
}

/* What a wrong table would say. */
static void rule_wrongly(const struct nb_record *existing,
			 const struct nb_event *event,
			 struct nb_verdict *verdict)
{
	const struct nb_record *in = event->record;

	if (planted == FAULT_MERGE_NOT_OWNED && verdict->new_version &&
	    in->type == NB_SGROUP && in->state == NB_ACTIVE) {
		verdict->new_version = false;
		verdict->record.owner = in->owner;
		verdict->record.version = in->version;
	} else if (planted == FAULT_STATIC_LOST && existing != NULL &&
		   existing->is_static && in->owner != NB_SELF) {
		verdict->store = NB_STORE_PUT;
		verdict->new_version = false;
		verdict->record = *in;
		verdict->record.expires = NB_NEVER;
	} else if (planted == FAULT_TOMBSTONE_KEPT && existing != NULL &&
		   existing->owner == in->owner &&
		   in->state == NB_TOMBSTONE) {
		verdict->store = NB_STORE_NOTHING;
	}
}

void __wrap_rule_replica(const struct nb_record *existing,
			 const struct nb_event *event,
			 const struct nb_policy *policy, int64_t now,
			 struct nb_verdict *verdict)
{
	__real_rule_replica(existing, event, policy, now, verdict);
	if (planted != FAULT_NONE) {
		rule_wrongly(existing, event, verdict);
	}
	if (holder != NULL) {
		judge_meets(holder, existing, event, verdict);
	}
}

/* ---- what is told ---- */

size_t __wrap_wrepl_encode_table(uint8_t *buf, uint32_t context,
				 uint32_t command,
				 const struct wrepl_owner *owner,
				 uint32_t owners, uint32_t initiator)
{
	if (holder != NULL) {
		judge_told(holder, command, owner, owners);
	}
	return __real_wrepl_encode_table(buf, context, command, owner, owners,
					 initiator);
}
