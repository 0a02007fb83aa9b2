/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Daemon mode, see daemon.h. A pipe joins the two processes; one byte on it
 * means that the service runs, its end without a byte that the child ended,
 * and then its exit code is ours. Until then the child writes errors to the
 * terminal, where somebody is looking.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "winsd/daemon.h"
#include "winsd/options.h"

static int ready_fd = -1;

static void wait_for_child(pid_t pid, int fd)
{
	char byte = 0;
	ssize_t got;
	int status = 0;

	do {
		got = read(fd, &byte, 1);
	} while (got == -1 && errno == EINTR);
	if (got == 1) {
		_exit(TOOL_OK);
	}
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	    WEXITSTATUS(status) != 0) {
		_exit(WEXITSTATUS(status));
	}
	_exit(TOOL_FAILED);
}

int daemon_fork(void)
{
	int pipe_fd[2] = { -1, -1 };
	pid_t pid;

	if (pipe2(pipe_fd, O_CLOEXEC) != 0) {
		return errno;
	}
	pid = fork();
	if (pid == -1) {
		return errno;
	}
	if (pid > 0) {
		close(pipe_fd[1]);
		wait_for_child(pid, pipe_fd[0]);
	}
	close(pipe_fd[0]);
	ready_fd = pipe_fd[1];
	setsid();
	return chdir("/") == 0 ? 0 : errno;
}

void daemon_ready(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	ssize_t ignored;

	if (null != -1) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		close(null);
	}
	ignored = write(ready_fd, "", 1);
	(void)ignored;
	close(ready_fd);
	ready_fd = -1;
}
