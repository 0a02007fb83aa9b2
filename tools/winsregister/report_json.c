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
 * How the bytes of names are written says common/json_out.h.
 */
#include "winsregister/report_private.h"

#include <stdio.h>
#include <string.h>

#include "common/json_out.h"

static void put_bytes(struct json_out *j, const char *key,
		      const uint8_t *bytes, size_t len)
{
	json_key(j, key);
	json_bytes(j, bytes, len);
}

static void put_text(struct json_out *j, const char *key, const char *text)
{
	json_key(j, key);
	json_text(j, text);
}

static void put_count(struct json_out *j, const char *key, uint64_t number)
{
	json_key(j, key);
	json_count(j, number);
}

static void put_flag(struct json_out *j, const char *key, uint16_t nb_flags,
		     uint16_t flag)
{
	json_key(j, key);
	json_flag(j, (nb_flags & flag) != 0);
}

static void put_node(struct json_out *j, uint16_t nb_flags)
{
	put_text(j, "node", nb_node_name((nb_flags & NB_FLAG_NODE_MASK) >>
					 NB_FLAG_NODE_SHIFT));
}

static void put_addresses(struct json_out *j, const struct nbns_answer *answer)
{
	json_key(j, "addresses");
	json_begin(j, '[');
	for (unsigned int i = 0; i < answer->count; i++) {
		const struct nbns_address *address = &answer->address[i];

		json_begin(j, '{');
		json_key(j, "ip");
		json_address(j, address->addr);
		put_flag(j, "group", address->nb_flags, NB_FLAG_GROUP);
		put_node(j, address->nb_flags);
		json_end(j, '}');
	}
	json_end(j, ']');
}

static void put_names(struct json_out *j, const struct nbns_answer *answer)
{
	json_key(j, "names");
	json_begin(j, '[');
	for (unsigned int i = 0; i < answer->names_count; i++) {
		const struct nb_name *name = &answer->names[i].name;
		uint16_t flags = answer->names[i].nb_flags;

		json_begin(j, '{');
		put_bytes(j, "name", name->byte, name->len);
		put_count(j, "suffix", name->type);
		put_flag(j, "group", flags, NB_FLAG_GROUP);
		put_node(j, flags);
		put_flag(j, "active", flags, NB_FLAG_ACT);
		put_flag(j, "permanent", flags, NB_FLAG_PRM);
		put_flag(j, "conflict", flags, NB_FLAG_CNF);
		put_flag(j, "releasing", flags, NB_FLAG_DRG);
		json_end(j, '}');
	}
	json_end(j, ']');
}

static void put_answer(struct json_out *j, const struct report *report)
{
	const struct attempt_result *result = report->result;
	const struct nbns_answer *answer = &result->answer;
	const struct server *server = &report->task->server[result->server];
	const uint8_t *id = answer->unit_id;
	char mac[18];

	json_key(j, "server");
	json_address(j, server->addr);
	put_count(j, "port", server->port);
	put_count(j, "rcode", answer->rcode);
	put_count(j, "ttl", answer->ttl);
	put_count(j, "tries", answer->tries);
	put_count(j, "wacks", answer->wacks);
	put_addresses(j, answer);
	if (report->kind != NBNS_STATUS) {
		return;
	}
	(void)snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x",
		       id[0], id[1], id[2], id[3], id[4], id[5]);
	put_text(j, "hardware", mac);
	put_names(j, answer);
}

static const char *result_word(int exit)
{
	switch (exit) {
	case TOOL_OK:
		return "ok";
	case TOOL_NOT_FOUND:
		return "not found";
	case TOOL_REFUSED:
		return "refused";
	case TOOL_UNREACHABLE:
		return "unreachable";
	default:
		return "failed";
	}
}

void report_json(const struct report *report)
{
	const struct nb_name *name = &report->target->name;
	struct json_out j = { .file = stdout };

	json_begin(&j, '{');
	put_bytes(&j, "name", name->byte, name->len);
	put_count(&j, "suffix", name->type);
	put_bytes(&j, "scope", name->scope, name->scope_len);
	put_text(&j, "request", report_verb(report->kind));
	put_text(&j, "result", result_word(report_exit(report)));
	if (report_answered(report)) {
		put_answer(&j, report);
	} else {
		put_text(&j, "error", report->err != 0 ?
			 strerror(report->err) : "no server answered");
	}
	json_end(&j, '}');
	json_newline(&j);
}
