/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Socket file and peers (design.md 4.4).
 *
 * The socket gets its mode before it has a name (fchmod before bind), so there
 * is no moment in which somebody else could connect, and umask, which belongs
 * to all threads, is left alone. It is bound as 0600 and opened to a group
 * afterwards. A file has one group; where read and admin group differ the
 * second enters by a POSIX access list, written in the kernel's own format.
 * Rejected: mode 0666 with the check of credentials alone, for then anybody
 * may fill the table of clients.
 *
 * Groups of a peer are those its process has (SO_PEERGROUPS), which is what
 * the kernel judged the file's mode by. Rejected: getgrouplist() by user id;
 * it may ask a directory server over the network while nobody is served, and
 * a name service that resolves through WINS would wait for us.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "net/control_socket.h"

#define BACKLOG 64
#define GROUPS_MAX 1024		/* of one process that are looked at */

static int failed(TALLOC_CTX *mem_ctx, char **message, int error,
		  const char *what, const char *path)
{
	*message = talloc_asprintf(mem_ctx, "control socket %s: %s: %s", path,
				   what, strerror(error));
	return error;
}

static int find_group(TALLOC_CTX *mem_ctx, const char *name, gid_t *gid,
		      char **message)
{
	struct group entry = { .gr_name = NULL };
	struct group *found = NULL;
	size_t size = 65536;
	char *buf = NULL;
	int ret = 0;

	*gid = CONTROL_NO_GROUP;
	if (name == NULL || name[0] == '\0') {
		return 0;
	}
	buf = talloc_size(mem_ctx, size);
	if (buf == NULL) {
		return ENOMEM;
	}
	ret = getgrnam_r(name, &entry, buf, size, &found);
	if (ret == 0 && found == NULL) {
		ret = ENOENT;
	}
	if (ret != 0) {
		*message = talloc_asprintf(mem_ctx, "group '%s' for the "
					   "control socket: %s", name,
					   ret == ENOENT ? "no such group" :
							   strerror(ret));
	} else {
		*gid = found->gr_gid;
	}
	talloc_free(buf);
	return ret;
}

int control_groups_find(TALLOC_CTX *mem_ctx, const char *read_group,
			const char *admin_group, struct control_groups *groups,
			char **message)
{
	int ret = find_group(mem_ctx, read_group, &groups->read, message);

	if (ret != 0) {
		return ret;
	}
	return find_group(mem_ctx, admin_group, &groups->admin, message);
}

/* ---- the file ---- */

static int remove_stale(TALLOC_CTX *mem_ctx, const char *path, char **message)
{
	struct stat st;

	if (lstat(path, &st) != 0) {
		return errno == ENOENT ? 0 :
		       failed(mem_ctx, message, errno, "look", path);
	}
	if (!S_ISSOCK(st.st_mode)) {
		return failed(mem_ctx, message, ENOTSOCK,
			      "something else is there", path);
	}
	if (unlink(path) != 0) {
		return failed(mem_ctx, message, errno, "remove the old one",
			      path);
	}
	return 0;
}

static int bind_and_listen(int fd, const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sun.sun_path)) {
		return ENAMETOOLONG;
	}
	memcpy(sun.sun_path, path, strlen(path));
	if (fchmod(fd, 0600) != 0 ||
	    bind(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0 ||
	    listen(fd, BACKLOG) != 0) {
		return errno;
	}
	return 0;
}

int control_socket_listen(TALLOC_CTX *mem_ctx, const char *path, int *fd,
			  char **message)
{
	int sock = -1;
	int ret = remove_stale(mem_ctx, path, message);

	if (ret != 0) {
		return ret;
	}
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (sock == -1) {
		return failed(mem_ctx, message, errno, "socket", path);
	}
	ret = bind_and_listen(sock, path);
	if (ret != 0) {
		close(sock);
		return failed(mem_ctx, message, ret, "bind", path);
	}
	*fd = sock;
	return 0;
}

/* ---- the mode ---- */

#define ACL_XATTR "system.posix_acl_access"
#define ACL_VERSION 2
#define ACL_NOBODY 0xffffffffu
#define ACL_USER_OBJ 1
#define ACL_GROUP_OBJ 4
#define ACL_GROUP 8
#define ACL_MASK 16
#define ACL_OTHER 32
#define ACL_RW 6

struct acl_entry {
	uint16_t tag;
	uint16_t perm;
	uint32_t id;
};

/* Owner, the file's group and one more group may read and write. */
static int let_group_in(const char *path, gid_t gid)
{
	struct {
		uint32_t version;
		struct acl_entry entry[5];
	} acl = {
		.version = htole32(ACL_VERSION),
		.entry = {
			{ htole16(ACL_USER_OBJ), htole16(ACL_RW), ACL_NOBODY },
			{ htole16(ACL_GROUP_OBJ), htole16(ACL_RW), ACL_NOBODY },
			{ htole16(ACL_GROUP), htole16(ACL_RW), htole32(gid) },
			{ htole16(ACL_MASK), htole16(ACL_RW), ACL_NOBODY },
			{ htole16(ACL_OTHER), 0, ACL_NOBODY },
		},
	};

	return setxattr(path, ACL_XATTR, &acl, sizeof(acl), 0) == 0 ? 0 : errno;
}

int control_socket_open_to(TALLOC_CTX *mem_ctx, const char *path,
			   const struct control_groups *groups,
			   char **message)
{
	gid_t first = groups->read != CONTROL_NO_GROUP ? groups->read :
							 groups->admin;
	int ret = 0;

	(void)removexattr(path, ACL_XATTR);
	if (chmod(path, 0600) != 0) {
		return failed(mem_ctx, message, errno, "mode", path);
	}
	if (first == CONTROL_NO_GROUP) {
		return 0;
	}
	if (chown(path, (uid_t)-1, first) != 0) {
		return failed(mem_ctx, message, errno,
			      "hand it to the group (the server's user must "
			      "be a member)", path);
	}
	if (chmod(path, 0660) != 0) {
		return failed(mem_ctx, message, errno, "mode", path);
	}
	if (groups->admin == CONTROL_NO_GROUP || groups->admin == first) {
		return 0;
	}
	ret = let_group_in(path, groups->admin);
	if (ret != 0) {
		return failed(mem_ctx, message, ret, "no access list on this "
			      "file system for a second group: put the admins "
			      "into the read group too, or name one group",
			      path);
	}
	return 0;
}

/* ---- the peer ---- */

static bool is_member(const gid_t *list, size_t count, gid_t gid)
{
	for (size_t i = 0; gid != CONTROL_NO_GROUP && i < count; i++) {
		if (list[i] == gid) {
			return true;
		}
	}
	return false;
}

enum control_right control_socket_right(int fd,
					const struct control_groups *groups)
{
	struct ucred peer = { .pid = 0 };
	socklen_t len = sizeof(peer);
	gid_t list[GROUPS_MAX + 1];
	socklen_t bytes = GROUPS_MAX * sizeof(gid_t);
	size_t count = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
		return CONTROL_NOTHING;
	}
	if (peer.uid == 0 || peer.uid == geteuid()) {
		return CONTROL_ADMIN;
	}
	/* of a process in more groups only its own one counts */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list, &bytes) == 0) {
		count = bytes / sizeof(gid_t);
	}
	list[count++] = peer.gid;
	if (is_member(list, count, groups->admin)) {
		return CONTROL_ADMIN;
	}
	return is_member(list, count, groups->read) ? CONTROL_READ :
						      CONTROL_NOTHING;
}
