/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of serve share: one server in one virtual world, and short
 * words for requests and what is expected of the replies.
 */
#ifndef WINSD_TEST_SERVE_SCENE_H
#define WINSD_TEST_SERVE_SCENE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/simserver.h"

static struct sim_world sim;
static struct sim_server *server;

static inline int scene_start_with(const struct serve_config *config)
{
	sim_world_init(&sim, 1);
	server = sim_server_start(NULL, &sim, config);
	return 0;
}

static inline int scene_start(void **state)
{
	struct serve_config config = sim_config();

	(void)state;
	return scene_start_with(&config);
}

/* Nothing may be left behind but the timers of a server at rest. */
static inline int scene_stop(void **state)
{
	(void)state;
	sim_server_stop(server);
	if (sim.timer_count != 0) {
		print_error("%u timers outlived the server\n",
			    sim.timer_count);
		return -1;
	}
	sim_world_end(&sim);
	return 0;
}

static inline void send_kind(enum nbns_kind kind, uint16_t trn_id,
			     const char *name, uint32_t from, bool group)
{
	struct sim_request request = {
		.kind = kind,
		.trn_id = trn_id,
		.name = name,
		.from = from,
		.nb_flags = group ? 0xe000 : 0x6000,
	};

	sim_request(server, &request);
}

static inline void expect_silence(uint16_t trn_id)
{
	const struct sim_reply *reply = sim_take(server, trn_id);

	if (reply != NULL) {
		fail_msg("id %u: no reply expected, got %s", trn_id,
			 nbns_kind_name(reply->msg.kind));
	}
}

static inline const struct sim_reply *expect(uint16_t trn_id,
					     enum nbns_kind kind, int rcode)
{
	const struct sim_reply *reply = sim_take(server, trn_id);

	if (reply == NULL) {
		fail_msg("id %u: no reply, %s expected", trn_id,
			 nbns_kind_name(kind));
		return NULL;
	}
	if (reply->msg.kind != kind ||
	    (int)(reply->msg.operation & NBNS_OP_RCODE) != rcode) {
		fail_msg("id %u: %s rcode %u, expected %s rcode %d", trn_id,
			 nbns_kind_name(reply->msg.kind),
			 reply->msg.operation & NBNS_OP_RCODE,
			 nbns_kind_name(kind), rcode);
	}
	return reply;
}

/* Register and expect it to be accepted at once. */
static inline void registered(uint16_t trn_id, const char *name, uint32_t from)
{
	send_kind(NBNS_REGISTER, trn_id, name, from, false);
	expect(trn_id, NBNS_REGISTER_REPLY, NB_RCODE_OK);
}

#endif
