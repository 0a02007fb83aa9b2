/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The datagrams by which WINS servers find each other: multicast to
 * 224.0.1.24, at the port of replication (microsoft-wins.md 5.1).
 */
#ifndef WINSD_CODEC_DISCOVERY_H
#define WINSD_CODEC_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISCOVERY_GROUP		0xe0000118u	/* 224.0.1.24 */
#define DISCOVERY_ADDRESSES_MAX	64
#define DISCOVERY_SIZE_MAX	(8 + 4 * DISCOVERY_ADDRESSES_MAX + 4)

struct discovery_message {
	bool up;		/* false: it goes down */
	unsigned int count;
	uint32_t address[DISCOVERY_ADDRESSES_MAX];	/* of the sender */
};

/*
 * False: it is no such datagram. Addresses that no host can have are left
 * out, and so are those beyond DISCOVERY_ADDRESSES_MAX.
 */
bool discovery_decode(const uint8_t *data, size_t len,
		      struct discovery_message *message);

/* Returns the length. count is at most DISCOVERY_ADDRESSES_MAX. */
size_t discovery_encode(const struct discovery_message *message,
			uint8_t data[DISCOVERY_SIZE_MAX]);

#endif
