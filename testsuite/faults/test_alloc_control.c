/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operators meet a server whose memory runs out once: each verb of the control
 * socket, as bytes of a request and of its reply. The reply is "failed" or what
 * it is at other times; one that says "done" is held to it.
 */
#include <errno.h>
#include <string.h>

#include "control/control.h"
#include "faults/alloc.h"
#include "faults/alloc_server.h"

#define A SIM_HOST(1)
#define B SIM_HOST(2)

static struct control_context context;
static struct control_writer request;
static uint8_t out[CONTROL_FRAME_MAX];
static bool exact;			/* the whole reply is compared */

/* ---- the server's other half ---- */

static int reload(void *priv, TALLOC_CTX *mem_ctx, char **message)
{
	(void)priv;
	*message = talloc_strdup(mem_ctx, "line 3 is wrong");
	return EINVAL;
}

static struct {
	void (*done)(void *arg, int error, uint64_t records, const char *text);
	void *arg;
} backup;

static void backup_done(void *arg, int error, uint64_t records,
			const char *message)
{
	(void)arg;
	backup.done(backup.arg, error, records,
		    error == 0 ? "/copy" : message);
}

static void make_backup(void *priv,
			void (*done)(void *arg, int error, uint64_t records,
				     const char *text),
			void *arg)
{
	(void)priv;
	backup.done = done;
	backup.arg = arg;
	store_backup(server->store, "/copy", backup_done, NULL);
}

static void backup_sight(void *priv, struct control_backups *sight)
{
	(void)priv;
	*sight = (struct control_backups){ .next = NB_NEVER };
}

static void stop(void *priv)
{
	(void)priv;
}

static void connect_control(void)
{
	context = (struct control_context){
		.world = &sim.world,
		.store = server->store,
		.serve = server->serve,
		.self = SIM_SELF,
		.version = "0",
		.state = "running",
		.reload = reload,
		.backup = make_backup,
		.backup_sight = backup_sight,
		.stop = stop,
	};
	ask(NBNS_REGISTER, 100, "KNOWN<20>", A, 0);
	ask(NBNS_REGISTER, 101, "OTHER<20>", B, 0);
	ask(NBNS_REGISTER, 102, "THIRD<20>", B, 0);
	sim_advance_seconds(&sim, 1000);
}

/* ---- requests ---- */

static bool importing;

static uint64_t sum(const uint8_t *data, size_t len)
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < len; i++) {
		hash = (hash ^ data[i]) * 1099511628211u;
	}
	return hash;
}

/* Of a batch: could the server not, with one record or another? */
static bool has_failed(const struct control_reader *reply)
{
	struct control_field field = { .data = NULL };

	while (control_next(reply, &field)) {
		if (importing && field.tag == CONTROL_NUMBER &&
		    control_number(&field) == CONTROL_IMPORT_FAILED) {
			return true;
		}
	}
	return false;
}

static void replied(void *arg, const uint8_t *frame, size_t len)
{
	struct control_reader reply = { .len = 0 };
	uint64_t status = CONTROL_STATUSES;

	(void)arg;
	if (control_open(&reply, frame + CONTROL_HEAD, len - CONTROL_HEAD,
			 CONTROL_REPLY) == CONTROL_GOOD) {
		status = control_number_or(&reply, CONTROL_STATUS, status);
		status = has_failed(&reply) ? CONTROL_FAILED : status;
	}
	alloc_heard(1, status == CONTROL_FAILED,
		    exact && status == CONTROL_OK ? sum(frame, len) : status);
}

static void unheard(void *arg, const uint8_t *frame, size_t len)
{
	(void)arg;
	(void)frame;
	(void)len;
}

static void begin(const char *verb)
{
	exact = false;
	control_begin(&request, out, sizeof(out), CONTROL_REQUEST);
	control_put_text(&request, CONTROL_VERB, verb);
}

static void begin_named(const char *verb, const char *text)
{
	struct nb_name name;

	(void)nb_name_parse(text, &name);
	begin(verb);
	control_put_name(&request, CONTROL_NAME, &name);
}

/* The client waits for two minutes, then it goes. */
static void call(void)
{
	size_t len = control_end(&request);
	TALLOC_CTX *client = NULL;

	alloc_pause();
	client = talloc_new(NULL);
	alloc_resume();
	if (control_call(client, &context, CONTROL_ADMIN, out + CONTROL_HEAD,
			 len - CONTROL_HEAD, replied, NULL) != 0) {
		alloc_heard(1, true, 0);
	}
	sim_advance_seconds(&sim, 120);
	talloc_free(client);
}

/* It goes at once; what it wanted is done all the same. */
static void call_and_leave(void)
{
	size_t len = control_end(&request);
	TALLOC_CTX *client = NULL;

	alloc_pause();
	client = talloc_new(NULL);
	alloc_resume();
	sim_disk_hold(server->disk, true);
	(void)control_call(client, &context, CONTROL_ADMIN,
			   out + CONTROL_HEAD, len - CONTROL_HEAD, unheard,
			   NULL);
	talloc_free(client);
	let_go(0);
	sim_advance_seconds(&sim, 120);
}

/* ---- the verbs ---- */

static void list(void)
{
	begin("record list");
	exact = true;
	call();
}

static void list_some(void)
{
	begin("record list");
	control_put_bytes(&request, CONTROL_GLOB, "*O*", 3);
	exact = true;
	call();
}

/* ---- who asks for what ---- */

static void count_and_connect(void)
{
	server->config.usage = USAGE_OF_CLIENTS;
	serve_set_config(server->serve, &server->config);
	connect_control();
	ask(NBNS_QUERY, 103, "KNOWN<20>", A, 0);
	ask(NBNS_QUERY, 104, "NOBODY<20>", B, 0);
	sim_advance_seconds(&sim, 10);
}

static void list_queried(void)
{
	begin("record list");
	control_put_number(&request, CONTROL_QUERIED_SINCE, 0);
	exact = true;
	call();
}

static void list_unused(void)
{
	begin("record list");
	control_put_number(&request, CONTROL_UNUSED_SINCE, 0);
	call();				/* refused: not counted for so long */
}

static void list_clients(void)
{
	begin("client list");
	control_put_number(&request, CONTROL_FLAGS, CONTROL_NEGATIVE);
	call();
}

static void list_missing(void)
{
	begin("client missing");
	exact = true;
	call();
}

/* No memory for the tables: as before, and the next reload has them. */
static void count_by_reload(void)
{
	server->config.usage = USAGE_OF_CLIENTS;
	serve_set_config(server->serve, &server->config);
}

static void show(void)
{
	begin_named("record show", "KNOWN<20>");
	exact = true;
	call();
}

static void show_unknown(void)
{
	begin_named("record show", "NOBODY<20>");
	call();
}

static void explain(void)
{
	begin_named("record explain", "KNOWN<20>");
	control_put_number(&request, CONTROL_ADDRESS, B);
	control_put_number(&request, CONTROL_TYPE, NB_UNIQUE);
	call();
}

static void put_static(void)
{
	struct nb_record rec = {
		.name = nb_name_make("STATIC", 6, 0x20),
		.is_static = true,
		.expires = NB_NEVER,
		.count = 1,
		.member = { { A, NB_SELF, NB_NEVER } },
	};

	control_put_record(&request, CONTROL_RECORD, &rec);
	control_put_number(&request, CONTROL_TTL, 0);
}

static void add(void)
{
	begin("record add");
	put_static();
	call();
}

static void add_dry(void)
{
	begin("record add");
	put_static();
	control_put_number(&request, CONTROL_FLAGS, CONTROL_DRY_RUN);
	call();
}

static void add_and_leave(void)
{
	begin("record add");
	put_static();
	call_and_leave();
}

static void import(void)
{
	begin("record import");
	for (int i = 0; i < 3; i++) {
		struct nb_record rec = {
			.name = nb_name_make("IMPORT", 6, (uint8_t)i),
			.owner = i == 0 ? 0 : B,
			.version = (uint64_t)i,
			.expires = NB_NEVER,
			.count = 1,
			.member = { { A, B, NB_NEVER } },
		};

		control_put_record(&request, CONTROL_RECORD, &rec);
	}
	control_put_number(&request, CONTROL_FLAGS, CONTROL_ADOPT);
	importing = true;
	call();
	importing = false;
}

static void with_yes(const char *verb)
{
	begin_named(verb, "KNOWN<20>");
	control_put_number(&request, CONTROL_FLAGS, CONTROL_YES);
	call();
}

static void delete(void)
{
	with_yes("record delete");
}

static void tombstone(void)
{
	with_yes("record tombstone");
}

static void release(void)
{
	with_yes("record release");
}

static void touch(void)
{
	with_yes("record touch");
}

static void status(void)
{
	begin("server status");
	call();
}

static void stats(void)
{
	begin("server stats");
	call();
}

static void reload_refused(void)
{
	begin("server reload");
	call();
}

static void have_due(void)
{
	connect_control();
	server->config.scavenging_interval = 30 * 86400;
	serve_set_config(server->serve, &server->config);
	sim_advance_seconds(&sim, 7 * 86400);
}

static void scavenge(void)
{
	begin("server scavenge");
	call();
}

static void copy(void)
{
	begin("server backup");
	call();
}

static void copy_and_leave(void)
{
	begin("server backup");
	call_and_leave();
}

static void end(void)
{
	begin("server stop");
	call();
}

static const struct alloc_row rows[] = {
	{ "list", connect_control, list, TIME, NULL },
	{ "list some", connect_control, list_some, TIME, NULL },
	{ "list by use", count_and_connect, list_queried, TIME, NULL },
	{ "list what is unused", count_and_connect, list_unused, TIME, NULL },
	{ "clients", count_and_connect, list_clients, TIME, NULL },
	{ "names not found", count_and_connect, list_missing, TIME, NULL },
	{ "begin to count", connect_control, count_by_reload, TIME, NULL },
	{ "show", connect_control, show, TIME, NULL },
	{ "show what is not there", connect_control, show_unknown, TIME, NULL },
	{ "explain", connect_control, explain, TIME, NULL },
	{ "add", connect_control, add, TIME, NULL },
	{ "add, a dry run", connect_control, add_dry, TIME, NULL },
	{ "import", connect_control, import, TIME | PARTS, NULL },
	{ "add, the client has gone", connect_control, add_and_leave, TIME,
	  NULL },
	{ "delete", connect_control, delete, TIME, NULL },
	{ "tombstone", connect_control, tombstone, TIME, NULL },
	{ "release by an operator", connect_control, release, TIME, NULL },
	{ "touch", connect_control, touch, TIME, NULL },
	{ "status", connect_control, status, TIME, NULL },
	{ "stats", connect_control, stats, TIME, NULL },
	{ "reload that is refused", connect_control, reload_refused, TIME,
	  NULL },
	{ "scavenge", have_due, scavenge, PARTS | TIME, NULL },
	{ "backup", connect_control, copy, TIME, NULL },
	{ "backup, the client has gone", connect_control, copy_and_leave, TIME,
	  NULL },
	{ "stop", connect_control, end, TIME, NULL },
};

int main(void)
{
	return alloc_run_rows("alloc_control", rows,
			      sizeof(rows) / sizeof(rows[0]));
}
