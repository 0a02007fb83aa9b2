/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every kind of packet that our encoders produce, for other decoders to read:
 * one line each, fields separated by tabs.
 *
 *   title, name as hex, suffix, scope, TTL, addresses with commas, hex
 *
 * What a line says of its packet is what went into the encoder. For
 * packets_ndrdump.py.
 */

#include <stdio.h>
#include <string.h>

#include "codec/nbns.h"

#define TTL 300000u

static const struct {
	const char *title;
	const char *name;
	uint8_t suffix;
	unsigned int scope[5];	/* lengths of its labels */
} names[] = {
	{ "plain", "VEC1", 0x20, { 0 } },
	{ "full", "FIFTEEN-LETTERS", 0x1c, { 0 } },
	{ "empty", "", 0x00, { 0 } },
	{ "star", "*", 0x00, { 0 } },
	{ "browser", "\x01\x02__MSBROWSE__\x02", 0x01, { 0 } },
	{ "8 bit", "\x80\xc0\xff", 0xbe, { 0 } },
	{ "scope", "VECS", 0x20, { 3, 7, 3 } },
	{ "scope 237", "VECS", 0x72, { 63, 63, 63, 45 } },
	{ "scope 238", "VECS", 0x72, { 63, 63, 63, 46 } },
};

#define NAMES (sizeof(names) / sizeof(names[0]))

static struct nb_name name_at(unsigned int index)
{
	struct nb_name name = nb_name_make(names[index].name,
					   strlen(names[index].name),
					   names[index].suffix);
	uint8_t scope[NB_SCOPE_MAX];
	size_t len = 0;

	for (int i = 0; names[index].scope[i] != 0; i++) {
		if (i > 0) {
			scope[len++] = '.';
		}
		memset(scope + len, 'a' + i, names[index].scope[i]);
		len += names[index].scope[i];
	}
	nb_name_set_scope(&name, scope, len);
	return name;
}

struct line {
	const char *kind;
	unsigned int number;
	unsigned int index;	/* of the name */
	uint32_t ttl;
	unsigned int count;	/* addresses 10.0.0.1, 10.0.0.2, ... */
	size_t len;
	uint8_t packet[NBNS_MAX];
};

static void print_line(const struct line *line)
{
	struct nb_name name = name_at(line->index);

	printf("%s %u, %s\t", line->kind, line->number,
	       names[line->index].title);
	for (unsigned int i = 0; i < name.len; i++) {
		printf("%02x", name.byte[i]);
	}
	printf("\t%u\t%.*s\t%u\t", name.type, name.scope_len,
	       (const char *)name.scope, line->ttl);
	for (unsigned int i = 0; i < line->count; i++) {
		printf("%s10.0.0.%u", i > 0 ? "," : "", i + 1);
	}
	printf("\t");
	for (size_t i = 0; i < line->len; i++) {
		printf("%02x", line->packet[i]);
	}
	printf("\n");
}

static void emit_requests(unsigned int index)
{
	static const struct {
		uint8_t kind;
		uint16_t operation;
	} requests[] = {
		{ NBNS_QUERY, 0x0100 }, { NBNS_QUERY, 0x0110 },
		{ NBNS_STATUS, 0x0000 }, { NBNS_REGISTER, 0x2900 },
		{ NBNS_REGISTER, 0x2810 }, { NBNS_REGISTER, 0x2910 },
		{ NBNS_MREGISTER, 0x7900 }, { NBNS_REFRESH, 0x4000 },
		{ NBNS_REFRESH, 0x4800 }, { NBNS_RELEASE, 0x3000 },
	};
	struct nb_name name = name_at(index);

	for (unsigned int i = 0; i < 10; i++) {
		bool asks = requests[i].kind == NBNS_QUERY ||
			    requests[i].kind == NBNS_STATUS;
		struct line line = {
			.kind = nbns_kind_name(requests[i].kind),
			.number = requests[i].operation, .index = index,
			.ttl = asks ? 0 : TTL, .count = asks ? 0 : 1,
		};

		line.len = nbns_encode_request(line.packet, NBNS_MAX,
					       requests[i].kind, 0x1000 + i,
					       requests[i].operation, &name,
					       TTL, 0x6000, 0x0a000001);
		print_line(&line);
	}
}

/* The request that all replies here answer. */
static struct nb_origin origin_of(const struct nb_name *name)
{
	struct nb_origin origin = {
		.trn_id = 0xbeef, .operation = 0x7900, .ttl = TTL,
		.label_len = 16, .rdata_len = 6,
		.rdata = { 0x60, 0x00, 10, 0, 0, 1 },
	};

	memset(origin.label, name->len == 1 && name->byte[0] == '*' ? 0 : ' ',
	       15);
	memcpy(origin.label, name->byte, name->len);
	origin.label[15] = name->type;
	return origin;
}

static void emit_reply(const char *kind, unsigned int number,
		       unsigned int index, const struct nb_reply *reply,
		       uint32_t ttl, unsigned int count)
{
	struct nb_name name = name_at(index);
	struct nb_origin origin = origin_of(&name);
	struct line line = {
		.kind = kind, .number = number, .index = index, .ttl = ttl,
		.count = count,
	};

	line.len = nbns_encode_reply(line.packet, NBNS_MAX, &origin, &name,
				     reply);
	print_line(&line);
}

static void emit_verdicts(unsigned int index)
{
	for (uint8_t rcode = 0; rcode < 8; rcode++) {
		struct nb_reply reply = {
			.kind = NB_REPLY_REGISTER, .rcode = rcode,
			.ttl = 21600,
		};

		emit_reply("registered", rcode, index, &reply,
			   rcode == 0 ? 21600 : TTL, 1);
		reply.kind = NB_REPLY_RELEASE;
		emit_reply("released", rcode, index, &reply, TTL, 1);
	}
}

static void emit_answers(unsigned int index)
{
	static const uint8_t counts[] = { 1, 2, 24, 25 };
	struct nb_reply reply = { .kind = NB_REPLY_WACK, .ttl = 105 };

	emit_reply("wack", 105, index, &reply, 105, 0);
	reply.kind = NB_REPLY_NEGATIVE;
	emit_reply("negative", 3, index, &reply, 0, 0);
	reply.kind = NB_REPLY_ADDRESSES;
	reply.nb_flags = 0x8000;
	for (uint32_t i = 0; i < NB_MEMBERS_MAX; i++) {
		reply.addr[i] = 0x0a000001 + i;
	}
	for (unsigned int i = 0; i < sizeof(counts); i++) {
		reply.count = counts[i];
		emit_reply("positive", reply.count, index, &reply, 105,
			   reply.count);
	}
}

static void emit_status(unsigned int index)
{
	static const uint8_t counts[] = { 0, 1, 2, 25 };
	struct nb_status_name own[NB_STATUS_MAX];
	struct nb_reply reply = { .kind = NB_REPLY_STATUS, .names = own };

	for (unsigned int i = 0; i < NB_STATUS_MAX; i++) {
		own[i].name = name_at(i % NAMES);
		own[i].nb_flags = (uint16_t)(0x0400 | i << 13 | i << 9);
	}
	for (unsigned int i = 0; i < sizeof(counts); i++) {
		reply.count = counts[i];
		emit_reply("status reply", reply.count, index, &reply, 0, 0);
	}
}

int main(void)
{
	for (unsigned int index = 0; index < NAMES; index++) {
		emit_requests(index);
		emit_verdicts(index);
		emit_answers(index);
		emit_status(index);
	}
	return 0;
}
