/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A pull of everything, from a server in memory that behaves as it is told:
 * gives all, caps its replies, withholds static records or the end of a range,
 * stops or closes at each moment. It speaks with our codec; a server that does
 * not is in scenario/test_migrate_live.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "migrate/live/walk.h"

#define OWNER_A	0x7f414101u	/* 127.65.65.1 */
#define OWNER_B	0x7f424201u
#define CTX	0x12345678u
#define ROOM	(1u << 20)
#define RECORDS	400

enum fault {
	FAULT_NONE,
	FAULT_CLOSE_START,
	FAULT_CLOSE_MAP,
	FAULT_STOP_MAP,
	FAULT_CLOSE_RANGE,	/* at the third SEND_REQUEST */
	FAULT_CUT_RECORD,	/* in the middle of a record */
	FAULT_TRAIL,		/* bytes behind the last record of a reply */
	FAULT_START_AGAIN,	/* at the map request */
	FAULT_COUNT,		/* more records than the frame has room for */
};

struct server {
	enum fault fault;
	bool no_statics;
	uint64_t end;		/* no version above this is sent; 0: all */
	uint32_t cap;		/* records of a reply; 0: no cap */
	size_t piece;		/* bytes of a read; 0: what there is */
	uint32_t owners;
	struct wrepl_owner map[4];
	unsigned int count;
	struct nb_record rec[RECORDS];
	/* what went on */
	unsigned int requests;
	bool stopped, closed;
	uint8_t out[ROOM];
	size_t from, to;
};

static struct server server;

static void queue(const uint8_t *data, size_t len)
{
	assert_true(len <= ROOM - server.to);
	memcpy(server.out + server.to, data, len);
	server.to += len;
}

static bool is_sent(const struct nb_record *rec, const struct wrepl_owner *r)
{
	return rec->owner == r->address && rec->version >= r->min &&
	       rec->version <= r->max &&
	       !(server.no_statics && rec->is_static) &&
	       (server.end == 0 || rec->version <= server.end);
}

static void answer_request(const struct wrepl_owner *range)
{
	static uint8_t body[ROOM];
	uint8_t head[WREPL_REPLY_HEAD];
	uint32_t names = 0;
	size_t len = 0;

	server.requests++;
	if (server.fault == FAULT_CLOSE_RANGE && server.requests == 3) {
		server.closed = true;
		return;
	}
	for (unsigned int i = 0; i < server.count; i++) {
		if (is_sent(&server.rec[i], range) &&
		    (server.cap == 0 || names < server.cap)) {
			len += wrepl_encode_record(body + len, &server.rec[i],
						   0);
			names++;
		}
	}
	if (server.fault == FAULT_TRAIL) {
		memset(body + len, 0xee, 33);
		len += 33;
	}
	(void)wrepl_encode_reply_head(head, CTX, server.fault == FAULT_COUNT ?
				      0x10000001u : names, len);
	queue(head, sizeof(head));
	queue(body, server.fault == FAULT_CUT_RECORD ? len - 5 : len);
	server.closed = server.fault == FAULT_CUT_RECORD;
}

static void answer_map(void)
{
	static uint8_t frame[ROOM];
	uint8_t small[WREPL_SMALL_MAX];

	switch (server.fault) {
	case FAULT_CLOSE_MAP:
		server.closed = true;
		return;
	case FAULT_STOP_MAP:
		queue(small, wrepl_encode_stop(small, CTX, WREPL_STOP_ERROR));
		return;
	case FAULT_START_AGAIN:
		queue(small, wrepl_encode_start(small, WREPL_START_REPLY, CTX,
						CTX));
		return;
	default:
		queue(frame, wrepl_encode_table(frame, CTX, WREPL_TABLE_REPLY,
						server.map, server.owners,
						OWNER_A));
	}
}

/* Each frame of a client is one send. */
static int server_send(void *priv, const uint8_t *data, size_t len)
{
	uint8_t small[WREPL_SMALL_MAX];
	struct wrepl_msg msg;

	(void)priv;
	assert_int_equal(wrepl_frame_size(data, len), len - WREPL_HEAD);
	assert_int_equal(wrepl_decode(data + WREPL_HEAD, len - WREPL_HEAD,
				      &msg), WREPL_OK);
	if (msg.type == WREPL_START) {
		server.closed = server.fault == FAULT_CLOSE_START;
		queue(small, server.closed ? 0 :
		      wrepl_encode_start(small, WREPL_START_REPLY, msg.sender,
					 CTX));
		return 0;
	}
	assert_int_equal(msg.context, CTX);
	if (msg.type == WREPL_STOP) {
		assert_int_equal(msg.reason, WREPL_STOP_NORMAL);
		server.stopped = true;
	} else if (msg.command == WREPL_TABLE_QUERY) {
		answer_map();
	} else {
		answer_request(&msg.request);
	}
	return 0;
}

static int server_receive(void *priv, uint8_t *data, size_t size, size_t *got)
{
	size_t len = server.to - server.from;

	(void)priv;
	assert_true(size > 0);
	assert_true(len > 0 || server.closed);
	len = len > size ? size : len;
	len = server.piece != 0 && len > server.piece ? server.piece : len;
	memcpy(data, server.out + server.from, len);
	server.from += len;
	if (server.from == server.to) {
		server.from = server.to = 0;
	}
	*got = len;
	return 0;
}

static void add(uint32_t owner, uint64_t version, bool is_static)
{
	struct nb_record *rec = &server.rec[server.count];
	uint8_t name[2] = { 'A' + server.count % 26, 'A' + server.count / 26 };

	assert_true(server.count < RECORDS);
	server.count++;
	*rec = (struct nb_record) {
		.name = nb_name_make(name, 2, 0x20),
		.node = NB_H_NODE,
		.is_static = is_static,
		.owner = owner,
		.version = version,
		.count = 1,
		.member[0] = { .ip = 0x0a000001u + server.count,
			       .owner = owner },
	};
}

/* Two owners: one near the beginning of versions, one near their end. */
static int setup(void **state)
{
	(void)state;
	memset(&server, 0, sizeof(server));
	server.owners = 2;
	server.map[0] = (struct wrepl_owner) { OWNER_B, UINT64_MAX, 0 };
	server.map[1] = (struct wrepl_owner) { OWNER_A, 200000, 0 };
	add(OWNER_A, 3, false);
	add(OWNER_A, 65536, true);
	add(OWNER_A, 65537, false);
	add(OWNER_A, 199999, false);
	add(OWNER_A, 200000, false);
	add(OWNER_B, 1u << 30, false);
	add(OWNER_B, UINT64_MAX - 70000, false);
	add(OWNER_B, UINT64_MAX, true);
	return 0;
}

static struct walk *begin(void)
{
	static const struct wire wire = {
		.send = server_send,
		.receive = server_receive,
	};
	struct walk *walk = walk_begin(NULL, &wire, 0xdeadbeef);

	assert_non_null(walk);
	return walk;
}

static enum pull_result read_all(struct walk *walk, unsigned int *count)
{
	struct nb_record rec;
	const char *changed = NULL;
	enum pull_result result = PULL_OK;

	for (*count = 0; ; (*count)++) {
		result = walk_next(walk, &rec, &changed);
		if (result != PULL_OK) {
			return result;
		}
		assert_null(nb_record_broken(&rec));
	}
}

static void test_everything(void **state)
{
	static const size_t pieces[] = { 0, 1, 3, 61 };

	for (unsigned int i = 0; i < 4; i++) {
		struct walk *walk = NULL;
		unsigned int count = 0;

		setup(state);
		server.piece = pieces[i];
		walk = begin();
		assert_int_equal(walk->owners, 2);
		assert_int_equal(walk->owner[0].address, OWNER_A);
		assert_int_equal(read_all(walk, &count), PULL_ENDED);
		assert_int_equal(count, 8);
		assert_int_equal(walk->records, 8);
		assert_int_equal(walk->statics, 2);
		assert_int_equal(walk_short(walk), 0);
		assert_int_equal(walk->stray, 0);
		assert_int_equal(walk->stage, WALK_DONE);
		assert_true(server.stopped);
		/* 2^64 versions, by ranges that double: hundreds, not more */
		assert_in_range(server.requests, 4, 250);
		assert_int_equal(read_all(walk, &count), PULL_ENDED);
		talloc_free(walk);
	}
}

/* A server with a cap on its replies is asked for the rest. */
static void test_capped(void **state)
{
	struct walk *walk = NULL;
	unsigned int count = 0;

	(void)state;
	server.cap = 7;
	server.count = 0;
	server.owners = 1;
	server.map[0] = (struct wrepl_owner) { OWNER_A, 300, 0 };
	for (unsigned int i = 1; i <= 300; i++) {
		add(OWNER_A, i, i == 150);
	}
	walk = begin();
	assert_int_equal(read_all(walk, &count), PULL_ENDED);
	assert_int_equal(count, 300);
	assert_int_equal(server.requests, 43);
	assert_int_equal(walk_short(walk), 0);
	talloc_free(walk);
}

static void test_withheld(void **state)
{
	struct walk *walk = NULL;
	unsigned int count = 0;

	(void)state;
	server.no_statics = true;
	walk = begin();
	assert_int_equal(read_all(walk, &count), PULL_ENDED);
	assert_int_equal(count, 6);
	assert_int_equal(walk->statics, 0);
	assert_int_equal(walk_short(walk), 1);	/* the static was B's last */
	assert_true(walk_owner_short(&walk->owner[1]));
	assert_int_equal(walk->owner[1].highest, UINT64_MAX - 70000);
	assert_true(walk->owner[1].done);
	talloc_free(walk);
}

static void test_short_range(void **state)
{
	struct walk *walk = NULL;
	unsigned int count = 0;

	(void)state;
	server.end = 199999;
	walk = begin();
	assert_int_equal(read_all(walk, &count), PULL_ENDED);
	assert_int_equal(count, 4);
	assert_int_equal(walk_short(walk), 2);
	assert_int_equal(walk->owner[0].highest, 199999);
	assert_int_equal(walk->owner[1].highest, 0);
	talloc_free(walk);
}

/* What ends an association, and what is made of it. */
static void test_ends(void **state)
{
	static const struct {
		enum fault fault;
		enum walk_stage stage;
		enum pull_result result;
		unsigned int records;
	} table[] = {
		{ FAULT_CLOSE_START, WALK_START, PULL_CLOSED, 0 },
		{ FAULT_CLOSE_MAP, WALK_MAP, PULL_CLOSED, 0 },
		{ FAULT_STOP_MAP, WALK_MAP, PULL_REFUSED, 0 },
		{ FAULT_START_AGAIN, WALK_MAP, PULL_REFUSED, 0 },
		{ FAULT_CLOSE_RANGE, WALK_RECORDS, PULL_CLOSED, 3 },
		{ FAULT_CUT_RECORD, WALK_RECORDS, PULL_CLOSED, 1 },
		{ FAULT_COUNT, WALK_RECORDS, PULL_BROKEN, 0 },
	};

	for (unsigned int i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct walk *walk = NULL;
		unsigned int count = 0;

		setup(state);
		server.fault = table[i].fault;
		walk = begin();
		assert_int_equal(read_all(walk, &count), table[i].result);
		assert_int_equal(walk->stage, table[i].stage);
		assert_int_equal(count, table[i].records);
		assert_non_null(walk->complaint);
		assert_false(server.stopped);
		assert_int_equal(read_all(walk, &count), table[i].result);
		assert_int_equal(count, 0);
		talloc_free(walk);
	}
}

/* Bytes behind the records of a reply are padding and do not lead astray. */
static void test_padding(void **state)
{
	struct walk *walk = NULL;
	unsigned int count = 0;

	(void)state;
	server.fault = FAULT_TRAIL;
	server.piece = 10;
	walk = begin();
	assert_int_equal(read_all(walk, &count), PULL_ENDED);
	assert_int_equal(count, 8);
	talloc_free(walk);
}

/* A map with an owner twice, and one of which nothing is known. */
static void test_map(void **state)
{
	struct walk *walk = NULL;
	unsigned int count = 0;

	(void)state;
	server.owners = 4;
	server.map[2] = (struct wrepl_owner) { OWNER_A, 5, 0 };
	server.map[3] = (struct wrepl_owner) { 0x7f010101u, 0, 0 };
	walk = begin();
	assert_int_equal(walk->owners, 3);
	assert_int_equal(walk->owner[1].address, OWNER_A);
	assert_int_equal(walk->owner[1].max, 200000);
	assert_int_equal(read_all(walk, &count), PULL_ENDED);
	assert_int_equal(count, 8);
	assert_int_equal(walk_short(walk), 0);
	talloc_free(walk);
}

/* Active without an address: it is stored as released (protocol.md 2.1). */
static void test_changed(void **state)
{
	struct nb_record rec;
	const char *changed = NULL;
	struct walk *walk = NULL;

	(void)state;
	server.rec[0].type = NB_SGROUP;
	server.rec[0].count = 0;
	walk = begin();
	assert_int_equal(walk_next(walk, &rec, &changed), PULL_OK);
	assert_int_equal(rec.state, NB_RELEASED);
	assert_non_null(changed);
	assert_int_equal(walk_next(walk, &rec, &changed), PULL_OK);
	assert_null(changed);
	talloc_free(walk);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *text;
		bool is;
		uint16_t port;
	} table[] = {
		{ "wrepl://192.0.2.1", true, 42 },
		{ "wrepl://192.0.2.1/", true, 42 },
		{ "wrepl://192.0.2.1:4242", true, 4242 },
		{ "nbns://192.0.2.1", true, 137 },
		{ "nbns://192.0.2.1:65535", true, 65535 },
		{ "wrepl://192.0.2.1:0", false, 0 },
		{ "wrepl://192.0.2.1:65536", false, 0 },
		{ "wrepl://192.0.2.1:", false, 0 },
		{ "wrepl://192.0.2.1:42x", false, 0 },
		{ "wrepl://192.0.2.1/x", false, 0 },
		{ "wrepl://", false, 0 },
		{ "wrepl://wins1", false, 0 },
		{ "wrepl://0.0.0.0", false, 0 },
		{ "wrepl://192.0.2.1.192.0.2.1.192.0.2.1", false, 0 },
		{ "http://192.0.2.1", false, 0 },
		{ "192.0.2.1", false, 0 },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct live_address address = { .scheme = LIVE_NONE };

		assert_int_equal(live_parse(table[i].text, &address),
				 table[i].is);
		if (table[i].is) {
			assert_int_equal(address.host, 0xc0000201u);
			assert_int_equal(address.port, table[i].port);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_everything, setup),
		cmocka_unit_test_setup(test_capped, setup),
		cmocka_unit_test_setup(test_withheld, setup),
		cmocka_unit_test_setup(test_short_range, setup),
		cmocka_unit_test_setup(test_ends, setup),
		cmocka_unit_test_setup(test_padding, setup),
		cmocka_unit_test_setup(test_map, setup),
		cmocka_unit_test_setup(test_changed, setup),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests_name("migrate walk", tests, NULL, NULL);
}
