/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A replication partner that behaves, at the other end of links in a test's
 * hand (fakelink.h): it answers calls, tells its map and sends its records as
 * protocol.md sections 3 and 4 have it, and counts what it was asked. It can
 * be out of reach, silent, or refuse.
 */
#ifndef WINSD_SIM_FAKEPEER_H
#define WINSD_SIM_FAKEPEER_H

#include "sim/fakelink.h"

#define FAKE_OWNERS	16
#define FAKE_CONTEXT	0xcafe0001u

enum fake_mood {
	FAKE_WELL,
	FAKE_SILENT,		/* calls are not answered */
	FAKE_AWAY,		/* calls are refused */
	FAKE_DEAF,		/* says START_REPLY and no more */
	FAKE_STRANGER,		/* STOP 4: we are no partner of its */
	FAKE_BREAKS,		/* ends when it is asked for records */
};

struct fake_peer {
	struct fake_net *net;
	uint32_t address;
	enum fake_mood mood;
	uint16_t minor;			/* 0: 5 */
	unsigned int owners;
	struct wrepl_owner map[FAKE_OWNERS];
	unsigned int records;
	const struct nb_record *record;	/* ascending versions of each owner */
	size_t piece;			/* of an answer; 0: whole */

	unsigned int calls;		/* answered */
	unsigned int queries, requests, stops;
	struct wrepl_owner request;	/* the latest */
	unsigned int informs, updates;	/* notifications that came */
	uint32_t command;		/* of the latest */
	uint32_t initiator;
	unsigned int lines;
	struct wrepl_owner line[FAKE_OWNERS];
	struct link *link;		/* the one that it came on */
};

/* It does what it has to on all links to its address; true: it did. */
bool fake_peer_run(struct fake_peer *peer);

/* Version numbers 1 to max of this owner. */
void fake_peer_knows(struct fake_peer *peer, uint32_t owner, uint64_t max);

/* A SEND_REPLY with these records in memory of the test's (free() it). */
uint8_t *fake_reply(const struct nb_record *const *record, uint32_t count,
		    uint32_t context, size_t *len);

#endif
