/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many entries into an empty table: each into the hash when it comes, all of
 * them into the trees at the end, which takes a tenth of the time that growing
 * the trees one by one does. Nothing else may touch the table in between.
 */
#ifndef WINSD_STORE_BULK_H
#define WINSD_STORE_BULK_H

#include "store/table.h"

struct bulk_item;

/* All zero but for the table is the beginning. */
struct bulk {
	struct table *table;
	struct bulk_item *item;
	size_t count;
	size_t max;
};

/* So many may come: a hint, which saves splitting buckets and moving items. */
void bulk_expect(struct bulk *bulk, uint64_t records);

/* Make an entry of the record: 0, EEXIST if its name stands, or ENOMEM. */
int bulk_add(struct bulk *bulk, const struct nb_record *rec);

/* Build the trees: 0 or ENOMEM. */
int bulk_link(struct bulk *bulk);

/* The end, in any case. What was linked stays linked. */
void bulk_free(struct bulk *bulk);

#endif
