/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Import rules: what a record of another database does to ours (issue
 * migration 3; design.md "an imported record is an event as well").
 *
 *     existing record x imported record x policy x now -> verdict
 *
 * Pure, as the others. event->record is the imported one. Its owner and those
 * of its members are addresses, or NB_SELF where the database says our own
 * address; with event->adopt nobody owned it, and it is to be ours. Its times
 * stand on our clock; NB_NEVER in a dynamic record means that nobody said one.
 *
 * The verdict:
 *   NB_DONE, PUT		it stands, or what became of a merge
 *   NB_DONE, PUT, new_version	and is ours with a new number
 *   NB_UNCHANGED		it stands so already
 *   NB_CONFLICT		protected; event->force lifts it
 *   NB_REFUSED			it does not come in, ref says why
 */
#ifndef WINSD_RULES_IMPORT_H
#define WINSD_RULES_IMPORT_H

#include "core/event.h"
#include "core/policy.h"
#include "core/verdict.h"

/* As rule_replica(); existing is the record as it is stored, or NULL. */
void rule_import(const struct nb_record *existing,
		 const struct nb_event *event, const struct nb_policy *policy,
		 int64_t now, struct nb_verdict *verdict);

/* The same addresses of the same owners, type, state and static flag? */
bool import_is_same(const struct nb_record *a, const struct nb_record *b);

#endif
