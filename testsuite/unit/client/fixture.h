/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of the name service client share: a loop with a client and
 * the scripted server, and requests with the values of Annex A.
 *
 * Every wait of these tests is for an event. Where a test needs a time to
 * pass, the waits of the request are made short instead; only limits that
 * must not be reached are long.
 */
#ifndef WINSD_TEST_CLIENT_FIXTURE_H
#define WINSD_TEST_CLIENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>

#include "client/nbns.h"
#include "unit/client/fake_server.h"

#define LOOPBACK	0x7f000001u
#define LONG		20000		/* ms: a test that waits so long fails */

struct fixture {
	struct tevent_context *ev;
	struct fake_server *fake;
	struct nbns_client *client;
};

static inline int setup(void **state)
{
	struct fixture *f = talloc_zero(NULL, struct fixture);

	f->ev = tevent_context_init(f);
	f->fake = fake_start(f, f->ev, LOOPBACK);
	assert_int_equal(nbns_client_create(f, f->ev, LOOPBACK, 0, &f->client),
			 0);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	TALLOC_FREE(f->client);
	TALLOC_FREE(f->fake);
	talloc_free(f);
	return 0;
}

static inline struct nb_name name_of(const char *text)
{
	struct nb_name name;

	assert_true(nb_name_parse(text, &name));
	return name;
}

/* A request with the values of Annex A, patient enough for a busy machine. */
static inline struct nbns_ask ask_of(const struct fixture *f, enum nbns_kind kind)
{
	struct nbns_ask ask = {
		.kind = kind,
		.server = LOOPBACK,
		.port = f->fake->port,
		.name = name_of("VEC1<20>"),
		.addr = FAKE_ADDR,
		.ttl = 300000,
		.nb_flags = 0x6000,
		.patience = nbns_patience_default(),
	};

	ask.patience.try_msec = LONG;
	return ask;
}

static inline int ask_run(struct fixture *f, const struct nbns_ask *ask,
		   struct nbns_answer *answer)
{
	struct tevent_req *req = nbns_ask_send(f, f->ev, f->client, ask);
	int ret = 0;

	assert_non_null(req);
	assert_true(tevent_req_poll(req, f->ev));
	ret = nbns_ask_recv(req, f, answer);
	talloc_free(req);
	assert_int_equal(nbns_client_pending(f->client), 0);
	return ret;
}

static const enum nbns_kind kinds[] = {
	NBNS_QUERY, NBNS_STATUS, NBNS_REGISTER, NBNS_MREGISTER, NBNS_REFRESH,
	NBNS_RELEASE,
};
#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))

static inline bool is_change(enum nbns_kind kind)
{
	return kind != NBNS_QUERY && kind != NBNS_STATUS;
}

/* Is this what FAKE_OK says? */
static inline void check_truth(enum nbns_kind kind, const struct nbns_answer *answer)
{
	assert_int_equal(answer->rcode, 0);
	assert_int_equal(answer->from, LOOPBACK);
	if (kind == NBNS_QUERY) {
		assert_int_equal(answer->kind, NBNS_QUERY_REPLY);
		assert_int_equal(answer->count, 2);
		assert_int_equal(answer->address[0].addr, FAKE_ADDR);
		assert_int_equal(answer->address[0].nb_flags, 0x6000);
		assert_int_equal(answer->address[1].addr, FAKE_ADDR + 1);
		assert_int_equal(answer->address[1].nb_flags, 0x2000);
		return;
	}
	if (kind == NBNS_STATUS) {
		assert_int_equal(answer->kind, NBNS_STATUS_REPLY);
		assert_int_equal(answer->names_count, 2);
		assert_memory_equal(answer->unit_id, FAKE_UNIT_ID, 6);
		return;
	}
	assert_int_equal(answer->kind, kind == NBNS_RELEASE ?
			 NBNS_RELEASE_REPLY : NBNS_REGISTER_REPLY);
	assert_int_equal(answer->ttl, kind == NBNS_RELEASE ? 0 : 300000);
	assert_int_equal(answer->count, 1);
	assert_int_equal(answer->address[0].addr, FAKE_ADDR);
	assert_int_equal(answer->address[0].nb_flags, 0x6000);
}

#endif
