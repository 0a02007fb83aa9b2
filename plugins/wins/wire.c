/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The whole graph of the server, in the order in which it is made:
 *
 *	configuration, directories, lock	nothing of another's is touched
 *	world					clocks, timers, chance
 *	store on its disk			answers queries, loads the rest
 *	ageing clock				goes on where it stopped
 *	owner address				who we are to partners
 *	sockets' set (udp137), empty
 *	door, with serve behind it		decides, through the rules
 *	sockets of partners (tcp42), none open,
 *	with repl behind them			asks and answers partners
 *	multicast, with discovery behind it	who else is there
 *	addresses				sockets open, serve hears of them
 *	backups					copies of the store by the calendar
 *	usage					who asked before, and until when
 *	control socket				winsctl
 *	... loaded				serve takes registrations, repl
 *						begins, the host hears that we
 *						are ready
 *
 *	datagram: udp137 -> sink -> door -> serve -> rules -> store
 *	reply:    store durable -> serve -> door -> world.send -> udp137
 *	replica:  tcp42 -> repl -> serve -> rules -> store
 *
 * Upward calls are the small structs that are filled here: udp137_sink,
 * tcp42_receiver, nb_world, control_context. Taking apart goes the other way round, once what
 * is under way is durable and its replies are out.
 *
 * The first failure ends a start with one line that says what to do. A reload
 * that fails anywhere leaves everything as it was.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/owner_move.h"
#include "wire.h"

#include <config.h>		/* of the build: WINSD_VERSION */

/* ---- what goes up from one room to the next ---- */

static void sink_turn_begin(void *priv)
{
	struct wins_server *server = priv;

	serve_turn_begin(door_serve(server->door));
}

static void sink_datagram(void *priv, uint32_t local, uint32_t from,
			  uint16_t port, const uint8_t *data, size_t len)
{
	struct wins_server *server = priv;

	door_datagram(server->door, local, from, port, data, len);
}

static void sink_turn_end(void *priv)
{
	struct wins_server *server = priv;

	serve_turn_end(door_serve(server->door));
}

static int control_reload(void *priv, TALLOC_CTX *mem_ctx, char **message)
{
	struct wins_server *server = talloc_get_type_abort(priv,
							   struct wins_server);

	return wire_reload(server, mem_ctx, message);
}

static void control_stop(void *priv)
{
	struct wins_server *server = talloc_get_type_abort(priv,
							   struct wins_server);

	server->host.terminate(server->host.priv, "stopped by an operator",
			       false);
}

static void control_backup(void *priv,
			   void (*done)(void *arg, int error,
					uint64_t records, const char *text),
			   void *arg)
{
	struct wins_server *server = talloc_get_type_abort(priv,
							   struct wins_server);

	backups_make(server->backups, done, arg);
}

static void control_backup_sight(void *priv, struct control_backups *out)
{
	struct wins_server *server = talloc_get_type_abort(priv,
							   struct wins_server);
	struct backups_sight sight;

	backups_sight(server->backups, &sight);
	*out = (struct control_backups) {
		.last = sight.last,
		.next = sight.next,
		.made = sight.made,
		.failed = sight.failed,
		.complaint = sight.complaint,
	};
}

void wire_tell(struct wins_server *server)
{
	struct serve_iface iface[SERVE_IFACES_MAX];
	struct store_stats stats;
	char *text = NULL;

	if (server->host.ready == NULL || store_loading(server->store)) {
		return;
	}
	store_stats(server->store, &stats);
	text = talloc_asprintf(server, "%s: %" PRIu64 " records, %u addresses",
			       server->context.state, stats.records,
			       udp137_served(server->udp, iface));
	server->host.ready(server->host.priv,
			   text == NULL ? server->context.state : text);
	talloc_free(text);
}

/* ---- making ---- */

static int make_directory(const char *path, mode_t mode, TALLOC_CTX *mem_ctx,
			  char **message)
{
	char *copy = talloc_strdup(mem_ctx, path);
	char *p = copy;
	int ret = 0;

	if (copy == NULL) {
		return ENOMEM;
	}
	while (ret == 0 && p != NULL) {
		p = strchr(p + 1, '/');
		if (p != NULL) {
			*p = '\0';
		}
		if (mkdir(copy, p == NULL ? mode : 0755) != 0 &&
		    errno != EEXIST && errno != EROFS) {
			ret = errno;
		}
		if (p != NULL) {
			*p = '/';
		}
	}
	talloc_free(copy);
	if (ret != 0) {
		*message = talloc_asprintf(mem_ctx, "directory %s: %s: make "
					   "it, owned by the user that runs "
					   "the server", path, strerror(ret));
	}
	return ret;
}

/* ---- the store, and when it has something to tell ---- */

static void store_readable(struct tevent_context *ev, struct tevent_fd *fde,
			   uint16_t flags, void *arg)
{
	struct wins_server *server = talloc_get_type_abort(arg,
							   struct wins_server);

	(void)ev;
	(void)fde;
	(void)flags;
	store_ready(server->store);
}

static int watch_store(struct wins_server *server)
{
	int fd[STORE_FDS];
	unsigned int count = store_fds(server->store, fd);

	for (unsigned int i = 0; i < STORE_FDS; i++) {
		TALLOC_FREE(server->store_fde[i]);
	}
	for (unsigned int i = 0; i < count; i++) {
		server->store_fde[i] = tevent_add_fd(server->host.ev, server,
						     fd[i], TEVENT_FD_READ,
						     store_readable, server);
		if (server->store_fde[i] == NULL) {
			return ENOMEM;
		}
	}
	return 0;
}

static const char *no_owner(struct wins_server *server, int error)
{
	const char *text = talloc_asprintf(
		server, "the owner address could not be written to %s: %s",
		server->config->database, strerror(error));

	return text != NULL ? text : "the owner address could not be written";
}

static void owner_stored(void *arg, int error)
{
	struct wins_server *server = talloc_get_type_abort(arg,
							   struct wins_server);

	if (error != 0) {
		server->host.terminate(server->host.priv,
				       no_owner(server, error), true);
	}
}

/*
 * Only when all else is up: a first start that fails leaves no trace to trip
 * over.
 */
static int keep_owner(struct wins_server *server)
{
	int ret;

	if (!server->first_start) {
		return 0;
	}
	store_begin(server->store);
	ret = store_set_meta(server->store, OWNER_ADDRESS, server->self);
	store_commit(server->store, owner_stored, server);
	server->first_start = false;
	return ret;
}

/* Everything is in memory: from here on registrations are taken. */
static void store_loaded(void *arg, int error, const char *message)
{
	struct wins_server *server = talloc_get_type_abort(arg,
							   struct wins_server);

	if (error == 0) {
		error = watch_store(server);
		message = "the store cannot be watched";
	}
	if (error == 0) {
		serve_loaded(door_serve(server->door));
		error = keep_owner(server);
		message = error != 0 ? no_owner(server, error) : NULL;
	}
	if (error != 0) {
		server->host.terminate(server->host.priv, message, true);
		return;
	}
	repl_loaded(server->repl);
	autodiscovery_follow(server);
	server->context.state = server->config->observe ? "observing" :
							  "running";
	wire_tell(server);
}

static int open_disk(struct wins_server *server, char **message)
{
	const struct wins_config *config = server->config;
	struct store_disk_config disk = {
		.database = config->database,
		.journal = config->journal,
		.reserve = config->reserve,
		.durable = config->durable,
	};

	return store_disk_open(server, &disk, &server->backend, message);
}

static int open_store(struct wins_server *server, TALLOC_CTX *mem_ctx,
		      char **message)
{
	const struct wins_config *config = server->config;
	int ret;

	ret = make_directory(config->state_directory, 0750, mem_ctx, message);
	if (ret == 0) {
		ret = make_directory(config->lock_directory, 0755, mem_ctx,
				     message);
	}
	if (ret == 0) {
		ret = store_lock(server, config->lock_file, message);
	}
	if (ret == 0) {
		ret = open_disk(server, message);
	}
	if (ret == 0) {
		ret = store_open(server, &server->world->ops, &server->backend,
				 store_loaded, server, &server->store,
				 message);
	}
	return ret == 0 ? watch_store(server) : ret;
}

static int open_door(struct wins_server *server)
{
	const struct wins_config *config = server->config;
	struct serve_config serve = config->serve;
	int ret;

	server->sink = (struct udp137_sink) {
		.priv = server,
		.turn_begin = sink_turn_begin,
		.datagram = sink_datagram,
		.turn_end = sink_turn_end,
	};
	ret = udp137_create(server, server->host.ev, &server->world->ops,
			    &server->sink, config->nbt_port, &server->udp);
	if (ret != 0) {
		return ret;
	}
	server->world->udp = server->udp;
	serve.self = server->self;
	return door_create(server, &server->world->ops, server->store, &serve,
			   config->nbt_port, &server->door);
}

static int open_backups(struct wins_server *server)
{
	const struct wins_config *config = server->config;
	int ret = backups_create(server, server->host.ev, &server->world->ops,
				 server->store, config->backup_directory,
				 &server->backups);

	if (ret == 0) {
		backups_set(server->backups, config->backup_interval,
			    config->backup_keep);
	}
	return ret;
}

static int open_control(struct wins_server *server, char **message)
{
	const struct wins_config *config = server->config;
	const struct nb_world *world = &server->world->ops;

	server->context = (struct control_context) {
		.world = world,
		.store = server->store,
		.serve = door_serve(server->door),
		.repl = server->repl,
		.self = server->self,
		.version = WINSD_VERSION,
		.state = "loading",
		.started = world->now(world->priv),
		.priv = server,
		.reload = control_reload,
		.stop = control_stop,
		.backup = control_backup,
		.backup_sight = control_backup_sight,
		.stat_at = counters_at,
	};
	world->random(world->priv, &server->context.instance,
		      sizeof(server->context.instance));
	return control_server_create(server, server->host.ev, &server->context,
				     config->control_socket,
				     config->read_group, config->admin_group,
				     &server->control, message);
}

static int open_all(struct wins_server *server, TALLOC_CTX *mem_ctx,
		    char **message)
{
	int ret;

	ret = wins_config_load(server, &server->host, &server->config,
			       message);
	if (ret == 0) {
		ret = world_create(server, &server->host,
				   server->config->log_level, &server->world);
	}
	if (ret == 0) {
		ret = open_store(server, mem_ctx, message);
	}
	if (ret == 0) {
		ageing_start(server);
		ret = addresses_owner(server, mem_ctx, message);
	}
	if (ret == 0) {
		ret = open_door(server);
	}
	if (ret == 0) {
		ret = replication_open(server);
	}
	if (ret == 0) {
		ret = autodiscovery_open(server);
	}
	if (ret == 0) {
		ret = addresses_serve(server, server->config, mem_ctx, message);
	}
	if (ret == 0) {
		ret = replication_check(server, server->config, mem_ctx,
					message);
	}
	if (ret == 0) {
		addresses_apply(server);
		ret = addresses_watch(server);
	}
	if (ret == 0) {
		ret = open_backups(server);
	}
	if (ret == 0) {
		ret = usage_keep_create(server, server->host.ev,
					&server->world->ops,
					door_serve(server->door),
					server->config->usage_file,
					&server->usage);
	}
	if (ret == 0) {
		ret = open_control(server, message);
	}
	return ret;
}

/* It is usually gone after a clean end: people then copy the one file alone. */
static void tell_what_stays(struct wins_server *server)
{
	const struct wins_config *config = server->config;

	if (access(config->journal, F_OK) == 0) {
		nb_log(&server->world->ops, NB_LOG_WARNING,
		       "%s stays: it has changes that are not in %s yet. Keep "
		       "the two together; the next start reads both",
		       config->journal, config->database);
	}
}

/* The rooms do not know each other's lifetimes; this order is theirs. */
static int wire_destroy(struct wins_server *server)
{
	if (server->world != NULL) {
		timers_stop(server->world->timers, server->retry);
	}
	TALLOC_FREE(server->control);
	TALLOC_FREE(server->backups);
	TALLOC_FREE(server->usage);
	TALLOC_FREE(server->watch);
	autodiscovery_close(server);
	if (server->store != NULL && !store_loading(server->store)) {
		/* who waits for its turns to be durable is called by them */
		store_wait(server->store);
	}
	TALLOC_FREE(server->repl);
	TALLOC_FREE(server->tcp);
	if (server->door != NULL) {
		serve_leave(door_serve(server->door));
	}
	if (server->store != NULL && !store_loading(server->store)) {
		store_wait(server->store);
	}
	TALLOC_FREE(server->door);
	if (server->world != NULL) {
		server->world->udp = NULL;
	}
	TALLOC_FREE(server->udp);
	for (unsigned int i = 0; i < STORE_FDS; i++) {
		TALLOC_FREE(server->store_fde[i]);
	}
	if (server->store != NULL) {
		TALLOC_FREE(server->store);
		tell_what_stays(server);
	}
	TALLOC_FREE(server->world);
	return 0;
}

int wire_start(const struct wins_host *host, struct wins_server **server,
	       char **message)
{
	struct wins_server *s = talloc_zero(host->mem_ctx, struct wins_server);
	int ret;

	*message = NULL;
	if (s == NULL) {
		return ENOMEM;
	}
	s->host = *host;
	talloc_set_destructor(s, wire_destroy);
	ret = open_all(s, s, message);
	if (ret != 0) {
		*message = *message != NULL ?
			talloc_steal(host->mem_ctx, *message) :
			talloc_strdup(host->mem_ctx, strerror(ret));
		talloc_free(s);
		return ret;
	}
	*server = s;
	return 0;
}

/* ---- changing ---- */

static int check_restart(const struct wins_config *old,
			 const struct wins_config *new, TALLOC_CTX *mem_ctx,
			 char **message)
{
	const char *option = wins_config_needs_restart(old, new);

	if (option == NULL) {
		return 0;
	}
	*message = talloc_asprintf(mem_ctx, "`%s` cannot change while the "
				   "server runs: restart it; nothing was "
				   "changed", option);
	return EBUSY;
}

static int set_groups(struct wins_server *server,
		      const struct wins_config *config, TALLOC_CTX *mem_ctx,
		      char **message)
{
	return control_server_set_groups(server->control, mem_ctx,
					 config->read_group,
					 config->admin_group, message);
}

/* What can fail, and how it is taken back. */
static int reload_outside(struct wins_server *server,
			  const struct wins_config *new, TALLOC_CTX *mem_ctx,
			  char **message)
{
	char *ignored = NULL;
	int ret;

	ret = addresses_serve(server, new, mem_ctx, message);
	if (ret == 0) {
		ret = replication_check(server, new, mem_ctx, message);
	}
	if (ret == 0) {
		ret = set_groups(server, new, mem_ctx, message);
	}
	if (ret == 0) {
		ret = replication_set(server, new);
	}
	if (ret != 0) {
		set_groups(server, server->config, mem_ctx, &ignored);
		addresses_serve(server, server->config, mem_ctx, &ignored);
	}
	return ret;
}

int wire_reload(struct wins_server *server, TALLOC_CTX *mem_ctx,
		char **message)
{
	struct wins_config *new = NULL;
	int ret;

	*message = NULL;
	ret = wins_config_load(server, &server->host, &new, message);
	if (ret == 0) {
		ret = check_restart(server->config, new, mem_ctx, message);
	}
	if (ret == 0) {
		ret = reload_outside(server, new, mem_ctx, message);
	}
	if (ret != 0) {
		*message = *message != NULL ? talloc_steal(mem_ctx, *message) :
			   talloc_strdup(mem_ctx, strerror(ret));
		talloc_free(new);
		return ret;
	}
	TALLOC_FREE(server->config);
	server->config = new;
	world_set_log_level(server->world, new->log_level);
	backups_set(server->backups, new->backup_interval, new->backup_keep);
	addresses_apply(server);
	usage_keep_follow(server->usage);
	if (!store_loading(server->store)) {
		server->context.state = new->observe ? "observing" : "running";
		wire_tell(server);
	}
	return 0;
}
