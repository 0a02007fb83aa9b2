/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An entry: one record in memory, packed and never changed once it stands.
 *
 * One block of a slab: links of the trees and numbers that a look-up does not
 * need, then what it does, so that it reads 64 bytes in a row: the chain, the
 * name, what a reply says, the first member. A unique name without a scope
 * takes 160 bytes, with its share of the hash 176. A talloc chunk alone would
 * cost 96 more.
 *
 * A put makes a new entry and takes the old one out of the table; the turn
 * keeps the old one until it is durable, so that undoing is relinking. What
 * is deleted leaves a ghost: a name and a turn, seen by no reader but
 * store_pending_turn().
 */
#ifndef WINSD_STORE_ENTRY_H
#define WINSD_STORE_ENTRY_H

#include <stddef.h>
#include <bsd/sys/tree.h>

#include "core/record.h"
#include "store/slab.h"

struct owner;

#define ENTRY_NAME_LEN	(NB_NAME_MAX + 1)	/* bytes and type */

struct entry {
	RB_ENTRY(entry) by_version;	/* among its owner's */
	RB_ENTRY(entry) by_due;		/* unless it never expires */
	uint64_t turn;			/* that made this entry */
	uint64_t revision;
	uint64_t version;
	int64_t expires;
	struct owner *owner;		/* NULL: a ghost */
	struct entry *chain;		/* next in the same bucket */
	uint32_t place;			/* see table.h */
	uint8_t type : 2;
	uint8_t state : 2;
	uint8_t node : 2;
	uint8_t is_static : 1;
	uint8_t count;
	uint8_t name_len;
	uint8_t scope_len;
	uint8_t name[ENTRY_NAME_LEN];	/* padded with zeros; type */
	struct nb_member member[];
	/* behind the members: the scope */
};

/* Pack a record; owner NULL makes a ghost of its name. NULL: out of memory. */
struct entry *entry_make(struct slab *slab, const struct nb_record *rec,
			 struct owner *owner);
void entry_free(struct slab *slab, struct entry *entry);	/* NULL is fine */

size_t entry_size(const struct entry *entry);	/* that it takes */

/* The record, with owner as given. Not for ghosts. */
void entry_unpack(const struct entry *entry, uint32_t owner,
		  struct nb_record *rec);

void entry_name(const struct entry *entry, struct nb_name *name);
bool entry_has_name(const struct entry *entry, const struct nb_name *name);

/* Order by name bytes, type, scope, as nb_name_compare(). */
int entry_compare_names(const struct entry *a, const struct entry *b);
int entry_compare_name(const struct entry *entry, const struct nb_name *name);

#endif
