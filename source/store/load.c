/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the backend into an image of the store, once, at start; maybe in a
 * thread of its own (loader.c), hence no talloc and nothing shared.
 *
 * A database is loaded whole or not at all: a server that starts on half of
 * its records would hand the other half's names to whoever asks, and tell its
 * partners so. What cannot be read, stands twice, or contradicts the reserved
 * version numbers is EILSEQ; so is a file in which some records cannot even be
 * found, which the number of records tells that every turn writes. The message
 * names the first fault, and winsrepair finds the rest.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/bulk.h"
#include "store/internal.h"

#define KEY_TEXT	(NB_NAME_TEXT + 400)

struct load {
	struct image *image;
	struct bulk bulk;
	const char *file;
	const atomic_bool *stop;
	char **message;
	uint64_t deleted;	/* highest revision in the delete log */
	uint32_t slot;		/* where it stands */
	bool any_deleted;
};

/* What a key says, as far as it can be said: NAME<20>, or its bytes. */
static void key_text(char text[KEY_TEXT], const uint8_t *key, size_t key_len)
{
	bool is_meta = key_len > 0 && key[0] == DBREC_META;
	char printed[NB_NAME_TEXT];
	struct nb_name name;
	int at = 0;

	if (key_len > NB_NAME_MAX + 1 && key[0] == DBREC_RECORD) {
		name = nb_name_make(key + 1, NB_NAME_MAX,
				    key[1 + NB_NAME_MAX]);
		nb_name_set_scope(&name, key + 2 + NB_NAME_MAX,
				  key_len - 2 - NB_NAME_MAX);
		snprintf(text, KEY_TEXT, "record %s",
			 nb_name_print(&name, printed));
		return;
	}
	at = snprintf(text, KEY_TEXT, is_meta ? "number " : "key ");
	for (size_t i = is_meta ? 1 : 0; i < key_len && i < 80; i++) {
		bool plain = key[i] > ' ' && key[i] < 0x7f && key[i] != '\\';

		at += snprintf(text + at, KEY_TEXT - (size_t)at,
			       plain ? "%c" : "\\x%02x", key[i]);
	}
}

static void say(struct load *load, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct load *load, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(load->message, format, args) < 0) {
		*load->message = NULL;
	}
	va_end(args);
}

static int damaged(struct load *load, const uint8_t *key, size_t key_len,
		   const char *wrong)
{
	char what[KEY_TEXT] = "damaged";

	if (key != NULL) {
		key_text(what, key, key_len);
	}
	say(load,
	    "%s: %s: %s; 'winsrepair check %s' lists all that is damaged, "
	    "'winsrepair salvage %s' saves the rest",
	    load->file, what, wrong, load->file, load->file);
	return EILSEQ;
}

static int load_record(struct load *load, const uint8_t *key, size_t key_len,
		       const uint8_t *value, size_t value_len)
{
	struct image *image = load->image;
	struct nb_record rec;
	const char *wrong = dbrec_decode(key, key_len, value, value_len, &rec);
	int err = 0;

	if (wrong != NULL) {
		return damaged(load, key, key_len, wrong);
	}
	err = bulk_add(&load->bulk, &rec);
	if (err != 0) {
		return err == EEXIST ? damaged(load, key, key_len,
					       "it stands twice") : err;
	}
	if (rec.revision > image->revision) {
		image->revision = rec.revision;
	}
	return 0;
}

static int load_deleted(struct load *load, const uint8_t *key, size_t key_len,
			const uint8_t *value, size_t value_len)
{
	struct dbrec_deleted del;
	const char *wrong = dbrec_decode_deleted(key, key_len, value,
						 value_len, &del);
	uint32_t slot = 0;

	if (wrong != NULL) {
		return damaged(load, key, key_len, wrong);
	}
	slot = (uint32_t)key[1] << 24 | (uint32_t)key[2] << 16 |
	       (uint32_t)key[3] << 8 | key[4];
	if (slot >= DELETE_LOG_SLOTS) {
		return damaged(load, key, key_len, "no such slot");
	}
	if (!load->any_deleted || del.revision > load->deleted) {
		load->any_deleted = true;
		load->deleted = del.revision;
		load->slot = slot;
	}
	return 0;
}

/* Owner's marks and named numbers. */
static int load_number(struct load *load, const uint8_t *key, size_t key_len,
		       const uint8_t *value, size_t value_len)
{
	struct number number = { .is_set = true };
	const char *wrong = dbrec_decode_number(key, key_len, value, value_len,
						&number.value);
	struct image *image = load->image;
	char text[STORE_META_MAX + 1] = "";
	struct meta *meta = NULL;

	if (wrong != NULL) {
		return damaged(load, key, key_len, wrong);
	}
	if (key[0] == DBREC_OWNER) {
		uint32_t address = (uint32_t)key[1] << 24 |
				   (uint32_t)key[2] << 16 |
				   (uint32_t)key[3] << 8 | key[4];
		struct owner *owner = table_owner_add(&image->table, address);

		if (owner == NULL) {
			return ENOMEM;
		}
		owner->mark = number;
		return 0;
	}
	if (key_len < 2 || key_len > sizeof(text) ||
	    memchr(key, '\0', key_len) != NULL) {
		return damaged(load, key, key_len, "no name of a number");
	}
	memcpy(text, key + 1, key_len - 1);
	meta = meta_add(&image->metas, text);
	if (meta == NULL) {
		return ENOMEM;
	}
	meta->number = number;
	return 0;
}

static int load_one(void *arg, const uint8_t *key, size_t key_len,
		    const uint8_t *value, size_t value_len)
{
	struct load *load = arg;

	if (load->stop != NULL &&
	    atomic_load_explicit(load->stop, memory_order_relaxed)) {
		return ECANCELED;
	}
	switch (key_len > 0 ? key[0] : 0) {
	case DBREC_RECORD:
		return load_record(load, key, key_len, value, value_len);
	case DBREC_DELETED:
		return load_deleted(load, key, key_len, value, value_len);
	case DBREC_OWNER:
	case DBREC_META:
		return load_number(load, key, key_len, value, value_len);
	default:
		return damaged(load, key, key_len, "an unknown kind of key");
	}
}

/* All is there: see whether it can be true. */
static int load_end(struct load *load)
{
	struct image *image = load->image;
	struct owner *self = table_owner(&image->table, NB_SELF);
	uint64_t records = table_records(&image->table);
	uint8_t key[DBREC_KEY_MAX];
	struct nb_name name;
	char wrong[80];

	if (records != image->records->value) {
		snprintf(wrong, sizeof(wrong),
			 "%" PRIu64 " records were found, not %" PRIu64,
			 records, image->records->value);
		return damaged(load, key, dbrec_key_meta(key, META_RECORDS),
			       wrong);
	}
	if (owner_highest(self) > image->reserved->value) {
		entry_name(owner_from(self, image->reserved->value + 1),
			   &name);
		return damaged(load, key, dbrec_key_record(key, &name),
			       "its version was never reserved");
	}
	if (load->any_deleted) {
		image->slot = (load->slot + 1) % DELETE_LOG_SLOTS;
	}
	if (load->deleted > image->revision) {
		image->revision = load->deleted;
	}
	return 0;
}

int image_load(struct image *image, const struct store_backend *backend,
	       const atomic_bool *stop, char **message)
{
	struct load load = {
		.image = image,
		.bulk = { .table = &image->table },
		.file = store_file(backend),
		.stop = stop,
		.message = message,
	};
	int err = 0;

	*message = NULL;
	bulk_expect(&load.bulk, image->expected);
	err = backend->load(backend->priv, load_one, &load);
	if (err == 0) {
		err = bulk_link(&load.bulk);
	}
	bulk_free(&load.bulk);
	if (err == 0) {
		err = load_end(&load);
	}
	if (err == EILSEQ && *message == NULL) {
		return damaged(&load, NULL, 0, "records cannot be found");
	}
	if (err != 0 && *message == NULL) {
		say(&load, "%s cannot be read: %s; 'winsrepair check %s' "
		    "tells more", load.file, strerror(err), load.file);
	}
	return err;
}

/* ---- the image ---- */

struct meta *meta_find(struct meta *metas, const char *key)
{
	while (metas != NULL && strcmp(metas->key, key) != 0) {
		metas = metas->next;
	}
	return metas;
}

struct meta *meta_add(struct meta **metas, const char *key)
{
	struct meta *meta = meta_find(*metas, key);

	if (meta != NULL) {
		return meta;
	}
	meta = calloc(1, sizeof(*meta));
	if (meta == NULL) {
		return NULL;
	}
	memcpy(meta->key, key, strnlen(key, STORE_META_MAX));
	meta->next = *metas;
	*metas = meta;
	return meta;
}

void meta_free(struct meta *metas)
{
	while (metas != NULL) {
		struct meta *next = metas->next;

		free(metas);
		metas = next;
	}
}

int image_init(struct image *image, const uint64_t key[2])
{
	struct meta *reserved = NULL, *records = NULL;
	int err = 0;

	memset(image, 0, sizeof(*image));
	err = table_init(&image->table, key);
	if (err != 0) {
		return err;
	}
	reserved = meta_add(&image->metas, META_RESERVED);
	records = meta_add(&image->metas, META_RECORDS);
	if (reserved == NULL || records == NULL ||
	    table_owner_add(&image->table, NB_SELF) == NULL) {
		image_free(image);
		return ENOMEM;
	}
	image->reserved = &reserved->number;
	image->records = &records->number;
	return 0;
}

void image_free(struct image *image)
{
	table_free(&image->table);
	meta_free(image->metas);
	image->metas = NULL;
}
