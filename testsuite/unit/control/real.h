/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands on a whole server in the virtual world (sim/simserver.h), with
 * replication whose connections the test plays: for what goes through store,
 * serve and repl. Include it last, after cmocka.
 */
#ifndef WINSD_TEST_CONTROL_REAL_H
#define WINSD_TEST_CONTROL_REAL_H

#include <errno.h>
#include <string.h>

#include "control/control.h"
#include "sim/simserver.h"

struct link {
	const struct link_events *events;
	void *arg;
	uint32_t to;
	bool closed;
};

static struct sim_world sim;
static struct sim_server *server;
static struct repl *repl;
static struct repl_config repl_config;
static struct control_context context;
static struct link peer;		/* the latest that was called */
static unsigned int calls;

static uint8_t out[CONTROL_FRAME_MAX], in[CONTROL_FRAME_MAX];
static struct control_writer writer;
static struct control_reader reply;
static unsigned int replies;
static TALLOC_CTX *client;

/* ---- connections ---- */

static inline int real_connect(void *priv, uint32_t from, uint32_t to,
			       uint16_t port, const struct link_events *events,
			       void *arg, struct link **link)
{
	(void)priv;
	(void)from;
	(void)port;
	peer = (struct link) { .events = events, .arg = arg, .to = to };
	*link = &peer;
	calls++;
	return 0;
}

static inline int real_send(struct link *link, const uint8_t *data, size_t len)
{
	(void)link;
	(void)data;
	(void)len;
	return 0;
}

static inline void real_close(struct link *link)
{
	link->closed = true;
}

/* ---- the server ---- */

static inline void real_wire(void)
{
	static const struct link_ops ops = {
		.connect = real_connect,
		.send = real_send,
		.close = real_close,
	};

	assert_int_equal(repl_create(NULL, &sim.world, server->store,
				     server->serve, &ops, &repl_config, &repl),
			 0);
	repl_loaded(repl);
	context = (struct control_context) {
		.world = &sim.world,
		.store = server->store,
		.serve = server->serve,
		.repl = repl,
		.self = repl_config.self,
		.version = "0.1",
		.state = "running",
		.instance = 77,
	};
}

static inline int real_start(void **state)
{
	struct serve_config config = sim_config();

	(void)state;
	sim_world_init(&sim, 1);
	server = sim_server_start(NULL, &sim, &config);
	repl_config = (struct repl_config) {
		.self = SIM_SELF,
		.port = 42,
		.version_jump = 1000000,
		.start_wait = 120,
		.periodic = 60,
	};
	calls = 0;
	replies = 0;
	real_wire();
	return 0;
}

static inline int real_stop(void **state)
{
	(void)state;
	TALLOC_FREE(client);
	TALLOC_FREE(repl);
	sim_server_stop(server);
	if (sim.timer_count != 0) {
		print_error("%u timers are left\n", sim.timer_count);
		return -1;
	}
	sim_world_end(&sim);
	return 0;
}

/* Stop, and start from the same disk under what repl_config says now. */
static inline void real_restart(void)
{
	TALLOC_FREE(repl);
	sim_server_off(server);
	sim_server_on(server);
	real_wire();
}

/* A replica of that owner is here: "NAME<20>". */
static inline void replica(const char *name, uint32_t owner, uint64_t version,
			   bool is_static, uint8_t state)
{
	struct sim_replica r = {
		.name = name,
		.state = state,
		.is_static = is_static,
		.owner = owner,
		.version = version,
		.count = 1,
		.addr = { SIM_HOST(version) },
	};
	struct sim_settled settled = { .error = -1 };

	sim_replica(server, &r, &settled);
	assert_int_equal(settled.error, 0);
	serve_turn_begin(server->serve);
	assert_int_equal(serve_set_mark(server->serve, owner, version), 0);
	serve_turn_end(server->serve);
	sim_advance(&sim, 0);
}

static inline bool fetch(const char *text, struct nb_record *rec)
{
	struct nb_name name;

	assert_true(nb_name_parse(text, &name));
	return store_get(server->store, &name, rec);
}

/* ---- asking ---- */

static inline void take_reply(void *arg, const uint8_t *frame, size_t len)
{
	(void)arg;
	memcpy(in, frame, len);
	assert_int_equal(control_open(&reply, in + CONTROL_HEAD,
				      len - CONTROL_HEAD, CONTROL_REPLY),
			 CONTROL_GOOD);
	replies++;
}

static inline struct control_writer *request(const char *verb)
{
	control_begin(&writer, out, sizeof(out), CONTROL_REQUEST);
	control_put_text(&writer, CONTROL_VERB, verb);
	return &writer;
}

/* Send what request() began; the answer may come later. */
static inline void send_request(void)
{
	size_t len = control_end(&writer);

	assert_true(len > 0);
	replies = 0;
	talloc_free(client);
	client = talloc_new(NULL);
	assert_int_equal(control_call(client, &context, CONTROL_ADMIN,
				      out + CONTROL_HEAD, len - CONTROL_HEAD,
				      take_reply, NULL), 0);
}

static inline enum control_status status_of(void)
{
	return (enum control_status)control_number_or(&reply, CONTROL_STATUS,
						      999);
}

static inline bool said(const char *part)
{
	struct control_field field;
	char text[512];

	return control_find(&reply, CONTROL_MESSAGE, &field) &&
	       strstr(control_text(&field, text, sizeof(text)), part) != NULL;
}

static inline uint64_t value_of(const char *key)
{
	struct control_field field = { .data = NULL };
	char text[64] = "";

	while (control_next(&reply, &field)) {
		if (field.tag == CONTROL_KEY) {
			control_text(&field, text, sizeof(text));
		} else if (strcmp(text, key) == 0) {
			return control_number(&field);
		}
	}
	fail_msg("no value %s", key);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, real_start, real_stop)

#endif
