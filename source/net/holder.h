/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who has the port that we want? Best effort for an error message: what
 * /proc shows to us.
 */
#ifndef WINSD_NET_HOLDER_H
#define WINSD_NET_HOLDER_H

#include <sys/types.h>
#include <talloc.h>

#include "core/addr.h"

enum holder_protocol {
	HOLDER_UDP,
	HOLDER_TCP,		/* who listens there */
};

struct holder {
	pid_t pid;		/* 0: found the socket, cannot tell whose */
	bool sure;		/* false: a likely process, not seen to have it */
	uid_t uid;		/* of the socket */
	char command[32];
};

/* False if no socket is found on ip:port or 0.0.0.0:port. */
bool holder_find(enum holder_protocol protocol, uint32_t ip, uint16_t port,
		 struct holder *holder);

/*
 * One line: "ADDR:PORT is in use by nmbd (process 7): ..." with what to do
 * about it. NULL when memory is out.
 */
char *holder_message(TALLOC_CTX *mem_ctx, enum holder_protocol protocol,
		     uint32_t ip, uint16_t port);

#endif
