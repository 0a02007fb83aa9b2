/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request to the first of several servers that answers.
 *
 * Only silence, or a network that cannot reach it, leads on to the next
 * server. A negative answer is an answer: the server lives and has decided
 * (Q153073); asking around until one says yes would make a name exist twice.
 */
#ifndef WINSREGISTER_ATTEMPT_H
#define WINSREGISTER_ATTEMPT_H

#include "winsregister/links.h"
#include "winsregister/task.h"

struct attempt_result {
	/* index of the one that answered; task->servers: none did */
	unsigned int server;
	/* why not, of those before it that were asked; 0: not asked */
	int silence[SERVERS_MAX];
	uint32_t addr;			/* registered, or asked from; or 0 */
	const struct link_info *link;	/* it went over this; NULL: none */
	struct nbns_answer answer;	/* if one answered */
};

/*
 * ask: server, port and patience are filled in here; addr 0 becomes the
 * address that routes to the server, in requests that carry one. first: the
 * server to begin with, so that what follows stays with the one that
 * answered. task and links must outlive the request.
 */
struct tevent_req *attempt_send(TALLOC_CTX *mem_ctx,
				struct tevent_context *ev,
				const struct task *task,
				struct links *links, unsigned int first,
				const struct nbns_ask *ask);

/*
 * Errors are those that no other server would cure: EINVAL the name cannot
 * be said on the wire, ENOMEM and the like.
 */
int attempt_recv(struct tevent_req *req, TALLOC_CTX *mem_ctx,
		 struct attempt_result *result);

#endif
