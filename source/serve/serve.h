/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * serve: events in, verdicts carried out. The only writer of the store and
 * the only origin of replies.
 *
 *   serve_turn_begin()
 *     serve_request() for each datagram        event -> rules -> store + reply
 *     serve_answer() for each challenge reply  the loop back, same door
 *   serve_turn_end()                           one commit, then the replies
 *
 * Replies that were decided by reading something not yet durable are held
 * until it is (design.md "A turn"); queries, node status, WACK and the defence
 * of our own names leave at once.
 *
 * serve knows no bytes, sockets or clocks: struct nb_world has the clocks and
 * timers, struct serve_ops the way out. Both outlive it.
 */
#ifndef WINSD_SERVE_SERVE_H
#define WINSD_SERVE_SERVE_H

#include <talloc.h>

#include "core/event.h"
#include "core/policy.h"
#include "core/verdict.h"
#include "core/world.h"
#include "serve/usage.h"
#include "store/store.h"

struct serve;

/* The way out: filled by net/door.c (or by a test). */
struct serve_ops {
	void *priv;

	/* Answer a request. origin, name and reply are borrowed. */
	void (*reply)(void *priv, const struct nb_origin *origin,
		      const struct nb_name *name,
		      const struct nb_reply *reply);

	/*
	 * Ask a holder whether it still has the name: a query from our port
	 * 137 at address local to port 137 of the holder. Returns 0 or errno.
	 */
	int (*challenge)(void *priv, uint32_t local, uint32_t holder,
			 uint16_t trn_id, const struct nb_name *name);

	/*
	 * Tell a host to give up the name (protocol.md 5.5): a release request
	 * from our port 137 to its own. Returns 0 or errno.
	 */
	int (*demand)(void *priv, uint32_t local, uint32_t host,
		      uint16_t trn_id, const struct nb_name *name);

	/*
	 * Broadcast the claim of an own name on the network of local; demand:
	 * the last of the sequence (protocol.md 1.6).
	 */
	int (*claim)(void *priv, uint32_t local, uint32_t broadcast,
		     uint16_t trn_id, const struct nb_name *name,
		     uint16_t nb_flags, uint32_t ttl, bool demand);
};

/* An address that we serve. */
struct serve_iface {
	uint32_t ip;
	uint32_t mask;
	uint32_t broadcast;	/* 0: the network has none */
};

#define SERVE_IFACES_MAX	64
#define SERVE_OWN_NAMES_MAX	NB_STATUS_MAX

struct serve_own_name {
	struct nb_name name;
	bool group;
	bool permanent;		/* always active, never claimed */
};

struct serve_config {
	struct nb_policy policy;
	uint32_t self;			/* our owner address */
	uint32_t challenge_msec;	/* wins:challenge: between tries */
	uint32_t challenge_tries;	/* per address, 1 or more */
	uint32_t source_rate;		/* wins:source rate: /s; 0: no limit */
	uint32_t source_burst;		/* and at once, 1 or more */
	uint32_t burst_threshold;	/* wins:burst threshold; 0: off */
	uint32_t scavenging_interval;	/* s */
	uint32_t tombstone_extra;	/* s of uptime before deletions */
	uint32_t own_ttl;		/* s, nbtd:bcast_ttl */
	uint32_t own_refresh;		/* s, nbtd:max_refresh_time */
	enum usage_mode usage;		/* wins:usage */
	unsigned int own_names;
	struct serve_own_name own_name[SERVE_OWN_NAMES_MAX];
};

/*
 * Where the ageing clock begins (core/age.h), from what the store was told
 * last; says in the log if that is not simply the wall clock. life: the
 * longest that a record lives without a refresh, s. Once, when the store is
 * open (it may still be loading), before serve_create() and before anything
 * asks world->now, which counts from there.
 */
int64_t serve_age_start(const struct nb_world *world,
			const struct store *store, uint32_t life);

/*
 * The store may still be loading: then queries are answered, our own names
 * live, and everything else is silence until serve_loaded(). Until that is
 * called nothing but store_get and store_get_meta is asked of the store.
 */
int serve_create(TALLOC_CTX *mem_ctx, const struct nb_world *world,
		 struct store *store, const struct serve_ops *ops,
		 const struct serve_config *config, struct serve **serve);

/*
 * A clean end: write down when it was. Nothing else may follow but to wait
 * for the store and to free.
 */
void serve_leave(struct serve *serve);

/* The store is loaded: once, right after the creation if it was before. */
void serve_loaded(struct serve *serve);

/* Swap the configuration at a reload. Own names keep their state. */
void serve_set_config(struct serve *serve, const struct serve_config *config);

/* The addresses that we serve now; net calls it at start and at changes. */
void serve_set_ifaces(struct serve *serve, const struct serve_iface *iface,
		      unsigned int count);

/* Is it one of them? */
bool serve_is_own_address(const struct serve *serve, uint32_t ip);

/* ---- the door ---- */

void serve_turn_begin(struct serve *serve);
void serve_turn_end(struct serve *serve);

/* What net knows of a request besides the event. */
enum serve_path {
	SERVE_UNICAST,		/* B flag clear */
	SERVE_BROADCAST,	/* B flag set, however it arrived */
};

/*
 * A client's request: REGISTER, MREGISTER, REFRESH or RELEASE, or QUERY with
 * its RD bit in origin->operation. Within a turn.
 */
void serve_request(struct serve *serve, const struct nb_event *event,
		   const struct nb_origin *origin, enum serve_path path);

/* A node status request. */
void serve_status(struct serve *serve, const struct nb_name *name,
		  const struct nb_origin *origin);

/*
 * A reply that came to our port 137: to a challenge or a verification (enum
 * nb_rcode; OK: positive, with addresses) or against the claim of an own name;
 * its source port was checked by the door. Within a turn. Whatever was not
 * asked for is counted and forgotten.
 */
void serve_answer(struct serve *serve, uint32_t from, uint16_t trn_id,
		  const struct nb_name *name, uint8_t rcode,
		  const uint32_t *addresses, unsigned int count);
void serve_claim_refused(struct serve *serve, uint32_t from, uint16_t trn_id,
			 const struct nb_name *name);

/*
 * A host answered a release request of ours (a release demand). Within a turn.
 */
void serve_demand_answered(struct serve *serve, uint32_t from, uint16_t trn_id,
			   const struct nb_name *name);

/* ---- replication: for repl, see repl/repl.h ---- */

/*
 * A partner's record meets ours: event is REPLICA, event->record what came,
 * with owners as the store has them. Within a turn.
 *
 * 0 and *pending false: decided, and in the turn. 0 and *pending true: our
 * holder is being asked; settled(arg, error) is called once, within a turn
 * that holds what came of it. An errno: nothing was done; EAGAIN: it would
 * take a version or a challenge that cannot be had now. *changed: is anything
 * in the store different for it? (false while pending)
 *
 * Whatever changes a record may settle who waits because of it: settled() is
 * also called from inside serve_replica() or serve_request() for others of
 * that name, and never for the one that is being handed over.
 */
int serve_replica(struct serve *serve, const struct nb_event *event,
		  void (*settled)(void *arg, int error), void *arg,
		  bool *pending, bool *changed);
unsigned int serve_replicas_pending(const struct serve *serve);
/* No settled(arg) any more; what is under way goes on. */
void serve_replica_forget(struct serve *serve, void *arg);

/* Numbers that ride on the turn under way; as store_set_mark() and so on. */
int serve_set_mark(struct serve *serve, uint32_t owner, uint64_t version);
int serve_set_meta(struct serve *serve, const char *key, uint64_t number);
int serve_raise_counter(struct serve *serve, uint64_t version);

/* The record as it reads now (2.1), as every rule sees it. */
void serve_record_view(const struct serve *serve, struct nb_record *rec);

/*
 * Call done when the turn under way and all before it are durable (0) or when
 * it was undone (errno). Within a turn. False without memory: not called.
 */
bool serve_when_durable(struct serve *serve, void (*done)(void *arg, int error),
			void *arg);

/*
 * The gate (wins:start wait): while it is closed nothing gets a new version.
 * Claims and releases are silence (STAT "requests-gate-closed"), replicas and
 * ageing that would need one have EAGAIN or wait; queries are answered.
 */
void serve_close_gate(struct serve *serve, bool closed);

/* Own tombstones with versions above this may not be deleted before 30 days:
 * some push partner has not seen them. UINT64_MAX: there is none. */
void serve_set_passed(struct serve *serve, uint64_t version);

/*
 * watch(arg) is called after each turn with changes that became durable; how
 * often a record of ours got other addresses than it had tells whether
 * `address change` partners are to be told. One watcher; NULL: none.
 */
void serve_set_watch(struct serve *serve, void (*watch)(void *arg), void *arg);
uint64_t serve_address_changes(const struct serve *serve);

/* ---- operators ---- */

/*
 * Carry out ADD, DELETE, TOMBSTONE, ADMIN_RELEASE, TOUCH or ADOPT in a turn
 * of its own. done is called once: when it is durable, was refused, or failed
 * (error; EAGAIN: the store is being loaded, or the gate is closed and it
 * would take a version; EPERM: so it would, and we only observe). Its verdict
 * is borrowed.
 */
void serve_command(struct serve *serve, const struct nb_event *event,
		   void (*done)(void *arg, int error,
				const struct nb_verdict *verdict),
		   void *arg);
/*
 * Carry out an IMPORT within a turn: 0, or an errno as above; when the turn is
 * durable it is, too.
 */
int serve_import(struct serve *serve, const struct nb_event *event,
		 struct nb_verdict *verdict);
/* The same without doing it: what would happen. Any kind of event. */
void serve_explain(struct serve *serve, const struct nb_event *event,
		   struct nb_verdict *verdict);

/*
 * Own name as a record to show, by index; false after the last. flags: the
 * NB_FLAGS that a node status would tell.
 */
bool serve_own_name_at(const struct serve *serve, unsigned int index,
		       struct nb_status_name *name);

/* An address that we serve now, by index; false after the last. */
bool serve_address_at(const struct serve *serve, unsigned int index,
		      uint32_t *address);

/* ---- ageing ---- */

enum serve_scavenge_mode {
	SERVE_SCAVENGE_NOW,	/* a pass; the guard may stop it */
	SERVE_SCAVENGE_FORCE,	/* a pass; the guard is lifted */
	SERVE_SCAVENGE_DRY_RUN,	/* only count what a pass would do */
	SERVE_SCAVENGE_MODES
};

/* What a pass did, or would do. */
struct serve_scavenge_result {
	int error;		/* errno; EAGAIN: the store is being loaded,
				   or no version may be handed out */
	bool stopped;		/* by the guard, nothing was done; DRY_RUN: a
				   pass that is not forced would be */
	uint64_t leaving;	/* active records of ours, but no statics,
				   that are active no more */
	uint64_t active;	/* of so many; not counted by FORCE */
	uint64_t changed;	/* all of the following */
	uint64_t released;
	uint64_t tombstoned;
	uint64_t deleted;
	uint64_t pruned;	/* lost some addresses, live on */
	/* Replicas whose owner was to be asked, not in `changed`: */
	uint64_t verify_asked;	/* DRY_RUN: would be */
	uint64_t verified;	/* the owner has it */
	uint64_t verify_deleted;	/* the owner has it not */
	uint64_t verify_tombstoned;	/* it has other addresses */
	uint64_t verify_silent;	/* no answer: left as they are */
};

/*
 * Begin a pass now, or join the one under way if it is of the same mode; one
 * of another mode comes first. done (may be NULL) is called when it is over
 * and durable. error EAGAIN also while the gate is closed.
 */
void serve_scavenge(struct serve *serve, enum serve_scavenge_mode mode,
		    void (*done)(void *arg,
				 const struct serve_scavenge_result *result),
		    void *arg);
int64_t serve_next_scavenge(const struct serve *serve);	/* ageing clock */
bool serve_scavenge_running(const struct serve *serve);

/*
 * Does the guard stand: would the next pass release so many of our active
 * records that it is not going to? Then expiry on read is held.
 */
bool serve_scavenge_stopped(const struct serve *serve, uint64_t *leaving,
			    uint64_t *active);

/*
 * Wall clock minus ageing clock, s: added to a time of ours it is the one
 * that people know (age_shift()). Says so in the log if the wall clock was
 * set since the last call.
 */
int64_t serve_wall_offset(struct serve *serve);

/* ---- sight ---- */

/*
 * Who asks for what, with its clock set to this moment; NULL: nobody counts.
 * Valid until the next serve_set_config().
 */
struct usage *serve_usage(struct serve *serve);

/* Counters by index, for status and metrics; false after the last. */
bool serve_stat_at(const struct serve *serve, unsigned int index,
		   const char **name, uint64_t *value);

/* Challenges, held replies and the like: zero when nothing is going on. */
unsigned int serve_pending(const struct serve *serve);

/* How often each row of the client table decided; for tests and stats. */
uint64_t serve_row_hits(const struct serve *serve, unsigned int row);

#endif
