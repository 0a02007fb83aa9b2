/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LOCK/winsd.lock: one process at a time works on a state directory, be it
 * the server or an offline tool (design.md 4.4).
 *
 * flock() and not fcntl(): it belongs to the open file, so it survives what a
 * library in this process may close, and it ends with the process however it
 * dies. The pid inside is for people and for the message only; nobody believes
 * it. The file is never unlinked, as that would let two processes lock two
 * files of one name.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/store.h"

struct lock {
	int fd;
};

static int lock_release(struct lock *lock)
{
	if (lock->fd >= 0) {
		close(lock->fd);
	}
	return 0;
}

/* What the holder wrote: digits only, whatever is in the file. */
static void read_pid(int fd, char *pid, size_t size)
{
	ssize_t len = pread(fd, pid, size - 1, 0);

	pid[len > 0 ? len : 0] = '\0';
	pid[strspn(pid, "0123456789")] = '\0';
}

static int take(struct lock *lock, TALLOC_CTX *mem_ctx, const char *path,
		char **message)
{
	char pid[32];
	int err = 0;

	lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (lock->fd < 0) {
		err = errno;
		*message = talloc_asprintf(mem_ctx, "%s: %s", path,
					   strerror(err));
		return err;
	}
	if (flock(lock->fd, LOCK_EX | LOCK_NB) == 0) {
		return 0;
	}
	err = errno;
	if (err != EWOULDBLOCK) {
		*message = talloc_asprintf(mem_ctx, "%s: cannot be locked: %s",
					   path, strerror(err));
		return err;
	}
	read_pid(lock->fd, pid, sizeof(pid));
	*message = talloc_asprintf(
		mem_ctx, "%s is held by process %s: a server or a tool is "
		"working on this database", path, *pid != '\0' ? pid : "?");
	return err;
}

int store_lock(TALLOC_CTX *mem_ctx, const char *path, char **message)
{
	struct lock *lock = talloc_zero(mem_ctx, struct lock);
	int err = 0;

	*message = NULL;
	if (lock == NULL) {
		return ENOMEM;
	}
	lock->fd = -1;
	talloc_set_destructor(lock, lock_release);
	err = take(lock, mem_ctx, path, message);
	if (err != 0) {
		talloc_free(lock);
		return err;
	}
	/* a full disk must not keep anybody from locking: the pid is a hint */
	if (ftruncate(lock->fd, 0) == 0 &&
	    dprintf(lock->fd, "%ld\n", (long)getpid()) < 0) {
		return 0;
	}
	return 0;
}
