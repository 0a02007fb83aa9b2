/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may come in and what may go out, before any rule looks at it.
 *
 * In: only what a host can be, of owners that are welcome - and the lists look
 * inside groups as well, where a blocked owner's members used to leak through
 * (Q281445, Q312141). A partner row may narrow it to dynamic records
 * (statics=no, Q229897) or to domains (domains only=yes, Q251221).
 *
 * Out: the same rows; and strangers, where they are served at all, see dynamic
 * records only, as of Windows 2003 (microsoft-wins.md 5).
 *
 * Skipped is settled: the mark goes on.
 */

#include "repl/private.h"

static bool is_domain(const struct nb_record *rec)
{
	return rec->name.type == 0x1b ||
	       (rec->type == NB_SGROUP && rec->name.type == 0x1c);
}

static bool row_allows(const struct partner *partner,
		       const struct nb_record *rec)
{
	const struct partner_options *options = &partner->config.options;

	return (options->statics || !rec->is_static) &&
	       (!options->domains_only || is_domain(rec));
}

bool filter_out(const struct partner *partner, const struct nb_record *rec)
{
	if (rec->state == NB_RELEASED) {
		return false;
	}
	return partner != NULL ? row_allows(partner, rec) : !rec->is_static;
}

/* An address that no host can have is no member; a normal group's is told to
 * nobody and may be anything. */
static bool member_fits(struct repl *repl, const struct nb_record *rec,
			const struct nb_member *member)
{
	if (rec->type != NB_GROUP && rec->state == NB_ACTIVE &&
	    !nb_addr_is_host(member->ip)) {
		return false;
	}
	return rec->type != NB_SGROUP || owner_allowed(repl, member->owner);
}

static void drop_members(struct repl *repl, struct nb_record *rec)
{
	for (unsigned int i = rec->count; i > 0; i--) {
		if (!member_fits(repl, rec, &rec->member[i - 1])) {
			nb_record_remove(rec, i - 1);
		}
	}
}

bool filter_in(struct repl *repl, const struct partner *partner,
	       struct nb_record *rec)
{
	bool had = rec->count > 0;

	if (!row_allows(partner, rec)) {
		return false;
	}
	drop_members(repl, rec);
	if (had && rec->count == 0) {
		return false;
	}
	rec->owner = repl_inward(repl, rec->owner);
	for (unsigned int i = 0; i < rec->count; i++) {
		struct nb_member *member = &rec->member[i];

		/* what names nobody is the record's owner's */
		member->owner = member->owner == 0 ?
			rec->owner : repl_inward(repl, member->owner);
	}
	return true;
}
