/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line for each format, in migrate/format/; their order is formats.c's. */
#ifndef WINSMIGRATE_FORMATS_H
#define WINSMIGRATE_FORMATS_H

#include "migrate/format.h"

extern const struct format_ops format_winsd;
extern const struct format_ops format_csv;
extern const struct format_ops format_sqlite;
extern const struct format_ops format_winsdat;
extern const struct format_ops format_ldb;
extern const struct format_ops format_ldif;
extern const struct format_ops format_server;
/* what people leave for */
extern const struct format_ops format_hosts, format_dnsmasq, format_bind,
	format_nsupdate, format_powershell, format_dnscmd;
extern const struct format_ops format_wrepl;
/* text that Windows leaves */
extern const struct format_ops format_winsdmp, format_mmc, format_netsh,
	format_netsh_list, format_netsh_dump, format_netsh_add, format_registry,
	format_lmhosts, format_config;
extern const struct format_ops format_mdb;	/* see ese/child.h */

#endif
