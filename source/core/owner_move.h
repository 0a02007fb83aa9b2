/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server's owner address moves (`owner rename`): which numbers of the store
 * say so. The running server writes them through serve, winsctl writes them
 * into the database of a stopped one; both take them from here.
 *
 * No record is touched: ours carry NB_SELF. At the next start the address is
 * the new one, repl's gate asks partners what they know of it, then all our
 * records get new versions, and what partners still have of the old address is
 * not taken from them (repl/gate.c, repl/move.c, repl/owner.c).
 */
#ifndef WINSD_CORE_OWNER_MOVE_H
#define WINSD_CORE_OWNER_MOVE_H

#include "core/addr.h"

#define OWNER_ADDRESS	"owner-address"	/* who we are to partners */
#define OWNER_MOVED	"owner-moved"	/* when; 0: not since the last start */
#define OWNER_TOUCH	"owner-touch"	/* records of ours with versions up to
					   this one get new ones */
#define OWNER_WAS	"owner-was"	/* -ADDRESS: when it was ours; 0: never,
					   or it is another server's by now */

#define OWNER_KEY_MAX	(sizeof(OWNER_WAS) + NB_ADDR_TEXT)

struct owner_number {
	char key[OWNER_KEY_MAX];
	uint64_t number;
};

/* "owner-was-192.0.2.1"; returns key. */
char *owner_was_key(uint32_t address, char key[OWNER_KEY_MAX]);

/*
 * The numbers that move the owner address from what the server runs under to
 * another one. Both may be the same: then a move that no start has seen yet is
 * taken back. when: seconds since the epoch.
 */
#define OWNER_MOVE_NUMBERS 4
void owner_move(uint32_t from, uint32_t to, uint64_t when,
		struct owner_number number[OWNER_MOVE_NUMBERS]);

#endif
