/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * repl: replication with other WINS servers (protocol.md sections 3 and 4).
 *
 *   partners	who may ask us and whom we ask; a peer is its address
 *   pull	ask a partner for its owner-version map, then for what is missing
 *   push	tell a partner that there is something new
 *   marks	how far each owner is known here: only what is settled (applied,
 *		refused, or its challenge over) and durable is remembered and told
 *   gate	a server that lost its memory hands out no version before a
 *		partner has said which was the last
 *
 * repl decides when to ask and what is missing; each record that comes is an
 * event for serve. It knows no sockets (link.h), no clock (world) and no file.
 *
 * Owner addresses: outside they are real, inside the store ours is NB_SELF.
 * This room translates; every uint32_t owner in this header is a real address.
 */
#ifndef WINSD_REPL_REPL_H
#define WINSD_REPL_REPL_H

#include <talloc.h>

#include "codec/wrepl.h"
#include "core/partner_option.h"
#include "core/world.h"
#include "repl/link.h"
#include "serve/serve.h"
#include "store/store.h"

struct repl;

struct repl_partner_config {
	uint32_t address;
	bool pull;			/* we pull from it */
	bool push;			/* it may pull from us, we notify it */
	struct partner_options options;
};

struct repl_config {
	uint32_t self;			/* our owner address */
	uint16_t port;			/* of partners */
	bool only_partners;		/* wins:only partners */
	bool observe;			/* wins:observe */
	uint64_t version_jump;		/* wins:version jump */
	uint32_t start_wait;		/* s, wins:start wait; 0: no gate */
	uint32_t demand_delay;		/* s, wins:demand delay */
	uint32_t periodic;		/* s, wreplsrv:periodic_interval */
	unsigned int partners;
	const struct repl_partner_config *partner;
	unsigned int accepts;		/* wins:accept owners; 0: all */
	const uint32_t *accept;
	unsigned int blocks;		/* wins:block owners */
	const uint32_t *block;
};

/*
 * world, store, serve and what ops points to must outlive it. config is
 * copied, arrays and all. Nothing happens before repl_loaded(), but incoming
 * links are refused at once.
 */
int repl_create(TALLOC_CTX *mem_ctx, const struct nb_world *world,
		struct store *store, struct serve *serve,
		const struct link_ops *ops, const struct repl_config *config,
		struct repl **repl);

/* The store is loaded and serve knows: the gate, the first pulls. */
void repl_loaded(struct repl *repl);

/* At a reload. Partners that stay keep their associations and what is known
 * of them. ENOMEM: nothing has changed. */
int repl_set_config(struct repl *repl, const struct repl_config *config);

/*
 * Somebody called. True: repl has taken the link (by ops->accept); false: it
 * is not wanted (limits, loading), close it.
 */
bool repl_accept(struct repl *repl, struct link *link, uint32_t from);

/* ---- what an operator asks for ---- */

/*
 * Pull from this partner now (0: from all), or push to it. done (may be NULL)
 * is called once for each partner when its cycle is over and durable: error 0
 * and the number of records received, or an errno and a line. Returns how
 * many partners that concerns: 0, and done is not called.
 */
typedef void repl_done(void *arg, uint32_t partner, int error,
		       uint64_t records, const char *message);
unsigned int repl_pull(struct repl *repl, uint32_t partner, repl_done *done,
		       void *arg);
unsigned int repl_push(struct repl *repl, uint32_t partner, bool propagate,
		       repl_done *done, void *arg);
/* Whoever asked is gone: calls with this arg are not wanted any more. */
void repl_forget(struct repl *repl, void *arg);

/* Open the gate without a partner's word. False: it is open already. */
bool repl_start_anyway(struct repl *repl);

/*
 * Quarantine: take what lies beyond the version jump (up to the highest seen
 * now), or not, until they are accepted after all. ENOENT: nothing of this
 * owner is in quarantine, or was rejected.
 */
int repl_owner_accept(struct repl *repl, uint32_t owner);
int repl_owner_reject(struct repl *repl, uint32_t owner);

/*
 * Forget an owner: its mark, what was seen of it, what an operator decided
 * about its versions, and that its address was once ours. Its records are
 * gone already (serve_command()). Rides on the turn that is open. EBUSY: it is
 * just being pulled; or as serve_set_mark().
 */
int repl_owner_forget(struct repl *repl, uint32_t owner);

/*
 * Is there a living server at this address? It is called on its replication
 * port and greeted. done is called once, not from inside here, and not at all
 * if repl goes first: answers is false if nobody takes the call or says a word
 * in 3 s; what is a line about it, gone afterwards. 0, or an errno if nothing
 * could be found out.
 */
int repl_probe(struct repl *repl, uint32_t address,
	       void (*done)(void *arg, bool answers, const char *what),
	       void *arg);

/*
 * Ask each pull partner for its owner-version map and compare: entry is
 * called for each (server, owner, max), first for our own; then done once.
 * A server that does not answer has one entry with owner 0 and an errno, one
 * that knows of nobody one with owner 0 and error 0.
 */
struct repl_map_entry {
	uint32_t server;
	uint32_t owner;
	uint64_t max;
	int error;
};
int repl_survey(struct repl *repl,
		void (*entry)(void *arg, const struct repl_map_entry *entry),
		void (*done)(void *arg), void *arg);

/* ---- sight ---- */

enum repl_gate {
	REPL_GATE_OPEN,
	REPL_GATE_WAITING,	/* asking partners */
	REPL_GATE_CLOSED,	/* nobody answered in time: an operator's turn */
};
enum repl_gate repl_gate(const struct repl *repl);
const char *repl_gate_name(enum repl_gate gate);
const char *repl_gate_reason(const struct repl *repl);	/* "empty" ... */

#define REPL_UNKNOWN	UINT64_MAX	/* a number that nobody knows yet */

/* The whole in few numbers: cheap, however many partners there are. */
struct repl_summary {
	bool observing;			/* wins:observe */
	unsigned int partners;
	unsigned int failing;		/* the latest pull did, or any in 5 min */
	unsigned int quarantined;	/* owners that wait for an operator */
};
void repl_summary(struct repl *repl, struct repl_summary *summary);

struct repl_partner_sight {
	uint32_t address;
	const char *name;		/* "" = none */
	bool pull, push;
	const char *state;		/* "idle", "pulling", "failing", ... */
	int64_t pull_ok;		/* wall clock; 0: never yet */
	int64_t failed;			/* wall clock, a push too; 0: not yet */
	const char *failure;		/* why, of the latest; NULL: none */
	int64_t next_pull;		/* wall clock; NB_NEVER: none planned */
	int64_t pulled_from_us;		/* wall clock; 0: never yet */
	uint64_t our_max;		/* our settled mark */
	uint64_t our_max_there;		/* as it has it, or REPL_UNKNOWN */
	uint64_t lag_in;		/* versions it has and we have not, of
					   all owners, or REPL_UNKNOWN */
	uint64_t lag_out;		/* of ours, versions it lacks, or ... */
	int64_t lag_in_seconds;		/* since when; -1: unknown */
	int64_t lag_out_seconds;
	uint64_t records;		/* received since the start */
	uint64_t statics;		/* of them static */
	uint64_t quarantined;		/* owners whose versions jumped there */
	unsigned int failures_5min;
	unsigned int failures_24h;
	uint64_t progress;		/* records of the pull under way */
	uint64_t expected;		/* of so many, or 0 */
};
bool repl_partner_at(struct repl *repl, unsigned int index,
		     struct repl_partner_sight *sight);

struct repl_owner_sight {
	uint32_t owner;
	bool ours;
	uint64_t mark;			/* settled */
	uint64_t map_max;		/* highest any partner told, or ... */
	int64_t last_new;		/* wall clock of its last new version
					   here; 0: not since the start */
	bool reachable;			/* by its last pull, if it is a partner;
					   else one that can be reached tells
					   of it */
	bool blocked;			/* by wins:block/accept owners */
	uint64_t quarantine;		/* versions up to here wait; 0: none */
	bool rejected;			/* they do not wait any more */
};
/* Of one owner; false if repl has never heard of it. */
bool repl_owner_sight(struct repl *repl, uint32_t owner,
		      struct repl_owner_sight *sight);
/* Owners that repl knows, with or without records here, by index, in the
 * order of their addresses. */
bool repl_owner_at(struct repl *repl, unsigned int index,
		   struct repl_owner_sight *sight);

/* Counters by index, for `server stats`; false after the last. */
bool repl_stat_at(const struct repl *repl, unsigned int index,
		  const char **name, uint64_t *value);

#endif
