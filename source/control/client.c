/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client list, client missing: who still asks this server, and for what in
 * vain (`wins:usage`, serve/usage.h).
 *
 * Both are lists in slices, in the order of the tables, which is none. Nothing
 * is held between slices; a client that stays is told once. In front of the
 * first slice stands since when is counted and how many had to be forgotten:
 * without these two a list means little.
 */
#include "control/call.h"
#include "core/name.h"

#define PLACES 8192u	/* of a table in one slice: 512 KiB of memory */

struct usage *client_usage(struct call *call)
{
	struct usage *usage = serve_usage(call->context->serve);

	if (usage == NULL) {
		call_refuse(call, CONTROL_REFUSED, "`wins:usage` is off: "
			    "nobody counts who asks for what");
	}
	return usage;
}

struct list {
	struct call *call;
	bool negative;		/* only who asked in vain */
	bool dns;		/* only what looks like a DNS server */
};

static bool wanted(const struct list *list, const struct usage_client *client)
{
	return (!list->negative || client->negative > 0) &&
	       (!list->dns || usage_client_is_dns(client));
}

static bool take_client(void *arg, const struct usage_client *client)
{
	const struct list *list = arg;
	struct call *call = list->call;

	if (!wanted(list, client)) {
		return true;
	}
	if (!call_row_fits(call)) {
		return false;
	}
	call_put_host(call, "client", client->ip);
	call_put_host(call, "asks", client->local);
	call_put_count(call, "registered", client->registered);
	call_put_count(call, "refreshed", client->refreshed);
	call_put_count(call, "found", client->found);
	call_put_count(call, "negative", client->negative);
	call_put_count(call, "names", usage_client_names(client));
	call_put_wall(call, "first_seen", client->first);
	call_put_wall(call, "last_seen", client->last);
	call_put_truth(call, "dns_server", usage_client_is_dns(client));
	return true;
}

static void put_front(struct call *call, const struct usage *usage,
		      uint64_t forgotten)
{
	call_status(call, CONTROL_OK, NULL);
	call_put_wall(call, "counted_since", usage_since(usage));
	call_put_count(call, "forgotten", forgotten);
}

void client_list(struct call *call)
{
	struct list list = {
		.call = call,
		.negative = call_has_flag(call, CONTROL_NEGATIVE),
		.dns = call_has_flag(call, CONTROL_DNS),
	};
	struct usage *usage = NULL;
	uint64_t cursor = 0;

	if (!call_resume(call, &cursor)) {
		return;
	}
	usage = client_usage(call);
	if (usage == NULL) {
		return;
	}
	if (usage_mode(usage) != USAGE_OF_CLIENTS) {
		call_refuse(call, CONTROL_REFUSED, "`wins:usage` is %s: clients "
			    "are not remembered",
			    usage_mode_name(usage_mode(usage)));
		return;
	}
	put_front(call, usage, usage_clients_forgotten(usage));
	if (usage_walk_clients(usage, &cursor, PLACES, take_client, &list)) {
		call_more(call, cursor);
	}
	call_done(call);
}

static bool take_missing(void *arg, const struct usage_missing *missing)
{
	struct call *call = arg;
	struct nb_name name;
	char text[NB_NAME_TEXT];

	if (!call_row_fits(call)) {
		return false;
	}
	usage_missing_name(missing, &name);
	call_put_text(call, "name", nb_name_print(&name, text));
	call_put_count(call, "asked", missing->count);
	call_put_wall(call, "first_asked", missing->first);
	call_put_wall(call, "last_asked", missing->last);
	if (missing->client != 0) {
		call_put_host(call, "last_client", missing->client);
	} else {
		call_put_nothing(call, "last_client");
	}
	return true;
}

void client_missing(struct call *call)
{
	struct usage *usage = NULL;
	uint64_t cursor = 0;

	if (!call_resume(call, &cursor)) {
		return;
	}
	usage = client_usage(call);
	if (usage == NULL) {
		return;
	}
	put_front(call, usage, usage_missing_forgotten(usage));
	if (usage_walk_missing(usage, &cursor, PLACES, take_missing, call)) {
		call_more(call, cursor);
	}
	call_done(call);
}
