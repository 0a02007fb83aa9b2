/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing an undo file, see undo_file.h. The tool does it and not the server:
 * it is the one that waits, and a list in slices is all that it takes.
 *
 * The directory belongs to who owns the server's files, and so does what is
 * made in it. It is opened by descriptor and no link is followed: root would
 * write where that user's link points to.
 */
#include "common/undo_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/json_record.h"
#include "common/tool.h"

#define SAME_SECOND 100		/* files of one command in one second */

struct undo_file {
	const char *command;
	FILE *file;
	const char *path;
	int dir;		/* AT_FDCWD: a place that was named */
	const char *name;	/* in it; NULL: not there yet, or not any more */
	uint64_t count;
};

static int failed(const char *path, int error)
{
	tool_say("%s: %s: without an undo file nothing is changed", path,
		 strerror(error));
	return TOOL_FAILED;
}

/* Root's files become those of who owns the directory above. */
static int give(int fd, const struct stat *owner)
{
	return geteuid() != 0 ||
	       fchown(fd, owner->st_uid, owner->st_gid) == 0 ? 0 : errno;
}

/* STATE/undo, made if it is not there: a descriptor, or -1 and errno. */
static int open_directory(const char *state, const char *path)
{
	bool is_new = mkdir(path, 0750) == 0;
	struct stat st;
	int fd = -1;
	int ret = 0;

	if (!is_new && errno != EEXIST) {
		return -1;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd != -1 && is_new) {
		ret = stat(state, &st) == 0 ? give(fd, &st) : errno;
	}
	if (ret != 0) {
		close(fd);
		errno = ret;
		return -1;
	}
	return fd;
}

/* A new file for its owner alone: 0 or an errno. */
static int create(struct undo_file *w)
{
	int fd = openat(w->dir, w->name, O_WRONLY | O_CREAT | O_EXCL |
			O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;
	int ret = fd == -1 ? errno : 0;

	if (ret == 0 && w->dir != AT_FDCWD && fstat(w->dir, &st) == 0) {
		ret = give(fd, &st);
	}
	if (ret == 0) {
		w->file = fdopen(fd, "w");
		ret = w->file == NULL ? errno : 0;
	}
	if (ret != 0 && fd != -1) {
		close(fd);
		(void)unlinkat(w->dir, w->name, 0);
	}
	return ret;
}

/* STATE/undo/20260801-120000-owner-adopt.jsonl, or with a number behind. */
static int create_by_time(struct undo_file *w, const char *directory)
{
	time_t now = time(NULL);
	struct tm tm = { .tm_year = 0 };
	char stamp[32] = "";
	int ret = EEXIST;

	(void)gmtime_r(&now, &tm);
	(void)strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	for (unsigned int i = 1; ret == EEXIST && i <= SAME_SECOND; i++) {
		const char *again = i == 1 ? "" :
				    talloc_asprintf(w, "-%u", i);

		w->name = talloc_asprintf(w, "%s-%s%s.jsonl", stamp,
					  w->command, again);
		w->path = talloc_asprintf(w, "%s/%s", directory, w->name);
		if (again == NULL || w->name == NULL || w->path == NULL) {
			return ENOMEM;
		}
		ret = create(w);
	}
	return ret;
}

/* ---- the interface ---- */

static int undo_destructor(struct undo_file *undo)
{
	if (undo->file != NULL) {
		(void)fclose(undo->file);
	}
	if (undo->dir != AT_FDCWD && undo->dir != -1) {
		close(undo->dir);
	}
	return 0;
}

static int begin(struct undo_file *w, const char *state, const char *file)
{
	char *directory = talloc_asprintf(w, "%s/undo", state);

	if (file != NULL) {
		w->path = talloc_strdup(w, file);
		w->name = w->path;
		return w->name == NULL ? ENOMEM : create(w);
	}
	if (directory == NULL) {
		return ENOMEM;
	}
	w->path = directory;
	w->dir = open_directory(state, directory);
	return w->dir == -1 ? errno : create_by_time(w, directory);
}

int undo_file_begin(TALLOC_CTX *mem_ctx, const char *state_directory,
		    const char *command, const char *file,
		    struct undo_file **undo)
{
	struct undo_file *w = talloc_zero(mem_ctx, struct undo_file);
	int status = TOOL_OK;
	int ret = 0;

	if (w == NULL) {
		return failed("undo file", ENOMEM);
	}
	w->command = command;
	w->dir = AT_FDCWD;
	w->path = state_directory;
	talloc_set_destructor(w, undo_destructor);
	ret = begin(w, state_directory, file);
	if (ret != 0) {
		status = failed(w->path, ret);
		talloc_free(w);
		return status;
	}
	(void)fputs("{\"format\":\"winsd-1\"}\n", w->file);
	*undo = w;
	return TOOL_OK;
}

void undo_file_put(struct undo_file *undo, const struct nb_record *before,
		   const struct nb_record *came)
{
	struct json_out j = { .file = undo->file };

	json_begin(&j, '{');
	if (before != NULL) {
		json_record_members(&j, before);
	} else {
		json_key(&j, "absent");
		json_flag(&j, true);
	}
	if (came != NULL) {
		json_key(&j, "came");
		json_begin(&j, '{');
		json_record_members(&j, came);
		json_end(&j, '}');
	}
	json_end(&j, '}');
	json_newline(&j);
	undo->count++;
}

const char *undo_file_path(const struct undo_file *undo)
{
	return undo->path;
}

uint64_t undo_file_count(const struct undo_file *undo)
{
	return undo->count;
}

static int sync_all(struct undo_file *undo)
{
	FILE *file = undo->file;
	int ret = ferror(file) ? EIO : 0;

	undo->file = NULL;
	if (fflush(file) != 0 || fsync(fileno(file)) != 0) {
		ret = errno;
	}
	if (fclose(file) != 0 && ret == 0) {
		ret = errno;
	}
	if (ret == 0 && undo->dir != AT_FDCWD && fsync(undo->dir) != 0) {
		ret = errno;
	}
	return ret;
}

int undo_file_end(struct undo_file *undo)
{
	int ret = sync_all(undo);

	if (ret == 0) {
		return TOOL_OK;
	}
	undo_file_drop(undo);
	return failed(undo->path, ret);
}

void undo_file_drop(struct undo_file *undo)
{
	if (undo->name != NULL) {
		(void)unlinkat(undo->dir, undo->name, 0);
		undo->name = NULL;
	}
}
