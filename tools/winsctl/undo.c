/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing an undo file, see undo.h. The tool does it and not the server: it is
 * the one that waits, and a list in slices is all that it takes.
 *
 * The directory belongs to who owns the server's files, and so does what is
 * made in it. It is opened by descriptor and no link is followed: root would
 * write where that user's link points to.
 */
#include "winsctl/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/json_record.h"

#define SAME_SECOND 100		/* files of one command in one second */

struct writing {
	struct undo *undo;
	FILE *file;
	const char *path;
	int dir;		/* AT_FDCWD: --undo */
	const char *name;	/* in it */
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
static int create(struct writing *w)
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
static int create_by_time(TALLOC_CTX *mem_ctx, struct writing *w,
			  const char *directory)
{
	time_t now = time(NULL);
	struct tm tm = { .tm_year = 0 };
	char stamp[32] = "";
	int ret = EEXIST;

	(void)gmtime_r(&now, &tm);
	(void)strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	for (unsigned int i = 1; ret == EEXIST && i <= SAME_SECOND; i++) {
		const char *again = i == 1 ? "" :
				    talloc_asprintf(mem_ctx, "-%u", i);

		w->name = talloc_asprintf(mem_ctx, "%s-%s%s.jsonl", stamp,
					  w->undo->command, again);
		w->path = talloc_asprintf(mem_ctx, "%s/%s", directory,
					  w->name);
		if (again == NULL || w->name == NULL || w->path == NULL) {
			return ENOMEM;
		}
		ret = create(w);
	}
	return ret;
}

static int begin(struct winsctl *ctl, struct writing *w)
{
	const char *state = ctl->places.state_directory;
	char *directory = talloc_asprintf(ctl->mem_ctx, "%s/undo", state);
	int ret = 0;

	w->path = w->undo->file;
	w->name = w->undo->file;
	if (w->undo->file != NULL) {
		ret = create(w);
	} else if (directory == NULL) {
		return failed(state, ENOMEM);
	} else {
		w->path = directory;
		w->dir = open_directory(state, directory);
		ret = w->dir == -1 ? errno :
		      create_by_time(ctl->mem_ctx, w, directory);
	}
	return ret == 0 ? TOOL_OK : failed(w->path, ret);
}

/* ---- its lines ---- */

static void put_filter(struct control_writer *request, const void *arg)
{
	const struct writing *w = arg;

	control_put_number(request, CONTROL_OWNER, w->undo->owner);
	if (w->undo->only_statics) {
		control_put_number(request, CONTROL_STATIC, 1);
	}
}

static void take_slice(void *arg, const struct control_reader *reply)
{
	struct writing *w = arg;
	struct control_field field = { .data = NULL };
	struct nb_record rec;

	while (control_next(reply, &field)) {
		if (field.tag != CONTROL_RECORD) {
			continue;
		}
		control_record(&field, &rec);
		if (w->undo->only_statics && rec.state == NB_TOMBSTONE) {
			continue;
		}
		json_record_print(w->file, &rec);
		w->undo->count++;
		if (rec.version > w->undo->highest) {
			w->undo->highest = rec.version;
		}
	}
}

/* All of it on disk: 0 or an errno. */
static int end(struct writing *w)
{
	int ret = ferror(w->file) ? EIO : 0;

	if (fflush(w->file) != 0 || fsync(fileno(w->file)) != 0) {
		ret = errno;
	}
	if (fclose(w->file) != 0 && ret == 0) {
		ret = errno;
	}
	if (ret == 0 && w->dir != AT_FDCWD && fsync(w->dir) != 0) {
		ret = errno;
	}
	return ret;
}

int undo_write(struct winsctl *ctl, struct undo *undo)
{
	struct writing w = { .undo = undo, .dir = AT_FDCWD };
	int status = begin(ctl, &w);
	int ret = 0;

	undo->count = 0;
	undo->highest = 0;
	if (status == TOOL_OK) {
		(void)fputs("{\"format\":\"winsd-1\"}\n", w.file);
		status = ask_list(ctl, "record list", put_filter, take_slice,
				  &w);
		ret = end(&w);
	}
	if (status == TOOL_OK && ret != 0) {
		status = failed(w.path, ret);
	}
	if (status == TOOL_OK) {
		tool_say("the records as they were (%" PRIu64 "): %s",
			 undo->count, w.path);
	} else if (w.file != NULL) {
		(void)unlinkat(w.dir, w.name, 0);
	}
	if (w.dir != AT_FDCWD && w.dir != -1) {
		close(w.dir);
	}
	return status;
}
