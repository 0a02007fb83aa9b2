/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The overlay: copies of the batches, and a table of where each key was named
 * last. Open addressing, at most half full, keyed (the names in it were chosen
 * by clients); it lives for the second that loading takes.
 *
 * Rejected: carrying the journal into the file before the server starts. That
 * is a synced transaction for every thousand changes, seconds after a crash
 * in a storm of registrations, and the same work is done behind the server's
 * back anyway.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "store/overlay.h"
#include "store/siphash.h"

#define SLOTS_FIRST	1024u		/* a power of two */

struct copy {
	struct copy *next;
	uint8_t data[];
};

struct slot {
	const uint8_t *key;		/* NULL: free */
	const uint8_t *value;		/* NULL: deleted */
	uint32_t key_len;
	uint32_t value_len;
};

struct overlay {
	uint64_t hash_key[2];
	struct copy *copies;
	struct slot *slot;
	size_t slots;
	size_t used;
};

struct overlay *overlay_create(void)
{
	struct overlay *overlay = calloc(1, sizeof(*overlay));

	if (overlay == NULL) {
		return NULL;
	}
	overlay->slots = SLOTS_FIRST;
	overlay->slot = calloc(overlay->slots, sizeof(*overlay->slot));
	if (overlay->slot == NULL ||
	    getrandom(overlay->hash_key, sizeof(overlay->hash_key), 0) !=
		    sizeof(overlay->hash_key)) {
		overlay_free(overlay);
		return NULL;
	}
	return overlay;
}

/* Where the key stands, or the free slot where it would. */
static struct slot *find(const struct overlay *overlay, const uint8_t *key,
			 size_t key_len)
{
	size_t mask = overlay->slots - 1;
	size_t i = (size_t)siphash(overlay->hash_key, key, key_len, 1, 3);
	struct slot *slot = &overlay->slot[i & mask];

	while (slot->key != NULL && (slot->key_len != key_len ||
				     memcmp(slot->key, key, key_len) != 0)) {
		slot = &overlay->slot[++i & mask];
	}
	return slot;
}

static int grow(struct overlay *overlay)
{
	struct overlay wide = *overlay;

	wide.slots *= 2;
	wide.slot = calloc(wide.slots, sizeof(*wide.slot));
	if (wide.slot == NULL) {
		return ENOMEM;
	}
	for (size_t i = 0; i < overlay->slots; i++) {
		const struct slot *slot = &overlay->slot[i];

		if (slot->key != NULL) {
			*find(&wide, slot->key, slot->key_len) = *slot;
		}
	}
	free(overlay->slot);
	*overlay = wide;
	return 0;
}

int overlay_add(struct overlay *overlay, const struct store_batch *batch)
{
	struct copy *copy = malloc(sizeof(*copy) + batch->len);
	struct store_batch ours = { .len = batch->len };
	const uint8_t *key = NULL, *value = NULL;
	size_t pos = 0, key_len = 0, value_len = 0;

	if (copy == NULL) {
		return ENOMEM;
	}
	memcpy(copy->data, batch->data, batch->len);
	copy->next = overlay->copies;
	overlay->copies = copy;
	ours.data = copy->data;
	while (store_batch_next(&ours, &pos, &key, &key_len, &value,
				&value_len)) {
		struct slot *slot = NULL;

		if (overlay->used * 2 >= overlay->slots &&
		    grow(overlay) != 0) {
			return ENOMEM;
		}
		slot = find(overlay, key, key_len);
		overlay->used += slot->key == NULL;
		*slot = (struct slot){ key, value, (uint32_t)key_len,
				       (uint32_t)value_len };
	}
	return pos == ours.len ? 0 : EILSEQ;
}

bool overlay_find(const struct overlay *overlay, const uint8_t *key,
		  size_t key_len, const uint8_t **value, size_t *value_len)
{
	const struct slot *slot = find(overlay, key, key_len);

	if (slot->key == NULL) {
		return false;
	}
	*value = slot->value;
	*value_len = slot->value_len;
	return true;
}

int overlay_walk(const struct overlay *overlay,
		 int (*fn)(void *arg, const uint8_t *key, size_t key_len,
			   const uint8_t *value, size_t value_len),
		 void *arg)
{
	for (size_t i = 0; i < overlay->slots; i++) {
		const struct slot *slot = &overlay->slot[i];
		int err = 0;

		if (slot->key != NULL && slot->value != NULL) {
			err = fn(arg, slot->key, slot->key_len, slot->value,
				 slot->value_len);
		}
		if (err != 0) {
			return err;
		}
	}
	return 0;
}

void overlay_free(struct overlay *overlay)
{
	if (overlay == NULL) {
		return;
	}
	while (overlay->copies != NULL) {
		struct copy *copy = overlay->copies;

		overlay->copies = copy->next;
		free(copy);
	}
	free(overlay->slot);
	free(overlay);
}
