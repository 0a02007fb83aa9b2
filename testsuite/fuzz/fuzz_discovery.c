/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Auto-discovery datagrams: what decodes can be said again, and says the same.
 */

#include <string.h>

#include "codec/discovery.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct discovery_message message, again;
	uint8_t wire[DISCOVERY_SIZE_MAX];
	size_t len = 0;

	if (!discovery_decode(data, size, &message)) {
		return 0;
	}
	MUST(message.count <= DISCOVERY_ADDRESSES_MAX);
	len = discovery_encode(&message, wire);
	MUST(len <= size + 4 && len <= sizeof(wire));
	MUST(discovery_decode(wire, len, &again));
	MUST(again.up == message.up && again.count == message.count);
	MUST(memcmp(again.address, message.address,
		    message.count * sizeof(message.address[0])) == 0);
	return 0;
}
