/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of repl share. Prototypes are grouped by the file that
 * defines them, so this is the table of contents of the room.
 *
 *	partner --- pull (a cycle) --- range (of one owner) --- serve_replica()
 *	   |          |                  |
 *	   |        assoc              owner: mark, quarantine
 *	   |          |
 *	 push       link
 *
 * Who lives how long: partners, owners and ranges hang off repl; an assoc
 * lives as long as its link; a pull from its first connect to its last durable
 * turn. A range outlives its pull while challenges are under way. Pointers
 * between them are set to NULL by whoever goes first.
 */
#ifndef WINSD_REPL_PRIVATE_H
#define WINSD_REPL_PRIVATE_H

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <errno.h>
#include <sys/types.h>

#include "repl/repl.h"

#define CONNECT_SECONDS		20	/* until a call is answered */
#define START_SECONDS		20	/* until START has come, or its reply */
#define REPLY_SECONDS		120	/* until an answer begins, or goes on */
#define FRAME_SECONDS		60	/* for the whole of a frame */
#define IDLE_SECONDS		10800	/* of a partner's association */
#define STRANGER_SECONDS	30	/* and of anybody else's */
#define LINKS_OF_PARTNER	8
#define LINKS_OF_STRANGER	2
#define STRANGER_LINKS		32	/* of all of them */
#define PULLS_MAX		64	/* cycles side by side */
#define PENDING_HIGH		256	/* challenges: reading stops */
#define PENDING_LOW		192	/* and goes on */
#define TURNS_MAX		2	/* of a range that are not durable yet */
#define BUSY_SECONDS		20	/* to wait for an owner's other pull */
#define PULL_PAUSE_USEC		1000000u	/* between pulls that a partner
						   asks for */
#define PUSH_PAUSE_USEC		1000000u	/* between pushes to a partner */
#define PUSH_FAILURES		2	/* more in five minutes: no push */

#define OWNERS_MAX		65536u	/* that partners can make us remember */

#define ANSWERS_MAX		16	/* prepared or sent side by side */
#define ANSWER_BYTES		(64u << 20)	/* of them, before others wait */

enum repl_stat {
	STAT_ACCEPTED,			/* incoming associations */
	STAT_REFUSED,			/* links not wanted */
	STAT_STRANGERS,			/* requests of non-partners refused */
	STAT_BAD_FRAMES,
	STAT_WRONG_CONTEXT,
	STAT_TIMEOUTS,
	STAT_PULLS,			/* cycles begun */
	STAT_PULLS_FAILED,
	STAT_RECORDS_IN,
	STAT_RECORDS_CHANGED,		/* of them, something was stored */
	STAT_RECORDS_OLD,		/* at or below the mark */
	STAT_RECORDS_FILTERED,
	STAT_RECORDS_BAD,		/* outside of what was asked for, ... */
	STAT_ANSWERS,
	STAT_RECORDS_OUT,
	STAT_PUSHES,
	STAT_PUSHES_FAILED,
	STAT_PUSHES_HELD,		/* not sent: it fails too often */
	STAT_NOTIFIED,			/* UPDATE and INFORM that came */
	STAT_FORWARDED,
	STAT_QUARANTINED,
	STAT_COUNT
};

struct assoc;
struct pull;
struct range;
struct answer;
struct survey;
struct opening;

/* ---- owners ---- */

struct owner {
	RB_ENTRY(owner) node;
	uint32_t address;
	uint64_t mark;		/* durable; of ours store_mark() is the truth */
	uint64_t map_max;	/* highest that a partner told */
	uint64_t seen;		/* highest that ever came, settled or not */
	int64_t last_new;	/* wall clock */
	uint64_t quarantine;	/* 0: none; else the highest told */
	uint64_t accepted;	/* versions up to here were accepted */
	uint64_t rejected;	/* and these are not alarmed about again */
	bool was_ours;		/* before `owner rename` */
	struct range *range;	/* being fetched or settled */
};
RB_HEAD(owner_tree, owner);

/* ---- partners ---- */

struct partner_map {		/* sorted by address */
	unsigned int count;
	struct map_line {
		uint32_t owner;
		uint64_t version;
	} *line;
};

#define FAILURE_TIMES	32u
#define FAILURE_HOURS	24u

struct waiter {			/* somebody who asked for a pull or a push */
	struct waiter *next;
	repl_done *done;
	void *arg;
};

/* What a pull is asked to do; see pull_want(). */
struct pull_wish {
	bool wanted;
	bool propagate;		/* and then tell others of it */
	uint32_t initiator;
	struct assoc *assoc;	/* on this connection (UPDATE), or NULL */
	struct wrepl_owner *table;	/* with this map; NULL: ask for it */
	uint32_t owners;
	struct waiter *waiters;
};

struct push_wish {
	bool wanted;
	bool propagate;
	uint32_t initiator;	/* whose entry is told; 0: all */
	struct waiter *waiters;
};

struct partner {
	TAILQ_ENTRY(partner) list;
	struct repl *repl;
	struct repl_partner_config config;
	bool kept;		/* during repl_set_config() */
	int64_t joined;		/* ageing clock; 0: no pull has worked yet */
	struct partner_map map;

	struct pull *pull;	/* under way */
	struct pull_wish wish;	/* what comes after it */
	struct pull_wish lent;	/* the same, on a connection of its */
	struct assoc *idle;	/* a persistent one of ours, waiting */
	int64_t anchor;		/* of its grid, ageing clock */
	int64_t planned;	/* on its clock, see plan_clock(); NB_NEVER */
	int64_t offset;		/* of local time when that was planned */
	int64_t retry;		/* ageing clock; 0: no retry is due */
	unsigned int errors;	/* in a row */
	uint64_t began;		/* mono of the last cycle's begin; 0: none */

	struct push_wish push_wish;
	struct push *push;	/* under way */
	struct assoc *push_assoc;	/* persistent one for INFORM */
	bool old_minor;		/* it speaks no INFORM */
	uint64_t push_mark;	/* ours at the last push */
	uint64_t pushed;	/* mono of it; 0: none */
	uint64_t addresses;	/* serve_address_changes() at the last push */

	int64_t pull_ok, failed, pulled_from_us;	/* wall clock */
	char failure[160];
	uint64_t there;		/* our version as it has it */
	bool there_known;
	int64_t lag_in_since, lag_out_since;	/* wall clock; 0: no lag */
	uint64_t records, statics;
	uint64_t quarantined;	/* owners, as of its latest map */
	uint64_t went_back;	/* its own maximum, when it is below our mark
				   of it and that was told; else 0 */
	uint64_t failed_at[FAILURE_TIMES];	/* mono, s; a ring */
	unsigned int failed_next;
	uint32_t failed_hour[FAILURE_HOURS];
	uint64_t failed_hour_at;

	unsigned int gate;	/* enum gate_word: what it said at the gate */
	struct nb_timer *timer;	/* of a wish that has to wait */
	struct nb_timer *push_timer;
};
TAILQ_HEAD(partner_list, partner);

enum gate_word { GATE_ASKED, GATE_ANSWERED, GATE_FAILED };

/* ---- associations ---- */

enum assoc_role {
	ROLE_SERVER,		/* they ask */
	ROLE_PULL,		/* we ask, for a->pull or idle */
	ROLE_PUSH,		/* we notify, then they ask */
};

struct assoc {
	TAILQ_ENTRY(assoc) list;
	struct repl *repl;
	struct link *link;		/* NULL: gone */
	uint32_t peer;
	struct partner *partner;	/* NULL: a stranger */
	bool incoming;
	bool started;			/* contexts are exchanged */
	bool stopped;			/* we sent STOP with an error */
	bool bad_context;		/* it does not set the opcode's bits */
	bool closed;			/* freed when depth is 0 */
	bool paused;
	unsigned int depth;
	uint32_t our_context, peer_context;
	uint16_t peer_minor;
	enum assoc_role role;
	struct pull *pull;		/* ROLE_PULL, not idle */
	struct push *push;		/* ROLE_PUSH, until it is sent */
	struct answer *answer;		/* reading stops meanwhile */

	bool streaming;			/* inside a SEND_REPLY */
	bool unwanted;			/* and nobody asked for it */
	uint32_t names_left;
	uint64_t body_left;

	bool frame_begun;		/* some bytes of a frame are there */
	struct nb_timer *timer;		/* the deadline of whatever is next */
	const char *waiting;		/* for what; for messages */
};
TAILQ_HEAD(assoc_list, assoc);

/* ---- the whole ---- */

struct gate {
	enum repl_gate state;
	const char *reason;
	uint64_t base;			/* what was here when it closed */
	uint64_t told;			/* highest version of ours */
	uint64_t until;			/* mono: how long it waits */
	bool anyway;			/* an operator's word is enough */
	struct opening *opening;	/* its turn is not durable yet */
	struct nb_timer *timer;
	uint64_t lost_from, lost_to;	/* versions to be fetched back, open */
	uint64_t alarmed;		/* the latest that was not believed */
};

/* New versions after `owner rename`, see move.c. */
struct move {
	bool running;
	int error;			/* of the slice under way */
	uint64_t last;			/* versions up to here are old */
	uint64_t count;
	struct nb_timer *timer;
	struct mover *mover;		/* who waits for the turn under way */
};

#define STRANGERS_KNOWN 16u

struct stranger {
	uint32_t address;
	int64_t told;			/* ageing clock */
};

struct repl {
	const struct nb_world *world;
	struct store *store;
	struct serve *serve;
	struct link_ops ops;
	struct repl_config config;	/* arrays are children of arrays */
	TALLOC_CTX *arrays;
	bool loaded;

	struct partner_list partners;
	unsigned int partner_count;
	struct owner_tree owners;
	unsigned int owner_count;
	struct assoc_list assocs;
	unsigned int strangers;		/* incoming links of non-partners */
	struct stranger stranger[STRANGERS_KNOWN];
	unsigned int pulls;		/* cycles under way */
	struct gate gate;
	struct move move;
	struct nb_timer *tick;
	struct nb_timer *watch;		/* look for news of our own */
	unsigned int looked;		/* partners whose lag was looked at */
	TAILQ_HEAD(, survey) surveys;

	TAILQ_HEAD(answer_list, answer) answers, answers_waiting;
	unsigned int answers_active;
	uint64_t answer_bytes;

	uint64_t stat[STAT_COUNT];
};

/* ---- repl.c ---- */

void repl_count(struct repl *repl, enum repl_stat stat);
int64_t repl_now(const struct repl *repl);		/* ageing clock, s */
int64_t repl_wall(const struct repl *repl);
uint64_t repl_mono(const struct repl *repl);		/* usec */
/* Between the addresses of the wire and those of the store. */
uint32_t repl_inward(const struct repl *repl, uint32_t owner);
uint32_t repl_outward(const struct repl *repl, uint32_t owner);
struct nb_timer *repl_timer(struct repl *repl, uint64_t usec,
			    void (*fn)(void *arg), void *arg);
void repl_timer_stop(struct repl *repl, struct nb_timer **timer);

/* ---- owner.c ---- */

struct owner *owner_find(struct repl *repl, uint32_t address);
/* NULL: out of memory, or there are OWNERS_MAX. */
struct owner *owner_add(struct repl *repl, uint32_t address);
void owners_load(struct repl *repl);		/* from the store's marks */
/* May records of this owner be here at all (accept and block lists)? */
bool owner_allowed(const struct repl *repl, uint32_t address);
/* How far we know it: to ask from there, and what may be told. */
uint64_t owner_known(const struct repl *repl, uint32_t address);
uint64_t owner_told(struct repl *repl, const struct owner *owner,
		    uint32_t to);
/*
 * What to ask a partner for that tells of versions up to max: up to *limit,
 * less than max if the jump is too wide (then it is quarantined). False:
 * nothing new.
 */
bool owner_wants(struct repl *repl, struct partner *partner,
		 struct owner *owner, uint64_t max, uint64_t *from,
		 uint64_t *limit);
void owner_sight(struct repl *repl, const struct owner *owner,
		 struct repl_owner_sight *sight);
RB_PROTOTYPE(owner_tree, owner, node, owner_compare)

/* ---- filter.c ---- */

/*
 * What of a record that came is wanted: false, and it is skipped. Blocked
 * members are taken out; owners become the store's.
 */
bool filter_in(struct repl *repl, const struct partner *partner,
	       struct nb_record *rec);
/* May this record be told to that peer (NULL: a stranger)? */
bool filter_out(const struct partner *partner, const struct nb_record *rec);

/* ---- partner.c ---- */

struct partner *partner_find(const struct repl *repl, uint32_t address);
int partners_set(struct repl *repl, const struct repl_config *config);
void partner_free(struct partner *partner);
void partner_map_merge(struct partner *partner, const struct wrepl_owner *line,
		       uint32_t count);
uint64_t partner_map_get(const struct partner *partner, uint32_t owner,
			 bool *known);
void partner_failed(struct partner *partner, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
unsigned int partner_failures(const struct partner *partner, uint64_t seconds);
/* Its map, or its questions, say how far it has what is ours. */
void partner_knows_ours(struct partner *partner, uint64_t version);
/* The lowest of that over all push partners goes to serve. */
void partners_passed(struct repl *repl);
bool partner_demand_ok(const struct partner *partner);
void partner_recall(struct partner *partner);
void partner_joins(struct partner *partner);	/* a pull has worked */
const char *partner_text(const struct partner *partner, char *text);
#define PARTNER_TEXT (NB_ADDR_TEXT + PARTNER_NAME_MAX + 4)
void waiters_tell(struct waiter **waiters, uint32_t partner, int error,
		  uint64_t records, const char *message);

/* ---- assoc.c ---- */

struct assoc *assoc_call(struct partner *partner, enum assoc_role role);
bool assoc_take(struct repl *repl, struct link *link, uint32_t from);
int assoc_send(struct assoc *a, const uint8_t *frame, size_t len);
void assoc_stop(struct assoc *a, uint32_t reason);	/* send it, and close */
void assoc_close(struct assoc *a);
void assoc_wait(struct assoc *a, unsigned int seconds, const char *for_what);
void assoc_pause(struct assoc *a, bool pause);
void assoc_strangers_now(struct repl *repl);	/* after a reload */
/* They may ask again: an answer is out. */
void assoc_answered(struct assoc *a);
/* Our table, whole or one line of it, as this command. */
void assoc_send_table(struct assoc *a, uint32_t command, uint32_t owner,
		      uint32_t initiator);

/* ---- answer.c ---- */

void answer_request(struct assoc *a, const struct wrepl_owner *request);
void answer_drained(struct assoc *a);
void answer_drop(struct assoc *a);

/* ---- wish.c ---- */

/* A pull is wanted; it begins now, or when it may. Takes what wish has. */
void pull_want(struct partner *partner, struct pull_wish *wish);
void pull_wish_clear(struct pull_wish *wish, int error, const char *message,
		     struct partner *partner);
/* The connection of an UPDATE has gone before its turn. */
void pull_lent_gone(struct partner *partner, const struct assoc *a);
void pulls_try(struct repl *repl);		/* one has ended */

/* ---- pull.c ---- */

/* Begin with this wish, which is taken. */
void pull_start(struct partner *partner, struct pull_wish *wish);
struct partner *pull_partner(const struct pull *pull);
void pull_up(struct pull *pull);		/* association stands */
void pull_table(struct pull *pull, const struct wrepl_msg *msg);
void pull_refused(struct pull *pull, const char *why);
void pull_lost(struct pull *pull, int error);	/* the link is gone */
void pull_free(struct pull *pull);
void pull_forget(struct pull *pull, const void *arg);	/* pull may be NULL */
bool pull_expects_reply(const struct pull *pull);
bool pull_expects_table(const struct pull *pull);
void pull_reply_begins(struct pull *pull, uint32_t names);
/* Records of the range under way: bytes taken, 0 if more are needed. */
size_t pull_records(struct pull *pull, struct assoc *a, const uint8_t *data,
		    size_t len);
void pull_reply_ends(struct pull *pull);
void pull_owner_free(struct repl *repl);	/* a range has ended */
void pulls_flow(struct repl *repl);		/* may reading go on? */
void pull_turn_begun(struct pull *pull);
void pull_turn_done(struct pull *pull, int error);
void pull_sight(const struct pull *pull, uint64_t *progress,
		uint64_t *expected, const char **state);

/* ---- schedule.c ---- */

void pull_plan(struct partner *partner);	/* first plan, or a new one */
void pull_due(struct partner *partner);		/* called by the tick */
void pull_worked(struct partner *partner);
void pull_failed(struct partner *partner);
void pull_alive(struct partner *partner);	/* it has called us */
int64_t pull_next_wall(const struct partner *partner);	/* NB_NEVER: none */
void tick_at(struct repl *repl);		/* the plan has changed */
void tick_first(struct repl *repl);
void tick_revive(struct repl *repl);

/* ---- range.c ---- */

struct range *range_begin(struct pull *pull, struct owner *owner, uint64_t min,
			  uint64_t max, bool whole);
/* One record of it, within a turn: 0 or an errno (the pull is to end). */
int range_record(struct range *range, struct nb_record *rec);
/* The last of its records was handed over. */
void range_complete(struct range *range);
/* Let the mark ride on the turn that is open: 0 or an errno. */
int range_turn(struct range *range);
unsigned int range_turns(const struct range *range);
bool range_is_complete(const struct range *range);
/* The pull needs it no more: all is in, or (abandon) no more will come. */
void range_leave(struct range *range);
void range_abandon(struct range *range);
void ranges_forget(struct repl *repl, const struct pull *pull);
void ranges_free(struct repl *repl);

/* ---- push.c ---- */

void push_want(struct partner *partner, bool propagate, uint32_t initiator,
	       struct waiter *waiter);
void push_watch(void *arg);		/* a turn has become durable */
void push_up(struct push *push);
void push_lost(struct push *push, int error);
void push_free(struct push *push);
void push_forget(struct push *push, const void *arg);	/* push may be NULL */
void push_forward(struct repl *repl, const struct partner *source,
		  uint32_t initiator);

/* ---- survey.c ---- */

void survey_map(struct repl *repl, const struct partner *partner,
		const struct wrepl_owner *line, uint32_t count);
void survey_failed(struct repl *repl, const struct partner *partner,
		   int error);
void survey_forget(struct repl *repl, const void *arg);

/* ---- sight.c ---- */

void sight_look(struct partner *partner);	/* keep the time of its lag */

/* ---- gate.c ---- */

void gate_loaded(struct repl *repl);
void gate_stop(struct repl *repl);
/* A partner told what it knows of us, and that was fetched; or it failed. */
void gate_answered(struct partner *partner, uint64_t version);
void gate_failed(struct partner *partner);
/* Are we to fetch what is ours, from which version on, and how far? */
bool gate_wants_own(struct repl *repl, struct partner *partner, uint64_t max,
		    uint64_t *from, uint64_t *limit);
/* All that a partner has of ours, up to this, has come. */
void gate_own_back(struct repl *repl, uint64_t max);
void gate_reload(struct repl *repl);	/* other partners, another wait */

/* ---- move.c ---- */

/* The gate opens, in its turn: from here on what we have is old, after a move
 * and if all is said. */
int move_note(struct repl *repl, bool all);
/* Records of ours with versions up to this one are told anew. */
int move_again(struct repl *repl, uint64_t last);
/* Begin, or go on where the last start stopped, if there is anything to do. */
void move_look(struct repl *repl);
void move_stop(struct repl *repl);

#endif
