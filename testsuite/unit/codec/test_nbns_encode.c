/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of replies in protocol.md 1.4, cell by cell: operation word, RR
 * type, TTL, RDATA; the limits (25 addresses, 25 names, the buffer's end);
 * the echo of what the client sent; and what our decoder makes of replies
 * that other servers send (7.3, 10.2). Expected bytes are typed, not encoded.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/nbns.h"
#include "sim/golden.h"

/* "FOO" <20> as a first label, and the 46 bytes up to the record's type. */
#define FOO "\x20""EGEPEPCACACACACACACACACACACACACA"
#define FOO_LEN 34

static struct nb_name foo(void)
{
	return nb_name_make("FOO", 3, 0x20);
}

static struct nb_origin origin_foo(void)
{
	struct nb_origin origin = {
		.trn_id = 0x1234,
		.operation = 0x4000,
		.ttl = 0x01020304,
		.label_len = 16,
		.rdata_len = 6,
		.rdata = { 0x64, 0x00, 10, 1, 2, 3 },
	};

	memcpy(origin.label, "FOO                ", 15);
	origin.label[15] = 0x20;
	return origin;
}

/* Head and name of a reply, as every reply has them. */
static void check_head(const uint8_t *out, uint16_t operation)
{
	const uint8_t head[12] = {
		0x12, 0x34, (uint8_t)(operation >> 8), (uint8_t)operation,
		0, 0, 0, 1, 0, 0, 0, 0,
	};

	assert_memory_equal(out, head, sizeof(head));
	assert_memory_equal(out + 12, FOO, FOO_LEN);
}

/* One cell: the reply to foo's refresh must end in these bytes. */
static void check_reply(const struct nb_reply *reply, uint16_t operation,
			const char *tail_hex)
{
	struct nb_origin origin = origin_foo();
	struct nb_name name = foo();
	uint8_t out[NBNS_MAX];
	uint8_t tail[NBNS_MAX];
	size_t tail_len = golden_hex(tail_hex, tail, sizeof(tail));
	size_t len = nbns_encode_reply(out, sizeof(out), &origin, &name,
				       reply);

	assert_int_equal(len, 12 + FOO_LEN + tail_len);
	check_head(out, operation);
	assert_memory_equal(out + 12 + FOO_LEN, tail, tail_len);
	for (size_t size = 0; size < len; size++) {
		assert_int_equal(nbns_encode_reply(out, size, &origin, &name,
						   reply), 0);
	}
}

static void test_registration(void **state)
{
	struct nb_reply reply = {
		.kind = NB_REPLY_REGISTER, .ttl = 0x0a0b0c0d,
	};

	(void)state;
	check_reply(&reply, 0xad80, "00200001" "0a0b0c0d" "0006" "64000a010203");
	for (uint8_t rcode = 1; rcode < 8; rcode++) {
		reply.rcode = rcode;
		check_reply(&reply, 0xad80 | rcode,
			    "00200001" "01020304" "0006" "64000a010203");
	}
}

static void test_release(void **state)
{
	struct nb_reply reply = { .kind = NB_REPLY_RELEASE, .ttl = 99 };

	(void)state;
	check_reply(&reply, 0xb400, "00200001" "01020304" "0006" "64000a010203");
	reply.rcode = NB_RCODE_ACT;
	check_reply(&reply, 0xb406, "00200001" "01020304" "0006" "64000a010203");
}

static void test_wack(void **state)
{
	struct nb_reply reply = {
		.kind = NB_REPLY_WACK, .ttl = 9, .rcode = 5,
	};

	(void)state;
	check_reply(&reply, 0xbc00, "00200001" "00000009" "0002" "4000");
}

static void test_negative_query(void **state)
{
	struct nb_reply reply = { .kind = NB_REPLY_NEGATIVE, .ttl = 9 };

	(void)state;
	check_reply(&reply, 0x8403, "000a0001" "00000000" "0000");
	reply.rcode = NB_RCODE_NAM;
	check_reply(&reply, 0x8403, "000a0001" "00000000" "0000");
}

static void test_positive_query(void **state)
{
	struct nb_reply reply = {
		.kind = NB_REPLY_ADDRESSES,
		.ttl = 300000,
		.nb_flags = 0x4400,
		.count = 2,
		.addr = { 0x0a000001, 0xc0a80101 },
	};

	(void)state;
	check_reply(&reply, 0x8580, "00200001" "000493e0" "000c"
		    "44000a000001" "4400c0a80101");
}

static void test_25_addresses(void **state)
{
	struct nb_origin origin = origin_foo();
	struct nb_name name = foo();
	struct nb_reply reply = { .kind = NB_REPLY_ADDRESSES, .count = 25 };
	struct nbns_msg msg;
	uint8_t out[NBNS_MAX];
	size_t len = 0;

	(void)state;
	for (unsigned int i = 0; i < 25; i++) {
		reply.addr[i] = 0x0a000001 + i;
	}
	len = nbns_encode_reply(out, sizeof(out), &origin, &name, &reply);
	assert_int_equal(len, 12 + FOO_LEN + 10 + 150);
	assert_int_equal(nbns_decode(out, len, &msg), NBNS_OK);
	assert_int_equal(msg.count, 25);
	assert_memory_equal(msg.addrs, reply.addr, sizeof(reply.addr));

	reply.count = 255;	/* never more than a record can have */
	assert_int_equal(nbns_encode_reply(out, sizeof(out), &origin, &name,
					   &reply), len);
}

/* 1.5: RDLENGTH is 47 + 18 n, the statistics are all zero. */
static void test_node_status(void **state)
{
	struct nb_origin origin = origin_foo();
	struct nb_name name = foo();
	struct nb_status_name names[NB_STATUS_MAX];
	struct nb_reply reply = { .kind = NB_REPLY_STATUS, .names = names };
	static const uint8_t zero[46];
	uint8_t out[NBNS_MAX];

	(void)state;
	for (unsigned int i = 0; i < NB_STATUS_MAX; i++) {
		names[i].name = nb_name_make("A LONG NAME OF1", i % 16, i);
		names[i].nb_flags = (uint16_t)(0x0400 + i);
	}
	for (reply.count = 0; reply.count <= NB_STATUS_MAX; reply.count++) {
		size_t rdlength = 47u + 18u * reply.count;
		size_t len = 0;
		struct nbns_msg msg;
		struct nb_status_name entry;

		memset(out, 0xaa, sizeof(out));
		len = nbns_encode_reply(out, sizeof(out), &origin, &name,
					&reply);
		assert_int_equal(len, 12 + FOO_LEN + 10 + rdlength);
		check_head(out, 0x8400);
		assert_memory_equal(out + len - 46, zero, 46);
		assert_int_equal(nbns_decode(out, len, &msg), NBNS_OK);
		assert_int_equal(msg.kind, NBNS_STATUS_REPLY);
		assert_int_equal(msg.rdlength, rdlength);
		for (unsigned int i = 0; i < reply.count; i++) {
			assert_true(nbns_status_entry(&msg, i, &entry));
			assert_true(nb_name_equal(&entry.name,
						  &names[i].name));
			assert_int_equal(entry.nb_flags, names[i].nb_flags);
		}
		assert_false(nbns_status_entry(&msg, reply.count, &entry));
	}
}

static void test_node_status_bytes(void **state)
{
	struct nb_status_name names[2] = {
		{ nb_name_make("WINS", 4, 0x00), 0x4400 },
		{ nb_name_make("GROUP", 5, 0x1e), 0xc600 },
	};
	struct nb_reply reply = {
		.kind = NB_REPLY_STATUS, .count = 2, .names = names,
	};

	(void)state;
	check_reply(&reply, 0x8400, "00210001" "00000000" "0053" "02"
		    "57494e532020202020202020202020" "00" "4400"
		    "47524f555020202020202020202020" "1e" "c600"
		    "00000000000000000000000000000000000000000000000000000000"
		    "000000000000000000000000000000000000");
}

/* The longest reply there is must fit what net sends with. */
static void test_longest(void **state)
{
	struct nb_origin origin = origin_foo();
	struct nb_name name = foo();
	struct nb_status_name names[NB_STATUS_MAX];
	struct nb_reply reply = {
		.kind = NB_REPLY_STATUS, .count = NB_STATUS_MAX,
		.names = names,
	};
	uint8_t out[NBNS_MAX];
	char scope[NB_SCOPE_MAX];

	(void)state;
	memset(scope, 'a', sizeof(scope));
	scope[63] = '.';
	scope[127] = '.';
	scope[191] = '.';
	assert_true(nb_name_set_scope(&name, scope, sizeof(scope)));
	for (unsigned int i = 0; i < NB_STATUS_MAX; i++) {
		names[i].name = foo();
		names[i].nb_flags = 0;
	}
	assert_int_equal(nbns_encode_reply(out, sizeof(out), &origin, &name,
					   &reply),
			 12 + 273 + 10 + 47 + 18 * 25);
}

/* A short first label and a release with odd RDATA come back as they came. */
static void test_echo(void **state)
{
	struct nb_origin origin = { .label_len = 1, .label = { 'Q' } };
	struct nb_name name = nb_name_make("Q", 1, 0x00);
	struct nb_reply reply = { .kind = NB_REPLY_RELEASE };
	uint8_t out[NBNS_MAX];

	(void)state;
	assert_int_equal(nbns_encode_reply(out, sizeof(out), &origin, &name,
					   &reply), 12 + 4 + 10);
	assert_memory_equal(out + 12, "\x02""FB\0\0\x20\0\x01", 8);
	origin.rdata_len = 150;
	memset(origin.rdata, 0x5a, sizeof(origin.rdata));
	assert_int_equal(nbns_encode_reply(out, sizeof(out), &origin, &name,
					   &reply), 12 + 4 + 10 + 150);
	assert_int_equal(out[25], 150);
	assert_int_equal(out[175], 0x5a);
	origin.rdata_len = 255;		/* more than can be remembered */
	assert_int_equal(nbns_encode_reply(out, sizeof(out), &origin, &name,
					   &reply), 12 + 4 + 10 + 150);
}

/* Without a raw label the name itself is said. */
static void test_no_label(void **state)
{
	struct nb_origin origin = origin_foo();
	struct nb_name name = foo();
	struct nb_reply reply = { .kind = NB_REPLY_NEGATIVE };
	uint8_t with[NBNS_MAX];
	uint8_t without[NBNS_MAX];
	size_t len = 0;

	(void)state;
	len = nbns_encode_reply(with, sizeof(with), &origin, &name, &reply);
	origin.label_len = 0;
	assert_int_equal(nbns_encode_reply(without, sizeof(without), &origin,
					   &name, &reply), len);
	assert_memory_equal(with, without, len);
}

static void test_silence(void **state)
{
	struct nb_origin origin = origin_foo();
	struct nb_name name = foo();
	struct nb_reply reply = { .kind = NB_REPLY_NONE };
	uint8_t out[NBNS_MAX];

	(void)state;
	assert_int_equal(nbns_encode_reply(out, sizeof(out), &origin, &name,
					   &reply), 0);
	reply.kind = 200;
	assert_int_equal(nbns_encode_reply(out, sizeof(out), &origin, &name,
					   &reply), 0);
	assert_true(nb_name_set_scope(&name, "a..b", 4));
	reply.kind = NB_REPLY_NEGATIVE;
	assert_int_equal(nbns_encode_reply(out, sizeof(out), &origin, &name,
					   &reply), 0);
}

/* ---- requests ---- */

static void test_requests(void **state)
{
	static const struct {
		uint8_t kind;
		uint16_t operation;
		size_t len;
	} row[] = {
		{ NBNS_QUERY, 0x0100, 50 }, { NBNS_QUERY, 0x0110, 50 },
		{ NBNS_STATUS, 0x0000, 50 }, { NBNS_REGISTER, 0x2900, 68 },
		{ NBNS_MREGISTER, 0x7900, 68 }, { NBNS_REFRESH, 0x4000, 68 },
		{ NBNS_REFRESH, 0x4800, 68 }, { NBNS_RELEASE, 0x3000, 68 },
	};
	struct nb_name name = foo();

	(void)state;
	for (unsigned int i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct nbns_msg msg;
		uint8_t out[NBNS_MAX];
		bool record = row[i].len == 68;
		size_t len = nbns_encode_request(out, sizeof(out), row[i].kind,
						 7, row[i].operation, &name,
						 300, 0xe000, 0x0a000001);

		assert_int_equal(len, row[i].len);
		assert_int_equal(nbns_decode(out, len, &msg), NBNS_OK);
		assert_int_equal(msg.kind, row[i].kind);
		assert_int_equal(msg.operation, row[i].operation);
		assert_true(nb_name_equal(&msg.name, &name));
		assert_int_equal(msg.ttl, record ? 300 : 0);
		assert_int_equal(msg.nb_flags, record ? 0xe000 : 0);
		assert_int_equal(msg.addr, record ? 0x0a000001 : 0);
		assert_int_equal(msg.rdata != NULL, record);
		for (size_t size = 0; size < len; size++) {
			assert_int_equal(nbns_encode_request(out, size,
				row[i].kind, 7, row[i].operation, &name, 300,
				0xe000, 0x0a000001), 0);
		}
	}
}

/* ---- replies as others send them ---- */

/* The same label as hex: "FOO" and twelve blanks are 30 letters and two. */
#define BLANKS6 "434143414341434143414341"
#define FOO_LABEL(type) "20" "454745504550" BLANKS6 BLANKS6 type
#define FOO_HEX FOO_LABEL("4341") "00"

static void check_other(const char *head, const char *tail, int kind)
{
	char hex[1024];
	uint8_t bytes[512];
	size_t len = 0;
	struct nbns_msg msg;

	snprintf(hex, sizeof(hex), "%s%s%s", head, FOO_HEX, tail);
	len = golden_hex(hex, bytes, sizeof(bytes));
	if (kind < 0) {
		assert_int_not_equal(nbns_decode(bytes, len, &msg), NBNS_OK);
	} else {
		assert_int_equal(nbns_decode(bytes, len, &msg), NBNS_OK);
		assert_int_equal(msg.kind, kind);
	}
}

static void test_other_servers(void **state)
{
	(void)state;
	/* nmbd: WACK with type NULL, TTL 60 */
	check_other("0001bc000000000100000000", "000a00010000003c00022900",
		    NBNS_WACK);
	/* nmbd: negative query with RD and RA */
	check_other("000185830000000100000000", "000a0001000000000000",
		    NBNS_NEGATIVE_REPLY);
	/* a negative one that still says NB */
	check_other("000185830000000100000000", "00200001000000000000",
		    NBNS_NEGATIVE_REPLY);
	/* a refresh answered with its own opcode, 8 and 9 */
	check_other("0001c4000000000100000000",
		    "002000010000012c000660000a000001", NBNS_REGISTER_REPLY);
	check_other("0001cd800000000100000000",
		    "002000010000012c000660000a000001", NBNS_REGISTER_REPLY);
	/* a refusal without an address */
	check_other("0001ad860000000100000000", "00200001000000000000",
		    NBNS_REGISTER_REPLY);
	/* a positive one without an address is none */
	check_other("0001ad800000000100000000", "00200001000000000000", -1);
	check_other("000185800000000100000000", "00200001000000000000", -1);
	check_other("000185800000000100000000",
		    "0020000100000000000560000a0000", -1);
	/* another class */
	check_other("000185800000000100000000",
		    "0020000200000000000660000a000001", -1);
	/* no answer at all, and two */
	check_other("000185830000000000000000", "", -1);
	check_other("000185800000000200000000",
		    "0020000100000000000660000a000001"
		    "c00c0020000100000000000660000a000001", -1);
	/* bytes behind the end are ignored, in requests too */
	check_other("000185800000000100000000",
		    "0020000100000000000660000a000001deadbeef",
		    NBNS_QUERY_REPLY);
	check_other("000101000001000000000000", "00200001deadbeef",
		    NBNS_QUERY);
}

/* The additional record must say the question's name, in whatever form. */
static void test_additional_name(void **state)
{
	static const char head[] = "000129000001000000000001";
	static const char tail[] = "0020000100000000000660000a000001";
	static const struct {
		const char *name;
		int kind;
	} row[] = {
		{ "c00c", NBNS_REGISTER },
		{ FOO_HEX, NBNS_REGISTER },	/* spelled out, as impacket */
		/* its end, the root, by a pointer */
		{ FOO_LABEL("4341") "c02d", NBNS_REGISTER },
		{ FOO_LABEL("4141") "00", -1 },	/* type 0x00, not 0x20 */
		{ FOO_LABEL("4341") "016100", -1 },	/* with a scope */
		{ "c00d", -1 },	/* into the label */
		{ "c000", -1 },	/* into the header */
		{ "c032", -1 },	/* itself */
		{ "c034", -1 },	/* forwards */
		{ "00", -1 },
	};
	char hex[1024];

	(void)state;
	for (unsigned int i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		snprintf(hex, sizeof(hex), "00200001%s%s", row[i].name, tail);
		check_other(head, hex, row[i].kind);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registration),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_wack),
		cmocka_unit_test(test_negative_query),
		cmocka_unit_test(test_positive_query),
		cmocka_unit_test(test_25_addresses),
		cmocka_unit_test(test_node_status),
		cmocka_unit_test(test_node_status_bytes),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_no_label),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_other_servers),
		cmocka_unit_test(test_additional_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
