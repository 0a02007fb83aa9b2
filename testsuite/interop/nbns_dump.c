/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What our codec reads: hex of a datagram on each line of stdin, one JSON
 * object on each line of stdout. Names and scopes are printed as hex of their
 * bytes, so that no reading of ours stands between codec and comparison.
 * For captured_tshark.py and packets_ndrdump.py.
 */

#include <stdio.h>
#include <string.h>

#include "codec/nbns.h"
#include "sim/golden.h"

static void print_bytes(const char *key, const uint8_t *byte, size_t len)
{
	printf(", \"%s\": \"", key);
	for (size_t i = 0; i < len; i++) {
		printf("%02x", byte[i]);
	}
	printf("\"");
}

static void print_addresses(const struct nbns_msg *msg)
{
	char text[NB_ADDR_TEXT];
	const char *comma = "";

	printf(", \"addrs\": [");
	for (unsigned int i = 0; i < msg->count; i++) {
		printf("%s\"%s\"", comma, nb_addr_print(msg->addrs[i], text));
		comma = ", ";
	}
	printf("]");
}

static void print_names(const struct nbns_msg *msg)
{
	struct nb_status_name entry;
	const char *comma = "";

	printf(", \"names\": [");
	for (unsigned int i = 0; nbns_status_entry(msg, i, &entry); i++) {
		printf("%s{\"flags\": %u, \"suffix\": %u", comma,
		       entry.nb_flags, entry.name.type);
		print_bytes("name", entry.name.byte, entry.name.len);
		printf("}");
		comma = ", ";
	}
	printf("]");
}

static void print_msg(const struct nbns_msg *msg)
{
	char text[NB_ADDR_TEXT];

	printf(", \"kind\": \"%s\", \"id\": %u, \"operation\": %u",
	       nbns_kind_name(msg->kind), msg->trn_id, msg->operation);
	print_bytes("label", msg->label, msg->label_len);
	print_bytes("name", msg->name.byte, msg->name.len);
	printf(", \"suffix\": %u", msg->name.type);
	print_bytes("scope", msg->name.scope, msg->name.scope_len);
	if (msg->rdata != NULL) {
		printf(", \"ttl\": %u, \"rdlength\": %u", msg->ttl,
		       msg->rdlength);
		printf(", \"nb_flags\": %u, \"addr\": \"%s\"", msg->nb_flags,
		       nb_addr_print(msg->addr, text));
	}
	if (msg->kind == NBNS_QUERY_REPLY) {
		print_addresses(msg);
	}
	if (msg->kind == NBNS_STATUS_REPLY) {
		print_names(msg);
	}
}

int main(void)
{
	char line[8192];
	uint8_t data[4096];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		size_t len = golden_hex(line, data, sizeof(data));
		struct nbns_msg msg;
		enum nbns_error error = nbns_decode(data, len, &msg);

		printf("{\"error\": \"%s\"", nbns_error_name(error));
		if (error == NBNS_OK) {
			print_msg(&msg);
		}
		printf("}\n");
	}
	return 0;
}
