/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server and the addresses of its machine: which are served now, which
 * one is our owner address, and what happens when they come and go.
 *
 * A word of `interfaces` that stands for nothing yet is told once and waited
 * for. At the start at least one address must be there; later even the last
 * may leave (a lease that lapsed is no reason to end a server), and is served
 * again when it is back.
 *
 * The owner address is what partners know our records by, so it is written
 * down at the first start and then stays: another `winsdb:local_owner` is an
 * error. Without that option the written one is kept as long as it is served
 * or a word is still being waited for, whatever the order of interfaces has
 * become. `winsctl owner rename` moves it, also when we do not start any more.
 */
#include <errno.h>
#include <string.h>

#include "core/owner_move.h"
#include "wire.h"

#define RETRY_USEC	2000000	/* for an address that is held by another */

struct view {
	struct iface_fact fact[IFACES_FACTS_MAX];
	unsigned int facts;
	struct serve_iface iface[SERVE_IFACES_MAX];
	unsigned int count;
	bool idle[IFACES_WORDS_MAX];
};

/* What the words stand for at present. */
static int view_take(const struct wins_config *config, TALLOC_CTX *mem_ctx,
		     struct view **view, char **message)
{
	struct view *v = talloc_zero(mem_ctx, struct view);
	int ret;

	if (v == NULL) {
		return ENOMEM;
	}
	ret = ifaces_list(v->fact, IFACES_FACTS_MAX, &v->facts);
	if (ret == 0) {
		ret = ifaces_match(config->interfaces, v->fact, v->facts,
				   v->iface, SERVE_IFACES_MAX, &v->count,
				   v->idle);
	}
	if (ret == E2BIG) {
		*message = talloc_asprintf(mem_ctx, "`interfaces` stands for "
					   "more than %d addresses: name fewer "
					   "in wins:interfaces",
					   SERVE_IFACES_MAX);
	}
	if (ret != 0) {
		talloc_free(v);
		return ret;
	}
	*view = v;
	return 0;
}

static bool view_has(const struct view *view, uint32_t ip)
{
	unsigned int i;

	for (i = 0; i < view->count; i++) {
		if (view->iface[i].ip == ip) {
			return true;
		}
	}
	return false;
}

static bool view_waits(const struct view *view)
{
	return memchr(view->idle, true, sizeof(view->idle)) != NULL;
}

/* The words, as a person wrote them. */
static char *words_of(const struct wins_config *config, TALLOC_CTX *mem_ctx)
{
	char *text = talloc_strdup(mem_ctx, "");
	unsigned int i;

	for (i = 0; config->interfaces != NULL &&
		    config->interfaces[i] != NULL; i++) {
		text = talloc_asprintf_append(text, "%s%s", i == 0 ? "" : " ",
					      config->interfaces[i]);
	}
	return text;
}

static int say_none(const struct wins_config *config, TALLOC_CTX *mem_ctx,
		    char **message)
{
	char *words = words_of(config, mem_ctx);

	if (words != NULL && words[0] != '\0') {
		*message = talloc_asprintf(mem_ctx, "no address to serve: "
					   "nothing of `interfaces = %s` is "
					   "on this machine now", words);
	} else {
		*message = talloc_strdup(mem_ctx, "no address to serve: only "
					 "loopback is up (wins:interfaces = "
					 "127.0.0.1 serves that)");
	}
	return ENODEV;
}

/* ---- owner ---- */

static int owner_moved(uint32_t stored, uint32_t now, TALLOC_CTX *mem_ctx,
		       char **message)
{
	char a[NB_ADDR_TEXT];
	char b[NB_ADDR_TEXT];

	nb_addr_print(stored, a);
	nb_addr_print(now, b);
	*message = talloc_asprintf(mem_ctx, "the owner address of this "
				   "database is %s, not %s: `winsctl owner "
				   "rename %s` moves its records to the new "
				   "one, `winsdb:local_owner = %s` keeps the "
				   "old one", a, b, b, a);
	return EINVAL;
}

static int owner_first(struct wins_server *server, const struct view *view,
		       TALLOC_CTX *mem_ctx, char **message)
{
	uint32_t wish = server->config->serve.self;
	char text[NB_ADDR_TEXT];

	if (view->count == 0) {
		return say_none(server->config, mem_ctx, message);
	}
	if (wish != 0 && !view_has(view, wish)) {
		*message = talloc_asprintf(mem_ctx, "winsdb:local_owner = %s "
					   "is none of the addresses that we "
					   "serve", nb_addr_print(wish, text));
		return EADDRNOTAVAIL;
	}
	server->self = wish != 0 ? wish : view->iface[0].ip;
	server->first_start = true;
	return 0;
}

static int owner_again(struct wins_server *server, const struct view *view,
		       uint32_t stored, TALLOC_CTX *mem_ctx, char **message)
{
	uint32_t wish = server->config->serve.self;

	if (wish != 0 && wish != stored) {
		return owner_moved(stored, wish, mem_ctx, message);
	}
	if (wish == 0 && view->count > 0 && !view_has(view, stored) &&
	    !view_waits(view)) {
		return owner_moved(stored, view->iface[0].ip, mem_ctx,
				   message);
	}
	server->self = stored;
	return 0;
}

int addresses_owner(struct wins_server *server, TALLOC_CTX *mem_ctx,
		    char **message)
{
	struct view *view = NULL;
	uint64_t stored = 0;
	int ret;

	ret = view_take(server->config, mem_ctx, &view, message);
	if (ret != 0) {
		return ret;
	}
	if (store_get_meta(server->store, OWNER_ADDRESS, &stored)) {
		ret = owner_again(server, view, (uint32_t)stored, mem_ctx,
				  message);
	} else {
		ret = owner_first(server, view, mem_ctx, message);
	}
	talloc_free(view);
	return ret;
}

/* ---- serving ---- */

static void tell_idle(struct wins_server *server,
		      const struct wins_config *config, const struct view *view)
{
	unsigned int i;

	for (i = 0; i < IFACES_WORDS_MAX && config->interfaces != NULL &&
		    config->interfaces[i] != NULL; i++) {
		if (view->idle[i] && !server->idle[i]) {
			nb_log(&server->world->ops, NB_LOG_WARNING,
			       "interfaces: %s is not there now: waiting for "
			       "it", config->interfaces[i]);
		}
		server->idle[i] = view->idle[i];
	}
}

static int serve_view(struct wins_server *server,
		      const struct wins_config *config, struct view *view,
		      TALLOC_CTX *mem_ctx, char **message)
{
	char *second = NULL;
	int tcp_ret;
	int ret;

	tell_idle(server, config, view);
	ret = udp137_serve(server->udp, view->iface, view->count, mem_ctx,
			   message);
	tcp_ret = replication_serve(server, config, view->iface, view->count,
				    mem_ctx, &second);
	if (ret == 0 && tcp_ret != 0) {
		ret = tcp_ret;
		*message = second;
	}
	return ret;
}

int addresses_serve(struct wins_server *server,
		    const struct wins_config *config, TALLOC_CTX *mem_ctx,
		    char **message)
{
	struct view *view = NULL;
	int ret;

	ret = view_take(config, mem_ctx, &view, message);
	if (ret != 0) {
		return ret;
	}
	ret = view->count == 0 ? say_none(config, mem_ctx, message) :
	      serve_view(server, config, view, mem_ctx, message);
	talloc_free(view);
	return ret;
}

void addresses_apply(struct wins_server *server)
{
	struct serve_config config = server->config->serve;
	struct serve_iface iface[SERVE_IFACES_MAX];
	unsigned int count = udp137_served(server->udp, iface);
	unsigned int i;

	config.self = server->self;
	for (i = 0; i < count; i++) {
		if (nb_addr_is_loopback(iface[i].ip)) {
			config.policy.loopback_ok = true;
		}
	}
	serve_set_config(door_serve(server->door), &config);
	serve_set_ifaces(door_serve(server->door), iface, count);
	autodiscovery_follow(server);
}

/* ---- while running ---- */

static void addresses_changed(void *arg);

static void retry_due(void *arg)
{
	struct wins_server *server = talloc_get_type_abort(arg,
							   struct wins_server);

	server->retry = NULL;
	addresses_changed(server);
}

static void retry_start(struct wins_server *server)
{
	if (server->retry == NULL) {
		server->retry = timers_start(server->world->timers, RETRY_USEC,
					     retry_due, server);
	}
}

static void addresses_changed(void *arg)
{
	struct wins_server *server = talloc_get_type_abort(arg,
							   struct wins_server);
	TALLOC_CTX *scratch = talloc_new(server);
	struct view *view = NULL;
	char *message = NULL;
	int ret;

	ret = view_take(server->config, scratch, &view, &message);
	if (ret == 0) {
		ret = serve_view(server, server->config, view, scratch,
				 &message);
	}
	if (ret != 0) {
		nb_log(&server->world->ops, NB_LOG_ERROR, "%s",
		       message == NULL ? strerror(ret) : message);
		retry_start(server);
	} else if (view->count == 0) {
		nb_log(&server->world->ops, NB_LOG_ERROR, "no address is left "
		       "to serve: waiting for one");
	}
	talloc_free(scratch);
	addresses_apply(server);
	wire_tell(server);
}

int addresses_watch(struct wins_server *server)
{
	return ifwatch_create(server, server->host.ev, &server->world->ops,
			      addresses_changed, server, &server->watch);
}
