/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What -d shows: each datagram that goes out or comes in, one line of stderr
 * each, and whether it was believed.
 */
#ifndef WINSREGISTER_TRACE_H
#define WINSREGISTER_TRACE_H

#include "client/nbns.h"

/* An nbns_observer_fn without a priv. */
void trace_datagram(void *priv, enum nbns_seen seen, uint32_t peer,
		    uint16_t port, const uint8_t *data, size_t len);

#endif
