/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * winsd as a host of wins.so, see host.h and plugins/wins_host.h.
 *
 * Signals are taken only when the service runs: during the load of a large
 * database SIGTERM simply ends the process, which the database survives like
 * any crash, and nobody waits for it.
 *
 * The module is never unloaded: at the end of the process that would gain
 * nothing, and leak checkers want its symbols.
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "winsd/host.h"
#include "winsd/log.h"
#include "winsd/notify.h"
#include "winsd/spawn.h"
#include "wins_host.h"

#include <config.h>

struct host {
	struct wins_host face;		/* what the module sees */
	const struct winsd_options *options;
	const struct wins_module *module;
	struct wins_server *server;
	struct notify *notify;
	char *status;			/* what the module said last */
	bool running;			/* the loop */
	bool told;			/* READY=1 was sent */
	void (*on_ready)(void);		/* called then, once */
	bool quit;
	int exit_code;
};

/* ---- what the module may ask for ---- */

static const char *face_get_option(void *priv, const char *name)
{
	const struct host *host = talloc_get_type_abort(priv, struct host);

	return options_override(host->options, name);
}

static int face_log_level(void *priv)
{
	const struct host *host = talloc_get_type_abort(priv, struct host);

	return host->options->debug_level;
}

static void face_log(void *priv, int level, const char *line)
{
	(void)priv;
	log_line(level, line);
}

/* Once the loop runs: by then we have put off what was left of our rights. */
static void tell_ready(struct host *host)
{
	if (host->told) {
		notify_status(host->notify, host->status);
		return;
	}
	host->told = true;
	notify_ready(host->notify, host->status);
	log_printf(NB_LOG_NOTICE, "winsd " WINSD_VERSION " %s", host->status);
	host->on_ready();
}

static void face_ready(void *priv, const char *status)
{
	struct host *host = talloc_get_type_abort(priv, struct host);

	talloc_free(host->status);
	host->status = talloc_strdup(host, status);
	if (host->running && host->status != NULL) {
		tell_ready(host);
	}
}

static int face_spawn(void *priv, const char *const argv[], const int fds[3],
		      void (*done)(void *arg, int status), void *arg)
{
	struct host *host = talloc_get_type_abort(priv, struct host);

	return spawn_start(host->face.mem_ctx, host->face.ev, argv, fds, done,
			   arg);
}

static void face_terminate(void *priv, const char *reason, bool fatal)
{
	struct host *host = talloc_get_type_abort(priv, struct host);

	log_printf(fatal ? NB_LOG_ERROR : NB_LOG_NOTICE, "ending: %s", reason);
	host->quit = true;
	if (fatal) {
		host->exit_code = TOOL_FAILED;
	}
}

/* ---- loading ---- */

static int load_module(struct host *host, TALLOC_CTX *mem_ctx, char **message)
{
	const char *path = host->options->module;
	const struct wins_module *(*get)(void) = NULL;
	void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (so == NULL) {
		*message = talloc_asprintf(mem_ctx, "cannot load the server "
					   "module: %s (--module PATH names "
					   "another)", dlerror());
		return ENOENT;
	}
	*(void **)(&get) = dlsym(so, WINS_MODULE_SYMBOL);
	if (get == NULL) {
		*message = talloc_asprintf(mem_ctx, "%s is no server module: "
					   "it has no %s", path,
					   WINS_MODULE_SYMBOL);
		return ENOEXEC;
	}
	host->module = get();
	if (host->module->abi != WINS_HOST_ABI ||
	    host->module->size < sizeof(*host->module)) {
		*message = talloc_asprintf(mem_ctx, "%s has interface %u, "
					   "winsd needs %d: install both of "
					   "one version", path,
					   host->module->abi, WINS_HOST_ABI);
		return EPROTONOSUPPORT;
	}
	return 0;
}

static bool fill_face(struct host *host)
{
	host->face = (struct wins_host) {
		.abi = WINS_HOST_ABI,
		.size = sizeof(host->face),
		.host_name = "winsd",
		.ev = tevent_context_init(host),
		.mem_ctx = talloc_named_const(host, 0, "module"),
		.priv = host,
		.config_file = host->options->config_file,
		.get_option = face_get_option,
		.state_directory = WINSD_STATEDIR,
		.lock_directory = WINSD_LOCKDIR,
		.log_level = face_log_level,
		.log = face_log,
		.ready = face_ready,
		.spawn = face_spawn,
		.terminate = face_terminate,
	};
	return host->face.ev != NULL && host->face.mem_ctx != NULL;
}

int host_create(TALLOC_CTX *mem_ctx, const struct winsd_options *options,
		struct host **host, char **message)
{
	struct host *h = talloc_zero(mem_ctx, struct host);
	int ret;

	if (h == NULL) {
		return ENOMEM;
	}
	h->options = options;
	ret = fill_face(h) ? load_module(h, mem_ctx, message) : ENOMEM;
	if (ret != 0) {
		talloc_free(h);
		return ret;
	}
	*host = h;
	return 0;
}

static void print_line(void *arg, const char *line)
{
	fprintf(arg, "%s\n", line);
}

int host_check(struct host *host, TALLOC_CTX *mem_ctx, char **message)
{
	int ret = host->module->check(&host->face, print_line, stdout,
				      message);

	*message = talloc_steal(mem_ctx, *message);
	return ret;
}

/* ---- signals ---- */

static void signal_end(struct tevent_context *ev, struct tevent_signal *se,
		       int signum, int count, void *info, void *arg)
{
	struct host *host = talloc_get_type_abort(arg, struct host);

	(void)ev;
	(void)se;
	(void)count;
	(void)info;
	log_printf(NB_LOG_NOTICE, "ending: %s", strsignal(signum));
	host->quit = true;
}

static void signal_reload(struct tevent_context *ev, struct tevent_signal *se,
			  int signum, int count, void *info, void *arg)
{
	struct host *host = talloc_get_type_abort(arg, struct host);
	char *message = NULL;
	int ret;

	(void)ev;
	(void)se;
	(void)signum;
	(void)count;
	(void)info;
	notify_reloading(host->notify);
	log_reopen();
	ret = host->module->reload(host->server, &message);
	if (ret == 0) {
		log_line(NB_LOG_NOTICE, "configuration read anew");
	} else {
		log_printf(NB_LOG_ERROR, "reload refused, the old "
			   "configuration stays: %s",
			   message == NULL ? strerror(ret) : message);
	}
	notify_ready(host->notify, ret == 0 ? host->status :
		     "reload refused, the old configuration stays");
	talloc_free(message);
}

static int take_signals(struct host *host)
{
	static const struct {
		int signum;
		tevent_signal_handler_t handler;
	} row[] = {
		{ SIGTERM, signal_end },
		{ SIGINT, signal_end },
		{ SIGHUP, signal_reload },
	};
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		if (tevent_add_signal(host->face.ev, host, row[i].signum, 0,
				      row[i].handler, host) == NULL) {
			return ENOMEM;
		}
	}
	return 0;
}

/* ---- running ---- */

int host_start(struct host *host, TALLOC_CTX *mem_ctx, char **message)
{
	int ret;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	host->notify = notify_create(host, host->face.ev);
	if (host->notify == NULL) {
		return ENOMEM;
	}
	ret = host->module->start(&host->face, &host->server, message);
	if (ret != 0) {
		*message = talloc_steal(mem_ctx, *message);
		return ret;
	}
	return take_signals(host);
}

int host_run(struct host *host, void (*on_ready)(void))
{
	host->running = true;
	host->on_ready = on_ready;
	if (host->status != NULL) {
		tell_ready(host);
	}
	while (!host->quit) {
		if (tevent_loop_once(host->face.ev) != 0) {
			log_printf(NB_LOG_ERROR, "event loop: %s",
				   strerror(errno));
			host->exit_code = TOOL_FAILED;
			break;
		}
	}
	notify_stopping(host->notify, "ending");
	host->module->stop(host->server);
	log_line(NB_LOG_NOTICE, "ended");
	return host->exit_code;
}
