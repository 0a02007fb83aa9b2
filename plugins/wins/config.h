/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The module's configuration: one struct, built whole from the file and the
 * host's overrides, or not at all.
 *
 * Loading reads host->config_file (smb.conf syntax, design.md 4.2), lets
 * host->get_option override single options, validates every value and fills
 * in the defaults. It opens no socket and no database.
 */
#ifndef WINS_CONFIG_H
#define WINS_CONFIG_H

#include <talloc.h>

#include "repl/repl.h"
#include "serve/serve.h"
#include "wins_host.h"

struct settings;			/* core/settings.h: all option values */

struct wins_config {
	const struct settings *settings;	/* for `winsd -t` and reload diffs */

	/*
	 * For serve, complete but for self when winsdb:local_owner is not
	 * given: then self is 0 and the first served address is taken.
	 */
	struct serve_config serve;
	struct repl_config repl;	/* and the same of its self */

	/*
	 * `wins:interfaces`, else `interfaces`, else the host's default: words
	 * as written (names, name patterns, ADDR, ADDR/BITS, ADDR/MASK), NULL
	 * at the end. No words: every IPv4 interface that is up.
	 */
	const char *const *interfaces;

	uint16_t nbt_port;		/* 1..65535 */
	const char *state_directory;
	const char *lock_directory;
	const char *database;		/* STATE/wins.tdb */
	const char *journal;		/* STATE/wins.journal */
	const char *reserve;		/* STATE/wins.reserve */
	const char *backup_directory;	/* STATE/backup */
	const char *usage_file;		/* STATE/usage.tdb */
	uint32_t backup_interval;	/* wins:backup: s; 0: off */
	uint32_t backup_keep;		/* copies */
	const char *lock_file;		/* LOCK/winsd.lock */
	const char *control_socket;	/* LOCK/winsd.sock */
	const char *read_group;		/* wins:read group; NULL: none */
	const char *admin_group;
	bool durable;			/* wins:durable */
	bool observe;			/* wins:observe */
	unsigned int discovery;		/* wins:autodiscovery: DISCOVERY_* */
	int log_level;			/* 0..10, of `log level` (all, or wins:N) */
};

/*
 * 0, or an errno and *message: "FILE:LINE: what is wrong (did you mean X?)".
 * Warnings go to host->log. *config is complete and immutable.
 */
int wins_config_load(TALLOC_CTX *mem_ctx, const struct wins_host *host,
		     struct wins_config **config, char **message);

/*
 * May a running server go from old to new? NULL, or the name of an option
 * that needs a restart.
 */
const char *wins_config_needs_restart(const struct wins_config *old,
				      const struct wins_config *new);

/* Effective settings line by line, values that differ from Windows marked. */
void wins_config_print(const struct wins_config *config,
		       void (*print)(void *arg, const char *line), void *arg);

#endif
