/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The smb.conf parser: one pass, in place.
 *
 * A cursor hands out characters with joined lines already joined, so that
 * nothing behind it knows about backslashes. What is kept is written back
 * over what was read: joins and runs of blanks only ever shrink a line and
 * the delimiter behind a piece (] = newline, or the spare byte at the end)
 * leaves room for its NUL, so the pen never overtakes the eye.
 *
 * A grammar tool was not used: the language is four rules, and its oddities
 * (a join inside a name, no join inside a comment) are what matters.
 */

#include <string.h>

#include "codec/smbconf.h"
#include "core/optval.h"

#define END	(-1)

struct cursor {
	char *text;
	size_t len;
	size_t at;
	unsigned int line;
};

/* How many bytes a join takes at this backslash, 0 if it is a plain one. */
static size_t join_length(const struct cursor *c)
{
	size_t i = c->at + 1;

	while (i < c->len && optval_is_blank(c->text[i])) {
		i++;
	}
	return i < c->len && c->text[i] == '\n' ? i + 1 - c->at : 0;
}

static int peek(struct cursor *c)
{
	while (c->at < c->len && c->text[c->at] == '\\') {
		size_t join = join_length(c);

		if (join == 0) {
			break;
		}
		c->at += join;
		c->line++;
	}
	return c->at < c->len ? (unsigned char)c->text[c->at] : END;
}

static bool at_end_of_line(struct cursor *c)
{
	int now = peek(c);

	return now == END || now == '\n';
}

static void skip_blanks(struct cursor *c)
{
	for (int now = peek(c); now != END && optval_is_blank((char)now);
	     now = peek(c)) {
		c->at++;
	}
}

static void skip_line(struct cursor *c)
{
	while (!at_end_of_line(c)) {
		c->at++;
	}
}

/* Comments know no joins: straight to the newline. */
static void skip_comment(struct cursor *c)
{
	while (c->at < c->len && c->text[c->at] != '\n') {
		c->at++;
	}
}

/*
 * Copy up to the delimiter or the end of the line to where the cursor stands
 * and end it with a NUL. Leading and trailing blanks go, runs of them become
 * one. *found: the delimiter was there; the cursor is then behind it.
 */
static char *take_until(struct cursor *c, int delimiter, bool *found)
{
	char *piece = NULL, *pen = NULL;
	bool blank = false;

	skip_blanks(c);
	piece = pen = c->text + c->at;
	while (!at_end_of_line(c) && peek(c) != delimiter) {
		char now = c->text[c->at++];

		if (!optval_is_blank(now)) {
			blank = false;
		} else if (blank) {
			continue;
		} else {
			blank = true;
		}
		*pen++ = now;
	}
	*found = !at_end_of_line(c);
	if (c->at < c->len) {
		if (c->text[c->at] == '\n') {
			c->line++;
		}
		c->at++;
	}
	if (blank) {
		pen--;
	}
	*pen = '\0';
	return piece;
}

static bool fail(struct smbconf_error *error, unsigned int line,
		 const char *reason)
{
	*error = (struct smbconf_error){ .line = line, .reason = reason };
	return false;
}

static bool take_section(struct cursor *c, struct smbconf_line *line,
			 struct smbconf_error *error)
{
	bool closed = false;

	c->at++;
	line->section = take_until(c, ']', &closed);
	if (!closed) {
		return fail(error, line->number, "section without a ]");
	}
	if (line->section[0] == '\0') {
		return fail(error, line->number, "section without a name");
	}
	skip_line(c);
	return true;
}

static bool take_parameter(struct cursor *c, struct smbconf_line *line,
			   smbconf_fn *fn, void *arg,
			   struct smbconf_error *error)
{
	bool split = false, ignored = false;

	line->name = take_until(c, '=', &split);
	line->value = split ? take_until(c, '\n', &ignored) : NULL;
	if (line->name[0] == '\0' && !split) {
		return true;
	}
	if (line->name[0] == '\0') {
		return fail(error, line->number, "no name before the =");
	}
	return fn(arg, line) || fail(error, line->number, NULL);
}

/*
 * Move to the next statement; false at the end of the text. Behind a join at
 * its start a statement may begin with blanks, ; or # (it is no comment then),
 * or have nothing in it.
 */
static bool next_statement(struct cursor *c, unsigned int *number)
{
	while (c->at < c->len) {
		char now = c->text[c->at];

		*number = c->line;
		if (now == '\n') {
			c->line++;
			c->at++;
		} else if (optval_is_blank(now)) {
			c->at++;
		} else if (now == ';' || now == '#') {
			skip_comment(c);
		} else if (!at_end_of_line(c)) {
			return true;
		}
	}
	return false;
}

static unsigned int count_lines(const char *text, const char *end)
{
	unsigned int line = 1;

	for (; text < end; text++) {
		line += *text == '\n';
	}
	return line;
}

bool smbconf_parse(char *text, size_t len, smbconf_fn *fn, void *arg,
		   struct smbconf_error *error)
{
	struct cursor c = { .text = text, .len = len, .line = 1 };
	struct smbconf_line line = { .section = NULL };
	const char *nul = memchr(text, '\0', len);

	if (nul != NULL) {
		return fail(error, count_lines(text, nul),
			    "NUL byte: this is not a text file");
	}
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		c.at = 3;
	}
	while (next_statement(&c, &line.number)) {
		if (peek(&c) == '[') {
			if (!take_section(&c, &line, error)) {
				return false;
			}
		} else if (!take_parameter(&c, &line, fn, arg, error)) {
			return false;
		}
	}
	return true;
}

bool smbconf_is_global(const char *section)
{
	return section == NULL || optval_same_name(section, "global") ||
	       optval_same_name(section, "globals");
}
