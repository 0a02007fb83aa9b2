/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A format: one struct of functions, one row in formats.c. Whoever adds a
 * format writes a file in migrate/format/ and that row, nothing else: --help,
 * `winsmigrate formats`, probing, fuzzing and the round trips of the tests
 * come from the table.
 *
 * One loop (pump.c) carries rows from the next() of one format to the put()
 * of another. Conservation is the tally's business (tally.h): each row that
 * next() gives is told to it exactly once by whoever takes it - written,
 * changed or skipped with a reason - before close() returns, and what next()
 * itself must refuse it tells as skipped.
 *
 * Every byte of a source is hostile. A reader never believes a length, never
 * allocates by a number that it read, and says where something is wrong.
 */
#ifndef WINSMIGRATE_FORMAT_H
#define WINSMIGRATE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <talloc.h>

#include "migrate/row.h"
#include "migrate/tally.h"

#define FORMAT_TTL 3600u

/* What the command line says to formats; each takes what concerns it. */
struct format_options {
	int64_t now;		/* wall clock, seconds */
	uint32_t owner_zero;	/* --owner-zero: who "0" is in a source that
				   writes itself so; 0: not told */
	uint32_t our_address;	/* --our-address, for wrepl:// */
	bool dynamic_only;	/* --dynamic-only, wrepl:// */
	const char *charset;	/* --charset of text; NULL: by its BOM, else
				   UTF-8, else CP1252 */
	const char *domain;	/* --domain of DNS exports */
	const char *reverse;	/* --reverse: zone of PTR records, or NULL */
	const char *server;	/* --server in scripts that name one */
	uint32_t ttl;		/* --ttl of DNS records; else FORMAT_TTL */
	int64_t queried_since;	/* --queried-since; 0: not asked for */
	bool all;		/* --all: also what nobody asked for lately */
	const char *existing;	/* --existing FILE: names that are taken */
};

enum format_flag {
	FORMAT_READS = 1,
	FORMAT_WRITES = 2,
	FORMAT_EXPERIMENTAL = 4,
	FORMAT_PATH = 8,	/* needs a path (a database, a folder, an
				   address); others work on a stream */
};

enum format_step {
	FORMAT_ROW,		/* *row is the next one */
	FORMAT_SKIPPED,		/* an entry was refused, and told */
	FORMAT_END,
	FORMAT_FAILED,		/* message; what came before stands */
};

/* What probe() sees of a source. */
struct format_head {
	const char *path;	/* as given; "-" for a stream */
	const char *name;	/* its last part, lower case */
	bool is_folder;
	const uint8_t *data;	/* its first bytes, at most FORMAT_HEAD; not
				   NULL where there are none */
	size_t len;
};
#define FORMAT_HEAD 8192u

/* A source or target that is being opened. */
struct format_end {
	const char *path;	/* as given; "-" for a stream */
	FILE *file;		/* NULL for FORMAT_PATH */
	const struct format_options *options;
	struct tally *tally;
};

struct format_ops {
	const char *name;	/* of -f and -t: "wins.dat" */
	const char *title;	/* one line for people */
	unsigned int flags;	/* enum format_flag, or-ed */
	unsigned int carries;	/* enum row_field: what it has room for */
	const char *loss;	/* what it cannot carry besides, one line;
				   NULL */

	/* How likely is this its format: 0 not, 100 surely. NULL: never. */
	int (*probe)(const struct format_head *head);

	/*
	 * Formats with FORMAT_PATH that write find an empty file there, of
	 * mode 0600, which is renamed when close() is done.
	 *
	 * Begin to read (writing false) or to write. *priv is on mem_ctx,
	 * and so is *message on error: one line with the place and a hint. 0
	 * or an errno; EINVAL: it is not of this format.
	 */
	int (*open)(TALLOC_CTX *mem_ctx, const struct format_end *end,
		    bool writing, void **priv, char **message);

	/* The next row. message, on FORMAT_FAILED, is on the priv. */
	enum format_step (*next)(void *priv, struct row *row, char **message);

	/*
	 * Take a row: 0 or an errno that ends the writing, EPERM if an option
	 * can lift it, which message names. What becomes of the row is told
	 * to end->tally now or in close().
	 */
	int (*put)(void *priv, const struct row *row, char **message);

	/*
	 * The end: of writing, everything is out (not yet synced) when this
	 * returns 0; errors as of put(). Of reading: always 0. Called once for each open().
	 */
	int (*close)(void *priv, char **message);
};

extern const struct format_ops *const formats[];	/* NULL at the end */

const struct format_ops *format_find(const char *name);

/* The likeliest format of a source; NULL: none knows it. */
const struct format_ops *format_probe(const struct format_head *head);

#endif
