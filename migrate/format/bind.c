/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bind: a zone's file (RFC 1035 5.1), whole, so that a server loads it as it
 * is: SOA, NS, and an A record for each name. With --reverse it is that zone's
 * instead, of PTR records: two zones do not go into one file.
 *
 * --server is the zone's name server. Without it the zone says "localhost.",
 * as empty zones do: a server of its own loads it, and nobody is sent anywhere
 * else. The timers are those of RFC 1912 2.2, the last one is the zone's TTL.
 */
#include "migrate/format/dns.h"
#include "migrate/formats.h"

static unsigned int count_records(const struct dns_list *list)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		count += !list->has_reverse || list->entry[i].pointer;
	}
	return count;
}

static void print_head(FILE *file, const struct dns_list *list)
{
	const char *server = list->server[0] != '\0' ? list->server :
						       "localhost";

	(void)fprintf(file, "; %u names of a WINS database\n"
		      "$ORIGIN %s.\n"
		      "$TTL %u\n"
		      "@\tIN\tSOA\t%s. hostmaster.%s. %u 3600 600 1209600 %u\n"
		      "@\tIN\tNS\t%s.\n",
		      count_records(list),
		      list->has_reverse ? list->reverse.zone : list->domain,
		      (unsigned int)list->ttl, server, list->domain,
		      (unsigned int)list->serial, (unsigned int)list->ttl,
		      server);
}

static void print(FILE *file, const struct dns_list *list)
{
	char ip[NB_ADDR_TEXT];

	print_head(file, list);
	for (uint32_t i = 0; i < list->count; i++) {
		const struct dns_entry *entry = &list->entry[i];

		if (!list->has_reverse) {
			(void)fprintf(file, "%s\tIN\tA\t%s\n", entry->name,
				      nb_addr_print(entry->ip, ip));
		} else if (entry->pointer) {
			(void)fprintf(file, "%s\tIN\tPTR\t%s.%s.\n",
				      dns_reverse_print(&list->reverse,
							entry->ip, ip),
				      entry->name, list->domain);
		}
	}
}

static const struct dns_writer writer = {
	.flags = DNS_NEEDS_DOMAIN | DNS_REVERSE_ALONE | DNS_SERVER_NAME,
	.print = print,
};

static int open_bind(TALLOC_CTX *mem_ctx, const struct format_end *end,
	       bool writing, void **priv, char **message)
{
	(void)writing;
	return dns_open(mem_ctx, end, &writer, priv, message);
}

const struct format_ops format_bind = {
	.name = "bind",
	.title = "DNS zone file (BIND and others)",
	.flags = FORMAT_WRITES,
	.loss = DNS_LOSS,
	.open = open_bind,
	.put = dns_put,
	.close = dns_close,
};
