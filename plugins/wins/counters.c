/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The counters of door, sockets and replication, for `winsctl server stats`:
 * one list by index, made of the received kinds, the refused errors, the
 * sockets' own and those of repl. The counters of serve and store are read by
 * control itself.
 */
#include <stdio.h>

#include "wire.h"

struct counter {
	const char *name;
	uint64_t value;
};

#define COUNT(row)	(sizeof(row) / sizeof((row)[0]))

/* The row of that index; else count it off. */
static bool pick(const struct counter *row, size_t rows, unsigned int *index,
		 const char **name, uint64_t *value)
{
	if (*index >= rows) {
		*index -= (unsigned int)rows;
		return false;
	}
	*name = row[*index].name;
	*value = row[*index].value;
	return true;
}

static bool udp_counter(const struct udp137_stats *stats, unsigned int *index,
			const char **name, uint64_t *value)
{
	const struct counter row[] = {
		{ "udp turns", stats->turns },
		{ "udp received", stats->received },
		{ "udp own broadcasts", stats->own },
		{ "udp receive errors", stats->recv_errors },
		{ "udp sent", stats->sent },
		{ "udp send dropped", stats->send_dropped },
		{ "udp send errors", stats->send_errors },
	};

	return pick(row, COUNT(row), index, name, value);
}

static bool tcp_counter(const struct tcp42_stats *stats, unsigned int *index,
			const char **name, uint64_t *value)
{
	const struct counter row[] = {
		{ "tcp accepted", stats->accepted },
		{ "tcp unwanted", stats->unwanted },
		{ "tcp too many", stats->too_many },
		{ "tcp accept errors", stats->accept_errors },
		{ "tcp connected", stats->connected },
		{ "tcp connect errors", stats->connect_errors },
		{ "tcp broken", stats->broken },
		{ "tcp stalled", stats->stalled },
		{ "tcp bytes received", stats->received },
		{ "tcp bytes sent", stats->sent },
		{ "tcp open", stats->open },
	};

	return pick(row, COUNT(row), index, name, value);
}

static bool discovery_counter(const struct discovery_stats *stats,
			      unsigned int *index, const char **name,
			      uint64_t *value)
{
	const struct counter row[] = {
		{ "discovery announced", stats->announced },
		{ "discovery sent", stats->sent },
		{ "discovery send errors", stats->send_errors },
		{ "discovery heard", stats->heard },
		{ "discovery bad", stats->bad },
		{ "discovery flooded", stats->flooded },
		{ "discovery forgotten", stats->forgotten },
	};

	return pick(row, COUNT(row), index, name, value);
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
	return udp_counter(udp137_stats(server->udp), &index, name, value) ||
	       tcp_counter(tcp42_stats(server->tcp), &index, name, value) ||
	       discovery_counter(discovery_stats(server->discovery), &index,
				 name, value) ||
	       repl_stat_at(server->repl, index, name, value);
}
