/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the linker puts between the rooms (wscript, -Wl,--wrap) for the judge:
 * each hook does what was asked for and tells the judge of it. The estate that
 * runs is named by judge_hold(); without one, nobody is told.
 */
#ifndef WINSD_ESTATE_HOOKS_H
#define WINSD_ESTATE_HOOKS_H

#include "estate/judge.h"
#include "rules/replica.h"

/* The hooks; each is called as if nothing stood between. */
int __wrap_store_put(struct store *store, struct nb_record *rec,
		     bool new_version);
int __wrap_store_delete(struct store *store, const struct nb_name *name);
int __wrap_store_set_mark(struct store *store, uint32_t owner,
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
