/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes become events, replies become bytes.
 *
 * A datagram passes three stations: the codec refuses it whole or makes a
 * message of it; the message becomes an event (what happens) and an origin
 * (what only the reply needs); serve gets both. Responses are not events of a
 * client: they answer a challenge or a release demand of ours, or refuse the
 * claim of a name.
 *
 * No rule stands here. What is refused is counted by reason and is otherwise
 * silence: an error reply to garbage is a gift to whoever forges sources.
 */

#include <errno.h>
#include <string.h>

#include "net/door.h"

struct door {
	const struct nb_world *world;
	struct serve *serve;
	uint16_t port;
	uint64_t refused[NBNS_ERRORS];
	uint64_t received[NBNS_KINDS];
};

/* ---- in ---- */

static const uint8_t event_of_kind[NBNS_KINDS] = {
	[NBNS_QUERY] = NB_EV_QUERY,
	[NBNS_REGISTER] = NB_EV_REGISTER,
	[NBNS_MREGISTER] = NB_EV_MREGISTER,
	[NBNS_REFRESH] = NB_EV_REFRESH,
	[NBNS_RELEASE] = NB_EV_RELEASE,
};

static void make_event(const struct nbns_msg *msg, uint32_t from,
		       struct nb_event *event)
{
	event->kind = event_of_kind[msg->kind];
	event->group = (msg->nb_flags & NB_FLAG_GROUP) != 0;
	event->node = (uint8_t)((msg->nb_flags & NB_FLAG_NODE_MASK) >>
				NB_FLAG_NODE_SHIFT);
	event->multihomed = false;
	event->force = false;
	event->name = msg->name;
	event->addr = msg->addr;
	event->source = from;
	event->ttl = msg->ttl;
	event->answers = 0;
	event->record = NULL;
	event->no_demand = false;
	event->high_precedence = false;
}

static void make_origin(const struct nbns_msg *msg, uint32_t local,
			uint32_t from, uint16_t port,
			struct nb_origin *origin)
{
	size_t len = msg->rdata == NULL ? 0 : msg->rdlength;

	if (len > sizeof(origin->rdata)) {
		len = sizeof(origin->rdata);
	}
	origin->source = from;
	origin->port = port;
	origin->local = local;
	origin->trn_id = msg->trn_id;
	origin->operation = msg->operation;
	origin->ttl = msg->ttl;
	origin->label_len = msg->label_len;
	memcpy(origin->label, msg->label, sizeof(origin->label));
	origin->rdata_len = (uint8_t)len;
	if (len > 0) {
		memcpy(origin->rdata, msg->rdata, len);
	}
}

static void request(struct door *door, const struct nbns_msg *msg,
		    uint32_t local, uint32_t from, uint16_t port)
{
	struct nb_event event;
	struct nb_origin origin;

	make_origin(msg, local, from, port, &origin);
	if (msg->kind == NBNS_STATUS) {
		serve_status(door->serve, &msg->name, &origin);
		return;
	}
	make_event(msg, from, &event);
	serve_request(door->serve, &event, &origin,
		      msg->operation & NBNS_OP_BROADCAST ? SERVE_BROADCAST
							 : SERVE_UNICAST);
}

/* A negative reply may come without a code (1.4): it says no all the same. */
static uint8_t rcode_of_denial(const struct nbns_msg *msg)
{
	uint8_t rcode = (uint8_t)(msg->operation & NBNS_OP_RCODE);

	return rcode == NB_RCODE_OK ? NB_RCODE_NAM : rcode;
}

/* Nodes answer challenges, demands and claims from their port 137 (2.5). */
static void response(struct door *door, const struct nbns_msg *msg,
		     uint32_t from, uint16_t port)
{
	if (port != door->port) {
		return;
	}
	switch (msg->kind) {
	case NBNS_QUERY_REPLY:
		serve_answer(door->serve, from, msg->trn_id, &msg->name,
			     NB_RCODE_OK, msg->addrs, msg->count);
		break;
	case NBNS_NEGATIVE_REPLY:
		serve_answer(door->serve, from, msg->trn_id, &msg->name,
			     rcode_of_denial(msg), NULL, 0);
		break;
	case NBNS_RELEASE_REPLY:
		serve_demand_answered(door->serve, from, msg->trn_id,
				      &msg->name);
		break;
	case NBNS_REGISTER_REPLY:
		if ((msg->operation & NBNS_OP_RCODE) != NB_RCODE_OK) {
			serve_claim_refused(door->serve, from, msg->trn_id,
					    &msg->name);
		}
		break;
	}
}

void door_datagram(struct door *door, uint32_t local, uint32_t from,
		   uint16_t port, const uint8_t *data, size_t len)
{
	struct nbns_msg msg;
	enum nbns_error error = nbns_decode(data, len, &msg);

	if (error != NBNS_OK) {
		door->refused[error]++;
		return;
	}
	door->received[msg.kind]++;
	if (msg.operation & NBNS_OP_RESPONSE) {
		response(door, &msg, from, port);
	} else {
		request(door, &msg, local, from, port);
	}
}

/* ---- out ---- */

static void door_reply(void *priv, const struct nb_origin *origin,
		       const struct nb_name *name, const struct nb_reply *reply)
{
	struct door *door = priv;
	uint8_t buf[NBNS_MAX];
	size_t len = nbns_encode_reply(buf, sizeof(buf), origin, name, reply);

	if (len > 0) {
		door->world->send(door->world->priv, origin->local,
				  origin->source, origin->port, buf, len);
	}
}

static int door_challenge(void *priv, uint32_t local, uint32_t holder,
			  uint16_t trn_id, const struct nb_name *name)
{
	struct door *door = priv;
	uint8_t buf[NBNS_MAX];
	size_t len = nbns_encode_request(buf, sizeof(buf), NBNS_QUERY, trn_id,
					 NBNS_OP_RD, name, 0, 0, 0);

	if (len == 0) {
		return EINVAL;
	}
	return door->world->send(door->world->priv, local, holder, door->port,
				 buf, len);
}

/* 5.5: the address of the record in it is the host's own, TTL and flags 0. */
static int door_demand(void *priv, uint32_t local, uint32_t host,
		       uint16_t trn_id, const struct nb_name *name)
{
	struct door *door = priv;
	uint8_t buf[NBNS_MAX];
	size_t len = nbns_encode_request(buf, sizeof(buf), NBNS_RELEASE,
					 trn_id, NBNS_OPCODE_RELEASE << 11,
					 name, 0, 0, host);

	if (len == 0) {
		return EINVAL;
	}
	return door->world->send(door->world->priv, local, host, door->port,
				 buf, len);
}

static int door_claim(void *priv, uint32_t local, uint32_t broadcast,
		      uint16_t trn_id, const struct nb_name *name,
		      uint16_t nb_flags, uint32_t ttl, bool demand)
{
	struct door *door = priv;
	uint8_t buf[NBNS_MAX];
	/*
	 * RFC 1002 4.2.2, 4.2.3 and every captured Windows host: claims with
	 * RD, the demand without. The reference of protocol.md 1.6 has them
	 * the other way round.
	 */
	uint16_t operation = NBNS_OPCODE_REGISTER << 11 | NBNS_OP_BROADCAST |
			     (demand ? 0 : NBNS_OP_RD);
	size_t len = nbns_encode_request(buf, sizeof(buf), NBNS_REGISTER,
					 trn_id, operation, name, ttl,
					 nb_flags, local);

	if (len == 0) {
		return EINVAL;
	}
	return door->world->send(door->world->priv, local, broadcast,
				 door->port, buf, len);
}

/* ---- life ---- */

int door_create(TALLOC_CTX *mem_ctx, const struct nb_world *world,
		struct store *store, const struct serve_config *config,
		uint16_t port, struct door **out)
{
	struct door *door = talloc_zero(mem_ctx, struct door);
	struct serve_ops ops = {
		.reply = door_reply,
		.challenge = door_challenge,
		.demand = door_demand,
		.claim = door_claim,
	};
	int ret = 0;

	if (door == NULL) {
		return ENOMEM;
	}
	ops.priv = door;
	door->world = world;
	door->port = port;
	ret = serve_create(door, world, store, &ops, config, &door->serve);
	if (ret != 0) {
		talloc_free(door);
		return ret;
	}
	*out = door;
	return 0;
}

struct serve *door_serve(struct door *door)
{
	return door->serve;
}

uint64_t door_refused(const struct door *door, enum nbns_error error)
{
	return door->refused[error];
}

uint64_t door_received(const struct door *door, enum nbns_kind kind)
{
	return door->received[kind];
}
