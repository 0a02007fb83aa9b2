/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Auto-discovery datagrams, microsoft-wins.md 5.1.
 *
 *	u32, little endian	0x0000abcd; up to 0x0000abcf is taken
 *	u32, little endian	0 up, all else down
 *	addresses		4 bytes each, network order
 *	0.0.0.0			the end; servers before NT 4.0 leave it out
 *
 * So the list ends at 0.0.0.0, at the end of the datagram, or in the middle
 * of an address, whichever comes first.
 */
#include "codec/be.h"
#include "codec/discovery.h"
#include "core/addr.h"

#define MAGIC_FIRST	0x0000abcdu
#define MAGIC_LAST	0x0000abcfu
#define HEAD		8

static uint32_t le32_get(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[1] << 8 | p[0];
}

static uint8_t *le32_put(uint8_t *p, uint32_t value)
{
	for (unsigned int i = 0; i < 4; i++) {
		*p++ = (uint8_t)(value >> 8 * i);
	}
	return p;
}

bool discovery_decode(const uint8_t *data, size_t len,
		      struct discovery_message *message)
{
	*message = (struct discovery_message) { .count = 0 };
	if (len < HEAD || le32_get(data) < MAGIC_FIRST ||
	    le32_get(data) > MAGIC_LAST) {
		return false;
	}
	message->up = le32_get(data + 4) == 0;
	for (size_t at = HEAD; at + 4 <= len &&
	     message->count < DISCOVERY_ADDRESSES_MAX; at += 4) {
		uint32_t address = be32_get(data + at);

		if (address == 0) {
			break;
		}
		if (nb_addr_is_host(address)) {
			message->address[message->count++] = address;
		}
	}
	return true;
}

size_t discovery_encode(const struct discovery_message *message,
			uint8_t data[DISCOVERY_SIZE_MAX])
{
	uint8_t *p = data;

	p = le32_put(p, MAGIC_FIRST);
	p = le32_put(p, message->up ? 0 : 1);
	for (unsigned int i = 0; i < message->count; i++) {
		p = be32_put(p, message->address[i]);
	}
	p = be32_put(p, 0);
	return (size_t)(p - data);
}
