/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who owns a name now. The new server's word counts for what is its own, the
 * old one's for what was its own: each knows releases of its records, of the
 * other's it has replicas, which may be behind. In a domain group each member
 * has moved or not; the group has moved when no member is the old owner's.
 */
#include "migrate/live/progress_class.h"

const char *progress_state_name(enum progress_state state)
{
	static const char *const names[PROGRESS_STATES] = {
		[PROGRESS_GONE] = "gone",
		[PROGRESS_ELSEWHERE] = "elsewhere",
		[PROGRESS_MOVED] = "moved",
		[PROGRESS_STATIC] = "static",
		[PROGRESS_LEFT] = "left",
		[PROGRESS_ALIVE] = "alive",
		[PROGRESS_SILENT] = "silent",
		[PROGRESS_STALE] = "stale",
	};

	return state < PROGRESS_STATES ? names[state] : "?";
}

static bool active(const struct compare_view *view)
{
	return view->kind == COMPARE_RECORD && view->rec.state == NB_ACTIVE;
}

static bool has_member_of(const struct nb_record *rec, uint32_t owner)
{
	for (unsigned int i = 0; i < rec->count; i++) {
		if (rec->member[i].owner == owner) {
			return true;
		}
	}
	return false;
}

/* Is the record, or in a group any of it, this owner's? */
static bool is_of(const struct compare_view *view, uint32_t owner)
{
	return view->rec.type == NB_SGROUP ?
	       has_member_of(&view->rec, owner) : view->rec.owner == owner;
}

/* The old server is asked about its own, and has it no more. */
static bool released(const struct compare_view *old,
		     const struct compare_view *new)
{
	return old->kind == COMPARE_RECORD ? !active(old) :
	       old->hides_released && old->has_mark &&
		       old->mark >= new->rec.version;
}

enum progress_state progress_classify(const struct compare_view *old,
				      const struct compare_view *new,
				      uint32_t old_owner, uint32_t new_owner)
{
	const struct compare_view *view = active(new) ? new : old;

	if (!active(view)) {
		return PROGRESS_GONE;
	}
	if (is_of(view, old_owner)) {
		if (view == new && released(old, new)) {
			return PROGRESS_GONE;
		}
		return view->rec.is_static ? PROGRESS_STATIC : PROGRESS_LEFT;
	}
	return is_of(view, new_owner) ? PROGRESS_MOVED : PROGRESS_ELSEWHERE;
}
