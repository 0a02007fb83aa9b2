/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ageing clock as a value (design.md section 2 "Ageing"): where it begins
 * at a start, how it is told to people, and when a pass of ageing is too much.
 *
 * It is a time line of its own, in seconds. At the very first start it is the
 * wall clock; from then on it advances with CLOCK_BOOTTIME, and its last
 * moment is saved beside the wall clock of that moment. Steps of the wall
 * clock never reach it, and of the time that a server is off only so much
 * that a living client can still come back before its record expires. All
 * times in records stand on this line, so nothing is ever rewritten; what
 * people see is shifted by the difference of the two clocks.
 */
#ifndef WINSD_CORE_AGE_H
#define WINSD_CORE_AGE_H

#include <stdbool.h>
#include <stdint.h>

/* Later than this, about the year 36800, no clock of ours can stand. */
#define AGE_MAX		(INT64_C(1) << 40)

/* The two clocks may seem to differ by so much, from rounding; s. */
#define AGE_ROUNDING	2

/*
 * Of the time off, records age by so much at most, in seconds. life: the
 * longest that a record lives between two refreshes.
 */
int64_t age_cap(uint32_t life);

/* What was saved last; two numbers as they were found on the disk. */
struct age_saved {
	bool there;		/* both */
	uint64_t alive;		/* ageing clock */
	uint64_t wall;		/* wall clock at that moment */
};

struct age_start {
	int64_t now;		/* the ageing clock begins here */
	int64_t down;		/* s off, as the wall clock has it; negative:
				   it was set back meanwhile */
	int64_t aged;		/* of it, how much is counted: 0..cap */
	bool known;		/* something was saved; else down is 0 */
};

/* wall: the wall clock now. Numbers beyond AGE_MAX count as not saved. */
struct age_start age_begin(const struct age_saved *saved, int64_t wall,
			   int64_t cap);

/*
 * Wall clock minus ageing clock. known: what it was the last time; it stays
 * so for a difference of up to AGE_ROUNDING, so that two listings in a row
 * agree.
 */
int64_t age_offset(int64_t known, int64_t wall, int64_t now);

/* A time moved by an offset; NB_NEVER, and what would overflow, stays. */
int64_t age_shift(int64_t when, int64_t offset);

/*
 * Would a pass that releases so many of so many active records of ours be an
 * accident rather than ageing: over 20 % of them, and over 100?
 */
#define AGE_MASS_MIN	100
bool age_is_mass(uint64_t released, uint64_t of);

#endif
