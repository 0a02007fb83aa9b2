/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words to the service manager: the protocol of sd_notify(3), spoken by hand.
 * Everything here does nothing when there is no service manager.
 */
#ifndef WINSD_NOTIFY_H
#define WINSD_NOTIFY_H

#include <talloc.h>
#include <tevent.h>

struct notify;

/*
 * Take NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment,
 * so that no child speaks for us. With a watchdog, its timer starts; it beats
 * from the loop, so a loop that hangs falls silent. NULL when memory is out.
 */
struct notify *notify_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev);

void notify_ready(struct notify *notify, const char *status);
void notify_status(struct notify *notify, const char *status);
void notify_reloading(struct notify *notify);
void notify_stopping(struct notify *notify, const char *status);

#endif
