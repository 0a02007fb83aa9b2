/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parent's end of the ESE reader: starting the child, reading frames, and
 * the many ways in which a child ends.
 *
 * The child is forked, not run: it needs nothing of ours but the descriptors,
 * and closes all others first. It ends by _exit(2), so that no buffer of
 * ours is written twice. Whoever gives up on a child kills it, and waits for
 * it, by talloc_free().
 *
 * Memory here is one buffer of a frame's greatest size; nothing that the child
 * says makes it grow, and how much it may say is bounded by the file's size: a
 * row takes a few bytes of a page.
 */
#include "migrate/ese/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char nonsense[] = "the process that reads it made no sense";

struct ese_child {
	pid_t pid;		/* 0: it was waited for */
	int pipe;
	int patience;
	uint64_t rows_left;	/* more than the file can hold: a lie */
	uint64_t row;		/* of the table: for messages */
	struct ese_stream stream;
	struct ese_catalog catalog;
	struct ese_frame frame;
	size_t begin;		/* of what is not parsed yet */
	size_t end;
	uint8_t data[2 * ESE_FRAME_MAX];
};

/* ---- the child ---- */

static bool take_descriptors(int file, int out)
{
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	int high_file = fcntl(file, F_DUPFD, ESE_CHILD_PIPE + 1);
	int high_out = fcntl(out, F_DUPFD, ESE_CHILD_PIPE + 1);

	if (nowhere < 0 || high_file < 0 || high_out < 0 ||
	    dup2(nowhere, 0) != 0 || dup2(nowhere, 1) != 1 ||
	    (!ESE_WATCHED && dup2(nowhere, 2) != 2) ||
	    dup2(high_file, ESE_CHILD_FILE) != ESE_CHILD_FILE ||
	    dup2(high_out, ESE_CHILD_PIPE) != ESE_CHILD_PIPE) {
		return false;
	}
	closefrom(ESE_CHILD_PIPE + 1);
	return true;
}

/*
 * None of the parent's handlers runs here. Ctrl-C reaches both of us: what it
 * means is the parent's to say.
 */
static void reset_signals(void)
{
	for (int number = 1; number < NSIG && !ESE_WATCHED; number++) {
		(void)signal(number, SIG_DFL);
	}
	(void)signal(SIGINT, SIG_IGN);
}

struct job {
	int file;
	uint64_t size;
	void (*work)(uint32_t table);
	uint32_t table;
	pid_t parent;
	const struct ese_limits *limits;
};

__attribute__((noreturn)) static void be_child(const struct job *job, int out)
{
	const char *why = NULL;

	reset_signals();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != job->parent ||
	    !take_descriptors(job->file, out)) {
		_exit(1);
	}
	if (!ese_library_ready(ESE_CHILD_FILE, job->size, ESE_CHILD_PIPE)) {
		ese_library_refuse("libesedb has not brought libbfio along");
	} else if (!ese_sandbox_enter(job->limits, ESE_CHILD_FILE,
				      ESE_CHILD_PIPE, &why)) {
		ese_library_refuse(why);
	} else {
		job->work(job->table);
	}
	_exit(0);
}

/* ---- the parent ---- */

static int reap(struct ese_child *child)
{
	int status = 0;

	if (child->pid == 0) {
		return 0;
	}
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
	}
	child->pid = 0;
	return status;
}

static int child_destructor(struct ese_child *child)
{
	if (child->pid != 0) {
		(void)kill(child->pid, SIGKILL);
		(void)reap(child);
	}
	(void)close(child->pipe);
	return 0;
}

static char *errno_message(TALLOC_CTX *mem_ctx, const char *what, int error)
{
	return talloc_asprintf(mem_ctx, "%s: %s", what, strerror(error));
}

static int fork_child(struct ese_child *child, const struct job *job)
{
	int ends[2] = { -1, -1 };
	int ret = 0;

	if (pipe2(ends, O_CLOEXEC) != 0) {
		return errno;
	}
	child->pid = fork();
	if (child->pid == 0) {
		be_child(job, ends[1]);
	}
	ret = child->pid < 0 ? errno : 0;
	(void)close(ends[1]);
	if (ret != 0) {
		(void)close(ends[0]);
		return ret;
	}
	child->pipe = ends[0];
	talloc_set_destructor(child, child_destructor);
	return 0;
}

int ese_child_run(TALLOC_CTX *mem_ctx, int file, void (*work)(uint32_t table),
		  uint32_t table, const struct ese_limits *limits,
		  struct ese_child **child, char **message)
{
	struct ese_child *made = talloc_zero(mem_ctx, struct ese_child);
	struct stat st = { .st_size = 0 };
	int ret = made == NULL ? ENOMEM : fstat(file, &st) != 0 ? errno : 0;

	if (ret == 0) {
		const struct job job = {
			.file = file,
			.size = (uint64_t)st.st_size,
			.work = work,
			.table = table,
			.parent = getpid(),
			.limits = limits,
		};

		made->stream.catalog = &made->catalog;
		made->patience = limits->patience;
		made->rows_left = job.size / 4;
		ret = fork_child(made, &job);
	}
	if (ret != 0) {
		*message = errno_message(mem_ctx, "no process to read it", ret);
		talloc_free(made);
		return ret;
	}
	*child = made;
	return 0;
}

int ese_child_start(TALLOC_CTX *mem_ctx, int file, uint32_t table,
		    const struct ese_limits *limits, struct ese_child **child,
		    char **message)
{
	return ese_child_run(mem_ctx, file, ese_library_read, table, limits,
			     child, message);
}

const struct ese_catalog *ese_child_catalog(const struct ese_child *child)
{
	return &child->catalog;
}

uint32_t ese_child_table(const struct ese_child *child)
{
	return child->stream.table;
}

/* ---- how it ended ---- */

/* Where it was: "table \"names\", row 12". */
static char *place_text(struct ese_child *child)
{
	if (child->stream.rows) {
		return talloc_asprintf(
			child, "table \"%s\", row %llu",
			child->catalog.table[child->stream.table].name,
			(unsigned long long)child->row + 1);
	}
	return talloc_strdup(child, "the catalog");
}

static const char *death_text(struct ese_child *child, int status)
{
	if (!WIFSIGNALED(status)) {
		return talloc_asprintf(child, "the process that reads it ended "
				       "early (status %d)",
				       WEXITSTATUS(status));
	}
	switch (WTERMSIG(status)) {
	case SIGXCPU:
	case SIGKILL:
		return "reading it took longer, or more memory, than its size "
		       "allows";
	case SIGSYS:
		return "reading it led to a system call that was not allowed";
	default:
		return talloc_asprintf(child, "the library that reads it died "
				       "of signal %d (%s)", WTERMSIG(status),
				       strsignal(WTERMSIG(status)));
	}
}

static enum ese_next failed(struct ese_child *child, const char *what,
			    char **message)
{
	*message = talloc_asprintf(child, "%s; it came as far as %s",
				   what, place_text(child));
	return ESE_NEXT_FAILED;
}

/* It has spoken nonsense, or is silent: no more of it. */
static enum ese_next give_up(struct ese_child *child, const char *what,
			     char **message)
{
	(void)kill(child->pid, SIGKILL);
	(void)reap(child);
	return failed(child, what, message);
}

/* ---- frames ---- */

/* 1: more bytes, 0: the end, -1: nothing came in time, or an error. */
static int fill(struct ese_child *child)
{
	struct pollfd wait = { .fd = child->pipe, .events = POLLIN };
	ssize_t got = 0;
	int ready = 0;

	if (child->begin > 0) {
		memmove(child->data, child->data + child->begin,
			child->end - child->begin);
		child->end -= child->begin;
		child->begin = 0;
	}
	do {
		ready = poll(&wait, 1, child->patience);
	} while (ready < 0 && errno == EINTR);
	if (ready <= 0) {
		return -1;
	}
	do {
		got = read(child->pipe, child->data + child->end,
			   sizeof(child->data) - child->end);
	} while (got < 0 && errno == EINTR);
	if (got > 0) {
		child->end += (size_t)got;
	}
	return got > 0 ? 1 : (int)got;
}

/* 1: a frame is there; 0: the child's end without one; -1: see *what. */
static int next_frame(struct ese_child *child, const char **what)
{
	for (;;) {
		size_t used = 0;
		int got = ese_frame_parse(child->data + child->begin,
					  child->end - child->begin,
					  &child->frame, &used);

		if (got > 0) {
			child->begin += used;
			return 1;
		}
		if (got < 0) {
			*what = nonsense;
			return got;
		}
		got = fill(child);
		if (got <= 0) {
			*what = "the process that reads it does not answer";
			return got;
		}
	}
}

static bool counts(struct ese_child *child)
{
	switch (child->frame.kind) {
	case ESE_OPEN:
		child->row = 0;
		return true;
	case ESE_ROW:
	case ESE_BAD_ROW:
		child->row++;
		return child->rows_left-- > 0;
	default:
		return true;
	}
}

enum ese_next ese_child_next(struct ese_child *child,
			     const struct ese_frame **frame, char **message)
{
	const char *what = NULL;

	for (;;) {
		int got = next_frame(child, &what);

		if (got == 0) {
			return failed(child, death_text(child, reap(child)),
				      message);
		}
		if (got < 0) {
			return give_up(child, what, message);
		}
		if (!ese_stream_take(&child->stream, &child->frame) ||
		    !counts(child)) {
			return give_up(child, nonsense, message);
		}
		switch (child->frame.kind) {
		case ESE_ROW:
		case ESE_BAD_ROW:
			*frame = &child->frame;
			return ESE_NEXT_ROW;
		case ESE_FAILED:
			return failed(child, child->frame.text, message);
		case ESE_DONE:
			return ESE_NEXT_END;
		default:
			break;
		}
	}
}
