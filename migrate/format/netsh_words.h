/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line of a netsh script, taken apart: the prefix that names the server is
 * dropped, two words say what to do, the rest is Tag=value or values in the
 * order of the tags.
 */
#ifndef WINSMIGRATE_FORMAT_NETSH_WORDS_H
#define WINSMIGRATE_FORMAT_NETSH_WORDS_H

#include "migrate/format/wintext.h"

#define NETSH_ARGS_MAX	16

struct netsh_words {
	struct piece verb, noun;
	unsigned int args;
	struct {
		struct piece tag;	/* .at NULL: only by its place */
		struct piece value;	/* quotes and braces are gone */
	} arg[NETSH_ARGS_MAX];
};

enum netsh_line {
	NETSH_NOTHING,		/* a comment, a banner, a change of context */
	NETSH_COMMAND,
	NETSH_WRONG,
};

enum netsh_line netsh_words_parse(struct piece line,
				  struct netsh_words *words);

/*
 * The value of a tag, the index-th of its command; .at NULL: not given.
 * Positions count only in a command where no argument has a tag.
 */
struct piece netsh_words_value(const struct netsh_words *words,
			       const char *tag, unsigned int index);

#endif
