/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A tool's end of the control socket. Blocking: a tool has nothing else to do
 * while it waits, but a signal whose handler does not restart system calls
 * ends each wait.
 */
#ifndef WINSD_TOOLS_CONTROL_CLIENT_H
#define WINSD_TOOLS_CONTROL_CLIENT_H

#include <talloc.h>

#include "codec/control.h"

struct control_client;

/* Nothing is connected before the first call. NULL: out of memory. */
struct control_client *control_client_create(TALLOC_CTX *mem_ctx,
					     const char *path);

/* Begin a request; there is one at a time. */
struct control_writer *control_client_request(struct control_client *client,
					      const char *verb);

/*
 * Send the request and wait for its reply, which is valid until the next one.
 * again: if the server has closed the connection meanwhile (a reader that
 * pauses for long), connect and ask once more; only for requests that change
 * nothing. 0 or an errno: ENOENT and ECONNREFUSED mean that no server runs
 * here, EACCES that we may not speak to it, EINTR a signal, ECONNRESET that
 * the server went away, EPROTO that it spoke nonsense, EPROTONOSUPPORT that
 * it is of another release.
 */
int control_client_call(struct control_client *client, bool again,
			struct control_reader *reply);

/* Wait until the server closes the connection, or for so many seconds. */
int control_client_wait_end(struct control_client *client, int seconds);

#endif
