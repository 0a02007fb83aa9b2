/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A whole server of the simulator whose memory runs out once during one
 * operation; then what stands in memory and on the disk is looked at, the same
 * operation comes once more without a failure, and everything is freed.
 *
 * After the failure the store is as before the operation or as after it, the
 * disk says the same as memory, and whoever got an answer got the right one or
 * a server failure. The second time it ends as it does where nothing ever
 * failed. No version is given twice, no timer is lost, nothing is kept.
 *
 * What is right is not written down here: it is what the server does when
 * memory does not run out, and the tests of each room show that to be right.
 */
#ifndef WINSD_FAULTS_ALLOC_SERVER_H
#define WINSD_FAULTS_ALLOC_SERVER_H

#include "sim/simserver.h"

extern struct sim_world sim;
extern struct sim_server *server;	/* it has one own name, WINS1<20> */

struct alloc_row {
	const char *name;
	void (*prepare)(void);		/* NULL: an empty server */
	void (*operate)(void);
	unsigned int how;
	void (*again)(void);		/* the second time; NULL: operate */
};

#define PARTS	1u	/* several turns: each record is as before or after */
#define TIME	2u	/* passes in it: times differ */
#define RACE	4u	/* who comes too late is next: what one request finds
			   hangs on whether another was lost */

/* Each row is a test of its own, which prints how many allocations failed. */
int alloc_run_rows(const char *group, const struct alloc_row *rows,
		   size_t count);

/* Words for the rows. addr 0: it is from. */
void ask(enum nbns_kind kind, uint16_t trn_id, const char *name, uint32_t from,
	 uint32_t addr);
void ask_group(enum nbns_kind kind, uint16_t trn_id, const char *name,
	       uint32_t from);

/*
 * What somebody heard who is no client: a number that says what, as if it were
 * a reply with this id. is_failure: that the server could not; else all is
 * done that the row does.
 */
void alloc_heard(uint16_t trn_id, bool is_failure, uint64_t what);

/*
 * A disk of the simulator that takes no memory of its own: a commit counts as
 * one allocation. Versions that go to it are looked at: none comes twice.
 */
void alloc_calm_disk(struct store_backend *backend);
void alloc_calm_server(struct sim_server *calm);	/* the one it has */

/* A world likewise: each timer and each datagram counts. One at a time. */
void alloc_calm_world(struct sim_world *world);

/* The held disk goes on; what is in flight ends so. */
void let_go(int error);

#endif
