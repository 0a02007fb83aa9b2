/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers of a move, see owner_move.h. */

#include <stdio.h>

#include "core/owner_move.h"

char *owner_was_key(uint32_t address, char key[OWNER_KEY_MAX])
{
	char text[NB_ADDR_TEXT];

	(void)snprintf(key, OWNER_KEY_MAX, OWNER_WAS "-%s",
		       nb_addr_print(address, text));
	return key;
}

static struct owner_number named(const char *key, uint64_t number)
{
	struct owner_number named = { .number = number };

	(void)snprintf(named.key, sizeof(named.key), "%s", key);
	return named;
}

void owner_move(uint32_t from, uint32_t to, uint64_t when,
		struct owner_number number[OWNER_MOVE_NUMBERS])
{
	uint64_t moved = from != to ? when : 0;
	char key[OWNER_KEY_MAX];

	number[0] = named(OWNER_ADDRESS, to);
	number[1] = named(OWNER_MOVED, moved);
	number[2] = named(owner_was_key(from, key), moved);
	number[3] = named(owner_was_key(to, key), 0);
}
