/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The packet codec. The oracle must agree on every input; a request that was
 * accepted is written again and must read back as the same; then every reply
 * that the rules could give it is written and read back.
 */

#include <stdbool.h>
#include <string.h>

#include "codec/nbns.h"
#include "fuzz/fuzz.h"
#include "sim/nbns_oracle.h"

static void check_pointers(const struct nbns_msg *msg, const uint8_t *data,
			   size_t size)
{
	MUST(msg->label_len >= 1 && msg->label_len <= 16);
	MUST(msg->count <= NB_MEMBERS_MAX);
	if (msg->rdata == NULL) {
		MUST(msg->rdlength == 0);
		return;
	}
	MUST(msg->rdata > data && msg->rdata + msg->rdlength <= data + size);
}

static void check_status(const struct nbns_msg *msg)
{
	struct nb_status_name entry;
	unsigned int count = 0;

	while (nbns_status_entry(msg, count, &entry)) {
		MUST(entry.name.len <= NB_NAME_MAX);
		count++;
	}
	MUST(count <= 255 && 18 * count <= msg->rdlength);
}

/* Written by value: the same request, but for more addresses than one. */
static void check_request(const struct nbns_msg *msg)
{
	uint8_t wire[NBNS_MAX];
	struct nbns_msg again;
	size_t len = nbns_encode_request(wire, sizeof(wire), msg->kind,
					 msg->trn_id, msg->operation,
					 &msg->name, msg->ttl, msg->nb_flags,
					 msg->addr);

	MUST(len > 0);
	MUST(nbns_decode(wire, len, &again) == NBNS_OK);
	MUST(again.kind == msg->kind && again.trn_id == msg->trn_id);
	MUST(again.operation == msg->operation && again.ttl == msg->ttl);
	MUST(memcmp(&again.name, &msg->name, sizeof(again.name)) == 0);
	MUST(again.nb_flags == msg->nb_flags && again.addr == msg->addr);
}

/* What serve would keep of it. */
static struct nb_origin origin_of(const struct nbns_msg *msg)
{
	struct nb_origin origin = {
		.trn_id = msg->trn_id,
		.operation = msg->operation,
		.ttl = msg->ttl,
		.label_len = msg->label_len,
	};

	memcpy(origin.label, msg->label, msg->label_len);
	if (msg->rdata != NULL) {
		origin.rdata_len = msg->rdlength < sizeof(origin.rdata) ?
				   (uint8_t)msg->rdlength :
				   (uint8_t)sizeof(origin.rdata);
		memcpy(origin.rdata, msg->rdata, origin.rdata_len);
	}
	return origin;
}

static void check_reply(const struct nbns_msg *msg,
			const struct nb_reply *reply, enum nbns_kind kind)
{
	struct nb_origin origin = origin_of(msg);
	uint8_t wire[NBNS_MAX];
	struct nbns_msg again;
	size_t len = nbns_encode_reply(wire, sizeof(wire), &origin, &msg->name,
				       reply);

	MUST(len > 0);
	MUST(nbns_decode(wire, len, &again) == NBNS_OK);
	MUST(again.kind == kind && again.trn_id == msg->trn_id);
	MUST(memcmp(&again.name, &msg->name, sizeof(again.name)) == 0);
	MUST(again.label_len == msg->label_len);
	MUST(memcmp(again.label, msg->label, msg->label_len) == 0);
	if (kind == NBNS_REGISTER_REPLY || kind == NBNS_RELEASE_REPLY) {
		MUST(again.rdlength == origin.rdata_len);
		MUST(memcmp(again.rdata, origin.rdata, origin.rdata_len) == 0);
		MUST((again.operation & NBNS_OP_RCODE) == reply->rcode);
	}
	if (kind == NBNS_QUERY_REPLY) {
		MUST(again.count == reply->count);
	}
	if (kind == NBNS_WACK) {
		MUST(again.wait_op == msg->operation);
	}
}

/* All replies that make sense for the kind, taken from the input's bits. */
static void check_replies(const struct nbns_msg *msg)
{
	struct nb_status_name own = { msg->name, 0x0400 };
	struct nb_reply reply = {
		.rcode = msg->trn_id & 7u,
		.ttl = msg->ttl,
		.nb_flags = msg->nb_flags,
		.count = (uint8_t)(1 + msg->trn_id % NB_MEMBERS_MAX),
	};

	reply.kind = NB_REPLY_ADDRESSES;
	check_reply(msg, &reply, NBNS_QUERY_REPLY);
	reply.kind = NB_REPLY_NEGATIVE;
	check_reply(msg, &reply, NBNS_NEGATIVE_REPLY);
	reply.kind = NB_REPLY_WACK;
	check_reply(msg, &reply, NBNS_WACK);
	reply.kind = NB_REPLY_RELEASE;
	check_reply(msg, &reply, NBNS_RELEASE_REPLY);
	if (msg->rdlength >= 6 || reply.rcode != 0) {
		reply.kind = NB_REPLY_REGISTER;
		check_reply(msg, &reply, NBNS_REGISTER_REPLY);
	}
	reply.kind = NB_REPLY_STATUS;
	reply.names = &own;
	reply.count = 1;
	check_reply(msg, &reply, NBNS_STATUS_REPLY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nbns_msg msg;
	enum nbns_error error = nbns_decode(data, size, &msg);
	int expected = nbns_oracle(data, size);

	MUST((error == NBNS_OK) == (expected >= 0));
	if (error != NBNS_OK) {
		MUST(msg.trn_id == (size < 2 ? 0 : data[0] << 8 | data[1]));
		return 0;
	}
	MUST(msg.kind == expected);
	check_pointers(&msg, data, size);
	check_status(&msg);
	if (msg.kind < NBNS_QUERY_REPLY) {
		check_request(&msg);
		check_replies(&msg);
	}
	return 0;
}
