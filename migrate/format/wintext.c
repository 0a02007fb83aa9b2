/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pieces, lines and fields of texts that Windows leaves, see wintext.h
 * (microsoft-wins.md 7.1, 7.2; formats.md 2.2, 3).
 *
 * Names are the hard part. On the wire a name is bytes of the OEM code page
 * of whoever registered it; a console shows it as characters, a file may have
 * it as UTF-8 or UTF-16. The way back is CP850, the OEM code page of western
 * Europe, which has all of CP437's letters that can stand in a computer name.
 * A wrong guess would only be seen in names beyond ASCII, and each of them is
 * counted as changed.
 */
#include "migrate/format/wintext.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

/* ---- pieces ---- */

struct piece piece_of(const char *text)
{
	return (struct piece) { text, strlen(text) };
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct piece piece_skip(struct piece piece, size_t len)
{
	len = len < piece.len ? len : piece.len;
	/* an empty piece may be nowhere, and NULL + 0 is undefined */
	return len == 0 ? piece :
	       (struct piece) { piece.at + len, piece.len - len };
}

struct piece piece_trim(struct piece piece)
{
	while (piece.len > 0 && is_blank(piece.at[0])) {
		piece = piece_skip(piece, 1);
	}
	while (piece.len > 0 && is_blank(piece.at[piece.len - 1])) {
		piece.len--;
	}
	return piece;
}

bool piece_begins(struct piece piece, const char *word)
{
	return piece.len >= strlen(word) &&
	       strncasecmp(piece.at, word, strlen(word)) == 0;
}

bool piece_is(struct piece piece, const char *word)
{
	return piece.len == strlen(word) && piece_begins(piece, word);
}

bool piece_has(struct piece piece, const char *word)
{
	while (piece.len > 0 && !piece_begins(piece, word)) {
		piece = piece_skip(piece, 1);
	}
	return piece.len > 0;
}

struct piece piece_until(struct piece piece, char byte, struct piece *rest)
{
	const char *end = piece.len == 0 ? NULL :
			  memchr(piece.at, byte, piece.len);
	size_t len = end == NULL ? piece.len : (size_t)(end - piece.at);

	*rest = piece_skip(piece, end == NULL ? len : len + 1);
	piece.len = len;
	return piece;
}

bool piece_decimal(struct piece piece, uint64_t max, uint64_t *number)
{
	uint64_t value = 0;

	for (size_t i = 0; i < piece.len; i++) {
		uint64_t digit = (uint64_t)(uint8_t)piece.at[i] - '0';

		if (digit > 9 || value > (UINT64_MAX - digit) / 10) {
			return false;
		}
		value = value * 10 + digit;
	}
	*number = value;
	return piece.len > 0 && value <= max;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c == '\0' ? NULL :
			 strchr(digits, tolower((unsigned char)c));

	return at == NULL ? -1 : (int)(at - digits);
}

bool piece_hex(struct piece piece, uint64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < piece.len; i++) {
		int digit = hex_digit(piece.at[i]);

		if (digit < 0 || *number >> 60 != 0) {
			return false;
		}
		*number = *number << 4 | (uint64_t)digit;
	}
	return piece.len > 0;
}

bool piece_address(struct piece piece, uint32_t *address)
{
	char text[NB_ADDR_TEXT];

	if (piece.len == 0 || piece.len >= sizeof(text)) {
		return false;
	}
	memcpy(text, piece.at, piece.len);
	text[piece.len] = '\0';
	return strlen(text) == piece.len && nb_addr_parse(text, address);
}

const char *piece_show(struct piece piece, char out[PIECE_SHOWN])
{
	bool cut = piece.len >= PIECE_SHOWN;
	size_t len = cut ? PIECE_SHOWN - 4 : piece.len;

	for (size_t i = 0; i < len; i++) {
		char c = piece.at[i];

		out[i] = c < ' ' || c > '~' ? '?' : c;
	}
	memcpy(out + len, cut ? "..." : "", cut ? 4 : 1);
	return out;
}

/* ---- lines ---- */

int wintext_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		 enum text_kind kind, struct wintext *source, char **message)
{
	*source = (struct wintext) {
		.tally = end->tally,
		.options = end->options,
	};
	return text_open(mem_ctx, end->file, kind, end->options->charset,
			 &source->text, message);
}

int wintext_close(void *priv, char **message)
{
	(void)priv;
	(void)message;
	return 0;
}

int wintext_line(struct wintext *source, struct piece *line, char **message)
{
	char *text = NULL;
	size_t len = 0;
	int ret = 0;

	do {
		ret = text_line(source->text, &text, &len, message);
		*line = (struct piece) { text, ret == 1 ? len : 0 };
	} while (ret == 1 && piece_trim(*line).len == 0);
	source->place = text_number(source->text);
	return ret;
}

enum format_step wintext_refuse(struct wintext *source, struct piece raw,
				const char *reason, const char *detail)
{
	tally_refused(source->tally, source->head, raw.at, raw.len,
		      source->place, reason, detail);
	return FORMAT_SKIPPED;
}

size_t wintext_head(const struct format_head *head, char text[WINTEXT_HEAD])
{
	size_t len = 0;

	for (size_t i = 0; i < head->len && i < FORMAT_HEAD; i++) {
		uint8_t byte = head->data[i];

		if (byte != 0 && (i > 2 || byte < 0x80)) {
			text[len++] = (char)byte;
		}
	}
	text[len] = '\0';
	return len;
}

/* ---- fields ---- */

bool wintext_suffix(struct piece text, struct piece *name, uint8_t *suffix,
		    struct piece *behind)
{
	for (size_t i = text.len; i >= 5; i--) {
		const char *p = text.at + i - 5;
		int high = hex_digit(p[1]);
		int low = hex_digit(p[2]);

		if (p[0] != '[' || (p[3] != 'h' && p[3] != 'H') ||
		    p[4] != ']' || high < 0 || low < 0) {
			continue;
		}
		*name = (struct piece) { text.at, i - 5 };
		*suffix = (uint8_t)(high << 4 | low);
		*behind = piece_skip(text, i);
		return true;
	}
	return false;
}

bool wintext_state(struct piece word, uint8_t *state)
{
	static const struct {
		const char *word;
		uint8_t state;
	} words[] = {
		{ "active", NB_ACTIVE },
		{ "released", NB_RELEASED },
		{ "tombstone", NB_TOMBSTONE },
		{ "tombstoned", NB_TOMBSTONE },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (piece_is(word, words[i].word)) {
			*state = words[i].state;
			return true;
		}
	}
	return false;
}

bool wintext_version(struct piece text, uint64_t *version)
{
	struct piece low = { NULL, 0 };
	struct piece high = piece_until(piece_trim(text), ' ', &low);
	uint64_t number = 0;

	low = piece_trim(low);
	if (low.len == 0) {
		return piece_hex(high, version);
	}
	if (high.len > 8 || low.len > 8 || !piece_hex(high, &number) ||
	    !piece_hex(low, version)) {
		return false;
	}
	*version |= number << 32;
	return true;
}

static const uint16_t cp850[128] = {
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7,
	0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5,
	0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
	0x00ff, 0x00d6, 0x00dc, 0x00f8, 0x00a3, 0x00d8, 0x00d7, 0x0192,
	0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba,
	0x00bf, 0x00ae, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
	0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x00c1, 0x00c2, 0x00c0,
	0x00a9, 0x2563, 0x2551, 0x2557, 0x255d, 0x00a2, 0x00a5, 0x2510,
	0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x00e3, 0x00c3,
	0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x00a4,
	0x00f0, 0x00d0, 0x00ca, 0x00cb, 0x00c8, 0x0131, 0x00cd, 0x00ce,
	0x00cf, 0x2518, 0x250c, 0x2588, 0x2584, 0x00a6, 0x00cc, 0x2580,
	0x00d3, 0x00df, 0x00d4, 0x00d2, 0x00f5, 0x00d5, 0x00b5, 0x00fe,
	0x00de, 0x00da, 0x00db, 0x00d9, 0x00fd, 0x00dd, 0x00af, 0x00b4,
	0x00ad, 0x00b1, 0x2017, 0x00be, 0x00b6, 0x00a7, 0x00f7, 0x00b8,
	0x00b0, 0x00a8, 0x00b7, 0x00b9, 0x00b3, 0x00b2, 0x25a0, 0x00a0,
};

/* The character that begins the piece; -1: it is no UTF-8 of up to U+FFFF. */
static int32_t utf8_next(struct piece *text)
{
	const uint8_t *p = (const uint8_t *)text->at;
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : 3;
	uint32_t c = len == 1 ? p[0] : len == 2 ? p[0] & 0x1fu : p[0] & 0xfu;

	if (p[0] >= 0xf0 || (p[0] >= 0x80 && p[0] < 0xc2) || text->len < len) {
		return -1;
	}
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return -1;
		}
		c = c << 6 | (p[i] & 0x3fu);
	}
	*text = piece_skip(*text, len);
	return len == 3 && c < 0x800 ? -1 : (int32_t)c;
}

static bool to_cp850(int32_t c, uint8_t *byte)
{
	if (c < 0x80) {
		*byte = (uint8_t)c;
		return true;
	}
	for (unsigned int i = 0; i < 128; i++) {
		if (cp850[i] == c) {
			*byte = (uint8_t)(i + 0x80);
			return true;
		}
	}
	return false;
}

/* Is it UTF-8 with anything beyond ASCII in it? */
static bool is_utf8(struct piece text)
{
	bool beyond = false;

	while (text.len > 0) {
		int32_t c = utf8_next(&text);

		if (c < 0) {
			return false;
		}
		beyond |= c >= 0x80;
	}
	return beyond;
}

static struct piece without_blanks_behind(struct piece text)
{
	while (text.len > 0 && text.at[text.len - 1] == ' ') {
		text.len--;
	}
	return text;
}

bool wintext_name(struct piece text, uint8_t suffix, struct nb_name *name,
		  const char **changed)
{
	uint8_t bytes[NB_NAME_MAX];
	size_t len = 0;

	text = without_blanks_behind(text);
	if (!is_utf8(text)) {
		*name = nb_name_make(text.at, text.len, suffix);
		return text.len <= NB_NAME_MAX;
	}
	while (text.len > 0) {
		if (len == NB_NAME_MAX ||
		    !to_cp850(utf8_next(&text), &bytes[len++])) {
			return false;
		}
	}
	*name = nb_name_make(bytes, len, suffix);
	*changed = "name brought back to code page 850";
	return true;
}

uint8_t wintext_type(const struct nb_name *name, unsigned int count)
{
	static const char browsers[] = "\x01\x02__MSBROWSE__\x02";
	bool all_browsers = name->type == 0x01 &&
			    name->len == sizeof(browsers) - 1 &&
			    memcmp(name->byte, browsers, name->len) == 0;

	if (name->type == 0x1c) {
		return NB_SGROUP;
	}
	if (name->type == 0x1e || all_browsers) {
		return NB_GROUP;
	}
	return count > 1 ? NB_MHOMED : NB_UNIQUE;
}

void wintext_member(struct row *row, uint32_t ip, uint32_t owner)
{
	struct nb_record *rec = &row->rec;

	if (nb_record_find(rec, ip) >= 0) {
		row->changed = "an address stood twice";
	} else if (rec->count == NB_MEMBERS_MAX) {
		row->changed = WINTEXT_TOO_MANY;
	} else {
		rec->member[rec->count++] = (struct nb_member) {
			.ip = ip,
			.owner = owner,
		};
	}
}

static void change(struct row *row, const char *what)
{
	if (row->changed == NULL) {
		row->changed = what;
	}
}

const char *wintext_settle(struct row *row)
{
	struct nb_record *rec = &row->rec;

	for (unsigned int i = 0; i < rec->count; i++) {
		rec->member[i].expires = rec->expires;
	}
	if (rec->type == NB_GROUP && rec->count > 1) {
		change(row, "normal group, only its first address kept");
		while (rec->count > 1) {
			nb_record_remove(rec, rec->count - 1u);
		}
	}
	if (rec->state == NB_ACTIVE && rec->count == 0) {
		change(row, "active without an address, released");
	}
	if (rec->type == NB_UNIQUE && rec->count > 1) {
		change(row, "unique with several addresses, multihomed");
	}
	nb_record_settle(rec);
	return nb_record_broken(rec);
}
