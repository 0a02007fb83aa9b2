/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * testsuite/golden/wrepl_vectors.txt: each frame and each record is decoded
 * to what stands here, which was typed from the titles and the hex words in
 * protocol.md annex A, and written again byte for byte by the encoder.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/wrepl.h"
#include "sim/golden.h"

#define SERVER		0x0a35390bu	/* 10.53.57.11 */
#define OWNER_A		0x7f414101u	/* 127.65.65.1 */
#define OWNER_B		0x7f424201u	/* 127.66.66.1 */

#define VECTOR_MAX	512

/* The line of this kind below the title that begins so. */
static size_t vector(const char *title, char kind, uint8_t data[VECTOR_MAX])
{
	FILE *f = golden_open("wrepl_vectors.txt");
	char line[2 * VECTOR_MAX + 16];
	bool below = false;
	size_t len = 0;

	while (len == 0 && fgets(line, sizeof(line), f) != NULL) {
		if (line[0] == '=') {
			below = strncmp(line + 2, title, strlen(title)) == 0;
		} else if (below && line[0] == kind) {
			len = golden_hex(line + 2, data, VECTOR_MAX);
		}
	}
	fclose(f);
	assert_true(len > 0);
	return len;
}

/* The frame, cut from its size, which must be right. */
static void decode(const char *title, uint8_t data[VECTOR_MAX],
		   struct wrepl_msg *msg)
{
	size_t len = vector(title, 'f', data);

	assert_int_equal(wrepl_frame_size(data, len), len - WREPL_HEAD);
	assert_int_equal(wrepl_decode(data + WREPL_HEAD, len - WREPL_HEAD,
				      msg), WREPL_OK);
}

static void check_written(const char *title, const uint8_t *written, size_t len)
{
	uint8_t data[VECTOR_MAX];

	assert_int_equal(len, vector(title, 'f', data));
	assert_memory_equal(written, data, len);
	assert_true(len <= WREPL_SMALL_MAX);
}

static void test_start(void **state)
{
	uint8_t data[VECTOR_MAX], out[WREPL_SMALL_MAX];
	struct wrepl_msg msg;

	(void)state;
	decode("start,", data, &msg);
	assert_int_equal(msg.opcode, 0x7800);
	assert_int_equal(msg.context, 0);
	assert_int_equal(msg.type, WREPL_START);
	assert_int_equal(msg.sender, 0);
	assert_int_equal(msg.major, 2);
	assert_int_equal(msg.minor, 5);
	memset(out, 0xa5, sizeof(out));
	check_written("start,", out, wrepl_encode_start(out, WREPL_START, 0,
							 0));

	decode("start reply", data, &msg);
	assert_int_equal(msg.context, 0);
	assert_int_equal(msg.type, WREPL_START_REPLY);
	assert_int_equal(msg.sender, 0x12345678);
	assert_int_equal(msg.major, 2);
	assert_int_equal(msg.minor, 5);
	check_written("start reply", out,
		      wrepl_encode_start(out, WREPL_START_REPLY, 0,
					 0x12345678));
}

static void test_stop(void **state)
{
	uint8_t data[VECTOR_MAX], out[WREPL_SMALL_MAX];
	struct wrepl_msg msg;

	(void)state;
	decode("stop, all", data, &msg);
	assert_int_equal(msg.type, WREPL_STOP);
	assert_int_equal(msg.context, 0);
	assert_int_equal(msg.reason, WREPL_STOP_NORMAL);
	check_written("stop, all", out,
		      wrepl_encode_stop(out, 0, WREPL_STOP_NORMAL));

	decode("stop, the answer", data, &msg);
	assert_int_equal(msg.type, WREPL_STOP);
	assert_int_equal(msg.reason, WREPL_STOP_ERROR);
	check_written("stop, the answer", out,
		      wrepl_encode_stop(out, 0, WREPL_STOP_ERROR));
}

static void test_bad_context(void **state)
{
	uint8_t data[VECTOR_MAX], out[WREPL_SMALL_MAX];
	struct wrepl_msg msg;

	(void)state;
	decode("invalid context", data, &msg);
	assert_int_equal(msg.opcode, 0x8583);
	assert_int_equal(msg.opcode & WREPL_OPCODE, 0);
	assert_int_equal(msg.type, WREPL_START);
	assert_int_equal(msg.sender, WREPL_BAD_CONTEXT);
	check_written("invalid context", out, wrepl_encode_bad_context(out));
}

static void test_update(void **state)
{
	uint8_t data[VECTOR_MAX], out[WREPL_SMALL_MAX];
	struct wrepl_owner owner;
	struct wrepl_msg msg;

	(void)state;
	decode("update", data, &msg);
	assert_int_equal(msg.context, 0x12345678);
	assert_int_equal(msg.type, WREPL_REPLICATION);
	assert_int_equal(msg.command, WREPL_UPDATE);
	assert_int_equal(msg.owners, 1);
	assert_int_equal(msg.initiator, 0);
	wrepl_table_owner(&msg, 0, &owner);
	assert_int_equal(owner.address, OWNER_A);
	assert_int_equal(owner.max, 1);
	assert_int_equal(owner.min, 0);
	assert_int_equal(wrepl_table_size(1), 52);
	check_written("update", out,
		      wrepl_encode_table(out, 0x12345678, WREPL_UPDATE, &owner,
					 1, 0));
}

static void test_request(void **state)
{
	uint8_t data[VECTOR_MAX], out[WREPL_SMALL_MAX];
	struct wrepl_msg msg;

	(void)state;
	decode("send request", data, &msg);
	assert_int_equal(msg.command, WREPL_SEND_REQUEST);
	assert_int_equal(msg.request.address, OWNER_A);
	assert_int_equal(msg.request.max, 1);
	assert_int_equal(msg.request.min, 1);
	check_written("send request", out,
		      wrepl_encode_request(out, 0, &msg.request));
}

/* Two of four owners are known; ours stand where the others stood. */
static void test_table(void **state)
{
	uint8_t data[VECTOR_MAX], out[VECTOR_MAX];
	struct wrepl_owner owner[4];
	struct wrepl_msg msg;
	size_t head = vector("table reply", 'h', data);

	(void)state;
	memset(data + head, 0, 48);
	data[head + 23] = 1;
	data[head + 47] = 1;
	assert_int_equal(vector("table reply", 't', data + head + 48), 4);
	assert_int_equal(wrepl_frame_size(data, 4), head + 48 + 4 - 4);
	assert_int_equal(wrepl_decode(data + 4, head + 48, &msg), WREPL_OK);
	assert_int_equal(msg.context, 0xcafe0001u);
	assert_int_equal(msg.command, WREPL_TABLE_REPLY);
	assert_int_equal(msg.owners, 4);
	assert_int_equal(msg.initiator, SERVER);
	for (uint32_t i = 0; i < 4; i++) {
		wrepl_table_owner(&msg, i, &owner[i]);
	}
	assert_int_equal(owner[0].address, SERVER);
	assert_int_equal(owner[0].max, 0x1d4);
	assert_int_equal(owner[0].min, 0);
	assert_int_equal(owner[1].address, OWNER_A);
	assert_int_equal(owner[1].max, 0x11b);
	assert_int_equal(owner[1].min, 0);
	assert_int_equal(wrepl_table_size(4), 0x78 + 4);
	assert_int_equal(wrepl_encode_table(out, 0xcafe0001u,
					    WREPL_TABLE_REPLY, owner, 4,
					    SERVER), 0x78 + 4);
	assert_memory_equal(out, data, 0x78 + 4);
}

static const struct expected {
	const char *title;
	uint32_t owner;
	struct nb_record rec;
	const char *scope;
} records[] = {
{ "VECD<1c>", SERVER,
  { .name = { .len = 4, .byte = "VECD", .type = 0x1c }, .type = NB_SGROUP,
    .node = NB_H_NODE, .version = 460, .count = 1,
    .member = { { .ip = 0x0a353917, .owner = SERVER } } }, "" },
{ "VECD<1b>", SERVER,
  { .name = { .len = 4, .byte = "VECD", .type = 0x1b }, .type = NB_UNIQUE,
    .node = NB_H_NODE, .version = 461, .count = 1,
    .member = { { .ip = 0x0a353963, .owner = SERVER } } }, "" },
{ "VECS<20>", SERVER,
  { .name = { .len = 4, .byte = "VECS", .type = 0x20 }, .type = NB_UNIQUE,
    .node = NB_H_NODE, .version = 465, .count = 1,
    .member = { { .ip = 0x0a353917, .owner = SERVER } } }, "foo.example.com" },
{ "_UA_MA_SP_U<00>", OWNER_B,
  { .name = { .len = 11, .byte = "_UA_MA_SP_U", .type = 0x00 },
    .type = NB_MHOMED, .node = NB_B_NODE, .version = 497, .count = 3,
    .member = { { .ip = 0x0a353915, .owner = OWNER_B },
		{ .ip = 0x0a353916, .owner = OWNER_B },
		{ .ip = 0x0a353917, .owner = OWNER_B } } }, "" },
};

static void check_record(const struct nb_record *rec, const struct expected *e)
{
	assert_int_equal(rec->name.len, e->rec.name.len);
	assert_memory_equal(rec->name.byte, e->rec.name.byte, NB_NAME_MAX);
	assert_int_equal(rec->name.type, e->rec.name.type);
	assert_int_equal(rec->name.scope_len, strlen(e->scope));
	assert_memory_equal(rec->name.scope, e->scope, strlen(e->scope));
	assert_int_equal(rec->type, e->rec.type);
	assert_int_equal(rec->state, NB_ACTIVE);
	assert_int_equal(rec->node, e->rec.node);
	assert_false(rec->is_static);
	assert_int_equal(rec->owner, e->owner);
	assert_int_equal(rec->version, e->rec.version);
	assert_int_equal(rec->expires, 0);
	assert_int_equal(rec->revision, 0);
	assert_int_equal(rec->count, e->rec.count);
	for (unsigned int i = 0; i < rec->count; i++) {
		assert_int_equal(rec->member[i].ip, e->rec.member[i].ip);
		assert_int_equal(rec->member[i].owner, e->rec.member[i].owner);
		assert_int_equal(rec->member[i].expires, 0);
	}
}

static void test_records(void **state)
{
	uint8_t data[VECTOR_MAX], out[WREPL_RECORD_MAX];
	struct nb_record rec;

	(void)state;
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		size_t len = vector(records[i].title, 'r', data), used = 0;

		assert_int_equal(wrepl_decode_record(data, len, len,
						     records[i].owner, &rec,
						     &used), WREPL_OK);
		assert_int_equal(used, len);
		check_record(&rec, &records[i]);
		assert_int_equal(wrepl_encode_record(out, &rec, 1), len);
		assert_memory_equal(out, data, len);
	}
}

/* What is ours is written with our address: the same bytes. */
static void test_self(void **state)
{
	uint8_t data[VECTOR_MAX], out[WREPL_RECORD_MAX];
	struct nb_record rec;
	size_t len = vector("VECD<1c>", 'r', data), used = 0;

	(void)state;
	assert_int_equal(wrepl_decode_record(data, len, len, SERVER, &rec,
					     &used), WREPL_OK);
	rec.owner = NB_SELF;
	rec.member[0].owner = NB_SELF;
	assert_int_equal(wrepl_encode_record(out, &rec, SERVER), len);
	assert_memory_equal(out, data, len);
}

static void test_reply(void **state)
{
	static const struct expected e = {
		.owner = OWNER_A, .scope = "",
		.rec = { .name = { .len = 13, .byte = "_SAME_OWNER_A" },
			 .type = NB_GROUP, .version = 1, .count = 1,
			 .member = { { .ip = 0x7f004101, .owner = OWNER_A } } },
	};
	uint8_t data[VECTOR_MAX], out[WREPL_RECORD_MAX];
	size_t len = vector("send reply", 'f', data), used = 0, head = 0;
	struct wrepl_msg msg;
	struct nb_record rec;
	uint64_t body = 0;

	(void)state;
	assert_int_equal(wrepl_open_reply(data, len, &msg, &head, &body),
			 WREPL_OK);
	assert_int_equal(msg.opcode, 0x7800);
	assert_int_equal(msg.context, 0x12345678);
	assert_int_equal(msg.type, WREPL_REPLICATION);
	assert_int_equal(msg.command, WREPL_SEND_REPLY);
	assert_int_equal(msg.names, 1);
	assert_int_equal(head, 24);
	assert_int_equal(body, 48);
	assert_int_equal(wrepl_decode_record(data + head, len - head, body,
					     OWNER_A, &rec, &used), WREPL_OK);
	assert_int_equal(used, 48);
	check_record(&rec, &e);

	assert_int_equal(wrepl_encode_reply_head(out, 0x12345678, 1, 48), 24);
	assert_memory_equal(out, data, 24);
	assert_int_equal(wrepl_encode_record(out, &rec, 1), 48);
	assert_memory_equal(out, data + 24, 48);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_bad_context),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_self),
		cmocka_unit_test(test_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
