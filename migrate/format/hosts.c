/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hosts: what every system reads before it asks anybody (hosts(5)): address,
 * full name, short name. Without a domain there is only the short one.
 */
#include "migrate/format/dns.h"
#include "migrate/formats.h"

static void print(FILE *file, const struct dns_list *list)
{
	char ip[NB_ADDR_TEXT];

	(void)fprintf(file, "# %u names of a WINS database\n",
		      (unsigned int)list->count);
	for (uint32_t i = 0; i < list->count; i++) {
		const struct dns_entry *entry = &list->entry[i];

		(void)fprintf(file, "%s\t", nb_addr_print(entry->ip, ip));
		if (list->domain[0] != '\0') {
			(void)fprintf(file, "%s.%s ", entry->name,
				      list->domain);
		}
		(void)fprintf(file, "%s\n", entry->name);
	}
}

static const struct dns_writer writer = {
	.print = print,
};

static int open_hosts(TALLOC_CTX *mem_ctx, const struct format_end *end,
	        bool writing, void **priv, char **message)
{
	(void)writing;
	return dns_open(mem_ctx, end, &writer, priv, message);
}

const struct format_ops format_hosts = {
	.name = "hosts",
	.title = "hosts file",
	.flags = FORMAT_WRITES,
	.loss = DNS_LOSS,
	.open = open_hosts,
	.put = dns_put,
	.close = dns_close,
};
