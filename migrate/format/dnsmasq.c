/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dnsmasq: a host-record for each name, which makes A and PTR at once
 * (dnsmasq(8)): full name, short name, address, seconds.
 *
 * A word of nothing but digits is taken for the seconds there, so a short name
 * of digits is left out; without a domain nothing would be left of it.
 */
#include <string.h>

#include "migrate/format/dns.h"
#include "migrate/formats.h"

static bool is_number(const char *name)
{
	return name[strspn(name, "0123456789")] == '\0';
}

static const char *refuse(const struct dns_list *list, const char *name)
{
	return list->domain[0] == '\0' && is_number(name) ?
		       "dnsmasq takes a name of digits for a time" : NULL;
}

static void print(FILE *file, const struct dns_list *list)
{
	char ip[NB_ADDR_TEXT];

	(void)fprintf(file, "# %u names of a WINS database\n",
		      (unsigned int)list->count);
	for (uint32_t i = 0; i < list->count; i++) {
		const struct dns_entry *entry = &list->entry[i];

		(void)fprintf(file, "host-record=");
		if (list->domain[0] != '\0') {
			(void)fprintf(file, "%s.%s,", entry->name,
				      list->domain);
		}
		if (!is_number(entry->name)) {
			(void)fprintf(file, "%s,", entry->name);
		}
		(void)fprintf(file, "%s,%u\n", nb_addr_print(entry->ip, ip),
			      (unsigned int)list->ttl);
	}
}

static const struct dns_writer writer = {
	.refuse = refuse,
	.print = print,
};

static int open_dnsmasq(TALLOC_CTX *mem_ctx, const struct format_end *end,
	          bool writing, void **priv, char **message)
{
	(void)writing;
	return dns_open(mem_ctx, end, &writer, priv, message);
}

const struct format_ops format_dnsmasq = {
	.name = "dnsmasq",
	.title = "dnsmasq configuration, host-record lines",
	.flags = FORMAT_WRITES,
	.loss = DNS_LOSS,
	.open = open_dnsmasq,
	.put = dns_put,
	.close = dns_close,
};
