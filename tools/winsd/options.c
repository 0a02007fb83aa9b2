/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line, see options.h. Names of --option are looked up in the
 * server's own option table, so a typo is refused here with the nearest name;
 * values are checked where those of the file are, in the module.
 */
#include <ctype.h>
#include <limits.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/options.h"
#include "core/optval.h"
#include "winsd/options.h"
#include "winsd/peek.h"

#include <config.h>

enum {
	OPT_CONFIG = 1,
	OPT_OPTION,
	OPT_MODULE,
	OPT_USER,
};

static int debug_level = -1;

static const struct poptOption table[] = {
	{ "interactive", 'i', POPT_ARG_NONE, NULL, 'i',
	  "Stay in the foreground and log to stderr (the default)", NULL },
	{ "daemon", 'D', POPT_ARG_NONE, NULL, 'D',
	  "Go to the background as soon as the service runs", NULL },
	{ "test", 't', POPT_ARG_NONE, NULL, 't',
	  "Check the configuration, print the effective settings, and end",
	  NULL },
	{ "configfile", 's', POPT_ARG_STRING, NULL, OPT_CONFIG,
	  "Configuration file (" WINSD_CONFIG ")", "FILE" },
	{ "debuglevel", 'd', POPT_ARG_INT, &debug_level, 0,
	  "Log level, 0 to 10, instead of `log level`", "LEVEL" },
	{ "option", '\0', POPT_ARG_STRING, NULL, OPT_OPTION,
	  "Set an option over the file; may be given many times",
	  "NAME=VALUE" },
	{ "user", '\0', POPT_ARG_STRING, NULL, OPT_USER,
	  "As root: run as this user (winsd, if there is such an account)",
	  "NAME" },
	{ "module", '\0', POPT_ARG_STRING, NULL, OPT_MODULE,
	  "Server module to load (wins.so beside this program, or "
	  WINSD_MODULE ")", "PATH" },
	{ "version", 'V', POPT_ARG_NONE, NULL, 'V', "Print the version",
	  NULL },
	{ "help", '?', POPT_ARG_NONE, NULL, '?', "Show this help", NULL },
	POPT_TABLEEND
};

static const char examples[] =
	"\n"
	"Examples:\n"
	"  winsd -t -s /etc/samba/smb.conf\n"
	"        What would this file mean? Values that differ from Windows "
	"are marked.\n"
	"  winsd -i -d 3\n"
	"        Run in the foreground and see who registers what.\n"
	"  winsd -i -s test.conf --option='nbt port=10137' \\\n"
	"        --option=wins:interfaces=127.0.0.1\n"
	"        Try a file without root on a port of its own.\n"
	"  winsd -D\n"
	"        Run as a daemon; returns when the service runs.\n"
	"\n"
	"Signals: SIGHUP reads the configuration anew, SIGTERM ends the "
	"server.\n"
	"Exit codes: 0 ended as asked, 1 failed, 2 wrong usage.\n";

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "winsd: %s: %s\nTry `winsd --help`.\n", what, why);
	return TOOL_USAGE;
}

/* ---- --option ---- */

static int unknown_option(const char *name)
{
	char why[200];
	unsigned int distance = 0;
	const char *nearest = option_nearest(name, NULL, &distance);

	snprintf(why, sizeof(why), nearest == NULL ? "there is no such option" :
		 "there is no such option (did you mean `%s`?)", nearest);
	return complain(name, why);
}

static char *trimmed(TALLOC_CTX *mem_ctx, const char *text, size_t len)
{
	while (len > 0 && isspace((unsigned char)*text)) {
		text++;
		len--;
	}
	while (len > 0 && isspace((unsigned char)text[len - 1])) {
		len--;
	}
	return talloc_strndup(mem_ctx, text, len);
}

/*
 * The name as the option table writes it. Two kinds are no row there: what a
 * partner is, and what only this host knows. NULL: unknown.
 */
static const char *proper_name(TALLOC_CTX *mem_ctx, const char *name)
{
	size_t partner = strlen(OPTION_PARTNER_NAME " ");
	enum option_id id = 0;

	if (option_find(name, &id)) {
		return option_row(id)->name;
	}
	if (strncasecmp(name, OPTION_PARTNER_NAME " ", partner) == 0) {
		return talloc_asprintf(mem_ctx, OPTION_PARTNER_NAME " %s",
				       name + partner);
	}
	return optval_same_name(name, PEEK_LOG_FILE) ? PEEK_LOG_FILE : NULL;
}

static int add_override(TALLOC_CTX *mem_ctx, const char *text,
			struct winsd_options *options)
{
	const char *equals = strchr(text, '=');
	struct winsd_override *list = NULL;
	struct winsd_override *last = NULL;
	char *name = NULL;

	if (equals == NULL) {
		return complain(text, "--option wants NAME=VALUE");
	}
	list = talloc_realloc(mem_ctx, options->override,
			      struct winsd_override, options->overrides + 1);
	if (list == NULL) {
		return complain(text, "out of memory");
	}
	options->override = list;
	last = &list[options->overrides];
	name = trimmed(list, text, (size_t)(equals - text));
	last->value = trimmed(list, equals + 1, strlen(equals + 1));
	if (name == NULL || last->value == NULL) {
		return complain(text, "out of memory");
	}
	last->name = proper_name(list, name);
	if (last->name == NULL) {
		return unknown_option(name);
	}
	options->overrides++;
	return TOOL_OK;
}

const char *options_override(const struct winsd_options *options,
			     const char *name)
{
	unsigned int i;

	for (i = options->overrides; i > 0; i--) {
		if (strcmp(options->override[i - 1].name, name) == 0) {
			return options->override[i - 1].value;
		}
	}
	return NULL;
}

/* ---- paths ---- */

/* A daemon changes its directory, and SIGHUP reads the file again. */
static char *absolute(TALLOC_CTX *mem_ctx, const char *path)
{
	char *real = realpath(path, NULL);
	char *copy = talloc_strdup(mem_ctx, real == NULL ? path : real);

	free(real);
	return copy;
}

/* In the build tree the module is at ../modules of the program. */
static char *find_module(TALLOC_CTX *mem_ctx)
{
	char exe[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash = NULL;
	char *beside = NULL;

	if (len > 0) {
		exe[len] = '\0';
		slash = strrchr(exe, '/');
		*slash = '\0';
		beside = talloc_asprintf(mem_ctx, "%s/../modules/wins.so", exe);
	}
	if (beside != NULL && access(beside, R_OK) == 0) {
		return beside;
	}
	talloc_free(beside);
	return talloc_strdup(mem_ctx, WINSD_MODULE);
}

/* ---- the whole line ---- */

static int set_mode(struct winsd_options *options, enum winsd_mode mode)
{
	if (options->mode != WINSD_RUN && options->mode != mode) {
		return complain("-D and -t", "only one of them");
	}
	options->mode = mode;
	return TOOL_OK;
}

static int take(TALLOC_CTX *mem_ctx, poptContext pc, int which,
		struct winsd_options *options)
{
	char *arg = poptGetOptArg(pc);
	int ret = TOOL_OK;

	switch (which) {
	case 'i':
		options->interactive = true;
		break;
	case 'D':
		ret = set_mode(options, WINSD_DAEMON);
		break;
	case 't':
		ret = set_mode(options, WINSD_TEST);
		break;
	case OPT_CONFIG:
		options->config_file = absolute(mem_ctx, arg);
		break;
	case OPT_MODULE:
		options->module = absolute(mem_ctx, arg);
		break;
	case OPT_USER:
		options->user = talloc_strdup(mem_ctx, arg);
		break;
	case OPT_OPTION:
		ret = add_override(mem_ctx, arg, options);
		break;
	case 'V':
		tool_print_version();
		options->mode = WINSD_SHOWN;
		break;
	case '?':
		poptPrintHelp(pc, stdout, 0);
		fputs(examples, stdout);
		options->mode = WINSD_SHOWN;
		break;
	}
	free(arg);
	return ret;
}

static int parse(TALLOC_CTX *mem_ctx, poptContext pc,
		 struct winsd_options *options)
{
	int ret = TOOL_OK;
	int which;

	while ((which = poptGetNextOpt(pc)) > 0) {
		ret = take(mem_ctx, pc, which, options);
		if (ret != TOOL_OK || options->mode == WINSD_SHOWN) {
			return ret;
		}
	}
	if (which < -1) {
		return complain(poptBadOption(pc, POPT_BADOPTION_NOALIAS),
				poptStrerror(which));
	}
	if (poptPeekArg(pc) != NULL) {
		return complain(poptPeekArg(pc), "unexpected word");
	}
	if (options->interactive && options->mode == WINSD_DAEMON) {
		return complain("-i and -D", "only one of them");
	}
	if (debug_level < -1 || debug_level > 10) {
		return complain("-d", "a log level is 0 to 10");
	}
	options->debug_level = debug_level;
	return TOOL_OK;
}

int options_parse(TALLOC_CTX *mem_ctx, int argc, const char **argv,
		  struct winsd_options *options)
{
	poptContext pc = poptGetContext("winsd", argc, argv, table, 0);
	int ret = TOOL_FAILED;

	tool_set_name("winsd");
	*options = (struct winsd_options) { .debug_level = -1 };
	if (pc == NULL) {
		return complain("winsd", "out of memory");
	}
	ret = parse(mem_ctx, pc, options);
	poptFreeContext(pc);
	if (ret != TOOL_OK || options->mode == WINSD_SHOWN) {
		return ret;
	}
	if (options->config_file == NULL) {
		options->config_file = talloc_strdup(mem_ctx, WINSD_CONFIG);
	}
	if (options->module == NULL) {
		options->module = find_module(mem_ctx);
	}
	if (options->config_file == NULL || options->module == NULL) {
		return complain("winsd", "out of memory");
	}
	return TOOL_OK;
}
