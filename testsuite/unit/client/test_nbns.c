/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The name service client against a scripted server on loopback: what it
 * sends (Annex A of protocol.md), what it believes and what not (quality.md
 * C.2, MS16-077), refusals (1.1), node status (1.5), errors, the responder.
 * Times, cancelling and leaks: test_nbns_life.c.
 */
#include "unit/client/fixture.h"

/* ---- what is sent */

static size_t unhex(const char *hex, uint8_t *buf)
{
	size_t len = 0;
	unsigned int byte = 0;

	while (sscanf(hex + 2 * len, "%2x", &byte) == 1) {
		buf[len++] = (uint8_t)byte;
	}
	return len;
}

#define VEC1 "2046474546454444424341434143414341434143414341434143414341434143410000"

static const struct {
	enum nbns_kind kind;
	uint16_t op_flags;
	uint32_t ttl;
	uint32_t addr;
	const char *packet;		/* behind the id */
} sent[] = {	/* protocol.md Annex A; the last two by 1.4 */
	{ NBNS_REGISTER, NBNS_OP_RD, 300000, 0x0a353917,
	  "29000001000000000001" VEC1 "200001"
	  "c00c00200001000493e0000660000a353917" },
	{ NBNS_REFRESH, 0, 12345, 0x0a353917,
	  "40000001000000000001" VEC1 "200001"
	  "c00c0020000100003039000660000a353917" },
	{ NBNS_QUERY, NBNS_OP_RD, 0, 0,
	  "01000001000000000000" VEC1 "200001" },
	{ NBNS_MREGISTER, NBNS_OP_RD, 300000, 0x0a353962,
	  "79000001000000000001" VEC1 "200001"
	  "c00c00200001000493e0000660000a353962" },
	{ NBNS_RELEASE, 0, 4711, 0x0a353962,
	  "30000001000000000001" VEC1 "200001"
	  "c00c0020000100000000000660000a353962" },
	{ NBNS_STATUS, 0, 0, 0,
	  "00000001000000000000" VEC1 "210001" },
	{ NBNS_QUERY, 0, 0, 0,
	  "00000001000000000000" VEC1 "200001" },
};

static void test_sent(void **state)
{
	static const struct fake_step script[] = {
		{ 0, FAKE_OK, 0, 0 }, { 0, FAKE_END, 0, 0 },
	};
	struct fixture *f = *state;
	size_t i = 0;

	f->fake->script = script;
	for (i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
		struct nbns_ask ask = ask_of(f, sent[i].kind);
		struct nbns_answer answer;
		uint8_t want[128];
		size_t len = unhex(sent[i].packet, want);

		ask.op_flags = sent[i].op_flags;
		ask.ttl = sent[i].ttl;
		ask.addr = sent[i].addr;
		assert_int_equal(ask_run(f, &ask, &answer), 0);
		assert_int_equal(f->fake->len, len + 2);
		assert_memory_equal(f->fake->packet + 2, want, len);
		assert_int_equal(ntohs(f->fake->peer.sin_port),
				 nbns_client_port(f->client));
		talloc_free(answer.names);
	}
}

/* ---- what is believed */

/* Each lie before the truth: the answer is the truth. */
static void test_lies_then_truth(void **state)
{
	struct fixture *f = *state;
	unsigned int lie = 0;
	size_t k = 0;

	for (lie = FAKE_WRONG_ID; lie < FAKE_SAYS; lie++) {
		struct fake_step script[] = {
			{ 1, lie, 0, 0 },
			{ 1, FAKE_OK, 0, 20 },	/* the liars first */
			{ 0, FAKE_END, 0, 0 },
		};

		f->fake->script = script;
		for (k = 0; k < KINDS; k++) {
			struct nbns_ask ask = ask_of(f, kinds[k]);
			struct nbns_answer answer;

			f->fake->requests = 0;
			assert_int_equal(ask_run(f, &ask, &answer), 0);
			check_truth(kinds[k], &answer);
			assert_int_equal(answer.tries, 1);
			talloc_free(answer.names);
		}
	}
}

/* Each lie alone: nobody answered, and the lie is counted. */
static void test_lies_alone(void **state)
{
	struct fixture *f = *state;
	const struct nbns_client_stats *stats = nbns_client_stats(f->client);
	unsigned int lie = 0;
	size_t k = 0;

	for (lie = FAKE_WRONG_ID; lie < FAKE_SAYS; lie++) {
		struct fake_step script[] = {
			{ 0, lie, 0, 0 }, { 0, FAKE_END, 0, 0 },
		};

		f->fake->script = script;
		for (k = 0; k < KINDS; k++) {
			struct nbns_ask ask = ask_of(f, kinds[k]);
			struct nbns_answer answer = { .rcode = 99 };
			uint64_t answers = stats->answers;
			uint64_t dropped = stats->strays + stats->malformed +
					   stats->asked;

			ask.patience.tries = 2;
			ask.patience.try_msec = 8;
			f->fake->requests = 0;
			assert_int_equal(ask_run(f, &ask, &answer), ETIMEDOUT);
			assert_int_equal(answer.rcode, 99);
			assert_int_equal(stats->answers, answers);
			/* the last may still be on its way: wait for it */
			while (stats->strays + stats->malformed +
			       stats->asked < dropped + 2) {
				tevent_loop_once(f->ev);
			}
			assert_int_equal(stats->answers, answers);
			assert_int_equal(f->fake->requests, 2);
		}
	}
}

/* Take in everything that is queued: a marker of our own comes last. */
static void drain(struct fixture *f)
{
	const struct nbns_client_stats *stats = nbns_client_stats(f->client);
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(nbns_client_port(f->client)),
		.sin_addr.s_addr = htonl(LOOPBACK),
	};
	uint64_t seen = stats->malformed;

	fake_send(f->fake->fd_port, &to, (const uint8_t *)"x", 1);
	while (stats->malformed == seen) {
		tevent_loop_once(f->ev);
	}
}

/*
 * MS16-077: all 65536 ids, the right one among them, from a wrong port, from
 * a wrong address, and from the right place with a wrong name: none is taken.
 */
static void test_spoof(void **state)
{
	struct fixture *f = *state;
	const struct nbns_client_stats *stats = nbns_client_stats(f->client);
	struct nbns_ask ask = ask_of(f, NBNS_QUERY);
	struct nbns_answer answer;
	struct tevent_req *req = NULL;
	static const enum fake_say lies[] = {
		FAKE_WRONG_PORT, FAKE_WRONG_ADDRESS, FAKE_WRONG_NAME,
	};
	size_t i = 0;
	uint32_t id = 0;

	req = nbns_ask_send(f, f->ev, f->client, &ask);
	while (f->fake->requests == 0) {
		tevent_loop_once(f->ev);
	}
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		uint8_t request[1024];

		memcpy(request, f->fake->packet, sizeof(request));
		for (id = 0; id < 0x10000; id++) {
			fake_put16(request, id);
			fake_say(f->fake, lies[i], 0, &f->fake->peer, request);
			if (id % 128 == 127) {
				drain(f);
			}
		}
	}
	assert_int_equal(stats->strays, 3 * 0x10000);
	assert_int_equal(stats->answers, 0);
	assert_true(tevent_req_is_in_progress(req));

	fake_say(f->fake, FAKE_OK, 0, &f->fake->peer, f->fake->packet);
	assert_true(tevent_req_poll(req, f->ev));
	assert_int_equal(nbns_ask_recv(req, f, &answer), 0);
	check_truth(NBNS_QUERY, &answer);
	talloc_free(req);
}

/* An answer that comes twice, or after the end, is a stray. */
static void test_duplicate_and_late(void **state)
{
	static const struct fake_step twice[] = {
		{ 0, FAKE_OK, 0, 0 }, { 0, FAKE_OK, 6, 0 },
		{ 0, FAKE_END, 0, 0 },
	};
	static const struct fake_step late[] = {
		{ 0, FAKE_OK, 0, 60 }, { 0, FAKE_END, 0, 0 },
	};
	struct fixture *f = *state;
	const struct nbns_client_stats *stats = nbns_client_stats(f->client);
	struct nbns_ask ask = ask_of(f, NBNS_REGISTER);
	struct nbns_answer answer;

	f->fake->script = twice;
	assert_int_equal(ask_run(f, &ask, &answer), 0);
	assert_int_equal(answer.rcode, 0);
	while (stats->strays == 0) {
		tevent_loop_once(f->ev);
	}

	f->fake->script = late;
	ask.patience.tries = 1;
	ask.patience.try_msec = 20;
	assert_int_equal(ask_run(f, &ask, &answer), ETIMEDOUT);
	while (stats->strays == 1) {
		tevent_loop_once(f->ev);
	}
	assert_int_equal(stats->answers, 1);
}

/* Names whose echo is easily got wrong: scopes, `*`, bytes, an empty name. */
static void test_names(void **state)
{
	static const struct fake_step script[] = {
		{ 0, FAKE_OK, 0, 0 }, { 0, FAKE_END, 0, 0 },
	};
	static const char *const names[] = {
		"VECS<72>.foo.example.com", "*<00>", "<72>", ".<72>",
		"\\xff\\x80\\xc0FOO<00>", "\\x01\\x02__MSBROWSE__\\x02<01>",
		"FIFTEENBYTESLON<1b>", "lower<20>",
	};
	struct fixture *f = *state;
	size_t i = 0;
	size_t k = 0;

	f->fake->script = script;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (k = 0; k < KINDS; k++) {
			struct nbns_ask ask = ask_of(f, kinds[k]);
			struct nbns_answer answer;

			ask.name = name_of(names[i]);
			assert_int_equal(ask_run(f, &ask, &answer), 0);
			check_truth(kinds[k], &answer);
			talloc_free(answer.names);
		}
	}
}

/* ---- results */

/* Every refusal is a result, for every kind that can be refused. */
static void test_rcodes(void **state)
{
	struct fixture *f = *state;
	uint32_t rcode = 0;
	size_t k = 0;

	for (rcode = 1; rcode < 16; rcode++) {
		struct fake_step script[] = {
			{ 0, FAKE_OK, rcode, 0 }, { 0, FAKE_END, 0, 0 },
		};

		f->fake->script = script;
		for (k = 0; k < KINDS; k++) {
			struct nbns_ask ask = ask_of(f, kinds[k]);
			struct nbns_answer answer;

			assert_int_equal(ask_run(f, &ask, &answer), 0);
			assert_int_equal(answer.rcode, rcode);
			assert_int_equal(answer.count, is_change(kinds[k]));
			assert_int_equal(answer.names_count, 0);
		}
	}
}

static void test_status(void **state)
{
	static const struct fake_step script[] = {
		{ 0, FAKE_OK, 0, 0 }, { 0, FAKE_END, 0, 0 },
	};
	struct fixture *f = *state;
	unsigned int names = 0, i = 0;

	f->fake->script = script;
	for (names = 0; names < 256; names += names < 3 ? 1 : 36) {
		struct nbns_ask ask = ask_of(f, NBNS_STATUS);
		struct nbns_answer answer;

		f->fake->status_names = names;
		ask.name = name_of("*<00>");
		assert_int_equal(ask_run(f, &ask, &answer), 0);
		assert_int_equal(answer.names_count, names);
		assert_memory_equal(answer.unit_id, FAKE_UNIT_ID, 6);
		for (i = 0; i < names; i++) {
			struct nb_name want;
			char text[8];

			snprintf(text, sizeof(text), "N%03u", i);
			want = nb_name_make(text, 4, (uint8_t)i);
			assert_true(nb_name_equal(&want,
						  &answer.names[i].name));
			assert_int_equal(answer.names[i].nb_flags,
					 i % 2 != 0 ? 0xc400 : 0x4400);
		}
		talloc_free(answer.names);
	}
	assert_true(names > 255);
}

/* ---- errors of the machinery */

static void test_errors(void **state)
{
	struct fixture *f = *state;
	struct nbns_ask ask = ask_of(f, NBNS_QUERY);
	struct nbns_answer answer;
	struct nbns_client *other = NULL;
	char scope[80] = "A<20>.";

	ask.patience.tries = 0;
	assert_int_equal(ask_run(f, &ask, &answer), EINVAL);
	ask = ask_of(f, NBNS_QUERY);
	ask.patience.try_msec = 0;
	assert_int_equal(ask_run(f, &ask, &answer), EINVAL);
	ask = ask_of(f, NBNS_QUERY_REPLY);
	assert_int_equal(ask_run(f, &ask, &answer), EINVAL);
	ask = ask_of(f, NBNS_QUERY);
	ask.op_flags = NBNS_OP_RESPONSE;
	assert_int_equal(ask_run(f, &ask, &answer), EINVAL);

	/* a label of 64 bytes cannot be said */
	memset(scope + 6, 'x', 64);
	ask = ask_of(f, NBNS_QUERY);
	ask.name = name_of(scope);
	assert_int_equal(ask_run(f, &ask, &answer), EINVAL);

	/* a socket on 127.0.0.1 has no way to the outside */
	ask = ask_of(f, NBNS_QUERY);
	ask.server = 0xc0000201;
	assert_int_not_equal(ask_run(f, &ask, &answer), 0);
	/* a broadcast address that is not asked as one */
	ask = ask_of(f, NBNS_QUERY);
	ask.server = 0x7fffffff;
	assert_int_equal(ask_run(f, &ask, &answer), EACCES);

	/* ports are not shared, foreign addresses not taken */
	assert_int_equal(nbns_client_create(f, f->ev, LOOPBACK,
					    f->fake->port, &other),
			 EADDRINUSE);
	assert_int_equal(nbns_client_create(f, f->ev, 0xc0000201, 0, &other),
			 EADDRNOTAVAIL);
	assert_null(other);
	assert_int_equal(nbns_client_stats(f->client)->answers, 0);
}

/* Asked by broadcast, anybody may answer; the port still counts. */
static void test_broadcast(void **state)
{
	static const struct fake_step script[] = {
		{ 0, FAKE_WRONG_PORT, 0, 0 }, { 0, FAKE_WRONG_ADDRESS, 0, 20 },
		{ 0, FAKE_END, 0, 0 },
	};
	struct fixture *f = *state;
	struct nbns_ask ask = ask_of(f, NBNS_QUERY);
	struct nbns_answer answer;

	TALLOC_FREE(f->fake);
	f->fake = fake_start(f, f->ev, 0x7fffffff);
	f->fake->script = script;
	ask.op_flags = NBNS_OP_BROADCAST;
	ask.server = 0x7fffffff;
	ask.port = f->fake->port;
	assert_int_equal(ask_run(f, &ask, &answer), 0);
	assert_int_equal(answer.from, 0x7f000002);
	assert_int_equal(nbns_client_stats(f->client)->strays, 1);
	assert_int_equal(f->fake->packet[3] & 0x10, 0x10);
}

/* ---- the responder */

static bool hold(void *priv, const struct nbns_msg *msg, uint32_t from,
		 uint16_t port, struct nb_reply *reply)
{
	const struct nb_name *mine = priv;

	assert_int_equal(from, LOOPBACK);
	assert_int_not_equal(port, 0);
	if (msg->kind != NBNS_QUERY || !nb_name_equal(mine, &msg->name)) {
		return false;
	}
	reply->kind = NB_REPLY_ADDRESSES;
	reply->nb_flags = 0x6000;
	reply->count = 2;
	reply->addr[0] = FAKE_ADDR;
	reply->addr[1] = FAKE_ADDR + 1;
	return true;
}

static void test_responder(void **state)
{
	struct fixture *f = *state;
	const struct nbns_client_stats *stats = nbns_client_stats(f->client);
	struct nb_name mine = name_of("VEC1<20>");
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(nbns_client_port(f->client)),
		.sin_addr.s_addr = htonl(LOOPBACK),
	};
	uint8_t challenge[64], want[128];
	size_t len = unhex("9c1801000001000000000000" VEC1 "200001",
			   challenge);
	size_t want_len = 0;

	/* nobody listens: silence */
	fake_send(f->fake->fd, &to, challenge, len);
	while (stats->asked < 1) {
		tevent_loop_once(f->ev);
	}
	/* another name: silence */
	nbns_client_set_responder(f->client, hold, &mine);
	challenge[14] ^= 1;
	fake_send(f->fake->fd, &to, challenge, len);
	while (stats->asked < 2) {
		tevent_loop_once(f->ev);
	}
	assert_int_equal(stats->answered, 0);
	/* ours */
	challenge[14] ^= 1;
	fake_send(f->fake->fd, &to, challenge, len);
	while (f->fake->requests == 0) {
		tevent_loop_once(f->ev);
	}
	want_len = unhex("9c1885800000000100000000" VEC1 "200001"
			 "00000000000c60000a35391760000a353918", want);
	assert_int_equal(f->fake->len, want_len);
	assert_memory_equal(f->fake->packet, want, want_len);
	assert_int_equal(stats->answered, 1);
}

/* ---- the observer */

struct seen {
	unsigned int count[3];
	size_t len;
	uint16_t port;
	uint8_t data[1024];	/* of the last that was sent */
};

static void see(void *priv, enum nbns_seen seen, uint32_t peer, uint16_t port,
		const uint8_t *data, size_t len)
{
	struct seen *all = priv;

	assert_int_equal(peer, LOOPBACK);
	all->count[seen]++;
	all->port = port;
	if (seen == NBNS_SENT) {
		all->len = len;
		memcpy(all->data, data, len);
	}
}

/* One request, one lie and the truth. */
static void test_observer(void **state)
{
	static const struct fake_step script[] = {
		{ 1, FAKE_WRONG_NAME, 0, 0 }, { 1, FAKE_OK, 0, 20 },
		{ 0, FAKE_END, 0, 0 },
	};
	struct fixture *f = *state;
	struct nbns_ask ask = ask_of(f, NBNS_REGISTER);
	struct nbns_answer answer;
	struct seen seen = { .len = 0 };
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(nbns_client_port(f->client)),
		.sin_addr.s_addr = htonl(LOOPBACK),
	};
	uint8_t challenge[64];
	size_t len = 0;

	f->fake->script = script;
	nbns_client_set_observer(f->client, see, &seen);
	assert_int_equal(ask_run(f, &ask, &answer), 0);
	assert_int_equal(seen.count[NBNS_SENT], 1);
	assert_int_equal(seen.count[NBNS_RECEIVED], 1);
	assert_int_equal(seen.count[NBNS_IGNORED], 1);
	assert_int_equal(seen.port, f->fake->port);
	assert_int_equal(seen.len, f->fake->len);
	assert_memory_equal(seen.data, f->fake->packet, seen.len);

	/* a request of somebody else's, and nonsense */
	len = unhex("9c1801000001000000000000" VEC1 "200001", challenge);
	fake_send(f->fake->fd, &to, challenge, len);
	drain(f);
	assert_int_equal(seen.count[NBNS_RECEIVED], 2);
	assert_int_equal(seen.count[NBNS_IGNORED], 2);
	nbns_client_set_observer(f->client, NULL, NULL);
	drain(f);
	assert_int_equal(seen.count[NBNS_IGNORED], 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		T(sent), T(lies_then_truth), T(lies_alone), T(spoof),
		T(duplicate_and_late), T(names), T(rcodes), T(status),
		T(errors), T(broadcast), T(responder),
		T(observer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
