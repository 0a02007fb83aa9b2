/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nsupdate: a script of dynamic updates (RFC 2136), one message for each name.
 *
 * Each message carries its prerequisites: no A record of the name, no CNAME
 * (a server would drop our record beside one without a word), no PTR record of
 * the address. A name that somebody has meanwhile is held off by the server
 * itself, says so, and the others go on; a second run adds nothing.
 *
 * Rejected: one message for all. The first name that is taken would hold off
 * every other.
 */
#include "migrate/format/dns.h"
#include "migrate/formats.h"

static void print_names(FILE *file, const struct dns_list *list)
{
	char ip[NB_ADDR_TEXT];

	(void)fprintf(file, "zone %s.\n", list->domain);
	for (uint32_t i = 0; i < list->count; i++) {
		const struct dns_entry *entry = &list->entry[i];

		(void)fprintf(file, "prereq nxrrset %s.%s. IN A\n"
			      "prereq nxrrset %s.%s. IN CNAME\n"
			      "update add %s.%s. %u IN A %s\n"
			      "send\n",
			      entry->name, list->domain,
			      entry->name, list->domain,
			      entry->name, list->domain,
			      (unsigned int)list->ttl,
			      nb_addr_print(entry->ip, ip));
	}
}

static void print_pointers(FILE *file, const struct dns_list *list)
{
	char ip[NB_ADDR_TEXT];

	(void)fprintf(file, "zone %s.\n", list->reverse.zone);
	for (uint32_t i = 0; i < list->count; i++) {
		const struct dns_entry *entry = &list->entry[i];

		if (!entry->pointer) {
			continue;
		}
		(void)dns_reverse_print(&list->reverse, entry->ip, ip);
		(void)fprintf(file, "prereq nxrrset %s.%s. IN PTR\n"
			      "update add %s.%s. %u IN PTR %s.%s.\n"
			      "send\n",
			      ip, list->reverse.zone, ip, list->reverse.zone,
			      (unsigned int)list->ttl, entry->name,
			      list->domain);
	}
}

static void print(FILE *file, const struct dns_list *list)
{
	(void)fprintf(file, "; %u names of a WINS database\n",
		      (unsigned int)list->count);
	if (list->server[0] != '\0') {
		(void)fprintf(file, "server %s\n", list->server);
	}
	print_names(file, list);
	if (list->has_reverse) {
		print_pointers(file, list);
	}
}

static const struct dns_writer writer = {
	.flags = DNS_NEEDS_DOMAIN | DNS_POINTERS,
	.print = print,
};

static int open_nsupdate(TALLOC_CTX *mem_ctx, const struct format_end *end,
	           bool writing, void **priv, char **message)
{
	(void)writing;
	return dns_open(mem_ctx, end, &writer, priv, message);
}

const struct format_ops format_nsupdate = {
	.name = "nsupdate",
	.title = "nsupdate script with prerequisites",
	.flags = FORMAT_WRITES,
	.loss = DNS_LOSS,
	.open = open_nsupdate,
	.put = dns_put,
	.close = dns_close,
};
