/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Options that commands of winsmigrate share, and those that formats take.
 * Each is read here once, with a message of what a right one looks like.
 */
#include <string.h>
#include <time.h>

#include "migrate/winsmigrate.h"

struct winsmigrate_options options;

static char *owner_zero;
static char *our_address;
static int dynamic_only;
static char *charset;
static char *domain;
static char *reverse;
static char *server;
static char *ttl;
static char *queried_since;
static int all;
static char *existing;

const struct poptOption change_option_rows[] = {
	{ "dry-run", 'n', POPT_ARG_NONE, &options.dry_run, 0,
	  "Print the same report, write nothing", NULL },
	{ "yes", 'y', POPT_ARG_NONE, &options.yes, 0,
	  "Replace a file that is there", NULL },
	{ "skipped", '\0', POPT_ARG_STRING, &options.skipped, 0,
	  "Where rows go that were skipped", "FILE" },
	POPT_TABLEEND
};

const struct poptOption source_option_rows[] = {
	{ "owner-zero", '\0', POPT_ARG_STRING, &owner_zero, 0,
	  "Who wrote a source that calls itself 0", "ADDRESS" },
	{ "charset", '\0', POPT_ARG_STRING, &charset, 0,
	  "What a text is written in (CP850, UTF-16LE ...)", "NAME" },
	{ "our-address", '\0', POPT_ARG_STRING, &our_address, 0,
	  "Which of our addresses a live server sees", "ADDRESS" },
	{ "dynamic-only", '\0', POPT_ARG_NONE, &dynamic_only, 0,
	  "Do without the static records of a live server", NULL },
	POPT_TABLEEND
};

const struct poptOption target_option_rows[] = {
	{ "domain", '\0', POPT_ARG_STRING, &domain, 0,
	  "Domain behind the names, for hosts and DNS", "DOMAIN" },
	{ "reverse", '\0', POPT_ARG_STRING, &reverse, 0,
	  "Zone of the addresses, for DNS", "ZONE" },
	{ "server", '\0', POPT_ARG_STRING, &server, 0,
	  "Server that a script is for", "NAME" },
	{ "ttl", '\0', POPT_ARG_STRING, &ttl, 0,
	  "Time to live of DNS records", "SECONDS" },
	{ "queried-since", '\0', POPT_ARG_STRING, &queried_since, 0,
	  "To DNS: only names that were asked for since", "DATE" },
	{ "all", '\0', POPT_ARG_NONE, &all, 0,
	  "To DNS: also names that nobody asked for", NULL },
	{ "existing", '\0', POPT_ARG_STRING, &existing, 0,
	  "Names that are taken: a zone or hosts file", "FILE" },
	POPT_TABLEEND
};

static bool read_address(const char *text, uint32_t *addr)
{
	return text == NULL || tool_parse_host(text, addr);
}

bool format_options_read(struct format_options *read)
{
	uint64_t seconds = FORMAT_TTL;

	*read = (struct format_options) {
		.now = (int64_t)time(NULL),
		.dynamic_only = dynamic_only != 0,
		.charset = charset,
		.domain = domain,
		.reverse = reverse,
		.server = server,
		.all = all != 0,
		.existing = existing,
	};
	if (!read_address(owner_zero, &read->owner_zero) ||
	    !read_address(our_address, &read->our_address)) {
		return false;
	}
	if (ttl != NULL &&
	    !tool_parse_number("--ttl", ttl, 0, INT32_MAX, &seconds)) {
		return false;
	}
	read->ttl = (uint32_t)seconds;
	return queried_since == NULL ||
	       tool_parse_date("--queried-since", queried_since,
			       &read->queried_since);
}
