/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The door between bytes and serve: a datagram is decoded, becomes an event,
 * and the replies of serve become bytes. No socket and no loop here, so the
 * simulator and the fuzzers walk through the same door as port 137.
 */
#ifndef WINSD_NET_DOOR_H
#define WINSD_NET_DOOR_H

#include "codec/nbns.h"
#include "serve/serve.h"

struct door;

/*
 * Make the door and the serve behind it. port: where challenges and demands
 * go (`nbt port`). All memory hangs off the door.
 */
int door_create(TALLOC_CTX *mem_ctx, const struct nb_world *world,
		struct store *store, const struct serve_config *config,
		uint16_t port, struct door **door);

struct serve *door_serve(struct door *door);

/*
 * One datagram, between serve_turn_begin() and serve_turn_end(). local is the
 * address of ours that it was sent to (for one sent to a broadcast address:
 * ours on that network).
 */
void door_datagram(struct door *door, uint32_t local, uint32_t from,
		   uint16_t port, const uint8_t *data, size_t len);

/* Datagrams refused, by enum nbns_error; and how many came in by kind. */
uint64_t door_refused(const struct door *door, enum nbns_error error);
uint64_t door_received(const struct door *door, enum nbns_kind kind);

#endif
