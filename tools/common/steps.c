/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replacing a database, see steps.h. The order, with a database D, its journal
 * J and the fresh file F:
 *
 *	keep D, keep J	second names for the same files
 *	sync		now they are there whatever happens
 *	put F		one rename: D is the old file or the fresh one
 *	sync
 *	remove J	F names no journal, so nobody has missed it since
 *	sync
 *
 * Until F is put, D and J are the pair that they were; after a crash there
 * they go on to live, under both names, and nothing is lost by that. From then on J lies
 * beside a file that names no journal, and a start writes over such a one; the
 * old pair is complete under its second names by then.
 *
 * Rejected: renaming D away first (a crash then leaves no database, and a
 * server that starts on nothing gives all names away), and exchanging D and F
 * (after a crash nobody could tell which is which).
 */
#include "common/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/tool.h"
#include "store/tdbfile.h"

#define PIECE	(256u * 1024)

const char *step_kind_name(enum step_kind kind)
{
	switch (kind) {
	case STEP_KEEP:
		return "keep";
	case STEP_PUT:
		return "put";
	case STEP_REMOVE:
		return "remove";
	case STEP_SYNC:
		return "sync";
	}
	return "?";
}

/* ---- the list ---- */

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static bool add(struct steps *steps, enum step_kind kind, const char *from,
		const char *to)
{
	struct step *step = talloc_realloc(steps, steps->step, struct step,
					   steps->count + 1);

	if (step == NULL) {
		return false;
	}
	steps->step = step;
	step += steps->count++;
	*step = (struct step) {
		.kind = kind,
		.from = talloc_strdup(steps, from),
		.to = to == NULL ? NULL : talloc_strdup(steps, to),
	};
	return step->from != NULL && (to == NULL || step->to != NULL);
}

/* Names for both that nobody has, of one number. */
static bool free_names(TALLOC_CTX *mem_ctx, const char *database,
		       const char *journal, const char *ending, char *kept[2])
{
	for (unsigned int number = 0;; number++) {
		char tail[16] = "";

		if (number > 0) {
			(void)snprintf(tail, sizeof(tail), "-%u", number);
		}
		kept[0] = talloc_asprintf(mem_ctx, "%s.before-%s%s",
					  database, ending, tail);
		kept[1] = talloc_asprintf(mem_ctx, "%s.before-%s%s",
					  journal, ending, tail);
		if (kept[0] == NULL || kept[1] == NULL) {
			return false;
		}
		if (!exists(kept[0]) && !exists(kept[1])) {
			return true;
		}
	}
}

int steps_replace(TALLOC_CTX *mem_ctx, const char *fresh, const char *database,
		  const char *journal, const char *ending,
		  struct steps **steps)
{
	struct steps *s = talloc_zero(mem_ctx, struct steps);
	bool is_there = exists(database);
	bool has_journal = exists(journal);
	char *kept[2] = { NULL, NULL };
	bool good = s != NULL &&
		    free_names(s, database, journal, ending, kept);

	if (good && is_there) {
		good = add(s, STEP_KEEP, database, kept[0]);
	}
	if (good && has_journal) {
		good = add(s, STEP_KEEP, journal, kept[1]);
	}
	good = good && add(s, STEP_SYNC, database, NULL) &&
	       add(s, STEP_PUT, fresh, database) &&
	       add(s, STEP_SYNC, database, NULL);
	if (good && has_journal) {
		good = add(s, STEP_REMOVE, journal, NULL) &&
		       add(s, STEP_SYNC, database, NULL);
	}
	if (!good) {
		talloc_free(s);
		return ENOMEM;
	}
	*steps = s;
	return 0;
}

char *steps_ending(TALLOC_CTX *mem_ctx, const char *what)
{
	time_t now = time(NULL);
	struct tm tm = { .tm_year = 0 };
	char stamp[32] = "";

	(void)gmtime_r(&now, &tm);
	(void)strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	return talloc_asprintf(mem_ctx, "%s-%s", what, stamp);
}

/* ---- carrying out ---- */

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t put = write(fd, bytes, len);

		if (put < 0 && errno != EINTR) {
			return errno;
		}
		bytes += put > 0 ? put : 0;
		len -= put > 0 ? (size_t)put : 0;
	}
	return 0;
}

static int copy_bytes(int from, int to)
{
	char *piece = malloc(PIECE);
	ssize_t got = 1;
	int ret = piece == NULL ? ENOMEM : 0;

	while (ret == 0 && got != 0) {
		got = read(from, piece, PIECE);
		if (got > 0) {
			ret = write_all(to, piece, (size_t)got);
		} else if (got < 0 && errno != EINTR) {
			ret = errno;
		}
	}
	free(piece);
	return ret == 0 && fsync(to) != 0 ? errno : ret;
}

/* For file systems that give a file one name only. */
static int copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = in == -1 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL |
				       O_CLOEXEC, 0600);
	int ret = out == -1 ? errno : copy_bytes(in, out);

	if (out != -1) {
		if (close(out) != 0 && ret == 0) {
			ret = errno;
		}
		if (ret != 0) {
			(void)unlink(to);
		}
	}
	if (in != -1) {
		close(in);
	}
	return ret;
}

static int keep(const char *from, const char *to)
{
	if (link(from, to) == 0) {
		return 0;
	}
	return errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS ||
	       errno == EMLINK ? copy_file(from, to) : errno;
}

int step_run(const struct step *step)
{
	switch (step->kind) {
	case STEP_KEEP:
		return keep(step->from, step->to);
	case STEP_PUT:
		return rename(step->from, step->to) == 0 ? 0 : errno;
	case STEP_REMOVE:
		return unlink(step->from) == 0 ? 0 : errno;
	case STEP_SYNC:
		return tdbfile_sync_folder(step->from);
	}
	return EINVAL;
}

int steps_run(const struct steps *steps, const char *database)
{
	for (unsigned int i = 0; i < steps->count; i++) {
		const struct step *step = &steps->step[i];
		int ret = step_run(step);

		if (ret != 0) {
			tool_say("%s %s%s%s: %s; it stops here, and what is "
				 "at %s can be started",
				 step_kind_name(step->kind), step->from,
				 step->to != NULL ? " as " : "",
				 step->to != NULL ? step->to : "",
				 strerror(ret), database);
			return TOOL_FAILED;
		}
	}
	return TOOL_OK;
}

const char *steps_kept(const struct steps *steps)
{
	return steps->step[0].kind == STEP_KEEP ? steps->step[0].to : NULL;
}
