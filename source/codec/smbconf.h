/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * smb.conf's syntax: text -> (line, section, name, value).
 *
 * The rules, as testparm shows them and design.md 4.2 names them:
 *  - a line whose first character that is not blank is ; or # is a comment to
 *    its end; a backslash there joins nothing;
 *  - [NAME] opens a section; what follows on the line is ignored;
 *  - otherwise the line is split at its first =, both sides trimmed;
 *  - a backslash with nothing but blanks behind it joins the next line, even
 *    within a name; an indented line is a line like any other;
 *  - a run of blanks within a name, section or value counts as its first one;
 *  - there is no comment behind a value, no quoting and no limit of length.
 * Ours, where testparm is lax: a NUL byte is an error, a byte order mark at
 * the start is skipped, [ ] without a name is an error.
 *
 * Which sections and names there are is not known here, and nothing is read
 * from a disk: an `include` comes out as a parameter like any other.
 */
#ifndef WINSD_CODEC_SMBCONF_H
#define WINSD_CODEC_SMBCONF_H

#include <stdbool.h>
#include <stddef.h>

struct smbconf_line {
	unsigned int number;	/* from 1; where the statement begins */
	const char *section;	/* NULL: none yet, which means [global] */
	char *name;		/* not empty */
	char *value;		/* NULL: there is no = on the line */
};

/* False ends the parse; the handler keeps its own reason. */
typedef bool smbconf_fn(void *arg, const struct smbconf_line *line);

struct smbconf_error {
	unsigned int line;
	const char *reason;	/* static text; NULL: the handler said no */
};

/*
 * Parse len bytes of text, calling fn for each parameter in order. The text
 * is taken apart in place: names and values are NUL-terminated pieces of it
 * and stay valid and writable as long as it does; text[len] must be writable
 * too. True, or false and *error.
 */
bool smbconf_parse(char *text, size_t len, smbconf_fn *fn, void *arg,
		   struct smbconf_error *error);

/* Is this the section that we read: none, [global] or [globals]? */
bool smbconf_is_global(const char *section);

#endif
