/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands in usage.tdb, entry by entry as the server reads it: the first
 * byte says which kind. What decodes encodes again to what says the same, and
 * may be put into the tables.
 */

#include <string.h>

#include "codec/usage.h"
#include "fuzz/fuzz.h"
#include "serve/usage.h"

static struct usage *usage;

static void begin(void)
{
	static const uint64_t key[2] = { 1, 2 };

	if (usage == NULL) {
		MUST(usage_create(NULL, USAGE_OF_CLIENTS, key,
				  INT64_C(1800000000), &usage) == 0);
	}
}

static void try_head(const uint8_t *data, size_t size)
{
	uint8_t out[USAGE_HEAD_LEN];
	struct usage_head head;

	if (!usage_head_decode(data, size, &head) ||
	    head.format != USAGE_FORMAT) {
		return;
	}
	usage_head_encode(&head, out);
	MUST(size == sizeof(out) && memcmp(out, data, size) == 0);
}

static void try_clients(const uint8_t *data, size_t size)
{
	uint8_t out[USAGE_ENTRY_LEN];
	struct usage_client client;

	for (; size >= sizeof(out); data += sizeof(out), size -= sizeof(out)) {
		if (!usage_client_decode(data, &client)) {
			return;
		}
		usage_client_encode(&client, out);
		MUST(memcmp(out, data, sizeof(out)) == 0);
		(void)usage_client_names(&client);
		(void)usage_client_is_dns(&client);
		usage_restore_client(usage, &client);
	}
}

static void try_missing(const uint8_t *data, size_t size)
{
	uint8_t out[USAGE_ENTRY_LEN];
	struct usage_missing missing, again;
	struct nb_name name;

	for (; size >= sizeof(out); data += sizeof(out), size -= sizeof(out)) {
		if (!usage_missing_decode(data, &missing)) {
			return;
		}
		usage_missing_encode(&missing, out);
		MUST(usage_missing_decode(out, &again));
		MUST(memcmp(&again, &missing, sizeof(again)) == 0);
		usage_missing_name(&missing, &name);
		MUST(usage_missing_is(&missing, &name));
		usage_restore_missing(usage, &missing);
	}
}

static void try_sets(const uint8_t *data, size_t size)
{
	uint8_t out[USAGE_SET_MAX];
	struct usage_set set;
	uint32_t index = 0;
	size_t len = 0;

	while ((len = usage_set_decode(data, size, &index, &set)) > 0) {
		MUST(len <= size);
		MUST(usage_set_encode(index, &set, out) == len);
		MUST(memcmp(out, data, len) == 0);
		MUST(usage_restore_set(usage, index, &set) ==
		     (index < USAGE_SETS));
		data += len;
		size -= len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin();
	if (size == 0) {
		return 0;
	}
	switch (data[0]) {
	case 'h':
		try_head(data + 1, size - 1);
		break;
	case 'c':
		try_clients(data + 1, size - 1);
		break;
	case 'm':
		try_missing(data + 1, size - 1);
		break;
	case 's':
		try_sets(data + 1, size - 1);
		break;
	}
	return 0;
}
