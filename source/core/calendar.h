/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When something is due that happens at fixed times (Q196209, Q171997: pulls
 * that drifted a little every day until the start time meant nothing).
 *
 * The next time is computed from the planned one, never from when the last
 * was begun or finished. Times are seconds on whatever clock the caller goes
 * by.
 */
#ifndef WINSD_CORE_CALENDAR_H
#define WINSD_CORE_CALENDAR_H

#include <stdint.h>

/* The first time after now on the grid of anchor and interval (1 or more). */
int64_t calendar_next(int64_t anchor, uint32_t interval, int64_t now);

/*
 * The start time, minute 0..1439 of the day, of the day that now is in, as
 * people there read the clock: an anchor for calendar_next(). offset: local
 * time minus UTC, s.
 */
int64_t calendar_anchor(int64_t now, int minute, int64_t offset);

#endif
