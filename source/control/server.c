/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server: how it is doing, and what can be asked of it as a whole.
 *
 * status and stats answer with keys and values that the tool prints without
 * knowing them, so that a new counter is a line here and nothing elsewhere.
 * status is for people and has what one asks first; stats is every counter.
 *
 * A stop is answered before it happens: the end comes from a timer, when the
 * answer has left and nothing of this call is on the stack any more.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/call.h"

static const char *const state_key[] = { "active", "released", "tombstones" };
static const char *const type_key[] = {
	"records_unique", "records_group", "records_sgroup", "records_mhomed",
};

static void put_own_names(struct call *call)
{
	struct nb_status_name own;
	char text[NB_NAME_TEXT];

	for (unsigned int i = 0;
	     serve_own_name_at(call->context->serve, i, &own); i++) {
		call_put_text(call, "own_name",
			      nb_name_print(&own.name, text));
	}
}

static void put_scavenging(struct call *call)
{
	const struct serve *serve = call->context->serve;
	uint64_t leaving = 0;
	uint64_t active = 0;
	char text[160];

	call_put_time(call, "next_scavenging", serve_next_scavenge(serve));
	if (serve_scavenge_stopped(serve, &leaving, &active)) {
		(void)snprintf(text, sizeof(text), "stopped, would release "
			       "%" PRIu64 " of %" PRIu64 " (winsctl server "
			       "scavenge --force)", leaving, active);
		call_put_text(call, "scavenging", text);
		return;
	}
	call_put_text(call, "scavenging", serve_scavenge_running(serve) ?
		      "running" : "waiting");
}

/* What is worth an operator's look goes before what is configured. */
static const char *state_now(const struct call *call)
{
	const struct control_context *c = call->context;
	enum store_health health = store_health(c->store);

	if (health != STORE_OK) {
		return store_health_name(health);
	}
	return gate_state(call) != NULL ? gate_state(call) : c->state;
}

static void put_server(struct call *call)
{
	const struct control_context *c = call->context;

	call_put_text(call, "state", state_now(call));
	call_put_text(call, "version", c->version);
	call_put_host(call, "owner", c->self);
	call_put_time(call, "started", c->started);
	call_put_count(call, "uptime", (uint64_t)(c->world->now(c->world->priv) -
						  c->started));
}

static void put_disk(struct call *call)
{
	struct store_disk disk = { .file_size = 0 };

	store_disk_sight(call->context->store, &disk);
	call_put_text(call, "store",
		      store_health_name(store_health(call->context->store)));
	call_put_count(call, "database_bytes", disk.file_size);
	call_put_count(call, "journal_bytes", disk.journal_used);
}

static void put_backups(struct call *call)
{
	const struct control_context *c = call->context;
	struct control_backups sight = { .next = NB_NEVER };
	int64_t age = 0;

	c->backup_sight(c->priv, &sight);
	if (sight.last != 0) {
		age = c->world->wall(c->world->priv) - sight.last;
		call_put_wall(call, "last_backup", sight.last);
		call_put_count(call, "last_backup_age",
			       age > 0 ? (uint64_t)age : 0);
	}
	call_put_time(call, "next_backup", sight.next);
	call_put_count(call, "backup_failures", sight.failed);
	if (sight.complaint != NULL) {
		call_put_text(call, "backup_complaint", sight.complaint);
	}
}

void server_status(struct call *call)
{
	const struct control_context *c = call->context;
	struct store_stats stats = { .records = 0 };

	call_status(call, CONTROL_OK, NULL);
	put_server(call);
	if (store_loading(c->store)) {
		call_done(call);
		return;
	}
	store_stats(c->store, &stats);
	call_put_count(call, "records", stats.records);
	for (unsigned int i = 0; i < 3; i++) {
		call_put_count(call, state_key[i], stats.by_state[i]);
	}
	call_put_count(call, "statics", stats.statics);
	call_put_count(call, "highest_version", store_counter(c->store));
	call_put_count(call, "settled_version", store_mark(c->store, NB_SELF));
	call_put_count(call, "pending", serve_pending(c->serve));
	gate_put_status(call);
	put_scavenging(call);
	put_disk(call);
	put_backups(call);
	put_own_names(call);
	call_done(call);
}

static void put_store_stats(struct call *call)
{
	struct store_stats stats = { .records = 0 };

	store_stats(call->context->store, &stats);
	call_put_count(call, "records", stats.records);
	for (unsigned int i = 0; i < 4; i++) {
		call_put_count(call, type_key[i], stats.by_type[i]);
	}
	call_put_count(call, "store_memory", stats.memory);
	call_put_count(call, "store_turns", stats.turns);
	call_put_count(call, "store_changes", stats.changes);
	call_put_count(call, "store_failures", stats.failures);
	call_put_count(call, "store_waiting", stats.waiting);
}

static void put_disk_stats(struct call *call)
{
	struct store_disk disk = { .file_size = 0 };

	store_disk_sight(call->context->store, &disk);
	call_put_count(call, "disk_batches", disk.batches);
	call_put_count(call, "disk_carried", disk.carried);
	call_put_count(call, "disk_sync_usec", disk.sync_usec);
	call_put_count(call, "disk_sync_usec_max", disk.sync_usec_max);
	call_put_count(call, "disk_database_bytes", disk.file_size);
	call_put_count(call, "disk_journal_bytes", disk.journal_size);
	call_put_count(call, "disk_journal_used", disk.journal_used);
}

static void put_backup_stats(struct call *call)
{
	const struct control_context *c = call->context;
	struct control_backups sight = { .next = NB_NEVER };

	c->backup_sight(c->priv, &sight);
	call_put_count(call, "backups_made", sight.made);
	call_put_count(call, "backups_failed", sight.failed);
}

void server_stats(struct call *call)
{
	const struct control_context *c = call->context;
	const char *name = NULL;
	uint64_t value = 0;

	call_status(call, CONTROL_OK, NULL);
	put_store_stats(call);
	put_disk_stats(call);
	put_backup_stats(call);
	for (unsigned int i = 0; serve_stat_at(c->serve, i, &name, &value);
	     i++) {
		call_put_count(call, name, value);
	}
	for (unsigned int i = 0; c->repl != NULL &&
	     repl_stat_at(c->repl, i, &name, &value); i++) {
		call_put_count(call, name, value);
	}
	for (unsigned int i = 0;
	     c->stat_at != NULL && c->stat_at(c->priv, i, &name, &value);
	     i++) {
		call_put_count(call, name, value);
	}
	call_done(call);
}

void server_reload(struct call *call)
{
	const struct control_context *c = call->context;
	char *message = NULL;

	if (c->reload(c->priv, call, &message) != 0) {
		call_refuse(call, CONTROL_FAILED, "%s; nothing has changed",
			    message != NULL ? message : "out of memory");
		return;
	}
	call_refuse(call, CONTROL_OK, "the configuration was read anew");
}

/* The one answer of real and dry runs. */
static void scavenge_answer(struct call *call,
			    const struct serve_scavenge_result *result)
{
	call_status(call, CONTROL_OK, NULL);
	call_put_count(call, "changed", result->changed);
	call_put_count(call, "released", result->released);
	call_put_count(call, "tombstoned", result->tombstoned);
	call_put_count(call, "deleted", result->deleted);
	call_put_count(call, "pruned", result->pruned);
	call_put_count(call, "verify_asked", result->verify_asked);
	call_put_count(call, "verified", result->verified);
	call_put_count(call, "verify_deleted", result->verify_deleted);
	call_put_count(call, "verify_tombstoned", result->verify_tombstoned);
	call_put_count(call, "verify_silent", result->verify_silent);
	call_done(call);
}

/* Why there was no pass, or why it did not come to its end. */
static void scavenge_failed(struct call *call, int error)
{
	char why[GATE_TEXT];

	if (error == EAGAIN && gate_objection(call, why) != NULL) {
		call_refuse(call, CONTROL_REFUSED, "no record may age now: %s",
			    why);
		return;
	}
	call_refuse(call, CONTROL_FAILED, "scavenging failed: %s",
		    error == EAGAIN ? "the database is still being loaded" :
				      strerror(error));
}

/* Of a pass that the guard does not stop, or would not. */
static void forced_done(void *arg, const struct serve_scavenge_result *result)
{
	struct pending *pending = arg;
	struct call *call = pending->call;
	char why[GATE_TEXT];

	talloc_free(pending);
	if (call == NULL) {
		return;
	}
	if (result->error == EAGAIN && gate_objection(call, why) != NULL) {
		call_refuse(call, CONTROL_REFUSED, "nothing was done: %s", why);
		return;
	}
	if (result->error != 0) {
		scavenge_failed(call, result->error);
		return;
	}
	scavenge_answer(call, result);
}

static void guarded_done(void *arg, const struct serve_scavenge_result *result)
{
	struct pending *pending = arg;
	struct call *call = pending->call;

	if (call == NULL || result->error != 0 || !result->stopped) {
		forced_done(arg, result);
		return;
	}
	talloc_free(pending);
	call_refuse(call, CONTROL_CONFLICT, "nothing was done: %" PRIu64
		    " of %" PRIu64 " active records of this server would be "
		    "released", result->leaving, result->active);
}

void server_scavenge(struct call *call)
{
	uint64_t flags = control_number_or(&call->request, CONTROL_FLAGS, 0);
	bool force = (flags & CONTROL_YES) != 0;
	enum serve_scavenge_mode mode = force ? SERVE_SCAVENGE_FORCE :
						SERVE_SCAVENGE_NOW;
	struct pending *pending = call_wait(call);

	if (pending == NULL) {
		call_refuse(call, CONTROL_FAILED, "out of memory");
		return;
	}
	if ((flags & CONTROL_DRY_RUN) != 0) {
		mode = SERVE_SCAVENGE_DRY_RUN;
	}
	serve_scavenge(call->context->serve, mode,
		       force ? forced_done : guarded_done, pending);
}

static void backup_done(void *arg, int error, uint64_t records,
			const char *text)
{
	struct pending *pending = arg;
	struct call *call = pending->call;

	talloc_free(pending);
	if (call == NULL) {
		return;
	}
	if (error != 0) {
		call_refuse(call, error == EBUSY ? CONTROL_REFUSED :
			    CONTROL_FAILED, "no backup was made: %s", text);
		return;
	}
	call_status(call, CONTROL_OK, NULL);
	call_put_text(call, "path", text);
	call_put_count(call, "records", records);
	call_done(call);
}

void server_backup(struct call *call)
{
	const struct control_context *c = call->context;
	struct pending *pending = call_wait(call);

	if (pending == NULL) {
		call_refuse(call, CONTROL_FAILED, "out of memory");
		return;
	}
	c->backup(c->priv, backup_done, pending);
}

static void stop_now(void *arg)
{
	const struct control_context *c = arg;

	c->stop(c->priv);
}

void server_stop(struct call *call)
{
	const struct control_context *c = call->context;
	union {
		const void *in;
		void *out;
	} arg = { .in = c };

	if (c->world->timer_start(c->world->priv, 0, stop_now, arg.out) ==
	    NULL) {
		call_refuse(call, CONTROL_FAILED, "out of memory");
		return;
	}
	call_refuse(call, CONTROL_OK, "the server ends");
}
