/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The grammar of a line (formats.md 6, MS-NBTE):
 *
 *   address name tags         # comment
 *   address "name, padded   \0x1b" tags
 *   address name#1b           as the SMB suite has it
 *   #INCLUDE path, #BEGIN_ALTERNATE, #END_ALTERNATE
 *
 * A # begins a comment unless a keyword in capitals follows. A bare name has
 * no case; between quotes stand the bytes of the name, as they are. #PRE and
 * #NOFNR speak to a client only and mean nothing here.
 */
#include <string.h>

#include "migrate/format/lmhosts_line.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct piece next_word(struct piece *rest)
{
	struct piece word = piece_trim(*rest);
	size_t len = 0;

	while (len < word.len && !is_blank(word.at[len])) {
		len++;
	}
	*rest = piece_skip(word, len);
	word.len = len;
	return word;
}

/* As piece_begins(), and in capitals. */
static bool says(struct piece text, const char *keyword)
{
	return text.len >= strlen(keyword) &&
	       memcmp(text.at, keyword, strlen(keyword)) == 0;
}

static bool says_word(struct piece text, const char *keyword)
{
	return text.len == strlen(keyword) && says(text, keyword);
}

/* A name without case, in capitals. */
static bool take_bare(struct piece text, uint8_t suffix, struct nb_name *name,
		      const char **changed)
{
	if (!wintext_name(text, suffix, name, changed)) {
		return false;
	}
	for (unsigned int i = 0; i < name->len; i++) {
		uint8_t byte = name->byte[i];

		name->byte[i] = byte >= 'a' && byte <= 'z' ?
				(uint8_t)(byte - 'a' + 'A') : byte;
	}
	return true;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef0123456789ABCDEF";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)((at - digits) % 16);
}

/* Does it end with \0xHH? */
static bool has_escape(struct piece text, uint8_t *byte)
{
	const char *p = NULL;
	int high = 0, low = 0;

	if (text.len < 5) {
		return false;
	}
	p = text.at + text.len - 5;
	high = hex_digit(p[3]);
	low = hex_digit(p[4]);
	if (p[0] != '\\' || p[1] != '0' || p[2] != 'x' || high < 0 ||
	    low < 0) {
		return false;
	}
	*byte = (uint8_t)(high << 4 | low);
	return true;
}

/*
 * What stands between quotes: 15 bytes and the 16th as \0xHH, or as it is;
 * or a name of up to 15 without one.
 */
static const char *take_quoted(struct piece text, struct lmhosts_line *line)
{
	uint8_t suffix = 0;
	size_t len = text.len;

	if (has_escape(text, &suffix)) {
		line->has_suffix = true;
		len -= 5;
		if (len < NB_NAME_MAX) {
			line->changed = "name padded to 15 bytes";
		}
	} else if (len == NB_NAME_MAX + 1) {
		line->has_suffix = true;
		suffix = (uint8_t)text.at[--len];
	}
	if (len > NB_NAME_MAX) {
		return "a name in quotes is 15 characters and \\0xHH";
	}
	line->name = nb_name_make(text.at, len, suffix);
	return NULL;
}

/*
 * A bare name; with a suffix behind # it is of the SMB suite's own dialect.
 * Any other # in it may be meant to begin a comment, or not.
 */
static const char *take_plain(struct piece text, struct lmhosts_line *line)
{
	struct piece suffix = { NULL, 0 };
	struct piece name = piece_until(text, '#', &suffix);
	uint64_t number = 0;

	if (name.len < text.len &&
	    (suffix.len != 2 || !piece_hex(suffix, &number))) {
		return "a # within a name is neither its end nor a suffix";
	}
	line->has_suffix = name.len < text.len;
	return take_bare(name, (uint8_t)number, &line->name,
			 &line->changed) ? NULL :
	       "a name has more than 15 characters";
}

static const char *take_name(struct piece *rest, struct lmhosts_line *line)
{
	struct piece text = piece_trim(*rest);

	if (piece_begins(text, "\"")) {
		struct piece inner = { NULL, 0 };

		text = piece_skip(text, 1);
		inner = piece_until(text, '"', rest);
		return inner.len == text.len ? "a name has no closing quote" :
					       take_quoted(inner, line);
	}
	text = next_word(rest);
	if (text.len == 0 || text.at[0] == '#') {
		return "there is no name behind the address";
	}
	return take_plain(text, line);
}

static const char *take_domain(struct piece text, struct piece *rest,
			       struct lmhosts_line *line)
{
	text = piece_skip(text, strlen("#DOM:"));
	if (piece_begins(text, "\"")) {
		/* may have blanks: what next_word() cut goes on in rest */
		text.len += rest->len;
		text = piece_until(piece_skip(text, 1), '"', rest);
	}
	line->has_domain = true;
	return text.len > 0 &&
	       take_bare(text, 0x1c, &line->domain, &line->changed) ? NULL :
	       "#DOM: wants a name of up to 15 characters";
}

/* The tags, up to a comment. */
static const char *take_tags(struct piece rest, struct lmhosts_line *line)
{
	const char *wrong = NULL;

	while (wrong == NULL) {
		struct piece word = next_word(&rest);

		if (says_word(word, "#MH")) {
			line->multihomed = true;
		} else if (says_word(word, "#SG")) {
			line->special = true;
		} else if (says(word, "#DOM:")) {
			wrong = take_domain(word, &rest, line);
		} else if (!says_word(word, "#PRE") &&
			   !says_word(word, "#NOFNR")) {
			line->small_letters = piece_begins(word, "#DOM:") ||
					      piece_is(word, "#MH") ||
					      piece_is(word, "#SG");
			wrong = word.len > 0 && word.at[0] != '#' ?
				"what stands behind the name is no tag" : NULL;
			break;
		}
	}
	return wrong == NULL && line->multihomed && line->special ?
	       "a name cannot be #MH and #SG" : wrong;
}

static enum lmhosts_kind directive(struct piece text,
				   struct lmhosts_line *line)
{
	struct piece word = next_word(&text);

	if (says_word(word, "#INCLUDE")) {
		line->path = piece_trim(text);
		return LMHOSTS_INCLUDE;
	}
	return says_word(word, "#BEGIN_ALTERNATE") ? LMHOSTS_BEGIN :
	       says_word(word, "#END_ALTERNATE") ? LMHOSTS_END :
						   LMHOSTS_NOTHING;
}

enum lmhosts_kind lmhosts_line_parse(struct piece text,
				     struct lmhosts_line *line)
{
	*line = (struct lmhosts_line) { .ip = 0 };
	text = piece_trim(text);
	if (text.len == 0 || text.at[0] == '#') {
		return directive(text, line);
	}
	if (!piece_address(next_word(&text), &line->ip) ||
	    !nb_addr_is_host(line->ip)) {
		line->wrong = "does not begin with the address of a host";
		return LMHOSTS_WRONG;
	}
	line->wrong = take_name(&text, line);
	if (line->wrong == NULL) {
		line->wrong = take_tags(text, line);
	}
	return line->wrong == NULL ? LMHOSTS_ENTRY : LMHOSTS_WRONG;
}
