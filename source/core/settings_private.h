/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What settings_review.c and settings_partners.c share; nobody else's. */
#ifndef WINSD_CORE_SETTINGS_PRIVATE_H
#define WINSD_CORE_SETTINGS_PRIVATE_H

#include "core/settings.h"

/* Is something wrong with the whole? Then where, and what. */
typedef bool settings_finding(const struct settings *settings,
			      unsigned int *line, char note[SETTINGS_NOTE]);

settings_finding settings_partner_twice;
settings_finding settings_partner_is_us;
settings_finding settings_partner_not_accepted;
settings_finding settings_owner_in_both;
settings_finding settings_observes_nobody;

/* The same for one row of wins:partner. */
enum settings_result
settings_review_partner(const struct settings *settings,
			const struct settings_partner *row,
			unsigned int *line, char note[SETTINGS_NOTE]);

#endif
