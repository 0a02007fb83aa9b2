/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Packing records into entries and back; comparing names in packed form.
 * Where an entry stands in which index is not known here but in table.c.
 *
 * The name is kept as fifteen bytes padded with zeros and the type, so that
 * comparing two names without a scope is comparing sixteen bytes.
 */

#include <stdlib.h>
#include <string.h>

#include "store/entry.h"

#define NAME_LEN	(NB_NAME_MAX + 1)	/* bytes and type */

static const uint8_t *tail(const struct entry *entry)
{
	return (const uint8_t *)&entry->member[entry->count];
}

size_t entry_size(const struct entry *entry)
{
	return sizeof(*entry) + entry->count * sizeof(entry->member[0]) +
	       NAME_LEN + entry->scope_len;
}

struct entry *entry_make(const struct nb_record *rec, struct owner *owner)
{
	unsigned int count = owner != NULL ? rec->count : 0;
	struct entry *entry = NULL;
	uint8_t *name = NULL;

	entry = malloc(sizeof(*entry) + count * sizeof(entry->member[0]) +
		       NAME_LEN + rec->name.scope_len);
	if (entry == NULL) {
		return NULL;
	}
	memset(entry, 0, sizeof(*entry));
	entry->owner = owner;
	entry->version = rec->version;
	entry->expires = rec->expires;
	entry->revision = rec->revision;
	entry->type = rec->type & 3u;
	entry->state = rec->state & 3u;
	entry->node = rec->node & 3u;
	entry->is_static = rec->is_static ? 1 : 0;
	entry->count = (uint8_t)count;
	entry->name_len = rec->name.len;
	entry->scope_len = rec->name.scope_len;
	memcpy(entry->member, rec->member, count * sizeof(rec->member[0]));
	name = (uint8_t *)&entry->member[count];
	memcpy(name, rec->name.byte, NB_NAME_MAX);
	name[NB_NAME_MAX] = rec->name.type;
	memcpy(name + NAME_LEN, rec->name.scope, rec->name.scope_len);
	return entry;
}

void entry_name(const struct entry *entry, struct nb_name *name)
{
	const uint8_t *packed = tail(entry);

	memset(name, 0, sizeof(*name));
	name->len = entry->name_len;
	memcpy(name->byte, packed, NB_NAME_MAX);
	name->type = packed[NB_NAME_MAX];
	name->scope_len = entry->scope_len;
	memcpy(name->scope, packed + NAME_LEN, entry->scope_len);
}

void entry_unpack(const struct entry *entry, uint32_t owner,
		  struct nb_record *rec)
{
	memset(rec, 0, sizeof(*rec));
	entry_name(entry, &rec->name);
	rec->type = entry->type;
	rec->state = entry->state;
	rec->node = entry->node;
	rec->is_static = entry->is_static != 0;
	rec->owner = owner;
	rec->version = entry->version;
	rec->expires = entry->expires;
	rec->revision = entry->revision;
	rec->count = entry->count;
	memcpy(rec->member, entry->member,
	       entry->count * sizeof(entry->member[0]));
}

bool entry_has_name(const struct entry *entry, const struct nb_name *name)
{
	const uint8_t *packed = tail(entry);

	return entry->scope_len == name->scope_len &&
	       packed[NB_NAME_MAX] == name->type &&
	       memcmp(packed, name->byte, NB_NAME_MAX) == 0 &&
	       memcmp(packed + NAME_LEN, name->scope, name->scope_len) == 0;
}

/* Padding is zero and names hold no zero, so a prefix stands first. */
static int compare(const uint8_t *a, uint8_t a_type, const uint8_t *a_scope,
		   size_t a_len, const uint8_t *b, uint8_t b_type,
		   const uint8_t *b_scope, size_t b_len)
{
	int order = memcmp(a, b, NB_NAME_MAX);

	if (order == 0) {
		order = (a_type > b_type) - (a_type < b_type);
	}
	if (order == 0) {
		order = memcmp(a_scope, b_scope, a_len < b_len ? a_len : b_len);
	}
	if (order == 0) {
		order = (a_len > b_len) - (a_len < b_len);
	}
	return order;
}

int entry_compare_names(const struct entry *a, const struct entry *b)
{
	const uint8_t *x = tail(a), *y = tail(b);

	return compare(x, x[NB_NAME_MAX], x + NAME_LEN, a->scope_len, y,
		       y[NB_NAME_MAX], y + NAME_LEN, b->scope_len);
}

int entry_compare_name(const struct entry *entry, const struct nb_name *name)
{
	const uint8_t *x = tail(entry);

	return compare(x, x[NB_NAME_MAX], x + NAME_LEN, entry->scope_len,
		       name->byte, name->type, name->scope, name->scope_len);
}
