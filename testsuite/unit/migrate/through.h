/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows through a format, there and back, without the pump: for tests.
 */
#ifndef WINSD_TEST_THROUGH_H
#define WINSD_TEST_THROUGH_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "migrate/format.h"

/* Open path with the format: 0 or an errno. */
static inline int through_open(TALLOC_CTX *mem_ctx,
			       const struct format_ops *ops, const char *path,
			       const struct format_options *options,
			       struct tally *tally, bool writing, FILE **file,
			       void **priv, char **message)
{
	struct format_end end = {
		.path = path,
		.options = options,
		.tally = tally,
	};

	*file = NULL;
	if ((ops->flags & FORMAT_PATH) == 0) {
		*file = end.file = fopen(path, writing ? "w" : "r");
		assert_non_null(*file);
	}
	return ops->open(mem_ctx, &end, writing, priv, message);
}

static inline int through_write(TALLOC_CTX *mem_ctx,
				const struct format_ops *ops, const char *path,
				const struct format_options *options,
				struct tally *tally, const struct row *rows,
				size_t count, char **message)
{
	FILE *file = NULL;
	void *priv = NULL;
	int ret = through_open(mem_ctx, ops, path, options, tally, true, &file,
			       &priv, message);
	int end = 0;

	assert_int_equal(ret, 0);
	for (size_t i = 0; i < count && ret == 0; i++) {
		tally_read(tally, &rows[i]);
		ret = ops->put(priv, &rows[i], message);
	}
	end = ops->close(priv, message);
	if (file != NULL && fclose(file) != 0 && ret == 0) {
		ret = errno;
	}
	return ret != 0 ? ret : end;
}

/*
 * Read all: the rows on mem_ctx, and the last step, FORMAT_END or
 * FORMAT_FAILED. open() must work.
 */
static inline enum format_step
through_read(TALLOC_CTX *mem_ctx, const struct format_ops *ops,
	     const char *path, const struct format_options *options,
	     struct tally *tally, struct row **rows, size_t *count,
	     char **message)
{
	FILE *file = NULL;
	void *priv = NULL;
	char *said = NULL;
	struct row row;
	enum format_step step = FORMAT_SKIPPED;

	*rows = NULL;
	*count = 0;
	if (through_open(mem_ctx, ops, path, options, tally, false, &file,
			 &priv, message) != 0) {
		fail_msg("%s", *message);
	}
	while (step == FORMAT_ROW || step == FORMAT_SKIPPED) {
		step = ops->next(priv, &row, &said);
		if (step != FORMAT_ROW) {
			continue;
		}
		assert_null(row.kind == ROW_RECORD ?
				    nb_record_broken(&row.rec) : NULL);
		tally_read(tally, &row);
		*rows = talloc_realloc(mem_ctx, *rows, struct row, *count + 1);
		assert_non_null(*rows);
		(*rows)[(*count)++] = row;
	}
	if (step == FORMAT_FAILED) {
		*message = talloc_strdup(mem_ctx, said);
	}
	assert_int_equal(ops->close(priv, &said), 0);
	if (file != NULL) {
		assert_int_equal(fclose(file), 0);
	}
	return step;
}

/* A file with this in it; its name on mem_ctx, unlink() it. */
static inline char *through_file(TALLOC_CTX *mem_ctx, const void *bytes,
				 size_t len)
{
	char *path = talloc_strdup(mem_ctx, "/tmp/through.XXXXXX");
	int fd = mkstemp(path);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	assert_int_equal(close(fd), 0);
	return path;
}

#endif
