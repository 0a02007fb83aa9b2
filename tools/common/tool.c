/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages, exit, and the reading of what people type. Whoever reads a value
 * that is wrong says so here at once, with an example of a right one: the
 * caller only returns TOOL_USAGE.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/rfc3339.h"
#include "common/tool.h"
#include "core/addr.h"
#include "core/optval.h"

#include <config.h>

struct tool_options tool_options;

const struct poptOption tool_common_options[] = {
	{ "configfile", 's', POPT_ARG_STRING, &tool_options.config_file, 0,
	  "Configuration file of the server that is meant", "FILE" },
	{ "option", '\0', POPT_ARG_ARGV, &tool_options.overrides, 0,
	  "Set an option of the configuration", "NAME=VALUE" },
	{ "debuglevel", 'd', POPT_ARG_INT, &tool_options.debug_level, 0,
	  "Say more about what is done (0 to 10)", "LEVEL" },
	{ "version", 'V', POPT_ARG_NONE, &tool_options.version, 0,
	  "Print the version and end", NULL },
	{ "help", '?', POPT_ARG_NONE, &tool_options.help, 0,
	  "Print this and end", NULL },
	POPT_TABLEEND
};

const struct poptOption tool_socket_options[] = {
	{ "socket", '\0', POPT_ARG_STRING, &tool_options.socket, 0,
	  "Control socket of the server, instead of the configured one",
	  "PATH" },
	POPT_TABLEEND
};

static const char *program = "tool";

void tool_set_name(const char *name)
{
	program = name;
}

static void say(const char *format, va_list ap)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "%s: ", program);
	(void)vfprintf(stderr, format, ap);
	(void)fputc('\n', stderr);
}

void tool_say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap);
	va_end(ap);
}

void tool_debug(int level, const char *format, ...)
{
	va_list ap;

	if (tool_options.debug_level < level) {
		return;
	}
	va_start(ap, format);
	say(format, ap);
	va_end(ap);
}

void tool_print_version(void)
{
	(void)printf("%s %s\n", program, WINSD_VERSION);
}

bool tool_read_options(poptContext popt)
{
	int rc = poptGetNextOpt(popt);

	if (rc < -1) {
		tool_say("%s: %s; --help lists the options",
			 poptBadOption(popt, POPT_BADOPTION_NOALIAS),
			 poptStrerror(rc));
		return false;
	}
	if (tool_options.debug_level < 0 || tool_options.debug_level > 10) {
		tool_say("-d: a level is 0 to 10");
		return false;
	}
	return true;
}

int tool_finish(int status)
{
	int error = 0;

	errno = 0;
	if (fflush(stdout) != 0) {
		error = errno;
	}
	if (error == 0 && ferror(stdout) == 0) {
		return status;
	}
	tool_say("cannot write the output: %s",
		 strerror(error != 0 ? error : EIO));
	return TOOL_FAILED;
}

/* ---- what people type ---- */

bool tool_parse_name(const char *text, struct nb_name *name)
{
	if (nb_name_parse(text, name)) {
		return true;
	}
	if (strpbrk(text, "<#") == NULL) {
		tool_say("'%s' has no type: write '%s<20>' or '%s#20', in "
			 "quotes for the shell", text, text, text);
	} else {
		tool_say("'%s' is not a name: up to 15 bytes and <XX>, as in "
			 "'FILES<20>' or 'FILES<20>.scope'; any byte may be "
			 "written \\xHH", text);
	}
	return false;
}

bool tool_parse_address(const char *text, uint32_t *addr)
{
	if (nb_addr_parse(text, addr)) {
		return true;
	}
	tool_say("'%s' is not an IPv4 address like 192.0.2.10", text);
	return false;
}

bool tool_parse_host(const char *text, uint32_t *addr)
{
	if (!tool_parse_address(text, addr)) {
		return false;
	}
	if (!nb_addr_is_host(*addr)) {
		tool_say("no host can have the address %s", text);
		return false;
	}
	return true;
}

bool tool_parse_number(const char *what, const char *text, uint64_t min,
		       uint64_t max, uint64_t *number)
{
	const char *typed = text;
	const char *digits = "0123456789";
	char *end = NULL;
	int base = 10;

	if (strncmp(text, "0x", 2) == 0) {
		text += 2;
		base = 16;
		digits = "0123456789abcdefABCDEF";
	}
	errno = 0;
	if (text[0] != '\0' && text[strspn(text, digits)] == '\0') {
		*number = strtoull(text, &end, base);
		if (errno == 0 && *number >= min && *number <= max) {
			return true;
		}
	}
	tool_say("%s '%s' is not a number from %llu to %llu", what, typed,
		 (unsigned long long)min, (unsigned long long)max);
	return false;
}

bool tool_parse_date(const char *what, const char *text, int64_t *when)
{
	char whole[40];

	(void)snprintf(whole, sizeof(whole), "%.20sT00:00:00Z", text);
	if (rfc3339_parse(text, when) || rfc3339_parse(whole, when)) {
		return true;
	}
	tool_say("%s '%s' is not a date like 2026-08-01 or "
		 "2026-08-01T12:00:00Z", what, text);
	return false;
}

/* ---- did you mean ---- */

const char *tool_nearest(const char *text, const char *const *words)
{
	const char *best = NULL;
	unsigned int nearest = (unsigned int)strlen(text) / 3 + 2;

	for (; *words != NULL; words++) {
		unsigned int apart = optval_distance(text, *words);

		if (apart < nearest && apart < strlen(*words)) {
			nearest = apart;
			best = *words;
		}
	}
	return best;
}
