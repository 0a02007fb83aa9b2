/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: keys and values of wins.tdb. The input is the length of the
 * key, the key, the value. Each input is tried as it is and with its last
 * four bytes made a right sum, as nothing gets past the sum by chance.
 *
 * What must hold: whatever is accepted obeys the record's invariants and is
 * encoded back to the very bytes it came from.
 */
#include <stdlib.h>
#include <string.h>

#include "codec/dbrec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int truth)
{
	if (!truth) {
		abort();
	}
}

static void same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	must(a_len == b_len && memcmp(a, b, a_len) == 0);
}

static void try_record(const uint8_t *key, size_t key_len,
		       const uint8_t *value, size_t len)
{
	uint8_t key2[DBREC_KEY_MAX], value2[DBREC_VALUE_MAX];
	struct nb_record rec;
	size_t key2_len = 0;

	if (dbrec_decode(key, key_len, value, len, &rec) != NULL) {
		return;
	}
	must(nb_record_broken(&rec) == NULL);
	key2_len = dbrec_key_record(key2, &rec.name);
	same(key, key_len, key2, key2_len);
	same(value, len, value2, dbrec_encode(value2, key2, key2_len, &rec));
}

static void try_others(const uint8_t *key, size_t key_len,
		       const uint8_t *value, size_t len)
{
	uint8_t value2[DBREC_VALUE_MAX];
	struct dbrec_deleted del;
	uint64_t number = 0;

	if (dbrec_decode_deleted(key, key_len, value, len, &del) == NULL) {
		same(value, len, value2,
		     dbrec_encode_deleted(value2, key, key_len, &del));
	}
	if (dbrec_decode_number(key, key_len, value, len, &number) == NULL) {
		same(value, len, value2,
		     dbrec_encode_number(value2, key, key_len, number));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t key_len = size > 0 ? data[0] : 0;
	size_t len = 0;
	uint8_t *key = NULL, *value = NULL;
	uint32_t crc = 0;

	if (size < 1 + key_len) {
		return 0;
	}
	len = size - 1 - key_len;
	/* copies of the exact size, so that a byte too far is seen */
	key = malloc(key_len > 0 ? key_len : 1);
	value = malloc(len > 0 ? len : 1);
	must(key != NULL && value != NULL);
	memcpy(key, data + 1, key_len);
	memcpy(value, data + 1 + key_len, len);
	try_record(key, key_len, value, len);
	try_others(key, key_len, value, len);
	if (len >= 4) {
		crc = dbrec_crc32c(0, key, key_len);
		crc = dbrec_crc32c(crc, value, len - 4);
		for (size_t i = 0; i < 4; i++) {
			value[len - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
		}
		try_record(key, key_len, value, len);
		try_others(key, key_len, value, len);
	}
	free(key);
	free(value);
	return 0;
}
