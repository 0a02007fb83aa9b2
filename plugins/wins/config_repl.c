/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From settings to what replication runs on: struct repl_config, its partners
 * in the order of wins:partners, its lists of owners sorted and each owner
 * once (a search in a list that nobody had sorted was Q281445).
 *
 * The values are checked already; what can fail is memory. Our own address is
 * not known yet: plugins/wins/replication.c fills it in.
 */

#include <errno.h>
#include <stdlib.h>

#include "config_private.h"
#include "core/addr.h"
#include "core/optval.h"
#include "net/discovery.h"

static unsigned int count_words(const char *text)
{
	char word[OPTVAL_WORD] = "";
	unsigned int count = 0;

	while (optval_next_word(&text, word) != OPTVAL_END) {
		count++;
	}
	return count;
}

_Static_assert(DISCOVERY_DETECT == 1 && DISCOVERY_ANNOUNCE == 2,
	       "the words of wins:autodiscovery in their order");

/* ---- partners ---- */

/* The defaults, and over them what the row says if there is one. */
static void fill_options(const struct settings *s,
			 struct repl_partner_config *partner)
{
	char reason[PARTNER_REASON] = "";

	partner->options = partner_options_default();
	for (unsigned int i = 0; i < s->partners; i++) {
		if (s->partner[i].address == partner->address) {
			partner_options_parse(s->partner[i].text,
					      &partner->options, reason);
			return;
		}
	}
}

static int fill_partners(struct wins_config *config)
{
	const struct settings *s = config->settings;
	const char *text = settings_text(s, OPTION_PARTNERS);
	unsigned int count = count_words(text);
	struct repl_partner_config *partner = NULL;
	char word[OPTVAL_WORD] = "";
	unsigned int i = 0;

	if (count == 0) {
		return 0;
	}
	partner = talloc_zero_array(config, struct repl_partner_config, count);
	if (partner == NULL) {
		return ENOMEM;
	}
	while (optval_next_word(&text, word) != OPTVAL_END) {
		partner_word_parse(word, &partner[i].address, &partner[i].pull,
				   &partner[i].push);
		fill_options(s, &partner[i++]);
	}
	config->repl.partner = partner;
	config->repl.partners = count;
	return 0;
}

/* ---- owners ---- */

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static unsigned int drop_repeated(uint32_t *list, unsigned int count)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (kept == 0 || list[i] != list[kept - 1]) {
			list[kept++] = list[i];
		}
	}
	return kept;
}

static int fill_owners(struct wins_config *config, enum option_id id,
		       const uint32_t **owners, unsigned int *count)
{
	const char *text = settings_text(config->settings, id);
	unsigned int words = count_words(text);
	char word[OPTVAL_WORD] = "";
	uint32_t *list = NULL;
	unsigned int i = 0;

	if (words == 0) {
		return 0;
	}
	list = talloc_zero_array(config, uint32_t, words);
	if (list == NULL) {
		return ENOMEM;
	}
	while (optval_next_word(&text, word) != OPTVAL_END) {
		nb_addr_parse(word, &list[i++]);
	}
	qsort(list, words, sizeof(list[0]), compare);
	*owners = list;
	*count = drop_repeated(list, words);
	return 0;
}

int wins_config_fill_repl(struct wins_config *config)
{
	const struct settings *s = config->settings;
	struct repl_config *repl = &config->repl;
	int error = 0;

	/* off, detect, announce, both: as the bits are */
	config->discovery = (unsigned int)settings_word(s,
							OPTION_AUTODISCOVERY);
	repl->self = settings_address(s, OPTION_LOCAL_OWNER);
	repl->port = (uint16_t)settings_number(s, OPTION_REPLICATION_PORT);
	repl->only_partners = settings_bool(s, OPTION_ONLY_PARTNERS);
	repl->observe = settings_bool(s, OPTION_OBSERVE);
	repl->version_jump = settings_number(s, OPTION_VERSION_JUMP);
	repl->start_wait = settings_number(s, OPTION_START_WAIT);
	repl->demand_delay = settings_number(s, OPTION_DEMAND_DELAY);
	repl->periodic = settings_number(s, OPTION_PERIODIC_INTERVAL);
	error = fill_partners(config);
	if (error == 0) {
		error = fill_owners(config, OPTION_ACCEPT_OWNERS,
				    &repl->accept, &repl->accepts);
	}
	if (error == 0) {
		error = fill_owners(config, OPTION_BLOCK_OWNERS, &repl->block,
				    &repl->blocks);
	}
	return error;
}
