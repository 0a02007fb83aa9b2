/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IPv4 addresses and masks as numbers and as text. */

#include <stdio.h>
#include <string.h>

#include "core/addr.h"

char *nb_addr_print(uint32_t addr, char text[NB_ADDR_TEXT])
{
	snprintf(text, NB_ADDR_TEXT, "%u.%u.%u.%u", (addr >> 24) & 255u,
		 (addr >> 16) & 255u, (addr >> 8) & 255u, addr & 255u);
	return text;
}

/* One decimal number up to 255; leading zeros are refused, as 010 is read in
 * two ways by the world's parsers. */
static const char *parse_octet(const char *text, uint32_t *octet)
{
	uint32_t value = 0;
	const char *p = text;

	while (*p >= '0' && *p <= '9' && p - text < 4) {
		value = value * 10 + (uint32_t)(*p++ - '0');
	}
	if (p == text || value > 255 || (*text == '0' && p - text > 1)) {
		return NULL;
	}
	*octet = value;
	return p;
}

bool nb_addr_parse(const char *text, uint32_t *addr)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++) {
		uint32_t octet = 0;

		text = parse_octet(text, &octet);
		if (text == NULL || *text != (i < 3 ? '.' : '\0')) {
			return false;
		}
		text++;
		value = value << 8 | octet;
	}
	*addr = value;
	return true;
}

bool nb_mask_parse(const char *text, uint32_t *mask)
{
	const char *end = NULL;
	uint32_t bits = 0;

	if (nb_addr_parse(text, mask)) {
		return (~*mask & (~*mask + 1)) == 0;
	}
	end = parse_octet(text, &bits);
	if (end == NULL || *end != '\0' || bits > 32) {
		return false;
	}
	*mask = bits == 0 ? 0 : 0xffffffffu << (32 - bits);
	return true;
}

bool nb_addr_parse_masked(const char *text, uint32_t *addr, uint32_t *mask)
{
	char plain[NB_ADDR_TEXT] = "";
	size_t len = strcspn(text, "/");

	*mask = 0;
	if (len >= sizeof(plain)) {
		return false;
	}
	memcpy(plain, text, len);
	return nb_addr_parse(plain, addr) &&
	       (text[len] == '\0' || nb_mask_parse(text + len + 1, mask));
}

bool nb_addr_is_network(uint32_t addr, uint32_t mask)
{
	return mask != 0 && ~mask > 1 &&
	       ((addr & ~mask) == 0 || (addr & ~mask) == ~mask);
}

bool nb_addr_is_loopback(uint32_t addr)
{
	return addr >> 24 == 127;
}

bool nb_addr_is_host(uint32_t addr)
{
	return addr >> 24 != 0 && addr < 0xe0000000u;
}
