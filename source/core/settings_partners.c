/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What can be wrong with the settings of replication as a whole: a partner
 * that is this server itself or another partner's second address, which makes
 * nobody's identity clear; and settings that are right but do not do what they
 * look like, which are only said.
 *
 * Which addresses are ours is known here as far as somebody wrote them down;
 * those of a named interface are looked at when they are served
 * (plugins/wins).
 */

#include <stdio.h>
#include <string.h>

#include "core/addr.h"
#include "core/optval.h"
#include "core/partner_option.h"
#include "core/settings_private.h"

/* The next partner of the list. */
static bool next_partner(const char **text, uint32_t *address, bool *pull,
			 bool *push)
{
	char word[OPTVAL_WORD] = "";

	while (optval_next_word(text, word) != OPTVAL_END) {
		if (partner_word_parse(word, address, pull, push)) {
			return true;
		}
	}
	return false;
}

static bool next_address(const char **text, uint32_t *address)
{
	char word[OPTVAL_WORD] = "";

	while (optval_next_word(text, word) != OPTVAL_END) {
		word[strcspn(word, "/;")] = '\0';
		if (nb_addr_parse(word, address)) {
			return true;
		}
	}
	return false;
}

static bool listed_partner(const struct settings *settings, uint32_t address,
			   bool *pull)
{
	const char *text = settings_text(settings, OPTION_PARTNERS);
	uint32_t listed = 0;
	bool push = false;

	while (next_partner(&text, &listed, pull, &push)) {
		if (listed == address) {
			return true;
		}
	}
	return false;
}

static bool has_address(const struct settings *settings, enum option_id id,
			uint32_t address)
{
	const char *text = settings_text(settings, id);
	uint32_t listed = 0;

	while (text != NULL && next_address(&text, &listed)) {
		if (listed == address) {
			return true;
		}
	}
	return false;
}

/* As far as somebody wrote it down. */
static bool is_ours(const struct settings *settings, uint32_t address)
{
	enum option_id id = settings_is_set(settings, OPTION_WINS_INTERFACES) ?
			    OPTION_WINS_INTERFACES : OPTION_INTERFACES;

	return has_address(settings, OPTION_LOCAL_OWNER, address) ||
	       has_address(settings, id, address);
}

/* ---- one row ---- */

static bool also_wrong(const struct settings *settings,
		       const struct settings_partner *row,
		       const struct partner_options *options,
		       char note[SETTINGS_NOTE])
{
	char partner[NB_ADDR_TEXT] = "", also[NB_ADDR_TEXT] = "";
	bool pull = false;

	nb_addr_print(row->address, partner);
	for (unsigned int i = 0; i < options->also_count; i++) {
		nb_addr_print(options->also[i], also);
		if (is_ours(settings, options->also[i])) {
			snprintf(note, SETTINGS_NOTE, OPTION_PARTNER_NAME
				 " %s: also=%s is an address of this server",
				 partner, also);
			return true;
		}
		if (listed_partner(settings, options->also[i], &pull)) {
			snprintf(note, SETTINGS_NOTE, OPTION_PARTNER_NAME
				 " %s: also=%s is a partner in wins:partners "
				 "itself", partner, also);
			return true;
		}
	}
	return false;
}

/* Settings of the row that come to nothing, or to less than it seems. */
static bool row_in_vain(const struct settings_partner *row, bool pull,
			const struct partner_options *options,
			char note[SETTINGS_NOTE])
{
	char partner[NB_ADDR_TEXT] = "";

	nb_addr_print(row->address, partner);
	if (options->pull_interval == 0 && options->start_minute >= 0) {
		snprintf(note, SETTINGS_NOTE, OPTION_PARTNER_NAME " %s: start "
			 "time has no effect with pull interval=never",
			 partner);
		return true;
	}
	if (!pull && options->start_minute >= 0) {
		snprintf(note, SETTINGS_NOTE, OPTION_PARTNER_NAME " %s: start "
			 "time has no effect: wins:partners has it as (push)",
			 partner);
		return true;
	}
	return false;
}

enum settings_result
settings_review_partner(const struct settings *settings,
			const struct settings_partner *row,
			unsigned int *line, char note[SETTINGS_NOTE])
{
	struct partner_options options = partner_options_default();
	char address[NB_ADDR_TEXT] = "", reason[PARTNER_REASON] = "";
	bool pull = false;

	*line = row->line;
	if (!listed_partner(settings, row->address, &pull)) {
		snprintf(note, SETTINGS_NOTE, OPTION_PARTNER_NAME " %s has no "
			 "effect: the address is not in wins:partners",
			 nb_addr_print(row->address, address));
		return SETTINGS_WARN;
	}
	partner_options_parse(row->text, &options, reason);
	if (also_wrong(settings, row, &options, note)) {
		return SETTINGS_ERROR;
	}
	return row_in_vain(row, pull, &options, note) ? SETTINGS_WARN :
							SETTINGS_OK;
}

/* ---- the whole ---- */

bool settings_partner_twice(const struct settings *settings,
			    unsigned int *line, char note[SETTINGS_NOTE])
{
	const char *text = settings_text(settings, OPTION_PARTNERS);
	char address[NB_ADDR_TEXT] = "";
	uint32_t one = 0, other = 0;
	bool pull = false, push = false;

	*line = settings->value[OPTION_PARTNERS].line;
	while (next_partner(&text, &one, &pull, &push)) {
		const char *rest = text;

		while (next_partner(&rest, &other, &pull, &push)) {
			if (one == other) {
				snprintf(note, SETTINGS_NOTE, "wins:partners "
					 "has %s twice",
					 nb_addr_print(one, address));
				return true;
			}
		}
	}
	return false;
}

bool settings_partner_is_us(const struct settings *settings,
			    unsigned int *line, char note[SETTINGS_NOTE])
{
	const char *text = settings_text(settings, OPTION_PARTNERS);
	char shown[NB_ADDR_TEXT] = "";
	uint32_t address = 0;
	bool pull = false, push = false;

	*line = settings->value[OPTION_PARTNERS].line;
	while (next_partner(&text, &address, &pull, &push)) {
		if (is_ours(settings, address)) {
			snprintf(note, SETTINGS_NOTE, "wins:partners has %s, "
				 "an address of this server",
				 nb_addr_print(address, shown));
			return true;
		}
	}
	return false;
}

/* A server whose own records are left out though it is asked for them. */
bool settings_partner_not_accepted(const struct settings *settings,
				   unsigned int *line,
				   char note[SETTINGS_NOTE])
{
	const char *text = settings_text(settings, OPTION_PARTNERS);
	const char *accept = settings_text(settings, OPTION_ACCEPT_OWNERS);
	char shown[NB_ADDR_TEXT] = "";
	uint32_t address = 0;
	bool pull = false, push = false;

	*line = settings->value[OPTION_ACCEPT_OWNERS].line;
	while (accept[0] != '\0' &&
	       next_partner(&text, &address, &pull, &push)) {
		if (pull && !has_address(settings, OPTION_ACCEPT_OWNERS,
					 address)) {
			snprintf(note, SETTINGS_NOTE, "wins:accept owners has "
				 "not the partner %s: its own records are not "
				 "taken", nb_addr_print(address, shown));
			return true;
		}
	}
	return false;
}

bool settings_owner_in_both(const struct settings *settings,
			    unsigned int *line, char note[SETTINGS_NOTE])
{
	const char *text = settings_text(settings, OPTION_BLOCK_OWNERS);
	char shown[NB_ADDR_TEXT] = "";
	uint32_t address = 0;

	*line = settings->value[OPTION_BLOCK_OWNERS].line;
	while (next_address(&text, &address)) {
		if (has_address(settings, OPTION_ACCEPT_OWNERS, address)) {
			snprintf(note, SETTINGS_NOTE, "%s is in wins:accept "
				 "owners and in wins:block owners: it is "
				 "blocked", nb_addr_print(address, shown));
			return true;
		}
	}
	return false;
}

bool settings_observes_nobody(const struct settings *settings,
			      unsigned int *line, char note[SETTINGS_NOTE])
{
	const char *text = settings_text(settings, OPTION_PARTNERS);
	uint32_t address = 0;
	bool pull = false, push = false;

	*line = settings->value[OPTION_OBSERVE].line;
	snprintf(note, SETTINGS_NOTE, "wins:observe: there is nobody to pull "
		 "from in wins:partners, so this server does nothing");
	while (next_partner(&text, &address, &pull, &push)) {
		if (pull) {
			return false;
		}
	}
	return settings_bool(settings, OPTION_OBSERVE);
}
