/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listings of `netsh wins server show database`, `show recbyversion` and
 * `init search`, a record a line (formats.md 2.2):
 *
 *   PRINTSRV1      [20h]-D-A- 2f41-U- 192.0.2.83     -18-10-2026 08:03:06
 *
 * Experimental: no listing of a real server has been seen. So a line is held
 * by what cannot be otherwise - the suffix in brackets and the address - and
 * what stands between them must be exactly a letter for static or dynamic, one
 * for the state, the version and a letter for the type; anything else refuses
 * the line. If a legend with other letters is printed, it is followed. Lines
 * with nothing but an address go on with the record before them. All other
 * lines are passed over, but counted.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "migrate/format/wintext.h"
#include "migrate/formats.h"

#define LETTERS 26
#define NOTHING 0xff

enum meaning { MEANS_STATIC, MEANS_STATE, MEANS_TYPE, MEANINGS };

struct netsh_list {
	struct wintext source;
	uint8_t letter[MEANINGS][LETTERS];	/* value, or NOTHING */
	bool has_row;			/* one that may go on */
	bool closed;			/* no more: a refused one followed */
	struct row row;
	uint64_t records;
	uint64_t passed;		/* lines that meant nothing */
	uint64_t first_passed;
};

static const struct {
	const char *word;
	char letter;			/* without a legend */
	enum meaning meaning;
	uint8_t value;
} legend[] = {
	{ "DYNAMIC", 'D', MEANS_STATIC, 0 },
	{ "STATIC", 'S', MEANS_STATIC, 1 },
	{ "ACTIVE", 'A', MEANS_STATE, NB_ACTIVE },
	{ "RELEASED", 'R', MEANS_STATE, NB_RELEASED },
	{ "TOMBSTONE", 'T', MEANS_STATE, NB_TOMBSTONE },
	{ "UNIQUE", 'U', MEANS_TYPE, NB_UNIQUE },
	{ "NORMAL", 'N', MEANS_TYPE, NB_GROUP },
	{ "INTERNET", 'I', MEANS_TYPE, NB_SGROUP },
	{ "MULTIHOMED", 'M', MEANS_TYPE, NB_MHOMED },
	{ "DOMAIN", 'D', MEANS_TYPE, NB_SGROUP },
};
#define LEGEND (sizeof(legend) / sizeof(legend[0]))

static bool is_record(struct piece line, struct piece *name, uint8_t *suffix,
		      struct piece *behind)
{
	return wintext_suffix(line, name, suffix, behind) &&
	       behind->len > 0 && name->len > 0;
}

/* The first four numbers with dots; false: there are none. */
static bool find_address(struct piece text, struct piece *before,
			 uint32_t *ip, struct piece *behind)
{
	for (size_t i = 0; i < text.len; i++) {
		size_t len = 0;

		if (!isdigit((unsigned char)text.at[i]) ||
		    (i > 0 && strchr("0123456789.", text.at[i - 1]))) {
			continue;
		}
		while (i + len < text.len && text.at[i + len] != '\0' &&
		       strchr("0123456789.", text.at[i + len]) != NULL) {
			len++;
		}
		if (piece_address((struct piece) { text.at + i, len }, ip)) {
			*before = (struct piece) { text.at, i };
			*behind = piece_skip(text, i + len);
			return true;
		}
	}
	return false;
}

static int netsh_list_probe(const struct format_head *head)
{
	char text[WINTEXT_HEAD];
	struct piece all = { text, wintext_head(head, text) };
	unsigned int found = 0;

	while (all.len > 0) {
		struct piece line = piece_until(all, '\n', &all);
		struct piece name = { NULL, 0 }, behind = { NULL, 0 };
		uint8_t suffix = 0;
		uint32_t ip = 0;

		found += is_record(line, &name, &suffix, &behind) &&
			 piece_begins(piece_trim(behind), "-") &&
			 name.len <= NB_NAME_MAX + 1 &&
			 find_address(behind, &name, &ip, &behind);
	}
	return found > 0 ? 70 : 0;
}

static int netsh_list_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
			   bool writing, void **priv, char **message)
{
	struct netsh_list *s = talloc_zero(mem_ctx, struct netsh_list);

	(void)writing;
	*priv = s;
	if (s == NULL) {
		return ENOMEM;
	}
	memset(s->letter, NOTHING, sizeof(s->letter));
	for (size_t i = 0; i < LEGEND; i++) {
		s->letter[legend[i].meaning][legend[i].letter - 'A'] =
			legend[i].value;
	}
	return wintext_open(s, end, TEXT_BYTES, &s->source, message);
}

/* ---- a record ---- */

/* The next piece between dashes and blanks; false: none is left. */
static bool next_token(struct piece *text, struct piece *token)
{
	while (text->len > 0 && strchr("- \t", text->at[0]) != NULL) {
		*text = piece_skip(*text, 1);
	}
	token->at = text->at;
	token->len = 0;
	while (token->len < text->len && text->at[token->len] != '\0' &&
	       strchr("- \t", text->at[token->len]) == NULL) {
		token->len++;
	}
	*text = piece_skip(*text, token->len);
	return token->len > 0;
}

static uint8_t value_of(const struct netsh_list *s, enum meaning meaning,
			struct piece token)
{
	int letter = token.len == 1 ? toupper((unsigned char)token.at[0]) : 0;

	return letter < 'A' || letter > 'Z' ? NOTHING :
					      s->letter[meaning][letter - 'A'];
}

/* What stands between the suffix and the address. */
static const char *take_codes(const struct netsh_list *s, struct piece text,
			      struct row *row)
{
	struct piece token[4];
	uint8_t is_static = 0, state = 0, type = 0;

	for (unsigned int i = 0; i < 4; i++) {
		if (!next_token(&text, &token[i])) {
			return "four codes were expected before the address";
		}
	}
	if (next_token(&text, &(struct piece) { NULL, 0 })) {
		return "four codes were expected before the address";
	}
	is_static = value_of(s, MEANS_STATIC, token[0]);
	state = value_of(s, MEANS_STATE, token[1]);
	type = value_of(s, MEANS_TYPE, token[3]);
	if (is_static == NOTHING || state == NOTHING || type == NOTHING ||
	    !wintext_version(token[2], &row->rec.version)) {
		return "the codes are not D or S, A, R or T, version, type";
	}
	row->rec.is_static = is_static == 1;
	row->rec.state = state;
	row->rec.type = type;
	row->known = ROW_STATIC | ROW_STATE | ROW_TYPE | ROW_VERSION;
	return NULL;
}

static const char *take_record(struct netsh_list *s, struct piece line,
			       struct row *row)
{
	struct piece name = { NULL, 0 }, behind = { NULL, 0 };
	struct piece codes = { NULL, 0 };
	const char *wrong = NULL;
	uint8_t suffix = 0;
	uint32_t ip = 0;

	*row = (struct row) { .kind = ROW_RECORD, .place = s->source.place };
	row->rec.node = NB_H_NODE;
	(void)is_record(line, &name, &suffix, &behind);
	while (name.len > NB_NAME_MAX && name.at[name.len - 1] == ' ') {
		name.len--;
	}
	if (!wintext_name(name, suffix, &row->rec.name, &row->changed)) {
		return "the name has more than 15 bytes, or letters that are "
		       "not in code page 850";
	}
	if (!find_address(behind, &codes, &ip, &behind)) {
		return "there is no address";
	}
	wrong = take_codes(s, codes, row);
	if (wrong == NULL) {
		wintext_member(row, ip, 0);
	}
	return wrong;
}

/* ---- the other lines ---- */

/* "D = DYNAMIC": words behind a letter that a dash or = stands behind. */
static bool take_legend(struct netsh_list *s, struct piece line)
{
	bool any = false;

	for (; line.len > 0; line = piece_skip(line, 1)) {
		struct piece word = piece_trim(piece_skip(line, 1));
		int letter = toupper((unsigned char)line.at[0]);

		if (letter < 'A' || letter > 'Z' || word.len == 0 ||
		    strchr("-=", word.at[0]) == NULL) {
			continue;
		}
		word = piece_trim(piece_skip(word, 1));
		for (size_t i = 0; i < LEGEND; i++) {
			if (piece_begins(word, legend[i].word)) {
				s->letter[legend[i].meaning][letter - 'A'] =
					legend[i].value;
				any = true;
			}
		}
	}
	return any;
}

/* Does it go on with the record? */
static bool take_more(struct netsh_list *s, struct piece line)
{
	struct piece text = piece_trim(line);
	uint32_t ip = 0;

	while (text.len > 0 && strchr("- \t,", text.at[0]) != NULL) {
		text = piece_skip(text, 1);
	}
	while (text.len > 0 && strchr("- \t,", text.at[text.len - 1])) {
		text.len--;
	}
	if (!s->has_row || s->closed || !piece_address(text, &ip)) {
		return false;
	}
	wintext_member(&s->row, ip, 0);
	return true;
}

static void pass_over(struct netsh_list *s)
{
	if (s->passed++ == 0) {
		s->first_passed = s->source.place;
	}
}

/* ---- the reader ---- */

/* Give the row that has waited for more lines. */
static enum format_step give(struct netsh_list *s, struct row *row)
{
	char name[NB_NAME_TEXT];
	const char *wrong = wintext_settle(&s->row);

	s->has_row = false;
	*row = s->row;
	if (wrong == NULL) {
		return FORMAT_ROW;
	}
	(void)nb_name_print(&s->row.rec.name, name);
	return wintext_refuse(&s->source, piece_of(name), wrong, NULL);
}

static enum format_step end_all(struct netsh_list *s, char **message)
{
	if (s->records == 0) {
		*message = talloc_strdup(s, "no line with a suffix such as "
			"[20h] and an address was found");
		return FORMAT_FAILED;
	}
	if (s->passed > 0) {
		tally_remark(s->source.tally, "%llu lines were passed over, "
			     "the first is line %llu; this format is "
			     "experimental: compare the numbers",
			     (unsigned long long)s->passed,
			     (unsigned long long)s->first_passed);
		s->passed = 0;
	}
	return FORMAT_END;
}

/* A line that begins a record; the one before it, if any, is given. */
static enum format_step begin_record(struct netsh_list *s, struct piece line,
				     struct row *row)
{
	struct row next;
	const char *wrong = take_record(s, line, &next);
	enum format_step step = FORMAT_END;

	s->records++;
	if (wrong != NULL) {
		/* told now; the waiting one is given with the next line */
		s->closed = true;
		return wintext_refuse(&s->source, line, wrong, NULL);
	}
	if (s->has_row) {
		step = give(s, row);
	}
	s->row = next;
	s->has_row = true;
	s->closed = false;
	return step;
}

static enum format_step netsh_list_next(void *priv, struct row *row,
					char **message)
{
	struct netsh_list *s = talloc_get_type_abort(priv, struct netsh_list);
	struct piece line = { NULL, 0 };
	int ret = 0;

	while ((ret = wintext_line(&s->source, &line, message)) == 1) {
		struct piece name = { NULL, 0 }, behind = { NULL, 0 };
		enum format_step step = FORMAT_END;
		uint8_t suffix = 0;

		if (is_record(line, &name, &suffix, &behind)) {
			step = begin_record(s, line, row);
		} else if (!take_more(s, line) && !take_legend(s, line)) {
			pass_over(s);
		}
		if (step != FORMAT_END) {
			return step;
		}
	}
	if (ret < 0) {
		return FORMAT_FAILED;
	}
	return s->has_row ? give(s, row) : end_all(s, message);
}

const struct format_ops format_netsh_list = {
	.name = "netsh-list",
	.title = "listings of netsh wins server show database",
	.flags = FORMAT_READS | FORMAT_EXPERIMENTAL,
	.carries = ROW_TYPE | ROW_STATE | ROW_STATIC | ROW_VERSION |
		   ROW_RAW_NAMES,
	.loss = "owner and node are not printed; times follow the locale and "
		"are not read",
	.probe = netsh_list_probe,
	.open = netsh_list_open,
	.next = netsh_list_next,
	.close = wintext_close,
};
