/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Putting values to options, and reading them back by type.
 *
 * Whose mistake is what: in `wins:` every unknown name is an error, for the
 * prefix is ours. In the suite's own prefixes it is a warning, for another
 * version may know it. Anything else is the suite's business, except that a
 * name which nearly is one of ours gets a warning, since ignoring it silently
 * would be the worst answer to a slip.
 *
 * Values are checked when they are put and read again at each get: they are
 * few and seldom asked for, and a parsed copy could disagree with the text.
 */

#include <stdio.h>

#include "core/addr.h"
#include "core/optval.h"
#include "core/partner_option.h"
#include "core/settings.h"

/* The suite's prefixes that we read. */
static const char *const shared_prefix[] = { "wreplsrv:", "winsdb:", "nbtd:" };

static const char *shared_with(const char *name)
{
	for (unsigned int i = 0; i < 3; i++) {
		if (optval_after_prefix(name, shared_prefix[i]) != NULL) {
			return shared_prefix[i];
		}
	}
	return NULL;
}

static enum settings_result unknown(const char *name, const char *prefix,
				    enum settings_result result,
				    char note[SETTINGS_NOTE])
{
	char shown[OPTVAL_SHOWN] = "";
	unsigned int apart = 0;
	const char *nearest = option_nearest(name, prefix, &apart);

	if (nearest != NULL) {
		snprintf(note, SETTINGS_NOTE,
			 "unknown option %s (did you mean %s?)",
			 optval_show(name, shown), nearest);
	} else {
		snprintf(note, SETTINGS_NOTE, "unknown option %s",
			 optval_show(name, shown));
	}
	return result;
}

/*
 * No option of ours and none of our prefixes: the suite's, or a slip. Our own
 * names may be two letters off, the suite's one, as it has near ones itself.
 */
static enum settings_result foreign(const char *name,
				    char note[SETTINGS_NOTE])
{
	char shown[OPTVAL_SHOWN] = "";
	unsigned int apart = 0;
	const char *nearest = option_nearest(name, NULL, &apart);
	bool ours = nearest != NULL &&
		    optval_after_prefix(nearest, "wins:") != NULL;

	if (nearest == NULL || apart > (ours ? 2 : 1)) {
		return SETTINGS_OK;
	}
	snprintf(note, SETTINGS_NOTE, "option %s ignored (did you mean %s?)",
		 optval_show(name, shown), nearest);
	return SETTINGS_WARN;
}

/* What makes the suite read another file or none: we would not follow. */
static bool leads_elsewhere(const char *name, const char *value, bool global)
{
	if (optval_same_name(name, "include") ||
	    optval_same_name(name, "config file")) {
		return true;
	}
	if (optval_same_name(name, "config backend")) {
		return !optval_same_name(value, "file");
	}
	return global && optval_same_name(name, "copy");
}

/* The row `wins:partner ADDR`: what follows the word, or NULL. */
static const char *partner_row(const char *name)
{
	const char *rest = optval_after_prefix(name, OPTION_PARTNER_NAME);
	bool plural = rest != NULL && (*rest == 's' || *rest == 'S');

	return plural ? NULL : rest;
}

static struct settings_partner *find_partner(struct settings *settings,
					     uint32_t address)
{
	for (unsigned int i = 0; i < settings->partners; i++) {
		if (settings->partner[i].address == address) {
			return &settings->partner[i];
		}
	}
	if (settings->partners == SETTINGS_PARTNERS_MAX) {
		return NULL;
	}
	return &settings->partner[settings->partners++];
}

static enum settings_result refuse(char note[SETTINGS_NOTE], const char *name,
				   const char *why)
{
	char shown[OPTVAL_SHOWN] = "";

	snprintf(note, SETTINGS_NOTE, "%s: %s", optval_show(name, shown), why);
	return SETTINGS_ERROR;
}

static enum settings_result put_partner(struct settings *settings,
					const char *name, const char *address,
					const char *value, unsigned int line,
					char note[SETTINGS_NOTE])
{
	struct partner_options ignored = partner_options_default();
	struct settings_partner row = { .text = value, .line = line };
	struct settings_partner *place = NULL;
	char reason[PARTNER_REASON] = "";
	const char *unclean = optval_unclean(value);

	if (!nb_addr_parse(address, &row.address) ||
	    !nb_addr_is_host(row.address)) {
		return refuse(note, name, "expected wins:partner ADDR = "
			      "key=value, ... (did you mean wins:partners?)");
	}
	if (unclean != NULL) {
		return refuse(note, name, unclean);
	}
	if (!partner_options_parse(value, &ignored, reason)) {
		return refuse(note, name, reason);
	}
	place = find_partner(settings, row.address);
	if (place == NULL) {
		return refuse(note, name, "more than 1024 partners");
	}
	*place = row;
	return SETTINGS_OK;
}

static enum settings_result put_global(struct settings *settings,
				       const char *name, char *value,
				       unsigned int line,
				       char note[SETTINGS_NOTE])
{
	const char *address = partner_row(name);
	const char *prefix = shared_with(name);
	enum option_id id = OPTION_COUNT;

	if (option_find(name, &id)) {
		if (!option_check(option_row(id), value, note)) {
			return SETTINGS_ERROR;
		}
		settings->value[id] = (struct setting){ value, line };
		return SETTINGS_OK;
	}
	if (address != NULL) {
		return put_partner(settings, name, address, value, line, note);
	}
	if (optval_after_prefix(name, "wins:") != NULL) {
		return unknown(name, "wins:", SETTINGS_ERROR, note);
	}
	if (prefix != NULL) {
		return unknown(name, prefix, SETTINGS_WARN, note);
	}
	return foreign(name, note);
}

/* Outside [global] nothing is ours; say so where somebody thought it was. */
static enum settings_result put_elsewhere(const char *name,
					  char note[SETTINGS_NOTE])
{
	char shown[OPTVAL_SHOWN] = "";

	if (optval_after_prefix(name, "wins:") != NULL) {
		return refuse(note, name, "belongs into [global]");
	}
	if (shared_with(name) != NULL) {
		snprintf(note, SETTINGS_NOTE, "%s ignored: it counts in "
			 "[global] only", optval_show(name, shown));
		return SETTINGS_WARN;
	}
	return SETTINGS_OK;
}

enum settings_result settings_put(struct settings *settings, bool global,
				  const char *name, char *value,
				  unsigned int line, char note[SETTINGS_NOTE])
{
	char shown[OPTVAL_SHOWN] = "";

	if (value == NULL) {
		if (optval_after_prefix(name, "wins:") != NULL) {
			return refuse(note, name, "there is no = on this line");
		}
		snprintf(note, SETTINGS_NOTE, "line without = ignored: %s",
			 optval_show(name, shown));
		return SETTINGS_WARN;
	}
	if (leads_elsewhere(name, value, global)) {
		return refuse(note, name, "not supported: winsd reads one file "
			      "and follows nothing in it");
	}
	return global ? put_global(settings, name, value, line, note) :
			put_elsewhere(name, note);
}

bool settings_is_set(const struct settings *settings, enum option_id id)
{
	return settings->value[id].text != NULL;
}

const char *settings_text(const struct settings *settings, enum option_id id)
{
	return settings_is_set(settings, id) ? settings->value[id].text :
					       option_row(id)->standard;
}

bool settings_bool(const struct settings *settings, enum option_id id)
{
	const char *text = settings_text(settings, id);
	bool value = false;

	return text != NULL && optval_bool(text, &value) && value;
}

uint32_t settings_number(const struct settings *settings, enum option_id id)
{
	const char *text = settings_text(settings, id);
	uint64_t value = 0;

	return text != NULL && optval_number(text, &value) ? (uint32_t)value :
							     0;
}

void settings_pair(const struct settings *settings, enum option_id id,
		   uint32_t *first, uint32_t *second)
{
	const char *text = settings_text(settings, id);
	uint32_t *const out[] = { first, second };
	char word[OPTVAL_WORD] = "";
	uint64_t value = 0;

	for (int i = 0; i < 2; i++) {
		optval_next_word(&text, word);
		*out[i] = optval_number(word, &value) ? (uint32_t)value : 0;
	}
}

int settings_word(const struct settings *settings, enum option_id id)
{
	const char *text = settings_text(settings, id);

	return text == NULL ? -1 : optval_which(option_row(id)->words, text);
}

uint32_t settings_address(const struct settings *settings, enum option_id id)
{
	const char *text = settings_text(settings, id);
	uint32_t address = 0;

	return text != NULL && nb_addr_parse(text, &address) ? address : 0;
}

/* The number a level word begins with; a file behind an @ is not ours. */
static int level_number(const char *text)
{
	int level = 0;

	while (*text >= '0' && *text <= '9' && level <= 10) {
		level = level * 10 + (*text++ - '0');
	}
	return level > 10 ? 10 : level;
}

int settings_level(const struct settings *settings, const char *class_name)
{
	const char *text = settings_text(settings, OPTION_LOG_LEVEL);
	char word[OPTVAL_WORD] = "";
	int all = 0, own = -1;

	while (optval_next_word(&text, word) != OPTVAL_END) {
		const char *rest = optval_after_prefix(word, class_name);

		if (rest != NULL && *rest == ':') {
			own = level_number(rest + 1);
			continue;
		}
		rest = optval_after_prefix(word, "all:");
		if (rest != NULL || word[0] <= '9') {
			all = level_number(rest != NULL ? rest : word);
		}
	}
	return own >= 0 ? own : all;
}

bool settings_same(const struct settings *a, const struct settings *b,
		   enum option_id id)
{
	const char *x = settings_text(a, id), *y = settings_text(b, id);

	if (x == NULL || y == NULL) {
		return x == y;
	}
	return option_same_value(option_row(id), x, y);
}

bool settings_as_windows(const struct settings *settings, enum option_id id)
{
	const struct option *row = option_row(id);
	const char *text = settings_text(settings, id);

	return row->windows == NULL || text == NULL ||
	       option_same_value(row, text, row->windows);
}
