/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the linker puts between the rooms (wscript, -Wl,--wrap) for the judge:
 * each hook does what was asked for and tells the judge of it. The estate that
 * runs is named by judge_hold(); without one, nobody is told.
 */
#ifndef WINSD_ESTATE_HOOKS_H
#define WINSD_ESTATE_HOOKS_H

#include "estate/judge.h"
#include "repl/private.h"
#include "rules/replica.h"

/*
 * Faults that can be planted, to see that the judge finds them: each is a
 * mistake that somebody could make in the rooms.
 */
enum hooks_fault {
	FAULT_NONE,
	FAULT_MARK_IS_COUNTER,	/* our mark: what was handed out, durable or
				   not */
	FAULT_MARK_AHEAD,	/* another's mark: one more than came */
	FAULT_MARK_IGNORED,	/* everything is asked for and taken again */
	FAULT_TOLD_EARLY,	/* others' marks are told before they are
				   durable */
	FAULT_TOLD_CLOSED,	/* our mark is told while the gate is closed */
	FAULT_NO_GATE,		/* an empty server takes registrations */
	FAULT_CHALLENGE_LEFT,	/* a replica is settled while our holder is
				   being asked */
	FAULT_MERGE_NOT_OWNED,	/* a union of groups stays its owner's */
	FAULT_STATIC_LOST,	/* a static gives way to a replica */
	FAULT_TOMBSTONE_KEPT,	/* a tombstone over its own active record */
	FAULT_PUSH_ROUND,	/* each pull is passed on, to whom it came
				   from too */
	FAULT_COUNT
};

const char *hooks_fault_name(enum hooks_fault fault);
void hooks_plant(enum hooks_fault fault);
bool hooks_planted(enum hooks_fault fault);

/* The truth, whatever is planted. */
uint64_t hooks_mark(const struct store *store, uint32_t owner);

/* The hooks; each is called as if nothing stood between. */
int __wrap_store_put(struct store *store, struct nb_record *rec,
		     bool new_version);
int __wrap_store_delete(struct store *store, const struct nb_name *name);
int __wrap_store_set_mark(struct store *store, uint32_t owner,
			  uint64_t version);
uint64_t __wrap_store_mark(const struct store *store, uint32_t owner);
uint64_t __wrap_owner_known(const struct repl *repl, uint32_t address);
bool __wrap_owner_wants(struct repl *repl, struct partner *partner,
			struct owner *owner, uint64_t max, uint64_t *from,
			uint64_t *limit);
uint64_t __wrap_owner_told(struct repl *repl, const struct owner *owner,
			   uint32_t to);
void __wrap_pull_worked(struct partner *partner);
int __wrap_serve_set_mark(struct serve *serve, uint32_t owner,
			  uint64_t version);
int __wrap_serve_replica(struct serve *serve, const struct nb_event *event,
			 void (*settled)(void *arg, int error), void *arg,
			 bool *pending, bool *changed);
void __wrap_rule_replica(const struct nb_record *existing,
			 const struct nb_event *event,
			 const struct nb_policy *policy, int64_t now,
			 struct nb_verdict *verdict);
size_t __wrap_wrepl_encode_table(uint8_t *buf, uint32_t context,
				 uint32_t command,
				 const struct wrepl_owner *owner,
				 uint32_t owners, uint32_t initiator);

/* ---- judge.c ---- */

void judge_put(struct judge *judge, const struct store *store,
	       const struct nb_record *rec, bool new_version);
void judge_delete(struct judge *judge, const struct store *store,
		  const struct nb_name *name);
void judge_set_mark(struct judge *judge, const struct store *store,
		    uint32_t owner, uint64_t before, uint64_t after);
void judge_replica(struct judge *judge, const struct serve *serve,
		   const struct nb_event *event);
void judge_meets(struct judge *judge, const struct nb_record *existing,
		 const struct nb_event *event,
		 const struct nb_verdict *verdict);
void judge_told(struct judge *judge, uint32_t command,
		const struct wrepl_owner *owner, uint32_t owners);

#endif
