/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The seam between the server module wins.so and the process that hosts it.
 *
 * wins.so exports wins_module_v1(). A host (winsd, or the SMB suite's own
 * daemon) looks it up, checks abi and size, and calls start() with a vtable of
 * what it can do. The module never exits, blocks, nests event loops, takes
 * signals or forks: it asks the host. Everything it makes hangs off mem_ctx,
 * so talloc_free(mem_ctx) by the host is a clean end as well.
 *
 * Compatibility: abi must be equal. size lets members be appended; a side
 * never reads past the other's size.
 */
#ifndef WINS_HOST_H
#define WINS_HOST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <talloc.h>
#include <tevent.h>

#define WINS_HOST_ABI 1

struct wins_host {
	uint32_t abi;			/* WINS_HOST_ABI */
	uint32_t size;			/* sizeof(struct wins_host) of the host */
	const char *host_name;		/* "winsd", "samba" */
	struct tevent_context *ev;
	TALLOC_CTX *mem_ctx;		/* parent of all the module makes */
	void *priv;

	/* Path of the smb.conf-style file that the module reads; NULL: none. */
	const char *config_file;

	/*
	 * An option's value where the host overrides the file (--option, or
	 * the suite's own loadparm); NULL: no opinion. name as in the option
	 * table ("wins:partners", "nbt port"). Valid until the next call.
	 */
	const char *(*get_option)(void *priv, const char *name);

	const char *state_directory;	/* defaults where the file is silent */
	const char *lock_directory;
	const char *interfaces;		/* default of `interfaces`, or NULL: all */

	/* One line of log; level as in smb.conf's `log level`. */
	int (*log_level)(void *priv);
	void (*log)(void *priv, int level, const char *line);

	void (*set_title)(void *priv, const char *title);	/* may be NULL */

	/* The service is up, or changed: text for people (sd_notify STATUS). */
	void (*ready)(void *priv, const char *status);		/* may be NULL */

	/*
	 * Start a program: argv[0] is an absolute path, no shell. stdin, out
	 * and err are fds[0..2] (-1: /dev/null). done is called once from the
	 * loop with the wait status. Returns 0 or an errno.
	 */
	int (*spawn)(void *priv, const char *const argv[], const int fds[3],
		     void (*done)(void *arg, int status), void *arg);

	/*
	 * End the service; fatal: with an error. May free the module: return
	 * to the loop at once after calling it.
	 */
	void (*terminate)(void *priv, const char *reason, bool fatal);
};

struct wins_server;			/* a running module */

struct wins_module {
	uint32_t abi;			/* WINS_HOST_ABI */
	uint32_t size;
	const char *version;

	/*
	 * 0 and *server, or an errno; *message (on host->mem_ctx) then has one
	 * line that names file, line or address and what to do.
	 */
	int (*start)(const struct wins_host *host, struct wins_server **server,
		     char **message);

	/* Read the configuration anew; on error nothing changes. */
	int (*reload)(struct wins_server *server, char **message);

	/* Clean end: finish what is in flight, close, free. */
	void (*stop)(struct wins_server *server);

	/*
	 * Check the configuration without starting: print the effective
	 * settings through print(arg, line), differing ones marked. 0 or
	 * errno and message. For `winsd -t`.
	 */
	int (*check)(const struct wins_host *host,
		     void (*print)(void *arg, const char *line), void *arg,
		     char **message);
};

#define WINS_MODULE_SYMBOL "wins_module_v1"
const struct wins_module *wins_module_v1(void);

#endif
