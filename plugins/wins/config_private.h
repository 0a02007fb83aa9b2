/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What config.c, config_fill.c and config_repl.c share; nobody else's. */
#ifndef WINS_CONFIG_PRIVATE_H
#define WINS_CONFIG_PRIVATE_H

#include "config.h"
#include "core/settings.h"

/*
 * Give the options whose default is computed their text: the host's name and
 * directories, half of the renewal interval. 0, or an errno and *message.
 */
int wins_config_complete(TALLOC_CTX *mem_ctx, const struct wins_host *host,
			 struct settings *settings, char **message);

/*
 * Fill *config from complete settings (config->settings). 0, or an errno and
 * *message without file and line, and the option that it is about.
 */
int wins_config_fill(struct wins_config *config, enum option_id *about,
		     char **message);

/* Its part of replication: config->repl. 0 or ENOMEM. */
int wins_config_fill_repl(struct wins_config *config);

#endif
