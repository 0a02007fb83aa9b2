/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the texts that Windows tools leave have in common: lines, pieces of
 * lines, and the words and numbers that stand for fields of a record.
 *
 * A piece is a part of a line that is not copied. Nothing here changes the
 * line, so that a reader can refuse it as it was.
 */
#ifndef WINSMIGRATE_FORMAT_WINTEXT_H
#define WINSMIGRATE_FORMAT_WINTEXT_H

#include "migrate/format.h"
#include "migrate/text.h"

struct piece {
	const char *at;
	size_t len;
};

struct piece piece_of(const char *text);	/* up to its NUL */
struct piece piece_trim(struct piece piece);	/* blanks and tabs around */
struct piece piece_skip(struct piece piece, size_t len);
bool piece_is(struct piece piece, const char *word);	/* in any ASCII case */
bool piece_begins(struct piece piece, const char *word);
bool piece_has(struct piece piece, const char *word);

/* Up to the first such byte, and *rest behind it; without one, all and {}. */
struct piece piece_until(struct piece piece, char byte, struct piece *rest);

/* All of it, digits only: false if there is anything else or too much. */
bool piece_decimal(struct piece piece, uint64_t max, uint64_t *number);
bool piece_hex(struct piece piece, uint64_t *number);
bool piece_address(struct piece piece, uint32_t *address);

/* As it may stand in a note or message: printable ASCII, cut. Returns out. */
#define PIECE_SHOWN 80
const char *piece_show(struct piece piece, char out[PIECE_SHOWN]);

/* ---- lines ---- */

struct wintext {
	struct text *text;
	struct tally *tally;
	const struct format_options *options;
	uint64_t place;		/* number of the line that came last */
	const char *head;	/* of a file of refused lines, or NULL */
};

/* As format_ops.open; the text hangs on mem_ctx. */
int wintext_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		 enum text_kind kind, struct wintext *source, char **message);

/* The end of a reader that only has memory, as format_ops.close. */
int wintext_close(void *priv, char **message);

/* The next line that is not blank: as text_line(). */
int wintext_line(struct wintext *source, struct piece *line, char **message);

/* Tell that what stands at place is refused; returns FORMAT_SKIPPED. */
enum format_step wintext_refuse(struct wintext *source, struct piece raw,
				const char *reason, const char *detail);

/*
 * What a source begins with as ASCII, for probing: zeros of UTF-16 and byte
 * order marks left out, with a NUL behind. Returns the length.
 */
#define WINTEXT_HEAD (FORMAT_HEAD + 1)
size_t wintext_head(const struct format_head *head, char text[WINTEXT_HEAD]);

/* ---- fields ---- */

/* "NAME   [20h]": *name is what stands before the last such suffix. */
bool wintext_suffix(struct piece text, struct piece *name, uint8_t *suffix,
		    struct piece *behind);

/* ACTIVE, Released, TOMBSTONED ... */
bool wintext_state(struct piece word, uint8_t *state);

/* "0 2f41", high and low word in hex, or "2f41". */
bool wintext_version(struct piece text, uint64_t *version);

/*
 * A name as a tool printed it. Windows keeps names in its OEM code page; what
 * was printed as UTF-8 is brought back to CP850, and *changed says so. False:
 * too long, or not in that code page.
 */
bool wintext_name(struct piece text, uint8_t suffix, struct nb_name *name,
		  const char **changed);

/* The type that a record has by its suffix, name and number of addresses. */
uint8_t wintext_type(const struct nb_name *name, unsigned int count);

/*
 * Another member behind the others. One that is there already, or has no room,
 * is left out, and row->changed says so.
 */
void wintext_member(struct row *row, uint32_t ip, uint32_t owner);

/*
 * The record in the form that all are stored in; row->changed says what had
 * to give way. NULL, or why it cannot be one.
 */
const char *wintext_settle(struct row *row);

#define WINTEXT_TOO_MANY "more than 25 addresses, the rest left out"

#endif
