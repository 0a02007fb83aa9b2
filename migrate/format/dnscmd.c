/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dnscmd: a batch file for the DNS servers of Windows up to 2012 R2, and where
 * its tools are still installed. A records first, then their aliases in
 * GlobalNames, the zone that stands in for WINS' single names: only aliases of
 * full names go there. The sections are apart, so that one can be left out.
 *
 * dnscmd has no prerequisites: it adds a second address to a name that has
 * one. So this needs --existing with a transfer of the zone, and says so.
 */
#include "migrate/format/dns.h"
#include "migrate/formats.h"

/* "dnscmd SERVER /RecordAdd ZONE NAME TTL "; "." is this server. */
static void print_add(FILE *file, const struct dns_list *list,
		      const char *zone, const char *name)
{
	(void)fprintf(file, "dnscmd %s /RecordAdd %s %s %u ",
		      list->server[0] != '\0' ? list->server : ".", zone,
		      name, (unsigned int)list->ttl);
}

static void print_pointers(FILE *file, const struct dns_list *list)
{
	char ip[NB_ADDR_TEXT];

	(void)fprintf(file, "rem ---- PTR records ----\r\n");
	for (uint32_t i = 0; i < list->count; i++) {
		const struct dns_entry *entry = &list->entry[i];

		if (entry->pointer) {
			print_add(file, list, list->reverse.zone,
				  dns_reverse_print(&list->reverse, entry->ip,
						    ip));
			(void)fprintf(file, "PTR %s.%s.\r\n", entry->name,
				      list->domain);
		}
	}
}

static void print(FILE *file, const struct dns_list *list)
{
	char ip[NB_ADDR_TEXT];

	(void)fprintf(file, "@echo off\r\n"
		      "rem %u names of a WINS database.\r\n"
		      "rem dnscmd does not look whether a name is taken: make "
		      "this with --existing.\r\n"
		      "rem ---- A records ----\r\n",
		      (unsigned int)list->count);
	for (uint32_t i = 0; i < list->count; i++) {
		print_add(file, list, list->domain, list->entry[i].name);
		(void)fprintf(file, "A %s\r\n",
			      nb_addr_print(list->entry[i].ip, ip));
	}
	if (list->has_reverse) {
		print_pointers(file, list);
	}
	(void)fprintf(file, "rem ---- GlobalNames; once before, on each "
		      "server:\r\n"
		      "rem dnscmd /Config /EnableGlobalNamesSupport 1\r\n"
		      "rem dnscmd /ZoneAdd GlobalNames /DsPrimary /DP "
		      "/Forest\r\n");
	for (uint32_t i = 0; i < list->count; i++) {
		print_add(file, list, "GlobalNames", list->entry[i].name);
		(void)fprintf(file, "CNAME %s.%s.\r\n",
			      list->entry[i].name, list->domain);
	}
}

static const struct dns_writer writer = {
	.flags = DNS_NEEDS_DOMAIN | DNS_POINTERS,
	.print = print,
};

static int open_dnscmd(TALLOC_CTX *mem_ctx, const struct format_end *end,
	         bool writing, void **priv, char **message)
{
	(void)writing;
	return dns_open(mem_ctx, end, &writer, priv, message);
}

const struct format_ops format_dnscmd = {
	.name = "dnscmd",
	.title = "dnscmd batch file, A records and GlobalNames",
	.flags = FORMAT_WRITES,
	.loss = DNS_LOSS,
	.open = open_dnscmd,
	.put = dns_put,
	.close = dns_close,
};
