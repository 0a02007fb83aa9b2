/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Batches: the changes of a turn as one flat buffer (backend.h has the
 * layout). Flat, so that another thread can have it without sharing a single
 * pointer, and so that joining two turns is one memcpy.
 *
 * The reader trusts nothing: a batch comes from this file today, but a journal
 * will bring them back from a disk.
 */

#include <stdlib.h>
#include <string.h>

#include "store/batch.h"

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
	uint32_t head[2] = {
		(uint32_t)key_len,
		value != NULL ? (uint32_t)value_len : STORE_BATCH_DELETE,
	};

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
	uint32_t head[2];
	bool is_delete = false;

	if (left < sizeof(head)) {
		return false;
	}
	memcpy(head, batch->data + *pos, sizeof(head));
	left -= sizeof(head);
	is_delete = head[1] == STORE_BATCH_DELETE;
	if (head[0] > left || (!is_delete && head[1] > left - head[0])) {
		return false;
	}
	*key = batch->data + *pos + sizeof(head);
	*key_len = head[0];
	*value = is_delete ? NULL : *key + head[0];
	*value_len = is_delete ? 0 : head[1];
	*pos += sizeof(head) + *key_len + *value_len;
	return true;
}
