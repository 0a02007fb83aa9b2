/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Batches: the changes of a turn as one flat buffer (backend.h has the
 * layout). Flat, so that another thread can have it without sharing a single
 * pointer, and so that joining two turns is one memcpy.
 *
 * The reader trusts nothing: a journal brings batches back from a disk.
 */

#include <stdlib.h>
#include <string.h>

#include "codec/be.h"
#include "store/batch.h"

#define HEAD_LEN	8	/* both lengths */

bool batch_reserve(struct store_batch *batch, size_t bytes)
{
	size_t size = batch->size > 0 ? batch->size : 2048;
	uint8_t *data = NULL;

	if (batch->size - batch->len >= bytes) {
		return true;
	}
	while (size - batch->len < bytes) {
		size *= 2;
	}
	data = realloc(batch->data, size);
	if (data == NULL) {
		return false;
	}
	batch->data = data;
	batch->size = size;
	return true;
}

static void add_bytes(struct store_batch *batch, const void *bytes, size_t len)
{
	memcpy(batch->data + batch->len, bytes, len);
	batch->len += len;
}

void batch_add(struct store_batch *batch, const uint8_t *key, size_t key_len,
	       const uint8_t *value, size_t value_len)
{
	uint8_t head[HEAD_LEN];

	be32_put(head, (uint32_t)key_len);
	be32_put(head + 4, value != NULL ? (uint32_t)value_len :
					   STORE_BATCH_DELETE);
	add_bytes(batch, head, sizeof(head));
	add_bytes(batch, key, key_len);
	if (value != NULL) {
		add_bytes(batch, value, value_len);
	}
	batch->changes++;
}

bool batch_append(struct store_batch *batch, const struct store_batch *more)
{
	if (more->len == 0) {
		return true;
	}
	if (!batch_reserve(batch, more->len)) {
		return false;
	}
	add_bytes(batch, more->data, more->len);
	batch->changes += more->changes;
	return true;
}

void batch_free(struct store_batch *batch)
{
	free(batch->data);
	memset(batch, 0, sizeof(*batch));
}

bool store_batch_next(const struct store_batch *batch, size_t *pos,
		      const uint8_t **key, size_t *key_len,
		      const uint8_t **value, size_t *value_len)
{
	size_t left = batch->len > *pos ? batch->len - *pos : 0;
	uint32_t key_bytes = 0, value_bytes = 0;
	bool is_delete = false;

	if (left < HEAD_LEN) {
		return false;
	}
	key_bytes = be32_get(batch->data + *pos);
	value_bytes = be32_get(batch->data + *pos + 4);
	left -= HEAD_LEN;
	is_delete = value_bytes == STORE_BATCH_DELETE;
	if (key_bytes > left || (!is_delete && value_bytes > left - key_bytes)) {
		return false;
	}
	*key = batch->data + *pos + HEAD_LEN;
	*key_len = key_bytes;
	*value = is_delete ? NULL : *key + key_bytes;
	*value_len = is_delete ? 0 : value_bytes;
	*pos += HEAD_LEN + *key_len + *value_len;
	return true;
}
