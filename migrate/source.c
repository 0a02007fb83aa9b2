/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening a source, see source.h.
 *
 * A format is found by what the first bytes say, not by the name, but formats
 * see both. A regular file is looked into without moving in it; what comes
 * through a pipe cannot be put back, so a pipe is read through a stream of
 * ours that gives its first bytes again. That stream waits in poll(), which a
 * signal always ends: Ctrl-C at a pipe that says nothing stops us, while reads
 * and writes elsewhere go on and leave whole rows.
 */
#include "migrate/source.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/tool.h"
#include "migrate/pump.h"

static int source_destructor(struct source *source)
{
	char *message = NULL;

	if (source->priv != NULL) {
		(void)source->ops->close(source->priv, &message);
		source->priv = NULL;
	}
	if (source->file != NULL) {
		(void)fclose(source->file);
		source->file = NULL;
	}
	return 0;
}

/* ---- a pipe whose first bytes were looked at ---- */

struct pipe {
	int fd;
	size_t at, len;			/* in head */
	uint8_t head[FORMAT_HEAD];
};

/*
 * Ctrl-C is kept away but while we wait: come between the look at the flag and
 * the waiting, it would be forgotten.
 */
static ssize_t wait_read(int fd, void *buf, size_t size)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	sigset_t before;
	int ready = -1;

	pump_hold_interrupt(&before);
	do {
		errno = EINTR;
		ready = pump_interrupted() ? -1 :
			ppoll(&pollfd, 1, NULL, &before);
	} while (ready == -1 && errno == EINTR && !pump_interrupted());
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return ready == -1 ? -1 : read(fd, buf, size);
}

static ssize_t pipe_read(void *cookie, char *buf, size_t size)
{
	struct pipe *pipe = cookie;

	if (pipe->at == pipe->len) {
		return wait_read(pipe->fd, buf, size);
	}
	if (size > pipe->len - pipe->at) {
		size = pipe->len - pipe->at;
	}
	memcpy(buf, pipe->head + pipe->at, size);
	pipe->at += size;
	return (ssize_t)size;
}

static int pipe_close(void *cookie)
{
	struct pipe *pipe = cookie;

	close(pipe->fd);
	talloc_free(pipe);
	return 0;
}

/* Takes the descriptor; head: what it begins with. */
static FILE *open_pipe(struct source *source, int fd,
		       struct format_head *head)
{
	struct pipe *pipe = talloc_zero(source->mem_ctx, struct pipe);
	FILE *file = NULL;
	ssize_t got = 1;

	if (pipe == NULL) {
		close(fd);
		return NULL;
	}
	pipe->fd = fd;
	while (got > 0 && pipe->len < sizeof(pipe->head)) {
		got = wait_read(fd, pipe->head + pipe->len,
				sizeof(pipe->head) - pipe->len);
		pipe->len += got > 0 ? (size_t)got : 0;
	}
	head->data = pipe->head;
	head->len = pipe->len;
	file = got < 0 ? NULL : fopencookie(pipe, "r",
			(cookie_io_functions_t) {
		.read = pipe_read,
		.close = pipe_close,
	});
	if (file == NULL) {
		(void)pipe_close(pipe);
	}
	return file;
}

/* ---- looking at it ---- */

static bool has_scheme(const char *path)
{
	size_t len = 0;

	while (isalnum((unsigned char)path[len]) || path[len] == '.') {
		len++;
	}
	return len > 1 && path[len] == ':' &&
	       (path[len + 1] == '\0' || strncmp(path + len, "://", 3) == 0);
}

/* The last part in lower case; "" if memory is out. */
static const char *last_part(TALLOC_CTX *mem_ctx, const char *path)
{
	char *name = talloc_strdup(mem_ctx, path);
	char *slash = NULL;

	for (char *p = name; p != NULL && *p != '\0'; p++) {
		*p = (char)tolower((unsigned char)*p);
		if (p[0] == '/' && p[1] != '\0' && p[1] != '/') {
			slash = p;
		}
	}
	return name == NULL ? "" : slash != NULL ? slash + 1 : name;
}

static FILE *open_regular(struct source *source, int fd, uint64_t size,
			  struct format_head *head)
{
	uint8_t *data = talloc_size(source->mem_ctx, FORMAT_HEAD);
	ssize_t got = data == NULL ? -1 : pread(fd, data, FORMAT_HEAD, 0);
	FILE *file = got < 0 ? NULL : fdopen(fd, "r");

	if (file == NULL) {
		close(fd);
		return NULL;
	}
	head->data = data;
	head->len = (size_t)got;
	source->size = size;
	return file;
}

static int look_failed(const struct source *source)
{
	int error = errno;

	if (pump_interrupted()) {
		return TOOL_FAILED;
	}
	tool_say("%s: %s", source->path, strerror(error));
	return error == ENOENT ? TOOL_NOT_FOUND : TOOL_FAILED;
}

/* Fill the head, and the file if it is one. */
static int look(struct source *source, struct format_head *head)
{
	bool is_stdin = strcmp(source->path, "-") == 0;
	int fd = is_stdin ? fcntl(0, F_DUPFD_CLOEXEC, 3) :
			    open(source->path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd == -1) {
		return look_failed(source);
	}
	if (fstat(fd, &st) != 0) {
		close(fd);
		return look_failed(source);
	}
	if (S_ISDIR(st.st_mode)) {
		head->is_folder = true;
		close(fd);
		return TOOL_OK;
	}
	source->file = S_ISREG(st.st_mode) ?
		open_regular(source, fd, (uint64_t)st.st_size, head) :
		open_pipe(source, fd, head);
	if (source->file == NULL) {
		return look_failed(source);
	}
	if (head->len == 0) {
		/* of whatever format: a copy that went wrong is no success */
		tool_say("%s is empty: nothing was read", source->path);
		return TOOL_FAILED;
	}
	return TOOL_OK;
}

/* ---- which format ---- */

static int say_unknown(const char *name)
{
	const char *names[64] = { NULL };
	const char *near = NULL;

	for (unsigned int i = 0; formats[i] != NULL && i < 63; i++) {
		names[i] = formats[i]->name;
	}
	near = tool_nearest(name, names);
	tool_say("there is no format '%s'%s%s%s; 'winsmigrate formats' lists "
		 "them", name, near != NULL ? ", did you mean '" : "",
		 near != NULL ? near : "", near != NULL ? "'?" : "");
	return TOOL_USAGE;
}

int format_choose(const char *name, enum format_flag way,
		  const struct format_ops **ops)
{
	*ops = format_find(name);
	if (*ops == NULL) {
		return say_unknown(name);
	}
	if (((*ops)->flags & way) == 0) {
		tool_say("format '%s' can only be %s", name,
			 way == FORMAT_READS ? "written" : "read");
		return TOOL_USAGE;
	}
	return TOOL_OK;
}

static int find_format(struct source *source, const char *name,
		       const struct format_head *head)
{
	if (name == NULL) {
		source->ops = format_probe(head);
		if (source->ops == NULL) {
			tool_say("%s: no format that is known here; -f NAME "
				 "says which it is ('winsmigrate formats' "
				 "lists them)", source->path);
			return TOOL_FAILED;
		}
		tool_debug(1, "%s: format %s", source->path,
			   source->ops->name);
	} else {
		int status = format_choose(name, FORMAT_READS, &source->ops);

		if (status != TOOL_OK) {
			return status;
		}
	}
	if ((source->ops->flags & FORMAT_PATH) != 0) {
		if (source->file != NULL) {
			(void)fclose(source->file);
			source->file = NULL;
		}
		source->size = 0;
		if (strcmp(source->path, "-") == 0) {
			tool_say("format '%s' needs a path, not a stream",
				 source->ops->name);
			return TOOL_USAGE;
		}
	} else if (source->file == NULL) {
		tool_say("%s: format '%s' is a file's", source->path,
			 source->ops->name);
		return TOOL_USAGE;
	}
	return TOOL_OK;
}

/* ---- the interface ---- */

static int open_failed(const struct source *source, int error,
		       const char *message)
{
	if (pump_interrupted()) {
		return TOOL_FAILED;
	}
	tool_say("%s: %s", source->shown,
		 message != NULL ? message : strerror(error));
	switch (error) {
	case ENOENT:
		return TOOL_NOT_FOUND;
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ETIMEDOUT:
		return TOOL_UNREACHABLE;
	case EBUSY:
		return TOOL_REFUSED;
	default:
		return TOOL_FAILED;
	}
}

/* Of a folder, an address or an empty file: readers need not ask. */
static const uint8_t nothing[1];

int source_open(TALLOC_CTX *mem_ctx, const char *path, const char *name,
		const struct format_options *format_options,
		struct tally *tally, struct source **source)
{
	struct source *s = talloc_zero(mem_ctx, struct source);
	struct format_head head = { .path = path, .data = nothing };
	struct format_end end = { .path = path };
	char *message = NULL;
	int status = TOOL_OK;
	int ret = 0;

	if (s == NULL) {
		tool_say("out of memory");
		return TOOL_FAILED;
	}
	s->path = path;
	s->mem_ctx = s;
	s->shown = talloc_strndup(s, path, strlen(path) -
				  (strcmp(path, "winsd:") == 0));
	if (s->shown == NULL) {
		talloc_free(s);
		return TOOL_FAILED;
	}
	talloc_set_destructor(s, source_destructor);
	head.name = last_part(s, path);
	status = has_scheme(path) ? TOOL_OK : look(s, &head);
	if (status == TOOL_OK) {
		status = find_format(s, name, &head);
	}
	if (status != TOOL_OK) {
		talloc_free(s);
		return status;
	}
	end.file = s->file;
	end.options = format_options;
	end.tally = tally;
	ret = s->ops->open(s, &end, false, &s->priv, &message);
	if (ret != 0) {
		status = open_failed(s, ret, message);
		s->priv = NULL;
		talloc_free(s);
		return status;
	}
	*source = s;
	return TOOL_OK;
}

enum format_step source_next(struct source *source, struct tally *tally,
			     struct row *row)
{
	enum format_step step = FORMAT_SKIPPED;

	source->message = NULL;
	step = source->ops->next(source->priv, row, &source->message);
	if (step == FORMAT_ROW) {
		tally_read(tally, row);
	}
	return step;
}

uint64_t source_position(const struct source *source)
{
	off_t at = source->file != NULL ? ftello(source->file) : -1;

	return at < 0 ? 0 : (uint64_t)at;
}
