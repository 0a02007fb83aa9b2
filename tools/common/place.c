/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose files they are, and the lock, see place.h.
 *
 * The tool is mostly run by root, the server mostly not: a file or a lock that
 * root left behind would keep the server from starting. The lock directory may
 * be missing altogether, as service managers remove it with the service.
 */
#include "common/place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/tool.h"
#include "store/store.h"

static int failed(const char *path, int error)
{
	tool_say("%s: %s", path, strerror(error));
	return TOOL_FAILED;
}

/* Only root can; for others everything is their own anyway. */
static int give(const struct place *place, const char *path)
{
	return geteuid() != 0 || lchown(path, place->uid, place->gid) == 0 ?
	       0 : errno;
}

static int take_lock(TALLOC_CTX *mem_ctx, const struct place *place,
		     const char *path)
{
	bool is_new = access(path, F_OK) != 0;
	char *message = NULL;
	int ret = store_lock(mem_ctx, path, &message);

	if (ret == EWOULDBLOCK) {
		tool_say("%s; stop it first: winsctl server stop", message);
		return TOOL_REFUSED;
	}
	if (ret != 0) {
		tool_say("%s", message != NULL ? message : strerror(ret));
		return TOOL_FAILED;
	}
	ret = is_new ? give(place, path) : 0;
	return ret == 0 ? TOOL_OK : failed(path, ret);
}

int place_take(TALLOC_CTX *mem_ctx, const struct tool_places *places,
	       struct place *place)
{
	const char *lock = places->lock_directory;
	char *path = talloc_asprintf(mem_ctx, "%s/winsd.lock", lock);
	struct stat st;

	if (path == NULL) {
		return failed(lock, ENOMEM);
	}
	if (stat(places->state_directory, &st) != 0) {
		return failed(places->state_directory, errno);
	}
	*place = (struct place) { .uid = st.st_uid, .gid = st.st_gid };
	if (mkdir(lock, 0755) == 0) {
		int ret = give(place, lock);

		if (ret != 0) {
			return failed(lock, ret);
		}
	} else if (errno != EEXIST) {
		return failed(lock, errno);
	}
	return take_lock(mem_ctx, place, path);
}

/*
 * By descriptor: who owns the directory could put a link there, and root would
 * give away what it points to.
 */
int place_give(const struct place *place, const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int ret = fd == -1 ? errno : 0;

	if (ret == 0 && geteuid() == 0 &&
	    fchown(fd, place->uid, place->gid) != 0) {
		ret = errno;
	}
	if (ret == 0 && fchmod(fd, 0600) != 0) {
		ret = errno;
	}
	if (fd != -1) {
		close(fd);
	}
	return ret;
}
