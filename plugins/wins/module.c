/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The face of wins.so: the one symbol that winsd looks up, and the functions
 * behind it (wins_host.h). The wiring is in wire.c. An adapter for another
 * kind of host is another file beside this one that fills a struct wins_host
 * and calls the same functions.
 */
#include <errno.h>
#include <string.h>

#include "wire.h"

#include <config.h>		/* of the build: WINSD_VERSION */

/* A host built with a shorter struct lacks what we call. */
static int check_host(const struct wins_host *host, char **message)
{
	if (host->abi == WINS_HOST_ABI && host->size >= sizeof(*host)) {
		return 0;
	}
	*message = talloc_asprintf(host->abi == WINS_HOST_ABI ?
				   host->mem_ctx : NULL, "wins.so " WINSD_VERSION
				   " needs host interface %d (%zu bytes), "
				   "the host has %u (%u bytes)",
				   WINS_HOST_ABI, sizeof(*host), host->abi,
				   host->size);
	return EPROTONOSUPPORT;
}

static int module_start(const struct wins_host *host,
			struct wins_server **server, char **message)
{
	int ret = check_host(host, message);

	return ret != 0 ? ret : wire_start(host, server, message);
}

static int module_reload(struct wins_server *server, char **message)
{
	return wire_reload(server, server->host.mem_ctx, message);
}

static void module_stop(struct wins_server *server)
{
	talloc_free(server);
}

static int module_check(const struct wins_host *host,
			void (*print)(void *arg, const char *line), void *arg,
			char **message)
{
	struct wins_config *config = NULL;
	int ret = check_host(host, message);

	if (ret == 0) {
		ret = wins_config_load(host->mem_ctx, host, &config, message);
	}
	if (ret != 0) {
		return ret;
	}
	wins_config_print(config, print, arg);
	talloc_free(config);
	return 0;
}

__attribute__((visibility("default")))
const struct wins_module *wins_module_v1(void)
{
	static const struct wins_module module = {
		.abi = WINS_HOST_ABI,
		.size = sizeof(struct wins_module),
		.version = WINSD_VERSION,
		.start = module_start,
		.reload = module_reload,
		.stop = module_stop,
		.check = module_check,
	};

	return &module;
}
