/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Socket file and peers (design.md 4.4).
 *
 * The socket gets its mode before it has a name (fchmod before bind), so there
 * is no moment in which somebody else could connect, and umask, which belongs
 * to all threads, is left alone. It is bound as 0600 and opened to groups
 * afterwards. A file has one group, and a server that has dropped root can
 * give it to none that it is not in; so a second or foreign group enters by a
 * POSIX access list, written in the kernel's own format. Rejected: mode 0666
 * with the check of credentials alone, for then anybody may fill the table of
 * clients.
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

#define ACL_ENTRIES 6

struct acl {
	uint32_t version;
	struct acl_entry entry[ACL_ENTRIES];
};

/*
 * Let groups in besides the file's own, which gets `own` (0 or ACL_RW).
 * Entries stand in the order of tag and id, as the kernel wants them.
 */
static int let_groups_in(const char *path, uint16_t own, const gid_t *gid,
			 unsigned int count)
{
	struct acl acl = { .version = htole32(ACL_VERSION) };
	struct acl_entry *e = acl.entry;

	*e++ = (struct acl_entry) { ACL_USER_OBJ, ACL_RW, ACL_NOBODY };
	*e++ = (struct acl_entry) { ACL_GROUP_OBJ, own, ACL_NOBODY };
	for (unsigned int i = 0; i < count; i++) {
		*e++ = (struct acl_entry) { ACL_GROUP, ACL_RW, gid[i] };
	}
	*e++ = (struct acl_entry) { ACL_MASK, ACL_RW, ACL_NOBODY };
	*e++ = (struct acl_entry) { ACL_OTHER, 0, ACL_NOBODY };
	for (struct acl_entry *i = acl.entry; i < e; i++) {
		i->tag = htole16(i->tag);
		i->perm = htole16(i->perm);
		i->id = htole32(i->id);
	}
	return setxattr(path, ACL_XATTR, &acl,
			(size_t)((uint8_t *)e - (uint8_t *)&acl), 0) == 0 ?
	       0 : errno;
}

/* The groups, none twice, in the order of their ids. */
static unsigned int list_groups(const struct control_groups *groups,
				gid_t list[2])
{
	unsigned int count = 0;

	if (groups->read != CONTROL_NO_GROUP) {
		list[count++] = groups->read;
	}
	if (groups->admin != CONTROL_NO_GROUP &&
	    groups->admin != groups->read) {
		list[count++] = groups->admin;
	}
	if (count == 2 && list[0] > list[1]) {
		gid_t keep = list[0];

		list[0] = list[1];
		list[1] = keep;
	}
	return count;
}

/*
 * One group that we may give the file to gets it. Two, or one that our user
 * is no member of, enter by the access list, which is the owner's right.
 */
static int open_to(const char *path, const gid_t *list, unsigned int count)
{
	uint16_t own = 0;

	if (chown(path, (uid_t)-1, list[0]) == 0) {
		own = ACL_RW;
		list++;
		count--;
	} else if (errno != EPERM) {
		return errno;
	}
	if (count > 0) {
		return let_groups_in(path, own, list, count);
	}
	return chmod(path, 0660) == 0 ? 0 : errno;
}

int control_socket_open_to(TALLOC_CTX *mem_ctx, const char *path,
			   const struct control_groups *groups,
			   char **message)
{
	gid_t list[2];
	unsigned int count = list_groups(groups, list);
	int ret = 0;

	(void)removexattr(path, ACL_XATTR);
	if (chmod(path, 0600) != 0) {
		return failed(mem_ctx, message, errno, "mode", path);
	}
	ret = count == 0 ? 0 : open_to(path, list, count);
	if (ret == EOPNOTSUPP) {
		return failed(mem_ctx, message, ret, "no access lists here: "
			      "make the server's user a member of the group, "
			      "and name one group only", path);
	}
	if (ret != 0) {
		return failed(mem_ctx, message, ret, "let the group in", path);
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
