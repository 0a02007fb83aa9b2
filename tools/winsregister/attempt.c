/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From one silent server to the next; see attempt.h. Never back again: where
 * a run of requests stays is decided by whoever gives `first`.
 */
#include "winsregister/attempt.h"

#include <errno.h>

#include "client/req.h"

struct attempt_state {
	struct tevent_context *ev;
	const struct task *task;
	struct links *links;
	struct nbns_ask ask;
	bool routed;		/* the address is ours to choose */
	struct attempt_result result;
};

static int attempt_next(struct tevent_req *req);
static void attempt_done(struct tevent_req *subreq);

struct tevent_req *attempt_send(TALLOC_CTX *mem_ctx,
				struct tevent_context *ev,
				const struct task *task,
				struct links *links, unsigned int first,
				const struct nbns_ask *ask)
{
	struct attempt_state *state = NULL;
	struct tevent_req *req = NULL;
	int ret = 0;

	req = tevent_req_create(mem_ctx, &state, struct attempt_state);
	if (req == NULL) {
		return NULL;
	}
	state->ev = ev;
	state->task = task;
	state->links = links;
	state->ask = *ask;
	state->ask.patience = task->patience;
	state->routed = ask->addr == 0 && ask->kind != NBNS_QUERY &&
			ask->kind != NBNS_STATUS;
	state->result.server = first;

	ret = attempt_next(req);
	if (ret != 0) {
		tevent_req_error(req, ret);
		return tevent_req_post(req, ev);
	}
	if (!tevent_req_is_in_progress(req)) {
		return tevent_req_post(req, ev);
	}
	return req;
}

/* Would another server perhaps be reached? */
static bool attempt_is_silence(int err)
{
	switch (err) {
	case ETIMEDOUT:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case ECONNREFUSED:
	case EADDRNOTAVAIL:
	case EACCES:		/* a route or a filter that forbids it */
	case EPERM:
		return true;
	default:
		return false;
	}
}

/* Send to the server whose turn it is. */
static int attempt_ask(struct tevent_req *req)
{
	struct attempt_state *state =
		tevent_req_data(req, struct attempt_state);
	struct attempt_result *result = &state->result;
	const struct server *server = &state->task->server[result->server];
	struct tevent_req *subreq = NULL;
	uint32_t local = state->ask.addr;
	int ret = 0;

	if (state->routed) {
		ret = links_route(server->addr, &local);
		if (ret != 0) {
			return ret;
		}
		state->ask.addr = local;
	}
	ret = links_get(state->links, local, server->port, &result->link);
	if (ret != 0) {
		return ret;
	}
	result->addr = local;
	state->ask.server = server->addr;
	state->ask.port = server->port;
	subreq = nbns_ask_send(state, state->ev, result->link->client,
			       &state->ask);
	if (subreq == NULL) {
		return ENOMEM;
	}
	tevent_req_set_callback(subreq, attempt_done, req);
	return 0;
}

/* Ask server after server until a request is on its way or none is left. */
static int attempt_next(struct tevent_req *req)
{
	struct attempt_state *state =
		tevent_req_data(req, struct attempt_state);
	struct attempt_result *result = &state->result;

	while (result->server < state->task->servers) {
		int ret = attempt_ask(req);

		if (ret == 0 || !attempt_is_silence(ret)) {
			return ret;
		}
		result->silence[result->server++] = ret;
	}
	tevent_req_done(req);
	return 0;
}

static void attempt_done(struct tevent_req *subreq)
{
	struct tevent_req *req =
		tevent_req_callback_data(subreq, struct tevent_req);
	struct attempt_state *state =
		tevent_req_data(req, struct attempt_state);
	struct attempt_result *result = &state->result;
	int ret = nbns_ask_recv(subreq, state, &result->answer);

	TALLOC_FREE(subreq);
	if (ret == 0) {
		tevent_req_done(req);
		return;
	}
	if (attempt_is_silence(ret)) {
		result->silence[result->server++] = ret;
		ret = attempt_next(req);
	}
	if (ret != 0) {
		tevent_req_error(req, ret);
	}
}

int attempt_recv(struct tevent_req *req, TALLOC_CTX *mem_ctx,
		 struct attempt_result *result)
{
	struct attempt_state *state =
		tevent_req_data(req, struct attempt_state);
	int err = 0;

	if (req_failed(req, &err)) {
		tevent_req_received(req);
		return err;
	}
	*result = state->result;
	result->answer.names = talloc_move(mem_ctx,
					   &state->result.answer.names);
	tevent_req_received(req);
	return 0;
}
