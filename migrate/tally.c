/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tally and its two files, see tally.h.
 *
 * A counter per reason, with the first few rows that it concerned: an operator
 * who reads "scope cannot be written: 3" wants to see which, one who reads
 * 40000 does not. The files hold all of them. They are new files of our own
 * name, never what stood there or what a link points to; an error of theirs
 * ends nothing by itself, but tally_close() tells it and the run has failed.
 *
 * Rows of configuration are counted by themselves. A target that has no room
 * for them loses nothing of the database.
 */
#include "migrate/tally.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "migrate/row_json.h"

#define SAMPLES 3		/* rows that are named per reason */
#define FIELDS 32		/* bits of enum row_field */

struct reason {
	const char *text;
	bool is_skip;
	uint64_t count;
	unsigned int samples;
	char *sample[SAMPLES];
};

struct lines {
	unsigned int count;
	char **line;
};

struct tally {
	struct tally_sums sums;
	uint64_t options_written;
	uint64_t says[FIELDS];		/* rows that went through, by field */
	unsigned int reasons;
	struct reason *reason;
	struct lines missing;
	struct lines remarks;
	char *path[2];			/* of the rows, of the raw ones */
	FILE *file[2];
	bool made[2];
	int error;			/* the first one */
	char *failed;			/* what could not be done, or NULL */
};
enum { ROWS, RAW };

struct tally *tally_create(TALLOC_CTX *mem_ctx, const char *skipped)
{
	struct tally *tally = talloc_zero(mem_ctx, struct tally);

	if (tally == NULL || skipped == NULL) {
		return tally;
	}
	tally->path[ROWS] = talloc_strdup(tally, skipped);
	tally->path[RAW] = talloc_asprintf(tally, "%s.raw", skipped);
	if (tally->path[ROWS] == NULL || tally->path[RAW] == NULL) {
		TALLOC_FREE(tally);
	}
	return tally;
}

/* ---- the files ---- */

static void fail(struct tally *tally, int which, int error)
{
	if (tally->error != 0) {
		return;
	}
	tally->error = error;
	if (which >= 0) {
		tally->failed = talloc_asprintf(tally, "%s: %s",
						tally->path[which],
						strerror(error));
	}
}

/*
 * Whoever runs this has said that an old file may go (pump.c); a reader that
 * has it open still has it.
 */
static FILE *new_file(const char *path)
{
	FILE *file = NULL;
	int fd = -1;

	if (unlink(path) != 0 && errno != ENOENT) {
		return NULL;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		  0600);
	file = fd == -1 ? NULL : fdopen(fd, "w");
	if (file == NULL && fd != -1) {
		close(fd);
	}
	return file;
}

/* The file, made on first use; NULL: there is none, or cannot be one. */
static FILE *skipped_file(struct tally *tally, int which, const char *head)
{
	if (tally->path[which] == NULL || tally->error != 0) {
		return NULL;
	}
	if (tally->file[which] == NULL) {
		tally->file[which] = new_file(tally->path[which]);
		if (tally->file[which] == NULL) {
			fail(tally, which, errno);
			return NULL;
		}
		tally->made[which] = true;
		if (head != NULL) {
			(void)fputs(head, tally->file[which]);
		}
	}
	return tally->file[which];
}

static void keep_row(struct tally *tally, const struct row *row,
		     const char *reason)
{
	struct json_out j = {
		.file = skipped_file(tally, ROWS,
				     "{\"format\":\"winsd-1\"}\n"),
	};

	if (j.file == NULL) {
		return;
	}
	json_begin(&j, '{');
	row_json_members(&j, row);
	json_key(&j, "skipped");
	json_text(&j, reason);
	json_end(&j, '}');
	json_newline(&j);
}

static void keep_raw(struct tally *tally, const char *head, const void *raw,
		     size_t len)
{
	FILE *file = skipped_file(tally, RAW, head);

	if (file == NULL) {
		return;
	}
	(void)fwrite(raw, 1, len, file);
	if (len == 0 || ((const char *)raw)[len - 1] != '\n') {
		(void)fputc('\n', file);
	}
}

/* ---- counting ---- */

static struct reason *find_reason(struct tally *tally, bool is_skip,
				  const char *text)
{
	struct reason *more = NULL;

	for (unsigned int i = 0; i < tally->reasons; i++) {
		if (tally->reason[i].is_skip == is_skip &&
		    strcmp(tally->reason[i].text, text) == 0) {
			return &tally->reason[i];
		}
	}
	more = talloc_realloc(tally, tally->reason, struct reason,
			      tally->reasons + 1);
	if (more == NULL) {
		fail(tally, -1, ENOMEM);
		return NULL;
	}
	tally->reason = more;
	more += tally->reasons++;
	*more = (struct reason) { .text = text, .is_skip = is_skip };
	return more;
}

/* Count; where the row should be named, the place for that. */
static char **count_reason(struct tally *tally, bool is_skip,
			   const char *text)
{
	struct reason *reason = find_reason(tally, is_skip, text);

	if (reason == NULL) {
		return NULL;
	}
	reason->count++;
	return reason->samples == SAMPLES ? NULL :
					    &reason->sample[reason->samples++];
}

static void count_row(struct tally *tally, bool is_skip, const char *text,
		      const struct row *row)
{
	char **sample = count_reason(tally, is_skip, text);
	char name[NB_NAME_TEXT];

	if (sample == NULL) {
		return;
	}
	(void)nb_name_print(&row->rec.name, name);
	*sample = row->place == 0 ? talloc_strdup(tally, name) :
		talloc_asprintf(tally, "%s (at %" PRIu64 ")", name,
				row->place);
}

static void count_fields(struct tally *tally, const struct row *row)
{
	unsigned int says = row_says(row);

	for (unsigned int i = 0; i < FIELDS; i++) {
		tally->says[i] += says >> i & 1;
	}
}

void tally_read(struct tally *tally, const struct row *row)
{
	if (row->kind == ROW_OPTION) {
		tally->sums.options++;
		return;
	}
	tally->sums.read++;
	tally->sums.statics += row->rec.is_static;
}

void tally_written(struct tally *tally, const struct row *row)
{
	if (row->kind == ROW_OPTION) {
		tally->options_written++;
	} else if (row->changed != NULL) {
		tally_changed(tally, row, row->changed);
	} else {
		tally->sums.written++;
		count_fields(tally, row);
	}
}

void tally_changed(struct tally *tally, const struct row *row,
		   const char *reason)
{
	if (row->kind == ROW_OPTION) {
		tally->options_written++;
		return;
	}
	tally->sums.changed++;
	count_row(tally, false, reason, row);
	count_fields(tally, row);
}

void tally_skipped(struct tally *tally, const struct row *row,
		   const char *reason)
{
	if (row->kind == ROW_OPTION) {
		return;
	}
	tally->sums.skipped++;
	count_row(tally, true, reason, row);
	keep_row(tally, row, reason);
}

void tally_unchanged(struct tally *tally, const struct row *row)
{
	tally->sums.unchanged += row->kind == ROW_RECORD;
}

void tally_refused(struct tally *tally, const char *head, const void *raw,
		   size_t len, uint64_t place, const char *reason,
		   const char *detail)
{
	char **sample = count_reason(tally, true, reason);

	tally->sums.read++;
	tally->sums.skipped++;
	keep_raw(tally, head, raw, len);
	if (sample != NULL) {
		*sample = talloc_asprintf(tally, "at %" PRIu64 "%s%s", place,
					  detail != NULL ? ": " : "",
					  detail != NULL ? detail : "");
	}
}

static void add_line(struct tally *tally, struct lines *lines,
		     const char *format, va_list ap)
{
	char **more = talloc_realloc(tally, lines->line, char *,
				     lines->count + 1);
	char *line = talloc_vasprintf(tally, format, ap);

	if (more != NULL) {
		lines->line = more;
	}
	if (more == NULL || line == NULL) {
		fail(tally, -1, ENOMEM);
		return;
	}
	more[lines->count++] = line;
}

void tally_missing(struct tally *tally, const char *format, ...)
{
	va_list ap;

	tally->sums.missing++;
	va_start(ap, format);
	add_line(tally, &tally->missing, format, ap);
	va_end(ap);
}

void tally_remark(struct tally *tally, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_line(tally, &tally->remarks, format, ap);
	va_end(ap);
}

/* ---- what came of it ---- */

void tally_sums(const struct tally *tally, struct tally_sums *sums)
{
	*sums = tally->sums;
}

bool tally_reason(const struct tally *tally, unsigned int index,
		  bool *is_skip, const char **reason, uint64_t *count)
{
	if (index >= tally->reasons) {
		return false;
	}
	*is_skip = tally->reason[index].is_skip;
	*reason = tally->reason[index].text;
	*count = tally->reason[index].count;
	return true;
}

bool tally_sample(const struct tally *tally, unsigned int index,
		  unsigned int which, const char **sample)
{
	if (index >= tally->reasons ||
	    which >= tally->reason[index].samples) {
		return false;
	}
	*sample = tally->reason[index].sample[which];
	return *sample != NULL;
}

uint64_t tally_options_written(const struct tally *tally)
{
	return tally->options_written;
}

uint64_t tally_says(const struct tally *tally, enum row_field field)
{
	for (unsigned int i = 0; i < FIELDS; i++) {
		if (1u << i == (unsigned int)field) {
			return tally->says[i];
		}
	}
	return 0;
}

const char *tally_line(const struct tally *tally, bool missing,
		       unsigned int index)
{
	const struct lines *lines = missing ? &tally->missing :
					      &tally->remarks;

	return index < lines->count ? lines->line[index] : NULL;
}

const char *tally_file(const struct tally *tally, bool raw)
{
	int which = raw ? RAW : ROWS;

	return tally->made[which] ? tally->path[which] : NULL;
}

int tally_status(const struct tally *tally)
{
	return tally->sums.skipped > 0 || tally->sums.missing > 0 ? 4 : 0;
}

static void close_file(struct tally *tally, int which)
{
	FILE *file = tally->file[which];
	int error = 0;

	if (file == NULL) {
		return;
	}
	if (ferror(file) || fflush(file) != 0 || fsync(fileno(file)) != 0) {
		error = errno != 0 ? errno : EIO;
	}
	if (fclose(file) != 0 && error == 0) {
		error = errno;
	}
	tally->file[which] = NULL;
	if (error != 0) {
		fail(tally, which, error);
	}
}

int tally_close(struct tally *tally, char **message)
{
	close_file(tally, ROWS);
	close_file(tally, RAW);
	if (tally->error != 0) {
		*message = tally->failed != NULL ? tally->failed :
			talloc_strdup(tally, strerror(tally->error));
	}
	return tally->error;
}
