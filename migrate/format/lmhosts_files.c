/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * #INCLUDE and the alternates of LMHOSTS (formats.md 6).
 *
 * Includes name files of other machines, mostly by UNC. They are looked for
 * below the folder of the first file and nowhere else: \\SERVER\SHARE\FILE as
 * SERVER/SHARE/FILE there, C:\FILE as C/FILE, a relative path as it is, and
 * each of them by its last part, too, for that is how people put copies beside
 * a file. A path that would leave the folder is not followed: whoever wrote
 * the file does not choose what of this machine is read.
 *
 * A file that cannot be had is told as missing, never passed over. One that is
 * just being read is a circle, which loses nothing. Of alternates the first
 * that is there is taken, as clients do.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "migrate/format/lmhosts_files.h"

#define DEPTH_MAX	16
#define INCLUDES_MAX	1000	/* files in all: they may multiply */
#define MISSING_MAX	100	/* told one by one */
#define PATH_LEN	1024

struct level {
	struct level *up;
	struct wintext source;
	FILE *file;		/* NULL: the first one, which is not ours */
	char *name;		/* below the root; NULL: the first one */
	dev_t device;
	ino_t inode;
	bool alternates;	/* between #BEGIN_ and #END_ALTERNATE */
	bool had_one;
	uint64_t begun;
};

struct lmhosts_files {
	const struct format_end *end;
	char *root;		/* NULL: there is no folder, it is a stream */
	struct level *level;
	unsigned int depth;
	unsigned int includes;
	unsigned int missing;
	bool small_told;
};

enum found { FOUND, CIRCLE, NOT_FOUND };

/* ---- levels ---- */

static int level_destructor(struct level *level)
{
	if (level->file != NULL) {
		(void)fclose(level->file);
	}
	return 0;
}

static struct level *level_create(struct lmhosts_files *files, FILE *file)
{
	struct level *level = talloc_zero(files, struct level);
	int fd = fileno(file);
	struct stat st;

	if (level == NULL) {
		return NULL;
	}
	talloc_set_destructor(level, level_destructor);
	level->up = files->level;
	if (fd != -1 && fstat(fd, &st) == 0) {
		level->device = st.st_dev;
		level->inode = st.st_ino;
	}
	return level;
}

int lmhosts_files_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		       struct lmhosts_files **files, char **message)
{
	struct lmhosts_files *f = talloc_zero(mem_ctx, struct lmhosts_files);
	const char *slash = strrchr(end->path, '/');

	if (f == NULL) {
		return ENOMEM;
	}
	f->end = talloc_memdup(f, end, sizeof(*end));
	f->level = level_create(f, end->file);
	if (f->end == NULL || f->level == NULL) {
		return ENOMEM;
	}
	if (strcmp(end->path, "-") != 0) {
		f->root = slash == NULL ? talloc_strdup(f, ".") :
			  talloc_strndup(f, end->path,
					 (size_t)(slash - end->path) + 1);
	}
	*files = f;
	return wintext_open(f->level, end, TEXT_BYTES, &f->level->source,
			    message);
}

uint64_t lmhosts_files_place(const struct lmhosts_files *files,
			     const char **name)
{
	*name = files->level->name;
	return files->level->source.place;
}

/* ---- what is missing ---- */

static void miss(struct lmhosts_files *files, struct piece path,
		 const char *why)
{
	char text[PIECE_SHOWN];

	if (files->missing++ >= MISSING_MAX) {
		return;
	}
	tally_missing(files->end->tally, "line %llu%s%s: #INCLUDE %s: %s",
		      (unsigned long long)files->level->source.place,
		      files->level->name == NULL ? "" : " of ",
		      files->level->name == NULL ? "" : files->level->name,
		      piece_show(path, text), why);
}

static void remark(struct lmhosts_files *files, const char *what)
{
	if (files->missing++ < MISSING_MAX) {
		tally_remark(files->end->tally, "line %llu: %s",
			     (unsigned long long)files->level->source.place,
			     what);
	}
}

/* ---- finding a file ---- */

static bool append_part(char out[PATH_LEN], struct piece part)
{
	size_t len = strlen(out);

	if (part.len == 0 || piece_is(part, ".")) {
		return true;
	}
	if (piece_is(part, "..") || len + part.len + 2 > PATH_LEN ||
	    memchr(part.at, '\0', part.len) != NULL) {
		return false;
	}
	if (len > 0) {
		out[len++] = '/';
	}
	memcpy(out + len, part.at, part.len);
	out[len + part.len] = '\0';
	return true;
}

/* The path below the root; false: there is none. */
static bool below_root(struct piece path, char out[PATH_LEN])
{
	out[0] = '\0';
	while (path.len > 0) {
		size_t len = 0;
		struct piece part = path;

		while (len < path.len && path.at[len] != '\\' &&
		       path.at[len] != '/') {
			len++;
		}
		path = piece_skip(path, len + 1);
		part.len = len;
		if (part.len == 2 && part.at[1] == ':') {
			part.len = 1;
		}
		if (!append_part(out, part)) {
			return false;
		}
	}
	return out[0] != '\0';
}

/* A plain file below the root, or NULL. */
static FILE *open_below(const struct lmhosts_files *files, const char *name)
{
	char *path = talloc_asprintf(NULL, "%s/%s", files->root, name);
	int fd = path == NULL ? -1 :
		 open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	FILE *file = NULL;
	struct stat st;

	talloc_free(path);
	if (fd != -1 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		file = fdopen(fd, "r");
	}
	if (fd != -1 && file == NULL) {
		(void)close(fd);
	}
	return file;
}

static bool is_open(const struct lmhosts_files *files,
		    const struct level *level)
{
	const struct level *up = files->level;

	while (up != NULL && (up->inode != level->inode ||
			      up->device != level->device)) {
		up = up->up;
	}
	return up != NULL;
}

/* Go down into the file, if it is there. */
static enum found enter(struct lmhosts_files *files, const char *name)
{
	FILE *file = open_below(files, name);
	struct format_end end = *files->end;
	struct level *level = NULL;
	char *message = NULL;

	if (file == NULL) {
		return NOT_FOUND;
	}
	level = level_create(files, file);
	if (level == NULL) {
		(void)fclose(file);
		return NOT_FOUND;
	}
	level->file = end.file = file;
	level->name = talloc_strdup(level, name);
	if (is_open(files, level)) {
		talloc_free(level);
		return CIRCLE;
	}
	if (level->name == NULL ||
	    wintext_open(level, &end, TEXT_BYTES, &level->source,
			 &message) != 0) {
		talloc_free(level);
		return NOT_FOUND;
	}
	files->level = level;
	files->depth++;
	files->includes++;
	return FOUND;
}

static enum found include(struct lmhosts_files *files, struct piece path,
			  const char **why)
{
	char name[PATH_LEN];
	const char *last = NULL;
	enum found found = NOT_FOUND;

	*why = "it was not found below the folder of this file; put a copy "
	       "there";
	if (files->root == NULL) {
		*why = "standard input has no folder that it could be in";
		return NOT_FOUND;
	}
	if (files->depth == DEPTH_MAX || files->includes == INCLUDES_MAX) {
		*why = "too many files include each other";
		return NOT_FOUND;
	}
	if (piece_begins(path, "\"")) {
		path = piece_until(piece_skip(path, 1), '"',
				   &(struct piece) { NULL, 0 });
	}
	if (!below_root(path, name)) {
		*why = "the path is not followed";
		return NOT_FOUND;
	}
	found = enter(files, name);
	last = strrchr(name, '/');
	if (found == NOT_FOUND && last != NULL) {
		found = enter(files, last + 1);
		/* another machine's file of the same name */
		found = found == CIRCLE ? NOT_FOUND : found;
	}
	return found;
}

/* ---- directives ---- */

static void take_include(struct lmhosts_files *files, struct piece path)
{
	struct level *level = files->level;
	const char *why = NULL;
	enum found found = NOT_FOUND;

	if (level->alternates && level->had_one) {
		return;
	}
	found = include(files, path, &why);
	if (found == CIRCLE) {
		remark(files, "#INCLUDE of a file that is being read; it is "
		       "not read again");
	}
	level->had_one |= found != NOT_FOUND;
	if (found == NOT_FOUND && !level->alternates) {
		miss(files, path, why);
	}
}

static void end_alternates(struct lmhosts_files *files)
{
	struct level *level = files->level;

	if (level->alternates && !level->had_one) {
		level->source.place = level->begun;
		miss(files, piece_of("of #BEGIN_ALTERNATE"), "none of the "
		     "files was found below the folder of this file");
	}
	level->alternates = false;
}

static void take_directive(struct lmhosts_files *files,
			   enum lmhosts_kind kind,
			   const struct lmhosts_line *line)
{
	struct level *level = files->level;

	if (kind == LMHOSTS_INCLUDE) {
		take_include(files, line->path);
		return;
	}
	if ((kind == LMHOSTS_BEGIN) == level->alternates) {
		remark(files, "#BEGIN_ALTERNATE and #END_ALTERNATE do not "
		       "match");
	}
	if (kind == LMHOSTS_END || level->alternates) {
		uint64_t place = level->source.place;

		end_alternates(files);
		level->source.place = place;
	}
	if (kind == LMHOSTS_BEGIN) {
		level->alternates = true;
		level->had_one = false;
		level->begun = level->source.place;
	}
}

/* The end of a file: back to the one that included it. False: none did. */
static bool leave(struct lmhosts_files *files)
{
	struct level *level = files->level;

	if (level->alternates) {
		remark(files, "#BEGIN_ALTERNATE has no #END_ALTERNATE");
		end_alternates(files);
	}
	if (level->up == NULL) {
		if (files->missing > MISSING_MAX) {
			tally_missing(files->end->tally, "and %u more",
				      files->missing - MISSING_MAX);
			files->missing = 0;
		}
		return false;
	}
	files->level = level->up;
	files->depth--;
	talloc_free(level);
	return true;
}

int lmhosts_files_next(struct lmhosts_files *files, struct lmhosts_line *line,
		       struct piece *raw, char **message)
{
	for (;;) {
		enum lmhosts_kind kind = LMHOSTS_NOTHING;
		int ret = wintext_line(&files->level->source, raw, message);

		if (ret < 0 && files->level->name != NULL) {
			*message = talloc_asprintf(files, "%s: %s",
						   files->level->name,
						   *message);
		}
		if (ret < 0 || (ret == 0 && !leave(files))) {
			return ret;
		}
		if (ret == 0) {
			continue;
		}
		kind = lmhosts_line_parse(*raw, line);
		if (kind == LMHOSTS_ENTRY || kind == LMHOSTS_WRONG) {
			return 1;
		}
		if (kind != LMHOSTS_NOTHING) {
			take_directive(files, kind, line);
		}
	}
}
