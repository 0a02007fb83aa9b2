/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the server that takes over will not have: read from its configuration
 * file, as the server reads it. Without one these are the defaults.
 */
#include "migrate/live/kept_out.h"

#include <string.h>

#include "common/tool.h"
#include "core/addr.h"
#include "core/optval.h"

static void fill_names(const struct settings *settings, enum option_id id,
		       struct nb_name_list *list)
{
	const char *pos = settings_text(settings, id);
	char word[OPTVAL_WORD];

	list->count = 0;
	while (pos != NULL && optval_next_word(&pos, word) == OPTVAL_WORD_OK) {
		/* longer ones are no names: nothing to block */
		(void)nb_name_list_add(list, word, strlen(word));
	}
}

static bool fill_owners(TALLOC_CTX *mem_ctx, struct kept_out *kept)
{
	const char *pos = settings_text(kept->settings, OPTION_BLOCK_OWNERS);
	char word[OPTVAL_WORD];
	uint32_t address = 0;

	while (pos != NULL && optval_next_word(&pos, word) == OPTVAL_WORD_OK) {
		uint32_t *more = NULL;

		if (!nb_addr_parse(word, &address)) {
			continue;
		}
		more = talloc_realloc(mem_ctx, kept->owner, uint32_t,
				      kept->owners + 1);
		if (more == NULL) {
			return false;
		}
		kept->owner = more;
		kept->owner[kept->owners++] = address;
	}
	return true;
}

int kept_out_load(TALLOC_CTX *mem_ctx, struct kept_out *kept)
{
	static const enum option_id needed[] = {
		OPTION_BLOCKED_NAMES, OPTION_ALLOW_NAMES, OPTION_BLOCK_OWNERS,
		OPTION_COUNT
	};
	struct tool_config config;

	*kept = (struct kept_out) { .owners = 0 };
	if (tool_config_load(mem_ctx, needed, &config) != 0) {
		return TOOL_USAGE;
	}
	kept->settings = config.settings;
	fill_names(config.settings, OPTION_BLOCKED_NAMES, &kept->blocked);
	fill_names(config.settings, OPTION_ALLOW_NAMES, &kept->allowed);
	if (!fill_owners(mem_ctx, kept)) {
		tool_say("out of memory");
		return TOOL_FAILED;
	}
	return TOOL_OK;
}

bool kept_out_name(const struct kept_out *kept, const struct nb_name *name)
{
	return nb_name_listed(&kept->blocked, name) &&
	       !nb_name_listed(&kept->allowed, name);
}
