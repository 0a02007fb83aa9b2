/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading a configuration with the server's own parser and option table, so
 * that both mean the same by the same file.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/smbconf.h"
#include "common/tool.h"
#include "common/toolconfig.h"
#include "core/optval.h"

#include <config.h>

#define FILE_MAX (16u << 20)

struct reading {
	struct tool_config *config;
	const enum option_id *needed;
	bool failed;
};

static bool is_needed(const struct reading *r, const char *name)
{
	const enum option_id *needed = r->needed;
	enum option_id id = OPTION_COUNT;

	if (!option_find(name, &id)) {
		return false;
	}
	while (*needed != OPTION_COUNT && *needed != id) {
		needed++;
	}
	return *needed == id;
}

/* One that the server has no row for, because it is its clients' option. */
static void take_wins_server(struct reading *r, const char *name,
			     const char *value, unsigned int line)
{
	if (value != NULL && optval_same_name(name, "wins server")) {
		r->config->wins_server = (struct setting){ value, line };
	}
}

static bool take_line(void *arg, const struct smbconf_line *line)
{
	struct reading *r = arg;
	bool global = smbconf_is_global(line->section);
	char note[SETTINGS_NOTE];

	if (settings_put(r->config->settings, global, line->name, line->value,
			 line->number, note) == SETTINGS_ERROR &&
	    is_needed(r, line->name)) {
		tool_say("%s:%u: %s", r->config->file, line->number, note);
		r->failed = true;
		return false;
	}
	if (global) {
		take_wins_server(r, line->name, line->value, line->number);
	}
	return true;
}

int tool_read_file(TALLOC_CTX *mem_ctx, const char *path, char **text,
		   size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = 1;
	int ret = 0;

	if (fd == -1) {
		return errno;
	}
	*len = 0;
	*text = talloc_size(mem_ctx, FILE_MAX + 1);
	while (*text != NULL && n > 0 && *len < FILE_MAX) {
		n = read(fd, *text + *len, FILE_MAX - *len);
		*len += n > 0 ? (size_t)n : 0;
	}
	if (*text == NULL) {
		ret = ENOMEM;
	} else if (n != 0) {
		ret = n == -1 ? errno : EFBIG;
	} else {
		(*text)[*len] = '\0';
	}
	close(fd);
	return ret;
}

static int parse_file(TALLOC_CTX *mem_ctx, struct reading *r, bool named)
{
	struct smbconf_error error = { .line = 0 };
	const char *file = r->config->file;
	char *text = NULL;
	size_t len = 0;
	int ret = tool_read_file(mem_ctx, file, &text, &len);

	if (ret == ENOENT && !named) {
		return 0;
	}
	if (ret != 0) {
		tool_say("%s: %s", file, strerror(ret));
		return ret;
	}
	/* the values are pieces of the text: it stays */
	if (!smbconf_parse(text, len, take_line, r, &error)) {
		if (!r->failed) {
			tool_say("%s:%u: %s", file, error.line, error.reason);
		}
		return EINVAL;
	}
	return 0;
}

static int take_override(TALLOC_CTX *mem_ctx, struct reading *r,
			 const char *text)
{
	char *copy = talloc_strdup(mem_ctx, text);
	char *value = copy == NULL ? NULL : strchr(copy, '=');
	char note[SETTINGS_NOTE];

	if (copy == NULL) {
		return ENOMEM;
	}
	if (value == NULL) {
		tool_say("--option=%s: NAME=VALUE is needed", text);
		return EINVAL;
	}
	*value++ = '\0';
	/* a slip that a file may keep for years was typed just now */
	if (settings_put(r->config->settings, true, copy, value, 0, note) !=
	    SETTINGS_OK) {
		tool_say("--option=%s: %s", text, note);
		return EINVAL;
	}
	take_wins_server(r, copy, value, 0);
	return 0;
}

int tool_config_load(TALLOC_CTX *mem_ctx, const enum option_id *needed,
		     struct tool_config *config)
{
	bool named = tool_options.config_file != NULL;
	struct reading r = { .config = config, .needed = needed };
	int ret = 0;

	*config = (struct tool_config) {
		.file = named ? tool_options.config_file : WINSD_CONFIG,
		.settings = talloc_zero(mem_ctx, struct settings),
	};
	if (config->settings == NULL) {
		return ENOMEM;
	}
	ret = parse_file(mem_ctx, &r, named);
	for (char **o = tool_options.overrides;
	     ret == 0 && o != NULL && *o != NULL; o++) {
		ret = take_override(mem_ctx, &r, *o);
	}
	return ret;
}

static const char *directory(const struct settings *settings,
			     enum option_id id, const char *otherwise)
{
	const char *text = settings_text(settings, id);

	return text != NULL && text[0] != '\0' ? text : otherwise;
}

int tool_places_load(TALLOC_CTX *mem_ctx, struct tool_places *places)
{
	static const enum option_id needed[] = {
		OPTION_STATE_DIRECTORY, OPTION_LOCK_DIRECTORY, OPTION_COUNT,
	};
	struct tool_config config;
	int ret = tool_config_load(mem_ctx, needed, &config);

	if (ret != 0) {
		return ret;
	}
	places->state_directory = directory(config.settings,
					    OPTION_STATE_DIRECTORY,
					    WINSD_STATEDIR);
	places->lock_directory = directory(config.settings,
					   OPTION_LOCK_DIRECTORY,
					   WINSD_LOCKDIR);
	places->control_socket = tool_options.socket != NULL ?
				 tool_options.socket :
				 talloc_asprintf(mem_ctx, "%s/winsd.sock",
						 places->lock_directory);
	return places->control_socket == NULL ? ENOMEM : 0;
}
