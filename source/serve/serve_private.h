/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of serve share. Prototypes are grouped by the file that
 * defines them, so this is the table of contents of the room.
 */
#ifndef WINSD_SERVE_PRIVATE_H
#define WINSD_SERVE_PRIVATE_H

#include <errno.h>

#include "serve/serve.h"

#define CHALLENGE_BUCKETS	1024
#define CHALLENGES_MAX		16384	/* names under challenge at once */
#define CHALLENGES_OF_SOURCE	256	/* of them on behalf of one address */
#define CHALLENGE_LINE		4	/* who may wait behind a challenge */
#define CHALLENGE_JOINED	8	/* requests of one host that share one */
#define CHALLENGE_ROUNDS	3	/* fresh starts before a refusal */

#define DEMAND_BUCKETS		256
#define DEMANDS_MAX		4096	/* release demands not done with */

#define VERIFY_SLOTS		32	/* owners asked at once */

#define HELD_MAX		25000	/* replies that wait for the disk */

/* Everything that is counted. Names stand in stats.c. */
enum serve_stat {
	STAT_REGISTRATIONS,
	STAT_REFRESHES,
	STAT_RELEASES,
	STAT_QUERIES,
	STAT_STATUS,
	STAT_POSITIVE,		/* registration and refresh replies */
	STAT_REFUSED,
	STAT_FAILED,		/* server failure replies */
	STAT_ANSWERED,		/* queries with addresses */
	STAT_NEGATIVE,
	STAT_WACKS,
	STAT_REPEATED,		/* the same request while its WACK runs */
	STAT_IGNORED_BROADCAST,
	STAT_SOURCE_LIMITED,	/* dropped by wins:source rate */
	STAT_DEFENDED,		/* own name claimed by another host */
	STAT_SOURCE_MISMATCH,
	STAT_CHALLENGES,
	STAT_CHALLENGES_HELD,
	STAT_CHALLENGES_LOST,
	STAT_CHALLENGES_VOID,	/* the record changed meanwhile */
	STAT_CHALLENGES_DROPPED,	/* too many, or the line was full */
	STAT_CHALLENGES_OF_SOURCE,	/* dropped: too many of one address */
	STAT_STRAY_ANSWERS,
	STAT_SELF_QUERIES,	/* our own challenge came back to us */
	STAT_TURNS,
	STAT_TURNS_FAILED,
	STAT_REPLIES_DROPPED,	/* with a failed turn, or without memory */
	STAT_LOADING,		/* dropped: the store is being loaded */
	STAT_HELD_FULL,		/* dropped: too many replies wait */
	STAT_COME_BACK,		/* burst answers; then those by their life */
	STAT_COME_BACK_300,
	STAT_COME_BACK_3000 = STAT_COME_BACK_300 + 9,
	STAT_SCAVENGED,
	STAT_SCAVENGING_STOPPED,	/* counts that raised the guard */
	STAT_CLOCK_STEPS,
	STAT_GATE_CLOSED,	/* silence until the gate is open */
	STAT_OBSERVING,		/* silence, because we only look on */
	STAT_REPLICAS,		/* met a record, or its absence */
	STAT_REPLICAS_STORED,	/* as they came, or what a merge made */
	STAT_REPLICAS_VERSIONED,	/* ours is told anew because of them */
	STAT_REPLICAS_REFUSED,
	STAT_REPLICAS_ASKED,	/* our holder was asked first */
	STAT_REPLICAS_FAILED,	/* an errno; the partner is asked again */
	STAT_DEMANDS,		/* hosts that shall give up a name */
	STAT_DEMANDS_SENT,	/* datagrams */
	STAT_DEMANDS_ANSWERED,
	STAT_DEMANDS_SPARED,	/* the host has the name again */
	STAT_DEMANDS_DROPPED,	/* too many, no memory, or undone */
	STAT_VERIFY_ASKED,	/* owners of replicas, for a name */
	STAT_VERIFY_HELD,
	STAT_VERIFY_LOST,
	STAT_VERIFY_SILENT,	/* or with an error: asked again next time */
	STAT_VERIFY_VOID,	/* the record changed meanwhile */
	STAT_DOMAIN_SHRUNK,	/* a 1B went, or a 1C lost members */
	STAT_COUNT
};

/* Something that waits for a turn to be durable. */
struct held {
	struct held *next;
	/* a reply ... */
	struct nb_origin origin;
	struct nb_name name;
	struct nb_reply reply;
	/* ... or the end of an operator's command (done != NULL) ... */
	void (*done)(void *arg, int error, const struct nb_verdict *verdict);
	/* ... or whatever else waits for it (durable != NULL) */
	void (*durable)(void *arg, int error);
	void *arg;
	struct nb_verdict *verdict;
};

struct turn {
	struct serve *serve;
	struct turn *next, *prev;	/* list of turns that are not durable */
	struct held *first, *last;
	uint64_t changes;		/* of records and marks */
	uint64_t address_changes;	/* serve_address_changes() */
};

struct own_name {
	struct serve_own_name name;
	/* by interface: claimed, active or lost to another host */
	uint8_t state[SERVE_IFACES_MAX];
	uint16_t trn_id[SERVE_IFACES_MAX];
};

enum own_state {
	OWN_CLAIMING,
	OWN_ACTIVE,
	OWN_CONFLICT,
};

struct own_claim {			/* the claiming of one interface */
	struct serve *serve;
	uint32_t ip;
	unsigned int step;
	struct nb_timer *timer;
};

/* Somebody who asked for a pass and hears of its end. */
struct scavenge_waiter {
	struct scavenge_waiter *next;
	enum serve_scavenge_mode mode;
	void (*done)(void *arg, const struct serve_scavenge_result *result);
	void *arg;
};

struct scavenge_pass {
	struct serve *serve;
	enum serve_scavenge_mode mode;
	bool counting;			/* its first half */
	int64_t until;			/* what is due up to here */
	struct store_due_pos pos;
	struct serve_scavenge_result result;
	struct scavenge_waiter *waiters;
	struct scavenge_pass *next;	/* of those that wait for verify.c */
};

struct scavenge {
	struct nb_timer *timer;		/* of the pass, else of the next */
	struct scavenge_pass *pass;	/* under way; NULL */
	struct scavenge_waiter *queue;	/* for passes that begin after it */
	bool doubt;			/* a count is wanted after it */
	int64_t next;			/* ageing clock */
	bool held;			/* expiry on read: nobody knows yet */
	bool stopped;			/* the guard stands, and this is why: */
	uint64_t leaving;
	uint64_t active;
};

struct burst {
	uint64_t before;		/* answers since it was last calm */
	uint64_t answers;		/* that the log has still to tell */
	uint64_t seen;			/* of them, when the timer began */
	struct nb_timer *timer;		/* NULL: no burst, or no memory */
};

struct alive {
	struct nb_timer *timer;
	uint64_t last;			/* world->mono of the last tick */
	int64_t offset;			/* wall minus ageing clock, as known */
};

struct demand;

struct demands {
	struct demand *bucket[DEMAND_BUCKETS];
	unsigned int count;
	struct demand *first, *last;	/* whose next host is to be told */
	struct nb_timer *timer;		/* until the next may be */
	uint64_t next;			/* mono */
	uint64_t quiet_until;		/* mono, of the line about too many */
};

/* A name that an owner is being asked for. */
struct verify_slot {
	struct serve *serve;
	bool used;
	struct nb_name name;
	uint32_t owner;
	uint64_t revision;
	uint16_t trn_id;
	unsigned int tries;
	struct nb_timer *timer;
};

struct verify {
	struct scavenge_pass *passes;	/* that wait for the end; NULL: idle */
	bool walked;			/* all that was due was looked at */
	int64_t until;
	struct store_due_pos pos;
	struct nb_timer *timer;		/* of the walk */
	unsigned int asking;		/* slots in use */
	struct verify_slot slot[VERIFY_SLOTS];
	struct verify_owner *silent;	/* talloc array */
	unsigned int silents;
	struct serve_scavenge_result result;	/* its part of it */
};

#define DOMAINS_TOLD	64

/* Names whose shrinking the log has told lately. */
struct domains {
	struct {
		struct nb_name name;
		uint64_t until;		/* mono; 0: free */
	} told[DOMAINS_TOLD];
};

struct challenge;
struct waiter;
struct source;
struct source_table;

struct serve {
	const struct nb_world *world;
	struct store *store;
	struct serve_ops ops;
	struct serve_config config;
	uint64_t started;		/* world->mono at creation */
	bool loaded;			/* all of the store may be used */
	bool gate_closed;		/* no version may be handed out */
	uint64_t passed;		/* policy.tombstones_passed */
	void (*watch)(void *arg);	/* serve_set_watch() */
	void *watch_arg;
	uint64_t address_changes;	/* durable ones */

	struct serve_iface iface[SERVE_IFACES_MAX];
	unsigned int ifaces;
	struct own_claim *claim[SERVE_IFACES_MAX];
	struct own_name own[SERVE_OWN_NAMES_MAX];
	unsigned int owns;
	struct nb_timer *own_refresh;

	unsigned int depth;		/* of turn_begin calls */
	struct turn *turn;		/* gathering; NULL until needed */
	struct turn *turns;		/* ended, not durable */
	unsigned int held;		/* replies and commands */
	unsigned int waits;		/* serve_when_durable() */
	bool undone;			/* the latest turn that ended was */
	struct burst burst;

	struct source_table *sources;
	struct challenge *bucket[CHALLENGE_BUCKETS];
	unsigned int challenges;
	struct waiter *replica_waiters;
	unsigned int replicas;		/* of them */
	struct demands demands;
	struct verify verify;
	struct domains domains;

	struct scavenge scavenge;
	struct alive alive;
	struct usage *usage;		/* NULL: wins:usage = off */
	uint64_t stat[STAT_COUNT];
	uint64_t *row_hits;
};

/* serve.c */
void serve_count(struct serve *serve, enum serve_stat stat);
/* The address of ours from which to ask this one; 0: we serve none. */
uint32_t serve_local_for(const struct serve *serve, uint32_t peer);
uint32_t serve_hash_name(const struct nb_name *name);

/* watched.c */
/* Count by wins:usage as it is now; ENOMEM: as before. */
int watched_configure(struct serve *serve);
void watched_turn(struct serve *serve);		/* a turn begins */
/* Before and after a query is decided. */
void watched_ask(const struct serve *serve, const struct nb_event *event,
		 const struct nb_origin *origin, struct usage_ask *ask);
void watched_asked(struct serve *serve, const struct usage_ask *ask,
		   bool stored, bool found);
/* A registration, refresh or release. */
void watched_request(struct serve *serve, const struct nb_event *event,
		     const struct nb_origin *origin);

/* gate.c */
/* Is this no time for clients to change anything? Counts it. */
bool gate_silences(struct serve *serve);
/* What would be wrong with a new version now: 0 or errno. */
int gate_version(const struct serve *serve);

/* source.c */
struct source_table *source_table_create(TALLOC_CTX *mem_ctx,
					 const struct nb_world *world);
/* May this address ask for something now? Takes one of its tokens. */
bool source_admits(struct serve *serve, uint32_t ip);
/* Count a challenge on its behalf; NULL: it has its share. Valid to the end. */
struct source *source_challenge_begins(struct serve *serve, uint32_t ip);
void source_challenge_ends(struct source *source);

/* turn.c */
bool serve_turn_open(struct serve *serve);	/* begin the store's turn */
/* Send, or hold until what the decision read is durable. */
void serve_reply(struct serve *serve, const struct nb_origin *origin,
		 const struct nb_name *name, const struct nb_reply *reply);
void serve_reply_now(struct serve *serve, const struct nb_origin *origin,
		     const struct nb_name *name, const struct nb_reply *reply);
/* Call done when the turn is durable; false without memory. */
bool serve_hold_done(struct serve *serve, const struct nb_verdict *verdict,
		     void (*done)(void *arg, int error,
				  const struct nb_verdict *verdict),
		     void *arg);

/* apply.c */
/* What the rules say; nothing else. existing: NULL if there is none. */
void serve_rule(const struct serve *serve, const struct nb_event *event,
		const struct nb_record *existing, struct nb_verdict *verdict);
/* Look the record up, decide, count and log the row. False if none is there. */
bool serve_decide(struct serve *serve, const struct nb_event *event,
		  struct nb_record *existing, struct nb_verdict *verdict);
/* Does the store take changes at all? */
bool serve_can_write(const struct serve *serve);
/* Why not: 0, ENOSPC or EROFS. */
int serve_write_error(const struct serve *serve);
/*
 * Carry out the store part: 0 or errno, EAGAIN while the gate is closed. old:
 * the record that stood, NULL if there was none.
 */
int serve_store(struct serve *serve, const struct nb_event *event,
		const struct nb_record *old, struct nb_verdict *verdict);
/* Tell a client that the server failed. */
void serve_reply_failure(struct serve *serve, const struct nb_event *event,
			 const struct nb_origin *origin);
/* Carry out the whole of it for a client. */
void serve_apply(struct serve *serve, const struct nb_event *event,
		 const struct nb_origin *origin, const struct nb_record *old,
		 struct nb_verdict *verdict);

/* domain.c */
/* Tell if a domain has lost its 1B or some of its 1C; now NULL: deleted. */
void domain_look(struct serve *serve, const struct nb_record *old,
		 const struct nb_record *now);

/* burst.c */
/* Is the store behind and the registration one that may be put off? Then it
 * is answered. */
bool burst_answers(struct serve *serve, const struct nb_event *event,
		   const struct nb_origin *origin, struct nb_verdict *verdict);
/* Has so much piled up that the rest is silence? Counts it. */
bool burst_drowns(struct serve *serve);
void burst_backlog_fell(struct serve *serve);	/* held has become less */
void burst_stop(struct serve *serve);

/* challenge.c */
/*
 * A claim that needs a challenge, or meets one that is going on. revision:
 * of the record that verdict->record shows.
 */
void challenge_start(struct serve *serve, const struct nb_event *event,
		     const struct nb_origin *origin,
		     const struct nb_verdict *verdict);
bool challenge_repeats(const struct serve *serve, const struct nb_event *event,
		       const struct nb_origin *origin);
/* The record has changed under it: void, everybody meets it anew. */
void challenge_void(struct serve *serve, const struct nb_name *name);
/*
 * A replica that needs one: 0 and settled() is called some time, within a turn
 * that holds what came of it; or EAGAIN, ENOMEM, and nothing was done.
 */
int challenge_replica(struct serve *serve, const struct nb_event *event,
		      const struct nb_verdict *verdict,
		      void (*settled)(void *arg, int error), void *arg);
bool challenge_outstanding(const struct serve *serve,
			   const struct nb_name *name, uint16_t trn_id);
/* The policy has changed: everybody meets the record anew. */
void challenge_void_all(struct serve *serve);
void challenge_free_all(struct serve *serve);

/* replica.c */
/* Carry out what needs no challenge, or the outcome of one. */
int replica_apply(struct serve *serve, const struct nb_event *event,
		  const struct nb_record *old, struct nb_verdict *verdict,
		  bool *changed);
/* Somebody who waited is done with it. */
void replica_refused(struct serve *serve, const struct nb_event *event);

/* demand.c */
/* The demands of a verdict that was carried out; revision: of the record as
 * it stands now. Within a turn; they leave when it is durable. */
void demand_hosts(struct serve *serve, const struct nb_name *name,
		  uint64_t revision, const struct nb_verdict *verdict);
void demand_revive(struct serve *serve);
void demand_stop(struct serve *serve);		/* drop them all */

/* verify.c */
/* Is this a record whose owner is to be asked, if it is due? */
bool verify_concerns(const struct serve *serve, const struct nb_record *rec);
/* The pass has done the rest: ask owners, then scavenge_pass_free(). */
void verify_pass(struct serve *serve, struct scavenge_pass *pass);
/* False if nothing like that was asked. Within a turn. */
bool verify_answer(struct serve *serve, uint32_t from, uint16_t trn_id,
		   const struct nb_name *name, uint8_t rcode,
		   const uint32_t *addresses, unsigned int count);
void verify_revive(struct serve *serve);
void verify_stop(struct serve *serve);

/* own.c */
void own_configure(struct serve *serve);
void own_ifaces_changed(struct serve *serve);
/* Index of the own name with this name and type, or -1; scope is ignored. */
int own_find(const struct serve *serve, const struct nb_name *name);
bool own_active(const struct serve *serve, unsigned int own, uint32_t local);
bool own_defends(const struct serve *serve, const struct nb_event *event,
		 const struct nb_origin *origin);
void own_answer(struct serve *serve, unsigned int own,
		const struct nb_origin *origin, const struct nb_name *name);
void own_stop(struct serve *serve);
/* Go on if memory was out when something was claimed. */
void own_revive(struct serve *serve);

/* alive.c */
void alive_start(struct serve *serve);
void alive_loaded(struct serve *serve);
void alive_stop(struct serve *serve);
/* Tick on if memory was out for the timer. */
void alive_revive(struct serve *serve);

/* scavenge.c */
void scavenge_start(struct serve *serve);	/* without the store yet */
void scavenge_loaded(struct serve *serve);
void scavenge_stop(struct serve *serve);
void scavenge_reload(struct serve *serve);	/* the configuration changed */
/* The ageing clock has leapt: hold expiry, count, then decide. */
void scavenge_doubt(struct serve *serve);
/* Go on if memory was out when a timer was wanted. */
void scavenge_revive(struct serve *serve);
/* What of the policy is decided here and not by a configuration. */
void scavenge_set_policy(struct serve *serve);
/* Tell everybody who waited for the pass. */
void scavenge_pass_free(struct scavenge_pass *pass);

#endif
