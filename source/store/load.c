/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the backend into the table, once, at start.
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
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

struct load {
	struct store *store;
	TALLOC_CTX *mem_ctx;
	char **message;
	uint64_t deleted;	/* highest revision in the delete log */
	uint32_t slot;		/* where it stands */
	bool any_deleted;
};

/* What a key says, as far as it can be said: NAME<20>, or its bytes. */
static char *key_text(TALLOC_CTX *mem_ctx, const uint8_t *key, size_t key_len)
{
	char *text = talloc_strdup(mem_ctx, "");
	bool is_meta = key_len > 0 && key[0] == DBREC_META;
	char printed[NB_NAME_TEXT];
	struct nb_name name;

	if (key_len > NB_NAME_MAX + 1 && key[0] == DBREC_RECORD) {
		name = nb_name_make(key + 1, NB_NAME_MAX,
				    key[1 + NB_NAME_MAX]);
		nb_name_set_scope(&name, key + 2 + NB_NAME_MAX,
				  key_len - 2 - NB_NAME_MAX);
		return talloc_asprintf_append(text, "record %s",
					      nb_name_print(&name, printed));
	}
	text = talloc_asprintf_append(text, is_meta ? "number " : "key ");
	for (size_t i = is_meta ? 1 : 0; i < key_len && i < 80; i++) {
		bool plain = key[i] > ' ' && key[i] < 0x7f && key[i] != '\\';

		text = talloc_asprintf_append(text, plain ? "%c" : "\\x%02x",
					      key[i]);
	}
	return text;
}

static int damaged(struct load *load, const uint8_t *key, size_t key_len,
		   const char *wrong)
{
	const char *file = store_file(load->store);
	char *what = key != NULL ? key_text(load->mem_ctx, key, key_len) : NULL;

	*load->message = talloc_asprintf(
		load->mem_ctx,
		"%s: %s: %s; 'winsrepair check %s' lists all that is damaged, "
		"'winsrepair salvage %s' saves the rest",
		file, what != NULL ? what : "damaged", wrong, file, file);
	talloc_free(what);
	return EILSEQ;
}

static int load_record(struct load *load, const uint8_t *key, size_t key_len,
		       const uint8_t *value, size_t value_len)
{
	struct store *store = load->store;
	struct nb_record rec;
	struct owner *owner = NULL;
	struct entry *entry = NULL;
	const char *wrong = dbrec_decode(key, key_len, value, value_len, &rec);

	if (wrong == NULL && table_find(&store->table, &rec.name) != NULL) {
		wrong = "it stands twice";
	}
	if (wrong != NULL) {
		return damaged(load, key, key_len, wrong);
	}
	owner = table_owner_add(&store->table, rec.owner);
	entry = owner == NULL ? NULL :
		entry_make(&store->table.slab, &rec, owner);
	if (entry == NULL) {
		return ENOMEM;
	}
	table_link_name(&store->table, entry);
	if (rec.revision > store->revision) {
		store->revision = rec.revision;
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
	char text[STORE_META_MAX + 1] = "";

	if (wrong != NULL) {
		return damaged(load, key, key_len, wrong);
	}
	if (key[0] == DBREC_OWNER) {
		uint32_t address = (uint32_t)key[1] << 24 |
				   (uint32_t)key[2] << 16 |
				   (uint32_t)key[3] << 8 | key[4];
		struct owner *owner = table_owner_add(&load->store->table,
						      address);

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
	if (store_meta_add(load->store, text) == NULL) {
		return ENOMEM;
	}
	store_meta(load->store, text)->number = number;
	return 0;
}

static int load_one(void *arg, const uint8_t *key, size_t key_len,
		    const uint8_t *value, size_t value_len)
{
	struct load *load = arg;

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

/* All is there: set the counters, see whether they can be true. */
static int load_end(struct load *load)
{
	struct store *store = load->store;
	struct owner *self = table_owner(&store->table, NB_SELF);
	uint8_t key[DBREC_KEY_MAX];
	struct nb_name name;
	char wrong[80];

	if (store_records(store) != store->records->value) {
		snprintf(wrong, sizeof(wrong),
			 "%" PRIu64 " records were found, not %" PRIu64,
			 store_records(store), store->records->value);
		return damaged(load, key, dbrec_key_meta(key, META_RECORDS),
			       wrong);
	}
	if (owner_highest(self) > store->reserved->value) {
		entry_name(owner_from(self, store->reserved->value + 1),
			   &name);
		return damaged(load, key, dbrec_key_record(key, &name),
			       "its version was never reserved");
	}
	store->counter = store->reserved->value;
	store->settled = store->reserved->value;
	store->reserved_durable = store->reserved->value;
	if (load->any_deleted) {
		store->slot = (load->slot + 1) % DELETE_LOG_SLOTS;
	}
	if (load->deleted > store->revision) {
		store->revision = load->deleted;
	}
	return 0;
}

int store_load(TALLOC_CTX *mem_ctx, struct store *store, char **message)
{
	struct load load = {
		.store = store,
		.mem_ctx = mem_ctx,
		.message = message,
	};
	const char *file = store_file(store);
	int err = store->backend.load(store->backend.priv, load_one, &load);

	if (err == 0) {
		err = table_link_trees(&store->table);
	}
	if (err == 0) {
		err = load_end(&load);
	}
	if (err == EILSEQ && *message == NULL) {
		return damaged(&load, NULL, 0, "records cannot be found");
	}
	if (err != 0 && *message == NULL) {
		*message = talloc_asprintf(
			mem_ctx, "%s cannot be read: %s; 'winsrepair check %s' "
			"tells more", file, strerror(err), file);
	}
	return err;
}
