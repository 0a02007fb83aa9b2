/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The counters of door and sockets, for `winsctl server stats`: one list by
 * index, made of the received kinds, the refused errors and the sockets' own.
 * The counters of serve and store are read by control itself.
 */
#include <stdio.h>

#include "wire.h"

static bool socket_counter(const struct udp137_stats *stats,
			   unsigned int index, const char **name,
			   uint64_t *value)
{
	const struct {
		const char *name;
		uint64_t value;
	} row[] = {
		{ "udp turns", stats->turns },
		{ "udp received", stats->received },
		{ "udp own broadcasts", stats->own },
		{ "udp receive errors", stats->recv_errors },
		{ "udp sent", stats->sent },
		{ "udp send dropped", stats->send_dropped },
		{ "udp send errors", stats->send_errors },
	};

	if (index >= sizeof(row) / sizeof(row[0])) {
		return false;
	}
	*name = row[index].name;
	*value = row[index].value;
	return true;
}

bool counters_at(void *priv, unsigned int index, const char **name,
		 uint64_t *value)
{
	struct wins_server *server = talloc_get_type_abort(priv,
							   struct wins_server);

	if (index < NBNS_KINDS) {
		snprintf(server->counter, sizeof(server->counter),
			 "received %s", nbns_kind_name(index));
		*name = server->counter;
		*value = door_received(server->door, index);
		return true;
	}
	index -= NBNS_KINDS;
	if (index + 1 < NBNS_ERRORS) {	/* NBNS_OK is no error */
		snprintf(server->counter, sizeof(server->counter),
			 "refused %s", nbns_error_name(index + 1));
		*name = server->counter;
		*value = door_refused(server->door, index + 1);
		return true;
	}
	index -= NBNS_ERRORS - 1;
	return socket_counter(udp137_stats(server->udp), index, name, value);
}
