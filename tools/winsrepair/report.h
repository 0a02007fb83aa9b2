/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a command prints: for people, or as one JSON object.
 */
#ifndef WINSREPAIR_REPORT_H
#define WINSREPAIR_REPORT_H

#include "winsrepair/content.h"
#include "common/steps.h"

/*
 * Both databases side by side (present NULL: only one), and what restoring
 * does, or would do: it is the same.
 */
void report_restore(const struct content *backup, const struct content *present,
		    const char *fresh, uint64_t reserved,
		    const struct steps *steps);

#endif
