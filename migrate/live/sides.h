/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What two sides say of many names, name by name, and since when they differ.
 *
 * A million names and more: it all lies in a private database that vanishes
 * with the process, not in memory.
 */
#ifndef WINSMIGRATE_LIVE_SIDES_H
#define WINSMIGRATE_LIVE_SIDES_H

#include <talloc.h>

#include "migrate/live/compare_class.h"

enum sides_which { SIDES_OLD, SIDES_NEW, SIDES_NAMES, SIDES_COUNT };

struct sides;

/* All functions that return int: 0 or an errno. */
int sides_create(TALLOC_CTX *mem_ctx, struct sides **sides);
const char *sides_error(const struct sides *sides);

/* Begin to fill: what it had is gone. Then put, then end. */
int sides_begin(struct sides *sides, enum sides_which which);
int sides_put(struct sides *sides, enum sides_which which,
	      const struct compare_view *view);
int sides_end(struct sides *sides);
uint64_t sides_number(const struct sides *sides, enum sides_which which);

/* The highest version of an owner that was put there; false: none. */
bool sides_mark(const struct sides *sides, enum sides_which which,
		uint32_t owner, uint64_t *version);
/* A mark that is known otherwise: the map of a server. */
int sides_set_mark(struct sides *sides, enum sides_which which,
		   uint32_t owner, uint64_t version);

/* What this side says of a name; kind COMPARE_ABSENT if nothing. */
int sides_get(struct sides *sides, enum sides_which which,
	      const struct nb_name *name, struct compare_view *view);

/*
 * Each name that one side has, in the order of bytes, with both views. fn's
 * errors end it.
 */
int sides_each(struct sides *sides,
	       int (*fn)(void *priv, const struct compare_view *old,
			 const struct compare_view *new),
	       void *priv);

/*
 * The views of one side, one for each call: 0, or ENOENT after the last. The
 * side must not be changed meanwhile.
 */
int sides_first(struct sides *sides, enum sides_which which);
int sides_next(struct sides *sides, struct compare_view *view);

/*
 * The name differs now, in this round: since when, and in how many rounds in
 * a row. With sides_since() that is only looked at.
 */
int sides_seen(struct sides *sides, const struct nb_name *name, int64_t now,
	       unsigned int round, int64_t *first, unsigned int *rounds);
int sides_since(struct sides *sides, const struct nb_name *name,
		int64_t *first, unsigned int *rounds);

#endif
