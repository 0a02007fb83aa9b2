/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The overlay: what a journal that was left behind says of each key it names,
 * laid over the file that is older. It is filled once, then only read, so any
 * number of threads may look.
 */
#ifndef WINSD_STORE_OVERLAY_H
#define WINSD_STORE_OVERLAY_H

#include "store/backend.h"

struct overlay;

struct overlay *overlay_create(void);		/* NULL: out of memory */

/* Later batches win. The bytes are copied. 0, ENOMEM, EILSEQ. */
int overlay_add(struct overlay *overlay, const struct store_batch *batch);

/* True if it names the key; *value NULL then means: it was deleted. */
bool overlay_find(const struct overlay *overlay, const uint8_t *key,
		  size_t key_len, const uint8_t **value, size_t *value_len);

/* As store_backend.load, for the keys that were not deleted. */
int overlay_walk(const struct overlay *overlay,
		 int (*fn)(void *arg, const uint8_t *key, size_t key_len,
			   const uint8_t *value, size_t value_len),
		 void *arg);

void overlay_free(struct overlay *overlay);	/* NULL is fine */

#endif
