/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Packing records into entries and back; comparing names in packed form.
 * Where an entry stands in which index is not known here but in table.c.
 *
 * The name is kept as fifteen bytes padded with zeros and the type, so that
 * comparing two names without a scope is comparing sixteen bytes.
 */

#include <string.h>

#include "store/entry.h"

static size_t packed_size(size_t count, size_t scope_len)
{
	return sizeof(struct entry) + count * sizeof(struct nb_member) +
	       scope_len;
}

_Static_assert(sizeof(struct entry) +
	       NB_MEMBERS_MAX * sizeof(struct nb_member) + NB_SCOPE_MAX <=
	       SLAB_MAX, "no block is large enough for the largest entry");

static const uint8_t *scope_of(const struct entry *entry)
{
	return (const uint8_t *)&entry->member[entry->count];
}

size_t entry_size(const struct entry *entry)
{
	return slab_round(packed_size(entry->count, entry->scope_len));
}

struct entry *entry_make(struct slab *slab, const struct nb_record *rec,
			 struct owner *owner)
{
	unsigned int count = owner != NULL ? rec->count : 0;
	struct entry *entry = slab_get(slab, packed_size(count,
							 rec->name.scope_len));

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
	memcpy(entry->name, rec->name.byte, NB_NAME_MAX);
	entry->name[NB_NAME_MAX] = rec->name.type;
	memcpy(&entry->member[count], rec->name.scope, rec->name.scope_len);
	return entry;
}

void entry_free(struct slab *slab, struct entry *entry)
{
	if (entry != NULL) {
		slab_put(slab, entry, packed_size(entry->count,
						  entry->scope_len));
	}
}

void entry_name(const struct entry *entry, struct nb_name *name)
{
	memset(name, 0, sizeof(*name));
	name->len = entry->name_len;
	memcpy(name->byte, entry->name, NB_NAME_MAX);
	name->type = entry->name[NB_NAME_MAX];
	name->scope_len = entry->scope_len;
	memcpy(name->scope, scope_of(entry), entry->scope_len);
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
	return entry->scope_len == name->scope_len &&
	       entry->name[NB_NAME_MAX] == name->type &&
	       memcmp(entry->name, name->byte, NB_NAME_MAX) == 0 &&
	       memcmp(scope_of(entry), name->scope, name->scope_len) == 0;
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
	return compare(a->name, a->name[NB_NAME_MAX], scope_of(a),
		       a->scope_len, b->name, b->name[NB_NAME_MAX],
		       scope_of(b), b->scope_len);
}

int entry_compare_name(const struct entry *entry, const struct nb_name *name)
{
	return compare(entry->name, entry->name[NB_NAME_MAX], scope_of(entry),
		       entry->scope_len, name->byte, name->type, name->scope,
		       name->scope_len);
}
