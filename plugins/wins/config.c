/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loading the configuration: the file, over it what the host says, then one
 * look at the whole. Either a complete struct comes out or one line that says
 * where and what; nothing that exists is touched meanwhile, so a reload of a
 * bad file changes nothing.
 *
 * Syntax is codec/smbconf, options are core/options and core/settings; here
 * are only the file, the host, and the way of messages. What the settings
 * mean for the server is in config_fill.c.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/smbconf.h"
#include "config_private.h"
#include "core/addr.h"
#include "core/optval.h"
#include "core/partner_option.h"

#define FILE_LIMIT	(4u << 20)	/* far more than any estate needs */

struct loader {
	TALLOC_CTX *mem_ctx;		/* of the message */
	const struct wins_host *host;
	struct wins_config *config;	/* parent of all that is kept */
	struct settings *settings;
	int error;
	char **message;
};

/* "FILE:LINE", or who else the value is from. */
static char *describe_place(struct loader *l, unsigned int line)
{
	if (line > 0) {
		return talloc_asprintf(l->mem_ctx, "%s:%u",
				       l->host->config_file, line);
	}
	if (strcmp(l->host->host_name, "winsd") == 0) {
		return talloc_strdup(l->mem_ctx, "command line");
	}
	return talloc_asprintf(l->mem_ctx, "options of %s",
			       l->host->host_name);
}

/* Note or refuse; false if it is an error. */
static bool take_result(struct loader *l, enum settings_result result,
			unsigned int line, const char *note)
{
	char *place = NULL, *text = NULL;

	if (result == SETTINGS_OK) {
		return true;
	}
	place = describe_place(l, line);
	text = talloc_asprintf(l->mem_ctx, "%s: %s", place, note);
	talloc_free(place);
	if (result == SETTINGS_ERROR) {
		l->error = EINVAL;
		*l->message = text;
		return false;
	}
	l->host->log(l->host->priv, NB_LOG_WARNING, text != NULL ? text : note);
	talloc_free(text);
	return true;
}

static bool put(struct loader *l, bool global, const char *name, char *value,
		unsigned int line)
{
	char note[SETTINGS_NOTE] = "";

	return take_result(l, settings_put(l->settings, global, name, value,
					   line, note), line, note);
}

static bool take_line(void *arg, const struct smbconf_line *line)
{
	return put(arg, smbconf_is_global(line->section), line->name,
		   line->value, line->number);
}

static int fail_file(struct loader *l, int error)
{
	*l->message = talloc_asprintf(l->mem_ctx, "%s: %s",
				      l->host->config_file, strerror(error));
	return error;
}

static int read_all(int fd, char *text, size_t size, size_t *len)
{
	ssize_t got = 1;

	*len = 0;
	while (got > 0 && *len < size) {
		got = read(fd, text + *len, size - *len);
		if (got < 0 && errno == EINTR) {
			got = 1;
			continue;
		}
		*len += got > 0 ? (size_t)got : 0;
	}
	return got < 0 ? errno : 0;
}

/* The whole file with a spare byte behind it, as the parser wants it. */
static int load_text(struct loader *l, int fd, char **text, size_t *len)
{
	struct stat st = { 0 };
	int error = 0;

	if (fstat(fd, &st) != 0) {
		return errno;
	}
	if (S_ISDIR(st.st_mode)) {
		return EISDIR;
	}
	*text = talloc_size(l->config, FILE_LIMIT + 1);
	if (*text == NULL) {
		return ENOMEM;
	}
	error = read_all(fd, *text, FILE_LIMIT + 1, len);
	if (error != 0) {
		return error;
	}
	if (*len > FILE_LIMIT) {
		return EFBIG;
	}
	*text = talloc_realloc_size(l->config, *text, *len + 1);
	return *text == NULL ? ENOMEM : 0;
}

static int read_file(struct loader *l)
{
	struct smbconf_error wrong = { .line = 0 };
	char *text = NULL;
	size_t len = 0;
	int error = 0, fd = -1;

	if (l->host->config_file == NULL) {
		return 0;
	}
	fd = open(l->host->config_file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		return fail_file(l, errno);
	}
	error = load_text(l, fd, &text, &len);
	close(fd);
	if (error != 0) {
		return fail_file(l, error);
	}
	if (smbconf_parse(text, len, take_line, l, &wrong)) {
		return 0;
	}
	if (wrong.reason != NULL) {
		take_result(l, SETTINGS_ERROR, wrong.line, wrong.reason);
	}
	return l->error;
}

/*
 * What the host says about one option counts over the file; where it says
 * the same, the file's line is kept for messages.
 */
static int override(struct loader *l, const char *name, const char *in_file)
{
	const char *text = l->host->get_option(l->host->priv, name);
	char *copy = NULL;

	if (text == NULL || (in_file != NULL && strcmp(text, in_file) == 0)) {
		return 0;
	}
	copy = talloc_strdup(l->config, text);
	if (copy == NULL) {
		return ENOMEM;
	}
	return put(l, true, name, copy, 0) ? 0 : l->error;
}

static int override_partners(struct loader *l)
{
	const char *text = settings_text(l->settings, OPTION_PARTNERS);
	char word[OPTVAL_WORD] = "", address[NB_ADDR_TEXT] = "";
	char name[sizeof(OPTION_PARTNER_NAME) + NB_ADDR_TEXT] = "";
	uint32_t ip = 0;
	bool pull = false, push = false;

	while (optval_next_word(&text, word) != OPTVAL_END) {
		int error = 0;

		partner_word_parse(word, &ip, &pull, &push);
		snprintf(name, sizeof(name), OPTION_PARTNER_NAME " %s",
			 nb_addr_print(ip, address));
		error = override(l, name, NULL);
		if (error != 0) {
			return error;
		}
	}
	return 0;
}

static int ask_host(struct loader *l)
{
	if (l->host->get_option == NULL) {
		return 0;
	}
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		int error = override(l, option_row(id)->name,
				     l->settings->value[id].text);

		if (error != 0) {
			return error;
		}
	}
	return override_partners(l);
}

/* `wins support = no` is what an smb.conf says that wants no WINS server. */
static bool wanted(struct loader *l)
{
	const struct setting *set = &l->settings->value[OPTION_WINS_SUPPORT];

	return strcmp(l->host->host_name, "winsd") != 0 ||
	       settings_bool(l->settings, OPTION_WINS_SUPPORT) ||
	       take_result(l, SETTINGS_ERROR, set->line, "wins support = no: "
			   "this configuration wants no WINS server");
}

static int review(struct loader *l)
{
	char note[SETTINGS_NOTE] = "";
	unsigned int step = 0, line = 0;
	enum settings_result result = SETTINGS_OK;

	if (!wanted(l)) {
		return l->error;
	}
	do {
		result = settings_review(l->settings, &step, &line, note);
		if (!take_result(l, result, line, note)) {
			return l->error;
		}
	} while (result != SETTINGS_OK);
	return 0;
}

/* What is wrong with a value beyond its form, with the value's place. */
static int fill(struct loader *l)
{
	enum option_id about = OPTION_COUNT;
	char *why = NULL, *place = NULL;
	int error = wins_config_fill(l->config, &about, &why);

	if (error == 0 || why == NULL) {
		return error;
	}
	if (!settings_is_set(l->settings, about)) {
		*l->message = why;
		return error;
	}
	place = describe_place(l, l->settings->value[about].line);
	*l->message = talloc_asprintf(l->mem_ctx, "%s: %s", place, why);
	talloc_free(place);
	talloc_free(why);
	return error;
}

static int load(struct loader *l)
{
	int error = read_file(l);

	if (error == 0) {
		error = ask_host(l);
	}
	if (error == 0) {
		error = review(l);
	}
	if (error == 0) {
		error = wins_config_complete(l->mem_ctx, l->host, l->settings,
					     l->message);
	}
	return error != 0 ? error : fill(l);
}

int wins_config_load(TALLOC_CTX *mem_ctx, const struct wins_host *host,
		     struct wins_config **config, char **message)
{
	struct loader l = {
		.mem_ctx = mem_ctx, .host = host, .message = message,
	};
	int error = ENOMEM;

	*message = NULL;
	l.config = talloc_zero(mem_ctx, struct wins_config);
	if (l.config != NULL) {
		l.settings = talloc_zero(l.config, struct settings);
	}
	if (l.settings != NULL) {
		l.config->settings = l.settings;
		error = load(&l);
	}
	if (error != 0) {
		talloc_steal(mem_ctx, *message);
		TALLOC_FREE(l.config);
		return error;
	}
	*config = l.config;
	return 0;
}
