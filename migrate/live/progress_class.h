/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a name is on its way from one owner to another. Pure. */
#ifndef WINSMIGRATE_LIVE_PROGRESS_CLASS_H
#define WINSMIGRATE_LIVE_PROGRESS_CLASS_H

#include "migrate/live/compare_class.h"

enum progress_state {
	PROGRESS_GONE,		/* not active, or released at the old owner */
	PROGRESS_ELSEWHERE,	/* of an owner that is neither */
	PROGRESS_MOVED,		/* of the new owner */
	PROGRESS_STATIC,	/* of the old one, and will not move by itself */
	PROGRESS_LEFT,		/* of the old one; its host was not asked */
	PROGRESS_ALIVE,		/* the same, and the host has the name */
	PROGRESS_SILENT,	/* nobody answers at its address */
	PROGRESS_STALE,		/* a host answers that has not the name */
	PROGRESS_STATES
};

const char *progress_state_name(enum progress_state state);

/* What both databases say; old->hides_released as there. */
enum progress_state progress_classify(const struct compare_view *old,
				      const struct compare_view *new,
				      uint32_t old_owner, uint32_t new_owner);

#endif
