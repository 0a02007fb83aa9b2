/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading the two directories out of the server's configuration, with the
 * server's own parser and option table, so that both mean the same file.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/smbconf.h"
#include "common/tool.h"
#include "common/toolconfig.h"
#include "core/settings.h"

#include <config.h>

#define FILE_MAX (16u << 20)

struct reading {
	struct settings *settings;
	const char *file;
	bool failed;
};

/* Is this one of the options that matter here? */
static bool matters(const char *name)
{
	enum option_id id = OPTION_COUNT;

	return option_find(name, &id) && (id == OPTION_STATE_DIRECTORY ||
					  id == OPTION_LOCK_DIRECTORY);
}

static bool take_line(void *arg, const struct smbconf_line *line)
{
	struct reading *r = arg;
	char note[SETTINGS_NOTE];

	if (settings_put(r->settings, smbconf_is_global(line->section),
			 line->name, line->value, line->number,
			 note) == SETTINGS_ERROR && matters(line->name)) {
		tool_say("%s:%u: %s", r->file, line->number, note);
		r->failed = true;
		return false;
	}
	return true;
}

static int read_file(TALLOC_CTX *mem_ctx, const char *path, char **text,
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
	}
	close(fd);
	return ret;
}

static int parse_file(TALLOC_CTX *mem_ctx, struct reading *r, bool named)
{
	struct smbconf_error error = { .line = 0 };
	char *text = NULL;
	size_t len = 0;
	int ret = read_file(mem_ctx, r->file, &text, &len);

	if (ret == ENOENT && !named) {
		return 0;
	}
	if (ret != 0) {
		tool_say("%s: %s", r->file, strerror(ret));
		return ret;
	}
	/* the values are pieces of the text: it stays */
	if (!smbconf_parse(text, len, take_line, r, &error)) {
		if (!r->failed) {
			tool_say("%s:%u: %s", r->file, error.line,
				 error.reason);
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
	if (settings_put(r->settings, true, copy, value, 0, note) ==
	    SETTINGS_ERROR) {
		tool_say("--option=%s: %s", text, note);
		return EINVAL;
	}
	return 0;
}

static const char *directory(const struct settings *settings,
			     enum option_id id, const char *otherwise)
{
	const char *text = settings_text(settings, id);

	return text != NULL && text[0] != '\0' ? text : otherwise;
}

int tool_config_load(TALLOC_CTX *mem_ctx, struct tool_config *config)
{
	bool named = tool_options.config_file != NULL;
	struct reading r = {
		.settings = talloc_zero(mem_ctx, struct settings),
		.file = named ? tool_options.config_file : WINSD_CONFIG,
	};
	int ret = r.settings == NULL ? ENOMEM : parse_file(mem_ctx, &r, named);

	for (char **o = tool_options.overrides;
	     ret == 0 && o != NULL && *o != NULL; o++) {
		ret = take_override(mem_ctx, &r, *o);
	}
	if (ret != 0) {
		return ret;
	}
	config->config_file = r.file;
	config->state_directory = directory(r.settings, OPTION_STATE_DIRECTORY,
					    WINSD_STATEDIR);
	config->lock_directory = directory(r.settings, OPTION_LOCK_DIRECTORY,
					   WINSD_LOCKDIR);
	config->control_socket = tool_options.socket != NULL ?
				 tool_options.socket :
				 talloc_asprintf(mem_ctx, "%s/winsd.sock",
						 config->lock_directory);
	return config->control_socket == NULL ? ENOMEM : 0;
}
