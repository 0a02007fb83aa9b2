/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request to a name server, from the first datagram to the answer:
 *
 *     ask -> try -> waited -> try -> ... -> ETIMEDOUT
 *                   arrived: WACK -> a longer wait
 *                   arrived: reply -> done
 *
 * All tries are the same datagram with the same id: a server recognises the
 * repetition by it (protocol.md 2.3 #6). A WACK says that the server is at
 * work, so nothing is resent while its time runs; when that time is over and
 * tries are left the request is sent again, because then it is the reply that
 * was lost. libnbt fails at a second WACK; here it extends the wait, up to
 * the cap counted from the first.
 *
 * The end is always delivered from the loop (tevent_req_defer_callback): the
 * socket may have more datagrams in hand when this request is done.
 */
#include "client/nbns_private.h"
#include "client/req.h"

#include <errno.h>
#include <string.h>

#include "codec/nbname.h"

/* header, question, a second name if not a pointer, and the record */
#define ASK_PACKET_MAX	(12 + 2 * NBNAME_WIRE_MAX + 4 + 16)

struct nbns_ask_state {
	struct tevent_context *ev;
	struct nbns_ask ask;
	struct nbns_ticket ticket;
	struct tevent_req *wait;
	struct timeval wack_end;	/* no wait past this; set by a WACK */
	struct nbns_answer answer;
	size_t packet_len;
	uint8_t packet[ASK_PACKET_MAX];
};

static int nbns_ask_encode(struct nbns_ask_state *state);
static int nbns_ask_try(struct tevent_req *req);
static int nbns_ask_wait(struct tevent_req *req, struct timeval until);
static void nbns_ask_waited(struct tevent_req *subreq);
static void nbns_ask_arrived(struct nbns_ticket *ticket,
			     const struct nbns_msg *msg, uint32_t from);
static int nbns_ask_wack(struct tevent_req *req, uint32_t ttl);
static int nbns_ask_result(struct nbns_ask_state *state,
			   const struct nbns_msg *msg, uint32_t from);
static void nbns_ask_client_gone(struct nbns_ticket *ticket);
static void nbns_ask_cleanup(struct tevent_req *req,
			     enum tevent_req_state req_state);

struct nbns_patience nbns_patience_default(void)
{
	struct nbns_patience patience = {
		.tries = 3,
		.try_msec = 1500,
		.wack_min_msec = 9 * 1000,
		.wack_max_msec = 105 * 1000,
	};

	return patience;
}

struct tevent_req *nbns_ask_send(TALLOC_CTX *mem_ctx,
				 struct tevent_context *ev,
				 struct nbns_client *client,
				 const struct nbns_ask *ask)
{
	struct nbns_ask_state *state = NULL;
	struct tevent_req *req = NULL;
	int ret = 0;

	req = tevent_req_create(mem_ctx, &state, struct nbns_ask_state);
	if (req == NULL) {
		return NULL;
	}
	state->ev = ev;
	state->ask = *ask;
	state->ticket.ask = &state->ask;
	state->ticket.req = req;
	state->ticket.arrived = nbns_ask_arrived;
	state->ticket.client_gone = nbns_ask_client_gone;
	tevent_req_set_cleanup_fn(req, nbns_ask_cleanup);

	ret = nbns_ticket_open(client, &state->ticket);
	if (ret == 0) {
		ret = nbns_ask_encode(state);
	}
	if (ret == 0) {
		ret = nbns_ask_try(req);
	}
	if (ret != 0) {
		tevent_req_error(req, ret);
		return tevent_req_post(req, ev);
	}
	tevent_req_defer_callback(req, ev);
	return req;
}

static int nbns_ask_encode(struct nbns_ask_state *state)
{
	static const uint8_t opcode[] = {
		[NBNS_QUERY] = NBNS_OPCODE_QUERY,
		[NBNS_STATUS] = NBNS_OPCODE_QUERY,
		[NBNS_REGISTER] = NBNS_OPCODE_REGISTER,
		[NBNS_MREGISTER] = NBNS_OPCODE_MREGISTER,
		[NBNS_REFRESH] = NBNS_OPCODE_REFRESH,
		[NBNS_RELEASE] = NBNS_OPCODE_RELEASE,
	};
	const struct nbns_ask *ask = &state->ask;

	if (ask->kind > NBNS_RELEASE ||
	    (ask->op_flags & ~(NBNS_OP_RD | NBNS_OP_BROADCAST)) != 0 ||
	    ask->patience.tries == 0 || ask->patience.try_msec == 0) {
		return EINVAL;
	}
	state->packet_len = nbns_encode_request(
		state->packet, sizeof(state->packet), ask->kind,
		state->ticket.trn_id,
		(uint16_t)(opcode[ask->kind] << 11 | ask->op_flags),
		&ask->name, ask->kind == NBNS_RELEASE ? 0 : ask->ttl,
		ask->nb_flags, ask->addr);
	return state->packet_len == 0 ? EINVAL : 0;
}

static struct timeval ask_after(uint32_t msec)
{
	return tevent_timeval_current_ofs(msec / 1000, msec % 1000 * 1000);
}

static int nbns_ask_try(struct tevent_req *req)
{
	struct nbns_ask_state *state =
		tevent_req_data(req, struct nbns_ask_state);
	int ret = 0;

	ret = nbns_ticket_transmit(&state->ticket, state->packet,
				   state->packet_len);
	if (ret != 0) {
		return ret;
	}
	state->answer.tries++;
	return nbns_ask_wait(req, ask_after(state->ask.patience.try_msec));
}

static int nbns_ask_wait(struct tevent_req *req, struct timeval until)
{
	struct nbns_ask_state *state =
		tevent_req_data(req, struct nbns_ask_state);

	TALLOC_FREE(state->wait);
	state->wait = tevent_wakeup_send(state, state->ev, until);
	if (state->wait == NULL) {
		return ENOMEM;
	}
	tevent_req_set_callback(state->wait, nbns_ask_waited, req);
	return 0;
}

static void nbns_ask_waited(struct tevent_req *subreq)
{
	struct tevent_req *req =
		tevent_req_callback_data(subreq, struct tevent_req);
	struct nbns_ask_state *state =
		tevent_req_data(req, struct nbns_ask_state);
	bool ok = tevent_wakeup_recv(subreq);
	int ret = ETIMEDOUT;

	TALLOC_FREE(state->wait);
	if (!ok) {
		ret = ENOMEM;
	} else if (state->answer.tries < state->ask.patience.tries) {
		ret = nbns_ask_try(req);
	}
	if (ret != 0) {
		tevent_req_error(req, ret);
	}
}

static void nbns_ask_arrived(struct nbns_ticket *ticket,
			     const struct nbns_msg *msg, uint32_t from)
{
	struct tevent_req *req = ticket->req;
	struct nbns_ask_state *state =
		tevent_req_data(req, struct nbns_ask_state);
	int ret = 0;

	if (msg->kind == NBNS_WACK) {
		ret = nbns_ask_wack(req, msg->ttl);
		if (ret != 0) {
			tevent_req_error(req, ret);
		}
		return;
	}
	ret = nbns_ask_result(state, msg, from);
	if (ret != 0) {
		tevent_req_error(req, ret);
		return;
	}
	tevent_req_done(req);
}

static int nbns_ask_wack(struct tevent_req *req, uint32_t ttl)
{
	struct nbns_ask_state *state =
		tevent_req_data(req, struct nbns_ask_state);
	const struct nbns_patience *patience = &state->ask.patience;
	uint32_t msec = ttl < UINT32_MAX / 1000 ? ttl * 1000 : UINT32_MAX;
	struct timeval until;

	if (msec < patience->wack_min_msec) {
		msec = patience->wack_min_msec;
	}
	if (msec > patience->wack_max_msec) {
		msec = patience->wack_max_msec;
	}
	if (state->answer.wacks++ == 0) {
		state->wack_end = ask_after(patience->wack_max_msec);
	}
	until = ask_after(msec);
	if (tevent_timeval_compare(&until, &state->wack_end) > 0) {
		until = state->wack_end;
	}
	return nbns_ask_wait(req, until);
}

/* The addresses of a positive query, or the one that a server echoes. */
static void ask_result_addresses(struct nbns_answer *answer,
				 const struct nbns_msg *msg)
{
	unsigned int i = 0;

	if (msg->kind == NBNS_QUERY_REPLY) {
		for (i = 0; i < msg->count; i++) {
			const uint8_t *entry = msg->rdata + 6 * (size_t)i;

			answer->address[i].addr = msg->addrs[i];
			answer->address[i].nb_flags =
				(uint16_t)(entry[0] << 8 | entry[1]);
		}
		answer->count = msg->count;
		return;
	}
	if ((msg->kind == NBNS_REGISTER_REPLY ||
	     msg->kind == NBNS_RELEASE_REPLY) && msg->addr != 0) {
		answer->address[0].addr = msg->addr;
		answer->address[0].nb_flags = msg->nb_flags;
		answer->count = 1;
	}
}

static int ask_result_names(struct nbns_ask_state *state,
			    const struct nbns_msg *msg)
{
	struct nbns_answer *answer = &state->answer;
	struct nb_status_name entry;
	unsigned int count = 0;
	size_t unit_id = 0;

	while (nbns_status_entry(msg, count, &entry)) {
		count++;
	}
	answer->names = talloc_array(state, struct nb_status_name, count);
	if (answer->names == NULL) {
		return ENOMEM;
	}
	while (answer->names_count < count &&
	       nbns_status_entry(msg, answer->names_count,
				 &answer->names[answer->names_count])) {
		answer->names_count++;
	}
	/* the statistics behind the names begin with it */
	unit_id = 1 + 18 * (size_t)count;
	if (msg->rdlength >= unit_id + sizeof(answer->unit_id)) {
		memcpy(answer->unit_id, msg->rdata + unit_id,
		       sizeof(answer->unit_id));
	}
	return 0;
}

static int nbns_ask_result(struct nbns_ask_state *state,
			   const struct nbns_msg *msg, uint32_t from)
{
	struct nbns_answer *answer = &state->answer;

	answer->kind = msg->kind;
	answer->rcode = msg->operation & NBNS_OP_RCODE;
	answer->from = from;
	answer->ttl = msg->ttl;
	if (msg->kind == NBNS_STATUS_REPLY) {
		return ask_result_names(state, msg);
	}
	ask_result_addresses(answer, msg);
	return 0;
}

static void nbns_ask_client_gone(struct nbns_ticket *ticket)
{
	tevent_req_error(ticket->req, ECANCELED);
}

/* Done, failed or freed: no datagram and no timer may find it any more. */
static void nbns_ask_cleanup(struct tevent_req *req,
			     enum tevent_req_state req_state)
{
	struct nbns_ask_state *state =
		tevent_req_data(req, struct nbns_ask_state);

	(void)req_state;
	nbns_ticket_close(&state->ticket);
	TALLOC_FREE(state->wait);
}

int nbns_ask_recv(struct tevent_req *req, TALLOC_CTX *mem_ctx,
		  struct nbns_answer *answer)
{
	struct nbns_ask_state *state =
		tevent_req_data(req, struct nbns_ask_state);
	int err = 0;

	if (req_failed(req, &err)) {
		tevent_req_received(req);
		return err;
	}
	*answer = state->answer;
	answer->names = talloc_move(mem_ctx, &state->answer.names);
	tevent_req_received(req);
	return 0;
}
