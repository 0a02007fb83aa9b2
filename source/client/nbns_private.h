/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The seam between the two halves of the client: nbns.c owns the socket and
 * the table of what is in flight, nbns_ask.c is the computation of a single
 * request. A ticket is a request's entry in that table.
 */
#ifndef WINSD_CLIENT_NBNS_PRIVATE_H
#define WINSD_CLIENT_NBNS_PRIVATE_H

#include "client/nbns.h"

struct nbns_ticket {
	struct nbns_ticket *next, **prev;	/* prev is NULL: not in a table */
	struct nbns_client *client;		/* NULL: it is gone */
	uint16_t trn_id;
	const struct nbns_ask *ask;
	struct tevent_req *req;
	/*
	 * A believed datagram; must not free the client or other requests.
	 */
	void (*arrived)(struct nbns_ticket *ticket,
			const struct nbns_msg *msg, uint32_t from);
	void (*client_gone)(struct nbns_ticket *ticket);
};

/* Give the ticket a random id that no other has, and put it in the table. */
int nbns_ticket_open(struct nbns_client *client, struct nbns_ticket *ticket);

/* Take it out; harmless if it is out. */
void nbns_ticket_close(struct nbns_ticket *ticket);

/*
 * Send to where the ticket asks. A datagram that the kernel had no room for
 * counts as sent: it is one more that the network lost.
 */
int nbns_ticket_transmit(struct nbns_ticket *ticket, const uint8_t *data,
			 size_t len);

#endif
