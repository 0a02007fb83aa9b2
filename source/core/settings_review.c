/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking over settings that are each right by themselves: those that do
 * nothing yet, those that contradict each other.
 *
 * One finding for each call, so that no list has to be allocated: the step
 * counts through the options, then through the partners' rows, then through
 * the table of contradictions below. What is about replication is in
 * settings_partners.c.
 */

#include <stdio.h>

#include "core/optval.h"
#include "core/settings_private.h"

/* Set to something that would need what is not there? */
static bool in_vain(const struct settings *settings, enum option_id id)
{
	const struct option *row = option_row(id);

	if (row->later == NULL || !settings_is_set(settings, id)) {
		return false;
	}
	if (row->type == OPTION_BOOL || row->standard[0] == '\0') {
		return !option_same_value(row, settings_text(settings, id),
					  row->standard);
	}
	return true;
}

static enum settings_result review_option(const struct settings *settings,
					  enum option_id id,
					  unsigned int *line,
					  char note[SETTINGS_NOTE])
{
	if (!in_vain(settings, id)) {
		return SETTINGS_OK;
	}
	*line = settings->value[id].line;
	snprintf(note, SETTINGS_NOTE, "%s has no effect: %s",
		 option_row(id)->name, option_row(id)->later);
	return SETTINGS_WARN;
}

static bool limits_crossed(const struct settings *settings, unsigned int *line,
			   char note[SETTINGS_NOTE])
{
	uint32_t min = settings_number(settings, OPTION_MIN_WINS_TTL);
	uint32_t max = settings_number(settings, OPTION_MAX_WINS_TTL);
	const struct setting *low = &settings->value[OPTION_MIN_WINS_TTL];
	const struct setting *high = &settings->value[OPTION_MAX_WINS_TTL];

	*line = low->line > high->line ? low->line : high->line;
	snprintf(note, SETTINGS_NOTE,
		 "min wins ttl (%u) is above max wins ttl (%u)", min, max);
	return min > max;
}

static bool durable_contradicted(const struct settings *settings,
				 unsigned int *line, char note[SETTINGS_NOTE])
{
	*line = settings->value[OPTION_NOSYNC].line;
	if (*line < settings->value[OPTION_DURABLE].line) {
		*line = settings->value[OPTION_DURABLE].line;
	}
	snprintf(note, SETTINGS_NOTE,
		 "wins:durable and winsdb:nosync contradict each other");
	return settings_is_set(settings, OPTION_DURABLE) &&
	       settings_is_set(settings, OPTION_NOSYNC) &&
	       settings_bool(settings, OPTION_DURABLE) ==
	       settings_bool(settings, OPTION_NOSYNC);
}

static const struct {
	enum settings_result result;
	settings_finding *finds;
} contradiction[] = {
	{ SETTINGS_ERROR, limits_crossed },
	{ SETTINGS_ERROR, durable_contradicted },
	{ SETTINGS_ERROR, settings_partner_twice },
	{ SETTINGS_ERROR, settings_partner_is_us },
	{ SETTINGS_WARN, settings_partner_not_accepted },
	{ SETTINGS_WARN, settings_owner_in_both },
	{ SETTINGS_WARN, settings_observes_nobody },
};

#define CONTRADICTIONS	(sizeof(contradiction) / sizeof(contradiction[0]))

enum settings_result settings_review(const struct settings *settings,
				     unsigned int *step, unsigned int *line,
				     char note[SETTINGS_NOTE])
{
	unsigned int rows = OPTION_COUNT + settings->partners;
	enum settings_result result = SETTINGS_OK;

	while (*step < rows && result == SETTINGS_OK) {
		unsigned int i = (*step)++;

		result = i < OPTION_COUNT ?
			 review_option(settings, i, line, note) :
			 settings_review_partner(
				 settings, &settings->partner[i - OPTION_COUNT],
				 line, note);
	}
	while (result == SETTINGS_OK && *step < rows + CONTRADICTIONS) {
		unsigned int i = (*step)++ - rows;

		if (contradiction[i].finds(settings, line, note)) {
			result = contradiction[i].result;
		}
	}
	return result;
}
