/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file of the control socket: who may open it, and who has.
 *
 * The file's mode keeps strangers from connecting, the kernel's word on the
 * peer decides what it may do.
 */
#ifndef WINSD_NET_CONTROL_SOCKET_H
#define WINSD_NET_CONTROL_SOCKET_H

#include <sys/types.h>

#include "control/control.h"

#define CONTROL_NO_GROUP ((gid_t)-1)

struct control_groups {
	gid_t read;		/* CONTROL_NO_GROUP: none */
	gid_t admin;
};

/*
 * Look the groups up; a name of NULL or "" is none. ENOENT and a message if
 * there is no such group.
 */
int control_groups_find(TALLOC_CTX *mem_ctx, const char *read_group,
			const char *admin_group, struct control_groups *groups,
			char **message);

/*
 * Make the listening socket, not blocking, closed at exec. Whatever socket
 * lies at path is replaced; anything else there is an error (ENOTSOCK).
 */
int control_socket_listen(TALLOC_CTX *mem_ctx, const char *path, int *fd,
			  char **message);

/* Give the file the mode that fits the groups. */
int control_socket_open_to(TALLOC_CTX *mem_ctx, const char *path,
			   const struct control_groups *groups,
			   char **message);

/* What the process at the other end may do. */
enum control_right control_socket_right(int fd,
					const struct control_groups *groups);

#endif
