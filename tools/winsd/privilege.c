/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dropping privileges with libcap-ng, see privilege.h.
 *
 * Two steps, because a receive buffer above net.core.rmem_max needs
 * CAP_NET_ADMIN when a socket is made: the user changes before any byte of
 * configuration or network is read, CAP_NET_ADMIN goes when the sockets are
 * open. Whoever starts us without root (a unit with AmbientCapabilities)
 * keeps of what he gave only these two, then one.
 *
 * The bounding set is emptied where we may, ambient capabilities go, and no
 * program started from here can gain any (PR_SET_NO_NEW_PRIVS): a hook runs
 * with no capability, or as root with the one that we have.
 */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cap-ng.h>

#include "winsd/privilege.h"

int privilege_find(TALLOC_CTX *mem_ctx, const char *user,
		   struct privilege *privilege, char **message)
{
	const char *name = user != NULL ? user : PRIVILEGE_USER;
	const struct passwd *pw = NULL;

	*privilege = (struct privilege) { .uid = geteuid(), .gid = getegid() };
	if (user == NULL && privilege->uid != 0) {
		return 0;
	}
	errno = 0;
	pw = getpwnam(name);
	if (pw == NULL) {
		if (user == NULL) {
			return 0;
		}
		*message = talloc_asprintf(mem_ctx, "--user %s: no such user",
					   user);
		return ENOENT;
	}
	privilege->change = pw->pw_uid != privilege->uid;
	if (privilege->change && privilege->uid != 0) {
		*message = talloc_asprintf(mem_ctx, "--user %s: only root can "
					   "become another user", user);
		return EPERM;
	}
	privilege->uid = pw->pw_uid;
	privilege->gid = pw->pw_gid;
	return 0;
}

static int make_one(const struct privilege *privilege, const char *path,
		    mode_t mode)
{
	if (mkdir(path, mode) != 0) {
		return errno == EEXIST ? 0 : errno;
	}
	if (privilege->change &&
	    lchown(path, privilege->uid, privilege->gid) != 0) {
		return errno;
	}
	return 0;
}

int privilege_directory(const struct privilege *privilege, const char *path,
			mode_t mode)
{
	static const struct privilege ours = {0};
	char part[PATH_MAX];
	size_t len = 0;
	int ret = 0;

	if (strlen(path) >= sizeof(part)) {
		return ENAMETOOLONG;
	}
	/* parents, which stay ours */
	for (len = 1; ret == 0 && path[len] != '\0'; len++) {
		if (path[len] == '/') {
			memcpy(part, path, len);
			part[len] = '\0';
			ret = make_one(&ours, part, 0755);
		}
	}
	return ret != 0 ? ret : make_one(privilege, path, mode);
}

/* Ask for these and no other; what we do not have cannot be asked for. */
static void want_only(bool net_admin)
{
	const capng_type_t both = CAPNG_EFFECTIVE | CAPNG_PERMITTED;
	bool bind = false;
	bool admin = false;

	capng_get_caps_process();
	bind = capng_have_capability(CAPNG_PERMITTED, CAP_NET_BIND_SERVICE);
	admin = capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN);
	capng_clear(CAPNG_SELECT_ALL);
	if (bind) {
		capng_update(CAPNG_ADD, both, CAP_NET_BIND_SERVICE);
	}
	if (admin && net_admin) {
		capng_update(CAPNG_ADD, both, CAP_NET_ADMIN);
	}
}

static int change_user(const struct privilege *privilege)
{
	int ret;

	errno = 0;
	ret = capng_change_id((int)privilege->uid, (int)privilege->gid,
			      CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING |
			      CAPNG_CLEAR_AMBIENT);
	if (ret != 0) {
		return errno != 0 ? errno : EPERM;
	}
	return 0;
}

static int stay_user(void)
{
	bool may_bound = false;

	capng_get_caps_process();
	may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	want_only(true);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (capng_apply(may_bound ? CAPNG_SELECT_BOTH :
			CAPNG_SELECT_CAPS) != 0) {
		return EPERM;
	}
	return 0;
}

int privilege_drop(TALLOC_CTX *mem_ctx, const struct privilege *privilege,
		   char **message)
{
	int ret;

	if (privilege->change) {
		want_only(true);
		ret = change_user(privilege);
	} else {
		ret = stay_user();
	}
	if (ret == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		ret = errno;
	}
	if (ret != 0) {
		*message = talloc_asprintf(mem_ctx, "could not drop "
					   "privileges: %s", strerror(ret));
	}
	return ret;
}

int privilege_seal(void)
{
	want_only(false);
	return capng_apply(CAPNG_SELECT_CAPS) == 0 ? 0 : EPERM;
}
