/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log of winsd, see log.h. One line has time, level and text:
 *
 *	2026-03-01 10:11:12.345 warning: text
 *
 * Under systemd's journal, which has a clock of its own and reads a priority
 * in angle brackets, it is "<4>text". Control characters are not written as
 * they are: a NetBIOS name may hold any byte, and a log that is read on a
 * terminal must not be able to type there.
 *
 * There is one log per process, so its state is the one static struct of the
 * program.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "winsd/log.h"

#define LINE_MAX_HERE	1024
#define REPEAT_SECONDS	60	/* the count is told at least this often */

enum log_target {
	TO_STDERR,
	TO_FILE,
	TO_SYSLOG,
};

static struct {
	enum log_target target;
	char *path;
	int fd;			/* of the file */
	bool echo;
	unsigned int repeats;	/* of the last line, not written */
	time_t since;		/* monotonic, of its last writing */
	int last_level;
	char last[LINE_MAX_HERE];
} the_log = { .fd = -1 };

static const char *level_name(int level)
{
	if (level <= NB_LOG_ERROR) {
		return "error";
	}
	if (level == NB_LOG_WARNING) {
		return "warning";
	}
	if (level == NB_LOG_NOTICE) {
		return "notice";
	}
	return level <= NB_LOG_INFO ? "info" : "debug";
}

static int level_priority(int level)
{
	if (level <= NB_LOG_ERROR) {
		return LOG_ERR;
	}
	if (level == NB_LOG_WARNING) {
		return LOG_WARNING;
	}
	if (level == NB_LOG_NOTICE) {
		return LOG_NOTICE;
	}
	return level <= NB_LOG_INFO ? LOG_INFO : LOG_DEBUG;
}

static void write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n <= 0 && errno != EINTR) {
			return;		/* a log that is full stops nobody */
		}
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
}

static void write_stamped(int fd, int level, const char *line)
{
	char text[LINE_MAX_HERE + 64];
	struct timespec now = {0};
	struct tm tm = {0};
	size_t used = 0;
	int len;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	used = strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	len = snprintf(text + used, sizeof(text) - used, ".%03ld %s: %s\n",
		       now.tv_nsec / 1000000, level_name(level), line);
	write_all(fd, text, used + (size_t)len);
}

/* systemd says in JOURNAL_STREAM which device and inode the journal is. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device = 0;
	uintmax_t inode = 0;
	struct stat st;

	return stream != NULL &&
	       sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
	       st.st_ino == inode;
}

static void write_stderr(int level, const char *line)
{
	char text[LINE_MAX_HERE + 8];
	int len;

	if (!stderr_is_journal()) {
		write_stamped(STDERR_FILENO, level, line);
		return;
	}
	len = snprintf(text, sizeof(text), "<%d>%s\n", level_priority(level),
		       line);
	write_all(STDERR_FILENO, text, (size_t)len);
}

static void write_line(int level, const char *line)
{
	if (the_log.target == TO_FILE) {
		write_stamped(the_log.fd, level, line);
	} else if (the_log.target == TO_SYSLOG) {
		syslog(level_priority(level), "%s", line);
	}
	if (the_log.target == TO_STDERR || the_log.echo) {
		write_stderr(level, line);
	}
}

static time_t now_monotonic(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void tell_repeats(void)
{
	char line[64];

	if (the_log.repeats == 0) {
		return;
	}
	snprintf(line, sizeof(line), "(the line above came %u times more)",
		 the_log.repeats);
	write_line(the_log.last_level, line);
	the_log.repeats = 0;
}

/* Cut and made printable; UTF-8 stays as it is. */
static void clean_copy(char *to, const char *from)
{
	size_t n = 0;

	for (; *from != '\0' && n + 1 < LINE_MAX_HERE; from++) {
		unsigned char c = (unsigned char)*from;

		to[n++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	to[n] = '\0';
}

void log_line(int level, const char *text)
{
	char line[LINE_MAX_HERE];
	time_t now = now_monotonic();

	clean_copy(line, text);
	if (strcmp(line, the_log.last) == 0 &&
	    now - the_log.since < REPEAT_SECONDS) {
		the_log.repeats++;
		return;
	}
	tell_repeats();
	the_log.last_level = level;
	the_log.since = now;
	memcpy(the_log.last, line, sizeof(line));
	write_line(level, line);
}

void log_printf(int level, const char *format, ...)
{
	char line[LINE_MAX_HERE];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	log_line(level, line);
}

static int open_file(const char *path, int *fd)
{
	*fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
		   0640);
	return *fd == -1 ? errno : 0;
}

void log_to_syslog(void)
{
	openlog("winsd", LOG_PID, LOG_DAEMON);
	the_log.target = TO_SYSLOG;
}

int log_to_file(const char *path)
{
	char *copy = strdup(path);
	int fd = -1;
	int ret;

	if (copy == NULL) {
		return ENOMEM;
	}
	ret = open_file(path, &fd);
	if (ret != 0) {
		free(copy);
		return ret;
	}
	log_close();
	the_log.path = copy;
	the_log.fd = fd;
	the_log.target = TO_FILE;
	return 0;
}

void log_reopen(void)
{
	int fd = -1;

	if (the_log.target == TO_FILE && open_file(the_log.path, &fd) == 0) {
		tell_repeats();
		close(the_log.fd);
		the_log.fd = fd;
	}
}

void log_echo(bool on)
{
	the_log.echo = on;
}

void log_close(void)
{
	tell_repeats();
	if (the_log.fd != -1) {
		close(the_log.fd);
	}
	free(the_log.path);
	the_log.path = NULL;
	the_log.fd = -1;
	the_log.last[0] = '\0';
	the_log.target = TO_STDERR;
}
