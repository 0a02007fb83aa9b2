/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packet: requests as bytes, and the judgement of replies. RFC 1002 4.2; the
 * replies' forms as protocol.md 1.4 has them. Names and addresses are
 * functions of an index, so nothing has to be remembered to judge.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "load.h"

#define NAME_LEN	34

uint32_t packet_address(const struct request *req)
{
	uint32_t index = req->index + req->moves * opt.names;
	uint32_t n = index / 254;

	return htonl(0x0a800000u | ((n >> 8 & 0x7f) << 16) | ((n & 0xff) << 8) |
		     (index % 254 + 1));
}

static void put_name(uint8_t *out, uint32_t index, bool missing)
{
	char text[17];
	int len = snprintf(text, sizeof(text), "%.6s%c%08X", opt.prefix,
			   missing ? 'X' : 'N', index);

	*out++ = 32;
	for (int i = 0; i < 16; i++) {
		uint8_t c = i == 15 ? 0x20 : i < len ? (uint8_t)text[i] : ' ';

		*out++ = (uint8_t)('A' + (c >> 4));
		*out++ = (uint8_t)('A' + (c & 15));
	}
	*out = 0;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)(p[0] << 8 | p[1]);
}

size_t packet_make(uint8_t *p, const struct request *req, uint16_t id)
{
	static const uint8_t opcode[] = {
		[REGISTER] = 5, [REFRESH] = 8, [RELEASE] = 6,
	};
	bool reads = req->op == QUERY || req->op == MISS || req->op == ECHO;
	uint32_t address = packet_address(req);
	size_t len = QUERY_LEN;

	memset(p, 0, PACKET_MAX);
	put16(p, id);
	put16(p + 2, reads ? 0x0100 : (uint32_t)opcode[req->op] << 11);
	put16(p + 4, 1);
	put_name(p + 12, req->index, req->op == MISS);
	put16(p + 46, 0x20);
	put16(p + 48, 1);
	if (req->op == ECHO) {
		return opt.echo_len;
	}
	if (!reads) {
		uint32_t ttl = req->op == RELEASE ? 0 : opt.ttl;

		put16(p + 10, 1);
		put16(p + 50, 0xc00c);
		put16(p + 52, 0x20);
		put16(p + 54, 1);
		put16(p + 56, ttl >> 16);
		put16(p + 58, ttl & 0xffff);
		put16(p + 60, 6);
		put16(p + 62, 0x6000);
		memcpy(p + 64, &address, 4);
		len = REQUEST_LEN;
	}
	return len;
}

unsigned int packet_id(const uint8_t *p)
{
	return get16(p);
}

bool packet_is_wack(const uint8_t *p)
{
	return (get16(p + 2) >> 11 & 15) == 7;
}

/* Of a right answer to a registration: "come back", nothing was stored. */
bool packet_is_come_back(const uint8_t *p, size_t len)
{
	const uint8_t *ttl = p + 12 + NAME_LEN + 4;
	uint32_t seconds = len < 12 + NAME_LEN + 8 ? 0 :
			   get16(ttl) << 16 | get16(ttl + 2);

	return seconds >= 300 && seconds <= 3000 && seconds % 300 == 0;
}

/* Which thing is wrong with the reply, or W_KINDS: it is right. */
static enum wrong judge(const struct request *req, const uint8_t *p, size_t len)
{
	unsigned int opcode = get16(p + 2) >> 11 & 15, rcode = p[3] & 15;
	bool reads = req->op == QUERY || req->op == MISS;
	uint32_t address = packet_address(req);
	uint8_t name[NAME_LEN];
	size_t tail = 12 + NAME_LEN;

	if (len < tail + 10 || get16(p + 6) != 1 || get16(p + 4) != 0 ||
	    (reads ? opcode != 0 :
	     req->op == RELEASE ? opcode != 6 : opcode != 5 && opcode != 8)) {
		return W_FORMAT;
	}
	put_name(name, req->index, req->op == MISS);
	if (memcmp(p + 12, name, NAME_LEN) != 0) {
		return W_NAME;
	}
	if (req->expect == NO || (req->expect == EITHER && rcode != 0)) {
		return rcode == 3 ? W_KINDS : W_RCODE;
	}
	if (rcode != 0) {
		return W_RCODE;
	}
	if (len != tail + 16 || get16(p + tail) != 0x20 ||
	    get16(p + tail + 8) != 6) {
		return W_FORMAT;
	}
	return memcmp(p + tail + 12, &address, 4) == 0 ? W_KINDS : W_ADDRESS;
}

static enum wrong judge_echo(const struct request *req, uint16_t id,
			     const uint8_t *p, size_t len)
{
	uint8_t asked[PACKET_MAX];

	return packet_make(asked, req, id) == len && memcmp(asked, p, len) == 0 ?
	       W_KINDS : W_FORMAT;
}

enum wrong packet_judge(const struct request *req, uint16_t id,
			const uint8_t *p, size_t len)
{
	return req->op == ECHO ? judge_echo(req, id, p, len) :
	       judge(req, p, len);
}
