/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line of winsregister. popt takes the words apart; here each of
 * them becomes a value or a message that says what would have been right.
 *
 * Lists (--server, --address, --name) may be given several times, the first
 * two also with commas. Actions are bits, so that two at once are an error
 * instead of the last one winning.
 */
#include "winsregister/task.h"

#include <string.h>

#include "winsregister/server.h"

static struct {
	int action;
	char **server, **name, **address;
	char *node;
	char *ttl, *timeout, *tries;
	int multihomed, json, usage;
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
	{ "ttl", 0, POPT_ARG_STRING, &words.ttl, 0,
	  "time to live asked for (518400)", "SECONDS" },
	{ "timeout", 0, POPT_ARG_STRING, &words.timeout, 0,
	  "wait for each try (1500)", "MS" },
	{ "tries", 0, POPT_ARG_STRING, &words.tries, 0,
	  "requests sent to a silent server (3)", "N" },
	{ "json", 0, POPT_ARG_NONE, &words.json, 0,
	  "one JSON object for each answer", NULL },
	{ "usage", 0, POPT_ARG_NONE, &words.usage, 0,
	  "print the options only", NULL },
	TOOL_COMMON_OPTIONS,
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
	"  winsregister --server 192.0.2.7 --node-status\n"
	"  winsregister -s /etc/winsd/winsd.conf --name 'HELLO<20>'\n";

static bool read_address(struct task *t, char *text)
{
	uint32_t addr = 0;

	if (!tool_parse_host(text, &addr)) {
		return false;
	}
	if (t->addresses == NB_MEMBERS_MAX) {
		tool_say("--address: more than %d addresses", NB_MEMBERS_MAX);
		return false;
	}
	t->address[t->addresses++] = addr;
	return true;
}

static bool read_name(struct task *t, char *text)
{
	static const char group[] = ",group";
	struct target *target = &t->target[t->targets];
	size_t len = strlen(text), tail = sizeof(group) - 1;

	if (len > tail && strcmp(text + len - tail, group) == 0) {
		text[len - tail] = '\0';
		target->group = true;
	}
	if (!tool_parse_name(text, &target->name)) {
		return false;
	}
	t->targets++;
	return true;
}

/* Each word of a list, split at commas if asked. */
static bool read_list(struct task *t, char **list, const char *separators,
		      bool (*read)(struct task *t, char *text))
{
	char *rest = NULL, *word = NULL;

	for (; list != NULL && *list != NULL; list++) {
		if (separators == NULL) {
			if (!read(t, *list)) {
				return false;
			}
			continue;
		}
		word = strtok_r(*list, separators, &rest);
		for (; word != NULL; word = strtok_r(NULL, separators, &rest)) {
			if (!read(t, word)) {
				return false;
			}
		}
	}
	return true;
}

static bool read_node(struct task *t)
{
	static const char nodes[] = "bpmh";
	const char *node = NULL;

	if (words.node == NULL) {
		return true;
	}
	node = strchr(nodes, words.node[0] | 0x20);
	if (node == NULL || *node == '\0' || words.node[1] != '\0') {
		tool_say("--node: '%s' is none of b, p, m, h", words.node);
		return false;
	}
	t->node_flags = (uint16_t)((node - nodes) << NB_FLAG_NODE_SHIFT);
	return true;
}

/* What is not given keeps its default. */
static bool read_number(const char *what, const char *text, uint64_t min,
			uint64_t max, uint32_t *number)
{
	uint64_t value = *number;

	if (text != NULL && !tool_parse_number(what, text, min, max, &value)) {
		return false;
	}
	*number = (uint32_t)value;
	return true;
}

static bool read_numbers(struct task *t)
{
	return read_number("--ttl", words.ttl, 0, INT32_MAX, &t->ttl) &&
	       read_number("--timeout", words.timeout, 1, 600000,
			   &t->patience.try_msec) &&
	       read_number("--tries", words.tries, 1, 100,
			   &t->patience.tries);
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
static bool task_agree(struct task *t)
{
	bool change = t->action != ACTION_QUERY && t->action != ACTION_STATUS;

	if ((t->action & (t->action - 1)) != 0) {
		tool_say("one of --query, --release, --refresh and "
			 "--node-status at a time");
		return false;
	}
	if (t->action == ACTION_STATUS && t->targets == 0) {
		t->target[0].name = nb_name_make("*", 1, 0);
		t->targets = 1;
	}
	if (t->targets == 0) {
		tool_say("--name is missing, as --name 'HELLO<20>'");
		return false;
	}
	if (t->multihomed && t->action != ACTION_REGISTER) {
		tool_say("--multihomed is for registrations");
		return false;
	}
	if (t->addresses > 1 && !change) {
		tool_say("--address: a question leaves from one address");
		return false;
	}
	if (t->addresses > 1 && t->action == ACTION_REGISTER &&
	    !t->multihomed) {
		tool_say("--address: several addresses are registered "
			 "with --multihomed");
		return false;
	}
	return true;
}

static bool task_fill(TALLOC_CTX *mem_ctx, struct task *t)
{
	size_t names = list_length(words.name);

	if (names > TARGETS_MAX) {
		tool_say("--name: more than %d names", TARGETS_MAX);
		return false;
	}
	*t = (struct task) {
		.action = (enum action)words.action,
		.multihomed = words.multihomed != 0,
		.json = words.json != 0,
		.node_flags = NB_H_NODE << NB_FLAG_NODE_SHIFT,
		.ttl = 518400,
		.patience = nbns_patience_default(),
		.target = talloc_zero_array(mem_ctx, struct target, names + 1),
	};
	if (t->target == NULL) {
		tool_say("out of memory");
		return false;
	}
	return read_list(t, words.address, ",", read_address) &&
	       read_list(t, words.name, NULL, read_name) &&
	       read_node(t) && read_numbers(t);
}

/* --server last: it may want a file. Returns an exit code. */
static int task_make(TALLOC_CTX *mem_ctx, struct task *t)
{
	struct server_source source;
	int status = TOOL_OK;

	if (!task_fill(mem_ctx, t)) {
		return TOOL_USAGE;
	}
	status = server_configure(mem_ctx, t, &source);
	if (status != TOOL_OK) {
		return status;
	}
	if (!read_list(t, words.server, ",", server_read) ||
	    (t->servers == 0 && !server_find(t, &source)) || !task_agree(t)) {
		return TOOL_USAGE;
	}
	server_announce(t, &source);
	return TOOL_OK;
}

/* popt's part: false if the program ends here. */
static bool task_words(poptContext pc, int *status)
{
	*status = TOOL_USAGE;
	if (!tool_read_options(pc)) {
		return false;
	}
	if (tool_options.help || words.usage || tool_options.version) {
		*status = TOOL_OK;
		if (tool_options.help) {
			poptPrintHelp(pc, stdout, 0);
			(void)fputs(examples, stdout);
		} else if (words.usage) {
			poptPrintUsage(pc, stdout, 0);
		} else {
			tool_print_version();
		}
		return false;
	}
	if (poptPeekArg(pc) != NULL) {
		tool_say("'%s' is not an option; --help lists them",
			 poptPeekArg(pc));
		return false;
	}
	return true;
}

bool task_read(TALLOC_CTX *mem_ctx, int argc, const char **argv,
	       struct task *task, int *status)
{
	poptContext pc = poptGetContext("winsregister", argc, argv, options,
					0);
	bool go_on = false;

	poptSetOtherOptionHelp(pc, "--server ADDR --name 'NAME<20>' "
				   "[OPTION...]");
	go_on = task_words(pc, status);
	if (go_on) {
		*status = task_make(mem_ctx, task);
		go_on = *status == TOOL_OK;
	}
	poptFreeContext(pc);
	return go_on;
}
