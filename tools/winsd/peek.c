/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A first look at the configuration, see peek.h: the same parser as the
 * module's, but only three names are looked for and nothing is judged. The
 * suite's `log file` may hold variables (%m ...) that mean nothing here; such
 * a value is left alone.
 */
#include <string.h>

#include "codec/smbconf.h"
#include "common/toolconfig.h"
#include "core/optval.h"
#include "winsd/peek.h"

#include <config.h>

struct look {
	TALLOC_CTX *mem_ctx;
	struct peek *peek;
};

static const char *unquoted(TALLOC_CTX *mem_ctx, const char *value)
{
	size_t len = strlen(value);

	if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
		return talloc_strndup(mem_ctx, value + 1, len - 2);
	}
	return talloc_strdup(mem_ctx, value);
}

/* Where the value of an option goes, or NULL: no concern of ours. */
static const char **slot_of(struct peek *peek, const char *name)
{
	enum option_id id = OPTION_COUNT;

	if (optval_same_name(name, PEEK_LOG_FILE)) {
		return &peek->log_file;
	}
	if (!option_find(name, &id)) {
		return NULL;
	}
	return id == OPTION_STATE_DIRECTORY ? &peek->state_directory :
	       id == OPTION_LOCK_DIRECTORY ? &peek->lock_directory : NULL;
}

static void take(struct look *look, const char *name, const char *value)
{
	const char **slot = slot_of(look->peek, name);
	const char *text = NULL;

	if (slot == NULL) {
		return;
	}
	text = unquoted(look->mem_ctx, value);
	if (text != NULL && text[0] == '/' && strchr(text, '%') == NULL) {
		*slot = text;
	}
}

static bool take_line(void *arg, const struct smbconf_line *line)
{
	if (smbconf_is_global(line->section) && line->value != NULL) {
		take(arg, line->name, line->value);
	}
	return true;
}

void peek_config(TALLOC_CTX *mem_ctx, const struct winsd_options *options,
		 struct peek *peek)
{
	struct look look = { .mem_ctx = mem_ctx, .peek = peek };
	struct smbconf_error ignored = {0};
	size_t len = 0;
	char *text = NULL;
	unsigned int i;

	*peek = (struct peek) {
		.state_directory = WINSD_STATEDIR,
		.lock_directory = WINSD_LOCKDIR,
	};
	if (tool_read_file(mem_ctx, options->config_file, &text, &len) == 0) {
		smbconf_parse(text, len, take_line, &look, &ignored);
	}
	talloc_free(text);
	for (i = 0; i < options->overrides; i++) {
		take(&look, options->override[i].name,
		     options->override[i].value);
	}
}
