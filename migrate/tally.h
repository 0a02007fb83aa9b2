/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tally: read = written + changed + skipped, each row once, per reason. An
 * import has a fourth: what stands so already is neither written nor lost.
 *
 * Reasons are literals, few and the same for all formats where they mean the
 * same; the details of a single row go into the skipped file. Rows that could
 * be read but not written lie there as lines of the interchange format with a
 * key "skipped"; entries that could not be read as they were, raw, in a second
 * file. Both can be mended and imported again.
 */
#ifndef WINSMIGRATE_TALLY_H
#define WINSMIGRATE_TALLY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <talloc.h>

#include "migrate/row.h"

struct tally;

/*
 * skipped: where the two files go, its name and its name with ".raw" behind;
 * made when the first row is skipped. NULL: only counted.
 */
struct tally *tally_create(TALLOC_CTX *mem_ctx, const char *skipped);

/* By whoever reads: one row has come. tally_refused() counts its own. */
void tally_read(struct tally *tally, const struct row *row);

/* By whoever writes. reason: a literal such as "scope cannot be written". */
void tally_written(struct tally *tally, const struct row *row);
void tally_changed(struct tally *tally, const struct row *row,
		   const char *reason);
void tally_skipped(struct tally *tally, const struct row *row,
		   const char *reason);
void tally_unchanged(struct tally *tally, const struct row *row);

/*
 * An entry that is no row: its raw bytes, where it stood, why (a literal) and
 * a detail for the message, or NULL. head: lines that a file of this format
 * begins with, or NULL.
 */
void tally_refused(struct tally *tally, const char *head, const void *raw,
		   size_t len, uint64_t place, const char *reason,
		   const char *detail);

/* What a source should have and has not; "statics withheld". Exit code 4. */
void tally_missing(struct tally *tally, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Something people should know; changes no number. Printed in the report. */
void tally_remark(struct tally *tally, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

struct tally_sums {
	uint64_t read;
	uint64_t written;	/* as they were */
	uint64_t changed;
	uint64_t skipped;	/* refused ones included */
	uint64_t unchanged;	/* stood so already */
	uint64_t options;	/* rows of configuration, not in the above */
	uint64_t statics;	/* among those read */
	uint64_t missing;	/* calls of tally_missing() */
};
void tally_sums(const struct tally *tally, struct tally_sums *sums);

/* Per reason, in the order of their first appearance; false after the last. */
bool tally_reason(const struct tally *tally, unsigned int index,
		  bool *is_skip, const char **reason, uint64_t *count);

/* Some of its rows by name, and where they stood; false after the last. */
bool tally_sample(const struct tally *tally, unsigned int index,
		  unsigned int which, const char **sample);

/* How many rows that went through say this field (row_says()). */
uint64_t tally_says(const struct tally *tally, enum row_field field);

uint64_t tally_options_written(const struct tally *tally);

/* Line by line what was missing, or the remarks; NULL after the last. */
const char *tally_line(const struct tally *tally, bool missing,
		       unsigned int index);

/* Name of the file of skipped rows or of raw ones; NULL: none was made. */
const char *tally_file(const struct tally *tally, bool raw);

/*
 * The report (report.c), for people or as one JSON object. verb: "imported", "written".
 * Also says which fields the source did not say or the target has no room
 * for, where the sets (enum row_field) are given. False: the sums do not add
 * up, which is a bug and is said.
 */
struct tally_way {
	const char *source;		/* name of its format */
	const char *target;
	const char *verb;
	unsigned int source_says;
	unsigned int target_carries;
	const char *source_loss;	/* of the format; may be NULL */
	const char *target_loss;
	bool json;
	bool dry_run;
};
bool tally_report(const struct tally *tally, const struct tally_way *way,
		  FILE *file);

/* 4 when anything was skipped or missing, else 0. */
int tally_status(const struct tally *tally);

/*
 * The files are closed and synced: 0 or an errno, and *message. Before the
 * report, which names them.
 */
int tally_close(struct tally *tally, char **message);

#endif
