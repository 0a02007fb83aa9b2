/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ask: name queries, RFC 1002 4.2.12 and 4.2.13. One question at a time, from
 * one socket.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/be.h"
#include "repload.h"

#define QUERY_LEN	50u
#define NAME_LEN	34u
#define REPLY_LEN	62u	/* one address */
#define TRIES		3

static int sock = -1;
static uint16_t trn_id;

int ask_open(void)
{
	struct sockaddr_in here = wire_address(opt.source, 0);
	struct sockaddr_in there = wire_address(opt.server, 137);
	struct timeval patience = { .tv_sec = 1 };

	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(sock, (struct sockaddr *)&here, sizeof(here)) != 0 ||
	    connect(sock, (struct sockaddr *)&there, sizeof(there)) != 0) {
		give_up("socket of the name service");
	}
	return sock;
}

static void put_name(uint8_t *out, const struct set *set, uint32_t at)
{
	uint8_t name[16];

	set_name(set, at, name);
	*out++ = 32;
	for (unsigned int i = 0; i < 16; i++) {
		*out++ = (uint8_t)('A' + (name[i] >> 4));
		*out++ = (uint8_t)('A' + (name[i] & 15));
	}
	*out = 0;
}

void ask_send(const struct set *set, uint32_t at)
{
	uint8_t p[QUERY_LEN] = { 0 };

	be16_put(p, ++trn_id);
	p[2] = 0x01;			/* recursion desired */
	p[5] = 1;
	put_name(p + 12, set, at);
	p[47] = 0x20;
	p[49] = 1;
	if (send(sock, p, sizeof(p), 0) < 0 && errno != ECONNREFUSED) {
		give_up("query");
	}
}

/* p is a reply to our question about it. */
static enum answer judge(const struct set *set, uint32_t at, const uint8_t *p,
			 size_t len)
{
	uint8_t name[NAME_LEN];

	put_name(name, set, at);
	if (len < 12 + NAME_LEN || memcmp(p + 12, name, NAME_LEN) != 0) {
		return ANSWER_WRONG;
	}
	if ((p[3] & 15) == 3) {
		return ANSWER_NO;
	}
	return len == REPLY_LEN && (p[3] & 15) == 0 && p[7] == 1 &&
	       be32_get(p + REPLY_LEN - 4) == set_address(set, at) ?
		       ANSWER_RIGHT : ANSWER_WRONG;
}

static enum answer receive(const struct set *set, uint32_t at, int flags)
{
	uint8_t p[600];
	ssize_t n = 0;

	while ((n = recv(sock, p, sizeof(p), flags)) >= 0) {
		if (n >= 12 && be16_get(p) == trn_id && (p[2] & 0xf8) == 0x80) {
			return judge(set, at, p, (size_t)n);
		}
	}
	return ANSWER_NONE;
}

enum answer ask_receive(const struct set *set, uint32_t at)
{
	return receive(set, at, MSG_DONTWAIT);
}

enum answer ask_wait(const struct set *set, uint32_t at)
{
	enum answer answer = ANSWER_NONE;

	for (unsigned int i = 0; i < TRIES && answer == ANSWER_NONE; i++) {
		ask_send(set, at);
		answer = receive(set, at, 0);
	}
	return answer;
}
