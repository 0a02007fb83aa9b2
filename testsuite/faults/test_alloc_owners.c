/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands about owners, and the checks, while memory runs out once: as
 * test_alloc_control.c, with replication behind them. Many records are changed
 * in several turns, so a failure may leave each of them as before or as after;
 * the same command then does the rest.
 */
#include <errno.h>
#include <string.h>

#include "control/control.h"
#include "faults/alloc.h"
#include "faults/alloc_server.h"

struct link {
	const struct link_events *events;
	void *arg;
};

static struct control_context context;
static struct control_writer request;
static uint8_t out[CONTROL_FRAME_MAX];
static struct link peer;

/* ---- replication, with nobody at the other end ---- */

static int link_connect(void *priv, uint32_t from, uint32_t to, uint16_t port,
			const struct link_events *events, void *arg,
			struct link **link)
{
	(void)priv;
	(void)from;
	(void)to;
	(void)port;
	if (alloc_fails()) {
		return ENOMEM;
	}
	peer = (struct link){ .events = events, .arg = arg };
	*link = &peer;
	return 0;
}

static void link_close(struct link *link)
{
	link->events = NULL;
}

static void have_owner(void)
{
	static const struct link_ops ops = {
		.connect = link_connect,
		.close = link_close,
	};
	struct repl_config config = { .self = SIM_SELF, .port = 42 };
	struct repl *repl = NULL;

	if (repl_create(server->serve, &sim.world, server->store,
			server->serve, &ops, &config, &repl) != 0) {
		return;
	}
	/* not loaded: its own clock stands, which is no part of this */
	context = (struct control_context){
		.world = &sim.world,
		.store = server->store,
		.serve = server->serve,
		.repl = repl,
		.self = SIM_SELF,
		.version = "0",
		.state = "running",
	};
	for (uint64_t i = 1; i <= 3; i++) {
		static const char *const name[] = { "ONE<20>", "TWO<20>",
						    "THREE<20>" };
		static struct sim_settled settled[3];
		struct sim_replica replica = {
			.name = name[i - 1],
			.is_static = i < 3,
			.version = i,
			.count = 1,
			.addr = { SIM_HOST(i) },
		};

		sim_replica(server, &replica, &settled[i - 1]);
	}
	sim_advance_seconds(&sim, 1000);
}

/* ---- requests ---- */

static void replied(void *arg, const uint8_t *frame, size_t len)
{
	struct control_reader reply = { .len = 0 };
	uint64_t status = CONTROL_STATUSES;

	(void)arg;
	if (control_open(&reply, frame + CONTROL_HEAD, len - CONTROL_HEAD,
			 CONTROL_REPLY) == CONTROL_GOOD) {
		status = control_number_or(&reply, CONTROL_STATUS, status);
	}
	alloc_heard(1, status == CONTROL_FAILED, status);
}

static void begin(const char *verb)
{
	control_begin(&request, out, sizeof(out), CONTROL_REQUEST);
	control_put_text(&request, CONTROL_VERB, verb);
}

static void call(void)
{
	size_t len = control_end(&request);
	TALLOC_CTX *client = NULL;

	alloc_pause();
	client = talloc_new(NULL);
	alloc_resume();
	peer.events = NULL;
	if (control_call(client, &context, CONTROL_ADMIN, out + CONTROL_HEAD,
			 len - CONTROL_HEAD, replied, NULL) != 0) {
		alloc_heard(1, true, 0);
	}
	if (peer.events != NULL) {
		peer.events->down(peer.arg, ECONNREFUSED);
	}
	sim_advance_seconds(&sim, 120);
	talloc_free(client);
}

static void of_owner(const char *verb, uint64_t flags)
{
	begin(verb);
	control_put_number(&request, CONTROL_OWNER, SIM_OTHER);
	control_put_number(&request, CONTROL_FLAGS, flags);
	call();
}

static void adopt(void)
{
	of_owner("owner adopt", CONTROL_ALL);
}

static void adopt_dry(void)
{
	of_owner("owner adopt", CONTROL_ALL | CONTROL_DRY_RUN);
}

static void forget(void)
{
	of_owner("owner delete", CONTROL_YES);
}

static void bury(void)
{
	of_owner("owner delete", CONTROL_YES | CONTROL_BURY);
}

static void move_to(void)
{
	begin("owner rename");
	control_put_number(&request, CONTROL_ADDRESS, SIM_HOST(200));
	call();
}

static void check_database(void)
{
	begin("check database");
	call();
}

static void check_versions(void)
{
	begin("check versions");
	call();
}

static void check_names(void)
{
	begin("check names");
	call();
}

static const struct alloc_row rows[] = {
	{ "adopt", have_owner, adopt, PARTS | TIME | RACE, NULL },
	{ "adopt, a dry run", have_owner, adopt_dry, TIME, NULL },
	{ "forget", have_owner, forget, PARTS | TIME | RACE, NULL },
	{ "bury", have_owner, bury, PARTS | TIME | RACE, NULL },
	{ "rename", have_owner, move_to, TIME | RACE, NULL },
	{ "check database", have_owner, check_database, TIME, NULL },
	{ "check versions", have_owner, check_versions, TIME, NULL },
	{ "check names", have_owner, check_names, TIME, NULL },
};

int main(void)
{
	return alloc_run_rows("alloc_owners", rows,
			      sizeof(rows) / sizeof(rows[0]));
}
