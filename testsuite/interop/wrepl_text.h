/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of TCP 42 as JSON, one object on a line, for the programs that show
 * them to other decoders. Names and scopes are hex of their bytes, so that no
 * reading of ours stands between codec and comparison.
 */
#ifndef WINSD_INTEROP_WREPL_TEXT_H
#define WINSD_INTEROP_WREPL_TEXT_H

#include <inttypes.h>
#include <stdio.h>

#include "codec/wrepl.h"

static inline void text_bytes(const char *key, const uint8_t *byte, size_t len)
{
	printf("\"%s\": \"", key);
	for (size_t i = 0; i < len; i++) {
		printf("%02x", byte[i]);
	}
	printf("\", ");
}

static inline void text_owner(const struct wrepl_owner *owner)
{
	char text[NB_ADDR_TEXT];

	printf("[\"%s\", %" PRIu64 ", %" PRIu64 "]",
	       nb_addr_print(owner->address, text), owner->max, owner->min);
}

static inline void text_record(const struct nb_record *rec)
{
	char ip[NB_ADDR_TEXT], owner[NB_ADDR_TEXT];

	printf("{");
	text_bytes("name", rec->name.byte, rec->name.len);
	text_bytes("scope", rec->name.scope, rec->name.scope_len);
	printf("\"suffix\": %u, \"type\": \"%s\", \"state\": \"%s\", "
	       "\"node\": \"%s\", \"static\": %s, \"version\": %" PRIu64
	       ", \"addresses\": [", rec->name.type, nb_type_name(rec->type),
	       nb_state_name(rec->state), nb_node_name(rec->node),
	       rec->is_static ? "true" : "false", rec->version);
	for (unsigned int i = 0; i < rec->count; i++) {
		printf("%s[\"%s\", \"%s\"]", i > 0 ? ", " : "",
		       nb_addr_print(rec->member[i].ip, ip),
		       nb_addr_print(rec->member[i].owner, owner));
	}
	printf("]}");
}

static inline void text_start(const struct wrepl_msg *msg)
{
	printf(", \"sender\": %u, \"versions\": [%u, %u]", msg->sender,
	       msg->major, msg->minor);
}

/* What all of its kind have; not closed, for tables and records follow. */
static inline void text_message(const struct wrepl_msg *msg)
{
	printf("{\"opcode\": %u, \"context\": %u, \"type\": %u", msg->opcode,
	       msg->context, msg->type);
	switch (msg->type) {
	case WREPL_START:
	case WREPL_START_REPLY:
		text_start(msg);
		break;
	case WREPL_STOP:
		printf(", \"reason\": %u", msg->reason);
		break;
	default:
		printf(", \"command\": %u", msg->command);
		break;
	}
	if (msg->type == WREPL_REPLICATION &&
	    msg->command == WREPL_SEND_REQUEST) {
		printf(", \"request\": ");
		text_owner(&msg->request);
	}
}

static inline void text_table(const struct wrepl_owner *owner, uint32_t owners,
			      uint32_t initiator)
{
	char text[NB_ADDR_TEXT];

	printf(", \"initiator\": \"%s\", \"owners\": [",
	       nb_addr_print(initiator, text));
	for (uint32_t i = 0; i < owners; i++) {
		printf("%s", i > 0 ? ", " : "");
		text_owner(&owner[i]);
	}
	printf("]");
}

static inline bool text_has_table(const struct wrepl_msg *msg)
{
	return msg->type == WREPL_REPLICATION &&
	       msg->command != WREPL_TABLE_QUERY &&
	       msg->command != WREPL_SEND_REQUEST &&
	       msg->command != WREPL_SEND_REPLY;
}

#endif
