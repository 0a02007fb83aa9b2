/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing batches; reading them is store_batch_next() in backend.h. Room is
 * asked for first, so that what follows cannot fail half way.
 */
#ifndef WINSD_STORE_BATCH_H
#define WINSD_STORE_BATCH_H

#include "codec/dbrec.h"
#include "store/backend.h"

/* Room for one more change of any size; false: out of memory. */
#define BATCH_CHANGE_MAX	(8 + DBREC_KEY_MAX + DBREC_VALUE_MAX)
bool batch_reserve(struct store_batch *batch, size_t bytes);

/* There must be room. value NULL deletes. */
void batch_add(struct store_batch *batch, const uint8_t *key, size_t key_len,
	       const uint8_t *value, size_t value_len);

/* Behind what is there; false: out of memory, nothing changed. */
bool batch_append(struct store_batch *batch, const struct store_batch *more);

void batch_free(struct store_batch *batch);

#endif
