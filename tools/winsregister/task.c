/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line of winsregister. popt takes the words apart; here each of
 * them becomes a value or a message that says what would have been right.
 *
 * Lists (--server, --address, --name) may be given several times, the first
 * two also with commas. Actions are bits, so that two at once are an error
 * instead of the last one winning.
 */
#include "config.h"
#include "settings.h"

#include <errno.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_HELP = 1, OPT_USAGE, OPT_VERSION };

static struct {
	int action;
	char **server, **name, **address;
	char *node;
	int multihomed, json;
	int ttl, timeout, tries;
} words;

static struct poptOption options[] = {
	{ "server", 0, POPT_ARG_ARGV, &words.server, 0,
	  "WINS servers; the next one is asked when one is silent",
	  "ADDR[:PORT],..." },
	{ "name", 0, POPT_ARG_ARGV, &words.name, 0,
	  "name with its type, also HELLO#20; may be repeated",
	  "NAME<20>[,group]" },
	{ "query", 0, POPT_ARG_VAL | POPT_ARGFLAG_OR, &words.action,
	  ACTION_QUERY, "only ask who holds the name", NULL },
	{ "release", 0, POPT_ARG_VAL | POPT_ARGFLAG_OR, &words.action,
	  ACTION_RELEASE, "give the name up", NULL },
	{ "refresh", 0, POPT_ARG_VAL | POPT_ARGFLAG_OR, &words.action,
	  ACTION_REFRESH, "renew the registration", NULL },
	{ "node-status", 0, POPT_ARG_VAL | POPT_ARGFLAG_OR, &words.action,
	  ACTION_STATUS, "list the names of the host that --server names",
	  NULL },
	{ "address", 0, POPT_ARG_ARGV, &words.address, 0,
	  "address of the name; without it the one that leads to the server",
	  "ADDR,..." },
	{ "multihomed", 0, POPT_ARG_NONE, &words.multihomed, 0,
	  "register as a host with several addresses", NULL },
	{ "node", 0, POPT_ARG_STRING, &words.node, 0,
	  "node type that is registered (h)", "b|p|m|h" },
	{ "ttl", 0, POPT_ARG_INT, &words.ttl, 0,
	  "time to live asked for (518400)", "SECONDS" },
	{ "timeout", 0, POPT_ARG_INT, &words.timeout, 0,
	  "wait for each try (1500)", "MS" },
	{ "tries", 0, POPT_ARG_INT, &words.tries, 0,
	  "requests sent to a silent server (3)", "N" },
	{ "json", 0, POPT_ARG_NONE, &words.json, 0,
	  "one JSON object for each answer", NULL },
	{ "version", 'V', POPT_ARG_NONE, NULL, OPT_VERSION,
	  "print the version", NULL },
	{ "help", '?', POPT_ARG_NONE, NULL, OPT_HELP,
	  "print this help", NULL },
	{ "usage", 0, POPT_ARG_NONE, NULL, OPT_USAGE,
	  "print the options only", NULL },
	POPT_TABLEEND
};

static const char examples[] =
	"\n"
	"Registers the name, then asks for it. Examples:\n"
	"  winsregister --server 192.0.2.1 --name 'HELLO<20>'\n"
	"  winsregister --server 192.0.2.1,192.0.2.2 --name 'HELLO<00>' "
	"--name 'HELLO<20>'\n"
	"  winsregister --server 192.0.2.1 --name 'SALES<00>,group'\n"
	"  winsregister --server 192.0.2.1 --name 'HELLO<20>' --query\n"
	"  winsregister --server 192.0.2.1 --name 'HELLO<20>' --release\n"
	"  winsregister --server 192.0.2.1 --name 'TWO<20>' --multihomed \\\n"
	"               --address 192.0.2.7,198.51.100.7\n"
	"  winsregister --server 192.0.2.7 --node-status\n";

static bool wrong(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static bool wrong(const char *format, ...)
{
	va_list args;

	fputs("winsregister: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return false;
}

const char *server_print(const struct server *server, char text[SERVER_TEXT])
{
	nb_addr_print(server->addr, text);
	if (server->port != NBNS_PORT) {
		size_t len = strlen(text);

		snprintf(text + len, SERVER_TEXT - len, ":%u", server->port);
	}
	return text;
}

/* A number of 1..max and nothing behind it. */
static bool read_number(const char *text, unsigned long max,
			unsigned long *number)
{
	char *end = NULL;

	if (text[0] < '0' || text[0] > '9') {
		return false;
	}
	errno = 0;
	*number = strtoul(text, &end, 10);
	return errno == 0 && *end == '\0' && *number >= 1 && *number <= max;
}

/* May be written to. */
static bool read_server(struct settings *s, char *text)
{
	struct server server = { .port = NBNS_PORT };
	char *colon = strchr(text, ':');
	unsigned long port = 0;

	if (colon != NULL) {
		*colon = '\0';
		if (!read_number(colon + 1, UINT16_MAX, &port)) {
			return wrong("--server: '%s' is not a port of 1 to "
				     "65535", colon + 1);
		}
		server.port = (uint16_t)port;
	}
	if (!nb_addr_parse(text, &server.addr) ||
	    !nb_addr_is_host(server.addr)) {
		return wrong("--server: '%s' is not the IPv4 address of a "
			     "host", text);
	}
	if (s->servers == SERVERS_MAX) {
		return wrong("--server: more than %d servers", SERVERS_MAX);
	}
	s->server[s->servers++] = server;
	return true;
}

static bool read_address(struct settings *s, char *text)
{
	uint32_t addr = 0;

	if (!nb_addr_parse(text, &addr) || !nb_addr_is_host(addr)) {
		return wrong("--address: '%s' is not the IPv4 address of a "
			     "host", text);
	}
	if (s->addresses == NB_MEMBERS_MAX) {
		return wrong("--address: more than %d addresses",
			     NB_MEMBERS_MAX);
	}
	s->address[s->addresses++] = addr;
	return true;
}

static bool read_name(struct settings *s, char *text)
{
	static const char group[] = ",group";
	struct target *target = &s->target[s->targets];
	size_t len = strlen(text), tail = sizeof(group) - 1;

	if (len > tail && strcmp(text + len - tail, group) == 0) {
		text[len - tail] = '\0';
		target->group = true;
	}
	if (!nb_name_parse(text, &target->name)) {
		return wrong("--name: '%s' is not a name with its type, as "
			     "HELLO<20> or HELLO#20: up to 15 bytes, the type "
			     "in two hexadecimal digits", text);
	}
	s->targets++;
	return true;
}

/* Each word of a list, split at commas if asked. */
static bool read_list(struct settings *s, char **list, const char *separators,
		      bool (*read)(struct settings *s, char *text))
{
	char *rest = NULL, *word = NULL;

	for (; list != NULL && *list != NULL; list++) {
		if (separators == NULL) {
			if (!read(s, *list)) {
				return false;
			}
			continue;
		}
		word = strtok_r(*list, separators, &rest);
		for (; word != NULL; word = strtok_r(NULL, separators, &rest)) {
			if (!read(s, word)) {
				return false;
			}
		}
	}
	return true;
}

static bool read_numbers(struct settings *s)
{
	static const char nodes[] = "bpmh";
	const char *node = NULL;

	if (words.node != NULL) {
		node = strchr(nodes, words.node[0] | 0x20);
		if (node == NULL || *node == '\0' || words.node[1] != '\0') {
			return wrong("--node: '%s' is none of b, p, m, h",
				     words.node);
		}
		s->node_flags = (uint16_t)((node - nodes) <<
					   NB_FLAG_NODE_SHIFT);
	}
	if (words.ttl < 0) {
		return wrong("--ttl: %d is less than 0", words.ttl);
	}
	if (words.timeout < 1 || words.timeout > 600000) {
		return wrong("--timeout: %d is not 1 to 600000 ms",
			     words.timeout);
	}
	if (words.tries < 1 || words.tries > 100) {
		return wrong("--tries: %d is not 1 to 100", words.tries);
	}
	s->ttl = (uint32_t)words.ttl;
	s->patience.try_msec = (uint32_t)words.timeout;
	s->patience.tries = (unsigned int)words.tries;
	return true;
}

static size_t list_length(char **list)
{
	size_t n = 0;

	while (list != NULL && list[n] != NULL) {
		n++;
	}
	return n;
}

/* What each option says is right; do they go together? */
static bool settings_agree(struct settings *s)
{
	bool change = s->action != ACTION_QUERY && s->action != ACTION_STATUS;

	if ((s->action & (s->action - 1)) != 0) {
		return wrong("one of --query, --release, --refresh and "
			     "--node-status at a time");
	}
	if (s->servers == 0) {
		return wrong("--server is missing: the address of a WINS "
			     "server, as --server 192.0.2.1");
	}
	if (s->action == ACTION_STATUS && s->targets == 0) {
		s->target[0].name = nb_name_make("*", 1, 0);
		s->targets = 1;
	}
	if (s->targets == 0) {
		return wrong("--name is missing, as --name 'HELLO<20>'");
	}
	if (s->multihomed && s->action != ACTION_REGISTER) {
		return wrong("--multihomed is for registrations");
	}
	if (s->addresses > 1 && !change) {
		return wrong("--address: a question leaves from one address");
	}
	if (s->addresses > 1 && s->action == ACTION_REGISTER &&
	    !s->multihomed) {
		return wrong("--address: several addresses are registered "
			     "with --multihomed");
	}
	return true;
}

static bool settings_fill(TALLOC_CTX *mem_ctx, struct settings *s)
{
	size_t names = list_length(words.name);

	if (names > TARGETS_MAX) {
		return wrong("--name: more than %d names", TARGETS_MAX);
	}
	*s = (struct settings) {
		.action = (enum action)words.action,
		.multihomed = words.multihomed != 0,
		.json = words.json != 0,
		.node_flags = NB_H_NODE << NB_FLAG_NODE_SHIFT,
		.patience = nbns_patience_default(),
		.target = talloc_zero_array(mem_ctx, struct target, names + 1),
	};
	if (s->target == NULL) {
		return wrong("out of memory");
	}
	return read_list(s, words.server, ",", read_server) &&
	       read_list(s, words.address, ",", read_address) &&
	       read_list(s, words.name, NULL, read_name) &&
	       read_numbers(s) && settings_agree(s);
}

static void words_clear(void)
{
	char **lists[] = { words.server, words.name, words.address };
	size_t i = 0, j = 0;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (j = 0; lists[i] != NULL && lists[i][j] != NULL; j++) {
			free(lists[i][j]);
		}
		free(lists[i]);
	}
	free(words.node);
}

/* popt's part: false if the program ends here. */
static bool settings_words(poptContext pc, int *status)
{
	int rc = 0;

	while ((rc = poptGetNextOpt(pc)) > 0) {
		*status = WR_OK;
		if (rc == OPT_HELP) {
			poptPrintHelp(pc, stdout, 0);
			fputs(examples, stdout);
		} else if (rc == OPT_USAGE) {
			poptPrintUsage(pc, stdout, 0);
		} else {
			puts("winsregister " WINSD_VERSION);
		}
		return false;
	}
	*status = WR_USAGE;
	if (rc < -1) {
		return wrong("%s: %s; --help lists the options",
			     poptBadOption(pc, 0), poptStrerror(rc));
	}
	if (poptPeekArg(pc) != NULL) {
		return wrong("'%s' is not an option; --help lists them",
			     poptPeekArg(pc));
	}
	return true;
}

bool settings_read(TALLOC_CTX *mem_ctx, int argc, const char **argv,
		   struct settings *settings, int *status)
{
	struct nbns_patience patience = nbns_patience_default();
	poptContext pc = NULL;
	bool ok = false;

	words.ttl = 518400;
	words.timeout = (int)patience.try_msec;
	words.tries = (int)patience.tries;
	pc = poptGetContext("winsregister", argc, argv, options, 0);
	poptSetOtherOptionHelp(pc, "--server ADDR --name 'NAME<20>' [OPTION...]");
	ok = settings_words(pc, status) && settings_fill(mem_ctx, settings);
	poptFreeContext(pc);
	words_clear();
	return ok;
}
