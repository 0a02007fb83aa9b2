/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The letters of option values: names that are equal in smb.conf's eyes,
 * words of a list, numbers, yes and no.
 *
 * What the words mean is core/options.h's business. Everything here reads a
 * NUL-terminated text and writes what the caller handed in. The suite's own
 * reading (testparm is the oracle) is followed but where it guesses: a number
 * with a tail or a leading zero and an unknown truth value are no value here.
 */
#ifndef WINSD_CORE_OPTVAL_H
#define WINSD_CORE_OPTVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTVAL_NAME_MAX	63	/* what of a name is looked at for hints */
#define OPTVAL_WORD	256	/* room for a word of a list and its NUL */

/* Blank as smb.conf sees it within a line: space, \t, \v, \f, \r. */
bool optval_is_blank(char c);

/* The same name, ignoring ASCII case and blanks? */
bool optval_same_name(const char *a, const char *b);

/* Does name begin with prefix, both read as above? NULL, or what follows. */
const char *optval_after_prefix(const char *name, const char *prefix);

/*
 * How many letters must be added, dropped, changed or swapped with their
 * neighbour to come from a to b, both read as names.
 */
unsigned int optval_distance(const char *a, const char *b);

/* yes, true, 1, on; no, false, 0, off; in any case. False: none of them. */
bool optval_bool(const char *text, bool *value);

/*
 * A whole number in decimal or after 0x in hexadecimal, nothing behind it.
 * False for anything else, for a leading zero (octal to the suite) and above
 * 2^63 - 1.
 */
bool optval_number(const char *text, uint64_t *value);

/*
 * The next word of a list. Blanks, commas and semicolons separate; double
 * quotes keep them together and are dropped. *pos moves behind the word.
 */
enum optval_next {
	OPTVAL_END,		/* no more words */
	OPTVAL_WORD_OK,
	OPTVAL_WORD_LONG,	/* does not fit; word is cut */
	OPTVAL_WORD_OPEN,	/* a quote without its end */
};
enum optval_next optval_next_word(const char **pos, char word[OPTVAL_WORD]);

/* The same words in the same order, ignoring ASCII case? */
bool optval_same_words(const char *a, const char *b);

/*
 * A text as it may stand in a message: printable ASCII, other bytes as \xHH,
 * cut with ... when it is long. Returns out.
 */
#define OPTVAL_SHOWN	56
const char *optval_show(const char *text, char out[OPTVAL_SHOWN]);

/*
 * What no value may have, whatever it is for: a control character, or a
 * backslash at the end, which would join the next line when it is written.
 * NULL: it has none of that; else what it has.
 */
const char *optval_unclean(const char *value);

/* Is word one of the blank-separated words? -1, or which from 0. */
int optval_which(const char *words, const char *word);

#endif
