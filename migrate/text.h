/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text, line by line, as people and programs leave it: LF, CRLF or CR CR LF,
 * with or without a last line end, UTF-8, UTF-16 of either order (by BOM, or by
 * the zeros between ASCII letters) or a code page. Lines come out as UTF-8, or
 * as the bytes they are (TEXT_BYTES), with a NUL behind.
 */
#ifndef WINSMIGRATE_TEXT_H
#define WINSMIGRATE_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <talloc.h>

#define TEXT_LINE_MAX 65536u	/* bytes of a line; longer is an error */

enum text_kind {
	TEXT_CHARACTERS,	/* convert to UTF-8 */
	TEXT_BYTES,		/* only UTF-16 is converted */
};

struct text;

/* charset: NULL: by the BOM, else UTF-8, else CP1252. */
int text_open(TALLOC_CTX *mem_ctx, FILE *file, enum text_kind kind,
	      const char *charset, struct text **text, char **message);

/*
 * The next line without its end; valid until the next call. 1: there is one,
 * 0: the end, -1: *message says what is wrong and where (a line too long, a
 * read error, characters that the charset has not); it is on text and valid
 * until the next call. Another call goes on with the line behind it.
 */
int text_line(struct text *text, char **line, size_t *len, char **message);

/* Number of the line that text_line() gave last, from 1. */
uint64_t text_number(const struct text *text);

#endif
