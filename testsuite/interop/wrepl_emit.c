/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every kind of frame that our encoders produce, for other decoders to read:
 * a title, what went into the encoder as JSON, the frame as hex; tabs between.
 * For frames_foreign.py.
 */

#include <stdlib.h>
#include <string.h>

#include "interop/wrepl_text.h"

#define SELF	0x0a000063u	/* 10.0.0.99 */
#define THEIRS	0xc0000201u	/* 192.0.2.1, of whom the replies tell */

static const uint64_t versions[] = {
	0, 1, 0xfffffffful, 1ull << 32, 0x1d88100000000ull, INT64_MAX,
	1ull << 63, UINT64_MAX,
};

#define VERSIONS (sizeof(versions) / sizeof(versions[0]))

static void print_frame(const uint8_t *frame, size_t len)
{
	printf("}\t");
	for (size_t i = 0; i < len; i++) {
		printf("%02x", frame[i]);
	}
	printf("\n");
}

static void emit_small(void)
{
	uint8_t buf[WREPL_SMALL_MAX];
	struct wrepl_msg msg = { .opcode = WREPL_OPCODE, .context = 0x01020304,
				 .sender = 0xfffefdfc, .major = 2, .minor = 5 };

	for (uint32_t type = WREPL_START; type <= WREPL_START_REPLY; type++) {
		msg.type = type;
		printf("start\t");
		text_message(&msg);
		print_frame(buf, wrepl_encode_start(buf, type, msg.context,
						    msg.sender));
	}
	msg.type = WREPL_STOP;
	for (msg.reason = 0; msg.reason <= 4; msg.reason += 4) {
		printf("stop\t");
		text_message(&msg);
		print_frame(buf, wrepl_encode_stop(buf, msg.context,
						   msg.reason));
	}
	msg.type = WREPL_REPLICATION;
	msg.command = WREPL_TABLE_QUERY;
	printf("table query\t");
	text_message(&msg);
	print_frame(buf, wrepl_encode_table_query(buf, msg.context));
}

static void emit_bad_context(void)
{
	uint8_t buf[WREPL_SMALL_MAX];
	struct wrepl_msg msg = { .opcode = 0x8583, .sender = 10, .major = 1 };

	printf("bad context\t");
	text_message(&msg);
	print_frame(buf, wrepl_encode_bad_context(buf));
}

static void emit_requests(void)
{
	for (size_t i = 0; i < VERSIONS; i++) {
		struct wrepl_msg msg = {
			.opcode = WREPL_OPCODE, .context = 1,
			.type = WREPL_REPLICATION,
			.command = WREPL_SEND_REQUEST,
			.request = { THEIRS, versions[i],
				     versions[VERSIONS - 1 - i] },
		};
		uint8_t buf[WREPL_SMALL_MAX];

		printf("request\t");
		text_message(&msg);
		print_frame(buf, wrepl_encode_request(buf, 1, &msg.request));
	}
}

static void emit_table(uint32_t command, uint32_t owners, uint32_t initiator)
{
	struct wrepl_owner *owner = calloc(owners + 1, sizeof(*owner));
	uint8_t *buf = malloc(wrepl_table_size(owners));
	struct wrepl_msg msg = {
		.opcode = WREPL_OPCODE, .context = 0xdeadbeef,
		.type = WREPL_REPLICATION, .command = command,
	};

	for (uint32_t i = 0; i < owners; i++) {
		owner[i].address = 0xc0000200 + i;
		owner[i].max = versions[i % VERSIONS];
		owner[i].min = versions[i / VERSIONS % VERSIONS];
	}
	printf("table\t");
	text_message(&msg);
	text_table(owner, owners, initiator);
	print_frame(buf, wrepl_encode_table(buf, msg.context, command, owner,
					    owners, initiator));
	free(owner);
	free(buf);
}

static void emit_tables(void)
{
	static const uint32_t commands[] = {
		WREPL_TABLE_REPLY, WREPL_UPDATE, WREPL_UPDATE2, WREPL_INFORM,
		WREPL_INFORM2,
	};

	for (int i = 0; i < 5; i++) {
		emit_table(commands[i], 0, 0);
		emit_table(commands[i], 1, SELF);
		emit_table(commands[i], 64, SELF);
		emit_table(commands[i], 1000, THEIRS);
	}
}

static const struct {
	const char *name;
	uint8_t suffix;
	uint8_t scope;
} names[] = {
	{ "VEC1", 0x20, 0 }, { "VECD", 0x1b, 0 }, { "VECD", 0x1b, 3 },
	{ "FIFTEEN-LETTERS", 0x1c, 0 }, { "FIFTEEN-LETTERS", 0x1b, 4 },
	{ "", 0x00, 0 }, { "", 0x1b, 0 }, { "*", 0x00, 0 },
	{ "\x01\x02__MSBROWSE__\x02", 0x01, 0 },
	{ "\x80\xc0\xff %<>'", 0xbe, 0 }, { "\x1bX", 0x1b, 1 },
	{ "S", 0x20, 1 }, { "S", 0x20, 2 }, { "S", 0x20, 3 },
	{ "S", 0x20, 4 }, { "S", 0x20, 7 }, { "S", 0x20, 15 },
	{ "S", 0x20, 236 }, { "S", 0x20, 237 }, { "S", 0x20, 238 },
};

#define NAMES (sizeof(names) / sizeof(names[0]))
#define RECORDS 96		/* types, states, nodes, static or not */

static struct nb_record record_at(unsigned int name, unsigned int n)
{
	static const uint8_t counts[] = { 1, 0, 2, 24, 25 };
	struct nb_record rec = {
		.name = nb_name_make(names[name].name,
				     strlen(names[name].name),
				     names[name].suffix),
		.type = n % 4, .state = n / 4 % 3, .node = n / 12 % 4,
		.is_static = n / 48 % 2 != 0, .owner = THEIRS,
		.version = versions[(n + name) % VERSIONS],
	};
	uint8_t scope[NB_SCOPE_MAX];

	for (size_t i = 0; i < sizeof(scope); i++) {
		scope[i] = i % 10 == 9 ? '.' : (uint8_t)('a' + i % 26);
	}
	nb_name_set_scope(&rec.name, scope, names[name].scope);
	rec.count = rec.type <= NB_GROUP ? 1 : counts[(n + name) % 5];
	for (unsigned int i = 0; i < rec.count; i++) {
		rec.member[i].ip = 0x0a000001 + i + 256 * n;
		rec.member[i].owner = rec.type <= NB_GROUP || i % 3 == 0 ?
				      THEIRS : 0xc6336400 + i;
	}
	return rec;
}

/* The encoder is told NB_SELF where the wire is to have SELF. */
static size_t encode_own(uint8_t *buf, struct nb_record *rec)
{
	struct nb_record own = *rec;

	for (unsigned int i = 0; i < rec->count; i++) {
		if (rec->type > NB_GROUP && i % 3 == 2) {
			rec->member[i].owner = SELF;
			own.member[i].owner = NB_SELF;
		}
	}
	return wrepl_encode_record(buf, &own, SELF);
}

static void emit_reply(unsigned int name, unsigned int count)
{
	uint8_t *buf = malloc(WREPL_REPLY_HEAD + RECORDS * WREPL_RECORD_MAX);
	struct wrepl_msg msg = {
		.opcode = WREPL_OPCODE, .context = 0xffffffff,
		.type = WREPL_REPLICATION, .command = WREPL_SEND_REPLY,
	};
	size_t len = WREPL_REPLY_HEAD;

	printf("reply\t");
	text_message(&msg);
	printf(", \"records\": [");
	for (unsigned int i = 0; i < count; i++) {
		struct nb_record rec = record_at(name, i);

		len += encode_own(buf + len, &rec);
		printf("%s", i > 0 ? ", " : "");
		text_record(&rec);
	}
	printf("]");
	wrepl_encode_reply_head(buf, msg.context, count,
				len - WREPL_REPLY_HEAD);
	print_frame(buf, len);
	free(buf);
}

int main(void)
{
	emit_small();
	emit_bad_context();
	emit_requests();
	emit_tables();
	emit_reply(0, 0);
	for (unsigned int name = 0; name < NAMES; name++) {
		emit_reply(name, 1);
		emit_reply(name, RECORDS);
	}
	return 0;
}
