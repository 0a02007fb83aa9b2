/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Servers from words and from configurations; see server.h.
 *
 * Who is meant without --server: `wins:interfaces` is in a file of ours only
 * and says what the server serves. `wins server` is in a client's file, where
 * `interfaces` are the client's own, so it comes before that. Names of
 * interfaces and hosts are not looked up: the server may run elsewhere, and a
 * guess would register names in the wrong place.
 */
#include "winsregister/server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/addr.h"
#include "core/optval.h"

const char *server_print(const struct server *server, char text[SERVER_TEXT])
{
	nb_addr_print(server->addr, text);
	if (server->port != NBNS_PORT) {
		size_t len = strlen(text);

		(void)snprintf(text + len, SERVER_TEXT - len, ":%u",
			       server->port);
	}
	return text;
}

int server_configure(TALLOC_CTX *mem_ctx, struct task *task,
		     struct server_source *source)
{
	static const enum option_id needed[] = {
		OPTION_NBT_PORT, OPTION_WINS_INTERFACES, OPTION_INTERFACES,
		OPTION_COUNT,
	};
	int ret = 0;

	*source = (struct server_source) {
		.configured = tool_options.config_file != NULL ||
			      tool_options.overrides != NULL,
	};
	task->port = NBNS_PORT;
	if (!source->configured) {
		return TOOL_OK;
	}
	ret = tool_config_load(mem_ctx, needed, &source->config);
	if (ret != 0) {
		return ret == EINVAL ? TOOL_USAGE : TOOL_FAILED;
	}
	task->port = (uint16_t)settings_number(source->config.settings,
					       OPTION_NBT_PORT);
	return TOOL_OK;
}

bool server_read(struct task *task, char *text)
{
	struct server server = { .port = task->port };
	char *colon = strchr(text, ':');
	uint64_t port = 0;

	if (colon != NULL) {
		*colon = '\0';
		if (!tool_parse_number("--server: port", colon + 1, 1,
				       UINT16_MAX, &port)) {
			return false;
		}
		server.port = (uint16_t)port;
	}
	if (!tool_parse_host(text, &server.addr)) {
		return false;
	}
	if (task->servers == SERVERS_MAX) {
		tool_say("--server: more than %d servers", SERVERS_MAX);
		return false;
	}
	task->server[task->servers++] = server;
	return true;
}

/* ---- without --server ---- */

static void take(struct task *task, uint32_t addr)
{
	if (task->servers < SERVERS_MAX) {
		task->server[task->servers++] =
			(struct server) { .addr = addr, .port = task->port };
	}
}

/*
 * The first address that the server has. Loopback only if there is no other:
 * whoever asks it registers an address that is nobody's.
 */
static void take_interface(struct task *task, const char *text)
{
	char word[OPTVAL_WORD] = "";
	uint32_t addr = 0, mask = 0, loopback = 0;

	while (optval_next_word(&text, word) != OPTVAL_END) {
		word[strcspn(word, ";")] = '\0';
		if (!nb_addr_parse_masked(word, &addr, &mask) ||
		    nb_addr_is_network(addr, mask)) {
			continue;
		}
		if (!nb_addr_is_loopback(addr)) {
			take(task, addr);
			return;
		}
		loopback = loopback == 0 ? addr : loopback;
	}
	if (loopback != 0) {
		take(task, loopback);
	}
}

/*
 * ADDR or TAG:ADDR. Servers of one tag stand for each other, those of another
 * are for another network: only the first tag's are taken.
 */
static void take_wins_servers(struct task *task, const char *text)
{
	char word[OPTVAL_WORD] = "", tag[OPTVAL_WORD] = "";
	uint32_t addr = 0;

	while (optval_next_word(&text, word) != OPTVAL_END) {
		char *colon = strrchr(word, ':');
		char *host = colon == NULL ? word : colon + 1;

		if (!nb_addr_parse(host, &addr) || !nb_addr_is_host(addr)) {
			continue;
		}
		*host = '\0';		/* leaves the tag, or nothing */
		if (task->servers == 0) {
			memcpy(tag, word, sizeof(tag));
		}
		if (strcmp(tag, word) == 0) {
			take(task, addr);
		}
	}
}

bool server_find(struct task *task, struct server_source *source)
{
	const struct tool_config *config = &source->config;
	const struct setting *ours = NULL, *theirs = NULL;

	if (!source->configured) {
		tool_say("--server is missing: the address of a WINS server, "
			 "as --server 192.0.2.1, or -s FILE, the server's "
			 "configuration");
		return false;
	}
	ours = &config->settings->value[OPTION_WINS_INTERFACES];
	theirs = &config->settings->value[OPTION_INTERFACES];
	if (ours->text != NULL) {
		source->option = "wins:interfaces";
		source->line = ours->line;
		take_interface(task, ours->text);
	}
	if (task->servers == 0 && config->wins_server.text != NULL) {
		source->option = "wins server";
		source->line = config->wins_server.line;
		take_wins_servers(task, config->wins_server.text);
	}
	/* what is in force if `wins:interfaces` is not given */
	if (task->servers == 0 && ours->text == NULL && theirs->text != NULL) {
		source->option = "interfaces";
		source->line = theirs->line;
		take_interface(task, theirs->text);
	}
	if (task->servers == 0) {
		tool_say("--server is missing, and no `wins:interfaces`, "
			 "`wins server` or `interfaces` in %s gives an IPv4 "
			 "address", config->file);
	}
	return task->servers > 0;
}

void server_announce(const struct task *task,
		     const struct server_source *source)
{
	char text[SERVER_TEXT];

	if (source->option == NULL) {
		return;
	}
	server_print(&task->server[0], text);
	if (source->line == 0) {
		tool_say("asking %s, from `%s` of --option", text,
			 source->option);
	} else {
		tool_say("asking %s, from `%s` in %s, line %u", text,
			 source->option, source->config.file, source->line);
	}
}
