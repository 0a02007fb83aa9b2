/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ageing clock of a server that starts: the life of its clients' records
 * says how much of the time off may count (core/age.h), the store when it was
 * last alive (serve/alive.c), and the world is told where to begin.
 *
 * Of the two options that bound a life the smaller one holds: records live as
 * long as was granted, and the renewal interval is what design.md names.
 */
#include "core/settings.h"
#include "wire.h"

void ageing_start(struct wins_server *server)
{
	const struct wins_config *config = server->config;
	uint32_t life = config->serve.policy.max_ttl;
	uint32_t renew = settings_number(config->settings,
					 OPTION_RENEW_INTERVAL);

	if (renew < life) {
		life = renew;
	}
	world_set_age(server->world,
		      serve_age_start(&server->world->ops, server->store,
				      life));
}
