/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes of one connection, as a session reads and writes them. */
#ifndef WINSMIGRATE_LIVE_WIRE_H
#define WINSMIGRATE_LIVE_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

struct wire {
	void *priv;
	/* All of it: 0 or an errno. */
	int (*send)(void *priv, const uint8_t *data, size_t len);
	/* At least one byte; 0 bytes: the end. 0 or an errno. */
	int (*receive)(void *priv, uint8_t *data, size_t size, size_t *got);
};

/*
 * Call a server by TCP, from our address (0: any). The connection ends with
 * mem_ctx. *ours becomes the address that it leaves from. 0 or an errno;
 * ETIMEDOUT: nobody answered within WIRE_CONNECT seconds. Later, a server that
 * is silent for WIRE_PATIENCE seconds is ETIMEDOUT, too.
 */
#define WIRE_CONNECT	10
#define WIRE_PATIENCE	60
int wire_call(TALLOC_CTX *mem_ctx, uint32_t host, uint16_t port,
	      uint32_t *ours, struct wire *wire);

#endif
