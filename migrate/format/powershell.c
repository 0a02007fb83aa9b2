/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * powershell: a script for the DNS servers of Windows since 2012: A records,
 * then their aliases in GlobalNames, the zone that stands in for WINS' single
 * names (only aliases of full names go there). The sections are apart, so that
 * one can be left out.
 *
 * The cmdlets add a second address to a name that has one, so each line asks
 * first: that is our prerequisite. All words stand in single quotes, where
 * nothing means anything but the quote itself, and none has one.
 */
#include "migrate/format/dns.h"
#include "migrate/formats.h"

static void print_head(FILE *file, const struct dns_list *list)
{
	(void)fprintf(file, "# %u names of a WINS database\r\n",
		      (unsigned int)list->count);
	if (list->server[0] != '\0') {
		(void)fprintf(file, "$server = @{ ComputerName = '%s' }\r\n",
			      list->server);
	} else {
		(void)fprintf(file, "$server = @{}\r\n");
	}
	(void)fprintf(file, "$ttl = New-TimeSpan -Seconds %u\r\n"
		      "function Test-Free([string]$Zone, [string]$Name) {\r\n"
		      "\t$there = Get-DnsServerResourceRecord @server "
		      "-ZoneName $Zone -Name $Name -Node "
		      "-ErrorAction SilentlyContinue\r\n"
		      "\tif ($there) { Write-Warning \"$Name is in $Zone "
		      "already\" }\r\n"
		      "\t-not $there\r\n"
		      "}\r\n", (unsigned int)list->ttl);
}

/* The line up to what the record holds. kind: "A", "Ptr", "CName". */
static void print_add(FILE *file, const char *kind, const char *zone,
		      const char *name)
{
	(void)fprintf(file, "if (Test-Free '%s' '%s') { "
		      "Add-DnsServerResourceRecord%s @server "
		      "-ZoneName '%s' -Name '%s' -TimeToLive $ttl ",
		      zone, name, kind, zone, name);
}

static void print_pointers(FILE *file, const struct dns_list *list)
{
	char ip[NB_ADDR_TEXT];

	(void)fprintf(file, "# ---- PTR records ----\r\n");
	for (uint32_t i = 0; i < list->count; i++) {
		const struct dns_entry *entry = &list->entry[i];

		if (entry->pointer) {
			print_add(file, "Ptr", list->reverse.zone,
				  dns_reverse_print(&list->reverse, entry->ip,
						    ip));
			(void)fprintf(file, "-PtrDomainName '%s.%s.' }\r\n",
				      entry->name, list->domain);
		}
	}
}

static void print(FILE *file, const struct dns_list *list)
{
	char ip[NB_ADDR_TEXT];

	print_head(file, list);
	(void)fprintf(file, "# ---- A records ----\r\n");
	for (uint32_t i = 0; i < list->count; i++) {
		print_add(file, "A", list->domain, list->entry[i].name);
		(void)fprintf(file, "-IPv4Address '%s' }\r\n",
			      nb_addr_print(list->entry[i].ip, ip));
	}
	if (list->has_reverse) {
		print_pointers(file, list);
	}
	(void)fprintf(file, "# ---- GlobalNames; once before, on each "
		      "server:\r\n"
		      "# Set-DnsServerGlobalNameZone -Enable $true\r\n"
		      "# Add-DnsServerPrimaryZone -Name GlobalNames "
		      "-ReplicationScope Forest\r\n");
	for (uint32_t i = 0; i < list->count; i++) {
		print_add(file, "CName", "GlobalNames", list->entry[i].name);
		(void)fprintf(file, "-HostNameAlias '%s.%s.' }\r\n",
			      list->entry[i].name, list->domain);
	}
}

static const struct dns_writer writer = {
	.flags = DNS_NEEDS_DOMAIN | DNS_POINTERS,
	.print = print,
};

static int open_powershell(TALLOC_CTX *mem_ctx, const struct format_end *end,
	             bool writing, void **priv, char **message)
{
	(void)writing;
	return dns_open(mem_ctx, end, &writer, priv, message);
}

const struct format_ops format_powershell = {
	.name = "powershell",
	.title = "PowerShell script, A records and GlobalNames",
	.flags = FORMAT_WRITES,
	.loss = DNS_LOSS,
	.open = open_powershell,
	.put = dns_put,
	.close = dns_close,
};
