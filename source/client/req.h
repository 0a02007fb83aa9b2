/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a tevent computation ended, as an errno. libtevent itself has no such
 * helper: the one it is known for belongs to the suite. Every _recv of this
 * tree asks here, so timeouts and lack of memory read the same everywhere.
 */
#ifndef WINSD_CLIENT_REQ_H
#define WINSD_CLIENT_REQ_H

#include <stdbool.h>
#include <tevent.h>

/*
 * Did the request fail? Then *err is ETIMEDOUT, ENOMEM or the errno that
 * tevent_req_error was given, never 0.
 */
bool req_failed(struct tevent_req *req, int *err);

#endif
