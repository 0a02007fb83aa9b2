/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What can be said of a client from its 64 bytes.
 *
 * How many different names: HyperLogLog (Flajolet and others, 2007) of 56
 * registers of four bits, with linear counting while some are empty. The hash
 * picks a register and brings along a run of zeros; each register keeps the
 * longest. 56 registers have a standard error of 1.04 / sqrt(56) = 14 %, and
 * four bits last to about a million names. Rejected: a list of the names,
 * exact up to some number (four of them in as much room), and a bitmap (full
 * at a few hundred).
 *
 * Is it a DNS server? One that looks names up in WINS (microsoft-wins.md 14)
 * asks for what its own clients type: many different names, and always the
 * workstation's, suffix <00>; hosts of a network ask for <20>, <1b> and <1c>
 * as well, and spend much of what they say on their own names. The machine of
 * a DNS server may itself be a client of WINS, so some of that is allowed. The
 * source port tells nothing: both kinds are seen from 137 and from others.
 * The rule: at least 32 names, at least nine of ten queries for <00>, at most
 * one registration or refresh for ten queries. It is a guess.
 */
#include "core/usage.h"

#include <string.h>

#define REGISTERS	(2 * USAGE_SKETCH)
#define RUN_MAX		15
#define ALPHA		0.7077		/* 0.7213 / (1 + 1.079 / 56) */

#define DNS_NAMES	32

static unsigned int get_register(const uint8_t *sketch, unsigned int i)
{
	return sketch[i / 2] >> (i % 2 * 4) & 15u;
}

void usage_client_asks(struct usage_client *client, uint64_t hash)
{
	unsigned int i = (unsigned int)((hash >> 32) * REGISTERS >> 32);
	unsigned int run = (unsigned int)__builtin_ctz(
		(uint32_t)hash | 1u << (RUN_MAX - 1)) + 1;

	if (run > get_register(client->sketch, i)) {
		uint8_t *byte = &client->sketch[i / 2];

		*byte = (uint8_t)((*byte & 0xf0u >> (i % 2 * 4)) |
				  run << (i % 2 * 4));
	}
}

/* 56 * ln(56 / empty), rounded: names that leave so many registers empty. */
static const uint8_t by_empty[REGISTERS + 1] = {
	255, 225, 187, 164, 148, 135, 125, 116, 109, 102, 96, 91, 86, 82, 78,
	74, 70, 67, 64, 61, 58, 55, 52, 50, 47, 45, 43, 41, 39, 37, 35, 33, 31,
	30, 28, 26, 25, 23, 22, 20, 19, 17, 16, 15, 14, 12, 11, 10, 9, 7, 6, 5,
	4, 3, 2, 1, 0,
};

uint32_t usage_client_names(const struct usage_client *client)
{
	unsigned int empty = 0;
	double sum = 0, names = 0;

	for (unsigned int i = 0; i < REGISTERS; i++) {
		unsigned int run = get_register(client->sketch, i);

		empty += run == 0;
		sum += 1.0 / (double)(1u << run);
	}
	names = ALPHA * REGISTERS * REGISTERS / sum;
	if (empty > 0 && names <= 2.5 * REGISTERS) {
		return by_empty[empty];
	}
	return (uint32_t)(names + 0.5);
}

bool usage_client_is_dns(const struct usage_client *client)
{
	uint64_t queries = (uint64_t)client->found + client->negative;
	uint64_t own = (uint64_t)client->registered + client->refreshed;

	return (uint64_t)client->plain * 10 >= queries * 9 &&
	       own * 10 <= queries &&
	       usage_client_names(client) >= DNS_NAMES;
}

bool usage_missing_set(struct usage_missing *missing,
		       const struct nb_name *name)
{
	if (name->scope_len > USAGE_SCOPE) {
		return false;
	}
	missing->len = name->len;
	missing->type = name->type;
	missing->scope_len = name->scope_len;
	memcpy(missing->byte, name->byte, NB_NAME_MAX);
	memcpy(missing->scope, name->scope, USAGE_SCOPE);
	return true;
}

bool usage_missing_is(const struct usage_missing *missing,
		      const struct nb_name *name)
{
	return missing->len == name->len && missing->type == name->type &&
	       missing->scope_len == name->scope_len &&
	       memcmp(missing->byte, name->byte, NB_NAME_MAX) == 0 &&
	       memcmp(missing->scope, name->scope, missing->scope_len) == 0;
}

void usage_missing_name(const struct usage_missing *missing,
			struct nb_name *name)
{
	*name = nb_name_make(missing->byte, missing->len, missing->type);
	(void)nb_name_set_scope(name, missing->scope, missing->scope_len);
}
