/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two records are the same: field by field, for between fields there may be
 * bytes that nobody sets.
 */
#ifndef WINSD_TEST_SAME_RECORD_H
#define WINSD_TEST_SAME_RECORD_H

#include "core/record.h"

static inline void assert_same_record(const struct nb_record *a,
				      const struct nb_record *b)
{
	assert_memory_equal(&a->name, &b->name, sizeof(a->name));
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->node, b->node);
	assert_int_equal(a->is_static, b->is_static);
	assert_int_equal(a->owner, b->owner);
	assert_true(a->version == b->version);
	assert_true(a->expires == b->expires);
	assert_int_equal(a->count, b->count);
	for (unsigned int i = 0; i < a->count; i++) {
		assert_int_equal(a->member[i].ip, b->member[i].ip);
		assert_int_equal(a->member[i].owner, b->member[i].owner);
		assert_true(a->member[i].expires == b->member[i].expires);
	}
}

#endif
