/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A NetBIOS name as a value.
 *
 * The identity of a record is (name, type, scope), compared byte for byte:
 * nothing is ever folded to upper case (protocol.md 1.2). The name is what
 * stands before the first NUL of the fifteen bytes, without trailing spaces.
 * The scope is its labels joined with dots; absent and empty are the same.
 *
 * Every byte that carries no meaning is zero, so that two equal names are
 * equal memory. All functions here keep that promise; build names with them.
 */
#ifndef WINSD_CORE_NAME_H
#define WINSD_CORE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NB_NAME_MAX	15	/* bytes of a name, without its type */
#define NB_SCOPE_LIMIT	237	/* longest scope that may be registered */
#define NB_SCOPE_MAX	238	/* longest scope that still must be parsed */

struct nb_name {
	uint8_t len;			/* 0..15 */
	uint8_t byte[NB_NAME_MAX];	/* zero from len on */
	uint8_t type;			/* the suffix, 0x00..0xff */
	uint8_t scope_len;		/* 0..238 */
	uint8_t scope[NB_SCOPE_MAX];	/* zero from scope_len on */
};

/* longest printed name: every byte as \xHH, <XX>, a dot before the scope */
#define NB_NAME_TEXT	(4 * (NB_NAME_MAX + NB_SCOPE_MAX) + 6)

/*
 * Make a name of up to 15 raw bytes: cut at the first NUL, trailing spaces
 * dropped. More than 15 bytes are cut. The scope is empty.
 */
struct nb_name nb_name_make(const void *bytes, size_t len, uint8_t type);

/* The same in place, where a copy of 256 bytes is felt (codec). */
void nb_name_init(struct nb_name *name, const void *bytes, size_t len,
		  uint8_t type);

/* Set the scope; false and unchanged if it is longer than 238 bytes. */
bool nb_name_set_scope(struct nb_name *name, const void *scope, size_t len);

bool nb_name_equal(const struct nb_name *a, const struct nb_name *b);

/* Order by name bytes, type, scope: <0, 0, >0. */
int nb_name_compare(const struct nb_name *a, const struct nb_name *b);

/*
 * Print as NAME<20> or NAME<20>.scope. Backslash, '<', '#' and bytes that are
 * not printable ASCII come out as \xHH, so the text reads back to this name.
 * Returns text.
 */
char *nb_name_print(const struct nb_name *name, char text[NB_NAME_TEXT]);

/*
 * Read NAME<20>, NAME#20, either with .scope behind, with \xHH for any byte.
 * False if the text is not a name or too long.
 */
bool nb_name_parse(const char *text, struct nb_name *name);

/* A list of names for block lists: compared as wins:blocked names does. */
#define NB_NAME_LIST_MAX 64
struct nb_name_list {
	unsigned int count;
	struct {
		uint8_t len;
		uint8_t byte[NB_NAME_MAX];
	} entry[NB_NAME_LIST_MAX];
};

/*
 * Is the name in the list? ASCII case-insensitive on the trimmed name, any
 * type and any scope (design.md 4.2, wins:blocked names).
 */
bool nb_name_listed(const struct nb_name_list *list,
		    const struct nb_name *name);

/* Append; false if the list is full or the text is empty or too long. */
bool nb_name_list_add(struct nb_name_list *list, const char *text, size_t len);

#endif
