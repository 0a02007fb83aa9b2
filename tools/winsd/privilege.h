/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who the server runs as, and what it may do: the user of --user with
 * CAP_NET_BIND_SERVICE (addresses come later than the start) and nothing
 * else, for itself and for all that it will ever start.
 */
#ifndef WINSD_PRIVILEGE_H
#define WINSD_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>
#include <talloc.h>

#define PRIVILEGE_USER	"winsd"		/* taken if it exists */

struct privilege {
	uid_t uid;
	gid_t gid;
	bool change;		/* another user than we are */
};

/*
 * Who to become: user, or NULL for the default (as root: PRIVILEGE_USER if
 * there is such an account; else who we are). 0, or an errno and *message.
 */
int privilege_find(TALLOC_CTX *mem_ctx, const char *user,
		   struct privilege *privilege, char **message);

/*
 * Make a directory and its missing parents; a directory that is made is
 * given to the user. One that is there is left alone. 0 or an errno.
 */
int privilege_directory(const struct privilege *privilege, const char *path,
			mode_t mode);

/*
 * Become the user. What is left until privilege_seal(): the capabilities to
 * bind low ports and to make socket buffers large.
 */
int privilege_drop(TALLOC_CTX *mem_ctx, const struct privilege *privilege,
		   char **message);

/* After the start: only CAP_NET_BIND_SERVICE is left. 0 or an errno. */
int privilege_seal(void);

#endif
