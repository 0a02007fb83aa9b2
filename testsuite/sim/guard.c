/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One mapping for the whole process: no access, GUARD_MAX bytes, no access.
 * ASan's red zones were not enough: they are some bytes wide and are absent
 * in the builds that are measured.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/guard.h"

#define FENCE GUARD_MAX	/* a multiple of every page size */

static uint8_t *guard_field(void)
{
	static uint8_t *field;
	uint8_t *all = NULL;

	if (field != NULL) {
		return field;
	}
	all = mmap(NULL, FENCE + GUARD_MAX + FENCE, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED ||
	    mprotect(all + FENCE, GUARD_MAX, PROT_READ | PROT_WRITE) != 0) {
		abort();
	}
	field = all + FENCE;
	return field;
}

static const uint8_t *guard_copy(uint8_t *at, const uint8_t *data, size_t len)
{
	if (len > 0) {
		memcpy(at, data, len);
	}
	return at;
}

const uint8_t *guard_before_end(const uint8_t *data, size_t len)
{
	return guard_copy(guard_field() + GUARD_MAX - len, data, len);
}

const uint8_t *guard_after_start(const uint8_t *data, size_t len)
{
	return guard_copy(guard_field(), data, len);
}
