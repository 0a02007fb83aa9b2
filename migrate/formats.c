/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of formats. Order: in which `winsmigrate formats` lists them, and
 * which of two equally sure ones wins.
 */
#include "migrate/format.h"

#include <string.h>

#include "migrate/formats.h"

const struct format_ops *const formats[] = {
	&format_winsd,
	&format_csv,
	&format_sqlite,
	&format_winsdat,
	&format_ldb,
	&format_ldif,
	&format_server,
	&format_hosts, &format_dnsmasq, &format_bind,
	&format_nsupdate, &format_powershell, &format_dnscmd,
	&format_wrepl,
	&format_winsdmp, &format_mmc, &format_netsh, &format_netsh_list,
	&format_netsh_dump, &format_netsh_add, &format_registry,
	&format_lmhosts, &format_config,
	&format_mdb,
	NULL
};

const struct format_ops *format_find(const char *name)
{
	for (unsigned int i = 0; formats[i] != NULL; i++) {
		if (strcmp(formats[i]->name, name) == 0) {
			return formats[i];
		}
	}
	return NULL;
}

const struct format_ops *format_probe(const struct format_head *head)
{
	const struct format_ops *best = NULL;
	int sure = 0;

	for (unsigned int i = 0; formats[i] != NULL; i++) {
		int is = formats[i]->probe != NULL &&
			 (formats[i]->flags & FORMAT_READS) != 0 ?
				 formats[i]->probe(head) : 0;

		if (is > sure) {
			best = formats[i];
			sure = is;
		}
	}
	return best;
}
