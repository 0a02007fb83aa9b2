/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A report as one JSON object on one line:
 *
 * name, suffix, scope, request, result (ok, not found, refused, failed,
 * unreachable); with an answer also server, port, rcode, ttl, tries, wacks,
 * addresses [{ip, group, node}] and, of a node status, names [{name, suffix,
 * group, node, active, permanent, conflict, releasing}] and hardware. Without
 * an answer: error.
 *
 * Names are bytes: each byte from 0x80 on becomes the character of that
 * number, so that every name can be read back.
 */
#include "report_private.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static json_t *json_bytes(const uint8_t *byte, size_t len)
{
	char text[2 * NB_SCOPE_MAX];
	size_t out = 0, i = 0;

	for (i = 0; i < len; i++) {
		if (byte[i] >= 0x80) {
			text[out++] = (char)(0xc0 | byte[i] >> 6);
			text[out++] = (char)(0x80 | (byte[i] & 0x3f));
		} else {
			text[out++] = (char)byte[i];
		}
	}
	return json_stringn(text, out);
}

static json_t *json_node(uint16_t nb_flags)
{
	return json_string(nb_node_name((nb_flags & NB_FLAG_NODE_MASK) >>
					NB_FLAG_NODE_SHIFT));
}

static json_t *json_flag(uint16_t nb_flags, uint16_t flag)
{
	return json_boolean((nb_flags & flag) != 0);
}

static json_t *json_addresses(const struct nbns_answer *answer)
{
	json_t *list = json_array();
	unsigned int i = 0;

	for (i = 0; i < answer->count; i++) {
		const struct nbns_address *address = &answer->address[i];
		json_t *entry = json_object();
		char text[NB_ADDR_TEXT];

		nb_addr_print(address->addr, text);
		json_object_set_new(entry, "ip", json_string(text));
		json_object_set_new(entry, "group",
				    json_flag(address->nb_flags,
					      NB_FLAG_GROUP));
		json_object_set_new(entry, "node",
				    json_node(address->nb_flags));
		json_array_append_new(list, entry);
	}
	return list;
}

static json_t *json_names(const struct nbns_answer *answer)
{
	json_t *list = json_array();
	unsigned int i = 0;

	for (i = 0; i < answer->names_count; i++) {
		const struct nb_status_name *status = &answer->names[i];
		const struct nb_name *name = &status->name;
		uint16_t flags = status->nb_flags;
		json_t *entry = json_object();

		json_object_set_new(entry, "name",
				    json_bytes(name->byte, name->len));
		json_object_set_new(entry, "suffix", json_integer(name->type));
		json_object_set_new(entry, "group",
				    json_flag(flags, NB_FLAG_GROUP));
		json_object_set_new(entry, "node", json_node(flags));
		json_object_set_new(entry, "active",
				    json_flag(flags, NB_FLAG_ACT));
		json_object_set_new(entry, "permanent",
				    json_flag(flags, NB_FLAG_PRM));
		json_object_set_new(entry, "conflict",
				    json_flag(flags, NB_FLAG_CNF));
		json_object_set_new(entry, "releasing",
				    json_flag(flags, NB_FLAG_DRG));
		json_array_append_new(list, entry);
	}
	return list;
}

static void json_answer(json_t *object, const struct report *report)
{
	const struct attempt_result *result = report->result;
	const struct nbns_answer *answer = &result->answer;
	const struct server *server =
		&report->settings->server[result->server];
	char text[NB_ADDR_TEXT], mac[18];
	const uint8_t *id = answer->unit_id;

	nb_addr_print(server->addr, text);
	json_object_set_new(object, "server", json_string(text));
	json_object_set_new(object, "port", json_integer(server->port));
	json_object_set_new(object, "rcode", json_integer(answer->rcode));
	json_object_set_new(object, "ttl", json_integer(answer->ttl));
	json_object_set_new(object, "tries", json_integer(answer->tries));
	json_object_set_new(object, "wacks", json_integer(answer->wacks));
	json_object_set_new(object, "addresses", json_addresses(answer));
	if (report->kind != NBNS_STATUS) {
		return;
	}
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x",
		 id[0], id[1], id[2], id[3], id[4], id[5]);
	json_object_set_new(object, "hardware", json_string(mac));
	json_object_set_new(object, "names", json_names(answer));
}

static const char *result_word(int exit)
{
	switch (exit) {
	case WR_OK:
		return "ok";
	case WR_NOT_FOUND:
		return "not found";
	case WR_REFUSED:
		return "refused";
	case WR_UNREACHABLE:
		return "unreachable";
	default:
		return "failed";
	}
}

void report_json(const struct report *report)
{
	const struct nb_name *name = &report->target->name;
	json_t *object = json_object();

	json_object_set_new(object, "name", json_bytes(name->byte, name->len));
	json_object_set_new(object, "suffix", json_integer(name->type));
	json_object_set_new(object, "scope",
			    json_bytes(name->scope, name->scope_len));
	json_object_set_new(object, "request",
			    json_string(report_verb(report->kind)));
	json_object_set_new(object, "result",
			    json_string(result_word(report_exit(report))));
	if (report_answered(report)) {
		json_answer(object, report);
	} else {
		json_object_set_new(object, "error", json_string(
			report->err != 0 ? strerror(report->err) :
			"no server answered"));
	}
	json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(object);
}
