/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text of the results; report_json.c has the objects. The table of refusals
 * is the one place that knows what an RCODE means to a user and to a script.
 */
#include "winsregister/report_private.h"

#include <stdio.h>
#include <string.h>

#include "winsregister/server.h"

static const struct refusal refusals[16] = {
	[NB_RCODE_FMT] = { TOOL_FAILED,
		"it could not read the request" },
	[NB_RCODE_SRV] = { TOOL_FAILED,
		"it has trouble with its database, or the scope is longer "
		"than 237 bytes; its log says which" },
	[NB_RCODE_NAM] = { TOOL_NOT_FOUND,
		"it does not know the name" },
	[NB_RCODE_IMP] = { TOOL_FAILED,
		"it does not do this; perhaps it is no WINS server" },
	[NB_RCODE_RFS] = { TOOL_REFUSED,
		"it does not take this name: blocked by its policy, or type "
		"and kind do not fit (1B is never a group, 1C and 1E always)" },
	[NB_RCODE_ACT] = { TOOL_REFUSED,
		"the name is in use: another host holds and defends it, or a "
		"static or group record stands there; --query shows its "
		"address" },
	[NB_RCODE_CFT] = { TOOL_REFUSED,
		"the name is in conflict: more than one host claims it" },
};

const struct refusal *refusal_of(uint8_t rcode)
{
	static const struct refusal unknown = {
		TOOL_FAILED, "no specification knows this code"
	};
	const struct refusal *refusal = &refusals[rcode & 15];

	return refusal->meaning != NULL ? refusal : &unknown;
}

bool report_answered(const struct report *report)
{
	return report->err == 0 &&
	       report->result->server < report->task->servers;
}

int report_exit(const struct report *report)
{
	if (report->err != 0) {
		return TOOL_FAILED;
	}
	if (!report_answered(report)) {
		return TOOL_UNREACHABLE;
	}
	if (report->result->answer.kind == NBNS_NEGATIVE_REPLY &&
	    report->result->answer.rcode == 0) {
		return TOOL_NOT_FOUND;	/* a type of NULL says it too */
	}
	if (report->result->answer.rcode != 0) {
		return refusal_of(report->result->answer.rcode)->exit;
	}
	return TOOL_OK;
}

const char *report_verb(enum nbns_kind kind)
{
	switch (kind) {
	case NBNS_QUERY:
		return "query";
	case NBNS_STATUS:
		return "node-status";
	case NBNS_RELEASE:
		return "release";
	case NBNS_REFRESH:
		return "refresh";
	default:
		return "register";
	}
}

/* ---- those that did not answer */

static void tell_silence(const struct report *report)
{
	const struct task *t = report->task;
	char text[SERVER_TEXT];
	unsigned int i = 0;

	for (i = 0; i < report->result->server && i < t->servers; i++) {
		int err = report->result->silence[i];

		if (err == 0) {
			continue;
		}
		server_print(&t->server[i], text);
		if (err == ETIMEDOUT) {
			tool_say("%s did not answer %u request%s of %u ms",
				 text, t->patience.tries,
				 t->patience.tries == 1 ? "" : "s",
				 t->patience.try_msec);
		} else {
			tool_say("%s: %s", text, strerror(err));
		}
	}
}

/* ---- answers */

static void tell_addresses(const struct nbns_answer *answer)
{
	char text[NB_ADDR_TEXT];
	unsigned int i = 0;

	for (i = 0; i < answer->count; i++) {
		printf("%s%s", i == 0 ? "" : ", ",
		       nb_addr_print(answer->address[i].addr, text));
	}
}

static void tell_query(const char *name, const char *server,
		       const struct nbns_answer *answer)
{
	bool group = answer->count > 0 &&
		     (answer->address[0].nb_flags & NB_FLAG_GROUP) != 0;

	printf("%s %s at %s to ", name,
	       group ? "is a group and resolves" : "resolves", server);
	tell_addresses(answer);
	putchar('\n');
}

static void tell_change(const struct report *report, const char *name,
			const char *server)
{
	const struct nbns_answer *answer = &report->result->answer;
	const char *verb = report->kind == NBNS_REFRESH ? "refreshed" :
			   report->kind == NBNS_RELEASE ? "released" :
			   "registered";
	char text[NB_ADDR_TEXT];

	printf("%s %s at %s with %s", name, verb, server,
	       nb_addr_print(report->result->addr, text));
	if (report->kind != NBNS_RELEASE) {
		printf(", TTL %u s", answer->ttl);
	}
	putchar('\n');
}

static void tell_status(const char *server, const struct nbns_answer *answer)
{
	const uint8_t *mac = answer->unit_id;
	char name[NB_NAME_TEXT];
	unsigned int i = 0;

	for (i = 0; i < answer->names_count; i++) {
		uint16_t flags = answer->names[i].nb_flags;
		enum nb_node node = (flags & NB_FLAG_NODE_MASK) >>
				    NB_FLAG_NODE_SHIFT;

		printf("%-20s at %s: %s, %s node%s%s%s%s\n",
		       nb_name_print(&answer->names[i].name, name), server,
		       (flags & NB_FLAG_GROUP) ? "group" : "unique",
		       nb_node_name(node),
		       (flags & NB_FLAG_ACT) ? ", active" : "",
		       (flags & NB_FLAG_PRM) ? ", permanent" : "",
		       (flags & NB_FLAG_CNF) ? ", in conflict" : "",
		       (flags & NB_FLAG_DRG) ? ", being released" : "");
	}
	printf("hardware address %02X-%02X-%02X-%02X-%02X-%02X\n",
	       mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void tell_refusal(const struct report *report, const char *name,
			 const char *server, int exit)
{
	uint8_t rcode = report->result->answer.rcode;
	const struct refusal *refusal = refusal_of(rcode);

	if (exit == TOOL_NOT_FOUND) {
		tool_say("%s is not known at %s", name, server);
		return;
	}
	tool_say("%s: %s refused the %s with code %u, %s: %s", name, server,
		 report_verb(report->kind), rcode, nb_rcode_name(rcode),
		 refusal->meaning);
}

static void tell_answer(const struct report *report, int exit)
{
	const struct attempt_result *result = report->result;
	char server[SERVER_TEXT], name[NB_NAME_TEXT];

	server_print(&report->task->server[result->server], server);
	nb_name_print(&report->target->name, name);
	if (exit != TOOL_OK) {
		tell_refusal(report, name, server, exit);
	} else if (report->kind == NBNS_QUERY) {
		tell_query(name, server, &result->answer);
	} else if (report->kind == NBNS_STATUS) {
		tell_status(server, &result->answer);
	} else {
		tell_change(report, name, server);
	}
}

int report_tell(const struct report *report)
{
	int exit = report_exit(report);
	char name[NB_NAME_TEXT];

	tell_silence(report);
	if (report->err != 0) {
		tool_say("%s: %s", nb_name_print(&report->target->name, name),
			 report->err == EINVAL ?
			 "its scope cannot be said in a packet" :
			 strerror(report->err));
	}
	if (report->task->json) {
		report_json(report);
	} else if (report_answered(report)) {
		tell_answer(report, exit);
	}
	fflush(stdout);
	return exit;
}
