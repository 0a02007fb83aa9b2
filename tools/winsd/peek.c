/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A first look at the configuration, see peek.h: the same parser as the
 * module's, but only three names are looked for and nothing is judged. The
 * suite's `log file` may hold variables (%m ...) that mean nothing here; such
 * a value is left alone.
 */
#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "codec/smbconf.h"
#include "winsd/peek.h"

#include <config.h>

#define FILE_LIMIT	(4u << 20)

struct look {
	TALLOC_CTX *mem_ctx;
	struct peek *peek;
};

bool peek_same_name(const char *written, const char *name)
{
	for (;;) {
		while (isspace((unsigned char)*written)) {
			written++;
		}
		while (isspace((unsigned char)*name)) {
			name++;
		}
		if (*written == '\0' || *name == '\0') {
			return *written == *name;
		}
		if (tolower((unsigned char)*written) !=
		    tolower((unsigned char)*name)) {
			return false;
		}
		written++;
		name++;
	}
}

static const char *unquoted(TALLOC_CTX *mem_ctx, const char *value)
{
	size_t len = strlen(value);

	if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
		return talloc_strndup(mem_ctx, value + 1, len - 2);
	}
	return talloc_strdup(mem_ctx, value);
}

static void take(struct look *look, const char *name, const char *value)
{
	const char **slot = NULL;
	const char *text = NULL;

	if (peek_same_name(name, "state directory")) {
		slot = &look->peek->state_directory;
	} else if (peek_same_name(name, "lock directory") ||
		   peek_same_name(name, "lock dir")) {
		slot = &look->peek->lock_directory;
	} else if (peek_same_name(name, PEEK_LOG_FILE)) {
		slot = &look->peek->log_file;
	} else {
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

static char *read_text(TALLOC_CTX *mem_ctx, const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text = talloc_size(mem_ctx, FILE_LIMIT + 1);
	ssize_t got = 1;

	*len = 0;
	while (fd != -1 && text != NULL && got > 0 && *len < FILE_LIMIT) {
		got = read(fd, text + *len, FILE_LIMIT - *len);
		*len += got > 0 ? (size_t)got : 0;
	}
	if (fd != -1) {
		close(fd);
	}
	return text;
}

void peek_config(TALLOC_CTX *mem_ctx, const struct winsd_options *options,
		 struct peek *peek)
{
	struct look look = { .mem_ctx = mem_ctx, .peek = peek };
	struct smbconf_error ignored = {0};
	size_t len = 0;
	char *text = read_text(mem_ctx, options->config_file, &len);
	unsigned int i;

	*peek = (struct peek) {
		.state_directory = WINSD_STATEDIR,
		.lock_directory = WINSD_LOCKDIR,
	};
	if (text != NULL) {
		smbconf_parse(text, len, take_line, &look, &ignored);
	}
	talloc_free(text);
	for (i = 0; i < options->overrides; i++) {
		take(&look, options->override[i].name,
		     options->override[i].value);
	}
}
