/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many questions by UDP 137, side by side, but no more in a second than a
 * server or a network likes.
 */
#ifndef WINSMIGRATE_LIVE_ASK_H
#define WINSMIGRATE_LIVE_ASK_H

#include "client/nbns.h"

#define ASK_RATE	100u	/* a second, unless somebody says otherwise */
#define ASK_RATE_MAX	100000u

struct asker;

/* ours: the address to ask from; 0: any. 0 or an errno. */
int asker_create(TALLOC_CTX *mem_ctx, uint32_t ours, unsigned int rate,
		 struct asker **asker);

struct ask_item {
	enum nbns_kind kind;	/* NBNS_QUERY or NBNS_STATUS */
	uint32_t host;
	uint16_t port;
	struct nb_name name;	/* the question; of STATUS for the caller */
};

/*
 * next() gives the questions, false: there are no more. done() gets each with
 * its answer, or an errno; in any order. The answer's names are gone when it
 * returns. 0 or an errno, after which done() was not called for all.
 */
int asker_run(struct asker *asker,
	      bool (*next)(void *priv, struct ask_item *item),
	      void (*done)(void *priv, const struct ask_item *item, int error,
			   const struct nbns_answer *answer),
	      void *priv);

/* One question, and wait. */
int asker_one(struct asker *asker, const struct ask_item *item,
	      struct nbns_answer *answer);

/* Is the name in a node status answer? */
bool ask_status_has(const struct nbns_answer *answer,
		    const struct nb_name *name);

#endif
