/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reserve: a few megabytes that belong to nobody, so that a disk that is
 * full for all others still has room to bring into wins.tdb what was
 * acknowledged. Having to use it is the sign that no more may be promised.
 *
 * posix_fallocate and not a hole: room that is only promised is not there
 * when it is needed.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/disk_private.h"

int reserve_take(const char *path, uint64_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = 0;

	if (fd < 0) {
		return errno == EDQUOT ? ENOSPC : errno;
	}
	do {
		err = posix_fallocate(fd, 0, (off_t)size);
	} while (err == EINTR);
	close(fd);
	if (err != 0) {
		unlink(path);
	}
	return err == EDQUOT || err == EFBIG ? ENOSPC : err;
}

bool reserve_drop(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_size > 0 && unlink(path) == 0;
}
