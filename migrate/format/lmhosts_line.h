/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line of an LMHOSTS file (formats.md 6). */
#ifndef WINSMIGRATE_FORMAT_LMHOSTS_LINE_H
#define WINSMIGRATE_FORMAT_LMHOSTS_LINE_H

#include "migrate/format/wintext.h"

enum lmhosts_kind {
	LMHOSTS_NOTHING,	/* blank, or a comment */
	LMHOSTS_ENTRY,
	LMHOSTS_INCLUDE,
	LMHOSTS_BEGIN,		/* of alternates */
	LMHOSTS_END,
	LMHOSTS_WRONG,
};

struct lmhosts_line {
	uint32_t ip;
	struct nb_name name;
	bool has_suffix;	/* a quoted name with its 16th byte */
	bool multihomed, special;
	bool has_domain;
	struct nb_name domain;	/* <1c> */
	const char *changed;	/* as struct row has it */
	bool small_letters;	/* a tag that is a comment but for its case */
	struct piece path;	/* of LMHOSTS_INCLUDE */
	const char *wrong;	/* of LMHOSTS_WRONG: a literal */
};

enum lmhosts_kind lmhosts_line_parse(struct piece text,
				     struct lmhosts_line *line);

#endif
