/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes through a format of winsmigrate that is a stream, for its fuzz
 * target: what comes out is rows that could be stored and refused entries that
 * are counted; what can be written of it is read again, all of it, and written
 * again the same.
 */
#ifndef WINSD_FUZZ_MIGRATE_THERE_H
#define WINSD_FUZZ_MIGRATE_THERE_H

#include <string.h>

#include "fuzz/fuzz.h"
#include "migrate/format.h"

struct there {
	const struct format_ops *ops;
	struct format_options options;
	struct row *rows;
	size_t count;
	struct tally *tally;
};

static inline void there_text(const char *text)
{
	MUST(text != NULL && text[0] != '\0');
	for (; *text != '\0'; text++) {
		MUST(*text != '\n');
	}
}

static inline void there_row(const struct there *there, const struct row *row)
{
	if (row->kind == ROW_OPTION) {
		there_text(row->value);
		return;
	}
	MUST(nb_record_broken(&row->rec) == NULL);
	MUST((row->known & ~there->ops->carries) == 0);
	MUST((row->known & ROW_OWNER) == 0 || row->rec.owner != 0);
}

/* Read all that the bytes give, until the end or a failure. */
static inline void there_read(struct there *there, TALLOC_CTX *mem,
			      const void *data, size_t size)
{
	FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");
	struct format_end end = { .path = "-", .file = file,
				  .options = &there->options };
	enum format_step step = FORMAT_SKIPPED;
	char *message = NULL;
	void *priv = NULL;
	struct row row;

	MUST(file != NULL);
	there->rows = NULL;
	there->count = 0;
	there->tally = end.tally = tally_create(mem, NULL);
	if (there->ops->open(mem, &end, false, &priv, &message) == 0) {
		while (step == FORMAT_ROW || step == FORMAT_SKIPPED) {
			step = there->ops->next(priv, &row, &message);
			if (step == FORMAT_ROW) {
				there_row(there, &row);
				there->rows = talloc_realloc(mem, there->rows,
					struct row, there->count + 1);
				there->rows[there->count++] = row;
			}
		}
		if (step == FORMAT_FAILED) {
			there_text(message);
		}
		MUST(there->ops->close(priv, &message) == 0);
	}
	(void)fclose(file);
}

/* Write the rows: how many entries stand there now. */
static inline uint64_t there_write(struct there *there, TALLOC_CTX *mem,
				   char **text, size_t *len)
{
	FILE *file = open_memstream(text, len);
	struct format_end end = { .path = "-", .file = file,
				  .options = &there->options };
	struct tally_sums sums;
	char *message = NULL;
	void *priv = NULL;
	size_t records = 0;

	MUST(file != NULL);
	end.tally = tally_create(mem, NULL);
	MUST(there->ops->open(mem, &end, true, &priv, &message) == 0);
	for (size_t i = 0; i < there->count; i++) {
		if (there->rows[i].kind == ROW_RECORD) {
			records++;
			MUST(there->ops->put(priv, &there->rows[i],
					     &message) == 0);
		}
	}
	MUST(there->ops->close(priv, &message) == 0);
	MUST(fclose(file) == 0);
	tally_sums(end.tally, &sums);
	MUST(sums.written + sums.changed + sums.skipped == records);
	return sums.written + sums.changed;
}

static inline void there_and_back(const struct format_ops *ops,
				  struct format_options options,
				  const uint8_t *data, size_t size)
{
	struct there there = { .ops = ops, .options = options };
	TALLOC_CTX *mem = talloc_new(NULL);
	char *first = NULL, *second = NULL;
	size_t first_len = 0, second_len = 0;
	uint64_t written = 0;

	if (size > 0) {
		there_read(&there, mem, data, size);
		written = there_write(&there, mem, &first, &first_len);
		there_read(&there, mem, first, first_len);
		MUST(there.count == written);
		MUST(there_write(&there, mem, &second, &second_len) ==
		     written);
		MUST(first_len == second_len &&
		     memcmp(first, second, first_len) == 0);
	}
	free(first);
	free(second);
	talloc_free(mem);
}

#endif
