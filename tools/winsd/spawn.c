/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * posix_spawn of an absolute path: no shell, no search in PATH, an argv as
 * given. The child gets the three descriptors it is meant to have and no
 * other, default signals, and (the process dropped its ambient capabilities)
 * no privilege.
 *
 * A pidfd and not SIGCHLD: it names this child alone, and the module's other
 * host may want SIGCHLD for itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "winsd/spawn.h"

struct child {
	pid_t pid;
	int pidfd;
	struct tevent_fd *fde;
	void (*done)(void *arg, int status);
	void *arg;
};

static int child_destroy(struct child *child)
{
	TALLOC_FREE(child->fde);
	if (child->pidfd != -1) {
		close(child->pidfd);
	}
	return 0;
}

static void child_ended(struct tevent_context *ev, struct tevent_fd *fde,
			uint16_t flags, void *arg)
{
	struct child *child = talloc_get_type_abort(arg, struct child);
	void (*done)(void *arg, int status) = child->done;
	void *done_arg = child->arg;
	int status = 0;

	(void)ev;
	(void)fde;
	(void)flags;
	if (waitpid(child->pid, &status, WNOHANG) == 0) {
		return;
	}
	talloc_free(child);
	done(done_arg, status);
}

/*
 * Out of the way of 0, 1 and 2 first, so that no dup2 in the child covers a
 * descriptor that a later one still needs.
 */
static int copy_fds(const int fds[3], int copy[3])
{
	int i;

	for (i = 0; i < 3; i++) {
		copy[i] = fds[i] == -1 ? open("/dev/null", O_RDWR | O_CLOEXEC) :
			  fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		if (copy[i] == -1) {
			return errno;
		}
	}
	return 0;
}

static void close_fds(const int copy[3])
{
	int i;

	for (i = 0; i < 3; i++) {
		if (copy[i] != -1) {
			close(copy[i]);
		}
	}
}

static int set_actions(posix_spawn_file_actions_t *actions, const int copy[3])
{
	int ret = 0;
	int i;

	for (i = 0; i < 3 && ret == 0; i++) {
		ret = posix_spawn_file_actions_adddup2(actions, copy[i], i);
	}
	return ret;
}

static int set_signals(posix_spawnattr_t *attr)
{
	sigset_t none;
	sigset_t all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &all);
	return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
					POSIX_SPAWN_SETSIGDEF);
}

static int run(const char *const argv[], const int fds[3], pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int copy[3] = { -1, -1, -1 };
	int ret;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	ret = copy_fds(fds, copy);
	if (ret == 0) {
		ret = set_actions(&actions, copy);
	}
	if (ret == 0) {
		ret = set_signals(&attr);
	}
	if (ret == 0) {
		ret = posix_spawn(pid, argv[0], &actions, &attr,
				  (char *const *)(uintptr_t)argv, environ);
	}
	close_fds(copy);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return ret;
}

int spawn_start(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		const char *const argv[], const int fds[3],
		void (*done)(void *arg, int status), void *arg)
{
	struct child *child = NULL;
	int ret;

	if (argv[0] == NULL || argv[0][0] != '/') {
		return EINVAL;
	}
	child = talloc_zero(mem_ctx, struct child);
	if (child == NULL) {
		return ENOMEM;
	}
	child->pidfd = -1;
	child->done = done;
	child->arg = arg;
	talloc_set_destructor(child, child_destroy);
	ret = run(argv, fds, &child->pid);
	if (ret == 0) {
		child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
		child->fde = tevent_add_fd(ev, child, child->pidfd,
					   TEVENT_FD_READ, child_ended, child);
		if (child->fde == NULL) {
			ret = ENOMEM;
			kill(child->pid, SIGKILL);
			waitpid(child->pid, NULL, 0);
		}
	}
	if (ret != 0) {
		talloc_free(child);
	}
	return ret;
}
