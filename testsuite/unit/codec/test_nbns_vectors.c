/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * testsuite/golden/nbns_vectors.txt: every datagram is decoded to what the
 * table below says of it, which was typed from the titles in protocol.md
 * annex A, and written again byte for byte by the encoder.
 *
 * The TTL rule of 1.4 is ours: a positive registration reply tells the
 * smaller of requested and granted. With the default clamps, 21600 and
 * 518400 s, that is the requested one in all of these.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/nbname.h"
#include "codec/nbns.h"
#include "sim/golden.h"

#define CLIENT	0x0a353917u	/* 10.53.57.23 */
#define OTHER	0x0a353962u	/* 10.53.57.98 */
#define PDC	0x0a353963u	/* 10.53.57.99 */
#define SERVER	0x0a35390bu	/* 10.53.57.11 */

static const struct expected {
	uint16_t trn_id;
	uint8_t kind;
	uint16_t operation;
	const char *name;
	uint8_t type;
	uint32_t ttl;
	uint16_t nb_flags;
	uint8_t count;		/* addresses */
	uint32_t addr[2];
} table[] = {
{ 0x1001, NBNS_REGISTER, 0x2900, "VEC1", 0x20, 300000, 0x6000, 1, { CLIENT } },
{ 0x1001, NBNS_REGISTER_REPLY, 0xad80, "VEC1", 0x20, 300000, 0x6000, 1,
  { CLIENT } },
{ 0x1004, NBNS_REFRESH, 0x4000, "VEC1", 0x20, 12345, 0x6000, 1, { CLIENT } },
{ 0x1004, NBNS_REGISTER_REPLY, 0xad80, "VEC1", 0x20, 12345, 0x6000, 1,
  { CLIENT } },
{ 0x1006, NBNS_QUERY, 0x0100, "VEC1", 0x20, 0, 0, 0, { 0 } },
{ 0x1006, NBNS_QUERY_REPLY, 0x8580, "VEC1", 0x20, 0, 0x6000, 1, { CLIENT } },
{ 0x1007, NBNS_QUERY, 0x0000, "VEC1", 0x20, 0, 0, 0, { 0 } },
{ 0x1007, NBNS_NEGATIVE_REPLY, 0x8403, "VEC1", 0x20, 0, 0, 0, { 0 } },
{ 0x100a, NBNS_QUERY_REPLY, 0x8580, "VECG", 0x00, 0, 0x8000, 1,
  { 0xffffffff } },
{ 0x100b, NBNS_REGISTER_REPLY, 0xad86, "VECG", 0x00, 300000, 0x6000, 1,
  { CLIENT } },
{ 0x100f, NBNS_QUERY_REPLY, 0x8580, "VECD", 0x1c, 0, 0x8000, 2,
  { PDC, CLIENT } },
{ 0x1012, NBNS_REGISTER_REPLY, 0xad85, "VECE", 0x1b, 300000, 0xe000, 1,
  { CLIENT } },
{ 0x1015, NBNS_MREGISTER, 0x7900, "VEC1", 0x20, 300000, 0x6000, 1, { OTHER } },
{ 0x1015, NBNS_WACK, 0xbc00, "VEC1", 0x20, 9, 0, 0, { 0 } },
{ 0x1015, NBNS_REGISTER_REPLY, 0xad80, "VEC1", 0x20, 300000, 0x6000, 1,
  { OTHER } },
{ 0x1016, NBNS_RELEASE, 0x3000, "VEC1", 0x20, 0, 0x6000, 1, { OTHER } },
{ 0x1016, NBNS_RELEASE_REPLY, 0xb400, "VEC1", 0x20, 0, 0x6000, 1, { OTHER } },
{ 0x101c, NBNS_QUERY_REPLY, 0x8580, "SPECWINS", 0x20, 300000, 0x4400, 1,
  { SERVER } },
{ 0x9c18, NBNS_QUERY, 0x0100, "_UA_UA_DI_P", 0x00, 0, 0, 0, { 0 } },
{ 0xe39b, NBNS_RELEASE, 0x3000, "_UA_GA_SI_R", 0x00, 0, 0, 1,
  { 0x0a353915u } },
};

#define ROWS (sizeof(table) / sizeof(table[0]))

static void check_values(const struct nbns_msg *msg, const struct expected *e)
{
	struct nb_name name = nb_name_make(e->name, strlen(e->name), e->type);

	assert_int_equal(msg->trn_id, e->trn_id);
	assert_string_equal(nbns_kind_name(msg->kind), nbns_kind_name(e->kind));
	assert_int_equal(msg->operation, e->operation);
	assert_memory_equal(&msg->name, &name, sizeof(name));
	assert_int_equal(msg->ttl, e->ttl);
	assert_int_equal(msg->nb_flags, e->nb_flags);
	assert_int_equal(msg->addr, e->addr[0]);
	assert_int_equal(msg->label_len, 16);
	if (e->kind == NBNS_QUERY_REPLY) {
		assert_int_equal(msg->count, e->count);
		assert_memory_equal(msg->addrs, e->addr, 4u * e->count);
	}
	if (e->kind == NBNS_WACK) {
		assert_int_equal(msg->wait_op, 0x7900);
	}
}

/* What serve would keep of the request to answer it. */
static struct nb_origin origin_of(const struct nbns_msg *msg)
{
	struct nb_origin origin = {
		.trn_id = msg->trn_id,
		.operation = msg->operation,
		.ttl = msg->ttl,
		.label_len = msg->label_len,
		.rdata_len = (uint8_t)msg->rdlength,
	};

	memcpy(origin.label, msg->label, sizeof(origin.label));
	if (msg->rdlength > 0) {
		memcpy(origin.rdata, msg->rdata, msg->rdlength);
	}
	return origin;
}

/* The verdict that leads to this reply, from the table alone. */
static struct nb_reply reply_of(const struct expected *e)
{
	static const uint8_t kinds[NBNS_KINDS] = {
		[NBNS_QUERY_REPLY] = NB_REPLY_ADDRESSES,
		[NBNS_NEGATIVE_REPLY] = NB_REPLY_NEGATIVE,
		[NBNS_REGISTER_REPLY] = NB_REPLY_REGISTER,
		[NBNS_RELEASE_REPLY] = NB_REPLY_RELEASE,
		[NBNS_WACK] = NB_REPLY_WACK,
	};
	struct nb_reply reply = {
		.kind = kinds[e->kind],
		.rcode = e->operation & 15u,
		.ttl = e->ttl,
		.nb_flags = e->nb_flags,
		.count = e->count,
		.addr = { e->addr[0], e->addr[1] },
	};

	if (e->kind == NBNS_REGISTER_REPLY && reply.rcode != 0) {
		reply.ttl = 77777;	/* not what a refusal tells */
	}
	return reply;
}

struct reading {
	unsigned int row;
	bool asked;			/* request is set */
	struct nbns_msg request;
	uint8_t bytes[1024];		/* of the request */
};

static void read_request(struct reading *r, size_t len, bool ours)
{
	const struct expected *e = &table[r->row++];
	uint8_t out[NBNS_MAX];
	size_t out_len = 0;

	assert_int_equal(nbns_decode(r->bytes, len, &r->request), NBNS_OK);
	check_values(&r->request, e);
	r->asked = !ours;
	out_len = nbns_encode_request(out, sizeof(out), e->kind, e->trn_id,
				      e->operation, &r->request.name, e->ttl,
				      e->nb_flags, e->addr[0]);
	assert_int_equal(out_len, len);
	assert_memory_equal(out, r->bytes, len);
}

static void read_reply(struct reading *r, const uint8_t *bytes, size_t len)
{
	const struct expected *e = &table[r->row++];
	struct nb_origin origin;
	struct nb_reply reply = reply_of(e);
	struct nbns_msg msg;
	uint8_t out[NBNS_MAX];

	assert_int_equal(nbns_decode(bytes, len, &msg), NBNS_OK);
	check_values(&msg, e);
	origin = origin_of(r->asked ? &r->request : &msg);
	assert_int_equal(nbns_encode_reply(out, sizeof(out), &origin,
					   &msg.name, &reply), len);
	assert_memory_equal(out, bytes, len);
}

/* protocol.md annex A names VECS<20> in the scope foo.example.com. */
static void read_name(const uint8_t *bytes, size_t len)
{
	struct nb_name name;
	struct nb_name expected = nb_name_make("VECS", 4, 0x20);
	uint8_t out[NBNAME_WIRE_MAX];
	size_t pos = 0;

	assert_true(nb_name_set_scope(&expected, "foo.example.com", 15));
	assert_true(nbname_decode(bytes, len, &pos, &name, NULL, NULL));
	assert_int_equal(pos, len);
	assert_memory_equal(&name, &expected, sizeof(name));
	assert_int_equal(nbname_encode(out, sizeof(out), &name), len);
	assert_memory_equal(out, bytes, len);
}

static void read_line(struct reading *r, const char *line)
{
	uint8_t bytes[1024];
	size_t len = 0;

	switch (line[0]) {
	case '>':
	case '!':
		len = golden_hex(line + 2, r->bytes, sizeof(r->bytes));
		read_request(r, len, line[0] == '!');
		break;
	case '<':
		len = golden_hex(line + 2, bytes, sizeof(bytes));
		read_reply(r, bytes, len);
		break;
	case '@':
		len = golden_hex(line + 2, bytes, sizeof(bytes));
		read_name(bytes, len);
		break;
	default:		/* a title, a comment, nothing */
		r->asked = false;
	}
}

static void test_vectors(void **state)
{
	FILE *f = golden_open("nbns_vectors.txt");
	struct reading r = { .row = 0 };
	char line[1024];

	(void)state;
	while (fgets(line, sizeof(line), f) != NULL) {
		read_line(&r, line);
	}
	fclose(f);
	assert_int_equal(r.row, ROWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
