/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Work that may wait for a disk, done beside the loop: one short-lived thread
 * for each piece of work, for what happens a few times a day.
 */
#ifndef WINS_ASIDE_H
#define WINS_ASIDE_H

#include <talloc.h>
#include <tevent.h>

struct aside;

/*
 * Call work(arg) in a thread of its own, then done(arg) from the loop, with
 * *aside gone. work must use nothing that others use meanwhile; talloc is no
 * thing for two threads. talloc_free(*aside) before that waits for work to
 * return and forgets done. 0 or an errno; then nothing is called.
 */
int aside_run(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
	      void (*work)(void *arg), void (*done)(void *arg), void *arg,
	      struct aside **aside);

#endif
