/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ageing clock: see age.h. What is saved comes from a disk, so every
 * number is looked at before it is added to another.
 *
 * Why a quarter of a life: a client refreshes at half of it at the latest, so
 * at least half is left when the server goes, and after a quarter at least a
 * quarter for the client to come back: ten minutes between two tries for
 * Windows (microsoft-wins.md), an eighth of its life for the most patient.
 * The whole renewal interval, which design.md allows, would expire
 * everything at once after a long outage. And as Windows asks for a life of
 * 300000 s whatever the server would grant, longer lives do not count.
 */
#include "core/age.h"
#include "core/record.h"

#define WINDOWS_LIFE	300000u	/* s; what clients ask for, protocol.md 8, 9 */

int64_t age_cap(uint32_t life)
{
	return (life < WINDOWS_LIFE ? life : WINDOWS_LIFE) / 4;
}

static bool is_time(uint64_t number)
{
	return number <= (uint64_t)AGE_MAX;
}

struct age_start age_begin(const struct age_saved *saved, int64_t wall,
			   int64_t cap)
{
	struct age_start start = { .now = wall };

	if (!saved->there || !is_time(saved->alive) || !is_time(saved->wall)) {
		return start;
	}
	start.known = true;
	start.down = wall - (int64_t)saved->wall;
	start.aged = start.down < 0 ? 0 : start.down;
	if (start.aged > cap) {
		start.aged = cap;
	}
	start.now = (int64_t)saved->alive + start.aged;
	return start;
}

int64_t age_offset(int64_t known, int64_t wall, int64_t now)
{
	int64_t offset = wall - now;
	int64_t step = offset - known;

	return step >= -AGE_ROUNDING && step <= AGE_ROUNDING ? known : offset;
}

int64_t age_shift(int64_t when, int64_t offset)
{
	int64_t shifted = 0;

	if (when == NB_NEVER || __builtin_add_overflow(when, offset, &shifted)) {
		return when;
	}
	return shifted;
}

bool age_is_mass(uint64_t released, uint64_t of)
{
	return released > AGE_MASS_MIN && released > of / 5;
}
