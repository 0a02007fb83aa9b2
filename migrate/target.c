/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing a target, see target.h.
 *
 * A file is written beside its place, as NAME.part: new, of mode 0600, never
 * through a link; it is synced and renamed when all is in it. Half a hosts
 * file or zone would be served by somebody, and a file that was good before
 * must not be lost to a full disk. A .part that is there already is another
 * run's or what a killed one left: nobody takes it without being told so.
 *
 * Formats that open their own path get an empty file there.
 */
#include "migrate/target.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/tool.h"

static int target_destructor(struct target *target)
{
	char *message = NULL;

	if (target->priv != NULL) {
		(void)target->ops->close(target->priv, &message);
		target->priv = NULL;
	}
	if (target->file != NULL && target->file != stdout) {
		(void)fclose(target->file);
	}
	if (target->part != NULL) {
		(void)unlink(target->part);
	}
	if (target->folder != NULL) {
		(void)rmdir(target->folder);
	}
	return 0;
}

/* A device, a pipe, or a name of one, such as /dev/stdout: a file that took
 * its place would break whatever else uses it. */
static bool is_special(const char *path, const struct stat *named)
{
	struct stat meant;

	if (S_ISLNK(named->st_mode)) {
		return stat(path, &meant) == 0 && !S_ISREG(meant.st_mode);
	}
	return !S_ISREG(named->st_mode);
}

int target_free(const char *path, bool yes)
{
	struct stat st;

	if (lstat(path, &st) != 0) {
		return TOOL_OK;		/* or open() will say what is wrong */
	}
	if (S_ISDIR(st.st_mode)) {
		tool_say("%s: is a folder", path);
		return TOOL_USAGE;
	}
	if (is_special(path, &st)) {
		tool_say("%s: is no regular file and is not replaced; without "
			 "a target, standard output is written", path);
		return TOOL_USAGE;
	}
	if (!yes) {
		tool_say("%s: there is one already: --yes replaces it", path);
		return TOOL_REFUSED;
	}
	return TOOL_OK;
}

/* ---- where it is written ---- */

/* A folder of our own for what needs a path and must not stay. */
static int dry_place(struct target *target)
{
	const char *tmp = getenv("TMPDIR");

	target->folder = talloc_asprintf(target, "%s/winsmigrate.XXXXXX",
					 tmp != NULL ? tmp : "/tmp");
	if (target->folder == NULL || mkdtemp(target->folder) == NULL) {
		tool_say("%s: %s", target->folder, strerror(errno));
		TALLOC_FREE(target->folder);
		return TOOL_FAILED;
	}
	target->part = talloc_asprintf(target, "%s/part", target->folder);
	return target->part != NULL ? TOOL_OK : TOOL_FAILED;
}

static int part_failed(struct target *target, int error)
{
	if (error == EEXIST) {
		tool_say("%s: another run writes it, or one that was killed "
			 "left it: --yes replaces it", target->part);
	} else {
		tool_say("%s: %s", target->part, strerror(error));
	}
	TALLOC_FREE(target->part);	/* not ours to remove */
	return error == EEXIST ? TOOL_REFUSED : TOOL_FAILED;
}

static int make_part(struct target *target, bool yes)
{
	int fd = -1;

	if (yes) {
		(void)unlink(target->part);
	}
	fd = open(target->part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW |
		  O_CLOEXEC, 0600);
	if (fd == -1) {
		return part_failed(target, errno);
	}
	if ((target->ops->flags & FORMAT_PATH) != 0) {
		close(fd);
		return TOOL_OK;
	}
	target->file = fdopen(fd, "w");
	if (target->file == NULL) {
		close(fd);
		return TOOL_FAILED;
	}
	return TOOL_OK;
}

static int begin(struct target *target, bool yes, bool dry_run)
{
	bool by_path = (target->ops->flags & FORMAT_PATH) != 0;
	int status = TOOL_OK;

	if (target->path == NULL && by_path && !dry_run) {
		tool_say("format '%s' needs the name of a target, it cannot "
			 "be a stream", target->ops->name);
		return TOOL_USAGE;
	}
	if (target->path != NULL) {
		status = target_free(target->path, yes);
	}
	if (status != TOOL_OK) {
		return status;
	}
	if (dry_run && !by_path) {
		target->file = fopen("/dev/null", "we");
		return target->file != NULL ? TOOL_OK : TOOL_FAILED;
	}
	if (target->path == NULL && !dry_run) {
		target->file = stdout;
		return TOOL_OK;
	}
	if (dry_run) {
		status = dry_place(target);
	} else {
		target->part = talloc_asprintf(target, "%s.part",
					       target->path);
	}
	return status == TOOL_OK && target->part != NULL ?
		       make_part(target, yes) : TOOL_FAILED;
}

int target_open(TALLOC_CTX *mem_ctx, const char *path,
		const struct format_ops *ops,
		const struct format_options *format_options,
		struct tally *tally, bool yes, bool dry_run,
		struct target **target)
{
	struct target *t = talloc_zero(mem_ctx, struct target);
	struct format_end end = { .options = format_options, .tally = tally };
	char *message = NULL;
	int status = TOOL_FAILED;
	int ret = 0;

	if (t == NULL) {
		return TOOL_FAILED;
	}
	t->ops = ops;
	t->path = path == NULL || strcmp(path, "-") == 0 ? NULL : path;
	talloc_set_destructor(t, target_destructor);
	status = begin(t, yes, dry_run);
	if (status != TOOL_OK) {
		talloc_free(t);
		return status;
	}
	end.path = t->part != NULL ? t->part : "-";
	end.file = t->file;
	ret = ops->open(t, &end, true, &t->priv, &message);
	if (ret != 0) {
		tool_say("%s: %s", t->path != NULL ? t->path : ops->name,
			 message != NULL ? message : strerror(ret));
		t->priv = NULL;
		talloc_free(t);
		return ret == EINVAL ? TOOL_USAGE : TOOL_FAILED;
	}
	*target = t;
	return TOOL_OK;
}

/* ---- the end ---- */

static int failed(const struct target *target, const char *message, int error)
{
	tool_say("%s: %s%s", target->path != NULL ? target->path : "output",
		 message != NULL ? message : strerror(error),
		 target->part != NULL ? "; nothing was written" : "");
	return error == EPERM ? TOOL_REFUSED : TOOL_FAILED;
}

static int sync_path(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | flags);
	int ret = 0;

	if (fd == -1) {
		return errno;
	}
	ret = fsync(fd) != 0 ? errno : 0;
	close(fd);
	return ret;
}

static int close_file(struct target *target)
{
	FILE *file = target->file;
	int ret = 0;

	if (file == NULL) {
		return 0;
	}
	if (fflush(file) != 0) {
		ret = errno;
	}
	if (file == stdout) {
		return ret;
	}
	target->file = NULL;
	return fclose(file) != 0 && ret == 0 ? errno : ret;
}

static int put_in_place(struct target *target)
{
	char *copy = talloc_strdup(target, target->path);
	int ret = copy == NULL ? ENOMEM : sync_path(target->part, 0);

	if (ret == 0 && rename(target->part, target->path) != 0) {
		ret = errno;
	}
	if (ret != 0) {
		return ret;
	}
	TALLOC_FREE(target->part);
	return sync_path(dirname(copy), O_DIRECTORY);
}

int target_finish(struct target *target)
{
	char *message = NULL;
	int ret = target->ops->close(target->priv, &message);

	target->priv = NULL;
	if (ret != 0) {
		return failed(target, message, ret);
	}
	ret = close_file(target);
	if (ret == 0 && target->part != NULL && target->folder == NULL) {
		ret = put_in_place(target);
	}
	return ret != 0 ? failed(target, NULL, ret) : TOOL_OK;
}
